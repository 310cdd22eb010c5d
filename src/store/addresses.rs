//! Whole addresses of visitors, for the rules that may send one. Each is sealed, stands in a file of its own, and is
//! forgotten once nothing needs it any more.
//!
//! * 2026-11-30: they are no records. A record goes into the journal, which is replayed, copied into backups and sent to
//!   the archive as it was written, and nothing in it can be forgotten within hours. A key that is thrown away would do
//!   it for the journal, but an address is needed for up to 7 days and may stay in the journal for 48 h, so each would
//!   have to be sealed anew. A file that no backup, snapshot or archive includes can simply be written again without
//!   what is forgotten. The price: after a restore on another machine there are none, and what still waited for one is
//!   skipped, as the rule for backups asks.
//! * They are sealed with the key that secrets are sealed with; without one with a key of their own that stands beside
//!   them, which then protects copies of the one file only.
//! * A commit is written after the addresses that it needs ([`Addresses::flush`]), so an acknowledged conversion has
//!   its address after a power cut, too.

use super::error::StoreError;
use super::files;
use super::sealing::Sealing;
use crate::domain::ids::{ActivityId, TimeId};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Bytes of all of them; further ones are not kept.
const MOST_BYTES: usize = 32 << 20;
/// Length of the id and the time in front of a sealed address.
const HEAD: usize = TimeId::KEY_LEN + 8;

struct Kept {
    until_ms: i64,
    sealed: Vec<u8>,
}

#[derive(Default)]
struct State {
    kept: BTreeMap<ActivityId, Kept>,
    bytes: usize,
    /// Frames that the file does not have yet.
    unwritten: Vec<u8>,
    /// The file holds some that are forgotten.
    has_gone: bool,
    /// The file ends within a frame: it is written anew before anything is added.
    is_torn: bool,
    file: Option<File>,
    /// The key of its own, where there is no other.
    own: Option<Sealing>,
}

/// See the module.
pub struct Addresses {
    dir: PathBuf,
    state: Mutex<State>,
}

impl Addresses {
    /// Those that a data directory holds.
    pub(super) fn open(root: &Path) -> Self {
        let dir = root.join("addresses");
        let mut state = State::default();
        if let Ok(bytes) = std::fs::read(dir.join("sealed")) {
            let (frames, rest) = frames(&bytes);
            for (id, kept) in frames {
                state.bytes += HEAD + kept.sealed.len();
                state.kept.insert(id, kept);
            }
            state.is_torn = !rest.is_empty();
        }
        Self {
            dir,
            state: Mutex::new(state),
        }
    }

    /// Keeps the address of a conversion; `false` when it cannot be kept. Written by the next [`Self::flush`].
    pub fn keep(&self, id: ActivityId, address: IpAddr, until_ms: i64, sealing: &Sealing) -> bool {
        let mut state = self.state.lock();
        if state.bytes >= MOST_BYTES {
            return false;
        }
        let text = address.to_canonical().to_string().into_bytes();
        let sealed = if sealing.is_on() {
            sealing.seal_bytes(text, &place(id, until_ms))
        } else {
            let own = state.own(&self.dir);
            own.and_then(|own| own.seal_bytes(text, &place(id, until_ms)))
        };
        let Some(sealed) = sealed else {
            return false;
        };
        let kept = Kept { until_ms, sealed };
        state.unwritten.extend(frame(id, &kept));
        state.bytes += HEAD + kept.sealed.len();
        if let Some(before) = state.kept.insert(id, kept) {
            state.bytes -= HEAD + before.sealed.len();
        }
        true
    }

    /// The address of a conversion; `None` when none is kept, or no key opens it.
    pub fn get(&self, id: ActivityId, now_ms: i64, sealing: &Sealing) -> Option<String> {
        let mut state = self.state.lock();
        let kept = state.kept.get(&id).filter(|kept| now_ms < kept.until_ms)?;
        let (sealed, place) = (kept.sealed.clone(), place(id, kept.until_ms));
        let opened = sealing.open_bytes(&sealed, &place);
        let opened = opened.or_else(|| state.own(&self.dir)?.open_bytes(&sealed, &place));
        String::from_utf8(opened?).ok()
    }

