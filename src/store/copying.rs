//! The store as the archive off the machine uses it: commits as they were written, a journal that waits until they are
//! copied, a store that refuses to write, and one that writes what another one wrote.

use super::StoreError;
use super::away::RawCommit;
use super::codec::decode_commit;
use super::keeper::Keeper;
use super::reader::Reader;
use super::writer::Writer;
use crate::journal;

/// Commits that were read from the journal.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Commits {
    /// In the order of their numbers, without a gap.
    pub commits: Vec<RawCommit>,
    /// Whether commits before them are no longer in the journal, or cannot be read.
    pub has_gap: bool,
}

/// Where a copy of the journal left off.
#[derive(Debug, Default)]
pub struct LeftOff(Option<journal::Place>);

impl Keeper {
    /// Random id of the instance, 16 hexadecimal digits.
    pub fn instance(&self) -> String {
        format!("{:016x}", self.engine.instance)
    }

    /// The last commit that the journal holds durably.
    pub fn durable_seq(&self) -> u64 {
        self.engine.durable_seq()
    }

    /// Length of the journal, bytes.
    pub fn journal_bytes(&self) -> u64 {
        let segments = self.engine.journal.lock().segments();
        segments.iter().map(|segment| segment.bytes).sum()
    }

    /// The durable commits after a number, at most about so many bytes of them, at least one. `left_off` is that
    /// of the last call, so that the journal before it is not walked through once more.
    ///
    /// # Errors
    /// The journal cannot be listed.
    pub fn commits_after(
        &self,
        after: u64,
        most_bytes: usize,
        left_off: &mut LeftOff,
    ) -> Result<Commits, StoreError> {
        let until = self.engine.durable_seq();
        let mut found = Commits::default();
        if until <= after {
            return Ok(found);
        }
        let journal = self.engine.layout.journal();
        let mut records = match left_off.0.take().filter(|place| place.seq() == after) {
            Some(place) => journal::read_from(&journal, place),
            None => journal::read(&journal, after),
        }
        .map_err(|error| StoreError::Journal(error.to_string()))?;
        let (mut next, mut bytes) = (after + 1, 0);
        for record in records.by_ref() {
            match record {
                Ok(record) if record.seq > until => break,
                Ok(record) => {
                    if record.seq != next {
                        if !found.commits.is_empty() {
                            break;
                        }
                        found.has_gap = true;
                    }
                    next = record.seq + 1;
                    bytes += record.payload.len();
                    found.commits.push((record.seq, record.payload));
                    // To ask for one more would search the rest of the segment for it.
                    if record.seq == until || bytes >= most_bytes {
                        break;
                    }
                }
                Err(_) if found.commits.is_empty() => found.has_gap = true,
                // What was read before the damage stands; the next call begins behind it.
                Err(_) => break,
            }
        }
        left_off.0 = records.place();
        // What is durable and not there was removed.
        found.has_gap |= found.commits.is_empty();
        Ok(found)
    }

    /// From now on the commits after this one stay in the journal; `None`: none does for the archive's sake.
    pub fn keep_journal_after(&self, seq: Option<u64>) {
        self.engine.away.keep_after(seq);
    }

    /// From now on nothing is written, and everybody who tries is told why; `None`: it is written again.
    pub fn refuse_writes(&self, why: Option<String>) {
        self.engine.away.refuse(why);
        self.engine.poke();
    }
}

impl Reader {
    /// Why nothing is written, when another server has taken the place of this one.
    pub fn refusal(&self) -> Option<String> {
        self.engine.away.refusal().map(|error| error.to_string())
    }
}

impl Writer {
    /// Writes a commit of another server that has the number after the last one here.
    ///
    /// # Errors
    /// It has another number, or is none; else as [`Writer::append`].
    pub fn follow(&mut self, (seq, payload): &RawCommit) -> Result<(), StoreError> {
        let next = self.engine.durable_seq() + 1;
        if *seq != next {
            let message = format!("commit {seq} cannot follow here, where {next} comes next");
            return Err(StoreError::Journal(message));
        }
        let commit = decode_commit(payload).ok_or_else(|| {
            StoreError::Journal(format!("commit {seq} has a form that this version does not know"))
        })?;
        self.commit(commit).map(drop)
    }
}
