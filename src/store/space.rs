//! Room on the disk: when it gets short, writing stops before the disk is full, because a full disk poisons
//! the index. A ballast file is given back then, so that what still has to be written fits.

use super::error::StoreError;
use super::files;
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// Thresholds of the watch over free space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpaceOptions {
    /// With less than this free, writing stops and the ballast is given back.
    pub full_below_bytes: u64,
    /// With at least this free (the ballast not counted), writing goes on.
    pub ready_from_bytes: u64,
    /// Size of the ballast file; 0: none.
    pub ballast_bytes: u64,
}

impl Default for SpaceOptions {
    fn default() -> Self {
        Self {
            full_below_bytes: 256 << 20,
            ready_from_bytes: 512 << 20,
            ballast_bytes: 64 << 20,
        }
    }
}

/// Whether there is room to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// Yes.
    Enough,
    /// No: writing has stopped.
    Short,
}

/// Decides whether there is room: short below the lower threshold, enough again only from the upper one on,
/// and then with the room that the ballast needs.
pub fn judge(now: Room, free_bytes: u64, has_ballast: bool, options: &SpaceOptions) -> Room {
    let needed = match now {
        Room::Enough => options.full_below_bytes,
        Room::Short if has_ballast => options.ready_from_bytes,
        Room::Short => options.ready_from_bytes.saturating_add(options.ballast_bytes),
    };
    if free_bytes < needed {
        Room::Short
    } else {
        Room::Enough
    }
}

/// Free bytes of the file system that holds a directory, as an ordinary user sees them.
pub(super) fn free_bytes(dir: &Path) -> Result<u64, StoreError> {
    let stat = rustix::fs::statvfs(dir).map_err(|error| StoreError::io("look at", dir)(error.into()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Writes the ballast (bytes, not a hole) unless it has its size.
pub(super) fn take_ballast(path: &Path, bytes: u64) -> Result<(), StoreError> {
    if bytes == 0 || std::fs::metadata(path).is_ok_and(|meta| meta.len() == bytes) {
        return Ok(());
    }
    let write = || {
        let mut file = File::create(path)?;
        let chunk = [0x5a; 64 << 10];
        let mut left = bytes;
        while left > 0 {
            let len = left.min(chunk.len() as u64);
            file.write_all(&chunk[..usize::try_from(len).unwrap_or(chunk.len())])?;
            left -= len;
        }
        file.sync_all()
    };
    write().map_err(StoreError::io("write", path)).inspect_err(|_| {
        if let Err(error) = files::remove(path) {
            tracing::warn!(code = "ballast", %error, "half a ballast file stays behind");
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds() {
        let options = SpaceOptions {
            full_below_bytes: 100,
            ready_from_bytes: 200,
            ballast_bytes: 50,
        };
        for (now, free, ballast, expected) in [
            (Room::Enough, 100, true, Room::Enough),
            (Room::Enough, 99, true, Room::Short),
            (Room::Short, 199, true, Room::Short),
            (Room::Short, 200, true, Room::Enough),
            (Room::Short, 249, false, Room::Short),
            (Room::Short, 250, false, Room::Enough),
        ] {
            assert_eq!(
                judge(now, free, ballast, &options),
                expected,
                "{now:?} {free} {ballast}"
            );
        }
    }

    #[test]
    fn the_ballast_is_no_hole() {
        use std::os::unix::fs::MetadataExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ballast");
        take_ballast(&path, 300_000).unwrap();
        let meta = std::fs::metadata(&path).unwrap();
        assert_eq!(meta.len(), 300_000);
        assert!(
            meta.blocks() * 512 >= 300_000 || meta.blocks() == 0,
            "{} blocks",
            meta.blocks()
        );
        assert!(free_bytes(dir.path()).unwrap() > 0);
    }
}
