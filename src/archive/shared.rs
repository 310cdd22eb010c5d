//! What the two threads of a server that writes an archive share: the manifest as it was read last, the status, and
//! whether another server has taken over.

use super::error::ArchiveError;
use super::local::Local;
use super::manifest::Manifest;
use super::place::Archive;
use super::status::{Day, Standing, Status, Trouble};
use crate::clock::Clock;
use crate::objects::{ObjectsError, Version};
use crate::store::Keeper;
use parking_lot::Mutex;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often a change of the manifest is tried against changes of others.
const TRIES: usize = 3;

/// How an archive is written.
#[derive(Debug, Clone)]
pub struct Options {
    /// From one look to the next.
    pub interval: Duration,
    /// How old an object may become, milliseconds.
    pub history_ms: i64,
    /// How long the journal may become while the bucket is away.
    pub most_journal_bytes: u64,
    /// Whether the server stops taking conversions while it cannot reach the bucket.
    pub is_strict: bool,
    /// The data directory.
    pub data_dir: PathBuf,
    /// The name of this machine.
    pub host: String,
}

/// See the module.
pub(super) struct Shared {
    pub(super) archive: Archive,
    pub(super) keeper: Keeper,
    pub(super) options: Options,
    pub(super) clock: Clock,
    pub(super) status: Mutex<Status>,
    pub(super) wants_snapshot: AtomicBool,
    pub(super) is_stopping: AtomicBool,
    is_fenced: AtomicBool,
    owner: String,
    held: Mutex<Option<(Manifest, Version)>>,
    day: Mutex<Day>,
    started: Instant,
    /// When the bucket last told that this server may write.
    heard: Mutex<Instant>,
}

impl Shared {
    pub(super) fn new(
        archive: Archive,
        keeper: Keeper,
        options: Options,
        clock: Clock,
        local: &Local,
    ) -> Self {
        let (place, is_sealed) = (archive.place().to_owned(), archive.is_sealed());
        let status = Status::new(place, is_sealed, options.most_journal_bytes);
        let shared = Self {
            archive,
            keeper,
            options,
            clock,
            status: Mutex::new(status),
            wants_snapshot: AtomicBool::new(false),
            is_stopping: AtomicBool::new(false),
            is_fenced: AtomicBool::new(false),
            owner: local.owner.clone(),
            held: Mutex::default(),
            day: Mutex::default(),
            started: Instant::now(),
            heard: Mutex::new(Instant::now()),
        };
        if let Some(why) = &local.fenced {
            shared.take_fence(why);
        }
        shared
    }

    pub(super) fn owner(&self) -> &str {
        &self.owner
    }

    pub(super) fn is_fenced(&self) -> bool {
        self.is_fenced.load(Ordering::Acquire)
    }

    /// The manifest as it was read last.
    pub(super) fn manifest(&self) -> Option<Manifest> {
        self.held.lock().as_ref().map(|(manifest, _)| manifest.clone())
    }

    /// Reads the manifest, and holds it when it is this server's.
    ///
    /// # Errors
    /// [`ArchiveError::Fenced`] when it is another's.
    pub(super) fn look(&self) -> Result<Option<Manifest>, ArchiveError> {
        let read = self.archive.manifest()?;
        if let Some((manifest, _)) = &read
            && manifest.owner != self.owner
        {
            return Err(self.fence(&manifest.host));
        }
        let manifest = read.as_ref().map(|(manifest, _)| manifest.clone());
        *self.held.lock() = read;
        Ok(manifest)
    }

    /// Writes the first manifest.
    ///
    /// # Errors
    /// Another server was first, or the bucket does not take it.
    pub(super) fn create(&self, manifest: Manifest) -> Result<(), ArchiveError> {
        match self.archive.write_manifest(&manifest, None) {
            Ok(version) => {
                *self.held.lock() = Some((manifest, version));
                Ok(())
            }
            Err(ArchiveError::Objects(ObjectsError::Exists { .. })) => self.look().map(drop),
            Err(error) => Err(error),
        }
    }

