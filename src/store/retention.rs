//! Which periods may go. Pure.

use super::database::{Db, PeriodKind};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// A clock further than this beyond the last commit is not believed.
const MOST_AHEAD_MS: i64 = 2 * DAY_MS;

/// How long records are kept, in days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// Sessions.
    pub session_days: u32,
    /// Activities.
    pub activity_days: u32,
    /// Settled postbacks and attempts.
    pub attempt_days: u32,
}

/// What the decision depends on besides the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionClock {
    /// Now, unix milliseconds.
    pub now_ms: i64,
    /// Time of the last commit before this call, unix milliseconds.
    pub last_commit_at_ms: i64,
    /// When a period was dropped last, unix milliseconds.
    pub last_drop_at_ms: Option<i64>,
}

/// How far a cut-off by age may move at a time: about a period.
const MOST_STEP_MS: i64 = 31 * DAY_MS;

/// Before when what is kept for `days` may go, for records that lie in no period. `last_ms` is the cut-off of before.
/// Guarded as periods are: it moves by a period a day at most, and not while the clock stands more than two days
/// beyond the last commit or before the last move.
pub fn cutoff(clock: RetentionClock, days: u32, last_ms: Option<i64>) -> i64 {
    let wanted_ms = clock.now_ms.saturating_sub(i64::from(days) * DAY_MS);
    match last_ms {
        None => wanted_ms,
        Some(last_ms) if clock.is_doubtful() => last_ms,
        Some(last_ms) => wanted_ms.min(last_ms.saturating_add(MOST_STEP_MS)),
    }
}

impl RetentionClock {
    /// Far ahead, or less than a day after the last drop.
    fn is_doubtful(&self) -> bool {
        let is_far_ahead = self.now_ms.saturating_sub(self.last_commit_at_ms) > MOST_AHEAD_MS;
        let is_too_soon = self
            .last_drop_at_ms
            .is_some_and(|at| self.now_ms.saturating_sub(at) < DAY_MS);
        is_far_ahead || is_too_soon
    }
}

/// The periods that may go now: at most one, the one that is due longest. A period may go when all of it is older
/// than its kind is kept. A clock that leaps therefore drops one period a day at most, and none while it stands
/// more than two days beyond the last commit or before the last drop.
pub fn retention(clock: RetentionClock, policy: &RetentionPolicy, known: &[Db]) -> Vec<Db> {
    if clock.is_doubtful() {
        return Vec::new();
    }
    let due = known.iter().filter_map(|db| {
        let Db::Period(kind, period) = db else { return None };
        let days = match kind {
            PeriodKind::Sessions => policy.session_days,
            PeriodKind::Activities => policy.activity_days,
            PeriodKind::Postbacks => policy.attempt_days,
        };
        let goes_at_ms = period.end_ms().saturating_add(i64::from(days) * DAY_MS);
        (goes_at_ms <= clock.now_ms).then_some((goes_at_ms, *db))
    });
    due.min().map(|(_, db)| db).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::keys::Period;
    use proptest::prelude::*;

    const POLICY: RetentionPolicy = RetentionPolicy {
        session_days: 90,
        activity_days: 730,
        attempt_days: 30,
    };

    fn db(kind: PeriodKind, text: &str) -> Db {
        Db::Period(kind, text.parse().unwrap())
    }

    #[test]
    fn one_a_day_and_none_when_the_clock_is_wrong() {
        let (august, july) = (
            db(PeriodKind::Sessions, "2026-08"),
            db(PeriodKind::Sessions, "2026-07"),
        );
        let known = [Db::Hot, august, july, db(PeriodKind::Activities, "2026-01")];
        let august_end = "2026-09".parse::<Period>().unwrap().start_ms();
        let at = |now_ms, last_commit_at_ms, last_drop_at_ms| {
            retention(
                RetentionClock {
                    now_ms,
                    last_commit_at_ms,
                    last_drop_at_ms,
                },
                &POLICY,
                &known,
            )
        };
        let due = august_end + 90 * DAY_MS;
        assert_eq!(at(due - 32 * DAY_MS, due - 32 * DAY_MS, None), []);
        assert_eq!(at(due - 1, due - 1, None), [july]);
        assert_eq!(at(due, due, None), [july], "the longest due first");
        assert_eq!(at(due, due, Some(due - DAY_MS + 1)), []);
        assert_eq!(at(due, due, Some(due - DAY_MS)), [july]);
        assert_eq!(at(due, due, Some(due + 1)), [], "the clock went back");
        assert_eq!(at(due, due - MOST_AHEAD_MS - 1, None), []);
        assert_eq!(at(due, due - MOST_AHEAD_MS, None), [july]);
    }

    #[test]
    fn a_cutoff_moves_by_a_period_a_day_and_not_when_the_clock_is_wrong() {
        let day = |n: i64| n * DAY_MS;
        let at = |now, looked, moved: Option<i64>, last: Option<i64>| {
            let clock = RetentionClock {
                now_ms: day(now),
                last_commit_at_ms: day(looked),
                last_drop_at_ms: moved.map(day),
            };
            cutoff(clock, 100, last.map(day)) / DAY_MS
        };
        assert_eq!(at(1000, 0, None, None), 900);
        assert_eq!(at(1001, 1000, Some(1000), Some(900)), 901);
        assert_eq!(at(5000, 1001, Some(1001), Some(901)), 901, "the clock leapt");
        assert_eq!(at(5000, 5000, Some(1001), Some(901)), 932, "and stays there");
        assert_eq!(at(5000, 5000, Some(5000), Some(932)), 932, "once a day");
        assert_eq!(at(1001, 5000, Some(5000), Some(932)), 932, "the clock went back");
        assert_eq!(at(1020, 1020, Some(1001), Some(932)), 920, "it may go back, too");
    }

    proptest! {
        #[test]
        fn never_more_than_one_and_never_a_young_one(now_ms in 0i64..4_000_000_000_000, months in proptest::collection::vec(0u16..1500, 0..20)) {
            let known: Vec<_> = months.iter().map(|m| Db::Period(PeriodKind::Postbacks, Period(*m))).collect();
            let clock = RetentionClock { now_ms, last_commit_at_ms: now_ms, last_drop_at_ms: None };
            let goes = retention(clock, &POLICY, &known);
            prop_assert!(goes.len() <= 1);
            for db in goes {
                let Db::Period(_, period) = db else { unreachable!() };
                prop_assert!(period.end_ms() + 30 * DAY_MS <= now_ms);
            }
        }
    }
}
