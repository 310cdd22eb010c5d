//! The thread that does what has to be done from time to time. Each step is small, and a failure of one is
//! logged and tried again the next time.

use crate::delivery::LaneState;
use crate::http::State;
use crate::recorder::RecordError;
use crate::store::{RetentionPolicy, StoreState};
use crate::telemetry::{self, QueueGauges};
use crate::tracking::app::{due, erase_again};
use crate::tracking::housekeeping::{self, Sweep};
use crate::tracking::{addresses, erasure, link_names, refused_sweep, visitor_sweep};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_secs(1);
const APPROVALS_EVERY: Duration = Duration::from_secs(10);
/// Whole addresses are looked through.
const ADDRESSES_EVERY: Duration = Duration::from_secs(120);
/// What waits is looked at.
const WAITING_EVERY: Duration = Duration::from_secs(60);
const SWEEP_EVERY: Duration = Duration::from_secs(3600);
const RETENTION_EVERY: Duration = Duration::from_secs(3600);

/// The running thread.
pub(super) struct Housekeeper {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Housekeeper {
    pub(super) fn start(state: Arc<State>) -> std::io::Result<Self> {
        let (stop, stopped) = bounded(1);
        let thread = std::thread::Builder::new()
            .name("housekeeper".into())
            .spawn(move || run(&state, &stopped))?;
        Ok(Self { stop, thread })
    }

    pub(super) fn stop(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!(
                code = "housekeeper_panicked",
                "the housekeeping thread ended with a panic"
            );
        }
    }
}

/// When each kind of work is due.
struct Agenda {
    approvals: Instant,
    addresses: Instant,
    waiting: Instant,
    sweep: Instant,
    visitors: Instant,
    retention: Instant,
}

fn run(state: &State, stopped: &Receiver<()>) {
    let now = Instant::now();
    let mut agenda = Agenda {
        approvals: now,
        addresses: now + TICK * 10,
        waiting: now + TICK * 5,
        sweep: now + SWEEP_EVERY,
        // Soon, for they are counted by it.
        visitors: now + TICK * 2,
        retention: now + TICK * 30,
    };
    while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(TICK) {
        measure(state);
        if state.recorder.is_down() {
            continue;
        }
        let now = Instant::now();
        if now >= agenda.approvals {
            agenda.approvals = now + APPROVALS_EVERY;
            complain("approvals", approve(state));
            complain("link_names", link_names::tidy(&state.link_names, &state.recorder));
            complain("link_names", link_names::save(&state.link_names, &state.recorder));
            complain("erasure", erasure::scrub_delivered(&state.recorder));
            complain("erasure", erase_again::carry_out(&state.recorder).map(drop));
            complain(
                "erasure",
                due::carry_out_due(&state.means(), &state.recorder).map(drop),
            );
        }
        if now >= agenda.waiting {
            let looked = state.holds.look(&state.recorder, &state.pause);
            // A long queue is not looked at all the time.
            agenda.waiting = now + WAITING_EVERY.max(now.elapsed() * 30);
            complain("waiting", looked.map_err(|error| RecordError::from(&error)));
        }
        if now >= agenda.addresses {
            agenda.addresses = now + ADDRESSES_EVERY;
            complain("addresses", addresses::sweep(&state.recorder));
        }
        if now >= agenda.visitors || state.visitors.is_full() {
            agenda.visitors = now + SWEEP_EVERY;
            complain("visitors", sweep_visitors(state));
        }
        if now >= agenda.sweep {
            agenda.sweep = now + SWEEP_EVERY;
            complain("sweep", sweep(state));
        }
        if now >= agenda.retention {
            agenda.retention = now + RETENTION_EVERY;
            complain("retention", retire(state));
        }
    }
    complain("link_names", link_names::save(&state.link_names, &state.recorder));
}

fn complain(what: &str, done: Result<(), RecordError>) {
    if let Err(error) = done {
        tracing::warn!(code = error.code(), what, %error, "housekeeping could not be done; it is tried again");
    }
}

fn approve(state: &State) -> Result<(), RecordError> {
    while housekeeping::approve_due(&state.recorder)? >= 500 {}
    Ok(())
}

fn sweep(state: &State) -> Result<(), RecordError> {
    for what in [Sweep::Duplicates, Sweep::Idempotency] {
        let mut from = None;
        loop {
            from = housekeeping::sweep(&state.recorder, what, from)?;
            if from.is_none() {
                break;
            }
        }
    }
    Ok(())
}

fn sweep_visitors(state: &State) -> Result<(), RecordError> {
    let gone = visitor_sweep::sweep(
        &state.visitors,
        state.config.now().retention.visitors_days,
        &state.recorder,
    )?;
    if gone > 0 {
        tracing::info!(
            gone,
            "devices that nothing was heard of for longest were forgotten"
        );
    }
    Ok(())
}

fn retire(state: &State) -> Result<(), RecordError> {
    let keep = &state.config.now().retention;
    let policy = RetentionPolicy {
        session_days: keep.sessions_days,
        activity_days: keep.activities_days,
        attempt_days: keep.attempts_days,
    };
    for db in housekeeping::retire(&state.recorder, policy)? {
        tracing::info!(%db, "a month is past its retention and was removed");
    }
    let gone = refused_sweep::sweep(keep.refused_days, &state.recorder)?;
    if gone > 0 {
        tracing::info!(
            gone,
            "refused activities and duplicates are past their retention and were removed"
        );
    }
    Ok(())
}

/// Sets the gauges that are read, not counted.
fn measure(state: &State) {
    let queue = state.delivery.snapshot();
    let lanes = |of: &[LaneState]| queue.lanes.iter().filter(|lane| of.contains(&lane.state)).count() as u64;
    telemetry::queue(QueueGauges {
        waiting: queue.waiting as u64,
        in_flight: queue.on_wire as u64,
        lanes_closed: lanes(&[LaneState::Healthy, LaneState::New, LaneState::Failing]),
        lanes_open: lanes(&[LaneState::Open]),
        lanes_paused: lanes(&[LaneState::Paused]),
        oldest_due_age_ms: u64::try_from(state.delivery.oldest_due_age_ms()).unwrap_or(0),
    });
    telemetry::recorder_queue(state.recorder.queue().0 as u64);
    telemetry::spool_clicks(state.recorder.spool().len() as u64);
    telemetry::live_viewers(state.recorder.live().viewers() as u64);
    let health = state.recorder.reader().health();
    telemetry::visitors(state.visitors.count());
    telemetry::disk_free(health.free_bytes);
    telemetry::journal_bytes(health.journal_bytes);
    if let Some(backups) = &health.backups {
        let now_ms = state.now_ms();
        let age_s = backups
            .last_at_ms
            .and_then(|at_ms| u64::try_from((now_ms - at_ms) / 1000).ok());
        telemetry::backup(age_s, backups.is_late(now_ms));
    }
    if let Some(archiving) = &state.archiving {
        let status = archiving.status();
        telemetry::archive(telemetry::ArchiveGauges {
            behind_s: status.behind_s,
            waiting: status.waiting_commits,
            is_failing: status.failure().is_some(),
            is_fenced: status.fenced.is_some(),
            requests_day: status.requests_day,
            sent_bytes_day: status.sent_bytes_day,
        });
    }
    let states = [
        StoreState::Ready,
        StoreState::Rebuilding,
        StoreState::Full,
        StoreState::Failed,
    ]
    .map(StoreState::as_str);
    telemetry::store_state(&states, health.state.as_str());
    state.metrics.upkeep();
}
