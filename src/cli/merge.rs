//! `archive merge`: what a fenced server took alone is handed to the running one, a part at a time.
//!
//! The journal of the other directory is read three times: to find the last state of each record, for sessions and
//! activities, and for what refers to them. So each is handed over once, as it was in the end, and no postback as
//! waiting that was sent later.

use super::{CliError, Global, Outcome, say};
use crate::app;
use crate::app::control::{self, Answer, Request};
use crate::archive;
use crate::store::{Commit, Foreign, pack};
use crate::tracking::merge::{Tally, part};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clap::Args;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Bytes of the commits that are handed over at once: little enough that nobody who is served meanwhile waits for it.
const AT_ONCE: usize = 128 << 10;

/// Options of `archive merge`.
#[derive(Debug, Clone, Args)]
pub struct MergeArgs {
    /// Data directory of the server that was fenced, or a copy of it. It is read only.
    dir: PathBuf,
    /// Only count what would be taken over.
    #[arg(long)]
    dry_run: bool,
}

fn refused(error: impl std::fmt::Display) -> CliError {
    CliError::Refused(error.to_string())
}

/// The last states of records, by hashes of their keys: 16 bytes each, and the journal bounds how many there are.
#[derive(Default)]
struct Lasts {
    hasher: RandomState,
    commits: HashMap<u64, u64>,
}

impl Lasts {
    fn note(&mut self, seq: u64, commit: &Commit) {
        for (db, op) in &commit.writes {
            if let Some(name) = op.key().and_then(|key| part(*db, key)?.name()) {
                self.commits.insert(self.hasher.hash_one(name), seq);
            }
        }
    }

    /// What of a commit is to be handed over in a turn.
    fn of_turn(&self, is_first: bool, seq: u64, commit: Commit) -> Commit {
        let mut writes = commit.writes;
        writes.retain(|(db, op)| {
            let Some(part) = op.put_key().and_then(|key| part(*db, key)) else {
                return false;
            };
            let is_last = |name| self.commits.get(&self.hasher.hash_one(name)) == Some(&seq);
            part.is_of_first_turn() == is_first && part.name().is_none_or(is_last)
        });
        Commit { writes }
    }
}

/// Hands parts to the running server and sums up what became of them.
struct Handing<'a> {
    data_dir: &'a Path,
    is_dry_run: bool,
    commits: Vec<String>,
    bytes: usize,
    tally: Tally,
}

impl Handing<'_> {
    fn hand(&mut self, commit: &Commit) -> Result<(), CliError> {
        let bytes = pack(commit).map_err(refused)?;
        self.bytes += bytes.len();
        self.commits.push(BASE64_STANDARD.encode(bytes));
        if self.bytes >= AT_ONCE {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), CliError> {
        self.bytes = 0;
        let request = Request::ArchiveMerge {
            commits: std::mem::take(&mut self.commits),
            dry_run: self.is_dry_run,
        };
        let asked = control::ask(self.data_dir, &request).map_err(CliError::io(
            "the running server cannot be reached; what was handed over stands, repeat the command",
        ))?;
        match asked {
            Some(Answer::Done(value)) => {
                self.tally.add(&serde_json::from_value(value).map_err(refused)?);
                Ok(())
            }
            Some(Answer::Refused(message)) => Err(CliError::Refused(message)),
            None => Err(CliError::Refused(
                "no server runs over this data directory: start the one that was promoted, then repeat the command".into(),
            )),
        }
    }
}

/// `archive merge`.
pub fn run(global: &Global, args: &MergeArgs) -> Outcome {
    let config = global.load(Vec::new())?.config;
    let dir = &args.dir;
    let own = Foreign::open(&config.data_dir).map_err(refused)?;
    let foreign = Foreign::open(dir).map_err(refused)?;
    if own.instance() != foreign.instance() {
        let message = format!("{} holds the data of another instance", dir.display());
        return Err(CliError::Refused(message));
    }
    let archive = app::archive::open(&config).map_err(refused)?;
    let parted = archive::parted(&archive, dir, &foreign).map_err(refused)?;
    let after = parted.unwrap_or(0);
    let (mut lasts, mut count, mut lost) = (Lasts::default(), 0_u64, Vec::new());
    for read in foreign.commits(after).map_err(refused)? {
        match read {
            Ok((seq, commit)) => {
                count += 1;
                lasts.note(seq, &commit);
            }
            Err(message) => lost.push(message),
        }
    }
    let mut handing = Handing {
        data_dir: &config.data_dir,
        is_dry_run: args.dry_run,
        commits: Vec::new(),
        bytes: 0,
        tally: Tally::default(),
    };
    for is_first in [true, false] {
        for (seq, commit) in foreign.commits(after).map_err(refused)?.flatten() {
            let commit = lasts.of_turn(is_first, seq, commit);
            if !commit.writes.is_empty() {
                handing.hand(&commit)?;
            }
        }
        // Also when there is nothing, so that a server that does not run is told.
        handing.flush()?;
    }
    tell(dir, parted, count, &handing)?;
    // Without the archive's word the journal need not begin with the first commit.
    let lost: Vec<_> = lost.into_iter().skip(usize::from(parted.is_none())).collect();
    for message in &lost {
        say(format!("Not read: {message}"))?;
    }
    Ok(if lost.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn tell(dir: &Path, parted: Option<u64>, count: u64, handing: &Handing<'_>) -> Result<(), CliError> {
    let behind = match parted {
        Some(seq) => format!("behind commit {seq}, the last one of it in the archive"),
        None => {
            "in its journal; the archive no longer tells which of them it took alone, so all were compared"
                .into()
        }
    };
    say(format!("{}: {count} commits {behind}.", dir.display()))?;
    let tally = handing.tally;
    let rows = [
        (tally.sessions, "clicks and impressions that were missing"),
        (tally.activities, "activities that were missing"),
        (
            tally.duplicates,
            "activities that were missing and are duplicates of what was counted here meanwhile",
        ),
        (tally.changes, "records that were changed there last"),
        (
            tally.overtaken,
            "conversions that were changed there and here: the later change stands",
        ),
        (tally.visitors, "devices of apps"),
        (
            tally.postbacks_sent,
            "postbacks that were settled there: they are not sent again",
        ),
        (
            tally.postbacks_queued,
            "postbacks that waited there: they are sent from here",
        ),
        (
            tally.postbacks_left,
            "postbacks that waited there and are not sent, since they tell nothing that is so here",
        ),
        (tally.erasures, "erasures"),
    ];
    for (count, what) in rows {
        say(format!("{count:>10}  {what}"))?;
    }
    if tally.left > 0 {
        say(format!(
            "{:>10}  settings, links, users or statements that were made or changed there and are not the same here: these are not merged, repeat them by hand",
            tally.left
        ))?;
    }
    say(if handing.is_dry_run {
        "Nothing was written. Without --dry-run it is merged; postbacks of duplicates, counted here as waiting, are then not sent."
    } else {
        "Merged. Once more would change nothing."
    })
}
