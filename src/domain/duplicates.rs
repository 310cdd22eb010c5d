//! When two conversions are one (重複成果), and when two requests are one (`Idempotency-Key`).
//!
//! A conversion has at most one key: 16 bytes, the beginning of SHA-256 over length-prefixed parts, so that
//! no choice of order numbers and visitors can make two meanings meet. The recorder looks the key up,
//! [`decide`]s, and writes it with the first conversion.
//!
//! 2026-11-21: this lives in the domain, not in `tracking`, because the recorder decides it, after the
//! session and with it the visitor are known.
//!
//! 2026-11-21: an order number compared over all offers (全体) meets only those of events that are set to
//! all offers too; within one offer it is compared per event, since one member number may rightly pass
//! several 成果地点.

use super::activity::{RefusalReason, Verdict};
use super::ids::{ActivityId, EventToken, OfferId, SessionId};
use super::money::Money;
use super::offer::{DuplicateBy, DuplicatePolicy, DuplicateScope};
use aws_lc_rs::digest::{SHA256, digest};

const DAY_MS: i64 = 86_400_000;

/// Within which time the same session, event and amount are the same sale, milliseconds: a page that is loaded again, or that
/// reports what the server reports too.
pub const SAME_SALE_MS: i64 = 10 * 60 * 1000;

/// How long an `Idempotency-Key` is remembered: 24 h.
pub const IDEMPOTENCY_TTL_MS: i64 = DAY_MS;

/// A 16-byte hash.
pub type Hash = [u8; 16];

/// What of a conversion can make it the same as another.
#[derive(Debug, Clone, Copy)]
pub struct Conversion<'a> {
    /// Its offer.
    pub offer: &'a OfferId,
    /// Its event.
    pub event: &'a EventToken,
    /// The session that it is credited to.
    pub session: Option<SessionId>,
    /// TUID or `adid`; empty when unknown.
    pub visitor: &'a str,
    /// Order number; empty when none was sent.
    pub uid1: &'a str,
    /// What it is worth.
    pub money: Option<Money>,
    /// The order number was a variable that nobody filled.
    pub is_unfilled: bool,
}

/// The key of a conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DuplicateKey {
    /// What is looked up.
    pub hash: Hash,
    /// The reason that a duplicate is refused with.
    pub reason: RefusalReason,
    /// What it has in common with a report of the same sale that has an order number where it has none, or the other
    /// way round; counts for [`SAME_SALE_MS`].
    pub sale: Option<Hash>,
    /// Within which time a second conversion is the first one again, milliseconds.
    pub within_ms: i64,
    /// Unix milliseconds from which on the stored key may be forgotten.
    pub expires_at_ms: i64,
}

/// The conversion that holds a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct First {
    /// Its id.
    pub activity: ActivityId,
    /// When it came, unix milliseconds.
    pub at_ms: i64,
}

/// The key of a conversion under a policy; `None` when nothing can make it a duplicate.
pub fn key(policy: &DuplicatePolicy, conversion: &Conversion<'_>, now_ms: i64) -> Option<DuplicateKey> {
    let uid = || by_uid(policy.scope, conversion);
    let session = || by_session(conversion);
    let days_ms = i64::from(policy.days) * DAY_MS;
    let (hash, reason, within_ms) = match (policy.by, conversion.is_unfilled) {
        (DuplicateBy::Uid | DuplicateBy::Default, true) => Some((
            by_amount(conversion)?,
            RefusalReason::DuplicateSession,
            SAME_SALE_MS,
        )),
        (by, _) => {
            let found = match by {
                DuplicateBy::Never => None,
                DuplicateBy::Uid => uid(),
                DuplicateBy::Session => session(),
                DuplicateBy::Visitor => by_visitor(conversion),
                DuplicateBy::Default => uid().or_else(session),
            };
            found.map(|(hash, reason)| (hash, reason, days_ms))
        }
    }?;
    Some(DuplicateKey {
        hash,
        reason,
        sale: (policy.by == DuplicateBy::Default)
            .then(|| by_amount(conversion))
            .flatten(),
        within_ms,
        expires_at_ms: now_ms.saturating_add(within_ms),
    })
}

