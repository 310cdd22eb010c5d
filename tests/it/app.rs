//! The life of an app, end to end: links, installs, sessions, events, and the callbacks that go with them,
//! against the real binary and a real receiver.

use crate::support::app::{ALL, App, IDFA, SOON, next_moment, now_s};
use crate::support::client::Answer;
use crate::support::eventually;
use crate::support::receiver::Arrival;
use crate::support::scene::text;
use crate::support::server::Setup;
use serde_json::{Value, json};
use std::time::Duration;

#[test]
fn the_life_of_an_app() {
    let mut app = App::new(json!({"inactivity_h": 0}));
    app.rule(&[], &app.url(ALL));
    let value = |arrival: &Arrival, name: &str| arrival.query_value(name).unwrap_or_default();

    let sid = app.click(&app.link, &format!("idfa={}&label=bob", IDFA.to_lowercase()));
    let install = app.send("session", &format!("idfa={IDFA}&os_name=ios")).ok();
    assert_eq!(install["message"], "Install tracked");
    let adid = text(&install["adid"]);
    let told = app.told("install", 0);
    assert_eq!(value(&told, "tracker"), app.link);
    assert_eq!(
        (value(&told, "name").as_str(), value(&told, "match").as_str()),
        ("Net One", "device_tag")
    );
    assert_eq!(
        (value(&told, "idfa").as_str(), value(&told, "label").as_str()),
        (IDFA, "bob")
    );
    assert_eq!(
        (value(&told, "adid"), value(&told, "n"), value(&told, "organic")),
        (adid.clone(), "1".into(), "0".into())
    );
    assert_eq!(
        (value(&told, "env").as_str(), value(&told, "s2s").as_str()),
        ("production", "1")
    );

    let event = app.send(
        "event",
        &format!(
            "adid={adid}&event_token={}&revenue=1.5&currency=USD",
            app.purchase
        ),
    );
    assert_eq!(event.ok(), json!({"status": "OK"}));
    let told = app.told("event", 0);
    assert_eq!(
        (
            value(&told, "revenue"),
            value(&told, "amount"),
            value(&told, "cur")
        ),
        ("150".into(), "1.5".into(), "USD".into())
    );
    assert_eq!(
        (value(&told, "event"), value(&told, "tracker")),
        (app.purchase.clone(), app.link.clone())
    );

    // Too soon, and no engagement: nothing fires.
    next_moment();
    assert!(
        text(&app.send("session", &format!("idfa={IDFA}")).ok()["message"]).starts_with("Session ignored")
    );

    app.click(&app.link2, &format!("idfa={IDFA}"));
    let back = app.send("session", &format!("idfa={IDFA}")).ok();
    assert_eq!(
        (&back["message"], &back["adid"]),
        (&json!("Reattribution tracked"), &json!(adid))
    );
    let told = app.told("reattribution", 0);
    assert_eq!(
        (
            value(&told, "tracker"),
            value(&told, "first"),
            value(&told, "last")
        ),
        (app.link2.clone(), app.link.clone(), app.link.clone())
    );
    assert_eq!((value(&told, "re"), value(&told, "n")), ("1".into(), "2".into()));
    let attribution = app
        .server
        .client()
        .get(&format!("/attribution?app_token={}&adid={adid}", app.token))
        .ok();
    assert_eq!(attribution["attribution"]["tracker_token"], json!(app.link2));

    next_moment();
    app.send("uninstall", &format!("adid={adid}")).ok();
    app.send("uninstall", &format!("adid={adid}")).ok();
    assert!(!value(&app.told("uninstall", 0), "gone").is_empty());
    assert_eq!(
        app.send("session", &format!("idfa={IDFA}")).ok()["message"],
        "Reinstall tracked"
    );
    let told = app.told("reinstall", 0);
    assert_eq!(
        (value(&told, "n"), value(&told, "all"), value(&told, "back")),
        ("1".into(), "3".into(), "0".into())
    );

    next_moment();
    app.send("uninstall", &format!("adid={adid}")).ok();
    app.click(&app.link2, &format!("idfa={IDFA}"));
    assert_eq!(
        app.send("session", &format!("idfa={IDFA}")).ok()["message"],
        "Reattribution reinstall tracked"
    );
    app.told("reattribution_reinstall", 0);
    app.told("uninstall", 1);
    assert_eq!(
        app.kinds_told(),
        [
            "click",
            "click",
            "click",
            "event",
            "install",
            "reattribution",
            "reattribution_reinstall",
            "reinstall",
            "uninstall",
            "uninstall",
        ]
    );
    let trace = app.admin.get(&format!("/api/v1/trace?q={sid}")).ok().to_string();
    assert!(trace.contains("install"), "{trace}");
}

