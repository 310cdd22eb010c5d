//! What a notice says besides its kind.

use serde::{Deserialize, Serialize};

/// What a notice says besides its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Detail {
    /// Of a destination.
    Lane {
        /// Names of its partners.
        partners: Vec<String>,
        /// Postbacks that wait.
        waiting: usize,
        /// The status it answers with; `None`: it is not reached.
        status: Option<u16>,
    },
    /// Of the queue: the longest wait, seconds.
    Queue {
        /// Seconds.
        age_s: i64,
    },
    /// Of postbacks that outlived their time.
    Overdue {
        /// How many.
        postbacks: usize,
    },
    /// Of the disk.
    Disk {
        /// Free, MiB.
        free_mb: u64,
        /// Intake stops below, MiB.
        needed_mb: u64,
    },
    /// Of the store, or of the backups.
    Told {
        /// What happened, as the log has it.
        message: String,
    },
    /// Of failed checks in the last hour.
    Checks {
        /// How many.
        failed: usize,
    },
    /// Of a partner whose postbacks wait.
    Held {
        /// Its name; empty for the advertiser's own servers.
        partner: String,
        /// Stable code of why.
        cause: String,
        /// Name of the secret, or what the partner said.
        detail: String,
    },
    /// Of what waits for a partner that is held.
    HeldQueue {
        /// Its name; empty for the advertiser's own servers.
        partner: String,
        /// Of what may wait.
        percent: u64,
    },
    /// Of postbacks that will be too old.
    Ending {
        /// How many.
        postbacks: u64,
        /// The money of their conversions; empty without any.
        money: String,
    },
    /// Of refusals in the last hour.
    Refusals {
        /// Refused.
        refused: i64,
        /// All.
        total: i64,
    },
    /// Of what does not come in.
    Silence {
        /// Name of the offer; empty: of all.
        offer: String,
        /// For how many hours.
        hours: u16,
        /// What the same hours had a week and two weeks ago.
        usual: [i64; 2],
    },
    /// Of tries to sign in.
    Logins {
        /// Failed or refused in the last hour.
        failed: i64,
    },
}
