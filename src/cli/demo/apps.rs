//! Devices that live through everything an app reports: installed after a click, opened, a purchase, brought back by
//! a click on another link, removed, installed again. Plain requests, as an app's server sends them.
//!
//! App sessions are half an hour apart, and nobody wants to wait for that: the clicks of the first devices are
//! an hour old when the demo starts ([`super::history`]), and their lives are told as of the last hour.

use super::{sample, visit};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Devices whose click is an hour old at the start.
pub(super) const PREPARED: u64 = 60;
/// How old it is.
pub(super) const CLICKED_BEFORE_MS: i64 = 65 * 60 * 1000;
/// Between two steps of a life.
const PAUSE: Duration = Duration::from_millis(400);

/// The advertising id of a device of the demo.
pub(super) fn idfa(device: u64) -> String {
    format!("DE300000-0000-4000-8000-{device:012}")
}

/// What the click of a device carries.
pub(super) fn click_query(device: u64) -> String {
    format!(
        "s2s=1&param1=app-{device}&creative=video{}&os_name=ios&idfa={}",
        device % 3 + 1,
        idfa(device)
    )
}

/// The requests of a life, in order. A device whose click was prepared has an hour behind it.
fn life(device: u64, now_s: i64) -> Vec<String> {
    let is_prepared = device < PREPARED;
    let app = |path: &str, minutes_ago: i64, more: &str| {
        let at = if is_prepared && minutes_ago > 0 {
            format!("&created_at_unix={}", now_s - minutes_ago * 60)
        } else {
            String::new()
        };
        let (offer, idfa) = (sample::APP, idfa(device));
        format!("/{path}?s2s=1&app_token={offer}&os_name=ios&idfa={idfa}{at}{more}")
    };
    let purchase = format!(
        "&event_token={}&revenue={}&currency=JPY&callback_params=%7B%22item%22%3A%22gem-{}%22%7D",
        sample::APP_PURCHASE,
        visit::choose_amount(),
        device % 5,
    );
    let mut steps = Vec::new();
    if !is_prepared {
        steps.push(format!("/c/{}?{}", sample::APP_LINK, click_query(device)));
    }
    steps.push(app("session", 60, ""));
    steps.push(app("event", 50, &purchase));
    if is_prepared {
        steps.push(app("session", 20, ""));
    }
    steps.push(format!("/c/{}?{}", sample::APP_OTHER_LINK, click_query(device)));
    steps.push(app("session", 0, ""));
    steps.push(app("uninstall", 0, ""));
    steps.push(app("session", 0, ""));
    steps
}

/// One life after the other.
pub(super) struct Lives {
    server: SocketAddr,
    device: u64,
    /// What is left of the present life, the next step last.
    steps: Vec<String>,
    next: Instant,
}

impl Lives {
    pub(super) fn new(server: SocketAddr) -> Self {
        Self {
            server,
            device: 0,
            steps: Vec::new(),
            next: Instant::now(),
        }
    }

    /// Takes a step when it is time.
    pub(super) fn step(&mut self, now_ms: i64) -> std::io::Result<()> {
        if Instant::now() < self.next {
            return Ok(());
        }
        if self.steps.is_empty() {
            self.steps = life(self.device, now_ms / 1000);
            self.steps.reverse();
            self.device += 1;
        }
        if let Some(target) = self.steps.pop() {
            visit::get(self.server, &target, "demo-app/1.0", "")?;
        }
        self.next = Instant::now() + PAUSE;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tracking::app::{self, AppRequest, Endpoint};
    use crate::tracking::fields::Fields;

    #[test]
    fn a_life_has_every_step_in_order_and_each_can_be_read() {
        let paths = |device| -> Vec<String> {
            let steps = life(device, 1_800_000_000);
            let mut last_ms = 0;
            for step in &steps {
                let (path, query) = step.split_once('?').unwrap();
                let endpoint = match path {
                    "/session" => Endpoint::Session,
                    "/event" => Endpoint::Event,
                    "/uninstall" => Endpoint::Uninstall,
                    _ => continue,
                };
                let fields = Fields::from_form(query.as_bytes(), &app::RULES).unwrap();
                let request = AppRequest::parse(fields, endpoint).unwrap();
                assert!(request.names_a_device(), "{step}");
                let at_ms = request.at_ms.unwrap_or(i64::MAX);
                assert!(at_ms >= last_ms, "{step}");
                last_ms = at_ms;
            }
            let path = |step: String| step.split('?').next().unwrap().to_owned();
            steps.into_iter().map(path).collect()
        };
        let other = format!("/c/{}", sample::APP_OTHER_LINK);
        let end = [other.as_str(), "/session", "/uninstall", "/session"];
        assert_eq!(
            paths(0),
            [&["/session", "/event", "/session"], end.as_slice()].concat()
        );
        let first = format!("/c/{}", sample::APP_LINK);
        assert_eq!(
            paths(PREPARED),
            [&[first.as_str(), "/session", "/event"], end.as_slice()].concat()
        );
    }
}
