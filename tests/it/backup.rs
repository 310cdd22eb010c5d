//! Backups: the command writes the file and touches nothing else, a restore can begin with delivery paused, and no
//! command makes a store by accident.

use crate::support::eventually;
use crate::support::files::files_below;
use crate::support::receiver::Receiver;
use crate::support::scene::Scene;
use crate::support::server::Setup;
use serde_json::json;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn run(mut command: Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

fn succeed(command: Command) -> Output {
    let output = run(command);
    assert!(output.status.success(), "{}", text(&output));
    output
}

fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn the_command_writes_the_file_itself_and_touches_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(&dir.path().join("data"));
    let server = setup.start();
    let place = dir.path().join("place");
    std::fs::create_dir(&place).unwrap();
    let other = place.join("other");
    std::fs::write(&other, "other").unwrap();
    for name in ["b.tmp", "b.tail", "b.tar.tmp", "b.tar.tail"] {
        std::fs::write(place.join(name), "mine").unwrap();
    }
    let file = place.join("b.tar");
    symlink(&other, &file).unwrap();
    let path = file.display().to_string();
    let refused = run(setup.command(&["backup", &path]));
    assert!(
        !refused.status.success() && text(&refused).contains("exists already"),
        "{}",
        text(&refused)
    );
    succeed(setup.command(&["backup", &path, "--force"]));
    assert_eq!(std::fs::read(&other).unwrap(), b"other");
    assert_eq!(
        std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(
        names(&place),
        ["b.tail", "b.tar", "b.tar.tail", "b.tar.tmp", "b.tmp", "other"]
    );
    for name in ["b.tmp", "b.tail"] {
        assert_eq!(std::fs::read(place.join(name)).unwrap(), b"mine");
    }

    // Standard output is the same kind of archive, and compressed.
    let streamed = succeed(setup.command(&["backup", "-"]));
    let copy = dir.path().join("streamed");
    std::fs::write(&copy, &streamed.stdout).unwrap();
    assert_eq!(streamed.stdout[..4], [0x04, 0x22, 0x4d, 0x18]);
    let copy = copy.display().to_string();
    succeed(setup.command(&["restore", &copy, "--dry-run"]));

    // Where it cannot be written that is what is said, and nothing stays behind.
    let nowhere = dir.path().join("nowhere/b.tar").display().to_string();
    let refused = run(setup.command(&["backup", &nowhere]));
    assert!(!refused.status.success(), "{}", text(&refused));
    assert!(text(&refused).contains("nowhere") && !text(&refused).contains("store cannot be read"));

    // The doctor looks at every record through the running server.
    let looked = succeed(setup.command(&["doctor"]));
    assert!(
        text(&looked).contains("commits of the journal read"),
        "{}",
        text(&looked)
    );
    assert_eq!(server.terminate(), Some(0));

    // Without a server the command reads the store itself.
    let offline = dir.path().join("offline.tar.lz4").display().to_string();
    succeed(setup.command(&["backup", &offline]));
    succeed(setup.command(&["restore", &offline, "--dry-run"]));
}

#[test]
fn no_command_makes_a_store_where_there_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let (empty, missing) = (dir.path().join("empty"), dir.path().join("missing"));
    std::fs::create_dir(&empty).unwrap();
    let file = dir.path().join("b.tar.lz4").display().to_string();
    for data in [&empty, &missing] {
        for arguments in [
            &["backup", file.as_str()][..],
            &["backup", "-"],
            &["token", "create", "--name", "x"],
            &["token", "list"],
            &["admin", "list"],
            &["export"],
            &["setup-link"],
            &["doctor"],
        ] {
            let output = run(Setup::new(data).command(arguments));
            let is_look = arguments == ["doctor"];
            assert!(
                is_look || !output.status.success(),
                "{arguments:?}: {}",
                text(&output)
            );
            assert!(!Path::new(&file).exists(), "{arguments:?}");
        }
    }
    assert!(names(&empty).is_empty() && !missing.exists());
}

