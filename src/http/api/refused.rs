//! What does not count (成果エラーログ): accepting it after all, deleting it.

use super::read;
use crate::admin::refused::{self, AcceptRequest, AcceptResults, DeleteRequest, DeleteResult};
use crate::http::State;
use crate::http::auth::Editor;
use crate::http::extract::Json;
use crate::http::problem::ApiError;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};

/// Accepts refused conversions: each is played through the pipeline as if trust, window and bots had nothing against it,
/// and fires its rules.
#[utoipa::path(tag = "records", responses((status = 200, body = AcceptResults)))]
#[post("/activities/refused/accept")]
pub async fn accept_refused(
    state: Data<State>,
    editor: Editor,
    body: Json<AcceptRequest>,
) -> Result<HttpResponse, ApiError> {
    let results = refused::accept(body.0, &state.recorder, &editor.0).await?;
    state.applied().await?;
    Ok(HttpResponse::Ok().json(results))
}

/// Deletes refused activities and duplicates for some seconds, and says whether there is more. The statistics keep them.
#[utoipa::path(tag = "records", responses((status = 200, body = DeleteResult)))]
#[post("/activities/refused/delete")]
pub async fn delete_refused(
    state: Data<State>,
    editor: Editor,
    body: Json<DeleteRequest>,
) -> Result<HttpResponse, ApiError> {
    let actor = editor.0.actor();
    let result = read(&state, move |state| {
        Ok(refused::delete(&body.0, &state.recorder, &actor)?)
    })
    .await?;
    state.applied().await?;
    Ok(HttpResponse::Ok().json(result))
}
