//! Signing in with a second factor: enrolled, asked for, good once, and switched off.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on fails"
)]

mod support;

use serde_json::json;
use support::owner::{PASSWORD, claim, code, sign_in, signed_in};
use support::scene::text;
use support::server::{Server, Setup};

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
