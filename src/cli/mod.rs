//! The commands. Each file is one command or one family; what needs a running server goes through its
//! control socket, and through the store itself when no server runs.

pub mod archive;
pub mod backup;
mod bundle;
pub mod certificates;
pub mod config;
pub mod control;
pub mod delivery;
pub mod demo;
pub mod denied;
pub mod doctor;
pub mod healthcheck;
mod merge;
pub mod presets;
pub mod restore;
pub mod serve;

use crate::config::{self as settings, ConfigError, Effective, Flag, Sources};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Postback server for small advertisers: tracking links, conversions, and postbacks that are never lost.
#[derive(Debug, Parser)]
#[command(name = "yamabiko", version, max_term_width = 80)]
#[command(
    after_help = "First steps:\n  yamabiko demo     look at everything at once, with sample data\n  yamabiko serve    start; prints a link for the set-up in the browser"
)]
pub struct Cli {
    /// What every command knows.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Configuration file (TOML); without it the defaults, the environment and the flags count.
    #[arg(long, short, global = true, env = "YAMABIKO_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Directory of all data.
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Any setting, such as store.cache_mb=128; can be repeated.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

impl Global {
    /// The effective configuration: these flags and `own` over environment, file and defaults.
    pub fn load(&self, own: Vec<Flag>) -> Result<Effective, ConfigError> {
        let mut flags: Vec<Flag> = self.set.iter().map(|set| set_flag(set)).collect();
        if let Some(dir) = &self.data_dir {
            flags.push(flag("--data-dir", "data_dir", &dir.display().to_string()));
        }
        flags.extend(own);
        settings::load(&Sources::from_process(self.config.clone(), flags))
    }
}

/// A setting that a flag of its own makes.
pub fn flag(flag: &str, key: &str, value: &str) -> Flag {
    Flag {
        flag: flag.into(),
        key: key.into(),
        value: value.into(),
    }
}

/// `--set key=value`; without `=` the key is reported as unknown by the configuration.
fn set_flag(text: &str) -> Flag {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    flag("--set", key, value)
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server.
    #[command(after_help = "Example:\n  yamabiko serve --listen 127.0.0.1:8080")]
    Serve(ServeArgs),
    /// Run an instance with sample data, a built-in receiver and synthetic traffic.
    #[command(after_help = "Example:\n  yamabiko demo --listen 127.0.0.1:8080")]
    Demo(DemoArgs),
    /// Print a new one-time link for the set-up in the browser (30 minutes).
    #[command(after_help = "Example:\n  yamabiko setup-link")]
    SetupLink,
    /// Check or show the configuration.
    #[command(
        subcommand,
        after_help = "Example:\n  yamabiko config check -c /etc/yamabiko/yamabiko.toml"
    )]
    Config(ConfigCommand),
    /// Make, list and revoke API tokens.
    #[command(
        subcommand,
        after_help = "Example:\n  yamabiko token create --name shop --scope write"
    )]
    Token(TokenCommand),
    /// User accounts: list, reset a password, end logins.
    #[command(
        subcommand,
        after_help = "Example:\n  yamabiko admin reset-password owner@example.com"
    )]
    Admin(AdminCommand),
    /// Write the configuration (offers, partners, links, rules, settings) as TOML or JSON.
    #[command(after_help = "Example:\n  yamabiko export --file setup.toml")]
    Export(ExportArgs),
    /// Read a configuration written by export.
    #[command(after_help = "Example:\n  yamabiko import setup.toml --dry-run")]
    Import(ImportArgs),
    /// Presets of partners: list them, print what a platform is sent first, connect a platform.
    #[command(
        subcommand,
        after_help = "Example:\n  yamabiko presets list meta\n  yamabiko presets show meta_capi\n  yamabiko presets connect meta_capi form.json"
    )]
    Presets(PresetsCommand),
    /// Write a backup of everything, while the server runs.
    #[command(
        after_help = "Example:\n  yamabiko backup /var/backups/yamabiko.tar.lz4\n  yamabiko backup - | ssh other 'cat > yamabiko.tar.lz4'"
    )]
    Backup(BackupArgs),
    /// Pause and resume the sending of postbacks.
    #[command(subcommand, after_help = "Example:\n  yamabiko delivery resume")]
    Delivery(DeliveryCommand),
    /// Certificates of the listeners: how they are, another try, the ports that they need.
    #[command(
        subcommand,
        after_help = "Example:\n  sudo yamabiko certificates enable track.example.jp"
    )]
    Certificates(CertificatesCommand),
    /// Restore a backup into an empty data directory.
    #[command(
        after_help = "Example:\n  yamabiko restore /var/backups/yamabiko.tar.lz4 --paused\n  yamabiko restore --from s3://bucket/yamabiko --dry-run"
    )]
    Restore(restore::RestoreArgs),
    /// The archive off the machine: try the bucket, read it through, merge what a fenced server took alone.
    #[command(
        subcommand,
        after_help = "Example:\n  yamabiko archive check\n  yamabiko archive merge /mnt/old/var/lib/yamabiko --dry-run"
    )]
    Archive(archive::ArchiveCommand),
    /// Keep this machine up to date from the archive of another one, ready to take over.
    #[command(after_help = "Example:\n  yamabiko standby")]
    Standby(ServeArgs),
    /// Take over from the server that writes the archive, which is fenced.
    #[command(after_help = "Example:\n  yamabiko promote")]
    Promote,
    /// Ask a running server whether it is healthy (exit code 0 or 1).
    #[command(after_help = "Example:\n  yamabiko healthcheck")]
    Healthcheck(HealthcheckArgs),
    /// Verify the store and the surroundings, and say what was found (exit code 0, 1 or 2).
    #[command(after_help = "Example:\n  yamabiko doctor --data-dir /var/lib/yamabiko")]
    Doctor(DoctorArgs),
    /// Write the manual pages into a directory.
    #[command(after_help = "Example:\n  yamabiko man /usr/local/share/man/man1")]
    Man {
        /// Directory to write them into.
        dir: PathBuf,
    },
    /// Print completions for a shell.
    #[command(after_help = "Example:\n  yamabiko completions bash > /etc/bash_completion.d/yamabiko")]
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

