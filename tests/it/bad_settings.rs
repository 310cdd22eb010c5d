//! Bad input to the admin API: refused in the one error form with the field, and nothing half-written.

use crate::support::receiver::Receiver;
use crate::support::refusal::refusal;
use crate::support::scene::{Scene, text};
use crate::support::server::{Server, Setup};
use serde_json::{Value, json};

fn start() -> (tempfile::TempDir, Server, Receiver, Scene) {
    let dir = tempfile::tempdir().unwrap();
    let (server, receiver) = (Setup::new(dir.path()).start(), Receiver::start());
    let scene = Scene::build(&server, &receiver);
    (dir, server, receiver, scene)
}

/// Tries to save something; gives the code and field of the refusal.
fn refused(scene: &mut Scene, target: &str, body: &Value) -> (String, String) {
    let answer = scene.admin.post_json(target, body);
    refusal(&body.to_string(), &answer)
}

#[test]
fn destinations_that_lead_astray_are_not_saved() {
    let (_dir, _server, _receiver, mut scene) = start();
    for (destination, code) in [
        ("//evil.example/", "not_absolute"),
        ("\\\\evil.example\\", "backslash"),
        ("https:\\\\evil.example", "backslash"),
        ("https://shop.example@evil.example/", "user_information"),
        ("https://user:pass@shop.example/", "user_information"),
        ("javascript:alert(1)", "not_absolute"),
        ("javascript://shop.example/%0aalert(1)", "scheme_refused"),
        ("data:text/html,x", "not_absolute"),
        ("/relative", "not_absolute"),
        ("https://shop.example/\r\nSet-Cookie: a=b", "white_space"),
        ("https://shop.example/a b", "white_space"),
        ("https://{sid}.example/", "placeholder_in_host"),
        ("https://shop.example/{nothing_like_it}", "unknown_placeholder"),
        ("https://shop.example/{sid", "stray_brace"),
        ("https://shop.example/?a=｛sid｝", "full_width"),
    ] {
        let body = json!({"name": "X", "destinations": {"default": destination}});
        let found = refused(&mut scene, "/api/v1/offers", &body);
        assert_eq!(
            found,
            (code.to_owned(), "destinations.default".to_owned()),
            "{destination}"
        );
    }
    let null = refused(
        &mut scene,
        "/api/v1/offers",
        &json!({"name": "X", "destinations": {"default": "https://shop.example/\u{0}"}}),
    );
    assert_eq!(null.1, "destinations.default");
    let idn = json!({"name": "X", "destinations": {"default": "https://お店.example/"}});
    let saved = scene.admin.post_json("/api/v1/offers", &idn).ok();
    let stored = text(&saved["destinations"]["default"]);
    assert!(
        stored.starts_with("https://xn--"),
        "an IDN is stored as it will be sent: {stored}"
    );
    assert_eq!(scene.list("/api/v1/offers").len(), 2, "nothing else was written");
}