#[test]
fn organic_installs_sessions_and_what_is_ignored() {
    let mut app = App::new(json!({}));
    app.rule(&[], &app.url(ALL));
    let day = 86_400;
    let at = |ago: u64| format!("idfa={IDFA}&created_at_unix={}", now_s() - ago);
    let install = at(40 * day);
    assert_eq!(app.send("session", &install).ok()["message"], "Install tracked");
    assert_eq!(app.send("session", &install).ok()["message"], "Install tracked");
    let session = at(39 * day);
    assert_eq!(app.send("session", &session).ok()["message"], "Session tracked");
    assert_eq!(app.send("session", &session).ok()["message"], "Session tracked");
    assert!(text(&app.send("session", &at(39 * day - 60)).ok()["message"]).starts_with("Session ignored"));
    assert!(text(&app.send("session", &at(40 * day - 60)).ok()["message"]).starts_with("Session ignored"));
    let told = app.told("install", 0);
    assert_eq!(told.query_value("organic").as_deref(), Some("1"));
    assert_eq!(told.query_value("match").as_deref(), Some("organic"));
    app.told("session", 0);
    app.click(&app.link, &format!("idfa={IDFA}&rt=0"));
    assert_eq!(
        app.send("session", &format!("idfa={IDFA}")).ok()["message"],
        "Session tracked"
    );
    app.told("session", 1);
    assert_eq!(app.kinds_told(), ["click", "install", "session", "session"]);
}

#[test]
fn two_installs_at_the_same_instant_are_one() {
    let mut app = App::new(json!({}));
    app.rule(&[], &app.url(ALL));
    let messages: Vec<Value> = std::thread::scope(|scope| {
        let sends: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| app.send("session", &format!("idfa={IDFA}")).ok()["message"].clone()))
            .collect();
        sends.into_iter().map(|send| send.join().unwrap()).collect()
    });
    assert!(messages.contains(&json!("Install tracked")));
    app.told("install", 0);
    // Whatever else was queued would have been sent by the time that a later event is told.
    app.send("event", &format!("idfa={IDFA}&event_token={}", app.purchase))
        .ok();
    app.told("event", 0);
    assert_eq!(app.kinds_told(), ["event", "install"]);
}

