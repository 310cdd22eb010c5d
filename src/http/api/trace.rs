//! The trace: everything that one SID, conversion, order number, click id or URL caused, and where it
//! stopped when nothing came of it.

use super::page::{Budget, MOST_TIME};
use super::postbacks::StateFilter;
use super::read;
use super::records::{
    ActivityDto, PostbackDetail, PostbackDto, RuleOutcomeDto, SessionDto, activities_of, activities_of_order,
    activity, detail, postback, postbacks_of_click, seen_activity, session,
};
use super::scan::{self, Window};
use super::trace_device;
use crate::domain::activity::{Activity, ActivityKind, RefusalReason, Verdict};
use crate::domain::duplicates::click_id_hash;
use crate::domain::ids::{ActivityId, PartnerId, PostbackId, SessionId, TimeId};
use crate::domain::plan::engagement;
use crate::domain::session::Session;
use crate::http::State;
use crate::http::auth::Viewer;
use crate::http::extract::Query;
use crate::http::problem::ApiError;
use crate::store::catalog::Catalog;
use crate::store::{Db, PeriodKind, Reader, StoreError, codec, keys};
use crate::tracking::{app, queueing};
use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// Activities of one session that are shown.
const MOST_ACTIVITIES: usize = 100;
/// Postbacks of one activity that are shown.
const MOST_POSTBACKS: usize = 100;
/// Records looked at in search of a value of a click.
const MOST_SEARCHED: usize = 50_000;

/// What is looked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TraceQuery {
    /// SID, activity id, postback id, order number, partner click id, `adid`, device id (`idfa`, `gps_adid`, ..., plain or
    /// hashed), the referrer of the store with its `reftag`, or a URL that holds one of them.
    pub q: String,
}

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

#[derive(Default)]
struct Found {
    by: Option<FoundBy>,
    session: Option<Session>,
    activities: Vec<Activity>,
    is_partial: bool,
}

/// Everything that one id, order number or URL caused.
#[utoipa::path(tag = "records", params(TraceQuery), responses((status = 200, body = Trace)))]
#[get("/trace")]
pub async fn get_trace(
    state: Data<State>,
    viewer: Viewer,
    query: Query<TraceQuery>,
) -> Result<HttpResponse, ApiError> {
    let text = query.0.q.trim().to_owned();
    if text.is_empty() || text.len() > 8192 {
        return Err(ApiError::invalid(
            "q",
            "empty",
            "paste a SID, an activity id, an order number, a click id, a device id or a URL",
        ));
    }
    let trace = read(&state, move |state| {
        trace(state, &|partner| viewer.0.sees(partner), &text)
    })
    .await?;
    Ok(HttpResponse::Ok().json(trace))
}

