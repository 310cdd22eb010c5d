//! Walking through one segment file: its records, what is damaged, and where it ends.
//!
//! A file is read through a window, never as a whole. The end of the records is where no intact frame
//! follows any more: zeros, or what a crash in mid-write left (the torn tail). A frame that is not
//! intact while a later one is, is damage.

use super::disk::{Disk, DiskFile};
use super::error::{Damage, DamageKind};
use super::frame::{FrameHeader, HEADER_BYTES, MAGIC};
use super::segment::{DATA_START, HeaderFault, SegmentHeader};
use std::io;
use std::path::{Path, PathBuf};

const WINDOW_BYTES: usize = 256 << 10;
const CHUNK_BYTES: usize = 64 << 10;
/// What is tried one by one where a larger read failed.
const BLOCK_BYTES: usize = 4096;
/// Zeros are told from other bytes by comparing memory, which is fast in debug builds too.
static ZEROS: [u8; CHUNK_BYTES] = [0; CHUNK_BYTES];

/// What a disk writes whole or not at all.
const SECTOR_BYTES: u64 = 512;

fn has_no_empty_sector(at: u64, bytes: &[u8]) -> bool {
    let first = (SECTOR_BYTES - at % SECTOR_BYTES) as usize;
    let (head, rest) = bytes.split_at(first.min(bytes.len()));
    let mut parts = std::iter::once(head).chain(rest.chunks(SECTOR_BYTES as usize));
    parts.all(|part| part.iter().any(|byte| *byte != 0))
}

/// A file read through a window. A block that the system cannot read counts as zeros, and is remembered.
struct Window {
    file: Box<dyn DiskFile>,
    /// Length when it was opened: what is appended meanwhile is not seen.
    file_bytes: u64,
    buffer: Vec<u8>,
    /// How much of the buffer holds bytes of the file, and from where on.
    filled: usize,
    at: u64,
    unreadable: Option<(u64, io::Error)>,
}

impl Window {
    fn open(disk: &dyn Disk, path: &Path) -> io::Result<Self> {
        let file = disk.open_read(path)?;
        let file_bytes = file.len()?;
        Ok(Self {
            file,
            file_bytes,
            buffer: Vec::new(),
            filled: 0,
            at: 0,
            unreadable: None,
        })
    }

    /// The bytes of the file from `at` on: `want` of them, fewer only at the end of the file.
    fn get(&mut self, at: u64, want: usize) -> &[u8] {
        let rest = usize::try_from(self.file_bytes.saturating_sub(at)).unwrap_or(usize::MAX);
        let want = want.min(rest);
        let start = at
            .checked_sub(self.at)
            .and_then(|start| usize::try_from(start).ok());
        let start = match start.filter(|start| start.saturating_add(want) <= self.filled) {
            Some(start) => start,
            None => {
                self.fill(at, want.max(WINDOW_BYTES).min(rest));
                0
            }
        };
        let end = self.filled.min(start + want);
        self.buffer.get(start..end).unwrap_or_default()
    }

    fn fill(&mut self, at: u64, bytes: usize) {
        // A buffer that a large frame has left behind is not kept.
        if self.buffer.len() < bytes || self.buffer.len() > bytes.max(WINDOW_BYTES) {
            self.buffer = vec![0; bytes];
        }
        (self.at, self.filled) = (at, 0);
        let mut by_block = false;
        while self.filled < bytes {
            let part_at = at + self.filled as u64;
            let block_rest = BLOCK_BYTES - (part_at % BLOCK_BYTES as u64) as usize;
            let end = if by_block {
                bytes.min(self.filled + block_rest)
            } else {
                bytes
            };
            let Some(part) = self.buffer.get_mut(self.filled..end) else {
                break;
            };
            match self.file.read_at(part, part_at) {
                Ok(0) => break,
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) if !by_block => by_block = true,
                Err(error) => {
                    part.fill(0);
                    self.unreadable.get_or_insert((part_at, error));
                    self.filled = end;
                }
            }
        }
    }
}

/// What is at a place where a frame could begin.
enum FrameAt {
    Intact(FrameHeader),
    /// The header is intact, so the frame's length can be trusted; its payload is not.
    DamagedPayload(FrameHeader),
    Nothing,
}

/// Why a segment cannot be walked at all.
pub(super) enum SegmentFault {
    Io(io::Error),
    Header(HeaderFault),
}

