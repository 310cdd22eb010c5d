//! In-app events and revenue from showing ads.
//!
//! 2026-11-21: an app counts repeated purchases of one device, so the default duplicate policy of an event
//! compares order numbers only here, never the session; `is_unique` is what counts a device once.

use super::{Case, DAY_MS, Decided, Failure, Reply, Stop, finish, visitors};
use crate::domain::activity::{Activity, ActivityKind, ConversionStatus, RefusalReason};
use crate::domain::duplicates::{self, DuplicateKey};
use crate::domain::ids::ActivityId;
use crate::domain::offer::{DuplicateBy, DuplicatePolicy, Event};
use crate::domain::stats::Counters;
use crate::domain::visitor::{Order, Visitor};
use crate::recorder::Group;
use crate::store::codec::{SentAdRevenue, SentEvent};
use crate::store::{Key, StoreError, keys};
use crate::tracking::addresses;
use crate::tracking::recording::{self, Approving, Bound, Claim};
use serde_json::json;

fn ok() -> Reply {
    Reply::ok(json!({"status": "OK"}))
}

pub(super) fn record(case: &Case<'_>, group: &mut Group<'_>) -> Decided {
    let named = case.request.event_token.as_str();
    let event = case
        .offer
        .events
        .iter()
        .find(|event| event.token.as_str() == named);
    let Some(event) = event.cloned() else {
        return Err(Failure::new(400, "Invalid event token", RefusalReason::WrongEvent).into());
    };
    let mut visitor = case.known_visitor(group)?;
    let (order, crowd) = order(case, &event, &visitor, group)?;
    match order {
        Order::Next => {}
        Order::Repeated => return Ok(ok()),
        Order::TooLate => {
            return Err(Failure::new(400, "Bad event state", RefusalReason::OutOfOrder).into());
        }
    }
    if event.is_unique && visitor.unique_events.contains(&event.token) {
        let text = "Ignoring event, earlier unique event tracked";
        return Err(Failure::new(400, text, RefusalReason::UniqueEvent).into());
    }
    let key = match same(case, &event, &visitor, group)? {
        Claim::Free(key) => key,
        Claim::Taken { reason, .. } => {
            let text = "Ignoring event, earlier unique event tracked";
            return Err(Failure::new(400, text, reason).into());
        }
    };
    let said = case.request.at_ms.map(|_| case.request.said);
    visitor.mark(&event.token, case.request.at_ms.unwrap_or(case.at_ms), said);
    if event.is_unique {
        visitor.unique_events.push(event.token.clone());
    }
    visitor.learn_device(&case.request.fields);
    let activity = accept(case, &event, &visitor, key, group)?;
    visitors::save(&visitor, &[], group)?;
    if let Some(at) = crowd {
        // Remembered for as long as the request is not too old to be sent again.
        let at_ms = group.now_ms();
        let sent = SentEvent {
            activity,
            at_ms,
            expires_at_ms: at_ms + case.endpoint.most_days() * DAY_MS,
        };
        group.save(at, &sent)?;
    }
    Ok(ok())
}

/// How the event stands to those before it. Of a second with many events the visitor remembers only some; the key
/// under which one more of them has to be remembered comes too.
fn order(
    case: &Case<'_>,
    event: &Event,
    visitor: &Visitor,
    group: &Group<'_>,
) -> Result<(Order, Option<Key<SentEvent>>), StoreError> {
    // Without a time of its own every request is a new event.
    let Some(sent_ms) = case.request.at_ms else {
        return Ok((Order::Next, None));
    };
    let order = visitor.order(&event.token, sent_ms, case.request.said);
    if order != Order::Next || !visitor.is_crowded(&event.token, sent_ms) {
        return Ok((order, None));
    }
    let at = keys::sent_event(visitor.adid, sent_ms, case.request.said);
    Ok(if group.has(&at)? {
        (Order::Repeated, None)
    } else {
        (Order::Next, Some(at))
    })
}

/// What makes the event the same as another, unless another has it already.
fn same(case: &Case<'_>, event: &Event, visitor: &Visitor, group: &Group<'_>) -> Result<Claim, StoreError> {
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
        money: case.request.money,
        is_unfilled: false,
    };
    recording::claim(&policy, &conversion, group)
}

fn accept(
    case: &Case<'_>,
    event: &Event,
    visitor: &Visitor,
    key: Option<DuplicateKey>,
    group: &mut Group<'_>,
) -> Result<ActivityId, Stop> {
    let mut activity = case.activity_of(
        ActivityKind::Event,
        visitor,
        Some(visitor.last_session_at_ms),
        group,
    );
    activity.event = Some(event.token.clone());
    activity.money = case.request.money;
    let (status, approving) = match bound(case, event, &activity, group)? {
        Bound::FarOver => {
            return Err(Failure::new(400, "Event limit exceeded", RefusalReason::OverBound).into());
        }
        Bound::Over => {
            activity.note = format!("over_bound: {}", RefusalReason::OverBound.remedy());
            (ConversionStatus::Pending, Approving::ByOperator)
        }
        Bound::Within => (recording::status_by_policy(event.approval), Approving::ByPolicy),
    };
    recording::accept(&mut activity, event.approval, (status, approving), key, group)?;
    addresses::keep(&activity, case.context.ip, group);
    Ok(finish(activity, Some(visitor), group)?.id)
}

/// Events with a payout are bounded as sales are, unless somebody vouches for them.
fn bound(
    case: &Case<'_>,
    event: &Event,
    activity: &Activity,
    group: &mut Group<'_>,
) -> Result<Bound, StoreError> {
    let Some(session) = activity.session.as_ref().filter(|_| !case.is_proven) else {
        return Ok(Bound::Within);
    };
    if recording::payout(activity, group.catalog()).is_none() {
        return Ok(Bound::Within);
    }
    let most = case.context.unproven_sales;
    recording::bound(session.id, event, activity, most, group)
}

pub(super) fn record_ad_revenue(case: &Case<'_>, group: &mut Group<'_>) -> Decided {
    let visitor = case.known_visitor(group)?;
    let mut activity = case.activity_of(
        ActivityKind::AdRevenue,
        &visitor,
        Some(visitor.last_session_at_ms),
        group,
    );
    activity.money = case.request.money;
    if let Some(sent_ms) = case.request.at_ms {
        let at = keys::sent_ad_revenue(visitor.adid, sent_ms, case.request.said);
        if group.has(&at)? {
            return Ok(ok());
        }
        let at_ms = group.now_ms();
        let sent = SentAdRevenue {
            activity: activity.id,
            at_ms,
            expires_at_ms: at_ms + case.endpoint.most_days() * DAY_MS,
        };
        group.save(at, &sent)?;
    }
    let mut counters = Counters::default();
    activity
        .money
        .into_iter()
        .for_each(|money| counters.revenue.add(money));
    recording::count(&activity, &counters, group);
    finish(activity, Some(&visitor), group)?;
    Ok(ok())
}
