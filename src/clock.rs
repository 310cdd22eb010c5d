//! What time it is: the system's, or one that a test steps by hand. Every decision takes its time as a
//! number; only the edges hold a [`Clock`].

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A source of unix milliseconds. Clones of a stepped clock share its time.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The machine's wall clock.
    #[default]
    System,
    /// Stands still until it is told otherwise.
    Stepped(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `at_ms` (unix milliseconds).
    pub fn fixed(at_ms: i64) -> Clock {
        Clock::Stepped(Arc::new(AtomicI64::new(at_ms)))
    }

    /// Unix milliseconds. A machine whose clock stands before 1970 gives a negative number.
    pub fn now_ms(&self) -> i64 {
        match self {
            Clock::System => match SystemTime::now().duration_since(UNIX_EPOCH) {
                Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
                Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
            },
            Clock::Stepped(at_ms) => at_ms.load(Ordering::SeqCst),
        }
    }

    /// Moves a stepped clock by `by_ms`, for all its clones; the system's clock takes no orders and stays.
    pub fn advance_ms(&self, by_ms: i64) {
        if let Clock::Stepped(at_ms) = self {
            at_ms.fetch_add(by_ms, Ordering::SeqCst);
        }
    }

    /// Sets a stepped clock to `at_ms`, also backwards; the system's clock stays.
    pub fn set_ms(&self, to_ms: i64) {
        if let Clock::Stepped(at_ms) = self {
            at_ms.store(to_ms, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_of_a_stepped_clock_share_its_time() {
        let clock = Clock::fixed(1_000);
        let other = clock.clone();
        clock.advance_ms(30);
        assert_eq!(other.now_ms(), 1_030);
        other.set_ms(5);
        assert_eq!(clock.now_ms(), 5);
    }

    #[test]
    fn the_system_clock_is_of_this_age_and_takes_no_orders() {
        let clock = Clock::default();
        let before = clock.now_ms();
        clock.set_ms(0);
        assert!(clock.now_ms() >= before && before > 1_700_000_000_000);
    }
}
