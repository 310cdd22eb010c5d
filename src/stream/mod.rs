//! The stream: clicks and activities go to a receiver over HTTP, in order, in batches, at least once.
//!
//! One thread, `stream`, reads the store behind the cursor, sends a batch, and saves the cursor when it was taken. Nothing
//! is queued: a receiver that is away for a day finds everything in the store afterwards, and nobody waits for it. Without
//! `[stream]` there is no thread.
//!
//! | file | |
//! | --- | --- |
//! | `cursor` | how far it is; pure |
//! | `read` | what comes next, and as lines of JSON |
//! | `send` | one batch over the wire |
//!
//! 2026-11-29: the journal has the order of commits, and is gone within two days for the sake of erasures; the records
//! themselves stay as long as they are wanted. So the order is that of their ids, which is the time of their receipt, and
//! [`crate::recorder::Feeds`] tells of those that were committed behind others.

mod cursor;
mod read;
mod send;

pub use send::Trouble;

use crate::config;
use crate::domain::ids::TimeId;
use crate::recorder::{RecordError, Recorder};
use crate::store::keys::{Feed, Handed};
use crate::store::{StoreError, keys};
use crate::telemetry;
use crate::wire::Client;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use cursor::{Batch, Cursor, just_before};
use parking_lot::Mutex;
use read::{Entry, Span};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Between two looks when there was nothing.
const TICK: Duration = Duration::from_secs(1);
/// Between two tries at most.
const LONGEST_REST: Duration = Duration::from_secs(60);
/// How long a record rests before it is handed on, so that others of its time are committed.
const REST_MS: i64 = 2_000;
/// How long a stop waits for a batch on the wire.
const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// Trouble that lasts so long is told.
const TROUBLE_AFTER_MS: i64 = 5 * 60_000;
/// What waits longer than this without trouble is told too.
const LAG_AFTER_MS: i64 = 15 * 60_000;

/// How the stream is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// Rows that were taken since it began.
    pub rows: u64,
    /// How old the oldest record is that waits, milliseconds; 0: none does.
    pub lag_ms: i64,
    /// When a batch was taken last, unix milliseconds.
    pub taken_at_ms: Option<i64>,
    /// What is wrong, and since when, unix milliseconds.
    pub trouble: Option<(i64, Trouble)>,
}

/// The running stream.
pub struct Stream {
    options: config::Stream,
    client: Arc<Client>,
    status: Arc<Mutex<Status>>,
    clock: crate::clock::Clock,
    thread: Mutex<Option<Running>>,
}

/// The thread, and how it is ended.
struct Running {
    stop: Sender<()>,
    /// Disconnected when the thread has ended.
    ended: Receiver<()>,
    thread: JoinHandle<()>,
}

/// Generation, id and kind of a record that came behind the mark.
type Late = (u32, TimeId, Handed);

/// What the thread works with.
struct Work {
    options: config::Stream,
    recorder: Recorder,
    client: Arc<Client>,
    instance: String,
    status: Arc<Mutex<Status>>,
    cursor: Cursor,
    /// The records of the batch that is noted, unless they have to be read again.
    held: Option<Vec<Entry>>,
}

/// Why the stream does not start.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// Its cursor cannot be read.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// Its cursor cannot be written.
    #[error("{0}")]
    Record(#[from] RecordError),
    /// A thread.
    #[error("a thread cannot be started: {0}; check the limit of processes (ulimit -u)")]
    Thread(std::io::Error),
}

/// Why a turn came to nothing.
enum Stop {
    /// The receiver did not take the batch.
    Refused(Trouble),
    /// The store cannot be read or written now.
    Store(String),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error.to_string())
    }
}

impl From<RecordError> for Stop {
    fn from(error: RecordError) -> Self {
        Self::Store(error.to_string())
    }
}

