//! The figures of the README: each in one run beside its reference, on the same cores, the loader beside
//! both; the median of several runs. Prints one JSON line a figure.
//!
//! `cargo bench` runs all; `cargo bench -- durable_click` those whose name contains the word.
//! `YAMABIKO_BENCH_RUNS` (3) and `YAMABIKO_BENCH_SECONDS` (4) set how many and how long.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on fails"
)]

#[path = "../it/support/mod.rs"]
mod support;

mod app;
mod app_requests;
mod beside;
#[allow(dead_code, reason = "the benchmark in instructions uses the rest")]
mod loader;
mod platform;
mod platform_rule;
#[allow(dead_code, reason = "the benchmark in instructions uses the rest")]
mod reference;
#[allow(dead_code, reason = "the benchmark in instructions uses the rest")]
mod requests;

// The bare pool gets the libcurl that the server has.
use yamabiko as _;

use reference::Reference;
use requests::{click_request, conversion_request, many_sessions, sessions};
use serde_json::json;
use std::time::{Duration, Instant};
use support::receiver::Receiver;
use support::scene::Scene;
use support::server::{Server, Setup};

fn main() {
    if std::env::var_os(reference::ROLE).is_some() {
        reference::serve();
        return;
    }
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with("--"))
        .collect();
    let figures: [(&str, fn()); 11] = [
        ("durable_click_256", || durable_click(256)),
        ("durable_click_64", || durable_click(64)),
        ("durable_conversion_64", durable_conversion),
        ("postbacks_end_to_end", postbacks_end_to_end),
        ("platform_postbacks", platform::platform_postbacks),
        ("first_byte_at_100", first_byte_at_100),
        ("memory_mb", memory),
        ("durable_event_64", app::durable_event),
        ("event_with_many_stored", app::event_with_many_stored),
        ("install_match_1000", app::install_match),
        ("click_beside_the_feeds_64", beside::clicks_beside_the_feeds),
    ];
    for (name, figure) in figures {
        if wanted.is_empty() || wanted.iter().any(|w| name.contains(w.as_str())) {
            figure();
        }
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|v| v.parse().ok())
        .unwrap_or(default)
}

fn runs() -> u64 {
    setting("YAMABIKO_BENCH_RUNS", 3)
}

fn duration() -> Duration {
    Duration::from_secs(setting("YAMABIKO_BENCH_SECONDS", 4))
}

/// Prints the median run by ratio.
fn print(figure: &str, unit: &str, mut pairs: Vec<(f64, f64)>) {
    let ratio = |pair: &(f64, f64)| if pair.1 > 0.0 { pair.0 / pair.1 } else { pair.0 };
    pairs.sort_by(|a, b| ratio(a).total_cmp(&ratio(b)));
    let (value, reference) = pairs[pairs.len() / 2];
    let runs: Vec<_> = pairs
        .iter()
        .map(|(value, reference)| json!([round(*value), round(*reference)]))
        .collect();
    let has_reference = reference > 0.0;
    println!(
        "{}",
        json!({
            "figure": figure,
            "value": round(value),
            "reference": has_reference.then(|| round(reference)),
            "ratio": has_reference.then(|| (value / reference * 1000.0).round() / 1000.0),
            "unit": unit,
            "runs": runs,
        })
    );
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// A server with a data directory of its own on the disk of the target directory (a temporary directory
/// may be memory).
struct Bench {
    server: Server,
    _dir: tempfile::TempDir,
}

impl Bench {
    fn start() -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("directory");
        let setup = Setup::new(dir.path())
            .env("YAMABIKO_STORE_JOURNAL_SEGMENT_MB", "64")
            .env("YAMABIKO_THREADS_HTTP", "2");
        Self {
            server: setup.start(),
            _dir: dir,
        }
    }
}

