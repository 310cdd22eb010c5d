//! Rows as bytes: what a block of a run and an entry of the log hold. Pure.
//!
//! A row is `key length:1 value length:4 key value`, numbers big-endian; the length `ffffffff` says that the key
//! is removed. An entry of the log is such rows, or a zero byte and the rows as a block: no key is empty there. A block is such rows as an LZ4 block behind their length (4 bytes, little-endian). Since the second
//! form of runs it ends with `key length:1 fffffffe key`: the key with which the next block begins, or none behind
//! the last; so whoever reads one block knows whether another is missing.

use crate::store::pending::Value;
use std::cell::RefCell;

const REMOVED: u32 = u32::MAX;
const NEXT: u32 = u32::MAX - 1;

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

/// What a block says of the one behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing: it is of the first form.
    Unsaid,
    /// There is none.
    Nothing,
    /// It begins with this key.
    At(Vec<u8>),
}

/// What a search in a block finds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The row.
    Row(Value),
    /// The block would hold the key, and does not.
    Nothing,
    /// The key is of a block behind this one.
    Behind,
}

/// Rows of a block and what it says of the next.
pub(super) type Rows = (Vec<(Vec<u8>, Value)>, Next);

/// Adds what a block says of the next at the end of its rows.
pub(super) fn push_next(bytes: &mut Vec<u8>, next: &Next) {
    let key = match next {
        Next::Unsaid => return,
        Next::Nothing => &[][..],
        Next::At(key) => key,
    };
    bytes.push(u8::try_from(key.len()).unwrap_or(u8::MAX));
    bytes.extend_from_slice(&NEXT.to_be_bytes());
    bytes.extend_from_slice(key);
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
pub(super) fn rows(bytes: &[u8]) -> Option<Rows> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        match first_row(rest)? {
            Part::Row(key, value, behind) => {
                found.push((key.to_vec(), value.map(<[u8]>::to_vec)));
                rest = behind;
            }
            Part::Next(next) => return Some((found, next)),
        }
    }
    Some((found, Next::Unsaid))
}

/// From this size on the entry of a log is packed: what is dead of a log takes room on the disk for long.
const PACKED_FROM_BYTES: usize = 1 << 10;
/// Begins a packed entry.
const PACKED: u8 = 0;

/// Rows as an entry of the log.
pub(super) fn pack_entry(rows: Vec<u8>) -> Vec<u8> {
    if rows.len() < PACKED_FROM_BYTES {
        return rows;
    }
    let packed = pack(&rows);
    if packed.len() >= rows.len() {
        return rows;
    }
    [&[PACKED][..], &packed].concat()
}

/// The rows of an entry of the log; `None`: it is none.
pub(super) fn entry_rows(entry: &[u8]) -> Option<Vec<(Vec<u8>, Value)>> {
    let (rows, _) = match entry.split_first() {
        Some((&PACKED, packed)) => rows(&unpack(packed)?)?,
        _ => rows(entry)?,
    };
    Some(rows)
}

thread_local! {
    /// Where the block of a look-up is unpacked, so that its room is neither taken nor zeroed each time.
    static UNPACKED: RefCell<Vec<u8>> = RefCell::default();
}

/// A longer block is unpacked into room of its own.
const MOST_KEPT_BYTES: usize = 64 << 10;

/// [`find`] in a block as it is stored; `None` also where it is none.
pub(super) fn find_packed(block: &[u8], searched: &[u8]) -> Option<Found> {
    let (len, packed) = lz4_flex::block::uncompressed_size(block).ok()?;
    if len > MOST_KEPT_BYTES {
        return find(&unpack(block)?, searched);
    }
    UNPACKED.with_borrow_mut(|room| {
        if room.len() < len {
            room.resize(len, 0);
        }
        let written = lz4_flex::block::decompress_into(packed, &mut room[..len]).ok()?;
        find(room.get(..written)?, searched)
    })
}

