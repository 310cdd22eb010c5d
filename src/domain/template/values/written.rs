//! How values of each form are written; nothing at all where there is no data.

use std::borrow::Cow;

/// A value of a placeholder.
pub(super) type Text<'v> = Option<Cow<'v, str>>;

pub(super) fn lent(text: &str) -> Text<'_> {
    (!text.is_empty()).then_some(Cow::Borrowed(text))
}

pub(super) fn made<'v>(value: impl ToString) -> Text<'v> {
    Some(Cow::Owned(value.to_string()))
}

pub(super) fn flag<'v>(value: bool) -> Text<'v> {
    Some(Cow::Borrowed(if value { "1" } else { "0" }))
}

pub(super) fn seconds<'v>(at_ms: i64) -> Text<'v> {
    made(at_ms.div_euclid(1000))
}

pub(super) fn hour<'v>(at_ms: i64) -> Text<'v> {
    made(at_ms.div_euclid(3_600_000) * 3600)
}

pub(super) fn in_list<'v>(list: &'v [(String, String)], name: &str) -> Text<'v> {
    list.iter()
        .find(|(key, value)| key == name && !value.is_empty())
        .map(|(_, value)| Cow::Borrowed(value.as_str()))
}

/// Pairs as one JSON object; no data when there are none.
pub(super) fn object<'v>(pairs: &[(String, String)]) -> Text<'v> {
    if pairs.is_empty() {
        return None;
    }
    let map: serde_json::Map<String, serde_json::Value> = pairs
        .iter()
        .map(|(key, value)| (key.clone(), value.clone().into()))
        .collect();
    made(serde_json::Value::Object(map))
}
