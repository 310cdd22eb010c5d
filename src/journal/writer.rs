//! The one writer of the journal.

use super::disk::{Disk, DiskFile, RealDisk, write_all};
use super::error::{Damage, DamageKind, JournalError};
use super::frame::{self, HEADER_BYTES, MAX_PAYLOAD_BYTES};
use super::read::list_segments;
use super::scan::{SegmentFault, SegmentWalk};
use super::segment::{DATA_START, HeaderFault, MAX_SEQ, SegmentHeader, SegmentInfo, file_name};
use super::spare::Spare;
use std::any::Any;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Name of a segment that is begun without a spare, until its header is on disk.
const BEGUN_NAME: &str = "journal-begun.tmp";
const ZEROS_BYTES: u64 = 64 << 10;
/// The frame buffer is given back down to this after a large commit.
const KEPT_BUFFER_BYTES: usize = 1 << 20;

/// How a journal keeps its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Length of a segment in bytes. A record that does not fit into what is left begins a new
    /// segment, and one that is larger than a whole segment makes that segment longer.
    pub segment_bytes: u64,
    /// Whether a thread prepares the next segment with zeros; without it files grow, and a sync takes
    /// several times as long.
    pub preallocate: bool,
    /// Whether each record is durable when it is appended. Without it whoever laid a journal syncs its files.
    pub is_durable: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            preallocate: true,
            is_durable: true,
        }
    }
}

/// What [`Journal::open`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenReport {
    /// The last record, 0 when there never was one.
    pub last_seq: u64,
    /// Bytes of a record that was being written when the process or the machine died; they were cut
    /// off, and nobody had been told that it was recorded.
    pub torn_tail_bytes: u64,
    /// Whether the torn tail looks like a record that was whole once and was damaged at rest: then it may
    /// have been acknowledged.
    pub is_tail_suspect: bool,
    /// Damage in the newest segment. Older ones are not read at opening: [`super::read()`] tells.
    pub damaged: Vec<Damage>,
    /// How many segments there are.
    pub segments: usize,
}

/// A segment of the journal, as the writer remembers it.
struct Segment {
    first_seq: u64,
    path: PathBuf,
    bytes: u64,
}

/// The segment that is appended to. It is dropped, and never seen again, when a write or sync fails.
struct Active {
    file: Box<dyn DiskFile>,
    salt: u64,
    offset: u64,
}

impl Active {
    fn has_room(&self, frame_bytes: u64, segment_bytes: u64) -> bool {
        self.is_empty() || self.offset + frame_bytes <= segment_bytes
    }

    fn is_empty(&self) -> bool {
        self.offset == DATA_START
    }
}

/// An open journal. There is one for a directory; dropping it at any moment is safe.
pub struct Journal {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    options: Options,
    next_seq: u64,
    /// Oldest first. The last one is the active one while there is one.
    segments: Vec<Segment>,
    /// `None` after a failure: the next append begins a new segment.
    active: Option<Active>,
    spare: Option<Spare>,
    frame: Vec<u8>,
    _lock: Box<dyn Any + Send>,
}

impl Journal {
    /// Opens the journal of a directory, which is created where missing. Only the newest segment is
    /// read: its torn tail is cut off, and its last record is made durable, should it not have been.
    ///
    /// A newest segment whose header is damaged is kept aside as `*.log.damaged` and reported.
    ///
    /// # Errors
    /// Another journal is open in the directory, a file operation fails, or the newest segment was
    /// written by a later version.
    pub fn open(dir: &Path, options: Options) -> Result<(Self, OpenReport), JournalError> {
        Self::open_on(Arc::new(RealDisk), dir, options)
    }

