//! Rates between currencies (為替レート) as the operator enters them, by date. Pure.
//!
//! 2026-11-29, decisions:
//!
//! * A rate holds from its date until the next one of the same pair, at most [`HOLDS_DAYS`] days: last year's rate is
//!   no rate of today. Without one there is no amount: it is never taken as 1.
//! * A pair is read both ways, and over one currency between (EUR to USD over JPY), in this order.

use super::money::{Currency, Money};
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// How long a rate holds, days: enter one a month at least.
pub const HOLDS_DAYS: i32 = 62;
/// Rates of an instance.
pub const MOST: usize = 2_000;
/// Decimals of a rate.
const MOST_DECIMALS: u32 = 12;

/// One unit of a currency in another, from a day on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rate {
    of: Currency,
    to: Currency,
    date: Date,
    rate: Decimal,
}

/// All rates, by pair and date.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rates(Vec<Rate>);

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RateMistake {
    /// Not date, currency, currency, rate.
    Columns,
    /// Not a date such as 2026-11-01.
    Date,
    /// Not a currency of ISO 4217, or twice the same.
    Currency,
    /// Not a plain number above zero with at most 12 decimals.
    Rate,
    /// More lines than can be kept.
    TooMany,
}

/// A line with a mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RateLine {
    /// From 1.
    pub line: usize,
    /// What is wrong.
    pub code: RateMistake,
}

impl Rates {
    /// None.
    pub const NONE: &'static Self = &Self(Vec::new());

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Reads lines `date,currency,currency,rate`: one unit of the first in the second. With three columns the second
    /// currency is `home`. A first line of headings is left out; of one pair and day the last line counts.
    ///
    /// # Errors
    /// The lines with mistakes, at most 20.
    pub fn parse(text: &str, home: Currency) -> Result<Self, Vec<RateLine>> {
        let (mut found, mut wrong) = (Vec::new(), Vec::new());
        for (at, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || (at == 0 && !line.starts_with(|c: char| c.is_ascii_digit())) {
                continue;
            }
            let read = if found.len() < MOST {
                Rate::parse(line, home)
            } else {
                Err(RateMistake::TooMany)
            };
            match read {
                Ok(rate) => found.push(rate),
                Err(code) if wrong.len() < 20 => wrong.push(RateLine { line: at + 1, code }),
                Err(_) => {}
            }
        }
        if wrong.is_empty() {
            Ok(Self::sorted(found))
        } else {
            Err(wrong)
        }
    }

    fn sorted(mut rates: Vec<Rate>) -> Self {
        // The sort is stable, so that the last line of a day stands last.
        rates.sort_by_key(|rate| (rate.of, rate.to, rate.date));
        let mut kept: Vec<Rate> = Vec::with_capacity(rates.len());
        for rate in rates {
            match kept.last_mut() {
                Some(last) if (last.of, last.to, last.date) == (rate.of, rate.to, rate.date) => *last = rate,
                _ => kept.push(rate),
            }
        }
        Self(kept)
    }

    /// Money in another currency on a day, not rounded; `None` without a rate.
    #[must_use]
    pub fn exact(&self, money: Money, to: Currency, on: Date) -> Option<Money> {
        let amount = if money.currency == to {
            money.amount
        } else {
            self.leg(money.amount, money.currency, to, on)
                .or_else(|| self.over_another(money, to, on))?
        };
        Some(Money { amount, currency: to })
    }

    /// The same, rounded as the currency is.
    #[must_use]
    pub fn convert(&self, money: Money, to: Currency, on: Date) -> Option<Money> {
        let exact = self.exact(money, to, on)?;
        let amount = exact.amount.round_dp(to.decimals());
        Some(Money { amount, ..exact })
    }

    fn over_another(&self, money: Money, to: Currency, on: Date) -> Option<Decimal> {
        let mut between: Vec<Currency> = self.0.iter().flat_map(|rate| [rate.of, rate.to]).collect();
        between.sort_unstable();
        between.dedup();
        between.into_iter().find_map(|middle| {
            let half = self.leg(money.amount, money.currency, middle, on)?;
            self.leg(half, middle, to, on)
        })
    }

    /// Over one pair, as it was entered or the other way round.
    fn leg(&self, amount: Decimal, of: Currency, to: Currency, on: Date) -> Option<Decimal> {
        match self.newest(of, to, on) {
            Some(rate) => amount.checked_mul(rate),
            None => amount.checked_div(self.newest(to, of, on)?),
        }
    }

    fn newest(&self, of: Currency, to: Currency, on: Date) -> Option<Decimal> {
        let end = self
            .0
            .partition_point(|rate| (rate.of, rate.to, rate.date) <= (of, to, on));
        let rate = self.0.get(end.checked_sub(1)?)?;
        let holds = (rate.of, rate.to) == (of, to) && (on - rate.date).get_days() <= HOLDS_DAYS;
        holds.then_some(rate.rate)
    }
}

