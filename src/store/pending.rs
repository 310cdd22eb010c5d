//! What is durable and on its way into the databases: the writer adds commits, the applier takes all that came
//! meanwhile and hands it over in the order of the keys. Reads look here first.
//!
//! * 2026-11-21: a commit used to be applied before the next was taken. Applying costs more than deciding and
//!   syncing together, and most of what a busy server writes is written again within milliseconds: counters, the
//!   device of an event, a waiting postback that is delivered at once. Only the last value goes to sled now.
//! * Nothing depends on it: the journal holds every commit, and a database is replayed from the last commit
//!   that it says it has. So the writes of several commits may be applied as one, under the number of the last.

use super::database::{Db, KeyRange};
use super::{Commit, Op};
use parking_lot::{Condvar, Mutex, MutexGuard, RwLock};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Bytes that may wait; beyond them the writer waits for the applier.
const MOST_BYTES: usize = 8 << 20;
/// How long what came is left to be overwritten before it is applied.
const LINGER: Duration = Duration::from_millis(10);
/// How often a writer that waits for room looks whether the applier still runs.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The last value of a key; `None`: removed.
pub(super) type Value = Option<Vec<u8>>;
/// Keys of a database with their last values.
pub(super) type Keys = BTreeMap<Vec<u8>, Value>;

/// The writes of some commits that follow each other.
#[derive(Default)]
pub(super) struct Layer {
    /// By database.
    pub(super) keys: BTreeMap<Db, Keys>,
    /// The last of the commits.
    pub(super) seq: u64,
    bytes: usize,
}

#[derive(Default)]
struct Layers {
    /// The writer adds to it.
    fresh: Layer,
    /// It is being applied.
    leaving: Option<Arc<Layer>>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Pending {
    layers: RwLock<Layers>,
    /// Whether something waits; the condition wakes the applier, and a writer that waits for room.
    has_work: Mutex<bool>,
    changed: Condvar,
    /// Held by whoever applies: one at a time, in order.
    turn: Mutex<()>,
    is_running: AtomicBool,
}

impl Pending {
    /// Adds a commit without drops; waits while too much waits and an applier runs.
    pub(super) fn add(&self, seq: u64, commit: Commit) {
        let mut has_work = self.has_work.lock();
        while self.layers.read().fresh.bytes > MOST_BYTES && self.is_running.load(Ordering::Acquire) {
            self.changed.wait_for(&mut has_work, LOOK_EVERY);
        }
        let mut layers = self.layers.write();
        let fresh = &mut layers.fresh;
        fresh.seq = seq;
        for (db, op) in commit.writes {
            let (key, value) = match op {
                Op::Put(key, value) => (key, Some(value)),
                Op::Delete(key) => (key, None),
                Op::Drop => continue,
            };
            fresh.bytes += key.len() + value.as_ref().map_or(0, Vec::len) + 64;
            fresh.keys.entry(db).or_default().insert(key, value);
        }
        *has_work = true;
        self.changed.notify_all();
    }

    /// The last value of a key that is on its way: `Some(None)` when it is removed.
    pub(super) fn get(&self, db: Db, key: &[u8]) -> Option<Value> {
        let layers = self.layers.read();
        let of = |layer: &Layer| layer.keys.get(&db)?.get(key).cloned();
        of(&layers.fresh).or_else(|| of(layers.leaving.as_deref()?))
    }

    /// The keys of a range that are on their way.
    pub(super) fn range(&self, db: Db, range: &KeyRange) -> Keys {
        let layers = self.layers.read();
        let end = range.end.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        if range.end.as_ref().is_some_and(|end| *end <= range.start) {
            return Keys::new();
        }
        let mut found = Keys::new();
        for layer in layers.leaving.as_deref().into_iter().chain([&layers.fresh]) {
            if let Some(keys) = layer.keys.get(&db) {
                let of = keys.range::<Vec<u8>, _>((Bound::Included(&range.start), end));
                found.extend(of.map(|(key, value)| (key.clone(), value.clone())));
            }
        }
        found
    }