    /// [`Self::open`] on any disk.
    pub(crate) fn open_on(
        disk: Arc<dyn Disk>,
        dir: &Path,
        options: Options,
    ) -> Result<(Self, OpenReport), JournalError> {
        disk.create_dir(dir)
            .map_err(|error| JournalError::from_io("create", dir, error))?;
        let lock = disk.lock(dir).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => JournalError::InUse { dir: dir.to_owned() },
            _ => JournalError::from_io("lock", dir, error),
        })?;
        let end = find_end(disk.as_ref(), dir)?;
        // A segment can have been renamed to its name without that being durable.
        disk.sync_dir(dir)
            .map_err(|error| JournalError::from_io("sync", dir, error))?;
        let spare = match options.preallocate {
            true => Some(Spare::start(
                Arc::clone(&disk),
                dir,
                options.segment_bytes.max(DATA_START),
            )?),
            false => None,
        };
        let mut journal = Self {
            disk,
            dir: dir.to_owned(),
            options,
            next_seq: end.next_seq,
            segments: end.segments,
            active: end.active,
            spare,
            frame: Vec::new(),
            _lock: lock,
        };
        if journal.segments.is_empty() {
            journal.active = Some(journal.begin_segment()?);
        }
        let report = OpenReport {
            last_seq: journal.last_seq(),
            torn_tail_bytes: end.torn_tail_bytes,
            is_tail_suspect: end.is_tail_suspect,
            damaged: end.damaged,
            segments: journal.segments.len(),
        };
        Ok((journal, report))
    }

    /// Appends a record and returns its number. It is durable on return: one write, one `fdatasync`.
    ///
    /// # Errors
    /// Nothing is recorded then, and the number goes to the next record. After a failed write or sync
    /// the segment is left alone; calling again writes to a new one. (What the failure left can be
    /// found as the last record after a crash that comes before the next successful append.)
    pub fn append(&mut self, payload: &[u8]) -> Result<u64, JournalError> {
        let too_large = || JournalError::TooLarge { bytes: payload.len() };
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Err(too_large());
        }
        let frame_bytes = (HEADER_BYTES + payload.len()) as u64;
        let mut active = match self.active.take() {
            Some(active) if active.has_room(frame_bytes, self.options.segment_bytes) => active,
            Some(_) | None => self.begin_segment()?,
        };
        let seq = self.next_seq;
        frame::encode(&mut self.frame, active.salt, seq, payload).ok_or_else(too_large)?;
        let result = write_all(active.file.as_ref(), &self.frame, active.offset)
            .map_err(|error| ("write", error))
            .and_then(|()| match self.options.is_durable {
                true => active.file.sync().map_err(|error| ("sync", error)),
                false => Ok(()),
            });
        if self.frame.capacity() > KEPT_BUFFER_BYTES {
            self.frame = Vec::new();
        }
        if let Err((action, error)) = result {
            let path = self.segments.last().map_or(&self.dir, |segment| &segment.path);
            return Err(JournalError::from_io(action, path, error));
        }
        active.offset += frame_bytes;
        if let Some(segment) = self.segments.last_mut() {
            segment.bytes = segment.bytes.max(active.offset);
        }
        self.active = Some(active);
        self.next_seq += 1;
        Ok(seq)
    }

    /// The number of the last record, 0 when there is none.
    pub fn last_seq(&self) -> u64 {
        self.next_seq - 1
    }

    /// All segments, oldest first.
    pub fn segments(&self) -> Vec<SegmentInfo> {
        let next_firsts = self.segments.iter().skip(1).map(|next| next.first_seq);
        let ends = next_firsts.chain([self.next_seq]);
        let mut segments: Vec<_> = self
            .segments
            .iter()
            .zip(ends)
            .map(|(segment, end)| SegmentInfo {
                path: segment.path.clone(),
                first_seq: segment.first_seq,
                last_seq: end - 1,
                bytes: segment.bytes,
                is_active: false,
            })
            .collect();
        if let Some(last) = segments.last_mut() {
            last.is_active = self.active.is_some();
        }
        segments
    }

    /// Removes the segments whose records all have numbers up to `seq`, oldest first, and returns how
    /// many. The newest segment always stays, since it knows the next number.
    ///
    /// # Errors
    /// A file cannot be removed; those before it are gone then.
    pub fn remove_through(&mut self, seq: u64) -> Result<usize, JournalError> {
        let mut removed = 0;
        while let [oldest, next, ..] = self.segments.as_slice()
            && next.first_seq <= seq.saturating_add(1)
        {
            match self.disk.remove(&oldest.path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(JournalError::from_io("remove", &oldest.path, error)),
            }
            self.segments.remove(0);
            removed += 1;
        }
        if removed > 0 {
            self.sync_dir()?;
        }
        Ok(removed)
    }

    /// Closes the active segment and begins a new one, unless the active one is still empty.
    ///
    /// # Errors
    /// The new segment cannot be written; the next append tries again.
    pub fn rotate(&mut self) -> Result<(), JournalError> {
        if !self.active.as_ref().is_some_and(Active::is_empty) {
            self.active = None;
            self.active = Some(self.begin_segment()?);
        }
        Ok(())
    }

    /// Lets the next record have the number `next_seq`, for a store that knows of more records than a
    /// damaged journal does. A reader who asks for the numbers left out is told that they are missing.
    ///
    /// # Errors
    /// [`JournalError::SkipRefused`] for a number that has been given out, else as for [`Self::rotate`].
    pub fn skip_to(&mut self, next_seq: u64) -> Result<(), JournalError> {
        if next_seq < self.next_seq || next_seq > MAX_SEQ {
            return Err(JournalError::SkipRefused {
                asked: next_seq,
                next: self.next_seq,
            });
        }
        if next_seq == self.next_seq {
            return Ok(());
        }
        self.active = None;
        self.next_seq = next_seq;
        self.active = Some(self.begin_segment()?);
        Ok(())
    }

    /// Makes a new segment, from the spare where there is one, that begins with the next record. Its
    /// header and its name are durable on return.
    fn begin_segment(&mut self) -> Result<Active, JournalError> {
        let spare = self.spare.as_mut().and_then(Spare::take);
        let result = self.begin_segment_from(spare.as_deref());
        if result.is_err() {
            self.discard(spare.unwrap_or_else(|| self.dir.join(BEGUN_NAME)));
        }
        if let Some(spare) = &mut self.spare {
            spare.request();
        }
        result
    }

    fn begin_segment_from(&mut self, spare: Option<&Path>) -> Result<Active, JournalError> {
        let header = SegmentHeader {
            first_seq: self.next_seq,
            salt: rand::random(),
        };
        let path = self.dir.join(file_name(header.first_seq));
        let failed = |action, path: &Path| {
            let path = path.to_owned();
            move |error| JournalError::from_io(action, &path, error)
        };
        let (source, file) = match spare {
            Some(spare) => (spare.to_owned(), self.disk.open(spare)),
            None => {
                let begun = self.dir.join(BEGUN_NAME);
                let file = self.disk.create(&begun);
                (begun, file)
            }
        };
        let file = file.map_err(failed("open", &source))?;
        write_all(file.as_ref(), &header.encode(), 0).map_err(failed("write", &source))?;
        file.sync().map_err(failed("sync", &source))?;
        let bytes = file.len().map_err(failed("read the length of", &source))?;
        self.disk.rename(&source, &path).map_err(failed("name", &path))?;
        // It has its name now, so it counts as a segment even if the name is not durable. One that has
        // the same first record died without an acknowledged one, and is replaced.
        if self
            .segments
            .last()
            .is_some_and(|last| last.first_seq == header.first_seq)
        {
            self.segments.pop();
        }
        self.segments.push(Segment {
            first_seq: header.first_seq,
            path,
            bytes,
        });
        self.sync_dir()?;
        Ok(Active {
            file,
            salt: header.salt,
            offset: DATA_START,
        })
    }

    fn sync_dir(&self) -> Result<(), JournalError> {
        self.disk
            .sync_dir(&self.dir)
            .map_err(|error| JournalError::from_io("sync", &self.dir, error))
    }

    /// Removes a file that did not become a segment.
    fn discard(&self, path: PathBuf) {
        if let Err(error) = self.disk.remove(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, path = %path.display(), "cannot remove an unfinished journal segment");
        }
    }
}

