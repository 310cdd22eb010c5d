//! For tests: a receiver whose behaviour can be switched, and a ledger in memory.

use super::{DeliveryPolicy, Ledger, Settlement};
use crate::domain::ids::{ActivityId, OfferId, PartnerId, PostbackId};
use crate::domain::postback::{LaneKey, Method, Origin, Postback, PostbackState, Request};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// What the receiver does with a request.
#[derive(Debug, Clone)]
pub(super) enum Behaviour {
    /// Writes this and keeps the connection.
    Answer(String),
    /// The same after a while.
    Slow(Duration, String),
    /// Never answers.
    Hang,
    /// Breaks the connection with a reset, after half a head.
    ResetInHead,
    /// Closes without a word.
    Close,
    /// A head, then one byte at a time.
    Drip,
    /// A head and a body without end.
    Endless,
    /// Bytes that are not HTTP.
    Garbage,
}

impl Behaviour {
    pub(super) fn status(code: u16) -> Self {
        Self::with(code, "", "ok")
    }

    pub(super) fn with(code: u16, headers: &str, body: &str) -> Self {
        let length = body.len();
        Self::Answer(format!(
            "HTTP/1.1 {code} Whatever\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        ))
    }
}

/// One request as it arrived.
#[derive(Debug, Clone)]
pub(super) struct Arrival {
    pub(super) at: Instant,
    pub(super) line: String,
    pub(super) headers: Vec<String>,
    pub(super) body: String,
}

impl Arrival {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self
            .headers
            .iter()
            .filter_map(|line| line.split_once(':'))
            .find(|(n, _)| *n == name)?;
        Some(value.trim())
    }
}

struct ReceiverState {
    behaviour: Mutex<Behaviour>,
    arrivals: Mutex<Vec<Arrival>>,
    connections: AtomicU64,
    is_over: AtomicBool,
}

/// A receiver on the loopback.
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    state: Arc<ReceiverState>,
}

impl Receiver {
    pub(super) fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(ReceiverState {
            behaviour: Mutex::new(behaviour),
            arrivals: Mutex::default(),
            connections: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        });
        let accepting = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.is_over.load(Ordering::Acquire) {
                    return;
                }
                let (Ok(stream), state) = (stream, accepting.clone()) else {
                    continue;
                };
                state.connections.fetch_add(1, Ordering::AcqRel);
                std::thread::spawn(move || drop(serve(&stream, &state)));
            }
        });
        Self { address, state }
    }

    pub(super) fn behave(&self, behaviour: Behaviour) {
        *self.state.behaviour.lock() = behaviour;
    }

    pub(super) fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.address)
    }

    pub(super) fn arrivals(&self) -> Vec<Arrival> {
        self.state.arrivals.lock().clone()
    }

    pub(super) fn connections(&self) -> u64 {
        self.state.connections.load(Ordering::Acquire)
    }

    pub(super) fn wait_for(&self, count: usize) -> Vec<Arrival> {
        eventually(&format!("{count} arrivals"), || {
            let arrivals = self.arrivals();
            (arrivals.len() >= count).then_some(arrivals)
        })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::Release);
        drop(TcpStream::connect(self.address));
    }
}

fn serve(stream: &TcpStream, state: &ReceiverState) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    loop {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim_end().to_owned();
            if line.is_empty() {
                break;
            }
            lines.push(line);
        }
        let length = lines
            .iter()
            .find_map(|l| l.strip_prefix("Content-Length:")?.trim().parse().ok())
            .unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        state.arrivals.lock().push(Arrival {
            at: Instant::now(),
            line: lines.remove(0),
            headers: lines,
            body: String::from_utf8_lossy(&body).into_owned(),
        });
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n";
        let behaviour = state.behaviour.lock().clone();
        match behaviour {
            Behaviour::Answer(answer) => writer.write_all(answer.as_bytes())?,
            Behaviour::Slow(wait, answer) => {
                std::thread::sleep(wait);
                writer.write_all(answer.as_bytes())?;
            }
            Behaviour::Hang => {
                // Until the other side gives up.
                reader.read_to_end(&mut Vec::new())?;
                return Ok(());
            }
            Behaviour::ResetInHead => {
                writer.write_all(b"HTTP/1.1 200 O")?;
                return Ok(());
            }
            Behaviour::Close => return Ok(()),
            Behaviour::Drip => {
                writer.write_all(head)?;
                loop {
                    writer.write_all(b"x")?;
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
            Behaviour::Endless => {
                writer.write_all(head)?;
                loop {
                    writer.write_all(&[b'x'; 16_384])?;
                }
            }
            Behaviour::Garbage => {
                writer.write_all(b"\x16\x03\x01 this is no HTTP at all\r\n\r\n")?;
                return Ok(());
            }
        }
    }
}

/// Polls until something is there, at most 20 s.
pub(super) fn eventually<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not come about");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A GET of a URL.
pub(super) fn get(url: String) -> Request {
    Request {
        method: Method::Get,
        url,
        headers: vec![],
        body: None,
    }
}

