//! Stopping offers, partners and links: what visitors get, what counts, and resuming.

use crate::support::eventually;
use crate::support::receiver::Receiver;
use crate::support::scene::{BROWSER, Scene, text};
use crate::support::server::{Server, Setup};
use serde_json::{Value, json};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);

struct Stopping {
    _dir: tempfile::TempDir,
    server: Server,
    receiver: Receiver,
    scene: Scene,
}

impl Stopping {
    fn begin() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = Setup::new(dir.path()).start();
        let receiver = Receiver::start();
        let scene = Scene::build(&server, &receiver);
        Self {
            _dir: dir,
            server,
            receiver,
            scene,
        }
    }

    /// Saves an object with a stop, or without one.
    fn set(&mut self, what: &str, stop: &Value) -> Value {
        let target = match what {
            "offers" => format!("/api/v1/offers/{}", self.scene.offer),
            "partners" => format!("/api/v1/partners/{}", self.scene.partner),
            _ => format!("/api/v1/links/{}", self.scene.link),
        };
        let mut object = self.scene.admin.get(&target).ok();
        object["stop"] = stop.clone();
        self.scene.admin.json("PUT", &target, &object).json()
    }

    /// Status and location of a visitor's click.
    fn visit(&self) -> (u16, String) {
        let target = format!("/c/{}?param1=x", self.scene.link);
        let answer = self
            .server
            .client()
            .send("GET", &target, &[("User-Agent", BROWSER)], b"");
        let location = answer.header("location").unwrap_or_default().to_owned();
        (answer.status, location)
    }

    fn clicks(&mut self) -> i64 {
        let now_ms = self.scene.admin.get("/api/v1/system").ok()["now_ms"]
            .as_i64()
            .unwrap();
        let (from, to) = (now_ms - 3_600_000, now_ms + 3_600_000);
        let target = format!("/api/v1/stats?from_ms={from}&to_ms={to}&group_by=total");
        let total = self.scene.admin.get(&target).ok()["total"].clone();
        // One browser within ten seconds: what is counted again is a repeat.
        total["clicks"].as_i64().unwrap() + total["repeats"].as_i64().unwrap()
    }
}

#[test]
fn visitors_of_a_stopped_partner_reach_the_destination_uncounted_and_earlier_clicks_earn() {
    let mut stopping = Stopping::begin();
    let sid = stopping.scene.click(&stopping.server, "before");
    assert_eq!(stopping.clicks(), 1);
    let saved = stopping.set("partners", &json!({}));
    assert!(saved["stop"]["from_ms"].as_i64().unwrap() > 0, "{saved}");
    assert_eq!(saved["stop"]["visitors"], json!({"show": "destination"}));
    assert_eq!(stopping.visit(), (302, "https://shop.example/lp?x=1".into()));
    let link = stopping.scene.link.clone();
    let s2s = stopping.server.client().get(&format!("/c/{link}?s2s=1")).ok();
    assert_eq!(
        s2s,
        json!({"sid": null, "is_stopped": true, "destination": "https://shop.example/lp?x=1"})
    );
    let impression = stopping.server.client().get(&format!("/i/{link}"));
    assert_eq!(
        (impression.status, impression.header("content-type")),
        (200, Some("image/gif"))
    );
    assert_eq!(stopping.clicks(), 1, "nobody is counted");

    let cv = format!("/cv?sid={sid}&amount=1000&uid1=A-1");
    assert_eq!(stopping.server.client().get(&cv).ok()["result"], "accepted");
    eventually("the partner to be told", SOON, || {
        (stopping.receiver.arrivals().len() == 1).then_some(())
    });

    stopping.set("partners", &Value::Null);
    let (status, location) = stopping.visit();
    assert_eq!(status, 302);
    assert!(location.contains("&sid="), "{location}");
}

#[test]
fn the_highest_stop_decides_and_times_are_kept() {
    let mut stopping = Stopping::begin();
    let now_ms = stopping.scene.admin.get("/api/v1/system").ok()["now_ms"]
        .as_i64()
        .unwrap();
    let page = json!({"visitors": {"show": "page"}});
    stopping.set("links", &page);
    assert_eq!(stopping.visit().0, 404);
    let elsewhere = json!({"visitors": {"show": "fallback", "url": "https://shop.example/ended"}});
    stopping.set("offers", &elsewhere);
    assert_eq!(stopping.visit(), (302, "https://shop.example/ended".into()));
    stopping.set("offers", &json!({"from_ms": now_ms + 86_400_000}));
    assert_eq!(stopping.visit().0, 404, "the offer's stop is to come");
    stopping.set(
        "links",
        &json!({"from_ms": now_ms - 2000, "until_ms": now_ms - 1000}),
    );
    assert!(stopping.visit().1.contains("sid="), "the link's stop is over");

    // What was paused before stops had a choice keeps the page.
    let target = format!("/api/v1/links/{}", stopping.scene.link);
    let mut link = stopping.scene.admin.get(&target).ok();
    (link["state"], link["stop"]) = (json!("paused"), Value::Null);
    stopping.scene.admin.json("PUT", &target, &link).ok();
    assert_eq!(stopping.visit().0, 404);

    let loops = json!({"visitors": {"show": "fallback", "url": format!("https://t.example/c/{}", stopping.scene.link)}});
    let refused = stopping.set("partners", &loops);
    assert_eq!(
        (text(&refused["error"]["code"]), text(&refused["error"]["field"])),
        ("link_loop".to_owned(), "stop.visitors.url".to_owned())
    );
}

#[test]
fn postbacks_of_a_stopped_partner_are_held_when_that_is_chosen() {
    let mut stopping = Stopping::begin();
    let sid = stopping.scene.click(&stopping.server, "before");
    let held = json!({"hold_postbacks": true});
    stopping.set("partners", &held);
    assert_eq!(
        text(&stopping.set("offers", &held)["error"]["code"]),
        "hold_is_for_partners"
    );
    let cv = format!("/cv?sid={sid}&amount=1000&uid1=A-1");
    assert_eq!(stopping.server.client().get(&cv).ok()["result"], "accepted");
    std::thread::sleep(Duration::from_millis(1500));
    assert!(stopping.receiver.arrivals().is_empty(), "it waits");
    let waiting = stopping.scene.list("/api/v1/postbacks?state=waiting");
    assert_eq!(waiting.len(), 1);
    stopping.set("partners", &Value::Null);
    eventually("the partner to be told", Duration::from_secs(60), || {
        (stopping.receiver.arrivals().len() == 1).then_some(())
    });
}
