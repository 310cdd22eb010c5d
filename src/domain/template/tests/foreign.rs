//! Variables of other systems, and what copying from pages, mails and Japanese keyboards does to a URL.

use super::*;
use crate::domain::rule::RuleHeader;

/// Every finding: code, whether it is an error, and the text with its offer taken.
fn found(text: &str) -> Vec<(&'static str, bool, String)> {
    RuleText::parse(text)
        .findings
        .iter()
        .map(|finding| {
            let mut out = text.to_owned();
            let offer = finding.replacement.as_deref().unwrap_or("?");
            out.replace_range(finding.start..finding.end, offer);
            (finding.code, finding.is_error(), out)
        })
        .collect()
}

#[test]
fn variables_of_other_systems_are_offered_our_placeholder() {
    for (typed, offered, is_error) in [
        ("[CLICK_ID]", "{para1}", true),
        ("__CLICK_ID__", "{para1}", false),
        ("(click_id)", "{para1}", false),
        ("$click_id", "{para1}", false),
        ("*|X|*", "{para1}", true),
        ("REPLACE", "{para1}", false),
        ("REPLACE_ME", "{para1}", false),
        ("xxxx", "{para1}", false),
        ("YOUR_CLICK_ID", "{para1}", false),
        ("%5BCLICK_ID%5D", "{para1}", false),
        ("%%CLICK_ID%%", "{para1}", true),
        ("${click_id}", "{para1}", true),
        ("{{click_id}}", "{para1}", true),
        ("<click_id>", "{para1}", true),
        ("[ORDER_NUM]", "{content_uid1}", true),
        ("{{order.number}}", "{para1}", true),
        ("##clickid##", "##PARA1##", true),
        ("{clickid}", "{para1}", true),
        ("@@order_id@@", "{order_id}", false),
        ("!!click_id!!", "{para1}", false),
        (":click_id", "{para1}", false),
        ("CLICKID", "{para1}", false),
        ("<<clickid>>", "{para1}", true),
        ("クリックID", "{para1}", true),
        ("%E3%82%AF%E3%83%AA%E3%83%83%E3%82%AFID", "{para1}", false),
        ("{クリックID}", "{para1}", true),
        ("【クリックID】", "{para1}", true),
    ] {
        let text = format!("https://h.example/pb?c={typed}&price={{amount}}");
        let expected = format!("https://h.example/pb?c={offered}&price={{amount}}");
        let all = found(&text);
        assert_eq!(all.len(), 1, "{typed}: {all:?}");
        assert!(
            matches!(all[0].0, "foreign_variable" | "unknown_placeholder"),
            "{typed}: {all:?}"
        );
        assert_eq!((all[0].1, &all[0].2), (is_error, &expected), "{typed}");
        assert_eq!(found(&expected), [], "{typed}");
    }
    assert_eq!(
        found("https://h.example/k/[CLICK_ID]/x")[0].2,
        "https://h.example/k/{para1}/x"
    );
    let spaced = found("https://h.example/pb?c={{ order.number }}&d=1");
    assert_eq!(spaced.len(), 1, "{spaced:?}");
    assert_eq!(spaced[0].2, "https://h.example/pb?c={para1}&d=1");
}

#[test]
fn fixed_values_are_left_alone() {
    for text in [
        "https://h.example/pb?type=test&event=order&ok=true&v=null&n=0",
        "https://h.example/pb?x={para1}__a__&y=a__{para1}",
        "https://h.example/pb/(a)b/v1.0/$5",
        "https://h.example/pb?list=a,b,c&t=12:00",
        "https://[2001:db8::1]/pb?c={para1}",
        "https://h.example/__utm?c={para1}",
    ] {
        assert_eq!(found(text), [], "{text}");
    }
}