/// Whether a conversion counts, given who holds its key. The time is that of the policy today, so a policy that was
/// shortened counts at once.
pub fn decide(key: &DuplicateKey, first: Option<First>, now_ms: i64) -> Verdict {
    match first {
        Some(first) if now_ms < first.at_ms.saturating_add(key.within_ms) => Verdict::Duplicate {
            of: first.activity,
            reason: key.reason,
        },
        _ => Verdict::Accepted,
    }
}

fn by_uid(scope: DuplicateScope, c: &Conversion<'_>) -> Option<(Hash, RefusalReason)> {
    let uid = c.uid1.trim();
    if uid.is_empty() {
        return None;
    }
    let hash = match scope {
        DuplicateScope::Offer => hash(&[
            b"uid",
            c.offer.as_str().as_bytes(),
            c.event.as_str().as_bytes(),
            uid.as_bytes(),
        ]),
        DuplicateScope::All => hash(&[b"uid-all", uid.as_bytes()]),
    };
    Some((hash, RefusalReason::DuplicateUid))
}

fn by_session(c: &Conversion<'_>) -> Option<(Hash, RefusalReason)> {
    let session = c.session?;
    let hash = hash(&[b"session", &session.to_key(), c.event.as_str().as_bytes()]);
    Some((hash, RefusalReason::DuplicateSession))
}

fn by_visitor(c: &Conversion<'_>) -> Option<(Hash, RefusalReason)> {
    if c.visitor.is_empty() {
        return None;
    }
    let hash = hash(&[
        b"visitor",
        c.offer.as_str().as_bytes(),
        c.event.as_str().as_bytes(),
        c.visitor.as_bytes(),
    ]);
    Some((hash, RefusalReason::DuplicateVisitor))
}

/// The same session, event and amount.
fn by_amount(c: &Conversion<'_>) -> Option<Hash> {
    let session = c.session?;
    let money = c.money.map_or_else(String::new, |money| {
        format!("{} {}", money.amount_text(), money.currency)
    });
    Some(hash(&[
        b"unnumbered",
        &session.to_key(),
        c.event.as_str().as_bytes(),
        money.as_bytes(),
    ]))
}

/// Under which hash a session is found by the partner's click id.
pub fn click_id_hash(offer: &OfferId, click_id: &str) -> Hash {
    hash(&[b"click-id", offer.as_str().as_bytes(), click_id.as_bytes()])
}

/// Under which hash the `n`th sale of a click, an event and a day (days since 1970) is remembered that nobody vouches
/// for.
pub fn unproven_sale_hash(session: SessionId, event: &EventToken, day: i64, n: u32) -> Hash {
    hash(&[
        b"unproven-sale",
        &session.to_key(),
        event.as_str().as_bytes(),
        &day.to_be_bytes(),
        &n.to_be_bytes(),
    ])
}

