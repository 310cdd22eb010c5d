//! The queue of postbacks by destination.

use crate::delivery::{LaneState, Snapshot};
use serde::Serialize;

/// A destination with what waits for it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LaneDto {
    /// Scheme, host and port.
    pub lane: String,
    /// How it stands.
    pub state: LaneState,
    /// Waiting postbacks, those in flight included.
    pub waiting: usize,
    /// Of these, due now.
    pub ready: usize,
    /// On the wire.
    pub in_flight: usize,
    /// Requests at once that it would be sent.
    pub concurrency: u16,
    /// Failures in a row that concern the destination.
    pub failures_in_row: u16,
    /// When the next probe goes out, unix milliseconds.
    pub next_probe_at_ms: Option<i64>,
    /// Until when it asked to be left alone, unix milliseconds.
    pub paused_until_ms: Option<i64>,
}

/// The queue as it stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct QueueDto {
    /// Every destination that is known, the longest queue first.
    pub lanes: Vec<LaneDto>,
    /// Waiting postbacks in all.
    pub waiting: usize,
    /// On the wire.
    pub on_wire: usize,
    /// Worker threads.
    pub workers: usize,
    /// Whether the waiting postbacks of before the start are still being read.
    pub is_scanning: bool,
    /// For how long the longest neglected postback waits whose lane may send, milliseconds.
    pub oldest_due_age_ms: i64,
}

/// The queue for the API.
pub fn queue_dto(snapshot: Snapshot, oldest_due_age_ms: i64) -> QueueDto {
    let lanes = snapshot.lanes.into_iter().map(|l| LaneDto {
        lane: l.lane.to_string(),
        state: l.state,
        waiting: l.waiting,
        ready: l.ready,
        in_flight: l.in_flight,
        concurrency: l.concurrency,
        failures_in_row: l.failures_in_row,
        next_probe_at_ms: l.next_probe_at_ms,
        paused_until_ms: l.paused_until_ms,
    });
    QueueDto {
        lanes: lanes.collect(),
        waiting: snapshot.waiting,
        on_wire: snapshot.on_wire,
        workers: snapshot.workers,
        is_scanning: snapshot.is_scanning,
        oldest_due_age_ms,
    }
}