#[test]
fn the_examples_of_the_guide() {
    let mut app = App::new(json!({}));
    let (server, name) = (app.receiver.url(""), "Net%20One%3A%3Aspring%3A%3Atea");
    // Parameters, and the same in the path; two URLs in one field.
    app.rule(
        &["install"],
        &format!(
            "{server}/register/?idfa={{idfa}}&timestamp={{created_at}}&source={{tracker_name}} \
             {server}/register/{{tracker_name}}/{{idfa}}/?data={{created_at}}"
        ),
    );
    // By environment, and by environment and device type.
    app.rule(
        &["install"],
        &format!(
            "equal,{{environment}},sandbox,{server}/test?source={{tracker_name}} \
             equal,{{environment}},production,{server}/production?source={{tracker_name}} \
             equal,{{environment}}{{device_type}},sandboxtablet,{server}/testtablet \
             equal,{{environment}}{{device_type}},productiontablet,{server}/productiontablet"
        ),
    );
    // A referral: the inviter's id is the label of the link.
    app.rule(&["install"], &format!("{server}/invited?by={{label}}"));
    app.rule(&["event"], &format!("{server}/reward?by={{label}}"));
    // A purchase: the custom parameters are appended.
    app.rule(&["event"], &format!("{server}/revenue/?tracker={{trackerName}}"));
    // Encoded static values go out as they were written.
    let encoded = "username=Bob%20Unclde&email=bob.uncle%40mail.com&website=http%3A%2F%2Fwww.bobuncle.com";
    app.rule(&["install"], &format!("{server}/registration?{encoded}"));

    app.click(
        &app.link,
        &format!("idfa={IDFA}&label=bob-77&campaign=spring&adgroup=tea"),
    );
    let at = now_s();
    app.send(
        "session",
        &format!("idfa={IDFA}&device_type=tablet&created_at_unix={}", at + 2),
    )
    .ok();
    let event = format!(
        "idfa={IDFA}&event_token={}&callback_params=%7B%22userID%22%3A%22123456%22%7D",
        app.purchase
    );
    app.send("event", &event).ok();
    let mut targets: Vec<String> = app
        .receiver
        .wait_for(8, SOON)
        .into_iter()
        .map(|a| a.target)
        .collect();
    targets.sort();
    let time = targets
        .iter()
        .find_map(|t| t.split("timestamp=").nth(1)?.split('&').next())
        .unwrap()
        .to_owned();
    let mut expected = vec![
        format!("/register/?idfa={IDFA}&timestamp={time}&source={name}"),
        format!("/register/{name}/{IDFA}/?data={time}"),
        format!("/production?source={name}"),
        "/productiontablet".to_owned(),
        "/invited?by=bob-77".to_owned(),
        "/reward?by=bob-77&userID=123456".to_owned(),
        format!("/revenue/?tracker={name}&userID=123456"),
        format!("/registration?{encoded}"),
    ];
    expected.sort();
    assert_eq!(targets, expected);
    assert!(time.parse::<u64>().unwrap().abs_diff(at) <= 5);

    app.receiver.clear();
    app.send(
        "session",
        "gps_adid=c1b2c3d4-0000-4000-8000-1234567890ab&device_type=tablet&environment=sandbox",
    )
    .ok();
    let arrivals = app.receiver.wait_for(6, SOON);
    assert!(arrivals.iter().any(|a| a.target == "/testtablet"));
    assert!(arrivals.iter().any(|a| a.target.starts_with("/test?source=")));
    assert!(!arrivals.iter().any(|a| a.target.starts_with("/production")));

    let unsafe_url = format!(
        "{server}/registration?username=Bob Uncle&email=bob.uncle@mail.com&website=http://www.bobuncle.com"
    );
    let scope = json!({"type": "offer", "offer": app.token});
    let refused = app.admin.post_json(
        "/api/v1/rules",
        &json!({"name": "unsafe", "scope": scope, "kinds": ["install"], "text": unsafe_url}),
    );
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert!(refused.text().contains("%20"), "{}", refused.text());
}

#[test]
fn callbacks_of_the_click_url_and_of_partners() {
    let mut app = App::new(json!({}));
    let scope = json!({"type": "partner", "partner": app.partner});
    let rule =
        json!({"name": "p", "scope": scope, "kinds": ["install"], "text": app.url("/partner?kind=partner")});
    app.admin.post_json("/api/v1/rules", &rule).ok();
    let encode = |text: &str| {
        let named = text.replace("127.0.0.1", "localhost");
        url::form_urlencoded::byte_serialize(named.as_bytes()).collect::<String>()
    };
    let install = encode(&app.url("/install?kind=own_install&id={idfa}"));
    let event = encode(&app.url("/event?kind=own_event&e={event}"));
    let foreign = encode("http://evil.example/x");
    app.click(
        &app.link,
        &format!(
            "idfa={IDFA}&install_callback={install}&event_callback_{}={event}&session_callback={foreign}",
            app.purchase
        ),
    );
    app.send("session", &format!("idfa={IDFA}")).ok();
    assert_eq!(
        app.told("own_install", 0).query_value("id").as_deref(),
        Some(IDFA)
    );
    app.told("partner", 0);
    app.send("event", &format!("idfa={IDFA}&event_token={}", app.purchase))
        .ok();
    assert_eq!(
        app.told("own_event", 0).query_value("e"),
        Some(app.purchase.clone())
    );
    // Nobody is credited: the partner hears nothing.
    app.receiver.clear();
    app.rule(&["install"], &app.url("/global?kind=global"));
    app.send("session", "gps_adid=c1b2c3d4-0000-4000-8000-1234567890ab")
        .ok();
    app.told("global", 0);
    assert_eq!(app.kinds_told(), ["global"]);
}

