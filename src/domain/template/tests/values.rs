//! Which value of an activity stands under a name.

use super::*;
use crate::domain::activity::ActivityKind as K;
use crate::domain::ids::ActivityId;
use crate::domain::offer::OfferKind;
use crate::domain::template::catalogue;
use crate::domain::template::sample::{Sample, sample_activity};

/// A sample to which nothing was said but what is given.
fn bare(kind: K, facts: &[(&str, &str)], fields: &[(&str, &str)]) -> Sample {
    let own = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect()
    };
    let mut sample = sample_activity(kind).unwrap();
    sample.activity.facts = own(facts);
    sample.activity.input.fields = own(fields);
    sample
}

fn shown(sample: &Sample, name: &str) -> String {
    let context = sample.context();
    let values = ActivityValues {
        activity: &sample.activity,
        context: &context,
        postback: None,
        random: 0,
        of_rule: OfRule::default(),
    };
    values
        .value(catalogue::find(name).unwrap())
        .unwrap_or_default()
        .into_owned()
}

#[test]
fn address_and_agent_are_those_of_the_device_when_it_happened() {
    let with = |kind, facts: &[(&str, &str)], ip: &str, agent: &str| {
        let mut sample = bare(kind, facts, &[]);
        sample.activity.input.ip = ip.into();
        sample.activity.input.user_agent = agent.into();
        let session = sample.activity.session.as_mut().unwrap();
        session.ip = "203.0.113.1".into();
        session.user_agent = "Clicked/1".into();
        [shown(&sample, "ip_address"), shown(&sample, "user_agent")]
    };
    let app = [("is_s2s", "1")];
    for kind in [K::Install, K::Session, K::Event, K::Reattribution, K::AdRevenue] {
        let said = with(kind, &app, "198.51.100.9", "App/9");
        assert_eq!(said, ["198.51.100.9", "App/9"], "{kind}");
        assert_eq!(with(kind, &app, "", ""), ["203.0.113.1", "Clicked/1"], "{kind}");
    }
    // A shop's server, and a network that claims: the click knows the device, the caller is another one.
    for (kind, facts) in [(K::Event, &[][..]), (K::InstallUpdate, &app[..]), (K::Click, &[])] {
        let said = with(kind, facts, "198.51.100.9", "Server/9");
        assert_eq!(said, ["203.0.113.1", "Clicked/1"], "{kind}");
    }
}

#[test]
fn a_temporary_credit_says_how_long_it_lasts_and_what_comes_after() {
    let shown_of = |hours, to_organic, kind| {
        let mut sample = bare(kind, &[], &[]);
        sample.link.attribution.temporary_credit_h = hours;
        sample.link.attribution.temporary_to_organic = to_organic;
        [
            "attribution_ttl",
            "reattribution_attribution_ttl",
            "reattribution_fallback_type",
        ]
        .map(|name| shown(&sample, name))
    };
    assert_eq!(
        shown_of(Some(18), None, K::Reattribution),
        ["18", "18", "last_eligible_source"]
    );
    assert_eq!(shown_of(Some(2), Some(true), K::Click), ["2", "2", "organic"]);
    assert_eq!(shown_of(None, None, K::Install), ["", "", ""]);
    let mut organic = bare(K::Install, &[], &[]);
    organic.activity.session = None;
    assert_eq!(shown(&organic, "attribution_ttl"), "");
}

#[test]
fn what_follows_from_other_values_is_made_of_them_unless_it_was_sent() {
    let id = "a1b2c3d4-0000-4000-8000-1234567890ab";
    let sample = bare(
        K::Install,
        &[("idfa", id)],
        &[("gps_adid", id), ("gps_adid_md5", "0f")],
    );
    assert_eq!(shown(&sample, "idfa_md5"), "0b44a9506f68f6312fd7d10a43d4cdf9");
    assert_eq!(shown(&sample, "gps_adid_md5"), "0f");

    let mut click = bare(K::Click, &[], &[]);
    let said = [
        ("cost_id", "abc"),
        ("cost_amount", "12.50"),
        ("cost_currency", "jpy"),
    ];
    let session = click.activity.session.as_mut().unwrap();
    session.cost = said.map(|(name, value)| (name.into(), value.into())).to_vec();
    assert_eq!(shown(&click, "cost_id_md5"), "900150983cd24fb0d6963f7d28e17f72");
    assert_eq!(shown(&click, "reporting_cost"), "12.5");
}

#[test]
fn nobody_knows_whether_apples_installs_are_organic() {
    for (kind, organic) in [(K::SkInstall, ""), (K::Install, "1")] {
        let mut sample = bare(kind, &[], &[]);
        sample.activity.session = None;
        assert_eq!(shown(&sample, "is_organic"), organic, "{kind}");
    }
}

