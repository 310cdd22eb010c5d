//! What each key accepts. The defaults are in `config.default.toml`, the types in [`super::Config`]; a test
//! holds the three together.

use super::MistakeKind;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;
use serde_json::Value;
use std::net::{IpAddr, SocketAddr};

/// A key and what it accepts.
pub(super) struct Key {
    pub(super) path: &'static str,
    pub(super) accepts: Accepts,
    pub(super) is_secret: bool,
}

/// What a key accepts. `Optional*` take the empty text for "not set".
pub(super) enum Accepts {
    Switch,
    Whole {
        min: i64,
        max: i64,
        unit: &'static str,
    },
    Choice(&'static [&'static str]),
    /// Letters, digits and `-_.=/`, or nothing.
    Name,
    Path,
    OptionalPath,
    Socket,
    OptionalSocket,
    OptionalIp,
    OptionalUrl,
    OptionalToken,
    /// A web address, with its query.
    OptionalEndpoint,
    /// The name of a parameter.
    OptionalName,
    /// `Name: value` each.
    Headers,
    Networks,
    Hosts,
    /// `ID=BASE64` of P-256 keys in X.509 form.
    PublicKeys,
}

/// Why a value was not accepted.
pub(super) struct Refused {
    pub(super) kind: MistakeKind,
    pub(super) message: String,
    pub(super) remedy: String,
}

const fn key(path: &'static str, accepts: Accepts) -> Key {
    Key {
        path,
        accepts,
        is_secret: false,
    }
}

const fn whole(path: &'static str, min: i64, max: i64, unit: &'static str) -> Key {
    key(path, Accepts::Whole { min, max, unit })
}

fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.=/".contains(&byte)
}

