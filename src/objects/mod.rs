//! Objects by name, in an S3-compatible bucket or in a directory that stands in for one.
//!
//! What others build on it rests on three promises, which both places keep: an object that is written *only if there
//! is none* is written by one writer; one that is written *over the version that was read* fails when another was
//! there first; and whoever reads sees an object whole.
//!
//! | file | |
//! | --- | --- |
//! | `s3` | a bucket: signed requests over [`crate::wire`] |
//! | `directory` | a directory |
//! | `credentials` | the file with the access key |
//! | `error` | what may go wrong |
//!
//! Everything here waits for its answer; nobody on whom visitors wait may call it.

mod credentials;
mod directory;
mod error;
mod s3;

#[cfg(test)]
mod tests;

pub use credentials::{AccessKey, CredentialsError};
pub use directory::Directory;
pub use error::ObjectsError;
pub use s3::{Bucket, Place};

use std::sync::atomic::{AtomicU64, Ordering};

/// Most bytes of one object that is read into memory.
pub const MOST_BYTES: u64 = 256 << 20;

/// Where objects lie.
pub enum Objects {
    /// An S3-compatible bucket.
    Bucket(Box<Bucket>),
    /// A directory of this machine.
    Directory(Directory),
}

/// The version of an object: as long as it is the same, so are the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(pub(crate) String);

/// An object of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub key: String,
    /// Its length.
    pub bytes: u64,
}

/// What was asked of a place since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Requests.
    pub requests: u64,
    /// Bytes of the objects that were sent.
    pub sent_bytes: u64,
    /// Bytes of the objects that were received.
    pub received_bytes: u64,
}

#[derive(Default)]
struct Counters {
    requests: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
}

impl Counters {
    fn count(&self, sent: usize, received: usize) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.sent.fetch_add(sent as u64, Ordering::Relaxed);
        self.received.fetch_add(received as u64, Ordering::Relaxed);
    }

    fn usage(&self) -> Usage {
        Usage {
            requests: self.requests.load(Ordering::Relaxed),
            sent_bytes: self.sent.load(Ordering::Relaxed),
            received_bytes: self.received.load(Ordering::Relaxed),
        }
    }
}

impl Objects {
    /// Writes an object only if there is none of that name.
    ///
    /// # Errors
    /// [`ObjectsError::Exists`] when there is one. After [`ObjectsError::Away`] it may have been written.
    pub fn put_new(&self, key: &str, bytes: &[u8]) -> Result<Version, ObjectsError> {
        match self {
            Self::Bucket(bucket) => bucket.put_new(key, bytes),
            Self::Directory(directory) => directory.put_new(key, bytes),
        }
    }

    /// Writes an object over the version that the caller read.
    ///
    /// # Errors
    /// [`ObjectsError::Changed`] when it is another one, or gone. After [`ObjectsError::Away`] it may have been
    /// written.
    pub fn put_over(&self, key: &str, bytes: &[u8], version: &Version) -> Result<Version, ObjectsError> {
        match self {
            Self::Bucket(bucket) => bucket.put_over(key, bytes, version),
            Self::Directory(directory) => directory.put_over(key, bytes, version),
        }
    }

    /// Writes an object, whatever was there.
    ///
    /// # Errors
    /// When it is not sure that it was written.
    pub fn put(&self, key: &str, bytes: &[u8]) -> Result<Version, ObjectsError> {
        match self {
            Self::Bucket(bucket) => bucket.put(key, bytes),
            Self::Directory(directory) => directory.put(key, bytes),
        }
    }

    /// Reads an object of at most [`MOST_BYTES`]; `None` when there is none.
    ///
    /// # Errors
    /// When the place does not answer, or refuses.
    pub fn get(&self, key: &str) -> Result<Option<(Vec<u8>, Version)>, ObjectsError> {
        match self {
            Self::Bucket(bucket) => bucket.get(key),
            Self::Directory(directory) => directory.get(key),
        }
    }

    /// The objects whose names begin with `prefix` and come after `after`, in the order of their names: one page, at
    /// most 1,000. A page of none is the end.
    ///
    /// # Errors
    /// When the place does not answer, or refuses.
    pub fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<Listed>, ObjectsError> {
        match self {
            Self::Bucket(bucket) => bucket.list(prefix, after),
            Self::Directory(directory) => directory.list(prefix, after),
        }
    }

    /// All objects whose names begin with `prefix`, in the order of their names.
    ///
    /// # Errors
    /// When the place does not answer, or refuses.
    pub fn list_all(&self, prefix: &str) -> Result<Vec<Listed>, ObjectsError> {
        let mut all: Vec<Listed> = Vec::new();
        loop {
            let page = self.list(prefix, all.last().map(|last| last.key.as_str()))?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    /// Removes an object; one that is not there is removed already.
    ///
    /// # Errors
    /// When it is not sure that it is gone.
    pub fn delete(&self, key: &str) -> Result<(), ObjectsError> {
        match self {
            Self::Bucket(bucket) => bucket.delete(key),
            Self::Directory(directory) => directory.delete(key),
        }
    }

    /// What was asked since this was opened.
    pub fn usage(&self) -> Usage {
        match self {
            Self::Bucket(bucket) => bucket.counters.usage(),
            Self::Directory(directory) => directory.counters.usage(),
        }
    }
}

/// Whether a name is one of ours: segments of letters, digits, `-`, `_`, `.` and `=`, none of them `.` or `..`.
/// Others cannot be told in a URL, or lead out of a directory.
fn is_name(key: &str) -> bool {
    let is_ours = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '=');
    key.len() <= 900
        && key.split('/').all(|segment| {
            !segment.is_empty() && segment != "." && segment != ".." && segment.chars().all(is_ours)
        })
}

fn checked(key: &str) -> Result<(), ObjectsError> {
    if is_name(key) {
        return Ok(());
    }
    Err(ObjectsError::Name { key: key.to_owned() })
}
