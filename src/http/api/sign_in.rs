//! Signing in and out.

use crate::admin::account::{Me, end_login, me};
use crate::admin::identity::Credential;
use crate::admin::sign_in::{Credentials, sign_in as open_login};
use crate::http::State;
use crate::http::auth::plain::{self, Way};
use crate::http::auth::{Newcomer, Viewer, cookie, place};
use crate::http::client::client;
use crate::http::extract::StrangerJson;
use crate::http::problem::ApiError;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get, post};
use serde::Serialize;

/// How somebody would sign in here.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SignInState {
    /// Whether the connection is encrypted as far as the server can tell.
    pub is_encrypted: bool,
    /// Whether a password is taken; if not, it is refused with `plain_http`.
    pub is_open: bool,
}

/// Whether a password can be sent here, to be asked before one is typed.
#[utoipa::path(tag = "account", responses((status = 200, body = SignInState)))]
#[get("/login")]
pub async fn sign_in_state(state: Data<State>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let way = plain::way(&state, &client(&request, &state.config.now().trusted_proxies));
    Ok(HttpResponse::Ok().json(SignInState {
        is_encrypted: way == Way::Encrypted,
        is_open: way != Way::Refused,
    }))
}

/// Signs in: sets the cookie. Wrong names and wrong passwords are answered alike, after the same time.
#[utoipa::path(tag = "account", responses((status = 200, body = Me)))]
#[post("/login")]
pub async fn sign_in(
    state: Data<State>,
    request: HttpRequest,
    newcomer: Newcomer,
    body: StrangerJson<Credentials>,
) -> Result<HttpResponse, ApiError> {
    let client = newcomer.0;
    let place = place(&request, &client);
    let signed_in = open_login(&state.auth, &state.recorder, body.0, &place).await?;
    state.applied().await?;
    Ok(HttpResponse::Ok()
        .cookie(cookie::cookie(client.is_tls, signed_in.text))
        .cookie(cookie::known(client.is_tls, signed_in.browser))
        .json(me(&state.recorder.catalog(), &signed_in.identity)))
}

/// Signs out: ends the login on the server too.
#[utoipa::path(tag = "account", responses((status = 204)))]
#[post("/logout")]
pub async fn sign_out(state: Data<State>, viewer: Viewer) -> Result<HttpResponse, ApiError> {
    if let Credential::Login(id) = viewer.0.credential.clone() {
        end_login(&state.recorder, &viewer.0, id).await?;
        state.applied().await?;
    }
    Ok(HttpResponse::NoContent()
        .cookie(cookie::cookie(viewer.1.is_tls, String::new()))
        .finish())
}
