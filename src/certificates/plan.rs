//! When something is done about a certificate. Pure: what is kept and a time go in, a step comes out.
//!
//! | what | when |
//! | --- | --- |
//! | a first certificate | at once |
//! | renewal | at a moment of the window that the authority suggests (RFC 9773), else after two thirds of the life, after half of it when it is shorter than ten days |
//! | the authority is asked for its window | as often as it says, between a minute and a day |
//! | another try after a failure | after 5 minutes, then twice as long each time, up to a day; never before the authority's `Retry-After` |

use super::kept::{Issued, Named, Window};
use std::time::Duration;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// First wait after a failure.
const FIRST_RETRY_MS: i64 = 5 * MINUTE_MS;
/// Longest wait of our own.
const LAST_RETRY_MS: i64 = DAY_MS;
/// Longest wait that an authority is followed in.
const MOST_OBEYED_MS: i64 = 7 * DAY_MS;
/// How often the authority is asked for its window when it did not answer.
pub(super) const ASK_AGAIN_MS: i64 = 6 * HOUR_MS;
/// A certificate that lives shorter is renewed at half of its life.
const SHORT_LIFE_MS: i64 = 10 * DAY_MS;
/// From when on a certificate that has not been renewed is a matter for the operator, at most.
const ENDANGERED_MS: i64 = 14 * DAY_MS;
/// Failures after which a name without a certificate is one.
const MANY_FAILURES: u32 = 3;

/// What is to be done about a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing yet.
    Wait,
    /// Order a certificate, or go on with an order.
    Order,
    /// Ask the authority when to renew.
    Ask,
}

/// What is to be done now with the authority of `directory`.
pub(super) fn step(named: &Named, directory: &str, now_ms: i64) -> Step {
    if named
        .trouble
        .as_ref()
        .is_some_and(|trouble| now_ms < trouble.next_ms)
    {
        return Step::Wait;
    }
    match &named.issued {
        None => Step::Order,
        Some(issued) if issued.directory != directory => Step::Order,
        Some(issued) if now_ms >= issued.renew_at_ms || now_ms >= issued.to_ms => Step::Order,
        Some(issued) if now_ms >= issued.ask_at_ms => Step::Ask,
        Some(_) => Step::Wait,
    }
}

/// When a certificate is renewed that no authority has an opinion about.
pub(super) fn usual_renewal(from_ms: i64, to_ms: i64) -> i64 {
    let life = to_ms.saturating_sub(from_ms).max(0);
    if life < SHORT_LIFE_MS {
        from_ms + life / 2
    } else {
        from_ms + life / 3 * 2
    }
}

/// A moment of a window; `share` is from 0 to 1. A window that is turned around is its beginning.
pub(super) fn moment(window: Window, share: f64) -> i64 {
    window.start_ms + part(window.end_ms.saturating_sub(window.start_ms).max(0), share)
}

/// When the authority is asked again that wishes to be asked after `wished`.
pub(super) fn ask_again_ms(wished: Duration) -> i64 {
    millis(wished).clamp(MINUTE_MS, DAY_MS)
}

/// How long is waited after the n-th failure in a row (from 1).
pub(super) fn retry_ms(failures: u32, wished: Option<Duration>, share: f64) -> i64 {
    let doubled = FIRST_RETRY_MS << failures.saturating_sub(1).min(16);
    let own = doubled.min(LAST_RETRY_MS);
    let wished = wished.map_or(0, |wished| millis(wished).min(MOST_OBEYED_MS));
    // A tenth more at random: servers that failed together do not come back together.
    own.max(wished) + part(own / 10, share)
}

/// Whether a certificate is near its end: it should have been renewed long ago.
pub(super) fn is_endangered(from_ms: i64, to_ms: i64, now_ms: i64) -> bool {
    let life = to_ms.saturating_sub(from_ms).max(0);
    to_ms.saturating_sub(now_ms) < (life / 5).min(ENDANGERED_MS)
}

/// Whether somebody should look at a name.
pub(super) fn is_in_need(named: &Named, now_ms: i64) -> bool {
    let failures = named.trouble.as_ref().map_or(0, |trouble| trouble.failures);
    match &named.issued {
        None => failures >= MANY_FAILURES,
        Some(issued) => is_endangered(issued.from_ms, issued.to_ms, now_ms),
    }
}

/// Takes over what the authority suggests: another moment only for another window, so that it does not wander.
pub(super) fn suggested(issued: &mut Issued, window: Window, wished: Duration, share: f64, now_ms: i64) {
    issued.ask_at_ms = now_ms + ask_again_ms(wished);
    if issued.window != Some(window) {
        issued.window = Some(window);
        issued.renew_at_ms = moment(window, share).min(issued.to_ms);
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "spans of a few months in milliseconds"
)]
fn part(span_ms: i64, share: f64) -> i64 {
    (span_ms as f64 * share.clamp(0.0, 1.0)) as i64
}

