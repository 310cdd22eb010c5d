//! Work on the directory is stopped before each single change of it, and the store is opened again.

use super::*;
use crate::store::files::stops;
use std::io::Write;

/// A store with some work behind it, closed, and its backup.
fn with_backup(dir: &Path) -> (Dump, std::path::PathBuf) {
    let (mut store, _) = open(&dir.join("origin"));
    let mut model = Model::default();
    model.work(&mut store.writer, &mut Dice(7), 25);
    store.keeper.rewrite_snapshots().unwrap();
    model.work(&mut store.writer, &mut Dice(8), 10);
    let file = dir.join("backup.tar.lz4");
    let mut target = Target::create(&file, false).unwrap();
    store.keeper.backup(&mut target).unwrap();
    target.keep().unwrap();
    store.writer.close().unwrap();
    (model.last(), file)
}

/// Stops `work` before its first, second, ... change, and looks at what is left each time. The number of stops.
fn stop_everywhere(mut work: impl FnMut() -> bool, mut look: impl FnMut(u64)) -> u64 {
    for allowed in 0.. {
        stops::allow(Some(allowed));
        let is_done = work();
        let was_stopped = stops::left() == Some(0) && !is_done;
        stops::allow(None);
        look(allowed);
        if !was_stopped {
            assert!(is_done);
            return allowed;
        }
    }
    unreachable!()
}

/// What a directory gives that a restore into it was interrupted: nothing has begun, or it refuses, or it is finished.
fn look_at(target: &Path, before: Option<&Dump>, restored: &Dump) -> &'static str {
    let options = StoreOptions {
        may_create: false,
        ..options()
    };
    match Store::open(target, options) {
        Ok((store, report)) => {
            assert!(!has_lost(&report.repairs), "{report:?}");
            let found = dump(&store);
            store.writer.close().unwrap();
            if found == *restored {
                "finished"
            } else {
                assert_eq!(
                    Some(&found),
                    before,
                    "neither what was there nor what was restored"
                );
                "not begun"
            }
        }
        Err(error) => match error.code() {
            "restore_interrupted" => "refused",
            "no_store" => {
                assert_eq!(before, None);
                assert!(!target.join("restoring").exists() && !target.join("restored").exists());
                "not begun"
            }
            other => panic!("{other}: {error}"),
        },
    }
}

#[test]
fn a_restore_that_is_interrupted_is_finished_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (restored, file) = with_backup(dir.path());
    let old = dir.path().join("old");
    let (mut store, _) = open(&old);
    let mut model = Model::default();
    model.work(&mut store.writer, &mut Dice(9), 20);
    store.writer.close().unwrap();
    for force in [false, true] {
        let target = dir.path().join("target");
        let before = force.then(|| model.last());
        let mut seen = Vec::new();
        let options = RestoreOptions {
            force,
            ..RestoreOptions::default()
        };
        let stops = stop_everywhere(
            || {
                if target.exists() {
                    std::fs::remove_dir_all(&target).unwrap();
                }
                if force {
                    copy_tree(&old, &target);
                }
                restore(&file, &target, options).is_ok()
            },
            |_| {
                let copy = dir.path().join("again");
                if copy.exists() {
                    std::fs::remove_dir_all(&copy).unwrap();
                }
                if target.exists() {
                    copy_tree(&target, &copy);
                }
                seen.push(look_at(&target, before.as_ref(), &restored));
                // The command may also be repeated.
                let again = RestoreOptions {
                    force: true,
                    ..options
                };
                restore(&file, &copy, again).unwrap();
                assert_eq!(look_at(&copy, None, &restored), "finished");
            },
        );
        assert!(stops > 15, "{stops}");
        seen.dedup();
        assert_eq!(seen, ["not begun", "refused", "finished"], "force: {force}");
    }
}

