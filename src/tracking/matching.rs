//! Finds the clicks and impressions that an app activity could be credited to: by index, newest first, with
//! a bound, so that the cost does not grow with what is stored.
//!
//! Only engagements of apps are indexed, and only by what they carry: device ids, plain or hashed, and
//! address with system and model. A hashed id on either side meets the plain one of the other
//! ([`device_id::forms`], [`device_id::stored_forms`]).
//!
//! * 2026-11-27: views have an index apart from clicks and each search a bound of its own. With one bound for
//!   all, a flood of impressions hid the click that a device really made.

use crate::domain::activity::MatchType;
use crate::domain::attribution::{Engagement, Windows};
use crate::domain::ids::{LinkToken, SessionId};
use crate::domain::offer::{Offer, OfferKind};
use crate::domain::session::{EngagementKind, Session};
use crate::domain::visitor::{cost_hash, engagement_hash, fingerprint};
use crate::recorder::Group;
use crate::store::codec::SessionBrief;
use crate::store::{Db, KeyRange, Period, PeriodKind, Record, StoreError, keys};
use crate::tracking::device_id;
use std::collections::{BTreeMap, BTreeSet};

/// Clicks, and views, of each way to match that are looked at for one activity at most, the newest.
pub const MOST_CANDIDATES: usize = 1000;
/// Device ids of one click that are indexed at most.
const MOST_INDEXED: usize = 8;
/// How far back a search goes at least: links may have longer windows than their offer.
const SEARCH_MS: i64 = 30 * 24 * 3_600_000;
/// Months that a search covers at most.
const MOST_MONTHS: u16 = 14;

/// What is known of the device that an activity comes from.
#[derive(Debug, Clone, Default)]
pub struct Subject<'a> {
    /// Device ids by name, normalised.
    pub ids: &'a [(String, String)],
    /// Session that the app names, and how it came to know it.
    pub named: Option<(SessionId, MatchType)>,
    /// Keyed hash of the address; 0 when unknown.
    pub ip_hash: u64,
    /// System and model, in each way that they are known.
    pub devices: Vec<(String, String)>,
}

/// Writes the index entries of an engagement.
pub fn write_indexes(session: &Session, offer: &Offer, group: &mut Group<'_>) -> Result<(), StoreError> {
    let brief = SessionBrief::from(session);
    if let Some((_, cost_id)) = session
        .cost
        .iter()
        .find(|(name, id)| name == "cost_id" && !id.is_empty())
    {
        group.save(keys::session_by_device(cost_hash(cost_id), session.id), &brief)?;
    }
    if offer.kind != OfferKind::App || (session.is_automated() && !offer.count_bots) {
        return Ok(());
    }
    let is_view = session.kind == EngagementKind::Impression;
    let forms = session.device_ids.iter().take(MOST_INDEXED);
    for (name, value) in forms.flat_map(|(name, value)| device_id::stored_forms(name, value)) {
        let hash = of_kind(engagement_hash(&offer.id, &name, &value), is_view);
        group.save(keys::session_by_device(hash, session.id), &brief)?;
    }
    let device = &session.device;
    if session.ip_hash != 0 && !device.os_name.is_empty() && offer.attribution.probabilistic != Some(false) {
        let hash = fingerprint(&offer.id, session.ip_hash, &device.os_name, &device.device_name);
        let hash = of_kind(hash, is_view);
        group.save(keys::session_by_fingerprint(hash, session.id), &brief)?;
    }
    Ok(())
}

/// The hash of clicks as it is, that of views apart from it.
fn of_kind(hash: u64, is_view: bool) -> u64 {
    // Any constant does: two hashes that differ by it are as unlikely as two that are equal.
    if is_view { hash ^ 0x7669_6577 } else { hash }
}

/// The newest engagements that match, each with the windows of its link, up to and including `at_ms`.
pub fn candidates(
    offer: &Offer,
    subject: &Subject<'_>,
    at_ms: i64,
    group: &Group<'_>,
) -> Result<Vec<Engagement>, StoreError> {
    let from_ms = at_ms - SEARCH_MS.max(Windows::resolve([&offer.attribution]).longest_ms());
    let mut found = Vec::new();
    if let Some((sid, matched_by)) = subject.named
        && let Some(session) = load_session(sid, group)?
        && session.offer == offer.id
    {
        found.push(engagement(
            sid,
            &SessionBrief::from(&session),
            matched_by,
            offer,
            group,
        ));
    }
    let devices = subject
        .ids
        .iter()
        .flat_map(|(name, value)| device_id::forms(name, value))
        .map(|(name, value)| engagement_hash(&offer.id, &name, &value))
        .collect();
    let fingerprints = subject
        .devices
        .iter()
        .filter(|_| subject.ip_hash != 0)
        .map(|(os_name, model)| fingerprint(&offer.id, subject.ip_hash, os_name, model))
        .collect();
    let ways: [(MatchType, Vec<u64>, Between); 2] = [
        (MatchType::DeviceTag, devices, keys::device_between),
        (MatchType::Probabilistic, fingerprints, keys::fingerprint_between),
    ];
    for (matched_by, hashes, between) in ways {
        for is_view in [false, true] {
            let ranges: Vec<KeyRange> = hashes
                .iter()
                .map(|hash| between(of_kind(*hash, is_view), from_ms, at_ms))
                .collect();
            let newest = search(&ranges, from_ms, at_ms, group)?.into_iter().rev();
            found.extend(newest.map(|(sid, brief)| engagement(sid, &brief, matched_by, offer, group)));
        }
    }
    Ok(found)
}