/// Where the journal of a directory goes on.
struct End {
    next_seq: u64,
    segments: Vec<Segment>,
    active: Option<Active>,
    torn_tail_bytes: u64,
    is_tail_suspect: bool,
    damaged: Vec<Damage>,
}

fn find_end(disk: &dyn Disk, dir: &Path) -> Result<End, JournalError> {
    let mut end = End {
        next_seq: 1,
        segments: Vec::new(),
        active: None,
        torn_tail_bytes: 0,
        is_tail_suspect: false,
        damaged: Vec::new(),
    };
    for (first_seq, path) in list_segments(disk, dir)? {
        let file = disk.open_read(&path);
        let bytes = file
            .and_then(|file| file.len())
            .map_err(|error| JournalError::from_io("read the length of", &path, error))?;
        end.segments.push(Segment {
            first_seq,
            path,
            bytes,
        });
    }
    while let Some(newest) = end.segments.last() {
        match SegmentWalk::open(disk, &newest.path, newest.first_seq, None) {
            Ok(walk) => {
                end.follow(disk, walk)?;
                break;
            }
            Err(SegmentFault::Io(error)) => return Err(JournalError::from_io("read", &newest.path, error)),
            Err(SegmentFault::Header(HeaderFault::Version(found))) => {
                return Err(JournalError::Version {
                    path: newest.path.clone(),
                    found,
                });
            }
            Err(SegmentFault::Header(HeaderFault::Damaged)) => end.set_newest_aside(disk)?,
        }
    }
    Ok(end)
}

