//! Sending postbacks: lanes, workers, what becomes of an attempt.
//!
//! | file | |
//! | --- | --- |
//! | [`sign`], `headers` | signatures, and what a request carries of ours |
//! | `looks` | asking later what became of what was taken |
//! | `filling`, `tokens` | secrets in their places; tokens that expire |
//! | [`holds`] | partners whose postbacks wait |
//! | [`ledger`] | the store as the scheduler sees it |
//! | `lane` | may a destination be sent to now: concurrency, breaker, pauses |
//! | `item`, `index`, `queue`, `caps`, `board` | what waits, and whose turn it is |
//! | [`survey`] | how much waits for held partners, and what will be too old |
//! | [`pause`] | an operator has paused delivery |
//! | `pool`, `settling` | worker threads, and the settlement of an attempt |
//! | `scheduler`, `inbox` | the thread that owns the board |
//! | `refusing` | which destinations answer, but not with 2xx |
//!
//! Decisions are pure (`lane`, `queue`, `caps`, `board`, [`crate::domain::retry`]); threads are here. It knows
//! the store only as a [`Ledger`].
//!
//! * 2026-11-21: nothing is leased. What is on the wire is known in memory only; a postback stays in flight
//!   until its outcome is durable, and after a crash everything that still waits in the store is due again.
//! * 2026-11-21: a probe of an open lane that fails uses up no attempt: a destination that is down for days
//!   must not exhaust the few postbacks that happen to be probed. It is recorded like every attempt.

mod board;
mod caps;
mod filling;
mod headers;
pub mod holds;
mod inbox;
mod index;
mod item;
mod lane;
pub mod ledger;
mod looks;
pub mod pause;
mod pool;
mod queue;
mod refusing;
mod scheduler;
mod settling;
pub mod sign;
pub mod survey;
mod tokens;

#[cfg(test)]
mod scheduler_tests;
#[cfg(test)]
mod testing;

use crate::domain::ids::{OfferId, PartnerId, PostbackId};
use crate::domain::partner::DeliverySettings;
use crate::domain::postback::{AnswerVerdict, Attempt, LaneKey, Origin, Postback, PostbackState, Request};
use crate::domain::retry::RetryPolicy;
use crate::domain::secret::PartnerSecret;
use crate::wire::{Client, ClientError, ClientOptions, Limits, threads};
use filling::Source;
use holds::HoldCause;
use inbox::{Event, Inbox};
use parking_lot::Mutex;
use refusing::Refusing;
use rust_decimal::prelude::ToPrimitive;
use std::collections::HashMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokens::{Tokens, Unfilled};

pub use self::filling::RuleTerms;

/// How long [`Delivery::snapshot`] waits for the scheduler.
const SNAPSHOT_PATIENCE: Duration = Duration::from_secs(1);

/// How the postbacks of a partner are sent.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryPolicy {
    /// To connect, TLS handshake included.
    pub connect_timeout: Duration,
    /// The whole exchange.
    pub timeout: Duration,
    /// When it is tried again, and for how long.
    pub retry: RetryPolicy,
    /// Requests per second, above 0.
    pub max_per_second: Option<f64>,
    /// Concurrent requests.
    pub max_concurrent: Option<u16>,
    /// Nothing is sent now.
    pub hold: Option<HoldCause>,
}

impl Default for DeliveryPolicy {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            timeout: Duration::from_secs(10),
            retry: RetryPolicy::default(),
            max_per_second: None,
            max_concurrent: None,
            hold: None,
        }
    }
}

impl DeliveryPolicy {
    /// This policy with what a partner sets in its place.
    #[must_use]
    pub fn with(&self, settings: &DeliverySettings) -> Self {
        let rate = settings.max_per_second.and_then(|rate| rate.to_f64());
        Self {
            connect_timeout: self.connect_timeout,
            timeout: settings
                .timeout_s
                .map_or(self.timeout, |s| Duration::from_secs(u64::from(s.clamp(1, 30)))),
            retry: self.retry.with(settings),
            max_per_second: rate.filter(|rate| *rate > 0.0).or(self.max_per_second),
            max_concurrent: settings.max_concurrent.or(self.max_concurrent),
            hold: self.hold,
        }
    }

