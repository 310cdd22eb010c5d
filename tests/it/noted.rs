//! What was odd about what came in is counted for the operator; amounts that nobody vouches for have a ceiling.

use crate::support::client::Client;
use crate::support::receiver::Receiver;
use crate::support::scene::{BROWSER, Scene};
use crate::support::server::Setup;
use serde_json::{Value, json};

/// `[code, field, count]` of every row.
fn rows(of: &Value) -> Vec<Value> {
    let rows = of["rows"].as_array().unwrap().iter();
    rows.map(|row| json!([row["code"], row["field"], row["count"]]))
        .collect()
}

#[test]
fn notes_are_counted_over_all_clicks_and_conversions() {
    let dir = tempfile::tempdir().unwrap();
    let (server, receiver) = (Setup::new(dir.path()).start(), Receiver::start());
    let mut scene = Scene::build(&server, &receiver);
    let mut client = server.client();
    let click = |client: &mut Client, target: &str| {
        let answer = client.send("GET", target, &[("User-Agent", BROWSER)], b"");
        assert_eq!(answer.status, 302, "{target}");
        let to = answer.header("location").unwrap().to_owned();
        to.split("sid=").nth(1).unwrap().to_owned()
    };
    let link = scene.link.clone();
    // More than a page of the log holds.
    let mut sid = String::new();
    for n in 0..120 {
        sid = click(&mut client, &format!("/c/{link}?param1=%7Bclickid%7D&x={n}"));
    }
    click(&mut client, &format!("/c/{link})?param1=a"));
    click(
        &mut client,
        &format!("/c/{link}?param1=__CLICKID__&event_callback=http%3A%2F%2Fevil.example%2F"),
    );
    click(&mut client, &format!("/c/{link}?param1=good"));
    for n in 0..3 {
        let sale = client
            .get(&format!("/cv?sid={sid}&amount={n}00&uid1=[ORDER_NUM]"))
            .ok();
        assert_eq!(sale["result"], "accepted", "{sale}");
    }
    let sale = client.get(&format!("/cv?sid={sid}&amount=7&uid1=A-1001")).ok();
    assert_eq!(sale["result"], "accepted", "{sale}");
    let found = scene.admin.get("/api/v1/stats/notes").ok();
    let clicks = &found["clicks"];
    let told = [
        &clicks["records"],
        &clicks["noted"],
        &clicks["unfilled"],
        &clicks["is_partial"],
    ];
    assert_eq!(
        told,
        [&json!(123), &json!(122), &json!(121), &json!(false)],
        "{found}"
    );
    assert_eq!(
        rows(clicks),
        [
            json!(["unfilled", "param1", 121]),
            json!(["mended_address", "", 1]),
            json!(["refused_callback", "event_callback", 1]),
        ]
    );
    let sales = &found["conversions"];
    assert_eq!(
        [&sales["records"], &sales["unfilled"]],
        [&json!(4), &json!(3)],
        "{found}"
    );
    assert_eq!(rows(sales)[0], json!(["unfilled", "uid1", 3]));
    // By link, and by time.
    let of_link = scene.admin.get(&format!("/api/v1/stats/notes?link={link}")).ok();
    assert_eq!(of_link, found);
    for nothing in ["link=none", "offer=none", "partner=none", "from_ms=4000000000000"] {
        let found = scene.admin.get(&format!("/api/v1/stats/notes?{nothing}")).ok();
        let counts = [&found["clicks"]["records"], &found["conversions"]["records"]];
        assert_eq!(counts, [&json!(0), &json!(0)], "{nothing}");
    }
}

