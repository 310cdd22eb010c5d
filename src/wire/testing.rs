//! For tests: a receiver whose behaviour can be switched.

use crate::domain::postback::{Method, Request};
use parking_lot::Mutex;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What the receiver does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Behaviour {
    /// Writes this and keeps the connection.
    Answer(String),
    /// Writes this and closes.
    AnswerAndClose(String),
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
    pub(crate) fn status(code: u16) -> Self {
        Self::with(code, "", "ok")
    }

    pub(crate) fn with(code: u16, headers: &str, body: &str) -> Self {
        let length = body.len();
        Self::Answer(format!(
            "HTTP/1.1 {code} Whatever\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        ))
    }
}

/// One request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) at: Instant,
    pub(crate) line: String,
    pub(crate) headers: Vec<String>,
    pub(crate) body: String,
}

impl Arrival {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
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
    open: Mutex<Vec<TcpStream>>,
    is_over: AtomicBool,
}

/// A receiver on the loopback.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    state: Arc<ReceiverState>,
}

impl Receiver {
    pub(crate) fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(ReceiverState {
            behaviour: Mutex::new(behaviour),
            arrivals: Mutex::default(),
            connections: AtomicU64::new(0),
            open: Mutex::default(),
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
                state.open.lock().extend(stream.try_clone());
                std::thread::spawn(move || {
                    drop(serve(&stream, &state));
                    stream.shutdown(std::net::Shutdown::Both).ok();
                });
            }
        });
        Self { address, state }
    }

    pub(crate) fn behave(&self, behaviour: Behaviour) {
        *self.state.behaviour.lock() = behaviour;
    }

    pub(crate) fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.address)
    }

    pub(crate) fn arrivals(&self) -> Vec<Arrival> {
        self.state.arrivals.lock().clone()
    }

    pub(crate) fn connections(&self) -> u64 {
        self.state.connections.load(Ordering::Acquire)
    }

    /// Closes every connection, as a receiver does whose patience with idle ones is over.
    pub(crate) fn close_all(&self) {
        for stream in self.state.open.lock().drain(..) {
            stream.shutdown(std::net::Shutdown::Both).ok();
        }
    }

    pub(crate) fn wait_for(&self, count: usize) -> Vec<Arrival> {
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
            Behaviour::AnswerAndClose(answer) => return writer.write_all(answer.as_bytes()),
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
pub(crate) fn eventually<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
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
pub(crate) fn get(url: String) -> Request {
    Request {
        method: Method::Get,
        url,
        headers: vec![],
        body: None,
    }
}
