//! What happens between two steps of something that takes a while.

use super::*;
use std::time::{Duration, Instant};

/// Makes a commit durable and visible, without its being applied.
fn on_its_way(store: &mut Store, commit: Commit) -> u64 {
    let seq = store.writer.append(&commit).unwrap().seq();
    writer::apply_commit(&store.reader.engine, seq, commit);
    seq
}

#[test]
fn a_backup_holds_a_commit_that_is_durable_and_not_seen_yet() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    store.writer.commit(put(Db::Hot, "k", "v")).unwrap();
    store.keeper.rewrite_snapshots().unwrap();
    let commit = put(Db::Hot, "late", "v");
    let appended = store.writer.append(&commit).unwrap();
    let file = dir.path().join("b.tar");
    let backup = back_up(&store.keeper, &file).unwrap();
    assert_eq!(backup.last_seq, appended.seq());
    store.writer.apply(appended, commit);
    let target = tempfile::tempdir().unwrap();
    put_back(&file, target.path(), false, false).unwrap();
    let (restored, report) = open(target.path());
    assert_eq!(report.last_seq, backup.last_seq);
    for key in [&b"k"[..], b"late"] {
        assert_eq!(
            restored.reader.get(Db::Hot, key).unwrap(),
            Some(b"v".to_vec()),
            "{key:?}"
        );
    }
}

#[test]
fn a_snapshot_promises_only_rows_that_no_layer_can_move_under_it() {
    const ROWS: usize = 6;
    let dir = tempfile::tempdir().unwrap();
    let with_small_runs = StoreOptions {
        packed_bytes: 1,
        ..options()
    };
    let (mut store, _) = Store::open(dir.path(), with_small_runs).unwrap();
    let db = period(PeriodKind::Sessions, 0);
    let first = store.writer.commit(put(db, "s", "v")).unwrap();
    let engine = store.reader.engine.clone();
    let slot = engine.slot(db).unwrap();
    engine.close_slot(&slot, &mut slot.state.write(), false);
    // Each row fills a block.
    let writes = (0..ROWS).map(|n| (db, Op::Put(format!("s{n}").into_bytes(), vec![n as u8; 7 << 10])));
    let commit = Commit {
        writes: writes.collect(),
    };
    let rows_seq = on_its_way(&mut store, commit);
    // The period is opened and replays the rows; the layer that also has them leaves under a later number.
    let (_, index) = engine.index(db).unwrap().unwrap();
    assert_eq!(index.applied_seq(), rows_seq);
    on_its_way(&mut store, put(Db::Hot, "k", "v"));
    let promised = engine.snapshot_seq(&index);
    assert_eq!(engine.snapshot_where(|of, _| of == db).unwrap(), 1);
    let known = *slot.known.lock();
    assert_eq!(known.snapshot.map(|mark| mark.seq), Some(promised));
    let mut shown = 0;
    let scanned = index.scan(&KeyRange::prefix(b"s"), false, &mut |_, _| {
        if shown == 0 {
            engine.apply_pending();
        }
        shown += 1;
        ControlFlow::Continue(())
    });
    scanned.unwrap();
    assert!(
        shown < ROWS,
        "the layer does not move rows: the test shows nothing"
    );
    assert_eq!(
        (promised, known.uncovered_seq),
        (first, Some(rows_seq)),
        "a scan showed {shown} rows"
    );
    assert_eq!(dump(&store)[&db].len(), ROWS + 1);
}

#[test]
fn a_period_that_no_applied_commit_made_has_no_snapshot_yet() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let db = period(PeriodKind::Sessions, 0);
    let seq = on_its_way(&mut store, put(db, "s1", "v"));
    let engine = store.reader.engine.clone();
    assert_eq!(engine.snapshot_where(|of, _| of == db).unwrap(), 0);
    let known = *engine.slot(db).unwrap().known.lock();
    assert_eq!((known.snapshot, known.uncovered_seq), (None, Some(seq)));
    let file = dir.path().join("b.tar");
    back_up(&store.keeper, &file).unwrap();
    let target = tempfile::tempdir().unwrap();
    put_back(&file, target.path(), false, false).unwrap();
    let (restored, _) = open(target.path());
    assert_eq!(restored.reader.get(db, b"s1").unwrap(), Some(b"v".to_vec()));
}

#[test]
fn what_the_journal_trim_journal_stays_covered_while_a_commit_is_on_its_way() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let db = period(PeriodKind::Sessions, 0);
    store.writer.commit(put(db, "s1", "v")).unwrap();
    for n in 0..20 {
        store.writer.commit(put(Db::Hot, &format!("k{n}"), "v")).unwrap();
    }
    store.keeper.rewrite_snapshots().unwrap();
    let engine = store.reader.engine.clone();
    let trimmed = engine.trimmed_seq.load(Ordering::Acquire);
    assert_eq!(trimmed, 21);
    on_its_way(&mut store, put(db, "s2", "v"));
    engine.snapshot_where(|of, _| of == db).unwrap();
    assert_eq!(engine.trimmed_seq.load(Ordering::Acquire), trimmed);
    drop((store, engine));
    let (store, report) = open(dir.path());
    assert_eq!(report.repairs, vec![]);
    assert_eq!(store.reader.get(db, b"s2").unwrap(), Some(b"v".to_vec()));
}

#[test]
fn reads_go_on_while_a_dropped_period_closes() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let db = period(PeriodKind::Sessions, 0);
    store.writer.commit(put(db, "s1", "v")).unwrap();
    store.writer.commit(put(Db::Hot, "k", "v")).unwrap();
    let engine = store.reader.engine.clone();
    let slot = engine.slot(db).unwrap();
    std::thread::scope(|scope| {
        let in_use = slot.state.read();
        let dropped = scope.spawn(|| engine.drop_database(db));
        let deadline = Instant::now() + Duration::from_secs(20);
        while engine
            .slots
            .try_read()
            .is_none_or(|slots| slots.contains_key(&db))
        {
            assert!(Instant::now() < deadline, "the map of databases stays locked");
            std::thread::yield_now();
        }
        assert_eq!(store.reader.get(Db::Hot, b"k").unwrap(), Some(b"v".to_vec()));
        drop(in_use);
        dropped.join().unwrap().unwrap();
    });
    assert_eq!(store.reader.get(db, b"s1").unwrap(), None);
}

#[test]
fn a_period_is_opened_while_another_takes_long_to_open() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let (slow, quick) = (period(PeriodKind::Sessions, 0), period(PeriodKind::Sessions, 1));
    for db in [slow, quick] {
        store.writer.commit(put(db, "s1", "v")).unwrap();
    }
    let engine = store.reader.engine.clone();
    let slots = [slow, quick].map(|db| engine.slot(db).unwrap());
    for slot in &slots {
        engine.close_slot(slot, &mut slot.state.write(), false);
    }
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let being_opened = slots[0].state.write();
        scope.spawn(|| drop(send.send(store.reader.get(quick, b"s1"))));
        let found = receive.recv_timeout(Duration::from_secs(20));
        drop(being_opened);
        assert_eq!(found.unwrap().unwrap(), Some(b"v".to_vec()));
    });
}
