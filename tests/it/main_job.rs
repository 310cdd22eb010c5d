//! The main job, end to end: click, session, conversion, postback, against the real binary.

use crate::support::eventually;
use crate::support::receiver::{Behaviour, Receiver};
use crate::support::scene::{BROWSER, Scene, text};
use crate::support::server::Setup;
use serde_json::json;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);

#[test]
fn a_click_becomes_a_conversion_and_the_partner_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let (server, receiver) = (Setup::new(dir.path()).start(), Receiver::start());
    let mut scene = Scene::build(&server, &receiver);

    let click = server.client().send(
        "GET",
        &format!("/c/{}?param1=abc%2F1&foo=bar", scene.link),
        &[("User-Agent", BROWSER)],
        b"",
    );
    assert_eq!(click.status, 302);
    let location = click.header("location").unwrap().to_owned();
    let sid = location
        .strip_prefix("https://shop.example/lp?x=1&sid=")
        .expect("sid in the destination")
        .to_owned();
    assert_eq!(sid.len(), 16);

    let answer = server
        .client()
        .get(&format!("/cv?sid={sid}&amount=1000&uid1=A-1"))
        .ok();
    assert_eq!(answer["result"], "accepted");

    let arrivals = receiver.wait_for(1, SOON);
    let told = &arrivals[0];
    assert_eq!(told.query_value("id").as_deref(), Some("abc/1"));
    assert_eq!(told.query_value("amount").as_deref(), Some("1000"));
    assert_eq!(told.query_value("order").as_deref(), Some("A-1"));
    assert_eq!(told.query_value("status").as_deref(), Some("approved"));
    assert_eq!(told.header("webhook-id"), told.query_value("pbid").as_deref());

    let trace = scene.admin.get(&format!("/api/v1/trace?q={sid}")).ok();
    assert!(trace.to_string().contains(&text(&answer["activity_id"])));
}

#[test]
fn the_same_order_is_counted_once_and_told_once() {
    let dir = tempfile::tempdir().unwrap();
    let (server, receiver) = (Setup::new(dir.path()).start(), Receiver::start());
    let scene = Scene::build(&server, &receiver);
    let sid = scene.click(&server, "c1");
    let first = server
        .client()
        .get(&format!("/cv?sid={sid}&uid1=A-1&amount=5"))
        .ok();
    let again = server
        .client()
        .get(&format!("/cv?sid={sid}&uid1=A-1&amount=5"))
        .ok();
    assert_eq!(again["result"], "duplicate");
    assert_eq!(again["activity_id"], first["activity_id"]);
    assert_eq!(again["reason"], "duplicate_uid");
    let other = server
        .client()
        .get(&format!("/cv?sid={sid}&uid1=A-2&amount=5"))
        .ok();
    assert_eq!(other["result"], "accepted");
    receiver.wait_for(2, SOON);
    assert_eq!(receiver.count(), 2);
}

#[test]
fn an_idempotency_key_brings_the_same_answer_and_refuses_another_body() {
    let dir = tempfile::tempdir().unwrap();
    let (server, receiver) = (Setup::new(dir.path()).start(), Receiver::start());
    let rule = receiver.url("/pb?id=##PARA1##");
    let listed = json!({"trust": {"mode": "enforced", "allowed_ips": ["127.0.0.0/8"]}});
    let scene = Scene::with(&server, listed, json!({}), &rule);
    let sid = scene.click(&server, "c1");
    let key = [("Idempotency-Key", "k-1"), ("Content-Type", "application/json")];
    let body = json!({"sid": sid, "amount": "10"}).to_string();
    let first = server.client().send("POST", "/cv", &key, body.as_bytes()).ok();
    let again = server.client().send("POST", "/cv", &key, body.as_bytes()).ok();
    assert_eq!(first, again);
    assert_eq!(first["result"], "accepted");
    let other = json!({"sid": sid, "amount": "11"}).to_string();
    let reused = server.client().send("POST", "/cv", &key, other.as_bytes());
    assert_eq!(
        (reused.status, reused.error_code().as_str()),
        (422, "idempotency_key_reused")
    );
    receiver.wait_for(1, SOON);
    assert_eq!(receiver.count(), 1);
}

