//! How far the logs of the families reach and how many runs they have, as each commit says it: what is missing when
//! the database is opened again is noticed by it.
//!
//! One row of the database, behind the reserved byte: `n`, with the form and the marks of its families.

use crate::store::database::RESERVED;
use crate::store::rows::IndexError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;

const KEY: [u8; 2] = [RESERVED, b'n'];
const FORM: u8 = 1;

/// What is said of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Mark {
    /// Runs that there were, at least: one more may have been made since.
    runs: u32,
    /// The entries of the log: those from here ...
    log_start: u64,
    /// ... up to here. 0: nothing is said, by versions before marks.
    log_end: u64,
}

impl Mark {
    pub(super) fn new(runs: usize, log: &Range<u64>) -> Self {
        Self {
            runs: u32::try_from(runs).unwrap_or(u32::MAX),
            log_start: log.start,
            log_end: log.end,
        }
    }

    /// Whether nothing is said.
    pub(super) fn is_unsaid(self) -> bool {
        self.log_end == 0
    }

    /// The entries that the log must hold behind those that are in runs.
    ///
    /// # Errors
    ///
    /// When a run is missing.
    pub(super) fn log_behind(self, runs: usize, in_runs: u64) -> Result<Range<u64>, IndexError> {
        if u32::try_from(runs).is_ok_and(|runs| runs < self.runs) {
            return Err(IndexError::rotten(format!(
                "{} runs are missing",
                u64::from(self.runs) - u64::try_from(runs).unwrap_or(0)
            )));
        }
        let start = self.log_start.max(in_runs);
        Ok(start..self.log_end.max(start))
    }
}

/// The marks of the families of a database.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Marks(BTreeMap<u8, Mark>);

impl Marks {
    pub(super) fn of_all(marks: impl Iterator<Item = (u8, Mark)>) -> Self {
        Self(marks.collect())
    }

    /// What the database says; nothing when it was written before there were marks.
    pub(super) fn load(db: &sled::Db) -> Result<Self, IndexError> {
        let unreadable = || IndexError::rotten("the marks of its logs cannot be read");
        match db.get(KEY)? {
            None => Ok(Self::default()),
            Some(bytes) => {
                let bytes = bytes.strip_prefix(&[FORM]).ok_or_else(unreadable)?;
                postcard::from_bytes(bytes).map_err(|_| unreadable())
            }
        }
    }

    /// What is said of a family.
    pub(super) fn of(&self, family: u8) -> Mark {
        self.0.get(&family).copied().unwrap_or_default()
    }

    pub(super) fn set(&mut self, family: u8, mark: Mark) {
        self.0.insert(family, mark);
    }

    /// Adds them to the batch of what they speak of.
    pub(super) fn put(&self, batch: &mut sled::Batch) -> Result<(), IndexError> {
        let bytes =
            postcard::to_extend(self, vec![FORM]).map_err(|error| IndexError::rotten(error.to_string()))?;
        batch.insert(&KEY, bytes);
        Ok(())
    }
}
