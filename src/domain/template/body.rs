//! JSON bodies of a POST: a document whose white space is kept.
//!
//! 2026-11-21: in JSON a placeholder inside a string is escaped as text. One that stands bare, in place of a
//! value, is written as a number when the catalogue says that it is one (`{revenue_float}`, `##AMOUNT##`,
//! `{created_at}`), as JSON when the catalogue says so (`{publisher_parameters}`), and as a string otherwise:
//! the type never depends on what a caller happened to send. A rule can say what a parameter is: `{number:cp_qty}`,
//! `{json:cp_items}`; what is not that is no data. Without data it is the empty string; with the policy `drop` the
//! field of an object or the element of a list goes, and with the last of them the object or list itself.

use super::catalogue::Format;
use super::escape::Escape;
use super::finding::{Notes, Problem};
use super::foreign;
use super::parts::{self, Candidate, Field, Part, Shape, Spot, Syntax, Values, fields, fill};
use crate::domain::rule::NoData;

/// Deepest nesting of a JSON template.
const MAX_DEPTH: usize = 32;

/// A parsed JSON body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JsonTemplate {
    lead: String,
    root: Node,
    tail: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    /// What stands between the quotes.
    Text(Vec<Part>),
    /// A placeholder in place of a value.
    Bare(Field),
    /// A number, `true`, `false` or `null`.
    Scalar(String),
    Object(Vec<Member>, String),
    Array(Vec<Item>, String),
}

/// `lead "key" colon value trail`, up to the comma.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    lead: String,
    key: Vec<Part>,
    colon: String,
    value: Node,
    trail: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Item {
    lead: String,
    value: Node,
    trail: String,
}

impl JsonTemplate {
    pub(super) fn parse(text: &str, notes: &mut Notes) -> Option<Self> {
        let mut parser = Parser { text, at: 0, notes };
        match parser.document() {
            Ok(template) => Some(template),
            Err((reason, at)) => {
                let end = (at + 1).min(text.len()).max(at);
                notes.add(
                    Problem::JsonInvalid {
                        reason: reason.to_owned(),
                    },
                    at,
                    end,
                );
                None
            }
        }
    }

    /// An object with these members, all of them texts.
    pub(super) fn flat(members: impl Iterator<Item = (Vec<Part>, Vec<Part>)>) -> Self {
        let escaped = |parts: Vec<Part>| {
            let escaped = parts.into_iter().map(|part| match part {
                Part::Literal(text) => {
                    let mut out = String::new();
                    Escape::Json.write(&text, &mut out);
                    Part::Literal(out)
                }
                field @ Part::Field(_) => field,
            });
            escaped.collect()
        };
        let members = members.map(|(key, value)| Member {
            lead: String::new(),
            key: escaped(key),
            colon: ":".into(),
            value: Node::Text(escaped(value)),
            trail: String::new(),
        });
        Self {
            lead: String::new(),
            root: Node::Object(members.collect(), String::new()),
            tail: String::new(),
        }
    }

    pub(super) fn fields(&self) -> Vec<&Field> {
        let mut all = Vec::new();
        self.root.collect(&mut all);
        all
    }

    pub(super) fn render(&self, values: &dyn Values, no_data: &NoData) -> String {
        let mut out = self.lead.clone();
        self.root.render(values, no_data, &mut out);
        out.push_str(&self.tail);
        out
    }
}

impl Node {
    fn collect<'n>(&'n self, all: &mut Vec<&'n Field>) {
        match self {
            Self::Text(parts) => all.extend(fields(parts)),
            Self::Bare(field) => all.push(field),
            Self::Scalar(_) => {}
            Self::Object(members, _) => {
                for member in members {
                    all.extend(fields(&member.key));
                    member.value.collect(all);
                }
            }
            Self::Array(items, _) => items.iter().for_each(|item| item.value.collect(all)),
        }
    }

    /// Writes it. `false`: nothing in it has data, so that it goes with the policy `drop`, and with it what was written.
    /// What was written empty in the template stays.
    fn render(&self, values: &dyn Values, no_data: &NoData, out: &mut String) -> bool {
        match self {
            Self::Text(parts) => write_text(parts, values, no_data, out),
            Self::Bare(field) => write_bare(field, values, no_data, out),
            Self::Scalar(text) => {
                out.push_str(text);
                true
            }
            Self::Object(members, tail) => {
                out.push('{');
                let is_kept = write_list(members, no_data, out, |member, out| {
                    member.render(values, no_data, out)
                });
                out.push_str(tail);
                out.push('}');
                is_kept
            }
            Self::Array(items, tail) => {
                out.push('[');
                let is_kept = write_list(items, no_data, out, |item, out| {
                    out.push_str(&item.lead);
                    let is_kept = item.value.render(values, no_data, out);
                    out.push_str(&item.trail);
                    is_kept
                });
                out.push_str(tail);
                out.push(']');
                is_kept
            }
        }
    }
}

