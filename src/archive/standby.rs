//! A second machine that stays up to date from the archive alone.

use super::error::ArchiveError;
use super::local::Local;
use super::place::Archive;
use super::promote::catch_up;
use super::restore::{self, manifest_of};
use crate::clock::Clock;
use crate::store::{RestoreOptions, Store, StoreOptions};
use parking_lot::Mutex;
use serde::Serialize;
use std::path::Path;

/// How far a standby is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StandbyState {
    /// Whether it follows: the last look brought all that the archive held.
    pub is_following: bool,
    /// The last commit that is here.
    pub seq: u64,
    /// The epoch of it.
    pub epoch: u32,
    /// When the last look succeeded, unix milliseconds.
    pub looked_at_ms: Option<i64>,
    /// Seconds since then: no more than these and the interval of the other server are missing here.
    pub behind_s: Option<i64>,
    /// Why the last look failed.
    pub trouble: Option<String>,
}

/// See the module.
pub struct Standby {
    archive: Archive,
    store: Mutex<Store>,
    state: Mutex<StandbyState>,
    clock: Clock,
}

impl Standby {
    /// Opens the data directory, which is made from the archive where there is none.
    ///
    /// # Errors
    /// The bucket does not enforce conditional writes; there is no archive; the directory was not made from it.
    pub fn open(
        archive: Archive,
        data_dir: &Path,
        options: StoreOptions,
        clock: Clock,
    ) -> Result<Self, ArchiveError> {
        archive.prove()?;
        let manifest = manifest_of(&archive)?;
        let mut local = Local::read(data_dir)?;
        if local.followed.is_none() {
            restore::restore(&archive, None, data_dir, RestoreOptions::default())?;
            local = Local::read(data_dir)?;
        }
        let followed = local.followed.clone();
        let fits = followed
            .as_ref()
            .is_some_and(|one| one.archive == manifest.archive && !one.is_earlier);
        if !fits {
            return Err(ArchiveError::Unfit(
                "this data directory was made from another archive or from an earlier state; use an empty one".into(),
            ));
        }
        let (store, _) = Store::open(data_dir, options)?;
        let state = StandbyState {
            is_following: false,
            seq: followed.as_ref().map_or(0, |one| one.seq),
            epoch: followed.as_ref().map_or(0, |one| one.epoch),
            looked_at_ms: None,
            behind_s: None,
            trouble: None,
        };
        Ok(Self {
            archive,
            store: Mutex::new(store),
            state: Mutex::new(state),
            clock,
        })
    }

    /// Brings over what is new; how many commits.
    ///
    /// # Errors
    /// The bucket does not answer; what is there does not follow.
    pub fn look(&self, data_dir: &Path) -> Result<u64, ArchiveError> {
        let looked = self.brought(data_dir);
        let mut state = self.state.lock();
        match &looked {
            Ok((_, epoch, seq)) => {
                (state.epoch, state.seq) = (*epoch, *seq);
                (state.is_following, state.trouble) = (true, None);
                state.looked_at_ms = Some(self.clock.now_ms());
            }
            Err(error) => {
                state.is_following = false;
                state.trouble = Some(error.to_string());
            }
        }
        drop(state);
        looked.map(|(count, _, _)| count)
    }

    fn brought(&self, data_dir: &Path) -> Result<(u64, u32, u64), ArchiveError> {
        let mut local = Local::read(data_dir)?;
        let manifest = manifest_of(&self.archive)?;
        let Some(mut followed) = local.followed.clone() else {
            return Err(ArchiveError::Unfit(
                "this data directory follows no archive".into(),
            ));
        };
        let writer = &mut self.store.lock().writer;
        // A commit may have been brought over without the note of it.
        followed.seq = followed.seq.max(writer.durable_seq());
        let count = catch_up(&self.archive, &manifest, &mut followed, writer)?;
        if followed.epoch != manifest.epoch() {
            return Err(ArchiveError::Unfit(
                "the archive began anew with a snapshot; empty this data directory and start the standby again".into(),
            ));
        }
        if count > 0 || local.followed.as_ref() != Some(&followed) {
            local.followed = Some(followed.clone());
            local.write(data_dir)?;
        }
        Ok((count, followed.epoch, followed.seq))
    }

    /// How far it is.
    pub fn state(&self) -> StandbyState {
        let mut state = self.state.lock().clone();
        let now_ms = self.clock.now_ms();
        state.behind_s = state
            .looked_at_ms
            .map(|at| now_ms.saturating_sub(at).max(0) / 1_000);
        state
    }

    /// The archive and the store, for whoever takes over.
    pub fn into_parts(self) -> (Archive, Store) {
        (self.archive, self.store.into_inner())
    }
}
