//! A run: the rows of one family that were gathered together, in order, in blocks. Nothing is ever added; rows that
//! were written again elsewhere are taken out, and what is said of first and last keys is then a bound.
//!
//! In the database, all behind the reserved byte:
//!
//! | key | value |
//! | --- | --- |
//! | `h`, family, run (4 bytes) | [`Header`]: with it a run counts |
//! | `f`, family, run, part (2 bytes) | a part of the filter |
//! | `r`, family, run, first key | a block: rows from that key on |

use super::block::{self, Found, Next};
use super::filter::{self, Filter};
use crate::store::database::{KeyRange, RESERVED};
use crate::store::pending::Value;
use crate::store::rows::IndexError;
use serde::{Deserialize, Serialize};
use std::ops::Bound;

/// Form of headers, filters and blocks; the first byte of a header. In the first form neither the filter's length was
/// known nor the block behind a block: of those nothing can be missed.
pub(super) const FORM: u8 = 2;
const FIRST_FORM: u8 = 1;
/// A block ends with the row that fills it. Records are packed to a third, keys with random parts to four fifths; a
/// page of sled, up to 17 blocks, stays below 128 KiB in any case (see [`super::LOG_BYTES`]).
const BLOCK_BYTES: usize = 6 << 10;
/// A filter is stored in parts of at most this size.
const FILTER_PART_BYTES: usize = 3 << 10;
/// Bytes that are handed to sled at once.
const BATCH_BYTES: usize = 128 << 10;

/// What is known of a run without reading it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    /// Entries of the family's log below this number are in the run, or in one before it.
    pub(super) log_until: u64,
    /// First key.
    pub(super) first: Vec<u8>,
    /// Last key.
    pub(super) last: Vec<u8>,
    /// Bytes of the filter; 0: not known, in the first form.
    pub(super) filter_bytes: u32,
}

impl Header {
    fn to_bytes(&self) -> Result<Vec<u8>, IndexError> {
        postcard::to_extend(self, vec![FORM]).map_err(|error| IndexError::rotten(error.to_string()))
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first()? {
            (&FORM, rest) => postcard::from_bytes(rest).ok(),
            (&FIRST_FORM, rest) => {
                let (log_until, first, last) = postcard::from_bytes(rest).ok()?;
                Some(Self {
                    log_until,
                    first,
                    last,
                    filter_bytes: 0,
                })
            }
            _ => None,
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) number: u32,
    pub(super) header: Header,
    family: u8,
    filter: Filter,
}

/// The beginning of the keys of a kind, of a family.
pub(super) fn family_prefix(kind: u8, family: u8) -> Vec<u8> {
    vec![RESERVED, kind, family]
}

fn run_key(kind: u8, family: u8, number: u32) -> Vec<u8> {
    let mut key = family_prefix(kind, family);
    key.extend_from_slice(&number.to_be_bytes());
    key
}

fn read_number(key: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(*key.get(3..)?.first_chunk::<4>()?))
}

