//! Erasures in the journal: each commit that erases says so in entries that the next one replaces, so that whoever
//! copies the journal hears of all; and what a restore leaves to be erased once more.

use super::codec::decode_commit;
use super::records::Record;
use super::{Commit, Db, Op, StoreError, keys};
use crate::domain::erased::Erased;

/// What a commit of the journal erased.
pub fn erased_in(payload: &[u8]) -> Vec<Erased> {
    let commit = decode_commit(payload).unwrap_or_default();
    let entries = commit.writes.iter().filter_map(|(db, op)| match op {
        Op::Put(key, value) if *db == Db::Hot && keys::is_erased_now(key) => {
            Erased::decode(value, *db, key).ok()
        }
        _ => None,
    });
    entries.collect()
}

/// The commits that leave erasures to be carried out once more.
pub(super) fn again(erasures: &[Erased]) -> Result<Vec<Commit>, StoreError> {
    let commit = |(n, erased): (usize, &Erased)| {
        let key = keys::erase_again(n);
        let writes = vec![(key.0, Op::Put(key.1, erased.encode()?))];
        Ok(Commit { writes })
    };
    erasures.iter().enumerate().map(commit).collect()
}
