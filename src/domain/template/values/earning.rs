//! Amounts in another currency: as they came, as the caller says them, or by the rate of the day.

use super::ActivityValues;
use super::written::{Text, made};
use crate::domain::money::{Currency, Money};
use jiff::Timestamp;
use jiff::tz::TimeZone;

impl<'a> ActivityValues<'a> {
    /// What it is worth in a currency: as it came, else by the rate of the day. Without a rate it is nothing, never
    /// another currency's amount.
    pub(super) fn money_in(&self, currency: Currency) -> Option<Money> {
        self.as_it_came(currency).or_else(|| self.by_rate(currency))
    }

    /// The same as text; what the caller says stands over a rate.
    pub(super) fn converted(&self, name: &str, code: &str, write: fn(&Money) -> String) -> Text<'a> {
        let currency = code.parse().ok()?;
        let made = |money: Money| made(write(&money));
        self.as_it_came(currency)
            .and_then(made)
            .or_else(|| self.reported(name))
            .or_else(|| self.by_rate(currency).and_then(made))
    }

    fn as_it_came(&self, currency: Currency) -> Option<Money> {
        self.activity.money.filter(|money| money.currency == currency)
    }

    fn by_rate(&self, currency: Currency) -> Option<Money> {
        let zone = TimeZone::get(self.context.zone).unwrap_or(TimeZone::UTC);
        let at = Timestamp::from_millisecond(self.activity.at_ms).ok()?;
        let on = at.to_zoned(zone).date();
        self.context.rates.convert(self.activity.money?, currency, on)
    }
}
