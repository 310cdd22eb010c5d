use super::super::template::RuleText;
use super::*;
use std::collections::BTreeSet;

#[test]
fn the_file_is_read_and_whole() {
    let presets = read(include_str!("presets.json")).unwrap();
    assert_eq!(presets.len(), 193);
    let ids: BTreeSet<&str> = presets.iter().map(|p| p.id.as_str()).collect();
    assert_eq!(ids.len(), presets.len(), "an id appears twice");
    let verified = presets
        .iter()
        .filter(|p| p.confidence == Confidence::Verified)
        .count();
    assert_eq!(verified, 36);
    assert!(
        presets.is_sorted_by_key(|p| p.region != Region::Jp),
        "Japanese presets come first"
    );
}

#[test]
fn every_preset_has_names_and_either_a_rule_or_a_reason() {
    for p in presets() {
        assert!(!p.name.en.is_empty() && !p.name.ja.is_empty(), "{}", p.id);
        assert!(
            p.name.en.is_ascii(),
            "{}: the English name is to be readable for all",
            p.id
        );
        assert_eq!(p.note.en.is_empty(), p.note.ja.is_empty(), "{}", p.id);
        let ways = [p.rule.is_some(), p.no_rule.is_some(), p.platform.is_some()];
        assert_eq!(ways.into_iter().filter(|is| *is).count(), 1, "{}", p.id);
        if let Some(source) = &p.source {
            assert!(url::Url::parse(source).is_ok(), "{}: {source}", p.id);
        }
        let calls_us = p.no_rule.as_ref().is_some_and(|r| r.code == "partner_calls_us");
        assert!(
            calls_us || (p.handover.is_empty() && p.notify.is_none()),
            "{}",
            p.id
        );
    }
}

#[test]
fn click_parameters_use_each_slot_once_and_feed_the_rule() {
    for p in presets() {
        let slots: Vec<u8> = p.click.iter().filter_map(|c| c.para).collect();
        assert_eq!(
            slots.iter().collect::<BTreeSet<_>>().len(),
            slots.len(),
            "{}",
            p.id
        );
        assert!(slots.iter().all(|s| (1..=5).contains(s)), "{}", p.id);
        for c in &p.click {
            if let Some(n) = c.name.strip_prefix("param") {
                assert_eq!(n.parse().ok(), c.para, "{}", p.id);
            }
            assert!(!(c.is_appended && c.macro_text.is_some()), "{}: {}", p.id, c.name);
        }
        for slot in 1..=5 {
            let is_sent = p
                .rule
                .as_deref()
                .is_some_and(|rule| rule.contains(&format!("##PARA{slot}##")));
            assert!(
                !is_sent || slots.contains(&slot),
                "{}: PARA{slot} is never filled",
                p.id
            );
        }
    }
}

fn filled(p: &Preset) -> Option<String> {
    let value = |b: &Blank| if b.is_host { "example.jp" } else { "x1" }.to_owned();
    let values = p.blanks.iter().map(|b| (b.name.clone(), value(b))).collect();
    p.fill(&values).unwrap()
}

