//! For tests: a recorder over a store in a temporary directory, under a clock that stands. Nothing repairs the
//! store but the test.

use super::{Recorder, RecorderOptions, RecorderThread, RoomBytes};
use crate::clock::Clock;
use crate::live::Live;
use crate::store::catalog::Catalog;
use crate::store::{Keeper, SpaceOptions, Store, StoreOptions};
use std::time::{Duration, Instant};

/// What it is made of; the thread is stopped when it is dropped.
pub(crate) struct Instance {
    pub(crate) recorder: Recorder,
    pub(crate) keeper: Keeper,
    pub(crate) clock: Clock,
    thread: Option<RecorderThread>,
    _dir: tempfile::TempDir,
}

impl Instance {
    pub(crate) fn start(now_ms: i64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::fixed(now_ms);
        let options = StoreOptions {
            has_threads: false,
            space: SpaceOptions {
                full_below_bytes: 0,
                ready_from_bytes: 0,
                ballast_bytes: 0,
            },
            ..StoreOptions::default()
        };
        let (store, _) = Store::open(dir.path(), options).unwrap();
        let bounds = RecorderOptions {
            intake_queue: 100,
            spool: 100,
            rooms: RoomBytes::default(),
        };
        let (recorder, thread) = Recorder::start(
            store.writer,
            store.reader,
            Catalog::default(),
            Live::default(),
            clock.clone(),
            bounds,
        )
        .unwrap();
        Self {
            recorder,
            keeper: store.keeper,
            clock,
            thread: Some(thread),
            _dir: dir,
        }
    }

    /// Asks until it holds; a test that waits for more than ten seconds fails.
    pub(crate) fn wait_for(what: &str, holds: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !holds() {
            assert!(Instant::now() < deadline, "not within ten seconds: {what}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.thread.take().unwrap().stop();
    }
}
