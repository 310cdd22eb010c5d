//! The one writer: a commit is made durable, then applied; between the two it may be acknowledged.

use super::codec::encode_commit;
use super::database::Db;
use super::engine::{Engine, SlotState};
use super::keeper::Threads;
use super::space::Room;
use super::{Commit, Op, StoreError};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

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
    /// Without it commits are applied at once.
    pub(super) applier: Option<Applier>,
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
        self.engine.away.may_write()?;
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

    /// Lets reads see a commit, and has it applied to the databases. A database that fails is taken out of use
    /// and gets the commit from the journal when it is back; the commit stands.
    pub fn apply(&mut self, appended: Appended, commit: Commit) {
        apply_commit(&self.engine, appended.seq, commit);
        if self.applier.is_none() {
            self.engine.apply_pending();
        }
        self.engine.mark_seen(appended.seq);
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

    /// The last commit that the journal holds durably.
    pub fn durable_seq(&self) -> u64 {
        self.engine.durable_seq()
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
        if let Some(refusal) = self.engine.away.refusal() {
            return Some(refusal);
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
        self.stop_applier();
        self.engine.apply_pending();
        self.threads.stop(&self.engine);
        let checkpoint = self.engine.final_checkpoint();
        self.engine.is_closing.store(true, Ordering::Release);
        for slot in self.engine.all_slots() {
            self.engine.close_slot(&slot, &mut slot.state.write(), false);
        }
        checkpoint.map(|_| ())
    }

    fn stop_applier(&mut self) {
        if let Some(applier) = self.applier.take() {
            applier.stop(&self.engine);
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop_applier();
        self.threads.stop(&self.engine);
    }
}

/// Puts a commit on its way to the databases; a dropped period goes at once, with all that was written to it
/// before.
pub(super) fn apply_commit(engine: &Engine, seq: u64, mut commit: Commit) {
    if commit.writes.iter().any(|(_, op)| *op == Op::Drop) {
        engine.apply_pending();
        let mut kept = Vec::with_capacity(commit.writes.len());
        for (db, op) in commit.writes {
            if op == Op::Drop {
                kept.retain(|(of, _)| *of != db);
                if let Err(error) = engine.drop_database(db) {
                    tracing::error!(code = error.code(), %db, %error, "a dropped period could not be removed; it is removed at the next start");
                }
            } else {
                kept.push((db, op));
            }
        }
        commit.writes = kept;
    }
    for db in commit.writes.iter().map(|(db, _)| *db).collect::<BTreeSet<_>>() {
        engine.touch(db, seq);
    }
    engine.pending.add(seq, commit);
}

/// The thread that hands commits to the databases.
pub(super) struct Applier(JoinHandle<()>);

impl Applier {
    /// Starts it.
    pub(super) fn start(engine: &Arc<Engine>) -> Result<Self, StoreError> {
        let of_thread = engine.clone();
        engine.pending.begin();
        let serve = move || of_thread.pending.serve(|| of_thread.apply_pending());
        let spawned = std::thread::Builder::new()
            .name("store-applier".into())
            .spawn(serve);
        spawned.map(Self).map_err(|source| StoreError::Io {
            what: "start a thread for",
            path: engine.layout.root.clone(),
            source,
        })
    }

    /// Ends it after what it is at; what waits then is left to the caller, or to the journal.
    fn stop(self, engine: &Engine) {
        engine.pending.end();
        if self.0.join().is_err() {
            tracing::error!(
                code = "store_thread_panicked",
                "a thread of the store ended with a panic"
            );
        }
    }
}
