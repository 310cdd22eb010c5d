//! Visitors that click and buy: plain requests to the running server, as browsers and shops send them.

use super::BUYERS;
use super::apps::Lives;
use super::visit::{choose_amount, choose_browser, choose_link, get};
use crate::cli::DemoArgs;
use crate::clock::Clock;
use crate::domain::ids::TimeId;
use crate::recorder::Recorder;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How soon the end of the server is seen.
const TICK: Duration = Duration::from_millis(200);

/// The time between two visitors; `None` when nobody comes.
pub(super) fn pause(args: &DemoArgs) -> Option<Duration> {
    match args.clicks_per_second {
        Some(0) => None,
        Some(clicks) => Some(Duration::from_secs(1) / clicks),
        None => Some(Duration::from_secs(86_400) / args.visits_per_day.max(1)),
    }
}

/// A purchase to come.
struct Purchase {
    at: Instant,
    sid: String,
    is_shop: bool,
}

/// Everybody who clicks and buys.
pub(super) struct Shoppers {
    server: SocketAddr,
    recorder: Recorder,
    pause: Duration,
    purchases: Vec<Purchase>,
    apps: Lives,
    number: u64,
}

impl Shoppers {
    pub(super) fn new(mut server: SocketAddr, recorder: Recorder, pause: Duration) -> Self {
        if server.ip().is_unspecified() {
            server.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        Self {
            server,
            recorder,
            pause,
            purchases: Vec::new(),
            apps: Lives::new(server),
            number: 0,
        }
    }

    /// Until the server stops. The time between two visitors varies, as in the past.
    pub(super) fn run(mut self) {
        let mut next = Instant::now();
        while !self.recorder.is_stopping() {
            if next > Instant::now() {
                std::thread::sleep(TICK.min(self.pause));
                continue;
            }
            next = Instant::now() + self.pause.mul_f64(rand::random_range(0.25..1.75));
            if let Err(error) = self.step() {
                tracing::debug!(%error, "a visitor of the demo was not served");
            }
        }
    }

    fn step(&mut self) -> std::io::Result<()> {
        self.apps.step(self.recorder.clock().now_ms())?;
        self.number += 1;
        let link = choose_link();
        let target = format!(
            "/c/{link}?param1=demo-{}&creative=banner{}&s2s=0",
            self.number,
            rand::random_range(1..4)
        );
        // Each visitor is somebody else, though all come from one address.
        let visitor = TimeId::new(Clock::System.now_ms(), rand::random());
        let answer = get(
            self.server,
            &target,
            choose_browser(),
            &format!("Cookie: yb={visitor}\r\n"),
        )?;
        if rand::random_ratio(1, BUYERS)
            && let Some(sid) = sid_of(&answer)
        {
            let at = Instant::now() + Duration::from_millis(rand::random_range(500..8000));
            self.purchases.push(Purchase {
                at,
                sid,
                is_shop: link != "demo0004",
            });
        }
        let now = Instant::now();
        let (due, later) = std::mem::take(&mut self.purchases)
            .into_iter()
            .partition(|p: &Purchase| p.at <= now);
        self.purchases = later;
        for purchase in due {
            self.buy(&purchase)?;
        }
        Ok(())
    }

    fn buy(&mut self, purchase: &Purchase) -> std::io::Result<()> {
        self.number += 1;
        let mut target = format!("/cv?sid={}", purchase.sid);
        if purchase.is_shop {
            target.push_str(&format!(
                "&uid1=demo-order-{}&amount={}",
                self.number,
                choose_amount()
            ));
        }
        get(self.server, &target, "demo-shop/1.0", "")?;
        if rand::random_ratio(1, 15) {
            // A thank-you page that is loaded again: a duplicate.
            get(self.server, &target, "demo-shop/1.0", "")?;
        }
        if rand::random_ratio(1, 20) {
            // A shop that lost the session id.
            get(
                self.server,
                "/cv?sid=0000000000000000&uid1=lost",
                "demo-shop/1.0",
                "",
            )?;
        }
        Ok(())
    }
}

/// The SID in the `Location` of a redirect.
fn sid_of(answer: &str) -> Option<String> {
    let location = answer.lines().find_map(|line| {
        line.strip_prefix("location: ")
            .or_else(|| line.strip_prefix("Location: "))
    })?;
    let (_, after) = location.split_once("sid=")?;
    after.get(..16).map(str::to_owned)
}
