//! Restoring a backup, so that a restore that is interrupted is finished or told, whenever that happens.
//!
//! ```text
//! restoring/       what is being unpacked; the rest of the directory is as it was before
//! restored/        complete and durable: the restore is decided, and is finished by whoever opens the directory next
//! restored/ASIDE   name of the directory into which the data of before go (only with `force`)
//! ```
//! A directory with `restoring/` in it is opened by nobody: half a restore must not be taken for an empty instance.

use super::archive::{self, BackupReport, TAIL};
use super::away::RawCommit;
use super::codec::{self, DeliveryPause};
use super::database::Db;
use super::erased;
use super::error::StoreError;
use super::files::{self, Layout, Owner};
use super::manifest::Manifest;
use super::records::Record;
use super::{Commit, Op, keys, system_now_ms};
use crate::domain::erased::Erased;
use crate::journal::{self, Journal, Options};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// Commits that follow a backup.
type More<'a> = &'a mut dyn Iterator<Item = Result<RawCommit, StoreError>>;

/// File in `restored/` that names where the data of before go.
const ASIDE: &str = "ASIDE";

/// How a backup is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RestoreOptions {
    /// Data that are there are moved to `before-restore-<time>` inside the directory.
    pub force: bool,
    /// Only check every byte of the backup.
    pub dry_run: bool,
    /// No postback is sent until an operator resumes delivery.
    pub paused: bool,
}

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreReport {
    /// What was in the backup.
    pub backup: BackupReport,
    /// Where the data of before are now.
    pub aside: Option<PathBuf>,
}

/// Checks a backup and, unless it is a dry run, makes a store of it in `target`. The server must not run there.
/// Files belong to whom the directory belongs to.
///
/// # Errors
/// [`StoreError::Backup`] when a byte is not what was written, [`StoreError::NewerSchema`],
/// [`StoreError::NotEmpty`], [`StoreError::Locked`]: the target is as it was. [`StoreError::Io`] once the
/// restore is decided: it is finished by the next start.
pub fn restore(file: &Path, target: &Path, options: RestoreOptions) -> Result<RestoreReport, StoreError> {
    restore_with(file, &mut std::iter::empty(), &[], target, options)
}

/// The same with commits that were made after the backup: `more` gives them in the order of their numbers, without a
/// gap; those that the backup holds are passed over. What was erased since is erased once more by the first start.
///
/// # Errors
/// As [`restore`], and what `more` gives.
pub fn restore_with(
    file: &Path,
    more: More<'_>,
    erased: &[Erased],
    target: &Path,
    options: RestoreOptions,
) -> Result<RestoreReport, StoreError> {
    if options.dry_run {
        let (contents, manifest) = archive::unpack(file, None)?;
        for commit in more {
            commit?;
        }
        let backup = archive::report_of(&contents, &manifest);
        return Ok(RestoreReport { backup, aside: None });
    }
    let layout = Layout::new(target);
    let owner = Owner::of(target)?;
    let staging = Layout::new(&layout.restoring());
    if !layout.has_data() {
        // The first thing that is made: whatever is interrupted later is told from an empty directory.
        files::make_dir(&staging.root)?;
    }
    let lock = files::lock(&layout)?;
    finish(&layout)?;
    let has_data = layout.has_data();
    if has_data && !options.force {
        return Err(StoreError::NotEmpty {
            dir: target.to_owned(),
        });
    }
    let unpacked = stage(file, more, erased, &layout, &staging, options.paused);
    let backup = match unpacked {
        Ok(report) => report,
        Err(error) => {
            // When this fails too, the directory says that a restore was interrupted.
            files::remove(&staging.root)?;
            return Err(error);
        }
    };
    if has_data {
        let name = format!("before-restore-{}", system_now_ms());
        files::write_atomically(&staging.root.join(ASIDE), name.as_bytes())?;
    }
    owner.give(&staging.root)?;
    owner.give(&layout.lock())?;
    files::sync_tree(&staging.root)?;
    files::rename(&staging.root, &layout.restored())?;
    let aside = finish(&layout)?;
    if let Some(aside) = &aside {
        owner.give(aside)?;
    }
    drop(lock);
    Ok(RestoreReport { backup, aside })
}

/// Unpacks and checks a backup beside the data.
fn stage(
    file: &Path,
    more: More<'_>,
    erased: &[Erased],
    layout: &Layout,
    staging: &Layout,
    is_paused: bool,
) -> Result<BackupReport, StoreError> {
    // Emptied, not removed: at no time may the directory look as if no restore had begun.
    files::make_dir(&staging.root)?;
    for name in files::names(&staging.root)? {
        files::remove(&staging.root.join(name))?;
    }
    files::sync_dir(&layout.root)?;
    files::make_dir(&staging.snapshots())?;
    let (contents, manifest) = archive::unpack(file, Some(staging))?;
    lay_journal(file, more, erased, staging, &manifest, is_paused)?;
    manifest.write(&staging.manifest())?;
    Ok(archive::report_of(&contents, &manifest))
}

