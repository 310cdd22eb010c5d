//! The archive off the machine.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The archive off the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    /// Address of the service.
    pub endpoint: Option<String>,
    /// Name of the bucket; empty: there is no archive in a bucket.
    pub bucket: String,
    /// Begin of the names of all objects.
    pub prefix: String,
    /// Region that requests are signed for.
    pub region: String,
    /// Whether the bucket stands before the host of the address.
    pub bucket_in_host: bool,
    /// File with the access key; `None`: what systemd hands over as `archive-credentials`.
    pub credentials_file: Option<PathBuf>,
    /// File with the key that objects are sealed with; `None`: what systemd hands over as `archive-key`, else none are.
    pub key_file: Option<PathBuf>,
    /// A directory in place of a bucket.
    pub directory: Option<PathBuf>,
    /// From one look to the next, seconds.
    pub interval_s: u32,
    /// How old objects may become.
    pub history_hours: u32,
    /// How long the journal may become while the bucket is away, MiB.
    pub journal_mb: u32,
    /// Whether conversions are refused while the bucket cannot be reached.
    pub strict_fence: bool,
}

impl Archive {
    /// Whether there is an archive.
    pub fn is_on(&self) -> bool {
        !self.bucket.is_empty() || self.directory.is_some()
    }
}
