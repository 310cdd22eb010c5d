//! Tells the operator what is wrong: by e-mail, a Slack-compatible webhook and LINE. What is said, and when, is
//! decided in [`crate::domain::alert`]; here are the facts, the thread that looks at them, and the wire.
//!
//! One thread, `alerts`, looks every second, and sends what there is to say. A message that a channel does not
//! take is tried again after 30 s, 2 min and 10 min, in the order of the messages; [`MOST_WAITING`] wait for
//! each channel, beyond it the oldest is dropped and counted. What is open is kept in the store, so that a
//! restart neither repeats an alert nor forgets to end one.
//!
//! 2026-11-21: a message is not kept over a restart; its alert is, and its end is said. With no channel set up
//! alerts are followed all the same: the UI shows them.

mod channels;
mod facts;
mod incoming;
mod summaries;

pub use channels::Sent;

use crate::archive::Archiving;
use crate::certificates::Certificates;
use crate::config::InForce;
use crate::delivery::Delivery;
use crate::delivery::holds::Holds;
use crate::domain::account::{AlertChannel, Settings};
use crate::domain::alert::text::{self, Language, Message};
use crate::domain::alert::{self, AlertKind, AlertPolicy, Notice, Watch};
use crate::export::Export;
use crate::recorder::{RecordError, Recorder};
use crate::store::{JsonRecord, keys};
use crate::stream::Stream;
use crate::telemetry;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use facts::Gauges;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use parking_lot::Mutex;
use serde::Serialize;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use summaries::Summaries;

/// Between two looks.
const TICK: Duration = Duration::from_secs(1);
/// After which a message that was not taken is tried again, milliseconds.
const RETRIES_MS: [i64; 3] = [30_000, 120_000, 600_000];
/// Messages that wait for a channel.
pub const MOST_WAITING: usize = 32;
/// Name of what is kept over a restart.
const KEPT_AS: &str = "alerts";

/// Whatever an alert needs to know and do.
#[derive(Clone)]
pub struct Reach {
    /// Settings, counters, the store.
    pub recorder: Recorder,
    /// Destinations, and the wire.
    pub delivery: Arc<Delivery>,
    /// Effective configuration.
    pub config: InForce,
    /// Partners whose postbacks wait.
    pub holds: Holds,
    /// Of the listeners.
    pub certificates: Arc<Certificates>,
    /// Activities to a receiver, if there is one.
    pub stream: Option<Arc<Stream>>,
    /// Files of raw data, if any are written.
    pub export: Option<Arc<Export>>,
    /// The archive off the machine, if there is one.
    pub archiving: Option<Arc<Archiving>>,
}

impl Reach {
    /// The address of the UI without a slash at the end, where it can be told: the public address, unless the
    /// UI listens elsewhere.
    fn base(&self, settings: &Settings) -> Option<String> {
        if self.config.now().admin.listen.is_some() {
            return None;
        }
        Some(settings.public_url.clone())
            .filter(|url| !url.is_empty())
            .or_else(|| self.config.now().public_url.clone())
    }
}

/// What last became of a message on a channel.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct LastSent {
    /// Unix milliseconds.
    pub at_ms: i64,
    /// Whether it was taken.
    pub is_ok: bool,
    /// What kind of outcome, for the language of the reader: a stable code.
    pub code: &'static str,
    /// What the other side said, or why it did not come that far.
    pub message: String,
}

/// An alert that stands.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct OpenAlert {
    /// What is wrong.
    pub kind: AlertKind,
    /// With what: `scheme://host:port` of a destination, else empty.
    pub subject: String,
    /// In one line, in the language of alerts.
    pub headline: String,
    /// Unix milliseconds.
    pub since_ms: i64,
}

#[derive(Default)]
struct Board {
    last: HashMap<AlertChannel, LastSent>,
    open: Vec<OpenAlert>,
}

/// Alerts, running.
pub struct Alerts {
    reach: Reach,
    board: Arc<Mutex<Board>>,
    stop: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
}

