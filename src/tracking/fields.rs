//! The fields of a conversion or app event: of a query, a form, or a JSON object.
//!
//! Only what decides the request may refuse it: such a field must be sent once and without fault. Everything else
//! is mended or left out, and noted. A variable that nobody filled counts as not sent where it would be an id, an
//! order number or an amount. It must not know what a field means; each endpoint says what decides it
//! ([`FieldRules`]). Only what speaks of a person is known by its name everywhere: it is taken out of the fields
//! before anything is kept of them.

use super::personal;
use super::query::{
    Fault, FieldError, MAX_NAME_BYTES, MAX_PARAMETERS, MAX_VALUE_BYTES, Pairs, cut, has_control,
    without_control,
};
use crate::domain::identity::{Sent as SentIdentity, names, redact};
use crate::domain::note::{Note, NoteCode};
use crate::domain::offer::Charset;
use crate::domain::unfilled::{self, Certainty, Role, is_invisible};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Notes that are kept of one request at most.
const MOST_NOTES: usize = 16;

/// What an endpoint knows of its fields, by their name.
#[derive(Clone, Copy)]
pub struct FieldRules {
    /// Whether it decides the request, so that a fault of it is one of the request.
    pub decides: fn(&str) -> bool,
    /// What an unfilled variable in it is taken for.
    pub role: fn(&str) -> Role,
    /// Whether it is a documented name: such a name is taken in any letter case.
    pub is_documented: fn(&str) -> bool,
    /// Character set of a query or form where it is not UTF-8, when one is set.
    pub charset: Option<Charset>,
}

/// The fields of a request, each once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fields {
    /// Plain fields in the order of the request; empty values are left out, since many carts send `amount=`
    /// for "none".
    pub plain: Vec<(String, String)>,
    /// `callback_params`.
    pub callback_params: Vec<(String, String)>,
    /// `partner_params`.
    pub partner_params: Vec<(String, String)>,
    /// Who the person is, and what they allow.
    pub identity: SentIdentity,
    /// What was mended or left out.
    pub notes: Vec<Note>,
    /// Faults of `callback_params` and `partner_params`, for endpoints whose clients are told of them.
    pub faults: Vec<FieldError>,
}

/// A field as it was sent.
struct Sent<'a> {
    name: &'a str,
    value: &'a str,
    as_sent: &'a [u8],
    fault: Option<Fault>,
}

impl Fields {
    /// Fields that are known to be good.
    pub fn of(plain: Vec<(String, String)>) -> Self {
        Self {
            plain,
            ..Self::default()
        }
    }

