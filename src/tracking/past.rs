//! Activities as they were when they came: what is sent for them later speaks of then.

use crate::domain::activity::Activity;
use crate::recorder::Group;
use crate::store::{Key, Reader, Record, StoreError, keys};

/// Where records are read from: the store, or a group that is being decided.
pub trait Records {
    /// A record.
    ///
    /// # Errors
    /// It cannot be read.
    fn record<T: Record>(&self, key: &Key<T>) -> Result<Option<T>, StoreError>;
}

impl Records for Reader {
    fn record<T: Record>(&self, key: &Key<T>) -> Result<Option<T>, StoreError> {
        self.load(key)
    }
}

impl Records for Group<'_> {
    fn record<T: Record>(&self, key: &Key<T>) -> Result<Option<T>, StoreError> {
        self.load(key)
    }
}

/// The activity as it was when it came, with the credit of then, too. Where that session has expired, its partner can
/// be told nothing any more.
pub(super) fn as_it_came(activity: Activity, records: &impl Records) -> Result<Activity, StoreError> {
    let mut activity = activity.as_it_came();
    if let Some(first) = activity.first_credit() {
        activity.session = match first {
            Some(sid) => records.record(&keys::session(sid))?.map(Box::new),
            None => None,
        };
    }
    Ok(activity)
}
