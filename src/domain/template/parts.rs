//! Parts: a text cut into literals and placeholders, in either spelling, and the values that fill them.
//! Shared by URLs, bodies, headers and conditions; it must not know what the text is for.

mod computed;
mod filling;
mod full_width;
mod shape;

pub use self::computed::{Computed, Function};
pub(super) use self::filling::{fill, fill_encoded, is_without_data};
pub use self::shape::Shape;

use self::computed::{NotComputed, secret_name};
use self::full_width::half_width;
use super::catalogue::{self, Placeholder};
use super::finding::{Notes, Problem};
use crate::domain::secret::FULL_ADDRESS;
use std::borrow::Cow;

/// What fills placeholders.
pub trait Values {
    /// The value of a placeholder; `None` and the empty text both mean that there is no data.
    fn value(&self, placeholder: &'static Placeholder) -> Option<Cow<'_, str>>;
    /// The value of a parameter of the credited session: `{dcp_<name>}`.
    fn parameter(&self, name: &str) -> Option<Cow<'_, str>>;
    /// The value of a parameter of the activity itself: `{cp_<name>}`; none where there is no activity.
    fn own_parameter(&self, _name: &str) -> Option<Cow<'_, str>> {
        None
    }
    /// Custom parameters that are appended to the URL, sorted by key; empty for kinds that append none.
    fn custom(&self) -> &[(String, String)];
    /// Whether there is such a parameter at all.
    fn keeps_bytes(&self) -> bool {
        false
    }
    /// The bytes of a parameter of the credited session, of one whose text does not keep them: they go back to the
    /// partner as they came.
    fn bytes(&self, _parameter: &str) -> Option<Vec<u8>> {
        None
    }
}

/// One alternative of `{a||b}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Candidate {
    /// An entry of the catalogue.
    Known(&'static Placeholder),
    /// `{dcp_<name>}`: the name.
    Parameter(String),
    /// `{cp_<name>}`: the name.
    Own(String),
    /// `{secret.<name>}`: the name. Filled when the request is sent; always alone in its braces.
    Secret(String),
    /// `{md5:...}`; with a secret always alone in its braces.
    Computed(Computed),
}

impl Candidate {
    /// The value, as far as it is known before a request is sent.
    pub(super) fn value<'v>(&self, values: &'v dyn Values) -> Option<Cow<'v, str>> {
        match self {
            Self::Known(placeholder) => values.value(placeholder),
            Self::Parameter(name) => values.parameter(name),
            Self::Own(name) => values.own_parameter(name),
            Self::Secret(_) => None,
            Self::Computed(computed) => computed.text(values).map(Cow::Owned),
        }
    }
}

/// A placeholder as it stands in a text: the first candidate with data fills it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// In the order written.
    pub candidates: Vec<Candidate>,
    /// What its value has to be.
    pub shape: Shape,
    /// First byte in the source.
    pub start: usize,
    /// Byte after it.
    pub end: usize,
}

impl Field {
    /// The bytes of the candidate that fills it, where its text does not keep them.
    fn bytes(&self, values: &dyn Values) -> Option<Vec<u8>> {
        if !values.keeps_bytes() {
            return None;
        }
        let filled = self.candidates.iter().find(|candidate| {
            let value = candidate.value(values);
            value.is_some_and(|value| !value.is_empty())
        })?;
        match filled {
            Candidate::Parameter(name) => values.bytes(name),
            Candidate::Known(placeholder) => {
                let slot = placeholder.name.strip_prefix("para")?;
                values.bytes(&format!("param{slot}"))
            }
            // What the activity itself brought is kept as text.
            Candidate::Own(_) | Candidate::Secret(_) | Candidate::Computed(_) => None,
        }
    }