#[test]
fn rules_compile_without_an_error_once_their_blanks_are_filled() {
    let mut wrong = Vec::new();
    for p in presets() {
        let Some(text) = filled(p) else { continue };
        let parsed = RuleText::parse(&text);
        wrong.extend(
            parsed
                .findings
                .iter()
                .filter(|f| f.is_error())
                .map(|f| format!("{}: {}", p.id, f.message)),
        );
        assert!(!text.contains(['<', '>']), "{}: {text}", p.id);
        for host in text
            .split("://")
            .skip(1)
            .filter_map(|rest| rest.split(['/', '?']).next())
        {
            assert!(
                host.contains('.') && url::Host::parse(host).is_ok(),
                "{}: {host}",
                p.id
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn filling_refuses_what_would_break_the_url() {
    let tune = find("tune").unwrap();
    let fill = |value: &str| tune.fill(&BTreeMap::from([("NETWORK_DOMAIN".to_owned(), value.to_owned())]));
    let good =
        "https://a.go2cloud.org/aff_lsr?transaction_id=##PARA1##&amount=##AMOUNT##&adv_sub=##CONTENT_UID1##";
    assert_eq!(fill("https://a.go2cloud.org/").unwrap().unwrap(), good);
    assert_eq!(fill(" a.go2cloud.org ").unwrap().unwrap(), good);
    assert_eq!(
        fill("a.org/x"),
        Err(FillError::Character {
            blank: "NETWORK_DOMAIN".into(),
            character: '/'
        })
    );
    assert_eq!(
        fill(" "),
        Err(FillError::Missing {
            blank: "NETWORK_DOMAIN".into()
        })
    );
    assert!(tune.fill(&BTreeMap::new()).is_err());
    let cj = find("cj").unwrap();
    assert!(
        cj.blanks
            .iter()
            .any(|b| b.name == "TOKEN" && b.is_secret && !b.is_host)
    );
    let values = |token: &str| {
        cj.blanks
            .iter()
            .map(|b| {
                (
                    b.name.clone(),
                    if b.name == "TOKEN" { token } else { "1" }.to_owned(),
                )
            })
            .collect()
    };
    assert!(cj.fill(&values("a b")).is_err() && cj.fill(&values("a&b")).is_err());
    assert!(
        cj.fill(&values("a%26b"))
            .unwrap()
            .unwrap()
            .contains("SIGNATURE=a%26b&")
    );
    assert_eq!(find("criteo").unwrap().fill(&BTreeMap::new()), Ok(None));
}

#[test]
fn people_find_their_partner_however_they_type() {
    for (query, id) in [
        ("a8", "a8net"),
        ("Ａ８．ｎｅｔ", "a8net"),
        ("えーはち", "a8net"),
        ("ファンコミ", "nend"),
        ("ｱﾌｨﾋﾞｰ", "afb"),
        ("あくせすとれーど", "accesstrade_jp"),
        ("レントラ", "rentracks"),
        ("キャッツ", "cats_as_media"),
        ("LINE ads", "line_ads_capi"),
        ("hasoffers", "tune"),
        ("https://px.a8.net/a8fly/earnings?a8=xyz", "a8net"),
        ("http://anything.go2cloud.org/aff_lsr?x=1", "tune"),
        ("https://s.smaad.net/x", "smaad"),
        ("ツイッター", "x_ads"),
        ("マーケ cats", "cats_as_media"),
    ] {
        let found: Vec<&str> = search(query).iter().map(|p| p.id.as_str()).collect();
        let expects_none = query.starts_with("マーケ");
        assert_eq!(found.contains(&id), !expects_none, "{query}: {found:?}");
    }
    assert_eq!(search("tiktok")[0].id, "tiktok");
    assert_eq!(search("").len(), presets().len());
    assert!(search("no such partner anywhere").is_empty());
}

#[test]
fn domains_are_cut_where_they_are_registered() {
    for (domain, cut) in [
        ("px.a8.net", "a8.net"),
        ("a.b.adskeeper.co.uk", "adskeeper.co.uk"),
        ("spdeliver.i-mobile.co.jp", "i-mobile.co.jp"),
        ("example.jp", "example.jp"),
        ("localhost", "localhost"),
    ] {
        assert_eq!(search::registrable(domain), cut);
    }
}

#[test]
fn a_preset_fires_for_what_its_system_counts() {
    use ActivityKind as K;
    use ConversionStatus as S;
    let of = |id: &str| {
        let preset = find(id).unwrap();
        (preset.kinds.clone(), preset.statuses.clone())
    };
    let conversions = vec![K::Event, K::EventUpdate];
    let every_status = vec![S::Pending, S::Approved, S::Rejected];
    assert_eq!(of("adcrops"), (vec![K::Install], vec![]), "installs of apps");
    assert_eq!(of("tapjoy"), (vec![K::Event], vec![]), "events of apps");
    assert_eq!(
        of("affise"),
        (conversions.clone(), every_status.clone()),
        "one entry a status"
    );
    assert_eq!(
        of("keitaro"),
        (conversions.clone(), every_status),
        "tells the status"
    );
    assert_eq!(of("a8net").0, conversions);
    assert_eq!(of("criteo"), (vec![], vec![]), "without a rule");
    for preset in presets().iter().filter(|preset| preset.for_apps) {
        let rule = preset.rule.as_deref().unwrap_or_default();
        let is_for_events = rule.contains("{event_name}") || rule.contains("##AMOUNT##");
        let is_for_installs = preset.kinds.contains(&K::Install);
        assert!(
            !(is_for_events && is_for_installs),
            "{}: an install has no event",
            preset.id
        );
    }
}
