//! Under which names the admin side answers. A page of somebody else whose name suddenly resolves to this
//! server (DNS rebinding) would otherwise be of the same origin in the browser's eyes. Tracking endpoints are
//! not asked: a visitor is never turned away for a name.
//!
//! * 2026-11-21: an address in place of a name cannot be rebound, so every address is fine; so is `localhost`.
//!   Names are those that the operator configured (`admin.hosts`, `public_url`, tracking domains) and the one
//!   under which the first owner claimed the instance, which took the set-up token. Until then every name is
//!   fine: nothing can be done without the token.
//! * 2026-11-21: ports are not compared: rebinding needs a name, and proxies change ports.

use super::State;
use super::client::caller;
use super::problem::ApiError;
use actix_web::ResponseError;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;
use std::net::IpAddr;

/// The name in a `Host` header, lower case, without port and final dot; `None` when it is not one.
pub fn name_of(host: &str) -> Option<String> {
    let host = host.trim();
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !"/\\@?#".contains(c);
    (!name.is_empty() && name.chars().all(is_plain)).then_some(name)
}

/// Whether a name is an address or this machine: nothing that a name server of somebody else decides.
fn is_not_rebindable(name: &str) -> bool {
    name.parse::<IpAddr>().is_ok() || name == "localhost" || name.ends_with(".localhost")
}

/// Whether the admin side answers under the host of a request. `known` are names and origins.
fn is_known<'a>(host: &str, known: impl IntoIterator<Item = &'a str>) -> bool {
    let Some(name) = name_of(host) else {
        return false;
    };
    is_not_rebindable(&name)
        || known
            .into_iter()
            .any(|known| name_of(authority(known)).as_deref() == Some(name.as_str()))
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
pub fn check(state: &State, host: &str) -> Result<(), ApiError> {
    let catalog = state.recorder.catalog();
    let settings = &catalog.settings;
    let known = (settings.admin_hosts.iter())
        .chain(&state.config.admin.hosts)
        .chain(&settings.tracking_domains)
        .chain(&state.config.public_url)
        .chain([&settings.public_url])
        .map(String::as_str);
    if catalog.users.is_empty() || is_known(host, known) {
        return Ok(());
    }
    Err(ApiError::UnknownHost {
        host: host.chars().filter(|c| !c.is_control()).take(100).collect(),
    })
}

/// Before everything on the admin side.
pub async fn guard<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    let refused = match request.app_data::<Data<State>>() {
        Some(state) => {
            let host = caller(request.request(), &state.config.trusted_proxies).host;
            check(state, &host).err()
        }
        None => Some(ApiError::Defect {
            what: "missing state",
        }),
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