#[cfg(test)]
mod tests {
    use super::super::kept::Trouble;
    use super::*;

    const DIRECTORY: &str = "https://acme.example/directory";

    fn issued() -> Issued {
        Issued {
            directory: DIRECTORY.into(),
            chain_pem: String::new(),
            key_pem: String::new(),
            from_ms: 0,
            to_ms: 90 * DAY_MS,
            renew_at_ms: 60 * DAY_MS,
            window: None,
            ask_at_ms: DAY_MS,
        }
    }

    fn trouble(failures: u32, next_ms: i64) -> Option<Trouble> {
        Some(Trouble {
            failures,
            last_ms: 0,
            next_ms,
            message: "no".into(),
        })
    }

    #[test]
    fn steps_follow_what_is_kept() {
        let with = |issued: Option<Issued>, trouble: Option<Trouble>| Named {
            issued,
            trouble,
            ..Named::default()
        };
        let elsewhere = Issued {
            directory: "https://staging.example/".into(),
            ..issued()
        };
        for (named, now_ms, expected) in [
            (with(None, None), 0, Step::Order),
            (with(None, trouble(1, 10)), 9, Step::Wait),
            (with(None, trouble(1, 10)), 10, Step::Order),
            (with(Some(issued()), None), 0, Step::Wait),
            (with(Some(issued()), None), DAY_MS, Step::Ask),
            (with(Some(issued()), None), 60 * DAY_MS, Step::Order),
            (
                with(Some(issued()), trouble(2, 61 * DAY_MS)),
                60 * DAY_MS,
                Step::Wait,
            ),
            (with(Some(elsewhere), None), 0, Step::Order),
        ] {
            assert_eq!(step(&named, DIRECTORY, now_ms), expected, "{named:?} at {now_ms}");
        }
    }

    #[test]
    fn renewals_leave_time_for_failures() {
        assert_eq!(usual_renewal(0, 90 * DAY_MS), 60 * DAY_MS);
        assert_eq!(usual_renewal(0, 6 * DAY_MS), 3 * DAY_MS);
        assert_eq!(usual_renewal(5, 5), 5);
        assert_eq!(usual_renewal(9, 5), 9);
    }

    #[test]
    fn a_window_is_kept_to_and_never_outlives_the_certificate() {
        let window = |start_ms, end_ms| Window { start_ms, end_ms };
        let mut certificate = issued();
        suggested(
            &mut certificate,
            window(100, 200),
            Duration::from_secs(3600),
            0.5,
            7,
        );
        assert_eq!(
            (certificate.renew_at_ms, certificate.ask_at_ms),
            (150, 7 + HOUR_MS)
        );
        suggested(&mut certificate, window(100, 200), Duration::from_secs(1), 0.9, 8);
        assert_eq!(
            (certificate.renew_at_ms, certificate.ask_at_ms),
            (150, 8 + MINUTE_MS)
        );
        suggested(&mut certificate, window(300, 200), Duration::MAX, 0.9, 8);
        assert_eq!(
            (certificate.renew_at_ms, certificate.ask_at_ms),
            (300, 8 + DAY_MS)
        );
        let beyond = window(91 * DAY_MS, 99 * DAY_MS);
        suggested(&mut certificate, beyond, Duration::ZERO, 1.0, 8);
        assert_eq!(certificate.renew_at_ms, certificate.to_ms);
    }

    #[test]
    fn waits_grow_and_the_authority_is_obeyed() {
        for (failures, expected) in [
            (1, 5 * MINUTE_MS),
            (2, 10 * MINUTE_MS),
            (4, 40 * MINUTE_MS),
            (9, 1280 * MINUTE_MS),
            (10, DAY_MS),
            (u32::MAX, DAY_MS),
        ] {
            assert_eq!(retry_ms(failures, None, 0.0), expected, "{failures}");
        }
        assert_eq!(retry_ms(1, None, 1.0), 5 * MINUTE_MS + MINUTE_MS / 2);
        let hours = Duration::from_secs(2 * 3600);
        assert_eq!(retry_ms(1, Some(hours), 0.0), 2 * HOUR_MS);
        assert_eq!(retry_ms(1, Some(Duration::MAX), 0.0), 7 * DAY_MS);
    }

    #[test]
    fn somebody_is_told_before_it_is_late() {
        let mut named = Named {
            issued: Some(issued()),
            ..Named::default()
        };
        assert!(!is_in_need(&named, 75 * DAY_MS));
        assert!(is_in_need(&named, 77 * DAY_MS));
        assert!(!is_endangered(0, 6 * DAY_MS, 4 * DAY_MS));
        assert!(is_endangered(0, 6 * DAY_MS, 5 * DAY_MS));
        named.issued = None;
        assert!(!is_in_need(&named, 0));
        named.trouble = trouble(2, 0);
        assert!(!is_in_need(&named, 0));
        named.trouble = trouble(3, 0);
        assert!(is_in_need(&named, 0));
    }
}
