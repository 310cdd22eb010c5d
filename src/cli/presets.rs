//! `presets`: what presets there are, what one sends first, and connecting a platform.

use super::{CliError, Global, Outcome, PresetsCommand, say};
use crate::admin::platforms::{self, ConnectForm};
use crate::app::control::Request;
use crate::domain::first_request::Shown;
use crate::domain::postback::Request as Sent;
use crate::domain::preset::{self, Preset};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::Read;
use std::process::ExitCode;

/// `presets ...`.
pub fn run(global: &Global, command: PresetsCommand) -> Outcome {
    match command {
        PresetsCommand::List { word } => list(word.as_deref().unwrap_or_default())?,
        PresetsCommand::Show { preset, values } => say(show(&preset, &values)?)?,
        PresetsCommand::Connect { preset, file } => connect(global, preset, &file)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list(word: &str) -> Result<(), CliError> {
    for preset in preset::search(word) {
        let what = match (&preset.platform, &preset.rule) {
            (Some(platform), _) => format!("conversion API, checked {}", platform.checked),
            (None, Some(_)) => "postback URL".to_owned(),
            (None, None) => "notes only".to_owned(),
        };
        say(format!("{:24}  {}  ({what})", preset.id, preset.name.en))?;
    }
    Ok(())
}

fn unknown(id: &str) -> CliError {
    CliError::Refused(format!(
        "there is no preset {id}: `yamabiko presets list` names them all"
    ))
}

fn show(id: &str, values: &[String]) -> Result<String, CliError> {
    let found = preset::find(id).ok_or_else(|| unknown(id))?;
    let Some(platform) = &found.platform else {
        return Ok(described(found));
    };
    let mut given = BTreeMap::new();
    for pair in values {
        let (name, value) = pair.split_once('=').ok_or_else(|| {
            CliError::Refused(format!(
                "write {pair} as NAME=VALUE, such as PIXEL_ID=123456789012345"
            ))
        })?;
        given.insert(name.to_owned(), value.to_owned());
    }
    let requests = platforms::show(id, &given, &[]).map_err(|error| CliError::Refused(error.to_string()))?;
    let mut text = format!(
        "# {}\n# {}\n# checked {}; {}\n",
        found.name.en, found.name.ja, platform.checked, platform.page
    );
    if let Some(ends) = &platform.ends {
        // Writing to a String cannot fail.
        writeln!(text, "# ends {}: {}", ends.on, ends.text.en).ok();
    }
    for blank in &platform.blanks {
        let kind = match (&blank.secret, blank.is_optional) {
            (Some(_), _) => " (secret)",
            (None, true) => " (optional)",
            (None, false) => "",
        };
        writeln!(
            text,
            "# {}{kind}: {}; {}",
            blank.name, blank.label.en, blank.place.en
        )
        .ok();
    }
    for shown in requests {
        text.push('\n');
        text.push_str(&as_http(&shown));
    }
    Ok(text.trim_end().to_owned())
}

/// A preset without a conversion API, in words.
fn described(preset: &Preset) -> String {
    let mut text = format!("# {}\n# {}\n", preset.name.en, preset.name.ja);
    if !preset.note.en.is_empty() {
        writeln!(text, "# {}", preset.note.en).ok();
    }
    match (&preset.rule, &preset.no_rule) {
        (Some(rule), _) => writeln!(text, "\n{} {rule}", preset.method.as_str()).ok(),
        (None, Some(reason)) => writeln!(text, "# {}", reason.text.en).ok(),
        (None, None) => None,
    };
    text.trim_end().to_owned()
}

/// A request as it goes over the wire, but for framing.
fn as_http(shown: &Shown) -> String {
    let Sent {
        method,
        url,
        headers,
        body,
    } = &shown.request;
    let mut text = format!("{} {url}\n", method.as_str());
    for (name, value) in headers {
        writeln!(text, "{name}: {value}").ok();
    }
    if let Some(body) = body {
        writeln!(text, "\n{body}").ok();
    }
    text
}

/// Connects a platform with a form from a file or standard input, so that no secret stands in a list of processes.
fn connect(global: &Global, preset: String, file: &str) -> Result<(), CliError> {
    let mut text = String::new();
    if file == "-" {
        std::io::stdin()
            .read_to_string(&mut text)
            .map_err(CliError::io("cannot read standard input"))?;
    } else {
        text = std::fs::read_to_string(file).map_err(CliError::io(format!("cannot read {file}")))?;
    }
    let form: ConnectForm = serde_json::from_str(&text)
        .map_err(|error| CliError::Refused(format!("{file} is no form of a platform: {error}")))?;
    let made = super::control::perform(global, Request::PresetConnect { preset, form })?;
    say(serde_json::to_string_pretty(&made).map_err(|e| CliError::Refused(e.to_string()))?)
}
