//! From checked values to the typed configuration, and to what an operator reads.

use super::keys::{KEYS, Key};
use super::read::Values;
use super::{Config, Mistake, MistakeKind, Origin, Setting};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

const MASK: &str = "********";

/// The typed configuration. Values are checked, so that only a gap between [`KEYS`] and [`Config`] fails.
pub(super) fn typed(values: &Values) -> Result<Config, Mistake> {
    let mut root = Map::new();
    for (path, (value, _)) in values {
        match path.split_once('.') {
            None => {
                root.insert((*path).into(), value.clone());
            }
            Some((section, name)) => {
                let section = root.entry(section).or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(section) = section {
                    section.insert(name.into(), value.clone());
                }
            }
        }
    }
    serde_json::from_value(Value::Object(root)).map_err(|error| Mistake {
        kind: MistakeKind::NotAllowed,
        origin: Origin::Default,
        key: String::new(),
        message: format!("the settings do not fit together: {error}."),
        remedy: "This is a fault of the program: please report it.".into(),
    })
}

/// In the order of the default file, secrets masked.
pub(super) fn settings(mut values: Values) -> Vec<Setting> {
    KEYS.iter()
        .filter_map(|key| {
            let (value, origin) = values.remove(key.path)?;
            let value = if key.is_secret { masked(value) } else { value };
            Some(Setting {
                key: key.path,
                value,
                origin,
            })
        })
        .collect()
}

/// A secret as it is shown. Of headers the names stay.
fn masked(value: Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Array(items) => items
            .iter()
            .map(|item| match item.as_str().and_then(|item| item.split_once(':')) {
                Some((name, _)) => format!("{name}: {MASK}"),
                None => MASK.to_owned(),
            })
            .collect(),
        _ => Value::from(MASK),
    }
}

/// TOML that can be read again, each origin behind its value.
pub(super) fn as_toml(settings: &[Setting]) -> String {
    let mut out = String::new();
    let mut section = "";
    for setting in settings {
        let (its_section, name) = setting.key.split_once('.').unwrap_or(("", setting.key));
        if its_section != section {
            section = its_section;
            out.push_str(&format!("\n[{section}]\n"));
        }
        let value = match &setting.value {
            Value::Null => "\"\"".to_owned(),
            // JSON's texts, numbers, switches and lists are TOML too.
            other => other.to_string(),
        };
        let assignment = format!("{name} = {value}");
        if writeln!(out, "{assignment:<40} # {}", setting.origin).is_err() {
            break;
        }
    }
    out
}

/// For machines.
pub(super) fn as_json(settings: &[Setting]) -> Value {
    settings
        .iter()
        .map(|s| {
            let variable = Key::find(s.key).map(Key::variable);
            json!({"key": s.key, "value": s.value, "origin": s.origin.to_string(), "variable": variable})
        })
        .collect()
}
