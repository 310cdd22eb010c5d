//! Every database, family, key and index in one catalogue. Pure: bytes in, bytes out.
//!
//! A key is one family byte and fixed-width big-endian parts, so that byte order is the order a reader asks
//! for. Times are unix milliseconds as 8 bytes, ids are the 11 bytes of [`TimeId::to_key`]; a text that is
//! not last is length-prefixed. Family `00` is the engine's own.
//!
//! | database | family | key after the family byte | value |
//! | --- | --- | --- | --- |
//! | hot | `c` | kind byte, id as text (`o` offer, `p` partner, `l` link, `r` rule, `u` user, `t` token, `s` settings (no id), `g` login, `f` proof link) | JSON |
//! | hot | `u` | 16-byte hash | [`Duplicate`](super::codec::Duplicate) |
//! | hot | `w` | postback id | waiting `Postback` |
//! | hot | `x` | postback id | `FailReason`: index of failed postbacks |
//! | hot | `s` | bucket (4 bytes), offer, link, event (each 1 byte length + text; length 0: none), dimension byte (a capital: sandbox), text to the end | `Counters` |
//! | hot | `i` | 16-byte hash | [`Idempotency`](super::codec::Idempotency) |
//! | hot | `a` | due_at_ms, activity id | empty: approvals due |
//! | hot | `l` | time id | JSON: audit log |
//! | hot | `n` | name as text | bytes: values of the instance; `removed-link/` and a token: JSON of the link |
//! | hot | `g` | 16-byte hash | when it was forgotten, 8 bytes: forgotten visitors |
//! | hot | `e` | postback id | empty: postbacks whose text goes once they are delivered |
//! | hot | `m` | link (1 byte length + text), 8-byte hash of campaign, adgroup and creative | empty: names known below a link |
//! | hot | `v` | adid (16 bytes) | `Visitor` |
//! | hot | `f` | adid (16 bytes) | `Fallback`: what a temporary credit falls back to |
//! | hot | `d` | 16-byte hash of a device id | adid: index of visitors |
//! | sessions | `s` | SID | `Session` |
//! | sessions | `d` | 8-byte hash of a device id or cost id, SID | [`SessionBrief`](super::codec::SessionBrief) |
//! | sessions | `p` | 8-byte probabilistic hash, SID | [`SessionBrief`](super::codec::SessionBrief) |
//! | sessions | `k` | 16-byte hash of offer and partner click id, SID | empty |
//! | activities | `a` | activity id | `Activity` |
//! | activities | `s` | SID, activity id | empty: activities of a session |
//! | activities | `v` | 8-byte visitor hash, activity id | empty: activities of a visitor |
//! | activities | `o` | 8-byte hash of an order number, activity id | empty: activities with that `uid1` to `uid8` |
//! | postbacks | `p` | postback id | settled `Postback` |
//! | postbacks | `t` | postback id, attempt number (2 bytes) | `Attempt` |
//! | postbacks | `c` | SID, postback id | empty: postbacks of a click, whose activity is its session |
//!
//! Rows of the databases of periods are kept in blocks; `packed` lists their families once more, with the
//! bytes that searches know.
//!
//! Which period holds a key follows from the time in its record's own id: the SID for sessions, the activity
//! id for activities, the postback id for postbacks. An index therefore lies beside its record, and a search
//! by hash or SID asks the periods of the window that it is about.

use crate::domain::ids::{ActivityId, EventToken, LinkToken, OfferId, PostbackId, SessionId, TimeId};
use crate::domain::stats::{Bucket, Dimension, Environment, StatKey};
use crate::domain::visitor::Adid;
use std::str::FromStr;

pub use super::database::{Db, KeyRange, Period, PeriodKind};

/// A database and a key in it.
pub type Key = (Db, Vec<u8>);

fn key(family: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + parts.iter().map(|part| part.len()).sum::<usize>());
    bytes.push(family);
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes
}

/// Times before 1970 count as 1970.
fn ms(at_ms: i64) -> [u8; 8] {
    u64::try_from(at_ms).unwrap_or(0).to_be_bytes()
}

fn tail<const N: usize>(key: &[u8]) -> Option<(&[u8], [u8; N])> {
    let split = key.len().checked_sub(N)?;
    Some((&key[..split], key[split..].try_into().ok()?))
}

fn family(key: &[u8], family: u8, len: usize) -> Option<&[u8]> {
    match key.split_first() {
        Some((first, rest)) if *first == family && rest.len() == len => Some(rest),
        _ => None,
    }
}

