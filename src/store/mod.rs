//! The store: the journal is the truth, sled is the index. The only room that names sled.
//!
//! A [`Commit`] is a list of key writes over several databases. [`Writer::append`] makes it durable in the
//! journal, [`Writer::apply`] lets reads see it and has a thread hand it to the databases, each of which keeps
//! the number of the last commit it has applied. From there everything else follows: a database that is behind
//! is brought up from the journal, one that is damaged is rebuilt from its snapshot and the journal, and what
//! the journal holds survives whatever sled does. It knows how records are written, and decides nothing about
//! them.
//!
//! ```text
//! LOCK  MANIFEST  ballast                 one process; what is known; room for bad times
//! journal/                                see `crate::journal`
//! db/hot  db/sessions-2026-11  ...        one sled database each; damaged-* were moved aside
//! snapshots/hot-000000000000002a.snap     the newest of each database
//! backups/                                made by the schedule, and before a migration
//! restoring/  restored/                   see `restore`
//! ```
//!
//! | file | what it is for |
//! | --- | --- |
//! | `database` `keys` `codec` | names, the catalogue of keys, records as bytes; pure |
//! | `records` | keys that know what is stored under them |
//! | `rows` `index` `packed` | what sled is given; one sled database, made safe; records of periods in blocks inside it |
//! | `replay` | what sled would lose in silence when it opens its file |
//! | `engine` `catch_up` | which databases are open, and when one is believed |
//! | `survey` `recover` `rebuild` | opening a store; bringing a failed database back |
//! | `reader` `writer` `keeper` | the three ways in |
//! | `pending` | what is durable and on its way into the databases |
//! | `snapshot` `snapshots` `manifest` `files` `space` | files and room |
//! | `archive` `backup` `target` `restore` `schedule` `scheduled` | backups: the file, making it, putting it back, the schedule |
//! | `away` `copying` `foreign` | what the archive off the machine needs |
//! | `verify` `migrate` `retention` | what else an operator needs |

pub mod catalog;
pub mod codec;
pub mod keys;
pub mod records;

mod addresses;
mod archive;
mod away;
mod backup;
mod catch_up;
mod copying;
mod database;
mod engine;
mod erased;
mod error;
mod files;
mod foreign;
mod index;
mod keeper;
mod manifest;
mod migrate;
mod packed;
mod pending;
mod progress;
mod reader;
mod rebuild;
mod recover;
mod replay;
mod restore;
mod retention;
mod rows;
mod schedule;
mod scheduled;
mod sealing;
mod snapshot;
mod snapshots;
mod space;
mod survey;
mod target;
#[cfg(test)]
mod tests;
mod verify;
mod writer;

pub use crate::domain::erased::Erased;
pub use addresses::Addresses;
pub use archive::BackupReport;
pub use away::RawCommit;
pub use copying::{Commits, LeftOff};
pub use erased::erased_in;
pub use error::StoreError;
pub use foreign::{Foreign, pack, unpack};
pub use keeper::Keeper;
pub use keys::{Db, KeyRange, Period, PeriodKind};
pub use manifest::Loss;
pub use progress::Progress;
pub use reader::{Gathered, Reader};
pub use records::{JsonRecord, Key, RawKey, Record};
pub use restore::{RestoreOptions, RestoreReport, restore, restore_with};
pub use retention::{RetentionClock, RetentionPolicy, cutoff, retention};
pub use schedule::{BackupOptions, BackupStatus};
pub use sealing::Sealing;
pub use space::{Room, SpaceOptions, judge};
pub use target::Target;
pub use verify::{VerifyReport, verify};
pub use writer::{Appended, Writer};

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// One write of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Sets a key to a value.
    Put(Vec<u8>, Vec<u8>),
    /// Removes a key.
    Delete(Vec<u8>),
    /// The whole database of a period goes, with all that was written to it before in this commit.
    Drop,
}

impl Op {
    /// The key that is written or removed.
    pub fn key(&self) -> Option<&[u8]> {
        match self {
            Self::Put(key, _) | Self::Delete(key) => Some(key),
            Self::Drop => None,
        }
    }

