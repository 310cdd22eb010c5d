//! What goes on beside reading and writing: checkpoints, snapshots, removal of covered segments, the watch
//! over free space, and the return of failed databases. Two named threads, joined when the writer closes.

use super::engine::{Engine, Slot, SlotState};
use super::error::StoreError;
use super::files::{self, Layout};
use super::index::{Index, IndexError};
use super::keys::Db;
use super::manifest::{Known, Manifest, SnapshotMark, covered_seq};
use super::rebuild::Attempts;
use super::snapshot::{self, Header};
use super::space::{self, Room};
use super::{RepairKind, SnapshotOptions};
use crate::priority::{self, Step};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often the keeper looks at space and failed databases.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often snapshots are considered.
const CONSIDER_EVERY: Duration = Duration::from_secs(60);
/// Attempts to bring a database back before the store is given up.
const MOST_ATTEMPTS: u32 = 3;
/// How long a database that was moved aside is kept.
const KEEP_DAMAGED_MS: i64 = 3 * 24 * 60 * 60 * 1000;

/// Whether a database is due for a snapshot. Pure.
pub(super) fn is_due(
    db: Db,
    known: &Known,
    now_ms: i64,
    journal_bytes: u64,
    options: &SnapshotOptions,
) -> bool {
    if known.uncovered_seq.is_none() {
        return false;
    }
    let every_ms = match db {
        Db::Hot => options.hot_every_ms,
        Db::Period(..) => options.period_every_ms,
    };
    journal_bytes >= options.journal_bytes || now_ms.saturating_sub(known.uncovered_at_ms) >= every_ms
}

impl Engine {
    /// Looks at free space: gives the ballast back when it gets short, takes it again when there is room.
    pub(super) fn watch_room(&self) -> Result<(), StoreError> {
        let free = space::free_bytes(&self.layout.root)?;
        let ballast = self.layout.ballast();
        let options = &self.options.space;
        let mut room = self.room.lock();
        let before = room.0;
        let now = space::judge(before, free, ballast.exists(), options);
        *room = (now, free);
        drop(room);
        match (before, now) {
            (Room::Enough, Room::Short) => {
                tracing::error!(
                    code = "disk_full",
                    free_bytes = free,
                    "writing stops: the disk is nearly full"
                );
                files::remove(&ballast)?;
            }
            (Room::Short, Room::Enough) => {
                tracing::info!(free_bytes = free, "there is room again: writing goes on");
                space::take_ballast(&ballast, options.ballast_bytes)?;
                self.poke();
            }
            _ => {}
        }
        Ok(())
    }

    /// Makes every database durable and notes it in the manifest. `false`: a database is down, nothing was noted.
    pub(super) fn checkpoint(&self) -> Result<bool, StoreError> {
        let _gate = self.gate.lock();
        self.checkpoint_gated(false)
    }

    /// The last checkpoint: nothing is written any more.
    pub(super) fn final_checkpoint(&self) -> Result<bool, StoreError> {
        let _gate = self.gate.lock();
        self.checkpoint_gated(true)
    }

    fn checkpoint_gated(&self, is_closed: bool) -> Result<bool, StoreError> {
        let through = self.applied_seq.load(Ordering::Acquire);
        for slot in self.all_slots() {
            let index = match &*slot.state.read() {
                SlotState::Open(index) => index.clone(),
                SlotState::Down(_) => return Ok(false),
                SlotState::Closed | SlotState::Gone => continue,
            };
            let applied = index.applied_seq();
            if let Err(error) = index.flush() {
                return Err(self.fail(&slot, &index, error));
            }
            slot.floor_seq.fetch_max(applied, Ordering::AcqRel);
        }
        self.write_manifest(through, is_closed)?;
        self.checkpoint_seq.store(through, Ordering::Release);
        Ok(true)
    }

    fn write_manifest(&self, checkpoint_seq: u64, is_closed: bool) -> Result<(), StoreError> {
        let databases = self
            .all_slots()
            .iter()
            .map(|slot| (slot.db, slot_mark(slot)))
            .collect();
        let trimmed_seq = covered_seq(&databases, checkpoint_seq);
        let (schema, instance) = (self.schema(), self.instance);
        let manifest = Manifest {
            schema,
            instance,
            checkpoint_seq,
            trimmed_seq,
            is_closed,
            databases,
        };
        manifest.write(&self.layout.manifest())?;
        self.trimmed_seq.store(trimmed_seq, Ordering::Release);
        Ok(())
    }

