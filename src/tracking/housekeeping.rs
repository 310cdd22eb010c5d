//! What has to be done from time to time: approvals that fall due, keys that expire, periods that leave.
//! Each is a job of the recorder with a bound, so that none holds up intake.

use crate::domain::activity::ConversionStatus;
use crate::domain::ids::ActivityId;
use crate::recorder::{Group, RecordError, Recorder};
use crate::store::codec::{Duplicate, Idempotency};
use crate::store::{
    Db, JsonRecord, KeyRange, Record, RetentionClock, RetentionPolicy, StoreError, keys, retention,
};
use crate::tracking::status;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// Most entries handled by one job.
const MOST: usize = 500;
/// Most keys looked at by one sweep.
const SWEEP: usize = 20_000;

/// Approves conversions whose days have passed. Tells how many were handled; more may wait when it is 500.
/// A conversion whose record cannot be read is told in the log and left as it is: those behind it are approved.
pub fn approve_due(recorder: &Recorder) -> Result<usize, RecordError> {
    recorder
        .try_run_blocking(|group| {
            let due = group.scan(Db::Hot, keys::approvals_due(group.now_ms()), MOST)?;
            for (key, _) in &due {
                let Some((_, id)) = keys::parse_approval(key) else {
                    group.remove((Db::Hot, key.clone()));
                    continue;
                };
                match approve(id, group) {
                    Ok(()) => {}
                    Err(error @ StoreError::Record { .. }) => tracing::error!(
                        code = error.code(),
                        activity = %id,
                        %error,
                        "a conversion could not be approved by itself"
                    ),
                    Err(error) => return Err(error),
                }
                group.remove((Db::Hot, key.clone()));
            }
            Ok(due.len())
        })?
        .map_err(|error: StoreError| RecordError::from(&error))
}

fn approve(id: ActivityId, group: &mut Group<'_>) -> Result<(), StoreError> {
    if is_still_pending(id, group)? {
        status::change(group, id, Some(ConversionStatus::Approved), None, "schedule")?;
    }
    Ok(())
}

fn is_still_pending(id: ActivityId, group: &Group<'_>) -> Result<bool, StoreError> {
    let activity = group.load(&keys::activity(id))?;
    Ok(activity.is_some_and(|activity| activity.status == Some(ConversionStatus::Pending)))
}

/// Which keys a sweep looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sweep {
    /// Duplicate keys.
    Duplicates,
    /// Idempotency keys.
    Idempotency,
}

/// Removes keys whose time has passed, looking at a bounded number from `from` on. Gives where to go on;
/// `None` at the end. No index of the expiry is kept: it would cost every conversion a key, and a sweep
/// reads a million keys in seconds.
pub fn sweep(
    recorder: &Recorder,
    what: Sweep,
    from: Option<Vec<u8>>,
) -> Result<Option<Vec<u8>>, RecordError> {
    let now_ms = recorder.clock().now_ms();
    let prefix = match what {
        Sweep::Duplicates => keys::duplicate_prefix(),
        Sweep::Idempotency => keys::idempotency_prefix(),
    };
    let mut range = KeyRange::prefix(&prefix);
    if let Some(from) = from {
        range = range.after(&from);
    }
    let (mut expired, mut seen, mut last) = (Vec::new(), 0, None);
    let scanned = recorder.reader().scan(Db::Hot, &range, false, |key, value| {
        seen += 1;
        let expires_at_ms = match what {
            Sweep::Duplicates => Duplicate::decode(value, Db::Hot, key).map(|d| d.expires_at_ms),
            Sweep::Idempotency => Idempotency::decode(value, Db::Hot, key).map(|i| i.expires_at_ms),
        };
        match expires_at_ms {
            Ok(at_ms) if at_ms <= now_ms => expired.push(key.to_vec()),
            Ok(_) => {}
            Err(error) => tracing::error!(code = error.code(), %error, "a key cannot be read"),
        }
        if seen < SWEEP && expired.len() < MOST {
            return ControlFlow::Continue(());
        }
        last = Some(key.to_vec());
        ControlFlow::Break(())
    });
    scanned.map_err(|error| RecordError::from(&error))?;
    if !expired.is_empty() {
        recorder
            .try_run_blocking(move |group| remove_expired(what, expired, group))?
            .map_err(|error| RecordError::from(&error))?;
    }
    Ok(last)
}

