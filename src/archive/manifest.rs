//! The manifest: what an archive holds and whose it is; and how a state is put together from it. Pure.

use serde::{Deserialize, Serialize};

/// The form that this version writes.
pub const FORMAT: u16 = 1;
/// Epochs and snapshots that are remembered.
const MOST_EPOCHS: usize = 1_000;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form.
    pub format: u16,
    /// Random id of the archive.
    pub archive: String,
    /// Random id of the instance whose data these are.
    pub instance: String,
    /// Random id of who may write.
    pub owner: String,
    /// The name of the owner's machine.
    pub host: String,
    /// When it was written, unix milliseconds.
    pub written_at_ms: i64,
    /// Epochs, oldest first: the last one is being written.
    pub epochs: Vec<Epoch>,
    /// Snapshots, oldest first.
    pub snapshots: Vec<Snapshot>,
}

/// The time of one writer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epoch {
    /// Its number, from 1.
    pub number: u32,
    /// The first commit that is its own.
    pub first_seq: u64,
    /// The last commit, once it is over.
    pub last_seq: Option<u64>,
    /// Whether it goes on where the one before ended; else it begins with a snapshot of its own.
    pub goes_on: bool,
    /// When it began, unix milliseconds.
    pub since_ms: i64,
    /// The name of the writer's machine.
    pub host: String,
}

/// A verified snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The epoch in which it was made.
    pub epoch: u32,
    /// The last commit in it.
    pub seq: u64,
    /// When its making began, unix milliseconds: its name.
    pub begun_at_ms: i64,
    /// When it was complete, unix milliseconds: nothing later is in it.
    pub made_at_ms: i64,
    /// How many parts it has.
    pub parts: u32,
    /// The bytes of all of them.
    pub bytes: u64,
    /// Their SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// Journal objects of one epoch that a state needs: commits behind `after`, up to `until` when the epoch is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leg {
    /// The epoch.
    pub epoch: u32,
    /// The last commit before.
    pub after: u64,
    /// The last commit of the epoch, when it is over.
    pub until: Option<u64>,
}

/// What a state is put together from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// What follows it.
    pub legs: Vec<Leg>,
}

impl Manifest {
    /// The epoch that is being written.
    pub fn epoch(&self) -> u32 {
        self.epochs.last().map_or(0, |epoch| epoch.number)
    }

    /// The earliest moment that can be restored, unix milliseconds.
    pub fn reaches_back_to_ms(&self) -> Option<i64> {
        self.snapshots.first().map(|snapshot| snapshot.made_at_ms)
    }

    /// Notes with which commit the present epoch ends.
    pub fn end_epoch(&mut self, last_seq: u64) {
        if let Some(present) = self.epochs.last_mut() {
            present.last_seq = Some(last_seq);
        }
    }

    /// Begins the next epoch with a commit: one that goes on where the present one ended, or that has a snapshot of its
    /// own to come.
    pub fn begin_epoch(&mut self, first_seq: u64, goes_on: bool, host: &str, now_ms: i64) {
        let number = self.epoch() + 1;
        self.epochs.push(Epoch {
            number,
            first_seq,
            last_seq: None,
            goes_on,
            since_ms: now_ms,
            host: host.to_owned(),
        });
        if self.epochs.len() > MOST_EPOCHS {
            self.epochs.remove(0);
        }
        host.clone_into(&mut self.host);
    }

    /// The newest snapshot that holds nothing later than the moment, and what of the journal follows it; without a
    /// moment, the newest state.
    pub fn recipe(&self, until_ms: Option<i64>) -> Option<Recipe> {
        let snapshot = self
            .snapshots
            .iter()
            .rev()
            .find(|snapshot| until_ms.is_none_or(|until| snapshot.made_at_ms <= until))?
            .clone();
        let legs = self.legs(snapshot.epoch, snapshot.seq);
        Some(Recipe { snapshot, legs })
    }

