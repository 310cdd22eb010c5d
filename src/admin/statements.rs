//! Payout statements (支払明細書): what an operator writes on them, closing them, and opening them again.
//!
//! Closing writes a record of its own, with its lines, and marks each conversion as billed; from then on a change of
//! it stands in the next open statement. Nothing of a visitor is in it, so an erasure leaves it alone. Closed
//! statements go after `KEPT_YEARS`.

use super::save::{Actor, Note, audit};
use super::{AdminError, check};
use crate::domain::ids::PartnerId;
use crate::domain::money::Money;
use crate::domain::statement::{
    Adjustment, Billed, Closed, Draft, Line, Lines, Month, Sender, is_registration_number, owed,
};
use crate::recorder::{Group, Recorder};
use crate::reports::View;
use crate::reports::statements::{self, Made, StatementQuery};
use crate::store::{Db, KeyRange, Record, StoreError, keys};
use rust_decimal::Decimal;
use serde::Deserialize;

/// How long closed statements are kept: as long as the law wants books kept.
const KEPT_YEARS: i64 = 7;
/// Lines of one record.
const OF_PART: usize = 20;
/// Most conversions of one statement: it is closed in one commit.
const MOST_LINES: usize = 20_000;
/// Adjustments of one statement.
const MOST_ADJUSTMENTS: usize = 50;
/// Largest adjustment, whole units.
const MOST_AMOUNT: i64 = 100_000_000_000;
/// Closed statements of a month that are counted for numbers.
const MOST_NUMBERED: usize = 10_000;

/// Which statement is written on, closed or opened again.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftRequest {
    /// Whose.
    pub partner: PartnerId,
    /// For which month.
    pub month: Month,
    /// What stands on it.
    pub draft: Draft,
}

/// Which statement is closed or opened again.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MonthRequest {
    /// Whose.
    pub partner: PartnerId,
    /// For which month.
    pub month: Month,
}

/// Who pays.
///
/// # Errors
/// The store cannot be read.
pub fn sender(recorder: &Recorder) -> Result<Sender, AdminError> {
    Ok(recorder
        .reader()
        .load(&keys::statement_sender())?
        .unwrap_or_default())
}

/// Saves who pays.
///
/// # Errors
/// A field has a wrong value, or it cannot be recorded.
pub async fn set_sender(recorder: &Recorder, actor: Actor, sender: Sender) -> Result<Sender, AdminError> {
    check::text_up_to("name", &sender.name, check::NAME_CHARS)?;
    check::note("address", &sender.address)?;
    registration("registration_number", &sender.registration_number)?;
    let kept = sender.clone();
    recorder
        .try_run(move |group| -> Result<(), StoreError> {
            group.save(keys::statement_sender(), &kept)?;
            audit(group, &actor, Note::new("statement.sender", kept.name))
        })
        .await??;
    Ok(sender)
}

fn registration(field: &str, number: &str) -> Result<(), AdminError> {
    if number.is_empty() || is_registration_number(number) {
        return Ok(());
    }
    let message = "a registration number is T and 13 digits";
    Err(AdminError::invalid(field, "invalid_registration_number", message))
}

/// Saves what stands on an open statement.
///
/// # Errors
/// A field has a wrong value, the statement is closed, or it cannot be recorded.
pub async fn set_draft(recorder: &Recorder, actor: Actor, request: DraftRequest) -> Result<(), AdminError> {
    let DraftRequest {
        partner,
        month,
        draft,
    } = request;
    check_draft(&draft)?;
    if !recorder.catalog().partners.contains_key(&partner) {
        return Err(AdminError::not_found("partner", partner.to_string()));
    }
    recorder
        .try_run(move |group| -> Result<(), AdminError> {
            if holding(group, &partner, month)?.is_some() {
                return Err(is_closed());
            }
            group.save(keys::statement_draft(&partner, month.number()), &draft)?;
            let note = Note::new("statement.write", format!("{partner} {month}"));
            Ok(audit(group, &actor, note)?)
        })
        .await?
}

fn check_draft(draft: &Draft) -> Result<(), AdminError> {
    check::text_up_to("draft.number", &draft.number, 40)?;
    check::text_up_to("draft.recipient", &draft.recipient, check::NAME_CHARS)?;
    check::note("draft.note", &draft.note)?;
    registration("draft.registration_number", &draft.registration_number)?;
    if !draft.due_date.is_empty() && draft.due_date.parse::<jiff::civil::Date>().is_err() {
        let message = "write the date as 2026-12-31";
        return Err(AdminError::invalid("draft.due_date", "invalid_date", message));
    }
    check::at_most("draft.adjustments", &draft.adjustments, MOST_ADJUSTMENTS)?;
    for (n, Adjustment { note, amount, .. }) in draft.adjustments.iter().enumerate() {
        let field = |name: &str| format!("draft.adjustments[{n}].{name}");
        check::name(&field("note"), note)?;
        if amount.abs() > Decimal::from(MOST_AMOUNT) || amount.scale() > 6 || amount.is_zero() {
            let message = "enter an amount other than 0, up to 100000000000, with at most 6 decimals";
            return Err(AdminError::invalid(field("amount"), "out_of_range", message));
        }
    }
    Ok(())
}

