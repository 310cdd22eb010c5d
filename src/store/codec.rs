//! Records as bytes: a version byte, then postcard. Objects of the configuration are JSON instead.
//!
//! Postcard is not self-describing, so the version byte decides how the rest is read. A record that gets a
//! field gets a new version here, and the old one keeps its own decoding (old struct, then `From`), which
//! may go with the migration that rewrites the last of them. Where the new fields stand at the end, the bytes
//! that stand for their defaults are enough to read the old one: postcard writes one field after the other. A record that does not decode is an error that
//! names database, family and key: never skipped, never fatal to the others.

mod older;

use super::database::Db;
use super::error::StoreError;
use super::records::{JsonRecord, Record, unreadable};
use super::{Commit, Op};
use crate::domain::activity::Activity;
use crate::domain::identity::Identity;
use crate::domain::ids::{ActivityId, LinkToken};
use crate::domain::postback::FailReason;
use crate::domain::session::{EngagementKind, Session};
use crate::domain::stats::Counters;
use crate::domain::visitor::{Fallback, Visitor};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;

/// A record that is version 1 still.
macro_rules! plain {
    ($type:ty) => {
        impl Record for $type {
            fn encode(&self) -> Result<Vec<u8>, StoreError> {
                encode(self)
            }

            fn decode(bytes: &[u8], db: Db, key: &[u8]) -> Result<Self, StoreError> {
                decode(bytes, db, key)
            }
        }
    };
}

/// A record that got fields at its end with versions after the first: an older one is read as if the bytes of their
/// defaults stood there.
macro_rules! grown {
    ($type:ty, $added:expr) => {
        impl Record for $type {
            fn encode(&self) -> Result<Vec<u8>, StoreError> {
                encode_grown(self, $added)
            }

            fn decode(bytes: &[u8], db: Db, key: &[u8]) -> Result<Self, StoreError> {
                decode_grown(bytes, $added, db, key)
            }
        }
    };
}

/// Records of the family `u`: each points to an activity until a time. They have one layout, so that one sweep
/// removes what has expired.
macro_rules! pointers {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        pub struct $name {
            /// The activity.
            pub activity: ActivityId,
            /// When it happened, unix milliseconds.
            pub at_ms: i64,
            /// Until when the record counts, unix milliseconds.
            pub expires_at_ms: i64,
        }

        plain!($name);
    )*};
}

pointers! {
    /// The conversion that counted under a duplicate key.
    Duplicate;
    /// The newest report of what an engagement cost.
    CostReport;
    /// The update that moved the counters of a conversion to another session last.
    Recredit;
    /// An event of an app whose request named its time: the same request again is no second event.
    SentEvent;
    /// Ad revenue of an app, likewise.
    SentAdRevenue;
    /// The activity of a postback of Apple's: a copy of it is no second one.
    ApplePostback;
    /// A conversion of a network that counted: whose checks fail afterwards is somebody known.
    GoodNetwork;
}

/// When a device asked to be forgotten, unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForgottenAt(pub i64);

impl Record for ForgottenAt {
    fn encode(&self) -> Result<Vec<u8>, StoreError> {
        self.0.to_be_bytes().encode()
    }

    fn decode(bytes: &[u8], db: Db, key: &[u8]) -> Result<Self, StoreError> {
        Record::decode(bytes, db, key).map(|bytes| Self(i64::from_be_bytes(bytes)))
    }
}

/// Delivery was paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryPause {
    /// Since when, unix milliseconds.
    pub since_ms: i64,
    /// User, token or command that paused it.
    pub by: String,
}

impl JsonRecord for DeliveryPause {}

/// What an idempotency key remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idempotency {
    /// Until when the key counts, unix milliseconds.
    pub expires_at_ms: i64,
    /// SHA-256 of the body, cut to 16 bytes: another body under the same key is refused.
    pub body_hash: [u8; 16],
    /// HTTP status of the answer.
    pub status: u16,
    /// Body of the answer.
    pub answer: String,
}

