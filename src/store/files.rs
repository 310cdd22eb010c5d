//! The few file operations that the store needs done durably, and the names in its directory.

use super::database::Db;
use super::error::StoreError;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Paths inside a data directory.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) root: PathBuf,
}

impl Layout {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }
    pub(super) fn lock(&self) -> PathBuf {
        self.root.join("LOCK")
    }
    pub(super) fn manifest(&self) -> PathBuf {
        self.root.join("MANIFEST")
    }
    pub(super) fn ballast(&self) -> PathBuf {
        self.root.join("ballast")
    }
    pub(super) fn journal(&self) -> PathBuf {
        self.root.join("journal")
    }
    pub(super) fn databases(&self) -> PathBuf {
        self.root.join("db")
    }
    pub(super) fn database(&self, db: Db) -> PathBuf {
        self.databases().join(db.to_string())
    }
    /// A directory beside a database: `hot.rebuilding`, `hot.dropped`, `hot.opening` (a file).
    pub(super) fn beside(&self, db: Db, what: &str) -> PathBuf {
        self.databases().join(format!("{db}.{what}"))
    }
    pub(super) fn snapshots(&self) -> PathBuf {
        self.root.join("snapshots")
    }
    pub(super) fn snapshot(&self, db: Db, seq: u64) -> PathBuf {
        self.snapshots().join(format!("{db}-{seq:016x}.snap"))
    }
    /// Where a backup is being unpacked.
    pub(super) fn restoring(&self) -> PathBuf {
        self.root.join("restoring")
    }
    /// A restored store that has only to be put in place.
    pub(super) fn restored(&self) -> PathBuf {
        self.root.join("restored")
    }
    /// Whether there is a store, or what is left of one.
    pub(super) fn has_data(&self) -> bool {
        let parts = [
            self.manifest(),
            self.journal(),
            self.databases(),
            self.snapshots(),
        ];
        parts.iter().any(|path| path.exists())
    }
    pub(super) fn backups(&self) -> PathBuf {
        self.root.join("backups")
    }
    /// Where a database that is not believed goes.
    pub(super) fn damaged(&self, db: Db, now_ms: i64) -> PathBuf {
        self.databases().join(format!("damaged-{db}-{now_ms}"))
    }
    /// Database of a `damaged-` directory and when it was moved aside, by its name.
    pub(super) fn parse_damaged(name: &str) -> Option<(Db, i64)> {
        let (db, at_ms) = name.strip_prefix("damaged-")?.rsplit_once('-')?;
        Some((db.parse().ok()?, at_ms.parse().ok()?))
    }
    /// Database and sequence of a snapshot's file name.
    pub(super) fn parse_snapshot(name: &str) -> Option<(Db, u64)> {
        let (db, seq) = name.strip_suffix(".snap")?.rsplit_once('-')?;
        (seq.len() == 16).then_some(())?;
        Some((db.parse().ok()?, u64::from_str_radix(seq, 16).ok()?))
    }
}

/// Names of the entries of a directory, sorted; a directory that does not exist has none.
pub(super) fn names(dir: &Path) -> Result<Vec<String>, StoreError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::io("list", dir)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(StoreError::io("list", dir))?;
        // Names that are not UTF-8 are none of ours.
        names.extend(entry.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

/// Makes a directory and its parents.
pub(super) fn make_dir(dir: &Path) -> Result<(), StoreError> {
    if dir.is_dir() {
        return Ok(());
    }
    step().map_err(StoreError::io("make the directory", dir))?;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(StoreError::io("make the directory", dir))
}

/// Makes a file that only its owner may read, in place of one that is there.
pub(super) fn create_private(path: &Path) -> std::io::Result<NewFile> {
    step()?;
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map(NewFile)
}

/// Makes the entries of a directory durable.
pub(super) fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    step()
        .and_then(|()| File::open(dir))
        .and_then(|dir| dir.sync_all())
        .map_err(StoreError::io("sync", dir))
}

/// Makes every file below a directory durable, and the directories themselves.
pub(super) fn sync_tree(dir: &Path) -> Result<(), StoreError> {
    for name in names(dir)? {
        let path = dir.join(name);
        if path.is_dir() {
            sync_tree(&path)?;
        } else {
            step()
                .and_then(|()| File::open(&path))
                .and_then(|file| file.sync_all())
                .map_err(StoreError::io("sync", &path))?;
        }
    }
    sync_dir(dir)
}

