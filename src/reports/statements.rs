//! Payout statements as they stand: closed ones as they were closed, open ones made of what is approved now.

mod open;

pub use open::{Made, make};

use super::{ReportError, View, time_zone};
use crate::domain::ids::PartnerId;
use crate::domain::statement::{Closed, Line, Lines, Month, Total};
use crate::store::{Db, Record, keys};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// Lines that are shown beside a statement; files hold all.
const MOST_SHOWN: usize = 200;

/// Which statements are listed.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StatementsQuery {
    /// `2026-11`.
    pub month: Month,
}

/// Which statement is meant, and which version of it.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StatementQuery {
    /// Whose.
    pub partner: PartnerId,
    /// For which month.
    pub month: Month,
    /// A closed version of before; the one that holds when left out.
    #[serde(default)]
    pub version: Option<u16>,
}

/// One statement in a list.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct StatementRow {
    /// Whose.
    pub partner: PartnerId,
    /// The partner's name.
    pub name: String,
    /// Its number, once it is closed.
    pub number: Option<String>,
    /// When it was closed, unix milliseconds; `null`: it is open.
    pub closed_at_ms: Option<i64>,
    /// Conversions that it holds.
    pub lines: usize,
    /// Later changes of earlier months.
    pub corrections: usize,
    /// What is paid, by currency.
    pub totals: Vec<Total>,
}

/// The statements of a month.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Statements {
    /// By the name of the partner.
    pub rows: Vec<StatementRow>,
    /// Whether the month is over: only then statements can be closed.
    pub is_over: bool,
    /// The time zone of open statements.
    pub time_zone: String,
}

/// One statement, open or closed.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct StatementDto {
    /// What it says.
    pub statement: Closed,
    /// Whether it is open: it may still change, and `closed_at_ms` is 0.
    pub is_open: bool,
    /// Whether the month is over.
    pub is_over: bool,
    /// The first of its conversions.
    pub lines: Vec<Line>,
    /// The closed versions, the newest first.
    pub versions: Vec<VersionDto>,
}

/// A closed version of a statement.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct VersionDto {
    /// From 1.
    pub version: u16,
    /// When it was closed, unix milliseconds.
    pub closed_at_ms: i64,
    /// When it was opened again, unix milliseconds.
    pub reopened_at_ms: Option<i64>,
}

/// The statement of a partner and month that holds, or the one of a version.
///
/// # Errors
/// The store cannot be read.
pub fn closed(view: &View, query: &StatementQuery) -> Result<Option<Closed>, ReportError> {
    let all = versions(view, &query.partner, query.month)?;
    Ok(match query.version {
        Some(version) => all.into_iter().find(|closed| closed.version == version),
        None => all.into_iter().find(|closed| closed.reopened_at_ms.is_none()),
    })
}

/// The closed versions of a month, the newest first.
pub fn versions(view: &View, partner: &PartnerId, month: Month) -> Result<Vec<Closed>, ReportError> {
    let mut found = Vec::new();
    open::each_closed(view, &keys::statements_prefix(partner), |closed| {
        if closed.month == month {
            found.push(closed);
        }
    })?;
    Ok(found)
}

/// All lines of a closed statement.
pub fn lines(view: &View, closed: &Closed) -> Result<Vec<Line>, ReportError> {
    let prefix = keys::statement_lines_prefix(&closed.partner, closed.month.number(), closed.version);
    let (mut found, mut wrong) = (Vec::new(), None);
    view.reader.scan_prefix(Db::Hot, &prefix, false, |key, value| {
        match Lines::decode(value, Db::Hot, key) {
            Ok(part) => found.extend(part.lines),
            Err(error) => wrong = Some(error),
        }
        ControlFlow::Continue(())
    })?;
    wrong.map_or(Ok(found), |error| Err(error.into()))
}

/// Whether a month is over in the zone of the settings.
pub fn is_over(view: &View, month: Month) -> Result<bool, ReportError> {
    let zone = time_zone(&view.catalog.settings.time_zone)?;
    Ok(open::bounds(month, &zone)?.1 <= view.now_ms)
}

/// One statement; `None`: there is no such version, or it may not be seen. Those who are limited to partners see
/// closed ones only.
pub fn find(view: &View, query: &StatementQuery) -> Result<Option<StatementDto>, ReportError> {
    if !view.scope.sees(Some(&query.partner)) {
        return Ok(None);
    }
    let is_over = is_over(view, query.month)?;
    let versions = versions(view, &query.partner, query.month)?;
    let version = |closed: &Closed| VersionDto {
        version: closed.version,
        closed_at_ms: closed.closed_at_ms,
        reopened_at_ms: closed.reopened_at_ms,
    };
    let shown = |statement: Closed, is_open, mut lines: Vec<Line>| {
        lines.truncate(MOST_SHOWN);
        StatementDto {
            statement,
            is_open,
            is_over,
            lines,
            versions: versions.iter().map(version).collect(),
        }
    };
    if let Some(closed) = closed(view, query)? {
        let lines = lines(view, &closed)?;
        return Ok(Some(shown(closed, false, lines)));
    }
    if query.version.is_some() || !view.scope.is_all() {
        return Ok(None);
    }
    let Made { statement, lines } = make(view, &query.partner, query.month)?;
    Ok(Some(shown(statement, true, lines)))
}

/// One statement with all its lines, for a file.
///
/// # Errors
/// There is no such version, or it may not be seen; it would take too long, or the store cannot be read.
pub fn whole(view: &View, query: &StatementQuery) -> Result<(Closed, Vec<Line>), ReportError> {
    let missing = || ReportError::invalid("month", "unknown_statement", "there is no such statement");
    if !view.scope.sees(Some(&query.partner)) {
        return Err(missing());
    }
    if let Some(closed) = closed(view, query)? {
        let lines = lines(view, &closed)?;
        return Ok((closed, lines));
    }
    if query.version.is_some() || !view.scope.is_all() {
        return Err(missing());
    }
    let Made { statement, lines } = make(view, &query.partner, query.month)?;
    Ok((statement, lines))
}

/// The statements of a month: closed ones, and open ones of partners that are owed something.
pub fn list(view: &View, query: &StatementsQuery) -> Result<Statements, ReportError> {
    let mut rows = Vec::new();
    let mut is_closed = BTreeSet::new();
    open::each_closed(view, &keys::statement_prefix(), |closed| {
        let is_meant = closed.month == query.month && closed.reopened_at_ms.is_none();
        if is_meant && view.scope.sees(Some(&closed.partner)) {
            is_closed.insert(closed.partner.clone());
            rows.push(row(closed));
        }
    })?;
    if view.scope.is_all() {
        for (partner, open) in open::open(view, query.month, None)? {
            if !is_closed.contains(&partner) {
                rows.push(row(open::finish(view, &partner, query.month, open)?.statement));
            }
        }
    }
    rows.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.partner.cmp(&b.partner)));
    Ok(Statements {
        rows,
        is_over: is_over(view, query.month)?,
        time_zone: view.catalog.settings.time_zone.clone(),
    })
}

fn row(statement: Closed) -> StatementRow {
    let is_open = statement.closed_at_ms == 0;
    StatementRow {
        partner: statement.partner,
        name: statement.partner_name,
        number: (!is_open).then_some(statement.number),
        closed_at_ms: (!is_open).then_some(statement.closed_at_ms),
        lines: statement.lines,
        corrections: statement.corrections.len(),
        totals: statement.totals,
    }
}
