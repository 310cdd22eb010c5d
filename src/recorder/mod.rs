//! The one writer. Every change goes through its thread over bounded channels.
//!
//! It takes all that waits (no timer: a group is what arrived during the last sync), lets each job decide
//! in order, makes the group durable with one write and one `fdatasync`, lets reads see it, and acknowledges
//! all. It does not know what jobs decide: those are in `tracking` (what visitors and servers do), `delivery`
//! (what became of postbacks) and `admin` (what operators do).
//!
//! Two channels: outcomes of postbacks are preferred and wait for their turn; intake uses `try_send` and is
//! answered `busy` when the channel is full. While the store is down intake is refused at once (clicks go to
//! the [`Spool`]), and outcomes wait in their channel, to be committed first afterwards.

mod cache;
mod feeds;
mod group;
mod held;
mod rooms;
mod spool;
#[cfg(test)]
pub(crate) mod testing;
mod totals;
mod turns;

pub use feeds::Feeds;
pub use group::{Group, OnDurable};
pub use held::{HeldQueue, HeldQueues};
pub use rooms::{Pool, RoomBytes, RoomUse, Rooms};
pub use spool::Spool;

use cache::Cache;
use turns::Turns;

use crate::clock::Clock;
use crate::domain::ids::PostbackId;
use crate::domain::postback::Postback;
use crate::live::Live;
use crate::store::catalog::Catalog;
use crate::store::{Reader, StoreError, Writer};
use arc_swap::ArcSwap;
use crossbeam_channel::{Sender, TrySendError, bounded};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// Why something was not recorded. Each has a stable code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// More waits than may wait.
    #[error("the server is busy; send the request again in a few seconds")]
    Busy,
    /// The disk is full, or nearly.
    #[error("the disk is full; free space on the data directory's file system, recording resumes by itself")]
    Full,
    /// The store cannot be written for another reason; health and the log tell which.
    #[error("the store cannot be written: {0}; see the health page and the log")]
    Down(String),
    /// Another server has taken the place of this one.
    #[error("{0}")]
    Fenced(String),
    /// A defect: a decision panicked. Nothing was written; the log has the place.
    #[error(
        "the request could not be processed because of a defect in the server; please report it with the log"
    )]
    Defect,
    /// The server is stopping.
    #[error("the server is stopping; send the request again in a few seconds")]
    Stopping,
}

impl RecordError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Full => "disk_full",
            Self::Down(_) => "store_down",
            Self::Fenced(_) => "fenced",
            Self::Defect => "internal_defect",
            Self::Stopping => "stopping",
        }
    }
}

impl From<&StoreError> for RecordError {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Full { .. } => Self::Full,
            StoreError::Fenced(why) => Self::Fenced(why.clone()),
            other => Self::Down(other.to_string()),
        }
    }
}

