//! One database of sled with something missing or one bit turned: it is refused, when it is opened or when the hole is
//! read, or it says that it ends earlier; never does it lack a row and say nothing.
//!
//! `YAMABIKO_HOLES=2000` turns more bits.

use super::super::index::{Index, IndexOptions, Meta, open_patiently};
use super::super::packed::families;
use super::super::rows::IndexError;
use super::*;
use std::time::Duration;

const LAST_SEQ: u64 = 220;

fn open_index(dir: &Path, db: Db) -> Result<Index, IndexError> {
    let options = IndexOptions {
        cache_bytes: 8 << 20,
        flush_every_ms: 60_000,
        open_deadline: Duration::from_secs(60),
        packed: families(db),
        packed_bytes: 100 << 10,
    };
    let fresh = Meta {
        applied_seq: 0,
        schema: 1,
        instance: 1,
    };
    Index::open(dir, options, fresh)
}

fn rows_of(index: &Index, is_reverse: bool) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, IndexError> {
    let mut rows = BTreeMap::new();
    index.scan(&KeyRange::all(), is_reverse, &mut |key, value| {
        rows.insert(key.to_vec(), value.to_vec());
        ControlFlow::Continue(())
    })?;
    Ok(rows)
}

/// A database of some segments, closed cleanly, and what it holds.
fn written(dir: &Path, db: Db) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let index = open_index(dir, db).unwrap();
    let mut dice = Dice(17);
    for seq in 1..=LAST_SEQ {
        let rows: Vec<_> = (0..12)
            .map(|_| {
                let family = [b's', b'a', b'p', b'd'][dice.roll(4) as usize];
                let key = [&[family][..], &dice.roll(u64::MAX).to_be_bytes(), &[1; 11]].concat();
                let value: Vec<u8> = (0..60).flat_map(|_| dice.roll(u64::MAX).to_be_bytes()).collect();
                (key, value)
            })
            .collect();
        let writes = rows
            .iter()
            .map(|(key, value)| (key.as_slice(), Some(value.as_slice())));
        index.apply(seq, writes).unwrap();
        if seq % 9 == 0 {
            index.flush().unwrap();
        }
    }
    index.flush().unwrap();
    rows_of(&index, false).unwrap()
}

/// Whether what is wrong is noticed, by whoever opens it, scans it, or looks every row up.
fn is_noticed(dir: &Path, db: Db, rows: &BTreeMap<Vec<u8>, Vec<u8>>) -> Result<bool, String> {
    let Ok(index) = open_index(dir, db) else {
        return Ok(true);
    };
    if index.meta().applied_seq < LAST_SEQ {
        return Ok(true);
    }
    let mut noticed = 0;
    for is_reverse in [false, true] {
        // A handle that failed once answers nothing more.
        let index = if noticed > 0 {
            &open_index(dir, db).unwrap()
        } else {
            &index
        };
        match rows_of(index, is_reverse) {
            Err(_) => noticed += 1,
            Ok(found) if found == *rows => {}
            Ok(found) => {
                return Err(format!(
                    "{} of {} rows are left, and nothing said",
                    found.len(),
                    rows.len()
                ));
            }
        }
        if noticed > 0 {
            break;
        }
    }
    drop(index);
    let Ok(index) = open_index(dir, db) else {
        return Ok(true);
    };
    for (key, value) in rows {
        match index.get(key) {
            Err(_) => return Ok(true),
            Ok(found) if found.as_ref() == Some(value) => {}
            Ok(found) => {
                return Err(format!(
                    "a row is {}",
                    if found.is_some() { "another" } else { "gone" }
                ));
            }
        }
    }
    Ok(noticed > 0)
}

const DATABASES: [Db; 4] = [
    Db::Hot,
    Db::Period(PeriodKind::Sessions, Period(680)),
    Db::Period(PeriodKind::Activities, Period(680)),
    Db::Period(PeriodKind::Postbacks, Period(680)),
];

#[test]
fn a_bit_that_turned_takes_no_row_in_silence() {
    let positions: u64 = std::env::var("YAMABIKO_HOLES").map_or(25, |n| n.parse().unwrap());
    for db in DATABASES {
        let dir = tempfile::tempdir().unwrap();
        let rows = written(&dir.path().join("whole"), db);
        let file = std::fs::read(dir.path().join("whole/db")).unwrap();
        assert!(file.len() > 2 << 20, "{db}: {} segments", file.len() >> 19);
        let mut dice = Dice(4_711);
        let mut noticed = 0;
        for _ in 0..positions {
            let copy = dir.path().join("copy");
            drop(std::fs::remove_dir_all(&copy));
            copy_tree(&dir.path().join("whole"), &copy);
            let (at, bit) = (dice.roll(file.len() as u64) as usize, dice.roll(8));
            let mut bytes = file.clone();
            bytes[at] ^= 1 << bit;
            std::fs::write(copy.join("db"), bytes).unwrap();
            match is_noticed(&copy, db, &rows) {
                Ok(is_noticed) => noticed += u64::from(is_noticed),
                Err(error) => panic!("{db}: byte {at} of {}, bit {bit}: {error}", file.len()),
            }
        }
        println!("{db}: {noticed} of {positions} noticed, the others changed nothing");
    }
}

#[test]
fn a_row_of_packing_that_is_missing_is_noticed() {
    for db in DATABASES.into_iter().skip(1) {
        let dir = tempfile::tempdir().unwrap();
        let whole = dir.path().join("whole");
        let rows = written(&whole, db);
        let keys = |dir: &Path, kind: u8| -> Vec<_> {
            let raw = open_patiently(&sled::Config::new().path(dir)).unwrap();
            raw.scan_prefix([0, kind]).keys().map(Result::unwrap).collect()
        };
        for kind in [b'h', b'f', b'g', b'r', b'm'] {
            let found = keys(&whole, kind);
            assert!(!found.is_empty(), "{db} {}", char::from(kind));
            // The first and the last one of each kind, and some between them.
            for at in [0, found.len() / 3, found.len() / 2, found.len() - 1] {
                let copy = dir.path().join("copy");
                drop(std::fs::remove_dir_all(&copy));
                copy_tree(&whole, &copy);
                let raw = open_patiently(&sled::Config::new().path(&copy)).unwrap();
                raw.remove(&found[at]).unwrap();
                raw.flush().unwrap();
                drop(raw);
                let told = is_noticed(&copy, db, &rows);
                assert_eq!(
                    told,
                    Ok(true),
                    "{db}: {} {at} of {}",
                    char::from(kind),
                    found.len()
                );
            }
        }
    }
}