#[test]
fn the_test_link_shows_what_would_be_sent_and_sends_it_once_for_a_ticket() {
    let mut app = App::new(json!({}));
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let own = encode(
        &app.url("/t?kind={activity_kind}&c={country}")
            .replace("127.0.0.1", "localhost"),
    );
    let foreign = encode("https://elsewhere.example/x");
    let ask = |ticket: &str| {
        let address = format!("/c/cbtest?install_callback={own}&session_callback={foreign}{ticket}");
        app.server.client().get(&address).ok()["callbacks"].clone()
    };
    for stranger in ["", "&ticket=", "&ticket=made-up", "&ticket=a&ticket=b"] {
        assert_eq!(ask(stranger)[0]["result"], "shown", "{stranger}");
    }
    let ticket = app
        .admin
        .post_json("/api/v1/test/callback_tickets", &json!({}))
        .ok();
    let ticket = format!("&ticket={}", text(&ticket["ticket"]));
    let shown = ask(&ticket);
    assert_eq!(
        (&shown[0]["result"], &shown[1]["result"]),
        (&json!("sent"), &json!("host_not_allowed")),
        "{shown}"
    );
    assert_eq!(app.told("install", 0).query_value("c").as_deref(), Some("jp"));
    assert!(text(&shown[0]["url"]).ends_with("/t?kind=install&c=jp"));
    assert_eq!(ask(&ticket)[0]["result"], "shown", "a ticket is good once");
    assert_eq!(app.receiver.count(), 1, "strangers made no call");
}

#[test]
fn a_rejected_engagement_passes_the_credit_on() {
    let mut app = App::new(json!({"max_engagements": 2}));
    app.rule(&["install", "rejected_install"], &app.url(ALL));
    app.click(&app.link2, &format!("idfa={IDFA}"));
    for _ in 0..3 {
        app.click(&app.link, &format!("idfa={IDFA}"));
    }
    app.send("session", &format!("idfa={IDFA}")).ok();
    let (install, rejected) = (app.told("install", 0), app.told("rejected_install", 0));
    assert_eq!(install.query_value("tracker"), Some(app.link2.clone()));
    assert_eq!(rejected.query_value("tracker"), Some(app.link.clone()));
    assert_eq!(
        rejected.query_value("reason").as_deref(),
        Some("too_many_engagements")
    );
}

#[test]
fn an_install_is_matched_by_referrer_hash_or_address() {
    let mut app = App::new(json!({}));
    app.rule(&["install"], &app.url(ALL));
    let android =
        "Mozilla/5.0 (Linux; Android 14; Pixel 7) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36";
    let click = app.server.client().send(
        "GET",
        &format!("/c/{}", app.link),
        &[("User-Agent", android)],
        b"",
    );
    let location = click.header("location").unwrap().to_owned();
    let referrer = location
        .split("referrer=")
        .nth(1)
        .expect("a referrer for the store")
        .to_owned();
    next_moment();
    app.send(
        "session",
        &format!("gps_adid=c1b2c3d4-0000-4000-8000-1234567890ab&referrer={referrer}"),
    )
    .ok();
    assert_eq!(
        app.told("install", 0).query_value("match").as_deref(),
        Some("reftag")
    );

    // MD5 of the id in upper case.
    let hash = "4a9bbd2ec8e5b5b4b5e0ba5c7c7a4b6a";
    app.click(&app.link, &format!("android_id_upper_md5={hash}"));
    app.send(
        "session",
        &format!("android_id_upper_md5={}", hash.to_uppercase()),
    )
    .ok();
    assert_eq!(
        app.told("install", 1).query_value("match").as_deref(),
        Some("device_tag")
    );

    app.click(&app.link, "ip_address=192.0.2.77&os_name=ios&device_name=iPhone");
    app.send(
        "session",
        &format!("idfv={IDFA}&ip_address=192.0.2.77&os_name=ios&device_name=iPhone14,5"),
    )
    .ok();
    assert_eq!(
        app.told("install", 2).query_value("match").as_deref(),
        Some("probabilistic")
    );
}

