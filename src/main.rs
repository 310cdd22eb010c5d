//! The command line. One function a command, in `cli`.

use clap::Parser;
use std::process::ExitCode;
use yamabiko::cli::{self, Cli, Command};

/// Clicks are many small allocations that one thread makes and another frees.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Some(error) = cli::denied::denied(&cli) {
        cli::complain(&error);
        return ExitCode::from(error.exit_code());
    }
    let outcome = match cli.command {
        Command::Serve(args) => cli::serve::run(&cli.global, &args),
        Command::Demo(args) => cli::demo::run(&cli.global, &args),
        Command::SetupLink => cli::control::setup_link(&cli.global),
        Command::Config(command) => cli::config::run(&cli.global, &command),
        Command::Token(command) => cli::control::token(&cli.global, command),
        Command::Admin(command) => cli::control::admin(&cli.global, command),
        Command::Export(args) => cli::control::export(&cli.global, &args),
        Command::Import(args) => cli::control::import(&cli.global, &args),
        Command::Presets(command) => cli::presets::run(&cli.global, command),
        Command::Backup(args) => cli::backup::run(&cli.global, &args),
        Command::Certificates(command) => cli::certificates::run(&cli.global, command),
        Command::Delivery(command) => cli::delivery::run(&cli.global, command),
        Command::Restore(args) => cli::restore::run(&cli.global, &args),
        Command::Archive(command) => cli::archive::run(&cli.global, &command),
        Command::Standby(args) => cli::archive::standby(&cli.global, &args),
        Command::Promote => cli::archive::promote(&cli.global),
        Command::Healthcheck(args) => cli::healthcheck::run(&cli.global, &args),
        Command::Doctor(args) => cli::doctor::run(&cli.global, &args),
        Command::Man { dir } => cli::manual_pages(&dir),
        Command::Completions { shell } => cli::completions(shell),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            cli::complain(&error);
            ExitCode::from(error.exit_code())
        }
    }
}
