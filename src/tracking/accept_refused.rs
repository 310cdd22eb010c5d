//! Accepting what was refused: an operator says that it counts after all. It goes through the same pipeline as when it
//! came, as if trust, window and bots had had nothing against it: duplicates, approval, payout and rules are as always.
//!
//! The record of the refusal stays and points to the conversion, so that it cannot be accepted twice.

use super::caller::Caller;
use super::conversion::{ConversionRequest, Sid, UIDS};
use super::outcome::Ended;
use super::record_conversion;
use super::refusals::{is_forgiven, is_trust_failure};
use crate::domain::activity::{Activity, ActivityKind, RefusalReason, Verdict};
use crate::domain::identity::Sent;
use crate::domain::ids::ActivityId;
use crate::domain::note::{self, Note, NoteCode};
use crate::domain::offer::OfferKind;
use crate::recorder::Group;
use crate::store::{StoreError, keys};

/// What came of accepting a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptance {
    /// It counts, as this conversion.
    Made(ActivityId),
    /// It was accepted before, as this one.
    Already(ActivityId),
    /// The same was counted meanwhile, as this one.
    Duplicate(ActivityId),
    /// Something else is against it.
    Refused(RefusalReason),
    /// It was refused for another reason than trust, window or bots, or is of an app.
    NotAcceptable,
    /// It is no refusal, or gone.
    Unknown,
}

impl Acceptance {
    /// Stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Made(_) => "accepted",
            Self::Already(_) => "already_accepted",
            Self::Duplicate(_) => "duplicate",
            Self::Refused(reason) => reason.code(),
            Self::NotAcceptable => "not_acceptable",
            Self::Unknown => "unknown_activity",
        }
    }

    /// The conversion that counts.
    pub fn conversion(self) -> Option<ActivityId> {
        match self {
            Self::Made(id) | Self::Already(id) | Self::Duplicate(id) => Some(id),
            Self::Refused(_) | Self::NotAcceptable | Self::Unknown => None,
        }
    }
}

/// Accepts a refusal in the name of an operator. When nothing comes of it, what was staged in the group is discarded:
/// it is to be the only thing that its job does before.
pub fn accept(
    id: ActivityId,
    by: &Caller,
    name: &str,
    group: &mut Group<'_>,
) -> Result<Acceptance, StoreError> {
    let at = keys::activity(id);
    let Some(mut refused) = group.load(&at)? else {
        return Ok(Acceptance::Unknown);
    };
    let Verdict::Refused { reason } = refused.verdict else {
        return Ok(Acceptance::Unknown);
    };
    if let Some(conversion) = refused.of {
        return Ok(Acceptance::Already(conversion));
    }
    let offer = refused
        .offer
        .as_ref()
        .and_then(|id| group.catalog().offers.get(id));
    let is_of_app = offer.is_none_or(|offer| offer.kind == OfferKind::App);
    if refused.kind != ActivityKind::Event || is_of_app || !(is_trust_failure(reason) || is_forgiven(reason))
    {
        return Ok(Acceptance::NotAcceptable);
    }
    let mut request = request_of(&refused);
    request
        .notes
        .push(Note::new(NoteCode::AcceptedLater, reason.code(), name));
    let caller = Caller {
        user_agent: refused.input.user_agent.clone(),
        referer: refused.input.referer.clone(),
        tuid: refused.tuid.clone(),
        is_forgiving: true,
        ..by.clone()
    };
    let answer = record_conversion::decide(&request, &caller, group)?;
    let accepted = match answer.result {
        Ended::Accepted => Acceptance::Made(answer.activity_id),
        Ended::Duplicate | Ended::Updated => Acceptance::Duplicate(answer.activity_id),
        Ended::Refused | Ended::Invalid | Ended::Unavailable => {
            Acceptance::Refused(answer.reason.unwrap_or(RefusalReason::InvalidField))
        }
    };
    if let Acceptance::Made(conversion) = accepted {
        refused.of = Some(conversion);
        group.save(at, &refused)?;
    } else {
        group.discard();
    }
    Ok(accepted)
}

/// The conversion as it was sent, as far as its record holds it.
fn request_of(refused: &Activity) -> ConversionRequest {
    let input = &refused.input;
    let field = |name: &str| {
        let mut sent = input.fields.iter().filter(|(of, _)| of == name);
        sent.next()
            .map(|(_, value)| value.clone())
            .filter(|value| !value.is_empty())
    };
    let sid = refused.session.as_ref().map(|session| session.id);
    let mut uids: [String; UIDS] = Default::default();
    for (slot, uid) in uids.iter_mut().zip(&input.uids) {
        slot.clone_from(uid);
    }
    let is_own = |name: &str| {
        matches!(
            name,
            "sid" | "cid" | "event" | "amount" | "currency" | "status" | "click_id"
        )
    };
    let is_plain = |pair: &&(String, String)| note::is_sent(pair) && !is_own(&pair.0);
    ConversionRequest {
        sid: sid.or_else(|| field("sid")?.parse().ok()).map(Sid::Id),
        cid: refused.offer.clone(),
        event: refused
            .event
            .as_ref()
            .map(|event| event.as_str().to_owned())
            .or_else(|| field("event")),
        amount: refused.money.map(|money| money.amount),
        currency: refused.money.map(|money| money.currency),
        uids,
        // What a caller that proved nothing said of the end is not the operator's word.
        status: None,
        custom: input.custom.clone(),
        partner_custom: input.partner_custom.clone(),
        click_id: field("click_id"),
        at_ms: Some(refused.at_ms),
        is_test: refused.is_test,
        fields: input.fields.iter().filter(is_plain).cloned().collect(),
        notes: note::notes(&input.fields).collect(),
        identity: Sent::before(refused.identity.clone()),
    }
}
