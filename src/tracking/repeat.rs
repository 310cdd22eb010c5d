//! Who clicked what before: a bounded map in memory from (visitor, link) to the last click.
//!
//! It decides `is_repeat` (連続クリック) and `is_unique` when a click comes in; both are fixed then. The
//! map is a cache: it is empty after a start (the first click of a visitor counts as unique once more that
//! day), and where a bucket is full the oldest entry makes room. It must not know sessions or offers.

use crate::domain::ids::LinkToken;
use foldhash::quality::RandomState;
use parking_lot::Mutex;
use std::hash::{BuildHasher, Hash};

const DAY_MS: i64 = 86_400_000;
const SHARDS: usize = 16;
/// Entries that one key may lie in; the oldest of them is replaced.
const WAYS: usize = 8;

/// What was known of a visitor and a link when the click came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The last click lies within the offer's time.
    pub is_repeat: bool,
    /// No click that UTC day before.
    pub is_unique: bool,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    fingerprint: u64,
    /// Unix milliseconds; `i64::MIN` marks a free entry.
    last_ms: i64,
}

const FREE: Entry = Entry {
    fingerprint: 0,
    last_ms: i64::MIN,
};

type Shard = Mutex<Box<[[Entry; WAYS]]>>;

/// The map. 16 bytes an entry, taken at once.
#[derive(Debug)]
pub struct Repeats {
    shards: Box<[Shard]>,
    hasher: RandomState,
}

impl Repeats {
    /// Room for about `capacity` entries (rounded up to a multiple of 128).
    pub fn new(capacity: usize) -> Self {
        let buckets = capacity.div_ceil(SHARDS * WAYS).max(1);
        Self {
            shards: (0..SHARDS)
                .map(|_| Mutex::new(vec![[FREE; WAYS]; buckets].into()))
                .collect(),
            hasher: RandomState::default(),
        }
    }

    /// Notes a click at `at_ms` (unix milliseconds) and tells what was known before. `repeat_s` is the
    /// offer's time in seconds; 0 flags nothing. Each repeated click starts the time anew, so a finger that
    /// taps on stays one click.
    pub fn touch(&self, visitor: impl Hash, link: &LinkToken, at_ms: i64, repeat_s: u32) -> Seen {
        let fingerprint = self.hasher.hash_one((visitor, link.as_str()));
        let (shard, rest) = split(fingerprint, SHARDS);
        let mut buckets = self.shards[shard].lock();
        let (bucket, _) = split(rest, buckets.len());
        let entries = &mut buckets[bucket];
        let known = entries
            .iter_mut()
            .find(|e| e.fingerprint == fingerprint && e.last_ms != i64::MIN);
        if let Some(entry) = known {
            let last_ms = entry.last_ms;
            entry.last_ms = last_ms.max(at_ms);
            return Seen {
                is_repeat: at_ms - last_ms < i64::from(repeat_s) * 1000,
                is_unique: last_ms.div_euclid(DAY_MS) < at_ms.div_euclid(DAY_MS),
            };
        }
        if let Some(oldest) = entries.iter_mut().min_by_key(|e| e.last_ms) {
            *oldest = Entry {
                fingerprint,
                last_ms: at_ms,
            };
        }
        Seen {
            is_repeat: false,
            is_unique: true,
        }
    }
}

/// `hash` modulo `parts`, and what is left for the next split.
fn split(hash: u64, parts: usize) -> (usize, u64) {
    let parts = parts as u64;
    (usize::try_from(hash % parts).unwrap_or(0), hash / parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn link(text: &str) -> LinkToken {
        text.parse().unwrap()
    }

    #[test]
    fn repeats_and_days() {
        let map = Repeats::new(1000);
        let (one, two) = (link("aaaaaaaa"), link("bbbbbbbb"));
        let noon = 20_000 * DAY_MS + DAY_MS / 2;
        for (visitor, link, at_ms, repeat, unique) in [
            ("v", &one, noon, false, true),
            ("v", &one, noon + 9_999, true, false),
            ("v", &one, noon + 19_998, true, false),
            ("v", &one, noon + 29_998, false, false),
            ("v", &two, noon + 29_999, false, true),
            ("w", &one, noon + 29_999, false, true),
            ("v", &one, noon + DAY_MS / 2 - 1, false, false),
            ("v", &one, noon + DAY_MS / 2, true, true),
            // A clock that went back finds a repeat, never a second unique click.
            ("v", &one, noon, true, false),
        ] {
            let seen = map.touch(visitor, link, at_ms, 10);
            assert_eq!(
                (seen.is_repeat, seen.is_unique),
                (repeat, unique),
                "{visitor} {at_ms}"
            );
        }
        assert!(!map.touch("v", &one, noon + DAY_MS / 2, 0).is_repeat);
    }

    #[test]
    fn the_oldest_makes_room() {
        let map = Repeats::new(1);
        let link = link("aaaaaaaa");
        for n in 0..10_000_i64 {
            map.touch(format!("v{n}"), &link, n, 10);
        }
        assert!(map.touch("v9999", &link, 10_000, 10).is_repeat);
        assert!(map.touch("v0", &link, 10_001, 10).is_unique, "long replaced");
        assert_eq!(
            map.shards.iter().map(|s| s.lock().len() * WAYS).sum::<usize>(),
            128
        );
    }

    proptest! {
        #[test]
        fn one_unique_click_a_day(times in proptest::collection::vec(0_i64..5 * DAY_MS, 1..40)) {
            let map = Repeats::new(1000);
            let link = link("aaaaaaaa");
            let mut sorted = times;
            sorted.sort_unstable();
            let unique = sorted.iter().filter(|t| map.touch("v", &link, **t, 10).is_unique).count();
            let mut days: Vec<i64> = sorted.iter().map(|t| t / DAY_MS).collect();
            days.dedup();
            prop_assert_eq!(unique, days.len());
        }
    }
}
