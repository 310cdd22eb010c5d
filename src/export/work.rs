//! The work of the thread: one part of an hour after the other, and files that hold erased records anew.

use super::cursor::{Cursor, HOUR_MS, Stage, Work, Written, key};
use super::error::ExportError;
use super::place::{Place, anew, hour_of, object};
use super::read::{self, Found, LateEntry, MadeEntry};
use super::table::{File, Rows, without};
use crate::domain::ids::TimeId;
use crate::domain::raw::{ACTIVITIES, ATTEMPTS, Fact, POSTBACKS, SESSIONS, TABLES, Table};
use crate::recorder::Recorder;
use crate::store::keys::{Feed, Handed};
use crate::store::{StoreError, keys};
use crate::telemetry;
use std::collections::{BTreeMap, HashSet};

/// How long an hour rests after its end, so that what was begun in it is committed, and decisions of its last minute
/// cannot be taken back quietly any more.
pub(super) const REST_MS: i64 = 120_000;
/// Groups of rows of one file at most.
const MOST_GROUPS: usize = 16;
/// A file that is so long gets no further group.
const LONG_BYTES: usize = 24 << 20;

/// An hour of history is looked through in slices, and noted in parts.
const SLICES: i64 = 12;
const SLICE_MS: i64 = HOUR_MS / SLICES;
const OF_COMMIT: usize = 2_000;

/// What the thread works with.
pub(super) struct Writer {
    pub(super) recorder: Recorder,
    pub(super) place: std::sync::Arc<Place>,
    pub(super) cursor: Cursor,
}

/// What a part takes out of the store when it is noted.
#[derive(Default)]
struct Done {
    made: Vec<MadeEntry>,
    late: Vec<LateEntry>,
}

impl Writer {
    /// One step. Whether there may be more to do at once.
    ///
    /// # Errors
    /// The place or the store does not do what it should; the step is taken again.
    pub(super) fn turn(&mut self) -> Result<bool, ExportError> {
        if self.recorder.is_down() {
            return Ok(false);
        }
        if let Some(work) = self.cursor.work.clone() {
            self.step(work)?;
            return Ok(true);
        }
        if self.rewrite()? {
            return Ok(true);
        }
        let now_ms = self.recorder.clock().now_ms();
        if now_ms < self.cursor.end_ms().saturating_add(REST_MS) {
            return Ok(false);
        }
        self.begin_hour()?;
        Ok(true)
    }

    /// Moves the mark behind the hour: whatever comes with a time before it from now on is late.
    fn begin_hour(&mut self) -> Result<(), ExportError> {
        if let Some(before_ms) = self.cursor.unnoted_ms() {
            self.note_history(before_ms)?;
        }
        let mut cursor = self.cursor.clone();
        let end_ms = cursor.end_ms();
        let sealed = self
            .recorder
            .try_run_blocking(move |group| -> Result<Cursor, StoreError> {
                (cursor.before_ms, cursor.generation) = group.feeds().seal(Feed::Export, end_ms);
                cursor.work = Some(Work::begin(cursor.hour_ms));
                group.save(key(), &cursor)?;
                Ok(cursor)
            })??;
        self.cursor = sealed;
        Ok(())
    }

    /// Notes what was made and tried in an hour before files were set up. The same again is the same entries.
    fn note_history(&self, before_ms: i64) -> Result<(), ExportError> {
        for slice in 0..SLICES {
            let from_ms = self.cursor.hour_ms + slice * SLICE_MS;
            let reader = self.recorder.reader();
            let entries: Vec<MadeEntry> = read::unnoted(reader, from_ms, from_ms + SLICE_MS, before_ms)?
                .into_iter()
                .collect();
            for part in entries.chunks(OF_COMMIT) {
                let part = part.to_vec();
                self.recorder.run_blocking(move |group| {
                    for (at_ms, id, number) in part {
                        group.mark(keys::unwritten(at_ms, id, number));
                    }
                })?;
            }
        }
        Ok(())
    }

