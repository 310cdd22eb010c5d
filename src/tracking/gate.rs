//! How often strangers may send something: by network, and by session. What is beyond is answered 429, and nothing of
//! it is kept. Clicks and impressions are never refused. Who is vouched for is always taken; that is found out only for
//! those who are beyond a bound, so that nobody else pays for it.
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

use super::caller::Caller;
use super::conversion::{ConversionRequest, Sid};
use super::trust;
use crate::config::Limits;
use crate::domain::ids::OfferId;
use crate::domain::offer::TrustScope;
use crate::domain::pace::Pace;
use crate::domain::session::Session;
use crate::recorder::Recorder;
use crate::store::keys;
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

/// What a request says of whose it is.
#[derive(Debug, Clone, Default)]
pub struct Named {
    /// The offer, or app.
    pub offer: Option<OfferId>,
    /// The session.
    pub sid: Option<Sid>,
    /// It is a partner's: its claims and costs.
    pub is_partners: bool,
}

impl From<&ConversionRequest> for Named {
    fn from(request: &ConversionRequest) -> Self {
        Self {
            offer: request.cid.clone(),
            sid: request.sid.clone(),
            is_partners: false,
        }
    }
}

impl Named {
    /// Of an app, by the token that it sent.
    pub fn app(token: &str) -> Self {
        Self {
            offer: token.parse().ok(),
            ..Self::default()
        }
    }
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

    /// Counts a request for a conversion or of an app.
    ///
    /// # Errors
    /// It is one too many: after how many seconds it is taken.
    pub fn admit(
        &self,
        named: &Named,
        scope: TrustScope,
        caller: &Caller,
        recorder: &Recorder,
    ) -> Result<(), u64> {
        let sid = named.sid.as_ref().map(ToString::to_string);
        let mut taken = self.request_at(caller.ip, sid.as_deref(), self.now_us());
        if taken.is_ok()
            && let (Some(sid), Err(wait_s)) = (&named.sid, self.may_guess(caller.ip))
            && session(sid, recorder).is_none()
        {
            taken = Err(wait_s);
        }
        if taken.is_err() && !is_vouched_for(named, scope, caller, recorder) {
            telemetry::throttled();
            return taken;
        }
        Ok(())
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
    fn may_guess(&self, ip: IpAddr) -> Result<(), u64> {
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

fn is_vouched_for(named: &Named, scope: TrustScope, caller: &Caller, recorder: &Recorder) -> bool {
    let (catalog, now_ms) = (recorder.catalog(), recorder.clock().now_ms());
    if named.is_partners {
        let mut partners = catalog.partners.values();
        return partners.any(|partner| trust::vouches(&partner.trust, scope, caller, now_ms));
    }
    let of_session = || Some(session(named.sid.as_ref()?, recorder)?.offer);
    let offer = named.offer.clone().or_else(of_session);
    let offer = offer.and_then(|id| catalog.offers.get(&id).cloned());
    offer.is_some_and(|offer| trust::vouches(&offer.trust, scope, caller, now_ms))
}

/// A session that can be read now.
fn session(sid: &Sid, recorder: &Recorder) -> Option<Session> {
    let Sid::Id(id) = sid else { return None };
    recorder.reader().load(&keys::session(*id)).ok().flatten()
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
#[path = "gate_tests.rs"]
mod tests;
