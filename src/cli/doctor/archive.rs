//! What `doctor` finds in the archive off the machine: all of it is read.

use super::{Finding, Level, finding};
use crate::app;
use crate::archive::{Archive, ArchiveError, Checked, Local};
use crate::clock::Clock;
use crate::config::Config;

const CHECK: &str = "archive";
/// A snapshot that is older is late: one comes every 22 hours.
const LATE_MS: i64 = 26 * 3_600_000;

/// Reads the archive through, where one is set.
pub(super) fn look(config: &Config) -> Option<Finding> {
    if !config.archive.is_on() {
        return None;
    }
    let fenced = Local::read(&config.data_dir).ok().and_then(|local| local.fenced);
    Some(match app::archive::open(config) {
        Ok(archive) => judge(&archive, fenced),
        Err(error) => failed(&error),
    })
}

fn judge(archive: &Archive, fenced: Option<String>) -> Finding {
    match read(archive) {
        Err(error) => failed(&error),
        Ok(_) if fenced.is_some() => finding(Level::Fail, CHECK, fenced.unwrap_or_default()),
        Ok(checked) => {
            let age_ms = Clock::System.now_ms().saturating_sub(checked.snapshot_at_ms);
            let read = format!(
                "{}: {} snapshots and {} objects of the journal were read, without a gap up to commit {}",
                archive.place(),
                checked.snapshots,
                checked.batches,
                checked.last_seq
            );
            if age_ms > LATE_MS {
                let late = format!(
                    "{read}; but the newest snapshot is {} hours old: start the server, or see Settings, System for what keeps it from making one",
                    age_ms / 3_600_000
                );
                return finding(Level::Warn, CHECK, late);
            }
            finding(Level::Pass, CHECK, read)
        }
    }
}

/// A server that runs removes what is too old meanwhile: then it is read once more.
fn read(archive: &Archive) -> Result<Checked, ArchiveError> {
    match crate::archive::check(archive) {
        Err(ArchiveError::Missing { .. }) => crate::archive::check(archive),
        checked => checked,
    }
}

fn failed(error: &ArchiveError) -> Finding {
    let (level, remedy) = match error {
        ArchiveError::Nothing { .. } => (
            Level::Warn,
            "a server that runs makes the first snapshot within minutes",
        ),
        ArchiveError::Objects(_) => (
            Level::Fail,
            "`yamabiko archive test` tries the bucket; what is not archived waits in the journal",
        ),
        ArchiveError::Missing { .. } | ArchiveError::Fault { .. } => (
            Level::Fail,
            "moments before the newest snapshot may be lost; set another archive.prefix and restart the server, which then begins a new archive with a snapshot",
        ),
        _ => (
            Level::Fail,
            "nothing is archived until this is mended: see [archive] in the configuration",
        ),
    };
    finding(level, CHECK, format!("{error}; {remedy}"))
}
