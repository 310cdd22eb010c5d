//! How far the files are: a record of the store. Pure.
//!
//! An hour is written in parts, each of a stage: clicks, activities, postbacks with their tries, what came late; at last
//! its files are named in the lists of their days. The record moves on behind every part, in the commit that takes out
//! what waited for it. A part that was written and not noted is written again under the same name.

use crate::domain::ids::TimeId;
use crate::store::{JsonRecord, Key, keys};
use serde::{Deserialize, Serialize};

/// An hour.
pub(super) const HOUR_MS: i64 = 3_600_000;

/// Up to where files are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Generation of the mark, and of the files of the hour that is written.
    pub generation: u32,
    /// Records before this time are in files, or are being written; unix milliseconds.
    pub before_ms: i64,
    /// Begin of the hour that is written, or comes next, unix milliseconds.
    pub hour_ms: i64,
    /// How far the hour is; `None`: it has not begun.
    pub work: Option<Work>,
    /// Rows in files.
    pub rows: u64,
    /// Files.
    pub files: u64,
    /// When files were first set up, unix milliseconds: hours before are written from what the store still holds.
    /// `None`: they began with the hour in which that was (before 2026-11-30).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<i64>,
}

impl JsonRecord for Cursor {}

/// How far an hour is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// What is written now.
    pub stage: Stage,
    /// Records of the stage up to this one are in files.
    pub after: TimeId,
    /// Number of the next part.
    pub part: u32,
    /// What was written.
    pub files: Vec<Written>,
}

/// What of an hour is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Clicks and impressions.
    Sessions,
    /// Activities.
    Activities,
    /// Postbacks and tries.
    Postbacks,
    /// Clicks and activities that came behind the mark.
    Late,
    /// The lists of files.
    Lists,
}

/// A file, as the list of its day names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Written {
    /// Its name.
    pub object: String,
    /// How many rows it has.
    pub rows: u64,
    /// How long it is.
    pub bytes: u64,
}

/// Where the record is kept.
pub fn key() -> Key<Cursor> {
    keys::instance("export_cursor")
}

/// The last id of the millisecond before a time.
pub(super) fn just_before(at_ms: i64) -> TimeId {
    TimeId::new(at_ms.saturating_sub(1), u64::MAX)
}

impl Cursor {
    /// Files begin with the hour of the oldest record, or with the one that is not over.
    pub fn begin(now_ms: i64, oldest_ms: Option<i64>) -> Self {
        let first_ms = oldest_ms.map_or(now_ms, |oldest_ms| oldest_ms.min(now_ms));
        let hour_ms = first_ms - first_ms.rem_euclid(HOUR_MS);
        Self {
            generation: 0,
            before_ms: hour_ms,
            hour_ms,
            work: None,
            rows: 0,
            files: 0,
            since_ms: Some(now_ms),
        }
    }

    /// Up to when postbacks and tries of the hour left no entry, since no files were written yet.
    pub fn unnoted_ms(&self) -> Option<i64> {
        self.since_ms.filter(|since_ms| self.hour_ms < *since_ms)
    }

    /// When the hour is over, unix milliseconds.
    pub fn end_ms(&self) -> i64 {
        self.hour_ms.saturating_add(HOUR_MS)
    }
}

impl Work {
    /// Nothing is written yet.
    pub fn begin(hour_ms: i64) -> Self {
        Self {
            stage: Stage::Sessions,
            after: just_before(hour_ms),
            part: 0,
            files: Vec::new(),
        }
    }

    /// The stage is over.
    pub fn next_stage(&mut self, hour_ms: i64) {
        self.after = just_before(hour_ms);
        self.stage = match self.stage {
            Stage::Sessions => Stage::Activities,
            Stage::Activities => Stage::Postbacks,
            Stage::Postbacks => Stage::Late,
            Stage::Late | Stage::Lists => Stage::Lists,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_with_the_oldest_record_or_the_hour_that_is_not_over() {
        let now_ms = 7 * HOUR_MS + 5;
        for (oldest_ms, hour, unnoted_ms) in [
            (None, 7, Some(now_ms)),
            (Some(now_ms + HOUR_MS), 7, Some(now_ms)),
            (Some(2 * HOUR_MS + 9), 2, Some(now_ms)),
        ] {
            let cursor = Cursor::begin(now_ms, oldest_ms);
            assert_eq!(
                (cursor.hour_ms, cursor.before_ms),
                (hour * HOUR_MS, hour * HOUR_MS)
            );
            assert_eq!(cursor.unnoted_ms(), unnoted_ms);
        }
        let mut cursor = Cursor::begin(now_ms, None);
        cursor.hour_ms += HOUR_MS;
        assert_eq!(cursor.unnoted_ms(), None);
        let cursor = Cursor::begin(now_ms, None);
        assert_eq!((cursor.hour_ms, cursor.end_ms()), (7 * HOUR_MS, 8 * HOUR_MS));
        let mut work = Work::begin(cursor.hour_ms);
        let mut stages = vec![work.stage];
        for _ in 0..4 {
            work.next_stage(cursor.hour_ms);
            stages.push(work.stage);
        }
        assert_eq!(
            stages,
            [
                Stage::Sessions,
                Stage::Activities,
                Stage::Postbacks,
                Stage::Late,
                Stage::Lists
            ]
        );
    }

    /// What is on disk stays readable.
    #[test]
    fn the_record_keeps_its_form() {
        let text = r#"{"generation":2,"before_ms":5,"hour_ms":4,"work":{"stage":"late","after":"0000000000000001","part":3,"files":[{"object":"a","rows":1,"bytes":2}]},"rows":9,"files":1}"#;
        let cursor: Cursor = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&cursor).unwrap(), text);
    }
}
