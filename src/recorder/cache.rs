//! A cache of what the hot database holds under keys that decisions asked for lately, absent ones too: the device of the
//! next event is mostly one of the last ones. There is one writer, so what it wrote and read last is what
//! stands. Bounded: what was not asked for again makes room.

use crate::store::{Db, Op};
use quick_cache::unsync;
use std::cell::RefCell;

/// Keys that are held; a few hundred bytes each.
const MOST_KEYS: usize = 16_384;
/// Longer values are read from the store each time.
const MOST_BYTES: usize = 2_048;

type Values = unsync::Cache<Vec<u8>, Option<Vec<u8>>>;

/// See the module.
pub(super) struct Cache {
    values: RefCell<Values>,
    /// Whether anything is stored below the prefixes that were asked for; few are.
    below: RefCell<Vec<(Vec<u8>, bool)>>,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            values: RefCell::new(Values::new(MOST_KEYS)),
            below: RefCell::default(),
        }
    }
}

impl Cache {
    /// The value of a key, if it is held: `Some(None)` when there is none.
    pub(super) fn get(&self, db: Db, key: &[u8]) -> Option<Option<Vec<u8>>> {
        if db != Db::Hot {
            return None;
        }
        self.values.borrow().get(key).cloned()
    }

    /// Notes what the store said.
    pub(super) fn note(&self, db: Db, key: &[u8], value: Option<&Vec<u8>>) {
        if db == Db::Hot && value.is_none_or(|value| value.len() <= MOST_BYTES) {
            self.values.borrow_mut().insert(key.to_vec(), value.cloned());
        }
    }

    /// Whether anything is stored below a prefix, if that is known.
    pub(super) fn is_any_below(&self, prefix: &[u8]) -> Option<bool> {
        let known = self.below.borrow();
        let known = known.iter().find(|(of, _)| of == prefix);
        known.map(|(_, is_any)| *is_any)
    }

    /// Notes what the store said of a prefix.
    pub(super) fn note_below(&self, prefix: &[u8], is_any: bool) {
        self.below.borrow_mut().push((prefix.to_vec(), is_any));
    }

    /// Notes what a commit that is durable changed, of what is held.
    pub(super) fn written(&self, writes: &[(Db, Op)]) {
        let mut below = self.below.borrow_mut();
        let mut held = self.values.borrow_mut();
        for (_, op) in writes.iter().filter(|(db, _)| *db == Db::Hot) {
            let (key, value) = match op {
                Op::Put(key, value) => (key, Some(value)),
                Op::Delete(key) => (key, None),
                Op::Drop => continue,
            };
            if value.is_some() {
                let concerned = below.iter_mut().filter(|(of, _)| key.starts_with(of));
                concerned.for_each(|(_, is_any)| *is_any = true);
            }
            if held.peek(key).is_none() {
                continue;
            }
            if value.is_none_or(|value| value.len() <= MOST_BYTES) {
                held.insert(key.clone(), value.cloned());
            } else {
                held.remove(key);
            }
        }
    }

    /// Forgets everything: it is not sure what stands.
    pub(super) fn forget(&self) {
        self.values.borrow_mut().clear();
        self.below.borrow_mut().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(of: &str) -> Option<Vec<u8>> {
        Some(of.into())
    }

    #[test]
    fn what_was_written_last_is_known_and_absence_too() {
        let cache = Cache::default();
        assert_eq!(cache.get(Db::Hot, b"a"), None);
        cache.note(Db::Hot, b"a", None);
        cache.note(Db::Hot, b"b", value("1").as_ref());
        cache.note(Db::sessions(0), b"c", value("1").as_ref());
        assert_eq!(cache.get(Db::Hot, b"a"), Some(None));
        assert_eq!(cache.get(Db::sessions(0), b"c"), None);
        cache.written(&[
            (Db::Hot, Op::Put("a".into(), "2".into())),
            (Db::Hot, Op::Delete("b".into())),
            (Db::Hot, Op::Put("never asked for".into(), "2".into())),
            (Db::sessions(0), Op::Put("a".into(), "of a period".into())),
        ]);
        assert_eq!(cache.get(Db::Hot, b"a"), Some(value("2")));
        assert_eq!(cache.get(Db::Hot, b"b"), Some(None));
        assert_eq!(cache.get(Db::Hot, b"never asked for"), None);
        cache.written(&[(Db::Hot, Op::Put("a".into(), vec![0; MOST_BYTES + 1]))]);
        assert_eq!(cache.get(Db::Hot, b"a"), None);
        cache.forget();
        assert_eq!(cache.get(Db::Hot, b"b"), None);
    }

    #[test]
    fn it_is_bounded_and_keeps_what_is_asked_for() {
        let cache = Cache::default();
        cache.note(Db::Hot, b"often", value("1").as_ref());
        for n in 0..5 * MOST_KEYS {
            cache.note(Db::Hot, &n.to_be_bytes(), None);
            if n % 100 == 0 {
                assert_eq!(cache.get(Db::Hot, b"often"), Some(value("1")));
            }
        }
        assert!(cache.values.borrow().len() <= MOST_KEYS);
    }
}
