//! What partners are told when a rule or a link was copied from elsewhere: methods before entries, click ids that
//! are missing, links that lead in a ring, pages of sites named with a star.

use crate::support::eventually;
use crate::support::receiver::Receiver;
use crate::support::scene::{BROWSER, Scene, text};
use crate::support::server::{Server, Setup};
use serde_json::{Value, json};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

fn start() -> (tempfile::TempDir, Server, Receiver) {
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    (dir, server, Receiver::start())
}

/// A click and its conversion; the SID.
fn convert(server: &Server, scene: &Scene, query: &str) -> String {
    let mut client = server.client();
    let target = format!("/c/{}?{query}", scene.link);
    let answer = client.send("GET", &target, &[("User-Agent", BROWSER)], b"");
    let to = answer.header("location").unwrap().to_owned();
    let sid = to.split("sid=").nth(1).unwrap().to_owned();
    assert_eq!(
        client.get(&format!("/cv?sid={sid}&amount=5")).ok()["result"],
        "accepted"
    );
    sid
}

fn rule(scene: &mut Scene, of_rule: &Value) -> Value {
    let mut rule = json!({
        "name": "copied",
        "scope": {"type": "partner", "partner": scene.partner},
        "kinds": ["event"],
    });
    let fields = rule.as_object_mut().unwrap();
    fields.extend(of_rule.as_object().unwrap().clone());
    scene.admin.post_json("/api/v1/rules", &rule).ok()
}

#[test]
fn an_entry_says_its_method_and_its_pairs() {
    let (_dir, server, receiver) = start();
    let mut scene = Scene::build(&server, &receiver);
    let entries = format!(
        "POST,equal,{{activity_kind}},event,{},id={{sid}}&note=a+%22b%22 GET,{}",
        receiver.url("/posted?p={para1}"),
        receiver.url("/gotten?p={para1}")
    );
    rule(&mut scene, &json!({"text": entries}));
    let sid = convert(&server, &scene, "param1=methods");
    let arrivals = eventually("both entries are sent", PATIENCE, || {
        let arrivals = receiver.arrivals();
        let of = |path: &str| arrivals.iter().find(|a| a.target.starts_with(path)).cloned();
        Some((of("/posted")?, of("/gotten")?))
    });
    let (posted, gotten) = arrivals;
    assert_eq!(
        (posted.method.as_str(), posted.target.as_str()),
        ("POST", "/posted?p=methods")
    );
    assert_eq!(posted.header("content-type"), Some("application/json"));
    let body: Value = serde_json::from_slice(&posted.body).unwrap();
    assert_eq!(body, json!({"id": sid, "note": "a \"b\""}));
    assert_eq!(gotten.method, "GET");
}

#[test]
fn without_a_click_id_a_postback_is_listed_and_can_be_sent() {
    let (_dir, server, receiver) = start();
    let mut scene = Scene::build(&server, &receiver);
    rule(&mut scene, &json!({"text": receiver.url("/strict?c=##PARA1##")}));
    rule(
        &mut scene,
        &json!({"text": receiver.url("/lax?c=##PARA1##"), "allow_empty_click_id": true}),
    );
    convert(&server, &scene, "label=none");
    convert(&server, &scene, "param1=%7Bclickid%7D");
    convert(&server, &scene, "param1=%20%20");
    convert(&server, &scene, "param1=real");
    let told = |path: &str| {
        let arrivals = receiver.arrivals();
        let mut of: Vec<String> = arrivals
            .iter()
            .map(|a| a.target.clone())
            .filter(|t| t.starts_with(path))
            .collect();
        of.sort();
        of
    };
    eventually("the lax rule is sent for all four", PATIENCE, || {
        (told("/lax").len() == 4).then_some(())
    });
    eventually("the strict rule is sent for one", PATIENCE, || {
        (!told("/strict").is_empty()).then_some(())
    });
    assert_eq!(told("/strict"), ["/strict?c=real"]);
    let list = format!("/api/v1/postbacks?partner={}&state=failed", scene.partner);
    let failed = scene.list(&list);
    let strict: Vec<&Value> = failed
        .iter()
        .filter(|p| text(&p["request"]["url"]).contains("/strict"))
        .collect();
    assert_eq!(strict.len(), 3, "{failed:?}");
    for postback in &strict {
        assert_eq!(postback["fail_reason"], "no_click_id", "{postback}");
    }
    let ids: Vec<&Value> = strict.iter().map(|p| &p["id"]).collect();
    let answer = scene
        .admin
        .post_json("/api/v1/postbacks/resend", &json!({"ids": ids}));
    assert_eq!(answer.status, 202, "{}", answer.text());
    eventually("they are sent all the same", PATIENCE, || {
        (told("/strict").len() == 4).then_some(())
    });
}

