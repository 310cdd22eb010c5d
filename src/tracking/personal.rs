//! What speaks of a person, taken out of what is kept of a request: fields by their names, and e-mail addresses
//! within any text. It works on names and values that were read, whatever they came in.

use super::query::Pairs;
use crate::domain::activity::Activity;
use crate::domain::identity::names::{self, Named};
use crate::domain::identity::sent::Remark;
use crate::domain::identity::{Sent, redact};
use crate::domain::note::{Note, NoteCode};
use crate::domain::offer::Offer;
use serde_json::Value;
use std::borrow::Cow;

/// Deepest nesting of JSON that is looked through; what lies deeper goes.
const MAX_DEPTH: usize = 16;

/// The value of a field without what speaks of a person, and what was done. `name` is that of a field which does not
/// speak of one.
pub(super) fn without<'v>(name: &str, value: &'v str, found: &mut Sent) -> (Cow<'v, str>, Option<NoteCode>) {
    if value.starts_with(['{', '[']) {
        let without = match serde_json::from_str::<Value>(value) {
            Ok(mut json) => prune(&mut json, 0, found).then(|| json.to_string()),
            // Of JSON that is cut or broken nobody can tell what belongs to what.
            Err(_) => {
                (value.contains('"') && speaks_of_person(value)).then(|| format!("[{} bytes]", value.len()))
            }
        };
        if let Some(without) = without {
            return (Cow::Owned(without), Some(NoteCode::PersonalRemoved));
        }
    }
    if names::is_order_number(name) {
        let kept = redact::order_number(value);
        let code = matches!(kept, Cow::Owned(_)).then_some(NoteCode::OrderHashed);
        return (kept, code);
    }
    match text(value) {
        Cow::Owned(text) => (Cow::Owned(text), Some(NoteCode::PersonalRemoved)),
        Cow::Borrowed(text) => (Cow::Borrowed(text), None),
    }
}

/// A free text or an address without what speaks of a person.
pub fn text(value: &str) -> Cow<'_, str> {
    redact::url(value)
}

/// Members of `callback_params` and the like without those that speak of a person.
pub(super) fn members(
    members: Vec<(String, String)>,
    found: &mut Sent,
) -> (Vec<(String, String)>, Vec<Note>) {
    let mut notes = Vec::new();
    let mut kept = Vec::with_capacity(members.len());
    for (name, value) in members {
        if let Some(named) = names::custom(&name, &value) {
            take(named, &value, found);
            continue;
        }
        let name = redact::emails(&name).into_owned();
        let (value, code) = without(&name, &value, found);
        notes.extend(code.map(|code| Note::new(code, &name, "")));
        kept.push((name, value.into_owned()));
    }
    (kept, notes)
}

