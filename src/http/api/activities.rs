//! Activities (成果ログ, 成果エラーログ).

use super::report;
use crate::domain::ids::ActivityId;
use crate::http::State;
use crate::http::auth::Viewer;
use crate::http::extract::{Query, id};
use crate::http::problem::ApiError;
use crate::reports::activities::{self, ActivityQuery};
use crate::reports::page::Page;
use crate::reports::records::ActivityDto;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};

/// Lists activities, newest first: conversions, refused ones, everything.
#[utoipa::path(tag = "records", params(ActivityQuery), responses((status = 200, body = Page<ActivityDto>)))]
#[get("/activities")]
pub async fn list_activities(
    state: Data<State>,
    viewer: Viewer,
    query: Query<ActivityQuery>,
) -> Result<HttpResponse, ApiError> {
    let page = report(&state, viewer.0.scope(), move |view| {
        activities::page(view, &query.0)
    });
    Ok(HttpResponse::Ok().json(page.await?))
}

/// Reads one activity; a SID gives the click or impression as an activity.
#[utoipa::path(tag = "records", responses((status = 200, body = ActivityDto)))]
#[get("/activities/{id}")]
pub async fn get_activity(
    state: Data<State>,
    viewer: Viewer,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let wanted: ActivityId = id("activity", &path)?;
    let found = report(&state, viewer.0.scope(), move |view| {
        activities::find(view, wanted)
    })
    .await?;
    match found {
        Some(activity) => Ok(HttpResponse::Ok().json(activity)),
        None => Err(ApiError::not_found("activity", path.into_inner())),
    }
}
