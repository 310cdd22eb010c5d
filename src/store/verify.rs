//! A thorough look at a store: every frame of the journal, every snapshot, every record of
//! every database. Nothing is repaired and nothing is rebuilt; a
//! database that is opened only tidies what a crash left of its own work.

use super::codec::decode_commit;
use super::database::{Db, KeyRange};
use super::engine::Engine;
use super::error::StoreError;
use super::files::{self, Layout};
use super::index::{self, IndexOptions, Meta};
use super::manifest::{Found, Manifest};
use super::{StoreOptions, keys, packed, snapshot};
use crate::journal;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::Ordering;

/// What a look at a store found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct VerifyReport {
    /// Databases that were walked.
    pub databases: usize,
    /// Records in them.
    pub records: u64,
    /// Snapshots that were read.
    pub snapshots: usize,
    /// Commits of the journal that were read.
    pub commits: u64,
    /// What is wrong, each a sentence. The first hundred records that do not decode, all else in full.
    pub problems: Vec<String>,
    /// What the next start makes good by itself, each a sentence.
    pub mended: Vec<String>,
}

const MOST_RECORD_PROBLEMS: usize = 100;

/// Looks at a store. `check` is asked about every record and says what is wrong with it.
///
/// # Errors
/// [`StoreError::Locked`] while the server runs; [`StoreError::Io`] when the directory cannot be read.
pub fn verify(
    dir: &Path,
    options: &StoreOptions,
    mut check: impl FnMut(Db, &[u8], &[u8]) -> Result<(), StoreError>,
) -> Result<VerifyReport, StoreError> {
    let layout = Layout::new(dir);
    if layout.restoring().exists() {
        return Err(StoreError::RestoreInterrupted { dir: dir.to_owned() });
    }
    if !layout.has_data() && !layout.restored().exists() {
        return Err(StoreError::NoStore { dir: dir.to_owned() });
    }
    let _lock = files::lock(&layout)?;
    let mut report = VerifyReport::default();
    if layout.restored().exists() {
        let message = "a restore is complete and only has to be put in place; the next start does it";
        report.mended.push(message.into());
        return Ok(report);
    }
    let mut trimmed_seq = None;
    match Manifest::read(&layout.manifest())? {
        Found::Good(manifest) => {
            trimmed_seq = Some(manifest.trimmed_seq);
            check_manifest(&layout, &manifest, &mut report);
        }
        Found::Newer(schema) => report
            .problems
            .push(format!("the data have schema {schema}, newer than this version")),
        Found::Missing => report
            .problems
            .push("MANIFEST is gone; the next start finds it again".into()),
        Found::Damaged(why) => report.problems.push(format!(
            "MANIFEST is damaged ({why}); the next start finds it again"
        )),
    }
    check_journal(&layout, trimmed_seq, &mut report)?;
    check_snapshots(&layout, &mut report)?;
    for name in files::names(&layout.databases())? {
        if let Ok(db) = name.parse::<Db>() {
            walk(db, &layout, options, &mut check, &mut report);
        }
    }
    Ok(report)
}

/// Whether what the manifest knows of is there. A database is rebuilt from its snapshot and the journal, a snapshot is
/// made anew from its database: only when both are gone something may be lost.
fn check_manifest(layout: &Layout, manifest: &Manifest, report: &mut VerifyReport) {
    for (db, known) in &manifest.databases {
        let has_database = layout.database(*db).join("db").exists();
        let is_snapshot_gone = known
            .snapshot
            .is_some_and(|mark| !layout.snapshot(*db, mark.seq).exists());
        match (has_database, is_snapshot_gone) {
            (true, false) => {}
            (false, false) => report
                .mended
                .push(format!("{db} is not there; the next start rebuilds it")),
            (true, true) => report
                .problems
                .push(format!("the snapshot of {db} is gone; the next one replaces it")),
            (false, true) => report
                .problems
                .push(format!("{db} is gone, and its snapshot too: restore a backup")),
        }
    }
}

