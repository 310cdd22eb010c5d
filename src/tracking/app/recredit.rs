//! The counters of an install or reattribution follow its credit when a claim moves it: they leave the rows of
//! the session that had it for those of the one that has it, in the bucket of the conversion itself.
//!
//! So does its payout: the record of a conversion with a status names the session that has the credit, and what is owed
//! for that. Which update moved the counters last is noted, so that the next one knows from where to take them also
//! where the record has no status and keeps the session that it was first credited to (those of before 2026-11-29).

use crate::domain::activity::{Activity, ActivityKind};
use crate::domain::ids::ActivityId;
use crate::domain::session::Session;
use crate::domain::stats::Counters;
use crate::recorder::Group;
use crate::store::codec::Recredit;
use crate::store::{StoreError, keys};
use crate::tracking::{engagement, recording};

/// How long the note is kept: longer than a network claims.
const KEPT_MS: i64 = 400 * super::DAY_MS;

/// Moves the counters of the conversion `of` to the session of its update.
pub(in crate::tracking) fn follow(
    of: ActivityId,
    update: &Activity,
    group: &mut Group<'_>,
) -> Result<(), StoreError> {
    let Some(conversion) = load(of, group)? else {
        return Ok(());
    };
    let counted_for = match last_update(of, group)? {
        Some(last) => load(last, group)?.and_then(|last| last.session),
        None => conversion.session.clone(),
    };
    let from = Activity {
        session: counted_for,
        ..conversion.clone()
    };
    let mut to = conversion;
    if to.status.is_some() {
        to.keep_first_credit();
        to.keep_first_money();
    }
    to.session.clone_from(&update.session);
    if to.status.is_some() {
        to.match_type = update.match_type;
        to.payout = recording::payout(&to, group.catalog());
        group.save(keys::activity(of), &to)?;
        recording::index(&to, group);
    }
    let taken = counters(&from, group)?.negated();
    let given = counters(&to, group)?;
    for (of, counters) in [(&from, taken), (&to, given)] {
        recording::count(of, &counters, group);
    }
    let moved = Recredit {
        activity: update.id,
        at_ms: group.now_ms(),
        expires_at_ms: group.now_ms() + KEPT_MS,
    };
    group.save(keys::recredit(of), &moved)
}

/// The update that moved the counters of a conversion last.
pub(super) fn last_update(of: ActivityId, group: &Group<'_>) -> Result<Option<ActivityId>, StoreError> {
    Ok(group.load(&keys::recredit(of))?.map(|moved| moved.activity))
}

/// What a conversion counts for its session. A cost that the network reported by itself stays where it is.
fn counters(conversion: &Activity, group: &Group<'_>) -> Result<Counters, StoreError> {
    let is_install = conversion.kind == ActivityKind::Install;
    let mut counters = Counters {
        sessions: 1,
        installs: i64::from(is_install),
        reattributions: i64::from(!is_install),
        ..Counters::default()
    };
    if let Some(session) = conversion.session.as_deref().filter(|_| is_install)
        && !is_reported(session, group)?
    {
        counters.cost = engagement::cost(session, "cpi");
    }
    if let Some(status) = conversion.status {
        counters.add_conversion(status, conversion.money, conversion.payout);
    }
    Ok(counters)
}

/// Whether the network reported the cost of an engagement by itself.
pub(in crate::tracking) fn is_reported(session: &Session, group: &Group<'_>) -> Result<bool, StoreError> {
    group.has(&keys::cost_report(session.id))
}

fn load(id: ActivityId, group: &Group<'_>) -> Result<Option<Activity>, StoreError> {
    group.load(&keys::activity(id))
}
