//! What is written next: records of the store in the order of their ids, and what came late.

use super::cursor::just_before;
use crate::domain::activity::Activity;
use crate::domain::ids::{ActivityId, PostbackId, SessionId, TimeId};
use crate::domain::postback::{Attempt, Postback};
use crate::domain::session::Session;
use crate::store::keys::{Feed, Handed};
use crate::store::{Db, KeyRange, Period, PeriodKind, Reader, Record, StoreError, keys};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// Records that are read at once.
pub(super) const MOST_ROWS: usize = 10_000;
/// Bytes of records that are read at once.
const MOST_BYTES: usize = 4 << 20;

/// What a click or activity is taken to need, in the mean.
const RECORD_BYTES: usize = 2 << 10;

/// A record of the store.
pub(super) enum Found {
    Session(Box<Session>),
    Activity(Box<Activity>),
    Postback(Box<Postback>),
    Attempt(Box<(Postback, Attempt)>),
}

impl Found {
    /// When it was, unix milliseconds.
    pub(super) fn at_ms(&self) -> i64 {
        match self {
            Self::Session(session) => session.at_ms(),
            Self::Activity(activity) => activity.id.at_ms(),
            Self::Postback(postback) => postback.id.at_ms(),
            Self::Attempt(of) => of.1.at_ms,
        }
    }
}

/// Some records in order.
pub(super) struct Page {
    pub(super) found: Vec<Found>,
    /// The last one that was looked at.
    pub(super) until: TimeId,
    /// There are more.
    pub(super) is_cut: bool,
}

/// A record that is there, unless it cannot be read, which is told.
fn readable<T>(loaded: Result<Option<T>, StoreError>) -> Result<Option<T>, StoreError> {
    match loaded {
        Err(error) if error.is_of_record() => {
            tracing::error!(code = error.code(), %error, "a record is missing from the files of raw data");
            Ok(None)
        }
        other => other,
    }
}

fn session(reader: &Reader, id: TimeId) -> Result<Option<Found>, StoreError> {
    let session = readable(reader.load(&keys::session(SessionId(id))))?;
    Ok(session.map(|session| Found::Session(Box::new(session))))
}

fn activity(reader: &Reader, id: TimeId) -> Result<Option<Found>, StoreError> {
    let activity = readable(reader.load(&keys::activity(ActivityId(id))))?;
    Ok(activity.map(|activity| Found::Activity(Box::new(activity.as_it_came()))))
}

/// Clicks or activities behind an id and before a time, but for those that are late.
pub(super) fn in_order(
    reader: &Reader,
    what: Handed,
    after: TimeId,
    before_ms: i64,
) -> Result<Page, StoreError> {
    let until = just_before(before_ms);
    let mut page = Page {
        found: Vec::new(),
        until,
        is_cut: false,
    };
    let kind = match what {
        Handed::Session => PeriodKind::Sessions,
        Handed::Activity => PeriodKind::Activities,
        Handed::Postback => return Ok(page),
    };
    // An hour lies in one period.
    let period = Period::from_ms(before_ms.saturating_sub(1));
    if !reader.periods(kind).contains(&period) {
        return Ok(page);
    }
    let (range, last) = match what {
        Handed::Session => (
            keys::sessions_between(after.at_ms(), before_ms),
            keys::session(SessionId(after)).1,
        ),
        _ => (
            keys::activities_between(after.at_ms(), before_ms),
            keys::activity(ActivityId(after)).1,
        ),
    };
    let rows = reader.gather(
        Db::Period(kind, period),
        &range.after(&last),
        MOST_ROWS,
        MOST_BYTES,
    )?;
    page.is_cut = rows.is_cut;
    let parse = |key: &[u8]| match what {
        Handed::Session => keys::parse_session(key).map(|id| id.0),
        _ => keys::parse_activity(key).map(|id| id.0),
    };
    if let Some((key, _)) = rows.rows.last().filter(|_| rows.is_cut) {
        page.until = parse(key).unwrap_or(until);
    }
    // Those of a commit come with their entries, so that what was read above is known to be late here.
    let late = late_within(reader, after, page.until)?;
    let db = Db::Period(kind, period);
    for (key, value) in rows.rows {
        if parse(&key).is_none_or(|id| late.contains(&(id, what))) {
            continue;
        }
        page.found.extend(match what {
            Handed::Session => readable(Session::decode(&value, db, &key).map(Some))?
                .map(|session| Found::Session(Box::new(session))),
            _ => readable(Activity::decode(&value, db, &key).map(Some))?
                .map(|activity| Found::Activity(Box::new(activity.as_it_came()))),
        });
    }
    Ok(page)
}

