//! Rules for platforms: whose conversions they hear, what they need, how answers are read, and what becomes of
//! secrets from the partner's page to the wire.

use crate::support::client::Client;
use crate::support::eventually;
use crate::support::files::files_below;
use crate::support::receiver::{Behaviour, Receiver};
use crate::support::scene::{Scene, text};
use crate::support::server::Setup;
use serde_json::{Value, json};
use std::io::Read;
use std::path::Path;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

fn says(status: u16, body: &str) -> Behaviour {
    let json = ("Content-Type".to_owned(), "application/json".to_owned());
    Behaviour::Answer(status, vec![json], body.to_owned())
}

/// A partner with a secret, and its rule that hears every conversion of the offer.
fn platform(scene: &mut Scene, receiver: &Receiver, token: &str) -> (String, String) {
    let partner = scene
        .admin
        .post_json("/api/v1/partners", &json!({"name": "Platform"}))
        .ok();
    let partner = text(&partner["id"]);
    let secret = format!("/api/v1/partners/{partner}/secrets/token");
    let set = scene.admin.json("PUT", &secret, &json!({"value": token})).ok();
    assert!(!set.to_string().contains(token));
    let rule = json!({
        "name": "capi",
        "scope": {"type": "partner", "partner": partner},
        "credit": "any",
        "kinds": ["event"],
        "method": "POST",
        "text": receiver.url("/v1/events?k={secret.token}"),
        "body": {"type": "json", "template":
            r#"{"access_token":"{secret.token}","event":"{event_word}","click":"{dcp_fbclid}","order":"{content_uid1}"}"#},
        "headers": [{"name": "Authorization", "value": "Bearer {secret.token}"}],
        "event_map": [{"event": "purchase", "word": "Purchase"}],
        "needs": ["{dcp_fbclid}"],
        "max_age_h": 168,
        "answers": {"by_status": "platform", "says": ["/error/message"],
            "cases": [{"status": ["2xx"], "pointer": "/events_received", "values": ["0"], "verdict": "give_up"}]},
    });
    let checked = scene.admin.post_json("/api/v1/rules/check", &rule).ok();
    assert_eq!(
        checked["findings"]
            .as_array()
            .map(|f| f.iter().filter(|f| f["code"] != "plain_http").count()),
        Some(0),
        "{checked}"
    );
    let rule = scene.admin.post_json("/api/v1/rules", &rule).ok();
    (partner, text(&rule["id"]))
}

/// A conversion of a click with a query.
fn convert(scene: &Scene, client: &mut Client, query: &str, order: &str) -> String {
    let click = client.get(&format!("/c/{}?s2s=1&{query}", scene.link)).ok();
    let answer = client
        .get(&format!("/cv?sid={}&uid1={order}&amount=10", text(&click["sid"])))
        .ok();
    text(&answer["activity_id"])
}

fn held(admin: &mut Client) -> Vec<Value> {
    admin.get("/api/v1/delivery").ok()["held"]
        .as_array()
        .unwrap()
        .clone()
}

#[test]
fn a_platform_is_told_and_a_refused_token_waits_for_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    let (media, receiver) = (Receiver::start(), Receiver::start());
    let mut scene = Scene::build(&server, &media);
    let (partner, rule) = platform(&mut scene, &receiver, "old/token-1234");
    let mut client = server.client();

    receiver.behave(says(
        401,
        r#"{"error":{"message":"the token old\/token-1234 has expired"}}"#,
    ));
    let told = convert(&scene, &mut client, "param1=c1&fbclid=Fb.1", "A-1");
    receiver.wait_for(1, PATIENCE);
    let holds = eventually("a hold", PATIENCE, || {
        Some(held(&mut scene.admin)).filter(|held| !held.is_empty())
    });
    assert_eq!(holds[0]["cause"], "token_refused");
    assert_eq!(holds[0]["detail"], "401 the token ‹token› has expired");
    let first = receiver.arrivals().remove(0);
    assert_eq!(first.header("authorization"), Some("Bearer old/token-1234"));
    assert_eq!(first.target, "/v1/events?k=old%2Ftoken-1234");
    let body: Value = serde_json::from_slice(&first.body).unwrap();
    let expected =
        json!({"access_token": "old/token-1234", "event": "Purchase", "click": "Fb.1", "order": "A-1"});
    assert_eq!(body, expected);

    for order in ["A-2", "A-3"] {
        convert(&scene, &mut client, "param1=c2&fbclid=Fb.2", order);
    }
    // The partner who earned them is told at once, beside it.
    media.wait_for(3, PATIENCE);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(receiver.count(), 1, "nothing more with a refused token");
    let waiting = scene.list("/api/v1/postbacks?state=waiting");
    assert_eq!(waiting.len(), 3);
    let oldest = waiting.iter().find(|p| p["activity"] == told.as_str()).unwrap();
    assert_eq!(
        oldest["request"]["headers"][0],
        json!(["Authorization", "Bearer ‹token›"])
    );
    assert_eq!(oldest["last"]["said"], "the token ‹token› has expired");
    assert_eq!(oldest["last"]["verdict"], "stop");
    assert_eq!(oldest["attempts"], 0, "it used up nothing");

    receiver.behave(says(200, r#"{"events_received":1}"#));
    let secret = format!("/api/v1/partners/{partner}/secrets/token");
    scene
        .admin
        .json("PUT", &secret, &json!({"value": "new-token-5678"}))
        .ok();
    let all = receiver.wait_for(4, PATIENCE);
    assert!(
        all[1..]
            .iter()
            .all(|a| a.header("authorization") == Some("Bearer new-token-5678"))
    );
    eventually("the end of the hold", PATIENCE, || {
        held(&mut scene.admin).is_empty().then_some(())
    });

    // Refused for good by the body, and what has no identifier.
    receiver.behave(says(
        200,
        r#"{"events_received":0,"error":{"message":"bad pixel"}}"#,
    ));
    let refused = convert(&scene, &mut client, "fbclid=Fb.3", "A-4");
    let failed = eventually("the refusal", PATIENCE, || {
        let failed = scene.list("/api/v1/postbacks?state=failed");
        failed
            .into_iter()
            .find(|p| p["activity"] == refused.as_str() && p["partner"] == partner.as_str())
    });
    assert_eq!(failed["fail_reason"], "refused_by_partner");
    assert_eq!(failed["last"]["said"], "bad pixel");
    let without = convert(&scene, &mut client, "param1=x", "A-5");
    let activity = scene.admin.get(&format!("/api/v1/activities/{without}")).ok();
    let outcomes = activity["rules"].as_array().unwrap();
    let skipped = outcomes.iter().find(|o| o["skipped"] == "no_identifier").unwrap();
    assert_eq!(skipped["condition"], "{dcp_fbclid}");

    let now = i64::try_from(std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    let period = format!(
        "from_ms={}&to_ms={}&time_zone=UTC&partner={partner}",
        now - 3_600_000,
        now + 3_600_000
    );
    let report = scene.admin.get(&format!("/api/v1/stats/taken?{period}")).ok();
    let rows = report["rows"].as_array().unwrap();
    let sum = |field: &str| rows.iter().map(|row| row[field].as_i64().unwrap()).sum::<i64>();
    assert_eq!(
        [sum("conversions"), sum("sent"), sum("taken"), sum("waiting")],
        [5, 4, 3, 0],
        "{report}"
    );
    let reasons = |field: &str| {
        rows.iter()
            .flat_map(|row| row[field].as_array().unwrap().clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        reasons("refused"),
        [json!({"code": "refused_by_partner", "count": 1})]
    );
    assert_eq!(reasons("skipped"), [json!({"code": "no_identifier", "count": 1})]);
    let csv = scene.admin.get(&format!("/api/v1/taken.csv?{period}")).text();
    assert!(
        csv.contains("no_identifier 1") && csv.contains("Platform"),
        "{csv}"
    );

    // Deleted: what comes waits, and the page says what is missing.
    scene.admin.send("DELETE", &secret, &[], b"");
    convert(&scene, &mut client, "fbclid=Fb.4", "A-6");
    eventually("another hold", PATIENCE, || {
        held(&mut scene.admin)
            .first()
            .filter(|hold| hold["cause"] == "secret_missing")
            .cloned()
    });
    let list = scene
        .admin
        .get(&format!("/api/v1/partners/{partner}/secrets"))
        .ok();
    assert_eq!(
        (&list["missing"], &list["hold"]["detail"]),
        (&json!(["token"]), &json!("token"))
    );
    let saved = scene.admin.get(&format!("/api/v1/rules/{rule}")).ok();
    let checked = scene.admin.post_json("/api/v1/rules/check", &saved).ok();
    let unknown = checked["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|f| f["code"] == "unknown_secret");
    assert_eq!(unknown.unwrap()["field"], "text", "{checked}");
    let backup = json!({"value": "third-token-9"});
    scene.admin.json("PUT", &secret, &backup).ok();
    receiver.wait_for(6, PATIENCE);
}

#[test]
fn a_token_that_expires_is_asked_for_once_and_anew_when_it_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    let (media, endpoint, receiver) = (Receiver::start(), Receiver::start(), Receiver::start());
    let mut scene = Scene::build(&server, &media);
    let (partner, _) = platform(&mut scene, &receiver, "unused-value");
    let path = |name: &str| format!("/api/v1/partners/{partner}/secrets/{name}");
    scene
        .admin
        .json("PUT", &path("refresh"), &json!({"value": "refresh me"}))
        .ok();
    let token = json!({"token": {"url": endpoint.url("/token"),
        "form": "grant_type=refresh_token&refresh_token={secret.refresh}"}});
    scene.admin.json("PUT", &path("token"), &token).ok();
    let bad = json!({"token": {"url": endpoint.url("/token"), "form": "a={sid}"}});
    assert_eq!(
        scene.admin.json("PUT", &path("token"), &bad).error_code(),
        "token_form"
    );

    endpoint.behave(says(503, ""));
    let mut client = server.client();
    convert(&scene, &mut client, "fbclid=1", "A-1");
    eventually("a hold because of the endpoint", PATIENCE, || {
        held(&mut scene.admin)
            .first()
            .filter(|hold| hold["cause"] == "token_endpoint")
            .cloned()
    });
    assert_eq!(receiver.count(), 0);
    endpoint.behave(says(200, r#"{"access_token":"fresh-token-1","expires_in":3600}"#));
    scene
        .admin
        .post_json(&format!("/api/v1/partners/{partner}/go_on"), &json!({}));
    receiver.wait_for(1, PATIENCE);
    let asked = endpoint.arrivals();
    assert_eq!(
        asked.last().unwrap().body,
        b"grant_type=refresh_token&refresh_token=refresh%20me"
    );
    for order in ["A-2", "A-3", "A-4"] {
        convert(&scene, &mut client, "fbclid=1", order);
    }
    receiver.wait_for(4, PATIENCE);
    assert_eq!(endpoint.count(), asked.len(), "it is kept until it ends");
    assert_eq!(
        receiver.arrivals()[3].header("authorization"),
        Some("Bearer fresh-token-1")
    );

    // Revoked before its end: asked for once more, without a hold when that helps.
    receiver.behave(says(401, "{}"));
    endpoint.behave(says(
        200,
        r#"{"access_token":"fresh-token-2","expires_in":"3600"}"#,
    ));
    convert(&scene, &mut client, "fbclid=1", "A-5");
    receiver.wait_for(6, PATIENCE);
    assert_eq!(
        receiver.arrivals()[5].header("authorization"),
        Some("Bearer fresh-token-2")
    );
    eventually("a hold", PATIENCE, || {
        held(&mut scene.admin)
            .first()
            .filter(|hold| hold["cause"] == "token_refused")
            .cloned()
    });
}

/// A backup, unpacked.
fn backup(setup: &Setup, dir: &Path, name: &str) -> Vec<u8> {
    let file = dir.join(name);
    let made = setup
        .command(&["backup", file.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let packed = std::fs::File::open(&file).unwrap();
    let mut bytes = Vec::new();
    lz4_flex::frame::FrameDecoder::new(packed)
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn a_backup_alone_reveals_no_secret_and_without_the_key_the_server_starts_and_waits() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (media, receiver) = (Receiver::start(), Receiver::start());
    let planted = [
        "platform-token-Aa1",
        "hmac-secret-Bb2-long",
        "hooks-Cc3",
        "mail-password-Dd4",
        "line-token-Ee5",
        "c2lnbmluZy1rZXktRmY2LWxvbmctZW5vdWdo",
    ];
    let server = Setup::new(&data).start();
    let mut scene = Scene::build(&server, &media);
    let (_, rule) = platform(&mut scene, &receiver, planted[0]);
    let mut offer = scene.admin.get(&format!("/api/v1/offers/{}", scene.offer)).ok();
    offer["trust"] = json!({"mode": "test", "hmac_secret": planted[1]});
    scene
        .admin
        .json("PUT", &format!("/api/v1/offers/{}", scene.offer), &offer)
        .ok();
    let mut settings = scene.admin.get("/api/v1/settings").ok();
    settings["alerts"]["webhook_url"] = json!(format!("https://hooks.example/{}", planted[2]));
    settings["alerts"]["email"] = json!({"host": "smtp.example.jp", "port": 587, "security": "starttls", "user": "u",
        "password": planted[3], "from": "a@example.jp", "to": ["b@example.jp"]});
    settings["alerts"]["line"] = json!({"token": planted[4], "to": "U1"});
    scene.admin.json("PUT", "/api/v1/settings", &settings).ok();
    let mut saved = scene.admin.get(&format!("/api/v1/rules/{rule}")).ok();
    saved["signing_secret"] = json!(format!("whsec_{}", planted[5]));
    scene
        .admin
        .json("PUT", &format!("/api/v1/rules/{rule}"), &saved)
        .ok();
    let open = Setup::new(&data);
    let bytes = backup(&open, dir.path(), "open.backup");
    assert!(
        planted.iter().all(|secret| holds(&bytes, secret)),
        "without a key they are there"
    );
    server.terminate();

    let key = dir.path().join("sealing.key");
    std::fs::write(&key, "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n").unwrap();
    let sealed = Setup::new(&data).env("YAMABIKO_SEALING_KEY_FILE", key.to_str().unwrap());
    let server = sealed.start();
    convert(&scene, &mut server.client(), "fbclid=1", "S-1");
    receiver.wait_for(1, PATIENCE);
    assert_eq!(
        receiver.arrivals()[0].header("authorization"),
        Some("Bearer platform-token-Aa1")
    );
    let bytes = backup(&sealed, dir.path(), "sealed.backup");
    for secret in planted {
        assert!(!holds(&bytes, secret), "the backup holds {secret}");
    }
    assert!(holds(&bytes, "sealed:v1:"));
    let mut admin = server.admin();
    let mut offer = admin.get(&format!("/api/v1/offers/{}", scene.offer)).ok();
    offer["trust"]["mode"] = json!("enforced");
    admin
        .json("PUT", &format!("/api/v1/offers/{}", scene.offer), &offer)
        .ok();
    server.terminate();
    for file in files_below(&data) {
        let is_live = file.components().any(|part| part.as_os_str() == "snapshots");
        let bytes = std::fs::read(&file).unwrap();
        for secret in planted {
            assert!(
                !is_live || !holds(&bytes, secret),
                "{} holds {secret}",
                file.display()
            );
        }
    }

    // Without the key: it starts, and says what is missing.
    let missing = Setup::new(&data).env("YAMABIKO_SEALING_KEY_FILE", "/nonexistent/sealing.key");
    let server = missing.start();
    let answer = server.client().get("/cv?sid=0d9k3m2p7q4r8s1t&cid=x&uid1=S-2");
    assert_ne!(answer.status, 503, "another offer is none of it");
    let answer = server.client().get(&format!("/cv?cid={}&uid1=S-2", scene.offer));
    assert_eq!((answer.status, answer.error_code().as_str()), (503, "sealed"));
    assert!(answer.header("retry-after").is_some());
    let mut admin = server.admin();
    let system = admin.get("/api/v1/system").ok();
    let check = system["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|c| c["name"] == "sealing")
        .unwrap();
    assert!(
        text(&check["message"]).contains("/nonexistent/sealing.key"),
        "{check}"
    );
    offer["trust"]["mode"] = json!("off");
    offer["updated_at_ms"] =
        admin.get(&format!("/api/v1/offers/{}", scene.offer)).ok()["updated_at_ms"].clone();
    offer["trust"]["hmac_secret"] = json!({"is_set": true});
    admin
        .json("PUT", &format!("/api/v1/offers/{}", scene.offer), &offer)
        .ok();
    convert(&scene, &mut server.client(), "fbclid=2", "S-3");
    eventually("a hold", PATIENCE, || {
        held(&mut admin)
            .first()
            .filter(|hold| hold["cause"] == "secret_sealed")
            .cloned()
    });
    assert_eq!(receiver.count(), 1);
    server.terminate();
    let _server = sealed.start();
    receiver.wait_for(2, PATIENCE);
}

#[test]
fn what_is_judged_later_is_asked_about_until_there_is_a_verdict() {
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    let (media, receiver, judge) = (Receiver::start(), Receiver::start(), Receiver::start());
    let mut scene = Scene::build(&server, &media);
    let (_, rule) = platform(&mut scene, &receiver, "some-token-77");
    let path = format!("/api/v1/rules/{rule}");
    let mut saved = scene.admin.get(&path).ok();
    saved["second_look"] = json!({"url": judge.url("/status{answer./uri}?k={secret.token}"), "after_s": 1,
        "answers": {"says": ["/reason"], "cases": [
            {"pointer": "/state", "values": ["QUEUED"], "verdict": "retry"},
            {"pointer": "/state", "values": ["BAD"], "verdict": "give_up"}]}});
    scene.admin.json("PUT", &path, &saved).ok();
    receiver.behave(says(202, r#"{"uri":"/q/1"}"#));
    judge.behave(says(200, r#"{"state":"QUEUED"}"#));
    let mut client = server.client();
    let good = convert(&scene, &mut client, "fbclid=1", "L-1");
    judge.wait_for(1, PATIENCE);
    assert_eq!(judge.arrivals()[0].target, "/status/q/1?k=some-token-77");
    assert_eq!(
        judge.arrivals()[0].header("authorization"),
        Some("Bearer some-token-77")
    );
    judge.behave(says(200, r#"{"state":"DONE"}"#));
    let media_id = scene.partner.clone();
    let of = |scene: &mut Scene, activity: &str| {
        let all = scene.list("/api/v1/postbacks");
        let is_it = |p: &Value| {
            p["activity"] == activity && p["looks_at"].is_null() && p["partner"] != media_id.as_str()
        };
        all.into_iter().find(is_it)
    };
    let confirmed = eventually("the confirmation", PATIENCE, || {
        of(&mut scene, &good).filter(|p| !p["confirmed_at_ms"].is_null())
    });
    assert_eq!(confirmed["state"], "delivered");
    judge.behave(says(200, r#"{"state":"BAD","reason":"no such click"}"#));
    let bad = convert(&scene, &mut server.client(), "fbclid=2", "L-2");
    let refused = eventually("the refusal", PATIENCE, || {
        of(&mut scene, &bad).filter(|p| p["state"] == "failed")
    });
    assert_eq!(refused["fail_reason"], "refused_by_partner");
    assert_eq!(refused["last"]["said"], "no such click");
}
