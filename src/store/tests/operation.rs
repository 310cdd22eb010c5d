//! What the store does when nothing is wrong with it.

use super::*;
use std::time::Duration;

#[test]
fn what_was_written_is_read_back_after_a_close() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, report) = open(dir.path());
    assert_eq!((report.last_seq, report.repairs.len()), (0, 0));
    let mut model = Model::default();
    model.work(&mut store.writer, &mut Dice(7), 200);
    assert_eq!(dump(&store), model.last());
    let health = store.reader.health();
    assert_eq!(
        (health.state, health.durable_seq, health.applied_seq),
        (StoreState::Ready, 200, 200)
    );
    store.writer.close().unwrap();
    assert!(matches!(
        store.reader.get(Db::Hot, b"k1"),
        Err(StoreError::Closing)
    ));
    drop(store.reader);
    drop(store.keeper);
    let (store, report) = open(dir.path());
    assert_eq!(
        (report.last_seq, report.replayed_commits, report.repairs),
        (200, 0, vec![])
    );
    assert_eq!(dump(&store), model.last());
}

#[test]
fn what_is_on_its_way_is_read_as_if_it_were_there() {
    let dir = tempfile::tempdir().unwrap();
    let with_threads = || StoreOptions {
        has_threads: true,
        ..options()
    };
    let (mut store, _) = Store::open(dir.path(), with_threads()).unwrap();
    let (mut model, mut dice) = (Model::default(), Dice(11));
    for _ in 0..150 {
        let commits = 1 + dice.roll(12) as usize;
        model.work(&mut store.writer, &mut dice, commits);
        let now = dump(&store);
        assert_eq!(now, model.last());
        for (db, records) in &now {
            let mut backwards = Vec::new();
            let scanned = store.reader.scan(*db, &KeyRange::all(), true, |key, value| {
                backwards.push((key.to_vec(), value.to_vec()));
                ControlFlow::Continue(())
            });
            scanned.unwrap();
            backwards.reverse();
            assert!(backwards.iter().map(|(k, v)| (k, v)).eq(records));
            for (key, value) in records {
                assert_eq!(store.reader.get(*db, key).unwrap().as_ref(), Some(value));
            }
            let half = records.len() / 2;
            let mut seen = 0;
            let stopped = store.reader.scan(*db, &KeyRange::all(), false, |_, _| {
                seen += 1;
                if seen < half {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            });
            stopped.unwrap();
            assert_eq!(seen, half.max(records.len().min(1)));
        }
    }
    // As a crash leaves it: what was on its way is replayed.
    let copy = tempfile::tempdir().unwrap();
    copy_tree(dir.path(), copy.path());
    let (copied, _) = open(copy.path());
    assert_eq!(dump(&copied), model.last());
    store.writer.close().unwrap();
    drop((store.reader, store.keeper));
    let (store, report) = open(dir.path());
    assert_eq!((report.replayed_commits, report.repairs), (0, vec![]));
    assert_eq!(dump(&store), model.last());
}

#[test]
fn reads_never_make_a_period() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let db = period(PeriodKind::Sessions, 1);
    assert_eq!(store.reader.get(db, b"k").unwrap(), None);
    store
        .reader
        .scan_prefix(db, b"k", false, |_, _| panic!("nothing is there"))
        .unwrap();
    assert!(!dir.path().join("db").join(db.to_string()).exists() && store.reader.databases() == [Db::Hot]);
    store.writer.commit(put(db, "k", "v")).unwrap();
    assert_eq!(store.reader.get(db, b"k").unwrap(), Some(b"v".to_vec()));
    assert_eq!(store.reader.periods(PeriodKind::Sessions), [Period(681)]);
}

#[test]
fn scans_show_ranges_in_both_directions_and_never_the_reserved_key() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    for key in ["a1", "a2", "a3", "b1"] {
        store.writer.commit(put(Db::Hot, key, "v")).unwrap();
    }
    let seen = |range: KeyRange, reverse, limit| {
        let mut seen = Vec::new();
        store
            .reader
            .scan(Db::Hot, &range, reverse, |key, _| {
                seen.push(String::from_utf8(key.to_vec()).unwrap());
                if seen.len() < limit {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            })
            .unwrap();
        seen
    };
    assert_eq!(
        seen(
            KeyRange {
                start: vec![],
                end: None
            },
            false,
            9
        ),
        ["a1", "a2", "a3", "b1"]
    );
    assert_eq!(seen(KeyRange::prefix(b"a"), true, 2), ["a3", "a2"]);
    assert_eq!(seen(KeyRange::prefix(b"a").after(b"a1"), false, 9), ["a2", "a3"]);
    assert_eq!(seen(KeyRange::prefix(b"a").before(b"a3"), true, 9), ["a2", "a1"]);
    assert!(seen(KeyRange::new(b"b".to_vec(), b"a".to_vec()), false, 9).is_empty());
}

