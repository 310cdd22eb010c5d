//! The configuration in force, and how it is read again while the server runs.

use super::keys::{KEYS, Key};
use super::{Config, ConfigError};
use arc_swap::ArcSwap;
use serde_json::Value;
use std::sync::Arc;

/// Settings that are taken over by reading them again; the others need a restart. A name that ends in a dot means
/// the whole section.
const LIVE: &[&str] = &[
    "public_url",
    "trusted_proxies",
    "admin.hosts",
    "admin.metrics_token",
    "log.level",
    "retention.",
    "delivery.allow_networks",
    "alerts.",
    "limits.unproven_sales",
    "limits.unproven_per_s",
    "limits.unproven_burst",
    "limits.sid_per_s",
    "limits.sid_burst",
    "limits.unknown_sids_per_s",
    "limits.clicks_per_s",
    "limits.refused_mb",
    "limits.refused_known_mb",
    "limits.refused_proven_mb",
    "limits.held_mb",
    "limits.erasure_wait_h",
    "limits.connections_per_network",
    "geoip.file",
    "tls.cert_file",
    "tls.key_file",
    "acme.domains",
    "acme.directory",
];

/// Reads all layers again.
type Again = dyn Fn() -> Result<Config, ConfigError> + Send + Sync;

/// The configuration in force; clones share it.
#[derive(Clone)]
pub struct InForce {
    current: Arc<ArcSwap<&'static Config>>,
    again: Arc<Again>,
}

/// What reading the settings again brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// In force now: `key: before -> after`; of secrets only the key.
    pub taken: Vec<String>,
    /// In force after a restart.
    pub waiting: Vec<String>,
}

impl InForce {
    /// `again` reads the same layers again.
    pub fn new(
        config: Config,
        again: impl Fn() -> Result<Config, ConfigError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            current: Arc::new(ArcSwap::from_pointee(forever(config))),
            again: Arc::new(again),
        }
    }

    /// What counts now. One that was replaced stays readable for those who work with it.
    pub fn now(&self) -> &'static Config {
        &self.current.load()
    }

    /// Reads the settings again and takes over what can change without a restart.
    ///
    /// # Errors
    /// All mistakes; everything stays as it was.
    pub fn reload(&self) -> Result<Changes, ConfigError> {
        let (before, read) = (self.now(), (self.again)()?);
        let (merged, changes) = merge(before, &read);
        if !changes.taken.is_empty() {
            self.current.store(Arc::new(forever(merged)));
        }
        Ok(changes)
    }
}

impl From<Arc<Config>> for InForce {
    /// One that never changes.
    fn from(config: Arc<Config>) -> Self {
        let same = config.clone();
        Self::new(Config::clone(&config), move || Ok(Config::clone(&same)))
    }
}

/// Kept until the process ends: whoever reads it needs no lock and no count, and a reload that changes something is
/// rare and costs some kilobytes.
fn forever(config: Config) -> &'static Config {
    Box::leak(Box::new(config))
}

/// `before` with what `read` may change of it.
fn merge(before: &Config, read: &Config) -> (Config, Changes) {
    let mut changes = Changes::default();
    let (Ok(mut merged), Ok(new)) = (serde_json::to_value(before), serde_json::to_value(read)) else {
        return (before.clone(), changes);
    };
    for key in KEYS {
        let pointer = format!("/{}", key.path.replace('.', "/"));
        let (Some(old), Some(new)) = (merged.pointer_mut(&pointer), new.pointer(&pointer)) else {
            continue;
        };
        if old == new {
            continue;
        }
        let told = told(key, old, new);
        if is_live(key, before, read) {
            changes.taken.push(told);
            old.clone_from(new);
        } else {
            changes.waiting.push(told);
        }
    }
    match serde_json::from_value(merged) {
        Ok(merged) => (merged, changes),
        Err(_) => (before.clone(), Changes::default()),
    }
}

fn is_live(key: &Key, before: &Config, read: &Config) -> bool {
    // A listener cannot begin or cease to speak TLS.
    if key.path.starts_with("tls.") && before.has_tls() != read.has_tls() {
        return false;
    }
    LIVE.iter().any(|live| match live.strip_suffix('.') {
        Some(section) => key
            .path
            .split_once('.')
            .is_some_and(|(first, _)| first == section),
        None => key.path == *live,
    })
}

fn told(key: &Key, old: &Value, new: &Value) -> String {
    if key.is_secret {
        key.path.to_owned()
    } else {
        format!("{}: {old} -> {new}", key.path)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Flag, Sources, load};
    use super::*;

    fn config(settings: &[(&str, &str)]) -> Config {
        let flags = settings.iter().map(|(key, value)| Flag {
            flag: "--set".into(),
            key: (*key).into(),
            value: (*value).into(),
        });
        let sources = Sources {
            flags: flags.collect(),
            ..Sources::default()
        };
        load(&sources).unwrap().config
    }

    #[test]
    fn what_can_change_changes_and_the_rest_is_told() {
        let before = config(&[]);
        let read = config(&[
            ("delivery.allow_networks", "10.0.0.0/8"),
            ("retention.sessions_days", "30"),
            ("admin.metrics_token", "0123456789abcdef-secret"),
            ("listen", "127.0.0.1:1"),
            ("delivery.workers", "3"),
        ]);
        let (merged, changes) = merge(&before, &read);
        assert_eq!(merged.delivery.allow_networks, read.delivery.allow_networks);
        assert_eq!(merged.retention.sessions_days, 30);
        assert_eq!(merged.admin.metrics_token, read.admin.metrics_token);
        assert_eq!((merged.listen, merged.delivery.workers), (before.listen, 64));
        assert_eq!(
            changes.taken,
            [
                "admin.metrics_token",
                "retention.sessions_days: 90 -> 30",
                "delivery.allow_networks: [] -> [\"10.0.0.0/8\"]",
            ]
        );
        assert_eq!(
            changes.waiting,
            [
                "listen: \"0.0.0.0:8080\" -> \"127.0.0.1:1\"",
                "delivery.workers: 64 -> 3"
            ]
        );
    }

    #[test]
    fn listeners_do_not_begin_to_speak_tls() {
        let files = [("tls.cert_file", "/c"), ("tls.key_file", "/k")];
        let others = [("tls.cert_file", "/d"), ("tls.key_file", "/l")];
        let (plain, with, other) = (config(&[]), config(&files), config(&others));
        assert_eq!(merge(&plain, &with).0, plain);
        assert_eq!(merge(&with, &plain).0, with);
        assert_eq!(merge(&with, &other).0, other);
    }

    #[test]
    fn mistakes_change_nothing() {
        let fails = std::sync::atomic::AtomicBool::new(false);
        let in_force = InForce::new(config(&[]), move || {
            if fails.swap(true, std::sync::atomic::Ordering::Relaxed) {
                return Err(ConfigError { mistakes: Vec::new() });
            }
            Ok(config(&[("public_url", "https://t.example")]))
        });
        assert_eq!(in_force.reload().unwrap().taken.len(), 1);
        let now = in_force.now().clone();
        assert_eq!(now.public_url.as_deref(), Some("https://t.example"));
        assert!(in_force.reload().is_err());
        assert_eq!(*in_force.now(), now);
    }

    #[test]
    fn every_live_setting_exists() {
        for live in LIVE {
            let is_key = |key: &Key| match live.strip_suffix('.') {
                Some(_) => key.path.starts_with(live),
                None => key.path == *live,
            };
            assert!(KEYS.iter().any(is_key), "{live}");
        }
    }
}
