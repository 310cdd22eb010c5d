//! Set-up: the first owner takes the instance over.

use crate::admin::account::{Me, me};
use crate::admin::identity::Place;
use crate::admin::setup::{self, Claim};
use crate::http::State;
use crate::http::auth::{Newcomer, cookie, place, state_of};
use crate::http::client::{Client, client};
use crate::http::extract::StrangerJson;
use crate::http::problem::ApiError;
use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse, get, post};
use serde::Serialize;
use std::future::{Ready, ready};

/// Header that carries the set-up token.
use crate::http::host::SETUP_HEADER;

/// Whether the set-up token is good.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SetupStatus {
    /// Always true: a wrong token is answered 403.
    pub is_open: bool,
    /// The public address that the browser called, to be proposed in the wizard.
    pub origin: String,
    /// `en` or `ja`, from Accept-Language.
    pub language: String,
    /// Version of the server.
    pub version: &'static str,
}

/// Somebody who holds the set-up token: all others are refused by the head of the request.
#[derive(Debug)]
pub struct Claimant {
    client: Client,
    place: Place,
}

impl FromRequest for Claimant {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;
    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(may_set_up(request))
    }
}

fn may_set_up(request: &HttpRequest) -> Result<Claimant, ApiError> {
    let state = state_of(request)?;
    let client = client(request, &state.config.now().trusted_proxies);
    let place = place(request, &client);
    let token = request.headers().get(SETUP_HEADER).and_then(|v| v.to_str().ok());
    setup::may_set_up(&state.auth, &state.recorder, token, &place)?;
    Ok(Claimant { client, place })
}

/// Tells whether the set-up link is good. Needs the header `X-Setup-Token`.
#[utoipa::path(tag = "setup", responses((status = 200, body = SetupStatus)))]
#[get("/setup/status")]
pub async fn setup_status(request: HttpRequest, claimant: Claimant) -> Result<HttpResponse, ApiError> {
    let accepted = request
        .headers()
        .get("accept-language")
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    let language = if accepted.trim_start().to_ascii_lowercase().starts_with("ja") {
        "ja"
    } else {
        "en"
    };
    Ok(HttpResponse::Ok().json(SetupStatus {
        is_open: true,
        origin: claimant.client.origin(),
        language: language.into(),
        version: env!("CARGO_PKG_VERSION"),
    }))
}

/// Takes over the instance: makes the first owner and signs them in. Of several claims exactly one wins.
#[utoipa::path(tag = "setup", responses((status = 201, body = Me)))]
#[post("/setup/claim")]
pub async fn setup_claim(
    state: Data<State>,
    claimant: Claimant,
    _newcomer: Newcomer,
    body: StrangerJson<Claim>,
) -> Result<HttpResponse, ApiError> {
    let Claimant { client, place } = claimant;
    let signed_in = setup::claim(&state.auth, &state.recorder, body.0, &place, &client.host).await?;
    state.applied().await?;
    Ok(HttpResponse::Created()
        .cookie(cookie::cookie(client.is_tls, signed_in.text))
        .cookie(cookie::known(client.is_tls, signed_in.browser))
        .json(me(&state.recorder.catalog(), &signed_in.identity)))
}