/// What attribution reads of a click or impression without reading the session: the value of its indexes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionBrief {
    /// Its link.
    pub link: LinkToken,
    /// Click, impression or direct landing.
    pub kind: EngagementKind,
    /// Bot or prefetch.
    pub is_automated: bool,
    /// `rt=0`.
    pub no_reattribution: bool,
    /// Of the sandbox, or a test click.
    pub is_test: bool,
}

impl From<&Session> for SessionBrief {
    fn from(session: &Session) -> Self {
        Self {
            link: session.link.clone(),
            kind: session.kind,
            is_automated: session.is_automated(),
            no_reattribution: session.flags.no_reattribution,
            is_test: session.flags.is_test,
        }
    }
}

pub(super) const V1: u8 = 1;
const V2: u8 = 2;

/// What an activity has since version 2: no digests of a person, and no word of consent.
const ACTIVITY_SINCE: &[&[u8]] = &[&[0, 0, 0]];
/// What a visitor has since version 2: no credits before the present one, no session before a reattribution; since
/// version 3: nothing said of the device; since version 4: nobody proved it.
const VISITOR_SINCE: &[&[u8]] = &[&[0, 0], &[0], &[0]];
/// What an index entry has since version 2: it is no test.
const BRIEF_SINCE: &[&[u8]] = &[&[0]];
/// What a row of counters has since version 2: nothing by status, and it says that it is not split; and since version
/// 3: no variables that nobody filled.
const COUNTERS_SINCE: &[&[u8]] = &[&[0, 0, 0, 1], &[0]];

thread_local! {
    /// Where a record grows while it is written, so that what is kept has its exact size and was never moved.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::default();
}

/// A longer scratch is given back.
const MOST_SCRATCH_BYTES: usize = 64 << 10;

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    write(V1, value)
}

fn write<T: Serialize>(version: u8, value: &T) -> Result<Vec<u8>, StoreError> {
    SCRATCH.with_borrow_mut(|scratch| {
        let mut bytes = std::mem::take(scratch);
        bytes.clear();
        bytes.push(version);
        let bytes =
            postcard::to_extend(value, bytes).map_err(|error| StoreError::Encode(error.to_string()))?;
        let written = bytes.as_slice().to_vec();
        if bytes.capacity() <= MOST_SCRATCH_BYTES {
            *scratch = bytes;
        }
        Ok(written)
    })
}

/// Writes the newest version of a record that got fields at its end; `added` has an entry for each later version.
fn encode_grown<T: Serialize>(value: &T, added: &[&[u8]]) -> Result<Vec<u8>, StoreError> {
    let newest = u8::try_from(added.len()).map_or(u8::MAX, |later| V1 + later);
    write(newest, value)
}

/// Reads [`encode_grown`], and older versions as if the defaults of the fields that they lack stood at their end.
fn decode_grown<T: DeserializeOwned>(
    bytes: &[u8],
    added: &[&[u8]],
    db: Db,
    key: &[u8],
) -> Result<T, StoreError> {
    let since = |version: u8| added.get(usize::from(version.checked_sub(V1)?)..);
    match bytes.split_first().map(|(version, rest)| (since(*version), rest)) {
        Some((Some([]), rest)) => read(rest, db, key),
        Some((Some(lacking), rest)) => read(&[rest, &lacking.concat()].concat(), db, key),
        _ => decode(bytes, db, key),
    }
}

fn decode<T: DeserializeOwned>(bytes: &[u8], db: Db, key: &[u8]) -> Result<T, StoreError> {
    let (version, rest) = bytes
        .split_first()
        .ok_or_else(|| unreadable(db, key, "it is empty"))?;
    if *version != V1 {
        return Err(unreadable(
            db,
            key,
            &format!("its version is {version}, known is {V1}"),
        ));
    }
    read(rest, db, key)
}

fn read<T: DeserializeOwned>(bytes: &[u8], db: Db, key: &[u8]) -> Result<T, StoreError> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(unreadable(db, key, &format!("{} bytes too many", rest.len()))),
        Err(error) => Err(unreadable(db, key, &error.to_string())),
    }
}

