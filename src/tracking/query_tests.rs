//! Tests of [`super`]: what is mended, and the limits.

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
        ("a=%8F%AC", "小", Some(Fault::Charset("Shift_JIS"))),
        ("a=%FF%FE", "\u{fffd}\u{fffd}", Some(Fault::InvalidUtf8)),
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
fn escaped_separators_separate() {
    let names = |raw: &[u8]| -> Vec<String> {
        Pairs::parse(raw)
            .list
            .iter()
            .map(|p| format!("{}={}", p.name, p.value))
            .collect()
    };
    for raw in [
        "a=1&amp;b=2&amp;c=3",
        "a=1&amp;amp;b=2&AMP;c=3",
        "a=1&#38;b=2&#x26;c=3",
        "a=1&%2338;b=2&%23x26;c=3",
        "a=1&#038;b=2&#X26;&c=3",
    ] {
        assert_eq!(names(raw.as_bytes()), ["a=1", "b=2", "c=3"], "{raw}");
    }
    assert_eq!(names(b"a=1%26amp%3Bb=2&amp=3"), ["a=1&amp;b=2", "amp=3"]);
    assert_eq!(
        names("a=1¶m1=x¤cy=JPY".as_bytes()),
        ["a=1", "param1=x", "currency=JPY"]
    );
    assert_eq!(
        names(b"a=1%C2%B6m2=x%c2%a4cy=JPY"),
        ["a=1", "param2=x", "currency=JPY"]
    );
    assert_eq!(names("a=¶ma&b=¤c".as_bytes()), ["a=¶ma", "b=¤c"]);
}

#[test]
fn values_in_japanese_character_sets_are_read_and_keep_their_bytes() {
    let pair = |raw: &str| Pairs::parse(raw.as_bytes()).list.remove(0);
    let shift_jis = pair("a=%83e%83X%83g");
    assert_eq!(
        (shift_jis.value.as_str(), shift_jis.fault),
        ("テスト", Some(Fault::Charset("Shift_JIS")))
    );
    assert_eq!(shift_jis.as_sent(), b"%83e%83X%83g");
    assert_eq!(pair("a=%A5%C6%A5%B9%A5%C8").value, "テスト");
    assert_eq!(pair("a=%CAMPAIGN%").as_sent(), b"%CAMPAIGN%");
    assert_eq!(pair("a=%E5%B1%B1").raw, None);
}

#[test]
fn line_ends_at_the_ends_go() {
    let pair = Pairs::parse(b"a=n1%0D%0A&b=%09x\r\n").list;
    assert_eq!((pair[0].value.as_str(), pair[0].fault), ("n1", None));
    assert_eq!((pair[1].value.as_str(), pair[1].fault), ("x", None));
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
    }

    #[test]
    fn what_was_encoded_comes_back(value in "[^\\p{Cc}]{0,300}") {
        let raw: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("k", &value).finish();
        let parsed = Pairs::parse(raw.as_bytes());
        prop_assert_eq!(parsed.get("k"), Some(value.as_str()));
        prop_assert_eq!(parsed.list[0].fault, None);
    }
}
