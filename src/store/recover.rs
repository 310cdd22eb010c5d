//! Opening a store: what was there is found, believed or not, brought up to the journal, and what is missing
//! is rebuilt. Ends with a store in which every commit that the journal acknowledged is applied.

use super::codec::decode_commit;
use super::engine::{Engine, Slot, SlotState, Start};
use super::error::StoreError;
use super::files::{self, Layout};
use super::keys::Db;
use super::manifest::{Found, Known, Manifest, SCHEMA, SnapshotMark};
use super::migrate::{self, Step};
use super::space::{self, Room};
use super::{Commit, Op, OpenReport, RepairKind, StoreOptions, snapshot};
use crate::journal::{self, Journal};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Takes the lock of a data directory; it is held until the file is dropped.
pub(super) fn lock(layout: &Layout) -> Result<File, StoreError> {
    let path = layout.lock();
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(StoreError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked {
            dir: layout.root.clone(),
        }),
        Err(TryLockError::Error(source)) => Err(StoreError::Io {
            what: "lock",
            path,
            source,
        }),
    }
}

/// What the directory tells before anything is opened.
struct Survey {
    manifest: Manifest,
    /// The manifest was lost or damaged, and this is what could be found without it.
    is_guessed: Option<String>,
}

/// Opens a store; see the module. `steps` are the migrations to run on an older schema.
pub(super) fn open(
    dir: &Path,
    options: StoreOptions,
    steps: &[Step],
) -> Result<(Arc<Engine>, OpenReport), StoreError> {
    let layout = Layout::new(dir);
    for dir in [
        layout.root.clone(),
        layout.databases(),
        layout.snapshots(),
        layout.journal(),
    ] {
        files::make_dir(&dir)?;
    }
    let lock = lock(&layout)?;
    let survey = survey(&layout)?;
    remove_leftovers(&layout)?;
    let (journal, journal_report) = Journal::open(&layout.journal(), options.journal)
        .map_err(|error| StoreError::Journal(error.to_string()))?;
    let manifest = survey.manifest;
    let first_available = journal.segments().first().map_or(1, |segment| segment.first_seq);
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
        lock,
    }));
    *engine.slots.write() = manifest
        .databases
        .iter()
        .map(|(db, known)| (*db, Arc::new(Slot::new(*db, *known))))
        .collect();

    engine.watch_room()?;
    let last_seq = engine.durable_seq();
    let mut is_suspect = journal_report.torn_tail_bytes > 0 || last_seq < manifest.checkpoint_seq;
    if let Some(reason) = &survey.is_guessed {
        is_suspect = true;
        engine.report(
            RepairKind::Repaired,
            None,
            format!("MANIFEST was found again from the directory: {reason}"),
        );
    }
    let after = if survey.is_guessed.is_some() {
        first_available - 1
    } else {
        manifest.checkpoint_seq
    };
    let mut is_damaged = last_seq < manifest.checkpoint_seq;
    let mut lost = Vec::new();
    if is_damaged {
        let known = manifest.checkpoint_seq;
        let (kind, end) = if manifest.is_closed {
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
        engine.report(
            kind,
            None,
            format!("the journal ends at commit {last_seq}, commit {known} is known: {end}"),
        );
    }
    for damage in &journal_report.damaged {
        is_damaged = true;
        engine.report(RepairKind::Repaired, None, damage.to_string());
    }
    let replayed = read_tail(&engine, after, &mut lost)?;
    if !lost.is_empty() {
        is_damaged = true;
    }
    set_aside_strangers(&engine, survey.is_guessed.is_none())?;

    // Hot is opened always; others when commits wait for them, when their files are gone, or when the journal
    // cannot be trusted to tell.
    if engine.slot(Db::Hot).is_none() {
        let hot = Slot::new(Db::Hot, Known::default());
        engine.slots.write().insert(Db::Hot, Arc::new(hot));
    }
    let mut behind = Vec::new();
    for slot in engine.all_slots() {
        let is_behind = slot.known.lock().applied_seq > slot.floor_seq.load(Ordering::Acquire);
        let is_gone = !engine.layout.database(slot.db).join("db").exists();
        if is_behind {
            behind.push(slot.clone());
        }
        if slot.db == Db::Hot || is_behind || is_gone || is_suspect || is_damaged {
            bring_up(&engine, &slot)?;
        }
    }
    let ahead = engine.ahead_seq.load(Ordering::Acquire);
    let known_seq = ahead.max(manifest.checkpoint_seq).max(last_seq);
    judge_lost(&engine, &lost, &behind, known_seq);
    if known_seq > last_seq {
        is_damaged = true;
        if ahead > last_seq {
            let (kind, end) = if manifest.is_closed || ahead <= manifest.checkpoint_seq {
                (RepairKind::Repaired, "it lost its end, the databases have it")
            } else {
                (
                    RepairKind::Lost,
                    "what the lost ones wrote to other databases may be missing; compare with a backup",
                )
            };
            let message =
                format!("the databases hold commits up to {ahead}, the journal only up to {last_seq}: {end}");
            engine.report(kind, None, message);
        }
        let skipped = engine.journal.lock().skip_to(known_seq + 1);
        skipped.map_err(|error| engine.journal_error(&error))?;
        engine.durable_seq.store(known_seq, Ordering::Release);
    }
    engine.applied_seq.store(known_seq, Ordering::Release);
    engine.mark_seen(known_seq);
    engine.is_recovering.store(false, Ordering::Release);
    if is_damaged {
        // What the journal can no longer give must be in snapshots, and its damaged segments go.
        if let Err(error) = engine.snapshot_where(|_, _| true) {
            let message = format!("not every snapshot could be made after the journal was damaged: {error}");
            engine.report(RepairKind::Repaired, None, message);
        }
    }
    look_at_room(&engine)?;
    engine.checkpoint()?;
    let from = manifest.schema;
    if from < SCHEMA {
        migrate::run(&engine, from, SCHEMA, steps)?;
    }
    let report = OpenReport {
        instance: format!("{:016x}", engine.instance),
        schema: SCHEMA,
        migrated_from: (from < SCHEMA).then_some(from),
        last_seq: known_seq,
        replayed_commits: replayed,
        torn_tail_bytes: journal_report.torn_tail_bytes,
        repairs: engine.repairs(),
    };
    Ok((engine, report))
}

