//! Presets of partners: the picker's list.

use super::page::{self, Page};
use crate::domain::preset::{self, Preset};
use crate::http::auth::Viewer;
use crate::http::extract::Query;
use crate::http::problem::ApiError;
use actix_web::web::Path;
use actix_web::{HttpResponse, get};
use serde::Deserialize;

/// Filters of the list of presets.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PresetQuery {
    /// Words of a name, company or domain, or a pasted URL.
    pub q: Option<String>,
    /// Items of a page, 1 to 200 (50).
    pub limit: Option<u16>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Searches presets, best match first.
#[utoipa::path(tag = "presets", params(PresetQuery), responses((status = 200, body = Page<Preset>)))]
#[get("/presets")]
pub async fn list_presets(_viewer: Viewer, query: Query<PresetQuery>) -> Result<HttpResponse, ApiError> {
    let limit = page::limit(query.0.limit)?;
    let skip: usize = query
        .0
        .cursor
        .as_deref()
        .unwrap_or("0")
        .parse()
        .map_err(|_| page::wrong_cursor())?;
    let found = preset::search(query.0.q.as_deref().unwrap_or_default());
    let items: Vec<&Preset> = found.iter().skip(skip).take(limit).copied().collect();
    let end = skip.saturating_add(items.len());
    let next_cursor = (end < found.len()).then(|| end.to_string());
    Ok(HttpResponse::Ok().json(Page {
        items,
        next_cursor,
        is_partial: false,
    }))
}

/// Reads one preset.
#[utoipa::path(tag = "presets", responses((status = 200, body = Preset)))]
#[get("/presets/{id}")]
pub async fn get_preset(_viewer: Viewer, path: Path<String>) -> Result<HttpResponse, ApiError> {
    let found = preset::find(&path).ok_or_else(|| ApiError::not_found("preset", path.into_inner()))?;
    Ok(HttpResponse::Ok().json(found))
}
