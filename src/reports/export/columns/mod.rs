//! What stands in the columns of exported files.
//!
//! A file is written for people or for programs. For people the headings are those of the screens, codes are words
//! of their language, and names stand beside ids. For programs headings and cells are stable codes.

mod objects;
mod records;
mod statement;
mod sums;
mod taken;

pub use objects::{AUDIT, LINKS, LinkRow, OFFERS, PARTNERS, RULES};
pub use records::{ACTIVITIES, POSTBACKS, SESSIONS};
pub use statement::{STATEMENT, statement_lines};
pub use sums::{PAYOUTS, STATS, payout_lines, stat_lines};
pub use taken::TAKEN;

use super::style::Style;
use crate::domain::ids::{EventToken, OfferId, PartnerId};
use crate::reports::View;
use jiff::Timestamp;
use serde::Serialize;

/// What a column is called for people.
pub enum Heading {
    /// As a column of the screens is: a key of the catalogue of texts.
    Screen(&'static str),
    /// English and Japanese, of a column that no screen has.
    Own(&'static str, &'static str),
}

/// A column of rows `T`.
pub struct Column<T> {
    /// Heading for programs; `None`: the column is for people only.
    pub code: Option<&'static str>,
    /// Heading for people.
    pub heading: Heading,
    /// The cell of a row.
    pub cell: fn(&T, &Cells<'_>) -> String,
}

/// A column of every file.
const fn column<T>(code: &'static str, heading: Heading, cell: fn(&T, &Cells<'_>) -> String) -> Column<T> {
    Column {
        code: Some(code),
        heading,
        cell,
    }
}

/// A column of files for people.
const fn for_people<T>(heading: Heading, cell: fn(&T, &Cells<'_>) -> String) -> Column<T> {
    Column {
        code: None,
        heading,
        cell,
    }
}

/// How cells are written.
pub struct Cells<'a> {
    /// Language and time zone.
    pub style: &'a Style,
    /// Names of offers and partners.
    pub view: &'a View,
}

impl Cells<'_> {
    fn time(&self, at_ms: i64) -> String {
        Timestamp::from_millisecond(at_ms).map_or_else(
            |_| at_ms.to_string(),
            |at| {
                at.to_zoned(self.style.zone.clone())
                    .strftime("%Y-%m-%d %H:%M:%S")
                    .to_string()
            },
        )
    }

    /// A code of ours: the word that the catalogue has in a group for it, or the code itself.
    fn word(&self, group: &str, code: &str) -> String {
        match self.style.words {
            Some(words) if !code.is_empty() => words.of_code(group, code),
            _ => code.to_owned(),
        }
    }

    /// The text that the screens have under a key; the code itself in files for programs.
    fn screen(&self, key: &'static str, code: &str) -> String {
        self.style
            .words
            .map_or_else(|| code.to_owned(), |words| words.get(key).to_owned())
    }

    /// A code of ours as JSON has it.
    fn code(&self, group: &str, value: &impl Serialize) -> String {
        let code = serde_json::to_value(value).ok();
        let code = code.as_ref().and_then(|v| v.as_str()).unwrap_or_default();
        self.word(group, code)
    }

    fn flag(&self, is_set: bool) -> String {
        match self.style.words.map(|words| words.language) {
            Some("ja") => if is_set { "はい" } else { "いいえ" }.to_owned(),
            Some(_) => if is_set { "yes" } else { "no" }.to_owned(),
            None => is_set.to_string(),
        }
    }

    fn offer(&self, id: Option<&OfferId>) -> String {
        id.map_or_else(String::new, |id| {
            let offer = self.view.catalog.offers.get(id);
            text(offer.map_or(id.as_str(), |offer| &offer.name))
        })
    }

    fn partner(&self, id: Option<&PartnerId>) -> String {
        id.map_or_else(String::new, |id| {
            let partner = self.view.catalog.partners.get(id);
            text(partner.map_or(id.as_str(), |partner| &partner.name))
        })
    }

    /// What operators wrote for themselves: nothing for somebody who is limited to partners.
    fn note(&self, note: &str) -> String {
        if self.view.scope.is_all() {
            text(note)
        } else {
            String::new()
        }
    }

    /// The name of an event of an offer.
    fn event(&self, offer: Option<&OfferId>, token: Option<&str>) -> String {
        let token = token.unwrap_or_default();
        let offer = offer.and_then(|id| self.view.catalog.offers.get(id));
        let event = offer.and_then(|offer| offer.events.iter().find(|e| e.token.as_str() == token));
        text(event.map_or(token, |event| &event.name))
    }
}

/// A text from outside: what a spreadsheet would take for a formula gets a quote in front.
fn text(value: &str) -> String {
    let is_formula = value.starts_with(['=', '+', '-', '@', '\t', '\r', '\0', '＝', '＋', '－', '＠']);
    if is_formula {
        format!("'{value}")
    } else {
        value.to_owned()
    }
}

fn optional<T: ToString>(value: Option<&T>) -> String {
    value.map_or_else(String::new, |v| text(&v.to_string()))
}

fn token(event: Option<&EventToken>) -> Option<&str> {
    event.map(EventToken::as_str)
}

/// The code of a column of the conversion log that has this heading, in whichever language; empty for a column that is
/// for people only. For reading a file again that was written here.
pub fn activity_column(heading: &str) -> Option<&'static str> {
    let named = ["en", "ja"].map(crate::reports::words::named);
    let is_named = |column: &&Column<_>| match column.heading {
        Heading::Screen(key) => named.iter().flatten().any(|words| words.get(key) == heading),
        Heading::Own(en, ja) => en == heading || ja == heading,
    };
    let known = ACTIVITIES
        .iter()
        .filter(is_named)
        .map(|column| column.code.unwrap_or_default())
        .next();
    known.or_else(|| {
        ACTIVITIES
            .iter()
            .filter_map(|c| c.code)
            .find(|code| *code == heading)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reports::words::named;

    #[test]
    fn formulas_are_defused() {
        for value in ["=1+1", "+81", "-1", "@x", "\tx", "＝A1"] {
            assert!(text(value).starts_with('\''), "{value}");
        }
        assert_eq!(text("a=b"), "a=b");
    }

    fn headings<T>(columns: &[Column<T>]) -> Vec<&'static str> {
        let keys = columns.iter().filter_map(|column| match column.heading {
            Heading::Screen(key) => Some(key),
            Heading::Own(..) => None,
        });
        keys.collect()
    }

    #[test]
    fn every_heading_of_a_screen_is_there_in_both_languages() {
        let keys = [
            headings(SESSIONS),
            headings(ACTIVITIES),
            headings(POSTBACKS),
            headings(STATS),
            headings(PAYOUTS),
            headings(AUDIT),
            headings(LINKS),
            headings(OFFERS),
            headings(PARTNERS),
            headings(RULES),
        ];
        for key in keys.concat() {
            for language in ["en", "ja"] {
                assert_ne!(named(language).unwrap().get(key), key, "{language}");
            }
        }
    }

    #[test]
    fn a_heading_is_known_again() {
        for (heading, code) in [
            ("注文番号", Some("uid1")),
            ("Order number", Some("uid1")),
            ("uid1", Some("uid1")),
            ("ステータス", Some("status")),
            ("nonsense", None),
        ] {
            assert_eq!(activity_column(heading), code, "{heading}");
        }
    }
}
