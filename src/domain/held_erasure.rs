//! An erasure that nobody proved: it waits, so that a stranger who names a device cannot erase what an advertiser has
//! of it before the advertiser sees that.

use super::ids::OfferId;
use serde::{Deserialize, Serialize};

/// A device that somebody asked to forget who proved nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldErasure {
    /// The app.
    pub offer: OfferId,
    /// Sandbox.
    pub is_test: bool,
    /// Our id of the device, as it was sent; 32 hexadecimal digits.
    pub adid: Option<String>,
    /// Device ids by name, normalised.
    pub ids: Vec<(String, String)>,
    /// Address that asked.
    pub from: String,
    /// Unix milliseconds.
    pub asked_at_ms: i64,
    /// When it is carried out unless somebody cancels it, unix milliseconds.
    pub due_at_ms: i64,
}
