//! MANIFEST: what the store knows of itself: schema, instance, databases, snapshots, and the checkpoint up
//! to which every database is durable, so that a start replays only what came after.
//!
//! One line of JSON and one with its CRC-32. Losing it costs a longer start and nothing else: all that is in
//! it can be found again in the directory.

use super::database::Db;
use super::error::StoreError;
use super::files;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Schema that this binary writes.
pub(super) const SCHEMA: u16 = 2;

/// A snapshot that was verified when it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SnapshotMark {
    /// Every commit up to this one is in it; later ones may be.
    pub(super) seq: u64,
    /// Unix milliseconds.
    pub(super) made_at_ms: i64,
}

/// Something that was lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// When it was noticed, unix milliseconds.
    pub at_ms: i64,
    /// A sentence for the operator.
    pub message: String,
}

/// What is known of one database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct DatabaseMark {
    /// The commit that made it.
    pub(super) created_seq: u64,
    /// The last commit that speaks of it.
    pub(super) applied_seq: u64,
    /// The first commit that speaks of it and is not covered by the snapshot, or an earlier number.
    pub(super) uncovered_seq: Option<u64>,
    /// When the first such commit was made, unix milliseconds; 0 when unknown.
    #[serde(default)]
    pub(super) uncovered_at_ms: i64,
    /// The newest snapshot.
    pub(super) snapshot: Option<SnapshotMark>,
}

impl DatabaseMark {
    /// Notes a new snapshot. What is covered stays covered: the journal may have let it go.
    pub(super) fn cover(&mut self, mark: SnapshotMark) {
        self.snapshot = Some(mark);
        if self.applied_seq <= mark.seq {
            (self.uncovered_seq, self.uncovered_at_ms) = (None, 0);
        } else if self.uncovered_seq.is_none_or(|seq| seq <= mark.seq) {
            (self.uncovered_seq, self.uncovered_at_ms) = (Some(mark.seq + 1), mark.made_at_ms);
        }
    }
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manifest {
    pub(super) schema: u16,
    pub(super) instance: u64,
    /// Commits up to this one are durable in every database that they speak of.
    pub(super) checkpoint_seq: u64,
    /// Commits up to this one are in snapshots; the journal may have let them go.
    pub(super) trimmed_seq: u64,
    /// The store was closed in order: there is no commit behind the checkpoint.
    pub(super) is_closed: bool,
    /// What was lost so far, oldest first.
    pub(super) losses: Vec<Loss>,
    pub(super) databases: BTreeMap<Db, DatabaseMark>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    schema: u16,
    instance: String,
    checkpoint_seq: u64,
    trimmed_seq: u64,
    is_closed: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    losses: Vec<Loss>,
    databases: BTreeMap<String, DatabaseMark>,
}

/// What a look at the file brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A good one.
    Good(Manifest),
    /// Written by a schema that this binary does not know.
    Newer(u16),
    /// No file.
    Missing,
    /// A file that is not what was written, with the reason.
    Damaged(String),
}

impl Manifest {
    /// A new instance.
    pub(super) fn new() -> Self {
        Self {
            schema: SCHEMA,
            instance: rand::random(),
            checkpoint_seq: 0,
            trimmed_seq: 0,
            is_closed: false,
            losses: Vec::new(),
            databases: BTreeMap::new(),
        }
    }

