//! An activity and the rules make postbacks: which rules fire, what each entry's condition says, and the
//! request that comes of it. Preview and delivery go through the same code. It must not know how postbacks
//! are stored or sent.
//!
//! 2026-11-21, decisions:
//!
//! * Only accepted activities fire: a duplicate or a refused one tells nobody.
//! * Test and sandbox activities fire like real ones, labelled, since the operator wants to see the partner
//!   answer; a condition on `{environment}` keeps them apart.
//! * Three URLs a partner (pending, approved, rejected): a conversion that is approved at once calls the
//!   partner's rules for `approved`; when none of them covers that status but some cover `pending`, those
//!   fire, because a partner that has only a pending URL still has to hear of the conversion.
//! * 2026-11-29: a partner that is to be told its click id is not called without one, unless the rule allows it: it
//!   would answer 200 to an id that means nothing. The postback is kept as failed (`no_click_id`), so that it is
//!   shown and can be sent all the same. Rules of offers are the advertiser's own and are always sent.
//! * A callback carried on the click URL is a plain GET without headers unless it says `POST,`; `event_callback` hears the first
//!   occurrence of every event, not later statuses, which the system it comes from does not have.

mod planner;

use self::planner::Planner;
use super::activity::{
    Activity, ActivityInput, ActivityKind, ConversionStatus, MatchType, RuleOutcome, Verdict,
};
use super::identity::Identity;
use super::ids::{ActivityId, PartnerId, PostbackId, RuleId};
use super::postback::{Origin, Postback, Request};
use super::rule::{Credit, Rule, RuleScope};
use super::session::{EngagementKind, LinkCallback, Session};
use super::template::hole::shown_request;
use super::template::{
    ActivityValues, CheckContext, Context, Evaluation, Finding, Unrenderable, check, compile,
};
use serde::Serialize;

pub use super::template::CompiledRule;

/// What an activity causes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// To be stored with the activity.
    pub postbacks: Vec<Postback>,
    /// What every entry of every rule that was asked said.
    pub outcomes: Vec<RuleOutcome>,
}

/// A preview of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Preview {
    /// One for each entry; empty when the rule has errors.
    pub entries: Vec<EntryPreview>,
    /// Errors and warnings.
    pub findings: Vec<Finding>,
    /// Why nothing would be sent for this activity, whatever the conditions say; a stable code.
    pub skipped: Option<&'static str>,
    /// What was missing.
    pub skipped_because: Option<String>,
}

/// A preview of one entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct EntryPreview {
    /// First byte of the entry in the rule text.
    pub start: usize,
    /// Byte after it.
    pub end: usize,
    /// The condition with what it saw; `None` without one.
    pub condition: Option<Evaluation>,
    /// Whether the entry fires.
    pub holds: bool,
    /// The exact request, also when the condition does not hold.
    pub request: Option<Request>,
    /// Why there is none.
    pub unrenderable: Option<Unrenderable>,
    /// The same as a sentence.
    pub message: Option<String>,
}

/// What kind of activity a click, a landing or an impression is.
pub fn engagement_kind(session: &Session) -> ActivityKind {
    match session.kind {
        EngagementKind::Impression => ActivityKind::Impression,
        EngagementKind::Click | EngagementKind::Direct => ActivityKind::Click,
    }
}

/// The activity that a click or impression is: its session is its record, its SID the activity id.
pub fn engagement(session: Session) -> Activity {
    Activity {
        id: ActivityId(session.id.0),
        kind: engagement_kind(&session),
        at_ms: session.at_ms(),
        offer: Some(session.offer.clone()),
        event: None,
        verdict: Verdict::Accepted,
        note: String::new(),
        status: None,
        outdated_status: None,
        of: None,
        money: None,
        payout: None,
        input: ActivityInput::default(),
        match_type: Some(MatchType::Sid),
        candidates: Vec::new(),
        tuid: session.tuid.clone(),
        is_test: session.flags.is_test,
        rules: Vec::new(),
        history: Vec::new(),
        facts: Vec::new(),
        identity: Identity::default(),
        session: Some(Box::new(session)),
    }
}

/// Whether a rule fires for an activity by scope, kind, event, status and bots (not yet by its conditions).
///
/// * 2026-11-29: a change of the amount alone enters no status, and fires only rules that ask for it: a partner that
///   counts calls would book a second conversion.
pub fn matches(rule: &Rule, activity: &Activity, context: &Context<'_>) -> bool {
    let is_entered = activity.outdated_status.is_none() || activity.outdated_status != activity.status;
    applies(rule, activity, context)
        && (is_entered || rule.amount_changes)
        && (rule.statuses.is_empty() || covers(rule, activity.status))
}