    /// The key that is written.
    pub fn put_key(&self) -> Option<&[u8]> {
        match self {
            Self::Put(key, _) => Some(key),
            Self::Delete(_) | Self::Drop => None,
        }
    }

    /// The key and its new value; `None` for a drop.
    fn write(&self) -> Option<rows::Write<'_>> {
        match self {
            Self::Put(key, value) => Some((key, Some(value))),
            Self::Delete(key) => Some((key, None)),
            Self::Drop => None,
        }
    }
}

/// Writes that become durable together, in order: final values, never increments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Commit {
    /// Which database, and what to do there.
    pub writes: Vec<(Db, Op)>,
}

/// When snapshots are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotOptions {
    /// The hot database, so long after the first write that its last one does not cover (milliseconds).
    pub hot_every_ms: i64,
    /// A period, likewise. With the rest of the way a segment is gone well within 48 h.
    pub period_every_ms: i64,
    /// All of them, when the journal is longer than this.
    pub journal_bytes: u64,
}

impl Default for SnapshotOptions {
    fn default() -> Self {
        const HOUR_MS: i64 = 60 * 60 * 1000;
        Self {
            hot_every_ms: 6 * HOUR_MS,
            period_every_ms: 24 * HOUR_MS,
            journal_bytes: 2 << 30,
        }
    }
}

/// How a store is opened.
#[derive(Clone)]
pub struct StoreOptions {
    /// Cache of the hot database.
    pub hot_cache_bytes: u64,
    /// Cache of each open period.
    pub period_cache_bytes: u64,
    /// Periods that are open at a time.
    pub open_periods: usize,
    /// Bytes of a family of a period that are gathered in memory before they are written in blocks.
    pub packed_bytes: usize,
    /// How often sled writes in its own time; what is acknowledged does not depend on it.
    pub flush_every_ms: u64,
    /// How long a database may take to open before it counts as damaged.
    pub open_deadline: Duration,
    /// How often the manifest notes what is durable in the databases: bounds the replay after a crash.
    pub checkpoint_every: Duration,
    /// The journal's files.
    pub journal: crate::journal::Options,
    /// When snapshots are made.
    pub snapshots: SnapshotOptions,
    /// Thresholds of free space.
    pub space: SpaceOptions,
    /// Backups by a schedule; `None`: none are made.
    pub backups: Option<BackupOptions>,
    /// Whether all of the journal stays until [`Keeper::keep_journal_after`] says what may go.
    pub keeps_journal: bool,
    /// Whether a store is made where there is none.
    pub may_create: bool,
    /// Whether the store's own threads run; without them nothing happens that is not asked for.
    pub has_threads: bool,
    /// Counts what is read while the store is opened.
    pub progress: Progress,
    /// The time, unix milliseconds.
    pub clock: Arc<dyn Fn() -> i64 + Send + Sync>,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            hot_cache_bytes: 64 << 20,
            period_cache_bytes: 16 << 20,
            open_periods: 8,
            packed_bytes: 2 << 20,
            flush_every_ms: 500,
            open_deadline: Duration::from_secs(300),
            checkpoint_every: Duration::from_secs(15),
            journal: crate::journal::Options::default(),
            snapshots: SnapshotOptions::default(),
            space: SpaceOptions::default(),
            backups: None,
            keeps_journal: false,
            may_create: true,
            has_threads: true,
            progress: Progress::default(),
            clock: Arc::new(system_now_ms),
        }
    }
}

/// The system's time, unix milliseconds.
fn system_now_ms() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Says in the log that something the store does by itself failed.
fn log_failure(what: &str, result: Result<(), StoreError>) {
    if let Err(error) = result
        && !matches!(error, StoreError::Closing)
    {
        tracing::warn!(code = error.code(), %error, "{what} failed; it is tried again");
    }
}

/// What kind of repair it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepairKind {
    /// Something was wrong and nothing was lost by it.
    Repaired,
    /// A database was rebuilt.
    Rebuilt,
    /// Something is lost, or may be.
    Lost,
}

impl RepairKind {
    /// Stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Repaired => "store_repaired",
            Self::Rebuilt => "store_rebuilt",
            Self::Lost => "store_lost",
        }
    }
}

