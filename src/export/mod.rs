//! Files of raw data: clicks, activities, postbacks and their tries as Parquet, to a bucket or a directory.
//!
//! One thread, `export`, reads the store behind the hours that are over, and writes each of them once: every row stands
//! in the hour of its receipt, also one that came late. Only an erasure has a file written anew. Nothing is queued, nobody
//! waits for it, and what it holds in memory is bounded by one file. Without `[export]` there is no thread.
//!
//! | file | |
//! | --- | --- |
//! | `cursor` | how far it is; pure |
//! | `read` | what comes next |
//! | `table` | rows as Parquet, and a file without what was erased |
//! | `place` | names, lists of files, and where they lie |
//! | `work` | the steps of the thread |
//! | `error` | what may go wrong |
//!
//! 2026-11-30: what the store held before files were set up is written first, hour by hour, as if it came now. Whether an hour
//! of then had postbacks is not noted anywhere, so that is noted when the hour begins.
//!
//! 2026-11-30: clicks and activities are found by their ids, which are the time of their receipt; tries are not, and a
//! postback moves between databases, so each of them leaves an entry in its own commit, which goes when a file holds it.

mod cursor;
mod error;
mod place;
mod read;
mod table;
#[cfg(test)]
mod tests;
mod work;

pub use error::ExportError;
pub use table::message_type;

use crate::clock::Clock;
use crate::config;
use crate::recorder::Recorder;
use crate::store::keys::Feed;
use crate::telemetry;
use crate::wire::Client;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use cursor::Cursor;
use parking_lot::Mutex;
use place::Place;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use work::Writer;

/// Between two looks when there was nothing.
const TICK: Duration = Duration::from_secs(1);
/// Between two tries at most.
const LONGEST_REST: Duration = Duration::from_secs(60);
/// How long a stop waits for a file on the wire.
const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// Trouble that lasts so long is told.
const TROUBLE_AFTER_MS: i64 = 5 * 60_000;
/// An hour that waits longer than this without trouble is told too.
const LAG_AFTER_MS: i64 = 60 * 60_000;

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Since when, unix milliseconds.
    pub since_ms: i64,
    /// Stable code.
    pub code: &'static str,
    /// What happened and what to do.
    pub message: String,
}

/// How the files are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// Rows in files since it began.
    pub rows: u64,
    /// Files since it began.
    pub files: u64,
    /// Up to when everything is in files, unix milliseconds.
    pub until_ms: i64,
    /// For how long the hour that comes next could have been written, milliseconds; 0: it is not over.
    pub lag_ms: i64,
    /// What is wrong; `None`: nothing.
    pub trouble: Option<Trouble>,
}

/// Files that are being written.
pub struct Export {
    place: Arc<Place>,
    status: Arc<Mutex<Status>>,
    clock: Clock,
    thread: Mutex<Option<Running>>,
}

/// The thread, and how it is ended.
struct Running {
    stop: Sender<()>,
    /// Disconnected when the thread has ended.
    ended: Receiver<()>,
    thread: JoinHandle<()>,
}

impl Export {
    /// Starts it; `None` when neither bucket nor directory is set. Before intake starts.
    ///
    /// # Errors
    /// A setting cannot be used, the thread cannot be started, or the cursor cannot be read or written.
    pub fn start(
        options: &config::Export,
        recorder: &Recorder,
        client: Arc<Client>,
    ) -> Result<Option<Self>, ExportError> {
        if !options.is_on() {
            // Files of before are written anew when somebody was erased meanwhile, once they are set up again.
            if let Some(cursor) = recorder.reader().load(&cursor::key())? {
                recorder.feeds().remember(Feed::Export, cursor.before_ms);
            }
            return Ok(None);
        }
        let clock = recorder.clock().clone();
        let cursor = begin(recorder, clock.now_ms())?;
        // First, so that nothing is missing from the files when the place cannot be opened until a later start.
        recorder
            .feeds()
            .begin(Feed::Export, cursor.before_ms, cursor.generation);
        let place = Arc::new(Place::open(options, || client)?);
        let writer = Writer {
            recorder: recorder.clone(),
            place: place.clone(),
            cursor,
        };
        let status = Arc::new(Mutex::new(Status::default()));
        measure(&writer, &status);
        let shown = status.clone();
        let (stop, stopped) = bounded(1);
        let (end, ended) = bounded(1);
        let thread = std::thread::Builder::new()
            .name("export".into())
            .spawn(move || {
                crate::priority::step_back(crate::priority::Step::Last);
                run(writer, &shown, &stopped);
                drop(end);
            })
            .map_err(ExportError::Thread)?;
        Ok(Some(Self {
            place,
            status,
            clock,
            thread: Mutex::new(Some(Running { stop, ended, thread })),
        }))
    }

