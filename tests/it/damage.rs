//! A stopped server's directory is damaged in one place: it starts, says what it repaired, and everything that
//! was acknowledged is there.
//!
//! The short form tries some positions; `YAMABIKO_DAMAGE_POSITIONS=500` tries more.

use crate::support::client::Client;
use crate::support::files::{copy_tree, files_below};
use crate::support::load::{Acknowledged, Load, from_env, random};
use crate::support::receiver::Receiver;
use crate::support::scene::{Scene, click};
use crate::support::server::Setup;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A directory that a server left behind after some traffic, and what it had acknowledged.
struct Left {
    dir: tempfile::TempDir,
    acknowledged: Acknowledged,
    admin: Client,
    link: String,
    _receiver: Receiver,
}

fn setup(data_dir: &Path) -> Setup {
    Setup::new(data_dir)
        .env("YAMABIKO_STORE_JOURNAL_SEGMENT_MB", "1")
        .env("YAMABIKO_STORE_BALLAST_MB", "0")
}

/// Two lives of a server with traffic, the second ended by SIGTERM or, with `is_killed`, by SIGKILL.
fn left_behind(is_killed: bool) -> Left {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let receiver = Receiver::start();
    let server = setup(&data).start();
    let scene = Scene::build(&server, &receiver);
    let load = Load::start(&server, &scene.link, 8);
    load.when_real();
    let mut acknowledged = load.stop();
    assert_eq!(server.terminate(), Some(0));
    let server = setup(&data).start();
    let load = Load::start(&server, &scene.link, 8);
    load.when_real();
    if is_killed {
        server.kill();
        acknowledged.extend(load.stop());
    } else {
        acknowledged.extend(load.stop());
        assert_eq!(server.terminate(), Some(0));
    }
    assert!(acknowledged.conversions.len() > 10, "the load was real");
    Left {
        dir,
        acknowledged,
        admin: scene.admin,
        link: scene.link,
        _receiver: receiver,
    }
}

impl Left {
    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Starts on a damaged copy; everything acknowledged must be there, and new clicks be taken. Gives the
    /// lines of the log that tell of repairs.
    fn survives(&self, what: &str, damage: impl FnOnce(&Path)) -> Vec<String> {
        let copy = self.dir.path().join("copy");
        if copy.exists() {
            std::fs::remove_dir_all(&copy).unwrap();
        }
        copy_tree(&self.data(), &copy);
        damage(&copy);
        let server = setup(&copy).start();
        let mut admin = self.admin.at(server.address());
        let missing = self.acknowledged.missing(&mut admin, Duration::from_secs(20));
        assert!(
            missing.is_empty(),
            "{what}: {} are gone, such as {:?}\n{}",
            missing.len(),
            missing[0],
            server.log()
        );
        click(&mut server.client(), &self.link, "after");
        let log = server.log();
        let told: Vec<_> = log
            .lines()
            .filter(|l| l.contains("\"WARN\"") || l.contains("\"ERROR\""))
            .map(|l| l.chars().take(220).collect())
            .collect();
        assert_eq!(server.terminate(), Some(0), "{what}: it stops cleanly");
        println!(
            "{what}: {}",
            if told.is_empty() {
                "nothing to repair".into()
            } else {
                told.join(" | ")
            }
        );
        told
    }
}

fn name_of(file: &Path, root: &Path) -> String {
    file.strip_prefix(root).unwrap().display().to_string()
}

fn flip(file: &Path, at: u64, mask: u8) {
    let file = OpenOptions::new().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ mask], at).unwrap();
}

/// Offsets up to which a file holds something: the zeros at the end of a segment are of little interest.
fn used_bytes(file: &Path) -> u64 {
    let bytes = std::fs::read(file).unwrap();
    bytes
        .iter()
        .rposition(|b| *b != 0)
        .map_or(0, |last| last as u64 + 1)
}

#[test]
fn any_one_byte_may_be_wrong() {
    let left = left_behind(false);
    let mut files: Vec<(PathBuf, u64)> = files_below(&left.data())
        .into_iter()
        .map(|f| (f.clone(), used_bytes(&f)))
        .collect();
    files.retain(|(_, used)| *used > 0);
    let positions = from_env("YAMABIKO_DAMAGE_POSITIONS", 12);
    for n in 0..positions {
        // By turns each file is as likely, or each byte.
        let (file, used) = if n % 2 == 0 {
            files[usize::try_from(random(files.len() as u64)).unwrap()].clone()
        } else {
            let total: u64 = files.iter().map(|(_, used)| used).sum();
            let mut at = random(total);
            let at_file = files.iter().find(|(_, used)| {
                let is_here = at < *used;
                at = at.saturating_sub(*used);
                is_here
            });
            at_file.unwrap_or(&files[0]).clone()
        };
        let name = name_of(&file, &left.data());
        let (at, mask) = (random(used), 1 << random(8));
        left.survives(&format!("{name}, byte {at} of {used}, bit {mask:#04x}"), |copy| {
            flip(&copy.join(&name), at, mask);
        });
    }
}

