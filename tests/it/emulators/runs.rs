//! Every preset against its platform, from end to end: connected as an operator connects it, told of sales, refused in
//! every awkward way, tried with the test switch, sent again. `cargo test --test it emulators::runs -- --nocapture`
//! prints the first request of each, to be laid beside the platform's documents.

use super::PLATFORMS;
use super::asked::{Says, says};
use super::connected::{Connected, assert_good, connect_all};
use super::person;
use super::platform::{Odd, Test, Then};
use super::serve::Emulators;
use crate::support::app::{App, IDFA};
use crate::support::client::Client;
use crate::support::eventually;
use crate::support::receiver::Receiver;
use crate::support::scene::{Scene, text};
use crate::support::server::Server;
use crate::support::skip;
use serde_json::{Value, json};

/// Everything that a run needs.
struct Stage {
    emulators: Emulators,
    server: Server,
    scene: Scene,
    all: Vec<Connected>,
    /// Markers that were given out.
    marker: u32,
    _media: Receiver,
    _dir: tempfile::TempDir,
}

impl Stage {
    fn set() -> Option<Self> {
        let emulators = Emulators::start()?;
        let dir = tempfile::tempdir().unwrap();
        let (server, media) = (emulators.setup(dir.path()).start(), Receiver::start());
        let offer = json!({"identity": {"is_kept": true}, "ip_privacy": "whole", "currency": "JPY"});
        let mut scene = Scene::with(&server, offer, json!({}), &media.url("/pb?id=##PARA1##"));
        let all = connect_all(&emulators, &mut scene);
        Some(Self {
            emulators,
            server,
            scene,
            all,
            marker: 10_000_000,
            _media: media,
            _dir: dir,
        })
    }

    fn marker(&mut self) -> String {
        self.marker += 1;
        self.marker.to_string()
    }

    fn counted(&self, connected: &Connected) -> usize {
        self.emulators
            .of(connected.platform.preset, |emulated| emulated.counted())
    }
}

/// Sends a postback again by hand, and waits for the end of it.
fn resend(admin: &mut Client, id: &str) {
    let begun = admin
        .post_json("/api/v1/postbacks/resend", &json!({"ids": [id]}))
        .ok();
    let path = format!("/api/v1/jobs/{}", text(&begun["id"]));
    let job = eventually("the job is at its end", super::serve::PATIENCE, || {
        let job = admin.get(&path).ok();
        (job["state"] != "running").then_some(job)
    });
    assert_eq!(job["results"], json!({"queued": 1}), "{job}");
}

fn verdict(then: Then) -> &'static str {
    match then {
        Then::Taken => "delivered",
        Then::Refused => "give_up",
        Then::Again => "retry",
        Then::Stopped => "stop",
    }
}

fn is_state(state: &'static str) -> impl Fn(&Value) -> bool {
    move |postback| postback["state"] == state
}

#[test]
fn every_preset_speaks_as_its_platform_wants_and_hears_what_it_answers() {
    let Some(mut stage) = Stage::set() else {
        return skip("port 443 of a loopback address cannot be had (root is needed)");
    };
    let known: Vec<Value> = stage.scene.list("/api/v1/presets");
    let with_platform = known
        .iter()
        .filter(|preset| !preset["platform"].is_null())
        .count();
    assert_eq!(
        with_platform,
        PLATFORMS.len(),
        "every preset with a platform has an emulator"
    );
    first_sales(&mut stage);
    people(&mut stage);
    tests_are_marked(&mut stage);
    awkward_answers(&mut stage);
    refused_tokens(&mut stage);
}

