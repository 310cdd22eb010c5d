//! A partner's server: records every request, and answers as it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How the receiver behaves from the next request on.
#[derive(Debug, Clone, PartialEq)]
pub enum Behaviour {
    /// Answers with a status, extra headers and a body.
    Answer(u16, Vec<(String, String)>, String),
    /// Answers 200 after a while.
    Slow(Duration),
    /// Takes the request and never answers.
    Hang,
    /// Breaks the connection in the middle of the head.
    ResetInHead,
    /// One byte of the answer a second.
    Drip,
    /// A body of so many bytes.
    Body(u64),
    /// Something that is not HTTP.
    Garbage,
}

impl Behaviour {
    pub fn status(status: u16) -> Self {
        Self::Answer(status, vec![], "ok".into())
    }

    pub fn with_header(status: u16, name: &str, value: &str) -> Self {
        Self::Answer(status, vec![(name.into(), value.into())], String::new())
    }
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub at: Instant,
    /// Where it came from.
    pub peer: SocketAddr,
    pub method: String,
    /// Path and query, byte for byte.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Arrival {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }

    /// The decoded query pairs.
    pub fn query(&self) -> Vec<(String, String)> {
        let query = self.target.split_once('?').map_or("", |(_, q)| q);
        url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect()
    }

    pub fn query_value(&self, name: &str) -> Option<String> {
        self.query().into_iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }
}

struct Shared {
    behaviour: Mutex<Behaviour>,
    arrivals: Mutex<Vec<Arrival>>,
    count: AtomicUsize,
    /// Requests are counted and not kept.
    is_counting_only: AtomicBool,
    open: AtomicUsize,
    is_stopping: AtomicBool,
}

/// The receiver; ends when it is dropped.
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// An address where nobody is, and where nobody else comes while the test waits: the tests beside it take ports of
/// 127.0.0.1, this one has a host of its own in the loopback range.
pub fn deserted_address() -> SocketAddr {
    static TAKEN: AtomicUsize = AtomicUsize::new(1);
    let number = TAKEN.fetch_add(1, Ordering::Relaxed) % 250 + 1;
    let process = std::process::id() as usize;
    let parts = [process >> 8, process, number].map(|part| u8::try_from(part & 0xff).unwrap_or(0));
    let host = std::net::Ipv4Addr::new(127, parts[0] | 1, parts[1], parts[2]);
    let listener = TcpListener::bind((host, 0)).expect("bind within the loopback range");
    listener.local_addr().expect("address")
}

impl Receiver {
    pub fn start() -> Self {
        Self::start_at("127.0.0.1:0")
    }

    pub fn start_at(address: &str) -> Self {
        let listener = TcpListener::bind(address).expect("bind receiver");
        let address = listener.local_addr().expect("receiver address");
        let shared = Arc::new(Shared {
            behaviour: Mutex::new(Behaviour::status(200)),
            arrivals: Mutex::default(),
            count: AtomicUsize::new(0),
            is_counting_only: AtomicBool::new(false),
            open: AtomicUsize::new(0),
            is_stopping: AtomicBool::new(false),
        });
        let accepting = shared.clone();
        std::thread::Builder::new()
            .name("receiver".into())
            .spawn(move || {
                for stream in listener.incoming() {
                    if accepting.is_stopping.load(Ordering::Acquire) {
                        return;
                    }
                    let Ok(stream) = stream else { continue };
                    let shared = accepting.clone();
                    shared.open.fetch_add(1, Ordering::Relaxed);
                    std::thread::spawn(move || {
                        // A broken connection is the business of the test, not of the receiver.
                        drop(serve(&stream, &shared));
                        shared.open.fetch_sub(1, Ordering::Relaxed);
                    });
                }
            })
            .expect("spawn receiver");
        Self { address, shared }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn behave(&self, behaviour: Behaviour) {
        *self.shared.behaviour.lock().expect("behaviour") = behaviour;
    }

    pub fn arrivals(&self) -> Vec<Arrival> {
        self.shared.arrivals.lock().expect("arrivals").clone()
    }

    pub fn count(&self) -> usize {
        self.shared.count.load(Ordering::Acquire)
    }

    /// From now on requests are counted and not kept.
    pub fn count_only(&self) {
        self.shared.is_counting_only.store(true, Ordering::Release);
    }

    pub fn clear(&self) {
        let mut arrivals = self.shared.arrivals.lock().expect("arrivals");
        arrivals.clear();
        self.shared.count.store(0, Ordering::Release);
    }

    /// Waits for at least `count` requests.
    pub fn wait_for_count(&self, count: usize, within: Duration) {
        super::eventually(
            &format!("{count} requests at the receiver, {} came", self.count()),
            within,
            || (self.count() >= count).then_some(()),
        );
    }

    /// Waits for at least `count` requests.
    pub fn wait_for(&self, count: usize, within: Duration) -> Vec<Arrival> {
        super::eventually(&format!("{count} requests at the receiver"), within, || {
            let arrivals = self.arrivals();
            (arrivals.len() >= count).then_some(arrivals)
        })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.is_stopping.store(true, Ordering::Release);
        drop(TcpStream::connect(self.address));
    }
}

fn serve(stream: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(120)))?;
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    let peer = stream.peer_addr()?;
    while let Some(arrival) = read_request(&mut reader, peer)? {
        let mut arrivals = shared.arrivals.lock().expect("arrivals");
        if !shared.is_counting_only.load(Ordering::Acquire) {
            arrivals.push(arrival);
        }
        shared.count.fetch_add(1, Ordering::AcqRel);
        drop(arrivals);
        let behaviour = shared.behaviour.lock().expect("behaviour").clone();
        match behaviour {
            Behaviour::Answer(status, headers, body) => answer(&mut writer, status, &headers, &body)?,
            Behaviour::Slow(wait) => {
                std::thread::sleep(wait);
                answer(&mut writer, 200, &[], "slow")?;
            }
            Behaviour::Hang => {
                let mut rest = [0; 1];
                reader.read_exact(&mut rest)?;
            }
            Behaviour::ResetInHead => {
                writer.write_all(b"HTTP/1.1 200 OK\r\nContent-Le")?;
                rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO))?;
                return Ok(());
            }
            Behaviour::Drip => {
                for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
                    .iter()
                    .chain(&[b'x'; 100])
                {
                    writer.write_all(&[*byte])?;
                    std::thread::sleep(Duration::from_secs(1));
                }
            }
            Behaviour::Body(length) => {
                write!(writer, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")?;
                let chunk = vec![b'x'; 64 * 1024];
                let mut left = length;
                while left > 0 {
                    let part = left.min(chunk.len() as u64);
                    writer.write_all(&chunk[..part as usize])?;
                    left -= part;
                }
            }
            Behaviour::Garbage => {
                writer.write_all(b"\x15\x03\x01\x00\x02\x02\x50 this is not HTTP\r\n\r\n")?;
                return Ok(());
            }
        }
    }
    Ok(())
}

fn answer(
    writer: &mut &TcpStream,
    status: u16,
    headers: &[(String, String)],
    body: &str,
) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {status} Answer\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    head.push_str(body);
    writer.write_all(head.as_bytes())
}

fn read_request(reader: &mut BufReader<&TcpStream>, peer: SocketAddr) -> std::io::Result<Option<Arrival>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut parts = line.split_whitespace();
    let (method, target) = (
        parts.next().unwrap_or_default().to_owned(),
        parts.next().unwrap_or_default().to_owned(),
    );
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }
    let length = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(Arrival {
        at: Instant::now(),
        peer,
        method,
        target,
        headers,
        body,
    }))
}
