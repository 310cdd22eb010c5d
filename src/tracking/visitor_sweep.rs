//! For how long visitors of apps are remembered, and what makes room for new ones.
//!
//! A visitor goes when nothing was heard of it for `retention.visitors_days`, under the guard against clocks that
//! leap ([`crate::store::cutoff`]). When there are as many as `limits.visitors`, those go that are worth least
//! ([`Visitor::worth`]), of them those that were heard of longest ago, until a tenth is free; until that is done (seconds) an install is answered 503, so that its caller keeps it.
//! Should a visitor that went come back, it is an install again.
//!
//! 2026-11-21: no index by time is kept: it would cost every app session a key, and a sweep reads a million
//! visitors in seconds.

use super::app;
use super::visitor_count::VisitorCount;
use crate::domain::visitor::Visitor;
use crate::recorder::{RecordError, Recorder};
use crate::store::{Db, JsonRecord, Key, KeyRange, Record, RetentionClock, StoreError, cutoff, keys};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Visitors removed by one job.
const MOST: usize = 500;
/// How finely the times of visitors are told apart when room is made.
const HOUR_MS: i64 = 3_600_000;

/// What the sweep remembers from one look to the next.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Note {
    looked_at_ms: i64,
    moved_at_ms: Option<i64>,
    cutoff_ms: Option<i64>,
}

impl JsonRecord for Note {}

/// Removes the visitors whose time has passed, and those that are too many. Tells how many went.
pub fn sweep(count: &VisitorCount, days: u32, recorder: &Recorder) -> Result<u64, RecordError> {
    let cutoff_ms = move_cutoff("visitor_sweep", days, recorder)?;
    let mut gone = remove_those(Going::before(cutoff_ms), u64::MAX, recorder)?;
    let ages = ages(recorder)?;
    let known: u64 = ages.values().sum();
    let mut removed = 0;
    if let Some(room) = make_room(&ages, known, count.most()) {
        removed = remove_those(room.all, u64::MAX, recorder)?;
        removed += remove_those(room.last, room.of_last, recorder)?;
    }
    gone += removed;
    count.set(known.saturating_sub(removed));
    Ok(gone)
}

/// Before when something has to lie that goes after so many days. `name` is under what the sweep remembers its clock.
pub(super) fn move_cutoff(name: &'static str, days: u32, recorder: &Recorder) -> Result<i64, RecordError> {
    recorder
        .try_run_blocking(move |group| {
            let at = keys::instance(name);
            let mut note: Note = group.load(&at)?.unwrap_or_default();
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
            group.save(at, &note)?;
            Ok(in_force_ms)
        })?
        .map_err(|error: StoreError| RecordError::from(&error))
}

/// Visitors by what they are worth and the hour in which they were heard of last: those first that go first.
type Ages = BTreeMap<(u8, i64), u64>;

/// How many visitors there are of each worth and hour.
fn ages(recorder: &Recorder) -> Result<Ages, RecordError> {
    let mut ages = Ages::new();
    each(recorder, None, |_, visitor| {
        *ages.entry(place(visitor)).or_default() += 1;
        true
    })?;
    Ok(ages)
}

fn place(visitor: &Visitor) -> (u8, i64) {
    (visitor.worth(), visitor.last_seen_ms().div_euclid(HOUR_MS))
}

/// Which visitors go: all of less worth, and of this worth those heard of last before a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Going {
    worth: u8,
    before_ms: i64,
    /// Whether those of less worth go whenever they were heard of.
    and_lesser: bool,
}

impl Going {
    /// Whatever they are worth.
    fn before(before_ms: i64) -> Self {
        Self {
            worth: u8::MAX,
            before_ms,
            and_lesser: false,
        }
    }

    fn takes(self, visitor: &Visitor) -> bool {
        let worth = visitor.worth();
        if self.and_lesser && worth < self.worth {
            return true;
        }
        worth <= self.worth && visitor.last_seen_ms() < self.before_ms
    }
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
        match Visitor::decode(value, Db::Hot, key) {
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
    /// All of these.
    all: Going,
    /// And so many of these, which are of the hour that follows.
    last: Going,
    of_last: u64,
}

fn make_room(ages: &Ages, count: u64, most: u64) -> Option<Room> {
    if count < most {
        return None;
    }
    let mut left = count.saturating_sub(most - most.div_ceil(10));
    for ((worth, hour), of_hour) in ages {
        if left <= *of_hour {
            let going = |before_ms| Going {
                worth: *worth,
                before_ms,
                and_lesser: true,
            };
            return Some(Room {
                all: going(hour * HOUR_MS),
                last: going((hour + 1) * HOUR_MS),
                of_last: left,
            });
        }
        left -= of_hour;
    }
    None
}

/// Removes visitors, at most so many. Tells how many went.
fn remove_those(which: Going, at_most: u64, recorder: &Recorder) -> Result<u64, RecordError> {
    let (mut gone, mut from) = (0, None);
    while gone < at_most {
        let room = usize::try_from(at_most - gone).unwrap_or(usize::MAX).min(MOST);
        let mut going = Vec::new();
        each(recorder, from.as_deref(), |key, visitor| {
            if which.takes(visitor) {
                going.push(key.to_vec());
            }
            going.len() < room
        })?;
        let is_last = going.len() < room;
        from = going.last().cloned();
        gone += remove(going, which, recorder)?;
        if is_last {
            break;
        }
    }
    Ok(gone)
}

fn remove(going: Vec<Vec<u8>>, which: Going, recorder: &Recorder) -> Result<u64, RecordError> {
    recorder
        .try_run_blocking(move |group| {
            let mut gone = 0;
            for key in going {
                // It may have been heard of since.
                let Some(visitor) = group.load(&Key::<Visitor>::new(Db::Hot, key))? else {
                    continue;
                };
                if which.takes(&visitor) {
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
        let ages = Ages::from([((1, 5), 2), ((1, 7), 3), ((1, 9), 100)]);
        let room = |hour: i64, of_last| Some((1, hour * HOUR_MS, of_last));
        let made = |ages: &Ages, count, most| {
            make_room(ages, count, most).map(|room| (room.all.worth, room.all.before_ms, room.of_last))
        };
        assert_eq!(made(&ages, 105, 106), None);
        assert_eq!(made(&ages, 105, 105), room(9, 6), "11 go: 94 stay");
        assert_eq!(made(&ages, 105, 1), room(9, 100), "all but none");
        let few = Ages::from([((1, 5), 2), ((1, 7), 3)]);
        assert_eq!(made(&few, 5, 5), room(5, 1));
        assert_eq!(made(&few, 5, 4), room(5, 2));
        assert_eq!(made(&few, 5, 3), room(7, 1));
    }

    #[test]
    fn made_up_devices_go_before_real_ones_however_new_they_are() {
        // A flood of this hour, real devices of long ago, and those that somebody vouches for.
        let ages = Ages::from([((0, 99), 90), ((1, 5), 8), ((2, 1), 2)]);
        let room = make_room(&ages, 100, 100).unwrap();
        assert_eq!((room.all.worth, room.of_last), (0, 10));
        let room = make_room(&ages, 100, 5).unwrap();
        assert_eq!((room.all.worth, room.all.before_ms), (1, 5 * HOUR_MS));
        assert!(room.all.and_lesser);
    }
}