impl Member {
    fn render(&self, values: &dyn Values, no_data: &NoData, out: &mut String) -> bool {
        out.push_str(&self.lead);
        let is_named = write_text(&self.key, values, no_data, out);
        out.push_str(&self.colon);
        let is_kept = self.value.render(values, no_data, out);
        out.push_str(&self.trail);
        let is_by_name = matches!(self.value, Node::Scalar(_) | Node::Object(..) | Node::Array(..));
        is_kept && (is_named || !is_by_name)
    }
}

/// Writes what is kept of a list, with commas between; whether that is anything, or there was nothing to begin with.
fn write_list<T>(
    list: &[T],
    no_data: &NoData,
    out: &mut String,
    write: impl Fn(&T, &mut String) -> bool,
) -> bool {
    let mut is_first = true;
    for one in list {
        let before = out.len();
        if !is_first {
            out.push(',');
        }
        if write(one, out) || *no_data != NoData::Drop {
            is_first = false;
        } else {
            out.truncate(before);
        }
    }
    !is_first || list.is_empty()
}

/// A text in quotes; whether it has data, or no placeholder.
fn write_text(parts: &[Part], values: &dyn Values, no_data: &NoData, out: &mut String) -> bool {
    out.push('"');
    let has_data = fill(parts, values, no_data, out, Escape::Json);
    out.push('"');
    has_data
}

/// A placeholder in place of a value; whether it has data.
fn write_bare(field: &Field, values: &dyn Values, no_data: &NoData, out: &mut String) -> bool {
    if let Some((candidate, value)) = field.filled(values) {
        let format = match candidate {
            Candidate::Known(placeholder) => placeholder.format,
            Candidate::Parameter(_) | Candidate::Own(_) | Candidate::Secret(_) | Candidate::Computed(_) => {
                Format::Text
            }
        };
        let is_raw = match format {
            _ if field.shape != Shape::Usual => true,
            Format::Json => serde_json::from_str::<serde::de::IgnoredAny>(&value).is_ok(),
            format => {
                format.is_number()
                    && !value.contains(char::is_whitespace)
                    && serde_json::from_str::<serde_json::Number>(&value).is_ok()
            }
        };
        if is_raw {
            out.push_str(&value);
        } else {
            quote(&value, out);
        }
        return true;
    }
    let hole = field.hole(values);
    let has_data = hole.is_some();
    match (hole, no_data) {
        (Some(hole), _) => {
            out.push('"');
            Escape::Json.leave_hole(&hole, out);
            out.push('"');
        }
        (None, NoData::Word { word }) => quote(word, out),
        (None, NoData::Empty | NoData::Drop) => out.push_str("\"\""),
    }
    has_data
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    Escape::Json.write(text, out);
    out.push('"');
}

