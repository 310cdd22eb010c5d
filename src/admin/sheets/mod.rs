//! Partners, links and rules from a CSV file: our own export, edited, or the list of another system. Looked at first,
//! mistakes by line, and taken over all at once or not at all. Each row becomes what a configuration document would
//! say of it, and is checked as that ([`super::import`]).

mod columns;
mod rows;
#[cfg(test)]
mod tests;

use super::document::FORMAT;
use super::import::{self, Plan, PlannedChange};
use super::save::Actor;
use super::tables;
use super::upload::LineError;
use super::{AdminError, ServerLimits};
use crate::recorder::Recorder;
use crate::store::catalog::Catalog;
use rows::{Cells, Described};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Rows of one file: they are one commit.
const MOST_ROWS: usize = 1000;
/// Mistakes that are told.
const MOST_ERRORS: usize = 50;

/// What the rows of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SheetKind {
    /// Partners, with their postback URLs.
    Partners,
    /// Links.
    Links,
    /// Rules.
    Rules,
}

/// What came of a file.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SheetResult {
    /// Rows without the headings.
    pub rows: usize,
    /// What would change or has changed.
    pub changes: Vec<PlannedChange>,
    /// Objects that are there already, as they are.
    pub unchanged: usize,
    /// Columns that say nothing to us.
    pub ignored_columns: Vec<String>,
    /// Mistakes; when there is one nothing is done.
    pub errors: Vec<LineError>,
    /// Whether it was done.
    pub is_applied: bool,
}

/// A file, read.
struct Sheet {
    rows: Vec<(u64, Described)>,
    errors: Vec<LineError>,
    ignored_columns: Vec<String>,
}

/// Takes a file over; with `is_trial` only says what would change.
pub async fn take(
    recorder: &Recorder,
    kind: SheetKind,
    file: &[u8],
    is_trial: bool,
    (now_ms, limits): (i64, ServerLimits<'_>),
    actor: Actor,
) -> Result<SheetResult, AdminError> {
    let (mut result, plan) = look(kind, file, &recorder.catalog(), now_ms, limits)?;
    if let Some(plan) = plan.filter(|_| !is_trial) {
        let done = plan.commit(recorder, actor).await?;
        result.is_applied = done.is_applied;
    }
    Ok(result)
}

/// Reads a file and says what it would change; the plan is there when nothing is wrong.
fn look(
    kind: SheetKind,
    file: &[u8],
    catalog: &Catalog,
    now_ms: i64,
    limits: ServerLimits<'_>,
) -> Result<(SheetResult, Option<Plan>), AdminError> {
    let sheet = read(kind, &tables::decode(file), catalog)?;
    let mut result = SheetResult {
        rows: sheet.rows.len() + sheet.errors.len(),
        changes: Vec::new(),
        unchanged: 0,
        ignored_columns: sheet.ignored_columns,
        errors: sheet.errors,
        is_applied: false,
    };
    let whole = import::plan(
        document(sheet.rows.iter().map(|(_, d)| d)),
        catalog,
        now_ms,
        limits,
    );
    let plan = match whole {
        Ok(plan) => {
            let summary = plan.summary();
            (result.changes, result.unchanged) = (summary.changes, summary.unchanged);
            Some(plan)
        }
        Err(error) => {
            let alone = sheet.rows.iter().filter_map(|(line, described)| {
                let error = import::plan(document([described]), catalog, now_ms, limits).err()?;
                Some(line_error(*line, &error))
            });
            result.errors.extend(alone.take(MOST_ERRORS));
            if result.errors.is_empty() {
                // Two rows that do not go together.
                result
                    .errors
                    .push(line_error(line_of(&sheet.rows, &error), &error));
            }
            None
        }
    };
    result.errors.sort_by_key(|error| error.line);
    result.errors.truncate(MOST_ERRORS);
    let is_good = result.errors.is_empty();
    Ok((result, plan.filter(|_| is_good)))
}

fn document<'a>(rows: impl IntoIterator<Item = &'a Described>) -> Value {
    let (mut partners, mut links, mut rules) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        partners.extend(row.partners.iter().cloned());
        links.extend(row.links.iter().cloned());
        rules.extend(row.rules.iter().cloned());
    }
    json!({"format": FORMAT, "partners": partners, "links": links, "rules": rules})
}

/// `links[3].name` is of the fourth row that has links.
fn line_of(rows: &[(u64, Described)], error: &AdminError) -> u64 {
    let found = error.field().and_then(|field| {
        let (list, rest) = field.split_once('[')?;
        let mut at: usize = rest.split_once(']')?.0.parse().ok()?;
        rows.iter().find_map(|(line, row)| {
            let count = match list {
                "partners" => row.partners.len(),
                "links" => row.links.len(),
                _ => row.rules.len(),
            };
            let is_here = at < count;
            at = at.saturating_sub(count);
            is_here.then_some(*line)
        })
    });
    found.unwrap_or(1)
}

/// The mistake of a line, its field without the place in the document.
fn line_error(line: u64, error: &AdminError) -> LineError {
    let field = error.field().map(|field| {
        let inner = field.split_once("].").map_or(field, |(_, inner)| inner);
        inner.to_owned()
    });
    LineError {
        line,
        field,
        code: error.code().into(),
        message: error.to_string(),
    }
}

fn read(kind: SheetKind, text: &str, catalog: &Catalog) -> Result<Sheet, AdminError> {
    let mut records = tables::records(text, "body", MOST_ROWS)?.into_iter();
    let headings = records.next().map(|(_, headings)| headings).unwrap_or_default();
    let fields: Vec<Option<&'static str>> = headings
        .iter()
        .map(|heading| columns::field(kind, heading))
        .collect();
    if fields.iter().all(Option::is_none) {
        return Err(AdminError::invalid(
            "body",
            "missing_column",
            "the first line must name the columns; none of them is known",
        ));
    }
    let unknown = headings.iter().zip(&fields).filter(|(_, field)| field.is_none());
    let mut sheet = Sheet {
        rows: Vec::new(),
        errors: Vec::new(),
        ignored_columns: unknown.map(|(heading, _)| heading.trim().to_owned()).collect(),
    };
    sheet.ignored_columns.retain(|heading| !heading.is_empty());
    for (line, record) in records {
        let cells = fields.iter().zip(record.iter());
        // Of two columns of one field (id and name of the partner) the first that has something counts.
        let cells: Cells<'_> = cells
            .filter_map(|(field, cell)| Some(((*field)?, tables::cell(cell))))
            .filter(|(_, cell)| !cell.is_empty())
            .collect();
        match rows::describe(kind, &cells, catalog) {
            Ok(described) => sheet.rows.push((line, described)),
            Err(error) => sheet.errors.push(line_error(line, &error)),
        }
    }
    Ok(sheet)
}