fn is_closed() -> AdminError {
    AdminError::State {
        code: "statement_closed",
        message: "this statement is closed: it does not change any more".into(),
    }
}

/// The closed statement of a month that holds.
fn holding(group: &Group<'_>, partner: &PartnerId, month: Month) -> Result<Option<Closed>, StoreError> {
    let of_month = all_of(group, partner)?.into_iter();
    Ok(of_month
        .filter(|own| own.month == month)
        .find(|own| own.reopened_at_ms.is_none()))
}

/// Every closed statement of a partner, the oldest first.
fn all_of(group: &Group<'_>, partner: &PartnerId) -> Result<Vec<Closed>, StoreError> {
    let found = group.scan(
        Db::Hot,
        KeyRange::prefix(&keys::statements_prefix(partner)),
        10_000,
    )?;
    let decoded = found
        .into_iter()
        .map(|(key, value)| Closed::decode(&value, Db::Hot, &key));
    decoded.collect()
}

/// Closes the statement of a month that is over, with what is approved now.
///
/// # Errors
/// The month is not over, the statement is closed, there is nothing in it, or something changed meanwhile.
pub async fn close(recorder: &Recorder, actor: Actor, view: &View, made: Made) -> Result<(), AdminError> {
    let (partner, month) = (made.statement.partner.clone(), made.statement.month);
    if !statements::is_over(view, month)? {
        return Err(AdminError::State {
            code: "month_not_over",
            message: "a statement can be closed once its month is over".into(),
        });
    }
    if made.lines.len() > MOST_LINES {
        return Err(AdminError::TooMuch);
    }
    let is_empty = made.statement.totals.is_empty();
    if is_empty {
        return Err(AdminError::State {
            code: "statement_empty",
            message: "there is nothing to pay in this month".into(),
        });
    }
    recorder
        .try_run(move |group| commit_close(made, &partner, month, &actor, group))
        .await?
}

fn commit_close(
    made: Made,
    partner: &PartnerId,
    month: Month,
    actor: &Actor,
    group: &mut Group<'_>,
) -> Result<(), AdminError> {
    let Made { mut statement, lines } = made;
    let known = all_of(group, partner)?;
    let of_month = || known.iter().filter(|own| own.month == month);
    if of_month().any(|own| own.reopened_at_ms.is_none()) {
        return Err(is_closed());
    }
    verify(&lines, &statement, group)?;
    let now_ms = group.now_ms();
    statement.version = of_month().map(|own| own.version).max().unwrap_or(0) + 1;
    statement.closed_at_ms = now_ms;
    statement.closed_by.clone_from(&actor.name);
    if statement.number.is_empty() {
        statement.number = next_number(month, group)?;
    }
    let (number, version) = (month.number(), statement.version);
    let month_of = |line: &Line| Billed {
        partner: partner.clone(),
        month: number,
        payout: line.payout,
    };
    let corrected: Vec<Billed> = statement
        .corrections
        .iter()
        .map(|own| Billed {
            partner: partner.clone(),
            month: own.month.number(),
            payout: own.after,
        })
        .collect();
    for line in &lines {
        group.save(keys::billed(line.id), &month_of(line))?;
    }
    for (own, billed) in statement.corrections.iter().zip(&corrected) {
        group.save(keys::billed(own.id), billed)?;
        group.remove(keys::billed_changed(partner, own.id));
    }
    for (part, some) in lines.chunks(OF_PART).enumerate() {
        let part = u16::try_from(part).unwrap_or(u16::MAX);
        let some = Lines { lines: some.to_vec() };
        group.save(keys::statement_lines(partner, number, version, part), &some)?;
    }
    group.remove(keys::statement_draft(partner, number));
    group.save(keys::statement(partner, number, version), &statement)?;
    forget_old(&known, group)?;
    let note = Note::new(
        "statement.close",
        format!("{partner} {month} {}", statement.number),
    );
    Ok(audit(group, actor, note.detail(sums(&statement)))?)
}

fn sums(statement: &Closed) -> String {
    let totals = statement.totals.iter();
    let texts: Vec<String> = totals.map(|t| format!("{} {}", t.total, t.currency)).collect();
    texts.join(" + ")
}

