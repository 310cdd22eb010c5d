//! How many sales of one click and event count in a day that nobody vouches for, and up to which amount, where the
//! operator has set one: a tag cannot prove who it is, so what one click can earn by itself is bounded. What is above a
//! bound waits for the operator.
//!
//! An ordinary click costs one short look at the index of its activities. Only from the bound on is each further sale
//! remembered under a hash of its number, so that no flood of repeats hides how many there were.

use crate::domain::activity::{Activity, Verdict};
use crate::domain::duplicates;
use crate::domain::ids::{ActivityId, EventToken, SessionId};
use crate::domain::money::Money;
use crate::domain::offer::Event;
use crate::recorder::Group;
use crate::store::codec::Duplicate;
use crate::store::{Db, KeyRange, StoreError, keys};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Sales are refused beyond so many times the bound.
const REFUSED_BEYOND: u32 = 10;

/// How a sale stands to the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    /// It counts as any other.
    Within,
    /// It waits for the operator.
    Over,
    /// It is refused.
    FarOver,
}

/// Takes a place for a sale that is not refused. `most` sales of a UTC day count by themselves.
pub(super) fn claim(
    session: SessionId,
    event: &Event,
    sale: &Activity,
    most: u32,
    group: &mut Group<'_>,
) -> Result<Bound, StoreError> {
    let by_amount = event
        .unproven_amount
        .map_or(Bound::Within, |most| by_amount(most, sale.money));
    if by_amount == Bound::FarOver {
        return Ok(by_amount);
    }
    let by_number = by_number(session, &event.token, sale.id, most, group)?;
    Ok(if by_number == Bound::Within {
        by_amount
    } else {
        by_number
    })
}

/// An amount of another currency cannot be compared, so somebody has to look at it.
fn by_amount(most: Money, sale: Option<Money>) -> Bound {
    match sale {
        None => Bound::Within,
        Some(sale) if sale.currency != most.currency => Bound::Over,
        Some(sale) if sale.amount <= most.amount => Bound::Within,
        Some(sale) if sale.amount <= most.amount.saturating_mul(REFUSED_BEYOND.into()) => Bound::Over,
        Some(_) => Bound::FarOver,
    }
}

fn by_number(
    session: SessionId,
    event: &EventToken,
    sale: ActivityId,
    most: u32,
    group: &mut Group<'_>,
) -> Result<Bound, StoreError> {
    let now_ms = group.now_ms();
    let day = now_ms.div_euclid(DAY_MS);
    let prefix = keys::activities_of_session_prefix(session);
    let midnight = [prefix.as_slice(), &ActivityId::new(day * DAY_MS, 0).to_key()].concat();
    let today = KeyRange::prefix(&prefix).after(&midnight);
    let first = group.scan(Db::activities(now_ms), today, most as usize)?;
    if first.len() < most as usize {
        return Ok(Bound::Within);
    }
    let mut counted = 0;
    for id in first
        .iter()
        .filter_map(|(key, _)| keys::parse_activity_index(key))
    {
        let activity = group.load(&keys::activity(id))?;
        let is_sale =
            activity.is_some_and(|a| a.verdict == Verdict::Accepted && a.event.as_ref() == Some(event));
        counted += u32::from(is_sale);
    }
    let places = most.saturating_mul(REFUSED_BEYOND).saturating_sub(counted);
    let place = |n: u32| keys::duplicate(&duplicates::unproven_sale_hash(session, event, day, n));
    // Places are taken in their order: the first free one is found by halving.
    let (mut low, mut high) = (0, places);
    while low < high {
        let middle = low + (high - low) / 2;
        if group.has(&place(middle))? {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if low == places {
        return Ok(Bound::FarOver);
    }
    let taken = Duplicate {
        activity: sale,
        at_ms: now_ms,
        expires_at_ms: (day + 1) * DAY_MS,
    };
    group.save(place(low), &taken)?;
    Ok(if counted + low < most {
        Bound::Within
    } else {
        Bound::Over
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Currency;

    #[test]
    fn amounts_above_the_ceiling_wait_and_far_above_it_are_refused() {
        let money = |amount: i64, currency| Money {
            amount: amount.into(),
            currency,
        };
        let most = money(10_000, Currency::JPY);
        for (sale, expected) in [
            (None, Bound::Within),
            (Some(money(10_000, Currency::JPY)), Bound::Within),
            (Some(money(10_001, Currency::JPY)), Bound::Over),
            (Some(money(100_000, Currency::JPY)), Bound::Over),
            (Some(money(100_001, Currency::JPY)), Bound::FarOver),
            (Some(money(1, Currency::USD)), Bound::Over),
        ] {
            assert_eq!(by_amount(most, sale), expected, "{sale:?}");
        }
    }
}
