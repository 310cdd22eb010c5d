//! Reads: from any thread, never waiting for the writer.

use super::StoreError;
use super::addresses::Addresses;
use super::database::{Db, KeyRange, Period, PeriodKind};
use super::engine::{Engine, SlotState};
use super::index::Index;
use super::pending::{Keys, Value};
use super::records::{Key, Record};
use super::rows::{IndexError, Show};
use super::space::Room;
use super::{Doubt, Health, StoreState};
use std::iter::Peekable;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use std::vec::IntoIter;

/// Reads the store; clones share it. A read sees every commit that was given to [`super::Writer::apply`]: all that
/// was acknowledged.
#[derive(Clone)]
pub struct Reader {
    pub(super) engine: Arc<Engine>,
    addresses: Arc<Addresses>,
}

/// Rows of a range.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Gathered {
    /// Keys and values, in order.
    pub rows: Vec<(Vec<u8>, Vec<u8>)>,
    /// There are more.
    pub is_cut: bool,
}

/// A scan of a database with what is on its way to it.
struct Merge {
    coming: Peekable<IntoIter<(Vec<u8>, Value)>>,
    is_reverse: bool,
    is_over: bool,
}

impl Merge {
    fn new(coming: Keys, is_reverse: bool) -> Self {
        let mut coming: Vec<_> = coming.into_iter().collect();
        if is_reverse {
            coming.reverse();
        }
        Self {
            coming: coming.into_iter().peekable(),
            is_reverse,
            is_over: false,
        }
    }

    /// Shows what comes before a key of the database, then the key unless it is being replaced or removed.
    fn step(&mut self, key: &[u8], value: &[u8], show: Show<'_>) -> ControlFlow<()> {
        let is_reverse = self.is_reverse;
        let is_before = |coming: &[u8]| if is_reverse { coming > key } else { coming < key };
        while let Some((key, value)) = self.coming.next_if(|(coming, _)| is_before(coming)) {
            self.show(&key, value.as_deref(), show)?;
        }
        match self.coming.next_if(|(coming, _)| coming == key) {
            Some((key, value)) => self.show(&key, value.as_deref(), show),
            None => self.show(key, Some(value), show),
        }
    }

    /// Shows the rest.
    fn finish(&mut self, show: Show<'_>) {
        while !self.is_over
            && let Some((key, value)) = self.coming.next()
            && self.show(&key, value.as_deref(), show).is_continue()
        {}
    }

    fn show(&mut self, key: &[u8], value: Option<&[u8]>, show: Show<'_>) -> ControlFlow<()> {
        let shown = value.map_or(ControlFlow::Continue(()), |value| show(key, value));
        self.is_over = shown.is_break();
        shown
    }
}

impl Reader {
    pub(super) fn of(engine: &Arc<Engine>) -> Self {
        Self {
            engine: engine.clone(),
            addresses: Arc::new(Addresses::open(&engine.layout.root)),
        }
    }

    /// Whole addresses of visitors, which are no records.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// What is to be thought of a record that cannot be read, though its database opens.
    ///
    /// # Errors
    /// The database is down.
    pub fn doubt(&self, db: Db, what: &str) -> Result<Doubt, StoreError> {
        self.engine.doubt(db, what)
    }