#[test]
fn a_claim_changes_the_credit_once_and_only_when_proved() {
    let mut app = App::new(json!({}));
    app.rule(&["install", "install_update"], &app.url(ALL));
    app.send("session", &format!("idfa={IDFA}")).ok();
    app.told("install", 0);
    let claim = format!(
        "idfa={IDFA}&tracker={}&engagement_time={}&label=late",
        app.link,
        now_s() - 60
    );
    let refused = app.send("claim", &claim);
    assert_eq!(
        (refused.status, refused.json()["code"].as_str()),
        (401, Some("bad_token"))
    );
    let mut partner = app.admin.get(&format!("/api/v1/partners/{}", app.partner)).ok();
    partner["trust"] = json!({"mode": "enforced", "allowed_ips": ["127.0.0.0/8"]});
    app.admin
        .json("PUT", &format!("/api/v1/partners/{}", app.partner), &partner)
        .ok();
    assert_eq!(app.send("claim", &claim).ok()["result"], "updated");
    assert_eq!(app.send("claim", &claim).ok()["result"], "unchanged");
    let told = app.told("install_update", 0);
    assert_eq!(
        (told.query_value("tracker"), told.query_value("out")),
        (Some(app.link.clone()), Some(String::new()))
    );
    assert_eq!(told.query_value("label").as_deref(), Some("late"));
    assert!(!told.query_value("updated").unwrap().is_empty());
    assert_eq!(app.kinds_told(), ["install", "install_update"]);

    app.rule(&["cost_update"], &app.url(ALL));
    app.click(&app.link, "cost_id=cost-0123456789");
    let cost = "/cost?cost_id=cost-0123456789&cost_type=cpc&cost_amount=0.35&cost_currency=usd";
    assert_eq!(app.server.client().get(cost).ok(), json!({"status": "OK"}));
    assert_eq!(app.server.client().get(cost).ok(), json!({"status": "OK"}));
    assert_eq!(
        app.told("cost_update", 0).query_value("cost").as_deref(),
        Some("0.35")
    );
    assert_eq!(
        app.server.client().get(&cost.replace("0.35", "0.1234567")).status,
        400
    );
    assert_eq!(
        app.server
            .client()
            .get(&cost.replace("cost-0123456789", "cost-unknown1"))
            .status,
        404
    );
}

#[test]
fn a_forgotten_device_is_told_once_and_then_refused() {
    let mut app = App::new(json!({}));
    app.rule(&["install", "event", "gdpr_forget_device"], &app.url(ALL));
    let adid = text(&app.send("session", &format!("idfa={IDFA}")).ok()["adid"]);
    app.told("install", 0);
    app.send("gdpr_forget_device", &format!("idfa={IDFA}")).ok();
    app.send("gdpr_forget_device", &format!("idfa={IDFA}")).ok();
    assert_eq!(
        app.told("gdpr_forget_device", 0).query_value("adid"),
        Some(adid.clone())
    );
    for target in [format!("idfa={IDFA}"), format!("adid={adid}")] {
        assert_eq!(app.send("session", &target).status, 451);
        assert_eq!(
            app.send("event", &format!("{target}&event_token={}", app.purchase))
                .status,
            451
        );
    }
    app.applied();
    let kept = app.admin.get("/api/v1/activities").ok().to_string();
    assert!(!kept.contains(IDFA) && !kept.contains(&adid), "{kept}");
    assert_eq!(app.kinds_told(), ["gdpr_forget_device", "install"]);
}

