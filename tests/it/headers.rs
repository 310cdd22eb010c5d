//! What every answer says besides its body, who is told why the server is not ready, and what a flood of nonsense
//! writes into the log.

use crate::support::client::{Answer, send_raw};
use crate::support::owner::{PASSWORD, browser, claim};
use crate::support::receiver::Receiver;
use crate::support::scene::Scene;
use crate::support::server::Setup;
use serde_json::json;

const STRANGER: (&str, &str) = ("X-Forwarded-For", "198.51.100.66");

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.header(name).unwrap_or_default()
}

#[test]
fn every_answer_is_taken_for_what_it_is_and_keeps_tls() {
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path())
        .env("YAMABIKO_TRUSTED_PROXIES", "127.0.0.1")
        .start();
    let scene = Scene::build(&server, &Receiver::start());
    let sid = scene.click(&server, "one");
    let targets = [
        format!("/cv?sid={sid}"),
        "/cv?sid=unknown".into(),
        "/cv".into(),
        format!("/cv.gif?sid={sid}"),
        format!("/c/{}?param1=x", scene.link),
        "/c/nosuchlink1".into(),
        "/c/cbtest?install_callback=https://x.example".to_owned(),
        format!("/i/{}", scene.link),
        "/tag.js".into(),
        "/session?app_token=x".into(),
        "/nowhere".into(),
        "/c".into(),
        "/".into(),
        "/api/v1/me".into(),
        "/healthz".into(),
        "/readyz".into(),
        "/metrics".into(),
        "/proof/x".into(),
    ];
    for target in &targets {
        for (proto, has_hsts) in [("http", false), ("https", true)] {
            let headers = [STRANGER, ("X-Forwarded-Proto", proto)];
            let answer = server.client().send("GET", target, &headers, b"");
            assert_eq!(
                header(&answer, "x-content-type-options"),
                "nosniff",
                "{target} {}",
                answer.status
            );
            let hsts = header(&answer, "strict-transport-security");
            assert_eq!(hsts.starts_with("max-age="), has_hsts, "{target} {proto}: {hsts}");
        }
    }
    // What a stranger says of himself does not count.
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    let answer = server
        .client()
        .send("GET", "/cv", &[("X-Forwarded-Proto", "https")], b"");
    assert_eq!(header(&answer, "strict-transport-security"), "");
}

#[test]
fn a_wrong_method_is_told_the_right_ones() {
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];
    for path in [
        "/cv",
        "/cv/",
        "/cv.gif",
        "/c/abc",
        "/c",
        "/i/abc",
        "/d/abc",
        "/tag.js",
        "/session",
        "/event",
        "/ad_revenue",
        "/gdpr_forget_device",
        "/uninstall",
        "/attribution",
        "/claim",
        "/cost",
        "/healthz",
        "/readyz",
        "/metrics",
        "/.well-known/skadnetwork/report-attribution",
        "/api/v1/offers",
        "/api/v1/offers/abc",
        "/api/v1/login",
        "/api/v1/sessions.csv",
        "/api/v1/erasures/abc/carry_out",
        "/proof/abc",
        "/settings",
    ] {
        let mut allowed = String::new();
        let mut refused = Vec::new();
        for method in methods {
            let answer = server.client().send(method, path, &[], b"");
            if answer.status != 405 {
                continue;
            }
            allowed = header(&answer, "allow").to_owned();
            assert!(!allowed.is_empty(), "{method} {path}");
            refused.push(method);
        }
        assert!(!refused.is_empty(), "{path} takes everything");
        for method in methods {
            let is_allowed = allowed.split(", ").any(|one| one == method);
            // A list that leaves HEAD out where GET is there says no more than the documents do.
            assert_eq!(
                is_allowed,
                !refused.contains(&method),
                "{method} {path}: {allowed}"
            );
        }
    }
}

#[test]
fn why_it_is_not_ready_is_told_on_the_admin_side_only() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path()).env("YAMABIKO_TRUSTED_PROXIES", "127.0.0.1");
    let server = setup.start();
    let (_, cookie) = claim(&server, &setup, PASSWORD);
    let told = |headers: &[(&str, &str)]| server.client().send("GET", "/readyz", headers, b"").json();
    let stranger = told(&[STRANGER]);
    assert_eq!(stranger, json!({"status": "ready"}));
    for (name, value) in [
        ("Authorization", "Bearer ymb_wrong"),
        ("Cookie", "yamabiko=wrong"),
        ("Forwarded", "for=127.0.0.1"),
        ("Via", "1.1 x"),
    ] {
        assert_eq!(
            told(&[STRANGER, (name, value)]),
            json!({"status": "ready"}),
            "{name}"
        );
    }
    assert!(told(&[])["checks"].is_array(), "this machine");
    let own = format!("yamabiko={cookie}");
    assert!(
        told(&[STRANGER, ("Cookie", &own)])["checks"].is_array(),
        "signed in"
    );
    assert!(browser(&server).get("/readyz").json()["checks"].is_array());
}

#[test]
fn nonsense_writes_few_lines_into_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    let scene = Scene::build(&server, &Receiver::start());
    let requests: [&[u8]; 9] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /cv HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /cv HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /cv HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
        b"GET / HTTP/1.1\r\nHost: x\r\nBad Header\r\n\r\n",
        b"\r\n\r\n\r\n\r\nnonsense\r\n\r\n",
        b"GET /proof/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{\"login\":",
    ];
    for _ in 0..60 {
        for request in requests {
            // Some get an answer, some the end of the connection.
            send_raw(server.address(), request, true).ok();
        }
        scene.click(&server, "amid-them");
    }
    let log = server.log();
    let noisy = log
        .lines()
        .filter(|line| line.contains("ERROR") || line.contains("WARN"));
    let noisy: Vec<&str> = noisy.collect();
    assert!(
        noisy.len() <= 20,
        "{} lines:\n{}",
        noisy.len(),
        noisy[..20].join("\n")
    );
}
