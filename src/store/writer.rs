//! The one writer: a commit is made durable, then applied; between the two it may be acknowledged.

use super::codec::encode_commit;
use super::engine::{Engine, SlotState};
use super::keeper::Threads;
use super::keys::Db;
use super::space::Room;
use super::{Commit, Op, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A commit that is durable and not applied yet.
#[derive(Debug)]
#[must_use = "a commit that is not applied is not seen before the next start"]
pub struct Appended {
    seq: u64,
}

impl Appended {
    /// The number of the commit.
    pub fn seq(&self) -> u64 {
        self.seq
    }
}

/// Writes commits; owned by one thread. Dropped without [`Writer::close`] it leaves the store as a crash does.
pub struct Writer {
    pub(super) engine: Arc<Engine>,
    pub(super) threads: Threads,
    pub(super) journal_failure: Option<String>,
}

impl Writer {
    /// Makes a commit durable. Once this returns `Ok` the commit stands, whatever happens to the databases.
    ///
    /// # Errors
    /// [`StoreError::Full`] (a commit that only deletes or drops is taken until the disk is really full),
    /// [`StoreError::Journal`], [`StoreError::TooLarge`], [`StoreError::Failed`]: nothing was written.
    pub fn append(&mut self, commit: &Commit) -> Result<Appended, StoreError> {
        let adds = commit.writes.iter().any(|(_, op)| matches!(op, Op::Put(..)));
        if adds && self.engine.room.lock().0 == Room::Short {
            return Err(self.engine.full_error());
        }
        if let Some((db, message)) = &*self.engine.failed.lock() {
            return Err(StoreError::Failed {
                db: *db,
                message: message.clone(),
            });
        }
        if commit
            .writes
            .iter()
            .any(|(db, op)| *db == Db::Hot && *op == Op::Drop)
        {
            return Err(StoreError::Encode("the hot database cannot be dropped".into()));
        }
        let payload = encode_commit(commit)?;
        let appended = self.engine.journal.lock().append(&payload);
        match appended {
            Ok(seq) => {
                self.journal_failure = None;
                self.engine.durable_seq.store(seq, Ordering::Release);
                Ok(Appended { seq })
            }
            Err(error) => {
                let error = self.engine.journal_error(&error);
                self.journal_failure = Some(error.to_string());
                self.engine.poke();
                Err(error)
            }
        }
    }

    /// Applies a commit to the databases. A database that fails is taken out of use and gets the commit from
    /// the journal when it is back; the commit stands.
    pub fn apply(&mut self, appended: Appended, commit: Commit) {
        apply_commit(&self.engine, appended.seq, &commit);
        self.engine.mark_applied(appended.seq);
    }

    /// Both steps; the number of the commit.
    ///
    /// # Errors
    /// As [`Writer::append`].
    pub fn commit(&mut self, commit: Commit) -> Result<u64, StoreError> {
        let appended = self.append(&commit)?;
        let seq = appended.seq;
        self.apply(appended, commit);
        Ok(seq)
    }

    /// Why writing failed or would fail now.
    pub fn down_error(&self) -> StoreError {
        match self.state_error() {
            Some(error) => error,
            None => match &self.journal_failure {
                Some(message) => StoreError::Journal(message.clone()),
                None => StoreError::Rebuilding { db: Db::Hot },
            },
        }
    }

    fn state_error(&self) -> Option<StoreError> {
        if let Some((db, message)) = &*self.engine.failed.lock() {
            return Some(StoreError::Failed {
                db: *db,
                message: message.clone(),
            });
        }
        if self.engine.room.lock().0 == Room::Short {
            return Some(self.engine.full_error());
        }
        let slot = self.engine.slot(Db::Hot)?;
        match &*slot.state.read() {
            SlotState::Down(error) => Some(self.engine.down_error(Db::Hot, error)),
            _ => None,
        }
    }

    /// Whether it is worth trying again after a failure: there is room and the hot database is in use.
    ///
    /// # Errors
    /// What still stands in the way.
    pub fn recover(&mut self) -> Result<(), StoreError> {
        self.engine.watch_room()?;
        self.state_error().map_or(Ok(()), Err)
    }

    /// Ends the store's threads, makes everything durable in the databases, and closes them. The next start
    /// replays nothing.
    ///
    /// # Errors
    /// What could not be made durable: the journal has it, the next start replays it.
    pub fn close(mut self) -> Result<(), StoreError> {
        self.threads.stop(&self.engine);
        let checkpoint = self.engine.final_checkpoint();
        self.engine.is_closing.store(true, Ordering::Release);
        for slot in self.engine.all_slots() {
            self.engine.close_slot(&slot, &mut slot.state.write(), false);
        }
        checkpoint.map(|_| ())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.threads.stop(&self.engine);
    }
}

/// Applies the writes of a commit in their order.
pub(super) fn apply_commit(engine: &Engine, seq: u64, commit: &Commit) {
    let mut by_db: BTreeMap<Db, Vec<&Op>> = BTreeMap::new();
    for (db, op) in &commit.writes {
        if *op == Op::Drop {
            by_db.remove(db);
            if let Err(error) = engine.drop_database(*db) {
                tracing::error!(code = error.code(), %db, %error, "a dropped period could not be removed; it is removed at the next start");
            }
        } else {
            by_db.entry(*db).or_default().push(op);
        }
    }
    for (db, ops) in by_db {
        engine.apply(db, seq, &ops);
    }
}
