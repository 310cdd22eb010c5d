//! The store as a whole, against a model: after whatever happened it holds a state that was acknowledged, the last one
//! unless it says what is lost.

mod damage;
mod holes;
mod interrupted;
mod key_bytes;
mod meantime;
mod moved_secrets;
mod operation;
mod record_bytes;
mod recovery;

use super::keys::{Db, Period, PeriodKind};
use super::*;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};

/// Every record of every database.
type Dump = BTreeMap<Db, BTreeMap<Vec<u8>, Vec<u8>>>;

/// Numbers that look random and are the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

/// Small files, no threads, no thresholds: what happens is what the test asks for.
fn options() -> StoreOptions {
    static CLOCK: AtomicI64 = AtomicI64::new(1_795_000_000_000);
    StoreOptions {
        hot_cache_bytes: 1 << 20,
        period_cache_bytes: 1 << 20,
        open_periods: 3,
        packed_bytes: 8 << 10,
        flush_every_ms: 60_000,
        journal: crate::journal::Options {
            segment_bytes: 64 << 10,
            preallocate: false,
            is_durable: true,
        },
        space: SpaceOptions {
            full_below_bytes: 0,
            ready_from_bytes: 0,
            ballast_bytes: 0,
        },
        has_threads: false,
        clock: std::sync::Arc::new(|| CLOCK.fetch_add(1, Ordering::Relaxed)),
        ..StoreOptions::default()
    }
}

impl Reader {
    /// Takes a database out of use, as if sled had failed; the keeper brings it back.
    pub(crate) fn break_database(&self, db: Db) {
        let (slot, index) = self.engine.index(db).unwrap().unwrap();
        let error = rows::IndexError {
            is_full: false,
            message: "broken by the test".into(),
        };
        let error = self.engine.fail(&slot, &index, error);
        assert!(matches!(error, StoreError::Rebuilding { .. }));
    }
}

fn open(dir: &Path) -> (Store, OpenReport) {
    Store::open(dir, options()).unwrap()
}

/// Reads everything; databases that turn out to be damaged when they are first read are brought back.
fn dump(store: &Store) -> Dump {
    let mut dump = Dump::new();
    for db in store.reader.databases() {
        let mut records = BTreeMap::new();
        let mut read = || {
            records.clear();
            store.reader.scan(db, &KeyRange::all(), false, |key, value| {
                records.insert(key.to_vec(), value.to_vec());
                ControlFlow::Continue(())
            })
        };
        // A database that failed on a full disk says so until it was opened again.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while let Err(error) = read() {
            assert!(
                ["store_rebuilding", "disk_full"].contains(&error.code()),
                "{error}"
            );
            store.keeper.restore_now();
            assert!(
                std::time::Instant::now() < deadline,
                "{:?}",
                store.reader.health()
            );
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        if !records.is_empty() {
            dump.insert(db, records);
        }
    }
    dump
}

fn period(kind: PeriodKind, months: u16) -> Db {
    Db::Period(kind, Period(680 + months))
}

fn put(db: Db, key: &str, value: &str) -> Commit {
    Commit {
        writes: vec![(db, Op::Put(key.into(), value.into()))],
    }
}

/// What the store should hold, for each commit.
#[derive(Clone, Default)]
struct Model {
    states: Vec<Dump>,
}

impl Model {
    fn last(&self) -> Dump {
        self.states.last().cloned().unwrap_or_default()
    }

    fn note(&mut self, commit: &Commit) {
        let mut state = self.last();
        for (db, op) in &commit.writes {
            match op {
                Op::Put(key, value) => {
                    state.entry(*db).or_default().insert(key.clone(), value.clone());
                }
                Op::Delete(key) => {
                    state.entry(*db).or_default().remove(key);
                }
                Op::Drop => {
                    state.remove(db);
                }
            }
        }
        state.retain(|_, records| !records.is_empty());
        self.states.push(state);
    }

    /// Writes random commits.
    fn work(&mut self, writer: &mut Writer, dice: &mut Dice, commits: usize) {
        for _ in 0..commits {
            let mut commit = Commit::default();
            for _ in 0..=dice.roll(5) {
                let db = match dice.roll(6) {
                    0..=2 => Db::Hot,
                    n => period(PeriodKind::ALL[n as usize - 3], dice.roll(2) as u16),
                };
                // Packed families of some databases, and one that is packed nowhere.
                let family = ["k", "s", "a", "t", "z"][dice.roll(5) as usize];
                let key = format!("{family}{}", dice.roll(15)).into_bytes();
                let op = match dice.roll(40) {
                    0 if db != Db::Hot => Op::Drop,
                    0..=8 => Op::Delete(key),
                    n => Op::Put(key, vec![n as u8; dice.roll(700) as usize]),
                };
                commit.writes.push((db, op));
            }
            self.note(&commit);
            writer.commit(commit).unwrap();
        }
    }
}

/// A backup in a file.
fn back_up(keeper: &Keeper, file: &Path) -> Result<BackupReport, StoreError> {
    let mut target = Target::create(file, false)?;
    let report = keeper.backup(&mut target)?;
    target.keep()?;
    Ok(report)
}

/// A restore, with what was in the backup.
fn put_back(file: &Path, target: &Path, force: bool, dry_run: bool) -> Result<BackupReport, StoreError> {
    let options = RestoreOptions {
        force,
        dry_run,
        paused: false,
    };
    restore(file, target, options).map(|report| report.backup)
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            // A file may be renamed while it is copied.
            let copied = std::fs::copy(entry.path(), &target);
            assert!(copied.is_ok() || !entry.path().exists(), "{copied:?}");
        }
    }
}

fn files_below(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn has_lost(repairs: &[Repair]) -> bool {
    repairs.iter().any(|repair| repair.kind == RepairKind::Lost)
}
