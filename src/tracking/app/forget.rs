//! A device asks to be forgotten: its record goes, its activities and engagements keep only what is counted, what
//! waits to be told of them is cancelled, and from then on nothing of it is taken. The erasure itself is told. One that
//! nobody proved waits first (`held`).

use super::{Case, Decided, Failure, Reply, finish, held, visitors};
use crate::domain::activity::{ActivityKind, RefusalReason};
use crate::domain::ids::SessionId;
use crate::domain::offer::Offer;
use crate::domain::visitor::Visitor;
use crate::recorder::Group;
use crate::store::{Db, KeyRange, Period, PeriodKind, StoreError, keys};
use crate::tracking::{erasure, matching, recording};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Activities of a device that are scrubbed at most, the newest.
const MOST: usize = 2000;
/// Months that are searched for them.
const MONTHS: u16 = 36;

pub(super) fn record(case: &Case<'_>, group: &mut Group<'_>) -> Decided {
    let done = || Reply::ok(json!({"status": "OK", "message": "Device forgotten"}));
    if visitors::is_forgotten(&case.offer, case.request, group)? {
        return Ok(done());
    }
    if !case.is_proven && case.context.erasure_wait_ms > 0 {
        return held::hold(case, group);
    }
    let Some(visitor) = case.visitor(group)? else {
        if case.request.ids.is_empty() {
            return Err(Failure::new(404, "Device not found", RefusalReason::UnknownDevice).into());
        }
        erase_sessions(&case.offer, &case.request.ids, BTreeSet::new(), group)?;
        visitors::forget(&case.offer, case.request, &case.request.ids, None, group)?;
        return Ok(done());
    };
    let activity = case.activity_of(
        ActivityKind::GdprForgetDevice,
        &visitor,
        Some(visitor.last_session_at_ms),
        group,
    );
    let sessions = erase_activities(&visitor, group)?;
    erase_sessions(&case.offer, &case.request.ids, sessions, group)?;
    erase_sessions(&case.offer, &visitor.named_by(), BTreeSet::new(), group)?;
    // The receivers are told whom to forget; the record that stays does not say it.
    let mut activity = Arc::unwrap_or_clone(finish(activity, None, group)?);
    let told: Vec<_> = activity.rules.iter().filter_map(|rule| rule.postback).collect();
    group.erase(told.iter().map(|id| id.0).chain([activity.id.0]));
    erasure::scrub_later(told, group);
    erasure::scrub(&mut activity);
    group.save(keys::activity(activity.id), &activity)?;
    visitors::forget(&case.offer, case.request, &case.request.ids, None, group)?;
    visitors::forget(&case.offer, case.request, &visitor.ids, Some(visitor.adid), group)?;
    visitors::remove(&visitor, group);
    Ok(done())
}

/// Erases a visitor with its activities and engagements; nobody is told.
pub(super) fn erase_visitor(visitor: &Visitor, group: &mut Group<'_>) -> Result<(), StoreError> {
    let sessions = erase_activities(visitor, group)?;
    if let Some(offer) = group.catalog().offers.get(&visitor.offer).cloned() {
        erase_sessions(&offer, &visitor.ids, sessions, group)?;
        erase_sessions(&offer, &visitor.named_by(), BTreeSet::new(), group)?;
    }
    visitors::remove(visitor, group);
    Ok(())
}

/// Erases the activities of a visitor; gives the engagements that they were credited to.
fn erase_activities(visitor: &Visitor, group: &mut Group<'_>) -> Result<BTreeSet<SessionId>, StoreError> {
    let mut sessions: BTreeSet<_> = visitor.credit.iter().map(|session| session.id).collect();
    let prefix = keys::activities_of_visitor_prefix(visitor.adid.index_hash());
    let (newest, mut left) = (Period::from_ms(group.now_ms()).0, MOST);
    for month in (newest.saturating_sub(MONTHS)..=newest).rev() {
        let db = Db::Period(PeriodKind::Activities, Period(month));
        for (key, _) in group.scan_back(db, KeyRange::prefix(&prefix), left)? {
            left = left.saturating_sub(1);
            let Some(id) = keys::parse_activity_index(&key) else {
                continue;
            };
            if let Some(activity) = group.load(&keys::activity(id))? {
                recording::orders(&activity).for_each(|order| group.remove(order));
                let (erased, session) = erasure::erase_activity(activity, group)?;
                group.erase(erased);
                sessions.extend(session);
            }
            group.remove((db, key));
        }
    }
    Ok(sessions)
}

/// Erases engagements: those named, and those that carried one of the ids.
fn erase_sessions(
    offer: &Offer,
    ids: &[(String, String)],
    mut sessions: BTreeSet<SessionId>,
    group: &mut Group<'_>,
) -> Result<(), StoreError> {
    sessions.extend(matching::forget_ids(offer, ids, MOST, group)?);
    for id in sessions {
        matching::forget_fingerprint(id, group)?;
        let erased = erasure::erase_session(id, group)?;
        group.erase(erased);
    }
    Ok(())
}
