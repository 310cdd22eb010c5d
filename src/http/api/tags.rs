//! Where the tag runs.

use crate::http::State;
use crate::http::auth::Viewer;
use crate::http::extract::{NoQuery, Query};
use crate::http::problem::ApiError;
use crate::tracking::tags_seen::TagSeen;
use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde::Serialize;

/// All of them.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TagSeenList {
    /// The latest first.
    pub items: Vec<TagSeen>,
}

/// Shows the sites on which browsers loaded the tag since the start, the latest first; all of them on one page.
#[utoipa::path(tag = "tests", responses((status = 200, body = TagSeenList)))]
#[get("/tags/seen")]
pub async fn list_tags_seen(
    state: Data<State>,
    viewer: Viewer,
    _query: Query<NoQuery>,
) -> Result<HttpResponse, ApiError> {
    viewer.0.whole()?;
    let items = state.tags_seen.list();
    Ok(HttpResponse::Ok().json(TagSeenList { items }))
}
