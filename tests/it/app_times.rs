//! Times that apps name (ahead of ours, in whole seconds, before a return, before the install), our id on a click, and
//! clicks of the sandbox; against the real binary.

use crate::support::app::{ALL, App, IDFA, now_s};
use serde_json::{Value, json};

/// How many activities of a kind count.
fn counted(app: &mut App, kind: &str) -> usize {
    app.applied();
    let target = format!("/api/v1/activities?kind={kind}&verdict=accepted&limit=200");
    app.admin.get(&target).ok()["items"].as_array().unwrap().len()
}

#[test]
fn what_is_sent_again_with_a_time_ahead_of_ours_counts_once() {
    let mut app = App::new(json!({}));
    app.send("session", &format!("idfa={IDFA}")).ok();
    let ahead = now_s() + 200;
    let event = format!("idfa={IDFA}&event_token={}&created_at_unix={ahead}", app.purchase);
    let revenue = format!("idfa={IDFA}&revenue=0.01&currency=USD&created_at_unix={ahead}");
    for _ in 0..3 {
        assert_eq!(app.send("event", &event).ok(), json!({"status": "OK"}));
        assert_eq!(app.send("ad_revenue", &revenue).ok(), json!({"status": "OK"}));
        crate::support::app::next_moment();
    }
    assert_eq!(
        (counted(&mut app, "event"), counted(&mut app, "ad_revenue")),
        (1, 1)
    );
    let kept = app.admin.get("/api/v1/activities?kind=event").ok();
    assert!(
        kept["items"][0]["at_ms"].as_u64().unwrap() <= now_s() * 1000 + 1000,
        "{kept}"
    );
}

#[test]
fn a_time_in_whole_seconds_is_not_earlier_within_its_second() {
    let mut app = App::new(json!({}));
    app.send("session", &format!("idfa={IDFA}")).ok();
    let at = now_s() - 100;
    let event = |created: String| format!("idfa={IDFA}&event_token={}&{created}", app.purchase);
    let precise = event(format!("created_at_unix={at}500"));
    let whole = event(format!("created_at_unix={at}"));
    let iso = jiff::Timestamp::from_second(i64::try_from(at).unwrap()).unwrap();
    let iso = event(format!("created_at={iso}"));
    for _ in 0..2 {
        for sent in [&precise, &whole, &iso] {
            assert_eq!(app.send("event", sent).ok(), json!({"status": "OK"}), "{sent}");
        }
    }
    assert_eq!(
        app.send("event", &event(format!("created_at_unix={at}499")))
            .status,
        400
    );
    assert_eq!(
        app.send("event", &event(format!("created_at_unix={}", at - 1)))
            .status,
        400
    );
    assert_eq!(counted(&mut app, "event"), 3);
}

#[test]
fn every_event_of_a_burst_is_known_again() {
    let mut app = App::new(json!({}));
    app.send("session", &format!("idfa={IDFA}")).ok();
    let at = now_s() - 100;
    for _ in 0..2 {
        for n in 0..40 {
            let event = format!(
                "idfa={IDFA}&event_token={}&created_at_unix={at}&item={n}",
                app.purchase
            );
            assert_eq!(app.send("event", &event).ok(), json!({"status": "OK"}));
        }
    }
    assert_eq!(counted(&mut app, "event"), 40);
}

/// The partners prove their claims.
fn allow_claims(app: &mut App) {
    let partners = app.admin.get("/api/v1/partners").ok();
    for partner in partners["items"].as_array().unwrap() {
        let target = format!("/api/v1/partners/{}", partner["id"].as_str().unwrap());
        let mut partner = app.admin.get(&target).ok();
        partner["trust"] = json!({"mode": "enforced", "allowed_ips": ["127.0.0.0/8"]});
        app.admin.json("PUT", &target, &partner).ok();
    }
}

fn claim(app: &App, link: &str, more: &str) -> Value {
    let answer = app
        .send("claim", &format!("idfa={IDFA}&tracker={link}&{more}"))
        .ok();
    json!([answer["result"], answer["reason"]])
}

#[test]
fn a_claim_of_a_reattribution_keeps_the_rules_of_reattributions() {
    let mut app =
        App::new(json!({"inactivity_h": 1, "impression_window_h": 24, "reattribution_window_h": 1}));
    allow_claims(&mut app);
    let day = 86_400;
    let installed = now_s() - 3 * day;
    app.send("session", &format!("idfa={IDFA}&created_at_unix={installed}"))
        .ok();
    let (one, two) = (app.link.clone(), app.link2.clone());
    assert_eq!(
        claim(&app, &one, &format!("click_time={}", installed - 60)),
        json!(["updated", null])
    );
    let session = now_s() - 2 * 3600;
    app.send("session", &format!("idfa={IDFA}&created_at_unix={session}"))
        .ok();
    // Seen, so that any click would be stronger.
    let target = format!("/i/{two}?s2s=1&user_agent=x&idfa={IDFA}");
    app.server.client().get(&target);
    crate::support::app::next_moment();
    let back = app.send("session", &format!("idfa={IDFA}")).ok();
    assert_eq!(back["message"], "Reattribution tracked");

    let link = json!({"offer": app.token, "partner": app.partner, "network": "Net Three"});
    let three = app.admin.post_json("/api/v1/links", &link).ok()["token"].clone();
    let three = three.as_str().unwrap();
    let recent = format!("click_time={}", now_s() - 60);
    for (link, more, reason) in [
        (one.as_str(), recent.clone(), "same_link"),
        (
            three,
            format!("click_time={}", session - 1),
            "before_last_session",
        ),
        (three, format!("{recent}&rt=0"), "no_reattribution"),
        (
            three,
            format!("impression_time={}", now_s() - 3700),
            "outside_window",
        ),
    ] {
        assert_eq!(claim(&app, link, &more), json!(["refused", reason]), "{more}");
    }
    assert_eq!(claim(&app, three, &recent), json!(["updated", null]));
}

