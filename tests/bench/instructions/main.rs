//! Figures that a busy machine does not move: instructions in user space for one click, impression, conversion,
//! event and postback, by thread, beside a bare actix answer. In groups of 1 (one after the other) and of 64 (the
//! recorder waits until all are there, so that one commit holds them). Conversions and events are counted up to
//! their answer; their postbacks wait. A postback is counted from its queueing to its recorded outcome.
//!
//! `baseline.json` beside this file holds the figures that were last agreed on. One that has grown by more than
//! 5 % (25 % with the threads of the index) ends the run with an error. `cargo bench -- instructions --update-baseline` writes them anew; that belongs
//! into the commit that explains the change.
//!
//! With `--platforms` a conversion that carries a person and its postback to a platform are counted beside plain ones,
//! too: at most 1.3 times as much.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on fails"
)]

#[path = "../../it/support/mod.rs"]
mod support;

#[allow(dead_code, reason = "the benchmark in wall time uses the rest")]
#[path = "../app_requests.rs"]
mod app_requests;
mod baseline;
mod callgrind;
#[allow(dead_code, reason = "the benchmark in wall time uses the rest")]
#[path = "../loader.rs"]
mod loader;
#[path = "../platform_rule.rs"]
mod platform_rule;
#[allow(dead_code, reason = "the benchmark in wall time uses the rest")]
#[path = "../reference.rs"]
mod reference;
#[allow(dead_code, reason = "the benchmark in wall time uses the rest")]
#[path = "../requests.rs"]
mod requests;
mod subject;

use app_requests::App;
use baseline::Baseline;
use callgrind::{Callgrind, Counts};
use loader::Burst;
use platform_rule::platform_scene;
use reference::Reference;
use requests::{click_request, conversion_request, impression_request, person_request, sessions};
use std::net::SocketAddr;
use subject::Commands;
use support::receiver::Receiver;
use support::scene::Scene;
use support::server::{Server, Setup};

/// The allocator of the server, for what it is compared with, too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const GROUP: usize = 64;
/// Groups that are counted, and requests that are when they come one by one.
const GROUPS: usize = 21;
const SINGLE: usize = 560;

type Request<'a> = &'a mut dyn FnMut(u64) -> Vec<u8>;

fn main() {
    match std::env::var(reference::ROLE).as_deref() {
        Ok("bare") => return reference::serve(),
        Ok(_) => return subject::serve(),
        Err(_) => {}
    }
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with("--"))
        .collect();
    if words.iter().any(|word| !"instructions".contains(word.as_str())) {
        return;
    }
    let mut figures = Baseline::read();
    web(&mut figures);
    events(&mut figures);
    postbacks(&mut figures);
    if std::env::args().any(|argument| argument == "--platforms") {
        platforms(&mut figures);
        figures.compare_platform();
    }
    figures.finish();
}

fn web(figures: &mut Baseline) {
    let receiver = Receiver::start();
    let mut bare = Bare::start();
    let mut ours = Counted::start();
    let scene = Scene::build(&ours.server, &receiver);
    let sids = sessions(&ours.server, &scene.link, (SINGLE + GROUPS * GROUP) * 8 / 7);
    ours.commands.tell("stop-delivery");
    let (address, link) = (ours.server.address(), scene.link.as_str());
    let clicks = bare.both(302, &mut click_request(bare.address(), "abcdefgh"));
    let conversions = bare.both(200, &mut conversion_request(bare.address(), vec!["0".repeat(16)]));
    figures.take(
        "click",
        ours.both(302, &mut click_request(address, link)),
        Some(&clicks),
    );
    figures.take(
        "impression",
        ours.both(200, &mut impression_request(address, link)),
        None,
    );
    figures.take(
        "conversion",
        ours.both(200, &mut conversion_request(address, sids)),
        Some(&conversions),
    );
}

fn events(figures: &mut Baseline) {
    let receiver = Receiver::start();
    let mut bare = Bare::start();
    let mut ours = Counted::start();
    let app = App::build(&ours.server, &receiver, GROUP as u64);
    ours.commands.tell("stop-delivery");
    let events = bare.both(200, &mut app.events(bare.address(), GROUP as u64));
    figures.take(
        "event",
        ours.both(200, &mut app.events(ours.server.address(), GROUP as u64)),
        Some(&events),
    );
}

fn postbacks(figures: &mut Baseline) {
    let receiver = Receiver::start();
    receiver.count_only();
    let mut ours = Counted::start();
    let url = receiver.url("/pb?id=partner-click-id&amount=1000&order=A-1001&sid=0123456789abcdef&n=");
    figures.take(
        "postback",
        ours.sent(&|count| format!("send {count} {url}")),
        None,
    );
}