impl End {
    /// Walks to the end of the newest segment, and makes it ready to be appended to when it is sound.
    fn follow(&mut self, disk: &dyn Disk, mut walk: SegmentWalk) -> Result<(), JournalError> {
        while let Some(event) = walk.next_event() {
            if let Err(damage) = event {
                self.damaged.push(damage);
            }
        }
        self.next_seq = self.next_seq.max(walk.last_seq() + 1);
        let Some(newest) = self.segments.last() else {
            return Ok(());
        };
        let torn = walk.torn_tail_bytes();
        if self.damaged.is_empty() {
            self.torn_tail_bytes = torn;
            self.is_tail_suspect = torn > 0 && walk.is_tail_whole();
        }
        let file = disk
            .open(&newest.path)
            .map_err(|error| JournalError::from_io("open", &newest.path, error))?;
        settle(file.as_ref(), &mut walk, self.torn_tail_bytes)
            .map_err(|error| JournalError::from_io("write", &newest.path, error))?;
        // Nothing more is appended to a file that has been damaged, nor is its tail touched.
        if self.damaged.is_empty() {
            self.active = Some(Active {
                file,
                salt: walk.salt(),
                offset: walk.offset(),
            });
        }
        Ok(())
    }

    /// Keeps a segment that cannot be read under another name, for whoever wants to look into it.
    fn set_newest_aside(&mut self, disk: &dyn Disk) -> Result<(), JournalError> {
        let Some(newest) = self.segments.pop() else {
            return Ok(());
        };
        let mut aside = newest.path.clone().into_os_string();
        aside.push(".damaged");
        disk.rename(&newest.path, Path::new(&aside))
            .map_err(|error| JournalError::from_io("set aside", &newest.path, error))?;
        self.damaged.push(Damage {
            segment: PathBuf::from(aside),
            offset: 0,
            after_seq: newest.first_seq - 1,
            next_seq: None,
            kind: DamageKind::Header,
        });
        self.next_seq = self.next_seq.max(newest.first_seq);
        Ok(())
    }
}

/// Writes the last frame again and zeros over the torn tail, and syncs. The frame may be in the page
/// cache only, left there by a sync that failed or was never reached.
fn settle(file: &dyn DiskFile, walk: &mut SegmentWalk, torn_tail_bytes: u64) -> io::Result<()> {
    if let Some((at, frame)) = walk.last_frame() {
        write_all(file, &frame, at)?;
    }
    let zeros = vec![0; ZEROS_BYTES as usize];
    let (mut at, end) = (walk.offset(), walk.offset() + torn_tail_bytes);
    while at < end {
        let len = (end - at).min(ZEROS_BYTES);
        write_all(file, zeros.get(..len as usize).unwrap_or(&zeros), at)?;
        at += len;
    }
    file.sync()
}
