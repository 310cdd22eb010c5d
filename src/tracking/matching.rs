//! Finds the clicks and impressions that an app activity could be credited to: by index, newest first, with
//! a bound, so that the cost does not grow with what is stored.
//!
//! Only engagements of apps are indexed, and only by what they carry: device ids, plain or hashed, and
//! address with system and model. A hashed id on a click is found by the plain one of the app, which is
//! hashed here in the spellings that networks use (lower and upper case; MD5 and SHA-1).

use crate::domain::activity::MatchType;
use crate::domain::attribution::{Engagement, Windows};
use crate::domain::ids::{LinkToken, SessionId};
use crate::domain::offer::{Offer, OfferKind};
use crate::domain::session::{EngagementKind, Session};
use crate::domain::visitor::{cost_hash, engagement_hash, fingerprint};
use crate::recorder::Group;
use crate::store::codec::SessionBrief;
use crate::store::{Db, KeyRange, Period, PeriodKind, StoreError, codec, keys};
use aws_lc_rs::digest;
use md5::{Digest, Md5};
use std::fmt::Write;

/// Engagements that are looked at for one activity at most, the newest.
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
    let brief = codec::encode_brief(&SessionBrief::from(session))?;
    if let Some((_, cost_id)) = session
        .cost
        .iter()
        .find(|(name, id)| name == "cost_id" && !id.is_empty())
    {
        group.put(
            keys::session_by_device(cost_hash(cost_id), session.id),
            brief.clone(),
        );
    }
    if offer.kind != OfferKind::App || (session.is_automated() && !offer.count_bots) {
        return Ok(());
    }
    for (name, value) in session.device_ids.iter().take(MOST_INDEXED) {
        let hash = engagement_hash(&offer.id, &canonical(name), value);
        group.put(keys::session_by_device(hash, session.id), brief.clone());
    }
    let device = &session.device;
    if session.ip_hash != 0 && !device.os_name.is_empty() && offer.attribution.probabilistic != Some(false) {
        let hash = fingerprint(&offer.id, session.ip_hash, &device.os_name, &device.device_name);
        group.put(keys::session_by_fingerprint(hash, session.id), brief);
    }
    Ok(())
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
    for (name, value) in subject.ids {
        for (name, value) in forms(name, value) {
            let hash = engagement_hash(&offer.id, &name, &value);
            let range = |from, to| keys::device_between(hash, from, to);
            search(
                offer,
                MatchType::DeviceTag,
                from_ms,
                at_ms,
                range,
                group,
                &mut found,
            )?;
        }
    }
    if subject.ip_hash != 0 {
        for (os_name, model) in &subject.devices {
            let hash = fingerprint(&offer.id, subject.ip_hash, os_name, model);
            let range = |from, to| keys::fingerprint_between(hash, from, to);
            search(
                offer,
                MatchType::Probabilistic,
                from_ms,
                at_ms,
                range,
                group,
                &mut found,
            )?;
        }
    }
    Ok(found)
}

fn search(
    offer: &Offer,
    matched_by: MatchType,
    from_ms: i64,
    to_ms: i64,
    range: impl Fn(i64, i64) -> KeyRange,
    group: &Group<'_>,
    found: &mut Vec<Engagement>,
) -> Result<(), StoreError> {
    let newest = Period::from_ms(to_ms).0;
    let oldest = Period::from_ms(from_ms).0.max(newest.saturating_sub(MOST_MONTHS));
    for month in (oldest..=newest).rev() {
        let room = MOST_CANDIDATES.saturating_sub(found.len());
        if room == 0 {
            return Ok(());
        }
        let db = Db::Period(PeriodKind::Sessions, Period(month));
        for (key, value) in group.scan_back(db, range(from_ms, to_ms), room)? {
            let Some(sid) = keys::parse_session_index(&key) else {
                continue;
            };
            let brief = codec::decode_brief(&value, db, &key)?;
            found.push(engagement(sid, &brief, matched_by, offer, group));
        }
    }
    Ok(())
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
    let forms = ids.iter().flat_map(|(name, value)| forms(name, value));
    forms
        .map(|(name, value)| engagement_hash(&offer.id, &name, &value))
        .collect()
}

