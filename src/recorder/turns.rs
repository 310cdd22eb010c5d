//! The turns of the recorder's thread: gather what waits, decide, make it durable, tell. While the store is down
//! it refuses intake at once and tries the store from time to time.

use super::cache::Cache;
use super::group::{Effects, Group, OnDurable};
use super::totals::Totals;
use super::{Job, RecordError, Recorder};
use crate::store::{StoreError, Writer};
use crate::telemetry;
use crossbeam_channel::Receiver;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Jobs of one group at most; beyond it a group only gains latency.
const MOST_JOBS: usize = 1024;
/// Bytes of one group, roughly, beyond which no further job joins it.
const MOST_BYTES: usize = 4 << 20;
/// How long the writer rests between tries while the store is down.
const RETRY_EVERY: Duration = Duration::from_millis(250);
/// How long outcomes wait for others, or for intake, to be made durable with them.
const OUTCOMES_REST: Duration = Duration::from_millis(3);

/// The recorder's thread.
pub(super) struct Turns {
    pub(super) writer: Writer,
    pub(super) recorder: Recorder,
    pub(super) intake: Receiver<Box<dyn Job>>,
    pub(super) outcomes: Receiver<Box<dyn Job>>,
    pub(super) totals: Totals,
    pub(super) cache: Cache,
    pub(super) retry_at: Option<Instant>,
}

impl Turns {
    /// Until it is told to stop and nothing waits any more.
    pub(super) fn run(mut self) {
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
                if let Some(left_out) = telemetry::occasionally("store_down") {
                    tracing::warn!(code = "store_down", %error, left_out, "the store still cannot be written");
                }
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
            (&self.cache, &self.recorder.rooms, &self.recorder.feeds),
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
        let (reader, cache) = (self.recorder.reader.clone(), std::mem::take(&mut self.cache));
        let (rooms, feeds) = (self.recorder.rooms.clone(), self.recorder.feeds.clone());
        while rest.peek().is_some() {
            let mut group = Group::new(
                &reader,
                (&cache, &rooms, &feeds),
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
            self.write(group, decided, &cache);
            // What came back to wait would be decided again at once, and fail again.
            if has_failed && self.is_waited_for() {
                self.go_down();
            }
        }
        self.cache = cache;
    }

    /// Whether clicks or outcomes wait for the store to be back.
    fn is_waited_for(&self) -> bool {
        !self.recorder.spool.is_empty() || !self.recorder.shared.held.lock().is_empty()
    }

    fn write(&mut self, group: Group<'_>, jobs: u64, cache: &Cache) {
        let (commit, effects) = match group.finish(&mut self.totals) {
            Ok(finished) => finished,
            Err((error, on_durable)) => {
                if let Some(left_out) = telemetry::occasionally("group_unreadable") {
                    tracing::error!(code = "group_unreadable", %error, left_out, "a group could not be put together");
                }
                self.refuse_all(on_durable, &error, cache);
                return;
            }
        };
        let Effects {
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
        // First: a conversion that is acknowledged has its address.
        if let Err(error) = self.recorder.reader.addresses().flush()
            && let Some(left_out) = telemetry::occasionally("addresses_unwritten")
        {
            tracing::warn!(code = "addresses_unwritten", %error, left_out, "whole addresses are in memory only; they are written later");
        }
        match self.writer.append(&commit) {
            Ok(appended) => {
                telemetry::commit(jobs, begun.elapsed());
                telemetry::postbacks_created(postbacks.len() as u64);
                self.totals.keep();
                self.recorder.shared.groups.fetch_add(1, Ordering::Relaxed);
                if let Some(catalog) = catalog {
                    self.recorder.catalog.store(catalog);
                }
                cache.written(&commit.writes);
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
                if let Some(left_out) = telemetry::occasionally("commit_failed") {
                    tracing::error!(code = "commit_failed", %error, left_out, "a group could not be made durable");
                }
                self.refuse_all(on_durable, &error, cache);
            }
        }
    }

    /// Nothing of a group stands: whoever waits for it is told, and the store is tried again after a rest.
    fn refuse_all(&mut self, on_durable: Vec<OnDurable>, error: &StoreError, cache: &Cache) {
        self.totals.forget();
        cache.forget();
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
