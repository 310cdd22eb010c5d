//! Restarts behind a socket that somebody holds, as systemd does: no client may notice, whether it keeps its
//! connection, opens one a request, or sends several requests at once, directly or through a proxy.

use crate::support::load::{from_env, is_long};
use crate::support::proxy::Proxy;
use crate::support::receiver::Receiver;
use crate::support::scene::{BROWSER, Scene};
use crate::support::server::Setup;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Clients of each kind and restarts of one run.
fn size() -> (usize, u64) {
    let (clients, restarts) = if is_long() { (64, 20) } else { (8, 3) };
    let clients = from_env("YAMABIKO_RESTART_CLIENTS", clients);
    (
        usize::try_from(clients).unwrap(),
        from_env("YAMABIKO_RESTARTS", restarts),
    )
}

/// How a client uses its connections.
#[derive(Debug, Clone, Copy)]
enum Habit {
    /// A connection a request.
    Fresh,
    /// One request after the other on a kept connection.
    Kept,
    /// Eight requests at once on a kept connection.
    Pipelined,
    /// A kept connection that rests for longer than most.
    Resting,
}

/// What the clients saw.
#[derive(Default)]
struct Seen {
    answered: AtomicUsize,
    failures: Mutex<Vec<String>>,
    is_over: AtomicBool,
}

/// Ends the clients when it is dropped.
struct Over<'a>(&'a Seen);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Relaxed);
    }
}

#[test]
fn restarts_lose_no_request_of_direct_clients() {
    restarts(
        |server| (server, None),
        &[Habit::Fresh, Habit::Kept, Habit::Pipelined, Habit::Resting],
    );
}

#[test]
fn restarts_lose_no_request_behind_nginx() {
    restarts(
        through(Proxy::nginx),
        &[Habit::Fresh, Habit::Kept, Habit::Pipelined],
    );
}

#[test]
fn restarts_lose_no_request_behind_caddy() {
    restarts(
        through(Proxy::caddy),
        &[Habit::Fresh, Habit::Kept, Habit::Pipelined],
    );
}

fn through(start: fn(SocketAddr) -> Proxy) -> impl Fn(SocketAddr) -> (SocketAddr, Option<Proxy>) {
    move |server| {
        let proxy = start(server);
        (proxy.address(), Some(proxy))
    }
}

fn restarts(way: impl Fn(SocketAddr) -> (SocketAddr, Option<Proxy>), habits: &[Habit]) {
    let (clients, restarts) = size();
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path()).activated();
    let (mut server, receiver) = (setup.start(), Receiver::start());
    let scene = Scene::build(&server, &receiver);
    let sid = scene.click(&server, "c1");
    let (address, _proxy) = way(server.address());
    let seen = Seen::default();
    std::thread::scope(|scope| {
        // The clients end when the test fails, too.
        let _over = Over(&seen);
        for habit in habits {
            for client in 0..clients {
                let (seen, link, sid) = (&seen, &scene.link, &sid);
                // Every fourth tells sales, the others click.
                let request = if client % 4 == 3 {
                    format!("POST /cv?sid={sid} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\n\r\n")
                } else {
                    format!(
                        "GET /c/{link}?param1=x HTTP/1.1\r\nHost: {address}\r\nUser-Agent: {BROWSER}\r\n\r\n"
                    )
                };
                let habit = *habit;
                scope.spawn(move || {
                    while !seen.is_over.load(Ordering::Relaxed) {
                        if let Err(error) = visit(address, habit, &request, seen) {
                            seen.failures.lock().unwrap().push(format!("{habit:?}: {error}"));
                        }
                    }
                });
            }
        }
        for _ in 0..restarts {
            answers(&seen, clients * habits.len() * 2);
            server.restart();
        }
        answers(&seen, clients * habits.len());
    });
    let failures = seen.failures.into_inner().unwrap();
    println!(
        "{} requests, {} failures",
        seen.answered.load(Ordering::Relaxed),
        failures.len()
    );
    assert!(
        failures.is_empty(),
        "{} failed: {:?}",
        failures.len(),
        &failures[..failures.len().min(5)]
    );
}

/// Waits until so many more requests were answered or one failed.
fn answers(seen: &Seen, more: usize) {
    let until = seen.answered.load(Ordering::Relaxed) + more;
    crate::support::eventually("requests are answered", Duration::from_secs(60), || {
        let is_enough = seen.answered.load(Ordering::Relaxed) >= until;
        (is_enough || !seen.failures.lock().unwrap().is_empty()).then_some(())
    });
}

/// Uses one connection until it is told that the connection ends.
fn visit(address: SocketAddr, habit: Habit, request: &str, seen: &Seen) -> Result<(), String> {
    let stream = TcpStream::connect(address).map_err(|e| format!("connect: {e}"))?;
    stream.set_nodelay(true).map_err(|e| e.to_string())?;
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .map_err(|e| e.to_string())?;
    let mut connection = BufReader::new(stream);
    let (at_once, request) = match habit {
        Habit::Fresh => (
            1,
            request.replacen("\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1),
        ),
        Habit::Kept | Habit::Resting => (1, request.to_owned()),
        Habit::Pipelined => (8, request.repeat(8)),
    };
    let mut is_open = true;
    while is_open && !seen.is_over.load(Ordering::Relaxed) {
        connection
            .get_mut()
            .write_all(request.as_bytes())
            .map_err(|e| format!("send: {e}"))?;
        for nth in 1..=at_once {
            if !is_open {
                return Err(format!("closed before answer {nth} of {at_once}"));
            }
            is_open = answer(&mut connection).map_err(|e| format!("answer {nth} of {at_once}: {e}"))?;
            seen.answered.fetch_add(1, Ordering::Relaxed);
        }
        if let Habit::Resting = habit {
            std::thread::sleep(Duration::from_millis(400));
        }
    }
    Ok(())
}

/// Reads an answer; gives whether the connection stays open.
fn answer(connection: &mut BufReader<TcpStream>) -> Result<bool, String> {
    let mut line = String::new();
    let mut next = |connection: &mut BufReader<TcpStream>| {
        line.clear();
        match connection.read_line(&mut line) {
            Ok(0) => Err("the connection ended".to_owned()),
            Ok(_) => Ok(line.trim_end().to_owned()),
            Err(error) => Err(error.to_string()),
        }
    };
    let status = next(connection)?;
    let (mut is_open, mut length, mut is_chunked) = (true, 0, false);
    loop {
        let header = next(connection)?.to_ascii_lowercase();
        match header.split_once(": ") {
            None => break,
            Some(("connection", "close")) => is_open = false,
            Some(("content-length", bytes)) => length = bytes.parse().map_err(|_| header.clone())?,
            Some(("transfer-encoding", "chunked")) => is_chunked = true,
            Some(_) => {}
        }
    }
    loop {
        if is_chunked {
            length = usize::from_str_radix(&next(connection)?, 16).map_err(|e| e.to_string())?;
        }
        let mut body = vec![0; length];
        connection
            .read_exact(&mut body)
            .map_err(|e| format!("body: {e}"))?;
        if !is_chunked {
            break;
        }
        next(connection)?;
        if length == 0 {
            break;
        }
    }
    match status.split(' ').nth(1) {
        Some("200" | "302" | "409") => Ok(is_open),
        _ => Err(status),
    }
}
