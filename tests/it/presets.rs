//! Platforms are connected from their presets: by the API and by the command line, all of it or nothing.

use crate::support::client::Client;
use crate::support::receiver::{Behaviour, Receiver};
use crate::support::server::Setup;
use serde_json::{Value, json};
use std::io::Write;
use std::process::Stdio;

fn partners(admin: &mut Client) -> usize {
    let page = admin.get("/api/v1/partners").ok();
    page["items"].as_array().unwrap().len()
}

fn meta() -> Value {
    json!({"name": "Meta", "blanks": {"PIXEL_ID": " 123456789012345 ", "TOKEN": "EAA-planted-token-0001"},
        "events": [{"event": "purchase", "word": "Purchase"}]})
}

#[test]
fn a_platform_is_connected_in_one_commit_and_a_wrong_paste_saves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    let mut admin = server.admin();
    let path = "/api/v1/presets/meta_capi/connect";
    for (name, value, code) in [
        ("PIXEL_ID", "act_1", "blank_shape"),
        ("TOKEN", "", "empty"),
        ("PIXEL", "1", "unknown_field"),
    ] {
        let mut form = meta();
        form["blanks"][name] = json!(value);
        let refused = admin.post_json(path, &form);
        assert_eq!(refused.status, 400, "{name}");
        let body: Value = serde_json::from_slice(&refused.body).unwrap();
        assert_eq!(body["error"]["code"], code, "{body}");
        assert_eq!(body["error"]["field"], format!("blanks.{name}"), "{body}");
        assert!(!body.to_string().contains("planted"), "{body}");
    }
    let mut wrong_offer = meta();
    wrong_offer["offer"] = json!("nosuchoffer1");
    assert_eq!(
        admin.post_json(path, &wrong_offer).error_code(),
        "missing_reference"
    );
    let mut dry = meta();
    dry["dry_run"] = json!(true);
    let shown = admin.post_json(path, &dry);
    assert_eq!(shown.status, 200);
    assert_eq!(partners(&mut admin), 0, "nothing half saved");

    let made = admin.post_json(path, &meta());
    assert_eq!(made.status, 201);
    let made = made.ok();
    assert!(!made.to_string().contains("planted"), "{made}");
    assert_eq!(made["secrets"], json!(["token"]));
    assert_eq!(made["partner"]["preset"], "meta_capi");
    let rule = &made["rules"][0];
    assert_eq!(
        rule["text"],
        "https://graph.facebook.com/v25.0/123456789012345/events"
    );
    assert_eq!(
        (&rule["credit"], &rule["max_age_h"]),
        (&json!("any"), &json!(168))
    );
    // There is no offer yet, so that the map names an event that nobody has.
    let found = made["findings"].as_array().unwrap();
    assert!(found.iter().all(|f| f["code"] == "unknown_event"), "{found:?}");
    assert!(
        made["requests"][0]["request"]["body"]
            .as_str()
            .unwrap()
            .contains("‹token›")
    );
    let partner = made["partner"]["id"].as_str().unwrap();
    let list = admin.get(&format!("/api/v1/partners/{partner}/secrets")).ok();
    assert_eq!(list["items"][0]["name"], "token");
    assert_eq!(list["missing"], json!([]));
    let saved = admin
        .get(&format!("/api/v1/rules/{}", rule["id"].as_str().unwrap()))
        .ok();
    assert_eq!(saved["text"], rule["text"]);

    assert_eq!(
        admin
            .post_json("/api/v1/presets/a8net/connect", &json!({}))
            .error_code(),
        "no_platform"
    );
    assert_eq!(
        admin
            .post_json("/api/v1/presets/nobody/connect", &json!({}))
            .status,
        404
    );
    // Google's token is fetched with three secrets that are pasted.
    let google = json!({"blanks": {"CUSTOMER_ID": "1234567890", "CLIENT_ID": "1234.apps.googleusercontent.com",
        "CLIENT_SECRET": "GOCSPX-planted", "REFRESH_TOKEN": "1//planted-refresh-token"},
        "events": [{"event": "purchase", "word": "987654321"}]});
    let made = admin
        .post_json("/api/v1/presets/google_ads_offline/connect", &google)
        .ok();
    let names = json!(["client_id", "client_secret", "refresh_token", "access_token"]);
    assert_eq!(made["secrets"], names, "{made}");
    let mut nothing = google.clone();
    nothing["events"] = json!([]);
    let refused = admin.post_json("/api/v1/presets/google_ads_offline/connect", &nothing);
    assert_eq!(refused.error_code(), "empty");
}

