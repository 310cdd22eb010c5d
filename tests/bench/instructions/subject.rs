//! The process whose instructions are counted: the server itself in this binary, so that the recorder can be
//! held until a group is complete. It is told what to do over a socket, one word a line.

use crossbeam_channel::{Receiver, Sender, bounded};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};
use yamabiko::config::{self, Sources};
use yamabiko::domain::ids::{ActivityId, PostbackId};
use yamabiko::domain::postback::{LaneKey, Method, Origin, Postback, PostbackState, Request};
use yamabiko::http::State;
use yamabiko::recorder::Group;

/// Where the address of the socket is written.
pub const PORT_FILE: &str = "subject.port";

/// Runs the server until it is told to stop.
pub fn serve() {
    let sources = Sources::from_process(None, Vec::new());
    let config = Arc::new(config::load(&sources).expect("configuration").config);
    let socket = TcpListener::bind("127.0.0.1:0").expect("socket");
    let address = socket.local_addr().expect("address");
    let port_file = config.data_dir.join(PORT_FILE);
    yamabiko::app::run(config, |running| {
        let state = running.state.clone();
        std::thread::spawn(move || obey(&socket, state));
        std::fs::write(port_file, address.port().to_string()).expect("port file");
    })
    .expect("server");
}

fn obey(socket: &TcpListener, state: Arc<State>) {
    let (stream, _) = socket.accept().expect("accept");
    let mut subject = Subject { state, gate: None };
    let mut answers = stream.try_clone().expect("stream");
    for line in BufReader::new(stream).lines() {
        let line = line.expect("line");
        let words: Vec<&str> = line.split(' ').collect();
        subject.carry_out(&words);
        answers.write_all(b"done\n").expect("answer");
    }
}

/// Opens when it is dropped.
type Gate = Sender<()>;

struct Subject {
    state: Arc<State>,
    gate: Option<Gate>,
}

impl Subject {
    fn carry_out(&mut self, words: &[&str]) {
        match words {
            // Conversions are recorded with their postbacks, which then wait.
            ["stop-delivery"] => self.state.delivery.stop(Instant::now()),
            ["hold"] => self.hold(),
            ["release", count] => {
                let count: usize = count.parse().expect("count");
                wait(|| self.state.recorder.queue().0 >= count);
                self.gate = None;
            }
            ["send", count, url] => self.send(count.parse().expect("count"), &|now_ms| postback(url, now_ms)),
            ["send-platform", count, url, rule, partner] => {
                let make = |now_ms| platform_postback(url, rule, partner, now_ms);
                self.send(count.parse().expect("count"), &make);
            }
            _ => panic!("unknown: {words:?}"),
        }
    }

    /// Stops the recorder between two groups.
    fn hold(&mut self) {
        let (gate, opened) = bounded(0);
        let (entered, is_entered) = bounded(1);
        let job = move |_: &mut Group<'_>| pass(&entered, &opened);
        self.state
            .recorder
            .submit(Box::new(job))
            .map_err(|(error, _)| error)
            .expect("hold");
        is_entered.recv().expect("recorder");
        self.gate = Some(gate);
    }

    /// Queues `count` postbacks in one commit, lets them be sent, and has their outcomes recorded in one group.
    fn send(&self, count: u64, make: &dyn Fn(i64) -> Postback) {
        let recorder = &self.state.recorder;
        let (gate, opened) = bounded::<()>(0);
        let (entered, is_entered) = bounded(1);
        let now_ms = self.state.now_ms();
        let made: Vec<Postback> = (0..count).map(|_| make(now_ms)).collect();
        let job = move |group: &mut Group<'_>| {
            for postback in made {
                group.queue(postback).expect("queue");
            }
            // On the recorder's thread, after the scheduler was woken.
            group.on_durable(Box::new(move |_| pass(&entered, &opened)));
        };
        let outcomes = recorder.counts().1 + 1 + count;
        recorder
            .submit(Box::new(job))
            .map_err(|(error, _)| error)
            .expect("send");
        is_entered.recv().expect("recorder");
        wait(|| self.state.delivery.snapshot().undurable as u64 == count);
        drop(gate);
        wait(|| recorder.counts().1 >= outcomes && self.state.delivery.snapshot().undurable == 0);
    }
}

/// Says that the recorder is here, and keeps it until the gate is dropped.
fn pass(entered: &Sender<()>, opened: &Receiver<()>) {
    entered.send(()).expect("the holder waits");
    assert!(opened.recv().is_err(), "the gate is only dropped");
}

fn wait(mut is_ready: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_ready() {
        assert!(begun.elapsed() < Duration::from_secs(60), "not ready in a minute");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn postback(url: &str, now_ms: i64) -> Postback {
    let random = rand::random();
    Postback {
        id: PostbackId::new(now_ms, random),
        activity: ActivityId::new(now_ms, random),
        offer: "offer1".parse().expect("offer"),
        partner: Some("partner1".parse().expect("partner")),
        origin: Origin::Rule("r00".parse().expect("rule")),
        entry: 0,
        lane: LaneKey::of(url).expect("lane"),
        request: Request {
            method: Method::Get,
            url: format!("{url}{random}"),
            headers: Vec::new(),
            body: None,
        },
        created_at_ms: now_ms,
        resent_at_ms: None,
        state: PostbackState::Waiting { due_at_ms: now_ms },
        attempts: 0,
        order_key: None,
        is_test: false,
        last: None,
        expires_at_ms: None,
        looks_at: None,
        confirmed_at_ms: None,
    }
}

/// One for a platform: a JSON body of 1 KB, a token in a header, an answer whose body is read.
fn platform_postback(url: &str, rule: &str, partner: &str, now_ms: i64) -> Postback {
    let plain = postback(url, now_ms);
    Postback {
        partner: Some(partner.parse().expect("partner")),
        origin: Origin::Rule(rule.parse().expect("rule")),
        request: Request {
            method: Method::Post,
            url: plain.request.url,
            headers: vec![
                ("Authorization".into(), "Bearer \u{1}h$token\u{2}".into()),
                ("Content-Type".into(), "application/json".into()),
            ],
            body: Some(format!(r#"{{"data":"{}"}}"#, "x".repeat(1_010))),
        },
        ..plain
    }
}

/// The other end of the socket.
pub struct Commands {
    lines: BufReader<TcpStream>,
}

impl Commands {
    /// Connects to the subject over `data_dir`.
    pub fn connect(data_dir: &std::path::Path) -> Self {
        let port = crate::support::eventually("the subject listens", Duration::from_secs(60), || {
            std::fs::read_to_string(data_dir.join(PORT_FILE))
                .ok()?
                .parse::<u16>()
                .ok()
        });
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("subject");
        Self {
            lines: BufReader::new(stream),
        }
    }

    /// Has a command carried out, to its end.
    pub fn tell(&mut self, command: &str) {
        let sent = self.lines.get_mut().write_all(format!("{command}\n").as_bytes());
        sent.expect("command");
        let mut answer = String::new();
        self.lines.read_line(&mut answer).expect("answer");
        assert_eq!(answer, "done\n", "{command}");
    }
}
