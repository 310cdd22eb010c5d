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
