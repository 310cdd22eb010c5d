//! Every database, family, key and index in one catalogue. Pure: bytes in, bytes out.
//!
//! A key is one family byte and fixed-width big-endian parts, so that byte order is the order a reader asks
//! for. Times are unix milliseconds as 8 bytes, ids are the 11 bytes of [`TimeId::to_key`](crate::domain::ids::TimeId::to_key); a text that is
//! not last is length-prefixed. Family `00` is the engine's own.
//!
//! | database | family | key after the family byte | value |
//! | --- | --- | --- | --- |
//! | hot | `c` | kind byte, id as text (`o` offer, `p` partner, `l` link, `r` rule, `u` user, `t` token, `s` settings (no id), `g` login, `f` proof link) | JSON |
//! | hot | `u` | 16-byte hash of what is known once | [`Duplicate`](super::codec::Duplicate), [`CostReport`](super::codec::CostReport), [`Recredit`](super::codec::Recredit), [`SentEvent`](super::codec::SentEvent), [`SentAdRevenue`](super::codec::SentAdRevenue), [`ApplePostback`](super::codec::ApplePostback), [`GoodNetwork`](super::codec::GoodNetwork): one layout |
//! | hot | `w` | postback id | waiting `Postback` |
//! | hot | `x` | postback id | `FailReason`: index of failed postbacks |
//! | hot | `s` | bucket (4 bytes), offer, link, event (each 1 byte length + text; length 0: none), dimension byte (a capital: sandbox), text to the end | `Counters` |
//! | hot | `i` | 16-byte hash | [`Idempotency`](super::codec::Idempotency) |
//! | hot | `a` | due_at_ms, activity id | empty: approvals due |
//! | hot | `l` | time id | JSON: audit log |
//! | hot | `n` | name as text | bytes or JSON: values of the instance; `removed-link/` and a token: JSON of the link; `decision/` and a time id, `decision-part/` and a time id, `/`, 5 digits, `order-columns/` and an offer, `stream_cursor`, `erased-now/` and 6 digits, `erase-again/` and 6 digits: JSON |
//! | hot | `g` | 16-byte hash | [`ForgottenAt`](super::codec::ForgottenAt): forgotten visitors |
//! | hot | `h` | 8-byte hash of a network, 16-byte hash of a device | JSON: erasures that nobody proved, waiting |
//! | hot | `e` | postback id | empty: postbacks whose text goes once they are delivered |
//! | hot | `m` | link (1 byte length + text), 8-byte hash of campaign, adgroup and creative | empty: names known below a link |
//! | hot | `v` | adid (16 bytes) | `Visitor` |
//! | hot | `f` | adid (16 bytes) | `Fallback`: what a temporary credit falls back to |
//! | hot | `d` | 16-byte hash of a device id | adid: index of visitors |
//! | hot | `r` | partner (1 byte length + text), month (4 bytes), version (2 bytes) | JSON: a closed statement |
//! | hot | `q` | partner, month, version, part (2 bytes) | JSON: lines of a closed statement |
//! | hot | `b` | activity id | JSON: what closed statements say of a conversion |
//! | hot | `k` | partner, activity id | empty: conversions that changed since they stood in a closed statement |
//! | hot | `o` | feed byte (`s` stream, `e` export), generation (4 bytes), id, kind byte (`s`, `a`, `p`) | empty: records that came behind the mark of a feed |
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

mod check;
mod feeds;
mod hot;
mod periods;
mod statements;

pub use super::database::{Db, KeyRange, Period, PeriodKind};
pub use check::check;
pub use feeds::*;
pub use hot::*;
pub use periods::*;
pub use statements::*;

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