    fn step(&mut self, mut work: Work) -> Result<(), ExportError> {
        let hour_ms = self.cursor.hour_ms;
        if work.stage == Stage::Sessions && work.part == 0 {
            for table in TABLES {
                self.place
                    .sweep(table.name, hour_ms, self.cursor.generation, &work.files)?;
            }
        }
        let mut done = Done::default();
        let (found, is_over) = match work.stage {
            Stage::Sessions => return self.in_order(work, Handed::Session, &SESSIONS),
            Stage::Activities => return self.in_order(work, Handed::Activity, &ACTIVITIES),
            Stage::Lists => return self.finish_hour(&work),
            Stage::Postbacks => {
                let made = read::made(self.recorder.reader(), self.cursor.end_ms())?;
                done.made = made.entries;
                (made.found, !made.is_cut)
            }
            Stage::Late => {
                let late = read::late(self.recorder.reader(), self.cursor.generation)?;
                done.late = late.entries;
                (late.found, !late.is_cut)
            }
        };
        self.write_parts(&mut work, &found)?;
        if is_over {
            work.next_stage(hour_ms);
        }
        self.note(work, done)
    }

    /// Writes a file of clicks or activities of the hour.
    fn in_order(&mut self, mut work: Work, what: Handed, table: &'static Table) -> Result<(), ExportError> {
        let (reader, end_ms) = (self.recorder.reader().clone(), self.cursor.end_ms());
        let name = object(table.name, self.cursor.hour_ms, self.cursor.generation, work.part);
        let mut file = File::of(table).map_err(ExportError::file(&name))?;
        let mut groups = 0;
        let mut is_over = false;
        while !is_over && groups < MOST_GROUPS && file.bytes() < LONG_BYTES {
            let page = read::in_order(&reader, what, work.after, end_ms)?;
            work.after = page.until;
            is_over = !page.is_cut;
            if !page.found.is_empty() {
                let mut rows = Rows::of(table);
                page.found.iter().for_each(|found| rows.push(fact(found)));
                file.add(rows).map_err(ExportError::file(&name))?;
                groups += 1;
            }
        }
        if file.rows > 0 {
            self.put(&mut work, name, file)?;
            work.part += 1;
        }
        if is_over {
            work.next_stage(self.cursor.hour_ms);
        }
        self.note(work, Done::default())
    }

