//! What the board is told and what it hands out.

use super::holds::HoldCause;
use super::index::Slot;
use crate::domain::ids::{ActivityId, OfferId, PartnerId, PostbackId};
use crate::domain::postback::{LaneKey, Origin, Outcome, Postback, PostbackState};
use crate::domain::retry;

/// The two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Now {
    /// Unix milliseconds.
    pub wall_ms: i64,
    /// Milliseconds since the start, never leaping.
    pub mono_ms: i64,
}

/// What the board keeps of a waiting postback.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// The postback.
    pub id: PostbackId,
    /// Where it goes.
    pub lane: LaneKey,
    /// The partner that is told, or whose secrets are used.
    pub partner: Option<PartnerId>,
    /// The offer.
    pub offer: OfferId,
    /// What made it.
    pub origin: Origin,
    /// The activity that caused it.
    pub activity: ActivityId,
    /// The conversion whose statuses are sent in order, if any.
    pub order_key: Option<ActivityId>,
    /// When it is due, unix milliseconds.
    pub due_at_ms: i64,
    /// From when its time to live counts, unix milliseconds.
    pub accepted_at_ms: i64,
    /// Attempts that used up the schedule.
    pub attempts: u16,
    /// Its last attempt.
    pub last: Option<Last>,
}

/// What a last attempt says about the next one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Last {
    /// Its number.
    pub number: u16,
    /// It brought an answer.
    pub is_answer: bool,
    /// It failed because of the destination as a whole.
    pub is_of_destination: bool,
    /// The receiver said when to come back.
    pub has_floor: bool,
}

impl Last {
    /// Of an attempt's outcome.
    pub(crate) fn of(number: u16, outcome: &Outcome) -> Self {
        Self {
            number,
            is_answer: matches!(outcome, Outcome::Answered { .. }),
            is_of_destination: retry::concerns_destination(outcome),
            has_floor: retry::retry_after_s(outcome).is_some_and(|s| s > 0),
        }
    }
}

impl Item {
    /// `None` when the postback does not wait. `owner` is asked whose secrets are used where no partner is told.
    pub(crate) fn of(postback: &Postback, owner: impl FnOnce(&Origin) -> Option<PartnerId>) -> Option<Self> {
        let PostbackState::Waiting { due_at_ms } = postback.state else {
            return None;
        };
        Some(Self {
            id: postback.id,
            lane: postback.lane.clone(),
            partner: postback.partner.clone().or_else(|| owner(&postback.origin)),
            offer: postback.offer.clone(),
            origin: postback.origin.clone(),
            activity: postback.activity,
            order_key: postback.order_key,
            due_at_ms,
            accepted_at_ms: postback.accepted_at_ms(),
            attempts: postback.attempts,
            last: postback
                .last
                .as_ref()
                .map(|last| Last::of(last.number, &last.outcome)),
        })
    }

    /// Whether it is a status that may have to wait for an earlier one.
    pub(crate) fn is_later_status(&self) -> bool {
        self.order_key.is_some_and(|key| key != self.activity)
    }
}

/// One to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dispatch {
    /// Its slot.
    pub slot: Slot,
    /// The postback.
    pub id: PostbackId,
    /// Attempts so far.
    pub attempts: u16,
    /// The number of this attempt.
    pub number: u16,
    /// When it was due, unix milliseconds.
    pub due_at_ms: i64,
    /// It probes an open lane.
    pub is_probe: bool,
    /// An operator asked for it.
    pub is_manual: bool,
}

/// What came of a dispatch.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    /// What was sent.
    pub dispatch: Dispatch,
    /// What came; `None` when nothing went out.
    pub outcome: Option<Outcome>,
    /// Where the postback stands now, once that is durable.
    pub next: PostbackState,
    /// Attempts that used up the schedule.
    pub attempts: u16,
    /// The partner's postbacks wait from now on.
    pub held: Option<HoldCause>,
}