    /// The last commit that a snapshot of a database holds for certain when its scan begins now. A database that was
    /// brought up to the journal may be ahead of the layers of commits that are on their way: one of them puts the
    /// same rows again, under a later number, and a scan may miss rows that are put again.
    pub(super) fn snapshot_seq(&self, index: &Index) -> u64 {
        index.applied_seq().min(self.applied_seq.load(Ordering::Acquire))
    }

    /// Makes a snapshot of one database. `false`: it is gone, or no commit that made it was applied yet. The caller
    /// holds the gate.
    fn snapshot(&self, slot: &Slot) -> Result<bool, StoreError> {
        let db = slot.db;
        let Some((_, index)) = self.index(db)? else {
            return Ok(false);
        };
        let seq = self.snapshot_seq(&index);
        if seq < slot.known.lock().created_seq {
            return Ok(false);
        }
        let header = Header {
            schema: self.schema(),
            instance: self.instance,
            db,
            seq,
            made_at_ms: self.now_ms(),
        };
        let path = self.layout.snapshot(db, seq);
        let checked = snapshot::make(&path, header, |put| {
            let mut failed = None;
            let scanned = index.scan(&super::KeyRange::all(), false, &mut |key, value| {
                let written = if self.is_closing() {
                    Err(StoreError::Closing)
                } else {
                    put(key, value)
                };
                match written {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => {
                        failed = Some(error);
                        ControlFlow::Break(())
                    }
                }
            });
            scanned.map_err(|error| self.fail(slot, &index, error))?;
            failed.map_or(Ok(()), Err)
        })?;
        if matches!(&*slot.state.read(), SlotState::Gone) {
            files::remove(&path)?;
            return Ok(false);
        }
        slot.known.lock().cover(SnapshotMark {
            seq,
            made_at_ms: header.made_at_ms,
        });
        for (old, path) in self.snapshots_of(db, 0)? {
            if old != seq {
                files::remove(&path)?;
            }
        }
        tracing::info!(%db, seq, records = checked.records, "a snapshot was made and verified");
        Ok(true)
    }

    /// Makes snapshots of the databases that `wanted` picks, then lets go of what they cover. One that cannot be
    /// made does not keep the others from it; the first error is given.
    pub(super) fn snapshot_where(&self, wanted: impl Fn(Db, &Known) -> bool) -> Result<usize, StoreError> {
        let _gate = self.gate.lock();
        self.snapshot_gated(wanted)
    }

    pub(super) fn snapshot_gated(&self, wanted: impl Fn(Db, &Known) -> bool) -> Result<usize, StoreError> {
        let mut made = 0;
        let mut first_error = None;
        for slot in self.all_slots() {
            let known = *slot.known.lock();
            if !wanted(slot.db, &known) {
                continue;
            }
            match self.snapshot(&slot) {
                Ok(is_made) => made += usize::from(is_made),
                Err(error) => {
                    tracing::warn!(code = error.code(), db = %slot.db, %error, "a snapshot could not be made; it is tried again");
                    first_error = first_error.or(Some(error));
                }
            }
        }
        if made > 0 {
            self.let_go()?;
        }
        first_error.map_or(Ok(made), Err)
    }

    /// Removes the segments of the journal that snapshots cover. The caller holds the gate.
    pub(super) fn let_go(&self) -> Result<(), StoreError> {
        if !self.checkpoint_gated(false)? {
            return Ok(());
        }
        let covered = self.trimmed_seq.load(Ordering::Acquire);
        let mut journal = self.journal.lock();
        let is_active_covered = journal.segments().iter().any(|segment| {
            segment.is_active && segment.first_seq <= covered && segment.last_seq >= segment.first_seq
        });
        if is_active_covered {
            journal.rotate().map_err(|error| self.journal_error(&error))?;
        }
        let removed = journal
            .remove_through(covered)
            .map_err(|error| self.journal_error(&error))?;
        drop(journal);
        if removed > 0 {
            tracing::info!(
                removed,
                covered,
                "segments of the journal that snapshots cover were removed"
            );
        }
        Ok(())
    }

