//! Signed requests that somebody overheard and sends again: a signature decides once.

use crate::support::client::Answer;
use crate::support::receiver::Receiver;
use crate::support::scene::Scene;
use crate::support::server::{Server, Setup};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use yamabiko::tracking::caller::Proof;
use yamabiko::tracking::trust::signature;

const SECRET: &str = "a secret of the shop, long enough";

fn now() -> String {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
        .to_string()
}

/// A request as its sender signed it.
struct Signed {
    path: &'static str,
    query: String,
    timestamp: String,
    signature: String,
}

impl Signed {
    fn new(path: &'static str, query: &str, timestamp: String) -> Self {
        let proof = Proof {
            method: "GET".into(),
            path: path.into(),
            query: query.into(),
            ..Proof::default()
        };
        Self {
            signature: signature(SECRET, &timestamp, &proof),
            path,
            query: query.into(),
            timestamp,
        }
    }

    fn send(&self, server: &Server, more: &[(&str, &str)]) -> Answer {
        let mut headers = vec![
            ("X-Yamabiko-Timestamp", self.timestamp.as_str()),
            ("X-Yamabiko-Signature", self.signature.as_str()),
        ];
        headers.extend_from_slice(more);
        server
            .client()
            .send("GET", &format!("{}?{}", self.path, self.query), &headers, b"")
    }
}

fn trust(scene: &mut Scene) {
    let target = format!("/api/v1/offers/{}", scene.offer);
    let mut offer = scene.admin.get(&target).ok();
    offer["trust"] = json!({"mode": "enforced", "hmac_secret": SECRET});
    scene.admin.json("PUT", &target, &offer).ok();
}

#[test]
fn a_replay_gets_the_first_answer_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (mut server, receiver) = (Setup::new(dir.path()).start(), Receiver::start());
    let rule = receiver.url("/pb?order=##CONTENT_UID1##");
    // Nothing else would catch a repeat.
    let never = json!({"duplicates": {"by": "never"}});
    let mut scene = Scene::with(&server, json!({}), never, &rule);
    trust(&mut scene);
    let sid = scene.click(&server, "customer");
    let sale = Signed::new("/cv", &format!("sid={sid}&amount=9800&uid1=A-1001"), now());
    let first = sale.send(&server, &[]).ok();
    assert_eq!(first["result"], "accepted");
    // Each variant is the same signed bytes in other clothes.
    let both = format!("v1=00,{}", sale.signature);
    let variants: [&[(&str, &str)]; 5] = [
        &[],
        &[("Idempotency-Key", "made up")],
        &[("Idempotency-Key", "another")],
        &[("Cookie", "tuid=abcdefghijklmnop"), ("User-Agent", "other")],
        &[("Authorization", "Bearer x")],
    ];
    for more in variants {
        assert_eq!(sale.send(&server, more).ok(), first, "{more:?}");
    }
    let two = Signed {
        signature: both,
        query: sale.query.clone(),
        timestamp: sale.timestamp.clone(),
        path: "/cv",
    };
    assert_eq!(two.send(&server, &[]).ok(), first);
    server.restart();
    assert_eq!(
        sale.send(&server, &[]).ok(),
        first,
        "it is remembered in the store"
    );
    scene.admin = server.admin();
    assert_eq!(scene.list("/api/v1/activities").len(), 1, "nothing was written");
    // What the shop signs anew counts anew, since its rule says so.
    let later = (sale.timestamp.parse::<i64>().unwrap() + 1).to_string();
    let again = Signed::new("/cv", &sale.query, later).send(&server, &[]).ok();
    assert_eq!(again["result"], "accepted");
    assert_ne!(again["activity_id"], first["activity_id"]);
    receiver.wait_for(2, Duration::from_secs(60));
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(receiver.count(), 2);
}

#[test]
fn what_was_not_decided_is_not_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let (server, receiver) = (Setup::new(dir.path()).start(), Receiver::start());
    let never = json!({"duplicates": {"by": "never"}});
    let mut scene = Scene::with(&server, json!({}), never, &receiver.url("/pb"));
    trust(&mut scene);
    let sid = scene.click(&server, "customer");
    let wrong = Signed::new("/cv", &format!("sid={sid}&amount=a+lot"), now());
    for _ in 0..2 {
        assert_eq!(wrong.send(&server, &[]).status, 400);
    }
    // A forged signature is refused each time, and keeps the true one from nothing.
    let sale = Signed::new("/cv", &format!("sid={sid}&amount=9800"), now());
    let forged = Signed {
        signature: "v1=0000".into(),
        query: sale.query.clone(),
        timestamp: sale.timestamp.clone(),
        path: "/cv",
    };
    assert_eq!(forged.send(&server, &[]).ok()["reason"], "bad_signature");
    let first: Value = sale.send(&server, &[]).ok();
    assert_eq!(first["result"], "accepted");
    assert_eq!(forged.send(&server, &[]).ok()["reason"], "bad_signature");
    assert_eq!(sale.send(&server, &[]).ok(), first);
    // In test mode a signature that passes decides once, too.
    let target = format!("/api/v1/offers/{}", scene.offer);
    let mut offer = scene.admin.get(&target).ok();
    offer["trust"]["mode"] = "test".into();
    scene.admin.json("PUT", &target, &offer).ok();
    let tested = Signed::new("/cv", &format!("sid={sid}&amount=1"), now());
    let first = tested.send(&server, &[]).ok();
    assert_eq!(tested.send(&server, &[]).ok(), first);
}
