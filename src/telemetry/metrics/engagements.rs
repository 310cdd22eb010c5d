//! The counters of clicks and impressions, looked up once: a click costs little more than that look-up.

use metrics::{Counter, counter};
use std::sync::LazyLock;
use strum::VariantNames;

/// Result of a click or impression, for its counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum EngagementResult {
    /// Durable.
    Recorded,
    /// Waits in memory for the store.
    Spooled,
    /// Answered 404.
    UnknownLink,
    /// Of a stopped link: not recorded.
    Stopped,
    /// Answered 413 or 414.
    TooLong,
    /// The spool was full.
    Lost,
}

/// The counters of the results, looked up once.
struct Engagements(Vec<Counter>);

impl Engagements {
    fn of(name: &'static str) -> Self {
        let counters = EngagementResult::VARIANTS
            .iter()
            .map(|result| counter!(name, "result" => *result));
        Self(counters.collect())
    }

    fn count(&self, result: EngagementResult) {
        if let Some(counter) = self.0.get(result as usize) {
            counter.increment(1);
        }
    }
}

static CLICKS: LazyLock<Engagements> = LazyLock::new(|| Engagements::of("yamabiko_clicks_total"));
static IMPRESSIONS: LazyLock<Engagements> = LazyLock::new(|| Engagements::of("yamabiko_impressions_total"));

/// Counts a click.
pub fn click(result: EngagementResult) {
    CLICKS.count(result);
}

/// Counts an impression.
pub fn impression(result: EngagementResult) {
    IMPRESSIONS.count(result);
}