#[test]
fn an_amount_that_nobody_vouches_for_has_a_ceiling() {
    let dir = tempfile::tempdir().unwrap();
    let (server, receiver) = (Setup::new(dir.path()).start(), Receiver::start());
    let event = json!({"payout": {"type": "percent", "percent": "10"}});
    let mut scene = Scene::with(&server, json!({}), event, &receiver.url("/pb?id=##PARA1##"));
    let mut client = server.client();
    let mut number = 0;
    let mut sell = |scene: &Scene, fields: &str| {
        number += 1;
        let sid = scene.click(&server, "c");
        client.get(&format!("/cv?sid={sid}&uid1=n{number}&{fields}")).ok()
    };
    // Nothing was set: any amount counts, and the operator is told, with a suggestion from what was seen.
    assert_eq!(sell(&scene, "amount=3278")["reason"], json!(null));
    let told = scene.admin.get("/api/v1/stats/unproven").ok();
    let item = &told["items"][0];
    assert_eq!(
        [&item["has_payout"], &item["is_automatic"]],
        [&json!(true), &json!(true)],
        "{told}"
    );
    assert_eq!(
        [&item["most"], &item["unproven_amount"]],
        [&json!(20), &json!(null)],
        "{told}"
    );
    assert_eq!(
        [&item["largest"]["amount"], &item["suggested"]["amount"]],
        ["3278", "10000"],
        "{told}"
    );

    let target = format!("/api/v1/offers/{}", scene.offer);
    let mut offer = scene.admin.get(&target).ok();
    offer["events"][0]["unproven_amount"] = json!({"amount": "10000.5", "currency": "JPY"});
    let refused = scene.admin.json("PUT", &target, &offer);
    assert_eq!(
        (refused.status, refused.error_code()),
        (400, "too_many_decimals".into())
    );
    offer["events"][0]["unproven_amount"] = json!({"amount": "10000", "currency": "JPY"});
    let saved = scene.admin.json("PUT", &target, &offer).ok();
    assert_eq!(saved["events"][0]["unproven_amount"]["amount"], "10000");
    for (fields, result, status, reason) in [
        ("amount=10000", "accepted", json!("approved"), json!(null)),
        ("amount=10001", "accepted", json!("pending"), json!("over_bound")),
        ("amount=100000", "accepted", json!("pending"), json!("over_bound")),
        ("amount=99999999999", "refused", json!(null), json!("over_bound")),
        (
            "amount=1&currency=USD",
            "accepted",
            json!("pending"),
            json!("over_bound"),
        ),
        ("amount=0", "accepted", json!("approved"), json!(null)),
        ("x=no-amount", "accepted", json!("approved"), json!(null)),
    ] {
        let answer = sell(&scene, fields);
        assert_eq!(answer["result"], result, "{fields}: {answer}");
        assert_eq!(
            [&answer["status"], &answer["reason"]],
            [&status, &reason],
            "{fields}: {answer}"
        );
    }
    // Whoever proved themselves notices nothing.
    let mut offer = scene.admin.get(&target).ok();
    offer["trust"] = json!({"mode": "enforced", "allowed_ips": ["127.0.0.0/8"]});
    scene.admin.json("PUT", &target, &offer).ok();
    assert_eq!(sell(&scene, "amount=99999999999")["status"], "approved");
    let told = scene.admin.get("/api/v1/stats/unproven").ok();
    assert_eq!(told["items"], json!([]), "nothing is open any more");
}

#[test]
fn a_link_that_is_written_oddly_leads_to_itself() {
    let dir = tempfile::tempdir().unwrap();
    let (server, receiver) = (Setup::new(dir.path()).start(), Receiver::start());
    let scene = Scene::build(&server, &receiver);
    let mut client = server.client();
    let link = &scene.link;
    for (odd, right) in [
        (format!("//c/{link}?param1=a"), format!("/c/{link}?param1=a")),
        (format!("/C/{link}?param1=a"), format!("/c/{link}?param1=a")),
        (format!("/I//{link}/"), format!("/i/{link}/")),
    ] {
        let answer = client.get(&odd);
        assert_eq!(
            (answer.status, answer.header("location")),
            (302, Some(right.as_str())),
            "{odd}"
        );
    }
    let answer = client.get(&format!("/c//{link}?param1=a"));
    assert!(
        answer.status == 302 && answer.header("location").unwrap().contains("sid="),
        "{}",
        answer.text()
    );
    assert_eq!(client.get("//c/").status, 404);
}
