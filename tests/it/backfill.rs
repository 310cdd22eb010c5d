//! A rule sent over what came before it: the look, the job, nothing twice, and cancelling.

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
}

impl Shop {
    /// Without any rule.
    fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = Setup::new(dir.path()).start();
        let receiver = Receiver::start();
        let event = json!({"approval": {"mode": "manual"}});
        let mut scene = Scene::with(&server, json!({}), event, &receiver.url("/old?o={content_uid1}"));
        let gone = scene
            .admin
            .send("DELETE", &format!("/api/v1/rules/{}", scene.rule), &[], b"");
        assert_eq!(gone.status, 204, "{}", gone.text());
        Self {
            _dir: dir,
            server,
            receiver,
            scene,
        }
    }

    fn sale(&mut self, sid: &str, order: &str) -> String {
        let target = format!("/cv?sid={sid}&amount=1000&uid1={order}");
        text(&self.server.client().get(&target).ok()["activity_id"])
    }

    fn decide(&mut self, id: &str, status: &str) {
        let request = json!({"ids": [id], "status": status});
        let done = self.scene.admin.post_json("/api/v1/activities/status", &request);
        assert_eq!(done.status, 200, "{}", done.text());
    }

    fn rule(&mut self, statuses: &[&str], more: Value) -> Value {
        let mut rule = json!({
            "name": "new",
            "scope": {"type": "partner", "partner": self.scene.partner},
            "kinds": ["event", "event_update"],
            "statuses": statuses,
            "text": self.receiver.url("/new?order={content_uid1}&status={status}"),
        });
        if let (Some(rule), Value::Object(more)) = (rule.as_object_mut(), more) {
            rule.extend(more);
        }
        self.scene.admin.post_json("/api/v1/rules", &rule).ok()
    }

    fn look(&mut self, rule: &Value) -> Value {
        let target = format!("/api/v1/rules/{}/backfill/look", text(&rule["id"]));
        let request = json!({"from_ms": 0, "updated_at_ms": rule["updated_at_ms"]});
        self.scene.admin.post_json(&target, &request).ok()
    }

    /// Begins the job; gives where its progress is read.
    fn begin(&mut self, rule: &Value) -> String {
        let target = format!("/api/v1/rules/{}/backfill", text(&rule["id"]));
        let request = json!({"from_ms": 0, "updated_at_ms": rule["updated_at_ms"]});
        let begun = self.scene.admin.post_json(&target, &request);
        assert_eq!(begun.status, 202, "{}", begun.text());
        format!("/api/v1/jobs/{}", text(&begun.json()["id"]))
    }

    fn ended(&mut self, job: &str) -> Value {
        eventually("the end of the job", SOON, || {
            let job = self.scene.admin.get(job).ok();
            (job["state"] != "running").then_some(job)
        })
    }

    fn heard(&self) -> Vec<(String, String)> {
        let mut heard: Vec<(String, String)> = self
            .receiver
            .arrivals()
            .iter()
            .map(|arrival| {
                let of = |name: &str| arrival.query_value(name).unwrap_or_default();
                (of("order"), of("status"))
            })
            .collect();
        heard.sort();
        heard
    }
}

#[test]
fn a_new_rule_is_sent_over_the_past_once_and_tells_nothing_that_is_no_longer_true() {
    let mut shop = Shop::open();
    let sid = shop.scene.click(&shop.server, "c1");
    let approved = shop.sale(&sid, "A-1");
    let taken_back = shop.sale(&sid, "A-2");
    shop.sale(&sid, "A-3");
    shop.decide(&approved, "approved");
    shop.decide(&taken_back, "approved");
    shop.decide(&taken_back, "rejected");
    let rule = shop.rule(&["approved"], json!({}));
    let look = shop.look(&rule);
    assert_eq!(look["requests"], 1, "{look}");
    assert_eq!(look["results"]["queued"], 1, "{look}");
    assert_eq!(look["results"]["rejected_since"], 1, "{look}");
    let shown = text(&look["samples"][0]["urls"][0]);
    assert!(shown.ends_with("/new?order=A-1&status=approved"), "{shown}");
    assert_eq!(shop.receiver.arrivals().len(), 0, "a look sends nothing");

    let job = shop.begin(&rule);
    assert_eq!(shop.ended(&job)["state"], "done");
    shop.receiver.wait_for(1, SOON);
    assert_eq!(shop.heard(), [("A-1".into(), "approved".into())]);

    let again = shop.look(&rule);
    assert_eq!(again["results"]["already_sent"], 1, "{again}");
    assert_eq!(again["results"].get("queued"), None, "{again}");
    let job = shop.begin(&rule);
    let ended = shop.ended(&job);
    assert_eq!((&ended["state"], &ended["total"]), (&json!("done"), &json!(0)));

    // A later conversion is told by the rule itself, and the back-fill leaves it, too.
    let next = shop.sale(&sid, "A-4");
    shop.decide(&next, "approved");
    shop.receiver.wait_for(2, SOON);
    let look = shop.look(&rule);
    assert_eq!(look["results"]["already_sent"], 2, "{look}");
}

