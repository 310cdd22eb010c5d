//! Bringing a failed database back: reopened when only the disk was full, else rebuilt from its last verified
//! snapshot and the journal, beside the old one, which is moved aside.

use super::database::Db;
use super::engine::{Engine, Slot, SlotState};
use super::error::StoreError;
use super::files::{self, Layout};
use super::index::{Index, Meta};
use super::rows::IndexError;
use super::snapshot;
use super::{Doubt, RepairKind};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How long a database must have been in order for earlier attempts to be forgotten.
const FORGIVEN_AFTER: Duration = Duration::from_secs(3600);

/// How often databases had to be brought back lately.
#[derive(Default)]
pub(super) struct Attempts(HashMap<Db, Tried>);

/// Attempts for one database.
struct Tried {
    count: u32,
    /// When it was last down, or brought back.
    at: Instant,
}

impl Attempts {
    /// Attempts for a database that is down now; none when it was in order for [`FORGIVEN_AFTER`].
    pub(super) fn of_failed(&mut self, db: Db, now: Instant) -> u32 {
        let tried = self.0.entry(db).or_insert(Tried { count: 0, at: now });
        if now.saturating_duration_since(tried.at) >= FORGIVEN_AFTER {
            tried.count = 0;
        }
        tried.at = now;
        tried.count
    }

    /// Adds an attempt that ended now; how many there are.
    pub(super) fn add(&mut self, db: Db, now: Instant) -> u32 {
        let tried = self.0.entry(db).or_insert(Tried { count: 0, at: now });
        tried.count += 1;
        tried.at = now;
        tried.count
    }
}

impl Engine {
    /// Reopens or rebuilds a database that is down. `Ok` when it is in use again, or gone.
    pub(super) fn restore_slot(&self, slot: &Slot) -> Result<(), IndexError> {
        let was_full = match &*slot.state.read() {
            SlotState::Down(error) => error.is_full,
            _ => return Ok(()),
        };
        if was_full && self.reopen(slot)? {
            return Ok(());
        }
        self.rebuild(slot)
    }

    /// A full disk leaves the data good and the handle useless. `false`: it has to be rebuilt after all. Nobody else
    /// opens a database that is down, so the slot is locked only for what came meanwhile.
    fn reopen(&self, slot: &Slot) -> Result<bool, IndexError> {
        let opened = self.open_slot(slot).and_then(|index| {
            let mut state = slot.state.write();
            if matches!(&*state, SlotState::Down(_)) {
                let created_seq = slot.known.lock().created_seq;
                self.catch_up(slot.db, &index, created_seq, false)?;
                *state = SlotState::Open(Arc::new(index));
            }
            Ok(())
        });
        match opened {
            Ok(()) => {
                let message = format!("{} was reopened: there is room again", slot.db);
                self.report(RepairKind::Repaired, Some(slot.db), message);
                Ok(true)
            }
            Err(error) if error.is_full => Err(error),
            Err(error) => {
                tracing::warn!(code = "store_reopen", db = %slot.db, %error, "a database cannot be reopened; it is rebuilt");
                Ok(false)
            }
        }
    }

    /// A record cannot be read though its database opens. The first time the database is rebuilt, and it is
    /// [`Doubt::Rebuilding`] meanwhile; what still cannot be read afterwards is lost, and told.
    pub(super) fn doubt(&self, db: Db, what: &str) -> Result<Doubt, StoreError> {
        let mut repairs = self.repairs().into_iter();
        if repairs.any(|repair| repair.kind == RepairKind::Rebuilt && repair.db == Some(db)) {
            self.report(RepairKind::Lost, Some(db), what.to_owned());
            return Ok(Doubt::Lost);
        }
        if let Some((slot, index)) = self.index(db)? {
            self.fail(&slot, &index, IndexError::rotten(what));
        }
        Ok(Doubt::Rebuilding)
    }

    fn rebuild(&self, slot: &Slot) -> Result<(), IndexError> {
        let db = slot.db;
        let beside = self.layout.beside(db, "rebuilding");
        files::remove(&beside)?;
        let built = self.build_at(slot, &beside)?;
        let mut state = slot.state.write();
        if matches!(&*state, SlotState::Gone) {
            drop(built);
            return Ok(files::remove(&beside)?);
        }
        // What came while it was built; nothing more can come while the slot is locked.
        let created_seq = slot.known.lock().created_seq;
        self.catch_up(db, &built, created_seq, false)?;
        let records_up_to = built.applied_seq();
        built.flush()?;
        drop(built);
        files::sync_tree(&beside)?;
        let (dir, aside) = (self.layout.database(db), self.layout.damaged(db, self.now_ms()));
        if dir.exists() {
            files::rename(&dir, &aside)?;
        }
        files::rename(&beside, &dir)?;
        let known_up_to = slot.floor_seq.swap(records_up_to, Ordering::AcqRel);
        if records_up_to < known_up_to {
            let message = format!(
                "{db} could only be rebuilt up to commit {records_up_to}; later writes up to commit {known_up_to} are missing; compare with a backup"
            );
            self.report(RepairKind::Lost, Some(db), message);
        }
        let index = self.open_slot(slot)?;
        *state = SlotState::Open(Arc::new(index));
        drop(state);
        self.report(
            RepairKind::Rebuilt,
            Some(db),
            format!("{db} was rebuilt from its snapshot and the journal, up to commit {records_up_to}"),
        );
        if let Err(error) = self.remove_damaged_but(db, &aside) {
            tracing::warn!(code = error.code(), %db, %error, "an older damaged copy could not be removed");
        }
        Ok(())
    }

