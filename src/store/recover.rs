//! Opening a store: what was there is found, believed or not, brought up to the journal, and what is missing
//! is rebuilt. Ends with a store in which every commit that the journal acknowledged is applied.

use super::codec::decode_commit;
use super::database::Db;
use super::engine::{Engine, Slot, SlotState, Start};
use super::error::StoreError;
use super::files::{self, Layout};
use super::manifest::{DatabaseMark, SCHEMA};
use super::migrate::{self, Step};
use super::restore;
use super::space::{self, Room};
use super::survey::{Survey, survey};
use super::{Commit, Op, OpenReport, RepairKind, StoreOptions};
use crate::journal::{self, Journal};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What was found while a store is being opened.
struct Opening {
    engine: Arc<Engine>,
    survey: Survey,
    report: journal::OpenReport,
    /// First commit that the journal still has.
    first_available: u64,
    /// Stretches of the journal that cannot be read.
    lost: Vec<LostCommits>,
    /// Something is wrong with the journal: new snapshots are made, so that it is needed no more.
    is_damaged: bool,
}

/// Opens a store; see the module. `steps` are the migrations to run on an older schema.
pub(super) fn open(
    dir: &Path,
    options: StoreOptions,
    steps: &[Step],
) -> Result<(Arc<Engine>, OpenReport), StoreError> {
    let mut opening = begin(dir, options)?;
    opening.engine.watch_room()?;
    let last_seq = opening.engine.durable_seq();
    opening.judge_end(last_seq);
    opening.judge_beginning();
    let damaged = std::mem::take(&mut opening.report.damaged);
    for damage in damaged {
        opening.damaged(RepairKind::Repaired, damage.to_string());
    }
    let replayed = opening.replay()?;
    let behind = opening.bring_up_all(last_seq)?;
    let known_seq = opening.judge_ahead(last_seq, &behind)?;
    let engine = &opening.engine;
    engine.applied_seq.store(known_seq, Ordering::Release);
    engine.mark_seen(known_seq);
    engine.is_recovering.store(false, Ordering::Release);
    if opening.is_damaged {
        // What the journal can no longer give must be in snapshots, and its damaged segments go.
        if let Err(error) = engine.snapshot_where(|_, _| true) {
            let message = format!("not every snapshot could be made after the journal was damaged: {error}");
            engine.report(RepairKind::Repaired, None, message);
        }
    }
    look_at_room(engine)?;
    engine.checkpoint()?;
    let from = opening.survey.manifest.schema;
    if from < SCHEMA {
        migrate::run(engine, from, SCHEMA, steps)?;
    }
    let report = OpenReport {
        instance: format!("{:016x}", engine.instance),
        schema: SCHEMA,
        migrated_from: (from < SCHEMA).then_some(from),
        last_seq: known_seq,
        replayed_commits: replayed,
        torn_tail_bytes: opening.report.torn_tail_bytes,
        repairs: engine.repairs(),
    };
    Ok((opening.engine, report))
}

/// Takes the lock, finishes what a restore left to do, and reads what the directory tells.
fn begin(dir: &Path, options: StoreOptions) -> Result<Opening, StoreError> {
    let layout = Layout::new(dir);
    if layout.restoring().exists() {
        return Err(StoreError::RestoreInterrupted { dir: dir.to_owned() });
    }
    let is_there = layout.has_data() || layout.restored().exists();
    if !is_there && !options.may_create {
        return Err(StoreError::NoStore { dir: dir.to_owned() });
    }
    files::make_dir(&layout.root)?;
    let lock = files::lock(&layout)?;
    // Looked at once more: a restore may have held the lock.
    if layout.restoring().exists() {
        return Err(StoreError::RestoreInterrupted { dir: dir.to_owned() });
    }
    if let Some(aside) = restore::finish(&layout)? {
        tracing::warn!(code = "restore_finished", aside = %aside.display(), "a restore that was interrupted was finished; the data of before were put aside");
    }
    for dir in [layout.databases(), layout.snapshots(), layout.journal()] {
        files::make_dir(&dir)?;
    }
    let survey = survey(&layout)?;
    remove_leftovers(&layout)?;
    let (journal, report) = Journal::open(&layout.journal(), options.journal)
        .map_err(|error| StoreError::Journal(error.to_string()))?;
    let first_available = journal.segments().first().map_or(1, |segment| segment.first_seq);
    let manifest = &survey.manifest;
    let engine = Arc::new(Engine::new(Start {
        layout,
        options,
        instance: manifest.instance,
        schema: manifest.schema,
        journal,
        checkpoint_seq: manifest.checkpoint_seq,
        trimmed_seq: if survey.is_guessed.is_some() {
            first_available - 1
        } else {
            manifest.trimmed_seq
        },
        losses: manifest.losses.clone(),
        lock,
    }));
    *engine.slots.write() = manifest
        .databases
        .iter()
        .map(|(db, known)| (*db, Arc::new(Slot::new(*db, *known))))
        .collect();
    Ok(Opening {
        engine,
        survey,
        report,
        first_available,
        lost: Vec::new(),
        is_damaged: false,
    })
}

