//! Snapshot files: every record of one database in checksummed blocks, from which it can be rebuilt.
//!
//! A snapshot is a scan while writes go on: it holds every commit up to its sequence, and pieces of later
//! ones. Replaying the journal from its sequence makes it whole, because commits are final values. It is
//! written beside, synced, read back, and only then gets its name.
//!
//! ```text
//! header  "YMBSNAP1" schema:2 instance:8 database:3 seq:8 made_at_ms:8 crc32:4
//! block   'B' length:4 crc32:4 (key length:2 value length:4 key value)*     about 256 KiB
//! end     'E' length:4 crc32:4 records:8 blocks:8
//! ```
//! Numbers are big-endian; the checksum of a block also covers its tag and its number, so that blocks cannot
//! change places.

use super::database::Db;
use super::error::StoreError;
use super::files;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

const MAGIC: &[u8; 8] = b"YMBSNAP1";
const HEADER_LEN: usize = 41;
const BLOCK_BYTES: usize = 256 << 10;
/// A block holds at most one record beyond its size.
const MOST_BLOCK_BYTES: usize = BLOCK_BYTES + (2 << 20);

/// What the header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) schema: u16,
    pub(super) instance: u64,
    pub(super) db: Db,
    pub(super) seq: u64,
    pub(super) made_at_ms: i64,
}

impl Header {
    fn to_bytes(self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..10].copy_from_slice(&self.schema.to_be_bytes());
        bytes[10..18].copy_from_slice(&self.instance.to_be_bytes());
        bytes[18..21].copy_from_slice(&self.db.to_bytes());
        bytes[21..29].copy_from_slice(&self.seq.to_be_bytes());
        bytes[29..37].copy_from_slice(&self.made_at_ms.to_be_bytes());
        let sum = crc32fast::hash(&bytes[..37]);
        bytes[37..].copy_from_slice(&sum.to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; HEADER_LEN]) -> Option<Self> {
        let sum = u32::from_be_bytes(bytes[37..].try_into().ok()?);
        if &bytes[..8] != MAGIC || sum != crc32fast::hash(&bytes[..37]) {
            return None;
        }
        Some(Self {
            schema: u16::from_be_bytes(bytes[8..10].try_into().ok()?),
            instance: u64::from_be_bytes(bytes[10..18].try_into().ok()?),
            db: Db::from_bytes(bytes[18..21].try_into().ok()?)?,
            seq: u64::from_be_bytes(bytes[21..29].try_into().ok()?),
            made_at_ms: i64::from_be_bytes(bytes[29..37].try_into().ok()?),
        })
    }
}

fn block_sum(tag: u8, number: u64, payload: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&[tag]);
    sum.update(&number.to_be_bytes());
    sum.update(payload);
    sum.finalize()
}

/// A record: key and value.
pub(super) type Entry = (Vec<u8>, Vec<u8>);

/// Writes one snapshot; nothing has the final name before [`SnapshotWriter::finish`].
pub(super) struct SnapshotWriter<W: Write> {
    out: W,
    block: Vec<u8>,
    blocks: u64,
    records: u64,
}

impl<W: Write> SnapshotWriter<W> {
    pub(super) fn new(mut out: W, header: Header) -> std::io::Result<Self> {
        out.write_all(&header.to_bytes())?;
        Ok(Self {
            out,
            block: Vec::with_capacity(BLOCK_BYTES),
            blocks: 0,
            records: 0,
        })
    }

    pub(super) fn push(&mut self, key: &[u8], value: &[u8]) -> std::io::Result<()> {
        let wrong = || std::io::Error::other("a record is too large for a snapshot");
        let key_len = u16::try_from(key.len()).map_err(|_| wrong())?;
        let value_len = u32::try_from(value.len()).map_err(|_| wrong())?;
        self.block.extend_from_slice(&key_len.to_be_bytes());
        self.block.extend_from_slice(&value_len.to_be_bytes());
        self.block.extend_from_slice(key);
        self.block.extend_from_slice(value);
        self.records += 1;
        if self.block.len() >= BLOCK_BYTES {
            self.end_block()
        } else {
            Ok(())
        }
    }

    fn end_block(&mut self) -> std::io::Result<()> {
        let block = std::mem::take(&mut self.block);
        self.put(b'B', &block)?;
        self.blocks += 1;
        self.block = block;
        self.block.clear();
        Ok(())
    }

    fn put(&mut self, tag: u8, payload: &[u8]) -> std::io::Result<()> {
        let len = u32::try_from(payload.len()).map_err(std::io::Error::other)?;
        self.out.write_all(&[tag])?;
        self.out.write_all(&len.to_be_bytes())?;
        self.out
            .write_all(&block_sum(tag, self.blocks, payload).to_be_bytes())?;
        self.out.write_all(payload)
    }

