//! Partners, links and rules from CSV files.

use super::upload::UploadQuery;
use crate::admin::sheets::{self, SheetKind, SheetResult};
use crate::http::State;
use crate::http::auth::Editor;
use crate::http::extract::{Query, Upload};
use crate::http::problem::ApiError;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::StrDeserializer;

/// Takes partners, links or rules from a CSV file (UTF-8 or Shift_JIS, commas or tabs), all rows or none. The headings
/// may be those of an export or of another system; rows of what is there already change only what they name.
#[utoipa::path(
    tag = "settings",
    params(("kind" = SheetKind, Path, description = "`partners`, `links` or `rules`"), UploadQuery),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = SheetResult))
)]
#[post("/config/sheets/{kind}")]
pub async fn take_sheet(
    state: Data<State>,
    editor: Editor,
    path: Path<String>,
    query: Query<UploadQuery>,
    upload: Upload,
) -> Result<HttpResponse, ApiError> {
    editor.0.whole()?;
    let kind: StrDeserializer<'_, serde::de::value::Error> = path.as_str().into_deserializer();
    let kind = SheetKind::deserialize(kind).map_err(|_| ApiError::NoRoute)?;
    if !matches!(
        upload.content_type.as_str(),
        "text/csv" | "text/plain" | "text/tab-separated-values" | "application/vnd.ms-excel"
    ) {
        return Err(ApiError::MediaType);
    }
    let result = sheets::take(
        &state.recorder,
        kind,
        &upload.body,
        query.0.dry_run,
        (state.now_ms(), state.limits()),
        editor.0.actor(),
    )
    .await?;
    Ok(HttpResponse::Ok().json(result))
}
