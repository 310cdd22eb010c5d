//! Whose failed tries keep somebody from signing in.

/// Why a try is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// This browser, known to the account, failed too often.
    Browser,
    /// The network failed too often, with this account or with any.
    Network,
    /// The account met too many failures from everywhere.
    Account,
    /// The server meets so many failures that newcomers share one row.
    Crowd,
}
