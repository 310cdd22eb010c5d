//! `/healthz`, `/readyz` and `/metrics`.

use super::State;
use super::client;
use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;
use std::time::Duration;

/// A postback whose lane may send and that is overdue by more makes the instance not ready.
const OLDEST_DUE: Duration = Duration::from_secs(30);
/// How long the recorder may take to answer a probe.
const PROBE: Duration = Duration::from_secs(2);

/// Routes that answer on every listener.
pub fn public_routes(config: &mut ServiceConfig) {
    config
        .route("/healthz", web::get().to(healthz))
        .route("/readyz", web::get().to(readyz))
        .route("/metrics", web::get().to(metrics));
}

/// 200 when the process answers and its recorder does; says nothing else to strangers.
async fn healthz(state: Data<State>) -> HttpResponse {
    let alive = tokio::time::timeout(PROBE, state.recorder.run(|_| ())).await;
    let is_alive = state.recorder.is_down() || matches!(alive, Ok(Ok(())));
    let mut answer = if is_alive { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    answer.insert_header((CACHE_CONTROL, "no-store")).json(json!({"status": if is_alive { "ok" } else { "stuck" }}))
}

/// 200 when conversions can be taken and nothing that could be sent waits too long; never 503 because a
/// partner is down.
async fn readyz(state: Data<State>) -> HttpResponse {
    let checks = state.readiness(OLDEST_DUE);
    let is_ready = checks.iter().all(|check| check.is_ok);
    let mut answer = if is_ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    answer
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(json!({"status": if is_ready { "ready" } else { "not_ready" }, "checks": checks}))
}

/// Prometheus text, for loopback callers and on the admin side's own address, or with the configured token.
async fn metrics(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let is_allowed = match &state.config.admin.metrics_token {
        Some(token) => {
            let given = request.headers().get(AUTHORIZATION).and_then(|v| v.to_str().ok()).unwrap_or_default();
            let wanted = format!("Bearer {token}");
            aws_lc_rs::constant_time::verify_slices_are_equal(given.as_bytes(), wanted.as_bytes()).is_ok()
        }
        None => {
            let is_admin_side = state.config.admin.listen.is_some_and(|admin| request.app_config().local_addr() == admin);
            is_admin_side || client::caller(&request, &state.config.trusted_proxies).ip.is_loopback()
        }
    };
    if !is_allowed {
        return HttpResponse::Forbidden().body("metrics are for loopback callers, the admin address, or the token of admin.metrics_token\n");
    }
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(state.metrics.render())
}
