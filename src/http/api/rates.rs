//! Rates between currencies.

use crate::admin::rates::{self, RatesDto, RatesForm};
use crate::http::State;
use crate::http::auth::{Owner, Viewer};
use crate::http::extract::{Json, NoQuery, Query};
use crate::http::problem::ApiError;
use actix_web::web::Data;
use actix_web::{HttpResponse, get, put};

/// Reads the rates between currencies.
#[utoipa::path(tag = "settings", responses((status = 200, body = RatesDto)))]
#[get("/rates")]
pub async fn get_rates(
    state: Data<State>,
    viewer: Viewer,
    _query: Query<NoQuery>,
) -> Result<HttpResponse, ApiError> {
    viewer.0.whole()?;
    Ok(HttpResponse::Ok().json(rates::show(&state.recorder.catalog().settings)))
}

/// Replaces all rates between currencies; with a mistake in a line nothing is saved, and the lines are told.
#[utoipa::path(tag = "settings", responses((status = 200, body = RatesDto)))]
#[put("/rates")]
pub async fn replace_rates(
    state: Data<State>,
    owner: Owner,
    body: Json<RatesForm>,
) -> Result<HttpResponse, ApiError> {
    let before = state.recorder.catalog().settings.clone();
    let (shown, save) = rates::replace(body.0, &before, state.now_ms())?;
    if let Some(save) = save {
        save.commit(&state.recorder, owner.0.actor()).await?;
    }
    Ok(HttpResponse::Ok().json(shown))
}
