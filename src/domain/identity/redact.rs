//! E-mail addresses within other text (page addresses, free parameters, error texts), and what of an address or a
//! JSON text speaks of a person by its name. They become `[email]`, `[phone]` and `[external_id]`.

use super::digest::{Kind, sha256};
use super::names::{self, Named};
use crate::domain::hex::hex;
use crate::domain::unfilled::half_width;
use std::borrow::Cow;

/// What stands in place of an address.
const MARK: &str = "[email]";
/// Rounds of percent-encoding that are seen through.
const MOST_ROUNDS: usize = 3;

/// The text without the e-mail addresses in it, percent-encoded and full-width ones too; borrowed when there is none.
pub fn emails(text: &str) -> Cow<'_, str> {
    if !may_hold(text.as_bytes()) {
        return Cow::Borrowed(text);
    }
    let units = units(text);
    let mut found: Vec<(usize, usize)> = Vec::new();
    for at in 0..units.len() {
        if units[at].c != '@' {
            continue;
        }
        let done = found.last().map_or(0, |(_, end)| *end);
        let from = (done..at).rev().take_while(|n| is_local(units[*n].c)).last();
        let mut to = at + 1;
        while to < units.len() && is_domain(units[to].c) {
            to += 1;
        }
        while to > at + 1 && matches!(units[to - 1].c, '.' | '-') {
            to -= 1;
        }
        let domain: String = units[at + 1..to].iter().map(|unit| unit.c).collect();
        let has_top = domain.rsplit_once('.').is_some_and(|(first, top)| {
            !first.is_empty()
                && top.chars().count() > 1
                && (top.chars().all(char::is_alphabetic) || top.starts_with("xn--"))
        });
        if let Some(from) = from.filter(|_| has_top) {
            found.push((from, to));
        }
    }
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut kept = 0;
    for (from, to) in found {
        out.push_str(&text[kept..units[from].start]);
        out.push_str(MARK);
        kept = units[to - 1].end;
    }
    out.push_str(&text[kept..]);
    Cow::Owned(out)
}

/// Whether a text holds an e-mail address.
pub fn holds_email(text: &str) -> bool {
    matches!(emails(text), Cow::Owned(_))
}

/// An order number as it is kept: a digest stands for one that holds an e-mail address, the same for the same, so that
/// duplicates are known and it is found again.
pub fn order_number(text: &str) -> Cow<'_, str> {
    if !holds_email(text) {
        return Cow::Borrowed(text);
    }
    let digest = sha256(&text.trim().to_lowercase());
    Cow::Owned(format!("sha256-{}", hex(&digest[..16])))
}

/// A URL, or a text that may be one, without e-mail addresses and without the values of parameters that speak of a
/// person.
pub fn url(text: &str) -> Cow<'_, str> {
    let text = emails(text);
    if memchr::memchr(b'=', text.as_bytes()).is_none() {
        return text;
    }
    let Some(query) = text.find(['?', '#', '&', ';']) else {
        return text;
    };
    let mut changed = String::new();
    let mut kept = 0;
    let mut at = query;
    while at < text.len() {
        let rest = &text[at + 1..];
        let end = rest.find(['?', '#', '&', ';']).map_or(text.len(), |n| at + 1 + n);
        if let Some((name, value)) = text[at + 1..end].split_once('=')
            && let Some(Named::Identifier(kind, _)) = names::of(&decoded(name))
            && !value.is_empty()
        {
            changed.push_str(&text[kept..end - value.len()]);
            changed.push_str(mark(kind));
            kept = end;
        }
        at = end;
    }
    if kept == 0 {
        return text;
    }
    changed.push_str(&text[kept..]);
    Cow::Owned(changed)
}

/// What stands in place of a value.
pub fn mark(kind: Kind) -> &'static str {
    match kind {
        Kind::Email => MARK,
        Kind::Phone => "[phone]",
        Kind::ExternalId => "[external_id]",
    }
}

/// A heading or name out of an unknown text, as it may be shown: without e-mail addresses and long runs of digits.
pub fn heading(text: &str) -> String {
    let digits = text.chars().filter(|c| half_width(*c).is_ascii_digit()).count();
    if digits > 6 {
        return "[...]".into();
    }
    emails(text).into_owned()
}

fn decoded(name: &str) -> Cow<'_, str> {
    percent_encoding::percent_decode_str(name).decode_utf8_lossy()
}

/// A quick look: an `@` in any of its spellings.
fn may_hold(bytes: &[u8]) -> bool {
    memchr::memchr3_iter(b'@', b'%', 0xef, bytes).any(|at| match bytes[at] {
        b'@' => true,
        b'%' => {
            let rest = &bytes[at + 1..];
            rest.starts_with(b"40")
                || rest.starts_with(b"25")
                || rest.starts_with(b"EF")
                || rest.starts_with(b"ef")
        }
        _ => bytes[at..].starts_with("＠".as_bytes()) || bytes[at..].starts_with("﹫".as_bytes()),
    })
}

