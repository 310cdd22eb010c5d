//! The thread that gets certificates and renews them: it looks every few seconds, and does one thing at a time.

use super::kept::{Named, Trouble};
use super::order::Desk;
use super::plan::{self, Step};
use super::transport::Transport;
use super::{Certificates, Reread, kept, names};
use crate::config::InForce;
use crate::recorder::Recorder;
use crate::telemetry;
use crate::wire;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Between two looks.
const TICK: Duration = Duration::from_secs(5);
/// Between two looks at files that somebody else renews.
const FILES_EVERY: Duration = Duration::from_secs(60);
/// How often in a row an authority may refuse our nonces.
const MOST_NONCES: u32 = 10;
/// How long a stop waits for a request on the wire; the answer is not needed: what it was about is kept.
const STOP_PATIENCE: Duration = Duration::from_millis(100);

/// The running thread.
pub struct Renewal {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// What the thread works with.
struct Work {
    certificates: Arc<Certificates>,
    config: InForce,
    recorder: Recorder,
    transport: Transport,
}

impl Renewal {
    /// Starts it. `wire` is the way to the authority.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(
        certificates: Arc<Certificates>,
        config: InForce,
        recorder: Recorder,
        wire: Arc<wire::Client>,
    ) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .max_blocking_threads(1)
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let work = Work {
            certificates,
            config,
            recorder,
            transport: Transport::new(wire),
        };
        let thread = std::thread::Builder::new()
            .name("certificates".into())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = work.run() => {}
                        _ = stopped => {}
                    }
                });
                runtime.shutdown_timeout(STOP_PATIENCE);
            })?;
        Ok(Self { stop, thread })
    }

    /// Ends it, wherever it is.
    pub fn stop(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!(
                code = "certificates_panicked",
                "the thread that renews certificates ended with a panic"
            );
        }
    }
}

impl Work {
    async fn run(&self) {
        let mut files_at = Instant::now() + FILES_EVERY;
        loop {
            if Instant::now() >= files_at {
                files_at = Instant::now() + FILES_EVERY;
                self.look_at_files();
            }
            if self.config.now().acme.enabled && !self.recorder.is_down() {
                self.look_at_names().await;
            }
            for status in self.certificates.status(self.recorder.clock().now_ms()) {
                if let Some(to_ms) = status.to_ms {
                    telemetry::certificate(&status.name, to_ms);
                }
            }
            tokio::select! {
                () = tokio::time::sleep(TICK) => {}
                () = self.certificates.poke.notified() => {}
            }
        }
    }

    /// Takes over what somebody else has renewed.
    fn look_at_files(&self) {
        match self.certificates.reread(self.config.now()) {
            Ok(Reread::Renewed) => tracing::info!("the certificate files were renewed, and are in use"),
            Ok(Reread::NoFiles | Reread::Same | Reread::SameCredential) => {}
            // They may be written just now; the next look tells.
            Err(error) => {
                tracing::warn!(code = "certificate", %error, "the certificate files were not read again; the one before stays");
            }
        }
    }

    async fn look_at_names(&self) {
        let wanted = names::wanted(self.config.now(), &self.recorder.catalog().settings);
        self.certificates
            .known
            .lock()
            .retain(|name, _| wanted.contains(name));
        for name in wanted {
            if let Err(error) = self.certificates.load(&self.recorder, &name) {
                tracing::error!(code = error.code(), name, %error, "what is kept of a certificate cannot be read");
                continue;
            }
            let known = self
                .certificates
                .known
                .lock()
                .get(&name)
                .cloned()
                .unwrap_or_default();
            let now_ms = self.recorder.clock().now_ms();
            match plan::step(&known, self.config.now().acme.directory(), now_ms) {
                Step::Wait => {}
                Step::Order => self.order(&name, known).await,
                Step::Ask => self.ask(&name, known).await,
            }
        }
    }

    fn desk(&self) -> Desk<'_> {
        Desk {
            recorder: &self.recorder,
            shelf: &self.certificates.shelf,
            transport: &self.transport,
            directory: self.config.now().acme.directory(),
            has_http: self.config.now().tls.http_listen.is_some(),
        }
    }

    async fn order(&self, name: &str, mut named: Named) {
        let now_ms = self.recorder.clock().now_ms();
        // What was wished before this try is past.
        self.transport.take_wish();
        let mut done = self.desk().obtain(name, &mut named, now_ms).await;
        for _ in 0..MOST_NONCES {
            if !done.as_ref().is_err_and(|failure| failure.is_nonce) {
                break;
            }
            done = self.desk().obtain(name, &mut named, now_ms).await;
        }
        match done {
            Ok(()) => {
                telemetry::certificate_order("issued");
                let until = named.issued.as_ref().map_or(0, |issued| issued.to_ms);
                tracing::info!(
                    name,
                    until = super::date(until),
                    "a certificate was issued, and is in use"
                );
            }
            Err(failure) => {
                telemetry::certificate_order("failed");
                self.failed(name, &mut named, failure.message).await;
            }
        }
        self.certificates.known.lock().insert(name.to_owned(), named);
    }

    /// Keeps a failure, so that a restart does not try again at once.
    async fn failed(&self, name: &str, named: &mut Named, message: String) {
        let failures = named.trouble.as_ref().map_or(0, |before| before.failures) + 1;
        let now_ms = self.recorder.clock().now_ms();
        let wait_ms = plan::retry_ms(failures, self.transport.take_wish(), share());
        let next = super::date(now_ms + wait_ms);
        tracing::error!(
            code = "certificate_order",
            name,
            failures,
            next,
            error = message,
            "no certificate could be got; it is tried again"
        );
        named.trouble = Some(Trouble {
            failures,
            last_ms: now_ms,
            next_ms: now_ms + wait_ms,
            message,
        });
        if let Err(error) = kept::save(&self.recorder, name, named).await {
            tracing::error!(
                code = "certificate_order",
                name,
                error,
                "the failure could not be kept"
            );
        }
    }

    async fn ask(&self, name: &str, mut named: Named) {
        let now_ms = self.recorder.clock().now_ms();
        if let Err(failure) = self.desk().ask(name, &mut named, share(), now_ms).await {
            let error = failure.message;
            tracing::warn!(
                code = "renewal_info",
                name,
                error,
                "the certificate authority could not be asked when to renew"
            );
            if let Err(error) = kept::save(&self.recorder, name, &named).await {
                tracing::error!(
                    code = "renewal_info",
                    name,
                    error,
                    "the failure could not be kept"
                );
            }
        }
        self.certificates.known.lock().insert(name.to_owned(), named);
    }
}

/// At random from 0 to 1.
fn share() -> f64 {
    rand::random()
}