/// Something to be decided and recorded.
pub trait Job: Send {
    /// Decides and writes through the group. Runs on the recorder's thread: no I/O but the group's.
    fn decide(self: Box<Self>, group: &mut Group<'_>);
}

impl<F: FnOnce(&mut Group<'_>) + Send> Job for F {
    fn decide(self: Box<Self>, group: &mut Group<'_>) {
        (*self)(group);
    }
}

type WakeHook = Box<dyn Fn(Vec<Arc<Postback>>) + Send + Sync>;
type CancelHook = Box<dyn Fn(Vec<PostbackId>) + Send + Sync>;

struct Shared {
    is_down: AtomicBool,
    is_stopping: AtomicBool,
    groups: AtomicU64,
    jobs: AtomicU64,
    held: parking_lot::Mutex<Vec<Box<dyn Job>>>,
    wake: OnceLock<WakeHook>,
    cancel: OnceLock<CancelHook>,
}

/// Sends jobs to the recorder. Clones share it.
#[derive(Clone)]
pub struct Recorder {
    intake: Sender<Box<dyn Job>>,
    outcomes: Sender<Box<dyn Job>>,
    shared: Arc<Shared>,
    catalog: Arc<ArcSwap<Catalog>>,
    spool: Arc<Spool>,
    live: Live,
    reader: Reader,
    rooms: Rooms,
    feeds: Feeds,
    clock: Clock,
}

/// Bounds of the recorder's queues.
#[derive(Debug, Clone, Copy)]
pub struct RecorderOptions {
    /// Jobs of intake that may wait.
    pub intake_queue: usize,
    /// Clicks that may wait in memory while the store is down.
    pub spool: usize,
    /// Bytes a day that are kept of what does not count.
    pub rooms: RoomBytes,
}

impl Recorder {
    /// Starts the recorder's thread.
    pub fn start(
        writer: Writer,
        reader: Reader,
        catalog: Catalog,
        live: Live,
        clock: Clock,
        options: RecorderOptions,
    ) -> std::io::Result<(Self, RecorderThread)> {
        let (intake, intake_jobs) = bounded(options.intake_queue);
        let (outcomes, outcome_jobs) = bounded(4096);
        let recorder = Self {
            intake,
            outcomes,
            shared: Arc::new(Shared {
                is_down: AtomicBool::new(false),
                is_stopping: AtomicBool::new(false),
                groups: AtomicU64::new(0),
                jobs: AtomicU64::new(0),
                held: parking_lot::Mutex::default(),
                wake: OnceLock::new(),
                cancel: OnceLock::new(),
            }),
            catalog: Arc::new(ArcSwap::from_pointee(catalog)),
            spool: Arc::new(Spool::new(options.spool)),
            live,
            reader,
            rooms: Rooms::new(options.rooms),
            feeds: Feeds::default(),
            clock,
        };
        let turns = Turns {
            writer,
            recorder: recorder.clone(),
            intake: intake_jobs,
            outcomes: outcome_jobs,
            totals: totals::Totals::default(),
            cache: Cache::default(),
            retry_at: None,
        };
        let thread = std::thread::Builder::new()
            .name("recorder".into())
            .spawn(move || turns.run())?;
        let stopper = recorder.clone();
        Ok((
            recorder,
            RecorderThread {
                stopper,
                thread: Some(thread),
            },
        ))
    }

    /// Who is told of postbacks that are due; set once, before intake starts.
    pub fn on_wake(&self, hook: impl Fn(Vec<Arc<Postback>>) + Send + Sync + 'static) {
        if self.shared.wake.set(Box::new(hook)).is_err() {
            tracing::error!(
                code = "wake_hook_twice",
                "the scheduler was connected twice; the first one stays"
            );
        }
    }

    /// Who is told of postbacks that were cancelled; set once, before intake starts.
    pub fn on_cancel(&self, hook: impl Fn(Vec<PostbackId>) + Send + Sync + 'static) {
        if self.shared.cancel.set(Box::new(hook)).is_err() {
            tracing::error!(
                code = "cancel_hook_twice",
                "the scheduler was connected twice; the first one stays"
            );
        }
    }

    /// The configuration as it stands.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.catalog.load_full()
    }

    /// How much is kept of what does not count.
    pub fn rooms(&self) -> &Rooms {
        &self.rooms
    }

    /// Up to where records have been handed on.
    pub fn feeds(&self) -> &Feeds {
        &self.feeds
    }

    /// Reads of the store.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The stream of what happens.
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// The clock that decisions go by.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Clicks that wait in memory for the store.
    pub fn spool(&self) -> &Spool {
        &self.spool
    }

    /// The same, to keep.
    pub fn spool_handle(&self) -> Arc<Spool> {
        self.spool.clone()
    }

    /// Whether the last commit failed, or the next one would because another server has taken the place of this one.
    pub fn is_down(&self) -> bool {
        self.shared.is_down.load(Ordering::Acquire) || self.reader.refusal().is_some()
    }

    /// Whether the recorder was told to stop.
    pub fn is_stopping(&self) -> bool {
        self.shared.is_stopping.load(Ordering::Acquire)
    }

    /// Jobs that wait, and the most that may.
    pub fn queue(&self) -> (usize, usize) {
        (self.intake.len(), self.intake.capacity().unwrap_or(0))
    }