/// The sample of a rule is a year old, of a purchase, and of nobody whom a platform knows.
#[test]
fn a_test_send_is_of_now_of_an_event_that_is_mapped_and_carries_the_platforms_ids() {
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    let mut admin = server.admin();
    let receiver = Receiver::start();
    let answer = r#"{"events_received":1}"#;
    receiver.behave(Behaviour::Answer(
        200,
        vec![("Content-Type".into(), "application/json".into())],
        answer.into(),
    ));
    let mut form = meta();
    form["blanks"]["TEST_CODE"] = json!("TEST777");
    form["events"] = json!([{"event": "申込", "word": "Lead"}]);
    let made = admin.post_json("/api/v1/presets/meta_capi/connect", &form).ok();
    let mut rule = made["rules"][0].clone();
    rule["text"] = json!(receiver.url("/events"));
    let path = format!("/api/v1/rules/{}", rule["id"].as_str().unwrap());
    admin.json("PUT", &path, &rule).ok();
    let began_s = jiff::Timestamp::now().as_second();
    let tested = admin
        .post_json("/api/v1/test/rule", &json!({"rule": rule["id"], "kind": "event"}))
        .ok();
    assert_eq!(tested["sent"][0]["attempt"]["verdict"], "delivered", "{tested}");
    let arrival = receiver.arrivals().remove(0);
    let body: Value = serde_json::from_slice(&arrival.body).unwrap();
    assert_eq!(body["test_event_code"], "TEST777");
    assert_eq!(body["access_token"], "EAA-planted-token-0001");
    let event = &body["data"][0];
    assert_eq!(event["event_name"], "Lead");
    assert!(event["event_time"].as_i64().unwrap() >= began_s, "{event}");
    assert_eq!(event["user_data"]["fbp"], "fb.1.1763700000000.1234567890");
    let order = event["custom_data"]["order_id"].as_str().unwrap();
    assert!(order.starts_with("TEST-"), "{order}");
    assert_eq!(event["custom_data"]["value"], 1);
}

#[test]
fn the_command_line_shows_what_is_sent_and_connects() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path());
    let run = |args: &[&str]| {
        let done = setup.command(args).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (done.status.success(), text(&done.stdout), text(&done.stderr))
    };
    let (is_good, listed, _) = run(&["presets", "list", "tiktok"]);
    assert!(
        is_good && listed.contains("tiktok ") && listed.contains("conversion API"),
        "{listed}"
    );
    let (is_good, shown, _) = run(&["presets", "show", "meta_capi", "PIXEL_ID=55555"]);
    assert!(is_good, "{shown}");
    assert!(
        shown.contains("POST https://graph.facebook.com/v25.0/55555/events"),
        "{shown}"
    );
    assert!(shown.contains("\"access_token\":\"‹token›\""), "{shown}");
    let (is_good, _, told) = run(&["presets", "show", "meta_capi", "PIXEL_ID=x"]);
    assert!(!is_good && told.contains("PIXEL_ID"), "{told}");
    let (is_good, _, told) = run(&["presets", "show", "nobody"]);
    assert!(!is_good && told.contains("presets list"), "{told}");

    let server = setup.start();
    let mut child = setup
        .command(&["presets", "connect", "meta_capi", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(meta().to_string().as_bytes())
        .unwrap();
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success());
    let made: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(made["partner"]["name"], "Meta");
    assert_eq!(partners(&mut server.admin()), 1);
}
