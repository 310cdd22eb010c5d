//! What comes next: records of the store in the order of their ids, and those that came behind the mark.

use super::cursor::{Batch, Cursor, just_before};
use crate::domain::activity::Activity;
use crate::domain::ids::{ActivityId, SessionId, TimeId};
use crate::domain::raw::{ACTIVITIES, Fact, json_line};
use crate::domain::session::Session;
use crate::store::keys::{Feed, Handed};
use crate::store::{Db, KeyRange, PeriodKind, Reader, Record, StoreError, keys};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// Bytes of records that are read at once.
const MOST_BYTES: usize = 2 << 20;

/// A record as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: TimeId,
    pub(super) what: Handed,
    pub(super) value: Vec<u8>,
}

/// Some records in order.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) entries: Vec<Entry>,
    /// Where the next page begins; `None`: there are no more.
    pub(super) more_after: Option<TimeId>,
}

/// Which records of a kind lie in a time.
struct Family {
    kind: PeriodKind,
    what: Handed,
    between: fn(i64, i64) -> KeyRange,
    key: fn(TimeId) -> Vec<u8>,
    parse: fn(&[u8]) -> Option<TimeId>,
}

const SESSIONS: Family = Family {
    kind: PeriodKind::Sessions,
    what: Handed::Session,
    between: keys::sessions_between,
    key: |id| keys::session(SessionId(id)).1,
    parse: |key| keys::parse_session(key).map(|id| id.0),
};

const ACTIVITIES_OF_TIME: Family = Family {
    kind: PeriodKind::Activities,
    what: Handed::Activity,
    between: keys::activities_between,
    key: |id| keys::activity(ActivityId(id)).1,
    parse: |key| keys::parse_activity(key).map(|id| id.0),
};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    /// Records behind this one,
    pub(super) after: TimeId,
    /// up to this one.
    pub(super) until: TimeId,
    /// At most so many.
    pub(super) rows: usize,
    /// Whether clicks and impressions are among them.
    pub(super) has_clicks: bool,
}

/// Records of a span that are not late, in order.
pub(super) fn in_order(reader: &Reader, span: Span) -> Result<Page, StoreError> {
    let families = [SESSIONS, ACTIVITIES_OF_TIME];
    let wanted = families
        .iter()
        .filter(|family| span.has_clicks || family.what != Handed::Session);
    let mut found = Vec::new();
    // Behind where one of the families was cut nothing is known of it.
    let mut horizon: Option<TimeId> = None;
    for family in wanted {
        if let Some(cut) = of_family(reader, family, span, &mut found)? {
            horizon = Some(horizon.map_or(cut, |other| other.min(cut)));
        }
    }
    found.sort_by_key(|entry| (entry.id, entry.what));
    found.retain(|entry| horizon.is_none_or(|horizon| entry.id <= horizon));
    if found.len() > span.rows {
        found.truncate(span.rows);
        horizon = found.last().map(|entry| entry.id);
    }
    // Those of a commit come with their entries, so that what was read above is known to be late here.
    let late = late_within(reader, span)?;
    found.retain(|entry| !late.contains(&(entry.id, entry.what)));
    Ok(Page {
        entries: found,
        more_after: horizon,
    })
}

/// Adds the records of a family; the last one when there are more.
fn of_family(
    reader: &Reader,
    family: &Family,
    span: Span,
    found: &mut Vec<Entry>,
) -> Result<Option<TimeId>, StoreError> {
    let (from_ms, to_ms) = (span.after.at_ms(), span.until.at_ms().saturating_add(1));
    let mut left = span.rows;
    for period in reader.periods(family.kind) {
        let (from_ms, to_ms) = (from_ms.max(period.start_ms()), to_ms.min(period.end_ms()));
        if from_ms >= to_ms {
            continue;
        }
        let range = (family.between)(from_ms, to_ms).after(&(family.key)(span.after));
        let rows = reader.gather(Db::Period(family.kind, period), &range, left, MOST_BYTES)?;
        let before = found.len();
        for (key, value) in rows.rows {
            match (family.parse)(&key) {
                Some(id) if id <= span.until => found.push(Entry {
                    id,
                    what: family.what,
                    value,
                }),
                _ => {}
            }
        }
        left = left.saturating_sub(found.len() - before);
        if rows.is_cut || left == 0 {
            return Ok(found.last().map(|entry| entry.id));
        }
    }
    Ok(None)
}

