//! The trace: everything that one SID, conversion, order number, click id or URL caused, and where it
//! stopped when nothing came of it.

mod device;
mod find;
mod steps;

pub use steps::Step;

use super::records::{
    ActivityDto, PostbackDetail, RuleOutcomeDto, SessionDto, detail, postbacks_of_click, seen_activity,
};
use super::{ReportError, View};
use crate::domain::activity::Activity;
use crate::domain::plan::engagement;
use crate::domain::session::Session;
use crate::tracking::recording;
use find::{Found, find};
use serde::Serialize;
use steps::{Way, steps};

/// Activities of one session that are shown.
const MOST_ACTIVITIES: usize = 100;
/// Postbacks of one activity that are shown.
const MOST_POSTBACKS: usize = 100;
/// Bytes of a text that is looked for.
const MOST_TEXT: usize = 8192;

/// How it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FoundBy {
    /// A SID.
    Session,
    /// The id of an activity.
    Activity,
    /// The id of a postback.
    Postback,
    /// An order number.
    OrderNumber,
    /// A value of the click URL, such as the partner's click id.
    ClickValue,
    /// The `adid` of a device, or one of its ids.
    Device,
}

/// One activity with all that came of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ActivityTrace {
    /// The activity, with its candidates and what every rule said.
    pub activity: ActivityDto,
    /// Its postbacks with every attempt.
    pub postbacks: Vec<PostbackDetail>,
}

/// A trace.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Trace {
    /// How it was found; `null` when nothing was.
    pub found_by: Option<FoundBy>,
    /// The click or impression.
    pub session: Option<SessionDto>,
    /// What the rules for clicks say of it today.
    pub session_rules: Vec<RuleOutcomeDto>,
    /// Postbacks of the click itself.
    pub session_postbacks: Vec<PostbackDetail>,
    /// Every activity, oldest first.
    pub activities: Vec<ActivityTrace>,
    /// The way from the click to the answer, up to the first step that stopped it.
    pub steps: Vec<Step>,
    /// The code of the step that stopped it; `null` when everything went through.
    pub stopped_at: Option<&'static str>,
    /// The search looked at the newest records only, or the click has more than 100 activities: more may exist.
    pub is_partial: bool,
}

/// The trace of a text, with what of it may be seen.
pub fn trace(view: &View, text: &str) -> Result<Trace, ReportError> {
    let text = text.trim();
    if text.is_empty() || text.len() > MOST_TEXT {
        return Err(ReportError::invalid(
            "q",
            "empty",
            "paste a SID, an activity id, an order number, a click id, a device id or a URL",
        ));
    }
    let found = seen(view, find(&view.reader, &view.catalog, text)?);
    let (session_rules, session_postbacks) = match &found.session {
        Some(session) => of_click(view, session)?,
        None => (Vec::new(), Vec::new()),
    };
    let mut activities = Vec::with_capacity(found.activities.len());
    for activity in &found.activities {
        activities.push(of_activity(view, activity)?);
    }
    let has_rules = |activity: &Activity| {
        let partner = activity.session.as_ref().and_then(|s| s.partner.as_ref());
        activity
            .offer
            .as_ref()
            .is_some_and(|offer| view.catalog.has_rules_for(offer, partner))
    };
    let steps = steps(Way {
        session: found.session.as_ref(),
        activities: &found.activities,
        traces: &activities,
        has_rules: found.activities.iter().any(has_rules),
    });
    Ok(Trace {
        found_by: found.by,
        session: found.session.as_ref().map(SessionDto::from),
        session_rules,
        session_postbacks,
        activities,
        stopped_at: steps.iter().find(|step| !step.is_ok).map(|step| step.code),
        steps,
        is_partial: found.is_partial,
    })
}

/// What of it may be seen. Whether there is something of others is not told either.
fn seen(view: &View, mut found: Found) -> Found {
    if found
        .session
        .as_ref()
        .is_some_and(|s| !view.scope.sees(s.partner.as_ref()))
    {
        found = Found::default();
    }
    found
        .activities
        .retain(|activity| view.scope.sees_activity(activity));
    if found.session.is_none() && found.activities.is_empty() {
        found.by = None;
    }
    found
}

/// What the rules for clicks say of a click today, and the postbacks that it caused.
fn of_click(
    view: &View,
    session: &Session,
) -> Result<(Vec<RuleOutcomeDto>, Vec<PostbackDetail>), ReportError> {
    let mut postbacks = Vec::new();
    for id in postbacks_of_click(&view.reader, session.id, MOST_POSTBACKS)? {
        postbacks.extend(detail(&view.reader, id)?.filter(|d| is_seen(view, d)));
    }
    let mut engaged = engagement(session.clone());
    engaged.rules = recording::plan(&engaged, &view.catalog, view.now_ms).outcomes;
    let mut rules = seen_activity(&view.scope, &view.catalog, &engaged).rules;
    // These were rendered for the trace only; what was really sent is above.
    rules.iter_mut().for_each(|outcome| outcome.postback = None);
    Ok((rules, postbacks))
}

fn of_activity(view: &View, activity: &Activity) -> Result<ActivityTrace, ReportError> {
    let ids = activity.rules.iter().filter_map(|outcome| outcome.postback);
    let mut postbacks = Vec::new();
    for id in ids.take(MOST_POSTBACKS) {
        postbacks.extend(detail(&view.reader, id)?.filter(|d| is_seen(view, d)));
    }
    Ok(ActivityTrace {
        activity: seen_activity(&view.scope, &view.catalog, activity),
        postbacks,
    })
}

fn is_seen(view: &View, detail: &PostbackDetail) -> bool {
    view.scope.sees(detail.postback.partner.as_ref())
}
