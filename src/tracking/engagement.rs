//! Records a click, an impression or a direct landing: one commit, then the answer.
//!
//! Fail open: when the store cannot take it, the session goes to the spool and the person is redirected
//! all the same.

use crate::domain::duplicates;
use crate::domain::ids::SessionId;
use crate::domain::money::{Money, parse_amount};
use crate::domain::note;
use crate::domain::plan;
use crate::domain::session::{EngagementKind, Session};
use crate::domain::stats::{Bucket, Counters, Environment, StatKey, Sums};
use crate::live::LiveEvent;
use crate::recorder::{Group, Job, RecordError, Recorder, Spool};
use crate::store::{Record, StoreError, keys};
use crate::telemetry;
use crate::tracking::{matching, recording};
use rust_decimal::Decimal;
use std::sync::Arc;
use tokio::sync::oneshot;

/// What became of an engagement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It survives a power cut.
    Durable,
    /// It waits in memory for the store.
    Spooled,
    /// There was no room to wait; it is counted as lost.
    Lost,
}

struct EngagementJob {
    session: Arc<Session>,
    encoded: Vec<u8>,
    spool: Arc<Spool>,
    ack: Option<oneshot::Sender<Recorded>>,
}

impl Job for EngagementJob {
    fn decide(mut self: Box<Self>, group: &mut Group<'_>) {
        if let Err(error) = write(&self.session, std::mem::take(&mut self.encoded), group) {
            if let Some(left_out) = telemetry::occasionally("engagement_failed") {
                tracing::error!(code = "engagement_failed", sid = %self.session.id, %error, left_out, "a click could not be decided");
            }
            if !error.is_of_record() {
                group.fail(&error);
            }
        }
        group.on_durable(Box::new(move |result| self.conclude(result)));
    }
}

impl EngagementJob {
    fn conclude(mut self, result: Result<(), RecordError>) {
        let ack = self.ack.take();
        let recorded = match result {
            Ok(()) => Recorded::Durable,
            Err(_) => self.spool(),
        };
        if let Some(ack) = ack {
            // The visitor may have gone; the session is recorded all the same.
            ack.send(recorded).ok();
        }
    }

    fn spool(&self) -> Recorded {
        let mut session = (*self.session).clone();
        session.flags.is_spooled = true;
        let spool = self.spool.clone();
        match EngagementJob::new(session, spool.clone()) {
            Ok(job) => {
                if spool.push(Box::new(job)) {
                    Recorded::Spooled
                } else {
                    Recorded::Lost
                }
            }
            Err(error) => {
                if let Some(left_out) = crate::telemetry::occasionally("click_unwritten") {
                    tracing::error!(code = error.code(), %error, left_out, "a click cannot be written");
                }
                Recorded::Lost
            }
        }
    }

    fn new(session: Session, spool: Arc<Spool>) -> Result<Self, StoreError> {
        let encoded = session.encode()?;
        Ok(Self {
            session: Arc::new(session),
            encoded,
            spool,
            ack: None,
        })
    }
}

/// Hands the session to the recorder. The receiver tells what became of it; the caller waits as long as
/// it likes (a click at most a second).
pub fn record(recorder: &Recorder, session: Session) -> Result<oneshot::Receiver<Recorded>, StoreError> {
    let mut job = EngagementJob::new(session, recorder.spool_handle())?;
    let (sender, receiver) = oneshot::channel();
    job.ack = Some(sender);
    if let Err((_, job)) = recorder.submit(Box::new(job)) {
        let (sender, refused) = oneshot::channel();
        let recorded = if recorder.spool().push(job) {
            Recorded::Spooled
        } else {
            Recorded::Lost
        };
        sender.send(recorded).ok();
        return Ok(refused);
    }
    Ok(receiver)
}

fn write(session: &Arc<Session>, encoded: Vec<u8>, group: &mut Group<'_>) -> Result<(), StoreError> {
    group.put(keys::session(session.id), encoded);
    write_indexes(session, group)?;
    add(session, &counters(session), group);
    let catalog = group.catalog().clone();
    let kind = plan::engagement_kind(session);
    if catalog.has_rules_of(kind, &session.offer, session.partner.as_ref()) || !session.callbacks.is_empty() {
        let activity = plan::engagement((**session).clone());
        let plan = recording::plan(&activity, &catalog, group.now_ms());
        for postback in plan.postbacks {
            group.mark(keys::postback_by_session(session.id, postback.id));
            recording::queue(postback, group)?;
        }
    }
    group.tell(LiveEvent::Session(session.clone()));
    Ok(())
}

