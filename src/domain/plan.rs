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
//! * A callback carried on the click URL is a plain GET without headers; `event_callback` hears the first
//!   occurrence of every event, not later statuses, which the system it comes from does not have.

use super::activity::{
    Activity, ActivityInput, ActivityKind, ConversionStatus, MatchType, RuleOutcome, Verdict,
};
use super::ids::{ActivityId, OfferId, PartnerId, PostbackId};
use super::postback::{FailReason, Method, Origin, Postback, PostbackState, Request};
use super::rule::{NoData, Rule, RuleScope};
use super::session::{EngagementKind, LinkCallback, Session};
use super::template::{
    ActivityValues, CheckContext, Context, Entry, Evaluation, Finding, RuleText, Unrenderable, check,
    compile, render_get,
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

/// The activity that a click or impression is: its session is its record, its SID the activity id.
pub fn engagement(session: Session) -> Activity {
    let kind = match session.kind {
        EngagementKind::Impression => ActivityKind::Impression,
        EngagementKind::Click | EngagementKind::Direct => ActivityKind::Click,
    };
    Activity {
        id: ActivityId(session.id.0),
        kind,
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
        session: Some(Box::new(session)),
    }
}

/// Whether a rule fires for an activity by scope, kind, event, status and bots (not yet by its conditions).
///
/// * 2026-11-27: a rule with statuses fires when a conversion *enters* one of them. A change of the amount alone
///   enters none: a partner that counts calls would book a second conversion.
pub fn matches(rule: &Rule, activity: &Activity, context: &Context<'_>) -> bool {
    let is_entered = activity.outdated_status.is_none() || activity.outdated_status != activity.status;
    applies(rule, activity, context)
        && (rule.statuses.is_empty() || (is_entered && covers(rule, activity.status)))
}

/// All of `matches` but the status.
fn applies(rule: &Rule, activity: &Activity, context: &Context<'_>) -> bool {
    let session = activity.session.as_deref();
    let is_in_scope = match &rule.scope {
        RuleScope::Offer { offer } => activity.offer.as_ref() == Some(offer),
        RuleScope::Partner { partner, offer } => {
            session.and_then(|s| s.partner.as_ref()) == Some(partner)
                && (offer.is_none() || activity.offer == *offer)
        }
    };
    is_in_scope
        && rule.enabled
        && (rule.kinds.is_empty() || rule.kinds.contains(&activity.kind))
        && (rule.event.is_none() || rule.event == activity.event)
        && (rule.include_bots || !is_left_out(session, context))
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
    let is_of_partner = |compiled: &CompiledRule| matches!(compiled.rule.scope, RuleScope::Partner { .. });
    let is_approved_at_once =
        activity.kind == ActivityKind::Event && activity.status == Some(ConversionStatus::Approved);
    let is_covered = applying
        .iter()
        .any(|compiled| is_of_partner(compiled) && matches(&compiled.rule, activity, context));
    let stands_in = |compiled: &CompiledRule| {
        is_approved_at_once
            && !is_covered
            && is_of_partner(compiled)
            && covers(&compiled.rule, Some(ConversionStatus::Pending))
    };
    applying
        .into_iter()
        .filter(|compiled| matches(&compiled.rule, activity, context) || stands_in(compiled))
        .collect()
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

/// Makes the postbacks of one activity.
struct Planner<'p> {
    activity: &'p Activity,
    offer: &'p OfferId,
    context: &'p Context<'p>,
    make_id: &'p mut dyn FnMut() -> (PostbackId, u64),
    plan: Plan,
}

/// How one entry becomes a request.
type Render<'r> = &'r dyn Fn(&Entry, &ActivityValues<'_>) -> Result<Request, Unrenderable>;

impl Planner<'_> {
    fn add_all(&mut self, text: &RuleText, origin: &Origin, partner: Option<&PartnerId>, render: Render<'_>) {
        for (index, entry) in text.entries.iter().enumerate() {
            self.add(
                entry,
                u16::try_from(index).unwrap_or(u16::MAX),
                origin,
                partner,
                render,
            );
        }
    }

    fn add(
        &mut self,
        entry: &Entry,
        index: u16,
        origin: &Origin,
        partner: Option<&PartnerId>,
        render: Render<'_>,
    ) {
        let (id, random) = (self.make_id)();
        let values = ActivityValues {
            activity: self.activity,
            context: self.context,
            postback: Some(id),
            random,
        };
        let evaluation = entry
            .condition
            .as_ref()
            .map(|condition| condition.evaluate(&values));
        let mut outcome = RuleOutcome {
            origin: origin.clone(),
            entry: index,
            condition: evaluation.as_ref().map(Evaluation::explain),
            holds: evaluation.as_ref().is_none_or(|evaluation| evaluation.holds),
            postback: None,
            skipped: None,
        };
        let lane = entry.url.lane().filter(|_| outcome.holds).cloned();
        if let Some(lane) = lane {
            let now = self.context.now_ms;
            let (request, state) = match render(entry, &values) {
                Ok(request) => (request, PostbackState::Waiting { due_at_ms: now }),
                Err(reason) => {
                    outcome.skipped = Some(reason.code().to_owned());
                    // The template is kept in place of a request, for the operator to see.
                    let url = entry.url.source().to_owned();
                    let request = Request {
                        method: Method::Get,
                        url,
                        headers: Vec::new(),
                        body: None,
                    };
                    (
                        request,
                        PostbackState::Failed {
                            at_ms: now,
                            reason: FailReason::Unrenderable,
                        },
                    )
                }
            };
            outcome.postback = Some(id);
            self.plan.postbacks.push(Postback {
                id,
                activity: self.activity.id,
                offer: self.offer.clone(),
                partner: partner.cloned(),
                origin: origin.clone(),
                entry: index,
                lane,
                request,
                created_at_ms: now,
                resent_at_ms: None,
                state,
                attempts: 0,
                order_key: partner.and_then(|_| order_key(self.activity)),
                is_test: self.activity.is_test,
                last: None,
            });
        } else if outcome.holds {
            outcome.skipped = Some("bad_host".into());
        }
        self.plan.outcomes.push(outcome);
    }

    fn add_rule(&mut self, compiled: &CompiledRule, origin: &Origin) {
        let partner = match &compiled.rule.scope {
            RuleScope::Partner { partner, .. } => Some(partner),
            RuleScope::Offer { .. } => None,
        };
        self.add_all(&compiled.text, origin, partner, &|entry, values| {
            compiled.render(entry, values)
        });
    }

    fn add_callback(&mut self, callback: &LinkCallback, partner: Option<&PartnerId>) {
        let origin = Origin::Link(callback.name.clone());
        match RuleText::parse(&callback.text).text {
            Some(text) => {
                self.add_all(&text, &origin, partner, &|entry, values| {
                    render_get(&entry.url, &NoData::Empty, values)
                });
            }
            None => self.plan.outcomes.push(RuleOutcome {
                origin,
                entry: 0,
                condition: None,
                holds: false,
                postback: None,
                skipped: Some("invalid_callback".into()),
            }),
        }
    }
}

/// Postbacks of one conversion to one partner are sent in the order of its statuses.
fn order_key(activity: &Activity) -> Option<ActivityId> {
    matches!(activity.kind, ActivityKind::Event | ActivityKind::EventUpdate)
        .then(|| activity.of.unwrap_or(activity.id))
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

/// A test send: every entry of one rule whose condition holds, whatever its kinds and statuses, labelled test.
pub fn plan_test(
    compiled: &CompiledRule,
    activity: &Activity,
    context: &Context<'_>,
    make_id: &mut dyn FnMut() -> (PostbackId, u64),
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
    planner.add_rule(compiled, &Origin::Test(compiled.rule.id.clone()));
    for postback in &mut planner.plan.postbacks {
        postback.is_test = true;
        postback.order_key = None;
    }
    planner.plan
}

/// Renders one entry of a rule anew, for a resend under today's rule; id and `{random}` are the postback's.
pub fn render_again(
    compiled: &CompiledRule,
    entry: u16,
    activity: &Activity,
    context: &Context<'_>,
    (postback, random): (PostbackId, u64),
) -> Option<Result<Request, Unrenderable>> {
    let entry = compiled.text.entries.get(usize::from(entry))?;
    let values = ActivityValues {
        activity,
        context,
        postback: Some(postback),
        random,
    };
    Some(compiled.render(entry, &values))
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
        };
    };
    let postback = Some(PostbackId::new(context.now_ms, 0));
    let values = ActivityValues {
        activity,
        context,
        postback,
        random: 0,
    };
    let entries = compiled
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
                request: rendered.ok(),
                unrenderable,
                message: unrenderable.map(|reason| reason.to_string()),
            }
        })
        .collect();
    Preview { entries, findings }
}

#[cfg(test)]
mod tests;
