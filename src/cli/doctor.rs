//! `doctor`: looks at the store and at what the server stands on, and says what to do about what it finds.

mod archive;

use super::bundle;
use super::{CliError, DoctorArgs, Global, Outcome, say};
use crate::app::{self, control};
use crate::clock::Clock;
use crate::config::Config;
use crate::store::{self, StoreError, VerifyReport};
use serde::Serialize;
use serde_json::Value;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::ExitCode;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Level {
    Pass,
    Warn,
    Fail,
}

#[derive(Debug, Serialize)]
struct Finding {
    level: Level,
    check: &'static str,
    message: String,
}

impl Finding {
    fn line(&self) -> String {
        let level = format!("{:?}", self.level).to_uppercase();
        format!("{level:5} {}: {}\n", self.check, self.message)
    }
}

/// Exit code 0 when all is well, 1 with warnings, 2 with failures.
pub fn run(global: &Global, args: &DoctorArgs) -> Outcome {
    let effective = global.load(Vec::new())?;
    let config = &effective.config;
    let is_running = control::ask(&config.data_dir, &control::Request::Status)
        .map_err(CliError::io("cannot ask the running server"))?
        .is_some();
    let mut findings = vec![disk(config), privacy(config), clock()];
    if is_running {
        findings.push(finding(
            Level::Pass,
            "server",
            "a server runs over the data directory; it looks at its records itself",
        ));
        findings.extend(certificates(config)?);
        findings.extend(proxies(config)?);
        findings.extend(verified(ask_verify(config)?));
    } else {
        findings.push(port(config));
        findings.extend(store(config));
    }
    findings.extend(archive::look(config));
    findings.push(selftest());
    let lines: String = findings.iter().map(Finding::line).collect();
    if let Some(file) = &args.bundle {
        return bundle::write(&effective, &lines, file);
    }
    if !args.json {
        say(lines.trim_end())?;
    }
    if args.json {
        say(serde_json::to_string_pretty(&findings).map_err(|e| CliError::Refused(e.to_string()))?)?;
    }
    let worst = findings.iter().map(|f| f.level).max().unwrap_or(Level::Pass);
    Ok(ExitCode::from(match worst {
        Level::Pass => 0,
        Level::Warn => 1,
        Level::Fail => 2,
    }))
}

fn finding(level: Level, check: &'static str, message: impl Into<String>) -> Finding {
    Finding {
        level,
        check,
        message: message.into(),
    }
}

fn disk(config: &Config) -> Finding {
    let needed = u64::from(config.store.min_free_mb) << 20;
    match rustix::fs::statvfs(&config.data_dir) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            if free < needed {
                finding(
                    Level::Fail,
                    "disk",
                    format!(
                        "{} MiB free, {} MiB needed: free space on this disk",
                        free >> 20,
                        needed >> 20
                    ),
                )
            } else if free < needed * 4 {
                finding(
                    Level::Warn,
                    "disk",
                    format!("{} MiB free; intake stops at {} MiB", free >> 20, needed >> 20),
                )
            } else {
                finding(Level::Pass, "disk", format!("{} MiB free", free >> 20))
            }
        }
        Err(error) => finding(
            Level::Warn,
            "disk",
            format!(
                "{} cannot be looked at ({error}); `yamabiko serve` makes it",
                config.data_dir.display()
            ),
        ),
    }
}

/// Secrets that have to be kept as they are (signing, HMAC, second factors) lie in the data directory.
fn privacy(config: &Config) -> Finding {
    let dir = config.data_dir.display();
    match std::fs::metadata(&config.data_dir) {
        Ok(data) if data.permissions().mode() & 0o077 != 0 => finding(
            Level::Warn,
            "data_dir",
            format!("other users of this machine can look into {dir}, where secrets are: chmod 700 {dir}"),
        ),
        Ok(_) => finding(Level::Pass, "data_dir", "only its owner can look into it"),
        Err(error) => finding(
            Level::Warn,
            "data_dir",
            format!("{dir} cannot be looked at: {error}"),
        ),
    }
}

