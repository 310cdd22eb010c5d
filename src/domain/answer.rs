//! Reading an answer: what a rule says of it, else what its status line says. Pure.

use super::postback::AnswerVerdict;
use super::rule::{AnswerCase, AnswerPolicy, StatusReading};
use serde_json::Value;

/// Longest words of a receiver that are kept, in characters.
const MOST_SAID: usize = 300;

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    /// What it means; `None`: what every postback's status line means.
    pub verdict: Option<AnswerVerdict>,
    /// The receiver's own words, if the rule says where they stand.
    pub said: String,
}

/// Reads an answer.
pub fn read(policy: &AnswerPolicy, status: u16, body: &str) -> Reading {
    let looks_inside = policy.cases.iter().any(|case| !case.pointer.is_empty()) || !policy.says.is_empty();
    let json = looks_inside.then(|| serde_json::from_str::<Value>(body.trim_start_matches('\u{feff}')).ok());
    let json = json.flatten();
    let case = policy
        .cases
        .iter()
        .find(|case| holds(case, status, json.as_ref()));
    Reading {
        verdict: case
            .map(|case| case.verdict)
            .or_else(|| by_status(policy.by_status, status)),
        said: json.map(|json| said(policy, &json)).unwrap_or_default(),
    }
}

fn by_status(reading: StatusReading, status: u16) -> Option<AnswerVerdict> {
    match (reading, status) {
        (StatusReading::Postback, _) => None,
        (StatusReading::Platform, 200..=299) => Some(AnswerVerdict::Delivered),
        (StatusReading::Platform, 401 | 403 | 404) => Some(AnswerVerdict::Stop),
        (StatusReading::Platform, 408 | 425 | 429) => Some(AnswerVerdict::Retry),
        (StatusReading::Platform, 400..=499) => Some(AnswerVerdict::GiveUp),
        (StatusReading::Platform, _) => Some(AnswerVerdict::Retry),
    }
}

fn holds(case: &AnswerCase, status: u16, json: Option<&Value>) -> bool {
    let is_of_status = case.status.is_empty() || case.status.iter().any(|named| names(named, status));
    is_of_status && (case.pointer.is_empty() || json.is_some_and(|json| stands(case, json)))
}

fn stands(case: &AnswerCase, json: &Value) -> bool {
    let Some(value) = json.pointer(&case.pointer).filter(|value| !value.is_null()) else {
        return false;
    };
    let is_enough = case.at_least.is_none_or(|least| {
        let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
        #[expect(clippy::cast_precision_loss, reason = "counts of events")]
        number.is_some_and(|number| number >= least as f64)
    });
    is_enough && (case.values.is_empty() || plain(value).is_some_and(|text| case.values.contains(&text)))
}

/// A scalar as text.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is) => Some(is.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn said(policy: &AnswerPolicy, json: &Value) -> String {
    let mut found = policy.says.iter().filter_map(|pointer| json.pointer(pointer));
    let text = found.find_map(|value| match value {
        Value::Null => None,
        Value::String(text) if text.trim().is_empty() => None,
        Value::Array(items) if items.is_empty() => None,
        value => Some(plain(value).unwrap_or_else(|| value.to_string())),
    });
    let visible = text.unwrap_or_default().replace(char::is_control, " ");
    visible.trim().chars().take(MOST_SAID).collect()
}

/// Whether `200` or `4xx` names a status.
fn names(named: &str, status: u16) -> bool {
    match named.strip_suffix("xx") {
        Some(class) => class.parse() == Ok(status / 100),
        None => named.parse() == Ok(status),
    }
}

/// Whether a text is a status or a class of them.
pub fn is_status(named: &str) -> bool {
    (100..=599).any(|status| names(named, status))
}

/// Whether a text is a JSON pointer (RFC 6901).
pub fn is_pointer(text: &str) -> bool {
    let mut rest = text;
    let has_good_escapes = loop {
        match rest.split_once('~') {
            None => break true,
            Some((_, after)) if after.starts_with(['0', '1']) => rest = after,
            Some(_) => break false,
        }
    };
    text.starts_with('/') && text.len() <= 256 && has_good_escapes
}

#[cfg(test)]
mod tests {
    use super::*;
    use AnswerVerdict as V;

    fn policy(json: serde_json::Value) -> AnswerPolicy {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_platform_that_says_it_in_the_body_is_read() {
        let tiktok = policy(
            serde_json::json!({"by_status": "platform", "says": ["/message"], "cases": [
            {"pointer": "/code", "values": ["0"], "verdict": "delivered"},
            {"pointer": "/code", "values": ["40100", "40133"], "verdict": "retry"},
            {"pointer": "/code", "values": ["40105"], "verdict": "stop"},
            {"pointer": "/code", "verdict": "give_up"}]}),
        );
        for (status, body, verdict, said) in [
            (200, r#"{"code":0,"message":"OK"}"#, Some(V::Delivered), "OK"),
            (
                401,
                r#"{"code":40100,"message":"too fast"}"#,
                Some(V::Retry),
                "too fast",
            ),
            (
                200,
                r#"{"code":"40105","message":"bad\ntoken"}"#,
                Some(V::Stop),
                "bad token",
            ),
            (200, r#"{"code":40002,"message":null}"#, Some(V::GiveUp), ""),
            (200, "<html>", Some(V::Delivered), ""),
            (401, "", Some(V::Stop), ""),
            (503, "", Some(V::Retry), ""),
            (422, r#"{"code":null}"#, Some(V::GiveUp), ""),
        ] {
            let reading = read(&tiktok, status, body);
            assert_eq!(
                (reading.verdict, reading.said.as_str()),
                (verdict, said),
                "{status} {body}"
            );
        }
    }

    #[test]
    fn the_first_words_that_are_there_are_kept() {
        let policy = policy(serde_json::json!({"says": ["/error", "/details", "/warning"]}));
        for (body, said) in [
            (r#"{"error":"bad","warning":"odd"}"#, "bad"),
            (r#"{"error":"","details":[],"warning":"odd"}"#, "odd"),
            (r#"{"error":" ","details":["x"]}"#, r#"["x"]"#),
            (r#"{"error":null}"#, ""),
        ] {
            assert_eq!(read(&policy, 200, body).said, said, "{body}");
        }
    }

    #[test]
    fn counts_classes_and_the_plain_status_line() {
        let meta = policy(serde_json::json!({"cases": [
            {"status": ["2xx"], "pointer": "/events_received", "at_least": 1, "verdict": "delivered"},
            {"status": ["200"], "verdict": "give_up"},
            {"status": ["3xx"], "verdict": "delivered"}]}));
        for (status, body, verdict) in [
            (200, r#"{"events_received":1}"#, Some(V::Delivered)),
            (200, r#"{"events_received":"2"}"#, Some(V::Delivered)),
            (200, r#"{"events_received":0}"#, Some(V::GiveUp)),
            (302, "", Some(V::Delivered)),
            (500, "", None),
        ] {
            assert_eq!(read(&meta, status, body).verdict, verdict, "{status} {body}");
        }
    }

    #[test]
    fn what_names_a_place_or_a_status_is_known() {
        assert!(is_pointer("/a/0/b~1c") && !is_pointer("a") && !is_pointer("/a~2") && !is_pointer("/~"));
        assert!(
            is_status("200") && is_status("4xx") && !is_status("xx") && !is_status("900") && !is_status("")
        );
    }
}
