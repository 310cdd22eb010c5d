//! Takes over what a fenced server took alone, a part at a time. The command reads that server's directory, which this
//! process may have no right to; what is written is decided here, on the recorder's thread, as everything is.

use crate::admin::AdminError;
use crate::recorder::{Group, RecordError, Recorder};
use crate::store::{Commit, StoreError, unpack};
use crate::tracking::app::erase_again;
use crate::tracking::merge::{Tally, merge as merge_commit};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use std::time::Duration;

/// Tries while the server is busy, and the time between them.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(50);

/// Merges commits; a dry run writes nothing.
pub(super) fn merge(recorder: &Recorder, commits: &[String], is_dry_run: bool) -> Result<Value, AdminError> {
    let mut read = Vec::with_capacity(commits.len());
    for commit in commits {
        let bytes = BASE64_STANDARD.decode(commit).ok();
        let commit = bytes.and_then(|bytes| unpack(&bytes)).ok_or(AdminError::Defect {
            what: "a commit of another server",
        })?;
        read.push(commit);
    }
    let tally = patiently(recorder, &read, is_dry_run)??;
    if tally.erasures > 0 && !is_dry_run {
        erase_again::carry_out(recorder)?;
    }
    Ok(json!(tally))
}

fn patiently(
    recorder: &Recorder,
    commits: &[Commit],
    is_dry_run: bool,
) -> Result<Result<Tally, StoreError>, RecordError> {
    let mut tries = 1;
    loop {
        let commits = commits.to_vec();
        let merged = recorder.try_run_blocking(move |group| all(&commits, is_dry_run, group));
        match merged {
            Err(RecordError::Busy) if tries < TRIES => std::thread::sleep(PAUSE),
            other => return other,
        }
        tries += 1;
    }
}

fn all(commits: &[Commit], is_dry_run: bool, group: &mut Group<'_>) -> Result<Tally, StoreError> {
    let mut tally = Tally::default();
    for commit in commits {
        tally.add(&merge_commit(commit, group)?);
    }
    if is_dry_run {
        group.discard();
    }
    Ok(tally)
}
