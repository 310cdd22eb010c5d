//! Settings of the instance.

use crate::admin::settings::{self, SettingsDto};
use crate::domain::account::Role;
use crate::http::State;
use crate::http::auth::{Owner, Viewer};
use crate::http::extract::Json;
use crate::http::problem::ApiError;
use actix_web::web::Data;
use actix_web::{HttpResponse, get, put};

/// Reads the settings.
#[utoipa::path(tag = "settings", responses((status = 200, body = SettingsDto)))]
#[get("/settings")]
pub async fn get_settings(state: Data<State>, viewer: Viewer) -> Result<HttpResponse, ApiError> {
    viewer.0.whole()?;
    let mut view = SettingsDto::from(&*state.recorder.catalog().settings);
    if viewer.0.role < Role::Owner {
        view.alerts = None;
    }
    Ok(HttpResponse::Ok().json(view))
}

/// Replaces the settings.
#[utoipa::path(tag = "settings", responses((status = 200, body = SettingsDto)))]
#[put("/settings")]
pub async fn replace_settings(
    state: Data<State>,
    owner: Owner,
    body: Json<SettingsDto>,
) -> Result<HttpResponse, ApiError> {
    let before = state.recorder.catalog().settings.clone();
    let (shown, save) = settings::replace(body.0, &before, state.now_ms())?;
    save.commit(&state.recorder, owner.0.actor()).await?;
    Ok(HttpResponse::Ok().json(shown))
}
