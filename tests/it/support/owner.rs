//! The owner of an instance in front of a browser: the claim, the cookie, the second factor.

use super::client::{Answer, Client};
use super::server::{Server, Setup};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

pub const LOGIN: &str = "hanako@example.jp";
pub const PASSWORD: &str = "correct horse battery staple";

/// A fresh set-up token, as the command line prints it.
pub fn setup_token(setup: &Setup) -> String {
    let output = setup.command(&["setup-link"]).output().expect("setup-link");
    let link = String::from_utf8_lossy(&output.stdout).into_owned();
    let token = link
        .split_once('#')
        .map(|(_, rest)| rest.split_whitespace().next());
    token
        .flatten()
        .unwrap_or_else(|| panic!("no token: {link}"))
        .to_owned()
}

/// Claims an instance; gives a browser that is signed in, and the text of its cookie.
pub fn claim(server: &Server, setup: &Setup, password: &str) -> (Client, String) {
    let token = setup_token(setup);
    let mut browser = browser(server).with_header("X-Setup-Token", &token);
    let claimed = browser.post_json(
        "/api/v1/setup/claim",
        &json!({"login": LOGIN, "password": password}),
    );
    claimed.ok();
    signed_in(server, &claimed)
}

/// A browser that asks from our own pages.
pub fn browser(server: &Server) -> Client {
    server.client().with_header("Sec-Fetch-Site", "same-origin")
}

/// The browser after an answer that set the cookie.
pub fn signed_in(server: &Server, answer: &Answer) -> (Client, String) {
    let cookie = answer.header("set-cookie").expect("a cookie");
    let cookie = cookie.split(';').next().expect("a cookie").to_owned();
    let value = cookie.split_once('=').expect("name and value").1.to_owned();
    (browser(server).with_header("Cookie", &cookie), value)
}

/// Tries to sign in.
pub fn sign_in(server: &Server, password: &str, code: Option<&str>) -> Answer {
    let mut body: Value = json!({"login": LOGIN, "password": password});
    if let Some(code) = code {
        body["code"] = json!(code);
    }
    browser(server).post_json("/api/v1/login", &body)
}

/// What an authenticator app shows so many steps of 30 s from now.
pub fn code(secret: &str, steps: i64) -> String {
    let secret = totp_rs::Secret::try_from_base32(secret).expect("base32");
    let totp = totp_rs::Builder::new()
        .with_secret(secret)
        .with_account_name("x".to_owned())
        .with_issuer(Some("Yamabiko"))
        .build()
        .expect("totp");
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("clock")
        .as_secs();
    totp.generate(now.saturating_add_signed(steps * 30)).to_string()
}
