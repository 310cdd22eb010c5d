//! Visitors that click and buy: plain requests to the running server, as browsers and shops send them.

use super::apps::Lives;
use super::sample;
use crate::clock::Clock;
use crate::domain::ids::TimeId;
use crate::recorder::Recorder;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

const BROWSERS: [&str; 4] = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
];
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn choose_browser() -> &'static str {
    BROWSERS[rand::random_range(0..BROWSERS.len())]
}

pub(super) fn choose_link() -> &'static str {
    let mut left = rand::random_range(0..sample::LINKS.iter().map(|(_, share)| share).sum());
    for (link, share) in sample::LINKS {
        if left < share {
            return link;
        }
        left -= share;
    }
    sample::SHOP_LINK
}

/// What a basket costs, in yen.
pub(super) fn choose_amount() -> i64 {
    rand::random_range(8..120) * 100
}

/// A purchase to come.
struct Purchase {
    at: Instant,
    sid: String,
    is_shop: bool,
}

/// The visitors.
pub(super) struct Visitors {
    server: SocketAddr,
    recorder: Recorder,
    clicks_per_second: u32,
    purchases: Vec<Purchase>,
    apps: Lives,
    number: u64,
}

impl Visitors {
    pub(super) fn new(mut server: SocketAddr, recorder: Recorder, clicks_per_second: u32) -> Self {
        if server.ip().is_unspecified() {
            server.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        Self {
            server,
            recorder,
            clicks_per_second,
            purchases: Vec::new(),
            apps: Lives::new(server),
            number: 0,
        }
    }

    /// Until the server stops.
    pub(super) fn run(mut self) {
        if self.clicks_per_second == 0 {
            return;
        }
        let pause = Duration::from_secs(1) / self.clicks_per_second;
        while !self.recorder.is_stopping() {
            std::thread::sleep(pause);
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
        let cookie = format!("Cookie: yb={visitor}\r\n");
        let answer = get(self.server, &target, choose_browser(), &cookie)?;
        if rand::random_ratio(1, 6)
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

/// The answer to one request, as text. `headers` are whole lines.
pub(super) fn get(
    server: SocketAddr,
    target: &str,
    user_agent: &str,
    headers: &str,
) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET {target} HTTP/1.1\r\nHost: {server}\r\nUser-Agent: {user_agent}\r\nAccept-Language: ja-JP,ja;q=0.9\r\nReferer: https://media.example/\r\n{headers}Connection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer)?;
    Ok(answer)
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
