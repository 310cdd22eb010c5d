//! Reading the settings again while the server runs: what can change changes, the rest is told, and what is wrong
//! changes nothing.

use crate::support::eventually;
use crate::support::receiver::Receiver;
use crate::support::scene::Scene;
use crate::support::server::{Server, Setup};
use serde_json::json;
use std::path::Path;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);

fn write(file: &Path, networks: &str, more: &str) {
    let text = format!("{more}\n[delivery]\nallow_networks = [{networks}]\n[log]\nformat = \"json\"\n");
    std::fs::write(file, text).unwrap();
}

fn said(server: &Server, text: &str) {
    eventually(text, SOON, || server.log().contains(text).then_some(()));
}

#[test]
fn a_reload_takes_over_what_it_can_says_the_rest_and_keeps_the_old_when_the_new_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("yamabiko.toml");
    write(&file, "\"127.0.0.0/8\"", "");
    let mut setup = Setup::new(&dir.path().join("data")).env("YAMABIKO_CONFIG", file.to_str().unwrap());
    setup
        .environment
        .retain(|(name, _)| name != "YAMABIKO_DELIVERY_ALLOW_NETWORKS");
    let (server, receiver) = (setup.start(), Receiver::start());
    let mut scene = Scene::build(&server, &receiver);
    let sell = |scene: &Scene, order: &str| {
        let sid = scene.click(&server, order);
        let sold = server
            .client()
            .post_form("/cv", &format!("sid={sid}&uid1={order}&amount=1"));
        assert_eq!(sold.status, 200);
    };
    sell(&scene, "before");
    receiver.wait_for_count(1, SOON);

    // Wrong: nothing changes.
    write(&file, "\"127.0.0.0/33\"", "");
    server.signal("HUP");
    said(&server, "the settings are wrong; those before stay");
    said(&server, "127.0.0.0/33");
    sell(&scene, "wrong");
    receiver.wait_for_count(2, SOON);

    // Right: in force for what is sent and for what is saved; the port is not.
    write(&file, "", "[threads]\nhttp = 3");
    server.signal("HUP");
    said(&server, "delivery.allow_networks: [\\\"127.0.0.0/8\\\"] -> []");
    said(
        &server,
        "a setting has changed; restart the server for it to take effect",
    );
    sell(&scene, "refused");
    let rule = json!({"name": "inward", "scope": {"type": "partner", "partner": scene.partner},
        "kinds": ["event"], "text": receiver.url("/x")});
    let refused = scene.admin.post_json("/api/v1/rules", &rule);
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert_eq!(receiver.count(), 2, "what was allowed before is refused now");

    write(&file, "\"127.0.0.0/8\"", "");
    server.signal("HUP");
    said(&server, "delivery.allow_networks: [] -> [\\\"127.0.0.0/8\\\"]");
    sell(&scene, "again");
    receiver.wait_for_count(3, SOON);
}

#[test]
fn a_proxy_that_is_not_believed_is_told_and_trusting_it_needs_no_restart() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("yamabiko.toml");
    write(&file, "", "");
    let setup = Setup::new(&dir.path().join("data")).env("YAMABIKO_CONFIG", file.to_str().unwrap());
    let server = setup.start();
    let mut admin = server.admin();
    let told = |admin: &mut crate::support::client::Client| {
        let system = admin.get("/api/v1/system").ok();
        let checks = system["checks"].as_array().unwrap().clone();
        checks
            .iter()
            .any(|check| check["name"] == "untrusted_proxy" && check["is_ok"] == false)
    };
    assert!(!told(&mut admin));
    for _ in 0..3 {
        server
            .client()
            .with_header("X-Forwarded-For", "203.0.113.9")
            .get("/");
    }
    assert!(told(&mut admin));
    assert_eq!(
        server.log().matches("\"untrusted_proxy\"").count(),
        1,
        "{}",
        server.log()
    );
    let doctor = setup.command(&["doctor"]).output().unwrap();
    let text = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(
        text.contains("WARN  proxy: requests come through 127.0.0.1"),
        "{text}"
    );
    write(&file, "", "trusted_proxies = [\"127.0.0.1\"]");
    server.signal("HUP");
    said(&server, "trusted_proxies: [] -> [\\\"127.0.0.1/32\\\"]");
    assert!(!told(&mut admin));
}

#[test]
fn bounds_of_strangers_change_without_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("yamabiko.toml");
    let bounds = |limits: &str| format!("trusted_proxies = [\"127.0.0.1\"]\n[limits]\n{limits}");
    write(
        &file,
        "\"127.0.0.0/8\"",
        &bounds("unproven_per_s = 1\nunproven_burst = 5"),
    );
    let setup = Setup::new(&dir.path().join("data")).env("YAMABIKO_CONFIG", file.to_str().unwrap());
    let server = setup.start();
    let too_often = |network: &str| {
        let mut stranger = server
            .client()
            .with_header("X-Forwarded-For", &format!("{network}.7"));
        let statuses: Vec<u16> = (0..40).map(|_| stranger.get("/cv?cid=none").status).collect();
        statuses.iter().filter(|status| **status == 429).count()
    };
    assert!(too_often("203.0.113") > 0);
    write(
        &file,
        "\"127.0.0.0/8\"",
        &bounds("unproven_per_s = 0\nrefused_mb = 0"),
    );
    server.signal("HUP");
    said(&server, "limits.unproven_per_s: 1 -> 0");
    said(&server, "limits.refused_mb: 200 -> 0");
    eventually("the new bound is in force", SOON, || {
        (too_often("203.0.113") == 0).then_some(())
    });
    let metrics = server.client().get("/metrics").text();
    let kept_out = metrics
        .lines()
        .find_map(|line| line.strip_prefix("yamabiko_refusals_not_kept_total "));
    assert_ne!(kept_out, Some("0"), "{metrics}");
}
