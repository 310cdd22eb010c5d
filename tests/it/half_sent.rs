//! Requests that send half of a body and wait: whoever may not send one is refused by its head, and nobody keeps
//! a connection and memory for longer than a moment.

use crate::support::client::send_raw;
use crate::support::owner::{PASSWORD, claim};
use crate::support::receiver::Receiver;
use crate::support::scene::Scene;
use crate::support::server::{Server, Setup};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The head of a request with a JSON body, and the first bytes of it.
fn half(target: &str, headers: &str, announced: usize, sent: usize) -> Vec<u8> {
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{headers}Content-Length: {announced}\r\n\r\n"
    );
    [head.into_bytes(), vec![b' '; sent]].concat()
}

fn begin(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(bytes).unwrap();
    stream
}

fn refused(server: &Server, request: &[u8], status: u16, code: &str) {
    // The head alone has decided: who waits for such a body is told that it is too slow.
    let answer = send_raw(server.address(), request, false).unwrap();
    assert_eq!((answer.status, answer.error_code().as_str()), (status, code));
}

#[test]
fn heads_are_judged_before_bodies() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path());
    let server = setup.start();
    let (login, setup_claim) = ("/api/v1/login", "/api/v1/setup/claim");
    refused(&server, &half(setup_claim, "", 900, 100), 403, "setup_token");
    let wrong = "X-Setup-Token: wrong\r\n";
    refused(&server, &half(setup_claim, wrong, 900, 100), 403, "setup_token");
    refused(&server, &half(setup_claim, wrong, 1 << 20, 0), 403, "setup_token");
    let foreign = "Sec-Fetch-Site: cross-site\r\n";
    refused(&server, &half(login, foreign, 900, 100), 403, "cross_site");
    refused(&server, &half(login, "", 1 << 20, 100), 413, "too_large");
    refused(&server, &half(login, "", 16_385, 100), 413, "too_large");
    claim(&server, &setup, PASSWORD);
    refused(
        &server,
        &half("/api/v1/offers", "", 900, 100),
        401,
        "unauthenticated",
    );
}

#[test]
fn many_half_sent_logins_take_no_memory_and_go_away() {
    const LOGINS: usize = 300;
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    let scene = Scene::build(&server, &Receiver::start());
    let before = server.resident_bytes();
    let request = half("/api/v1/login", "", 16_000, 15_000);
    let address = server.address();
    let mut streams: Vec<_> = (0..LOGINS).map(|_| begin(address, &request)).collect();
    scene.click(&server, "amid-them");
    let grown = server.resident_bytes().saturating_sub(before) >> 20;
    assert!(grown < 60, "{grown} MiB for {LOGINS} bodies");
    for stream in &mut streams {
        let mut answer = String::new();
        // To the end: the connection is closed, too.
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        assert!(answer.contains("slow_body"), "{answer}");
    }
}
