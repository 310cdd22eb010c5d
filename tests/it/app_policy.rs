//! What is kept apart, bounded, limited and erased of apps, end to end against the real binary.

use crate::support::app::{ALL, App, IDFA, SOON, now_s};
use crate::support::eventually;
use crate::support::receiver::{Behaviour, Receiver};
use crate::support::scene::text;
use serde_json::{Value, json};
use std::time::Duration;

/// The totals of the last day in an environment; `None`: whatever the server takes for granted.
fn totals(app: &mut App, environment: Option<&str>) -> Value {
    app.applied();
    let (from, to) = ((now_s() - 86_400) * 1000, (now_s() + 900) * 1000);
    let environment = environment.map_or_else(String::new, |e| format!("&environment={e}"));
    let target = format!("/api/v1/stats?group_by=total&from_ms={from}&to_ms={to}{environment}");
    app.admin.get(&target).ok()["total"].clone()
}

#[test]
fn the_sandbox_is_counted_apart() {
    let mut app = App::new(json!({}));
    app.click(&app.link, &format!("idfa={IDFA}&environment=sandbox"));
    app.click(&app.link, &format!("idfa={IDFA}"));
    app.click(&app.link, "idfa=B1B2C3D4-0000-4000-8000-1234567890AB");
    let purchase = app.purchase.clone();
    for (environment, revenue) in [("sandbox", "2.5"), ("production", "40")] {
        app.send("session", &format!("idfa={IDFA}&environment={environment}"))
            .ok();
        let event = format!(
            "idfa={IDFA}&environment={environment}&event_token={purchase}&revenue={revenue}&currency=USD"
        );
        app.send("event", &event).ok();
        assert_eq!(app.send("event", &format!("{event}x")).status, 400);
    }
    // Organic, and of the sandbox only.
    app.send("session", &format!("idfv={IDFA}&environment=sandbox"))
        .ok();

    let production = totals(&mut app, None);
    assert_eq!(production, totals(&mut app, Some("production")));
    let sandbox = totals(&mut app, Some("sandbox"));
    let counts = |of: &Value| {
        ["clicks", "installs", "conversions", "approved", "refused"].map(|name| of[name].as_i64().unwrap())
    };
    assert_eq!(counts(&production), [2, 1, 2, 2, 1], "{production}");
    assert_eq!(counts(&sandbox), [1, 2, 3, 3, 1], "{sandbox}");
    assert_eq!(
        production["revenue"],
        json!([{"amount": "40", "currency": "USD"}])
    );
    assert_eq!(sandbox["revenue"], json!([{"amount": "2.5", "currency": "USD"}]));
    assert_eq!(
        app.admin
            .get("/api/v1/stats?from_ms=0&to_ms=1&environment=live")
            .status,
        400
    );
}

#[test]
fn a_link_takes_a_bounded_number_of_names() {
    let mut app = App::with(json!({}), |setup| setup.env("YAMABIKO_LIMITS_LINK_NAMES", "3"));
    app.rule(
        &["click"],
        &app.url("/n?kind={activity_kind}&name={tracker_name}&said={dcp_campaign}"),
    );
    let named = |app: &App, n: usize| {
        let told = app.told("click", n);
        (
            told.query_value("name").unwrap(),
            told.query_value("said").unwrap(),
        )
    };
    for (n, campaign) in ["one", "two", "three", "four", "one"].into_iter().enumerate() {
        app.click(&app.link, &format!("campaign={campaign}"));
        let expected = if campaign == "four" { "unknown" } else { campaign };
        let said = if campaign == "four" { "four" } else { campaign };
        assert_eq!(named(&app, n), (format!("Net One::{expected}"), said.to_owned()));
    }
    // Another link has room of its own; a click without names needs none.
    app.click(&app.link2, "campaign=five");
    assert_eq!(named(&app, 5).0, "Net Two::five");
    app.click(&app.link, "");
    assert_eq!(named(&app, 6).0, "Net One");
    let target = format!("/api/v1/links/{}", app.link);
    assert_eq!(
        app.admin.get(&target).ok()["names"],
        json!({"count": 3, "limit": 3})
    );
    let metrics = app.server.client().get("/metrics").text();
    assert!(
        metrics.contains("yamabiko_link_names_refused_total 1"),
        "{metrics}"
    );

    app.restart();
    assert_eq!(
        app.admin.get(&target).ok()["names"],
        json!({"count": 3, "limit": 3})
    );
    app.click(&app.link, "campaign=six");
    assert_eq!(named(&app, 7).0, "Net One::unknown");
    app.click(&app.link, "campaign=two");
    assert_eq!(named(&app, 8).0, "Net One::two");
}

