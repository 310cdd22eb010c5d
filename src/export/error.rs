//! What may go wrong with files of raw data.

use crate::objects::ObjectsError;
use crate::recorder::RecordError;
use crate::store::StoreError;

/// Why files are not written. Each is a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The place where they lie.
    #[error("{0}")]
    Objects(#[from] ObjectsError),
    /// The store cannot be read.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The store cannot be written.
    #[error("{0}")]
    Record(#[from] RecordError),
    /// A setting.
    #[error("{0}")]
    Setting(String),
    /// A file or list that cannot be made or read.
    #[error("{object}: {message}")]
    File {
        /// Its name.
        object: String,
        /// What is wrong.
        message: String,
    },
    /// A thread.
    #[error("a thread cannot be started: {0}; check the limit of processes (ulimit -u)")]
    Thread(std::io::Error),
}

impl ExportError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Objects(error) => error.code(),
            Self::Store(_) | Self::Record(_) => "store_down",
            Self::Setting(_) => "export_setting",
            Self::File { .. } => "export_file",
            Self::Thread(_) => "thread",
        }
    }

    /// What to do, where the sentence does not say it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Objects(ObjectsError::Away { .. }) => "; check export.endpoint and the network",
            Self::Objects(ObjectsError::Refused { .. }) => {
                "; check the access key, its rights and the name of the bucket"
            }
            Self::Objects(ObjectsError::Io { .. }) => {
                "; check export.directory, its permissions and its disk"
            }
            Self::Objects(ObjectsError::Changed { .. } | ObjectsError::Exists { .. }) => {
                "; give each server an export.prefix of its own"
            }
            Self::File { .. } => "; nobody but the server may write there",
            _ => "",
        }
    }

    pub(super) fn file(object: &str) -> impl Fn(parquet::errors::ParquetError) -> Self {
        let object = object.to_owned();
        move |error| Self::File {
            object: object.clone(),
            message: error.to_string(),
        }
    }
}