/// Options of `serve`.
#[derive(Debug, Clone, Default, Args)]
pub struct ServeArgs {
    /// Address and port to listen on.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// An own address for the admin side; the tracking address then serves no admin route.
    #[arg(long, value_name = "ADDRESS")]
    pub admin_listen: Option<String>,
}

/// Options of `demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Address and port to listen on.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: String,
    /// Clicks a second of the synthetic traffic; 0 turns it off. Left out: as many as on a past day, so that the
    /// charts go on as they began.
    #[arg(long)]
    pub clicks_per_second: Option<u32>,
    /// Days of past traffic to begin with.
    #[arg(long, default_value_t = 14)]
    pub history_days: u16,
    /// Visits of a past day at most; 20,000 for 55 days make a million records.
    #[arg(long, default_value_t = 4000)]
    pub visits_per_day: u32,
}

/// `config ...`.
#[derive(Debug, Clone, Subcommand)]
pub enum ConfigCommand {
    /// Report every mistake, with its line and remedy.
    Check,
    /// Print every effective value and where it comes from; secrets masked.
    Show,
    /// Print the commented defaults.
    Default,
}

/// `presets ...`.
#[derive(Debug, Clone, Subcommand)]
pub enum PresetsCommand {
    /// Name the presets, or those that a word finds.
    List {
        /// Part of a name, company or domain.
        word: Option<String>,
    },
    /// Print the first request of a preset, to be laid beside the platform's documents.
    Show {
        /// Id of the preset.
        preset: String,
        /// Values of blanks, such as PIXEL_ID=123456789012345; examples stand for the others.
        values: Vec<String>,
    },
    /// Make the partner, its secrets and its rules from a preset, all of it or nothing.
    Connect {
        /// Id of the preset.
        preset: String,
        /// JSON file: {"name": "...", "blanks": {"PIXEL_ID": "...", "TOKEN": "..."}, "events": []}; - for standard input.
        file: String,
    },
}

/// `token ...`.
#[derive(Debug, Clone, Subcommand)]
pub enum TokenCommand {
    /// Make a token; its secret is printed once.
    Create {
        /// For people.
        #[arg(long)]
        name: String,
        /// What it is good for.
        #[arg(long, value_enum, default_value_t = ScopeArg::Read)]
        scope: ScopeArg,
        /// Days until it expires; without it the token does not expire.
        #[arg(long)]
        days: Option<u16>,
    },
    /// List tokens.
    List,
    /// Revoke a token.
    Revoke {
        /// Its public id.
        id: String,
    },
}

/// Scope of a token on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ScopeArg {
    /// Looks.
    Read,
    /// Changes what an editor may change.
    Write,
    /// Everything.
    Admin,
}

/// Role of a user on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoleArg {
    /// Looks.
    Viewer,
    /// Changes offers, partners, links, rules; approves; resends.
    Editor,
    /// Everything, users and settings included.
    Owner,
}