#[test]
fn names_of_claims_go_past_the_bound_of_their_link() {
    let mut app = App::with(json!({}), |setup| setup.env("YAMABIKO_LIMITS_LINK_NAMES", "1"));
    let target = format!("/api/v1/partners/{}", app.partner);
    let mut partner = app.admin.get(&target).ok();
    partner["trust"] = json!({"mode": "enforced", "allowed_ips": ["127.0.0.0/8"]});
    app.admin.json("PUT", &target, &partner).ok();
    let claim = |campaign: &str, device: &str| {
        let (link, at_s) = (&app.link, now_s() - 60);
        let claim = format!("idfv={device}&tracker={link}&engagement_time={at_s}&campaign={campaign}");
        app.send("claim", &claim)
    };
    let first = "B1B2C3D4-0000-4000-8000-000000000001";
    let second = "B1B2C3D4-0000-4000-8000-000000000002";
    // A claim that comes to nothing takes no room.
    assert_eq!(claim("made-up", first).status, 404);
    for (device, campaign, known) in [(first, "one", "one"), (second, "two", "unknown")] {
        app.send("session", &format!("idfv={device}")).ok();
        let answer = claim(campaign, device).ok();
        assert_eq!(
            (&answer["result"], &answer["attribution"]["campaign"]),
            (&json!("updated"), &json!(known)),
            "{answer}"
        );
    }
    let names = app.admin.get(&format!("/api/v1/links/{}", app.link)).ok();
    assert_eq!(names["names"], json!({"count": 1, "limit": 1}));
}

#[test]
fn erasures_are_paced_and_costs_are_idempotent() {
    let mut app = App::new(json!({}));
    let answers: Vec<_> = (0..11)
        .map(|n| {
            app.send(
                "gdpr_forget_device",
                &format!("idfv=B1B2C3D4-0000-4000-8000-{n:012}"),
            )
        })
        .collect();
    assert!(answers[..10].iter().all(|a| a.status == 200));
    let refused = &answers[10];
    assert_eq!(
        (refused.status, refused.json()["error"].as_str()),
        (429, Some("Forget device request failed (Too many requests)"))
    );
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=7).contains(&wait), "{wait}");

    app.rule(
        &["cost_update"],
        &app.url("/cost?kind={activity_kind}&cost={cost_amount}"),
    );
    app.click(&app.link, "cost_id=cost-0123456789");
    let mut partner = app.admin.get(&format!("/api/v1/partners/{}", app.partner)).ok();
    partner["trust"] = json!({"mode": "enforced", "allowed_ips": ["127.0.0.0/8"]});
    app.admin
        .json("PUT", &format!("/api/v1/partners/{}", app.partner), &partner)
        .ok();
    let report = |amount: &str, key: &str| {
        let target =
            format!("/cost?cost_id=cost-0123456789&cost_type=cpc&cost_amount={amount}&cost_currency=usd");
        app.server
            .client()
            .send("POST", &target, &[("Idempotency-Key", key)], b"")
    };
    assert_eq!(report("0.35", "k-1").ok(), json!({"status": "OK"}));
    assert_eq!(report("0.40", "k-2").ok(), json!({"status": "OK"}));
    // The repetition of the first is no third report: it would set the cost back.
    assert_eq!(report("0.35", "k-1").ok(), json!({"status": "OK"}));
    assert_eq!(report("0.45", "k-1").status, 422);
    assert_eq!(report("0.1234567", "k-3").status, 400);
    app.told("cost_update", 1);
    let total = totals(&mut app, None);
    assert_eq!(total["cost"], json!([{"amount": "0.4", "currency": "USD"}]));
    assert_eq!(app.kinds_told(), ["cost_update", "cost_update"]);
}

