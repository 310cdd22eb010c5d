//! URLs, bodies, headers and values as they go out.

use super::*;
use crate::domain::activity::ActivityKind;
use crate::domain::ids::PostbackId;
use crate::domain::rule::RuleHeader;
use crate::domain::template::catalogue;
use crate::domain::template::sample::sample_activity;

#[test]
fn no_data_policies() {
    let word = NoData::Word { word: "n/a".into() };
    let none = Given::new(&[("sid", "s")]);
    let table = [
        (
            "https://h.example/{label}/x?a={label}&b={sid}&c=1",
            "https://h.example//x?a=&b=s&c=1",
            "https://h.example//x?b=s&c=1",
            "https://h.example/n%2Fa/x?a=n%2Fa&b=s&c=1",
        ),
        (
            "https://h.example/?a={label}",
            "https://h.example/?a=",
            "https://h.example/",
            "https://h.example/?a=n%2Fa",
        ),
        (
            "https://h.example/?a={label}-{sid}",
            "https://h.example/?a=-s",
            "https://h.example/?a=-s",
            "https://h.example/?a=n%2Fa-s",
        ),
        (
            "https://h.example/?a={label}-{para1}&b=2#f",
            "https://h.example/?a=-&b=2#f",
            "https://h.example/?b=2#f",
            "https://h.example/?a=n%2Fa-n%2Fa&b=2#f",
        ),
        (
            "https://h.example/?{label}={sid}",
            "https://h.example/?=s",
            "https://h.example/?=s",
            "https://h.example/?n%2Fa=s",
        ),
        (
            "https://h.example/?x&&a={label}&",
            "https://h.example/?x&&a=&",
            "https://h.example/?x&&",
            "https://h.example/?x&&a=n%2Fa&",
        ),
        (
            "https://h.example/?",
            "https://h.example/?",
            "https://h.example/?",
            "https://h.example/?",
        ),
    ];
    for (text, empty, drop, worded) in table {
        assert_eq!(url_with(NoData::Empty, text, &none), empty);
        assert_eq!(url_with(NoData::Drop, text, &none), drop);
        assert_eq!(url_with(word.clone(), text, &none), worded);
    }
}

#[test]
fn custom_parameters_find_their_place() {
    let given = Given::new(&[("sid", "s")]).with_custom(&[("a b", "ü&="), ("userID", "1")]);
    let tail = "a%20b=%C3%BC%26%3D&userID=1";
    for (text, head, after) in [
        ("https://h.example/", "https://h.example/?", ""),
        ("https://h.example", "https://h.example?", ""),
        ("https://h.example/?", "https://h.example/?", ""),
        ("https://h.example/?x={sid}", "https://h.example/?x=s&", ""),
        ("https://h.example/?x={sid}&", "https://h.example/?x=s&", ""),
        ("https://h.example/p#top", "https://h.example/p?", "#top"),
        ("https://h.example/p?x=1#top", "https://h.example/p?x=1&", "#top"),
    ] {
        assert_eq!(urls(text, &given), [format!("{head}{tail}{after}")], "{text}");
    }
    let all_dropped = url_with(NoData::Drop, "https://h.example/?x={label}", &given);
    assert_eq!(all_dropped, format!("https://h.example/?{tail}"));
    let posted = Rule {
        method: Method::Post,
        body: Some(RuleBody::Form {
            template: "x={sid}".into(),
        }),
        ..rule("https://h.example/p?y=1")
    };
    let request = requests(&posted, &given).remove(0).unwrap();
    assert_eq!(
        (request.url, request.body.unwrap()),
        (format!("https://h.example/p?y=1&{tail}"), "x=s".into())
    );
}

#[test]
fn what_cannot_be_rendered() {
    let given = |label: &str| Given::new(&[("label", label)]);
    for (text, label) in [
        ("https://h.example/{label}/x", ".."),
        ("https://h.example/{label}", "."),
        ("https://h.example/.{label}", "."),
        ("https://h.example/a/%2e{label}/b", "."),
        ("https://h.example/%2E{label}?x=1", ""),
    ] {
        let result = requests(&rule(text), &given(label)).remove(0);
        assert_eq!(result, Err(Unrenderable::DotSegment), "{text}");
    }
    assert_eq!(
        urls("https://h.example/x{label}?y={label}", &given("..")),
        ["https://h.example/x..?y=.."]
    );
    let long = given(&"x".repeat(MAX_URL));
    assert_eq!(
        requests(&rule("https://h.example/?a={label}"), &long),
        [Err(Unrenderable::UrlTooLong)]
    );
    let big = given(&"x".repeat(MAX_BODY));
    let form = post(RuleBody::Form {
        template: "a={label}".into(),
    });
    assert_eq!(requests(&form, &big), [Err(Unrenderable::BodyTooLong)]);
    let header = Rule {
        headers: vec![RuleHeader {
            name: "X-Id".into(),
            value: "id {label}".into(),
        }],
        ..rule("https://h.example/")
    };
    assert_eq!(
        requests(&header, &given("a\r\nSet-Cookie: x")),
        [Err(Unrenderable::HeaderControl)]
    );
    assert_eq!(
        requests(&header, &given("a\0")),
        [Err(Unrenderable::HeaderControl)]
    );
    let fine = requests(&header, &given("é")).remove(0).unwrap();
    assert_eq!(fine.headers, [("X-Id".to_owned(), "id é".to_owned())]);
}

