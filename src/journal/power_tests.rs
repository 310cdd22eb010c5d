//! What is acknowledged is read back: power cuts, failing calls and damaged bytes, at random.

use super::read::read_on;
use super::sim::{Fault, SimDisk};
use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

const DIR: &str = "/journal";

#[derive(Debug, Clone)]
enum Step {
    Append(usize),
    Rotate,
    Remove(prop::sample::Index),
    /// The process dies; the page cache stays.
    Restart,
    CutPower(u64),
    Arm(u64, Fault),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let fault = prop_oneof![
        Just(Fault::Fail(ErrorKind::Other)),
        Just(Fault::Fail(ErrorKind::StorageFull)),
        Just(Fault::Short(ErrorKind::StorageFull)),
        Just(Fault::Short(ErrorKind::Other)),
        Just(Fault::PowerOff),
    ];
    let step = prop_oneof![
        8 => (0usize..3000).prop_map(Step::Append),
        1 => (0usize..20_000).prop_map(Step::Append),
        1 => Just(Step::Rotate),
        1 => any::<prop::sample::Index>().prop_map(Step::Remove),
        1 => Just(Step::Restart),
        2 => any::<u64>().prop_map(Step::CutPower),
        3 => (0u64..8, fault).prop_map(|(calls, fault)| Step::Arm(calls, fault)),
    ];
    prop::collection::vec(step, 1..50)
}

/// The journal under test, and what it has promised.
struct Run {
    disk: SimDisk,
    options: Options,
    journal: Option<Journal>,
    acknowledged: BTreeMap<u64, Vec<u8>>,
    /// Payloads of failed appends, which have the next number if they come back.
    attempted: Vec<Vec<u8>>,
    removed_through: u64,
    payloads: u64,
}

impl Run {
    fn last_seq(&self) -> u64 {
        self.acknowledged.last_key_value().map_or(0, |(seq, _)| *seq)
    }

    fn append(&mut self, len: usize) {
        let Some(journal) = &mut self.journal else { return };
        self.payloads += 1;
        let payload: Vec<u8> = self
            .payloads
            .to_le_bytes()
            .into_iter()
            .cycle()
            .take(len + 8)
            .collect();
        match journal.append(&payload) {
            Ok(seq) => {
                assert_eq!(seq, self.last_seq() + 1);
                self.acknowledged.insert(seq, payload);
                self.attempted.clear();
            }
            Err(JournalError::Full { .. } | JournalError::Io { .. }) => self.attempted.push(payload),
            Err(error) => panic!("{error}"),
        }
    }

    fn remove(&mut self, pick: prop::sample::Index) {
        let Some(journal) = &mut self.journal else { return };
        let seq = pick.index(self.acknowledged.len() + 1) as u64;
        self.removed_through = self.removed_through.max(seq);
        if let Err(error) = journal.remove_through(seq) {
            assert_eq!(
                error.code(),
                if matches!(error, JournalError::Full { .. }) {
                    "journal_full"
                } else {
                    "journal_io"
                }
            );
        }
    }

    fn open(&mut self) {
        self.journal = None;
        let (journal, report) =
            match Journal::open_on(Arc::new(self.disk.clone()), Path::new(DIR), self.options) {
                Ok(opened) => opened,
                Err(_) => {
                    // The armed fault struck while opening.
                    self.disk.disarm();
                    self.disk.cut_power(self.payloads);
                    Journal::open_on(Arc::new(self.disk.clone()), Path::new(DIR), self.options).unwrap()
                }
            };
        assert_eq!(report.damaged, []);
        let survivor = report.last_seq == self.last_seq() + 1;
        assert!(
            survivor || report.last_seq == self.last_seq(),
            "{report:?} after {}",
            self.last_seq()
        );
        if survivor {
            let last = self.read(self.last_seq()).pop().unwrap().unwrap();
            assert!(self.attempted.contains(&last.payload));
            self.acknowledged.insert(last.seq, last.payload);
        }
        self.attempted.clear();
        self.journal = Some(journal);
    }

    fn read(&self, after: u64) -> Vec<Result<Record, Damage>> {
        read_on(Arc::new(self.disk.clone()), Path::new(DIR), after)
            .unwrap()
            .collect()
    }

    fn check(&self) {
        for after in [
            self.removed_through,
            self.last_seq() - (self.last_seq() - self.removed_through) / 2,
        ] {
            let mut read = self.read(after);
            // A failed append may be seen until the next one succeeds.
            if read
                .last()
                .is_some_and(|last| last.as_ref().is_ok_and(|record| record.seq > self.last_seq()))
            {
                let record = read.pop().unwrap().unwrap();
                assert!(self.attempted.contains(&record.payload));
            }
            let promised = self.acknowledged.range(after + 1..);
            let promised: Vec<_> = promised
                .map(|(seq, payload)| {
                    Ok(Record {
                        seq: *seq,
                        payload: payload.clone(),
                    })
                })
                .collect();
            assert!(read == promised, "after {after}: {read:?}");
        }
    }
}

