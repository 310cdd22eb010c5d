//! Records a web or server-to-server conversion: finds its session, judges it, and keeps it, refused or not.
//!
//! Runs on the recorder's thread within a group, so two conversions of one order at the same instant are
//! decided one after the other. Nothing is dropped: what does not count is stored with its reason.

use super::by_order::{self, Order};
use super::caller::{Caller, Sender};
use super::conversion::ConversionRequest;
use super::credited_session::{credit, find_session, judge_session, settle_time};
use super::idempotency::{self, Idempotency, Scope, Told};
use super::outcome::{Ended, Outcome, TrackingError};
use super::query::FieldError;
use super::recording::{self, Approving, Bound, Claim};
use super::remains::Remains;
use super::status::{self, Changed};
use super::trust::{self, Judgement};
use super::{addresses, client, engagement, personal, refusals};
use crate::domain::activity::{Activity, ConversionStatus, RefusalReason, Verdict};
use crate::domain::duplicates::{self, DuplicateKey};
use crate::domain::ids::ActivityId;
use crate::domain::note::{Note, NoteCode};
use crate::domain::offer::{Event, Offer, TrustScope};
use crate::domain::session::Session;
use crate::recorder::{Group, Recorder};
use crate::store::{StoreError, keys};
use crate::telemetry;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::sync::Arc;

/// What the caller is told. The same key brings the same answer again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Answer {
    /// `accepted`, `duplicate`, `updated` or `refused`.
    #[schema(value_type = String)]
    pub result: Ended,
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

impl Told for Answer {
    fn remembered(&self) -> Option<(u16, String)> {
        Some((200, serde_json::to_string(self).unwrap_or_default()))
    }

