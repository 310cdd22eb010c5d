//! How the instance is: health with what to do about it, the store, the queue, the disk; the audit log.

use super::{read, report};
use crate::domain::account::AuditEntry;
use crate::http::State;
use crate::http::auth::{Owner, Viewer};
use crate::http::client::Because;
use crate::http::extract::Query;
use crate::http::health::{Check, matters, readiness};
use crate::http::problem::ApiError;
use crate::reports::audit::{self, AuditQuery};
use crate::reports::page::{Budget, Page};
use crate::reports::scan::{self, Window};
use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde::Serialize;
use std::ops::ControlFlow;

/// How the store is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct StoreDto {
    /// `ready`, `rebuilding`, `full` or `failed`.
    pub state: &'static str,
    /// What is wrong, when it has failed.
    pub failure: Option<String>,
    /// Databases that are being brought back.
    pub rebuilding: Vec<String>,
    /// Databases in all.
    pub databases: usize,
    /// The last commit that is durable.
    pub durable_seq: u64,
    /// The last commit that can be read.
    pub applied_seq: u64,
    /// Size of the journal.
    pub journal_bytes: u64,
    /// What was repaired, rebuilt or lost since the start: sentences.
    pub repairs: Vec<String>,
}

/// How the queue of postbacks is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct QueueSummary {
    /// Waiting postbacks, those in flight included.
    pub waiting: usize,
    /// On the wire.
    pub in_flight: usize,
    /// For how long the longest neglected postback waits whose lane may send, seconds.
    pub oldest_due_age_s: i64,
    /// Destinations whose breaker is open.
    pub open_lanes: usize,
}

/// Clicks that wait in memory while the store is down.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SpoolDto {
    /// How many wait.
    pub waiting: usize,
    /// How many were lost since the start because there was no room.
    pub lost: u64,
}

/// Why the caller appears as it does.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ClientDto {
    /// The caller's address.
    pub ip: String,
    /// A sentence.
    pub because: &'static str,
    /// The same as a code; `null` where nobody asked.
    pub known_by: Option<Because>,
    /// The address of this server as the browser sees it.
    pub origin: String,
}

/// Whether the instance does its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// All is well.
    Ok,
    /// It is ready, and somebody should look: a partner is down, a rule is broken, clicks were lost.
    Degraded,
    /// Something that readiness depends on is not well.
    Down,
}

/// How the instance is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SystemDto {
    /// Version of the server.
    pub version: &'static str,
    /// Well or not.
    pub health: Health,
    /// What readiness depends on, and what the start found wrong, each with a sentence.
    pub checks: Vec<Check>,
    /// How the store is.
    pub store: StoreDto,
    /// How the queue of postbacks is.
    pub queue: QueueSummary,
    /// Clicks that wait in memory.
    pub spool: SpoolDto,
    /// Free on the disk of the data directory.
    pub disk_free_bytes: u64,
    /// Unix milliseconds.
    pub started_at_ms: i64,
    /// Unix milliseconds on this server.
    pub now_ms: i64,
    /// Where everything is kept.
    pub data_dir: String,
    /// The address that postbacks leave from, for allow-lists of receivers; `null`: the system chooses.
    pub source_address: Option<String>,
    /// Whether a GeoIP file is in use.
    pub has_geoip: bool,
    /// Days that records are kept: sessions, activities, attempts.
    pub retention_days: [u32; 3],
    /// Saved rules that can no longer be used.
    pub broken_rules: usize,
    /// Time of the last click or impression, unix milliseconds.
    pub last_session_at_ms: Option<i64>,
    /// Why the caller appears as it does.
    pub client: ClientDto,
}

/// Health, store, queue, disk, version, and why the caller appears as it does.
#[utoipa::path(tag = "system", responses((status = 200, body = SystemDto)))]
#[get("/system")]
pub async fn get_system(state: Data<State>, viewer: Viewer) -> Result<HttpResponse, ApiError> {
    viewer.0.whole()?;
    let caller = viewer.1.clone();
    let mut system = read(&state, move |state| Ok(system(state))).await?;
    system.client = ClientDto {
        ip: caller.ip.to_string(),
        because: caller.because.sentence(),
        known_by: Some(caller.because),
        origin: caller.origin(),
    };
    Ok(HttpResponse::Ok().json(system))
}

