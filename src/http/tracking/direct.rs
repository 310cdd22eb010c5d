//! `POST /d/{link}`: the tag on the advertiser's page reports a landing that passed no redirect.

use super::{
    TrackingState, active_link, allow_origin, click, no_such_link, own_origin, read_body, set_cookies,
};
use crate::domain::session::EngagementKind;
use crate::http::problem::ApiError;
use crate::telemetry::{self, EngagementResult};
use crate::tracking::engagement::Recorded;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_MAX_AGE,
};
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde_json::json;

/// Answers `{"sid", "tuid", "offer", "days"}`: what the tag keeps, and for how long.
pub(super) async fn land(
    request: HttpRequest,
    path: Path<String>,
    payload: Payload,
    state: Data<TrackingState>,
) -> HttpResponse {
    let catalog = state.recorder.catalog();
    let Some(entry) = active_link(&catalog, &path) else {
        return no_such_link();
    };
    let Some(origin) = own_origin(&request, [&entry.offer]) else {
        return ApiError::State {
            code: "foreign_origin",
            message: "Add the origin of the page (https://shop.example) to the sites of the offer.".into(),
        }
        .error_response();
    };
    let body = match read_body(payload).await {
        Ok(body) => body,
        Err(unread) => {
            if matches!(unread.error, ApiError::TooLarge { .. }) {
                telemetry::click(EngagementResult::TooLong);
            }
            return unread.error.error_response();
        }
    };
    let (built, _, caller) = click::read(&request, EngagementKind::Direct, &body, entry, &state);
    let (session, offer) = (built.session, &entry.offer);
    let mut answer = HttpResponse::Ok();
    allow_origin(&mut answer, Some(&origin));
    set_cookies(&mut answer, &session, offer, caller.is_tls);
    let told =
        json!({"sid": session.id, "tuid": session.tuid, "offer": offer.id, "days": offer.web_window_days()});
    match click::record(session, &state).await {
        Some(Recorded::Lost) => ApiError::Record(crate::recorder::RecordError::Busy).error_response(),
        _ => answer.json(told),
    }
}

/// Answers the browser's question before a request with JSON: yes for the sites of the offers, else no.
pub(super) async fn preflight(request: HttpRequest, state: Data<TrackingState>) -> HttpResponse {
    let catalog = state.recorder.catalog();
    let origin = own_origin(&request, catalog.offers.values());
    let mut answer = HttpResponse::NoContent();
    allow_origin(&mut answer, origin.as_deref());
    if origin.is_some() {
        answer.insert_header((ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"));
        answer.insert_header((ACCESS_CONTROL_ALLOW_HEADERS, "content-type, idempotency-key"));
        answer.insert_header((ACCESS_CONTROL_MAX_AGE, "600"));
    }
    answer.finish()
}
