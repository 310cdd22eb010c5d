//! The objects of an archive as bytes. Pure but for the nonce of a sealed one.
//!
//! ```text
//! manifest                          what there is, and whose it is: the one object that is ever replaced
//! journal/<epoch>/<first commit>    commits, or the fence that ends an epoch
//! snapshots/<epoch>/<made at>/<n>   the parts of a backup file
//! erasures/<at>/<epoch>-<commit>    what a batch erased, by ids and hashes
//! ```
//!
//! Every object is `YMBA`, a version, a kind, and then
//!
//! * kind 0: the SHA-256 of the content, and the content;
//! * kind 1: a nonce, and the content sealed with AES-256-GCM to the name of the object, so that none stands in for
//!   another.
//!
//! The content of a journal object is an LZ4 frame of one line of JSON ([`Head`]) and the commits: number, length,
//! CRC-32 of number and payload, payload, in big-endian order.

use crate::store::{RawCommit, Sealing};
use aws_lc_rs::digest::{SHA256, digest};
use lz4_flex::frame::{FrameDecoder, FrameEncoder};
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};

const MAGIC: [u8; 4] = *b"YMBA";
const VERSION: u8 = 1;
const OPEN: u8 = 0;
const SEALED: u8 = 1;
const SUM_BYTES: usize = 32;
/// Most bytes of the commits of one object once they are unpacked.
const MOST_UNPACKED: u64 = 512 << 20;

/// Why an object is none of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ObjectFault {
    /// The bytes are not what was written.
    #[error("its bytes are not what was written")]
    Damaged,
    /// A later version wrote it.
    #[error("a later version of this program wrote it; install that one")]
    Newer,
    /// It is sealed, and no key at hand opens it.
    #[error("it is sealed with a key that is not at hand; name the file with the key in archive.key_file")]
    Locked,
    /// It could not be sealed.
    #[error("it cannot be sealed; check the file of archive.key_file")]
    Unsealable,
}

/// What a journal object says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The first commit; of a fence the one that would have come.
    pub first_seq: u64,
    /// The last commit; of a fence the one before.
    pub last_seq: u64,
    /// When the object was made, unix milliseconds.
    pub made_at_ms: i64,
    /// Moments (unix milliseconds) with the last commit that was durable then, in order.
    pub marks: Vec<(i64, u64)>,
    /// The epoch that follows, when this object is the fence of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fenced_for: Option<u32>,
    /// The owner that set the fence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fenced_by: Option<String>,
}

/// A journal object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// What it says of itself.
    pub head: Head,
    /// Its commits; a fence has none.
    pub commits: Vec<RawCommit>,
}

impl Head {
    /// The last commit that had been made at a moment, as far as it can be told; `None`: not even the first one.
    pub fn last_seq_at(&self, at_ms: i64) -> Option<u64> {
        if self.made_at_ms <= at_ms {
            return Some(self.last_seq);
        }
        let known = self.marks.iter().rev().find(|(moment, _)| *moment <= at_ms);
        known
            .map(|(_, seq)| (*seq).min(self.last_seq))
            .filter(|seq| *seq >= self.first_seq)
    }
}

/// The name of the manifest.
pub const MANIFEST: &str = "manifest";

/// Where the journal objects of an epoch are.
pub fn journal_of(epoch: u32) -> String {
    format!("journal/{epoch:08}/")
}

/// The name of the journal object that begins with a commit.
pub fn journal_name(epoch: u32, first_seq: u64) -> String {
    format!("{}{first_seq:016x}", journal_of(epoch))
}

/// The first commit of a journal object, by the last segment of its name.
pub fn first_seq_of(name: &str) -> Option<u64> {
    let (_, last) = name.rsplit_once('/')?;
    (last.len() == 16)
        .then(|| u64::from_str_radix(last, 16).ok())
        .flatten()
}

/// Where the parts of a snapshot are.
pub fn snapshot_of(epoch: u32, made_at_ms: i64) -> String {
    format!("snapshots/{epoch:08}/{made_at_ms:013}/")
}

/// The name of a part of a snapshot.
pub fn part_name(epoch: u32, made_at_ms: i64, part: u32) -> String {
    format!("{}{part:06}", snapshot_of(epoch, made_at_ms))
}

