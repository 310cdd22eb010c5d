//! Makes the postbacks of one activity, rule by rule.

use super::Plan;
use crate::domain::activity::{Activity, ActivityKind, RuleOutcome};
use crate::domain::identity::Consent;
use crate::domain::ids::{ActivityId, OfferId, PartnerId, PostbackId};
use crate::domain::postback::{FailReason, Method, Origin, Postback, PostbackState, Request};
use crate::domain::rule::{Credit, Rule, RuleScope, StatusReading};
use crate::domain::session::LinkCallback;
use crate::domain::template::{
    ActivityValues, CompiledRule, Context, Entry, Evaluation, OfRule, RuleText, Unrenderable,
};

/// Makes the postbacks of one activity.
pub(super) struct Planner<'p> {
    pub(super) activity: &'p Activity,
    pub(super) offer: &'p OfferId,
    pub(super) context: &'p Context<'p>,
    pub(super) make_id: &'p mut dyn FnMut() -> (PostbackId, u64),
    pub(super) plan: Plan,
}

/// How one entry becomes a request.
type Render<'r> = &'r dyn Fn(&Entry, &ActivityValues<'_>) -> Result<Rendered, Unrenderable>;

/// What postbacks have in common that come of one text.
struct Source<'r> {
    origin: &'r Origin,
    partner: Option<&'r PartnerId>,
    of_rule: OfRule<'r>,
    expires_at_ms: Option<i64>,
    render: Render<'r>,
}

/// A request, and why it is not sent by itself.
struct Rendered {
    request: Request,
    withheld: Option<FailReason>,
}