    /// Ends the file; the number of records and what it was written to.
    pub(super) fn finish(mut self) -> std::io::Result<(u64, W)> {
        if !self.block.is_empty() {
            self.end_block()?;
        }
        let mut end = self.records.to_be_bytes().to_vec();
        end.extend_from_slice(&self.blocks.to_be_bytes());
        self.put(b'E', &end)?;
        Ok((self.records, self.out))
    }
}

/// Makes a snapshot file: `fill` gives the records. The file is read back before it gets its name.
pub(super) fn make(
    path: &Path,
    header: Header,
    fill: impl FnOnce(&mut dyn FnMut(&[u8], &[u8]) -> Result<(), StoreError>) -> Result<(), StoreError>,
) -> Result<Checked, StoreError> {
    let temporary = path.with_extension("tmp");
    let made = make_at(&temporary, header, fill);
    if made.is_err() {
        files::remove(&temporary)?;
    } else {
        files::rename(&temporary, path)?;
    }
    made
}

fn make_at(
    path: &Path,
    header: Header,
    fill: impl FnOnce(&mut dyn FnMut(&[u8], &[u8]) -> Result<(), StoreError>) -> Result<(), StoreError>,
) -> Result<Checked, StoreError> {
    let failed = |error| StoreError::io("write", path)(error);
    let file = files::create_private(path).map_err(failed)?;
    let mut writer =
        SnapshotWriter::new(BufWriter::with_capacity(BLOCK_BYTES, file), header).map_err(failed)?;
    fill(&mut |key, value| writer.push(key, value).map_err(failed))?;
    let (records, out) = writer.finish().map_err(failed)?;
    let file = out.into_inner().map_err(|error| failed(error.into_error()))?;
    file.sync_all().map_err(failed)?;
    let checked = check(path)?;
    if checked.header != header || checked.records != records {
        return Err(StoreError::Snapshot {
            path: path.to_owned(),
            offset: 0,
            message: "what was read back is not what was written".into(),
        });
    }
    Ok(checked)
}

/// A snapshot that was read whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Checked {
    pub(super) header: Header,
    pub(super) records: u64,
}

/// Reads only the header.
pub(super) fn read_header(path: &Path) -> Result<Header, StoreError> {
    let mut file = File::open(path).map_err(StoreError::io("open", path))?;
    header_of(&mut file, path)
}

fn damaged(path: &Path, offset: u64, message: impl Into<String>) -> StoreError {
    StoreError::Snapshot {
        path: path.to_owned(),
        offset,
        message: message.into(),
    }
}

fn header_of(input: &mut impl Read, path: &Path) -> Result<Header, StoreError> {
    let mut bytes = [0; HEADER_LEN];
    input
        .read_exact(&mut bytes)
        .map_err(|error| damaged(path, 0, error.to_string()))?;
    Header::from_bytes(&bytes).ok_or_else(|| damaged(path, 0, "its header is not what was written"))
}

/// Verifies every byte.
pub(super) fn check(path: &Path) -> Result<Checked, StoreError> {
    load(path, false, |_| Ok(())).map(|loaded| Checked {
        header: loaded.header,
        records: loaded.records,
    })
}

/// What a load brought.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) header: Header,
    /// Records given out.
    pub(super) records: u64,
    /// Damage that was passed over (only when salvaging).
    pub(super) damage: Vec<StoreError>,
}

/// Gives out the records block by block. Stops at the first damage, or, when salvaging, passes over blocks
/// that are damaged and ends where no further block can be found.
pub(super) fn load(
    path: &Path,
    salvage: bool,
    mut give: impl FnMut(Vec<Entry>) -> Result<(), StoreError>,
) -> Result<Loaded, StoreError> {
    let file = File::open(path).map_err(StoreError::io("open", path))?;
    let mut input = BufReader::with_capacity(BLOCK_BYTES, file);
    let header = header_of(&mut input, path)?;
    let mut loaded = Loaded {
        header,
        records: 0,
        damage: Vec::new(),
    };
    let mut offset = HEADER_LEN as u64;
    let mut number = 0;
    loop {
        match read_block(&mut input, number, path, offset) {
            Ok(Block::Records(entries, len)) => {
                loaded.records += entries.len() as u64;
                give(entries)?;
                offset += len;
            }
            Ok(Block::End { records, blocks }) => {
                let is_whole = records == loaded.records && blocks == number;
                if !is_whole && loaded.damage.is_empty() {
                    return Err(damaged(
                        path,
                        offset,
                        "its number of records is not what was written",
                    ));
                }
                return Ok(loaded);
            }
            Err(Bad { error, skippable }) if salvage => {
                loaded.damage.push(error);
                let Some(len) = skippable else { return Ok(loaded) };
                offset += len;
            }
            Err(bad) => return Err(bad.error),
        }
        number += 1;
    }
}

