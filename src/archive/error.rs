//! What may go wrong with an archive.

use super::object::ObjectFault;
use crate::objects::ObjectsError;
use crate::store::StoreError;
use std::path::PathBuf;

/// Why something of the archive did not work. Each is a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The bucket.
    #[error("{0}")]
    Objects(#[from] ObjectsError),
    /// The store.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// A setting.
    #[error("{0}")]
    Setting(String),
    /// An object that is none of ours.
    #[error("the object {name} of the archive cannot be used: {fault}")]
    Fault {
        /// Its name.
        name: String,
        /// What is wrong.
        fault: ObjectFault,
    },
    /// An object that should be there.
    #[error("the archive lacks {name}; nobody but the server may delete in it")]
    Missing {
        /// What is missing.
        name: String,
    },
    /// There is no archive.
    #[error(
        "there is no archive at {place}: check the names, or wait for the first snapshot of the server that writes it"
    )]
    Nothing {
        /// Where.
        place: String,
    },
    /// The archive does not reach back so far.
    #[error("the archive reaches back to {earliest} only")]
    TooEarly {
        /// The earliest moment.
        earliest: String,
    },
    /// The bucket does not do what the fence stands on.
    #[error(
        "the bucket does not enforce conditional writes ({what}): two servers could write at once, so this is refused; use a bucket that does"
    )]
    Unconditional {
        /// What it did.
        what: &'static str,
    },
    /// Another server writes the archive.
    #[error("{0}")]
    Fenced(String),
    /// The data directory cannot take over.
    #[error("{0}")]
    Unfit(String),
    /// A file of the data directory.
    #[error("{}: {source}; check the disk and the permissions", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl ArchiveError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Objects(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Setting(_) => "archive_setting",
            Self::Fault { .. } => "archive_damaged",
            Self::Missing { .. } => "archive_incomplete",
            Self::Nothing { .. } => "archive_absent",
            Self::TooEarly { .. } => "archive_too_early",
            Self::Unconditional { .. } => "archive_unconditional",
            Self::Fenced(_) => "fenced",
            Self::Unfit(_) => "archive_unfit",
            Self::Io { .. } => "archive_io",
        }
    }

    pub(super) fn io(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}