/// A configuration object: kind byte as in the table above, id as text (empty for the settings).
pub fn config(kind: u8, id: &str) -> Key {
    (Db::Hot, key(b'c', &[&[kind], id.as_bytes()]))
}
/// Prefix of all configuration objects of a kind.
pub fn config_prefix(kind: u8) -> Vec<u8> {
    vec![b'c', kind]
}
/// Kind and id of a configuration key.
pub fn parse_config(key: &[u8]) -> Option<(u8, &str)> {
    match key {
        [b'c', kind, id @ ..] => Some((*kind, std::str::from_utf8(id).ok()?)),
        _ => None,
    }
}
/// A login session of an operator, by the text of its id (a hash of the cookie).
pub fn login(id: &str) -> Key {
    config(b'g', id)
}

/// A proof link, by the text of its id (a hash of its token).
pub fn proof(id: &str) -> Key {
    config(b'f', id)
}
/// Prefix of all proof links.
pub fn proof_prefix() -> Vec<u8> {
    config_prefix(b'f')
}

/// What an activity counted once is known by: order number, visitor, session.
pub fn duplicate(hash: &[u8; 16]) -> Key {
    (Db::Hot, key(b'u', &[hash]))
}
/// Prefix of all duplicate keys.
pub fn duplicate_prefix() -> Vec<u8> {
    vec![b'u']
}

/// A postback that waits for its delivery.
pub fn waiting(id: PostbackId) -> Key {
    (Db::Hot, key(b'w', &[&id.to_key()]))
}
/// Prefix of all waiting postbacks.
pub fn waiting_prefix() -> Vec<u8> {
    vec![b'w']
}
/// The id in a key of a waiting postback.
pub fn parse_waiting(key: &[u8]) -> Option<PostbackId> {
    PostbackId::from_key(family(key, b'w', TimeId::KEY_LEN)?)
}

/// Index of failed postbacks.
pub fn failed(id: PostbackId) -> Key {
    (Db::Hot, key(b'x', &[&id.to_key()]))
}
/// Prefix of all failed postbacks.
pub fn failed_prefix() -> Vec<u8> {
    vec![b'x']
}
/// The id in a key of the index of failed postbacks.
pub fn parse_failed(key: &[u8]) -> Option<PostbackId> {
    PostbackId::from_key(family(key, b'x', TimeId::KEY_LEN)?)
}

/// A row of counters.
pub fn stat(stat: &StatKey) -> Key {
    let mut bytes = key(b's', &[&stat.bucket.0.to_be_bytes()]);
    let mut name = |text: Option<&str>| {
        let text = text.unwrap_or("");
        // Tokens have at most 32 characters (`domain::ids`).
        bytes.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(text.as_bytes());
    };
    name(stat.offer.as_ref().map(OfferId::as_str));
    name(stat.link.as_ref().map(LinkToken::as_str));
    name(stat.event.as_ref().map(EventToken::as_str));
    let (tag, text) = match &stat.dimension {
        Dimension::All => (b'a', ""),
        Dimension::Country(text) => (b'c', text.as_str()),
        Dimension::Device(text) => (b'd', text.as_str()),
        Dimension::Campaign(text) => (b'g', text.as_str()),
    };
    // Rows of production keep the bytes that they had before the sandbox was counted.
    bytes.push(match stat.environment {
        Environment::Production => tag,
        Environment::Sandbox => tag.to_ascii_uppercase(),
    });
    bytes.extend_from_slice(text.as_bytes());
    (Db::Hot, bytes)
}
/// Rows of counters from one bucket up to, not including, another.
pub fn stats(from: Bucket, to: Bucket) -> KeyRange {
    KeyRange::new(
        key(b's', &[&from.0.to_be_bytes()]),
        key(b's', &[&to.0.to_be_bytes()]),
    )
}
/// What a row of counters is cut by: `a` nothing, `c` country, `d` device, `g` campaign; capitals for the
/// sandbox. Much cheaper than reading the whole key.
pub fn stat_cut(key: &[u8]) -> Option<u8> {
    let mut at = 5;
    for _ in 0..3 {
        at += 1 + usize::from(*key.get(at)?);
    }
    key.get(at).copied()
}
/// Reads a key of a row of counters.
pub fn parse_stat(key: &[u8]) -> Option<StatKey> {
    let rest = key.strip_prefix(b"s")?;
    let (bucket, mut rest) = rest.split_first_chunk::<4>()?;
    let mut name = || -> Option<&str> {
        let (len, after) = rest.split_first()?;
        let (text, after) = after.split_at_checked(usize::from(*len))?;
        rest = after;
        std::str::from_utf8(text).ok()
    };
    let (offer, link, event) = (name()?, name()?, name()?);
    let (tag, text) = rest.split_first()?;
    let text = std::str::from_utf8(text).ok()?.to_owned();
    let environment = Environment::of(tag.is_ascii_uppercase());
    let dimension = match tag.to_ascii_lowercase() {
        b'a' if text.is_empty() => Dimension::All,
        b'c' => Dimension::Country(text),
        b'd' => Dimension::Device(text),
        b'g' => Dimension::Campaign(text),
        _ => return None,
    };
    fn token<T: FromStr>(text: &str) -> Option<Option<T>> {
        if text.is_empty() {
            Some(None)
        } else {
            text.parse().ok().map(Some)
        }
    }
    Some(StatKey {
        bucket: Bucket(u32::from_be_bytes(*bucket)),
        environment,
        offer: token(offer)?,
        link: token(link)?,
        event: token(event)?,
        dimension,
    })
}

