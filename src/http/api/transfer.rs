//! The configuration as one document: settings, offers, partners, links, rules. Taken out as TOML or JSON,
//! taken over with a look at the difference first, and all at once or not at all.
//!
//! Secrets are never in the document. What is taken over keeps the secrets of objects that exist already;
//! users and API tokens stay where they are. Objects that the document does not name are left alone.

use super::offers::OfferDto;
use super::partners::PartnerDto;
use super::settings::SettingsDto;
use super::transfer_plan::{Checks, Summary, plan};
use super::{links, rules, to_json};
use crate::domain::account::Role;
use crate::http::State;
use crate::http::auth::{Owner, Viewer};
use crate::http::extract::{self, Json, Query};
use crate::http::problem::ApiError;
use crate::store::catalog::Catalog;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::Data;
use actix_web::{HttpResponse, get, post};
use serde::Deserialize;
use serde_json::Value;

/// What the document says it is.
pub(super) const FORMAT: &str = "yamabiko-configuration-1";
/// Fields of objects that say nothing about the configuration.
const LEFT_OUT: [&str; 4] = ["urls", "updated_at_ms", "created_at_ms", "broken"];
/// The configuration as a document, without secrets.
pub fn export(catalog: &Catalog) -> Result<Value, ApiError> {
    let offers = catalog
        .offers
        .values()
        .map(|o| bare(to_json(&OfferDto::from(&**o))));
    let partners = catalog
        .partners
        .values()
        .map(|p| bare(to_json(&PartnerDto::from(&**p))));
    let links = catalog
        .links
        .values()
        .map(|entry| bare(to_json(&links::view_saved(&entry.link, catalog, ""))));
    let rules = rules::all(catalog).map(|(rule, _)| bare(to_json(&rules::view(rule, None))));
    Ok(serde_json::json!({
        "format": FORMAT,
        "settings": bare(to_json(&SettingsDto::from(&*catalog.settings))),
        "offers": offers.collect::<Vec<_>>(),
        "partners": partners.collect::<Vec<_>>(),
        "links": links.collect::<Vec<_>>(),
        "rules": rules.collect::<Vec<_>>(),
    }))
}

/// Without what the server sets by itself, and without nulls: TOML has none, and absent means the same.
pub(super) fn bare(mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        for name in LEFT_OUT {
            fields.remove(name);
        }
    }
    without_nulls(object)
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(_, value)| !value.is_null());
            kept.map(|(name, value)| (name, without_nulls(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

/// Writes a document as TOML.
pub fn to_toml(document: &Value) -> Result<String, ApiError> {
    toml::to_string_pretty(document).map_err(|_| ApiError::Defect { what: "writing TOML" })
}

/// Reads a document, TOML or JSON.
pub fn parse(text: &str) -> Result<Value, ApiError> {
    if text.trim_start().starts_with('{') {
        return extract::parse_json(text.as_bytes());
    }
    toml::from_str(text).map_err(|error| {
        ApiError::invalid(
            "text",
            "invalid_toml",
            format!("the document cannot be read: {error}"),
        )
    })
}

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
#[utoipa::path(tag = "settings", params(ExportQuery), responses((status = 200, body = String, content_type = "application/toml")))]
#[get("/config/export")]
pub async fn export_configuration(
    state: Data<State>,
    viewer: Viewer,
    query: Query<ExportQuery>,
) -> Result<HttpResponse, ApiError> {
    viewer.0.whole()?;
    let mut document = export(&state.recorder.catalog())?;
    if viewer.0.role < Role::Owner
        && let Some(settings) = document["settings"].as_object_mut()
    {
        settings.remove("alerts");
    }
    let (name, media_type, text) = match query.0.format {
        DocumentFormat::Toml => (
            "yamabiko-config.toml",
            "application/toml; charset=utf-8",
            to_toml(&document)?,
        ),
        DocumentFormat::Json => {
            let text = serde_json::to_string_pretty(&document);
            let text = text.map_err(|_| ApiError::Defect { what: "writing JSON" })?;
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
    let checks = Checks::new(&state.config, Some(state.echo.address()));
    let document = parse(&body.0.text)?;
    let plan = plan(document, &state.recorder.catalog(), state.now_ms(), checks)?;
    let summary = if body.0.dry_run {
        plan.summary()
    } else {
        let (actor, from) = (owner.0.actor.clone(), owner.0.from());
        state
            .recorder
            .try_run(move |group| plan.take_over(&actor, &from, group))
            .await??
    };
    Ok(HttpResponse::Ok().json(summary))
}
