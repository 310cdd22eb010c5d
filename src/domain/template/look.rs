//! The address of a second look: where a receiver that took a request first and judges it later is asked for its
//! verdict. Its text holds `{answer./pointer}`, filled from the JSON of the first answer, and secrets.

use super::catalogue::Placeholder;
use super::finding::{Finding, Notes, PartProblem, Problem};
use super::parts::{self, Syntax, Values, fields, fill_encoded};
use super::url::{MAX_URL, UrlTemplate};
use crate::domain::answer::is_pointer;
use crate::domain::postback::LaneKey;
use crate::domain::rule::NoData;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::borrow::Cow;

const OPEN: &str = "{answer.";
/// Everything but unreserved characters and slashes: an answer may give a path.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// Nothing has a value but secrets.
struct OnlySecrets;

impl Values for OnlySecrets {
    fn value(&self, _: &'static Placeholder) -> Option<Cow<'_, str>> {
        None
    }
    fn parameter(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }
    fn custom(&self) -> &[(String, String)] {
        &[]
    }
}

/// What is wrong with the text.
pub(super) fn check(text: &str, field: &str) -> Vec<Finding> {
    let mut notes = Notes::default();
    let stood_in = substitute(text, |pointer| is_pointer(pointer).then(|| "/x".to_owned()));
    let Some(plain) = stood_in else {
        notes.add(Problem::Part(PartProblem::BadPointer), 0, text.len());
        return notes.finish(text, field);
    };
    // Places are those of the text with the answer's values in it; what stands before the first one is where it was.
    if UrlTemplate::parse(&plain, 0, &mut notes).is_none() && !notes.has_errors() {
        notes.add(Problem::BadHost, 0, text.len());
    }
    for field in fields(&parts::scan(&plain, 0, Syntax::Url, &mut Notes::default())) {
        if !field.has_only_secrets() {
            notes.add(Problem::Part(PartProblem::OnlySecrets), field.start, field.end);
        }
    }
    notes.finish(text, field)
}

/// The address for an answer, with holes for secrets; `None` when the answer lacks what it names, or would lead to
/// another destination than the text.
pub fn look_url(text: &str, answer: &Value) -> Option<String> {
    let named = |pointer: &str| match answer.pointer(pointer)? {
        Value::String(value) if !value.is_empty() => Some(utf8_percent_encode(value, PATH).to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let filled = substitute(text, named)?;
    let mut url = String::new();
    let scanned = parts::scan(&filled, 0, Syntax::Url, &mut Notes::default());
    fill_encoded(&scanned, &OnlySecrets, &NoData::Empty, &mut url);
    let own = substitute(text, |_| Some("/".to_owned()))?;
    let is_same = LaneKey::of(&filled).is_some() && LaneKey::of(&filled) == LaneKey::of(&own);
    (is_same && url.len() <= MAX_URL).then_some(url)
}

/// The text with every `{answer.POINTER}` replaced; `None` when one cannot be.
fn substitute(text: &str, value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(OPEN) {
        let (pointer, after) = after.split_once('}')?;
        out.push_str(before);
        out.push_str(&value(pointer)?);
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::template::hole;
    use serde_json::json;

    #[test]
    fn the_answer_says_what_is_asked_about_but_not_where() {
        let answer = json!({"QueuedUri": "/Advertisers/1/A-1", "requestId": "a b/c", "n": 7,
            "evil": ".evil.example/x", "none": null});
        for (text, url) in [
            (
                "https://api.example{answer./QueuedUri}",
                Some("https://api.example/Advertisers/1/A-1"),
            ),
            (
                "https://api.example/r?id={answer./requestId}&n={answer./n}",
                Some("https://api.example/r?id=a%20b/c&n=7"),
            ),
            ("https://api.example{answer./evil}", None),
            ("https://api.example/{answer./none}", None),
            ("https://api.example/{answer./missing}", None),
        ] {
            assert_eq!(look_url(text, &answer).as_deref(), url, "{text}");
        }
        let with_secret = look_url("https://api.example/{secret.sid}{answer./QueuedUri}", &answer).unwrap();
        assert_eq!(
            hole::shown(&with_secret),
            "https://api.example/‹sid›/Advertisers/1/A-1"
        );
    }

    #[test]
    fn what_cannot_be_asked_is_told() {
        let code = |text: &str| {
            check(text, "x")
                .into_iter()
                .find(Finding::is_error)
                .map(|found| found.code)
        };
        assert_eq!(code("https://api.example{answer./a}?k={secret.k}"), None);
        assert_eq!(code("https://api.example/{answer.a}"), Some("bad_pointer"));
        assert_eq!(code("https://api.example/{answer./a"), Some("bad_pointer"));
        assert_eq!(code("https://api.example/{sid}"), Some("only_secrets"));
        assert!(code("api.example/{answer./a}").is_some());
    }
}
