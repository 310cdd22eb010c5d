//! Rows from several places as one scan: of a key that several hold, the newest counts, and a removed one is not
//! shown. Places are looked into when their turn comes, not before.

use super::run::RunCursor;
use crate::store::pending::Value;
use crate::store::rows::IndexError;
use crate::store::snapshot::Entry;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Where rows come from.
pub(super) enum Source {
    /// In memory, in the order of the scan.
    Memtable(std::vec::IntoIter<(Vec<u8>, Value)>),
    /// A run.
    Run(Box<RunCursor>),
    /// Keys of the database that are not packed.
    Plain(Box<sled::Iter>),
}

impl Source {
    fn next(&mut self, db: &sled::Db, is_reverse: bool) -> Result<Option<(Vec<u8>, Value)>, IndexError> {
        match self {
            Self::Memtable(rows) => Ok(rows.next()),
            Self::Run(cursor) => cursor.next(db),
            Self::Plain(entries) => {
                let entry = if is_reverse {
                    entries.next_back()
                } else {
                    entries.next()
                };
                let entry = entry.transpose()?;
                Ok(entry.map(|(key, value)| (key.to_vec(), Some(value.to_vec()))))
            }
        }
    }
}

/// The next row of a source, or a bound of a source that was not looked into yet.
struct Head {
    key: Vec<u8>,
    row: Option<Value>,
    /// 0 is the newest.
    rank: usize,
    is_reverse: bool,
}

impl Ord for Head {
    /// The greatest is the next of the scan.
    fn cmp(&self, other: &Self) -> Ordering {
        let by_key = self.key.cmp(&other.key);
        let by_key = if self.is_reverse { by_key } else { by_key.reverse() };
        by_key.then_with(|| other.rank.cmp(&self.rank))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}

/// See the module.
pub(in crate::store) struct Merge {
    heads: BinaryHeap<Head>,
    sources: Vec<Source>,
    is_reverse: bool,
    last: Option<Vec<u8>>,
}

impl Merge {
    /// `sources` are given newest first.
    pub(super) fn new(sources: Vec<Source>, is_reverse: bool, db: &sled::Db) -> Result<Self, IndexError> {
        let mut merge = Self {
            heads: BinaryHeap::with_capacity(sources.len()),
            sources,
            is_reverse,
            last: None,
        };
        for rank in 0..merge.sources.len() {
            match &merge.sources[rank] {
                Source::Run(cursor) => {
                    let key = cursor.bound();
                    merge.heads.push(Head {
                        key,
                        row: None,
                        rank,
                        is_reverse,
                    });
                }
                _ => merge.advance(rank, db)?,
            }
        }
        Ok(merge)
    }

    fn advance(&mut self, rank: usize, db: &sled::Db) -> Result<(), IndexError> {
        if let Some((key, value)) = self.sources[rank].next(db, self.is_reverse)? {
            self.heads.push(Head {
                key,
                row: Some(value),
                rank,
                is_reverse: self.is_reverse,
            });
        }
        Ok(())
    }

    /// The next row that is there.
    pub(in crate::store) fn next(&mut self, db: &sled::Db) -> Result<Option<Entry>, IndexError> {
        while let Some(head) = self.heads.pop() {
            self.advance(head.rank, db)?;
            let Some(value) = head.row else { continue };
            if self.last.as_ref() == Some(&head.key) {
                continue;
            }
            self.last = Some(head.key.clone());
            if let Some(value) = value {
                return Ok(Some((head.key, value)));
            }
        }
        Ok(None)
    }
}
