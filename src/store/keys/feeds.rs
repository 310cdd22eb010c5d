//! Keys of what is handed on to others: the stream of activities, and files of raw data.
//!
//! Records are handed on in the order of their ids up to a mark, and then the mark moves on. One that comes behind the
//! mark all the same (a click that waited for the store, a clock that was put back) is late: an entry of its own names
//! it, in the generation of the mark that it came behind.

use super::super::records::Key;
use super::{Db, KeyRange, family, key, ms};
use crate::domain::ids::{PostbackId, TimeId};

/// Whoever records are handed on to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    /// The stream of activities.
    Stream,
    /// Files of raw data.
    Export,
}

impl Feed {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::Stream, Self::Export];

    fn byte(self) -> u8 {
        match self {
            Self::Stream => b's',
            Self::Export => b'e',
        }
    }
}

/// What kind of record is handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Handed {
    /// A click or impression.
    Session,
    /// An activity.
    Activity,
    /// A postback.
    Postback,
}

impl Handed {
    fn byte(self) -> u8 {
        match self {
            Self::Session => b's',
            Self::Activity => b'a',
            Self::Postback => b'p',
        }
    }

    fn of(byte: u8) -> Option<Self> {
        [Self::Session, Self::Activity, Self::Postback]
            .into_iter()
            .find(|handed| handed.byte() == byte)
    }
}

/// A record that came behind the mark of a feed.
pub fn late(feed: Feed, generation: u32, id: TimeId, what: Handed) -> Key<()> {
    Key::new(Db::Hot, late_key(feed, generation, id, &[what.byte()]))
}

fn late_key(feed: Feed, generation: u32, id: TimeId, rest: &[u8]) -> Vec<u8> {
    key(
        b'o',
        &[&[feed.byte()], &generation.to_be_bytes(), &id.to_key(), rest],
    )
}

/// Late records of a feed, from a generation on, the oldest generation first.
pub fn late_from(feed: Feed, generation: u32) -> KeyRange {
    let mut range = KeyRange::prefix(&[b'o', feed.byte()]);
    range.start.extend_from_slice(&generation.to_be_bytes());
    range
}

/// Late records of a generation behind an id and up to another.
pub fn late_between(feed: Feed, generation: u32, after: TimeId, until: TimeId) -> KeyRange {
    let end = late_key(feed, generation, until, &[u8::MAX]);
    KeyRange::new(late_key(feed, generation, after, &[u8::MAX]), end)
}

/// Generation, id and kind of a late record.
pub fn parse_late(key: &[u8]) -> Option<(u32, TimeId, Handed)> {
    let rest = family(key, b'o', 1 + 4 + TimeId::KEY_LEN + 1)?.get(1..)?;
    let (generation, rest) = rest.split_first_chunk::<4>()?;
    let (what, id) = rest.split_last()?;
    Some((
        u32::from_be_bytes(*generation),
        TimeId::from_key(id)?,
        Handed::of(*what)?,
    ))
}

/// A postback that was made (number 0) or a try of it, which no file of raw data holds yet.
pub fn unwritten(at_ms: i64, id: PostbackId, number: u16) -> Key<()> {
    let parts: [&[u8]; 4] = [b"x", &ms(at_ms), &id.to_key(), &number.to_be_bytes()];
    Key::new(Db::Hot, key(b'o', &parts))
}

/// Those of before a time, oldest first.
pub fn unwritten_before(at_ms: i64) -> KeyRange {
    KeyRange::new(key(b'o', &[b"x"]), key(b'o', &[b"x", &ms(at_ms)]))
}

/// When it was, which postback, and the number of the try.
pub fn parse_unwritten(key: &[u8]) -> Option<(i64, PostbackId, u16)> {
    let rest = family(key, b'o', 1 + 8 + TimeId::KEY_LEN + 2)?.strip_prefix(b"x")?;
    let (at_ms, rest) = rest.split_first_chunk::<8>()?;
    let (id, number) = rest.split_first_chunk::<{ TimeId::KEY_LEN }>()?;
    Some((
        i64::try_from(u64::from_be_bytes(*at_ms)).ok()?,
        PostbackId::from_key(id)?,
        u16::from_be_bytes(number.try_into().ok()?),
    ))
}

/// A record that was erased, and whose row files of raw data may hold as it was.
pub fn erased_row(id: TimeId) -> Key<()> {
    Key::new(Db::Hot, key(b'o', &[b"r", &id.to_key()]))
}

/// All of them, oldest first.
pub fn erased_rows() -> KeyRange {
    KeyRange::prefix(b"or")
}

/// Which record it is.
pub fn parse_erased_row(key: &[u8]) -> Option<TimeId> {
    TimeId::from_key(family(key, b'o', 1 + TimeId::KEY_LEN)?.strip_prefix(b"r")?)
}
