//! How the archive is: what the screen, the alerts and the metrics show.

use crate::objects::Usage;
use serde::Serialize;

/// Where the archive stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ArchiveStanding)]
pub enum Standing {
    /// The bucket has not answered since the start.
    Starting,
    /// Commits go out.
    On,
    /// The bucket does not take them; they wait in the journal.
    Behind,
    /// Another server has taken the place of this one.
    Fenced,
}

/// The last thing that did not work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ArchiveTrouble)]
pub struct Trouble {
    /// Stable code.
    pub code: String,
    /// A sentence.
    pub message: String,
    /// When, unix milliseconds.
    pub at_ms: i64,
}

/// How the archive is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ArchiveStatus)]
pub struct Status {
    /// Where it stands.
    pub standing: Standing,
    /// Where the archive is.
    pub place: String,
    /// Whether objects are sealed with the operator's key.
    pub is_sealed: bool,
    /// The epoch that this server writes; 0 before the first look.
    pub epoch: u32,
    /// The last commit in the archive.
    pub archived_seq: u64,
    /// Commits that wait.
    pub waiting_commits: u64,
    /// For how long the oldest of them has waited, seconds.
    pub behind_s: u64,
    /// Bytes that the journal takes.
    pub journal_bytes: u64,
    /// Up to how many bytes of the journal wait.
    pub journal_most_bytes: u64,
    /// Whether the journal stopped waiting: its beginning is not in the archive, a new snapshot has to come first.
    pub has_let_go: bool,
    /// When something was archived last, unix milliseconds.
    pub archived_at_ms: Option<i64>,
    /// When the newest verified snapshot was made, unix milliseconds.
    pub snapshot_at_ms: Option<i64>,
    /// The earliest moment that can be restored, unix milliseconds.
    pub reaches_back_to_ms: Option<i64>,
    /// The last trouble; it stays until something worked.
    pub trouble: Option<Trouble>,
    /// Why nothing is written here any more.
    pub fenced: Option<String>,
    /// When this was told, unix milliseconds.
    pub now_ms: i64,
    /// Requests of the last 24 hours, or since the start.
    pub requests_day: u64,
    /// Bytes sent in that time.
    pub sent_bytes_day: u64,
    /// Bytes received in that time.
    pub received_bytes_day: u64,
}

/// A bucket that is away for less is no trouble yet.
const PATIENCE_S: u64 = 120;
/// A snapshot that is older is late, milliseconds.
const LATE_MS: i64 = 26 * 3_600_000;

impl Status {
    /// What somebody has to look at, as a sentence.
    pub fn failure(&self) -> Option<String> {
        let why = || match &self.trouble {
            Some(trouble) => trouble.message.clone(),
            None => "the bucket does not answer".to_owned(),
        };
        if let Some(fenced) = &self.fenced {
            return Some(fenced.clone());
        }
        if self.has_let_go {
            return Some(format!(
                "the journal no longer waits for the archive, which begins anew with a snapshot once the bucket is back: {}",
                why()
            ));
        }
        if self.journal_bytes > self.journal_most_bytes / 2 && self.standing != Standing::On {
            return Some(format!(
                "the journal has reached half of what may wait for the archive: {}",
                why()
            ));
        }
        if self.behind_s > PATIENCE_S || (self.trouble.is_some() && self.standing == Standing::On) {
            return Some(format!("nothing was archived for {} s: {}", self.behind_s, why()));
        }
        let now_ms = self.now_ms;
        let is_late = self
            .snapshot_at_ms
            .is_some_and(|at| now_ms.saturating_sub(at) > LATE_MS);
        is_late.then(|| {
            format!(
                "the newest snapshot in the archive is more than a day old: {}",
                why()
            )
        })
    }

    pub(super) fn new(place: String, is_sealed: bool, journal_most_bytes: u64) -> Self {
        Self {
            standing: Standing::Starting,
            place,
            is_sealed,
            epoch: 0,
            archived_seq: 0,
            waiting_commits: 0,
            behind_s: 0,
            journal_bytes: 0,
            journal_most_bytes,
            has_let_go: false,
            archived_at_ms: None,
            snapshot_at_ms: None,
            reaches_back_to_ms: None,
            trouble: None,
            fenced: None,
            now_ms: 0,
            requests_day: 0,
            sent_bytes_day: 0,
            received_bytes_day: 0,
        }
    }
}

/// The usage of a day, from samples of the sum.
#[derive(Default)]
pub(super) struct Day {
    /// When (milliseconds of a steady clock) and the sum then; the first is the oldest of the day.
    samples: std::collections::VecDeque<(u64, Usage)>,
}

const DAY_MS: u64 = 24 * 3_600_000;
const SAMPLE_MS: u64 = 15 * 60_000;

impl Day {
    /// The usage of the last day, given the sum now.
    pub(super) fn usage(&mut self, at_ms: u64, sum: Usage) -> Usage {
        let is_due = |(last, _): &(u64, Usage)| at_ms.saturating_sub(*last) >= SAMPLE_MS;
        if self.samples.is_empty() {
            self.samples.push_back((at_ms, Usage::default()));
        } else if self.samples.back().is_some_and(is_due) {
            self.samples.push_back((at_ms, sum));
        }
        // The newest sample that is a day old, or the oldest there is.
        while self
            .samples
            .get(1)
            .is_some_and(|(at, _)| at_ms.saturating_sub(*at) >= DAY_MS)
        {
            self.samples.pop_front();
        }
        let (_, before) = self.samples.front().copied().unwrap_or_default();
        Usage {
            requests: sum.requests.saturating_sub(before.requests),
            sent_bytes: sum.sent_bytes.saturating_sub(before.sent_bytes),
            received_bytes: sum.received_bytes.saturating_sub(before.received_bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usage_of_a_day_forgets_what_is_older() {
        let mut day = Day::default();
        let sum = |requests| Usage {
            requests,
            ..Usage::default()
        };
        let hour = 3_600_000;
        for n in 0..72_u64 {
            let expected = if n <= 24 { n * 10 } else { 240 };
            assert_eq!(day.usage(n * hour, sum(n * 10)).requests, expected, "hour {n}");
        }
        assert!(day.samples.len() < 100);
    }
}
