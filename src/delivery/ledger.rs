//! What the scheduler needs of the store: the waiting postbacks, and a place for what became of them. Every
//! outcome goes through the recorder; a worker is free at once, the postback stays in flight until its
//! outcome is durable.

use super::holds::{HoldCause, Holds};
use super::looks;
use super::pause::Pause;
use super::{DeliveryPolicy, Ledger, RuleTerms, Settlement};
use crate::domain::ids::{OfferId, PartnerId, PostbackId};
use crate::domain::postback::{Attempt, Origin, Outcome, Postback, PostbackState};
use crate::domain::retry::HeldSpan;
use crate::domain::secret::{PartnerSecret, SecretId};
use crate::live::LiveEvent;
use crate::recorder::{Group, Recorder};
use crate::store::{Db, Record, StoreError, keys};
use crate::telemetry;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

/// Called once an outcome is durable.
type Done = Box<dyn FnOnce() + Send>;

/// The recorder as the scheduler sees it.
pub struct StoreLedger {
    recorder: Recorder,
    defaults: DeliveryPolicy,
    pause: Pause,
    holds: Holds,
}

impl StoreLedger {
    /// A ledger over the recorder; `defaults` hold where a partner sets nothing.
    pub fn new(recorder: Recorder, defaults: DeliveryPolicy, pause: Pause, holds: Holds) -> Self {
        Self {
            recorder,
            defaults,
            pause,
            holds,
        }
    }
}

impl Ledger for StoreLedger {
    fn load(&self, id: PostbackId) -> Option<Arc<Postback>> {
        match self.recorder.reader().load(&keys::waiting(id)) {
            Ok(postback) => postback.map(Arc::new),
            Err(error) => {
                tracing::error!(code = "postback_unreadable", postback = %id, %error, "a waiting postback cannot be read");
                None
            }
        }
    }

    fn for_each_waiting(&self, f: &mut dyn FnMut(Postback)) {
        let scanned = self.recorder.reader().scan_prefix(Db::Hot, &keys::waiting_prefix(), false, |key, value| {
            match Postback::decode(value, Db::Hot, key) {
                Ok(postback) => f(postback),
                Err(error) => tracing::error!(code = "postback_unreadable", %error, "a waiting postback cannot be read"),
            }
            ControlFlow::Continue(())
        });
        if let Err(error) = scanned {
            tracing::error!(code = "waiting_unreadable", %error, "the waiting postbacks cannot be read; they are read again at the next start");
        }
    }

    fn report(&self, done: Settlement, on_durable: Done) {
        count(&done);
        let report = Report {
            recorder: self.recorder.clone(),
            done,
            on_durable,
        };
        if let Err(job) = self.recorder.submit_outcome(report.into_job()) {
            drop(job);
            tracing::warn!(
                code = "outcome_late",
                "an outcome came after the recorder had ended; its postback is sent again at the next start"
            );
        }
    }

    fn policy(&self, partner: Option<&PartnerId>, _offer: &OfferId) -> DeliveryPolicy {
        let catalog = self.recorder.catalog();
        let known = partner.and_then(|id| catalog.partners.get(id));
        let mut policy = match known {
            Some(partner) => self.defaults.with(&partner.delivery),
            None => self.defaults.clone(),
        };
        policy.hold = self.holds.of(partner).map(|hold| hold.cause);
        policy.retry.held = self.holds.spans(partner);
        if let Some(known) = known {
            let stopped = known.held_times(self.now_ms());
            let is_held = stopped.last().is_some_and(|(_, to_ms)| self.now_ms() < *to_ms);
            policy.hold = policy.hold.or(is_held.then_some(HoldCause::Stopped));
            let spans = stopped
                .into_iter()
                .map(|(from_ms, to_ms)| HeldSpan { from_ms, to_ms });
            policy.retry.held = policy.retry.held.iter().copied().chain(spans).collect();
        }
        policy
    }