impl Opening {
    /// Notes that the journal is not what it was.
    fn damaged(&mut self, kind: RepairKind, message: String) {
        self.is_damaged = true;
        self.engine.report(kind, None, message);
    }

    /// The journal may end before a commit that is known.
    fn judge_end(&mut self, last_seq: u64) {
        if let Some(reason) = &self.survey.is_guessed {
            let message = format!("MANIFEST was found again from the directory: {reason}");
            self.engine.report(RepairKind::Repaired, None, message);
        }
        let known = self.survey.manifest.checkpoint_seq;
        if last_seq >= known {
            return;
        }
        let (kind, end) = if self.survey.manifest.is_closed {
            (
                RepairKind::Repaired,
                "it was the last one, and the databases have it",
            )
        } else {
            (
                RepairKind::Lost,
                "commits behind it may be lost; compare with a backup",
            )
        };
        self.damaged(
            kind,
            format!("the journal ends at commit {last_seq}, commit {known} is known: {end}"),
        );
    }

    /// The journal may begin behind a commit that no snapshot covers. Nothing replays such commits.
    fn judge_beginning(&mut self) {
        let manifest = &self.survey.manifest;
        if self.survey.is_guessed.is_some() || self.first_available <= manifest.trimmed_seq.saturating_add(1)
        {
            return;
        }
        let (first, last) = (manifest.trimmed_seq + 1, self.first_available - 1);
        let (kind, end) = if last <= manifest.checkpoint_seq {
            (
                RepairKind::Repaired,
                "the databases have them, and snapshots are made now",
            )
        } else {
            (
                RepairKind::Lost,
                "what they wrote may be missing; compare with a backup",
            )
        };
        self.damaged(kind, format!(
            "the oldest segment of the journal is gone, with commits {first} to {last}, which no snapshot covers: {end}"
        ));
    }

    /// Reads the journal behind the checkpoint; how many commits that were.
    fn replay(&mut self) -> Result<u64, StoreError> {
        let after = if self.survey.is_guessed.is_some() {
            self.first_available - 1
        } else {
            self.survey.manifest.checkpoint_seq
        };
        let replayed = read_tail(&self.engine, after, &mut self.lost)?;
        self.is_damaged |= !self.lost.is_empty();
        set_aside_strangers(&self.engine, self.survey.is_guessed.is_none())?;
        Ok(replayed)
    }

    /// Opens databases: hot always; others when commits wait for them, when their files are gone, or when the journal
    /// cannot be trusted to tell. Gives those for which commits waited.
    fn bring_up_all(&self, last_seq: u64) -> Result<Vec<Arc<Slot>>, StoreError> {
        let engine = &self.engine;
        if engine.slot(Db::Hot).is_none() {
            let hot = Slot::new(Db::Hot, DatabaseMark::default());
            engine.slots.write().insert(Db::Hot, Arc::new(hot));
        }
        let is_suspect = self.report.torn_tail_bytes > 0
            || last_seq < self.survey.manifest.checkpoint_seq
            || self.survey.is_guessed.is_some();
        let mut behind = Vec::new();
        for slot in engine.all_slots() {
            let is_behind = slot.known.lock().applied_seq > slot.floor_seq.load(Ordering::Acquire);
            let is_gone = !engine.layout.database(slot.db).join("db").exists();
            if is_behind {
                behind.push(slot.clone());
            }
            if slot.db == Db::Hot || is_behind || is_gone || is_suspect || self.is_damaged {
                bring_up(engine, &slot)?;
            }
        }
        Ok(behind)
    }