    /// How it is.
    pub fn status(&self) -> Status {
        self.status.lock().clone()
    }

    /// Where the files go, for people.
    pub fn place(&self) -> &str {
        self.place.shown()
    }

    /// What the operator should know; `None`: all is well.
    pub fn trouble(&self) -> Option<String> {
        told(&self.status(), self.clock.now_ms())
    }

    /// Writes, reads and removes an object.
    ///
    /// # Errors
    /// The place does not do it: a code, and a sentence with what to do.
    pub fn test(&self) -> Result<(), Trouble> {
        self.place
            .probe()
            .map_err(|error| trouble_of(&error, self.clock.now_ms()))
    }

    /// Ends it; a file on the wire is waited for, for a while.
    pub fn stop(&self) {
        let Some(running) = self.thread.lock().take() else {
            return;
        };
        drop(running.stop);
        // What is written meanwhile is written again after the next start, under the same name.
        if running.ended.recv_timeout(STOP_PATIENCE) == Err(RecvTimeoutError::Timeout) {
            return;
        }
        if running.thread.join().is_err() {
            tracing::error!(
                code = "export_panicked",
                "the thread that writes files of raw data ended with a panic"
            );
        }
    }
}

/// The cursor as it is stored, or a new one.
fn begin(recorder: &Recorder, now_ms: i64) -> Result<Cursor, ExportError> {
    if let Some(cursor) = recorder.reader().load(&cursor::key())? {
        return Ok(cursor);
    }
    // Kept before anything comes: whatever is taken from now on gets into a file, however soon the server dies.
    let cursor = Cursor::begin(now_ms, read::oldest_ms(recorder.reader())?);
    let kept = cursor.clone();
    recorder.try_run_blocking(move |group| group.save(cursor::key(), &kept))??;
    Ok(cursor)
}

fn run(mut writer: Writer, status: &Mutex<Status>, stopped: &Receiver<()>) {
    let (mut rest, mut failures) = (Duration::ZERO, 0_u32);
    while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(rest) {
        rest = match writer.turn() {
            Ok(is_more) => {
                failures = 0;
                status.lock().trouble = None;
                if is_more { Duration::ZERO } else { TICK }
            }
            Err(error) => {
                failures = failures.saturating_add(1);
                note(&error, writer.recorder.clock().now_ms(), status);
                let seconds = 1_u64 << failures.saturating_sub(1).min(6);
                Duration::from_secs(seconds).min(LONGEST_REST)
            }
        };
        measure(&writer, status);
    }
}

fn trouble_of(error: &ExportError, since_ms: i64) -> Trouble {
    Trouble {
        since_ms,
        code: error.code(),
        message: format!("{error}{}", error.remedy()),
    }
}

fn note(error: &ExportError, now_ms: i64, status: &Mutex<Status>) {
    let mut trouble = trouble_of(error, now_ms);
    if let Some(left_out) = telemetry::occasionally("export") {
        tracing::warn!(
            code = "export",
            why = trouble.code,
            left_out,
            "files of raw data are written when they can be: {}",
            trouble.message
        );
    }
    let mut status = status.lock();
    if let Some(before) = &status.trouble {
        trouble.since_ms = before.since_ms;
    }
    status.trouble = Some(trouble);
}

/// How far it is.
fn measure(writer: &Writer, status: &Mutex<Status>) {
    let lag_ms = writer.lag_ms(writer.recorder.clock().now_ms());
    let mut status = status.lock();
    status.rows = writer.cursor.rows;
    status.files = writer.cursor.files;
    status.until_ms = writer.cursor.hour_ms;
    status.lag_ms = lag_ms;
    telemetry::export_lag(lag_ms);
}

fn told(status: &Status, now_ms: i64) -> Option<String> {
    if let Some(trouble) = &status.trouble
        && now_ms - trouble.since_ms >= TROUBLE_AFTER_MS
    {
        return Some(trouble.message.clone());
    }
    let minutes = status.lag_ms / 60_000;
    (status.lag_ms >= LAG_AFTER_MS)
        .then(|| format!("the oldest hour without its files waits for {minutes} minutes"))
}
