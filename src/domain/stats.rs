//! Counters of time buckets: what an activity adds, and how counters add up.
//!
//! Buckets are 15 minutes of UTC, so that days and hours of every time zone can be cut from them.

use super::activity::{ConversionStatus, RefusalReason};
use super::ids::{EventToken, LinkToken, OfferId};
use super::money::{Currency, Money};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Length of a bucket in milliseconds.
pub const BUCKET_MS: i64 = 15 * 60 * 1000;

/// A bucket: quarter hours since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket(pub u32);

impl Bucket {
    /// When the last one begins, unix milliseconds: in the year 124,000.
    pub const LAST_MS: i64 = u32::MAX as i64 * BUCKET_MS;

    /// The bucket that holds a time (unix milliseconds).
    pub fn of(at_ms: i64) -> Self {
        Self(u32::try_from(at_ms.div_euclid(BUCKET_MS)).unwrap_or(0))
    }
    /// When it begins, unix milliseconds.
    pub fn start_ms(self) -> i64 {
        i64::from(self.0) * BUCKET_MS
    }
}

/// What a row of counters is about besides offer and link.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dimension {
    /// Everything of the link and event.
    All,
    /// Country code of the session, possibly empty.
    Country(String),
    /// `os/device_type` of the session.
    Device(String),
    /// campaign::adgroup::creative of the session.
    Campaign(String),
}

/// Which traffic a row counts. Production is what was really earned; the sandbox is everything that is labelled
/// test: `environment=sandbox`, test clicks and test conversions. The two never meet in one row.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Default,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// What was really earned.
    #[default]
    Production,
    /// Labelled test.
    Sandbox,
}

impl Environment {
    /// Where what is labelled test, or not, is counted.
    pub fn of(is_test: bool) -> Self {
        if is_test { Self::Sandbox } else { Self::Production }
    }
}

/// Key of a row.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StatKey {
    /// When.
    pub bucket: Bucket,
    /// Production or sandbox.
    pub environment: Environment,
    /// Offer; `None` for refusals that name none.
    pub offer: Option<OfferId>,
    /// Link; `None` for organic and refused without a session.
    pub link: Option<LinkToken>,
    /// Event of a conversion.
    pub event: Option<EventToken>,
    /// The split.
    pub dimension: Dimension,
}

/// A sum of money by currency.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sums(pub Vec<(Currency, Decimal)>);

impl Sums {
    /// Adds (or, with a negative amount, takes away).
    pub fn add(&mut self, money: Money) {
        match self
            .0
            .iter_mut()
            .find(|(currency, _)| *currency == money.currency)
        {
            Some((_, sum)) => *sum += money.amount,
            None => self.0.push((money.currency, money.amount)),
        }
    }
    /// The same sums with every sign turned.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self(
            self.0
                .iter()
                .map(|(currency, amount)| (*currency, -amount))
                .collect(),
        )
    }

    /// Adds all of another.
    pub fn merge(&mut self, other: &Self) {
        for (currency, amount) in &other.0 {
            self.add(Money {
                amount: *amount,
                currency: *currency,
            });
        }
    }
}

/// The counters of a row. A later status moves a conversion from one of the three status counters to
/// another, in the bucket of the conversion.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counters {
    /// Clicks, without bots, prefetches and repeats.
    pub clicks: i64,
    /// Clicks of a visitor's first on the link that day.
    pub unique_clicks: i64,
    /// Impressions.
    pub impressions: i64,
    /// Bots and prefetches.
    pub automated: i64,
    /// Repeated clicks (連続クリック).
    pub repeats: i64,
    /// Conversions that count: pending, approved and rejected together.
    pub conversions: i64,
    /// Of them pending.
    pub pending: i64,
    /// Of them approved.
    pub approved: i64,
    /// Of them rejected.
    pub rejected: i64,
    /// Duplicates.
    pub duplicates: i64,
    /// Refused, duplicates not included.
    pub refused: i64,
    /// Installs.
    pub installs: i64,
    /// App sessions.
    pub sessions: i64,
    /// Reattributions.
    pub reattributions: i64,
    /// Revenue of conversions that are not rejected.
    pub revenue: Sums,
    /// Payout of conversions that are not rejected.
    pub payout: Sums,
    /// Cost reported on engagements.
    pub cost: Sums,
    /// Payout by the status of its conversion. Rows that began before this was counted say so in `is_unsplit`.
    pub by_status: ByStatus,
    /// The row holds conversions that are in `payout` but not in `by_status`.
    pub is_unsplit: bool,
    /// Clicks and activities with a variable that nobody filled, taken without its value.
    pub unfilled: i64,
}

/// Payout of conversions by their status.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ByStatus {
    /// Of approved ones: what is owed.
    pub approved: Sums,
    /// Of pending ones.
    pub pending: Sums,
    /// Of rejected ones.
    pub rejected: Sums,
}

