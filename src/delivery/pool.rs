//! The worker threads: load, send, settle, report. Each carries out one exchange at a time and decides nothing
//! about whose turn it is.

use super::filling::{Ready, RuleTerms, Source};
use super::headers::with_our_headers;
use super::holds::HoldCause;
use super::inbox::{Event, Inbox};
use super::item::{Dispatch, Ended};
use super::looks;
use super::refusing::Refusing;
use super::settling::Settling;
use super::sign::Signer;
use super::tokens::{Tokens, Unfilled};
use super::{DeliveryPolicy, Ledger, Settlement};
use crate::domain::answer;
use crate::domain::ids::{PartnerId, PostbackId};
use crate::domain::postback::{
    AnswerVerdict, Attempt, ErrorClass, FailReason, Outcome, Postback, PostbackState, Request,
};
use crate::domain::rule::AnswerPolicy;
use crate::domain::template::hole;
use crate::priority::{self, Step};
use crate::wire::{self, Client, Exchange};
use crossbeam_channel::Receiver;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

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
    pub(super) client: Arc<Client>,
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) inbox: Arc<Inbox>,
    pub(super) refusing: Arc<Refusing>,
    pub(super) tokens: Arc<Tokens>,
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
        let ledger = &self.0.ledger;
        let postback = job.record.or_else(|| ledger.load(dispatch.id))?;
        let now_ms = ledger.now_ms();
        if postback.expires_at_ms.is_some_and(|at_ms| now_ms >= at_ms) {
            return Some(given_up(dispatch, now_ms, FailReason::TooOld));
        }
        let rule = ledger.terms(&postback.origin);
        let account = postback.partner.as_ref().or(rule.owner.as_ref());
        let policy = ledger.policy(account, &postback.offer);
        if let Some(cause) = policy.hold.filter(|cause| !cause.is_probed()) {
            return Some(waits(dispatch, cause));
        }
        let source = Source {
            ledger: &**ledger,
            tokens: &self.0.tokens,
            client: &self.0.client,
            policy: &policy,
            now_ms,
            address: &|| ledger.address(&postback),
        };
        let ready = match source.fill(&postback.request, &rule) {
            Err(Unfilled::Held(cause, detail)) => {
                ledger.hold(account, cause, &detail);
                return Some(waits(dispatch, cause));
            }
            Err(Unfilled::NoAddress) => return Some(given_up(dispatch, now_ms, FailReason::NoAddress)),
            Err(Unfilled::Wrong(why)) => Err(why),
            Ok(ready) => Ok(ready),
        };
        if policy.hold.is_some() && ready.is_ok() {
            ledger.release(account);
        }
        Some(self.send_ready(dispatch, &postback, &rule, &policy, ready))
    }

    /// One attempt and what follows from it; `ready` is the request with its secrets, or why there is none.
    fn send_ready(
        &self,
        dispatch: Dispatch,
        postback: &Postback,
        rule: &RuleTerms,
        policy: &DeliveryPolicy,
        ready: Result<Ready, String>,
    ) -> (Ended, Settlement) {
        let ledger = &self.0.ledger;
        let account = postback.partner.as_ref().or(rule.owner.as_ref());
        let terms = Terms {
            number: dispatch.number,
            is_manual: dispatch.is_manual,
            at_ms: ledger.now_ms(),
        };
        let sending = Sending {
            id: postback.id,
            request: &postback.request,
            ready: &ready,
            answers: match (&rule.second_look, postback.looks_at) {
                (Some(look), Some(_)) => Some(&look.answers),
                _ => rule.answers.as_ref(),
            },
        };
        let (attempt, body) = attempt(&self.0.client, &sending, policy, terms);
        // A refused token is told as such, not as a destination that refuses.
        if attempt.verdict != Some(AnswerVerdict::Stop) {
            let outcome = as_taken(&attempt);
            self.0.refusing.note(&postback.lane, postback.id, &outcome);
        }
        if attempt.verdict == Some(AnswerVerdict::Stop)
            && let Some(partner) = account
        {
            return self.stopped(dispatch, attempt, partner, rule, ready.ok());
        }
        let settling = Settling {
            dispatch: &dispatch,
            lane: &postback.lane,
            policy: &policy.retry,
            accepted_at_ms: postback.accepted_at_ms(),
            now_ms: ledger.now_ms(),
            jitter: rand::random(),
        };
        let (next, attempts) = settling.settle(&attempt.outcome, attempt.verdict);
        let is_taken = matches!(next, PostbackState::Delivered { .. });
        let look = if is_taken {
            looks::after(postback, &body, rule, settling.now_ms)
        } else {
            None
        };
        let (ended, mut settlement) = done(dispatch, Some(attempt), next, attempts);
        settlement.look = look.map(Box::new);
        (ended, settlement)
    }

    /// The partner refused our token or account: everything for it waits, this one too, and nothing is used up. A token
    /// that came from an endpoint is asked for once more before that.
    fn stopped(
        &self,
        dispatch: Dispatch,
        attempt: Attempt,
        partner: &PartnerId,
        rule: &RuleTerms,
        ready: Option<Ready>,
    ) -> (Ended, Settlement) {
        // From before its tokens were fetched, so that one that was made for this request is not taken for an old one.
        let known = ready.map(|ready| (ready.tokens, ready.began_ms));
        let (tokens, began_ms) = known.unwrap_or_default();
        let (owner, now_ms) = (rule.owner.as_ref(), self.0.ledger.now_ms());
        let renewed = owner.is_some_and(|owner| {
            let refused = |name: &String| self.0.tokens.refused(owner.as_str(), name, began_ms, now_ms);
            // Each of them is let go.
            tokens
                .iter()
                .map(refused)
                .fold(false, |any, renewed| any | renewed)
        });
        if !renewed {
            let status = match attempt.outcome {
                Outcome::Answered { status, .. } => status.to_string(),
                Outcome::Error { .. } => String::new(),
            };
            let detail = format!("{status} {}", attempt.said);
            self.0
                .ledger
                .hold(Some(partner), HoldCause::TokenRefused, detail.trim());
        }
        let next = PostbackState::Waiting {
            due_at_ms: dispatch.due_at_ms,
        };
        let (mut ended, settlement) = done(dispatch, Some(attempt), next, dispatch.attempts);
        ended.held = (!renewed).then_some(HoldCause::TokenRefused);
        (ended, settlement)
    }
}

