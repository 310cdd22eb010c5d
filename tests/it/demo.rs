//! `yamabiko demo`: the life of an app is played, and its callbacks reach the built-in receiver.

use crate::support::client::Client;
use crate::support::eventually;
use crate::support::scene::text;
use crate::support::server::{Setup, listening_address};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Stdio};
use std::time::Duration;

/// Ends with the test.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        self.0.kill().expect("kill");
        self.0.wait().expect("wait");
    }
}

fn spawn(setup: &Setup, stderr: Stdio) -> Demo {
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
    command.stdout(Stdio::piped()).stderr(stderr).stdin(Stdio::null());
    Demo(command.spawn().unwrap())
}

/// A client with the token of an operator.
fn operator(setup: &Setup, address: SocketAddr) -> Client {
    let token = setup
        .command(&["token", "create", "--name", "test", "--scope", "admin"])
        .output()
        .unwrap();
    assert!(token.status.success());
    let token = String::from_utf8(token.stdout).unwrap();
    Client::new(address).with_header("Authorization", &format!("Bearer {}", token.trim()))
}

/// What the demo said: where it is, and what to try.
fn start(setup: &Setup) -> (Demo, String, Client) {
    let mut demo = spawn(setup, Stdio::null());
    let said = BufReader::new(demo.0.stdout.take().unwrap());
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
    (demo, said, operator(setup, address))
}

#[test]
fn visitors_come_though_nobody_reads_what_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path()).env("YAMABIKO_LOG_LEVEL", "info");
    let mut demo = spawn(&setup, Stdio::piped());
    let mut preparing = String::new();
    BufReader::new(demo.0.stdout.take().unwrap())
        .read_line(&mut preparing)
        .unwrap();
    assert!(preparing.starts_with("Preparing"), "{preparing}");
    let mut log = BufReader::new(demo.0.stderr.take().unwrap()).lines();
    let address = log
        .find_map(|line| listening_address(&line.unwrap()))
        .expect("the demo listens");
    let rest = std::thread::spawn(move || log.map_while(Result::ok).count());
    let mut admin = operator(&setup, address);
    eventually("somebody clicks", Duration::from_secs(60), || {
        let arrivals = admin.get("/api/v1/test/echo").ok();
        let is_told = !arrivals["items"].as_array().unwrap().is_empty();
        is_told.then_some(())
    });
    drop(demo);
    rest.join().unwrap();
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
