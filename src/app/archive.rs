//! The archive of a running server, and of commands.

use super::{AppError, Core};
use crate::archive::{Archive, ArchiveError, Archiving, Local, Options};
use crate::config::Config;
use crate::http::health::Check;
use crate::wire::{Client, ClientOptions};
use std::sync::Arc;
use std::time::Duration;

/// The archive of the settings, for a command.
///
/// # Errors
/// None is set, or a setting cannot be used.
pub fn open(config: &Config) -> Result<Archive, ArchiveError> {
    let options = ClientOptions {
        dns_server: config.delivery.dns_server,
        ca_file: config.delivery.ca_file.clone(),
        ..ClientOptions::default()
    };
    let wire = || {
        Client::start(&options)
            .map(Arc::new)
            .map_err(|error| error.to_string())
    };
    Archive::open(&config.archive, &config.data_dir, wire)?.ok_or_else(|| {
        ArchiveError::Setting(
            "no archive is set: name a bucket under [archive] in the configuration file, or with --set archive.bucket=NAME".into(),
        )
    })
}

/// The name of this machine.
pub fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// A directory that was fenced refuses from the start, before anybody is listened to and anything is sent.
pub(super) fn fence(core: &Core) -> Result<(), AppError> {
    if core.config.archive.is_on() {
        let local = Local::read(&core.config.data_dir)?;
        core.keeper.refuse_writes(local.fenced);
    }
    Ok(())
}

/// Starts the copying. A setting that cannot be used is told, and the server runs without an archive.
pub(super) fn start(
    core: &Core,
    wire: &Arc<Client>,
    faults: &mut Vec<Check>,
) -> Result<Option<Arc<Archiving>>, AppError> {
    let config = &core.config;
    let archive = match Archive::open(&config.archive, &config.data_dir, || Ok(wire.clone())) {
        Ok(Some(archive)) => archive,
        Ok(None) => return Ok(None),
        Err(error) => {
            tracing::error!(code = error.code(), %error, "nothing is archived");
            core.keeper.keep_journal_after(None);
            faults.push(Check {
                name: "archive",
                is_ok: false,
                message: format!("nothing is archived: {error}"),
            });
            return Ok(None);
        }
    };
    let options = Options {
        interval: Duration::from_secs(u64::from(config.archive.interval_s)),
        history_ms: i64::from(config.archive.history_hours) * 3_600_000,
        most_journal_bytes: u64::from(config.archive.journal_mb) << 20,
        is_strict: config.archive.strict_fence,
        data_dir: config.data_dir.clone(),
        host: host(),
    };
    let started = Archiving::start(archive, core.keeper.clone(), options, core.clock.clone())?;
    Ok(Some(Arc::new(started)))
}
