//! What [`Journal`] does at each of its edges, one by one.

use super::read::read_on;
use super::segment::{DATA_START, file_name};
use super::sim::{Fault, SimDisk};
use super::*;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const SMALL: Options = Options {
    segment_bytes: 10 << 10,
    preallocate: false,
    is_durable: true,
};
const DIR: &str = "/journal";

fn open(disk: &SimDisk) -> (Journal, OpenReport) {
    Journal::open_on(Arc::new(disk.clone()), Path::new(DIR), SMALL).unwrap()
}

fn path(first_seq: u64) -> PathBuf {
    Path::new(DIR).join(file_name(first_seq))
}

/// Numbers and payloads that are read after a number; damage as text.
fn items(disk: &SimDisk, after: u64) -> Vec<Result<(u64, String), String>> {
    let reader = read_on(Arc::new(disk.clone()), Path::new(DIR), after).unwrap();
    reader
        .map(|item| match item {
            Ok(record) => Ok((record.seq, String::from_utf8(record.payload).unwrap())),
            Err(damage) => Err(format!(
                "{} {} {:?}",
                damage.kind.code(),
                damage.after_seq,
                damage.next_seq
            )),
        })
        .collect()
}

fn record(seq: u64, payload: &str) -> Result<(u64, String), String> {
    Ok((seq, payload.to_owned()))
}

#[test]
fn numbers_begin_at_one_and_go_on_after_reopening() {
    let disk = SimDisk::default();
    let (mut journal, report) = open(&disk);
    assert_eq!(
        report,
        OpenReport {
            last_seq: 0,
            torn_tail_bytes: 0,
            is_tail_suspect: false,
            damaged: vec![],
            segments: 1
        }
    );
    assert_eq!(
        [journal.append(b"a").unwrap(), journal.append(b"").unwrap()],
        [1, 2]
    );
    drop(journal);
    let (mut journal, report) = open(&disk);
    assert_eq!((report.last_seq, journal.last_seq()), (2, 2));
    assert_eq!(journal.append(b"c").unwrap(), 3);
    assert_eq!(items(&disk, 0), [record(1, "a"), record(2, ""), record(3, "c")]);
    assert_eq!(items(&disk, 2), [record(3, "c")]);
    assert_eq!(items(&disk, 3), []);
}

#[test]
fn an_append_is_one_write_and_one_sync() {
    let disk = SimDisk::default();
    let (mut journal, _) = open(&disk);
    let (writes, syncs) = disk.counts();
    journal.append(&[b'x'; 100 << 10]).unwrap();
    assert_eq!(disk.counts(), (writes + 1, syncs + 1));
}

#[test]
fn a_full_segment_is_followed_by_a_new_one_and_a_large_record_has_its_own() {
    let disk = SimDisk::default();
    let (mut journal, _) = open(&disk);
    let large = "y".repeat(20_000);
    for payload in ["a", &"x".repeat(2010), &large, "b"] {
        journal.append(payload.as_bytes()).unwrap();
    }
    let segments = journal.segments();
    let numbers: Vec<_> = segments
        .iter()
        .map(|s| (s.first_seq, s.last_seq, s.is_active))
        .collect();
    assert_eq!(
        numbers,
        [(1, 1, false), (2, 2, false), (3, 3, false), (4, 4, true)]
    );
    assert_eq!(segments[2].bytes, DATA_START + 24 + 20_000);
    assert_eq!(items(&disk, 2), [record(3, &large), record(4, "b")]);
}

#[test]
fn a_payload_over_the_cap_is_refused_and_harms_nothing() {
    let disk = SimDisk::default();
    let (mut journal, _) = open(&disk);
    let error = journal.append(&vec![0; MAX_PAYLOAD_BYTES + 1]).unwrap_err();
    assert!(matches!(error, JournalError::TooLarge { bytes } if bytes == MAX_PAYLOAD_BYTES + 1));
    assert_eq!(journal.append(b"a").unwrap(), 1);
    assert_eq!(journal.segments().len(), 1);
}

