//! One sled database, so wrapped that nothing else can tell that it is one. Whatever sled does wrong, an
//! error, a panic, an empty database, an open that never ends, is an [`IndexError`] here.
//!
//! Decisions (2026-11-21), all from measurements of sled 0.34.7:
//!
//! * Every call runs inside `catch_unwind`: damage shows as a panic as often as an error.
//! * A left-over `snap.*.generating` makes each later open fail, and is of no use: removed before.
//! * Sled never syncs its `conf`: every file and the directory are synced once after creation.
//! * What sled would pass over in silence while it replays its log is looked for first ([`replay`]).
//! * `flush` does not sync: [`Index::flush`] calls `fdatasync` on the log file itself.
//! * Opening happens on a thread of its own with a deadline, and a marker file counts opens that never
//!   came back (an abort while opening would else repeat for ever).
//! * The drop of a handle whose flusher died waits for ever: a failed handle is dropped on a thread of its
//!   own and left behind when that takes too long.

use super::database::{KeyRange, RESERVED};
use super::files;
use super::packed::{Family, Packing};
use super::replay;
use super::rows::{IndexError, Show, Write};
use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Reserved key: applied sequence, schema, instance.
const META_KEY: [u8; 2] = [RESERVED, b'm'];
/// How long a lock that the last handle still holds is waited for.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);
/// How long the drop of a failed handle is waited for.
const BURIAL_PATIENCE: Duration = Duration::from_secs(5);
/// Opens that never came back before the database is given up.
const MOST_LOST_OPENS: u8 = 2;

/// What a database says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meta {
    /// The last commit that is in it; 0: none.
    pub(super) applied_seq: u64,
    /// Schema of its records.
    pub(super) schema: u16,
    /// The instance that it belongs to.
    pub(super) instance: u64,
}

impl Meta {
    fn to_bytes(self) -> [u8; 18] {
        let mut bytes = [0; 18];
        bytes[..8].copy_from_slice(&self.applied_seq.to_be_bytes());
        bytes[8..10].copy_from_slice(&self.schema.to_be_bytes());
        bytes[10..].copy_from_slice(&self.instance.to_be_bytes());
        bytes
    }
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 18] = bytes.try_into().ok()?;
        Some(Self {
            applied_seq: u64::from_be_bytes(bytes[..8].try_into().ok()?),
            schema: u16::from_be_bytes(bytes[8..10].try_into().ok()?),
            instance: u64::from_be_bytes(bytes[10..].try_into().ok()?),
        })
    }
}

fn guarded<T>(call: impl FnOnce() -> Result<T, IndexError>) -> Result<T, IndexError> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        Err(IndexError::rotten(format!(
            "it panicked: {}",
            text.chars().take(300).collect::<String>()
        )))
    })
}

/// How databases are opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct IndexOptions {
    pub(super) cache_bytes: u64,
    pub(super) flush_every_ms: u64,
    pub(super) open_deadline: Duration,
    /// The families of the database that are packed, and when what was gathered becomes a run.
    pub(super) packed: &'static [Family],
    pub(super) packed_bytes: usize,
}

/// One open database.
pub(super) struct Index {
    db: Option<sled::Db>,
    packing: Packing,
    /// Whether it had keys that are not packed when it was opened.
    has_unpacked: bool,
    log: File,
    meta: Meta,
    applied_seq: AtomicU64,
    is_dirty: AtomicBool,
    is_failed: AtomicBool,
}

impl Index {
    /// Opens a database, or makes one when there is none. What it says of itself is in [`Index::meta`]: a
    /// database without a word of its own has applied nothing.
    pub(super) fn open(dir: &Path, options: IndexOptions, fresh: Meta) -> Result<Self, IndexError> {
        files::make_dir(dir)?;
        let was_there = dir.join("db").exists();
        for name in files::names(dir)?
            .iter()
            .filter(|n| n.starts_with("snap.") && n.ends_with(".generating"))
        {
            files::remove(&dir.join(name))?;
        }
        let marker = dir.with_extension("opening");
        let lost = fs::read(&marker)
            .ok()
            .and_then(|bytes| bytes.first().copied())
            .unwrap_or(0);
        if lost >= MOST_LOST_OPENS {
            files::remove(&marker)?;
            return Err(IndexError::rotten("the process died each time it was opened"));
        }
        fs::write(&marker, [lost + 1]).map_err(super::StoreError::io("write", &marker))?;
        let opened = open_with_deadline(dir.to_owned(), options);
        files::remove(&marker)?;
        let (db, packing) = opened?;
        let said = guarded(|| Ok(db.get(META_KEY)?))?;
        let meta = match said.as_deref().map(Meta::from_bytes) {
            Some(Some(meta)) => meta,
            Some(None) => return Err(IndexError::rotten("its applied sequence cannot be read")),
            None => Meta {
                applied_seq: 0,
                ..fresh
            },
        };
        let first = vec![RESERVED + 1];
        let has_unpacked = guarded(|| Ok(db.range(first..).next().transpose()?.is_some()))?;
        let path = dir.join("db");
        let log = File::open(&path).map_err(super::StoreError::io("open", &path))?;
        if !was_there {
            guarded(|| Ok(db.flush()?))?;
            files::sync_tree(dir)?;
            dir.parent().map_or(Ok(()), files::sync_dir)?;
        }
        Ok(Self {
            db: Some(db),
            has_unpacked,
            log,
            meta,
            applied_seq: AtomicU64::new(meta.applied_seq),
            is_dirty: AtomicBool::new(packing.is_stale()),
            packing,
            is_failed: AtomicBool::new(false),
        })
    }