    /// Whose addresses are kept, and until when, unix milliseconds.
    pub fn list(&self) -> Vec<(ActivityId, i64)> {
        let state = self.state.lock();
        state.kept.iter().map(|(id, kept)| (*id, kept.until_ms)).collect()
    }

    /// Forgets some; [`Self::tidy`] takes them off the disk.
    pub fn forget(&self, ids: impl IntoIterator<Item = ActivityId>) {
        let mut state = self.state.lock();
        for id in ids {
            if let Some(gone) = state.kept.remove(&id) {
                state.bytes -= HEAD + gone.sealed.len();
                state.has_gone = true;
            }
        }
    }

    /// Makes durable what was kept since the last time.
    ///
    /// # Errors
    /// It cannot be written; it is tried again the next time.
    pub fn flush(&self) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        if state.unwritten.is_empty() {
            return Ok(());
        }
        if state.is_torn {
            return self.write_anew(&mut state);
        }
        let path = self.dir.join("sealed");
        if state.file.is_none() {
            files::make_dir(&self.dir)?;
            let mut options = OpenOptions::new();
            options.append(true).create(true);
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            state.file = Some(options.open(&path).map_err(StoreError::io("open", &path))?);
        }
        let unwritten = std::mem::take(&mut state.unwritten);
        if let Some(file) = &mut state.file {
            let written = file.write_all(&unwritten).and_then(|()| file.sync_data());
            if let Err(error) = written {
                state.unwritten = unwritten;
                state.is_torn = true;
                return Err(StoreError::io("write", &path)(error));
            }
        }
        Ok(())
    }

    /// Writes the file anew without what is forgotten.
    ///
    /// # Errors
    /// It cannot be written; it is tried again the next time.
    pub fn tidy(&self) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        if state.has_gone {
            self.write_anew(&mut state)
        } else {
            Ok(())
        }
    }

    fn write_anew(&self, state: &mut State) -> Result<(), StoreError> {
        let path = self.dir.join("sealed");
        if state.kept.is_empty() {
            files::remove(&path)?;
        } else {
            files::make_dir(&self.dir)?;
            let frames = state.kept.iter().flat_map(|(id, kept)| frame(*id, kept));
            files::write_atomically(&path, &frames.collect::<Vec<u8>>())?;
        }
        state.file = None;
        state.unwritten.clear();
        (state.has_gone, state.is_torn) = (false, false);
        Ok(())
    }
}

impl State {
    /// The key of their own; made when it is first needed.
    fn own(&mut self, dir: &Path) -> Option<&Sealing> {
        if self.own.is_none() {
            match own_key(dir) {
                Ok(own) => self.own = Some(own),
                Err(error) => {
                    tracing::error!(code = error.code(), %error, "addresses cannot be sealed, so none are kept");
                }
            }
        }
        self.own.as_ref()
    }
}

fn own_key(dir: &Path) -> Result<Sealing, StoreError> {
    let path = dir.join("key");
    let known = std::fs::read(&path).ok().and_then(|bytes| bytes.try_into().ok());
    let key: [u8; 32] = match known {
        Some(key) => key,
        None => {
            let key: [u8; 32] = rand::random();
            files::make_dir(dir)?;
            files::write_atomically(&path, &key)?;
            key
        }
    };
    Ok(Sealing::with(&key))
}

/// What a sealed address belongs to.
fn place(id: ActivityId, until_ms: i64) -> String {
    format!("address {id} {until_ms}")
}

fn frame(id: ActivityId, kept: &Kept) -> Vec<u8> {
    let length = u16::try_from(kept.sealed.len()).unwrap_or_default();
    let mut frame = Vec::with_capacity(HEAD + 2 + kept.sealed.len());
    frame.extend(id.0.to_key());
    frame.extend(kept.until_ms.to_be_bytes());
    frame.extend(length.to_be_bytes());
    frame.extend(&kept.sealed);
    frame
}

