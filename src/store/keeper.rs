//! What goes on beside reading and writing: checkpoints, the watch over free space, the return of failed databases,
//! snapshots and backups. Named threads, joined when the writer closes.

use super::archive::BackupReport;
use super::backup;
use super::database::Db;
use super::engine::{Engine, SlotState, slot_mark};
use super::error::StoreError;
use super::files;
use super::manifest::{Manifest, covered_seq};
use super::rebuild::Attempts;
use super::rows::IndexError;
use super::space::{self, Room};
use super::verify::{self, VerifyReport};
use super::{RepairKind, log_failure};
use crate::priority::{self, Step};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often the keeper looks at space and failed databases.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Attempts to bring a database back before the store is given up.
const MOST_ATTEMPTS: u32 = 3;

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

    pub(super) fn checkpoint_gated(&self, is_closed: bool) -> Result<bool, StoreError> {
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
            losses: self.losses(),
            databases,
        };
        manifest.write(&self.layout.manifest())?;
        self.trimmed_seq.store(trimmed_seq, Ordering::Release);
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

    /// Sleeps until poked or the time is over; `false` when the store closes.
    pub(super) fn sleep(&self, time: Duration) -> bool {
        let mut poked = self.poked.lock();
        if !*poked && !self.is_closing() {
            self.poke.wait_for(&mut poked, time);
        }
        *poked = false;
        !self.is_closing()
    }
}

/// What one of the store's threads does until the store closes.
type Work = fn(&Arc<Engine>);

/// The store's own threads.
#[derive(Default)]
pub(super) struct Threads(Vec<JoinHandle<()>>);

impl Threads {
    /// Starts them.
    pub(super) fn start(engine: &Arc<Engine>) -> Result<Self, StoreError> {
        let mut threads = Self::default();
        let work: [(&str, Work); 3] = [
            ("store-keeper", |engine| engine.keep()),
            ("store-snapshot", |engine| {
                priority::step_back(Step::Behind);
                engine.make_snapshots();
            }),
            ("store-backup", |engine| {
                priority::step_back(Step::Behind);
                engine.keep_backups();
            }),
        ];
        for (name, work) in work {
            let of_thread = engine.clone();
            let spawned = std::thread::Builder::new()
                .name(name.into())
                .spawn(move || work(&of_thread));
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

    /// Writes a backup while the store runs.
    ///
    /// # Errors
    /// What could not be read, or [`StoreError::Stream`] when `out` does not take it.
    pub fn backup(&self, out: &mut dyn Write) -> Result<BackupReport, StoreError> {
        backup::write(&self.engine, out)
    }

    /// Makes the scheduled backup now. How it went is in the health of the store.
    pub fn scheduled_backup(&self) {
        self.engine.scheduled_backup();
    }

    /// Looks at everything that the store holds: see [`super::verify()`].
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn verify(&self) -> Result<VerifyReport, StoreError> {
        verify::verify_open(&self.engine)
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