    fn limits(&self) -> Limits {
        Limits {
            connect: self.connect_timeout,
            total: self.timeout,
        }
    }
}

/// What the scheduler needs of the store and the recorder. All methods may be called from any thread.
pub trait Ledger: Send + Sync + 'static {
    /// The waiting record of a postback; `None` when it waits no more or cannot be read.
    fn load(&self, id: PostbackId) -> Option<Arc<Postback>>;

    /// Waiting postbacks at start, streamed in the order of their ids.
    fn for_each_waiting(&self, f: &mut dyn FnMut(Postback));

    /// What became of a postback. Handed over to the recorder; `on_durable` is called once it is committed,
    /// and never when it is not.
    fn report(&self, done: Settlement, on_durable: Box<dyn FnOnce() + Send>);

    /// How postbacks of a partner (or of the advertiser's own servers) are sent.
    fn policy(&self, partner: Option<&PartnerId>, offer: &OfferId) -> DeliveryPolicy;

    /// What the rule that made a postback says of sending it.
    fn terms(&self, origin: &Origin) -> RuleTerms;

    /// A secret of a partner.
    fn secret(&self, owner: &PartnerId, name: &str) -> Option<PartnerSecret>;

    /// The whole address of the visitor of the conversion that a postback is about, if one is kept.
    fn address(&self, _postback: &Postback) -> Option<String> {
        None
    }

    /// Lets a partner's postbacks wait, from now on (`None`: those to the advertiser's own servers).
    fn hold(&self, partner: Option<&PartnerId>, cause: HoldCause, detail: &str);

    /// Lets them go on.
    fn release(&self, partner: Option<&PartnerId>);

    /// Ends the holds whose cause is gone. Asked every few seconds.
    fn tidy_holds(&self) {}

    /// Unix milliseconds.
    fn now_ms(&self) -> i64;

    /// Whether the store is down: nothing is sent whose outcome could not be kept.
    fn is_paused(&self) -> bool;
    /// Whether nothing may be sent because an operator said so: then what waits is not neglected.
    fn is_paused_by_operator(&self) -> bool {
        false
    }
}

/// What became of a postback, to be made durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// Which.
    pub postback: PostbackId,
    /// What was tried; `None` when it was given up without an attempt.
    pub attempt: Option<Attempt>,
    /// Where it stands.
    pub next: PostbackState,
    /// Attempts that used up the schedule.
    pub attempts: u16,
    /// What asks later what became of it.
    pub look: Option<Box<Postback>>,
}

/// How the pool is built.
#[derive(Debug, Clone)]
pub struct DeliveryOptions {
    /// Worker threads, 1 to 1024.
    pub workers: usize,
    /// How requests leave the machine.
    pub client: ClientOptions,
}

impl Default for DeliveryOptions {
    fn default() -> Self {
        Self {
            workers: 64,
            client: ClientOptions::default(),
        }
    }
}

/// Why delivery could not be started.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The HTTP client.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A thread.
    #[error(
        "a thread of the delivery cannot be started: {0}; raise the limit of processes, or lower delivery.workers"
    )]
    Thread(#[from] std::io::Error),
}

impl DeliveryError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Client(_) => "delivery_client",
            Self::Thread(_) => "delivery_thread",
        }
    }
}

/// How a lane stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LaneState {
    /// Its last contact was an answer.
    Healthy,
    /// Not heard of since the start.
    New,
    /// Failing or silent, the breaker still closed.
    Failing,
    /// The breaker is open: only probes go out.
    Open,
    /// It asked to be left alone (`Retry-After`).
    Paused,
}