/// A conversion with e-mail and telephone number whose rule makes a JSON body of 1 KB, and the sending of that.
fn platforms(figures: &mut Baseline) {
    let receiver = Receiver::start();
    receiver.count_only();
    let mut ours = Counted::start();
    let scene = platform_scene(&ours.server, &receiver.url("/v1"));
    let url = receiver.url("/v1?n=");
    let (rule, partner) = (scene.rule.clone(), scene.partner.clone());
    let send = |count| format!("send-platform {count} {url} {rule} {partner}");
    figures.take("postback_platform", ours.sent(&send), None);
    let sids = sessions(&ours.server, &scene.link, (SINGLE + GROUPS * GROUP) * 8 / 7);
    ours.commands.tell("stop-delivery");
    let address = ours.server.address();
    let conversions = ours.both(200, &mut person_request(address, sids));
    figures.take("conversion_platform", conversions, None);
}

/// Counts for one request.
pub struct Both {
    /// When requests come one after the other.
    pub single: Counts,
    /// When they come in groups.
    pub grouped: Counts,
}

/// A server under callgrind, with a data directory of its own.
struct Counted {
    server: Server,
    commands: Commands,
    callgrind: Callgrind,
    _dir: tempfile::TempDir,
}

impl Counted {
    fn start() -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("directory");
        let callgrind = Callgrind::new(dir.path());
        let data_dir = dir.path().join("data");
        let server = Setup::new(&data_dir)
            .env(reference::ROLE, "counted")
            .env("YAMABIKO_LISTEN", "127.0.0.1:0")
            .env("YAMABIKO_STORE_JOURNAL_SEGMENT_MB", "64")
            .env("YAMABIKO_THREADS_HTTP", "1")
            .served_by(callgrind.command())
            .start();
        Self {
            commands: Commands::connect(&data_dir),
            server,
            callgrind,
            _dir: dir,
        }
    }

    /// Postbacks that a command queues and sends.
    fn sent(&mut self, command: &dyn Fn(usize) -> String) -> Both {
        let pid = self.server.pid();
        let Self {
            commands, callgrind, ..
        } = self;
        let mut send = |count: usize, rounds| {
            callgrind.count(pid, count, rounds, &mut |_| commands.tell(&command(count)))
        };
        Both {
            single: send(1, SINGLE / 2),
            grouped: send(GROUP, GROUPS),
        }
    }

    fn both(&mut self, status: u16, request: Request<'_>) -> Both {
        let (address, pid) = (self.server.address(), self.server.pid());
        let mut number = 0..;
        let single = count_singly(&self.callgrind, pid, address, status, request, &mut number);
        let mut burst = Burst::connect(address, GROUP);
        let commands = &mut self.commands;
        let grouped = self.callgrind.count(pid, GROUP, GROUPS, &mut |_| {
            commands.tell("hold");
            burst.send(&mut number, request);
            commands.tell(&format!("release {GROUP}"));
            burst.receive(status);
        });
        Both { single, grouped }
    }
}

/// The bare server under callgrind.
struct Bare {
    reference: Reference,
    callgrind: Callgrind,
    _dir: tempfile::TempDir,
}

impl Bare {
    fn start() -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("directory");
        let callgrind = Callgrind::new(dir.path());
        Self {
            reference: Reference::started_by(&callgrind.command(), 1),
            callgrind,
            _dir: dir,
        }
    }

    fn address(&self) -> SocketAddr {
        self.reference.address
    }

    fn both(&mut self, status: u16, request: Request<'_>) -> Both {
        let (address, pid) = (self.address(), self.reference.pid());
        let mut number = 0..;
        let single = count_singly(&self.callgrind, pid, address, status, request, &mut number);
        let mut burst = Burst::connect(address, GROUP);
        let grouped = self.callgrind.count(pid, GROUP, GROUPS, &mut |_| {
            burst.send(&mut number, request);
            burst.receive(status);
        });
        Both { single, grouped }
    }
}

fn count_singly(
    callgrind: &Callgrind,
    pid: u32,
    address: SocketAddr,
    status: u16,
    request: Request<'_>,
    number: &mut std::ops::RangeFrom<u64>,
) -> Counts {
    let mut one = Burst::connect(address, 1);
    callgrind.count(pid, 1, SINGLE, &mut |_| {
        one.send(number, request);
        one.receive(status);
    })
}
