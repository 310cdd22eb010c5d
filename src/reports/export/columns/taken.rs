//! Columns of what was sent and taken.

use super::Heading::{Own, Screen};
use super::{Column, column, optional, text};
use crate::reports::taken::{ReasonCount, TakenRow};

/// By partner and day.
pub const TAKEN: &[Column<TakenRow>] = &[
    column("day", Screen("taken.day"), |r, _| r.day.clone()),
    column("partner", Own("Partner id", "媒体ID"), |r, _| {
        optional(r.partner.as_ref())
    }),
    column("name", Screen("link.partner"), |r, _| text(&r.name)),
    column("conversions", Screen("stat.conversions"), |r, _| {
        r.conversions.to_string()
    }),
    column("sent", Screen("taken.sent"), |r, _| r.sent.to_string()),
    column("taken", Screen("taken.taken"), |r, _| r.taken.to_string()),
    column("refused", Screen("taken.refused"), |r, _| sum(&r.refused)),
    column(
        "refused_reasons",
        Own("Reasons of refusal", "拒否の理由"),
        |r, _| codes(&r.refused),
    ),
    column("skipped", Screen("taken.skipped"), |r, _| sum(&r.skipped)),
    column(
        "skipped_reasons",
        Own("Reasons of skipping", "送信しなかった理由"),
        |r, _| codes(&r.skipped),
    ),
    column("waiting", Screen("taken.waiting"), |r, _| r.waiting.to_string()),
];

fn sum(reasons: &[ReasonCount]) -> String {
    reasons.iter().map(|reason| reason.count).sum::<i64>().to_string()
}

fn codes(reasons: &[ReasonCount]) -> String {
    let all = reasons
        .iter()
        .map(|reason| format!("{} {}", reason.code, reason.count));
    all.collect::<Vec<_>>().join(", ")
}
