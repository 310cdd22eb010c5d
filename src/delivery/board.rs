//! All lanes with what waits in them: the scheduler's memory, without its thread. Pure: it is told the time,
//! what arrived and what ended, and says what to send.
//!
//! Two clocks: due times are unix milliseconds of the wall clock; lanes, pauses and probes go by a clock that
//! never leaps.

use super::DeliveryPolicy;
use super::caps::Caps;
use super::index::{Index, NewEntry, Place, Slot};
use super::item::{Dispatch, Ended, Item, Last, Now};
use super::lane::{Change, Lane, Permit, Shares, Standing};
use super::queue::{FlowKey, LaneQueue, Pick};
use crate::domain::ids::PostbackId;
use crate::domain::postback::{LaneKey, Origin, PostbackState};
use crate::domain::retry;
use std::collections::{BTreeSet, HashMap};

mod intern;
mod upkeep;

pub(crate) use upkeep::Overdue;
use upkeep::Reckoning;

/// A postback whose record is not found is looked for again after this long.
const LOOK_AGAIN_AFTER_MS: i64 = 60_000;
/// How often a record is looked for.
const MOST_MISSES: u8 = 5;

struct LaneSlot {
    key: LaneKey,
    lane: Lane,
    queue: LaneQueue,
    waiting: usize,
    timer_at_ms: Option<i64>,
    is_in_ring: bool,
    is_forgotten: bool,
    last_sent_ms: i64,
    idle_since_ms: i64,
}

/// All lanes.
pub(crate) struct Board {
    workers: usize,
    index: Index,
    lanes: Vec<LaneSlot>,
    free_lanes: Vec<u32>,
    lane_numbers: HashMap<LaneKey, u32>,
    caps: Caps,
    flows: Vec<FlowKey>,
    flow_numbers: HashMap<FlowKey, u32>,
    origin_numbers: HashMap<Origin, u32>,
    /// Lanes with ready postbacks, taking turns.
    ring: Vec<u32>,
    turn: usize,
    /// Next timer of each lane.
    timers: BTreeSet<(i64, u32)>,
    undurable: usize,
    sweep: Slot,
    reckoning: Reckoning,
}