/// The frames of a file, and what of one that was cut off stands behind them.
fn frames(mut bytes: &[u8]) -> (Vec<(ActivityId, Kept)>, &[u8]) {
    let mut found = Vec::new();
    while let Some((id, rest)) = bytes.split_at_checked(TimeId::KEY_LEN)
        && let Some((until, rest)) = rest.split_first_chunk::<8>()
        && let Some((length, rest)) = rest.split_first_chunk::<2>()
        && let Some((sealed, rest)) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
        && let Some(id) = TimeId::from_key(id)
    {
        let kept = Kept {
            until_ms: i64::from_be_bytes(*until),
            sealed: sealed.to_vec(),
        };
        found.push((ActivityId(id), kept));
        bytes = rest;
    }
    (found, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_000_000_000;

    fn id(n: u64) -> ActivityId {
        ActivityId::new(NOW, n)
    }

    fn on_disk(dir: &Path) -> Vec<u8> {
        std::fs::read(dir.join("addresses/sealed")).unwrap_or_default()
    }

    #[test]
    fn an_address_is_kept_sealed_until_its_time_or_until_it_is_forgotten() {
        for sealing in [Sealing::default(), Sealing::with(&[7; 32])] {
            let dir = tempfile::tempdir().unwrap();
            let addresses = Addresses::open(dir.path());
            for (n, address) in [
                (1, "203.0.113.57"),
                (2, "2001:db8::57"),
                (3, "::ffff:198.51.100.9"),
            ] {
                assert!(addresses.keep(id(n), address.parse().unwrap(), NOW + 10, &sealing));
            }
            addresses.flush().unwrap();
            let bytes = on_disk(dir.path());
            assert!(!String::from_utf8_lossy(&bytes).contains("203.0.113"));
            let again = Addresses::open(dir.path());
            for addresses in [&addresses, &again] {
                assert_eq!(
                    addresses.get(id(1), NOW, &sealing).as_deref(),
                    Some("203.0.113.57")
                );
                assert_eq!(
                    addresses.get(id(2), NOW, &sealing).as_deref(),
                    Some("2001:db8::57")
                );
                assert_eq!(
                    addresses.get(id(3), NOW, &sealing).as_deref(),
                    Some("198.51.100.9")
                );
                assert_eq!(addresses.get(id(3), NOW + 10, &sealing), None, "its time is over");
                assert_eq!(addresses.get(id(4), NOW, &sealing), None);
                let other = Sealing::with(&[8; 32]);
                let needs_key = sealing.is_on();
                assert_eq!(addresses.get(id(1), NOW, &other).is_none(), needs_key);
            }
            again.forget([id(1), id(3), id(9)]);
            again.tidy().unwrap();
            assert_eq!(again.list(), [(id(2), NOW + 10)]);
            assert!(
                on_disk(dir.path()).len() * 2 < bytes.len(),
                "they are off the disk"
            );
            // What comes afterwards is appended to the new file.
            assert!(again.keep(id(5), "203.0.113.8".parse().unwrap(), NOW + 9, &sealing));
            again.flush().unwrap();
            let third = Addresses::open(dir.path());
            assert_eq!(third.get(id(5), NOW, &sealing).as_deref(), Some("203.0.113.8"));
            third.forget([id(2), id(5)]);
            third.tidy().unwrap();
            assert!(!dir.path().join("addresses/sealed").exists());
        }
    }

    #[test]
    fn what_a_power_cut_left_half_written_costs_only_itself() {
        let dir = tempfile::tempdir().unwrap();
        let sealing = Sealing::with(&[7; 32]);
        let addresses = Addresses::open(dir.path());
        for n in 1..=3 {
            addresses.keep(id(n), "203.0.113.57".parse().unwrap(), NOW + 10, &sealing);
        }
        addresses.flush().unwrap();
        let bytes = on_disk(dir.path());
        for length in 0..bytes.len() {
            std::fs::write(dir.path().join("addresses/sealed"), &bytes[..length]).unwrap();
            let cut = Addresses::open(dir.path());
            let whole = length * 3 / bytes.len();
            assert_eq!(cut.list().len(), whole, "{length}");
            cut.keep(id(9), "203.0.113.9".parse().unwrap(), NOW + 10, &sealing);
            cut.flush().unwrap();
            let again = Addresses::open(dir.path());
            assert_eq!(
                again.get(id(9), NOW, &sealing).as_deref(),
                Some("203.0.113.9"),
                "{length}"
            );
        }
    }
}
