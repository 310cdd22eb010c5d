//! Taking over: the data directory that was made from an archive catches up with it, sets the fence behind its last
//! commit, and becomes the one that writes.
//!
//! Before the fence the old server may add objects; they are brought over. Once it is set the old one cannot add any,
//! because the name that would come next is taken; and it is told so at its next look.

use super::copier::fence;
use super::error::ArchiveError;
use super::local::{Followed, Local};
use super::manifest::Manifest;
use super::object::Batch;
use super::place::{Archive, Put};
use super::restore::{Following, manifest_of};
use crate::objects::ObjectsError;
use crate::store::{Store, Writer};
use std::path::Path;

/// Objects of the old server that may come in between before it is given up.
const TRIES: usize = 100;

/// Who takes over.
pub struct Successor<'a> {
    /// The archive.
    pub archive: &'a Archive,
    /// The data directory.
    pub data_dir: &'a Path,
    /// The name of this machine.
    pub host: &'a str,
    /// The time, unix milliseconds.
    pub now_ms: i64,
}

/// What a promotion did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promoted {
    /// The epoch that this server writes from now on.
    pub epoch: u32,
    /// The last commit of the epoch before.
    pub last_seq: u64,
    /// Commits that were still brought over.
    pub caught_up: u64,
    /// The machine that wrote before.
    pub before: String,
}

