//! The worker threads: load, send, settle, report. Each carries out one exchange at a time and decides nothing
//! about whose turn it is.

use super::inbox::{Event, Inbox};
use super::item::{Dispatch, Ended};
use super::refusing::Refusing;
use super::sender::{Exchange, Sender};
use super::sign::Signer;
use super::{DeliveryPolicy, Ledger, Settlement};
use crate::domain::ids::PostbackId;
use crate::domain::postback::{Attempt, ErrorClass, FailReason, Outcome, Postback, PostbackState, Request};
use crate::domain::retry::{self, RetryPolicy};
use crate::priority::{self, Step};
use crossbeam_channel::Receiver;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A worker's stack; an exchange needs little of it.
const STACK_BYTES: usize = 512 * 1024;

/// One postback to be sent.
pub(crate) struct Job {
    /// Which, and under what terms.
    pub dispatch: Dispatch,
    /// Its record, when it is at hand.
    pub record: Option<Arc<Postback>>,
}

/// What every worker works with.
#[derive(Clone)]
pub(super) struct Tools {
    pub(super) sender: Arc<Sender>,
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) inbox: Arc<Inbox>,
    pub(super) refusing: Arc<Refusing>,
}

/// Starts `count` threads named `sender-N`.
pub(super) fn start(
    count: usize,
    jobs: &Receiver<Job>,
    tools: &Tools,
) -> std::io::Result<Vec<JoinHandle<()>>> {
    let start_one = |n| {
        let worker = Worker(tools.clone());
        let jobs = jobs.clone();
        std::thread::Builder::new()
            .name(format!("sender-{n}"))
            .stack_size(STACK_BYTES)
            .spawn(move || {
                priority::step_back(Step::Last);
                jobs.iter().for_each(|job| worker.carry_out(job));
            })
    };
    (1..=count).map(start_one).collect()
}