/// Takes members that speak of a person, and e-mail addresses, out of a JSON document; whether there were any.
fn prune(json: &mut Value, depth: usize, found: &mut Sent) -> bool {
    if depth > MAX_DEPTH {
        *json = Value::Null;
        return true;
    }
    match json {
        Value::Object(members) => {
            let names: Vec<String> = members.keys().cloned().collect();
            let mut is_changed = false;
            for name in names {
                let value = members.get(&name);
                let shown = value.map(shown).unwrap_or_default();
                let named = names::member(&name, &shown).filter(|named| {
                    // Words of consent may stand one level deeper.
                    matches!(named, Named::Identifier(..)) || !value.is_some_and(Value::is_object)
                });
                match named {
                    Some(named) => {
                        value
                            .into_iter()
                            .for_each(|value| take_all(named, value, depth, found));
                        members.remove(&name);
                        is_changed = true;
                    }
                    _ if redact::holds_email(&name) => {
                        members.remove(&name);
                        is_changed = true;
                    }
                    _ => {
                        let inner = members.get_mut(&name);
                        is_changed |= inner.is_some_and(|inner| prune(inner, depth + 1, found));
                    }
                }
            }
            is_changed
        }
        Value::Array(items) => {
            let mut is_changed = false;
            for item in items {
                is_changed |= prune(item, depth + 1, found);
            }
            is_changed
        }
        Value::String(value) => match text(value) {
            Cow::Owned(without) => {
                *value = without;
                true
            }
            Cow::Borrowed(_) => false,
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Takes a field that speaks of a person; of an object in JSON what it holds.
pub(super) fn take(named: Named, value: &str, found: &mut Sent) {
    match serde_json::from_str::<Value>(value) {
        Ok(mut json @ Value::Object(_)) => match named {
            Named::Identifier(..) => take_all(named, &json, 0, found),
            // Words of consent each by its own name.
            _ => {
                prune(&mut json, 0, found);
            }
        },
        _ => found.take(named, value),
    }
}

/// Takes every value below a name that speaks of a person.
fn take_all(named: Named, value: &Value, depth: usize, found: &mut Sent) {
    match value {
        Value::Object(members) if depth < MAX_DEPTH => {
            members
                .values()
                .for_each(|value| take_all(named, value, depth + 1, found));
        }
        value => found.take(named, &shown(value)),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A value that cannot be read as a whole, without what speaks of a person; `None` where nobody can tell.
pub(super) fn remaining<'v>(name: &str, value: &'v str) -> Option<Cow<'v, str>> {
    if names::of(name).is_some() || names::member(name, value).is_some() {
        return None;
    }
    let is_made_of_several = value.contains(['=', ':', '{', '[', '<']);
    let is_whole = !is_made_of_several || serde_json::from_str::<Value>(value).is_ok() || is_address(value);
    if !is_whole && speaks_of_person(value) {
        return None;
    }
    Some(without(name, value, &mut Sent::default()).0)
}

fn is_address(value: &str) -> bool {
    let begins = value.starts_with("https://") || value.starts_with("http://");
    begins && !value.contains(char::is_whitespace)
}

/// Whether a text holds a word for what speaks of a person.
fn speaks_of_person(text: &str) -> bool {
    let lower = text.to_lowercase();
    [
        "mail",
        "phone",
        "tel",
        "mobile",
        "external_id",
        "externalid",
        "メール",
        "電話",
        "携帯",
    ]
    .iter()
    .any(|word| lower.contains(word))
}

/// Whether a text can be the name of a field, and is no text of its own.
pub(super) fn is_name(name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '[' | ']' | '$' | ':');
    let digits = name.chars().filter(char::is_ascii_digit).count();
    name.chars().all(is_part) && digits < 9
}

/// Takes parameters that speak of a person out of those of a click, which nobody identifies, and e-mail addresses out
/// of all others. Addresses of pages that the click asks for stay as they are: they are followed, and kept without.
pub(super) fn cleanse(pairs: &mut Pairs) -> Vec<Note> {
    let mut notes = Vec::new();
    pairs.list.retain_mut(|pair| {
        if let Some(Named::Identifier(kind, _)) = names::field(&pair.name, &pair.value) {
            if !pair.value.is_empty() {
                notes.push(Note::new(NoteCode::PersonalRemoved, kind.as_str(), ""));
            }
            return false;
        }
        if is_destination(&pair.name) {
            return true;
        }
        if let Cow::Owned(without) = redact::emails(&pair.name) {
            pair.name = without;
        }
        if let (Cow::Owned(without), code) = without(&pair.name, &pair.value, &mut Sent::default()) {
            notes.extend(code.map(|code| Note::new(code, &pair.name, "")));
            pair.replace(without);
        }
        true
    });
    notes
}

/// Parameters of a click that name where it leads.
fn is_destination(name: &str) -> bool {
    let bare = name.strip_prefix("adj_").unwrap_or(name);
    bare.starts_with("redirect") || matches!(bare, "deep_link" | "deeplink" | "fallback")
}

/// Makes the digests of what was sent, as the offer keeps them, and notes what is left out.
pub(super) fn settle(sent: &Sent, offer: Option<&Offer>, activity: &mut Activity) {
    if sent.is_empty() {
        return;
    }
    let settled = sent.settle(offer.map(|offer| &offer.identity));
    activity.identity = settled.identity;
    let notes = settled.remarks.into_iter().map(|remark| match remark {
        Remark::Off(kind) => Note::new(NoteCode::IdentityOff, kind.as_str(), ""),
        Remark::LeftOut(name, why) => Note::new(NoteCode::IdentityLeftOut, name, why.code()),
    });
    activity.input.fields.extend(notes.map(Note::into_pair));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_of(sent: &Sent) -> String {
        format!("{sent:?}")
    }

    #[test]
    fn what_speaks_of_a_person_leaves_every_value() {
        for (name, value, expected) in [
            ("free", "write to a@b.jp", "write to [email]"),
            ("uid1", "a@b.jp", &*redact::order_number("a@b.jp")),
            (
                "page_url",
                "https://s.example/?tel=0901234567&x=1",
                "https://s.example/?tel=[phone]&x=1",
            ),
            (
                "user",
                r#"{"email":"a@b.jp","n":1.10,"tel":["1"]}"#,
                r#"{"n":1.1}"#,
            ),
            (
                "user_data",
                r#"[{"em":"x","ph":"y","z":["a@b.jp"]}]"#,
                r#"[{"z":["[email]"]}]"#,
            ),
            (
                "items",
                r#"[{"id":"A","price":1.10}]"#,
                r#"[{"id":"A","price":1.10}]"#,
            ),
            ("broken", "{\"email\":\"a@b.jp\"", "[17 bytes]"),
            ("broken", "{\"n\":\"a@b.jp\"", "{\"n\":\"[email]\""),
        ] {
            let (found, _) = without(name, value, &mut Sent::default());
            assert_eq!(found, expected, "{name}={value}");
        }
        let mut sent = Sent::default();
        without("user", r#"{"email":"a@b.jp","address":{"phone":"1"}}"#, &mut sent);
        assert_eq!(names_of(&sent), "Sent(2 values)");
        let (value, _) = without(
            "user",
            r#"{"tel":{"home":"1","work":"2"},"consent":{"ad_user_data":"granted","x":1}}"#,
            &mut sent,
        );
        assert_eq!(value, r#"{"consent":{"x":1}}"#);
        assert_eq!(names_of(&sent), "Sent(5 values)");
    }

    #[test]
    fn of_what_cannot_be_read_only_the_harmless_remains() {
        for (name, value) in [
            ("email", "x"),
            ("p_tel", "1"),
            ("body", "email=taro tel=090"),
            ("x", "<tel>090</tel>"),
        ] {
            assert_eq!(remaining(name, value), None, "{name}={value}");
        }
        for (name, value, expected) in [
            ("uid1", "A-1", "A-1"),
            ("note", "a@b.jp", "[email]"),
            ("u", "https://s.example/tel?a=1", "https://s.example/tel?a=1"),
            ("j", r#"{"email":"x","a":1}"#, r#"{"a":1}"#),
        ] {
            assert_eq!(
                remaining(name, value).as_deref(),
                Some(expected),
                "{name}={value}"
            );
        }
        assert!(
            is_name("user[name]")
                && is_name("成果")
                && !is_name("a b")
                && !is_name("<a")
                && !is_name("09012345678")
        );
    }

    #[test]
    fn a_click_loses_what_speaks_of_a_person_and_is_led_where_it_asks() {
        let mut pairs = Pairs::parse(
            b"email=a%40b.jp&tel=1&param1=a@b.jp&x=1&redirect=https://s.example/?e=a@b.jp&mail_id=5",
        );
        let notes = cleanse(&mut pairs);
        let list: Vec<(&str, &str)> = pairs
            .list
            .iter()
            .map(|p| (p.name.as_str(), p.value.as_str()))
            .collect();
        assert_eq!(
            list,
            [
                ("param1", "[email]"),
                ("x", "1"),
                ("redirect", "https://s.example/?e=a@b.jp"),
                ("mail_id", "5")
            ]
        );
        assert_eq!(notes.len(), 3);
    }
}
