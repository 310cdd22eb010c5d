//! What follows from an attempt: delivered, again at, or failed. Pure; the sender says what came, the
//! scheduler acts on the verdict.
//!
//! * 2026-11-21: attempts of both schedules are counted together. A postback that timed out twice and is then
//!   answered 404 goes on with the third step of the short schedule, not with the first.
//! * 2026-11-21: the time to live ends every postback. One whose last attempt brought an answer ends as
//!   `exhausted`, one without an answer as `expired`.

use super::partner::DeliverySettings;
use super::postback::{ErrorClass, FailReason, Outcome, PostbackState};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Seconds after each failure: thirteen attempts over 75 h 42 min 35 s.
pub const FULL_SCHEDULE_S: [u32; 12] = [
    5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 86_400, 86_400,
];
/// Seconds after each 3xx, and 4xx other than 408, 425 and 429.
pub const SHORT_SCHEDULE_S: [u32; 4] = [60, 1_800, 21_600, 86_400];
/// Hours after acceptance at which a postback is given up.
pub const TTL_H: u16 = 96;
/// `Retry-After` never delays by more than this many seconds (6 h).
pub const MAX_RETRY_AFTER_S: u32 = 6 * 3_600;
/// Jitter adds at most this share of the delay; it never takes any away.
pub const MAX_JITTER: f64 = 0.2;

const HOUR_MS: i64 = 3_600_000;

/// When a postback is tried again, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Seconds after each failure that is retried in full.
    pub full_schedule_s: Arc<[u32]>,
    /// Seconds after each failure of the short schedule.
    pub short_schedule_s: Arc<[u32]>,
    /// Milliseconds from acceptance to giving up.
    pub ttl_ms: i64,
    /// When nothing was sent because the partner was held, in order; does not count against the time to live.
    pub held: Arc<[HeldSpan]>,
}

/// A stretch of time in which a partner was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldSpan {
    /// Unix milliseconds.
    pub from_ms: i64,
    /// Unix milliseconds; `i64::MAX` while it lasts.
    pub to_ms: i64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            full_schedule_s: Arc::new(FULL_SCHEDULE_S),
            short_schedule_s: Arc::new(SHORT_SCHEDULE_S),
            ttl_ms: i64::from(TTL_H) * HOUR_MS,
            held: Arc::default(),
        }
    }
}

impl RetryPolicy {
    /// This policy with what a partner sets in its place.
    #[must_use]
    pub fn with(&self, settings: &DeliverySettings) -> Self {
        let schedule = |own: &Option<Vec<u32>>, else_: &Arc<[u32]>| {
            own.as_ref()
                .map_or_else(|| else_.clone(), |own| own.as_slice().into())
        };
        Self {
            full_schedule_s: schedule(&settings.schedule_s, &self.full_schedule_s),
            short_schedule_s: schedule(&settings.short_schedule_s, &self.short_schedule_s),
            ttl_ms: settings.ttl_h.map_or(self.ttl_ms, |h| i64::from(h) * HOUR_MS),
            held: self.held.clone(),
        }
    }

    /// The longest that a postback ever waits for its next attempt, milliseconds.
    pub fn longest_wait_ms(&self) -> i64 {
        let steps = self.full_schedule_s.iter().chain(self.short_schedule_s.iter());
        let longest_s = steps.copied().max().unwrap_or(0);
        jittered_ms(longest_s, 1.0).max(i64::from(MAX_RETRY_AFTER_S) * 1_000)
    }

    /// When a postback accepted at `accepted_at_ms` is given up, unix milliseconds.
    pub fn deadline_ms(&self, accepted_at_ms: i64) -> i64 {
        let mut deadline_ms = accepted_at_ms.saturating_add(self.ttl_ms);
        for span in self.held.iter() {
            let from_ms = span.from_ms.max(accepted_at_ms);
            if from_ms < deadline_ms {
                deadline_ms = deadline_ms.saturating_add(span.to_ms.saturating_sub(from_ms).max(0));
            }
        }
        deadline_ms
    }
}