    /// Reads names and values that came one by one, as cells of a table do.
    pub fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
        rules: &FieldRules,
    ) -> Result<Self, FieldError> {
        let mut fields = Self::default();
        for (name, value) in pairs {
            let sent = Sent {
                name,
                value,
                as_sent: value.as_bytes(),
                fault: fault_of(value),
            };
            fields.take(&sent, rules)?;
        }
        Ok(fields)
    }

    /// Reads a query string or a form body.
    pub fn from_form(raw: &[u8], rules: &FieldRules) -> Result<Self, FieldError> {
        let pairs = Pairs::parse_with(raw, rules.charset, rules.decides);
        let mut fields = Self::default();
        if pairs.left_out > 0 {
            fields.note(NoteCode::LeftOut, "", &format!("{} parameters", pairs.left_out));
        }
        for pair in &pairs.list {
            fields.take(
                &Sent {
                    name: &pair.name,
                    value: &pair.value,
                    as_sent: pair.as_sent(),
                    fault: pair.fault,
                },
                rules,
            )?;
        }
        Ok(fields)
    }

    /// Reads a JSON body: one object of strings and numbers; `callback_params` and `partner_params` may be
    /// flat objects of the same (or a text that holds one). `null` is "not given". Numbers keep the digits
    /// that were written.
    pub fn from_json(raw: &[u8], rules: &FieldRules) -> Result<Self, FieldError> {
        let raw = raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw);
        let text = std::str::from_utf8(raw)
            .map_err(|_| FieldError::new("body", "invalid_utf8", "The JSON body must be UTF-8."))?;
        let mut fields = Self::default();
        for (name, raw) in members("body", text)? {
            let json = raw.get();
            let is_nested = matches!(name.as_str(), "callback_params" | "partner_params");
            if is_nested && json.starts_with('{') {
                fields.take_object(&name, json);
                continue;
            }
            let is_scalar = matches!(json.as_bytes().first(), Some(b'"' | b'-' | b'0'..=b'9' | b'n'));
            if !is_scalar && (rules.decides)(&name) {
                return Err(wrong_type(&name, json));
            }
            if let Some(value) = text_of(&name, raw)? {
                let fault = fault_of(&value);
                let sent = Sent {
                    name: &name,
                    value: &value,
                    as_sent: value.as_bytes(),
                    fault,
                };
                fields.take(&sent, rules)?;
            }
        }
        Ok(fields)
    }

    /// Adds the fields of a query string that came beside the body. A deciding field in both with different values
    /// is refused.
    pub fn with_query(mut self, query: Self, rules: &FieldRules) -> Result<Self, FieldError> {
        for (name, value) in query.plain {
            self.push(name, value, rules)?;
        }
        for (name, own, other) in [
            (
                "callback_params",
                &mut self.callback_params,
                query.callback_params,
            ),
            ("partner_params", &mut self.partner_params, query.partner_params),
        ] {
            if own.is_empty() {
                *own = other;
            } else if !other.is_empty() {
                self.faults.push(repeated(name));
            }
        }
        self.identity.extend(query.identity);
        self.notes.extend(query.notes);
        self.notes.truncate(MOST_NOTES);
        self.faults.extend(query.faults);
        Ok(self)
    }

    /// The value of a plain field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.plain
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    /// Whether a field was a variable that nobody filled, and so counts as not sent.
    pub fn is_unfilled(&self, name: &str) -> bool {
        is_unfilled(&self.notes, name)
    }

    fn note(&mut self, code: NoteCode, field: &str, value: &str) {
        if self.notes.len() < MOST_NOTES {
            self.notes.push(Note::new(code, field, value));
        }
    }

    fn take(&mut self, sent: &Sent<'_>, rules: &FieldRules) -> Result<(), FieldError> {
        let name = documented(redact::emails(sent.name.trim()).as_ref(), rules);
        let value = trimmed(sent.value);
        if value.is_empty() {
            return Ok(());
        }
        if matches!(name.as_str(), "callback_params" | "partner_params") {
            self.take_object(&name, value);
            return Ok(());
        }
        if let Some(named) = names::field(&name, value) {
            self.take_personal(named, &name, sent.as_sent, value);
            return Ok(());
        }
        if let Some(found) = unfilled::judge(sent.as_sent, (rules.role)(&name)) {
            let as_sent = String::from_utf8_lossy(sent.as_sent);
            if self.notes.len() < MOST_NOTES {
                self.notes.push(Note::unfilled(found, &name, &as_sent));
            }
            if found.certainty == Certainty::Certain {
                return Ok(());
            }
        }
        match sent.fault {
            None => {}
            Some(Fault::Charset(charset)) => self.note(NoteCode::Charset, &name, charset),
            Some(fault) if (rules.decides)(&name) => return Err(error_of(fault, &name)),
            Some(_) => self.note(NoteCode::Mended, &name, value),
        }
        let value = if has_control(value) {
            without_control(value)
        } else {
            Cow::Borrowed(value)
        };
        let (value, found) = personal::without(&name, cut(&value, MAX_VALUE_BYTES), &mut self.identity);
        if let Some(code) = found {
            self.note(code, &name, "");
        }
        self.push(name, value.into_owned(), rules)
    }

    /// Takes what speaks of a person; a variable that nobody filled does not. To a question of consent `true` and
    /// `false` are answers.
    fn take_personal(&mut self, named: names::Named, name: &str, as_sent: &[u8], value: &str) {
        let is_identifier = matches!(named, names::Named::Identifier(..));
        let word = value.trim();
        let is_answer = word.eq_ignore_ascii_case("true") || word.eq_ignore_ascii_case("false");
        let judged = unfilled::judge(as_sent, Role::Id);
        match judged.filter(|_| is_identifier || !is_answer) {
            Some(found) if found.certainty == Certainty::Certain => {
                self.note(NoteCode::Unfilled, name, "");
            }
            _ => personal::take(named, value, &mut self.identity),
        }
    }

    fn take_object(&mut self, name: &str, json: &str) {
        match flat_object(name, json) {
            Ok(members) => {
                let (members, notes) = personal::members(members, &mut self.identity);
                for note in notes {
                    self.note(note.code, &note.field, "");
                }
                if name == "callback_params" {
                    self.callback_params = members;
                } else {
                    self.partner_params = members;
                }
            }
            Err(fault) => {
                // What cannot be read may hold anything.
                self.note(NoteCode::LeftOut, name, &format!("{} bytes", json.len()));
                self.faults.push(fault);
            }
        }
    }

    fn push(&mut self, name: String, value: String, rules: &FieldRules) -> Result<(), FieldError> {
        let Some(at) = self.plain.iter().position(|(n, _)| *n == name) else {
            self.plain.push((name, value));
            return Ok(());
        };
        let earlier = &mut self.plain[at].1;
        if *earlier == value {
            return Ok(());
        }
        // Of two sids one is often the shop's own.
        if name == "sid" && is_sid(earlier) != is_sid(&value) {
            let left_out = if is_sid(earlier) {
                value
            } else {
                std::mem::replace(earlier, value)
            };
            self.note(NoteCode::LeftOut, "sid", &left_out);
            return Ok(());
        }
        if (rules.decides)(&name) {
            return Err(repeated(&name));
        }
        self.note(NoteCode::LeftOut, &name, &value);
        Ok(())
    }
}

