//! The databases as they are open now: which exist, which are open, which failed. Reader, writer and keeper
//! share one [`Engine`].
//!
//! What holds, and makes each database recoverable by itself:
//!
//! * Every commit is in the journal before a database sees it.
//! * A segment of the journal goes only when each database it speaks of has a verified snapshot that covers it.
//! * A database is believed only when it holds at least what was known to be durable in it (`floor_seq`), and no
//!   more than the journal; what it lacks is replayed. Else it is rebuilt from its snapshot and the journal.

use super::database::Db;
use super::error::StoreError;
use super::files::{self, Layout};
use super::index::{Index, IndexOptions, Meta};
use super::manifest::{DatabaseMark, Loss};
use super::packed;
use super::pending::{Keys, Pending};
use super::rows::IndexError;
use super::schedule::BackupStatus;
use super::space::Room;
use super::{Repair, RepairKind, StoreOptions};
use crate::journal::{Journal, JournalError};
use parking_lot::{Condvar, Mutex, RwLock};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Repairs that health remembers.
const MOST_REPAIRS: usize = 64;
/// Losses that the manifest remembers.
const MOST_LOSSES: usize = 16;

/// Where a database stands.
pub(super) enum SlotState {
    Closed,
    Open(Arc<Index>),
    /// It failed; the keeper reopens or rebuilds it.
    Down(IndexError),
    /// It was dropped; whoever still holds the slot finds nothing.
    Gone,
}

/// One database.
pub(super) struct Slot {
    pub(super) db: Db,
    pub(super) state: RwLock<SlotState>,
    pub(super) known: Mutex<DatabaseMark>,
    /// The last commit known to be durable in the database itself.
    pub(super) floor_seq: AtomicU64,
    /// The last commit that was in it when it was opened last.
    pub(super) opened_seq: AtomicU64,
    used: AtomicU64,
}

impl Slot {
    /// A slot of which the manifest, or the journal, tells.
    pub(super) fn new(db: Db, known: DatabaseMark) -> Self {
        let floor = known.applied_seq.max(known.snapshot.map_or(0, |mark| mark.seq));
        Self {
            db,
            state: RwLock::new(SlotState::Closed),
            known: Mutex::new(known),
            floor_seq: AtomicU64::new(floor),
            opened_seq: AtomicU64::new(0),
            used: AtomicU64::new(0),
        }
    }

    /// Notes that a commit speaks of the database.
    pub(super) fn touch(&self, seq: u64, now_ms: i64) {
        let mut known = self.known.lock();
        known.applied_seq = known.applied_seq.max(seq);
        if known.uncovered_seq.is_none() && known.snapshot.is_none_or(|mark| mark.seq < seq) {
            known.uncovered_seq = Some(seq);
            known.uncovered_at_ms = now_ms;
        }
    }
}

/// What the manifest says of a database: what is durable in it.
pub(super) fn slot_mark(slot: &Slot) -> DatabaseMark {
    DatabaseMark {
        applied_seq: slot.floor_seq.load(Ordering::Acquire),
        ..*slot.known.lock()
    }
}

/// An open database and its slot.
type OpenSlot = (Arc<Slot>, Arc<Index>);

/// See the module.
pub(super) struct Engine {
    pub(super) layout: Layout,
    pub(super) options: StoreOptions,
    pub(super) instance: u64,
    /// Schema of the records on disk: older than the binary's only while a migration runs.
    pub(super) schema: AtomicU64,
    pub(super) slots: RwLock<BTreeMap<Db, Arc<Slot>>>,
    pub(super) journal: Mutex<Journal>,
    /// The last commit that the journal holds durably.
    pub(super) durable_seq: AtomicU64,
    /// The last commit that reads see.
    pub(super) seen_seq: Mutex<u64>,
    pub(super) seen: Condvar,
    /// The last commit that was handed to the databases.
    pub(super) applied_seq: AtomicU64,
    /// What reads see and the databases do not hold yet.
    pub(super) pending: Pending,
    /// The last commit that is durable in every database.
    pub(super) checkpoint_seq: AtomicU64,
    /// Commits up to this one are in snapshots; the journal may have let them go.
    pub(super) trimmed_seq: AtomicU64,
    pub(super) room: Mutex<(Room, u64)>,
    pub(super) failed: Mutex<Option<(Db, String)>>,
    repairs: Mutex<VecDeque<Repair>>,
    /// What was lost, ever: the manifest keeps it.
    losses: Mutex<Vec<Loss>>,
    /// Databases whose snapshot was found damaged and could not be made anew yet.
    pub(super) damaged_snapshots: Mutex<BTreeSet<Db>>,
    /// How the scheduled backups are; `None`: there is no schedule.
    pub(super) backups: Mutex<Option<BackupStatus>>,
    /// Held while snapshots, the manifest or old segments change.
    pub(super) gate: Mutex<()>,
    pub(super) poked: Mutex<bool>,
    pub(super) poke: Condvar,
    pub(super) is_closing: AtomicBool,
    /// While the store is being opened a database that is ahead of the journal is noted here; later it is not believed.
    pub(super) is_recovering: AtomicBool,
    pub(super) ahead_seq: AtomicU64,
    tick: AtomicU64,
    pub(super) away: super::away::Away,
    /// Locked for as long as it is open.
    _lock: File,
}

