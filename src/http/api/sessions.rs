//! Sessions (クリックログ).

use super::page::Page;
use super::records::{SessionDto, session};
use super::scan::{self, Window};
use super::{page, read};
use crate::domain::ids::SessionId;
use crate::domain::session::{EngagementKind, Session};
use crate::http::State;
use crate::http::auth::{Identity, Viewer};
use crate::http::extract::{Query, id};
use crate::http::problem::ApiError;
use crate::store::codec;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};
use serde::Deserialize;

/// Filters of the click log.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SessionQuery {
    /// Items of a page, 1 to 200 (50).
    pub limit: Option<u16>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// From this time on, unix milliseconds.
    pub from_ms: Option<i64>,
    /// Before this time, unix milliseconds.
    pub to_ms: Option<i64>,
    /// Only of this offer.
    pub offer: Option<String>,
    /// Only of this partner.
    pub partner: Option<String>,
    /// Only of this link.
    pub link: Option<String>,
    /// Only `click`, `impression` or `direct`.
    pub kind: Option<EngagementKind>,
    /// Only those with this PARA1 to PARA5, label or other parameter.
    pub value: Option<String>,
    /// Only of this visitor (TUID).
    pub tuid: Option<String>,
    /// Only bots and prefetches, or only others.
    pub automated: Option<bool>,
    /// Only tests, or only others.
    pub test: Option<bool>,
}

impl SessionQuery {
    /// Whether a session is wanted and may be seen.
    pub fn wants(&self, session: &Session, identity: &Identity) -> bool {
        let is = |wanted: &Option<String>, own: &str| wanted.as_deref().is_none_or(|w| w == own);
        let has_value = |value: &str| {
            session.para.iter().any(|p| p == value)
                || session.label == value
                || session.parameters.iter().any(|(_, v)| v == value)
        };
        identity.sees(session.partner.as_ref())
            && is(&self.offer, session.offer.as_str())
            && is(&self.partner, session.partner.as_ref().map_or("", |p| p.as_str()))
            && is(&self.link, session.link.as_str())
            && is(&self.tuid, &session.tuid)
            && self.kind.is_none_or(|kind| kind == session.kind)
            && self
                .automated
                .is_none_or(|automated| automated == session.is_automated())
            && self.test.is_none_or(|test| test == session.flags.is_test)
            && self.value.as_deref().is_none_or(has_value)
    }
}

/// One page of sessions.
pub async fn page_of(
    state: &Data<State>,
    identity: Identity,
    query: SessionQuery,
) -> Result<Page<SessionDto>, ApiError> {
    let limit = page::limit(query.limit)?;
    let window = Window::new(query.from_ms, query.to_ms, query.cursor.as_deref())?;
    read(state, move |state| {
        scan::page(
            state.recorder.reader(),
            scan::SESSIONS,
            window,
            limit,
            |db, key, value| {
                let session = codec::decode_session(value, db, key)?;
                Ok(query
                    .wants(&session, &identity)
                    .then(|| SessionDto::from(&session)))
            },
        )
    })
    .await
}

/// Lists clicks and impressions, newest first.
#[utoipa::path(tag = "records", params(SessionQuery), responses((status = 200, body = Page<SessionDto>)))]
#[get("/sessions")]
pub async fn list_sessions(
    state: Data<State>,
    viewer: Viewer,
    query: Query<SessionQuery>,
) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(page_of(&state, viewer.0, query.0).await?))
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
    let found = read(&state, move |state| Ok(session(state.recorder.reader(), sid)?)).await?;
    match found.filter(|session| viewer.0.sees(session.partner.as_ref())) {
        Some(session) => Ok(HttpResponse::Ok().json(SessionDto::from(&session))),
        None => Err(ApiError::not_found("session", path.into_inner())),
    }
}
