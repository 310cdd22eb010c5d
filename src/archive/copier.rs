//! The thread that copies the journal: every interval what is new, as one object whose name follows from the last one.
//! An object is created only if there is none of its name, so a server whose place was taken cannot add any: the fence
//! has the name that comes next.

use super::erasures;
use super::error::ArchiveError;
use super::manifest::{Epoch, FORMAT, Manifest};
use super::object::{Batch, Head};
use super::place::Put;
use super::shared::Shared;
use super::status::Standing;
use crate::priority::{Step, step_back};
use crate::store::LeftOff;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How often the last commit is noted with the time: the grain of moments that can be restored.
const TICK: Duration = Duration::from_millis(250);
/// Moments that are remembered while nothing goes out.
const MOST_MARKS: usize = 20_000;
/// Bytes of commits in one object, before they are packed.
const BATCH_BYTES: usize = 8 << 20;
/// How long the journal waits for the archive: with the way through the snapshots an erasure is complete in 48 hours.
const MOST_WAIT: Duration = Duration::from_secs(20 * 3600);

/// See the module.
pub(super) struct Copier {
    shared: Arc<Shared>,
    /// The last commit in the archive, once that is known.
    archived: Option<u64>,
    /// Where that is in the journal.
    left_off: LeftOff,
    epoch: u32,
    marks: Vec<(i64, u64)>,
    /// When everything was archived last.
    caught_up: Instant,
}