/// A lane as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneView {
    /// Scheme, host and port.
    pub lane: LaneKey,
    /// How it stands.
    pub state: LaneState,
    /// Waiting postbacks, those in flight included.
    pub waiting: usize,
    /// Of these, due now or parked behind the breaker.
    pub ready: usize,
    /// On the wire.
    pub in_flight: usize,
    /// Requests at once that it would be sent.
    pub concurrency: u16,
    /// Failures in a row that concern the destination.
    pub failures_in_row: u16,
    /// When the next probe goes out, unix milliseconds, while the breaker is open.
    pub next_probe_at_ms: Option<i64>,
    /// Until when it asked to be left alone, unix milliseconds.
    pub paused_until_ms: Option<i64>,
}

/// The queue as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// Every lane that is known, the longest queue first.
    pub lanes: Vec<LaneView>,
    /// Waiting postbacks in all, those in flight included.
    pub waiting: usize,
    /// On the wire.
    pub on_wire: usize,
    /// Outcomes on their way to the disk.
    pub undurable: usize,
    /// Worker threads.
    pub workers: usize,
    /// Whether the waiting postbacks of before the start are still being read.
    pub is_scanning: bool,
    /// Postbacks that had outlived their time to live at the start, or when the clock leapt, as counted within a minute.
    pub overdue: usize,
}

/// Delivery, running.
pub struct Delivery {
    inbox: Arc<Inbox>,
    client: Arc<Client>,
    refusing: Arc<Refusing>,
    tokens: Arc<Tokens>,
    ledger: Arc<dyn Ledger>,
    threads: Mutex<Option<Threads>>,
    last_snapshot: Mutex<Snapshot>,
}

struct Threads {
    scheduler: JoinHandle<()>,
    scan: JoinHandle<()>,
    workers: Vec<JoinHandle<()>>,
}

impl Delivery {
    /// Starts the client, the scheduler and the workers; sending begins while the waiting postbacks are still being
    /// read.
    pub fn start(options: &DeliveryOptions, ledger: Arc<dyn Ledger>) -> Result<Self, DeliveryError> {
        let workers = options.workers.clamp(1, 1024);
        let client = Arc::new(Client::start(&options.client)?);
        let inbox = Arc::new(Inbox::default());
        let jobs = crossbeam_channel::bounded(workers);
        let refusing = Arc::new(Refusing::default());
        let tokens = Arc::new(Tokens::default());
        let tools = pool::Tools {
            client: client.clone(),
            ledger: ledger.clone(),
            inbox: inbox.clone(),
            refusing: refusing.clone(),
            tokens: tokens.clone(),
        };
        let worker_threads = pool::start(workers, &jobs.1, &tools)?;
        let (items, scanned) = crossbeam_channel::bounded(scheduler::SCAN_BATCHES);
        let scan = scheduler::start_scan(items, ledger.clone(), inbox.clone())?;
        let scheduler = scheduler::start(workers, jobs, scanned, ledger.clone(), inbox.clone())?;
        Ok(Self {
            inbox,
            client,
            refusing,
            tokens,
            ledger,
            threads: Mutex::new(Some(Threads {
                scheduler,
                scan,
                workers: worker_threads,
            })),
            last_snapshot: Mutex::default(),
        })
    }

    /// Tells of postbacks that were committed as waiting. Never waits; what is known already is known once.
    pub fn wake(&self, postbacks: Vec<Arc<Postback>>) {
        self.inbox.wake(postbacks);
    }

    /// Sends waiting postbacks now, whatever their due time; the attempt uses up none of the schedule.
    /// Unknown ones are ignored.
    pub fn resend_now(&self, ids: Vec<PostbackId>) {
        self.inbox.push(Event::MakeDue(ids));
    }

    /// Forgets postbacks whose records were settled by someone else. One on the wire ends first.
    pub fn cancel(&self, ids: Vec<PostbackId>) {
        self.inbox.push(Event::Cancel(ids));
    }