#[test]
fn html_forms_of_the_ampersand_are_offered_plain() {
    let want = "https://h.example/pb?c={para1}&price={amount}";
    for typed in ["&amp;", "&AMP;", "&amp;amp;", "&#x26;"] {
        let all = found(&format!(
            "https://h.example/pb?c={{para1}}{typed}price={{amount}}"
        ));
        let offers: Vec<_> = all.iter().map(|(code, _, text)| (*code, text.as_str())).collect();
        assert_eq!(offers, [("html_ampersand", want)], "{typed}");
    }
    assert!(
        found("https://h.example/pb?a=1&#38;b=2")
            .iter()
            .any(|f| f.0 == "html_ampersand")
    );
    assert_eq!(
        found("https://h.example/pb?a=1¶m1={para1}")[0].2,
        "https://h.example/pb?a=1&param1={para1}"
    );
    assert_eq!(
        found("https://h.example/pb?a=1¤cy={currency}")[0].2,
        "https://h.example/pb?a=1&currency={currency}"
    );
}

#[test]
fn full_width_signs_are_offered_in_half_width_and_invisible_ones_removed() {
    for (typed, offered) in [
        (
            "https://h.example/pb？c={para1}",
            "https://h.example/pb?c={para1}",
        ),
        (
            "https://h.example/pb?c={para1}＆d=1",
            "https://h.example/pb?c={para1}&d=1",
        ),
        (
            "https://h.example/pb?ｃｌ＝{para1}",
            "https://h.example/pb?cl={para1}",
        ),
        (
            "https://h.example/pb?c=\u{200b}{para1}",
            "https://h.example/pb?c={para1}",
        ),
        (
            "\u{feff}https://h.example/pb?c={para1}",
            "https://h.example/pb?c={para1}",
        ),
        (
            "ｈｔｔｐｓ：／／h.example/pb?c={para1}",
            "https://h.example/pb?c={para1}",
        ),
        (
            "equal，{country}，jp，https://h.example/",
            "equal,{country},jp,https://h.example/",
        ),
        (
            "https://h.example/?a=＃＃ＰＡＲＡ１＃＃",
            "https://h.example/?a=##PARA1##",
        ),
    ] {
        let all = found(typed);
        assert_eq!(all.len(), 1, "{typed}: {all:?}");
        assert_eq!(
            (all[0].1, all[0].2.as_str()),
            (true, offered),
            "{typed}: {}",
            all[0].0
        );
    }
    assert_eq!(
        found("https://h.example/?a=春")[0].2,
        "https://h.example/?a=%E6%98%A5"
    );
}

#[test]
fn texts_of_bodies_and_headers_are_looked_at() {
    let found = |rule: &Rule| -> Vec<(String, &'static str, Option<String>)> {
        let allow = |_: &str| None;
        let context = CheckContext {
            refuse_host: &allow,
            partner: None,
            has_secret: None,
            events: None,
        };
        check(rule, &context)
            .into_iter()
            .map(|finding| (finding.field, finding.code, finding.replacement))
            .collect()
    };
    let offered = |field: &str, placeholder: &str| {
        vec![(field.to_owned(), "foreign_variable", Some(placeholder.to_owned()))]
    };
    let json = |template: &str| {
        post(RuleBody::Json {
            template: template.into(),
        })
    };
    assert_eq!(
        found(&json(r#"{"id":"[CLICK_ID]","n":[1,2]}"#)),
        offered("body", "{para1}")
    );
    assert_eq!(
        found(&json(r#"{"id":"{{order_id}}"}"#)),
        offered("body", "{order_id}")
    );
    assert_eq!(
        found(&json(r#"{"id":"{para1}","note":"a [b] c","test":"test"}"#)),
        []
    );
    let form = |template: &str| {
        post(RuleBody::Form {
            template: template.into(),
        })
    };
    assert_eq!(found(&form("id=__CLICK_ID__&a=b")), offered("body", "{para1}"));
    let header = Rule {
        headers: vec![RuleHeader {
            name: "X-Id".into(),
            value: "$click_id".into(),
        }],
        ..rule("https://h.example/p")
    };
    assert_eq!(found(&header), offered("headers.0.value", "{para1}"));
}
