//! Sealing of stored secrets.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Sealing of stored secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealing {
    /// File with the key; `None`: what systemd hands over as `sealing-key`, else secrets are stored as they are.
    pub key_file: Option<PathBuf>,
}
