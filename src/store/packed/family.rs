//! Which families of which databases are packed.

use super::super::database::{Db, PeriodKind};

/// A packed family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Family {
    /// The byte that its keys begin with.
    pub(in crate::store) byte: u8,
    /// Bytes of a key that every search for single records knows: what filters are about.
    pub(in crate::store) search_len: usize,
    /// Its rows are written once and only ever removed.
    pub(in crate::store) is_index: bool,
}

const fn records(byte: u8, search_len: usize) -> Family {
    Family {
        byte,
        search_len,
        is_index: false,
    }
}

const fn index(byte: u8, search_len: usize) -> Family {
    Family {
        byte,
        search_len,
        is_index: true,
    }
}

/// Records and indexes as [`crate::store::keys`] has them, by family byte.
const SESSIONS: [Family; 4] = [index(b'd', 9), index(b'k', 17), index(b'p', 9), records(b's', 12)];
const ACTIVITIES: [Family; 4] = [records(b'a', 12), index(b'o', 9), index(b's', 12), index(b'v', 9)];
const POSTBACKS: [Family; 3] = [index(b'c', 12), records(b'p', 12), records(b't', 12)];

/// The packed families of a database.
pub(in crate::store) fn families(db: Db) -> &'static [Family] {
    match db {
        Db::Hot => &[],
        Db::Period(PeriodKind::Sessions, _) => &SESSIONS,
        Db::Period(PeriodKind::Activities, _) => &ACTIVITIES,
        Db::Period(PeriodKind::Postbacks, _) => &POSTBACKS,
    }
}
