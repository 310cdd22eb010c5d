//! The configuration as one document: taken out, and taken over.

use crate::admin::import::{self, Summary};
use crate::admin::{AdminError, document};
use crate::domain::account::Role;
use crate::http::State;
use crate::http::auth::{Owner, Viewer};
use crate::http::extract::{Json, Query};
use crate::http::problem::ApiError;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::Data;
use actix_web::{HttpResponse, get, post};
use serde::Deserialize;

/// How the document is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DocumentFormat {
    /// TOML.
    #[default]
    Toml,
    /// JSON.
    Json,
}

/// What is wanted of an export.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// `toml` (default) or `json`.
    #[serde(default)]
    #[param(inline)]
    pub format: DocumentFormat,
}

/// The configuration as a file, without secrets, users and tokens.
#[utoipa::path(tag = "settings", params(ExportQuery), responses((status = 200, content(
    (String = "application/toml; charset=utf-8"),
    (serde_json::Value = "application/json; charset=utf-8"),
))))]
#[get("/config/export")]
pub async fn export_configuration(
    state: Data<State>,
    viewer: Viewer,
    query: Query<ExportQuery>,
) -> Result<HttpResponse, ApiError> {
    viewer.0.whole()?;
    let mut document = document::export(&state.recorder.catalog());
    if viewer.0.role < Role::Owner
        && let Some(settings) = document["settings"].as_object_mut()
    {
        settings.remove("alerts");
    }
    let (name, media_type, text) = match query.0.format {
        DocumentFormat::Toml => (
            "yamabiko-config.toml",
            "application/toml; charset=utf-8",
            document::to_toml(&document)?,
        ),
        DocumentFormat::Json => {
            let text = serde_json::to_string_pretty(&document);
            let text = text.map_err(|_| AdminError::Defect { what: "writing JSON" })?;
            ("yamabiko-config.json", "application/json; charset=utf-8", text)
        }
    };
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, media_type))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .body(text))
}

/// A document to be taken over.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportRequest {
    /// The document, TOML or JSON.
    pub text: String,
    /// Only say what would change.
    #[serde(default)]
    pub dry_run: bool,
}

/// Takes a configuration over, all of it or nothing; `dry_run` only says what would change.
#[utoipa::path(tag = "settings", responses((status = 200, body = Summary)))]
#[post("/config/import")]
pub async fn import_configuration(
    state: Data<State>,
    owner: Owner,
    body: Json<ImportRequest>,
) -> Result<HttpResponse, ApiError> {
    let document = document::read(&body.0.text)?;
    let plan = import::plan(
        document,
        &state.recorder.catalog(),
        state.now_ms(),
        state.limits(),
    )?;
    let summary = if body.0.dry_run {
        plan.summary()
    } else {
        plan.commit(&state.recorder, owner.0.actor()).await?
    };
    Ok(HttpResponse::Ok().json(summary))
}