/// Finishes a restore that was decided: the data of before go aside, the restored ones take their place. May be
/// interrupted and called again at any point. Gives where the data of before are; the caller holds the lock.
pub(super) fn finish(layout: &Layout) -> Result<Option<PathBuf>, StoreError> {
    let restored = Layout::new(&layout.restored());
    let done = layout.root.join("restored.done");
    if !restored.root.exists() {
        files::remove(&done)?;
        return Ok(None);
    }
    let note = restored.root.join(ASIDE);
    let aside = match std::fs::read_to_string(&note) {
        Ok(name) => Some(layout.root.join(name)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(StoreError::io("read", &note)(error)),
    };
    if let Some(aside) = &aside {
        files::make_dir(aside)?;
    }
    // A piece that is no longer in `restored/` is the restored one where it belongs.
    let replaced = [
        (restored.manifest(), layout.manifest()),
        (restored.journal(), layout.journal()),
        (restored.snapshots(), layout.snapshots()),
    ];
    let old = replaced
        .iter()
        .filter(|(new, _)| new.exists())
        .map(|(_, old)| old.clone());
    // The databases are made by the first start, so those that are there are of before.
    for old in old.chain([layout.databases()]).filter(|path| path.exists()) {
        match (&aside, old.file_name()) {
            (Some(aside), Some(name)) => files::move_to(&old, &aside.join(name))?,
            _ => files::remove(&old)?,
        }
    }
    files::remove(&layout.ballast())?;
    for (new, place) in replaced.iter().filter(|(new, _)| new.exists()) {
        files::move_to(new, place)?;
    }
    files::rename(&restored.root, &done)?;
    files::remove(&done)?;
    files::sync_dir(&layout.root)?;
    Ok(aside)
}

/// Appends the tail and what follows to a new journal under the same numbers, commits that leave what is to be erased
/// and, if delivery begins paused, one that says so. The caller makes the files durable.
fn lay_journal(
    file: &Path,
    more: More<'_>,
    erased: &[Erased],
    layout: &Layout,
    manifest: &Manifest,
    is_paused: bool,
) -> Result<(), StoreError> {
    let tail = layout.root.join(TAIL);
    let failed = |error: journal::JournalError| StoreError::Journal(error.to_string());
    files::make_dir(&layout.journal())?;
    let options = Options {
        preallocate: false,
        is_durable: false,
        ..Options::default()
    };
    let (mut journal, _) = Journal::open(&layout.journal(), options).map_err(failed)?;
    let highest = manifest
        .databases
        .values()
        .map(|known| known.applied_seq)
        .fold(manifest.checkpoint_seq, u64::max);
    let mut input = BufReader::new(File::open(&tail).map_err(StoreError::io("open", &tail))?);
    let mut next = None;
    while let Some((seq, payload)) = read_commit(&mut input, file, &tail)? {
        if next != Some(seq) && seq > 1 {
            journal.skip_to(seq).map_err(failed)?;
        }
        journal.append(&payload).map_err(failed)?;
        next = Some(seq + 1);
    }
    if next.is_none_or(|next| next <= highest) && highest > 0 {
        journal.skip_to(highest + 1).map_err(failed)?;
    }
    for commit in more {
        let (seq, payload) = commit?;
        let next = journal.last_seq() + 1;
        if seq > next {
            let message = format!("commits {next} to {} are missing behind it", seq - 1);
            return Err(archive::unusable(file, message));
        }
        if seq == next {
            journal.append(&payload).map_err(failed)?;
        }
    }
    for commit in erased::again(erased)? {
        journal.append(&codec::encode_commit(&commit)?).map_err(failed)?;
    }
    if is_paused {
        let pause = DeliveryPause {
            since_ms: system_now_ms(),
            by: "restore".into(),
        };
        let key = keys::delivery_pause();
        let commit = Commit {
            writes: vec![(Db::Hot, Op::Put(key.1, pause.encode()?))],
        };
        journal.append(&codec::encode_commit(&commit)?).map_err(failed)?;
    }
    drop(journal);
    files::remove(&tail)
}

/// The next commit of a tail: its number and payload.
fn read_commit(
    input: &mut impl Read,
    file: &Path,
    tail: &Path,
) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
    let failed = |error| StoreError::io("read", tail)(error);
    let mut head = [0; 16];
    if input.read(&mut head[..1]).map_err(failed)? == 0 {
        return Ok(None);
    }
    input.read_exact(&mut head[1..]).map_err(failed)?;
    let [s0, s1, s2, s3, s4, s5, s6, s7, l0, l1, l2, l3, c0, c1, c2, c3] = head;
    let seq = u64::from_be_bytes([s0, s1, s2, s3, s4, s5, s6, s7]);
    let mut payload = vec![0; u32::from_be_bytes([l0, l1, l2, l3]) as usize];
    input.read_exact(&mut payload).map_err(failed)?;
    if archive::tail_sum(seq, &payload) != u32::from_be_bytes([c0, c1, c2, c3]) {
        return Err(archive::unusable(
            file,
            "a commit in its journal is not what was written; use another backup",
        ));
    }
    Ok(Some((seq, payload)))
}