    fn recalled(_status: u16, text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// Decides a conversion, records and counts it. `unproven_sales` of one click, event and day count without proof.
pub async fn take(
    request: ConversionRequest,
    caller: Caller,
    idempotency: Option<Idempotency>,
    unproven_sales: u32,
    recorder: &Recorder,
) -> Result<Outcome<Answer>, TrackingError> {
    let decided = recorder
        .try_run(move |group| decide_once(&request, &caller, idempotency.as_ref(), unproven_sales, group));
    let outcome = decided.await??;
    if let Outcome::Decided(answer) = &outcome {
        telemetry::activity("event", answer.result.counted());
    }
    Ok(outcome)
}

/// Keeps a conversion that cannot be read, or not be received whole, with what of it can.
pub async fn take_unreadable(
    fault: FieldError,
    remains: Remains,
    caller: Caller,
    recorder: &Recorder,
) -> Result<(), TrackingError> {
    let keep = recorder.try_run(move |group| refusals::record_unreadable(&fault, remains, &caller, group));
    keep.await??;
    telemetry::activity("event", Ended::Invalid.counted());
    Ok(())
}

/// What is said to a refusal that is counted, and not kept any more.
const COUNTED_ONLY: &str =
    " It was counted and not kept: the room of today for what does not count is used up.";

/// What was found out before the verdict.
struct Findings {
    offer: Option<Arc<Offer>>,
    event: Option<Event>,
    session: Option<Session>,
    refusal: Option<RefusalReason>,
    is_authenticated: bool,
    /// Authenticated by more than an address, or the offer says that an address is enough.
    may_change: bool,
    /// Whose idempotency keys count; `None` of a caller that was refused.
    scope: Option<Scope>,
    /// How many sales of the click count in a day; `None` where somebody vouches for them.
    most_sales: Option<u32>,
    sender: Sender,
    /// Of the visitor, whole; in memory only.
    address: Option<IpAddr>,
    /// An operator accepts it: its click was somebody's.
    is_forgiving: bool,
}

/// Decides a conversion and records it within a group.
pub fn decide(
    request: &ConversionRequest,
    caller: &Caller,
    group: &mut Group<'_>,
) -> Result<Answer, StoreError> {
    let (activity, findings) = examine(request, caller, group)?;
    conclude(request, activity, &findings, group)
}

/// The same, unless it was decided before under its idempotency key.
fn decide_once(
    request: &ConversionRequest,
    caller: &Caller,
    idempotency: Option<&Idempotency>,
    unproven_sales: u32,
    group: &mut Group<'_>,
) -> Result<Outcome<Answer>, StoreError> {
    let (activity, mut findings) = examine(request, caller, group)?;
    let is_locked = |offer: &Arc<Offer>| !caller.is_operator && trust::is_locked(&offer.trust);
    if findings.offer.as_ref().is_some_and(is_locked) {
        return Ok(Outcome::Locked);
    }
    findings.most_sales = Some(unproven_sales).filter(|_| !findings.is_authenticated);
    idempotency::once(idempotency, findings.scope.as_ref(), group, |group| {
        let answer = conclude(request, activity, &findings, group)?;
        if let (Ended::Accepted, Some(offer)) = (answer.result, &findings.offer) {
            refusals::remember_network(answer.activity_id, caller.ip, offer, group)?;
        }
        Ok(answer)
    })
}

/// Writes down what was sent, and finds out what is known of it.
fn examine(
    request: &ConversionRequest,
    caller: &Caller,
    group: &Group<'_>,
) -> Result<(Activity, Findings), StoreError> {
    let mut activity = caller.activity(group);
    activity.at_ms = request.at_ms.unwrap_or(activity.at_ms);
    activity.input.uids = request.sent_uids().to_vec();
    activity.input.custom.clone_from(&request.custom);
    activity.input.partner_custom.clone_from(&request.partner_custom);
    activity.input.fields.clone_from(&request.fields);
    activity
        .input
        .fields
        .extend(request.notes.iter().cloned().map(Note::into_pair));
    activity.is_test |= request.is_test;
    let mut findings = investigate(request, caller, &mut activity, group)?;
    let (offer, fields) = (findings.offer.as_deref(), &mut activity.input.fields);
    findings.address = addresses::of_visitor(caller, findings.is_authenticated, offer, fields);
    activity.money = request.money(findings.offer.as_deref());
    personal::settle(&request.identity, findings.offer.as_deref(), &mut activity);
    Ok((activity, findings))
}

/// Comes to the verdict, and records it.
fn conclude(
    request: &ConversionRequest,
    activity: Activity,
    findings: &Findings,
    group: &mut Group<'_>,
) -> Result<Answer, StoreError> {
    if let (Some(RefusalReason::MissingSession), Some(offer), Some(event)) =
        (findings.refusal, &findings.offer, &findings.event)
        && names_an_order(request, findings)
    {
        if !findings.may_change {
            return refuse_by_order(request, activity, findings, group);
        }
        return match by_order::find(&offer.id, &event.token, &request.uids[0], group)? {
            Order::Of(first) => repeat(
                request,
                activity,
                findings,
                first.id,
                RefusalReason::DuplicateUid,
                group,
            ),
            Order::Unknown => refuse(request, activity, findings, RefusalReason::UnknownOrder, group),
            Order::Ambiguous => refuse(request, activity, findings, RefusalReason::AmbiguousOrder, group),
        };
    }
    if let Some(reason) = findings.refusal {
        return refuse(request, activity, findings, reason, group);
    }
    let (Some(offer), Some(event)) = (findings.offer.clone(), findings.event.clone()) else {
        return refuse(request, activity, findings, RefusalReason::WrongOffer, group);
    };
    let is_unnumbered = request.is_unfilled("uid1");
    let same = identity(&activity, &offer, &event, is_unnumbered);
    match recording::claim(&event.duplicates, &same, group)? {
        Claim::Taken { of, reason } => repeat(request, activity, findings, of, reason, group),
        Claim::Free(key) => accept(request, activity, findings, &event, key, group),
    }
}

/// Whether an order number alone names the conversion. Without a proof an amount alone is a new sale.
fn names_an_order(request: &ConversionRequest, findings: &Findings) -> bool {
    let is_change = request.status.is_some() || (findings.is_authenticated && request.amount.is_some());
    is_change && request.cid.is_some() && !request.names_a_session() && !request.uids[0].is_empty()
}

/// What can make the conversion the same as another.
fn identity<'a>(
    activity: &'a Activity,
    offer: &'a Offer,
    event: &'a Event,
    is_unnumbered: bool,
) -> duplicates::Conversion<'a> {
    duplicates::Conversion {
        offer: &offer.id,
        event: &event.token,
        session: activity.session.as_ref().map(|s| s.id),
        visitor: &activity.tuid,
        uid1: activity.input.uids.first().map_or("", String::as_str),
        money: activity.money,
        is_unfilled: is_unnumbered,
    }
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
        may_change: false,
        scope: Some(Scope::unproven(caller, "")),
        most_sales: None,
        sender: caller.sender(false),
        address: None,
        is_forgiving: caller.is_forgiving,
    };
    let Some(offer) = offer else {
        findings.refusal = Some(match (&named, request.names_a_session()) {
            (Some(None), _) => RefusalReason::WrongOffer,
            (_, true) => RefusalReason::UnknownSession,
            (_, false) => RefusalReason::MissingSession,
        });
        return Ok(findings);
    };
    settle_time(session.as_ref(), activity, group.now_ms());
    activity.offer = Some(offer.id.clone());
    activity.input.ip = client::stored_ip(caller.ip, offer.ip_privacy);
    findings.event = offer.event(request.event.as_deref()).cloned();
    activity.event = findings.event.as_ref().map(|e| e.token.clone());
    let judgement = if caller.is_operator {
        Judgement::Pass
    } else {
        trust::judge(&offer.trust, TrustScope::Conversions, caller, group.now_ms())
    };
    findings.scope = Scope::judged(&offer.trust, judgement, caller, offer.id.as_str());
    findings.is_authenticated = caller.is_operator || judgement == Judgement::Proven;
    findings.sender = caller.sender(findings.is_authenticated);
    findings.may_change =
        caller.is_operator || (findings.is_authenticated && trust::may_change(&offer.trust));
    findings.refusal = match judgement {
        Judgement::Refused(reason) => Some(reason),
        Judgement::Noted(reason) => {
            activity.note = format!("would be refused once the check is enforced: {}", reason.code());
            None
        }
        Judgement::Proven | Judgement::Pass => None,
    };
    if findings.refusal.is_none() {
        findings.refusal = if offer.is_stopped(group.now_ms()) && session.is_none() {
            Some(RefusalReason::OfferPaused)
        } else if findings.event.is_none() {
            Some(RefusalReason::WrongEvent)
        } else {
            judge_session(&offer, session.as_ref(), request, activity)
                .filter(|reason| !(caller.is_forgiving && refusals::is_forgiven(*reason)))
        };
    }
    if let Some(session) = session {
        credit(activity, session.clone(), match_type, findings.refusal);
        findings.session = Some(session);
    }
    Ok(findings)
}