/// Nothing was sent, and nothing will be.
fn given_up(dispatch: Dispatch, at_ms: i64, reason: FailReason) -> (Ended, Settlement) {
    let next = PostbackState::Failed { at_ms, reason };
    done(dispatch, None, next, dispatch.attempts)
}

/// Nothing was sent: the partner's postbacks wait.
fn waits(dispatch: Dispatch, cause: HoldCause) -> (Ended, Settlement) {
    let next = PostbackState::Waiting {
        due_at_ms: dispatch.due_at_ms,
    };
    let (mut ended, settlement) = done(dispatch, None, next, dispatch.attempts);
    ended.held = Some(cause);
    (ended, settlement)
}

/// The outcome of an attempt, as if an answer that its rule takes for a delivery were one.
fn as_taken(attempt: &Attempt) -> Outcome {
    match attempt.verdict {
        Some(AnswerVerdict::Delivered) => Outcome::Answered {
            status: 200,
            retry_after_s: None,
        },
        Some(_) | None => attempt.outcome.clone(),
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
        held: None,
    };
    let settlement = Settlement {
        postback: dispatch.id,
        attempt,
        next,
        attempts,
        look: None,
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

/// What an attempt sends.
pub(super) struct Sending<'a> {
    pub(super) id: PostbackId,
    /// As it is stored, holes and all.
    pub(super) request: &'a Request,
    /// With its secrets, or why there is no such request.
    pub(super) ready: &'a Result<Ready, String>,
    pub(super) answers: Option<&'a AnswerPolicy>,
}

/// One attempt, whatever happens, and the body of its answer as it came.
pub(super) fn attempt(
    client: &Client,
    sending: &Sending<'_>,
    policy: &DeliveryPolicy,
    terms: Terms,
) -> (Attempt, String) {
    let exchange = exchange(client, sending, policy, terms);
    let mask = |text: &str| match sending.ready {
        Ok(ready) => ready.filled.mask(text),
        Err(_) => text.to_owned(),
    };
    let reading = match (&exchange.outcome, sending.answers) {
        (Outcome::Answered { status, .. }, Some(answers)) => answer::read(answers, *status, &exchange.body),
        _ => answer::Reading::default(),
    };
    let headers = exchange.headers.into_iter();
    let attempt = Attempt {
        number: terms.number,
        at_ms: terms.at_ms,
        duration_ms: u32::try_from(exchange.duration.as_millis()).unwrap_or(u32::MAX),
        url: wire::masked(&hole::shown(&sending.request.url)),
        outcome: match exchange.outcome {
            Outcome::Error { class, message } => Outcome::Error {
                class,
                message: mask(&message),
            },
            answered @ Outcome::Answered { .. } => answered,
        },
        headers: headers.map(|(name, value)| (name, mask(&value))).collect(),
        excerpt: Exchange::excerpt_of(&mask(&exchange.body)),
        remote_addr: exchange.remote_addr.map(|address| address.to_string()),
        is_manual: terms.is_manual,
        verdict: reading.verdict,
        said: mask(&reading.said),
    };
    (attempt, exchange.body)
}

fn exchange(client: &Client, sending: &Sending<'_>, policy: &DeliveryPolicy, terms: Terms) -> Exchange {
    let begun = Instant::now();
    let internal = |message: String| Exchange::failed(ErrorClass::Internal, message, begun.elapsed());
    let ready = match sending.ready {
        Ok(ready) => ready,
        Err(why) => return internal(why.clone()),
    };
    match ready.signing_secret.as_deref().map(Signer::parse).transpose() {
        // Never unsigned what should be signed.
        Err(error) => internal(error.to_string()),
        Ok(signer) => catch_unwind(AssertUnwindSafe(|| {
            let request = with_our_headers(sending.id, &ready.filled.request, signer.as_ref(), terms.at_ms);
            let nth = usize::from(terms.number.saturating_sub(1));
            client.exchange_again(&request, policy.limits(), terms.at_ms, nth)
        }))
        .unwrap_or_else(|_| {
            tracing::error!(code = "send_panicked", postback = %sending.id, "an attempt ended because of a defect");
            internal("a defect in the server ended the attempt; please report it with the log".into())
        }),
    }
}
