//! Many conversions decided at once, by order number, by id and by filter: the look, the wait of a minute, taking it
//! back.

use crate::support::eventually;
use crate::support::receiver::Receiver;
use crate::support::scene::{Scene, text};
use crate::support::server::{Server, Setup};
use serde_json::{Value, json};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);

struct Shop {
    _dir: tempfile::TempDir,
    server: Server,
    receiver: Receiver,
    scene: Scene,
    ids: Vec<String>,
}

impl Shop {
    /// Sales that wait for approval, each told to the partner.
    fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = Setup::new(dir.path()).start();
        let receiver = Receiver::start();
        let event = json!({
            "approval": {"mode": "manual"},
            "payout": {"type": "fixed", "amount": "100", "currency": "JPY"},
        });
        let rule = receiver
            .url("/pb?order=##CONTENT_UID1##&status={status}&was={outdated_status}&why={rejection_reason}");
        let scene = Scene::with(&server, json!({}), event, &rule);
        let mut shop = Self {
            _dir: dir,
            server,
            receiver,
            scene,
            ids: Vec::new(),
        };
        for n in 0..6 {
            let sid = shop.scene.click(&shop.server, &format!("c{n}"));
            let cv = format!("/cv?sid={sid}&amount=1000&uid1=A-{n}");
            shop.ids
                .push(text(&shop.server.client().get(&cv).ok()["activity_id"]));
        }
        shop.heard(6);
        shop
    }

    fn heard(&self, count: usize) {
        eventually(&format!("{count} postbacks"), SOON, || {
            (self.receiver.arrivals().len() == count).then_some(())
        });
    }

    fn look(&mut self, request: &Value) -> Value {
        self.scene.admin.post_json("/api/v1/decisions/look", request).ok()
    }

    /// Decides and waits for the end; gives the decision's id.
    fn decide(&mut self, request: &Value) -> String {
        let begun = self.scene.admin.post_json("/api/v1/decisions", request);
        assert_eq!(begun.status, 202, "{}", begun.text());
        let begun = begun.json();
        let job = format!("/api/v1/jobs/{}", text(&begun["job"]["id"]));
        let ended = eventually("the end of the decision", SOON, || {
            let job = self.scene.admin.get(&job).ok();
            (job["state"] != "running").then_some(job)
        });
        assert_eq!(ended["state"], "done", "{ended}");
        text(&begun["decision"])
    }

    fn undo(&mut self, decision: &str) -> Value {
        let target = format!("/api/v1/decisions/{decision}/undo");
        self.scene.admin.post_json(&target, &json!({})).ok()
    }

    fn statuses(&mut self) -> Vec<String> {
        let ids = self.ids.clone();
        let status = |id: &String| {
            let kept = self.scene.admin.get(&format!("/api/v1/activities/{id}")).ok();
            text(&kept["status"])
        };
        ids.iter().map(status).collect()
    }

    fn waiting(&mut self) -> Vec<Value> {
        self.scene.list("/api/v1/postbacks?state=waiting")
    }
}

const TABLE: &str =
    "受注番号,購入日,ステータス,理由\nA-0,11/1,出荷済,\nA-1,11/1,キャンセル,在庫切れ\nA-9,11/2,出荷済,\n";

#[test]
fn orders_in_the_columns_of_a_shop_are_decided_and_taken_back_before_anybody_hears() {
    let mut shop = Shop::open();
    let offer = shop.scene.offer.clone();
    let asked = shop.look(&json!({"offer": offer, "text": TABLE}));
    assert_eq!(asked["unknown_words"], json!(["出荷済"]), "{asked}");
    let mut mapping = asked["mapping"].clone();
    mapping["words"] = json!({"出荷済": "approved"});
    let request = json!({"offer": offer, "text": TABLE, "mapping": mapping});
    let look = shop.look(&request);
    assert_eq!(
        look["results"],
        json!({"changed": 2, "unknown_order": 1}),
        "{look}"
    );
    assert_eq!(look["approved"]["count"], 1);
    assert_eq!(
        look["rejected"]["payout"],
        json!([{"amount": "100", "currency": "JPY"}])
    );
    assert_eq!((&look["postbacks"], &look["total"]), (&json!(2), &json!(3)));
    assert_eq!(
        look["lines"][0]["order"], "A-9",
        "what does not change stands first"
    );
    assert!(shop.statuses().iter().all(|status| status == "pending"));

    let decision = shop.decide(&request);
    assert_eq!(shop.statuses()[..3], ["approved", "rejected", "pending"]);
    let waiting = shop.waiting();
    assert_eq!(waiting.len(), 2);
    let urls: Vec<String> = waiting.iter().map(|pb| text(&pb["request"]["url"])).collect();
    assert!(
        urls.iter().any(|url| url
            .ends_with("order=A-1&status=rejected&was=pending&why=%E5%9C%A8%E5%BA%AB%E5%88%87%E3%82%8C")),
        "{urls:?}"
    );
    let listed = shop.scene.admin.get("/api/v1/decisions").ok();
    let at_ms = listed[0]["at_ms"].as_i64().unwrap();
    assert_eq!(listed[0]["quiet_until_ms"].as_i64().unwrap(), at_ms + 60_000);
    for pb in &waiting {
        assert!(pb["due_at_ms"].as_i64().unwrap() > at_ms + 60_000, "{pb}");
    }

    let undone = shop.undo(&decision);
    assert_eq!(
        (&undone["restored"], &undone["changed_back"]),
        (&json!(2), &json!(0)),
        "{undone}"
    );
    assert!(shop.statuses().iter().all(|status| status == "pending"));
    assert!(shop.waiting().is_empty());
    let target = format!("/api/v1/decisions/{decision}/undo");
    let again = shop.scene.admin.post_json(&target, &json!({}));
    assert_eq!(again.json()["error"]["code"], "already_undone");
    let now_ms = shop.scene.admin.get("/api/v1/system").ok()["now_ms"]
        .as_i64()
        .unwrap();
    let period = format!("from_ms={}&to_ms={}", now_ms - 3_600_000, now_ms + 3_600_000);
    let sums = shop.scene.admin.get(&format!("/api/v1/payouts?{period}")).ok();
    assert_eq!(
        (
            &sums["total"]["approved"],
            &sums["total"]["pending"],
            &sums["total"]["rejected"]
        ),
        (&json!(0), &json!(6), &json!(0)),
        "the counters are as before: {sums}"
    );
    assert_eq!(shop.receiver.arrivals().len(), 6, "nobody heard of it");

    // The columns and words are remembered for the offer.
    let again = shop.look(&json!({"offer": offer, "text": TABLE}));
    assert_eq!(again["unknown_words"], json!([]));
    assert_eq!(again["results"]["changed"], 2);
}