fn run(steps: Vec<Step>, preallocate: bool) {
    let mut run = Run {
        disk: SimDisk::default(),
        options: Options {
            segment_bytes: 16 << 10,
            preallocate,
            is_durable: true,
        },
        journal: None,
        acknowledged: BTreeMap::new(),
        attempted: Vec::new(),
        removed_through: 0,
        payloads: 0,
    };
    run.open();
    for step in steps {
        match step {
            Step::Append(len) => run.append(len),
            Step::Rotate => {
                // A failure here must harm nothing that follows.
                if let Some(Err(error)) = run.journal.as_mut().map(Journal::rotate) {
                    assert!(error.code().starts_with("journal_"), "{error}");
                }
            }
            Step::Remove(pick) => run.remove(pick),
            Step::Restart => run.open(),
            Step::CutPower(seed) => {
                run.journal = None;
                run.disk.cut_power(seed);
                run.open();
                run.check();
            }
            Step::Arm(calls, fault) => run.disk.arm(calls, fault),
        }
    }
    run.journal = None;
    run.disk.cut_power(7);
    run.open();
    run.check();
    run.append(10);
    run.check();
}

/// Ten records in three segments, and where each frame lies.
fn sample() -> (SimDisk, Vec<SegmentInfo>, Vec<Vec<u8>>) {
    let disk = SimDisk::default();
    let options = Options {
        segment_bytes: 12 << 10,
        preallocate: false,
        is_durable: true,
    };
    let (mut journal, _) = Journal::open_on(Arc::new(disk.clone()), Path::new(DIR), options).unwrap();
    let payloads: Vec<Vec<u8>> = (0..10u8).map(|i| vec![i; 500 + 97 * usize::from(i)]).collect();
    for payload in &payloads {
        journal.append(payload).unwrap();
    }
    (disk, journal.segments(), payloads)
}

/// Reads everything; checks that each original record is read as it was, or told to be lost, or is the
/// last one. Returns the lost ones.
fn lost(disk: &SimDisk, payloads: &[Vec<u8>]) -> Vec<u64> {
    let mut lost: Vec<u64> = Vec::new();
    let mut expected = 1;
    for item in read_on(Arc::new(disk.clone()), Path::new(DIR), 0).unwrap() {
        match item {
            Ok(record) => {
                assert_eq!(record.seq, expected);
                assert_eq!(record.payload, payloads[record.seq as usize - 1]);
                expected += 1;
            }
            Err(damage) => {
                assert_eq!(damage.after_seq + 1, expected, "{damage}");
                let next = damage.next_seq.unwrap_or(payloads.len() as u64 + 1);
                lost.extend(expected..next);
                expected = next;
            }
        }
    }
    lost.extend(expected..=payloads.len() as u64);
    lost
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn acknowledged_records_survive(steps in steps()) {
        run(steps, false);
    }

    #[test]
    fn acknowledged_records_survive_with_a_spare(steps in steps()) {
        run(steps, true);
    }

    #[test]
    fn a_changed_byte_costs_at_most_its_record(
        pick in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), mask in 1u8..
    ) {
        let (disk, segments, payloads) = sample();
        prop_assert_eq!(segments.len(), 3);
        disk.damage(&segments[pick.index(segments.len())].path, |bytes| {
            let at = at.index(bytes.len());
            bytes[at] ^= mask;
        });
        let lost = lost(&disk, &payloads);
        prop_assert!(lost.len() <= 1, "{lost:?}");

        let options = Options { segment_bytes: 12 << 10, preallocate: false, is_durable: true };
        let (mut journal, report) = Journal::open_on(Arc::new(disk.clone()), Path::new(DIR), options).unwrap();
        prop_assert_eq!(report.last_seq, if lost == [10] { 9 } else { 10 });
        let seq = journal.append(b"and on").unwrap();
        prop_assert_eq!(seq, report.last_seq + 1);
        let last = read_on(Arc::new(disk), Path::new(DIR), 0).unwrap().last().unwrap().unwrap();
        prop_assert_eq!(last, Record { seq, payload: b"and on".to_vec() });
    }

    #[test]
    fn a_bad_stretch_costs_the_records_that_it_touches(
        pick in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), len in 1usize..4096, byte: u8
    ) {
        let (disk, segments, payloads) = sample();
        let segment = &segments[pick.index(segments.len())];
        let mut touched = Vec::new();
        disk.damage(&segment.path, |bytes| {
            let start = segment::DATA_START as usize;
            let from = start + at.index(bytes.len() - start);
            let to = bytes.len().min(from + len);
            let mut frame_at = start;
            for seq in segment.first_seq..=segment.last_seq {
                let frame_end = frame_at + frame::HEADER_BYTES + payloads[seq as usize - 1].len();
                if frame_at < to && from < frame_end {
                    touched.push(seq);
                }
                frame_at = frame_end;
            }
            bytes[from..to].fill(byte);
        });
        let lost = lost(&disk, &payloads);
        // The stretch can be what was there already.
        prop_assert!(lost.iter().all(|seq| touched.contains(seq)), "{lost:?} of {touched:?}");
    }
}