/// The trace of a text, with what belongs to partners (or to none) that `sees` allows.
pub(crate) fn trace(
    state: &State,
    sees: &dyn Fn(Option<&PartnerId>) -> bool,
    text: &str,
) -> Result<Trace, ApiError> {
    let (reader, catalog) = (state.recorder.reader(), state.recorder.catalog());
    let mut found = find(reader, &catalog, text)?;
    if found.session.as_ref().is_some_and(|s| !sees(s.partner.as_ref())) {
        found = Found::default();
    }
    found
        .activities
        .retain(|activity| sees(activity.session.as_ref().and_then(|s| s.partner.as_ref())));
    // Whether there is something of others is not told either.
    if found.session.is_none() && found.activities.is_empty() {
        found.by = None;
    }
    let of_theirs = |detail: &PostbackDetail| sees(detail.postback.partner.as_ref());
    let (mut session_rules, mut session_postbacks) = (Vec::new(), Vec::new());
    if let Some(session) = &found.session {
        for id in postbacks_of_click(reader, session.id, MOST_POSTBACKS)? {
            session_postbacks.extend(detail(reader, id)?.filter(of_theirs));
        }
        let plan = queueing::plan(&engagement(session.clone()), &catalog, state.now_ms());
        let mut engaged = engagement(session.clone());
        engaged.rules = plan.outcomes;
        session_rules = seen_activity(sees, &catalog, &engaged).rules;
        // These were rendered for the trace only; what was really sent is above.
        session_rules
            .iter_mut()
            .for_each(|outcome| outcome.postback = None);
    }
    let mut activities = Vec::with_capacity(found.activities.len());
    for activity in &found.activities {
        let ids = activity.rules.iter().filter_map(|outcome| outcome.postback);
        let mut postbacks = Vec::new();
        for id in ids.take(MOST_POSTBACKS) {
            postbacks.extend(detail(reader, id)?.filter(of_theirs));
        }
        activities.push(ActivityTrace {
            activity: seen_activity(sees, &catalog, activity),
            postbacks,
        });
    }
    let has_rules = |activity: &Activity| {
        let partner = activity.session.as_ref().and_then(|s| s.partner.as_ref());
        activity
            .offer
            .as_ref()
            .is_some_and(|offer| catalog.has_rules_for(offer, partner))
    };
    let has_rules = found.activities.iter().any(has_rules);
    let steps = steps(found.session.as_ref(), &found.activities, &activities, has_rules);
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

/// Looks for a text: as an id, then as an id within a URL, then as an order number or a value of a click.
fn find(reader: &Reader, catalog: &Catalog, text: &str) -> Result<Found, ApiError> {
    for word in words(text) {
        if let Ok(id) = word.parse::<TimeId>()
            && let Some(found) = find_id(reader, id)?
        {
            return Ok(found);
        }
    }
    for word in words(text) {
        let device = match trace_device::by_adid(reader, &word, MOST_ACTIVITIES)? {
            Some(device) => Some(device),
            None => trace_device::by_device_id(reader, catalog, &word, MOST_ACTIVITIES)?,
        };
        if let Some(device) = device {
            return Ok(Found {
                by: Some(FoundBy::Device),
                session: device.session,
                activities: device.activities,
                is_partial: false,
            });
        }
    }
    let mut is_partial = false;
    for word in words(text).into_iter().filter(|w| w.len() >= 3).take(16) {
        if let Some(session) = find_click_id(reader, catalog, &word)? {
            return Ok(with_session(reader, FoundBy::ClickValue, session)?);
        }
        if let Some(activity) = find_order(reader, &word)? {
            let by = if activity.unresolved_sid() == Some(word.as_str()) {
                FoundBy::Session
            } else {
                FoundBy::OrderNumber
            };
            return with_activity(reader, by, activity);
        }
        // A whole URL has many values; its click values are looked up by index only.
        if !text.contains("://") {
            let (found, was_cut) = find_value(reader, &word)?;
            if let Some(session) = found {
                return Ok(with_session(reader, FoundBy::ClickValue, session)?);
            }
            is_partial |= was_cut;
        }
    }
    Ok(Found {
        is_partial,
        ..Found::default()
    })
}

/// The text itself, and when it is a URL the values of its query and the pieces of its path.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![text.to_owned()];
    if let Ok(url) = url::Url::parse(text) {
        words.clear();
        words.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
        words.extend(url.path_segments().into_iter().flatten().rev().map(str::to_owned));
    }
    words.extend(app::reftag_of(text));
    words.retain(|word| !word.is_empty());
    words.truncate(64);
    words
}

fn find_id(reader: &Reader, id: TimeId) -> Result<Option<Found>, ApiError> {
    if let Some(session) = session(reader, SessionId(id))? {
        return Ok(Some(with_session(reader, FoundBy::Session, session)?));
    }
    if let Some(activity) = activity(reader, ActivityId(id))? {
        return with_activity(reader, FoundBy::Activity, activity).map(Some);
    }
    let Some(postback) = postback(reader, PostbackId(id))? else {
        return Ok(None);
    };
    let found = find_id(reader, postback.activity.0)?;
    Ok(found.map(|found| Found {
        by: Some(FoundBy::Postback),
        ..found
    }))
}

