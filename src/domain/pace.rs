//! How often something may happen: so many a second, so many at once (GCRA). Pure.

/// So many a second and so many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    every_us: u64,
    burst_us: u64,
}

impl Pace {
    /// `a_second` on average, `at_once` after a rest; `None`: without a bound, which 0 a second stands for.
    pub fn new(a_second: u32, at_once: u32) -> Option<Self> {
        let every_us = 1_000_000_u64.checked_div(u64::from(a_second))?.max(1);
        Some(Self {
            every_us,
            burst_us: every_us * u64::from(at_once.max(1)),
        })
    }

    /// As two numbers, of which the first is never 0.
    pub fn parts(self) -> (u64, u64) {
        (self.every_us, self.burst_us)
    }

    /// Reads [`Pace::parts`]; `None` of zeros.
    pub fn of_parts((every_us, burst_us): (u64, u64)) -> Option<Self> {
        (every_us > 0).then_some(Self { every_us, burst_us })
    }

    /// Counts one at a time (microseconds). `paid_until_us` is what the one before gave, 0 at first.
    ///
    /// # Errors
    /// One too many: after how many microseconds the next one is taken. Nothing is counted.
    pub fn take(self, paid_until_us: u64, now_us: u64) -> Result<u64, u64> {
        let next_us = paid_until_us.max(now_us).saturating_add(self.every_us);
        match next_us.saturating_sub(now_us).checked_sub(self.burst_us) {
            Some(over_us) if over_us > 0 => Err(over_us),
            _ => Ok(next_us),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of the calls at these times (microseconds) are taken.
    fn taken(pace: Pace, times: impl IntoIterator<Item = u64>) -> usize {
        let mut paid_us = 0;
        let mut count = 0;
        for now_us in times {
            if let Ok(until) = pace.take(paid_us, now_us) {
                paid_us = until;
                count += 1;
            }
        }
        count
    }

    #[test]
    fn a_burst_then_the_rate() {
        const S: u64 = 1_000_000;
        for (a_second, at_once, times, expected) in [
            (50, 500, vec![0; 600], 500),
            (50, 500, (0..600).map(|n| n * S / 50).collect(), 600),
            // Ten seconds at twice the rate: the burst, and what comes back meanwhile.
            (50, 500, (0..1_000).map(|n| n * S / 100).collect(), 999),
            (1, 20, vec![0; 30], 20),
            (1, 20, [vec![0; 30], vec![S; 5], vec![100 * S; 30]].concat(), 41),
            (1, 0, vec![0; 3], 1),
            (2_000_000, 1, vec![0, 0, 1, 2], 3),
        ] {
            let pace = Pace::new(a_second, at_once).unwrap();
            assert_eq!(taken(pace, times), expected, "{a_second}/s, {at_once} at once");
        }
        assert_eq!(Pace::new(0, 5), None);
    }

    #[test]
    fn it_is_told_when_the_next_one_is_taken() {
        let pace = Pace::new(1, 2).unwrap();
        let first = pace.take(0, 0).unwrap();
        let second = pace.take(first, 0).unwrap();
        assert_eq!(pace.take(second, 0), Err(1_000_000));
        assert_eq!(pace.take(second, 999_999), Err(1));
        assert!(pace.take(second, 1_000_000).is_ok());
    }
}
