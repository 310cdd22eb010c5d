//! Where a postback stands after an attempt: what its rule says of the answer, else what the status line says.

use super::item::Dispatch;
use crate::domain::postback::{AnswerVerdict, ErrorClass, FailReason, LaneKey, Outcome, PostbackState};
use crate::domain::retry::{self, RetryPolicy};

/// Whether a destination is called by a name, not by an address.
fn is_named(lane: &LaneKey) -> bool {
    let url = url::Url::parse(&lane.0).ok();
    url.is_some_and(|url| matches!(url.host(), Some(url::Host::Domain(_))))
}

/// What decides where a postback stands after an attempt.
pub(super) struct Settling<'a> {
    pub(super) dispatch: &'a Dispatch,
    pub(super) lane: &'a LaneKey,
    pub(super) policy: &'a RetryPolicy,
    pub(super) accepted_at_ms: i64,
    pub(super) now_ms: i64,
    pub(super) jitter: f64,
}

impl Settling<'_> {
    /// Where it stands, and the attempts that used up its schedule. What the rule says of the answer goes before its
    /// status line.
    pub(super) fn settle(&self, outcome: &Outcome, verdict: Option<AnswerVerdict>) -> (PostbackState, u16) {
        let (dispatch, at_ms) = (self.dispatch, self.now_ms);
        let used_up = if dispatch.is_manual {
            dispatch.attempts
        } else {
            dispatch.attempts.saturating_add(1)
        };
        match verdict {
            None => self.by_status(outcome),
            Some(AnswerVerdict::Delivered) => (PostbackState::Delivered { at_ms }, used_up),
            Some(AnswerVerdict::GiveUp) => {
                let reason = FailReason::RefusedByPartner;
                (PostbackState::Failed { at_ms, reason }, used_up)
            }
            // What concerns this postback alone, tried again over the whole schedule.
            Some(AnswerVerdict::Retry | AnswerVerdict::Stop) => self.by_status(&Outcome::Answered {
                status: 500,
                retry_after_s: retry::retry_after_s(outcome),
            }),
        }
    }

    /// A probe that found its destination still down, an attempt by hand, and one that the egress policy refused use up
    /// none.
    ///
    /// A name that led where nothing may be sent is tried again, and refused each time it does: names lead elsewhere for a
    /// while when their owner moves, or errs. An address is what it is.
    fn by_status(&self, outcome: &Outcome) -> (PostbackState, u16) {
        let Self {
            dispatch,
            policy,
            accepted_at_ms,
            now_ms,
            jitter,
            ..
        } = *self;
        let decide = |before, outcome: &Outcome| {
            retry::decide(before, outcome, policy, accepted_at_ms, now_ms, jitter)
        };
        let is_in_time = now_ms < policy.deadline_ms(accepted_at_ms);
        if dispatch.is_probe && retry::concerns_destination(outcome) && is_in_time {
            let floor_ms = retry::retry_after_s(outcome).map_or(i64::MIN, |s| now_ms + i64::from(s) * 1_000);
            let next = PostbackState::Waiting {
                due_at_ms: dispatch.due_at_ms.max(floor_ms),
            };
            return (next, dispatch.attempts);
        }
        if dispatch.is_manual {
            return (
                decide(dispatch.attempts.saturating_sub(1), outcome),
                dispatch.attempts,
            );
        }
        if retry::is_refused(outcome) && is_named(self.lane) {
            let missing = Outcome::Error {
                class: ErrorClass::Dns,
                message: String::new(),
            };
            let next = match decide(dispatch.attempts, &missing) {
                PostbackState::Failed { at_ms, .. } => PostbackState::Failed {
                    at_ms,
                    reason: FailReason::EgressRefused,
                },
                next => next,
            };
            return (next, dispatch.attempts.saturating_add(1));
        }
        match decide(dispatch.attempts, outcome) {
            refused @ PostbackState::Failed {
                reason: FailReason::EgressRefused,
                ..
            } => (refused, dispatch.attempts),
            next => (next, dispatch.attempts.saturating_add(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::PostbackId;
    use std::sync::LazyLock;

    const NOW: i64 = 1_763_000_000_000;
    static NAMED: LazyLock<LaneKey> = LazyLock::new(|| LaneKey::of("https://a.example/").unwrap());
    static OF_ADDRESS: LazyLock<LaneKey> = LazyLock::new(|| LaneKey::of("http://192.0.2.1/").unwrap());

    fn dispatch() -> Dispatch {
        Dispatch {
            slot: 0,
            id: PostbackId::new(NOW, 1),
            attempts: 3,
            number: 9,
            due_at_ms: NOW - 5_000,
            is_probe: false,
            is_manual: false,
        }
    }

    fn settled(dispatch: &Dispatch, outcome: &Outcome, now_ms: i64) -> (PostbackState, u16) {
        settling(dispatch, false, &RetryPolicy::default(), now_ms).settle(outcome, None)
    }

    fn settling<'a>(
        dispatch: &'a Dispatch,
        is_named: bool,
        policy: &'a RetryPolicy,
        now_ms: i64,
    ) -> Settling<'a> {
        Settling {
            dispatch,
            lane: if is_named { &NAMED } else { &OF_ADDRESS },
            policy,
            accepted_at_ms: NOW,
            now_ms,
            jitter: 0.0,
        }
    }

    #[test]
    fn what_the_rule_says_of_an_answer_goes_before_its_status() {
        use AnswerVerdict as V;
        let policy = RetryPolicy::default();
        let read = |verdict| {
            let asked = Outcome::Answered {
                status: 200,
                retry_after_s: Some(900),
            };
            settling(&dispatch(), false, &policy, NOW).settle(&asked, verdict)
        };
        assert_eq!(read(Some(V::Retry)), (waiting(NOW + 900_000), 4));
        assert_eq!(
            read(Some(V::Delivered)),
            (PostbackState::Delivered { at_ms: NOW }, 4)
        );
        let refused = PostbackState::Failed {
            at_ms: NOW,
            reason: FailReason::RefusedByPartner,
        };
        assert_eq!(read(Some(V::GiveUp)), (refused, 4));
        assert_eq!(read(None), (PostbackState::Delivered { at_ms: NOW }, 4));
    }

    fn error(class: ErrorClass) -> Outcome {
        Outcome::Error {
            class,
            message: String::new(),
        }
    }

    fn waiting(due_at_ms: i64) -> PostbackState {
        PostbackState::Waiting { due_at_ms }
    }

    #[test]
    fn an_attempt_uses_up_the_schedule() {
        assert_eq!(
            settled(&dispatch(), &error(ErrorClass::Timeout), NOW),
            (waiting(NOW + 600_000), 4)
        );
    }

    #[test]
    fn a_probe_of_a_dead_destination_uses_up_nothing_until_the_time_is_over() {
        let probe = Dispatch {
            is_probe: true,
            ..dispatch()
        };
        assert_eq!(
            settled(&probe, &error(ErrorClass::Connect), NOW),
            (waiting(NOW - 5_000), 3)
        );
        let busy = Outcome::Answered {
            status: 503,
            retry_after_s: Some(60),
        };
        assert_eq!(settled(&probe, &busy, NOW), (waiting(NOW + 60_000), 3));
        let answered = Outcome::Answered {
            status: 500,
            retry_after_s: None,
        };
        assert_eq!(settled(&probe, &answered, NOW), (waiting(NOW + 600_000), 4));
        let late = NOW + 97 * 3_600_000;
        assert_eq!(
            settled(&probe, &error(ErrorClass::Connect), late).0,
            PostbackState::Failed {
                at_ms: late,
                reason: FailReason::Expired
            }
        );
    }

    #[test]
    fn an_attempt_by_hand_repeats_its_step_of_the_schedule() {
        let manual = Dispatch {
            is_manual: true,
            ..dispatch()
        };
        assert_eq!(
            settled(&manual, &error(ErrorClass::Timeout), NOW),
            (waiting(NOW + 120_000), 3)
        );
    }

    #[test]
    fn a_name_that_leads_where_nothing_may_be_sent_is_tried_again() {
        let settled = |dispatch: &Dispatch, now_ms| {
            let refused = error(ErrorClass::Egress);
            settling(dispatch, true, &RetryPolicy::default(), now_ms).settle(&refused, None)
        };
        assert_eq!(settled(&dispatch(), NOW), (waiting(NOW + 600_000), 4));
        let late = NOW + 97 * 3_600_000;
        let failed = PostbackState::Failed {
            at_ms: late,
            reason: FailReason::EgressRefused,
        };
        assert_eq!(settled(&dispatch(), late).0, failed);
        let named = |url: &str| is_named(&LaneKey::of(url).unwrap());
        assert!(named("https://a.example/") && !named("http://10.0.0.1/") && !named("http://[::1]/"));
    }

    #[test]
    fn a_refused_address_is_no_attempt() {
        let (next, attempts) = settled(&dispatch(), &error(ErrorClass::Egress), NOW);
        assert_eq!(
            next,
            PostbackState::Failed {
                at_ms: NOW,
                reason: FailReason::EgressRefused
            }
        );
        assert_eq!(attempts, 3);
    }
}
