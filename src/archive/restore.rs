//! A state from the archive: the newest snapshot before it, and the commits behind that.

use super::erasures;
use super::error::ArchiveError;
use super::local::{Followed, Local};
use super::manifest::{Leg, Manifest};
use super::object;
use super::place::Archive;
use crate::store::{self, RawCommit, RestoreOptions, RestoreReport, StoreError};
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The snapshot while it is fetched.
const DOWNLOAD: &str = "archive-download.tmp";

/// What a restore brought.
#[derive(Debug)]
pub struct Restored {
    /// What the store says.
    pub report: RestoreReport,
    /// The last commit.
    pub seq: u64,
    /// Commits behind the snapshot.
    pub commits: u64,
    /// The latest moment of the journal that is known to be in it, unix milliseconds.
    pub at_ms: i64,
    /// Whether something was erased since, which the first start erases once more.
    pub has_erasures: bool,
}

/// The commits of legs, in order; ends where the archive, or the moment that is asked for, does.
pub struct Following<'a> {
    archive: &'a Archive,
    until_ms: Option<i64>,
    legs: VecDeque<Leg>,
    /// First commits of the objects of the present leg.
    names: VecDeque<u64>,
    commits: VecDeque<RawCommit>,
    present: Option<Leg>,
    last_seq: u64,
    epoch: u32,
    at_ms: i64,
    given: u64,
    is_over: bool,
}

impl<'a> Following<'a> {
    /// Follows `legs`, up to the last commit that was made at `until_ms`.
    pub fn new(archive: &'a Archive, legs: Vec<Leg>, until_ms: Option<i64>) -> Self {
        let first = legs.first().copied();
        Self {
            archive,
            until_ms,
            legs: legs.into(),
            names: VecDeque::new(),
            commits: VecDeque::new(),
            present: None,
            last_seq: first.map_or(0, |leg| leg.after),
            epoch: first.map_or(0, |leg| leg.epoch),
            at_ms: 0,
            given: 0,
            is_over: false,
        }
    }

    /// The epoch and the last commit that were given.
    pub fn position(&self) -> (u32, u64) {
        (self.epoch, self.last_seq)
    }

    fn advance(&mut self) -> Result<Option<RawCommit>, ArchiveError> {
        loop {
            if let Some(commit) = self.commits.pop_front() {
                if commit.0 <= self.last_seq {
                    continue;
                }
                if commit.0 != self.last_seq + 1 {
                    return Err(self.missing());
                }
                self.last_seq = commit.0;
                self.given += 1;
                return Ok(Some(commit));
            }
            if self.is_over {
                return Ok(None);
            }
            match (self.names.pop_front(), self.present) {
                (Some(first), Some(leg)) => self.enter(leg, first)?,
                (None, Some(leg)) if leg.until.is_some_and(|until| until > self.last_seq) => {
                    return Err(self.missing());
                }
                (_, _) => {
                    let Some(leg) = self.legs.pop_front() else {
                        return Ok(None);
                    };
                    self.begin(leg)?;
                }
            }
        }
    }

    /// Lists the objects of a leg.
    fn begin(&mut self, leg: Leg) -> Result<(), ArchiveError> {
        let mut names = self.archive.batches(leg.epoch, 0)?;
        // The commit that comes next may be in the midst of an object.
        let begin = names.partition_point(|first| *first <= leg.after + 1);
        names.drain(..begin.saturating_sub(1));
        self.names = names.into();
        self.present = Some(leg);
        self.epoch = leg.epoch;
        Ok(())
    }

    fn enter(&mut self, leg: Leg, first: u64) -> Result<(), ArchiveError> {
        if leg.until.is_some_and(|until| first > until) {
            self.names.clear();
            return Ok(());
        }
        if first > self.last_seq + 1 {
            return Err(self.missing());
        }
        let mut batch = self.archive.batch(leg.epoch, first)?;
        if batch.head.fenced_by.is_some() {
            self.names.clear();
            return Ok(());
        }
        let last = match self.until_ms {
            None => Some(batch.head.last_seq),
            Some(until) => batch.head.last_seq_at(until),
        };
        if last != Some(batch.head.last_seq) {
            self.is_over = true;
        }
        self.at_ms = self
            .until_ms
            .map_or(batch.head.made_at_ms, |until| until.min(batch.head.made_at_ms));
        let last = last.unwrap_or(0).min(leg.until.unwrap_or(u64::MAX));
        batch.commits.retain(|(seq, _)| *seq <= last);
        self.commits = batch.commits.into();
        Ok(())
    }

    fn missing(&self) -> ArchiveError {
        ArchiveError::Missing {
            name: format!("commit {} of epoch {}", self.last_seq + 1, self.epoch),
        }
    }
}

impl Iterator for Following<'_> {
    type Item = Result<RawCommit, ArchiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance();
        if next.is_err() {
            self.is_over = true;
            self.commits.clear();
        }
        next.transpose()
    }
}

/// The manifest of an archive that is there.
pub(super) fn manifest_of(archive: &Archive) -> Result<Manifest, ArchiveError> {
    let found = archive.manifest()?;
    found
        .map(|(manifest, _)| manifest)
        .ok_or_else(|| ArchiveError::Nothing {
            place: archive.place().to_owned(),
        })
}