/// Waits until `deadline` for threads to end, and answers how many have not.
pub(crate) fn join_by(mut threads: Vec<JoinHandle<()>>, deadline: Instant) -> usize {
    loop {
        let (ended, running): (Vec<_>, Vec<_>) = threads.into_iter().partition(JoinHandle::is_finished);
        for thread in ended {
            let name = thread.thread().name().unwrap_or("unnamed").to_owned();
            if thread.join().is_err() {
                tracing::error!(code = "thread_panicked", name, "a thread ended with a panic");
            }
        }
        threads = running;
        if threads.is_empty() || Instant::now() >= deadline {
            return threads.len();
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

struct Worker(Tools);

impl Worker {
    fn carry_out(&self, job: Job) {
        let dispatch = job.dispatch;
        let Ok(done) = catch_unwind(AssertUnwindSafe(|| self.send(job))) else {
            tracing::error!(code = "worker_panicked", postback = %dispatch.id, "a postback could not be prepared because of a defect; it is tried again in a minute");
            return self.0.inbox.push(Event::Missing(dispatch));
        };
        let Some((ended, settlement)) = done else {
            return self.0.inbox.push(Event::Missing(dispatch));
        };
        // Told first: the worker's place is free, though the postback stays in flight until this is durable.
        self.0.inbox.push(Event::Ended(ended));
        report(&self.0.ledger, &self.0.inbox, dispatch.slot, settlement);
    }

    /// `None` when there is no record to send.
    fn send(&self, job: Job) -> Option<(Ended, Settlement)> {
        let dispatch = job.dispatch;
        let postback = job.record.or_else(|| self.0.ledger.load(dispatch.id))?;
        let policy = self.0.ledger.policy(postback.partner.as_ref(), &postback.offer);
        let now_ms = self.0.ledger.now_ms();
        let accepted_at_ms = postback.accepted_at_ms();
        if now_ms >= policy.retry.deadline_ms(accepted_at_ms) {
            let is_answered = postback
                .last
                .as_ref()
                .is_some_and(|last| matches!(last.outcome, Outcome::Answered { .. }));
            let next = PostbackState::Failed {
                at_ms: now_ms,
                reason: retry::given_up(is_answered),
            };
            return Some(done(dispatch, None, next, dispatch.attempts));
        }
        let secret = self.0.ledger.signing_secret(&postback.origin);
        let terms = Terms {
            number: dispatch.number,
            is_manual: dispatch.is_manual,
            at_ms: now_ms,
        };
        let attempt = attempt(
            &self.0.sender,
            postback.id,
            &postback.request,
            &policy,
            secret.as_deref(),
            terms,
        );
        self.0
            .refusing
            .note(&postback.lane, postback.id, &attempt.outcome);
        let (next, attempts) = settle(
            &dispatch,
            &attempt.outcome,
            &policy.retry,
            accepted_at_ms,
            self.0.ledger.now_ms(),
            rand::random(),
        );
        Some(done(dispatch, Some(attempt), next, attempts))
    }
}

fn done(
    dispatch: Dispatch,
    attempt: Option<Attempt>,
    next: PostbackState,
    attempts: u16,
) -> (Ended, Settlement) {
    let ended = Ended {
        dispatch,
        outcome: attempt.as_ref().map(|attempt| attempt.outcome.clone()),
        next,
        attempts,
    };
    let settlement = Settlement {
        postback: dispatch.id,
        attempt,
        next,
        attempts,
    };
    (ended, settlement)
}

/// Hands an outcome to the recorder; the scheduler is told once it is durable.
pub(crate) fn report(ledger: &Arc<dyn Ledger>, inbox: &Arc<Inbox>, slot: u32, settlement: Settlement) {
    let id = settlement.postback;
    let told = inbox.clone();
    let on_durable = Box::new(move || told.push(Event::Durable(slot, id)));
    if catch_unwind(AssertUnwindSafe(|| ledger.report(settlement, on_durable))).is_err() {
        tracing::error!(code = "report_panicked", postback = %id, "an outcome could not be handed over because of a defect; the postback is sent again after a restart");
    }
}

/// The terms of one attempt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// From 1.
    pub number: u16,
    /// An operator asked for it.
    pub is_manual: bool,
    /// Unix milliseconds.
    pub at_ms: i64,
}

/// One attempt, whatever happens.
pub(crate) fn attempt(
    sender: &Sender,
    id: PostbackId,
    request: &Request,
    policy: &DeliveryPolicy,
    signing_secret: Option<&str>,
    terms: Terms,
) -> Attempt {
    let begun = Instant::now();
    let internal = |message: String| Exchange::failed(ErrorClass::Internal, message, begun.elapsed());
    let exchange = match signing_secret.map(Signer::parse).transpose() {
        // Never unsigned what should be signed.
        Err(error) => internal(error.to_string()),
        Ok(signer) => catch_unwind(AssertUnwindSafe(|| {
            sender.send(id, request, policy.limits(), signer.as_ref(), terms.at_ms)
        }))
        .unwrap_or_else(|_| {
            tracing::error!(code = "send_panicked", postback = %id, "an attempt ended because of a defect");
            internal("a defect in the server ended the attempt; please report it with the log".into())
        }),
    };
    Attempt {
        number: terms.number,
        at_ms: terms.at_ms,
        duration_ms: u32::try_from(exchange.duration.as_millis()).unwrap_or(u32::MAX),
        url: request.url.clone(),
        outcome: exchange.outcome,
        headers: exchange.headers,
        excerpt: exchange.excerpt,
        remote_addr: exchange.remote_addr.map(|address| address.to_string()),
        is_manual: terms.is_manual,
    }
}

/// Where a postback stands after an attempt, and the attempts that used up its schedule. A probe that found
/// its destination still down, an attempt by hand, and one that the egress policy refused use up none.
fn settle(
    dispatch: &Dispatch,
    outcome: &Outcome,
    policy: &RetryPolicy,
    accepted_at_ms: i64,
    now_ms: i64,
    jitter: f64,
) -> (PostbackState, u16) {
    let decide = |before| retry::decide(before, outcome, policy, accepted_at_ms, now_ms, jitter);
    let is_in_time = now_ms < policy.deadline_ms(accepted_at_ms);
    if dispatch.is_probe && retry::concerns_destination(outcome) && is_in_time {
        let floor_ms = retry::retry_after_s(outcome).map_or(i64::MIN, |s| now_ms + i64::from(s) * 1_000);
        let next = PostbackState::Waiting {
            due_at_ms: dispatch.due_at_ms.max(floor_ms),
        };
        return (next, dispatch.attempts);
    }
    if dispatch.is_manual {
        return (decide(dispatch.attempts.saturating_sub(1)), dispatch.attempts);
    }
    match decide(dispatch.attempts) {
        refused @ PostbackState::Failed {
            reason: FailReason::EgressRefused,
            ..
        } => (refused, dispatch.attempts),
        next => (next, dispatch.attempts.saturating_add(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_763_000_000_000;

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
        settle(dispatch, outcome, &RetryPolicy::default(), NOW, now_ms, 0.0)
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