/// Every key, in the order of the default file.
pub(super) const KEYS: &[Key] = &[
    key("data_dir", Accepts::Path),
    key("listen", Accepts::Socket),
    key("public_url", Accepts::OptionalUrl),
    key("trusted_proxies", Accepts::Networks),
    key("admin.listen", Accepts::OptionalSocket),
    key("admin.hosts", Accepts::Hosts),
    key("admin.allow_http", Accepts::Switch),
    Key {
        path: "admin.metrics_token",
        accepts: Accepts::OptionalToken,
        is_secret: true,
    },
    key("log.format", Accepts::Choice(&["text", "json"])),
    key(
        "log.level",
        Accepts::Choice(&["error", "warn", "info", "debug", "trace"]),
    ),
    whole("store.cache_mb", 8, 65_536, "MiB"),
    whole("store.journal_segment_mb", 1, 1_024, "MiB"),
    whole("store.ballast_mb", 0, 4_096, "MiB"),
    whole("store.min_free_mb", 16, 1_048_576, "MiB"),
    whole("store.snapshot_interval_h", 1, 24, "hours"),
    whole("retention.sessions_days", 1, 3_650, "days"),
    whole("retention.activities_days", 1, 3_650, "days"),
    whole("retention.attempts_days", 1, 3_650, "days"),
    whole("retention.visitors_days", 60, 3_650, "days"),
    whole("retention.refused_days", 1, 3_650, "days"),
    whole("backup.every_h", 0, 8_760, "hours"),
    whole("backup.keep", 1, 1_000, "backups"),
    key("backup.dir", Accepts::OptionalPath),
    key("archive.endpoint", Accepts::OptionalUrl),
    key("archive.bucket", Accepts::Name),
    key("archive.prefix", Accepts::Name),
    key("archive.region", Accepts::Name),
    key("archive.bucket_in_host", Accepts::Switch),
    key("archive.credentials_file", Accepts::OptionalPath),
    key("archive.key_file", Accepts::OptionalPath),
    key("archive.directory", Accepts::OptionalPath),
    whole("archive.interval_s", 1, 3_600, "seconds"),
    whole("archive.history_hours", 26, 48, "hours"),
    whole("archive.journal_mb", 64, 1_048_576, "MiB"),
    key("archive.strict_fence", Accepts::Switch),
    whole("delivery.workers", 1, 512, "threads"),
    whole("delivery.timeout_s", 1, 30, "seconds"),
    whole("delivery.connect_timeout_s", 1, 30, "seconds"),
    whole("delivery.ttl_h", 1, 720, "hours"),
    key("delivery.source_address", Accepts::OptionalIp),
    key("delivery.allow_networks", Accepts::Networks),
    key("delivery.dns_server", Accepts::OptionalSocket),
    key("delivery.ca_file", Accepts::OptionalPath),
    whole("alerts.partner_after_s", 1, 86_400, "seconds"),
    whole("alerts.settle_s", 1, 86_400, "seconds"),
    whole("alerts.quiet_s", 1, 604_800, "seconds"),
    key("alerts.line_url", Accepts::OptionalUrl),
    key("stream.url", Accepts::OptionalEndpoint),
    Key {
        path: "stream.token",
        accepts: Accepts::OptionalToken,
        is_secret: true,
    },
    Key {
        path: "stream.headers",
        accepts: Accepts::Headers,
        is_secret: true,
    },
    whole("stream.batch_rows", 1, 10_000, "rows"),
    key("stream.deduplication", Accepts::OptionalName),
    key("stream.clicks", Accepts::Switch),
    key("stream.history", Accepts::Switch),
    key("export.endpoint", Accepts::OptionalUrl),
    key("export.bucket", Accepts::Name),
    key("export.prefix", Accepts::Name),
    key("export.region", Accepts::Name),
    key("export.bucket_in_host", Accepts::Switch),
    key("export.credentials_file", Accepts::OptionalPath),
    key("export.directory", Accepts::OptionalPath),
    whole("limits.max_connections", 16, 1_000_000, "connections"),
    whole("limits.connections_per_network", 0, 1_000_000, "connections"),
    whole("limits.queue", 64, 1_000_000, "commands"),
    whole("limits.spool_clicks", 0, 10_000_000, "clicks"),
    whole("limits.link_names", 1, 1_000_000, "combinations"),
    whole("limits.visitors", 10, 1_000_000_000, "devices"),
    whole("limits.unproven_sales", 1, 1_000, "sales"),
    whole("limits.unproven_per_s", 0, 100_000, "requests"),
    whole("limits.unproven_burst", 1, 1_000_000, "requests"),
    whole("limits.sid_per_s", 0, 10_000, "requests"),
    whole("limits.sid_burst", 1, 100_000, "requests"),
    whole("limits.unknown_sids_per_s", 0, 100_000, "requests"),
    whole("limits.clicks_per_s", 0, 1_000_000, "clicks"),
    whole("limits.refused_mb", 0, 1_048_576, "MiB"),
    whole("limits.refused_known_mb", 0, 1_048_576, "MiB"),
    whole("limits.refused_proven_mb", 0, 1_048_576, "MiB"),
    whole("limits.held_mb", 1, 1_048_576, "MiB"),
    whole("limits.erasure_wait_h", 0, 720, "hours"),
    key("sealing.key_file", Accepts::OptionalPath),
    key("geoip.file", Accepts::OptionalPath),
    whole("threads.http", 0, 512, "threads"),
    key("tls.cert_file", Accepts::OptionalPath),
    key("tls.key_file", Accepts::OptionalPath),
    key("tls.http_listen", Accepts::OptionalSocket),
    key("acme.enabled", Accepts::Switch),
    key("acme.domains", Accepts::Hosts),
    key("acme.directory", Accepts::OptionalUrl),
    key("apple.keys", Accepts::PublicKeys),
    key("apple.test_keys", Accepts::PublicKeys),
    key("watchdog.enabled", Accepts::Switch),
    whole("watchdog.probe_timeout_s", 1, 60, "seconds"),
];

