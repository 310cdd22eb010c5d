//! A data directory that an earlier build wrote opens with this one and answers the same.

use crate::support::client::Client;
use crate::support::eventually;
use crate::support::server::Setup;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Unpacks a fixture; gives the data directory and what the build that wrote it answered.
fn unpack(name: &str, into: &Path) -> (PathBuf, Value) {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name);
    let unpacked = Command::new("tar")
        .arg("-xzf")
        .arg(&archive)
        .arg("-C")
        .arg(into)
        .status();
    assert!(unpacked.unwrap().success());
    let answers = std::fs::read(into.join("answers.json")).unwrap();
    (into.join("data"), serde_json::from_slice(&answers).unwrap())
}

/// Over `dir`, keeping everything however late the test runs.
fn setup(dir: &Path) -> Setup {
    ["SESSIONS", "ACTIVITIES", "ATTEMPTS", "VISITORS"]
        .iter()
        .fold(Setup::new(dir), |setup, kept| {
            setup.env(&format!("YAMABIKO_RETENTION_{kept}_DAYS"), "3650")
        })
}

/// Says where `now` lacks something that `before` had. Fields that were added do not count.
fn compare(before: &Value, now: &Value, at: &str) {
    match (before, now) {
        (Value::Object(before), Value::Object(now)) => {
            for (name, value) in before {
                compare(
                    value,
                    now.get(name).unwrap_or(&Value::Null),
                    &format!("{at}.{name}"),
                );
            }
        }
        (Value::Array(before), Value::Array(now)) => {
            assert_eq!(before.len(), now.len(), "{at}");
            for (index, (before, now)) in before.iter().zip(now).enumerate() {
                compare(before, now, &format!("{at}[{index}]"));
            }
        }
        _ => assert_eq!(before, now, "{at}"),
    }
}

/// A postback that waited goes on after the start: how far it has come is no matter of what was kept.
fn without_progress(postbacks: &mut Value, waited: &[Value]) {
    for postback in postbacks.as_array_mut().unwrap() {
        if waited.contains(&postback["id"]) {
            let fields = postback.as_object_mut().unwrap();
            for progress in [
                "state",
                "due_at_ms",
                "settled_at_ms",
                "fail_reason",
                "attempts",
                "last",
            ] {
                fields.remove(progress);
            }
        }
    }
}

/// Every item of a list of the API, by id.
fn list(client: &mut crate::support::client::Client, of: &str) -> Value {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("/api/v1/{of}?limit=200{cursor}")).ok();
        items.extend(page["items"].as_array().cloned().unwrap());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return by_id(items),
        }
    }
}

fn by_id(mut items: Vec<Value>) -> Value {
    items.sort_by_key(|item| item["id"].as_str().or(item["sid"].as_str()).unwrap().to_owned());
    Value::Array(items)
}

/// Rows of counters that were written before payouts were counted by status are split by the activities themselves.
fn payouts_are_those_of_the_activities(client: &mut Client, activities: &Value) {
    let payouts = client
        .get("/api/v1/payouts?from_ms=1764547200000&to_ms=1830297600000")
        .ok();
    for (status, name) in [
        ("approved", "payout"),
        ("pending", "pending_payout"),
        ("rejected", "rejected_payout"),
    ] {
        let counted = |a: &&Value| {
            let kind = a["kind"].as_str().unwrap();
            a["status"] == status
                && a["verdict"] == "accepted"
                && a["is_test"] == false
                && ["event", "install"].contains(&kind)
        };
        let sum = |money: &Value| {
            money["amount"]
                .as_str()
                .map_or(0.0, |amount| amount.parse().unwrap())
        };
        let activities = activities.as_array().unwrap().iter().filter(counted);
        let expected: f64 = activities.map(|a| sum(&a["payout"])).sum();
        let told: f64 = payouts["total"][name].as_array().unwrap().iter().map(sum).sum();
        assert!(
            (expected - told).abs() < 0.01,
            "{status}: {expected}, told {told}"
        );
    }
}

fn answers_the_same(dir: &Path, before: &Value) {
    let setup = setup(dir);
    let server = setup.start();
    let exported = setup.command(&["export", "--json"]).output().unwrap();
    assert!(
        exported.status.success(),
        "{}",
        String::from_utf8_lossy(&exported.stderr)
    );
    compare(
        &before["export"],
        &serde_json::from_slice(&exported.stdout).unwrap(),
        "export",
    );
    let mut client = server.admin();
    for of in ["sessions", "activities", "postbacks"] {
        let mut before = by_id(before[of].as_array().cloned().unwrap());
        let mut now = list(&mut client, of);
        if of == "postbacks" {
            let waiting = before
                .as_array()
                .unwrap()
                .iter()
                .filter(|p| p["state"] == "waiting");
            let waited: Vec<Value> = waiting.map(|p| p["id"].clone()).collect();
            assert!(!waited.is_empty());
            without_progress(&mut before, &waited);
            without_progress(&mut now, &waited);
        }
        compare(&before, &now, of);
    }
    let system = eventually("the store is ready", Duration::from_secs(60), || {
        let system = client.get("/api/v1/system").ok();
        (system["store"]["state"] == "ready").then_some(system)
    });
    drop(system);
    payouts_are_those_of_the_activities(&mut client, &before["activities"]);
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn a_data_directory_of_the_first_format_opens_and_answers_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let (data, before) = unpack("data-0.1.0-2026-11.tar.gz", dir.path());
    answers_the_same(&data, &before);
}

#[test]
fn snapshots_and_the_journal_of_the_first_format_alone_answer_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let (data, before) = unpack("data-0.1.0-2026-11.tar.gz", dir.path());
    std::fs::remove_dir_all(data.join("db")).unwrap();
    answers_the_same(&data, &before);
}
