//! `config check`, `config show`, `config default`.

use super::{ConfigCommand, Global, Outcome, say};
use crate::config;
use std::process::ExitCode;

/// Checks or shows the configuration.
pub fn run(global: &Global, command: &ConfigCommand) -> Outcome {
    match command {
        ConfigCommand::Default => say(config::DEFAULT_TOML.trim_end())?,
        ConfigCommand::Check => {
            global.load(Vec::new())?;
            say("The configuration is good.")?;
        }
        ConfigCommand::Show => say(global.load(Vec::new())?.show().trim_end())?,
    }
    Ok(ExitCode::SUCCESS)
}
