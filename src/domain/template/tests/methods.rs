//! `GET,` and `POST,` before an entry, and the pairs behind the URL of a POST.

use super::*;
use crate::domain::plan::preview;
use crate::domain::template::sample::sample_activity;

fn sent(text: &str, values: &Given) -> Vec<(Method, String, Option<String>)> {
    requests(&rule(text), values)
        .into_iter()
        .map(|request| {
            let request = request.unwrap();
            (request.method, request.url, request.body)
        })
        .collect()
}

#[test]
fn a_method_goes_before_that_of_the_rule() {
    let values = Given::new(&[("country", "jp")]);
    let url = || "https://h.example/a".to_owned();
    assert_eq!(
        sent("GET,https://h.example/a", &values),
        [(Method::Get, url(), None)]
    );
    assert_eq!(
        sent("POST,https://h.example/a", &values),
        [(Method::Post, url(), None)]
    );
    assert_eq!(
        sent(
            "POST,equal,{country},jp,https://h.example/a GET,equal,{country},us,https://h.example/b",
            &values
        ),
        [(Method::Post, url(), None)]
    );
    let posts = Rule {
        text: "GET,https://h.example/a".into(),
        body: None,
        ..post(RuleBody::Form {
            template: String::new(),
        })
    };
    assert_eq!(requests(&posts, &values)[0].as_ref().unwrap().method, Method::Get);
}

#[test]
fn pairs_are_sent_as_one_flat_json_object() {
    let values = Given::new(&[("country", "jp"), ("label", "a \"b\" 春&c=d")]);
    let (_, url, body) = sent(
        "POST,equal,{country},jp,https://h.example/a?x={country},key={label}&k%20y=a+b%2Cc&n={country}-1&empty=",
        &values,
    )
    .remove(0);
    assert_eq!(url, "https://h.example/a?x=jp");
    assert_eq!(
        body.as_deref(),
        Some(r#"{"key":"a \"b\" 春&c=d","k y":"a b,c","n":"jp-1","empty":""}"#)
    );
    let request = requests(&rule("POST,https://h.example/a,k=v"), &values)
        .remove(0)
        .unwrap();
    assert_eq!(
        request.headers,
        [("Content-Type".into(), "application/json".into())]
    );
    let dropped = Rule {
        no_data: NoData::Drop,
        ..rule("POST,https://h.example/a,k={para2}&l={country}")
    };
    assert_eq!(
        requests(&dropped, &values)[0].as_ref().unwrap().body.as_deref(),
        Some(r#"{"l":"jp"}"#)
    );
}

#[test]
fn commas_of_other_entries_stay_in_the_url() {
    let values = Given::new(&[]);
    for text in ["https://h.example/a?l=1,b=2", "GET,https://h.example/a?l=1,b=2"] {
        assert_eq!(sent(text, &values)[0].1, "https://h.example/a?l=1,b=2");
    }
    assert_eq!(codes("POST,https://h.example/a?l=1,2"), ["not_pairs"]);
    assert_eq!(
        codes("POST,https://h.example/a,k={nope_x}"),
        ["unknown_placeholder"]
    );
}

#[test]
fn a_slip_in_the_method_is_offered() {
    assert_eq!(mended("Post,https://h.example/a"), "POST,https://h.example/a");
    assert_eq!(
        mended("get,equal,{country},jp,https://h.example/a"),
        "GET,equal,{country},jp,https://h.example/a"
    );
    assert_eq!(codes("POST,www.example.com/x"), ["not_an_entry"]);
}

#[test]
fn a_body_counts_as_sent_when_one_entry_posts() {
    let form = RuleBody::Form {
        template: "a=b".into(),
    };
    let of = |text: &str| Rule {
        body: Some(form.clone()),
        ..rule(text)
    };
    assert!(compile(&of("POST,https://h.example/a https://h.example/b")).is_ok());
    assert!(compile(&of("https://h.example/b")).is_err());
}

#[test]
fn the_preview_shows_method_and_body() {
    let sample = sample_activity(crate::domain::activity::ActivityKind::Event).unwrap();
    let allow = |_: &str| None;
    let checks = CheckContext {
        refuse_host: &allow,
        partner: None,
        has_secret: None,
        events: None,
    };
    let shown = preview(
        &rule("POST,https://h.example/a,s={sid}"),
        &sample.activity,
        &sample.context(),
        &checks,
    );
    let request = shown.entries[0].request.as_ref().unwrap();
    assert_eq!(request.method, Method::Post);
    assert!(request.body.as_deref().unwrap().starts_with(r#"{"s":""#));
}

#[test]
fn the_host_that_is_judged_is_the_host_that_is_called() {
    let listed = "https://listed.example/";
    for entry in [
        "https://h.example/a".to_owned(),
        "equal,{country},jp,https://h.example/a".to_owned(),
        "GET,https://h.example/a".to_owned(),
        format!("GET,https://h.example/a?x=1,2,{listed}"),
        format!("POST,https://h.example/a,a=b&c=,{listed}"),
        format!("POST,https://h.example/a,a=b&c={listed}"),
        format!("POST,equal,{{country}},jp,https://h.example/a,k={listed}"),
        format!("https://h.example/a,b,{listed}"),
    ] {
        let judged = url_of(&entry).unwrap();
        assert!(judged.starts_with("https://h.example/a"), "{entry}: {judged}");
        let parsed = RuleText::parse(&entry).text.unwrap();
        assert_eq!(parsed.entries[0].url.source(), judged, "{entry}");
    }
    for entry in [
        "POST,www.h.example",
        "PUT,https://h.example/",
        "equal,{country},jp",
        "h.example",
        "",
    ] {
        assert_eq!(url_of(entry), None, "{entry}");
    }
}
