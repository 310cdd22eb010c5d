//! Alerts end to end: a dead receiver is told once and its recovery once, over a webhook, SMTP and LINE; what a
//! test send says; what never leaves the server.

use crate::support::eventually;
use crate::support::mail::MailServer;
use crate::support::receiver::{Behaviour, Receiver, deserted_address};
use crate::support::scene::{Scene, click, text};
use crate::support::server::{Server, Setup};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// Plain text of a mail whose body is quoted-printable or base64.
fn body_of(mail: &str) -> String {
    let (head, body) = mail.split_once("\n\n").expect("head and body");
    let body = body.split("\n.\n").next().unwrap();
    if head.contains("base64") {
        use base64::Engine;
        let packed: String = body.split_whitespace().collect();
        let bytes = base64::engine::general_purpose::STANDARD.decode(packed).unwrap();
        String::from_utf8(bytes).unwrap()
    } else {
        body.replace("=\n", "")
    }
}

fn start(directory: &tempfile::TempDir, line_url: &str) -> Server {
    Setup::new(directory.path())
        .env("YAMABIKO_ALERTS_PARTNER_AFTER_S", "1")
        .env("YAMABIKO_ALERTS_SETTLE_S", "1")
        .env("YAMABIKO_ALERTS_LINE_URL", line_url)
        .start()
}

fn save(scene: &mut Scene, change: impl FnOnce(&mut Value)) {
    let mut settings = scene.admin.get("/api/v1/settings").ok();
    change(&mut settings);
    scene.admin.json("PUT", "/api/v1/settings", &settings).ok();
}

fn test(scene: &mut Scene, channel: &str) -> Value {
    scene
        .admin
        .post_json("/api/v1/alerts/test", &json!({"channel": channel}))
        .ok()
}

#[test]
fn a_dead_receiver_is_told_once_and_its_recovery_once_on_every_channel() {
    let directory = tempfile::tempdir().unwrap();
    let (hook, line) = (Receiver::start(), Receiver::start());
    let mail = MailServer::start(None);
    let server = start(&directory, &line.url(""));
    let dead_address = deserted_address();
    let mut scene = Scene::with(
        &server,
        json!({}),
        json!({}),
        &format!("http://{dead_address}/pb?id=##PARA1##"),
    );
    save(&mut scene, |settings| {
        settings["public_url"] = json!("https://t.example.com");
        settings["alerts"] = json!({
            "webhook_url": hook.url("/services/secret-path"),
            "email": mail.settings(),
            "line": {"token": "line-token-1", "to": "U123"},
            "language": "ja",
        });
    });
    let sid = scene.click(&server, "one");
    assert_eq!(
        server.client().get(&format!("/cv?sid={sid}&amount=1")).ok()["result"],
        "accepted"
    );

    let told: Value = serde_json::from_slice(&hook.wait_for(1, PATIENCE)[0].body).unwrap();
    let told = text(&told["text"]);
    assert!(
        told.contains("Media") && told.contains("ポストバックが届いていません"),
        "{told}"
    );
    assert!(told.contains(&dead_address.to_string()), "{told}");
    assert!(
        told.contains("発生: 20") && told.contains("https://t.example.com/postbacks"),
        "{told}"
    );

    let pushed = line.wait_for(1, PATIENCE)[0].clone();
    assert_eq!(pushed.target, "/v2/bot/message/push");
    assert_eq!(pushed.header("authorization"), Some("Bearer line-token-1"));
    let pushed: Value = serde_json::from_slice(&pushed.body).unwrap();
    assert_eq!(pushed["to"], "U123");
    assert!(text(&pushed["messages"][0]["text"]).contains("Media"));

    let mails = eventually("a mail", PATIENCE, || {
        Some(mail.heard()).filter(|m| !m.is_empty())
    });
    assert!(
        mails[0].contains("RCPT TO:<owner@example.jp>") && mails[0].contains("RCPT TO:<second@example.jp>")
    );
    assert!(
        body_of(&mails[0]).contains("ポストバックが届いていません"),
        "{}",
        mails[0]
    );

    let standing = eventually("every way was tried", Duration::from_secs(60), || {
        let now = scene.admin.get("/api/v1/alerts").ok();
        let are_tried = now["channels"]
            .as_array()?
            .iter()
            .all(|way| !way["last"].is_null());
        are_tried.then_some(now)
    });
    assert_eq!(standing["open"][0]["kind"], "partner_failing");
    assert!(
        standing["channels"]
            .as_array()
            .unwrap()
            .iter()
            .all(|c| c["last"]["is_ok"] == true),
        "{standing}"
    );

    // Still dead after a restart: nothing more is said.
    assert_eq!(server.terminate(), Some(0));
    let server = start(&directory, &line.url(""));
    scene.admin = server.admin();
    let open = scene.admin.get("/api/v1/alerts").ok()["open"]
        .as_array()
        .unwrap()
        .len();
    assert_eq!((open, hook.count(), line.count()), (1, 1, 1));

    // It is back: one line, once.
    let revived = Receiver::start_at(&dead_address.to_string());
    let waiting = scene.list("/api/v1/postbacks");
    let resend = json!({"ids": [waiting[0]["id"]]});
    scene.admin.post_json("/api/v1/postbacks/resend", &resend);
    revived.wait_for(1, PATIENCE);
    let over: Value = serde_json::from_slice(&hook.wait_for(2, PATIENCE)[1].body).unwrap();
    let over = text(&over["text"]);
    assert!(over.contains("復旧") && over.contains("Media"), "{over}");
    assert_eq!(over.lines().count(), 2, "the program's name and one line: {over}");
    line.wait_for(2, PATIENCE);
    eventually("nothing stands", PATIENCE, || {
        let open = scene.admin.get("/api/v1/alerts").ok()["open"].clone();
        (open == json!([])).then_some(())
    });
    assert_eq!((hook.count(), line.count()), (2, 2));

    // No secret is shown, logged or exported.
    let shown = [
        scene.admin.get("/api/v1/settings").ok().to_string(),
        scene.admin.get("/api/v1/audit").ok().to_string(),
        scene.admin.get("/api/v1/config/export").text(),
        server.log(),
    ];
    for secret in ["secret-path", "line-token-1"] {
        assert!(
            shown.iter().all(|text| !text.contains(secret)),
            "{secret} was shown"
        );
    }
}