/// The bytes of an object with this content.
///
/// # Errors
/// It is to be sealed and cannot be.
pub fn wrap(name: &str, content: Vec<u8>, sealing: &Sealing) -> Result<Vec<u8>, ObjectFault> {
    let mut bytes = Vec::with_capacity(content.len() + 64);
    bytes.extend_from_slice(&MAGIC);
    bytes.push(VERSION);
    if sealing.is_on() {
        bytes.push(SEALED);
        let sealed = sealing.seal_bytes(content, name);
        bytes.extend(sealed.ok_or(ObjectFault::Unsealable)?);
    } else {
        bytes.push(OPEN);
        bytes.extend_from_slice(digest(&SHA256, &content).as_ref());
        bytes.extend(content);
    }
    Ok(bytes)
}

/// The content of an object.
///
/// # Errors
/// What is wrong with it.
pub fn unwrap(name: &str, bytes: &[u8], sealing: &Sealing) -> Result<Vec<u8>, ObjectFault> {
    let rest = bytes.strip_prefix(&MAGIC).ok_or(ObjectFault::Damaged)?;
    let (version, rest) = rest.split_first().ok_or(ObjectFault::Damaged)?;
    if *version != VERSION {
        return Err(ObjectFault::Newer);
    }
    match rest.split_first() {
        Some((&OPEN, rest)) => {
            let (sum, content) = rest
                .split_first_chunk::<SUM_BYTES>()
                .ok_or(ObjectFault::Damaged)?;
            if digest(&SHA256, content).as_ref() != sum {
                return Err(ObjectFault::Damaged);
            }
            Ok(content.to_vec())
        }
        Some((&SEALED, sealed)) => sealing.open_bytes(sealed, name).ok_or(ObjectFault::Locked),
        Some(_) | None => Err(ObjectFault::Damaged),
    }
}

impl Batch {
    /// The content of the object.
    ///
    /// # Errors
    /// Never but when memory cannot be written.
    pub fn pack(&self) -> std::io::Result<Vec<u8>> {
        let mut out = FrameEncoder::new(Vec::new());
        serde_json::to_writer(&mut out, &self.head)?;
        out.write_all(b"\n")?;
        for (seq, payload) in &self.commits {
            let length = u32::try_from(payload.len()).map_err(std::io::Error::other)?;
            out.write_all(&seq.to_be_bytes())?;
            out.write_all(&length.to_be_bytes())?;
            out.write_all(&sum(*seq, payload).to_be_bytes())?;
            out.write_all(payload)?;
        }
        out.finish().map_err(std::io::Error::other)
    }

    /// Reads the content of an object.
    ///
    /// # Errors
    /// It is not what was written.
    pub fn unpack(content: &[u8]) -> Result<Self, ObjectFault> {
        let mut bytes = Vec::new();
        FrameDecoder::new(content)
            .take(MOST_UNPACKED)
            .read_to_end(&mut bytes)
            .map_err(|_| ObjectFault::Damaged)?;
        let end = bytes
            .iter()
            .position(|byte| *byte == b'\n')
            .ok_or(ObjectFault::Damaged)?;
        let (line, mut rest) = bytes.split_at(end);
        let head: Head = serde_json::from_slice(line).map_err(|_| ObjectFault::Damaged)?;
        rest = rest.get(1..).unwrap_or_default();
        let mut commits = Vec::new();
        while !rest.is_empty() {
            let (commit, after) = take_commit(rest).ok_or(ObjectFault::Damaged)?;
            commits.push(commit);
            rest = after;
        }
        let batch = Self { head, commits };
        batch.is_sound().then_some(batch).ok_or(ObjectFault::Damaged)
    }

    /// Whether the commits are those that the head speaks of, without a gap.
    fn is_sound(&self) -> bool {
        let numbers = self.commits.iter().map(|(seq, _)| *seq);
        numbers.eq(self.head.first_seq..=self.head.last_seq)
    }
}