/// The same look at a store that is in use.
pub(super) fn verify_open(engine: &Engine) -> Result<VerifyReport, StoreError> {
    let mut report = VerifyReport::default();
    {
        // Neither snapshots nor segments of the journal go while they are read.
        let _gate = engine.gate.lock();
        let trimmed_seq = engine.trimmed_seq.load(Ordering::Acquire);
        check_journal(&engine.layout, Some(trimmed_seq), &mut report)?;
        check_snapshots(&engine.layout, &mut report)?;
    }
    for slot in engine.all_slots() {
        let mut wrong = Vec::new();
        let walked = match engine.index(slot.db) {
            Ok(None) => continue,
            Ok(Some((_, index))) => index
                .scan(&KeyRange::all(), false, &mut |key, value| {
                    if engine.is_closing() {
                        return ControlFlow::Break(());
                    }
                    report.records += 1;
                    note_record(slot.db, key, value, &mut keys::check, &mut wrong)
                })
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        report.databases += 1;
        report.problems.append(&mut wrong);
        if let Err(error) = walked {
            report
                .problems
                .push(format!("{} cannot be read: {error}", slot.db));
        }
    }
    Ok(report)
}

fn check_snapshots(layout: &Layout, report: &mut VerifyReport) -> Result<(), StoreError> {
    for name in files::names(&layout.snapshots())? {
        if Layout::parse_snapshot(&name).is_some() {
            report.snapshots += 1;
            if let Err(error) = snapshot::check(&layout.snapshots().join(&name)) {
                report.problems.push(error.to_string());
            }
        }
    }
    Ok(())
}

/// Asks about a record; after too many wrong ones no further record is looked at.
fn note_record(
    db: Db,
    key: &[u8],
    value: &[u8],
    check: &mut impl FnMut(Db, &[u8], &[u8]) -> Result<(), StoreError>,
    wrong: &mut Vec<String>,
) -> ControlFlow<()> {
    if let Err(error) = check(db, key, value) {
        wrong.push(error.to_string());
    }
    if wrong.len() < MOST_RECORD_PROBLEMS {
        ControlFlow::Continue(())
    } else {
        ControlFlow::Break(())
    }
}

/// `trimmed_seq`: commits up to this one the journal may have let go; `None` when the manifest does not tell.
fn check_journal(
    layout: &Layout,
    trimmed_seq: Option<u64>,
    report: &mut VerifyReport,
) -> Result<(), StoreError> {
    let records =
        journal::read(&layout.journal(), 0).map_err(|error| StoreError::Journal(error.to_string()))?;
    for (number, record) in records.enumerate() {
        match record {
            Ok(record) if decode_commit(&record.payload).is_some() => report.commits += 1,
            Ok(record) => report.problems.push(format!(
                "commit {} of the journal has an unknown form",
                record.seq
            )),
            // The oldest segments go once snapshots cover them.
            Err(damage) if number == 0 && damage.kind == journal::DamageKind::Missing => {
                let first = damage.next_seq.unwrap_or(u64::MAX);
                if let Some(trimmed) = trimmed_seq
                    && first > trimmed.saturating_add(1)
                {
                    report.problems.push(format!(
                        "the oldest segment of the journal is gone, with commits {} to {}, which no snapshot covers; the next start makes snapshots",
                        trimmed + 1,
                        first.saturating_sub(1)
                    ));
                }
            }
            Err(damage) => report.problems.push(damage.to_string()),
        }
    }
    Ok(())
}

fn walk(
    db: Db,
    layout: &Layout,
    options: &StoreOptions,
    check: &mut impl FnMut(Db, &[u8], &[u8]) -> Result<(), StoreError>,
    report: &mut VerifyReport,
) {
    let index_options = IndexOptions {
        cache_bytes: options.period_cache_bytes,
        flush_every_ms: options.flush_every_ms,
        open_deadline: options.open_deadline,
        packed: packed::families(db),
        packed_bytes: options.packed_bytes,
    };
    let nobody = Meta {
        applied_seq: 0,
        schema: 0,
        instance: 0,
    };
    let mut wrong = Vec::new();
    let walked = index::Index::open(&layout.database(db), index_options, nobody).and_then(|index| {
        index.scan(&KeyRange::all(), false, &mut |key, value| {
            report.records += 1;
            note_record(db, key, value, check, &mut wrong)
        })
    });
    report.databases += 1;
    report.problems.append(&mut wrong);
    if let Err(error) = walked {
        report.problems.push(format!(
            "{db} cannot be read: {error}; the next start rebuilds it"
        ));
    }
}
