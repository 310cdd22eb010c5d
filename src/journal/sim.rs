//! A disk in memory for tests, with failing calls and power cuts.
//!
//! What is not synced is at the mercy of [`SimDisk::cut_power`]: file contents may be dropped, kept,
//! torn by sectors, zeroed or scribbled over; of names, any prefix of the unsynced changes survives. A
//! sync that fails leaves its pages clean but not durable, as Linux does.

use super::disk::{Disk, DiskFile};
use parking_lot::Mutex;
use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, ThreadId};

const SECTOR: usize = 512;

/// What happens at the call that a fault is armed for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// It fails with this error, without effect; a failed sync is never made up for.
    Fail(io::ErrorKind),
    /// A write does half of its work, and the next call fails with this error.
    Short(io::ErrorKind),
    /// The power goes in the middle of it; every later call fails until [`SimDisk::cut_power`].
    PowerOff,
}

#[derive(Clone)]
enum NameChange {
    Link(PathBuf, usize),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

#[derive(Default)]
struct Inode {
    durable: Vec<u8>,
    current: Vec<u8>,
    dirty: BTreeSet<usize>,
}

#[derive(Default)]
struct State {
    inodes: Vec<Inode>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    unsynced: Vec<NameChange>,
    /// The calls of this thread are counted down to the fault.
    armed: Option<(ThreadId, u64, Fault)>,
    is_off: bool,
    is_locked: bool,
    free_bytes: Option<usize>,
    /// An inode and an offset in it that cannot be read.
    bad_byte: Option<(usize, usize)>,
    writes: u64,
    syncs: u64,
}

/// The disk; clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct SimDisk(Arc<Mutex<State>>);

struct SimFile {
    disk: SimDisk,
    inode: usize,
}

struct SimLock(SimDisk);

impl Drop for SimLock {
    fn drop(&mut self) {
        self.0.0.lock().is_locked = false;
    }
}

impl SimDisk {
    /// Lets a call of this thread that changes the disk go wrong: the next one with `calls` 0.
    pub(crate) fn arm(&self, calls: u64, fault: Fault) {
        self.0.lock().armed = Some((thread::current().id(), calls, fault));
    }

    pub(crate) fn disarm(&self) {
        self.0.lock().armed = None;
    }

    /// Files can grow by this much in all; `None`: without limit.
    pub(crate) fn set_free_bytes(&self, free: Option<usize>) {
        self.0.lock().free_bytes = free;
    }

    /// Writes and syncs of files so far, by all threads.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let state = self.0.lock();
        (state.writes, state.syncs)
    }

    /// Changes durable bytes behind everyone's back.
    pub(crate) fn damage(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.0.lock();
        let inode = state.names[path];
        let inode = &mut state.inodes[inode];
        change(&mut inode.current);
        inode.durable.clone_from(&inode.current);
    }

    /// Reads of this byte of a file fail from now on.
    pub(crate) fn make_unreadable(&self, path: &Path, at: usize) {
        let mut state = self.0.lock();
        state.bad_byte = Some((state.names[path], at));
    }

    /// The bytes of a file as it is read now.
    pub(crate) fn contents(&self, path: &Path) -> Vec<u8> {
        let state = self.0.lock();
        state.inodes[state.names[path]].current.clone()
    }

    /// Only what was durable, and by chance something of what was not, is there afterwards.
    pub(crate) fn cut_power(&self, seed: u64) {
        let mut random = Random(seed);
        let mut state = self.0.lock();
        let state = &mut *state;
        let kept = random.below(state.unsynced.len() + 1);
        let unsynced = std::mem::take(&mut state.unsynced);
        for change in unsynced.into_iter().take(kept) {
            apply(&mut state.durable_names, change);
        }
        state.names = state.durable_names.clone();
        for (number, inode) in state.inodes.iter_mut().enumerate() {
            if state.names.values().any(|named| *named == number) {
                inode.lose_unsynced(&mut random);
            } else {
                *inode = Inode::default();
            }
        }
        (state.is_off, state.armed) = (false, None);
    }
}

impl Inode {
    fn lose_unsynced(&mut self, random: &mut Random) {
        let mut after = self.durable.clone();
        let kind = random.below(5);
        if kind > 0 {
            after.resize(self.durable.len().max(self.current.len()), 0);
        }
        for (sector, new) in self.current.chunks(SECTOR).enumerate() {
            let start = sector * SECTOR;
            if self.durable.get(start..start + new.len()) == Some(new) {
                continue;
            }
            match kind {
                2 => after[start..start + new.len()].copy_from_slice(new),
                3 if random.below(2) == 0 => after[start..start + new.len()].copy_from_slice(new),
                4 => {
                    for (old, new) in after[start..].iter_mut().zip(new) {
                        if old != new {
                            *old = u8::try_from(random.below(256)).unwrap();
                        }
                    }
                }
                _ => {}
            }
        }
        self.current.clone_from(&after);
        self.durable = after;
        self.dirty.clear();
    }
}

fn apply(names: &mut BTreeMap<PathBuf, usize>, change: NameChange) {
    match change {
        NameChange::Link(path, inode) => {
            names.insert(path, inode);
        }
        NameChange::Rename(from, to) => {
            if let Some(inode) = names.remove(&from) {
                names.insert(to, inode);
            }
        }
        NameChange::Remove(path) => {
            names.remove(&path);
        }
    }
}

