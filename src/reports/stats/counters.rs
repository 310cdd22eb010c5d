//! What was counted, as reports show it.

use crate::domain::money::Money;
use crate::domain::stats::{Counters, Sums};
use serde::Serialize;

/// Counters as the API shows them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct CountersDto {
    /// Clicks, without bots, prefetches and repeats.
    pub clicks: i64,
    /// Of these, first of their visitor on the link that day.
    pub unique_clicks: i64,
    /// Impressions.
    pub impressions: i64,
    /// Bots and prefetches.
    pub automated: i64,
    /// Repeated clicks (連続クリック).
    pub repeats: i64,
    /// Conversions that count.
    pub conversions: i64,
    /// Of these pending.
    pub pending: i64,
    /// Of these approved.
    pub approved: i64,
    /// Of these rejected.
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
    /// Clicks and activities with a variable that nobody filled (`notes` of each tells which).
    pub unfilled: i64,
    /// Conversions a click, in percent with two decimals; `null` without clicks.
    pub conversion_rate: Option<String>,
    /// Revenue of conversions that are not rejected, by currency.
    pub revenue: Vec<Money>,
    /// Payout of conversions that are not rejected, by currency.
    pub payout: Vec<Money>,
    /// Cost reported on engagements, by currency.
    pub cost: Vec<Money>,
}

impl From<&Counters> for CountersDto {
    fn from(c: &Counters) -> Self {
        Self {
            clicks: c.clicks,
            unique_clicks: c.unique_clicks,
            impressions: c.impressions,
            automated: c.automated,
            repeats: c.repeats,
            conversions: c.conversions,
            pending: c.pending,
            approved: c.approved,
            rejected: c.rejected,
            duplicates: c.duplicates,
            refused: c.refused,
            installs: c.installs,
            sessions: c.sessions,
            reattributions: c.reattributions,
            unfilled: c.unfilled,
            conversion_rate: (c.clicks > 0).then(|| {
                let rate =
                    rust_decimal::Decimal::from(c.conversions * 100) / rust_decimal::Decimal::from(c.clicks);
                format!("{:.2}", rate.round_dp(2))
            }),
            revenue: money(&c.revenue),
            payout: money(&c.payout),
            cost: money(&c.cost),
        }
    }
}

pub(crate) fn money(sums: &Sums) -> Vec<Money> {
    let sums = sums.0.iter().filter(|(_, amount)| !amount.is_zero());
    sums.map(|(currency, amount)| Money {
        amount: amount.normalize(),
        currency: *currency,
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_two_decimals_and_none_without_clicks() {
        let rate = |clicks, conversions| {
            CountersDto::from(&Counters {
                clicks,
                conversions,
                ..Counters::default()
            })
            .conversion_rate
        };
        assert_eq!(rate(3, 1).as_deref(), Some("33.33"));
        assert_eq!(rate(0, 1), None);
    }
}
