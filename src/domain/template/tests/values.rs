//! Which value of an activity stands under a name.

use super::*;
use crate::domain::activity::ActivityKind as K;
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