#[test]
fn closed_segments_are_removed_but_never_the_newest() {
    let disk = SimDisk::default();
    let (mut journal, _) = open(&disk);
    for payload in [b"a", b"b", b"c"] {
        journal.append(payload).unwrap();
        journal.rotate().unwrap();
        journal.rotate().unwrap();
    }
    assert_eq!(journal.segments().len(), 4);
    assert_eq!(journal.remove_through(1).unwrap(), 1);
    assert_eq!(journal.remove_through(1).unwrap(), 0);
    assert_eq!(items(&disk, 1), [record(2, "b"), record(3, "c")]);
    assert_eq!(items(&disk, 0)[0], Err("missing_records 0 Some(2)".to_owned()));
    assert_eq!(journal.remove_through(u64::MAX).unwrap(), 2);
    drop(journal);
    let (mut journal, report) = open(&disk);
    assert_eq!((report.last_seq, report.segments), (3, 1));
    assert_eq!(journal.append(b"d").unwrap(), 4);
}

#[test]
fn after_a_failed_sync_the_later_segment_wins() {
    let disk = SimDisk::default();
    let (mut journal, _) = open(&disk);
    journal.append(b"a").unwrap();
    disk.arm(1, Fault::Fail(ErrorKind::Other));
    let error = journal.append(b"void").unwrap_err();
    assert_eq!(error.code(), "journal_io");
    assert!(
        error
            .to_string()
            .contains("cannot sync /journal/journal-0000000000000001.log"),
        "{error}"
    );
    assert!(!journal.segments()[0].is_active);
    // The dead segment has an intact record 2 of its own.
    assert_eq!(items(&disk, 1), [record(2, "void")]);
    assert_eq!(journal.append(b"b").unwrap(), 2);
    let segments: Vec<_> = journal
        .segments()
        .iter()
        .map(|s| (s.first_seq, s.last_seq))
        .collect();
    assert_eq!(segments, [(1, 1), (2, 2)]);
    assert_eq!(items(&disk, 0), [record(1, "a"), record(2, "b")]);
    drop(journal);
    assert_eq!(open(&disk).1.last_seq, 2);
}

#[test]
fn a_dead_segment_without_records_is_replaced() {
    let disk = SimDisk::default();
    let (mut journal, _) = open(&disk);
    for _ in 0..2 {
        disk.arm(1, Fault::Fail(ErrorKind::Other));
        // The second time the fault strikes the header of the new segment.
        assert_eq!(journal.append(b"void").unwrap_err().code(), "journal_io");
    }
    assert_eq!(journal.append(b"a").unwrap(), 1);
    assert_eq!(journal.segments().len(), 1);
    assert_eq!(items(&disk, 0), [record(1, "a")]);
    assert!(!String::from_utf8_lossy(&disk.contents(&path(1))).contains("void"));
}

#[test]
fn a_record_that_only_the_page_cache_has_is_made_durable_at_opening() {
    let disk = SimDisk::default();
    let (mut journal, _) = open(&disk);
    journal.append(b"a").unwrap();
    disk.arm(1, Fault::Fail(ErrorKind::Other));
    // Longer than what the next record could make durable by lying in the same sector.
    let b = "b".repeat(1500);
    journal.append(b.as_bytes()).unwrap_err();
    drop(journal);
    let (mut journal, report) = open(&disk);
    assert_eq!(report.last_seq, 2);
    assert_eq!(journal.append(b"c").unwrap(), 3);
    drop(journal);
    for seed in 0..20 {
        disk.cut_power(seed);
        assert_eq!(items(&disk, 0), [record(1, "a"), record(2, &b), record(3, "c")]);
    }
}