    /// Brings failed databases back. Each is tried a few times, whether it fails to come back or comes back and fails
    /// again, then the store is given up.
    pub(super) fn restore_failed(&self, attempts: &mut Attempts) {
        for slot in self.all_slots() {
            let down = match &*slot.state.read() {
                SlotState::Down(error) => error.clone(),
                _ => continue,
            };
            let tried = attempts.of_failed(slot.db, Instant::now());
            if self.room.lock().0 == Room::Short || self.failed.lock().is_some() {
                return;
            }
            if !down.is_full && tried >= MOST_ATTEMPTS {
                self.give_up(slot.db, tried + 1, &down);
                return;
            }
            match self.restore_slot(&slot) {
                Ok(()) if down.is_full => {}
                Ok(()) => {
                    attempts.add(slot.db, Instant::now());
                }
                Err(error) => {
                    tracing::error!(code = "store_rebuild", db = %slot.db, %error, "a database could not be brought back");
                    if !error.is_full && attempts.add(slot.db, Instant::now()) >= MOST_ATTEMPTS {
                        self.give_up(slot.db, MOST_ATTEMPTS, &error);
                    }
                }
            }
        }
    }

    fn give_up(&self, db: Db, failures: u32, error: &IndexError) {
        let message = format!("it failed {failures} times, the last time because {error}");
        self.report(RepairKind::Lost, Some(db), message.clone());
        *self.failed.lock() = Some((db, message));
    }

    fn remove_old_damaged(&self) -> Result<(), StoreError> {
        let dir = self.layout.databases();
        for name in files::names(&dir)? {
            if Layout::parse_damaged(&name)
                .is_some_and(|(_, at)| self.now_ms().saturating_sub(at) > KEEP_DAMAGED_MS)
            {
                files::remove(&dir.join(name))?;
            }
        }
        Ok(())
    }

    fn keep(&self) {
        let mut attempts = Attempts::default();
        let mut checkpointed = Instant::now();
        while self.sleep(LOOK_EVERY) {
            log_failure("space_watch", self.watch_room());
            self.restore_failed(&mut attempts);
            let is_behind =
                self.applied_seq.load(Ordering::Acquire) > self.checkpoint_seq.load(Ordering::Acquire);
            if checkpointed.elapsed() >= self.options.checkpoint_every && is_behind {
                // A snapshot may hold the gate for long; the checkpoint waits for the next round then.
                if let Some(_gate) = self.gate.try_lock() {
                    log_failure("checkpoint", self.checkpoint_gated(false).map(|_| ()));
                    checkpointed = Instant::now();
                }
            }
        }
    }

    fn make_snapshots(&self) {
        let mut considered = None::<Instant>;
        while self.sleep(LOOK_EVERY) {
            if considered.is_some_and(|at| at.elapsed() < CONSIDER_EVERY) {
                continue;
            }
            considered = Some(Instant::now());
            log_failure("damaged_cleanup", self.remove_old_damaged());
            if self.room.lock().0 == Room::Short {
                continue;
            }
            let journal_bytes: u64 = self
                .journal
                .lock()
                .segments()
                .iter()
                .map(|segment| segment.bytes)
                .sum();
            let (now_ms, options) = (self.now_ms(), self.options.snapshots);
            let due = |db, known: &Known| is_due(db, known, now_ms, journal_bytes, &options);
            log_failure("snapshot", self.snapshot_where(due).map(|_| ()));
        }
    }

    /// Sleeps until poked or the time is over; `false` when the store closes.
    fn sleep(&self, time: Duration) -> bool {
        let mut poked = self.poked.lock();
        if !*poked && !self.is_closing() {
            self.poke.wait_for(&mut poked, time);
        }
        *poked = false;
        !self.is_closing()
    }
}

/// What the manifest says of a database: what is durable in it.
pub(super) fn slot_mark(slot: &Slot) -> Known {
    Known {
        applied_seq: slot.floor_seq.load(Ordering::Acquire),
        ..*slot.known.lock()
    }
}