    fn db(&self) -> Result<&sled::Db, IndexError> {
        match &self.db {
            Some(db) if !self.is_failed.load(Ordering::Acquire) => Ok(db),
            _ => Err(IndexError::rotten("it failed before")),
        }
    }

    fn run<T>(&self, call: impl FnOnce(&sled::Db) -> Result<T, IndexError>) -> Result<T, IndexError> {
        let db = self.db()?;
        guarded(|| call(db)).inspect_err(|_| self.is_failed.store(true, Ordering::Release))
    }

    /// What it said of itself when it was opened.
    pub(super) fn meta(&self) -> Meta {
        self.meta
    }

    /// The last commit that is in it.
    pub(super) fn applied_seq(&self) -> u64 {
        self.applied_seq.load(Ordering::Acquire)
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError> {
        self.run(|db| match self.packing.get(db, key)? {
            Some(value) => Ok(value),
            None => Ok(db.get(key)?.map(|value| value.to_vec())),
        })
    }

    /// Shows keys of a range in order until told to stop.
    pub(super) fn scan(&self, range: &KeyRange, reverse: bool, show: Show<'_>) -> Result<(), IndexError> {
        if range.end.as_ref().is_some_and(|end| *end <= range.start) {
            return Ok(());
        }
        let mut rows = self.run(|db| self.packing.scan(db, range, reverse))?;
        loop {
            // Only sled's part is guarded: a panic of the caller is not sled's.
            match self.run(|db| rows.next(db))? {
                Some((key, value)) if show(&key, &value).is_continue() => {}
                _ => return Ok(()),
            }
        }
    }

    /// Changes when a scan that went on meanwhile may have missed rows.
    pub(super) fn purges(&self) -> u64 {
        self.packing.purges()
    }

    /// Applies writes (`None` removes a key) up to a commit; when that is in already they are left out.
    pub(super) fn apply<'a>(
        &self,
        seq: u64,
        writes: impl IntoIterator<Item = Write<'a>>,
    ) -> Result<(), IndexError> {
        if seq <= self.applied_seq() {
            return Ok(());
        }
        let meta = Meta {
            applied_seq: seq,
            ..self.meta
        };
        self.write(writes, Some(meta))?;
        self.applied_seq.store(seq, Ordering::Release);
        self.is_dirty.store(true, Ordering::Release);
        Ok(())
    }

    /// Loads records of a snapshot.
    pub(super) fn load(&self, entries: &[(Vec<u8>, Vec<u8>)]) -> Result<(), IndexError> {
        self.is_dirty.store(true, Ordering::Release);
        let writes = entries
            .iter()
            .map(|(key, value)| (key.as_slice(), Some(value.as_slice())));
        self.write(writes, None)
    }

