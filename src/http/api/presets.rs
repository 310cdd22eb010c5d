//! Presets of partners: the picker's list.

use crate::admin::platforms::{self, ConnectForm, Connected};
use crate::domain::preset::{self, Preset};
use crate::http::State;
use crate::http::auth::{Editor, Viewer};
use crate::http::extract::{Json, Query};
use crate::http::problem::ApiError;
use crate::reports::page::{self, Page};
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get, post};
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

/// Connects a platform: makes the partner, its secrets and its rules from the preset, all of it or nothing. With
/// `dry_run` nothing is saved, and the answer is the same.
#[utoipa::path(tag = "presets", responses((status = 201, body = Connected), (status = 200, body = Connected)))]
#[post("/presets/{id}/connect")]
pub async fn connect_platform(
    state: Data<State>,
    editor: Editor,
    path: Path<String>,
    body: Json<ConnectForm>,
) -> Result<HttpResponse, ApiError> {
    let catalog = state.recorder.catalog();
    let is_dry = body.0.dry_run;
    let (connected, save) = platforms::connect(&path, body.0, &state.saving(&catalog, ""))?;
    if is_dry {
        return Ok(HttpResponse::Ok().json(connected));
    }
    save.commit(&state.recorder, editor.0.actor()).await?;
    Ok(HttpResponse::Created().json(connected))
}