/// Removes the keys that are still expired: one may have been taken anew since it was read.
fn remove_expired(what: Sweep, keys: Vec<Vec<u8>>, group: &mut Group<'_>) -> Result<(), StoreError> {
    for key in keys {
        let Some(value) = group.get(Db::Hot, &key)? else {
            continue;
        };
        let expires_at_ms = match what {
            Sweep::Duplicates => Duplicate::decode(&value, Db::Hot, &key)?.expires_at_ms,
            Sweep::Idempotency => Idempotency::decode(&value, Db::Hot, &key)?.expires_at_ms,
        };
        if expires_at_ms <= group.now_ms() {
            group.remove((Db::Hot, key));
        }
    }
    Ok(())
}

/// What retention remembers from one look to the next.
#[derive(Debug, Default, Serialize, Deserialize)]
struct RetentionNote {
    looked_at_ms: i64,
    dropped_at_ms: Option<i64>,
}

impl JsonRecord for RetentionNote {}

/// Drops the period that is past its retention, at most one a day. A clock that leapt since the last look
/// drops nothing at this one. Tells what was dropped.
pub fn retire(recorder: &Recorder, policy: RetentionPolicy) -> Result<Vec<Db>, RecordError> {
    let known = recorder.reader().databases();
    recorder
        .try_run_blocking(move |group| {
            let at = keys::instance("retention");
            let mut note: RetentionNote = group.load(&at)?.unwrap_or_default();
            let now_ms = group.now_ms();
            let clock = RetentionClock {
                now_ms,
                last_commit_at_ms: note.looked_at_ms,
                last_drop_at_ms: note.dropped_at_ms,
            };
            let leaving = retention(clock, &policy, &known);
            leaving.iter().for_each(|db| group.drop_period(*db));
            note.looked_at_ms = now_ms;
            if !leaving.is_empty() {
                note.dropped_at_ms = Some(now_ms);
            }
            group.save(at, &note)?;
            Ok(leaving)
        })?
        .map_err(|error: StoreError| RecordError::from(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::activity::{Activity, ActivityKind};
    use crate::domain::template::sample::sample_activity;
    use crate::recorder::testing::Instance;

    const NOW_MS: i64 = 1_795_000_000_000;
    const DAY_MS: i64 = 86_400_000;

    fn pending(n: u64) -> Activity {
        let mut activity = sample_activity(ActivityKind::Event).unwrap().activity;
        activity.id = ActivityId::new(NOW_MS, n);
        activity.status = Some(ConversionStatus::Pending);
        activity
    }

    /// Stores the record of a conversion that is to be approved after so many days.
    fn store(recorder: &Recorder, id: ActivityId, record: Vec<u8>, days: i64) {
        recorder
            .run_blocking(move |group| {
                group.put(keys::activity(id), record);
                group.mark(keys::approval(NOW_MS + days * DAY_MS, id));
            })
            .unwrap();
    }

    fn status(recorder: &Recorder, id: ActivityId) -> Option<ConversionStatus> {
        let activity = recorder.reader().load(&keys::activity(id)).unwrap();
        activity.unwrap().status
    }

    #[test]
    fn what_falls_due_is_approved_though_one_record_is_rotten() {
        let instance = Instance::start(NOW_MS);
        let recorder = &instance.recorder;
        let (rotten, due, later) = (pending(1), pending(2), pending(3));
        store(recorder, rotten.id, vec![255, 1, 2], 1);
        store(recorder, due.id, due.encode().unwrap(), 2);
        store(recorder, later.id, later.encode().unwrap(), 4);
        assert_eq!(approve_due(recorder).unwrap(), 0, "the days have not passed");
        instance.clock.advance_ms(3 * DAY_MS);
        assert_eq!(approve_due(recorder).unwrap(), 2);
        assert_eq!(approve_due(recorder).unwrap(), 0);
        assert_eq!(status(recorder, due.id), Some(ConversionStatus::Approved));
        assert_eq!(status(recorder, later.id), Some(ConversionStatus::Pending));
    }

    #[test]
    fn an_approval_that_cannot_be_decided_now_is_decided_later() {
        let instance = Instance::start(NOW_MS);
        let recorder = &instance.recorder;
        let due = pending(1);
        store(recorder, due.id, due.encode().unwrap(), 1);
        instance.clock.advance_ms(2 * DAY_MS);
        recorder.reader().break_database(keys::activity(due.id).0);
        assert!(approve_due(recorder).is_err());
        assert!(instance.keeper.restore_now());
        assert_eq!(approve_due(recorder).unwrap(), 1);
        assert_eq!(status(recorder, due.id), Some(ConversionStatus::Approved));
    }
}
