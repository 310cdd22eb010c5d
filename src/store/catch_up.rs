//! Opening one database: believed or not, and brought up to the journal.

use super::codec::decode_commit;
use super::database::Db;
use super::engine::{Engine, Slot};
use super::error::StoreError;
use super::index::Index;
use super::rows::IndexError;
use super::{Op, RepairKind};
use crate::journal::{self, DamageKind};
use std::sync::atomic::Ordering;

impl Engine {
    /// Opens a database and brings it up to the journal, or says why it is not to be believed.
    pub(super) fn open_slot(&self, slot: &Slot) -> Result<Index, IndexError> {
        let known = *slot.known.lock();
        let floor = slot.floor_seq.load(Ordering::Acquire);
        let dir = self.layout.database(slot.db);
        let rotten = |message: String| IndexError {
            is_full: false,
            message,
        };
        if floor > 0 && !dir.join("db").exists() {
            return Err(rotten("its files are gone".into()));
        }
        let index = self.open_raw(slot.db, &dir)?;
        let meta = index.meta();
        slot.opened_seq.store(meta.applied_seq, Ordering::Release);
        if meta.applied_seq < floor {
            return Err(rotten(format!(
                "it holds commits up to {}, known are {floor}",
                meta.applied_seq
            )));
        }
        if meta.applied_seq > 0 && meta.applied_seq < known.created_seq {
            return Err(rotten("it is older than its own beginning".into()));
        }
        if meta.applied_seq > 0 && meta.instance != self.instance {
            return Err(rotten("it belongs to another instance".into()));
        }
        if meta.applied_seq > self.durable_seq() {
            if !self.is_recovering.load(Ordering::Acquire) {
                return Err(rotten(format!(
                    "it holds commit {}, the journal does not",
                    meta.applied_seq
                )));
            }
            self.ahead_seq.fetch_max(meta.applied_seq, Ordering::AcqRel);
            slot.known.lock().applied_seq = meta.applied_seq;
        }
        if meta.applied_seq < slot.known.lock().applied_seq {
            self.catch_up(slot.db, &index, known.created_seq, false)?;
        }
        Ok(index)
    }

    /// Replays what the journal holds for a database beyond what it has applied, up to the last durable commit.
    /// Damage of the journal is passed over, and told where it means a loss: in a rebuild. What else there is of
    /// it is told when the store is opened. When there was none, the database says that it holds all up to there, also
    /// where the last commits speak of others: it did so before, if they were applied together.
    pub(super) fn catch_up(
        &self,
        db: Db,
        index: &Index,
        created_seq: u64,
        is_rebuild: bool,
    ) -> Result<(), IndexError> {
        let after = index.applied_seq().max(created_seq.saturating_sub(1));
        let until = self.durable_seq();
        let records = journal::read(&self.layout.journal(), after).map_err(|error| IndexError {
            is_full: false,
            message: error.to_string(),
        })?;
        let trimmed = self.trimmed_seq.load(Ordering::Acquire);
        let mut is_whole = until > after;
        for record in records {
            let record = match record {
                Ok(record) => record,
                Err(damage) => {
                    let is_trimmed = damage.kind == DamageKind::Missing
                        && damage.next_seq.is_some_and(|next| next <= trimmed + 1);
                    is_whole &= is_trimmed;
                    if is_rebuild && !is_trimmed {
                        self.report(
                            RepairKind::Lost,
                            Some(db),
                            format!("{damage}; what they wrote to {db} is missing"),
                        );
                    }
                    continue;
                }
            };
            if record.seq > until {
                break;
            }
            if self.is_closing() {
                return Err(StoreError::Closing.into());
            }
            let Some(commit) = decode_commit(&record.payload) else {
                is_whole = false;
                continue;
            };
            self.options.progress.add(1);
            let ops: Vec<Op> = commit
                .writes
                .into_iter()
                .filter(|(of, _)| *of == db)
                .map(|(_, op)| op)
                .collect();
            let begin = match ops.iter().rposition(|op| *op == Op::Drop) {
                Some(last_drop) if record.seq == created_seq => last_drop + 1,
                // It ends here; the writer removes it when the turn of this commit comes.
                Some(_) => return Ok(()),
                None => 0,
            };
            if begin < ops.len() {
                index.apply(record.seq, ops[begin..].iter().filter_map(Op::write))?;
            }
        }
        if is_whole {
            index.apply(until, [])?;
        }
        Ok(())
    }
}