    /// Whoever holds it is the only one that applies.
    pub(super) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock()
    }

    /// Takes what waits; it stays readable until [`Pending::applied`]. `None`: nothing waits. Only for who holds
    /// the turn.
    pub(super) fn take(&self) -> Option<Arc<Layer>> {
        let mut has_work = self.has_work.lock();
        let mut layers = self.layers.write();
        *has_work = false;
        let fresh = std::mem::take(&mut layers.fresh);
        // A commit that only dropped a period leaves its number.
        if fresh.seq == 0 {
            return None;
        }
        let leaving = Arc::new(fresh);
        layers.leaving = Some(leaving.clone());
        self.changed.notify_all();
        Some(leaving)
    }

    /// What was taken is in the databases, or waits in the journal for one that failed.
    pub(super) fn applied(&self) {
        let leaving = self.layers.write().leaving.take();
        drop(leaving);
    }

    /// Calls `apply` whenever something waits, until told to stop.
    pub(super) fn serve(&self, mut apply: impl FnMut()) {
        while self.is_running.load(Ordering::Acquire) {
            let mut has_work = self.has_work.lock();
            if !*has_work {
                self.changed.wait_for(&mut has_work, LOOK_EVERY);
                continue;
            }
            drop(has_work);
            std::thread::sleep(LINGER);
            apply();
        }
    }

    /// From now on an applier runs.
    pub(super) fn begin(&self) {
        self.is_running.store(true, Ordering::Release);
    }

    /// Tells the applier to end.
    pub(super) fn end(&self) {
        self.is_running.store(false, Ordering::Release);
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &str, value: &str) -> (Db, Op) {
        (Db::Hot, Op::Put(key.into(), value.into()))
    }

    fn add(pending: &Pending, seq: u64, writes: Vec<(Db, Op)>) {
        pending.add(seq, Commit { writes });
    }

    #[test]
    fn the_last_value_counts_also_while_an_earlier_one_leaves() {
        let pending = Pending::default();
        add(&pending, 1, vec![put("a", "1"), put("b", "1")]);
        add(&pending, 2, vec![put("a", "2")]);
        let leaving = pending.take().unwrap();
        assert_eq!((leaving.seq, leaving.keys[&Db::Hot].len()), (2, 2));
        add(
            &pending,
            3,
            vec![(Db::Hot, Op::Delete("a".into())), put("c", "3")],
        );
        assert_eq!(pending.get(Db::Hot, b"a"), Some(None));
        assert_eq!(pending.get(Db::Hot, b"b"), Some(Some(b"1".to_vec())));
        let all: Vec<_> = pending.range(Db::Hot, &KeyRange::all()).into_iter().collect();
        assert_eq!(
            all,
            [
                (b"a".to_vec(), None),
                (b"b".to_vec(), Some(b"1".to_vec())),
                (b"c".to_vec(), Some(b"3".to_vec())),
            ]
        );
        pending.applied();
        assert_eq!(pending.get(Db::Hot, b"b"), None);
        assert_eq!(pending.take().unwrap().seq, 3);
        pending.applied();
        assert!(pending.take().is_none());
        add(&pending, 4, vec![(Db::sessions(0), Op::Drop)]);
        let dropped = pending.take().unwrap();
        assert_eq!((dropped.seq, dropped.keys.len()), (4, 0));
    }

    #[test]
    fn a_range_ends_before_its_end() {
        let pending = Pending::default();
        add(&pending, 1, vec![put("a", "1"), put("ab", "1"), put("b", "1")]);
        let keys = pending.range(Db::Hot, &KeyRange::prefix(b"a"));
        assert_eq!(keys.len(), 2);
        let nothing = KeyRange {
            start: b"b".to_vec(),
            end: Some(b"a".to_vec()),
        };
        assert!(pending.range(Db::Hot, &nothing).is_empty());
    }
}
