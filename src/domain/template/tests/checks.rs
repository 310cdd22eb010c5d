//! Every check with its place and its offer.

use super::*;
use crate::domain::activity::ActivityKind;
use crate::domain::rule::RuleHeader;

#[test]
fn errors_and_their_offers() {
    let table = [
        ("", "no_entry", None),
        (" \u{3000} ", "no_entry", None),
        ("www.example.com/?a=1", "not_an_entry", None),
        ("ftp://h.example/", "not_an_entry", None),
        (
            "equals,{country},jp,https://h.example/",
            "unknown_operator",
            Some("equal,{country},jp,https://h.example/"),
        ),
        (
            "Equal,{country},jp,https://h.example/",
            "unknown_operator",
            Some("equal,{country},jp,https://h.example/"),
        ),
        ("exists,{country},jp,https://h.example/", "unknown_operator", None),
        ("equal,{country},jp", "missing_comma", None),
        ("equal,{country},https://h.example/", "missing_comma", None),
        ("equal,{country},jp,us,https://h.example/", "condition_url", None),
        ("equal,,jp,https://h.example/", "empty_left", None),
        ("contained,{country},,https://h.example/", "empty_value", None),
        ("notcontained,{country},,https://h.example/", "empty_value", None),
        (
            "equal,{country},{language},https://h.example/",
            "placeholder_in_value",
            None,
        ),
        (
            "equal,{label},日本,https://h.example/",
            "unencoded",
            Some("equal,{label},%E6%97%A5%E6%9C%AC,https://h.example/"),
        ),
        (
            "equal,{label},5%,https://h.example/",
            "bad_percent",
            Some("equal,{label},5%25,https://h.example/"),
        ),
        (
            "equal,{contry},jp,https://h.example/",
            "unknown_placeholder",
            Some("equal,{country},jp,https://h.example/"),
        ),
        (
            "https://h.example/?a=＃＃PARA1＃＃",
            "full_width",
            Some("https://h.example/?a=##PARA1##"),
        ),
        (
            "https://h.example/?a=＃＃ＰＡＲＡ１＃＃&b=1",
            "full_width",
            Some("https://h.example/?a=##PARA1##&b=1"),
        ),
        (
            "https://h.example/?a=｛sid｝",
            "full_width",
            Some("https://h.example/?a={sid}"),
        ),
        ("https://h.example/?a={}", "stray_brace", None),
        (
            "https://h.example/?a={sid",
            "stray_brace",
            Some("https://h.example/?a=%7Bsid"),
        ),
        (
            "https://h.example/?a=sid}",
            "stray_brace",
            Some("https://h.example/?a=sid%7D"),
        ),
        ("https://h.example/?a={a|b}", "stray_brace", None),
        (
            "https://h.example/?a={click_id}",
            "unknown_placeholder",
            Some("https://h.example/?a={para1}"),
        ),
        (
            "https://h.example/?a={SID}",
            "unknown_placeholder",
            Some("https://h.example/?a={sid}"),
        ),
        (
            "https://h.example/?a={tracker-name}",
            "unknown_placeholder",
            Some("https://h.example/?a={tracker_name}"),
        ),
        (
            "https://h.example/?a={idfa||gps_adidd}",
            "unknown_placeholder",
            Some("https://h.example/?a={idfa||gps_adid}"),
        ),
        (
            "https://h.example/?a={adj_custom_param}",
            "unknown_placeholder",
            None,
        ),
        (
            "https://h.example/?a=##PARAM1##",
            "unknown_placeholder",
            Some("https://h.example/?a=##PARA1##"),
        ),
        (
            "https://h.example/?a=##para1##",
            "unknown_placeholder",
            Some("https://h.example/?a=##PARA1##"),
        ),
        ("https://h.example/?a=##PARA1", "broken_variable", None),
        ("https://h.example/?a=##PARA1#&b=1", "broken_variable", None),
        ("https://h.example/#a#b", "second_hash", None),
        ("https://h.example/?a=#PARA1#", "second_hash", None),
        ("https://{label}/", "placeholder_in_host", None),
        ("https://##PARA1##.example/", "placeholder_in_host", None),
        ("https://h.example:{para1}/", "placeholder_in_host", None),
        ("https://{para1}@h.example/", "placeholder_in_host", None),
        ("https://h.example{sid}/", "placeholder_in_host", None),
        ("https://h.example＃＃:@[]?", "full_width", None),
        ("https:///path", "bad_host", None),
        ("https://h.example:99999/", "bad_host", None),
        ("https://h.example:/", "bad_host", None),
        ("https://%68.example/", "bad_host", None),
        (
            "https://h.example/?a=%zz",
            "bad_percent",
            Some("https://h.example/?a=%25zz"),
        ),
        (
            "https://h.example/?a=100%",
            "bad_percent",
            Some("https://h.example/?a=100%25"),
        ),
        (
            "https://h.example/?a=[1]",
            "unencoded",
            Some("https://h.example/?a=%5B1%5D"),
        ),
        (
            "https://h.example/?n=名前&b=1",
            "unencoded",
            Some("https://h.example/?n=%E5%90%8D%E5%89%8D&b=1"),
        ),
        (
            "https://h.example/a\\b",
            "unencoded",
            Some("https://h.example/a%5Cb"),
        ),
        (
            "https://h.example/?q=\"a\"",
            "unencoded",
            Some("https://h.example/?q=%22a%22"),
        ),
        (
            "https://日本語.jp/",
            "unencoded",
            Some("https://xn--wgv71a119e.jp/"),
        ),
        ("https://h.example/a/../b", "dot_segment", None),
        ("https://h.example/a/%2e%2E", "dot_segment", None),
        ("https://h.example/./{sid}", "dot_segment", None),
    ];
    for (text, code, fixed) in table {
        let found = errors(text);
        assert!(
            found.iter().any(|finding| finding.code == code),
            "{text}: {found:?}"
        );
        assert!(RuleText::parse(text).text.is_none(), "{text}");
        for finding in &found {
            assert!(
                text.get(finding.start..finding.end).is_some(),
                "{text}: {finding:?}"
            );
            assert!(!finding.message_ja.is_empty() && !finding.remedy_ja.is_empty());
        }
        if let Some(fixed) = fixed {
            assert_eq!(mended(text), fixed, "{text}");
            assert_eq!(errors(fixed), [], "{fixed}");
        }
    }
    let long = format!("https://h.example/?a={}", "x".repeat(MAX_URL));
    assert_eq!(codes(&long), ["too_long"]);
    assert_eq!(
        codes(&"https://h.example/ ".repeat(MAX_ENTRIES + 1)),
        ["too_many_entries"]
    );
}

