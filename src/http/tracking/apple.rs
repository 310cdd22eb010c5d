//! Where Apple sends the developer's copies of winning postbacks.

use super::conversion::who;
use super::{TrackingState, read_body};
use crate::domain::activity::Verdict;
use crate::http::problem::ApiError;
use crate::telemetry::{self, ActivityResult};
use crate::tracking::apple;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

/// What is kept is answered 200, refused or not, so that Apple does not repeat it.
pub(super) async fn report(
    request: HttpRequest,
    payload: Payload,
    state: Data<TrackingState>,
) -> Result<HttpResponse, ApiError> {
    let body = read_body(payload).await.inspect_err(|_| {
        telemetry::activity("sk_install", ActivityResult::Invalid);
    })?;
    let postback = apple::parse(&body, &state.apple_keys).map_err(|error| {
        telemetry::activity("sk_install", ActivityResult::Invalid);
        ApiError::invalid(error.field, error.code, error.message)
    })?;
    let caller = who(&request, Vec::new(), &state);
    let recorded = state
        .recorder
        .try_run(move |group| apple::record(&postback, &caller, group))
        .await??;
    let (result, reason, label) = match recorded.verdict {
        Verdict::Accepted => ("accepted", None, ActivityResult::Accepted),
        Verdict::Duplicate { reason, .. } => ("duplicate", Some(reason), ActivityResult::Duplicate),
        Verdict::Refused { reason } => ("refused", Some(reason), ActivityResult::Refused),
    };
    telemetry::activity("sk_install", label);
    let answer = json!({"result": result, "activity_id": recorded.activity, "reason": reason});
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(answer))
}
