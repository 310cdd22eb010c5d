//! Documents taken out and taken over again.

use super::document::{export, read, to_toml};
use super::import::{Plan, Summary, WhatChanges, plan};
use super::{AdminError, ServerLimits};
use crate::config::{self, Config, Sources};
use crate::domain::offer::TrustMode;
use crate::store::catalog::Catalog;

const DOCUMENT: &str = r#"
format = "yamabiko-configuration-1"

[[offers]]
id = "offer0000001"
name = "Shop"
destinations = { default = "https://shop.example/lp" }
events = [{ token = "ev0001", name = "purchase" }]
trust = { hmac_secret = "0123456789abcdef" }

[[partners]]
id = "media001"
name = "Media"

[[links]]
token = "link0001"
offer = "offer0000001"
partner = "media001"
network = "Media"

[[rules]]
id = "rule0001"
scope = { type = "partner", partner = "media001" }
text = "https://media.example/pb?id=##PARA1##"
"#;

fn config_of(sessions_days: u32) -> Config {
    let mut config = config::load(&Sources::default()).unwrap().config;
    config.retention.sessions_days = sessions_days;
    config
}

fn planned(text: &str, catalog: &Catalog, now_ms: i64) -> Result<Plan, AdminError> {
    let config = config_of(90);
    plan(
        read(text).unwrap(),
        catalog,
        now_ms,
        ServerLimits::new(&config, None),
    )
}

/// Code, field and sentence of the refusal.
fn refusal(text: &str) -> (&'static str, String, String) {
    let error = planned(text, &Catalog::default(), 5).unwrap_err();
    let field = error.field().unwrap_or_default().to_owned();
    (error.code(), field, error.to_string())
}

fn apply(text: &str, catalog: &Catalog, now_ms: i64) -> (Summary, Catalog) {
    let plan = planned(text, catalog, now_ms).unwrap();
    let summary = plan.summary();
    let (save, _) = plan.into_save();
    (
        summary,
        catalog.apply(&save.preconditions, &save.changes).unwrap(),
    )
}

#[test]
fn a_document_is_taken_over_and_taking_it_over_again_changes_nothing() {
    let (summary, catalog) = apply(DOCUMENT, &Catalog::default(), 5);
    assert_eq!(summary.changes.len(), 4);
    assert!(summary.changes.iter().all(|c| c.change == WhatChanges::Create));
    let exported = export(&catalog);
    assert!(!exported.to_string().contains("0123456789abcdef"), "secrets stay");
    for text in [to_toml(&exported).unwrap(), exported.to_string()] {
        let (summary, again) = apply(&text, &catalog, 9);
        assert_eq!(
            (summary.changes.len(), summary.unchanged),
            (0, 5),
            "{:?}",
            summary.changes
        );
        assert_eq!(
            again.offers["offer0000001"]
                .trust
                .hmac_secret
                .as_ref()
                .and_then(|secret| secret.open()),
            Some("0123456789abcdef")
        );
    }
}

/// What proves a sender stays on its server, so that nobody could pass the check elsewhere.
#[test]
fn elsewhere_the_check_is_off_and_said_so() {
    let enforced = DOCUMENT.replace(
        r#"{ hmac_secret = "0123456789abcdef" }"#,
        r#"{ mode = "enforced", hmac_secret = "0123456789abcdef", allowed_ips = ["192.0.2.7"] }"#,
    );
    let (_, here) = apply(&enforced, &Catalog::default(), 5);
    let text = export(&here).to_string();
    let with_token = text.replace(
        r#""bearer_tokens":[],"hmac_secret":{"is_set":true}"#,
        r#""bearer_tokens":[{"name":"cart","scopes":[],"enabled":true}],"hmac_secret":{"is_set":true}"#,
    );
    assert_ne!(text, with_token);
    let (summary, elsewhere) = apply(&with_token, &Catalog::default(), 9);
    let told: Vec<_> = summary
        .changes
        .iter()
        .flat_map(|change| &change.left_out)
        .collect();
    assert_eq!(told, ["trust.bearer_tokens.cart", "trust.hmac_secret"]);
    let trust = &elsewhere.offers["offer0000001"].trust;
    assert_eq!((trust.mode, trust.allowed_ips.len()), (TrustMode::Off, 1));
    // The policy that is there stays.
    let (_, again) = apply(&with_token, &here, 9);
    assert_eq!(
        again.offers["offer0000001"].trust,
        here.offers["offer0000001"].trust
    );
}

