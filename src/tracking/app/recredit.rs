//! The counters of an install or reattribution follow its credit when a claim moves it: they leave the rows of
//! the session that had it for those of the one that has it, in the bucket of the conversion itself.
//!
//! Its record keeps the session that it was first credited to. Which update moved the counters last is noted, so
//! that the next one knows from where to take them.

use super::cost;
use crate::domain::activity::{Activity, ActivityKind};
use crate::domain::duplicates;
use crate::domain::ids::ActivityId;
use crate::domain::session::Session;
use crate::domain::stats::Counters;
use crate::recorder::Group;
use crate::store::{Key, StoreError, codec, keys};
use crate::tracking::{engagement, status};

/// How long the note is kept: longer than a network claims.
const KEPT_MS: i64 = 400 * super::DAY_MS;

fn note(of: ActivityId) -> Key {
    keys::duplicate(&duplicates::hash(&[b"recredit", &of.to_key()]))
}

/// Moves the counters of the conversion `of` to the session of its update.
pub(super) fn follow(of: ActivityId, update: &Activity, group: &mut Group<'_>) -> Result<(), StoreError> {
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
    let to = Activity {
        session: update.session.clone(),
        ..conversion
    };
    let taken = counters(&from, group)?.negated();
    let given = counters(&to, group)?;
    for (of, counters) in [(&from, taken), (&to, given)] {
        for key in status::stat_keys(of) {
            group.count(key, counters.clone());
        }
    }
    let moved = codec::Duplicate {
        activity: update.id,
        at_ms: group.now_ms(),
        expires_at_ms: group.now_ms() + KEPT_MS,
    };
    group.put(note(of), codec::encode_duplicate(&moved)?);
    Ok(())
}

/// The update that moved the counters of a conversion last.
pub(super) fn last_update(of: ActivityId, group: &Group<'_>) -> Result<Option<ActivityId>, StoreError> {
    let at = note(of);
    let record = group.get(at.0, &at.1)?;
    record
        .map(|record| codec::decode_duplicate(&record, at.0, &at.1).map(|moved| moved.activity))
        .transpose()
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
    Ok(counters)
}

fn is_reported(session: &Session, group: &Group<'_>) -> Result<bool, StoreError> {
    let at = cost::report(session);
    Ok(group.get(at.0, &at.1)?.is_some())
}

fn load(id: ActivityId, group: &Group<'_>) -> Result<Option<Activity>, StoreError> {
    let at = keys::activity(id);
    let record = group.get(at.0, &at.1)?;
    record
        .map(|record| codec::decode_activity(&record, at.0, &at.1))
        .transpose()
}
