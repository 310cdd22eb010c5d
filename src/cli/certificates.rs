//! `certificates`: how they are, another try at once, and the ports and settings that they need.

use super::{CertificatesCommand, CliError, Global, Outcome, say};
use crate::app::control::{self, Answer, Request};
use crate::config::{self, Config, PACKAGED_FILE};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Where systemd looks for what changes a packaged unit.
const DROP_IN: &str = "/etc/systemd/system/yamabiko.socket.d/tls.conf";

/// `certificates ...`.
pub fn run(global: &Global, command: CertificatesCommand) -> Outcome {
    match command {
        CertificatesCommand::List => list(global),
        CertificatesCommand::Retry => {
            ask(global, &Request::CertificatesRetry)?;
            say("What failed is tried again at once; the log tells how it went.")?;
            Ok(ExitCode::SUCCESS)
        }
        CertificatesCommand::Enable { domains, dry_run } => enable(global, &domains, dry_run),
    }
}

fn ask(global: &Global, request: &Request) -> Result<Value, CliError> {
    let config = global.load(Vec::new())?.config;
    let asked =
        control::ask(&config.data_dir, request).map_err(CliError::io("cannot reach the running server"))?;
    match asked {
        Some(Answer::Done(value)) => Ok(value),
        Some(Answer::Refused(message)) => Err(CliError::Refused(message)),
        None => Err(CliError::Refused(
            "no server runs over this data directory: start it, then repeat the command".into(),
        )),
    }
}

/// Exit code 1 when somebody should look at one.
fn list(global: &Global) -> Outcome {
    let all = ask(global, &Request::Certificates)?;
    let all = all.as_array().map(Vec::as_slice).unwrap_or_default();
    if all.is_empty() {
        say("There are none: TLS is off, or no name is known yet.")?;
    }
    for one in all {
        say(one["sentence"].as_str().unwrap_or_default())?;
    }
    let is_in_need = all.iter().any(|one| one["is_in_need"] == true);
    Ok(ExitCode::from(u8::from(is_in_need)))
}

/// Turns certificates and the ports 443 and 80 on, for the packaged service.
fn enable(global: &Global, domains: &[String], dry_run: bool) -> Outcome {
    let file = global
        .config
        .clone()
        .unwrap_or_else(|| PathBuf::from(PACKAGED_FILE));
    let config = global.load(Vec::new())?.config;
    let before =
        std::fs::read_to_string(&file).map_err(CliError::io(format!("cannot read {}", file.display())))?;
    let mut listed = config.acme.domains.clone();
    for domain in domains {
        if !listed.contains(domain) {
            listed.push(domain.clone());
        }
    }
    let listed = serde_json::to_string(&listed).map_err(|error| CliError::Refused(error.to_string()))?;
    let mut after = before.clone();
    for (section, key, value) in [
        ("acme", "enabled", "true"),
        ("acme", "domains", listed.as_str()),
        ("tls", "http_listen", "\"0.0.0.0:80\""),
    ] {
        after = config::with_setting(&after, section, key, value);
    }
    let unit = drop_in(&config);
    say(format!("{}:\n{}", file.display(), changed(&before, &after)))?;
    say(format!("{DROP_IN}:\n{unit}"))?;
    if dry_run {
        return Ok(ExitCode::SUCCESS);
    }
    checked(&after, &file)?;
    write(&file, &after)?;
    write(Path::new(DROP_IN), &unit)?;
    for arguments in [
        &["daemon-reload"][..],
        &["restart", "yamabiko.socket", "yamabiko.service"],
    ] {
        systemctl(arguments)?;
    }
    say(
        "Ports 443 and 80 are open. `yamabiko certificates list` tells how the certificates are; the first one takes about a minute.",
    )?;
    Ok(ExitCode::SUCCESS)
}

/// The addresses in the order in which the server takes them.
fn drop_in(config: &Config) -> String {
    let admin = config
        .admin
        .listen
        .map_or(String::new(), |address| format!("ListenStream={address}\n"));
    format!("[Socket]\nListenStream=\nListenStream=443\n{admin}ListenStream=80\n")
}

/// The lines that are new.
fn changed(before: &str, after: &str) -> String {
    let known: Vec<&str> = before.lines().collect();
    let new = after.lines().filter(|line| !known.contains(line));
    new.map(|line| format!("  {line}\n")).collect()
}

/// Nothing is written that the server would refuse.
fn checked(text: &str, file: &Path) -> Result<(), CliError> {
    let tried = tempfile_beside(file);
    write(&tried, text)?;
    let sources = config::Sources {
        file: Some(tried.clone()),
        ..config::Sources::default()
    };
    let loaded = config::load(&sources);
    std::fs::remove_file(&tried).map_err(CliError::io(format!("cannot remove {}", tried.display())))?;
    loaded.map(drop).map_err(CliError::from)
}

fn tempfile_beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// Writes a file in place, so that its owner and modes stay.
fn write(file: &Path, text: &str) -> Result<(), CliError> {
    let failed = || CliError::io(format!("cannot write {}; run this as root", file.display()));
    if let Some(dir) = file.parent() {
        std::fs::create_dir_all(dir).map_err(failed())?;
    }
    std::fs::write(file, text).map_err(failed())
}

fn systemctl(arguments: &[&str]) -> Result<(), CliError> {
    let status = Command::new("systemctl")
        .args(arguments)
        .status()
        .map_err(CliError::io("cannot run systemctl"))?;
    if status.success() {
        return Ok(());
    }
    Err(CliError::Refused(format!(
        "`systemctl {}` failed; `journalctl -u yamabiko` tells why",
        arguments.join(" ")
    )))
}
