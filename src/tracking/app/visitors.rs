//! Visitors in the store: found by `adid` or any device id, in the order of trust.

use super::AppRequest;
use crate::domain::attribution::Windows;
use crate::domain::ids::OfferId;
use crate::domain::offer::Offer;
use crate::domain::visitor::{Adid, Credited, Fallback, Visitor, device_hash};
use crate::recorder::Group;
use crate::store::codec::ForgottenAt;
use crate::store::{StoreError, keys};
use crate::tracking::device_id;

/// The visitor that the request is about, credited as it is when the request happened.
pub(super) fn find(
    offer: &Offer,
    request: &AppRequest,
    at_ms: i64,
    group: &Group<'_>,
) -> Result<Option<Visitor>, StoreError> {
    let Some(mut visitor) = look_up(offer, request, group)? else {
        return Ok(None);
    };
    if let Some(fallback) = fallback(visitor.adid, group)? {
        visitor.fall_back(fallback, at_ms);
    }
    Ok(Some(visitor))
}

/// What the credit of a visitor falls back to, or fell, when it is or was a temporary one.
pub(super) fn fallback(adid: Adid, group: &Group<'_>) -> Result<Option<Fallback>, StoreError> {
    group.load(&keys::fallback(adid))
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
        Some(fallback) => group.save(at, &fallback)?,
        None if is_known => group.remove(at),
        None => {}
    }
    Ok(())
}

fn look_up(offer: &Offer, request: &AppRequest, group: &Group<'_>) -> Result<Option<Visitor>, StoreError> {
    if let Some(adid) = request.adid
        && let Some(visitor) = load(adid, group)?
        && visitor.offer == offer.id
        && visitor.is_test == request.is_test
    {
        return Ok(Some(visitor));
    }
    let ids = &request.ids;
    let known = ids
        .iter()
        .flat_map(|(name, value)| device_id::known_forms(name, value));
    // A visitor that is known only by a hash of the id comes last: most are found at once.
    let hashed = ids
        .iter()
        .flat_map(|(name, value)| device_id::forms(name, value).into_iter().skip(1));
    for (name, value) in known.chain(hashed) {
        let at = keys::visitor_by_device(&device_hash(&offer.id, request.is_test, &name, &value));
        if let Some(adid) = group.load(&at)?
            && let Some(visitor) = load(adid, group)?
        {
            return Ok(Some(visitor));
        }
    }
    Ok(None)
}

pub(super) fn load(adid: Adid, group: &Group<'_>) -> Result<Option<Visitor>, StoreError> {
    group.load(&keys::visitor(adid))
}

/// Writes a visitor, and the index of the ids that are new.
pub(super) fn save(
    visitor: &Visitor,
    learnt: &[(String, String)],
    group: &mut Group<'_>,
) -> Result<(), StoreError> {
    for hash in stored_hashes(&visitor.offer, visitor.is_test, learnt) {
        group.save(keys::visitor_by_device(&hash), &visitor.adid)?;
    }
    group.save(keys::visitor(visitor.adid), visitor)
}

/// Removes a visitor and what finds it.
pub(in crate::tracking) fn remove(visitor: &Visitor, group: &mut Group<'_>) {
    for hash in stored_hashes(&visitor.offer, visitor.is_test, &visitor.ids) {
        group.remove(keys::visitor_by_device(&hash));
    }
    group.remove(keys::fallback(visitor.adid));
    group.remove(keys::visitor(visitor.adid));
}

/// Under which hashes a device is stored: by each of its ids, as it is and hashed.
fn stored_hashes(offer: &OfferId, is_test: bool, ids: &[(String, String)]) -> impl Iterator<Item = [u8; 16]> {
    ids.iter()
        .flat_map(|(name, value)| device_id::stored_forms(name, value))
        .map(move |(name, value)| device_hash(offer, is_test, &name, &value))
}

/// Whether the device asked to be forgotten, by any of its ids. A hashed id finds what was forgotten by the
/// plain one, and a plain one what was forgotten by its hash.
pub(super) fn is_forgotten(
    offer: &Offer,
    request: &AppRequest,
    group: &Group<'_>,
) -> Result<bool, StoreError> {
    // Nobody has, mostly; the forms of the ids are many.
    if !group.holds_below(&keys::forgotten_prefix())? {
        return Ok(false);
    }
    let (offer, is_test) = (&offer.id, request.is_test);
    let of_ids = request
        .ids
        .iter()
        .flat_map(|(name, value)| device_id::forms(name, value))
        .map(|(name, value)| device_hash(offer, is_test, &name, &value));
    for hash in of_ids.chain(request.adid.map(|adid| adid.0)) {
        let at = keys::forgotten(&hash);
        if group.has(&at)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Remembers, by hash alone, that the device asked to be forgotten.
pub(super) fn forget(
    offer: &Offer,
    request: &AppRequest,
    ids: &[(String, String)],
    adid: Option<Adid>,
    group: &mut Group<'_>,
) -> Result<(), StoreError> {
    let forgotten = ForgottenAt(group.now_ms());
    let of_ids = stored_hashes(&offer.id, request.is_test, ids);
    let adids = [request.adid, adid].into_iter().flatten();
    for hash in of_ids.chain(adids.map(|adid| adid.0)) {
        group.save(keys::forgotten(&hash), &forgotten)?;
        group.erase_device(hash);
    }
    Ok(())
}
