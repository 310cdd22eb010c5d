//! Whole addresses of visitors: sent by a rule that may, kept sealed outside of everything that is copied, and gone when
//! nothing needs them any more.

use crate::support::client::Client;
use crate::support::eventually;
use crate::support::files::files_below;
use crate::support::receiver::{Arrival, Behaviour, Receiver};
use crate::support::scene::{Scene, text};
use crate::support::server::Setup;
use serde_json::{Value, json};
use std::io::Read;
use std::path::Path;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);
const VISITOR: &str = "203.0.113.57";

fn rule(partner: &str, receiver: &Receiver) -> Value {
    json!({
        "name": "whole address",
        "scope": {"type": "partner", "partner": partner},
        "credit": "any",
        "kinds": ["event", "event_update"],
        "statuses": ["approved"],
        "method": "POST",
        "text": receiver.url("/v1"),
        "body": {"type": "json", "template": r#"{"o":"{content_uid1}","ip":"{full_ip_address}"}"#},
        "no_data": {"policy": "drop"},
        "needs": ["{content_uid1}"],
        "full_address": true,
    })
}

fn sell(client: &mut Client, scene: &Scene, order: &str, more: Value) -> String {
    let click = client.get(&format!("/c/{}?s2s=1", scene.link)).ok();
    let mut sale = json!({"sid": click["sid"], "uid1": order, "amount": 10});
    for (name, value) in more.as_object().unwrap() {
        sale[name] = value.clone();
    }
    text(&client.post_json("/cv", &sale).ok()["activity_id"])
}

fn told(receiver: &Receiver, order: &str) -> Arrival {
    eventually(order, PATIENCE, || {
        let mut arrivals = receiver.arrivals().into_iter();
        arrivals.find(|arrival| String::from_utf8_lossy(&arrival.body).contains(order))
    })
}

fn body(arrival: &Arrival) -> Value {
    serde_json::from_slice(&arrival.body).unwrap()
}

fn assert_nowhere(dir: &Path, what: &str) {
    for file in files_below(dir) {
        let bytes = std::fs::read(&file).unwrap();
        let found = memchr::memmem::find(&bytes, VISITOR.as_bytes());
        assert_eq!(found, None, "{what}: {}", file.display());
    }
}

fn postback_of(scene: &mut Scene, activity: &str) -> Value {
    eventually("the end of a postback", PATIENCE, || {
        let list = scene.list(&format!("/api/v1/postbacks?activity={activity}"));
        let mut ended = list.into_iter().filter(|postback| postback["state"] != "waiting");
        ended.find(|postback| postback["request"]["method"] == "POST")
    })
}

#[test]
fn a_rule_that_may_sends_it_and_nothing_else_ever_holds_it() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path());
    let mut server = setup.start();
    let (media, receiver) = (Receiver::start(), Receiver::start());
    let mut scene = Scene::build(&server, &media);
    let mut refused = rule(&scene.partner, &receiver);
    refused["full_address"] = json!(false);
    let checked = scene.admin.post_json("/api/v1/rules/check", &refused).ok();
    assert!(checked.to_string().contains("address_not_allowed"), "{checked}");
    scene
        .admin
        .post_json("/api/v1/rules", &rule(&scene.partner, &receiver))
        .ok();
    let echo = format!(r#"{{"you":"{VISITOR}"}}"#);
    receiver.behave(Behaviour::Answer(200, Vec::new(), echo));
    let mut client = server.client();

    let named = sell(&mut client, &scene, "A-1001", json!({"ip_address": VISITOR}));
    let arrival = told(&receiver, "A-1001");
    assert_eq!(body(&arrival), json!({"o": "A-1001", "ip": VISITOR}));
    let postback = postback_of(&mut scene, &named);
    assert_eq!(postback["state"], "delivered");
    let shown = postback.to_string();
    assert!(
        shown.contains("‹full_ip_address›") && !shown.contains(VISITOR),
        "{shown}"
    );
    let activity = scene.admin.get(&format!("/api/v1/activities/{named}")).ok();
    assert!(
        activity.to_string().contains("203.0.113.0"),
        "as the offer keeps it"
    );
    assert!(!activity.to_string().contains(VISITOR));

    // A server's own address is nobody's, and who refuses is not sent.
    let unnamed = sell(&mut client, &scene, "A-1002", json!({}));
    let denied = sell(
        &mut client,
        &scene,
        "A-1003",
        json!({"ip_address": VISITOR, "consent": "denied"}),
    );
    for activity in [&unnamed, &denied] {
        let postback = postback_of(&mut scene, activity);
        assert_eq!(postback["fail_reason"], "no_address", "{postback}");
        assert_eq!(postback["last"], Value::Null, "nothing was sent");
    }
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let period = format!("from_ms={}&to_ms={}", now - 3_600_000, now + 3_600_000);
    let report = scene.admin.get(&format!("/api/v1/stats/taken?{period}")).ok();
    let skipped = report["rows"][0]["skipped"].as_array().unwrap();
    assert!(
        skipped.contains(&json!({"code": "no_address", "count": 2})),
        "{report}"
    );

    // Also of a request that is refused, or cannot be read.
    for query in ["sid=zzz", "sid=0000000000000000", "sid=%zz"] {
        client.get(&format!("/cv?{query}&ip_address={VISITOR}"));
    }
    let refused = json!({"sid": "x", "ip_address": format!("{VISITOR}:443")});
    client.post_json("/cv", &refused);
    sell(&mut client, &scene, "A-1004", json!({"Client_IP": VISITOR}));
    assert_eq!(body(&told(&receiver, "A-1004"))["ip"], VISITOR);

    let click = client.get(&format!("/c/{}?s2s=1", scene.link)).ok();
    let file = format!(
        "sid,uid1,amount,ip_address\n{},A-1005,10,{VISITOR}\n",
        text(&click["sid"])
    );
    let csv = [("Content-Type", "text/csv")];
    let done = scene
        .admin
        .send("POST", "/api/v1/conversions/upload", &csv, file.as_bytes())
        .ok();
    assert_eq!(done["created"], 1, "{done}");
    assert_eq!(body(&told(&receiver, "A-1005"))["ip"], VISITOR);

    let beside = tempfile::tempdir().unwrap();
    let path = beside.path().join("backup.tar.lz4").display().to_string();
    assert!(setup.command(&["backup", &path]).status().unwrap().success());
    let mut content = Vec::new();
    let packed = std::fs::File::open(&path).unwrap();
    lz4_flex::frame::FrameDecoder::new(packed)
        .read_to_end(&mut content)
        .unwrap();
    let has = |text: &str| memchr::memmem::find(&content, text.as_bytes()).is_some();
    assert!(!has(VISITOR) && !has("addresses/sealed"));
    assert!(
        dir.path().join("addresses/sealed").exists(),
        "it is kept for the first one still"
    );
    server.restart();
    assert_nowhere(dir.path(), "after all");
    assert!(!server.log().contains(VISITOR));
}

