//! `archive`, `standby`, `promote`, and `restore --from`: what is done with the archive off the machine.

use super::{CliError, Global, Outcome, ServeArgs, flag, merge, say};
use crate::app::{self, standby::Ended};
use crate::archive::{self, Archive, ArchiveError, Restored, Successor};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::erased::Erased;
use crate::store::{self, RestoreOptions, Store, StoreError, StoreOptions};
use clap::Subcommand;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::ExitCode;
use std::time::Duration;

/// How long a standby may take to take over.
const PATIENCE: Duration = Duration::from_secs(300);

/// What is done with the archive.
#[derive(Debug, Clone, Subcommand)]
pub enum ArchiveCommand {
    /// Read every object and say whether all of it can be restored.
    Check,
    /// Try whether the bucket takes objects and enforces conditional writes.
    Test,
    /// Take over what a server that was fenced took alone: its clicks, conversions, changes of status and postbacks
    /// that the archive does not hold. The server that was promoted has to run here.
    #[command(after_help = "Example:\n  yamabiko archive merge /mnt/old/var/lib/yamabiko --dry-run")]
    Merge(merge::MergeArgs),
}

fn refused(error: &ArchiveError) -> CliError {
    CliError::Refused(error.to_string())
}

/// `archive ...`.
pub fn run(global: &Global, command: &ArchiveCommand) -> Outcome {
    if let ArchiveCommand::Merge(args) = command {
        return merge::run(global, args);
    }
    let config = global.load(Vec::new())?.config;
    let archive = app::archive::open(&config).map_err(|error| refused(&error))?;
    match command {
        ArchiveCommand::Check => {
            let checked = archive::check(&archive).map_err(|error| refused(&error))?;
            say(format!(
                "{}: {} snapshots and {} objects of the journal were read; every byte is as it was written, and no commit is missing up to commit {}. Moments from {} to {} can be restored.",
                archive.place(),
                checked.snapshots,
                checked.batches,
                checked.last_seq,
                date(checked.reaches_back_to_ms),
                date(checked.newest_at_ms)
            ))?;
        }
        ArchiveCommand::Test => {
            archive.prove().map_err(|error| refused(&error))?;
            say(format!(
                "{}: objects are taken, given back and removed, and conditional writes are enforced.",
                archive.place()
            ))?;
        }
        ArchiveCommand::Merge(_) => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// The settings with the bucket and the prefix of `s3://BUCKET/PREFIX`.
fn named(config: &mut Config, from: &str) -> Result<(), CliError> {
    let wrong = || CliError::Refused(format!("{from:?} is no archive; write s3://BUCKET/PREFIX"));
    let rest = from.strip_prefix("s3://").ok_or_else(wrong)?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(wrong());
    }
    bucket.clone_into(&mut config.archive.bucket);
    prefix.trim_matches('/').clone_into(&mut config.archive.prefix);
    config.archive.directory = None;
    if config.archive.endpoint.is_none() {
        return Err(CliError::Refused(
            "the address of the service is missing: --set archive.endpoint=https://..., or set it under [archive]".into(),
        ));
    }
    Ok(())
}

/// What is told of erasures that are carried out once more.
pub const ERASED: &str = "What was erased since at the request of devices is erased once more by the first start, before anybody is served.";

/// What was erased since a backup was made, as the archive of the settings knows it.
pub fn erased_since(config: &Config, backup: &std::path::Path) -> Result<Vec<Erased>, CliError> {
    let read = store::restore(
        backup,
        &config.data_dir,
        RestoreOptions {
            dry_run: true,
            ..RestoreOptions::default()
        },
    );
    let made_at_ms = read
        .map_err(|error| CliError::Refused(error.to_string()))?
        .backup
        .made_at_ms;
    let erased = app::archive::open(config).and_then(|archive| archive::erased_since(&archive, made_at_ms));
    erased.map_err(|error| {
        CliError::Refused(format!(
            "what was erased since the backup was made cannot be read from the archive ({error}); --without-erasures restores without it"
        ))
    })
}

/// `restore --from`: a state of the archive.
pub fn restore(
    global: &Global,
    from: &str,
    until: Option<jiff::Timestamp>,
    options: RestoreOptions,
) -> Result<(Config, Restored), CliError> {
    let mut config = global.load(Vec::new())?.config;
    // The archive of the settings may be a directory, which has no such name.
    if config
        .archive
        .directory
        .as_ref()
        .is_none_or(|directory| directory.as_os_str() != from)
    {
        named(&mut config, from)?;
    }
    let archive = app::archive::open(&config).map_err(|error| refused(&error))?;
    let until_ms = until.map(jiff::Timestamp::as_millisecond);
    let restored =
        archive::restore(&archive, until_ms, &config.data_dir, options).map_err(|error| refused(&error))?;
    say(format!(
        "The archive {}: a snapshot and {} commits behind it, up to commit {}, a state of {} or later.",
        archive.place(),
        restored.commits,
        restored.seq,
        date(restored.at_ms)
    ))?;
    if restored.has_erasures {
        say(ERASED)?;
    }
    if !options.dry_run {
        say(
            "Next: `yamabiko promote`, which fences the server that wrote the archive and lets this one go on with it; then start it.",
        )?;
    }
    Ok((config, restored))
}

/// `promote`: takes over with a data directory that follows the archive.
pub fn promote(global: &Global) -> Outcome {
    let config = global.load(Vec::new())?.config;
    let options = StoreOptions {
        may_create: false,
        has_threads: false,
        backups: None,
        ..app::store_options(&config, &Clock::System)
    };
    match Store::open(&config.data_dir, options) {
        Ok((mut store, _)) => {
            let archive = app::archive::open(&config).map_err(|error| refused(&error))?;
            let promoted = taken_over(&config, &archive, &mut store);
            store
                .writer
                .close()
                .map_err(|error| CliError::Refused(error.to_string()))?;
            say(promoted?)?;
            say("Start the server now: `yamabiko serve`, or its service.")?;
        }
        // A standby runs here; it takes over itself and becomes the server.
        Err(StoreError::Locked { .. }) => {
            let asked = app::standby::ask(&config.data_dir, PATIENCE)
                .map_err(CliError::io("the standby cannot be asked"))?;
            match asked {
                Some(Ok(told)) => say(told)?,
                Some(Err(why)) => return Err(CliError::Refused(why)),
                None => {
                    return Err(CliError::Refused(
                        "another process uses the data directory and does not take over: it is no standby. A server that runs already writes its archive".into(),
                    ));
                }
            }
        }
        Err(error) => return Err(CliError::Refused(error.to_string())),
    }
    Ok(ExitCode::SUCCESS)
}

fn taken_over(config: &Config, archive: &Archive, store: &mut Store) -> Result<String, CliError> {
    let successor = Successor {
        archive,
        data_dir: &config.data_dir,
        host: &app::archive::host(),
        now_ms: Clock::System.now_ms(),
    };
    let promoted = successor.promote(store).map_err(|error| refused(&error))?;
    Ok(app::standby::sentence(&promoted))
}

/// `standby`: follows the archive; once promoted, the process goes on as the server.
pub fn standby(global: &Global, args: &ServeArgs) -> Outcome {
    let mut flags = Vec::new();
    if let Some(listen) = &args.listen {
        flags.push(flag("--listen", "listen", listen));
    }
    let config = global.load(flags)?.config;
    let ended = app::standby::run(&config, |address| {
        let told = writeln!(std::io::stderr(), "Standby: health at http://{address}/readyz");
        if let Err(error) = told {
            tracing::warn!(code = "no_stderr", %error, "where health is told could not be printed");
        }
    })?;
    if ended == Ended::Stopped {
        return Ok(ExitCode::SUCCESS);
    }
    let program = std::env::current_exe().map_err(CliError::io("the program cannot be found again"))?;
    let words = std::env::args_os().skip(1);
    let words = words.map(|word| if word == "standby" { "serve".into() } else { word });
    let error = std::process::Command::new(program).args(words).exec();
    Err(CliError::io("the server cannot be started")(error))
}

fn date(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms).map_or_else(|_| at_ms.to_string(), |at| at.to_string())
}