    /// Sends one request outside of every queue, for a test by an operator: same egress policy, same limits, same
    /// secrets, and `address` as the visitor's. What would hold the partner's postbacks is told as the failure of the attempt, and holds nothing.
    pub fn send_test(
        &self,
        id: PostbackId,
        request: &Request,
        policy: &DeliveryPolicy,
        (rule, address): (&RuleTerms, Option<&str>),
        now_ms: i64,
    ) -> Attempt {
        let terms = pool::Terms {
            number: 1,
            is_manual: true,
            at_ms: now_ms,
        };
        let source = Source {
            ledger: &*self.ledger,
            tokens: &self.tokens,
            client: &self.client,
            policy,
            now_ms,
            address: &|| address.map(str::to_owned),
        };
        let ready = source.fill(request, rule).map_err(|why| match why {
            Unfilled::Wrong(why) => why,
            Unfilled::NoAddress => "the visitor's whole address is not kept any more: test with the sample, or with a conversion of today".into(),
            Unfilled::Held(cause, detail) => match cause {
                HoldCause::SecretMissing => format!("the secret {detail} is not there: enter it on the partner's page"),
                HoldCause::SecretSealed => format!(
                    "the secret {detail} is sealed, and the sealing key is not at hand: give the server the file that `sealing.key_file` names"
                ),
                HoldCause::Stopped | HoldCause::TokenEndpoint | HoldCause::TokenRefused => {
                    format!("the token endpoint gave no token ({detail}); check the secrets that it is asked with")
                }
            },
        });
        let sending = pool::Sending {
            id,
            request,
            ready: &ready,
            answers: rule.answers.as_ref(),
        };
        let (attempt, _) = pool::attempt(&self.client, &sending, policy, terms);
        if attempt.verdict == Some(AnswerVerdict::Stop)
            && let (Ok(ready), Some(owner)) = (&ready, &rule.owner)
        {
            for name in &ready.tokens {
                self.tokens.refused(owner.as_str(), name, now_ms, now_ms);
            }
        }
        attempt
    }

    /// The way out for requests that are no postbacks.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// Destinations that answered at least three different postbacks in a row with something else than 2xx,
    /// with the last status.
    pub fn refusing(&self) -> HashMap<LaneKey, u16> {
        self.refusing.list()
    }

    /// The queue as it stands; the last known one when the scheduler does not answer within a second.
    pub fn snapshot(&self) -> Snapshot {
        let (reply, answer) = crossbeam_channel::bounded(1);
        self.inbox.push(Event::Snapshot(reply));
        let mut last = self.last_snapshot.lock();
        if let Ok(snapshot) = answer.recv_timeout(SNAPSHOT_PATIENCE) {
            *last = snapshot;
        }
        last.clone()
    }

    /// For how long the longest neglected postback waits whose lane may send now; 0 when there is none. Grows
    /// while the store is down, the workers are all held, or the scheduler stands still; never because a
    /// destination is down.
    pub fn oldest_due_age_ms(&self) -> i64 {
        self.inbox.neglect_ms()
    }

    /// Stops claiming, lets what is on the wire end until `deadline`, and ends the threads. What is still on
    /// the wire then is sent again after the next start. The recorder must outlive this call.
    pub fn stop(&self, deadline: Instant) {
        let Some(threads) = self.threads.lock().take() else {
            return;
        };
        self.inbox.push(Event::Stop(deadline));
        // The scheduler itself keeps the deadline; a moment more covers its last turn.
        let grace = deadline + Duration::from_millis(500);
        let mut left = threads::join_by(vec![threads.scheduler, threads.scan], grace);
        left += threads::join_by(threads.workers, grace);
        self.client.stop(grace);
        if left > 0 {
            tracing::warn!(
                code = "delivery_stop_late",
                threads = left,
                "some exchanges did not end in time; their postbacks are sent again after the next start"
            );
        }
    }
}