/// An order was named by a caller that nothing proves, or only its address.
fn refuse_by_order(
    request: &ConversionRequest,
    mut activity: Activity,
    findings: &Findings,
    group: &mut Group<'_>,
) -> Result<Answer, StoreError> {
    let message = if findings.is_authenticated {
        "An address alone does not change conversions: send a token or signature too, or allow it at the offer's addresses (trust.addresses_may_change)."
    } else {
        "Send the sid of the click; with an order number alone a conversion is changed for a server that sends a token or signature of the offer."
    };
    activity.note = format!("by order number: {message}");
    let answer = refuse(request, activity, findings, RefusalReason::MissingSession, group)?;
    Ok(Answer {
        message: Some(message.into()),
        ..answer
    })
}

fn refuse(
    request: &ConversionRequest,
    mut activity: Activity,
    findings: &Findings,
    reason: RefusalReason,
    group: &mut Group<'_>,
) -> Result<Answer, StoreError> {
    activity.verdict = Verdict::Refused { reason };
    refusals::note_unresolved(request, &mut activity);
    let activity_id = activity.id;
    let is_kept = refusals::keep(activity, findings.sender, group)?;
    let counted_only = if is_kept { "" } else { COUNTED_ONLY };
    Ok(Answer {
        result: Ended::Refused,
        activity_id,
        reason: Some(reason),
        message: Some(format!("{}{counted_only}", reason.remedy())),
        status: None,
    })
}

