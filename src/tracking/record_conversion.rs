//! Records a web or server-to-server conversion: finds its session, judges it, and keeps it, refused or not.
//!
//! Runs on the recorder's thread within a group, so two conversions of one order at the same instant are
//! decided one after the other. Nothing is dropped: what does not count is stored with its reason.

use crate::domain::activity::{
    Activity, ActivityInput, ActivityKind, ConversionStatus, RefusalReason, StatusChange, Verdict,
};
use crate::domain::duplicates::{self, DuplicateKey, First, Remembered};
use crate::domain::ids::{ActivityId, OfferId, SessionId};
use crate::domain::offer::{Approval, Event, Offer, RunState, TrustMode, TrustPolicy, TrustScope};
use crate::domain::session::Session;
use crate::domain::stats::{Bucket, Counters, Dimension, Environment, StatKey};
use crate::recorder::Group;
use crate::store::{StoreError, codec, keys};
use crate::telemetry;
use crate::tracking::conversion::ConversionRequest;
use crate::tracking::credited_session::{credit, find_session, judge_session};
use crate::tracking::status::{self, Changed};
use crate::tracking::trust::{self, Judgement};
use crate::tracking::{client, kept, queueing};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::sync::Arc;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What may prove that a caller may send what it sends: the request as it came.
#[derive(Debug, Clone, Default)]
pub struct Proof {
    /// `Authorization`, whole.
    pub authorization: Option<String>,
    /// `X-Yamabiko-Timestamp`.
    pub timestamp: Option<String>,
    /// `X-Yamabiko-Signature`.
    pub signature: Option<String>,
    /// Upper case.
    pub method: String,
    /// As sent.
    pub path: String,
    /// As sent, without `?`.
    pub query: String,
    /// As sent.
    pub body: Vec<u8>,
}

/// Who sends a conversion, and what came with the request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Address, after trusted proxies.
    pub ip: IpAddr,
    /// As sent, cut.
    pub user_agent: String,
    /// As sent, cut.
    pub referer: String,
    /// TUID of the visitor's first-party cookie.
    pub tuid: String,
    /// Last session of the visitor by offer, from the cookies.
    pub visited: Vec<(OfferId, SessionId)>,
    /// What may prove that the caller may send it.
    pub proof: Proof,
    /// Sent by an operator to try things out.
    pub is_test: bool,
    /// Entered by an operator who is signed in: needs no other proof, and may say how a conversion ends.
    pub is_operator: bool,
}

impl Caller {
    pub(super) fn for_trust(&self) -> trust::Caller<'_> {
        trust::Caller {
            ip: self.ip,
            authorization: self.proof.authorization.as_deref(),
            timestamp: self.proof.timestamp.as_deref(),
            signature: self.proof.signature.as_deref(),
            method: &self.proof.method,
            path: &self.proof.path,
            query: &self.proof.query,
            body: &self.proof.body,
        }
    }
}

/// What an `Idempotency-Key` stands for.
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// [`duplicates::idempotency_hash`].
    pub key: duplicates::Hash,
    /// [`duplicates::request_hash`].
    pub request: duplicates::Hash,
}

/// What the caller is told. The same key brings the same answer again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Answer {
    /// `accepted`, `duplicate`, `updated` or `refused`.
    pub result: String,
    /// The activity; for a duplicate the first one, for an update the `event_update`.
    pub activity_id: ActivityId,
    /// Why it does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<RefusalReason>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Status of the conversion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<ConversionStatus>,
}

/// What comes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Answer 200 with this.
    Answer(Answer),
    /// The idempotency key was used with another body: answer 422.
    KeyReused,
}

/// Decides and records a conversion.
pub fn record(
    request: &ConversionRequest,
    caller: &Caller,
    idempotency: Option<&Idempotency>,
    group: &mut Group<'_>,
) -> Result<Outcome, StoreError> {
    if let Some(idempotency) = idempotency
        && let Some(outcome) = remembered(idempotency, group)?
    {
        return Ok(outcome);
    }
    let answer = decide(request, caller, group)?;
    if let Some(idempotency) = idempotency {
        let entry = codec::Idempotency {
            expires_at_ms: group.now_ms() + duplicates::IDEMPOTENCY_TTL_MS,
            body_hash: idempotency.request,
            status: 200,
            answer: serde_json::to_string(&answer).unwrap_or_default(),
        };
        group.put(
            keys::idempotency(&idempotency.key),
            codec::encode_idempotency(&entry)?,
        );
    }
    Ok(Outcome::Answer(answer))
}

