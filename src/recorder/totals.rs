//! The counters of time buckets as they stand, so that a group adds to them without reading the store
//! each time. Bounded: when it is full it is emptied, and rows are read again as they are needed.

use crate::domain::stats::{Counters, StatKey};
use crate::store::{Key, Reader, Record, StoreError, keys};
use foldhash::HashMap;

/// Rows kept in memory; about 300 bytes each.
const MOST_ROWS: usize = 20_000;

/// Current counters of the rows in use.
#[derive(Default)]
pub(super) struct Totals {
    rows: HashMap<StatKey, Counters>,
    pending: Vec<(StatKey, Counters)>,
}

impl Totals {
    /// Adds to a row and gives its key and new value. The row in memory changes only with [`Totals::keep`].
    pub(super) fn add(
        &mut self,
        reader: &Reader,
        key: StatKey,
        added: &Counters,
    ) -> Result<(Key<Counters>, Vec<u8>), StoreError> {
        let at = keys::stat(&key);
        let mut row = match self.rows.get(&key) {
            Some(row) => row.clone(),
            None => reader.load(&at)?.unwrap_or_default(),
        };
        row.merge(added);
        let value = row.encode()?;
        self.pending.push((key, row));
        Ok((at, value))
    }

    /// The commit is durable: what was added stands.
    pub(super) fn keep(&mut self) {
        if self.rows.len() + self.pending.len() > MOST_ROWS {
            self.rows.clear();
        }
        self.rows.extend(self.pending.drain(..));
    }

    /// The commit failed: what was added does not stand.
    pub(super) fn forget(&mut self) {
        self.pending.clear();
    }
}