/// Whether a note says that a field was a variable that nobody filled.
pub fn is_unfilled(notes: &[Note], name: &str) -> bool {
    notes
        .iter()
        .any(|note| note.code == NoteCode::Unfilled && note.field == name)
}

fn is_sid(value: &str) -> bool {
    value.trim().len() == 16 && value.trim().bytes().all(|b| b.is_ascii_alphanumeric())
}

/// The documented spelling of a name that was sent in another letter case.
fn documented(name: &str, rules: &FieldRules) -> String {
    let lower = name.to_ascii_lowercase();
    if !(rules.is_documented)(name) && (rules.is_documented)(&lower) {
        lower
    } else {
        name.to_owned()
    }
}

/// Without white space, line ends and characters that take no room at its ends.
fn trimmed(value: &str) -> &str {
    value.trim_matches(|c: char| c.is_whitespace() || c.is_control() || is_invisible(c))
}

fn fault_of(value: &str) -> Option<Fault> {
    if value.len() > MAX_VALUE_BYTES {
        Some(Fault::TooLong)
    } else if has_control(trimmed(value)) {
        Some(Fault::ControlCharacter)
    } else {
        None
    }
}

fn error_of(fault: Fault, field: &str) -> FieldError {
    match fault {
        Fault::TooLong => FieldError::new(
            field,
            "too_long",
            format!("The value must have at most {MAX_VALUE_BYTES} bytes."),
        ),
        Fault::BadEscape => FieldError::new(
            field,
            "bad_escape",
            "A % must be followed by two hexadecimal digits; write a literal % as %25.",
        ),
        Fault::InvalidUtf8 | Fault::Charset(_) => FieldError::new(
            field,
            "invalid_utf8",
            "The value must be percent-encoded UTF-8, or Shift_JIS or EUC-JP of kana and kanji.",
        ),
        Fault::ControlCharacter => FieldError::new(
            field,
            "control_character",
            "Remove line breaks, tabs and other control characters.",
        ),
    }
}

fn repeated(field: &str) -> FieldError {
    FieldError::new(
        field,
        "repeated_field",
        "The field was sent more than once; send it once.",
    )
}

fn wrong_type(field: &str, json: &str) -> FieldError {
    let found = match json.as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        _ => "true or false",
    };
    FieldError::new(
        field,
        "wrong_type",
        format!("The value is {found}; send a string or a number."),
    )
}

/// A JSON object of values, as `callback_params` is one. A value that is no text and no number is kept as JSON.
pub(super) fn flat_object(field: &str, text: &str) -> Result<Vec<(String, String)>, FieldError> {
    let mut list = Vec::new();
    for (name, raw) in members(field, text)? {
        let inner = format!("{field}.{name}");
        if let Some(value) = text_of(&inner, raw)?
            && !list.iter().any(|(n, _)| *n == name)
        {
            list.push((name, cut(&without_control(&value), MAX_VALUE_BYTES).to_owned()));
        }
    }
    Ok(list)
}

/// The text of a JSON string, the digits of a number, the JSON of anything else; `None` for `null`.
fn text_of(field: &str, raw: &RawValue) -> Result<Option<String>, FieldError> {
    let json = raw.get();
    Ok(match json.as_bytes().first() {
        Some(b'"') => Some(serde_json::from_str::<String>(json).map_err(|error| {
            FieldError::new(
                field,
                "invalid_json",
                format!("The text is malformed {}.", place(&error)),
            )
        })?),
        Some(b'n') => None,
        _ => Some(json.to_owned()),
    })
}

/// The members of a JSON object with their values unread. Names that are no names and members beyond the limit are
/// left out.
fn members<'a>(field: &str, text: &'a str) -> Result<Vec<(String, &'a RawValue)>, FieldError> {
    let mut json = serde_json::Deserializer::from_str(text.trim());
    let read = json.deserialize_map(Members).and_then(|members| {
        json.end()?;
        Ok(members)
    });
    read.map_err(|error| {
        let message = match text.trim_start().as_bytes().first() {
            Some(b'[') => "A list stands there; send one JSON object a request.".to_owned(),
            _ => format!("A JSON object is expected; this is none {}.", place(&error)),
        };
        FieldError::new(field, "invalid_json", message)
    })
}

/// Where a JSON text is wrong and how. Messages of the parser repeat what stands there, which may be anybody's name.
fn place(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Syntax => "it is no JSON",
        serde_json::error::Category::Data | serde_json::error::Category::Io => "another type stands there",
    };
    format!("(line {}, column {}: {what})", error.line(), error.column())
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object such as {\"sid\":\"...\"}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members: Vec<(String, &'de RawValue)> = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
            let is_name = !name.is_empty() && name.len() <= MAX_NAME_BYTES && !has_control(&name);
            // Twice as many as are kept, so that those that decide are seen behind many that do not.
            if is_name && members.len() < MAX_PARAMETERS * 2 {
                members.push((name, value));
            }
        }
        Ok(members)
    }
}

#[cfg(test)]
#[path = "fields_tests.rs"]
mod tests;
