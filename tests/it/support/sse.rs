//! A viewer of the live stream, with a small window so that it can be slow.

use rustix::net::{AddressFamily, SocketType, connect, socket, sockopt};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// One event.
#[derive(Debug, Clone)]
pub struct Event {
    pub id: Option<u64>,
    pub name: String,
    pub data: Value,
}

/// A connection to `/api/v1/stream`; dropping it closes it.
pub struct Viewer {
    reader: BufReader<TcpStream>,
}

impl Viewer {
    /// Joins; `last_id` as a browser sends it when it comes back.
    pub fn join(address: SocketAddr, authorization: &str, last_id: Option<u64>) -> Self {
        Self::join_as(address, &format!("Authorization: {authorization}"), last_id)
            .unwrap_or_else(|status| panic!("{status}"))
    }

    /// Joins with any header that says who it is; the error is the line with the status.
    pub fn join_as(address: SocketAddr, who: &str, last_id: Option<u64>) -> Result<Self, String> {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).expect("socket");
        sockopt::set_socket_recv_buffer_size(&socket, 4096).expect("window");
        connect(&socket, &address).expect("connect");
        let mut stream = TcpStream::from(socket);
        let last = last_id.map_or_else(String::new, |id| format!("Last-Event-ID: {id}\r\n"));
        write!(
            stream,
            "GET /api/v1/stream HTTP/1.1\r\nHost: {address}\r\n{who}\r\n{last}\r\n"
        )
        .expect("ask");
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .expect("timeout");
        let mut viewer = Self {
            reader: BufReader::new(stream),
        };
        let mut line = String::new();
        viewer.reader.read_line(&mut line).expect("status");
        if !line.contains("200") {
            return Err(line);
        }
        // The first chunk says that it is connected: from now on nothing is missed.
        while !viewer.line().contains("connected") {}
        Ok(viewer)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(
            self.reader.read_line(&mut line).expect("the stream goes on") > 0,
            "the stream ended"
        );
        line
    }

    /// What is heard until the server ends the stream; `None` when it has not within that time.
    pub fn until_it_ends(&mut self, within: Duration) -> Option<String> {
        let end = Instant::now() + within;
        let mut heard = String::new();
        while Instant::now() < end {
            if self.reader.read_line(&mut heard).expect("the stream goes on") == 0 {
                return Some(heard);
            }
        }
        None
    }

    /// The next event of one of the kinds (or a gap).
    pub fn next(&mut self, kinds: &[&str]) -> Event {
        loop {
            let (mut id, mut name, mut data) = (None, String::new(), Value::Null);
            loop {
                let line = self.line();
                let line = line.trim_end();
                match line.split_once(": ") {
                    Some(("id", value)) => id = value.parse().ok(),
                    Some(("event", value)) => name = value.into(),
                    Some(("data", value)) => data = serde_json::from_str(value).expect("JSON"),
                    // Sizes of chunks, their ends, comments.
                    _ if line.is_empty() && !name.is_empty() => break,
                    _ => {}
                }
            }
            if name == "gap" || kinds.contains(&name.as_str()) {
                return Event { id, name, data };
            }
        }
    }

    /// Events of a kind, gaps among them, until `is_last` says so.
    pub fn until(
        &mut self,
        kind: &str,
        within: Duration,
        mut is_last: impl FnMut(&Event) -> bool,
    ) -> Vec<Event> {
        let end = Instant::now() + within;
        let mut events = Vec::new();
        loop {
            assert!(
                Instant::now() < end,
                "not within {within:?}; {} came",
                events.len()
            );
            let event = self.next(&[kind]);
            let ends = is_last(&event);
            events.push(event);
            if ends {
                return events;
            }
        }
    }
}