/// Renames durably within one directory.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    step()
        .and_then(|()| fs::rename(from, to))
        .map_err(StoreError::io("rename", from))?;
    to.parent().map_or(Ok(()), sync_dir)
}

/// Removes a file or a directory with all in it; what does not exist is removed already.
pub(super) fn remove(path: &Path) -> Result<(), StoreError> {
    if !path.exists() && !path.is_symlink() {
        return Ok(());
    }
    let removed = step().and_then(|()| {
        if path.is_dir() && !path.is_symlink() {
            fs::remove_dir_all(path)
        } else {
            fs::remove_file(path)
        }
    });
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StoreError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// Replaces a file so that after a crash it is the old or the new one.
pub(super) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let temporary = path.with_extension("tmp");
    let write = || {
        let mut file = create_private(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(StoreError::io("write", &temporary))?;
    rename(&temporary, path)
}

/// Where files end up that are made in a directory: with whom it belongs to, when the process may give them away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner(Option<(u32, u32)>);

impl Owner {
    /// Whose a directory is; nobody in particular when it does not exist yet or only its owner can be here.
    pub(super) fn of(dir: &Path) -> Result<Self, StoreError> {
        match fs::metadata(dir) {
            Ok(meta) if rustix::process::geteuid().is_root() => Ok(Self(Some((meta.uid(), meta.gid())))),
            Ok(_) => Ok(Self(None)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self(None)),
            Err(error) => Err(StoreError::io("look at", dir)(error)),
        }
    }

    /// Gives a file, or a directory with all in it, to the owner.
    pub(super) fn give(self, path: &Path) -> Result<(), StoreError> {
        let Some((uid, gid)) = self.0 else { return Ok(()) };
        if path.is_dir() {
            for name in names(path)? {
                self.give(&path.join(name))?;
            }
        }
        step().map_err(StoreError::io("give away", path))?;
        std::os::unix::fs::lchown(path, Some(uid), Some(gid)).map_err(StoreError::io("give away", path))
    }
}

/// Takes the lock of a data directory; it is held until the file is dropped.
pub(super) fn lock(layout: &Layout) -> Result<File, StoreError> {
    let path = layout.lock();
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(StoreError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked {
            dir: layout.root.clone(),
        }),
        Err(TryLockError::Error(source)) => Err(StoreError::Io {
            what: "lock",
            path,
            source,
        }),
    }
}

/// Moves durably to another directory of the same file system.
pub(super) fn move_to(from: &Path, to: &Path) -> Result<(), StoreError> {
    rename(from, to)?;
    from.parent().map_or(Ok(()), sync_dir)
}

/// A file that is being written. Tests can stop before each write and sync.
pub(super) struct NewFile(File);

impl NewFile {
    pub(super) fn sync_all(&self) -> std::io::Result<()> {
        step()?;
        self.0.sync_all()
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        step()?;
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// Called before everything that changes the directory: a test stops there, and nothing is done from then on, as
/// if the process had been killed.
#[cfg(not(test))]
#[expect(clippy::unnecessary_wraps, reason = "it fails in tests")]
fn step() -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
pub(super) use stops::step;

/// Stopping at each change of the directory.
#[cfg(test)]
pub(super) mod stops {
    use std::cell::Cell;

    thread_local! {
        static LEFT: Cell<Option<u64>> = const { Cell::new(None) };
    }

    /// This thread does so many more changes, then none; `None`: as many as it likes.
    pub(crate) fn allow(changes: Option<u64>) {
        LEFT.set(changes);
    }

    /// Changes that are still allowed.
    pub(crate) fn left() -> Option<u64> {
        LEFT.get()
    }

    pub(in super::super) fn step() -> std::io::Result<()> {
        match LEFT.get() {
            None => Ok(()),
            Some(0) => Err(std::io::Error::other("stopped by the test")),
            Some(left) => {
                LEFT.set(Some(left - 1));
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_read_back() {
        let layout = Layout::new(Path::new("/d"));
        let db = Db::sessions(1_795_000_000_123);
        let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(
            Layout::parse_snapshot(&name(layout.snapshot(db, 77))),
            Some((db, 77))
        );
        assert_eq!(Layout::parse_snapshot("hot-77.snap"), None);
        assert_eq!(Layout::parse_snapshot("hot-000000000000004d.tmp"), None);
        assert_eq!(
            Layout::parse_damaged(&name(layout.damaged(db, 1234))),
            Some((db, 1234))
        );
        assert_eq!(Layout::parse_damaged("hot"), None);
    }
}