    fn terms(&self, origin: &Origin) -> RuleTerms {
        RuleTerms::of(origin, &self.recorder.catalog())
    }

    fn secret(&self, owner: &PartnerId, name: &str) -> Option<PartnerSecret> {
        let id = SecretId::new(owner, &name.to_owned().try_into().ok()?);
        let catalog = self.recorder.catalog();
        catalog
            .secrets
            .get(&id)
            .map(|secret| PartnerSecret::clone(secret))
    }

    fn address(&self, postback: &Postback) -> Option<String> {
        let (reader, sealing) = (self.recorder.reader(), self.recorder.catalog().sealing.clone());
        let of = |id| reader.addresses().get(id, self.now_ms(), &sealing);
        let own = postback.order_key.unwrap_or(postback.activity);
        of(own).or_else(|| of(reader.load(&keys::activity(own)).ok()??.of?))
    }

    fn hold(&self, partner: Option<&PartnerId>, cause: HoldCause, detail: &str) {
        self.holds.begin(&self.recorder, partner, cause, detail);
    }

    fn release(&self, partner: Option<&PartnerId>) {
        self.holds.end(&self.recorder, partner);
    }

    fn tidy_holds(&self) {
        self.holds.tidy(&self.recorder);
    }

    fn now_ms(&self) -> i64 {
        self.recorder.clock().now_ms()
    }

    fn is_paused(&self) -> bool {
        self.recorder.is_down() || self.pause.is_on()
    }

    fn is_paused_by_operator(&self) -> bool {
        self.pause.is_on()
    }
}

/// Counts an attempt, and a postback that is given up.
fn count(done: &Settlement) {
    if let Some(attempt) = &done.attempt {
        telemetry::attempt(
            outcome_of(attempt, done.next),
            Duration::from_millis(u64::from(attempt.duration_ms)),
        );
    }
    if let PostbackState::Failed { reason, .. } = done.next {
        telemetry::postback_failed(reason.code());
    }
}

/// An outcome on its way to the store; it comes back to the channel when the commit fails, so that it is
/// written first when the store is back.
struct Report {
    recorder: Recorder,
    done: Settlement,
    on_durable: Done,
}

impl Report {
    fn into_job(self) -> Box<dyn crate::recorder::Job> {
        Box::new(move |group: &mut Group<'_>| {
            if let Err(error) = settle(&self.done, group) {
                tracing::error!(code = "outcome_failed", postback = %self.done.postback, %error, "an outcome cannot be decided");
                if !error.is_of_record() {
                    group.fail(&error);
                }
            }
            group.on_durable(Box::new(move |result| match result {
                Ok(()) => (self.on_durable)(),
                Err(_) => self.recorder.clone().hold_outcome(self.into_job()),
            }));
        })
    }
}

/// Notes the attempt and moves the postback on.
fn settle(done: &Settlement, group: &mut Group<'_>) -> Result<(), StoreError> {
    let at = keys::waiting(done.postback);
    let Some(mut postback) = group.load(&at)? else {
        tracing::debug!(postback = %done.postback, "an outcome came for a postback that no longer waits");
        return Ok(());
    };
    postback.attempts = done.attempts;
    postback.state = done.next;
    if let Some(attempt) = &done.attempt
        && let Some(earlier) = postback.last.replace(attempt.clone())
    {
        put_attempt(postback.id, &earlier, group)?;
    }
    if let Some(attempt) = &done.attempt {
        tell(done, attempt, &postback, group);
        group.note_postback(attempt.at_ms, postback.id, attempt.number);
    }
    match done.next {
        PostbackState::Waiting { .. } => group.save(at, &postback)?,
        PostbackState::Delivered { .. } => {
            settle_record(&postback, group)?;
            if let Some(look) = &done.look {
                group.queue(Postback::clone(look))?;
            }
        }
        PostbackState::Failed { reason, .. } => {
            settle_record(&postback, group)?;
            group.save(keys::failed(postback.id), &reason)?;
        }
    }
    looks::conclude(&postback, group)?;
    group.tell(LiveEvent::Postback(Arc::new(postback)));
    Ok(())
}

