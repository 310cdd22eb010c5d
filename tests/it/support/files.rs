//! Copies of data directories, and small file systems of a test's own.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Every regular file below a directory, sorted; a control socket is none.
pub fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).expect("list") {
        let entry = entry.expect("entry");
        let kind = entry.file_type().expect("file type");
        if kind.is_dir() {
            files.extend(files_below(&entry.path()));
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    files
}

/// Copies a directory with its files; what disappears meanwhile is left out.
pub fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("make directory");
    std::fs::set_permissions(to, std::fs::metadata(from).expect("metadata").permissions())
        .expect("permissions");
    for entry in std::fs::read_dir(from).expect("list") {
        let entry = entry.expect("entry");
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().expect("file type");
        if kind.is_dir() {
            copy_tree(&source, &target);
        } else if kind.is_file()
            && let Err(error) = std::fs::copy(&source, &target)
        {
            assert_eq!(
                error.kind(),
                std::io::ErrorKind::NotFound,
                "copy {}: {error}",
                source.display()
            );
        }
    }
}

/// Bytes that the files below a directory take on the disk.
pub fn size_of(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    files_below(dir)
        .iter()
        .filter_map(|f| std::fs::metadata(f).ok())
        .map(|m| m.blocks() * 512)
        .sum()
}

/// A mounted file system; unmounted when it is dropped.
pub struct Mount {
    pub path: PathBuf,
}

impl Mount {
    /// Mounts; `None`, saying why, where that is not permitted.
    pub fn new(path: &Path, arguments: &[&str]) -> Option<Self> {
        std::fs::create_dir_all(path).expect("make mount point");
        run(Command::new("mount").args(arguments).arg(path))?;
        Some(Self {
            path: path.to_owned(),
        })
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let unmounted = run(Command::new("umount").arg(&self.path));
        if unmounted.is_none() {
            run(Command::new("umount").arg("-l").arg(&self.path));
        }
    }
}

/// Runs a command of the system; `None`, saying why, when it fails.
pub fn run(command: &mut Command) -> Option<()> {
    match command.output() {
        Ok(output) if output.status.success() => Some(()),
        Ok(output) => {
            println!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
            None
        }
        Err(error) => {
            println!("{command:?}: {error}");
            None
        }
    }
}