/// Late records of a span, of every generation.
fn late_within(reader: &Reader, span: Span) -> Result<BTreeSet<(TimeId, Handed)>, StoreError> {
    let mut late = BTreeSet::new();
    let mut from = Some(0);
    while let Some(generation) = from {
        let mut next = None;
        reader.scan(
            Db::Hot,
            &keys::late_from(Feed::Stream, generation),
            false,
            |key, _| {
                next = keys::parse_late(key).map(|(generation, _, _)| generation);
                ControlFlow::Break(())
            },
        )?;
        if let Some(generation) = next {
            let range = keys::late_between(Feed::Stream, generation, span.after, span.until);
            reader.scan(Db::Hot, &range, false, |key, _| {
                late.extend(keys::parse_late(key).map(|(_, id, what)| (id, what)));
                ControlFlow::Continue(())
            })?;
        }
        from = next.and_then(|generation: u32| generation.checked_add(1));
    }
    Ok(late)
}

/// Keys of the late records of generations before that of the cursor, the oldest generation first; of one generation.
pub(super) fn late(
    reader: &Reader,
    cursor: &Cursor,
    rows: usize,
    until: Option<TimeId>,
) -> Result<Vec<(u32, TimeId, Handed)>, StoreError> {
    let mut found: Vec<(u32, TimeId, Handed)> = Vec::new();
    reader.scan(Db::Hot, &keys::late_from(Feed::Stream, 0), false, |key, _| {
        let Some(entry) = keys::parse_late(key) else {
            return ControlFlow::Continue(());
        };
        let is_of_another = found.first().is_some_and(|first| first.0 != entry.0);
        let is_behind = until.is_some_and(|until| entry.1 > until);
        if entry.0 >= cursor.generation || is_of_another || is_behind || found.len() >= rows {
            return ControlFlow::Break(());
        }
        found.push(entry);
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// Whether anything waits for the mark to move: a record before a time, or a late one.
pub(super) fn has_new(
    reader: &Reader,
    cursor: &Cursor,
    before_ms: i64,
    has_clicks: bool,
) -> Result<bool, StoreError> {
    let mut has_late = false;
    reader.scan(Db::Hot, &keys::late_from(Feed::Stream, 0), false, |_, _| {
        has_late = true;
        ControlFlow::Break(())
    })?;
    let span = Span {
        after: cursor.taken,
        until: just_before(before_ms),
        rows: 1,
        has_clicks,
    };
    Ok(has_late || !in_order(reader, span)?.entries.is_empty())
}

/// The records of a batch that was noted.
pub(super) fn of_batch(
    reader: &Reader,
    cursor: &Cursor,
    batch: &Batch,
    has_clicks: bool,
) -> Result<Vec<Entry>, StoreError> {
    if batch.late.is_some() {
        let keys = late(reader, cursor, usize::MAX, Some(batch.until))?;
        return load(reader, keys.into_iter().map(|(_, id, what)| (id, what)));
    }
    let mut span = Span {
        after: cursor.taken,
        until: batch.until,
        rows: usize::MAX,
        has_clicks,
    };
    let mut entries = Vec::new();
    loop {
        let page = in_order(reader, span)?;
        entries.extend(page.entries);
        match page.more_after {
            Some(after) if after < span.until => span.after = after,
            _ => return Ok(entries),
        }
    }
}

/// Records by their ids; what is gone is left out.
pub(super) fn load(
    reader: &Reader,
    of: impl Iterator<Item = (TimeId, Handed)>,
) -> Result<Vec<Entry>, StoreError> {
    let mut entries = Vec::new();
    for (id, what) in of {
        let (db, key) = match what {
            Handed::Session => keys::session(SessionId(id)).into(),
            Handed::Activity => keys::activity(ActivityId(id)).into(),
            Handed::Postback => continue,
        };
        entries.extend(reader.get(db, &key)?.map(|value| Entry { id, what, value }));
    }
    Ok(entries)
}

/// Records as lines of JSON, numbered from `first`. One that cannot be read has no line; its number stays free.
pub(super) fn lines(entries: &[Entry], first: u64) -> String {
    let mut text = String::new();
    for (seq, entry) in (first..).zip(entries) {
        let written = match entry.what {
            Handed::Session => {
                let (db, key) = keys::session(SessionId(entry.id)).into();
                Session::decode(&entry.value, db, &key).map(|session| {
                    json_line(&ACTIVITIES, seq, Fact::Session(&session), &mut text);
                })
            }
            Handed::Activity => {
                let (db, key) = keys::activity(ActivityId(entry.id)).into();
                Activity::decode(&entry.value, db, &key).map(|activity| {
                    json_line(
                        &ACTIVITIES,
                        seq,
                        Fact::Activity(&activity.as_it_came()),
                        &mut text,
                    );
                })
            }
            Handed::Postback => Ok(()),
        };
        if let Err(error) = written {
            tracing::error!(code = error.code(), %error, "a record was left out of the stream");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::testing::Instance;

    fn id(at_ms: i64) -> TimeId {
        TimeId::new(at_ms, 7)
    }

    fn save(instance: &Instance, at_ms: i64) {
        let at = keys::session(SessionId(id(at_ms)));
        let saved = instance
            .recorder
            .run_blocking(move |group| group.put(at, vec![1]));
        saved.unwrap();
    }

    fn seal(instance: &Instance, before_ms: i64) -> (i64, u32) {
        let sealed = instance.recorder.run_blocking(move |group| {
            let sealed = group.feeds().seal(Feed::Stream, before_ms);
            group.put(keys::instance::<Cursor>("sealed"), vec![0]);
            sealed
        });
        sealed.unwrap()
    }

    fn ids(entries: &[Entry]) -> Vec<i64> {
        entries.iter().map(|entry| entry.id.at_ms()).collect()
    }

    #[test]
    fn what_comes_behind_the_mark_is_late_once_and_the_rest_is_in_order() {
        let instance = Instance::start(1_000_000);
        let reader = instance.recorder.reader();
        instance.recorder.feeds().begin(Feed::Stream, 0, 0);
        save(&instance, 300);
        save(&instance, 100);
        assert_eq!(seal(&instance, 200), (200, 1));
        save(&instance, 150);
        // Written again: it was there before.
        save(&instance, 100);
        let span = Span {
            after: TimeId::floor(0),
            until: just_before(400),
            rows: 10,
            has_clicks: true,
        };
        assert_eq!(ids(&in_order(reader, span).unwrap().entries), [100, 300]);
        let mut cursor = Cursor {
            generation: 1,
            before_ms: 200,
            ..Cursor::begin(0, true)
        };
        // It belongs to the generation that is not over.
        assert!(late(reader, &cursor, 10, None).unwrap().is_empty());
        assert!(has_new(reader, &cursor, 50, true).unwrap());
        // The mark never goes back.
        assert_eq!(seal(&instance, 120), (200, 2));
        cursor.generation = 2;
        let found = late(reader, &cursor, 10, None).unwrap();
        assert_eq!(found, [(1, id(150), Handed::Session)]);
        let loaded = load(reader, found.into_iter().map(|(_, id, what)| (id, what))).unwrap();
        assert_eq!(ids(&loaded), [150]);
        let one = Span { rows: 1, ..span };
        let page = in_order(reader, one).unwrap();
        assert_eq!((ids(&page.entries), page.more_after), (vec![100], Some(id(100))));
        let clicks_left_out = Span {
            has_clicks: false,
            ..span
        };
        assert!(in_order(reader, clicks_left_out).unwrap().entries.is_empty());
    }
}
