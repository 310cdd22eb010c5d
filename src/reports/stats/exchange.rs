//! Sums in one currency, by the rates of each day. What has no rate stays in its own currency and is told.

use crate::domain::money::{Currency, Money};
use crate::domain::rates::Rates;
use crate::domain::stats::{Bucket, Counters, Sums};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::BTreeSet;

/// Missing rates that are told.
const MOST_TOLD: usize = 20;

/// A rate that was missing.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct MissingRate {
    /// Of this currency.
    pub currency: Currency,
    /// In this one.
    pub to: Currency,
    /// On this day, `2026-11-01`.
    pub date: String,
}

/// Converts rows of counters.
pub(super) struct Exchange<'a> {
    rates: &'a Rates,
    to: Option<Currency>,
    zone: TimeZone,
    day: Option<(Bucket, Date)>,
    missing: BTreeSet<(Currency, Date)>,
}

impl<'a> Exchange<'a> {
    pub(super) fn new(rates: &'a Rates, to: Option<Currency>, zone: TimeZone) -> Self {
        Self {
            rates,
            to,
            zone,
            day: None,
            missing: BTreeSet::new(),
        }
    }

    /// The sums of a row in the wanted currency.
    pub(super) fn convert(&mut self, bucket: Bucket, mut counters: Counters) -> Counters {
        let Some(to) = self.to else { return counters };
        let Some(day) = self.day(bucket) else {
            return counters;
        };
        for sums in [&mut counters.revenue, &mut counters.payout, &mut counters.cost] {
            *sums = self.sums(sums, to, day);
        }
        counters
    }

    fn sums(&mut self, sums: &Sums, to: Currency, day: Date) -> Sums {
        let mut converted = Sums::default();
        for (currency, amount) in &sums.0 {
            let own = Money {
                amount: *amount,
                currency: *currency,
            };
            let found = self.rates.exact(own, to, day);
            if found.is_none() && !amount.is_zero() && self.missing.len() < MOST_TOLD {
                self.missing.insert((*currency, day));
            }
            converted.add(found.unwrap_or(own));
        }
        converted
    }

    /// Rows of one bucket lie together.
    fn day(&mut self, bucket: Bucket) -> Option<Date> {
        if let Some((of, day)) = self.day
            && of == bucket
        {
            return Some(day);
        }
        let at = Timestamp::from_millisecond(bucket.start_ms()).ok()?;
        let day = at.to_zoned(self.zone.clone()).date();
        self.day = Some((bucket, day));
        Some(day)
    }

    /// Rounds what was converted, once it is added up.
    pub(super) fn round(&self, mut counters: Counters) -> Counters {
        let Some(to) = self.to else { return counters };
        for sums in [&mut counters.revenue, &mut counters.payout, &mut counters.cost] {
            for (currency, amount) in &mut sums.0 {
                if *currency == to {
                    *amount = amount.round_dp(to.decimals());
                }
            }
        }
        counters
    }

    /// The rates that were missing, at most 20.
    pub(super) fn missing(self) -> Vec<MissingRate> {
        let Some(to) = self.to else { return Vec::new() };
        let told = self.missing.into_iter().map(|(currency, date)| MissingRate {
            currency,
            to,
            date: date.to_string(),
        });
        told.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_go_over_the_rate_of_their_day_and_what_has_none_is_told() {
        let rates = Rates::parse("2026-11-21,USD,150", Currency::JPY).unwrap();
        let zone = TimeZone::get("Asia/Tokyo").unwrap();
        let mut exchange = Exchange::new(&rates, Some(Currency::JPY), zone);
        let mut counters = Counters::default();
        for text in ["10 USD", "5 JPY", "7 EUR"] {
            counters.revenue.add(Money::parse(text).unwrap());
        }
        // 2026-11-20 15:00 UTC is midnight of the 21st in Tokyo.
        let bucket = Bucket::of(1_795_186_800_000);
        let converted = exchange.convert(bucket, counters.clone());
        let of = |counters: &Counters, code: &str| {
            let mut sums = counters.revenue.0.iter();
            let found = sums.find(|(currency, _)| currency.as_str() == code);
            found.map(|(_, amount)| amount.normalize().to_string())
        };
        assert_eq!(of(&converted, "JPY").as_deref(), Some("1505"));
        assert_eq!(of(&converted, "EUR").as_deref(), Some("7"));
        let before = exchange.convert(Bucket::of(1_795_186_800_000 - 1), counters);
        assert_eq!(of(&before, "USD").as_deref(), Some("10"));
        let missing = exchange.missing();
        assert_eq!(missing.len(), 3, "{missing:?}");
    }
}