/// What an engine starts from.
pub(super) struct Start {
    pub(super) layout: Layout,
    pub(super) options: StoreOptions,
    pub(super) instance: u64,
    pub(super) schema: u16,
    pub(super) journal: Journal,
    pub(super) checkpoint_seq: u64,
    pub(super) trimmed_seq: u64,
    pub(super) losses: Vec<Loss>,
    pub(super) lock: File,
}

impl Engine {
    pub(super) fn new(start: Start) -> Self {
        let durable = start.journal.last_seq();
        let away = super::away::Away::new(start.options.keeps_journal);
        let backups = BackupStatus::begin(&start.options, &start.layout.root);
        Self {
            layout: start.layout,
            options: start.options,
            instance: start.instance,
            schema: AtomicU64::new(u64::from(start.schema)),
            slots: RwLock::default(),
            journal: Mutex::new(start.journal),
            durable_seq: AtomicU64::new(durable),
            seen_seq: Mutex::new(0),
            seen: Condvar::new(),
            applied_seq: AtomicU64::new(0),
            pending: Pending::default(),
            checkpoint_seq: AtomicU64::new(start.checkpoint_seq),
            trimmed_seq: AtomicU64::new(start.trimmed_seq),
            room: Mutex::new((Room::Enough, u64::MAX)),
            failed: Mutex::default(),
            repairs: Mutex::default(),
            losses: Mutex::new(start.losses),
            damaged_snapshots: Mutex::default(),
            backups: Mutex::new(backups),
            gate: Mutex::default(),
            poked: Mutex::default(),
            poke: Condvar::new(),
            is_closing: AtomicBool::new(false),
            is_recovering: AtomicBool::new(true),
            ahead_seq: AtomicU64::new(0),
            tick: AtomicU64::new(1),
            away,
            _lock: start.lock,
        }
    }

    pub(super) fn now_ms(&self) -> i64 {
        (self.options.clock)()
    }

