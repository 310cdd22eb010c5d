//! Snapshots: when they are made, what of the journal they make superfluous, and whether they are still what was written.

use super::SnapshotOptions;
use super::database::{Db, KeyRange};
use super::engine::{Engine, Slot, SlotState};
use super::error::StoreError;
use super::files::{self, Layout};
use super::index::Index;
use super::manifest::{DatabaseMark, SnapshotMark};
use super::snapshot::{self, Header};
use super::space::Room;
use super::{RepairKind, log_failure};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How often it is looked whether snapshots are to be considered.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often snapshots are considered.
const CONSIDER_EVERY: Duration = Duration::from_secs(60);
/// How often a snapshot is read to see that it is still what was written.
const CHECK_EVERY: Duration = Duration::from_secs(24 * 3600);
/// How long a database that was moved aside is kept.
const KEEP_DAMAGED_MS: i64 = 3 * 24 * 60 * 60 * 1000;

/// Whether a database is due for a snapshot. Pure.
pub(super) fn is_due(
    db: Db,
    known: &DatabaseMark,
    now_ms: i64,
    journal_bytes: u64,
    options: &SnapshotOptions,
) -> bool {
    if known.uncovered_seq.is_none() {
        return false;
    }
    let every_ms = match db {
        Db::Hot => options.hot_every_ms,
        Db::Period(..) => options.period_every_ms,
    };
    journal_bytes >= options.journal_bytes || now_ms.saturating_sub(known.uncovered_at_ms) >= every_ms
}

impl Engine {
    /// The last commit that a snapshot of a database holds for certain when its scan begins now. A database that was
    /// brought up to the journal may be ahead of the layers of commits that are on their way: one of them puts the
    /// same rows again, under a later number, and a scan may miss rows that are put again.
    pub(super) fn snapshot_seq(&self, index: &Index) -> u64 {
        index.applied_seq().min(self.applied_seq.load(Ordering::Acquire))
    }

    /// Makes a snapshot of one database. `false`: it is gone, or no commit that made it was applied yet. The caller
    /// holds the gate.
    fn snapshot(&self, slot: &Slot) -> Result<bool, StoreError> {
        let db = slot.db;
        let Some((_, index)) = self.index(db)? else {
            return Ok(false);
        };
        let seq = self.snapshot_seq(&index);
        if seq < slot.known.lock().created_seq {
            return Ok(false);
        }
        let header = Header {
            schema: self.schema(),
            instance: self.instance,
            db,
            seq,
            made_at_ms: self.now_ms(),
        };
        let path = self.layout.snapshot(db, seq);
        let checked = snapshot::make(&path, header, |put| {
            let mut failed = None;
            let scanned = index.scan(&KeyRange::all(), false, &mut |key, value| {
                let written = if self.is_closing() {
                    Err(StoreError::Closing)
                } else {
                    put(key, value)
                };
                match written {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => {
                        failed = Some(error);
                        ControlFlow::Break(())
                    }
                }
            });
            scanned.map_err(|error| self.fail(slot, &index, error))?;
            failed.map_or(Ok(()), Err)
        })?;
        if matches!(&*slot.state.read(), SlotState::Gone) {
            files::remove(&path)?;
            return Ok(false);
        }
        slot.known.lock().cover(SnapshotMark {
            seq,
            made_at_ms: header.made_at_ms,
        });
        for (old, path) in self.snapshots_of(db, 0)? {
            if old != seq {
                files::remove(&path)?;
            }
        }
        tracing::info!(%db, seq, records = checked.records, "a snapshot was made and verified");
        Ok(true)
    }

    /// Makes snapshots of the databases that `wanted` picks, then trims the journal by what they cover. One that cannot be
    /// made does not keep the others from it; the first error is given.
    pub(super) fn snapshot_where(
        &self,
        wanted: impl Fn(Db, &DatabaseMark) -> bool,
    ) -> Result<usize, StoreError> {
        let _gate = self.gate.lock();
        self.snapshot_gated(wanted)
    }

    pub(super) fn snapshot_gated(
        &self,
        wanted: impl Fn(Db, &DatabaseMark) -> bool,
    ) -> Result<usize, StoreError> {
        let mut made = 0;
        let mut first_error = None;
        for slot in self.all_slots() {
            let known = *slot.known.lock();
            if !wanted(slot.db, &known) {
                continue;
            }
            match self.snapshot(&slot) {
                Ok(is_made) => made += usize::from(is_made),
                Err(error) => {
                    tracing::warn!(code = error.code(), db = %slot.db, %error, "a snapshot could not be made; it is tried again");
                    first_error = first_error.or(Some(error));
                }
            }
        }
        if made > 0 {
            self.trim_journal()?;
        }
        first_error.map_or(Ok(made), Err)
    }

