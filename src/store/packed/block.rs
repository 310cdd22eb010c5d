//! Rows as bytes: what a block of a run and an entry of the log hold. Pure.
//!
//! A row is `key length:1 value length:4 key value`, numbers big-endian; the length `ffffffff` says that the key
//! is removed. A block is such rows as an LZ4 block behind their length (4 bytes, little-endian).

use crate::store::pending::Value;

const REMOVED: u32 = u32::MAX;

/// The longest key that can be packed.
pub(super) const MOST_KEY_BYTES: usize = 255;

/// Rows of a block, in bytes: twice what the journal takes as a commit, so that every value fits.
const MOST_ROWS_BYTES: usize = 2 * crate::journal::MAX_PAYLOAD_BYTES;

/// Whether a row can be written.
pub(super) fn fits(key: &[u8], value: Option<&[u8]>) -> bool {
    key.len() <= MOST_KEY_BYTES && value.is_none_or(|value| value.len() <= MOST_ROWS_BYTES / 2)
}

/// Adds a row that [`fits`].
pub(super) fn push(bytes: &mut Vec<u8>, key: &[u8], value: Option<&[u8]>) {
    let value_len = value.map_or(REMOVED, |value| u32::try_from(value.len()).unwrap_or(REMOVED));
    bytes.push(u8::try_from(key.len()).unwrap_or(u8::MAX));
    bytes.extend_from_slice(&value_len.to_be_bytes());
    bytes.extend_from_slice(key);
    bytes.extend_from_slice(value.unwrap_or_default());
}

/// Rows as a block.
pub(super) fn pack(rows: &[u8]) -> Vec<u8> {
    lz4_flex::block::compress_prepend_size(rows)
}

/// The rows of a block; `None`: it is none.
pub(super) fn unpack(block: &[u8]) -> Option<Vec<u8>> {
    let (len, packed) = lz4_flex::block::uncompressed_size(block).ok()?;
    if len > MOST_ROWS_BYTES {
        return None;
    }
    lz4_flex::block::decompress(packed, len).ok()
}

/// The rows of some bytes; `None` where they end in the middle of a row.
pub(super) fn rows(bytes: &[u8]) -> Option<Vec<(Vec<u8>, Value)>> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (key, value);
        (key, value, rest) = first_row(rest)?;
        found.push((key.to_vec(), value.map(<[u8]>::to_vec)));
    }
    Some(found)
}

/// The row of a key: `Some(None)` when it is not among them; `None` where the bytes end in the middle of a row.
pub(super) fn find(bytes: &[u8], searched: &[u8]) -> Option<Option<Value>> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let (key, value);
        (key, value, rest) = first_row(rest)?;
        if key == searched {
            return Some(Some(value.map(<[u8]>::to_vec)));
        }
    }
    Some(None)
}

type Row<'a> = (&'a [u8], Option<&'a [u8]>, &'a [u8]);

/// Key, value, and what follows them.
fn first_row(bytes: &[u8]) -> Option<Row<'_>> {
    let (key_len, bytes) = bytes.split_first()?;
    let (value_len, bytes) = bytes.split_first_chunk::<4>()?;
    let (key, bytes) = bytes.split_at_checked(usize::from(*key_len))?;
    match u32::from_be_bytes(*value_len) {
        REMOVED => Some((key, None, bytes)),
        len => {
            let (value, bytes) = bytes.split_at_checked(usize::try_from(len).ok()?)?;
            Some((key, Some(value), bytes))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_come_back(written in proptest::collection::vec(
            (proptest::collection::vec(any::<u8>(), 0..40),
             proptest::option::of(proptest::collection::vec(any::<u8>(), 0..60))), 0..20))
        {
            let mut bytes = Vec::new();
            for (key, value) in &written {
                prop_assert!(fits(key, value.as_deref()));
                push(&mut bytes, key, value.as_deref());
            }
            prop_assert_eq!(rows(&bytes), Some(written.clone()));
            prop_assert_eq!(unpack(&pack(&bytes)), Some(bytes.clone()));
            for (key, _) in &written {
                let first = written.iter().find(|(of, _)| of == key).map(|(_, value)| value.clone());
                prop_assert_eq!(find(&bytes, key), Some(first));
            }
            prop_assert_eq!(find(&bytes, &[7; 41]), Some(None));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let read = rows(&bytes);
            prop_assert_eq!(find(&bytes, &[1; 200]).is_some(), read.is_some());
            drop(unpack(&bytes));
        }
    }

    #[test]
    fn a_row_that_is_cut_is_refused() {
        let mut bytes = Vec::new();
        push(&mut bytes, b"key", Some(b"value"));
        for len in 1..bytes.len() {
            assert_eq!(rows(&bytes[..len]), None, "{len}");
        }
    }
}