/// Installs, sessions and cost of a link in the last day.
fn of_link(app: &mut App, link: &str) -> (i64, i64, Value) {
    app.applied();
    let (from, to) = ((now_s() - 86_400) * 1000, (now_s() + 900) * 1000);
    let target = format!("/api/v1/stats?group_by=link&from_ms={from}&to_ms={to}");
    let rows = app.admin.get(&target).ok()["rows"].clone();
    let row = rows.as_array().unwrap().iter().find(|row| row["key"] == link);
    let row = row.cloned().unwrap_or_default();
    let count = |name: &str| row[name].as_i64().unwrap_or_default();
    (count("installs"), count("sessions"), row["cost"].clone())
}

#[test]
fn counters_follow_a_claim_and_a_reported_cost_replaces_that_of_the_click() {
    let mut app = App::new(json!({}));
    for partner in app.admin.get("/api/v1/partners").ok()["items"]
        .as_array()
        .unwrap()
    {
        let mut partner = partner.clone();
        partner["trust"] = json!({"mode": "enforced", "allowed_ips": ["127.0.0.0/8"]});
        let target = format!("/api/v1/partners/{}", text(&partner["id"]));
        app.admin.json("PUT", &target, &partner).ok();
    }
    let (link, other) = (app.link.clone(), app.link2.clone());
    let usd = |amount: &str| json!([{"amount": amount, "currency": "USD"}]);
    app.click(
        &link,
        "ip_address=192.0.2.77&os_name=ios&device_name=iPhone&cost_type=cpi&cost_amount=2&cost_currency=usd",
    );
    let opened = "ip_address=192.0.2.77&os_name=ios&device_name=iPhone14,5";
    app.send("session", &format!("idfa={IDFA}&{opened}")).ok();
    assert_eq!(of_link(&mut app, &link), (1, 1, usd("2")));
    let claim = |app: &App, link: &str, before_s: u64| {
        let time = now_s() - before_s;
        let claim = format!("idfa={IDFA}&tracker={link}&click_time={time}");
        app.send("claim", &claim).ok()["result"].clone()
    };
    assert_eq!(claim(&app, &other, 60), "updated");
    let (installs, sessions, cost) = of_link(&mut app, &link);
    assert_eq!((installs, sessions), (0, 0), "taken from the first");
    assert!(cost == json!([]) || cost == usd("0"), "{cost}");
    let (installs, sessions, _) = of_link(&mut app, &other);
    assert_eq!((installs, sessions), (1, 1), "given to the second");
    // The counters are taken from where the first claim brought them.
    assert_eq!(claim(&app, &link, 30), "updated");
    assert_eq!(of_link(&mut app, &other).0, 0);
    assert_eq!(of_link(&mut app, &link).0, 1);
    assert_eq!(totals(&mut app, None)["installs"], 1);

    app.click(
        &other,
        "cost_id=cost-0123456789&cost_type=cpc&cost_amount=0.50&cost_currency=usd",
    );
    assert_eq!(of_link(&mut app, &other).2, usd("0.5"));
    for amount in ["0.35", "0.40"] {
        let cost =
            format!("/cost?cost_id=cost-0123456789&cost_type=cpc&cost_amount={amount}&cost_currency=usd");
        app.server.client().get(&cost).ok();
    }
    assert_eq!(of_link(&mut app, &other).2, usd("0.4"));
}

