//! Reads order numbers that were pasted, or a table in the columns of a shop's own system. Pure.
//!
//! What has no separator in its first line is a list, one order number a line. Else it is a table: which column is
//! the order number, the status and the reason is told, remembered from the last time, or guessed by its heading.

use crate::admin::AdminError;
use crate::admin::tables;
use crate::admin::upload::{LineError, line_error, parse_status};
use crate::domain::activity::ConversionStatus;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Order numbers of one decision.
pub const MOST_LINES: usize = 10_000;
/// Mistakes and words that are told.
const MOST_TOLD: usize = 100;
/// Longest order number, bytes, as it is kept of a conversion.
const ORDER_BYTES: usize = 2048;
/// Longest reason, characters.
pub const REASON_CHARS: usize = 200;
/// Words that a mapping may explain.
const MOST_WORDS: usize = 100;

/// What a word in the column of statuses means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// 承認待ち.
    Pending,
    /// 承認.
    Approved,
    /// 否認.
    Rejected,
    /// The line is left out.
    Skip,
}

/// Which column of a shop's table is what.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mapping {
    /// The first line holds data, not headings; columns are then called `1`, `2`, ...
    pub no_headings: bool,
    /// Column of the order number.
    pub order: String,
    /// Column of the status.
    pub status: Option<String>,
    /// Column of the reason of a rejection.
    pub reason: Option<String>,
    /// What the shop's words for statuses mean; the usual ones are known.
    pub words: BTreeMap<String, Word>,
}

/// One order and what it is to become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderLine {
    /// Line of the text, from 1.
    pub line: u64,
    /// The order number.
    pub order: String,
    /// Its status.
    pub status: ConversionStatus,
    /// Why it is rejected.
    pub reason: Option<String>,
}

/// What a text says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lines {
    /// Headings of the table; empty for a list.
    pub columns: Vec<String>,
    /// Which column is what; `None` for a list, or when it has to be told.
    pub mapping: Option<Mapping>,
    /// Orders.
    pub lines: Vec<OrderLine>,
    /// Lines that name an order again with the same status.
    pub repeated: usize,
    /// Lines that say nothing, or that are to be left out.
    pub skipped: usize,
    /// Words in the column of statuses that have to be explained.
    pub unknown_words: Vec<String>,
    /// Mistakes by line.
    pub errors: Vec<LineError>,
}

/// Reads a text. `status` and `reason` are for lines that have none of their own.
///
/// # Errors
/// The text is no table, or longer than it may be.
pub fn read(
    text: &str,
    told: Option<&Mapping>,
    status: Option<ConversionStatus>,
    reason: Option<&str>,
) -> Result<Lines, AdminError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some(mapping) = told {
        check(mapping)?;
    }
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
    let mut reading = Reading {
        status,
        reason,
        lines: Lines::default(),
        seen: BTreeMap::new(),
        unknown: BTreeSet::new(),
    };
    match tables::separator(first) {
        Some(_) => reading.table(text, told)?,
        None => reading.list(text)?,
    }
    reading.lines.errors.truncate(MOST_TOLD);
    reading.lines.unknown_words = reading.unknown.into_iter().take(MOST_TOLD).collect();
    Ok(reading.lines)
}

fn check(mapping: &Mapping) -> Result<(), AdminError> {
    let names = [
        Some(&mapping.order),
        mapping.status.as_ref(),
        mapping.reason.as_ref(),
    ];
    let is_long = names.into_iter().flatten().any(|name| name.len() > 500)
        || mapping.words.len() > MOST_WORDS
        || mapping.words.keys().any(|word| word.len() > 500);
    if is_long {
        let message = format!("name columns in at most 500 bytes, and explain at most {MOST_WORDS} words");
        return Err(AdminError::invalid("mapping", "too_long", message));
    }
    Ok(())
}

struct Reading<'r> {
    status: Option<ConversionStatus>,
    reason: Option<&'r str>,
    lines: Lines,
    seen: BTreeMap<String, ConversionStatus>,
    unknown: BTreeSet<String>,
}

