//! Erasures beside the journal: an object for each batch that erased something, older than a journal object may become,
//! since backup files are kept for as long. Ids and hashes alone are in it.

use super::error::ArchiveError;
use super::place::Archive;
use super::shared::Shared;
use crate::store::{Erased, RawCommit, erased_in};

const PLACE: &str = "erasures/";
/// How long they are kept: a backup file is not restored later than 30 days after it was made.
const KEPT_MS: i64 = 31 * 24 * 3_600_000;
/// How much earlier than the restored moment an erasure may seem to be: clocks are set, and a backup is dated by its
/// end. What is erased twice is as before.
const MARGIN_MS: i64 = 6 * 3_600_000;

/// Writes what the commits of a batch erased. Comes before the batch itself, so that none is there without.
pub(super) fn put(archive: &Archive, epoch: u32, commits: &[RawCommit]) -> Result<(), ArchiveError> {
    let erased: Vec<Erased> = commits
        .iter()
        .flat_map(|(_, payload)| erased_in(payload))
        .collect();
    let (Some(last), Some((first_seq, _))) = (erased.iter().map(|one| one.at_ms).max(), commits.first())
    else {
        return Ok(());
    };
    // The last one's time, so that none of it is missed by whoever looks for later ones.
    let name = format!("{PLACE}{last:013}/{epoch:08}-{first_seq:016x}");
    archive.put_erasures(&name, &erased)
}

/// When the last erasure of an object was.
fn at_of(name: &str) -> Option<i64> {
    name.strip_prefix(PLACE)?.split('/').next()?.parse().ok()
}

/// What was erased since a moment, unix milliseconds.
///
/// # Errors
/// The bucket does not answer; an object is damaged.
pub fn since(archive: &Archive, moment_ms: i64) -> Result<Vec<Erased>, ArchiveError> {
    let from_ms = moment_ms.saturating_sub(MARGIN_MS);
    let mut erased = Vec::new();
    for name in archive.names(PLACE)? {
        if at_of(&name).is_some_and(|at_ms| at_ms >= from_ms) {
            erased.extend(archive.erasures(&name)?);
        }
    }
    erased.retain(|one| one.at_ms >= from_ms);
    Ok(erased)
}

/// Removes what no restore needs any more.
pub(super) fn sweep(shared: &Shared) -> Result<(), ArchiveError> {
    let before_ms = shared.clock.now_ms().saturating_sub(KEPT_MS);
    for name in shared.archive.names(PLACE)? {
        if at_of(&name).is_some_and(|at_ms| at_ms < before_ms) {
            shared.archive.delete(&name)?;
        }
    }
    Ok(())
}
