//! Packing: rows of the databases of periods are gathered in memory and kept in sled as runs of blocks, not one
//! by one.
//!
//! * 2026-11-22: sled 0.34.7 keeps at most 16 values to a page, eight when keys come in order, and for each page
//!   some hundred bytes in memory for as long as the database is open, whatever its cache may hold. Ten million
//!   records with their indexes came to several GB. It also spends about 10 us on each key, more when keys come
//!   in no order and their pages are no longer in its cache. A block holds thirty and more rows of an index, and
//!   is written once.
//! * What was gathered is in the database from the beginning: [`Packing::log`] adds it to the batch of its
//!   commit, in the order in which it came. So a database stands for itself, as without packing, and nothing
//!   outside [`super::index`] knows of it. When enough was gathered in a family it is written as a run, and its
//!   log is removed.
//! * What is missing is noticed: each commit says how far the logs reach and how many runs there are ([`Marks`]),
//!   entries of a log and runs have numbers without gaps, a run knows the size of its filter, and a block the next.
//! * Runs are not merged: a period ends, and is removed whole. A row that is written again or removed is taken out
//!   of the older runs and of the log at the next flush, since what was erased must not stay in the database for
//!   months. That suits records which seldom change; what changes often is hot.
//! * A search asks the filter of each run, some tens of nanoseconds, and reads a block where it says yes.

mod block;
mod family;
mod filter;
mod marks;
mod merge;
mod placed;
mod run;
#[cfg(test)]
mod tests;

use super::database::{KeyRange, RESERVED};
use super::pending::{Keys, Value};
use super::rows::{IndexError, Write};
pub(super) use family::{Family, families};

