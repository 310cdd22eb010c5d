//! What the scheduler is told, in order, by everyone else. Telling it never waits.
//!
//! The bound: workers and durable outcomes tell at most once for each postback in flight. Wake-ups coalesce:
//! beyond a share of memory only the ids are kept, and the scheduler reads the records itself.

use super::Snapshot;
use super::index::Slot;
use super::item::{Dispatch, Ended};
use crate::domain::ids::PostbackId;
use crate::domain::postback::Postback;
use crossbeam_channel::Sender;
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// Whole records that may wait here.
const MOST_RECORDS: usize = 20_000;

/// Something that the scheduler has to know.
pub(crate) enum Event {
    /// A postback was committed as waiting.
    Woken(Arc<Postback>),
    /// The same, its record left in the store.
    WokenById(PostbackId),
    /// A worker is done.
    Ended(Ended),
    /// A worker found no record.
    Missing(Dispatch),
    /// An outcome is durable.
    Durable(Slot, PostbackId),
    /// An operator wants these sent now.
    MakeDue(Vec<PostbackId>),
    /// These are settled already.
    Cancel(Vec<PostbackId>),
    /// Someone wants to know how things stand.
    Snapshot(Sender<Snapshot>),
    /// A batch of waiting postbacks was read, or the reading ended.
    Scanned,
    /// No more claims; what is on the wire may end until then.
    Stop(Instant),
}

#[derive(Default)]
struct State {
    events: Vec<Event>,
    records: usize,
    since: Option<Instant>,
}

/// The scheduler's inbox.
pub(crate) struct Inbox {
    state: Mutex<State>,
    arrived: Condvar,
    began: Instant,
    /// Since when something is neglected (milliseconds since `began`), or -1.
    neglected_since_ms: AtomicI64,
}

impl Default for Inbox {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            arrived: Condvar::new(),
            began: Instant::now(),
            neglected_since_ms: AtomicI64::new(-1),
        }
    }
}

impl Inbox {
    /// Tells one thing.
    pub(crate) fn push(&self, event: Event) {
        self.push_all(std::iter::once(event), 0);
    }

    /// Tells of postbacks that wait.
    pub(crate) fn wake(&self, postbacks: Vec<Arc<Postback>>) {
        let room = MOST_RECORDS.saturating_sub(self.state.lock().records);
        let whole = postbacks.len().min(room);
        let events = postbacks.into_iter().enumerate().map(|(at, postback)| {
            if at < whole {
                Event::Woken(postback)
            } else {
                Event::WokenById(postback.id)
            }
        });
        self.push_all(events, whole);
    }

    fn push_all(&self, events: impl Iterator<Item = Event>, records: usize) {
        let mut state = self.state.lock();
        state.events.extend(events);
        state.records += records;
        if !state.events.is_empty() && state.since.is_none() {
            state.since = Some(Instant::now());
        }
        drop(state);
        self.arrived.notify_one();
    }

    /// Takes all that was told; waits for something until `timeout` is over.
    pub(crate) fn take(&self, timeout: Duration) -> Vec<Event> {
        let mut state = self.state.lock();
        if state.events.is_empty() && !timeout.is_zero() {
            self.arrived.wait_for(&mut state, timeout);
        }
        state.records = 0;
        state.since = None;
        std::mem::take(&mut state.events)
    }

    /// Milliseconds since the start, never leaping: the lanes' clock.
    pub(crate) fn mono_ms(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// Publishes since when something is neglected (the lanes' clock).
    pub(crate) fn publish_neglect(&self, since_ms: Option<i64>) {
        self.neglected_since_ms
            .store(since_ms.unwrap_or(-1), Ordering::Release);
    }

    /// How long something has been neglected, by the scheduler's word or because it does not read its inbox.
    pub(crate) fn neglect_ms(&self) -> i64 {
        let since_ms = self.neglected_since_ms.load(Ordering::Acquire);
        let by_word = if since_ms < 0 {
            0
        } else {
            (self.mono_ms() - since_ms).max(0)
        };
        let unread = self
            .state
            .lock()
            .since
            .map_or(Duration::ZERO, |since| since.elapsed());
        by_word.max(i64::try_from(unread.as_millis()).unwrap_or(i64::MAX))
    }
}
