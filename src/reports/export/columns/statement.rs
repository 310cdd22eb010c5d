//! Columns of a payout statement: its conversions, then corrections, adjustments and the sums of each currency.

use super::Heading::{Own, Screen};
use super::{Column, column, for_people, optional, text, token};
use crate::domain::ids::{EventToken, OfferId};
use crate::domain::money::{Currency, Money};
use crate::domain::statement::{Closed, Line};
use rust_decimal::Decimal;

/// One line of the file.
#[derive(Debug, Clone)]
pub struct StatementLine {
    kind: &'static str,
    approved_at_ms: Option<i64>,
    order: String,
    month: String,
    offer: Option<OfferId>,
    event: Option<EventToken>,
    money: Option<Money>,
    amount: Decimal,
    currency: Currency,
    note: String,
}

/// The lines of a statement.
pub fn statement_lines(statement: &Closed, lines: Vec<Line>) -> Vec<StatementLine> {
    let plain = |kind, amount, currency| StatementLine {
        kind,
        approved_at_ms: None,
        order: String::new(),
        month: statement.month.to_string(),
        offer: None,
        event: None,
        money: None,
        amount,
        currency,
        note: String::new(),
    };
    let conversions = lines.into_iter().map(|line| StatementLine {
        approved_at_ms: Some(line.approved_at_ms),
        order: line.order,
        offer: line.offer,
        event: line.event,
        money: line.money,
        ..plain("conversion", line.payout.amount, line.payout.currency)
    });
    let corrections = statement.corrections.iter().map(|own| StatementLine {
        order: own.order.clone(),
        month: own.month.to_string(),
        note: own.reason.clone(),
        ..plain("correction", own.difference().amount, own.before.currency)
    });
    let adjustments = statement.draft.adjustments.iter().map(|own| StatementLine {
        note: own.note.clone(),
        ..plain("adjustment", own.amount, own.currency)
    });
    let totals = statement.totals.iter().flat_map(|total| {
        [("base", total.base), ("tax", total.tax), ("total", total.total)]
            .map(|(kind, amount)| plain(kind, amount, total.currency))
    });
    conversions
        .chain(corrections)
        .chain(adjustments)
        .chain(totals)
        .collect()
}

/// A payout statement.
pub const STATEMENT: &[Column<StatementLine>] = &[
    column("kind", Own("Kind", "種別"), |l, c| {
        c.word("statement_kind", l.kind)
    }),
    column("month", Screen("payouts.month"), |l, _| l.month.clone()),
    column("approved_at", Own("Approved at", "承認日時"), |l, c| {
        l.approved_at_ms.map_or_else(String::new, |at_ms| c.time(at_ms))
    }),
    column("order", Screen("conversion.uid"), |l, _| text(&l.order)),
    column("offer", Own("Offer id", "広告ID"), |l, _| {
        optional(l.offer.as_ref())
    }),
    for_people(Screen("link.offer"), |l, c| c.offer(l.offer.as_ref())),
    column("event", Own("Event id", "成果地点ID"), |l, _| {
        optional(l.event.as_ref())
    }),
    for_people(Screen("conversion.event"), |l, c| {
        c.event(l.offer.as_ref(), token(l.event.as_ref()))
    }),
    column("money", Screen("stat.revenue"), |l, _| {
        l.money.map_or_else(String::new, |money| money.amount_text())
    }),
    column("amount", Own("Amount", "支払額"), |l, _| {
        l.amount.normalize().to_string()
    }),
    column("currency", Own("Currency", "通貨"), |l, _| {
        l.currency.to_string()
    }),
    column("note", Own("Note", "備考"), |l, _| text(&l.note)),
];