#[test]
fn a_restored_server_can_begin_with_delivery_paused() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(&dir.path().join("data"));
    let (server, receiver) = (setup.start(), Receiver::start());
    let mut scene = Scene::build(&server, &receiver);
    let sid = scene.click(&server, "c1");
    let paused = scene.admin.post_json("/api/v1/delivery/pause", &json!({})).ok();
    assert_eq!(paused["is_paused"], true);
    server
        .client()
        .get(&format!("/cv?sid={sid}&amount=500&uid1=A-1"))
        .ok();
    let file = dir.path().join("b.tar.lz4").display().to_string();
    succeed(setup.command(&["backup", &file]));
    assert_eq!(receiver.count(), 0, "nothing is sent while delivery is paused");
    scene.admin.post_json("/api/v1/delivery/resume", &json!({})).ok();
    eventually("the postback is sent", Duration::from_secs(60), || {
        (receiver.count() == 1).then_some(())
    });
    server.kill();

    let restored = Setup::new(&dir.path().join("restored"));
    let told = succeed(restored.command(&["restore", &file, "--paused"]));
    assert!(text(&told).contains("delivery resume"), "{}", text(&told));
    let server = restored.start();
    let mut admin = scene.admin.at(server.address());
    let system = admin.get("/api/v1/system").ok();
    let checks = system["checks"].as_array().unwrap();
    assert!(
        checks
            .iter()
            .any(|check| check["name"] == "delivery_paused" && check["is_ok"] == false)
    );
    let ready = server.client().get("/readyz");
    assert_eq!(ready.status, 200, "{}", ready.text());
    assert_eq!(ready.json()["look_at"], json!(["delivery_paused"]));
    let waiting = admin.get("/api/v1/postbacks?state=waiting").ok();
    assert_eq!(waiting["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        receiver.count(),
        1,
        "what was delivered since the backup is not sent again by itself"
    );
    // It stands through a restart.
    assert_eq!(server.terminate(), Some(0));
    let server = restored.start();
    let mut admin = admin.at(server.address());
    assert_eq!(admin.get("/api/v1/delivery").ok()["by"], "restore");
    succeed(restored.command(&["delivery", "resume"]));
    eventually("what waited is sent", Duration::from_secs(60), || {
        (receiver.count() == 2).then_some(())
    });
    assert_eq!(admin.get("/api/v1/delivery").ok()["is_paused"], false);
    assert_eq!(server.client().get("/readyz").json()["look_at"], json!([]));
}

#[test]
fn a_restore_keeps_the_owner_of_the_directory_and_names_what_it_put_aside() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(&dir.path().join("data"));
    let server = setup.start();
    let file = dir.path().join("b.tar.lz4").display().to_string();
    succeed(setup.command(&["backup", &file]));
    assert_eq!(server.terminate(), Some(0));
    let is_root = rustix::process::geteuid().is_root();
    if is_root {
        for path in files_below(&setup.data_dir).iter().chain([&setup.data_dir]) {
            std::os::unix::fs::chown(path, Some(54_321), Some(54_322)).unwrap();
        }
    }
    std::fs::set_permissions(&setup.data_dir, std::fs::Permissions::from_mode(0o750)).unwrap();
    let refused = run(setup.command(&["token", "list"]));
    assert_eq!(refused.status.success(), !is_root, "{}", text(&refused));
    let told = succeed(setup.command(&["restore", &file, "--force"]));
    let aside = names(&setup.data_dir)
        .into_iter()
        .find(|name| name.starts_with("before-restore-"))
        .unwrap();
    assert!(text(&told).contains(&aside), "{}", text(&told));
    let meta = std::fs::metadata(&setup.data_dir).unwrap();
    assert_eq!(meta.permissions().mode() & 0o777, 0o750);
    for path in files_below(&setup.data_dir) {
        use std::os::unix::fs::MetadataExt;
        let file = std::fs::metadata(&path).unwrap();
        assert_eq!((file.uid(), file.gid()), (meta.uid(), meta.gid()), "{path:?}");
    }
}
