//! A load generator: one thread, many kept connections, readiness by epoll. Each connection has one request
//! on the wire at a time; the next follows the whole answer.

use rustix::event::epoll;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// What a run brought.
#[derive(Debug, Clone)]
pub struct Report {
    /// Whole answers with the expected status.
    pub good: u64,
    /// Other answers.
    pub bad: u64,
    pub seconds: f64,
    latencies_us: Vec<u32>,
}

impl Report {
    pub fn per_second(&self) -> f64 {
        self.good as f64 / self.seconds
    }

    /// Latency in milliseconds at a share of all requests (0.5, 0.99).
    pub fn latency_ms(&self, share: f64) -> f64 {
        let mut sorted = self.latencies_us.clone();
        sorted.sort_unstable();
        let index = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
        sorted.get(index).map_or(0.0, |us| f64::from(*us) / 1000.0)
    }
}

struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    sent_at: Instant,
}

/// Sends what `request` gives (its number rises over all connections) for `duration`.
pub fn run(
    address: SocketAddr,
    connections: usize,
    duration: Duration,
    expected_status: u16,
    mut request: impl FnMut(u64) -> Vec<u8>,
) -> std::io::Result<Report> {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut number = 0;
    let mut all = Vec::with_capacity(connections);
    for index in 0..connections {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        epoll::add(
            &poll,
            stream.as_fd(),
            epoll::EventData::new_u64(index as u64),
            epoll::EventFlags::IN,
        )?;
        all.push(Connection {
            stream,
            received: Vec::with_capacity(4096),
            sent_at: Instant::now(),
        });
    }
    let started = Instant::now();
    for connection in &mut all {
        connection.sent_at = Instant::now();
        connection.stream.write_all(&request(number))?;
        number += 1;
    }
    let mut report = Report {
        good: 0,
        bad: 0,
        seconds: 0.0,
        latencies_us: Vec::new(),
    };
    let mut events = Vec::with_capacity(1024);
    let mut buffer = [0_u8; 16 * 1024];
    while started.elapsed() < duration {
        events.clear();
        let wait = rustix::event::Timespec {
            tv_sec: 0,
            tv_nsec: 50_000_000,
        };
        epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), Some(&wait))?;
        for event in &events {
            let connection = &mut all[event.data.u64() as usize];
            let count = connection.stream.read(&mut buffer)?;
            if count == 0 {
                return Err(std::io::Error::other("the server closed a connection"));
            }
            connection.received.extend_from_slice(&buffer[..count]);
            let Some((status, length)) = whole_answer(&connection.received) else {
                continue;
            };
            connection.received.drain(..length);
            if status == expected_status {
                report.good += 1;
            } else {
                report.bad += 1;
            }
            let waited = connection.sent_at.elapsed().as_micros();
            report
                .latencies_us
                .push(u32::try_from(waited).unwrap_or(u32::MAX));
            connection.sent_at = Instant::now();
            connection.stream.write_all(&request(number))?;
            number += 1;
        }
    }
    report.seconds = started.elapsed().as_secs_f64();
    Ok(report)
}

/// Kept connections over which as many requests go out together.
pub struct Burst {
    connections: Vec<TcpStream>,
}

impl Burst {
    pub fn connect(address: SocketAddr, connections: usize) -> Self {
        let connect = |_| {
            let stream = TcpStream::connect(address).expect("connect");
            stream.set_nodelay(true).expect("no delay");
            stream
        };
        Self {
            connections: (0..connections).map(connect).collect(),
        }
    }

    /// Sends a request over each connection.
    pub fn send(&mut self, numbers: &mut std::ops::RangeFrom<u64>, request: &mut dyn FnMut(u64) -> Vec<u8>) {
        for (connection, number) in self.connections.iter_mut().zip(numbers) {
            connection.write_all(&request(number)).expect("send");
        }
    }

    /// Waits for all answers.
    pub fn receive(&mut self, expected_status: u16) {
        let mut buffer = [0_u8; 16 * 1024];
        for connection in &mut self.connections {
            let mut received = Vec::new();
            let status = loop {
                let count = connection.read(&mut buffer).expect("answer");
                assert!(count > 0, "the server closed a connection");
                received.extend_from_slice(&buffer[..count]);
                if let Some((status, _)) = whole_answer(&received) {
                    break status;
                }
            };
            assert_eq!(status, expected_status, "{}", String::from_utf8_lossy(&received));
        }
    }
}

/// Status and length of the answer at the start of `bytes`, once it is whole.
fn whole_answer(bytes: &[u8]) -> Option<(u16, usize)> {
    let head = bytes.windows(4).position(|w| w == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&bytes[..head]).ok()?;
    let status = text.get(9..12)?.parse().ok()?;
    let body = text
        .lines()
        .find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>().ok())?
        })
        .unwrap_or(0);
    (bytes.len() >= head + body).then_some((status, head + body))
}
