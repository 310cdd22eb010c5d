//! A group: what is decided together and made durable together.
//!
//! Decisions read through the group, so each sees what was decided before it although none of it is in
//! the store yet; that is why duplicate checks and attribution need no locks. What a decision writes is
//! staged and joins the group only when the decision returns, so one that panics leaves nothing behind, and
//! neither does one that could not read what it needs ([`Group::discard`], [`Group::fail`]).

mod ranges;

use crate::domain::erased::Erased;
use crate::domain::ids::{ActivityId, PostbackId, TimeId};
use crate::domain::postback::Postback;
use crate::domain::stats::{Counters, StatKey};
use crate::live::LiveEvent;
use crate::recorder::RecordError;
use crate::recorder::cache::Cache;
use crate::recorder::feeds::{self, Feeds};
use crate::recorder::rooms::Rooms;
use crate::store::catalog::Catalog;
use crate::store::keys::{Feed, Handed};
use crate::store::{Commit, Db, Doubt, Key, Op, RawKey, Reader, Record, StoreError, keys};
use crate::telemetry;
use foldhash::HashMap;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// A key and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// Called once the group is durable, or with the reason why it is not.
pub type OnDurable = Box<dyn FnOnce(Result<(), RecordError>) + Send>;

/// What a decision leaves besides writes.
#[derive(Default)]
struct Staged {
    writes: Vec<(Db, Vec<u8>, Option<Vec<u8>>)>,
    drops: Vec<Db>,
    stats: Vec<(StatKey, Counters)>,
    postbacks: Vec<Arc<Postback>>,
    cancelled: Vec<PostbackId>,
    live: Vec<LiveEvent>,
    unpublished: Vec<TimeId>,
    erased: Vec<TimeId>,
    forgotten: Vec<[u8; 16]>,
    on_durable: Vec<OnDurable>,
    catalog: Option<Arc<Catalog>>,
    failure: Option<RecordError>,
}

/// What the group leaves for after the commit.
pub(super) struct Effects {
    pub(super) postbacks: Vec<Arc<Postback>>,
    pub(super) cancelled: Vec<PostbackId>,
    pub(super) live: Vec<LiveEvent>,
    pub(super) erased: Vec<TimeId>,
    pub(super) on_durable: Vec<OnDurable>,
    pub(super) catalog: Option<Arc<Catalog>>,
}

/// One group of decisions.
pub struct Group<'a> {
    reader: &'a Reader,
    cache: &'a Cache,
    rooms: &'a Rooms,
    feeds: &'a Feeds,
    now_ms: i64,
    current_catalog: Arc<Catalog>,
    overlay: HashMap<Db, BTreeMap<Vec<u8>, Option<Vec<u8>>>>,
    stats: HashMap<StatKey, Counters>,
    bytes: usize,
    staged: Staged,
    done: Staged,
}

