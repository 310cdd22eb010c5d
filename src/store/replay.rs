//! What sled would lose in silence: looked for in its file before it opens it.
//!
//! Sled 0.34.7 reads its log again from the last table of pages (`snap.*`) on. Where a message of a segment cannot be
//! read it passes over the rest of that segment, since a freed segment that was half written again looks like that,
//! and a segment whose header cannot be read is not there for it. So a bit that turned takes up to 512 KiB of newer
//! rows, and nothing says so. Only at the end of the log, where a crash may have torn it, is an end an end.
//!
//! [`check`] reads the same segments and refuses a database with such a hole; it is rebuilt then. What sled reads
//! later, through its table of pages, is checked by sled itself. The rare segment that a crash left half written is
//! taken for a hole, too: a rebuild too many loses nothing.

use super::StoreError;
use super::files;
use super::rows::IndexError;
use std::fs::{File, TryLockError};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// Sled's default, which nothing here changes.
const SEGMENT_BYTES: usize = 512 << 10;
const HEADER_BYTES: usize = 20;
/// No message begins in the last bytes of a segment.
const MOST_MESSAGE_HEADER_BYTES: usize = 32;
/// Kinds of messages: what was never written, and what fills a segment up.
const KIND_NONE: u8 = 0;
const KIND_CAP: u8 = 2;
const LAST_KIND: u8 = 11;

/// What the header of a segment says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Head {
    /// Never written, or wiped.
    Blank,
    /// It cannot be read.
    Unreadable,
    /// Where it stands in the log, and up to where the log was on the disk when it was written.
    Good { lsn: i64, stable_lsn: i64 },
}

fn head(bytes: &[u8; HEADER_BYTES]) -> Head {
    if bytes.iter().all(|byte| *byte == 0) {
        return Head::Blank;
    }
    let (sum, said) = bytes.split_at(4);
    let number = |at: usize| {
        said.get(at..)
            .and_then(|rest| rest.first_chunk::<8>())
            .map_or(0, |bytes| i64::from_le_bytes(*bytes) ^ i64::MAX)
    };
    if sum != (crc32fast::hash(said) ^ u32::MAX).to_le_bytes() {
        return Head::Unreadable;
    }
    Head::Good {
        lsn: number(0),
        stable_lsn: number(8),
    }
}

/// A number as sled writes it, and what follows.
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    match *first {
        0..=240 => Some((u64::from(*first), rest)),
        241..=248 => {
            let (second, rest) = rest.split_first()?;
            Some((240 + 256 * (u64::from(*first) - 241) + u64::from(*second), rest))
        }
        249 => {
            let (bytes, rest) = rest.split_first_chunk::<2>()?;
            Some((2288 + 256 * u64::from(bytes[0]) + u64::from(bytes[1]), rest))
        }
        _ => {
            let (bytes, rest) = rest.split_at_checked(usize::from(*first) - 247)?;
            let mut whole = [0; 8];
            whole[..bytes.len()].copy_from_slice(bytes);
            Some((u64::from_le_bytes(whole), rest))
        }
    }
}

/// Whether the message at the beginning of some bytes ends its segment, and what follows it; `None`: it cannot be read.
fn message(bytes: &[u8], segment_number: u64) -> Option<(bool, &[u8])> {
    let (sum, behind) = bytes.split_first_chunk::<4>()?;
    let (kind, rest) = behind.split_first()?;
    let (len, rest) = number(rest)?;
    let (of, rest) = number(rest)?;
    let (_page, rest) = number(rest)?;
    let header = behind.get(..behind.len() - rest.len())?;
    let (body, rest) = rest.split_at_checked(usize::try_from(len).ok()?)?;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(body);
    hasher.update(header);
    let is_good = u32::from_le_bytes(*sum) == hasher.finalize() ^ u32::MAX
        && (KIND_NONE + 1..=LAST_KIND).contains(kind)
        && of == segment_number;
    is_good.then_some((*kind == KIND_CAP, rest))
}

/// Whether every message of a segment can be read, up to its end.
fn is_whole(segment: &[u8], lsn: i64) -> bool {
    let segment_number = u64::try_from(lsn).unwrap_or(0) / u64::try_from(SEGMENT_BYTES).unwrap_or(1);
    let Some(mut rest) = segment.get(HEADER_BYTES..) else {
        return false;
    };
    while rest.len() >= MOST_MESSAGE_HEADER_BYTES {
        match message(rest, segment_number) {
            Some((true, _)) => return true,
            Some((false, behind)) => rest = behind,
            None => return false,
        }
    }
    segment.len() == SEGMENT_BYTES
}

/// From where sled replays: what the name of its newest table of pages says.
fn replayed_from(dir: &Path) -> Result<i64, StoreError> {
    let names = files::names(dir)?;
    let tables = names.iter().filter_map(|name| name.strip_prefix("snap."));
    let newest = tables.filter_map(|lsn| i64::from_str_radix(lsn, 16).ok()).max();
    Ok(newest.unwrap_or(0))
}

/// Looks for holes in what sled would replay. A handle that is just being closed is waited for.
pub(super) fn check(dir: &Path, patience: Duration) -> Result<(), IndexError> {
    let path = dir.join("db");
    let failed = |what: &'static str| StoreError::io(what, &path);
    let file = match File::options().read(true).write(true).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("open")(error).into()),
    };
    let deadline = Instant::now() + patience;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(20));
            }
            // Sled says so in its own words.
            Err(TryLockError::WouldBlock) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(failed("lock")(error).into()),
        }
    }
    let from = replayed_from(dir)?;
    let hole = find_hole(&file, from).map_err(failed("read"))?;
    match hole {
        None => Ok(()),
        Some(at) => Err(IndexError::rotten(format!(
            "its log cannot be read at byte {at}: newer rows would be missing"
        ))),
    }
}

/// Where the first segment begins that is not whole, of those that are replayed and lie before the end of the log.
fn find_hole(file: &File, from: i64) -> std::io::Result<Option<u64>> {
    let segment_len = i64::try_from(SEGMENT_BYTES).unwrap_or(i64::MAX);
    let begin = |lsn: i64| lsn / segment_len * segment_len;
    let len = file.metadata()?.len();
    let mut replayed = Vec::new();
    let mut stable_lsn = from;
    for at in (0..len).step_by(SEGMENT_BYTES) {
        let mut bytes = [0; HEADER_BYTES];
        if at + 20 > len {
            break;
        }
        file.read_exact_at(&mut bytes, at)?;
        match head(&bytes) {
            Head::Blank => {}
            Head::Unreadable => return Ok(Some(at)),
            Head::Good {
                lsn,
                stable_lsn: said,
            } if lsn >= begin(from) => {
                stable_lsn = stable_lsn.max(said);
                replayed.push((at, lsn));
            }
            Head::Good { .. } => {}
        }
    }
    let mut segment = vec![0; SEGMENT_BYTES];
    for (at, lsn) in replayed {
        if lsn >= begin(stable_lsn) {
            continue;
        }
        let here = usize::try_from((len - at).min(SEGMENT_BYTES as u64)).unwrap_or(SEGMENT_BYTES);
        file.read_exact_at(&mut segment[..here], at)?;
        if !is_whole(&segment[..here], lsn) {
            return Ok(Some(at));
        }
    }
    Ok(None)
}