#[test]
fn a_commit_stands_from_its_append_on() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let commit = put(Db::Hot, "k", "v");
    let appended = store.writer.append(&commit).unwrap();
    assert_eq!(appended.seq(), 1);
    assert!(!store.reader.wait_applied(1, Duration::from_millis(5)));
    let copy = tempfile::tempdir().unwrap();
    copy_tree(dir.path(), copy.path());
    store.writer.apply(appended, commit);
    assert!(store.reader.wait_applied(1, Duration::ZERO));
    let (store, _) = open(copy.path());
    assert_eq!(store.reader.get(Db::Hot, b"k").unwrap(), Some(b"v".to_vec()));
}

#[test]
fn many_periods_share_few_open_databases() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let mut model = Model::default();
    for round in 0..3 {
        for months in 0..12 {
            let commit = put(period(PeriodKind::Activities, months), &format!("k{round}"), "v");
            model.note(&commit);
            store.writer.commit(commit).unwrap();
        }
    }
    let open_now = store
        .reader
        .engine
        .all_slots()
        .iter()
        .filter(|slot| slot.db != Db::Hot && matches!(&*slot.state.read(), engine::SlotState::Open(_)))
        .count();
    assert!(open_now <= 3, "{open_now} are open");
    assert_eq!(dump(&store), model.last());
    assert_eq!(store.reader.periods(PeriodKind::Activities).len(), 12);
}

#[test]
fn a_dropped_period_is_gone_and_can_begin_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let db = period(PeriodKind::Sessions, 0);
    store.writer.commit(put(db, "old", "v")).unwrap();
    store.keeper.rewrite_snapshots().unwrap();
    store
        .writer
        .commit(Commit {
            writes: vec![(db, Op::Put(b"x".to_vec(), vec![])), (db, Op::Drop)],
        })
        .unwrap();
    assert!(store.reader.periods(PeriodKind::Sessions).is_empty());
    assert!(!dir.path().join("db").join(db.to_string()).exists());
    assert!(
        files_below(&dir.path().join("snapshots"))
            .iter()
            .all(|path| !path.to_string_lossy().contains("sessions"))
    );
    let mut copies = Vec::new();
    let mut keep_copy = || {
        let copy = tempfile::tempdir().unwrap();
        copy_tree(dir.path(), copy.path());
        copies.push(copy);
    };
    keep_copy();
    // The whole database goes in a commit that also begins it anew.
    let commit = Commit {
        writes: vec![
            (db, Op::Put(b"y".to_vec(), vec![])),
            (db, Op::Drop),
            (db, Op::Put(b"new".to_vec(), b"v".to_vec())),
        ],
    };
    store.writer.commit(commit).unwrap();
    keep_copy();
    drop(store);
    for (copy, expected) in copies.iter().zip([None, Some(b"v".to_vec())]) {
        for _ in 0..2 {
            let (store, report) = open(copy.path());
            assert!(!has_lost(&report.repairs), "{report:?}");
            assert_eq!(store.reader.get(db, b"new").unwrap(), expected);
            for gone in ["old", "x", "y"] {
                assert_eq!(store.reader.get(db, gone.as_bytes()).unwrap(), None);
            }
        }
    }
}

#[test]
fn the_hot_database_cannot_be_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    assert!(
        store
            .writer
            .commit(Commit {
                writes: vec![(Db::Hot, Op::Drop)]
            })
            .is_err()
    );
    assert_eq!(store.writer.commit(put(Db::Hot, "k", "v")).unwrap(), 1);
}

#[test]
fn snapshots_let_the_journal_go() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let mut model = Model::default();
    model.work(&mut store.writer, &mut Dice(3), 300);
    store
        .writer
        .commit(put(Db::Hot, "secret", "to-be-erased"))
        .unwrap();
    store.keeper.rewrite_snapshots().unwrap();
    store
        .writer
        .commit(Commit {
            writes: vec![(Db::Hot, Op::Delete(b"secret".to_vec()))],
        })
        .unwrap();
    assert_eq!(store.keeper.rewrite_snapshots().unwrap(), 1, "only hot changed");
    assert_eq!(store.keeper.rewrite_snapshots().unwrap(), 0);
    for path in files_below(dir.path())
        .iter()
        .filter(|path| !path.starts_with(dir.path().join("db")))
    {
        let bytes = std::fs::read(path).unwrap();
        assert!(
            !bytes.windows(12).any(|window| window == b"to-be-erased"),
            "{path:?}"
        );
    }
    assert_eq!(dump(&store), model.last());
    drop(store);
    let (store, report) = open(dir.path());
    assert_eq!((report.last_seq, report.repairs), (302, vec![]));
    assert_eq!(dump(&store), model.last());
}

