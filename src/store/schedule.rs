//! When scheduled backups are due, what they are called, and how they are.

use super::StoreOptions;
use super::error::StoreError;
use super::files;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use std::path::{Path, PathBuf};

/// A start is left alone for this long, milliseconds.
const AFTER_START_MS: i64 = 10 * 60 * 1000;
/// After a failure it is tried again so much later, milliseconds.
const RETRY_MS: i64 = 60 * 60 * 1000;
/// Form of the time in names of files.
const NAME_TIME: &str = "%Y%m%dT%H%M%SZ";

/// The schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupOptions {
    /// From one to the next, milliseconds.
    pub every_ms: i64,
    /// How many are kept; the oldest go.
    pub keep: usize,
    /// Where they are; `None`: `backups` in the data directory.
    pub dir: Option<PathBuf>,
}

/// How the scheduled backups are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupStatus {
    /// From one to the next, milliseconds.
    pub every_ms: i64,
    /// Where they are.
    pub dir: PathBuf,
    /// Since when one is missing: the last one, or when the schedule was first known. Unix milliseconds.
    pub counted_from_ms: i64,
    /// When the last one was made, unix milliseconds.
    pub last_at_ms: Option<i64>,
    /// Its size.
    pub last_bytes: Option<u64>,
    /// When the last try failed, and why; `None`: it did not.
    pub failure: Option<(i64, String)>,
}

impl BackupStatus {
    /// What the directory says.
    pub(super) fn begin(options: &StoreOptions, root: &Path) -> Option<Self> {
        let schedule = options.backups.as_ref()?;
        let dir = schedule.dir.clone().unwrap_or_else(|| root.join("backups"));
        let last = made(&dir).ok().and_then(|made| made.into_iter().next_back());
        let now_ms = (options.clock)();
        Some(Self {
            every_ms: schedule.every_ms,
            counted_from_ms: last.as_ref().map_or(now_ms, |(at_ms, _)| *at_ms),
            last_at_ms: last.as_ref().map(|(at_ms, _)| *at_ms),
            last_bytes: last.and_then(|(_, path)| Some(std::fs::metadata(path).ok()?.len())),
            failure: None,
            dir,
        })
    }

    /// When the next one is due, unix milliseconds.
    pub(super) fn due_at_ms(&self, started_at_ms: i64) -> i64 {
        let due = self
            .last_at_ms
            .map_or(0, |at_ms| at_ms.saturating_add(self.every_ms));
        let retry = self.failure.as_ref().map_or(0, |(at_ms, _)| at_ms + RETRY_MS);
        due.max(retry).max(started_at_ms + AFTER_START_MS)
    }

    /// Whether the last one is too old, or the last try failed.
    pub fn is_late(&self, now_ms: i64) -> bool {
        self.failure.is_some()
            || now_ms.saturating_sub(self.counted_from_ms) > self.every_ms.saturating_mul(2)
    }
}

/// The backups in a directory that a schedule made, oldest first.
pub(super) fn made(dir: &Path) -> Result<Vec<(i64, PathBuf)>, StoreError> {
    let names = files::names(dir)?.into_iter();
    let mut found: Vec<_> = names
        .filter_map(|name| Some((time_of(&name)?, dir.join(name))))
        .collect();
    found.sort();
    Ok(found)
}

pub(super) fn name_at(at_ms: i64) -> String {
    let at = Timestamp::from_millisecond(at_ms).unwrap_or_default();
    format!("yamabiko-{}.tar.lz4", at.strftime(NAME_TIME))
}

fn time_of(name: &str) -> Option<i64> {
    let text = name.strip_prefix("yamabiko-")?.strip_suffix(".tar.lz4")?;
    let time = DateTime::strptime(NAME_TIME, text).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_when_a_backup_was_made() {
        let name = name_at(1_795_000_000_123);
        assert_eq!(name, "yamabiko-20261118T110640Z.tar.lz4");
        assert_eq!(time_of(&name), Some(1_795_000_000_000));
        for other in [
            "yamabiko.tar.lz4",
            "before-schema-2-5.tar.lz4",
            "yamabiko-x.tar.lz4",
        ] {
            assert_eq!(time_of(other), None, "{other}");
        }
    }

    #[test]
    fn one_is_due_after_the_last_and_not_at_once_after_a_start_or_a_failure() {
        let status = |last_at_ms, failed_at_ms: Option<i64>| BackupStatus {
            every_ms: 100_000_000,
            dir: PathBuf::new(),
            counted_from_ms: last_at_ms,
            last_at_ms: Some(last_at_ms),
            last_bytes: None,
            failure: failed_at_ms.map(|at_ms| (at_ms, String::new())),
        };
        assert_eq!(status(5, None).due_at_ms(0), 100_000_005);
        assert_eq!(
            status(5, None).due_at_ms(200_000_000),
            200_000_000 + AFTER_START_MS
        );
        assert_eq!(status(5, Some(100_000_005)).due_at_ms(0), 100_000_005 + RETRY_MS);
        assert!(!status(5, None).is_late(200_000_005) && status(5, None).is_late(200_000_006));
        assert!(status(5, Some(6)).is_late(7));
    }
}
