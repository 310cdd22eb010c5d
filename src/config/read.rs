//! The four layers, each read to its end: what can be used goes on, what cannot becomes a mistake.

use super::keys::{KEYS, Key, nearest};
use super::{Config, DEFAULT_TOML, Mistake, MistakeKind, OTHER_VARIABLES, Origin, Sources};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use toml::de::{DeTable, DeValue};

/// Checked values by key.
pub(super) type Values = BTreeMap<&'static str, (Value, Origin)>;

/// All layers on top of each other, and everything that was wrong with them.
pub(super) fn layers(sources: &Sources) -> (Values, Vec<Mistake>) {
    let mut layered = Layered::default();
    layered.toml(DEFAULT_TOML, &|_, _| Origin::Default);
    layered.systemd(&sources.environment);
    if let Some(path) = &sources.file {
        layered.file(path);
    }
    layered.environment(&sources.environment);
    layered.flags(sources);
    (layered.values, layered.mistakes)
}

#[derive(Default)]
struct Layered {
    values: Values,
    mistakes: Vec<Mistake>,
}

impl Layered {
    fn systemd(&mut self, environment: &[(String, String)]) {
        let find = |name: &str| {
            environment
                .iter()
                .find(|(n, v)| n == name && !v.is_empty())
                .map(|(_, value)| value.as_str())
        };
        if let Some(directory) = find("STATE_DIRECTORY").and_then(|list| list.split(':').next()) {
            self.values.insert(
                "data_dir",
                (Value::from(directory), Origin::Systemd("STATE_DIRECTORY")),
            );
        }
    }

    fn file(&mut self, path: &Path) {
        match std::fs::read_to_string(path) {
            Ok(text) => self.toml(&text, &|line, column| Origin::File {
                path: path.into(),
                line,
                column,
            }),
            Err(error) => self.mistakes.push(Mistake {
                kind: MistakeKind::Unreadable,
                origin: Origin::File {
                    path: path.into(),
                    line: 0,
                    column: 0,
                },
                key: String::new(),
                message: format!("the file cannot be read: {error}."),
                remedy: "Check the path and that this user may read it; `yamabiko config default` prints a \
                         file to start from."
                    .into(),
            }),
        }
    }

    fn toml(&mut self, text: &str, origin: &dyn Fn(usize, usize) -> Origin) {
        let origin = |offset: usize| {
            let (line, column) = line_and_column(text, offset);
            origin(line, column)
        };
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            self.mistakes.push(Mistake {
                kind: MistakeKind::Syntax,
                origin: origin(error.span().map_or(0, |span| span.start)),
                key: String::new(),
                message: format!("this is no TOML: {}.", error.message()),
                remedy: "Texts stand in double quotes, lists in brackets, one setting a line.".into(),
            });
        }
        if errors.is_empty() {
            let from_here = self.mistakes.len();
            self.table("", table.get_ref(), &origin);
            // Tables come sorted by name; people read from the top.
            if let Some(of_file) = self.mistakes.get_mut(from_here..) {
                of_file.sort_by_key(|mistake| match mistake.origin {
                    Origin::File { line, column, .. } => (line, column),
                    _ => (0, 0),
                });
            }
        }
    }

    fn table(&mut self, section: &str, table: &DeTable<'_>, origin: &dyn Fn(usize) -> Origin) {
        for (name, value) in table {
            let path = if section.is_empty() {
                name.get_ref().to_string()
            } else {
                format!("{section}.{}", name.get_ref())
            };
            let at = origin(name.span().start);
            let is_section = KEYS
                .iter()
                .any(|k| k.path.split_once('.').is_some_and(|(s, _)| s == path));
            match (Key::find(&path), value.get_ref()) {
                (Some(key), value) => self.set(key, key.accept(&plain(value)), at),
                (None, DeValue::Table(inner)) if is_section => self.table(&path, inner, origin),
                (None, _) if is_section => self.mistakes.push(Mistake {
                    kind: MistakeKind::WrongType,
                    origin: at,
                    key: path.clone(),
                    message: "this is a section.".into(),
                    remedy: format!("Write [{path}] on a line of its own and its settings below."),
                }),
                (None, value) => self.unknown(&path, matches!(value, DeValue::Table(_)), at),
            }
        }
    }

    fn environment(&mut self, environment: &[(String, String)]) {
        for (name, text) in environment {
            if !name.starts_with("YAMABIKO_") || OTHER_VARIABLES.contains(&name.as_str()) {
                continue;
            }
            let origin = Origin::Environment(name.clone());
            match KEYS.iter().find(|key| key.variable() == *name) {
                Some(key) => self.set(key, key.accept_text(text), origin),
                None => {
                    let names: Vec<String> = KEYS.iter().map(Key::variable).collect();
                    let remedy = suggestion(nearest(name, names.iter().map(String::as_str)));
                    self.mistakes.push(Mistake {
                        kind: MistakeKind::UnknownKey,
                        origin,
                        key: String::new(),
                        message: "there is no such setting.".into(),
                        remedy,
                    });
                }
            }
        }
    }

    fn flags(&mut self, sources: &Sources) {
        for flag in &sources.flags {
            let origin = Origin::Flag(flag.flag.clone());
            match Key::find(&flag.key) {
                Some(key) => self.set(key, key.accept_text(&flag.value), origin),
                None => self.unknown(&flag.key, false, origin),
            }
        }
    }

    fn set(&mut self, key: &'static Key, accepted: Result<Value, super::keys::Refused>, origin: Origin) {
        match accepted {
            Ok(value) => {
                self.values.insert(key.path, (value, origin));
            }
            Err(refused) => self.mistakes.push(Mistake {
                kind: refused.kind,
                origin,
                key: key.path.into(),
                message: if key.is_secret {
                    "the value is not accepted.".into()
                } else {
                    refused.message
                },
                remedy: refused.remedy,
            }),
        }
    }

    fn unknown(&mut self, path: &str, is_table: bool, origin: Origin) {
        let near = if is_table {
            nearest(
                path,
                KEYS.iter()
                    .filter_map(|k| k.path.split_once('.'))
                    .map(|(section, _)| section),
            )
        } else {
            // A right name in a wrong section is as common as a slip of the finger.
            let name = path.rsplit('.').next().unwrap_or(path);
            let elsewhere = KEYS
                .iter()
                .map(|k| k.path)
                .find(|k| k.rsplit('.').next() == Some(name));
            elsewhere.or_else(|| nearest(path, KEYS.iter().map(|k| k.path)))
        };
        self.mistakes.push(Mistake {
            kind: MistakeKind::UnknownKey,
            origin,
            key: path.into(),
            message: if is_table {
                "there is no such section."
            } else {
                "there is no such setting."
            }
            .into(),
            remedy: suggestion(near),
        });
    }
}