#[test]
fn a_name_that_was_not_synced_is_made_durable_at_opening() {
    for seed in 0..20 {
        let disk = SimDisk::default();
        let (mut journal, _) = open(&disk);
        journal.append(b"a").unwrap();
        // After creating, writing, syncing and renaming the new segment: syncing the directory.
        disk.arm(4, Fault::Fail(ErrorKind::Other));
        journal.rotate().unwrap_err();
        drop(journal);
        let (mut journal, report) = open(&disk);
        assert_eq!((report.last_seq, report.segments), (1, 2));
        journal.append(b"b").unwrap();
        drop(journal);
        disk.cut_power(seed);
        assert_eq!(items(&disk, 0), [record(1, "a"), record(2, "b")], "seed {seed}");
    }
}

#[test]
fn a_full_disk_is_a_state_and_passes() {
    let disk = SimDisk::default();
    let (mut journal, _) = open(&disk);
    journal.append(b"a").unwrap();
    disk.set_free_bytes(Some(100));
    for _ in 0..5 {
        assert_eq!(journal.append(&[b'x'; 300]).unwrap_err().code(), "journal_full");
    }
    disk.set_free_bytes(None);
    assert_eq!(journal.append(b"b").unwrap(), 2);
    assert_eq!(items(&disk, 0), [record(1, "a"), record(2, "b")]);
    drop(journal);
    assert_eq!(open(&disk).1.last_seq, 2);
}

#[test]
fn a_torn_tail_is_cut_and_zeroed() {
    let disk = SimDisk::default();
    let (mut journal, _) = open(&disk);
    journal.append(b"a").unwrap();
    let end = disk.contents(&path(1)).len();
    disk.arm(0, Fault::PowerOff);
    journal.append(&[b'x'; 1000]).unwrap_err();
    drop(journal);
    // Of the power cuts, one that kept the half frame.
    disk.cut_power((0..).find(|seed| cut_keeps_everything(*seed)).unwrap());
    assert_eq!(items(&disk, 0), [record(1, "a")]);
    let (mut journal, report) = open(&disk);
    assert_eq!(
        (report.last_seq, report.torn_tail_bytes, report.damaged),
        (1, 512, vec![])
    );
    assert!(disk.contents(&path(1))[end..].iter().all(|byte| *byte == 0));
    assert_eq!(journal.append(b"b").unwrap(), 2);
    drop(journal);
    assert_eq!(open(&disk).1.torn_tail_bytes, 0);
    assert_eq!(items(&disk, 0), [record(1, "a"), record(2, "b")]);
}

#[test]
fn a_last_record_that_was_damaged_at_rest_is_told_from_one_that_was_cut_off() {
    for (cut, is_suspect) in [(None, true), (Some(700), false)] {
        let disk = SimDisk::default();
        let (mut journal, _) = open(&disk);
        let begin = disk.contents(&path(1)).len();
        journal.append(&[b'x'; 2_000]).unwrap();
        drop(journal);
        disk.damage(&path(1), |bytes| {
            bytes[begin + 500] ^= 4;
            if let Some(kept) = cut {
                bytes[begin + kept..].fill(0);
            }
        });
        let (journal, report) = open(&disk);
        assert_eq!(
            (report.last_seq, report.is_tail_suspect),
            (0, is_suspect),
            "{cut:?}"
        );
        assert!(report.torn_tail_bytes > 0);
        drop(journal);
        assert!(!open(&disk).1.is_tail_suspect, "told once");
    }
}

/// Whether a power cut with this seed keeps what was not synced of a disk with one file.
fn cut_keeps_everything(seed: u64) -> bool {
    let disk = SimDisk::default();
    let (mut journal, _) = open(&disk);
    disk.arm(0, Fault::PowerOff);
    journal.append(&[b'x'; 1000]).unwrap_err();
    drop(journal);
    disk.cut_power(seed);
    disk.contents(&path(1)).ends_with(b"xxxx")
}

