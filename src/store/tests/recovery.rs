//! Crashes: the process dies, the power goes, a database fails while it is in use.

use super::rows::IndexError;
use super::*;
use std::time::{Duration, Instant};

/// The store at random moments, as a death of the process leaves it.
fn copies_at_work(seed: u64, with_snapshots: bool) -> (Vec<(tempfile::TempDir, usize)>, Model) {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let (mut model, mut dice) = (Model::default(), Dice(seed));
    let mut copies = Vec::new();
    for _ in 0..5 {
        let commits = 10 + dice.roll(60) as usize;
        model.work(&mut store.writer, &mut dice, commits);
        match dice.roll(3) {
            0 if with_snapshots => assert!(store.keeper.rewrite_snapshots().is_ok()),
            1 => assert!(store.keeper.checkpoint().unwrap()),
            _ => {}
        }
        let copy = tempfile::tempdir().unwrap();
        copy_tree(dir.path(), copy.path());
        copies.push((copy, model.states.len()));
    }
    (copies, model)
}

fn assert_holds(dir: &Path, expected: &Dump, what: &str) -> OpenReport {
    let (store, report) = open(dir);
    assert_eq!(&dump(&store), expected, "{what}: {report:?}");
    assert!(!has_lost(&store.reader.health().repairs), "{what}: {report:?}");
    assert_eq!(store.reader.health().state, StoreState::Ready);
    report
}

#[test]
fn kill_loses_nothing() {
    for seed in [1, 2] {
        let (copies, model) = copies_at_work(seed, true);
        for (copy, commits) in &copies {
            for round in 0..2 {
                assert_holds(
                    copy.path(),
                    &model.states[commits - 1],
                    &format!("seed {seed}, {commits}, {round}"),
                );
            }
        }
    }
}

#[test]
fn power_cut_loses_nothing() {
    let mut dice = Dice(99);
    let (copies, model) = copies_at_work(4, true);
    for pair in copies.windows(2) {
        let ((stale, _), (copy, commits)) = (&pair[0], &pair[1]);
        // Of the databases anything may be left: nothing, an older state, zeros at the end, a piece.
        let databases = copy.path().join("db");
        for name in files::names(&databases).unwrap() {
            let path = databases.join(&name);
            let older = stale.path().join("db").join(&name);
            match dice.roll(5) {
                0 => std::fs::remove_dir_all(&path).unwrap(),
                1 if older.exists() => {
                    std::fs::remove_dir_all(&path).unwrap();
                    copy_tree(&older, &path);
                }
                2 => {
                    let file = std::fs::File::options()
                        .write(true)
                        .open(path.join("db"))
                        .unwrap();
                    let len = file.metadata().unwrap().len();
                    file.set_len(len.saturating_sub(64 << 10)).unwrap();
                    file.set_len(len).unwrap();
                }
                3 => std::fs::File::create(path.join("db")).map(drop).unwrap(),
                _ => std::fs::remove_file(path.join("conf")).unwrap(),
            }
        }
        // A commit was on its way: something of it is behind the last one.
        let newest = files_below(&copy.path().join("journal"))
            .into_iter()
            .rfind(|path| path.extension().is_some_and(|extension| extension == "log"))
            .unwrap();
        let mut bytes = std::fs::read(&newest).unwrap();
        let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
        bytes.truncate(end.max(8192));
        bytes.extend((0..dice.roll(300)).map(|n| n as u8));
        std::fs::write(&newest, bytes).unwrap();
        assert_holds(
            copy.path(),
            &model.states[commits - 1],
            &format!("{commits} commits"),
        );
        assert_holds(
            copy.path(),
            &model.states[commits - 1],
            &format!("{commits} commits, again"),
        );
    }
}

#[test]
fn everything_is_rebuilt_from_snapshots_and_journal() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let (mut model, mut dice) = (Model::default(), Dice(21));
    for _ in 0..3 {
        model.work(&mut store.writer, &mut dice, 60);
        store.keeper.rewrite_snapshots().unwrap();
    }
    model.work(&mut store.writer, &mut dice, 30);
    store.writer.close().unwrap();
    drop((store.reader, store.keeper));
    std::fs::remove_dir_all(dir.path().join("db")).unwrap();
    let report = assert_holds(dir.path(), &model.last(), "without databases");
    assert!(
        report
            .repairs
            .iter()
            .any(|repair| repair.kind == RepairKind::Rebuilt)
    );
    std::fs::remove_dir_all(dir.path().join("db")).unwrap();
    std::fs::remove_file(dir.path().join("MANIFEST")).unwrap();
    assert_holds(dir.path(), &model.last(), "without databases and manifest");
}

