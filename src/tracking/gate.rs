//! How often strangers may send something: by network, and by session. What is beyond is answered 429, and nothing of
//! it is kept. Clicks and impressions are never refused.
//!
//! | what | bound (default) | beyond |
//! | --- | --- | --- |
//! | conversions and app requests of a network | 50 a second, 500 at once | 429 |
//! | the same of one SID | 1 a second, 20 at once | 429 |
//! | SIDs that do not exist, of a network | 10 a second | 429, for such SIDs only |
//! | clicks and impressions of a network | 2,000 a second | flagged `burst`, kept within the day's bytes |
//!
//! A network is a /24 or an IPv6 /48. Whoever a token, a signature or a listed address vouches for is exempt, and so
//! are loopback and private addresses: behind a proxy that is not in `trusted_proxies` everybody would be one network.
//!
//! **Memory is fixed**: a table of 65,536 places of 16 bytes for each bound, eight to a set. A key that finds its set
//! full takes the place of the one that has most of its allowance left, so that a flood of made-up networks or SIDs
//! displaces those that rest, and of a flood that is larger than the table some is let through: the bytes of a day
//! bound what it leaves (see [`crate::recorder::Rooms`]). Own code because the crates for rates grow with their keys.

use crate::config::Limits;
use crate::domain::pace::Pace;
use crate::telemetry;
use parking_lot::Mutex;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Places of a set.
const WAYS: usize = 8;
/// Sets of a table; a power of two.
const SETS: usize = 8_192;

/// Rates; 0 a second: without a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Requests of a network a second.
    pub requests: u32,
    /// And at once.
    pub requests_burst: u32,
    /// Requests of one SID a second.
    pub sid: u32,
    /// And at once.
    pub sid_burst: u32,
    /// SIDs that do not exist, of a network, a second.
    pub unknown_sids: u32,
    /// Clicks and impressions of a network a second.
    pub clicks: u32,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            requests: 50,
            requests_burst: 500,
            sid: 1,
            sid_burst: 20,
            unknown_sids: 10,
            clicks: 2_000,
        }
    }
}

impl Rates {
    /// In the order of the fields of [`Gate`].
    fn paces(self) -> [Option<Pace>; 4] {
        [
            Pace::new(self.requests, self.requests_burst),
            Pace::new(self.sid, self.sid_burst),
            Pace::new(self.unknown_sids, self.unknown_sids),
            Pace::new(self.clicks, self.clicks),
        ]
    }
}

impl From<&Limits> for Rates {
    fn from(limits: &Limits) -> Self {
        Self {
            requests: limits.unproven_per_s,
            requests_burst: limits.unproven_burst,
            sid: limits.sid_per_s,
            sid_burst: limits.sid_burst,
            unknown_sids: limits.unknown_sids_per_s,
            clicks: limits.clicks_per_s,
        }
    }
}

/// A key that was seen, and until when it has used its allowance up (microseconds since the start).
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    key: u64,
    paid_until_us: u64,
}

/// One bound and who used how much of it.
#[derive(Debug)]
struct Table {
    /// [`Pace::parts`]; 0: without a bound. Both change at a reload only, and every click reads them.
    every_us: AtomicU64,
    burst_us: AtomicU64,
    /// Made when there is a bound for the first time.
    sets: OnceLock<Box<[Mutex<[Place; WAYS]>]>>,
}

impl Table {
    fn new(pace: Option<Pace>) -> Self {
        let (every_us, burst_us) = pace.map_or((0, 0), Pace::parts);
        Self {
            every_us: every_us.into(),
            burst_us: burst_us.into(),
            sets: OnceLock::new(),
        }
    }

    fn set(&self, pace: Option<Pace>) {
        let (every_us, burst_us) = pace.map_or((0, 0), Pace::parts);
        self.every_us.store(every_us, Ordering::Relaxed);
        self.burst_us.store(burst_us, Ordering::Relaxed);
    }

    /// Counts one; `Err`: after how many microseconds the next is taken.
    fn take(&self, key: u64, now_us: u64) -> Result<(), u64> {
        self.ask(key, now_us, true)
    }

