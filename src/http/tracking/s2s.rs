//! The endpoints of apps: `/session`, `/event`, `/ad_revenue`, `/gdpr_forget_device`, `/uninstall`,
//! `/attribution`, `/claim` and `/cost`. Answers and error texts are those of the API that clients are written
//! for: `error` is a text here, with the stable code beside it.

use super::conversion::{fields, who};
use super::{TrackingState, Unread, is_too_long, read_body, text_header};
use crate::domain::duplicates;
use crate::domain::session::Geo;
use crate::http::problem::ApiError;
use crate::recorder::Group;
use crate::telemetry::{self, ActivityResult};
use crate::tracking::app::{self, AppRequest, Around, Endpoint, Reply};
use crate::tracking::conversion::idempotency_key;
use crate::tracking::kept::Remains;
use crate::tracking::query::FieldError;
use crate::tracking::record_conversion::Idempotency;
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use std::net::IpAddr;

/// In which a server names the address of the device that it speaks for.
const DEVICE_ADDRESS: [&str; 2] = ["x-adjust-forwarded-for", "x-device-address"];

/// Adds the routes, each path with this at its end.
pub(super) fn routes(config: &mut ServiceConfig, end: &str) {
    macro_rules! endpoint {
        ($path:literal, $endpoint:expr) => {
            let take = |request: HttpRequest, payload: Payload, state: Data<TrackingState>| {
                answer(request, payload, state, $endpoint)
            };
            config.service(
                super::resource(&format!("{}{end}", $path))
                    .route(web::get().to(take))
                    .route(web::post().to(take)),
            );
        };
    }
    endpoint!("/session", Endpoint::Session);
    endpoint!("/event", Endpoint::Event);
    endpoint!("/ad_revenue", Endpoint::AdRevenue);
    endpoint!("/gdpr_forget_device", Endpoint::Forget);
    endpoint!("/uninstall", Endpoint::Uninstall);
    endpoint!("/attribution", Endpoint::Attribution);
    endpoint!("/claim", Endpoint::Claim);
    endpoint!("/cost", Endpoint::Cost);
}

async fn answer(
    request: HttpRequest,
    payload: Payload,
    state: Data<TrackingState>,
    endpoint: Endpoint,
) -> HttpResponse {
    match take(&request, payload, &state, endpoint).await {
        Ok(Taken::Answered(reply)) => respond(&reply),
        Ok(Taken::TooSoon { retry_after_s }) => {
            let mut response = respond(&app::too_many_erasures(retry_after_s));
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(retry_after_s));
            response
        }
        Err(error) => error.error_response(),
    }
}

/// What became of a request.
enum Taken {
    Answered(Reply),
    /// One erasure too many.
    TooSoon {
        retry_after_s: u64,
    },
}

fn respond(reply: &Reply) -> HttpResponse {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status).json(&reply.body);
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from_static("5"));
    }
    if status == StatusCode::UNAUTHORIZED {
        response
            .headers_mut()
            .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

async fn take(
    request: &HttpRequest,
    payload: Payload,
    state: &TrackingState,
    endpoint: Endpoint,
) -> Result<Taken, ApiError> {
    let received = if is_too_long(request) {
        Err(Unread::target())
    } else {
        read_body(payload).await
    };
    let body = match received {
        Ok(body) => body,
        Err(unread) => {
            let remains = unread.remains(request);
            keep_unreadable(endpoint, unread.fault(), remains, Vec::new(), request, state).await?;
            telemetry::activity(endpoint.kind().as_str(), ActivityResult::Invalid);
            return Err(unread.error);
        }
    };
    let parsed = parse(request, &body, endpoint, state);
    if let (Endpoint::Forget, Ok((app, _))) = (endpoint, &parsed)
        && let Err(retry_after_s) = state
            .erasure_limit
            .check(super::caller(request, state).ip, &app.app_token)
    {
        return Ok(Taken::TooSoon { retry_after_s });
    }
    let decided = match parsed {
        Ok((app, idempotency)) => {
            let ip = device_address(request, &app, state);
            let around = around(request, body.to_vec(), ip, state);
            let decide = move |group: &mut Group<'_>| {
                app::record(endpoint, &app, &around, idempotency.as_ref(), group)
            };
            state.recorder.try_run(decide).await??
        }
        Err(error) => {
            let remains = Remains::read(request.query_string().as_bytes(), &body);
            Some(keep_unreadable(endpoint, error, remains, body.to_vec(), request, state).await?)
        }
    };
    let Some(reply) = decided else {
        return Err(ApiError::KeyReused);
    };
    let result = match reply.status {
        200..300 => ActivityResult::Accepted,
        400 => ActivityResult::Invalid,
        503 => ActivityResult::Unavailable,
        _ => ActivityResult::Refused,
    };
    telemetry::activity(endpoint.kind().as_str(), result);
    Ok(Taken::Answered(reply))
}

fn around(request: &HttpRequest, body: Vec<u8>, ip: Option<IpAddr>, state: &TrackingState) -> Around {
    Around {
        caller: who(request, body, state),
        ip,
        ip_hash: ip.map_or(0, |ip| state.ip_hasher.hash(ip)),
        geo: ip.map_or_else(Geo::default, |ip| state.geo.place(ip)),
        visitors: state.visitors.clone(),
        link_names: state.link_names.clone(),
    }
}

/// What cannot be read, or not be received whole, is kept in the error log with what of it can, and answered.
async fn keep_unreadable(
    endpoint: Endpoint,
    error: FieldError,
    remains: Remains,
    body: Vec<u8>,
    request: &HttpRequest,
    state: &TrackingState,
) -> Result<Reply, ApiError> {
    let app = AppRequest::of_remains(remains);
    let around = around(request, body, None, state);
    let keep = move |group: &mut Group<'_>| app::record_unreadable(endpoint, &error, &app, &around, group);
    Ok(state.recorder.try_run(keep).await??)
}

fn parse(
    request: &HttpRequest,
    body: &[u8],
    endpoint: Endpoint,
    state: &TrackingState,
) -> Result<(AppRequest, Option<Idempotency>), FieldError> {
    let app = AppRequest::parse(fields(request, body)?, endpoint)?;
    let header = text_header(
        request,
        actix_web::http::header::HeaderName::from_static("idempotency-key"),
    );
    let key = idempotency_key(Some(header.as_str()).filter(|key| !key.is_empty()))?;
    let idempotency = key.map(|key| {
        let authorization = text_header(request, AUTHORIZATION);
        let who = if authorization.is_empty() {
            super::caller(request, state).ip.to_string()
        } else {
            authorization
        };
        Idempotency {
            key: duplicates::idempotency_hash(&who, request.path(), &key),
            request: duplicates::request_hash(request.query_string().as_bytes(), body),
        }
    });
    Ok((app, idempotency))
}

/// The device's address: as the request says, else, when the app itself calls, that of the connection.
fn device_address(request: &HttpRequest, app: &AppRequest, state: &TrackingState) -> Option<IpAddr> {
    let in_header = || {
        DEVICE_ADDRESS
            .iter()
            .find_map(|name| {
                request
                    .headers()
                    .get(*name)?
                    .to_str()
                    .ok()?
                    .trim()
                    .parse::<IpAddr>()
                    .ok()
            })
            .map(|ip| ip.to_canonical())
    };
    let of_connection = || (!app.is_s2s).then(|| super::caller(request, state).ip);
    app.ip.or_else(in_header).or_else(of_connection)
}
