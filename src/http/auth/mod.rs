//! Who asks: by the cookie of a login, or by an API token. Handlers name the role that they need by their argument
//! ([`Viewer`], [`Editor`], [`Owner`]); one without it cannot know who asks.
//!
//! 2026-11-21: API tokens are taken from the Authorization header only and need no CSRF defence; logins come
//! by cookie and every change by them must come from our own pages.

pub mod cookie;
mod csrf;
pub mod plain;

use super::State;
use super::client::{Client, client};
use super::problem::ApiError;
use crate::admin::identity::{Credential, Identity, Place, by_login, by_token};
use crate::admin::{AdminError, logins};
use crate::domain::account::Role;
use crate::store::catalog::Catalog;
use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, USER_AGENT};
use actix_web::{FromRequest, HttpRequest, web};
use csrf::Source;
use std::future::{Ready, ready};

/// What the browser or program calls itself.
pub fn user_agent(request: &HttpRequest) -> String {
    let value = request
        .headers()
        .get(USER_AGENT)
        .map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned());
    value.unwrap_or_default()
}

/// Where somebody sits who has not signed in yet.
pub fn place(request: &HttpRequest, client: &Client) -> Place {
    Place {
        ip: client.ip,
        user_agent: user_agent(request),
        browser: request
            .cookie(cookie::known_name(client.is_tls))
            .map(|cookie| cookie.value().to_owned()),
    }
}

/// Programs without these headers may sign in; browsers only from our own pages.
fn refuse_other_sites(request: &HttpRequest, client: &Client) -> Result<(), ApiError> {
    match csrf::source(request.headers(), &client.origin()) {
        Source::SameOrigin | Source::Unknown => Ok(()),
        Source::Other => Err(ApiError::CrossSite),
    }
}

/// A caller who wants to sign in and does not come from a page of another site: refused by the head of the request,
/// before its body is read.
#[derive(Debug)]
pub struct Newcomer(
    /// Where the request comes from.
    pub Client,
);

impl FromRequest for Newcomer {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;
    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let judged = state_of(request).and_then(|state| {
            let client = client(request, &state.config.now().trusted_proxies);
            refuse_other_sites(request, &client)?;
            plain::refuse(state, &client)?;
            Ok(Self(client))
        });
        ready(judged)
    }
}

/// The state of the admin side, as extractors find it.
pub fn state_of(request: &HttpRequest) -> Result<&web::Data<State>, ApiError> {
    let state = request.app_data::<web::Data<State>>();
    state.ok_or_else(|| {
        AdminError::Defect {
            what: "missing state",
        }
        .into()
    })
}

/// What stands behind `Bearer` in the Authorization header. Other schemes are not ours: a proxy with a password of
/// its own passes them on.
fn bearer(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

/// Why somebody without a login and without a token is refused.
fn nobody(catalog: &Catalog) -> ApiError {
    if catalog.users.is_empty() {
        ApiError::SetupRequired
    } else {
        ApiError::Unauthenticated
    }
}

/// Proves who asks, by token or by cookie. With `notes_use` a login counts as used: what a page does by
/// itself must not keep a login alive.
pub fn identify(
    request: &HttpRequest,
    state: &State,
    notes_use: bool,
) -> Result<(Identity, Client), ApiError> {
    let client = client(request, &state.config.now().trusted_proxies);
    let (catalog, now_ms) = (state.recorder.catalog(), state.now_ms());
    if let Some(secret) = bearer(request) {
        let Some(identity) = by_token(&catalog, secret, client.ip, now_ms) else {
            state.auth.tokens.failed(client.ip)?;
            return Err(ApiError::Unauthenticated);
        };
        return Ok((identity, client));
    }
    let cookie = request
        .cookie(cookie::cookie_name(client.is_tls))
        .ok_or_else(|| nobody(&catalog))?;
    let found = by_login(&state.recorder, cookie.value(), client.ip)?;
    let (identity, login) = found.ok_or_else(|| nobody(&catalog))?;
    if !csrf::is_safe(request.method())
        && csrf::source(request.headers(), &client.origin()) != Source::SameOrigin
    {
        return Err(ApiError::CrossSite);
    }
    if let (true, Credential::Login(id)) = (notes_use, &identity.credential) {
        logins::touch(&state.recorder, id, &login);
    }
    Ok((identity, client))
}

fn with_role(request: &HttpRequest, needs: Role) -> Result<(Identity, Client), ApiError> {
    let (identity, client) = identify(request, state_of(request)?, true)?;
    identity.may(needs)?;
    Ok((identity, client))
}

macro_rules! role_extractor {
    ($(#[$doc:meta])* $name:ident, $role:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name(
            /// Who it is.
            pub Identity,
            /// Where the request comes from.
            pub Client,
        );

        impl FromRequest for $name {
            type Error = ApiError;
            type Future = Ready<Result<Self, ApiError>>;
            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                ready(with_role(request, $role).map(|(identity, client)| Self(identity, client)))
            }
        }
    };
}

role_extractor! {
    /// Somebody who may look.
    Viewer, Role::Viewer
}
role_extractor! {
    /// Somebody who may change offers, partners, links and rules, approve and resend.
    Editor, Role::Editor
}
role_extractor! {
    /// Somebody who may do everything.
    Owner, Role::Owner
}
