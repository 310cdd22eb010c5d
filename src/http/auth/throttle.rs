//! How often somebody may try to sign in: per account and per address, by token buckets (GCRA). What is
//! remembered is bounded; when it is full of fresh tries everybody waits, since that is an attack.

use crate::http::client::network;
use crate::http::problem::ApiError;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

/// Tries of one account at once, then one every [`ACCOUNT_EVERY`].
const ACCOUNT_BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(7);
const ACCOUNT_EVERY: Duration = Duration::from_secs(30);
/// Tries from one address (IPv6: /64) at once, then one every [`ADDRESS_EVERY`].
const ADDRESS_BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(19);
const ADDRESS_EVERY: Duration = Duration::from_secs(6);
/// Accounts and addresses remembered.
const MOST_KEYS: usize = 20_000;

/// Counts tries.
#[derive(Debug)]
pub struct Throttle {
    accounts: DefaultKeyedRateLimiter<String>,
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
}

impl Default for Throttle {
    fn default() -> Self {
        let quota = |burst, every| {
            Quota::with_period(every)
                .unwrap_or(Quota::per_minute(burst))
                .allow_burst(burst)
        };
        Self {
            accounts: RateLimiter::keyed(quota(ACCOUNT_BURST, ACCOUNT_EVERY)),
            addresses: RateLimiter::keyed(quota(ADDRESS_BURST, ADDRESS_EVERY)),
            clock: DefaultClock::default(),
        }
    }
}

impl Throttle {
    /// Counts a try from an address, for an account when it names one; refuses one too many. Known and
    /// unknown accounts are counted alike.
    pub fn check(&self, from: IpAddr, login: Option<&str>) -> Result<(), ApiError> {
        for is_full in [
            self.accounts.len() >= MOST_KEYS,
            self.addresses.len() >= MOST_KEYS,
        ] {
            if is_full {
                self.accounts.retain_recent();
                self.addresses.retain_recent();
            }
        }
        if self.accounts.len() >= MOST_KEYS || self.addresses.len() >= MOST_KEYS {
            return Err(ApiError::Throttled {
                retry_after_s: ACCOUNT_EVERY.as_secs(),
            });
        }
        let wait = |not_until: governor::NotUntil<_>| ApiError::Throttled {
            retry_after_s: not_until.wait_time_from(self.clock.now()).as_secs() + 1,
        };
        self.addresses.check_key(&network(from)).map_err(wait)?;
        if let Some(login) = login {
            let key: String = login.to_lowercase().chars().take(200).collect();
            self.accounts.check_key(&key).map_err(wait)?;
        }
        Ok(())
    }
}

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
    pub fn check(&self, from: IpAddr) -> Result<(), ApiError> {
        if self.addresses.len() >= MOST_KEYS {
            self.addresses.retain_recent();
        }
        if self.addresses.len() >= MOST_KEYS {
            return Err(ApiError::Throttled { retry_after_s: 60 });
        }
        self.addresses
            .check_key(&network(from))
            .map_err(|not_until| ApiError::Throttled {
                retry_after_s: not_until.wait_time_from(self.clock.now()).as_secs() + 1,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_throttled_from_many_addresses_and_an_address_over_many_accounts() {
        let throttle = Throttle::default();
        let ip = |n: u8| IpAddr::from([192, 0, 2, n]);
        for n in 0..8 {
            assert!(throttle.check(ip(n), Some("Hanako")).is_ok());
        }
        let refused = throttle.check(ip(200), Some("hanako")).unwrap_err();
        assert!(matches!(
            refused,
            ApiError::Throttled {
                retry_after_s: 1..=31
            }
        ));
        assert!(
            throttle.check(ip(200), Some("taro")).is_ok(),
            "others are not concerned"
        );

        let many = Throttle::default();
        let refused = (0..30)
            .filter(|n| many.check(ip(1), Some(&format!("user{n}"))).is_err())
            .count();
        assert_eq!(refused, 10);
    }

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