enum Block {
    Records(Vec<Entry>, u64),
    End { records: u64, blocks: u64 },
}

struct Bad {
    error: StoreError,
    /// Length of the block when the next one can be looked for behind it.
    skippable: Option<u64>,
}

fn read_block(input: &mut impl Read, number: u64, path: &Path, offset: u64) -> Result<Block, Bad> {
    let bad = |message: &str| Bad {
        error: damaged(path, offset, message),
        skippable: None,
    };
    let mut head = [0; 9];
    input.read_exact(&mut head).map_err(|_| bad("it is cut off"))?;
    let [tag, l0, l1, l2, l3, c0, c1, c2, c3] = head;
    let len = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
    if len > MOST_BLOCK_BYTES {
        return Err(bad("a block has an impossible length"));
    }
    let mut payload = vec![0; len];
    input.read_exact(&mut payload).map_err(|_| bad("it is cut off"))?;
    let total = 9 + len as u64;
    let skippable = |message: &str| Bad {
        error: damaged(path, offset, message),
        skippable: Some(total),
    };
    if block_sum(tag, number, &payload) != u32::from_be_bytes([c0, c1, c2, c3]) {
        return Err(skippable("a block is not what was written"));
    }
    match tag {
        b'B' => {
            let entries = parse_entries(&payload).ok_or_else(|| skippable("a block holds no records"))?;
            Ok(Block::Records(entries, total))
        }
        b'E' => {
            let (records, blocks) = payload
                .split_first_chunk::<8>()
                .ok_or_else(|| bad("its end is wrong"))?;
            let blocks: [u8; 8] = blocks.try_into().map_err(|_| bad("its end is wrong"))?;
            if input
                .read(&mut [0])
                .map_err(|_| bad("it cannot be read to the end"))?
                != 0
            {
                return Err(bad("something follows its end"));
            }
            Ok(Block::End {
                records: u64::from_be_bytes(*records),
                blocks: u64::from_be_bytes(blocks),
            })
        }
        _ => Err(skippable("a block has an unknown tag")),
    }
}

fn parse_entries(mut bytes: &[u8]) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let (key_len, rest) = bytes.split_first_chunk::<2>()?;
        let (value_len, rest) = rest.split_first_chunk::<4>()?;
        let (key, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*key_len)))?;
        let (value, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*value_len)).ok()?)?;
        entries.push((key.to_vec(), value.to_vec()));
        bytes = rest;
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header() -> Header {
        Header {
            schema: 1,
            instance: 2,
            db: Db::sessions(0),
            seq: 3,
            made_at_ms: 4,
        }
    }

    fn write(dir: &Path, records: u32) -> std::path::PathBuf {
        let path = dir.join("s.snap");
        make(&path, header(), |put| {
            for n in 0..records {
                put(&n.to_be_bytes(), &vec![7; 1000])?;
            }
            Ok(())
        })
        .unwrap();
        path
    }

    #[test]
    fn reads_back_what_was_written() {
        let dir = tempfile::tempdir().unwrap();
        for records in [0, 1, 1000] {
            let path = write(dir.path(), records);
            assert_eq!(
                check(&path).unwrap(),
                Checked {
                    header: header(),
                    records: u64::from(records)
                }
            );
            let mut keys = Vec::new();
            load(&path, false, |entries| {
                keys.extend(entries.into_iter().map(|(key, _)| key));
                Ok(())
            })
            .unwrap();
            assert_eq!(
                keys,
                (0..records).map(|n| n.to_be_bytes().to_vec()).collect::<Vec<_>>()
            );
        }
        assert_eq!(files::names(dir.path()).unwrap(), ["s.snap"]);
    }

    #[test]
    fn a_failed_scan_leaves_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let made = make(&dir.path().join("s.snap"), header(), |_| Err(StoreError::Closing));
        assert!(made.is_err() && files::names(dir.path()).unwrap().is_empty());
    }

    #[test]
    fn salvage_loses_only_the_damaged_block() {
        let dir = tempfile::tempdir().unwrap();
        let path = write(dir.path(), 1000);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[300_000] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(check(&path).unwrap_err().code(), "snapshot_damaged");
        let loaded = load(&path, true, |_| Ok(())).unwrap();
        assert_eq!(loaded.damage.len(), 1);
        assert!((700..1000).contains(&loaded.records), "{}", loaded.records);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_changed_byte_or_cut_is_noticed(at in any::<prop::sample::Index>(), bit in 0u8..8, cut: bool) {
            let dir = tempfile::tempdir().unwrap();
            let path = write(dir.path(), 3);
            let mut bytes = std::fs::read(&path).unwrap();
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] ^= 1 << bit }
            std::fs::write(&path, bytes).unwrap();
            prop_assert!(check(&path).is_err());
            drop(load(&path, true, |_| Ok(())));
        }
    }
}
