//! What an activity of a visitor can tell beyond the request: the end of a temporary credit, the device that its user
//! agent names, and what the app said of the device before.

use super::visitors;
use crate::domain::activity::Activity;
use crate::domain::session::Device;
use crate::domain::visitor::{Facts, Fallback, Visitor};
use crate::recorder::Group;
use crate::store::StoreError;
use crate::tracking::client;

/// Adds them, before the rules are asked.
pub(super) fn complete(
    activity: &mut Activity,
    visitor: &Visitor,
    group: &Group<'_>,
) -> Result<(), StoreError> {
    let fallback = visitors::fallback(visitor.adid, group)?;
    let mut facts = Facts(std::mem::take(&mut activity.facts));
    if let Some(fallback) = &fallback {
        tell_end(fallback, activity.at_ms, &mut facts);
    }
    let agent = client::agent(&activity.input.user_agent);
    if !agent.is_bot {
        tell_device(&agent.device, &activity.input.fields, &mut facts);
    }
    recall_device(visitor, &activity.input.fields, &mut facts);
    activity.facts = facts.0;
    Ok(())
}

/// When a temporary credit ends, or did.
fn tell_end(fallback: &Fallback, at_ms: i64, facts: &mut Facts) {
    let until_ms = Some(fallback.until_ms);
    if at_ms < fallback.until_ms {
        facts.time("attribution_expires_at", until_ms);
    } else {
        facts.time("last_fallback_time", until_ms);
        facts.hour("last_fallback_time_hour", until_ms);
    }
}

/// What the user agent says of the device, where the app says nothing; nothing when it is of another system.
fn tell_device(device: &Device, fields: &[(String, String)], facts: &mut Facts) {
    let said = |name: &str| {
        let field = fields.iter().find(|(n, value)| n == name && !value.is_empty());
        field.map(|(_, value)| value.as_str())
    };
    let is_other = said("os_name").is_some_and(|os| !os.eq_ignore_ascii_case(&device.os_name));
    if is_other || device.os_name.is_empty() {
        return;
    }
    for (name, value) in [
        ("os_name", &device.os_name),
        ("os_version", &device.os_version),
        ("device_type", &device.device_type),
        ("device_name", &device.device_name),
        ("browser", &device.browser),
    ] {
        if !value.is_empty() && said(name).is_none() {
            facts.add(name, value);
        }
    }
}

/// What the app said of the device before, where neither it nor the user agent says anything now.
fn recall_device(visitor: &Visitor, fields: &[(String, String)], facts: &mut Facts) {
    for (name, value) in &visitor.device {
        let is_said = |(known, said): &(String, String)| known == name && !said.is_empty();
        if !fields.iter().any(is_said) && !facts.0.iter().any(is_said) {
            facts.add(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::activity::MatchType;

    const PIXEL: &str = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) \
        Chrome/120.0.0.0 Mobile Safari/537.36";

    fn told(facts: &Facts, name: &str) -> String {
        let fact = facts.0.iter().find(|(n, _)| n == name);
        fact.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    #[test]
    fn the_agent_fills_what_the_app_does_not_say() {
        let device = client::agent(PIXEL).device;
        let told = |fields: &[(&str, &str)]| {
            let fields: Vec<(String, String)> = fields
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect();
            let mut facts = Facts::default();
            tell_device(&device, &fields, &mut facts);
            ["os_name", "os_version", "device_type", "device_name"].map(|name| told(&facts, name))
        };
        assert_eq!(told(&[]), ["android", "14", "phone", "Pixel 8"]);
        assert_eq!(
            told(&[("os_name", "Android"), ("device_name", "shiba")]),
            ["", "14", "phone", ""]
        );
        assert_eq!(told(&[("os_name", "ios")]), ["", "", "", ""]);
    }

    #[test]
    fn a_temporary_credit_has_an_end() {
        let fallback = Fallback {
            until_ms: 7_260_500,
            credit: None,
            match_type: MatchType::Organic,
        };
        let told = |at_ms| {
            let mut facts = Facts::default();
            tell_end(&fallback, at_ms, &mut facts);
            [
                "attribution_expires_at",
                "last_fallback_time",
                "last_fallback_time_hour",
            ]
            .map(|name| told(&facts, name))
        };
        assert_eq!(told(7_260_499), ["7260", "", ""]);
        assert_eq!(told(7_260_500), ["", "7260", "7200"]);
    }
}