impl Run {
    /// Writes rows, of which there is at least one, as a run. It counts once its header is in.
    pub(super) fn write<'a>(
        db: &sled::Db,
        family: u8,
        number: u32,
        log_until: u64,
        search_len: usize,
        rows: impl Iterator<Item = (&'a Vec<u8>, &'a Value)>,
    ) -> Result<Self, IndexError> {
        let mut pages = Pages::new(db, family, number);
        let mut hashes = Vec::new();
        let (mut first, mut last) = (None, Vec::new());
        for (key, value) in rows {
            first.get_or_insert_with(|| key.clone());
            hashes.push(filter::hash(searched(key, search_len)));
            pages.push(key, value.as_deref())?;
            last.clone_from(key);
        }
        pages.finish()?;
        hashes.dedup();
        let filter = Filter::of(&hashes);
        let mut batch = sled::Batch::default();
        for (part, bytes) in (0_u16..).zip(filter.bytes().chunks(FILTER_PART_BYTES)) {
            let mut key = run_key(b'f', family, number);
            key.extend_from_slice(&part.to_be_bytes());
            batch.insert(key, bytes);
        }
        let header = Header {
            log_until,
            first: first.unwrap_or_default(),
            last,
            filter_bytes: u32::try_from(filter.bytes().len()).unwrap_or(0),
        };
        batch.insert(run_key(b'h', family, number), header.to_bytes()?);
        db.apply_batch(batch)?;
        Ok(Self {
            number,
            header,
            family,
            filter,
        })
    }

    /// The runs of a family, oldest first, none of which may be missing. What an unfinished one left is removed.
    pub(super) fn load_all(db: &sled::Db, family: u8) -> Result<Vec<Self>, IndexError> {
        let mut runs = Vec::new();
        for entry in db.scan_prefix(family_prefix(b'h', family)) {
            let (key, value) = entry?;
            let unreadable = || IndexError::rotten("a header of a run cannot be read");
            let number = read_number(&key).ok_or_else(unreadable)?;
            if usize::try_from(number) != Ok(runs.len()) {
                return Err(IndexError::rotten("the header of a run is missing"));
            }
            let header = Header::from_bytes(&value).ok_or_else(unreadable)?;
            let mut bytes = Vec::new();
            for part in db.scan_prefix(run_key(b'f', family, number)) {
                bytes.extend_from_slice(&part?.1);
            }
            let is_cut = header.filter_bytes > 0 && u32::try_from(bytes.len()) != Ok(header.filter_bytes);
            if is_cut {
                return Err(IndexError::rotten("a part of the filter of a run is missing"));
            }
            let filter =
                Filter::from_bytes(bytes).ok_or_else(|| IndexError::rotten("a run has no filter"))?;
            runs.push(Self {
                number,
                header,
                family,
                filter,
            });
        }
        let next = runs.last().map_or(0, |run| run.number + 1);
        for kind in [b'f', b'r'] {
            let leftovers = Bound::Included(run_key(kind, family, next));
            let end = KeyRange::prefix(&family_prefix(kind, family)).end;
            let end = end.map_or(Bound::Unbounded, Bound::Excluded);
            for key in db.range((leftovers, end)).keys() {
                db.remove(key?)?;
            }
        }
        Ok(runs)
    }

    /// Whether keys of a range can be in it; `searched` is what the range is known to be about.
    pub(super) fn concerns(&self, range: &KeyRange, searched: Option<u64>) -> bool {
        range.start <= self.header.last
            && range.end.as_ref().is_none_or(|end| *end > self.header.first)
            && searched.is_none_or(|hash| self.filter.may_hold(hash))
    }

    /// Whether a key can be in it, whose searched part has a hash.
    pub(super) fn holds(&self, key: &[u8], searched: u64) -> bool {
        let Header { first, last, .. } = &self.header;
        first.as_slice() <= key && key <= last.as_slice() && self.filter.may_hold(searched)
    }

    /// The row of a key.
    pub(super) fn get(&self, db: &sled::Db, key: &[u8]) -> Result<Option<Value>, IndexError> {
        let (begin, through) = (self.block_key(&[]), self.block_key(key));
        let found = db.range(begin..=through).next_back().transpose()?;
        let Some((_, packed)) = found else {
            // A run holds keys from its first on, with which its first block begins.
            return Err(missing_block());
        };
        match block::find_packed(&packed, key).ok_or_else(unreadable_block)? {
            Found::Row(value) => Ok(Some(value)),
            Found::Nothing => Ok(None),
            Found::Behind => Err(missing_block()),
        }
    }

    /// Takes rows out for good; keys that it does not hold are passed over. The keys are in order.
    pub(super) fn remove(&self, db: &sled::Db, keys: &[&[u8]]) -> Result<(), IndexError> {
        let mut rest = keys;
        while let Some((first, _)) = rest.split_first() {
            let Some((at, bytes)) = self.block_at(db, first)? else {
                rest = &rest[1..];
                continue;
            };
            let (rows, next) = block::rows(&bytes).ok_or_else(unreadable_block)?;
            // Keys behind the last row may be of the next block, which is looked up then.
            let last = rows.last().map_or(&[][..], |(key, _)| key.as_slice());
            let here = rest.iter().take_while(|key| **key <= last).count().max(1);
            let (gone, behind) = rest.split_at(here);
            let mut kept = Vec::with_capacity(bytes.len());
            for (key, value) in rows.iter().filter(|(key, _)| !gone.contains(&key.as_slice())) {
                block::push(&mut kept, key, value.as_deref());
            }
            block::push_next(&mut kept, &next);
            if kept.len() < bytes.len() {
                db.insert(at, block::pack(&kept))?;
            }
            rest = behind;
        }
        Ok(())
    }

    /// The last block that begins at or before a key.
    fn block_at(&self, db: &sled::Db, key: &[u8]) -> Result<Option<Block>, IndexError> {
        let through = Bound::Included(self.block_key(key));
        self.block_in(db, Bound::Included(self.block_key(&[])), through, true)
    }

    fn block_in(
        &self,
        db: &sled::Db,
        from: Bound<Vec<u8>>,
        to: Bound<Vec<u8>>,
        is_last: bool,
    ) -> Result<Option<Block>, IndexError> {
        let mut blocks = db.range::<Vec<u8>, _>((from, to));
        let found = if is_last {
            blocks.next_back()
        } else {
            blocks.next()
        };
        let Some((key, packed)) = found.transpose()? else {
            return Ok(None);
        };
        let rows = block::unpack(&packed).ok_or_else(unreadable_block)?;
        Ok(Some((key, rows)))
    }

    fn block_key(&self, first: &[u8]) -> Vec<u8> {
        let mut key = run_key(b'r', self.family, self.number);
        key.extend_from_slice(first);
        key
    }
}

