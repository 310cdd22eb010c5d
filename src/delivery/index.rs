//! Every waiting postback in memory, small: what the scheduler has to know to choose, not what is sent. Pure
//! bookkeeping: slots, a table from id to slot, and chains of the statuses of one conversion.
//!
//! A million waiting postbacks must fit into a small VM, so a slot has 64 bytes, and the tables hold slot
//! numbers only (keys are read from the slots): about 100 bytes each in all, queues included.

use crate::domain::ids::{ActivityId, PostbackId, TimeId};
use hashbrown::HashTable;

/// Number of a slot.
pub(crate) type Slot = u32;
const NONE: Slot = Slot::MAX;
const CHUNK: usize = 4_096;

/// In which container a slot is referenced; exactly one at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a ready queue of its lane.
    Ready,
    /// Among the timers of its lane.
    Timer,
    /// Behind an earlier status of its conversion.
    Blocked,
    /// With a worker, or its outcome is on the way to the disk.
    InFlight,
    /// No longer waiting; the container that still names the slot frees it.
    Dead,
}

/// What is known of a waiting postback.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// When it is due, unix milliseconds.
    pub due_at_ms: i64,
    /// From when its time to live counts, unix milliseconds.
    pub accepted_at_ms: i64,
    order: u64,
    id: [u8; TimeId::KEY_LEN],
    /// Where it is.
    pub place: Place,
    /// Its lane.
    pub lane: u32,
    /// Partner and origin.
    pub flow: u32,
    next: Slot,
    activity: u32,
    /// Attempts that used up the schedule.
    pub attempts: u16,
    /// Number of the last attempt of any kind.
    pub tries: u16,
    is_first_status: bool,
    /// Its last attempt failed because of the destination and set no floor: due whenever the lane is.
    pub is_parkable: bool,
    /// Its last attempt brought an answer.
    pub is_answered: bool,
    /// An operator asked for the next attempt.
    pub is_manual: bool,
    /// Nothing more will happen by itself, once the outcome is durable.
    pub is_over: bool,
    /// How often its record was not found.
    pub misses: u8,
    /// In which reckoning of the clock it was last tried.
    pub tried_in: u8,
}

/// What makes an entry.
#[derive(Debug, Clone)]
pub(crate) struct NewEntry {
    /// The postback.
    pub id: PostbackId,
    /// The activity that caused it.
    pub activity: ActivityId,
    /// The conversion whose statuses are sent in order, if any.
    pub order_key: Option<ActivityId>,
    /// Interned partner; part of the order's key.
    pub partner: u32,
    /// Interned lane.
    pub lane: u32,
    /// Interned flow.
    pub flow: u32,
    /// Unix milliseconds.
    pub due_at_ms: i64,
    /// Unix milliseconds.
    pub accepted_at_ms: i64,
    /// Attempts that used up the schedule.
    pub attempts: u16,
    /// Number of the last attempt.
    pub tries: u16,
    /// The reckoning before the present one.
    pub tried_in: u8,
}

/// All waiting postbacks.
#[derive(Default)]
pub(crate) struct Index {
    chunks: Vec<Vec<Entry>>,
    free: Vec<Slot>,
    by_id: HashTable<Slot>,
    chains: HashTable<Slot>,
}

impl Index {
    /// How many postbacks wait (dead ones not counted).
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// One past the highest slot ever used: the bound of a sweep.
    pub(crate) fn slots(&self) -> Slot {
        let full = self.chunks.len().saturating_sub(1) * CHUNK;
        Slot::try_from(full + self.chunks.last().map_or(0, Vec::len)).unwrap_or(NONE)
    }

    /// The entry of a slot. Slots come from this index and are freed by it, so they always name one.
    pub(crate) fn get(&self, slot: Slot) -> &Entry {
        let at = slot as usize;
        &self.chunks[at / CHUNK][at % CHUNK]
    }

    /// The same, to change.
    pub(crate) fn get_mut(&mut self, slot: Slot) -> &mut Entry {
        let at = slot as usize;
        &mut self.chunks[at / CHUNK][at % CHUNK]
    }

    /// The postback in a slot.
    pub(crate) fn id(&self, slot: Slot) -> PostbackId {
        id_of(self.get(slot))
    }

    /// The slot of a waiting postback.
    pub(crate) fn find(&self, id: PostbackId) -> Option<Slot> {
        let key = id.to_key();
        self.by_id
            .find(hash(&key), |slot| self.get(*slot).id == key)
            .copied()
    }

    /// Adds a postback, blocked until placed otherwise. `None` when it is known already.
    pub(crate) fn insert(&mut self, new: &NewEntry) -> Option<Slot> {
        if self.find(new.id).is_some() {
            return None;
        }
        let order = new
            .order_key
            .map_or(0, |key| order_of(&key.to_key(), new.partner));
        let entry = Entry {
            due_at_ms: new.due_at_ms,
            accepted_at_ms: new.accepted_at_ms,
            order,
            id: new.id.to_key(),
            place: Place::Blocked,
            lane: new.lane,
            flow: new.flow,
            next: NONE,
            activity: fold(hash(&new.activity.to_key())),
            attempts: new.attempts,
            tries: new.tries,
            is_first_status: new.order_key == Some(new.activity),
            is_parkable: false,
            is_answered: false,
            is_manual: false,
            is_over: false,
            misses: 0,
            tried_in: new.tried_in,
        };
        let slot = self.store(entry);
        let Self { chunks, by_id, .. } = self;
        by_id.insert_unique(hash(&new.id.to_key()), slot, |slot| hash(&at(chunks, *slot).id));
        if order != 0 {
            self.link(slot, order);
        }
        Some(slot)
    }

