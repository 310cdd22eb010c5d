//! Documents taken out and taken over again.

use super::transfer::{Summary, WhatChanges, export, parse, plan, to_toml};
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

fn apply(text: &str, catalog: &Catalog, now_ms: i64) -> (Summary, Catalog) {
    let plan = plan(parse(text).unwrap(), catalog, now_ms).unwrap();
    let summary = plan.summary();
    let (preconditions, changes) = plan.into_changes();
    (summary, catalog.apply(&preconditions, &changes).unwrap())
}

#[test]
fn a_document_is_taken_over_and_taking_it_over_again_changes_nothing() {
    let (summary, catalog) = apply(DOCUMENT, &Catalog::default(), 5);
    assert_eq!(summary.changes.len(), 4);
    assert!(summary.changes.iter().all(|c| c.change == WhatChanges::Create));
    let exported = export(&catalog).unwrap();
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
            again.offers["offer0000001"].trust.hmac_secret.as_deref(),
            Some("0123456789abcdef")
        );
    }
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
    let error = plan(parse(&wrong).unwrap(), &Catalog::default(), 5).unwrap_err();
    assert_eq!(
        (error.row().1, error.field().unwrap_or_default()),
        ("missing_reference", "links[0].partner")
    );
    let unknown = DOCUMENT.replace("network = ", "netwrok = ");
    let error = plan(parse(&unknown).unwrap(), &Catalog::default(), 5).unwrap_err();
    assert_eq!(
        (error.row().1, error.field().unwrap_or_default()),
        ("unknown_field", "links[0].netwrok")
    );
    assert!(plan(parse("format = \"x\"").unwrap(), &Catalog::default(), 5).is_err());
}