    fn with<T>(
        &self,
        db: Db,
        read: impl FnOnce(&Index) -> Result<T, IndexError>,
    ) -> Result<Option<T>, StoreError> {
        let Some((slot, index)) = self.engine.index(db)? else {
            return Ok(None);
        };
        match read(&index) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(self.engine.fail(&slot, &index, error)),
        }
    }

    /// The value of a key. A database that does not exist holds nothing, and is not made.
    ///
    /// # Errors
    /// [`StoreError::Rebuilding`], [`StoreError::Full`] or [`StoreError::Failed`] while the database is down;
    /// [`StoreError::Closing`].
    pub fn get(&self, db: Db, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some(value) = self.engine.pending.get(db, key) {
            return Ok(value);
        }
        Ok(self.with(db, |index| index.get(key))?.flatten())
    }

    /// The record under a key. A database that does not exist holds nothing, and is not made.
    ///
    /// # Errors
    /// As [`Reader::get`]; [`StoreError::Record`] when it does not decode.
    pub fn load<T: Record>(&self, key: &Key<T>) -> Result<Option<T>, StoreError> {
        self.get(key.0, &key.1)?
            .map(|bytes| T::decode(&bytes, key.0, &key.1))
            .transpose()
    }

    /// Shows the keys of a range, in order or backwards, until told to stop. What is written meanwhile may or
    /// may not be seen, and a record that is written again while a long scan goes on may be missing from it.
    ///
    /// # Errors
    /// As [`Reader::get`].
    pub fn scan(
        &self,
        db: Db,
        range: &KeyRange,
        reverse: bool,
        mut show: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let coming = self.engine.pending.range(db, range);
        if coming.is_empty() {
            return self
                .with(db, |index| index.scan(range, reverse, &mut show))
                .map(drop);
        }
        let mut merge = Merge::new(coming, reverse);
        self.with(db, |index| {
            index.scan(range, reverse, &mut |key, value| {
                merge.step(key, value, &mut show)
            })
        })?;
        merge.finish(&mut show);
        Ok(())
    }

    /// Shows the keys that begin with a prefix; see [`Reader::scan`].
    ///
    /// # Errors
    /// As [`Reader::get`].
    pub fn scan_prefix(
        &self,
        db: Db,
        prefix: &[u8],
        reverse: bool,
        show: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.scan(db, &KeyRange::prefix(prefix), reverse, show)
    }

    /// Some rows of a range, in order, up to a number of rows or bytes, and none is missed between them: unlike a scan,
    /// it does not mind records that are written again meanwhile.
    ///
    /// # Errors
    /// As [`Reader::get`].
    pub fn gather(
        &self,
        db: Db,
        range: &KeyRange,
        rows: usize,
        bytes: usize,
    ) -> Result<Gathered, StoreError> {
        loop {
            let purges = self.with(db, |index| Ok(index.purges()))?;
            let (mut found, mut size) = (Gathered::default(), 0);
            self.scan(db, range, false, |key, value| {
                if found.rows.len() >= rows || size >= bytes {
                    found.is_cut = true;
                    return ControlFlow::Break(());
                }
                size += key.len() + value.len();
                found.rows.push((key.to_vec(), value.to_vec()));
                ControlFlow::Continue(())
            })?;
            if purges == self.with(db, |index| Ok(index.purges()))? {
                return Ok(found);
            }
        }
    }

    /// Every database.
    pub fn databases(&self) -> Vec<Db> {
        self.engine.slots.read().keys().copied().collect()
    }

    /// The periods of a kind that exist, oldest first.
    pub fn periods(&self, kind: PeriodKind) -> Vec<Period> {
        let periods = self.databases().into_iter().filter_map(|db| match db {
            Db::Period(of, period) if of == kind => Some(period),
            _ => None,
        });
        periods.collect()
    }

    /// Waits until reads see a commit; `false` when that took too long.
    pub fn wait_applied(&self, seq: u64, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut seen = self.engine.seen_seq.lock();
        while *seen < seq {
            if self.engine.seen.wait_until(&mut seen, deadline).timed_out() {
                return *seen >= seq;
            }
        }
        true
    }

    /// How the store is.
    pub fn health(&self) -> Health {
        let engine = &self.engine;
        let slots = engine.all_slots();
        // A database that is being opened holds its lock for as long: it is not down.
        let rebuilding: Vec<Db> = slots
            .iter()
            .filter(|slot| {
                slot.state
                    .try_read()
                    .is_some_and(|state| matches!(&*state, SlotState::Down(_)))
            })
            .map(|slot| slot.db)
            .collect();
        let (room, free_bytes) = *engine.room.lock();
        let state = if engine.failed.lock().is_some() {
            StoreState::Failed
        } else if room == Room::Short {
            StoreState::Full
        } else if rebuilding.is_empty() {
            StoreState::Ready
        } else {
            StoreState::Rebuilding
        };
        let oldest_uncovered_at_ms = slots
            .iter()
            .map(|slot| *slot.known.lock())
            .filter(|known| known.uncovered_seq.is_some())
            .map(|known| known.uncovered_at_ms)
            .min();
        let applied_seq = engine.applied_seq.load(Ordering::Acquire);
        Health {
            state,
            failure: engine.failed.lock().clone(),
            rebuilding,
            durable_seq: engine.durable_seq(),
            applied_seq,
            checkpoint_seq: engine.checkpoint_seq.load(Ordering::Acquire),
            databases: slots.len(),
            journal_bytes: engine
                .journal
                .lock()
                .segments()
                .iter()
                .map(|segment| segment.bytes)
                .sum(),
            free_bytes,
            oldest_uncovered_at_ms,
            repairs: engine.repairs(),
            losses: engine.losses(),
            damaged_snapshots: engine.damaged_snapshots.lock().iter().copied().collect(),
            backups: engine.backups.lock().clone(),
        }
    }
}
