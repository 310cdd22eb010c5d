//! A file that appears whole or not at all, where an operator said: private, and never in place of another file
//! unless asked for.

use super::error::StoreError;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// See the module. Dropped before [`Target::keep`] it leaves nothing behind.
pub struct Target {
    file: File,
    path: PathBuf,
    may_replace: bool,
    /// Name until it is kept, where the file system knows no files without a name.
    name: Option<PathBuf>,
}

impl Target {
    /// Begins a file at `path`. The directory has to be there.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when something is there and `may_replace` is not said; [`StoreError::Io`].
    pub fn create(path: &Path, may_replace: bool) -> Result<Self, StoreError> {
        match fs::symlink_metadata(path) {
            Ok(_) if !may_replace => return Err(exists(path)),
            // A directory, a device such as /dev/null, a pipe: nobody meant to lose it.
            Ok(meta) if !meta.is_file() && !meta.is_symlink() => return Err(exists(path)),
            _ => {}
        }
        let dir = directory(path);
        let unnamed = i32::try_from(rustix::fs::OFlags::TMPFILE.bits()).unwrap_or(0);
        let opened = OpenOptions::new()
            .write(true)
            .custom_flags(unnamed)
            .mode(0o600)
            .open(dir);
        let (file, name) = match opened {
            Ok(file) => (file, None),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => {
                return Err(StoreError::io("write to", dir)(error));
            }
            Err(_) => {
                let name = beside(path);
                let file = OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(&name);
                (file.map_err(StoreError::io("make", &name))?, Some(name))
            }
        };
        Ok(Self {
            file,
            path: path.to_owned(),
            may_replace,
            name,
        })
    }

    /// Makes the file durable and gives it its name.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when something has come there meanwhile; [`StoreError::Io`].
    pub fn keep(mut self) -> Result<(), StoreError> {
        let failed = |error| StoreError::io("write", &self.path)(error);
        self.file.sync_all().map_err(failed)?;
        if self.name.is_none() && self.may_replace {
            let name = beside(&self.path);
            link(&self.file, &name).map_err(StoreError::io("make", &name))?;
            self.name = Some(name);
        }
        let named = match &self.name {
            None => link(&self.file, &self.path),
            Some(name) if self.may_replace => fs::rename(name, &self.path),
            Some(name) => fs::hard_link(name, &self.path),
        };
        match named {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(exists(&self.path)),
            Err(error) => return Err(StoreError::io("write", &self.path)(error)),
        }
        let dir = directory(&self.path);
        File::open(dir)
            .and_then(|dir| dir.sync_all())
            .map_err(StoreError::io("sync", dir))
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some(name) = &self.name
            && let Err(error) = fs::remove_file(name)
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!(code = "backup_leftover", path = %name.display(), %error, "an unfinished file could not be removed");
        }
    }
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if dir != Path::new("") => dir,
        _ => Path::new("."),
    }
}

/// A name in the same directory that nobody else has.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    directory(path).join(format!(".{name}.{:016x}.partial", rand::random::<u64>()))
}

/// Gives an open file without a name one; fails when the name is taken.
fn link(file: &File, name: &Path) -> std::io::Result<()> {
    let unnamed = format!("/proc/self/fd/{}", file.as_raw_fd());
    rustix::fs::linkat(
        rustix::fs::CWD,
        unnamed,
        rustix::fs::CWD,
        name,
        rustix::fs::AtFlags::SYMLINK_FOLLOW,
    )
    .map_err(Into::into)
}

fn exists(path: &Path) -> StoreError {
    StoreError::Exists {
        path: path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = entries.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_appears_when_it_is_kept_and_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b.tar");
        let mut target = Target::create(&path, false).unwrap();
        target.write_all(b"whole").unwrap();
        assert!(!path.exists());
        target.keep().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        drop(Target::create(&dir.path().join("c.tar"), false).unwrap());
        assert_eq!(names(dir.path()), ["b.tar"]);
    }

    #[test]
    fn nothing_that_is_there_is_touched_unless_it_may_be_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("b.tar"), dir.path().join("other"));
        fs::write(&other, "other").unwrap();
        symlink(&other, &path).unwrap();
        for name in ["b.tmp", "b.tail", "b.tar.tmp"] {
            fs::write(dir.path().join(name), "mine").unwrap();
        }
        assert_eq!(Target::create(&path, false).err().unwrap().code(), "file_exists");
        let mut target = Target::create(&path, true).unwrap();
        target.write_all(b"new").unwrap();
        target.keep().unwrap();
        // The link itself was replaced, not what it led to.
        assert_eq!(fs::read(&other).unwrap(), b"other");
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
        assert_eq!(
            names(dir.path()),
            ["b.tail", "b.tar", "b.tar.tmp", "b.tmp", "other"]
        );
        let socket = dir.path().join("socket");
        let _listens = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for special in [dir.path(), &socket] {
            assert_eq!(Target::create(special, true).err().unwrap().code(), "file_exists");
        }
    }

    #[test]
    fn what_came_meanwhile_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b.tar");
        let target = Target::create(&path, false).unwrap();
        fs::write(&path, "first").unwrap();
        assert_eq!(target.keep().unwrap_err().code(), "file_exists");
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(names(dir.path()), ["b.tar"]);
    }
}