#[test]
fn a_journal_that_is_gone_is_made_good_by_snapshots_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let mut model = Model::default();
    model.work(&mut store.writer, &mut Dice(31), 80);
    store.writer.close().unwrap();
    drop((store.reader, store.keeper));
    std::fs::remove_dir_all(dir.path().join("journal")).unwrap();
    assert_holds(dir.path(), &model.last(), "without journal");
    std::fs::remove_dir_all(dir.path().join("db")).unwrap();
    let report = assert_holds(dir.path(), &model.last(), "then without databases");
    assert_eq!(report.last_seq, 80);
}

#[test]
fn a_left_over_of_sleds_own_snapshot_does_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    store.writer.commit(put(Db::Hot, "k", "v")).unwrap();
    store.writer.close().unwrap();
    drop((store.reader, store.keeper));
    std::fs::write(
        dir.path().join("db/hot/snap.0000000000000001.generating"),
        b"half",
    )
    .unwrap();
    let (store, report) = open(dir.path());
    assert_eq!(report.repairs, vec![]);
    assert_eq!(store.reader.get(Db::Hot, b"k").unwrap(), Some(b"v".to_vec()));
}

#[test]
fn an_open_that_kills_the_process_is_not_tried_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    store.writer.commit(put(Db::Hot, "k", "v")).unwrap();
    store.writer.close().unwrap();
    drop((store.reader, store.keeper));
    std::fs::write(dir.path().join("db/hot.opening"), [2]).unwrap();
    let (store, report) = open(dir.path());
    assert!(
        report
            .repairs
            .iter()
            .any(|repair| repair.kind == RepairKind::Rebuilt),
        "{report:?}"
    );
    assert_eq!(store.reader.get(Db::Hot, b"k").unwrap(), Some(b"v".to_vec()));
}

fn break_database(store: &Store, db: Db, is_full: bool) {
    let (slot, index) = store.reader.engine.index(db).unwrap().unwrap();
    let error = store.reader.engine.fail(
        &slot,
        &index,
        IndexError {
            is_full,
            message: "broken by the test".into(),
        },
    );
    assert!(matches!(
        error,
        StoreError::Rebuilding { .. } | StoreError::Full { .. }
    ));
}

#[test]
fn a_database_that_fails_in_use_is_rebuilt_and_no_commit_is_lost() {
    for is_full in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, _) = open(dir.path());
        let (mut model, mut dice) = (Model::default(), Dice(41));
        model.work(&mut store.writer, &mut dice, 40);
        store.keeper.rewrite_snapshots().unwrap();
        model.work(&mut store.writer, &mut dice, 40);
        break_database(&store, Db::Hot, is_full);
        let error = store.reader.get(Db::Hot, b"k1").unwrap_err();
        assert_eq!(
            error.code(),
            if is_full { "disk_full" } else { "store_rebuilding" }
        );
        assert_eq!(store.reader.health().rebuilding, [Db::Hot]);
        assert!(store.writer.recover().is_err());
        // Commits stand meanwhile; nothing may be noted as durable in a database that is down.
        model.work(&mut store.writer, &mut dice, 40);
        assert!(!store.keeper.checkpoint().unwrap());
        let copy = tempfile::tempdir().unwrap();
        copy_tree(dir.path(), copy.path());
        assert!(store.keeper.restore_now());
        store.writer.recover().unwrap();
        assert_eq!(dump(&store), model.last());
        let kind = if is_full {
            RepairKind::Repaired
        } else {
            RepairKind::Rebuilt
        };
        assert_eq!(store.reader.health().repairs.last().unwrap().kind, kind);
        model.work(&mut store.writer, &mut dice, 20);
        assert_eq!(dump(&store), model.last());
        assert_holds(
            copy.path(),
            &model.states[119],
            "killed while the database was down",
        );
    }
}

#[test]
fn the_keeper_brings_a_database_back_while_commits_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(
        dir.path(),
        StoreOptions {
            has_threads: true,
            ..options()
        },
    )
    .unwrap();
    let (mut model, mut dice) = (Model::default(), Dice(51));
    model.work(&mut store.writer, &mut dice, 50);
    break_database(&store, Db::Hot, false);
    let deadline = Instant::now() + Duration::from_secs(30);
    while store.reader.health().state != StoreState::Ready {
        assert!(Instant::now() < deadline, "{:?}", store.reader.health());
        model.work(&mut store.writer, &mut dice, 1);
    }
    assert_eq!(dump(&store), model.last());
    store.writer.close().unwrap();
    drop((store.reader, store.keeper));
    assert_holds(dir.path(), &model.last(), "after the close");
}