    /// Whether one would be taken.
    fn look(&self, key: u64, now_us: u64) -> Result<(), u64> {
        self.ask(key, now_us, false)
    }

    fn ask(&self, key: u64, now_us: u64, counts: bool) -> Result<(), u64> {
        let parts = (
            self.every_us.load(Ordering::Relaxed),
            self.burst_us.load(Ordering::Relaxed),
        );
        let Some(pace) = Pace::of_parts(parts) else {
            return Ok(());
        };
        let at = usize::try_from(key % SETS as u64).unwrap_or(0);
        let sets = self
            .sets
            .get_or_init(|| (0..SETS).map(|_| Mutex::default()).collect());
        let mut set = sets[at].lock();
        let place = place_of(&mut set, key);
        let known_us = if place.key == key { place.paid_until_us } else { 0 };
        let paid_until_us = pace.take(known_us, now_us)?;
        if counts {
            *place = Place { key, paid_until_us };
        }
        Ok(())
    }
}

/// The place of a key, else the one that can best be spared.
fn place_of(set: &mut [Place; WAYS], key: u64) -> &mut Place {
    let own = set.iter().position(|place| place.key == key);
    let spared = || {
        let rested = set
            .iter()
            .enumerate()
            .min_by_key(|(_, place)| place.paid_until_us);
        rested.map_or(0, |(at, _)| at)
    };
    let at = own.unwrap_or_else(spared);
    &mut set[at]
}

/// See the module.
#[derive(Debug)]
pub struct Gate {
    requests: Table,
    sids: Table,
    unknown_sids: Table,
    clicks: Table,
    /// Nobody can choose keys that meet in one set.
    hasher: RandomState,
    start: Instant,
}

impl Default for Gate {
    fn default() -> Self {
        Self::new(Rates::default())
    }
}

impl Gate {
    /// Everybody has their whole allowance.
    pub fn new(rates: Rates) -> Self {
        let [requests, sids, unknown_sids, clicks] = rates.paces().map(Table::new);
        Self {
            requests,
            sids,
            unknown_sids,
            clicks,
            hasher: RandomState::new(),
            start: Instant::now(),
        }
    }

    /// Other rates from now on; who used how much stays known.
    pub fn set(&self, rates: Rates) {
        let [requests, sids, unknown_sids, clicks] = rates.paces();
        self.requests.set(requests);
        self.sids.set(sids);
        self.unknown_sids.set(unknown_sids);
        self.clicks.set(clicks);
    }

    /// Counts a request for a conversion or of an app, with the SID that it names.
    ///
    /// # Errors
    /// It is one too many: after how many seconds the next one is taken. Those who are vouched for are taken all the same.
    pub fn request(&self, ip: IpAddr, sid: Option<&str>) -> Result<(), u64> {
        self.request_at(ip, sid, self.now_us())
    }

    fn request_at(&self, ip: IpAddr, sid: Option<&str>, now_us: u64) -> Result<(), u64> {
        if is_own(ip) {
            return Ok(());
        }
        let by_network = self.requests.take(self.key(network(ip)), now_us);
        let by_sid = sid.map_or(Ok(()), |sid| self.sids.take(self.key(sid), now_us));
        by_network.and(by_sid).map_err(seconds)
    }

    /// A SID that does not exist was asked for.
    pub fn note_unknown_sid(&self, ip: IpAddr) {
        telemetry::unknown_sid();
        if !is_own(ip) {
            // One too many is remembered as well as it can be.
            self.unknown_sids.take(self.key(network(ip)), self.now_us()).ok();
        }
    }

    /// Whether a network may ask for a SID that does not exist; else after how many seconds.
    pub fn may_guess(&self, ip: IpAddr) -> Result<(), u64> {
        if is_own(ip) {
            return Ok(());
        }
        self.unknown_sids
            .look(self.key(network(ip)), self.now_us())
            .map_err(seconds)
    }

    /// Counts a click or impression. Whether it is beyond what a network's visitors do.
    pub fn is_burst(&self, ip: IpAddr) -> bool {
        !is_own(ip) && self.clicks.take(self.key(network(ip)), self.now_us()).is_err()
    }

