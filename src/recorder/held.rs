//! How many bytes wait for partners that are held. Beyond a bound further postbacks of such a partner are kept as failed
//! (`held_queue_full`), to be sent again by hand: a token that nobody renews must not fill the disk.
//!
//! Which partners are held, and what waits for each, is looked at from time to time (`delivery`); in between what is
//! added is counted here.

use crate::domain::ids::PartnerId;
use crate::domain::postback::Postback;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What waits for one held partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldQueue {
    /// The partner's id; empty: the advertiser's own servers.
    pub partner: String,
    /// How many wait.
    pub postbacks: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// See the module. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct HeldQueues(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    most: AtomicU64,
    is_any: AtomicBool,
    queues: Mutex<HashMap<String, HeldQueue>>,
}

fn name(partner: Option<&PartnerId>) -> &str {
    partner.map_or("", PartnerId::as_str)
}

impl HeldQueues {
    pub(super) fn new(most: u64) -> Self {
        let queues = Self::default();
        queues.set_most(most);
        queues
    }

    pub(super) fn set_most(&self, most: u64) {
        self.0.most.store(most, Ordering::Relaxed);
    }

    /// Most bytes of one of them.
    pub fn most(&self) -> u64 {
        self.0.most.load(Ordering::Relaxed)
    }

    /// What was found to wait, of every partner that is held.
    pub fn found(&self, queues: Vec<HeldQueue>) {
        let mut known = self.0.queues.lock();
        *known = queues
            .into_iter()
            .map(|queue| (queue.partner.clone(), queue))
            .collect();
        self.0.is_any.store(!known.is_empty(), Ordering::Release);
    }

    /// As they are known, the longest first.
    pub fn list(&self) -> Vec<HeldQueue> {
        let mut all: Vec<HeldQueue> = self.0.queues.lock().values().cloned().collect();
        all.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.partner.cmp(&b.partner)));
        all
    }

    /// Counts one more. `false`: there is no room for it.
    pub fn take(&self, postback: &Postback) -> bool {
        if !self.0.is_any.load(Ordering::Acquire) {
            return true;
        }
        let mut queues = self.0.queues.lock();
        let Some(queue) = queues.get_mut(name(postback.partner.as_ref())) else {
            return true;
        };
        if queue.bytes >= self.most() {
            return false;
        }
        queue.postbacks += 1;
        queue.bytes += size(postback);
        true
    }
}

/// Bytes of a waiting postback, roughly.
fn size(postback: &Postback) -> u64 {
    let request = &postback.request;
    let headers: usize = request
        .headers
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    let body = request.body.as_ref().map_or(0, String::len);
    u64::try_from(200 + request.url.len() + headers + body).unwrap_or(u64::MAX)
}
