//! The second factor of one's own account.

use super::account::{own_user, prove_password, replace_logins};
use super::save::{Note, saved_at};
use crate::domain::account::User;
use crate::http::State;
use crate::http::auth::{Viewer, totp};
use crate::http::extract::Json;
use crate::http::problem::ApiError;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, post, put};
use serde::{Deserialize, Serialize};

/// A secret for an authenticator app; it is not in force until it is confirmed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TotpOffer {
    /// Base32, to be typed.
    pub secret: String,
    /// For a QR code.
    pub url: String,
}

/// Proposes a secret for the second factor.
#[utoipa::path(tag = "account", responses((status = 200, body = TotpOffer)))]
#[post("/me/totp/offer")]
pub async fn offer_totp(state: Data<State>, viewer: Viewer) -> Result<HttpResponse, ApiError> {
    let (secret, url) = totp::new_secret(&own_user(&state, &viewer.0)?.login)?;
    Ok(HttpResponse::Ok().json(TotpOffer { secret, url }))
}

/// Switches the second factor on.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TotpConfirm {
    /// The secret that was proposed.
    pub secret: String,
    /// What the app shows for it now.
    pub code: String,
    /// The present password.
    pub password: String,
}

/// Codes for the day that the app is lost: the only time that they are shown.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RecoveryCodes {
    /// Each is good once.
    pub codes: Vec<String>,
}

/// Switches the second factor on; every other login of the account ends.
#[utoipa::path(tag = "account", responses((status = 200, body = RecoveryCodes)))]
#[put("/me/totp")]
pub async fn set_totp(
    state: Data<State>,
    request: HttpRequest,
    viewer: Viewer,
    body: Json<TotpConfirm>,
) -> Result<HttpResponse, ApiError> {
    let before = own_user(&state, &viewer.0)?;
    prove_password(&state, &before, &viewer.0.caller, "password", body.0.password).await?;
    let wrong = |field: &str| {
        ApiError::invalid(
            field,
            "wrong_code",
            "scan the code again and enter what the app shows now",
        )
    };
    let step = totp::step(&body.0.secret, &body.0.code, state.now_ms()).map_err(|_| wrong("secret"))?;
    let step = step
        .filter(|step| *step > before.totp_step)
        .ok_or_else(|| wrong("code"))?;
    let (codes, hashes) = totp::recovery_codes()?;
    let user = User {
        totp_secret: Some(body.0.secret),
        totp_step: step,
        recovery_codes: hashes,
        epoch: before.epoch + 1,
        updated_at_ms: saved_at(&state, before.updated_at_ms),
        ..(*before).clone()
    };
    let note = Note::new("me.totp_on", before.login.clone());
    let answer = replace_logins(&state, &request, &viewer.0, &before, user, note).await?;
    let mut with_codes = HttpResponse::Ok();
    for cookie in answer.cookies() {
        with_codes.cookie(cookie);
    }
    Ok(with_codes.json(RecoveryCodes { codes }))
}

/// The present password, to switch the second factor off.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TotpOff {
    /// The present password.
    pub password: String,
}

/// Switches the second factor off; every other login of the account ends.
#[utoipa::path(tag = "account", responses((status = 204)))]
#[post("/me/totp/off")]
pub async fn remove_totp(
    state: Data<State>,
    request: HttpRequest,
    viewer: Viewer,
    body: Json<TotpOff>,
) -> Result<HttpResponse, ApiError> {
    let before = own_user(&state, &viewer.0)?;
    prove_password(&state, &before, &viewer.0.caller, "password", body.0.password).await?;
    let user = User {
        totp_secret: None,
        recovery_codes: Vec::new(),
        epoch: before.epoch + 1,
        updated_at_ms: saved_at(&state, before.updated_at_ms),
        ..(*before).clone()
    };
    let note = Note::new("me.totp_off", before.login.clone());
    replace_logins(&state, &request, &viewer.0, &before, user, note).await
}