/// Late records of a span, of every generation.
fn late_within(
    reader: &Reader,
    after: TimeId,
    until: TimeId,
) -> Result<BTreeSet<(TimeId, Handed)>, StoreError> {
    let mut late = BTreeSet::new();
    reader.scan(Db::Hot, &keys::late_from(Feed::Export, 0), false, |key, _| {
        if let Some((_, id, what)) = keys::parse_late(key)
            && after < id
            && id <= until
        {
            late.insert((id, what));
        }
        ControlFlow::Continue(())
    })?;
    Ok(late)
}

/// An entry of what came late: its generation, its id and what it is.
pub(super) type LateEntry = (u32, TimeId, Handed);

/// Entries that wait for a file, and their records.
pub(super) struct Waiting<E> {
    pub(super) entries: Vec<E>,
    pub(super) found: Vec<Found>,
    /// There are more.
    pub(super) is_cut: bool,
}

/// Reads the records of entries, as many as may be in memory at once.
fn waiting<E>(
    mut entries: Vec<E>,
    mut read: impl FnMut(&E) -> Result<Option<(Found, usize)>, StoreError>,
) -> Result<Waiting<E>, StoreError> {
    let mut is_cut = entries.len() >= MOST_ROWS;
    let (mut found, mut bytes, mut done) = (Vec::new(), 0, 0);
    for entry in &entries {
        if bytes >= MOST_BYTES {
            is_cut = true;
            break;
        }
        if let Some((record, size)) = read(entry)? {
            bytes += size;
            found.push(record);
        }
        done += 1;
    }
    entries.truncate(done);
    Ok(Waiting {
        entries,
        found,
        is_cut,
    })
}

/// What came late before a generation began.
pub(super) fn late(reader: &Reader, generation: u32) -> Result<Waiting<LateEntry>, StoreError> {
    let mut entries = Vec::new();
    reader.scan(
        Db::Hot,
        &keys::late_from(Feed::Export, 0),
        false,
        |key, _| match keys::parse_late(key) {
            Some(entry) if entry.0 < generation && entries.len() < MOST_ROWS => {
                entries.push(entry);
                ControlFlow::Continue(())
            }
            _ => ControlFlow::Break(()),
        },
    )?;
    let mut seen = BTreeSet::new();
    waiting(entries, |(_, id, what)| {
        // What was handed on again twice says what it is now.
        if !seen.insert((*id, *what)) {
            return Ok(None);
        }
        let found = match what {
            Handed::Session => session(reader, *id)?,
            Handed::Activity => activity(reader, *id)?,
            Handed::Postback => None,
        };
        Ok(found.map(|found| (found, RECORD_BYTES)))
    })
}

/// An entry of what was made and tried: when, which postback, which try.
pub(super) type MadeEntry = (i64, PostbackId, u16);

