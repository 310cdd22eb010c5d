//! What a fenced server took alone is merged: a primary and a standby on a real server that speaks S3, between which and
//! the primary the network breaks.

use crate::archive::{S3, archived, archiving, free_address, run, said, settled, status, succeed};
use crate::support::app::{App, IDFA, now_s};
use crate::support::client::Client;
use crate::support::eventually;
use crate::support::receiver::{Behaviour, Receiver};
use crate::support::scene::{Scene, text};
use crate::support::server::{Server, Setup};
use crate::support::way::Way;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// Every file below a directory with its bytes.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut found, mut left) = (BTreeMap::new(), vec![dir.to_owned()]);
    while let Some(place) = left.pop() {
        for entry in std::fs::read_dir(place).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else if path.is_file() {
                found.insert(path.display().to_string(), std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// The counts that a merge told, by the beginning of their lines.
fn count(told: &str, what: &str) -> u64 {
    let line = told
        .lines()
        .find_map(|line| line.trim().split_once(what).map(|(count, _)| count));
    let line = line.unwrap_or_else(|| panic!("{what:?} is not told: {told}"));
    line.trim().parse().unwrap()
}

/// A way to the bucket for the first machine, and a second machine.
struct Pair {
    way: Way,
    second: Setup,
    dirs: [tempfile::TempDir; 2],
    _s3: S3,
}

impl Pair {
    fn new(s3: S3) -> Self {
        let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let second = archived(dirs[1].path(), s3.address).env("YAMABIKO_LIMITS_ERASURE_WAIT_H", "0");
        Self {
            way: Way::to(s3.address),
            second,
            dirs,
            _s3: s3,
        }
    }

    /// The setup of the first machine.
    fn first(&self, setup: Setup) -> Setup {
        archiving(setup, self.dirs[0].path(), self.way.address)
    }

    /// The second machine takes over while the first one is cut off, and serves. The client is one of the first.
    fn take_over(&self, admin: &mut Client) -> Server {
        let seq = settled(admin);
        let address = free_address();
        let mut standby = self
            .second
            .command(&["standby", "--listen", &address.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        eventually("the standby follows", PATIENCE, || {
            let answer = Client::new(address).try_send("GET", "/readyz", &[], b"").ok()?;
            (answer.status == 200 && answer.json()["standby"]["seq"].as_u64()? >= seq).then_some(())
        });
        self.way.set_broken(true);
        eventually("the first one is alone", PATIENCE, || {
            (status(admin)["standing"] == "behind").then_some(())
        });
        succeed(self.second.command(&["promote"]));
        // The process that became the server listens where the standby did; one that the test knows takes its place.
        eventually("the standby is the server", PATIENCE, || {
            let answer = Client::new(address).try_send("GET", "/readyz", &[], b"").ok()?;
            (answer.status == 200 && answer.json()["standby"].is_null()).then_some(())
        });
        let stopped = Command::new("kill").arg(standby.id().to_string()).status();
        assert!(stopped.unwrap().success());
        standby.wait().unwrap();
        self.second.start()
    }

    /// The way is mended; the first one hears that it was fenced, and dies.
    fn fence(&self, first: &Server, admin: &mut Client) {
        self.way.set_broken(false);
        eventually("the fence", PATIENCE, || {
            (status(admin)["standing"] == "fenced").then_some(())
        });
        first.signal("KILL");
    }

    fn merge(&self, dir: &Path, options: &[&str]) -> String {
        let dir = dir.display().to_string();
        let words = [&["archive", "merge", &dir][..], options].concat();
        succeed(self.second.command(&words))
    }
}

/// The counts that a merge told, in their order.
fn rows(told: &str) -> Vec<String> {
    let rows = told.lines().filter(|line| line.starts_with(' '));
    rows.map(str::to_owned).collect()
}

fn assert_nothing(told: &str) {
    for row in rows(told) {
        assert!(row.trim_start().starts_with("0 "), "{told}");
    }
}

/// Waits until so many postbacks are known to be delivered.
fn delivered(admin: &mut Client, most: usize) {
    eventually("the deliveries are noted", PATIENCE, || {
        let page = admin.get("/api/v1/postbacks?limit=200").ok();
        let states = page["items"].as_array()?.iter();
        (states.filter(|one| one["state"] == "delivered").count() >= most).then_some(())
    });
}

/// The totals of the last day.
fn totals(admin: &mut Client) -> Value {
    let (from, to) = ((now_s() - 86_400) * 1000, (now_s() + 900) * 1000);
    let target = format!("/api/v1/stats?group_by=link&from_ms={from}&to_ms={to}");
    admin.get(&target).ok()["total"].clone()
}

fn convert(client: &mut Client, sid: &str, order: &str) -> Value {
    let target = format!("/cv?sid={sid}&uid1={order}&amount=1000");
    client.send("POST", &target, &[], b"").ok()
}

#[test]
fn what_the_fenced_server_took_alone_is_merged_once() {
    let Some(s3) = S3::moto() else { return };
    let pair = Pair::new(s3);
    let receiver = &Receiver::start();
    let setup = pair.first(Setup::new(&pair.dirs[0].path().join("data")));
    let old = setup.start();
    let scene = Scene::build(&old, receiver);
    let mut at_old = old.client();
    let both = scene.click(&old, "both");
    let known = convert(&mut at_old, &both, "order-known");
    let mut old_admin = scene.admin.at(old.address());
    delivered(&mut old_admin, 1);
    let new = pair.take_over(&mut old_admin);

    // Alone: two conversions that are told at once, one that waits, a change, a click without anything.
    let alone: Vec<String> = (0..4).map(|n| scene.click(&old, &format!("alone{n}"))).collect();
    let first = convert(&mut at_old, &alone[0], "order-a");
    convert(&mut at_old, &alone[1], "order-same");
    let change = json!({"ids": [text(&known["activity_id"])], "status": "rejected"});
    old_admin.post_json("/api/v1/activities/status", &change).ok();
    delivered(&mut old_admin, 4);
    receiver.behave(Behaviour::status(500));
    convert(&mut at_old, &alone[2], "order-waits");
    receiver.wait_for(5, PATIENCE);
    // Meanwhile the new one takes a sale of its own, and one that the old one took, too.
    receiver.behave(Behaviour::status(200));
    let mut at_new = new.client();
    let own = scene.click(&new, "own");
    convert(&mut at_new, &own, "order-own");
    let again = scene.click(&new, "again");
    convert(&mut at_new, &again, "order-same");
    delivered(&mut new.admin(), 3);
    pair.fence(&old, &mut old_admin);

    let before = files(&setup.data_dir);
    let mut admin = new.admin();
    let counted = totals(&mut admin);
    assert_eq!(
        (&counted["clicks"], &counted["conversions"]),
        (&json!(3), &json!(3)),
        "{counted}"
    );
    let dry = pair.merge(&setup.data_dir, &["--dry-run"]);
    assert_eq!(totals(&mut admin), counted, "a dry run writes nothing");
    let told = pair.merge(&setup.data_dir, &[]);
    // Three conversions (one of them a duplicate here), and the change as an activity of its own.
    assert_eq!(count(&told, "clicks and impressions"), 4, "{told}");
    assert_eq!(
        count(&told, "activities that were missing and are duplicates"),
        1,
        "{told}"
    );
    assert_eq!(count(&told, "records that were changed there last"), 1, "{told}");
    assert_eq!(count(&told, "postbacks that were settled there"), 3, "{told}");
    assert_eq!(count(&told, "postbacks that waited there:"), 1, "{told}");
    // What waits of a duplicate is told as waiting before it is known to be one; here none does.
    assert_eq!(rows(&dry), rows(&told));
    assert_eq!(files(&setup.data_dir), before, "the other directory is as it was");

    // Nothing is missing, and nothing is there twice.
    for sid in alone.iter().chain([&both, &own, &again]) {
        assert_eq!(admin.get(&format!("/api/v1/sessions/{sid}")).status, 200, "{sid}");
    }
    let merged = totals(&mut admin);
    assert_eq!(merged["clicks"], 7, "{merged}");
    // known (rejected now), a, waits, own, and one of the two that are the same.
    assert_eq!(merged["conversions"], 5, "{merged}");
    assert_eq!(
        (&merged["rejected"], &merged["duplicates"]),
        (&json!(1), &json!(1)),
        "{merged}"
    );
    let activity = format!("/api/v1/activities/{}", text(&first["activity_id"]));
    assert_eq!(admin.get(&activity).status, 200);
    let changed = admin
        .get(&format!("/api/v1/activities/{}", text(&known["activity_id"])))
        .ok();
    assert_eq!(changed["status"], "rejected", "{changed}");
    // What waited is sent from here; what was sent there is not.
    eventually("what waited is sent", PATIENCE, || {
        let orders = orders(receiver);
        (orders.get("order-waits").copied()? >= 2).then_some(())
    });
    let sent = orders(receiver);
    let expected = [
        ("order-a", 1),
        ("order-known", 2),
        ("order-own", 1),
        ("order-same", 2),
        ("order-waits", 2),
    ];
    assert_eq!(sent, expected.map(|(order, n)| (order.to_owned(), n)).into());

    // Once more: nothing.
    let told = pair.merge(&setup.data_dir, &[]);
    assert_nothing(&told);
    assert_eq!(totals(&mut admin), merged);
    assert_eq!(orders(receiver), sent);
    succeed(pair.second.command(&["archive", "check"]));

    // A directory that is none of a fenced server of this instance.
    let own_dir = pair.second.data_dir.display().to_string();
    let refused = run(pair.second.command(&["archive", "merge", &own_dir]));
    assert!(
        !refused.status.success() && said(&refused).contains("writes the archive"),
        "{}",
        said(&refused)
    );
    new.terminate();
    let dir = setup.data_dir.display().to_string();
    let refused = run(pair.second.command(&["archive", "merge", &dir]));
    assert!(
        !refused.status.success() && said(&refused).contains("no server runs"),
        "{}",
        said(&refused)
    );
}

/// How often each order was told.
fn orders(receiver: &Receiver) -> BTreeMap<String, usize> {
    let mut orders = BTreeMap::new();
    for arrival in receiver.arrivals() {
        *orders.entry(arrival.query_value("order").unwrap()).or_default() += 1;
    }
    orders
}

const OTHER: &str = "B1B2C3D4-0000-4000-8000-1234567890AB";
const THIRD: &str = "C1B2C3D4-0000-4000-8000-1234567890AB";

#[test]
fn devices_of_apps_are_merged_and_who_was_erased_on_either_side_stays_erased() {
    let Some(s3) = S3::moto() else { return };
    let pair = Pair::new(s3);
    let mut app = App::with(json!({}), |setup| pair.first(setup));
    app.rule(
        &["install", "event"],
        &app.url("/cb?kind={activity_kind}&idfa={idfa}"),
    );
    app.click(&app.link, &format!("idfa={IDFA}"));
    app.send("session", &format!("idfa={IDFA}")).ok();
    app.told("install", 0);
    let mut old_admin = app.admin.at(app.server.address());
    delivered(&mut old_admin, 1);
    let new = pair.take_over(&mut old_admin);

    // Alone: another device comes by a click and buys, a third one comes and is forgotten, the first one buys.
    let buy = |idfa: &str| format!("idfa={idfa}&event_token={}&revenue=10&currency=USD", app.purchase);
    let sid = app.click(&app.link, &format!("idfa={OTHER}"));
    app.send("session", &format!("idfa={OTHER}")).ok();
    app.send("event", &buy(OTHER)).ok();
    app.send("session", &format!("idfa={THIRD}")).ok();
    app.send("gdpr_forget_device", &format!("idfa={THIRD}")).ok();
    app.send("event", &buy(IDFA)).ok();
    delivered(&mut old_admin, 4);
    // Meanwhile the other device opens the app at the new one, too, and the first one is forgotten there.
    let send = |path: &str, parameters: &str| {
        let target = format!("/{path}?s2s=1&app_token={}&{parameters}", app.token);
        new.client().send("POST", &target, &[], b"")
    };
    send("session", &format!("idfa={OTHER}")).ok();
    send("gdpr_forget_device", &format!("idfa={IDFA}")).ok();
    pair.fence(&app.server, &mut old_admin);

    let mut admin = new.admin();
    let counted = totals(&mut admin);
    assert_eq!(
        (&counted["installs"], &counted["clicks"]),
        (&json!(2), &json!(1)),
        "{counted}"
    );
    let told = pair.merge(app.dir.path(), &[]);
    assert_eq!(count(&told, "clicks and impressions"), 1, "{told}");
    assert_eq!(
        count(&told, "activities that were missing and are duplicates"),
        1,
        "{told}"
    );
    assert_eq!(count(&told, "postbacks that waited there:"), 0, "{told}");
    assert!(count(&told, "erasures") >= 1, "{told}");
    let merged = totals(&mut admin);
    // Three devices: the second install of the other one is a duplicate, the third one counts although it was erased.
    assert_eq!(
        (&merged["installs"], &merged["clicks"]),
        (&json!(3), &json!(2)),
        "{merged}"
    );
    assert_eq!(admin.get(&format!("/api/v1/sessions/{sid}")).status, 200);
    for list in ["sessions", "activities", "postbacks"] {
        let page = admin.get(&format!("/api/v1/{list}?limit=200")).ok();
        for item in page["items"].as_array().unwrap() {
            let one = admin.get(&format!("/api/v1/{list}/{}", text(&item["id"]))).text();
            for erased in [IDFA, THIRD] {
                assert!(
                    !one.to_lowercase().contains(&erased.to_lowercase()),
                    "{list}: {one}"
                );
            }
        }
    }
    for erased in [IDFA, THIRD] {
        let again = send("session", &format!("idfa={erased}")).status;
        assert!((400..500).contains(&again), "{erased}: {again}");
    }
    assert_nothing(&pair.merge(app.dir.path(), &[]));
    assert_eq!(totals(&mut admin), merged);
}
