//! Conversions that are changed by their order number alone, by callers that proved themselves: `/cv`, the upload and
//! the API.

use crate::support::receiver::Receiver;
use crate::support::scene::{Scene, text};
use crate::support::server::{Server, Setup};
use serde_json::{Value, json};

fn start() -> (tempfile::TempDir, Server, Receiver, Scene) {
    let dir = tempfile::tempdir().unwrap();
    let (server, receiver) = (Setup::new(dir.path()).start(), Receiver::start());
    let scene = Scene::build(&server, &receiver);
    (dir, server, receiver, scene)
}

/// The secret of a token of the offer, whose checks are enforced from then on.
fn prove(scene: &mut Scene) -> String {
    let target = format!("/api/v1/offers/{}/bearer_tokens", scene.offer);
    let made = scene
        .admin
        .post_json(&target, &json!({"name": "cart", "scopes": ["conversions"]}))
        .json();
    let mut offer = made["offer"].clone();
    offer["trust"]["mode"] = json!("enforced");
    let target = format!("/api/v1/offers/{}", scene.offer);
    scene.admin.json("PUT", &target, &offer).ok();
    text(&made["secret"])
}

fn upload(scene: &mut Scene, csv: &str) -> Value {
    let headers = [("Content-Type", "text/csv")];
    let answer = scene
        .admin
        .send("POST", "/api/v1/conversions/upload", &headers, csv.as_bytes());
    answer.json()
}

#[test]
fn an_order_is_changed_by_its_number() {
    let (_dir, server, _receiver, mut scene) = start();
    let secret = prove(&mut scene);
    let bearer = format!("Bearer {secret}");
    let cv = |query: &str| {
        let headers = [("Authorization", bearer.as_str())];
        server
            .client()
            .send("GET", &format!("/cv?{query}"), &headers, b"")
    };
    let offer = scene.offer.clone();
    let mut ids = Vec::new();
    for order in ["can-1", "can-2", "can-3"] {
        let sid = scene.click(&server, order);
        let first = cv(&format!("sid={sid}&amount=10000&uid1={order}")).ok();
        assert_eq!(first["result"], "accepted", "{first}");
        ids.push(text(&first["activity_id"]));
    }
    let state = |scene: &mut Scene, id: &str| {
        let kept = scene.admin.get(&format!("/api/v1/activities/{id}")).ok();
        (kept["money"]["amount"].clone(), kept["status"].clone())
    };

    let lower = cv(&format!("cid={offer}&uid1=can-1&amount=6000")).ok();
    assert_eq!(lower["result"], "updated", "{lower}");
    assert_eq!(state(&mut scene, &ids[0]), (json!("6000"), json!("approved")));
    let same = cv(&format!("cid={offer}&uid1=can-1&amount=6000.2")).ok();
    assert_eq!(same["result"], "duplicate", "equal after rounding: {same}");
    let rejected = cv(&format!("cid={offer}&uid1=can-1&status=rejected")).ok();
    assert_eq!(rejected["result"], "updated", "{rejected}");
    assert_eq!(state(&mut scene, &ids[0]), (json!("6000"), json!("rejected")));
    let late = cv(&format!(
        "cid={offer}&uid1=can-1&status=approved&created_at_unix=1700000000"
    ))
    .ok();
    assert_eq!(
        late["result"], "duplicate",
        "what is older never overwrites: {late}"
    );
    let unknown = cv(&format!("cid={offer}&uid1=nothing&status=rejected")).ok();
    assert_eq!(
        (&unknown["result"], &unknown["reason"]),
        (&json!("refused"), &json!("unknown_order"))
    );
    let stranger = server
        .client()
        .get(&format!("/cv?cid={offer}&uid1=can-2&status=rejected"))
        .ok();
    assert_eq!(stranger["reason"], "bad_token", "{stranger}");

    let done = upload(&mut scene, &format!("cid,uid1,status\n{offer},can-2,rejected\n"));
    assert_eq!(
        (&done["updated"], &done["errors"]),
        (&json!(1), &json!([])),
        "{done}"
    );
    assert_eq!(state(&mut scene, &ids[1]).1, json!("rejected"));
    let wrong = upload(
        &mut scene,
        &format!("cid,uid1,status\n{offer},nothing,rejected\n"),
    );
    assert_eq!(wrong["errors"][0]["code"], "unknown_order", "{wrong}");

    let body = json!({"offer": offer, "orders": ["can-3", "nothing"], "status": "rejected"});
    let told = scene.admin.post_json("/api/v1/activities/status", &body).ok();
    assert_eq!(told["changed"], 1, "{told}");
    assert_eq!(
        (&told["orders"][0]["result"], &told["orders"][1]["result"]),
        (&json!("changed"), &json!("unknown_order"))
    );
    assert_eq!(state(&mut scene, &ids[2]).1, json!("rejected"));
}

