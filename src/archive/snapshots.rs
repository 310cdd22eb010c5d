//! The thread that brings a snapshot to the archive every day, reads it back, and removes what is too old.
//!
//! * 2026-11-29: a snapshot is a backup file in parts, so that what restores one restores the other.
//! * 2026-11-29: nothing in an archive becomes older than `history_hours`: whatever was erased since is gone with it by
//!   then, without anybody looking for it. Moments can be restored back to the oldest snapshot that is left.

use super::erasures;
use super::error::ArchiveError;
use super::manifest::Snapshot;
use super::object::{self, part_name};
use super::place::hex;
use super::shared::Shared;
use crate::priority::{self, Step};
use aws_lc_rs::digest::{Context, SHA256};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// From one snapshot to the next: two are there at any time within 48 hours.
const EVERY_MS: i64 = 22 * 3_600_000;
/// After a snapshot that failed.
const AGAIN_AFTER: Duration = Duration::from_secs(300);
/// From one removal of what is too old to the next, and how much earlier it goes therefore.
const SWEEP_EVERY: Duration = Duration::from_secs(2 * 3600);
const EARLIER_MS: i64 = 3 * 3_600_000;
/// Parts that the manifest does not name are left alone for so long.
const UNNAMED_MS: i64 = 12 * 3_600_000;
/// Bytes of a part.
const PART_BYTES: usize = 8 << 20;
/// Tries of a part.
const TRIES: u32 = 5;

/// Makes snapshots and removes what is too old, until it is told to stop.
pub(super) fn run(shared: &Arc<Shared>, stopped: &Receiver<()>) {
    priority::step_back(Step::Behind);
    let (mut failed, mut swept) = (None::<Instant>, None::<Instant>);
    loop {
        match stopped.recv_timeout(LOOK_EVERY) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
        if shared.is_fenced() || shared.manifest().is_none() {
            continue;
        }
        if is_due(shared) && failed.is_none_or(|at| at.elapsed() >= AGAIN_AFTER) {
            match make(shared) {
                Ok(()) => (failed, swept) = (None, None),
                Err(error) => {
                    failed = Some(Instant::now());
                    shared.trouble(&error);
                }
            }
        }
        if swept.is_none_or(|at| at.elapsed() >= SWEEP_EVERY) {
            swept = Some(Instant::now());
            if let Err(error) = sweep(shared) {
                tracing::warn!(code = error.code(), %error, "what is too old could not be removed from the archive; it is tried again");
            }
        }
    }
}

fn is_due(shared: &Shared) -> bool {
    let newest = shared
        .manifest()
        .and_then(|manifest| manifest.snapshots.last().map(|last| last.made_at_ms));
    let is_old = newest.is_none_or(|at| shared.clock.now_ms().saturating_sub(at) >= EVERY_MS);
    is_old || shared.wants_snapshot.load(Ordering::Acquire)
}

/// Brings a snapshot to the archive and reads it back.
fn make(shared: &Arc<Shared>) -> Result<(), ArchiveError> {
    let epoch = shared.manifest().map_or(0, |manifest| manifest.epoch());
    shared.wants_snapshot.store(false, Ordering::Release);
    let made = made(shared, epoch);
    if made.is_err() {
        shared.wants_snapshot.store(true, Ordering::Release);
    }
    made
}

fn made(shared: &Arc<Shared>, epoch: u32) -> Result<(), ArchiveError> {
    let begun_at_ms = shared.clock.now_ms();
    let mut parts = Parts::new(shared, epoch, begun_at_ms);
    let written = shared.keeper.backup(&mut parts);
    if let Some(error) = parts.failure.take() {
        return Err(error);
    }
    let report = written?;
    let (count, bytes, sha256) = parts.finish()?;
    let snapshot = Snapshot {
        epoch,
        seq: report.last_seq,
        begun_at_ms,
        made_at_ms: shared.clock.now_ms(),
        parts: count,
        bytes,
        sha256,
    };
    shared.archive.read_snapshot(&snapshot, &mut std::io::sink())?;
    shared.change(|manifest| {
        let is_there = manifest.snapshots.contains(&snapshot);
        // An epoch that began meanwhile begins with a snapshot of its own.
        if !is_there && manifest.epoch() == epoch {
            manifest.snapshots.push(snapshot.clone());
        }
    })?;
    tracing::info!(
        seq = snapshot.seq,
        bytes,
        parts = count,
        "a snapshot is in the archive and was read back"
    );
    Ok(())
}

