//! How many bytes a day are kept of what does not count. Beyond it is counted only. Three rooms, so that a flood of
//! strangers takes nothing from those who have a name: listed and proven callers, and trust failures of senders that
//! had good conversions lately, which are probably a mistake of theirs.
//!
//! The bytes of a day are known in memory: a start begins the day anew.

use super::held::HeldQueues;
use crate::domain::day_room::DayRoom;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;

const HOUR_MS: i64 = 3_600_000;
/// Trust failures of known senders that are remembered; more are as bad as so many.
const MOST_FAILURES: usize = 1_000;

/// Whose record it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pool {
    /// Anybody's.
    Strangers,
    /// A failed check of somebody who had good conversions lately.
    Known,
    /// Of a listed or proven caller.
    Proven,
}

/// Bytes a day of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomBytes {
    /// [`Pool::Strangers`].
    pub strangers: u64,
    /// [`Pool::Known`].
    pub known: u64,
    /// [`Pool::Proven`].
    pub proven: u64,
    /// Of what waits for one partner that is held.
    pub held: u64,
}

impl Default for RoomBytes {
    fn default() -> Self {
        Self {
            strangers: 200 << 20,
            known: 20 << 20,
            proven: 200 << 20,
            held: 512 << 20,
        }
    }
}

/// What is taken today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomUse {
    /// Bytes of strangers.
    pub strangers: u64,
    /// Records of any of them that were counted only.
    pub left_out: u64,
}

#[derive(Debug)]
struct State {
    strangers: DayRoom,
    known: DayRoom,
    proven: DayRoom,
    /// When checks of known senders failed, unix milliseconds.
    failures: VecDeque<i64>,
}

/// See the module. Clones share it.
#[derive(Debug, Clone)]
pub struct Rooms(Arc<Mutex<State>>, HeldQueues);

impl Rooms {
    /// Nothing is taken yet.
    pub fn new(bytes: RoomBytes) -> Self {
        let state = State {
            strangers: DayRoom::new(bytes.strangers),
            known: DayRoom::new(bytes.known),
            proven: DayRoom::new(bytes.proven),
            failures: VecDeque::new(),
        };
        Self(Arc::new(Mutex::new(state)), HeldQueues::new(bytes.held))
    }

    /// What waits for partners that are held.
    pub fn held(&self) -> &HeldQueues {
        &self.1
    }

    /// So many bytes a day from now on.
    pub fn set(&self, bytes: RoomBytes) {
        self.1.set_most(bytes.held);
        let mut state = self.0.lock();
        state.strangers.set(bytes.strangers);
        state.known.set(bytes.known);
        state.proven.set(bytes.proven);
    }

    /// Takes room for a record. `false`: it is counted only.
    pub fn take(&self, pool: Pool, now_ms: i64, bytes: usize) -> bool {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let mut state = self.0.lock();
        match pool {
            Pool::Strangers => state.strangers.take(now_ms, bytes),
            Pool::Known => state.known.take(now_ms, bytes),
            Pool::Proven => state.proven.take(now_ms, bytes),
        }
    }

    /// A check of a known sender failed.
    pub fn note_failure(&self, now_ms: i64) {
        let mut state = self.0.lock();
        if state.failures.len() == MOST_FAILURES {
            state.failures.pop_front();
        }
        state.failures.push_back(now_ms);
    }

    /// How many such checks failed in the last hour.
    pub fn failures_of_hour(&self, now_ms: i64) -> usize {
        let mut state = self.0.lock();
        state.failures.retain(|at_ms| now_ms - at_ms < HOUR_MS);
        state.failures.len()
    }

    /// What is taken today.
    pub fn of_day(&self, now_ms: i64) -> RoomUse {
        let state = self.0.lock();
        let rooms = [&state.strangers, &state.known, &state.proven].map(|room| room.of_day(now_ms));
        RoomUse {
            strangers: rooms[0].0,
            left_out: rooms.iter().map(|(_, left_out)| left_out).sum(),
        }
    }
}
