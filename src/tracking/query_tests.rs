//! Tests of [`super`]: what a click keeps, what a conversion refuses, and the limits.

use super::*;
use proptest::prelude::*;

fn pairs(raw: &str) -> Vec<(String, String, Option<Fault>)> {
    Pairs::parse(raw.as_bytes())
        .list
        .into_iter()
        .map(|p| (p.name, p.value, p.fault))
        .collect()
}

#[test]
fn a_click_keeps_what_can_be_kept() {
    for (raw, value, fault) in [
        ("a=%E5%B1%B1", "山", None),
        ("a=x+y%2Bz", "x y+z", None),
        ("a", "", None),
        ("a=", "", None),
        ("&&a=1&", "1", None),
        ("a=b=c", "b=c", None),
        ("a=100%25", "100%", None),
        ("a=100%", "100%", Some(Fault::BadEscape)),
        ("a=%zz1", "%zz1", Some(Fault::BadEscape)),
        ("a=%8F%AC", "\u{fffd}\u{fffd}", Some(Fault::InvalidUtf8)),
        ("a=x%00y", "xy", Some(Fault::ControlCharacter)),
        ("a=x%0D%0Ay", "x  y", Some(Fault::ControlCharacter)),
    ] {
        assert_eq!(pairs(raw), vec![("a".into(), value.into(), fault)], "{raw}");
    }
}

#[test]
fn limits_cut_and_flag() {
    let many: String = (0..10_000).map(|n| format!("p{n}=1&")).collect();
    let parsed = Pairs::parse(many.as_bytes());
    assert_eq!((parsed.list.len(), parsed.left_out), (64, 9_936));
    assert!(parsed.is_cut());

    let long = Pairs::parse(format!("a={}&{}=1&b=2", "山".repeat(1000), "n".repeat(65)).as_bytes());
    assert_eq!(long.list[0].value.len(), 2046, "cut at a character boundary");
    assert_eq!(long.get("b"), Some("2"));
    assert_eq!(long.left_out, 1);
    assert!(!Pairs::parse(b"a=1").is_cut());
}

#[test]
fn a_form_refuses_what_is_doubtful() {
    for (raw, field, code) in [
        ("uid1=%zz", "uid1", "bad_escape"),
        ("uid1=%8F", "uid1", "invalid_utf8"),
        ("uid1=a%0Ab", "uid1", "control_character"),
        ("sid=a&sid=b", "sid", "repeated_field"),
        ("callback_params=x", "callback_params", "invalid_json"),
        ("callback_params=%5B%5D", "callback_params", "invalid_json"),
        (
            "callback_params=%7B%22a%22%3A%7B%7D%7D",
            "callback_params.a",
            "wrong_type",
        ),
    ] {
        let error = Fields::from_form(raw.as_bytes()).unwrap_err();
        assert_eq!((error.field.as_str(), error.code), (field, code), "{raw}");
    }
    let good = Fields::from_form(b"sid=a&sid=a&amount=&callback_params=%7B%22k%22%3A%22v%22%7D").unwrap();
    assert_eq!(good.plain, vec![("sid".into(), "a".into())]);
    assert_eq!(good.callback_params, vec![("k".into(), "v".into())]);
}

#[test]
fn json_bodies() {
    let good = Fields::from_json(
        r#"{"sid":"a","amount":1000.10,"uid1":null,"callback_params":{"b":2,"a":"山"},"partner_params":"{\"x\":\"y\"}"}"#
            .as_bytes(),
    )
    .unwrap();
    assert_eq!(good.get("amount"), Some("1000.10"));
    assert_eq!(good.get("uid1"), None);
    assert_eq!(
        good.callback_params,
        vec![("b".into(), "2".into()), ("a".into(), "山".into())]
    );
    assert_eq!(good.partner_params, vec![("x".into(), "y".into())]);

    let deep = "[".repeat(100_000);
    for (raw, field, code) in [
        ("", "body", "invalid_json"),
        ("[]", "body", "invalid_json"),
        ("{} x", "body", "invalid_json"),
        (deep.as_str(), "body", "invalid_json"),
        (r#"{"a":1,"a":2}"#, "a", "repeated_field"),
        (r#"{"uid1":{"x":1}}"#, "uid1", "wrong_type"),
        (r#"{"uid1":[1]}"#, "uid1", "wrong_type"),
        (r#"{"uid1":true}"#, "uid1", "wrong_type"),
        (r#"{"uid1":"a\u0000"}"#, "uid1", "control_character"),
        (
            r#"{"callback_params":{"a":"1","a":"1"}}"#,
            "callback_params.a",
            "repeated_field",
        ),
        (
            r#"{"callback_params":{"a":[]}}"#,
            "callback_params.a",
            "wrong_type",
        ),
        (r#"{"callback_params":[]}"#, "callback_params", "wrong_type"),
        (r#"{"":"1"}"#, "", "bad_name"),
    ] {
        let error = Fields::from_json(raw.as_bytes()).unwrap_err();
        assert_eq!((error.field.as_str(), error.code), (field, code), "{raw:.60}");
    }
    assert_eq!(
        Fields::from_json(b"{\"a\":\"\x8f\"}").unwrap_err().code,
        "invalid_utf8"
    );
}

#[test]
fn a_query_beside_a_body_may_not_contradict_it() {
    let body = || Fields::from_json(br#"{"sid":"a","callback_params":{"k":"v"}}"#).unwrap();
    let query = |raw: &str| Fields::from_form(raw.as_bytes()).unwrap();
    let joined = body().with_query(query("cid=c&sid=a&partner_params=%7B%22x%22%3A%22y%22%7D"));
    let joined = joined.unwrap();
    assert_eq!((joined.get("sid"), joined.get("cid")), (Some("a"), Some("c")));
    assert_eq!(
        (joined.callback_params.len(), joined.partner_params.len()),
        (1, 1)
    );
    for raw in ["sid=b", "callback_params=%7B%22k%22%3A%22w%22%7D"] {
        assert_eq!(
            body().with_query(query(raw)).unwrap_err().code,
            "repeated_field",
            "{raw}"
        );
    }
}

proptest! {
    #[test]
    fn any_bytes_stay_within_the_limits(raw in proptest::collection::vec(any::<u8>(), 0..6000)) {
        let parsed = Pairs::parse(&raw);
        prop_assert!(parsed.list.len() <= MAX_PARAMETERS);
        for pair in &parsed.list {
            prop_assert!(!pair.name.is_empty() && pair.name.len() <= MAX_NAME_BYTES);
            prop_assert!(pair.value.len() <= MAX_VALUE_BYTES);
            prop_assert!(!pair.name.chars().chain(pair.value.chars()).any(char::is_control));
        }
        if let Ok(fields) = Fields::from_form(&raw) {
            prop_assert!(fields.plain.iter().all(|(_, v)| !v.is_empty()));
        }
        if let Err(error) = Fields::from_json(&raw) {
            prop_assert!(!error.message.is_empty());
        }
    }

    #[test]
    fn what_was_encoded_comes_back(value in "[^\\p{Cc}]{0,300}") {
        let raw: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("k", &value).finish();
        let parsed = Pairs::parse(raw.as_bytes());
        prop_assert_eq!(parsed.get("k"), Some(value.as_str()));
        prop_assert_eq!(parsed.list[0].fault, None);
    }
}
