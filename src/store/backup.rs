//! Backups: one tar file, made while the store runs, from which it can be restored.
//!
//! ```text
//! backup.json                  what follows, with sizes and SHA-256; a line of JSON and its CRC-32
//! snapshots/<db>-<seq>.snap    one for each database
//! journal.tail                 the commits behind the snapshots: (seq:8 length:4 crc32:4 payload)*
//! ```
//! A snapshot is taken of what changed since its last one; the rest is copied as it is. A restore checks every
//! byte before it touches the target, and leaves a store whose first start rebuilds the databases.

use super::engine::{Engine, Slot};
use super::error::StoreError;
use super::files::{self, Layout};
use super::keeper::{Keeper, slot_mark};
use super::keys::Db;
use super::manifest::{Found, Known, Manifest, SCHEMA, covered_seq};
use super::snapshot;
use crate::journal::{self, Journal, Options};
use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

const CONTENTS: &str = "backup.json";
const TAIL: &str = "journal.tail";
const COPY_BYTES: usize = 256 << 10;

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Member {
    path: String,
    bytes: u64,
    sha256: String,
}

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Contents {
    format: u16,
    made_at_ms: i64,
    /// The last commit in it.
    last_seq: u64,
    /// The MANIFEST of the store that a restore makes, as its own lines.
    manifest: String,
    members: Vec<Member>,
}

/// What a backup or restore did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupReport {
    /// When the backup was made, unix milliseconds.
    pub made_at_ms: i64,
    /// Schema of its records.
    pub schema: u16,
    /// The last commit in it.
    pub last_seq: u64,
    /// Databases in it.
    pub databases: usize,
    /// Bytes of its files.
    pub bytes: u64,
}

