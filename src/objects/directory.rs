//! A directory that stands in for a bucket: for tests, and for a disk of another machine that is mounted here.
//!
//! The version of an object is its SHA-256. A file appears whole, by a link or a rename; who writes over a version
//! holds a lock of the directory meanwhile.

use super::{Counters, Listed, ObjectsError, Version, checked};
use aws_lc_rs::digest::{SHA256, digest};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Objects of one page of a list.
const PAGE: usize = 1_000;
/// The file that is locked, and where files are written before they have their name. Neither is a name of an object.
const LOCK: &str = "+lock";
const UNFINISHED: &str = "+unfinished";

/// A directory.
pub struct Directory {
    root: PathBuf,
    next: AtomicU64,
    pub(super) counters: Counters,
}

impl Directory {
    /// Opens a directory, and makes it where there is none.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(root: &Path) -> Result<Self, ObjectsError> {
        let unfinished = root.join(UNFINISHED);
        fs::create_dir_all(&unfinished).map_err(failed(&unfinished))?;
        Ok(Self {
            root: root.to_owned(),
            next: AtomicU64::new(0),
            counters: Counters::default(),
        })
    }

    pub(super) fn put_new(&self, key: &str, bytes: &[u8]) -> Result<Version, ObjectsError> {
        let (from, to) = self.written(key, bytes)?;
        let linked = fs::hard_link(&from, &to);
        fs::remove_file(&from).map_err(failed(&from))?;
        match linked {
            Ok(()) => {
                sync_parent(&to)?;
                Ok(version(bytes))
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                Err(ObjectsError::Exists { key: key.to_owned() })
            }
            Err(error) => Err(failed(&to)(error)),
        }
    }

    pub(super) fn put_over(&self, key: &str, bytes: &[u8], over: &Version) -> Result<Version, ObjectsError> {
        let (from, to) = self.written(key, bytes)?;
        let path = self.root.join(LOCK);
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(failed(&path))?;
        lock.lock().map_err(failed(&path))?;
        if self.get(key)?.is_none_or(|(_, found)| found != *over) {
            fs::remove_file(&from).map_err(failed(&from))?;
            return Err(ObjectsError::Changed { key: key.to_owned() });
        }
        fs::rename(&from, &to).map_err(failed(&to))?;
        sync_parent(&to)?;
        Ok(version(bytes))
    }

    pub(super) fn put(&self, key: &str, bytes: &[u8]) -> Result<Version, ObjectsError> {
        let (from, to) = self.written(key, bytes)?;
        fs::rename(&from, &to).map_err(failed(&to))?;
        sync_parent(&to)?;
        Ok(version(bytes))
    }

    pub(super) fn get(&self, key: &str) -> Result<Option<(Vec<u8>, Version)>, ObjectsError> {
        checked(key)?;
        let path = self.root.join(key);
        match fs::read(&path) {
            Ok(bytes) => {
                self.counters.count(0, bytes.len());
                let version = version(&bytes);
                Ok(Some((bytes, version)))
            }
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::IsADirectory) => Ok(None),
            Err(error) => Err(failed(&path)(error)),
        }
    }

    pub(super) fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<Listed>, ObjectsError> {
        self.counters.count(0, 0);
        let mut found = Vec::new();
        self.collect(&self.root, "", prefix, &mut found)?;
        found.retain(|listed| after.is_none_or(|after| listed.key.as_str() > after));
        found.sort_by(|a, b| a.key.cmp(&b.key));
        found.truncate(PAGE);
        Ok(found)
    }

    pub(super) fn delete(&self, key: &str) -> Result<(), ObjectsError> {
        checked(key)?;
        self.counters.count(0, 0);
        let path = self.root.join(key);
        match fs::remove_file(&path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed(&path)(error)),
        }
    }

    /// Writes the bytes to a file of their own; gives it and the name that it shall have.
    fn written(&self, key: &str, bytes: &[u8]) -> Result<(PathBuf, PathBuf), ObjectsError> {
        checked(key)?;
        self.counters.count(bytes.len(), 0);
        let to = self.root.join(key);
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(failed(parent))?;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let name = format!(
            "{}-{:x}-{number}",
            std::process::id(),
            std::ptr::from_ref(self).addr()
        );
        let from = self.root.join(UNFINISHED).join(name);
        let mut file = File::create(&from).map_err(failed(&from))?;
        file.write_all(bytes)
            .and_then(|()| file.sync_all())
            .map_err(failed(&from))?;
        Ok((from, to))
    }

    fn collect(
        &self,
        dir: &Path,
        name: &str,
        prefix: &str,
        found: &mut Vec<Listed>,
    ) -> Result<(), ObjectsError> {
        for entry in fs::read_dir(dir).map_err(failed(dir))? {
            let entry = entry.map_err(failed(dir))?;
            let Ok(own) = entry.file_name().into_string() else {
                continue;
            };
            if own.starts_with('+') {
                continue;
            }
            let key = if name.is_empty() {
                own
            } else {
                format!("{name}/{own}")
            };
            // A file that is removed meanwhile is no longer listed.
            let Ok(about) = entry.metadata() else {
                continue;
            };
            if about.is_dir() {
                let may_hold = key.starts_with(prefix) || prefix.starts_with(&key);
                if may_hold {
                    self.collect(&entry.path(), &key, prefix, found)?;
                }
            } else if key.starts_with(prefix) {
                found.push(Listed {
                    key,
                    bytes: about.len(),
                });
            }
        }
        Ok(())
    }
}

fn version(bytes: &[u8]) -> Version {
    let sum = digest(&SHA256, bytes);
    Version(sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn sync_parent(path: &Path) -> Result<(), ObjectsError> {
    let Some(parent) = path.parent() else {
        return Ok(());
    };
    File::open(parent)
        .and_then(|dir| dir.sync_all())
        .map_err(failed(parent))
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> ObjectsError {
    let path = path.to_owned();
    move |source| ObjectsError::Io {
        path: path.clone(),
        source,
    }
}
