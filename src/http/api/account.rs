//! What users do with their own account and its logins.

use crate::admin::account::{self, LoginList, Me, MeChange, Own, PasswordChange};
use crate::admin::account::{RecoveryCodes, TotpConfirm, TotpOff, TotpOffer};
use crate::http::State;
use crate::http::auth::{Viewer, cookie, user_agent};
use crate::http::extract::{Json, NoQuery, Query};
use crate::http::problem::ApiError;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, delete, get, post, put};

fn own<'a>(state: &'a State, viewer: &'a Viewer) -> Own<'a> {
    Own {
        recorder: &state.recorder,
        auth: &state.auth,
        identity: &viewer.0,
    }
}

/// Who is asking.
#[utoipa::path(tag = "account", responses((status = 200, body = Me)))]
#[get("/me")]
pub async fn get_me(state: Data<State>, viewer: Viewer) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(account::me(&state.recorder.catalog(), &viewer.0)))
}

/// Changes one's own name and language.
#[utoipa::path(tag = "account", responses((status = 200, body = Me)))]
#[put("/me")]
pub async fn change_me(
    state: Data<State>,
    viewer: Viewer,
    body: Json<MeChange>,
) -> Result<HttpResponse, ApiError> {
    own(&state, &viewer).change(body.0).await?;
    Ok(HttpResponse::Ok().json(account::me(&state.recorder.catalog(), &viewer.0)))
}

/// Changes one's own password; every other login of the account ends, and this one begins anew.
#[utoipa::path(tag = "account", responses((status = 204)))]
#[put("/me/password")]
pub async fn change_password(
    state: Data<State>,
    request: HttpRequest,
    viewer: Viewer,
    body: Json<PasswordChange>,
) -> Result<HttpResponse, ApiError> {
    let user_agent = user_agent(&request);
    let text = own(&state, &viewer).change_password(body.0, &user_agent).await?;
    state.applied().await?;
    Ok(HttpResponse::NoContent()
        .cookie(cookie::cookie(viewer.1.is_tls, text))
        .finish())
}

/// Lists one's own logins.
#[utoipa::path(tag = "account", responses((status = 200, body = LoginList)))]
#[get("/me/logins")]
pub async fn list_logins(
    state: Data<State>,
    viewer: Viewer,
    _query: Query<NoQuery>,
) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(own(&state, &viewer).logins()?))
}

/// Ends one of one's own logins.
#[utoipa::path(tag = "account", responses((status = 204)))]
#[delete("/me/logins/{id}")]
pub async fn delete_login(
    state: Data<State>,
    viewer: Viewer,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    own(&state, &viewer).end_login(path.into_inner()).await?;
    state.applied().await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Proposes a secret for the second factor.
#[utoipa::path(tag = "account", responses((status = 200, body = TotpOffer)))]
#[post("/me/totp/offer")]
pub async fn offer_totp(state: Data<State>, viewer: Viewer) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(own(&state, &viewer).offer_totp()?))
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
    let user_agent = user_agent(&request);
    let (text, codes) = own(&state, &viewer).set_totp(body.0, &user_agent).await?;
    state.applied().await?;
    Ok(HttpResponse::Ok()
        .cookie(cookie::cookie(viewer.1.is_tls, text))
        .json(codes))
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
    let user_agent = user_agent(&request);
    let text = own(&state, &viewer).remove_totp(body.0, &user_agent).await?;
    state.applied().await?;
    Ok(HttpResponse::NoContent()
        .cookie(cookie::cookie(viewer.1.is_tls, text))
        .finish())
}
