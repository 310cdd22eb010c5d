//! Bringing the records of an older schema to the present one, in numbered steps.
//!
//! Before the first step a backup is made. A step reads and writes through the store, in commits that are
//! complete in themselves: it may be interrupted, and is then run again from its beginning. At the end
//! snapshots are made and the journal is let go, so that commits of an old schema are never replayed; only then
//! does the manifest say the new schema.

mod secrets;

use super::engine::Engine;
use super::error::StoreError;
use super::reader::Reader;
use super::writer::Writer;
use super::{backup, keeper::Threads};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// One step.
pub(super) struct Step {
    /// The schema that it brings the records to, from the one before.
    pub(super) to: u16,
    /// Does it. May run again on records that it has changed already.
    pub(super) run: fn(&mut Writer, &Reader) -> Result<(), StoreError>,
}

/// Every step, in order. Schema 1 is the first.
pub(super) const STEPS: &[Step] = &[Step {
    to: 2,
    run: secrets::run,
}];

/// Runs the steps from one schema to another.
pub(super) fn run(engine: &Arc<Engine>, from: u16, to: u16, steps: &[Step]) -> Result<(), StoreError> {
    let dir = engine.layout.backups();
    super::files::make_dir(&dir)?;
    let backup: PathBuf = dir.join(format!("before-schema-{to}-{}.tar.lz4", engine.now_ms()));
    backup::create(engine, &backup)?;
    tracing::info!(from, to, backup = %backup.display(), "the data are brought to the present schema; a backup was made");
    let mut writer = Writer {
        engine: engine.clone(),
        threads: Threads::default(),
        applier: None,
        journal_failure: None,
    };
    let reader = Reader::of(engine);
    let mut at = from;
    for step in steps.iter().filter(|step| step.to > from && step.to <= to) {
        (step.run)(&mut writer, &reader).map_err(|error| StoreError::Migration {
            from: at,
            to: step.to,
            message: error.to_string(),
            backup: backup.clone(),
        })?;
        at = step.to;
    }
    engine.snapshot_where(|_, known| known.uncovered_seq.is_some())?;
    engine.schema.store(u64::from(to), Ordering::Release);
    engine.checkpoint()?;
    Ok(())
}