fn suggestion(near: Option<&str>) -> String {
    match near {
        Some(name) => format!("Did you mean {name}?"),
        None => "`yamabiko config default` lists all settings.".into(),
    }
}

/// Settings that are fine alone and not together.
pub(super) fn contradictions(config: &Config, values: &Values) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let mut contradict = |key: &str, message: &str, remedy: &str| {
        mistakes.push(Mistake {
            kind: MistakeKind::Contradiction,
            origin: values
                .get(key)
                .map_or(Origin::Default, |(_, origin)| origin.clone()),
            key: key.into(),
            message: message.into(),
            remedy: remedy.into(),
        });
    };
    if config.tls.cert_file.is_some() && config.tls.key_file.is_none() {
        contradict(
            "tls.cert_file",
            "there is a certificate and no key.",
            "Set tls.key_file too, or none.",
        );
    }
    if config.tls.key_file.is_some() && config.tls.cert_file.is_none() {
        contradict(
            "tls.key_file",
            "there is a key and no certificate.",
            "Set tls.cert_file too, or none.",
        );
    }
    if config
        .admin
        .listen
        .is_some_and(|admin| admin == config.listen && admin.port() != 0)
    {
        contradict(
            "admin.listen",
            "this is the address of `listen`.",
            "Give it another port, or leave it empty to share the address.",
        );
    }
    if config.tls.http_listen.is_some() && !config.has_tls() {
        contradict(
            "tls.http_listen",
            "there is an address without TLS beside one without TLS.",
            "Turn acme.enabled on or set tls.cert_file and tls.key_file, or leave it empty.",
        );
    }
    let archive = &config.archive;
    if !archive.bucket.is_empty() && archive.directory.is_none() && archive.endpoint.is_none() {
        contradict(
            "archive.bucket",
            "there is a bucket and no address of a service.",
            "Set archive.endpoint too.",
        );
    }
    let export = &config.export;
    if !export.bucket.is_empty() && export.directory.is_none() && export.endpoint.is_none() {
        contradict(
            "export.bucket",
            "there is a bucket and no address of a service.",
            "Set export.endpoint too.",
        );
    }
    if config.delivery.connect_timeout_s > config.delivery.timeout_s {
        contradict(
            "delivery.connect_timeout_s",
            "connecting may take longer than the whole exchange.",
            "Make it at most delivery.timeout_s.",
        );
    }
    mistakes
}

/// A TOML value as JSON; `null` for types that no key takes (dates, fractions).
fn plain(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(number) => i64::from_str_radix(&number.as_str().replace('_', ""), number.radix())
            .map_or(Value::Null, Value::from),
        DeValue::Boolean(yes) => Value::from(*yes),
        DeValue::Array(items) => items.iter().map(|item| plain(item.get_ref())).collect(),
        DeValue::Table(_) => Value::Object(serde_json::Map::new()),
        DeValue::Float(_) | DeValue::Datetime(_) => Value::Null,
    }
}

/// Both from 1; the column in characters.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}