/// A walk through one segment. After the last event it knows where the records end.
pub(super) struct SegmentWalk {
    path: PathBuf,
    window: Window,
    salt: u64,
    /// Where the next segment begins: that record and later ones in this segment are void.
    bound: Option<u64>,
    last_seq: u64,
    offset: u64,
    last_frame: Option<(u64, FrameHeader)>,
    is_done: bool,
}

/// A record met on the walk: where its payload is.
pub(super) struct Found {
    pub(super) seq: u64,
    payload_at: u64,
    payload_bytes: usize,
}

impl SegmentWalk {
    /// Opens a segment at its first record, which must have the number `first_seq`.
    pub(super) fn open(
        disk: &dyn Disk,
        path: &Path,
        first_seq: u64,
        bound: Option<u64>,
    ) -> Result<Self, SegmentFault> {
        let mut window = Window::open(disk, path).map_err(SegmentFault::Io)?;
        let (header, is_whole) =
            SegmentHeader::decode(window.get(0, DATA_START as usize)).map_err(SegmentFault::Header)?;
        if header.first_seq != first_seq {
            return Err(SegmentFault::Header(HeaderFault::Damaged));
        }
        if !is_whole {
            tracing::warn!(segment = %path.display(), "one of the two headers of a journal segment is damaged; no record is lost, but check the disk");
        }
        Ok(Self {
            path: path.to_owned(),
            window,
            salt: header.salt,
            bound,
            last_seq: first_seq - 1,
            offset: DATA_START,
            last_frame: None,
            is_done: false,
        })
    }

    /// Goes on behind a record that an earlier walk through the same segment met.
    pub(super) fn skip_to(&mut self, offset: u64, last_seq: u64) {
        (self.offset, self.last_seq) = (offset, last_seq);
    }

    /// The last record met, or the one before the segment's first.
    pub(super) fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Where the frames met so far end.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The salt of the segment.
    pub(super) fn salt(&self) -> u64 {
        self.salt
    }

    /// Place and bytes of the last frame met.
    pub(super) fn last_frame(&mut self) -> Option<(u64, Vec<u8>)> {
        let (at, header) = self.last_frame?;
        Some((
            at,
            self.window.get(at, HEADER_BYTES + header.payload_bytes).to_vec(),
        ))
    }

    /// The payload of a record that the walk has just met.
    pub(super) fn payload(&mut self, found: &Found) -> &[u8] {
        self.window.get(found.payload_at, found.payload_bytes)
    }

    /// The next record, or damage before it; `None` at the end of the records.
    pub(super) fn next_event(&mut self) -> Option<Result<Found, Damage>> {
        while !self.is_done {
            let skip_to = match self.frame_at(self.offset) {
                FrameAt::Intact(frame) if self.is_valid_next(frame.seq) => {
                    return Some(self.step_over(frame));
                }
                FrameAt::Intact(frame) if self.bound.is_some_and(|bound| frame.seq >= bound) => {
                    return self.finish();
                }
                FrameAt::DamagedPayload(frame) => self.offset + frame.frame_bytes(),
                FrameAt::Intact(_) | FrameAt::Nothing => self.offset + 1,
            };
            if self.bound == Some(self.last_seq + 1) {
                return self.finish();
            }
            match self.find_intact(skip_to) {
                Some((at, frame)) => {
                    let damage = self.damage(Some(frame.seq), DamageKind::Frame);
                    self.offset = at;
                    if frame.seq > self.last_seq + 1 {
                        self.last_seq = frame.seq - 1;
                        return Some(Err(damage));
                    }
                }
                None => return self.finish(),
            }
        }
        None
    }

    /// Bytes between the end of the records and the last byte that is not zero: what a crash in
    /// mid-write left.
    pub(super) fn torn_tail_bytes(&mut self) -> u64 {
        let (mut at, mut torn) = (self.offset, 0);
        loop {
            let chunk = self.window.get(at, CHUNK_BYTES);
            if chunk.is_empty() {
                return torn;
            }
            let chunk_at = at - self.offset;
            at += chunk.len() as u64;
            if !is_zero(chunk)
                && let Some(last) = chunk.iter().rposition(|byte| *byte != 0)
            {
                torn = chunk_at + last as u64 + 1;
            }
        }
    }

