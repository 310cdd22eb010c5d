//! A packed database against a map: whatever was written, removed, sealed and opened again, it reads the same.

use super::super::database::{Db, KeyRange, Period, PeriodKind};
use super::super::index::{Index, IndexOptions, Meta, open_patiently};
use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

const DB: Db = Db::Period(PeriodKind::Sessions, Period(680));

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

fn open(dir: &Path, packed: &'static [Family], packed_bytes: usize) -> Index {
    let options = IndexOptions {
        cache_bytes: 1 << 20,
        flush_every_ms: 60_000,
        open_deadline: Duration::from_secs(60),
        packed,
        packed_bytes,
    };
    let fresh = Meta {
        applied_seq: 0,
        schema: 1,
        instance: 1,
    };
    Index::open(dir, options, fresh).unwrap()
}

/// The database without packing; the handle before may hold the lock for a moment after its drop.
fn raw(dir: &Path) -> sled::Db {
    open_patiently(&sled::Config::new().path(dir)).unwrap()
}

fn read(index: &Index, range: &KeyRange, is_reverse: bool) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rows = Vec::new();
    index
        .scan(range, is_reverse, &mut |key, value| {
            rows.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        })
        .unwrap();
    rows
}

fn within(rows: &Rows, range: &KeyRange, is_reverse: bool) -> Vec<(Vec<u8>, Vec<u8>)> {
    let is_in = |key: &Vec<u8>| *key >= range.start && range.end.as_ref().is_none_or(|end| key < end);
    let mut found: Vec<_> = rows
        .iter()
        .filter(|(key, _)| is_in(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if is_reverse {
        found.reverse();
    }
    found
}

/// A key of one of the packed families or of none, with few searched parts so that they meet again.
fn keys() -> impl Strategy<Value = Vec<u8>> {
    let family = prop_oneof![Just(b'd'), Just(b'k'), Just(b's'), Just(b'z')];
    (family, 0_u8..12, 0_u8..6).prop_map(|(family, searched, rest)| {
        let mut key = vec![family];
        key.extend_from_slice(&[searched; 8]);
        key.extend_from_slice(&[rest; 11]);
        key
    })
}

#[derive(Debug, Clone)]
enum Step {
    Write(Vec<(Vec<u8>, Option<Vec<u8>>)>),
    Load(Vec<(Vec<u8>, Vec<u8>)>),
    Flush,
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let value = || proptest::collection::vec(any::<u8>(), 0..200);
    let write = proptest::collection::vec((keys(), proptest::option::weighted(0.8, value())), 1..30);
    let load = proptest::collection::vec((keys(), value()), 1..30);
    let step = prop_oneof![
        8 => write.prop_map(Step::Write),
        1 => load.prop_map(Step::Load),
        1 => Just(Step::Flush),
        1 => Just(Step::Reopen),
    ];
    proptest::collection::vec(step, 1..25)
}

fn ranges() -> impl Strategy<Value = KeyRange> {
    prop_oneof![
        Just(KeyRange::all()),
        keys().prop_map(|key| KeyRange::prefix(&key[..9])),
        keys().prop_map(|key| KeyRange::prefix(&key[..1])),
        (keys(), keys()).prop_map(|(start, end)| KeyRange::new(start, end)),
        (keys(), 0_u8..6).prop_map(|(key, rest)| {
            let end = [&key[..9], &[rest; 11]].concat();
            KeyRange::new(key, end)
        }),
        keys().prop_map(|start| KeyRange { start, end: None }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_packed_database_reads_as_a_map(steps in steps(), ranges in proptest::collection::vec(ranges(), 6)) {
        let dir = tempfile::tempdir().unwrap();
        let mut index = open(dir.path(), families(DB), 4_000);
        let mut rows = Rows::new();
        for (seq, step) in (1_u64..).zip(steps) {
            match step {
                Step::Write(writes) => {
                    let given = writes.iter().map(|(key, value)| (key.as_slice(), value.as_deref()));
                    index.apply(seq, given).unwrap();
                    for (key, value) in writes {
                        match value {
                            Some(value) => rows.insert(key, value),
                            None => rows.remove(&key),
                        };
                    }
                }
                Step::Load(entries) => {
                    index.load(&entries).unwrap();
                    rows.extend(entries);
                }
                Step::Flush => index.flush().unwrap(),
                Step::Reopen => {
                    drop(index);
                    index = open(dir.path(), families(DB), 4_000);
                }
            }
            for range in &ranges {
                for is_reverse in [false, true] {
                    prop_assert_eq!(read(&index, range, is_reverse), within(&rows, range, is_reverse));
                }
            }
        }
        for (key, value) in &rows {
            prop_assert_eq!(index.get(key).unwrap(), Some(value.clone()));
            let mut absent = key.clone();
            absent.push(0);
            prop_assert_eq!(index.get(&absent).unwrap(), None);
        }
    }
}

fn numbered(from: u32, until: u32) -> Vec<(Vec<u8>, Vec<u8>)> {
    let row = |n: u32| {
        let key = [
            b"d".as_slice(),
            &filter::hash(&n.to_be_bytes()).to_be_bytes(),
            &[7; 11],
        ]
        .concat();
        (key, n.to_be_bytes().to_vec())
    };
    (from..until).map(row).collect()
}

fn write(index: &Index, seq: u64, rows: &[(Vec<u8>, Vec<u8>)]) {
    let writes = rows
        .iter()
        .map(|(key, value)| (key.as_slice(), Some(value.as_slice())));
    index.apply(seq, writes).unwrap();
}

#[test]
fn rows_that_were_written_before_packing_are_found_and_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let old = numbered(0, 50);
    let index = open(dir.path(), &[], 0);
    write(&index, 1, &old);
    drop(index);
    let index = open(dir.path(), families(DB), 4_000);
    assert_eq!(index.get(&old[3].0).unwrap(), Some(old[3].1.clone()));
    index
        .apply(
            2,
            [
                (old[3].0.as_slice(), Some(b"new".as_slice())),
                (old[4].0.as_slice(), None),
            ],
        )
        .unwrap();
    write(&index, 3, &numbered(50, 200));
    assert_eq!(index.get(&old[3].0).unwrap(), Some(b"new".to_vec()));
    assert_eq!(index.get(&old[4].0).unwrap(), None);
    assert_eq!(read(&index, &KeyRange::all(), false).len(), 199);
}

#[test]
fn a_run_that_was_not_finished_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let rows = numbered(0, 100);
    let index = open(dir.path(), families(DB), usize::MAX);
    write(&index, 1, &rows);
    drop(index);
    // Blocks of a run without its header, as a crash in the middle leaves them.
    let db = raw(dir.path());
    let wrong: Keys = [(rows[0].0.clone(), Some(b"wrong".to_vec()))].into();
    Run::write(&db, b'd', 0, 0, 9, wrong.iter()).unwrap();
    let header = db
        .scan_prefix(run::family_prefix(b'h', b'd'))
        .next()
        .unwrap()
        .unwrap();
    db.remove(header.0).unwrap();
    drop(db);
    let index = open(dir.path(), families(DB), 4_000);
    let mut sorted = rows.clone();
    sorted.sort();
    assert_eq!(read(&index, &KeyRange::all(), false), sorted);
    write(&index, 2, &numbered(100, 101));
    assert_eq!(read(&index, &KeyRange::all(), false).len(), 101);
    assert_eq!(index.get(&rows[0].0).unwrap(), Some(rows[0].1.clone()));
}

#[test]
fn what_is_in_a_run_is_no_longer_in_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(dir.path(), families(DB), 4_000);
    for n in 0..100 {
        write(&index, u64::from(n) + 1, &numbered(n * 10, n * 10 + 10));
    }
    drop(index);
    let db = raw(dir.path());
    let count = |kind| db.scan_prefix(run::family_prefix(kind, b'd')).count();
    assert!(
        count(b'h') > 10 && count(b'g') < 4,
        "{} runs, {} entries",
        count(b'h'),
        count(b'g')
    );
}

/// All that the database holds, unpacked.
fn stored(dir: &Path) -> Vec<u8> {
    let db = raw(dir);
    let mut stored = Vec::new();
    for entry in db.iter() {
        let (key, value) = entry.unwrap();
        if key.starts_with(&[RESERVED, b'r']) {
            stored.extend(block::unpack(&value).unwrap());
        } else {
            stored.extend_from_slice(&value);
        }
    }
    stored
}

/// What happens to a record and to an index row after they were written.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Then {
    /// Enough is written that both families make a run.
    Seal,
    /// The record is written again, the row removed.
    Again,
    Flush,
    Reopen,
}