impl Stream {
    /// Starts it; `None` when no receiver is configured. Before intake starts.
    ///
    /// # Errors
    /// The thread cannot be started, or the cursor cannot be read.
    pub fn start(
        options: &config::Stream,
        recorder: &Recorder,
        client: Arc<Client>,
        instance: &str,
    ) -> Result<Option<Self>, StreamError> {
        if options.url.is_none() {
            return Ok(None);
        }
        let clock = recorder.clock().clone();
        let cursor = begin(options, recorder, clock.now_ms())?;
        recorder
            .feeds()
            .begin(Feed::Stream, cursor.before_ms, cursor.generation);
        let status = Arc::new(Mutex::new(Status {
            rows: cursor.rows,
            ..Status::default()
        }));
        let work = Work {
            options: options.clone(),
            recorder: recorder.clone(),
            client: client.clone(),
            instance: instance.to_owned(),
            status: status.clone(),
            cursor,
            held: None,
        };
        let (stop, stopped) = bounded(1);
        let (end, ended) = bounded(1);
        let thread = std::thread::Builder::new()
            .name("stream".into())
            .spawn(move || {
                crate::priority::step_back(crate::priority::Step::Last);
                work.run(&stopped);
                drop(end);
            })
            .map_err(StreamError::Thread)?;
        Ok(Some(Self {
            options: options.clone(),
            client,
            status,
            clock,
            thread: Mutex::new(Some(Running { stop, ended, thread })),
        }))
    }

    /// How it is.
    pub fn status(&self) -> Status {
        self.status.lock().clone()
    }

    /// Where it goes: scheme, host and port.
    pub fn receiver(&self) -> String {
        let url = self.options.url.as_deref().unwrap_or_default();
        url::Url::parse(url).map_or_else(|_| String::new(), |url| url.origin().ascii_serialization())
    }

    /// What the operator should know; `None`: all is well.
    pub fn trouble(&self) -> Option<String> {
        told(&self.status(), self.clock.now_ms())
    }

    /// Sends a batch without rows, and tells what came of it.
    ///
    /// # Errors
    /// The receiver does not take it.
    pub fn test(&self) -> Result<(), Trouble> {
        send::send(&self.client, &self.options, String::new(), "")
    }

    /// Ends it; a batch on the wire is waited for, for a while.
    pub fn stop(&self) {
        let Some(running) = self.thread.lock().take() else {
            return;
        };
        drop(running.stop);
        // What the receiver takes meanwhile goes out again after the next start, under the same token.
        if running.ended.recv_timeout(STOP_PATIENCE) == Err(RecvTimeoutError::Timeout) {
            return;
        }
        if running.thread.join().is_err() {
            tracing::error!(
                code = "stream_panicked",
                "the thread of the stream ended with a panic"
            );
        }
    }
}

/// The cursor as it is stored, or a new one.
fn begin(options: &config::Stream, recorder: &Recorder, now_ms: i64) -> Result<Cursor, StreamError> {
    if let Some(mut cursor) = recorder.reader().load(&cursor::key())? {
        // Smaller batches are asked for, since the receiver does not take such a one.
        let is_too_large = |batch: &Batch| batch.rows > u64::from(options.batch_rows);
        cursor.next = cursor.next.filter(|batch| !is_too_large(batch));
        return Ok(cursor);
    }
    // Kept before anything comes: whatever is taken from now on is handed on, however soon the server dies.
    let cursor = Cursor::begin(now_ms, options.history);
    let kept = cursor.clone();
    recorder.try_run_blocking(move |group| group.save(cursor::key(), &kept))??;
    Ok(cursor)
}

fn told(status: &Status, now_ms: i64) -> Option<String> {
    if let Some((since_ms, trouble)) = &status.trouble
        && now_ms - since_ms >= TROUBLE_AFTER_MS
    {
        return Some(trouble.message.clone());
    }
    let minutes = status.lag_ms / 60_000;
    (status.lag_ms >= LAG_AFTER_MS).then(|| format!("the oldest row waits for {minutes} minutes"))
}