/// Removes what finds engagements by these device ids, in any form; gives the engagements, at most `most`, the
/// newest.
pub fn forget_ids(
    offer: &Offer,
    ids: &[(String, String)],
    most: usize,
    group: &mut Group<'_>,
) -> Result<Vec<SessionId>, StoreError> {
    let (now_ms, mut found) = (group.now_ms(), Vec::new());
    let newest = Period::from_ms(now_ms).0;
    for hash in engagement_hashes(offer, ids) {
        let range = keys::device_between(hash, 0, now_ms);
        for month in (newest.saturating_sub(MOST_MONTHS)..=newest).rev() {
            let db = Db::Period(PeriodKind::Sessions, Period(month));
            let room = most.saturating_sub(found.len());
            for (key, _) in group.scan_back(db, range.clone(), room)? {
                found.extend(keys::parse_session_index(&key));
                group.delete((db, key));
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
        group.delete(keys::session_by_fingerprint(hash, id));
    }
    Ok(())
}

/// The stored session of a SID.
pub fn load_session(sid: SessionId, group: &Group<'_>) -> Result<Option<Session>, StoreError> {
    let at = keys::session(sid);
    let record = group.get(at.0, &at.1)?;
    record
        .map(|record| codec::decode_session(&record, at.0, &at.1))
        .transpose()
}

/// One name for the spellings of a hashed id (`idfa_md5`, `idfa_lower_md5`, `idfa_md5_hex`): `idfa:md5`.
fn canonical(name: &str) -> String {
    let plain = name.strip_suffix("_hex").unwrap_or(name);
    for hash in ["md5", "sha1"] {
        if let Some(base) = plain.strip_suffix(hash).and_then(|base| base.strip_suffix('_')) {
            let base = base
                .strip_suffix("_lower")
                .or_else(|| base.strip_suffix("_upper"))
                .unwrap_or(base);
            return format!("{base}:{hash}");
        }
    }
    name.to_owned()
}

/// Every form under which a click can carry an id of the app: as it is, and hashed.
fn forms(name: &str, value: &str) -> Vec<(String, String)> {
    let own = canonical(name);
    if own != name {
        return vec![(own, value.to_owned())];
    }
    let mut forms = vec![(own, value.to_owned())];
    for spelling in [value.to_ascii_lowercase(), value.to_ascii_uppercase()] {
        let sha1 = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, spelling.as_bytes());
        forms.push((format!("{name}:md5"), hex(&Md5::digest(spelling.as_bytes()))));
        forms.push((format!("{name}:sha1"), hex(sha1.as_ref())));
    }
    forms
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            write!(text, "{byte:02x}").ok();
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashed_ids_meet_whatever_their_spelling() {
        for name in ["idfa_md5", "idfa_lower_md5", "idfa_upper_md5", "idfa_md5_hex"] {
            assert_eq!(canonical(name), "idfa:md5");
        }
        assert_eq!(canonical("android_id_upper_sha1"), "android_id:sha1");
        assert_eq!(canonical("gps_adid"), "gps_adid");
        let forms = forms("android_id", "9774d56d682e549c");
        let has = |name: &str, value: &str| forms.contains(&(name.to_owned(), value.to_owned()));
        assert!(has("android_id", "9774d56d682e549c"));
        assert!(has("android_id:md5", &hex(&Md5::digest(b"9774d56d682e549c"))));
        assert!(has("android_id:md5", &hex(&Md5::digest(b"9774D56D682E549C"))));
        assert_eq!(forms.len(), 5);
        assert_eq!(
            super::forms("idfa_md5", "ab"),
            vec![("idfa:md5".to_owned(), "ab".to_owned())]
        );
    }

    #[test]
    fn digests_are_the_published_ones() {
        let forms = forms("x", "abc");
        assert_eq!(forms[1].1, "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(forms[2].1, "a9993e364706816aba3e25717850c26c9cd0d89d");
    }
}