    pub(super) fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::Acquire)
    }

    pub(super) fn durable_seq(&self) -> u64 {
        self.durable_seq.load(Ordering::Acquire)
    }

    pub(super) fn schema(&self) -> u16 {
        u16::try_from(self.schema.load(Ordering::Acquire)).unwrap_or(u16::MAX)
    }

    pub(super) fn slot(&self, db: Db) -> Option<Arc<Slot>> {
        self.slots.read().get(&db).cloned()
    }

    pub(super) fn all_slots(&self) -> Vec<Arc<Slot>> {
        self.slots.read().values().cloned().collect()
    }

    /// Tells the log and health of something that was repaired, rebuilt or lost.
    pub(super) fn report(&self, kind: RepairKind, db: Option<Db>, message: String) {
        match kind {
            RepairKind::Lost => {
                tracing::error!(code = kind.code(), db = db.map(|db| db.to_string()), "{message}");
            }
            _ => tracing::warn!(code = kind.code(), db = db.map(|db| db.to_string()), "{message}"),
        }
        if kind == RepairKind::Lost {
            let mut losses = self.losses.lock();
            if losses.len() == MOST_LOSSES {
                losses.remove(0);
            }
            losses.push(Loss {
                at_ms: self.now_ms(),
                message: message.clone(),
            });
        }
        let mut repairs = self.repairs.lock();
        if repairs.len() == MOST_REPAIRS {
            repairs.pop_front();
        }
        repairs.push_back(Repair {
            kind,
            db,
            at_ms: self.now_ms(),
            message,
        });
    }

    pub(super) fn repairs(&self) -> Vec<Repair> {
        self.repairs.lock().iter().cloned().collect()
    }

    /// What was lost, oldest first.
    pub(super) fn losses(&self) -> Vec<Loss> {
        self.losses.lock().clone()
    }

    /// Wakes the keeper.
    pub(super) fn poke(&self) {
        *self.poked.lock() = true;
        self.poke.notify_all();
    }

    pub(super) fn full_error(&self) -> StoreError {
        StoreError::Full {
            dir: self.layout.root.clone(),
            free_bytes: self.room.lock().1,
        }
    }

    pub(super) fn journal_error(&self, error: &JournalError) -> StoreError {
        match error {
            JournalError::Full { .. } => self.full_error(),
            other => StoreError::Journal(other.to_string()),
        }
    }

    fn index_options(&self, db: Db) -> IndexOptions {
        IndexOptions {
            cache_bytes: match db {
                Db::Hot => self.options.hot_cache_bytes,
                Db::Period(..) => self.options.period_cache_bytes,
            },
            flush_every_ms: self.options.flush_every_ms,
            open_deadline: self.options.open_deadline,
            packed: packed::families(db),
            packed_bytes: self.options.packed_bytes,
        }
    }

    pub(super) fn fresh_meta(&self) -> Meta {
        Meta {
            applied_seq: 0,
            schema: self.schema(),
            instance: self.instance,
        }
    }

    pub(super) fn open_raw(&self, db: Db, dir: &std::path::Path) -> Result<Index, IndexError> {
        Index::open(dir, self.index_options(db), self.fresh_meta())
    }

    /// The open database, opened now if need be. `None`: there is no such database, and none is made.
    pub(super) fn index(&self, db: Db) -> Result<Option<OpenSlot>, StoreError> {
        if self.is_closing() {
            return Err(StoreError::Closing);
        }
        let Some(slot) = self.slot(db) else {
            return Ok(None);
        };
        slot.used
            .store(self.tick.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        if let SlotState::Open(index) = &*slot.state.read() {
            let index = index.clone();
            return Ok(Some((slot.clone(), index)));
        }
        self.close_surplus(db);
        let mut state = slot.state.write();
        match &*state {
            SlotState::Open(index) => {
                let index = index.clone();
                drop(state);
                Ok(Some((slot, index)))
            }
            SlotState::Down(error) => Err(self.down_error(db, error)),
            SlotState::Gone => Ok(None),
            SlotState::Closed => match self.open_slot(&slot) {
                Ok(index) => {
                    let index = Arc::new(index);
                    *state = SlotState::Open(index.clone());
                    drop(state);
                    Ok(Some((slot, index)))
                }
                Err(error) => {
                    self.report(
                        RepairKind::Repaired,
                        Some(db),
                        format!("{db} is not usable: {error}"),
                    );
                    let answer = self.down_error(db, &error);
                    *state = SlotState::Down(error);
                    drop(state);
                    self.poke();
                    Err(answer)
                }
            },
        }
    }

    pub(super) fn down_error(&self, db: Db, error: &IndexError) -> StoreError {
        if let Some((db, message)) = &*self.failed.lock() {
            return StoreError::Failed {
                db: *db,
                message: message.clone(),
            };
        }
        if error.is_full {
            self.full_error()
        } else {
            StoreError::Rebuilding { db }
        }
    }

    /// A database did something wrong: it is taken out of use and the keeper is told.
    pub(super) fn fail(&self, slot: &Slot, index: &Arc<Index>, error: IndexError) -> StoreError {
        let answer = self.down_error(slot.db, &error);
        let mut state = slot.state.write();
        let old = match &*state {
            SlotState::Open(current) if Arc::ptr_eq(current, index) => {
                let message = format!("{} failed: {error}", slot.db);
                let old = std::mem::replace(&mut *state, SlotState::Down(error));
                drop(state);
                self.report(RepairKind::Repaired, Some(slot.db), message);
                Some(old)
            }
            _ => None,
        };
        drop(old);
        self.poke();
        answer
    }

    /// Closes the periods that were not used for longest, so that one more can be opened. One that is just being opened
    /// or brought back is not waited for.
    fn close_surplus(&self, opening: Db) {
        if opening == Db::Hot {
            return;
        }
        let is_open = |slot: &Slot| {
            let state = slot.state.try_read();
            state.is_some_and(|state| matches!(&*state, SlotState::Open(_)))
        };
        let mut open: Vec<_> = self
            .all_slots()
            .into_iter()
            .filter(|slot| slot.db != Db::Hot && is_open(slot))
            .collect();
        open.sort_by_key(|slot| slot.used.load(Ordering::Relaxed));
        let surplus = (open.len() + 1).saturating_sub(self.options.open_periods.max(1));
        for slot in open.into_iter().take(surplus) {
            if let Some(mut state) = slot.state.try_write() {
                self.close_slot(&slot, &mut state, true);
            }
        }
    }

    /// Makes an open database durable and closes it, unless it is in use and that matters.
    pub(super) fn close_slot(&self, slot: &Slot, state: &mut SlotState, only_unused: bool) {
        let SlotState::Open(index) = state else { return };
        if only_unused && Arc::strong_count(index) > 1 {
            return;
        }
        let applied = index.applied_seq();
        match index.flush() {
            Ok(()) => {
                slot.floor_seq.fetch_max(applied, Ordering::AcqRel);
                *state = SlotState::Closed;
            }
            Err(error) => {
                self.report(
                    RepairKind::Repaired,
                    Some(slot.db),
                    format!("{} failed: {error}", slot.db),
                );
                *state = SlotState::Down(error);
                self.poke();
            }
        }
    }

    /// Notes that a commit speaks of a database, which there is from now on.
    pub(super) fn touch(&self, db: Db, seq: u64) {
        let slot = match self.slot(db) {
            Some(slot) => slot,
            None => {
                let slot = Arc::new(Slot::new(
                    db,
                    DatabaseMark {
                        created_seq: seq,
                        ..DatabaseMark::default()
                    },
                ));
                self.slots.write().entry(db).or_insert(slot).clone()
            }
        };
        slot.touch(seq, self.now_ms());
    }

    /// Hands all that is on its way to the databases.
    pub(super) fn apply_pending(&self) {
        let _turn = self.pending.turn();
        while let Some(layer) = self.pending.take() {
            for (db, keys) in &layer.keys {
                self.apply(*db, layer.seq, keys);
            }
            self.applied_seq.fetch_max(layer.seq, Ordering::AcqRel);
            self.pending.applied();
        }
    }

    /// Applies writes up to a commit to one database. What fails here is made good later: the journal has it.
    fn apply(&self, db: Db, seq: u64, keys: &Keys) {
        match self.index(db) {
            Ok(Some((slot, index))) => {
                let writes = keys.iter().map(|(key, value)| (key.as_slice(), value.as_deref()));
                if let Err(error) = index.apply(seq, writes) {
                    let error = self.fail(&slot, &index, error);
                    tracing::warn!(code = error.code(), %db, seq, "a commit waits in the journal for its database");
                }
            }
            Ok(None) => {}
            Err(error) => {
                tracing::debug!(code = error.code(), %db, seq, "a commit waits in the journal for its database");
            }
        }
    }

    /// Removes a period with its snapshots.
    pub(super) fn drop_database(&self, db: Db) -> Result<(), StoreError> {
        // On a line of its own: reads need the map while the database closes.
        let removed = self.slots.write().remove(&db);
        if let Some(slot) = removed {
            let old = std::mem::replace(&mut *slot.state.write(), SlotState::Gone);
            drop(old);
        }
        let (dir, dropped) = (self.layout.database(db), self.layout.beside(db, "dropped"));
        if dir.exists() {
            files::remove(&dropped)?;
            files::rename(&dir, &dropped)?;
        }
        files::remove(&dropped)?;
        for name in files::names(&self.layout.snapshots())? {
            if Layout::parse_snapshot(&name).is_some_and(|(of, _)| of == db) {
                files::remove(&self.layout.snapshots().join(name))?;
            }
        }
        Ok(())
    }

    /// Tells those who wait that reads see a commit.
    pub(super) fn mark_seen(&self, seq: u64) {
        let mut seen = self.seen_seq.lock();
        *seen = (*seen).max(seq);
        drop(seen);
        self.seen.notify_all();
    }
}