impl Work {
    fn run(mut self, stopped: &Receiver<()>) {
        let (mut rest, mut failures) = (Duration::ZERO, 0_u32);
        while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(rest) {
            rest = match self.turn() {
                Ok(is_more) => {
                    failures = 0;
                    self.status.lock().trouble = None;
                    if is_more { Duration::ZERO } else { TICK }
                }
                Err(stop) => {
                    failures = failures.saturating_add(1);
                    self.note(stop);
                    let seconds = 1_u64 << failures.saturating_sub(1).min(6);
                    Duration::from_secs(seconds).min(LONGEST_REST)
                }
            };
            self.measure();
        }
    }

    fn note(&mut self, stop: Stop) {
        let trouble = match stop {
            Stop::Refused(trouble) => trouble,
            Stop::Store(message) => Trouble {
                code: "store_down",
                message,
            },
        };
        telemetry::stream_batch("failed", 0);
        if let Some(left_out) = telemetry::occasionally("stream") {
            tracing::warn!(
                code = "stream",
                why = trouble.code,
                left_out,
                "the stream goes on when it can: {}",
                trouble.message
            );
        }
        let now_ms = self.recorder.clock().now_ms();
        let mut status = self.status.lock();
        let since_ms = status.trouble.as_ref().map_or(now_ms, |(since_ms, _)| *since_ms);
        status.trouble = Some((since_ms, trouble));
    }

    /// Sends what is noted, or notes what comes next. Whether there may be more.
    fn turn(&mut self) -> Result<bool, Stop> {
        if self.recorder.is_down() {
            return Ok(false);
        }
        if self.cursor.next.is_none() {
            let cursor = self.cursor.clone();
            if !self.plan(cursor, Vec::new())? {
                return Ok(false);
            }
        }
        let Some(batch) = self.cursor.next else {
            return Ok(false);
        };
        let reader = &self.recorder.reader().clone();
        let entries = match self.held.take() {
            Some(entries) => entries,
            // After a start.
            None => read::of_batch(reader, &self.cursor, &batch, self.options.clicks)?,
        };
        let lines = read::lines(&entries, self.cursor.rows + 1);
        if !lines.is_empty() {
            let token = self.cursor.token(&batch, &self.instance);
            if let Err(trouble) = send::send(&self.client, &self.options, lines, &token) {
                self.held = Some(entries);
                return Err(Stop::Refused(trouble));
            }
        }
        telemetry::stream_batch("taken", batch.rows);
        let done = match batch.late {
            Some(_) => read::late(reader, &self.cursor, usize::MAX, Some(batch.until))?,
            None => Vec::new(),
        };
        let taken = self.cursor.after(&batch);
        let now_ms = self.recorder.clock().now_ms();
        {
            let mut status = self.status.lock();
            status.rows = taken.rows;
            status.taken_at_ms = Some(now_ms);
        }
        self.plan(taken, done)
    }

    /// Saves a cursor under which nothing is noted, without the late records that are done, and notes what comes next.
    /// Whether there may be more.
    fn plan(&mut self, mut cursor: Cursor, done: Vec<Late>) -> Result<bool, Stop> {
        if let Some((batch, entries)) = self.in_order(&mut cursor)? {
            return self.note_next(cursor, batch, entries, done);
        }
        if !done.is_empty() {
            self.save(cursor.clone(), done)?;
        }
        if let Some((batch, entries)) = self.late(&cursor)? {
            return self.note_next(cursor, batch, entries, Vec::new());
        }
        let before_ms = self.recorder.clock().now_ms().saturating_sub(REST_MS);
        if !read::has_new(self.recorder.reader(), &cursor, before_ms, self.options.clicks)? {
            if cursor.rows != self.cursor.rows {
                self.save(cursor, Vec::new())?;
            }
            return Ok(false);
        }
        let sealed = self
            .recorder
            .try_run_blocking(move |group| -> Result<Cursor, StoreError> {
                (cursor.before_ms, cursor.generation) = group.feeds().seal(Feed::Stream, before_ms);
                group.save(cursor::key(), &cursor)?;
                Ok(cursor)
            })??;
        self.cursor = sealed.clone();
        let mut cursor = sealed;
        match self.in_order(&mut cursor)? {
            Some((batch, entries)) => self.note_next(cursor, batch, entries, Vec::new()),
            // There are late ones, then.
            None => Ok(true),
        }
    }

