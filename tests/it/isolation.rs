//! A dead, slow or returning destination: what others notice of it, and how soon its own backlog is gone.
//!
//! `YAMABIKO_LONG=1` runs the recovery with 10,000 waiting postbacks in place of 500.

use crate::support::client::Client;
use crate::support::eventually;
use crate::support::load::is_long;
use crate::support::receiver::{Behaviour, Receiver};
use crate::support::scene::{Scene, Way, click};
use crate::support::server::{Server, Setup};
use serde_json::json;
use std::collections::{HashMap, HashSet};
use std::net::TcpListener;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const PATH: &str = "/pb?id=##PARA1##";
/// Pairs of conversions in a measurement, and the time between two.
const PAIRS: usize = 300;
const BETWEEN: Duration = Duration::from_millis(40);

/// A server whose traffic goes to a healthy destination and to others.
struct Side {
    _dir: tempfile::TempDir,
    server: Server,
    healthy: Receiver,
    scene: Scene,
    others: Vec<Way>,
}

impl Side {
    fn start(others: &[String]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (server, healthy) = (Setup::new(dir.path()).start(), Receiver::start());
        let mut scene = Scene::build(&server, &healthy);
        let others = others
            .iter()
            .enumerate()
            .map(|(n, url)| scene.add_partner(&format!("other {n}"), &json!({}), url))
            .collect();
        Self {
            _dir: dir,
            server,
            healthy,
            scene,
            others,
        }
    }

    /// Converts in pairs, one healthy and one other, and gives how long each healthy one took to arrive.
    fn measure(&self) -> Vec<Duration> {
        let mut client = self.server.client();
        let mut began = HashMap::new();
        let start = Instant::now();
        for n in 0..PAIRS {
            let at = start + BETWEEN * u32::try_from(n).unwrap();
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            convert(
                &mut client,
                &self.others[n % self.others.len()].link,
                &format!("o{n}"),
            );
            let sid = click(&mut client, &self.scene.link, &format!("h{n}"));
            began.insert(format!("h{n}"), Instant::now());
            client.get(&format!("/cv?sid={sid}")).ok();
        }
        let arrivals = self.healthy.wait_for(PAIRS, Duration::from_secs(60));
        let mut times: Vec<_> = arrivals
            .iter()
            .filter_map(|a| Some(a.at.saturating_duration_since(*began.get(&a.query_value("id")?)?)))
            .collect();
        assert_eq!(times.len(), PAIRS);
        times.sort();
        times
    }
}

fn convert(client: &mut Client, link: &str, click_id: &str) {
    let sid = click(client, link, click_id);
    assert_eq!(client.get(&format!("/cv?sid={sid}")).ok()["result"], "accepted");
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

/// One measurement at a time: they would disturb each other.
static MEASURING: Mutex<()> = Mutex::new(());

/// Runs both sides at the same time and compares their tails. A machine that does other things too spoils a
/// measurement now and then, so one good one of five is asked for; a queue that is not isolated spoils all.
fn compare(what: &str, disturbed: &Side, undisturbed: &Side) {
    let _alone = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
    for round in 1..=5 {
        let (with, without) = std::thread::scope(|scope| {
            let with = scope.spawn(|| disturbed.measure());
            let without = scope.spawn(|| undisturbed.measure());
            (with.join().unwrap(), without.join().unwrap())
        });
        let (p99, reference) = (percentile(&with, 99), percentile(&without, 99));
        println!(
            "{what}, run {round}: healthy p50 {:?}, p99 {p99:?}; undisturbed beside it p50 {:?}, p99 {reference:?}",
            percentile(&with, 50),
            percentile(&without, 50)
        );
        if p99 <= reference.mul_f64(1.5) + Duration::from_millis(50) {
            return;
        }
        disturbed.healthy.clear();
        undisturbed.healthy.clear();
    }
    panic!("{what}: the tail is longer than undisturbed in every run");
}

#[test]
fn a_destination_that_never_answers_costs_the_others_nothing() {
    let (hole, good) = (Receiver::start(), Receiver::start());
    hole.behave(Behaviour::Hang);
    compare(
        "black hole",
        &Side::start(&[hole.url(PATH)]),
        &Side::start(&[good.url(PATH)]),
    );
}

#[test]
fn fifty_dead_hosts_cost_the_others_nothing() {
    // The kernel accepts for them, and nobody ever answers.
    let holes: Vec<_> = (0..50)
        .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    let good = Receiver::start();
    let dead: Vec<_> = holes
        .iter()
        .map(|l| format!("http://{}{PATH}", l.local_addr().unwrap()))
        .collect();
    let alive: Vec<_> = (0..50).map(|n| good.url(&format!("/{n}{PATH}"))).collect();
    compare("50 dead hosts", &Side::start(&dead), &Side::start(&alive));
}

#[test]
fn a_partner_that_returns_is_told_everything_soon() {
    let dir = tempfile::tempdir().unwrap();
    let (server, receiver) = (Setup::new(dir.path()).start(), Receiver::start());
    let mut scene = Scene::build(&server, &receiver);
    let count = if is_long() { 10_000 } else { 500 };
    receiver.behave(Behaviour::status(503));
    let way = scene.add_partner(
        "returning",
        &json!({"max_per_second": "100"}),
        &receiver.url(PATH),
    );
    std::thread::scope(|scope| {
        for part in 0..4 {
            let (mut client, way) = (server.client(), &way);
            scope.spawn(move || {
                (part..count)
                    .step_by(4)
                    .for_each(|n| convert(&mut client, &way.link, &format!("r{n}")));
            });
        }
    });
    receiver.clear();
    receiver.behave(Behaviour::status(200));
    let returned = Instant::now();
    let first = receiver.wait_for(1, Duration::from_secs(60))[0].at - returned;
    assert!(first <= Duration::from_secs(60), "the first after {first:?}");
    // 10,000 at 100 a second take 100 s of the two minutes; the probe that finds the partner back comes before.
    let found = Instant::now();
    let all = Duration::from_secs(120);
    eventually("all that waited", all, || {
        (receiver.count() >= count).then_some(())
    });
    eventually("each of them", Duration::from_secs(60), || {
        let told: HashSet<_> = receiver
            .arrivals()
            .iter()
            .filter_map(|a| a.query_value("id"))
            .collect();
        (told.len() >= count).then_some(())
    });
    println!(
        "{count} waiting: the first after {first:?}, all {:?} later",
        found.elapsed()
    );
    assert!(
        receiver.count() <= count + 20,
        "{} arrivals for {count}",
        receiver.count()
    );
    let waiting = eventually("nothing waits", Duration::from_secs(60), || {
        scene
            .list("/api/v1/postbacks?state=waiting")
            .is_empty()
            .then_some(0)
    });
    assert_eq!(waiting, 0);
}
