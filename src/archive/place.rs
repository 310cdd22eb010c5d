//! An archive as calls: its manifest, its journal objects, the parts of its snapshots.

use super::error::ArchiveError;
use super::manifest::{FORMAT, Manifest, Snapshot};
use super::object::{self, Batch, MANIFEST, ObjectFault};
use crate::config;
use crate::objects::{AccessKey, Bucket, Directory, Objects, ObjectsError, Place, Usage, Version};
use crate::store::{Erased, Sealing};
use crate::wire::Client;
use aws_lc_rs::digest::{Context, SHA256};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Name of the credential that systemd hands over, where no file is set.
const CREDENTIALS: &str = "archive-credentials";
/// Name of the handed-over key that objects are sealed with.
const KEY: &str = "archive-key";

/// See the module.
pub struct Archive {
    objects: Objects,
    prefix: String,
    sealing: Sealing,
    place: String,
}

/// What became of a journal object.
#[derive(Debug, PartialEq, Eq)]
pub enum Put {
    /// It is there; its last commit, which may be an earlier one when an earlier try had got through.
    Written(u64),
    /// Another one has its name: the fence, or an object of somebody else.
    Taken(Box<Batch>),
}

/// What systemd hands over under a name, if it does.
fn handed_over(name: &str) -> Option<PathBuf> {
    let dir = std::env::var_os("CREDENTIALS_DIRECTORY")?;
    Some(PathBuf::from(dir).join(name)).filter(|file| file.exists())
}

impl Archive {
    /// The archive of the settings; `None` when none is set. Asks nothing yet.
    ///
    /// # Errors
    /// A setting that cannot be used.
    pub fn open(
        settings: &config::Archive,
        data_dir: &Path,
        wire: impl FnOnce() -> Result<Arc<Client>, String>,
    ) -> Result<Option<Self>, ArchiveError> {
        if !settings.is_on() {
            return Ok(None);
        }
        let (objects, place) = match &settings.directory {
            Some(directory) => (
                Objects::Directory(Directory::open(directory)?),
                directory.display().to_string(),
            ),
            None => (
                Objects::Bucket(Box::new(bucket(settings, wire)?)),
                format!("s3://{}/{}", settings.bucket, settings.prefix),
            ),
        };
        let key = settings.key_file.clone().or_else(|| handed_over(KEY));
        let sealing = key.map_or_else(Sealing::default, |file| Sealing::read(&file, data_dir));
        if let Some(problem) = sealing.problem() {
            // Nothing goes out in the open that was meant to be sealed.
            return Err(ArchiveError::Setting(format!("archive.key_file: {problem}")));
        }
        Ok(Some(Self::new(objects, &settings.prefix, sealing, place)))
    }

    /// An archive of objects.
    pub fn new(objects: Objects, prefix: &str, sealing: Sealing, place: String) -> Self {
        let prefix = prefix.trim_matches('/');
        Self {
            objects,
            prefix: if prefix.is_empty() {
                String::new()
            } else {
                format!("{prefix}/")
            },
            sealing,
            place,
        }
    }

    /// Where it is, for people.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Whether its objects are sealed with a key of the operator's.
    pub fn is_sealed(&self) -> bool {
        self.sealing.is_on()
    }

    /// What was asked of the bucket.
    pub fn usage(&self) -> Usage {
        self.objects.usage()
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn read(&self, name: &str) -> Result<Option<(Vec<u8>, Version)>, ArchiveError> {
        let Some((bytes, version)) = self.objects.get(&self.key(name))? else {
            return Ok(None);
        };
        let content = object::unwrap(name, &bytes, &self.sealing).map_err(|fault| fault_of(name, fault))?;
        Ok(Some((content, version)))
    }

    fn wrapped(&self, name: &str, content: Vec<u8>) -> Result<Vec<u8>, ArchiveError> {
        object::wrap(name, content, &self.sealing).map_err(|fault| fault_of(name, fault))
    }

    /// The manifest, if there is one.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn manifest(&self) -> Result<Option<(Manifest, Version)>, ArchiveError> {
        let Some((content, version)) = self.read(MANIFEST)? else {
            return Ok(None);
        };
        let damaged = |_| fault_of(MANIFEST, ObjectFault::Damaged);
        let manifest: Manifest = serde_json::from_slice(&content).map_err(damaged)?;
        if manifest.format > FORMAT {
            return Err(fault_of(MANIFEST, ObjectFault::Newer));
        }
        Ok(Some((manifest, version)))
    }