/// An answer kept for an idempotency key.
pub fn idempotency(hash: &[u8; 16]) -> Key {
    (Db::Hot, key(b'i', &[hash]))
}
/// Prefix of all idempotency keys.
pub fn idempotency_prefix() -> Vec<u8> {
    vec![b'i']
}

/// An approval that is due at a time.
pub fn approval(due_at_ms: i64, id: ActivityId) -> Key {
    (Db::Hot, key(b'a', &[&ms(due_at_ms), &id.to_key()]))
}
/// Approvals due before a time.
pub fn approvals_due(before_ms: i64) -> KeyRange {
    KeyRange::new(vec![b'a'], key(b'a', &[&ms(before_ms)]))
}
/// Time and activity of a due approval.
pub fn parse_approval(key: &[u8]) -> Option<(i64, ActivityId)> {
    let (at, id) = family(key, b'a', 8 + TimeId::KEY_LEN)?.split_first_chunk::<8>()?;
    Some((
        i64::try_from(u64::from_be_bytes(*at)).ok()?,
        ActivityId::from_key(id)?,
    ))
}

/// An entry of the audit log.
pub fn audit(id: TimeId) -> Key {
    (Db::Hot, key(b'l', &[&id.to_key()]))
}
/// Prefix of the audit log.
pub fn audit_prefix() -> Vec<u8> {
    vec![b'l']
}
/// The id in a key of the audit log.
pub fn parse_audit(key: &[u8]) -> Option<TimeId> {
    TimeId::from_key(family(key, b'l', TimeId::KEY_LEN)?)
}

/// A value of the instance, such as the key of address hashes.
pub fn instance(name: &str) -> Key {
    (Db::Hot, key(b'n', &[name.as_bytes()]))
}
/// A link that was removed, so that what it brought in still has its partner.
pub fn removed_link(token: &LinkToken) -> Key {
    (Db::Hot, key(b'n', &[REMOVED_LINK, token.as_str().as_bytes()]))
}
/// Prefix of all removed links.
pub fn removed_link_prefix() -> Vec<u8> {
    key(b'n', &[REMOVED_LINK])
}
const REMOVED_LINK: &[u8] = b"removed-link/";
/// A visitor that asked to be forgotten.
pub fn forgotten(hash: &[u8; 16]) -> Key {
    (Db::Hot, key(b'g', &[hash]))
}

/// A postback whose text is erased once it is delivered.
pub fn to_scrub(id: PostbackId) -> Key {
    (Db::Hot, key(b'e', &[&id.to_key()]))
}
/// Prefix of the postbacks that are to be erased.
pub fn to_scrub_prefix() -> Vec<u8> {
    vec![b'e']
}
/// The id in a key of a postback that is to be erased.
pub fn parse_to_scrub(key: &[u8]) -> Option<PostbackId> {
    PostbackId::from_key(family(key, b'e', TimeId::KEY_LEN)?)
}

/// A combination of names below a link.
pub fn link_name(link: &LinkToken, hash: u64) -> Key {
    let text = link.as_str();
    // Tokens have at most 32 characters (`domain::ids`).
    let len = u8::try_from(text.len()).unwrap_or(u8::MAX);
    (
        Db::Hot,
        key(b'm', &[&[len], text.as_bytes(), &hash.to_be_bytes()]),
    )
}
/// Prefix of the names of all links.
pub fn link_name_prefix() -> Vec<u8> {
    vec![b'm']
}
/// Prefix of the names of one link.
pub fn link_names_prefix(link: &LinkToken) -> Vec<u8> {
    let (_, mut key) = link_name(link, 0);
    key.truncate(key.len() - size_of::<u64>());
    key
}
/// Link and hash of a key of names.
pub fn parse_link_name(key: &[u8]) -> Option<(LinkToken, u64)> {
    let (head, hash) = tail::<8>(key.strip_prefix(b"m")?)?;
    let (len, text) = head.split_first()?;
    let link = std::str::from_utf8(text).ok()?.parse().ok()?;
    (usize::from(*len) == text.len()).then_some((link, u64::from_be_bytes(hash)))
}

