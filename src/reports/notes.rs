//! What was odd about what came in, counted: how many clicks and conversions of a time came with a variable that nobody
//! filled, a damaged address, a refused callback. Over the records of the time, newest first, within a budget.

use super::page::Budget;
use super::scan::{self, Window};
use super::{ReportError, View};
use crate::domain::activity::{Activity, ActivityKind, Verdict};
use crate::domain::note::{self, Note, NoteCode};
use crate::domain::session::Session;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::time::Duration;

/// Records looked at, of clicks and of conversions each.
const MOST_RECORDS: usize = 250_000;
/// Time spent on each.
const MOST_TIME: Duration = Duration::from_millis(1_500);
/// Kinds of notes that are told apart; what comes after them is counted in `noted` only.
const MOST_ROWS: usize = 100;

/// What is looked at.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NotesQuery {
    /// Received from this time on, unix milliseconds.
    pub from_ms: Option<i64>,
    /// Received before this time.
    pub to_ms: Option<i64>,
    /// Only of this offer.
    pub offer: Option<String>,
    /// Only of this partner.
    pub partner: Option<String>,
    /// Only of this link.
    pub link: Option<String>,
}

/// How often one thing was noted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct NoteCount {
    /// What was odd.
    pub code: NoteCode,
    /// The field or parameter that it is about; empty where it is about none.
    pub field: String,
    /// The newest value; empty for those who are limited to partners.
    pub value: String,
    /// Records that it was noted on.
    pub count: u64,
}

/// Notes of one kind of records.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct NotesOf {
    /// Records that were looked at; tests are left out.
    pub records: u64,
    /// Of these, with a note of any kind.
    pub noted: u64,
    /// Of these, with a variable that nobody filled.
    pub unfilled: u64,
    /// By what and where, most frequent first.
    pub rows: Vec<NoteCount>,
    /// There were too many to look at all: only the newest are counted.
    pub is_partial: bool,
}

/// What was odd about what came in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct NotesReport {
    /// Of clicks and impressions.
    pub clicks: NotesOf,
    /// Of conversions that count.
    pub conversions: NotesOf,
}

/// Counts the notes of a time.
pub fn notes(view: &View, query: &NotesQuery) -> Result<NotesReport, ReportError> {
    let window = Window::new(query.from_ms, query.to_ms, None)?;
    Ok(NotesReport {
        clicks: of_clicks(view, query, window)?,
        conversions: of_conversions(view, query, window)?,
    })
}

fn of_clicks(view: &View, query: &NotesQuery, window: Window) -> Result<NotesOf, ReportError> {
    let mut tally = Tally::new(view);
    let mut budget = Budget::new(MOST_RECORDS, MOST_TIME);
    let end = scan::each(&view.reader, window, &mut budget, |session: Session| {
        let is_asked = view.scope.sees(session.partner.as_ref())
            && !session.flags.is_test
            && query.asks(Some(session.offer.as_str()), Some(&session));
        if is_asked {
            tally.add(note::notes(&session.parameters));
        }
    })?;
    Ok(tally.finish(end.is_cut()))
}

fn of_conversions(view: &View, query: &NotesQuery, window: Window) -> Result<NotesOf, ReportError> {
    let mut tally = Tally::new(view);
    let mut budget = Budget::new(MOST_RECORDS, MOST_TIME);
    let end = scan::each(&view.reader, window, &mut budget, |activity: Activity| {
        let is_asked = matches!(activity.kind, ActivityKind::Install | ActivityKind::Event)
            && activity.verdict == Verdict::Accepted
            && !activity.is_test
            && view.scope.sees_activity(&activity)
            && query.asks(
                activity.offer.as_ref().map(|offer| offer.as_str()),
                activity.session.as_deref(),
            );
        if is_asked {
            tally.add(note::notes(&activity.input.fields));
        }
    })?;
    Ok(tally.finish(end.is_cut()))
}

impl NotesQuery {
    fn asks(&self, offer: Option<&str>, session: Option<&Session>) -> bool {
        let is =
            |wanted: &Option<String>, own: Option<&str>| wanted.as_deref().is_none_or(|w| own == Some(w));
        let partner = session.and_then(|session| session.partner.as_ref());
        is(&self.offer, offer)
            && is(&self.partner, partner.map(|partner| partner.as_str()))
            && is(&self.link, session.map(|session| session.link.as_str()))
    }
}

/// What was counted so far.
struct Tally {
    of: NotesOf,
    rows: HashMap<(NoteCode, String), (String, u64)>,
    shows_values: bool,
}

impl Tally {
    fn new(view: &View) -> Self {
        Self {
            of: NotesOf::default(),
            rows: HashMap::new(),
            shows_values: view.scope.is_all(),
        }
    }

    fn add(&mut self, notes: impl Iterator<Item = Note>) {
        self.of.records += 1;
        let (mut is_noted, mut is_unfilled) = (false, false);
        for note in notes {
            is_noted = true;
            is_unfilled |= note.code == NoteCode::Unfilled;
            let is_full = self.rows.len() >= MOST_ROWS;
            let value = if self.shows_values {
                note.value
            } else {
                String::new()
            };
            match self.rows.entry((note.code, note.field)) {
                std::collections::hash_map::Entry::Occupied(mut row) => row.get_mut().1 += 1,
                std::collections::hash_map::Entry::Vacant(row) if !is_full => {
                    row.insert((value, 1));
                }
                std::collections::hash_map::Entry::Vacant(_) => {}
            }
        }
        self.of.noted += u64::from(is_noted);
        self.of.unfilled += u64::from(is_unfilled);
    }

    fn finish(mut self, is_partial: bool) -> NotesOf {
        let rows = self.rows.into_iter();
        self.of.rows = rows
            .map(|((code, field), (value, count))| NoteCount {
                code,
                field,
                value,
                count,
            })
            .collect();
        self.of
            .rows
            .sort_by(|a, b| (b.count, a.code.as_str(), &a.field).cmp(&(a.count, b.code.as_str(), &b.field)));
        self.of.is_partial = is_partial;
        self.of
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_counted_by_what_and_where_and_bounded() {
        let tally = |shows_values| Tally {
            of: NotesOf::default(),
            rows: HashMap::new(),
            shows_values,
        };
        let unfilled = || Note::new(NoteCode::Unfilled, "param1", "{clickid}");
        let mut all = tally(true);
        all.add([unfilled(), Note::new(NoteCode::MendedAddress, "", "")].into_iter());
        all.add([unfilled()].into_iter());
        all.add(std::iter::empty());
        let found = all.finish(false);
        assert_eq!((found.records, found.noted, found.unfilled), (3, 2, 2));
        let rows: Vec<_> = found
            .rows
            .iter()
            .map(|row| {
                (
                    row.code.as_str(),
                    row.field.as_str(),
                    row.value.as_str(),
                    row.count,
                )
            })
            .collect();
        assert_eq!(
            rows,
            [
                ("unfilled", "param1", "{clickid}", 2),
                ("mended_address", "", "", 1)
            ]
        );
        let mut many = tally(false);
        for n in 0..1_000 {
            many.add([Note::new(NoteCode::LeftOut, &format!("x{n}"), "v")].into_iter());
        }
        let found = many.finish(true);
        assert_eq!((found.noted, found.rows.len()), (1_000, MOST_ROWS));
        assert!(found.is_partial && found.rows.iter().all(|row| row.value.is_empty()));
    }
}