#[test]
fn events_are_counted_once_in_order() {
    let mut app = App::new(json!({}));
    app.rule(&["event", "ad_revenue"], &app.url(ALL));
    app.send("session", &format!("idfa={IDFA}")).ok();
    let event = |token: &str, ago: u64, more: &str| {
        app.send(
            "event",
            &format!(
                "idfa={IDFA}&event_token={token}&created_at_unix={}{more}",
                now_s() / 100 * 100 - ago
            ),
        )
    };
    let error = |answer: Answer| (answer.status, text(&answer.json()["error"]));
    assert_eq!(event(&app.purchase, 1000, "").ok(), json!({"status": "OK"}));
    assert_eq!(event(&app.purchase, 1000, "").ok(), json!({"status": "OK"}));
    assert_eq!(
        event(&app.purchase, 1000, "&order_id=2").ok(),
        json!({"status": "OK"})
    );
    assert_eq!(
        error(event(&app.purchase, 2000, "")),
        (400, "Event request failed (Bad event state)".into())
    );
    assert_eq!(
        error(event(&app.purchase, 59 * 86_400, "")),
        (400, "Event request failed (Bad event state)".into())
    );
    event(&app.unique, 900, "").ok();
    event(&app.unique, 900, "").ok();
    let again = error(event(&app.unique, 800, ""));
    assert_eq!(
        again,
        (
            400,
            "Event request failed (Ignoring event, earlier unique event tracked)".into()
        )
    );
    let ad = format!(
        "idfa={IDFA}&revenue=0.02&currency=EUR&source=publisher&ad_impressions_count=4&created_at_unix={}",
        now_s() - 50
    );
    app.send("ad_revenue", &ad).ok();
    app.send("ad_revenue", &ad).ok();
    assert_eq!(
        app.told("ad_revenue", 0).query_value("revenue").as_deref(),
        Some("2")
    );
    app.told("event", 2);
    assert_eq!(app.kinds_told(), ["ad_revenue", "event", "event", "event"]);

    let key = [("Idempotency-Key", "k-1")];
    let target = format!(
        "/event?s2s=1&app_token={}&idfa={IDFA}&event_token={}",
        app.token, app.purchase
    );
    let first = app.server.client().send("POST", &target, &key, b"").ok();
    assert_eq!(app.server.client().send("POST", &target, &key, b"").ok(), first);
    app.told("event", 3);
    // Nobody vouches for this caller, so nobody knows whose key it is: another body is an event of its own.
    app.server.client().send("POST", &target, &key, b"a=1").ok();
    app.told("event", 4);
}