/// A visitor of an app.
pub fn visitor(adid: Adid) -> Key {
    (Db::Hot, key(b'v', &[&adid.0]))
}
/// What the temporary credit of a visitor falls back to.
pub fn fallback(adid: Adid) -> Key {
    (Db::Hot, key(b'f', &[&adid.0]))
}
/// Prefix of all visitors.
pub fn visitor_prefix() -> Vec<u8> {
    vec![b'v']
}
/// Index of visitors by the hash of a device id.
pub fn visitor_by_device(hash: &[u8; 16]) -> Key {
    (Db::Hot, key(b'd', &[hash]))
}

/// A click or impression.
pub fn session(id: SessionId) -> Key {
    (Db::sessions(id.at_ms()), key(b's', &[&id.to_key()]))
}
/// Prefix of all sessions of a period.
pub fn session_prefix() -> Vec<u8> {
    vec![b's']
}
/// Sessions of a period from one time up to, not including, another.
pub fn sessions_between(from_ms: i64, to_ms: i64) -> KeyRange {
    between(b's', from_ms, to_ms)
}
/// The SID in a key of a session.
pub fn parse_session(key: &[u8]) -> Option<SessionId> {
    SessionId::from_key(family(key, b's', TimeId::KEY_LEN)?)
}
/// Index of sessions by a device id's hash.
pub fn session_by_device(hash: u64, id: SessionId) -> Key {
    (
        Db::sessions(id.at_ms()),
        key(b'd', &[&hash.to_be_bytes(), &id.to_key()]),
    )
}
/// Sessions of a device in a period, from one time up to and including another.
pub fn device_between(hash: u64, from_ms: i64, to_ms: i64) -> KeyRange {
    index_between(b'd', hash, from_ms, to_ms)
}
/// Sessions of a fingerprint in a period, from one time up to and including another.
pub fn fingerprint_between(hash: u64, from_ms: i64, to_ms: i64) -> KeyRange {
    index_between(b'p', hash, from_ms, to_ms)
}
fn index_between(of: u8, hash: u64, from_ms: i64, to_ms: i64) -> KeyRange {
    let at = |ms| key(of, &[&hash.to_be_bytes(), &TimeId::floor(ms).to_key()]);
    KeyRange::new(at(from_ms), at(to_ms.saturating_add(1)))
}
/// Index of sessions by the hash of what a probabilistic match compares.
pub fn session_by_fingerprint(hash: u64, id: SessionId) -> Key {
    (
        Db::sessions(id.at_ms()),
        key(b'p', &[&hash.to_be_bytes(), &id.to_key()]),
    )
}
/// Index of sessions by the hash of offer and partner click id.
pub fn session_by_click_id(hash: &[u8; 16], id: SessionId) -> Key {
    (Db::sessions(id.at_ms()), key(b'k', &[hash, &id.to_key()]))
}
/// Prefix of the sessions of a partner click id in a period.
pub fn click_id_prefix(hash: &[u8; 16]) -> Vec<u8> {
    key(b'k', &[hash])
}
/// The SID at the end of a key of the three indexes of sessions.
pub fn parse_session_index(key: &[u8]) -> Option<SessionId> {
    let (head, id) = tail::<{ TimeId::KEY_LEN }>(key)?;
    matches!(
        (head.first(), head.len()),
        (Some(b'd' | b'p'), 9) | (Some(b'k'), 17)
    )
    .then(|| SessionId::from_key(&id))
    .flatten()
}