    /// Groups committed and jobs decided since the start.
    pub fn counts(&self) -> (u64, u64) {
        (
            self.shared.groups.load(Ordering::Relaxed),
            self.shared.jobs.load(Ordering::Relaxed),
        )
    }

    /// Hands over a job of intake; `Err` gives it back when it cannot wait.
    pub fn submit(&self, job: Box<dyn Job>) -> Result<(), (RecordError, Box<dyn Job>)> {
        if self.shared.is_stopping.load(Ordering::Acquire) {
            return Err((RecordError::Stopping, job));
        }
        match self.intake.try_send(job) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(job)) => Err((RecordError::Busy, job)),
            Err(TrySendError::Disconnected(job)) => Err((RecordError::Stopping, job)),
        }
    }

    /// Hands over the outcome of a postback; waits while the channel is full. The job comes back when the
    /// recorder has ended.
    pub fn submit_outcome(&self, job: Box<dyn Job>) -> Result<(), Box<dyn Job>> {
        self.outcomes.send(job).map_err(|error| error.0)
    }

    /// Takes back an outcome whose commit failed; it is committed first when the store is back. Called on the
    /// recorder's thread, so it never waits; there are no more such outcomes than postbacks in flight.
    pub fn hold_outcome(&self, job: Box<dyn Job>) {
        self.shared.held.lock().push(job);
    }

    /// Decides and records; resolves once it is durable.
    pub async fn run<T, F>(&self, decide: F) -> Result<T, RecordError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Group<'_>) -> T + Send + 'static,
    {
        let receiver = self.start_run(decide)?;
        receiver.await.unwrap_or(Err(RecordError::Defect))
    }

    /// The same for callers on threads of their own.
    pub fn run_blocking<T, F>(&self, decide: F) -> Result<T, RecordError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Group<'_>) -> T + Send + 'static,
    {
        let receiver = self.start_run(decide)?;
        receiver.blocking_recv().unwrap_or(Err(RecordError::Defect))
    }

    /// [`Recorder::run`] for a decision that can fail: of one that does, nothing is written.
    pub async fn try_run<T, E, F>(&self, decide: F) -> Result<Result<T, E>, RecordError>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: FnOnce(&mut Group<'_>) -> Result<T, E> + Send + 'static,
    {
        self.run(all_or_nothing(decide)).await
    }

    /// The same for callers on threads of their own.
    pub fn try_run_blocking<T, E, F>(&self, decide: F) -> Result<Result<T, E>, RecordError>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: FnOnce(&mut Group<'_>) -> Result<T, E> + Send + 'static,
    {
        self.run_blocking(all_or_nothing(decide))
    }

    fn start_run<T, F>(&self, decide: F) -> Result<oneshot::Receiver<Result<T, RecordError>>, RecordError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Group<'_>) -> T + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let job = move |group: &mut Group<'_>| {
            let value = decide(group);
            group.on_durable(Box::new(move |result| {
                // The caller may have gone (a closed connection); what was recorded stays recorded.
                drop(sender.send(result.map(|()| value)));
            }));
        };
        match self.submit(Box::new(job)) {
            Ok(()) => Ok(receiver),
            Err((error, _)) => Err(error),
        }
    }
}

/// The decision, which takes back what it wrote when it fails.
fn all_or_nothing<T, E>(
    decide: impl FnOnce(&mut Group<'_>) -> Result<T, E>,
) -> impl FnOnce(&mut Group<'_>) -> Result<T, E> {
    move |group| {
        let decided = decide(group);
        if decided.is_err() {
            group.discard();
        }
        decided
    }
}

/// Ends the recorder's thread.
pub struct RecorderThread {
    stopper: Recorder,
    thread: Option<JoinHandle<()>>,
}

impl RecorderThread {
    /// Decides and commits what waits, then ends the thread. Intake is refused from the call on.
    pub fn stop(mut self) {
        self.stopper.shared.is_stopping.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(
                code = "recorder_panicked",
                "the recorder's thread ended with a panic"
            );
        }
    }
}

#[cfg(test)]
mod tests;
