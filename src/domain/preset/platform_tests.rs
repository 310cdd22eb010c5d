//! Every platform: read, filled with its examples, checked as a save would, rendered, and compared with the text in
//! `tests/fixtures/presets`, so that a change of what is sent is seen.
//! `YAMABIKO_WRITE_DOCS=1 cargo test --lib preset::platform_tests` writes them.

use super::*;
use crate::domain::first_request::render;
use crate::domain::ids::{OfferId, PartnerId, RuleId};
use crate::domain::rule::{EventWord, Rule};
use crate::domain::secret;
use crate::domain::template::{CheckContext, Finding, check, compile};
use std::fmt::Write;
use std::path::Path;

fn all() -> impl Iterator<Item = (&'static Preset, &'static Platform)> {
    presets().iter().filter_map(|p| Some((p, p.platform.as_ref()?)))
}

fn rules(platform: &Platform) -> Vec<Rule> {
    platform.sample_rules(&platform.examples(), &platform.example_events())
}

#[test]
fn every_file_belongs_to_a_preset_and_says_what_an_operator_needs() {
    for (id, _) in platforms::FILES {
        assert!(find(id).is_some_and(|p| p.platform.is_some()), "{id}");
    }
    for (preset, platform) in all() {
        let id = &preset.id;
        let is_day = |text: &str| text.parse::<jiff::civil::Date>().is_ok();
        assert!(is_day(&platform.checked), "{id}: {}", platform.checked);
        assert!(url::Url::parse(&platform.page).is_ok(), "{id}: {}", platform.page);
        let mut texts = vec![&platform.note, &platform.test];
        for blank in &platform.blanks {
            texts.extend([&blank.label, &blank.place]);
            let is_used = blank.secret.is_some() || id_uses(platform, &blank.name);
            assert!(is_used, "{id}: {} is asked for and never used", blank.name);
            let is_free = matches!(blank.shape.characters, Characters::Visible | Characters::Text);
            assert!(
                !is_free || blank.secret.is_some(),
                "{id}: {} could break a text",
                blank.name
            );
            assert!(blank.secret.as_deref().is_none_or(secret::is_name), "{id}");
        }
        texts.extend(platform.words.own.iter().flat_map(|own| [&own.label, &own.place]));
        texts.extend(platform.ends.iter().map(|ends| &ends.text));
        for text in texts {
            assert!(!text.en.is_empty() && !text.ja.is_empty(), "{id}: {text:?}");
        }
        assert!(
            platform.words.own.is_some() == platform.words.usual.is_empty(),
            "{id}: words are the platform's or the account's"
        );
        platform.checked_values(&platform.examples()).unwrap();
        platform.checked_events(&platform.example_events()).unwrap();
        assert!(!platform.rules.is_empty() && !platform.ids.is_empty(), "{id}");
    }
}

fn id_uses(platform: &Platform, blank: &str) -> bool {
    let whole = serde_json::to_string(&(&platform.rules, &platform.ids)).unwrap();
    whole.contains(&format!("<{blank}>"))
}

