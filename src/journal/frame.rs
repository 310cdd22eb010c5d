//! One record as bytes.
//!
//! ```text
//! 0       4            8         16                20              24
//! | magic | length u32 | seq u64 | payload crc u32 | header crc u32 | payload ... |
//! ```
//!
//! Little-endian; both checksums are CRC-32 begun with the segment's salt, the header's covers the 20
//! bytes before it. The header has its own checksum so that a damaged payload does not hide where the
//! next frame begins, and so that a search for frames rejects a false one without reading a payload.

use crc32fast::Hasher;

/// The longest payload of one record, in bytes.
pub const MAX_PAYLOAD_BYTES: usize = 64 << 20;
/// Bytes before the payload.
pub(super) const HEADER_BYTES: usize = 24;
/// How a frame begins. Not valid UTF-8, so rare in what payloads hold.
pub(super) const MAGIC: [u8; 4] = [0xa7, b'Y', 0xb1, 0xf3];

/// The header of a frame whose own checksum holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub(super) seq: u64,
    /// At most [`MAX_PAYLOAD_BYTES`].
    pub(super) payload_bytes: usize,
    payload_crc: u32,
}

impl FrameHeader {
    /// `None` when the bytes do not begin with the header of a frame of the segment with this salt.
    pub(super) fn decode(bytes: &[u8], salt: u64) -> Option<Self> {
        let bytes: &[u8; HEADER_BYTES] = bytes.first_chunk()?;
        let (covered, crc) = bytes.split_at(20);
        if !covered.starts_with(&MAGIC) || crc != checksum(salt, covered).to_le_bytes() {
            return None;
        }
        let payload_bytes = usize::try_from(u32_at(bytes, 4)).ok()?;
        (payload_bytes <= MAX_PAYLOAD_BYTES).then(|| Self {
            seq: u64::from(u32_at(bytes, 8)) | (u64::from(u32_at(bytes, 12)) << 32),
            payload_bytes,
            payload_crc: u32_at(bytes, 16),
        })
    }

    /// Whether these are the bytes that were written with the header.
    pub(super) fn covers(&self, payload: &[u8], salt: u64) -> bool {
        payload.len() == self.payload_bytes && checksum(salt, payload) == self.payload_crc
    }

    /// Length of the whole frame in bytes.
    pub(super) fn frame_bytes(&self) -> u64 {
        (HEADER_BYTES + self.payload_bytes) as u64
    }
}

/// Replaces what `frame` holds by the frame of a record. The payload has at most
/// [`MAX_PAYLOAD_BYTES`]; `None` when it has more than a frame can tell.
pub(super) fn encode(frame: &mut Vec<u8>, salt: u64, seq: u64, payload: &[u8]) -> Option<()> {
    frame.clear();
    frame.extend_from_slice(&MAGIC);
    frame.extend_from_slice(&u32::try_from(payload.len()).ok()?.to_le_bytes());
    frame.extend_from_slice(&seq.to_le_bytes());
    frame.extend_from_slice(&checksum(salt, payload).to_le_bytes());
    let header_crc = checksum(salt, frame);
    frame.extend_from_slice(&header_crc.to_le_bytes());
    frame.extend_from_slice(payload);
    Some(())
}

/// CRC-32 over the salt and the bytes.
pub(super) fn checksum(salt: u64, bytes: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&salt.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

fn u32_at(bytes: &[u8; HEADER_BYTES], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(salt: u64, seq: u64, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![9; 3];
        encode(&mut bytes, salt, seq, payload).unwrap();
        bytes
    }

    #[test]
    fn layout_is_fixed() {
        let bytes = frame(0, 0x0102_0304_0506_0708, b"abc");
        assert_eq!(bytes[..4], MAGIC);
        assert_eq!(bytes[4..8], [3, 0, 0, 0]);
        assert_eq!(bytes[8..16], [8, 7, 6, 5, 4, 3, 2, 1]);
        // CRC-32 (IEEE) of eight zero bytes and "abc".
        assert_eq!(
            bytes[16..20],
            crc32fast::hash(b"\0\0\0\0\0\0\0\0abc").to_le_bytes()
        );
        assert_eq!(&bytes[24..], b"abc");
    }

    #[test]
    fn a_length_over_the_cap_is_no_frame() {
        let mut bytes = frame(5, 1, b"");
        bytes[4..8].copy_from_slice(&(u32::try_from(MAX_PAYLOAD_BYTES).unwrap() + 1).to_le_bytes());
        let crc = checksum(5, &bytes[..20]);
        bytes[20..24].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(FrameHeader::decode(&bytes, 5), None);
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(salt: u64, seq: u64, payload: Vec<u8>) {
            let bytes = frame(salt, seq, &payload);
            let header = FrameHeader::decode(&bytes, salt).unwrap();
            prop_assert_eq!(header.seq, seq);
            prop_assert_eq!(header.frame_bytes(), bytes.len() as u64);
            prop_assert!(header.covers(&bytes[HEADER_BYTES..], salt));
            prop_assert_eq!(FrameHeader::decode(&bytes, salt ^ 1), None);
        }

        #[test]
        fn a_changed_byte_is_noticed(seq: u64, payload: Vec<u8>, at: prop::sample::Index, mask in 1u8..) {
            let mut bytes = frame(7, seq, &payload);
            let at = at.index(bytes.len());
            bytes[at] ^= mask;
            let intact = FrameHeader::decode(&bytes, 7).is_some_and(|h| h.covers(&bytes[HEADER_BYTES..], 7));
            prop_assert!(!intact);
        }
    }
}