    /// The value; `None` when no candidate has data.
    pub fn value<'v>(&self, values: &'v dyn Values) -> Option<Cow<'v, str>> {
        self.filled(values).map(|(_, value)| value)
    }

    /// The candidate that fills it, with its value.
    pub(super) fn filled<'f, 'v>(&'f self, values: &'v dyn Values) -> Option<(&'f Candidate, Cow<'v, str>)> {
        self.candidates
            .iter()
            .filter_map(|candidate| Some((candidate, candidate.value(values)?)))
            .find(|(_, value)| !value.is_empty() && self.shape.admits(value))
    }

    /// What fills it when the request is sent; `None` when its value is known already, or it has no data.
    pub(super) fn hole(&self, values: &dyn Values) -> Option<String> {
        match self.candidates.as_slice() {
            [Candidate::Secret(name)] => Some(format!("${name}")),
            [Candidate::Computed(computed)] => computed.expression(values),
            _ => None,
        }
    }

    /// Whether something will stand in its place.
    pub fn has_data(&self, values: &dyn Values) -> bool {
        self.value(values).is_some() || self.hole(values).is_some()
    }

    /// Whether it is read from values alone: no secret fills it, and nothing is computed.
    pub(super) fn is_shown(&self) -> bool {
        let is_other =
            |candidate: &Candidate| matches!(candidate, Candidate::Secret(_) | Candidate::Computed(_));
        !self.candidates.iter().any(is_other)
    }

    /// Whether secrets of the partner fill it, and not the visitor's whole address.
    pub(super) fn has_only_secrets(&self) -> bool {
        let secrets = self.secrets();
        !secrets.is_empty() && !secrets.contains(&FULL_ADDRESS)
    }

    /// The secrets that fill it; the visitor's whole address ([`FULL_ADDRESS`]) is filled like one.
    pub fn secrets(&self) -> Vec<&str> {
        match self.candidates.as_slice() {
            [Candidate::Secret(name)] => vec![name],
            [Candidate::Computed(computed)] => computed.secrets().collect(),
            _ => Vec::new(),
        }
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

/// Cuts parts into what stands before and after the first of `marks`; the mark itself goes with neither.
pub(super) fn cut_at(parts: Vec<Part>, marks: &[char]) -> (Vec<Part>, Option<(char, Vec<Part>)>) {
    let mut before = Vec::new();
    let mut parts = parts.into_iter();
    while let Some(part) = parts.next() {
        if let Part::Literal(text) = &part
            && let Some(at) = text.find(marks)
        {
            let mark = text[at..].chars().next().unwrap_or_default();
            if at > 0 {
                before.push(Part::Literal(text[..at].to_owned()));
            }
            let rest = &text[at + mark.len_utf8()..];
            let mut after = Vec::new();
            if !rest.is_empty() {
                after.push(Part::Literal(rest.to_owned()));
            }
            after.extend(parts);
            return (before, Some((mark, after)));
        }
        before.push(part);
    }
    (before, None)
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
        shape: Shape,
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

/// Parameters by name: of the click, and of the activity itself.
type OfName = fn(String) -> Candidate;

const BY_NAME: [(&str, OfName); 2] = [("dcp_", Candidate::Parameter), ("cp_", Candidate::Own)];

fn by_name(name: &str) -> Option<Candidate> {
    BY_NAME.iter().find_map(|(prefix, make)| {
        let parameter = name.strip_prefix(prefix)?;
        let is_name = !parameter.is_empty()
            && !parameter
                .chars()
                .any(|c| c.is_whitespace() || c.is_control() || c == '|');
        is_name.then(|| make(parameter.to_owned()))
    })
}

fn named(content: &str, typed: &str, length: usize) -> Option<Spot> {
    let unknown = |name: String| Some(Spot::Unknown { length, name });
    let alone = |candidate| {
        Some(Spot::Field {
            length,
            candidates: vec![candidate],
            shape: Shape::Usual,
        })
    };
    let (shape, content) = match content.split_once(':') {
        Some(("number", names)) => (Shape::Number, names),
        Some(("json", names)) => (Shape::Json, names),
        _ => (Shape::Usual, content),
    };
    if shape == Shape::Usual {
        if let Some(secret) = secret_name(content) {
            return alone(Candidate::Secret(secret.to_owned()));
        }
        match Computed::parse(content) {
            Ok(computed) => return alone(Candidate::Computed(computed)),
            Err(NotComputed::Unknown(name)) if !content.contains("||") => return unknown(name),
            Err(_) => {}
        }
    }
    let looks_like_name = |name: &str| {
        by_name(name).is_some()
            || (!name.is_empty()
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')))
    };
    let computed = |name: &str| {
        let found = Computed::parse(name).ok();
        found.filter(|computed| computed.secrets().next().is_none())
    };
    let looks_good = |name: &str| looks_like_name(name) || computed(name).is_some();
    if content.is_empty() || !content.split("||").all(looks_good) {
        return None;
    }
    let mut candidates = Vec::new();
    for name in content.split("||") {
        candidates.push(match (by_name(name), catalogue::find(name), computed(name)) {
            (Some(parameter), ..) => parameter,
            // Like a secret it stands alone.
            (_, Some(placeholder), _) if placeholder.name != FULL_ADDRESS => Candidate::Known(placeholder),
            (.., Some(computed)) => Candidate::Computed(computed),
            _ => {
                let shown = if typed.ends_with(content) { name } else { typed };
                return Some(Spot::Unknown {
                    length,
                    name: shown.to_owned(),
                });
            }
        });
    }
    Some(Spot::Field {
        length,
        candidates,
        shape,
    })
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
                Some(Spot::Field {
                    length,
                    candidates,
                    shape,
                }) => {
                    end_literal(&mut literal, &mut parts);
                    parts.push(Part::Field(Field {
                        candidates,
                        shape,
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
    end_literal(&mut literal, &mut parts);
    parts
}

fn end_literal(literal: &mut String, parts: &mut Vec<Part>) {
    if !literal.is_empty() {
        parts.push(Part::Literal(std::mem::take(literal)));
    }
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