/// Index entries, only where something can look them up.
pub(super) fn write_indexes(session: &Session, group: &mut Group<'_>) -> Result<(), StoreError> {
    let catalog = group.catalog().clone();
    let Some(offer) = catalog.offers.get(&session.offer) else {
        return Ok(());
    };
    if offer.accept_partner_click_id && !session.para[0].is_empty() {
        let hash = duplicates::click_id_hash(&session.offer, &session.para[0]);
        group.mark(keys::session_by_click_id(&hash, session.id));
    }
    matching::write_indexes(session, offer, group)
}

/// A click that was taken for a prefetch or a bot turned out to be a person's: it is counted as one, and its record says so.
pub(super) fn prove_person(session: &mut Session, group: &mut Group<'_>) -> Result<(), StoreError> {
    let before = session.clone();
    session.flags.is_prefetch = false;
    session.flags.is_bot = false;
    recount(Some(&before), session, group);
    group.save(keys::session(session.id), session)?;
    Ok(())
}

/// Counts an engagement, in the place of what was counted of it before.
pub(super) fn recount(before: Option<&Session>, after: &Session, group: &mut Group<'_>) {
    if let Some(before) = before {
        add(before, &counters(before).negated(), group);
    }
    add(after, &counters(after), group);
}

fn counters(session: &Session) -> Counters {
    let mut counters = Counters::default();
    if session.is_automated() {
        counters.automated = 1;
    } else if session.kind == EngagementKind::Impression {
        counters.impressions = 1;
    } else if session.flags.is_repeat {
        counters.repeats = 1;
    } else {
        counters.clicks = 1;
        counters.unique_clicks = i64::from(session.flags.is_unique);
    }
    counters.unfilled = i64::from(note::has_unfilled(&session.parameters));
    counters.cost = own_cost(session);
    counters
}

fn add(session: &Session, counters: &Counters, group: &mut Group<'_>) {
    for dimension in recording::dimensions(session) {
        let key = StatKey {
            bucket: Bucket::of(session.at_ms()),
            environment: Environment::of(session.flags.is_test),
            offer: Some(session.offer.clone()),
            link: Some(session.link.clone()),
            event: None,
            dimension,
        };
        group.count(key, counters.clone());
    }
}

/// What an engagement costs by itself, as it was counted when it was recorded.
pub(super) fn own_cost(session: &Session) -> Sums {
    let model = match session.kind {
        _ if session.is_automated() => return Sums::default(),
        EngagementKind::Impression => "cpm",
        EngagementKind::Click | EngagementKind::Direct => "cpc",
    };
    cost(session, model)
}

/// What the engagement says that it costs under a pricing model (`cpc` at the click, `cpm` at the view, `cpi` at
/// the install). A thousand views cost what `cpm` says.
pub(super) fn cost(session: &Session, model: &str) -> Sums {
    let said = |name: &str| {
        session
            .cost
            .iter()
            .find(|(n, _)| n == name)
            .map_or("", |(_, value)| value.as_str())
    };
    let mut sums = Sums::default();
    if let (true, Ok(amount), Ok(currency)) = (
        said("cost_type") == model,
        parse_amount(said("cost_amount")),
        said("cost_currency").parse(),
    ) {
        let amount = if model == "cpm" {
            amount / Decimal::ONE_THOUSAND
        } else {
            amount
        };
        sums.add(Money { amount, currency });
    }
    sums
}

/// The id of a new session.
pub fn new_session_id(now_ms: i64) -> SessionId {
    SessionId::new(now_ms, rand::random())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::activity::ActivityKind;
    use crate::domain::template::sample::sample_activity;
    use crate::recorder::testing::Instance;
    use crate::store::Db;

    #[test]
    fn a_click_whose_counters_cannot_be_read_waits_and_is_written_later() {
        let session = *sample_activity(ActivityKind::Click)
            .unwrap()
            .activity
            .session
            .unwrap();
        let instance = Instance::start(session.at_ms());
        let recorder = &instance.recorder;
        recorder
            .run_blocking(|group| group.mark(keys::instance("anything")))
            .unwrap();
        recorder.reader().break_database(Db::Hot);
        let at = keys::session(session.id);
        let recorded = record(recorder, session).unwrap().blocking_recv().unwrap();
        assert_eq!(recorded, Recorded::Spooled);
        assert!(instance.keeper.restore_now());
        Instance::wait_for("the click is written", || {
            recorder.reader().load(&at).unwrap().is_some() && recorder.spool().is_empty()
        });
        assert_eq!(recorder.spool().lost(), 0);
    }
}