    /// The databases, or the manifest, may know commits that the journal lost. The last commit that anything knows.
    fn judge_ahead(&mut self, last_seq: u64, behind: &[Arc<Slot>]) -> Result<u64, StoreError> {
        let (ahead, checkpoint_seq) = (
            self.engine.ahead_seq.load(Ordering::Acquire),
            self.survey.manifest.checkpoint_seq,
        );
        if self.report.is_tail_suspect && ahead.max(checkpoint_seq) <= last_seq {
            self.engine.report(RepairKind::Lost, None, format!(
                "commit {} at the end of the journal cannot be read though all of it had reached the disk: it was damaged at rest, or scribbled over by a power cut; if it was acknowledged, what it wrote is missing: compare with a backup, and check the disk",
                last_seq + 1
            ));
        }
        let known_seq = ahead.max(checkpoint_seq).max(last_seq);
        judge_lost(&self.engine, &self.lost, behind, known_seq);
        if known_seq == last_seq {
            return Ok(known_seq);
        }
        self.is_damaged = true;
        if ahead > last_seq {
            let (kind, end) = if self.survey.manifest.is_closed || ahead <= checkpoint_seq {
                (RepairKind::Repaired, "it lost its end, the databases have it")
            } else {
                (
                    RepairKind::Lost,
                    "what the lost ones wrote to other databases may be missing; compare with a backup",
                )
            };
            self.damaged(
                kind,
                format!("the databases hold commits up to {ahead}, the journal only up to {last_seq}: {end}"),
            );
        }
        let skipped = self.engine.journal.lock().skip_to(known_seq + 1);
        skipped.map_err(|error| self.engine.journal_error(&error))?;
        self.engine.durable_seq.store(known_seq, Ordering::Release);
        Ok(known_seq)
    }
}

fn remove_leftovers(layout: &Layout) -> Result<(), StoreError> {
    for name in files::names(&layout.databases())? {
        if name.ends_with(".rebuilding") || name.ends_with(".dropped") {
            files::remove(&layout.databases().join(name))?;
        }
    }
    for name in files::names(&layout.snapshots())? {
        if name.ends_with(".tmp") {
            files::remove(&layout.snapshots().join(name))?;
        }
    }
    Ok(())
}

/// A stretch of commits that cannot be read.
struct LostCommits {
    first_seq: u64,
    last_seq: u64,
    message: String,
}

/// Reads the journal behind `after`: which databases its commits speak of, and what cannot be read.
fn read_tail(engine: &Engine, after: u64, lost: &mut Vec<LostCommits>) -> Result<u64, StoreError> {
    let records = journal::read(&engine.layout.journal(), after)
        .map_err(|error| StoreError::Journal(error.to_string()))?;
    let now_ms = engine.now_ms();
    let mut count = 0;
    let mut dropped = BTreeSet::new();
    for record in records {
        let record = match record {
            Ok(record) => record,
            Err(damage) => {
                let last_seq = damage.next_seq.map_or(u64::MAX, |next| next.saturating_sub(1));
                lost.push(LostCommits {
                    first_seq: damage.after_seq.saturating_add(1),
                    last_seq,
                    message: damage.to_string(),
                });
                continue;
            }
        };
        let Some(commit) = decode_commit(&record.payload) else {
            let message = format!(
                "commit {} of the journal has a form that this version does not know",
                record.seq
            );
            lost.push(LostCommits {
                first_seq: record.seq,
                last_seq: record.seq,
                message,
            });
            continue;
        };
        count += 1;
        engine.options.progress.add(1);
        note_commit(engine, record.seq, &commit, now_ms, &mut dropped);
    }
    for db in dropped {
        engine.drop_database(db)?;
    }
    Ok(count)
}

