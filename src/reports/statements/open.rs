//! What open statements are made of.
//!
//! A month is open until its statement is closed. What an open statement holds is found by reading the activities of
//! the month: what became approved in it (an approval is an activity of its own), and is approved still. Later
//! changes of billed conversions stand in the first month after the last closed one.

use crate::domain::activity::{Activity, ActivityKind, ConversionStatus, Verdict};
use crate::domain::ids::{ActivityId, PartnerId};
use crate::domain::money::{Currency, Money};
use crate::domain::statement::{self, Closed, Correction, Draft, Group, Line, Month, Sender, approved_at_ms};
use crate::reports::page::Budget;
use crate::reports::scan::{self, Window};
use crate::reports::{ReportError, View, time_zone};
use crate::store::catalog::Catalog;
use crate::store::{Db, KeyRange, Record, keys};
use crate::tracking::status;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::time::Duration;

/// Activities read for one answer.
const MOST_ACTIVITIES: usize = 2_000_000;
/// Time spent on them.
const MOST_TIME: Duration = Duration::from_secs(20);
/// Corrections of one statement.
const MOST_CORRECTIONS: usize = 2_000;

/// What an open statement is made of.
#[derive(Debug, Clone, Default)]
pub(super) struct Open {
    /// Conversions, in the order of approval.
    pub lines: Vec<Line>,
    /// Later changes of earlier months.
    pub corrections: Vec<Correction>,
}

/// A statement that can be closed.
#[derive(Debug, Clone)]
pub struct Made {
    /// What it says; version, number and closing are not set.
    pub statement: Closed,
    /// All its conversions.
    pub lines: Vec<Line>,
}

/// First millisecond of a month in a zone, and of the month after it.
pub(super) fn bounds(month: Month, zone: &TimeZone) -> Result<(i64, i64), ReportError> {
    let start = |month: Month| {
        let day = Date::new(month.year, month.month, 1).ok()?;
        let at = day.to_zoned(zone.clone()).ok()?;
        Some(at.timestamp().as_millisecond())
    };
    match (start(month), start(month.next())) {
        (Some(from_ms), Some(to_ms)) => Ok((from_ms, to_ms)),
        _ => Err(ReportError::Defect { what: "a month" }),
    }
}

/// Closed statements below a prefix, the newest first.
pub(super) fn each_closed(
    view: &View,
    prefix: &[u8],
    mut see: impl FnMut(Closed),
) -> Result<(), ReportError> {
    let mut wrong = None;
    view.reader.scan_prefix(Db::Hot, prefix, true, |key, value| {
        match Closed::decode(value, Db::Hot, key) {
            Ok(closed) => see(closed),
            Err(error) => wrong = Some(error),
        }
        ControlFlow::Continue(())
    })?;
    wrong.map_or(Ok(()), |error| Err(error.into()))
}

/// The last closed month of each partner, with the end of that month in its own zone.
fn last_closed(
    view: &View,
    of: Option<&PartnerId>,
) -> Result<BTreeMap<PartnerId, (Month, i64)>, ReportError> {
    let mut last: BTreeMap<PartnerId, (Month, String)> = BTreeMap::new();
    let prefix = of.map_or_else(keys::statement_prefix, keys::statements_prefix);
    each_closed(view, &prefix, |closed| {
        if closed.reopened_at_ms.is_none() {
            let known = last
                .entry(closed.partner)
                .or_insert((closed.month, closed.time_zone));
            debug_assert!(known.0 >= closed.month);
        }
    })?;
    let with_end = |(partner, (month, zone)): (PartnerId, (Month, String))| {
        let (_, end_ms) = bounds(month, &time_zone(&zone)?)?;
        Ok((partner, (month, end_ms)))
    };
    last.into_iter().map(with_end).collect()
}

