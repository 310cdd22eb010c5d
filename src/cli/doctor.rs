//! `doctor`: looks at the store and at what the server stands on, and says what to do about what it finds.

use super::{CliError, DoctorArgs, Global, Outcome, say};
use crate::app::{self, control};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::activity::Activity;
use crate::store::catalog::ConfigObject;
use crate::store::{self, Db, PeriodKind, StoreError, codec};
use serde::Serialize;
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

/// Exit code 0 when all is well, 1 with warnings, 2 with failures.
pub fn run(global: &Global, args: &DoctorArgs) -> Outcome {
    let config = global.load(Vec::new())?.config;
    let is_running = control::ask(&config.data_dir, &control::Request::Status)
        .map_err(CliError::io("cannot ask the running server"))?
        .is_some();
    let mut findings = vec![disk(&config), privacy(&config), clock()];
    if is_running {
        findings.push(Finding {
            level: Level::Pass,
            check: "server",
            message: "a server runs over the data directory; stop it to have every record verified".into(),
        });
    } else {
        findings.push(port(&config));
        findings.extend(store(&config));
    }
    findings.push(selftest());
    for finding in &findings {
        if !args.json {
            let level = format!("{:?}", finding.level).to_uppercase();
            say(format!("{level:5} {}: {}", finding.check, finding.message))?;
        }
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
    if !config.data_dir.exists() {
        return vec![finding(
            Level::Pass,
            "store",
            "there is none yet; `yamabiko serve` makes it",
        )];
    }
    let options = app::store_options(config, &Clock::System);
    match store::verify(&config.data_dir, &options, check_record) {
        Ok(report) => {
            let mut findings: Vec<Finding> = report
                .problems
                .into_iter()
                .map(|problem| finding(Level::Fail, "store", problem))
                .collect();
            let summary = format!(
                "{} databases with {} records, {} snapshots, {} commits of the journal read",
                report.databases, report.records, report.snapshots, report.commits
            );
            let level = if findings.is_empty() {
                Level::Pass
            } else {
                Level::Warn
            };
            findings.push(finding(level, "store", summary));
            findings
        }
        Err(error) => vec![finding(Level::Fail, "store", error.to_string())],
    }
}

/// Whether a record has the form that its family says.
fn check_record(db: Db, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
    match (db, key.first()) {
        (Db::Hot, Some(b'c')) => match key.get(1) {
            Some(b'g') => codec::decode_json::<serde_json::Value>(value, db, key).map(drop),
            Some(kind) => ConfigObject::decode(*kind, value, key).map(drop),
            None => Ok(()),
        },
        (Db::Hot, Some(b'u')) => codec::decode_duplicate(value, db, key).map(drop),
        (Db::Hot, Some(b'w')) => codec::decode_postback(value, db, key).map(drop),
        (Db::Hot, Some(b'x')) => codec::decode_fail_reason(value, db, key).map(drop),
        (Db::Hot, Some(b's')) => codec::decode_counters(value, db, key).map(drop),
        (Db::Hot, Some(b'i')) => codec::decode_idempotency(value, db, key).map(drop),
        (Db::Hot, Some(b'f')) => codec::decode_fallback(value, db, key).map(drop),
        (Db::Hot, Some(b'v')) => codec::decode_visitor(value, db, key).map(drop),
        (Db::Period(PeriodKind::Sessions, _), Some(b'd' | b'p')) => {
            codec::decode_brief(value, db, key).map(drop)
        }
        (Db::Period(PeriodKind::Sessions, _), Some(b's')) => codec::decode_session(value, db, key).map(drop),
        (Db::Period(PeriodKind::Activities, _), Some(b'a')) => {
            codec::decode_activity(value, db, key).map(|_: Activity| ())
        }
        (Db::Period(PeriodKind::Postbacks, _), Some(b'p')) => {
            codec::decode_postback(value, db, key).map(drop)
        }
        (Db::Period(PeriodKind::Postbacks, _), Some(b't')) => codec::decode_attempt(value, db, key).map(drop),
        _ => Ok(()),
    }
}

fn selftest() -> Finding {
    match crate::delivery::selftest::check() {
        Ok(()) => finding(
            Level::Pass,
            "delivery",
            "requests work with more than 1,024 open descriptors",
        ),
        Err(error) => finding(Level::Fail, "delivery", error.to_string()),
    }
}