/// The verdict on an attempt that ended at `now_ms`. `attempts_before` are those that used up the schedule so
/// far, without this one; `jitter` is a random number from 0 to 1.
pub fn decide(
    attempts_before: u16,
    outcome: &Outcome,
    policy: &RetryPolicy,
    accepted_at_ms: i64,
    now_ms: i64,
    jitter: f64,
) -> PostbackState {
    let failed = |reason| PostbackState::Failed {
        at_ms: now_ms,
        reason,
    };
    if is_delivered(outcome) {
        return PostbackState::Delivered { at_ms: now_ms };
    }
    match outcome {
        Outcome::Answered { status: 410, .. } => return failed(FailReason::Gone),
        Outcome::Error {
            class: ErrorClass::Egress,
            ..
        } => return failed(FailReason::EgressRefused),
        Outcome::Answered { .. } | Outcome::Error { .. } => {}
    }
    if now_ms >= policy.deadline_ms(accepted_at_ms) {
        return failed(given_up(matches!(outcome, Outcome::Answered { .. })));
    }
    let schedule = if is_short(outcome) {
        &policy.short_schedule_s
    } else {
        &policy.full_schedule_s
    };
    let Some(delay_s) = schedule.get(usize::from(attempts_before)) else {
        return failed(FailReason::Exhausted);
    };
    let floor_ms = i64::from(retry_after_s(outcome).unwrap_or(0)) * 1_000;
    PostbackState::Waiting {
        due_at_ms: now_ms.saturating_add(jittered_ms(*delay_s, jitter).max(floor_ms)),
    }
}

/// How a postback ends whose time to live is over: its last attempt brought an answer, or not.
pub fn given_up(is_answered: bool) -> FailReason {
    if is_answered {
        FailReason::Exhausted
    } else {
        FailReason::Expired
    }
}

/// Whether nothing was sent because the address may not be called.
pub fn is_refused(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Error {
            class: ErrorClass::Egress,
            ..
        }
    )
}

/// Whether the receiver took it: any 2xx.
pub fn is_delivered(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Answered {
            status: 200..=299,
            ..
        }
    )
}

/// Whether the outcome speaks of the destination as a whole rather than of one postback: no connection, no
/// name, no TLS, no answer in time, a broken connection, 429, 502 to 504.
pub fn concerns_destination(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Answered { status, .. } => matches!(status, 429 | 502..=504),
        Outcome::Error { class, .. } => match class {
            ErrorClass::Dns
            | ErrorClass::Connect
            | ErrorClass::Tls
            | ErrorClass::Timeout
            | ErrorClass::Reset => true,
            ErrorClass::Malformed | ErrorClass::Egress | ErrorClass::Internal => false,
        },
    }
}

/// The seconds that the receiver asked to be left alone, if it did.
pub fn retry_after_s(outcome: &Outcome) -> Option<u32> {
    match outcome {
        Outcome::Answered { retry_after_s, .. } => retry_after_s.map(|s| s.min(MAX_RETRY_AFTER_S)),
        Outcome::Error { .. } => None,
    }
}

/// Reads a `Retry-After` header: seconds, or an HTTP date (RFC 9110, section 10.2.3) against `now_ms`. The
/// answer is in seconds, rounded up, at most 6 h; a date that has passed is 0. `None` when it is neither.
pub fn parse_retry_after(value: &str, now_ms: i64) -> Option<u32> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than a number holds are still a number, only a large one.
        let seconds = value.parse::<u64>().unwrap_or(u64::MAX);
        return Some(u32::try_from(seconds).unwrap_or(u32::MAX).min(MAX_RETRY_AFTER_S));
    }
    let at = httpdate::parse_http_date(value).ok()?;
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(now_ms).unwrap_or(0));
    let left = at.duration_since(now).unwrap_or(Duration::ZERO);
    let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
    Some(u32::try_from(seconds).unwrap_or(u32::MAX).min(MAX_RETRY_AFTER_S))
}

fn is_short(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Answered { status, .. } => matches!(status, 300..=499) && !matches!(status, 408 | 425 | 429),
        Outcome::Error { .. } => false,
    }
}

