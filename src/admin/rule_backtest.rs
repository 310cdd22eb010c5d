//! What a rule would have sent for the activities, clicks and impressions of a period, decided by the code that
//! delivers: scope, kinds, event, the status that is entered, bots, conditions, and the partner's other rules.
//!
//! A conversion is judged with the status that it began with: its later statuses are activities of their own.

use super::rule_preview::{unsaved, with_context};
use super::rules::{RuleDto, findings};
use super::{AdminError, ServerLimits};
use crate::domain::activity::{Activity, ActivityKind, ConversionStatus};
use crate::domain::ids::{ActivityId, PostbackId};
use crate::domain::plan::{self, CompiledRule, engagement};
use crate::domain::postback::PostbackState;
use crate::domain::session::Session;
use crate::domain::template::hole::shown;
use crate::domain::template::{Finding, compile};
use crate::reports::View;
use crate::reports::page::Budget;
use crate::reports::scan::{self, End, Window};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::time::Duration;

/// The period when none is named, milliseconds.
const WEEK_MS: i64 = 7 * 86_400_000;
/// Records looked at.
const MOST_RECORDS: usize = 20_000;
/// Time spent.
const MOST_TIME: Duration = Duration::from_secs(2);
/// Activities that are shown.
const SAMPLES: usize = 10;

/// Which rule is tried, and on what.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BacktestRequest {
    /// The rule, saved or not. It is tried as if it were on.
    pub rule: RuleDto,
    /// From this time of receipt on, unix milliseconds; 7 days before the end when left out.
    #[serde(default)]
    pub from_ms: Option<i64>,
    /// Before this time of receipt, unix milliseconds; now when left out.
    #[serde(default)]
    pub to_ms: Option<i64>,
}

/// What a rule would have sent.
#[derive(Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Backtest {
    /// First millisecond that was looked at.
    pub from_ms: i64,
    /// First millisecond that was not looked at.
    pub to_ms: i64,
    /// Activities that count, with clicks and impressions when the rule is for them.
    pub tried: usize,
    /// Of these, those for which something would have been sent.
    pub fired: usize,
    /// Requests in all.
    pub requests: usize,
    /// The newest of those that fired, at most 10.
    pub samples: Vec<BacktestSample>,
    /// It was stopped early (20,000 records, 2 seconds); `from_ms` says how far back it came.
    pub is_partial: bool,
    /// Errors and warnings of the rule; with an error nothing is tried.
    pub findings: Vec<Finding>,
}

/// An activity for which something would have been sent.
#[derive(Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct BacktestSample {
    /// The activity; of a click or impression its SID.
    pub activity: ActivityId,
    /// Unix milliseconds.
    pub at_ms: i64,
    /// What it was.
    pub kind: ActivityKind,
    /// The status that it entered.
    pub status: Option<ConversionStatus>,
    /// What would have been called.
    pub urls: Vec<String>,
}

/// Tries a rule on a period. Reads the store, for at most `MOST_TIME`.
pub fn run(request: BacktestRequest, view: &View, limits: ServerLimits<'_>) -> Result<Backtest, AdminError> {
    let to_ms = request.to_ms.unwrap_or(view.now_ms);
    let window = Window::new(
        Some(request.from_ms.unwrap_or(to_ms.saturating_sub(WEEK_MS))),
        Some(to_ms),
        None,
    )?;
    let mut rule = unsaved(request.rule, &view.catalog)?;
    rule.enabled = true;
    let mut told = Backtest {
        from_ms: window.from_ms,
        to_ms,
        tried: 0,
        fired: 0,
        requests: 0,
        samples: Vec::new(),
        is_partial: false,
        findings: findings(&rule, Some(&view.catalog), limits),
    };
    let Ok(compiled) = compile(&rule) else {
        return Ok(told);
    };
    if told.findings.iter().any(Finding::is_error) {
        return Ok(told);
    }
    let trial = Trial {
        rule: &compiled,
        view,
    };
    let mut budget = Budget::new(MOST_RECORDS, MOST_TIME);
    let activities = scan::each(&view.reader, window, &mut budget, |activity: Activity| {
        trial.judge(activity, &mut told);
    })?;
    told.note_end(&activities, &budget);
    if trial.is_for_engagements() {
        let sessions = scan::each(&view.reader, window, &mut budget, |session: Session| {
            trial.judge(engagement(session), &mut told);
        })?;
        told.note_end(&sessions, &budget);
    }
    told.keep_newest();
    Ok(told)
}

impl Backtest {
    fn keep_newest(&mut self) {
        self.samples.sort_by_key(|sample| Reverse(sample.activity));
        self.samples.truncate(SAMPLES);
    }

    /// Notes how far back a scan came.
    fn note_end(&mut self, end: &End, budget: &Budget) {
        if let End::OutOfBudget(last) = end
            && budget.is_spent()
        {
            self.is_partial = true;
            self.from_ms = self.from_ms.max(last.at_ms());
        }
    }
}

/// A rule on trial.
struct Trial<'a> {
    rule: &'a CompiledRule,
    view: &'a View,
}

impl Trial<'_> {
    fn is_for_engagements(&self) -> bool {
        let kinds = &self.rule.rule.kinds;
        let is_engagement =
            |kind: &ActivityKind| matches!(kind, ActivityKind::Click | ActivityKind::Impression);
        kinds.is_empty() || kinds.iter().any(is_engagement)
    }

    fn judge(&self, activity: Activity, told: &mut Backtest) {
        let activity = activity.as_it_came();
        if !self.view.scope.sees_activity(&activity) || !plan::is_told(&activity) {
            return;
        }
        told.tried += 1;
        let urls = self.urls(&activity);
        if urls.is_empty() {
            return;
        }
        told.fired += 1;
        told.requests += urls.len();
        told.samples.push(BacktestSample {
            activity: activity.id,
            at_ms: activity.at_ms,
            kind: activity.kind,
            status: activity.status,
            urls,
        });
        if told.samples.len() > 4 * SAMPLES {
            told.keep_newest();
        }
    }

    /// What would have been called for an activity.
    fn urls(&self, activity: &Activity) -> Vec<String> {
        let catalog = &self.view.catalog;
        let Some(offer) = &activity.offer else {
            return Vec::new();
        };
        let partner = activity.session.as_ref().and_then(|s| s.partner.as_ref());
        let others = catalog.rules_for(offer, partner);
        let others = others.iter().map(|rule| &**rule);
        let others = others.filter(|other| other.rule.id != self.rule.rule.id);
        with_context(activity, catalog, activity.at_ms, |context| {
            if !plan::fires(self.rule, others, activity, context) {
                return Vec::new();
            }
            let mut make_id = || (PostbackId::new(activity.at_ms, 0), 0);
            let planned = plan::plan_rule(self.rule, activity, context, &mut make_id).postbacks;
            let sent = planned
                .into_iter()
                .filter(|postback| matches!(postback.state, PostbackState::Waiting { .. }));
            sent.map(|postback| shown(&postback.request.url).into_owned())
                .collect()
        })
    }
}
