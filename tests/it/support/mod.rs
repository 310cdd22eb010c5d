//! What every end-to-end test needs: the real binary on port 0 with a directory of its own, a real HTTP
//! receiver whose behaviour can be switched, and a plain HTTP client.
#![allow(dead_code, reason = "the benchmark uses a part of it")]

pub mod app;
pub mod client;
pub mod dns;
pub mod engines;
pub mod files;
pub mod load;
pub mod mail;
pub mod owner;
pub mod pebble;
pub mod proxy;
pub mod receiver;
pub mod refusal;
pub mod scene;
pub mod server;
pub mod sse;
pub mod tls;
pub mod way;

use std::time::{Duration, Instant};

/// A test that cannot run on this machine says why and passes; where `CI` is set it fails, so that no run there
/// counts as complete without it.
pub fn skip(reason: &str) {
    assert!(std::env::var_os("CI").is_none(), "cannot run here: {reason}");
    println!("skipped: {reason}");
}

/// Polls until `ready` gives something, at most `within`; panics with `what` afterwards.
pub fn eventually<T>(what: &str, within: Duration, mut ready: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + within;
    loop {
        if let Some(value) = ready() {
            return value;
        }
        assert!(Instant::now() < end, "not within {within:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