/// What the open statements of a month are made of, by partner.
pub(super) fn open(
    view: &View,
    month: Month,
    of: Option<&PartnerId>,
) -> Result<BTreeMap<PartnerId, Open>, ReportError> {
    let zone = time_zone(&view.catalog.settings.time_zone)?;
    let (from_ms, to_ms) = bounds(month, &zone)?;
    let last = last_closed(view, of)?;
    // A month after a closed one begins where that one ended, whatever the zone is today.
    let begins = |partner: &PartnerId| match last.get(partner) {
        Some((closed, end_ms)) if closed.next() == month => *end_ms,
        _ => from_ms,
    };
    let earliest_ms = last.values().map(|(_, end_ms)| *end_ms).chain([from_ms]).min();
    let window_ms = (
        earliest_ms.unwrap_or(from_ms).max(from_ms - 2 * 86_400_000),
        to_ms,
    );
    let mut found: BTreeMap<PartnerId, Open> = BTreeMap::new();
    for conversion in approved_between(view, window_ms)? {
        let Some((partner, line)) = line_of(&conversion) else {
            continue;
        };
        let is_of_month = line.approved_at_ms >= begins(&partner) && line.approved_at_ms < to_ms;
        let is_meant = of.is_none_or(|of| *of == partner) && view.scope.sees(Some(&partner));
        if is_of_month && is_meant && view.reader.load(&keys::billed(line.id))?.is_none() {
            found.entry(partner).or_default().lines.push(line);
        }
    }
    for (partner, correction) in corrections(view, of)? {
        let is_next = last
            .get(&partner)
            .is_some_and(|(closed, _)| closed.next() == month);
        if is_next && view.scope.sees(Some(&partner)) {
            let open = found.entry(partner).or_default();
            if open.corrections.len() < MOST_CORRECTIONS {
                open.corrections.push(correction);
            }
        }
    }
    for open in found.values_mut() {
        open.lines.sort_by_key(|line| (line.approved_at_ms, line.id));
    }
    Ok(found)
}

/// Conversions that became approved between two times, as they are now.
fn approved_between(view: &View, (from_ms, to_ms): (i64, i64)) -> Result<Vec<Activity>, ReportError> {
    let window = Window::new(Some(from_ms), Some(to_ms), None)?;
    let mut budget = Budget::new(MOST_ACTIVITIES, MOST_TIME);
    let (mut conversions, mut later) = (Vec::new(), BTreeSet::new());
    let end = scan::each(&view.reader, window, &mut budget, |activity: Activity| {
        if activity.status == Some(ConversionStatus::Approved) && !activity.is_test {
            match activity.of {
                Some(of) if activity.kind == ActivityKind::EventUpdate => {
                    later.insert(of);
                }
                None if activity.verdict == Verdict::Accepted => conversions.push(activity),
                _ => {}
            }
        }
    })?;
    if end.is_cut() {
        return Err(ReportError::TooMuch);
    }
    let known: BTreeSet<ActivityId> = conversions.iter().map(|conversion| conversion.id).collect();
    for id in later.difference(&known) {
        conversions.extend(view.reader.load(&keys::activity(*id))?);
    }
    Ok(conversions)
}

/// The line that a conversion is, when something is owed for it.
fn line_of(conversion: &Activity) -> Option<(PartnerId, Line)> {
    let partner = conversion.session.as_ref()?.partner.clone()?;
    let line = Line {
        id: conversion.id,
        order: order_of(conversion),
        approved_at_ms: approved_at_ms(conversion)?,
        offer: conversion.offer.clone(),
        event: conversion.event.clone(),
        money: conversion.money,
        payout: statement::owed(conversion)?,
    };
    (!conversion.is_test).then_some((partner, line))
}

fn order_of(conversion: &Activity) -> String {
    conversion.input.uids.first().cloned().unwrap_or_default()
}

/// What has changed of billed conversions, by partner.
fn corrections(view: &View, of: Option<&PartnerId>) -> Result<Vec<(PartnerId, Correction)>, ReportError> {
    let prefix = of.map_or_else(keys::billed_change_prefix, keys::billed_changes_prefix);
    let mut changed = Vec::new();
    view.reader
        .scan(Db::Hot, &KeyRange::prefix(&prefix), false, |key, _| {
            changed.extend(keys::parse_billed_changed(key));
            ControlFlow::Continue(())
        })?;
    let mut found = Vec::new();
    for (partner, id) in changed {
        let (Some(billed), Some(conversion)) = (
            view.reader.load(&keys::billed(id))?,
            view.reader.load(&keys::activity(id))?,
        ) else {
            continue;
        };
        let Some(month) = Month::from_number(billed.month) else {
            continue;
        };
        for (before, after) in differences(billed.payout, statement::owed(&conversion)) {
            let correction = Correction {
                id,
                order: order_of(&conversion),
                month,
                reason: status::fact(&conversion, status::REASON)
                    .unwrap_or_default()
                    .to_owned(),
                before,
                after,
            };
            found.push((partner.clone(), correction));
        }
    }
    Ok(found)
}

