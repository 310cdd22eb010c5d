//! Files of raw data.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Files of raw data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// Address of the service.
    pub endpoint: Option<String>,
    /// Name of the bucket; empty: nothing is written to one.
    pub bucket: String,
    /// Begin of the names of all objects.
    pub prefix: String,
    /// Region that requests are signed for.
    pub region: String,
    /// Whether the bucket stands before the host of the address.
    pub bucket_in_host: bool,
    /// File with the access key; `None`: what systemd hands over as `export-credentials`.
    pub credentials_file: Option<PathBuf>,
    /// A directory in place of a bucket.
    pub directory: Option<PathBuf>,
}

impl Export {
    /// Whether files are written.
    pub fn is_on(&self) -> bool {
        !self.bucket.is_empty() || self.directory.is_some()
    }
}
