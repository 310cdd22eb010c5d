//! Every emulator against its own table: the documents' example passes, and whatever is wrong is refused for its reason.

use super::asked::Asked;
use super::platform::{Good, NOW_S, Platform, Token};
use super::{PLATFORMS, host::Emulated};
use serde_json::Value;

/// Wrong for everybody who takes a body.
const WRONG_WITH_BODY: &[(&str, &str)] = &[
    ("header Transfer-Encoding chunked", "chunked"),
    (
        "header Content-Type application/json; charset=utf-8",
        "media type",
    ),
    ("header Content-Type", "media type"),
    ("header Content-Length", "length"),
    ("header Content-Encoding gzip", "packed"),
    ("body {", "no JSON"),
    ("method GET", "method"),
];

/// Wrong for everybody.
const WRONG: &[(&str, &str)] = &[("path /nowhere", "no such path"), ("method PUT", "method")];

/// The example with something done to it.
fn with(platform: &Platform, change: &str) -> Asked {
    let mut asked = (platform.example)();
    let (what, rest) = change.split_once(' ').expect("what and where");
    let (name, value) = match rest.split_once(' ') {
        Some((name, value)) => (name, Some(value)),
        None => (rest, None),
    };
    match what {
        "header" => asked.set_header(name, value),
        "method" => asked.method = name.into(),
        "path" => asked.path = name.into(),
        "query" => {
            asked.query.retain(|(known, _)| known != name);
            asked
                .query
                .extend(value.map(|value| (name.to_owned(), value.to_owned())));
        }
        "body" => fill(&mut asked, rest.as_bytes().to_vec()),
        _ => {
            let mut json = asked.json().expect("JSON");
            put(
                &mut json,
                name,
                value.map(|value| serde_json::from_str(value).expect("JSON")),
            );
            fill(&mut asked, json.to_string().into_bytes());
        }
    }
    asked
}

fn fill(asked: &mut Asked, body: Vec<u8>) {
    asked.set_header("Content-Length", Some(&body.len().to_string()));
    asked.body = body;
}

/// Sets or removes what a pointer names.
fn put(json: &mut Value, pointer: &str, value: Option<Value>) {
    let Some((parent, name)) = pointer.rsplit_once('/') else {
        *json = value.expect("a value");
        return;
    };
    let parent = json
        .pointer_mut(parent)
        .unwrap_or_else(|| panic!("{pointer} leads nowhere"));
    match (parent, value) {
        (Value::Object(object), Some(value)) => drop(object.insert(name.into(), value)),
        (Value::Object(object), None) => drop(object.remove(name).expect("what is dropped is there")),
        (Value::Array(items), Some(value)) => items[name.parse::<usize>().expect("a number")] = value,
        (parent, _) => panic!("{pointer}: {parent}"),
    }
}

#[test]
fn the_documents_examples_pass_and_what_is_wrong_is_refused_for_its_reason() {
    for platform in PLATFORMS {
        let name = platform.preset;
        let judged = |asked: &Asked| platform.check(asked, platform.example_token, NOW_S);
        let good = judged(&(platform.example)());
        assert!(
            matches!(good, Ok(Good { is_test: false, .. })),
            "{name}: {good:?}"
        );
        let mut wrong: Vec<(&str, &str)> = WRONG.to_vec();
        if platform.body.is_some() {
            wrong.extend(WRONG_WITH_BODY);
        }
        if matches!(platform.body, Some(super::shape::Kind::Object(_))) {
            wrong.push(("set /surplus 1", "/surplus: unknown member"));
        }
        assert!(platform.wrong.len() >= 10, "{name}: ten ways to be wrong");
        wrong.extend(platform.wrong);
        for (change, reason) in wrong {
            let words = judged(&with(platform, change)).map_err(|fault| fault.words());
            assert_eq!(words, Err(reason.to_owned()), "{name}: {change}");
        }
        if !matches!(platform.token, Token::Unseen) {
            let other = platform.check(&(platform.example)(), "another-token", NOW_S);
            assert_eq!(
                other.map_err(|fault| fault.words()),
                Err("token".into()),
                "{name}"
            );
        }
        // Time passes: what was good is too old, where there is an end.
        let later = platform.check(
            &(platform.example)(),
            platform.example_token,
            NOW_S + 400 * 86_400,
        );
        let has_end = !matches!(name, "tradedoubler" | "webgains");
        assert_eq!(later.is_err(), has_end, "{name}: {later:?}");
    }
}

#[test]
fn an_event_counts_once_and_answers_can_be_odd() {
    for platform in PLATFORMS {
        let mut emulated = Emulated::new(platform);
        let asked = (platform.example)();
        let first = emulated.answer(&asked, NOW_S);
        assert_eq!(
            (first.status, emulated.counted()),
            (platform.taken.status, 1),
            "{}",
            platform.preset
        );
        emulated.answer(&asked, NOW_S);
        let counted = if platform.one_by.is_empty() { 2 } else { 1 };
        assert_eq!(
            emulated.counted(),
            counted,
            "{}: the same event again",
            platform.preset
        );
        for odd in platform.odd {
            let mut emulated = Emulated::new(platform);
            let marker = if asked.has("A-1001") { "A-1001" } else { "example" };
            emulated.be_odd(marker, odd);
            let answer = emulated.answer(&asked, NOW_S);
            let is_it = answer.status == odd.says.status && !answer.body.contains("{token}");
            assert!(is_it, "{}: {}", platform.preset, odd.what);
            assert_eq!(
                emulated.counted(),
                usize::from(odd.counts),
                "{}: {}",
                platform.preset,
                odd.what
            );
            // Once.
            let answer = emulated.answer(&asked, NOW_S);
            assert_eq!(
                answer.status, platform.taken.status,
                "{}: {}",
                platform.preset, odd.what
            );
        }
        emulated.set_token("another-token");
        let refused = emulated.answer(&asked, NOW_S);
        let is_unseen = matches!(platform.token, Token::Unseen) && platform.preset != "tradedoubler";
        let expected = if is_unseen {
            platform.taken
        } else {
            platform.token_refused
        };
        assert_eq!(refused.status, expected.status, "{}", platform.preset);
    }
}