/// `admin ...`.
#[derive(Debug, Clone, Subcommand)]
pub enum AdminCommand {
    /// List user accounts.
    List,
    /// Make a user: the first owner without a browser, or another one.
    Create {
        /// Sign-in name, such as an e-mail address.
        login: String,
        /// For people; the sign-in name unless given.
        #[arg(long)]
        name: Option<String>,
        /// What the user may do.
        #[arg(long, value_enum, default_value_t = RoleArg::Owner)]
        role: RoleArg,
        /// Read the password from standard input, in place of making one and printing it.
        #[arg(long)]
        stdin: bool,
    },
    /// Set a new password, read from standard input, or make one and print it; ends the user's logins.
    ResetPassword {
        /// Sign-in name.
        login: String,
        /// Read the password from standard input.
        #[arg(long)]
        stdin: bool,
    },
    /// Let a user sign in again from everywhere although many tries failed.
    Unlock {
        /// Sign-in name.
        login: String,
    },
    /// End all logins of a user, or of everybody.
    RevokeSessions {
        /// Sign-in name; without it all users.
        login: Option<String>,
    },
}

/// Options of `export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// File to write; `-` is standard output. The ending chooses TOML or JSON.
    #[arg(long, short, default_value = "-")]
    pub file: String,
    /// Write JSON to standard output.
    #[arg(long)]
    pub json: bool,
}

/// Options of `import`.
#[derive(Debug, Clone, Args)]
pub struct ImportArgs {
    /// File to read; `-` is standard input.
    pub file: String,
    /// Only say what would change.
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `backup`.
#[derive(Debug, Clone, Args)]
pub struct BackupArgs {
    /// File to write; `-` is standard output.
    pub file: PathBuf,
    /// Replace a file that is there.
    #[arg(long)]
    pub force: bool,
}

/// `delivery ...`.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum DeliveryCommand {
    /// Postbacks are recorded and wait.
    Pause,
    /// What waits is sent.
    Resume,
}

/// `certificates ...`.
#[derive(Debug, Clone, Subcommand)]
pub enum CertificatesCommand {
    /// How each one is; exit code 1 when somebody should look.
    List,
    /// Try at once what failed, in place of waiting for the next try.
    Retry,
    /// Turn certificates by themselves on for the packaged service: settings, ports 443 and 80, restart. As root.
    /// Who does agrees to the terms of the authority (Let's Encrypt unless acme.directory names another).
    Enable {
        /// Names beside those of the public address and the tracking domains.
        domains: Vec<String>,
        /// Only print what would be written.
        #[arg(long)]
        dry_run: bool,
    },
}

/// Options of `healthcheck`.
#[derive(Debug, Clone, Args)]
pub struct HealthcheckArgs {
    /// Address of the server, `http://HOST:PORT` or `https://HOST:PORT` (whatever its certificate says); else the
    /// one that the running server names.
    #[arg(long)]
    pub url: Option<String>,
}

/// Options of `doctor`.
#[derive(Debug, Clone, Args)]
pub struct DoctorArgs {
    /// Print the findings as JSON.
    #[arg(long)]
    pub json: bool,
    /// Write them, with version, settings, metrics and state, into a new archive for whoever is asked for help;
    /// secrets and personal data are left out.
    #[arg(long, value_name = "FILE.tar.gz", conflicts_with = "json")]
    pub bundle: Option<PathBuf>,
}

/// Why a command ended without success; each is a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// Mistakes in the configuration.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// The instance could not be started or opened.
    #[error("{0}")]
    App(#[from] crate::app::AppError),
    /// Files and sockets.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The server or the store said no.
    #[error("{0}")]
    Refused(String),
}

impl CliError {
    /// 2 for mistakes of the caller and what only a person can mend: the unit is not started again then. 1 for
    /// everything else.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) => 2,
            Self::App(error) if error.needs_a_person() => 2,
            Self::App(_) | Self::Io { .. } | Self::Refused(_) => 1,
        }
    }

    /// An I/O failure with what was tried.
    pub fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

/// What commands give.
pub type Outcome = Result<ExitCode, CliError>;

/// Prints a failure.
pub fn complain(error: &CliError) {
    // Nothing can be done when even standard error is closed.
    drop(writeln!(std::io::stderr(), "yamabiko: {error}"));
}

/// Prints a line of a command's result, in one piece: a reader that stops at the line that it waited for does
/// not break the rest of it.
pub fn say(text: impl std::fmt::Display) -> Result<(), CliError> {
    let line = format!("{text}\n");
    let mut stdout = std::io::stdout().lock();
    stdout
        .write_all(line.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(CliError::io("cannot write to standard output"))
}

/// `man`.
pub fn manual_pages(dir: &Path) -> Outcome {
    let written = std::fs::create_dir_all(dir).and_then(|()| clap_mangen::generate_to(Cli::command(), dir));
    written.map_err(CliError::io(format!("cannot write to {}", dir.display())))?;
    Ok(ExitCode::SUCCESS)
}

/// `completions`.
pub fn completions(shell: clap_complete::Shell) -> Outcome {
    clap_complete::generate(shell, &mut Cli::command(), "yamabiko", &mut std::io::stdout());
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
