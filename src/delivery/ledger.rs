//! What the scheduler needs of the store: the waiting postbacks, and a place for what became of them. Every
//! outcome goes through the recorder; a worker is free at once, the postback stays in flight until its
//! outcome is durable.

use super::{DeliveryPolicy, Ledger, Settlement};
use crate::domain::ids::{OfferId, PartnerId, PostbackId};
use crate::domain::postback::{Attempt, Origin, Outcome, Postback, PostbackState};
use crate::live::LiveEvent;
use crate::recorder::{Group, Recorder};
use crate::store::{Db, StoreError, codec, keys};
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
}

impl StoreLedger {
    /// A ledger over the recorder; `defaults` hold where a partner sets nothing.
    pub fn new(recorder: Recorder, defaults: DeliveryPolicy) -> Self {
        Self { recorder, defaults }
    }
}

impl Ledger for StoreLedger {
    fn load(&self, id: PostbackId) -> Option<Arc<Postback>> {
        let (db, key) = keys::waiting(id);
        let found = self.recorder.reader().get(db, &key);
        match found.and_then(|value| value.map(|v| codec::decode_postback(&v, db, &key)).transpose()) {
            Ok(postback) => postback.map(Arc::new),
            Err(error) => {
                tracing::error!(code = "postback_unreadable", postback = %id, %error, "a waiting postback cannot be read");
                None
            }
        }
    }

    fn for_each_waiting(&self, f: &mut dyn FnMut(Postback)) {
        let scanned = self.recorder.reader().scan_prefix(Db::Hot, &keys::waiting_prefix(), false, |key, value| {
            match codec::decode_postback(value, Db::Hot, key) {
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
        match partner.and_then(|id| catalog.partners.get(id)) {
            Some(partner) => self.defaults.with(&partner.delivery),
            None => self.defaults.clone(),
        }
    }

    fn signing_secret(&self, origin: &Origin) -> Option<String> {
        match origin {
            Origin::Rule(id) | Origin::Test(id) => self.recorder.catalog().rule(id)?.signing_secret.clone(),
            Origin::Link(_) => None,
        }
    }

    fn now_ms(&self) -> i64 {
        self.recorder.clock().now_ms()
    }

    fn is_paused(&self) -> bool {
        self.recorder.is_down()
    }
}

/// Counts an attempt, and a postback that is given up.
fn count(done: &Settlement) {
    if let Some(attempt) = &done.attempt {
        let outcome = match (&attempt.outcome, done.next) {
            (_, PostbackState::Delivered { .. }) => "delivered",
            (Outcome::Answered { .. }, _) => "answered",
            (Outcome::Error { .. }, _) => "error",
        };
        telemetry::attempt(outcome, Duration::from_millis(u64::from(attempt.duration_ms)));
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
    let Some(record) = group.get(at.0, &at.1)? else {
        tracing::debug!(postback = %done.postback, "an outcome came for a postback that no longer waits");
        return Ok(());
    };
    let mut postback = codec::decode_postback(&record, at.0, &at.1)?;
    postback.attempts = done.attempts;
    postback.state = done.next;
    if let Some(attempt) = &done.attempt
        && let Some(earlier) = postback.last.replace(attempt.clone())
    {
        put_attempt(postback.id, &earlier, group)?;
    }
    match done.next {
        PostbackState::Waiting { .. } => group.put(at, codec::encode_postback(&postback)?),
        PostbackState::Delivered { .. } => settle_record(&postback, group)?,
        PostbackState::Failed { reason, .. } => {
            settle_record(&postback, group)?;
            group.put(keys::failed(postback.id), codec::encode_fail_reason(&reason)?);
        }
    }
    group.tell(LiveEvent::Postback(Arc::new(postback)));
    Ok(())
}

fn settle_record(postback: &Postback, group: &mut Group<'_>) -> Result<(), StoreError> {
    group.delete(keys::waiting(postback.id));
    group.put(keys::postback(postback.id), codec::encode_postback(postback)?);
    Ok(())
}

/// The last attempt lives in the postback's record; earlier ones have records of their own.
fn put_attempt(postback: PostbackId, attempt: &Attempt, group: &mut Group<'_>) -> Result<(), StoreError> {
    group.put(
        keys::attempt(postback, attempt.number),
        codec::encode_attempt(attempt)?,
    );
    Ok(())
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
        let ledger = StoreLedger::new(recorder.clone(), DeliveryPolicy::default());
        recorder.reader().break_database(Db::Hot);
        let is_durable = Arc::new(AtomicBool::new(false));
        let told = is_durable.clone();
        let done = Settlement {
            postback: id,
            attempt: None,
            next: PostbackState::Delivered { at_ms: 1 },
            attempts: 1,
        };
        ledger.report(done, Box::new(move || told.store(true, Ordering::Release)));
        Instance::wait_for("delivery pauses", || ledger.is_paused());
        assert!(!is_durable.load(Ordering::Acquire));
        assert!(instance.keeper.restore_now());
        Instance::wait_for("the outcome is durable", || is_durable.load(Ordering::Acquire));
        assert!(ledger.load(id).is_none(), "it waits no more");
        let at = keys::postback(id);
        assert!(recorder.reader().get(at.0, &at.1).unwrap().is_some());
    }
}