impl Board {
    /// An empty board for a pool of so many workers.
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            workers,
            index: Index::default(),
            lanes: Vec::new(),
            free_lanes: Vec::new(),
            lane_numbers: HashMap::new(),
            caps: Caps::default(),
            flows: Vec::new(),
            flow_numbers: HashMap::new(),
            origin_numbers: HashMap::new(),
            ring: Vec::new(),
            turn: 0,
            timers: BTreeSet::new(),
            undurable: 0,
            sweep: 0,
            reckoning: Reckoning::default(),
        }
    }

    /// How many wait, those in flight included.
    pub(crate) fn waiting(&self) -> usize {
        self.index.len()
    }

    /// How many outcomes are on their way to the disk.
    pub(crate) fn undurable(&self) -> usize {
        self.undurable
    }

    /// Takes a waiting postback in; its slot, or `None` when it is known. `policy` is asked for when its
    /// partner is new here.
    pub(crate) fn add(
        &mut self,
        item: &Item,
        now: Now,
        policy: impl FnOnce() -> DeliveryPolicy,
    ) -> Option<Slot> {
        let partner = self
            .caps
            .intern(item.partner.as_ref(), &item.offer, now.mono_ms, policy);
        let flow = self.intern_flow(partner, &item.origin);
        let lane = self.intern_lane(&item.lane, now);
        let slot = self.index.insert(&NewEntry {
            id: item.id,
            activity: item.activity,
            order_key: item.order_key,
            partner,
            lane,
            flow,
            due_at_ms: self.believable_due_ms(partner, item.due_at_ms, now),
            tried_in: self.reckoning.before(),
            accepted_at_ms: item.accepted_at_ms,
            attempts: item.attempts,
            tries: item.last.map_or(0, |last| last.number),
        })?;
        if let Some(last) = item.last {
            let entry = self.index.get_mut(slot);
            entry.is_answered = last.is_answer;
            entry.is_parkable = last.is_of_destination && !last.has_floor && entry.attempts > 0;
            if entry.is_parkable {
                self.lane_mut(lane).lane.suspect();
            }
        }
        self.lane_mut(lane).waiting += 1;
        self.place(slot, now);
        Some(slot)
    }

    /// Moves due timers to the ready queues.
    pub(crate) fn advance(&mut self, now: Now) {
        while let Some((due, lane)) = self.timers.first().copied() {
            if due > now.wall_ms {
                return;
            }
            self.timers.pop_first();
            self.lane_mut(lane).timer_at_ms = None;
            while let Some(slot) = self.lane_mut(lane).queue.pop_timer(now.wall_ms) {
                if self.index.get(slot).place == Place::Dead {
                    self.index.free(slot);
                } else {
                    self.place(slot, now);
                }
            }
            self.set_timer(lane);
        }
    }

    /// Chooses what to send, at most `free` of them. Answers when to ask again because of time alone
    /// (milliseconds of the lanes' clock).
    pub(crate) fn fill(&mut self, now: Now, free: usize, out: &mut Vec<Dispatch>) -> Option<i64> {
        let mut shares = self.shares(now.mono_ms);
        let mut earliest: Option<i64> = None;
        let mut note = |at: i64| earliest = Some(earliest.map_or(at, |e: i64| e.min(at)));
        let end = out.len() + free;
        let mut idle_lanes = 0;
        while out.len() < end && idle_lanes < self.ring.len() {
            self.turn %= self.ring.len();
            let number = self.ring[self.turn];
            match self.next_of(number, now, shares) {
                Next::Send(dispatch, standing) => {
                    shares.add(standing, 1);
                    out.push(dispatch);
                    idle_lanes = 0;
                    self.turn += 1;
                }
                Next::NotBefore(at) => {
                    note(at);
                    idle_lanes += 1;
                    self.turn += 1;
                }
                Next::Held => {
                    idle_lanes += 1;
                    self.turn += 1;
                }
                Next::Empty => {
                    self.lane_mut(number).is_in_ring = false;
                    self.ring.remove(self.turn);
                }
            }
        }
        earliest
    }

    fn next_of(&mut self, number: u32, now: Now, shares: Shares) -> Next {
        let workers = self.workers;
        let Self {
            lanes,
            index,
            caps,
            flows,
            ..
        } = self;
        let slot = &mut lanes[number as usize];
        if slot.queue.ready() == 0 {
            // Frees what died there.
            slot.queue.pick(index, caps, now.mono_ms);
            return Next::Empty;
        }
        let is_probe = match slot.lane.permit(now.mono_ms) {
            Permit::Send => false,
            Permit::Probe => true,
            Permit::NotBefore(at) => return Next::NotBefore(at),
            Permit::Full => return Next::Held,
        };
        let standing = slot.lane.standing(now.mono_ms);
        if !shares.allow(standing, workers) {
            return Next::Held;
        }
        match slot.queue.pick(index, caps, now.mono_ms) {
            Pick::Take(picked) => {
                slot.lane.sent(now.mono_ms, is_probe);
                slot.last_sent_ms = now.mono_ms;
                let id = index.id(picked);
                let entry = index.get_mut(picked);
                entry.place = Place::InFlight;
                caps.get_mut(flows[entry.flow as usize].partner).sent(now.mono_ms);
                let dispatch = Dispatch {
                    slot: picked,
                    id,
                    attempts: entry.attempts,
                    number: entry.tries.saturating_add(1),
                    due_at_ms: entry.due_at_ms,
                    is_probe,
                    is_manual: std::mem::take(&mut entry.is_manual),
                };
                Next::Send(dispatch, standing)
            }
            Pick::NotBefore(at) => Next::NotBefore(at),
            Pick::Capped => Next::Held,
            Pick::Empty => Next::Empty,
        }
    }

    /// A dispatch ended; its outcome is on the way to the disk.
    pub(crate) fn ended(&mut self, ended: &Ended, now: Now) {
        let dispatch = ended.dispatch;
        self.undurable += 1;
        let (lane, partner) = self.off_wire(dispatch.slot);
        self.caps.get_mut(partner).ended();
        if let Some(cause) = ended.held {
            self.caps.get_mut(partner).policy.hold = Some(cause);
        }
        let change = match &ended.outcome {
            Some(outcome) if !retry::is_refused(outcome) => {
                let lane = &mut self.lane_mut(lane).lane;
                lane.ended(now.mono_ms, outcome, dispatch.is_probe)
            }
            Some(_) | None => {
                self.lane_mut(lane).lane.returned(now.mono_ms, dispatch.is_probe);
                Change::None
            }
        };
        let reckoning = self.reckoning.current;
        let entry = self.index.get_mut(dispatch.slot);
        entry.attempts = ended.attempts;
        entry.misses = 0;
        if let Some(outcome) = &ended.outcome {
            let last = Last::of(dispatch.number, outcome);
            entry.tries = last.number;
            entry.tried_in = reckoning;
            entry.is_answered = last.is_answer;
            entry.is_parkable = last.is_of_destination && !last.has_floor;
        }
        match ended.next {
            PostbackState::Waiting { due_at_ms } => entry.due_at_ms = due_at_ms,
            PostbackState::Delivered { .. } | PostbackState::Failed { .. } => entry.is_over = true,
        }
        match change {
            Change::None => {}
            Change::Opened => {
                let destination = &self.lane_mut(lane).key.0;
                tracing::warn!(
                    code = "lane_opened",
                    destination,
                    "a destination failed several times in a row: its postbacks wait, one at a time tries whether it is back"
                );
                self.unpark(lane, now);
            }
            Change::Recovered => {
                let destination = &self.lane_mut(lane).key.0;
                tracing::info!(
                    code = "lane_recovered",
                    destination,
                    "a destination answers again: what waits for it is sent"
                );
                self.unpark(lane, now);
            }
        }
    }

    /// The outcome of a slot is durable: the postback goes (`true`), or waits on.
    pub(crate) fn durable(&mut self, slot: Slot, id: PostbackId, now: Now) -> bool {
        if self.index.id(slot) != id || self.index.get(slot).place != Place::InFlight {
            return false;
        }
        self.undurable = self.undurable.saturating_sub(1);
        let is_over = self.index.get(slot).is_over;
        if is_over {
            self.take_out(slot, now);
            self.index.free(slot);
        } else {
            self.place(slot, now);
        }
        is_over
    }

    /// The record of a dispatch was not there. It is looked for again later, a few times. `false` when it is
    /// given up.
    pub(crate) fn missing(&mut self, dispatch: Dispatch, now: Now) -> bool {
        let (lane, partner) = self.off_wire(dispatch.slot);
        self.caps.get_mut(partner).ended();
        self.lane_mut(lane).lane.returned(now.mono_ms, dispatch.is_probe);
        let entry = self.index.get_mut(dispatch.slot);
        entry.misses += 1;
        if entry.is_over || entry.misses >= MOST_MISSES {
            self.take_out(dispatch.slot, now);
            self.index.free(dispatch.slot);
            return false;
        }
        entry.is_parkable = false;
        entry.due_at_ms = now.wall_ms + LOOK_AGAIN_AFTER_MS;
        self.place(dispatch.slot, now);
        true
    }

    /// An operator wants these sent now.
    pub(crate) fn make_due(&mut self, ids: &[PostbackId], now: Now) {
        let mut by_lane: HashMap<u32, Vec<Slot>> = HashMap::new();
        for slot in self.slots_of(ids) {
            let entry = self.index.get_mut(slot);
            match entry.place {
                Place::Timer => {
                    entry.is_manual = true;
                    by_lane.entry(entry.lane).or_default().push(slot);
                }
                Place::Ready | Place::Blocked => entry.is_manual = true,
                Place::InFlight | Place::Dead => {}
            }
        }
        for (lane, mut slots) in by_lane {
            slots.sort_unstable();
            let taken = self
                .lane_mut(lane)
                .queue
                .take_timers(|slot| slots.binary_search(&slot).is_ok());
            self.set_timer(lane);
            taken.into_iter().for_each(|slot| self.place(slot, now));
        }
    }

    /// These wait no more (their records are settled already). One on the wire ends first.
    pub(crate) fn cancel(&mut self, ids: &[PostbackId], now: Now) {
        for slot in self.slots_of(ids) {
            let entry = self.index.get_mut(slot);
            let (place, lane) = (entry.place, entry.lane);
            match place {
                Place::InFlight => entry.is_over = true,
                Place::Ready => {
                    self.lane_mut(lane).queue.ready_died();
                    self.take_out(slot, now);
                }
                Place::Timer => self.take_out(slot, now),
                Place::Blocked => {
                    self.take_out(slot, now);
                    self.index.free(slot);
                }
                Place::Dead => {}
            }
        }
    }

    /// When the next timer is due, unix milliseconds.
    pub(crate) fn next_timer_ms(&self) -> Option<i64> {
        self.timers.first().map(|(due, _)| *due)
    }

    fn slots_of(&self, ids: &[PostbackId]) -> Vec<Slot> {
        ids.iter().filter_map(|id| self.index.find(*id)).collect()
    }

    fn shares(&self, mono_ms: i64) -> Shares {
        let mut shares = Shares::default();
        for slot in self.lanes.iter().filter(|slot| slot.lane.on_wire() > 0) {
            shares.add(slot.lane.standing(mono_ms), usize::from(slot.lane.on_wire()));
        }
        shares
    }

    /// Puts a slot that is in no container where it belongs.
    fn place(&mut self, slot: Slot, now: Now) {
        let entry = self.index.get(slot);
        let (lane, partner) = (entry.lane, self.flows[entry.flow as usize].partner);
        let is_due = entry.due_at_ms <= now.wall_ms
            || entry.is_manual
            || (entry.is_parkable && self.lanes[lane as usize].lane.is_open());
        if self.index.is_blocked(slot) {
            self.index.get_mut(slot).place = Place::Blocked;
            return;
        }
        let Self {
            lanes, index, ring, ..
        } = self;
        let at = &mut lanes[lane as usize];
        if is_due {
            at.queue.push_ready(index, slot, partner, now.mono_ms);
            if !std::mem::replace(&mut at.is_in_ring, true) {
                ring.push(lane);
            }
        } else {
            at.queue.push_timer(index, slot);
            self.set_timer(lane);
        }
    }

    /// Everything in the lane that only waits because of the destination is ready at once.
    fn unpark(&mut self, lane: u32, now: Now) {
        let Self { lanes, index, .. } = self;
        let parked = lanes[lane as usize]
            .queue
            .take_timers(|slot| index.get(slot).is_parkable && index.get(slot).place == Place::Timer);
        self.set_timer(lane);
        for slot in parked {
            // In memory only: a restart finds the due time of the schedule.
            self.index.get_mut(slot).due_at_ms = now.wall_ms;
            self.place(slot, now);
        }
    }

    /// Takes a slot out of the tables and lets go those that waited behind it.
    fn take_out(&mut self, slot: Slot, now: Now) {
        let (order, lane) = (self.index.order(slot), self.index.get(slot).lane);
        self.index.remove(slot);
        let at = self.lane_mut(lane);
        at.waiting = at.waiting.saturating_sub(1);
        at.idle_since_ms = now.mono_ms;
        for slot in self.index.released(order) {
            self.place(slot, now);
        }
    }

    fn off_wire(&self, slot: Slot) -> (u32, u32) {
        let entry = self.index.get(slot);
        (entry.lane, self.flows[entry.flow as usize].partner)
    }

    fn set_timer(&mut self, lane: u32) {
        let slot = &mut self.lanes[lane as usize];
        let next = slot.queue.next_timer_ms();
        if slot.timer_at_ms == next {
            return;
        }
        if let Some(old) = slot.timer_at_ms.take() {
            self.timers.remove(&(old, lane));
        }
        slot.timer_at_ms = next;
        if let Some(due) = next {
            self.timers.insert((due, lane));
        }
    }

    fn lane_mut(&mut self, number: u32) -> &mut LaneSlot {
        &mut self.lanes[number as usize]
    }
}

fn number_of(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

enum Next {
    Send(Dispatch, Standing),
    NotBefore(i64),
    Held,
    Empty,
}

#[cfg(test)]
mod tests;
