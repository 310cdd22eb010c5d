//! The file that a backup is: a tar archive in one LZ4 frame. Archives of before, which are not compressed, are
//! read as well.
//!
//! ```text
//! backup.json                  what follows, with sizes and SHA-256; a line of JSON and its CRC-32
//! snapshots/<db>-<seq>.snap    one for each database
//! journal.tail                 the commits behind the snapshots: (seq:8 length:4 crc32:4 payload)*
//! ```

use super::error::StoreError;
use super::files::{self, Layout};
use super::manifest::{Found, Manifest, SCHEMA};
use super::snapshot;
use aws_lc_rs::digest::{Context, SHA256};
use lz4_flex::frame::FrameDecoder;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

pub(super) const CONTENTS: &str = "backup.json";
pub(super) const TAIL: &str = "journal.tail";
const COPY_BYTES: usize = 256 << 10;
/// What an LZ4 frame begins with.
const LZ4_MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Member {
    pub(super) path: String,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Contents {
    pub(super) format: u16,
    pub(super) made_at_ms: i64,
    /// The last commit in it.
    pub(super) last_seq: u64,
    /// The MANIFEST of the store that a restore makes, as its own lines.
    pub(super) manifest: String,
    pub(super) members: Vec<Member>,
}

/// What is in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupReport {
    /// When the backup was made, unix milliseconds.
    pub made_at_ms: i64,
    /// Schema of its records.
    pub schema: u16,
    /// The last commit in it.
    pub last_seq: u64,
    /// Databases in it.
    pub databases: usize,
    /// Bytes of its files, before they are compressed.
    pub bytes: u64,
}

pub(super) fn report_of(contents: &Contents, manifest: &Manifest) -> BackupReport {
    BackupReport {
        made_at_ms: contents.made_at_ms,
        schema: manifest.schema,
        last_seq: contents.last_seq,
        databases: manifest.databases.len(),
        bytes: contents.members.iter().map(|member| member.bytes).sum(),
    }
}

pub(super) fn unusable(path: &Path, message: impl Into<String>) -> StoreError {
    StoreError::Backup {
        path: path.to_owned(),
        message: message.into(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Copies all that is left and gives its size and SHA-256.
pub(super) fn copy_hashed(input: &mut impl Read, output: &mut impl Write) -> std::io::Result<(u64, String)> {
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

/// The checksum of a commit of the tail.
pub(super) fn tail_sum(seq: u64, payload: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&seq.to_be_bytes());
    sum.update(payload);
    sum.finalize()
}

/// Checks every byte of a backup, and writes its files below `into`.
pub(super) fn unpack(file: &Path, into: Option<&Layout>) -> Result<(Contents, Manifest), StoreError> {
    let input = File::open(file).map_err(StoreError::io("open", file))?;
    let mut input = BufReader::with_capacity(COPY_BYTES, input);
    let begin = input.fill_buf().map_err(StoreError::io("read", file))?;
    if begin.starts_with(&LZ4_MAGIC) {
        unpack_tar(&mut FrameDecoder::new(input), file, into)
    } else {
        unpack_tar(&mut input, file, into)
    }
}

fn unpack_tar(
    input: &mut impl Read,
    file: &Path,
    into: Option<&Layout>,
) -> Result<(Contents, Manifest), StoreError> {
    let broken = |error: std::io::Error| {
        unusable(
            file,
            format!("it is no complete archive ({error}); use another backup"),
        )
    };
    let mut archive = tar::Archive::new(&mut *input);
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
        if path != member.path || !is_ours(&path) {
            return Err(unusable(
                file,
                format!(
                    "it holds {path:?} where {:?} belongs; use another backup",
                    member.path
                ),
            ));
        }
        unpack_member(&mut entry, member, file, into)?;
        seen += 1;
    }
    if seen != contents.members.len() {
        return Err(unusable(file, "files are missing at its end; use another backup"));
    }
    // What follows the archive belongs to the frame, whose end has to be there.
    std::io::copy(input, &mut std::io::sink()).map_err(broken)?;
    Ok((contents, manifest))
}

fn is_ours(path: &str) -> bool {
    let snapshot = path.strip_prefix("snapshots/").and_then(Layout::parse_snapshot);
    path == TAIL || snapshot.is_some()
}

fn unpack_member(
    entry: &mut impl Read,
    member: &Member,
    file: &Path,
    into: Option<&Layout>,
) -> Result<(), StoreError> {
    let (bytes, sha256) = match into {
        Some(layout) => {
            let path = layout.root.join(&member.path);
            let mut out = files::create_private(&path).map_err(StoreError::io("write", &path))?;
            copy_hashed(entry, &mut out).map_err(StoreError::io("write", &path))?
        }
        None => copy_hashed(entry, &mut std::io::sink()).map_err(StoreError::io("read", file))?,
    };
    if bytes != member.bytes || sha256 != member.sha256 {
        return Err(unusable(
            file,
            format!(
                "{} in it is not what was written; use another backup",
                member.path
            ),
        ));
    }
    match into {
        Some(layout) if member.path != TAIL => snapshot::check(&layout.root.join(&member.path)).map(drop),
        _ => Ok(()),
    }
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
