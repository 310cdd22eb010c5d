//! What goes out by mail and the other ways of alerts beside alerts: summaries, and payout statements with their file.

use crate::support::eventually;
use crate::support::mail::MailServer;
use crate::support::receiver::Receiver;
use crate::support::scene::{Scene, text};
use crate::support::server::{Server, Setup};
use serde_json::{Value, json};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);

fn scene(directory: &tempfile::TempDir) -> (Server, Scene) {
    let server = Setup::new(directory.path()).start();
    let scene = Scene::with(&server, json!({}), json!({}), &Receiver::start().url("/pb"));
    (server, scene)
}

fn save(scene: &mut Scene, change: impl FnOnce(&mut Value)) {
    let mut settings = scene.admin.get("/api/v1/settings").ok();
    change(&mut settings);
    scene.admin.json("PUT", "/api/v1/settings", &settings).ok();
}

#[test]
fn a_summary_goes_out_on_every_way_that_is_set_up_and_each_says_what_came_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let (_server, mut scene) = scene(&dir);
    let nobody = scene.admin.post_json("/api/v1/alerts/summary", &json!({}));
    assert_eq!(nobody.ok(), json!([]));
    let (mail, hook) = (MailServer::start(None), Receiver::start());
    save(&mut scene, |settings| {
        settings["alerts"]["email"] = mail.settings();
        settings["alerts"]["webhook_url"] = json!(hook.url("/hook"));
        settings["alerts"]["summary"] = json!({"every": "weekly", "hour": 9});
        settings["alerts"]["silence"] = json!({"clicks_h": 6, "conversions_h": 0, "by_offer": true});
    });
    let sent = scene.admin.post_json("/api/v1/alerts/summary", &json!({})).ok();
    let ways: Vec<(&str, bool)> = sent
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["channel"].as_str().unwrap(),
                one["sent"]["is_ok"].as_bool().unwrap(),
            )
        })
        .collect();
    assert_eq!(ways, [("email", true), ("webhook", true)], "{sent}");
    let posted = String::from_utf8(hook.wait_for(1, SOON)[0].body.clone()).unwrap();
    assert!(
        posted.contains("週次レポート") && posted.contains("クリック"),
        "{posted}"
    );
    eventually("the mail", SOON, || mail.heard().pop());
    let settings = scene.admin.get("/api/v1/settings").ok();
    assert_eq!(
        settings["alerts"]["silence"]["clicks_h"], 6,
        "what was saved is shown"
    );
}

#[test]
fn a_closed_statement_is_sent_with_its_lines_and_an_open_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let (_server, mut scene) = scene(&dir);
    let now_ms = scene.admin.get("/api/v1/system").ok()["now_ms"].as_i64().unwrap();
    let month = crate::statements::month(now_ms, 2);
    let mail_it = |scene: &mut Scene, to: &str| {
        let request = json!({"partner": scene.partner, "month": month, "to": [to], "note": "Hello"});
        scene.admin.post_json("/api/v1/statements/mail", &request)
    };
    assert_eq!(
        mail_it(&mut scene, "keiri@example.jp").error_code(),
        "no_mail_server"
    );
    let mail = MailServer::start(None);
    save(&mut scene, |settings| {
        settings["alerts"]["email"] = mail.settings();
    });
    assert_eq!(
        mail_it(&mut scene, "keiri@example.jp").error_code(),
        "statement_open"
    );
    let draft = json!({"partner": scene.partner, "month": month, "draft": {
        "adjustments": [{"note": "Bonus", "amount": "500", "currency": "JPY"}],
    }});
    scene.admin.json("PUT", "/api/v1/statements/draft", &draft).ok();
    let close = json!({"partner": scene.partner, "month": month});
    scene.admin.post_json("/api/v1/statements/close", &close).ok();
    assert_eq!(mail_it(&mut scene, "nobody").error_code(), "invalid_email");
    let sent = mail_it(&mut scene, "keiri@example.jp").ok();
    assert_eq!(
        (&sent["is_ok"], &sent["code"]),
        (&json!(true), &json!("sent")),
        "{sent}"
    );
    let heard = eventually("the mail", SOON, || mail.heard().pop());
    for part in [
        "RCPT TO:<keiri@example.jp>",
        "multipart/mixed",
        "text/csv",
        "statement-",
    ] {
        assert!(heard.contains(part), "{part}: {heard}");
    }
    let known = format!("/api/v1/statements/recipients?partner={}", scene.partner);
    let known = scene.admin.get(&known).ok();
    assert_eq!(known, json!({"to": ["keiri@example.jp"], "is_set_up": true}));
    let refusing = MailServer::start(Some("550 no such user"));
    save(&mut scene, |settings| {
        settings["alerts"]["email"] = refusing.settings();
    });
    let refused = mail_it(&mut scene, "keiri@example.jp").ok();
    assert_eq!(
        (&refused["is_ok"], &refused["code"]),
        (&json!(false), &json!("refused"))
    );
    let log = scene.list("/api/v1/audit");
    let mails = log.iter().filter(|entry| entry["action"] == "statement.mail");
    assert_eq!(mails.count(), 2, "both are in the log");
    assert_eq!(text(&sent["code"]), "sent");
}

