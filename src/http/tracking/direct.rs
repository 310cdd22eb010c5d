//! `POST /d/{link}`: the tag on the advertiser's page reports a landing that passed no redirect.

use super::click::{Said, with_incoming};
use super::{TrackingState, allow_origin, caller, no_such_link, own_origin, read_body, set_cookies};
use crate::domain::session::EngagementKind;
use crate::http::problem::ApiError;
use crate::telemetry::{self, EngagementResult};
use crate::tracking::click::{self, find_link};
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
    let found = find_link(&catalog, &path, state.recorder.clock().now_ms());
    let Some(link) = found.filter(|link| link.stopped.is_none()) else {
        return no_such_link();
    };
    let entry = link.entry;
    let Some(origin) = own_origin(&request, [&entry.offer]) else {
        let message = "Add the origin of the page (https://shop.example) to the sites of the offer.";
        return ApiError::state("foreign_origin", message).error_response();
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
    let caller = caller(&request, &state);
    let said = Said {
        query: &body,
        ip: caller.ip,
    };
    let composed = with_incoming(
        request.head(),
        EngagementKind::Direct,
        &link,
        said,
        &state,
        |incoming| click::arrival(incoming, entry, &state.repeats, &state.lookups()),
    );
    let (session, offer) = (composed.session, &entry.offer);
    let mut answer = HttpResponse::Ok();
    allow_origin(&mut answer, Some(&origin));
    set_cookies(&mut answer, &session, offer, caller.is_tls);
    let told =
        json!({"sid": session.id, "tuid": session.tuid, "offer": offer.id, "days": offer.web_window_days()});
    match click::record_of(session, caller.ip, &state.gate, &state.recorder).await {
        Recorded::Lost => ApiError::from(crate::recorder::RecordError::Busy).error_response(),
        Recorded::Durable | Recorded::Spooled => answer.json(told),
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
