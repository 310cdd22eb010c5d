//! Signing in with a second factor: enrolled, asked for, good once, and switched off.

use crate::support::owner::{LOGIN, PASSWORD, browser, claim, code, sign_in, signed_in};
use crate::support::scene::text;
use crate::support::server::{Server, Setup};
use serde_json::json;

fn enrolment(seed: &str, password: &str, code: &str) -> serde_json::Value {
    json!({"secret": seed, "code": code, "password": password})
}

/// A code that was seen and comes again, before and after a start.
fn refuse_spent(server: &Server, spent: &[(&str, &str)]) {
    for (code, why) in spent {
        let answer = sign_in(server, PASSWORD, Some(code));
        assert_eq!(answer.error_code(), "second_factor", "{why} code is spent");
    }
}

// Tries are throttled by account: a test makes no more than eight.

#[test]
fn a_second_factor_is_enrolled_asked_for_and_good_once() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path());
    let mut server = setup.start();
    let (mut browser, _) = claim(&server, &setup, PASSWORD);
    let offered = browser.post_json("/api/v1/me/totp/offer", &json!({})).ok();
    let seed = text(&offered["secret"]);
    assert!(text(&offered["url"]).starts_with("otpauth://totp/"));

    // Without the password or with a wrong code nothing changes.
    let mut refuse = |password: &str, code: &str, expected: &str| {
        let answer = browser.json("PUT", "/api/v1/me/totp", &enrolment(&seed, password, code));
        assert!((400..500).contains(&answer.status), "{}", answer.text());
        assert_eq!(answer.error_code(), expected);
    };
    refuse(PASSWORD, &code(&seed, -40), "wrong_code");
    refuse("not the password at all", &code(&seed, 0), "wrong_password");
    assert_eq!(browser.get("/api/v1/me").ok()["has_totp"], false);
    let enrolling = code(&seed, 0);
    let enrolled = browser.json("PUT", "/api/v1/me/totp", &enrolment(&seed, PASSWORD, &enrolling));
    assert_eq!(enrolled.ok()["codes"].as_array().unwrap().len(), 10);
    let (mut browser, _) = signed_in(&server, &enrolled);
    assert_eq!(browser.get("/api/v1/me").ok()["has_totp"], true);

    let without = sign_in(&server, PASSWORD, None);
    assert_eq!(
        (without.status, without.error_code()),
        (401, "second_factor".into())
    );
    let next = code(&seed, 1);
    assert_eq!(sign_in(&server, PASSWORD, Some(&next)).status, 200);
    let spent = [
        (enrolling.as_str(), "the enrolment's"),
        (next.as_str(), "the login's"),
    ];
    refuse_spent(&server, &spent);
    server.restart();
    refuse_spent(&server, &spent);
    let recovery = text(&enrolled.ok()["codes"][0]);
    assert_eq!(sign_in(&server, PASSWORD, Some(&recovery)).status, 200);
}

#[test]
fn of_logins_with_one_code_at_once_one_goes_through() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path());
    let server = setup.start();
    let (mut browser, _) = claim(&server, &setup, PASSWORD);
    let offered = browser.post_json("/api/v1/me/totp/offer", &json!({})).ok();
    let seed = text(&offered["secret"]);
    let confirm = enrolment(&seed, PASSWORD, &code(&seed, 0));
    browser.json("PUT", "/api/v1/me/totp", &confirm).ok();
    let next = code(&seed, 1);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let logins: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| sign_in(&server, PASSWORD, Some(&next)).status))
            .collect();
        logins.into_iter().map(|login| login.join().unwrap()).collect()
    });
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        1,
        "{statuses:?}"
    );
}

#[test]
fn a_recovery_code_is_good_once_and_the_second_factor_can_be_switched_off() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path());
    let server = setup.start();
    let (mut browser, _) = claim(&server, &setup, PASSWORD);
    let (mut other, _) = signed_in(&server, &sign_in(&server, PASSWORD, None));
    let offered = browser.post_json("/api/v1/me/totp/offer", &json!({})).ok();
    let seed = text(&offered["secret"]);
    let enrolled = browser.json(
        "PUT",
        "/api/v1/me/totp",
        &enrolment(&seed, PASSWORD, &code(&seed, 0)),
    );
    let recovery = text(&enrolled.ok()["codes"][0]);
    assert_eq!(other.get("/api/v1/me").status, 401, "other logins end");
    assert_eq!(browser.get("/api/v1/me").status, 401, "the cookie is a new one");
    let (mut browser, _) = signed_in(&server, &enrolled);
    assert_eq!(sign_in(&server, PASSWORD, Some(&recovery)).status, 200);
    assert_eq!(sign_in(&server, PASSWORD, Some(&recovery)).status, 401);

    let mut off = |password: &str| browser.post_json("/api/v1/me/totp/off", &json!({"password": password}));
    assert_eq!(off("not the password at all").error_code(), "wrong_password");
    let answer = off(PASSWORD);
    assert_eq!(answer.status, 204, "{}", answer.text());
    assert_eq!(sign_in(&server, PASSWORD, None).status, 200);
}

