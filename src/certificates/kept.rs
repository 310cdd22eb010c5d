//! What is kept of certificates over a restart, in the store: the account with the authority, and for each name its
//! certificate, an order under way and the last failure. All of it is durable before the authority hears of it, so
//! that a server that is killed again and again orders nothing twice.

use crate::recorder::Recorder;
use crate::store::{JsonRecord, Key, StoreError, keys};
use serde::{Deserialize, Serialize};

/// The account with an authority.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Account {
    /// The authority.
    pub(super) directory: String,
    /// PKCS#8, base64.
    pub(super) key: String,
    /// Its address at the authority; `None`: it was not confirmed yet.
    pub(super) id: Option<String>,
}

/// What is known of a name.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Named {
    /// The certificate in use.
    #[serde(default)]
    pub(super) issued: Option<Issued>,
    /// The order under way.
    #[serde(default)]
    pub(super) pending: Option<Pending>,
    /// The last failure, until something has worked.
    #[serde(default)]
    pub(super) trouble: Option<Trouble>,
}

/// A certificate. Times are unix milliseconds.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Issued {
    /// The authority.
    pub(super) directory: String,
    /// The chain.
    pub(super) chain_pem: String,
    /// Its private key.
    pub(super) key_pem: String,
    /// From when on it is good.
    pub(super) from_ms: i64,
    /// Until when.
    pub(super) to_ms: i64,
    /// When it is to be renewed.
    pub(super) renew_at_ms: i64,
    /// What the authority suggested for that.
    pub(super) window: Option<Window>,
    /// When the authority is to be asked for it.
    pub(super) ask_at_ms: i64,
}

/// A stretch of time, unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Window {
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
}

/// An order under way.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Pending {
    /// The authority.
    pub(super) directory: String,
    /// The private key of the certificate to come.
    pub(super) key_pem: String,
    /// The order's address, once there is one.
    pub(super) order: Option<String>,
    /// Unix milliseconds.
    pub(super) since_ms: i64,
}

/// What went wrong.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Trouble {
    /// In a row.
    pub(super) failures: u32,
    /// The last one, unix milliseconds.
    pub(super) last_ms: i64,
    /// When it is tried again, unix milliseconds.
    pub(super) next_ms: i64,
    /// A sentence.
    pub(super) message: String,
}

impl JsonRecord for Account {}
impl JsonRecord for Named {}

pub(super) fn account() -> Key<Account> {
    keys::instance("acme_account")
}

fn named(name: &str) -> Key<Named> {
    keys::instance(&format!("certificate/{name}"))
}

/// What is known of a name; nothing when it is new.
pub(super) fn load(recorder: &Recorder, name: &str) -> Result<Named, StoreError> {
    Ok(recorder.reader().load(&named(name))?.unwrap_or_default())
}

/// Makes it durable.
///
/// # Errors
/// A sentence: the store takes nothing now.
pub(super) async fn save(recorder: &Recorder, name: &str, now: &Named) -> Result<(), String> {
    let (key, now) = (named(name), now.clone());
    let saved = recorder.try_run(move |group| group.save(key, &now)).await;
    flat(saved)
}

/// Makes the account durable.
///
/// # Errors
/// A sentence: the store takes nothing now.
pub(super) async fn save_account(recorder: &Recorder, now: &Account) -> Result<(), String> {
    let now = now.clone();
    let saved = recorder.try_run(move |group| group.save(account(), &now)).await;
    flat(saved)
}

fn flat<E: std::fmt::Display>(saved: Result<Result<(), StoreError>, E>) -> Result<(), String> {
    match saved {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(format!("nothing can be kept in the store: {error}")),
        Err(error) => Err(format!("nothing can be kept in the store: {error}")),
    }
}