#[test]
fn warnings() {
    for (text, code) in [
        ("http://h.example/", "plain_http"),
        ("https://h.example/?a=%7Bidfa%7D", "encoded_placeholder"),
        ("https://h.example/?a=%23%23PARA1%23%23", "encoded_placeholder"),
        ("https://h.example/p&a={sid}", "ampersand_without_question"),
        ("https://h.example/p?a={sid}?b=1", "second_question"),
        ("https://h.example/?a=1&b=2&a={sid}", "duplicate_parameter"),
        ("https://h.example/?a=1#top", "fragment_not_sent"),
        ("https://u:p@h.example/", "userinfo"),
        ("equal,{country},JP,https://h.example/", "impossible_value"),
        (
            "contained,{environment},live;sandbox,https://h.example/",
            "impossible_value",
        ),
        ("equal,{is_organic},true,https://h.example/", "impossible_value"),
    ] {
        assert_eq!(codes(text), [code], "{text}");
        assert!(RuleText::parse(text).text.is_some(), "{text}");
    }
    for text in [
        "https://h.example/?a={sid}&b=1",
        "https://h.example:8443/?a=b@c:d/e",
        "https://[2001:db8::1]:8080/",
        "equal,{country},,https://h.example/",
        "https://h.example/?price={amount}&u=##CONTENT_UID1##&t=http://x.example/",
        "https://h.example/?p={dcp_キャンペーン}",
        "https://h.example",
    ] {
        assert_eq!(codes(text), [] as [&str; 0], "{text}");
    }
    let finding = &RuleText::parse("equal,{country},JP,https://h.example/").findings[0];
    assert_eq!(finding.replacement.as_deref(), Some("jp"));
}

#[test]
fn places_count_as_a_browser_does() {
    let finding = &errors("https://h.example/?a=😀日{nope_nope}")[1];
    assert_eq!(
        (finding.start, finding.start_utf16, finding.end_utf16),
        (28, 24, 35)
    );
}

