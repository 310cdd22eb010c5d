//! What a postback to an advertising platform costs beside a plain one: the same number of each, from a backlog, to the
//! same receiver, in turns. In postbacks a second, and in processor time of the server: of the sending alone, and with
//! the conversion that it comes of.

use crate::loader;
use crate::platform_rule::platform_scene;
use crate::requests::{conversion_request, person_request, sessions};
use crate::support::client::Client;
use crate::support::receiver::Receiver;
use crate::support::scene::Scene;
use crate::{Bench, metric, print, runs, setting};
use serde_json::json;
use std::time::{Duration, Instant};

/// Sales of one click that nobody vouches for are bounded.
const SALES_OF_A_CLICK: u64 = 10;

/// What one postback took.
#[derive(Clone, Copy)]
struct Cost {
    per_second: f64,
    sending_us: f64,
    all_us: f64,
}

/// One kind of postback.
struct Kind<'b> {
    scene: Scene,
    receiver: &'b Receiver,
    bench: &'b Bench,
    request: Box<dyn FnMut(u64) -> Vec<u8>>,
    made: u64,
}

impl Kind<'_> {
    fn turn(&mut self, backlog: u64) -> Cost {
        let admin = &mut self.scene.admin;
        admin.post_json("/api/v1/delivery/pause", &json!({})).ok();
        self.receiver.clear();
        let (address, begun) = (self.bench.server.address(), self.bench.server.cpu_us());
        let delivered_before = delivered(admin);
        let mut accepted = 0;
        while accepted < backlog {
            let (base, request) = (self.made, &mut self.request);
            let report = loader::run(address, 32, Duration::from_millis(250), 200, |n| {
                request(base + n)
            })
            .expect("conversions");
            assert_eq!(report.bad, 0, "every conversion must be taken");
            accepted += report.good;
            // Some may have been on their way.
            self.made += report.good + 32;
        }
        let accepted = delivered_before + waiting(admin);
        let (queued, started) = (self.bench.server.cpu_us(), Instant::now());
        admin.post_json("/api/v1/delivery/resume", &json!({})).ok();
        let count = accepted - delivered_before;
        self.receiver
            .wait_for_count(count as usize, Duration::from_secs(120));
        crate::support::eventually("every postback is recorded", Duration::from_secs(60), || {
            (delivered(admin) >= accepted).then_some(())
        });
        let seconds = started.elapsed().as_secs_f64();
        let ended = self.bench.server.cpu_us();
        Cost {
            per_second: count / seconds,
            sending_us: (ended - queued) as f64 / count,
            all_us: (ended - begun) as f64 / count,
        }
    }
}

fn delivered(client: &mut Client) -> f64 {
    let metrics = client.get("/metrics").text();
    metric(&metrics, "yamabiko_attempts_total{outcome=\"delivered\"}")
}

fn waiting(client: &mut Client) -> f64 {
    // The last ones may still be on their way into the queue.
    std::thread::sleep(Duration::from_millis(300));
    let system = client.get("/api/v1/system").ok();
    system["queue"]["waiting"].as_f64().expect("waiting postbacks")
}

/// All three figures.
pub fn platform_postbacks() {
    let backlog = setting("YAMABIKO_BENCH_BACKLOG", 4_000);
    let (receiver, bench) = (Receiver::start(), Bench::start());
    receiver.count_only();
    let address = bench.server.address();
    let kind = |scene: Scene, is_platform: bool| {
        let clicks = (backlog * (runs() + 1) * 3 / SALES_OF_A_CLICK) as usize;
        let sids = sessions(&bench.server, &scene.link, clicks);
        let request: Box<dyn FnMut(u64) -> Vec<u8>> = if is_platform {
            Box::new(person_request(address, sids))
        } else {
            Box::new(conversion_request(address, sids))
        };
        Kind {
            scene,
            receiver: &receiver,
            bench: &bench,
            request,
            made: 0,
        }
    };
    let mut plain = kind(Scene::build(&bench.server, &receiver), false);
    let mut platform = kind(platform_scene(&bench.server, &receiver.url("/v1")), true);
    // What is done once is done.
    plain.turn(backlog / 4);
    platform.turn(backlog / 4);
    let pairs: Vec<(Cost, Cost)> = (0..runs())
        .map(|run| {
            let (ours, beside) = if run % 2 == 0 {
                let beside = plain.turn(backlog);
                (platform.turn(backlog), beside)
            } else {
                (platform.turn(backlog), plain.turn(backlog))
            };
            eprintln!(
                "postbacks to a platform {:.0}/s, {:.0} us ({:.0} us with the conversion); plain {:.0}/s, {:.0} us ({:.0} us)",
                ours.per_second, ours.sending_us, ours.all_us, beside.per_second, beside.sending_us, beside.all_us
            );
            (ours, beside)
        })
        .collect();
    let of = |read: fn(&Cost) -> f64| pairs.iter().map(|(a, b)| (read(a), read(b))).collect();
    print("platform_postbacks", "1/s", of(|cost| cost.per_second));
    print("platform_postback_cpu", "us", of(|cost| cost.sending_us));
    print(
        "platform_postback_with_conversion_cpu",
        "us",
        of(|cost| cost.all_us),
    );
}
