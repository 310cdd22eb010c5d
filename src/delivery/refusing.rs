//! Destinations that answer, but with something else than 2xx. The breaker looks at destinations that cannot
//! be reached; a partner whose URL has become wrong answers every postback with 404 at once, and its lane is
//! in the best of health. This table remembers it, for the eyes of the operator only: nothing is decided by it.

use crate::domain::ids::PostbackId;
use crate::domain::postback::{LaneKey, Outcome};
use parking_lot::Mutex;
use std::collections::HashMap;

/// Different postbacks in a row that have to be refused.
const IN_A_ROW: usize = 3;
/// Destinations that are remembered; beyond, further ones are not.
const MOST_LANES: usize = 10_000;

#[derive(Debug, Default)]
struct Row {
    /// The refused postbacks, at most [`IN_A_ROW`], each once.
    postbacks: Vec<PostbackId>,
    status: u16,
}

/// Which destinations refuse what they are sent.
#[derive(Debug, Default)]
pub(super) struct Refusing {
    rows: Mutex<HashMap<LaneKey, Row>>,
}

impl Refusing {
    /// Takes in what an attempt brought.
    pub(super) fn note(&self, lane: &LaneKey, postback: PostbackId, outcome: &Outcome) {
        let Outcome::Answered { status, .. } = outcome else {
            return;
        };
        let mut rows = self.rows.lock();
        if (200..300).contains(status) {
            rows.remove(lane);
            return;
        }
        if rows.len() >= MOST_LANES && !rows.contains_key(lane) {
            return;
        }
        let row = rows.entry(lane.clone()).or_default();
        row.status = *status;
        if row.postbacks.len() < IN_A_ROW && !row.postbacks.contains(&postback) {
            row.postbacks.push(postback);
        }
    }

    /// Those that have refused several postbacks in a row, with the last status.
    pub(super) fn list(&self) -> HashMap<LaneKey, u16> {
        let rows = self.rows.lock();
        rows.iter()
            .filter(|(_, row)| row.postbacks.len() >= IN_A_ROW)
            .map(|(lane, row)| (lane.clone(), row.status))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::TimeId;

    #[test]
    fn three_different_postbacks_in_a_row_and_no_success() {
        let lane = LaneKey::of("https://a.example/").unwrap();
        let refusing = Refusing::default();
        let note = |n, status| {
            let outcome = Outcome::Answered {
                status,
                retry_after_s: None,
            };
            refusing.note(&lane, PostbackId(TimeId::new(n, 1)), &outcome);
            refusing.list().get(&lane).copied()
        };
        assert_eq!(
            [note(1, 404), note(1, 404), note(1, 404), note(2, 404)],
            [None; 4]
        );
        assert_eq!(note(3, 500), Some(500));
        assert_eq!(note(4, 204), None);
        assert_eq!(note(5, 404), None);
    }
}