/// Key of a block, and the bytes of its rows.
type Block = (sled::IVec, Vec<u8>);

/// What searches know of a key.
pub(super) fn searched(key: &[u8], search_len: usize) -> &[u8] {
    key.get(..search_len).unwrap_or(key)
}

fn missing_block() -> IndexError {
    IndexError::rotten("a block of a run is missing")
}

fn unreadable_block() -> IndexError {
    IndexError::rotten("a block of a run cannot be read")
}

/// Writes blocks.
struct Pages<'a> {
    db: &'a sled::Db,
    prefix: Vec<u8>,
    batch: sled::Batch,
    batch_bytes: usize,
    block: Vec<u8>,
    first: Vec<u8>,
    /// A block that ended, with its key: it is written once that of the next is known.
    ended: Option<(Vec<u8>, Vec<u8>)>,
}

impl<'a> Pages<'a> {
    fn new(db: &'a sled::Db, family: u8, number: u32) -> Self {
        Self {
            db,
            prefix: run_key(b'r', family, number),
            batch: sled::Batch::default(),
            batch_bytes: 0,
            block: Vec::new(),
            first: Vec::new(),
            ended: None,
        }
    }

    fn push(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), IndexError> {
        if self.block.is_empty() {
            self.first.clone_from(&self.prefix);
            self.first.extend_from_slice(key);
            self.write_ended(&Next::At(key.to_vec()));
        }
        block::push(&mut self.block, key, value);
        if self.block.len() < BLOCK_BYTES {
            return Ok(());
        }
        self.end_block();
        if self.batch_bytes < BATCH_BYTES {
            return Ok(());
        }
        self.batch_bytes = 0;
        Ok(self.db.apply_batch(std::mem::take(&mut self.batch))?)
    }

    fn end_block(&mut self) {
        if !self.block.is_empty() {
            self.ended = Some((std::mem::take(&mut self.first), std::mem::take(&mut self.block)));
        }
    }

    fn write_ended(&mut self, next: &Next) {
        if let Some((key, mut rows)) = self.ended.take() {
            block::push_next(&mut rows, next);
            let packed = block::pack(&rows);
            self.batch_bytes += packed.len();
            self.batch.insert(key, packed);
        }
    }

    fn finish(mut self) -> Result<(), IndexError> {
        self.end_block();
        self.write_ended(&Next::Nothing);
        Ok(self.db.apply_batch(self.batch)?)
    }
}

/// Goes through the rows of a run that are in a range, one block in memory.
pub(super) struct RunCursor {
    run: std::sync::Arc<Run>,
    range: KeyRange,
    is_reverse: bool,
    rows: std::vec::IntoIter<(Vec<u8>, Value)>,
    place: Place,
    /// What the block that the rows are of says of the next.
    next: Next,
}

enum Place {
    Before,
    /// The key of the block that the rows are of.
    At(sled::IVec),
    Behind,
}

