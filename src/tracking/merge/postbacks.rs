//! Postbacks of the other server: what it sent is noted, what waited there is queued.

use super::Tally;
use crate::domain::activity::{Activity, ActivityKind, Verdict};
use crate::domain::ids::SessionId;
use crate::domain::postback::{Attempt, Postback, PostbackState};
use crate::recorder::Group;
use crate::store::{Db, Record, StoreError, keys};
use crate::tracking::erasure;

/// One that waited there.
pub(super) fn waiting(
    key: &[u8],
    value: &[u8],
    group: &mut Group<'_>,
    tally: &mut Tally,
) -> Result<(), StoreError> {
    let theirs = Postback::decode(value, Db::Hot, key)?;
    if group.has(&keys::waiting(theirs.id))? || group.has(&keys::postback(theirs.id))? {
        return Ok(());
    }
    let is_told = match group.load(&keys::activity(theirs.activity))? {
        Some(activity) => is_so(&activity, group)?,
        None => true,
    };
    if is_told && !is_of_erased(&theirs, group)? {
        group.queue(theirs)?;
        tally.postbacks_queued += 1;
    } else {
        tally.postbacks_left += 1;
    }
    Ok(())
}

/// Whether what an activity says is so here: it counts, and the conversion that it changed was not changed since.
fn is_so(activity: &Activity, group: &Group<'_>) -> Result<bool, StoreError> {
    if activity.verdict != Verdict::Accepted {
        return Ok(false);
    }
    let (ActivityKind::EventUpdate, Some(of)) = (activity.kind, activity.of) else {
        return Ok(true);
    };
    let conversion = group.load(&keys::activity(of))?;
    let last_ms = conversion.and_then(|conversion| conversion.history.last().map(|last| last.at_ms));
    Ok(last_ms.is_none_or(|last_ms| last_ms <= activity.at_ms))
}

/// Whether whom it speaks of was erased here.
fn is_of_erased(postback: &Postback, group: &Group<'_>) -> Result<bool, StoreError> {
    if let Some(activity) = group.load(&keys::activity(postback.activity))? {
        return Ok(erasure::is_scrubbed(&activity));
    }
    // Of a click: its session is its activity.
    let session = group.load(&keys::session(SessionId(postback.activity.0)))?;
    Ok(session.is_some_and(|session| erasure::is_anonymous(&session)))
}

/// One that was settled there, a try of one, or the index of those of a click.
pub(super) fn settled(
    db: Db,
    key: &[u8],
    value: &[u8],
    group: &mut Group<'_>,
    tally: &mut Tally,
) -> Result<(), StoreError> {
    if let Some((id, number)) = keys::parse_attempt(key) {
        if group.get(db, key)?.is_none() {
            let attempt = Attempt::decode(value, db, key)?;
            group.put((db, key.to_vec()), value.to_vec());
            group.note_postback(attempt.at_ms, id, number);
        }
        return Ok(());
    }
    if keys::parse_postback(key).is_none() {
        return super::fill(db, key, value, group);
    }
    let theirs = Postback::decode(value, db, key)?;
    let at = keys::postback(theirs.id);
    if group.has(&at)? {
        return Ok(());
    }
    let is_delivered = matches!(theirs.state, PostbackState::Delivered { .. });
    if group.has(&keys::waiting(theirs.id))? {
        // Where this one still tries and that one gave up, trying goes on.
        if !is_delivered {
            return Ok(());
        }
        group.remove(keys::waiting(theirs.id));
        group.cancel(theirs.id);
    } else {
        group.note_postback(theirs.id.at_ms(), theirs.id, 0);
    }
    if let PostbackState::Failed { reason, .. } = theirs.state {
        group.save(keys::failed(theirs.id), &reason)?;
    }
    group.save(at, &theirs)?;
    if is_of_erased(&theirs, group)? {
        erasure::erase_postback(theirs.id, group)?;
    }
    tally.postbacks_sent += 1;
    Ok(())
}
