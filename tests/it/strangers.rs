//! What strangers do on purpose to a server that stands open: each test is an attack.

use crate::support::app::{App, IDFA, now_s};
use crate::support::client::Client;
use crate::support::receiver::Receiver;
use crate::support::scene::{Scene, text};
use crate::support::server::{Server, Setup};
use serde_json::json;

/// The address of the real server, and that of a stranger.
const SHOP: &str = "203.0.113.9";
const STRANGER: &str = "198.51.100.66";

/// A server that takes the addresses of callers from `X-Forwarded-For`.
fn behind_a_proxy(directory: &std::path::Path) -> Server {
    Setup::new(directory)
        .env("YAMABIKO_TRUSTED_PROXIES", "127.0.0.1")
        .start()
}

fn from(server: &Server, address: &str) -> Client {
    server.client().with_header("X-Forwarded-For", address)
}

#[test]
fn a_made_up_authorization_never_meets_the_keys_of_a_real_server() {
    let dir = tempfile::tempdir().unwrap();
    let (server, receiver) = (behind_a_proxy(dir.path()), Receiver::start());
    let scene = Scene::build(&server, &receiver);
    let key = ("Idempotency-Key", "order-1001");
    // The stranger names the shop's address before the shop uses the key, in every header that could name it.
    for authorization in [SHOP, "Bearer 203.0.113.9", " 203.0.113.9 "] {
        let sid = scene.click(&server, "stranger");
        let sale = format!("/cv?sid={sid}&amount=1&uid1=forged");
        let headers = [("Authorization", authorization), key];
        let answer = from(&server, STRANGER).send("GET", &sale, &headers, b"");
        assert_eq!(answer.status, 200, "{authorization}: {}", answer.text());
    }
    let mut shop = from(&server, SHOP);
    let sid = scene.click(&server, "customer");
    let sale = format!("/cv?sid={sid}&amount=9800&uid1=order-1001");
    let first = shop.send("GET", &sale, &[key], b"").ok();
    assert_eq!(first["result"], "accepted");
    assert_eq!(
        shop.send("GET", &sale, &[key], b"").ok(),
        first,
        "the shop's own repeat"
    );
    // The very request of the shop, under its key, with its address as the header: decided for the stranger alone.
    let read = from(&server, STRANGER)
        .send("GET", &sale, &[("Authorization", SHOP), key], b"")
        .ok();
    assert_ne!(read, first, "the answer of the shop was read");
    assert_eq!(read["result"], "duplicate");
    // A new body of the shop under its key is no reason to lose a sale while nobody vouches for it.
    let other = format!("/cv?sid={sid}&amount=9900&uid1=order-1002");
    assert_eq!(shop.send("GET", &other, &[key], b"").ok()["result"], "accepted");
}

#[test]
fn a_refused_caller_finds_no_key_and_a_proven_one_only_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let (server, receiver) = (Setup::new(dir.path()).start(), Receiver::start());
    let rule = receiver.url("/pb?id=##PARA1##");
    let mut scene = Scene::with(&server, json!({}), json!({}), &rule);
    let target = format!("/api/v1/offers/{}", scene.offer);
    let made = ["cart", "crm"].map(|name| {
        let body = json!({"name": name, "scopes": ["conversions"]});
        let made = scene
            .admin
            .post_json(&format!("{target}/bearer_tokens"), &body)
            .ok();
        format!("Bearer {}", made["secret"].as_str().unwrap())
    });
    let mut offer = scene.admin.get(&target).ok();
    offer["trust"]["mode"] = "enforced".into();
    scene.admin.json("PUT", &target, &offer).ok();
    let sid = scene.click(&server, "customer");
    let sale = |amount: u32, uid: &str| format!("/cv?sid={sid}&amount={amount}&uid1={uid}");
    let send = |authorization: &str, target: &str| {
        let headers = [("Authorization", authorization), ("Idempotency-Key", "k-1")];
        server.client().send("GET", target, &headers, b"")
    };
    assert_eq!(send("Bearer wrong", &sale(1, "a")).ok()["reason"], "bad_token");
    let first = send(&made[0], &sale(1, "a")).ok();
    assert_eq!(first["result"], "accepted", "the refusal was not remembered");
    assert_eq!(send(&made[0], &sale(1, "a")).ok(), first);
    assert_eq!(send("Bearer wrong", &sale(1, "a")).ok()["reason"], "bad_token");
    let reused = send(&made[0], &sale(2, "b"));
    assert_eq!(
        (reused.status, reused.error_code().as_str()),
        (422, "idempotency_key_reused")
    );
    assert_eq!(
        send(&made[1], &sale(2, "b")).ok()["result"],
        "accepted",
        "the key of another token"
    );
}

