//! How a request from outside ended: one enum for web conversions and app events, from which HTTP makes the answer
//! and the counters their label.

use crate::recorder::RecordError;
use crate::store::StoreError;
use crate::telemetry::ActivityResult;
use serde::{Deserialize, Serialize};

/// How a request ended. `T` is what the caller is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<T> {
    /// It was decided. The same idempotency key brings the same answer again.
    Decided(T),
    /// The idempotency key was used with another request: nothing was decided.
    KeyReused,
    /// What was answered under the idempotency key cannot be read: nothing was decided, since deciding anew could
    /// count a sale twice.
    KeyUnreadable,
    /// The caller's signature cannot be checked before the sealing key is at hand: nothing was decided.
    Locked,
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It counts.
    Accepted,
    /// It changed an earlier one.
    Updated,
    /// It was counted before.
    Duplicate,
    /// It does not count, and is kept with its reason.
    Refused,
    /// A field that decides it has a wrong form.
    Invalid,
    /// It is to be sent again later.
    Unavailable,
}

impl Ended {
    /// The label of the counters.
    pub fn counted(self) -> ActivityResult {
        match self {
            Self::Accepted | Self::Updated => ActivityResult::Accepted,
            Self::Duplicate => ActivityResult::Duplicate,
            Self::Refused => ActivityResult::Refused,
            Self::Invalid => ActivityResult::Invalid,
            Self::Unavailable => ActivityResult::Unavailable,
        }
    }
}

/// Why nothing was decided or recorded.
#[derive(Debug, thiserror::Error)]
pub enum TrackingError {
    /// It could not be recorded.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// What had to be read could not be.
    #[error(transparent)]
    Store(#[from] StoreError),
}
