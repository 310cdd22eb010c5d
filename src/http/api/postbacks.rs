//! Postbacks (ポストバックログ): what waits, what was sent, what failed.

use super::read;
use super::report;
use crate::domain::ids::PostbackId;
use crate::http::State;
use crate::http::auth::Viewer;
use crate::http::extract::{Query, id};
use crate::http::problem::ApiError;
use crate::reports::page::Page;
use crate::reports::postbacks::{self, PostbackQuery};
use crate::reports::queue::{QueueDto, queue_dto};
use crate::reports::records::{PostbackDetail, PostbackDto};
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};

/// Lists postbacks, newest first, waiting and settled ones together unless a state is named.
#[utoipa::path(tag = "postbacks", params(PostbackQuery), responses((status = 200, body = Page<PostbackDto>)))]
#[get("/postbacks")]
pub async fn list_postbacks(
    state: Data<State>,
    viewer: Viewer,
    query: Query<PostbackQuery>,
) -> Result<HttpResponse, ApiError> {
    let page = report(&state, viewer.0.scope(), move |view| {
        postbacks::page(view, &query.0)
    });
    Ok(HttpResponse::Ok().json(page.await?))
}

/// Reads one postback with every attempt that is kept.
#[utoipa::path(tag = "postbacks", responses((status = 200, body = PostbackDetail)))]
#[get("/postbacks/{id}")]
pub async fn get_postback(
    state: Data<State>,
    viewer: Viewer,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let wanted: PostbackId = id("postback", &path)?;
    let found = report(&state, viewer.0.scope(), move |view| {
        postbacks::find(view, wanted)
    })
    .await?;
    match found {
        Some(postback) => Ok(HttpResponse::Ok().json(postback)),
        None => Err(ApiError::not_found("postback", path.into_inner())),
    }
}

/// Shows the queue by destination.
#[utoipa::path(tag = "postbacks", responses((status = 200, body = QueueDto)))]
#[get("/postbacks/queue")]
pub async fn queue_view(state: Data<State>, viewer: Viewer) -> Result<HttpResponse, ApiError> {
    viewer.0.whole()?;
    let queue = read(&state, |state| {
        Ok(queue_dto(
            state.delivery.snapshot(),
            state.delivery.oldest_due_age_ms(),
        ))
    })
    .await?;
    Ok(HttpResponse::Ok().json(queue))
}
