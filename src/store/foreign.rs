//! The journal of another data directory, which is read and never changed: neither locked nor opened as a store, so that
//! a copy, a disk that is mounted read-only, and a directory that a fenced server still holds will do.

use super::codec::{decode_commit, encode_commit};
use super::files::Layout;
use super::manifest::{Found, Manifest, SCHEMA};
use super::{Commit, StoreError};
use crate::journal;
use std::path::Path;

/// See the module.
pub struct Foreign {
    layout: Layout,
    instance: u64,
}

/// A commit of it, or a sentence on commits that cannot be read.
pub type Read = Result<(u64, Commit), String>;

impl Foreign {
    /// Looks at a data directory.
    ///
    /// # Errors
    /// There is none, or one of a later version.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let layout = Layout::new(dir);
        match Manifest::read(&layout.manifest())? {
            Found::Good(manifest) => Ok(Self {
                layout,
                instance: manifest.instance,
            }),
            Found::Newer(found) => Err(StoreError::NewerSchema {
                dir: dir.to_owned(),
                found,
                supported: SCHEMA,
            }),
            Found::Missing | Found::Damaged(_) => Err(StoreError::NoStore { dir: dir.to_owned() }),
        }
    }

    /// Random id of the instance, 16 hexadecimal digits.
    pub fn instance(&self) -> String {
        format!("{:016x}", self.instance)
    }

    /// What its journal holds of the commits after a number, in order.
    ///
    /// # Errors
    /// The journal cannot be listed.
    pub fn commits(&self, after: u64) -> Result<impl Iterator<Item = Read> + use<>, StoreError> {
        let records = journal::read(&self.layout.journal(), after)
            .map_err(|error| StoreError::Journal(error.to_string()))?;
        Ok(records.map(|record| {
            let record = record.map_err(|damage| damage.to_string())?;
            let unknown = || format!("commit {} has a form that this version does not know", record.seq);
            Ok((record.seq, decode_commit(&record.payload).ok_or_else(unknown)?))
        }))
    }

    /// Whether its journal holds this very commit; `None`: it holds none of the number.
    ///
    /// # Errors
    /// The journal cannot be listed.
    pub fn holds(&self, seq: u64, payload: &[u8]) -> Result<Option<bool>, StoreError> {
        let mut records = journal::read(&self.layout.journal(), seq.saturating_sub(1))
            .map_err(|error| StoreError::Journal(error.to_string()))?;
        let found = records.next().and_then(Result::ok).filter(|one| one.seq == seq);
        Ok(found.map(|one| one.payload == payload))
    }
}

/// The bytes of a commit, as the journal has them.
///
/// # Errors
/// [`StoreError::TooLarge`].
pub fn pack(commit: &Commit) -> Result<Vec<u8>, StoreError> {
    encode_commit(commit)
}

/// The commit of [`pack`].
pub fn unpack(bytes: &[u8]) -> Option<Commit> {
    decode_commit(bytes)
}
