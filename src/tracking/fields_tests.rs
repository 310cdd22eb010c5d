//! Tests of [`super`]: what refuses a request, and what is mended or left out.

use super::*;
use proptest::prelude::*;

const RULES: FieldRules = FieldRules {
    decides: |name| matches!(name, "sid" | "uid1" | "amount"),
    role: |name| match name {
        "sid" | "uid1" => Role::Id,
        "amount" => Role::Amount,
        _ => Role::Text,
    },
    is_documented: |name| matches!(name, "sid" | "uid1" | "amount" | "x"),
    charset: None,
};

fn form(raw: &str) -> Result<Fields, FieldError> {
    Fields::from_form(raw.as_bytes(), &RULES)
}

fn json(raw: &str) -> Result<Fields, FieldError> {
    Fields::from_json(raw.as_bytes(), &RULES)
}

fn codes(fields: &Fields) -> Vec<(NoteCode, &str)> {
    fields.notes.iter().map(|n| (n.code, n.field.as_str())).collect()
}

#[test]
fn what_decides_is_read_strictly() {
    for (raw, field, code) in [
        ("uid1=a%zz", "uid1", "bad_escape"),
        ("uid1=%8F", "uid1", "invalid_utf8"),
        ("uid1=a%0Ab", "uid1", "control_character"),
        ("uid1=a&uid1=b", "uid1", "repeated_field"),
        ("amount=1&AMOUNT=2", "amount", "repeated_field"),
    ] {
        let error = form(raw).unwrap_err();
        assert_eq!((error.field.as_str(), error.code), (field, code), "{raw}");
    }
    for (raw, field, code) in [
        ("", "body", "invalid_json"),
        ("[]", "body", "invalid_json"),
        ("{} x", "body", "invalid_json"),
        (r#"{"uid1":"1","uid1":"2"}"#, "uid1", "repeated_field"),
        (r#"{"uid1":{"x":1}}"#, "uid1", "wrong_type"),
        (r#"{"uid1":[1]}"#, "uid1", "wrong_type"),
        (r#"{"uid1":true}"#, "uid1", "wrong_type"),
        (r#"{"uid1":"a\u0000b"}"#, "uid1", "control_character"),
    ] {
        let error = json(raw).unwrap_err();
        assert_eq!((error.field.as_str(), error.code), (field, code), "{raw}");
    }
    assert_eq!(
        Fields::from_json(b"{\"a\":\"\x8f\"}", &RULES).unwrap_err().code,
        "invalid_utf8"
    );
    assert!(json(&"[".repeat(100_000)).is_err());
}

#[test]
fn what_decides_nothing_never_refuses() {
    for (raw, code) in [
        ("utm_term=%83A%83t", NoteCode::Charset),
        ("utm_campaign=50%off", NoteCode::Mended),
        ("utm_source=a&utm_source=b", NoteCode::LeftOut),
        ("note=a%0Ab%00c", NoteCode::Mended),
        ("callback_params=x", NoteCode::LeftOut),
        ("callback_params=%5B%5D", NoteCode::LeftOut),
        ("x=%ff%fe", NoteCode::Mended),
    ] {
        let fields = form(&format!("sid=a&{raw}")).unwrap();
        assert_eq!(fields.get("sid"), Some("a"), "{raw}");
        assert_eq!(fields.notes[0].code, code, "{raw}");
    }
    let many: String = (0..500).map(|n| format!("a{n}=1&")).collect();
    let fields = form(&format!("{many}uid1=last")).unwrap();
    assert_eq!(fields.get("uid1"), Some("last"));
    let odd = json(
        r#"{"sid":"a","items":[{"id":1}],"ok":true,"deep":{"x":{"y":1}},"":1,"callback_params":{"a":[]}}"#,
    );
    let odd = odd.unwrap();
    assert_eq!(odd.get("items"), Some(r#"[{"id":1}]"#));
    assert_eq!(odd.get("ok"), Some("true"));
    assert_eq!(odd.callback_params, [("a".to_owned(), "[]".to_owned())]);
}

#[test]
fn good_fields_come_as_they_are() {
    let good = form("sid=a&sid=a&amount=&callback_params=%7B%22k%22%3A%22v%22%7D").unwrap();
    assert_eq!(good.plain, vec![("sid".into(), "a".into())]);
    assert_eq!(good.callback_params, vec![("k".into(), "v".into())]);
    let good = json(
        "\u{feff}{\"sid\":\"a\",\"amount\":1000.10,\"uid1\":null,\"callback_params\":{\"b\":2,\"a\":\"山\"},\"partner_params\":\"{\\\"x\\\":\\\"y\\\"}\"}",
    )
    .unwrap();
    assert_eq!(good.get("amount"), Some("1000.10"));
    assert_eq!(good.get("uid1"), None);
    assert_eq!(
        good.callback_params,
        vec![("b".into(), "2".into()), ("a".into(), "山".into())]
    );
    assert_eq!(good.partner_params, vec![("x".into(), "y".into())]);
}

#[test]
fn variables_that_nobody_filled_count_as_not_sent() {
    for raw in [
        "uid1=[ORDER_NUM]",
        "uid1=%7Border_id%7D",
        "uid1=%ORDER_ID%",
        "uid1=undefined",
        "uid1=%257B%257Border.number%257D%257D",
        "amount={amount}",
        "sid={sid}",
    ] {
        let fields = form(raw).unwrap();
        assert_eq!(fields.plain, [], "{raw}");
        let name = raw.split('=').next().unwrap();
        assert_eq!(codes(&fields), [(NoteCode::Unfilled, name)], "{raw}");
        assert!(fields.is_unfilled(name));
    }
    let doubtful = form("uid1=test&p_title=%7B%7Btitle%7D%7D").unwrap();
    assert_eq!(doubtful.get("uid1"), Some("test"));
    assert_eq!(doubtful.get("p_title"), Some("{{title}}"));
    assert!(doubtful.notes.iter().all(|n| n.code == NoteCode::MaybeUnfilled));
    assert_eq!(doubtful.notes.len(), 2);
}

#[test]
fn names_in_any_case_and_values_with_white_space() {
    let fields = form("SID=a&Amount=+1000+&UID1=%E3%80%80n1%0D%0A&Foo=1&x=%E2%80%8Bv\r\n").unwrap();
    assert_eq!(
        fields.plain,
        [
            ("sid", "a"),
            ("amount", "1000"),
            ("uid1", "n1"),
            ("Foo", "1"),
            ("x", "v")
        ]
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
    );
    assert!(fields.notes.is_empty());
}

#[test]
fn of_two_sids_the_one_of_ours_counts() {
    for raw in ["sid=5&sid=0mhwydvk0abcdefg", "sid=0mhwydvk0abcdefg&sid=5"] {
        assert_eq!(form(raw).unwrap().get("sid"), Some("0mhwydvk0abcdefg"), "{raw}");
    }
    assert_eq!(
        form("sid=0mhwydvk0abcdefg&sid=0mhwydvk0abcdefh")
            .unwrap_err()
            .code,
        "repeated_field"
    );
}

#[test]
fn a_query_beside_a_body_may_not_contradict_it() {
    let body = || json(r#"{"sid":"a","callback_params":{"k":"v"}}"#).unwrap();
    let joined = body()
        .with_query(
            form("x=c&sid=a&partner_params=%7B%22x%22%3A%22y%22%7D").unwrap(),
            &RULES,
        )
        .unwrap();
    assert_eq!((joined.get("sid"), joined.get("x")), (Some("a"), Some("c")));
    assert_eq!(
        (joined.callback_params.len(), joined.partner_params.len()),
        (1, 1)
    );
    let other = body().with_query(form("sid=b").unwrap(), &RULES);
    assert_eq!(other.unwrap_err().code, "repeated_field");
    let twice = body().with_query(form("callback_params=%7B%22k%22%3A%22w%22%7D").unwrap(), &RULES);
    assert_eq!(twice.unwrap().faults[0].field, "callback_params");
}

proptest! {
    #[test]
    fn any_bytes_are_fields_or_an_error_with_a_sentence(raw in proptest::collection::vec(any::<u8>(), 0..6000)) {
        if let Ok(fields) = Fields::from_form(&raw, &RULES) {
            prop_assert!(fields.plain.iter().all(|(_, v)| !v.is_empty() && !has_control(v)));
            prop_assert!(fields.notes.len() <= MOST_NOTES);
        }
        if let Err(error) = Fields::from_json(&raw, &RULES) {
            prop_assert!(!error.message.is_empty());
        }
    }
}

#[test]
fn true_and_false_answer_a_question_of_consent() {
    use crate::domain::identity::Consent::{Denied, Granted};
    for (value, expected) in [
        ("false", Some(Denied)),
        ("\"False\"", Some(Denied)),
        ("true", Some(Granted)),
        ("0", Some(Denied)),
        ("null", None),
        ("\"undefined\"", None),
        ("\"{consent}\"", None),
    ] {
        for name in ["ad_user_data", "consent"] {
            let fields = json(&format!(r#"{{"{name}":{value}}}"#)).unwrap();
            let said = fields.identity.settle(None).identity.ad_user_data;
            assert_eq!(said, expected, "{name}: {value}");
        }
    }
    let fields = form("consent=false&ad_user_data=true").unwrap();
    assert_eq!(fields.identity.settle(None).identity.ad_user_data, Some(Granted));
    let fields = json(r#"{"email":false}"#).unwrap();
    assert_eq!(codes(&fields), [(NoteCode::Unfilled, "email")]);
}
