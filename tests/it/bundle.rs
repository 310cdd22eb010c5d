//! The archive for support holds what helps, and nothing that was planted as a secret or as somebody's data.

use crate::support::receiver::{Behaviour, Receiver};
use crate::support::scene::{BROWSER, Scene};
use crate::support::server::Setup;
use serde_json::json;
use std::process::Command;
use std::time::Duration;

#[test]
fn the_archive_for_support_holds_no_secret_and_nobodys_data() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path()).env("YAMABIKO_ADMIN_METRICS_TOKEN", "planted-metrics-token");
    let (server, receiver) = (setup.start(), Receiver::start());
    receiver.behave(Behaviour::status(500));
    let rule = receiver.url("/planted-path?key=planted-key&id=##PARA1##&order=##CONTENT_UID1##");
    let mut scene = Scene::with(&server, json!({}), json!({}), &rule);
    let made = setup
        .command(&[
            "admin",
            "create",
            "planted-person@example.jp",
            "--name",
            "Planted Name",
        ])
        .output()
        .unwrap();
    assert!(made.status.success());
    let password = String::from_utf8_lossy(&made.stdout).trim().to_owned();
    let answer = server.client().send(
        "GET",
        &format!("/c/{}?param1=planted-click&s2s=1", scene.link),
        &[
            ("User-Agent", BROWSER),
            ("Referer", "https://planted-referrer.example/"),
            ("Cookie", "planted=cookie"),
        ],
        b"",
    );
    let sid = answer.json()["sid"].as_str().unwrap().to_owned();
    server.client().post_form(
        "/cv",
        &format!("sid={sid}&uid1=planted-order&amount=1&label=planted-label"),
    );
    receiver.wait_for_count(1, Duration::from_secs(60));
    scene.admin.post_json("/api/v1/delivery/pause", &json!({})).ok();
    let token = setup
        .command(&[
            "token",
            "create",
            "--name",
            "planted-token-name",
            "--scope",
            "read",
        ])
        .output()
        .unwrap();
    let token = String::from_utf8_lossy(&token.stdout).trim().to_owned();
    let file = dir.path().join("support.tar.gz");
    let doctor = setup
        .command(&["doctor", "--bundle", file.to_str().unwrap()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(said.contains("support.tar.gz"), "{said}");
    let unpacked = Command::new("tar").arg("-xOzf").arg(&file).output().unwrap();
    let text = String::from_utf8_lossy(&unpacked.stdout).into_owned();
    for helpful in [
        "yamabiko 0.",
        "[delivery]",
        "metrics_token = \"********\"",
        "yamabiko_attempts_total",
        "store: ",
        "\"queue\"",
        "processors: ",
    ] {
        assert!(text.contains(helpful), "{helpful} is missing:\n{text}");
    }
    for planted in [
        "planted",
        "Planted",
        sid.as_str(),
        token.as_str(),
        password.as_str(),
    ] {
        assert!(!text.contains(planted), "{planted} is in it:\n{text}");
    }
    let again = setup
        .command(&["doctor", "--bundle", file.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(!again.status.success(), "a file that is there stays");
}
