//! Parameters as a caller sent them: query strings and form bodies ([`Pairs`]), and the fields of a
//! conversion from a query, form or JSON body ([`Fields`]).
//!
//! Two readers with two tempers share the parser. A click must never fail: what is wrong in it is mended
//! (invalid UTF-8 replaced by U+FFFD, `%zz` kept as typed, CR, LF and TAB turned into a space, other
//! control characters dropped, long values cut) and the pair remembers its [`Fault`]. A conversion is
//! money: every such fault is an error that names the field, and nothing is guessed.
//!
//! It must not know what a parameter means; that is [`super::hit`] and [`super::conversion`].
//!
//! 2026-11-21: a parameter whose *name* is too long is left out, not cut, since a cut name would be another
//! name.

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Most parameters taken of one request.
pub const MAX_PARAMETERS: usize = 64;
/// Longest name, bytes after decoding.
pub const MAX_NAME_BYTES: usize = 64;
/// Longest value, bytes after decoding.
pub const MAX_VALUE_BYTES: usize = 2048;

/// A field of a wrong form. The API shows all three parts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct FieldError {
    /// The field by the name that the caller used; `body` when no field can be named.
    pub field: String,
    /// Stable code.
    pub code: &'static str,
    /// A sentence that says what to do.
    pub message: String,
}

impl FieldError {
    /// Makes one; the field name is cut to 64 bytes, since it may be the caller's own text.
    pub fn new(field: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            field: cut(field, MAX_NAME_BYTES).to_owned(),
            code,
            message: message.into(),
        }
    }
}

/// What was wrong with a pair before it was mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The value was longer than [`MAX_VALUE_BYTES`] and is cut.
    TooLong,
    /// A `%` is not followed by two hexadecimal digits; it is kept as typed.
    BadEscape,
    /// The bytes are not UTF-8; each wrong sequence is U+FFFD now.
    InvalidUtf8,
    /// It held control characters: CR, LF and TAB are spaces now, others are gone.
    ControlCharacter,
}

impl Fault {
    fn into_error(self, field: &str) -> FieldError {
        match self {
            Self::TooLong => FieldError::new(
                field,
                "too_long",
                format!("The value must have at most {MAX_VALUE_BYTES} bytes."),
            ),
            Self::BadEscape => FieldError::new(
                field,
                "bad_escape",
                "A % must be followed by two hexadecimal digits; write a literal % as %25.",
            ),
            Self::InvalidUtf8 => FieldError::new(
                field,
                "invalid_utf8",
                "The value must be percent-encoded UTF-8, not Shift_JIS or EUC-JP.",
            ),
            Self::ControlCharacter => FieldError::new(
                field,
                "control_character",
                "Remove line breaks, tabs and other control characters.",
            ),
        }
    }
}

/// One parameter, decoded once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// At most [`MAX_NAME_BYTES`], never empty.
    pub name: String,
    /// At most [`MAX_VALUE_BYTES`]; without control characters.
    pub value: String,
    /// What was wrong with name or value; the worst fault where there are several.
    pub fault: Option<Fault>,
}

/// The parameters of a query string or form body, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pairs {
    /// At most [`MAX_PARAMETERS`].
    pub list: Vec<Pair>,
    /// Parameters that were left out: too many, a name that is too long, or no name at all.
    pub left_out: usize,
}

impl Pairs {
    /// Parses `name=value&...`; `+` is a space. A leading `?` is not expected. Costs no more than one pass
    /// over the bytes whatever they are.
    pub fn parse(raw: &[u8]) -> Self {
        let mut pairs = Self::default();
        for part in raw.split(|b| *b == b'&').filter(|part| !part.is_empty()) {
            if pairs.list.len() == MAX_PARAMETERS {
                pairs.left_out += 1;
                continue;
            }
            let (name, value) = match part.iter().position(|b| *b == b'=') {
                Some(at) => (&part[..at], &part[at + 1..]),
                None => (part, &[][..]),
            };
            // Each decoded byte takes at most three raw ones.
            if name.is_empty() || name.len() > MAX_NAME_BYTES * 3 {
                pairs.left_out += 1;
                continue;
            }
            let (name, name_fault) = decode(name);
            if name.is_empty() || name.len() > MAX_NAME_BYTES {
                pairs.left_out += 1;
                continue;
            }
            let (mut value, value_fault) = decode(value);
            let mut fault = value_fault.or(name_fault);
            if value.len() > MAX_VALUE_BYTES {
                value.truncate(cut(&value, MAX_VALUE_BYTES).len());
                fault = Some(Fault::TooLong);
            }
            pairs.list.push(Pair { name, value, fault });
        }
        pairs
    }