#[test]
fn json_of_a_wrong_shape_is_refused_with_the_field() {
    let (_dir, _server, _receiver, mut scene) = start();
    let partner = scene.partner.clone();
    let cases = [
        ("/api/v1/offers", r#"{"name":5}"#.to_owned(), "wrong_type", "name"),
        (
            "/api/v1/offers",
            r#"{"name":"A","nmae":"B"}"#.into(),
            "unknown_field",
            "nmae",
        ),
        (
            "/api/v1/offers",
            r#"{"name":"A","name":"B"}"#.into(),
            "duplicate_field",
            "name",
        ),
        (
            "/api/v1/offers",
            r#"{"name":"A","destinations":{"defualt":"x"}}"#.into(),
            "unknown_field",
            "destinations.defualt",
        ),
        (
            "/api/v1/offers",
            r#"{"name":"A","events":[{"name":[]}]}"#.into(),
            "wrong_type",
            "events[0].name",
        ),
        ("/api/v1/offers", r#"{"name":""}"#.into(), "", "name"),
        ("/api/v1/offers", "[]".into(), "wrong_type", ""),
        ("/api/v1/offers", "{".into(), "invalid_json", ""),
        ("/api/v1/offers", "[".repeat(100_000), "wrong_type", "[0]"),
        (
            "/api/v1/offers",
            format!("{{\"name\":{}", "[".repeat(100_000)),
            "wrong_type",
            "name",
        ),
        (
            "/api/v1/partners",
            r#"{"name":"P","delivery":{"timeout_s":"1"}}"#.into(),
            "wrong_type",
            "delivery.timeout_s",
        ),
        (
            "/api/v1/partners",
            r#"{"name":"P","delivery":{"timeout_s":31}}"#.into(),
            "out_of_range",
            "delivery.timeout_s",
        ),
        (
            "/api/v1/links",
            r#"{"offer":"nosuchoffer1","partner":null,"network":"N"}"#.into(),
            "",
            "offer",
        ),
        (
            "/api/v1/rules",
            format!(r#"{{"scope":{{"type":"partner","partner":"{partner}"}},"text":5}}"#),
            "wrong_type",
            "text",
        ),
    ];
    for (target, body, code, field) in &cases {
        let answer = scene.admin.send(
            "POST",
            target,
            &[("Content-Type", "application/json")],
            body.as_bytes(),
        );
        let what = &body[..body.len().min(80)];
        let found = refusal(what, &answer);
        assert_eq!(found.1, *field, "{what}: {}", answer.text());
        assert!(code.is_empty() || found.0 == *code, "{what}: {}", answer.text());
    }
    let plain = scene.admin.send(
        "POST",
        "/api/v1/offers",
        &[("Content-Type", "text/plain")],
        b"{\"name\":\"A\"}",
    );
    assert_eq!((plain.status, plain.error_code().as_str()), (415, "media_type"));
    assert_eq!(scene.list("/api/v1/offers").len(), 1);
    assert_eq!(scene.list("/api/v1/partners").len(), 1);
}

#[test]
fn rules_with_broken_templates_or_inward_addresses_are_not_saved() {
    let dir = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(dir.path());
    setup
        .environment
        .retain(|(name, _)| name != "YAMABIKO_DELIVERY_ALLOW_NETWORKS");
    let server = setup.start();
    let mut scene = Scene::with(
        &server,
        json!({}),
        json!({}),
        "https://partner.example/pb?id=##PARA1##",
    );
    let scope = json!({"type": "partner", "partner": scene.partner});
    for (rule, code) in [
        ("https://partner.example/?a={no_such_name}", "unknown_placeholder"),
        (
            "https://partner.example/?a=##NO_SUCH_NAME##",
            "unknown_placeholder",
        ),
        ("https://partner.example/?a={sid", "stray_brace"),
        ("https://partner.example/?a=sid}", "stray_brace"),
        ("https://partner.example/?a=｛sid｝", "full_width"),
        ("https://{sid}.example/", "placeholder_in_host"),
        ("https://{sid}@partner.example/", "placeholder_in_host"),
        ("http://partner.example@127.0.0.1/", "userinfo"),
        ("equal,{country},jp", "missing_comma"),
        (
            "matches,{country},jp,https://partner.example/",
            "unknown_operator",
        ),
        ("nonsense", "not_an_entry"),
        ("https://partner.example/?a=日本", "unencoded"),
        ("http://127.0.0.1/", "host_refused"),
        ("http://127.1/", "host_refused"),
        ("http://2130706433/", "host_refused"),
        ("http://0x7f000001/", "host_refused"),
        ("http://0177.0.0.1/", "host_refused"),
        ("http://localhost:9000/", "host_refused"),
        ("http://169.254.169.254/latest/meta-data/", "host_refused"),
        ("http://0xa9fea9fe/", "host_refused"),
        ("http://[::1]/", "host_refused"),
        ("http://[::ffff:10.0.0.1]/", "host_refused"),
        ("http://[::ffff:a00:1]/", "host_refused"),
        ("http://[64:ff9b::a00:1]/", "host_refused"),
        ("http://[fd00::1]/", "host_refused"),
        ("http://10.0.0.1/", "host_refused"),
        ("http://192.168.1.1/", "host_refused"),
        ("http://100.64.0.1/", "host_refused"),
        ("http://0.0.0.0/", "host_refused"),
    ] {
        let found = refused(
            &mut scene,
            "/api/v1/rules",
            &json!({"scope": scope, "text": rule}),
        );
        assert_eq!(found, (code.to_owned(), "text".to_owned()), "{rule}");
    }
    let long = format!("https://partner.example/?a={}", "x".repeat(9_000));
    let found = refused(
        &mut scene,
        "/api/v1/rules",
        &json!({"scope": scope, "text": long}),
    );
    assert_eq!(found.1, "text");
    assert_eq!(scene.list("/api/v1/rules").len(), 1, "nothing was written");
}
