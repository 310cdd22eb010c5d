//! Under which names the admin side answers: those that it was set up with, never one that somebody else
//! points here. Tracking answers under every name.

use crate::support::client::Client;
use crate::support::receiver::Receiver;
use crate::support::scene::{Scene, text};
use crate::support::server::{Server, Setup};
use serde_json::json;

const PASSWORD: &str = "correct horse battery staple";

fn claim(server: &Server, setup: &Setup, host: &str) {
    let output = setup.command(&["setup-link"]).output().unwrap();
    let link = String::from_utf8_lossy(&output.stdout).into_owned();
    let token = link
        .split_once('#')
        .unwrap_or_else(|| panic!("no token: {link}"))
        .1;
    let token = token.split_whitespace().next().unwrap().to_owned();
    let claimed = server.client().with_host(host).send(
        "POST",
        "/api/v1/setup/claim",
        &[
            ("Content-Type", "application/json"),
            ("X-Setup-Token", &token),
            ("Sec-Fetch-Site", "same-origin"),
        ],
        json!({"login": "hanako", "password": PASSWORD})
            .to_string()
            .as_bytes(),
    );
    assert_eq!(claimed.status, 201, "{}", claimed.text());
}

fn status(server: &Server, host: &str, target: &str) -> (u16, String) {
    let answer = server.client().with_host(host).get(target);
    let code = if answer.status == 421 {
        answer.error_code()
    } else {
        String::new()
    };
    (answer.status, code)
}

#[test]
fn a_name_that_is_not_ours_is_refused_everywhere_but_on_the_tracking_endpoints() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path()).env("YAMABIKO_ADMIN_HOSTS", "Console.example.jp,管理.example");
    let server = setup.start();
    // Nobody owns it yet: the operator may come by any name, and nothing happens without the token.
    assert_eq!(status(&server, "first.example:8080", "/").0, 200);
    for target in ["/api/v1/setup/status", "/api/v1/me", "/api/openapi.json"] {
        assert_eq!(status(&server, "evil.example", target).0, 421, "{target}");
        assert_ne!(status(&server, "127.0.0.1", target).0, 421, "{target}");
    }
    assert_eq!(status(&server, "evil.example", "/metrics").0, 403);
    claim(&server, &setup, "first.example:8080");

    let refused = (421, "unknown_host".to_owned());
    for target in [
        "/",
        "/api/v1/me",
        "/api/openapi.json",
        "/api/v1/live",
        "/metrics",
        "/no-such-page",
    ] {
        let found = status(&server, "evil.example:8080", target);
        if target == "/metrics" {
            assert_eq!(found.0, 403, "trust by address ends with a strange name");
        } else {
            assert_eq!(found, refused, "{target}");
        }
    }
    let sign_in = json!({"login": "hanako", "password": PASSWORD});
    let login = |host: &str| {
        server.client().with_host(host).send(
            "POST",
            "/api/v1/login",
            &[
                ("Content-Type", "application/json"),
                ("Sec-Fetch-Site", "same-origin"),
            ],
            sign_in.to_string().as_bytes(),
        )
    };
    assert_eq!(
        login("evil.example").status,
        421,
        "not even with the right password"
    );
    let answer = login("evil.example");
    let message = text(&answer.json()["error"]["message"]);
    assert!(message.contains("admin.hosts"), "says what to do: {message}");
    assert!(answer.header("content-security-policy").is_some());
    // The names of this server.
    for host in [
        "first.example",
        "FIRST.example:443",
        "console.example.jp",
        "xn--8ey35n.example",
        "localhost:8080",
        "127.0.0.1",
        "192.0.2.7:8080",
        "[::1]:8080",
    ] {
        assert_eq!(status(&server, host, "/").0, 200, "{host}");
    }
    assert_eq!(login("first.example").status, 200);

    // Addresses that the settings name count at once.
    let mut admin = server.admin();
    let mut settings = admin.get("/api/v1/settings").ok();
    assert_eq!(settings["admin_hosts"], json!(["first.example"]));
    settings["public_url"] = json!("https://t.example.com");
    settings["tracking_domains"] = json!(["https://t2.example.com"]);
    settings.as_object_mut().unwrap().remove("admin_hosts");
    let saved = admin.json("PUT", "/api/v1/settings", &settings).ok();
    assert_eq!(
        saved["admin_hosts"],
        json!(["first.example"]),
        "left out: as they are"
    );
    for host in ["t.example.com", "t2.example.com", "first.example"] {
        assert_eq!(status(&server, host, "/").0, 200, "{host}");
    }
    let mut settings = saved;
    settings["admin_hosts"] = json!(["https://x.example"]);
    let wrong = admin.json("PUT", "/api/v1/settings", &settings);
    assert_eq!((wrong.status, wrong.error_code()), (400, "invalid_host".into()));
    settings["admin_hosts"] = json!(["Second.example"]);
    assert_eq!(admin.json("PUT", "/api/v1/settings", &settings).status, 200);
    assert_eq!(status(&server, "second.example", "/").0, 200);
    assert_eq!(status(&server, "first.example", "/"), refused);

    // Visitors come by any name.
    let scene = Scene::build(&server, &Receiver::start());
    let visit = |mut client: Client| client.get(&format!("/c/{}", scene.link));
    assert_eq!(
        visit(server.client().with_host("old-campaign.example")).status,
        302
    );
    assert_eq!(status(&server, "old-campaign.example", "/tag.js").0, 200);
    assert_eq!(status(&server, "probe.example", "/healthz").0, 200);
}

