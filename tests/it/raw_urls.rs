//! URLs with bytes that no URL may hold, as shops, mails and scripts send them, and requests that cannot be read at
//! all.

use crate::support::client::{Answer, Client, send_raw};
use crate::support::receiver::Receiver;
use crate::support::scene::{BROWSER, Scene, text};
use crate::support::server::{Server, Setup};
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;
use std::time::{Duration, Instant};

fn request(method: &str, target: &[u8], headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(" HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {BROWSER}\r\n{headers}\r\n");
    [method.as_bytes(), b" ", target, head.as_bytes(), body].concat()
}

fn get(server: &Server, target: &[u8]) -> Answer {
    send_raw(server.address(), &request("GET", target, "", b""), false).unwrap()
}

#[test]
fn raw_bytes_are_taken_as_if_they_were_percent_encoded() {
    let dir = tempfile::tempdir().unwrap();
    let (server, receiver) = (Setup::new(dir.path()).start(), Receiver::start());
    let mut scene = Scene::build(&server, &receiver);
    for (value, expected) in [
        ("春のセール", "春のセール"),
        ("a \"b\" <c> {d |e| \\f `g`", "a \"b\" <c> {d |e| \\f `g`"),
        ("a\u{a0}b\u{3000}c", "a\u{a0}b\u{3000}c"),
        ("see HTTP/1.1 there", "see HTTP/1.1 there"),
        ("#1001", "#1001"),
    ] {
        receiver.clear();
        let click = get(
            &server,
            format!("/c/{}?label=x&param1={value}&s2s=1", scene.link).as_bytes(),
        );
        assert_eq!(click.status, 200, "{value}: {}", click.text());
        let sid = text(&click.json()["sid"]);
        let sale = get(
            &server,
            format!("/cv?sid={sid}&amount=1000&uid1=A {value}&p_name={value}").as_bytes(),
        );
        assert_eq!(sale.json()["result"], "accepted", "{value}: {}", sale.text());
        let told = receiver.wait_for(1, Duration::from_secs(60));
        assert_eq!(told[0].query_value("id").as_deref(), Some(expected));
        assert_eq!(told[0].query_value("order"), Some(format!("A {expected}")));
    }
    // What HTML made of a separator holds a sign that begins a fragment.
    let sid = scene.click(&server, "html");
    let sale = get(
        &server,
        format!("/cv?sid={sid}&#38;amount=700&#x26;uid1=E-1").as_bytes(),
    );
    let kept = scene
        .admin
        .get(&format!("/api/v1/activities/{}", text(&sale.ok()["activity_id"])))
        .ok();
    assert_eq!(
        (&kept["money"]["amount"], &kept["uids"][0]),
        (&"700".into(), &"E-1".into())
    );
    // Of a character set that is none of Unicode's, and a control character that our own code refuses.
    let sid = scene.click(&server, "sjis");
    let sale = get(
        &server,
        &[b"/cv?amount=1&uid1=S-1&p_name=\x8eR\x93c&sid=", sid.as_bytes()].concat(),
    );
    assert_eq!(sale.json()["result"], "accepted", "{}", sale.text());
    let refused = get(&server, b"/cv?cid=x&uid1=a\x01b");
    assert_eq!(
        (refused.status, refused.error_code().as_str()),
        (400, "control_character")
    );
    let metrics = scene.admin.get("/metrics").text();
    let count = |name: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{metrics}"))
            .trim()
            .parse::<u64>()
            .unwrap()
    };
    assert!(count("yamabiko_request_lines_mended_total") >= 12);
}