#[test]
fn one_process_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let (_store, _) = open(dir.path());
    assert_eq!(
        Store::open(dir.path(), options()).err().unwrap().code(),
        "store_locked"
    );
    assert_eq!(
        verify(dir.path(), &options(), |_, _, _| Ok(()))
            .unwrap_err()
            .code(),
        "store_locked"
    );
}

#[test]
fn a_nearly_full_disk_stops_writing_but_not_deleting() {
    let dir = tempfile::tempdir().unwrap();
    let space = SpaceOptions {
        full_below_bytes: 1,
        ready_from_bytes: 1,
        ballast_bytes: 4096,
    };
    let (mut store, _) = Store::open(dir.path(), StoreOptions { space, ..options() }).unwrap();
    assert!(dir.path().join("ballast").exists());
    store.writer.commit(put(Db::Hot, "k", "v")).unwrap();
    *store.writer.engine.room.lock() = (Room::Short, 0);
    assert_eq!(
        store.writer.commit(put(Db::Hot, "k", "w")).unwrap_err().code(),
        "disk_full"
    );
    assert_eq!(store.writer.down_error().code(), "disk_full");
    assert_eq!(store.reader.health().state, StoreState::Full);
    store
        .writer
        .commit(Commit {
            writes: vec![(Db::Hot, Op::Delete(b"k".to_vec()))],
        })
        .unwrap();
    // There is room in truth: the next look finds it.
    store.writer.recover().unwrap();
    assert_eq!(store.writer.commit(put(Db::Hot, "k", "x")).unwrap(), 3);
    drop(store);
    let never = SpaceOptions {
        full_below_bytes: u64::MAX,
        ready_from_bytes: u64::MAX,
        ballast_bytes: 4096,
    };
    let (mut store, _) = Store::open(
        dir.path(),
        StoreOptions {
            space: never,
            ..options()
        },
    )
    .unwrap();
    assert!(!dir.path().join("ballast").exists(), "the ballast is given back");
    assert_eq!(
        store.writer.commit(put(Db::Hot, "k", "y")).unwrap_err().code(),
        "disk_full"
    );
    assert_eq!(store.reader.get(Db::Hot, b"k").unwrap(), Some(b"x".to_vec()));
}

#[test]
fn the_threads_make_checkpoints_and_end() {
    let dir = tempfile::tempdir().unwrap();
    let with_threads = StoreOptions {
        has_threads: true,
        checkpoint_every: Duration::from_millis(10),
        ..options()
    };
    let (mut store, _) = Store::open(dir.path(), with_threads).unwrap();
    store.writer.commit(put(Db::Hot, "k", "v")).unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while store.reader.health().checkpoint_seq < 1 {
        assert!(std::time::Instant::now() < deadline, "no checkpoint was made");
        std::thread::yield_now();
    }
    store.writer.close().unwrap();
}

#[test]
fn backup_while_writing_and_restore() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let (mut model, mut dice) = (Model::default(), Dice(11));
    model.work(&mut store.writer, &mut dice, 100);
    let file = dir.path().join("b.tar");
    let keeper = store.keeper.clone();
    let backup = std::thread::scope(|scope| {
        let made = scope.spawn(|| back_up(&keeper, &file));
        model.work(&mut store.writer, &mut dice, 150);
        made.join().unwrap().unwrap()
    });
    assert!(backup.last_seq >= 100 && backup.databases >= 1, "{backup:?}");
    let target = tempfile::tempdir().unwrap();
    assert_eq!(
        put_back(&file, target.path(), false, true).unwrap(),
        backup,
        "dry run"
    );
    assert!(files_below(target.path()).is_empty());
    assert_eq!(put_back(&file, target.path(), false, false).unwrap(), backup);
    assert_eq!(
        put_back(&file, target.path(), false, false).unwrap_err().code(),
        "target_not_empty"
    );
    {
        let (mut restored, report) = open(target.path());
        assert!(!has_lost(&report.repairs), "{report:?}");
        assert_eq!(report.last_seq, backup.last_seq);
        assert_eq!(dump(&restored), model.states[backup.last_seq as usize - 1]);
        assert_eq!(
            restored.writer.commit(put(Db::Hot, "after", "v")).unwrap(),
            backup.last_seq + 1
        );
        restored.writer.close().unwrap();
    }
    put_back(&file, target.path(), true, false).unwrap();
    let (restored, _) = open(target.path());
    assert_eq!(restored.reader.get(Db::Hot, b"after").unwrap(), None);
    drop(restored);
    // Any byte that is changed, or cut off, is noticed before the target is touched.
    let good = std::fs::read(&file).unwrap();
    for n in 0..60 {
        let mut bytes = good.clone();
        let at = dice.roll(bytes.len() as u64 - 2048) as usize;
        if n % 4 == 0 {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 1 << dice.roll(8);
        }
        std::fs::write(&file, &bytes).unwrap();
        let before = files_below(target.path());
        // Bytes of tar's own headers and padding hold nothing of ours.
        if let Ok(report) = put_back(&file, target.path(), true, true) {
            assert_eq!(report, backup);
            assert_eq!(bytes.len(), good.len());
        }
        assert_eq!(files_below(target.path()), before);
    }
}