fn remembered(idempotency: &Idempotency, group: &Group<'_>) -> Result<Option<Outcome>, StoreError> {
    let at = keys::idempotency(&idempotency.key);
    let Some(record) = group.get(at.0, &at.1)? else {
        return Ok(None);
    };
    let entry = codec::decode_idempotency(&record, at.0, &at.1)?;
    let known = Remembered {
        request: entry.body_hash,
        expires_at_ms: entry.expires_at_ms,
    };
    Ok(
        match duplicates::judge_idempotency(Some(&known), &idempotency.request, group.now_ms()) {
            duplicates::Idempotency::New => None,
            duplicates::Idempotency::Conflict => Some(Outcome::KeyReused),
            duplicates::Idempotency::Same => serde_json::from_str(&entry.answer).ok().map(Outcome::Answer),
        },
    )
}

pub(super) fn blank(caller: &Caller, group: &Group<'_>) -> Activity {
    let now_ms = group.now_ms();
    Activity {
        id: ActivityId::new(now_ms, rand::random()),
        kind: ActivityKind::Event,
        at_ms: now_ms,
        offer: None,
        event: None,
        verdict: Verdict::Accepted,
        note: String::new(),
        status: None,
        outdated_status: None,
        of: None,
        money: None,
        payout: None,
        input: ActivityInput {
            user_agent: caller.user_agent.clone(),
            referer: caller.referer.clone(),
            ..ActivityInput::default()
        },
        session: None,
        match_type: None,
        candidates: Vec::new(),
        tuid: caller.tuid.clone(),
        is_test: caller.is_test,
        rules: Vec::new(),
        history: Vec::new(),
        facts: Vec::new(),
    }
}

/// What was found out before the verdict.
struct Findings {
    offer: Option<Arc<Offer>>,
    event: Option<Event>,
    session: Option<Session>,
    refusal: Option<RefusalReason>,
    is_authenticated: bool,
}

fn decide(request: &ConversionRequest, caller: &Caller, group: &mut Group<'_>) -> Result<Answer, StoreError> {
    let mut activity = blank(caller, group);
    activity.at_ms = request.at_ms.unwrap_or(activity.at_ms);
    activity.input.uids = request.sent_uids().to_vec();
    activity.input.custom.clone_from(&request.custom);
    activity.input.partner_custom.clone_from(&request.partner_custom);
    activity.input.fields.clone_from(&request.fields);
    activity.is_test |= request.is_test;
    let findings = investigate(request, caller, &mut activity, group)?;
    activity.money = kept::money(request, findings.offer.as_deref());
    if let Some(reason) = findings.refusal {
        return refuse(request, activity, reason, findings.offer.as_deref(), group);
    }
    let (Some(offer), Some(event)) = (findings.offer.clone(), findings.event.clone()) else {
        return refuse(request, activity, RefusalReason::WrongOffer, None, group);
    };
    let claim = duplicates::key(
        &event.duplicates,
        &identity(&activity, &offer, &event),
        group.now_ms(),
    );
    if let Some(claim) = &claim
        && let Verdict::Duplicate { of, reason } =
            duplicates::decide(&event.duplicates, claim, holder(claim, group)?, group.now_ms())
    {
        return repeat(request, activity, &findings, of, reason, group);
    }
    accept(request, activity, &findings, &event, claim, group)
}

/// What can make the conversion the same as another.
fn identity<'a>(activity: &'a Activity, offer: &'a Offer, event: &'a Event) -> duplicates::Conversion<'a> {
    duplicates::Conversion {
        offer: &offer.id,
        event: &event.token,
        session: activity.session.as_ref().map(|s| s.id),
        visitor: &activity.tuid,
        uid1: activity.input.uids.first().map_or("", String::as_str),
    }
}

