//! `restore`: brings a backup back into a data directory that no server uses.

use super::{CliError, Global, Outcome, RestoreArgs, say};
use crate::store;
use std::process::ExitCode;

/// Verifies the backup and, unless it is a dry run, writes it.
pub fn run(global: &Global, args: &RestoreArgs) -> Outcome {
    let config = global.load(Vec::new())?.config;
    let report = store::restore(&args.file, &config.data_dir, args.force, args.dry_run)
        .map_err(|error| CliError::Refused(error.to_string()))?;
    let made = jiff::Timestamp::from_millisecond(report.made_at_ms)
        .map_or_else(|_| "at an unknown time".into(), |t| t.to_string());
    say(format!(
        "The backup was made {made}: {} databases, {} bytes, up to commit {}, schema {}. Every byte is as it was written.",
        report.databases, report.bytes, report.last_seq, report.schema
    ))?;
    if args.dry_run {
        say("Nothing was written (--dry-run).")?;
    } else {
        say(format!(
            "It is in {}; the first start rebuilds the databases from it.",
            config.data_dir.display()
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