    /// The file's bytes.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, StoreError> {
        let stored = Stored {
            schema: self.schema,
            instance: format!("{:016x}", self.instance),
            checkpoint_seq: self.checkpoint_seq,
            trimmed_seq: self.trimmed_seq,
            is_closed: self.is_closed,
            losses: self.losses.clone(),
            databases: self
                .databases
                .iter()
                .map(|(db, known)| (db.to_string(), *known))
                .collect(),
        };
        let json = serde_json::to_string(&stored).map_err(|error| StoreError::Encode(error.to_string()))?;
        Ok(format!("{json}\n{:08x}\n", crc32fast::hash(json.as_bytes())).into_bytes())
    }

    /// Reads the file's bytes.
    pub(super) fn parse(bytes: &[u8]) -> Found {
        let damaged = |message: &str| Found::Damaged(message.to_owned());
        let Ok(text) = std::str::from_utf8(bytes) else {
            return damaged("it is not text");
        };
        let Some((json, sum)) = text.strip_suffix('\n').and_then(|text| text.split_once('\n')) else {
            return damaged("it is cut off");
        };
        if u32::from_str_radix(sum, 16) != Ok(crc32fast::hash(json.as_bytes())) || sum.len() != 8 {
            return damaged("its checksum is wrong");
        }
        #[derive(Deserialize)]
        struct OnlySchema {
            schema: u16,
        }
        match serde_json::from_str::<OnlySchema>(json) {
            Ok(only) if only.schema > SCHEMA => return Found::Newer(only.schema),
            Ok(_) => {}
            Err(error) => return Found::Damaged(error.to_string()),
        }
        let stored: Stored = match serde_json::from_str(json) {
            Ok(stored) => stored,
            Err(error) => return Found::Damaged(error.to_string()),
        };
        let Ok(instance) = u64::from_str_radix(&stored.instance, 16) else {
            return damaged("its instance is no number");
        };
        let mut databases = BTreeMap::new();
        for (name, known) in stored.databases {
            let Ok(db) = name.parse() else {
                return Found::Damaged(format!("{name:?} is no database"));
            };
            databases.insert(db, known);
        }
        Found::Good(Self {
            schema: stored.schema,
            instance,
            checkpoint_seq: stored.checkpoint_seq,
            trimmed_seq: stored.trimmed_seq,
            is_closed: stored.is_closed,
            losses: stored.losses,
            databases,
        })
    }

    /// Looks at the file.
    pub(super) fn read(path: &Path) -> Result<Found, StoreError> {
        match std::fs::read(path) {
            Ok(bytes) => Ok(Self::parse(&bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Found::Missing),
            Err(error) => Ok(Found::Damaged(error.to_string())),
        }
    }

    /// Writes the file.
    pub(super) fn write(&self, path: &Path) -> Result<(), StoreError> {
        files::write_atomically(path, &self.to_bytes()?)
    }
}

/// The last commit up to which the journal may go: everything before is in snapshots.
pub(super) fn covered_seq(databases: &BTreeMap<Db, DatabaseMark>, checkpoint_seq: u64) -> u64 {
    databases
        .values()
        .filter_map(|known| known.uncovered_seq)
        .map(|seq| seq.saturating_sub(1))
        .fold(checkpoint_seq, u64::min)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Manifest {
        let mut manifest = Manifest {
            instance: 5,
            checkpoint_seq: 9,
            ..Manifest::new()
        };
        let snapshot = Some(SnapshotMark {
            seq: 3,
            made_at_ms: 4,
        });
        manifest.databases.insert(
            Db::Hot,
            DatabaseMark {
                created_seq: 1,
                applied_seq: 9,
                uncovered_seq: Some(4),
                uncovered_at_ms: 1,
                snapshot,
            },
        );
        manifest.databases.insert(
            Db::sessions(0),
            DatabaseMark {
                created_seq: 2,
                applied_seq: 2,
                ..DatabaseMark::default()
            },
        );
        manifest
    }

    #[test]
    fn reads_back_and_refuses_a_newer_schema() {
        assert_eq!(
            Manifest::parse(&sample().to_bytes().unwrap()),
            Found::Good(sample())
        );
        let newer = Manifest {
            schema: SCHEMA + 1,
            ..sample()
        };
        assert_eq!(
            Manifest::parse(&newer.to_bytes().unwrap()),
            Found::Newer(SCHEMA + 1)
        );
    }

    #[test]
    fn the_journal_may_go_up_to_the_first_uncovered_commit() {
        assert_eq!(covered_seq(&sample().databases, 9), 3);
        assert_eq!(covered_seq(&sample().databases, 2), 2);
        assert_eq!(covered_seq(&BTreeMap::new(), 7), 7);
    }

    #[test]
    fn a_snapshot_covers_up_to_its_commit_and_uncovers_nothing() {
        let with = |applied_seq, uncovered_seq| DatabaseMark {
            applied_seq,
            uncovered_seq,
            uncovered_at_ms: 1,
            ..DatabaseMark::default()
        };
        let mark = SnapshotMark {
            seq: 10,
            made_at_ms: 2,
        };
        for (known, expected) in [
            (with(10, Some(4)), (None, 0)),
            (with(20, Some(4)), (Some(11), 2)),
            (with(105, Some(105)), (Some(105), 1)),
            (with(11, Some(11)), (Some(11), 1)),
        ] {
            let mut covered = known;
            covered.cover(mark);
            assert_eq!(
                (covered.uncovered_seq, covered.uncovered_at_ms),
                expected,
                "{known:?}"
            );
            assert_eq!(covered.snapshot, Some(mark));
        }
    }

    proptest! {
        #[test]
        fn a_changed_byte_is_noticed(at in 0usize..300, bit in 0u8..8) {
            let mut bytes = sample().to_bytes().unwrap();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            // Upper and lower case of the checksum's digits are the same number.
            let same_sum = bytes.to_ascii_lowercase() == sample().to_bytes().unwrap() && at + 10 > bytes.len();
            prop_assert!(same_sum || matches!(Manifest::parse(&bytes), Found::Damaged(_)));
        }
    }
}
