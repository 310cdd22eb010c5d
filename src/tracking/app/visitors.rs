//! Visitors in the store: found by `adid` or any device id, in the order of trust.

use super::Case;
use crate::domain::attribution::Windows;
use crate::domain::ids::OfferId;
use crate::domain::visitor::{Adid, Credited, Fallback, Visitor, device_hash};
use crate::recorder::Group;
use crate::store::{StoreError, codec, keys};
use crate::tracking::device_id;

/// The visitor that the request is about, credited as it is when the request happened.
pub(super) fn find(case: &Case<'_>, group: &Group<'_>) -> Result<Option<Visitor>, StoreError> {
    let Some(mut visitor) = look_up(case, group)? else {
        return Ok(None);
    };
    if let Some(fallback) = fallback(visitor.adid, group)? {
        visitor.fall_back(fallback, case.at_ms);
    }
    Ok(Some(visitor))
}

/// What the credit of a visitor falls back to, or fell, when it is or was a temporary one.
pub(super) fn fallback(adid: Adid, group: &Group<'_>) -> Result<Option<Fallback>, StoreError> {
    let at = keys::fallback(adid);
    let record = group.get(at.0, &at.1)?;
    record
        .map(|record| codec::decode_fallback(&record, at.0, &at.1))
        .transpose()
}

/// Notes what a credit given at `at_ms` falls back to, if its policy says that it does. `before` is the credit that
/// it took the place of.
pub(super) fn note_credit(
    adid: Adid,
    windows: &Windows,
    at_ms: i64,
    before: Credited,
    group: &mut Group<'_>,
) -> Result<(), StoreError> {
    let earlier = fallback(adid, group)?;
    let at = keys::fallback(adid);
    let is_known = earlier.is_some();
    match Fallback::of(windows, at_ms, before, earlier) {
        Some(fallback) => group.put(at, codec::encode_fallback(&fallback)?),
        None if is_known => group.delete(at),
        None => {}
    }
    Ok(())
}

fn look_up(case: &Case<'_>, group: &Group<'_>) -> Result<Option<Visitor>, StoreError> {
    if let Some(adid) = case.request.adid
        && let Some(visitor) = load(adid, group)?
        && visitor.offer == case.offer.id
        && visitor.is_test == case.request.is_test
    {
        return Ok(Some(visitor));
    }
    let ids = &case.request.ids;
    let known = ids
        .iter()
        .flat_map(|(name, value)| device_id::known_forms(name, value));
    // A visitor that is known only by a hash of the id comes last: most are found at once.
    let hashed = ids
        .iter()
        .flat_map(|(name, value)| device_id::forms(name, value).into_iter().skip(1));
    for (name, value) in known.chain(hashed) {
        let at = keys::visitor_by_device(&device_hash(&case.offer.id, case.request.is_test, &name, &value));
        let Some(bytes) = group.get(at.0, &at.1)? else {
            continue;
        };
        let Ok(adid) = <[u8; 16]>::try_from(bytes.as_slice()) else {
            continue;
        };
        if let Some(visitor) = load(Adid(adid), group)? {
            return Ok(Some(visitor));
        }
    }
    Ok(None)
}

fn load(adid: Adid, group: &Group<'_>) -> Result<Option<Visitor>, StoreError> {
    let at = keys::visitor(adid);
    let record = group.get(at.0, &at.1)?;
    record
        .map(|record| codec::decode_visitor(&record, at.0, &at.1))
        .transpose()
}

/// Writes a visitor, and the index of the ids that are new.
pub(super) fn save(
    visitor: &Visitor,
    learnt: &[(String, String)],
    group: &mut Group<'_>,
) -> Result<(), StoreError> {
    for hash in stored_hashes(&visitor.offer, visitor.is_test, learnt) {
        group.put(keys::visitor_by_device(&hash), visitor.adid.0.to_vec());
    }
    group.put(keys::visitor(visitor.adid), codec::encode_visitor(visitor)?);
    Ok(())
}

/// Removes a visitor and what finds it.
pub(in crate::tracking) fn remove(visitor: &Visitor, group: &mut Group<'_>) {
    for hash in stored_hashes(&visitor.offer, visitor.is_test, &visitor.ids) {
        group.delete(keys::visitor_by_device(&hash));
    }
    group.delete(keys::fallback(visitor.adid));
    group.delete(keys::visitor(visitor.adid));
}

/// Under which hashes a device is stored: by each of its ids, as it is and hashed.
fn stored_hashes(offer: &OfferId, is_test: bool, ids: &[(String, String)]) -> impl Iterator<Item = [u8; 16]> {
    ids.iter()
        .flat_map(|(name, value)| device_id::stored_forms(name, value))
        .map(move |(name, value)| device_hash(offer, is_test, &name, &value))
}

/// Whether the device asked to be forgotten, by any of its ids. A hashed id finds what was forgotten by the
/// plain one.
pub(super) fn is_forgotten(case: &Case<'_>, group: &Group<'_>) -> Result<bool, StoreError> {
    let (offer, is_test) = (&case.offer.id, case.request.is_test);
    let of_ids = case
        .request
        .ids
        .iter()
        .flat_map(|(name, value)| device_id::known_forms(name, value))
        .map(|(name, value)| device_hash(offer, is_test, &name, &value));
    for hash in of_ids.chain(case.request.adid.map(|adid| adid.0)) {
        let at = keys::forgotten(&hash);
        if group.get(at.0, &at.1)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Remembers, by hash alone, that the device asked to be forgotten.
pub(super) fn forget(case: &Case<'_>, ids: &[(String, String)], adid: Option<Adid>, group: &mut Group<'_>) {
    let at = group.now_ms().to_be_bytes().to_vec();
    let of_ids = stored_hashes(&case.offer.id, case.request.is_test, ids);
    let adids = [case.request.adid, adid].into_iter().flatten();
    for hash in of_ids.chain(adids.map(|adid| adid.0)) {
        group.put(keys::forgotten(&hash), at.clone());
    }
}
