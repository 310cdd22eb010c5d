//! Proof links over HTTP: what a stranger reads, what a stranger never reads, and when there is nothing any more.

use crate::support::client::Answer;
use crate::support::receiver::{Behaviour, Receiver};
use crate::support::scene::{BROWSER, Scene, text};
use crate::support::server::{Server, Setup};
use serde_json::{Value, json};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

fn page(server: &Server, path: &str, language: &str) -> Answer {
    let headers = [("Accept-Language", language), ("Accept", "text/html")];
    server.client().send("GET", path, &headers, b"")
}

/// A click and a conversion full of secrets, told to a receiver that answers with one; gives the SID.
fn story(server: &Server, scene: &mut Scene, receiver: &Receiver) -> String {
    receiver.behave(Behaviour::Answer(
        200,
        vec![("Server".into(), "secret-server-header".into())],
        "secret-response-body".into(),
    ));
    let rule = json!({
        "name": "Told <b>bold</b>",
        "scope": {"type": "partner", "partner": scene.partner},
        "kinds": ["event"],
        "method": "POST",
        "body": {"type": "json", "template": "{\"id\":\"##PARA1##\",\"note\":\"secret-request-body\"}"},
        "headers": [{"name": "X-Key", "value": "secret-rule-header"}],
        "signing_secret": "whsec_c2VjcmV0LXNpZ25pbmcta2V5LW9mLTMyLWJ5dGVz",
        "text": format!("equal,{{dcp_secretname}},secret-condition,{}", receiver.url("/secret-path?key=secret-query")),
    });
    let made = scene.admin.post_json("/api/v1/rules", &rule);
    assert_eq!(made.status, 201, "{}", made.text());
    let target = format!(
        "/c/{}?param1=CLICKID-0123456789-SECRET&secretname=secret-condition&idfa=8C6CBCOD-5F43-4765-A6E6-84DFF3D24707&label=secret-label",
        scene.link
    );
    let headers = [
        ("User-Agent", BROWSER),
        ("Referer", "https://news.example/secret-referer"),
    ];
    let redirected = server.client().send("GET", &target, &headers, b"");
    let location = url::Url::parse(redirected.header("Location").unwrap()).unwrap();
    let sid = location
        .query_pairs()
        .find(|(name, _)| name == "sid")
        .unwrap()
        .1
        .into_owned();
    let conversion =
        format!("/cv?sid={sid}&amount=98765&uid1=ORDER-SECRET-20261&p_mail=secret%40person.example");
    assert_eq!(server.client().get(&conversion).ok()["result"], "accepted");
    receiver.wait_for(2, PATIENCE);
    sid
}

fn delivered(scene: &mut Scene) {
    crate::support::eventually("both postbacks are settled", PATIENCE, || {
        let all = scene.list("/api/v1/postbacks");
        (all.len() == 2 && all.iter().all(|p| p["state"] == "delivered")).then_some(())
    });
}

fn make(scene: &mut Scene, body: &Value) -> (String, String) {
    let made = scene.admin.post_json("/api/v1/proofs", body);
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    let url = text(&made["url"]);
    let path = url
        .split_once("/proof/")
        .map(|(_, token)| format!("/proof/{token}"))
        .unwrap();
    (text(&made["id"]), path)
}

#[test]
fn a_stranger_reads_the_story_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let receiver = Receiver::start();
    let server = Setup::new(directory.path()).start();
    let mut scene = Scene::build(&server, &receiver);
    let sid = story(&server, &mut scene, &receiver);
    delivered(&mut scene);
    let (id, path) = make(&mut scene, &json!({"id": sid}));
    let answer = page(&server, &path, "en");
    assert_eq!(answer.status, 200);
    let shown = answer.text();
    for wanted in [
        "Shop",
        "Media",
        "purchase",
        "told",
        "Told &lt;b&gt;bold&lt;/b&gt;",
        "127.0.0.1",
        "HTTP 200",
        "counts",
        "Session id",
        "ios phone",
        "Matched by",
        "Delivered",
    ] {
        assert!(shown.contains(wanted), "{wanted} is missing: {shown}");
    }
    // What both sides can find in their own logs, in part.
    for part in ["CLIC…CRET", "ORDE…0261", &format!("{}…{}", &sid[..4], &sid[12..])] {
        assert!(shown.contains(part), "{part} is missing: {shown}");
    }
    for hidden in [
        "secret",
        "SECRET-2",
        "CLICKID",
        "ORDER-",
        &sid,
        "98765",
        "person.example",
        "8C6C",
        "Mozilla",
        "AppleWebKit",
        "news.example",
        "token test",
        "whsec",
        "X-Key",
        "/pb",
        "cookie",
        &scene.rule,
        &scene.link,
        &id,
    ] {
        assert!(!shown.contains(hidden), "{hidden} is shown: {shown}");
    }
    for (name, value) in [
        ("Cache-Control", "no-store"),
        ("Referrer-Policy", "no-referrer"),
        ("X-Robots-Tag", "noindex"),
        ("X-Frame-Options", "DENY"),
        ("Content-Security-Policy", "default-src 'none'"),
        ("Content-Type", "text/html"),
    ] {
        let given = answer.header(name).unwrap_or_default();
        assert!(given.starts_with(value), "{name}: {given}");
    }
    assert!(answer.header("Set-Cookie").is_none());
    assert!(!shown.contains("<style") && !shown.contains("style=") && !shown.contains("<script"));
    let japanese = page(&server, &path, "ja-JP,ja;q=0.9").text();
    assert!(
        japanese.contains("<html lang=\"ja\">")
            && japanese.contains("セッションID")
            && japanese.contains("成果")
    );
    let style = page(&server, "/proof/style.css", "en");
    assert!(style.status == 200 && style.header("Content-Type").unwrap().starts_with("text/css"));
    // The link opens this page only.
    let token = path.trim_start_matches("/proof/");
    let mut bearer = server
        .client()
        .with_header("Authorization", &format!("Bearer {token}"));
    assert_eq!(bearer.get(&format!("/api/v1/trace?q={sid}")).status, 401);
    assert_eq!(server.client().send("POST", &path, &[], b"").status, 405);
    assert!(!server.log().contains(token));
    let audit = scene.admin.get("/api/v1/audit?action=proof.").ok();
    assert_eq!(audit["items"][0]["action"], "proof.create");
    assert_eq!(audit["items"][0]["subject"], sid);
    assert!(!audit.to_string().contains(token));
}

