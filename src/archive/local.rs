//! What a data directory knows of the archive: `archive.json`.

use super::error::ArchiveError;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, chown};
use std::path::Path;

const FILE: &str = "archive.json";

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Local {
    /// Random id of this directory as an owner of archives.
    pub owner: String,
    /// Up to where the directory was made from an archive, and has not written itself since.
    #[serde(default)]
    pub followed: Option<Followed>,
    /// Why nothing is written here any more.
    #[serde(default)]
    pub fenced: Option<String>,
}

/// A state of an archive that was brought here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Followed {
    /// The archive.
    pub archive: String,
    /// The epoch of the last commit.
    pub epoch: u32,
    /// The last commit.
    pub seq: u64,
    /// Whether it is an earlier state on purpose.
    pub is_earlier: bool,
}

impl Local {
    /// What the directory knows; a new owner where it knows nothing.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(data_dir: &Path) -> Result<Self, ArchiveError> {
        let path = data_dir.join(FILE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::fresh()),
            Err(error) => return Err(ArchiveError::io(&path)(error)),
        };
        serde_json::from_slice(&text).map_err(|error| ArchiveError::io(&path)(std::io::Error::other(error)))
    }

    /// One that never was an owner.
    pub fn fresh() -> Self {
        Self {
            owner: format!("{:032x}", rand::random::<u128>()),
            followed: None,
            fenced: None,
        }
    }

    /// Writes the file, durable, and for whom the directory belongs to.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, data_dir: &Path) -> Result<(), ArchiveError> {
        let path = data_dir.join(FILE);
        let unfinished = data_dir.join("archive.json.tmp");
        let written = serde_json::to_vec(self)
            .map_err(std::io::Error::other)
            .and_then(|json| write_private(&unfinished, &json))
            .and_then(|()| give(&unfinished, data_dir))
            .and_then(|()| fs::rename(&unfinished, &path))
            .and_then(|()| File::open(data_dir)?.sync_all());
        written.map_err(ArchiveError::io(&path))
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Gives a file to whom the directory belongs to, where the process may.
fn give(path: &Path, dir: &Path) -> std::io::Result<()> {
    let (own, of) = (fs::metadata(path)?, fs::metadata(dir)?);
    if (own.uid(), own.gid()) == (of.uid(), of.gid()) {
        return Ok(());
    }
    chown(path, Some(of.uid()), Some(of.gid()))
}
