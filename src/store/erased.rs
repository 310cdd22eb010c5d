//! Erasures in the journal: each commit that erases says so in entries that the next one replaces, so that whoever
//! copies the journal hears of all; and what a restore leaves to be erased once more.

use super::codec::decode_commit;
use super::records::Record;
use super::{Commit, Db, Op, StoreError, keys};
use crate::domain::erased::Erased;

/// What a commit of the journal erased.
pub fn erased_in(payload: &[u8]) -> Vec<Erased> {
    // Nearly no commit erases, and to look for a name is much less than to read all of one.
    if memchr::memmem::find(payload, keys::ERASED_NOW.as_bytes()).is_none() {
        return Vec::new();
    }
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

#[cfg(test)]
mod tests {
    use super::super::codec::encode_commit;
    use super::*;
    use crate::domain::ids::TimeId;

    #[test]
    fn a_commit_says_what_it_erased_and_others_say_nothing() {
        let parts = Erased::parts(7, &[TimeId::new(5, 5)], &[[9; 16]]);
        let mut commit = Commit {
            writes: vec![(Db::Hot, Op::Put(b"nother".to_vec(), b"erased-then/".to_vec()))],
        };
        assert!(erased_in(&encode_commit(&commit).unwrap()).is_empty());
        // A value that only looks like it.
        let text = b"erased-now/000000".to_vec();
        commit.writes.push((Db::Hot, Op::Put(b"nthird".to_vec(), text)));
        assert!(erased_in(&encode_commit(&commit).unwrap()).is_empty());
        for (n, part) in parts.iter().enumerate() {
            let at = keys::erased_now(n);
            commit.writes.push((at.0, Op::Put(at.1, part.encode().unwrap())));
        }
        assert_eq!(erased_in(&encode_commit(&commit).unwrap()), parts);
        let again = again(&parts).unwrap();
        assert_eq!(again.len(), 2);
        assert!(
            erased_in(&encode_commit(&again[0]).unwrap()).is_empty(),
            "it is no new erasure"
        );
    }
}