    /// Whether all of the frame that the torn tail begins with seems to have reached the disk: its header is
    /// intact, and no sector of it is empty. Disks write sectors whole over the zeros that were there; what a
    /// crash cut off has a hole, what was damaged at rest has none. A hint only: a disk may also scribble.
    pub(super) fn is_tail_whole(&mut self) -> bool {
        let at = self.offset;
        let FrameAt::DamagedPayload(frame) = self.frame_at(at) else {
            return false;
        };
        let whole = HEADER_BYTES + frame.payload_bytes;
        let bytes = self.window.get(at, whole);
        bytes.len() == whole && has_no_empty_sector(at, bytes)
    }

    fn is_valid_next(&self, seq: u64) -> bool {
        seq > self.last_seq && self.bound.is_none_or(|bound| seq < bound)
    }

    fn step_over(&mut self, frame: FrameHeader) -> Result<Found, Damage> {
        if frame.seq > self.last_seq + 1 {
            let damage = self.damage(Some(frame.seq), DamageKind::Missing);
            self.last_seq = frame.seq - 1;
            return Err(damage);
        }
        let payload_at = self.offset + HEADER_BYTES as u64;
        self.last_seq = frame.seq;
        self.last_frame = Some((self.offset, frame));
        self.offset += frame.frame_bytes();
        Ok(Found {
            seq: frame.seq,
            payload_at,
            payload_bytes: frame.payload_bytes,
        })
    }

    /// Ends the walk; tells what is missing up to the next segment.
    fn finish(&mut self) -> Option<Result<Found, Damage>> {
        self.is_done = true;
        let damage = match self.bound {
            Some(bound) if self.last_seq + 1 < bound => {
                let is_empty = is_zero(self.window.get(self.offset, HEADER_BYTES));
                let kind = if is_empty {
                    DamageKind::Missing
                } else {
                    DamageKind::Frame
                };
                let damage = self.damage(Some(bound), kind);
                self.last_seq = bound - 1;
                damage
            }
            None if self
                .window
                .unreadable
                .as_ref()
                .is_some_and(|(at, _)| *at >= self.offset) =>
            {
                self.damage(None, DamageKind::Frame)
            }
            Some(_) | None => return None,
        };
        Some(Err(damage))
    }

    /// Damage at the present place; what the system could not read there is named as the reason, once.
    fn damage(&mut self, next_seq: Option<u64>, kind: DamageKind) -> Damage {
        let (offset, kind) = match self.window.unreadable.take() {
            Some((at, error)) if at >= self.offset => (at, DamageKind::Unreadable(error.to_string())),
            Some(_) | None => (self.offset, kind),
        };
        Damage {
            segment: self.path.clone(),
            offset,
            after_seq: self.last_seq,
            next_seq,
            kind,
        }
    }

    fn frame_at(&mut self, at: u64) -> FrameAt {
        let Some(header) = FrameHeader::decode(self.window.get(at, HEADER_BYTES), self.salt) else {
            return FrameAt::Nothing;
        };
        let frame = self.window.get(at, HEADER_BYTES + header.payload_bytes);
        match frame.get(HEADER_BYTES..) {
            Some(payload) if header.covers(payload, self.salt) => FrameAt::Intact(header),
            Some(_) | None => FrameAt::DamagedPayload(header),
        }
    }

    /// The first intact frame at or after `at` that can follow the last one.
    fn find_intact(&mut self, mut at: u64) -> Option<(u64, FrameHeader)> {
        loop {
            let chunk = self.window.get(at, CHUNK_BYTES);
            if chunk.len() < HEADER_BYTES {
                return None;
            }
            let magic = if is_zero(chunk) {
                None
            } else {
                chunk.windows(4).position(|part| part == MAGIC)
            };
            let Some(start) = magic else {
                // The magic could begin in the last three bytes.
                at += chunk.len() as u64 - 3;
                continue;
            };
            at += start as u64;
            match self.frame_at(at) {
                FrameAt::Intact(frame) if self.is_valid_next(frame.seq) => return Some((at, frame)),
                FrameAt::DamagedPayload(frame) => at += frame.frame_bytes(),
                FrameAt::Intact(_) | FrameAt::Nothing => at += 1,
            }
        }
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    ZEROS.get(..bytes.len()) == Some(bytes)
}