    /// The next records in order; without any the cursor is at its mark.
    fn in_order(&self, cursor: &mut Cursor) -> Result<Option<(Batch, Vec<Entry>)>, StoreError> {
        let until = just_before(cursor.before_ms);
        while cursor.taken < until {
            let span = Span {
                after: cursor.taken,
                until,
                rows: self.options.batch_rows as usize,
                has_clicks: self.options.clicks,
            };
            let page = read::in_order(self.recorder.reader(), span)?;
            if let Some(last) = page.entries.last() {
                let batch = Batch {
                    rows: page.entries.len() as u64,
                    until: last.id,
                    late: None,
                };
                return Ok(Some((batch, page.entries)));
            }
            cursor.taken = page.more_after.unwrap_or(until);
        }
        Ok(None)
    }

    /// The next late records.
    fn late(&self, cursor: &Cursor) -> Result<Option<(Batch, Vec<Entry>)>, StoreError> {
        let reader = self.recorder.reader();
        let found = read::late(reader, cursor, self.options.batch_rows as usize, None)?;
        let Some((generation, until, _)) = found.last().copied() else {
            return Ok(None);
        };
        let entries = read::load(reader, found.into_iter().map(|(_, id, what)| (id, what)))?;
        let batch = Batch {
            rows: entries.len() as u64,
            until,
            late: Some(generation),
        };
        Ok(Some((batch, entries)))
    }

    /// Saves what is sent next.
    fn note_next(
        &mut self,
        mut cursor: Cursor,
        batch: Batch,
        entries: Vec<Entry>,
        done: Vec<Late>,
    ) -> Result<bool, Stop> {
        cursor.next = Some(batch);
        self.save(cursor, done)?;
        self.held = Some(entries);
        Ok(true)
    }

    fn save(&mut self, cursor: Cursor, done: Vec<Late>) -> Result<(), Stop> {
        let saved = cursor.clone();
        self.recorder
            .try_run_blocking(move |group| -> Result<(), StoreError> {
                for (generation, id, what) in done {
                    group.remove(keys::late(Feed::Stream, generation, id, what));
                }
                group.save(cursor::key(), &saved)
            })??;
        self.cursor = cursor;
        Ok(())
    }

    /// How far behind it is.
    fn measure(&self) {
        let waiting = self.cursor.next.map(|_| {
            let held = self.held.as_ref().and_then(|entries| entries.first());
            held.map_or(self.cursor.taken, |entry| entry.id).at_ms()
        });
        let now_ms = self.recorder.clock().now_ms();
        let lag_ms = waiting.map_or(0, |since_ms| now_ms.saturating_sub(since_ms).max(0));
        self.status.lock().lag_ms = lag_ms;
        telemetry::stream_lag(lag_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_that_lasts_is_told_and_so_is_a_lag() {
        let trouble = Trouble {
            code: "connect",
            message: "refused".into(),
        };
        let status = |since_ms, lag_ms| Status {
            lag_ms,
            trouble: Some((since_ms, trouble.clone())),
            ..Status::default()
        };
        assert_eq!(told(&Status::default(), 0), None);
        assert_eq!(told(&status(0, 0), TROUBLE_AFTER_MS - 1), None);
        assert_eq!(told(&status(0, 0), TROUBLE_AFTER_MS), Some("refused".into()));
        let behind = Status {
            lag_ms: LAG_AFTER_MS,
            ..Status::default()
        };
        assert_eq!(
            told(&behind, 0),
            Some("the oldest row waits for 15 minutes".into())
        );
    }
}
