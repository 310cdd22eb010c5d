//! What goes into a sled database and comes out of it, and what is said when it cannot be used.

use super::error::{StoreError, is_full};
use std::ops::ControlFlow;

/// A database cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct IndexError {
    /// Whether it is only the disk that is full: the data are good, the handle is not.
    pub(super) is_full: bool,
    /// What happened.
    pub(super) message: String,
}

impl IndexError {
    pub(super) fn rotten(message: impl Into<String>) -> Self {
        Self {
            is_full: false,
            message: message.into(),
        }
    }
}

impl From<sled::Error> for IndexError {
    fn from(error: sled::Error) -> Self {
        let is_full = matches!(&error, sled::Error::Io(io) if is_full(io));
        Self {
            is_full,
            message: error.to_string(),
        }
    }
}

impl From<StoreError> for IndexError {
    fn from(error: StoreError) -> Self {
        Self {
            is_full: error.is_disk_full(),
            message: error.to_string(),
        }
    }
}

/// A key and its new value; `None` removes it.
pub(super) type Write<'a> = (&'a [u8], Option<&'a [u8]>);

/// Is shown keys and values, and says whether to go on.
pub(super) type Show<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>;
