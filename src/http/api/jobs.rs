//! The progress of long work that was asked for.

use crate::admin::identity::{Identity, is_still_good};
use crate::admin::jobs::{Job, JobDto};
use crate::domain::ids::TimeId;
use crate::http::State;
use crate::http::auth::{Editor, Viewer};
use crate::http::extract::id;
use crate::http::problem::ApiError;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get, post};

/// Reads the progress of a job that one has started.
#[utoipa::path(tag = "postbacks", responses((status = 200, body = JobDto)))]
#[get("/jobs/{id}")]
pub async fn get_job(
    state: Data<State>,
    viewer: Viewer,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let wanted: TimeId = id("job", &path)?;
    match state.jobs.find(wanted, &viewer.0.actor) {
        Some(job) => Ok(HttpResponse::Ok().json(job)),
        None => Err(ApiError::not_found("job", wanted.to_string())),
    }
}

/// Cancels a job that one has started: it ends after the commit that it is at, and what it did stays.
#[utoipa::path(tag = "postbacks", responses((status = 200, body = JobDto)))]
#[post("/jobs/{id}/cancel")]
pub async fn cancel_job(
    state: Data<State>,
    editor: Editor,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let wanted: TimeId = id("job", &path)?;
    match state.jobs.cancel(wanted, &editor.0.actor) {
        Some(job) => Ok(HttpResponse::Ok().json(job)),
        None => Err(ApiError::not_found("job", wanted.to_string())),
    }
}

/// Begins a job, which ends with the login or token of whoever asks for it.
pub(super) fn start(state: &Data<State>, kind: &'static str, identity: &Identity) -> Result<Job, ApiError> {
    let (recorder, then) = (state.recorder.clone(), identity.clone());
    let judge = move || is_still_good(&recorder, &then);
    Ok(state.jobs.start(kind, identity, judge)?)
}
