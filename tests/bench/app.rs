//! The figures of app measurement: events at full speed, their cost when much is stored, and installs of
//! devices with many candidates.

use crate::app_requests::{App, idfa};
use crate::loader::{self, Report};
use crate::reference::Reference;
use crate::requests::headers;
use crate::support::receiver::Receiver;
use crate::{Bench, duration, print, runs, setting};
use std::time::{Duration, Instant};

/// Devices that send events.
const DEVICES: u64 = 1_000;
/// Devices with many candidates, and how many each has.
const MATCHED_DEVICES: u64 = 200;
const CANDIDATES: u64 = 1_000;

fn per_second(bench: &Bench, app: &App, run: u64) -> f64 {
    let address = bench.server.address();
    let mut events = app.events(address, DEVICES);
    let report: Report =
        loader::run(address, 64, duration(), 200, |n| events(run * 100_000_000 + n)).expect("events");
    assert_eq!(report.bad, 0, "every event must be taken");
    report.per_second()
}

/// Events with the look-up of the device's attribution and one rule, 64 connections.
pub fn durable_event() {
    let receiver = Receiver::start();
    receiver.count_only();
    let pairs = (0..runs()).map(|_| {
        let bench = Bench::start();
        let app = App::build(&bench.server, &receiver, DEVICES);
        let reference = Reference::start();
        let address = reference.address;
        let bare =
            loader::run(address, 64, duration(), 200, app.events(address, DEVICES)).expect("reference run");
        drop(reference);
        let ours = per_second(&bench, &app, 0);
        eprintln!("events at 64: {ours:.0}/s; bare {:.0}/s", bare.per_second());
        (ours, bare.per_second())
    });
    print("durable_event_64", "1/s", pairs.collect());
}

/// Events a second with many sessions stored, beside the same server with few.
pub fn event_with_many_stored() {
    let few = setting("YAMABIKO_BENCH_FEW", 10_000);
    let many = setting("YAMABIKO_BENCH_STORED", 10_000_000);
    let receiver = Receiver::start();
    receiver.count_only();
    let bench = Bench::start();
    let app = App::build(&bench.server, &receiver, DEVICES);
    let mut stored = store(&bench, &app, 0, few);
    let before: Vec<f64> = (0..runs()).map(|run| per_second(&bench, &app, run)).collect();
    stored = store(&bench, &app, stored, many);
    let after: Vec<f64> = (0..runs())
        .map(|run| per_second(&bench, &app, 100 + run))
        .collect();
    eprintln!(
        "{stored} sessions stored, {} MiB resident",
        bench.server.resident_bytes() >> 20
    );
    print(
        "event_with_many_stored",
        "1/s",
        after.into_iter().zip(before).collect(),
    );
}

/// Clicks until so many sessions are stored.
fn store(bench: &Bench, app: &App, mut stored: u64, until: u64) -> u64 {
    let address = bench.server.address();
    let mut clicks = app.clicks(address);
    while stored < until {
        let base = stored;
        let enough = Duration::from_secs(if until - stored > 100_000 { 10 } else { 1 });
        let report = loader::run(address, 256, enough, 302, |n| clicks(base + n)).expect("clicks");
        stored += report.good + report.bad + 256;
    }
    stored
}

/// From the request to the answer of an install whose device has a thousand clicks.
pub fn install_match() {
    let receiver = Receiver::start();
    receiver.count_only();
    let (mut p50, mut p99) = (Vec::new(), Vec::new());
    for _ in 0..runs() {
        let bench = Bench::start();
        let app = App::build(&bench.server, &receiver, 0);
        let address = bench.server.address();
        let mut sent = 0;
        while sent < MATCHED_DEVICES * CANDIDATES {
            let base = sent;
            let (link, headers) = (app.link.clone(), headers(address));
            let click = |n| {
                let device = idfa((base + n) % MATCHED_DEVICES);
                format!("GET /c/{link}?idfa={device} HTTP/1.1\r\n{headers}\r\n").into_bytes()
            };
            sent += loader::run(address, 64, Duration::from_secs(1), 302, click)
                .expect("clicks")
                .good;
        }
        let mut client = bench.server.client();
        let mut taken: Vec<f64> = (0..MATCHED_DEVICES)
            .map(|device| {
                let begun = Instant::now();
                client
                    .send("POST", &app.request("session", device), &[], b"")
                    .ok();
                begun.elapsed().as_secs_f64() * 1000.0
            })
            .collect();
        taken.sort_by(f64::total_cmp);
        p50.push((taken[taken.len() / 2], 0.0));
        p99.push((taken[taken.len() * 99 / 100], 0.0));
    }
    print("install_match_1000_p50", "ms", p50);
    print("install_match_1000_p99", "ms", p99);
}
