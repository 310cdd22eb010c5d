//! What operators do with postbacks: send them again, give up waiting ones. Both are jobs that go on in many small
//! commits, each with its entry in the audit log.

use super::AdminError;
use super::jobs::Job;
use super::save::{Actor, Note, audit};
use crate::delivery::Delivery;
use crate::domain::ids::PostbackId;
use crate::recorder::Recorder;
use crate::store::StoreError;
use crate::tracking::resend::{self, Rendering};
use std::collections::BTreeMap;

/// Postbacks of one job at most; a filter that finds more is carried out up to here.
pub const MOST_OF_JOB: usize = 100_000;
/// Of them in one commit.
const OF_COMMIT: usize = 50;

/// Sends settled postbacks again, and waiting ones at once.
pub async fn resend_all(
    recorder: &Recorder,
    delivery: &Delivery,
    actor: &Actor,
    ids: &[PostbackId],
    rendering: Rendering,
    job: &Job,
) -> Result<(), AdminError> {
    job.expect(ids.len());
    for part in ids.chunks(OF_COMMIT) {
        job.may_go_on()?;
        let (part, actor) = (part.to_vec(), actor.clone());
        let results = recorder
            .try_run(
                move |group| -> Result<BTreeMap<&'static str, Vec<PostbackId>>, StoreError> {
                    let mut results: BTreeMap<&'static str, Vec<PostbackId>> = BTreeMap::new();
                    for id in part {
                        let result = resend::resend(group, id, rendering)?.code();
                        results.entry(result).or_default().push(id);
                    }
                    let queued = results.get("queued").map_or(0, Vec::len);
                    let note = Note::new("postback.resend", format!("{queued} postbacks"));
                    audit(group, &actor, note)?;
                    Ok(results)
                },
            )
            .await??;
        if let Some(waiting) = results.get("already_waiting") {
            delivery.resend_now(waiting.clone());
        }
        for (result, ids) in results {
            job.count(result, ids.len());
        }
    }
    Ok(())
}

/// Gives up postbacks that wait; they are kept as failed and can be sent again.
pub async fn cancel_all(
    recorder: &Recorder,
    actor: &Actor,
    ids: &[PostbackId],
    job: &Job,
) -> Result<(), AdminError> {
    job.expect(ids.len());
    for part in ids.chunks(OF_COMMIT) {
        job.may_go_on()?;
        let (asked, part, actor) = (part.len(), part.to_vec(), actor.clone());
        let done = recorder.try_run(move |group| -> Result<usize, StoreError> {
            let mut cancelled = 0;
            for id in part {
                cancelled += usize::from(resend::cancel(group, id)?);
            }
            let note = Note::new("postback.cancel", format!("{cancelled} postbacks"));
            audit(group, &actor, note)?;
            Ok(cancelled)
        });
        let cancelled = done.await??;
        job.count("cancelled", cancelled);
        job.count("not_waiting", asked - cancelled);
    }
    Ok(())
}