impl Copier {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            archived: None,
            left_off: LeftOff::default(),
            epoch: 0,
            marks: Vec::new(),
            caught_up: Instant::now(),
        }
    }

    /// Works until it is told to stop; then what waits goes out, if the bucket takes it.
    pub(super) fn run(mut self, stopped: &Receiver<()>) {
        step_back(Step::Behind);
        let mut next = Instant::now();
        loop {
            self.note();
            if Instant::now() >= next {
                self.round();
                next = Instant::now() + self.shared.options.interval;
            }
            match stopped.recv_timeout(TICK) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.note();
        self.round();
    }

    /// Notes the last commit with the time.
    fn note(&mut self) {
        // In this order: what is noted with a time was durable by then.
        let seq = self.shared.keeper.durable_seq();
        let now_ms = self.shared.clock.now_ms();
        if self.marks.last().is_some_and(|(_, last)| *last == seq) {
            return;
        }
        if self.marks.len() >= MOST_MARKS {
            // The grain gets coarser; the ends stay.
            let mut n = 0;
            self.marks.retain(|_| {
                n += 1;
                n % 2 == 0
            });
        }
        self.marks.push((now_ms, seq));
    }

    fn round(&mut self) {
        if self.shared.is_fenced() {
            return;
        }
        match self.copy() {
            Ok(()) => {
                self.caught_up = Instant::now();
                self.shared.heard();
                let mut status = self.shared.status.lock();
                if status.standing != Standing::Fenced {
                    (status.standing, status.trouble) = (Standing::On, None);
                }
            }
            Err(error) => self.shared.trouble(&error),
        }
        self.let_go_at_the_bound();
        self.tell();
    }

    /// Copies all that is new; looks at the manifest when nothing is.
    fn copy(&mut self) -> Result<(), ArchiveError> {
        let archived = match self.archived {
            Some(archived) => archived,
            None => self.join()?,
        };
        let mut archived = archived;
        let mut has_written = false;
        loop {
            let found = self
                .shared
                .keeper
                .commits_after(archived, BATCH_BYTES, &mut self.left_off)?;
            if found.has_gap {
                tracing::error!(
                    code = "archive_gap",
                    archived,
                    "the journal no longer holds what comes next: the archive goes on with a new snapshot"
                );
                return self.begin_anew(archived);
            }
            let (Some((first, _)), Some((last, _))) = (found.commits.first(), found.commits.last()) else {
                break;
            };
            let (first, last) = (*first, *last);
            let batch = Batch {
                head: self.head(first, last),
                commits: found.commits,
            };
            erasures::put(&self.shared.archive, self.epoch, &batch.commits)?;
            match self.shared.archive.put_batch(self.epoch, &batch)? {
                Put::Written(last) => {
                    archived = last;
                    has_written = true;
                    self.set_archived(archived);
                }
                Put::Taken(other) => return self.taken(&other),
            }
        }
        if !has_written && self.shared.look()?.is_none() {
            // Somebody emptied the bucket: it begins again.
            self.archived = None;
        }
        Ok(())
    }

    fn head(&self, first_seq: u64, last_seq: u64) -> Head {
        let is_of_it = |(_, seq): &&(i64, u64)| (first_seq..=last_seq).contains(seq);
        Head {
            first_seq,
            last_seq,
            made_at_ms: self.shared.clock.now_ms(),
            marks: self.marks.iter().filter(is_of_it).copied().collect(),
            fenced_for: None,
            fenced_by: None,
        }
    }

    fn set_archived(&mut self, seq: u64) {
        self.archived = Some(seq);
        self.marks.retain(|(_, marked)| *marked > seq);
        self.shared.keeper.keep_journal_after(Some(seq));
        let mut status = self.shared.status.lock();
        status.archived_seq = seq;
        status.archived_at_ms = Some(self.shared.clock.now_ms());
        status.has_let_go = false;
        status.epoch = self.epoch;
    }

    /// The name that comes next belongs to somebody else.
    fn taken(&self, other: &Batch) -> Result<(), ArchiveError> {
        let manifest = self.shared.look()?;
        let host = manifest.map_or_else(|| "unknown".to_owned(), |manifest| manifest.host);
        // The manifest still names this one: another is taking over now, or two servers run on one data directory.
        let who = match &other.head.fenced_by {
            Some(_) => "one that is being promoted".to_owned(),
            None => format!("one that runs on a copy of this data directory, as {host} does"),
        };
        Err(self.shared.fence(&who))
    }

    /// Finds out where the archive ends; begins one where there is none.
    fn join(&mut self) -> Result<u64, ArchiveError> {
        let Some(manifest) = self.shared.look()? else {
            return self.begin();
        };
        self.epoch = manifest.epoch();
        let first = manifest.epochs.last().map_or(1, |epoch| epoch.first_seq);
        let newest = manifest.snapshots.last().filter(|last| last.epoch == self.epoch);
        // Objects before the newest snapshot tell nothing, if there is one behind it.
        let mut names = self
            .shared
            .archive
            .batches(self.epoch, newest.map_or(first, |last| last.seq))?;
        if names.is_empty() {
            names = self.shared.archive.batches(self.epoch, first)?;
        }
        let Some(name) = names.last() else {
            self.shared
                .wants_snapshot
                .store(newest.is_none(), Ordering::Release);
            self.set_archived(first - 1);
            return Ok(first - 1);
        };
        let last = self.shared.archive.batch(self.epoch, *name)?;
        if last.head.fenced_by.is_some() {
            if last.head.fenced_by.as_deref() == Some(self.shared.owner()) {
                self.begin_anew(last.head.last_seq)?;
                return Ok(self.archived.unwrap_or(last.head.last_seq));
            }
            return self.taken(&last).map(|()| 0);
        }
        let archived = last.head.last_seq;
        if !self.is_same_history(&last)? {
            tracing::error!(
                code = "archive_diverged",
                archived,
                "the archive holds other commits than this data directory, which seems to be an earlier state of it: the archive goes on with a new snapshot"
            );
            self.begin_anew(archived)?;
            return Ok(self.archived.unwrap_or(archived));
        }
        if newest.is_none() {
            self.shared.wants_snapshot.store(true, Ordering::Release);
        }
        self.set_archived(archived);
        Ok(archived)
    }

    /// Whether the last commit in the archive is one of this directory.
    fn is_same_history(&self, last: &Batch) -> Result<bool, ArchiveError> {
        let Some((seq, payload)) = last.commits.last() else {
            return Ok(true);
        };
        if self.shared.keeper.durable_seq() < *seq {
            return Ok(false);
        }
        let found = self
            .shared
            .keeper
            .commits_after(seq.saturating_sub(1), 1, &mut LeftOff::default())?;
        // One that the journal no longer holds cannot be compared.
        let same = found.commits.first().filter(|(there, _)| there == seq);
        Ok(same.is_none_or(|(_, there)| there == payload))
    }

    /// The first manifest of an archive.
    fn begin(&mut self) -> Result<u64, ArchiveError> {
        let (now_ms, archived) = (self.shared.clock.now_ms(), self.shared.keeper.durable_seq());
        let host = self.shared.options.host.clone();
        let manifest = Manifest {
            format: FORMAT,
            archive: format!("{:016x}", rand::random::<u64>()),
            instance: self.shared.keeper.instance(),
            owner: self.shared.owner().to_owned(),
            host: host.clone(),
            written_at_ms: now_ms,
            epochs: vec![Epoch {
                number: 1,
                first_seq: archived + 1,
                last_seq: None,
                goes_on: false,
                since_ms: now_ms,
                host,
            }],
            snapshots: Vec::new(),
        };
        self.shared.create(manifest)?;
        let manifest = self.shared.manifest();
        let epoch = manifest.as_ref().and_then(|manifest| manifest.epochs.last());
        self.epoch = epoch.map_or(1, |epoch| epoch.number);
        self.shared.wants_snapshot.store(true, Ordering::Release);
        let archived = epoch.map_or(archived, |epoch| epoch.first_seq - 1);
        self.set_archived(archived);
        Ok(archived)
    }

    /// Ends the epoch after a commit and begins the next one, with the commit that comes next here and a snapshot.
    fn begin_anew(&mut self, archived: u64) -> Result<(), ArchiveError> {
        let fence = fence(
            archived,
            self.epoch + 1,
            self.shared.owner(),
            self.shared.clock.now_ms(),
        );
        if let Put::Taken(other) = self.shared.archive.put_batch(self.epoch, &fence)? {
            return self.taken(&other);
        }
        let durable = self.shared.keeper.durable_seq();
        let (from, host, now_ms) = (
            self.epoch,
            self.shared.options.host.clone(),
            self.shared.clock.now_ms(),
        );
        self.shared.change(|manifest| {
            if manifest.epoch() == from {
                manifest.end_epoch(archived);
                manifest.begin_epoch(durable + 1, false, &host, now_ms);
            }
        })?;
        let manifest = self.shared.manifest();
        let epoch = manifest.as_ref().and_then(|manifest| manifest.epochs.last());
        self.epoch = epoch.map_or(from + 1, |epoch| epoch.number);
        self.shared.wants_snapshot.store(true, Ordering::Release);
        self.set_archived(epoch.map_or(durable, |epoch| epoch.first_seq - 1));
        Ok(())
    }

    /// The journal does not wait for ever.
    fn let_go_at_the_bound(&self) {
        let mut status = self.shared.status.lock();
        let is_behind = status.standing == Standing::Behind || status.standing == Standing::Starting;
        let is_too_long = status.journal_bytes > status.journal_most_bytes;
        if is_behind && !status.has_let_go && (is_too_long || self.caught_up.elapsed() > MOST_WAIT) {
            status.has_let_go = true;
            self.shared.keeper.keep_journal_after(None);
            tracing::error!(
                code = "archive_let_go",
                journal_bytes = status.journal_bytes,
                "the archive has been away for so long that the journal goes on without it; it begins with a new snapshot once the bucket is back"
            );
        }
    }

    fn tell(&self) {
        let durable = self.shared.keeper.durable_seq();
        let journal_bytes = self.shared.keeper.journal_bytes();
        let mut status = self.shared.status.lock();
        status.journal_bytes = journal_bytes;
        status.waiting_commits = durable.saturating_sub(self.archived.unwrap_or(durable));
        status.behind_s = if status.waiting_commits == 0 && status.standing == Standing::On {
            0
        } else {
            self.caught_up.elapsed().as_secs()
        };
    }
}

/// The object that ends an epoch behind a commit.
pub(super) fn fence(last_seq: u64, next_epoch: u32, owner: &str, now_ms: i64) -> Batch {
    Batch {
        head: Head {
            first_seq: last_seq + 1,
            last_seq,
            made_at_ms: now_ms,
            marks: Vec::new(),
            fenced_for: Some(next_epoch),
            fenced_by: Some(owner.to_owned()),
        },
        commits: Vec::new(),
    }
}