#[test]
fn forms() {
    let form = post(RuleBody::Form {
        template: "id={sid}&amount=##AMOUNT##&x={label}&k=1".into(),
    });
    let given = Given::new(&[("sid", "a b&"), ("amount", "1000")]);
    let request = requests(&form, &given).remove(0).unwrap();
    assert_eq!(request.method, Method::Post);
    assert_eq!(request.body.as_deref(), Some("id=a%20b%26&amount=1000&x=&k=1"));
    let typed = (
        "Content-Type".to_owned(),
        "application/x-www-form-urlencoded".to_owned(),
    );
    assert_eq!(request.headers, [typed]);
    let dropping = Rule {
        no_data: NoData::Drop,
        ..form
    };
    let body = requests(&dropping, &given).remove(0).unwrap().body;
    assert_eq!(body.as_deref(), Some("id=a%20b%26&amount=1000&k=1"));
    for (template, code) in [
        ("a=b c", "unencoded"),
        ("a=#", "unencoded"),
        ("a={nope_x}", "unknown_placeholder"),
    ] {
        let found = compile(&post(RuleBody::Form {
            template: template.into(),
        }))
        .unwrap_err();
        assert_eq!(
            (found[0].code, found[0].field.as_str()),
            (code, "body"),
            "{template}"
        );
    }
}

