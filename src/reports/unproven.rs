//! What anybody can do: events whose conversions nobody has to vouch for, with the bounds that hold, and the largest
//! amounts that were seen, from which a ceiling is suggested.

use super::page::Budget;
use super::scan::{self, Window};
use super::{ReportError, View};
use crate::domain::activity::{Activity, Verdict};
use crate::domain::ids::{EventToken, OfferId};
use crate::domain::money::Money;
use crate::domain::offer::{Approval, Event, Offer, TrustMode};
use rust_decimal::Decimal;
use serde::Serialize;
use std::collections::HashMap;
use std::time::Duration;

/// Days that are looked back for amounts.
const DAYS: i64 = 90;
const DAY_MS: i64 = 86_400_000;
/// Records looked at.
const MOST_RECORDS: usize = 200_000;
/// Time spent.
const MOST_TIME: Duration = Duration::from_secs(1);
/// So many times the largest amount that was seen is suggested, rounded up.
const ROOM: i64 = 2;

/// What anybody can do with one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Unproven {
    /// The offer.
    pub offer: OfferId,
    /// Its event.
    pub event: EventToken,
    /// Its name.
    pub name: String,
    /// A partner is owed something for it.
    pub has_payout: bool,
    /// It is approved without anybody looking.
    pub is_automatic: bool,
    /// Conversions of one click and day that count by themselves.
    pub most: u32,
    /// The largest amount that counts by itself; `null`: any.
    pub unproven_amount: Option<Money>,
    /// The largest amount that counted in the last 90 days, of what could be looked at.
    pub largest: Option<Money>,
    /// A ceiling with room above it.
    pub suggested: Option<Money>,
}

/// What anybody can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct UnprovenReport {
    /// Events of offers that are not stopped and whose checks are not enforced; none for those who are limited to
    /// partners.
    pub items: Vec<Unproven>,
}

/// Tells what anybody can do. `most`: conversions of one click, event and day that count without proof.
pub fn unproven(view: &View, most: u32, now_ms: i64) -> Result<UnprovenReport, ReportError> {
    if !view.scope.is_all() {
        return Ok(UnprovenReport { items: Vec::new() });
    }
    let open = |offer: &&std::sync::Arc<Offer>| !is_checked(offer) && !offer.is_stopped(now_ms);
    let offers: Vec<_> = view.catalog.offers.values().filter(open).collect();
    let largest = if offers.is_empty() {
        HashMap::new()
    } else {
        largest(view, now_ms)?
    };
    let has_own_payout = |offer: &Offer, event: &Event| {
        let mut partners = view.catalog.partners.values();
        partners.any(|partner| {
            let mut payouts = partner.payouts.iter();
            payouts.any(|payout| payout.offer == offer.id && payout.event.as_ref() == Some(&event.token))
        })
    };
    let items = offers.iter().flat_map(|offer| {
        let largest = &largest;
        offer.events.iter().map(move |event| {
            let seen = largest.get(&(offer.id.clone(), event.token.clone())).copied();
            Unproven {
                offer: offer.id.clone(),
                event: event.token.clone(),
                name: event.name.clone(),
                has_payout: event.payout.is_some() || has_own_payout(offer, event),
                is_automatic: matches!(event.approval, Approval::Automatic),
                most,
                unproven_amount: event.unproven_amount,
                largest: seen,
                suggested: seen.map(suggested),
            }
        })
    });
    Ok(UnprovenReport {
        items: items.collect(),
    })
}

/// Whether a check has to pass before anything counts.
fn is_checked(offer: &Offer) -> bool {
    let trust = &offer.trust;
    let has_check =
        !trust.bearer_tokens.is_empty() || trust.hmac_secret.is_some() || !trust.allowed_ips.is_empty();
    trust.mode == TrustMode::Enforced && has_check
}

/// The largest amount of each event, in the currency of its offer.
fn largest(view: &View, now_ms: i64) -> Result<HashMap<(OfferId, EventToken), Money>, ReportError> {
    let mut found: HashMap<(OfferId, EventToken), Money> = HashMap::new();
    let mut budget = Budget::new(MOST_RECORDS, MOST_TIME);
    let window = Window::new(Some(now_ms - DAYS * DAY_MS), None, None)?;
    scan::each(&view.reader, window, &mut budget, |activity: Activity| {
        let counts = activity.verdict == Verdict::Accepted
            && !activity.is_test
            && !activity.note.starts_with("over_bound");
        if let (true, Some(offer), Some(event), Some(money)) =
            (counts, activity.offer, activity.event, activity.money)
            && view
                .catalog
                .offers
                .get(&offer)
                .is_some_and(|offer| offer.currency == money.currency)
        {
            let row = found.entry((offer, event)).or_insert(money);
            row.amount = row.amount.max(money.amount);
        }
    })?;
    Ok(found)
}

/// Twice as much, rounded up to 1, 2 or 5 with zeros.
fn suggested(largest: Money) -> Money {
    let wanted = largest.amount.saturating_mul(ROOM.into()).max(Decimal::ONE);
    let mut step = Decimal::ONE;
    let mut amount = step;
    while amount < wanted {
        let next = [2, 5, 10].map(|by| step.saturating_mul(by.into()));
        amount = next.into_iter().find(|next| *next >= wanted).unwrap_or(next[2]);
        step = next[2];
    }
    Money { amount, ..largest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Currency;

    #[test]
    fn a_round_amount_with_room_is_suggested() {
        for (largest, expected) in [
            (0, 1),
            (1, 2),
            (3_278, 10_000),
            (500, 1_000),
            (501, 2_000),
            (9_800, 20_000),
        ] {
            let money = Money {
                amount: largest.into(),
                currency: Currency::JPY,
            };
            assert_eq!(suggested(money).amount, expected.into(), "{largest}");
        }
    }
}
