//! The check of a public address: does it lead to this server?

use super::read;
use crate::admin::check;
use crate::admin::reach::{self, Reached};
use crate::admin::save::{Note, note};
use crate::http::State;
use crate::http::auth::Owner;
use crate::http::extract::Json;
use crate::http::problem::ApiError;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};

/// Which address is checked.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddressCheck {
    /// `https://t.example.com`, saved or not.
    pub url: String,
}

/// What came of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AddressChecked {
    /// The address in its plain form.
    pub url: String,
    /// What came of it.
    pub result: Reached,
    /// A sentence that says what to do.
    pub message: &'static str,
}

/// Checks whether an address leads to this server, by a request of the server to itself. What was answered is not
/// told.
#[utoipa::path(tag = "settings", responses((status = 200, body = AddressChecked)))]
#[post("/address-check")]
pub async fn check_address(
    state: Data<State>,
    owner: Owner,
    body: Json<AddressCheck>,
) -> Result<HttpResponse, ApiError> {
    let url = check::origin("url", &body.0.url)?;
    state.auth.address_checks.check(owner.0.ip)?;
    let of_check = url.clone();
    let result = read(&state, move |state| {
        Ok(reach::check(&state.auth.reach, &state.delivery, &of_check)?)
    })
    .await?;
    let entry = Note::new("address.check", url.clone()).detail(result.remedy());
    note(&state.recorder, owner.0.actor(), entry).await?;
    Ok(HttpResponse::Ok().json(AddressChecked {
        url,
        result,
        message: result.remedy(),
    }))
}