/// A sale of a visitor whom only the click id names: taken, and counted once however often it is sent.
fn first_sales(stage: &mut Stage) {
    let mut client = stage.server.client();
    let sales: Vec<(String, String)> = (0..stage.all.len())
        .map(|n| {
            let marker = stage.marker();
            let activity = stage.all[n].sell(&mut client, &marker, &json!({}));
            (marker, activity)
        })
        .collect();
    let mut delivered = Vec::new();
    for (n, (marker, activity)) in sales.iter().enumerate() {
        let connected = &stage.all[n];
        let name = connected.platform.preset;
        let came = connected.came(&stage.emulators, marker, 1);
        let asked = assert_good(&came[0], name);
        println!("---- {name}\n{}", asked.shown());
        assert!(!came[0].is_test, "{name}");
        let detail = connected.postback(&mut stage.scene, activity, "delivered", is_state("delivered"));
        assert_eq!(heard(&detail)["verdict"], "delivered", "{name}: {detail}");
        delivered.push(text(&detail["postback"]["id"]));
    }
    // Presets of one platform share its count: all first ones have come by now.
    for (n, (marker, _)) in sales.iter().enumerate() {
        let connected = &stage.all[n];
        let name = connected.platform.preset;
        let id = &delivered[n];
        let counted = stage.counted(connected);
        resend(&mut stage.scene.admin, id);
        let again = connected.came(&stage.emulators, marker, 2);
        assert_good(&again[1], name);
        if !connected.platform.one_by.is_empty() {
            assert_eq!(stage.counted(connected), counted, "{name}: sent twice");
        }
    }
}

/// People with consent go out as digests, and without it not at all.
fn people(stage: &mut Stage) {
    let mut client = stage.server.client();
    let taro = json!({"email": " Taro.Yamada@Example.com ", "phone": "090-1234-5678", "external_id": "member-77",
        "ad_user_data": "granted", "ad_personalization": "granted"});
    let cloudy = json!({"email": "Cloudy.Sanfrancisco+shopping@gmail.com", "consent": "granted"});
    let mut denied = taro.clone();
    denied["ad_user_data"] = json!("denied");
    denied["ad_personalization"] = json!("denied");
    let digests = [
        person::TARO,
        person::TARO_PLAIN,
        person::CLOUDY,
        person::CLOUDY_GOOGLE,
        person::PHONE_PLUS,
        person::PHONE_DIGITS,
        person::EXTERNAL,
    ];
    let taken: &[&str] = &[
        "yahoo_search",
        "smartnews",
        "ga4",
        "impact",
        "tradedoubler",
        "webgains",
    ];
    for n in 0..stage.all.len() {
        let (known, of_gmail, silent) = (stage.marker(), stage.marker(), stage.marker());
        let connected = &stage.all[n];
        let name = connected.platform.preset;
        connected.sell(&mut client, &known, &taro);
        connected.sell(&mut client, &of_gmail, &cloudy);
        let refused = connected.sell(&mut client, &silent, &denied);
        let admin = &mut stage.scene.admin;
        let rule = admin.get(&format!("/api/v1/rules/{}", connected.rule)).ok();
        // A platform without a word for consent is not told of who refuses it.
        let is_told = rule["consent"] == "any";
        let activity = admin.get(&format!("/api/v1/activities/{refused}")).ok();
        let mut outcomes = activity["rules"].as_array().unwrap().iter();
        let own = outcomes.find(|o| o["origin"]["id"] == connected.rule.as_str());
        let skipped = own.map_or(Value::Null, |o| o["skipped"].clone());
        let wanted = if is_told { Value::Null } else { json!("no_consent") };
        assert_eq!(skipped, wanted, "{name}");
        let sales = [(&known, true), (&of_gmail, true), (&silent, false)];
        for (marker, is_known) in &sales[..2 + usize::from(is_told)] {
            let is_known = *is_known;
            let came = connected.came(&stage.emulators, marker, 1);
            let asked = assert_good(&came[0], name);
            let has_digest = digests.iter().any(|digest| asked.has(digest));
            assert_eq!(
                has_digest,
                is_known && !taken.contains(&name),
                "{name}:\n{}",
                asked.shown()
            );
        }
    }
}