#[test]
fn refusals_are_kept_with_their_reason() {
    let dir = tempfile::tempdir().unwrap();
    let (server, receiver) = (Setup::new(dir.path()).start(), Receiver::start());
    let mut scene = Scene::build(&server, &receiver);
    let sid = scene.click(&server, "c1");
    let cases = [
        ("/cv?sid=0000000000000000".to_owned(), "unknown_session"),
        (format!("/cv?sid={sid}&event=nothing"), "wrong_event"),
        ("/cv?cid=nosuchoffer1".to_owned(), "wrong_offer"),
        (format!("/cv?cid={}", scene.offer), "missing_session"),
    ];
    for (target, reason) in &cases {
        let answer = server.client().get(target).ok();
        assert_eq!(
            (&answer["result"], &answer["reason"]),
            (&json!("refused"), &json!(reason)),
            "{target}"
        );
    }
    let unreadable = server.client().get(&format!("/cv?sid={sid}&amount=1,000"));
    assert_eq!(unreadable.status, 400);
    assert_eq!(unreadable.json()["error"]["field"], "amount");
    let kept = scene.admin.get("/api/v1/activities?verdict=refused").ok();
    let reasons: Vec<_> = kept["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| text(&a["reason"]))
        .collect();
    for reason in [
        "unknown_session",
        "wrong_event",
        "wrong_offer",
        "missing_session",
        "invalid_field",
    ] {
        assert!(
            reasons.iter().any(|r| r == reason),
            "{reason} is not among {reasons:?}"
        );
    }
    assert_eq!(receiver.count(), 0);
}

#[test]
fn an_outage_of_the_partner_delays_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (server, receiver) = (Setup::new(dir.path()).start(), Receiver::start());
    let scene = Scene::build(&server, &receiver);
    receiver.behave(Behaviour::status(503));
    let sids: Vec<_> = (0..8).map(|n| scene.click(&server, &format!("c{n}"))).collect();
    for sid in &sids {
        server.client().get(&format!("/cv?sid={sid}")).ok();
    }
    receiver.wait_for(5, SOON);
    receiver.behave(Behaviour::status(200));
    receiver.clear();
    let told = eventually("all eight postbacks", Duration::from_secs(75), || {
        let mut ids: Vec<_> = receiver
            .arrivals()
            .iter()
            .filter_map(|a| a.query_value("id"))
            .collect();
        ids.sort();
        ids.dedup();
        (ids.len() == 8).then_some(ids)
    });
    assert_eq!(told, (0..8).map(|n| format!("c{n}")).collect::<Vec<_>>());
}

#[test]
fn an_approval_tells_the_partner_after_the_pending_one_is_settled() {
    let dir = tempfile::tempdir().unwrap();
    let (server, receiver) = (Setup::new(dir.path()).start(), Receiver::start());
    let rule = receiver.url("/pb?sid={sid}&status={status}&was={outdated_status}");
    let mut scene = Scene::with(&server, json!({}), json!({"approval": {"mode": "manual"}}), &rule);
    let sid = scene.click(&server, "c1");
    receiver.behave(Behaviour::Slow(Duration::from_millis(700)));
    let conversion = server.client().get(&format!("/cv?sid={sid}&amount=300")).ok();
    assert_eq!(conversion["status"], "pending");
    let id = text(&conversion["activity_id"]);
    scene
        .admin
        .post_json(
            "/api/v1/activities/status",
            &json!({"ids": [id], "status": "approved"}),
        )
        .ok();
    let arrivals = receiver.wait_for(2, SOON);
    assert_eq!(arrivals[0].query_value("status").as_deref(), Some("pending"));
    assert_eq!(arrivals[1].query_value("status").as_deref(), Some("approved"));
    assert_eq!(arrivals[1].query_value("was").as_deref(), Some("pending"));
    assert!(
        arrivals[1].at - arrivals[0].at >= Duration::from_millis(650),
        "the later status waits for the earlier one"
    );
}

#[test]
fn an_unknown_or_paused_link_is_a_page_and_never_a_redirect() {
    let dir = tempfile::tempdir().unwrap();
    let (server, receiver) = (Setup::new(dir.path()).start(), Receiver::start());
    let mut scene = Scene::build(&server, &receiver);
    let unknown = server
        .client()
        .get("/c/nosuchlink?redirect=https://evil.example/");
    assert_eq!((unknown.status, unknown.header("location")), (404, None));
    let mut link = scene.admin.get(&format!("/api/v1/links/{}", scene.link)).ok();
    link["state"] = json!("paused");
    scene
        .admin
        .json("PUT", &format!("/api/v1/links/{}", scene.link), &link)
        .ok();
    assert_eq!(server.client().get(&format!("/c/{}", scene.link)).status, 404);
}
