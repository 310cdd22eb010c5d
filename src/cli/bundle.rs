//! `doctor --bundle`: an archive for whoever is asked for help. What is in it says how the server is; nothing in it says
//! who its visitors, users and customers are, and no secret is in it.

use super::{CliError, Outcome, say};
use crate::app::control::{self, Answer, Request};
use crate::config::Effective;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;

const README: &str = "\
What `yamabiko doctor --bundle` gathered: version, machine, settings (secrets masked), findings, metrics, state.
No log, no record of a visitor, a user or a sale, no rule and no key is in it. Read it before you send it.
";

/// Writes the archive; `findings` are those of `doctor`, a line each.
pub fn write(effective: &Effective, findings: &str, file: &Path) -> Outcome {
    let running = match control::ask(&effective.config.data_dir, &Request::Support) {
        Ok(Some(Answer::Done(value))) => value,
        Ok(Some(Answer::Refused(message))) => Value::from(message),
        Ok(None) => Value::from("no server runs"),
        Err(error) => Value::from(format!("the server cannot be asked: {error}")),
    };
    let metrics = running["metrics"].as_str().unwrap_or_default().to_owned();
    let mut state = running;
    if let Some(members) = state.as_object_mut() {
        members.remove("metrics");
    }
    let parts = [
        ("README.txt", README.to_owned()),
        ("version.txt", format!("yamabiko {}\n", env!("CARGO_PKG_VERSION"))),
        ("machine.txt", machine(effective)),
        ("settings.toml", effective.show()),
        ("findings.txt", findings.to_owned()),
        ("metrics.prom", metrics),
        ("state.json", format!("{state:#}\n")),
    ];
    let failed = || CliError::io(format!("cannot write {}", file.display()));
    let archive = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .map_err(failed())?;
    packed(&parts, archive).map_err(failed())?;
    say(format!(
        "{}: read it before you send it; secrets and personal data are left out",
        file.display()
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn packed(parts: &[(&str, String)], archive: File) -> std::io::Result<()> {
    let mut tar = tar::Builder::new(GzEncoder::new(archive, Compression::default()));
    for (name, text) in parts {
        let text = without_people(text);
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o600);
        tar.append_data(&mut header, format!("yamabiko-support/{name}"), text.as_bytes())?;
    }
    tar.into_inner()?.finish()?.sync_all()
}

/// The system, its memory and its disk; not its name.
fn machine(effective: &Effective) -> String {
    let mut text = String::new();
    for (file, lines) in [
        ("/etc/os-release", &["PRETTY_NAME"][..]),
        ("/proc/meminfo", &["MemTotal", "MemAvailable", "SwapTotal"]),
    ] {
        let content = std::fs::read_to_string(file).unwrap_or_default();
        for line in content
            .lines()
            .filter(|line| lines.iter().any(|name| line.starts_with(name)))
        {
            text.push_str(line);
            text.push('\n');
        }
    }
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    let disk = match rustix::fs::statvfs(&effective.config.data_dir) {
        Ok(stat) => format!(
            "disk: {} of {} MiB free",
            stat.f_bavail.saturating_mul(stat.f_frsize) >> 20,
            stat.f_blocks.saturating_mul(stat.f_frsize) >> 20
        ),
        Err(error) => format!("disk: {error}"),
    };
    // Writing into a text cannot fail.
    writeln!(
        text,
        "processors: {processors}\n{disk}\narchitecture: {}",
        std::env::consts::ARCH
    )
    .ok();
    text
}

/// E-mail addresses, which are sign-in names too, are left out wherever they stand.
fn without_people(text: &str) -> String {
    let ends_word = |c: char| c.is_whitespace() || "\"'<>()[]{},;".contains(c);
    let mut out = String::with_capacity(text.len());
    for piece in text.split_inclusive(ends_word) {
        let word = piece.trim_end_matches(ends_word);
        let is_address = word
            .split_once('@')
            .is_some_and(|(user, host)| !user.is_empty() && host.contains('.'));
        if is_address {
            out.push_str("[email]");
            out.push_str(&piece[word.len()..]);
        } else {
            out.push_str(piece);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_people_are_left_out_and_the_rest_stays() {
        for (text, expected) in [
            ("by a@example.jp: x", "by [email] x"),
            ("\"by\": \"taro.y+z@mail.example.jp\",", "\"by\": \"[email]\","),
            ("a @ b", "a @ b"),
            ("x@y", "x@y"),
            ("no one\n", "no one\n"),
        ] {
            assert_eq!(without_people(text), expected, "{text:?}");
        }
    }
}