impl Rate {
    fn parse(line: &str, home: Currency) -> Result<Self, RateMistake> {
        let parts: Vec<&str> = line
            .split([',', '\t', ';'])
            .map(|part| part.trim().trim_matches('"').trim())
            .collect();
        let (date, of, to, rate) = match parts.as_slice() {
            [date, of, rate] => (*date, *of, None, *rate),
            [date, of, to, rate] => (*date, *of, Some(*to), *rate),
            _ => return Err(RateMistake::Columns),
        };
        let date = parse_date(date).ok_or(RateMistake::Date)?;
        let currency = |text: &str| text.parse().map_err(|_| RateMistake::Currency);
        let of: Currency = currency(of)?;
        let to = to.map_or(Ok(home), currency)?;
        if of == to {
            return Err(RateMistake::Currency);
        }
        let rate = Decimal::from_str(rate).map_err(|_| RateMistake::Rate)?;
        if rate <= Decimal::ZERO || rate.scale() > MOST_DECIMALS || rate > Decimal::from(1_000_000_000) {
            return Err(RateMistake::Rate);
        }
        Ok(Self { of, to, date, rate })
    }
}

/// `2026-11-01` or `2026/11/1`.
fn parse_date(text: &str) -> Option<Date> {
    let mut parts = text.split(['-', '/']);
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

impl From<Rates> for String {
    fn from(rates: Rates) -> Self {
        let mut text = Self::new();
        for Rate { of, to, date, rate } in rates.0 {
            text.push_str(&format!("{date},{of},{to},{}\n", rate.normalize()));
        }
        text
    }
}

impl TryFrom<String> for Rates {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text, Currency::JPY).map_err(|_| "rates as they were stored")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str) -> Money {
        Money::parse(text).unwrap()
    }

    fn rates() -> Rates {
        let text =
            "日付,通貨,円,レート\n2026-11-01,USD,JPY,150\n2026/11/10,usd,155\n2026-11-01\tEUR\tJPY\t160\n";
        Rates::parse(text, Currency::JPY).unwrap()
    }

    #[test]
    fn the_newest_rate_of_the_day_counts_both_ways_and_over_one_between() {
        let rates = rates();
        for (of, to, on, expected) in [
            ("10 USD", "JPY", "2026-11-09", Some("1500")),
            ("10 USD", "JPY", "2026-11-10", Some("1550")),
            ("1500 JPY", "USD", "2026-11-05", Some("10")),
            ("1000 JPY", "USD", "2026-11-05", Some("6.67")),
            ("15 EUR", "USD", "2026-11-05", Some("16")),
            ("10 USD", "JPY", "2026-10-31", None),
            ("10 USD", "JPY", "2027-01-11", Some("1550")),
            ("10 USD", "JPY", "2027-01-12", None),
            ("10 GBP", "JPY", "2026-11-05", None),
            ("10 GBP", "GBP", "2026-11-05", Some("10")),
        ] {
            let found = rates.convert(money(of), to.parse().unwrap(), on.parse().unwrap());
            assert_eq!(
                found.map(|m| m.amount_text()).as_deref(),
                expected,
                "{of} {to} {on}"
            );
        }
    }

    #[test]
    fn lines_with_mistakes_are_named() {
        for (line, code) in [
            ("2026-11-01,USD", RateMistake::Columns),
            ("2026-13-01,USD,150", RateMistake::Date),
            ("2026-11-01,USX,150", RateMistake::Currency),
            ("2026-11-01,JPY,150", RateMistake::Currency),
            ("2026-11-01,USD,0", RateMistake::Rate),
            ("2026-11-01,USD,-1", RateMistake::Rate),
            ("2026-11-01,USD,1e3x", RateMistake::Rate),
        ] {
            let wrong = Rates::parse(&format!("date\n{line}"), Currency::JPY).unwrap_err();
            assert_eq!(wrong, [RateLine { line: 2, code }], "{line}");
        }
    }

    #[test]
    fn the_stored_form_stays() {
        let text = "2026-11-01,EUR,JPY,160\n2026-11-01,USD,JPY,150\n2026-11-10,USD,JPY,155\n";
        assert_eq!(String::from(rates()), text);
        assert_eq!(Rates::try_from(text.to_owned()).unwrap(), rates());
        let again = Rates::parse("2026-11-01,USD,1\n2026-11-01,USD,2", Currency::JPY).unwrap();
        assert_eq!(String::from(again), "2026-11-01,USD,JPY,2\n");
    }
}
