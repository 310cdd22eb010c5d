//! Making backups while the store runs: one archive, written to whatever the caller gives.
//!
//! A snapshot is taken of what changed since its last one; the rest is copied as it is. Only while the list of
//! files is made do checkpoints and other snapshots wait; then the files are read through open descriptors,
//! whatever becomes of their names.

use super::archive::{self, BackupReport, CONTENTS, Contents, Member, TAIL, copy_hashed};
use super::database::Db;
use super::engine::{Engine, Slot, slot_mark};
use super::error::StoreError;
use super::files::{self, NewFile};
use super::manifest::{DatabaseMark, Manifest, covered_seq};
use super::target::Target;
use crate::journal;
use lz4_flex::frame::FrameEncoder;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A file of the backup to be.
struct Source {
    path: String,
    file: File,
}

/// What the backup to be consists of.
struct Plan {
    last_seq: u64,
    manifest: Manifest,
    sources: Vec<Source>,
}

/// Makes a backup in one file. The file appears whole or not at all.
pub(super) fn create(engine: &Arc<Engine>, file: &Path) -> Result<BackupReport, StoreError> {
    let mut target = Target::create(file, false)?;
    let report = write(engine, &mut target)?;
    target.keep()?;
    Ok(report)
}

/// Writes a backup.
pub(super) fn write(engine: &Arc<Engine>, out: &mut dyn Write) -> Result<BackupReport, StoreError> {
    let mut plan = {
        let _gate = engine.gate.lock();
        engine.snapshot_gated(|_, known| known.uncovered_seq.is_some() || known.snapshot.is_none())?;
        plan(engine)?
    };
    let mut members = Vec::new();
    for source in &mut plan.sources {
        let failed = |error| StoreError::io("read", Path::new(&source.path))(error);
        let (bytes, sha256) = copy_hashed(&mut source.file, &mut std::io::sink()).map_err(failed)?;
        source.file.seek(SeekFrom::Start(0)).map_err(failed)?;
        members.push(Member {
            path: source.path.clone(),
            bytes,
            sha256,
        });
    }
    let contents = Contents {
        format: 1,
        made_at_ms: engine.now_ms(),
        last_seq: plan.last_seq,
        manifest: String::from_utf8_lossy(&plan.manifest.to_bytes()?).into_owned(),
        members,
    };
    write_archive(&contents, &mut plan.sources, out)?;
    Ok(archive::report_of(&contents, &plan.manifest))
}

/// Opens what belongs into the backup. The caller holds the gate.
fn plan(engine: &Engine) -> Result<Plan, StoreError> {
    // Every commit up to this one is noted by its databases; a later one may be durable and not noted yet.
    let through = engine.applied_seq.load(Ordering::Acquire);
    let slots: Vec<Arc<Slot>> = engine.all_slots();
    let marks: BTreeMap<Db, DatabaseMark> = slots.iter().map(|slot| (slot.db, slot_mark(slot))).collect();
    // Everything that the snapshots have seen is durable by now.
    let last_seq = engine.durable_seq();
    let after = covered_seq(&marks, through);
    let mut databases = BTreeMap::new();
    let mut sources = Vec::new();
    for (db, known) in &marks {
        let mark = known.snapshot;
        if let Some(mark) = mark {
            let path = engine.layout.snapshot(*db, mark.seq);
            sources.push(Source {
                path: format!("snapshots/{db}-{:016x}.snap", mark.seq),
                file: File::open(&path).map_err(StoreError::io("open", &path))?,
            });
        } else if known.created_seq > last_seq {
            continue;
        }
        databases.insert(
            *db,
            DatabaseMark {
                applied_seq: mark.map_or(0, |mark| mark.seq),
                ..*known
            },
        );
    }
    sources.push(Source {
        path: TAIL.to_owned(),
        file: write_tail(engine, after, last_seq)?,
    });
    let manifest = Manifest {
        schema: engine.schema(),
        instance: engine.instance,
        checkpoint_seq: after,
        trimmed_seq: after,
        is_closed: false,
        losses: engine.losses(),
        databases,
    };
    Ok(Plan {
        last_seq,
        manifest,
        sources,
    })
}

fn write_archive(contents: &Contents, sources: &mut [Source], out: &mut dyn Write) -> Result<(), StoreError> {
    let mut archive = tar::Builder::new(FrameEncoder::new(BufWriter::with_capacity(256 << 10, out)));
    let json = serde_json::to_string(contents).map_err(|error| StoreError::Encode(error.to_string()))?;
    let json = format!("{json}\n{:08x}\n", crc32fast::hash(json.as_bytes()));
    let header = |bytes: u64| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes);
        header.set_mode(0o600);
        header
    };
    archive
        .append_data(&mut header(json.len() as u64), CONTENTS, json.as_bytes())
        .map_err(StoreError::Stream)?;
    for (source, member) in sources.iter_mut().zip(&contents.members) {
        archive
            .append_data(&mut header(member.bytes), &source.path, &mut source.file)
            .map_err(StoreError::Stream)?;
    }
    let frame = archive.into_inner().map_err(StoreError::Stream)?;
    let mut out = frame
        .finish()
        .map_err(|error| StoreError::Stream(std::io::Error::other(error)))?;
    out.flush().map_err(StoreError::Stream)
}

/// Writes the commits behind the snapshots to a file without a name.
fn write_tail(engine: &Engine, after: u64, until: u64) -> Result<File, StoreError> {
    let path = engine.layout.snapshots().join("journal-tail.tmp");
    let failed = |error| StoreError::io("write", &path)(error);
    let file = files::create_private(&path).map_err(failed)?;
    let written = write_commits(engine, file, after, until);
    let reopened = written.and_then(|()| File::open(&path).map_err(failed));
    files::remove(&path)?;
    reopened
}

fn write_commits(engine: &Engine, file: NewFile, after: u64, until: u64) -> Result<(), StoreError> {
    let failed = |error| StoreError::io("write", &engine.layout.snapshots())(error);
    let mut out = BufWriter::new(file);
    let records = journal::read(&engine.layout.journal(), after)
        .map_err(|error| StoreError::Journal(error.to_string()))?;
    for record in records {
        let record = record.map_err(|damage| StoreError::Journal(damage.to_string()))?;
        if record.seq > until {
            break;
        }
        let len =
            u32::try_from(record.payload.len()).map_err(|error| StoreError::Encode(error.to_string()))?;
        out.write_all(&record.seq.to_be_bytes()).map_err(failed)?;
        out.write_all(&len.to_be_bytes()).map_err(failed)?;
        out.write_all(&archive::tail_sum(record.seq, &record.payload).to_be_bytes())
            .map_err(failed)?;
        out.write_all(&record.payload).map_err(failed)?;
    }
    out.flush().map_err(failed)
}
