//! Records over all segments, in order.

use super::disk::{Disk, RealDisk};
use super::error::{Damage, DamageKind, JournalError};
use super::scan::{SegmentFault, SegmentWalk};
use super::segment::{HeaderFault, parse_file_name};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its number.
    pub seq: u64,
    /// What was appended.
    pub payload: Vec<u8>,
}

/// Behind a record that a [`Reader`] gave: from there another one goes on without walking through what comes before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// First record of the segment.
    segment: u64,
    offset: u64,
    seq: u64,
}

impl Place {
    /// The record before it.
    pub fn seq(self) -> u64 {
        self.seq
    }
}

/// The records after a number, in order; see [`read`].
pub struct Reader {
    disk: Arc<dyn Disk>,
    segments: VecDeque<(u64, PathBuf)>,
    walk: Option<SegmentWalk>,
    /// First record of the segment that is walked through.
    segment: u64,
    /// Where the walk through its segment begins.
    from: Option<Place>,
    place: Option<Place>,
    after: u64,
    /// The last number that was met, or told to be lost.
    last_seq: u64,
}

/// Reads the records with a number above `after`, over all segments of a directory.
///
/// An `Err` item tells of records above `after` that are lost; the items after it go on with the next
/// readable record. That includes records that are missing between `after` and the oldest segment.
/// A torn tail at the end is not damage: nobody was told that it is recorded.
///
/// The list of segments is taken at once, so that a journal may be appended to meanwhile (a record
/// that is being written is not seen); a segment that is removed meanwhile is an `Err` item.
///
/// # Errors
/// [`JournalError::Io`] when the directory cannot be listed.
pub fn read(dir: &Path, after: u64) -> Result<Reader, JournalError> {
    read_on(Arc::new(RealDisk), dir, after)
}

/// The same from a place on in the same journal, which was only appended to since.
///
/// # Errors
/// As [`read`].
pub fn read_from(dir: &Path, place: Place) -> Result<Reader, JournalError> {
    let reader = read(dir, place.seq)?;
    Ok(Reader {
        from: Some(place),
        ..reader
    })
}

pub(super) fn read_on(disk: Arc<dyn Disk>, dir: &Path, after: u64) -> Result<Reader, JournalError> {
    let mut segments = VecDeque::from(list_segments(disk.as_ref(), dir)?);
    // A segment is of no interest when its successor begins with what is asked for or earlier.
    while segments
        .get(1)
        .is_some_and(|(first_seq, _)| *first_seq <= after.saturating_add(1))
    {
        segments.pop_front();
    }
    Ok(Reader {
        disk,
        segments,
        walk: None,
        segment: 0,
        from: None,
        place: None,
        after,
        last_seq: after,
    })
}

/// First record and path of every segment, oldest first.
pub(super) fn list_segments(disk: &dyn Disk, dir: &Path) -> Result<Vec<(u64, PathBuf)>, JournalError> {
    let names = disk
        .list(dir)
        .map_err(|error| JournalError::from_io("list", dir, error))?;
    let mut segments: Vec<_> = names
        .iter()
        .filter_map(|name| Some((parse_file_name(name)?, dir.join(name))))
        .collect();
    segments.sort();
    Ok(segments)
}

impl Reader {
    /// Behind the record that it gave last; `None` when none was.
    pub fn place(&self) -> Option<Place> {
        self.place
    }

    /// Begins the walk through the next segment; `None` when there is none, damage when records before
    /// it are missing or it cannot be walked.
    fn enter_segment(&mut self) -> Option<Result<SegmentWalk, Damage>> {
        let (first_seq, path) = self.segments.front()?.clone();
        let bound = self.segments.get(1).map(|(first_seq, _)| *first_seq);
        if first_seq > self.last_seq.saturating_add(1) {
            let damage = Damage {
                segment: path,
                offset: 0,
                after_seq: self.last_seq,
                next_seq: Some(first_seq),
                kind: DamageKind::Missing,
            };
            self.last_seq = first_seq - 1;
            return Some(Err(damage));
        }
        self.segments.pop_front();
        let kind = match SegmentWalk::open(self.disk.as_ref(), &path, first_seq, bound) {
            Ok(mut walk) => {
                self.segment = first_seq;
                if let Some(place) = self.from.take().filter(|place| place.segment == first_seq) {
                    walk.skip_to(place.offset, place.seq);
                }
                return Some(Ok(walk));
            }
            Err(SegmentFault::Io(error)) => DamageKind::Unreadable(error.to_string()),
            Err(SegmentFault::Header(HeaderFault::Damaged)) => DamageKind::Header,
            Err(SegmentFault::Header(HeaderFault::Version(version))) => DamageKind::Version(version),
        };
        self.last_seq = bound.map_or(first_seq, |bound| bound - 1);
        Some(Err(Damage {
            segment: path,
            offset: 0,
            after_seq: first_seq - 1,
            next_seq: bound,
            kind,
        }))
    }

    fn is_asked_for(&self, damage: &Damage) -> bool {
        damage
            .next_seq
            .is_none_or(|next| next > self.after.saturating_add(1))
    }
}

impl Iterator for Reader {
    type Item = Result<Record, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(walk) = &mut self.walk else {
                match self.enter_segment()? {
                    Ok(walk) => self.walk = Some(walk),
                    Err(damage) if self.is_asked_for(&damage) => return Some(Err(damage)),
                    Err(_) => {}
                }
                continue;
            };
            match walk.next_event() {
                Some(Ok(found)) if found.seq > self.after => {
                    self.last_seq = found.seq;
                    self.place = Some(Place {
                        segment: self.segment,
                        offset: walk.offset(),
                        seq: found.seq,
                    });
                    return Some(Ok(Record {
                        seq: found.seq,
                        payload: walk.payload(&found).to_vec(),
                    }));
                }
                Some(Ok(_)) => {}
                Some(Err(damage)) => {
                    self.last_seq = walk.last_seq().max(self.last_seq);
                    if self.is_asked_for(&damage) {
                        return Some(Err(damage));
                    }
                }
                None => self.walk = None,
            }
        }
    }
}
