//! Keys of the databases of periods.

use super::super::codec::SessionBrief;
use super::super::records::Key;
use super::{Db, KeyRange, family, key, tail};
use crate::domain::activity::Activity;
use crate::domain::ids::{ActivityId, PostbackId, SessionId, TimeId};
use crate::domain::postback::{Attempt, Postback};
use crate::domain::session::Session;

/// A click or impression.
pub fn session(id: SessionId) -> Key<Session> {
    Key::new(Db::sessions(id.at_ms()), key(b's', &[&id.to_key()]))
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
pub fn session_by_device(hash: u64, id: SessionId) -> Key<SessionBrief> {
    Key::new(
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
pub fn session_by_fingerprint(hash: u64, id: SessionId) -> Key<SessionBrief> {
    Key::new(
        Db::sessions(id.at_ms()),
        key(b'p', &[&hash.to_be_bytes(), &id.to_key()]),
    )
}
/// Index of sessions by the hash of offer and partner click id.
pub fn session_by_click_id(hash: &[u8; 16], id: SessionId) -> Key<()> {
    Key::new(Db::sessions(id.at_ms()), key(b'k', &[hash, &id.to_key()]))
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
pub fn activity(id: ActivityId) -> Key<Activity> {
    Key::new(Db::activities(id.at_ms()), key(b'a', &[&id.to_key()]))
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
pub fn activity_by_session(session: SessionId, id: ActivityId) -> Key<()> {
    Key::new(
        Db::activities(id.at_ms()),
        key(b's', &[&session.to_key(), &id.to_key()]),
    )
}
/// Prefix of the activities of a session in a period.
pub fn activities_of_session_prefix(session: SessionId) -> Vec<u8> {
    key(b's', &[&session.to_key()])
}
/// Index of activities by visitor.
pub fn activity_by_visitor(hash: u64, id: ActivityId) -> Key<()> {
    Key::new(
        Db::activities(id.at_ms()),
        key(b'v', &[&hash.to_be_bytes(), &id.to_key()]),
    )
}
/// Prefix of the activities of a visitor in a period.
pub fn activities_of_visitor_prefix(hash: u64) -> Vec<u8> {
    key(b'v', &[&hash.to_be_bytes()])
}
/// Index of activities by order number.
pub fn activity_by_order(hash: u64, id: ActivityId) -> Key<()> {
    Key::new(
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
pub fn postback(id: PostbackId) -> Key<Postback> {
    Key::new(Db::postbacks(id.at_ms()), key(b'p', &[&id.to_key()]))
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
pub fn attempt(id: PostbackId, number: u16) -> Key<Attempt> {
    Key::new(
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
pub fn postback_by_session(session: SessionId, id: PostbackId) -> Key<()> {
    Key::new(
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
