//! The one writer. Every change goes through its thread over bounded channels.
//!
//! It takes all that waits (no timer: a group is what arrived during the last sync), lets each job decide
//! in order, makes the group durable with one write and one `fdatasync`, lets reads see it, and acknowledges
//! all. It does not know what jobs decide: those are in `tracking` (what visitors and servers do), `delivery`
//! (what became of postbacks) and `http::api` (what operators do).
//!
//! Two channels: outcomes of postbacks are preferred and wait for their turn; intake uses `try_send` and is
//! answered `busy` when the channel is full. While the store is down intake is refused at once (clicks go to
//! the [`Spool`]), and outcomes wait in their channel, to be committed first afterwards.

mod group;
mod known;
mod spool;
#[cfg(test)]
pub(crate) mod testing;
mod totals;

pub use group::{Group, OnDurable};
pub use spool::Spool;

use known::Known;

use crate::clock::Clock;
use crate::domain::ids::PostbackId;
use crate::domain::postback::Postback;
use crate::live::Live;
use crate::store::catalog::Catalog;
use crate::store::{Reader, StoreError, Writer};
use crate::telemetry;
use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Jobs of one group at most; beyond it a group only gains latency.
const MOST_JOBS: usize = 1024;
/// Bytes of one group, roughly, beyond which no further job joins it.
const MOST_BYTES: usize = 4 << 20;
/// How long the writer rests between tries while the store is down.
const RETRY_EVERY: Duration = Duration::from_millis(250);
/// How long outcomes wait for others, or for intake, to be made durable with them.
const OUTCOMES_REST: Duration = Duration::from_millis(3);

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
            Self::Defect => "internal_defect",
            Self::Stopping => "stopping",
        }
    }
}

impl From<&StoreError> for RecordError {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Full { .. } => Self::Full,
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
    clock: Clock,
}