impl ByStatus {
    /// Adds the payout of a conversion of a status.
    pub fn add(&mut self, status: ConversionStatus, payout: Money) {
        match status {
            ConversionStatus::Pending => self.pending.add(payout),
            ConversionStatus::Approved => self.approved.add(payout),
            ConversionStatus::Rejected => self.rejected.add(payout),
        }
    }

    /// Adds all of another.
    pub fn merge(&mut self, other: &Self) {
        self.approved.merge(&other.approved);
        self.pending.merge(&other.pending);
        self.rejected.merge(&other.rejected);
    }

    fn negated(&self) -> Self {
        Self {
            approved: self.approved.negated(),
            pending: self.pending.negated(),
            rejected: self.rejected.negated(),
        }
    }
}

impl Counters {
    /// Adds all of another.
    pub fn merge(&mut self, other: &Self) {
        self.clicks += other.clicks;
        self.unique_clicks += other.unique_clicks;
        self.impressions += other.impressions;
        self.automated += other.automated;
        self.repeats += other.repeats;
        self.conversions += other.conversions;
        self.pending += other.pending;
        self.approved += other.approved;
        self.rejected += other.rejected;
        self.duplicates += other.duplicates;
        self.refused += other.refused;
        self.installs += other.installs;
        self.sessions += other.sessions;
        self.reattributions += other.reattributions;
        self.unfilled += other.unfilled;
        self.revenue.merge(&other.revenue);
        self.payout.merge(&other.payout);
        self.cost.merge(&other.cost);
        self.by_status.merge(&other.by_status);
        self.is_unsplit |= other.is_unsplit;
    }

    /// Counts a conversion that entered `status` for the first time.
    pub fn add_conversion(&mut self, status: ConversionStatus, money: Option<Money>, payout: Option<Money>) {
        self.conversions += 1;
        match status {
            ConversionStatus::Pending => self.pending += 1,
            ConversionStatus::Approved => self.approved += 1,
            ConversionStatus::Rejected => self.rejected += 1,
        }
        if let Some(payout) = payout {
            self.by_status.add(status, payout);
        }
        if status != ConversionStatus::Rejected {
            money.into_iter().for_each(|money| self.revenue.add(money));
            payout.into_iter().for_each(|payout| self.payout.add(payout));
        }
    }

    /// The same counters with every sign turned: what merging takes away.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self {
            clicks: -self.clicks,
            unique_clicks: -self.unique_clicks,
            impressions: -self.impressions,
            automated: -self.automated,
            repeats: -self.repeats,
            conversions: -self.conversions,
            pending: -self.pending,
            approved: -self.approved,
            rejected: -self.rejected,
            duplicates: -self.duplicates,
            refused: -self.refused,
            installs: -self.installs,
            sessions: -self.sessions,
            reattributions: -self.reattributions,
            unfilled: -self.unfilled,
            revenue: self.revenue.negated(),
            payout: self.payout.negated(),
            cost: self.cost.negated(),
            by_status: self.by_status.negated(),
            is_unsplit: self.is_unsplit,
        }
    }

    /// Counts a refusal.
    pub fn add_refusal(&mut self, reason: RefusalReason) {
        if reason.is_duplicate() {
            self.duplicates += 1;
        } else {
            self.refused += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_change_moves_money_and_count() {
        let yen = |n: i64| {
            Some(Money {
                amount: n.into(),
                currency: Currency::JPY,
            })
        };
        let as_status = |status| {
            let mut counters = Counters::default();
            counters.add_conversion(status, yen(1000), yen(100));
            counters
        };
        let mut row = as_status(ConversionStatus::Pending);
        row.merge(&as_status(ConversionStatus::Approved));
        row.merge(&as_status(ConversionStatus::Pending).negated());
        assert_eq!((row.conversions, row.pending, row.approved), (1, 0, 1));
        assert_eq!(row.revenue.0, vec![(Currency::JPY, 1000.into())]);
        row.merge(&as_status(ConversionStatus::Rejected));
        row.merge(&as_status(ConversionStatus::Approved).negated());
        assert_eq!((row.conversions, row.approved, row.rejected), (1, 0, 1));
        assert_eq!(row.payout.0, vec![(Currency::JPY, 0.into())]);
        let of = |sums: &Sums| sums.0.iter().map(|(_, amount)| *amount).sum::<Decimal>();
        let ByStatus {
            approved,
            pending,
            rejected,
        } = &row.by_status;
        assert_eq!(
            [of(approved), of(pending), of(rejected)],
            [0.into(), 0.into(), 100.into()]
        );
    }

    #[test]
    fn buckets_are_quarter_hours() {
        assert_eq!(Bucket::of(BUCKET_MS * 7 + 1), Bucket(7));
        assert_eq!(Bucket(7).start_ms(), BUCKET_MS * 7);
    }
}
