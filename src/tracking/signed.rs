//! What a caller signed, as it is remembered until the time of the signature is over.

use super::caller::Proof;
use super::trust;
use crate::domain::duplicates::{self, Hash};

/// A signed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signed {
    /// Under which it is remembered.
    pub(super) hash: Hash,
    /// Its query and body.
    pub(super) request: Hash,
    /// Until when its signature can pass, unix milliseconds.
    pub(super) ends_at_ms: i64,
}

impl Signed {
    /// What was signed, for the offer or partner that the caller speaks for.
    pub(super) fn of(proof: &Proof, of: &str) -> Option<Self> {
        let timestamp = proof.timestamp.as_deref()?;
        let request = duplicates::request_hash(&proof.query, &proof.body);
        Some(Self {
            hash: duplicates::signed_hash(of, timestamp, &proof.method, &proof.path, &request),
            request,
            ends_at_ms: trust::signature_ends_at_ms(proof)?,
        })
    }
}