/// From what was billed to what is owed; one pair a currency, none where nothing changed.
fn differences(billed: Money, owed: Option<Money>) -> Vec<(Money, Money)> {
    let nothing = |currency: Currency| Money {
        amount: Decimal::ZERO,
        currency,
    };
    let same = owed.filter(|owed| owed.currency == billed.currency);
    let first = (billed, same.unwrap_or(nothing(billed.currency)));
    let other = owed.filter(|owed| owed.currency != billed.currency);
    let second = other.map(|owed| (nothing(owed.currency), owed));
    let pairs = [Some(first), second].into_iter().flatten();
    pairs
        .filter(|(before, after)| before.amount != after.amount)
        .collect()
}

/// Conversions by offer and event.
fn groups(lines: &[Line], catalog: &Catalog) -> Vec<Group> {
    let mut sums: BTreeMap<(String, String, Currency), (usize, Decimal)> = BTreeMap::new();
    for line in lines {
        let offer = line.offer.as_ref().and_then(|id| catalog.offers.get(id));
        let event = line.event.as_ref();
        let name = offer.and_then(|offer| offer.events.iter().find(|own| Some(&own.token) == event));
        let text = |id: Option<&str>| id.unwrap_or_default().to_owned();
        let key = (
            offer.map_or_else(
                || text(line.offer.as_ref().map(|id| id.as_str())),
                |o| o.name.clone(),
            ),
            name.map_or_else(|| text(event.map(|token| token.as_str())), |own| own.name.clone()),
            line.payout.currency,
        );
        let sum = sums.entry(key).or_default();
        sum.0 += 1;
        sum.1 = sum.1.saturating_add(line.payout.amount);
    }
    let group =
        |((offer, event, currency), (count, amount)): ((String, String, Currency), (usize, Decimal))| Group {
            offer,
            event,
            count,
            payout: Money {
                amount: amount.normalize(),
                currency,
            },
        };
    sums.into_iter().map(group).collect()
}

fn name_of(partner: &PartnerId, catalog: &Catalog) -> String {
    let known = catalog.partners.get(partner);
    known.map_or_else(|| partner.to_string(), |known| known.name.clone())
}

/// The open statement of a partner and month, with all its lines.
///
/// # Errors
/// It would take too long, or the store cannot be read.
pub fn make(view: &View, partner: &PartnerId, month: Month) -> Result<Made, ReportError> {
    let open = open(view, month, Some(partner))?
        .remove(partner)
        .unwrap_or_default();
    finish(view, partner, month, open)
}

pub(super) fn finish(
    view: &View,
    partner: &PartnerId,
    month: Month,
    open: Open,
) -> Result<Made, ReportError> {
    let Open { lines, corrections } = open;
    let sender: Sender = view.reader.load(&keys::statement_sender())?.unwrap_or_default();
    let draft: Draft = view
        .reader
        .load(&keys::statement_draft(partner, month.number()))?
        .unwrap_or_default();
    let groups = groups(&lines, &view.catalog);
    let totals = statement::totals(&groups, &corrections, &draft.adjustments, sender.is_taxed);
    let statement = Closed {
        partner: partner.clone(),
        month,
        version: 0,
        number: draft.number.clone(),
        partner_name: name_of(partner, &view.catalog),
        time_zone: view.catalog.settings.time_zone.clone(),
        sender,
        draft,
        groups,
        corrections,
        totals,
        lines: lines.len(),
        closed_at_ms: 0,
        closed_by: String::new(),
        reopened_at_ms: None,
        reopened_by: String::new(),
    };
    Ok(Made { statement, lines })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_cut_in_its_zone() {
        let month: Month = "2026-11".parse().unwrap();
        let tokyo = time_zone("Asia/Tokyo").unwrap();
        let (from_ms, to_ms) = bounds(month, &tokyo).unwrap();
        assert_eq!((from_ms, to_ms), (1_793_458_800_000, 1_796_050_800_000));
        let (utc, _) = bounds(month, &TimeZone::UTC).unwrap();
        assert_eq!(utc - from_ms, 9 * 3_600_000);
    }

    #[test]
    fn a_change_of_the_currency_is_two_corrections() {
        let money = |amount: i64, currency| Money {
            amount: amount.into(),
            currency,
        };
        let (yen, dollars) = (money(100, Currency::JPY), money(3, Currency::USD));
        let zero = |currency| money(0, currency);
        assert_eq!(differences(yen, Some(yen)), []);
        assert_eq!(differences(yen, None), [(yen, zero(Currency::JPY))]);
        assert_eq!(
            differences(yen, Some(dollars)),
            [(yen, zero(Currency::JPY)), (zero(Currency::USD), dollars)]
        );
        assert_eq!(
            differences(zero(Currency::JPY), Some(yen)),
            [(zero(Currency::JPY), yen)]
        );
    }
}