impl Reading<'_> {
    fn list(&mut self, text: &str) -> Result<(), AdminError> {
        for (index, line) in text.lines().enumerate() {
            let order = line.trim();
            if index == 0 && role(order) == Some(Role::Order) {
                continue;
            }
            self.add(index as u64 + 1, order, None, None)?;
        }
        Ok(())
    }

    fn table(&mut self, text: &str, told: Option<&Mapping>) -> Result<(), AdminError> {
        let records = tables::records(text, "text", MOST_LINES)?;
        let Some((_, first)) = records.first() else {
            return Ok(());
        };
        let headings: Vec<String> = first.iter().map(|cell| cell.trim().to_owned()).collect();
        // Several order numbers in one line.
        if records.len() == 1 && told.is_none() && guess(&headings).is_none() {
            for order in &headings {
                self.add(1, order, None, None)?;
            }
            return Ok(());
        }
        let fits = |mapping: &&Mapping| mapping.no_headings || headings.contains(&mapping.order);
        let mapping = told.filter(fits).cloned().or_else(|| guess(&headings));
        let is_bare = mapping.as_ref().is_some_and(|mapping| mapping.no_headings);
        self.lines.columns = if is_bare {
            (1..=headings.len()).map(|number| number.to_string()).collect()
        } else {
            headings
        };
        self.lines.mapping.clone_from(&mapping);
        let Some(mapping) = mapping else {
            return Ok(());
        };
        let at = |name: &str| self.lines.columns.iter().position(|column| column == name);
        let Some(order_at) = at(&mapping.order) else {
            self.lines.mapping = None;
            return Ok(());
        };
        let status_at = mapping.status.as_deref().and_then(at);
        let reason_at = mapping.reason.as_deref().and_then(at);
        for (line, record) in records.iter().skip(usize::from(!mapping.no_headings)) {
            let cell = |at: usize| record.get(at).map_or("", tables::cell);
            let word = status_at.map_or("", cell);
            let reason = reason_at.map(cell).filter(|reason| !reason.is_empty());
            match self.meaning(word, &mapping) {
                Ok(Some(Word::Skip)) => self.lines.skipped += 1,
                Ok(meaning) => self.add(*line, cell(order_at), meaning.and_then(Word::status), reason)?,
                Err(()) => {
                    self.unknown.insert(word.to_owned());
                    self.wrong(
                        *line,
                        &AdminError::invalid(
                            "status",
                            "unknown_word",
                            "say what this word for a status means",
                        ),
                    );
                }
            }
        }
        Ok(())
    }

    /// What a word says; `None`: nothing, so that the status for all holds.
    fn meaning(&self, word: &str, mapping: &Mapping) -> Result<Option<Word>, ()> {
        if word.is_empty() {
            return Ok(if self.status.is_none() {
                Some(Word::Skip)
            } else {
                None
            });
        }
        if let Some(told) = mapping.words.get(word) {
            return Ok(Some(*told));
        }
        match parse_status(word) {
            Ok(ConversionStatus::Pending) => Ok(Some(Word::Pending)),
            Ok(ConversionStatus::Approved) => Ok(Some(Word::Approved)),
            Ok(ConversionStatus::Rejected) => Ok(Some(Word::Rejected)),
            Err(_) => Err(()),
        }
    }

    fn add(
        &mut self,
        line: u64,
        order: &str,
        status: Option<ConversionStatus>,
        reason: Option<&str>,
    ) -> Result<(), AdminError> {
        if order.is_empty() {
            self.lines.skipped += 1;
            return Ok(());
        }
        let Some(status) = status.or(self.status) else {
            return Err(AdminError::invalid(
                "status",
                "missing_field",
                "choose the status that the orders are to get, or the column that says it",
            ));
        };
        if order.len() > ORDER_BYTES {
            self.wrong(
                line,
                &AdminError::invalid("order", "too_long", "an order number has at most 2048 bytes"),
            );
            return Ok(());
        }
        match self.seen.insert(order.to_owned(), status) {
            Some(before) if before == status => {
                self.lines.repeated += 1;
                return Ok(());
            }
            Some(_) => {
                let message = "this order number stands here twice with different statuses";
                self.wrong(line, &AdminError::invalid("order", "order_twice", message));
                return Ok(());
            }
            None => {}
        }
        if self.lines.lines.len() == MOST_LINES {
            return Err(too_many());
        }
        let reason = reason.or(self.reason).map(clean_reason);
        self.lines.lines.push(OrderLine {
            line,
            order: order.to_owned(),
            status,
            reason: reason.filter(|reason| !reason.is_empty()),
        });
        Ok(())
    }

    fn wrong(&mut self, line: u64, error: &AdminError) {
        if self.lines.errors.len() <= MOST_TOLD {
            self.lines.errors.push(line_error(line, error));
        }
    }
}

impl Word {
    fn status(self) -> Option<ConversionStatus> {
        match self {
            Self::Pending => Some(ConversionStatus::Pending),
            Self::Approved => Some(ConversionStatus::Approved),
            Self::Rejected => Some(ConversionStatus::Rejected),
            Self::Skip => None,
        }
    }
}

/// A reason without control characters, cut to [`REASON_CHARS`].
pub fn clean_reason(text: &str) -> String {
    let plain = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(REASON_CHARS).collect()
}

fn too_many() -> AdminError {
    let message = format!("decide about at most {MOST_LINES} orders at once");
    AdminError::invalid("text", "too_many", message)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Order,
    Status,
    Reason,
}

