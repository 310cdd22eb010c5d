//! `restore`: brings a backup, or a state of the archive, back into a data directory that no server uses.

use super::{CliError, Global, Outcome, archive, say};
use crate::config::Config;
use crate::store::{self, RestoreOptions, RestoreReport};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

/// Options of `restore`.
#[derive(Debug, Clone, Args)]
pub struct RestoreArgs {
    /// File that `backup` wrote.
    #[arg(required_unless_present = "from")]
    pub file: Option<PathBuf>,
    /// Archive to restore from instead, s3://BUCKET/PREFIX; the rest is as set under [archive].
    #[arg(long, value_name = "ARCHIVE", conflicts_with = "file")]
    pub from: Option<String>,
    /// The moment to restore, such as 2026-11-29T12:00:00+09:00, else the newest.
    #[arg(long, value_name = "TIME", requires = "from")]
    pub until: Option<jiff::Timestamp>,
    /// Verify it and say what it holds; write nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Replace what is in the data directory; it is put aside.
    #[arg(long)]
    pub force: bool,
    /// Do not ask the archive what was erased since the backup was made: erase it once more by hand.
    #[arg(long, conflicts_with = "from")]
    pub without_erasures: bool,
    /// Let no postback leave before `yamabiko delivery resume`.
    #[arg(long)]
    pub paused: bool,
}

/// Verifies what is to be restored and, unless it is a dry run, writes it.
pub fn run(global: &Global, args: &RestoreArgs) -> Outcome {
    let options = RestoreOptions {
        force: args.force,
        dry_run: args.dry_run,
        paused: args.paused,
    };
    let (config, report) = match (&args.from, &args.file) {
        (Some(from), _) => {
            let (config, restored) = archive::restore(global, from, args.until, options)?;
            (config, restored.report)
        }
        (None, Some(file)) => {
            let config = global.load(Vec::new())?.config;
            let erased = match config.archive.is_on() && !args.without_erasures {
                true => archive::erased_since(&config, file)?,
                false => Vec::new(),
            };
            let none = &mut std::iter::empty();
            let report = store::restore_with(file, none, &erased, &config.data_dir, options)
                .map_err(|error| CliError::Refused(error.to_string()))?;
            if !erased.is_empty() {
                say(archive::ERASED)?;
            }
            (config, report)
        }
        (None, None) => {
            return Err(CliError::Refused(
                "name a backup, or an archive with --from".into(),
            ));
        }
    };
    tell(&config, &report, args)?;
    Ok(ExitCode::SUCCESS)
}

fn tell(config: &Config, report: &RestoreReport, args: &RestoreArgs) -> Result<(), CliError> {
    let backup = &report.backup;
    let made = jiff::Timestamp::from_millisecond(backup.made_at_ms)
        .map_or_else(|_| "at an unknown time".into(), |t| t.to_string());
    say(format!(
        "The backup was made {made}: {} databases, {} bytes, up to commit {}, schema {}. Every byte is as it was written.",
        backup.databases, backup.bytes, backup.last_seq, backup.schema
    ))?;
    if args.dry_run {
        return say("Nothing was written (--dry-run).");
    }
    say(format!(
        "It is in {}; the first start rebuilds the databases from it.",
        config.data_dir.display()
    ))?;
    if let Some(aside) = &report.aside {
        say(format!(
            "The data of before are in {}; remove them once all is well.",
            aside.display()
        ))?;
    }
    say(if args.paused {
        "Delivery begins paused: postbacks are recorded and wait until `yamabiko delivery resume`."
    } else {
        "Postbacks that were sent since the backup was made are sent again; with --paused they would wait for you."
    })
}