type Refusal = (&'static str, usize);

struct Parser<'t, 'n> {
    text: &'t str,
    at: usize,
    notes: &'n mut Notes,
}

impl<'t> Parser<'t, '_> {
    fn document(&mut self) -> Result<JsonTemplate, Refusal> {
        let lead = self.space();
        let root = self.value(0)?;
        let tail = self.space();
        if self.at < self.text.len() {
            return Err(("something follows the document", self.at));
        }
        Ok(JsonTemplate { lead, root, tail })
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn space(&mut self) -> String {
        let rest = self.rest();
        let length = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        self.at += length;
        rest[..length].to_owned()
    }

    fn take(&mut self, c: char) -> bool {
        let is_there = self.rest().starts_with(c);
        if is_there {
            self.at += c.len_utf8();
        }
        is_there
    }

    fn value(&mut self, depth: usize) -> Result<Node, Refusal> {
        if depth > MAX_DEPTH {
            return Err(("it is nested too deep", self.at));
        }
        match spot(self.rest()) {
            Some(Spot::Field {
                length,
                candidates,
                shape,
            }) => {
                let start = self.at;
                self.at += length;
                return Ok(Node::Bare(Field {
                    candidates,
                    shape,
                    start,
                    end: self.at,
                }));
            }
            Some(Spot::Unknown { length, .. }) => {
                // The scan of parts says which name is unknown, and what is near.
                let typed = &self.rest()[..length];
                let _: Vec<Part> = parts::scan(typed, self.at, Syntax::Json, self.notes);
                self.at += length;
                return Ok(Node::Scalar("null".into()));
            }
            None => {}
        }
        match self.rest().chars().next() {
            Some('{') => self.object(depth),
            Some('[') => self.array(depth),
            Some('"') => Ok(Node::Text(self.string(true)?)),
            Some(_) => self.scalar(),
            None => Err(("a value is missing", self.at)),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Node, Refusal> {
        self.at += 1;
        let mut members = Vec::new();
        let mut lead = self.space();
        if self.take('}') {
            return Ok(Node::Object(members, lead));
        }
        loop {
            if !self.rest().starts_with('"') {
                return Err(("a field name in quotes is missing", self.at));
            }
            let key = self.string(false)?;
            let mut colon = self.space();
            if !self.take(':') {
                return Err(("a colon is missing", self.at));
            }
            colon.push(':');
            colon.push_str(&self.space());
            let value = self.value(depth + 1)?;
            let trail = self.space();
            members.push(Member {
                lead,
                key,
                colon,
                value,
                trail,
            });
            if self.take('}') {
                return Ok(Node::Object(members, String::new()));
            }
            if !self.take(',') {
                return Err(("a comma or } is missing", self.at));
            }
            lead = self.space();
        }
    }

    fn array(&mut self, depth: usize) -> Result<Node, Refusal> {
        self.at += 1;
        let mut items = Vec::new();
        let mut lead = self.space();
        if self.take(']') {
            return Ok(Node::Array(items, lead));
        }
        loop {
            let value = self.value(depth + 1)?;
            let trail = self.space();
            items.push(Item { lead, value, trail });
            if self.take(']') {
                return Ok(Node::Array(items, String::new()));
            }
            if !self.take(',') {
                return Err(("a comma or ] is missing", self.at));
            }
            lead = self.space();
        }
    }

    /// A text in quotes. The name of a field is the receiver's own word, and no variable that somebody forgot to fill.
    fn string(&mut self, is_value: bool) -> Result<Vec<Part>, Refusal> {
        let start = self.at + 1;
        let mut is_escaped = false;
        let length = self.text[start..].find(|c: char| match c {
            _ if is_escaped => {
                is_escaped = false;
                false
            }
            '\\' => {
                is_escaped = true;
                false
            }
            c => c == '"',
        });
        let Some(length) = length else {
            return Err(("a string is not closed", self.at));
        };
        let content = &self.text[start..start + length];
        let parts = parts::scan(content, start, Syntax::Json, self.notes);
        if is_value {
            foreign::check_value(content, start, self.notes);
        }
        // What is left must be a JSON string whatever the values are.
        let shape: String = parts
            .iter()
            .map(|part| match part {
                Part::Literal(text) => text.as_str(),
                Part::Field(_) => "x",
            })
            .collect();
        if serde_json::from_str::<String>(&format!("\"{shape}\"")).is_err() {
            return Err(("a string has a wrong escape or a control character", self.at));
        }
        self.at = start + length + 1;
        Ok(parts)
    }

    fn scalar(&mut self) -> Result<Node, Refusal> {
        let rest = self.rest();
        let ends = |c: char| matches!(c, ',' | ']' | '}' | ':' | '"') || c.is_whitespace();
        let word = &rest[..rest.find(ends).unwrap_or(rest.len())];
        let is_good = matches!(word, "true" | "false" | "null")
            || serde_json::from_str::<serde_json::Number>(word).is_ok();
        if !is_good {
            return Err((
                "a value is neither text in quotes, a number, true, false, null nor a placeholder",
                self.at,
            ));
        }
        self.at += word.len();
        Ok(Node::Scalar(word.to_owned()))
    }
}

fn spot(rest: &str) -> Option<Spot> {
    if rest.starts_with(['{', '#']) {
        parts::spot(rest)
    } else {
        None
    }
}
