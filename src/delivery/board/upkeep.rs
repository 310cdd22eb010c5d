//! Upkeep of the board: what is overdue, what is forgotten, what it looks like from outside.

use super::{Board, number_of};
use crate::delivery::index::{Place, Slot};
use crate::delivery::item::Now;
use crate::delivery::lane::{Permit, Standing};
use crate::delivery::{DeliveryPolicy, LaneState, LaneView};
use crate::domain::ids::{OfferId, PartnerId, PostbackId};
use crate::domain::postback::PostbackState;
use crate::domain::retry;

/// A lane without anything waiting is forgotten after this long.
const FORGET_LANE_AFTER_MS: i64 = 10 * 60 * 1_000;

/// What is overdue and was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overdue {
    /// Its slot, in flight until the end is durable.
    pub slot: Slot,
    /// The postback.
    pub id: PostbackId,
    /// Attempts so far.
    pub attempts: u16,
    /// Where it stands.
    pub next: PostbackState,
}

impl Board {
    /// Looks at the next `slots` slots for postbacks whose time to live is over. `true` when it is through.
    pub(crate) fn sweep(&mut self, now: Now, slots: u32, out: &mut Vec<Overdue>) -> bool {
        let end = self.sweep.saturating_add(slots).min(self.index.slots());
        for slot in self.sweep..end {
            let entry = self.index.get(slot);
            if matches!(entry.place, Place::InFlight | Place::Dead) {
                continue;
            }
            let policy = &self
                .caps
                .get(self.flows[entry.flow as usize].partner)
                .policy
                .retry;
            if now.wall_ms >= policy.deadline_ms(entry.accepted_at_ms) {
                out.push(self.give_up(slot, now));
            }
        }
        self.sweep = if end >= self.index.slots() { 0 } else { end };
        self.sweep == 0
    }

    /// A postback whose time is over leaves its queue; it is in flight until that is durable. A queue still
    /// names the slot, so the postback goes to a slot of its own.
    fn give_up(&mut self, slot: Slot, now: Now) -> Overdue {
        let id = self.index.id(slot);
        let entry = self.index.get(slot);
        let (place, lane, attempts) = (entry.place, entry.lane, entry.attempts);
        let reason = retry::given_up(entry.is_answered);
        let moved = match place {
            Place::Blocked => slot,
            Place::Ready | Place::Timer | Place::InFlight | Place::Dead => {
                if place == Place::Ready {
                    self.lane_mut(lane).queue.ready_died();
                }
                self.index.relocate(slot)
            }
        };
        let entry = self.index.get_mut(moved);
        entry.place = Place::InFlight;
        entry.is_over = true;
        self.undurable += 1;
        Overdue {
            slot: moved,
            id,
            attempts,
            next: PostbackState::Failed {
                at_ms: now.wall_ms,
                reason,
            },
        }
    }

    /// Asks anew what partners want, and forgets lanes that nothing has waited in for long.
    pub(crate) fn tidy(&mut self, now: Now, policy: impl Fn(Option<&PartnerId>, &OfferId) -> DeliveryPolicy) {
        self.caps.refresh(policy);
        for number in 0..self.lanes.len() {
            let slot = &mut self.lanes[number];
            let is_idle = slot.waiting == 0
                && !slot.is_in_ring
                && slot.queue.next_timer_ms().is_none()
                && now.mono_ms - slot.idle_since_ms >= FORGET_LANE_AFTER_MS;
            if is_idle && !std::mem::replace(&mut slot.is_forgotten, true) {
                self.lane_numbers.remove(&slot.key);
                self.free_lanes.push(number_of(number));
            }
        }
    }

    /// Since when the longest neglected postback waits whose lane may send now (milliseconds of the lanes'
    /// clock). A lane that sends is not neglected, however
    /// long its queue, and a failing one is its receiver's business.
    pub(crate) fn neglected_since_ms(&self, now: Now) -> Option<i64> {
        let shares = self.shares(now.mono_ms);
        let lanes = self.ring.iter().map(|number| &self.lanes[*number as usize]);
        let since = lanes.filter_map(|slot| {
            let standing = slot.lane.standing(now.mono_ms);
            let may_send = slot.queue.ready() > 0
                && standing != Standing::Bad
                && slot.lane.permit(now.mono_ms) == Permit::Send
                && shares.allow(standing, self.workers);
            let oldest_ms = i64::from(slot.queue.oldest_s().filter(|_| may_send)?) * 1_000;
            Some(
                oldest_ms
                    .max(slot.last_sent_ms)
                    .max(slot.lane.may_send_since_ms()),
            )
        });
        since.min()
    }

    /// Every lane as the operator sees it.
    pub(crate) fn view(&self, now: Now) -> Vec<LaneView> {
        let to_wall = |at_ms: i64| now.wall_ms + (at_ms - now.mono_ms);
        let lanes = self
            .lanes
            .iter()
            .filter(|slot| !slot.is_forgotten)
            .map(|slot| LaneView {
                lane: slot.key.clone(),
                state: match (slot.lane.is_open(), slot.lane.is_paused(now.mono_ms)) {
                    (true, _) => LaneState::Open,
                    (false, true) => LaneState::Paused,
                    (false, false) => match slot.lane.standing(now.mono_ms) {
                        Standing::Good => LaneState::Healthy,
                        Standing::New => LaneState::New,
                        Standing::Bad => LaneState::Failing,
                    },
                },
                waiting: slot.waiting,
                ready: slot.queue.ready(),
                in_flight: usize::from(slot.lane.on_wire()),
                concurrency: slot.lane.concurrency(),
                failures_in_row: slot.lane.failures_in_row(),
                next_probe_at_ms: slot.lane.next_probe_ms().map(to_wall),
                paused_until_ms: slot
                    .lane
                    .paused_until_ms()
                    .filter(|at| *at > now.mono_ms)
                    .map(to_wall),
            });
        let mut lanes: Vec<_> = lanes.collect();
        lanes.sort_by(|a, b| b.waiting.cmp(&a.waiting).then_with(|| a.lane.cmp(&b.lane)));
        lanes
    }
}
