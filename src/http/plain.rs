//! The address without TLS beside the one with it: people are sent to https, postbacks and pixels are answered where
//! they are, since who was given an http address years ago may not follow; the certificate authority finds its
//! proofs.

use super::State;
use super::tracking;
use crate::admin::check::host_name;
use crate::connection::Asked;
use actix_web::dev::RequestHead;
use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, LOCATION};
use actix_web::web::{self, Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

/// Where an authority looks for the proof that a name leads here (RFC 8555, 8.3).
pub fn challenge_routes(config: &mut ServiceConfig) {
    config.service(web::resource("/.well-known/acme-challenge/{token}").route(web::get().to(answer)));
}

async fn answer(state: Data<State>, token: Path<String>) -> HttpResponse {
    match state.certificates.answer(&token) {
        Some(answer) => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "application/octet-stream"))
            .insert_header((CACHE_CONTROL, "no-store"))
            .body(answer),
        None => HttpResponse::NotFound().finish(),
    }
}

/// What is not tracking lives at the other address.
pub fn everything_else(config: &mut ServiceConfig) {
    config.default_service(web::to(|request: HttpRequest, state: Data<State>| async move {
        if tracking::resembles_address(request.path()) {
            return tracking::elsewhere(&request);
        }
        redirect(request.head(), &state).unwrap_or_else(|| HttpResponse::NotFound().finish())
    }));
}

/// Sends a person who clicks to https, once there is a certificate that their browser accepts; until then, and for
/// servers, the click is taken here.
pub fn person_elsewhere(asked: Asked<'_>, state: &State) -> Option<HttpResponse> {
    let uri = &asked.head.uri;
    let is_a_persons = is_a_persons_click(&asked.head.method, uri.path(), uri.query().unwrap_or_default());
    let name = is_a_persons.then(|| host(asked.head)).flatten()?;
    let is_accepted = state.certificates.has(&name, state.now_ms());
    is_accepted.then(|| redirect(asked.head, state)).flatten()
}

fn is_a_persons_click(method: &Method, path: &str, query: &str) -> bool {
    let is_click = path
        .split('/')
        .find(|part| !part.is_empty())
        .is_some_and(|first| first.eq_ignore_ascii_case("c"));
    matches!(*method, Method::GET | Method::HEAD) && is_click && !query.contains("s2s=")
}

fn host(head: &RequestHead) -> Option<String> {
    host_name(head.headers().get(HOST)?.to_str().ok()?)
}

/// The same address with https: that of the settings which has this name, else the port that is listened on.
fn redirect(head: &RequestHead, state: &State) -> Option<HttpResponse> {
    let name = host(head)?;
    let catalog = state.recorder.catalog();
    let settings = &catalog.settings;
    let known = (state.config.now().public_url.iter())
        .chain([&settings.public_url])
        .chain(&settings.tracking_domains)
        .map(String::as_str);
    let origin = https_origin(&name, known, state.public_address.port());
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    Some(
        HttpResponse::PermanentRedirect()
            .insert_header((LOCATION, format!("{origin}{target}")))
            // The next one may be asked while there is no certificate.
            .insert_header((CACHE_CONTROL, "no-store"))
            .finish(),
    )
}

fn https_origin<'a>(name: &str, known: impl Iterator<Item = &'a str>, port: u16) -> String {
    let bracketed = if name.contains(':') {
        format!("[{name}]")
    } else {
        name.to_owned()
    };
    let port = known
        .filter_map(|url| url::Url::parse(url).ok())
        .find(|url| url.scheme() == "https" && url.host_str() == Some(name))
        .map_or(port, |url| url.port().unwrap_or(443));
    match port {
        443 => format!("https://{bracketed}"),
        other => format!("https://{bracketed}:{other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_clicks_of_people_are_sent_elsewhere() {
        for (method, path, query, expected) in [
            (Method::GET, "/c/abc", "param1=x", true),
            (Method::HEAD, "/c/abc", "", true),
            (Method::GET, "//C/abc/", "", true),
            (Method::GET, "/c/abc", "param1=x&s2s=1", false),
            (Method::POST, "/c/abc", "", false),
            (Method::GET, "/i/abc", "", false),
            (Method::GET, "/cv", "sid=1", false),
            (Method::GET, "/cv.gif", "sid=1", false),
            (Method::GET, "/tag.js", "", false),
            (Method::GET, "/healthz", "", false),
        ] {
            assert_eq!(
                is_a_persons_click(&method, path, query),
                expected,
                "{method} {path}?{query}"
            );
        }
    }

    #[test]
    fn the_other_address_is_that_of_the_settings() {
        let known = ["http://p.example", "https://t.example:8443", "https://u.example"];
        for (name, port, expected) in [
            ("t.example", 443, "https://t.example:8443"),
            ("u.example", 9443, "https://u.example"),
            ("p.example", 443, "https://p.example"),
            ("other.example", 9443, "https://other.example:9443"),
            ("2001:db8::1", 443, "https://[2001:db8::1]"),
        ] {
            assert_eq!(https_origin(name, known.into_iter(), port), expected);
        }
    }
}