fn log_failure(what: &str, result: Result<(), StoreError>) {
    if let Err(error) = result
        && !matches!(error, StoreError::Closing)
    {
        tracing::warn!(code = error.code(), %error, "{what} failed; it is tried again");
    }
}

/// The store's own threads.
#[derive(Default)]
pub(super) struct Threads(Vec<JoinHandle<()>>);

impl Threads {
    /// Starts them.
    pub(super) fn start(engine: &Arc<Engine>) -> Result<Self, StoreError> {
        let mut threads = Self::default();
        for (name, is_keeper) in [("store-keeper", true), ("store-snapshot", false)] {
            let of_thread = engine.clone();
            let spawned = std::thread::Builder::new().name(name.into()).spawn(move || {
                if is_keeper {
                    of_thread.keep();
                } else {
                    priority::step_back(Step::Behind);
                    of_thread.make_snapshots();
                }
            });
            match spawned {
                Ok(thread) => threads.0.push(thread),
                Err(source) => {
                    threads.stop(engine);
                    return Err(StoreError::Io {
                        what: "start a thread for",
                        path: engine.layout.root.clone(),
                        source,
                    });
                }
            }
        }
        Ok(threads)
    }

    /// Ends and joins them; the engine takes calls until it is closed.
    pub(super) fn stop(&mut self, engine: &Engine) {
        if self.0.is_empty() {
            return;
        }
        engine.is_closing.store(true, Ordering::Release);
        for thread in self.0.drain(..) {
            while !thread.is_finished() {
                engine.poke();
                std::thread::sleep(Duration::from_millis(2));
            }
            if thread.join().is_err() {
                tracing::error!(
                    code = "store_thread_panicked",
                    "a thread of the store ended with a panic"
                );
            }
        }
        engine.is_closing.store(false, Ordering::Release);
    }
}

/// Asks the store for what operators and other rooms need besides reading and writing; clones share it.
#[derive(Clone)]
pub struct Keeper {
    pub(super) engine: Arc<Engine>,
}

impl Keeper {
    /// Makes new snapshots of all that changed since the last ones and removes what they cover: after an
    /// erasure nothing of the erased is left in snapshots or journal. Takes as long as a scan of those databases.
    ///
    /// # Errors
    /// The first snapshot that could not be made; the others were.
    pub fn rewrite_snapshots(&self) -> Result<usize, StoreError> {
        self.engine.apply_pending();
        self.engine
            .snapshot_where(|_, known| known.uncovered_seq.is_some())
    }

    /// Makes everything durable in the databases now, so that a start after a crash has little to replay.
    ///
    /// # Errors
    /// What could not be made durable.
    pub fn checkpoint(&self) -> Result<bool, StoreError> {
        self.engine.apply_pending();
        self.engine.checkpoint()
    }

    /// Tries to bring failed databases back now instead of within a second; `true` when none is down.
    pub fn restore_now(&self) -> bool {
        self.engine.restore_failed(&mut Attempts::default());
        self.engine
            .all_slots()
            .iter()
            .all(|slot| !matches!(&*slot.state.read(), SlotState::Down(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_are_due_by_age_or_by_the_length_of_the_journal() {
        let options = SnapshotOptions {
            hot_every_ms: 10,
            period_every_ms: 20,
            journal_bytes: 1000,
        };
        let known = Known {
            uncovered_seq: Some(5),
            uncovered_at_ms: 100,
            ..Known::default()
        };
        let period = Db::sessions(0);
        for (db, known, now_ms, bytes, expected) in [
            (Db::Hot, known, 109, 0, false),
            (Db::Hot, known, 110, 0, true),
            (period, known, 119, 0, false),
            (period, known, 120, 0, true),
            (Db::Hot, known, 100, 1000, true),
            (
                Db::Hot,
                Known {
                    uncovered_seq: None,
                    ..known
                },
                999,
                9999,
                false,
            ),
        ] {
            assert_eq!(
                is_due(db, &known, now_ms, bytes, &options),
                expected,
                "{db} {now_ms} {bytes}"
            );
        }
    }
}
