//! Columns of counters and payouts. A row with sums in several currencies becomes a line for each: a number and its
//! currency stand in columns of their own, so that a spreadsheet can add them up. Counts stand on the first of these
//! lines only, so that nothing is counted twice.

use super::Heading::{Own, Screen};
use super::{Column, column, optional, text};
use crate::domain::money::{Currency, Money};
use crate::reports::payouts::PayoutRow;
use crate::reports::stats::StatRow;
use std::collections::BTreeSet;

/// A row with its sums in one currency.
pub struct Line<T> {
    row: T,
    currency: Option<Currency>,
    is_first: bool,
}

impl<T> Line<T> {
    fn count(&self, count: impl FnOnce(&T) -> i64) -> String {
        if self.is_first {
            count(&self.row).to_string()
        } else {
            String::new()
        }
    }

    fn sum(&self, sums: impl FnOnce(&T) -> &[Money]) -> String {
        let own = sums(&self.row).iter().find(|m| Some(m.currency) == self.currency);
        own.map_or_else(String::new, Money::amount_text)
    }

    fn currency(&self) -> String {
        optional(self.currency.as_ref())
    }
}

fn lines<T: Clone>(row: &T, sums: &[&[Money]]) -> Vec<Line<T>> {
    let found: BTreeSet<Currency> = sums.iter().copied().flatten().map(|m| m.currency).collect();
    let mut currencies: Vec<Option<Currency>> = found.into_iter().map(Some).collect();
    if currencies.is_empty() {
        currencies.push(None);
    }
    currencies
        .into_iter()
        .enumerate()
        .map(|(n, currency)| Line {
            row: row.clone(),
            currency,
            is_first: n == 0,
        })
        .collect()
}

/// The lines of a row of a report.
pub fn stat_lines(row: &StatRow) -> Vec<Line<StatRow>> {
    let c = &row.counters;
    lines(row, &[&c.revenue, &c.payout, &c.cost])
}

/// The lines of a payout.
pub fn payout_lines(row: &PayoutRow) -> Vec<Line<PayoutRow>> {
    let sums = &row.sums;
    lines(row, &[&sums.payout, &sums.pending_payout, &sums.rejected_payout])
}

/// Rows of a report.
pub const STATS: &[Column<Line<StatRow>>] = &[
    column("key", Own("Key", "キー"), |l, _| text(&l.row.key)),
    column("name", Own("Name", "名前"), |l, _| text(&l.row.label)),
    column("impressions", Screen("stat.impressions"), |l, _| {
        l.count(|r| r.counters.impressions)
    }),
    column("clicks", Screen("stat.clicks"), |l, _| {
        l.count(|r| r.counters.clicks)
    }),
    column("unique_clicks", Screen("stat.unique_clicks"), |l, _| {
        l.count(|r| r.counters.unique_clicks)
    }),
    column("conversions", Screen("stat.conversions"), |l, _| {
        l.count(|r| r.counters.conversions)
    }),
    column("pending", Screen("stat.pending"), |l, _| {
        l.count(|r| r.counters.pending)
    }),
    column("approved", Screen("stat.approved"), |l, _| {
        l.count(|r| r.counters.approved)
    }),
    column("rejected", Screen("stat.rejected"), |l, _| {
        l.count(|r| r.counters.rejected)
    }),
    column("conversion_rate", Own("CR (%)", "CVR(%)"), |l, _| {
        if l.is_first {
            l.row.counters.conversion_rate.clone().unwrap_or_default()
        } else {
            String::new()
        }
    }),
    column("revenue", Screen("stat.revenue"), |l, _| {
        l.sum(|r| &r.counters.revenue)
    }),
    column("payout", Screen("stat.payout"), |l, _| {
        l.sum(|r| &r.counters.payout)
    }),
    column("cost", Screen("stat.cost"), |l, _| l.sum(|r| &r.counters.cost)),
    column("currency", Own("Currency", "通貨"), |l, _| l.currency()),
    column("duplicates", Screen("stat.duplicates"), |l, _| {
        l.count(|r| r.counters.duplicates)
    }),
    column("refused", Screen("stat.refused"), |l, _| {
        l.count(|r| r.counters.refused)
    }),
];

/// Payouts by partner and month.
pub const PAYOUTS: &[Column<Line<PayoutRow>>] = &[
    column("month", Screen("payouts.month"), |l, _| l.row.month.clone()),
    column("partner", Own("Partner id", "媒体ID"), |l, _| {
        optional(l.row.partner.as_ref())
    }),
    column("name", Screen("link.partner"), |l, _| text(&l.row.name)),
    column("conversions", Screen("stat.conversions"), |l, _| {
        l.count(|r| r.sums.conversions)
    }),
    column("approved", Screen("stat.approved"), |l, _| {
        l.count(|r| r.sums.approved)
    }),
    column("pending", Screen("stat.pending"), |l, _| {
        l.count(|r| r.sums.pending)
    }),
    column("rejected", Screen("stat.rejected"), |l, _| {
        l.count(|r| r.sums.rejected)
    }),
    column(
        "payout",
        Own("Owed (approved)", "支払額(承認分)"),
        |l, _| l.sum(|r| &r.sums.payout),
    ),
    column(
        "pending_payout",
        Own("Pending amount", "承認待ちの報酬"),
        |l, _| l.sum(|r| &r.sums.pending_payout),
    ),
    column(
        "rejected_payout",
        Own("Rejected amount", "否認された報酬"),
        |l, _| l.sum(|r| &r.sums.rejected_payout),
    ),
    column("currency", Own("Currency", "通貨"), |l, _| l.currency()),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reports::payouts::PayoutSums;

    #[test]
    fn each_currency_has_its_line_and_counts_stand_once() {
        let money = |amount: i64, currency| Money {
            amount: amount.into(),
            currency,
        };
        let row = PayoutRow {
            month: "2026-11".into(),
            partner: None,
            name: String::new(),
            sums: PayoutSums {
                conversions: 3,
                approved: 2,
                pending: 1,
                rejected: 0,
                payout: vec![money(500, Currency::JPY), money(7, "USD".parse().unwrap())],
                pending_payout: vec![money(90, Currency::JPY)],
                rejected_payout: Vec::new(),
            },
        };
        let lines = payout_lines(&row);
        let told: Vec<_> = lines
            .iter()
            .map(|l| {
                (
                    l.currency(),
                    l.sum(|r| &r.sums.payout),
                    l.sum(|r| &r.sums.pending_payout),
                    l.count(|r| r.sums.conversions),
                )
            })
            .collect();
        let line = |a: &str, b: &str, c: &str, d: &str| (a.into(), b.into(), c.into(), d.into());
        assert_eq!(told, [line("JPY", "500", "90", "3"), line("USD", "7", "", "")]);
    }
}