/// Says in the log what failed, with the names that people know it by; of many at once only some.
fn tell(done: &Settlement, attempt: &Attempt, postback: &Postback, group: &Group<'_>) {
    telemetry::destination(&postback.lane.0, outcome_of(attempt, done.next));
    let partner = (postback.partner.as_ref())
        .and_then(|id| group.catalog().partners.get(id))
        .map_or("", |partner| partner.name.as_str());
    let (id, destination, number) = (postback.id, &postback.lane.0, attempt.number);
    let failure = || match &attempt.outcome {
        Outcome::Answered { status, .. } => format!("it answered {status}"),
        Outcome::Error { class, message } => format!("{}: {message}", <&str>::from(class)),
    };
    match done.next {
        PostbackState::Delivered { .. } => {}
        PostbackState::Waiting { .. } => {
            if let Some(left_out) = telemetry::occasionally("attempt_failed") {
                tracing::info!(code = "attempt_failed", postback = %id, partner, destination, number, failure = failure(), left_out, "an attempt to deliver a postback failed; it is made again");
            }
        }
        PostbackState::Failed { reason, .. } => {
            if let Some(left_out) = telemetry::occasionally("postback_failed") {
                tracing::warn!(code = "postback_failed", postback = %id, partner, destination, number, reason = reason.code(), failure = failure(), left_out, "a postback was given up; it can be sent again");
            }
        }
    }
}

fn outcome_of(attempt: &Attempt, next: PostbackState) -> &'static str {
    match (&attempt.outcome, next) {
        (_, PostbackState::Delivered { .. }) => "delivered",
        (Outcome::Answered { .. }, _) => "answered",
        (Outcome::Error { .. }, _) => "error",
    }
}

fn settle_record(postback: &Postback, group: &mut Group<'_>) -> Result<(), StoreError> {
    group.remove(keys::waiting(postback.id));
    group.save(keys::postback(postback.id), postback)
}

/// The last attempt lives in the postback's record; earlier ones have records of their own.
fn put_attempt(postback: PostbackId, attempt: &Attempt, group: &mut Group<'_>) -> Result<(), StoreError> {
    group.save(keys::attempt(postback, attempt.number), attempt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::testing::postback;
    use crate::recorder::testing::Instance;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn an_outcome_that_cannot_be_written_now_is_held_and_written_later() {
        let waiting = postback(1, 1_795_000_000_000, "http://a.example/x");
        let instance = Instance::start(waiting.created_at_ms);
        let (id, recorder) = (waiting.id, instance.recorder.clone());
        recorder
            .try_run_blocking(move |group| group.queue(waiting))
            .unwrap()
            .unwrap();
        let ledger = StoreLedger::new(
            recorder.clone(),
            DeliveryPolicy::default(),
            Pause::default(),
            Holds::default(),
        );
        recorder.reader().break_database(Db::Hot);
        let is_durable = Arc::new(AtomicBool::new(false));
        let told = is_durable.clone();
        let done = Settlement {
            postback: id,
            attempt: None,
            next: PostbackState::Delivered { at_ms: 1 },
            attempts: 1,
            look: None,
        };
        ledger.report(done, Box::new(move || told.store(true, Ordering::Release)));
        Instance::wait_for("delivery pauses", || ledger.is_paused());
        assert!(!is_durable.load(Ordering::Acquire));
        assert!(instance.keeper.restore_now());
        Instance::wait_for("the outcome is durable", || is_durable.load(Ordering::Acquire));
        assert!(ledger.load(id).is_none(), "it waits no more");
        assert!(recorder.reader().load(&keys::postback(id)).unwrap().is_some());
    }
}
