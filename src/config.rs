//! The configuration: read from four layers, checked as a whole, and able to tell where each value is from.
//!
//! Defaults < TOML file < `YAMABIKO_*` environment < flags. `config.default.toml` is the manual and the values
//! in one; `keys` says what each key accepts; `read` turns the layers into checked values and collects
//! every mistake instead of stopping at the first. What is decided at run time by people (offers, rules,
//! users, alerts) is no configuration and lives in the store.
//!
//! 2026-11-21: the layers are ours, on the spans of `toml`: crates for layers know origins or lines, not both.

mod archive;
mod export;
mod keys;
mod limits;
mod memory;
mod mistake;
mod read;
mod reload;
mod sealing;
mod show;
mod stream;
mod write;

pub use mistake::{ConfigError, Mistake, MistakeKind, Origin};
pub use reload::{Changes, InForce};
pub use write::with_setting;

pub use self::archive::Archive;
pub use self::export::Export;
pub use self::sealing::Sealing;
pub use limits::Limits;
pub use stream::Stream;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// The commented defaults, as `yamabiko config default` prints them.
pub const DEFAULT_TOML: &str = include_str!("config.default.toml");

/// Variables that begin with `YAMABIKO_` and are no settings: the file (for the command line), and the binary
/// that scripts and browser tests are to start.
pub const OTHER_VARIABLES: &[&str] = &["YAMABIKO_CONFIG", "YAMABIKO_BIN"];

/// Where the package puts the configuration file.
pub const PACKAGED_FILE: &str = "/etc/yamabiko/yamabiko.toml";

/// Everything that can be configured. Field names are the keys of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Address of tracking and, unless [`Admin::listen`] is set, of the web interface.
    pub listen: SocketAddr,
    /// `scheme://host[:port][/path]` without a slash at the end; `None`: the stored setting counts.
    pub public_url: Option<String>,
    /// Peers whose forwarded headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The web interface.
    pub admin: Admin,
    /// Logs.
    pub log: Log,
    /// The store and its journal.
    pub store: Store,
    /// How long records are kept.
    pub retention: Retention,
    /// Backups by a schedule.
    pub backup: Backup,
    /// The archive off the machine.
    pub archive: Archive,
    /// Sending postbacks.
    pub delivery: Delivery,
    /// When alerts are sent.
    pub alerts: Alerts,
    /// Activities to a receiver.
    pub stream: Stream,
    /// Files of raw data.
    pub export: Export,
    /// Bounds.
    pub limits: Limits,
    /// Sealing of stored secrets.
    pub sealing: Sealing,
    /// Countries of addresses.
    pub geoip: GeoIp,
    /// Threads.
    pub threads: Threads,
    /// TLS without a reverse proxy.
    pub tls: Tls,
    /// Certificates by themselves.
    pub acme: Acme,
    /// Apple's postbacks.
    pub apple: Apple,
    /// systemd's watchdog.
    pub watchdog: Watchdog,
}

/// The web interface and its API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admin {
    /// Own address; `None`: shares [`Config::listen`].
    pub listen: Option<SocketAddr>,
    /// Host names under which it answers, beside those of [`Config::public_url`] and of the stored settings.
    pub hosts: Vec<String>,
    /// Whether signing in without encryption is open.
    pub allow_http: bool,
    /// Bearer token of `/metrics`, a secret; `None`: loopback callers and the admin address only.
    pub metrics_token: Option<String>,
}

/// Logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// For people or for machines.
    pub format: LogFormat,
    /// What is left out.
    pub level: LogLevel,
}

/// Form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One readable line an event.
    Text,
    /// One JSON object a line.
    Json,
}

/// The least important level that is still logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What lost something or needs a person.
    Error,
    /// What was survived.
    Warn,
    /// What an operator wants to read.
    Info,
    /// What a developer wants to read.
    Debug,
    /// Everything.
    Trace,
}

/// The store and its journal. Sizes are MiB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// Page cache.
    pub cache_mb: u32,
    /// One journal segment.
    pub journal_segment_mb: u32,
    /// File that is given up on a full disk; 0: none.
    pub ballast_mb: u32,
    /// Free space under which intake stops.
    pub min_free_mb: u32,
    /// Hours between snapshots, 1 to 24.
    pub snapshot_interval_h: u32,
}

/// How long records are kept, days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Clicks and impressions.
    pub sessions_days: u32,
    /// Conversions and other activities.
    pub activities_days: u32,
    /// Attempts.
    pub attempts_days: u32,
    /// Devices of apps that nothing was heard of.
    pub visitors_days: u32,
    /// What does not count.
    pub refused_days: u32,
}

/// Backups by a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// From one to the next; 0: none are made.
    pub every_h: u32,
    /// How many are kept.
    pub keep: u16,
    /// Where they are; `backups` in the data directory unless set.
    pub dir: Option<PathBuf>,
}

/// Sending postbacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// Sending threads.
    pub workers: u16,
    /// Whole exchange, seconds, 1 to 30.
    pub timeout_s: u16,
    /// Connecting, seconds; at most [`Self::timeout_s`].
    pub connect_timeout_s: u16,
    /// Hours until a postback that was never answered is given up.
    pub ttl_h: u16,
    /// Local address of connections.
    pub source_address: Option<IpAddr>,
    /// Networks that may be called although the egress policy refuses their kind.
    pub allow_networks: Vec<IpNet>,
    /// DNS server for the names of receivers; `None`: the system's resolver.
    pub dns_server: Option<SocketAddr>,
    /// Certificate authorities (PEM) beside the system's.
    pub ca_file: Option<PathBuf>,
}

