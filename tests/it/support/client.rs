//! A plain HTTP/1.1 client over one kept connection: sends what it is told, byte for byte.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("no JSON ({e}): {} {}", self.status, self.text()))
    }

    /// The body, after making sure that the status is 2xx.
    pub fn ok(&self) -> Value {
        assert!(
            (200..300).contains(&self.status),
            "status {}: {}",
            self.status,
            self.text()
        );
        if self.body.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }

    /// The stable code of an error answer.
    pub fn error_code(&self) -> String {
        self.json()["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

/// A client of one server.
pub struct Client {
    address: SocketAddr,
    /// What the Host header says; the address unless set.
    host: Option<String>,
    headers: Vec<(String, String)>,
    connection: Option<BufReader<TcpStream>>,
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            host: None,
            headers: Vec::new(),
            connection: None,
        }
    }

    /// The same with a header on every request.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same with a name in the Host header.
    pub fn with_host(mut self, host: &str) -> Self {
        self.host = Some(host.into());
        self
    }

    /// What it sends with every request.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The same credentials for a server at another address.
    pub fn at(&self, address: SocketAddr) -> Self {
        Self {
            address,
            host: self.host.clone(),
            headers: self.headers.clone(),
            connection: None,
        }
    }

    pub fn get(&mut self, target: &str) -> Answer {
        self.send("GET", target, &[], b"")
    }

    pub fn post_json(&mut self, target: &str, body: &Value) -> Answer {
        self.json("POST", target, body)
    }

    pub fn json(&mut self, method: &str, target: &str, body: &Value) -> Answer {
        self.send(
            method,
            target,
            &[("Content-Type", "application/json")],
            body.to_string().as_bytes(),
        )
    }

    pub fn post_form(&mut self, target: &str, body: &str) -> Answer {
        self.send(
            "POST",
            target,
            &[("Content-Type", "application/x-www-form-urlencoded")],
            body.as_bytes(),
        )
    }

    pub fn send(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.try_send(method, target, headers, body)
            .unwrap_or_else(|e| panic!("{method} {target}: {e}"))
    }

    /// Like [`Client::send`], with failures of the connection as errors; a kept connection that was closed
    /// is opened anew once when nothing came back.
    pub fn try_send(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> std::io::Result<Answer> {
        if self.connection.as_ref().is_some_and(is_closed) {
            self.connection = None;
        }
        let was_kept = self.connection.is_some();
        match self.exchange(method, target, headers, body) {
            Err(error) if was_kept && method == "GET" && error.kind() != std::io::ErrorKind::WouldBlock => {
                self.connection = None;
                self.exchange(method, target, headers, body)
            }
            other => other,
        }
    }

    fn exchange(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> std::io::Result<Answer> {
        if self.connection.is_none() {
            let stream = TcpStream::connect_timeout(&self.address, Duration::from_secs(60))?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(Duration::from_secs(60)))?;
            self.connection = Some(BufReader::new(stream));
        }
        let address = self.address.to_string();
        let host = self.host.as_deref().unwrap_or(&address);
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n");
        let own = self.headers.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        for (name, value) in own.chain(headers.iter().copied()) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if method != "GET" && method != "HEAD" {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let result = self.connection.as_mut().map(|connection| {
            let mut request = head.into_bytes();
            request.extend_from_slice(body);
            connection.get_mut().write_all(&request)?;
            read_answer(connection, method)
        });
        match result {
            Some(Ok((answer, is_kept))) => {
                if !is_kept {
                    self.connection = None;
                }
                Ok(answer)
            }
            Some(Err(error)) => {
                self.connection = None;
                Err(error)
            }
            None => Err(std::io::ErrorKind::NotConnected.into()),
        }
    }
}

/// Sends bytes as they are over a connection of its own, and reads the answer. With `is_closing` the sending side
/// is closed after the last byte.
pub fn send_raw(address: SocketAddr, bytes: &[u8], is_closing: bool) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(60))?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.write_all(bytes)?;
    if is_closing {
        stream.shutdown(std::net::Shutdown::Write)?;
    }
    Ok(read_answer(&mut BufReader::new(stream), "GET")?.0)
}

/// Whether the other side has closed a kept connection meanwhile, as it does after some seconds without a request.
fn is_closed(connection: &BufReader<TcpStream>) -> bool {
    let stream = connection.get_ref();
    let look = |stream: &TcpStream| -> std::io::Result<usize> {
        stream.set_nonblocking(true)?;
        let seen = stream.peek(&mut [0]);
        stream.set_nonblocking(false)?;
        seen
    };
    !matches!(look(stream), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

fn read_answer(reader: &mut BufReader<TcpStream>, method: &str) -> std::io::Result<(Answer, bool)> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    let status = line.split_whitespace().nth(1).and_then(|s| s.parse().ok());
    let status: u16 = status.ok_or_else(|| std::io::Error::other(format!("no status line: {line:?}")))?;
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }
    let mut answer = Answer {
        status,
        headers,
        body: Vec::new(),
    };
    let chunked = answer
        .header("transfer-encoding")
        .is_some_and(|v| v.contains("chunked"));
    let length = answer
        .header("content-length")
        .and_then(|v| v.parse::<usize>().ok());
    let is_kept = !answer
        .header("connection")
        .is_some_and(|v| v.eq_ignore_ascii_case("close"));
    if method == "HEAD" || status == 204 || status == 304 {
        return Ok((answer, is_kept));
    }
    match (chunked, length) {
        (true, _) => loop {
            let mut size = String::new();
            reader.read_line(&mut size)?;
            let size = usize::from_str_radix(size.trim(), 16).map_err(std::io::Error::other)?;
            let mut chunk = vec![0; size + 2];
            reader.read_exact(&mut chunk)?;
            if size == 0 {
                break;
            }
            answer.body.extend_from_slice(&chunk[..size]);
        },
        (false, Some(length)) => {
            answer.body = vec![0; length];
            reader.read_exact(&mut answer.body)?;
        }
        (false, None) => {
            reader.read_to_end(&mut answer.body)?;
        }
    }
    Ok((answer, is_kept))
}