    /// Writes records to files of their tables and hours.
    fn write_parts(&self, work: &mut Work, found: &[Found]) -> Result<(), ExportError> {
        let mut parts: BTreeMap<(&str, i64), (&'static Table, Rows)> = BTreeMap::new();
        for one in found {
            let table = table_of(one);
            let part = parts
                .entry((table.name, hour_of(one.at_ms())))
                .or_insert_with(|| (table, Rows::of(table)));
            part.1.push(fact(one));
        }
        for ((_, hour_ms), (table, rows)) in parts {
            let name = object(table.name, hour_ms, self.cursor.generation, work.part);
            let mut file = File::of(table).map_err(ExportError::file(&name))?;
            file.add(rows).map_err(ExportError::file(&name))?;
            self.put(work, name, file)?;
        }
        work.part += 1;
        Ok(())
    }

    fn put(&self, work: &mut Work, name: String, file: File) -> Result<(), ExportError> {
        let rows = file.rows;
        let bytes = file.finish().map_err(ExportError::file(&name))?;
        self.place.put(&name, &bytes)?;
        let bytes = bytes.len() as u64;
        work.files.push(Written {
            object: name,
            rows,
            bytes,
        });
        Ok(())
    }

    /// Saves how far the hour is, without what waited for the part.
    fn note(&mut self, work: Work, done: Done) -> Result<(), ExportError> {
        let before = self.cursor.work.as_ref().map_or(0, |before| before.files.len());
        let new: Vec<Written> = work.files.iter().skip(before).cloned().collect();
        let mut cursor = self.cursor.clone();
        cursor.rows += new.iter().map(|file| file.rows).sum::<u64>();
        cursor.files += new.len() as u64;
        cursor.work = Some(work);
        self.save(cursor, done)?;
        for file in new {
            telemetry::export_file(table_name(&file.object), file.rows);
        }
        Ok(())
    }

    fn save(&mut self, cursor: Cursor, done: Done) -> Result<(), ExportError> {
        let saved = cursor.clone();
        self.recorder
            .try_run_blocking(move |group| -> Result<(), StoreError> {
                for (at_ms, id, number) in done.made {
                    group.remove(keys::unwritten(at_ms, id, number));
                }
                for (generation, id, what) in done.late {
                    group.remove(keys::late(Feed::Export, generation, id, what));
                }
                group.save(key(), &saved)
            })??;
        self.cursor = cursor;
        Ok(())
    }

    /// Names the files of the hour in the lists of their days.
    fn finish_hour(&mut self, work: &Work) -> Result<(), ExportError> {
        self.place.change_lists(&work.files, |list, files| {
            list.retain(|file| files.iter().all(|new| new.object != file.object));
            list.extend_from_slice(files);
        })?;
        let mut cursor = self.cursor.clone();
        cursor.work = None;
        cursor.hour_ms += HOUR_MS;
        self.save(cursor, Done::default())
    }

    /// Writes files that hold erased records anew, an hour at a time. Whether there were any.
    fn rewrite(&mut self) -> Result<bool, ExportError> {
        let erased = read::erased(self.recorder.reader())?;
        let Some(hour_ms) = erased.first().map(|id| hour_of(id.at_ms())) else {
            return Ok(false);
        };
        let of_hour: Vec<TimeId> = erased
            .into_iter()
            .take_while(|id| hour_of(id.at_ms()) == hour_ms)
            .collect();
        let names: HashSet<String> = of_hour.iter().map(ToString::to_string).collect();
        for (table, named_by) in [(&SESSIONS, "session_id"), (&ACTIVITIES, "activity_id")] {
            self.rewrite_hour(table, named_by, hour_ms, &names)?;
        }
        self.recorder
            .try_run_blocking(move |group| -> Result<(), StoreError> {
                of_hour
                    .into_iter()
                    .for_each(|id| group.remove(keys::erased_row(id)));
                Ok(())
            })??;
        Ok(true)
    }

    fn rewrite_hour(
        &self,
        table: &'static Table,
        named_by: &str,
        hour_ms: i64,
        erased: &HashSet<String>,
    ) -> Result<(), ExportError> {
        let directory = object(table.name, hour_ms, 0, 0);
        let directory = directory.rsplit_once('/').map_or("", |(directory, _)| directory);
        let is_of_hour = |file: &Written| {
            let own = file.object.rsplit_once('/');
            own.is_some_and(|(own, _)| own == directory)
        };
        let mut replaced: Vec<(Written, Written)> = Vec::new();
        for before in self.place.list(hour_ms)?.into_iter().filter(is_of_hour) {
            let Some(bytes) = self.place.get(&before.object)? else {
                tracing::warn!(
                    code = "export_file",
                    object = before.object,
                    "a file of raw data is gone"
                );
                continue;
            };
            let made = without(table, named_by, bytes, erased).map_err(ExportError::file(&before.object))?;
            if let Some(bytes) = made {
                let now = Written {
                    object: anew(&before.object),
                    rows: before.rows,
                    bytes: bytes.len() as u64,
                };
                self.place.put(&now.object, &bytes)?;
                replaced.push((before, now));
            }
        }
        let new: Vec<Written> = replaced.iter().map(|(_, now)| now.clone()).collect();
        self.place.change_lists(&new, |list, _| {
            for file in list {
                let of = replaced.iter().find(|(before, _)| before.object == file.object);
                if let Some((_, now)) = of {
                    file.clone_from(now);
                }
            }
        })?;
        // What the list does not name any more goes, of an earlier try too.
        let named = self.place.list(hour_ms)?;
        self.place.sweep(table.name, hour_ms, 0, &named)
    }

    /// How long the hour that comes next could have been written, milliseconds.
    pub(super) fn lag_ms(&self, now_ms: i64) -> i64 {
        // Nobody waits for what was before.
        if self.cursor.unnoted_ms().is_some() {
            return 0;
        }
        let ready_ms = self.cursor.end_ms().saturating_add(REST_MS);
        now_ms.saturating_sub(ready_ms).max(0)
    }
}

fn table_of(found: &Found) -> &'static Table {
    match found {
        Found::Session(_) => &SESSIONS,
        Found::Activity(_) => &ACTIVITIES,
        Found::Postback(_) => &POSTBACKS,
        Found::Attempt(_) => &ATTEMPTS,
    }
}

fn fact(found: &Found) -> Fact<'_> {
    match found {
        Found::Session(session) => Fact::Session(session),
        Found::Activity(activity) => Fact::Activity(activity),
        Found::Postback(postback) => Fact::Postback(postback),
        Found::Attempt(of) => Fact::Attempt(&of.0, &of.1),
    }
}

fn table_name(object: &str) -> &'static str {
    let name = object.split('/').next().unwrap_or_default();
    TABLES
        .iter()
        .find(|table| table.name == name)
        .map_or("other", |table| table.name)
}
