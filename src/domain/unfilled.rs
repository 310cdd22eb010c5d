//! Unfilled variables: text of a template that some other system should have replaced with a value and did not,
//! such as `[ORDER_NUM]`, `{{ order.number }}` or `undefined`. Taken for a value, the first sale gets it as its
//! order number and every later one counts as a duplicate of that sale.
//!
//! A value is judged as it arrived, before percent-decoding: `%CAMPAIGN%` is a variable, although its first three
//! characters decode to a byte. It must not know what follows from a judgement; that is the caller's to decide.

mod shapes;
#[cfg(test)]
mod tests;

use self::shapes::{CUT_OFF, NAMED, QUOTED, Shape};
use std::borrow::Cow;

/// How sure a judgement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// It may be a real value: keep and use it, note and count it.
    Doubtful,
    /// It is no value: treat it as not sent.
    Certain,
}

/// What a value is for. The same text is a mistake as an order number and harmless as the name of an article.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Tells one thing from others: `sid`, `click_id`, order numbers, PARA1 to 5, a partner's own ids.
    Id,
    /// An amount or a currency: a word can be neither, so what is doubtful as an id is certain here.
    Amount,
    /// Names, labels and free text: a judgement is never more than doubtful, and words are not judged.
    Text,
    /// A fixed value in a URL that an operator writes: fixed words such as `test` are what they want there.
    Template,
}

/// A judgement: the value is probably the name of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfilled {
    /// How sure it is.
    pub certainty: Certainty,
    /// The syntax that was recognised, as people write it: `{{ … }}`. Empty for words.
    pub syntax: &'static str,
    /// Whose syntax it is, for the sentence about it: "Shopify, GTM". Empty where nobody's in particular.
    pub systems: &'static str,
}

/// Longer values are not judged; names of variables are short, and the time for a request is bounded.
const LONGEST: usize = 2048;

/// Judges a value as it arrived: percent-encoded (once or twice, or not at all), HTML-escaped or in full width.
pub fn judge(raw: &[u8], role: Role) -> Option<Unfilled> {
    let raw = raw.trim_ascii();
    if raw.is_empty() || raw.len() > LONGEST {
        return None;
    }
    let mut form = String::from_utf8_lossy(raw);
    if is_plain(raw) {
        return judge_word(&form, role);
    }
    for _ in 0..3 {
        if let Some(found) = judge_form(&tidy(&form), role) {
            return Some(found);
        }
        let Cow::Owned(next) = decode(&form) else {
            return None;
        };
        form = Cow::Owned(next);
    }
    None
}

/// The variable that a text begins with, and its length in bytes, for texts that hold other things as well.
pub fn begins(text: &str) -> Option<(usize, Unfilled)> {
    shapes::begins(text).map(|(length, shape)| (length, judged(shape, Role::Template)))
}

/// Whether a value cannot be syntax: letters, digits and what ids are usually made of. It makes the common
/// value cheap.
fn is_plain(raw: &[u8]) -> bool {
    raw.iter()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
        && !raw.starts_with(b"__")
}

/// Percent-decoding, with `+` as a space as in queries and forms; borrowed when there is nothing to decode.
fn decode(form: &str) -> Cow<'_, str> {
    if !form.contains(['%', '+']) {
        return Cow::Borrowed(form);
    }
    let spaced = form.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy();
    if decoded == form {
        Cow::Borrowed(form)
    } else {
        Cow::Owned(decoded.into_owned())
    }
}

/// Takes off what wraps a variable on its way: full width, HTML and JavaScript escapes, invisible characters, quotes.
fn tidy(form: &str) -> String {
    let mut text: String = form
        .chars()
        .filter(|c| !is_invisible(*c) && *c != '\\')
        .map(half_width)
        .collect();
    if text.contains('&') {
        for (escaped, plain) in shapes::HTML_ESCAPES {
            text = text.replace(escaped, plain);
        }
    }
    text.trim()
        .trim_matches(|c: char| matches!(c, '"' | '\'' | '`') || c.is_whitespace())
        .to_owned()
}

/// Whether a character takes no room: zero-width characters, soft hyphen, byte order mark, direction marks.
pub fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}'
    )
}

/// The half-width form of a full-width letter, digit, sign or blank; other characters as they are.
pub fn half_width(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{3000}' => ' ',
        c => c,
    }
}

fn judge_form(text: &str, role: Role) -> Option<Unfilled> {
    match shapes::find(text).or_else(|| whole(text, role)) {
        Some(shape) => Some(judged(shape, role)),
        None => judge_word(text, role),
    }
}

fn judged(shape: &Shape, role: Role) -> Unfilled {
    Unfilled {
        certainty: match role {
            Role::Id | Role::Amount | Role::Template => Certainty::Certain,
            Role::Text => Certainty::Doubtful,
        },
        syntax: shape.syntax,
        systems: shape.systems,
    }
}

/// The syntax of which the whole text is one variable.
fn whole(text: &str, role: Role) -> Option<&'static Shape> {
    let encloses = |shape: &&Shape| shape.encloses(text);
    NAMED
        .iter()
        .find(encloses)
        // An article may well be called "(new)"; an order number may not.
        .or_else(|| {
            (role != Role::Text)
                .then(|| QUOTED.iter().find(encloses))
                .flatten()
        })
        .or_else(|| {
            matches!(role, Role::Id | Role::Amount)
                .then(|| CUT_OFF.iter().find(encloses))
                .flatten()
        })
        .or_else(|| shapes::bare(text))
}

/// Judges a value without any syntax by the words that programs, manuals and our own samples leave behind.
fn judge_word(text: &str, role: Role) -> Option<Unfilled> {
    let certainty = match role {
        Role::Text => shapes::is_nothing(text).then_some(Certainty::Doubtful),
        Role::Template => {
            (shapes::is_to_be_filled(text) || shapes::is_id_name(text)).then_some(Certainty::Doubtful)
        }
        Role::Id if shapes::is_nothing(text) || shapes::is_own_sample(text) => Some(Certainty::Certain),
        Role::Id => {
            (shapes::is_to_be_filled(text) || shapes::is_variable_name(text)).then_some(Certainty::Doubtful)
        }
        Role::Amount => (shapes::is_nothing(text)
            || shapes::is_own_sample(text)
            || shapes::is_to_be_filled(text)
            || shapes::is_variable_name(text))
        .then_some(Certainty::Certain),
    }?;
    Some(Unfilled {
        certainty,
        syntax: "",
        systems: "",
    })
}