    /// Removes the segments of the journal that snapshots cover. The caller holds the gate.
    pub(super) fn trim_journal(&self) -> Result<(), StoreError> {
        if !self.checkpoint_gated(false)? {
            return Ok(());
        }
        let covered = self.away.removable(self.trimmed_seq.load(Ordering::Acquire));
        let mut journal = self.journal.lock();
        let is_active_covered = journal.segments().iter().any(|segment| {
            segment.is_active && segment.first_seq <= covered && segment.last_seq >= segment.first_seq
        });
        if is_active_covered {
            journal.rotate().map_err(|error| self.journal_error(&error))?;
        }
        let removed = journal
            .remove_through(covered)
            .map_err(|error| self.journal_error(&error))?;
        drop(journal);
        if removed > 0 {
            tracing::info!(
                removed,
                covered,
                "segments of the journal that snapshots cover were removed"
            );
        }
        Ok(())
    }

    fn remove_old_damaged(&self) -> Result<(), StoreError> {
        let dir = self.layout.databases();
        for name in files::names(&dir)? {
            if Layout::parse_damaged(&name)
                .is_some_and(|(_, at)| self.now_ms().saturating_sub(at) > KEEP_DAMAGED_MS)
            {
                files::remove(&dir.join(name))?;
            }
        }
        Ok(())
    }

    /// Makes snapshots when they are due, until the store closes.
    pub(super) fn make_snapshots(&self) {
        let (mut considered, mut checked) = (None::<Instant>, HashMap::new());
        while self.sleep(LOOK_EVERY) {
            if considered.is_some_and(|at| at.elapsed() < CONSIDER_EVERY) {
                continue;
            }
            considered = Some(Instant::now());
            log_failure("damaged_cleanup", self.remove_old_damaged());
            if self.room.lock().0 == Room::Short {
                continue;
            }
            let journal_bytes: u64 = self
                .journal
                .lock()
                .segments()
                .iter()
                .map(|segment| segment.bytes)
                .sum();
            let (now_ms, options) = (self.now_ms(), self.options.snapshots);
            let due = |db, known: &DatabaseMark| is_due(db, known, now_ms, journal_bytes, &options);
            log_failure("snapshot", self.snapshot_where(due).map(|_| ()));
            self.check_snapshot(&mut checked);
        }
    }

    /// Reads one snapshot whole that was not read for a day, and has a damaged one made anew.
    pub(super) fn check_snapshot(&self, checked: &mut HashMap<Db, Instant>) {
        let is_waiting = |db| {
            checked
                .get(&db)
                .is_none_or(|at: &Instant| at.elapsed() >= CHECK_EVERY)
        };
        let mark = |slot: &Slot| slot.known.lock().snapshot;
        let slots = self.all_slots();
        let Some((slot, known)) = slots
            .iter()
            .filter(|slot| is_waiting(slot.db))
            .find_map(|slot| Some((slot, mark(slot)?)))
        else {
            return;
        };
        let db = slot.db;
        checked.insert(db, Instant::now());
        let Err(error) = snapshot::check(&self.layout.snapshot(db, known.seq)) else {
            self.damaged_snapshots.lock().remove(&db);
            return;
        };
        if mark(slot) != Some(known) || self.is_closing() {
            return;
        }
        self.damaged_snapshots.lock().insert(db);
        let end = match self.snapshot_where(|of, _| of == db) {
            Ok(made) if made > 0 => {
                self.damaged_snapshots.lock().remove(&db);
                "it was made anew from the database; check the disk".to_owned()
            }
            Ok(_) => "the database is gone".to_owned(),
            Err(error) => format!("it could not be made anew: {error}; make a backup and check the disk"),
        };
        self.report(RepairKind::Repaired, Some(db), format!("{error}; {end}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_are_due_by_age_or_by_the_length_of_the_journal() {
        let options = SnapshotOptions {
            hot_every_ms: 10,
            period_every_ms: 20,
            journal_bytes: 1000,
        };
        let known = DatabaseMark {
            uncovered_seq: Some(5),
            uncovered_at_ms: 100,
            ..DatabaseMark::default()
        };
        let period = Db::sessions(0);
        for (db, known, now_ms, bytes, expected) in [
            (Db::Hot, known, 109, 0, false),
            (Db::Hot, known, 110, 0, true),
            (period, known, 119, 0, false),
            (period, known, 120, 0, true),
            (Db::Hot, known, 100, 1000, true),
            (
                Db::Hot,
                DatabaseMark {
                    uncovered_seq: None,
                    ..known
                },
                999,
                9999,
                false,
            ),
        ] {
            assert_eq!(
                is_due(db, &known, now_ms, bytes, &options),
                expected,
                "{db} {now_ms} {bytes}"
            );
        }
    }
}