#[test]
fn an_older_schema_is_migrated_after_a_backup_and_a_newer_one_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    store.writer.commit(put(Db::Hot, "k", "old")).unwrap();
    store.writer.close().unwrap();
    drop((store.reader, store.keeper));
    let set_schema = |schema| {
        let path = dir.path().join("MANIFEST");
        let manifest::Found::Good(manifest) = manifest::Manifest::read(&path).unwrap() else {
            panic!("no manifest")
        };
        manifest::Manifest { schema, ..manifest }.write(&path).unwrap();
    };
    set_schema(0);
    let failing = [migrate::Step {
        to: 1,
        run: |_, _| Err(StoreError::Encode("no".into())),
    }];
    let error = Store::open_with(dir.path(), options(), &failing).err().unwrap();
    assert_eq!(error.code(), "migration_failed");
    let steps = [migrate::Step {
        to: 1,
        run: |writer, reader| {
            let old = reader.get(Db::Hot, b"k")?.unwrap_or_default();
            let new = [&old[..], b"+new"].concat();
            writer
                .commit(Commit {
                    writes: vec![(Db::Hot, Op::Put(b"k".to_vec(), new))],
                })
                .map(|_| ())
        },
    }];
    let (store, report) = Store::open_with(dir.path(), options(), &steps).unwrap();
    assert_eq!((report.migrated_from, report.schema), (Some(0), manifest::SCHEMA));
    assert_eq!(
        store.reader.get(Db::Hot, b"k").unwrap(),
        Some(b"old+new".to_vec())
    );
    drop(store);
    assert_eq!(open(dir.path()).1.migrated_from, None, "once");
    let backups = files_below(&dir.path().join("backups"));
    assert_eq!(backups.len(), 2, "{backups:?}");
    let target = tempfile::tempdir().unwrap();
    put_back(&backups[1], target.path(), false, false).unwrap();
    let (store, _) = Store::open_with(target.path(), options(), &steps).unwrap();
    assert_eq!(
        store.reader.get(Db::Hot, b"k").unwrap(),
        Some(b"old+new".to_vec())
    );

    drop(open(dir.path()));
    set_schema(manifest::SCHEMA + 1);
    let error = Store::open(dir.path(), options()).err().unwrap();
    assert_eq!(error.code(), "schema_newer");
    assert!(
        error.to_string().contains("schema 3") && error.to_string().contains("up to 2"),
        "{error}"
    );
}

#[test]
fn verify_walks_everything_and_tells_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let mut model = Model::default();
    model.work(&mut store.writer, &mut Dice(5), 50);
    store.keeper.rewrite_snapshots().unwrap();
    store.writer.commit(put(Db::Hot, "k", "v")).unwrap();
    drop(store);
    let records: usize = dump(&open(dir.path()).0).values().map(BTreeMap::len).sum();
    let report = verify(dir.path(), &options(), |_, _, _| Ok(())).unwrap();
    assert_eq!(
        (report.problems.clone(), report.records, report.commits),
        (vec![], records as u64, 1),
        "{report:?}"
    );
    assert!(report.snapshots > 0 && report.databases >= report.snapshots);
    let report = verify(dir.path(), &options(), |db, key, _| {
        if key == b"k" {
            crate::domain::stats::Counters::decode(b"?", db, key).map(|_| ())
        } else {
            Ok(())
        }
    });
    assert!(
        report
            .unwrap()
            .problems
            .iter()
            .all(|problem| problem.contains("family 'k', key 6b"))
    );
    let snapshot = files_below(&dir.path().join("snapshots"))[0].clone();
    std::fs::write(snapshot, b"?").unwrap();
    assert_eq!(
        verify(dir.path(), &options(), |_, _, _| Ok(()))
            .unwrap()
            .problems
            .len(),
        1
    );
}
