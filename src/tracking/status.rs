//! Statuses of conversions: approval by an operator, by a program, or by itself after some days.
//!
//! A conversion is an install or an event. A change keeps its record and adds an activity of kind `event_update`, whose postbacks wait
//! until those of the earlier status to the same partner are settled.

use crate::domain::activity::{Activity, ActivityKind, ConversionStatus, StatusChange, Verdict};
use crate::domain::ids::{ActivityId, PostbackId};
use crate::domain::money::Money;
use crate::domain::stats::Counters;
use crate::live::LiveEvent;
use crate::recorder::Group;
use crate::store::{StoreError, keys};
use crate::tracking::{recording, resend};
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

/// What a conversion is to become.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'w> {
    /// New status; `None`: it stays.
    pub status: Option<ConversionStatus>,
    /// New amount; `None`: it stays.
    pub money: Option<Money>,
    /// Why it is rejected (`{rejection_reason}`); looked at only with that status.
    pub reason: Option<&'w str>,
    /// How long the postbacks of the change wait before they are sent, milliseconds.
    pub hold_ms: i64,
    /// `automatic`, `schedule`, or who did it.
    pub by: &'w str,
}

/// Name of the fact that says why a conversion was rejected.
pub const REASON: &str = "rejection_reason";
/// Name of the fact of a change that says what the reason was before.
const OUTDATED_REASON: &str = "outdated_rejection_reason";
/// Name of the fact of a change that was taken back before anybody heard of it: when, unix milliseconds.
pub const UNDONE: &str = "undone_at_ms";

/// Changes the status of a conversion, its amount, or both; what is `None` stays. `by` is `automatic`, `schedule`,
/// or who did it.
pub fn change(
    group: &mut Group<'_>,
    id: ActivityId,
    status: Option<ConversionStatus>,
    money: Option<Money>,
    by: &str,
) -> Result<Changed, StoreError> {
    let wanted = Wanted {
        status,
        money,
        reason: None,
        hold_ms: 0,
        by,
    };
    change_to(group, id, &wanted)
}

/// [`change`], with a reason and postbacks that wait for a while.
pub fn change_to(group: &mut Group<'_>, id: ActivityId, wanted: &Wanted<'_>) -> Result<Changed, StoreError> {
    let at = keys::activity(id);
    let Some(conversion) = group.load(&at)? else {
        return Ok(Changed::Unknown);
    };
    let (Some(before), Verdict::Accepted, None) = (conversion.status, conversion.verdict, conversion.of)
    else {
        return Ok(Changed::NotAConversion);
    };
    let status = wanted.status.unwrap_or(before);
    let money = wanted.money;
    let money_changes = money.is_some_and(|money| !is_same(money, conversion.money));
    if before == status && !money_changes {
        return Ok(Changed::Unchanged);
    }
    let now_ms = group.now_ms();
    let mut changed = conversion.clone();
    changed.status = Some(status);
    if money_changes {
        changed.keep_first_money();
        changed.money = money;
        changed.payout = recording::payout(&changed, group.catalog());
    }
    changed.history.push(StatusChange {
        at_ms: now_ms,
        status,
        by: wanted.by.into(),
    });
    let reason = wanted.reason.filter(|_| status == ConversionStatus::Rejected);
    let outdated_reason = fact(&conversion, REASON).map(str::to_owned);
    if before != status {
        set_fact(&mut changed, REASON, reason);
    }
    recount(&conversion, &changed, group);
    group.save(keys::activity(id), &changed)?;
    note_billed(id, group)?;
    group.tell(LiveEvent::Activity(Arc::new(changed.clone())));
    let mut update = changed;
    update.outdated_status = Some(before);
    let outdated = conversion.money.filter(|_| money_changes);
    set_fact(
        &mut update,
        "outdated_amount",
        outdated.map(|money| money.amount_text()).as_deref(),
    );
    set_fact(&mut update, OUTDATED_REASON, outdated_reason.as_deref());
    if update.kind.is_arrival() {
        // There is no event; rules that go by its name hear of an install under this one.
        let kind = update.kind.as_str();
        set_fact(&mut update, "event_name", Some(kind));
    }
    Ok(Changed::Made(write_update(update, wanted.hold_ms, group)?))
}

/// A fact of an activity.
pub fn fact<'a>(activity: &'a Activity, name: &str) -> Option<&'a str> {
    let mut facts = activity.facts.iter();
    facts
        .find(|(own, _)| own == name)
        .map(|(_, value)| value.as_str())
}