#[test]
fn a_restored_store_begins_with_delivery_paused_when_that_was_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let (restored, file) = with_backup(dir.path());
    let target = dir.path().join("target");
    let options = RestoreOptions {
        paused: true,
        ..RestoreOptions::default()
    };
    let report = restore(&file, &target, options).unwrap();
    assert_eq!(report.aside, None);
    let (mut store, opened) = open(&target);
    assert_eq!(
        (
            opened.last_seq,
            opened
                .repairs
                .iter()
                .filter(|r| r.kind == RepairKind::Lost)
                .count()
        ),
        (36, 0)
    );
    let key = keys::delivery_pause();
    assert_eq!(store.reader.load(&key).unwrap().unwrap().by, "restore");
    let resume = Commit {
        writes: vec![(key.0, Op::Delete(key.1))],
    };
    store.writer.commit(resume).unwrap();
    assert_eq!(dump(&store), restored);
}

#[test]
fn data_of_before_are_put_aside_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let (restored, file) = with_backup(dir.path());
    let target = dir.path().join("target");
    let (mut store, _) = open(&target);
    store.writer.commit(put(Db::Hot, "mine", "v")).unwrap();
    store.writer.close().unwrap();
    drop((store.reader, store.keeper));
    assert_eq!(
        restore(&file, &target, RestoreOptions::default())
            .unwrap_err()
            .code(),
        "target_not_empty"
    );
    let force = RestoreOptions {
        force: true,
        ..RestoreOptions::default()
    };
    let aside = restore(&file, &target, force).unwrap().aside.unwrap();
    assert_eq!(look_at(&target, None, &restored), "finished");
    let (store, _) = open(&aside);
    assert_eq!(store.reader.get(Db::Hot, b"mine").unwrap(), Some(b"v".to_vec()));
}

#[test]
fn a_store_is_made_only_where_that_is_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("none");
    let never = || StoreOptions {
        may_create: false,
        ..options()
    };
    assert_eq!(Store::open(&target, never()).err().unwrap().code(), "no_store");
    assert!(!target.exists());
    let checked = verify(&target, &options(), keys::check);
    assert_eq!(checked.unwrap_err().code(), "no_store");
    assert!(!target.exists());
    drop(open(&target));
    drop(Store::open(&target, never()).unwrap());
}

#[test]
fn a_backup_a_snapshot_or_the_end_of_a_month_that_is_interrupted_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let origin = dir.path().join("origin");
    let gone = period(PeriodKind::Activities, 1);
    let (mut store, _) = open(&origin);
    let mut model = Model::default();
    model.work(&mut store.writer, &mut Dice(3), 25);
    store.keeper.rewrite_snapshots().unwrap();
    model.work(&mut store.writer, &mut Dice(4), 10);
    let stays = put(gone, "month", "of before");
    model.note(&stays);
    store.writer.commit(stays).unwrap();
    store.writer.close().unwrap();
    drop((store.reader, store.keeper));
    let without = {
        let mut state = model.last();
        state.remove(&gone);
        state
    };
    type Work = fn(&mut Store) -> bool;
    let backup: Work = |store| store.keeper.backup(&mut std::io::sink()).is_ok();
    let snapshot: Work = |store| store.keeper.rewrite_snapshots().is_ok();
    let month: Work = |store| {
        let gone = period(PeriodKind::Activities, 1);
        let commit = Commit {
            writes: vec![(gone, Op::Drop)],
        };
        store.writer.commit(commit).is_ok() && stops::left() != Some(0)
    };
    for (what, work) in [("backup", backup), ("snapshot", snapshot), ("month", month)] {
        let copy = dir.path().join("copy");
        let stops = stop_everywhere(
            || {
                if copy.exists() {
                    std::fs::remove_dir_all(&copy).unwrap();
                }
                copy_tree(&origin, &copy);
                let left = stops::left();
                stops::allow(None);
                let (mut store, _) = open(&copy);
                stops::allow(left);
                let is_done = work(&mut store);
                let left = stops::left();
                // As a kill leaves it: nothing is closed in order.
                drop(store);
                stops::allow(left);
                is_done
            },
            |allowed| {
                let (store, report) = open(&copy);
                assert!(!has_lost(&report.repairs), "{what} {allowed}: {report:?}");
                let found = dump(&store);
                let expected = if what == "month" { &without } else { &model.last() };
                assert_eq!(&found, expected, "{what} {allowed}");
                let left_over: Vec<_> = files_below(&copy)
                    .into_iter()
                    .filter(|path| path.extension().is_some_and(|end| end == "tmp"))
                    .filter(|path| !path.ends_with("MANIFEST.tmp"))
                    .collect();
                assert!(left_over.is_empty(), "{what} {allowed}: {left_over:?}");
            },
        );
        assert!(stops > 2, "{what}: {stops}");
    }
}

