//! Erasures of devices that nobody proved, while they wait.

use super::read;
use crate::admin::erasures::{self, Decision, ErasureList};
use crate::http::State;
use crate::http::auth::Editor;
use crate::http::extract::{NoQuery, Query};
use crate::http::problem::ApiError;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, get, post};

/// Lists the erasures that wait since nothing proves who asked for them.
#[utoipa::path(tag = "records", responses((status = 200, body = ErasureList)))]
#[get("/erasures")]
pub async fn list_erasures(
    state: Data<State>,
    _editor: Editor,
    _query: Query<NoQuery>,
) -> Result<HttpResponse, ApiError> {
    let listed = read(&state, |state| Ok(erasures::list(state.recorder.reader())?)).await?;
    Ok(HttpResponse::Ok().json(listed))
}

/// Cancels an erasure that waits: the device is not forgotten.
#[utoipa::path(tag = "records", responses((status = 204)))]
#[delete("/erasures/{id}")]
pub async fn cancel_erasure(
    state: Data<State>,
    editor: Editor,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    decide(&state, &editor, path.into_inner(), Decision::Cancel).await
}

/// Carries out an erasure that waits.
#[utoipa::path(tag = "records", responses((status = 204)))]
#[post("/erasures/{id}/carry_out")]
pub async fn carry_out_erasure(
    state: Data<State>,
    editor: Editor,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let decision = Decision::CarryOut(state.means());
    decide(&state, &editor, path.into_inner(), decision).await
}

async fn decide(
    state: &Data<State>,
    editor: &Editor,
    id: String,
    decision: Decision,
) -> Result<HttpResponse, ApiError> {
    erasures::decide(id, decision, &state.recorder, editor.0.actor()).await?;
    state.applied().await?;
    Ok(HttpResponse::NoContent().finish())
}
