//! `yamabiko demo`: the life of an app is played, and its callbacks reach the built-in receiver.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on fails"
)]

mod support;

use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;
use support::client::Client;
use support::eventually;
use support::scene::text;
use support::server::Setup;

/// Ends with the test.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        self.0.kill().expect("kill");
        self.0.wait().expect("wait");
    }
}

/// What the demo said: where it is, and the token of an operator.
fn start(setup: &Setup) -> (Demo, String, Client) {
    let dir = setup.data_dir.to_string_lossy();
    let arguments = [
        "demo",
        "--data-dir",
        &dir,
        "--listen",
        "127.0.0.1:0",
        "--history-days",
        "0",
        "--clicks-per-second",
        "20",
    ];
    let mut command = setup.command(&arguments);
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .stdin(Stdio::null());
    let mut child = command.spawn().unwrap();
    let said = BufReader::new(child.stdout.take().unwrap());
    let demo = Demo(child);
    let mut lines = Vec::new();
    for line in said.lines() {
        lines.push(line.unwrap());
        if lines.last().is_some_and(|line| line.contains("/metrics")) {
            break;
        }
    }
    let said = lines.join("\n");
    let address = said
        .split("http://")
        .nth(1)
        .and_then(|rest| rest.split('/').next())
        .expect("an address")
        .parse()
        .unwrap();
    let token = setup
        .command(&["token", "create", "--name", "test", "--scope", "admin"])
        .output()
        .unwrap();
    assert!(token.status.success());
    let token = String::from_utf8(token.stdout).unwrap();
    let client = Client::new(address).with_header("Authorization", &format!("Bearer {}", token.trim()));
    (demo, said, client)
}

#[test]
fn the_life_of_an_app_is_played_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path());
    let (_demo, said, mut admin) = start(&setup);
    for line in [
        "/c/demoapp1",
        "/session?",
        "/event?",
        "/uninstall?",
        "reattribution",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let mut seen: BTreeMap<String, Value> = BTreeMap::new();
    let kinds = [
        "click",
        "install",
        "event",
        "session",
        "reattribution",
        "uninstall",
        "reinstall",
    ];
    let mut last = 0;
    eventually(
        "every step of a life at the receiver",
        Duration::from_secs(60),
        || {
            let arrivals = admin.get(&format!("/api/v1/test/echo?after={last}")).ok();
            for arrival in arrivals["items"].as_array().unwrap() {
                last = arrival["number"].as_u64().unwrap();
                let target = text(&arrival["target"]);
                for side in ["app", "pocket"] {
                    if let Some(kind) = target.strip_prefix(&format!("/{side}/")) {
                        let kind = kind.split('?').next().unwrap_or_default();
                        seen.entry(format!("{side}/{kind}"))
                            .or_insert(target.clone().into());
                    }
                }
            }
            kinds
                .iter()
                .all(|kind| seen.contains_key(&format!("app/{kind}")))
                .then_some(())
        },
    );
    let told = |key: &str| seen[key].as_str().unwrap().to_owned();
    assert!(
        told("app/install").contains("tracker=Pocket%20Ads%3A%3ALaunch"),
        "{}",
        told("app/install")
    );
    assert!(told("app/event").contains("item=gem-"), "{}", told("app/event"));
    assert!(
        told("pocket/install").contains("click_id=app-0"),
        "{}",
        told("pocket/install")
    );
    assert!(
        told("app/reattribution").contains("tracker=Pocket%20Ads%3A%3ACome%20back"),
        "{}",
        told("app/reattribution")
    );
}
