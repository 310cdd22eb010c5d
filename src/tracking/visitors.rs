//! How many visitors of apps are remembered, and for how long: strangers make them up, so both are bounded.
//!
//! A visitor goes when nothing was heard of it for `retention.visitors_days`, under the guard against clocks that
//! leap ([`crate::store::cutoff`]). When there are as many as `limits.visitors`, those that were heard of longest ago
//! go until a tenth is free; until that is done (seconds) an install is answered 503, so that its caller keeps it.
//! Should a visitor that went come back, it is an install again.
//!
//! 2026-11-21: no index by time is kept: it would cost every app session a key, and a sweep reads a million
//! visitors in seconds.

use super::app;
use crate::domain::visitor::Visitor;
use crate::recorder::{RecordError, Recorder};
use crate::store::{Db, KeyRange, RetentionClock, StoreError, codec, cutoff, keys};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};

/// Visitors removed by one job.
const MOST: usize = 500;
/// How finely the times of visitors are told apart when room is made.
const HOUR_MS: i64 = 3_600_000;

/// How many visitors there are.
#[derive(Debug)]
pub struct Visitors {
    known: AtomicU64,
    most: u64,
}

impl Visitors {
    /// None counted yet; at most `most`.
    pub fn new(most: u64) -> Self {
        Self {
            known: AtomicU64::new(0),
            most,
        }
    }

    /// Whether there is no room for another.
    pub fn is_full(&self) -> bool {
        self.count() >= self.most
    }

    /// Counts a new one.
    pub fn add(&self) {
        self.known.fetch_add(1, Ordering::Relaxed);
    }

    /// How many there are; exact after each sweep.
    pub fn count(&self) -> u64 {
        self.known.load(Ordering::Relaxed)
    }
}

/// What the sweep remembers from one look to the next.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Note {
    looked_at_ms: i64,
    moved_at_ms: Option<i64>,
    cutoff_ms: Option<i64>,
}

/// Removes the visitors whose time has passed, and those that are too many. Tells how many went.
pub fn sweep(visitors: &Visitors, days: u32, recorder: &Recorder) -> Result<u64, RecordError> {
    let mut gone = remove_before(move_cutoff(days, recorder)?, u64::MAX, recorder)?;
    let ages = ages(recorder)?;
    let count: u64 = ages.values().sum();
    let mut removed = 0;
    if let Some(room) = make_room(&ages, count, visitors.most) {
        removed = remove_before(room.before_ms, u64::MAX, recorder)?;
        removed += remove_before(room.before_ms + HOUR_MS, room.of_last_hour, recorder)?;
    }
    gone += removed;
    visitors
        .known
        .store(count.saturating_sub(removed), Ordering::Relaxed);
    Ok(gone)
}

/// Before when nothing may have been heard of a visitor that goes.
fn move_cutoff(days: u32, recorder: &Recorder) -> Result<i64, RecordError> {
    recorder
        .try_run_blocking(move |group| {
            let at = keys::instance("visitor_sweep");
            let mut note: Note = match group.get(at.0, &at.1)? {
                Some(value) => codec::decode_json(&value, at.0, &at.1)?,
                None => Note::default(),
            };
            let clock = RetentionClock {
                now_ms: group.now_ms(),
                last_commit_at_ms: note.looked_at_ms,
                last_drop_at_ms: note.moved_at_ms,
            };
            let cutoff_ms = cutoff(clock, days, note.cutoff_ms);
            if note.cutoff_ms != Some(cutoff_ms) {
                note.moved_at_ms = Some(clock.now_ms);
            }
            // At the first look nothing is known of the clock: nothing goes.
            let in_force_ms = note.cutoff_ms.map_or(i64::MIN, |_| cutoff_ms);
            note.cutoff_ms = Some(cutoff_ms);
            note.looked_at_ms = clock.now_ms;
            group.put(at, codec::encode_json(&note)?);
            Ok(in_force_ms)
        })?
        .map_err(|error: StoreError| RecordError::from(&error))
}