    /// What follows a commit of an epoch: the rest of the epoch, and the epochs that go on where it ends.
    pub fn legs(&self, epoch: u32, after: u64) -> Vec<Leg> {
        let mut legs = Vec::new();
        let mut next = after + 1;
        for epoch in self.epochs.iter().skip_while(|one| one.number != epoch) {
            let goes_on = epoch.goes_on && epoch.first_seq == next;
            if !legs.is_empty() && !goes_on {
                break;
            }
            legs.push(Leg {
                epoch: epoch.number,
                after: next - 1,
                until: epoch.last_seq,
            });
            match epoch.last_seq {
                Some(last) => next = next.max(last + 1),
                None => break,
            }
        }
        legs
    }

    /// Takes out the snapshots made before a moment, but never the last one; gives them.
    pub fn expire(&mut self, before_ms: i64) -> Vec<Snapshot> {
        let last = self.snapshots.len().saturating_sub(1);
        let count = self
            .snapshots
            .iter()
            .take(last)
            .take_while(|snapshot| snapshot.made_at_ms < before_ms)
            .count();
        let expired = self.snapshots.drain(..count).collect();
        if let Some(oldest) = self.snapshots.first() {
            let epoch = oldest.epoch;
            self.epochs.retain(|one| one.number >= epoch);
        }
        expired
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(number: u32, first_seq: u64, last_seq: Option<u64>) -> Epoch {
        let goes_on = number == 2;
        Epoch {
            number,
            first_seq,
            last_seq,
            goes_on,
            since_ms: 0,
            host: "h".into(),
        }
    }

    fn snapshot(epoch: u32, seq: u64, made_at_ms: i64) -> Snapshot {
        Snapshot {
            epoch,
            seq,
            begun_at_ms: made_at_ms - 1,
            made_at_ms,
            parts: 1,
            bytes: 1,
            sha256: String::new(),
        }
    }

    fn manifest() -> Manifest {
        Manifest {
            format: FORMAT,
            archive: "a".into(),
            instance: "i".into(),
            owner: "o".into(),
            host: "h".into(),
            written_at_ms: 0,
            // 2 goes on where 1 ended; 3 does not: its journal had a gap.
            epochs: vec![epoch(1, 1, Some(50)), epoch(2, 51, Some(80)), epoch(3, 91, None)],
            snapshots: vec![snapshot(1, 10, 100), snapshot(1, 40, 200), snapshot(3, 95, 300)],
        }
    }

    #[test]
    fn a_state_is_the_newest_snapshot_before_it_and_what_goes_on_from_there() {
        let leg = |epoch, after, until| Leg { epoch, after, until };
        let manifest = manifest();
        let of = |until| {
            manifest
                .recipe(until)
                .map(|recipe| (recipe.snapshot.seq, recipe.legs))
        };
        assert_eq!(of(None), Some((95, vec![leg(3, 95, None)])));
        assert_eq!(of(Some(300)), Some((95, vec![leg(3, 95, None)])));
        assert_eq!(
            of(Some(299)),
            Some((40, vec![leg(1, 40, Some(50)), leg(2, 50, Some(80))]))
        );
        assert_eq!(of(Some(99)), None, "before everything");
        assert_eq!(manifest.legs(2, 80), [leg(2, 80, Some(80))]);
    }

    #[test]
    fn what_is_old_goes_but_never_the_last_snapshot() {
        let mut old = manifest();
        assert_eq!(old.expire(150).len(), 1);
        assert_eq!((old.reaches_back_to_ms(), old.epochs.len()), (Some(200), 3));
        assert_eq!(old.expire(1_000).len(), 1);
        assert_eq!(
            (old.snapshots.len(), old.epochs.len()),
            (1, 1),
            "epochs without a snapshot go, too"
        );
        assert_eq!(old.expire(1_000).len(), 0);
    }

    #[test]
    fn an_epoch_ends_where_the_next_begins() {
        let mut taken = manifest();
        taken.end_epoch(120);
        taken.begin_epoch(121, true, "other", 5);
        assert_eq!(taken.epoch(), 4);
        assert_eq!(taken.epochs[2].last_seq, Some(120));
        assert_eq!(taken.legs(3, 95).len(), 2);
        assert_eq!(taken.host, "other");
    }
}