#[test]
fn what_is_written_again_or_removed_is_gone_from_the_database_after_a_flush() {
    use Then::{Again, Flush, Reopen, Seal};
    let key = [b"s".as_slice(), &[3; 11]].concat();
    let row = [b"d".as_slice(), &[4; 19]].concat();
    let (old, gone, new) = (vec![b'A'; 40], vec![b'B'; 40], vec![b'C'; 40]);
    let cases: &[&[Then]] = &[
        &[Again, Flush],
        &[Again, Reopen, Flush],
        &[Seal, Again, Flush],
        &[Seal, Again, Reopen, Flush],
        &[Seal, Again, Seal, Flush],
        // A crash before the flush, with the newer rows in a run already.
        &[Seal, Again, Seal, Reopen, Flush],
        &[Again, Seal, Flush, Reopen],
        &[Seal, Seal, Again, Flush, Seal, Reopen],
    ];
    for case in cases {
        for was_unpacked in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let first: &'static [Family] = if was_unpacked { &[] } else { families(DB) };
            let mut index = open(dir.path(), first, 4_000);
            let rows = [
                (key.as_slice(), Some(old.as_slice())),
                (row.as_slice(), Some(gone.as_slice())),
            ];
            index.apply(1, rows).unwrap();
            if was_unpacked {
                drop(index);
                index = open(dir.path(), families(DB), 4_000);
            }
            for (seq, then) in (2..).zip(*case) {
                match then {
                    Seal => {
                        let mut rows = numbered(0, 200);
                        let records = numbered(0, 200).into_iter();
                        rows.extend(records.map(|(key, value)| ([b"s", &key[1..12]].concat(), value)));
                        write(&index, seq, &rows);
                    }
                    Again => {
                        let rows = [(key.as_slice(), Some(new.as_slice())), (row.as_slice(), None)];
                        index.apply(seq, rows).unwrap();
                    }
                    Flush => index.flush().unwrap(),
                    Reopen => {
                        drop(index);
                        index = open(dir.path(), families(DB), 4_000);
                    }
                }
            }
            assert_eq!(index.get(&key).unwrap(), Some(new.clone()), "{case:?}");
            assert_eq!(index.get(&row).unwrap(), None, "{case:?}");
            drop(index);
            let stored = stored(dir.path());
            let holds = |secret: &Vec<u8>| stored.windows(40).any(|window| window == secret.as_slice());
            let held = [&old, &gone, &new].map(holds);
            assert_eq!(
                held,
                [false, false, true],
                "{case:?}, unpacked before: {was_unpacked}"
            );
        }
    }
}