impl Key {
    /// The key named `path`.
    pub(super) fn find(path: &str) -> Option<&'static Key> {
        KEYS.iter().find(|k| k.path == path)
    }

    /// `YAMABIKO_STORE_CACHE_MB`.
    pub(super) fn variable(&self) -> String {
        format!("YAMABIKO_{}", self.path.replace('.', "_").to_uppercase())
    }

    /// A value as it stands in a variable or flag.
    pub(super) fn accept_text(&self, text: &str) -> Result<Value, Refused> {
        let value = match self.accepts {
            Accepts::Switch => match text {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                other => Value::from(other),
            },
            Accepts::Whole { .. } => text
                .parse::<i64>()
                .map_or_else(|_| Value::from(text), Value::from),
            Accepts::Headers => text
                .split(';')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(Value::from)
                .collect(),
            Accepts::Networks | Accepts::Hosts | Accepts::PublicKeys => text
                .split(|c: char| c == ',' || c.is_whitespace())
                .filter(|item| !item.is_empty())
                .map(Value::from)
                .collect(),
            _ => Value::from(text),
        };
        self.accept(&value)
    }

    /// A value of the right JSON type, checked and in the form that [`super::Config`] reads.
    pub(super) fn accept(&self, value: &Value) -> Result<Value, Refused> {
        match (&self.accepts, value) {
            (Accepts::Switch, Value::Bool(_)) => Ok(value.clone()),
            (Accepts::Whole { min, max, .. }, Value::Number(number)) => match number.as_i64() {
                Some(n) if (*min..=*max).contains(&n) => Ok(value.clone()),
                _ => self.refuse(MistakeKind::NotAllowed, format!("{number} is out of range.")),
            },
            (Accepts::Choice(words), Value::String(text)) if words.contains(&text.as_str()) => {
                Ok(value.clone())
            }
            (Accepts::Path, Value::String(text)) if !text.is_empty() => Ok(value.clone()),
            (Accepts::Socket, Value::String(text)) => self.parsed::<SocketAddr>(text),
            (
                Accepts::OptionalPath
                | Accepts::OptionalSocket
                | Accepts::OptionalIp
                | Accepts::OptionalUrl
                | Accepts::OptionalEndpoint
                | Accepts::OptionalName
                | Accepts::OptionalToken,
                Value::String(text),
            ) if text.is_empty() => Ok(Value::Null),
            (Accepts::OptionalPath, Value::String(_)) => Ok(value.clone()),
            (Accepts::OptionalToken, Value::String(text)) => {
                if text.len() >= 16 && text.bytes().all(|b| b.is_ascii_graphic()) {
                    Ok(value.clone())
                } else {
                    self.refuse(
                        MistakeKind::NotAllowed,
                        "the token is too weak or holds a space.".into(),
                    )
                }
            }
            (Accepts::Name, Value::String(text)) if text.bytes().all(is_of_a_name) => Ok(value.clone()),
            (Accepts::OptionalSocket, Value::String(text)) => self.parsed::<SocketAddr>(text),
            (Accepts::OptionalIp, Value::String(text)) => self.parsed::<IpAddr>(text),
            (Accepts::OptionalUrl, Value::String(text)) => self.base_url(text),
            (Accepts::OptionalEndpoint, Value::String(text)) => self.endpoint(text),
            (Accepts::OptionalName, Value::String(text)) if is_name(text, b"_-") => Ok(value.clone()),
            (Accepts::Headers, Value::Array(items)) => items.iter().map(|item| self.header(item)).collect(),
            (Accepts::Networks, Value::Array(items)) => items.iter().map(|item| self.network(item)).collect(),
            (Accepts::Hosts, Value::Array(items)) => items.iter().map(|item| self.host(item)).collect(),
            (Accepts::PublicKeys, Value::Array(items)) => {
                items.iter().map(|item| self.public_key(item)).collect()
            }
            (_, Value::String(text)) => {
                self.refuse(MistakeKind::NotAllowed, format!("{text:?} is not accepted."))
            }
            (_, other) => self.refuse(
                MistakeKind::WrongType,
                format!("{} is not accepted.", type_name(other)),
            ),
        }
    }

    fn parsed<T: std::str::FromStr + ToString>(&self, text: &str) -> Result<Value, Refused> {
        match text.parse::<T>() {
            Ok(parsed) => Ok(Value::from(parsed.to_string())),
            Err(_) => self.refuse(MistakeKind::NotAllowed, format!("{text:?} is not accepted.")),
        }
    }

    fn network(&self, item: &Value) -> Result<Value, Refused> {
        let Value::String(text) = item else {
            return self.refuse(
                MistakeKind::WrongType,
                format!("{} in the list is not accepted.", type_name(item)),
            );
        };
        let network = text
            .parse::<IpNet>()
            .ok()
            .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        match network {
            Some(network) if network == network.trunc() => Ok(Value::from(network.to_string())),
            Some(network) => Err(Refused {
                kind: MistakeKind::NotAllowed,
                message: format!("{text:?} has bits behind its prefix."),
                remedy: format!(
                    "Write {:?} if you mean the whole network.",
                    network.trunc().to_string()
                ),
            }),
            None => self.refuse(MistakeKind::NotAllowed, format!("{text:?} is no network.")),
        }
    }

    /// As a browser sends it: lower case, other scripts in Punycode.
    fn host(&self, item: &Value) -> Result<Value, Refused> {
        let parsed = item.as_str().map(url::Host::parse);
        match parsed {
            Some(Ok(url::Host::Domain(name))) => Ok(Value::from(name.trim_end_matches('.'))),
            _ => self.refuse(MistakeKind::NotAllowed, format!("{item} is no host name.")),
        }
    }

    fn public_key(&self, item: &Value) -> Result<Value, Refused> {
        let Value::String(text) = item else {
            return self.refuse(
                MistakeKind::WrongType,
                format!("{} in the list is not accepted.", type_name(item)),
            );
        };
        let refuse = |why: &str| self.refuse(MistakeKind::NotAllowed, format!("{text:?} {why}."));
        let Some((id, encoded)) = text.split_once('=') else {
            return refuse("names no key id");
        };
        if id.is_empty() || id.bytes().any(|b| !b.is_ascii_graphic()) {
            return refuse("names no key id");
        }
        let is_key = STANDARD
            .decode(encoded)
            .is_ok_and(|bytes| ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, bytes).is_ok());
        if is_key {
            Ok(item.clone())
        } else {
            refuse("is no public key of P-256 in base64")
        }
    }

    fn header(&self, item: &Value) -> Result<Value, Refused> {
        let parts = item.as_str().and_then(|text| text.split_once(':'));
        let is_plain = |value: &str| value.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
        match parts {
            Some((name, value)) if is_name(name.trim(), b"_-") && is_plain(value) => Ok(item.clone()),
            // What it holds is mostly a secret.
            _ => self.refuse(
                MistakeKind::NotAllowed,
                "a header in the list is not accepted.".into(),
            ),
        }
    }

    fn endpoint(&self, text: &str) -> Result<Value, Refused> {
        let refuse = |why: &str| self.refuse(MistakeKind::NotAllowed, format!("the address {why}."));
        match url::Url::parse(text) {
            Ok(url) if !matches!(url.scheme(), "http" | "https") || !url.has_host() => {
                refuse("is no web address")
            }
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                refuse("holds a user name, which belongs into stream.headers")
            }
            Ok(url) if url.fragment().is_some() => refuse("has a fragment"),
            Ok(url) => Ok(Value::from(url.as_str())),
            Err(_) => refuse("is no URL"),
        }
    }

    fn base_url(&self, text: &str) -> Result<Value, Refused> {
        let refuse = |why: &str| self.refuse(MistakeKind::NotAllowed, format!("{text:?} {why}."));
        let Ok(url) = url::Url::parse(text) else {
            return refuse("is no URL");
        };
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return refuse("is no web address");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("holds a user name");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return refuse("has a query or fragment");
        }
        Ok(Value::from(url.as_str().trim_end_matches('/')))
    }

    fn refuse(&self, kind: MistakeKind, message: String) -> Result<Value, Refused> {
        Err(Refused {
            kind,
            message,
            remedy: self.remedy(),
        })
    }

    /// What to write instead.
    fn remedy(&self) -> String {
        match self.accepts {
            Accepts::Switch => "Write true or false.".into(),
            Accepts::Whole { min, max, unit } => {
                format!("Write a whole number from {min} to {max} ({unit}).")
            }
            Accepts::Choice(words) => {
                let words: Vec<String> = words.iter().map(|w| format!("{w:?}")).collect();
                format!("Write {}.", words.join(" or "))
            }
            Accepts::Name => "Write letters, digits, - _ . = and /, or \"\".".into(),
            Accepts::Path => "Write a path, such as \"/var/lib/yamabiko\".".into(),
            Accepts::OptionalPath => "Write the path of a file, or \"\" for none.".into(),
            Accepts::Socket => {
                "Write an address and a port, such as \"0.0.0.0:8080\" or \"[::]:8080\".".into()
            }
            Accepts::OptionalSocket => {
                "Write an address and a port, such as \"127.0.0.1:8081\", or \"\" for none.".into()
            }
            Accepts::OptionalIp => {
                "Write an address of this machine, such as \"203.0.113.7\", or \"\".".into()
            }
            Accepts::OptionalUrl => {
                "Write where this server is reached, such as \"https://track.example.jp\", or \"\".".into()
            }
            Accepts::OptionalEndpoint => {
                "Write where batches are posted, such as \"http://10.0.0.5:8123/?query=INSERT%20INTO%20activities%20FORMAT%20JSONEachRow\", or \"\"."
                    .into()
            }
            Accepts::OptionalName => {
                "Write the name of a parameter, such as \"insert_deduplication_token\", or \"\" for none.".into()
            }
            Accepts::Headers => "Write headers, such as [\"X-ClickHouse-User: yamabiko\"].".into(),
            Accepts::OptionalToken => {
                "Write 16 or more printable ASCII characters without a space, or \"\" for none.".into()
            }
            Accepts::Hosts => {
                "Write host names without scheme or port, such as [\"admin.example.jp\"].".into()
            }
            Accepts::PublicKeys => {
                "Write keys as Apple publishes them, such as [\"apple-cas-identifier/0=MFkw...\"], \
                 or [] for the published ones."
                    .into()
            }
            Accepts::Networks => {
                "Write addresses or networks, such as [\"127.0.0.1\", \"10.0.0.0/8\"].".into()
            }
        }
    }
}

/// Letters, digits and what is allowed beside them; at least one.
fn is_name(text: &str, beside: &[u8]) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || beside.contains(&b))
}

/// The name of a type, for messages.
fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "a value of this type",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a section",
    }
}

/// The known name that `wrong` was probably meant to be.
pub(super) fn nearest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|name| (strsim::damerau_levenshtein(wrong, name), name))
        .filter(|(distance, name)| *distance <= name.len().max(4) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