fn note_commit(engine: &Engine, seq: u64, commit: &Commit, now_ms: i64, dropped: &mut BTreeSet<Db>) {
    let mut slots = engine.slots.write();
    for (db, op) in &commit.writes {
        if *op == Op::Drop {
            slots.remove(db);
            dropped.insert(*db);
        } else {
            dropped.remove(db);
            slots
                .entry(*db)
                .or_insert_with(|| {
                    Arc::new(Slot::new(
                        *db,
                        DatabaseMark {
                            created_seq: seq,
                            ..DatabaseMark::default()
                        },
                    ))
                })
                .touch(seq, now_ms);
        }
    }
}

/// Databases and snapshots that nothing speaks of: what a drop could not remove, or of somebody else.
fn set_aside_strangers(engine: &Engine, is_manifest_good: bool) -> Result<(), StoreError> {
    let slots: BTreeMap<_, _> = engine.slots.read().clone();
    let dir = engine.layout.databases();
    for name in files::names(&dir)? {
        let Ok(db) = name.parse::<Db>() else { continue };
        // Hot is there before the first commit speaks of it.
        if is_manifest_good && db != Db::Hot && !slots.contains_key(&db) {
            files::rename(&dir.join(&name), &engine.layout.damaged(db, engine.now_ms()))?;
            engine.report(
                RepairKind::Repaired,
                Some(db),
                format!("{name} is known to nobody and was moved aside"),
            );
        }
    }
    for name in files::names(&engine.layout.snapshots())? {
        if Layout::parse_snapshot(&name).is_some_and(|(db, _)| !slots.contains_key(&db)) {
            files::remove(&engine.layout.snapshots().join(name))?;
        }
    }
    Ok(())
}

/// Opens a database and rebuilds it when it is not to be believed.
fn bring_up(engine: &Engine, slot: &Slot) -> Result<(), StoreError> {
    match engine.index(slot.db) {
        Ok(_) => return Ok(()),
        Err(StoreError::Rebuilding { .. }) => {}
        Err(error) => return Err(error),
    }
    engine.restore_slot(slot).map_err(|error| {
        if error.is_full {
            engine.full_error()
        } else {
            StoreError::Failed {
                db: slot.db,
                message: error.message,
            }
        }
    })?;
    debug_assert!(!matches!(&*slot.state.read(), SlotState::Down(_)));
    Ok(())
}

/// Commits that the journal lost are not lost when the databases had applied them: every one that later commits
/// speak of, and at least one.
fn judge_lost(engine: &Engine, lost: &[LostCommits], behind: &[Arc<Slot>], known_seq: u64) {
    let has = |slot: &Slot, seq| slot.opened_seq.load(Ordering::Acquire) >= seq;
    let is_rebuilt = engine
        .repairs()
        .iter()
        .any(|repair| repair.kind == RepairKind::Rebuilt);
    for stretch in lost {
        let seq = stretch.last_seq.min(known_seq).max(stretch.first_seq);
        let had_it = !is_rebuilt
            && behind.iter().all(|slot| has(slot, seq))
            && engine.all_slots().iter().any(|slot| has(slot, seq));
        let (kind, end) = if had_it {
            (RepairKind::Repaired, "the databases had applied them before")
        } else {
            (
                RepairKind::Lost,
                "what these commits wrote may be missing; compare with a backup",
            )
        };
        engine.report(kind, None, format!("{}; {end}", stretch.message));
    }
}

fn look_at_room(engine: &Engine) -> Result<(), StoreError> {
    engine.watch_room()?;
    if engine.room.lock().0 == Room::Short {
        return Ok(());
    }
    let taken = space::take_ballast(&engine.layout.ballast(), engine.options.space.ballast_bytes);
    if let Err(error) = taken {
        tracing::warn!(code = error.code(), %error, "no room for the ballast file");
    }
    engine.watch_room()
}
