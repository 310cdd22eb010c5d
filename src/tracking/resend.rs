//! Resending postbacks by hand: as they were, or rendered anew with today's rule.

use crate::domain::activity::Activity;
use crate::domain::ids::{PostbackId, SessionId};
use crate::domain::plan;
use crate::domain::postback::{FailReason, Origin, Postback, PostbackState};
use crate::live::LiveEvent;
use crate::recorder::Group;
use crate::store::{StoreError, keys};
use crate::tracking::{past, recording};
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
    /// It waits already, as it is to be sent.
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

/// Queues a settled postback again, and a waiting one when it is rendered to something else. Its id stays, its schedule
/// and time to live begin anew. What is on the wire meanwhile ends as it began.
pub fn resend(group: &mut Group<'_>, id: PostbackId, rendering: Rendering) -> Result<Resent, StoreError> {
    if let Some(waiting) = group.load(&keys::waiting(id))? {
        return match rendering {
            Rendering::AsItWas => Ok(Resent::Waiting),
            Rendering::Anew => replace(waiting, group),
        };
    }
    let at = keys::postback(id);
    let Some(mut postback) = group.load(&at)? else {
        return Ok(Resent::Unknown);
    };
    if postback.is_erased() {
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
    group.remove(at);
    group.remove(keys::failed(id));
    begin_anew(postback, group)?;
    Ok(Resent::Queued)
}

fn begin_anew(mut postback: Postback, group: &mut Group<'_>) -> Result<(), StoreError> {
    let now_ms = group.now_ms();
    postback.state = PostbackState::Waiting { due_at_ms: now_ms };
    postback.attempts = 0;
    postback.confirmed_at_ms = None;
    postback.resent_at_ms = Some(now_ms);
    group.queue(postback)
}

/// What waits is sent with today's rule.
fn replace(mut waiting: Postback, group: &mut Group<'_>) -> Result<Resent, StoreError> {
    let Some(anew) = render_anew(&waiting, group)? else {
        return Ok(Resent::NothingToSend);
    };
    if (&anew.request, &anew.lane) == (&waiting.request, &waiting.lane) {
        return Ok(Resent::Waiting);
    }
    (waiting.request, waiting.lane) = (anew.request, anew.lane);
    begin_anew(waiting, group)?;
    Ok(Resent::Queued)
}

/// Gives up a waiting postback.
pub fn cancel(group: &mut Group<'_>, id: PostbackId) -> Result<bool, StoreError> {
    let at = keys::waiting(id);
    let Some(mut postback) = group.load(&at)? else {
        return Ok(false);
    };
    postback.state = PostbackState::Failed {
        at_ms: group.now_ms(),
        reason: FailReason::Cancelled,
    };
    group.remove(at);
    group.save(keys::postback(id), &postback)?;
    group.save(keys::failed(id), &FailReason::Cancelled)?;
    group.cancel(id);
    group.tell(LiveEvent::Postback(Arc::new(postback)));
    Ok(true)
}

fn render_anew(postback: &Postback, group: &Group<'_>) -> Result<Option<Postback>, StoreError> {
    let Some(activity) = activity_of(postback, group)? else {
        return Ok(None);
    };
    // Today's rule, with the conversion as it was: what was decided since has postbacks of its own.
    let activity = past::as_it_came(activity, group)?;
    // `{postback_id}` stays what it was: receivers tell repeats by it.
    let mut same_id = || (postback.id, rand::random());
    let plan = recording::plan_as(&activity, group.catalog(), group.now_ms(), &mut same_id);
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
    if let Some(activity) = group.load(&keys::activity(postback.activity))? {
        return Ok(Some(activity));
    }
    let session = group.load(&keys::session(SessionId(postback.activity.0)))?;
    Ok(session.map(plan::engagement))
}