#[test]
fn with_an_address_of_its_own_no_admin_route_is_left_on_the_tracking_side() {
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path())
        .env("YAMABIKO_ADMIN_LISTEN", "127.0.0.1:0")
        .start();
    let log = server.log();
    let listening = log
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find(|line| line["message"] == "listening")
        .unwrap();
    let admin_side = text(&listening["admin"]).parse().unwrap();
    assert_ne!(admin_side, server.address());
    let (mut public, mut admin) = (server.admin(), server.admin().at(admin_side));
    let document = admin.get("/api/openapi.json").ok();
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() > 40);
    for (path, item) in paths {
        if !path.starts_with("/api/") {
            continue;
        }
        for method in item.as_object().unwrap().keys() {
            let method = method.to_uppercase();
            let answer = public.send(&method, path, &[], b"");
            assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text());
        }
    }
    for page in ["/", "/setup", "/login", "/api/openapi.json", "/index.html"] {
        assert_eq!(public.get(page).status, 404, "{page}");
    }
    assert_eq!(
        admin.get("/links/x").status,
        200,
        "the admin side serves its pages"
    );
    for path in ["/c/x", "/cv"] {
        assert_eq!(admin.get(path).status, 404, "{path}: and no tracking");
    }
    for path in ["/c/a/b", "/CV"] {
        assert_eq!(public.get(path).status, 404, "{path}");
    }
    assert!(public.get("/CV").text().contains("/cv is probably meant"));
}

#[test]
fn what_a_visitor_writes_into_x_forwarded_host_vouches_for_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path()).env("YAMABIKO_TRUSTED_PROXIES", "127.0.0.1");
    let server = setup.start();
    claim(&server, &setup, "console.example.jp");
    let asked = |host: &str, forwarded: &str| {
        let mut client = server.client().with_host(host);
        client
            .send("GET", "/", &[("X-Forwarded-Host", forwarded)], b"")
            .status
    };
    assert_eq!(asked("console.example.jp", "console.example.jp"), 200);
    assert_eq!(asked("127.0.0.1:8080", "console.example.jp"), 200);
    for forwarded in [
        "console.example.jp",
        "127.0.0.1",
        "console.example.jp, evil.example",
    ] {
        assert_eq!(asked("evil.example", forwarded), 421, "{forwarded}");
    }
    assert_eq!(asked("console.example.jp", "evil.example"), 421);
}
