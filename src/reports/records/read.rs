//! Reading records from the store.

use super::{AttemptDto, PostbackDetail, PostbackDto};
use crate::domain::activity::Activity;
use crate::domain::duplicates::order_hash;
use crate::domain::ids::{ActivityId, PostbackId, SessionId};
use crate::domain::plan::engagement;
use crate::domain::postback::{Attempt, Postback};
use crate::domain::session::Session;
use crate::store::{Db, Period, PeriodKind, Reader, Record, StoreError, keys};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// A session.
pub fn session(reader: &Reader, id: SessionId) -> Result<Option<Session>, StoreError> {
    reader.load(&keys::session(id))
}

/// An activity.
pub fn activity(reader: &Reader, id: ActivityId) -> Result<Option<Activity>, StoreError> {
    reader.load(&keys::activity(id))
}

/// An activity, or the one that a session is.
pub fn activity_or_engagement(reader: &Reader, id: ActivityId) -> Result<Option<Activity>, StoreError> {
    if let Some(found) = activity(reader, id)? {
        return Ok(Some(found));
    }
    Ok(session(reader, SessionId(id.0))?.map(engagement))
}

/// A postback, waiting or settled.
pub fn postback(reader: &Reader, id: PostbackId) -> Result<Option<Postback>, StoreError> {
    match reader.load(&keys::waiting(id))? {
        Some(waiting) => Ok(Some(waiting)),
        None => reader.load(&keys::postback(id)),
    }
}

/// The attempts of a postback before its last one, oldest first.
fn attempts(reader: &Reader, id: PostbackId) -> Result<Vec<Attempt>, StoreError> {
    let db = keys::attempt(id, 0).0;
    let mut found = Vec::new();
    collect(reader, db, &keys::attempts_prefix(id), |key, value| {
        found.push(Attempt::decode(value, db, key)?);
        Ok(())
    })?;
    Ok(found)
}

/// A postback with its attempts.
pub fn detail(reader: &Reader, id: PostbackId) -> Result<Option<PostbackDetail>, StoreError> {
    let Some(postback) = postback(reader, id)? else {
        return Ok(None);
    };
    let mut attempts = attempts(reader, id)?;
    // The last one lives in the postback's own record.
    attempts.extend(postback.last.clone());
    Ok(Some(PostbackDetail {
        postback: PostbackDto::from(&postback),
        attempts: attempts.iter().map(AttemptDto::from).collect(),
    }))
}

/// The ids that an index has below a prefix, in order or backwards, at most `most` (at least 1).
fn indexed<T>(
    reader: &Reader,
    db: Db,
    prefix: &[u8],
    reverse: bool,
    most: usize,
    parse: impl Fn(&[u8]) -> Option<T>,
) -> Result<Vec<T>, StoreError> {
    let mut ids = Vec::new();
    reader.scan_prefix(db, prefix, reverse, |key, _| {
        ids.extend(parse(key));
        if ids.len() < most {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    Ok(ids)
}

/// The activities of a session, oldest first, at most `most`.
pub fn activities_of(reader: &Reader, session: SessionId, most: usize) -> Result<Vec<Activity>, StoreError> {
    let first = Period::from_ms(session.at_ms());
    let prefix = keys::activities_of_session_prefix(session);
    let mut found = BTreeMap::new();
    let periods = reader.periods(PeriodKind::Activities).into_iter();
    for period in periods.filter(|p| *p >= first) {
        let db = Db::Period(PeriodKind::Activities, period);
        for id in indexed(reader, db, &prefix, false, most, keys::parse_activity_index)? {
            if let Some(activity) = activity(reader, id)? {
                found.insert(id, activity);
            }
        }
        if found.len() >= most {
            break;
        }
    }
    Ok(found.into_values().take(most).collect())
}

/// The activities with an order number, or kept with this session id although it led to no session; newest
/// first, at most `most`.
pub fn activities_of_order(reader: &Reader, uid: &str, most: usize) -> Result<Vec<Activity>, StoreError> {
    let prefix = keys::activities_of_order_prefix(order_hash(uid));
    let mut found = Vec::new();
    for period in reader.periods(PeriodKind::Activities).into_iter().rev() {
        let (db, left) = (Db::Period(PeriodKind::Activities, period), most - found.len());
        for id in indexed(reader, db, &prefix, true, left, keys::parse_activity_index)? {
            let activity = activity(reader, id)?;
            let is_it =
                |a: &Activity| a.input.uids.iter().any(|own| own == uid) || a.unresolved_sid() == Some(uid);
            found.extend(activity.filter(is_it));
        }
        if found.len() >= most {
            break;
        }
    }
    Ok(found)
}

/// The postbacks of a click, at most `most`.
pub fn postbacks_of_click(
    reader: &Reader,
    session: SessionId,
    most: usize,
) -> Result<Vec<PostbackId>, StoreError> {
    let (db, prefix) = (
        Db::postbacks(session.at_ms()),
        keys::postbacks_of_session_prefix(session),
    );
    indexed(reader, db, &prefix, false, most, keys::parse_postback_by_session)
}

/// Scans a prefix with a visitor that may fail; the first failure ends the scan.
fn collect(
    reader: &Reader,
    db: Db,
    prefix: &[u8],
    mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut failed = None;
    reader.scan_prefix(db, prefix, false, |key, value| match visit(key, value) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    })?;
    failed.map_or(Ok(()), Err)
}