#[test]
fn damage_in_the_middle_is_told_and_the_next_append_begins_a_new_segment() {
    let disk = SimDisk::default();
    let (mut journal, _) = open(&disk);
    for payload in [b"aaaa", b"bbbb", b"cccc"] {
        journal.append(payload).unwrap();
    }
    drop(journal);
    disk.damage(&path(1), |bytes| bytes[DATA_START as usize + 28 + 25] = 0);
    let told = Err("damaged_frame 1 Some(3)".to_owned());
    let (mut journal, report) = open(&disk);
    assert_eq!((report.last_seq, report.damaged.len()), (3, 1));
    assert_eq!(report.damaged[0].offset, DATA_START + 28);
    assert_eq!(journal.append(b"d").unwrap(), 4);
    assert_eq!(journal.segments().len(), 2);
    assert_eq!(
        items(&disk, 0),
        [record(1, "aaaa"), told.clone(), record(3, "cccc"), record(4, "d")]
    );
    assert_eq!(items(&disk, 1), [told, record(3, "cccc"), record(4, "d")]);
    assert_eq!(items(&disk, 2), [record(3, "cccc"), record(4, "d")]);
}

#[test]
fn what_the_system_cannot_read_is_told_and_costs_no_more_than_its_blocks() {
    let disk = SimDisk::default();
    let large = Options {
        segment_bytes: 1 << 20,
        preallocate: false,
        is_durable: true,
    };
    let (mut journal, _) = Journal::open_on(Arc::new(disk.clone()), Path::new(DIR), large).unwrap();
    let payload = "x".repeat(3000);
    for _ in 0..20 {
        journal.append(payload.as_bytes()).unwrap();
    }
    drop(journal);
    disk.make_unreadable(&path(1), 30_000);
    let (read, told): (Vec<_>, Vec<_>) = items(&disk, 0).into_iter().partition(Result::is_ok);
    assert_eq!(told, [Err("unreadable 6 Some(10)".to_owned())]);
    assert_eq!(read.len(), 17);
    // In the tail nobody can tell what it cost: it is not taken for a torn one.
    disk.make_unreadable(&path(1), 68_200);
    let (journal, report) = open(&disk);
    assert_eq!(
        (report.torn_tail_bytes, report.last_seq, report.damaged.len()),
        (0, 18, 1)
    );
    assert_eq!(report.damaged[0].next_seq, None);
    assert!(!journal.segments()[0].is_active);
}

#[test]
fn a_lost_segment_is_told() {
    let disk = SimDisk::default();
    let (mut journal, _) = open(&disk);
    for payload in [b"a", b"b", b"c"] {
        journal.append(payload).unwrap();
        journal.rotate().unwrap();
    }
    super::disk::Disk::remove(&disk, &path(2)).unwrap();
    let told = Err("missing_records 1 Some(3)".to_owned());
    assert_eq!(items(&disk, 0), [record(1, "a"), told, record(3, "c")]);
    disk.damage(&path(3), |bytes| bytes[..5000].fill(1));
    assert_eq!(items(&disk, 2), [Err("damaged_header 2 Some(4)".to_owned())]);
}

#[test]
fn a_newest_segment_without_a_header_is_set_aside() {
    let disk = SimDisk::default();
    let (mut journal, _) = open(&disk);
    journal.append(b"a").unwrap();
    journal.rotate().unwrap();
    journal.append(b"b").unwrap();
    drop(journal);
    disk.damage(&path(2), |bytes| bytes[..5000].fill(1));
    let (mut journal, report) = open(&disk);
    assert_eq!((report.last_seq, report.segments), (1, 1));
    assert_eq!(report.damaged[0].kind, DamageKind::Header);
    assert!(
        report.damaged[0]
            .segment
            .to_string_lossy()
            .ends_with("2.log.damaged")
    );
    // The store knows that there was a record 2, and has it in a snapshot.
    journal.skip_to(3).unwrap();
    assert_eq!(journal.append(b"c").unwrap(), 3);
    assert_eq!(items(&disk, 2), [record(3, "c")]);
    assert_eq!(
        items(&disk, 1),
        [Err("missing_records 1 Some(3)".to_owned()), record(3, "c")]
    );
}

