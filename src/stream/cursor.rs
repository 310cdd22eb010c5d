//! How far the stream is: a record of the store, and what moves it. Pure.
//!
//! Rows are numbered from 1 without gaps. A batch is noted before it is sent, with its first number and its last record:
//! after a crash the same batch goes out again under the same token, which is made of its numbers.

use crate::domain::ids::TimeId;
use crate::store::{JsonRecord, Key, keys};
use serde::{Deserialize, Serialize};

/// Up to where records have been handed on, and what is on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Generation of the mark.
    pub generation: u32,
    /// Records before this time are handed on now, unix milliseconds; newer ones wait for the mark to move.
    pub before_ms: i64,
    /// Every record up to this one was taken, but for late ones.
    pub taken: TimeId,
    /// Rows that were taken.
    pub rows: u64,
    /// What is being sent.
    pub next: Option<Batch>,
}

impl JsonRecord for Cursor {}

/// Rows that are sent together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// How many.
    pub rows: u64,
    /// The last one.
    pub until: TimeId,
    /// Of records that came behind the mark; `until` is then among those of its generation.
    pub late: Option<u32>,
}

/// Where the cursor is kept.
pub fn key() -> Key<Cursor> {
    keys::instance("stream_cursor")
}

/// The last id of the millisecond before a time.
pub fn just_before(at_ms: i64) -> TimeId {
    TimeId::new(at_ms.saturating_sub(1), u64::MAX)
}

impl Cursor {
    /// Where a stream begins: with the oldest record, or with what comes from now on.
    pub fn begin(now_ms: i64, has_history: bool) -> Self {
        Self {
            generation: 0,
            before_ms: 0,
            taken: if has_history {
                TimeId::floor(0)
            } else {
                just_before(now_ms)
            },
            rows: 0,
            next: None,
        }
    }

    /// The batch was taken.
    #[must_use]
    pub fn after(&self, batch: &Batch) -> Self {
        Self {
            taken: if batch.late.is_some() {
                self.taken
            } else {
                batch.until
            },
            rows: self.rows + batch.rows,
            next: None,
            ..self.clone()
        }
    }

    /// What a receiver knows a batch by: the numbers of its rows, the instance, since another one numbers its own, and
    /// the last record, since an instance that was restored from a backup gives numbers a second time.
    pub fn token(&self, batch: &Batch, instance: &str) -> String {
        let (first, last) = (self.rows + 1, self.rows + batch.rows);
        format!("{instance}-{first}-{last}-{}", batch.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_moves_by_what_was_taken_and_the_token_is_of_the_rows() {
        let begun = Cursor::begin(1_000, false);
        assert_eq!(begun.taken.at_ms(), 999);
        assert_eq!(Cursor::begin(1_000, true).taken, TimeId::floor(0));
        let batch = Batch {
            rows: 3,
            until: TimeId::new(1_500, 7),
            late: None,
        };
        assert_eq!(begun.token(&batch, "abc"), format!("abc-1-3-{}", batch.until));
        let after = begun.after(&batch);
        assert_eq!((after.rows, after.taken), (3, batch.until));
        let late = Batch {
            rows: 1,
            until: TimeId::new(20, 1),
            late: Some(0),
        };
        assert_eq!(after.token(&late, "abc"), format!("abc-4-4-{}", late.until));
        assert_eq!(
            (after.after(&late).rows, after.after(&late).taken),
            (4, batch.until)
        );
    }

    /// What is on disk stays readable.
    #[test]
    fn the_record_keeps_its_form() {
        let text = r#"{"generation":2,"before_ms":5,"taken":"0000000000000001","rows":9,"next":{"rows":1,"until":"0000000000000002","late":1}}"#;
        let cursor: Cursor = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&cursor).unwrap(), text);
    }
}