#[test]
fn what_is_dated_before_a_reattribution_or_the_install_is_credited_as_it_was_then() {
    let mut app = App::new(json!({"inactivity_h": 0}));
    app.rule(&["event", "ad_revenue"], &app.url(ALL));
    allow_claims(&mut app);
    let installed = now_s() - 7200;
    app.send("session", &format!("idfa={IDFA}&created_at_unix={installed}"))
        .ok();
    let first = app.link.clone();
    claim(&app, &first, &format!("click_time={}", installed - 60));
    app.click(&app.link2, &format!("idfa={IDFA}"));
    let back = app.send("session", &format!("idfa={IDFA}")).ok();
    assert_eq!(back["message"], "Reattribution tracked");

    let second = app.link2.clone();
    let cases = [
        (installed - 3600, ""),
        (installed - 120, ""),
        (installed - 30, first.as_str()),
        (installed + 60, first.as_str()),
        (now_s(), second.as_str()),
    ];
    for (n, (at, tracker)) in cases.into_iter().enumerate() {
        let event = format!("idfa={IDFA}&event_token={}&created_at_unix={at}", app.purchase);
        app.send("event", &event).ok();
        let told = app.told("event", n);
        let tracker_told = told.query_value("organic").filter(|organic| organic == "1");
        let expected = if tracker.is_empty() {
            Some("1".to_owned())
        } else {
            None
        };
        assert_eq!(tracker_told, expected, "{n}");
        if !tracker.is_empty() {
            assert_eq!(told.query_value("tracker").as_deref(), Some(tracker), "{n}");
        }
    }
    let revenue = format!(
        "idfa={IDFA}&revenue=1&currency=USD&created_at_unix={}",
        installed + 61
    );
    app.send("ad_revenue", &revenue).ok();
    assert_eq!(
        app.told("ad_revenue", 0).query_value("tracker").as_deref(),
        Some(first.as_str())
    );
}

#[test]
fn a_click_that_names_our_id_brings_the_user_back_and_is_erased() {
    let mut app = App::new(json!({"inactivity_h": 0}));
    let install = app.send("session", &format!("idfa={IDFA}")).ok();
    let adid = install["adid"].as_str().unwrap().to_owned();
    let sid = app.click(&app.link, &format!("adid={}&label=bob", adid.to_uppercase()));
    let other = app.click(&app.link2, &format!("adid={adid}&label=alice&rt=0"));
    let back = app.send("session", &format!("idfa={IDFA}")).ok();
    assert_eq!(back["message"], "Reattribution tracked");
    app.send("gdpr_forget_device", &format!("idfa={IDFA}")).ok();
    app.applied();
    for (sid, label) in [(sid, "bob"), (other, "alice")] {
        let trace = app.admin.get(&format!("/api/v1/trace?q={sid}")).text();
        assert!(!trace.contains(&adid) && !trace.contains(label), "{trace}");
    }
}

#[test]
fn a_click_of_the_sandbox_earns_no_install_of_production() {
    let mut app = App::new(json!({"inactivity_h": 0}));
    app.rule(&["install", "reattribution"], &app.url(ALL));
    app.click(&app.link, &format!("idfa={IDFA}&environment=sandbox"));
    app.send("session", &format!("idfa={IDFA}")).ok();
    let told = app.told("install", 0);
    let value = |name| told.query_value(name);
    assert_eq!(
        (value("organic").as_deref(), value("env").as_deref()),
        (Some("1"), Some("production"))
    );
    app.applied();
    let kept = app.admin.get("/api/v1/activities?kind=install").ok();
    let id = kept["items"][0]["id"].as_str().unwrap();
    let trace = app.admin.get(&format!("/api/v1/trace?q={id}")).text();
    assert!(trace.contains("\"sandbox\""), "{trace}");
    // Nor does it bring a user back; a device of the sandbox takes it.
    app.click(&app.link, &format!("idfa={IDFA}&environment=sandbox"));
    let back = app.send("session", &format!("idfa={IDFA}")).ok();
    assert!(
        back["message"].as_str().unwrap().starts_with("Session ignored"),
        "{back}"
    );
    app.send("session", &format!("idfa={IDFA}&environment=sandbox"))
        .ok();
    let told = app.told("install", 1);
    assert_eq!(told.query_value("tracker"), Some(app.link.clone()));
    assert_eq!(told.query_value("env").as_deref(), Some("sandbox"));
}
