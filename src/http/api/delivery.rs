//! Whether postbacks are sent: an operator may pause all of them, and let them go on.

use super::read;
use crate::admin::delivery;
use crate::admin::identity::Identity;
use crate::admin::secrets::{self, EndingDto, HeldQueueDto, HoldDto};
use crate::http::State;
use crate::http::auth::{Owner, Viewer};
use crate::http::problem::ApiError;
use actix_web::web::Data;
use actix_web::{HttpResponse, get, post};
use serde::Serialize;

/// Whether delivery is paused.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DeliveryDto {
    /// Whether it is.
    pub is_paused: bool,
    /// Since when, unix milliseconds.
    pub since_ms: Option<i64>,
    /// User, token or command that paused it.
    pub by: Option<String>,
    /// Partners whose postbacks wait: a token is refused, a secret is missing.
    pub held: Vec<HoldDto>,
    /// What waits for each of them, the longest queue first.
    pub held_queues: Vec<HeldQueueDto>,
    /// Postbacks that will be too old for their rule within a day; `null`: none.
    pub ending: Option<EndingDto>,
}

fn view(state: &State) -> DeliveryDto {
    let pause = state.pause.current();
    DeliveryDto {
        is_paused: pause.is_some(),
        since_ms: pause.as_ref().map(|pause| pause.since_ms),
        by: pause.map(|pause| pause.by.clone()),
        held: secrets::held(&state.recorder.catalog(), &state.holds),
        held_queues: secrets::held_queues(&state.recorder),
        ending: state.holds.seen().ending.as_ref().map(EndingDto::of),
    }
}

/// Whether postbacks are sent.
#[utoipa::path(tag = "postbacks", responses((status = 200, body = DeliveryDto)))]
#[get("/delivery")]
pub async fn get_delivery(state: Data<State>, viewer: Viewer) -> Result<HttpResponse, ApiError> {
    viewer.0.whole()?;
    Ok(HttpResponse::Ok().json(view(&state)))
}

/// Pauses delivery: postbacks are recorded and wait.
#[utoipa::path(tag = "postbacks", responses((status = 200, body = DeliveryDto)))]
#[post("/delivery/pause")]
pub async fn pause_delivery(state: Data<State>, owner: Owner) -> Result<HttpResponse, ApiError> {
    set(&state, &owner.0, true).await
}

/// Lets delivery go on: what waits is sent.
#[utoipa::path(tag = "postbacks", responses((status = 200, body = DeliveryDto)))]
#[post("/delivery/resume")]
pub async fn resume_delivery(state: Data<State>, owner: Owner) -> Result<HttpResponse, ApiError> {
    set(&state, &owner.0, false).await
}

async fn set(state: &Data<State>, identity: &Identity, is_paused: bool) -> Result<HttpResponse, ApiError> {
    let actor = identity.actor();
    let view = read(state, move |state| {
        delivery::set_paused(&state.pause, &state.recorder, actor, is_paused)?;
        Ok(view(state))
    })
    .await?;
    Ok(HttpResponse::Ok().json(view))
}
