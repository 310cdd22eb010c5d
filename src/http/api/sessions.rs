//! Sessions (クリックログ).

use super::report;
use crate::domain::ids::SessionId;
use crate::http::State;
use crate::http::auth::Viewer;
use crate::http::extract::{Query, id};
use crate::http::problem::ApiError;
use crate::reports::page::Page;
use crate::reports::records::SessionDto;
use crate::reports::sessions::{self, SessionQuery};
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};

/// Lists clicks and impressions, newest first.
#[utoipa::path(tag = "records", params(SessionQuery), responses((status = 200, body = Page<SessionDto>)))]
#[get("/sessions")]
pub async fn list_sessions(
    state: Data<State>,
    viewer: Viewer,
    query: Query<SessionQuery>,
) -> Result<HttpResponse, ApiError> {
    let page = report(&state, viewer.0.scope(), move |view| {
        sessions::page(view, &query.0)
    });
    Ok(HttpResponse::Ok().json(page.await?))
}

/// Reads one session by its SID.
#[utoipa::path(tag = "records", responses((status = 200, body = SessionDto)))]
#[get("/sessions/{sid}")]
pub async fn get_session(
    state: Data<State>,
    viewer: Viewer,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let sid: SessionId = id("session", &path)?;
    let found = report(&state, viewer.0.scope(), move |view| sessions::find(view, sid)).await?;
    match found {
        Some(session) => Ok(HttpResponse::Ok().json(session)),
        None => Err(ApiError::not_found("session", path.into_inner())),
    }
}
