//! The endpoints of apps: `/session`, `/event`, `/ad_revenue`, `/gdpr_forget_device`, `/uninstall`,
//! `/attribution`, `/claim` and `/cost`. Answers and error texts are those of the API that clients are written
//! for: `error` is a text here, with the stable code beside it.

use super::TrackingState;
use super::conversion::{fields, form, idempotency, receive, told};
use crate::domain::session::Geo;
use crate::http::problem::ApiError;
use crate::recorder::Recorder;
use crate::tracking::app::{self, AppContext, AppRequest, Endpoint, Reply};
use crate::tracking::body::Body;
use crate::tracking::caller::Caller;
use crate::tracking::gate::Named;
use crate::tracking::idempotency::Idempotency;
use crate::tracking::query::FieldError;
use crate::tracking::remains::Remains;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
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
    take(&request, payload, &state, endpoint)
        .await
        .unwrap_or_else(|error| error.error_response())
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
) -> Result<HttpResponse, ApiError> {
    let (caller, body, unread) = receive(request, payload, state).await;
    let form = match unread.map_or_else(|| form(request, &body), Err) {
        Ok(form) => form,
        Err(unread) => {
            let (fault, remains) = (unread.fault(), unread.remains(request));
            let told = keep_unreadable(endpoint, fault, remains, caller, state).await?;
            let is_too_often = told.status() == StatusCode::TOO_MANY_REQUESTS;
            return if is_too_often { Ok(told) } else { Err(unread.error) };
        }
    };
    let (app, idempotency) = match parse(request, &form, endpoint, &caller, &state.recorder) {
        Ok(parsed) => parsed,
        Err(fault) => {
            let remains = Remains::read(request.query_string().as_bytes(), form.bytes());
            return keep_unreadable(endpoint, fault, remains, caller, state).await;
        }
    };
    if let Some(too_often) = refuse_too_often(endpoint, Some(&app.app_token), &caller, state) {
        return Ok(too_often);
    }
    if endpoint == Endpoint::Forget
        && let Err(retry_after_s) = state.erasure_limit.check(caller.ip, &app.app_token)
    {
        let mut response = respond(&app::too_many_erasures(retry_after_s));
        let headers = response.headers_mut();
        headers.insert(RETRY_AFTER, HeaderValue::from(retry_after_s));
        return Ok(response);
    }
    let ip = device_address(request, &app, caller.ip);
    let context = context(caller, ip, state);
    let outcome = app::take(endpoint, app, context, idempotency, &state.recorder).await?;
    told(outcome).map(|reply| respond(&reply))
}

/// Keeps what cannot be read, unless it comes too often.
async fn keep_unreadable(
    endpoint: Endpoint,
    fault: FieldError,
    remains: Remains,
    caller: Caller,
    state: &TrackingState,
) -> Result<HttpResponse, ApiError> {
    if let Some(too_often) = refuse_too_often(endpoint, remains.get("app_token"), &caller, state) {
        return Ok(too_often);
    }
    let context = context(caller, None, state);
    let reply = app::take_unreadable(endpoint, fault, remains, context, &state.recorder).await?;
    Ok(respond(&reply))
}

/// The answer to a request that comes too often.
fn refuse_too_often(
    endpoint: Endpoint,
    app_token: Option<&str>,
    caller: &Caller,
    state: &TrackingState,
) -> Option<HttpResponse> {
    let named = Named {
        is_partners: matches!(endpoint, Endpoint::Claim | Endpoint::Cost),
        ..Named::app(app_token.unwrap_or_default())
    };
    let taken = state
        .gate
        .admit(&named, endpoint.scope(), caller, &state.recorder);
    let retry_after_s = taken.err()?;
    let mut response = respond(&app::too_often(endpoint, retry_after_s));
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from(retry_after_s));
    Some(response)
}

fn context(caller: Caller, ip: Option<IpAddr>, state: &TrackingState) -> AppContext {
    AppContext {
        caller,
        ip,
        ip_hash: ip.map_or(0, |ip| state.ip_hasher.hash(ip)),
        geo: ip.map_or_else(Geo::default, |ip| state.geo.place(ip)),
        unproven_sales: state.config.now().limits.unproven_sales,
        erasure_wait_ms: i64::from(state.config.now().limits.erasure_wait_h) * 3_600_000,
        visitors: state.visitors.clone(),
        link_names: state.link_names.clone(),
    }
}

fn parse(
    request: &HttpRequest,
    body: &Body<'_>,
    endpoint: Endpoint,
    caller: &Caller,
    recorder: &Recorder,
) -> Result<(AppRequest, Option<Idempotency>), FieldError> {
    let app = AppRequest::parse(
        fields(request.query_string().as_bytes(), body, app::RULES, recorder)?,
        endpoint,
    )?;
    Ok((app, idempotency(request, caller)?))
}

/// The device's address: as the request says, else, when the app itself calls, that of the connection.
fn device_address(request: &HttpRequest, app: &AppRequest, connection: IpAddr) -> Option<IpAddr> {
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
    let of_connection = || (!app.is_s2s).then_some(connection);
    app.ip.or_else(in_header).or_else(of_connection)
}