/// The range of keys of an index under a hash, from one time up to and including another.
type Between = fn(u64, i64, i64) -> KeyRange;

/// The newest engagements of an index, each once, at most [`MOST_CANDIDATES`].
fn search(
    ranges: &[KeyRange],
    from_ms: i64,
    to_ms: i64,
    group: &Group<'_>,
) -> Result<BTreeMap<SessionId, SessionBrief>, StoreError> {
    let mut found = BTreeMap::new();
    let newest = Period::from_ms(to_ms).0;
    let oldest = Period::from_ms(from_ms).0.max(newest.saturating_sub(MOST_MONTHS));
    for month in (oldest..=newest).rev() {
        if found.len() >= MOST_CANDIDATES {
            break;
        }
        let db = Db::Period(PeriodKind::Sessions, Period(month));
        for range in ranges {
            for (key, value) in group.scan_back(db, range.clone(), MOST_CANDIDATES)? {
                if let Some(sid) = keys::parse_session_index(&key) {
                    found.insert(sid, SessionBrief::decode(&value, db, &key)?);
                }
            }
        }
    }
    while found.len() > MOST_CANDIDATES {
        found.pop_first();
    }
    Ok(found)
}

fn engagement(
    id: SessionId,
    brief: &SessionBrief,
    matched_by: MatchType,
    offer: &Offer,
    group: &Group<'_>,
) -> Engagement {
    Engagement {
        id,
        at_ms: id.at_ms(),
        is_view: brief.kind == EngagementKind::Impression,
        link: brief.link.clone(),
        matched_by,
        is_automated: brief.is_automated && !offer.count_bots,
        is_test: brief.is_test,
        no_reattribution: brief.no_reattribution,
        windows: windows(offer, &brief.link, group),
    }
}

/// The windows in force for a link: its own, its partner's, its offer's. A link that is gone has the offer's.
pub fn windows(offer: &Offer, link: &LinkToken, group: &Group<'_>) -> Windows {
    let entry = group.catalog().links.get(link);
    let of_link = entry.map(|entry| &entry.link.attribution);
    let of_partner = entry
        .and_then(|entry| entry.partner.as_deref())
        .map(|partner| &partner.attribution);
    Windows::resolve(
        [of_link, of_partner, Some(&offer.attribution)]
            .into_iter()
            .flatten(),
    )
}

/// The newest engagement that carried a cost id, at most `within_ms` ago.
pub fn by_cost_id(
    cost_id: &str,
    now_ms: i64,
    within_ms: i64,
    group: &Group<'_>,
) -> Result<Option<Session>, StoreError> {
    let (from_ms, hash) = (now_ms - within_ms, cost_hash(cost_id));
    for month in (Period::from_ms(from_ms).0..=Period::from_ms(now_ms).0).rev() {
        let db = Db::Period(PeriodKind::Sessions, Period(month));
        let newest = group.scan_back(db, keys::device_between(hash, from_ms, now_ms), 1)?;
        if let Some(sid) = newest.first().and_then(|(key, _)| keys::parse_session_index(key)) {
            return load_session(sid, group);
        }
    }
    Ok(None)
}

/// Under which hashes engagements are found that carried one of these ids, as it is or hashed.
pub fn engagement_hashes(offer: &Offer, ids: &[(String, String)]) -> Vec<u64> {
    let forms = ids.iter().flat_map(|(name, value)| device_id::forms(name, value));
    forms
        .map(|(name, value)| engagement_hash(&offer.id, &name, &value))
        .flat_map(|hash| [of_kind(hash, false), of_kind(hash, true)])
        .collect()
}

/// Removes what finds engagements by these device ids, in any form; gives the engagements, at most `most` of
/// each form, the newest.
pub fn forget_ids(
    offer: &Offer,
    ids: &[(String, String)],
    most: usize,
    group: &mut Group<'_>,
) -> Result<BTreeSet<SessionId>, StoreError> {
    let (now_ms, mut found) = (group.now_ms(), BTreeSet::new());
    let newest = Period::from_ms(now_ms).0;
    for hash in engagement_hashes(offer, ids) {
        let (range, mut room) = (keys::device_between(hash, 0, now_ms), most);
        for month in (newest.saturating_sub(MOST_MONTHS)..=newest).rev() {
            let db = Db::Period(PeriodKind::Sessions, Period(month));
            for (key, _) in group.scan_back(db, range.clone(), room)? {
                room = room.saturating_sub(1);
                found.extend(keys::parse_session_index(&key));
                group.remove((db, key));
            }
        }
    }
    Ok(found)
}

/// Removes what finds an engagement by address, system and model.
pub fn forget_fingerprint(id: SessionId, group: &mut Group<'_>) -> Result<(), StoreError> {
    if let Some(session) = load_session(id, group)? {
        let device = &session.device;
        let hash = fingerprint(
            &session.offer,
            session.ip_hash,
            &device.os_name,
            &device.device_name,
        );
        let hash = of_kind(hash, session.kind == EngagementKind::Impression);
        group.remove(keys::session_by_fingerprint(hash, id));
    }
    Ok(())
}

/// The stored session of a SID.
pub fn load_session(sid: SessionId, group: &Group<'_>) -> Result<Option<Session>, StoreError> {
    group.load(&keys::session(sid))
}
