//! The archive: the journal off the machine as it is written, in a bucket that speaks S3 or a directory that stands in
//! for one; restoring any moment of it; and who may write it.
//!
//! ```text
//! copier thread                          snapshot thread                 restore, promote, standby
//! every interval: what is new ─▶ journal/1/…  every day: a backup ─▶ snapshots/1/…    read
//!                                             what is too old ─▶ gone
//! ```
//!
//! | file | |
//! | --- | --- |
//! | `object` `manifest` | the objects as bytes; what there is and how a state is put together from it: pure |
//! | `place` `error` `local` | an archive as calls; what may go wrong; what a data directory knows of it |
//! | `shared` `copier` `snapshots` `erasures` `status` | a server that writes one |
//! | `restore` `promote` `standby` | reading one; taking over; staying up to date |
//! | `alone` | what a fenced server took without it |
//!
//! What holds:
//!
//! * A journal object is created only if there is none of its name, and its name follows from the one before. Who takes
//!   over puts a fence under the name that comes next; so the one before can add nothing, whatever it believes.
//! * The manifest is replaced only over the version that was read. Of several who take over at once one succeeds.
//! * Nobody who serves visitors waits for the bucket: the two threads read what is durable anyway.

mod alone;
mod copier;
mod erasures;
mod error;
mod local;
pub mod manifest;
mod object;
mod place;
mod promote;
mod restore;
mod shared;
mod snapshots;
mod standby;
mod status;

#[cfg(test)]
mod tests;

pub use alone::parted;
pub use erasures::since as erased_since;
pub use error::ArchiveError;
pub use local::{Followed, Local};
pub use place::Archive;
pub use promote::{Promoted, Successor};
pub use restore::{Checked, Restored, check, restore};
pub use shared::Options;
pub use standby::{Standby, StandbyState};
pub use status::{Standing, Status, Trouble};

use crate::clock::Clock;
use crate::store::Keeper;
use crate::wire::threads;
use crossbeam_channel::{Sender, bounded};
use parking_lot::Mutex;
use shared::Shared;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Instant;

/// A server that writes an archive: two threads.
pub struct Archiving {
    shared: Arc<Shared>,
    stop: Mutex<Option<Sender<()>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Archiving {
    /// Starts the threads. A directory that was fenced is so from the start.
    ///
    /// # Errors
    /// What the data directory knows of archives cannot be read or written; a thread cannot be started.
    pub fn start(
        archive: Archive,
        keeper: Keeper,
        options: Options,
        clock: Clock,
    ) -> Result<Self, ArchiveError> {
        let local = Local::read(&options.data_dir)?;
        local.write(&options.data_dir)?;
        let data_dir = options.data_dir.clone();
        let shared = Arc::new(Shared::new(archive, keeper, options, clock, &local));
        let (stop, stopped) = bounded::<()>(0);
        let copier = copier::Copier::new(shared.clone());
        let of_copier = stopped.clone();
        let of_snapshots = shared.clone();
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new()
                .name(name.into())
                .spawn(work)
                .map_err(ArchiveError::io(&data_dir))
        };
        let threads = vec![
            spawn("archive-copier", Box::new(move || copier.run(&of_copier)))?,
            spawn(
                "archive-snapshot",
                Box::new(move || snapshots::run(&of_snapshots, &stopped)),
            )?,
        ];
        Ok(Self {
            shared,
            stop: Mutex::new(Some(stop)),
            threads: Mutex::new(threads),
        })
    }

    /// How it is.
    pub fn status(&self) -> Status {
        self.shared.status()
    }

    /// Tries on the real bucket whether it does what the archive needs.
    ///
    /// # Errors
    /// What it does not.
    pub fn prove(&self) -> Result<(), ArchiveError> {
        self.shared.archive.prove()
    }

    /// Ends the threads after one more copy. What hangs in a request at the deadline is left to the end of the process.
    pub fn stop(&self, deadline: Instant) {
        self.shared.is_stopping.store(true, Ordering::Release);
        *self.stop.lock() = None;
        let left = threads::join_by(std::mem::take(&mut *self.threads.lock()), deadline);
        if left > 0 {
            tracing::warn!(
                code = "archive_hangs",
                "the bucket does not answer; what waits goes out at the next start"
            );
        }
    }
}
