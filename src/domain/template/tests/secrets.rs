//! Secrets and functions: where they may stand, what is stored, what is sent, what is shown.

use super::*;
use crate::domain::rule::RuleHeader;
use crate::domain::template::hole::{self, HoleError};

fn owned(rule: Rule) -> Rule {
    Rule {
        secrets_of: Some("part1".parse().unwrap()),
        ..rule
    }
}

fn secret(name: &str) -> Option<String> {
    Some(match name {
        "token" => "s3cr3t/\"Tok&en\"".to_owned(),
        "code" => "secret".to_owned(),
        "dots" => "..".to_owned(),
        "broken" => "a\r\nb".to_owned(),
        "long" => "x".repeat(9_000),
        _ => return None,
    })
}

fn one(rule: &Rule, values: &Given) -> Request {
    requests(rule, values).remove(0).unwrap()
}

#[test]
fn a_secret_is_a_hole_until_it_is_sent() {
    let rule = owned(Rule {
        headers: vec![RuleHeader {
            name: "Authorization".into(),
            value: "Bearer {secret.token}".into(),
        }],
        text: "https://h.example/{secret.code}/p?t={secret.token}&o={content_uid1}#{secret.code}".into(),
        ..post(RuleBody::Json {
            template: r#"{"t":"x {secret.token}","bare":{secret.token},"o":"{content_uid1}"}"#.into(),
        })
    });
    let values = Given::new(&[("content_uid1", "A\u{1}$code\u{2}")]);
    let stored = one(&rule, &values);
    let all = format!("{stored:?}");
    assert!(!all.contains("s3cr3t") && hole::has_holes(&stored));
    let shown = hole::shown_request(&stored);
    assert_eq!(
        shown.url,
        "https://h.example/‹code›/p?t=‹token›&o=A%01%24code%02#‹code›"
    );
    assert_eq!(shown.headers[0].1, "Bearer ‹token›");
    let sent = hole::fill(&stored, &secret).unwrap();
    assert_eq!(
        sent.request.url,
        "https://h.example/secret/p?t=s3cr3t%2F%22Tok%26en%22&o=A%01%24code%02#secret"
    );
    assert_eq!(sent.request.headers[0].1, "Bearer s3cr3t/\"Tok&en\"");
    assert_eq!(
        sent.request.body.as_deref().unwrap(),
        r#"{"t":"x s3cr3t/\"Tok&en\"","bare":"s3cr3t/\"Tok&en\"","o":"A\u0001$code\u0002"}"#
    );
    for (said, masked) in [
        ("token s3cr3t/\"Tok&en\" is bad", "token ‹token› is bad"),
        ("?t=s3cr3t%2F%22Tok%26en%22", "?t=‹token›"),
        (r#"{"m":"s3cr3t\/\"Tok&en\""}"#, r#"{"m":"‹token›"}"#),
        ("cut off: s3cr3t/", "cut off: ‹token›"),
        ("secret is short", "secret is short"),
    ] {
        assert_eq!(sent.mask(said), masked);
    }
}

#[test]
fn functions_are_computed_when_it_is_sent() {
    let text = "https://h.example/?c=v04{md5:secret.code+content_uid1+amount}&l={md5:secret.code+content_uid1+'1'}\
                &h={sha256:content_uid1}&b={base64:secret.code+':'+secret.token}&m={hmac_sha256:secret.code+content_uid1}";
    let rule = owned(rule(text));
    let values = Given::new(&[("content_uid1", "A-1001"), ("amount", "4980")]);
    let stored = one(&rule, &values);
    let sent = hole::fill(&stored, &secret).unwrap();
    let url = &sent.request.url;
    // The check values that the network publishes.
    assert!(url.contains("c=v04d5887d69437f9598bfd0f1b55b403d79&"), "{url}");
    assert!(url.contains("l=b893cc74b0e227ecae887328a864edf6&"), "{url}");
    assert!(url.contains("b=c2VjcmV0OnMzY3IzdC8iVG9rJmVuIg%3D%3D&"), "{url}");
    assert!(hole::shown(&stored.url).contains("‹md5:code+A-1001+4980›"));
    // Without data for one of its parts there is none.
    let dropping = Rule {
        no_data: NoData::Drop,
        ..rule
    };
    let without = one(&dropping, &Given::new(&[("amount", "4980")]));
    assert!(
        !without.url.contains("c=") && !without.url.contains("h="),
        "{}",
        without.url
    );
    assert!(without.url.contains("b="));
}

#[test]
fn what_cannot_be_sent_is_told_when_it_is_filled() {
    let fill = |text: &str| {
        let stored = one(&owned(rule(text)), &Given::default());
        hole::fill(&stored, &secret).map(|filled| filled.request.url)
    };
    assert_eq!(
        fill("https://h.example/{secret.none}").err(),
        Some(HoleError::Missing("none".into()))
    );
    assert_eq!(
        fill("https://h.example/a/{secret.dots}").err(),
        Some(HoleError::Unrenderable(Unrenderable::DotSegment))
    );
    assert_eq!(
        fill("https://h.example/?a={secret.dots}").unwrap(),
        "https://h.example/?a=.."
    );
    assert_eq!(
        fill("https://h.example/?a={secret.long}").err(),
        Some(HoleError::Unrenderable(Unrenderable::UrlTooLong))
    );
    let header = owned(Rule {
        headers: vec![RuleHeader {
            name: "X-A".into(),
            value: "{secret.broken}".into(),
        }],
        ..rule("https://h.example/")
    });
    let stored = one(&header, &Given::default());
    let broken = hole::fill(&stored, &secret).err();
    assert_eq!(broken, Some(HoleError::Unrenderable(Unrenderable::HeaderControl)));
}

#[test]
fn secrets_stand_only_where_they_may() {
    let codes = |rule: &Rule| -> Vec<&str> {
        compile(rule)
            .err()
            .unwrap_or_default()
            .iter()
            .map(|found| found.code)
            .collect()
    };
    for (text, code) in [
        ("equal,{secret.a},1,https://h.example/", "secret_not_here"),
        ("https://{secret.a}.example/", "placeholder_in_host"),
        ("https://h.example/?a={secret.a||sid}", "unknown_placeholder"),
        (
            "https://h.example/?a={md5:secret.a+nothing}",
            "unknown_placeholder",
        ),
        ("https://h.example/?a={crc32:sid}", "unknown_placeholder"),
        ("https://h.example/?a={secret.}", "unknown_placeholder"),
    ] {
        assert!(
            codes(&owned(rule(text))).contains(&code),
            "{text}: {:?}",
            codes(&owned(rule(text)))
        );
    }
    let nobodys = rule("https://h.example/?a={secret.a}");
    assert_eq!(codes(&nobodys), ["secret_without_partner"]);
    assert!(
        check_destination("https://h.example/?a={secret.a}", "x")
            .is_some_and(|f| f.code == "secret_not_here")
    );
    assert!(check_destination("https://h.example/?a={md5:sid}", "x").is_some());
}

#[test]
fn the_whole_address_is_a_hole_in_a_rule_that_may_send_it() {
    let allowed = |text: &str| Rule {
        full_address: true,
        ..rule(text)
    };
    let text = "https://h.example/?ip={full_ip_address}";
    let codes = |rule: &Rule| -> Vec<&str> {
        let wrong = compile(rule).err().unwrap_or_default();
        wrong.iter().map(|found| found.code).collect()
    };
    assert_eq!(codes(&rule(text)), ["address_not_allowed"]);
    for (text, code) in [
        ("equal,{full_ip_address},1,https://h.example/", "secret_not_here"),
        (
            "https://h.example/?a={full_ip_address||ip_address}",
            "unknown_placeholder",
        ),
        (
            "https://h.example/?a={secret.full_ip_address}",
            "unknown_placeholder",
        ),
    ] {
        assert!(
            codes(&allowed(text)).contains(&code),
            "{text}: {:?}",
            codes(&allowed(text))
        );
    }
    let compiled = compile(&allowed(text)).unwrap();
    assert!(compiled.sends_address() && compiled.secret_names().is_empty());
    assert!(!compile(&allowed("https://h.example/")).unwrap().sends_address());
    let stored = one(&allowed(text), &Given::default());
    assert_eq!(
        hole::shown(&stored.url),
        "https://h.example/?ip=‹full_ip_address›"
    );
    let address = |name: &str| (name == "full_ip_address").then(|| "1.2.3.4".to_owned());
    let sent = hole::fill(&stored, &address).unwrap();
    assert_eq!(sent.request.url, "https://h.example/?ip=1.2.3.4");
    assert_eq!(
        sent.mask("you are 1.2.3.4"),
        "you are ‹full_ip_address›",
        "however short it is"
    );
    assert!(hole::fill(&stored, &|_| None).is_err());
}
