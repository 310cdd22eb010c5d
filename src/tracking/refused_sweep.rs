//! Removes what does not count: by its age (`retention.refused_days`), and when an operator asks for it. It was counted
//! when it came, and stays counted.
//!
//! No index of refusals is kept: each record of a month is looked at once more when its days are over, in parts with
//! a bound, so that nothing is held up.

use super::{recording, visitor_sweep};
use crate::domain::activity::{Activity, Verdict};
use crate::domain::ids::ActivityId;
use crate::recorder::{Group, RecordError, Recorder};
use crate::store::{Db, JsonRecord, PeriodKind, Record, StoreError, keys};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// Records looked at in one part.
const LOOKED_AT: usize = 20_000;
/// Records removed by one job.
const MOST: usize = 500;
/// Parts of one sweep by age; the next goes on.
const PARTS: usize = 50;

/// Up to where the sweep by age has come.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Swept {
    until_ms: i64,
}

impl JsonRecord for Swept {}

/// What came of one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Records removed.
    pub removed: usize,
    /// Behind which id the rest begins; `None`: all was looked at.
    pub more: Option<ActivityId>,
}

/// Removes what does not count and is past its days; how much that was.
pub fn sweep(days: u32, recorder: &Recorder) -> Result<usize, RecordError> {
    let at = || keys::instance("refused_swept");
    let cutoff_ms = visitor_sweep::move_cutoff("refused_sweep", days, recorder)?;
    let swept: Swept = recorder
        .reader()
        .load(&at())
        .map_err(|error| RecordError::from(&error))?
        .unwrap_or_default();
    let mut removed = 0;
    let mut from = ActivityId::new(swept.until_ms, 0);
    let mut until_ms = cutoff_ms;
    for part in 0.. {
        if from.at_ms() >= cutoff_ms {
            break;
        }
        let done = remove_part(from, cutoff_ms, |_| true, recorder)?;
        removed += done.removed;
        match done.more {
            None => break,
            Some(more) if part < PARTS => from = more,
            Some(more) => {
                until_ms = more.at_ms();
                break;
            }
        }
    }
    if until_ms > swept.until_ms {
        recorder
            .try_run_blocking(move |group| group.save(at(), &Swept { until_ms }))?
            .map_err(|error: StoreError| RecordError::from(&error))?;
    }
    Ok(removed)
}

/// Removes what does not count and is wanted, of the records behind an id and before a time, as far as one part goes.
pub fn remove_part(
    behind: ActivityId,
    to_ms: i64,
    wanted: impl Fn(&Activity) -> bool,
    recorder: &Recorder,
) -> Result<Part, RecordError> {
    let failed = |error: StoreError| RecordError::from(&error);
    let (mut ids, mut looked_at, mut more) = (Vec::new(), 0, None);
    let reader = recorder.reader();
    for period in reader.periods(PeriodKind::Activities) {
        if period.end_ms() <= behind.at_ms() || period.start_ms() >= to_ms || more.is_some() {
            continue;
        }
        let db = Db::Period(PeriodKind::Activities, period);
        let range =
            keys::activities_between(period.start_ms().max(behind.at_ms()), to_ms.min(period.end_ms()));
        let range = range.after(&keys::activity(behind).1);
        reader
            .scan(db, &range, false, |key, value| {
                let Some(id) = keys::parse_activity(key) else {
                    return ControlFlow::Continue(());
                };
                looked_at += 1;
                match Activity::decode(value, db, key) {
                    Ok(activity) if activity.verdict != Verdict::Accepted && wanted(&activity) => {
                        ids.push(id);
                    }
                    Ok(_) => {}
                    Err(error) => tracing::error!(code = error.code(), %error, "an activity cannot be read"),
                }
                if looked_at < LOOKED_AT && ids.len() < MOST {
                    return ControlFlow::Continue(());
                }
                more = Some(id);
                ControlFlow::Break(())
            })
            .map_err(failed)?;
    }
    let mut removed = 0;
    if !ids.is_empty() {
        removed = recorder
            .try_run_blocking(move |group| remove_all(&ids, group))?
            .map_err(failed)?;
    }
    Ok(Part { removed, more })
}