#[test]
fn a_difference_is_told_and_a_mistake_names_its_place() {
    let (_, catalog) = apply(DOCUMENT, &Catalog::default(), 5);
    let changed = DOCUMENT.replace("name = \"Shop\"", "name = \"Store\"");
    let (summary, _) = apply(&changed, &catalog, 9);
    let told: Vec<_> = summary
        .changes
        .iter()
        .map(|c| (c.kind, c.difference.as_str()))
        .collect();
    assert_eq!(told[0], ("offer", r#"name: "Shop" -> "Store""#));
    let wrong = DOCUMENT.replace(
        "partner = \"media001\"\nnetwork",
        "partner = \"nobody01\"\nnetwork",
    );
    let (code, field, sentence) = refusal(&wrong);
    assert_eq!((code, field.as_str()), ("missing_reference", "links[0].partner"));
    assert!(
        sentence.starts_with("links[0].partner: there is no such partner"),
        "{sentence}"
    );
    let unknown = DOCUMENT.replace("network = ", "netwrok = ");
    let (code, field, sentence) = refusal(&unknown);
    assert_eq!((code, field.as_str()), ("unknown_field", "links[0].netwrok"));
    assert!(sentence.starts_with("links[0].netwrok: "), "{sentence}");
    assert_eq!(refusal("format = \"x\"").0, "unknown_format");
}

#[test]
fn what_a_save_refuses_is_refused() {
    let rule = |url: &str| DOCUMENT.replace("https://media.example/pb", url);
    let window = |after: &str| {
        let line = "attribution = { web_window_days = 91 }\n";
        DOCUMENT.replace(after, &format!("{line}{after}"))
    };
    for (text, code, field) in [
        (rule("http://169.254.169.254/pb"), "host_refused", "rules[0].text"),
        (
            rule("https://media.example/{nothing}"),
            "unknown_placeholder",
            "rules[0].text",
        ),
        (
            window("name = \"Shop\""),
            "window_too_long",
            "offers[0].attribution.web_window_days",
        ),
        (
            window("name = \"Media\""),
            "window_too_long",
            "partners[0].attribution.web_window_days",
        ),
        (
            window("network = \"Media\""),
            "window_too_long",
            "links[0].attribution.web_window_days",
        ),
    ] {
        let (told, place, sentence) = refusal(&text);
        assert_eq!((told, place.as_str()), (code, field), "{sentence}");
        assert!(sentence.starts_with(field), "{sentence}");
    }
}

#[test]
fn an_object_is_named_once() {
    for (name, again, field) in [
        (
            "offers",
            "id = \"offer0000001\"\nname = \"Other\"\ndestinations = { default = \"https://x.example/\" }",
            "offers[1].id",
        ),
        (
            "partners",
            "id = \"media001\"\nname = \"Other\"",
            "partners[1].id",
        ),
        (
            "links",
            "token = \"link0001\"\noffer = \"offer0000001\"\nnetwork = \"Other\"",
            "links[1].token",
        ),
        (
            "rules",
            "id = \"rule0001\"\nscope = { type = \"offer\", offer = \"offer0000001\" }\ntext = \"https://x.example/\"",
            "rules[1].id",
        ),
    ] {
        let text = format!("{DOCUMENT}\n[[{name}]]\n{again}\n");
        let (code, place, sentence) = refusal(&text);
        assert_eq!((code, place.as_str()), ("duplicate", field), "{sentence}");
    }
}

#[test]
fn what_is_there_already_may_stay_when_the_retention_was_lowered() {
    let long = DOCUMENT.replace(
        "name = \"Shop\"",
        "name = \"Shop\"\nattribution = { web_window_days = 60 }",
    );
    let (_, catalog) = apply(&long, &Catalog::default(), 5);
    let config = config_of(30);
    let checks = ServerLimits::new(&config, None);
    let document = export(&catalog);
    let same = plan(document.clone(), &catalog, 9, checks).unwrap();
    assert!(same.summary().changes.is_empty());
    let elsewhere = plan(document, &Catalog::default(), 9, checks).unwrap_err();
    assert_eq!(elsewhere.field(), Some("offers[0].attribution.web_window_days"));
}

#[test]
fn a_domain_that_links_use_is_missed_before_anything_is_written() {
    let with_domain = |domains: &str| {
        let settings = format!(
            "[settings]\ntime_zone = \"Asia/Tokyo\"\nlanguage = \"ja\"\ncurrency = \"JPY\"\ntracking_domains = [{domains}]\n\n[[offers]]"
        );
        DOCUMENT.replacen("[[offers]]", &settings, 1)
    };
    let domain = "\"https://t.example.com\"";
    let used = with_domain(domain).replace("network = ", &format!("domain = {domain}\nnetwork = "));
    let (_, catalog) = apply(&used, &Catalog::default(), 5);
    let settings_alone = with_domain("");
    let settings_alone = settings_alone.split("[[offers]]").next().unwrap();
    let error = planned(settings_alone, &catalog, 9).unwrap_err();
    assert_eq!(
        (error.code(), error.field()),
        ("domain_in_use", Some("settings.tracking_domains"))
    );
}