/// What a heading says that its column is.
fn role(heading: &str) -> Option<Role> {
    const ORDER: [&str; 10] = [
        "注文番号",
        "注文id",
        "受注番号",
        "オーダー番号",
        "order number",
        "order no",
        "order id",
        "order_id",
        "order",
        "uid1",
    ];
    const STATUS: [&str; 6] = [
        "成果ステータス",
        "ステータス",
        "注文状況",
        "状態",
        "承認",
        "status",
    ];
    const REASON: [&str; 4] = ["否認理由", "キャンセル理由", "理由", "reason"];
    let heading = heading.trim().to_lowercase();
    // ORDER-1001 is an order, not a heading.
    let is_numbered = heading.contains(|c: char| c.is_ascii_digit());
    let is_one = |names: &[&str]| names.iter().any(|name| heading == *name);
    let has_one = |names: &[&str]| names.iter().any(|name| heading.contains(name));
    match () {
        () if is_one(&ORDER) => Some(Role::Order),
        () if has_one(&REASON) => Some(Role::Reason),
        () if has_one(&STATUS) => Some(Role::Status),
        () if has_one(&ORDER[..9]) && !is_numbered => Some(Role::Order),
        () => None,
    }
}

/// The columns by their headings; `None`: none of them looks like an order number.
fn guess(headings: &[String]) -> Option<Mapping> {
    let of = |wanted| {
        headings
            .iter()
            .find(|heading| role(heading) == Some(wanted))
            .cloned()
    };
    Some(Mapping {
        no_headings: false,
        order: of(Role::Order)?,
        status: of(Role::Status),
        reason: of(Role::Reason),
        words: BTreeMap::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ConversionStatus::{Approved, Rejected};

    fn plain(lines: &Lines) -> Vec<(u64, &str, ConversionStatus, Option<&str>)> {
        let lines = lines.lines.iter();
        lines
            .map(|l| (l.line, l.order.as_str(), l.status, l.reason.as_deref()))
            .collect()
    }

    #[test]
    fn a_list_is_one_order_a_line_or_several_in_one() {
        let read = |text: &str| read(text, None, Some(Approved), None).unwrap();
        let list = read("\u{feff}注文番号\nA-1\n\n A-2 \nA-1\n");
        let expected = [(2, "A-1", Approved, None), (4, "A-2", Approved, None)];
        assert_eq!(plain(&list), expected);
        assert_eq!(read("ORDER-1\nORDER-2").lines.len(), 2, "a number is no heading");
        assert_eq!((list.repeated, list.skipped), (1, 1));
        for text in ["A-1,A-2", "A-1\tA-2", "A-1; A-2\n"] {
            let line = read(text);
            assert_eq!(
                plain(&line),
                [(1, "A-1", Approved, None), (1, "A-2", Approved, None)],
                "{text}"
            );
        }
    }

    #[test]
    fn columns_are_guessed_by_their_headings_and_words_are_asked_for() {
        let text = "受注番号,購入日,ステータス,キャンセル理由\r\nA-1,11/1,承認,\r\nA-2,11/2,キャンセル,在庫切れ\r\nA-3,11/3,出荷済,\r\nA-4,,,\r\n";
        let found = read(text, None, None, None).unwrap();
        assert_eq!(
            plain(&found),
            [(2, "A-1", Approved, None), (3, "A-2", Rejected, Some("在庫切れ"))]
        );
        assert_eq!(found.unknown_words, ["出荷済"]);
        assert_eq!(
            (found.errors[0].line, found.errors[0].code.as_str()),
            (4, "unknown_word")
        );
        assert_eq!(found.skipped, 1);
        let mut mapping = found.mapping.unwrap();
        mapping.words.insert("出荷済".into(), Word::Approved);
        let told = read(text, Some(&mapping), None, None).unwrap();
        assert_eq!(told.lines.len(), 3);
        assert!(told.errors.is_empty(), "{:?}", told.errors);
    }

    #[test]
    fn a_table_without_known_headings_is_asked_about() {
        let text = "ORDER-1\t7\nORDER-2\t8\n";
        let found = read(text, None, Some(Rejected), Some("重複")).unwrap();
        let said = (found.columns.len(), found.mapping, found.lines.len());
        assert_eq!(said, (2, None, 0));
        let mapping = Mapping {
            no_headings: true,
            order: "1".into(),
            ..Mapping::default()
        };
        let told = read(text, Some(&mapping), Some(Rejected), Some("重複")).unwrap();
        assert_eq!(
            plain(&told),
            [
                (1, "ORDER-1", Rejected, Some("重複")),
                (2, "ORDER-2", Rejected, Some("重複"))
            ]
        );
    }

    #[test]
    fn contradictions_and_missing_statuses_are_told() {
        let text = "order,status\nA-1,approved\nA-1,rejected\n";
        let found = read(text, None, None, None).unwrap();
        assert_eq!(
            (found.lines.len(), found.errors[0].code.as_str()),
            (1, "order_twice")
        );
        let error = read("A-1\nA-2\n", None, None, None).unwrap_err();
        assert_eq!((error.code(), error.field()), ("missing_field", Some("status")));
        let many = "x\n".repeat(3) + &(0..=MOST_LINES).map(|n| format!("n{n}\n")).collect::<String>();
        assert_eq!(
            read(&many, None, Some(Approved), None).unwrap_err().code(),
            "too_many"
        );
    }
}
