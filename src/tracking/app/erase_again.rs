//! What was erased since the moment of a restored state is erased once more, before anybody is served.

use super::{forget, visitors};
use crate::domain::erased::Erased;
use crate::domain::ids::{ActivityId, PostbackId, SessionId, TimeId};
use crate::domain::visitor::Adid;
use crate::recorder::{Group, RecordError, Recorder};
use crate::store::codec::ForgottenAt;
use crate::store::{Db, Record, StoreError, keys};
use crate::tracking::{erasure, matching, recording};
use std::ops::ControlFlow;

/// Records erased by one job.
const OF_COMMIT: usize = 500;

/// Carries out all that a restore left; how many parts. What an interruption leaves is done by the next call.
pub fn carry_out(recorder: &Recorder) -> Result<usize, RecordError> {
    let mut left = Vec::new();
    let scanned = recorder
        .reader()
        .scan_prefix(Db::Hot, &keys::erase_again_prefix(), false, |key, value| {
            left.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        });
    scanned.map_err(|error| RecordError::from(&error))?;
    let count = left.len();
    for (key, value) in left {
        let erased = Erased::decode(&value, Db::Hot, &key).map_err(|error| RecordError::from(&error))?;
        for part in erased.records.chunks(OF_COMMIT) {
            let part = part.to_vec();
            run(recorder, move |group| {
                part.into_iter().try_for_each(|id| erase_record(id, group))
            })?;
        }
        run(recorder, move |group| {
            for hash in erased.hashes() {
                erase_device(hash, erased.at_ms, group)?;
            }
            group.remove((Db::Hot, key));
            Ok(())
        })?;
    }
    if count > 0 {
        tracing::info!(
            parts = count,
            "what was erased since the restored moment was erased once more"
        );
    }
    Ok(count)
}

/// The same at the start; what fails is told, and tried again later.
pub fn at_start(recorder: &Recorder) {
    if let Err(error) = carry_out(recorder) {
        tracing::error!(code = error.code(), %error, "what was erased since the restored moment could not be erased once more; it is tried again");
    }
}

fn run(
    recorder: &Recorder,
    decide: impl FnOnce(&mut Group<'_>) -> Result<(), StoreError> + Send + 'static,
) -> Result<(), RecordError> {
    recorder
        .try_run_blocking(decide)?
        .map_err(|error| RecordError::from(&error))
}

/// An id is that of a session, of an activity or of a postback.
fn erase_record(id: TimeId, group: &mut Group<'_>) -> Result<(), StoreError> {
    let (session, activity) = (SessionId(id), ActivityId(id));
    if let Some(found) = matching::load_session(session, group)? {
        if let Some(offer) = group.catalog().offers.get(&found.offer).cloned() {
            matching::forget_ids(&offer, &found.device_ids, OF_COMMIT, group)?;
        }
        matching::forget_fingerprint(session, group)?;
        let erased = erasure::erase_session(session, group)?;
        group.erase(erased);
    } else if let Some(found) = group.load(&keys::activity(activity))? {
        recording::orders(&found).for_each(|order| group.remove(order));
        let (erased, _) = erasure::erase_activity(found, group)?;
        group.erase(erased);
    } else {
        erasure::erase_postback(PostbackId(id), group)?;
        group.erase([id]);
    }
    Ok(())
}

/// A hash is that of a device id, or the device's own id.
fn erase_device(hash: [u8; 16], at_ms: i64, group: &mut Group<'_>) -> Result<(), StoreError> {
    let adid = group.load(&keys::visitor_by_device(&hash))?.unwrap_or(Adid(hash));
    if let Some(visitor) = visitors::load(adid, group)? {
        forget::erase_visitor(&visitor, group)?;
    }
    group.save(keys::forgotten(&hash), &ForgottenAt(at_ms))?;
    group.erase_device(hash);
    Ok(())
}
