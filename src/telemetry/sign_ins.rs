//! How many tries to sign in failed of late: for the alert. Counted by the minute, so that it takes no memory.

use parking_lot::Mutex;
use std::time::Instant;

/// Minutes that are remembered.
const MINUTES: u64 = 60;

/// Failures of the last minutes.
struct Recent {
    began: Option<Instant>,
    /// The minute since `began` that each slot counts, and its failures.
    slots: [(u64, u32); MINUTES as usize],
}

static RECENT: Mutex<Recent> = Mutex::new(Recent {
    began: None,
    slots: [(0, 0); MINUTES as usize],
});

impl Recent {
    fn minute(&mut self, now: Instant) -> u64 {
        let began = *self.began.get_or_insert(now);
        now.saturating_duration_since(began).as_secs() / 60
    }

    fn count(&mut self, now: Instant) {
        let minute = self.minute(now);
        if let Some(slot) = self.slots.get_mut(usize::try_from(minute % MINUTES).unwrap_or(0)) {
            if slot.0 != minute {
                *slot = (minute, 0);
            }
            slot.1 = slot.1.saturating_add(1);
        }
    }

    fn sum(&mut self, now: Instant) -> i64 {
        let minute = self.minute(now);
        let fresh = self.slots.iter().filter(|(of, _)| of + MINUTES > minute);
        fresh.map(|(_, failures)| i64::from(*failures)).sum()
    }
}

/// Counts a failed try, or one that was refused since others failed.
pub(super) fn failed() {
    RECENT.lock().count(Instant::now());
}

/// Failures of the last hour.
pub fn failed_logins() -> i64 {
    RECENT.lock().sum(Instant::now())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_hour_is_counted_and_then_forgotten() {
        let (mut recent, now) = (
            Recent {
                began: None,
                slots: [(0, 0); MINUTES as usize],
            },
            Instant::now(),
        );
        for second in 0..120 {
            recent.count(now + Duration::from_secs(second));
        }
        assert_eq!(recent.sum(now + Duration::from_secs(120)), 120);
        assert_eq!(recent.sum(now + Duration::from_secs(3600)), 60);
        recent.count(now + Duration::from_secs(3600));
        assert_eq!(recent.sum(now + Duration::from_secs(3600)), 61);
        assert_eq!(recent.sum(now + Duration::from_secs(7300)), 0);
    }
}