/// Brings the state of a moment, or the newest one, into a data directory. With `dry_run` it is only read and checked.
///
/// # Errors
/// The archive does not hold it; what the store says. The data directory is as it was before, unless the restore was
/// decided: then the next start finishes it.
pub fn restore(
    archive: &Archive,
    until_ms: Option<i64>,
    target: &Path,
    options: RestoreOptions,
) -> Result<Restored, ArchiveError> {
    let manifest = manifest_of(archive)?;
    let recipe = manifest
        .recipe(until_ms)
        .ok_or_else(|| match manifest.reaches_back_to_ms() {
            Some(at_ms) => ArchiveError::TooEarly {
                earliest: date(at_ms),
            },
            None => ArchiveError::Nothing {
                place: archive.place().to_owned(),
            },
        })?;
    // The newest state holds all of them.
    let erased = match until_ms {
        Some(until_ms) => erasures::since(archive, until_ms)?,
        None => Vec::new(),
    };
    let is_new = !target.exists();
    fs::create_dir_all(target).map_err(ArchiveError::io(target))?;
    let path = target.join(DOWNLOAD);
    let restored = fetch(archive, &recipe.snapshot, &path).and_then(|()| {
        let mut following = Following::new(archive, recipe.legs, until_ms);
        following.at_ms = recipe.snapshot.made_at_ms;
        let mut failure = None;
        let mut commits = std::iter::from_fn(|| match following.next()? {
            Ok(commit) => Some(Ok(commit)),
            Err(error) => {
                let told = StoreError::Journal(error.to_string());
                failure = Some(error);
                Some(Err(told))
            }
        });
        let report = store::restore_with(&path, &mut commits, &erased, target, options);
        if let Some(error) = failure {
            return Err(error);
        }
        let report = report?;
        let (epoch, seq) = following.position();
        if !options.dry_run {
            let local = Local {
                followed: Some(Followed {
                    archive: manifest.archive.clone(),
                    epoch,
                    seq,
                    is_earlier: until_ms.is_some(),
                }),
                ..Local::fresh()
            };
            local.write(target)?;
        }
        Ok(Restored {
            report,
            seq,
            commits: following.given,
            at_ms: following.at_ms,
            has_erasures: !erased.is_empty(),
        })
    });
    fs::remove_file(&path).map_err(ArchiveError::io(&path))?;
    if is_new && options.dry_run {
        fs::remove_dir(target).map_err(ArchiveError::io(target))?;
    }
    restored
}

fn fetch(archive: &Archive, snapshot: &super::manifest::Snapshot, path: &Path) -> Result<(), ArchiveError> {
    let mut file = File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(ArchiveError::io(path))?;
    archive.read_snapshot(snapshot, &mut file)?;
    file.flush().map_err(ArchiveError::io(path))
}

/// What a look at all of an archive found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Snapshots, all read.
    pub snapshots: usize,
    /// Journal objects, all read.
    pub batches: usize,
    /// The last commit.
    pub last_seq: u64,
    /// When the newest object was made, unix milliseconds.
    pub newest_at_ms: i64,
    /// The earliest moment that can be restored, unix milliseconds.
    pub reaches_back_to_ms: i64,
    /// When the newest snapshot was made, unix milliseconds.
    pub snapshot_at_ms: i64,
}

/// Reads an archive through: every snapshot, and every journal object behind the oldest one, without a gap.
///
/// # Errors
/// The first thing that is wrong.
pub fn check(archive: &Archive) -> Result<Checked, ArchiveError> {
    let manifest = manifest_of(archive)?;
    let nothing = || ArchiveError::Nothing {
        place: archive.place().to_owned(),
    };
    let oldest = manifest.snapshots.first().ok_or_else(nothing)?;
    for snapshot in &manifest.snapshots {
        archive.read_snapshot(snapshot, &mut std::io::sink())?;
    }
    let mut checked = Checked {
        snapshots: manifest.snapshots.len(),
        batches: 0,
        last_seq: oldest.seq,
        newest_at_ms: oldest.made_at_ms,
        reaches_back_to_ms: oldest.made_at_ms,
        snapshot_at_ms: manifest.snapshots.last().map_or(0, |last| last.made_at_ms),
    };
    // Each epoch that does not go on from another begins with a snapshot.
    let begins = manifest.snapshots.iter().filter(|snapshot| {
        snapshot.epoch == oldest.epoch
            || manifest
                .epochs
                .iter()
                .any(|epoch| epoch.number == snapshot.epoch && !epoch.goes_on)
    });
    let mut walked = Vec::new();
    for snapshot in begins {
        let legs = manifest.legs(snapshot.epoch, snapshot.seq);
        if walked.contains(&snapshot.epoch) {
            continue;
        }
        walked.extend(legs.iter().map(|leg| leg.epoch));
        let mut following = Following::new(archive, legs, None);
        for commit in following.by_ref() {
            commit?;
        }
        checked.last_seq = following.last_seq;
        checked.newest_at_ms = checked.newest_at_ms.max(following.at_ms);
    }
    for epoch in walked {
        checked.batches += archive.names(&object::journal_of(epoch))?.len();
    }
    Ok(checked)
}

/// A moment as people write it.
pub(super) fn date(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms).map_or_else(|_| at_ms.to_string(), |at| at.to_string())
}