#[test]
fn one_click_brings_no_number_of_sales_while_nobody_vouches_for_them() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path()).env("YAMABIKO_LIMITS_UNPROVEN_SALES", "3");
    let (server, receiver) = (setup.start(), Receiver::start());
    let rule = receiver.url("/pb?id=##PARA1##");
    let days = json!({"approval": {"mode": "after_days", "days": 1}});
    let mut scene = Scene::with(&server, json!({}), days, &rule);
    let sid = scene.click(&server, "attacker");
    let mut stranger = server.client();
    let mut sell = |sid: &str, uid: &str| {
        let target = format!("/cv?sid={sid}&amount=99999999999&uid1={uid}&status=pending");
        stranger.get(&target).ok()
    };
    for n in 0..3 {
        // Repeats between the sales hide none of them.
        for _ in 0..2 {
            sell(&sid, &format!("forge-{n}"));
        }
    }
    for n in 3..30 {
        let answer = sell(&sid, &format!("forge-{n}"));
        let told = ["result", "status", "reason"].map(|name| answer[name].clone());
        assert_eq!(told, ["accepted", "pending", "over_bound"], "{n}");
    }
    for n in 30..33 {
        let answer = sell(&sid, &format!("forge-{n}"));
        assert_eq!(
            [&answer["result"], &answer["reason"]],
            ["refused", "over_bound"],
            "{n}"
        );
    }
    // Another click, and a caller that proved itself, notice nothing.
    let other = scene.click(&server, "customer");
    assert_eq!(sell(&other, "order-1")["reason"], json!(null));
    let target = format!("/api/v1/offers/{}", scene.offer);
    let mut offer = scene.admin.get(&target).ok();
    offer["trust"] = json!({"mode": "enforced", "allowed_ips": ["127.0.0.0/8"]});
    scene.admin.json("PUT", &target, &offer).ok();
    let answer = sell(&sid, "real-1");
    assert_eq!(answer["result"], "accepted");
    assert_eq!(answer["reason"], json!(null));
}

#[test]
fn a_stranger_erases_no_device_before_the_operator_could_look() {
    let mut app = App::with(json!({}), |setup| {
        setup.env("YAMABIKO_LIMITS_ERASURE_WAIT_H", "72")
    });
    app.rule(
        &["install", "gdpr_forget_device"],
        &app.url("/pb?kind={activity_kind}&idfa={idfa}"),
    );
    app.send("session", &format!("idfa={IDFA}")).ok();
    app.told("install", 0);
    let list = |app: &mut App| app.admin.get("/api/v1/erasures").ok();
    let known = |app: &mut App| {
        app.applied();
        app.admin
            .get("/api/v1/activities")
            .ok()
            .to_string()
            .contains(IDFA)
    };
    // In every spelling of the request; a repeat changes nothing.
    for target in [format!("idfa={IDFA}"), format!("idfa={}", IDFA.to_lowercase())] {
        let held = app.send("gdpr_forget_device", &target).ok();
        let wait_h = (held["due_at_ms"].as_i64().unwrap() / 1000 - i64::try_from(now_s()).unwrap()) / 3600;
        assert!((71..=72).contains(&wait_h), "{held}");
    }
    assert!(known(&mut app));
    app.send("session", &format!("idfa={IDFA}")).ok();
    let waiting = list(&mut app);
    assert_eq!(waiting["count"], 1, "{waiting}");
    let id = text(&waiting["items"][0]["id"]);
    assert_eq!(
        waiting["items"][0]["devices"][0],
        json!({"name": "idfa", "value": IDFA})
    );
    let cancel = |app: &mut App, id: &str| {
        app.admin
            .send("DELETE", &format!("/api/v1/erasures/{id}"), &[], b"")
            .status
    };
    assert_eq!(cancel(&mut app, "x"), 404);
    assert_eq!(cancel(&mut app, &id), 204);
    assert_eq!(cancel(&mut app, &id), 404);
    assert!(known(&mut app));
    // Looked at and found to be right: now.
    app.send("gdpr_forget_device", &format!("idfa={IDFA}")).ok();
    let id = text(&list(&mut app)["items"][0]["id"]);
    let now = format!("/api/v1/erasures/{id}/carry_out");
    assert_eq!(app.admin.post_json(&now, &json!({})).status, 204);
    app.told("gdpr_forget_device", 0);
    assert!(!known(&mut app));
    assert_eq!(app.send("session", &format!("idfa={IDFA}")).status, 451);
    assert_eq!(list(&mut app)["count"], 0);
    // Once the offer has trust, whoever proves nothing is refused, and whoever proves it erases at once.
    let other = "idfa=B1B2C3D4-0000-4000-8000-1234567890AB";
    app.send("session", other).ok();
    let target = format!("/api/v1/offers/{}", app.token);
    let mut offer = app.admin.get(&target).ok();
    offer["trust"] = json!({"mode": "enforced", "allowed_ips": ["198.51.100.0/24"]});
    app.admin.json("PUT", &target, &offer).ok();
    assert_eq!(app.send("gdpr_forget_device", other).status, 401);
    let mut offer = app.admin.get(&target).ok();
    offer["trust"]["mode"] = "test".into();
    app.admin.json("PUT", &target, &offer).ok();
    assert!(app.send("gdpr_forget_device", other).ok()["due_at_ms"].is_i64());
    let mut offer = app.admin.get(&target).ok();
    offer["trust"] = json!({"mode": "enforced", "allowed_ips": ["127.0.0.0/8"]});
    app.admin.json("PUT", &target, &offer).ok();
    assert_eq!(
        app.send("gdpr_forget_device", other).ok()["message"],
        "Device forgotten"
    );
}