/// Removes those that still do not count.
fn remove_all(ids: &[ActivityId], group: &mut Group<'_>) -> Result<usize, StoreError> {
    let mut removed = 0;
    for id in ids {
        let at = keys::activity(*id);
        let Some(activity) = group.load(&at)? else {
            continue;
        };
        if activity.verdict == Verdict::Accepted {
            continue;
        }
        if let Some(session) = &activity.session {
            group.remove(keys::activity_by_session(session.id, *id));
        }
        for order in recording::orders(&activity) {
            group.remove(order);
        }
        group.remove(at);
        group.unpublish([id.0]);
        removed += 1;
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::activity::{ActivityKind, RefusalReason};
    use crate::domain::template::sample::sample_activity;
    use crate::recorder::testing::Instance;

    const DAY_MS: i64 = 86_400_000;
    const NOW_MS: i64 = 1_795_000_000_000;

    /// Stores an activity of so many days ago.
    fn store(recorder: &Recorder, days_ago: i64, n: u64, verdict: Verdict) -> ActivityId {
        let mut activity = sample_activity(ActivityKind::Event).unwrap().activity;
        activity.id = ActivityId::new(NOW_MS - days_ago * DAY_MS, n);
        activity.verdict = verdict;
        let id = activity.id;
        recorder
            .run_blocking(move |group| {
                group.save(keys::activity(id), &activity).unwrap();
                recording::index(&activity, group);
            })
            .unwrap();
        id
    }

    fn is_there(recorder: &Recorder, id: ActivityId) -> bool {
        recorder.reader().load(&keys::activity(id)).unwrap().is_some()
    }

    #[test]
    fn what_does_not_count_goes_after_its_days_with_its_indexes_and_the_rest_stays() {
        let instance = Instance::start(NOW_MS);
        let recorder = &instance.recorder;
        let refused = Verdict::Refused {
            reason: RefusalReason::BadToken,
        };
        let old = store(recorder, 45, 1, refused);
        let duplicate = store(
            recorder,
            31,
            2,
            Verdict::Duplicate {
                of: old,
                reason: RefusalReason::DuplicateUid,
            },
        );
        let counts = store(recorder, 45, 3, Verdict::Accepted);
        let young = store(recorder, 29, 4, refused);
        assert_eq!(
            sweep(30, recorder).unwrap(),
            0,
            "at the first look nothing is known of the clock"
        );
        instance.clock.advance_ms(1_000);
        assert_eq!(sweep(30, recorder).unwrap(), 2);
        let left = [old, duplicate, counts, young].map(|id| is_there(recorder, id));
        assert_eq!(left, [false, false, true, true]);
        let db = keys::activity(old).0;
        let mut indexed = 0;
        let all = crate::store::KeyRange::all();
        let count = |key: &[u8], _: &[u8]| {
            indexed +=
                usize::from(keys::parse_activity_index(key).is_some_and(|id| [old, duplicate].contains(&id)));
            ControlFlow::Continue(())
        };
        recorder.reader().scan(db, &all, false, count).unwrap();
        assert_eq!(indexed, 0);
        // The clock leaps: nothing more goes at once.
        instance.clock.advance_ms(400 * DAY_MS);
        assert_eq!(sweep(30, recorder).unwrap(), 0);
        assert!(is_there(recorder, young));
    }

    #[test]
    fn an_operator_removes_what_is_wanted_in_parts() {
        let instance = Instance::start(NOW_MS);
        let recorder = &instance.recorder;
        let refused = |reason| Verdict::Refused { reason };
        for n in 0..600 {
            store(recorder, 2, n, refused(RefusalReason::BadToken));
        }
        let other = store(recorder, 1, 0, refused(RefusalReason::Bot));
        let wanted = |activity: &Activity| activity.verdict == refused(RefusalReason::BadToken);
        let first = remove_part(ActivityId::new(0, 0), i64::MAX, wanted, recorder).unwrap();
        assert_eq!(first.removed, MOST);
        let rest = remove_part(first.more.unwrap(), i64::MAX, wanted, recorder).unwrap();
        assert_eq!((rest.removed, rest.more), (100, None));
        assert!(is_there(recorder, other));
    }
}