    /// Changes the manifest. `change` may be called again on what another thread wrote, or on what it wrote itself.
    ///
    /// # Errors
    /// [`ArchiveError::Fenced`], or the bucket does not take it.
    pub(super) fn change(&self, change: impl Fn(&mut Manifest)) -> Result<(), ArchiveError> {
        for _ in 0..TRIES {
            let held = self.held.lock().clone();
            let Some((mut manifest, version)) = held else {
                self.look()?;
                continue;
            };
            change(&mut manifest);
            manifest.written_at_ms = self.clock.now_ms();
            match self.archive.write_manifest(&manifest, Some(&version)) {
                Ok(version) => {
                    *self.held.lock() = Some((manifest, version));
                    return Ok(());
                }
                Err(ArchiveError::Objects(ObjectsError::Changed { .. })) => {
                    self.look()?;
                }
                Err(error) => return Err(error),
            }
        }
        Err(ArchiveError::Objects(ObjectsError::Away {
            message: "the manifest changes all the time".into(),
        }))
    }

    /// Another server writes the archive: this one writes nothing any more, and remembers it.
    pub(super) fn fence(&self, host: &str) -> ArchiveError {
        let why = format!(
            "the archive {} is written by another server now ({host}): this one takes no conversions and sends nothing, clicks are still redirected; send the traffic to the other one and stop this one, or, if this one shall write an archive of its own, set another archive.prefix and remove archive.json from its data directory",
            self.archive.place()
        );
        self.take_fence(&why);
        let noted = Local::read(&self.options.data_dir).and_then(|local| {
            let local = Local {
                fenced: Some(why.clone()),
                ..local
            };
            local.write(&self.options.data_dir)
        });
        if let Err(error) = noted {
            tracing::error!(code = error.code(), %error, "that this server is fenced could not be noted; it looks again at the next start");
        }
        ArchiveError::Fenced(why)
    }

    fn take_fence(&self, why: &str) {
        if !self.is_fenced.swap(true, Ordering::AcqRel) {
            tracing::error!(code = "fenced", "{why}");
        }
        self.keeper.refuse_writes(Some(why.to_owned()));
        let mut status = self.status.lock();
        status.standing = Standing::Fenced;
        status.fenced = Some(why.to_owned());
    }

    /// Notes that the bucket told that this server may write.
    pub(super) fn heard(&self) {
        *self.heard.lock() = Instant::now();
        if self.options.is_strict && !self.is_fenced() {
            self.keeper.refuse_writes(None);
        }
    }

    /// Notes what did not work. A server that is strict stops when it has heard nothing for three looks.
    pub(super) fn trouble(&self, error: &ArchiveError) {
        let silence = self.heard.lock().elapsed();
        if self.options.is_strict && !self.is_fenced() && silence >= self.options.interval * 3 {
            self.keeper.refuse_writes(Some(format!(
                "the archive {} cannot be reached, and archive.strict_fence is on: another server may have taken over, so this one takes no conversions until it can look: {error}",
                self.archive.place()
            )));
        }
        let mut status = self.status.lock();
        if status.standing != Standing::Fenced {
            status.standing = Standing::Behind;
        }
        let message = error.to_string();
        let is_known = status
            .trouble
            .as_ref()
            .is_some_and(|last| last.message == message);
        if !is_known {
            tracing::warn!(code = error.code(), %error, "the archive could not be written; it is tried again");
        }
        status.trouble = Some(Trouble {
            code: error.code().to_owned(),
            message,
            at_ms: self.clock.now_ms(),
        });
    }

    /// The status as it is now.
    pub(super) fn status(&self) -> Status {
        let at_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let day = self.day.lock().usage(at_ms, self.archive.usage());
        let mut status = self.status.lock().clone();
        status.now_ms = self.clock.now_ms();
        status.requests_day = day.requests;
        status.sent_bytes_day = day.sent_bytes;
        status.received_bytes_day = day.received_bytes;
        if let Some((manifest, _)) = &*self.held.lock() {
            status.snapshot_at_ms = manifest.snapshots.last().map(|last| last.made_at_ms);
            status.reaches_back_to_ms = manifest.reaches_back_to_ms();
        }
        status
    }
}
