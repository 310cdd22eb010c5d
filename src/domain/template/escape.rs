//! How a value is written into what surrounds it.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but RFC 3986 unreserved characters.
pub(super) const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Begins a hole ([`super::hole`]).
pub(super) const OPEN: char = '\u{1}';
/// Ends it.
pub(super) const CLOSE: char = '\u{2}';

/// What surrounds a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escape {
    /// A URL or form: everything but unreserved characters is percent-encoded.
    Percent,
    /// The inside of a JSON string.
    Json,
    /// A header: as it is.
    Plain,
}

impl Escape {
    /// Appends a value.
    pub(super) fn write(self, text: &str, out: &mut String) {
        match self {
            Self::Percent => out.extend(utf8_percent_encode(text, VALUE)),
            Self::Json => json(text, out),
            Self::Plain => out.push_str(text),
        }
    }

    /// Leaves a hole for what the expression names.
    pub(super) fn leave_hole(self, expression: &str, out: &mut String) {
        out.push(OPEN);
        out.push(self.letter());
        out.push_str(expression);
        out.push(CLOSE);
    }

    /// The letter that stands for it in a hole.
    fn letter(self) -> char {
        match self {
            Self::Percent => 'p',
            Self::Json => 'j',
            Self::Plain => 'h',
        }
    }

    /// Reads [`Self::letter`].
    pub(super) fn of_letter(letter: char) -> Option<Self> {
        [Self::Percent, Self::Json, Self::Plain]
            .into_iter()
            .find(|escape| escape.letter() == letter)
    }
}

/// Percent-encodes everything but unreserved characters.
pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, VALUE).to_string()
}

/// Escapes for the inside of a JSON string. What needs no escape, most texts as a whole, is copied at once.
fn json(text: &str, out: &mut String) {
    let is_escaped = |byte: u8| byte < b' ' || matches!(byte, b'"' | b'\\');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(is_escaped) {
        let (plain, escaped) = rest.split_at(at);
        out.push_str(plain);
        match escaped.as_bytes()[0] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            byte => out.push_str(&format!("\\u{byte:04x}")),
        }
        rest = &escaped[1..];
    }
    out.push_str(rest);
}

/// What a header may not hold.
pub(super) fn is_forbidden_in_header(c: char) -> bool {
    c.is_ascii_control() && c != '\t'
}
