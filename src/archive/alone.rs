//! What a fenced server took alone: the commits of its data directory behind the last one that the archive holds of it.

use super::error::ArchiveError;
use super::local::Local;
use super::place::Archive;
use super::restore::manifest_of;
use crate::store::Foreign;
use std::path::Path;

/// The commit up to which a data directory and the archive are one history; `None` where the archive no longer tells,
/// since what it holds is younger.
///
/// The newest epoch that ended with a commit of this directory is the one in which it was fenced: the next one went on
/// from there without it.
///
/// # Errors
/// The directory is that of the server that writes the archive, or of another instance; the bucket does not answer.
pub fn parted(archive: &Archive, dir: &Path, foreign: &Foreign) -> Result<Option<u64>, ArchiveError> {
    let manifest = manifest_of(archive)?;
    if manifest.instance != foreign.instance() {
        return Err(ArchiveError::Unfit(format!(
            "{} holds the data of another instance than the archive {}",
            dir.display(),
            archive.place()
        )));
    }
    if Local::read(dir)?.owner == manifest.owner {
        return Err(ArchiveError::Unfit(format!(
            "{} is the data directory of the server that writes the archive: name that of the server which was fenced",
            dir.display()
        )));
    }
    for epoch in manifest.epochs.iter().rev() {
        let Some(last) = epoch.last_seq else { continue };
        let names = archive.batches(epoch.number, 0)?;
        let Some(name) = names.iter().rev().find(|first| **first <= last) else {
            continue;
        };
        let batch = archive.batch(epoch.number, *name)?;
        let Some((seq, payload)) = batch.commits.iter().find(|(seq, _)| *seq == last) else {
            continue;
        };
        if foreign.holds(*seq, payload)? == Some(true) {
            return Ok(Some(last));
        }
    }
    Ok(None)
}