/// A waiting postback, due now, made by rule `r00`.
pub(super) fn postback(n: u64, at_ms: i64, url: &str) -> Postback {
    Postback {
        id: PostbackId::new(at_ms, n),
        activity: ActivityId::new(at_ms, n),
        offer: "offer1".parse().unwrap(),
        partner: Some("partner1".parse().unwrap()),
        origin: Origin::Rule("r00".parse().unwrap()),
        entry: 0,
        lane: LaneKey::of(url).unwrap(),
        request: get(url.to_owned()),
        created_at_ms: at_ms,
        resent_at_ms: None,
        state: PostbackState::Waiting { due_at_ms: at_ms },
        attempts: 0,
        order_key: None,
        is_test: false,
        last: None,
    }
}

/// A ledger in memory. Outcomes are durable at once, unless it is told to hold them.
pub(super) struct MemoryLedger {
    pub(super) waiting: Mutex<BTreeMap<PostbackId, Arc<Postback>>>,
    pub(super) settlements: Mutex<Vec<Settlement>>,
    pub(super) policies: Mutex<HashMap<Option<PartnerId>, DeliveryPolicy>>,
    pub(super) default: Mutex<DeliveryPolicy>,
    pub(super) ahead_ms: AtomicI64,
    pub(super) is_paused: AtomicBool,
    pub(super) is_holding: AtomicBool,
    pub(super) held: Mutex<Vec<Box<dyn FnOnce() + Send>>>,
    pub(super) secret: Mutex<Option<String>>,
    pub(super) scan_gate: Mutex<Option<crossbeam_channel::Receiver<()>>>,
}

impl Default for MemoryLedger {
    fn default() -> Self {
        let policy = DeliveryPolicy {
            timeout: Duration::from_millis(500),
            ..DeliveryPolicy::default()
        };
        Self {
            waiting: Mutex::default(),
            settlements: Mutex::default(),
            policies: Mutex::default(),
            default: Mutex::new(policy),
            ahead_ms: AtomicI64::new(0),
            is_paused: AtomicBool::new(false),
            is_holding: AtomicBool::new(false),
            held: Mutex::default(),
            secret: Mutex::default(),
            scan_gate: Mutex::default(),
        }
    }
}

impl MemoryLedger {
    /// Commits a postback as waiting, as the recorder would.
    pub(super) fn commit(&self, postback: Postback) -> Arc<Postback> {
        let postback = Arc::new(postback);
        self.waiting.lock().insert(postback.id, postback.clone());
        postback
    }

    pub(super) fn settled(&self) -> Vec<Settlement> {
        self.settlements.lock().clone()
    }

    pub(super) fn wait_settled(&self, count: usize) -> Vec<Settlement> {
        eventually(&format!("{count} settlements"), || {
            let settled = self.settled();
            (settled.len() >= count).then_some(settled)
        })
    }
}

impl Ledger for MemoryLedger {
    fn load(&self, id: PostbackId) -> Option<Arc<Postback>> {
        self.waiting.lock().get(&id).cloned()
    }

    fn for_each_waiting(&self, f: &mut dyn FnMut(Postback)) {
        let gate = self.scan_gate.lock().take();
        let all: Vec<_> = self.waiting.lock().values().cloned().collect();
        for (n, postback) in all.into_iter().enumerate() {
            if n == 1_000
                && let Some(gate) = &gate
            {
                gate.recv().ok();
            }
            f(Postback::clone(&postback));
        }
    }

    fn report(&self, done: Settlement, on_durable: Box<dyn FnOnce() + Send>) {
        let mut waiting = self.waiting.lock();
        if let Some(postback) = waiting.get_mut(&done.postback) {
            let postback = Arc::make_mut(postback);
            postback.state = done.next;
            postback.attempts = done.attempts;
            postback.last = done.attempt.clone().or(postback.last.take());
        }
        if done.next.is_settled() {
            waiting.remove(&done.postback);
        }
        self.settlements.lock().push(done);
        drop(waiting);
        if self.is_holding.load(Ordering::Acquire) {
            self.held.lock().push(on_durable);
        } else {
            on_durable();
        }
    }

    fn policy(&self, partner: Option<&PartnerId>, _: &OfferId) -> DeliveryPolicy {
        let policies = self.policies.lock();
        let own = policies.get(&partner.cloned()).cloned();
        own.unwrap_or_else(|| self.default.lock().clone())
    }

    fn signing_secret(&self, _: &Origin) -> Option<String> {
        self.secret.lock().clone()
    }

    fn now_ms(&self) -> i64 {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        i64::try_from(now.as_millis()).unwrap() + self.ahead_ms.load(Ordering::Acquire)
    }

    fn is_paused(&self) -> bool {
        self.is_paused.load(Ordering::Acquire)
    }
}
