//! What can go wrong in the store, each with a stable code and what to do about it.

use super::database::Db;
use std::path::{Path, PathBuf};

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full or nearly so; writing is refused before it is.
    #[error(
        "the disk that holds {} is nearly full ({free_bytes} bytes free): free space or enlarge it; writing goes on by itself",
        dir.display()
    )]
    Full {
        /// The data directory.
        dir: PathBuf,
        /// What was free when it was last looked at.
        free_bytes: u64,
    },
    /// A database is being rebuilt from its snapshot and the journal.
    #[error(
        "the database {db} is being rebuilt from its snapshot and the journal: try again in a moment; health shows when it is done"
    )]
    Rebuilding {
        /// Which database.
        db: Db,
    },
    /// A database could not be rebuilt, or failed again and again.
    #[error(
        "the database {db} cannot be used: {message}; check the disk, then start the server again, or restore a backup"
    )]
    Failed {
        /// Which database.
        db: Db,
        /// What happened.
        message: String,
    },
    /// Another server has taken the place of this one; the sentence says which, and what to do.
    #[error("{0}")]
    Fenced(String),
    /// Another process uses the directory.
    #[error("{} is in use by another process: stop it, or choose another data directory", dir.display())]
    Locked {
        /// The data directory.
        dir: PathBuf,
    },
    /// The data were written by a newer version.
    #[error(
        "the data in {} have schema {found}, this version knows schemas up to {supported}: install the version that wrote them, or restore a backup made by this one",
        dir.display()
    )]
    NewerSchema {
        /// The data directory or backup.
        dir: PathBuf,
        /// Schema of the data.
        found: u16,
        /// Newest schema of this binary.
        supported: u16,
    },
    /// A file could not be read or written.
    #[error("cannot {what} {}: {source}; check the disk and the permissions", path.display())]
    Io {
        /// A verb, such as `write`.
        what: &'static str,
        /// Which file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The journal could not be written or read.
    #[error("the journal cannot be used: {0}")]
    Journal(String),
    /// A record does not have the form that it was written in.
    #[error(
        "a record of {db}, family {family:?}, key {key} cannot be read: {message}; run `yamabiko doctor` and consider restoring a backup"
    )]
    Record {
        /// Which database.
        db: Db,
        /// Family byte as a character.
        family: char,
        /// The whole key in hexadecimal.
        key: String,
        /// What is wrong.
        message: String,
    },
    /// A value cannot be written as a record.
    #[error("a record cannot be encoded: {0}; this is a defect, please report it")]
    Encode(String),
    /// A commit holds a key or value that is larger than the store takes.
    #[error(
        "a {what} of {bytes} bytes for {db} is larger than the store takes ({limit}): this is a defect, please report it"
    )]
    TooLarge {
        /// `key` or `value`.
        what: &'static str,
        /// Which database.
        db: Db,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// A snapshot is damaged.
    #[error("the snapshot {} is damaged at byte {offset}: {message}; it is replaced by the next snapshot", path.display())]
    Snapshot {
        /// Which file.
        path: PathBuf,
        /// Where.
        offset: u64,
        /// What is wrong.
        message: String,
    },
    /// A backup is damaged or is no backup.
    #[error("the backup {} cannot be used: {message}", path.display())]
    Backup {
        /// Which file.
        path: PathBuf,
        /// What is wrong and what to do.
        message: String,
    },
    /// A backup could not be handed on.
    #[error("the backup could not be written: {0}")]
    Stream(std::io::Error),
    /// Something is where a file should be made.
    #[error("{} exists already and is left alone: name another file, or say --force, which replaces a file and nothing else", path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// There is no store where one was expected.
    #[error("there is no data in {}: name the data directory of your server with --data-dir or --config; only `serve`, `demo` and `restore` make a new one", dir.display())]
    NoStore {
        /// The directory.
        dir: PathBuf,
    },
    /// A restore ended before it was decided.
    #[error("a restore into {} was interrupted before it was complete: run `yamabiko restore` again, with --force if there are data of before; to go on without it, remove {}", dir.display(), dir.join("restoring").display())]
    RestoreInterrupted {
        /// The data directory.
        dir: PathBuf,
    },
    /// The target of a restore holds data.
    #[error("{} is not empty: choose an empty directory, or say --force to replace what is there", dir.display())]
    NotEmpty {
        /// The target.
        dir: PathBuf,
    },
    /// A step that brings old data to the present schema failed.
    #[error("the data cannot be brought from schema {from} to {to}: {message}; the backup made before is {}", backup.display())]
    Migration {
        /// Schema before the step.
        from: u16,
        /// Schema after it.
        to: u16,
        /// What happened.
        message: String,
        /// The automatic backup.
        backup: PathBuf,
    },
    /// A thread of the store could not be started, or the store is closing.
    #[error("the store is closing")]
    Closing,
}

impl StoreError {
    /// Whether it is about one record alone, so that the same call brings the same error again. All others
    /// pass: the same call may succeed once the disk or the database is back.
    pub fn is_of_record(&self) -> bool {
        matches!(
            self,
            Self::Record { .. } | Self::Encode(_) | Self::TooLarge { .. }
        )
    }

    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Full { .. } => "disk_full",
            Self::Rebuilding { .. } => "store_rebuilding",
            Self::Failed { .. } => "store_failed",
            Self::Fenced(_) => "fenced",
            Self::Locked { .. } => "store_locked",
            Self::NewerSchema { .. } => "schema_newer",
            Self::Io { .. } => "store_io",
            Self::Journal(_) => "journal_failed",
            Self::Record { .. } => "record_unreadable",
            Self::Encode(_) => "record_unwritable",
            Self::TooLarge { .. } => "record_too_large",
            Self::Snapshot { .. } => "snapshot_damaged",
            Self::Backup { .. } => "backup_unusable",
            Self::Stream(_) => "backup_unwritable",
            Self::Exists { .. } => "file_exists",
            Self::NoStore { .. } => "no_store",
            Self::RestoreInterrupted { .. } => "restore_interrupted",
            Self::NotEmpty { .. } => "target_not_empty",
            Self::Migration { .. } => "migration_failed",
            Self::Closing => "store_closing",
        }
    }

    /// For `map_err` on calls of the file system.
    pub(super) fn io(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io {
            what,
            path: path.to_owned(),
            source,
        }
    }

    /// Whether the system said that the disk is full.
    pub(super) fn is_disk_full(&self) -> bool {
        match self {
            Self::Full { .. } => true,
            Self::Io { source, .. } => is_full(source),
            _ => false,
        }
    }
}

/// Whether an error of the system means that there is no room.
pub(super) fn is_full(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded
    )
}