/// A sample of an app, with what the visitor remembers.
fn of_app(kind: K, facts: &[(&str, &str)]) -> Sample {
    let mut sample = bare(kind, facts, &[]);
    sample.offer.kind = OfferKind::App;
    sample
}

#[test]
fn adid_is_the_id_of_a_device_never_that_of_a_browser() {
    for (sample, has_one) in [
        (bare(K::Event, &[], &[]), false),
        (bare(K::Click, &[], &[]), false),
        (of_app(K::Click, &[]), false),
        (of_app(K::Install, &[]), true),
        (of_app(K::Event, &[]), true),
    ] {
        assert_eq!(
            !shown(&sample, "adid").is_empty(),
            has_one,
            "{}",
            sample.activity.kind
        );
        assert!(!shown(&sample, "tuid").is_empty());
    }
}

#[test]
fn users_whom_no_link_brought_are_organic() {
    let without = |mut sample: Sample| {
        sample.activity.session = None;
        ["tracker_name", "trackerName", "network_name", "tracker"].map(|name| shown(&sample, name))
    };
    assert_eq!(
        without(of_app(K::Install, &[])),
        ["Organic", "Organic", "Organic", ""]
    );
    assert_eq!(without(of_app(K::Event, &[]))[0], "Organic");
    assert_eq!(
        without(bare(K::Event, &[], &[]))[0],
        "",
        "a sale of a site without a click"
    );
    assert_eq!(without(of_app(K::SkInstall, &[]))[0], "", "only Apple knows");
}

#[test]
fn the_duration_is_that_of_the_conversion_not_of_what_came_later() {
    let click = bare(K::Click, &[], &[]).activity.at_ms;
    let at = |seconds: i64| (click.div_euclid(1000) + seconds).to_string();
    let (installed, back) = (at(60), at(5000));
    let later = |facts: &[(&str, &str)]| {
        let mut sample = of_app(K::Event, facts);
        sample.activity.at_ms = click + 9_000_000;
        shown(&sample, "conversion_duration").parse::<i64>().unwrap()
    };
    assert_eq!(later(&[("installed_at", &installed)]), 60);
    let before = at(-9000);
    assert_eq!(
        later(&[("installed_at", &before), ("reattributed_at", &back)]),
        5000
    );
    let mut update = bare(K::EventUpdate, &[], &[]);
    update.activity.of = Some(ActivityId::new(click + 30_000, 1));
    update.activity.at_ms = click + 900_000;
    assert_eq!(shown(&update, "conversion_duration"), "30");
}

#[test]
fn what_follows_from_what_is_known_is_filled() {
    let mut sample = bare(K::Install, &[], &[]);
    let mut with = |destination: &str| {
        sample.activity.session.as_mut().unwrap().destination = destination.into();
        shown(&sample, "store")
    };
    assert_eq!(with("https://apps.apple.com/jp/app/id123"), "itunes");
    assert_eq!(with("https://play.google.com/store/apps/details?id=a"), "google");
    assert_eq!(with("market://details?id=a"), "google");
    assert_eq!(with("https://shop.example/"), "");
    for (said, limited, enabled) in [
        (("tracking_enabled", "1"), "0", "1"),
        (("tracking_limited", "1"), "1", "0"),
        (("att_status", "3"), "0", "1"),
        (("att_status", "2"), "1", "0"),
        (("att_status", "0"), "", ""),
    ] {
        let sample = bare(K::Install, &[], &[said]);
        assert_eq!(shown(&sample, "tracking_limited"), limited, "{said:?}");
        assert_eq!(shown(&sample, "tracking_enabled"), enabled, "{said:?}");
    }
    let sample = bare(K::Event, &[], &[("installed_at", "1763700050")]);
    assert_eq!(shown(&sample, "installed_at_hour"), "1763697600");
}

#[test]
fn a_partner_hears_its_own_words_for_statuses_and_events() {
    let mut sample = bare(K::Event, &[], &[]);
    let status = |sample: &Sample| (shown(sample, "partner_status"), shown(sample, "status"));
    assert_eq!(status(&sample), ("sale".into(), "approved".into()));
    let event = sample.activity.event.clone().unwrap();
    assert_eq!(shown(&sample, "partner_event"), shown(&sample, "event_name"));
    sample.partner.wording.statuses.clear();
    sample.partner.wording.events.insert(event, "lead".into());
    assert_eq!(status(&sample), ("approved".into(), "approved".into()));
    assert_eq!(shown(&sample, "partner_event"), "lead");
    // A platform that hears of another partner's conversion.
    sample
        .partner
        .wording
        .statuses
        .insert(sample.activity.status.unwrap(), "sale".into());
    let (platform, context) = ("platform".parse().unwrap(), sample.context());
    let values = ActivityValues {
        activity: &sample.activity,
        context: &context,
        postback: None,
        random: 0,
        of_rule: OfRule {
            partner: Some(&platform),
            ..OfRule::default()
        },
    };
    let said = |name: &str| values.value_of(name).unwrap_or_default();
    assert_eq!(said("partner_status"), "approved");
    assert_eq!(said("partner_event"), said("event_name"));
}