#[test]
fn bad_input_is_answered_and_kept() {
    let mut app = App::new(json!({}));
    app.rule(&[], &app.url(ALL));
    app.send("session", &format!("idfa={IDFA}")).ok();
    let event = format!("event_token={}", app.purchase);
    let cases: Vec<(&str, String, u16, &str)> = vec![
        (
            "session",
            "idfa=00000000-0000-0000-0000-000000000000".into(),
            400,
            "Session request failed (Bad event state)",
        ),
        (
            "session",
            "idfa=A1B2".into(),
            400,
            "Session request failed (Bad event state)",
        ),
        (
            "session",
            format!("idfa={IDFA}&created_at_unix=soon"),
            400,
            "Session request failed (Bad event state)",
        ),
        (
            "session",
            format!("idfa={IDFA}&created_at=yesterday"),
            400,
            "Session request failed (Bad event state)",
        ),
        (
            "session",
            format!("idfa={IDFA}&created_at_unix={}", now_s() + 4000),
            400,
            "Session request failed (Bad event state)",
        ),
        (
            "session",
            "adid=00112233445566778899aabbccddeeff".into(),
            404,
            "Session request failed (Device not found)",
        ),
        (
            "event",
            format!("idfa={IDFA}&event_token=nosuch"),
            400,
            "Event request failed (Invalid event token)",
        ),
        (
            "event",
            format!("idfv={IDFA}&{event}"),
            404,
            "Event request failed (Device not found)",
        ),
        (
            "event",
            format!("idfa={IDFA}&{event}&callback_params=%5B%5D"),
            400,
            "Event request failed (Invalid callback parameters)",
        ),
        (
            "event",
            format!("idfa={IDFA}&{event}&revenue=5"),
            400,
            "Event request failed (Invalid revenue)",
        ),
        (
            "event",
            format!("idfa={IDFA}&{event}&revenue=5&currency=ZZZ"),
            400,
            "Event request failed (Invalid revenue)",
        ),
        (
            "event",
            format!("idfa={IDFA}&{event}&revenue=-1&currency=EUR"),
            400,
            "Event request failed (Invalid revenue)",
        ),
    ];
    for (path, parameters, status, error) in &cases {
        let answer = app.send(path, parameters);
        assert_eq!(
            (answer.status, answer.json()["error"].as_str()),
            (*status, Some(*error)),
            "{parameters}"
        );
        assert!(
            answer.json()["message"].as_str().is_some_and(|m| m.len() > 10),
            "{}",
            answer.text()
        );
    }
    let unknown = app
        .server
        .client()
        .get(&format!("/event?app_token=nosuchapp123&idfa={IDFA}&{event}"));
    assert_eq!(
        (unknown.status, unknown.json()["error"].as_str()),
        (404, Some("Event request failed (App token not found)"))
    );
    let invalid = app
        .server
        .client()
        .get("/ad_revenue?app_token=A&idfa=x&revenue=1&currency=EUR");
    assert_eq!(
        invalid.json()["error"],
        "Ad revenue request failed (Invalid app token) (app_token: A)"
    );
    let large = app
        .server
        .client()
        .send("POST", "/event", &[], &vec![b'a'; 1 << 20]);
    assert_eq!(large.status, 413);
    app.applied();
    let kept = app.admin.get("/api/v1/activities?verdict=refused").ok();
    assert!(kept["items"].as_array().unwrap().len() >= cases.len(), "{kept}");
    app.told("install", 0);
    assert_eq!(app.kinds_told(), ["install"]);
}

#[test]
fn tokens_with_scopes() {
    let mut app = App::new(json!({}));
    let secret = {
        let made = app.admin.post_json(
            &format!("/api/v1/offers/{}/bearer_tokens", app.token),
            &json!({"name": "server", "scopes": ["sessions"]}),
        );
        text(&made.ok()["secret"])
    };
    let mut offer = app.admin.get(&format!("/api/v1/offers/{}", app.token)).ok();
    offer["trust"]["mode"] = json!("enforced");
    app.admin
        .json("PUT", &format!("/api/v1/offers/{}", app.token), &offer)
        .ok();
    let target = |path: &str| {
        format!(
            "/{path}?s2s=1&app_token={}&idfa={IDFA}&event_token={}",
            app.token, app.purchase
        )
    };
    let bearer = format!("Bearer {secret}");
    let headers = [("Authorization", bearer.as_str())];
    let none = app.server.client().get(&target("session"));
    assert_eq!(
        (none.status, none.json()["error"].as_str()),
        (401, Some("Session request failed (Failed to authorize request)"))
    );
    assert_eq!(
        app.server
            .client()
            .send("GET", &target("session"), &headers, b"")
            .status,
        200
    );
    assert_eq!(
        app.server
            .client()
            .send("GET", &target("event"), &headers, b"")
            .status,
        401
    );
}

/// Postbacks that Apple publishes as examples, with its genuine signatures.
pub const SKAN: &str = r#"{"version":"4.0","ad-network-id":"com.example","source-identifier":"39","app-id":525463029,"transaction-id":"6aafb7a5-0170-41b5-bbe4-fe71dedf1e31","redownload":false,"source-domain":"example.com","fidelity-type":1,"did-win":true,"coarse-conversion-value":"high","postback-sequence-index":0,"attribution-signature":"MEUCIQD4rX6eh38qEhuUKHdap345UbmlzA7KEZ1bhWZuYM8MJwIgMnyiiZe6heabDkGwOaKBYrUXQhKtF3P/ERHqkR/XpuA="}"#;