#[test]
fn unknown_revoked_and_expired_links_are_answered_alike() {
    let directory = tempfile::tempdir().unwrap();
    let receiver = Receiver::start();
    let server = Setup::new(directory.path()).start();
    let mut scene = Scene::build(&server, &receiver);
    let sid = scene.click(&server, "one");
    let (id, path) = make(&mut scene, &json!({"id": sid, "hours": 1}));
    let (kept, kept_path) = make(&mut scene, &json!({"id": sid, "hours": 720}));
    assert_eq!(page(&server, &path, "en").status, 200);
    let listed = scene.admin.get("/api/v1/proofs").ok()["items"].clone();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert!(
        listed
            .as_array()
            .unwrap()
            .iter()
            .all(|p| p["url"].is_null() && p["subject"] == sid.as_str())
    );
    assert_eq!(
        scene
            .admin
            .json("DELETE", &format!("/api/v1/proofs/{id}"), &Value::Null)
            .status,
        204
    );
    assert_eq!(
        scene
            .admin
            .json("DELETE", &format!("/api/v1/proofs/{id}"), &Value::Null)
            .status,
        404
    );
    let revoked = page(&server, &path, "en");
    let mut unknown = path.clone();
    unknown.replace_range(unknown.len() - 4.., "AAAA");
    for other in [
        unknown.as_str(),
        "/proof/x",
        "/proof/",
        "/proof/%2e%2e%2fapi",
        &format!("/proof/{id}"),
        &format!("/proof/{kept}"),
    ] {
        let answer = page(&server, other, "en");
        assert_eq!((answer.status, answer.text()), (404, revoked.text()), "{other}");
        assert_eq!(
            answer.header("X-Robots-Tag"),
            revoked.header("X-Robots-Tag"),
            "{other}"
        );
        assert_eq!(answer.header("Cache-Control"), Some("no-store"), "{other}");
    }
    assert_eq!(
        page(&server, &kept_path, "en").status,
        200,
        "others are not concerned"
    );
    for (body, field) in [
        (json!({"id": sid, "hours": 0}), "hours"),
        (json!({"id": sid, "hours": 721}), "hours"),
        (json!({"id": "0000000000000000"}), "id"),
        (json!({"id": "one"}), "id"),
    ] {
        let refused = scene.admin.post_json("/api/v1/proofs", &body);
        assert_eq!(
            (refused.status, refused.json()["error"]["field"].as_str()),
            (400, Some(field))
        );
    }
    // Guessing is slowed down, with the page's own words.
    let slowed = (0..40)
        .map(|_| page(&server, &unknown, "en"))
        .find(|a| a.status == 429)
        .unwrap();
    assert!(slowed.header("Retry-After").is_some() && slowed.text().contains("Please try again"));
}

#[test]
fn viewers_make_no_links() {
    let directory = tempfile::tempdir().unwrap();
    let receiver = Receiver::start();
    let server = Setup::new(directory.path()).start();
    let mut scene = Scene::build(&server, &receiver);
    let sid = scene.click(&server, "one");
    let made = scene
        .admin
        .post_json("/api/v1/tokens", &json!({"name": "read", "scope": "read"}))
        .ok();
    let mut viewer = server
        .client()
        .with_header("Authorization", &format!("Bearer {}", text(&made["secret"])));
    assert_eq!(
        viewer.post_json("/api/v1/proofs", &json!({"id": sid})).status,
        403
    );
    assert_eq!(viewer.get("/api/v1/proofs").status, 403);
    assert_eq!(server.client().get("/api/v1/proofs").status, 401);
}
