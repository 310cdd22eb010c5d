//! Secrets are planted wherever the product takes or makes one; then everything that can be read is read, the
//! log of the most talkative level included, and searched for them.

use crate::support::client::Client;
use crate::support::files::files_below;
use crate::support::owner;
use crate::support::receiver::{Behaviour, Receiver};
use crate::support::scene::{Scene, click, text};
use crate::support::server::{Server, Setup};
use base64::Engine as _;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

/// What reports are asked for; wide enough to hold the test.
const PERIOD: &str = "?from_ms=0&to_ms=1";

/// What must never be seen, with where it was planted.
struct Planted(Vec<(String, String)>);

impl Planted {
    fn add(&mut self, name: &str, secret: &str) -> String {
        assert!(secret.len() >= 8, "{name}: too short to be searched for");
        self.0.push((name.into(), secret.into()));
        secret.into()
    }

    fn assert_absent(&self, place: &str, haystack: &[u8]) {
        let haystack = String::from_utf8_lossy(haystack);
        for (name, secret) in &self.0 {
            assert!(!haystack.contains(secret), "{place} shows the {name}");
        }
    }
}

fn set_up_everything(server: &Server, setup: &Setup, planted: &mut Planted) -> (Scene, Client) {
    let password = planted.add("password", "password-Zq8vT3xLmPw2");
    planted.add("set-up token", &owner::setup_token(setup));
    let (mut browser, cookie) = owner::claim(server, setup, &password);
    planted.add("cookie of the login", &cookie);

    let receiver = Receiver::start();
    let mut scene = Scene::build(server, &receiver);
    // The signing secret, as text and as the bytes that it stands for.
    let key = "signing-Kd7QwXc2-bytes-rT5nB1";
    let signing = format!(
        "whsec_{}",
        base64::engine::general_purpose::STANDARD.encode(planted.add("signing key", key))
    );
    planted.add("signing secret", &signing);
    let token = planted.add("partner's token", "partner-Token-Ww4Hh8");
    let secret = format!("/api/v1/partners/{}/secrets/token", scene.partner);
    scene.admin.json("PUT", &secret, &json!({"value": token})).ok();
    receiver.behave(Behaviour::Answer(
        200,
        vec![("Location".into(), format!("/?t={token}"))],
        format!("you sent {token}"),
    ));
    let mut rule = scene.admin.get(&format!("/api/v1/rules/{}", scene.rule)).ok();
    rule["headers"] = json!([{"name": "Authorization", "value": "Bearer {secret.token}"}]);
    rule["text"] = json!(format!("{}&t={{secret.token}}", text(&rule["text"])));
    rule["signing_secret"] = json!(signing);
    let path = format!("/api/v1/rules/{}", scene.rule);
    scene.admin.json("PUT", &path, &rule).ok();
    rule["signing_secret"] = json!("whsec_wrong-Pl4nted-s3cret");
    planted.add("refused signing secret", "wrong-Pl4nted-s3cret");
    let refused = scene.admin.json("PUT", &path, &rule);
    assert_eq!(refused.status, 400);
    planted.assert_absent("the refusal", &refused.body);
    let checked = scene.admin.post_json("/api/v1/rules/check", &rule);
    planted.assert_absent("the check of a rule", &checked.body);

    let offer_path = format!("/api/v1/offers/{}", scene.offer);
    let bearer = scene
        .admin
        .post_json(&format!("{offer_path}/bearer_tokens"), &json!({"name": "shop"}))
        .ok();
    let bearer = planted.add("offer's bearer token", &text(&bearer["secret"]));
    let mut offer = scene.admin.get(&offer_path).ok();
    offer["trust"]["hmac_secret"] = json!(planted.add("offer's HMAC secret", "hmac-offer-Vb6Yt0QzRk"));
    offer["trust"]["mode"] = json!("test");
    scene.admin.json("PUT", &offer_path, &offer).ok();
    let partner_path = format!("/api/v1/partners/{}", scene.partner);
    let mut partner = scene.admin.get(&partner_path).ok();
    partner["trust"]["hmac_secret"] = json!(planted.add("partner's HMAC secret", "hmac-partner-Hn3Ue9Ws"));
    scene.admin.json("PUT", &partner_path, &partner).ok();
    let mut settings = scene.admin.get("/api/v1/settings").ok();
    settings["alerts"]["webhook_url"] = json!("https://hooks.example/T0/alert-Gx8Rr2Mj");
    planted.add("alert webhook", "alert-Gx8Rr2Mj");
    scene.admin.json("PUT", "/api/v1/settings", &settings).ok();

    let token = scene
        .admin
        .post_json("/api/v1/tokens", &json!({"name": "deploy", "scope": "read"}))
        .ok();
    planted.add("API token", &text(&token["secret"]));
    let offered = browser.post_json("/api/v1/me/totp/offer", &json!({})).ok();
    let seed = planted.add("TOTP seed", &text(&offered["secret"]));
    let enrolled = browser.json(
        "PUT",
        "/api/v1/me/totp",
        &json!({"secret": seed, "code": owner::code(&seed, 0), "password": password}),
    );
    for code in enrolled.ok()["codes"].as_array().unwrap() {
        planted.add("recovery code", &text(code));
    }
    let (browser, cookie) = owner::signed_in(server, &enrolled);
    planted.add("second cookie", &cookie);
    // Failed and refused tries, with everything that they carry.
    assert_eq!(
        owner::sign_in(server, &planted.add("mistyped password", "mistyped-Ff9Lk2"), None).status,
        401
    );
    server
        .client()
        .with_header("Authorization", "Bearer ybk_unknown-Token-Aa7")
        .get("/api/v1/me");
    planted.add("unknown API token", "unknown-Token-Aa7");

    // Traffic that carries them.
    let sid = click(&mut server.client(), &scene.link, "x");
    for (n, authorization) in [format!("Bearer {bearer}"), "Bearer ybs_guess-Dd5Ss8".to_owned()]
        .iter()
        .enumerate()
    {
        let body = format!("sid={sid}&uid1={n}&amount=1");
        let headers = [
            ("Authorization", authorization.as_str()),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ];
        server
            .client()
            .send("POST", "/cv", &headers, body.as_bytes())
            .ok();
    }
    planted.add("guessed bearer token", "guess-Dd5Ss8");
    receiver.wait_for(1, Duration::from_secs(60));
    assert!(receiver.arrivals()[0].header("webhook-signature").is_some());
    scene
        .admin
        .post_json(&format!("/api/v1/rules/{}/test", scene.rule), &json!({}));
    (scene, browser)
}

