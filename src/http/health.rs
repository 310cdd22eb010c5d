//! `/healthz`, `/readyz` and `/metrics`.

use super::State;
use super::client;
use crate::store::StoreState;
use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::json;
use std::time::Duration;

/// A postback whose lane may send and that is overdue by more makes the instance not ready.
const OLDEST_DUE: Duration = Duration::from_secs(30);
/// How long the recorder may take to answer a probe.
const PROBE: Duration = Duration::from_secs(2);

/// Routes that answer on every listener.
pub fn public_routes(config: &mut ServiceConfig) {
    let resource = |path: &str| web::resource(path).default_service(web::to(super::wrong_method));
    config
        .service(resource("/healthz").route(web::get().to(healthz)))
        .service(resource("/readyz").route(web::get().to(readyz)))
        .service(resource("/metrics").route(web::get().to(metrics)));
}

/// 200 when the process answers and its recorder does; says nothing else to strangers.
async fn healthz(state: Data<State>) -> HttpResponse {
    let alive = tokio::time::timeout(PROBE, state.recorder.run(|_| ())).await;
    let is_alive = state.recorder.is_down() || matches!(alive, Ok(Ok(())));
    let mut answer = if is_alive {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    };
    answer
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(json!({"status": if is_alive { "ok" } else { "stuck" }}))
}

/// 200 when conversions can be taken and nothing that could be sent waits too long; never 503 because a
/// partner is down.
async fn readyz(state: Data<State>) -> HttpResponse {
    let checks = readiness(&state);
    let is_ready = checks.iter().all(|check| check.is_ok);
    let mut answer = if is_ready {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    };
    answer
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(json!({"status": if is_ready { "ready" } else { "not_ready" }, "checks": checks}))
}

/// One thing that has to be so for the instance to be ready.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Check {
    /// Stable name.
    pub name: &'static str,
    /// Whether it is so.
    pub is_ok: bool,
    /// A sentence for the operator.
    pub message: String,
}

/// What readiness depends on.
pub fn readiness(state: &State) -> Vec<Check> {
    let health = state.recorder.reader().health();
    let age = Duration::from_millis(u64::try_from(state.delivery.oldest_due_age_ms()).unwrap_or(0));
    let (waiting, room) = state.recorder.queue();
    vec![
        Check {
            name: "store",
            is_ok: matches!(health.state, StoreState::Ready | StoreState::Rebuilding)
                && !state.recorder.is_down(),
            message: match (&health.failure, health.state) {
                (Some((db, message)), _) => format!("{db} failed: {message}; run `yamabiko doctor`"),
                (None, StoreState::Full) => {
                    "the disk is nearly full: free space, recording resumes by itself".into()
                }
                (None, other) => other.as_str().into(),
            },
        },
        Check {
            name: "intake",
            is_ok: waiting < room,
            message: format!("{waiting} of {room} places taken"),
        },
        Check {
            name: "oldest_due_age_seconds",
            is_ok: age <= OLDEST_DUE,
            message: format!(
                "{} s; postbacks whose destination may be called now wait no longer than {} s",
                age.as_secs(),
                OLDEST_DUE.as_secs()
            ),
        },
    ]
}

/// Prometheus text, for loopback callers and on the admin side's own address, or with the configured token.
async fn metrics(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let is_allowed = match &state.config.admin.metrics_token {
        Some(token) => {
            let given = request
                .headers()
                .get(AUTHORIZATION)
                .and_then(|v| v.to_str().ok())
                .unwrap_or_default();
            let wanted = format!("Bearer {token}");
            aws_lc_rs::constant_time::verify_slices_are_equal(given.as_bytes(), wanted.as_bytes()).is_ok()
        }
        None => {
            // Behind a proxy that is not trusted everybody looks like loopback.
            let is_forwarded = ["x-forwarded-for", "forwarded", "via"]
                .iter()
                .any(|n| request.headers().contains_key(*n));
            let is_admin_side = state
                .config
                .admin
                .listen
                .is_some_and(|admin| request.app_config().local_addr() == admin);
            let is_local = client::caller(&request, &state.config.trusted_proxies)
                .ip
                .is_loopback()
                && !is_forwarded;
            // Trust by address is worth nothing when a strange name leads here.
            let asked = client::caller(&request, &state.config.trusted_proxies).host;
            (is_admin_side || is_local) && super::host::check(&state, &asked).is_ok()
        }
    };
    if !is_allowed {
        return HttpResponse::Forbidden().body(
            "metrics are for loopback callers, the admin address, or the token of admin.metrics_token\n",
        );
    }
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(state.metrics.render())
}
