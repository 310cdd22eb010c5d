//! A long start: a store that is rebuilt or caught up after a crash may take minutes. systemd is asked for more
//! time as long as something moves, and the log and `systemctl status` say how far it is.

use super::systemd;
use crate::store::Progress;
use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often it is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// What each look asks for, at least three looks.
const MORE: Duration = Duration::from_secs(30);
/// How long nothing may move. A large database opens in one step that counts nothing.
const STANDSTILL: Duration = Duration::from_secs(300);

/// Tells how far the start is until it is dropped.
pub(super) struct Starting {
    done: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Starting {
    pub(super) fn watch(progress: Progress) -> std::io::Result<Self> {
        Self::look_every(LOOK, move || progress.done(), tell)
    }

    fn look_every(
        pause: Duration,
        progress: impl Fn() -> u64 + Send + 'static,
        tell: impl Fn(u64, Duration, Duration) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (done, is_done) = bounded::<()>(0);
        let thread = std::thread::Builder::new()
            .name("starting".into())
            .spawn(move || {
                let began = Instant::now();
                let mut last = (progress(), began);
                while let Err(RecvTimeoutError::Timeout) = is_done.recv_timeout(pause) {
                    if progress() != last.0 {
                        last = (progress(), Instant::now());
                    }
                    tell(last.0, began.elapsed(), last.1.elapsed());
                }
            })?;
        Ok(Self {
            done: Some(done),
            thread: Some(thread),
        })
    }
}

/// Says how many records were read since the beginning, and asks for more time unless nothing moves any more.
fn tell(records: u64, since: Duration, still: Duration) {
    let seconds = since.as_secs();
    tracing::info!(records, seconds, "the store is being opened");
    systemd::status(&format!(
        "Opening the store: {records} records read in {seconds} s"
    ));
    if still < STANDSTILL {
        systemd::extend_timeout(MORE);
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        drop(self.done.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(
                code = "starting_panicked",
                "the thread that tells how far the start is ended with a panic"
            );
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn it_is_told_what_was_read_until_the_start_is_over() {
        let count = Arc::new(AtomicU64::new(0));
        let (told, heard) = bounded(0);
        let counted = count.clone();
        let starting = Starting::look_every(
            Duration::from_millis(1),
            move || counted.load(Ordering::Relaxed),
            move |records, _, still| {
                // Nobody listens any more at the end of the test.
                told.send((records, still)).ok();
            },
        )
        .unwrap();
        assert_eq!(heard.recv().unwrap().0, 0);
        count.store(7, Ordering::Relaxed);
        let (_, still) = heard.iter().find(|(records, _)| *records == 7).unwrap();
        let (_, later) = heard.recv().unwrap();
        assert!(later >= still, "nothing moved since");
        drop(heard);
        drop(starting);
    }
}