fn survey(layout: &Layout) -> Result<Survey, StoreError> {
    let reason = match Manifest::read(&layout.manifest())? {
        Found::Good(manifest) => {
            return Ok(Survey {
                manifest,
                is_guessed: None,
            });
        }
        Found::Newer(found) => {
            return Err(StoreError::NewerSchema {
                dir: layout.root.clone(),
                found,
                supported: SCHEMA,
            });
        }
        Found::Missing => "it was not there".to_owned(),
        Found::Damaged(reason) => reason,
    };
    let mut manifest = Manifest::new();
    let mut has_data = !files::names(&layout.journal())?.is_empty();
    for name in files::names(&layout.databases())? {
        if let Ok(db) = name.parse::<Db>() {
            has_data = true;
            manifest.databases.entry(db).or_default();
        }
    }
    let mut schema = None;
    for name in files::names(&layout.snapshots())? {
        let Some((db, seq)) = Layout::parse_snapshot(&name) else {
            continue;
        };
        has_data = true;
        let Ok(header) = snapshot::read_header(&layout.snapshots().join(&name)) else {
            continue;
        };
        if header.schema > SCHEMA {
            return Err(StoreError::NewerSchema {
                dir: layout.root.clone(),
                found: header.schema,
                supported: SCHEMA,
            });
        }
        schema = schema.max(Some(header.schema));
        manifest.instance = header.instance;
        let known = manifest.databases.entry(db).or_default();
        if known.snapshot.is_none_or(|mark| mark.seq < seq) {
            known.snapshot = Some(SnapshotMark {
                seq,
                made_at_ms: header.made_at_ms,
            });
            known.applied_seq = seq;
        }
    }
    if !has_data {
        manifest.write(&layout.manifest())?;
        return Ok(Survey {
            manifest,
            is_guessed: None,
        });
    }
    // Without a snapshot the hot database itself says whose it is, if it can still be asked.
    if schema.is_none()
        && layout.database(Db::Hot).join("db").exists()
        && let Ok(meta) = super::index::peek(&layout.database(Db::Hot))
        && meta.applied_seq > 0
    {
        if meta.schema > SCHEMA {
            return Err(StoreError::NewerSchema {
                dir: layout.root.clone(),
                found: meta.schema,
                supported: SCHEMA,
            });
        }
        schema = Some(meta.schema);
        manifest.instance = meta.instance;
    }
    manifest.schema = schema.unwrap_or(SCHEMA);
    Ok(Survey {
        manifest,
        is_guessed: Some(reason),
    })
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
                last_seq: record.seq,
                message,
            });
            continue;
        };
        count += 1;
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
                        Known {
                            created_seq: seq,
                            ..Known::default()
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
        let seq = stretch.last_seq.min(known_seq);
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