#[test]
fn an_erasure_cancels_what_waits_and_takes_the_text_out_of_the_rest() {
    let mut app = App::new(json!({}));
    let down = Receiver::start();
    down.behave(Behaviour::status(500));
    app.rule(&["click", "install", "gdpr_forget_device"], &app.url(ALL));
    app.rule(&["install"], &down.url("/down?idfa={idfa}"));
    let other = "idfa=B1B2C3D4-0000-4000-8000-1234567890AB&user_agent=other";
    app.click(
        &app.link,
        &format!("idfa={IDFA}&ip_address=192.0.2.77&param1=secret-{IDFA}"),
    );
    app.click(&app.link2, other);
    app.send("session", &format!("idfa={IDFA}&os_name=ios")).ok();
    app.send("session", other).ok();
    app.told("install", 1);
    down.wait_for(2, SOON);
    app.applied();
    let kept = |app: &mut App, list: &str| app.admin.get(&format!("/api/v1/{list}")).ok().to_string();
    let lists = ["postbacks", "activities", "sessions"];
    for list in lists {
        assert!(
            kept(&mut app, list).contains(IDFA),
            "{list} should know the device before"
        );
    }
    let state = |app: &mut App| {
        let waiting = app.admin.get("/api/v1/postbacks?state=waiting").ok();
        waiting["items"].as_array().unwrap().clone()
    };
    eventually("both installs wait to be told again", SOON, || {
        (state(&mut app).len() == 2).then_some(())
    });

    app.send("gdpr_forget_device", &format!("idfa={IDFA}")).ok();
    let told = app.told("gdpr_forget_device", 0);
    assert_eq!(
        told.query_value("idfa").as_deref(),
        Some(IDFA),
        "the receivers are told whom to forget"
    );
    // The receiver knows of the erasure before its answer is recorded.
    let waiting = eventually("only the other device's still waits", SOON, || {
        Some(state(&mut app)).filter(|waiting| waiting.len() == 1)
    });
    assert!(waiting[0].to_string().contains("B1B2C3D4"), "{waiting:?}");
    let failed = app.admin.get("/api/v1/postbacks?state=failed").ok();
    assert!(failed.to_string().contains("cancelled"), "{failed}");
    let id = text(&failed["items"][0]["id"]);
    app.admin
        .post_json("/api/v1/postbacks/resend", &json!({"ids": [id]}));
    for list in ["activities", "sessions"] {
        let kept = kept(&mut app, list);
        assert!(
            !kept.contains(IDFA) && kept.contains("B1B2C3D4"),
            "{list}: {kept}"
        );
    }
    // The text of the postback that told of the erasure goes once it was delivered.
    eventually(
        "nothing of the device in the postbacks",
        Duration::from_secs(60),
        || (!kept(&mut app, "postbacks").contains(IDFA)).then_some(()),
    );
    assert!(state(&mut app).len() <= 1, "what was erased is not sent again");
    assert!(down.arrivals().iter().filter(|a| a.target.contains(IDFA)).count() == 1);
}

#[test]
fn devices_have_a_bound_and_the_longest_silent_make_room() {
    let mut app = App::with(json!({}), |setup| setup.env("YAMABIKO_LIMITS_VISITORS", "10"));
    let install = |app: &App, n: u64| {
        let ago = (20 - n) * 86_400;
        let id = format!(
            "idfv=B1B2C3D4-0000-4000-8000-{n:012}&created_at_unix={}",
            now_s() - ago
        );
        let target = format!("/session?s2s=1&app_token={}&{id}", app.token);
        let key = format!("install-{n}");
        app.server
            .client()
            .send("POST", &target, &[("Idempotency-Key", &key)], b"")
    };
    for n in 0..10 {
        assert_eq!(install(&app, n).status, 200, "{n}");
    }
    // The eleventh waits for room; asked again under the same key it is taken.
    let mut refused = 0;
    eventually("room for another", SOON, || {
        let answer = install(&app, 10);
        if answer.status == 503 {
            refused += 1;
            assert_eq!(answer.header("retry-after"), Some("5"));
            assert_eq!(answer.json()["code"], "busy");
        }
        (answer.status == 200).then_some(())
    });
    assert!(refused > 0);
    let event = |app: &App, n: u64| {
        let id = format!("idfv=B1B2C3D4-0000-4000-8000-{n:012}");
        app.send("event", &format!("{id}&event_token={}", app.purchase))
            .status
    };
    assert_eq!(event(&app, 0), 404, "silent for longest");
    assert_eq!([event(&app, 9), event(&app, 10)], [200, 200]);
    let metrics = || app.server.client().get("/metrics").text();
    eventually("the gauge", SOON, || {
        metrics().contains("yamabiko_visitors 9").then_some(())
    });
    // A tenth stays free. Counted anew after a start.
    app.restart();
    let metrics = || app.server.client().get("/metrics").text();
    eventually("the gauge", SOON, || {
        metrics().contains("yamabiko_visitors 9").then_some(())
    });
}

/// A JWS of ES256 and the public key of its signer, in the forms of the configuration.
fn sign(kid: &str, payload: &Value) -> (String, String) {
    use aws_lc_rs::encoding::AsDer;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let header = json!({"alg": "ES256", "kid": kid});
    let signed = [&header, payload]
        .map(|part| URL_SAFE_NO_PAD.encode(part.to_string()))
        .join(".");
    let random = aws_lc_rs::rand::SystemRandom::new();
    let signature = pair.sign(&random, signed.as_bytes()).unwrap();
    let public = pair.public_key().as_der().unwrap();
    (
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref())),
        format!("{kid}={}", STANDARD.encode(public.as_ref())),
    )
}

