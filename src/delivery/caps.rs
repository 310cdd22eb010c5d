//! What partners ask us to keep to: requests per second and at once. Pure; the scheduler's thread owns it.

use super::DeliveryPolicy;
use crate::domain::ids::{OfferId, PartnerId};
use std::collections::HashMap;

/// How often one request of a held partner is let through, where the cause of the hold is probed.
const PROBE_EVERY_MS: i64 = 60_000;

/// Whether the partner takes one more now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cap {
    /// Yes.
    Free,
    /// Not before this time (milliseconds of the lanes' clock).
    NotBefore(i64),
    /// Not before something on the wire ends.
    Full,
}

/// One partner, or the advertiser's own servers (no partner).
pub(crate) struct PartnerCaps {
    /// Who; `None` for offer-wide rules.
    pub partner: Option<PartnerId>,
    /// An offer of theirs, to ask for the policy with.
    pub offer: OfferId,
    /// What holds for them.
    pub policy: DeliveryPolicy,
    tokens: f64,
    filled_at_ms: i64,
    on_wire: u16,
    next_probe_ms: i64,
}

impl PartnerCaps {
    fn refill(&mut self, now_ms: i64) -> Option<f64> {
        let rate = self.policy.max_per_second?;
        // Milliseconds between two passes: small numbers.
        #[expect(clippy::cast_precision_loss, reason = "see the line above")]
        let passed_s = (now_ms - self.filled_at_ms).max(0) as f64 / 1_000.0;
        // At most a second's worth is saved up, and never less than one request.
        self.tokens = (self.tokens + passed_s * rate).min(rate.max(1.0));
        self.filled_at_ms = now_ms;
        Some(rate)
    }

    /// Whether one more may go out.
    pub(crate) fn check(&mut self, now_ms: i64) -> Cap {
        match self.policy.hold {
            Some(cause) if !cause.is_probed() => return Cap::Full,
            Some(_) if now_ms < self.next_probe_ms => return Cap::NotBefore(self.next_probe_ms),
            Some(_) | None => {}
        }
        if self
            .policy
            .max_concurrent
            .is_some_and(|most| self.on_wire >= most.max(1))
        {
            return Cap::Full;
        }
        match self.refill(now_ms) {
            Some(rate) if self.tokens < 1.0 => {
                #[expect(clippy::cast_possible_truncation, reason = "a few seconds in milliseconds")]
                let wait_ms = ((1.0 - self.tokens) / rate.max(0.001) * 1_000.0).ceil() as i64;
                Cap::NotBefore(now_ms + wait_ms.max(1))
            }
            Some(_) | None => Cap::Free,
        }
    }

    /// One went out.
    pub(crate) fn sent(&mut self, now_ms: i64) {
        self.next_probe_ms = now_ms + PROBE_EVERY_MS;
        self.on_wire = self.on_wire.saturating_add(1);
        if self.policy.max_per_second.is_some() {
            self.tokens -= 1.0;
        }
    }

    /// One ended.
    pub(crate) fn ended(&mut self) {
        self.on_wire = self.on_wire.saturating_sub(1);
    }
}

/// All partners that have had a postback since the start; their number is bounded by the configuration.
#[derive(Default)]
pub(crate) struct Caps {
    partners: Vec<PartnerCaps>,
    numbers: HashMap<Option<PartnerId>, u32>,
}

impl Caps {
    /// The number of a partner; `policy` is asked for when it is new.
    pub(crate) fn intern(
        &mut self,
        partner: Option<&PartnerId>,
        offer: &OfferId,
        now_ms: i64,
        policy: impl FnOnce() -> DeliveryPolicy,
    ) -> u32 {
        let key = partner.cloned();
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        let number = u32::try_from(self.partners.len()).unwrap_or(u32::MAX);
        let policy = policy();
        self.partners.push(PartnerCaps {
            partner: key.clone(),
            offer: offer.clone(),
            tokens: policy.max_per_second.map_or(0.0, |rate| rate.max(1.0)),
            policy,
            filled_at_ms: now_ms,
            on_wire: 0,
            next_probe_ms: 0,
        });
        self.numbers.insert(key, number);
        number
    }

    /// A partner by its number; numbers come from [`Self::intern`].
    pub(crate) fn get_mut(&mut self, number: u32) -> &mut PartnerCaps {
        &mut self.partners[number as usize]
    }

    /// The same, to read.
    pub(crate) fn get(&self, number: u32) -> &PartnerCaps {
        &self.partners[number as usize]
    }

    /// Asks anew what holds for each.
    pub(crate) fn refresh(&mut self, policy: impl Fn(Option<&PartnerId>, &OfferId) -> DeliveryPolicy) {
        for caps in &mut self.partners {
            caps.policy = policy(caps.partner.as_ref(), &caps.offer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::HoldCause;
    use proptest::prelude::*;

    fn caps(max_per_second: Option<f64>, max_concurrent: Option<u16>) -> Caps {
        let mut caps = Caps::default();
        let policy = DeliveryPolicy {
            max_per_second,
            max_concurrent,
            ..DeliveryPolicy::default()
        };
        caps.intern(None, &"abc".parse().unwrap(), 0, || policy);
        caps
    }

    #[test]
    fn concurrency_is_kept() {
        let mut all = caps(None, Some(2));
        let one = all.get_mut(0);
        assert_eq!(one.check(0), Cap::Free);
        one.sent(0);
        one.sent(0);
        assert_eq!(one.check(0), Cap::Full);
        one.ended();
        assert_eq!(one.check(0), Cap::Free);
    }

    #[test]
    fn what_is_held_takes_nothing_until_it_is_let_go() {
        let mut all = caps(None, None);
        let held = DeliveryPolicy {
            hold: Some(HoldCause::Stopped),
            ..DeliveryPolicy::default()
        };
        all.refresh(|_, _| held.clone());
        assert_eq!(all.get_mut(0).check(0), Cap::Full);
        all.refresh(|_, _| DeliveryPolicy::default());
        assert_eq!(all.get_mut(0).check(0), Cap::Free);
    }

    #[test]
    fn slow_rates_tell_when_the_next_one_may_go() {
        let mut all = caps(Some(0.1), None);
        let one = all.get_mut(0);
        assert_eq!(one.check(0), Cap::Free);
        one.sent(0);
        assert_eq!(one.check(0), Cap::NotBefore(10_000));
        assert_eq!(one.check(10_000), Cap::Free);
    }

    proptest! {
        #[test]
        fn no_second_sees_more_than_twice_the_rate_and_the_long_run_keeps_it(
            rate in 0.5f64..50.0, gaps in prop::collection::vec(0i64..200, 1..400),
        ) {
            let mut all = caps(Some(rate), None);
            let one = all.get_mut(0);
            let (mut now, mut sent) = (0, 0u32);
            for gap in gaps {
                now += gap;
                while one.check(now) == Cap::Free {
                    one.sent(now);
                    sent += 1;
                }
                let most = rate.max(1.0) + rate * now as f64 / 1000.0;
                prop_assert!(f64::from(sent) <= most + 1e-6, "{sent} of {most} by {now} ms");
            }
        }
    }
}