impl<'a> Group<'a> {
    pub(super) fn new(
        reader: &'a Reader,
        (cache, rooms, feeds): (&'a Cache, &'a Rooms, &'a Feeds),
        catalog: Arc<Catalog>,
        now_ms: i64,
    ) -> Self {
        Self {
            reader,
            cache,
            rooms,
            feeds,
            now_ms,
            current_catalog: catalog,
            overlay: HashMap::default(),
            stats: HashMap::default(),
            bytes: 0,
            staged: Staged::default(),
            done: Staged::default(),
        }
    }

    /// Time of the group, unix milliseconds.
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// Keeps the whole address of the visitor of a conversion, sealed, until `until_ms`.
    pub fn keep_address(&self, id: ActivityId, address: IpAddr, until_ms: i64) {
        let sealing = self.catalog().sealing.clone();
        let addresses = self.reader.addresses();
        if !addresses.keep(id, address, until_ms, &sealing)
            && let Some(left_out) = telemetry::occasionally("address_not_kept")
        {
            tracing::warn!(
                code = "address_not_kept",
                left_out,
                "a whole address could not be kept; what needs it is not sent"
            );
        }
    }

    /// Forgets the whole address of the visitor of a conversion, whatever becomes of the group.
    pub fn forget_address(&self, id: ActivityId) {
        self.reader.addresses().forget([id]);
    }

    /// How much is kept of what does not count.
    pub fn rooms(&self) -> &Rooms {
        self.rooms
    }

    /// Up to where records have been handed on.
    pub fn feeds(&self) -> &Feeds {
        self.feeds
    }

    /// Has a changed activity handed on again, where it was handed on already.
    pub fn hand_on_again(&mut self, id: ActivityId) {
        for (feed, generation) in self.feeds.behind(id.0) {
            self.mark(keys::late(feed, generation, id.0, Handed::Activity));
        }
    }

    /// A postback was made (`number` 0) or tried: files of raw data get a row of it, where any are written.
    pub fn note_postback(&mut self, at_ms: i64, id: PostbackId, number: u16) {
        if self.feeds.is_on(Feed::Export) {
            self.mark(keys::unwritten(at_ms, id, number));
        }
    }

    /// New records behind the mark of a feed leave an entry each.
    fn note_late(&mut self) -> Result<(), StoreError> {
        if !self.feeds.is_any_on() {
            return Ok(());
        }
        let mut entries = Vec::new();
        for (db, keys) in &self.overlay {
            for (key, _) in keys.iter().filter(|(_, value)| value.is_some()) {
                let Some((what, id)) = feeds::handed(*db, key) else {
                    continue;
                };
                let mut behind = self.feeds.behind(id).peekable();
                if behind.peek().is_some() && !feeds::was_there(self.reader, *db, key)? {
                    entries.extend(behind.map(|(feed, generation)| keys::late(feed, generation, id, what)));
                }
            }
        }
        for entry in entries {
            self.overlay
                .entry(entry.0)
                .or_default()
                .insert(entry.1, Some(Vec::new()));
        }
        Ok(())
    }

    /// The configuration, with what was changed earlier in this group.
    pub fn catalog(&self) -> &Arc<Catalog> {
        self.staged
            .catalog
            .as_ref()
            .or(self.done.catalog.as_ref())
            .unwrap_or(&self.current_catalog)
    }

    /// The value of a key, as it will be after this group so far.
    pub fn get(&self, db: Db, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some((_, _, value)) = self
            .staged
            .writes
            .iter()
            .rev()
            .find(|(d, k, _)| *d == db && k == key)
        {
            return Ok(value.clone());
        }
        if let Some(value) = self.overlay.get(&db).and_then(|keys| keys.get(key)) {
            return Ok(value.clone());
        }
        if let Some(value) = self.cache.get(db, key) {
            return Ok(value);
        }
        let value = self.reader.get(db, key)?;
        self.cache.note(db, key, value.as_ref());
        Ok(value)
    }

    /// The record under a key, as it will be after this group so far.
    ///
    /// # Errors
    /// The database is down, or the record does not decode ([`StoreError::is_of_record`]).
    pub fn load<T: Record>(&self, key: &Key<T>) -> Result<Option<T>, StoreError> {
        self.get(key.0, &key.1)?
            .map(|bytes| T::decode(&bytes, key.0, &key.1))
            .transpose()
    }

    /// What is to be thought of a record that cannot be read.
    ///
    /// # Errors
    /// The database is down.
    pub fn doubt<T>(&self, key: &Key<T>, what: &str) -> Result<Doubt, StoreError> {
        self.cache.forget();
        self.reader.doubt(key.0, what)
    }

    /// Whether anything is stored under a key.
    ///
    /// # Errors
    /// The database is down.
    pub fn has<T>(&self, key: &Key<T>) -> Result<bool, StoreError> {
        Ok(self.get(key.0, &key.1)?.is_some())
    }

    /// Writes a record.
    ///
    /// # Errors
    /// [`StoreError::Encode`].
    pub fn save<T: Record>(&mut self, key: Key<T>, value: &T) -> Result<(), StoreError> {
        self.put(key, value.encode()?);
        Ok(())
    }

    /// Writes an entry of an index.
    pub fn mark(&mut self, key: Key<()>) {
        self.put(key, Vec::new());
    }

    /// Writes a record that was encoded before.
    pub fn put(&mut self, at: impl Into<RawKey>, value: Vec<u8>) {
        let at = at.into();
        self.staged.writes.push((at.0, at.1, Some(value)));
    }

    /// Removes a record, by its key or by the bytes that a scan gave.
    pub fn remove(&mut self, at: impl Into<RawKey>) {
        let at = at.into();
        self.staged.writes.push((at.0, at.1, None));
    }

    /// Drops a whole period.
    pub fn drop_period(&mut self, db: Db) {
        self.staged.drops.push(db);
    }

    /// Adds to the counters of a row.
    pub fn count(&mut self, key: StatKey, counters: Counters) {
        self.staged.stats.push((key, counters));
    }

    /// Stores a waiting postback and has it sent once it is durable.
    pub fn queue(&mut self, postback: Postback) -> Result<(), StoreError> {
        self.save(keys::waiting(postback.id), &postback)?;
        if postback.resent_at_ms.is_none() {
            self.note_postback(postback.id.at_ms(), postback.id, 0);
        }
        self.wake(Arc::new(postback));
        Ok(())
    }

    /// Once this group is durable, the scheduler learns of a waiting postback whose record is already staged
    /// ([`Self::queue`] does both), and viewers see it.
    pub fn wake(&mut self, postback: Arc<Postback>) {
        self.staged.live.push(LiveEvent::Postback(postback.clone()));
        self.staged.postbacks.push(postback);
    }

    /// Once this group is durable, the scheduler forgets a waiting postback that the group has settled.
    pub fn cancel(&mut self, id: PostbackId) {
        self.staged.cancelled.push(id);
    }

    /// Once this group is durable, the live stream forgets these sessions, activities and postbacks: viewers that
    /// reconnect are not sent them again.
    pub fn unpublish(&mut self, ids: impl IntoIterator<Item = TimeId>) {
        self.staged.unpublished.extend(ids);
    }

    /// The same for what was erased at the request of the person: the commit says so, for restores of a state of
    /// before, and files of raw data that may hold it are written anew.
    pub fn erase(&mut self, ids: impl IntoIterator<Item = TimeId>) {
        for id in ids {
            if self.feeds.is_handed_on(Feed::Export, id) {
                self.mark(keys::erased_row(id));
            }
            self.staged.erased.push(id);
        }
    }

    /// Likewise of a device, by a hash that it is known by.
    pub fn erase_device(&mut self, hash: [u8; 16]) {
        self.staged.forgotten.push(hash);
    }

    /// What the group erased becomes a part of it.
    fn note_erased(&mut self) -> Result<(), StoreError> {
        let parts = Erased::parts(self.now_ms, &self.done.erased, &self.done.forgotten);
        for (n, part) in parts.iter().enumerate() {
            let at = keys::erased_now(n);
            let entries = self.overlay.entry(at.0).or_default();
            entries.insert(at.1, Some(part.encode()?));
        }
        Ok(())
    }

    /// Tells viewers once it is durable.
    pub fn tell(&mut self, event: LiveEvent) {
        self.staged.live.push(event);
    }

    /// Replaces the configuration once it is durable.
    pub fn set_catalog(&mut self, catalog: Catalog) {
        self.staged.catalog = Some(Arc::new(catalog));
    }

    /// Registers what is done once the group is durable, or failed.
    pub fn on_durable(&mut self, callback: OnDurable) {
        self.staged.on_durable.push(callback);
    }

    /// Throws away what the running decision staged so far, callbacks too: it only looked at what would come of
    /// it, or must not be made in part.
    pub fn discard(&mut self) {
        self.staged = Staged::default();
    }

    /// The decision could not be made now: nothing of it is written, and its callbacks are told why.
    pub fn fail(&mut self, error: &StoreError) {
        self.staged.failure = Some(error.into());
    }

    /// Why the decision could not be made, when it said so.
    pub(super) fn failure(&mut self) -> Option<RecordError> {
        self.staged.failure.take()
    }

    /// What the decision staged joins the group.
    pub(super) fn accept(&mut self) {
        let staged = std::mem::take(&mut self.staged);
        for (db, key, value) in staged.writes {
            self.bytes += key.len() + value.as_ref().map_or(0, Vec::len) + 16;
            self.overlay.entry(db).or_default().insert(key, value);
        }
        for (key, counters) in staged.stats {
            self.stats.entry(key).or_default().merge(&counters);
        }
        self.done.drops.extend(staged.drops);
        self.done.postbacks.extend(staged.postbacks);
        self.done.cancelled.extend(staged.cancelled);
        self.done.live.extend(staged.live);
        self.done.unpublished.extend(staged.unpublished);
        self.done.erased.extend(staged.erased);
        self.done.forgotten.extend(staged.forgotten);
        self.done.on_durable.extend(staged.on_durable);
        if staged.catalog.is_some() {
            self.done.catalog = staged.catalog;
        }
    }

    /// What the decision staged is thrown away, except for the callbacks, which are told.
    pub(super) fn reject(&mut self, error: &RecordError) {
        for callback in std::mem::take(&mut self.staged).on_durable {
            callback(Err(error.clone()));
        }
    }

    /// Size of the writes so far, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Turns the group into a commit and what follows it. A row of counters that cannot be decoded is told in
    /// the log and stays as it is.
    ///
    /// # Errors
    /// The counters, or records behind a mark, cannot be read now; the callbacks come back to be told.
    pub(super) fn finish(
        mut self,
        totals: &mut super::totals::Totals,
    ) -> Result<(Commit, Effects), (StoreError, Vec<OnDurable>)> {
        if let Err(error) = self.note_late().and_then(|()| self.note_erased()) {
            return Err((error, self.done.on_durable));
        }
        for (key, added) in std::mem::take(&mut self.stats) {
            match totals.add(self.reader, key, &added) {
                Ok((at, value)) => {
                    self.overlay.entry(at.0).or_default().insert(at.1, Some(value));
                }
                Err(error) if error.is_of_record() => {
                    tracing::error!(code = error.code(), %error, "a row of counters cannot be added to");
                }
                Err(error) => return Err((error, self.done.on_durable)),
            }
        }
        let mut writes = Vec::with_capacity(
            self.overlay.values().map(BTreeMap::len).sum::<usize>() + self.done.drops.len(),
        );
        for (db, keys) in self.overlay {
            writes.extend(keys.into_iter().map(|(key, value)| match value {
                Some(value) => (db, Op::Put(key, value)),
                None => (db, Op::Delete(key)),
            }));
        }
        writes.extend(self.done.drops.iter().map(|db| (*db, Op::Drop)));
        let Staged {
            postbacks,
            cancelled,
            live,
            erased,
            on_durable,
            catalog,
            ..
        } = self.done;
        Ok((
            Commit { writes },
            Effects {
                postbacks,
                cancelled,
                live,
                erased,
                on_durable,
                catalog,
            },
        ))
    }
}