/// Every GET route of the document with ids that exist, and the lists as files.
fn routes(admin: &mut Client, scene: &Scene) -> Vec<String> {
    let document = admin.get("/api/openapi.json").ok();
    let first = |admin: &mut Client, list: &str| {
        let page = admin.get(&format!("/api/v1/{list}")).ok();
        text(&page["items"][0]["id"])
    };
    let (postback, activity, session) = (
        first(admin, "postbacks"),
        first(admin, "activities"),
        first(admin, "sessions"),
    );
    let user = first(admin, "users");
    let preset = first(admin, "presets");
    let mut routes = vec![
        "/metrics".to_owned(),
        "/readyz".into(),
        "/healthz".into(),
        "/".into(),
    ];
    for (path, item) in document["paths"].as_object().unwrap() {
        if !path.starts_with("/api/") {
            continue;
        }
        if item.get("get").is_none() || path.ends_with("/stream") {
            continue;
        }
        if path.contains("{list}") {
            for list in [
                "sessions",
                "activities",
                "postbacks",
                "stats",
                "payouts",
                "audit",
                "offers",
                "partners",
                "links",
                "rules",
            ] {
                let period = match list {
                    "stats" | "payouts" => PERIOD,
                    _ => "",
                };
                routes.push(path.replace("{list}", list) + period);
            }
            continue;
        }
        let id = match path.split('/').nth(3).unwrap_or_default() {
            "offers" => &scene.offer,
            "partners" => &scene.partner,
            "links" => &scene.link,
            "rules" => &scene.rule,
            "postbacks" => &postback,
            "activities" | "trace" => &activity,
            "sessions" => &session,
            "users" => &user,
            "presets" => &preset,
            _ => "0mhz9k2x0a1b2c3d",
        };
        let (head, tail) = path.split_once('{').unwrap_or((path, ""));
        let tail = tail.split_once('}').map_or("", |(_, tail)| tail);
        let path = &match path.as_str() {
            "/api/v1/stats" | "/api/v1/payouts" => format!("{path}{PERIOD}"),
            _ => path.clone(),
        };
        routes.push(if path.contains('{') {
            format!("{head}{id}{tail}")
        } else {
            path.clone()
        });
    }
    routes
}