/// Test traffic and test sends carry the platform's own mark, or are not sent by themselves.
fn tests_are_marked(stage: &mut Stage) {
    let mut client = stage.server.client();
    for n in 0..stage.all.len() {
        let (marker, by_hand) = (stage.marker(), stage.marker());
        let connected = &stage.all[n];
        let name = connected.platform.preset;
        let rule = stage
            .scene
            .admin
            .get(&format!("/api/v1/rules/{}", connected.rule))
            .ok();
        let activity = connected.sell(&mut client, &marker, &json!({"environment": "sandbox"}));
        if rule["test"]["by_hand_only"] == true {
            let activity = stage
                .scene
                .admin
                .get(&format!("/api/v1/activities/{activity}"))
                .ok();
            let outcomes = activity["rules"].as_array().cloned().unwrap_or_default();
            assert!(
                outcomes.iter().any(|o| o["skipped"] == "test_by_hand_only"),
                "{name}: {activity:#}"
            );
        } else {
            let came = connected.came(&stage.emulators, &marker, 1);
            assert_good(&came[0], name);
            assert!(came[0].is_test, "{name}:\n{}", came[0].asked.shown());
        }
        let real = connected.sell(&mut client, &by_hand, &json!({}));
        connected.came(&stage.emulators, &by_hand, 1);
        let counted = stage.counted(connected);
        let test = json!({"rule": connected.rule, "activity": real});
        // On a connection of its own: one that was kept may have ended by now.
        let mut admin = stage.scene.admin.at(stage.server.address());
        let sent = admin.post_json("/api/v1/test/rule", &test).ok();
        assert_eq!(
            sent["sent"][0]["attempt"]["verdict"], "delivered",
            "{name}: {sent:#}"
        );
        let came = connected.came(&stage.emulators, &by_hand, 2);
        assert_good(&came[1], name);
        let has_mark = !matches!(connected.platform.test, Test::None);
        assert_eq!(came[1].is_test, has_mark, "{name}:\n{}", came[1].asked.shown());
        assert_eq!(stage.counted(connected), counted, "{name}: a test counts nothing");
    }
}

