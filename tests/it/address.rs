//! The check of the public address: it finds this server and no other, and shows nothing of what it meets.

use crate::support::client::Client;
use crate::support::eventually;
use crate::support::receiver::{Behaviour, Receiver};
use crate::support::scene::text;
use crate::support::server::Setup;
use serde_json::{Value, json};
use std::net::TcpListener;
use std::time::{Duration, Instant};

fn check(admin: &mut Client, url: &str) -> Value {
    let answer = admin.post_json("/api/v1/address-check", &json!({"url": url}));
    assert_eq!(answer.status, 200, "{url}: {}", answer.text());
    answer.json()
}

fn closed() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn an_address_leads_here_or_it_is_said_what_is_in_the_way() {
    let directory = tempfile::tempdir().unwrap();
    let (server, other) = (Setup::new(directory.path()).start(), Receiver::start());
    let mut admin = server.admin();
    let here = format!("http://{}", server.address());
    assert_eq!(check(&mut admin, &format!("{here}/"))["result"], "ok");
    other.behave(Behaviour::Answer(200, vec![], "internal-secret".into()));
    let met = check(&mut admin, &other.url(""));
    assert_eq!(met["result"], "something_else");
    assert!(!met.to_string().contains("internal-secret"), "{met}");
    let asked = other.arrivals();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].method == "GET" && asked[0].target.starts_with("/.well-known/yamabiko-check/"));
    assert!(asked[0].header("authorization").is_none() && asked[0].header("cookie").is_none());
    // Even one who repeats an earlier proof is not taken for us.
    let nonce = asked[0].target.rsplit('/').next().unwrap();
    let proof = server
        .client()
        .get(&format!("/.well-known/yamabiko-check/{nonce}"))
        .text();
    assert_eq!(proof.len(), 64);
    other.behave(Behaviour::Answer(200, vec![], proof));
    assert_eq!(check(&mut admin, &other.url(""))["result"], "something_else");
    other.behave(Behaviour::with_header(
        301,
        "Location",
        &format!("{here}/.well-known/yamabiko-check/x"),
    ));
    assert_eq!(check(&mut admin, &other.url(""))["result"], "redirected");
    assert_eq!(check(&mut admin, &closed())["result"], "refused");
    assert_eq!(check(&mut admin, "http://name.invalid")["result"], "not_resolved");
    // On a busy machine the look may end before the answer comes that is not TLS.
    eventually("what is no TLS is told", Duration::from_secs(60), || {
        (check(&mut admin, &here.replace("http:", "https:"))["result"] == "tls").then_some(())
    });
    for url in [
        "http://a.example/path",
        "ftp://a.example",
        "http://u:p@a.example",
        "nonsense",
        "",
    ] {
        let refused = admin.post_json("/api/v1/address-check", &json!({"url": url}));
        assert_eq!(
            (refused.status, refused.error_code().as_str()),
            (400, "invalid_origin"),
            "{url}"
        );
    }
    // Nonces of another form are not answered.
    assert_eq!(
        server.client().get("/.well-known/yamabiko-check/short").status,
        404
    );
}

#[test]
fn what_is_not_public_tells_nothing_unless_it_is_this_server() {
    let directory = tempfile::tempdir().unwrap();
    let server = Setup::new(directory.path())
        .env("YAMABIKO_DELIVERY_ALLOW_NETWORKS", "")
        .start();
    let mut admin = server.admin();
    let here = check(&mut admin, &format!("http://{}", server.address()));
    assert_eq!(here["result"], "ok_private");
    assert!(text(&here["message"]).contains("public"), "{here}");
    let silent = Receiver::start();
    silent.behave(Behaviour::Hang);
    let times: Vec<Duration> = [closed(), silent.url("")]
        .iter()
        .map(|url| {
            let begun = Instant::now();
            assert_eq!(check(&mut admin, url)["result"], "private_elsewhere", "{url}");
            begun.elapsed()
        })
        .collect();
    // Each takes four seconds, whatever is there.
    assert!(
        times.iter().all(|time| *time >= Duration::from_secs(4)),
        "{times:?}"
    );
    let begun = Instant::now();
    assert_eq!(
        check(&mut admin, "http://169.254.169.254")["result"],
        "private_elsewhere"
    );
    assert!(begun.elapsed() >= Duration::from_secs(4));
}

#[test]
fn only_owners_check_and_not_too_often() {
    let directory = tempfile::tempdir().unwrap();
    let server = Setup::new(directory.path()).start();
    let mut admin = server.admin();
    let url = format!("http://{}", server.address());
    let body = json!({"url": url});
    assert_eq!(
        server.client().post_json("/api/v1/address-check", &body).status,
        401
    );
    let made = admin
        .post_json("/api/v1/tokens", &json!({"name": "w", "scope": "write"}))
        .ok();
    let mut editor = server
        .client()
        .with_header("Authorization", &format!("Bearer {}", text(&made["secret"])));
    assert_eq!(editor.post_json("/api/v1/address-check", &body).status, 403);
    let throttled = (0..15)
        .map(|_| admin.post_json("/api/v1/address-check", &body))
        .find(|answer| answer.status == 429);
    assert!(throttled.unwrap().header("Retry-After").is_some());
}