#[test]
fn a_partner_that_answers_errors_is_told_too() {
    let directory = tempfile::tempdir().unwrap();
    let (hook, partner) = (Receiver::start(), Receiver::start());
    partner.behave(Behaviour::status(404));
    let server = start(&directory, "");
    let mut scene = Scene::build(&server, &partner);
    save(&mut scene, |settings| {
        settings["language"] = json!("en");
        settings["alerts"] = json!({"webhook_url": hook.url("/hook")});
    });
    for id in ["a", "b", "c"] {
        let sid = click(&mut server.client(), &scene.link, id);
        server.client().get(&format!("/cv?sid={sid}&amount=1")).ok();
    }
    let told: Value = serde_json::from_slice(&hook.wait_for(1, PATIENCE)[0].body).unwrap();
    assert!(text(&told["text"]).contains("Media"), "{told}");
    assert!(
        text(&told["text"]).contains("refuses postbacks (status 404)"),
        "{told}"
    );
    partner.behave(Behaviour::status(200));
    let sid = click(&mut server.client(), &scene.link, "d");
    server.client().get(&format!("/cv?sid={sid}&amount=1")).ok();
    let over: Value = serde_json::from_slice(&hook.wait_for(2, PATIENCE)[1].body).unwrap();
    assert!(text(&over["text"]).contains("Resolved: Media"), "{over}");
}

#[test]
fn refused_conversions_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let (hook, partner) = (Receiver::start(), Receiver::start());
    let server = start(&directory, "");
    let mut scene = Scene::build(&server, &partner);
    save(&mut scene, |settings| {
        settings["alerts"] = json!({"webhook_url": hook.url("/hook"), "language": "en"});
    });
    for n in 0..12 {
        let target = format!("/cv?sid=0000000000000000&cid={}&uid1={n}", scene.offer);
        assert_eq!(server.client().get(&target).ok()["result"], "refused");
    }
    // The last hour is counted every half minute.
    let told: Value = serde_json::from_slice(&hook.wait_for(1, Duration::from_secs(60))[0].body).unwrap();
    assert!(
        text(&told["text"]).contains("conversions of the last hour were refused"),
        "{told}"
    );
}