/// An activity without an identity is written as version 1: nearly all are, and need no more room than before.
impl Record for Activity {
    fn encode(&self) -> Result<Vec<u8>, StoreError> {
        if self.identity != Identity::default() {
            return encode_grown(self, ACTIVITY_SINCE);
        }
        let mut bytes = encode(self)?;
        bytes.truncate(bytes.len() - ACTIVITY_SINCE[0].len());
        Ok(bytes)
    }

    fn decode(bytes: &[u8], db: Db, key: &[u8]) -> Result<Self, StoreError> {
        decode_grown(bytes, ACTIVITY_SINCE, db, key)
    }
}

plain!(Session);
plain!(FailReason);
plain!(Fallback);
plain!(Idempotency);
grown!(Visitor, VISITOR_SINCE);
grown!(SessionBrief, BRIEF_SINCE);
grown!(Counters, COUNTERS_SINCE);

/// Keys may have at most this many bytes.
pub(super) const KEY_LIMIT: usize = 16 << 10;
/// Values may have at most this many bytes; those of more than a few KiB should be rare.
pub(super) const VALUE_LIMIT: usize = 1 << 20;

const PUT: u8 = 1;
const DELETE: u8 = 2;
const DROP: u8 = 3;

/// Writes a commit as the payload of a journal record: a version byte, then for each write the database
/// (3 bytes), the operation, and lengths (key 2 bytes, value 4 bytes, little-endian) with their bytes.
pub(super) fn encode_commit(commit: &Commit) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::with_capacity(256 * commit.writes.len() + 1);
    bytes.push(V1);
    for (db, op) in &commit.writes {
        bytes.extend_from_slice(&db.to_bytes());
        match op {
            Op::Put(key, value) => {
                bytes.push(PUT);
                push_key(&mut bytes, *db, key)?;
                let (limit, size) = (VALUE_LIMIT, value.len());
                let len = u32::try_from(size).ok().filter(|_| size <= limit);
                let len = len.ok_or(StoreError::TooLarge {
                    what: "value",
                    db: *db,
                    bytes: size,
                    limit,
                })?;
                bytes.extend_from_slice(&len.to_le_bytes());
                bytes.extend_from_slice(value);
            }
            Op::Delete(key) => {
                bytes.push(DELETE);
                push_key(&mut bytes, *db, key)?;
            }
            Op::Drop => bytes.push(DROP),
        }
    }
    Ok(bytes)
}

fn push_key(bytes: &mut Vec<u8>, db: Db, key: &[u8]) -> Result<(), StoreError> {
    let (limit, size) = (KEY_LIMIT, key.len());
    let len = u16::try_from(size).ok().filter(|_| size <= limit);
    let len = len.ok_or(StoreError::TooLarge {
        what: "key",
        db,
        bytes: size,
        limit,
    })?;
    bytes.extend_from_slice(&len.to_le_bytes());
    bytes.extend_from_slice(key);
    Ok(())
}

/// Reads [`encode_commit`]; `None` when it is no commit of a version that this binary knows.
pub(super) fn decode_commit(bytes: &[u8]) -> Option<Commit> {
    let (version, mut rest) = bytes.split_first()?;
    if *version != V1 {
        return None;
    }
    let mut writes = Vec::new();
    while !rest.is_empty() {
        let (db, after) = rest.split_first_chunk::<3>()?;
        let db = Db::from_bytes(*db)?;
        let (op, after) = after.split_first()?;
        rest = after;
        writes.push((
            db,
            match *op {
                PUT => {
                    let key = take_key(&mut rest)?;
                    let (len, after) = rest.split_first_chunk::<4>()?;
                    let (value, after) =
                        after.split_at_checked(usize::try_from(u32::from_le_bytes(*len)).ok()?)?;
                    rest = after;
                    Op::Put(key, value.to_vec())
                }
                DELETE => Op::Delete(take_key(&mut rest)?),
                DROP => Op::Drop,
                _ => return None,
            },
        ));
    }
    Some(Commit { writes })
}

fn take_key(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let (len, after) = rest.split_first_chunk::<2>()?;
    let (key, after) = after.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
    *rest = after;
    Some(key.to_vec())
}
