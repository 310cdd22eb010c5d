//! `kill -9` at random moments under mixed load: everything that was acknowledged is there afterwards, and
//! every postback arrives, each id checked. A short form runs by default; `YAMABIKO_CRASH_ROUNDS=100` is the
//! long one.

use crate::support::client::Client;
use crate::support::eventually;
use crate::support::receiver::Receiver;
use crate::support::scene::{BROWSER, Scene, text};
use crate::support::server::Setup;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the server said yes to.
#[derive(Default)]
struct Acknowledged {
    clicks: Vec<String>,
    /// Activity id to SID.
    conversions: HashMap<String, String>,
}

fn rounds() -> u64 {
    std::env::var("YAMABIKO_CRASH_ROUNDS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(6)
}

/// Clicks and converts until it is told to stop or the server is gone.
fn load(
    mut client: Client,
    link: &str,
    stop: &AtomicBool,
    number: &AtomicU64,
    acknowledged: &Mutex<Acknowledged>,
) {
    while !stop.load(Ordering::Relaxed) {
        let n = number.fetch_add(1, Ordering::Relaxed);
        let target = format!("/c/{link}?param1=n{n}&s2s=1");
        let Ok(click) = client.try_send("GET", &target, &[("User-Agent", BROWSER)], b"") else {
            return;
        };
        if click.status != 200 {
            continue;
        }
        let sid = text(&click.json()["sid"]);
        acknowledged.lock().unwrap().clicks.push(sid.clone());
        let target = format!("/cv?sid={sid}&uid1=order-{n}&amount={}", n % 1000);
        let Ok(conversion) = client.try_send("POST", &target, &[], b"") else {
            return;
        };
        if conversion.status == 200 {
            let answer = conversion.json();
            if answer["result"] == "accepted" {
                acknowledged
                    .lock()
                    .unwrap()
                    .conversions
                    .insert(text(&answer["activity_id"]), sid);
            }
        }
    }
}

/// A number below `bound` that differs from round to round.
fn random(bound: u64) -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish() % bound
}

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path());
    let receiver = Receiver::start();
    let mut server = setup.start();
    let scene = Scene::build(&server, &receiver);
    let acknowledged = Arc::new(Mutex::new(Acknowledged::default()));
    let number = Arc::new(AtomicU64::new(0));
    for _ in 0..rounds() {
        let stop = Arc::new(AtomicBool::new(false));
        let loaders: Vec<_> = (0..6)
            .map(|_| {
                let (client, link) = (server.client(), scene.link.clone());
                let (stop, number, acknowledged) = (stop.clone(), number.clone(), acknowledged.clone());
                std::thread::spawn(move || load(client, &link, &stop, &number, &acknowledged))
            })
            .collect();
        std::thread::sleep(Duration::from_millis(50 + random(900)));
        server.kill();
        stop.store(true, Ordering::Relaxed);
        loaders.into_iter().for_each(|loader| loader.join().unwrap());
        server = setup.start();
    }

    let acknowledged = acknowledged.lock().unwrap();
    assert!(
        acknowledged.conversions.len() > 20,
        "the load was real: {}",
        acknowledged.conversions.len()
    );
    let expected: HashSet<&str> = acknowledged.conversions.values().map(String::as_str).collect();
    let arrived = eventually("every postback at the receiver", Duration::from_secs(90), || {
        let arrived: HashSet<String> = receiver
            .arrivals()
            .iter()
            .filter_map(|a| a.query_value("sid"))
            .collect();
        expected
            .iter()
            .all(|sid| arrived.contains(*sid))
            .then_some(arrived)
    });
    assert!(arrived.len() >= expected.len());

    let mut admin = server.admin();
    for sid in &acknowledged.clicks {
        let session = admin.get(&format!("/api/v1/sessions/{sid}"));
        assert_eq!(session.status, 200, "an acknowledged click is gone: {sid}");
    }
    for (activity, sid) in &acknowledged.conversions {
        let record = admin.get(&format!("/api/v1/activities/{activity}"));
        assert_eq!(
            record.status, 200,
            "an acknowledged conversion is gone: {activity}"
        );
        assert!(record.text().contains(sid.as_str()));
    }

    let mut seen: HashMap<String, usize> = HashMap::new();
    for arrival in receiver.arrivals() {
        *seen
            .entry(arrival.header("webhook-id").unwrap().to_owned())
            .or_default() += 1;
    }
    let twice: usize = seen.values().map(|n| n - 1).sum();
    println!(
        "{} kills, {} clicks and {} conversions acknowledged, 0 lost, {twice} postbacks sent twice",
        rounds(),
        acknowledged.clicks.len(),
        acknowledged.conversions.len(),
    );
    assert!(
        twice as u64 <= rounds() * 40,
        "{twice} duplicates are more than what was on the wire"
    );
}

#[test]
fn sigterm_loses_nothing_and_sends_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path());
    let receiver = Receiver::start();
    let mut server = setup.start();
    let scene = Scene::build(&server, &receiver);
    let acknowledged = Arc::new(Mutex::new(Acknowledged::default()));
    let number = Arc::new(AtomicU64::new(0));
    for _ in 0..3 {
        let stop = Arc::new(AtomicBool::new(false));
        let loaders: Vec<_> = (0..4)
            .map(|_| {
                let (client, link) = (server.client(), scene.link.clone());
                let (stop, number, acknowledged) = (stop.clone(), number.clone(), acknowledged.clone());
                std::thread::spawn(move || load(client, &link, &stop, &number, &acknowledged))
            })
            .collect();
        std::thread::sleep(Duration::from_millis(200 + random(300)));
        assert_eq!(server.terminate(), Some(0));
        stop.store(true, Ordering::Relaxed);
        loaders.into_iter().for_each(|loader| loader.join().unwrap());
        server = setup.start();
    }
    let acknowledged = acknowledged.lock().unwrap();
    eventually("every postback at the receiver", Duration::from_secs(60), || {
        let arrived: HashSet<String> = receiver
            .arrivals()
            .iter()
            .filter_map(|a| a.query_value("sid"))
            .collect();
        acknowledged
            .conversions
            .values()
            .all(|sid| arrived.contains(sid))
            .then_some(())
    });
    let mut ids: Vec<String> = receiver
        .arrivals()
        .iter()
        .map(|a| a.header("webhook-id").unwrap().to_owned())
        .collect();
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all, "a postback was sent twice across a graceful stop");
}
