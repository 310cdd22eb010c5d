//! Ranges of keys, as they will be after the group so far: what they hold, and whether it is anything.

use super::{Entry, Group};
use crate::store::{Db, KeyRange, StoreError};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

impl Group<'_> {
    /// At most `limit` keys of a range and their values, in order, as they will be after this group so far.
    pub fn scan(&self, db: Db, range: KeyRange, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let found = self.merged(db, &range, limit, false)?.into_iter();
        Ok(found
            .filter_map(|(key, value)| Some((key, value?)))
            .take(limit)
            .collect())
    }

    /// The same from the end of the range backwards, the last key first.
    pub fn scan_back(&self, db: Db, range: KeyRange, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let found = self.merged(db, &range, limit, true)?.into_iter().rev();
        Ok(found
            .filter_map(|(key, value)| Some((key, value?)))
            .take(limit)
            .collect())
    }

    /// What the store holds of a range, from one end up to `limit`, and all that this group changes in it.
    fn merged(
        &self,
        db: Db,
        range: &KeyRange,
        limit: usize,
        is_reverse: bool,
    ) -> Result<BTreeMap<Vec<u8>, Option<Vec<u8>>>, StoreError> {
        let holds = |key: &[u8]| {
            key >= range.start.as_slice() && range.end.as_ref().is_none_or(|end| key < end.as_slice())
        };
        let mut changed: BTreeMap<Vec<u8>, Option<Vec<u8>>> = BTreeMap::new();
        if let Some(keys) = self.overlay.get(&db) {
            let matching = keys
                .range(range.start.clone()..)
                .take_while(|(key, _)| holds(key));
            changed.extend(matching.map(|(key, value)| (key.clone(), value.clone())));
        }
        for (_, key, value) in self
            .staged
            .writes
            .iter()
            .filter(|(d, key, _)| *d == db && holds(key))
        {
            changed.insert(key.clone(), value.clone());
        }
        let mut found: BTreeMap<Vec<u8>, Option<Vec<u8>>> = BTreeMap::new();
        self.reader.scan(db, range, is_reverse, |key, value| {
            if !changed.contains_key(key) {
                found.insert(key.to_vec(), Some(value.to_vec()));
            }
            if found.len() < limit {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        found.extend(changed);
        Ok(found)
    }

    /// Whether the hot database holds a key that begins so, as it will be after this group so far: for what
    /// most instances never have, so that nobody need look for each key. `true` may be said of keys that are gone meanwhile.
    ///
    /// # Errors
    /// The database is down.
    pub fn holds_below(&self, prefix: &[u8]) -> Result<bool, StoreError> {
        let of_decision = self.staged.writes.iter();
        let mut of_decision = of_decision.filter(|(db, ..)| *db == Db::Hot);
        let is_in_group = of_decision.any(|(_, key, _)| key.starts_with(prefix))
            || self.overlay.get(&Db::Hot).is_some_and(|keys| {
                let next = keys.range(prefix.to_vec()..).next();
                next.is_some_and(|(key, _)| key.starts_with(prefix))
            });
        if is_in_group {
            return Ok(true);
        }
        if let Some(is_any) = self.cache.is_any_below(prefix) {
            return Ok(is_any);
        }
        let mut is_any = false;
        self.reader
            .scan(Db::Hot, &KeyRange::prefix(prefix), false, |_, _| {
                is_any = true;
                ControlFlow::Break(())
            })?;
        self.cache.note_below(prefix, is_any);
        Ok(is_any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::testing::Instance;
    use crate::store::codec::ForgottenAt;
    use crate::store::keys;

    #[test]
    fn what_is_written_below_a_prefix_is_known_at_once() {
        let instance = Instance::start(1_795_000_000_000);
        let run = |is_writing: bool| {
            let recorder = instance.recorder.clone();
            let decide = move |group: &mut Group<'_>| {
                let before = group.holds_below(&keys::forgotten_prefix())?;
                if is_writing {
                    group.save(keys::forgotten(&[7; 16]), &ForgottenAt(1))?;
                }
                Ok::<_, StoreError>((before, group.holds_below(&keys::forgotten_prefix())?))
            };
            recorder.try_run_blocking(decide).unwrap().unwrap()
        };
        assert_eq!(run(false), (false, false));
        assert_eq!(run(false), (false, false), "from the cache");
        assert_eq!(run(true), (false, true));
        assert_eq!(run(false), (true, true));
    }
}
