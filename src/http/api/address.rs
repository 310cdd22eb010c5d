//! The check of a public address: does it lead to this server?

use super::save::{Note, note};
use super::{check, read};
use crate::http::State;
use crate::http::auth::Owner;
use crate::http::extract::Json;
use crate::http::problem::ApiError;
use crate::http::reach::{self, Reached};
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
    state.auth.address_checks.check(owner.0.caller.ip)?;
    let of_check = url.clone();
    let result = read(&state, move |state| reach::check(state, &of_check)).await?;
    let entry = Note::new("address.check", url.clone()).detail(result.remedy());
    note(&state, &owner.0.actor, &owner.0.from(), entry).await?;
    Ok(HttpResponse::Ok().json(AddressChecked {
        url,
        result,
        message: result.remedy(),
    }))
}
