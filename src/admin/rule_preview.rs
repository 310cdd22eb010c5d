//! Looking at a rule before it is saved: what saving would say, and what it would send, with the code that delivers.

use super::platforms;
use super::rules::{RuleDto, findings, with_checks};
use super::{AdminError, Resource, ServerLimits};
use crate::domain::activity::{Activity, ActivityKind};
use crate::domain::ids::ActivityId;
use crate::domain::plan::{self, Preview};
use crate::domain::rule::Rule;
use crate::domain::template::{Context, Finding, sample};
use crate::reports::View;
use crate::reports::records::activity_or_engagement;
use crate::store::catalog::Catalog;
use serde::{Deserialize, Serialize};

/// What was found in a rule.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Checked {
    /// Whether it could be saved.
    pub is_savable: bool,
    /// Errors and warnings with their place.
    pub findings: Vec<Finding>,
}

/// Everything that saving a rule would say, with positions and remedies.
pub fn check(form: RuleDto, catalog: &Catalog, limits: ServerLimits<'_>) -> Result<Checked, AdminError> {
    let rule = unsaved(form, catalog)?;
    let findings = findings(&rule, Some(catalog), limits);
    let is_savable = !findings.iter().any(Finding::is_error);
    Ok(Checked { is_savable, findings })
}

/// The rule of a form, with the secret of the saved one that it is a change of.
pub(super) fn unsaved(form: RuleDto, catalog: &Catalog) -> Result<Rule, AdminError> {
    let before = form.id.as_ref().and_then(|id| catalog.rule(id)).cloned();
    Rule::check(form, before.as_ref(), catalog, 0)
}

/// What a preview is made with.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewRequest {
    /// The rule, saved or not.
    pub rule: RuleDto,
    /// A real activity or session; the sample when left out.
    #[serde(default)]
    pub activity: Option<ActivityId>,
    /// Kind of the sample activity (`event`).
    #[serde(default)]
    pub kind: Option<ActivityKind>,
}

/// What a rule would send for a real activity or the sample.
pub fn preview(
    request: PreviewRequest,
    view: &View,
    limits: ServerLimits<'_>,
) -> Result<Preview, AdminError> {
    let rule = unsaved(request.rule, &view.catalog)?;
    with_checks(&rule, Some(&view.catalog), limits, |checks| {
        Ok(match request.activity {
            Some(id) => {
                let activity = seen_activity(view, id)?;
                with_context(&activity, &view.catalog, view.now_ms, |context| {
                    plan::preview(&rule, &activity, context, checks)
                })
            }
            None => {
                let first = || rule.kinds.first().copied().unwrap_or(ActivityKind::Event);
                let mut sample = sample_activity(request.kind.unwrap_or_else(first))?;
                platforms::fit(&mut sample, &rule, &view.catalog, view.now_ms);
                plan::preview(&rule, &sample.activity, &sample.context(), checks)
            }
        })
    })
}

/// An activity, click or impression that somebody may see.
pub(super) fn seen_activity(view: &View, id: ActivityId) -> Result<Activity, AdminError> {
    activity_or_engagement(&view.reader, id)?
        .filter(|activity| view.scope.sees_activity(activity))
        .ok_or_else(|| AdminError::not_found("activity", id.to_string()))
}

/// The activity that stands in for a real one.
pub(super) fn sample_activity(kind: ActivityKind) -> Result<sample::Sample, AdminError> {
    sample::sample_activity(kind).map_err(|_| AdminError::Defect {
        what: "sample activity",
    })
}

/// Gives the configuration objects that an activity names to a decision.
pub fn with_context<T>(
    activity: &Activity,
    catalog: &Catalog,
    now_ms: i64,
    decide: impl FnOnce(&Context<'_>) -> T,
) -> T {
    let session = activity.session.as_deref();
    let partner = session
        .and_then(|s| s.partner.as_ref())
        .and_then(|p| catalog.partners.get(p));
    let link = session.and_then(|s| catalog.links.get(&s.link));
    decide(&Context {
        offer: activity
            .offer
            .as_ref()
            .and_then(|o| catalog.offers.get(o))
            .map(|o| &**o),
        partner: partner.map(|p| &**p),
        link: link.map(|entry| &entry.link),
        now_ms,
        zone: &catalog.settings.time_zone,
        rates: &catalog.settings.rates,
    })
}
