//! Where files lie, their names, and the list of the files of a day.
//!
//! ```text
//! sessions/dt=2026-11-29/h=13/000412-0000.parquet      generation of the hour that wrote it, number of the part
//! sessions/dt=2026-11-29/h=13/000412-0000-r1.parquet   the same, written anew once
//! lists/dt=2026-11-29.json                             the files of the day that count
//! ```

use super::cursor::{HOUR_MS, Written};
use super::error::ExportError;
use crate::config;
use crate::objects::{AccessKey, Bucket, Directory, Objects, ObjectsError, Place as Address};
use crate::wire::Client;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;

/// Name of the credential that systemd hands over, where no file is set.
const CREDENTIALS: &str = "export-credentials";
/// Form of a list.
const FORMAT: u16 = 1;
/// Tries of a change of a list that another one got in the way of.
const TRIES: u32 = 5;

/// Where files lie.
pub(super) struct Place {
    objects: Objects,
    prefix: String,
    shown: String,
}

/// The files of a day that count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct List {
    format: u16,
    pub(super) files: Vec<Written>,
}

/// The partition of an hour: `dt=2026-11-29/h=13`.
pub(super) fn partition(hour_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(hour_ms).map_or_else(
        |_| "dt=1970-01-01/h=00".into(),
        |at| {
            at.to_zoned(jiff::tz::TimeZone::UTC)
                .strftime("dt=%Y-%m-%d/h=%H")
                .to_string()
        },
    )
}

/// The day of a partition: `dt=2026-11-29`.
fn day_of(object: &str) -> &str {
    object
        .split('/')
        .find(|part| part.starts_with("dt="))
        .unwrap_or("dt=1970-01-01")
}

/// The hour that holds a time, unix milliseconds.
pub(super) fn hour_of(at_ms: i64) -> i64 {
    at_ms - at_ms.rem_euclid(HOUR_MS)
}

/// The name of a file.
pub(super) fn object(table: &str, hour_ms: i64, generation: u32, part: u32) -> String {
    format!("{table}/{}/{generation:06}-{part:04}.parquet", partition(hour_ms))
}

/// The name of a file that is written anew.
pub(super) fn anew(object: &str) -> String {
    let stem = object.strip_suffix(".parquet").unwrap_or(object);
    let (stem, before) = match stem.rsplit_once("-r") {
        Some((stem, number)) => (stem, number.parse().unwrap_or(0_u32)),
        None => (stem, 0),
    };
    format!("{stem}-r{}.parquet", before + 1)
}

/// The generation in the name of a file.
fn generation_of(object: &str) -> Option<u32> {
    let name = object.rsplit('/').next()?;
    name.split('-').next()?.parse().ok()
}

impl Place {
    /// The place of the settings. Asks nothing yet.
    ///
    /// # Errors
    /// A setting that cannot be used.
    pub(super) fn open(
        settings: &config::Export,
        wire: impl FnOnce() -> Arc<Client>,
    ) -> Result<Self, ExportError> {
        if let Some(directory) = &settings.directory {
            return Ok(Self {
                objects: Objects::Directory(Directory::open(directory)?),
                prefix: String::new(),
                shown: directory.display().to_string(),
            });
        }
        let handed_over = || {
            let dir = std::env::var_os("CREDENTIALS_DIRECTORY")?;
            Some(PathBuf::from(dir).join(CREDENTIALS)).filter(|file| file.exists())
        };
        let file = settings.credentials_file.clone().or_else(handed_over).ok_or_else(|| {
            ExportError::Setting(
                "there is a bucket and no access key: name its file in export.credentials_file, or hand it over as the credential export-credentials".into(),
            )
        })?;
        let key = AccessKey::read(&file).map_err(|error| ExportError::Setting(error.to_string()))?;
        let address = Address {
            endpoint: settings.endpoint.clone().unwrap_or_default(),
            bucket: settings.bucket.clone(),
            region: settings.region.clone(),
            is_in_host: settings.bucket_in_host,
        };
        let bucket = Bucket::new(wire(), &address, &key).map_err(ExportError::Setting)?;
        let prefix = settings.prefix.trim_matches('/');
        Ok(Self {
            objects: Objects::Bucket(Box::new(bucket)),
            shown: format!("s3://{}/{prefix}", settings.bucket),
            prefix: if prefix.is_empty() {
                String::new()
            } else {
                format!("{prefix}/")
            },
        })
    }

