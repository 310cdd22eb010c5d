//! Numbers for lanes and flows, so that what waits can name them in a few bytes.

use super::{Board, LaneSlot, number_of};
use crate::delivery::item::Now;
use crate::delivery::lane::Lane;
use crate::delivery::queue::{FlowKey, LaneQueue};
use crate::domain::postback::{LaneKey, Origin};

impl Board {
    pub(super) fn intern_lane(&mut self, key: &LaneKey, now: Now) -> u32 {
        if let Some(number) = self.lane_numbers.get(key) {
            return *number;
        }
        let fresh = LaneSlot {
            key: key.clone(),
            lane: Lane::new(self.workers),
            queue: LaneQueue::default(),
            waiting: 0,
            timer_at_ms: None,
            is_in_ring: false,
            is_forgotten: false,
            last_sent_ms: i64::MIN,
            idle_since_ms: now.mono_ms,
        };
        let number = match self.free_lanes.pop() {
            Some(number) => {
                self.lanes[number as usize] = fresh;
                number
            }
            None => {
                self.lanes.push(fresh);
                number_of(self.lanes.len() - 1)
            }
        };
        self.lane_numbers.insert(key.clone(), number);
        number
    }

    pub(super) fn intern_flow(&mut self, partner: u32, origin: &Origin) -> u32 {
        let next = number_of(self.origin_numbers.len());
        let origin = match self.origin_numbers.get(origin) {
            Some(number) => *number,
            None => *self.origin_numbers.entry(origin.clone()).or_insert(next),
        };
        let key = FlowKey { partner, origin };
        let flows = &mut self.flows;
        *self.flow_numbers.entry(key).or_insert_with_key(|key| {
            flows.push(key.clone());
            number_of(flows.len() - 1)
        })
    }
}