/// Whether a configured check passed: only such callers may say how a conversion ends.
pub(super) fn is_authenticated(policy: &TrustPolicy, judgement: Judgement) -> bool {
    let is_checked =
        !policy.bearer_tokens.is_empty() || policy.hmac_secret.is_some() || !policy.allowed_ips.is_empty();
    policy.mode != TrustMode::Off && is_checked && judgement == Judgement::Pass
}

/// Finds offer, session and event, and the first reason against the conversion, in the order in which an
/// operator would look: who sends it, for what, from which click, in time, by whom.
fn investigate(
    request: &ConversionRequest,
    caller: &Caller,
    activity: &mut Activity,
    group: &Group<'_>,
) -> Result<Findings, StoreError> {
    let catalog = group.catalog().clone();
    let named = request.cid.as_ref().map(|cid| catalog.offers.get(cid).cloned());
    let (session, match_type) = find_session(
        request,
        caller,
        named.as_ref().and_then(Option::as_ref),
        activity,
        group,
    )?;
    let offer = match &named {
        Some(named) => named.clone(),
        None => session
            .as_ref()
            .and_then(|s| catalog.offers.get(&s.offer))
            .cloned(),
    };
    let mut findings = Findings {
        offer: offer.clone(),
        event: None,
        session: None,
        refusal: None,
        is_authenticated: false,
    };
    let Some(offer) = offer else {
        findings.refusal = Some(match (&named, request.names_a_session()) {
            (Some(None), _) => RefusalReason::WrongOffer,
            (_, true) => RefusalReason::UnknownSession,
            (_, false) => RefusalReason::MissingSession,
        });
        return Ok(findings);
    };
    activity.offer = Some(offer.id.clone());
    activity.input.ip = client::stored_ip(caller.ip, offer.ip_privacy);
    findings.event = offer.event(request.event.as_deref()).cloned();
    activity.event = findings.event.as_ref().map(|e| e.token.clone());
    let judgement = if caller.is_operator {
        Judgement::Pass
    } else {
        trust::judge(
            &offer.trust,
            TrustScope::Conversions,
            &caller.for_trust(),
            group.now_ms(),
        )
    };
    findings.is_authenticated = caller.is_operator || is_authenticated(&offer.trust, judgement);
    findings.refusal = match judgement {
        Judgement::Refused(reason) => Some(reason),
        Judgement::Noted(reason) => {
            activity.note = format!("would be refused once the check is enforced: {}", reason.code());
            None
        }
        Judgement::Pass => None,
    };
    if findings.refusal.is_none() {
        findings.refusal = if offer.state == RunState::Paused && session.is_none() {
            Some(RefusalReason::OfferPaused)
        } else if findings.event.is_none() {
            Some(RefusalReason::WrongEvent)
        } else {
            judge_session(&offer, session.as_ref(), request, activity, group.now_ms())
        };
    }
    if let Some(session) = session {
        credit(activity, session.clone(), match_type, findings.refusal);
        findings.session = Some(session);
    }
    Ok(findings)
}

pub(super) fn holder(claim: &DuplicateKey, group: &Group<'_>) -> Result<Option<First>, StoreError> {
    let at = keys::duplicate(&claim.hash);
    let Some(record) = group.get(at.0, &at.1)? else {
        return Ok(None);
    };
    let first = codec::decode_duplicate(&record, at.0, &at.1)?;
    Ok(Some(First {
        activity: first.activity,
        at_ms: first.at_ms,
    }))
}

fn refuse(
    request: &ConversionRequest,
    mut activity: Activity,
    reason: RefusalReason,
    offer: Option<&Offer>,
    group: &mut Group<'_>,
) -> Result<Answer, StoreError> {
    activity.verdict = Verdict::Refused { reason };
    kept::note_unresolved(request, &mut activity);
    keep(&mut activity, offer, group)?;
    Ok(Answer {
        result: "refused".into(),
        activity_id: activity.id,
        reason: Some(reason),
        message: Some(reason.remedy().into()),
        status: None,
    })
}