use marks::{Mark, Marks};
use merge::{Merge, Source};
use parking_lot::{Mutex, MutexGuard, RwLock};
use placed::{Placed, place};
use run::{Run, RunCursor};
use std::collections::BTreeMap;
use std::ops::{Bound, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a row in memory takes beside its bytes.
const ROW_COST: usize = 100;
/// An entry of the log ends with the row that fills it.
///
/// Sled puts up to 17 values into a page, and writes a page of more than 128 KiB into a file that it does not sync.
const LOG_BYTES: usize = 6 << 10;
/// Entries of the log that are removed at once.
const REMOVED_AT_ONCE: u64 = 512;

/// What a family holds.
struct Stack {
    family: Family,
    /// What was gathered since the last run.
    memtable: Keys,
    bytes: usize,
    /// Oldest first.
    runs: Vec<Placed>,
    /// The furthest place in any of them.
    furthest: u64,
    /// Entries of the log that hold what was gathered.
    log: Range<u64>,
    /// Whether the log also holds rows that were written again.
    is_log_stale: bool,
}

/// The packed rows of one open database. One thread writes at a time.
pub(super) struct Packing {
    stacks: RwLock<Vec<Stack>>,
    /// Gathered bytes of a family, with [`ROW_COST`] for each row, that make a run.
    enough: usize,
    /// Keys with a newer row than that in runs before a number.
    superseded: Mutex<BTreeMap<Vec<u8>, u32>>,
    /// Held while blocks are written again.
    purge: Mutex<()>,
    /// Raised before blocks are written again.
    purges: AtomicU64,
    /// Held from the log of some rows until they are seen, and while a log is written again.
    writing: Mutex<()>,
}

fn log_key(family: u8, number: u64) -> Vec<u8> {
    let mut key = run::family_prefix(b'g', family);
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// Adds rows of a family to a batch as entries of its log from a number on. The number behind the last.
fn log_rows<'a>(
    family: u8,
    mut number: u64,
    rows: impl Iterator<Item = Write<'a>>,
    batch: &mut sled::Batch,
) -> u64 {
    let mut entry = Vec::new();
    let mut rows = rows.peekable();
    while let Some((key, value)) = rows.next() {
        block::push(&mut entry, key, value);
        if entry.len() >= LOG_BYTES || rows.peek().is_none() {
            batch.insert(
                log_key(family, number),
                block::pack_entry(std::mem::take(&mut entry)),
            );
            number += 1;
        }
    }
    number
}

impl Stack {
    fn load(db: &sled::Db, family: Family, mark: Mark) -> Result<Self, IndexError> {
        let runs = Run::load_all(db, family.byte)?;
        let in_runs = runs.last().map_or(0, |run| run.header.log_until);
        let expected = mark.log_behind(runs.len(), in_runs)?;
        let runs: Vec<_> = runs
            .into_iter()
            .map(|run| Placed::new(family.byte, run))
            .collect();
        let mut stack = Self {
            family,
            memtable: Keys::new(),
            bytes: 0,
            furthest: runs.iter().map(|placed| placed.last).max().unwrap_or(0),
            runs,
            log: expected.start..expected.start,
            is_log_stale: false,
        };
        for entry in db.scan_prefix(run::family_prefix(b'g', family.byte)) {
            let (key, rows) = entry?;
            let unreadable = || IndexError::rotten("an entry of the log of gathered rows cannot be read");
            let number = key.get(3..).and_then(|number| number.try_into().ok());
            let number = u64::from_be_bytes(number.ok_or_else(unreadable)?);
            if number < in_runs {
                db.remove(key)?;
                continue;
            }
            if stack.log.is_empty() && mark.is_unsaid() {
                stack.log = number..number;
            }
            if number != stack.log.end {
                return Err(IndexError::rotten(
                    "an entry of the log of gathered rows is missing",
                ));
            }
            for (key, value) in block::entry_rows(&rows).ok_or_else(unreadable)? {
                stack.add(key, value);
            }
            stack.log.end = number + 1;
        }
        if !mark.is_unsaid() && stack.log.end != expected.end {
            return Err(IndexError::rotten(
                "the log of gathered rows does not end where it did",
            ));
        }
        Ok(stack)
    }

    fn add(&mut self, key: Vec<u8>, value: Value) {
        let bytes = key.len() + value.as_ref().map_or(0, Vec::len) + ROW_COST;
        // A row that is written again is counted again: a run is made a little earlier.
        self.bytes += bytes;
        self.is_log_stale |= self.memtable.insert(key, value).is_some();
    }

    fn mark(&self) -> (u8, Mark) {
        (self.family.byte, Mark::new(self.runs.len(), &self.log))
    }

    /// The number of the next run.
    fn next_run(&self) -> u32 {
        self.runs.last().map_or(0, |placed| placed.run.number + 1)
    }

    /// The runs that may hold a key, newest first.
    fn runs_with(&self, key: &[u8]) -> impl Iterator<Item = &Arc<Run>> {
        let at = place(self.family.byte, key);
        let near = if at <= self.furthest { &self.runs[..] } else { &[] };
        let near = near
            .iter()
            .rev()
            .filter(move |placed| placed.first <= at && at <= placed.last);
        let searched = filter::hash(run::searched(key, self.family.search_len));
        near.map(|placed| &placed.run)
            .filter(move |run| run.holds(key, searched))
    }

    /// Whether an older row of a key may be in a run, now that it is written again or removed.
    fn supersedes(&self, key: &[u8], is_removed: bool) -> bool {
        (is_removed || !self.family.is_index) && self.runs_with(key).next().is_some()
    }

    /// What a range is known to be about, when it is about one searched prefix.
    fn searched(&self, range: &KeyRange) -> Option<u64> {
        let prefix = range.start.get(..self.family.search_len)?;
        let of_prefix = KeyRange::prefix(prefix).end;
        let is_within = match (&range.end, &of_prefix) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(end), Some(beyond)) => end <= beyond,
        };
        is_within.then(|| filter::hash(prefix))
    }

    fn sources(&self, range: &KeyRange, is_reverse: bool, found: &mut Vec<Source>) {
        let end = range.end.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let memtable = self
            .memtable
            .range::<Vec<u8>, _>((Bound::Included(&range.start), end));
        let mut memtable: Vec<_> = memtable
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        if !memtable.is_empty() {
            if is_reverse {
                memtable.reverse();
            }
            found.push(Source::Memtable(memtable.into_iter()));
        }
        let searched = self.searched(range);
        let first = place(self.family.byte, &range.start);
        let end = range
            .end
            .as_ref()
            .map_or(u64::MAX, |end| place(self.family.byte, end));
        let is_near = |placed: &&Placed| first <= placed.last && placed.first <= end;
        for Placed { run, .. } in self.runs.iter().rev().filter(is_near) {
            if run.concerns(range, searched) {
                let cursor = RunCursor::new(run.clone(), range.clone(), is_reverse);
                found.push(Source::Run(Box::new(cursor)));
            }
        }
    }
}

