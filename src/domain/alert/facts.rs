//! How the instance is, as far as alerts ask.

use super::SilenceFact;

/// How a destination stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneStanding {
    /// It took what it was last sent.
    Well,
    /// Not heard of yet, or not clear.
    Unknown,
    /// It cannot be reached.
    Unreachable,
    /// It answers, but with something else than 2xx: the last status.
    Refusing(u16),
}

/// A destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneFact {
    /// `scheme://host:port`.
    pub lane: String,
    /// Names of the partners whose rules call it; empty for the advertiser's own servers.
    pub partners: Vec<String>,
    /// How it stands.
    pub standing: LaneStanding,
    /// Postbacks that wait for it.
    pub waiting: usize,
}

/// Conversions of a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// That count.
    pub accepted: i64,
    /// Refused, duplicates not included.
    pub refused: i64,
}

/// How the instance is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// Every destination that is known.
    pub lanes: Vec<LaneFact>,
    /// How long the longest neglected postback waits whose destination may be called now, seconds.
    pub oldest_due_age_s: i64,
    /// Postbacks that outlived their time to live before they could be tried in it.
    pub overdue: usize,
    /// Free on the disk, MiB.
    pub disk_free_mb: u64,
    /// What intake needs of it, MiB.
    pub disk_needed_mb: u64,
    /// Failed checks of the last hour, of senders with good conversions.
    pub failed_checks: usize,
    /// Conversions of the last hour.
    pub last_hour: Tally,
    /// Conversions of the 24 hours before that.
    pub day_before: Tally,
    /// What is lost or damaged; `None`: nothing.
    pub store_damage: Option<String>,
    /// Why there is no new backup; `None`: there is, or none is wanted.
    pub backup_failure: Option<String>,
    /// Why raw data is not handed on; `None`: it is, or nobody wants it.
    pub raw_data_trouble: Option<String>,
    /// Why the archive is not written; `None`: it is, or none is wanted.
    pub archive_failure: Option<String>,
    /// Which certificates run out or cannot be got; `None`: none.
    pub certificate_trouble: Option<String>,
    /// Tries to sign in of the last hour that failed or were refused.
    pub failed_logins: i64,
    /// What came in lately, as far as it is watched; `None`: that is not known yet.
    pub silences: Option<Vec<SilenceFact>>,
    /// Partners whose postbacks wait for an operator.
    pub held: Vec<HeldFact>,
    /// The longest queue of a partner that is held: its name, and how full it is in percent.
    pub held_queue: Option<(String, u64)>,
    /// Postbacks that will be too old within a day: how many, and the money of their conversions.
    pub ending: Option<(u64, String)>,
}

/// A partner whose postbacks wait, or waited until now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldFact {
    /// Its id; empty for the advertiser's own servers.
    pub id: String,
    /// Its name.
    pub partner: String,
    /// Stable code of why; `None`: it is over.
    pub cause: Option<String>,
    /// Name of the secret, or what the partner said.
    pub detail: String,
}