    /// Never 0, which stands for a place that is free.
    fn key(&self, of: impl Hash) -> u64 {
        self.hasher.hash_one(of).max(1)
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

fn seconds(us: u64) -> u64 {
    us.div_ceil(1_000_000)
}

/// The /24 or /48 of an address.
pub(crate) fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            IpAddr::from([a, b, c, 0])
        }
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}

/// Loopback and private addresses.
fn is_own(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// How many of so many requests at one time are taken.
    fn taken(gate: &Gate, count: usize, ask: impl Fn(&Gate, usize) -> Result<(), u64>) -> usize {
        (0..count).filter(|n| ask(gate, *n).is_ok()).count()
    }

    #[test]
    fn by_network_and_by_sid() {
        let gate = Gate::default();
        let of = |from: &'static str, sid: Option<&'static str>, at_us| {
            move |gate: &Gate, _| gate.request_at(ip(from), sid, at_us)
        };
        assert_eq!(taken(&gate, 600, of("203.0.113.9", None, 0)), 500);
        assert_eq!(taken(&gate, 10, of("203.0.113.200", None, 0)), 0, "the same /24");
        assert_eq!(taken(&gate, 10, of("203.0.114.9", None, 0)), 10, "another");
        assert_eq!(
            taken(&gate, 100, of("203.0.113.9", None, S)),
            50,
            "a second later"
        );
        assert_eq!(taken(&gate, 600, of("2001:db8:1::1", None, 0)), 500);
        assert_eq!(taken(&gate, 1, of("2001:db8:1:2::3", None, 0)), 0, "the same /48");
        assert_eq!(taken(&gate, 30, of("198.51.100.1", Some("a"), 0)), 20);
        assert_eq!(taken(&gate, 30, of("198.51.100.2", Some("b"), 0)), 20);
        assert_eq!(
            taken(&gate, 1, of("192.0.2.1", Some("a"), 0)),
            0,
            "from elsewhere, too"
        );
        for own in [
            "127.0.0.1",
            "10.1.2.3",
            "192.168.0.9",
            "::1",
            "fd00::1",
            "::ffff:127.0.0.1",
        ] {
            assert!(
                (0..2_000).all(|_| gate.request_at(ip(own), Some("c"), 0).is_ok()),
                "{own}"
            );
        }
        let open = Gate::new(Rates {
            requests: 0,
            sid: 0,
            ..Rates::default()
        });
        assert_eq!(taken(&open, 5_000, of("203.0.113.9", Some("a"), 0)), 5_000);
    }

    #[test]
    fn a_full_table_spares_whoever_is_in_debt() {
        let gate = Gate::default();
        assert_eq!(
            taken(&gate, 600, |gate, _| gate.request_at(ip("203.0.113.9"), None, 0)),
            500
        );
        let others = |n: usize| {
            let [_, a, b, c] = u32::try_from(n).unwrap().to_be_bytes();
            IpAddr::from([20 + a, b, c, 1])
        };
        // Many more networks than there are places, each heard of once.
        let let_in = taken(&gate, 300_000, |gate, n| gate.request_at(others(n), None, 0));
        assert_eq!(let_in, 300_000);
        assert!(
            gate.request_at(ip("203.0.113.9"), None, 0).is_err(),
            "it is still known"
        );
    }

    #[test]
    fn guesses_and_bursts() {
        let gate = Gate::default();
        let from = ip("203.0.113.9");
        for _ in 0..10 {
            assert_eq!(gate.may_guess(from), Ok(()));
            gate.note_unknown_sid(from);
        }
        assert_eq!(gate.may_guess(from), Err(1));
        assert_eq!(gate.may_guess(ip("203.0.114.9")), Ok(()));
        let bursts = (0..3_000).filter(|_| gate.is_burst(from)).count();
        assert!((500..=1_000).contains(&bursts), "{bursts}");
        assert!(!(0..3_000).any(|_| gate.is_burst(ip("127.0.0.1"))));
    }
}