    /// Takes a postback out of the tables. Its slot stays until [`Self::free`].
    pub(crate) fn remove(&mut self, slot: Slot) {
        let Self { chunks, by_id, .. } = self;
        let key = at(chunks, slot).id;
        if let Ok(found) = by_id.find_entry(hash(&key), |other| *other == slot) {
            found.remove();
        }
        self.unlink(slot);
        self.get_mut(slot).place = Place::Dead;
    }

    /// Moves a postback to a slot of its own; the old slot is dead and freed by the container that names it.
    pub(crate) fn relocate(&mut self, slot: Slot) -> Slot {
        let entry = self.get(slot).clone();
        let order = entry.order;
        let hash_of = hash(&entry.id);
        self.remove(slot);
        let moved = self.store(Entry { next: NONE, ..entry });
        let Self { chunks, by_id, .. } = self;
        by_id.insert_unique(hash_of, moved, |slot| hash(&at(chunks, *slot).id));
        if order != 0 {
            self.link(moved, order);
        }
        moved
    }

    /// Gives a removed slot back.
    pub(crate) fn free(&mut self, slot: Slot) {
        debug_assert!(self.get(slot).place == Place::Dead);
        self.free.push(slot);
    }

    /// Whether an earlier status of the same conversion to the same partner is not settled yet.
    pub(crate) fn is_blocked(&self, slot: Slot) -> bool {
        let entry = self.get(slot);
        if entry.order == 0 {
            return false;
        }
        let first = self.chain(entry.order).map(|slot| rank(self.get(slot))).min();
        first.is_some_and(|(_, _, activity)| activity != entry.activity)
    }

    /// Those of a chain that are set aside as blocked and no longer have to be: asked after an entry of the
    /// chain was removed.
    pub(crate) fn released(&self, order: Order) -> Vec<Slot> {
        if order.0 == 0 {
            return Vec::new();
        }
        let is_free = |slot: &Slot| self.get(*slot).place == Place::Blocked && !self.is_blocked(*slot);
        self.chain(order.0).filter(is_free).collect()
    }

    /// The chain that a slot belongs to until it is removed.
    pub(crate) fn order(&self, slot: Slot) -> Order {
        Order(self.get(slot).order)
    }

    fn store(&mut self, entry: Entry) -> Slot {
        if let Some(slot) = self.free.pop() {
            *self.get_mut(slot) = entry;
            return slot;
        }
        match self.chunks.last_mut() {
            Some(last) if last.len() < CHUNK => last.push(entry),
            Some(_) | None => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(entry);
                self.chunks.push(chunk);
            }
        }
        self.slots() - 1
    }

    fn chain(&self, order: u64) -> impl Iterator<Item = Slot> + '_ {
        let head = self
            .chains
            .find(order, |slot| self.get(*slot).order == order)
            .copied();
        std::iter::successors(head, |slot| {
            let next = self.get(*slot).next;
            (next != NONE).then_some(next)
        })
    }

    fn link(&mut self, slot: Slot, order: u64) {
        let Self { chunks, chains, .. } = self;
        match chains
            .find(order, |head| at(chunks, *head).order == order)
            .copied()
        {
            Some(head) => {
                let second = at(chunks, head).next;
                self.get_mut(slot).next = second;
                self.get_mut(head).next = slot;
            }
            None => {
                chains.insert_unique(order, slot, |slot| at(chunks, *slot).order);
            }
        }
    }

    fn unlink(&mut self, slot: Slot) {
        let (order, next) = (self.get(slot).order, self.get(slot).next);
        if order == 0 {
            return;
        }
        let before = self.chain(order).find(|other| self.get(*other).next == slot);
        if let Some(before) = before {
            self.get_mut(before).next = next;
        } else {
            let Self { chunks, chains, .. } = self;
            if let Ok(head) = chains.find_entry(order, |head| *head == slot) {
                head.remove();
            }
            if next != NONE {
                chains.insert_unique(order, next, |slot| at(chunks, *slot).order);
            }
        }
        let entry = self.get_mut(slot);
        (entry.order, entry.next) = (0, NONE);
    }
}

/// The name of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Order(u64);

fn at(chunks: &[Vec<Entry>], slot: Slot) -> &Entry {
    &chunks[slot as usize / CHUNK][slot as usize % CHUNK]
}

fn id_of(entry: &Entry) -> PostbackId {
    // The bytes came from an id, so they read back.
    PostbackId::from_key(&entry.id).unwrap_or(PostbackId::new(0, 0))
}