/// A conversion that was counted before: a new status of an authenticated caller changes the first one;
/// anything else is a duplicate.
fn repeat(
    request: &ConversionRequest,
    mut activity: Activity,
    findings: &Findings,
    first: ActivityId,
    reason: RefusalReason,
    group: &mut Group<'_>,
) -> Result<Answer, StoreError> {
    if let Some(status) = request.status.filter(|_| findings.is_authenticated) {
        let money = request.amount.and(activity.money);
        if let Changed::Made(update) = status::change(group, first, status, money, "api")? {
            return Ok(Answer {
                result: "updated".into(),
                activity_id: update,
                reason: None,
                message: None,
                status: Some(status),
            });
        }
    }
    activity.verdict = Verdict::Duplicate { of: first, reason };
    kept::note_unresolved(request, &mut activity);
    keep(&mut activity, findings.offer.as_deref(), group)?;
    Ok(Answer {
        result: "duplicate".into(),
        activity_id: first,
        reason: Some(reason),
        message: Some(reason.remedy().into()),
        status: None,
    })
}

fn accept(
    request: &ConversionRequest,
    mut activity: Activity,
    findings: &Findings,
    event: &Event,
    claim: Option<DuplicateKey>,
    group: &mut Group<'_>,
) -> Result<Answer, StoreError> {
    let status = first_status(request, event, findings, &mut activity);
    activity.status = Some(status);
    activity.history.push(StatusChange {
        at_ms: group.now_ms(),
        status,
        by: "automatic".into(),
    });
    activity.payout = queueing::payout(&activity, group.catalog());
    if let Some(claim) = claim {
        let (at_ms, expires_at_ms) = (group.now_ms(), claim.expires_at_ms);
        let first = codec::Duplicate {
            activity: activity.id,
            at_ms,
            expires_at_ms,
        };
        group.put(keys::duplicate(&claim.hash), codec::encode_duplicate(&first)?);
    }
    if let (ConversionStatus::Pending, Approval::AfterDays { days }) = (status, event.approval) {
        group.put(
            keys::approval(group.now_ms() + i64::from(days) * DAY_MS, activity.id),
            Vec::new(),
        );
    }
    let mut counters = Counters::default();
    counters.add_conversion(status, activity.money, activity.payout);
    status::stat_keys(&activity)
        .into_iter()
        .for_each(|key| group.count(key, counters.clone()));
    let activity = queueing::record(activity, group)?;
    Ok(Answer {
        result: "accepted".into(),
        activity_id: activity.id,
        reason: None,
        message: None,
        status: Some(status),
    })
}

/// `pending` may be said by anybody; `approved` and `rejected` by callers that proved who they are, since
/// anybody can write a tag. Without a word the event's policy decides.
fn first_status(
    request: &ConversionRequest,
    event: &Event,
    findings: &Findings,
    activity: &mut Activity,
) -> ConversionStatus {
    let by_policy = match event.approval {
        Approval::Automatic => ConversionStatus::Approved,
        Approval::AfterDays { .. } | Approval::Manual => ConversionStatus::Pending,
    };
    match request.status {
        Some(status)
            if findings.is_authenticated || status == ConversionStatus::Pending || status == by_policy =>
        {
            status
        }
        Some(status) => {
            activity.note = format!(
                "status={} was not taken: only callers with a token, signature or allowed address may set it",
                status.as_str()
            );
            by_policy
        }
        None => by_policy,
    }
}

/// Stores an activity that does not count; no rule is asked.
pub(super) fn keep(
    activity: &mut Activity,
    offer: Option<&Offer>,
    group: &mut Group<'_>,
) -> Result<(), StoreError> {
    if let Verdict::Refused { reason } | Verdict::Duplicate { reason, .. } = activity.verdict {
        let mut counters = Counters::default();
        counters.add_refusal(reason);
        let key = StatKey {
            bucket: Bucket::of(activity.id.at_ms()),
            environment: Environment::of(activity.is_test),
            offer: offer.map(|o| o.id.clone()),
            link: activity.session.as_ref().map(|s| s.link.clone()),
            event: activity.event.clone(),
            dimension: Dimension::All,
        };
        group.count(key, counters);
        if !activity.is_test {
            group.on_durable(Box::new(move |recorded| {
                if recorded.is_ok() {
                    telemetry::refusal(reason.code());
                }
            }));
        }
    }
    group.put(keys::activity(activity.id), codec::encode_activity(activity)?);
    queueing::index(activity, group);
    group.tell(crate::live::LiveEvent::Activity(Arc::new(activity.clone())));
    Ok(())
}