#[test]
fn two_conversions_of_one_number_are_told_apart_by_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let (server, receiver) = (Setup::new(dir.path()).start(), Receiver::start());
    let mut scene = Scene::with(
        &server,
        json!({}),
        json!({"duplicates": {"by": "never"}}),
        &receiver.url("/pb?id=##PARA1##"),
    );
    let secret = prove(&mut scene);
    let mut cart = server
        .client()
        .with_header("Authorization", &format!("Bearer {secret}"));
    for click_id in ["one", "two"] {
        let sid = scene.click(&server, click_id);
        assert_eq!(
            cart.get(&format!("/cv?sid={sid}&uid1=twice&amount=1")).ok()["result"],
            "accepted"
        );
    }
    let query = format!("cid={}&uid1=twice&status=rejected", scene.offer);
    for answer in [cart.get(&format!("/cv?{query}")), cart.post_form("/cv", &query)] {
        assert_eq!(
            (answer.status, answer.error_code().as_str()),
            (409, "ambiguous_order"),
            "{}",
            answer.text()
        );
    }
    let csv = format!("cid,uid1,status\n{},twice,rejected\n", scene.offer);
    let done = upload(&mut scene, &csv);
    assert_eq!(done["errors"][0]["code"], "ambiguous_order", "{done}");
    let kept = scene.list("/api/v1/activities?reason=ambiguous_order");
    assert!(!kept.is_empty());
    let body = json!({"offer": scene.offer, "orders": ["twice"], "status": "rejected"});
    let told = scene.admin.post_json("/api/v1/activities/status", &body).ok();
    assert_eq!(told["orders"][0]["result"], "ambiguous_order", "{told}");
    let counted = scene.list("/api/v1/activities?verdict=accepted&status=approved");
    assert_eq!(counted.len(), 2, "neither was changed");
}

#[test]
fn an_address_alone_changes_orders_only_where_the_offer_says_so() {
    let (_dir, server, _receiver, mut scene) = start();
    let target = format!("/api/v1/offers/{}", scene.offer);
    let mut offer = scene.admin.get(&target).ok();
    offer["trust"] = json!({"mode": "enforced", "allowed_ips": ["127.0.0.0/8"]});
    let mut offer = scene.admin.json("PUT", &target, &offer).ok();
    let cv = |query: &str| server.client().get(&format!("/cv?{query}")).ok();
    let sid = scene.click(&server, "address");
    assert_eq!(
        cv(&format!("sid={sid}&uid1=addr-1&amount=1000"))["result"],
        "accepted"
    );
    let change = format!("cid={}&uid1=addr-1&amount=500", scene.offer);
    for query in [change.clone(), format!("sid={sid}&uid1=addr-1&amount=500")] {
        let told = cv(&query);
        assert_ne!(told["result"], "updated", "{told}");
    }
    let told = cv(&change)["message"].clone();
    assert!(told.as_str().unwrap().contains("addresses_may_change"), "{told}");
    offer["trust"]["addresses_may_change"] = json!(true);
    scene.admin.json("PUT", &target, &offer).ok();
    assert_eq!(cv(&change)["result"], "updated");
}

#[test]
fn a_new_amount_is_told_only_to_rules_that_ask_for_it() {
    let (_dir, server, receiver, mut scene) = start();
    let secret = prove(&mut scene);
    let scope = json!({"type": "partner", "partner": scene.partner});
    for (name, statuses, asks) in [
        ("asks", json!([]), true),
        ("counts", json!([]), false),
        ("approved", json!(["approved"]), true),
        ("rejected", json!(["rejected"]), true),
    ] {
        let text = receiver.url(&format!("/{name}?amount=##AMOUNT##&was={{outdated_amount}}"));
        let rule = json!({"name": name, "scope": scope, "kinds": ["event_update"], "statuses": statuses, "text": text, "amount_changes": asks});
        scene.admin.post_json("/api/v1/rules", &rule).ok();
    }
    let sid = scene.click(&server, "amounts");
    let mut cart = server
        .client()
        .with_header("Authorization", &format!("Bearer {secret}"));
    cart.get(&format!("/cv?sid={sid}&uid1=amt-1&amount=1000")).ok();
    let change = format!("/cv?cid={}&uid1=amt-1&amount=600", scene.offer);
    assert_eq!(cart.get(&change).ok()["result"], "updated");
    let told = receiver.wait_for(3, std::time::Duration::from_secs(10));
    let mut paths: Vec<&str> = told.iter().map(|a| a.target.as_str()).collect();
    paths.sort_unstable();
    // The first is the sale itself, of the rule that the scene has.
    assert_eq!(
        paths[..2],
        ["/approved?amount=600&was=1000", "/asks?amount=600&was=1000"]
    );
    assert!(paths[2].starts_with("/pb?"), "{paths:?}");
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert_eq!(receiver.count(), 3);
}