/// Whether a rule may hear of an activity in one of its statuses.
pub fn may_hear(rule: &Rule, activity: &Activity, context: &Context<'_>) -> bool {
    applies(rule, activity, context)
}

/// All of `matches` but the status.
fn applies(rule: &Rule, activity: &Activity, context: &Context<'_>) -> bool {
    let session = activity.session.as_deref();
    let is_in_scope = match &rule.scope {
        RuleScope::Offer { offer } => activity.offer.as_ref() == Some(offer),
        RuleScope::Partner { partner, offer } => {
            let is_heard = match rule.credit {
                Credit::Credited => session.and_then(|s| s.partner.as_ref()) == Some(partner),
                Credit::Any => !is_engagement(activity.kind),
            };
            is_heard && (offer.is_none() || activity.offer == *offer)
        }
    };
    is_in_scope
        && rule.enabled
        && hears(rule, activity)
        && (rule.event.is_none() || rule.event == activity.event)
        && (rule.include_bots || !is_left_out(session, context))
}

/// A rule for installs that names statuses hears of their later statuses, too: those have the kind `event_update`.
fn hears(rule: &Rule, activity: &Activity) -> bool {
    let kind = activity.conversion_kind();
    rule.kinds.is_empty()
        || rule.kinds.contains(&activity.kind)
        || (kind.is_arrival() && !rule.statuses.is_empty() && rule.kinds.contains(&kind))
}

fn is_engagement(kind: ActivityKind) -> bool {
    matches!(kind, ActivityKind::Click | ActivityKind::Impression)
}

/// Bots and prefetches fire nothing, unless the offer counts them like people.
fn is_left_out(session: Option<&Session>, context: &Context<'_>) -> bool {
    session.is_some_and(Session::is_automated) && !context.offer.is_some_and(|offer| offer.count_bots)
}

fn covers(rule: &Rule, status: Option<ConversionStatus>) -> bool {
    status.is_some_and(|status| rule.statuses.contains(&status))
}

/// The rules that fire, in the order given.
fn firing<'r>(
    rules: Vec<&'r CompiledRule>,
    activity: &Activity,
    context: &Context<'_>,
) -> Vec<&'r CompiledRule> {
    let applying: Vec<&CompiledRule> = rules
        .into_iter()
        .filter(|compiled| applies(&compiled.rule, activity, context))
        .collect();
    let partner_of = |compiled: &CompiledRule| match &compiled.rule.scope {
        RuleScope::Partner { partner, .. } => Some(partner.clone()),
        RuleScope::Offer { .. } => None,
    };
    let is_first = activity.kind == ActivityKind::Event || activity.kind.is_arrival();
    let is_approved_at_once = is_first && activity.status == Some(ConversionStatus::Approved);
    // Each partner is judged by its own rules.
    let is_covered = |of: &PartnerId| {
        let mut own = applying
            .iter()
            .filter(|compiled| partner_of(compiled).as_ref() == Some(of));
        own.any(|compiled| matches(&compiled.rule, activity, context))
    };
    let stands_in = |compiled: &CompiledRule| {
        is_approved_at_once
            && covers(&compiled.rule, Some(ConversionStatus::Pending))
            && partner_of(compiled).is_some_and(|partner| !is_covered(&partner))
    };
    applying
        .iter()
        .copied()
        .filter(|compiled| matches(&compiled.rule, activity, context) || stands_in(compiled))
        .collect()
}

/// Whether rules are asked about an activity: a duplicate or a refused one tells nobody.
pub fn is_told(activity: &Activity) -> bool {
    activity.verdict == Verdict::Accepted
}

/// Whether a rule fires for an activity, beside the others that may speak for it.
pub fn fires<'r>(
    rule: &'r CompiledRule,
    others: impl IntoIterator<Item = &'r CompiledRule>,
    activity: &Activity,
    context: &Context<'_>,
) -> bool {
    let rules = std::iter::once(rule).chain(others).collect();
    is_told(activity)
        && firing(rules, activity, context)
            .into_iter()
            .any(|firing| std::ptr::eq(firing, rule))
}

/// Whether a callback of the click URL is for an activity. The prefix `adj_` of branded links is accepted.
fn is_called_for(callback: &LinkCallback, activity: &Activity) -> bool {
    use ActivityKind as K;
    let name = callback.name.strip_prefix("adj_").unwrap_or(&callback.name);
    if let Some(token) = name.strip_prefix("event_callback_") {
        return activity.kind == K::Event
            && activity
                .event
                .as_ref()
                .is_some_and(|event| event.as_str() == token);
    }
    match name {
        "install_callback" => activity.kind == K::Install,
        "conversion_callback" => matches!(activity.kind, K::Install | K::Reattribution),
        "reattribution_callback" => activity.kind == K::Reattribution,
        "session_callback" => activity.kind == K::Session,
        "event_callback" => activity.kind == K::Event,
        "click_callback" => activity.kind == K::Click,
        "impression_callback" => activity.kind == K::Impression,
        "rejected_install_callback" | "rejected_install" => activity.kind == K::RejectedInstall,
        "rejected_reattribution_callback" | "rejected_reattribution" => {
            activity.kind == K::RejectedReattribution
        }
        _ => false,
    }
}

