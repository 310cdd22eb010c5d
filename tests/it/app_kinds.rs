//! Every kind of activity and every reason of a rejection, each fired exactly when its definition says, end to end.

use crate::support::app::{ALL, App, IDFA, SOON, now_s};
use crate::support::eventually;
use crate::support::receiver::Arrival;
use crate::support::scene::{BROWSER, text};
use serde_json::{Value, json};

fn value(arrival: &Arrival, name: &str) -> String {
    arrival.query_value(name).unwrap_or_default()
}

fn see(app: &App, link: &str, parameters: &str) {
    let target = format!("/i/{link}?s2s=1&user_agent=x&{parameters}");
    let headers = [("User-Agent", BROWSER)];
    app.server.client().send("GET", &target, &headers, b"").ok();
}

fn change_offer(app: &mut App, change: impl FnOnce(&mut Value)) {
    let target = format!("/api/v1/offers/{}", app.token);
    let mut offer = app.admin.get(&target).ok();
    change(&mut offer);
    app.admin.json("PUT", &target, &offer).ok();
}

#[test]
fn every_reason_rejects_an_install_and_leaves_it_organic() {
    let unsigned = |app: &mut App| {
        change_offer(app, |offer| {
            offer["trust"] = json!({"mode": "test", "hmac_secret": "0123456789abcdef"});
        });
    };
    let nothing = |_: &mut App| {};
    let id = format!("idfv={IDFA}");
    let began = format!("{id}&install_begin_time={}", now_s() - 10);
    let from_abroad = format!("{id}&ip_address=198.51.100.7");
    let malformed = format!("{id}&idfa=A1B2");
    type Preparation<'a> = &'a dyn Fn(&mut App);
    let cases: [(&str, Value, Preparation<'_>, &str); 6] = [
        (
            "anonymous_traffic",
            json!({"anonymous_networks": ["198.51.100.0/24"]}),
            &nothing,
            &from_abroad,
        ),
        (
            "distribution_outlier",
            json!({"click_to_install_floor_s": 3600}),
            &nothing,
            &id,
        ),
        ("engagement_injection", json!({}), &nothing, &began),
        ("incorrect_signature", json!({}), &unsigned, &id),
        ("malformed_advertising_id", json!({}), &nothing, &malformed),
        (
            "too_many_engagements",
            json!({"max_engagements": 1}),
            &nothing,
            &id,
        ),
    ];
    for (reason, policy, prepare, session) in cases {
        let mut app = App::new(policy);
        prepare(&mut app);
        app.rule(&["install", "rejected_install"], &app.url(ALL));
        app.click(&app.link, &id);
        if reason == "too_many_engagements" {
            app.click(&app.link, &id);
        }
        let answer = app.send("session", session).ok();
        assert_eq!(answer["message"], "Install tracked", "{reason}");
        let (install, rejected) = (app.told("install", 0), app.told("rejected_install", 0));
        assert_eq!(value(&install, "organic"), "1", "{reason}");
        assert_eq!(
            (value(&rejected, "reason"), value(&rejected, "tracker")),
            (reason.to_owned(), app.link.clone())
        );
        assert_eq!(app.kinds_told(), ["install", "rejected_install"], "{reason}");
    }
}

#[test]
fn a_rejected_return_is_a_session() {
    let mut app = App::new(json!({"inactivity_h": 0, "anonymous_networks": ["198.51.100.0/24"]}));
    app.rule(&[], &app.url(ALL));
    let at = now_s() - 40 * 60;
    app.send("session", &format!("idfa={IDFA}&created_at_unix={at}"))
        .ok();
    app.click(&app.link2, &format!("idfa={IDFA}"));
    let back = app
        .send("session", &format!("idfa={IDFA}&ip_address=198.51.100.7"))
        .ok();
    assert_eq!(back["message"], "Session tracked");
    let (session, rejected) = (app.told("session", 0), app.told("rejected_reattribution", 0));
    assert_eq!(
        (value(&session, "organic"), value(&session, "re")),
        ("1".into(), "0".into())
    );
    assert_eq!(
        (value(&rejected, "reason"), value(&rejected, "tracker")),
        ("anonymous_traffic".into(), app.link2.clone())
    );
    assert_eq!(
        app.kinds_told(),
        ["click", "install", "rejected_reattribution", "session"]
    );
}

#[test]
fn a_click_beats_a_view_and_a_late_claim_of_a_click_moves_a_reattribution() {
    let mut app = App::new(json!({"inactivity_h": 0}));
    app.rule(&[], &app.url(ALL));
    // The view is newer; the click has the credit.
    app.click(&app.link, "idfv=B1B2C3D4-0000-4000-8000-1234567890AB");
    see(&app, &app.link2, "idfv=B1B2C3D4-0000-4000-8000-1234567890AB");
    app.send("session", "idfv=B1B2C3D4-0000-4000-8000-1234567890AB")
        .ok();
    assert_eq!(value(&app.told("install", 0), "tracker"), app.link);

    // A view brings the user back; the network of the other link claims a click before it.
    let at = now_s() - 40 * 60;
    app.send("session", &format!("idfa={IDFA}&created_at_unix={at}"))
        .ok();
    see(&app, &app.link2, &format!("idfa={IDFA}"));
    let back = app.send("session", &format!("idfa={IDFA}")).ok();
    assert_eq!(back["message"], "Reattribution tracked");
    let told = app.told("reattribution", 0);
    assert_eq!(value(&told, "tracker"), app.link2);
    let target = format!("/api/v1/partners/{}", app.partner);
    let mut partner = app.admin.get(&target).ok();
    partner["trust"] = json!({"mode": "enforced", "allowed_ips": ["127.0.0.0/8"]});
    app.admin.json("PUT", &target, &partner).ok();
    let claim = format!("idfa={IDFA}&tracker={}&click_time={}", app.link, now_s() - 60);
    assert_eq!(app.send("claim", &claim).ok()["result"], "updated");
    assert_eq!(app.send("claim", &claim).ok()["result"], "unchanged");
    let told = app.told("reattribution_update", 0);
    assert_eq!(
        (value(&told, "tracker"), value(&told, "out")),
        (app.link.clone(), app.link2.clone())
    );
    assert!(!value(&told, "updated").is_empty());
    // What happens from now on is credited to it.
    app.send("event", &format!("idfa={IDFA}&event_token={}", app.purchase))
        .ok();
    assert_eq!(value(&app.told("event", 0), "tracker"), app.link);
    assert_eq!(
        app.kinds_told(),
        [
            "click",
            "event",
            "impression",
            "impression",
            "install",
            "install",
            "reattribution",
            "reattribution_update",
        ]
    );
}

#[test]
fn a_status_that_changes_is_told_with_the_custom_parameters_of_the_event() {
    let mut app = App::new(json!({}));
    change_offer(&mut app, |offer| {
        offer["events"][0]["approval"] = json!({"mode": "manual"});
    });
    app.rule(
        &["event", "event_update", "install"],
        &app.url("/s?kind={activity_kind}&status={status}&before={outdated_status}"),
    );
    let custom = "callback_params=%7B%22userID%22%3A%22123456%22%7D";
    app.send("session", &format!("idfa={IDFA}&{custom}")).ok();
    app.send(
        "event",
        &format!("idfa={IDFA}&event_token={}&{custom}", app.purchase),
    )
    .ok();
    let told = app.told("event", 0);
    assert_eq!(
        (value(&told, "status"), value(&told, "userID")),
        ("pending".into(), "123456".into())
    );
    assert_eq!(
        app.told("install", 0).query_value("userID"),
        None,
        "an install appends nothing"
    );
    let id = eventually("the event is listed", SOON, || {
        let listed = app.admin.get("/api/v1/activities?kind=event").ok();
        listed["items"][0]["id"].as_str().map(str::to_owned)
    });
    let change = json!({"ids": [id], "status": "approved"});
    assert_eq!(
        app.admin.post_json("/api/v1/activities/status", &change).ok()["changed"],
        1
    );
    let told = app.told("event_update", 0);
    assert_eq!(
        (
            value(&told, "status"),
            value(&told, "before"),
            value(&told, "userID")
        ),
        ("approved".into(), "pending".into(), "123456".into())
    );
}

#[test]
fn a_link_can_have_a_policy_of_its_own() {
    let mut app = App::new(json!({}));
    app.rule(&["install"], &app.url(ALL));
    let target = format!("/api/v1/links/{}", app.link);
    let mut link = app.admin.get(&target).ok();
    // A floor of the offer would concern the other link, too.
    link["attribution"] = json!({"click_to_install_floor_s": 3600});
    app.admin.json("PUT", &target, &link).ok();
    app.click(&app.link2, &format!("idfa={IDFA}"));
    app.click(&app.link, &format!("idfa={IDFA}"));
    app.send("session", &format!("idfa={IDFA}")).ok();
    assert_eq!(value(&app.told("install", 0), "tracker"), app.link2);
    app.applied();
    let listed = app.admin.get("/api/v1/activities?kind=install").ok();
    let trace = app
        .admin
        .get(&format!("/api/v1/trace?q={}", text(&listed["items"][0]["id"])))
        .ok();
    let shown = trace.to_string();
    assert!(
        shown.contains("distribution_outlier"),
        "the trace says why the other lost: {shown}"
    );
}

#[test]
fn a_temporary_credit_falls_back_when_it_ends() {
    let mut app = App::new(json!({}));
    app.rule(&["event"], &app.url(ALL));
    let target = format!("/api/v1/links/{}", app.link);
    let mut link = app.admin.get(&target).ok();
    link["attribution"] = json!({"temporary_credit_h": 1});
    app.admin.json("PUT", &target, &link).ok();
    let target = format!("/api/v1/partners/{}", app.partner);
    let mut partner = app.admin.get(&target).ok();
    partner["trust"] = json!({"mode": "enforced", "allowed_ips": ["127.0.0.0/8"]});
    app.admin.json("PUT", &target, &partner).ok();

    // An install of two hours ago, claimed: its credit ended an hour ago.
    let installed = now_s() - 7200;
    app.send("session", &format!("idfa={IDFA}&created_at_unix={installed}"))
        .ok();
    let claim = format!("idfa={IDFA}&tracker={}&click_time={}", app.link, installed - 60);
    assert_eq!(app.send("claim", &claim).ok()["result"], "updated");
    let event = |app: &App, at: u64| {
        let event = format!("idfa={IDFA}&event_token={}&created_at_unix={at}", app.purchase);
        app.send("event", &event).ok();
    };
    event(&app, installed + 1800);
    assert_eq!(
        value(&app.told("event", 0), "tracker"),
        app.link,
        "what happened while it lasted"
    );
    event(&app, installed + 3600);
    assert_eq!(value(&app.told("event", 1), "organic"), "1", "and afterwards");
    let target = format!("/attribution?app_token={}&idfa={IDFA}", app.token);
    let now = app.server.client().get(&target).ok();
    assert_eq!(now["attribution"]["network"], "Organic");
}

#[test]
fn an_activity_tells_of_the_device_and_of_the_end_of_its_credit() {
    const PIXEL: &str = "Mozilla%2F5.0%20(Linux%3B%20Android%2014%3B%20Pixel%208)%20AppleWebKit%2F537.36%20\
        Chrome%2F120.0.0.0%20Mobile%20Safari%2F537.36";
    let mut app = App::new(json!({"temporary_credit_h": 2, "temporary_to_organic": true}));
    let url = app.url(
        "/d?kind={activity_kind}&ip={ip_address}&ua={user_agent}&os={os_name}&type={device_type}&name={device_name}\
         &ttl={attribution_ttl}&ends={attribution_expires_at}&after={reattribution_fallback_type}\
         &fell={last_fallback_time}&md5={idfa_md5}&begun={install_begin_time}&spent={time_to_uninstall}",
    );
    app.rule(&["install", "event", "uninstall"], &url);
    app.click(
        &app.link,
        &format!("idfa={IDFA}&ip_address=203.0.113.9&os_name=ios"),
    );
    let installed = now_s();
    app.send(
        "session",
        &format!(
            "idfa={IDFA}&created_at_unix={installed}&ip_address=198.51.100.9&user_agent={PIXEL}\
             &install_begin_time={}123",
            installed + 1
        ),
    )
    .ok();
    let told = app.told("install", 0);
    let values = |told: &Arrival, names: &[&str]| names.iter().map(|n| value(told, n)).collect::<Vec<_>>();
    assert_eq!(
        values(&told, &["ip", "os", "type", "name"]),
        ["198.51.100.0", "android", "phone", "Pixel 8"]
    );
    assert!(value(&told, "ua").contains("Pixel 8"));
    assert_eq!(
        values(&told, &["ttl", "ends", "after", "fell", "begun"]),
        [
            "2".to_owned(),
            (installed + 7200).to_string(),
            "organic".to_owned(),
            String::new(),
            (installed + 1).to_string()
        ]
    );
    assert_eq!(value(&told, "md5").len(), 32);
    // A server speaks for the device without saying what it is: the click knows.
    let event = format!("idfa={IDFA}&event_token={}", app.purchase);
    let target = format!("/event?s2s=1&app_token={}&{event}", app.token);
    let server = [("User-Agent", "Server/1")];
    app.server.client().send("POST", &target, &server, b"").ok();
    let told = app.told("event", 0);
    assert_eq!(values(&told, &["ip", "ua", "os"]), ["203.0.113.0", "x", "ios"]);
}

#[test]
fn the_time_to_an_uninstall_counts_from_the_last_return() {
    let mut app = App::new(json!({}));
    let url = app.url("/u?kind={activity_kind}&spent={time_to_uninstall}");
    app.rule(&["uninstall"], &url);
    let first = now_s() - 50_000;
    let open = |app: &App, at: u64| {
        let open = format!("idfv={IDFA}&created_at_unix={at}");
        app.send("session", &open).ok();
    };
    let remove = |app: &App| app.send("uninstall", &format!("idfv={IDFA}")).ok();
    open(&app, first);
    open(&app, first + 10_000);
    remove(&app);
    assert_eq!(value(&app.told("uninstall", 0), "spent"), "10000");
    open(&app, first + 20_000);
    open(&app, first + 25_000);
    remove(&app);
    assert_eq!(value(&app.told("uninstall", 1), "spent"), "5000");
}

#[test]
fn a_bearer_token_of_a_partner_proves_its_claims() {
    let mut app = App::new(json!({}));
    let target = format!("/api/v1/partners/{}", app.partner);
    let new = json!({"name": "net", "scopes": ["claims"]});
    let issued = app.admin.post_json(&format!("{target}/bearer_tokens"), &new).ok();
    let mut partner = app.admin.get(&target).ok();
    partner["trust"]["mode"] = json!("enforced");
    app.admin.json("PUT", &target, &partner).ok();
    app.send("session", &format!("idfa={IDFA}")).ok();
    let claim = |bearer: &str| {
        let claim = format!(
            "/claim?s2s=1&app_token={}&idfa={IDFA}&tracker={}&click_time={}",
            app.token,
            app.link,
            now_s() - 60
        );
        let bearer = format!("Bearer {bearer}");
        let headers = [("Authorization", bearer.as_str())];
        app.server.client().send("POST", &claim, &headers, b"")
    };
    assert_eq!(claim("ybs_guessed").status, 401);
    assert_eq!(claim(&text(&issued["secret"])).ok()["result"], "updated");
}

#[test]
fn what_is_too_large_is_answered_as_the_guide_says() {
    let app = App::new(json!({}));
    let event = |query: &str, body: &[u8]| {
        let target = format!("/event?app_token={}&idfa={IDFA}{query}", app.token);
        let form = [("Content-Type", "application/x-www-form-urlencoded")];
        let answer = app.server.client().send("POST", &target, &form, body);
        (answer.status, answer.json())
    };
    let (status, body) = event("", &vec![b'a'; 64 * 1024 + 1]);
    assert_eq!((status, &body["error"]["code"]), (413, &json!("too_large")));
    let many: String = (0..65).map(|n| format!("&x{n}=1")).collect();
    let (status, body) = event(&many, b"");
    assert_eq!(
        (status, &body["code"]),
        (400, &json!("wrong_event")),
        "what is too much is left out: {body}"
    );
    let long = format!("callback_params={{\"a\":\"{}\"}}", "x".repeat(2048));
    let (status, body) = event("", long.as_bytes());
    assert_eq!(
        (status, &body["field"]),
        (400, &json!("callback_params")),
        "{body}"
    );
    let (status, body) = event(&format!("&x={}", "x".repeat(8 * 1024)), b"");
    assert_eq!((status, &body["error"]["code"]), (414, &json!("target_too_long")));
}

#[test]
fn a_unique_event_of_eight_connections_at_once_is_counted_once() {
    let mut app = App::new(json!({}));
    app.rule(
        &["event", "ad_revenue"],
        &app.url("/e?kind={activity_kind}&order={order_id}"),
    );
    app.send("session", &format!("idfa={IDFA}")).ok();
    // Each says something else, so that none is the repetition of another.
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let app = &app;
        let sends: Vec<_> = (0..8)
            .map(|n| {
                let event = format!("idfa={IDFA}&event_token={}&order_id={n}", app.unique);
                scope.spawn(move || app.send("event", &event).status)
            })
            .collect();
        sends.into_iter().map(|send| send.join().unwrap()).collect()
    });
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        1,
        "{statuses:?}"
    );
    assert_eq!(
        statuses.iter().filter(|status| **status == 400).count(),
        7,
        "{statuses:?}"
    );
    // What was queued before it has been told by the time that a later one is.
    app.send("ad_revenue", &format!("idfa={IDFA}&revenue=1&currency=EUR"))
        .ok();
    app.told("ad_revenue", 0);
    assert_eq!(app.kinds_told(), ["ad_revenue", "event"]);
}

#[test]
fn an_event_knows_the_device_that_the_session_told() {
    let mut app = App::new(json!({}));
    let of_android = format!(
        "equal,{{os_name}},android,{}",
        app.url("/pb?kind={activity_kind}&os={os_version}&limited={tracking_limited}")
    );
    app.rule(&["event"], &of_android);
    let device = "gps_adid=c1b2c3d4-0000-4000-8000-1234567890ab";
    let session = format!("{device}&os_name=android&os_version=14&tracking_enabled=1");
    app.send("session", &session).ok();
    app.send("event", &format!("{device}&event_token={}", app.purchase))
        .ok();
    let told = app.told("event", 0);
    assert_eq!(
        (value(&told, "os"), value(&told, "limited")),
        ("14".to_owned(), "0".to_owned())
    );
}