/// Answers that are not what they seem: read as the platform means them, told in its words, and nothing counts twice.
fn awkward_answers(stage: &mut Stage) {
    let mut client = stage.server.client();
    let mut sold: Vec<(usize, &'static Odd, String, String)> = Vec::new();
    for n in 0..stage.all.len() {
        let odd = stage.all[n]
            .platform
            .odd
            .iter()
            .filter(|odd| odd.then != Then::Stopped);
        for odd in odd {
            let marker = stage.marker();
            let connected = &stage.all[n];
            stage.emulators.of(connected.platform.preset, |emulated| {
                emulated.be_odd(&marker, odd);
            });
            let activity = connected.sell(&mut client, &marker, &json!({}));
            sold.push((n, odd, marker, activity));
        }
    }
    for (n, odd, marker, activity) in sold {
        let connected = &stage.all[n];
        let what = format!("{}: {}", connected.platform.preset, odd.what);
        let ends = if odd.then == Then::Refused {
            "failed"
        } else {
            "delivered"
        };
        let detail = connected.postback(&mut stage.scene, &activity, &what, is_state(ends));
        assert_told(&detail, odd, &what);
        if odd.then == Then::Refused {
            assert_eq!(detail["postback"]["fail_reason"], "refused_by_partner", "{what}");
            resend(&mut stage.scene.admin, &text(&detail["postback"]["id"]));
            connected.postback(&mut stage.scene, &activity, &what, is_state("delivered"));
        }
        let requests = if odd.then == Then::Taken { 1 } else { 2 };
        let came = connected.came(&stage.emulators, &marker, requests);
        came.iter().for_each(|came| drop(assert_good(came, &what)));
        if requests == 2 {
            assert_eq!(came[0].asked.body, came[1].asked.body, "{what}: the same ids");
        }
    }
}

/// The first attempt that was answered.
fn heard(detail: &Value) -> &Value {
    let attempts = detail["attempts"].as_array().unwrap();
    let answered = attempts.iter().find(|attempt| !attempt["status"].is_null());
    answered.unwrap_or_else(|| panic!("nothing was answered: {detail:#}"))
}

/// What the first attempt heard.
fn assert_told(detail: &Value, odd: &Odd, what: &str) {
    let first = heard(detail);
    assert_eq!(first["verdict"], verdict(odd.then), "{what}: {detail:#}");
    assert_eq!(
        first["said"].as_str().unwrap_or_default(),
        odd.words,
        "{what}: {detail:#}"
    );
}

/// A refused token holds the partner until there is a new one; then everything goes out, once.
fn refused_tokens(stage: &mut Stage) {
    let mut client = stage.server.client();
    for n in 0..stage.all.len() {
        let stops = stage.all[n]
            .platform
            .odd
            .iter()
            .filter(|odd| odd.then == Then::Stopped);
        for odd in stops {
            let (marker, after) = (stage.marker(), stage.marker());
            let connected = &stage.all[n];
            let what = format!("{}: {}", connected.platform.preset, odd.what);
            // A token that is fetched is fetched anew once, before the partner is held.
            let times = if connected.platform.preset.starts_with("google") {
                2
            } else {
                1
            };
            for _ in 0..times {
                stage.emulators.of(connected.platform.preset, |emulated| {
                    emulated.be_odd(&marker, odd);
                });
            }
            let activity = connected.sell(&mut client, &marker, &json!({}));
            let hold = eventually(&what, super::serve::PATIENCE, || {
                let held = stage.scene.admin.get("/api/v1/delivery").ok()["held"].clone();
                let mut held = held.as_array().unwrap().iter();
                held.find(|hold| hold["partner"] == connected.partner.as_str())
                    .cloned()
            });
            assert_eq!(hold["cause"], "token_refused", "{what}: {hold}");
            let has_heard = |postback: &Value| !postback["last"].is_null();
            let detail = connected.postback(&mut stage.scene, &activity, &what, has_heard);
            assert_told(&detail, odd, &what);
            assert_eq!(detail["postback"]["state"], "waiting", "{what}: {detail:#}");
            assert_eq!(detail["postback"]["attempts"], 0, "{what}: it used up nothing");
            let next = connected.sell(&mut client, &after, &json!({}));
            let waiting = |postback: &Value| postback["state"] == "waiting";
            connected.postback(&mut stage.scene, &next, &what, waiting);
            let early = stage.emulators.of(connected.platform.preset, |emulated| {
                emulated.came().iter().any(|came| came.asked.has(&after))
            });
            assert!(!early, "{what}: sent while it is held");
            connected.renew(&stage.emulators, &mut stage.scene.admin);
            for activity in [&activity, &next] {
                connected.postback(&mut stage.scene, activity, &what, is_state("delivered"));
            }
        }
    }
}

/// An app's installs and sales, which the same platform takes in another form.
#[test]
fn an_apps_installs_and_sales_are_told() {
    let Some(emulators) = Emulators::start() else {
        return skip("port 443 of a loopback address cannot be had (root is needed)");
    };
    let dir = tempfile::tempdir().unwrap();
    let mut app = App::with(json!({}), |_| emulators.setup(dir.path()));
    let platform = PLATFORMS
        .iter()
        .find(|platform| platform.preset == "smartnews_app")
        .unwrap();
    let connected = Connected::new(platform, &emulators, &mut app.admin, &app.token.clone());
    app.click(&connected.link, &format!("sn_click_id=sn-30000001&idfa={IDFA}"));
    let device = format!("idfa={IDFA}&os_name=ios&os_version=18.0&ip_address=203.0.113.5");
    assert_eq!(app.send("session", &device).status, 200);
    let sale = format!("{device}&event_token={}&revenue=4980&currency=JPY", app.purchase);
    assert_eq!(app.send("event", &sale).status, 200);
    for word in ["Download", "Purchase"] {
        let came = emulators.wait(platform.preset, word, |emulated| {
            emulated
                .came()
                .iter()
                .find(|came| came.asked.has(&format!("\"{word}\"")))
                .cloned()
        });
        let asked = assert_good(&came, word);
        assert!(asked.has("sn-30000001") && asked.has(IDFA), "{}", asked.shown());
        println!("---- {} {word}\n{}", platform.preset, asked.shown());
    }
}

/// What becomes of a request is told later: asked for until there is an answer, and read.
#[test]
fn what_is_told_later_is_asked_for() {
    let Some(mut stage) = Stage::set() else {
        return skip("port 443 of a loopback address cannot be had (root is needed)");
    };
    let google: &[(&[Says], &str, &str)] = &[
        (
            &[says(404, NOT_YET), says(200, PROCESSING), says(200, SUCCESS)],
            "delivered",
            "",
        ),
        (&[says(200, DUPLICATE)], "delivered", ""),
        (
            &[says(200, FAILED)],
            "failed",
            "PROCESSING_ERROR_REASON_INVALID_GCLID",
        ),
    ];
    let impact: &[(&[Says], &str, &str)] = &[
        (
            &[
                says(200, r#"{"Status":"Queued"}"#),
                says(200, r#"{"Status":"Complete"}"#),
            ],
            "delivered",
            "",
        ),
        (
            &[says(
                200,
                r#"{"Status":"Complete","ErrorType":"Validation","ErrorReason":"CONTRACT_NOT_FOUND"}"#,
            )],
            "failed",
            "CONTRACT_NOT_FOUND",
        ),
    ];
    for (preset, cases) in [
        ("google_ads_offline", google),
        ("google_ads_service_account", google),
        ("impact", impact),
    ] {
        let n = stage
            .all
            .iter()
            .position(|connected| connected.platform.preset == preset)
            .unwrap();
        let path = format!("/api/v1/rules/{}", stage.all[n].rule);
        let mut rule = stage.scene.admin.get(&path).ok();
        rule["second_look"]["after_s"] = json!(1);
        stage.scene.admin.json("PUT", &path, &rule).ok();
        for (told, ends, words) in cases {
            let marker = stage.marker();
            let connected = &stage.all[n];
            stage.emulators.of(preset, |emulated| emulated.tell(told));
            let activity = connected.sell(&mut stage.server.client(), &marker, &json!({}));
            let is_over = |postback: &Value| match *ends {
                "failed" => postback["state"] == "failed",
                _ => postback["state"] == "delivered" && !postback["confirmed_at_ms"].is_null(),
            };
            let detail = connected.postback(&mut stage.scene, &activity, preset, is_over);
            let said = detail["postback"]["last"]["said"].as_str().unwrap_or_default();
            assert_eq!(said, *words, "{preset}: {detail:#}");
        }
    }
}

const NOT_YET: &str = r#"{"error":{"code":404,"status":"NOT_FOUND","message":"Request not found"}}"#;
const PROCESSING: &str = r#"{"requestStatusPerDestination":[{"requestStatus":"PROCESSING"}]}"#;
const SUCCESS: &str = r#"{"requestStatusPerDestination":[{"requestStatus":"SUCCESS"}]}"#;
const DUPLICATE: &str = r#"{"requestStatusPerDestination":[{"requestStatus":"FAILED","errorInfo":{"errorCounts":[{"reason":"PROCESSING_ERROR_REASON_DUPLICATE_TRANSACTION_ID","recordCount":"1"}]}}]}"#;
const FAILED: &str = r#"{"requestStatusPerDestination":[{"requestStatus":"FAILURE","errorInfo":{"errorCounts":[{"reason":"PROCESSING_ERROR_REASON_INVALID_GCLID","recordCount":"1"}]}}]}"#;
