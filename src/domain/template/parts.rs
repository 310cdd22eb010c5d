//! Parts: a text cut into literals and placeholders, in either spelling, and the values that fill them.
//! Shared by URLs, bodies, headers and conditions; it must not know what the text is for.

use super::catalogue::{self, Placeholder};
use super::finding::{Notes, Problem};
use crate::domain::rule::NoData;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::borrow::Cow;

/// Everything but RFC 3986 unreserved characters.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What fills placeholders.
pub trait Values {
    /// The value of a placeholder; `None` and the empty text both mean that there is no data.
    fn value(&self, placeholder: &'static Placeholder) -> Option<Cow<'_, str>>;
    /// The value of a parameter of the credited session: `{dcp_<name>}`.
    fn parameter(&self, name: &str) -> Option<Cow<'_, str>>;
    /// Custom parameters that are appended to the URL, sorted by key; empty for kinds that append none.
    fn custom(&self) -> &[(String, String)];
}

/// One alternative of `{a||b}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Candidate {
    /// An entry of the catalogue.
    Known(&'static Placeholder),
    /// `{dcp_<name>}`: the name.
    Parameter(String),
}

/// A placeholder as it stands in a text: the first candidate with data fills it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// In the order written.
    pub candidates: Vec<Candidate>,
    /// First byte in the source.
    pub start: usize,
    /// Byte after it.
    pub end: usize,
}

impl Field {
    /// The value; `None` when no candidate has data.
    pub fn value<'v>(&self, values: &'v dyn Values) -> Option<Cow<'v, str>> {
        self.candidates
            .iter()
            .filter_map(|candidate| match candidate {
                Candidate::Known(placeholder) => values.value(placeholder),
                Candidate::Parameter(name) => values.parameter(name),
            })
            .find(|value| !value.is_empty())
    }
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Goes out byte for byte.
    Literal(String),
    /// Is filled.
    Field(Field),
}

/// The placeholders among parts.
pub(super) fn fields(parts: &[Part]) -> impl Iterator<Item = &Field> {
    parts.iter().filter_map(|part| match part {
        Part::Field(field) => Some(field),
        Part::Literal(_) => None,
    })
}

/// Whether there are placeholders and none has data.
pub(super) fn is_without_data(parts: &[Part], values: &dyn Values) -> bool {
    let mut any = false;
    for field in fields(parts) {
        any = true;
        if field.value(values).is_some() {
            return false;
        }
    }
    any
}

/// Percent-encodes everything but unreserved characters.
pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, VALUE).to_string()
}

/// Fills the parts into `out`; `write` says how a value is escaped.
pub(super) fn fill(
    parts: &[Part],
    values: &dyn Values,
    no_data: &NoData,
    out: &mut String,
    write: &mut dyn FnMut(&str, &mut String),
) {
    for part in parts {
        match part {
            Part::Literal(text) => out.push_str(text),
            Part::Field(field) => match (field.value(values), no_data) {
                (Some(value), _) => write(&value, out),
                (None, NoData::Word { word }) => write(word, out),
                (None, NoData::Empty | NoData::Drop) => {}
            },
        }
    }
}

/// Fills the parts with percent-encoded values.
pub(super) fn fill_encoded(parts: &[Part], values: &dyn Values, no_data: &NoData, out: &mut String) {
    fill(parts, values, no_data, out, &mut |value, out| {
        out.extend(utf8_percent_encode(value, VALUE));
    });
}

/// What kind of text is scanned: it decides what braces and `##` that are no placeholder mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    /// A URL or form: nothing unknown may stay; a lone `#` is left to the caller.
    Url,
    /// LEFT or VALUE of a condition.
    Condition,
    /// Inside a JSON string: `##` that is no variable is text.
    Json,
    /// A header value: as JSON.
    Header,
}

impl Syntax {
    fn brace(self, brace: char) -> &'static str {
        match (self, brace) {
            (Self::Json, '{') => "\\u007b",
            (Self::Json, _) => "\\u007d",
            (_, '{') => "%7B",
            (_, _) => "%7D",
        }
    }
    fn is_url_like(self) -> bool {
        matches!(self, Self::Url | Self::Condition)
    }
}

/// What stands at the beginning of a text.
pub(super) enum Spot {
    /// A placeholder of so many bytes.
    Field {
        length: usize,
        candidates: Vec<Candidate>,
    },
    /// Something that looks like one but is not in the catalogue.
    Unknown { length: usize, name: String },
}