/// A session with its activities, and those that were sent with its SID but could not be credited to it.
fn with_session(reader: &Reader, by: FoundBy, session: Session) -> Result<Found, StoreError> {
    let mut activities = activities_of(reader, session.id, MOST_ACTIVITIES + 1)?;
    let sid = session.id.to_string();
    let named = activities_of_order(reader, &sid, MOST_ACTIVITIES)?;
    activities.extend(named.into_iter().filter(|a| a.unresolved_sid() == Some(&sid)));
    activities.sort_by_key(|a| a.id);
    let is_partial = activities.len() > MOST_ACTIVITIES;
    activities.truncate(MOST_ACTIVITIES);
    Ok(Found {
        by: Some(by),
        session: Some(session),
        activities,
        is_partial,
    })
}

/// An activity with its whole session; one without a session stands alone with its later statuses unknown.
fn with_activity(reader: &Reader, by: FoundBy, activity: Activity) -> Result<Found, ApiError> {
    let Some(copy) = &activity.session else {
        return Ok(Found {
            by: Some(by),
            session: None,
            activities: vec![activity],
            is_partial: false,
        });
    };
    // The session itself may have expired; the copy on the activity stays.
    let session = session(reader, copy.id)?.unwrap_or_else(|| (**copy).clone());
    let mut found = with_session(reader, by, session)?;
    if !found.activities.iter().any(|a| a.id == activity.id) {
        found.activities.push(activity);
        found.activities.sort_by_key(|a| a.id);
    }
    Ok(found)
}

/// The newest session with this partner click id, for offers that keep an index of them.
fn find_click_id(reader: &Reader, catalog: &Catalog, value: &str) -> Result<Option<Session>, StoreError> {
    let offers = catalog.offers.values().filter(|o| o.accept_partner_click_id);
    for offer in offers {
        let prefix = keys::click_id_prefix(&click_id_hash(&offer.id, value));
        for period in reader.periods(PeriodKind::Sessions).into_iter().rev() {
            let mut newest = None;
            reader.scan_prefix(
                Db::Period(PeriodKind::Sessions, period),
                &prefix,
                true,
                |key, _| {
                    newest = keys::parse_session_index(key);
                    ControlFlow::Break(())
                },
            )?;
            if let Some(id) = newest {
                return session(reader, id);
            }
        }
    }
    Ok(None)
}