impl Alerts {
    /// Starts the thread.
    pub fn start(reach: Reach) -> std::io::Result<Self> {
        let (stop, stopped) = bounded(1);
        let board = Arc::new(Mutex::new(Board::default()));
        let mut watcher = Watcher {
            watch: kept(&reach.recorder),
            gauges: Gauges::default(),
            summaries: Summaries::default(),
            outbox: VecDeque::new(),
            board: board.clone(),
            reach: reach.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("alerts".into())
            .spawn(move || watcher.run(&stopped))?;
        Ok(Self {
            reach,
            board,
            stop: Mutex::new(Some((stop, thread))),
        })
    }

    /// What last became of a message on a channel; `None`: there was none since the start.
    pub fn last(&self, channel: AlertChannel) -> Option<LastSent> {
        self.board.lock().last.get(&channel).cloned()
    }

    /// The alerts that stand, the oldest first.
    pub fn open(&self) -> Vec<OpenAlert> {
        self.board.lock().open.clone()
    }

    /// Sends a test message on a channel of the stored settings, and tells what exactly came of it. Waits for
    /// the answer, up to half a minute.
    pub fn send_test(&self, channel: AlertChannel) -> LastSent {
        let settings = self.reach.recorder.catalog().settings.clone();
        let message = text::test_message(language(&settings), self.reach.base(&settings).as_deref());
        let sent = channels::send(&self.reach, &settings.alerts, channel, &message);
        note(&self.board, &self.reach, channel, sent)
    }

    /// Sends the summary of the last whole period on every way that is set up, and tells what came of each. Waits for
    /// the answers; `None`: its figures cannot be read.
    pub fn send_summary(&self) -> Option<Vec<(AlertChannel, LastSent)>> {
        let settings = self.reach.recorder.catalog().settings.clone();
        let message = summaries::now(&self.reach, &settings)?;
        let ways = AlertChannel::ALL.into_iter();
        let send = |channel| {
            let sent = channels::send(&self.reach, &settings.alerts, channel, &message);
            (channel, note(&self.board, &self.reach, channel, sent))
        };
        Some(ways.filter(|way| settings.alerts.has(*way)).map(send).collect())
    }

    /// Ends the thread; a message on the wire ends first.
    pub fn stop(&self) {
        let Some((stop, thread)) = self.stop.lock().take() else {
            return;
        };
        drop(stop);
        if thread.join().is_err() {
            tracing::error!(
                code = "alerts_panicked",
                "the thread of the alerts ended with a panic"
            );
        }
    }
}

fn language(settings: &Settings) -> Language {
    Language::of(if settings.alerts.language.is_empty() {
        &settings.language
    } else {
        &settings.alerts.language
    })
}

/// Writes down what became of a message: board, log, metric.
fn note(board: &Mutex<Board>, reach: &Reach, channel: AlertChannel, sent: Sent) -> LastSent {
    let name = channel.as_str();
    if sent.is_ok {
        telemetry::alert(name, "sent");
    } else {
        telemetry::alert(name, "failed");
        tracing::error!(
            code = "alert_not_sent",
            channel = name,
            message = sent.message,
            "an alert was not taken; see the settings of alerts"
        );
    }
    let last = LastSent {
        at_ms: reach.recorder.clock().now_ms(),
        is_ok: sent.is_ok,
        code: sent.code,
        message: sent.message,
    };
    board.lock().last.insert(channel, last.clone());
    last
}

impl JsonRecord for Watch {}

/// What was followed before the start.
fn kept(recorder: &Recorder) -> Watch {
    let stored = recorder.reader().load(&keys::instance(KEPT_AS));
    stored.unwrap_or_else(|error| {
        tracing::warn!(code = error.code(), %error, "the alerts of before the start cannot be read; they begin anew");
        None
    })
    .unwrap_or_default()
}

struct Waiting {
    channel: AlertChannel,
    message: Message,
    due_at_ms: i64,
    tries: usize,
}

/// What the thread owns.
struct Watcher {
    watch: Watch,
    gauges: Gauges,
    summaries: Summaries,
    outbox: VecDeque<Waiting>,
    board: Arc<Mutex<Board>>,
    reach: Reach,
}

impl Watcher {
    fn run(&mut self, stopped: &Receiver<()>) {
        self.show();
        while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(TICK) {
            let settings = self.reach.recorder.catalog().settings.clone();
            let notices = self.look();
            if !notices.is_empty() {
                self.say(&settings, &notices);
                self.show();
            }
            let now_ms = self.reach.recorder.clock().now_ms();
            if let Some(message) = self.summaries.due(&self.reach, &settings, now_ms) {
                self.queue_all(&settings, &message);
            }
            self.send_due(&settings, stopped);
        }
    }

    fn look(&mut self) -> Vec<Notice> {
        let keys = &self.reach.config.now().alerts;
        let ms = |seconds: u32| i64::from(seconds) * 1000;
        let policy = AlertPolicy {
            partner_after_ms: ms(keys.partner_after_s),
            settle_ms: ms(keys.settle_s),
            quiet_ms: ms(keys.quiet_s),
        };
        let facts = self.gauges.read(&self.reach);
        let now_ms = self.reach.recorder.clock().now_ms();
        if let Some(watched) = &facts.silences {
            self.watch.drop_unwatched(watched);
        }
        let notices = self.watch.step(now_ms, &alert::judge(&facts), &policy);
        if !notices.is_empty()
            && let Err(error) = self.keep()
        {
            tracing::warn!(code = error.code(), %error, "open alerts could not be kept; after a restart they may be said again");
        }
        notices
    }