impl RunCursor {
    pub(super) fn new(run: std::sync::Arc<Run>, range: KeyRange, is_reverse: bool) -> Self {
        Self {
            run,
            range,
            is_reverse,
            rows: Vec::new().into_iter(),
            place: Place::Before,
            next: Next::Unsaid,
        }
    }

    /// No row of it comes before this key.
    pub(super) fn bound(&self) -> Vec<u8> {
        let header = &self.run.header;
        if self.is_reverse {
            header.last.clone()
        } else {
            header.first.clone().max(self.range.start.clone())
        }
    }

    /// The next row.
    pub(super) fn next(&mut self, db: &sled::Db) -> Result<Option<(Vec<u8>, Value)>, IndexError> {
        loop {
            let row = if self.is_reverse {
                self.rows.next_back()
            } else {
                self.rows.next()
            };
            match row {
                Some((key, value)) => {
                    let is_below = key < self.range.start;
                    let is_above = self.range.end.as_ref().is_some_and(|end| key >= *end);
                    if !is_below && !is_above {
                        return Ok(Some((key, value)));
                    }
                    if (is_above && !self.is_reverse) || (is_below && self.is_reverse) {
                        self.place = Place::Behind;
                        self.rows = Vec::new().into_iter();
                        return Ok(None);
                    }
                }
                None => match self.next_block(db)? {
                    Some((key, bytes)) => {
                        let (rows, next) = block::rows(&bytes).ok_or_else(unreadable_block)?;
                        self.judge(Some(&key), &next)?;
                        (self.rows, self.next) = (rows.into_iter(), next);
                        self.place = Place::At(key);
                    }
                    None => {
                        self.judge(None, &Next::Unsaid)?;
                        self.place = Place::Behind;
                        return Ok(None);
                    }
                },
            }
        }
    }

    /// Whether the block that was found is the one that comes, by what the earlier of the two says; `None`: none was
    /// found any more.
    fn judge(&self, found: Option<&[u8]>, says: &Next) -> Result<(), IndexError> {
        let first_key = |key: &Next| match key {
            Next::At(key) => Some(self.run.block_key(key)),
            _ => None,
        };
        let is_good = match (&self.place, found, self.is_reverse) {
            (Place::Behind, ..) => true,
            (Place::At(_), found, false) => {
                self.next == Next::Unsaid || first_key(&self.next).as_deref() == found
            }
            (Place::At(key), Some(_), true) => {
                *says == Next::Unsaid || first_key(says).as_deref() == Some(key)
            }
            (Place::At(key), None, true) => **key == *self.run.block_key(&self.run.header.first),
            (Place::Before, Some(key), false) => {
                *key <= *self.run.block_key(&self.range.start)
                    || *key == *self.run.block_key(&self.run.header.first)
            }
            (Place::Before, Some(_), true) => match (says, &self.range.end) {
                (Next::At(next), Some(end)) => next >= end,
                (Next::At(_), None) => false,
                _ => true,
            },
            (Place::Before, None, _) => {
                self.is_reverse
                    && self
                        .range
                        .end
                        .as_ref()
                        .is_some_and(|end| *end <= self.run.header.first)
            }
        };
        if is_good { Ok(()) } else { Err(missing_block()) }
    }

    fn next_block(&self, db: &sled::Db) -> Result<Option<Block>, IndexError> {
        let run = &self.run;
        let begin = Bound::Included(run.block_key(&[]));
        let beyond = KeyRange::prefix(&run.block_key(&[])).end;
        let beyond = beyond.map_or(Bound::Unbounded, Bound::Excluded);
        match (&self.place, self.is_reverse) {
            (Place::Behind, _) => Ok(None),
            (Place::Before, false) => match run.block_at(db, &self.range.start)? {
                Some(block) => Ok(Some(block)),
                None => run.block_in(db, begin, beyond, false),
            },
            (Place::At(key), false) => run.block_in(db, Bound::Excluded(key.to_vec()), beyond, false),
            (Place::Before, true) => {
                let end = match &self.range.end {
                    Some(end) => Bound::Excluded(run.block_key(end)),
                    None => beyond,
                };
                run.block_in(db, begin, end, true)
            }
            (Place::At(key), true) => run.block_in(db, begin, Bound::Excluded(key.to_vec()), true),
        }
    }
}
