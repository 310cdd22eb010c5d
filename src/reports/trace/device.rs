//! The trace of a device: by its `adid` or one of its device ids, plain or hashed, by index. What the index does
//! not hold (a name of an id that is none of ours) is not searched for.

use crate::domain::activity::Activity;
use crate::domain::ids::SessionId;
use crate::domain::offer::OfferKind;
use crate::domain::session::Session;
use crate::domain::visitor::{Adid, Visitor, device_hash};
use crate::reports::records::{activities_of, activity, session};
use crate::store::catalog::Catalog;
use crate::store::{Db, PeriodKind, Reader, StoreError, keys};
use crate::tracking::device_id::{self, DeviceId};
use crate::tracking::matching;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// A device as far as it is known.
pub(super) struct Device {
    /// The engagement that has the credit, or, of a device that never opened the app, its newest one.
    pub(super) session: Option<Session>,
    /// Its newest activities, oldest first.
    pub(super) activities: Vec<Activity>,
}

/// The device of an `adid`, with at most `most` activities.
pub(super) fn by_adid(reader: &Reader, text: &str, most: usize) -> Result<Option<Device>, StoreError> {
    let Ok(adid) = text.parse::<Adid>() else {
        return Ok(None);
    };
    match reader.load(&keys::visitor(adid))? {
        Some(visitor) => of_visitor(reader, visitor, most).map(Some),
        None => Ok(None),
    }
}

/// The device that has, or whose click had, this id under any name.
pub(super) fn by_device_id(
    reader: &Reader,
    catalog: &Catalog,
    text: &str,
    most: usize,
) -> Result<Option<Device>, StoreError> {
    let ids: Vec<(String, String)> = names()
        .filter_map(|name| match device_id::normalise(&name, text) {
            DeviceId::Good(value) => Some((name, value)),
            DeviceId::Absent | DeviceId::Malformed => None,
        })
        .collect();
    let apps = || {
        catalog
            .offers
            .values()
            .filter(|offer| offer.kind == OfferKind::App)
    };
    for offer in apps() {
        for (name, value) in &ids {
            for is_test in [false, true] {
                let hash = device_hash(&offer.id, is_test, &device_id::canonical(name), value);
                if let Some(adid) = reader.load(&keys::visitor_by_device(&hash))?
                    && let Some(visitor) = reader.load(&keys::visitor(adid))?
                {
                    return of_visitor(reader, visitor, most).map(Some);
                }
            }
        }
    }
    for offer in apps() {
        for hash in matching::engagement_hashes(offer, &ids) {
            if let Some(id) = newest_engagement(reader, hash)?
                && let Some(session) = session(reader, id)?
            {
                let activities = activities_of(reader, id, most)?;
                return Ok(Some(Device {
                    session: Some(session),
                    activities,
                }));
            }
        }
    }
    Ok(None)
}

/// Every name that an id can be known under.
fn names() -> impl Iterator<Item = String> {
    let hashed = |name: &&str| ["md5", "sha1"].map(|hash| format!("{name}_{hash}"));
    let plain = device_id::NAMES.iter().map(|name| (*name).to_owned());
    plain.chain(device_id::NAMES.iter().flat_map(hashed))
}

fn of_visitor(reader: &Reader, visitor: Visitor, most: usize) -> Result<Device, StoreError> {
    let prefix = keys::activities_of_visitor_prefix(visitor.adid.index_hash());
    let mut found = BTreeMap::new();
    for period in reader.periods(PeriodKind::Activities).into_iter().rev() {
        let mut ids = Vec::new();
        let room = most.saturating_sub(found.len());
        if room == 0 {
            break;
        }
        let db = Db::Period(PeriodKind::Activities, period);
        reader.scan_prefix(db, &prefix, true, |key, _| {
            ids.extend(keys::parse_activity_index(key));
            if ids.len() < room {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        for id in ids {
            if let Some(activity) = activity(reader, id)? {
                found.insert(id, activity);
            }
        }
    }
    Ok(Device {
        session: visitor.credit.map(|session| *session),
        activities: found.into_values().collect(),
    })
}

fn newest_engagement(reader: &Reader, hash: u64) -> Result<Option<SessionId>, StoreError> {
    let range = keys::device_between(hash, 0, i64::MAX);
    for period in reader.periods(PeriodKind::Sessions).into_iter().rev() {
        let mut newest = None;
        reader.scan(
            Db::Period(PeriodKind::Sessions, period),
            &range,
            true,
            |key, _| {
                newest = keys::parse_session_index(key);
                ControlFlow::Break(())
            },
        )?;
        if newest.is_some() {
            return Ok(newest);
        }
    }
    Ok(None)
}