    /// Writes the manifest: the first one, or over the version that was read.
    ///
    /// # Errors
    /// [`ObjectsError::Exists`] or [`ObjectsError::Changed`] when another was first.
    pub fn write_manifest(
        &self,
        manifest: &Manifest,
        over: Option<&Version>,
    ) -> Result<Version, ArchiveError> {
        let json = serde_json::to_vec(manifest).map_err(|_| fault_of(MANIFEST, ObjectFault::Damaged))?;
        let bytes = self.wrapped(MANIFEST, json)?;
        let key = self.key(MANIFEST);
        Ok(match over {
            None => self.objects.put_new(&key, &bytes)?,
            Some(version) => self.objects.put_over(&key, &bytes, version)?,
        })
    }

    /// Writes a journal object, if nobody was there before.
    ///
    /// # Errors
    /// When it is not sure that it was written; the next try finds out.
    pub fn put_batch(&self, epoch: u32, batch: &Batch) -> Result<Put, ArchiveError> {
        let name = object::journal_name(epoch, batch.head.first_seq);
        let content = batch
            .pack()
            .map_err(|_| fault_of(&name, ObjectFault::Unsealable))?;
        let bytes = self.wrapped(&name, content)?;
        match self.objects.put_new(&self.key(&name), &bytes) {
            Ok(_) => return Ok(Put::Written(batch.head.last_seq)),
            Err(ObjectsError::Exists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        // An earlier try of ours may have got through without our hearing of it, with fewer commits.
        let there = self.batch(epoch, batch.head.first_seq)?;
        let is_ours = match (&there.head.fenced_by, &batch.head.fenced_by) {
            (None, None) => batch.commits.starts_with(&there.commits),
            (there, ours) => there == ours,
        };
        Ok(if is_ours {
            Put::Written(there.head.last_seq)
        } else {
            Put::Taken(Box::new(there))
        })
    }

    /// A journal object that is listed.
    ///
    /// # Errors
    /// It is not there, or none of ours.
    pub fn batch(&self, epoch: u32, first_seq: u64) -> Result<Batch, ArchiveError> {
        let name = object::journal_name(epoch, first_seq);
        let Some((content, _)) = self.read(&name)? else {
            return Err(ArchiveError::Missing { name });
        };
        Batch::unpack(&content).map_err(|fault| fault_of(&name, fault))
    }

    /// The first commits of the journal objects of an epoch that begin with a commit or later, in order.
    ///
    /// # Errors
    /// The bucket does not answer.
    pub fn batches(&self, epoch: u32, from_seq: u64) -> Result<Vec<u64>, ArchiveError> {
        let prefix = self.key(&object::journal_of(epoch));
        let mut after = (from_seq > 0).then(|| self.key(&object::journal_name(epoch, from_seq - 1)));
        let mut found = Vec::new();
        loop {
            let page = self.objects.list(&prefix, after.as_deref())?;
            let Some(last) = page.last() else {
                return Ok(found);
            };
            after = Some(last.key.clone());
            found.extend(page.iter().filter_map(|one| object::first_seq_of(&one.key)));
        }
    }

    /// Names of all objects below a place of the archive.
    pub(super) fn names(&self, below: &str) -> Result<Vec<String>, ArchiveError> {
        let listed = self.objects.list_all(&self.key(below))?;
        let name = |key: String| key.strip_prefix(&self.prefix).map(str::to_owned);
        Ok(listed.into_iter().filter_map(|one| name(one.key)).collect())
    }

    pub(super) fn delete(&self, name: &str) -> Result<(), ArchiveError> {
        Ok(self.objects.delete(&self.key(name))?)
    }

    /// Writes a part of a snapshot. It counts once the manifest names the snapshot.
    pub(super) fn put_part(&self, name: &str, content: Vec<u8>) -> Result<(), ArchiveError> {
        let bytes = self.wrapped(name, content)?;
        self.objects.put(&self.key(name), &bytes)?;
        Ok(())
    }

    /// Writes what a batch erased; the same again is the same object.
    pub(super) fn put_erasures(&self, name: &str, erased: &[Erased]) -> Result<(), ArchiveError> {
        let json = serde_json::to_vec(erased).map_err(|_| fault_of(name, ObjectFault::Damaged))?;
        self.put_part(name, json)
    }

    /// What an object says was erased; one that was removed meanwhile says nothing.
    pub(super) fn erasures(&self, name: &str) -> Result<Vec<Erased>, ArchiveError> {
        let Some((content, _)) = self.read(name)? else {
            return Ok(Vec::new());
        };
        serde_json::from_slice(&content).map_err(|_| fault_of(name, ObjectFault::Damaged))
    }

    /// Reads a snapshot through to `out`, and holds it against its sum.
    ///
    /// # Errors
    /// A part is missing, or not what was written; `out` does not take it.
    pub fn read_snapshot(&self, snapshot: &Snapshot, out: &mut dyn Write) -> Result<(), ArchiveError> {
        let (mut sum, mut bytes) = (Context::new(&SHA256), 0);
        for part in 0..snapshot.parts {
            let name = object::part_name(snapshot.epoch, snapshot.begun_at_ms, part);
            let Some((content, _)) = self.read(&name)? else {
                return Err(ArchiveError::Missing { name });
            };
            sum.update(&content);
            bytes += content.len() as u64;
            out.write_all(&content)
                .map_err(ArchiveError::io(Path::new("the file of the snapshot")))?;
        }
        if hex(sum.finish().as_ref()) != snapshot.sha256 || bytes != snapshot.bytes {
            let name = object::snapshot_of(snapshot.epoch, snapshot.begun_at_ms);
            return Err(fault_of(&name, ObjectFault::Damaged));
        }
        Ok(())
    }

    /// Tries on the real bucket whether conditional writes are enforced; leaves nothing behind.
    ///
    /// # Errors
    /// [`ArchiveError::Unconditional`], or what the bucket says.
    pub fn prove(&self) -> Result<(), ArchiveError> {
        let key = self.key(&format!("probe-{:016x}", rand::random::<u64>()));
        let proven = self.proven(&key);
        let deleted = self.objects.delete(&key);
        proven?;
        Ok(deleted?)
    }

    fn proven(&self, key: &str) -> Result<(), ArchiveError> {
        let unconditional = |what| Err(ArchiveError::Unconditional { what });
        let first = self.objects.put_new(key, b"1")?;
        match self.objects.put_new(key, b"2") {
            Err(ObjectsError::Exists { .. }) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return unconditional("it wrote over an object that was to be new"),
        }
        let second = self.objects.put_over(key, b"3", &first)?;
        match self.objects.put_over(key, b"4", &first) {
            Err(ObjectsError::Changed { .. }) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return unconditional("it wrote over another version than the one named"),
        }
        match self.objects.get(key)? {
            Some((bytes, version)) if bytes == b"3" && version == second => Ok(()),
            Some(_) | None => unconditional("what it gives is not what was written last"),
        }
    }
}

fn bucket(
    settings: &config::Archive,
    wire: impl FnOnce() -> Result<Arc<Client>, String>,
) -> Result<Bucket, ArchiveError> {
    let file = settings
        .credentials_file
        .clone()
        .or_else(|| handed_over(CREDENTIALS))
        .ok_or_else(|| {
            ArchiveError::Setting(
                "there is a bucket and no access key: name its file in archive.credentials_file, or hand it over as the credential archive-credentials".into(),
            )
        })?;
    let key = AccessKey::read(&file).map_err(|error| ArchiveError::Setting(error.to_string()))?;
    let place = Place {
        endpoint: settings.endpoint.clone().unwrap_or_default(),
        bucket: settings.bucket.clone(),
        region: settings.region.clone(),
        is_in_host: settings.bucket_in_host,
    };
    Bucket::new(wire().map_err(ArchiveError::Setting)?, &place, &key).map_err(ArchiveError::Setting)
}

fn fault_of(name: &str, fault: ObjectFault) -> ArchiveError {
    ArchiveError::Fault {
        name: name.to_owned(),
        fault,
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
