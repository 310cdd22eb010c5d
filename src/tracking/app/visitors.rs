//! Visitors in the store: found by `adid` or any device id, in the order of trust.

use super::Case;
use crate::domain::attribution::Windows;
use crate::domain::visitor::{Adid, Credited, Fallback, Visitor, device_hash};
use crate::recorder::Group;
use crate::store::{StoreError, codec, keys};

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
    for (name, value) in &case.request.ids {
        let at = keys::visitor_by_device(&device_hash(&case.offer.id, case.request.is_test, name, value));
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
    for (name, value) in learnt {
        let hash = device_hash(&visitor.offer, visitor.is_test, name, value);
        group.put(keys::visitor_by_device(&hash), visitor.adid.0.to_vec());
    }
    group.put(keys::visitor(visitor.adid), codec::encode_visitor(visitor)?);
    Ok(())
}

/// Removes a visitor and what finds it.
pub(in crate::tracking) fn remove(visitor: &Visitor, group: &mut Group<'_>) {
    for (name, value) in &visitor.ids {
        group.delete(keys::visitor_by_device(&device_hash(
            &visitor.offer,
            visitor.is_test,
            name,
            value,
        )));
    }
    group.delete(keys::fallback(visitor.adid));
    group.delete(keys::visitor(visitor.adid));
}

/// Whether the device asked to be forgotten, by any of its ids.
pub(super) fn is_forgotten(case: &Case<'_>, group: &Group<'_>) -> Result<bool, StoreError> {
    for hash in hashes(case, &case.request.ids) {
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
    let of_visitor = adid.map(|adid| adid.0);
    for hash in hashes(case, ids).into_iter().chain(of_visitor) {
        group.put(keys::forgotten(&hash), at.clone());
    }
}

fn hashes(case: &Case<'_>, ids: &[(String, String)]) -> Vec<[u8; 16]> {
    let of_ids = ids
        .iter()
        .map(|(name, value)| device_hash(&case.offer.id, case.request.is_test, name, value));
    of_ids.chain(case.request.adid.map(|adid| adid.0)).collect()
}
