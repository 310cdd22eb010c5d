//! What partners are owed: what is approved, with what is pending and rejected apart. Searching by short numbers.

use crate::support::receiver::Receiver;
use crate::support::scene::{Scene, text};
use crate::support::server::Setup;
use serde_json::{Value, json};

/// `amount currency` of a list of sums.
fn sums(value: &Value) -> Vec<String> {
    let sums = value.as_array().unwrap().iter();
    sums.map(|m| format!("{} {}", text(&m["amount"]), text(&m["currency"])))
        .collect()
}

#[test]
fn owed_is_what_is_approved() {
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    let event = json!({
        "approval": {"mode": "manual"},
        "payout": {"type": "fixed", "amount": "100", "currency": "JPY"},
    });
    let mut scene = Scene::with(&server, json!({}), event, &Receiver::start().url("/pb"));
    let ids: Vec<String> = (0..6)
        .map(|n| {
            let sid = scene.click(&server, &format!("c{n}"));
            let cv = format!("/cv?sid={sid}&amount=1000&uid1=A-{n}");
            text(&server.client().get(&cv).ok()["activity_id"])
        })
        .collect();
    for (status, of) in [("approved", &ids[..3]), ("rejected", &ids[3..4])] {
        let change = json!({"ids": of, "status": status});
        scene.admin.post_json("/api/v1/activities/status", &change).ok();
    }
    let now_ms = scene.admin.get("/api/v1/system").ok()["now_ms"].as_i64().unwrap();
    let period = format!("from_ms={}&to_ms={}", now_ms - 3_600_000, now_ms + 3_600_000);
    let payouts = scene.admin.get(&format!("/api/v1/payouts?{period}")).ok();
    let rows = payouts["rows"].as_array().unwrap();
    for row in [&rows[0], &payouts["total"]] {
        let counts =
            ["conversions", "approved", "pending", "rejected"].map(|name| row[name].as_i64().unwrap());
        assert_eq!(counts, [6, 3, 2, 1], "{row}");
        assert_eq!(sums(&row["payout"]), ["300 JPY"]);
        assert_eq!(sums(&row["pending_payout"]), ["200 JPY"]);
        assert_eq!(sums(&row["rejected_payout"]), ["100 JPY"]);
    }
    assert_eq!((rows.len(), &rows[0]["name"]), (1, &json!("Media")));
    let file = scene
        .admin
        .get(&format!("/api/v1/payouts.csv?{period}&language=ja"));
    let file = file.text();
    let lines: Vec<&str> = file.lines().collect();
    assert!(
        lines[0].ends_with("支払額(承認分),承認待ちの報酬,否認された報酬,通貨"),
        "{file}"
    );
    assert!(lines[1].ends_with(",Media,6,3,2,1,300,200,100,JPY"), "{file}");
    assert_eq!(lines.len(), 2);
}

#[test]
fn the_trace_finds_order_numbers_of_one_and_two_characters() {
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    let mut scene = Scene::build(&server, &Receiver::start());
    for order in ["7", "42", "%E4%BA%8C"] {
        let sid = scene.click(&server, &format!("click-{}", order.len()));
        let cv = format!("/cv?sid={sid}&amount=5&uid1={order}");
        let activity = text(&server.client().get(&cv).ok()["activity_id"]);
        for asked in [
            order.to_owned(),
            format!("https%3A%2F%2Fshop.example%2Fthanks%2Fja%3Forder%3D{order}"),
        ] {
            let trace = scene.admin.get(&format!("/api/v1/trace?q={asked}")).ok();
            assert_eq!(trace["found_by"], "order_number", "{asked}");
            assert!(trace.to_string().contains(&activity), "{asked}");
        }
    }
}