impl Successor<'_> {
    /// Takes over with an open store. Can be called again after any interruption.
    ///
    /// # Errors
    /// The data directory does not follow the archive, the bucket does not enforce conditions, another took over, or
    /// the bucket does not answer.
    pub fn promote(&self, store: &mut Store) -> Result<Promoted, ArchiveError> {
        self.archive.prove()?;
        let mut local = Local::read(self.data_dir)?;
        let manifest = manifest_of(self.archive)?;
        if manifest.owner == local.owner {
            return self.done(&manifest, &mut local, 0, manifest.host.clone());
        }
        let followed = local.followed.clone().ok_or_else(|| {
            ArchiveError::Unfit(format!(
                "this data directory was not made from the archive {}: restore it first with `yamabiko restore --from`",
                self.archive.place()
            ))
        })?;
        if followed.archive != manifest.archive {
            return Err(ArchiveError::Unfit(
                "this data directory was made from another archive; restore it anew".into(),
            ));
        }
        // So that an interruption leaves an owner that can go on.
        local.write(self.data_dir)?;
        let before = manifest.host.clone();
        if followed.is_earlier {
            self.take_earlier(&manifest, &local, store.writer.durable_seq())?;
            let taken = manifest_of(self.archive)?;
            return self.done(&taken, &mut local, 0, before);
        }
        let caught_up = self.set_fence(&mut local, followed, &mut store.writer)?;
        let taken = manifest_of(self.archive)?;
        self.done(&taken, &mut local, caught_up, before)
    }

    /// Catches up and sets the fence, until no object comes in between; then takes the manifest.
    fn set_fence(
        &self,
        local: &mut Local,
        mut followed: Followed,
        writer: &mut Writer,
    ) -> Result<u64, ArchiveError> {
        let mut caught_up = 0;
        for _ in 0..TRIES {
            let manifest = manifest_of(self.archive)?;
            caught_up += catch_up(self.archive, &manifest, &mut followed, writer)?;
            local.followed = Some(followed.clone());
            local.write(self.data_dir)?;
            if followed.epoch != manifest.epoch() {
                return Err(ArchiveError::Unfit(
                    "the archive began anew with a snapshot since this data directory was made; restore it anew".into(),
                ));
            }
            let fence = fence(followed.seq, followed.epoch + 1, &local.owner, self.now_ms);
            match self.archive.put_batch(followed.epoch, &fence)? {
                Put::Taken(other) if other.head.fenced_by.is_none() => continue,
                // Of somebody who did not get further, or who is a moment ahead: the manifest decides.
                Put::Taken(_) | Put::Written(_) => {}
            }
            self.take(&manifest, local, followed.epoch, |manifest| {
                manifest.end_epoch(followed.seq);
                manifest.begin_epoch(followed.seq + 1, true, self.host, self.now_ms);
            })?;
            return Ok(caught_up);
        }
        Err(ArchiveError::Unfit(
            "the server that writes the archive is faster than this one; stop it and try again".into(),
        ))
    }

    /// Goes back to an earlier state: what the old server wrote behind it is left in its epoch.
    fn take_earlier(&self, manifest: &Manifest, local: &Local, durable_seq: u64) -> Result<(), ArchiveError> {
        let epoch = manifest.epoch();
        let first = manifest.epochs.last().map_or(1, |epoch| epoch.first_seq);
        for _ in 0..TRIES {
            let names = self.archive.batches(epoch, first)?;
            let last: Option<Batch> = names
                .last()
                .map(|name| self.archive.batch(epoch, *name))
                .transpose()?;
            let end = last.as_ref().map_or(first - 1, |batch| batch.head.last_seq);
            let is_fenced = last.is_some_and(|batch| batch.head.fenced_by.is_some());
            if !is_fenced {
                let fence = fence(end, epoch + 1, &local.owner, self.now_ms);
                if let Put::Taken(_) = self.archive.put_batch(epoch, &fence)? {
                    continue;
                }
            }
            return self.take(manifest, local, epoch, |manifest| {
                manifest.end_epoch(end);
                manifest.begin_epoch(durable_seq + 1, false, self.host, self.now_ms);
            });
        }
        Err(ArchiveError::Unfit(
            "the server that writes the archive is faster than this one; stop it and try again".into(),
        ))
    }

    /// Makes the manifest ours.
    fn take(
        &self,
        known: &Manifest,
        local: &Local,
        epoch: u32,
        change: impl Fn(&mut Manifest),
    ) -> Result<(), ArchiveError> {
        for _ in 0..TRIES {
            let Some((mut manifest, version)) = self.archive.manifest()? else {
                return Err(ArchiveError::Nothing {
                    place: self.archive.place().to_owned(),
                });
            };
            if manifest.owner == local.owner {
                return Ok(());
            }
            if manifest.owner != known.owner || manifest.epoch() != epoch {
                return Err(beaten_by(&manifest.host));
            }
            change(&mut manifest);
            local.owner.clone_into(&mut manifest.owner);
            manifest.written_at_ms = self.now_ms;
            match self.archive.write_manifest(&manifest, Some(&version)) {
                Ok(_) => return Ok(()),
                Err(ArchiveError::Objects(ObjectsError::Changed { .. })) => {}
                Err(error) => return Err(error),
            }
        }
        Err(ArchiveError::Objects(ObjectsError::Away {
            message: "the manifest changes all the time".into(),
        }))
    }

    fn done(
        &self,
        manifest: &Manifest,
        local: &mut Local,
        caught_up: u64,
        before: String,
    ) -> Result<Promoted, ArchiveError> {
        // Another one may have taken over from this one since: whoever says that it writes the archive has to be right.
        if manifest.owner != local.owner {
            return Err(beaten_by(&manifest.host));
        }
        (local.followed, local.fenced) = (None, None);
        local.write(self.data_dir)?;
        let ended = manifest.epochs.iter().rev().nth(1);
        Ok(Promoted {
            epoch: manifest.epoch(),
            last_seq: ended.and_then(|epoch| epoch.last_seq).unwrap_or(0),
            caught_up,
            before,
        })
    }
}

fn beaten_by(host: &str) -> ArchiveError {
    ArchiveError::Fenced(format!(
        "{host} took over a moment ago; this one did not. Stop it, or leave it"
    ))
}

/// Brings over what the archive holds behind `followed`; how many commits. A directory that has commits of its own
/// behind it, as after a restore with delivery paused, can take none.
pub(super) fn catch_up(
    archive: &Archive,
    manifest: &Manifest,
    followed: &mut Followed,
    writer: &mut Writer,
) -> Result<u64, ArchiveError> {
    let mut following = Following::new(archive, manifest.legs(followed.epoch, followed.seq), None);
    let mut count = 0;
    for commit in following.by_ref() {
        let commit = commit?;
        if count == 0 && writer.durable_seq() != followed.seq {
            return Err(ArchiveError::Unfit(format!(
                "the archive has commits behind {} that this data directory lacks, and it has others of its own: the server that writes the archive goes on. Stop it, restore anew, then promote",
                followed.seq
            )));
        }
        writer.follow(&commit)?;
        count += 1;
    }
    (followed.epoch, followed.seq) = following.position();
    Ok(count)
}
