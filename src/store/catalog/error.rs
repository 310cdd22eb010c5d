//! Why changes of the configuration are not made.

/// Why changes were not made. Each has a stable code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// Names something that does not exist.
    #[error("{kind} {id} does not exist: create it first or correct the reference")]
    Missing {
        /// Which field refers to it.
        field: &'static str,
        /// What kind of object.
        kind: &'static str,
        /// Its id.
        id: String,
    },
    /// Still in use.
    #[error("{kind} {id} is still used by {used_by}: remove that first")]
    InUse {
        /// What kind of object.
        kind: &'static str,
        /// Its id.
        id: String,
        /// What uses it.
        used_by: String,
    },
    /// Exists already.
    #[error("{kind} {id} exists already: choose another id")]
    Exists {
        /// What kind of object.
        kind: &'static str,
        /// Its id.
        id: String,
    },
    /// Somebody else saved in between.
    #[error("{kind} {id} was changed by somebody else in the meantime: load it again and repeat your change")]
    Conflict {
        /// What kind of object.
        kind: &'static str,
        /// Its id.
        id: String,
    },
    /// The set-up was claimed before.
    #[error("this instance is already set up: sign in instead")]
    AlreadyClaimed,
    /// Two users with one sign-in name.
    #[error("another user has the sign-in name {login}: choose another")]
    LoginTaken {
        /// The name.
        login: String,
    },
    /// The last owner cannot go.
    #[error("at least one enabled owner must remain: make another user owner first")]
    LastOwner,
    /// A rule that does not compile.
    #[error("rule {id} cannot be used: {message}")]
    BrokenRule {
        /// Its id.
        id: String,
        /// The first finding.
        message: String,
    },
}

impl CatalogError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing_reference",
            Self::InUse { .. } => "in_use",
            Self::Exists { .. } => "already_exists",
            Self::Conflict { .. } => "conflict",
            Self::AlreadyClaimed => "already_set_up",
            Self::LoginTaken { .. } => "login_taken",
            Self::LastOwner => "last_owner",
            Self::BrokenRule { .. } => "broken_rule",
        }
    }
}
