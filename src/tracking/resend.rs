//! Resending postbacks by hand: as they were, or rendered anew with today's rule.

use crate::domain::activity::Activity;
use crate::domain::ids::PostbackId;
use crate::domain::plan;
use crate::domain::postback::{FailReason, Origin, Postback, PostbackState};
use crate::live::LiveEvent;
use crate::recorder::Group;
use crate::store::{StoreError, codec, keys};
use crate::tracking::{erasure, queueing};
use std::sync::Arc;

/// Which request a resend sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rendering {
    /// Byte for byte the one of before.
    AsItWas,
    /// What the rule makes of the activity today.
    Anew,
}

/// What became of a resend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resent {
    /// It waits to be sent, due now.
    Queued,
    /// It waits already.
    Waiting,
    /// There is no such postback, or its record has expired.
    Unknown,
    /// Rendering anew made nothing (the rule is gone, off, or its condition no longer holds), or what it said was
    /// erased.
    NothingToSend,
}

impl Resent {
    /// Stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Waiting => "already_waiting",
            Self::Unknown => "unknown_postback",
            Self::NothingToSend => "nothing_to_send",
        }
    }
}

/// Queues a settled postback again. Its id stays, its schedule and time to live begin anew.
pub fn resend(group: &mut Group<'_>, id: PostbackId, rendering: Rendering) -> Result<Resent, StoreError> {
    let waiting = keys::waiting(id);
    if group.get(waiting.0, &waiting.1)?.is_some() {
        return Ok(Resent::Waiting);
    }
    let at = keys::postback(id);
    let Some(record) = group.get(at.0, &at.1)? else {
        return Ok(Resent::Unknown);
    };
    let mut postback = codec::decode_postback(&record, at.0, &at.1)?;
    if erasure::is_scrubbed(&postback) {
        return Ok(Resent::NothingToSend);
    }
    if rendering == Rendering::Anew {
        match render_anew(&postback, group)? {
            Some(anew) => (postback.request, postback.lane) = (anew.request, anew.lane),
            None => return Ok(Resent::NothingToSend),
        }
    } else if matches!(
        postback.state,
        PostbackState::Failed {
            reason: FailReason::Unrenderable,
            ..
        }
    ) {
        return Ok(Resent::NothingToSend);
    }
    let now_ms = group.now_ms();
    postback.state = PostbackState::Waiting { due_at_ms: now_ms };
    postback.attempts = 0;
    postback.resent_at_ms = Some(now_ms);
    group.delete(at);
    group.delete(keys::failed(id));
    group.queue(postback)?;
    Ok(Resent::Queued)
}

/// Gives up a waiting postback.
pub fn cancel(group: &mut Group<'_>, id: PostbackId) -> Result<bool, StoreError> {
    let at = keys::waiting(id);
    let Some(record) = group.get(at.0, &at.1)? else {
        return Ok(false);
    };
    let mut postback = codec::decode_postback(&record, at.0, &at.1)?;
    postback.state = PostbackState::Failed {
        at_ms: group.now_ms(),
        reason: FailReason::Cancelled,
    };
    group.delete(at);
    group.put(keys::postback(id), codec::encode_postback(&postback)?);
    group.put(
        keys::failed(id),
        codec::encode_fail_reason(&FailReason::Cancelled)?,
    );
    group.cancel(id);
    group.tell(LiveEvent::Postback(Arc::new(postback)));
    Ok(true)
}

fn render_anew(postback: &Postback, group: &Group<'_>) -> Result<Option<Postback>, StoreError> {
    let Some(activity) = activity_of(postback, group)? else {
        return Ok(None);
    };
    // `{postback_id}` stays what it was: receivers tell repeats by it.
    let mut same_id = || (postback.id, rand::random());
    let plan = queueing::plan_as(&activity, group.catalog(), group.now_ms(), &mut same_id);
    Ok(plan.postbacks.into_iter().find(|p| {
        let is_same = same_origin(&p.origin, &postback.origin) && p.entry == postback.entry;
        is_same && !p.state.is_settled()
    }))
}

fn same_origin(a: &Origin, b: &Origin) -> bool {
    match (a, b) {
        (Origin::Rule(a) | Origin::Test(a), Origin::Rule(b) | Origin::Test(b)) => a == b,
        (a, b) => a == b,
    }
}

/// The activity of a postback: its record, or the session of a click or impression.
pub fn activity_of(postback: &Postback, group: &Group<'_>) -> Result<Option<Activity>, StoreError> {
    let at = keys::activity(postback.activity);
    if let Some(record) = group.get(at.0, &at.1)? {
        return codec::decode_activity(&record, at.0, &at.1).map(Some);
    }
    let at = keys::session(crate::domain::ids::SessionId(postback.activity.0));
    match group.get(at.0, &at.1)? {
        Some(record) => Ok(Some(plan::engagement(codec::decode_session(
            &record, at.0, &at.1,
        )?))),
        None => Ok(None),
    }
}
