//! `/healthz`, `/readyz` and `/metrics`.

use super::State;
use super::auth::identify;
use super::client;
use crate::store::{BackupStatus, Loss, StoreState};
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
        .service(
            resource("/healthz")
                .route(web::get().to(healthz))
                .route(web::head().to(healthz)),
        )
        .service(
            resource("/readyz")
                .route(web::get().to(readyz))
                .route(web::head().to(readyz)),
        )
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
/// partner is down. Why is told on the admin side only: to callers of this machine, on the admin side's own address,
/// and to who has signed in.
async fn readyz(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let checks = readiness(&state);
    let is_ready = checks.iter().all(|check| check.is_ok);
    let mut answer = if is_ready {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    };
    answer.insert_header((CACHE_CONTROL, "no-store"));
    let status = if is_ready { "ready" } else { "not_ready" };
    let is_operator = is_admin_side(&request, &state)
        || identify(&request, &state, false).is_ok_and(|(who, _)| who.whole().is_ok());
    if !is_operator {
        return answer.json(json!({"status": status}));
    }
    answer.json(json!({
        "status": status,
        "checks": checks,
        "look_at": matters(&state)
            .iter()
            .filter(|check| !check.is_ok)
            .map(|check| check.name)
            .collect::<Vec<_>>(),
    }))
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
    let refusal = state.recorder.reader().refusal();
    vec![
        Check {
            name: "store",
            is_ok: matches!(health.state, StoreState::Ready | StoreState::Rebuilding)
                && !state.recorder.is_down(),
            message: match (&health.failure, health.state) {
                _ if refusal.is_some() => refusal.unwrap_or_default(),
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

/// How long a loss is told, milliseconds.
const LOSS_TOLD_MS: i64 = 30 * 24 * 3_600_000;

/// What somebody should look at although the instance is ready.
pub fn matters(state: &State) -> Vec<Check> {
    let (health, now_ms) = (state.recorder.reader().health(), state.now_ms());
    let wrong = |name, message| Check {
        name,
        is_ok: false,
        message,
    };
    let mut matters = Vec::new();
    let lately = |loss: &&Loss| now_ms.saturating_sub(loss.at_ms) < LOSS_TOLD_MS;
    if let Some(loss) = health.losses.iter().rev().find(lately) {
        matters.push(wrong(
            "store_lost",
            format!("{}: {}", date(loss.at_ms), loss.message),
        ));
    }
    if !health.damaged_snapshots.is_empty() {
        let names: Vec<String> = health.damaged_snapshots.iter().map(ToString::to_string).collect();
        let names = names.join(", ");
        matters.push(wrong(
            "snapshots",
            format!("the snapshots of {names} are damaged and could not be made anew: make a backup, and check the disk"),
        ));
    }
    if let Some(pause) = state.pause.current() {
        matters.push(wrong(
            "delivery_paused",
            format!(
                "since {}, by {}: postbacks are recorded and wait; `yamabiko delivery resume` sends them",
                date(pause.since_ms),
                pause.by
            ),
        ));
    }
    for peer in client::untrusted_proxies(&state.config.now().trusted_proxies) {
        matters.push(wrong(
            "untrusted_proxy",
            format!("requests come through {peer}, which trusted_proxies does not name: all visitors seem to come from there; add it, then `systemctl reload yamabiko`"),
        ));
    }
    let catalog = state.recorder.catalog();
    match catalog.sealing.problem() {
        Some(problem) => matters.push(wrong("sealing", format!("{problem}; put it there and restart"))),
        None if catalog.has_sealed() => matters.push(wrong(
            "sealing",
            "secrets are sealed with a key that the server was not given: name its file in sealing.key_file, or hand it over with LoadCredential, and restart".into(),
        )),
        None => {}
    }
    for certificate in state.certificates.status(now_ms) {
        matters.push(Check {
            name: "certificate",
            is_ok: !certificate.is_in_need,
            message: certificate.sentence(),
        });
    }
    if let Some(archiving) = &state.archiving {
        let status = archiving.status();
        matters.push(Check {
            name: "archive",
            is_ok: status.failure().is_none(),
            message: status.failure().unwrap_or_else(|| status.place.clone()),
        });
    }
    if let Some(backups) = &health.backups {
        matters.push(Check {
            name: "backup",
            is_ok: !backups.is_late(now_ms),
            message: backup_message(backups),
        });
    }
    matters
}

fn backup_message(backups: &BackupStatus) -> String {
    let dir = backups.dir.display();
    let last = match (backups.last_at_ms, backups.last_bytes) {
        (Some(at_ms), Some(bytes)) => format!("the last one is of {}, {bytes} bytes", date(at_ms)),
        (Some(at_ms), None) => format!("the last one is of {}", date(at_ms)),
        (None, _) => "none was made yet".into(),
    };
    match &backups.failure {
        Some((at_ms, why)) => format!("it failed at {}: {why}; {last}, in {dir}", date(*at_ms)),
        None => format!("{last}, in {dir}"),
    }
}

fn date(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms)
        .map(|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string())
        .unwrap_or_default()
}

/// Prometheus text, for loopback callers and on the admin side's own address, or with the configured token.
async fn metrics(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let is_allowed = match &state.config.now().admin.metrics_token {
        Some(token) => {
            let given = request
                .headers()
                .get(AUTHORIZATION)
                .and_then(|v| v.to_str().ok())
                .unwrap_or_default();
            let wanted = format!("Bearer {token}");
            aws_lc_rs::constant_time::verify_slices_are_equal(given.as_bytes(), wanted.as_bytes()).is_ok()
        }
        None => is_admin_side(&request, &state),
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

/// Whether a request comes from this machine, or on the admin side's own address.
fn is_admin_side(request: &HttpRequest, state: &State) -> bool {
    // Behind a proxy that is not trusted everybody looks like loopback.
    let is_forwarded = ["x-forwarded-for", "forwarded", "via"]
        .iter()
        .any(|n| request.headers().contains_key(*n));
    let own = state.config.now().admin.listen;
    let is_own = own.is_some_and(|admin| crate::connection::local_address(request) == Some(admin));
    let caller = client::client(request, &state.config.now().trusted_proxies);
    let is_local = caller.ip.is_loopback() && !is_forwarded;
    // Trust by address is worth nothing when a strange name leads here.
    (is_own || is_local) && super::host::judge(state, request).is_ok()
}