fn jittered_ms(delay_s: u32, jitter: f64) -> i64 {
    let delay_ms = i64::from(delay_s) * 1_000;
    // At most 20 % of 2^32 seconds: far inside of what both types hold exactly.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "bounded by the line above"
    )]
    let added_ms = (delay_ms as f64 * MAX_JITTER * jitter.clamp(0.0, 1.0)) as i64;
    delay_ms + added_ms
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: i64 = 1_763_000_000_000;

    fn status(status: u16) -> Outcome {
        Outcome::Answered {
            status,
            retry_after_s: None,
        }
    }

    fn error(class: ErrorClass) -> Outcome {
        Outcome::Error {
            class,
            message: String::new(),
        }
    }

    #[test]
    fn held_time_moves_the_deadline() {
        let held = |spans: &[(i64, i64)]| RetryPolicy {
            ttl_ms: 100,
            held: spans
                .iter()
                .map(|&(from_ms, to_ms)| HeldSpan { from_ms, to_ms })
                .collect(),
            ..RetryPolicy::default()
        };
        for (spans, deadline) in [
            (&[][..], 1_100),
            (&[(500, 900)], 1_100),
            (&[(900, 1_050)], 1_150),
            (&[(1_010, 1_020), (1_105, 1_200)], 1_205),
            (&[(1_150, 1_900)], 1_100),
            (&[(1_090, i64::MAX)], i64::MAX),
        ] {
            assert_eq!(held(spans).deadline_ms(1_000), deadline, "{spans:?}");
        }
    }

    fn verdict(before: u16, outcome: &Outcome) -> PostbackState {
        decide(before, outcome, &RetryPolicy::default(), NOW, NOW, 0.0)
    }

    fn delay_s(state: PostbackState) -> Option<i64> {
        match state {
            PostbackState::Waiting { due_at_ms } => Some((due_at_ms - NOW) / 1_000),
            PostbackState::Delivered { .. } | PostbackState::Failed { .. } => None,
        }
    }

    #[test]
    fn every_2xx_is_delivered_and_nothing_else_is() {
        for code in 100..600 {
            let is_delivered = verdict(0, &status(code)) == PostbackState::Delivered { at_ms: NOW };
            assert_eq!(is_delivered, (200..300).contains(&code), "{code}");
        }
    }

    #[test]
    fn schedules_are_the_written_ones() {
        let walk =
            |outcome: &Outcome| -> Vec<i64> { (0..).map_while(|n| delay_s(verdict(n, outcome))).collect() };
        let full = vec![
            5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 43_200, 86_400, 86_400,
        ];
        assert_eq!(full.iter().sum::<i64>(), 75 * 3600 + 42 * 60 + 35);
        for outcome in [status(500), status(503), status(408), status(425), status(429)] {
            assert_eq!(walk(&outcome), full, "{outcome:?}");
        }
        for class in [
            ErrorClass::Dns,
            ErrorClass::Connect,
            ErrorClass::Tls,
            ErrorClass::Timeout,
            ErrorClass::Reset,
            ErrorClass::Malformed,
            ErrorClass::Internal,
        ] {
            assert_eq!(walk(&error(class)), full, "{class:?}");
        }
        for code in [301, 302, 308, 400, 401, 403, 404, 409, 422] {
            assert_eq!(walk(&status(code)), vec![60, 1800, 21_600, 86_400], "{code}");
        }
    }

    #[test]
    fn some_answers_end_it_at_once() {
        let failed = |reason| PostbackState::Failed { at_ms: NOW, reason };
        assert_eq!(verdict(0, &status(410)), failed(FailReason::Gone));
        assert_eq!(
            verdict(0, &error(ErrorClass::Egress)),
            failed(FailReason::EgressRefused)
        );
        assert_eq!(verdict(12, &status(500)), failed(FailReason::Exhausted));
        assert_eq!(verdict(4, &status(404)), failed(FailReason::Exhausted));
    }

    #[test]
    fn the_time_to_live_ends_every_postback() {
        let policy = RetryPolicy::default();
        let at = |now, outcome: &Outcome| decide(1, outcome, &policy, NOW, now, 0.0);
        let end = NOW + 96 * HOUR_MS;
        assert!(matches!(
            at(end - 1, &error(ErrorClass::Timeout)),
            PostbackState::Waiting { .. }
        ));
        assert_eq!(
            at(end, &error(ErrorClass::Timeout)),
            PostbackState::Failed {
                at_ms: end,
                reason: FailReason::Expired
            }
        );
        assert_eq!(
            at(end, &status(500)),
            PostbackState::Failed {
                at_ms: end,
                reason: FailReason::Exhausted
            }
        );
        assert_eq!(at(end, &status(204)), PostbackState::Delivered { at_ms: end });
    }

    #[test]
    fn a_partner_replaces_what_it_sets() {
        let settings = DeliverySettings {
            schedule_s: Some(vec![1]),
            ttl_h: Some(2),
            ..DeliverySettings::default()
        };
        let policy = RetryPolicy::default().with(&settings);
        assert_eq!(
            (&*policy.full_schedule_s, &*policy.short_schedule_s, policy.ttl_ms),
            (&[1][..], &SHORT_SCHEDULE_S[..], 2 * HOUR_MS)
        );
    }

    #[test]
    fn retry_after_is_read_in_every_form() {
        // 1994-11-06 08:49:37 UTC, the date of RFC 9110's examples.
        let now = 784_111_777_000;
        for (value, expected) in [
            ("120", Some(120)),
            (" 120 ", Some(120)),
            ("0", Some(0)),
            ("21601", Some(21_600)),
            ("99999999999999999999999", Some(21_600)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sunday, 06-Nov-94 08:50:37 GMT", Some(60)),
            ("Sun Nov  6 08:50:37 1994", Some(60)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("Sun, 06 Nov 2044 08:49:37 GMT", Some(21_600)),
            ("", None),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
            ("１２０", None),
        ] {
            assert_eq!(parse_retry_after(value, now), expected, "{value:?}");
        }
        // Half a second early would be too early.
        assert_eq!(
            parse_retry_after("Sun, 06 Nov 1994 08:50:37 GMT", now + 500),
            Some(60)
        );
    }

    #[test]
    fn only_some_outcomes_concern_the_destination() {
        for (outcome, expected) in [
            (status(200), false),
            (status(302), false),
            (status(404), false),
            (status(429), true),
            (status(500), false),
            (status(502), true),
            (status(503), true),
            (status(504), true),
            (error(ErrorClass::Dns), true),
            (error(ErrorClass::Connect), true),
            (error(ErrorClass::Tls), true),
            (error(ErrorClass::Timeout), true),
            (error(ErrorClass::Reset), true),
            (error(ErrorClass::Malformed), false),
            (error(ErrorClass::Egress), false),
            (error(ErrorClass::Internal), false),
        ] {
            assert_eq!(concerns_destination(&outcome), expected, "{outcome:?}");
        }
    }

    proptest! {
        #[test]
        fn jitter_only_adds_and_at_most_a_fifth(before in 0u16..12, jitter in -1.0f64..2.0) {
            let state = decide(before, &status(500), &RetryPolicy::default(), NOW, NOW, jitter);
            let PostbackState::Waiting { due_at_ms } = state else { panic!("not waiting") };
            let delay = i64::from(FULL_SCHEDULE_S[usize::from(before)]) * 1000;
            prop_assert!(due_at_ms - NOW >= delay);
            prop_assert!(due_at_ms - NOW <= delay + delay / 5);
        }

        #[test]
        fn retry_after_is_a_floor_and_never_beyond_six_hours_of_it(
            code in prop_oneof![Just(429u16), Just(503), Just(500), Just(404), Just(302)],
            asked in 0u32..100_000, before in 0u16..4, jitter in 0.0f64..1.0,
        ) {
            let outcome = Outcome::Answered { status: code, retry_after_s: Some(asked) };
            let PostbackState::Waiting { due_at_ms } = decide(before, &outcome, &RetryPolicy::default(), NOW, NOW, jitter)
                else { panic!("not waiting") };
            prop_assert!(due_at_ms - NOW >= i64::from(asked.min(MAX_RETRY_AFTER_S)) * 1000);
            let plain = decide(before, &status(code), &RetryPolicy::default(), NOW, NOW, jitter);
            let PostbackState::Waiting { due_at_ms: plain_at_ms } = plain else { panic!("not waiting") };
            prop_assert!(due_at_ms >= plain_at_ms);
        }

        #[test]
        fn any_header_is_read_without_harm(value in ".{0,40}", now in 0i64..4_000_000_000_000) {
            if let Some(seconds) = parse_retry_after(&value, now) {
                prop_assert!(seconds <= MAX_RETRY_AFTER_S);
            }
        }
    }
}