/// Postbacks and tries before a time that no file holds yet.
pub(super) fn made(reader: &Reader, before_ms: i64) -> Result<Waiting<MadeEntry>, StoreError> {
    let mut entries = Vec::new();
    reader.scan(Db::Hot, &keys::unwritten_before(before_ms), false, |key, _| {
        entries.extend(keys::parse_unwritten(key));
        if entries.len() < MOST_ROWS {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    waiting(entries, |(_, id, number)| {
        let Some(postback) = postback(reader, *id)? else {
            return Ok(None);
        };
        let request = &postback.request;
        let size = 1024 + request.url.len() + request.body.as_ref().map_or(0, String::len);
        if *number == 0 {
            return Ok(Some((Found::Postback(Box::new(postback)), size)));
        }
        let attempt = match &postback.last {
            Some(last) if last.number == *number => Some(last.clone()),
            _ => readable(reader.load(&keys::attempt(*id, *number)))?,
        };
        Ok(attempt.map(|attempt| (Found::Attempt(Box::new((postback, attempt))), size)))
    })
}

/// When the oldest record was, unix milliseconds; `None`: there is none.
pub(super) fn oldest_ms(reader: &Reader) -> Result<Option<i64>, StoreError> {
    let mut oldest: Option<i64> = None;
    for kind in PeriodKind::ALL {
        let Some(period) = reader.periods(kind).into_iter().min() else {
            continue;
        };
        let prefix = match kind {
            PeriodKind::Sessions => keys::session_prefix(),
            PeriodKind::Activities => keys::activity_prefix(),
            PeriodKind::Postbacks => keys::postback_prefix(),
        };
        reader.scan_prefix(Db::Period(kind, period), &prefix, false, |key, _| {
            let id = match kind {
                PeriodKind::Sessions => keys::parse_session(key).map(|id| id.0),
                PeriodKind::Activities => keys::parse_activity(key).map(|id| id.0),
                PeriodKind::Postbacks => keys::parse_postback(key).map(|id| id.0),
            };
            let at_ms = id.map(TimeId::at_ms);
            oldest = oldest.into_iter().chain(at_ms).min();
            ControlFlow::Break(())
        })?;
    }
    Ok(oldest)
}

/// The postbacks of a span and their tries, as far as these were before a time: what would have been noted, had files
/// been written then.
pub(super) fn unnoted(
    reader: &Reader,
    from_ms: i64,
    to_ms: i64,
    before_ms: i64,
) -> Result<BTreeSet<MadeEntry>, StoreError> {
    let mut entries = BTreeSet::new();
    let mut note = |postback: Postback| {
        entries.insert((postback.id.at_ms(), postback.id, 0));
        entries.extend(postback.last.map(|last| (last.at_ms, postback.id, last.number)));
    };
    let [from, to] = [from_ms, to_ms].map(|at_ms| PostbackId::new(at_ms, 0));
    let waiting = KeyRange::new(keys::waiting(from).1, keys::waiting(to).1);
    let db = Db::postbacks(from_ms);
    let has_settled = matches!(db, Db::Period(kind, period) if reader.periods(kind).contains(&period));
    let settled = has_settled.then(|| (db, keys::postbacks_between(from_ms, to_ms)));
    for (db, range) in [Some((Db::Hot, waiting)), settled].into_iter().flatten() {
        reader.scan(db, &range, false, |key, value| {
            if let Ok(Some(postback)) = readable(Postback::decode(value, db, key).map(Some)) {
                note(postback);
            }
            ControlFlow::Continue(())
        })?;
    }
    if has_settled {
        let tries = KeyRange::new(keys::attempt(from, 0).1, keys::attempt(to, 0).1);
        reader.scan(db, &tries, false, |key, value| {
            let attempt = readable(Attempt::decode(value, db, key).map(Some));
            if let (Some((id, number)), Ok(Some(attempt))) = (keys::parse_attempt(key), attempt) {
                entries.insert((attempt.at_ms, id, number));
            }
            ControlFlow::Continue(())
        })?;
    }
    entries.retain(|(at_ms, _, _)| *at_ms < before_ms);
    Ok(entries)
}

/// A postback that waits or is settled; between two looks it may become the other.
fn postback(reader: &Reader, id: PostbackId) -> Result<Option<Postback>, StoreError> {
    for _ in 0..3 {
        if let Some(waiting) = readable(reader.load(&keys::waiting(id)))? {
            return Ok(Some(waiting));
        }
        if let Some(settled) = readable(reader.load(&keys::postback(id)))? {
            return Ok(Some(settled));
        }
    }
    Ok(None)
}

/// Records that were erased and whose rows files may hold, oldest first.
pub(super) fn erased(reader: &Reader) -> Result<Vec<TimeId>, StoreError> {
    let mut ids = Vec::new();
    reader.scan(Db::Hot, &keys::erased_rows(), false, |key, _| {
        ids.extend(keys::parse_erased_row(key));
        if ids.len() < MOST_ROWS {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    Ok(ids)
}
