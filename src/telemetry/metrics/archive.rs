//! The gauges of the archive off the machine.

use super::float;
use metrics::gauge;

/// How the archive is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ArchiveGauges {
    /// For how long the oldest commit has waited.
    pub behind_s: u64,
    /// Commits that wait.
    pub waiting: u64,
    /// Whether somebody should look.
    pub is_failing: bool,
    /// Whether another server has taken over.
    pub is_fenced: bool,
    /// Requests of a day.
    pub requests_day: u64,
    /// Bytes sent in a day.
    pub sent_bytes_day: u64,
}

/// Sets the gauges of the archive.
pub fn archive(now: ArchiveGauges) {
    gauge!("yamabiko_archive_behind_seconds").set(float(now.behind_s));
    gauge!("yamabiko_archive_waiting_commits").set(float(now.waiting));
    gauge!("yamabiko_archive_failing").set(f64::from(u8::from(now.is_failing)));
    gauge!("yamabiko_archive_fenced").set(f64::from(u8::from(now.is_fenced)));
    gauge!("yamabiko_archive_day_requests").set(float(now.requests_day));
    gauge!("yamabiko_archive_day_sent_bytes").set(float(now.sent_bytes_day));
}
