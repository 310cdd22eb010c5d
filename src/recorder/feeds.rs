//! Up to where records have been handed on, and what comes behind that all the same.
//!
//! A feed (the stream, the files of raw data) reads the records of the store in the order of their ids up to a mark, and
//! moves the mark on when it has read them. It moves it here, on the recorder's thread, so that whatever is committed
//! from then on knows of it: a new record behind the mark leaves an entry in the same commit, and the feed finds it by
//! that. So nothing waits in memory, and nothing is missed. Without a feed nothing is done.

use crate::domain::ids::TimeId;
use crate::store::keys::{Feed, Handed};
use crate::store::{Db, PeriodKind, Reader, StoreError, keys};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};

/// The mark of one feed.
#[derive(Default)]
struct Mark {
    is_on: AtomicBool,
    before_ms: AtomicI64,
    generation: AtomicU32,
}

/// The marks of all feeds; clones share them.
#[derive(Clone, Default)]
pub struct Feeds(Arc<[Mark; Feed::ALL.len()]>);

impl Feeds {
    fn mark(&self, feed: Feed) -> &Mark {
        match feed {
            Feed::Stream => &self.0[0],
            Feed::Export => &self.0[1],
        }
    }

    /// From now on a feed is read, whose mark is as its cursor says. Before intake starts.
    pub fn begin(&self, feed: Feed, before_ms: i64, generation: u32) {
        let mark = self.mark(feed);
        mark.before_ms.store(before_ms, Ordering::Release);
        mark.generation.store(generation, Ordering::Release);
        mark.is_on.store(true, Ordering::Release);
    }

    /// Moves a mark on, never back, and begins a generation, whose number is given. On the recorder's thread only, in the
    /// decision that saves it.
    pub fn seal(&self, feed: Feed, before_ms: i64) -> (i64, u32) {
        let mark = self.mark(feed);
        let before = mark
            .before_ms
            .fetch_max(before_ms, Ordering::AcqRel)
            .max(before_ms);
        (before, mark.generation.fetch_add(1, Ordering::AcqRel) + 1)
    }

    /// A feed was read up to a mark, and is not read now. Before intake starts.
    pub fn remember(&self, feed: Feed, before_ms: i64) {
        self.mark(feed).before_ms.store(before_ms, Ordering::Release);
    }

    /// Whether a record may have been handed on, now or when the feed was read.
    pub(super) fn is_handed_on(&self, feed: Feed, id: TimeId) -> bool {
        id.at_ms() < self.mark(feed).before_ms.load(Ordering::Acquire)
    }

    /// Whether a feed is read.
    pub(super) fn is_on(&self, feed: Feed) -> bool {
        self.mark(feed).is_on.load(Ordering::Acquire)
    }

    /// Whether any feed is read.
    pub(super) fn is_any_on(&self) -> bool {
        self.0.iter().any(|mark| mark.is_on.load(Ordering::Acquire))
    }

    /// The feeds whose mark lies behind an id, with their generations.
    pub(super) fn behind(&self, id: TimeId) -> impl Iterator<Item = (Feed, u32)> + '_ {
        Feed::ALL.into_iter().filter_map(move |feed| {
            let mark = self.mark(feed);
            let is_behind =
                mark.is_on.load(Ordering::Acquire) && id.at_ms() < mark.before_ms.load(Ordering::Acquire);
            is_behind.then(|| (feed, mark.generation.load(Ordering::Acquire)))
        })
    }
}

/// Which record of those that are handed on a key is about.
pub(super) fn handed(db: Db, key: &[u8]) -> Option<(Handed, TimeId)> {
    match db {
        Db::Period(PeriodKind::Sessions, _) => keys::parse_session(key).map(|id| (Handed::Session, id.0)),
        Db::Period(PeriodKind::Activities, _) => keys::parse_activity(key).map(|id| (Handed::Activity, id.0)),
        Db::Hot | Db::Period(PeriodKind::Postbacks, _) => None,
    }
}

/// Whether a record was there before the group that is being decided.
pub(super) fn was_there(reader: &Reader, db: Db, key: &[u8]) -> Result<bool, StoreError> {
    Ok(reader.get(db, key)?.is_some())
}
