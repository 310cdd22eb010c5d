//! Whether a destination may be sent to now, and how much at once: the state machine of one lane. Pure: it is
//! told the time (milliseconds of a clock that never leaps) and what happened, and knows no postbacks.
//!
//! Concurrency starts at 4, grows by 1/n with every 2xx and shrinks by 1/n with every failure that weighs on
//! the destination. Five failures in a row that concern the destination as a whole open the breaker; then one
//! probe goes out at 1, 2, 4 ... 60 s until one is answered, and concurrency grows again from 1, doubling each
//! round. After Postfix's scheduler, see its SCHEDULER_README.
//!
//! * 2026-11-21: any answer that does not concern the destination, a 404 or 500 too, ends a row of failures and
//!   counts as recovery: the destination lives, and what it thinks of one postback is not the lane's business.
//! * 2026-11-21: three standings. *Good*: its last contact was an answer. *New*: never heard of since the
//!   start; one request at a time until it answers. *Bad*: failing, or silent for longer than a second while
//!   something is on the wire; all bad lanes together hold at most a quarter of the workers. New and bad ones
//!   together hold at most three quarters, so a good lane always finds a worker.

use crate::domain::postback::Outcome;
use crate::domain::retry;

/// Requests at once to a lane that has answered.
const START: f64 = 4.0;
/// Requests at once to any lane.
const CEILING: u16 = 20;
/// Failures in a row that open the breaker.
const FAILURES_TO_OPEN: u16 = 5;
/// The longest time between probes.
const MOST_BETWEEN_PROBES_MS: i64 = 60_000;
/// `Retry-After` of a 429 or 503 pauses the lane, at most this long (15 min).
const MOST_PAUSE_MS: i64 = 15 * 60 * 1_000;
/// A lane that is silent for this long with requests on the wire is not good.
const SLOW_MS: i64 = 1_000;

/// How the scheduler sees a lane when it divides the workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Its last contact was an answer.
    Good,
    /// Not heard of yet.
    New,
    /// Failing or silent.
    Bad,
}

/// Whether a request may go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permit {
    /// An ordinary one.
    Send,
    /// One probe.
    Probe,
    /// Not before this time.
    NotBefore(i64),
    /// Not before something on the wire ends.
    Full,
}

/// What an outcome changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing of note.
    None,
    /// The breaker opened.
    Opened,
    /// The destination answered again, or for the first time since notes said that it was failing.
    Recovered,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Breaker {
    Closed,
    Open {
        probe_at_ms: i64,
        probes: u32,
        is_probing: bool,
    },
}

/// One destination.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    limit: f64,
    ceiling: u16,
    on_wire: u16,
    breaker: Breaker,
    is_ramping: bool,
    is_suspect: bool,
    failures_in_row: u16,
    has_answered: bool,
    paused_until_ms: i64,
    /// When the destination last answered, or when the wire was last empty before the present requests.
    silent_since_ms: i64,
    /// When something on the wire last ended.
    freed_at_ms: i64,
}

impl Lane {
    /// A lane that has not been heard of, in a pool of so many workers.
    pub(crate) fn new(workers: usize) -> Self {
        let share = u16::try_from(workers / 4).unwrap_or(u16::MAX);
        Self {
            limit: 1.0,
            ceiling: share.clamp(1, CEILING),
            on_wire: 0,
            breaker: Breaker::Closed,
            is_ramping: false,
            is_suspect: false,
            failures_in_row: 0,
            has_answered: false,
            paused_until_ms: i64::MIN,
            silent_since_ms: 0,
            freed_at_ms: i64::MIN,
        }
    }

    /// Notes from before the start say that the destination was failing.
    pub(crate) fn suspect(&mut self) {
        if !self.has_answered && self.failures_in_row == 0 {
            self.failures_in_row = 1;
            self.is_suspect = true;
        }
    }