/// Bounds of the recorder's queues.
#[derive(Debug, Clone, Copy)]
pub struct RecorderOptions {
    /// Jobs of intake that may wait.
    pub intake_queue: usize,
    /// Clicks that may wait in memory while the store is down.
    pub spool: usize,
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
            clock,
        };
        let state = Loop {
            writer,
            recorder: recorder.clone(),
            intake: intake_jobs,
            outcomes: outcome_jobs,
            totals: totals::Totals::default(),
            known: Known::default(),
            retry_at: None,
        };
        let thread = std::thread::Builder::new()
            .name("recorder".into())
            .spawn(move || state.run())?;
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

    /// Whether the last commit failed.
    pub fn is_down(&self) -> bool {
        self.shared.is_down.load(Ordering::Acquire)
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
            group.undo();
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

struct Loop {
    writer: Writer,
    recorder: Recorder,
    intake: Receiver<Box<dyn Job>>,
    outcomes: Receiver<Box<dyn Job>>,
    totals: totals::Totals,
    known: Known,
    retry_at: Option<Instant>,
}

impl Loop {
    fn run(mut self) {
        loop {
            let stopping = self.recorder.shared.is_stopping.load(Ordering::Acquire);
            if let Some(at) = self.retry_at {
                if stopping {
                    break;
                }
                self.rest_while_down(at);
                continue;
            }
            let jobs = self.gather(if stopping {
                Duration::ZERO
            } else {
                Duration::from_millis(50)
            });
            if jobs.is_empty() {
                if stopping {
                    break;
                }
                continue;
            }
            self.commit(jobs);
        }
        if let Err(error) = self.writer.close() {
            tracing::error!(code = "store_close", %error, "the store did not close cleanly; it will replay its journal at the next start");
        }
    }

    /// While the store is down intake is answered at once, and the store is tried from time to time.
    fn rest_while_down(&mut self, at: Instant) {
        let now = Instant::now();
        if now < at {
            if let Ok(job) = self.intake.recv_timeout(at - now) {
                let error = RecordError::from(&self.writer.down_error());
                self.refuse(job, &error);
            }
            return;
        }
        match self.writer.recover() {
            Ok(()) => {
                tracing::info!(
                    spooled = self.recorder.spool.len(),
                    "the store can be written again"
                );
                self.retry_at = None;
                self.recorder.shared.is_down.store(false, Ordering::Release);
            }
            Err(error) => {
                tracing::warn!(code = "store_down", %error, "the store still cannot be written");
                self.retry_at = Some(Instant::now() + RETRY_EVERY);
            }
        }
    }

    /// All that waits: held outcomes and spooled clicks first, then outcomes, then intake; waits for the first
    /// at most `patience`. Nobody waits for an outcome, so outcomes alone rest for a moment to share a sync.
    fn gather(&self, patience: Duration) -> Vec<Box<dyn Job>> {
        let mut jobs = std::mem::take(&mut *self.recorder.shared.held.lock());
        jobs.extend(self.recorder.spool.take(MOST_JOBS));
        let mut has_intake = self.take_waiting(&mut jobs);
        if jobs.is_empty() {
            crossbeam_channel::select! {
                recv(self.outcomes) -> job => jobs.extend(job),
                recv(self.intake) -> job => {
                    has_intake = true;
                    jobs.extend(job);
                }
                default(patience) => return jobs,
            }
            has_intake |= self.take_waiting(&mut jobs);
        }
        if !has_intake && jobs.len() < MOST_JOBS && !patience.is_zero() {
            jobs.extend(self.intake.recv_timeout(OUTCOMES_REST));
            self.take_waiting(&mut jobs);
        }
        jobs
    }

    /// Adds what waits in the channels; whether intake was among it.
    fn take_waiting(&self, jobs: &mut Vec<Box<dyn Job>>) -> bool {
        jobs.extend(
            self.outcomes
                .try_iter()
                .take(MOST_JOBS.saturating_sub(jobs.len())),
        );
        let before = jobs.len();
        jobs.extend(self.intake.try_iter().take(MOST_JOBS.saturating_sub(before)));
        jobs.len() > before
    }

    fn refuse(&self, job: Box<dyn Job>, error: &RecordError) {
        let mut group = Group::new(
            &self.recorder.reader,
            &self.known,
            self.recorder.catalog(),
            self.recorder.clock.now_ms(),
        );
        let decided = catch_unwind(AssertUnwindSafe(|| job.decide(&mut group)));
        if decided.is_err() {
            tracing::error!(
                code = "decision_panicked",
                "a decision panicked while the store was down"
            );
        }
        group.reject(error);
    }

    fn commit(&mut self, jobs: Vec<Box<dyn Job>>) {
        let mut rest = jobs.into_iter().peekable();
        let (reader, known) = (self.recorder.reader.clone(), std::mem::take(&mut self.known));
        while rest.peek().is_some() {
            let mut group = Group::new(
                &reader,
                &known,
                self.recorder.catalog(),
                self.recorder.clock.now_ms(),
            );
            let (mut decided, mut has_failed) = (0, false);
            for job in rest.by_ref() {
                decided += 1;
                self.recorder.shared.jobs.fetch_add(1, Ordering::Relaxed);
                match catch_unwind(AssertUnwindSafe(|| job.decide(&mut group))) {
                    Ok(()) => match group.failure() {
                        None => group.accept(),
                        Some(error) => {
                            has_failed = true;
                            group.reject(&error);
                        }
                    },
                    Err(_) => {
                        tracing::error!(
                            code = "decision_panicked",
                            "a decision panicked; nothing of it was written"
                        );
                        group.reject(&RecordError::Defect);
                    }
                }
                if group.bytes() > MOST_BYTES {
                    break;
                }
            }
            self.write(group, decided, &known);
            // What came back to wait would be decided again at once, and fail again.
            if has_failed && self.is_waited_for() {
                self.go_down();
            }
        }
        self.known = known;
    }

    /// Whether clicks or outcomes wait for the store to be back.
    fn is_waited_for(&self) -> bool {
        !self.recorder.spool.is_empty() || !self.recorder.shared.held.lock().is_empty()
    }

    fn write(&mut self, group: Group<'_>, jobs: u64, known: &Known) {
        let (commit, effects) = match group.finish(&mut self.totals) {
            Ok(finished) => finished,
            Err((error, on_durable)) => {
                tracing::error!(code = "group_unreadable", %error, "a group could not be put together");
                self.refuse_all(on_durable, &error, known);
                return;
            }
        };
        let group::Effects {
            postbacks,
            cancelled,
            live,
            erased,
            on_durable,
            catalog,
        } = effects;
        if commit.writes.is_empty() {
            on_durable.into_iter().for_each(|callback| callback(Ok(())));
            return;
        }
        let begun = Instant::now();
        match self.writer.append(&commit) {
            Ok(appended) => {
                telemetry::commit(jobs, begun.elapsed());
                telemetry::postbacks_created(postbacks.len() as u64);
                self.totals.keep();
                self.recorder.shared.groups.fetch_add(1, Ordering::Relaxed);
                if let Some(catalog) = catalog {
                    self.recorder.catalog.store(catalog);
                }
                known.written(&commit.writes);
                // First, so that whoever is answered reads what was answered.
                self.writer.apply(appended, commit);
                if !postbacks.is_empty()
                    && let Some(wake) = self.recorder.shared.wake.get()
                {
                    wake(postbacks);
                }
                if !cancelled.is_empty()
                    && let Some(cancel) = self.recorder.shared.cancel.get()
                {
                    cancel(cancelled);
                }
                on_durable.into_iter().for_each(|callback| callback(Ok(())));
                self.recorder.live.publish(self.recorder.clock.now_ms(), live);
                self.recorder.live.erase(&erased);
            }
            Err(error) => {
                tracing::error!(code = "commit_failed", %error, "a group could not be made durable");
                self.refuse_all(on_durable, &error, known);
            }
        }
    }

    /// Nothing of a group stands: whoever waits for it is told, and the store is tried again after a rest.
    fn refuse_all(&mut self, on_durable: Vec<OnDurable>, error: &StoreError, known: &Known) {
        self.totals.forget();
        known.forget();
        let refusal = RecordError::from(error);
        on_durable
            .into_iter()
            .for_each(|callback| callback(Err(refusal.clone())));
        self.go_down();
    }

    fn go_down(&mut self) {
        self.recorder.shared.is_down.store(true, Ordering::Release);
        self.retry_at = Some(Instant::now() + RETRY_EVERY);
    }
}

#[cfg(test)]
mod tests;
