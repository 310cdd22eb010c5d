//! The store: the journal is the truth, sled is the index. The only room that names sled.
pub mod codec;
mod error;
pub mod keys;

pub use error::StoreError;
pub use keys::{Db, Key, KeyRange, Period, PeriodKind};

/// One write of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Sets a key to a value.
    Put(Vec<u8>, Vec<u8>),
    /// Removes a key.
    Delete(Vec<u8>),
    /// The whole database of a period goes, with all that was written to it before in this commit.
    Drop,
}

/// Writes that become durable together, in order: final values, never increments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Commit {
    /// Which database, and what to do there.
    pub writes: Vec<(Db, Op)>,
}