#[test]
fn a_token_of_the_command_line_is_checked_like_one_of_the_api() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path());
    let server = setup.start();
    let make_all = |how: &str| {
        for (name, days, code) in [
            ("deploy", "30", 0),
            (" ", "30", 1),
            ("deploy", "0", 1),
            ("deploy", "3651", 1),
        ] {
            let arguments = [
                "token", "create", "--name", name, "--scope", "read", "--days", days,
            ];
            let output = setup.command(&arguments).output().unwrap();
            assert_eq!(
                output.status.code(),
                Some(code),
                "{how}, {name:?} for {days} days: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    };
    make_all("running");
    assert_eq!(server.terminate(), Some(0));
    make_all("not running");
}

#[test]
fn a_password_of_a_proxy_in_front_leaves_a_login_alone() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path());
    let server = setup.start();
    let (browser, _) = claim(&server, &setup, PASSWORD);
    let mut behind = browser.with_header("Authorization", "Basic aGFuYWtvOnNlY3JldA==");
    assert_eq!(behind.get("/api/v1/me").status, 200);
    let me = json!({"name": "Hanako", "language": "ja"});
    assert_eq!(behind.json("PUT", "/api/v1/me", &me).status, 200);
    // It proves nothing by itself, and a wrong token is still refused.
    let mut alone = server
        .client()
        .with_header("Authorization", "Basic aGFuYWtvOnNlY3JldA==");
    assert_eq!(alone.get("/api/v1/me").status, 401);
}

#[test]
fn no_password_is_taken_that_can_be_read_on_its_way() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path())
        .env("YAMABIKO_TRUSTED_PROXIES", "127.0.0.1")
        .env("YAMABIKO_ADMIN_HOSTS", "t.example.com");
    let mut server = setup.start();
    claim(&server, &setup, PASSWORD);
    let body = json!({"login": LOGIN, "password": PASSWORD});
    let at = |server: &Server, host: &str, headers: &[(&str, &str)]| {
        let mut browser = browser(server).with_host(host);
        for (name, value) in headers {
            browser = browser.with_header(name, value);
        }
        let state = browser.get("/api/v1/login").ok();
        let answer = browser.post_json("/api/v1/login", &body);
        assert_eq!(
            state["is_open"] == true,
            answer.status == 200,
            "{host} {headers:?}: {}",
            answer.text()
        );
        answer
    };
    let seen = [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "http")];
    for host in ["t.example.com", "T.Example.com:8080"] {
        let refused = at(&server, host, &seen);
        assert_eq!(
            (refused.status, refused.error_code().as_str()),
            (403, "plain_http"),
            "{host}"
        );
        assert!(refused.text().contains("admin.allow_http"), "{}", refused.text());
    }
    for (host, headers) in [
        (
            "t.example.com",
            [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https")],
        ),
        (
            "t.example.com",
            [("X-Forwarded-For", "192.168.1.7"), ("X-Forwarded-Proto", "http")],
        ),
        ("203.0.113.1:8080", seen),
        ("localhost", seen),
    ] {
        assert_eq!(at(&server, host, &headers).status, 200, "{host} {headers:?}");
    }
    // Whoever sits at the server opens it for a while.
    let opened = setup.command(&["setup-link"]).output().unwrap();
    assert!(opened.status.success() && !String::from_utf8_lossy(&opened.stdout).contains('#'));
    assert_eq!(at(&server, "t.example.com", &seen).status, 200);
    server.restart();
    assert_eq!(at(&server, "t.example.com", &seen).status, 403);
    assert_eq!(server.terminate(), Some(0));
    let server = setup.env("YAMABIKO_ADMIN_ALLOW_HTTP", "true").start();
    assert_eq!(at(&server, "t.example.com", &seen).status, 200);
}