fn take_commit(bytes: &[u8]) -> Option<(RawCommit, &[u8])> {
    let (seq, rest) = bytes.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (expected, rest) = rest.split_first_chunk::<4>()?;
    let (payload, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    let seq = u64::from_be_bytes(*seq);
    (sum(seq, payload) == u32::from_be_bytes(*expected)).then(|| ((seq, payload.to_vec()), rest))
}

fn sum(seq: u64, payload: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&seq.to_be_bytes());
    sum.update(payload);
    sum.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn batch() -> Batch {
        Batch {
            head: Head {
                first_seq: 5,
                last_seq: 7,
                made_at_ms: 1_000,
                marks: vec![(400, 5), (600, 6), (900, 7)],
                fenced_for: None,
                fenced_by: None,
            },
            commits: vec![(5, b"a".to_vec()), (6, Vec::new()), (7, vec![9; 3_000])],
        }
    }

    fn sealing(byte: u8) -> Sealing {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        let key = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [byte; 32]);
        std::fs::write(&file, key).unwrap();
        Sealing::read(&file, &dir.path().join("data"))
    }

    #[test]
    fn the_bytes_of_an_object_are_a_promise() {
        let small = Batch {
            head: Head {
                first_seq: 1,
                last_seq: 1,
                made_at_ms: 2,
                marks: vec![(1, 1)],
                fenced_for: None,
                fenced_by: None,
            },
            commits: vec![(1, b"x".to_vec())],
        };
        let mut bytes = Vec::new();
        FrameDecoder::new(&small.pack().unwrap()[..])
            .read_to_end(&mut bytes)
            .unwrap();
        let line = b"{\"first_seq\":1,\"last_seq\":1,\"made_at_ms\":2,\"marks\":[[1,1]]}\n";
        let (head, commits) = bytes.split_at(line.len());
        assert_eq!(head, line);
        assert_eq!(commits[..12], [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
        assert_eq!(commits[16..], *b"x");
        let open = wrap("n", b"c".to_vec(), &Sealing::default()).unwrap();
        assert_eq!(open[..6], *b"YMBA\x01\x00");
        assert_eq!(open[38..], *b"c");
        assert_eq!(journal_name(3, 255), "journal/00000003/00000000000000ff");
        assert_eq!(
            part_name(1, 1_700_000_000_000, 2),
            "snapshots/00000001/1700000000000/000002"
        );
        assert_eq!(first_seq_of("p/journal/00000003/00000000000000ff"), Some(255));
    }

    #[test]
    fn what_is_packed_is_unpacked_and_a_hole_is_noticed() {
        let whole = batch();
        assert_eq!(Batch::unpack(&whole.pack().unwrap()), Ok(whole));
        let mut holed = batch();
        holed.commits.remove(1);
        assert_eq!(Batch::unpack(&holed.pack().unwrap()), Err(ObjectFault::Damaged));
        let fence = Batch {
            head: Head {
                first_seq: 8,
                last_seq: 7,
                fenced_for: Some(2),
                fenced_by: Some("o".into()),
                marks: Vec::new(),
                made_at_ms: 0,
            },
            commits: Vec::new(),
        };
        assert_eq!(Batch::unpack(&fence.pack().unwrap()), Ok(fence));
    }

    #[test]
    fn a_sealed_object_opens_with_its_key_under_its_name() {
        let key = sealing(1);
        let bytes = wrap("a", b"secret".to_vec(), &key).unwrap();
        assert!(!bytes.windows(6).any(|part| part == b"secret"));
        assert_eq!(unwrap("a", &bytes, &key), Ok(b"secret".to_vec()));
        assert_eq!(unwrap("b", &bytes, &key), Err(ObjectFault::Locked));
        assert_eq!(unwrap("a", &bytes, &sealing(2)), Err(ObjectFault::Locked));
        assert_eq!(unwrap("a", &bytes, &Sealing::default()), Err(ObjectFault::Locked));
    }

    #[test]
    fn a_moment_is_the_last_commit_known_at_it() {
        let head = batch().head;
        for (at_ms, expected) in [
            (399, None),
            (400, Some(5)),
            (899, Some(6)),
            (950, Some(7)),
            (1_000, Some(7)),
        ] {
            assert_eq!(head.last_seq_at(at_ms), expected, "{at_ms}");
        }
    }

    proptest! {
        #[test]
        fn a_changed_byte_is_noticed(at in any::<prop::sample::Index>(), mask in 1u8.., is_sealed: bool) {
            let key = if is_sealed { sealing(1) } else { Sealing::default() };
            let mut bytes = wrap("a", batch().pack().unwrap(), &key).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= mask;
            prop_assert!(unwrap("a", &bytes, &key).is_err());
        }
    }
}
