//! The waiting postbacks of one lane: which one goes next. Pure.
//!
//! A flow is what one rule sends for one partner. Flows take turns, so neither a rule that always fails nor a
//! partner that asked for a slow rate holds up the others, and each probe of a dead lane is of another rule.
//! First attempts go before retries, except every fourth time, so neither starves.

use super::caps::{Cap, Caps};
use super::index::{Index, Place, Slot};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// A partner and what made the postbacks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct FlowKey {
    /// Interned partner.
    pub partner: u32,
    /// Interned origin.
    pub origin: u32,
}

/// A slot, and since when it is ready (seconds of the lanes' clock).
type Ready = (Slot, u32);

struct Flow {
    number: u32,
    partner: u32,
    first: VecDeque<Ready>,
    again: VecDeque<Ready>,
}

/// What a lane has to offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pick {
    /// This one; it has left the queue.
    Take(Slot),
    /// Only postbacks of partners that want none before this time.
    NotBefore(i64),
    /// Only postbacks of partners that have enough on the wire.
    Capped,
    /// Nothing.
    Empty,
}

/// The queue of a lane.
#[derive(Default)]
pub(crate) struct LaneQueue {
    flows: Vec<Flow>,
    turn: usize,
    picks: u32,
    timers: BinaryHeap<Reverse<(i64, Slot)>>,
    /// Live slots in the ready queues.
    ready: usize,
}

impl LaneQueue {
    /// How many are ready.
    pub(crate) fn ready(&self) -> usize {
        self.ready
    }

    /// Puts a slot among the ready ones.
    pub(crate) fn push_ready(&mut self, index: &mut Index, slot: Slot, partner: u32, now_ms: i64) {
        let entry = index.get_mut(slot);
        entry.place = Place::Ready;
        let (number, is_first) = (entry.flow, entry.tries == 0);
        let since_s = u32::try_from(now_ms / 1_000).unwrap_or(0);
        let at = self.flows.iter().position(|flow| flow.number == number);
        let at = at.unwrap_or_else(|| {
            self.flows.push(Flow {
                number,
                partner,
                first: VecDeque::new(),
                again: VecDeque::new(),
            });
            self.flows.len() - 1
        });
        let flow = &mut self.flows[at];
        let queue = if is_first {
            &mut flow.first
        } else {
            &mut flow.again
        };
        queue.push_back((slot, since_s));
        self.ready += 1;
    }

    /// Puts a slot among the timers.
    pub(crate) fn push_timer(&mut self, index: &mut Index, slot: Slot) {
        let entry = index.get_mut(slot);
        entry.place = Place::Timer;
        self.timers.push(Reverse((entry.due_at_ms, slot)));
    }

    /// A ready slot died where it stands.
    pub(crate) fn ready_died(&mut self) {
        self.ready = self.ready.saturating_sub(1);
    }

    /// When the next timer is due, unix milliseconds.
    pub(crate) fn next_timer_ms(&self) -> Option<i64> {
        self.timers.peek().map(|Reverse((due, _))| *due)
    }

    /// Takes out a timer that is due by `now_ms` (unix milliseconds), dead ones too.
    pub(crate) fn pop_timer(&mut self, now_ms: i64) -> Option<Slot> {
        let Reverse((due, _)) = self.timers.peek()?;
        if *due > now_ms {
            return None;
        }
        self.timers.pop().map(|Reverse((_, slot))| slot)
    }

    /// Takes out every timer that `is_wanted`.
    pub(crate) fn take_timers(&mut self, is_wanted: impl Fn(Slot) -> bool) -> Vec<Slot> {
        let (wanted, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.timers)
            .into_vec()
            .into_iter()
            .partition(|Reverse((_, slot))| is_wanted(*slot));
        self.timers = rest.into();
        let mut wanted: Vec<_> = wanted.into_iter().map(|Reverse(timer)| timer).collect();
        wanted.sort_unstable();
        wanted.into_iter().map(|(_, slot)| slot).collect()
    }

    /// The next one to send. Dead slots that it meets are freed, and those that turn out to stand behind an
    /// earlier status are set aside.
    pub(crate) fn pick(&mut self, index: &mut Index, caps: &mut Caps, now_ms: i64) -> Pick {
        if self.ready == 0 {
            self.drop_dead(index);
            return Pick::Empty;
        }
        let prefers_again = self.picks % 4 == 3;
        let mut wait = None;
        for is_again in [prefers_again, !prefers_again] {
            for offset in 0..self.flows.len() {
                let at = (self.turn + offset) % self.flows.len();
                self.skip_idle(index, at, is_again);
                let flow = &mut self.flows[at];
                let queue = if is_again {
                    &mut flow.again
                } else {
                    &mut flow.first
                };
                let Some((slot, _)) = queue.front().copied() else {
                    continue;
                };
                match caps.get_mut(flow.partner).check(now_ms) {
                    Cap::Free => {
                        queue.pop_front();
                        self.ready = self.ready.saturating_sub(1);
                        self.turn = at + 1;
                        self.picks = self.picks.wrapping_add(1);
                        return Pick::Take(slot);
                    }
                    Cap::NotBefore(at_ms) => {
                        wait = Some(wait.map_or(at_ms, |earliest: i64| earliest.min(at_ms)));
                    }
                    Cap::Full => {}
                }
            }
        }
        match wait {
            Some(at_ms) => Pick::NotBefore(at_ms),
            None if self.ready > 0 => Pick::Capped,
            None => Pick::Empty,
        }
    }

    /// Since when the longest waiting ready postback waits, seconds of the lanes' clock.
    pub(crate) fn oldest_s(&self) -> Option<u32> {
        let fronts = self
            .flows
            .iter()
            .flat_map(|flow| [flow.first.front(), flow.again.front()]);
        fronts.flatten().map(|(_, since_s)| *since_s).min()
    }

    /// Brings a live and unblocked slot to the front of a queue.
    fn skip_idle(&mut self, index: &mut Index, at: usize, is_again: bool) {
        let flow = &mut self.flows[at];
        let queue = if is_again {
            &mut flow.again
        } else {
            &mut flow.first
        };
        while let Some((slot, _)) = queue.front().copied() {
            if index.get(slot).place == Place::Dead {
                index.free(slot);
            } else if index.is_blocked(slot) {
                index.get_mut(slot).place = Place::Blocked;
                self.ready = self.ready.saturating_sub(1);
            } else {
                return;
            }
            queue.pop_front();
        }
    }

    /// Without live ones only dead ones can be left.
    fn drop_dead(&mut self, index: &mut Index) {
        for flow in self.flows.drain(..) {
            for (slot, _) in flow.first.into_iter().chain(flow.again) {
                index.free(slot);
            }
        }
        self.turn = 0;
    }
}
