//! Upkeep of the board: what is overdue, what is forgotten, what it looks like from outside.

use super::{Board, number_of};
use crate::delivery::index::{Place, Slot};
use crate::delivery::item::{Item, Now};
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

/// A wall clock that moves this much against the other one has leapt, or the machine slept.
const LEAP_MS: i64 = 10 * 60 * 1_000;
/// What no attempt was possible for is given up this long after a start or a leap.
const GRACE_MS: i64 = 24 * 3_600 * 1_000;

/// What the wall clock is worth: it counts on from the start, or from its last leap. Nothing is given up for its age
/// before it was tried in the present reckoning, or the reckoning has lasted a day: while the server was off, or the
/// clock was wrong, nobody could be told.
#[derive(Debug, Default)]
pub(super) struct Reckoning {
    /// Its number; wraps.
    pub(super) current: u8,
    since_mono_ms: i64,
    last: Option<Now>,
}

impl Reckoning {
    /// The number before this one: of what was not tried yet.
    pub(super) fn before(&self) -> u8 {
        self.current.wrapping_sub(1)
    }

    /// By how much the wall clock has leapt since the last call, milliseconds, if it has.
    fn notice(&mut self, now: Now) -> Option<i64> {
        let last = self.last.replace(now)?;
        let leap_ms = (now.wall_ms - last.wall_ms) - (now.mono_ms - last.mono_ms);
        if leap_ms.abs() < LEAP_MS {
            return None;
        }
        self.current = self.current.wrapping_add(1);
        self.since_mono_ms = now.mono_ms;
        Some(leap_ms)
    }

    fn may_give_up(&self, tried_in: u8, now: Now) -> bool {
        tried_in == self.current || now.mono_ms - self.since_mono_ms >= GRACE_MS
    }
}

impl Board {
    /// Looks at the clocks; by how much the wall clock has leapt, milliseconds, if it has. Due times that it left further
    /// away than any schedule goes are pulled back to now.
    pub(crate) fn notice_clock(&mut self, now: Now) -> Option<i64> {
        let leap_ms = self.reckoning.notice(now)?;
        for lane in 0..self.lanes.len() {
            let Self {
                lanes,
                index,
                caps,
                flows,
                ..
            } = self;
            let is_beyond = |slot: Slot| {
                let entry = index.get(slot);
                let policy = &caps.get(flows[entry.flow as usize].partner).policy.retry;
                entry.due_at_ms > now.wall_ms + policy.longest_wait_ms() && entry.place == Place::Timer
            };
            let pulled = lanes[lane].queue.take_timers(is_beyond);
            self.set_timer(number_of(lane));
            for slot in pulled {
                self.index.get_mut(slot).due_at_ms = now.wall_ms;
                self.place(slot, now);
            }
        }
        Some(leap_ms)
    }

    /// A due time, or now when no schedule goes that far: the clock was ahead when it was set.
    pub(super) fn believable_due_ms(&self, partner: u32, due_at_ms: i64, now: Now) -> i64 {
        let longest_ms = self.caps.get(partner).policy.retry.longest_wait_ms();
        if due_at_ms > now.wall_ms + longest_ms {
            now.wall_ms
        } else {
            due_at_ms
        }
    }

    /// How many are older than their time to live and wait for the attempt that decides them.
    pub(crate) fn overdue(&self, now: Now) -> usize {
        (0..self.index.slots())
            .filter(|slot| {
                let entry = self.index.get(*slot);
                !matches!(entry.place, Place::InFlight | Place::Dead) && self.is_overdue(*slot, now)
            })
            .count()
    }

    fn is_overdue(&self, slot: Slot, now: Now) -> bool {
        let entry = self.index.get(slot);
        let policy = &self
            .caps
            .get(self.flows[entry.flow as usize].partner)
            .policy
            .retry;
        now.wall_ms >= policy.deadline_ms(entry.accepted_at_ms)
    }

    /// Looks at the next `slots` slots for postbacks whose time to live is over. `true` when it is through.
    pub(crate) fn sweep(&mut self, now: Now, slots: u32, out: &mut Vec<Overdue>) -> bool {
        let end = self.sweep.saturating_add(slots).min(self.index.slots());
        for slot in self.sweep..end {
            let entry = self.index.get(slot);
            if matches!(entry.place, Place::InFlight | Place::Dead) {
                continue;
            }
            if self.reckoning.may_give_up(entry.tried_in, now) && self.is_overdue(slot, now) {
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

    /// Takes over what a resend made of a postback that waits: where it goes, and from when on. Its place in the order of
    /// statuses stays. `false`: it is on the wire, or not known.
    pub(crate) fn replace(&mut self, item: &Item, now: Now) -> bool {
        let Some(slot) = self.index.find(item.id) else {
            return false;
        };
        let entry = self.index.get(slot);
        let (place, before, flow) = (entry.place, entry.lane, entry.flow);
        let moved = match place {
            Place::InFlight | Place::Dead => return false,
            Place::Blocked => slot,
            Place::Ready => {
                self.lane_mut(before).queue.ready_died();
                self.index.relocate(slot)
            }
            Place::Timer => self.index.relocate(slot),
        };
        let lane = self.intern_lane(&item.lane, now);
        self.lane_mut(lane).waiting += 1;
        let left = self.lane_mut(before);
        left.waiting = left.waiting.saturating_sub(1);
        left.idle_since_ms = now.mono_ms;
        let partner = self.flows[flow as usize].partner;
        let due_at_ms = self.believable_due_ms(partner, item.due_at_ms, now);
        let entry = self.index.get_mut(moved);
        (entry.lane, entry.due_at_ms, entry.is_parkable) = (lane, due_at_ms, false);
        (entry.accepted_at_ms, entry.attempts) = (item.accepted_at_ms, item.attempts);
        self.place(moved, now);
        true
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