#[test]
fn a_damaged_snapshot_is_noticed_and_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    store.writer.commit(put(Db::Hot, "k", "v")).unwrap();
    store.keeper.rewrite_snapshots().unwrap();
    let snapshots = || {
        let names = files_below(&dir.path().join("snapshots"));
        names
            .into_iter()
            .filter(|path| path.extension().is_some_and(|end| end == "snap"))
            .collect::<Vec<_>>()
    };
    let path = snapshots().pop().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .write_all(&bytes)
        .unwrap();
    let mut checked = std::collections::HashMap::new();
    store.writer.engine.check_snapshot(&mut checked);
    let health = store.reader.health();
    assert!(
        health.repairs[0].message.contains("made anew"),
        "{:?}",
        health.repairs
    );
    assert!(health.damaged_snapshots.is_empty());
    assert!(
        snapshots()
            .iter()
            .all(|path| crate::store::snapshot::check(path).is_ok())
    );
    // It is not read again for a day.
    store.writer.engine.check_snapshot(&mut checked);
    assert_eq!(store.reader.health().repairs.len(), 1);
}

#[test]
fn scheduled_backups_are_kept_for_a_while_and_tell_when_they_fail() {
    let dir = tempfile::tempdir().unwrap();
    let (data, backups) = (dir.path().join("data"), dir.path().join("backups"));
    let with_schedule = || StoreOptions {
        backups: Some(BackupOptions {
            every_ms: 1000,
            keep: 2,
            dir: Some(backups.clone()),
        }),
        // A second from one look at the clock to the next.
        clock: {
            static NOW: AtomicI64 = AtomicI64::new(1_795_000_000_000);
            std::sync::Arc::new(|| NOW.fetch_add(1000, Ordering::Relaxed))
        },
        ..options()
    };
    let (mut store, _) = Store::open(&data, with_schedule()).unwrap();
    store.writer.commit(put(Db::Hot, "k", "v")).unwrap();
    for _ in 0..4 {
        store.keeper.scheduled_backup();
    }
    let status = store.reader.health().backups.unwrap();
    assert_eq!((status.failure, files_below(&backups).len()), (None, 2));
    assert!(status.last_bytes.unwrap() > 0);
    let newest = files_below(&backups).pop().unwrap();
    let report = restore(&newest, &dir.path().join("restored"), RestoreOptions::default());
    assert_eq!(report.unwrap().backup.last_seq, 1);
    // What is not a backup of the schedule is left alone, and a failure is told.
    std::fs::remove_dir_all(&backups).unwrap();
    std::fs::write(&backups, "a file").unwrap();
    store.keeper.scheduled_backup();
    let status = store.reader.health().backups.unwrap();
    assert!(status.failure.is_some() && status.is_late(status.counted_from_ms));
    drop(store);
    std::fs::remove_file(&backups).unwrap();
    let (store, _) = Store::open(&data, with_schedule()).unwrap();
    assert_eq!(store.reader.health().backups.unwrap().last_at_ms, None);
}

#[test]
fn what_was_lost_is_remembered_over_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    store.writer.commit(put(Db::Hot, "k", "v")).unwrap();
    store.writer.engine.report(
        RepairKind::Lost,
        Some(Db::Hot),
        "three commits are missing".into(),
    );
    store.writer.close().unwrap();
    drop((store.reader, store.keeper));
    let (store, report) = open(dir.path());
    assert!(report.repairs.is_empty());
    assert_eq!(
        store.reader.health().losses[0].message,
        "three commits are missing"
    );
}