#[test]
fn apples_keys_can_be_configured() {
    let payload = json!({"advertised-item-identifier": 525_463_029, "postback-identifier": "p-1",
        "ad-network-identifier": "com.example", "did-win": true});
    let (live, live_key) = sign("own/0", &payload);
    let (test, test_key) = sign("own/test", &payload);
    let (foreign, _) = sign("own/0", &payload);
    let mut app = App::with(json!({}), |setup| {
        setup
            .env("YAMABIKO_APPLE_KEYS", &live_key)
            .env("YAMABIKO_APPLE_TEST_KEYS", &test_key)
    });
    let mut offer = app.admin.get(&format!("/api/v1/offers/{}", app.token)).ok();
    offer["app_id"] = json!("525463029");
    app.admin
        .json("PUT", &format!("/api/v1/offers/{}", app.token), &offer)
        .ok();
    let sk = "/sk?kind={activity_kind}&net={sk_network_id}&env={environment}";
    app.rule(&["sk_install"], &app.url(sk));
    let send = |jws: &str| {
        let path = "/.well-known/appattribution/report-attribution/";
        app.server
            .client()
            .post_json(path, &json!({"jws-string": jws}))
            .ok()
    };
    assert_eq!(send(&foreign)["reason"], "invalid_apple_signature");
    assert_eq!(send(&live)["result"], "accepted");
    let told = app.told("sk_install", 0);
    assert_eq!(
        (
            told.query_value("net").as_deref(),
            told.query_value("env").as_deref()
        ),
        (Some("com.example"), Some("production"))
    );
    // The same transaction signed with a key of tests is another one: of the sandbox.
    assert_eq!(send(&test)["result"], "accepted");
    assert_eq!(send(&test)["result"], "duplicate");
    assert_eq!(
        app.told("sk_install", 1).query_value("env").as_deref(),
        Some("sandbox")
    );
}

#[test]
fn a_device_is_traced_by_any_of_its_ids() {
    let mut app = App::new(json!({}));
    let sid = app.click(&app.link, &format!("idfa={IDFA}"));
    let hashed = app.click(&app.link2, "android_id_md5=4a9bbd2ec8e5b5b4b5e0ba5c7c7a4b6a");
    app.send("session", "idfv=B1B2C3D4-0000-4000-8000-1234567890AB")
        .ok();
    let adid = text(&app.send("session", &format!("idfa={IDFA}")).ok()["adid"]);
    app.send("event", &format!("adid={adid}&event_token={}", app.purchase))
        .ok();
    app.applied();
    let mut trace = |q: &str| {
        let q: String = url::form_urlencoded::byte_serialize(q.as_bytes()).collect();
        app.admin.get(&format!("/api/v1/trace?q={q}")).ok()
    };
    let queries = [
        adid.clone(),
        adid.to_uppercase(),
        IDFA.to_owned(),
        IDFA.to_lowercase(),
        format!("https://example.com/x?idfa={IDFA}"),
    ];
    for q in &queries {
        let found = trace(q);
        let kinds: Vec<_> = found["activities"]
            .as_array()
            .unwrap()
            .iter()
            .map(|a| text(&a["activity"]["kind"]))
            .collect();
        assert_eq!(
            (found["found_by"].as_str(), text(&found["session"]["id"])),
            (Some("device"), sid.clone())
        );
        assert_eq!(kinds, ["install", "event"], "{q}");
    }
    // An id of a click that no app was opened for; an organic device; the referrer of the store.
    assert_eq!(
        text(&trace("4A9BBD2EC8E5B5B4B5E0BA5C7C7A4B6A")["session"]["id"]),
        hashed
    );
    let organic = trace("b1b2c3d4-0000-4000-8000-1234567890ab");
    assert_eq!(
        (
            &organic["session"],
            organic["activities"].as_array().unwrap().len()
        ),
        (&Value::Null, 1)
    );
    let referred = trace(&format!("reftag%3D{sid}%26utm_source%3Dx"));
    assert_eq!(
        (referred["found_by"].as_str(), text(&referred["session"]["id"])),
        (Some("session"), sid)
    );
    assert_eq!(
        trace("c1b2c3d4-0000-4000-8000-1234567890ab")["found_by"],
        Value::Null
    );
}
