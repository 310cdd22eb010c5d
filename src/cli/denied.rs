//! Commands beside the service by somebody who may not read its settings, and so would look for the data elsewhere.

use super::{Cli, CliError, Command, PresetsCommand};
use crate::config::PACKAGED_FILE;
use std::fs::File;
use std::io::ErrorKind;

/// Why the command leads nowhere, when it means the packaged service and may not read its settings.
pub fn denied(cli: &Cli) -> Option<CliError> {
    let names_own = std::env::var_os("YAMABIKO_DATA_DIR").is_some()
        || std::env::var_os("CONFIGURATION_DIRECTORY").is_some();
    if names_own || !means_the_service(cli) {
        return None;
    }
    let error = File::open(PACKAGED_FILE).err()?;
    (error.kind() == ErrorKind::PermissionDenied).then(|| {
        CliError::Refused(format!(
            "{PACKAGED_FILE} can be read by root and the service only: run the command with sudo, or name the data directory of another server with --data-dir"
        ))
    })
}

/// Whether the command is for the data of a server, and says neither where they are nor where that stands.
fn means_the_service(cli: &Cli) -> bool {
    let makes_its_own = matches!(
        cli.command,
        Command::Serve(_)
            | Command::Standby(_)
            | Command::Demo(_)
            | Command::Man { .. }
            | Command::Completions { .. }
            | Command::Presets(PresetsCommand::List { .. } | PresetsCommand::Show { .. })
            // Whoever watches has no rights, and asks the usual address.
            | Command::Healthcheck(_)
    );
    let global = &cli.global;
    let is_named = global.config.is_some()
        || global.data_dir.is_some()
        || global.set.iter().any(|set| set.starts_with("data_dir="));
    !makes_its_own && !is_named
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn only_commands_for_the_data_of_the_service_need_its_settings() {
        let cases = [
            ("setup-link", true),
            ("backup y.tar.lz4", true),
            ("doctor", true),
            ("config check", true),
            ("doctor --data-dir x", false),
            ("doctor --set data_dir=x", false),
            ("doctor --set listen=127.0.0.1:1", true),
            ("config check -c x.toml", false),
            ("healthcheck", false),
            ("serve", false),
            ("demo", false),
            ("presets list", false),
            ("presets connect meta_capi form.json", true),
        ];
        for (line, means) in cases {
            let words = std::iter::once("yamabiko").chain(line.split(' '));
            assert_eq!(
                means_the_service(&Cli::try_parse_from(words).unwrap()),
                means,
                "{line}"
            );
        }
    }
}