fn set_fact(activity: &mut Activity, name: &str, value: Option<&str>) {
    activity.facts.retain(|(own, _)| own != name);
    if let Some(value) = value {
        activity.facts.push((name.to_owned(), value.to_owned()));
    }
}

/// What became of taking a change back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenBack {
    /// The conversion is as before, and nobody was told.
    Quietly,
    /// Somebody was told already, or the time for it is over: a new change was made, which fires the rules.
    Anew(ActivityId),
    /// The conversion was changed again since, or is gone.
    ChangedSince,
}

impl TakenBack {
    /// Stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Quietly => "restored",
            Self::Anew(_) => "changed",
            Self::ChangedSince => "changed_since",
        }
    }
}

/// Takes a change of status back. While its postbacks wait untried and `is_quiet`, the conversion becomes what it
/// was and they are given up; else it is a new change like any other.
pub fn take_back(
    group: &mut Group<'_>,
    update: ActivityId,
    is_quiet: bool,
    by: &str,
) -> Result<TakenBack, StoreError> {
    let Some(mut update) = group.load(&keys::activity(update))? else {
        return Ok(TakenBack::ChangedSince);
    };
    let (Some(of), Some(before)) = (update.of, update.outdated_status) else {
        return Ok(TakenBack::ChangedSince);
    };
    let Some(now) = group.load(&keys::activity(of))? else {
        return Ok(TakenBack::ChangedSince);
    };
    if now.history != update.history {
        return Ok(TakenBack::ChangedSince);
    }
    let told: Vec<PostbackId> = update.rules.iter().filter_map(|rule| rule.postback).collect();
    let mut is_unheard = is_quiet;
    for id in &told {
        let waiting = group.load(&keys::waiting(*id))?;
        // What was never to be sent by itself tells nobody either.
        let is_withheld = || -> Result<bool, StoreError> {
            let settled = group.load(&keys::postback(*id))?;
            Ok(settled.is_some_and(|postback| postback.last.is_none()))
        };
        is_unheard &= match waiting {
            Some(postback) => postback.last.is_none(),
            None => is_withheld()?,
        };
    }
    let reason = fact(&update, OUTDATED_REASON).map(str::to_owned);
    if !is_unheard {
        let wanted = Wanted {
            status: Some(before),
            money: None,
            reason: reason.as_deref(),
            hold_ms: 0,
            by,
        };
        return Ok(match change_to(group, of, &wanted)? {
            Changed::Made(update) => TakenBack::Anew(update),
            Changed::Unchanged | Changed::Unknown | Changed::NotAConversion => TakenBack::ChangedSince,
        });
    }
    let mut restored = now.clone();
    restored.status = Some(before);
    restored.history.pop();
    set_fact(&mut restored, REASON, reason.as_deref());
    recount(&now, &restored, group);
    group.save(keys::activity(of), &restored)?;
    note_billed(of, group)?;
    group.tell(LiveEvent::Activity(Arc::new(restored)));
    for id in told {
        resend::cancel(group, id)?;
    }
    set_fact(&mut update, UNDONE, Some(&group.now_ms().to_string()));
    group.save(keys::activity(update.id), &update)?;
    group.hand_on_again(update.id);
    Ok(TakenBack::Quietly)
}

/// Whether two amounts are the same once they are rounded as their currency is.
fn is_same(money: Money, other: Option<Money>) -> bool {
    other.is_some_and(|other| {
        let decimals = money.currency.decimals();
        money.currency == other.currency && money.amount.round_dp(decimals) == other.amount.round_dp(decimals)
    })
}

/// Adds the `event_update` and queues its postbacks, which wait for `hold_ms`.
fn write_update(mut update: Activity, hold_ms: i64, group: &mut Group<'_>) -> Result<ActivityId, StoreError> {
    let now_ms = group.now_ms();
    update.of = Some(update.id);
    update.id = ActivityId::new(now_ms, rand::random());
    update.kind = ActivityKind::EventUpdate;
    update.at_ms = now_ms;
    update.candidates = Vec::new();
    Ok(recording::record_held(update, hold_ms, group)?.id)
}

/// A conversion of a closed statement changed: the next open one looks at it.
pub(super) fn note_billed(id: ActivityId, group: &mut Group<'_>) -> Result<(), StoreError> {
    if let Some(billed) = group.load(&keys::billed(id))? {
        group.mark(keys::billed_changed(&billed.partner, id));
    }
    Ok(())
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
    recording::count(before, &counters, group);
}