#[test]
fn kept_connections_and_bodies_are_followed() {
    let dir = tempfile::tempdir().unwrap();
    let (server, receiver) = (Setup::new(dir.path()).start(), Receiver::start());
    let scene = Scene::build(&server, &receiver);
    let sids: Vec<String> = (0..4).map(|n| scene.click(&server, &format!("k{n}"))).collect();
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let body = |n: usize| format!("sid={}&amount=1&uid1=山 GET /<{n}> HTTP/1.1\r\n\r\n", sids[n]);
    let (first, second) = (body(1), body(2));
    let chunked = format!("{:x}\r\n{second}\r\n0\r\n\r\n", second.len());
    let all = [
        request(
            "GET",
            format!("/cv?sid={}&amount=1&uid1=山 1", sids[0]).as_bytes(),
            "",
            b"",
        ),
        request(
            "POST",
            "/cv?p_a=山".as_bytes(),
            &format!("{form}Content-Length: {}\r\n", first.len()),
            first.as_bytes(),
        ),
        request(
            "POST",
            "/cv?p_a=<>".as_bytes(),
            &format!("{form}Transfer-Encoding: chunked\r\n"),
            chunked.as_bytes(),
        ),
        request(
            "GET",
            format!("/cv?sid={}&amount=1&uid1=\"4\"", sids[3]).as_bytes(),
            "Connection: close\r\n",
            b"",
        ),
    ]
    .concat();
    for piece in [all.len(), 60, 7] {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.set_nodelay(true).unwrap();
        for part in all.chunks(piece) {
            stream.write_all(part).unwrap();
            if piece < 60 {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        let mut answers = String::new();
        stream.read_to_string(&mut answers).unwrap();
        let expected = if piece == all.len() {
            "\"accepted\""
        } else {
            "\"duplicate\""
        };
        assert_eq!(answers.matches(expected).count(), 4, "{piece}: {answers}");
    }
    let told = receiver.wait_for(4, Duration::from_secs(60));
    let mut orders: Vec<_> = told.iter().filter_map(|told| told.query_value("order")).collect();
    orders.sort();
    assert_eq!(
        orders,
        ["\"4\"", "山 1", "山 GET /<1> HTTP/1.1", "山 GET /<2> HTTP/1.1"]
    );
}

#[test]
fn a_signature_holds_for_the_bytes_that_were_sent() {
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    let mut scene = Scene::build(&server, &Receiver::start());
    let target = format!("/api/v1/offers/{}", scene.offer);
    let mut offer = scene.admin.get(&target).ok();
    offer["trust"]["hmac_secret"] = "a secret of thirty-two bytes here".into();
    offer["trust"]["mode"] = "enforced".into();
    scene.admin.json("PUT", &target, &offer).ok();
    let sid = scene.click(&server, "signed");
    let query = format!("sid={sid}&amount=1&uid1=山 \"田\"");
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap()
        .as_secs()
        .to_string();
    let proof = yamabiko::tracking::caller::Proof {
        method: "GET".into(),
        path: "/cv".into(),
        query: query.clone().into_bytes(),
        ..Default::default()
    };
    let signature = yamabiko::tracking::trust::signature("a secret of thirty-two bytes here", &now, &proof);
    let headers = format!("X-Yamabiko-Timestamp: {now}\r\nX-Yamabiko-Signature: {signature}\r\n");
    let request = request("GET", format!("/cv?{query}").as_bytes(), &headers, b"");
    let sale = send_raw(server.address(), &request, false).unwrap();
    assert_eq!(sale.json()["result"], "accepted", "{}", sale.text());
}

#[test]
fn what_cannot_be_read_is_answered_with_a_sentence_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    let long = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nCookie: {}\r\n\r\n",
        "a".repeat(140_000)
    );
    let two_lengths = "POST /cv HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab";
    for (request, status, code) in [
        ("GET /c/x HTTP/1.1\r\n\r\n", 400, "unreadable_request"),
        (
            "GET /c/x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            400,
            "unreadable_request",
        ),
        (
            "GET /c/x HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n",
            400,
            "unreadable_request",
        ),
        ("GET /c/x HTTP/3.0\r\nHost: a\r\n\r\n", 400, "unreadable_request"),
        ("\u{16}\u{3}\u{1}\u{2}\r\n\r\n", 400, "unreadable_request"),
        (two_lengths, 400, "unreadable_request"),
        (&long, 431, "head_too_large"),
    ] {
        let answer = send_raw(server.address(), request.as_bytes(), false).unwrap();
        assert_eq!(
            (answer.status, answer.error_code().as_str()),
            (status, code),
            "{request:.60}"
        );
    }
    // A URL above what the parser takes is too long like any other.
    let target = format!("/cv?uid1={}", "a".repeat(70_000));
    let answer = get(&server, target.as_bytes());
    assert_eq!(
        (answer.status, answer.error_code().as_str()),
        (414, "target_too_long")
    );
    let metrics = server.admin().get("/metrics").text();
    assert!(
        metrics.contains("yamabiko_requests_unread_total{code=\"unreadable_request\"} 6"),
        "{metrics}"
    );
}

#[test]
fn a_head_that_does_not_come_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    let begun = Instant::now();
    let answer = send_raw(server.address(), b"GET /c/x HTTP/1.1\r\nHost:", false).unwrap();
    assert_eq!(
        (answer.status, answer.error_code().as_str()),
        (408, "slow_request")
    );
    assert!(begun.elapsed() < Duration::from_secs(60));
    // The connection of a client that said all is not held.
    assert_eq!(Client::new(server.address()).get("/healthz").status, 200);
}

#[test]
fn a_stream_of_http2_that_is_reset_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let server = Setup::new(&dir.path().join("data"))
        .env("YAMABIKO_TLS_CERT_FILE", &certificate.display().to_string())
        .env("YAMABIKO_TLS_KEY_FILE", &key.display().to_string())
        .start();
    let ask = |path: &[u8]| {
        let url = format!("https://localhost:{}", server.address().port());
        let url = [url.as_bytes(), path].concat();
        let output = Command::new("curl")
            .args(["-sk", "-m", "20", "--http2", "--path-as-is", "-o", "-", "-w"])
            .arg(" %{http_version} %{http_code}")
            .arg(OsStr::from_bytes(&url))
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let unread = || -> Vec<String> {
        let metrics = ask(b"/metrics");
        let lines = metrics.lines().map(str::to_owned);
        lines
            .filter(|line| line.starts_with("yamabiko_requests_unread_total{"))
            .collect()
    };
    assert!(ask(b"/tag.js").ends_with(" 2 200"));
    assert!(
        !unread().iter().any(|line| line.contains("http2_reset")),
        "{:?}",
        unread()
    );
    for _ in 0..2 {
        let answer = ask(b"/c/x?p=\x82\xa0");
        assert!(answer.ends_with(" 0") || answer.ends_with(" 000"), "{answer}");
    }
    let counted = "yamabiko_requests_unread_total{code=\"http2_reset\"} 2".to_owned();
    assert!(unread().contains(&counted), "{:?}", unread());
}