#[test]
fn skipping_goes_forward_only() {
    let disk = SimDisk::default();
    let (mut journal, _) = open(&disk);
    journal.append(b"a").unwrap();
    journal.skip_to(2).unwrap();
    assert_eq!(journal.segments().len(), 1);
    for asked in [0, 1, u64::MAX] {
        assert_eq!(journal.skip_to(asked).unwrap_err().code(), "journal_skip_refused");
    }
    journal.skip_to(100).unwrap();
    assert_eq!(journal.last_seq(), 99);
    drop(journal);
    let (mut journal, report) = open(&disk);
    assert_eq!(report.last_seq, 99);
    assert_eq!(journal.append(b"b").unwrap(), 100);
    assert_eq!(items(&disk, 99), [record(100, "b")]);
}

#[test]
fn a_later_format_is_refused() {
    let disk = SimDisk::default();
    drop(open(&disk));
    disk.damage(&path(1), |bytes| {
        for at in [0, 4096] {
            bytes[at + 8] = 9;
            let crc = super::frame::checksum(0, &bytes[at..at + 28]);
            bytes[at + 28..at + 32].copy_from_slice(&crc.to_le_bytes());
        }
    });
    let error = Journal::open_on(Arc::new(disk.clone()), Path::new(DIR), SMALL)
        .err()
        .unwrap();
    assert!(matches!(error, JournalError::Version { found: 9, .. }), "{error}");
    assert_eq!(items(&disk, 0), [Err("unknown_version 0 None".to_owned())]);
}

#[test]
fn on_a_real_disk_with_a_spare() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("new").join("journal");
    let options = Options {
        segment_bytes: 32 << 10,
        preallocate: true,
        is_durable: true,
    };
    let (mut journal, _) = Journal::open(&dir, options).unwrap();
    assert!(matches!(
        Journal::open(&dir, options),
        Err(JournalError::InUse { .. })
    ));
    let payload = vec![7; 5000];
    for seq in 1..=20 {
        assert_eq!(journal.append(&payload).unwrap(), seq);
    }
    let segments = journal.segments();
    assert_eq!(segments.len(), 5);
    for segment in &segments {
        assert_eq!(std::fs::metadata(&segment.path).unwrap().len(), 32 << 10);
        assert_eq!(segment.bytes, 32 << 10);
    }
    drop(journal);
    let (mut journal, report) = Journal::open(&dir, options).unwrap();
    assert_eq!((report.last_seq, report.torn_tail_bytes), (20, 0));
    assert_eq!(journal.append(&payload).unwrap(), 21);
    let read: Vec<_> = read(&dir, 3).unwrap().map(|item| item.unwrap().seq).collect();
    assert_eq!(read, (4..=21).collect::<Vec<_>>());
}

#[test]
fn reading_goes_on_where_it_left_off_while_the_journal_grows() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("journal");
    let (mut journal, _) = Journal::open(
        &dir,
        Options {
            segment_bytes: 32 << 10,
            ..Options::default()
        },
    )
    .unwrap();
    let (mut found, mut place) = (Vec::new(), None::<Place>);
    for round in 1..=30_u64 {
        for _ in 0..round % 4 {
            journal.append(&vec![7; 3000]).unwrap();
        }
        let mut reader = match place {
            Some(place) => read_from(&dir, place).unwrap(),
            None => read(&dir, 0).unwrap(),
        };
        // Some of what there is, as a bound of bytes has it.
        for record in reader.by_ref().take(3) {
            found.push(record.unwrap().seq);
        }
        place = reader.place().or(place);
        assert_eq!(place.map(Place::seq), found.last().copied());
    }
    let all: Vec<u64> = read(&dir, 0).unwrap().map(|record| record.unwrap().seq).collect();
    assert_eq!(found, all);
    assert!(journal.segments().len() > 3);
}

#[test]
fn reading_an_absent_directory_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(
        read(&dir.path().join("none"), 0).err().unwrap().code(),
        "journal_io"
    );
}
