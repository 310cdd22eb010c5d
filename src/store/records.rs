//! Typed records: a [`Key`] knows what is stored under it, so that reading and writing name no format.
//!
//! The keys come from [`super::keys`], the bytes of the records from [`super::codec`]. What the rooms above keep
//! under a name of the instance is JSON: they mark their type as a [`JsonRecord`].

use super::database::Db;
use super::error::StoreError;
use crate::domain::account::{AuditEntry, Login};
use crate::domain::erased::Erased;
use crate::domain::held_erasure::HeldErasure;
use crate::domain::link::Link;
use crate::domain::proof::Proof;
use crate::domain::statement::{Billed, Closed, Draft, Lines, Sender};
use crate::domain::visitor::Adid;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::marker::PhantomData;

/// A database and the bytes of a key in it, whatever is stored there.
pub type RawKey = (Db, Vec<u8>);

/// A key in a database, under which a `T` is stored. `Key<()>` is an entry of an index: the key says everything.
pub struct Key<T>(pub Db, pub Vec<u8>, PhantomData<fn() -> T>);

impl<T> Key<T> {
    /// A key that a scan of `T`s gave.
    pub fn new(db: Db, bytes: Vec<u8>) -> Self {
        Self(db, bytes, PhantomData)
    }
}

impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        Self::new(self.0, self.1.clone())
    }
}

impl<T> PartialEq for Key<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.0, &self.1) == (other.0, &other.1)
    }
}

impl<T> Eq for Key<T> {}

impl<T> fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.0).field(&self.1).finish()
    }
}

impl<T> From<Key<T>> for RawKey {
    fn from(key: Key<T>) -> Self {
        (key.0, key.1)
    }
}

/// What is stored under a key.
pub trait Record: Sized {
    /// The stored form.
    ///
    /// # Errors
    /// [`StoreError::Encode`].
    fn encode(&self) -> Result<Vec<u8>, StoreError>;

    /// Reads the stored form. Database and key are for the error.
    ///
    /// # Errors
    /// [`StoreError::Record`], which names database, family and key.
    fn decode(bytes: &[u8], db: Db, key: &[u8]) -> Result<Self, StoreError>;
}

/// The error of a record that does not decode.
pub(super) fn unreadable(db: Db, key: &[u8], message: &str) -> StoreError {
    StoreError::Record {
        db,
        family: key.first().map_or('?', |byte| char::from(*byte)),
        key: key.iter().map(|byte| format!("{byte:02x}")).collect(),
        message: message.to_owned(),
    }
}

/// Writes JSON.
pub(super) fn to_json<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|error| StoreError::Encode(error.to_string()))
}

/// Reads JSON; database and key are for the error.
pub(super) fn from_json<T: DeserializeOwned>(bytes: &[u8], db: Db, key: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| unreadable(db, key, &error.to_string()))
}

/// A record that is stored as JSON.
pub trait JsonRecord: Serialize + DeserializeOwned {}

impl JsonRecord for AuditEntry {}
impl JsonRecord for Login {}
impl JsonRecord for Link {}
impl JsonRecord for Proof {}
impl JsonRecord for Billed {}
impl JsonRecord for Closed {}
impl JsonRecord for Draft {}
impl JsonRecord for Lines {}
impl JsonRecord for Sender {}
impl JsonRecord for HeldErasure {}
impl JsonRecord for Erased {}

impl<T: JsonRecord> Record for T {
    fn encode(&self) -> Result<Vec<u8>, StoreError> {
        to_json(self)
    }

    fn decode(bytes: &[u8], db: Db, key: &[u8]) -> Result<Self, StoreError> {
        from_json(bytes, db, key)
    }
}

/// An entry of an index.
impl Record for () {
    fn encode(&self) -> Result<Vec<u8>, StoreError> {
        Ok(Vec::new())
    }

    fn decode(bytes: &[u8], db: Db, key: &[u8]) -> Result<Self, StoreError> {
        match bytes {
            [] => Ok(()),
            _ => Err(unreadable(db, key, "it should be empty")),
        }
    }
}

/// A number of bytes, such as a secret of the instance.
impl<const N: usize> Record for [u8; N] {
    fn encode(&self) -> Result<Vec<u8>, StoreError> {
        Ok(self.to_vec())
    }

    fn decode(bytes: &[u8], db: Db, key: &[u8]) -> Result<Self, StoreError> {
        bytes
            .try_into()
            .map_err(|_| unreadable(db, key, &format!("it has {} bytes, not {N}", bytes.len())))
    }
}

/// The device that an index of device ids names.
impl Record for Adid {
    fn encode(&self) -> Result<Vec<u8>, StoreError> {
        self.0.encode()
    }

    fn decode(bytes: &[u8], db: Db, key: &[u8]) -> Result<Self, StoreError> {
        Record::decode(bytes, db, key).map(Self)
    }
}