/// With and without what can be left open.
#[test]
fn rules_pass_the_checks_of_a_save() {
    let mut wrong = Vec::new();
    for (preset, platform) in all() {
        let partner_secrets: Vec<String> = platform
            .blanks
            .iter()
            .filter_map(|blank| blank.secret.clone())
            .chain(platform.tokens.iter().map(|token| token.secret.clone()))
            .collect();
        let mut sparse = platform.examples();
        sparse.retain(|name, _| platform.blanks.iter().any(|b| b.name == *name && !b.is_optional));
        for values in [platform.examples(), sparse] {
            for rule in platform.sample_rules(&values, &platform.example_events()) {
                let context = CheckContext {
                    refuse_host: &|_| None,
                    partner: None,
                    has_secret: Some(&|name| partner_secrets.iter().any(|known| known == name)),
                    events: None,
                };
                // An install has no amount, and the same rule is for purchases in the app.
                let is_of_app = rule.kinds.contains(&ActivityKind::Install);
                let is_known = |f: &Finding| is_of_app && f.code == "not_available";
                let found = check(&rule, &context).into_iter().filter(|f| !is_known(f));
                wrong.extend(found.map(|f| format!("{} {}: {} {}", preset.id, f.field, f.code, f.message)));
                let names = compile(&rule)
                    .map(|compiled| compiled.secret_names())
                    .unwrap_or_default();
                for own in &names {
                    assert!(partner_secrets.contains(own), "{}: {own}", preset.id);
                }
                let whole = serde_json::to_string(&rule).unwrap();
                for blank in &platform.blanks {
                    assert!(
                        !whole.contains(&format!("<{}>", blank.name)),
                        "{}: {whole}",
                        preset.id
                    );
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_first_request_is_what_it_was() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/presets");
    let mut changed = Vec::new();
    for (preset, platform) in all() {
        let mut text = String::new();
        for rule in rules(platform) {
            let preview = render(platform, &rule).unwrap();
            assert_eq!(
                preview.skipped, None,
                "{}: {:?}",
                preset.id, preview.skipped_because
            );
            for entry in preview.entries.into_iter().filter(|entry| entry.holds) {
                let request = entry
                    .request
                    .unwrap_or_else(|| panic!("{}: {:?}", preset.id, entry.message));
                writeln!(text, "{} {}", request.method.as_str(), request.url).unwrap();
                for (name, value) in &request.headers {
                    writeln!(text, "{name}: {value}").unwrap();
                }
                if let Some(body) = &request.body {
                    serde_json::from_str::<serde_json::Value>(body)
                        .unwrap_or_else(|e| panic!("{}: {e}: {body}", preset.id));
                    writeln!(text, "\n{body}").unwrap();
                }
                text.push('\n');
            }
        }
        assert!(!text.is_empty(), "{}: nothing is sent", preset.id);
        let file = dir.join(format!("{}.txt", preset.id));
        if std::env::var_os("YAMABIKO_WRITE_DOCS").is_some() {
            std::fs::create_dir_all(&dir).unwrap();
            std::fs::write(&file, &text).unwrap();
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        if text != kept {
            changed.push(format!("{}:\n{text}instead of\n{kept}", preset.id));
        }
    }
    assert!(
        changed.is_empty(),
        "what is sent has changed: {}",
        changed.join("\n")
    );
}

#[test]
fn without_an_identifier_nothing_is_sent() {
    for (preset, platform) in all() {
        for rule in rules(platform) {
            let sample = crate::domain::template::sample::sample_activity(ActivityKind::Event).unwrap();
            let mut activity = sample.activity.clone();
            activity.identity = Default::default();
            activity.session = None;
            activity.input.ip.clear();
            activity.facts.clear();
            let checks = CheckContext {
                refuse_host: &|_| None,
                partner: None,
                has_secret: None,
                events: None,
            };
            let preview = crate::domain::plan::preview(&rule, &activity, &sample.context(), &checks);
            let is_credited = rule.credit == crate::domain::rule::Credit::Credited;
            assert_eq!(
                preview.skipped.is_some(),
                !is_credited || !rule.needs.is_empty(),
                "{}",
                preset.id
            );
        }
    }
}

#[test]
fn a_wrong_paste_is_noticed_and_told() {
    let meta = find("meta_capi").unwrap().platform.as_ref().unwrap();
    let with = |name: &str, value: &str| {
        let mut values = meta.examples();
        values.insert(name.to_owned(), value.to_owned());
        meta.checked_values(&values)
    };
    let shape = |name: &str, value: &str| match with(name, value) {
        Err(FillError::Shape { blank, message }) => {
            assert_eq!(blank, name);
            message
        }
        other => panic!("{value}: {other:?}"),
    };
    assert_eq!(
        shape("PIXEL_ID", "act_123"),
        "enter 5 to 20 digits, such as 123456789012345"
    );
    shape("PIXEL_ID", "1234\"5678");
    shape("TOKEN", "EAA with spaces in the middle");
    assert_eq!(
        with("PIXEL_ID", " "),
        Err(FillError::Missing {
            blank: "PIXEL_ID".into()
        })
    );
    assert_eq!(
        with("PIXEL", "1"),
        Err(FillError::Unknown {
            blank: "PIXEL".into()
        })
    );
    let trimmed = with("PIXEL_ID", " 123456789012345\n").unwrap();
    assert_eq!(trimmed["PIXEL_ID"], "123456789012345");
    assert!(!with("TEST_CODE", "").unwrap().contains_key("TEST_CODE"));
}

#[test]
fn what_was_chosen_is_in_the_rule() {
    let meta = find("meta_capi").unwrap().platform.as_ref().unwrap();
    let (partner, offer): (PartnerId, OfferId) = ("platform1".parse().unwrap(), "offer12".parse().unwrap());
    let events = [EventWord {
        event: "sale".into(),
        status: None,
        word: "Subscribe".into(),
    }];
    let chosen = Chosen {
        values: &meta.examples(),
        events: &events,
        told: Told::WhenApproved,
        partner: &partner,
        offer: Some(&offer),
    };
    let id: RuleId = "rule123".parse().unwrap();
    let rule = meta.rules(&chosen, vec![id]).remove(0);
    assert_eq!(rule.event_map, events);
    assert_eq!(rule.statuses, [ConversionStatus::Approved]);
    assert_eq!(rule.kinds, [ActivityKind::Event, ActivityKind::EventUpdate]);
    assert_eq!(rule.test.unwrap().code, "TEST12345");
    assert!(serde_json::to_string(&rule.scope).unwrap().contains("offer12"));
}
