//! Raw data: what one row says of a session, an activity, a postback or an attempt. One table for each, which the
//! files, the stream, the page of columns and its test are made from. Pure.
//!
//! A column that exists stays: its name, its type and its meaning are a promise to those who ask years of files at
//! once. New ones are added at the end of their table.

mod of_activity;
mod of_postback;
mod of_session;

use super::activity::Activity;
use super::money::Money;
use super::postback::{Attempt, Postback};
use super::session::Session;
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Map;
use std::borrow::Cow;

pub use of_activity::ACTIVITIES;
pub use of_postback::{ATTEMPTS, POSTBACKS};
pub use of_session::SESSIONS;

/// Type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// A JSON document as text.
    Json,
    /// 64 bits, signed.
    Whole,
    /// True or false.
    Flag,
    /// Milliseconds since 1970, UTC.
    Time,
    /// Whole units of a currency, six decimals.
    Amount,
}

/// What a row says in a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'r> {
    /// Nothing: there is none, or it is not known.
    Absent,
    /// Of [`Kind::Text`] and [`Kind::Json`].
    Text(Cow<'r, str>),
    /// Of [`Kind::Whole`].
    Whole(i64),
    /// Of [`Kind::Flag`].
    Flag(bool),
    /// Of [`Kind::Time`].
    Time(i64),
    /// Of [`Kind::Amount`].
    Amount(Decimal),
}

/// A fact that is recorded.
#[derive(Debug, Clone, Copy)]
pub enum Fact<'r> {
    /// A click or impression.
    Session(&'r Session),
    /// Any other activity.
    Activity(&'r Activity),
    /// A postback that was made.
    Postback(&'r Postback),
    /// A try of a postback.
    Attempt(&'r Postback, &'r Attempt),
}

impl<'r> Fact<'r> {
    /// The click or impression that it is, or that it is credited to.
    fn session(&self) -> Option<&'r Session> {
        match *self {
            Self::Session(session) => Some(session),
            Self::Activity(activity) => activity.session.as_deref(),
            Self::Postback(_) | Self::Attempt(..) => None,
        }
    }

    /// The activity, unless it is a click or impression.
    fn activity(&self) -> Option<&'r Activity> {
        match *self {
            Self::Activity(activity) => Some(activity),
            Self::Session(_) | Self::Postback(_) | Self::Attempt(..) => None,
        }
    }

    /// The postback, or the one that was tried.
    fn postback(&self) -> Option<&'r Postback> {
        match *self {
            Self::Postback(postback) | Self::Attempt(postback, _) => Some(postback),
            Self::Session(_) | Self::Activity(_) => None,
        }
    }

    /// The try.
    fn attempt(&self) -> Option<&'r Attempt> {
        match *self {
            Self::Attempt(_, attempt) => Some(attempt),
            Self::Session(_) | Self::Activity(_) | Self::Postback(_) => None,
        }
    }
}

/// A column.
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// What it means, in a sentence or less.
    pub meaning: &'static str,
    /// What a fact says in it.
    pub value: for<'r> fn(Fact<'r>) -> Value<'r>,
    /// Whether an erasure empties it.
    pub is_personal: bool,
}

/// A table: files of its own, or rows of the stream.
pub struct Table {
    /// Its name, and that of its directory.
    pub name: &'static str,
    /// What a row is.
    pub meaning: &'static str,
    /// Its columns, those of the session last where it has them.
    pub columns: &'static [&'static [Column]],
}

impl Table {
    /// Its columns in order.
    pub fn columns(&self) -> impl Iterator<Item = &'static Column> {
        self.columns.iter().flat_map(|part| part.iter())
    }
}

/// Every table.
pub const TABLES: &[&Table] = &[&SESSIONS, &ACTIVITIES, &POSTBACKS, &ATTEMPTS];

const fn column(
    name: &'static str,
    kind: Kind,
    meaning: &'static str,
    value: for<'r> fn(Fact<'r>) -> Value<'r>,
) -> Column {
    Column {
        name,
        kind,
        meaning,
        value,
        is_personal: false,
    }
}

/// A column that may tell whose row it is.
const fn personal(
    name: &'static str,
    kind: Kind,
    meaning: &'static str,
    value: for<'r> fn(Fact<'r>) -> Value<'r>,
) -> Column {
    Column {
        is_personal: true,
        ..column(name, kind, meaning, value)
    }
}

/// A text; an empty one is absent.
fn text(text: &str) -> Value<'_> {
    if text.is_empty() {
        Value::Absent
    } else {
        Value::Text(Cow::Borrowed(text))
    }
}

fn owned<'r>(text: impl ToString) -> Value<'r> {
    Value::Text(Cow::Owned(text.to_string()))
}

/// A value, or none.
fn opt<'r, T>(from: Option<T>, value: impl FnOnce(T) -> Value<'r>) -> Value<'r> {
    from.map_or(Value::Absent, value)
}

fn amount<'r>(money: Option<Money>) -> Value<'r> {
    opt(money, |money| Value::Amount(money.amount))
}

fn currency<'r>(money: Option<Money>) -> Value<'r> {
    opt(money, |money| owned(money.currency))
}

/// Pairs as a JSON object; of a name that stands twice the last one.
fn object<'r>(pairs: &[(String, String)]) -> Value<'r> {
    if pairs.is_empty() {
        return Value::Absent;
    }
    let object: Map<String, serde_json::Value> = pairs
        .iter()
        .map(|(name, value)| (name.clone(), serde_json::Value::from(value.as_str())))
        .collect();
    owned(serde_json::Value::Object(object))
}

/// The word that a value is on the wire.
fn word<'r>(value: impl Serialize) -> Value<'r> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => owned(word),
        _ => Value::Absent,
    }
}

/// A row as one line of JSON (`JSONEachRow`): `seq` first, then what is not absent. Times are `2026-11-29 13:05:00.123`
/// in UTC, amounts texts without loss.
pub fn json_line(table: &Table, seq: u64, fact: Fact<'_>, into: &mut String) {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    into.push_str(&format!("{{\"seq\":{seq}"));
    for column in table.columns() {
        let written = match (column.value)(fact) {
            Value::Absent => continue,
            Value::Text(text) => quoted(&text),
            Value::Whole(number) => number.to_string(),
            Value::Flag(flag) => flag.to_string(),
            Value::Time(at_ms) => quoted(&utc(at_ms)),
            Value::Amount(amount) => quoted(&amount.normalize().to_string()),
        };
        into.push_str(&format!(",\"{}\":{written}", column.name));
    }
    into.push_str("}\n");
}

/// `2026-11-29 13:05:00.123`.
fn utc(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms).map_or_else(
        |_| "1970-01-01 00:00:00.000".into(),
        |at| {
            let at = at.to_zoned(jiff::tz::TimeZone::UTC);
            at.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_columns_are_explained() {
        for table in TABLES {
            let mut names = BTreeSet::from(["seq"]);
            for column in table.columns() {
                assert!(names.insert(column.name), "{}.{}", table.name, column.name);
                let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
                assert!(column.name.chars().all(is_name), "{}", column.name);
                assert!(
                    !column.meaning.is_empty() && column.meaning.ends_with('.'),
                    "{}",
                    column.name
                );
            }
        }
    }

    #[test]
    fn times_are_utc_with_milliseconds() {
        assert_eq!(utc(1_795_000_000_007), "2026-11-18 11:06:40.007");
        assert_eq!(utc(i64::MAX), "1970-01-01 00:00:00.000");
    }
}