fn system(state: &State) -> SystemDto {
    let health = state.recorder.reader().health();
    let queue = state.delivery.snapshot();
    let mut checks = readiness(state);
    let is_ready = checks.iter().all(|check| check.is_ok);
    checks.extend(state.start_faults.iter().cloned());
    let matters = matters(state);
    let has_matter = matters.iter().any(|check| !check.is_ok);
    checks.extend(matters);
    let open_lanes = queue
        .lanes
        .iter()
        .filter(|l| l.state == crate::delivery::LaneState::Open)
        .count();
    let (spool, catalog) = (state.recorder.spool(), state.recorder.catalog());
    let is_degraded = open_lanes > 0
        || has_matter
        || !state.start_faults.is_empty()
        || spool.lost() > 0
        || !catalog.broken_rules.is_empty()
        || !health.rebuilding.is_empty();
    let retention = &state.config.now().retention;
    SystemDto {
        version: env!("CARGO_PKG_VERSION"),
        health: match (is_ready, is_degraded) {
            (false, _) => Health::Down,
            (true, true) => Health::Degraded,
            (true, false) => Health::Ok,
        },
        checks,
        store: StoreDto {
            state: health.state.as_str(),
            failure: health
                .failure
                .as_ref()
                .map(|(db, message)| format!("{db}: {message}")),
            rebuilding: health.rebuilding.iter().map(ToString::to_string).collect(),
            databases: health.databases,
            durable_seq: health.durable_seq,
            applied_seq: health.applied_seq,
            journal_bytes: health.journal_bytes,
            repairs: health
                .repairs
                .iter()
                .map(|repair| repair.message.clone())
                .collect(),
        },
        queue: QueueSummary {
            waiting: queue.waiting,
            in_flight: queue.on_wire,
            oldest_due_age_s: state.delivery.oldest_due_age_ms() / 1000,
            open_lanes,
        },
        spool: SpoolDto {
            waiting: spool.len(),
            lost: spool.lost(),
        },
        disk_free_bytes: health.free_bytes,
        started_at_ms: state.started_at_ms,
        now_ms: state.now_ms(),
        data_dir: state.config.now().data_dir.display().to_string(),
        source_address: state.config.now().delivery.source_address.map(|a| a.to_string()),
        has_geoip: state.geo.is_loaded(),
        retention_days: [
            retention.sessions_days,
            retention.activities_days,
            retention.attempts_days,
        ],
        broken_rules: catalog.broken_rules.len(),
        last_session_at_ms: last_session(state),
        client: ClientDto {
            ip: String::new(),
            because: "",
            known_by: None,
            origin: String::new(),
        },
    }
}

fn last_session(state: &State) -> Option<i64> {
    let window = Window {
        from_ms: 0,
        to_ms: i64::MAX,
        before: None,
    };
    let mut newest = None;
    let looked = scan::newest_first(
        state.recorder.reader(),
        scan::SESSIONS,
        window,
        &mut Budget::of_page(),
        |id, _, _, _| {
            newest = Some(id.at_ms());
            Ok(ControlFlow::Break(()))
        },
    );
    if let Err(error) = looked {
        tracing::warn!(code = error.code(), %error, "the last session could not be read");
    }
    newest
}

/// Lists the audit log, newest first: who did what, from where.
#[utoipa::path(tag = "system", params(AuditQuery), responses((status = 200, body = Page<AuditEntry>)))]
#[get("/audit")]
pub async fn list_audit(
    state: Data<State>,
    owner: Owner,
    query: Query<AuditQuery>,
) -> Result<HttpResponse, ApiError> {
    // What somebody has just done is listed.
    state.applied().await?;
    let page = report(&state, owner.0.scope(), move |view| audit::page(view, &query.0));
    Ok(HttpResponse::Ok().json(page.await?))
}