    /// Whether anything was left out or cut.
    pub fn is_cut(&self) -> bool {
        self.left_out > 0 || self.list.iter().any(|p| p.fault == Some(Fault::TooLong))
    }

    /// The first value of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.list
            .iter()
            .find(|p| p.name == name)
            .map(|p| p.value.as_str())
    }
}

/// The longest prefix of at most `max` bytes that ends at a character boundary.
pub fn cut(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn decode(raw: &[u8]) -> (String, Option<Fault>) {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut fault = None;
    let mut at = 0;
    while at < raw.len() {
        let (byte, step) = match raw[at] {
            b'+' => (b' ', 1),
            b'%' => match (hex_digit(raw.get(at + 1)), hex_digit(raw.get(at + 2))) {
                (Some(high), Some(low)) => (high << 4 | low, 3),
                _ => {
                    fault = Some(Fault::BadEscape);
                    (b'%', 1)
                }
            },
            byte => (byte, 1),
        };
        bytes.push(byte);
        at += step;
    }
    let mut text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            fault = Some(Fault::InvalidUtf8);
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        }
    };
    if has_control(&text) {
        fault = fault.or(Some(Fault::ControlCharacter));
        text = without_control(&text);
    }
    (text, fault)
}

fn hex_digit(byte: Option<&u8>) -> Option<u8> {
    byte.and_then(|b| char::from(*b).to_digit(16))
        .and_then(|d| u8::try_from(d).ok())
}

fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

/// The text on one line: CR, LF and TAB become a space, other control characters go. For header values too.
pub fn without_control(text: &str) -> String {
    text.chars()
        .filter_map(|c| match c {
            '\r' | '\n' | '\t' => Some(' '),
            c if c.is_control() => None,
            c => Some(c),
        })
        .collect()
}

/// The fields of a conversion, each present once and without fault.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fields {
    /// Plain fields in the order of the request; empty values are left out, since many carts send `amount=`
    /// for "none".
    pub plain: Vec<(String, String)>,
    /// `callback_params`.
    pub callback_params: Vec<(String, String)>,
    /// `partner_params`.
    pub partner_params: Vec<(String, String)>,
    /// It was a JSON body, so a name that nobody knows is a mistake of its author; the query of a URL is
    /// often decorated by others (`utm_source`, cache busters), there unknown names are kept.
    pub is_strict: bool,
}

impl Fields {
    /// Reads a query string or a form body.
    ///
    /// Refused with the field: every [`Fault`], a name sent twice with different values, more than 64
    /// parameters, `callback_params` or `partner_params` that are no flat JSON object.
    pub fn from_form(raw: &[u8]) -> Result<Self, FieldError> {
        let pairs = Pairs::parse(raw);
        if pairs.left_out > 0 {
            return Err(FieldError::new(
                "body",
                "too_many_fields",
                format!(
                    "Send at most {MAX_PARAMETERS} parameters, each with a name of 1 to {MAX_NAME_BYTES} bytes."
                ),
            ));
        }
        let mut fields = Self::default();
        for Pair { name, value, fault } in pairs.list {
            if let Some(fault) = fault {
                return Err(fault.into_error(&name));
            }
            match name.as_str() {
                "callback_params" if !value.is_empty() => {
                    fields.callback_params = flat_object(&name, &value)?;
                }
                "partner_params" if !value.is_empty() => {
                    fields.partner_params = flat_object(&name, &value)?;
                }
                _ => fields.push(name, value)?,
            }
        }
        Ok(fields)
    }

    /// Reads a JSON body: one object of strings and numbers; `callback_params` and `partner_params` may be
    /// flat objects of the same (or a text that holds one). `null` is "not given". Numbers keep the digits
    /// that were written. Names sent twice are refused, at both levels.
    pub fn from_json(raw: &[u8]) -> Result<Self, FieldError> {
        let text = std::str::from_utf8(raw)
            .map_err(|_| FieldError::new("body", "invalid_utf8", "The JSON body must be UTF-8."))?;
        let mut fields = Self {
            is_strict: true,
            ..Self::default()
        };
        for (name, raw) in raw_members("body", text)? {
            let nested = matches!(name.as_str(), "callback_params" | "partner_params");
            if nested && raw.get().starts_with('{') {
                let members = flat_object(&name, raw.get())?;
                fields.set_nested(&name, members);
            } else if let Some(value) = scalar(&name, raw)? {
                if nested && !value.is_empty() {
                    let members = flat_object(&name, &value)?;
                    fields.set_nested(&name, members);
                } else {
                    fields.push(name, value)?;
                }
            }
        }
        Ok(fields)
    }