fn durable_click(connections: usize) {
    let mut pairs = Vec::new();
    let receiver = Receiver::start();
    for _ in 0..runs() {
        let reference = Reference::start();
        let bare = loader::run(
            reference.address,
            connections,
            duration(),
            302,
            click_request(reference.address, "abcdefgh"),
        )
        .expect("reference run");
        drop(reference);
        let bench = Bench::start();
        let scene = Scene::build(&bench.server, &receiver);
        let address = bench.server.address();
        let ours = loader::run(
            address,
            connections,
            duration(),
            302,
            click_request(address, &scene.link),
        )
        .expect("run");
        assert_eq!((bare.bad, ours.bad), (0, 0), "every answer must be a redirect");
        eprintln!(
            "clicks at {connections}: {:.0}/s p50 {:.2} p99 {:.2} ms; bare {:.0}/s p50 {:.2} p99 {:.2} ms",
            ours.per_second(),
            ours.latency_ms(0.5),
            ours.latency_ms(0.99),
            bare.per_second(),
            bare.latency_ms(0.5),
            bare.latency_ms(0.99),
        );
        pairs.push((ours.per_second(), bare.per_second()));
    }
    print(&format!("durable_click_{connections}"), "1/s", pairs);
}

/// Conversions with one rule, of 64,000 sessions: a session that is converted dozens of times, which no advertiser
/// has, would be measured with the search through its own sales.
fn durable_conversion() {
    let mut pairs = Vec::new();
    let receiver = Receiver::start();
    for _ in 0..runs() {
        let reference = Reference::start();
        let bare = loader::run(
            reference.address,
            64,
            duration(),
            200,
            conversion_request(reference.address, vec!["0".repeat(16)]),
        )
        .expect("reference run");
        drop(reference);
        let bench = Bench::start();
        let scene = Scene::build(&bench.server, &receiver);
        let sids = many_sessions(&bench.server, &scene.link);
        let address = bench.server.address();
        let ours = loader::run(address, 64, duration(), 200, conversion_request(address, sids)).expect("run");
        assert_eq!((bare.bad, ours.bad), (0, 0), "every answer must be 200");
        eprintln!(
            "conversions at 64: {:.0}/s p50 {:.2} p99 {:.2} ms; bare {:.0}/s",
            ours.per_second(),
            ours.latency_ms(0.5),
            ours.latency_ms(0.99),
            bare.per_second()
        );
        receiver.clear();
        pairs.push((ours.per_second(), bare.per_second()));
    }
    print("durable_conversion_64", "1/s", pairs);
}

/// Conversions are accepted at full speed for the duration; the clock stops when the last of their postbacks
/// has been answered and recorded. The sessions are as many as those of [`durable_conversion`].
fn postbacks_end_to_end() {
    let mut pairs = Vec::new();
    for _ in 0..runs() {
        let bare = bare_pool();
        let receiver = Receiver::start();
        let bench = Bench::start();
        let scene = Scene::build(&bench.server, &receiver);
        let sids = many_sessions(&bench.server, &scene.link);
        let address = bench.server.address();
        let started = Instant::now();
        let accepted =
            loader::run(address, 32, duration(), 200, conversion_request(address, sids)).expect("run");
        let mut client = bench.server.client();
        let delivered = support::eventually("every postback is recorded", Duration::from_secs(60), || {
            let metrics = client.get("/metrics").text();
            let delivered = metric(&metrics, "yamabiko_attempts_total{outcome=\"delivered\"}");
            (delivered >= accepted.good as f64).then_some(delivered)
        });
        let seconds = started.elapsed().as_secs_f64();
        eprintln!(
            "postbacks: {:.0}/s accepted, {:.0}/s delivered and recorded; bare pool {bare:.0}/s",
            accepted.per_second(),
            delivered / seconds
        );
        pairs.push((delivered / seconds, bare));
    }
    print("postbacks_end_to_end", "1/s", pairs);
}

