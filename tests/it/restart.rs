//! Stops, backups and moves: no request of a gentle restart fails, a backup taken under load holds everything of
//! before, an exported configuration comes back the same, and a store of another schema is refused.

use crate::support::eventually;
use crate::support::files::files_below;
use crate::support::load::Load;
use crate::support::receiver::Receiver;
use crate::support::scene::{BROWSER, Scene, click};
use crate::support::server::Setup;
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

fn run(mut command: Command) -> (Output, String) {
    let output = command.output().expect("run");
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    (output, text)
}

fn succeed(command: Command) -> String {
    let (output, text) = run(command);
    assert!(output.status.success(), "{}: {text}", output.status);
    text
}

#[test]
fn a_backup_under_load_holds_everything_of_before() {
    let dir = tempfile::tempdir().unwrap();
    let (data, file) = (dir.path().join("data"), dir.path().join("backup.tar"));
    let setup = Setup::new(&data);
    let (server, receiver) = (setup.start(), Receiver::start());
    let scene = Scene::build(&server, &receiver);
    let load = Load::start(&server, &scene.link, 4);
    let before = load.when_real();
    let told = succeed(setup.command(&["backup", &file.display().to_string()]));
    println!("{}", told.trim());
    let after = load.stop();
    assert!(
        after.clicks.len() > before.clicks.len(),
        "the load went on meanwhile"
    );
    assert!(before.conversions.len() > 10, "the load was real");
    let (again, text) = run(setup.command(&["backup", &file.display().to_string()]));
    assert!(
        !again.status.success(),
        "an existing file is not overwritten: {text}"
    );
    server.kill();

    let restored = Setup::new(&dir.path().join("restored"));
    let name = file.display().to_string();
    succeed(restored.command(&["restore", &name, "--dry-run"]));
    assert!(
        !restored.data_dir.join("journal").exists(),
        "a dry run writes nothing"
    );
    succeed(restored.command(&["restore", &name]));
    let (twice, text) = run(restored.command(&["restore", &name]));
    assert!(
        !twice.status.success(),
        "a directory in use is not overwritten: {text}"
    );
    let server = restored.start();
    before.assert_kept(&mut scene.admin.at(server.address()), "in the restored store");
    click(&mut server.client(), &scene.link, "after");
    assert_eq!(server.terminate(), Some(0));

    // One wrong byte anywhere is noticed before anything is written.
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let broken = dir.path().join("broken.tar");
    std::fs::write(&broken, &bytes).unwrap();
    let elsewhere = Setup::new(&dir.path().join("elsewhere"));
    let (refused, text) = run(elsewhere.command(&["restore", &broken.display().to_string()]));
    assert!(!refused.status.success(), "a damaged backup is refused: {text}");
}

#[test]
fn an_exported_configuration_is_the_same_when_it_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(&dir.path().join("one"));
    let (server, receiver) = (setup.start(), Receiver::start());
    let mut scene = Scene::build(&server, &receiver);
    scene.add_partner("second", &json!({"timeout_s": 3}), &receiver.url("/x?a={sid}"));
    for ending in ["toml", "json"] {
        let file = dir.path().join(format!("setup.{ending}")).display().to_string();
        succeed(setup.command(&["export", "--file", &file]));
        let same = succeed(setup.command(&["import", &file, "--dry-run"]));
        println!("{ending}, the same server: {}", same.trim());
        assert!(says_nothing_changes(&same), "{ending}: {same}");

        let other = Setup::new(&dir.path().join(format!("other-{ending}")));
        let second = other.start();
        let planned = succeed(other.command(&["import", &file, "--dry-run"]));
        assert!(!says_nothing_changes(&planned), "{ending}: {planned}");
        assert_eq!(offers(&mut second.admin()), 0, "a dry run writes nothing");
        succeed(other.command(&["import", &file]));
        let done = succeed(other.command(&["import", &file, "--dry-run"]));
        assert!(says_nothing_changes(&done), "{ending}: {done}");
        assert_eq!(offers(&mut second.admin()), 1);
        click(&mut second.client(), &scene.link, "moved");
    }
    let broken = dir.path().join("broken.toml");
    std::fs::write(&broken, "[[offers]]\nname = 5\n").unwrap();
    let (refused, text) = run(setup.command(&["import", &broken.display().to_string()]));
    assert!(!refused.status.success(), "{text}");
}

