//! What can go wrong, in words for the operator.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why the journal could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk or the quota is full. Nothing was recorded; once there is space, the next append
    /// works without reopening the journal.
    #[error("no space left for the journal at {path}: free some space, recording then goes on by itself", path = .path.display())]
    Full {
        /// The file that was written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file operation failed. A segment whose write or sync failed is not written again.
    #[error("cannot {action} {path}: {source}; check the disk and the owner of the data directory", path = .path.display())]
    Io {
        /// What was tried: a verb such as `write`.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The payload is larger than [`super::MAX_PAYLOAD_BYTES`]. Nothing was written.
    #[error("a commit of {bytes} bytes is over the limit of {limit} bytes: split it", limit = super::MAX_PAYLOAD_BYTES)]
    TooLarge {
        /// Length of the payload.
        bytes: usize,
    },
    /// The newest segment was written by a later version of this program.
    #[error("{path} has journal format {found}, this program knows {known}: start the newer version again, or restore a backup made by this one", path = .path.display(), known = super::segment::VERSION)]
    Version {
        /// The segment.
        path: PathBuf,
        /// The format version found in it.
        found: u32,
    },
    /// Another journal is open in the same directory, in this process or in another.
    #[error("the journal in {dir} is in use: another server runs on the same data directory", dir = .dir.display())]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// [`super::Journal::skip_to`] was asked to go back, or beyond all numbers.
    #[error("the journal cannot go on at record {asked}: its next record is {next}")]
    SkipRefused {
        /// The number asked for.
        asked: u64,
        /// The number that the next record will have.
        next: u64,
    },
}

impl JournalError {
    /// The stable code of the error, for logs, metrics and the API.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Full { .. } => "journal_full",
            Self::Io { .. } => "journal_io",
            Self::TooLarge { .. } => "journal_too_large",
            Self::Version { .. } => "journal_version",
            Self::InUse { .. } => "journal_in_use",
            Self::SkipRefused { .. } => "journal_skip_refused",
        }
    }

    /// `Full` for what only space can cure, else `Io`.
    pub(super) fn from_io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path, source },
            _ => Self::Io { action, path, source },
        }
    }
}

/// Records that cannot be read, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Damage {
    /// The segment.
    pub segment: PathBuf,
    /// Byte offset in the segment where the first unreadable thing begins.
    pub offset: u64,
    /// The last record before the damage (0: none).
    pub after_seq: u64,
    /// The first record after the damage; `None` when nothing readable follows.
    pub next_seq: Option<u64>,
    /// What was found.
    pub kind: DamageKind,
}

/// What is wrong at the place of a [`Damage`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DamageKind {
    /// Both copies of the segment's header are damaged, so that none of its records can be checked.
    Header,
    /// The segment was written in a format that this version does not know.
    Version(u32),
    /// Bytes of a frame are not what was written.
    Frame,
    /// The numbers leap: a segment is gone, or [`super::Journal::skip_to`] left the gap.
    Missing,
    /// The system could not read the file.
    Unreadable(String),
}

impl DamageKind {
    /// The stable code of the kind, for logs, metrics and the API.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Header => "damaged_header",
            Self::Version(_) => "unknown_version",
            Self::Frame => "damaged_frame",
            Self::Missing => "missing_records",
            Self::Unreadable(_) => "unreadable",
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.after_seq.saturating_add(1);
        match self.next_seq.map(|next| next.saturating_sub(1)) {
            Some(last) if last <= first => write!(f, "journal record {first} is lost: ")?,
            Some(last) => write!(f, "journal records {first} to {last} are lost: ")?,
            None => write!(f, "journal records from {first} on are lost: ")?,
        }
        let (path, offset) = (self.segment.display(), self.offset);
        match &self.kind {
            DamageKind::Header => write!(f, "the header of {path} is damaged")?,
            DamageKind::Version(found) => {
                write!(f, "{path} has format {found}, which this program does not know")?;
            }
            DamageKind::Frame => write!(f, "{path} is damaged at byte {offset}")?,
            DamageKind::Missing => write!(f, "they are missing before byte {offset} of {path}")?,
            DamageKind::Unreadable(why) => write!(f, "{path} cannot be read at byte {offset}: {why}")?,
        }
        f.write_str("; check the disk, and keep the last backup until a new one is made")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_failures() {
        let path = Path::new("/data/journal-1.log");
        for (kind, code) in [
            (io::ErrorKind::StorageFull, "journal_full"),
            (io::ErrorKind::QuotaExceeded, "journal_full"),
            (io::ErrorKind::PermissionDenied, "journal_io"),
            (io::ErrorKind::Other, "journal_io"),
        ] {
            assert_eq!(
                JournalError::from_io("write", path, kind.into()).code(),
                code,
                "{kind:?}"
            );
        }
    }

    #[test]
    fn damage_says_which_records_are_lost() {
        let damage = |after_seq, next_seq| Damage {
            segment: PathBuf::from("/data/j.log"),
            offset: 8192,
            after_seq,
            next_seq,
            kind: DamageKind::Frame,
        };
        for (damage, start) in [
            (
                damage(4, Some(6)),
                "journal record 5 is lost: /data/j.log is damaged at byte 8192",
            ),
            (damage(4, Some(9)), "journal records 5 to 8 are lost: "),
            (damage(4, None), "journal records from 5 on are lost: "),
        ] {
            assert!(damage.to_string().starts_with(start), "{damage}");
        }
    }
}
