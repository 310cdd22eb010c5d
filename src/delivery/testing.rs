//! For tests: a ledger in memory.

use super::holds::HoldCause;
use super::{DeliveryPolicy, Ledger, RuleTerms, Settlement};
use crate::domain::ids::{ActivityId, OfferId, PartnerId, PostbackId};
use crate::domain::postback::{LaneKey, Origin, Postback, PostbackState};
use crate::domain::rule::AnswerPolicy;
use crate::domain::secret::{PartnerSecret, SecretText};
use crate::wire::testing::{eventually, get};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

/// A waiting postback, due now, made by rule `r00`.
pub(super) fn postback(n: u64, at_ms: i64, url: &str) -> Postback {
    Postback {
        id: PostbackId::new(at_ms, n),
        activity: ActivityId::new(at_ms, n),
        offer: "offer1".parse().unwrap(),
        partner: Some("partner1".parse().unwrap()),
        origin: Origin::Rule("r00".parse().unwrap()),
        entry: 0,
        lane: LaneKey::of(url).unwrap(),
        request: get(url.to_owned()),
        created_at_ms: at_ms,
        resent_at_ms: None,
        state: PostbackState::Waiting { due_at_ms: at_ms },
        attempts: 0,
        order_key: None,
        is_test: false,
        last: None,
        expires_at_ms: None,
        looks_at: None,
        confirmed_at_ms: None,
    }
}

/// A ledger in memory. Outcomes are durable at once, unless it is told to hold them.
pub(super) struct MemoryLedger {
    pub(super) waiting: Mutex<BTreeMap<PostbackId, Arc<Postback>>>,
    pub(super) settlements: Mutex<Vec<Settlement>>,
    pub(super) policies: Mutex<HashMap<Option<PartnerId>, DeliveryPolicy>>,
    pub(super) default: Mutex<DeliveryPolicy>,
    pub(super) ahead_ms: AtomicI64,
    pub(super) is_paused: AtomicBool,
    pub(super) is_holding: AtomicBool,
    pub(super) held: Mutex<Vec<Box<dyn FnOnce() + Send>>>,
    pub(super) secret: Mutex<Option<String>>,
    pub(super) secrets: Mutex<HashMap<String, String>>,
    pub(super) answers: Mutex<Option<AnswerPolicy>>,
    pub(super) holds: Mutex<Vec<(Option<PartnerId>, HoldCause, String)>>,
    pub(super) scan_gate: Mutex<Option<crossbeam_channel::Receiver<()>>>,
}

impl Default for MemoryLedger {
    fn default() -> Self {
        let policy = DeliveryPolicy {
            timeout: Duration::from_millis(500),
            ..DeliveryPolicy::default()
        };
        Self {
            waiting: Mutex::default(),
            settlements: Mutex::default(),
            policies: Mutex::default(),
            default: Mutex::new(policy),
            ahead_ms: AtomicI64::new(0),
            is_paused: AtomicBool::new(false),
            is_holding: AtomicBool::new(false),
            held: Mutex::default(),
            secret: Mutex::default(),
            secrets: Mutex::default(),
            answers: Mutex::default(),
            holds: Mutex::default(),
            scan_gate: Mutex::default(),
        }
    }
}

impl MemoryLedger {
    /// Commits a postback as waiting, as the recorder would.
    pub(super) fn commit(&self, postback: Postback) -> Arc<Postback> {
        let postback = Arc::new(postback);
        self.waiting.lock().insert(postback.id, postback.clone());
        postback
    }

    pub(super) fn settled(&self) -> Vec<Settlement> {
        self.settlements.lock().clone()
    }

    pub(super) fn wait_settled(&self, count: usize) -> Vec<Settlement> {
        eventually(&format!("{count} settlements"), || {
            let settled = self.settled();
            (settled.len() >= count).then_some(settled)
        })
    }
}

impl Ledger for MemoryLedger {
    fn load(&self, id: PostbackId) -> Option<Arc<Postback>> {
        self.waiting.lock().get(&id).cloned()
    }

    fn for_each_waiting(&self, f: &mut dyn FnMut(Postback)) {
        let gate = self.scan_gate.lock().take();
        let all: Vec<_> = self.waiting.lock().values().cloned().collect();
        for (n, postback) in all.into_iter().enumerate() {
            if n == 1_000
                && let Some(gate) = &gate
            {
                gate.recv().ok();
            }
            f(Postback::clone(&postback));
        }
    }

    fn report(&self, done: Settlement, on_durable: Box<dyn FnOnce() + Send>) {
        let mut waiting = self.waiting.lock();
        if let Some(postback) = waiting.get_mut(&done.postback) {
            let postback = Arc::make_mut(postback);
            postback.state = done.next;
            postback.attempts = done.attempts;
            postback.last = done.attempt.clone().or(postback.last.take());
        }
        if done.next.is_settled() {
            waiting.remove(&done.postback);
        }
        self.settlements.lock().push(done);
        drop(waiting);
        if self.is_holding.load(Ordering::Acquire) {
            self.held.lock().push(on_durable);
        } else {
            on_durable();
        }
    }

    fn policy(&self, partner: Option<&PartnerId>, _: &OfferId) -> DeliveryPolicy {
        let policies = self.policies.lock();
        let own = policies.get(&partner.cloned()).cloned();
        own.unwrap_or_else(|| self.default.lock().clone())
    }

    fn terms(&self, origin: &Origin) -> RuleTerms {
        let secret = self.secret.lock().clone();
        RuleTerms {
            signing_secret: secret.map(SecretText::from),
            owner: matches!(origin, Origin::Rule(_)).then(|| "part1".parse().unwrap()),
            answers: self.answers.lock().clone(),
            second_look: None,
        }
    }

    fn secret(&self, owner: &PartnerId, name: &str) -> Option<PartnerSecret> {
        let value = self.secrets.lock().get(name)?.clone();
        Some(PartnerSecret {
            partner: owner.clone(),
            name: name.to_owned().try_into().ok()?,
            value: value.into(),
            token: None,
            updated_at_ms: 1,
        })
    }

    fn hold(&self, partner: Option<&PartnerId>, cause: HoldCause, detail: &str) {
        let held = (partner.cloned(), cause, detail.to_owned());
        self.holds.lock().push(held);
        self.default.lock().hold = Some(cause);
    }

    fn release(&self, _: Option<&PartnerId>) {
        self.default.lock().hold = None;
    }

    fn now_ms(&self) -> i64 {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        i64::try_from(now.as_millis()).unwrap() + self.ahead_ms.load(Ordering::Acquire)
    }

    fn is_paused(&self) -> bool {
        self.is_paused.load(Ordering::Acquire)
    }
}
