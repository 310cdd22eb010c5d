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
use support::server::Setup;

fn enrolment(seed: &str, password: &str, code: &str) -> serde_json::Value {
    json!({"secret": seed, "code": code, "password": password})
}

// Tries are throttled by account: a test makes no more than eight.

#[test]
fn a_second_factor_is_enrolled_asked_for_and_good_once() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path());
    let server = setup.start();
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
    let enrolled = browser.json(
        "PUT",
        "/api/v1/me/totp",
        &enrolment(&seed, PASSWORD, &code(&seed, 0)),
    );
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
    for (spent, why) in [(code(&seed, 0), "the enrolment's"), (next, "the login's")] {
        let answer = sign_in(&server, PASSWORD, Some(&spent));
        assert_eq!(answer.error_code(), "second_factor", "{why} code is spent");
    }
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
