//! Why something that an operator asked for was not done. Nothing here knows how the answer is sent: `http::problem`
//! gives each kind its status, the command line prints the sentence.

use super::lock::Lock;
use crate::domain::account::Role;
use crate::recorder::RecordError;
use crate::reports::ReportError;
use crate::store::StoreError;
use crate::store::catalog::CatalogError;
use crate::tracking::outcome::TrackingError;
use crate::tracking::query::FieldError;

/// Why something that an operator asked for was not done.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The set-up token is missing, wrong or too old.
    #[error("the set-up link is wrong or has expired: print a new one with `yamabiko setup-link`")]
    SetupToken,
    /// The instance has an owner.
    #[error("this instance is already set up: sign in instead")]
    AlreadySetUp,
    /// Wrong name or password; the same for unknown users.
    #[error("the sign-in name or the password is wrong")]
    WrongCredentials,
    /// Password right, but the second factor is missing.
    #[error("enter the code of your authenticator app, or a recovery code, as `code`")]
    SecondFactor,
    /// The role is too low.
    #[error("this needs the role {}: ask an owner of the instance", role_name(*.needs))]
    Forbidden {
        /// The lowest role that may.
        needs: Role,
    },
    /// The account is limited to partners.
    #[error("this account is limited to some partners and cannot see this")]
    PartnerLimited,
    /// Too many tries.
    #[error("too many tries: wait {retry_after_s} seconds")]
    Throttled {
        /// Seconds to wait.
        retry_after_s: u64,
    },
    /// Too many tries to sign in failed.
    #[error("{}", locked_out(*.lock, *.retry_after_s))]
    LockedOut {
        /// Whose tries.
        lock: Lock,
        /// Seconds to wait.
        retry_after_s: u64,
    },
    /// A field has a wrong value.
    #[error("{message}")]
    Invalid {
        /// Which field, as a path (`events[0].name`).
        field: String,
        /// Stable code.
        code: &'static str,
        /// A sentence that says what to do.
        message: String,
    },
    /// No such object.
    #[error("there is no {kind} {id}")]
    NotFound {
        /// What kind of object.
        kind: &'static str,
        /// Its id as it was given.
        id: String,
    },
    /// The state of the thing does not allow it.
    #[error("{message}")]
    State {
        /// Stable code.
        code: &'static str,
        /// A sentence that says what to do.
        message: String,
    },
    /// A search or report that would take longer than it may.
    #[error("this would take too long: choose a shorter time or a narrower filter")]
    TooMuch,
    /// As many jobs are under way as may be.
    #[error("as many jobs are under way as may be: wait until one has ended")]
    JobsBusy,
    /// More of a costly kind of work is under way than may be.
    #[error("the server is busy with requests of this kind; try again in a few seconds")]
    Busy,
    /// The configuration refuses the change: a conflict, a reference to nothing, an object still in use.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// It could not be recorded.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// It could not be read.
    #[error("the store cannot be read: {0}")]
    Store(#[from] StoreError),
    /// A defect of ours; the log has the place.
    #[error("the request failed because of a defect in the server ({what}); please report it with the log")]
    Defect {
        /// What failed, without data of anybody.
        what: &'static str,
    },
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Editor => "editor",
        Role::Owner => "owner",
    }
}

fn locked_out(lock: Lock, retry_after_s: u64) -> String {
    let why = match lock {
        Lock::Browser => "this browser failed to sign in to this account too often",
        Lock::Network => "too many tries to sign in from your network failed",
        Lock::Account => "too many tries to sign in to this account failed, from many networks",
        Lock::Crowd => "so many tries to sign in to this server fail that new browsers have to wait in turn",
    };
    let minutes = retry_after_s.div_ceil(60);
    let wait = if retry_after_s < 90 {
        format!("{retry_after_s} seconds")
    } else {
        format!("{minutes} minutes")
    };
    let else_ = if lock == Lock::Browser {
        ""
    } else {
        ", sign in with a browser that signed in before"
    };
    format!("{why}: wait {wait}{else_}, or run `yamabiko admin unlock NAME` at the server")
}

impl AdminError {
    /// A field of a wrong value.
    pub fn invalid(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid {
            field: field.into(),
            code,
            message: message.into(),
        }
    }

    /// No such object.
    pub fn not_found(kind: &'static str, id: impl Into<String>) -> Self {
        Self::NotFound { kind, id: id.into() }
    }

    /// Stable code, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::SetupToken => "setup_token",
            Self::AlreadySetUp => "already_set_up",
            Self::WrongCredentials => "wrong_credentials",
            Self::SecondFactor => "second_factor",
            Self::Forbidden { .. } => "forbidden",
            Self::PartnerLimited => "partner_limited",
            Self::Throttled { .. } => "throttled",
            Self::LockedOut { lock, .. } => match lock {
                Lock::Browser => "locked_browser",
                Lock::Network => "locked_network",
                Lock::Account => "locked_account",
                Lock::Crowd => "locked_crowd",
            },
            Self::Invalid { code, .. } | Self::State { code, .. } => code,
            Self::NotFound { .. } => "not_found",
            Self::TooMuch => "too_much",
            Self::JobsBusy => "jobs_busy",
            Self::Busy => "busy",
            Self::Catalog(error) => error.code(),
            Self::Record(error) => error.code(),
            Self::Store(_) => "store_unreadable",
            Self::Defect { .. } => "internal_defect",
        }
    }

    /// The field that it is about.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Invalid { field, .. } => Some(field),
            Self::Catalog(CatalogError::Missing { field, .. }) => Some(field),
            Self::Catalog(CatalogError::LoginTaken { .. }) => Some("login"),
            Self::Catalog(CatalogError::BrokenRule { .. }) => Some("text"),
            _ => None,
        }
    }

    /// The same error of a part of something larger: its field stands below `place`.
    pub fn within(self, place: &str) -> Self {
        match self {
            Self::Invalid { field, code, message } => Self::Invalid {
                field: match (place, field.as_str()) {
                    (_, "") => place.to_owned(),
                    ("", _) => field,
                    _ => format!("{place}.{field}"),
                },
                code,
                message,
            },
            other => other,
        }
    }
}

impl From<FieldError> for AdminError {
    fn from(error: FieldError) -> Self {
        Self::Invalid {
            field: error.field,
            code: error.code,
            message: error.message,
        }
    }
}

impl From<TrackingError> for AdminError {
    fn from(error: TrackingError) -> Self {
        match error {
            TrackingError::Record(error) => Self::Record(error),
            TrackingError::Store(error) => Self::Store(error),
        }
    }
}

impl From<ReportError> for AdminError {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Invalid { field, code, message } => Self::invalid(field, code, message),
            ReportError::TooMuch => Self::TooMuch,
            ReportError::Busy
            | ReportError::Abandoned
            | ReportError::ExportRunning
            | ReportError::ExportsBusy => Self::Busy,
            ReportError::Store(error) => Self::Store(error),
            ReportError::Defect { what } => Self::Defect { what },
        }
    }
}
