//! The name and the header of a segment file.
//!
//! The header is there twice, in pages of its own, so that one bad sector does not make a whole
//! segment unreadable; frames begin at [`DATA_START`].
//!
//! ```text
//! 0          8             12              20         28        32
//! | YBKJRNL\n | version u32 | first seq u64 | salt u64 | crc u32 |
//! ```
//!
//! Every version keeps this layout of the first 32 bytes, so that an old program can tell a new file
//! from a damaged one.

use super::frame::checksum;
use std::path::PathBuf;

/// The format version that this program writes and reads.
pub(super) const VERSION: u32 = 1;
/// Offset of the first frame.
pub(super) const DATA_START: u64 = 8192;
/// The largest sequence number; far beyond what can ever be written, so that adding never overflows.
pub(super) const MAX_SEQ: u64 = 1 << 62;

const MAGIC: &[u8; 8] = b"YBKJRNL\n";
const HEADER_BYTES: usize = 32;
const COPIES_AT: [usize; 2] = [0, 4096];

/// One segment file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentInfo {
    /// The file.
    pub path: PathBuf,
    /// The number of its first record, also in its name.
    pub first_seq: u64,
    /// No record of it has a higher number; `first_seq - 1` when it has none.
    pub last_seq: u64,
    /// Length of the file, preallocated space included.
    pub bytes: u64,
    /// Whether records are appended to it.
    pub is_active: bool,
}

/// The file name of the segment that begins with this record.
pub(super) fn file_name(first_seq: u64) -> String {
    format!("journal-{first_seq:016x}.log")
}

/// The first record of the segment with this file name; `None` for any other file.
pub(super) fn parse_file_name(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("journal-")?.strip_suffix(".log")?;
    let first_seq = u64::from_str_radix(digits, 16).ok()?;
    ((1..=MAX_SEQ).contains(&first_seq) && file_name(first_seq) == name).then_some(first_seq)
}

/// What a segment says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) first_seq: u64,
    /// Every checksum in the segment begins with it.
    pub(super) salt: u64,
}

/// Why a header cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeaderFault {
    /// Neither copy is intact.
    Damaged,
    /// An intact header of another version.
    Version(u32),
}

impl SegmentHeader {
    /// The first [`DATA_START`] bytes of a segment.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut copy = Vec::with_capacity(HEADER_BYTES);
        copy.extend_from_slice(MAGIC);
        copy.extend_from_slice(&VERSION.to_le_bytes());
        copy.extend_from_slice(&self.first_seq.to_le_bytes());
        copy.extend_from_slice(&self.salt.to_le_bytes());
        let crc = checksum(0, &copy);
        copy.extend_from_slice(&crc.to_le_bytes());

        let mut bytes = vec![0; DATA_START as usize];
        for at in COPIES_AT {
            bytes[at..at + HEADER_BYTES].copy_from_slice(&copy);
        }
        bytes
    }

    /// Reads whichever copy is intact from the first [`DATA_START`] bytes of a file, or what there is
    /// of them. The flag says whether both were.
    pub(super) fn decode(bytes: &[u8]) -> Result<(Self, bool), HeaderFault> {
        let [first, second] = COPIES_AT.map(|at| bytes.get(at..).and_then(decode_copy));
        let is_whole = first.is_some() && first == second;
        match first.or(second) {
            None => Err(HeaderFault::Damaged),
            Some((VERSION, header)) => Ok((header, is_whole)),
            Some((version, _)) => Err(HeaderFault::Version(version)),
        }
    }
}

fn decode_copy(bytes: &[u8]) -> Option<(u32, SegmentHeader)> {
    let (covered, rest) = bytes.split_at_checked(HEADER_BYTES - 4)?;
    if !rest.starts_with(&checksum(0, covered).to_le_bytes()) {
        return None;
    }
    let rest = covered.strip_prefix(MAGIC)?;
    let (version, rest) = rest.split_first_chunk()?;
    let (first_seq, rest) = rest.split_first_chunk()?;
    let salt = rest.first_chunk()?;
    let header = SegmentHeader {
        first_seq: u64::from_le_bytes(*first_seq),
        salt: u64::from_le_bytes(*salt),
    };
    Some((u32::from_le_bytes(*version), header))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: SegmentHeader = SegmentHeader {
        first_seq: 0x0102,
        salt: 0x1122_3344_5566_7788,
    };

    #[test]
    fn names() {
        assert_eq!(file_name(1001), "journal-00000000000003e9.log");
        for (name, first_seq) in [
            ("journal-00000000000003e9.log", Some(1001)),
            ("journal-00000000000003E9.log", None),
            ("journal-3e9.log", None),
            ("journal-0000000000000000.log", None),
            ("journal-ffffffffffffffff.log", None),
            ("journal-00000000000003e9.log.damaged", None),
            ("journal-next.spare", None),
        ] {
            assert_eq!(parse_file_name(name), first_seq, "{name}");
        }
    }

    #[test]
    fn layout_is_fixed() {
        let bytes = HEADER.encode();
        let golden = b"YBKJRNL\n\x01\0\0\0\x02\x01\0\0\0\0\0\0\x88\x77\x66\x55\x44\x33\x22\x11";
        assert_eq!(&bytes[..28], golden);
        assert_eq!(bytes[28..32], checksum(0, golden).to_le_bytes());
        assert_eq!(bytes[..32], bytes[4096..4128]);
        assert_eq!(bytes.len(), 8192);
    }

    #[test]
    fn one_intact_copy_is_enough() {
        let whole = HEADER.encode();
        assert_eq!(SegmentHeader::decode(&whole), Ok((HEADER, true)));
        for at in [0, 9, 31, 4096, 4120] {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            assert_eq!(SegmentHeader::decode(&bytes), Ok((HEADER, false)), "byte {at}");
        }
        assert_eq!(SegmentHeader::decode(&whole[..100]), Ok((HEADER, false)));
        let mut bytes = whole;
        bytes[3] ^= 1;
        bytes[4100] ^= 1;
        assert_eq!(SegmentHeader::decode(&bytes), Err(HeaderFault::Damaged));
        assert_eq!(SegmentHeader::decode(&[]), Err(HeaderFault::Damaged));
    }

    #[test]
    fn a_later_version_is_told_from_damage() {
        let mut bytes = HEADER.encode();
        bytes[8] = 2;
        let crc = checksum(0, &bytes[..28]);
        bytes[28..32].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(SegmentHeader::decode(&bytes), Err(HeaderFault::Version(2)));
    }
}