#[test]
fn any_one_file_may_be_missing_or_empty() {
    let left = left_behind(false);
    for file in files_below(&left.data()) {
        let name = name_of(&file, &left.data());
        left.survives(&format!("{name} missing"), |copy| {
            std::fs::remove_file(copy.join(&name)).unwrap();
        });
    }
    let databases: Vec<_> = std::fs::read_dir(left.data().join("db"))
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    for name in &databases {
        let told = left.survives(&format!("db/{} missing whole", name.display()), |copy| {
            std::fs::remove_dir_all(copy.join("db").join(name)).unwrap();
        });
        assert!(!told.is_empty(), "a rebuilt database is told of");
    }
    let told = left.survives("all databases missing", |copy| {
        std::fs::remove_dir_all(copy.join("db")).unwrap();
    });
    assert!(!told.is_empty(), "rebuilt databases are told of");
}

#[test]
fn a_truncated_segment_and_a_left_over_snapshot_are_survived() {
    let left = left_behind(false);
    for file in files_below(&left.data().join("journal")) {
        let name = name_of(&file, &left.data());
        // The spare segment and the lock hold nothing.
        let is_segment = name.ends_with(".log");
        let lengths = [0, 10, used_bytes(&file) / 2, used_bytes(&file).saturating_sub(1)];
        for keep in lengths.into_iter().take(if is_segment { 4 } else { 1 }) {
            left.survives(&format!("{name} cut to {keep}"), |copy| {
                OpenOptions::new()
                    .write(true)
                    .open(copy.join(&name))
                    .unwrap()
                    .set_len(keep)
                    .unwrap();
            });
        }
    }
    left.survives("snap.*.generating", |copy| {
        for entry in std::fs::read_dir(copy.join("db")).unwrap() {
            let dir = entry.unwrap().path();
            if dir.is_dir() {
                std::fs::write(dir.join("snap.00000000DEADBEEF.generating"), b"half a snapshot").unwrap();
            }
        }
    });
}

#[test]
fn after_a_kill_one_damaged_database_loses_nothing() {
    let left = left_behind(true);
    let files: Vec<_> = files_below(&left.data().join("db"))
        .into_iter()
        .map(|f| (used_bytes(&f), f))
        .filter(|(used, _)| *used > 0)
        .collect();
    for (used, file) in &files {
        let name = name_of(file, &left.data());
        left.survives(&format!("{name} after a kill"), |copy| {
            for _ in 0..20 {
                flip(&copy.join(&name), random(*used), 0xff);
            }
        });
    }
}

/// The segments of the journal, oldest first.
fn segments(data: &Path) -> Vec<PathBuf> {
    let mut segments = files_below(&data.join("journal"));
    segments.retain(|file| file.extension().is_some_and(|e| e == "log"));
    segments
}

#[test]
fn a_lost_oldest_segment_is_noticed_told_and_made_good_by_snapshots() {
    let left = left_behind(false);
    let data = left.data();
    // Rotated by hand: what matters is that there is an oldest one beside the newest.
    let mut found = segments(&data);
    while found.len() < 2 {
        let server = setup(&data).start();
        let load = Load::start(&server, &left.link, 8);
        load.when_real();
        load.stop();
        assert_eq!(server.terminate(), Some(0));
        found = segments(&data);
    }
    let oldest = name_of(&found[0], &data);
    let copy = left.dir.path().join("copy");
    let told = left.survives("the oldest segment gone", |copy| {
        std::fs::remove_file(copy.join(&oldest)).unwrap();
        // `doctor` sees it before the server has made it good.
        let output = setup(copy).command(&["doctor"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("oldest segment of the journal is gone"), "{said}");
    });
    assert!(
        told.iter()
            .any(|line| line.contains("oldest segment of the journal is gone")),
        "{told:?}"
    );
    // Made good: the next start has nothing to say, and the databases can be lost too.
    std::fs::remove_dir_all(copy.join("db")).unwrap();
    let server = setup(&copy).start();
    let mut admin = left.admin.at(server.address());
    let missing = left.acknowledged.missing(&mut admin, Duration::from_secs(20));
    assert!(missing.is_empty(), "{} are gone\n{}", missing.len(), server.log());
    assert!(!server.log().contains("oldest segment"), "{}", server.log());
    let repairs = admin.get("/api/v1/system").ok()["store"]["repairs"].to_string();
    assert!(repairs.contains("rebuilt"), "health tells of repairs: {repairs}");
}

#[test]
fn a_last_frame_that_rotted_at_rest_is_no_torn_tail() {
    for is_killed in [false, true] {
        let left = left_behind(is_killed);
        let newest = segments(&left.data()).pop().unwrap();
        let used = used_bytes(&newest);
        let name = name_of(&newest, &left.data());
        if !is_killed {
            let told = left.survives("the last frame rotten", |copy| {
                flip(&copy.join(&name), used - 1, 0x10);
            });
            let is_told = |line: &String| line.contains("the journal ends at commit");
            assert!(told.iter().any(is_told), "{told:?}");
            continue;
        }
        // After a kill the databases may not have the last commit either: then what it held is gone, and that
        // is said where everybody sees it.
        flip(&newest, used - 1, 0x10);
        let server = setup(&left.data()).start();
        let mut admin = left.admin.at(server.address());
        let missing = left.acknowledged.missing(&mut admin, Duration::from_secs(5));
        let system = admin.get("/api/v1/system").ok();
        let repairs = system["store"]["repairs"].to_string();
        let is_told =
            repairs.contains("damaged at rest") || repairs.contains("the databases hold commits up to");
        assert!(is_told, "{} are gone, and it says only {repairs}", missing.len());
        if !missing.is_empty() {
            assert_eq!(system["health"], "degraded");
            assert!(server.log().contains("store_lost"), "{}", server.log());
        }
    }
}