    /// From when on it could send, as far as the lane itself is concerned.
    pub(crate) fn may_send_since_ms(&self) -> i64 {
        self.paused_until_ms.max(self.freed_at_ms)
    }

    /// Where it stands when workers are divided.
    pub(crate) fn standing(&self, now_ms: i64) -> Standing {
        let is_silent = self.on_wire > 0 && now_ms - self.silent_since_ms > SLOW_MS;
        if self.is_open() || self.failures_in_row > 0 || is_silent {
            Standing::Bad
        } else if self.has_answered {
            Standing::Good
        } else {
            Standing::New
        }
    }

    /// Whether a request may go out now.
    pub(crate) fn permit(&self, now_ms: i64) -> Permit {
        if now_ms < self.paused_until_ms {
            return Permit::NotBefore(self.paused_until_ms);
        }
        match self.breaker {
            Breaker::Open { is_probing: true, .. } => Permit::Full,
            Breaker::Open { probe_at_ms, .. } if now_ms < probe_at_ms => Permit::NotBefore(probe_at_ms),
            Breaker::Open { .. } => Permit::Probe,
            Breaker::Closed if self.on_wire < self.concurrency() => Permit::Send,
            Breaker::Closed => Permit::Full,
        }
    }

    /// A request went out under the permit that was just given.
    pub(crate) fn sent(&mut self, now_ms: i64, is_probe: bool) {
        if self.on_wire == 0 {
            self.silent_since_ms = now_ms;
        }
        self.on_wire = self.on_wire.saturating_add(1);
        if let (Breaker::Open { is_probing, .. }, true) = (&mut self.breaker, is_probe) {
            *is_probing = true;
        }
    }

    /// A request that went out came to nothing without reaching the destination (refused by egress, or its
    /// record was gone): says nothing about it.
    pub(crate) fn returned(&mut self, now_ms: i64, is_probe: bool) {
        self.freed_at_ms = now_ms;
        self.on_wire = self.on_wire.saturating_sub(1);
        if let (Breaker::Open { is_probing, .. }, true) = (&mut self.breaker, is_probe) {
            *is_probing = false;
        }
    }

    /// What came of a request.
    pub(crate) fn ended(&mut self, now_ms: i64, outcome: &Outcome, is_probe: bool) -> Change {
        self.returned(now_ms, is_probe);
        self.pause(now_ms, outcome);
        if retry::concerns_destination(outcome) {
            return self.failed(now_ms, is_probe);
        }
        if matches!(outcome, Outcome::Error { .. }) {
            // Not HTTP, or our own fault: neither a sign of life nor of death.
            self.shrink();
            return Change::None;
        }
        self.answered(now_ms, outcome)
    }

    fn pause(&mut self, now_ms: i64, outcome: &Outcome) {
        if let Outcome::Answered {
            status: 429 | 503, ..
        } = outcome
            && let Some(seconds) = retry::retry_after_s(outcome)
        {
            let pause_ms = (i64::from(seconds) * 1_000).min(MOST_PAUSE_MS);
            self.paused_until_ms = self.paused_until_ms.max(now_ms + pause_ms);
        }
    }

    fn failed(&mut self, now_ms: i64, is_probe: bool) -> Change {
        self.shrink();
        self.is_ramping = false;
        self.failures_in_row = self.failures_in_row.saturating_add(1);
        match &mut self.breaker {
            Breaker::Closed if self.failures_in_row >= FAILURES_TO_OPEN => {
                self.breaker = Breaker::Open {
                    probe_at_ms: now_ms + probe_delay_ms(0),
                    probes: 0,
                    is_probing: false,
                };
                self.limit = 1.0;
                Change::Opened
            }
            Breaker::Open {
                probe_at_ms, probes, ..
            } if is_probe => {
                *probes = probes.saturating_add(1);
                *probe_at_ms = now_ms + probe_delay_ms(*probes);
                Change::None
            }
            Breaker::Closed | Breaker::Open { .. } => Change::None,
        }
    }