#[test]
fn apples_postbacks_are_verified_and_told_once() {
    let mut app = App::new(json!({}));
    let mut offer = app.admin.get(&format!("/api/v1/offers/{}", app.token)).ok();
    offer["app_id"] = json!("525463029");
    app.admin
        .json("PUT", &format!("/api/v1/offers/{}", app.token), &offer)
        .ok();
    app.rule(
        &["sk_install"],
        &app.url("/sk?kind={activity_kind}&net={sk_network_id}&win={sk_did_win}&src={sk_source_identifier}&coarse={sk_coarse_conversion_value}&bad={sk_invalid_signature}"),
    );
    let path = "/.well-known/skadnetwork/report-attribution/";
    let send = |body: &str| {
        app.server.client().send(
            "POST",
            path,
            &[("Content-Type", "application/json")],
            body.as_bytes(),
        )
    };
    assert_eq!(send(SKAN).ok()["result"], "accepted");
    assert_eq!(send(SKAN).ok()["result"], "duplicate");
    let told = app.told("sk_install", 0);
    for (name, value) in [
        ("net", "com.example"),
        ("win", "1"),
        ("src", "39"),
        ("coarse", "high"),
        ("bad", "0"),
    ] {
        assert_eq!(told.query_value(name).as_deref(), Some(value), "{name}");
    }
    let forged = send(&SKAN.replace("\"39\"", "\"40\"")).ok();
    assert_eq!(
        (&forged["result"], &forged["reason"]),
        (&json!("refused"), &json!("invalid_apple_signature"))
    );
    assert_eq!(send("{").status, 400);
    app.applied();
    let kept = app
        .admin
        .get("/api/v1/activities?verdict=refused")
        .ok()
        .to_string();
    assert!(kept.contains("invalid_apple_signature"), "{kept}");
    assert_eq!(app.kinds_told(), ["sk_install"]);
}

#[test]
fn installs_survive_a_kill_and_are_counted_once() {
    let mut app = App::new(json!({}));
    app.rule(
        &["install"],
        &app.url("/i?kind={activity_kind}&adid={adid}&id={activity_id}"),
    );
    let App {
        server,
        receiver,
        token,
        dir,
        ..
    } = app;
    let at = now_s();
    let target = |n: u32| {
        format!("/session?s2s=1&app_token={token}&idfv=B1B2C3D4-0000-4000-8000-{n:012}&created_at_unix={at}")
    };
    let acknowledged = std::sync::Mutex::new(std::collections::BTreeMap::new());
    std::thread::scope(|scope| {
        for lane in 0..4 {
            let (mut client, target, acknowledged) = (server.client(), &target, &acknowledged);
            scope.spawn(move || {
                for n in 1..100_000 {
                    let number = lane * 100_000 + n;
                    let Ok(answer) = client.try_send("POST", &target(number), &[], b"") else {
                        return;
                    };
                    if answer.status == 200 {
                        acknowledged
                            .lock()
                            .unwrap()
                            .insert(number, text(&answer.json()["adid"]));
                    }
                }
            });
        }
        eventually("some installs", SOON, || {
            (acknowledged.lock().unwrap().len() > 200).then_some(())
        });
        server.signal("KILL");
    });
    let acknowledged = acknowledged.into_inner().unwrap();
    drop(server);
    let server = Setup::new(dir.path()).start();
    // Clients repeat what they sent last; none of it is a second install.
    for (number, adid) in acknowledged.iter().rev().take(50) {
        let again = server.client().send("POST", &target(*number), &[], b"").ok();
        assert_eq!(
            (&again["adid"], &again["message"]),
            (&json!(adid), &json!("Install tracked"))
        );
    }
    let told = eventually(
        "every install that was acknowledged is told",
        Duration::from_secs(60),
        || {
            let mut told = std::collections::BTreeMap::<String, std::collections::BTreeSet<String>>::new();
            for arrival in receiver.arrivals() {
                let value = |name| arrival.query_value(name).unwrap_or_default();
                told.entry(value("adid")).or_default().insert(value("id"));
            }
            acknowledged
                .values()
                .all(|adid| told.contains_key(adid))
                .then_some(told)
        },
    );
    assert!(
        told.values().all(|ids| ids.len() == 1),
        "an install was counted twice: {told:?}"
    );
}
