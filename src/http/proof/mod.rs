//! Proof links: a page that anybody with its address can read until it expires or is revoked, with the story of
//! one trace and nothing that would harm anyone. Kept here are the links themselves and the public route; what
//! is left out of the story is decided in `story`, how it looks in `page`.
//!
//! * The token is 256 random bits, stored as SHA-256. Unknown, malformed, revoked and expired links, and
//!   those whose records are gone, get the same 404.
//! * 2026-11-21: the page is plain HTML from the server. A stranger needs no application, and what is not in
//!   the page cannot be asked for: there is no public API behind it.

mod page;
mod story;
mod words;

use super::State;
use super::api::trace::{Trace, trace};
use super::auth::{random_text, sha256_hex};
use super::client::caller;
use super::problem::ApiError;
use crate::domain::ids::TimeId;
use crate::domain::proof::Proof;
use crate::recorder::Group;
use crate::store::{Db, KeyRange, Reader, StoreError, codec, keys};
use actix_web::http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER, VARY};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use jiff::tz::TimeZone;
use std::ops::ControlFlow;
use words::Words;

/// Proof links that are good at once.
pub const MOST_PROOFS: usize = 1000;
/// Characters of a token: 32 bytes in base64url.
const TOKEN_CHARS: usize = 43;

/// A new link: the token for its address, its id, and the record to be written with [`insert`].
pub fn new(
    subject: TimeId,
    actor: &str,
    hours: u32,
    now_ms: i64,
) -> Result<(String, String, Proof), ApiError> {
    let token = random_text()?;
    let id = sha256_hex(token.as_bytes());
    let proof = Proof {
        subject,
        created_by: actor.into(),
        created_at_ms: now_ms,
        expires_at_ms: now_ms + i64::from(hours) * 3_600_000,
    };
    Ok((token, id, proof))
}

/// Writes a link and removes those that have expired; `false` when there are too many.
pub fn insert(group: &mut Group<'_>, id: &str, proof: &Proof) -> Result<bool, StoreError> {
    let (now_ms, mut good) = (group.now_ms(), 0);
    for (key, value) in group.scan(Db::Hot, KeyRange::prefix(&keys::proof_prefix()), 2 * MOST_PROOFS)? {
        let known: Proof = codec::decode_json(&value, Db::Hot, &key)?;
        if known.is_good(now_ms) {
            good += 1;
        } else {
            group.delete((Db::Hot, key));
        }
    }
    if good >= MOST_PROOFS {
        return Ok(false);
    }
    group.put(keys::proof(id), codec::encode_json(proof)?);
    Ok(true)
}

/// Removes a link; `None` when there is none that is good.
pub fn remove(group: &mut Group<'_>, id: &str) -> Result<Option<Proof>, StoreError> {
    let (db, key) = keys::proof(id);
    let Some(value) = group.get(db, &key)? else {
        return Ok(None);
    };
    let proof: Proof = codec::decode_json(&value, db, &key)?;
    group.delete((db, key));
    Ok(Some(proof).filter(|proof| proof.is_good(group.now_ms())))
}

/// The links that are good with their ids, newest first.
pub fn list(reader: &Reader, now_ms: i64) -> Result<Vec<(String, Proof)>, StoreError> {
    let (mut found, mut unreadable) = (Vec::new(), None);
    reader.scan_prefix(Db::Hot, &keys::proof_prefix(), false, |key, value| {
        match (
            codec::decode_json::<Proof>(value, Db::Hot, key),
            keys::parse_config(key),
        ) {
            (Ok(proof), Some((_, id))) if proof.is_good(now_ms) => found.push((id.to_owned(), proof)),
            (Ok(_), _) => {}
            (Err(error), _) => unreadable = Some(error),
        }
        ControlFlow::Continue(())
    })?;
    found.sort_by_key(|(_, proof)| std::cmp::Reverse(proof.created_at_ms));
    unreadable.map_or(Ok(found), Err)
}

/// What a link is about, when it can be read.
fn find(state: &State, token: &str) -> Result<Option<(Proof, Trace)>, ApiError> {
    let is_token = token.len() == TOKEN_CHARS
        && token
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if !is_token {
        return Ok(None);
    }
    let (db, key) = keys::proof(&sha256_hex(token.as_bytes()));
    let Some(value) = state.recorder.reader().get(db, &key)? else {
        return Ok(None);
    };
    let proof: Proof = codec::decode_json(&value, db, &key)?;
    if !proof.is_good(state.now_ms()) {
        return Ok(None);
    }
    let trace = trace(state, &|_| true, &proof.subject.to_string())?;
    Ok(trace.found_by.is_some().then_some((proof, trace)))
}

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
    let from = caller(&request, &state.config.trusted_proxies).ip;
    if let Err(error) = state.auth.proofs.check(from) {
        let mut answer = html(StatusCode::TOO_MANY_REQUESTS, page::too_many(words));
        if let ApiError::Throttled { retry_after_s } = error {
            answer.headers_mut().insert(RETRY_AFTER, retry_after_s.into());
        }
        return answer;
    }
    let found = super::api::read(&state, move |state| {
        let Some((proof, trace)) = find(state, &path)? else {
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
            tracing::warn!(code = error.row().1, %error, "a proof link could not be read");
            html(StatusCode::SERVICE_UNAVAILABLE, page::too_many(words))
        }
    }
}