impl Packing {
    /// What a database holds, as it is opened.
    pub(super) fn load(db: &sled::Db, families: &[Family], enough: usize) -> Result<Self, IndexError> {
        let marks = Marks::load(db)?;
        let stacks = families
            .iter()
            .map(|family| Stack::load(db, *family, marks.of(family.byte)));
        let stacks = stacks.collect::<Result<Vec<_>, _>>()?;
        let mut superseded = BTreeMap::new();
        for stack in &stacks {
            for (key, value) in &stack.memtable {
                if stack.supersedes(key, value.is_none()) {
                    superseded.insert(key.clone(), stack.next_run());
                }
            }
        }
        Ok(Self {
            stacks: RwLock::new(stacks),
            enough,
            superseded: Mutex::new(superseded),
            purge: Mutex::new(()),
            purges: AtomicU64::new(0),
            writing: Mutex::new(()),
        })
    }

    /// Whether a row is to be packed.
    pub(super) fn takes(&self, (key, value): &Write<'_>) -> bool {
        let stacks = self.stacks.read();
        key.first()
            .is_some_and(|byte| stacks.iter().any(|stack| stack.family.byte == *byte))
            && block::fits(key, *value)
    }

    /// Held by whoever writes, from [`Packing::log`] to the end of [`Packing::add`].
    pub(super) fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock()
    }

    /// Adds rows that it takes to the batch of their commit. Once that is applied, [`Packing::add`] is due.
    pub(super) fn log(&self, rows: &[Write<'_>], batch: &mut sled::Batch) -> Result<(), IndexError> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut stacks = self.stacks.write();
        for stack in stacks.iter_mut() {
            let family = stack.family.byte;
            let rows = rows.iter().filter(|(key, _)| key.first() == Some(&family));
            stack.log.end = log_rows(family, stack.log.end, rows.copied(), batch);
        }
        Marks::of_all(stacks.iter().map(Stack::mark)).put(batch)
    }

    /// Rows whose log was applied: seen from now on. What was gathered becomes a run when it is enough.
    pub(super) fn add(&self, db: &sled::Db, rows: &[Write<'_>]) -> Result<(), IndexError> {
        let mut stacks = self.stacks.write();
        for stack in stacks.iter_mut() {
            let byte = stack.family.byte;
            for (key, value) in rows.iter().filter(|(key, _)| key.first() == Some(&byte)) {
                if stack.supersedes(key, value.is_none()) {
                    self.superseded.lock().insert(key.to_vec(), stack.next_run());
                }
                stack.add(key.to_vec(), value.map(<[u8]>::to_vec));
            }
        }
        let enough = |stack: &Stack| stack.bytes >= self.enough;
        let full: Vec<usize> = (0..stacks.len()).filter(|at| enough(&stacks[*at])).collect();
        drop(stacks);
        if full.is_empty() {
            return Ok(());
        }
        // What is in a run is no longer known to supersede anything when the database is opened again.
        self.purge_runs(db)?;
        full.into_iter().try_for_each(|at| self.seal(db, at))
    }

    /// Writes what a family gathered as a run. Reads go on meanwhile.
    fn seal(&self, db: &sled::Db, at: usize) -> Result<(), IndexError> {
        let (run, log) = {
            let stacks = self.stacks.read();
            let stack = &stacks[at];
            let Family { byte, search_len, .. } = stack.family;
            let run = Run::write(
                db,
                byte,
                stack.next_run(),
                stack.log.end,
                search_len,
                stack.memtable.iter(),
            )?;
            (run, stack.log.clone())
        };
        let family = {
            let stack = &mut self.stacks.write()[at];
            let placed = Placed::new(stack.family.byte, run);
            stack.furthest = stack.furthest.max(placed.last);
            stack.runs.push(placed);
            stack.memtable = Keys::new();
            stack.bytes = 0;
            stack.log = log.end..log.end;
            stack.is_log_stale = false;
            stack.family.byte
        };
        let mut from = log.start;
        while from < log.end {
            let until = log.end.min(from + REMOVED_AT_ONCE);
            let mut batch = sled::Batch::default();
            (from..until).for_each(|number| batch.remove(log_key(family, number)));
            db.apply_batch(batch)?;
            from = until;
        }
        Ok(())
    }

    /// Whether there is something to [`Packing::purge`].
    pub(super) fn is_stale(&self) -> bool {
        !self.superseded.lock().is_empty() || self.stacks.read().iter().any(|stack| stack.is_log_stale)
    }

    /// Takes rows that were written again or removed out of the older runs and of the log. A scan that began before
    /// such a write may miss the row.
    pub(super) fn purge(&self, db: &sled::Db) -> Result<(), IndexError> {
        self.purge_runs(db)?;
        self.purge_logs(db)
    }

    /// Writes a log again from what was gathered, where it holds more than that.
    fn purge_logs(&self, db: &sled::Db) -> Result<(), IndexError> {
        let _writing = self.writing.lock();
        let count = self.stacks.read().len();
        for at in 0..count {
            let mut batch = sled::Batch::default();
            let log = {
                let stacks = self.stacks.read();
                let Stack {
                    family,
                    memtable,
                    log,
                    ..
                } = &stacks[at];
                if !stacks[at].is_log_stale {
                    continue;
                }
                let rows = memtable
                    .iter()
                    .map(|(key, value)| (key.as_slice(), value.as_deref()));
                let end = log_rows(family.byte, log.end, rows, &mut batch);
                log.clone()
                    .for_each(|number| batch.remove(log_key(family.byte, number)));
                let again = log.end..end;
                let mut marks = Marks::of_all(stacks.iter().map(Stack::mark));
                marks.set(family.byte, Mark::new(stacks[at].runs.len(), &again));
                marks.put(&mut batch)?;
                again
            };
            db.apply_batch(batch)?;
            let stack = &mut self.stacks.write()[at];
            stack.log = log;
            stack.is_log_stale = false;
        }
        Ok(())
    }

    fn purge_runs(&self, db: &sled::Db) -> Result<(), IndexError> {
        let _turn = self.purge.lock();
        let superseded = std::mem::take(&mut *self.superseded.lock());
        let mut by_run = BTreeMap::<(u8, u32), (Arc<Run>, Vec<&[u8]>)>::new();
        for stack in self.stacks.read().iter().filter(|_| !superseded.is_empty()) {
            let byte = stack.family.byte;
            for (key, before) in superseded.range(vec![byte]..vec![byte + 1]) {
                for run in stack.runs_with(key).filter(|run| run.number < *before) {
                    let (_, keys) = by_run
                        .entry((byte, run.number))
                        .or_insert_with(|| (run.clone(), Vec::new()));
                    keys.push(key);
                }
            }
        }
        self.purges.fetch_add(1, Ordering::SeqCst);
        by_run.values().try_for_each(|(run, keys)| run.remove(db, keys))
    }

    /// How often blocks were written again, which a scan that goes on meanwhile may have missed rows by.
    pub(super) fn purges(&self) -> u64 {
        self.purges.load(Ordering::SeqCst)
    }

    /// The row of a key; `None`: it is not packed.
    pub(super) fn get(&self, db: &sled::Db, key: &[u8]) -> Result<Option<Value>, IndexError> {
        loop {
            let purges = self.purges.load(Ordering::SeqCst);
            let found = self.look_up(db, key)?;
            // A row that was written again meanwhile may have left the run before it was looked for there.
            if found.is_some() || purges == self.purges.load(Ordering::SeqCst) {
                return Ok(found);
            }
        }
    }

    fn look_up(&self, db: &sled::Db, key: &[u8]) -> Result<Option<Value>, IndexError> {
        let runs: Vec<Arc<Run>> = {
            let stacks = self.stacks.read();
            let Some(stack) = key
                .first()
                .and_then(|byte| stacks.iter().find(|stack| stack.family.byte == *byte))
            else {
                return Ok(None);
            };
            if let Some(value) = stack.memtable.get(key) {
                return Ok(Some(value.clone()));
            }
            stack.runs_with(key).cloned().collect()
        };
        for run in runs {
            if let Some(value) = run.get(db, key)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// The rows of a range together with the keys that are not packed.
    pub(super) fn scan(
        &self,
        db: &sled::Db,
        range: &KeyRange,
        is_reverse: bool,
    ) -> Result<Merge, IndexError> {
        let mut sources = Vec::new();
        for stack in self.stacks.read().iter() {
            let byte = stack.family.byte;
            let is_before = range
                .end
                .as_ref()
                .is_some_and(|end| end.as_slice() <= &[byte][..]);
            if !is_before && range.start.first().is_none_or(|first| *first <= byte) {
                stack.sources(range, is_reverse, &mut sources);
            }
        }
        let start = range.start.clone().max(vec![RESERVED + 1]);
        let end = range.end.clone().map_or(Bound::Unbounded, Bound::Excluded);
        let plain = db.range::<Vec<u8>, _>((Bound::Included(start), end));
        sources.push(Source::Plain(Box::new(plain)));
        Merge::new(sources, is_reverse, db)
    }
}
