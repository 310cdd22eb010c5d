//! Records as bytes: a version byte, then postcard. Objects of the configuration are JSON instead.
//!
//! Postcard is not self-describing, so the version byte decides how the rest is read. A record that gets a
//! field gets a new version here, and the old one keeps its own decoding (old struct, then `From`), which
//! may go with the migration that rewrites the last of them. Where the new fields stand at the end, the bytes
//! that stand for their defaults are enough to read the old one: postcard writes one field after the other. A record that does not decode is an error that
//! names database, family and key: never skipped, never fatal to the others.

use super::error::StoreError;
use super::keys::Db;
use super::{Commit, Op};
use crate::domain::activity::Activity;
use crate::domain::ids::{ActivityId, LinkToken};
use crate::domain::postback::{Attempt, FailReason, Postback};
use crate::domain::session::{EngagementKind, Session};
use crate::domain::stats::Counters;
use crate::domain::visitor::{Fallback, Visitor};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What a duplicate key remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicate {
    /// The activity that counted.
    pub activity: ActivityId,
    /// When it happened, unix milliseconds.
    pub at_ms: i64,
    /// Until when the key counts, unix milliseconds.
    pub expires_at_ms: i64,
}

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

/// What a visitor has since version 2: no credits before the present one, no session before a reattribution.
const VISITOR_V2: &[u8] = &[0, 0];
/// What an index entry has since version 2: it is no test.
const BRIEF_V2: &[u8] = &[0];

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    postcard::to_extend(value, vec![V1]).map_err(|error| StoreError::Encode(error.to_string()))
}

/// Writes version 2 of a record that got fields at its end.
fn encode_grown<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    postcard::to_extend(value, vec![V2]).map_err(|error| StoreError::Encode(error.to_string()))
}

/// Reads [`encode_grown`], and version 1 as if `added`, the defaults of the new fields, stood at its end.
fn decode_grown<T: DeserializeOwned>(
    bytes: &[u8],
    added: &[u8],
    db: Db,
    key: &[u8],
) -> Result<T, StoreError> {
    match bytes.split_first() {
        Some((&V2, rest)) => read(rest, db, key),
        Some((&V1, rest)) => read(&[rest, added].concat(), db, key),
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

fn unreadable(db: Db, key: &[u8], message: &str) -> StoreError {
    StoreError::Record {
        db,
        family: key.first().map_or('?', |byte| char::from(*byte)),
        key: key.iter().map(|byte| format!("{byte:02x}")).collect(),
        message: message.to_owned(),
    }
}

macro_rules! records {
    ($($encode:ident, $decode:ident: $type:ty, $what:literal;)*) => {$(
        #[doc = concat!("Writes ", $what, ".")]
        pub fn $encode(value: &$type) -> Result<Vec<u8>, StoreError> {
            encode(value)
        }
        #[doc = concat!("Reads ", $what, "; database and key are for the error.")]
        pub fn $decode(bytes: &[u8], db: Db, key: &[u8]) -> Result<$type, StoreError> {
            decode(bytes, db, key)
        }
    )*};
}

records! {
    encode_session, decode_session: Session, "a click or impression";
    encode_activity, decode_activity: Activity, "an activity";
    encode_postback, decode_postback: Postback, "a postback";
    encode_attempt, decode_attempt: Attempt, "an attempt";
    encode_fail_reason, decode_fail_reason: FailReason, "the reason of a failed postback";
    encode_counters, decode_counters: Counters, "a row of counters";
    encode_duplicate, decode_duplicate: Duplicate, "a duplicate key";
    encode_fallback, decode_fallback: Fallback, "what a temporary credit falls back to";
    encode_idempotency, decode_idempotency: Idempotency, "an idempotency key";
}

/// Writes a visitor of an app.
pub fn encode_visitor(value: &Visitor) -> Result<Vec<u8>, StoreError> {
    encode_grown(value)
}

/// Reads a visitor of an app; database and key are for the error.
pub fn decode_visitor(bytes: &[u8], db: Db, key: &[u8]) -> Result<Visitor, StoreError> {
    decode_grown(bytes, VISITOR_V2, db, key)
}

/// Writes an index entry of a session.
pub fn encode_brief(value: &SessionBrief) -> Result<Vec<u8>, StoreError> {
    encode_grown(value)
}

/// Reads an index entry of a session; database and key are for the error.
pub fn decode_brief(bytes: &[u8], db: Db, key: &[u8]) -> Result<SessionBrief, StoreError> {
    decode_grown(bytes, BRIEF_V2, db, key)
}

/// Writes an object of the configuration or an entry of the audit log.
pub fn encode_json<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|error| StoreError::Encode(error.to_string()))
}

/// Reads [`encode_json`]; database and key are for the error.
pub fn decode_json<T: DeserializeOwned>(bytes: &[u8], db: Db, key: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| unreadable(db, key, &error.to_string()))
}

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
