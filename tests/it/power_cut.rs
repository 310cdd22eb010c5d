//! The power goes at a random moment under load: everything that was acknowledged before is there afterwards.
//!
//! Two models of it. Where a file system can be mounted, the server works on one of its own, and the cut is a copy of
//! the block device behind it: what is only in memory (dirty pages, metadata that no sync has committed) is
//! not in the copy. Everywhere, a copy of the directory is made worse than any cut could: the journal beyond
//! its last whole record is filled with rubbish, and the databases are gone or are older copies.
//! `YAMABIKO_POWER_CUTS=50` is the long form.

use crate::support::client::Client;
use crate::support::files::{Mount, copy_tree, files_below, run};
use crate::support::load::{Acknowledged, Load, from_env, random};
use crate::support::receiver::Receiver;
use crate::support::scene::{Scene, click};
use crate::support::server::{Server, Setup};
use crate::support::skip;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

fn cuts() -> u64 {
    from_env("YAMABIKO_POWER_CUTS", 3)
}

fn setup(data_dir: &Path) -> Setup {
    Setup::new(data_dir)
        .env("YAMABIKO_STORE_JOURNAL_SEGMENT_MB", "1")
        .env("YAMABIKO_STORE_BALLAST_MB", "0")
        .env("YAMABIKO_STORE_MIN_FREE_MB", "16")
}

/// Holds the server still while `copy` runs; gives what had been acknowledged before.
fn while_stopped(server: &Server, load: &Load, copy: impl FnOnce()) -> Acknowledged {
    let acknowledged = load.so_far();
    server.signal("STOP");
    // A write or sync that was under way comes to its end.
    std::thread::sleep(Duration::from_millis(100));
    copy();
    server.signal("CONT");
    acknowledged
}

/// A server starts on what is left and has everything.
fn assert_whole(what: &str, data: &Path, acknowledged: &Acknowledged, admin: &Client, link: &str) {
    let server = setup(data).start();
    let missing = acknowledged.missing(&mut admin.at(server.address()), Duration::from_secs(20));
    let (clicks, conversions) = (acknowledged.clicks.len(), acknowledged.conversions.len());
    assert!(
        missing.is_empty(),
        "{what}: {} of {clicks} clicks and {conversions} conversions are gone, such as {:?}\n{}",
        missing.len(),
        missing[0],
        server.log()
    );
    click(&mut server.client(), link, "after");
    assert_eq!(server.terminate(), Some(0), "{what}");
    println!("{what}: {clicks} clicks and {conversions} conversions, none lost");
}

#[test]
fn what_was_synced_is_enough() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("disk.img");
    let made = run(Command::new("truncate").args(["-s", "256M"]).arg(&image))
        .and_then(|()| run(Command::new("mkfs.ext4").arg("-q").arg(&image)));
    // Metadata is committed by syncs only, not by the clock.
    let image_text = image.display().to_string();
    let options = ["-o", "loop,commit=300", image_text.as_str()];
    let Some(disk) = made.and_then(|()| Mount::new(&dir.path().join("disk"), &options)) else {
        skip("a loop device with ext4 cannot be made and mounted (root and mkfs.ext4 are needed)");
        return;
    };
    let receiver = Receiver::start();
    let server = setup(&disk.path.join("data")).start();
    let scene = Scene::build(&server, &receiver);
    let load = Load::start(&server, &scene.link, 6);
    let mut pictures = Vec::new();
    for n in 0..cuts() {
        std::thread::sleep(Duration::from_millis(200 + random(900)));
        let picture = dir.path().join(format!("cut{n}.img"));
        let acknowledged = while_stopped(&server, &load, || {
            run(Command::new("cp")
                .arg("--sparse=always")
                .arg(&image)
                .arg(&picture))
            .expect("copy the device");
        });
        pictures.push((picture, acknowledged));
    }
    load.stop();
    server.kill();
    for (n, (picture, acknowledged)) in pictures.iter().enumerate() {
        let picture = picture.display().to_string();
        let mount = Mount::new(&dir.path().join(format!("cut{n}")), &["-o", "loop", &picture])
            .expect("mount the picture");
        assert!(acknowledged.clicks.len() > 10, "the load was real");
        assert_whole(
            &format!("power cut {n}"),
            &mount.path.join("data"),
            acknowledged,
            &scene.admin,
            &scene.link,
        );
    }
}

/// Fills every segment behind its last whole record with what a torn write may leave.
fn tear_journal(journal: &Path, filling: u8) {
    let mut records: Vec<Vec<u8>> = Vec::new();
    for record in yamabiko::journal::read(journal, 0).unwrap() {
        records.push(record.expect("a stopped journal is whole").payload);
    }
    let last = records.last().expect("there are records");
    let segment = files_below(journal)
        .into_iter()
        .rfind(|f| f.extension().is_some_and(|e| e == "log"))
        .expect("a segment");
    let bytes = std::fs::read(&segment).unwrap();
    let begin = bytes
        .windows(last.len())
        .rposition(|w| w == last.as_slice())
        .expect("the last record is in the last segment");
    let end = begin + last.len();
    let torn = vec![filling; (bytes.len() - end).min(64 << 10)];
    OpenOptions::new()
        .write(true)
        .open(&segment)
        .unwrap()
        .write_all_at(&torn, end as u64)
        .unwrap();
    if filling == 0 {
        OpenOptions::new()
            .write(true)
            .open(&segment)
            .unwrap()
            .set_len(end as u64)
            .unwrap();
    }
}

#[test]
fn the_journal_alone_is_enough() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let receiver = Receiver::start();
    let server = setup(&data).start();
    let scene = Scene::build(&server, &receiver);
    let old = dir.path().join("old");
    let load = Load::start(&server, &scene.link, 6);
    std::thread::sleep(Duration::from_millis(400));
    while_stopped(&server, &load, || copy_tree(&data, &old));
    let mut cut = Vec::new();
    for n in 0..cuts() {
        std::thread::sleep(Duration::from_millis(150 + random(600)));
        let copy = dir.path().join(format!("cut{n}"));
        let acknowledged = while_stopped(&server, &load, || copy_tree(&data, &copy));
        cut.push((copy, acknowledged));
    }
    load.stop();
    server.kill();
    for (n, (copy, acknowledged)) in cut.iter().enumerate() {
        let what = match n % 3 {
            0 => "databases as they were",
            1 => "databases gone",
            _ => "older databases",
        };
        tear_journal(&copy.join("journal"), [0x00, 0xa5, 0xff][n % 3]);
        if n % 3 != 0 {
            std::fs::remove_dir_all(copy.join("db")).unwrap();
        }
        if n % 3 == 2 {
            copy_tree(&old.join("db"), &copy.join("db"));
        }
        assert_whole(
            &format!("cut {n}, {what}"),
            copy,
            acknowledged,
            &scene.admin,
            &scene.link,
        );
    }
}