fn clock() -> Finding {
    // 2025-01-01: a machine that believes to be earlier has no battery or no time server.
    const OLDEST_MS: i64 = 1_735_689_600_000;
    if Clock::System.now_ms() < OLDEST_MS {
        finding(
            Level::Fail,
            "clock",
            "the clock is years behind; set up a time server (timedatectl set-ntp true)",
        )
    } else {
        finding(Level::Pass, "clock", "plausible")
    }
}

fn port(config: &Config) -> Finding {
    match TcpListener::bind(config.listen) {
        Ok(_) => finding(Level::Pass, "port", format!("{} is free", config.listen)),
        Err(error) => finding(
            Level::Fail,
            "port",
            format!("{} cannot be listened on: {error}", config.listen),
        ),
    }
}

fn store(config: &Config) -> Vec<Finding> {
    let options = app::store_options(config, &Clock::System);
    match store::verify(&config.data_dir, &options, store::keys::check) {
        Err(StoreError::NoStore { .. }) => vec![finding(
            Level::Pass,
            "store",
            "there is none yet; `yamabiko serve` makes it",
        )],
        result => verified(result.map_err(|error| error.to_string())),
    }
}

/// How the running server's certificates are.
fn certificates(config: &Config) -> Result<Vec<Finding>, CliError> {
    let asked = control::ask(&config.data_dir, &control::Request::Certificates)
        .map_err(CliError::io("cannot ask the running server"))?;
    let Some(control::Answer::Done(all)) = asked else {
        return Ok(Vec::new());
    };
    let found = all.as_array().into_iter().flatten().map(|one| {
        let level = if one["is_in_need"] == true {
            Level::Warn
        } else {
            Level::Pass
        };
        finding(level, "certificate", one["sentence"].as_str().unwrap_or_default())
    });
    Ok(found.collect())
}

/// Proxies that the running server does not believe.
fn proxies(config: &Config) -> Result<Option<Finding>, CliError> {
    let asked = control::ask(&config.data_dir, &control::Request::Status)
        .map_err(CliError::io("cannot ask the running server"))?;
    let Some(control::Answer::Done(status)) = asked else {
        return Ok(None);
    };
    let peers: Vec<&str> = (status["untrusted_proxies"].as_array().into_iter().flatten())
        .filter_map(Value::as_str)
        .collect();
    Ok((!peers.is_empty()).then(|| {
        let message = format!(
            "requests come through {}, which trusted_proxies does not name: all visitors seem to come from there; add it, then `systemctl reload yamabiko`",
            peers.join(", ")
        );
        finding(Level::Warn, "proxy", message)
    }))
}

/// Has the running server look at its store.
fn ask_verify(config: &Config) -> Result<Result<VerifyReport, String>, CliError> {
    let asked = control::ask(&config.data_dir, &control::Request::Verify)
        .map_err(CliError::io("cannot ask the running server"))?;
    Ok(match asked {
        Some(control::Answer::Done(report)) => serde_json::from_value(report)
            .map_err(|error| format!("the server's answer is not understood: {error}")),
        Some(control::Answer::Refused(message)) => Err(message),
        None => Err("the server ended meanwhile; run `yamabiko doctor` again".into()),
    })
}

fn verified(result: Result<VerifyReport, String>) -> Vec<Finding> {
    let report = match result {
        Ok(report) => report,
        Err(message) => return vec![finding(Level::Fail, "store", message)],
    };
    let problems = report.problems.into_iter().map(|text| (Level::Fail, text));
    let mended = report.mended.into_iter().map(|text| (Level::Pass, text));
    let mut findings: Vec<Finding> = problems
        .chain(mended)
        .map(|(level, text)| finding(level, "store", text))
        .collect();
    let summary = format!(
        "{} databases with {} records, {} snapshots, {} commits of the journal read",
        report.databases, report.records, report.snapshots, report.commits
    );
    let is_well = findings.iter().all(|finding| finding.level == Level::Pass);
    findings.push(finding(
        if is_well { Level::Pass } else { Level::Warn },
        "store",
        summary,
    ));
    findings
}

fn selftest() -> Finding {
    match crate::wire::selftest::check() {
        Ok(()) => finding(
            Level::Pass,
            "delivery",
            "requests work with more than 1,024 open descriptors",
        ),
        Err(error) => finding(Level::Fail, "delivery", error.to_string()),
    }
}