/// How many visitors were heard of last in each hour.
fn ages(recorder: &Recorder) -> Result<BTreeMap<i64, u64>, RecordError> {
    let mut ages = BTreeMap::new();
    each(recorder, None, |_, visitor| {
        *ages
            .entry(visitor.last_seen_ms().div_euclid(HOUR_MS))
            .or_default() += 1;
        true
    })?;
    Ok(ages)
}

/// Calls for every visitor behind a key, until told to stop. One that cannot be read is logged and passed over.
fn each(
    recorder: &Recorder,
    after: Option<&[u8]>,
    mut call: impl FnMut(&[u8], &Visitor) -> bool,
) -> Result<(), RecordError> {
    let mut range = KeyRange::prefix(&keys::visitor_prefix());
    if let Some(after) = after {
        range = range.after(after);
    }
    let scanned = recorder.reader().scan(Db::Hot, &range, false, |key, value| {
        match codec::decode_visitor(value, Db::Hot, key) {
            Ok(visitor) if !call(key, &visitor) => ControlFlow::Break(()),
            Ok(_) => ControlFlow::Continue(()),
            Err(error) => {
                tracing::error!(code = error.code(), %error, "a visitor cannot be read");
                ControlFlow::Continue(())
            }
        }
    });
    scanned.map_err(|error| RecordError::from(&error))
}

/// What has to go so that a tenth of the room is free.
#[derive(Debug, PartialEq, Eq)]
struct Room {
    /// All that were heard of last before this; the end of an hour.
    before_ms: i64,
    /// So many of those of the hour that follows.
    of_last_hour: u64,
}

fn make_room(ages: &BTreeMap<i64, u64>, count: u64, most: u64) -> Option<Room> {
    if count < most {
        return None;
    }
    let mut left = count.saturating_sub(most - most.div_ceil(10));
    for (hour, of_hour) in ages {
        if left <= *of_hour {
            return Some(Room {
                before_ms: hour * HOUR_MS,
                of_last_hour: left,
            });
        }
        left -= of_hour;
    }
    None
}

/// Removes visitors that were heard of last before a time, at most so many. Tells how many went.
fn remove_before(before_ms: i64, at_most: u64, recorder: &Recorder) -> Result<u64, RecordError> {
    let (mut gone, mut from) = (0, None);
    while gone < at_most {
        let room = usize::try_from(at_most - gone).unwrap_or(usize::MAX).min(MOST);
        let mut going = Vec::new();
        each(recorder, from.as_deref(), |key, visitor| {
            if visitor.last_seen_ms() < before_ms {
                going.push(key.to_vec());
            }
            going.len() < room
        })?;
        let is_last = going.len() < room;
        from = going.last().cloned();
        gone += remove(going, before_ms, recorder)?;
        if is_last {
            break;
        }
    }
    Ok(gone)
}

fn remove(going: Vec<Vec<u8>>, before_ms: i64, recorder: &Recorder) -> Result<u64, RecordError> {
    recorder
        .try_run_blocking(move |group| {
            let mut gone = 0;
            for key in going {
                // It may have been heard of since.
                let Some(value) = group.get(Db::Hot, &key)? else {
                    continue;
                };
                let visitor = codec::decode_visitor(&value, Db::Hot, &key)?;
                if visitor.last_seen_ms() < before_ms {
                    app::remove_visitor(&visitor, group);
                    gone += 1;
                }
            }
            Ok(gone)
        })?
        .map_err(|error: StoreError| RecordError::from(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_made_from_the_oldest_hours() {
        let ages = BTreeMap::from([(5, 2), (7, 3), (9, 100)]);
        let room = |hour: i64, of_last_hour| {
            Some(Room {
                before_ms: hour * HOUR_MS,
                of_last_hour,
            })
        };
        assert_eq!(make_room(&ages, 105, 106), None);
        assert_eq!(make_room(&ages, 105, 105), room(9, 6), "11 go: 94 stay");
        assert_eq!(make_room(&ages, 105, 1), room(9, 100), "all but none");
        let few = BTreeMap::from([(5, 2), (7, 3)]);
        assert_eq!(make_room(&few, 5, 5), room(5, 1));
        assert_eq!(make_room(&few, 5, 4), room(5, 2));
        assert_eq!(make_room(&few, 5, 3), room(7, 1));
    }
}