#[test]
fn it_waits_for_an_approval_by_hand_through_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path());
    let server = setup.start();
    let (media, receiver) = (Receiver::start(), Receiver::start());
    let event = json!({"approval": {"mode": "manual"}});
    let mut scene = Scene::with(&server, json!({}), event, &media.url("/pb?o={content_uid1}"));
    let wanted = rule(&scene.partner, &receiver);
    let checked = scene.admin.post_json("/api/v1/rules/check", &wanted).ok();
    assert!(checked.to_string().contains("address_may_be_gone"), "{checked}");
    scene.admin.post_json("/api/v1/rules", &wanted).ok();
    let sold = sell(
        &mut server.client(),
        &scene,
        "A-2001",
        json!({"ip_address": VISITOR}),
    );
    server.kill();
    assert_nowhere(dir.path(), "while it waits");
    let server = setup.start();
    let decided = json!({"ids": [sold], "status": "approved"});
    server
        .admin()
        .post_json("/api/v1/activities/status", &decided)
        .ok();
    assert_eq!(body(&told(&receiver, "A-2001"))["ip"], VISITOR);
}

#[test]
fn an_offer_that_keeps_no_addresses_keeps_none_for_a_rule_either() {
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    let (media, receiver) = (Receiver::start(), Receiver::start());
    let offer = json!({"ip_privacy": "none"});
    let mut scene = Scene::with(&server, offer, json!({}), &media.url("/pb?o={content_uid1}"));
    scene
        .admin
        .post_json("/api/v1/rules", &rule(&scene.partner, &receiver))
        .ok();
    let sold = sell(
        &mut server.client(),
        &scene,
        "A-3001",
        json!({"ip_address": VISITOR}),
    );
    assert_eq!(postback_of(&mut scene, &sold)["fail_reason"], "no_address");
    assert!(!dir.path().join("addresses/sealed").exists());
}