    /// Writes what is packed and what is not as one.
    fn write<'a>(
        &self,
        writes: impl IntoIterator<Item = Write<'a>>,
        meta: Option<Meta>,
    ) -> Result<(), IndexError> {
        let (packed, plain): (Vec<_>, Vec<_>) =
            writes.into_iter().partition(|write| self.packing.takes(write));
        let mut batch = sled::Batch::default();
        if self.has_unpacked {
            // Of before packing; nothing of them may stay beside a newer row.
            packed.iter().for_each(|(key, _)| batch.remove(*key));
        }
        for (key, value) in plain {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        if let Some(meta) = meta {
            batch.insert(&META_KEY, &meta.to_bytes());
        }
        let _writing = self.packing.writing();
        self.run(|db| {
            self.packing.log(&packed, &mut batch)?;
            db.apply_batch(batch)?;
            self.packing.add(db, &packed)
        })
    }

    /// Says what the database is: written last when it was loaded from a snapshot.
    pub(super) fn set_meta(&mut self, meta: Meta) -> Result<(), IndexError> {
        self.run(|db| {
            db.insert(META_KEY, &meta.to_bytes())?;
            Ok(())
        })?;
        self.meta = meta;
        self.applied_seq.store(meta.applied_seq, Ordering::Release);
        self.is_dirty.store(true, Ordering::Release);
        Ok(())
    }

    /// Makes all that was applied durable.
    pub(super) fn flush(&self) -> Result<(), IndexError> {
        if !self.is_dirty.swap(false, Ordering::AcqRel) {
            return self.db().map(|_| ());
        }
        let flushed = self.run(|db| {
            self.packing.purge(db)?;
            db.flush()?;
            self.log
                .sync_data()
                .map_err(|error| IndexError::from(sled::Error::Io(error)))
        });
        if flushed.is_err() {
            self.is_dirty.store(true, Ordering::Release);
        }
        flushed
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        let Some(db) = self.db.take() else { return };
        if !self.is_failed.load(Ordering::Acquire) {
            if let Err(error) = bury(db) {
                tracing::warn!(code = "index_close", %error, "a database did not close cleanly");
            }
            return;
        }
        let (done, wait) = crossbeam_channel::bounded::<()>(1);
        let spawned = std::thread::Builder::new()
            .name("store-bury".into())
            .spawn(move || {
                if let Err(error) = bury(db) {
                    tracing::debug!(%error, "a failed database did not close cleanly");
                }
                drop(done);
            });
        let ended = wait.recv_timeout(BURIAL_PATIENCE) != Err(crossbeam_channel::RecvTimeoutError::Timeout);
        match spawned {
            Ok(thread) if ended => drop(thread.join()),
            Ok(_) => tracing::warn!(
                code = "index_stuck",
                "a failed database does not close; it is left behind"
            ),
            Err(error) => {
                tracing::warn!(code = "index_stuck", %error, "no thread to close a failed database");
            }
        }
    }
}

/// A drop writes what was not written yet, and may panic over it.
fn bury(db: sled::Db) -> Result<(), IndexError> {
    guarded(|| {
        drop(db);
        Ok(())
    })
}

fn open_with_deadline(dir: PathBuf, options: IndexOptions) -> Result<(sled::Db, Packing), IndexError> {
    let (send, receive) = crossbeam_channel::bounded(1);
    let config = sled::Config::new()
        .path(&dir)
        .cache_capacity(options.cache_bytes)
        .flush_every_ms(Some(options.flush_every_ms));
    let thread = std::thread::Builder::new()
        .name("store-open".into())
        .spawn(move || {
            // Nobody waits any more when the deadline has passed: the handle is dropped here then.
            let whole = replay::check(&dir, LOCK_PATIENCE);
            let opened = whole.and_then(|()| open_patiently(&config)).and_then(|db| {
                let packing = guarded(|| Packing::load(&db, options.packed, options.packed_bytes))?;
                Ok((db, packing))
            });
            drop(send.send(opened));
        });
    let thread = thread.map_err(|error| IndexError::rotten(format!("no thread to open it: {error}")))?;
    let Ok(opened) = receive.recv_timeout(options.open_deadline) else {
        return Err(IndexError::rotten(format!(
            "it did not open within {} s",
            options.open_deadline.as_secs()
        )));
    };
    if thread.join().is_err() {
        return Err(IndexError::rotten("it panicked while it was opened"));
    }
    opened
}

/// The handle before may still hold the lock for a moment: its background tasks end after its drop.
pub(super) fn open_patiently(config: &sled::Config) -> Result<sled::Db, IndexError> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match guarded(|| Ok(config.open()?)) {
            Err(error) if error.message.contains("could not acquire lock") && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(20));
            }
            other => return other,
        }
    }
}

/// What a database that belongs to nobody known says of itself. Nothing but its own recovery is written to it.
pub(super) fn peek(dir: &Path) -> Result<Meta, IndexError> {
    let options = IndexOptions {
        cache_bytes: 8 << 20,
        flush_every_ms: 500,
        open_deadline: Duration::from_secs(300),
        packed: &[],
        packed_bytes: 0,
    };
    Ok(Index::open(
        dir,
        options,
        Meta {
            applied_seq: 0,
            schema: 0,
            instance: 0,
        },
    )?
    .meta())
}
