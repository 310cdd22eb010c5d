//! How fast a server with much to do is back at work, and what the queue leaves behind when much has gone
//! through it. Prints its figures.
//!
//! Short forms run by default: 10,000 pending, 20,000 postbacks of churn. `YAMABIKO_PENDING=1000000` and
//! `YAMABIKO_CHURN=5000000` are the long ones (best with a release build).

use crate::support::eventually;
use crate::support::files::size_of;
use crate::support::load::from_env;
use crate::support::receiver::{Receiver, deserted_address};
use crate::support::scene::Scene;
use crate::support::server::{Server, Setup};
use serde_json::json;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use yamabiko::store::{Commit, Db, Op, Store, StoreOptions};

/// Clients that make postbacks.
const CLIENTS: usize = 8;

fn setup(data_dir: &Path) -> Setup {
    Setup::new(data_dir)
}

/// A rule that calls the receiver so many times for each conversion.
fn rule(address: &str, entries: usize) -> String {
    (0..entries)
        .map(|n| format!("http://{address}/{n}?sid={{sid}}&pbid={{postback_id}}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Conversions of one click, without an order number to be repeated.
fn convert(server: &Server, scene: &Scene, count: usize) {
    let next = AtomicUsize::new(0);
    let sid = scene.click(server, "many");
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = server.client();
                while next.fetch_add(1, Ordering::Relaxed) < count {
                    assert_eq!(
                        client.get(&format!("/cv?sid={sid}&amount=1")).ok()["result"],
                        "accepted"
                    );
                }
            });
        }
    });
}

#[test]
fn the_first_resend_after_a_start_is_within_a_second() {
    let pending = usize::try_from(from_env("YAMABIKO_PENDING", 10_000)).unwrap();
    let entries = 50;
    let dir = tempfile::tempdir().unwrap();
    // Nobody is there while the postbacks pile up.
    let address = deserted_address();
    let server = setup(dir.path()).start();
    let event = json!({"duplicates": {"by": "never"}});
    let scene = Scene::with(&server, json!({}), event, &rule(&address.to_string(), entries));
    let began = Instant::now();
    convert(&server, &scene, pending / entries);
    println!("{pending} pending made in {:?}", began.elapsed());
    server.kill();

    let receiver = Receiver::start_at(&address.to_string());
    receiver.count_only();
    let (limit_s, limit_mb) = (20, 400);
    let began = Instant::now();
    let server = setup(dir.path()).start();
    let listening = began.elapsed();
    receiver.wait_for_count(1, Duration::from_secs(60));
    let first = began.elapsed();
    let resident = server.resident_bytes() >> 20;
    println!(
        "{pending} pending: listening after {listening:?}, first resend after {first:?}, {resident} MiB resident"
    );
    assert!(resident < limit_mb, "{resident} MiB resident");
    assert!(
        first.saturating_sub(listening) <= Duration::from_secs(limit_s),
        "first resend {first:?}, listening {listening:?}"
    );
    let all = Duration::from_secs(60 + pending as u64 / 200);
    receiver.wait_for_count(pending / entries * entries, all);
    println!(
        "{pending} pending: all resent after {:?}, {} MiB resident",
        began.elapsed(),
        server.resident_bytes() >> 20
    );
}

#[test]
fn churn_reaches_a_plateau() {
    let total = usize::try_from(from_env("YAMABIKO_CHURN", 20_000)).unwrap();
    let (rounds, entries) = (10, 20);
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start();
    receiver.count_only();
    let server = setup(dir.path()).start();
    let event = json!({"duplicates": {"by": "never"}});
    let mut scene = Scene::with(
        &server,
        json!({}),
        event,
        &rule(&receiver.address().to_string(), entries),
    );
    let a_round = total / rounds / entries;
    let mut series = Vec::new();
    for round in 1..=rounds {
        convert(&server, &scene, a_round);
        let due = a_round * entries * round;
        receiver.wait_for_count(due, Duration::from_secs(60 + due as u64 / 100));
        let hot = size_of(&dir.path().join("db/hot"));
        let (data, resident) = (size_of(dir.path()), server.resident_bytes());
        println!(
            "{due} postbacks: {} MiB data, of it {} MiB hot, {} MiB resident",
            data >> 20,
            hot >> 20,
            resident >> 20
        );
        series.push((hot, resident, data));
    }
    eventually("the queue is empty", Duration::from_secs(60), || {
        scene
            .list("/api/v1/postbacks?state=waiting")
            .is_empty()
            .then_some(())
    });
    let (half, end) = (series[rounds / 2 - 1], series[rounds - 1]);
    // What is kept of each postback lies in the databases of the month; the queue itself must not grow.
    assert!(
        end.0 <= half.0 * 3 / 2 + (16 << 20),
        "the hot store grows: {series:?}"
    );
    // sled keeps a table of all pages in memory, the filters lie there too: a few percent of what the month holds.
    let kept = end.2.saturating_sub(half.2);
    assert!(
        end.1 <= half.1 + (32 << 20) + kept / 24,
        "memory grows by more than what is kept: {series:?}"
    );
}

/// Records that keep a start busy: small ones, so that their number counts.
fn fill(dir: &Path, commits: u32) {
    let options = StoreOptions {
        journal: yamabiko::journal::Options {
            is_durable: false,
            ..Default::default()
        },
        ..StoreOptions::default()
    };
    let (mut store, _) = Store::open(dir, options).unwrap();
    for n in 0..commits {
        let write = |m: u32| {
            let key = format!("zz{n:08}{m:08}").into_bytes();
            (Db::Hot, Op::Put(key, vec![7; 40]))
        };
        let writes = (0..2_000).map(write).collect();
        store.writer.commit(Commit { writes }).unwrap();
    }
    store.writer.close().unwrap();
    // As after a restore: the first start makes it from the snapshots and the journal.
    std::fs::remove_dir_all(dir.join("db")).unwrap();
}

/// What systemd is told until the server is ready.
fn told_to_systemd(dir: &Path, commits: u32) -> Vec<String> {
    let data = dir.join("data");
    drop(setup(&data).start());
    fill(&data, commits);
    let path = dir.join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let _server = setup(&data)
        .env("NOTIFY_SOCKET", &path.display().to_string())
        .start();
    let (mut told, mut message) = (Vec::new(), [0; 4_096]);
    while !told.iter().any(|text: &String| text.contains("READY=1")) {
        let length = socket.recv(&mut message).unwrap();
        told.push(String::from_utf8_lossy(&message[..length]).into_owned());
    }
    told
}

#[test]
fn a_long_start_asks_systemd_for_more_time_while_it_works() {
    // How long is long depends on the machine: it is asked every five seconds.
    for commits in [200, 400, 800, 1_600] {
        let dir = tempfile::tempdir().unwrap();
        let told = told_to_systemd(dir.path(), commits);
        let at = |word: &str| told.iter().position(|text| text.contains(word));
        if let Some(asked) = at("EXTEND_TIMEOUT_USEC=30000000") {
            assert!(at("STATUS=Opening the store: ").is_some_and(|said| said < asked));
            assert!(at("READY=1").is_some_and(|ready| asked < ready), "{told:?}");
            return;
        }
        println!("a start with {commits} commits was too short: {told:?}");
    }
    panic!("no start was long");
}
