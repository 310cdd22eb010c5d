//! What a platform wants of a JSON body, as tables: members, whether they have to be there, and what stands in them.
//! What no table names is refused, as is everything that is only nearly right.

use super::person::{self, Normal};
use serde_json::{Map, Value};

/// A member of an object.
pub struct Member {
    name: &'static str,
    is_required: bool,
    kind: Kind,
}

/// One that has to be there.
pub const fn must(name: &'static str, kind: Kind) -> Member {
    let is_required = true;
    Member {
        name,
        is_required,
        kind,
    }
}

/// One that may be left out.
pub const fn may(name: &'static str, kind: Kind) -> Member {
    let is_required = false;
    Member {
        name,
        is_required,
        kind,
    }
}

/// Seconds that a time may lie back and ahead.
#[derive(Clone, Copy)]
pub struct Window {
    pub back_s: i64,
    pub ahead_s: i64,
}

/// So many days back, and not ahead by more than clocks differ.
pub const fn days(days: i64) -> Window {
    Window {
        back_s: days * 86_400,
        ahead_s: 5,
    }
}

/// What stands in a member.
#[derive(Clone, Copy)]
pub enum Kind {
    /// So many characters at most, none of them a control character.
    Text(usize),
    Is(&'static str),
    OneOf(&'static [&'static str]),
    /// A text of a form that has a name.
    Form(&'static str, fn(&str) -> bool),
    Url,
    Address,
    /// The digest of somebody the tests know.
    Digest(Normal),
    Seconds(Window),
    Millis(Window),
    Micros(Window),
    /// RFC 3339.
    Stamp(Window),
    /// The amount of the sale as a number, in yen; or none.
    Amount,
    /// The same as text.
    AmountText,
    /// The same as a whole number.
    AmountWhole,
    Whole,
    Flag,
    /// One of these at least, and so many at most.
    List(usize, &'static Kind),
    OneOrList(&'static Kind),
    Object(&'static [Member]),
}

/// The amount of every sale of the tests, in yen.
pub const AMOUNT: i64 = 4980;

/// Whether a value is of a kind; else where it is not, and why.
pub fn check(kind: Kind, value: &Value, at: &str, now_s: i64) -> Result<(), String> {
    let because = |why: &str| Err(format!("{at}: {why}"));
    match kind {
        Kind::Object(members) => match value {
            Value::Object(object) => check_object(members, object, at, now_s),
            _ => because("no object"),
        },
        Kind::List(most, kind) => match value {
            Value::Array(items) if items.is_empty() => because("empty list"),
            Value::Array(items) if items.len() > most => because("too many"),
            Value::Array(items) => {
                let mut items = items.iter().enumerate();
                items.try_for_each(|(n, item)| check(*kind, item, &format!("{at}/{n}"), now_s))
            }
            _ => because("no list"),
        },
        Kind::OneOrList(one) if value.is_array() => check(Kind::List(10, one), value, at, now_s),
        Kind::OneOrList(one) => check(*one, value, at, now_s),
        _ => scalar(kind, value, now_s).or_else(because),
    }
}

fn check_object(members: &[Member], object: &Map<String, Value>, at: &str, now_s: i64) -> Result<(), String> {
    for name in object.keys() {
        if !members.iter().any(|member| member.name == name) {
            return Err(format!("{at}/{name}: unknown member"));
        }
    }
    for member in members {
        let at = format!("{at}/{}", member.name);
        match object.get(member.name) {
            Some(value) => check(member.kind, value, &at, now_s)?,
            None if member.is_required => return Err(format!("{at}: missing")),
            None => {}
        }
    }
    Ok(())
}

fn scalar(kind: Kind, value: &Value, now_s: i64) -> Result<(), &'static str> {
    match kind {
        Kind::Seconds(window) => in_window(value.as_i64().ok_or("no whole number")?, 10, 1, window, now_s),
        Kind::Millis(window) => in_window(value.as_i64().ok_or("no whole number")?, 13, 1_000, window, now_s),
        Kind::Micros(window) => in_window(
            value.as_i64().ok_or("no whole number")?,
            16,
            1_000_000,
            window,
            now_s,
        ),
        Kind::Whole => is(value.is_i64(), "no whole number"),
        Kind::Flag => is(value.is_boolean(), "neither true nor false"),
        Kind::Amount => amount(value.as_f64().ok_or("no number")?),
        Kind::AmountWhole => amount_whole(value.as_i64().ok_or("no whole number")?),
        _ => text(kind, value.as_str().ok_or("no text")?, now_s),
    }
}

fn text(kind: Kind, text: &str, now_s: i64) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("empty");
    }
    if text.chars().any(char::is_control) {
        return Err("control character");
    }
    match kind {
        Kind::Text(most) => is(text.chars().count() <= most, "too long"),
        Kind::Is(word) => is(text == word, "another word"),
        Kind::OneOf(words) => is(words.contains(&text), "unknown word"),
        Kind::Form(name, has_it) => is(has_it(text), name),
        Kind::Url => is(
            url::Url::parse(text).is_ok_and(|url| url.has_host()),
            "no address of a page",
        ),
        Kind::Address => is(text.parse::<std::net::IpAddr>().is_ok(), "no IP address"),
        Kind::Digest(normal) => person::check(normal, text),
        Kind::Stamp(window) => {
            let stamp: jiff::Timestamp = text.parse().map_err(|_| "no RFC 3339 time")?;
            in_window(stamp.as_second(), 10, 1, window, now_s)
        }
        Kind::AmountText => amount(text.parse().map_err(|_| "no number in a text")?),
        _ => Err("no text"),
    }
}

fn is(holds: bool, why: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(why) }
}

#[expect(clippy::cast_precision_loss, reason = "a small constant")]
fn amount(amount: f64) -> Result<(), &'static str> {
    let is_it = amount == 0.0 || (amount - AMOUNT as f64).abs() < 1e-9;
    is(is_it, "not the amount of the sale")
}

fn amount_whole(amount: i64) -> Result<(), &'static str> {
    is(amount == 0 || amount == AMOUNT, "not the amount of the sale")
}

fn in_window(time: i64, digits: usize, unit: i64, window: Window, now_s: i64) -> Result<(), &'static str> {
    let age_s = now_s - time / unit;
    match () {
        () if time.to_string().len() != digits => Err("time in another unit"),
        () if age_s > window.back_s => Err("too old"),
        () if age_s < -window.ahead_s => Err("in the future"),
        () => Ok(()),
    }
}

/// Whether one of the members is there.
pub fn any_of(root: &Value, at: &str, names: &[&str]) -> Result<(), String> {
    let object = root.pointer(at);
    let has_one = names
        .iter()
        .any(|name| object.is_some_and(|object| object.get(name).is_some()));
    if has_one {
        Ok(())
    } else {
        Err(format!("{at}: nobody to be recognised by"))
    }
}

/// Whether all of the members are there.
pub fn all_of(root: &Value, at: &str, names: &[&str]) -> Result<(), String> {
    let object = root.pointer(at);
    let missing = names
        .iter()
        .find(|name| object.is_none_or(|object| object.get(name).is_none()));
    missing.map_or(Ok(()), |name| Err(format!("{at}/{name}: missing")))
}

/// Letters, digits, `-` and `_` of ASCII.
pub fn is_plain(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

pub fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// `1795800000.` and an id.
pub fn is_dated(text: &str) -> bool {
    let parts = text.split_once('.');
    parts.is_some_and(|(second, id)| second.len() == 10 && is_digits(second) && !id.is_empty())
}