/// The placeholder at the beginning of `rest`, in either spelling.
pub(super) fn spot(rest: &str) -> Option<Spot> {
    if let Some(inner) = rest.strip_prefix('{') {
        let end = inner.find(['{', '}'])?;
        let content = inner.get(..end)?;
        if !inner[end..].starts_with('}') {
            return None;
        }
        return named(content, content, end + 2);
    }
    let inner = rest.strip_prefix("##")?;
    let end = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
    if end == 0 || !inner[end..].starts_with("##") {
        return None;
    }
    let typed = &inner[..end];
    if typed.bytes().any(|b| b.is_ascii_lowercase()) {
        return Some(Spot::Unknown {
            length: end + 4,
            name: typed.to_owned(),
        });
    }
    named(&typed.to_ascii_lowercase(), typed, end + 4)
}

fn named(content: &str, typed: &str, length: usize) -> Option<Spot> {
    let looks_like_name = |name: &str| {
        let dcp = name.strip_prefix("dcp_").is_some_and(|rest| {
            !rest.is_empty()
                && !rest
                    .chars()
                    .any(|c| c.is_whitespace() || c.is_control() || c == '|')
        });
        dcp || (!name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')))
    };
    if content.is_empty() || !content.split("||").all(looks_like_name) {
        return None;
    }
    let mut candidates = Vec::new();
    for name in content.split("||") {
        candidates.push(match (name.strip_prefix("dcp_"), catalogue::find(name)) {
            (Some(parameter), _) if !parameter.is_empty() => Candidate::Parameter(parameter.to_owned()),
            (_, Some(placeholder)) => Candidate::Known(placeholder),
            _ => {
                let shown = if content == typed { name } else { typed };
                return Some(Spot::Unknown {
                    length,
                    name: shown.to_owned(),
                });
            }
        });
    }
    Some(Spot::Field { length, candidates })
}

/// Cuts a text into parts. `base` is where the text stands in the source.
pub(super) fn scan(text: &str, base: usize, syntax: Syntax, notes: &mut Notes) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let start = base + at;
        match c {
            '{' | '#' => match spot(rest) {
                Some(Spot::Field { length, candidates }) => {
                    if !literal.is_empty() {
                        parts.push(Part::Literal(std::mem::take(&mut literal)));
                    }
                    parts.push(Part::Field(Field {
                        candidates,
                        start,
                        end: start + length,
                    }));
                    at += length;
                    continue;
                }
                Some(Spot::Unknown { length, name }) => {
                    report_unknown(&rest[..length], name, start, notes);
                    at += length;
                    continue;
                }
                None if c == '{' => {
                    let encoded = syntax.brace(c);
                    notes.offer(
                        Problem::StrayBrace {
                            encoded: encoded.into(),
                        },
                        start,
                        start + 1,
                        encoded,
                    );
                }
                None if syntax.is_url_like() && rest.starts_with("##") && spot(&rest[1..]).is_none() => {
                    notes.add(Problem::BrokenVariable, start, start + 2);
                    at += 2;
                    continue;
                }
                None => {}
            },
            '}' => {
                let encoded = syntax.brace(c);
                notes.offer(
                    Problem::StrayBrace {
                        encoded: encoded.into(),
                    },
                    start,
                    start + 1,
                    encoded,
                );
            }
            '＃' | '｛' | '｝' if syntax.is_url_like() || c != '＃' || rest.starts_with("＃＃") => {
                let (length, half) = half_width(rest);
                notes.offer(
                    Problem::FullWidth { half: half.clone() },
                    start,
                    start + length,
                    half,
                );
                at += length;
                continue;
            }
            _ => {}
        }
        literal.push(c);
        at += c.len_utf8();
    }
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    parts
}

/// The run of a placeholder typed in full width: its length in bytes and its half-width form.
fn half_width(rest: &str) -> (usize, String) {
    let mut half = String::new();
    let mut length = 0;
    for c in rest.chars() {
        let plain = match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
            c if c.is_ascii_alphanumeric() || matches!(c, '_' | '#' | '{' | '}') => c,
            _ => break,
        };
        half.push(plain);
        length += c.len_utf8();
        let is_closed =
            half.ends_with('}') || (half.len() > 4 && half.starts_with("##") && half.ends_with("##"));
        if is_closed {
            break;
        }
    }
    (length, half)
}

fn report_unknown(typed: &str, name: String, start: usize, notes: &mut Notes) {
    // Within {a||b||c} only the name that is wrong is replaced.
    let wrong = name
        .split("||")
        .find(|part| catalogue::find(part).is_none())
        .unwrap_or(&name)
        .to_owned();
    let suggestion = catalogue::suggest(&wrong);
    let end = start + typed.len();
    let problem = Problem::UnknownPlaceholder {
        name: wrong.clone(),
        suggestion,
    };
    match suggestion {
        Some(near) if typed.starts_with("##") => {
            notes.offer(problem, start, end, format!("##{}##", near.to_ascii_uppercase()));
        }
        Some(near) => notes.offer(problem, start, end, typed.replacen(&wrong, near, 1)),
        None => notes.add(problem, start, end),
    }
}