/// The first record that fits among the newest; the second value tells that the search was cut.
fn search<T>(
    reader: &Reader,
    family: scan::Family,
    mut fits: impl FnMut(Db, &[u8], &[u8]) -> Result<Option<T>, StoreError>,
) -> Result<(Option<T>, bool), ApiError> {
    let window = Window::new(None, None, None)?;
    let mut budget = Budget::new(MOST_SEARCHED, MOST_TIME * 2);
    let mut found = None;
    let end = scan::newest_first(reader, family, window, &mut budget, |_, db, key, value| {
        found = fits(db, key, value)?;
        Ok(if found.is_some() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    })?;
    Ok((found, matches!(end, scan::End::OutOfBudget(_))))
}

/// The newest activity with this order number, however old it is, one that counts before those that do not; what
/// changes its status comes with it.
fn find_order(reader: &Reader, uid: &str) -> Result<Option<Activity>, StoreError> {
    let mut found = activities_of_order(reader, uid, MOST_ACTIVITIES)?;
    found.retain(|a| a.kind != ActivityKind::EventUpdate);
    let counts = found.iter().position(|a| a.verdict == Verdict::Accepted);
    Ok(found.into_iter().nth(counts.unwrap_or(0)))
}

fn find_value(reader: &Reader, wanted: &str) -> Result<(Option<Session>, bool), ApiError> {
    search(reader, scan::SESSIONS, |db, key, value| {
        let session = codec::decode_session(value, db, key)?;
        let has = session.para.iter().any(|p| p == wanted)
            || session.label == wanted
            || session.tuid == wanted
            || session.parameters.iter().any(|(_, v)| v == wanted);
        Ok(has.then_some(session))
    })
}

fn step(code: &'static str, is_ok: bool, message: impl Into<String>) -> Step {
    Step {
        code,
        is_ok,
        message: message.into(),
    }
}

/// The way from the click to the partner's answer, ending at the first step that stopped it.
fn steps(
    session: Option<&Session>,
    activities: &[Activity],
    traces: &[ActivityTrace],
    has_rules: bool,
) -> Vec<Step> {
    let mut steps = Vec::new();
    if session.is_none() && activities.is_empty() {
        return vec![step(
            "not_found",
            false,
            "Nothing is known under this. Check the value for missing characters; records older than the retention are gone.",
        )];
    }
    if let Some(session) = session {
        steps.push(step("click", true, "The click was recorded."));
        if session.is_automated() {
            steps.push(step(
                "automated",
                true,
                "The click came from a bot or a prefetch: it is left out of counts and rules unless the offer counts bots.",
            ));
        }
    }
    let conversions: Vec<&Activity> = activities
        .iter()
        .filter(|a| !matches!(a.kind, ActivityKind::Click | ActivityKind::Impression))
        .collect();
    if conversions.is_empty() {
        steps.push(step(
            "no_conversion",
            false,
            "No conversion has arrived for this click. Check that the landing page keeps the sid and that the thanks page or the server sends it back to /cv.",
        ));
        return steps;
    }
    if !conversions.iter().any(|a| a.verdict == Verdict::Accepted) {
        steps.extend(
            conversions
                .last()
                .map(|a| step("refused", false, refusal(a.verdict))),
        );
        return steps;
    }
    steps.push(step("conversion", true, "A conversion was accepted."));
    if !has_rules {
        steps.push(step(
            "no_rule",
            false,
            "No rule speaks for this offer or partner: make a rule for the partner with the URL that it wants called.",
        ));
        return steps;
    }
    let outcomes: Vec<&RuleOutcomeDto> = traces.iter().flat_map(|t| &t.activity.rules).collect();
    if outcomes.is_empty() {
        steps.push(step(
            "no_rule_asked",
            false,
            "There are rules, but none fires for this kind, event and status, or they were made later. Check the kinds, the event and the statuses of the rule.",
        ));
        return steps;
    }
    steps.push(step(
        "rules",
        true,
        format!("{} rule entries were asked.", outcomes.len()),
    ));
    let postbacks: Vec<&PostbackDto> = traces
        .iter()
        .flat_map(|t| &t.postbacks)
        .map(|d| &d.postback)
        .collect();
    if postbacks.is_empty() {
        let condition = outcomes
            .iter()
            .find_map(|o| if o.holds { None } else { o.condition.as_deref() });
        steps.push(match condition {
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
        return steps;
    }
    steps.push(step(
        "postback",
        true,
        format!("{} postbacks were made.", postbacks.len()),
    ));
    steps.extend(postbacks.iter().map(|p| delivery(p)));
    // What waits or failed stops the way; deliveries are told before it.
    steps.sort_by_key(|step| !step.is_ok);
    steps
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

    #[test]
    fn a_url_is_searched_by_its_values_and_path() {
        assert_eq!(words("order-1"), ["order-1"]);
        let found = words("https://shop.example/thanks/A-9?sid=0abc&x=");
        assert_eq!(found, ["0abc", "A-9", "thanks"]);
    }

    fn codes(steps: &[Step]) -> Vec<&'static str> {
        steps.iter().map(|s| s.code).collect()
    }

    #[test]
    fn silence_is_explained_by_the_first_step_that_stopped_it() {
        assert_eq!(codes(&steps(None, &[], &[], false)), ["not_found"]);
        let sample = sample_activity(ActivityKind::Event).unwrap();
        let session = sample.activity.session.clone().unwrap();
        assert_eq!(
            codes(&steps(Some(&session), &[], &[], true)),
            ["click", "no_conversion"]
        );
        let mut refused = sample.activity.clone();
        refused.verdict = Verdict::Refused {
            reason: RefusalReason::OutsideWindow,
        };
        let told = steps(Some(&session), &[refused], &[], true);
        assert_eq!(codes(&told), ["click", "refused"]);
        assert!(told[1].message.contains("outside_window"));
        let accepted = [sample.activity.clone()];
        assert_eq!(
            codes(&steps(Some(&session), &accepted, &[], false)),
            ["click", "conversion", "no_rule"]
        );
        assert_eq!(
            codes(&steps(Some(&session), &accepted, &[], true)),
            ["click", "conversion", "no_rule_asked"]
        );
    }
}
