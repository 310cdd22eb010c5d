//! Finds a conversion by its order number alone, for callers that proved themselves: a shop that cancels an order
//! knows neither the click nor our id.

use crate::domain::activity::{Activity, Verdict};
use crate::domain::duplicates::order_hash;
use crate::domain::identity::redact;
use crate::domain::ids::{ActivityId, EventToken, OfferId};
use crate::recorder::Group;
use crate::store::{Db, KeyRange, Period, PeriodKind, StoreError, keys};

/// Months that are searched, the present one included: as long as activities can be kept.
const MONTHS: u16 = 121;
/// Activities of one order number that are looked at in a month.
const MOST: usize = 1000;

/// What an order number names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// One conversion that counts.
    Of(Box<Activity>),
    /// None.
    Unknown,
    /// More than one of the event.
    Ambiguous,
}

/// The conversion of an offer's event that counts and has this order number.
pub fn find(offer: &OfferId, event: &EventToken, uid1: &str, group: &Group<'_>) -> Result<Order, StoreError> {
    let uid1 = &*redact::order_number(uid1);
    let mut found: Option<Box<Activity>> = None;
    let prefix = keys::activities_of_order_prefix(order_hash(uid1));
    let newest = Period::from_ms(group.now_ms()).0;
    for month in (newest.saturating_sub(MONTHS - 1)..=newest).rev() {
        let db = Db::Period(PeriodKind::Activities, Period(month));
        for (key, _) in group.scan(db, KeyRange::prefix(&prefix), MOST)? {
            let Some(id) = keys::parse_activity_index(&key) else {
                continue;
            };
            let Some(activity) = group.load(&keys::activity(id))? else {
                continue;
            };
            if !is_meant(&activity, offer, event, uid1) {
                continue;
            }
            if found.is_some() {
                return Ok(Order::Ambiguous);
            }
            found = Some(Box::new(activity));
        }
    }
    Ok(found.map_or(Order::Unknown, Order::Of))
}

fn is_meant(activity: &Activity, offer: &OfferId, event: &EventToken, uid1: &str) -> bool {
    activity.verdict == Verdict::Accepted
        && activity.of.is_none()
        && activity.status.is_some()
        && activity.offer.as_ref() == Some(offer)
        && activity.event.as_ref() == Some(event)
        && activity.input.uids.first().is_some_and(|uid| uid == uid1)
}

impl Order {
    /// The id of the one conversion.
    pub fn id(&self) -> Option<ActivityId> {
        match self {
            Self::Of(activity) => Some(activity.id),
            Self::Unknown | Self::Ambiguous => None,
        }
    }
}