impl Planner<'_> {
    fn add_all(&mut self, text: &RuleText, source: &Source<'_>) {
        for (index, entry) in text.entries.iter().enumerate() {
            self.add(entry, u16::try_from(index).unwrap_or(u16::MAX), source);
        }
    }

    fn add(&mut self, entry: &Entry, index: u16, source: &Source<'_>) {
        let Source { origin, partner, .. } = *source;
        let (id, random) = (self.make_id)();
        let values = ActivityValues {
            activity: self.activity,
            context: self.context,
            postback: Some(id),
            random,
            of_rule: source.of_rule,
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
            let (request, withheld) = source.render(entry, &values, now);
            let state = match withheld {
                Some((reason, code)) => {
                    outcome.skipped = Some(code.to_owned());
                    PostbackState::Failed { at_ms: now, reason }
                }
                None => PostbackState::Waiting { due_at_ms: now },
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
                expires_at_ms: source.expires_at_ms,
                looks_at: None,
                confirmed_at_ms: None,
            });
        } else if outcome.holds {
            outcome.skipped = Some("bad_host".into());
        }
        self.plan.outcomes.push(outcome);
    }

    pub(super) fn add_rule(&mut self, compiled: &CompiledRule, origin: &Origin) {
        let rule = &compiled.rule;
        let partner = match &rule.scope {
            RuleScope::Partner { partner, .. } => Some(partner),
            RuleScope::Offer { .. } => None,
        };
        let is_live = matches!(origin, Origin::Rule(_));
        let manner = Manner::of(compiled, self.activity, self.context, !is_live);
        let values = ActivityValues {
            activity: self.activity,
            context: self.context,
            postback: None,
            random: 0,
            of_rule: manner.of_rule,
        };
        if let Some(skip) = manner.skip(compiled, self.activity, &values) {
            self.plan.outcomes.push(RuleOutcome {
                origin: origin.clone(),
                entry: 0,
                condition: Some(skip.because),
                holds: false,
                postback: None,
                skipped: Some(skip.code.to_owned()),
            });
            return;
        }
        // Another partner's id of the click is none of this one's.
        let is_credited = self.activity.session.as_deref().and_then(|s| s.partner.as_ref()) == partner;
        let is_strict = partner.is_some() && is_credited && !rule.allow_empty_click_id && is_live;
        let age_ms = rule
            .max_age_h
            .filter(|_| is_live)
            .map(|hours| i64::from(hours) * 3_600_000);
        let source = Source {
            origin,
            partner,
            of_rule: manner.of_rule,
            expires_at_ms: age_ms.map(|age_ms| self.activity.at_ms.saturating_add(age_ms)),
            render: &|entry, values| {
                let request = compiled.render(entry, values)?;
                let is_withheld = is_strict && compiled.lacks_click_id(entry, values);
                let withheld = is_withheld.then_some(FailReason::NoClickId);
                Ok(Rendered { request, withheld })
            },
        };
        self.add_all(manner.text, &source);
    }

    pub(super) fn add_callback(&mut self, callback: &LinkCallback, partner: Option<&PartnerId>) {
        let origin = Origin::Link(callback.name.clone());
        // Whoever makes a click URL may not have our secrets sent anywhere.
        let uses_secret = |text: &RuleText| {
            let mut fields = text.entries.iter().flat_map(Entry::fields);
            fields.any(|field| !field.secrets().is_empty())
        };
        match RuleText::parse(&callback.text)
            .text
            .filter(|text| !uses_secret(text))
        {
            Some(text) => {
                let source = Source {
                    origin: &origin,
                    partner,
                    of_rule: OfRule::default(),
                    expires_at_ms: None,
                    render: &|entry, values| {
                        let request = entry.render(values)?;
                        Ok(Rendered {
                            request,
                            withheld: None,
                        })
                    },
                };
                self.add_all(&text, &source);
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

impl Source<'_> {
    /// The request of an entry, and why it is not sent by itself: the reason with its code.
    fn render(
        &self,
        entry: &Entry,
        values: &ActivityValues<'_>,
        now_ms: i64,
    ) -> (Request, Option<(FailReason, &'static str)>) {
        match (self.render)(entry, values) {
            Ok(Rendered { request, withheld }) => {
                let is_too_old = self.expires_at_ms.is_some_and(|at_ms| now_ms >= at_ms);
                let withheld = withheld.or(is_too_old.then_some(FailReason::TooOld));
                (request, withheld.map(|reason| (reason, reason.code())))
            }
            Err(reason) => {
                // The template is kept in place of a request, for the operator to see.
                let request = Request {
                    method: Method::Get,
                    url: entry.url.source().to_owned(),
                    headers: Vec::new(),
                    body: None,
                };
                (request, Some((FailReason::Unrenderable, reason.code())))
            }
        }
    }
}

/// How a rule speaks of one activity: with which text, and with which words of its own.
pub(super) struct Manner<'r> {
    pub(super) text: &'r RuleText,
    pub(super) of_rule: OfRule<'r>,
    is_mapped: bool,
    is_by_hand: bool,
}

/// Why a rule that fires sends nothing.
pub(super) struct Skip {
    /// Stable code.
    pub(super) code: &'static str,
    /// What was missing.
    pub(super) because: String,
}

impl<'r> Manner<'r> {
    /// Of a rule and an activity; `is_by_hand`: an operator sends a test.
    pub(super) fn of(
        compiled: &'r CompiledRule,
        activity: &Activity,
        context: &Context<'_>,
        is_by_hand: bool,
    ) -> Self {
        let event = activity.event.as_ref().and_then(|token| {
            let offer = context.offer?;
            offer.events.iter().find(|event| event.token == *token)
        });
        let word = compiled.event_word(activity, event);
        let is_test = is_by_hand || activity.is_test;
        Self {
            text: if is_test {
                compiled.test_text()
            } else {
                &compiled.text
            },
            of_rule: OfRule {
                partner: match &compiled.rule.scope {
                    RuleScope::Partner { partner, .. } => Some(partner),
                    RuleScope::Offer { .. } => None,
                },
                event_word: word.unwrap_or_default(),
                test_code: compiled.rule.test.as_ref().map_or("", |test| &test.code),
                is_test: is_by_hand,
                is_for_platform: is_for_platform(&compiled.rule),
            },
            is_mapped: word.is_some(),
            is_by_hand,
        }
    }

    /// Why nothing is sent; `None`: the conditions of the entries decide.
    pub(super) fn skip(
        &self,
        compiled: &CompiledRule,
        activity: &Activity,
        values: &ActivityValues<'_>,
    ) -> Option<Skip> {
        if !self.is_mapped {
            let event = values.value_of("event_name").or_else(|| values.value_of("event"));
            let name = event.unwrap_or_else(|| activity.kind.as_str().to_owned());
            return Some(Skip {
                code: "not_mapped",
                because: format!("event_map: {name}"),
            });
        }
        let is_by_hand_only = compiled.rule.test.as_ref().is_some_and(|test| test.by_hand_only);
        if activity.is_test && is_by_hand_only && !self.is_by_hand {
            return Some(Skip {
                code: "test_by_hand_only",
                because: "is_test = 1".into(),
            });
        }
        let consent = compiled.rule.consent;
        if !consent.admits(&activity.identity) && !self.is_by_hand {
            let said = activity.identity.ad_user_data.map_or("", Consent::as_str);
            return Some(Skip {
                code: "no_consent",
                because: format!("consent {}: ad_user_data = {said}", consent.as_str()),
            });
        }
        compiled.missing(values).map(|because| Skip {
            code: "no_identifier",
            because,
        })
    }
}

/// Postbacks of one conversion to one partner are sent in the order of its statuses.
fn order_key(activity: &Activity) -> Option<ActivityId> {
    let is_settled = activity.kind.is_arrival() && activity.status.is_some();
    (is_settled || matches!(activity.kind, ActivityKind::Event | ActivityKind::EventUpdate))
        .then(|| activity.of.unwrap_or(activity.id))
}

/// Whether a rule speaks to a platform's API: one that hears everybody's conversions, or reads answers as platforms mean
/// them. An API takes what the rule names, and nothing of its callers' own.
fn is_for_platform(rule: &Rule) -> bool {
    let answers = rule.answers.as_ref();
    rule.credit == Credit::Any || answers.is_some_and(|answers| answers.by_status == StatusReading::Platform)
}
