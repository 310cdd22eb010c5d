//! Clicks that wait in memory while the store cannot be written: people are redirected all the same. What
//! waits here is written first when the store is back; what overflows is counted and shown, never silent.

use super::Job;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

/// A bounded queue of jobs.
pub struct Spool {
    jobs: Mutex<VecDeque<Box<dyn Job>>>,
    bound: usize,
    lost: AtomicU64,
    spooled: AtomicU64,
}

impl Spool {
    /// A spool for at most `bound` jobs.
    pub fn new(bound: usize) -> Self {
        Self {
            jobs: Mutex::default(),
            bound,
            lost: AtomicU64::new(0),
            spooled: AtomicU64::new(0),
        }
    }

    /// Adds a job; `false` when there is no room: it is lost, and counted as lost.
    pub fn push(&self, job: Box<dyn Job>) -> bool {
        let mut jobs = self.jobs.lock();
        if jobs.len() >= self.bound {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        jobs.push_back(job);
        self.spooled.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// The oldest jobs, at most `most`.
    pub(super) fn take(&self, most: usize) -> Vec<Box<dyn Job>> {
        let mut jobs = self.jobs.lock();
        let count = jobs.len().min(most);
        jobs.drain(..count).collect()
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.jobs.lock().len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many were lost since the start because there was no room.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// How many were taken in since the start.
    pub fn spooled(&self) -> u64 {
        self.spooled.load(Ordering::Relaxed)
    }
}
