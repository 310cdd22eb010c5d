//! Decisions about conversions (承認 / 否認).

use crate::admin::decisions::{self, StatusRequest, StatusResults};
use crate::http::State;
use crate::http::auth::Editor;
use crate::http::extract::Json;
use crate::http::problem::ApiError;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};

/// Approves, rejects or puts back conversions (一括承認 / 一括否認). Each change fires the rules of its status.
#[utoipa::path(tag = "records", responses((status = 200, body = StatusResults)))]
#[post("/activities/status")]
pub async fn change_status(
    state: Data<State>,
    editor: Editor,
    body: Json<StatusRequest>,
) -> Result<HttpResponse, ApiError> {
    let results = decisions::decide(body.0, &state.recorder, &editor.0.actor()).await?;
    state.applied().await?;
    Ok(HttpResponse::Ok().json(results))
}