/// Takes the bytes of a backup and writes them as parts.
struct Parts<'a> {
    shared: &'a Shared,
    epoch: u32,
    begun_at_ms: i64,
    buffer: Vec<u8>,
    count: u32,
    bytes: u64,
    sum: Context,
    failure: Option<ArchiveError>,
}

impl<'a> Parts<'a> {
    fn new(shared: &'a Shared, epoch: u32, begun_at_ms: i64) -> Self {
        Self {
            shared,
            epoch,
            begun_at_ms,
            buffer: Vec::with_capacity(PART_BYTES),
            count: 0,
            bytes: 0,
            sum: Context::new(&SHA256),
            failure: None,
        }
    }

    fn send(&mut self) -> Result<(), ArchiveError> {
        let name = part_name(self.epoch, self.begun_at_ms, self.count);
        let content = std::mem::take(&mut self.buffer);
        self.sum.update(&content);
        self.bytes += content.len() as u64;
        let mut tries = 1;
        loop {
            if self.shared.is_fenced() || self.shared.is_stopping.load(Ordering::Acquire) {
                return Err(ArchiveError::Unfit(
                    "a snapshot was given up: the server stops".into(),
                ));
            }
            match self.shared.archive.put_part(&name, content.clone()) {
                Ok(()) => break,
                Err(ArchiveError::Objects(error)) if error.is_passing() && tries < TRIES => {
                    std::thread::sleep(Duration::from_millis(300) * tries);
                    tries += 1;
                }
                Err(error) => return Err(error),
            }
        }
        self.count += 1;
        Ok(())
    }

    fn finish(mut self) -> Result<(u32, u64, String), ArchiveError> {
        if !self.buffer.is_empty() {
            self.send()?;
        }
        Ok((self.count, self.bytes, hex(self.sum.finish().as_ref())))
    }
}

impl Write for Parts<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let room = PART_BYTES.saturating_sub(self.buffer.len()).min(bytes.len());
        self.buffer
            .extend_from_slice(bytes.get(..room).unwrap_or_default());
        if self.buffer.len() >= PART_BYTES
            && let Err(error) = self.send()
        {
            let message = error.to_string();
            self.failure = Some(error);
            return Err(std::io::Error::other(message));
        }
        Ok(room)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Removes what is too old, and parts that nothing names.
pub(super) fn sweep(shared: &Shared) -> Result<(), ArchiveError> {
    let now_ms = shared.clock.now_ms();
    let before_ms = now_ms.saturating_sub(shared.options.history_ms - EARLIER_MS);
    let Some(known) = shared.manifest() else {
        return Ok(());
    };
    if !known.clone().expire(before_ms).is_empty() {
        // First it is no longer named, then it is removed.
        shared.change(|manifest| drop(manifest.expire(before_ms)))?;
    }
    let Some(manifest) = shared.manifest() else {
        return Ok(());
    };
    for name in shared.archive.names("snapshots/")? {
        let Some((epoch, begun_at_ms)) = snapshot_of(&name) else {
            continue;
        };
        let is_named = manifest
            .snapshots
            .iter()
            .any(|one| (one.epoch, one.begun_at_ms) == (epoch, begun_at_ms));
        let is_fresh = now_ms.saturating_sub(begun_at_ms) < UNNAMED_MS;
        if !is_named && !is_fresh {
            shared.archive.delete(&name)?;
        }
    }
    let Some(oldest) = manifest.snapshots.first() else {
        return Ok(());
    };
    erasures::sweep(shared)?;
    let names = shared.archive.names("journal/")?;
    for (at, name) in names.iter().enumerate() {
        let (Some(epoch), Some(_)) = (epoch_of(name), object::first_seq_of(name)) else {
            continue;
        };
        let next = names.get(at + 1).filter(|next| epoch_of(next) == Some(epoch));
        let is_covered = next
            .and_then(|next| object::first_seq_of(next))
            .is_some_and(|next| next <= oldest.seq + 1);
        if epoch < oldest.epoch || (epoch == oldest.epoch && is_covered) {
            shared.archive.delete(name)?;
        }
    }
    Ok(())
}

/// The epoch and the name of the snapshot that a part belongs to.
fn snapshot_of(name: &str) -> Option<(u32, i64)> {
    let mut segments = name.split('/').skip(1);
    let epoch = segments.next()?.parse().ok()?;
    Some((epoch, segments.next()?.parse().ok()?))
}

fn epoch_of(name: &str) -> Option<u32> {
    name.split('/').nth(1)?.parse().ok()
}