    /// Adds the fields of a query string that came beside the body. A field in both with different values is
    /// refused, as is a custom object in both.
    pub fn with_query(mut self, query: Self) -> Result<Self, FieldError> {
        for (name, value) in query.plain {
            self.push(name, value)?;
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
                return Err(repeated(name));
            }
        }
        Ok(self)
    }

    /// The value of a plain field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.plain
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    fn set_nested(&mut self, name: &str, members: Vec<(String, String)>) {
        if name == "callback_params" {
            self.callback_params = members;
        } else {
            self.partner_params = members;
        }
    }

    fn push(&mut self, name: String, value: String) -> Result<(), FieldError> {
        if value.is_empty() {
            return Ok(());
        }
        match self.plain.iter().find(|(n, _)| *n == name) {
            Some((_, earlier)) if *earlier == value => Ok(()),
            Some(_) => Err(repeated(&name)),
            None => {
                self.plain.push((name, value));
                Ok(())
            }
        }
    }
}

fn repeated(field: &str) -> FieldError {
    FieldError::new(
        field,
        "repeated_field",
        "The field was sent more than once; send it once.",
    )
}

/// A flat JSON object of strings and numbers, as `callback_params` is one.
pub(super) fn flat_object(field: &str, text: &str) -> Result<Vec<(String, String)>, FieldError> {
    let mut members = Vec::new();
    for (name, raw) in raw_members(field, text)? {
        if let Some(value) = scalar(&format!("{field}.{name}"), raw)? {
            members.push((name, value));
        }
    }
    Ok(members)
}

/// The text of a JSON string or number; `None` for `null`.
fn scalar(field: &str, raw: &RawValue) -> Result<Option<String>, FieldError> {
    let json = raw.get();
    let value = match json.as_bytes().first() {
        Some(b'"') => serde_json::from_str::<String>(json).map_err(|error| {
            FieldError::new(field, "invalid_json", format!("The text is malformed: {error}."))
        })?,
        Some(b'-' | b'0'..=b'9') => json.to_owned(),
        Some(b'n') => return Ok(None),
        Some(b'{') => return Err(wrong_type(field, "an object")),
        Some(b'[') => return Err(wrong_type(field, "a list")),
        _ => return Err(wrong_type(field, "true or false")),
    };
    if has_control(&value) {
        return Err(Fault::ControlCharacter.into_error(field));
    }
    if value.len() > MAX_VALUE_BYTES {
        return Err(Fault::TooLong.into_error(field));
    }
    Ok(Some(value))
}

fn wrong_type(field: &str, found: &str) -> FieldError {
    FieldError::new(
        field,
        "wrong_type",
        format!("The value is {found}; send a string or a number."),
    )
}

/// The members of a JSON object with their values unread.
fn raw_members<'a>(field: &str, text: &'a str) -> Result<Vec<(String, &'a RawValue)>, FieldError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let members = json.deserialize_map(Members).and_then(|members| {
        json.end()?;
        Ok(members)
    });
    match members {
        Ok(Found::Members(members)) => Ok(members),
        Ok(Found::Repeated(name)) => Err(repeated(&inner_name(field, &name))),
        Ok(Found::BadName(name)) => Err(FieldError::new(
            &inner_name(field, &name),
            "bad_name",
            format!("A name must have 1 to {MAX_NAME_BYTES} bytes and no control characters."),
        )),
        Ok(Found::TooMany) => Err(FieldError::new(
            field,
            "too_many_fields",
            format!("Send at most {MAX_PARAMETERS} members."),
        )),
        Err(error) => Err(FieldError::new(
            field,
            "invalid_json",
            format!("A JSON object is expected: {error}."),
        )),
    }
}

fn inner_name(field: &str, name: &str) -> String {
    if field == "body" {
        without_control(name)
    } else {
        without_control(&format!("{field}.{name}"))
    }
}

enum Found<'a> {
    Members(Vec<(String, &'a RawValue)>),
    Repeated(String),
    BadName(String),
    TooMany,
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Found<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object such as {\"sid\":\"...\"}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members: Vec<(String, &'de RawValue)> = Vec::new();
        let mut fault = None;
        while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
            if fault.is_some() {
                continue;
            }
            if name.is_empty() || name.len() > MAX_NAME_BYTES || has_control(&name) {
                fault = Some(Found::BadName(name));
            } else if members.iter().any(|(n, _)| *n == name) {
                fault = Some(Found::Repeated(name));
            } else if members.len() == MAX_PARAMETERS {
                fault = Some(Found::TooMany);
            } else {
                members.push((name, value));
            }
        }
        Ok(fault.unwrap_or(Found::Members(members)))
    }
}

#[cfg(test)]
#[path = "query_tests.rs"]
mod tests;