/// Under which hash activities are found by an order number, whatever their offer. Few enough bytes that two
/// numbers may share one: the reader compares.
pub fn order_hash(uid: &str) -> u64 {
    let hash = hash(&[b"order", uid.as_bytes()]);
    hash.iter()
        .take(8)
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// Under which hash an `Idempotency-Key` is remembered. `kind` says how the caller is known and `who` which of those
/// it is; `of` is the offer or partner that it speaks for, `endpoint` the route.
pub fn idempotency_hash(kind: &str, who: &str, of: &str, endpoint: &str, key: &str) -> Hash {
    hash(&[
        b"scoped-idempotency",
        kind.as_bytes(),
        who.as_bytes(),
        of.as_bytes(),
        endpoint.as_bytes(),
        key.as_bytes(),
    ])
}

/// The form of versions before 2026-11-29: `caller` is the text of `Authorization` or, without one, the address.
pub fn unscoped_idempotency_hash(caller: &str, endpoint: &str, key: &str) -> Hash {
    hash(&[
        b"idempotency",
        caller.as_bytes(),
        endpoint.as_bytes(),
        key.as_bytes(),
    ])
}

/// Under which hash a signed request is remembered: over what was signed, and for whom.
pub fn signed_hash(of: &str, timestamp: &str, method: &str, path: &str, request: &Hash) -> Hash {
    hash(&[
        b"signed-request",
        of.as_bytes(),
        timestamp.as_bytes(),
        method.as_bytes(),
        path.as_bytes(),
        request,
    ])
}

/// What two requests under one key must have in common: the query and the body as sent.
pub fn request_hash(query: &[u8], body: &[u8]) -> Hash {
    hash(&[b"request", query, body])
}

/// What is remembered under an `Idempotency-Key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remembered {
    /// Of the request that was answered.
    pub request: Hash,
    /// Unix milliseconds.
    pub expires_at_ms: i64,
}

/// What an `Idempotency-Key` says of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idempotency {
    /// Not seen before, or forgotten.
    New,
    /// The same request: give the same answer.
    Same,
    /// Another request under the same key: 422.
    Conflict,
}

/// Judges a request under an `Idempotency-Key`.
pub fn judge_idempotency(remembered: Option<&Remembered>, request: &Hash, now_ms: i64) -> Idempotency {
    match remembered {
        Some(known) if now_ms < known.expires_at_ms => {
            if known.request == *request {
                Idempotency::Same
            } else {
                Idempotency::Conflict
            }
        }
        _ => Idempotency::New,
    }
}