#[test]
fn damage_is_an_error_and_not_a_panic() {
    for kind in [b'h', b'g', b'r'] {
        let dir = tempfile::tempdir().unwrap();
        let index = open(dir.path(), families(DB), 4_000);
        write(&index, 1, &numbered(0, 100));
        write(&index, 2, &numbered(100, 105));
        drop(index);
        let db = raw(dir.path());
        let (key, value) = db
            .scan_prefix(run::family_prefix(kind, b'd'))
            .last()
            .unwrap()
            .unwrap();
        db.insert(key, &value[..value.len() - 1]).unwrap();
        drop(db);
        let options = IndexOptions {
            cache_bytes: 1 << 20,
            flush_every_ms: 60_000,
            open_deadline: Duration::from_secs(60),
            packed: families(DB),
            packed_bytes: 4_000,
        };
        let fresh = Meta {
            applied_seq: 0,
            schema: 1,
            instance: 1,
        };
        let read = Index::open(dir.path(), options, fresh)
            .and_then(|index| index.scan(&KeyRange::all(), false, &mut |_, _| ControlFlow::Continue(())));
        assert!(read.is_err(), "{}", char::from(kind));
    }
}

#[test]
fn every_key_of_a_period_is_packed_and_every_search_is_filtered() {
    use super::super::{RawKey, keys};
    use crate::domain::ids::{ActivityId, PostbackId, SessionId};
    let sid = SessionId::from_key(&[1; 11]).unwrap();
    let activity = ActivityId::from_key(&[1; 11]).unwrap();
    let postback = PostbackId::from_key(&[1; 11]).unwrap();
    let searches: [(RawKey, Vec<u8>); 11] = [
        (keys::session(sid).into(), keys::session(sid).1),
        (
            keys::session_by_device(7, sid).into(),
            keys::session_by_device(7, sid).1[..9].to_vec(),
        ),
        (
            keys::session_by_fingerprint(7, sid).into(),
            keys::session_by_fingerprint(7, sid).1[..9].to_vec(),
        ),
        (
            keys::session_by_click_id(&[7; 16], sid).into(),
            keys::click_id_prefix(&[7; 16]),
        ),
        (keys::activity(activity).into(), keys::activity(activity).1),
        (
            keys::activity_by_session(sid, activity).into(),
            keys::activities_of_session_prefix(sid),
        ),
        (
            keys::activity_by_visitor(7, activity).into(),
            keys::activities_of_visitor_prefix(7),
        ),
        (
            keys::activity_by_order(7, activity).into(),
            keys::activities_of_order_prefix(7),
        ),
        (keys::postback(postback).into(), keys::postback(postback).1),
        (keys::attempt(postback, 1).into(), keys::attempts_prefix(postback)),
        (
            keys::postback_by_session(sid, postback).into(),
            keys::postbacks_of_session_prefix(sid),
        ),
    ];
    for ((db, key), search) in searches {
        let family = families(db).iter().find(|family| family.byte == key[0]);
        let family = family.unwrap_or_else(|| panic!("{db} {}", char::from(key[0])));
        assert_eq!(search.len(), family.search_len, "{db} {}", char::from(key[0]));
    }
}
