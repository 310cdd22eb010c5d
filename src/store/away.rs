//! What the archive off the machine decides for the store: up to where the journal waits, and whether anything may be
//! written at all.

use super::error::StoreError;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A commit as the journal holds it: its number and its bytes.
pub type RawCommit = (u64, Vec<u8>);

/// See the module.
pub(super) struct Away {
    /// Commits behind this one stay in the journal, whatever snapshots cover.
    kept_after: AtomicU64,
    /// Why nothing is written.
    refusal: Mutex<Option<String>>,
    is_refusing: AtomicBool,
}

impl Away {
    /// With `keeps`, all of the journal stays until it is said what may go.
    pub(super) fn new(keeps: bool) -> Self {
        Self {
            kept_after: AtomicU64::new(if keeps { 0 } else { u64::MAX }),
            refusal: Mutex::default(),
            is_refusing: AtomicBool::new(false),
        }
    }

    /// The last commit that the journal may let go of those that snapshots cover.
    pub(super) fn removable(&self, covered: u64) -> u64 {
        covered.min(self.kept_after.load(Ordering::Acquire))
    }

    pub(super) fn refusal(&self) -> Option<StoreError> {
        if !self.is_refusing.load(Ordering::Acquire) {
            return None;
        }
        self.refusal.lock().clone().map(StoreError::Fenced)
    }

    /// Lets the journal wait behind a commit; `None`: it does not wait.
    pub(super) fn keep_after(&self, seq: Option<u64>) {
        self.kept_after.store(seq.unwrap_or(u64::MAX), Ordering::Release);
    }

    /// Whether, and why, nothing is written from now on.
    pub(super) fn refuse(&self, why: Option<String>) {
        let mut refusal = self.refusal.lock();
        self.is_refusing.store(why.is_some(), Ordering::Release);
        *refusal = why;
    }

    /// Whether commits may be added, for what another server may have to say.
    pub(super) fn may_write(&self) -> Result<(), StoreError> {
        self.refusal().map_or(Ok(()), Err)
    }
}