#[test]
fn digests_are_empty_where_the_visitor_refused() {
    use crate::domain::identity::Consent;
    let names = [
        "email_sha256",
        "email_plain_sha256",
        "phone_digits_sha256",
        "external_id_sha256",
    ];
    let mut sample = bare(
        K::Event,
        &[],
        &[("page_url", "https://s.example/t"), ("event_id", "e-1")],
    );
    for name in names {
        assert_eq!(
            shown(&sample, name),
            catalogue::find(name).unwrap().sample,
            "{name}"
        );
    }
    assert_eq!(shown(&sample, "event_id"), "e-1");
    assert_eq!(shown(&sample, "page_url"), "https://s.example/t");
    sample.activity.identity.ad_user_data = Some(Consent::Denied);
    assert_eq!(names.map(|name| shown(&sample, name)), ["", "", "", ""]);
    assert_eq!(shown(&sample, "ad_user_data"), "denied");
    sample.activity.input.fields.clear();
    assert_eq!(shown(&sample, "event_id"), sample.activity.id.to_string());
}

#[test]
fn times_in_every_form() {
    let sample = bare(K::Event, &[], &[]);
    for name in [
        "created_at_milli",
        "created_at_micro",
        "created_at_iso",
        "click_time_milli",
        "click_time_micro",
        "click_time_iso",
    ] {
        assert_eq!(
            shown(&sample, name),
            catalogue::find(name).unwrap().sample,
            "{name}"
        );
    }
    let context = Context {
        zone: "Nowhere/Else",
        ..sample.context()
    };
    let values = ActivityValues {
        activity: &sample.activity,
        context: &context,
        postback: None,
        random: 0,
        of_rule: OfRule::default(),
    };
    let utc = values.value(catalogue::find("created_at_iso").unwrap());
    assert_eq!(utc.as_deref(), Some("2025-11-21T04:41:12+00:00"));
}

#[test]
fn a_parameter_of_the_activity_stands_over_that_of_the_click() {
    let mut sample = bare(K::Event, &[], &[("_fbp", "fb.1.2"), ("plan", "field")]);
    sample.activity.input.custom = vec![("plan".into(), "own".into())];
    let session = sample.activity.session.as_mut().unwrap();
    session.parameters = vec![("fbclid".into(), "Fb-1".into()), ("plan".into(), "click".into())];
    let context = sample.context();
    let values = ActivityValues {
        activity: &sample.activity,
        context: &context,
        postback: None,
        random: 0,
        of_rule: OfRule::default(),
    };
    for (name, value) in [
        ("plan", "own"),
        ("_fbp", "fb.1.2"),
        ("fbclid", "Fb-1"),
        ("none", ""),
    ] {
        assert_eq!(values.own_parameter(name).unwrap_or_default(), value, "{name}");
    }
}

#[test]
fn an_amount_goes_over_the_rate_of_its_day_and_is_empty_without_one() {
    use crate::domain::money::{Currency, Money};
    use crate::domain::rates::Rates;
    let mut sample = bare(K::Event, &[], &[]);
    sample.activity.money = Some(Money::parse("3100 JPY").unwrap());
    let rates = |text: &str| Rates::parse(text, Currency::JPY).unwrap();
    // The sample is of 2025-11-21 in Tokyo.
    for (text, dollars, cents) in [
        ("", "", ""),
        ("2025-11-01,USD,155", "20", "2000"),
        ("2025-11-22,USD,155", "", ""),
        ("2025-01-01,USD,155", "", ""),
    ] {
        let rates = rates(text);
        let context = Context {
            rates: &rates,
            ..sample.context()
        };
        let values = ActivityValues {
            activity: &sample.activity,
            context: &context,
            postback: None,
            random: 0,
            of_rule: OfRule::default(),
        };
        let said = |name: &str| values.value_of(name).unwrap_or_default();
        assert_eq!(
            (said("revenue_usd").as_str(), said("revenue_usd_cents").as_str()),
            (dollars, cents),
            "{text}"
        );
        assert_eq!(said("reporting_revenue"), "3100");
    }
}
