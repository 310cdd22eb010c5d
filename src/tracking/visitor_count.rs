//! How many visitors of apps are known: strangers make them up, so there is a bound (`limits.visitors`).

use std::sync::atomic::{AtomicU64, Ordering};

/// How many visitors there are.
#[derive(Debug)]
pub struct VisitorCount {
    known: AtomicU64,
    most: u64,
}

impl VisitorCount {
    /// None counted yet; at most `most`.
    pub fn new(most: u64) -> Self {
        Self {
            known: AtomicU64::new(0),
            most,
        }
    }

    /// Whether there is no room for another.
    pub fn is_full(&self) -> bool {
        self.count() >= self.most
    }

    /// Counts a new one.
    pub fn add(&self) {
        self.known.fetch_add(1, Ordering::Relaxed);
    }

    /// How many there are; exact after each sweep.
    pub fn count(&self) -> u64 {
        self.known.load(Ordering::Relaxed)
    }

    /// How many may be known.
    pub fn most(&self) -> u64 {
        self.most
    }

    /// Corrects the number after a sweep.
    pub(super) fn set(&self, known: u64) {
        self.known.store(known, Ordering::Relaxed);
    }
}