#[test]
fn json_bodies() {
    let given = Given::new(&[
        ("sid", "a\"b\\\n日"),
        ("amount", "1000"),
        ("content_uid1", "00123"),
        ("revenue", "0123"),
        ("publisher_parameters", r#"{"userID":"1"}"#),
    ]);
    let table = [
        (r#"{"id": "{sid}-x"}"#, r#"{"id": "a\"b\\\n日-x"}"#),
        (
            r#"{ "a" : {amount} , "b":##AMOUNT## }"#,
            r#"{ "a" : 1000 , "b":1000 }"#,
        ),
        (
            r#"{"n":{content_uid1},"r":{revenue}}"#,
            r#"{"n":"00123","r":"0123"}"#,
        ),
        (
            r#"{"p":{publisher_parameters},"q":"{publisher_parameters}"}"#,
            r#"{"p":{"userID":"1"},"q":"{\"userID\":\"1\"}"}"#,
        ),
        (
            r###"[1, -2.5e3, true, null, "## x # y", "", {}, [ ]]"###,
            r###"[1, -2.5e3, true, null, "## x # y", "", {}, [ ]]"###,
        ),
        ("{\n  \"x\": \"{label}\"\n}\n", "{\n  \"x\": \"\"\n}\n"),
        (r#"{"{sid}":1,"x":{label}}"#, r#"{"a\"b\\\n日":1,"x":""}"#),
        (r#"{"x":{label||amount}}"#, r#"{"x":1000}"#),
        (r#"{"brace":"\u007bx\u007d"}"#, r#"{"brace":"\u007bx\u007d"}"#),
    ];
    for (template, body) in table {
        assert_eq!(json(template, NoData::Empty, &given), body, "{template}");
        serde_json::from_str::<serde_json::Value>(body).unwrap();
    }
    let template =
        r#"{"a":"{label}", "b":{para1},"c":1,"d":["{label}"],"e":{"f":"{label}"},"g":"{label}{sid}"}"#;
    assert_eq!(
        json(template, NoData::Drop, &given),
        r#"{"c":1,"g":"a\"b\\\n日"}"#
    );
    let word = NoData::Word {
        word: "no\"ne".into(),
    };
    assert_eq!(
        json(r#"{"a":"{label}","b":{para1}}"#, word, &given),
        r#"{"a":"no\"ne","b":"no\"ne"}"#
    );
}

#[test]
fn lists_and_objects_that_became_empty_go_and_those_written_empty_stay() {
    let given = Given::new(&[("email_sha256", "e"), ("cp_qty", "2")]);
    for (template, body) in [
        (
            r#"{"a":["{phone_e164_sha256}","{email_sha256}"]}"#,
            r#"{"a":["e"]}"#,
        ),
        (
            r#"{"a":["{email_sha256}",{label}, "{label}"],"b":1}"#,
            r#"{"a":["e"],"b":1}"#,
        ),
        (
            r#"{"a":[{"b":"{label}"},{"b":"{email_sha256}"}]}"#,
            r#"{"a":[{"b":"e"}]}"#,
        ),
        (r#"{"a":{"b":{"c":["{label}"]}},"d":{}}"#, r#"{"d":{}}"#),
        (
            r#"{"a":{"b":"x","c":"{label}"},"d":[]}"#,
            r#"{"a":{"b":"x"},"d":[]}"#,
        ),
        (r#"{"a":["{label}"]}"#, "{}"),
        (r#"["{label}"]"#, "[]"),
        (r#"[{"a":"{label}"}]"#, "[]"),
    ] {
        assert_eq!(json(template, NoData::Drop, &given), body, "{template}");
    }
}

#[test]
fn a_parameter_is_what_the_rule_says() {
    let given = Given::new(&[
        ("cp_qty", "2"),
        ("dcp_price", "10.50"),
        ("cp_items", r#"[{"id":"A", "n":1}]"#),
        ("cp_word", "two"),
        ("amount", "1000"),
    ]);
    for (template, body) in [
        (r#"{"a":{cp_qty}}"#, r#"{"a":"2"}"#),
        (
            r#"{"a":{number:cp_qty},"b":{number:dcp_price}}"#,
            r#"{"a":2,"b":10.50}"#,
        ),
        (r#"{"a":{json:cp_items}}"#, r#"{"a":[{"id":"A", "n":1}]}"#),
        (
            r#"{"a":"{json:cp_items}"}"#,
            r#"{"a":"[{\"id\":\"A\", \"n\":1}]"}"#,
        ),
        (r#"{"a":{number:cp_word},"b":{json:cp_word},"c":1}"#, r#"{"c":1}"#),
        (r#"{"a":{number:cp_word||amount}}"#, r#"{"a":1000}"#),
        (r#"{"a":{number:cp_none}}"#, "{}"),
    ] {
        assert_eq!(json(template, NoData::Drop, &given), body, "{template}");
    }
}

#[test]
fn every_name_has_a_value_in_the_sample_of_its_kinds() {
    for &kind in ActivityKind::ALL {
        let sample = sample_activity(kind).unwrap();
        let context = sample.context();
        let id = PostbackId::new(sample.activity.at_ms, 1);
        let values = ActivityValues {
            activity: &sample.activity,
            context: &context,
            postback: Some(id),
            random: 9,
            of_rule: OfRule {
                partner: None,
                event_word: "Purchase",
                test_code: "TEST12345",
                is_test: true,
                is_for_platform: false,
            },
        };
        for placeholder in catalogue::all().filter(|p| p.kinds.contains(kind)) {
            let is_other_engagement = matches!(placeholder.name, "impression_time" | "impression_time_hour");
            let value = values.value(placeholder).unwrap_or_default();
            if placeholder.name == crate::domain::secret::FULL_ADDRESS {
                assert_eq!(value, "", "it is filled when it is sent");
                continue;
            }
            if is_other_engagement && kind != ActivityKind::Impression {
                continue;
            }
            assert!(!value.is_empty(), "{kind}: {}", placeholder.name);
            assert!(
                placeholder.format.admits(&value),
                "{kind}: {} = {value}",
                placeholder.name
            );
        }
    }
}

#[test]
fn formats_of_values() {
    let mut sample = sample_activity(ActivityKind::Event).unwrap();
    sample.activity.money = Some(
        "12.345"
            .parse()
            .map(|amount| crate::domain::money::Money {
                amount,
                currency: crate::domain::money::Currency::USD,
            })
            .unwrap(),
    );
    let session = sample.activity.session.as_mut().unwrap();
    session.parameters.push(("foo".into(), "bar".into()));
    session.parameters.push(("payout".into(), "999999".into()));
    let context = sample.context();
    let values = ActivityValues {
        activity: &sample.activity,
        context: &context,
        postback: None,
        random: 1,
        of_rule: OfRule::default(),
    };
    for (name, value) in [
        ("created_at", "1763700072"),
        ("created_at_hour", "1763697600"),
        ("created_at_milli", "1763700072000"),
        ("click_time", "1763700000"),
        ("conversion_duration", "50"),
        ("revenue", "1235"),
        ("revenue_float", "12.345"),
        ("amount", "12.345"),
        ("revenue_usd", "12.345"),
        ("reporting_revenue", ""),
        ("payout", "500"),
        ("tracker_name", "Blog Network::Spring::Tea::320x50"),
        ("is_organic", "0"),
        ("impression_based", "0"),
        ("country", "jp"),
        ("event_name", "purchase"),
        ("reftags", ""),
    ] {
        let got = values.value(catalogue::find(name).unwrap()).unwrap_or_default();
        if value.is_empty() && name == "reftags" {
            assert!(got.starts_with("[\""));
        } else {
            assert_eq!(got, value, "{name}");
        }
    }
    for (name, value) in [
        ("foo", "bar"),
        ("param1", "c-5f21e8"),
        ("label", "bob-1001"),
        ("campaign", "Spring"),
    ] {
        assert_eq!(values.parameter(name).unwrap_or_default(), value, "{name}");
    }
    assert_eq!(values.custom(), [("userID".to_owned(), "123456".to_owned())]);
    let install = sample_activity(ActivityKind::Install).unwrap();
    let values = ActivityValues {
        activity: &install.activity,
        ..values
    };
    assert!(values.custom().is_empty());
}