fn metric(text: &str, name: &str) -> f64 {
    let values = text.lines().filter(|line| line.starts_with(name));
    values
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

/// The bare pool at its best size: more threads are slower on few cores.
fn bare_pool() -> f64 {
    [8, 16, 32, 64].map(bare_pool_of).into_iter().fold(0.0, f64::max)
}

/// A bare pool: so many blocking isahc threads, to a receiver like that of the server.
fn bare_pool_of(threads: usize) -> f64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    let receiver = Receiver::start();
    let count = AtomicU64::new(0);
    let client = isahc::HttpClient::new().expect("client");
    let started = Instant::now();
    std::thread::scope(|scope| {
        for worker in 0..threads {
            let (client, count, url) = (&client, &count, receiver.url("/pb"));
            scope.spawn(move || {
                let mut n = 0_u64;
                while started.elapsed() < duration() {
                    n += 1;
                    let mut answer = client
                        .get(format!("{url}?id={worker}-{n}&amount=1000"))
                        .expect("get");
                    isahc::ReadResponseExt::consume(&mut answer).expect("body");
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let rate = count.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64();
    eprintln!("bare pool of {threads}: {rate:.0}/s");
    rate
}

/// From the answer to the conversion (its commit) to the arrival of the postback, at 100 a second.
fn first_byte_at_100() {
    let receiver = Receiver::start();
    let (mut p50, mut p99) = (Vec::new(), Vec::new());
    for _ in 0..runs() {
        let bench = Bench::start();
        let scene = Scene::build(&bench.server, &receiver);
        let sids = sessions(&bench.server, &scene.link, 300);
        receiver.clear();
        let mut client = bench.server.client();
        let mut answered = std::collections::HashMap::new();
        let started = Instant::now();
        for (n, sid) in sids.iter().enumerate() {
            while started.elapsed() < Duration::from_millis(10 * n as u64) {
                std::thread::sleep(Duration::from_micros(200));
            }
            client
                .post_form("/cv", &format!("sid={sid}&uid1=u{n}&amount=1"))
                .ok();
            answered.insert(sid.clone(), Instant::now());
        }
        let arrivals = receiver.wait_for(sids.len(), Duration::from_secs(10));
        let mut late: Vec<f64> = arrivals
            .iter()
            .map(|a| {
                a.at.saturating_duration_since(answered[&a.query_value("sid").expect("sid")])
                    .as_secs_f64()
                    * 1000.0
            })
            .collect();
        late.sort_by(f64::total_cmp);
        p50.push((late[late.len() / 2], 0.0));
        p99.push((late[late.len() * 99 / 100], 0.0));
        receiver.clear();
    }
    print("first_byte_at_100_p50", "ms", p50);
    print("first_byte_at_100_p99", "ms", p99);
}

/// Resident memory with a million sessions and a hundred thousand waiting postbacks.
fn memory() {
    let bench = Bench::start();
    let hole = std::net::TcpListener::bind("127.0.0.1:0").expect("port");
    let closed = hole.local_addr().expect("address");
    drop(hole);
    let scene = Scene::with(
        &bench.server,
        json!({}),
        json!({}),
        &format!("http://{closed}/pb?id=##PARA1##&sid={{sid}}"),
    );
    let address = bench.server.address();
    let mut sessions_made = 0;
    while sessions_made < setting("YAMABIKO_BENCH_SESSIONS", 1_000_000) {
        let report = loader::run(
            address,
            256,
            Duration::from_secs(5),
            302,
            click_request(address, &scene.link),
        )
        .expect("clicks");
        sessions_made += report.good;
    }
    let resident = || bench.server.resident_bytes() as f64 / (1024.0 * 1024.0);
    eprintln!("memory: {sessions_made} sessions, {:.0} MiB", resident());
    let sids = sessions(&bench.server, &scene.link, 1000);
    let mut request = conversion_request(address, sids);
    let mut conversions = 0;
    while conversions < setting("YAMABIKO_BENCH_WAITING", 100_000) {
        let base = conversions;
        let report = loader::run(address, 64, Duration::from_secs(1), 200, |n| request(base + n))
            .expect("conversions");
        conversions += report.good;
    }
    eprintln!("memory: {sessions_made} sessions, {conversions} waiting postbacks");
    print("memory_mb", "MiB", vec![(resident(), 0.0)]);
}