/// Earlier statuses first: by the time of the postback, the first status of a conversion before later ones of
/// the same millisecond, then arbitrarily but always alike.
fn rank(entry: &Entry) -> (i64, bool, u32) {
    (id_of(entry).at_ms(), !entry.is_first_status, entry.activity)
}

/// Spreads the bits of an id. Ids are made by this system and half random, so nobody can aim at collisions.
fn hash(key: &[u8; TimeId::KEY_LEN]) -> u64 {
    let mut low = [0; 8];
    low.copy_from_slice(&key[TimeId::KEY_LEN - 8..]);
    let high = u64::from(key[0]) << 16 | u64::from(key[1]) << 8 | u64::from(key[2]);
    let mut h = u64::from_be_bytes(low) ^ high.rotate_left(40);
    for _ in 0..2 {
        h = (h ^ (h >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    h ^ (h >> 29)
}

fn order_of(key: &[u8; TimeId::KEY_LEN], partner: u32) -> u64 {
    let h = hash(key).wrapping_add(u64::from(partner).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    // 0 means no order.
    if h == 0 { 1 } else { h }
}

fn fold(h: u64) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "half of a hash is a hash")]
    let low = h as u32;
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn new(at_ms: i64, n: u64) -> NewEntry {
        NewEntry {
            id: PostbackId::new(at_ms, n),
            activity: ActivityId::new(at_ms, n),
            order_key: None,
            partner: 1,
            lane: 0,
            flow: 0,
            due_at_ms: 0,
            accepted_at_ms: 0,
            attempts: 0,
            tries: 0,
            tried_in: 0,
        }
    }

    fn status(at_ms: i64, n: u64, activity: ActivityId, conversion: ActivityId, partner: u32) -> NewEntry {
        NewEntry {
            activity,
            order_key: Some(conversion),
            partner,
            ..new(at_ms, n)
        }
    }

    #[test]
    fn a_slot_is_small() {
        assert!(size_of::<Entry>() <= 64, "{}", size_of::<Entry>());
    }

    #[test]
    fn a_later_status_waits_for_every_postback_of_the_earlier_one() {
        let mut index = Index::default();
        let (conversion, approval) = (ActivityId::new(10, 1), ActivityId::new(20, 2));
        let first = index.insert(&status(10, 1, conversion, conversion, 1)).unwrap();
        let twin = index.insert(&status(10, 2, conversion, conversion, 1)).unwrap();
        let later = index.insert(&status(20, 3, approval, conversion, 1)).unwrap();
        let other = index.insert(&status(20, 4, approval, conversion, 2)).unwrap();
        let blocked = |index: &Index| [first, twin, later, other].map(|s| index.is_blocked(s));
        assert_eq!(
            blocked(&index),
            [false, false, true, false],
            "twins go together, another partner is free"
        );
        for slot in [first, twin] {
            index.get_mut(slot).place = Place::Ready;
        }
        let order = index.order(first);
        index.remove(first);
        assert!(index.released(order).is_empty());
        index.remove(twin);
        assert_eq!(index.released(order), vec![later]);
        assert!(!index.is_blocked(later));
    }

    #[test]
    fn statuses_of_one_millisecond_keep_the_first_one_first() {
        for n in 0..32 {
            let mut index = Index::default();
            let conversion = ActivityId::new(10, n);
            let approval = ActivityId::new(10, n + 1);
            let later = index.insert(&status(10, 1, approval, conversion, 1)).unwrap();
            let first = index.insert(&status(10, 2, conversion, conversion, 1)).unwrap();
            assert!(index.is_blocked(later) && !index.is_blocked(first));
        }
    }

    proptest! {
        /// Against a plain map: ids are found exactly while they wait, whatever comes and goes, and of every
        /// chain exactly the earliest activity is free.
        #[test]
        fn tables_agree_with_a_model(steps in prop::collection::vec((0u64..40, 0u64..4, any::<bool>()), 1..300)) {
            let mut index = Index::default();
            let mut model: HashMap<u64, (Slot, u64)> = HashMap::new();
            for (n, conversion, is_insert) in steps {
                let id = PostbackId::new(i64::try_from(n).unwrap(), n);
                let key = ActivityId::new(0, conversion);
                if is_insert {
                    let entry = status(i64::try_from(n).unwrap(), n, ActivityId::new(i64::try_from(n).unwrap(), n), key, 1);
                    let slot = index.insert(&entry);
                    prop_assert_eq!(slot.is_none(), model.contains_key(&n));
                    if let Some(slot) = slot {
                        model.insert(n, (slot, conversion));
                    }
                } else if let Some((slot, _)) = model.remove(&n) {
                    index.remove(slot);
                    index.free(slot);
                }
                prop_assert_eq!(index.find(id).is_some(), model.contains_key(&n));
                prop_assert_eq!(index.len(), model.len());
                for (m, (slot, conversion)) in &model {
                    let first = model.iter().filter(|(_, (_, c))| c == conversion).map(|(m, _)| m).min();
                    prop_assert_eq!(index.is_blocked(*slot), first != Some(m));
                }
            }
        }
    }
}
