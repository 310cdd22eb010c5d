//! How often one caller may ask for erasures of one app: each searches years of activities, so they are paced
//! as the documented API paces them. What is remembered is bounded; when it is full of fresh callers everybody
//! waits.

use crate::domain::network::network_of;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::net::IpAddr;
use std::num::NonZeroU32;

/// Requests a minute.
const A_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);
/// Callers remembered.
const MOST_KEYS: usize = 20_000;
/// Characters of an app token that tell callers apart.
const TOKEN_CHARS: usize = 32;

/// Counts requests for erasure.
#[derive(Debug)]
pub struct ErasureLimit {
    callers: DefaultKeyedRateLimiter<(IpAddr, String)>,
    clock: DefaultClock,
}

impl Default for ErasureLimit {
    fn default() -> Self {
        Self {
            callers: RateLimiter::keyed(Quota::per_minute(A_MINUTE)),
            clock: DefaultClock::default(),
        }
    }
}

impl ErasureLimit {
    /// Counts a request; `Err` tells after how many seconds the next one is taken.
    pub fn check(&self, from: IpAddr, app_token: &str) -> Result<(), u64> {
        if self.callers.len() >= MOST_KEYS {
            self.callers.retain_recent();
            if self.callers.len() >= MOST_KEYS {
                return Err(60);
            }
        }
        let key = (
            network_of(from, 32, 64),
            app_token.chars().take(TOKEN_CHARS).collect(),
        );
        self.callers
            .check_key(&key)
            .map_err(|until| until.wait_time_from(self.clock.now()).as_secs() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_a_minute_by_caller_and_app() {
        let limit = ErasureLimit::default();
        let [one, other]: [IpAddr; 2] = [[192, 0, 2, 1].into(), [192, 0, 2, 2].into()];
        assert!((0..10).all(|_| limit.check(one, "app").is_ok()));
        assert!(matches!(limit.check(one, "app"), Err(1..=7)));
        assert_eq!(limit.check(other, "app"), Ok(()));
        assert_eq!(limit.check(one, "other"), Ok(()));
        let v6 = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!((0..10).all(|n| limit.check(v6(&format!("2001:db8::{n}")), "app").is_ok()));
        assert!(
            limit.check(v6("2001:db8::ffff"), "app").is_err(),
            "a /64 is one caller"
        );
    }
}
