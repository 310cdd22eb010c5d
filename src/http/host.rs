//! Under which names the admin side answers. A page of somebody else whose name suddenly resolves to this
//! server (DNS rebinding) would otherwise be of the same origin in the browser's eyes. Tracking endpoints are
//! not asked: a visitor is never turned away for a name.
//!
//! * 2026-11-21: an address in place of a name cannot be rebound, so every address is fine; so is `localhost`.
//!   Names are those that the operator configured (`admin.hosts`, `public_url`, tracking domains) and the one
//!   under which the first owner claimed the instance, which took the set-up token. Until then any name is fine for
//!   the files of the set-up page, and for requests that hold the token.
//! * 2026-11-21: ports are not compared: rebinding needs a name, and proxies change ports.

use super::State;
use super::client::client;
use super::problem::ApiError;
use crate::admin::AdminError;
use crate::admin::check::host_name;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HOST;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{HttpRequest, ResponseError};
use std::net::IpAddr;

/// The header that holds the token of the set-up.
pub const SETUP_HEADER: &str = "x-setup-token";

/// Whether a name is an address or this machine: nothing that a name server of somebody else decides.
fn is_not_rebindable(name: &str) -> bool {
    name.parse::<IpAddr>().is_ok() || name == "localhost" || name.ends_with(".localhost")
}

/// Whether a host is a name by which others reach this server: neither an address nor this machine.
pub fn is_public_name(host: &str) -> bool {
    host_name(host).is_some_and(|name| !is_not_rebindable(&name))
}

/// Whether the admin side answers under the host of a request. `known` are names and origins.
fn is_known<'a>(host: &str, known: impl IntoIterator<Item = &'a str>) -> bool {
    let Some(name) = host_name(host) else {
        return false;
    };
    is_not_rebindable(&name)
        || known
            .into_iter()
            .any(|known| host_name(authority(known)).as_deref() == Some(name.as_str()))
}

/// Host and port of an origin or URL; a bare host stays.
fn authority(text: &str) -> &str {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

/// Refuses hosts that are not this server's.
///
/// # Errors
/// [`ApiError::UnknownHost`].
fn check(state: &State, host: &str) -> Result<(), ApiError> {
    let catalog = state.recorder.catalog();
    let settings = &catalog.settings;
    let known = (settings.admin_hosts.iter())
        .chain(&state.config.now().admin.hosts)
        .chain(&settings.tracking_domains)
        .chain(&state.config.now().public_url)
        .chain([&settings.public_url])
        .map(String::as_str);
    if is_known(host, known) {
        return Ok(());
    }
    Err(ApiError::UnknownHost {
        host: host.chars().filter(|c| !c.is_control()).take(100).collect(),
    })
}

/// Refuses a request unless every name that it was sent under is this server's: a trusted proxy that passes on
/// what a visitor wrote into `X-Forwarded-Host` must not vouch for the name in `Host`.
///
/// # Errors
/// [`ApiError::UnknownHost`].
pub fn judge(state: &State, request: &HttpRequest) -> Result<(), ApiError> {
    check(state, &client(request, &state.config.now().trusted_proxies).host)?;
    let asked = request.headers().get(HOST);
    asked.map_or(Ok(()), |host| check(state, host.to_str().unwrap_or_default()))
}

/// Whether the first owner is on the way: the files of the page, and what comes with the token of the set-up.
fn is_setting_up(state: &State, request: &HttpRequest) -> bool {
    if !state.recorder.catalog().users.is_empty() {
        return false;
    }
    let token = request.headers().get(SETUP_HEADER).and_then(|v| v.to_str().ok());
    !request.path().starts_with("/api/") || state.auth.setup.check(token, state.now_ms()).is_ok()
}

/// Before everything on the admin side.
pub async fn guard<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    let refused = match request.app_data::<Data<State>>() {
        Some(state) if is_setting_up(state, request.request()) => None,
        Some(state) => judge(state, request.request()).err(),
        None => Some(ApiError::from(AdminError::Defect {
            what: "missing state",
        })),
    };
    match refused {
        Some(error) => Ok(request
            .into_response(error.error_response())
            .map_into_right_body()),
        None => Ok(next.call(request).await?.map_into_left_body()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_port_case_and_final_dot() {
        let known = ["https://T.example.com:8443/path", "admin.example.jp", ""];
        for (host, expected) in [
            ("t.example.com", true),
            ("T.Example.Com.:80", true),
            ("t.example.com:9999", true),
            ("admin.example.jp", true),
            ("evil.example", false),
            ("t.example.com.evil.example", false),
            ("evil.t.example.com", false),
            ("example.com", false),
            ("t.example.com@evil.example", false),
            ("evil.example/t.example.com", false),
            ("", false),
            (":80", false),
            (".", false),
            (" ", false),
        ] {
            assert_eq!(is_known(host, known), expected, "{host:?}");
        }
    }

    #[test]
    fn addresses_and_this_machine_cannot_be_rebound() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:8080",
            "203.0.113.7",
            "[::1]",
            "[::1]:8080",
            "[2001:db8::1]:443",
            "localhost",
            "LOCALHOST:8080",
            "yamabiko.localhost",
        ] {
            assert!(is_known(host, []), "{host}");
        }
        // Names that only look like it.
        for host in [
            "127.0.0.1.nip.io",
            "localhost.evil.example",
            "notlocalhost",
            "0x7f.1.evil.example",
        ] {
            assert!(!is_known(host, []), "{host}");
        }
    }
}
