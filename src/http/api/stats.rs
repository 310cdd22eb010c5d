//! Reports: counters of a time, and what partners are owed.

use super::report;
use crate::http::State;
use crate::http::auth::Viewer;
use crate::http::extract::{NoQuery, Query};
use crate::http::problem::ApiError;
use crate::reports::delay::{self, DelayQuery, Delays};
use crate::reports::notes::{self, NotesQuery, NotesReport};
use crate::reports::payouts::{self, PayoutQuery, Payouts};
use crate::reports::stats::{self, Report, StatsQuery};
use crate::reports::taken::{self, Taken, TakenQuery};
use crate::reports::unproven::{self, UnprovenReport};
use actix_web::web::Data;
use actix_web::{HttpResponse, get};

/// Counters of a time, cut by one thing.
#[utoipa::path(tag = "reports", params(StatsQuery), responses((status = 200, body = Report)))]
#[get("/stats")]
pub async fn get_stats(
    state: Data<State>,
    viewer: Viewer,
    query: Query<StatsQuery>,
) -> Result<HttpResponse, ApiError> {
    let made = report(&state, viewer.0.scope(), move |view| stats::report(view, query.0));
    Ok(HttpResponse::Ok().json(made.await?))
}

/// How long conversions took from their click.
#[utoipa::path(tag = "reports", params(DelayQuery), responses((status = 200, body = Delays)))]
#[get("/stats/delays")]
pub async fn get_delays(
    state: Data<State>,
    viewer: Viewer,
    query: Query<DelayQuery>,
) -> Result<HttpResponse, ApiError> {
    let made = report(&state, viewer.0.scope(), move |view| {
        delay::delays(view, &query.0)
    });
    Ok(HttpResponse::Ok().json(made.await?))
}

/// What was odd about clicks and conversions, such as variables that nobody filled, with how often.
#[utoipa::path(tag = "reports", params(NotesQuery), responses((status = 200, body = NotesReport)))]
#[get("/stats/notes")]
pub async fn get_notes(
    state: Data<State>,
    viewer: Viewer,
    query: Query<NotesQuery>,
) -> Result<HttpResponse, ApiError> {
    let made = report(&state, viewer.0.scope(), move |view| notes::notes(view, &query.0));
    Ok(HttpResponse::Ok().json(made.await?))
}

/// What anybody can do: events whose conversions nobody has to vouch for, with the bounds that hold.
#[utoipa::path(tag = "reports", responses((status = 200, body = UnprovenReport)))]
#[get("/stats/unproven")]
pub async fn get_unproven(
    state: Data<State>,
    viewer: Viewer,
    _none: Query<NoQuery>,
) -> Result<HttpResponse, ApiError> {
    let most = state.config.now().limits.unproven_sales;
    let now_ms = state.recorder.clock().now_ms();
    let made = report(&state, viewer.0.scope(), move |view| {
        unproven::unproven(view, most, now_ms)
    });
    Ok(HttpResponse::Ok().json(made.await?))
}

/// What was sent and taken, skipped and refused, by partner and day.
#[utoipa::path(tag = "reports", params(TakenQuery), responses((status = 200, body = Taken)))]
#[get("/stats/taken")]
pub async fn get_taken(
    state: Data<State>,
    viewer: Viewer,
    query: Query<TakenQuery>,
) -> Result<HttpResponse, ApiError> {
    let made = report(&state, viewer.0.scope(), move |view| taken::taken(view, query.0));
    Ok(HttpResponse::Ok().json(made.await?))
}

/// What partners are owed, by month.
#[utoipa::path(tag = "reports", params(PayoutQuery), responses((status = 200, body = Payouts)))]
#[get("/payouts")]
pub async fn get_payouts(
    state: Data<State>,
    viewer: Viewer,
    query: Query<PayoutQuery>,
) -> Result<HttpResponse, ApiError> {
    let made = report(&state, viewer.0.scope(), move |view| {
        payouts::payouts(view, query.0)
    });
    Ok(HttpResponse::Ok().json(made.await?))
}
