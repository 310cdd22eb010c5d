//! Activities to a receiver.

use serde::{Deserialize, Serialize};

/// Activities to a receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stream {
    /// Where batches are posted; `None`: nowhere.
    pub url: Option<String>,
    /// Bearer token, a secret.
    pub token: Option<String>,
    /// `Name: value`, secrets.
    pub headers: Vec<String>,
    /// Rows of a batch at most.
    pub batch_rows: u32,
    /// Parameter of the URL that holds the token of a batch; `None`: none does.
    pub deduplication: Option<String>,
    /// Whether clicks and impressions are handed on, too.
    pub clicks: bool,
    /// Whether it begins with the oldest record.
    pub history: bool,
}
