//! Why a report was not made.

use crate::store::StoreError;

/// Why a report was not made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Something that was asked for has a wrong value.
    #[error("{message}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// Stable code.
        code: &'static str,
        /// A sentence that says what to do.
        message: String,
    },
    /// It would take longer than a report may.
    #[error("this would take too long: choose a shorter time or a narrower filter")]
    TooMuch,
    /// The store cannot be read; health tells why.
    #[error("the store cannot be read: {0}")]
    Store(#[from] StoreError),
    /// More is asked for at once than is read at once.
    #[error("the server is busy with requests of this kind; try again in a few seconds")]
    Busy,
    /// Somebody asked for a second export while their first goes on.
    #[error("an export of yours is under way already: wait until it has ended, or stop it")]
    ExportRunning,
    /// Others are exporting.
    #[error(
        "two exports are under way already, which is as many as are made at once: try again when one has ended"
    )]
    ExportsBusy,
    /// Whoever asked for it has left, or takes nothing any more.
    #[error("whoever asked for the report has left")]
    Abandoned,
    /// A defect of ours; the log has the place.
    #[error("the report failed because of a defect in the server ({what}); please report it with the log")]
    Defect {
        /// What failed, without data of anybody.
        what: &'static str,
    },
}

impl ReportError {
    /// A field of a wrong value.
    pub fn invalid(field: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid {
            field,
            code,
            message: message.into(),
        }
    }
}
