//! Taking out of records what tells whose they were, and keeping what is counted.
//!
//! An erasure cancels the postbacks that wait, and takes the text (URL, headers, body, answers) out of those
//! that are settled. The postbacks that tell of the erasure itself have to name the device: they go out as they
//! are, and lose their text once they are delivered ([`scrub_delivered`]); one that failed keeps it, so that it can
//! be sent again, until its month leaves.

use crate::domain::activity::Activity;
use crate::domain::ids::{PostbackId, SessionId, TimeId};
use crate::domain::postback::{Attempt, Postback, PostbackState};
use crate::domain::session::{Geo, Session};
use crate::recorder::{Group, RecordError, Recorder};
use crate::store::{Db, Key, KeyRange, Period, PeriodKind, Record, StoreError, keys};
use crate::tracking::resend;
use std::ops::ControlFlow;

/// Attempts of one postback that are looked at.
const MOST_ATTEMPTS: usize = 1_000;
/// Postbacks looked at by one job of the sweep.
const MOST: usize = 500;

/// What the record of an activity says once it was erased.
const ERASED: &str = "erased at the request of the device";

/// Whether an activity was erased.
pub fn is_scrubbed(activity: &Activity) -> bool {
    activity.note == ERASED
}

/// Keeps what is counted (kind, time, event, money, link) and nothing that tells whose it was.
pub fn scrub(activity: &mut Activity) {
    activity.tuid.clear();
    activity.facts.clear();
    activity.identity = Default::default();
    activity.input = Default::default();
    activity.note = ERASED.into();
    // Conditions are shown with the values that they saw.
    activity.rules.iter_mut().for_each(|rule| rule.condition = None);
    if let Some(session) = activity.session.as_deref_mut() {
        anonymise(session);
    }
}

/// Whether an engagement says nothing of whose it was.
pub fn is_anonymous(session: &Session) -> bool {
    let mut anonymous = session.clone();
    anonymise(&mut anonymous);
    anonymous == *session
}

/// Keeps link, time, kind, country and flags of an engagement.
pub fn anonymise(session: &mut Session) {
    session.tuid.clear();
    session.ip.clear();
    session.ip_hash = 0;
    session.user_agent.clear();
    session.referer.clear();
    session.label.clear();
    session.para = Default::default();
    session.device_ids.clear();
    session.parameters.clear();
    session.callbacks.clear();
    session.destination.clear();
    session.geo = Geo {
        country: std::mem::take(&mut session.geo.country),
        ..Geo::default()
    };
}

/// Takes out of the store whose engagement it was, and cancels and erases its own postbacks. Gives the ids that
/// were touched.
pub fn erase_session(id: SessionId, group: &mut Group<'_>) -> Result<Vec<TimeId>, StoreError> {
    let at = keys::session(id);
    let Some(mut session) = group.load(&at)? else {
        return Ok(Vec::new());
    };
    let mut erased = vec![id.0];
    let of_click = KeyRange::prefix(&keys::postbacks_of_session_prefix(id));
    // A click that waited for the store may have been told in the next month.
    let month = Period::from_ms(id.at_ms()).0;
    for month in [month, month + 1] {
        let db = Db::Period(PeriodKind::Postbacks, Period(month));
        for (key, _) in group.scan(db, of_click.clone(), MOST)? {
            if let Some(postback) = keys::parse_postback_by_session(&key) {
                erase_postback(postback, group)?;
                erased.push(postback.0);
            }
        }
    }
    anonymise(&mut session);
    group.save(at, &session)?;
    Ok(erased)
}

/// Takes out of the store whose activity it was, and cancels and erases its postbacks. Gives the ids that were
/// touched, and the engagement that it was credited to.
pub fn erase_activity(
    mut activity: Activity,
    group: &mut Group<'_>,
) -> Result<(Vec<TimeId>, Option<SessionId>), StoreError> {
    let mut erased = vec![activity.id.0];
    group.forget_address(activity.id);
    for postback in activity.rules.iter().filter_map(|rule| rule.postback) {
        erase_postback(postback, group)?;
        erased.push(postback.0);
    }
    let session = activity.session.as_ref().map(|session| session.id);
    scrub(&mut activity);
    group.save(keys::activity(activity.id), &activity)?;
    Ok((erased, session))
}