    fn keep(&self) -> Result<(), RecordError> {
        if self.reach.recorder.is_down() {
            return Err(RecordError::Busy);
        }
        let watch = self.watch.clone();
        self.reach
            .recorder
            .try_run_blocking(move |group| group.save(keys::instance(KEPT_AS), &watch))?
            .map_err(|error| RecordError::from(&error))
    }

    fn say(&mut self, settings: &Settings, notices: &[Notice]) {
        let zone = TimeZone::get(&settings.time_zone).unwrap_or(TimeZone::UTC);
        let time = |at_ms: i64| {
            Timestamp::from_millisecond(at_ms)
                .map(|at| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string())
                .unwrap_or_default()
        };
        let base = self.reach.base(settings);
        let message = text::message(notices, language(settings), base.as_deref(), &time);
        for notice in notices {
            tracing::warn!(
                code = notice.key.kind.code(),
                subject = notice.key.subject,
                is_over = notice.over_at_ms.is_some(),
                "{}",
                text::headline(notice, Language::En)
            );
        }
        self.queue_all(settings, &message);
    }

    /// Lets a message wait for each way that is set up.
    fn queue_all(&mut self, settings: &Settings, message: &Message) {
        let ways = AlertChannel::ALL.into_iter();
        for channel in ways.filter(|channel| settings.alerts.has(*channel)) {
            self.queue(channel, message.clone());
        }
    }

    fn queue(&mut self, channel: AlertChannel, message: Message) {
        let of_channel = |waiting: &Waiting| waiting.channel == channel;
        if self.outbox.iter().filter(|waiting| of_channel(waiting)).count() >= MOST_WAITING
            && let Some(oldest) = self.outbox.iter().position(of_channel)
        {
            self.outbox.remove(oldest);
            telemetry::alert(channel.as_str(), "dropped");
            tracing::error!(
                code = "alert_dropped",
                channel = channel.as_str(),
                "too many alerts wait for this channel; the oldest was dropped"
            );
        }
        self.outbox.push_back(Waiting {
            channel,
            message,
            due_at_ms: 0,
            tries: 0,
        });
    }

    /// Sends what is due; of each channel the oldest message first.
    fn send_due(&mut self, settings: &Settings, stopped: &Receiver<()>) {
        for channel in AlertChannel::ALL {
            while stopped.is_empty() && self.send_oldest(settings, channel) {}
        }
    }

    /// Whether the oldest message of a channel was taken, so that the next can follow.
    fn send_oldest(&mut self, settings: &Settings, channel: AlertChannel) -> bool {
        let Some(at) = self.outbox.iter().position(|waiting| waiting.channel == channel) else {
            return false;
        };
        // A channel that was switched off meanwhile wants nothing any more.
        if !settings.alerts.has(channel) {
            self.outbox.remove(at);
            return true;
        }
        let now_ms = self.reach.recorder.clock().now_ms();
        let Some(waiting) = self
            .outbox
            .get_mut(at)
            .filter(|waiting| waiting.due_at_ms <= now_ms)
        else {
            return false;
        };
        let sent = channels::send(&self.reach, &settings.alerts, channel, &waiting.message);
        let is_ok = note(&self.board, &self.reach, channel, sent).is_ok;
        match RETRIES_MS.get(waiting.tries) {
            Some(after_ms) if !is_ok => {
                waiting.tries += 1;
                waiting.due_at_ms = now_ms + after_ms;
                false
            }
            None if !is_ok => {
                self.outbox.remove(at);
                telemetry::alert(channel.as_str(), "dropped");
                tracing::error!(
                    code = "alert_dropped",
                    channel = channel.as_str(),
                    "an alert was given up after several tries"
                );
                false
            }
            Some(_) | None => {
                self.outbox.remove(at);
                true
            }
        }
    }

    /// Shows what is open.
    fn show(&self) {
        let language = language(&self.reach.recorder.catalog().settings);
        let mut open: Vec<OpenAlert> = self
            .watch
            .open()
            .map(|(key, detail, since_ms)| OpenAlert {
                kind: key.kind,
                subject: key.subject.clone(),
                headline: text::headline(
                    &Notice {
                        key: key.clone(),
                        detail: detail.clone(),
                        since_ms,
                        over_at_ms: None,
                    },
                    language,
                ),
                since_ms,
            })
            .collect();
        open.sort_by_key(|alert| alert.since_ms);
        self.board.lock().open = open;
    }
}
