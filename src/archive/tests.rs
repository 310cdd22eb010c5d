//! A server that writes an archive, one that is lost, and one that takes over: on a directory in place of a bucket.

use super::manifest::Manifest;
use super::*;
use crate::objects::{Directory, Objects};
use crate::store::{Commit, Db, Op, RestoreOptions, Sealing, Store, StoreOptions};
use std::path::Path;
use std::time::Duration;

struct Machine {
    store: Store,
    archiving: Archiving,
}

fn archive(bucket: &Path) -> Archive {
    let objects = Objects::Directory(Directory::open(bucket).unwrap());
    Archive::new(objects, "p", Sealing::default(), "s3://b/p".into())
}

fn options() -> StoreOptions {
    StoreOptions {
        keeps_journal: true,
        journal: crate::journal::Options {
            segment_bytes: 64 << 10,
            preallocate: false,
            is_durable: true,
        },
        space: crate::store::SpaceOptions {
            full_below_bytes: 0,
            ready_from_bytes: 0,
            ballast_bytes: 0,
        },
        ..StoreOptions::default()
    }
}

fn commit(n: u32) -> Commit {
    Commit {
        writes: vec![(
            Db::Hot,
            Op::Put(format!("zz{n}").into_bytes(), n.to_be_bytes().to_vec()),
        )],
    }
}

impl Machine {
    fn start(dir: &Path, bucket: &Path) -> Self {
        Self::started(dir, bucket, false)
    }

    /// `is_strict`: stops while it cannot ask the bucket.
    fn started(dir: &Path, bucket: &Path, is_strict: bool) -> Self {
        let (store, _) = Store::open(dir, options()).unwrap();
        let options = Options {
            interval: Duration::from_millis(50),
            history_ms: 48 * 3_600_000,
            most_journal_bytes: 1 << 30,
            is_strict,
            data_dir: dir.to_owned(),
            host: dir.file_name().unwrap().to_string_lossy().into_owned(),
        };
        let archiving =
            Archiving::start(archive(bucket), store.keeper.clone(), options, Clock::System).unwrap();
        Self { store, archiving }
    }

    fn write(&mut self, numbers: std::ops::Range<u32>) {
        for n in numbers {
            self.store.writer.commit(commit(n)).unwrap();
        }
    }

    /// Waits until all is archived, and a snapshot is there.
    fn settle(&self) {
        let durable = self.store.keeper.durable_seq();
        eventually(|| {
            let status = self.archiving.status();
            status.archived_seq >= durable && status.snapshot_at_ms.is_some()
        });
    }

    fn stop(self) {
        self.archiving.stop(Instant::now() + Duration::from_secs(60));
        self.store.writer.close().unwrap();
    }

    /// As when the machine is lost.
    fn lose(self) {
        self.archiving.stop(Instant::now() + Duration::from_secs(60));
        drop(self.store);
    }
}

/// Closes a store whole, so that it can be opened again.
fn closed(store: Store) {
    store.writer.close().unwrap();
}

fn eventually(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "it did not come to be within a minute");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn numbers(dir: &Path) -> Vec<u32> {
    let (store, _) = Store::open(dir, options()).unwrap();
    let found = numbers_of(&store);
    store.writer.close().unwrap();
    found
}

fn numbers_of(store: &Store) -> Vec<u32> {
    let mut found: Vec<u32> = (0..2_000)
        .filter(|n| {
            store
                .reader
                .get(Db::Hot, format!("zz{n}").as_bytes())
                .unwrap()
                .is_some()
        })
        .collect();
    found.sort_unstable();
    found
}

fn restored(bucket: &Path, until_ms: Option<i64>) -> (tempfile::TempDir, Restored) {
    let dir = tempfile::tempdir().unwrap();
    let restored = restore(&archive(bucket), until_ms, dir.path(), RestoreOptions::default()).unwrap();
    (dir, restored)
}