/// A conversion that was counted before: a new status or amount of an authenticated caller changes the first one;
/// anything else is a duplicate.
fn repeat(
    request: &ConversionRequest,
    mut activity: Activity,
    findings: &Findings,
    first: ActivityId,
    reason: RefusalReason,
    group: &mut Group<'_>,
) -> Result<Answer, StoreError> {
    let money = request.amount.and(activity.money);
    let is_change = request.status.is_some() || money.is_some();
    if findings.may_change
        && is_change
        && !is_outdated(request, first, group)?
        && let Changed::Made(update) = status::change(group, first, request.status, money, "api")?
    {
        return Ok(Answer {
            result: Ended::Updated,
            activity_id: update,
            reason: None,
            message: None,
            status: request.status,
        });
    }
    activity.verdict = Verdict::Duplicate { of: first, reason };
    refusals::note_unresolved(request, &mut activity);
    refusals::keep(activity, findings.sender, group)?;
    Ok(Answer {
        result: Ended::Duplicate,
        activity_id: first,
        reason: Some(reason),
        message: Some(reason.remedy().into()),
        status: None,
    })
}

/// Whether the first conversion was changed since the time that the request names: what is older never overwrites.
fn is_outdated(
    request: &ConversionRequest,
    first: ActivityId,
    group: &Group<'_>,
) -> Result<bool, StoreError> {
    let Some(at_ms) = request.at_ms else {
        return Ok(false);
    };
    let first = group.load(&keys::activity(first))?;
    let changes = first.iter().flat_map(|first| first.history.iter().skip(1));
    Ok(changes.into_iter().any(|change| change.at_ms > at_ms))
}

fn accept(
    request: &ConversionRequest,
    mut activity: Activity,
    findings: &Findings,
    event: &Event,
    key: Option<DuplicateKey>,
    group: &mut Group<'_>,
) -> Result<Answer, StoreError> {
    let mut status = first_status(request, event, findings, &mut activity);
    let bound = match (findings.most_sales, &activity.session) {
        (Some(most), Some(session)) => recording::bound(session.id, event, &activity, most, group)?,
        _ => Bound::Within,
    };
    let (reason, approving) = match bound {
        Bound::FarOver => return refuse(request, activity, findings, RefusalReason::OverBound, group),
        Bound::Over => {
            status = ConversionStatus::Pending;
            activity.note = format!("over_bound: {}", RefusalReason::OverBound.remedy());
            (Some(RefusalReason::OverBound), Approving::ByOperator)
        }
        Bound::Within => (None, Approving::ByPolicy),
    };
    prove_person(&mut activity, findings.is_forgiving, group)?;
    recording::accept(&mut activity, event.approval, (status, approving), key, group)?;
    recording::tell_notes(&activity, group);
    addresses::keep(&activity, findings.address, group);
    let activity = recording::record(activity, group)?;
    Ok(Answer {
        result: Ended::Accepted,
        activity_id: activity.id,
        reason,
        message: reason.map(|reason| reason.remedy().into()),
        status: Some(status),
    })
}

/// A sale proves that somebody saw the page that was prefetched, and an operator may say so of a bot's: the click
/// counts with it.
fn prove_person(activity: &mut Activity, is_said: bool, group: &mut Group<'_>) -> Result<(), StoreError> {
    let Some(session) = activity.session.as_deref_mut() else {
        return Ok(());
    };
    if session.is_automated() && (is_said || !session.flags.is_bot) {
        engagement::prove_person(session, group)?;
        let note = Note::new(NoteCode::ProvedPerson, "sid", &session.id.to_string());
        activity.input.fields.push(note.into_pair());
    }
    Ok(())
}

/// `pending` may be said by anybody; `approved` and `rejected` by callers that proved who they are, since
/// anybody can write a tag. Without a word the event's policy decides.
fn first_status(
    request: &ConversionRequest,
    event: &Event,
    findings: &Findings,
    activity: &mut Activity,
) -> ConversionStatus {
    if request.is_unfilled("amount") {
        // Nobody knows what it is worth.
        return ConversionStatus::Pending;
    }
    let by_policy = recording::status_by_policy(event.approval);
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
