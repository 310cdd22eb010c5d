//! Keys of the hot database.

use super::super::catalog::ConfigObject;
use super::super::codec::{
    ApplePostback, CostReport, DeliveryPause, Duplicate, ForgottenAt, GoodNetwork, Idempotency, Recredit,
    SentAdRevenue, SentEvent,
};
use super::super::records::{Key, Record};
use super::{Db, KeyRange, family, key, ms, tail};
use crate::domain::account::{AuditEntry, Login};
use crate::domain::duplicates;
use crate::domain::erased::Erased;
use crate::domain::held_erasure::HeldErasure;
use crate::domain::ids::{
    ActivityId, EventToken, LinkToken, OfferId, PartnerId, PostbackId, SessionId, TimeId,
};
use crate::domain::link::Link;
use crate::domain::postback::{FailReason, Postback};
use crate::domain::proof::Proof;
use crate::domain::stats::{Bucket, Counters, Dimension, Environment, StatKey};
use crate::domain::visitor::{Adid, Fallback, Visitor};
use std::str::FromStr;

/// Beginning of the names of what a commit erased.
pub const ERASED_NOW: &str = "erased-now/";
/// Beginning of the names of what is to be erased once more.
const ERASE_AGAIN: &str = "erase-again/";

/// A configuration object: kind byte as in the table above, id as text (empty for the settings).
pub fn config(kind: u8, id: &str) -> Key<ConfigObject> {
    config_key(kind, id)
}
fn config_key<T>(kind: u8, id: &str) -> Key<T> {
    Key::new(Db::Hot, key(b'c', &[&[kind], id.as_bytes()]))
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
pub fn login(id: &str) -> Key<Login> {
    config_key(b'g', id)
}

/// A proof link, by the text of its id (a hash of its token).
pub fn proof(id: &str) -> Key<Proof> {
    config_key(b'f', id)
}
/// Prefix of all proof links.
pub fn proof_prefix() -> Vec<u8> {
    config_prefix(b'f')
}

/// What an activity counted once is known by: order number, visitor, session.
pub fn duplicate(hash: &[u8; 16]) -> Key<Duplicate> {
    Key::new(Db::Hot, key(b'u', &[hash]))
}
/// Prefix of all duplicate keys.
pub fn duplicate_prefix() -> Vec<u8> {
    vec![b'u']
}

/// The newest report of what an engagement cost.
pub fn cost_report(of: SessionId) -> Key<CostReport> {
    pointer(&[b"cost-report", &of.to_key()])
}
/// The update that moved the counters of a conversion last.
pub fn recredit(of: ActivityId) -> Key<Recredit> {
    pointer(&[b"recredit", &of.to_key()])
}
/// An event of a device, by the time that its request named and the hash of all that it said.
pub fn sent_event(device: Adid, sent_ms: i64, said: u64) -> Key<SentEvent> {
    pointer(&[b"event", &device.0, &sent_ms.to_be_bytes(), &said.to_be_bytes()])
}
/// Ad revenue of a device, likewise.
pub fn sent_ad_revenue(device: Adid, sent_ms: i64, said: u64) -> Key<SentAdRevenue> {
    pointer(&[
        b"ad-revenue",
        &device.0,
        &sent_ms.to_be_bytes(),
        &said.to_be_bytes(),
    ])
}
/// A postback of Apple's, by what names it.
pub fn apple_postback(is_test: bool, app_id: &str, transaction: &str, sequence: &str) -> Key<ApplePostback> {
    pointer(&[
        if is_test { b"apple-test" } else { b"apple" },
        app_id.as_bytes(),
        transaction.as_bytes(),
        sequence.as_bytes(),
    ])
}
/// A network that a conversion came from which counted lately.
pub fn good_network(network: std::net::IpAddr) -> Key<GoodNetwork> {
    pointer(&[b"good-network", network.to_string().as_bytes()])
}
/// A key of the family of duplicate keys, for something else that happens once.
fn pointer<T>(parts: &[&[u8]]) -> Key<T> {
    Key::new(Db::Hot, key(b'u', &[&duplicates::hash(parts)]))
}

/// A postback that waits for its delivery.
pub fn waiting(id: PostbackId) -> Key<Postback> {
    Key::new(Db::Hot, key(b'w', &[&id.to_key()]))
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
pub fn failed(id: PostbackId) -> Key<FailReason> {
    Key::new(Db::Hot, key(b'x', &[&id.to_key()]))
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
pub fn stat(stat: &StatKey) -> Key<Counters> {
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
    Key::new(Db::Hot, bytes)
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
pub fn idempotency(hash: &[u8; 16]) -> Key<Idempotency> {
    Key::new(Db::Hot, key(b'i', &[hash]))
}
/// Prefix of all idempotency keys.
pub fn idempotency_prefix() -> Vec<u8> {
    vec![b'i']
}

/// An approval that is due at a time.
pub fn approval(due_at_ms: i64, id: ActivityId) -> Key<()> {
    Key::new(Db::Hot, key(b'a', &[&ms(due_at_ms), &id.to_key()]))
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
pub fn audit(id: TimeId) -> Key<AuditEntry> {
    Key::new(Db::Hot, key(b'l', &[&id.to_key()]))
}
/// Prefix of the audit log.
pub fn audit_prefix() -> Vec<u8> {
    vec![b'l']
}
/// The id in a key of the audit log.
pub fn parse_audit(key: &[u8]) -> Option<TimeId> {
    TimeId::from_key(family(key, b'l', TimeId::KEY_LEN)?)
}

/// A value of the instance, by its name.
pub fn instance<T: Record>(name: &str) -> Key<T> {
    Key::new(Db::Hot, key(b'n', &[name.as_bytes()]))
}
/// What the commit that holds it erased, in parts: the next one that erases replaces it.
pub fn erased_now(part: usize) -> Key<Erased> {
    instance(&format!("{ERASED_NOW}{part:06}"))
}
/// Whether a key is one of these.
pub fn is_erased_now(at: &[u8]) -> bool {
    at.strip_prefix(b"n")
        .is_some_and(|name| name.starts_with(ERASED_NOW.as_bytes()))
}
/// What is to be erased once more, after a restore.
pub fn erase_again(n: usize) -> Key<Erased> {
    instance(&format!("{ERASE_AGAIN}{n:06}"))
}
/// Prefix of all that is to be erased once more.
pub fn erase_again_prefix() -> Vec<u8> {
    key(b'n', &[ERASE_AGAIN.as_bytes()])
}
/// Whether delivery is paused, and since when.
pub fn delivery_pause() -> Key<DeliveryPause> {
    instance("delivery_pause")
}
/// A link that was removed, so that what it brought in still has its partner.
pub fn removed_link(token: &LinkToken) -> Key<Link> {
    Key::new(Db::Hot, key(b'n', &[REMOVED_LINK, token.as_str().as_bytes()]))
}
/// Prefix of all removed links.
pub fn removed_link_prefix() -> Vec<u8> {
    key(b'n', &[REMOVED_LINK])
}
const REMOVED_LINK: &[u8] = b"removed-link/";
/// What an operator decided about many conversions at once.
pub fn decision<T: Record>(id: TimeId) -> Key<T> {
    instance(&format!("decision/{id}"))
}
/// Prefix of all such decisions, the oldest first.
pub fn decision_prefix() -> Vec<u8> {
    key(b'n', &[b"decision/"])
}
/// A part of the changes that a decision made, by its number.
pub fn decision_part<T: Record>(id: TimeId, part: u16) -> Key<T> {
    instance(&format!("decision-part/{id}/{part:05}"))
}
/// Prefix of the parts of a decision.
pub fn decision_parts_prefix(id: TimeId) -> Vec<u8> {
    key(b'n', &[format!("decision-part/{id}/").as_bytes()])
}
/// How the columns of an offer's shop were read the last time.
pub fn order_columns<T: Record>(offer: &OfferId) -> Key<T> {
    instance(&format!("order-columns/{offer}"))
}
/// Who the payout statements of a partner were sent to the last time.
pub fn statement_recipients<T: Record>(partner: &PartnerId) -> Key<T> {
    instance(&format!("statement-recipients/{partner}"))
}
/// A visitor that asked to be forgotten.
pub fn forgotten(hash: &[u8; 16]) -> Key<ForgottenAt> {
    Key::new(Db::Hot, key(b'g', &[hash]))
}
/// Prefix of all visitors that did.
pub fn forgotten_prefix() -> Vec<u8> {
    vec![b'g']
}

/// An erasure that nobody proved, by the hashes of the network that asked and of the device.
pub fn held_erasure(network: u64, device: &[u8; 16]) -> Key<HeldErasure> {
    Key::new(Db::Hot, key(b'h', &[&network.to_be_bytes(), device]))
}
/// Prefix of all erasures that wait.
pub fn held_erasure_prefix() -> Vec<u8> {
    vec![b'h']
}
/// Prefix of those of one network.
pub fn held_erasures_of_prefix(network: u64) -> Vec<u8> {
    key(b'h', &[&network.to_be_bytes()])
}
/// How many erasures wait, big-endian.
pub fn held_erasure_count() -> Key<[u8; 8]> {
    instance("held_erasures")
}
/// The name of an erasure that waits: 48 hexadecimal digits.
pub fn name_of_held_erasure(key: &[u8]) -> Option<String> {
    let rest = family(key, b'h', HELD_ERASURE_LEN)?;
    Some(rest.iter().map(|byte| format!("{byte:02x}")).collect())
}
/// The erasure of a name.
pub fn held_erasure_named(name: &str) -> Option<Key<HeldErasure>> {
    let is_name = name.len() == 2 * HELD_ERASURE_LEN && name.bytes().all(|b| b.is_ascii_hexdigit());
    let digit = |at: usize| u8::from_str_radix(name.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = is_name
        .then(|| (0..name.len()).step_by(2).map(digit).collect())
        .flatten();
    Some(Key::new(Db::Hot, key(b'h', &[&bytes?])))
}
const HELD_ERASURE_LEN: usize = 24;

/// A postback whose text is erased once it is delivered.
pub fn to_scrub(id: PostbackId) -> Key<()> {
    Key::new(Db::Hot, key(b'e', &[&id.to_key()]))
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
pub fn link_name(link: &LinkToken, hash: u64) -> Key<()> {
    let text = link.as_str();
    // Tokens have at most 32 characters (`domain::ids`).
    let len = u8::try_from(text.len()).unwrap_or(u8::MAX);
    Key::new(
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
    let mut key = link_name(link, 0).1;
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
pub fn visitor(adid: Adid) -> Key<Visitor> {
    Key::new(Db::Hot, key(b'v', &[&adid.0]))
}
/// What the temporary credit of a visitor falls back to.
pub fn fallback(adid: Adid) -> Key<Fallback> {
    Key::new(Db::Hot, key(b'f', &[&adid.0]))
}
/// Prefix of all visitors.
pub fn visitor_prefix() -> Vec<u8> {
    vec![b'v']
}
/// Index of visitors by the hash of a device id.
pub fn visitor_by_device(hash: &[u8; 16]) -> Key<Adid> {
    Key::new(Db::Hot, key(b'd', &[hash]))
}