/// Looks for a key that is not before the block; `None` where the bytes end in the middle of a row.
pub(super) fn find(bytes: &[u8], searched: &[u8]) -> Option<Found> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match first_row(rest)? {
            Part::Row(key, value, _) if key == searched => {
                return Some(Found::Row(value.map(<[u8]>::to_vec)));
            }
            Part::Row(_, _, behind) => rest = behind,
            Part::Next(Next::At(key)) if searched >= key.as_slice() => return Some(Found::Behind),
            Part::Next(_) => break,
        }
    }
    Some(Found::Nothing)
}

enum Part<'a> {
    /// Key, value, and what follows them.
    Row(&'a [u8], Option<&'a [u8]>, &'a [u8]),
    /// The end, which says this of the next block.
    Next(Next),
}

fn first_row(bytes: &[u8]) -> Option<Part<'_>> {
    let (key_len, bytes) = bytes.split_first()?;
    let (value_len, bytes) = bytes.split_first_chunk::<4>()?;
    let (key, bytes) = bytes.split_at_checked(usize::from(*key_len))?;
    match u32::from_be_bytes(*value_len) {
        REMOVED => Some(Part::Row(key, None, bytes)),
        NEXT if !bytes.is_empty() => None,
        NEXT if key.is_empty() => Some(Part::Next(Next::Nothing)),
        NEXT => Some(Part::Next(Next::At(key.to_vec()))),
        len => {
            let (value, bytes) = bytes.split_at_checked(usize::try_from(len).ok()?)?;
            Some(Part::Row(key, Some(value), bytes))
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
            for next in [Next::Unsaid, Next::Nothing, Next::At(vec![7; 42])] {
                let mut bytes = bytes.clone();
                push_next(&mut bytes, &next);
                prop_assert_eq!(rows(&bytes), Some((written.clone(), next.clone())));
                prop_assert_eq!(unpack(&pack(&bytes)), Some(bytes.clone()));
                for (key, _) in &written {
                    let first = written.iter().find(|(of, _)| of == key).map(|(_, value)| value.clone());
                    let first = first.map(Found::Row);
                    prop_assert_eq!(&find_packed(&pack(&bytes), key), &first);
                    prop_assert_eq!(find(&bytes, key), first);
                }
                prop_assert_eq!(find(&bytes, &[7; 41]), Some(Found::Nothing));
                let behind = if next == Next::At(vec![7; 42]) { Found::Behind } else { Found::Nothing };
                prop_assert_eq!(find(&bytes, &[7; 43]), Some(behind));
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let read = rows(&bytes);
            prop_assert_eq!(find(&bytes, &[1; 200]).is_some(), read.is_some());
            let unpacked = unpack(&bytes).and_then(|rows| find(&rows, &[1; 200]));
            prop_assert_eq!(find_packed(&bytes, &[1; 200]), unpacked);
        }
    }

    #[test]
    fn entries_are_packed_where_it_pays_and_those_of_before_are_read() {
        let rows_of = |count: u8, value: &[u8]| {
            let mut bytes = Vec::new();
            (1..=count).for_each(|n| push(&mut bytes, &[n, 7], Some(value)));
            bytes
        };
        let mut state = 88_172_645_463_325_252_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_be_bytes()
        };
        let noise: Vec<u8> = (0..250).flat_map(|_| next()).collect();
        for (rows_written, is_packed) in [
            (rows_of(2, b"short"), false),
            (
                rows_of(100, b"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X)"),
                true,
            ),
            (rows_of(1, &noise), false),
        ] {
            let entry = pack_entry(rows_written.clone());
            assert_eq!(entry[0] == PACKED, is_packed);
            assert!(entry.len() <= rows_written.len());
            assert_eq!(entry_rows(&entry), rows(&rows_written).map(|(rows, _)| rows));
            assert_eq!(
                entry_rows(&rows_written),
                entry_rows(&entry),
                "as it was written before"
            );
        }
        assert_eq!(entry_rows(&[PACKED, 9, 9, 9, 9, 1]), None);
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
