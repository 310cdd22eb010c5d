//! What a decision leaves behind when it fails.

use super::testing::Instance;
use crate::store::{Db, Key, StoreError, keys};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const NOW_MS: i64 = 1_795_000_000_000;

#[test]
fn a_decision_that_fails_leaves_nothing_and_the_others_of_its_group_stand() {
    let instance = Instance::start(NOW_MS);
    let recorder = &instance.recorder;
    let (before, failing) = (
        keys::instance::<[u8; 1]>("before"),
        keys::instance::<[u8; 1]>("failing"),
    );
    let (put_before, put_failing) = (before.clone(), failing.clone());
    recorder
        .run_blocking(move |group| group.put(put_before, b"1".to_vec()))
        .unwrap();
    let decided = recorder
        .try_run_blocking(move |group| -> Result<(), &str> {
            group.put(put_failing, b"2".to_vec());
            Err("no")
        })
        .unwrap();
    assert_eq!(decided, Err("no"));
    let read = |key: &Key<[u8; 1]>| recorder.reader().load(key).unwrap();
    assert_eq!(read(&before), Some(*b"1"));
    assert_eq!(read(&failing), None);
}

#[test]
fn callbacks_of_a_decision_that_cannot_be_made_now_are_told_why() {
    let instance = Instance::start(NOW_MS);
    let told = Arc::new(AtomicBool::new(false));
    let note = told.clone();
    let job = move |group: &mut super::Group<'_>| {
        group.on_durable(Box::new(move |result| {
            note.store(result.is_err(), Ordering::Release);
        }));
        group.fail(&StoreError::Rebuilding { db: Db::Hot });
    };
    assert!(instance.recorder.submit(Box::new(job)).is_ok());
    Instance::wait_for("the callback is told", || told.load(Ordering::Acquire));
    assert!(
        !instance.recorder.is_down(),
        "nothing waits, so nobody else is refused"
    );
}