    /// Of the copies of a database that were moved aside one is kept: each may be as large as the database.
    fn remove_damaged_but(&self, db: Db, kept: &Path) -> Result<(), StoreError> {
        let dir = self.layout.databases();
        for name in files::names(&dir)? {
            let path = dir.join(&name);
            if Layout::parse_damaged(&name).is_some_and(|(of, _)| of == db) && path != kept {
                files::remove(&path)?;
            }
        }
        Ok(())
    }

    /// Loads the best snapshot and replays the journal behind it.
    fn build_at(&self, slot: &Slot, dir: &std::path::Path) -> Result<Index, IndexError> {
        let db = slot.db;
        let known = *slot.known.lock();
        let mut index = self.open_raw(db, dir)?;
        let from = self.load_snapshot(db, known.created_seq, &index)?;
        let expected = known.snapshot.map_or(0, |mark| mark.seq);
        let after = from.max(known.created_seq.saturating_sub(1));
        let trimmed = self.trimmed_seq.load(Ordering::Acquire);
        if from < expected && trimmed > after {
            self.report(
                RepairKind::Lost,
                Some(db),
                format!(
                    "the snapshot of {db} at commit {expected} is lost: writes of commits {} to {} may be missing; compare with a backup",
                    after + 1,
                    trimmed
                ),
            );
        }
        index.set_meta(Meta {
            applied_seq: after,
            ..self.fresh_meta()
        })?;
        self.catch_up(db, &index, known.created_seq, true)?;
        index.flush()?;
        Ok(index)
    }

    /// Loads the newest good snapshot, else what can be read of the newest. The commit that it holds.
    fn load_snapshot(&self, db: Db, created_seq: u64, index: &Index) -> Result<u64, IndexError> {
        let files = self.snapshots_of(db, created_seq)?;
        let good = files.iter().find(|(_, path)| match snapshot::check(path) {
            Ok(checked) => checked.header.db == db,
            Err(error) => {
                self.report(RepairKind::Repaired, Some(db), error.to_string());
                false
            }
        });
        let Some((seq, path)) = good.or(files.first()) else {
            return Ok(0);
        };
        let mut failed = None;
        let loaded = snapshot::load(path, good.is_none(), |entries| {
            self.options.progress.add(entries.len());
            index.load(&entries).map_err(|error| {
                failed = Some(error);
                StoreError::Closing
            })
        });
        match (loaded, failed) {
            (_, Some(error)) => Err(error),
            (Ok(loaded), None) => {
                if !loaded.damage.is_empty() {
                    let message = format!(
                        "{} damaged blocks of {} are lost, {} records were saved; compare with a backup",
                        loaded.damage.len(),
                        path.display(),
                        loaded.records
                    );
                    self.report(RepairKind::Lost, Some(db), message);
                }
                Ok(*seq)
            }
            (Err(error), None) if good.is_none() => {
                self.report(
                    RepairKind::Lost,
                    Some(db),
                    format!("no snapshot of {db} can be read: {error}"),
                );
                Ok(0)
            }
            (Err(error), None) => Err(error.into()),
        }
    }

    /// Snapshot files of a database since its beginning, newest first.
    pub(super) fn snapshots_of(&self, db: Db, created_seq: u64) -> Result<Vec<(u64, PathBuf)>, StoreError> {
        let dir = self.layout.snapshots();
        let mut found: Vec<_> = files::names(&dir)?
            .iter()
            .filter_map(|name| Layout::parse_snapshot(name).map(|(of, seq)| (of, seq, dir.join(name))))
            .filter(|(of, seq, _)| *of == db && *seq >= created_seq)
            .map(|(_, seq, path)| (seq, path))
            .collect();
        found.sort_by(|a, b| b.cmp(a));
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_forgotten_after_a_time_in_order_and_not_for_taking_long() {
        let (mut attempts, begin) = (Attempts::default(), Instant::now());
        let after = |minutes: u64| begin + Duration::from_secs(60 * minutes);
        assert_eq!(attempts.of_failed(Db::Hot, after(0)), 0);
        assert_eq!(attempts.add(Db::Hot, after(90)), 1, "it took long");
        assert_eq!(attempts.of_failed(Db::Hot, after(149)), 1);
        assert_eq!(attempts.of_failed(Db::sessions(0), after(149)), 0);
        assert_eq!(attempts.of_failed(Db::Hot, after(208)), 1, "it stayed down");
        assert_eq!(attempts.add(Db::Hot, after(209)), 2);
        assert_eq!(attempts.of_failed(Db::Hot, after(269)), 0);
    }
}
