//! Statuses of conversions: approval by an operator, by a program, or by itself after some days.
//!
//! A change keeps the conversion's record and adds an activity of kind `event_update`, whose postbacks wait
//! until those of the earlier status to the same partner are settled.

use crate::domain::activity::{Activity, ActivityKind, ConversionStatus, StatusChange, Verdict};
use crate::domain::ids::ActivityId;
use crate::domain::money::Money;
use crate::domain::stats::{Bucket, Counters, Environment, StatKey};
use crate::live::LiveEvent;
use crate::recorder::Group;
use crate::store::{StoreError, codec, keys};
use crate::tracking::{engagement, queueing};
use std::sync::Arc;

/// What became of a status change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// Made; the id is that of the `event_update`.
    Made(ActivityId),
    /// It has that status already.
    Unchanged,
    /// There is no such conversion.
    Unknown,
    /// The activity is no conversion that counts (refused, duplicate, or of another kind).
    NotAConversion,
}

impl Changed {
    /// Stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Made(_) => "changed",
            Self::Unchanged => "unchanged",
            Self::Unknown => "unknown_conversion",
            Self::NotAConversion => "not_a_conversion",
        }
    }
}

/// Changes the status of a conversion, and with `money` also its amount. `by` is `automatic`, `schedule`, or
/// who did it.
pub fn change(
    group: &mut Group<'_>,
    id: ActivityId,
    status: ConversionStatus,
    money: Option<Money>,
    by: &str,
) -> Result<Changed, StoreError> {
    let at = keys::activity(id);
    let Some(record) = group.get(at.0, &at.1)? else {
        return Ok(Changed::Unknown);
    };
    let conversion = codec::decode_activity(&record, at.0, &at.1)?;
    let (Some(before), Verdict::Accepted, None) = (conversion.status, conversion.verdict, conversion.of)
    else {
        return Ok(Changed::NotAConversion);
    };
    let money_changes = money.is_some() && money != conversion.money;
    if before == status && !money_changes {
        return Ok(Changed::Unchanged);
    }
    let now_ms = group.now_ms();
    let mut changed = conversion.clone();
    changed.status = Some(status);
    if money_changes {
        changed.money = money;
        changed.payout = queueing::payout(&changed, group.catalog());
    }
    changed.history.push(StatusChange {
        at_ms: now_ms,
        status,
        by: by.into(),
    });
    recount(&conversion, &changed, group);
    group.put(keys::activity(id), codec::encode_activity(&changed)?);
    group.tell(LiveEvent::Activity(Arc::new(changed.clone())));
    let update = write_update(&changed, before, group)?;
    Ok(Changed::Made(update))
}

/// Adds the `event_update` and queues its postbacks.
fn write_update(
    changed: &Activity,
    before: ConversionStatus,
    group: &mut Group<'_>,
) -> Result<ActivityId, StoreError> {
    let now_ms = group.now_ms();
    let mut update = changed.clone();
    update.id = ActivityId::new(now_ms, rand::random());
    update.kind = ActivityKind::EventUpdate;
    update.at_ms = now_ms;
    update.of = Some(changed.id);
    update.outdated_status = Some(before);
    update.candidates = Vec::new();
    Ok(queueing::record(update, group)?.id)
}

fn recount(before: &Activity, after: &Activity, group: &mut Group<'_>) {
    let (Some(from), Some(to)) = (before.status, after.status) else {
        return;
    };
    let mut counters = Counters::default();
    counters.add_conversion(to, after.money, after.payout);
    let mut taken = Counters::default();
    taken.add_conversion(from, before.money, before.payout);
    counters.merge(&taken.negated());
    for key in stat_keys(before) {
        group.count(key, counters.clone());
    }
}

/// The rows that a conversion is counted in: those of the bucket of the conversion itself.
pub(super) fn stat_keys(activity: &Activity) -> Vec<StatKey> {
    let key = |dimension| StatKey {
        bucket: Bucket::of(activity.id.at_ms()),
        environment: Environment::of(activity.is_test),
        offer: activity.offer.clone(),
        link: activity.session.as_ref().map(|s| s.link.clone()),
        event: activity.event.clone(),
        dimension,
    };
    match &activity.session {
        Some(session) => engagement::dimensions(session).into_iter().map(key).collect(),
        None => vec![key(crate::domain::stats::Dimension::All)],
    }
}