#[test]
fn a_database_that_cannot_be_rebuilt_is_given_up_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    store.writer.commit(put(Db::Hot, "k", "v")).unwrap();
    break_database(&store, Db::Hot, false);
    // A file where the rebuilt database would be made.
    let mut attempts = rebuild::Attempts::default();
    for _ in 0..2 {
        attempts.add(Db::Hot, Instant::now());
    }
    std::fs::rename(dir.path().join("db"), dir.path().join("db.gone")).unwrap();
    std::fs::write(dir.path().join("db"), b"").unwrap();
    store.reader.engine.restore_failed(&mut attempts);
    assert_eq!(store.reader.health().state, StoreState::Failed);
    assert_eq!(
        store.reader.get(Db::Hot, b"k").unwrap_err().code(),
        "store_failed"
    );
    assert_eq!(
        store.writer.commit(put(Db::Hot, "k", "w")).unwrap_err().code(),
        "store_failed"
    );
    assert_eq!(store.writer.down_error().code(), "store_failed");
}

#[test]
fn a_database_that_fails_again_after_each_rebuild_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    store.writer.commit(put(Db::Hot, "k", "v")).unwrap();
    let engine = store.reader.engine.clone();
    let mut attempts = rebuild::Attempts::default();
    for _ in 0..3 {
        break_database(&store, Db::Hot, false);
        engine.restore_failed(&mut attempts);
        assert_eq!(store.reader.get(Db::Hot, b"k").unwrap(), Some(b"v".to_vec()));
    }
    break_database(&store, Db::Hot, false);
    engine.restore_failed(&mut attempts);
    let health = store.reader.health();
    assert_eq!(health.state, StoreState::Failed, "{health:?}");
    let names = files::names(&dir.path().join("db")).unwrap();
    let damaged = names.iter().filter(|name| name.starts_with("damaged-hot-"));
    assert_eq!(damaged.count(), 1, "{names:?}");
}

#[test]
fn a_rebuild_misses_nothing_when_the_last_commits_of_a_layer_were_of_others() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let db = period(PeriodKind::Sessions, 0);
    let engine = store.reader.engine.clone();
    for commit in [put(db, "s1", "v"), put(Db::Hot, "k", "v")] {
        let seq = store.writer.append(&commit).unwrap().seq();
        writer::apply_commit(&engine, seq, commit);
    }
    assert!(store.keeper.checkpoint().unwrap());
    break_database(&store, db, false);
    assert!(store.keeper.restore_now());
    let repairs = store.reader.health().repairs;
    assert!(!has_lost(&repairs), "{repairs:?}");
    let copy = tempfile::tempdir().unwrap();
    copy_tree(dir.path(), copy.path());
    let (copied, report) = open(copy.path());
    assert_eq!(report.repairs, vec![], "after a crash");
    assert_eq!(copied.reader.get(db, b"s1").unwrap(), Some(b"v".to_vec()));
}

/// A small file system that gets full. Needs the right to mount.
#[test]
fn a_disk_that_is_really_full_stops_the_store_only_while_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let mount = |args: &[&str]| {
        std::process::Command::new("mount")
            .args(args)
            .output()
            .is_ok_and(|o| o.status.success())
    };
    if !mount(&[
        "-t",
        "tmpfs",
        "-o",
        "size=48m",
        "tmpfs",
        dir.path().to_str().unwrap(),
    ]) {
        assert!(
            std::env::var_os("CI").is_none(),
            "a tmpfs cannot be mounted (root is needed)"
        );
        println!("skipped: a tmpfs cannot be mounted (root is needed)");
        return;
    }
    let result = std::panic::catch_unwind(|| fill_and_free(dir.path()));
    let unmounted = std::process::Command::new("umount")
        .arg("-l")
        .arg(dir.path())
        .status();
    assert!(unmounted.is_ok_and(|status| status.success()));
    result.unwrap();
}

fn fill_and_free(dir: &Path) {
    let (mut store, _) = open(dir);
    std::fs::write(dir.join("filler"), vec![1; 16 << 20]).unwrap();
    let mut kept = 0;
    let refused = loop {
        let commit = put(Db::Hot, &format!("k{kept:06}"), &"v".repeat(3000));
        match store.writer.commit(commit) {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
        assert!(kept < 20_000, "it never got full");
    };
    assert_eq!(refused.code(), "disk_full", "{refused}");
    std::fs::remove_file(dir.join("filler")).unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while !store.keeper.restore_now() || store.writer.recover().is_err() {
        assert!(Instant::now() < deadline, "{:?}", store.reader.health());
    }
    store.writer.commit(put(Db::Hot, "after", "v")).unwrap();
    let count = dump(&store)[&Db::Hot].len();
    assert_eq!(count, kept + 1);
}
