//! Trying out a set-up: a test click that names the one rule it may fire reaches the built-in receiver and nobody
//! else.

use crate::support::eventually;
use crate::support::receiver::Receiver;
use crate::support::scene::{Scene, text};
use crate::support::server::Setup;
use serde_json::json;
use std::time::Duration;

#[test]
fn a_test_that_names_its_rule_calls_no_partner() {
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    let partner = Receiver::start();
    let mut scene = Scene::build(&server, &partner);
    let of_clicks = json!({
        "name": "clicks",
        "scope": {"type": "partner", "partner": scene.partner},
        "kinds": ["click"],
        "text": partner.url("/click?sid={sid}"),
    });
    scene.admin.post_json("/api/v1/rules", &of_clicks).ok();
    let echo = text(&scene.admin.get("/api/v1/test/echo").ok()["address"]);
    let rule = json!({
        "name": "test",
        "scope": {"type": "offer", "offer": scene.offer},
        "kinds": ["event"],
        "text": format!("{echo}/test?sid={{sid}}"),
    });
    let rule = scene.admin.post_json("/api/v1/rules", &rule).ok();
    let mut convert = |click: serde_json::Value| {
        let click = scene.admin.post_json("/api/v1/test/click", &click).ok();
        let sid = text(&click["id"]);
        let conversion = scene
            .admin
            .post_json("/api/v1/test/conversion", &json!({"sid": sid}));
        assert_eq!(conversion.ok()["result"], "accepted");
        eventually("the receiver is told", Duration::from_secs(60), || {
            let arrivals = scene.admin.get("/api/v1/test/echo").ok();
            let items = arrivals["items"].as_array().unwrap();
            items
                .iter()
                .any(|a| text(&a["target"]).contains(&sid))
                .then_some(())
        });
    };
    convert(json!({"link": scene.link, "only_rule": rule["id"]}));
    assert_eq!(partner.count(), 0, "{:?}", partner.arrivals());
    // Without it the partner hears of the click and of the conversion.
    convert(json!({"link": scene.link, "query": "param1=CLICK-1"}));
    partner.wait_for(2, Duration::from_secs(60));
}
