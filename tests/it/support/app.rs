//! A server with an app, two partners with a link each, and a receiver.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use super::client::{Answer, Client};
use super::eventually;
use super::receiver::{Arrival, Receiver};
use super::scene::{BROWSER, text};
use super::server::{Server, Setup};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub const SOON: Duration = Duration::from_secs(60);
pub const IDFA: &str = "A1B2C3D4-0000-4000-8000-1234567890AB";

pub fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Lets the clock of milliseconds move on, so that what follows is later.
pub fn next_moment() {
    let ms = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let start = ms();
    while ms() < start + 2 {
        std::thread::yield_now();
    }
}

/// A server with an app, two partners with a link each, and a receiver.
pub struct App {
    pub server: Server,
    pub receiver: Receiver,
    pub admin: Client,
    pub token: String,
    pub purchase: String,
    pub unique: String,
    pub partner: String,
    pub link: String,
    pub link2: String,
    pub dir: tempfile::TempDir,
}

impl App {
    pub fn new(attribution: Value) -> Self {
        Self::with(attribution, |setup| setup)
    }

    /// The same with other settings of the server.
    pub fn with(attribution: Value, change: impl FnOnce(Setup) -> Setup) -> Self {
        let dir = tempfile::tempdir().unwrap();
        // Nothing proves these callers, and what they ask for is to be seen at once.
        let setup = Setup::new(dir.path()).env("YAMABIKO_LIMITS_ERASURE_WAIT_H", "0");
        let server = change(setup).start();
        let receiver = Receiver::start();
        let mut admin = server.admin();
        let offer = admin
            .post_json(
                "/api/v1/offers",
                &json!({
                    "name": "Tea App",
                    "kind": "app",
                    "destinations": {
                        "default": "https://tea.example/app",
                        "android": "https://play.google.com/store/apps/details?id=example.tea",
                    },
                    "events": [
                        {"name": "purchase", "has_revenue": true},
                        {"name": "sign-up", "is_unique": true},
                    ],
                    "attribution": attribution,
                }),
            )
            .ok();
        let token = text(&offer["id"]);
        let mut partners = Vec::new();
        for name in ["Net One", "Net Two"] {
            let host = format!("localhost:{}", receiver.address().port());
            let partner = json!({"name": name, "callback_hosts": [host]});
            let partner = text(&admin.post_json("/api/v1/partners", &partner).ok()["id"]);
            let link = json!({"offer": token, "partner": partner, "network": name});
            let link = text(&admin.post_json("/api/v1/links", &link).ok()["token"]);
            partners.push((partner, link));
        }
        Self {
            admin,
            purchase: text(&offer["events"][0]["token"]),
            unique: text(&offer["events"][1]["token"]),
            token,
            partner: partners[0].0.clone(),
            link: partners[0].1.clone(),
            link2: partners[1].1.clone(),
            server,
            receiver,
            dir,
        }
    }

    /// Stops the server and starts it anew.
    pub fn restart(&mut self) {
        self.server.restart();
        self.admin = self.server.admin();
    }

    /// Waits until everything that was answered can be read.
    pub fn applied(&mut self) {
        // A change of nothing, whose answer waits for all that was before it.
        let nothing = json!({"ids": ["0000000000000001"], "status": "approved"});
        self.admin.post_json("/api/v1/activities/status", &nothing).ok();
    }

    pub fn rule(&mut self, kinds: &[&str], rule: &str) {
        let scope = json!({"type": "offer", "offer": self.token});
        let rule = json!({"name": "told", "scope": scope, "kinds": kinds, "text": rule});
        self.admin.post_json("/api/v1/rules", &rule).ok();
    }

    pub fn url(&self, path: &str) -> String {
        self.receiver.url(path)
    }

    pub fn click(&self, link: &str, parameters: &str) -> String {
        next_moment();
        let target = format!("/c/{link}?s2s=1&user_agent=x&{parameters}");
        let answer = self
            .server
            .client()
            .send("GET", &target, &[("User-Agent", BROWSER)], b"");
        next_moment();
        text(&answer.ok()["sid"])
    }

    pub fn send(&self, path: &str, parameters: &str) -> Answer {
        let target = format!("/{path}?s2s=1&app_token={}&{parameters}", self.token);
        self.server.client().send("POST", &target, &[], b"")
    }

    /// Waits for the callback of a kind; `n` counts those of that kind from 0.
    pub fn told(&self, kind: &str, n: usize) -> Arrival {
        eventually(&format!("callback {n} of {kind}"), SOON, || {
            let arrivals = self.receiver.arrivals();
            let mut of_kind = arrivals
                .into_iter()
                .filter(|a| a.query_value("kind").as_deref() == Some(kind));
            of_kind.nth(n)
        })
    }

    pub fn kinds_told(&self) -> Vec<String> {
        let mut kinds: Vec<String> = self
            .receiver
            .arrivals()
            .iter()
            .filter_map(|a| a.query_value("kind"))
            .collect();
        kinds.sort();
        kinds
    }
}

/// Every value that the tests of apps look at.
pub const ALL: &str = "/cb?kind={activity_kind}&tracker={tracker}&name={tracker_name}&idfa={idfa}&at={created_at}\
    &installed={installed_at}&n={session_count}&all={lifetime_session_count}&first={first_tracker}\
    &last={last_tracker}&out={outdated_tracker}&re={is_reattributed}&match={match_type}&organic={is_organic}\
    &gone={uninstalled_at}&back={time_to_reinstall}&revenue={revenue}&amount={revenue_float}&cur={currency}\
    &event={event}&reason={rejection_reason}&label={label}&env={environment}&adid={adid}&cost={cost_amount}\
    &updated={attribution_updated_at}&s2s={is_s2s}";