fn gone() -> io::Error {
    io::Error::other("the power is off")
}

impl State {
    /// Counts a call that changes the disk; tells what is to go wrong at it.
    fn fault(&mut self) -> io::Result<Option<Fault>> {
        if self.is_off {
            return Err(gone());
        }
        let Some((thread, calls, fault)) = &mut self.armed else {
            return Ok(None);
        };
        if *thread != thread::current().id() {
            return Ok(None);
        }
        if *calls > 0 {
            *calls -= 1;
            return Ok(None);
        }
        let fault = *fault;
        self.armed = match fault {
            Fault::Short(kind) => Some((thread::current().id(), 0, Fault::Fail(kind))),
            Fault::Fail(_) | Fault::PowerOff => None,
        };
        self.is_off = matches!(fault, Fault::PowerOff);
        Ok(Some(fault))
    }

    fn change_name(&mut self, change: NameChange) -> io::Result<()> {
        match self.fault()? {
            Some(Fault::Fail(kind)) => Err(kind.into()),
            fault => {
                apply(&mut self.names, change.clone());
                self.unsynced.push(change);
                if matches!(fault, Some(Fault::PowerOff)) {
                    Err(gone())
                } else {
                    Ok(())
                }
            }
        }
    }
}

impl Disk for SimDisk {
    fn create_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, _: &Path) -> io::Result<Box<dyn Any + Send>> {
        let mut state = self.0.lock();
        if std::mem::replace(&mut state.is_locked, true) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(SimLock(self.clone())))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.0.lock();
        let names = state.names.keys().filter(|path| path.parent() == Some(dir));
        Ok(names
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.0.lock();
        let inode = state.inodes.len();
        state.inodes.push(Inode::default());
        state.change_name(NameChange::Link(path.to_owned(), inode))?;
        Ok(Box::new(SimFile {
            disk: self.clone(),
            inode,
        }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let state = self.0.lock();
        match state.names.get(path) {
            _ if state.is_off => Err(gone()),
            Some(inode) => Ok(Box::new(SimFile {
                disk: self.clone(),
                inode: *inode,
            })),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn open_read(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.open(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0
            .lock()
            .change_name(NameChange::Rename(from.to_owned(), to.to_owned()))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        if !state.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.change_name(NameChange::Remove(path.to_owned()))
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        match state.fault()? {
            Some(Fault::Fail(kind)) => Err(kind.into()),
            Some(Fault::PowerOff) => Err(gone()),
            Some(Fault::Short(_)) | None => {
                state.unsynced.clear();
                state.durable_names = state.names.clone();
                Ok(())
            }
        }
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<usize> {
        let state = self.disk.0.lock();
        if state.is_off {
            return Err(gone());
        }
        let current = &state.inodes[self.inode].current;
        let at = usize::try_from(at).unwrap();
        let rest = current.get(at..).unwrap_or_default();
        let len = rest.len().min(bytes.len());
        if state
            .bad_byte
            .is_some_and(|(inode, bad)| inode == self.inode && (at..at + len).contains(&bad))
        {
            return Err(io::Error::other("bad sector"));
        }
        bytes[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<usize> {
        let mut state = self.disk.0.lock();
        let at = usize::try_from(at).unwrap();
        let fault = state.fault()?;
        let mut len = match fault {
            Some(Fault::Fail(kind)) => return Err(kind.into()),
            Some(Fault::Short(_) | Fault::PowerOff) => bytes.len().div_ceil(2),
            None => bytes.len(),
        };
        let file_bytes = state.inodes[self.inode].current.len();
        let growth = |len: usize| (at + len).saturating_sub(file_bytes);
        if let Some(free) = state.free_bytes {
            if growth(len) > free {
                len = (file_bytes + free).saturating_sub(at);
            }
            if len == 0 && !bytes.is_empty() {
                return Err(io::ErrorKind::StorageFull.into());
            }
            state.free_bytes = Some(free - growth(len));
        }
        state.writes += 1;
        let inode = &mut state.inodes[self.inode];
        if inode.current.len() < at + len {
            inode.current.resize(at + len, 0);
        }
        inode.current[at..at + len].copy_from_slice(&bytes[..len]);
        inode.dirty.extend(at / SECTOR..(at + len).div_ceil(SECTOR));
        if matches!(fault, Some(Fault::PowerOff)) {
            Err(gone())
        } else {
            Ok(len)
        }
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        let fault = state.fault()?;
        state.syncs += 1;
        let inode = &mut state.inodes[self.inode];
        match fault {
            Some(Fault::PowerOff) => return Err(gone()),
            Some(Fault::Fail(kind)) => {
                inode.dirty.clear();
                return Err(kind.into());
            }
            Some(Fault::Short(_)) | None => {}
        }
        inode.durable.resize(inode.current.len(), 0);
        for sector in std::mem::take(&mut inode.dirty) {
            let end = inode.current.len().min((sector + 1) * SECTOR);
            let start = sector * SECTOR;
            inode.durable[start..end].copy_from_slice(&inode.current[start..end]);
        }
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.0.lock().inodes[self.inode].current.len() as u64)
    }
}

/// splitmix64: the same seed gives the same power cut.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % end as u64).unwrap()
    }
}