    /// Where it is, for people.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> Result<(), ExportError> {
        self.objects.put(&self.key(name), bytes)?;
        Ok(())
    }

    pub(super) fn get(&self, name: &str) -> Result<Option<Vec<u8>>, ExportError> {
        Ok(self.objects.get(&self.key(name))?.map(|(bytes, _)| bytes))
    }

    /// Removes the files of an hour of a table that no list names, of a generation and later ones: what an earlier try,
    /// or a server whose place this one took, has left.
    pub(super) fn sweep(
        &self,
        table: &str,
        hour_ms: i64,
        from_generation: u32,
        named: &[Written],
    ) -> Result<(), ExportError> {
        let prefix = self.key(&format!("{table}/{}/", partition(hour_ms)));
        for listed in self.objects.list_all(&prefix)? {
            let name = listed.key.strip_prefix(&self.prefix).unwrap_or(&listed.key);
            let is_ours = generation_of(name).is_some_and(|generation| generation >= from_generation);
            if is_ours && named.iter().all(|written| written.object != name) {
                self.objects.delete(&listed.key)?;
            }
        }
        Ok(())
    }

    fn list_name(&self, day: &str) -> String {
        self.key(&format!("lists/{day}.json"))
    }

    /// The files that count of the day of an hour.
    pub(super) fn list(&self, hour_ms: i64) -> Result<Vec<Written>, ExportError> {
        let name = self.list_name(day_of(&partition(hour_ms)));
        match self.objects.get(&name)? {
            Some((bytes, _)) => parse(&name, &bytes).map(|list| list.files),
            None => Ok(Vec::new()),
        }
    }

    /// Changes the lists of the days of some files.
    pub(super) fn change_lists(
        &self,
        files: &[Written],
        change: impl Fn(&mut Vec<Written>, &[Written]),
    ) -> Result<(), ExportError> {
        let mut days: Vec<&str> = files.iter().map(|file| day_of(&file.object)).collect();
        days.sort_unstable();
        days.dedup();
        for day in days {
            let of_day: Vec<Written> = files
                .iter()
                .filter(|file| day_of(&file.object) == day)
                .cloned()
                .collect();
            self.change_list(&self.list_name(day), |list| change(list, &of_day))?;
        }
        Ok(())
    }

    fn change_list(&self, name: &str, change: impl Fn(&mut Vec<Written>)) -> Result<(), ExportError> {
        let mut tries = 1;
        loop {
            let there = self.objects.get(name)?;
            let mut list = match &there {
                Some((bytes, _)) => parse(name, bytes)?,
                None => List {
                    format: FORMAT,
                    files: Vec::new(),
                },
            };
            let before = list.files.clone();
            change(&mut list.files);
            list.files.sort();
            if list.files == before {
                return Ok(());
            }
            let bytes = serde_json::to_vec(&list).map_err(|error| ExportError::File {
                object: name.to_owned(),
                message: error.to_string(),
            })?;
            let written = match there {
                Some((_, version)) => self.objects.put_over(name, &bytes, &version),
                None => self.objects.put_new(name, &bytes),
            };
            match written {
                Ok(_) => return Ok(()),
                Err(ObjectsError::Changed { .. } | ObjectsError::Exists { .. }) if tries < TRIES => {
                    tries += 1;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Tries the place: writes an object, reads and removes it.
    pub(super) fn probe(&self) -> Result<(), ExportError> {
        let key = self.key(&format!("probe-{:016x}", rand::random::<u64>()));
        let written = self.objects.put_new(&key, b"1");
        let read = written.and_then(|_| self.objects.get(&key));
        let deleted = self.objects.delete(&key);
        match read? {
            Some((bytes, _)) if bytes == b"1" => Ok(deleted?),
            Some(_) | None => Err(ExportError::File {
                object: key,
                message: "what it gives is not what was written".into(),
            }),
        }
    }
}

fn parse(name: &str, bytes: &[u8]) -> Result<List, ExportError> {
    let unusable = |message: String| ExportError::File {
        object: name.to_owned(),
        message,
    };
    let list: List = serde_json::from_slice(bytes).map_err(|error| unusable(error.to_string()))?;
    if list.format > FORMAT {
        return Err(unusable("it is of a newer version".into()));
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_hour_and_which_writing_it_is() {
        let name = object("sessions", 1_795_000_000_000, 412, 3);
        assert_eq!(name, "sessions/dt=2026-11-18/h=11/000412-0003.parquet");
        let (first, second) = (anew(&name), anew(&anew(&name)));
        assert_eq!(first, "sessions/dt=2026-11-18/h=11/000412-0003-r1.parquet");
        assert_eq!(second, "sessions/dt=2026-11-18/h=11/000412-0003-r2.parquet");
        assert_eq!(
            (generation_of(&name), generation_of(&second)),
            (Some(412), Some(412))
        );
        assert_eq!(day_of(&name), "dt=2026-11-18");
        assert_eq!(hour_of(1_795_000_000_000) % HOUR_MS, 0);
    }
}