fn unusable(path: &Path, message: impl Into<String>) -> StoreError {
    StoreError::Backup {
        path: path.to_owned(),
        message: message.into(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Copies all that is left and gives its size and SHA-256.
fn copy_hashed(input: &mut impl Read, output: &mut impl Write) -> std::io::Result<(u64, String)> {
    let (mut context, mut buffer, mut bytes) = (Context::new(&SHA256), vec![0; COPY_BYTES], 0);
    loop {
        let read = input.read(&mut buffer)?;
        if read == 0 {
            return Ok((bytes, hex(context.finish().as_ref())));
        }
        context.update(&buffer[..read]);
        output.write_all(&buffer[..read])?;
        bytes += read as u64;
    }
}

impl Keeper {
    /// Makes a backup in one file while the store runs. The file appears whole or not at all.
    ///
    /// # Errors
    /// What could not be read or written; nothing is left behind then.
    pub fn backup(&self, file: &Path) -> Result<BackupReport, StoreError> {
        create(&self.engine, file)
    }
}

/// See [`Keeper::backup`].
pub(super) fn create(engine: &Arc<Engine>, file: &Path) -> Result<BackupReport, StoreError> {
    let _gate = engine.gate.lock();
    engine.snapshot_gated(|_, known| known.uncovered_seq.is_some() || known.snapshot.is_none())?;
    let (temporary, tail) = (file.with_extension("tmp"), file.with_extension("tail"));
    let made = write_backup(engine, &temporary, &tail);
    files::remove(&tail)?;
    match made {
        Ok(report) => {
            files::rename(&temporary, file)?;
            Ok(report)
        }
        Err(error) => {
            files::remove(&temporary)?;
            Err(error)
        }
    }
}

fn write_backup(engine: &Engine, file: &Path, tail: &Path) -> Result<BackupReport, StoreError> {
    // Every commit up to this one is noted by its databases; a later one may be durable and not noted yet.
    let through = engine.applied_seq.load(Ordering::Acquire);
    let slots: Vec<Arc<Slot>> = engine.all_slots();
    let marks: BTreeMap<Db, Known> = slots.iter().map(|slot| (slot.db, slot_mark(slot))).collect();
    // Everything that the snapshots have seen is durable by now.
    let last_seq = engine.durable_seq();
    let after = covered_seq(&marks, through);
    let mut databases = BTreeMap::new();
    let mut sources: Vec<(String, PathBuf)> = Vec::new();
    for (db, known) in &marks {
        let mark = known.snapshot;
        if let Some(mark) = mark {
            let path = engine.layout.snapshot(*db, mark.seq);
            sources.push((format!("snapshots/{db}-{:016x}.snap", mark.seq), path));
        } else if known.created_seq > last_seq {
            continue;
        }
        databases.insert(
            *db,
            Known {
                applied_seq: mark.map_or(0, |mark| mark.seq),
                ..*known
            },
        );
    }
    write_tail(engine, tail, after, last_seq)?;
    sources.push((TAIL.to_owned(), tail.to_owned()));
    let manifest = Manifest {
        schema: engine.schema(),
        instance: engine.instance,
        checkpoint_seq: after,
        trimmed_seq: after,
        is_closed: false,
        databases,
    };
    let mut members = Vec::new();
    for (path, source) in &sources {
        let mut input = File::open(source).map_err(StoreError::io("open", source))?;
        let (bytes, sha256) =
            copy_hashed(&mut input, &mut std::io::sink()).map_err(StoreError::io("read", source))?;
        members.push(Member {
            path: path.clone(),
            bytes,
            sha256,
        });
    }
    let contents = Contents {
        format: 1,
        made_at_ms: engine.now_ms(),
        last_seq,
        manifest: String::from_utf8_lossy(&manifest.to_bytes()?).into_owned(),
        members,
    };
    let failed = |error| StoreError::io("write", file)(error);
    let mut archive = tar::Builder::new(BufWriter::new(files::create_private(file).map_err(failed)?));
    let json = serde_json::to_string(&contents).map_err(|error| StoreError::Encode(error.to_string()))?;
    let json = format!("{json}\n{:08x}\n", crc32fast::hash(json.as_bytes()));
    let mut header = tar::Header::new_gnu();
    header.set_size(json.len() as u64);
    header.set_mode(0o600);
    archive
        .append_data(&mut header, CONTENTS, json.as_bytes())
        .map_err(failed)?;
    for (path, source) in &sources {
        archive.append_path_with_name(source, path).map_err(failed)?;
    }
    let out = archive.into_inner().map_err(failed)?;
    let out = out.into_inner().map_err(|error| failed(error.into_error()))?;
    out.sync_all().map_err(failed)?;
    Ok(report_of(&contents, &manifest))
}

fn report_of(contents: &Contents, manifest: &Manifest) -> BackupReport {
    BackupReport {
        made_at_ms: contents.made_at_ms,
        schema: manifest.schema,
        last_seq: contents.last_seq,
        databases: manifest.databases.len(),
        bytes: contents.members.iter().map(|member| member.bytes).sum(),
    }
}

fn write_tail(engine: &Engine, path: &Path, after: u64, until: u64) -> Result<(), StoreError> {
    let failed = |error| StoreError::io("write", path)(error);
    let mut out = BufWriter::new(files::create_private(path).map_err(failed)?);
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
        out.write_all(&tail_sum(record.seq, &record.payload).to_be_bytes())
            .map_err(failed)?;
        out.write_all(&record.payload).map_err(failed)?;
    }
    out.flush().map_err(failed)
}

fn tail_sum(seq: u64, payload: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&seq.to_be_bytes());
    sum.update(payload);
    sum.finalize()
}

/// Checks a backup and, unless `dry_run`, makes a store of it in `target`. The server must not run there. With
/// `force` a store that is there is moved to `before-restore-<time>` inside the target.
///
/// # Errors
/// [`StoreError::Backup`] when a byte is not what was written, [`StoreError::NewerSchema`],
/// [`StoreError::NotEmpty`], [`StoreError::Locked`]: the target is as it was.
pub fn restore(file: &Path, target: &Path, force: bool, dry_run: bool) -> Result<BackupReport, StoreError> {
    if dry_run {
        let (contents, manifest) = unpack(file, None)?;
        return Ok(report_of(&contents, &manifest));
    }
    let layout = Layout::new(target);
    files::make_dir(target)?;
    let lock = super::recover::lock(&layout)?;
    let existing: Vec<PathBuf> = [
        layout.manifest(),
        layout.journal(),
        layout.databases(),
        layout.snapshots(),
        layout.ballast(),
    ]
    .into_iter()
    .filter(|path| path.exists())
    .collect();
    if !existing.is_empty() && !force {
        return Err(StoreError::NotEmpty {
            dir: target.to_owned(),
        });
    }
    let staging = Layout::new(&target.join("restoring"));
    files::remove(&staging.root)?;
    files::make_dir(&staging.snapshots())?;
    let unpacked = unpack(file, Some(&staging)).and_then(|(contents, manifest)| {
        lay_journal(file, &staging, &manifest)?;
        manifest.write(&staging.manifest())?;
        files::sync_tree(&staging.root)?;
        Ok(report_of(&contents, &manifest))
    });
    let report = match unpacked {
        Ok(report) => report,
        Err(error) => {
            files::remove(&staging.root)?;
            return Err(error);
        }
    };
    if !existing.is_empty() {
        let aside = target.join(format!("before-restore-{}", super::system_now_ms()));
        files::make_dir(&aside)?;
        for path in existing {
            let name = path.file_name().unwrap_or_default();
            std::fs::rename(&path, aside.join(name)).map_err(StoreError::io("move", &path))?;
        }
    }
    for path in [staging.journal(), staging.snapshots(), staging.manifest()] {
        let name = path.file_name().unwrap_or_default();
        std::fs::rename(&path, target.join(name)).map_err(StoreError::io("move", &path))?;
    }
    files::remove(&staging.root)?;
    files::sync_dir(target)?;
    drop(lock);
    Ok(report)
}

/// Checks every byte of a backup, and writes its files below `into`.
fn unpack(file: &Path, into: Option<&Layout>) -> Result<(Contents, Manifest), StoreError> {
    let broken = |error: std::io::Error| {
        unusable(
            file,
            format!("it is no complete archive ({error}); use another backup"),
        )
    };
    let input = File::open(file).map_err(StoreError::io("open", file))?;
    let mut archive = tar::Archive::new(BufReader::new(input));
    let mut entries = archive.entries().map_err(broken)?;
    let mut first = entries
        .next()
        .ok_or_else(|| unusable(file, "it is empty"))?
        .map_err(broken)?;
    let mut text = String::new();
    first
        .by_ref()
        .take(64 << 20)
        .read_to_string(&mut text)
        .map_err(broken)?;
    let (contents, manifest) = parse_contents(file, &text)?;
    let mut seen = 0;
    for (entry, member) in entries.zip(contents.members.iter()) {
        let mut entry = entry.map_err(broken)?;
        let path = entry.path().map_err(broken)?.to_string_lossy().into_owned();
        let is_ours = path == TAIL
            || path
                .strip_prefix("snapshots/")
                .and_then(Layout::parse_snapshot)
                .is_some();
        if path != member.path || !is_ours {
            return Err(unusable(
                file,
                format!(
                    "it holds {path:?} where {:?} belongs; use another backup",
                    member.path
                ),
            ));
        }
        let (bytes, sha256) = match into {
            Some(layout) => {
                let out_path = layout.root.join(&path);
                let mut out = files::create_private(&out_path).map_err(StoreError::io("write", &out_path))?;
                copy_hashed(&mut entry, &mut out).map_err(StoreError::io("write", &out_path))?
            }
            None => copy_hashed(&mut entry, &mut std::io::sink()).map_err(broken)?,
        };
        if bytes != member.bytes || sha256 != member.sha256 {
            return Err(unusable(
                file,
                format!("{path} in it is not what was written; use another backup"),
            ));
        }
        if let (Some(layout), true) = (into, path != TAIL) {
            snapshot::check(&layout.root.join(&path))?;
        }
        seen += 1;
    }
    if seen != contents.members.len() {
        return Err(unusable(file, "files are missing at its end; use another backup"));
    }
    Ok((contents, manifest))
}

fn parse_contents(file: &Path, text: &str) -> Result<(Contents, Manifest), StoreError> {
    let wrong = |what: &str| unusable(file, format!("{what}; use another backup"));
    let (json, sum) = text
        .trim_end()
        .split_once('\n')
        .ok_or_else(|| wrong("its list of contents is cut off"))?;
    if u32::from_str_radix(sum, 16) != Ok(crc32fast::hash(json.as_bytes())) {
        return Err(wrong("its list of contents is not what was written"));
    }
    let contents: Contents = serde_json::from_str(json).map_err(|error| wrong(&error.to_string()))?;
    match Manifest::parse(contents.manifest.as_bytes()) {
        Found::Good(manifest) if contents.format == 1 => Ok((contents, manifest)),
        Found::Good(_) => Err(unusable(
            file,
            format!("its format {} is newer than this version", contents.format),
        )),
        Found::Newer(found) => Err(StoreError::NewerSchema {
            dir: file.to_owned(),
            found,
            supported: SCHEMA,
        }),
        Found::Missing | Found::Damaged(_) => Err(wrong("its manifest is not what was written")),
    }
}

/// Appends the tail to a new journal under the same numbers.
fn lay_journal(file: &Path, layout: &Layout, manifest: &Manifest) -> Result<(), StoreError> {
    let tail = layout.root.join(TAIL);
    let failed = |error: journal::JournalError| StoreError::Journal(error.to_string());
    files::make_dir(&layout.journal())?;
    let options = Options {
        preallocate: false,
        ..Options::default()
    };
    let (mut journal, _) = Journal::open(&layout.journal(), options).map_err(failed)?;
    let highest = manifest
        .databases
        .values()
        .map(|known| known.applied_seq)
        .fold(manifest.checkpoint_seq, u64::max);
    let mut input = BufReader::new(File::open(&tail).map_err(StoreError::io("open", &tail))?);
    let mut head = [0; 16];
    let mut next = None;
    while input
        .read(&mut head[..1])
        .map_err(StoreError::io("read", &tail))?
        == 1
    {
        input
            .read_exact(&mut head[1..])
            .map_err(StoreError::io("read", &tail))?;
        let [s0, s1, s2, s3, s4, s5, s6, s7, l0, l1, l2, l3, c0, c1, c2, c3] = head;
        let seq = u64::from_be_bytes([s0, s1, s2, s3, s4, s5, s6, s7]);
        let mut payload = vec![0; u32::from_be_bytes([l0, l1, l2, l3]) as usize];
        input
            .read_exact(&mut payload)
            .map_err(StoreError::io("read", &tail))?;
        if tail_sum(seq, &payload) != u32::from_be_bytes([c0, c1, c2, c3]) {
            return Err(unusable(
                file,
                "a commit in its journal is not what was written; use another backup",
            ));
        }
        if next != Some(seq) && seq > 1 {
            journal.skip_to(seq).map_err(failed)?;
        }
        journal.append(&payload).map_err(failed)?;
        next = Some(seq + 1);
    }
    if next.is_none_or(|next| next <= highest) && highest > 0 {
        journal.skip_to(highest + 1).map_err(failed)?;
    }
    drop(journal);
    files::remove(&tail)
}
