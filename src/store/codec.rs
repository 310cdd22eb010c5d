//! Records as bytes: a version byte, then postcard. Objects of the configuration are JSON instead.
//!
//! Postcard is not self-describing, so the version byte decides how the rest is read. A record that gets a
//! field gets a new version here, and the old one keeps its own decoding (old struct, then `From`), which
//! may go with the migration that rewrites the last of them. A record that does not decode is an error that
//! names database, family and key: never skipped, never fatal to the others.

use super::error::StoreError;
use super::keys::Db;
use super::{Commit, Op};
use crate::domain::activity::Activity;
use crate::domain::ids::{ActivityId, LinkToken};
use crate::domain::postback::{Attempt, FailReason, Postback};
use crate::domain::session::{EngagementKind, Session};
use crate::domain::stats::Counters;
use crate::domain::visitor::Visitor;
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
}

impl From<&Session> for SessionBrief {
    fn from(session: &Session) -> Self {
        Self {
            link: session.link.clone(),
            kind: session.kind,
            is_automated: session.is_automated(),
            no_reattribution: session.flags.no_reattribution,
        }
    }
}

const V1: u8 = 1;

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    postcard::to_extend(value, vec![V1]).map_err(|error| StoreError::Encode(error.to_string()))
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
    match postcard::take_from_bytes(rest) {
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
    encode_visitor, decode_visitor: Visitor, "a visitor of an app";
    encode_brief, decode_brief: SessionBrief, "an index entry of a session";
    encode_idempotency, decode_idempotency: Idempotency, "an idempotency key";
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
const KEY_LIMIT: usize = 16 << 10;
/// Values may have at most this many bytes; those of more than a few KiB should be rare.
const VALUE_LIMIT: usize = 1 << 20;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::activity::{ActivityInput, ActivityKind, ConversionStatus, Verdict};
    use crate::domain::ids::{PostbackId, SessionId};
    use crate::domain::money::{Currency, Money};
    use crate::domain::postback::{ErrorClass, LaneKey, Method, Origin, Outcome, PostbackState, Request};
    use crate::domain::session::{Device, EngagementKind, Geo, LinkCallback, SessionFlags};
    use crate::store::keys;
    use proptest::prelude::*;
    use std::fmt::Debug;

    const AT: i64 = 1_795_000_000_123;

    fn session() -> Session {
        Session {
            id: SessionId::new(AT, 1),
            kind: EngagementKind::Click,
            link: "link123".parse().unwrap(),
            offer: "offer1".parse().unwrap(),
            partner: Some("partner1".parse().unwrap()),
            names: vec!["net".into(), "camp".into()],
            tuid: "t1".into(),
            ip: "192.0.2.0".into(),
            ip_hash: 77,
            user_agent: "UA".into(),
            referer: "r".into(),
            device: Device {
                os_name: "ios".into(),
                ..Device::default()
            },
            geo: Geo {
                country: "jp".into(),
                ..Geo::default()
            },
            para: ["a".into(), "b".into(), String::new(), String::new(), "e".into()],
            label: "l".into(),
            device_ids: vec![("idfa".into(), "x".into())],
            parameters: vec![("gclid".into(), "g".into())],
            callbacks: vec![LinkCallback {
                name: "install_callback".into(),
                text: "https://e.example/".into(),
            }],
            cost: vec![],
            destination: "https://d.example/".into(),
            flags: SessionFlags {
                is_unique: true,
                ..SessionFlags::default()
            },
        }
    }

    fn activity() -> Activity {
        Activity {
            id: ActivityId::new(AT, 2),
            kind: ActivityKind::Event,
            at_ms: AT,
            offer: Some("offer1".parse().unwrap()),
            event: Some("abc123".parse().unwrap()),
            verdict: Verdict::Accepted,
            note: String::new(),
            status: Some(ConversionStatus::Pending),
            outdated_status: None,
            of: None,
            money: Some(Money {
                amount: 1000.into(),
                currency: Currency::JPY,
            }),
            payout: None,
            input: ActivityInput {
                uids: vec!["order-1".into()],
                ..ActivityInput::default()
            },
            session: Some(Box::new(session())),
            match_type: None,
            candidates: vec![],
            tuid: "t1".into(),
            is_test: false,
            rules: vec![],
            history: vec![],
            facts: vec![],
        }
    }

    fn attempt() -> Attempt {
        Attempt {
            number: 3,
            at_ms: AT,
            duration_ms: 12,
            url: "https://p.example/?a=1".into(),
            outcome: Outcome::Error {
                class: ErrorClass::Timeout,
                message: "m".into(),
            },
            headers: vec![("server".into(), "s".into())],
            excerpt: "ok".into(),
            remote_addr: Some("192.0.2.1:443".into()),
            is_manual: false,
        }
    }

    fn postback() -> Postback {
        Postback {
            id: PostbackId::new(AT, 3),
            activity: ActivityId::new(AT, 2),
            offer: "offer1".parse().unwrap(),
            partner: None,
            origin: Origin::Rule("rule1".parse().unwrap()),
            entry: 0,
            lane: LaneKey("https://p.example:443".into()),
            request: Request {
                method: Method::Get,
                url: "https://p.example/".into(),
                headers: vec![],
                body: None,
            },
            created_at_ms: AT,
            resent_at_ms: None,
            state: PostbackState::Waiting { due_at_ms: AT },
            attempts: 1,
            order_key: None,
            is_test: true,
            last: Some(attempt()),
        }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    type Decode<T> = fn(&[u8], Db, &[u8]) -> Result<T, StoreError>;

    fn golden<T: PartialEq + Debug>(
        value: &T,
        bytes: Result<Vec<u8>, StoreError>,
        decode: Decode<T>,
        golden: &str,
    ) {
        let bytes = bytes.unwrap();
        assert_eq!(
            hex(&bytes),
            golden,
            "the stored form changed: a new version is needed"
        );
        let (db, key) = keys::waiting(PostbackId::new(AT, 3));
        assert_eq!(&decode(&bytes, db, &key).unwrap(), value);
        for broken in [&bytes[..bytes.len() - 1], &[&bytes[..], &[0]].concat(), &[2], &[]] {
            let error = decode(broken, db, &key).unwrap_err();
            assert_eq!(error.code(), "record_unreadable");
            assert!(
                error.to_string().contains("hot, family 'w', key 7701a1"),
                "{error}"
            );
        }
    }

    #[test]
    fn golden_bytes() {
        golden(
            &session(),
            encode_session(&session()),
            decode_session,
            "0101a1ee565e7b000000000100076c696e6b313233066f66666572310108706172746e657231\
             02036e65740463616d70027431093139322e302e322e304d025541017203696f730000000000\
             00026a70000000000161016200000165016c0104696466610178010567636c69640167011069\
             6e7374616c6c5f63616c6c6261636b1268747470733a2f2f652e6578616d706c652f00126874\
             7470733a2f2f642e6578616d706c652f000000000100000000",
        );
        golden(
            &activity(),
            encode_activity(&activity()),
            decode_activity,
            "0101a1ee565e7b000000000204f6f9b2e5bd6801066f66666572310106616263313233000001\
             000000010431303030034a50590001076f726465722d310000000000000101a1ee565e7b0000\
             00000100076c696e6b313233066f66666572310108706172746e65723102036e65740463616d\
             70027431093139322e302e322e304d025541017203696f73000000000000026a700000000001\
             61016200000165016c0104696466610178010567636c696401670110696e7374616c6c5f6361\
             6c6c6261636b1268747470733a2f2f652e6578616d706c652f001268747470733a2f2f642e65\
             78616d706c652f000000000100000000000002743100000000",
        );
        golden(
            &attempt(),
            encode_attempt(&attempt()),
            decode_attempt,
            "0103f6f9b2e5bd680c1668747470733a2f2f702e6578616d706c652f3f613d310103016d0106\
             7365727665720173026f6b010d3139322e302e322e313a34343300",
        );
        golden(
            &postback(),
            encode_postback(&postback()),
            decode_postback,
            "0101a1ee565e7b000000000301a1ee565e7b0000000002066f666665723100000572756c6531\
             001568747470733a2f2f702e6578616d706c653a343433001268747470733a2f2f702e657861\
             6d706c652f0000f6f9b2e5bd680000f6f9b2e5bd680100010103f6f9b2e5bd680c16687474707\
             33a2f2f702e6578616d706c652f3f613d310103016d01067365727665720173026f6b010d313\
             9322e302e322e313a34343300",
        );
        let duplicate = Duplicate {
            activity: ActivityId::new(AT, 2),
            at_ms: 1,
            expires_at_ms: 2,
        };
        golden(
            &duplicate,
            encode_duplicate(&duplicate),
            decode_duplicate,
            "0101a1ee565e7b00000000020204",
        );
        let idempotency = Idempotency {
            expires_at_ms: 5,
            body_hash: [6; 16],
            status: 200,
            answer: "{}".into(),
        };
        golden(
            &idempotency,
            encode_idempotency(&idempotency),
            decode_idempotency,
            "010a06060606060606060606060606060606c801027b7d",
        );
        golden(
            &FailReason::Gone,
            encode_fail_reason(&FailReason::Gone),
            decode_fail_reason,
            "0101",
        );
        let mut counters = Counters {
            clicks: 3,
            refused: 1,
            ..Counters::default()
        };
        counters.revenue.add(Money {
            amount: 5.into(),
            currency: Currency::JPY,
        });
        golden(
            &counters,
            encode_counters(&counters),
            decode_counters,
            "01060000000000000000000200000001034a505901350000",
        );
    }

    #[test]
    fn json_errors_name_the_key() {
        let (db, key) = keys::config(b'o', "abc");
        assert_eq!(
            decode_json::<u8>(&encode_json(&5u8).unwrap(), db, &key).unwrap(),
            5
        );
        let error = decode_json::<u8>(b"{", db, &key).unwrap_err().to_string();
        assert!(error.contains("hot, family 'c', key 636f616263"), "{error}");
    }

    #[test]
    fn commit_golden_and_limits() {
        let commit = Commit {
            writes: vec![
                (Db::Hot, Op::Put(b"ab".to_vec(), b"c".to_vec())),
                (Db::sessions(AT), Op::Delete(b"d".to_vec())),
                (Db::activities(AT), Op::Drop),
            ],
        };
        let bytes = encode_commit(&commit).unwrap();
        assert_eq!(
            hex(&bytes),
            "01000000010200616201000000630102aa02010064020 2aa03".replace(' ', "")
        );
        assert_eq!(decode_commit(&bytes), Some(commit));
        let large = |key, value| Commit {
            writes: vec![(Db::Hot, Op::Put(vec![0; key], vec![0; value]))],
        };
        assert_eq!(
            encode_commit(&large(KEY_LIMIT + 1, 0)).unwrap_err().code(),
            "record_too_large"
        );
        assert_eq!(
            encode_commit(&large(1, VALUE_LIMIT + 1)).unwrap_err().code(),
            "record_too_large"
        );
        assert!(encode_commit(&large(KEY_LIMIT, VALUE_LIMIT)).is_ok());
    }

    proptest! {
        #[test]
        fn commits_read_back(writes in proptest::collection::vec((any::<u16>(), 0u8..3, proptest::collection::vec(any::<u8>(), 0..30)), 0..20)) {
            let writes = writes.into_iter().map(|(period, op, bytes)| {
                (Db::Period(keys::PeriodKind::Postbacks, keys::Period(period)), match op {
                    0 => Op::Put(bytes.clone(), bytes),
                    1 => Op::Delete(bytes),
                    _ => Op::Drop,
                })
            }).collect();
            let commit = Commit { writes };
            prop_assert_eq!(decode_commit(&encode_commit(&commit).unwrap()), Some(commit));
        }

        #[test]
        fn decoding_rubbish_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let rest = [&[V1], bytes.as_slice()].concat();
            let _ = decode_commit(&rest);
            let _ = decode_activity(&rest, Db::Hot, b"k");
            let _ = decode_postback(&rest, Db::Hot, b"k");
        }
    }
}
