//! A device asks to be forgotten: its record goes, its activities keep only what is counted, and from then on
//! nothing of it is taken.
//!
//! 2026-11-21: the postbacks of its past activities are not touched here. Those that wait were promised; the
//! settled ones go with their retention.

use super::{Case, Decided, Failure, Reply, finish, visitors};
use crate::domain::activity::{Activity, ActivityKind, RefusalReason};
use crate::domain::session::{Geo, Session};
use crate::domain::visitor::Visitor;
use crate::recorder::Group;
use crate::store::{Db, KeyRange, Period, PeriodKind, StoreError, codec, keys};
use crate::tracking::queueing;
use serde_json::json;

/// Activities of a device that are scrubbed at most, the newest.
const MOST: usize = 2000;
/// Months that are searched for them.
const MONTHS: u16 = 36;

pub(super) fn record(case: &Case<'_>, group: &mut Group<'_>) -> Decided {
    let done = || Reply::ok(json!({"status": "OK", "message": "Device forgotten"}));
    if visitors::is_forgotten(case, group)? {
        return Ok(Ok(done()));
    }
    let Some(visitor) = visitors::find(case, group)? else {
        if case.request.ids.is_empty() {
            return Ok(Err(Failure::new(
                404,
                "Device not found",
                RefusalReason::UnknownDevice,
            )));
        }
        visitors::forget(case, &case.request.ids, None, group);
        return Ok(Ok(done()));
    };
    scrub_all(&visitor, group)?;
    let mut activity = case.activity_of(
        ActivityKind::GdprForgetDevice,
        &visitor,
        Some(visitor.last_session_at_ms),
        group,
    );
    // The receivers are told whom to forget; the record that stays does not say it.
    finish(&mut activity, None, group)?;
    scrub(&mut activity);
    group.put(keys::activity(activity.id), codec::encode_activity(&activity)?);
    visitors::forget(case, &case.request.ids, None, group);
    visitors::forget(case, &visitor.ids, Some(visitor.adid), group);
    visitors::remove(&visitor, group);
    Ok(Ok(done()))
}

fn scrub_all(visitor: &Visitor, group: &mut Group<'_>) -> Result<(), StoreError> {
    let prefix = keys::activities_of_visitor_prefix(visitor.adid.index_hash());
    let (newest, mut left) = (Period::from_ms(group.now_ms()).0, MOST);
    for month in (newest.saturating_sub(MONTHS)..=newest).rev() {
        let db = Db::Period(PeriodKind::Activities, Period(month));
        for (key, _) in group.scan_back(db, KeyRange::prefix(&prefix), left)? {
            left = left.saturating_sub(1);
            let Some(id) = keys::parse_activity_index(&key) else {
                continue;
            };
            let at = keys::activity(id);
            if let Some(record) = group.get(at.0, &at.1)? {
                let mut activity = codec::decode_activity(&record, at.0, &at.1)?;
                queueing::orders(&activity).for_each(|order| group.delete(order));
                scrub(&mut activity);
                group.put(at, codec::encode_activity(&activity)?);
            }
            group.delete((db, key));
        }
    }
    scrub_session(visitor.credit.as_deref(), group)
}

/// The engagement that was credited loses what tells whose it was, too.
fn scrub_session(session: Option<&Session>, group: &mut Group<'_>) -> Result<(), StoreError> {
    let Some(session) = session else { return Ok(()) };
    let at = keys::session(session.id);
    if let Some(record) = group.get(at.0, &at.1)? {
        let mut stored = codec::decode_session(&record, at.0, &at.1)?;
        anonymise(&mut stored);
        group.put(at, codec::encode_session(&stored)?);
    }
    Ok(())
}

/// Keeps what is counted (kind, time, event, money, link) and nothing that tells whose it was.
fn scrub(activity: &mut Activity) {
    activity.tuid.clear();
    activity.facts.clear();
    activity.input = Default::default();
    activity.note = "erased at the request of the device".into();
    if let Some(session) = activity.session.as_deref_mut() {
        anonymise(session);
    }
}

fn anonymise(session: &mut Session) {
    session.tuid.clear();
    session.ip.clear();
    session.ip_hash = 0;
    session.user_agent.clear();
    session.referer.clear();
    session.label.clear();
    session.device_ids.clear();
    session.parameters.clear();
    session.geo = Geo {
        country: std::mem::take(&mut session.geo.country),
        ..Geo::default()
    };
}