/// What a record that cannot be read comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// Its database is being rebuilt; it may be back then.
    Rebuilding,
    /// It was rebuilt, and the record cannot be read: it is lost, which the operator is told.
    Lost,
}

/// Something that was repaired, rebuilt or lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// What kind.
    pub kind: RepairKind,
    /// Which database, when it concerns one.
    pub db: Option<Db>,
    /// Unix milliseconds.
    pub at_ms: i64,
    /// A sentence for the operator.
    pub message: String,
}

/// What opening a store did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenReport {
    /// Random id of the instance, 16 hexadecimal digits.
    pub instance: String,
    /// Schema of the records.
    pub schema: u16,
    /// The schema that was there before, when a migration ran.
    pub migrated_from: Option<u16>,
    /// The last commit.
    pub last_seq: u64,
    /// Commits that were read from the journal.
    pub replayed_commits: u64,
    /// Bytes of a commit that a crash cut off; nobody was told that it stands.
    pub torn_tail_bytes: u64,
    /// What was repaired, rebuilt or lost.
    pub repairs: Vec<Repair>,
}

/// The state of the store, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreState {
    /// All is well.
    Ready,
    /// A database is being brought back; commits stand meanwhile.
    Rebuilding,
    /// No room: nothing is written until there is.
    Full,
    /// A database cannot be brought back: an operator has to look.
    Failed,
}

impl StoreState {
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Rebuilding => "rebuilding",
            Self::Full => "full",
            Self::Failed => "failed",
        }
    }
}

/// How the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Its state.
    pub state: StoreState,
    /// Which database failed for good, and why.
    pub failure: Option<(Db, String)>,
    /// Databases that are being brought back.
    pub rebuilding: Vec<Db>,
    /// The last commit in the journal.
    pub durable_seq: u64,
    /// The last commit that was handed to the databases.
    pub applied_seq: u64,
    /// The last commit that is durable in every database.
    pub checkpoint_seq: u64,
    /// How many databases there are.
    pub databases: usize,
    /// Length of the journal.
    pub journal_bytes: u64,
    /// Free space when it was last looked at.
    pub free_bytes: u64,
    /// Since when the oldest write waits for a snapshot, unix milliseconds.
    pub oldest_uncovered_at_ms: Option<i64>,
    /// The last repairs, oldest first.
    pub repairs: Vec<Repair>,
    /// What was lost so far, oldest first; kept over restarts.
    pub losses: Vec<Loss>,
    /// Databases whose snapshot is damaged and could not be made anew.
    pub damaged_snapshots: Vec<Db>,
    /// How the scheduled backups are; `None`: there is no schedule.
    pub backups: Option<BackupStatus>,
}

/// An open store: its three ways in.
pub struct Store {
    /// Writes; for one thread. Closing it closes the store.
    pub writer: Writer,
    /// Reads; clones share it.
    pub reader: Reader,
    /// Snapshots and backups; clones share it.
    pub keeper: Keeper,
}

impl Store {
    /// Opens the store in a directory, or makes one. Every commit that was ever acknowledged is applied when
    /// this returns, or the report says what is lost.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::NewerSchema`], [`StoreError::Full`], [`StoreError::Io`],
    /// [`StoreError::Failed`] when a database cannot even be made anew, [`StoreError::Migration`].
    pub fn open(dir: &Path, options: StoreOptions) -> Result<(Self, OpenReport), StoreError> {
        Self::open_with(dir, options, migrate::STEPS)
    }

    fn open_with(
        dir: &Path,
        options: StoreOptions,
        steps: &[migrate::Step],
    ) -> Result<(Self, OpenReport), StoreError> {
        let has_threads = options.has_threads;
        let (engine, report) = recover::open(dir, options, steps)?;
        let threads = if has_threads {
            keeper::Threads::start(&engine)?
        } else {
            keeper::Threads::default()
        };
        let applier = has_threads.then(|| writer::Applier::start(&engine)).transpose()?;
        let writer = Writer {
            engine: engine.clone(),
            threads,
            applier,
            journal_failure: None,
        };
        let store = Self {
            writer,
            reader: Reader::of(&engine),
            keeper: Keeper { engine },
        };
        Ok((store, report))
    }
}
