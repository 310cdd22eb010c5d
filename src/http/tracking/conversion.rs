//! `/cv` and `/cv.gif`: a web or server-to-server conversion.

use super::{
    TrackingState, Unread, allow_origin, body_of, caller, direct, gif, is_too_long, known_visitor,
    own_origin, read_body, resource, text_header, visited,
};
use crate::connection::query_as_sent;
use crate::domain::activity::RefusalReason;
use crate::domain::offer::TrustScope;
use crate::http::problem::ApiError;
use crate::recorder::Recorder;
use crate::tracking::body::Body;
use crate::tracking::caller::{Caller, Proof};
use crate::tracking::conversion::{ConversionRequest, RULES};
use crate::tracking::fields::{FieldRules, Fields};
use crate::tracking::gate::Named;
use crate::tracking::idempotency::Idempotency;
use crate::tracking::outcome::Outcome;
use crate::tracking::personal;
use crate::tracking::query::FieldError;
use crate::tracking::record_conversion::{self, Answer};
use crate::tracking::remains::Remains;
use crate::tracking::set_charset;
use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, REFERER, USER_AGENT};
use actix_web::web::{self, Bytes, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, ResponseError};

/// Adds the routes, each path with this at its end.
pub(super) fn routes(config: &mut ServiceConfig, end: &str) {
    let resource = |path: &str| resource(&format!("{path}{end}"));
    config
        .service(
            resource("/cv")
                .route(web::get().to(convert))
                .route(web::post().to(convert))
                .route(web::method(Method::OPTIONS).to(direct::preflight)),
        )
        .service(resource("/cv.gif").route(web::get().to(pixel)));
}

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
    let (caller, body, unread) = receive(request, payload, state).await;
    let form = match unread.map_or_else(|| form(request, &body), Err) {
        Ok(form) => form,
        Err(unread) => {
            keep_unreadable(unread.fault(), unread.remains(request), caller, state).await?;
            return Err(unread.error);
        }
    };
    match parse(request, &form, &caller, &state.recorder) {
        Ok((conversion, idempotency)) => {
            admit(&(&conversion).into(), TrustScope::Conversions, &caller, state)?;
            let ip = caller.ip;
            let answer = told(
                record_conversion::take(
                    conversion,
                    caller,
                    idempotency,
                    state.config.now().limits.unproven_sales,
                    &state.recorder,
                )
                .await?,
            )?;
            if answer.reason == Some(RefusalReason::UnknownSession) {
                state.gate.note_unknown_sid(ip);
            }
            match answer.reason {
                Some(reason @ RefusalReason::AmbiguousOrder) => {
                    Err(ApiError::state(reason.code(), reason.remedy()))
                }
                _ => Ok(answer),
            }
        }
        Err(fault) => {
            let remains = Remains::read(request.query_string().as_bytes(), form.bytes());
            keep_unreadable(fault.clone(), remains, caller, state).await?;
            Err(fault.into())
        }
    }
}

/// Who sends a request, and its body; or why that could not be received whole.
pub(super) async fn receive(
    request: &HttpRequest,
    payload: Payload,
    state: &TrackingState,
) -> (Caller, Bytes, Option<Unread>) {
    let received = if is_too_long(request) {
        Err(Unread::target())
    } else {
        read_body(payload).await
    };
    let (body, unread) = match received {
        Ok(body) => (body, None),
        Err(unread) => (Bytes::new(), Some(unread)),
    };
    (who(request, body.to_vec(), state), body, unread)
}

/// A form or JSON, whatever the body came as.
pub(super) fn form<'b>(request: &HttpRequest, body: &'b [u8]) -> Result<Body<'b>, Unread> {
    Ok(body_of(request, body)?)
}

/// Keeps what cannot be read, unless it comes too often.
async fn keep_unreadable(
    fault: FieldError,
    remains: Remains,
    caller: Caller,
    state: &TrackingState,
) -> Result<(), ApiError> {
    admit(
        &(&remains.salvage()).into(),
        TrustScope::Conversions,
        &caller,
        state,
    )?;
    Ok(record_conversion::take_unreadable(fault, remains, caller, &state.recorder).await?)
}

/// Whether a request is taken now.
pub(super) fn admit(
    named: &Named,
    scope: TrustScope,
    caller: &Caller,
    state: &TrackingState,
) -> Result<(), ApiError> {
    let taken = state.gate.admit(named, scope, caller, &state.recorder);
    taken.map_err(|retry_after_s| ApiError::TooOften { retry_after_s })
}

/// What the caller is told, or the error that stands for it.
pub(super) fn told<T>(outcome: Outcome<T>) -> Result<T, ApiError> {
    match outcome {
        Outcome::Decided(told) => Ok(told),
        Outcome::KeyReused => Err(ApiError::KeyReused),
        Outcome::KeyUnreadable => Err(ApiError::KeyUnreadable),
        Outcome::Locked => Err(ApiError::Sealed),
    }
}

fn parse(
    request: &HttpRequest,
    body: &Body<'_>,
    caller: &Caller,
    recorder: &Recorder,
) -> Result<(ConversionRequest, Option<Idempotency>), FieldError> {
    let fields = fields(request.query_string().as_bytes(), body, RULES, recorder)?;
    let conversion = ConversionRequest::parse(fields)?;
    Ok((conversion, idempotency(request, caller)?))
}

pub(super) fn idempotency(request: &HttpRequest, caller: &Caller) -> Result<Option<Idempotency>, FieldError> {
    let header = request.headers().get("idempotency-key");
    let key = header.map(|value| String::from_utf8_lossy(value.as_bytes()));
    Idempotency::read(key.as_deref(), &caller.proof)
}

/// The fields of query and body.
pub(super) fn fields(
    query: &[u8],
    body: &Body<'_>,
    mut rules: FieldRules,
    recorder: &Recorder,
) -> Result<Fields, FieldError> {
    let form = match body {
        Body::Json(json) => {
            rules.charset = set_charset::of_report(query, recorder);
            let rules = &rules;
            return Fields::from_json(json, rules)?.with_query(Fields::from_form(query, rules)?, rules);
        }
        Body::Form(form) => form,
    };
    let joined = [query, form].join(if query.is_empty() || form.is_empty() {
        b"".as_slice()
    } else {
        b"&"
    });
    rules.charset = set_charset::of_report(&joined, recorder);
    Fields::from_form(&joined, &rules)
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
        referer: personal::text(&text_header(request, REFERER))
            .chars()
            .take(1024)
            .collect(),
        tuid: known_visitor(request).unwrap_or_default(),
        visited: visited(request),
        proof: Proof {
            authorization: header("authorization"),
            timestamp: header("x-yamabiko-timestamp"),
            signature: header("x-yamabiko-signature"),
            method: request.method().as_str().to_owned(),
            path: request.path().to_owned(),
            query: query_as_sent(request),
            body,
        },
        is_test: false,
        is_operator: false,
        is_forgiving: false,
    }
}