fn manifest(bucket: &Path) -> Manifest {
    archive(bucket).manifest().unwrap().unwrap().0
}

fn promoted(dir: &Path, bucket: &Path) -> Result<Promoted, ArchiveError> {
    let (mut store, _) = Store::open(dir, options()).unwrap();
    let archive = archive(bucket);
    let successor = Successor {
        archive: &archive,
        data_dir: dir,
        host: "new",
        now_ms: Clock::System.now_ms(),
    };
    let promoted = successor.promote(&mut store);
    store.writer.close().unwrap();
    promoted
}

#[test]
fn what_was_archived_is_restored_and_goes_on_after_a_restart() {
    let (dir, bucket) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut machine = Machine::start(dir.path(), bucket.path());
    machine.write(0..50);
    machine.settle();
    machine.write(50..60);
    machine.settle();
    machine.stop();
    let mut machine = Machine::start(dir.path(), bucket.path());
    machine.write(60..70);
    machine.settle();
    assert_eq!(machine.archiving.status().epoch, 1, "a restart is no new epoch");
    machine.lose();
    let checked = check(&archive(bucket.path())).unwrap();
    assert!(checked.snapshots >= 1);
    let (dir, _) = restored(bucket.path(), None);
    assert_eq!(numbers(dir.path()), (0..70).collect::<Vec<_>>());
}

#[test]
fn a_moment_is_restored_as_it_was() {
    let (dir, bucket) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut machine = Machine::start(dir.path(), bucket.path());
    machine.settle();
    machine.write(0..5);
    machine.settle();
    // The grain of moments is a quarter of a second.
    std::thread::sleep(Duration::from_millis(600));
    let moment = Clock::System.now_ms();
    std::thread::sleep(Duration::from_millis(600));
    machine.write(5..9);
    machine.settle();
    machine.lose();
    let (then, _) = restored(bucket.path(), Some(moment));
    assert_eq!(numbers(then.path()), [0, 1, 2, 3, 4]);
    let early = restore(
        &archive(bucket.path()),
        Some(5),
        then.path(),
        RestoreOptions::default(),
    );
    assert!(matches!(early, Err(ArchiveError::TooEarly { .. })));
}

#[test]
fn who_takes_over_fences_the_one_before_and_nothing_is_lost() {
    let (dir, bucket) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut old = Machine::start(dir.path(), bucket.path());
    old.write(0..20);
    old.settle();
    let (new, _) = restored(bucket.path(), None);
    // The old one goes on until the fence.
    old.write(20..30);
    old.settle();
    let done = promoted(new.path(), bucket.path()).unwrap();
    assert_eq!((done.epoch, done.caught_up >= 10), (2, true));
    assert_eq!(done.before, dir.path().file_name().unwrap().to_string_lossy());
    eventually(|| old.archiving.status().standing == Standing::Fenced);
    let refused = old.store.writer.commit(commit(1_000)).unwrap_err();
    assert_eq!(refused.code(), "fenced");
    assert!(old.store.reader.refusal().is_some());
    old.lose();
    // It stays so after a restart, also when the bucket is not asked yet.
    assert!(Local::read(dir.path()).unwrap().fenced.is_some());
    let mut again = Machine::start(dir.path(), bucket.path());
    assert_eq!(again.archiving.status().standing, Standing::Fenced);
    assert!(again.store.writer.commit(commit(1_001)).is_err());
    again.lose();
    let mut next = Machine::start(new.path(), bucket.path());
    next.write(30..40);
    next.settle();
    next.lose();
    check(&archive(bucket.path())).unwrap();
    let (last, _) = restored(bucket.path(), None);
    assert_eq!(numbers(last.path()), (0..40).collect::<Vec<_>>());
    assert!(
        promoted(dir.path(), bucket.path()).is_err(),
        "the old one cannot take over with what it has"
    );
}