#[test]
fn rates_are_saved_as_a_whole_and_reports_tell_what_was_missing() {
    let dir = tempfile::tempdir().unwrap();
    let (server, mut scene) = scene(&dir);
    let sid = scene.click(&server, "c1");
    let cv = format!("/cv?sid={sid}&amount=3000&currency=JPY&uid1=A-1");
    server.client().get(&cv).ok();
    let report = |scene: &mut Scene| {
        let to_ms = scene.admin.get("/api/v1/system").ok()["now_ms"].as_i64().unwrap() + 1;
        let target = format!(
            "/api/v1/stats?group_by=total&currency=USD&from_ms={}&to_ms={to_ms}",
            to_ms - 86_400_000
        );
        scene.admin.get(&target).ok()
    };
    let bare = report(&mut scene);
    assert_eq!(bare["missing_rates"][0]["currency"], "JPY", "{bare}");
    assert_eq!(
        bare["total"]["revenue"],
        json!([{"amount": "3000", "currency": "JPY"}])
    );
    let before = scene.admin.get("/api/v1/rates").ok();
    let put = |scene: &mut Scene, rates: &str, read_at: &Value| {
        let form = json!({"text": rates, "updated_at_ms": read_at});
        scene.admin.json("PUT", "/api/v1/rates", &form)
    };
    let wrong = put(&mut scene, "2026-11-01,USD,150\nx", &before["updated_at_ms"]).ok();
    assert_eq!(
        wrong["errors"],
        json!([{"line": 2, "code": "columns"}]),
        "{wrong}"
    );
    assert_eq!(
        scene.admin.get("/api/v1/rates").ok()["count"],
        0,
        "nothing is saved in part"
    );
    // Of the month before, so that it is there on a first of the month in every zone.
    let now_ms = scene.admin.get("/api/v1/system").ok()["now_ms"].as_i64().unwrap();
    let first = format!("{}-15", crate::statements::month(now_ms, 1));
    let saved = put(&mut scene, &format!("{first},USD,150"), &before["updated_at_ms"]).ok();
    assert_eq!(saved["count"], 1, "{saved}");
    let converted = report(&mut scene);
    assert_eq!(converted["missing_rates"], json!([]), "{converted}");
    assert_eq!(
        converted["total"]["revenue"],
        json!([{"amount": "20", "currency": "USD"}])
    );
    save(&mut scene, |settings| settings["language"] = json!("en"));
    assert_eq!(
        scene.admin.get("/api/v1/rates").ok()["count"],
        1,
        "other settings leave them"
    );
}