/// The first 16 bytes of SHA-256 over the parts, each after its length (eight bytes, big-endian).
pub(crate) fn hash(parts: &[&[u8]]) -> Hash {
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    let mut hash = [0; 16];
    hash.copy_from_slice(&digest(&SHA256, &bytes).as_ref()[..16]);
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: i64 = 1_763_000_000_000;

    struct World {
        offers: [OfferId; 2],
        events: [EventToken; 2],
    }

    fn world() -> World {
        World {
            offers: ["offer1".parse().unwrap(), "offer2".parse().unwrap()],
            events: ["event1".parse().unwrap(), "event2".parse().unwrap()],
        }
    }

    fn policy(by: DuplicateBy, scope: DuplicateScope) -> DuplicatePolicy {
        DuplicatePolicy { by, days: 30, scope }
    }

    /// offer, event, session, visitor, uid1
    type Parts = (usize, usize, Option<u64>, &'static str, &'static str);

    fn key_of(policy: &DuplicatePolicy, world: &World, parts: Parts) -> Option<DuplicateKey> {
        let (offer, event, session, visitor, uid1) = parts;
        let conversion = Conversion {
            offer: &world.offers[offer],
            event: &world.events[event],
            session: session.map(|n| SessionId::new(NOW, n)),
            visitor,
            uid1,
            money: None,
            is_unfilled: false,
        };
        key(policy, &conversion, NOW)
    }

    #[test]
    fn what_makes_two_conversions_the_same() {
        use DuplicateBy as By;
        use DuplicateScope::{All, Offer};
        let world = world();
        let first: Parts = (0, 0, Some(1), "v", "order-1");
        for (by, scope, second, same) in [
            (By::Default, Offer, (0, 0, Some(2), "w", "order-1"), true),
            (By::Default, Offer, (0, 0, Some(1), "v", "order-2"), false),
            (By::Default, Offer, (0, 1, Some(1), "v", "order-1"), false),
            (By::Default, Offer, (1, 0, Some(1), "v", "order-1"), false),
            (By::Default, All, (1, 1, Some(2), "w", "order-1"), true),
            (By::Uid, Offer, (0, 0, Some(2), "w", " order-1 "), true),
            (By::Session, Offer, (0, 0, Some(1), "w", "order-2"), true),
            (By::Session, Offer, (0, 1, Some(1), "v", "order-1"), false),
            (By::Visitor, Offer, (0, 0, Some(2), "v", "order-2"), true),
            (By::Visitor, Offer, (1, 0, Some(2), "v", "order-2"), false),
        ] {
            let policy = policy(by, scope);
            let (one, two) = (key_of(&policy, &world, first), key_of(&policy, &world, second));
            assert_eq!(one.unwrap().hash == two.unwrap().hash, same, "{by:?} {second:?}");
        }
    }

    #[test]
    fn what_is_missing_makes_no_key() {
        use DuplicateBy as By;
        let world = world();
        for (by, parts, reason) in [
            (
                By::Default,
                (0, 0, Some(1), "v", ""),
                Some(RefusalReason::DuplicateSession),
            ),
            (By::Default, (0, 0, None, "v", " "), None),
            (By::Uid, (0, 0, Some(1), "v", ""), None),
            (By::Session, (0, 0, None, "v", "order-1"), None),
            (By::Visitor, (0, 0, Some(1), "", "order-1"), None),
            (By::Never, (0, 0, Some(1), "v", "order-1"), None),
        ] {
            let key = key_of(&policy(by, DuplicateScope::Offer), &world, parts);
            assert_eq!(key.map(|k| k.reason), reason, "{by:?} {parts:?}");
        }
    }

    #[test]
    fn within_the_days_only() {
        let policy = policy(DuplicateBy::Default, DuplicateScope::Offer);
        let key = key_of(&policy, &world(), (0, 0, Some(1), "v", "order-1")).unwrap();
        assert_eq!(key.expires_at_ms, NOW + 30 * DAY_MS);
        let activity = ActivityId::new(NOW, 7);
        let first = Some(First { activity, at_ms: NOW });
        let duplicate = Verdict::Duplicate {
            of: activity,
            reason: RefusalReason::DuplicateUid,
        };
        assert_eq!(decide(&key, None, NOW), Verdict::Accepted);
        assert_eq!(decide(&key, first, NOW + 30 * DAY_MS - 1), duplicate);
        assert_eq!(decide(&key, first, NOW + 30 * DAY_MS), Verdict::Accepted);
    }

    #[test]
    fn idempotency_keys() {
        let request = request_hash(b"", b"sid=1");
        let known = Remembered {
            request,
            expires_at_ms: NOW + IDEMPOTENCY_TTL_MS,
        };
        let other = request_hash(b"sid=1", b"");
        assert_eq!(judge_idempotency(None, &request, NOW), Idempotency::New);
        assert_eq!(judge_idempotency(Some(&known), &request, NOW), Idempotency::Same);
        assert_eq!(
            judge_idempotency(Some(&known), &other, NOW),
            Idempotency::Conflict
        );
        assert_eq!(
            judge_idempotency(Some(&known), &other, NOW + IDEMPOTENCY_TTL_MS),
            Idempotency::New
        );
        let first = idempotency_hash("token", "a", "o", "/cv", "k");
        for other in [
            idempotency_hash("address", "a", "o", "/cv", "k"),
            idempotency_hash("token", "b", "o", "/cv", "k"),
            idempotency_hash("token", "a", "p", "/cv", "k"),
            idempotency_hash("token", "a", "o", "/event", "k"),
            idempotency_hash("token", "a", "o", "/cv", "l"),
            unscoped_idempotency_hash("a", "/cv", "k"),
        ] {
            assert_ne!(first, other);
        }
    }

    proptest! {
        #[test]
        fn the_borders_of_parts_matter(a in "[a-z]{0,6}", b in "[a-z]{0,6}", c in "[a-z]{0,6}", d in "[a-z]{0,6}") {
            let same = (&a, &b) == (&c, &d);
            let hashes = hash(&[a.as_bytes(), b.as_bytes()]) == hash(&[c.as_bytes(), d.as_bytes()]);
            prop_assert_eq!(same, hashes);
        }
    }
}
