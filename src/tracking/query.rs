//! Parameters as a caller sent them: query strings and form bodies. Nothing in them can fail: what is wrong is
//! mended (other character sets decoded, invalid UTF-8 replaced by U+FFFD, `%zz` kept as typed, CR, LF and TAB
//! turned into a space, other control characters dropped, long values cut) and the pair remembers its [`Fault`]. A
//! click takes it so; of a conversion, [`super::fields`] refuses what decides it.
//!
//! It must not know what a parameter means; that is [`super::hit`] and [`super::conversion`].
//!
//! 2026-11-29: `&amp;`, `&#38;` and `&#x26;` between pairs are `&`: links are copied from HTML and mail. The same
//! text percent-encoded is a value. `¶m1=` and `¤cy=` are what HTML makes of `&param1=` and `&currency=` (`&para`
//! and `&curren` are characters there), so they begin a pair, encoded or not.
//!
//! 2026-11-21: a parameter whose *name* is too long is left out, not cut, since a cut name would be another
//! name.

use super::charset;
use crate::domain::identity::redact;
use crate::domain::offer::Charset;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use std::borrow::Cow;

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
    /// Makes one; the field name is cut to 64 bytes, since it may be the caller's own text. Neither shows an e-mail
    /// address.
    pub fn new(field: &str, code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            field: cut(&redact::emails(field), MAX_NAME_BYTES).to_owned(),
            code,
            message: match redact::emails(&message) {
                Cow::Owned(without) => without,
                Cow::Borrowed(_) => message,
            },
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
    /// The bytes are neither UTF-8 nor Japanese; each wrong sequence is U+FFFD now.
    InvalidUtf8,
    /// The bytes were decoded from this character set.
    Charset(&'static str),
    /// It held control characters: CR, LF and TAB are spaces now, others are gone.
    ControlCharacter,
}

/// One parameter, decoded once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// At most [`MAX_NAME_BYTES`], never empty.
    pub name: String,
    /// At most [`MAX_VALUE_BYTES`]; without control characters.
    pub value: String,
    /// The value as it was sent, of a value whose bytes the text does not keep.
    pub raw: Option<Box<[u8]>>,
    /// What was wrong with name or value; the worst fault where there are several.
    pub fault: Option<Fault>,
}

impl Pair {
    fn decoded(name: String, raw: &[u8], name_fault: Option<Fault>, charset: Option<Charset>) -> Self {
        let (mut value, value_fault) = decode(raw, charset);
        let mut fault = value_fault.or(name_fault);
        let keeps_bytes = !matches!(
            value_fault,
            Some(Fault::BadEscape | Fault::InvalidUtf8 | Fault::Charset(_))
        );
        if value.len() > MAX_VALUE_BYTES {
            value.truncate(cut(&value, MAX_VALUE_BYTES).len());
            fault = Some(Fault::TooLong);
        }
        Self {
            name,
            value,
            raw: (!keeps_bytes).then(|| raw[..raw.len().min(MAX_VALUE_BYTES * 3)].into()),
            fault,
        }
    }

    /// The bytes of a value that is not UTF-8, percent-encoded: a partner gets its own id back byte for byte.
    pub fn bytes(&self) -> Option<String> {
        let is_other = matches!(self.fault, Some(Fault::Charset(_) | Fault::InvalidUtf8));
        let raw = self.raw.as_deref().filter(|_| is_other)?;
        let (bytes, _) = unescaped(raw);
        Some(percent_encode(&bytes, NON_ALPHANUMERIC).to_string())
    }

    /// Puts another value in its place; of what was sent nothing stays.
    pub(super) fn replace(&mut self, value: String) {
        self.value = value;
        self.raw = Some(Box::default());
        self.fault = None;
    }

    /// Whether [`Pair::replace`] took what was sent: it is no id of anything any more.
    pub(super) fn is_replaced(&self) -> bool {
        self.raw.as_deref().is_some_and(<[u8]>::is_empty)
    }