fn run(setup: &Setup, arguments: &[&str]) -> Vec<u8> {
    let output = setup.command(arguments).output().unwrap();
    [output.stdout, output.stderr].concat()
}

#[test]
fn no_secret_is_ever_shown() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut planted = Planted(Vec::new());
    let metrics_token = planted.add("metrics token", "metrics-Token-Jj4Pp7Cc");
    let setup = Setup::new(&data)
        .env("YAMABIKO_LOG_LEVEL", "trace")
        .env("YAMABIKO_ADMIN_METRICS_TOKEN", &metrics_token);
    let server = setup.start();
    let (mut scene, mut browser) = set_up_everything(&server, &setup, &mut planted);

    let routes = routes(&mut server.admin(), &scene);
    assert!(routes.len() > 40, "{routes:?}");
    let mut answered = 0;
    for route in &routes {
        for client in [&mut browser, &mut scene.admin] {
            let answer = client.get(route);
            answered += usize::from(answer.status == 200);
            planted.assert_absent(&format!("GET {route}"), &answer.body);
            planted.assert_absent(route, format!("{:?}", answer.headers).as_bytes());
        }
    }
    assert!(answered > 60, "only {answered} answers were looked at");
    let metrics = server
        .client()
        .with_header("Authorization", &format!("Bearer {metrics_token}"))
        .get("/metrics");
    assert_eq!(metrics.status, 200);
    planted.assert_absent("/metrics", &metrics.body);

    for arguments in [
        &["config", "show"][..],
        &["config", "show", "--json"],
        &["doctor", "--json"],
        &["export"],
        &["export", "--json"],
        &["admin", "list"],
        &["token", "list"],
        &["healthcheck"],
    ] {
        planted.assert_absent(&format!("{arguments:?}"), &run(&setup, arguments));
    }
    let backup = dir.path().join("backup.tar");
    let said = run(&setup, &["backup", backup.to_str().unwrap()]);
    planted.assert_absent("backup", &said);
    assert_private(&backup);
    planted.assert_absent("the log", server.log().as_bytes());
    assert!(
        server.log().contains("\"TRACE\""),
        "the log is as talkative as it can be"
    );
    server.terminate();
    planted.assert_absent("doctor", &run(&setup, &["doctor"]));

    // What is kept as a hash only is nowhere in the files either.
    for file in files_below(&data) {
        assert_private(&file);
        let bytes = std::fs::read(&file).unwrap();
        for (name, secret) in &planted.0 {
            let is_kept = matches!(
                name.as_str(),
                "signing secret"
                    | "partner's token"
                    | "offer's HMAC secret"
                    | "partner's HMAC secret"
                    | "alert webhook"
                    | "TOTP seed"
            );
            let is_found = bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(is_kept || !is_found, "{} holds the {name}", file.display());
        }
    }
}

/// Nobody but the owner of the file may read it, or enter its directory.
fn assert_private(file: &Path) {
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o077;
    let is_shut_off = file
        .ancestors()
        .any(|dir| dir.is_dir() && mode(dir) == 0 && dir.ends_with("data"));
    assert!(
        mode(file) == 0 || is_shut_off,
        "{} can be read by others",
        file.display()
    );
}

#[test]
fn examples_of_the_document_hold_no_secret_and_no_route_answers_with_one() {
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    let document = server.admin().get("/api/openapi.json").ok();
    // Secrets are `Secret` in what is read; only what is made once answers with the text.
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut showing: Vec<String> = Vec::new();
    for (name, schema) in schemas {
        let Some(fields) = schema["properties"].as_object() else {
            continue;
        };
        for (field, kind) in fields {
            let is_secret = ["secret", "password", "seed"]
                .iter()
                .any(|word| field.contains(word));
            if is_secret && kind["type"] == "string" {
                showing.push(format!("{name}.{field}"));
            }
        }
    }
    let answers: Vec<&Value> = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .filter_map(|item| item.get("get"))
        .map(|get| &get["responses"])
        .collect();
    for name in &showing {
        let schema = format!("schemas/{}\"", name.split('.').next().unwrap());
        assert!(
            !answers.iter().any(|a| a.to_string().contains(&schema)),
            "a GET answers with {name}"
        );
    }
    assert!(
        !document.to_string().contains("whsec_M"),
        "no example is a real secret"
    );
}
