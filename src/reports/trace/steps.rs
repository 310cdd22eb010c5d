//! The way from the click to the partner's answer, told step by step.

use super::ActivityTrace;
use crate::domain::activity::{Activity, ActivityKind, RefusalReason, Verdict};
use crate::domain::session::Session;
use crate::reports::records::{PostbackDto, RuleOutcomeDto, StateFilter};
use serde::Serialize;

/// One step from click to answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Step {
    /// Stable code.
    pub code: &'static str,
    /// Whether it went on from here.
    pub is_ok: bool,
    /// A sentence for the operator.
    pub message: String,
}

fn step(code: &'static str, is_ok: bool, message: impl Into<String>) -> Step {
    Step {
        code,
        is_ok,
        message: message.into(),
    }
}

/// What the steps are told of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way<'a> {
    /// The click.
    pub(super) session: Option<&'a Session>,
    /// What came of it.
    pub(super) activities: &'a [Activity],
    /// The same with their postbacks.
    pub(super) traces: &'a [ActivityTrace],
    /// Whether a rule speaks for the offer or the partner.
    pub(super) has_rules: bool,
}

/// The way from the click to the partner's answer, ending at the first step that stopped it.
pub(super) fn steps(way: Way<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    let stopped = arrival(way, &mut steps)
        .and_then(|()| asking(way, &mut steps))
        .and_then(|()| sending(way, &mut steps));
    steps.extend(stopped.err());
    steps
}

/// From the click to a conversion that counts.
fn arrival(way: Way<'_>, steps: &mut Vec<Step>) -> Result<(), Step> {
    if way.session.is_none() && way.activities.is_empty() {
        return Err(step(
            "not_found",
            false,
            "Nothing is known under this. Check the value for missing characters; records older than the retention are gone.",
        ));
    }
    if let Some(session) = way.session {
        steps.push(step("click", true, "The click was recorded."));
        if session.is_automated() {
            steps.push(step(
                "automated",
                true,
                "The click came from a bot or a prefetch: it is left out of counts and rules unless the offer counts bots.",
            ));
        }
    }
    let is_engagement = |a: &&Activity| matches!(a.kind, ActivityKind::Click | ActivityKind::Impression);
    let mut conversions = way.activities.iter().filter(|a| !is_engagement(a));
    let Some(last) = conversions.clone().next_back() else {
        return Err(step(
            "no_conversion",
            false,
            "No conversion has arrived for this click. Check that the landing page keeps the sid and that the thanks page or the server sends it back to /cv.",
        ));
    };
    if !conversions.any(|a| a.verdict == Verdict::Accepted) {
        return Err(step("refused", false, refusal(last.verdict)));
    }
    steps.push(step("conversion", true, "A conversion was accepted."));
    Ok(())
}

/// What the rules said.
fn asking(way: Way<'_>, steps: &mut Vec<Step>) -> Result<(), Step> {
    if !way.has_rules {
        return Err(step(
            "no_rule",
            false,
            "No rule speaks for this offer or partner: make a rule for the partner with the URL that it wants called.",
        ));
    }
    let asked = outcomes(way).count();
    if asked == 0 {
        return Err(step(
            "no_rule_asked",
            false,
            "There are rules, but none fires for this kind, event and status, or they were made later. Check the kinds, the event and the statuses of the rule.",
        ));
    }
    steps.push(step("rules", true, format!("{asked} rule entries were asked.")));
    Ok(())
}

/// What became of the postbacks.
fn sending(way: Way<'_>, steps: &mut Vec<Step>) -> Result<(), Step> {
    let postbacks: Vec<&PostbackDto> = way
        .traces
        .iter()
        .flat_map(|t| &t.postbacks)
        .map(|d| &d.postback)
        .collect();
    if postbacks.is_empty() {
        let condition = outcomes(way).find_map(|o| if o.holds { None } else { o.condition.as_deref() });
        return Err(match condition {
            Some(condition) => step(
                "condition_false",
                false,
                format!("No condition held; the first one saw: {condition}."),
            ),
            None => step(
                "no_postback",
                false,
                "The rules made no postback, or its record has expired.",
            ),
        });
    }
    steps.push(step(
        "postback",
        true,
        format!("{} postbacks were made.", postbacks.len()),
    ));
    steps.extend(postbacks.iter().map(|p| delivery(p)));
    // What waits or failed stops the way; deliveries are told before it.
    steps.sort_by_key(|step| !step.is_ok);
    Ok(())
}

fn outcomes<'a>(way: Way<'a>) -> impl Iterator<Item = &'a RuleOutcomeDto> {
    way.traces.iter().flat_map(|t| &t.activity.rules)
}

fn refusal(verdict: Verdict) -> String {
    let reason: Option<RefusalReason> = match verdict {
        Verdict::Accepted => None,
        Verdict::Duplicate { reason, .. } | Verdict::Refused { reason } => Some(reason),
    };
    reason.map_or_else(String::new, |r| {
        format!("The conversion does not count ({}). {}", r.code(), r.remedy())
    })
}

fn delivery(postback: &PostbackDto) -> Step {
    let last = postback.last.as_ref().map_or_else(
        || "it was not attempted yet".to_owned(),
        |last| match (last.status, &last.message) {
            (Some(status), _) => format!("the last answer was {status}"),
            (None, Some(message)) => format!("the last attempt failed: {message}"),
            (None, None) => "the last attempt failed".to_owned(),
        },
    );
    match postback.state {
        StateFilter::Delivered => step(
            "delivered",
            true,
            format!("{} has received its postback: {last}.", postback.lane),
        ),
        StateFilter::Waiting => step(
            "waiting",
            false,
            format!(
                "A postback to {} waits for its next attempt: {last}.",
                postback.lane
            ),
        ),
        StateFilter::Failed => step(
            "failed",
            false,
            format!(
                "A postback to {} was given up ({}): {last}. It can be sent again.",
                postback.lane,
                postback.fail_reason.unwrap_or_default()
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::template::sample::sample_activity;

    fn codes(session: Option<&Session>, activities: &[Activity], has_rules: bool) -> Vec<&'static str> {
        let way = Way {
            session,
            activities,
            traces: &[],
            has_rules,
        };
        steps(way).iter().map(|s| s.code).collect()
    }

    #[test]
    fn silence_is_explained_by_the_first_step_that_stopped_it() {
        assert_eq!(codes(None, &[], false), ["not_found"]);
        let sample = sample_activity(ActivityKind::Event).unwrap();
        let session = sample.activity.session.clone().unwrap();
        assert_eq!(codes(Some(&session), &[], true), ["click", "no_conversion"]);
        let mut refused = sample.activity.clone();
        refused.verdict = Verdict::Refused {
            reason: RefusalReason::OutsideWindow,
        };
        assert!(refusal(refused.verdict).contains("outside_window"));
        assert_eq!(codes(Some(&session), &[refused], true), ["click", "refused"]);
        let accepted = [sample.activity.clone()];
        assert_eq!(
            codes(Some(&session), &accepted, false),
            ["click", "conversion", "no_rule"]
        );
        assert_eq!(
            codes(Some(&session), &accepted, true),
            ["click", "conversion", "no_rule_asked"]
        );
    }
}