#[test]
fn availability_is_judged_for_the_kinds_of_the_rule() {
    let allow = |_: &str| None;
    let context = CheckContext {
        refuse_host: &allow,
        partner: None,
        has_secret: None,
        events: None,
    };
    let clicks = Rule {
        kinds: vec![ActivityKind::Click, ActivityKind::Event],
        ..rule("https://h.example/?a={amount}&b={sid}&c={outdated_status||sid}")
    };
    let found = check(&clicks, &context);
    assert_eq!(
        found.iter().map(|f| f.code).collect::<Vec<_>>(),
        ["not_available"]
    );
    assert!(found[0].message.ends_with("for: click."), "{}", found[0].message);
    assert!(check(&rule("https://h.example/?a={amount}"), &context).is_empty());
    let refuse = |host: &str| (host == "127.0.0.1").then(|| "it is a loopback address".to_owned());
    let found = check(
        &rule("https://127.0.0.1:80/x"),
        &CheckContext {
            refuse_host: &refuse,
            partner: None,
            has_secret: None,
            events: None,
        },
    );
    assert_eq!((found[0].code, found[0].is_error()), ("host_refused", true));
    let odd = Rule {
        kinds: vec![ActivityKind::Install],
        statuses: vec![crate::domain::activity::ConversionStatus::Approved],
        event: Some("abc123".parse().unwrap()),
        ..rule("https://h.example/")
    };
    let found: Vec<_> = check(&odd, &context).iter().map(|f| f.code).collect();
    assert_eq!(found, ["event_never_fires"], "installs have a status");
    let never = Rule {
        kinds: vec![ActivityKind::Session],
        ..odd
    };
    let found: Vec<_> = check(&never, &context).iter().map(|f| f.code).collect();
    assert_eq!(found, ["status_never_fires", "event_never_fires"]);
}

