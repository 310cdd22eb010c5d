//! What may go wrong with objects.

use std::path::PathBuf;

/// Why an object was not written, read or found.
#[derive(Debug, thiserror::Error)]
pub enum ObjectsError {
    /// No answer, or one that says "later". The request may have been carried out.
    #[error("the bucket cannot be reached: {message}")]
    Away {
        /// What happened.
        message: String,
    },
    /// The bucket refuses, and will again.
    #[error("the bucket refused: {status} {code} {message}")]
    Refused {
        /// The status of its answer.
        status: u16,
        /// The code in its answer, such as `AccessDenied`.
        code: String,
        /// Its sentence.
        message: String,
    },
    /// There is an object of that name already.
    #[error("there is an object {key} already")]
    Exists {
        /// The name.
        key: String,
    },
    /// Another version is there than the one that was read.
    #[error("the object {key} was changed by another")]
    Changed {
        /// The name.
        key: String,
    },
    /// The name is none that can be used.
    #[error("{key:?} is no name of an object; use letters, digits, - _ . = and /")]
    Name {
        /// The name.
        key: String,
    },
    /// A file of the directory.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl ObjectsError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Away { .. } => "bucket_away",
            Self::Refused { .. } => "bucket_refused",
            Self::Exists { .. } => "object_exists",
            Self::Changed { .. } => "object_changed",
            Self::Name { .. } => "object_name",
            Self::Io { .. } => "object_io",
        }
    }

    /// Whether the same may work later without anybody acting.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Away { .. } | Self::Io { .. })
    }
}