#[test]
fn a_rule_for_every_status_is_told_them_in_order_and_age_needs_and_tests_are_as_always() {
    let mut shop = Shop::open();
    let sid = shop.scene.click(&shop.server, "c1");
    let sale = shop.sale(&sid, "A-1");
    shop.decide(&sale, "approved");
    let needy = shop.rule(&[], json!({"needs": ["{email_sha256}"]}));
    let look = shop.look(&needy);
    assert_eq!(look["results"], json!({"no_identifier": 2}), "{look}");
    let rule = shop.rule(&[], json!({}));
    let job = shop.begin(&rule);
    assert_eq!(shop.ended(&job)["state"], "done");
    let arrivals = shop.receiver.wait_for(2, SOON);
    let statuses: Vec<_> = arrivals.iter().map(|a| a.query_value("status")).collect();
    assert_eq!(statuses, [Some("pending".into()), Some("approved".into())]);
    let trace = shop.scene.admin.get(&format!("/api/v1/activities/{sale}")).ok();
    let by_rule = trace["rules"].as_array().unwrap().iter();
    let told = by_rule.filter(|outcome| outcome["postback"].is_string());
    assert_eq!(
        told.count(),
        1,
        "the activity shows what was sent for it: {trace}"
    );
}

#[test]
fn what_was_looked_at_is_what_is_sent() {
    let mut shop = Shop::open();
    let rule = shop.rule(&[], json!({}));
    let target = format!("/api/v1/rules/{}", text(&rule["id"]));
    let mut changed = rule.clone();
    changed["name"] = json!("renamed");
    let changed = shop.scene.admin.json("PUT", &target, &changed).ok();
    let request = json!({"from_ms": 0, "updated_at_ms": rule["updated_at_ms"]});
    let refused = shop
        .scene
        .admin
        .post_json(&format!("{target}/backfill"), &request);
    assert_eq!(refused.error_code(), "rule_changed");
    let mut off = changed.clone();
    off["enabled"] = json!(false);
    let off = shop.scene.admin.json("PUT", &target, &off).ok();
    let request = json!({"from_ms": 0, "updated_at_ms": off["updated_at_ms"]});
    let refused = shop
        .scene
        .admin
        .post_json(&format!("{target}/backfill/look"), &request);
    assert_eq!(refused.error_code(), "rule_is_off");
}

#[test]
fn a_job_keeps_pace_with_the_receiver_and_gives_up_what_waits_when_it_is_cancelled() {
    const SALES: usize = 540;
    let mut shop = Shop::open();
    for click in 0..SALES / 18 {
        let sid = shop.scene.click(&shop.server, &format!("c{click}"));
        for sale in 0..18 {
            shop.sale(&sid, &format!("A-{click}-{sale}"));
        }
    }
    shop.scene
        .admin
        .post_json("/api/v1/delivery/pause", &json!({}))
        .ok();
    let rule = shop.rule(&["pending"], json!({}));
    let job = shop.begin(&rule);
    let queued = eventually("as many as there is room for", SOON, || {
        let now = shop.scene.admin.get(&job).ok();
        let queued = now["results"]["queued"].as_u64().unwrap_or_default();
        (queued >= 500).then_some(queued)
    });
    assert!(queued < SALES as u64, "{queued}");
    let cancelled = shop.scene.admin.post_json(&format!("{job}/cancel"), &json!({}));
    assert_eq!(cancelled.status, 200, "{}", cancelled.text());
    let ended = shop.ended(&job);
    assert_eq!(ended["state"], "cancelled", "{ended}");
    assert_eq!(
        ended["results"]["given_up"], ended["results"]["queued"],
        "{ended}"
    );
    let look = shop.look(&rule);
    assert_eq!(
        look["results"]["queued"], SALES,
        "nobody heard of any: they can be sent again"
    );
    assert_eq!(shop.receiver.arrivals().len(), 0);
}
