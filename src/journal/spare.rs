//! The thread that prepares the next segment, so that beginning one never waits for 64 MiB of zeros.
//!
//! Real zeros are written and synced: a hole or an unwritten extent would cost a metadata commit at
//! every later sync. The file gets its name only once all of it is on disk, so one that is found at
//! start can be used as it is.

use super::disk::{Disk, write_all};
use super::error::JournalError;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

const SPARE_NAME: &str = "journal-next.spare";
const UNFINISHED_NAME: &str = "journal-next.tmp";
const CHUNK_BYTES: usize = 256 << 10;
/// Synced in steps, so that the appends going on meanwhile never wait for much of it.
const SYNC_EVERY_BYTES: u64 = 2 << 20;

enum State {
    Absent,
    Preparing,
    Ready,
}

/// The one spare segment file of a journal.
pub(super) struct Spare {
    state: State,
    path: PathBuf,
    /// `None` while the thread is told to end.
    requests: Option<Sender<()>>,
    results: Receiver<io::Result<()>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Spare {
    /// Starts the thread and asks for a spare, or takes the one that is there.
    pub(super) fn start(disk: Arc<dyn Disk>, dir: &Path, bytes: u64) -> Result<Self, JournalError> {
        let path = dir.join(SPARE_NAME);
        let (requests, wanted) = bounded::<()>(1);
        let (done, results) = bounded(1);
        let stop = Arc::new(AtomicBool::new(false));
        let is_ready = disk
            .open_read(&path)
            .and_then(|file| file.len())
            .is_ok_and(|len| len == bytes);
        let job = Job {
            disk,
            dir: dir.to_owned(),
            bytes,
            stop: Arc::clone(&stop),
        };
        let thread = thread::Builder::new()
            .name("journal-spare".to_owned())
            .spawn(move || {
                for () in wanted {
                    if done.send(job.prepare()).is_err() {
                        return;
                    }
                }
            })
            .map_err(|error| JournalError::from_io("start the thread that prepares", &path, error))?;
        let state = if is_ready { State::Ready } else { State::Absent };
        let mut spare = Self {
            state,
            path,
            requests: Some(requests),
            results,
            stop,
            thread: Some(thread),
        };
        spare.request();
        Ok(spare)
    }

    /// Asks for a spare unless there is one or one is on its way. Never waits.
    pub(super) fn request(&mut self) {
        if matches!(self.state, State::Absent)
            && self
                .requests
                .as_ref()
                .is_some_and(|requests| requests.try_send(()).is_ok())
        {
            self.state = State::Preparing;
        }
    }

    /// The path of the spare, which from now on is the caller's; waits for one that is on its way.
    /// `None` when there is none, because the disk is full for example.
    pub(super) fn take(&mut self) -> Option<PathBuf> {
        match std::mem::replace(&mut self.state, State::Absent) {
            State::Ready => return Some(self.path.clone()),
            State::Absent => return None,
            State::Preparing => {}
        }
        match self.results.recv() {
            Ok(Ok(())) => Some(self.path.clone()),
            Ok(Err(error)) => {
                tracing::warn!(%error, "no journal segment could be prepared; recording goes on, more slowly");
                None
            }
            Err(_) => {
                tracing::error!(
                    "the thread that prepares journal segments has died; recording goes on, more slowly"
                );
                None
            }
        }
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.requests = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that prepares journal segments panicked");
        }
    }
}

/// What the thread knows.
struct Job {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    bytes: u64,
    stop: Arc<AtomicBool>,
}

impl Job {
    fn prepare(&self) -> io::Result<()> {
        let unfinished = self.dir.join(UNFINISHED_NAME);
        let result = self
            .fill(&unfinished)
            .and_then(|()| self.disk.rename(&unfinished, &self.dir.join(SPARE_NAME)));
        if result.is_err()
            && let Err(error) = self.disk.remove(&unfinished)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, path = %unfinished.display(), "cannot remove an unfinished journal segment");
        }
        result
    }

    fn fill(&self, path: &Path) -> io::Result<()> {
        let file = self.disk.create(path)?;
        let zeros = vec![0; CHUNK_BYTES];
        let (mut at, mut unsynced) = (0, 0);
        while at < self.bytes {
            if self.stop.load(Ordering::Relaxed) {
                return Err(io::Error::new(
                    io::ErrorKind::Interrupted,
                    "the journal is being closed",
                ));
            }
            let len = usize::try_from(self.bytes - at)
                .unwrap_or(CHUNK_BYTES)
                .min(CHUNK_BYTES);
            write_all(file.as_ref(), zeros.get(..len).unwrap_or(&zeros), at)?;
            at += len as u64;
            unsynced += len as u64;
            if unsynced >= SYNC_EVERY_BYTES {
                file.sync()?;
                unsynced = 0;
            }
        }
        file.sync()
    }
}