    /// What a variable that nobody filled is recognised by: the value as it was sent.
    pub fn as_sent(&self) -> &[u8] {
        self.raw.as_deref().unwrap_or(self.value.as_bytes())
    }
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
        Self::parse_with(raw, None, |_| false)
    }

    /// The same with the character set of what is not UTF-8; needed parameters are taken however many others there are.
    pub fn parse_with(raw: &[u8], charset: Option<Charset>, is_needed: impl Fn(&str) -> bool) -> Self {
        let mut pairs = Self::default();
        let raw = without_entities(raw);
        for part in raw.split(|b| *b == b'&').map(without_escape) {
            if part.is_empty() {
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
            let (name, name_fault) = decode(name, charset);
            let has_room = pairs.list.len() < MAX_PARAMETERS || is_needed(&name);
            if name.is_empty() || name.len() > MAX_NAME_BYTES || !has_room {
                pairs.left_out += 1;
                continue;
            }
            pairs.list.push(Pair::decoded(name, value, name_fault, charset));
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

/// A separator that was escaped for HTML leaves the rest of its escape before the name, more than once where it was
/// escaped more than once.
fn without_escape(mut part: &[u8]) -> &[u8] {
    // A `#` of a URL comes percent-encoded.
    const ESCAPES: [&[u8]; 7] = [
        b"amp;", b"#38;", b"#x26;", b"#038;", b"%2338;", b"%23x26;", b"%23038;",
    ];
    while let Some(escape) = ESCAPES
        .into_iter()
        .find(|escape| part.len() >= escape.len() && part[..escape.len()].eq_ignore_ascii_case(escape))
    {
        part = &part[escape.len()..];
    }
    part
}

/// What HTML made of `&param1=` and `&currency=`: a paragraph and a currency sign, encoded or not.
const ENTITIES: [(&[u8], &[u8]); 4] = [
    (b"\xc2\xb6m", b"&param"),
    (b"%c2%b6m", b"&param"),
    (b"\xc2\xa4cy=", b"&currency="),
    (b"%c2%a4cy=", b"&currency="),
];

/// The parameters with the names back that HTML swallowed; borrowed, as nearly always, when there is none.
fn without_entities(raw: &[u8]) -> Cow<'_, [u8]> {
    // Without an early end, so that many bytes are looked at in one step.
    let may_hold = raw
        .iter()
        .zip(raw.get(1..).unwrap_or_default())
        .fold(false, |found, two| {
            found | matches!(two, (0xb6 | b'6', b'm') | (0xa4 | b'4', b'c'))
        });
    if !may_hold {
        return Cow::Borrowed(raw);
    }
    let mut mended = Vec::with_capacity(raw.len() + 8);
    let mut at = 0;
    while at < raw.len() {
        let rest = &raw[at..];
        let found = ENTITIES.iter().find(|(entity, name)| {
            let is_here = rest.len() >= entity.len() && rest[..entity.len()].eq_ignore_ascii_case(entity);
            let behind = rest.get(entity.len()..entity.len() + 2);
            is_here && (name.ends_with(b"=") || matches!(behind, Some([b'1'..=b'5', b'='])))
        });
        match found {
            Some((entity, name)) => {
                mended.extend_from_slice(name);
                at += entity.len();
            }
            None => {
                mended.push(raw[at]);
                at += 1;
            }
        }
    }
    Cow::Owned(mended)
}

/// The longest prefix of at most `max` bytes that ends at a character boundary.
pub fn cut(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The bytes of a value, `+` being a space.
fn unescaped(raw: &[u8]) -> (Vec<u8>, Option<Fault>) {
    if !raw.iter().any(|b| matches!(b, b'+' | b'%')) {
        return (raw.to_vec(), None);
    }
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
    (bytes, fault)
}

/// Whether everything that is percent-encoded in it, and all else, is UTF-8.
pub fn is_utf8(raw: &[u8]) -> bool {
    let has_other = raw.iter().any(|byte| *byte >= 0x80 || *byte == b'%');
    !has_other || std::str::from_utf8(&unescaped(raw).0).is_ok()
}

fn decode(raw: &[u8], charset: Option<Charset>) -> (String, Option<Fault>) {
    let (bytes, mut fault) = unescaped(raw);
    let mut text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => match charset::text(error.as_bytes(), charset) {
            Some((text, charset)) => {
                fault = fault.or(Some(Fault::Charset(charset)));
                text
            }
            None => {
                fault = Some(Fault::InvalidUtf8);
                String::from_utf8_lossy(error.as_bytes()).into_owned()
            }
        },
    };
    if has_control(&text) {
        // Line ends at the ends are those of the body, or of a field that was pasted.
        let inner = text.trim_matches(['\r', '\n', '\t']);
        if has_control(inner) {
            fault = fault.or(Some(Fault::ControlCharacter));
        }
        text = without_control(inner).into_owned();
    }
    (text, fault)
}

fn hex_digit(byte: Option<&u8>) -> Option<u8> {
    byte.and_then(|b| char::from(*b).to_digit(16))
        .and_then(|d| u8::try_from(d).ok())
}

pub(super) fn has_control(text: &str) -> bool {
    // Control characters beyond ASCII are two bytes, the first of which is C2.
    let may_have = text
        .bytes()
        .fold(false, |found, b| found | (b < 0x20) | (b == 0x7f) | (b == 0xc2));
    may_have && text.chars().any(char::is_control)
}

/// The text on one line: CR, LF and TAB become a space, other control characters go. For header values too.
pub fn without_control(text: &str) -> Cow<'_, str> {
    if !has_control(text) {
        return Cow::Borrowed(text);
    }
    let kept = text.chars().filter_map(|c| match c {
        '\r' | '\n' | '\t' => Some(' '),
        c if c.is_control() => None,
        c => Some(c),
    });
    Cow::Owned(kept.collect())
}

#[cfg(test)]
#[path = "query_tests.rs"]
mod tests;
