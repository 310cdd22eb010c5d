//! `/cv` and `/cv.gif`: a web or server-to-server conversion.

use super::{
    TrackingState, Unread, allow_origin, caller, gif, is_too_long, known_visitor, own_origin, read_body,
    text_header, visited,
};
use crate::domain::duplicates;
use crate::domain::template::catalogue;
use crate::http::problem::ApiError;
use crate::telemetry::{self, ActivityResult};
use crate::tracking::conversion::{ConversionRequest, idempotency_key};
use crate::tracking::kept::{self, Remains};
use crate::tracking::query::{FieldError, Fields};
use crate::tracking::record_conversion::{self, Answer, Caller, Idempotency, Outcome, Proof};
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, REFERER, USER_AGENT};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use std::net::IpAddr;

/// `GET` or `POST /cv`: JSON.
pub(super) async fn convert(
    request: HttpRequest,
    payload: Payload,
    state: Data<TrackingState>,
) -> HttpResponse {
    let catalog = state.recorder.catalog();
    let origin = own_origin(&request, catalog.offers.values());
    match take(&request, payload, &state).await {
        Ok(answer) => {
            let mut ok = HttpResponse::Ok();
            allow_origin(&mut ok, origin.as_deref());
            ok.insert_header((CACHE_CONTROL, "no-store")).json(answer)
        }
        Err(error) => error.error_response(),
    }
}

/// `GET /cv.gif`: a picture, whatever came of it; the status says when the caller should try again.
pub(super) async fn pixel(
    request: HttpRequest,
    payload: Payload,
    state: Data<TrackingState>,
) -> HttpResponse {
    match take(&request, payload, &state).await {
        Ok(_) => gif(HttpResponse::Ok()),
        Err(error) => gif(HttpResponse::build(error.status_code())),
    }
}

async fn take(request: &HttpRequest, payload: Payload, state: &TrackingState) -> Result<Answer, ApiError> {
    let received = if is_too_long(request) {
        Err(Unread::target())
    } else {
        read_body(payload).await
    };
    let body = match received {
        Ok(body) => body,
        Err(unread) => {
            let caller = who(request, Vec::new(), state);
            keep_unreadable(&unread.fault(), caller, unread.remains(request), state).await?;
            return Err(unread.error);
        }
    };
    let caller = who(request, body.to_vec(), state);
    let parsed = parse(request, &body, caller.ip);
    let (conversion, idempotency) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            let remains = Remains::read(request.query_string().as_bytes(), &body);
            keep_unreadable(&error, caller, remains, state).await?;
            return Err(ApiError::Invalid {
                field: error.field,
                code: error.code,
                message: error.message,
            });
        }
    };
    let decided = state
        .recorder
        .try_run(move |group| record_conversion::record(&conversion, &caller, idempotency.as_ref(), group));
    match decided.await?? {
        Outcome::Answer(answer) => {
            let result = match answer.result.as_str() {
                "duplicate" => ActivityResult::Duplicate,
                "refused" => ActivityResult::Refused,
                _ => ActivityResult::Accepted,
            };
            telemetry::activity("event", result);
            Ok(answer)
        }
        Outcome::KeyReused => Err(ApiError::KeyReused),
    }
}

/// A conversion that cannot be read, or not be received whole, is kept in the error log with what of it can.
async fn keep_unreadable(
    error: &FieldError,
    caller: Caller,
    remains: Remains,
    state: &TrackingState,
) -> Result<(), ApiError> {
    let (field, message) = (error.field.clone(), error.message.clone());
    state
        .recorder
        .try_run(move |group| kept::record_unreadable(&field, &message, remains, &caller, group))
        .await??;
    telemetry::activity("event", ActivityResult::Invalid);
    Ok(())
}

fn parse(
    request: &HttpRequest,
    body: &[u8],
    ip: IpAddr,
) -> Result<(ConversionRequest, Option<Idempotency>), FieldError> {
    let conversion =
        ConversionRequest::parse(fields(request, body)?, &|name| catalogue::find(name).is_some())?;
    let header = request
        .headers()
        .get("idempotency-key")
        .map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned());
    let key = idempotency_key(header.as_deref())?;
    let idempotency = key.map(|key| {
        let authorization = text_header(request, actix_web::http::header::AUTHORIZATION);
        let who = if authorization.is_empty() {
            ip.to_string()
        } else {
            authorization
        };
        Idempotency {
            key: duplicates::idempotency_hash(&who, request.path(), &key),
            request: duplicates::request_hash(request.query_string().as_bytes(), body),
        }
    });
    Ok((conversion, idempotency))
}

/// JSON when the body begins with `{` (a beacon cannot choose its type); else a form. The query counts too.
pub(super) fn fields(request: &HttpRequest, body: &[u8]) -> Result<Fields, FieldError> {
    let query = request.query_string().as_bytes();
    let content_type = text_header(request, CONTENT_TYPE).to_ascii_lowercase();
    let trimmed = body.trim_ascii_start();
    if content_type.starts_with("application/json") || trimmed.starts_with(b"{") {
        return Fields::from_json(body)?.with_query(Fields::from_form(query)?);
    }
    let joined = [query, body].join(if query.is_empty() || body.is_empty() {
        b"".as_slice()
    } else {
        b"&"
    });
    Fields::from_form(&joined)
}

pub(super) fn who(request: &HttpRequest, body: Vec<u8>, state: &TrackingState) -> Caller {
    let header = |name: &str| {
        request
            .headers()
            .get(name)
            .map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned())
    };
    Caller {
        ip: caller(request, state).ip,
        user_agent: text_header(request, USER_AGENT).chars().take(512).collect(),
        referer: text_header(request, REFERER).chars().take(1024).collect(),
        tuid: known_visitor(request).unwrap_or_default(),
        visited: visited(request),
        proof: Proof {
            authorization: header("authorization"),
            timestamp: header("x-yamabiko-timestamp"),
            signature: header("x-yamabiko-signature"),
            method: request.method().as_str().to_owned(),
            path: request.path().to_owned(),
            query: request.query_string().to_owned(),
            body,
        },
        is_test: false,
        is_operator: false,
    }
}