#[test]
fn what_was_told_is_taken_back_by_a_new_change_that_is_told_too() {
    let mut shop = Shop::open();
    let filter = json!({"filter": {"offer": shop.scene.offer, "status": "pending"}, "status": "approved"});
    assert_eq!(shop.look(&filter)["postbacks"], 6);
    let ids = json!({"ids": shop.ids[..2], "status": "rejected", "reason": "重複\n注文"});
    let first = shop.decide(&ids);
    let reason = shop
        .scene
        .admin
        .get(&format!("/api/v1/activities/{}", shop.ids[0]))
        .ok();
    assert!(reason.to_string().contains("重複 注文"), "{reason}");
    let left = shop.decide(&filter);
    assert_eq!(
        shop.statuses(),
        [
            "rejected", "rejected", "approved", "approved", "approved", "approved"
        ]
    );

    // One of them is sent at once; another is decided about anew.
    let of_first = |shop: &mut Shop| {
        let waiting = shop.waiting();
        let of = |order: &str| {
            let found = waiting
                .iter()
                .find(|pb| text(&pb["request"]["url"]).contains(order));
            text(&found.unwrap()["id"])
        };
        of("order=A-0&")
    };
    let told = of_first(&mut shop);
    shop.scene
        .admin
        .post_json("/api/v1/postbacks/resend", &json!({"ids": [told]}));
    shop.heard(7);
    eventually("the delivery to be recorded", SOON, || {
        let kept = shop.scene.admin.get(&format!("/api/v1/postbacks/{told}")).ok();
        (kept["postback"]["state"] == "delivered").then_some(())
    });
    let undone = shop.undo(&first);
    assert_eq!(
        (
            &undone["restored"],
            &undone["changed_back"],
            &undone["changed_since"]
        ),
        (&json!(1), &json!(1), &json!(0)),
        "{undone}"
    );
    shop.heard(8);
    let last = shop.receiver.arrivals().pop().unwrap();
    assert_eq!(last.query_value("status").as_deref(), Some("pending"));
    assert_eq!(last.query_value("was").as_deref(), Some("rejected"));
    let change = json!({"ids": [shop.ids[5]], "status": "rejected"});
    shop.scene
        .admin
        .post_json("/api/v1/activities/status", &change)
        .ok();
    let undone = shop.undo(&left);
    assert_eq!(
        (&undone["restored"], &undone["changed_since"]),
        (&json!(3), &json!(1)),
        "{undone}"
    );
    assert_eq!(
        shop.statuses()[5],
        "rejected",
        "what somebody decided since stays"
    );
}

#[test]
fn wrong_requests_decide_nothing() {
    let mut shop = Shop::open();
    let offer = shop.scene.offer.clone();
    for (request, code, field) in [
        (json!({}), "missing_field", "ids"),
        (json!({"ids": shop.ids, "text": "A-1"}), "missing_field", "ids"),
        (json!({"ids": shop.ids}), "missing_field", "status"),
        (
            json!({"text": "A-1", "status": "approved"}),
            "missing_field",
            "offer",
        ),
        (json!({"offer": offer, "text": "A-1"}), "missing_field", "status"),
        (
            json!({"offer": offer, "text": "", "status": "approved"}),
            "empty",
            "text",
        ),
        (
            json!({"offer": offer, "text": "order,status\nA-1,approved\nA-1,rejected\n"}),
            "lines_with_mistakes",
            "text",
        ),
    ] {
        let refused = shop.scene.admin.post_json("/api/v1/decisions", &request).json();
        assert_eq!(
            (&refused["error"]["code"], &refused["error"]["field"]),
            (&json!(code), &json!(field)),
            "{request}: {refused}"
        );
    }
    assert!(shop.statuses().iter().all(|status| status == "pending"));
}
