//! How often an address may ask for something, by token buckets (GCRA). What is remembered is bounded; when it is
//! full of fresh callers everybody waits, since that is an attack.

use super::AdminError;
use crate::domain::network::network_of;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

/// Addresses remembered.
const MOST_KEYS: usize = 20_000;

/// How often an address (IPv6: /64) may ask for something.
#[derive(Debug)]
pub struct Rate {
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
}

impl Rate {
    /// `burst` at once, then one every `every`.
    pub fn new(burst: NonZeroU32, every: Duration) -> Self {
        let quota = Quota::with_period(every)
            .unwrap_or(Quota::per_minute(burst))
            .allow_burst(burst);
        Self {
            addresses: RateLimiter::keyed(quota),
            clock: DefaultClock::default(),
        }
    }

    /// Counts one; refuses one too many.
    pub fn check(&self, from: IpAddr) -> Result<(), AdminError> {
        if self.addresses.len() >= MOST_KEYS {
            self.addresses.retain_recent();
        }
        if self.addresses.len() >= MOST_KEYS {
            return Err(AdminError::Throttled { retry_after_s: 60 });
        }
        self.addresses
            .check_key(&network(from))
            .map_err(|not_until| AdminError::Throttled {
                retry_after_s: not_until.wait_time_from(self.clock.now()).as_secs() + 1,
            })
    }
}

/// IPv6 callers own a /64, so it counts as one address.
pub fn network(ip: IpAddr) -> IpAddr {
    network_of(ip, 32, 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv6_counts_by_network() {
        let a: IpAddr = "2001:db8:1:2:aaaa::1".parse().unwrap();
        let b: IpAddr = "2001:db8:1:2:bbbb::2".parse().unwrap();
        assert_eq!(network(a), network(b));
        assert_eq!(
            network("::ffff:192.0.2.1".parse().unwrap()),
            IpAddr::from([192, 0, 2, 1])
        );
    }
}