/// What an activity causes under the rules of the catalog and the callbacks that its click carried.
/// `make_id` gives each postback its id and its `{random}`.
pub fn plan<'r>(
    activity: &Activity,
    context: &Context<'_>,
    rules: impl IntoIterator<Item = &'r CompiledRule>,
    make_id: &mut dyn FnMut() -> (PostbackId, u64),
) -> Plan {
    let session = activity.session.as_deref();
    let offer = activity.offer.as_ref().or_else(|| session.map(|s| &s.offer));
    let (Verdict::Accepted, Some(offer)) = (activity.verdict, offer) else {
        return Plan::default();
    };
    let mut planner = Planner {
        activity,
        offer,
        context,
        make_id,
        plan: Plan::default(),
    };
    for compiled in firing(rules.into_iter().collect(), activity, context) {
        planner.add_rule(compiled, &Origin::Rule(compiled.rule.id.clone()));
    }
    if let Some(session) = session.filter(|session| !is_left_out(Some(session), context)) {
        for callback in session
            .callbacks
            .iter()
            .filter(|callback| is_called_for(callback, activity))
        {
            planner.add_callback(callback, session.partner.as_ref());
        }
    }
    planner.plan
}

/// What one rule would send for an activity, whatever its kinds and statuses.
pub fn plan_rule(
    compiled: &CompiledRule,
    activity: &Activity,
    context: &Context<'_>,
    make_id: &mut dyn FnMut() -> (PostbackId, u64),
) -> Plan {
    plan_as(compiled, activity, context, make_id, Origin::Rule)
}

/// A test send: every entry of one rule whose condition holds, whatever its kinds and statuses, labelled test.
pub fn plan_test(
    compiled: &CompiledRule,
    activity: &Activity,
    context: &Context<'_>,
    make_id: &mut dyn FnMut() -> (PostbackId, u64),
) -> Plan {
    let mut plan = plan_as(compiled, activity, context, make_id, Origin::Test);
    for postback in &mut plan.postbacks {
        postback.is_test = true;
        postback.order_key = None;
    }
    plan
}

fn plan_as(
    compiled: &CompiledRule,
    activity: &Activity,
    context: &Context<'_>,
    make_id: &mut dyn FnMut() -> (PostbackId, u64),
    origin: fn(RuleId) -> Origin,
) -> Plan {
    let Some(offer) = &activity.offer else {
        return Plan::default();
    };
    let mut planner = Planner {
        activity,
        offer,
        context,
        make_id,
        plan: Plan::default(),
    };
    planner.add_rule(compiled, &origin(compiled.rule.id.clone()));
    planner.plan
}

/// What a rule would do with an activity: conditions, requests, findings.
pub fn preview(
    rule: &Rule,
    activity: &Activity,
    context: &Context<'_>,
    checks: &CheckContext<'_>,
) -> Preview {
    let findings = check(rule, checks);
    let Ok(compiled) = compile(rule) else {
        return Preview {
            entries: Vec::new(),
            findings,
            skipped: None,
            skipped_because: None,
        };
    };
    let postback = Some(PostbackId::new(context.now_ms, 0));
    let as_rule = planner::Manner::of(&compiled, activity, context, false);
    let values = ActivityValues {
        activity,
        context,
        postback,
        random: 0,
        of_rule: as_rule.of_rule,
    };
    let skip = as_rule.skip(&compiled, activity, &values);
    let entries = as_rule
        .text
        .entries
        .iter()
        .map(|entry| {
            let condition = entry
                .condition
                .as_ref()
                .map(|condition| condition.evaluate(&values));
            let rendered = compiled.render(entry, &values);
            let unrenderable = rendered.as_ref().err().copied();
            EntryPreview {
                start: entry.start,
                end: entry.end,
                holds: condition.as_ref().is_none_or(|evaluation| evaluation.holds),
                condition,
                request: rendered.ok().map(|request| shown_request(&request)),
                unrenderable,
                message: unrenderable.map(|reason| reason.to_string()),
            }
        })
        .collect();
    Preview {
        entries,
        findings,
        skipped: skip.as_ref().map(|skip| skip.code),
        skipped_because: skip.map(|skip| skip.because),
    }
}

#[cfg(test)]
mod tests;