#[test]
fn a_link_that_leads_to_itself_is_refused() {
    let (_dir, server, receiver) = start();
    let mut scene = Scene::build(&server, &receiver);
    let link = |token: &str, to: &str| json!({"token": token, "offer": scene.offer, "network": "x", "destinations": {"default": to}});
    let to = |token: &str| format!("https://t.example.com/c/{token}?param1={{para1}}");
    let itself = link("ring0001", &to("ring0001"));
    let (first, second) = (
        link("ring0002", &to("ring0003")),
        link("ring0003", &to("ring0002")),
    );
    let answer = scene.admin.post_json("/api/v1/links", &itself);
    assert_eq!((answer.status, answer.error_code().as_str()), (400, "leads_back"));
    scene.admin.post_json("/api/v1/links", &first).ok();
    let answer = scene.admin.post_json("/api/v1/links", &second);
    assert_eq!((answer.status, answer.error_code().as_str()), (400, "leads_back"));
    let path = format!("/api/v1/offers/{}", scene.offer);
    let mut offer = scene.admin.get(&path).ok();
    offer["destinations"]["default"] = json!(to(&scene.link));
    let answer = scene.admin.json("PUT", &path, &offer);
    assert_eq!((answer.status, answer.error_code().as_str()), (400, "leads_back"));
}

#[test]
fn pages_of_a_site_named_with_a_star_read_the_answer() {
    let (_dir, server, receiver) = start();
    let mut scene = Scene::build(&server, &receiver);
    let path = format!("/api/v1/offers/{}", scene.offer);
    let mut offer = scene.admin.get(&path).ok();
    offer["sites"] = json!(["https://*.shop.example"]);
    scene.admin.json("PUT", &path, &offer).ok();
    let sid = scene.click(&server, "star");
    for (origin, expected) in [
        ("https://www.shop.example", Some("https://www.shop.example")),
        ("https://shop.example", None),
        ("https://www.evil.example", None),
    ] {
        let mut page = server.client().with_header("Origin", origin);
        let answer = page.get(&format!("/cv?sid={sid}&amount=1&uid1={}", origin.len()));
        assert_eq!(answer.header("access-control-allow-origin"), expected, "{origin}");
    }
}

#[test]
fn callbacks_of_the_click_url_call_listed_hosts_only_whatever_their_method() {
    let (_dir, server, receiver) = start();
    let mut scene = Scene::build(&server, &receiver);
    let port = receiver.address().port();
    let path = format!("/api/v1/partners/{}", scene.partner);
    let mut partner = scene.admin.get(&path).ok();
    partner["callback_hosts"] = json!([format!("localhost:{port}")]);
    scene.admin.json("PUT", &path, &partner).ok();
    let (listed, other) = (
        format!("http://localhost:{port}"),
        format!("http://127.0.0.1:{port}"),
    );
    let callbacks = format!(
        "POST,{listed}/good,kind={{activity_kind}} GET,{listed}/gotten GET,{other}/evil?x=1,2,{listed}/ POST,{other}/evil,a=b&c=,{listed}/"
    );
    let encoded: String = url::form_urlencoded::byte_serialize(callbacks.as_bytes()).collect();
    convert(&server, &scene, &format!("param1=cb&event_callback={encoded}"));
    let posted = eventually("the listed host is called", PATIENCE, || {
        let arrivals = receiver.arrivals();
        arrivals.iter().find(|a| a.target == "/gotten")?;
        arrivals.iter().find(|a| a.target == "/good").cloned()
    });
    assert_eq!(
        (posted.method.as_str(), posted.body.as_slice()),
        ("POST", &br#"{"kind":"event"}"#[..])
    );
    let is_other = |arrival: &crate::support::receiver::Arrival| arrival.target.contains("evil");
    assert!(
        !receiver.arrivals().iter().any(is_other),
        "{:?}",
        receiver.arrivals()
    );
}
