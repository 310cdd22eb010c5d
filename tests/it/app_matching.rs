//! Which click an install is credited to when others try to hide it, and when ids come plain and hashed.

use crate::support::app::{ALL, App, IDFA};
use crate::support::scene::BROWSER;
use serde_json::json;

const ANDROID_ID: &str = "9774d56d682e549c";
const ANDROID_ID_MD5: &str = "cf95dc53f383f9a836fd749f3ef439cd";

#[test]
fn a_flood_of_impressions_hides_no_click() {
    // Whoever floods is not refused for it here: the click has to be found all the same.
    let mut app = App::new(json!({"max_engagements": 1_000_000}));
    app.rule(&["install"], &app.url(ALL));
    app.click(&app.link, &format!("idfa={IDFA}"));
    let view = format!("/i/{}?s2s=1&idfa={IDFA}", app.link2);
    let mut client = app.server.client();
    for _ in 0..1_000 {
        client.send("GET", &view, &[("User-Agent", BROWSER)], b"").ok();
    }
    app.send("session", &format!("idfa={IDFA}")).ok();
    assert_eq!(app.told("install", 0).query_value("tracker").unwrap(), app.link);
}

#[test]
fn a_hashed_id_and_the_plain_one_are_one_device() {
    let mut app = App::new(json!({}));
    app.rule(&["install"], &app.url(ALL));
    app.click(&app.link, &format!("android_id={ANDROID_ID}"));
    let by_hash = app
        .send("session", &format!("android_id_md5={ANDROID_ID_MD5}"))
        .ok();
    assert_eq!(app.told("install", 0).query_value("tracker").unwrap(), app.link);
    let plain = app.send("session", &format!("android_id={ANDROID_ID}")).ok();
    assert_eq!(plain["adid"], by_hash["adid"]);
    let event = format!("android_id={ANDROID_ID}&event_token={}", app.purchase);
    app.send("event", &event).ok();

    // The other way round: first the plain one, then its hash.
    let mut other = App::new(json!({}));
    other.rule(&["install"], &other.url(ALL));
    let plain = other.send("session", &format!("android_id={ANDROID_ID}")).ok();
    let by_hash = other
        .send("session", &format!("android_id_md5={ANDROID_ID_MD5}"))
        .ok();
    assert_eq!(plain["adid"], by_hash["adid"]);
    other.told("install", 0);
    other.applied();
    assert_eq!(app.kinds_told(), ["install"]);
    assert_eq!(other.kinds_told(), ["install"]);
}