#[test]
fn of_two_who_take_over_at_once_each_has_an_epoch_of_its_own_or_none() {
    for _ in 0..5 {
        let (dir, bucket) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut old = Machine::start(dir.path(), bucket.path());
        old.write(0..5);
        old.settle();
        let (one, other) = (restored(bucket.path(), None).0, restored(bucket.path(), None).0);
        let outcomes = std::thread::scope(|scope| {
            let bucket = bucket.path();
            let threads = [&one, &other].map(|dir| scope.spawn(move || promoted(dir.path(), bucket).is_ok()));
            threads.map(|thread| thread.join().unwrap())
        });
        // One that begins when the other has finished takes over from it, in an epoch of its own.
        let won = outcomes.iter().filter(|won| **won).count();
        assert!(won >= 1, "{outcomes:?}");
        // One that was beaten right after it took over says that it was.
        let epoch = manifest(bucket.path()).epoch() as usize;
        assert!((1 + won..=3).contains(&epoch), "{epoch} {outcomes:?}");
        eventually(|| old.archiving.status().standing == Standing::Fenced);
        old.lose();
        check(&archive(bucket.path())).unwrap();
    }
}

#[test]
fn a_strict_server_stops_while_it_cannot_ask_and_another_goes_on_taking() {
    for is_strict in [true, false] {
        let (dir, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let bucket = place.path().join("bucket");
        let mut machine = Machine::started(dir.path(), &bucket, is_strict);
        machine.write(0..5);
        machine.settle();
        // A file where the bucket was: nothing can be asked.
        let away = place.path().join("away");
        std::fs::rename(&bucket, &away).unwrap();
        std::fs::write(&bucket, "").unwrap();
        machine.write(5..6);
        if is_strict {
            eventually(|| machine.store.reader.refusal().is_some());
            let refused = machine.store.writer.commit(commit(1_000)).unwrap_err();
            assert_eq!(refused.code(), "fenced");
            assert!(refused.to_string().contains("archive.strict_fence"), "{refused}");
        } else {
            // As long as the other waited, and longer.
            let since = Instant::now();
            eventually(|| since.elapsed() > Duration::from_millis(500));
            machine.write(6..7);
            assert!(machine.store.reader.refusal().is_none());
        }
        assert_eq!(machine.archiving.status().standing, Standing::Behind);
        // It comes back by itself, and what waited goes out.
        std::fs::remove_file(&bucket).unwrap();
        std::fs::rename(&away, &bucket).unwrap();
        eventually(|| machine.store.writer.commit(commit(20)).is_ok());
        machine.settle();
        assert!(machine.store.reader.refusal().is_none());
        machine.lose();
        let (last, _) = restored(&bucket, None);
        let found = numbers(last.path());
        assert!(found.ends_with(&[20]) && !found.contains(&1_000), "{found:?}");
        assert_eq!(found.len(), if is_strict { 7 } else { 8 });
    }
}

#[test]
fn of_two_copies_of_one_directory_one_is_fenced() {
    let (dir, bucket) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut machine = Machine::start(dir.path(), bucket.path());
    machine.write(0..5);
    machine.settle();
    machine.stop();
    let copy = tempfile::tempdir().unwrap();
    let status = std::process::Command::new("cp")
        .args([
            "-r",
            &format!("{}/.", dir.path().display()),
            &copy.path().display().to_string(),
        ])
        .status();
    assert!(status.unwrap().success());
    let mut one = Machine::start(dir.path(), bucket.path());
    let mut other = Machine::start(copy.path(), bucket.path());
    let is_fenced = |machine: &Machine| machine.archiving.status().standing == Standing::Fenced;
    let mut n = 10;
    eventually(|| {
        n += 1;
        drop(one.store.writer.commit(commit(n)));
        drop(other.store.writer.commit(commit(n + 1_000)));
        is_fenced(&one) || is_fenced(&other)
    });
    assert!(is_fenced(&one) != is_fenced(&other));
    one.lose();
    other.lose();
    check(&archive(bucket.path())).unwrap();
}

#[test]
fn an_earlier_state_of_the_same_directory_begins_an_epoch_of_its_own() {
    let (dir, bucket) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut machine = Machine::start(dir.path(), bucket.path());
    machine.write(0..5);
    machine.settle();
    let backup = bucket.path().with_extension("tar.lz4");
    machine
        .store
        .keeper
        .backup(&mut std::fs::File::create(&backup).unwrap())
        .unwrap();
    machine.write(5..10);
    machine.settle();
    machine.stop();
    let options = RestoreOptions {
        force: true,
        ..RestoreOptions::default()
    };
    crate::store::restore(&backup, dir.path(), options).unwrap();
    std::fs::remove_file(&backup).unwrap();
    let mut machine = Machine::start(dir.path(), bucket.path());
    eventually(|| machine.archiving.status().epoch == 2);
    machine.write(100..103);
    machine.settle();
    let later = |machine: &Machine| {
        manifest(bucket.path()).snapshots.iter().any(|one| one.epoch == 2)
            && machine.archiving.status().waiting_commits == 0
    };
    eventually(|| later(&machine));
    machine.lose();
    check(&archive(bucket.path())).unwrap();
    let (last, _) = restored(bucket.path(), None);
    assert_eq!(numbers(last.path()), [0, 1, 2, 3, 4, 100, 101, 102]);
}

#[test]
fn a_standby_follows_and_takes_over() {
    let (dir, bucket, second) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    let mut machine = Machine::start(dir.path(), bucket.path());
    machine.write(0..5);
    machine.settle();
    let standby = Standby::open(archive(bucket.path()), second.path(), options(), Clock::System).unwrap();
    standby.look(second.path()).unwrap();
    machine.write(5..12);
    machine.settle();
    assert_eq!(standby.look(second.path()).unwrap(), 7);
    assert!(standby.state().is_following);
    assert_eq!(standby.look(second.path()).unwrap(), 0);
    // A standby that is started again goes on where it was.
    let (archive_of_it, store) = standby.into_parts();
    closed(store);
    let standby = Standby::open(archive_of_it, second.path(), options(), Clock::System).unwrap();
    machine.write(12..15);
    machine.settle();
    assert_eq!(standby.look(second.path()).unwrap(), 3);
    let (archive_of_it, mut store) = standby.into_parts();
    let successor = Successor {
        archive: &archive_of_it,
        data_dir: second.path(),
        host: "second",
        now_ms: 1,
    };
    successor.promote(&mut store).unwrap();
    assert_eq!(numbers_of(&store), (0..15).collect::<Vec<_>>());
    store.writer.close().unwrap();
    machine.lose();
}

#[test]
fn what_is_too_old_goes_and_the_rest_is_whole() {
    let (dir, bucket) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut machine = Machine::start(dir.path(), bucket.path());
    machine.write(0..5);
    machine.settle();
    let shared = machine.archiving.shared.clone();
    shared.wants_snapshot.store(true, Ordering::Release);
    eventually(|| manifest(bucket.path()).snapshots.len() == 2);
    machine.write(5..10);
    machine.settle();
    let before = archive(bucket.path()).names("").unwrap().len();
    // As if the first snapshot had been made three days ago.
    shared
        .change(|manifest| {
            if let Some(first) = manifest.snapshots.first_mut() {
                first.made_at_ms -= 3 * 24 * 3_600_000;
            }
        })
        .unwrap();
    snapshots::sweep(&shared).unwrap();
    assert_eq!(manifest(bucket.path()).snapshots.len(), 1);
    assert!(archive(bucket.path()).names("").unwrap().len() < before);
    drop(shared);
    machine.lose();
    check(&archive(bucket.path())).unwrap();
    let (last, _) = restored(bucket.path(), None);
    assert_eq!(numbers(last.path()), (0..10).collect::<Vec<_>>());
}
