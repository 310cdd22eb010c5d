//! In-app events and revenue from showing ads.
//!
//! 2026-11-21: an app counts repeated purchases of one device, so the default duplicate policy of an event
//! compares order numbers only here, never the session; `is_unique` is what counts a device once.

use super::{Case, DAY_MS, Decided, Failure, Reply, count, finish, visitors};
use crate::domain::activity::{ActivityKind, ConversionStatus, RefusalReason, StatusChange, Verdict};
use crate::domain::duplicates::{self, DuplicateKey};
use crate::domain::ids::ActivityId;
use crate::domain::offer::{Approval, DuplicateBy, DuplicatePolicy, Event};
use crate::domain::stats::Counters;
use crate::domain::visitor::{Order, Visitor};
use crate::recorder::Group;
use crate::store::keys::{self, Key};
use crate::store::{StoreError, codec};
use crate::tracking::{queueing, record_conversion};
use serde_json::json;

fn ok() -> Reply {
    Reply::ok(json!({"status": "OK"}))
}

fn unknown_device() -> Failure {
    Failure::new(404, "Device not found", RefusalReason::UnknownDevice)
}

pub(super) fn record(case: &Case<'_>, group: &mut Group<'_>) -> Decided {
    let named = case.request.event_token.as_str();
    let event = case
        .offer
        .events
        .iter()
        .find(|event| event.token.as_str() == named);
    let Some(event) = event.cloned() else {
        return Ok(Err(Failure::new(
            400,
            "Invalid event token",
            RefusalReason::WrongEvent,
        )));
    };
    let Some(mut visitor) = visitors::find(case, group)? else {
        return Ok(Err(unknown_device()));
    };
    let (order, crowd) = order(case, &event, &visitor, group)?;
    match order {
        Order::Next => {}
        Order::Repeated => return Ok(Ok(ok())),
        Order::TooLate => {
            return Ok(Err(Failure::new(
                400,
                "Bad event state",
                RefusalReason::OutOfOrder,
            )));
        }
    }
    if event.is_unique && visitor.unique_events.contains(&event.token) {
        let text = "Ignoring event, earlier unique event tracked";
        return Ok(Err(Failure::new(400, text, RefusalReason::UniqueEvent)));
    }
    let claim = match claim(case, &event, &visitor, group)? {
        Ok(claim) => claim,
        Err(reason) => {
            return Ok(Err(Failure::new(
                400,
                "Ignoring event, earlier unique event tracked",
                reason,
            )));
        }
    };
    let said = case.request.at_ms.map(|_| case.request.said);
    visitor.mark(&event.token, case.request.at_ms.unwrap_or(case.at_ms), said);
    if event.is_unique {
        visitor.unique_events.push(event.token.clone());
    }
    visitors::save(&visitor, &[], group)?;
    let activity = accept(case, &event, &visitor, claim, group)?;
    if let Some(at) = crowd {
        remember(case, at, activity, group)?;
    }
    Ok(Ok(ok()))
}

/// How the event stands to those before it. Of a second with many events the visitor remembers only some; the key
/// under which one more of them has to be remembered comes too.
fn order(
    case: &Case<'_>,
    event: &Event,
    visitor: &Visitor,
    group: &Group<'_>,
) -> Result<(Order, Option<Key>), StoreError> {
    // Without a time of its own every request is a new event.
    let Some(sent_ms) = case.request.at_ms else {
        return Ok((Order::Next, None));
    };
    let order = visitor.order(&event.token, sent_ms, case.request.said);
    if order != Order::Next || !visitor.is_crowded(&event.token, sent_ms) {
        return Ok((order, None));
    }
    let at = sent_key(b"event", case, visitor, sent_ms);
    Ok(if group.get(at.0, &at.1)?.is_some() {
        (Order::Repeated, None)
    } else {
        (Order::Next, Some(at))
    })
}

/// What a request that names its time is known by: that time, and all that was said.
fn sent_key(what: &[u8], case: &Case<'_>, visitor: &Visitor, sent_ms: i64) -> Key {
    keys::duplicate(&duplicates::hash(&[
        what,
        &visitor.adid.0,
        &sent_ms.to_be_bytes(),
        &case.request.said.to_be_bytes(),
    ]))
}

