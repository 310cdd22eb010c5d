//! SIGTERM and SIGINT end the process gracefully, SIGHUP reads again what can be read again.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals as Iterator};
use std::thread::JoinHandle;
use tokio::sync::mpsc;

/// What the process was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Stop.
    Stop,
    /// Read settings, GeoIP file and certificates again.
    Reload,
}

/// Signals as messages; the thread ends when this is dropped.
pub(super) struct Signals {
    messages: mpsc::Receiver<Told>,
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Signals {
    /// Takes the signals of the process.
    pub(super) fn install() -> std::io::Result<Self> {
        let mut signals = Iterator::new([SIGTERM, SIGINT, SIGHUP])?;
        let handle = signals.handle();
        let (sender, messages) = mpsc::channel(8);
        let thread = std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                for signal in signals.forever() {
                    let told = if signal == SIGHUP {
                        Told::Reload
                    } else {
                        Told::Stop
                    };
                    // A full channel means that the same was told several times already.
                    sender.try_send(told).ok();
                }
            })?;
        Ok(Self {
            messages,
            handle,
            thread: Some(thread),
        })
    }

    /// Whether the process was told to stop; waits for `patience` when it was not.
    pub(super) fn is_stopping(&mut self, patience: std::time::Duration) -> bool {
        while let Ok(told) = self.messages.try_recv() {
            if told == Told::Stop {
                return true;
            }
        }
        std::thread::sleep(patience);
        false
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> Told {
        self.messages.recv().await.unwrap_or(Told::Stop)
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(
                code = "signals_panicked",
                "the thread of the signals ended with a panic"
            );
        }
    }
}