/// Nothing that was read for the statement may have changed since.
fn verify(lines: &[Line], statement: &Closed, group: &Group<'_>) -> Result<(), AdminError> {
    let is_so = |id, expected: Money| -> Result<bool, StoreError> {
        let now = group
            .load(&keys::activity(id))?
            .and_then(|conversion| owed(&conversion));
        Ok(now.unwrap_or(Money {
            amount: Decimal::ZERO,
            ..expected
        }) == expected)
    };
    for line in lines {
        if !is_so(line.id, line.payout)? || group.has(&keys::billed(line.id))? {
            return Err(changed_meanwhile());
        }
    }
    for own in &statement.corrections {
        let billed = group.load(&keys::billed(own.id))?.map(|billed| billed.payout);
        let is_billed = billed == Some(own.before) || own.before.amount.is_zero();
        let is_now = is_so(own.id, own.after)? || own.after.amount.is_zero();
        if !is_billed || !is_now {
            return Err(changed_meanwhile());
        }
    }
    Ok(())
}

fn changed_meanwhile() -> AdminError {
    AdminError::State {
        code: "changed_meanwhile",
        message: "conversions of this statement changed a moment ago: look at it again, then close it".into(),
    }
}

/// A number that no statement of the month has.
fn next_number(month: Month, group: &Group<'_>) -> Result<String, StoreError> {
    let all = group.scan(
        Db::Hot,
        KeyRange::prefix(&keys::statement_prefix()),
        MOST_NUMBERED,
    )?;
    let mut count = 1;
    for (key, value) in all {
        count += usize::from(Closed::decode(&value, Db::Hot, &key)?.month == month);
    }
    Ok(format!("{}-{count:03}", month.number()))
}

/// Removes what is older than it has to be kept.
fn forget_old(known: &[Closed], group: &mut Group<'_>) -> Result<(), StoreError> {
    let before_ms = group.now_ms() - KEPT_YEARS * 366 * 86_400_000;
    for old in known.iter().filter(|old| old.closed_at_ms < before_ms) {
        let (month, version) = (old.month.number(), old.version);
        let prefix = keys::statement_lines_prefix(&old.partner, month, version);
        for (key, value) in group.scan(Db::Hot, KeyRange::prefix(&prefix), MOST_LINES)? {
            for line in Lines::decode(&value, Db::Hot, &key)?.lines {
                group.remove(keys::billed(line.id));
            }
            group.remove((Db::Hot, key));
        }
        group.remove(keys::statement(&old.partner, month, version));
    }
    Ok(())
}

/// Opens the last closed statement of a partner again; closing it anew makes a new version.
///
/// # Errors
/// It is not closed, or a later one is.
pub async fn reopen(recorder: &Recorder, actor: Actor, request: MonthRequest) -> Result<(), AdminError> {
    let MonthRequest { partner, month } = request;
    recorder
        .try_run(move |group| commit_reopen(&partner, month, &actor, group))
        .await?
}

fn commit_reopen(
    partner: &PartnerId,
    month: Month,
    actor: &Actor,
    group: &mut Group<'_>,
) -> Result<(), AdminError> {
    let known = all_of(group, partner)?;
    let mut held = known.into_iter().filter(|own| own.reopened_at_ms.is_none());
    let Some(mut last) = held.next_back() else {
        return Err(AdminError::not_found("statement", format!("{partner} {month}")));
    };
    if last.month != month {
        return Err(AdminError::State {
            code: "later_closed",
            message: format!(
                "only the last closed statement can be opened again: that of {}",
                last.month
            ),
        });
    }
    let prefix = keys::statement_lines_prefix(partner, month.number(), last.version);
    for (key, value) in group.scan(Db::Hot, KeyRange::prefix(&prefix), MOST_LINES)? {
        for line in Lines::decode(&value, Db::Hot, &key)?.lines {
            group.remove(keys::billed(line.id));
            group.remove(keys::billed_changed(partner, line.id));
        }
    }
    for own in &last.corrections {
        let billed = Billed {
            partner: partner.clone(),
            month: own.month.number(),
            payout: own.before,
        };
        if !own.before.amount.is_zero() {
            group.save(keys::billed(own.id), &billed)?;
        }
        group.mark(keys::billed_changed(partner, own.id));
    }
    group.save(keys::statement_draft(partner, month.number()), &last.draft)?;
    last.reopened_at_ms = Some(group.now_ms());
    last.reopened_by.clone_from(&actor.name);
    group.save(keys::statement(partner, month.number(), last.version), &last)?;
    let note = Note::new("statement.reopen", format!("{partner} {month} {}", last.number));
    Ok(audit(group, actor, note)?)
}

/// Reads the statement that is to be closed.
///
/// # Errors
/// It is closed already, or cannot be read.
pub fn to_close(view: &View, request: &MonthRequest) -> Result<Made, AdminError> {
    let query = StatementQuery {
        partner: request.partner.clone(),
        month: request.month,
        version: None,
    };
    if statements::closed(view, &query)?.is_some() {
        return Err(is_closed());
    }
    Ok(statements::make(view, &request.partner, request.month)?)
}
