//! `backup`: the command receives the backup and writes the file, as whoever called it.

use super::{BackupArgs, CliError, Global, Outcome, say};
use crate::app::control::{self, Answer};
use crate::app::offline;
use crate::config::Config;
use crate::store::{BackupReport, StoreError, Target};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

/// Writes a backup of a running server, or of the store itself when no server runs.
pub fn run(global: &Global, args: &BackupArgs) -> Outcome {
    let config = Arc::new(global.load(Vec::new())?.config);
    if args.file == Path::new("-") {
        let mut stdout = std::io::stdout().lock();
        let report = receive(&config, &mut stdout)?;
        stdout
            .flush()
            .map_err(CliError::io("cannot write to standard output"))?;
        // Standard output is the backup.
        let told = format!("{}\n", summary("standard output", &report));
        return std::io::stderr()
            .write_all(told.as_bytes())
            .map(|()| ExitCode::SUCCESS)
            .map_err(CliError::io("cannot write to standard error"));
    }
    let mut target = Target::create(&args.file, args.force).map_err(refused)?;
    let report = receive(&config, &mut target)?;
    target.keep().map_err(refused)?;
    say(summary(&args.file.display().to_string(), &report))?;
    say("It holds the configuration with its secrets: keep it as safe as the data directory.")?;
    Ok(ExitCode::SUCCESS)
}

fn refused(error: StoreError) -> CliError {
    CliError::Refused(error.to_string())
}

fn receive(config: &Arc<Config>, out: &mut dyn Write) -> Result<BackupReport, CliError> {
    let asked = control::backup(&config.data_dir, out)
        .map_err(CliError::io("the backup could not be received or written"))?;
    match asked {
        Some(Answer::Done(report)) => serde_json::from_value(report)
            .map_err(|error| CliError::Refused(format!("the server's answer is not understood: {error}"))),
        Some(Answer::Refused(message)) => Err(CliError::Refused(message)),
        None => offline(config.clone(), |core| core.keeper.backup(out))?.map_err(refused),
    }
}

fn summary(place: &str, report: &BackupReport) -> String {
    format!(
        "{place}: {} databases, {} bytes before compression, up to commit {}",
        report.databases, report.bytes, report.last_seq
    )
}