/// An activity.
pub fn activity(id: ActivityId) -> Key {
    (Db::activities(id.at_ms()), key(b'a', &[&id.to_key()]))
}
/// Prefix of all activities of a period.
pub fn activity_prefix() -> Vec<u8> {
    vec![b'a']
}
/// Activities of a period from one time of receipt up to, not including, another.
pub fn activities_between(from_ms: i64, to_ms: i64) -> KeyRange {
    between(b'a', from_ms, to_ms)
}
/// The id in a key of an activity.
pub fn parse_activity(key: &[u8]) -> Option<ActivityId> {
    ActivityId::from_key(family(key, b'a', TimeId::KEY_LEN)?)
}
/// Index of activities by session; it lies in the period of the activity.
pub fn activity_by_session(session: SessionId, id: ActivityId) -> Key {
    (
        Db::activities(id.at_ms()),
        key(b's', &[&session.to_key(), &id.to_key()]),
    )
}
/// Prefix of the activities of a session in a period.
pub fn activities_of_session_prefix(session: SessionId) -> Vec<u8> {
    key(b's', &[&session.to_key()])
}
/// Index of activities by visitor.
pub fn activity_by_visitor(hash: u64, id: ActivityId) -> Key {
    (
        Db::activities(id.at_ms()),
        key(b'v', &[&hash.to_be_bytes(), &id.to_key()]),
    )
}
/// Prefix of the activities of a visitor in a period.
pub fn activities_of_visitor_prefix(hash: u64) -> Vec<u8> {
    key(b'v', &[&hash.to_be_bytes()])
}
/// Index of activities by order number.
pub fn activity_by_order(hash: u64, id: ActivityId) -> Key {
    (
        Db::activities(id.at_ms()),
        key(b'o', &[&hash.to_be_bytes(), &id.to_key()]),
    )
}
/// Prefix of the activities with an order number in a period.
pub fn activities_of_order_prefix(hash: u64) -> Vec<u8> {
    key(b'o', &[&hash.to_be_bytes()])
}
/// The activity at the end of a key of the three indexes of activities.
pub fn parse_activity_index(key: &[u8]) -> Option<ActivityId> {
    let (head, id) = tail::<{ TimeId::KEY_LEN }>(key)?;
    matches!(
        (head.first(), head.len()),
        (Some(b's'), 12) | (Some(b'v' | b'o'), 9)
    )
    .then(|| ActivityId::from_key(&id))
    .flatten()
}

/// A settled postback.
pub fn postback(id: PostbackId) -> Key {
    (Db::postbacks(id.at_ms()), key(b'p', &[&id.to_key()]))
}
/// Prefix of all settled postbacks of a period.
pub fn postback_prefix() -> Vec<u8> {
    vec![b'p']
}
/// Settled postbacks of a period from one time of acceptance up to, not including, another.
pub fn postbacks_between(from_ms: i64, to_ms: i64) -> KeyRange {
    between(b'p', from_ms, to_ms)
}
/// The id in a key of a settled postback.
pub fn parse_postback(key: &[u8]) -> Option<PostbackId> {
    PostbackId::from_key(family(key, b'p', TimeId::KEY_LEN)?)
}
/// An attempt of a postback; it lies in the period of the postback.
pub fn attempt(id: PostbackId, number: u16) -> Key {
    (
        Db::postbacks(id.at_ms()),
        key(b't', &[&id.to_key(), &number.to_be_bytes()]),
    )
}
/// Prefix of the attempts of a postback.
pub fn attempts_prefix(id: PostbackId) -> Vec<u8> {
    key(b't', &[&id.to_key()])
}
/// Postback and number of a key of an attempt.
pub fn parse_attempt(key: &[u8]) -> Option<(PostbackId, u16)> {
    let (id, number) = family(key, b't', TimeId::KEY_LEN + 2)?.split_first_chunk::<{ TimeId::KEY_LEN }>()?;
    Some((
        PostbackId::from_key(id)?,
        u16::from_be_bytes(number.try_into().ok()?),
    ))
}
/// Index of the postbacks of a click, whose activity is its session.
pub fn postback_by_session(session: SessionId, id: PostbackId) -> Key {
    (
        Db::postbacks(id.at_ms()),
        key(b'c', &[&session.to_key(), &id.to_key()]),
    )
}
/// Prefix of the postbacks of a click in a period.
pub fn postbacks_of_session_prefix(session: SessionId) -> Vec<u8> {
    key(b'c', &[&session.to_key()])
}
/// The postback at the end of a key of the index by click.
pub fn parse_postback_by_session(key: &[u8]) -> Option<PostbackId> {
    let rest = family(key, b'c', 2 * TimeId::KEY_LEN)?;
    PostbackId::from_key(&rest[TimeId::KEY_LEN..])
}

fn between(of: u8, from_ms: i64, to_ms: i64) -> KeyRange {
    let at = |ms| key(of, &[&TimeId::floor(ms).to_key()]);
    KeyRange::new(at(from_ms), at(to_ms))
}