    fn answered(&mut self, now_ms: i64, outcome: &Outcome) -> Change {
        self.failures_in_row = 0;
        self.silent_since_ms = now_ms;
        if !self.has_answered {
            self.has_answered = true;
            self.limit = self.limit.max(START.min(f64::from(self.ceiling)));
        }
        let was_suspect = std::mem::take(&mut self.is_suspect);
        if self.is_open() {
            self.breaker = Breaker::Closed;
            self.limit = 2.0_f64.min(f64::from(self.ceiling));
            self.is_ramping = true;
            return Change::Recovered;
        }
        match outcome {
            Outcome::Answered {
                status: 200..=299, ..
            } => self.grow(),
            Outcome::Answered {
                status: 500..=599, ..
            } => self.shrink(),
            Outcome::Answered { .. } | Outcome::Error { .. } => {}
        }
        if was_suspect {
            Change::Recovered
        } else {
            Change::None
        }
    }

    fn grow(&mut self) {
        let by = if self.is_ramping { 1.0 } else { 1.0 / self.limit };
        self.limit = (self.limit + by).min(f64::from(self.ceiling));
        if self.limit >= f64::from(self.ceiling) {
            self.is_ramping = false;
        }
    }

    fn shrink(&mut self) {
        self.limit = (self.limit - 1.0 / self.limit).max(1.0);
    }

    /// Whether the breaker is open.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.breaker, Breaker::Open { .. })
    }

    /// Whether it waits for the end of a `Retry-After`.
    pub(crate) fn is_paused(&self, now_ms: i64) -> bool {
        now_ms < self.paused_until_ms
    }

    /// When the next probe may go out, while the breaker is open.
    pub(crate) fn next_probe_ms(&self) -> Option<i64> {
        match self.breaker {
            Breaker::Open { probe_at_ms, .. } => Some(probe_at_ms.max(self.paused_until_ms)),
            Breaker::Closed => None,
        }
    }

    /// When the pause ends, if there was one.
    pub(crate) fn paused_until_ms(&self) -> Option<i64> {
        (self.paused_until_ms > i64::MIN).then_some(self.paused_until_ms)
    }

    /// Requests at once.
    pub(crate) fn concurrency(&self) -> u16 {
        // The limit lies between 1 and the ceiling.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "bounded by the line above"
        )]
        let whole = self.limit as u16;
        whole.clamp(1, self.ceiling)
    }

    /// Requests on the wire.
    pub(crate) fn on_wire(&self) -> u16 {
        self.on_wire
    }

    /// Failures in a row that concern the destination.
    pub(crate) fn failures_in_row(&self) -> u16 {
        self.failures_in_row
    }
}

fn probe_delay_ms(probes: u32) -> i64 {
    (1_000_i64 << probes.min(6)).min(MOST_BETWEEN_PROBES_MS)
}

/// How the workers are divided: what is on the wire now, and for whom one more may go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Shares {
    /// On the wire for bad lanes.
    pub bad: usize,
    /// On the wire for new lanes.
    pub new: usize,
}

impl Shares {
    /// Counts a lane's requests on the wire.
    pub(crate) fn add(&mut self, standing: Standing, on_wire: usize) {
        match standing {
            Standing::Good => {}
            Standing::New => self.new += on_wire,
            Standing::Bad => self.bad += on_wire,
        }
    }

    /// Whether a lane of this standing may take one more of `workers`.
    pub(crate) fn allow(self, standing: Standing, workers: usize) -> bool {
        let quarter = (workers / 4).max(1);
        let is_within_most = self.bad + self.new < workers.saturating_sub(quarter).max(1);
        match standing {
            Standing::Good => true,
            Standing::New => is_within_most,
            Standing::Bad => self.bad < quarter && is_within_most,
        }
    }
}

#[cfg(test)]
mod tests;
