//! What a conversion that counts goes through, of a site as of an app: whether it is another's repeat, its status
//! and payout, the key by which its own repeats are known, its approval when that comes by itself, and its count.

use crate::domain::activity::{Activity, ConversionStatus, RefusalReason, StatusChange, Verdict};
use crate::domain::duplicates::{self, Conversion, DuplicateKey, First, Hash};
use crate::domain::ids::ActivityId;
use crate::domain::note;
use crate::domain::offer::{Approval, DuplicatePolicy};
use crate::domain::stats::Counters;
use crate::recorder::Group;
use crate::store::codec::Duplicate;
use crate::store::{StoreError, keys};
use crate::telemetry;
use crate::tracking::{counting, queueing};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Whether a conversion was counted before.
pub(super) enum Claim {
    /// It was not; the key is written with it, where there is one.
    Free(Option<DuplicateKey>),
    /// It was.
    Taken {
        /// As which activity.
        of: ActivityId,
        /// What they have in common.
        reason: RefusalReason,
    },
}

/// Looks up what makes a conversion the same as another.
pub(super) fn claim(
    policy: &DuplicatePolicy,
    conversion: &Conversion<'_>,
    group: &Group<'_>,
) -> Result<Claim, StoreError> {
    let now_ms = group.now_ms();
    let Some(key) = duplicates::key(policy, conversion, now_ms) else {
        return Ok(Claim::Free(None));
    };
    let first = holder(&key.hash, group)?;
    if let Verdict::Duplicate { of, reason } = duplicates::decide(&key, first, now_ms) {
        return Ok(Claim::Taken { of, reason });
    }
    if let Some(of) = same_sale(&key, conversion, group)? {
        let reason = RefusalReason::DuplicateSession;
        return Ok(Claim::Taken { of, reason });
    }
    Ok(Claim::Free(Some(key)))
}

/// The sale of a moment ago that this one is again, the one with an order number and the other without: a page and a
/// server that report the same order.
fn same_sale(
    key: &DuplicateKey,
    conversion: &Conversion<'_>,
    group: &Group<'_>,
) -> Result<Option<ActivityId>, StoreError> {
    let Some(sale) = &key.sale else {
        return Ok(None);
    };
    let first = holder(sale, group)?.filter(|first| group.now_ms() < first.at_ms + duplicates::SAME_SALE_MS);
    let Some(first) = first else {
        return Ok(None);
    };
    let first: Option<Activity> = group.load(&keys::activity(first.activity))?;
    let is_numbered = |uid: &str| !uid.trim().is_empty();
    Ok(first
        .filter(|first| {
            let numbered = first.input.uids.first().is_some_and(|uid| is_numbered(uid));
            numbered != is_numbered(conversion.uid1)
        })
        .map(|first| first.id))
}

fn holder(hash: &Hash, group: &Group<'_>) -> Result<Option<First>, StoreError> {
    let at = keys::duplicate(hash);
    let Some(first) = group.load(&at)? else {
        return Ok(None);
    };
    Ok(Some(First {
        activity: first.activity,
        at_ms: first.at_ms,
    }))
}

/// The status that a conversion has by itself.
pub(super) fn status_by_policy(approval: Approval) -> ConversionStatus {
    match approval {
        Approval::Automatic => ConversionStatus::Approved,
        Approval::AfterDays { .. } | Approval::Manual => ConversionStatus::Pending,
    }
}

/// How a conversion that is pending comes to be approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Approving {
    /// As its event or the offer says, by itself where that gives days.
    ByPolicy,
    /// By an operator only.
    ByOperator,
}

/// Settles status and payout of a conversion that counts, and counts it; the record is written next.
pub(super) fn accept(
    activity: &mut Activity,
    approval: Approval,
    (status, approving): (ConversionStatus, Approving),
    key: Option<DuplicateKey>,
    group: &mut Group<'_>,
) -> Result<(), StoreError> {
    let now_ms = group.now_ms();
    activity.status = Some(status);
    activity.history.push(StatusChange {
        at_ms: now_ms,
        status,
        by: "automatic".into(),
    });
    activity.payout = queueing::payout(activity, group.catalog());
    if let Some(key) = key {
        let first = Duplicate {
            activity: activity.id,
            at_ms: now_ms,
            expires_at_ms: key.expires_at_ms,
        };
        group.save(keys::duplicate(&key.hash), &first)?;
        if let Some(sale) = key.sale.filter(|sale| *sale != key.hash) {
            let first = Duplicate {
                expires_at_ms: now_ms + duplicates::SAME_SALE_MS,
                ..first
            };
            group.save(keys::duplicate(&sale), &first)?;
        }
    }
    if let (ConversionStatus::Pending, Approval::AfterDays { days }, Approving::ByPolicy) =
        (status, approval, approving)
    {
        let due_ms = now_ms + i64::from(days) * DAY_MS;
        group.mark(keys::approval(due_ms, activity.id));
    }
    let mut counters = Counters::default();
    counters.add_conversion(status, activity.money, activity.payout);
    counters.unfilled = i64::from(note::has_unfilled(&activity.input.fields));
    counting::count(activity, &counters, group);
    Ok(())
}

/// Counts what was odd about a sale that counts.
pub(super) fn tell_notes(activity: &Activity, group: &mut Group<'_>) {
    let codes: Vec<_> = note::notes(&activity.input.fields)
        .map(|note| note.code)
        .collect();
    if !codes.is_empty() {
        group.on_durable(Box::new(move |recorded| {
            if recorded.is_ok() {
                codes.iter().for_each(|code| telemetry::noted(code.as_str()));
            }
        }));
    }
}