#[test]
fn a_test_send_says_exactly_what_came_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let (hook, line) = (Receiver::start(), Receiver::start());
    let (mail, strict) = (
        MailServer::start(None),
        MailServer::start(Some("550 5.1.1 no such mailbox")),
    );
    let server = start(&directory, &line.url(""));
    let mut scene = Scene::build(&server, &hook);
    for channel in ["email", "webhook", "line"] {
        let sent = test(&mut scene, channel);
        assert_eq!(sent["is_ok"], false);
        assert!(text(&sent["message"]).contains("not set up"), "{sent}");
    }
    let set = |scene: &mut Scene, email: Value| {
        let url = hook.url("/hook?key=hush");
        save(scene, |settings| {
            settings["alerts"] =
                json!({"webhook_url": url, "email": email, "line": {"token": "t-hush", "to": "U1"}});
        });
    };
    set(&mut scene, mail.settings());
    assert_eq!(test(&mut scene, "email")["message"], "250 2.0.0 queued as 42");
    assert_eq!(test(&mut scene, "webhook")["message"], "status 200 ok");
    line.behave(Behaviour::Answer(
        401,
        vec![],
        r#"{"message":"token t-hush is invalid"}"#.into(),
    ));
    let refused = test(&mut scene, "line");
    assert_eq!(
        (&refused["is_ok"], &refused["code"]),
        (&json!(false), &json!("bad_token"))
    );
    let said = text(&refused["message"]);
    assert!(
        said.starts_with("status 401") && said.contains("check the token") && !said.contains("t-hush"),
        "{said}"
    );
    let channels = scene.admin.get("/api/v1/alerts").ok()["channels"].clone();
    assert_eq!(channels[2]["last"], refused);

    set(&mut scene, strict.settings());
    let refused = text(&test(&mut scene, "email")["message"]);
    assert!(
        refused.contains("550") && refused.contains("no such mailbox"),
        "{refused}"
    );
    let mut closed = mail.settings();
    closed["port"] = json!(
        TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port()
    );
    set(&mut scene, closed);
    let refused = text(&test(&mut scene, "email")["message"]);
    assert!(refused.contains("could not be connected to"), "{refused}");
    // TLS is asked of a server that has none.
    let mut protected = mail.settings();
    protected["security"] = json!("starttls");
    set(&mut scene, protected);
    assert_eq!(test(&mut scene, "email")["is_ok"], false);

    // Metadata services and private networks are not called, whatever the channel.
    let mut inward = mail.settings();
    inward["host"] = json!("10.0.0.1");
    set(&mut scene, inward);
    assert!(text(&test(&mut scene, "email")["message"]).contains("10.0.0.1 is private"));
    save(&mut scene, |settings| {
        settings["alerts"]["webhook_url"] = json!("http://169.254.169.254/latest");
    });
    assert!(text(&test(&mut scene, "webhook")["message"]).contains("metadata"));
}

#[test]
fn only_owners_see_and_change_where_alerts_go() {
    let directory = tempfile::tempdir().unwrap();
    let hook = Receiver::start();
    let server = start(&directory, "");
    let mut scene = Scene::build(&server, &hook);
    save(&mut scene, |settings| {
        settings["alerts"] = json!({"webhook_url": hook.url("/hook")});
    });
    let token = |scene: &mut Scene, scope: &str| {
        let made = scene
            .admin
            .post_json("/api/v1/tokens", &json!({"name": scope, "scope": scope}))
            .ok();
        server
            .client()
            .with_header("Authorization", &format!("Bearer {}", text(&made["secret"])))
    };
    for scope in ["read", "write"] {
        let mut client = token(&mut scene, scope);
        assert_eq!(client.get("/api/v1/settings").ok()["alerts"], Value::Null);
        assert_eq!(
            client.get("/api/v1/config/export?format=json").json()["settings"]["alerts"],
            Value::Null
        );
        assert_eq!(client.get("/api/v1/alerts").status, 403);
        let tried = client.post_json("/api/v1/alerts/test", &json!({"channel": "webhook"}));
        assert_eq!(tried.status, 403);
    }
    // A form that knows nothing of alerts leaves them as they are.
    save(&mut scene, |settings| {
        drop(settings.as_object_mut().unwrap().remove("alerts"));
    });
    assert_eq!(
        scene.admin.get("/api/v1/settings").ok()["alerts"]["webhook_url"]["is_set"],
        true
    );
}
