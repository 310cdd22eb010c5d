//! Whether records have the form that the catalogue of keys says.

use super::super::catalog::ConfigObject;
use super::super::codec::{Duplicate, Idempotency, SessionBrief};
use super::super::error::StoreError;
use super::super::records::Record;
use super::{Db, PeriodKind};
use crate::domain::account::{AuditEntry, Login};
use crate::domain::activity::Activity;
use crate::domain::held_erasure::HeldErasure;
use crate::domain::postback::{Attempt, FailReason, Postback};
use crate::domain::proof::Proof;
use crate::domain::session::Session;
use crate::domain::statement::{Billed, Closed, Lines};
use crate::domain::stats::Counters;
use crate::domain::visitor::{Adid, Fallback, Visitor};

/// Whether a record has the form that its database and family say. Families of a later version are let pass.
///
/// # Errors
/// [`StoreError::Record`].
pub fn check(db: Db, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
    fn is<T: Record>(db: Db, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        T::decode(value, db, key).map(drop)
    }
    let check = match (db, key.first()) {
        (Db::Hot, Some(b'c')) => match key.get(1) {
            Some(b'f') => is::<Proof>,
            Some(b'g') => is::<Login>,
            Some(kind) => return ConfigObject::from_json(*kind, value, key).map(drop),
            None => return Ok(()),
        },
        (Db::Hot, Some(b'u')) => is::<Duplicate>,
        (Db::Hot, Some(b'w')) | (Db::Period(PeriodKind::Postbacks, _), Some(b'p')) => is::<Postback>,
        (Db::Hot, Some(b'x')) => is::<FailReason>,
        (Db::Hot, Some(b's')) => is::<Counters>,
        (Db::Hot, Some(b'i')) => is::<Idempotency>,
        (Db::Hot, Some(b'l')) => is::<AuditEntry>,
        (Db::Hot, Some(b'f')) => is::<Fallback>,
        (Db::Hot, Some(b'h')) => is::<HeldErasure>,
        (Db::Hot, Some(b'v')) => is::<Visitor>,
        (Db::Hot, Some(b'd')) => is::<Adid>,
        (Db::Hot, Some(b'r')) => is::<Closed>,
        (Db::Hot, Some(b'q')) => is::<Lines>,
        (Db::Hot, Some(b'b')) => is::<Billed>,
        (Db::Period(PeriodKind::Sessions, _), Some(b'd' | b'p')) => is::<SessionBrief>,
        (Db::Period(PeriodKind::Sessions, _), Some(b's')) => is::<Session>,
        (Db::Period(PeriodKind::Activities, _), Some(b'a')) => is::<Activity>,
        (Db::Period(PeriodKind::Postbacks, _), Some(b't')) => is::<Attempt>,
        _ => return Ok(()),
    };
    check(db, key, value)
}
