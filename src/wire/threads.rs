//! The end of threads.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Waits until `deadline` for threads to end, and answers how many have not.
pub fn join_by(mut threads: Vec<JoinHandle<()>>, deadline: Instant) -> usize {
    loop {
        let (ended, running): (Vec<_>, Vec<_>) = threads.into_iter().partition(JoinHandle::is_finished);
        for thread in ended {
            let name = thread.thread().name().unwrap_or("unnamed").to_owned();
            if thread.join().is_err() {
                tracing::error!(code = "thread_panicked", name, "a thread ended with a panic");
            }
        }
        threads = running;
        if threads.is_empty() || Instant::now() >= deadline {
            return threads.len();
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