/// Cancels a postback that waits, and takes the text out of its record and its attempts.
pub fn erase_postback(id: PostbackId, group: &mut Group<'_>) -> Result<(), StoreError> {
    resend::cancel(group, id)?;
    match group.load(&keys::postback(id))? {
        Some(postback) => scrub_postback(postback, group),
        None => Ok(()),
    }
}

fn scrub_postback(mut postback: Postback, group: &mut Group<'_>) -> Result<(), StoreError> {
    postback.request.url.clear();
    postback.request.headers.clear();
    postback.request.body = None;
    postback.last.iter_mut().for_each(scrub_attempt);
    group.save(keys::postback(postback.id), &postback)?;
    let db = Db::postbacks(postback.id.at_ms());
    let range = KeyRange::prefix(&keys::attempts_prefix(postback.id));
    for (key, value) in group.scan(db, range, MOST_ATTEMPTS)? {
        let mut attempt = Attempt::decode(&value, db, &key)?;
        scrub_attempt(&mut attempt);
        group.save(Key::new(db, key), &attempt)?;
    }
    Ok(())
}

fn scrub_attempt(attempt: &mut Attempt) {
    attempt.url.clear();
    attempt.headers.clear();
    attempt.excerpt.clear();
}

/// Has the text of these go once they are delivered.
pub fn scrub_later(postbacks: impl IntoIterator<Item = PostbackId>, group: &mut Group<'_>) {
    for id in postbacks {
        group.mark(keys::to_scrub(id));
    }
}

/// Takes the text out of the postbacks of erasures that were delivered.
pub fn scrub_delivered(recorder: &Recorder) -> Result<(), RecordError> {
    let mut ids = Vec::new();
    recorder
        .reader()
        .scan_prefix(Db::Hot, &keys::to_scrub_prefix(), false, |key, _| {
            ids.extend(keys::parse_to_scrub(key));
            ControlFlow::Continue(())
        })
        .map_err(|error| RecordError::from(&error))?;
    for part in ids.chunks(MOST) {
        let part = part.to_vec();
        recorder
            .try_run_blocking(move |group| part.into_iter().try_for_each(|id| scrub_if_delivered(id, group)))?
            .map_err(|error| RecordError::from(&error))?;
    }
    Ok(())
}

fn scrub_if_delivered(id: PostbackId, group: &mut Group<'_>) -> Result<(), StoreError> {
    let waiting = keys::waiting(id);
    if group.has(&waiting)? {
        return Ok(());
    }
    let Some(postback) = group.load(&keys::postback(id))? else {
        // Its month has left.
        group.remove(keys::to_scrub(id));
        return Ok(());
    };
    if matches!(postback.state, PostbackState::Delivered { .. }) {
        scrub_postback(postback, group)?;
        group.remove(keys::to_scrub(id));
        group.erase([id.0]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::activity::ActivityKind;
    use crate::domain::raw::{ACTIVITIES, Fact, SESSIONS, Value};
    use crate::domain::template::sample::sample_activity;

    /// Files of raw data empty the columns that say they are personal: those that an erasure empties here.
    #[test]
    fn columns_that_are_personal_are_those_that_an_erasure_empties() {
        let mut before = sample_activity(ActivityKind::Event).unwrap().activity;
        before.note = "a note".into();
        before.input.custom = vec![("a".into(), "b".into())];
        before.input.partner_custom = vec![("a".into(), "b".into())];
        let mut after = before.clone();
        scrub(&mut after);
        let session = before.session.clone().unwrap();
        let mut anonymous = (*session).clone();
        anonymise(&mut anonymous);
        let of_activity = (&ACTIVITIES, Fact::Activity(&before), Fact::Activity(&after));
        let of_session = (&SESSIONS, Fact::Session(&session), Fact::Session(&anonymous));
        for (table, was, is) in [of_activity, of_session] {
            for column in table.columns() {
                let (was, is) = ((column.value)(was), (column.value)(is));
                if was != is {
                    assert!(column.is_personal, "{}.{}", table.name, column.name);
                }
                if column.is_personal && column.name != "note" {
                    assert_eq!(is, Value::Absent, "{}.{}", table.name, column.name);
                }
            }
        }
    }
}
