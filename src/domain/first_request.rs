//! What a preset sends first, rendered with a sample conversion: to be laid beside the platform's documents.

use super::activity::ActivityKind;
use super::plan::{EntryPreview, Preview, preview};
use super::postback::Request;
use super::preset::{FillError, Platform, Preset};
use super::rule::{EventWord, Rule};
use super::template::CheckContext;
use super::template::sample::sample_activity;
use serde::Serialize;
use std::collections::BTreeMap;

/// The first request of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Shown {
    /// Name of the rule.
    pub rule: String,
    /// The request; secrets stand in it by name.
    pub request: Request,
}

/// The first request of every rule of a platform; blanks without a value have their examples, and events too.
///
/// # Errors
/// The first value that cannot be used.
pub fn first_requests(
    preset: &Preset,
    given: &BTreeMap<String, String>,
    events: &[EventWord],
) -> Result<Vec<Shown>, FillError> {
    let Some(platform) = &preset.platform else {
        return Ok(Vec::new());
    };
    let mut values = platform.examples();
    values.extend(given.clone());
    let values = platform.checked_values(&values)?;
    let events = match events {
        [] => platform.example_events(),
        events => platform.checked_events(events)?,
    };
    let mut shown = Vec::new();
    for rule in platform.sample_rules(&values, &events) {
        let rendered = render(platform, &rule)
            .into_iter()
            .flat_map(|preview| preview.entries);
        let fires = rendered.filter(|entry| entry.holds);
        shown.extend(fires.filter_map(|entry: EntryPreview| {
            Some(Shown {
                rule: rule.name.clone(),
                request: entry.request?,
            })
        }));
    }
    Ok(shown)
}

/// A rule with the sample conversion, as the editor would show it.
pub fn render(platform: &Platform, rule: &Rule) -> Option<Preview> {
    let is_of_app = rule.kinds.contains(&ActivityKind::Install);
    let kind = if is_of_app {
        ActivityKind::Install
    } else {
        ActivityKind::Event
    };
    let mut sample = sample_activity(kind).ok()?;
    sample.take_event(&rule.event_map);
    platform.carry(&mut sample.activity);
    let context = sample.context();
    let checks = CheckContext {
        refuse_host: &|_| None,
        partner: None,
        has_secret: None,
        events: None,
    };
    Some(preview(rule, &sample.activity, &context, &checks))
}
