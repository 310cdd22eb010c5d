//! Proof links: a page that anybody with its address can read until it expires or is revoked, with the story of
//! one trace and nothing that would harm anyone. Here is the public route; the links are `admin::proofs`, what is
//! left out of the story is decided in `reports::story`, how it looks in `page`.
//!
//! * 2026-11-21: the page is plain HTML from the server. A stranger needs no application, and what is not in
//!   the page cannot be asked for: there is no public API behind it.

mod page;

use super::State;
use super::client::client;
use crate::admin::AdminError;
use crate::admin::proofs;
use crate::reports::words::{self, Words};
use crate::reports::{PartnerScope, story};
use actix_web::http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER, VARY};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use jiff::tz::TimeZone;

/// The public pages; their headers are those of data.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/style.css").route(web::get().to(style)))
        .service(
            web::resource("/{token}")
                .route(web::get().to(show))
                .route(web::method(Method::HEAD).to(show))
                .default_service(web::to(super::wrong_method)),
        )
        .default_service(web::to(nothing));
}

async fn style() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/css; charset=utf-8"))
        .insert_header((CACHE_CONTROL, "public, max-age=3600"))
        .body(include_str!("style.css"))
}

fn language(request: &HttpRequest) -> &'static Words {
    let accepted = request
        .headers()
        .get(ACCEPT_LANGUAGE)
        .and_then(|v| v.to_str().ok());
    words::of(accepted.unwrap_or_default())
}

fn html(status: StatusCode, body: String) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((
            HeaderName::from_static("x-robots-tag"),
            "noindex, nofollow, noarchive",
        ))
        .insert_header((VARY, "Accept-Language"))
        .body(body)
}

async fn nothing(request: HttpRequest) -> HttpResponse {
    html(StatusCode::NOT_FOUND, page::nothing(language(&request)))
}

async fn show(state: Data<State>, request: HttpRequest, path: Path<String>) -> HttpResponse {
    let words = language(&request);
    let from = client(&request, &state.config.now().trusted_proxies).ip;
    if let Err(error) = state.auth.proofs.check(from) {
        let mut answer = html(StatusCode::TOO_MANY_REQUESTS, page::too_many(words));
        if let AdminError::Throttled { retry_after_s } = error {
            answer.headers_mut().insert(RETRY_AFTER, retry_after_s.into());
        }
        return answer;
    }
    let found = super::api::read(&state, move |state| {
        let Some((proof, trace)) = proofs::find(&path, &state.view(PartnerScope::all()))? else {
            return Ok(None);
        };
        let catalog = state.recorder.catalog();
        let zone = TimeZone::get(&catalog.settings.time_zone).unwrap_or(TimeZone::UTC);
        Ok(Some((proof, story::tell(&trace, &catalog), zone, state.now_ms())))
    });
    match found.await {
        Ok(Some((proof, story, zone, now_ms))) => {
            html(StatusCode::OK, page::write(&story, &proof, words, &zone, now_ms))
        }
        Ok(None) => html(StatusCode::NOT_FOUND, page::nothing(words)),
        Err(error) => {
            if let Some(left_out) = crate::telemetry::occasionally("proof_unreadable") {
                tracing::warn!(code = error.row().1, %error, left_out, "a proof link could not be read");
            }
            html(StatusCode::SERVICE_UNAVAILABLE, page::too_many(words))
        }
    }
}