/// Remembers a request for as long as it is not too old to be sent again.
fn remember(case: &Case<'_>, at: Key, activity: ActivityId, group: &mut Group<'_>) -> Result<(), StoreError> {
    let at_ms = group.now_ms();
    let first = codec::Duplicate {
        activity,
        at_ms,
        expires_at_ms: at_ms + case.endpoint.most_days() * DAY_MS,
    };
    group.put(at, codec::encode_duplicate(&first)?);
    Ok(())
}

/// What makes the event the same as another, unless another has it already.
fn claim(
    case: &Case<'_>,
    event: &Event,
    visitor: &Visitor,
    group: &Group<'_>,
) -> Result<Result<Option<DuplicateKey>, RefusalReason>, StoreError> {
    let by = match event.duplicates.by {
        DuplicateBy::Default => DuplicateBy::Uid,
        set => set,
    };
    let policy = DuplicatePolicy {
        by,
        ..event.duplicates
    };
    let adid = visitor.adid.to_string();
    let (credit, _) = visitor.credited_at(case.matched_until_ms(group.now_ms()));
    let conversion = duplicates::Conversion {
        offer: &case.offer.id,
        event: &event.token,
        session: credit.map(|session| session.id),
        visitor: &adid,
        uid1: case.request.uids.first().map_or("", String::as_str),
    };
    let Some(key) = duplicates::key(&policy, &conversion, group.now_ms()) else {
        return Ok(Ok(None));
    };
    Ok(
        match duplicates::decide(
            &policy,
            &key,
            record_conversion::holder(&key, group)?,
            group.now_ms(),
        ) {
            Verdict::Duplicate { reason, .. } => Err(reason),
            _ => Ok(Some(key)),
        },
    )
}

fn accept(
    case: &Case<'_>,
    event: &Event,
    visitor: &Visitor,
    claim: Option<DuplicateKey>,
    group: &mut Group<'_>,
) -> Result<ActivityId, StoreError> {
    let now_ms = group.now_ms();
    let mut activity = case.activity_of(
        ActivityKind::Event,
        visitor,
        Some(visitor.last_session_at_ms),
        group,
    );
    let status = match event.approval {
        Approval::Automatic => ConversionStatus::Approved,
        Approval::AfterDays { .. } | Approval::Manual => ConversionStatus::Pending,
    };
    activity.event = Some(event.token.clone());
    activity.money = case.request.money;
    activity.status = Some(status);
    activity.history.push(StatusChange {
        at_ms: now_ms,
        status,
        by: "automatic".into(),
    });
    activity.payout = queueing::payout(&activity, group.catalog());
    if let Some(claim) = claim {
        let first = codec::Duplicate {
            activity: activity.id,
            at_ms: now_ms,
            expires_at_ms: claim.expires_at_ms,
        };
        group.put(keys::duplicate(&claim.hash), codec::encode_duplicate(&first)?);
    }
    if let (ConversionStatus::Pending, Approval::AfterDays { days }) = (status, event.approval) {
        group.put(
            keys::approval(now_ms + i64::from(days) * DAY_MS, activity.id),
            Vec::new(),
        );
    }
    let mut counters = Counters::default();
    counters.add_conversion(status, activity.money, activity.payout);
    count(&activity, &counters, group);
    finish(activity, Some(visitor), group).map(|activity| activity.id)
}

pub(super) fn record_ad_revenue(case: &Case<'_>, group: &mut Group<'_>) -> Decided {
    let Some(visitor) = visitors::find(case, group)? else {
        return Ok(Err(unknown_device()));
    };
    let mut activity = case.activity_of(
        ActivityKind::AdRevenue,
        &visitor,
        Some(visitor.last_session_at_ms),
        group,
    );
    activity.money = case.request.money;
    if let Some(sent_ms) = case.request.at_ms {
        let at = sent_key(b"ad-revenue", case, &visitor, sent_ms);
        if group.get(at.0, &at.1)?.is_some() {
            return Ok(Ok(ok()));
        }
        remember(case, at, activity.id, group)?;
    }
    let mut counters = Counters::default();
    activity
        .money
        .into_iter()
        .for_each(|money| counters.revenue.add(money));
    count(&activity, &counters, group);
    finish(activity, Some(&visitor), group)?;
    Ok(Ok(ok()))
}