fn offers(admin: &mut crate::support::client::Client) -> usize {
    admin.get("/api/v1/offers").ok()["items"]
        .as_array()
        .map_or(0, Vec::len)
}

/// No line of the plan creates, changes or deletes anything.
fn says_nothing_changes(plan: &str) -> bool {
    if let Ok(json) = serde_json::from_str::<Value>(plan) {
        return json["changes"].as_array().is_some_and(Vec::is_empty);
    }
    plan.contains("Nothing") || plan.contains("nothing") || plan.contains("no changes")
}

#[test]
fn a_store_of_a_newer_schema_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path());
    let (server, receiver) = (setup.start(), Receiver::start());
    let scene = Scene::build(&server, &receiver);
    let sid = scene.click(&server, "c1");
    assert_eq!(server.terminate(), Some(0));
    let manifest = dir.path().join("MANIFEST");
    let own = std::fs::read(&manifest).unwrap();
    let newer = with_schema(&own, 4_000);
    std::fs::write(&manifest, &newer).unwrap();
    let before = contents(dir.path());
    let (refused, text) = run(setup.command(&["serve", "--listen", "127.0.0.1:0"]));
    assert_eq!(
        refused.status.code(),
        Some(2),
        "the unit does not try again: {text}"
    );
    assert!(
        text.contains("schema") || text.contains("newer"),
        "it says why: {text}"
    );
    assert_eq!(contents(dir.path()), before, "nothing was touched");
    std::fs::write(&manifest, &own).unwrap();
    let server = setup.start();
    let mut admin = scene.admin.at(server.address());
    assert_eq!(admin.get(&format!("/api/v1/sessions/{sid}")).status, 200);
}

/// Names and sizes; the lock and the control socket come and go.
fn contents(dir: &Path) -> Vec<(String, u64)> {
    let files = files_below(dir)
        .into_iter()
        .map(|f| (f.display().to_string(), std::fs::metadata(&f).unwrap().len()));
    files.filter(|(name, _)| !name.ends_with("LOCK")).collect()
}

/// The manifest with another schema and the checksum that belongs to it.
fn with_schema(manifest: &[u8], schema: u32) -> Vec<u8> {
    let text = std::str::from_utf8(manifest).unwrap();
    let mut json: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    json["schema"] = json!(schema);
    let json = json.to_string();
    format!("{json}\n{:08x}\n", crc32fast::hash(json.as_bytes())).into_bytes()
}

#[test]
fn a_gentle_stop_answers_every_request_that_it_took() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path());
    let (server, receiver) = (setup.start(), Receiver::start());
    let scene = Scene::build(&server, &receiver);
    let (is_stopped, refused, answered) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let address = server.address();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !is_stopped.load(Ordering::Relaxed) {
                    // A connection a request: one that was accepted is answered, one that is refused never began.
                    let mut client = crate::support::client::Client::new(address);
                    let target = format!("/c/{}", scene.link);
                    match client.try_send(
                        "GET",
                        &target,
                        &[("User-Agent", BROWSER), ("Connection", "close")],
                        b"",
                    ) {
                        Ok(answer) => {
                            assert_eq!(answer.status, 302);
                            answered.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(_) => {
                            refused.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
        eventually("clicks are answered", Duration::from_secs(60), || {
            (answered.load(Ordering::Relaxed) > 20).then_some(())
        });
        let code = server.terminate();
        is_stopped.store(true, Ordering::Relaxed);
        assert_eq!(code, Some(0));
    });
    assert!(answered.load(Ordering::Relaxed) > 20);
    let server = eventually("it starts again", Duration::from_secs(60), || Some(setup.start()));
    click(&mut server.client(), &scene.link, "after");
}