/// One character of a text, as it is meant, with its place.
struct Unit {
    c: char,
    start: usize,
    end: usize,
}

/// The characters of a text, half-width and without percent-encoding.
fn units(text: &str) -> Vec<Unit> {
    let mut units: Vec<Unit> = text
        .char_indices()
        .map(|(start, c)| Unit {
            c: half(c),
            start,
            end: start + c.len_utf8(),
        })
        .collect();
    for _ in 0..MOST_ROUNDS {
        let before = units.len();
        units = without_encoding(units);
        if units.len() == before {
            break;
        }
    }
    units
}

fn half(c: char) -> char {
    match c {
        '﹫' => '@',
        '。' | '．' => '.',
        c => half_width(c),
    }
}

/// One round of percent-encoding undone.
fn without_encoding(units: Vec<Unit>) -> Vec<Unit> {
    let byte = |at: usize| -> Option<u8> {
        let digit = |n: usize| units.get(n).and_then(|unit| unit.c.to_digit(16));
        (units.get(at)?.c == '%').then_some(())?;
        u8::try_from(digit(at + 1)? << 4 | digit(at + 2)?).ok()
    };
    let mut out = Vec::with_capacity(units.len());
    let mut at = 0;
    while at < units.len() {
        let mut bytes = Vec::new();
        while let Some(b) = byte(at + bytes.len() * 3).filter(|_| bytes.len() < 4) {
            bytes.push(b);
            if std::str::from_utf8(&bytes).is_ok() {
                break;
            }
        }
        let c = std::str::from_utf8(&bytes)
            .ok()
            .and_then(|text| text.chars().next());
        // Bytes of another character set stand for some letter.
        let (c, length) = match (c, bytes.first()) {
            (Some(c), _) => (half(c), bytes.len() * 3),
            (None, Some(_)) => ('\u{fffd}', 3),
            (None, None) => (units[at].c, 1),
        };
        out.push(Unit {
            c,
            start: units[at].start,
            end: units[at + length - 1].end,
        });
        at += length;
    }
    out
}

fn is_local(c: char) -> bool {
    c.is_alphanumeric() || c == '\u{fffd}' || "._+-!$'*^`{|}~%".contains(c)
}

fn is_domain(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_go_and_the_rest_stays() {
        for (text, expected) in [
            ("taro@example.jp", "[email]"),
            (
                "mail to taro.y+x@example.co.jp, please.",
                "mail to [email], please.",
            ),
            ("a@b.jp,c@d.jp", "[email],[email]"),
            (
                "https://shop.example/t?e=taro@example.jp&x=1",
                "https://shop.example/t?e=[email]&x=1",
            ),
            (
                "https://shop.example/t?e=taro%40example.jp&x=1",
                "https://shop.example/t?e=[email]&x=1",
            ),
            (
                "u=https%3A%2F%2Fs.example%2F%3Fe%3Dtaro%40example.jp%26x",
                "u=https%3A%2F%2Fs.example%2F%3Fe%3D[email]%26x",
            ),
            ("e=taro%2540example.jp", "e=[email]"),
            ("ｔａｒｏ＠ｅｘａｍｐｌｅ．ｊｐ", "[email]"),
            ("%EF%BC%A0 taro%EF%BC%A0example.jp", "%EF%BC%A0 [email]"),
            ("太郎@例え.jp", "[email]"),
            ("TARO@EXAMPLE.JP.", "[email]."),
        ] {
            assert_eq!(emails(text), expected, "{text}");
        }
        for text in [
            "",
            "@taro",
            "medium.com/@taro/x",
            "taro@localhost",
            "a @ b.jp",
            "100%",
            "%40",
            "x@192.0.2.1",
            "A-1001",
        ] {
            assert!(matches!(emails(text), Cow::Borrowed(_)), "{text}");
        }
    }

    #[test]
    fn parameters_of_an_address_that_speak_of_a_person_go() {
        for (text, expected) in [
            (
                "https://s.example/t?tel=090-1234-5678&x=1",
                "https://s.example/t?tel=[phone]&x=1",
            ),
            (
                "https://s.example/t?x=1&Email=taro",
                "https://s.example/t?x=1&Email=[email]",
            ),
            (
                "https://s.example/#/t?external_id=u-1",
                "https://s.example/#/t?external_id=[external_id]",
            ),
            (
                "https://s.example/t?e=a@b.jp&%74el=1",
                "https://s.example/t?e=[email]&%74el=[phone]",
            ),
            ("https://s.example/t?x=1&tel=", "https://s.example/t?x=1&tel="),
            ("https://s.example/tel", "https://s.example/tel"),
        ] {
            assert_eq!(url(text), expected, "{text}");
        }
    }

    #[test]
    fn an_order_number_stands_for_the_same_order() {
        assert_eq!(order_number("Taro@example.jp"), order_number(" taro@EXAMPLE.jp"));
        assert!(!holds_email(&order_number("taro@example.jp")));
        assert_eq!(heading("090-1234-5678"), "[...]");
        assert_eq!(heading("売上 a@b.jp"), "売上 [email]");
    }
}
