//! Conversions from a CSV file.

use crate::admin::upload::{self, UploadResult};
use crate::http::State;
use crate::http::auth::Editor;
use crate::http::extract::{Query, Upload};
use crate::http::problem::ApiError;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::Deserialize;

/// Whether it is only looked at.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UploadQuery {
    /// Only say what would happen.
    #[serde(default)]
    pub dry_run: bool,
}

/// Takes conversions from a CSV file (UTF-8 or Shift_JIS), all lines or none.
#[utoipa::path(
    tag = "records",
    params(UploadQuery),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = UploadResult))
)]
#[post("/conversions/upload")]
pub async fn upload_conversions(
    state: Data<State>,
    editor: Editor,
    query: Query<UploadQuery>,
    upload: Upload,
) -> Result<HttpResponse, ApiError> {
    if !matches!(
        upload.content_type.as_str(),
        "text/csv" | "text/plain" | "application/vnd.ms-excel"
    ) {
        return Err(ApiError::MediaType);
    }
    let result = upload::upload(&state.recorder, &upload.body, query.0.dry_run, editor.0).await?;
    if result.is_applied {
        state.applied().await?;
    }
    Ok(HttpResponse::Ok().json(result))
}
