//! Erasures that wait since nobody proved them: held, listed, cancelled. `due` carries them out when their time comes.
//!
//! What waits is bounded: so many of one network (/24, /48), and of all. Beyond, whoever asks is told to come again.

use super::Decided;
use super::case::Case;
use super::reply::{Failure, Reply, busy_erasures};
use crate::domain::activity::RefusalReason;
use crate::domain::duplicates;
use crate::domain::held_erasure::HeldErasure;
use crate::domain::network::neighbourhood;
use crate::recorder::Group;
use crate::store::{Db, KeyRange, Reader, Record, StoreError, keys};
use serde_json::json;
use std::net::IpAddr;
use std::ops::ControlFlow;

/// Erasures of one network that wait at once.
const MOST_OF_ONE: usize = 100;
/// Erasures that wait at once.
pub const MOST: usize = 5_000;

/// Has an erasure wait. Asked again, it keeps its time.
pub(super) fn hold(case: &Case<'_>, group: &mut Group<'_>) -> Decided {
    if case.request.ids.is_empty() && case.visitor(group)?.is_none() {
        return Err(Failure::new(404, "Device not found", RefusalReason::UnknownDevice).into());
    }
    let from = case.context.caller.ip;
    let network = hash_of_network(from);
    let at = keys::held_erasure(network, &device(case));
    let held = match group.load(&at)? {
        Some(held) => held,
        None => {
            let of_network = KeyRange::prefix(&keys::held_erasures_of_prefix(network));
            let count: Option<[u8; 8]> = group.load(&keys::held_erasure_count())?;
            let count = count.map_or(0, u64::from_be_bytes);
            let is_full =
                count >= MOST as u64 || group.scan(Db::Hot, of_network, MOST_OF_ONE)?.len() >= MOST_OF_ONE;
            if is_full {
                return Ok(busy_erasures());
            }
            let held = HeldErasure {
                offer: case.offer.id.clone(),
                is_test: case.request.is_test,
                adid: case.request.adid.map(|adid| adid.to_string()),
                ids: case.request.ids.clone(),
                from: from.to_canonical().to_string(),
                asked_at_ms: group.now_ms(),
                due_at_ms: group.now_ms().saturating_add(case.context.erasure_wait_ms),
            };
            group.save(at, &held)?;
            group.save(keys::held_erasure_count(), &(count + 1).to_be_bytes())?;
            held
        }
    };
    let hours = (held.due_at_ms - group.now_ms()).max(0).div_euclid(3_600_000) + 1;
    Ok(Reply::ok(json!({
        "status": "OK",
        "message": format!("Device will be forgotten within {hours} hours: nothing proves who asked, so the operator may look first"),
        "due_at_ms": held.due_at_ms,
    })))
}

fn hash_of_network(from: IpAddr) -> u64 {
    let network = neighbourhood(from).to_string();
    duplicates::order_hash(&network)
}

/// What tells devices apart that wait: all that was sent of them.
fn device(case: &Case<'_>) -> duplicates::Hash {
    let request = case.request;
    let adid = request.adid.map(|adid| adid.to_string()).unwrap_or_default();
    let ids = request
        .ids
        .iter()
        .flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
    let is_test = [u8::from(request.is_test)];
    let head = [
        b"held".as_slice(),
        case.offer.id.as_str().as_bytes(),
        &is_test,
        adid.as_bytes(),
    ];
    let parts: Vec<&[u8]> = head.into_iter().chain(ids).collect();
    duplicates::hash(&parts)
}

/// Everything that waits, with what names it.
pub fn list(reader: &Reader) -> Result<Vec<(String, HeldErasure)>, StoreError> {
    let (mut found, mut unreadable) = (Vec::new(), None);
    reader.scan_prefix(Db::Hot, &keys::held_erasure_prefix(), false, |key, value| {
        match (
            HeldErasure::decode(value, Db::Hot, key),
            keys::name_of_held_erasure(key),
        ) {
            (Ok(held), Some(name)) => found.push((name, held)),
            (Ok(_), None) => {}
            (Err(error), _) => unreadable = Some(error),
        }
        if found.len() < MOST {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    unreadable.map_or(Ok(found), Err)
}

/// Ends the waiting of an erasure: it is not carried out. `None` when there is none of that name.
pub fn cancel(name: &str, group: &mut Group<'_>) -> Result<Option<HeldErasure>, StoreError> {
    let Some(at) = keys::held_erasure_named(name) else {
        return Ok(None);
    };
    let Some(held) = group.load(&at)? else {
        return Ok(None);
    };
    group.remove(at);
    let count: Option<[u8; 8]> = group.load(&keys::held_erasure_count())?;
    let left = count.map_or(0, u64::from_be_bytes).saturating_sub(1);
    group.save(keys::held_erasure_count(), &left.to_be_bytes())?;
    Ok(Some(held))
}