/// When alerts are sent; where to is a stored setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alerts {
    /// Seconds that a destination has to fail.
    pub partner_after_s: u32,
    /// Seconds that all has to be well again.
    pub settle_s: u32,
    /// Least seconds between two alerts about the same thing.
    pub quiet_s: u32,
    /// The LINE Messaging API; `None`: its public address.
    pub line_url: Option<String>,
}

/// What Apple's postbacks are verified with: public keys as `ID=BASE64`, the base64 of the X.509 form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Apple {
    /// In place of the published keys; empty: the published ones.
    pub keys: Vec<String>,
    /// In place of the published keys of tests; empty: the published ones.
    pub test_keys: Vec<String>,
}

/// Countries of addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GeoIp {
    /// MaxMind database; `None`: unknown.
    pub file: Option<PathBuf>,
}

/// Threads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threads {
    /// Of the HTTP server; 0: one a processor.
    pub http: u16,
}

/// TLS without a reverse proxy: both files or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Certificate chain, PEM.
    pub cert_file: Option<PathBuf>,
    /// Private key, PEM.
    pub key_file: Option<PathBuf>,
    /// Address without TLS beside [`Config::listen`].
    pub http_listen: Option<SocketAddr>,
}

/// Certificates by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acme {
    /// Whether they are got.
    pub enabled: bool,
    /// Names beside those of the public address and the tracking domains.
    pub domains: Vec<String>,
    /// Address of the authority's directory; `None`: Let's Encrypt.
    pub directory: Option<String>,
}

impl Acme {
    /// Address of the authority's directory.
    pub fn directory(&self) -> &str {
        self.directory
            .as_deref()
            .unwrap_or("https://acme-v02.api.letsencrypt.org/directory")
    }
}

impl Config {
    /// Whether [`Config::listen`] and [`Admin::listen`] speak TLS.
    pub fn has_tls(&self) -> bool {
        self.acme.enabled || self.tls.cert_file.is_some()
    }
}

/// systemd's watchdog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watchdog {
    /// Whether it is fed.
    pub enabled: bool,
    /// Seconds that the probe may take.
    pub probe_timeout_s: u16,
}

/// The layers above the defaults.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Configuration file; a file that is named and cannot be read is a mistake.
    pub file: Option<PathBuf>,
    /// Environment variables; of `YAMABIKO_*`, what is neither a setting nor in [`OTHER_VARIABLES`] is a mistake.
    pub environment: Vec<(String, String)>,
    /// What the command line set.
    pub flags: Vec<Flag>,
}

impl Sources {
    /// The file and this process's environment. Variables that are no UTF-8 are left out. Without a file that
    /// of systemd's unit counts, else that of the package, when there is one.
    pub fn from_process(file: Option<PathBuf>, flags: Vec<Flag>) -> Sources {
        let environment: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let of_unit = || {
            let (_, directory) = environment
                .iter()
                .find(|(name, _)| name == "CONFIGURATION_DIRECTORY")?;
            let file = PathBuf::from(directory.split(':').next()?).join("yamabiko.toml");
            file.exists().then_some(file)
        };
        // For commands beside the service: it names the service's data directory. Others than root cannot read it.
        let of_package = || {
            std::fs::File::open(PACKAGED_FILE)
                .is_ok()
                .then(|| PACKAGED_FILE.into())
        };
        Sources {
            file: file.or_else(of_unit).or_else(of_package),
            environment,
            flags,
        }
    }
}

/// One setting of the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// As the operator knows it: `--listen`, `--set`.
    pub flag: String,
    /// `listen`, `store.cache_mb`.
    pub key: String,
    /// As typed.
    pub value: String,
}

/// A configuration in force, with the origin of every value.
#[derive(Debug, Clone, PartialEq)]
pub struct Effective {
    /// The values.
    pub config: Config,
    settings: Vec<Setting>,
}

/// One value in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// `store.cache_mb`.
    pub key: &'static str,
    /// As JSON; `null` when it is not set. Secrets are masked.
    pub value: serde_json::Value,
    /// From where.
    pub origin: Origin,
}

impl Effective {
    /// Every value in force in the order of the default file, secrets masked.
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// The same as TOML, with each origin as a comment.
    pub fn show(&self) -> String {
        show::as_toml(&self.settings)
    }

    /// The same as a JSON array of `{key, value, origin}`.
    pub fn show_json(&self) -> serde_json::Value {
        show::as_json(&self.settings)
    }
}

/// Reads all layers and checks them together.
///
/// # Errors
/// All mistakes of all layers at once.
pub fn load(sources: &Sources) -> Result<Effective, ConfigError> {
    let (values, mut mistakes) = read::layers(sources);
    if mistakes.is_empty() {
        match show::typed(&values) {
            Ok(config) => {
                mistakes.extend(read::contradictions(&config, &values));
                if mistakes.is_empty() {
                    return Ok(Effective {
                        config,
                        settings: show::settings(values),
                    });
                }
            }
            Err(mistake) => mistakes.push(mistake),
        }
    }
    Err(ConfigError { mistakes })
}

/// The default file with every setting commented out, as packages ship it.
pub fn example_toml() -> String {
    let is_setting = |line: &str| line.contains(" = ") && !line.starts_with('#');
    DEFAULT_TOML
        .lines()
        .map(|line| {
            if is_setting(line) {
                format!("#{line}\n")
            } else {
                format!("{line}\n")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