#[test]
fn json_templates_are_checked() {
    for (template, code) in [
        ("", "json_invalid"),
        ("{", "json_invalid"),
        (r#"{"a":1,}"#, "json_invalid"),
        (r#"{"a" 1}"#, "json_invalid"),
        (r#"{"a":1} x"#, "json_invalid"),
        (r#"{"a":yes}"#, "json_invalid"),
        (r#"{"a":"b}"#, "json_invalid"),
        (r#"{"a":"\x{sid}"}"#, "json_invalid"),
        ("{\"a\":\"x\ny\"}", "json_invalid"),
        (r#"{"a":"{ b"}"#, "stray_brace"),
        (r#"{"a":"{nope_x}"}"#, "unknown_placeholder"),
        (r#"{"a":{nope_x}}"#, "unknown_placeholder"),
        (r###"{"a":"##NOPE_X##"}"###, "unknown_placeholder"),
        (r#"{"a":"｛sid｝"}"#, "full_width"),
    ] {
        let found = compile(&post(RuleBody::Json {
            template: template.into(),
        }))
        .unwrap_err();
        assert!(
            found.iter().any(|f| f.code == code && f.field == "body"),
            "{template}: {found:?}"
        );
    }
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    assert_eq!(
        compile(&post(RuleBody::Json { template: deep })).unwrap_err()[0].code,
        "json_invalid"
    );
    let get = Rule {
        method: Method::Get,
        ..post(RuleBody::Json {
            template: "{}".into(),
        })
    };
    assert_eq!(compile(&get).unwrap_err()[0].code, "body_without_post");
}

#[test]
fn headers_are_checked() {
    for (name, value, code, field, place) in [
        ("X Id", "1", "header_name", "headers.0.name", 1..2),
        ("", "1", "header_name", "headers.0.name", 0..0),
        ("X-{label}", "1", "header_name", "headers.0.name", 2..3),
        ("X-Id\r\nEvil", "1", "header_name", "headers.0.name", 4..5),
        ("X-Id\0", "1", "header_name", "headers.0.name", 4..5),
        ("X-Id:", "1", "header_name", "headers.0.name", 4..5),
        ("X-名前", "1", "header_name", "headers.0.name", 2..5),
        ("X-Id", "a\r\nb", "header_control", "headers.0.value", 1..2),
        ("X-Id", "ab\n", "header_control", "headers.0.value", 2..3),
        ("X-Id", "あ\0", "header_control", "headers.0.value", 3..4),
        ("X-Id", "\u{7f}", "header_control", "headers.0.value", 0..1),
        (
            "X-Id",
            "a{nope_x}",
            "unknown_placeholder",
            "headers.0.value",
            1..9,
        ),
    ] {
        let headers = vec![RuleHeader {
            name: name.into(),
            value: value.into(),
        }];
        let found = compile(&Rule {
            headers,
            ..rule("https://h.example/")
        })
        .unwrap_err();
        assert_eq!(
            (
                found[0].code,
                found[0].field.as_str(),
                found[0].start..found[0].end
            ),
            (code, field, place),
            "{name:?}: {value:?}"
        );
        assert!(!found[0].remedy.is_empty() && !found[0].remedy_ja.is_empty());
    }
    for name in [
        "Host",
        "host",
        "Content-Length",
        "CONNECTION",
        "Keep-Alive",
        "Transfer-Encoding",
        "TE",
        "Trailer",
        "Upgrade",
        "Expect",
        "Proxy-Authorization",
        "proxy-connection",
        "Proxy-Anything",
        "webhook-ID",
        "Webhook-Signature",
        "webhook-timestamp",
        "webhook-anything",
    ] {
        let headers = vec![RuleHeader {
            name: name.into(),
            value: "1".into(),
        }];
        let found = compile(&Rule {
            headers,
            ..rule("https://h.example/")
        })
        .unwrap_err();
        assert_eq!(
            (found[0].code, found[0].start..found[0].end),
            ("header_reserved", 0..name.len()),
            "{name}"
        );
        assert!(found[0].message.contains(name) && found[0].message_ja.contains(name));
    }
    let headers = vec![
        RuleHeader {
            name: "content-type".into(),
            value: "application/vnd.x+json".into(),
        },
        RuleHeader {
            name: "X-Label".into(),
            value: "{label}".into(),
        },
    ];
    let rule = Rule {
        headers,
        no_data: NoData::Drop,
        ..post(RuleBody::Json {
            template: "{}".into(),
        })
    };
    let request = requests(&rule, &Given::default()).remove(0).unwrap();
    assert_eq!(
        request.headers,
        [("content-type".to_owned(), "application/vnd.x+json".to_owned())]
    );
}

#[test]
fn signing_secrets_are_checked_and_never_repeated() {
    let pair =
        "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
    let good = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    for (method, secret, code) in [
        (Method::Get, good.to_owned(), None),
        (Method::Post, pair.to_owned(), None),
        (Method::Get, format!("{good} {pair}"), None),
        (Method::Get, pair.to_owned(), Some("secret_needs_post")),
        (Method::Post, " ".to_owned(), Some("secret_empty")),
        (Method::Post, "whsec_hunter2!".to_owned(), Some("secret_encoding")),
        (
            Method::Post,
            "whsec_aHVudGVyMg==".to_owned(),
            Some("secret_length"),
        ),
        (
            Method::Post,
            "whsk_aHVudGVyMg==".to_owned(),
            Some("secret_key_pair"),
        ),
    ] {
        let found = compile(&Rule {
            method,
            signing_secret: Some(secret.as_str().into()),
            ..rule("https://h.example/")
        });
        let found = found.err().unwrap_or_default();
        assert_eq!(found.first().map(|f| f.code), code, "{secret}");
        for finding in found {
            assert_eq!(finding.field, "signing_secret");
            let said = format!("{finding:?}");
            assert!(
                !said.contains("hunter2") && !said.contains("aHVudGVyMg"),
                "{said}"
            );
        }
    }
}

#[test]
fn a_key_in_a_header_is_to_be_a_secret() {
    let with = |name: &str, value: &str| Rule {
        headers: vec![RuleHeader {
            name: name.into(),
            value: value.into(),
        }],
        ..rule("https://h.example/")
    };
    let refuse_host = |_: &str| None;
    let context = CheckContext {
        refuse_host: &refuse_host,
        partner: None,
        has_secret: None,
        events: None,
    };
    for name in ["Authorization", "X-Api-Key", "Cookie", "X-Access-Token", "X-Auth"] {
        let found = check(&with(name, "Bearer abc"), &context);
        let found: Vec<_> = found
            .iter()
            .map(|f| (f.code, f.field.as_str(), f.is_error()))
            .collect();
        assert_eq!(found, [("key_in_header", "headers.0.value", true)], "{name}");
        // What was saved before is sent as it was.
        assert!(compile(&with(name, "Bearer abc")).is_ok(), "{name}");
    }
    assert_eq!(check(&with("X-Author", "abc"), &context), []);
    // So with a password in the address.
    let mut rule = with("X-Author", "abc");
    rule.text = "https://user:p%40ss@h.example/?a={sid}".into();
    let found = check(&rule, &context);
    assert!(
        found.iter().any(|f| f.code == "userinfo" && f.is_error()),
        "{found:?}"
    );
    assert!(compile(&rule).is_ok());
}
