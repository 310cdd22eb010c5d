//! For which names certificates are wanted.

use crate::config::Config;
use crate::domain::account::Settings;
use std::collections::BTreeSet;

/// Most names: authorities count what is ordered.
const MOST: usize = 100;

/// The names that visitors use, those of `acme.domains` first: of the public address and the tracking domains. What an
/// authority cannot vouch for (addresses, names of this machine, names without a dot) is left out.
pub(super) fn wanted(config: &Config, settings: &Settings) -> BTreeSet<String> {
    let urls = (config.public_url.iter())
        .chain([&settings.public_url])
        .chain(&settings.tracking_domains)
        .filter_map(|url| url::Url::parse(url).ok())
        .filter(|url| url.scheme() == "https")
        .filter_map(|url| url.host_str().map(str::to_owned));
    let listed = config.acme.domains.iter().cloned();
    listed
        .chain(urls)
        .map(|name| name.trim_end_matches('.').to_ascii_lowercase())
        .filter(|name| is_public(name))
        .take(MOST)
        .collect()
}

fn is_public(name: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    name.contains('.')
        && name.len() <= 253
        && name.split('.').all(is_label)
        && !last.bytes().all(|b| b.is_ascii_digit())
        && !["localhost", "local", "invalid", "internal", "test"].contains(&last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_names_are_told_from_the_rest() {
        for (name, expected) in [
            ("track.example.jp", true),
            ("xn--n8j6ds53lwwkrqhv28a.xn--wgv71a119e.jp", true),
            ("example", false),
            ("localhost", false),
            ("a.localhost", false),
            ("203.0.113.7", false),
            ("[2001:db8::1]", false),
            ("a..example", false),
            ("a_b.example", false),
            ("*.example.jp", false),
            ("printer.local", false),
            ("", false),
        ] {
            assert_eq!(is_public(name), expected, "{name:?}");
        }
    }

    #[test]
    fn names_come_from_settings_and_from_the_list() {
        let sources = crate::config::Sources::default();
        let mut config = crate::config::load(&sources).unwrap().config;
        config.acme.domains = vec!["Admin.Example.jp.".into(), "10.0.0.1".into()];
        config.public_url = Some("https://track.example.jp/x".into());
        let settings = Settings {
            public_url: "http://plain.example.jp".into(),
            tracking_domains: vec!["https://t.other.example:8443".into(), "nonsense".into()],
            ..Settings::default()
        };
        let names: Vec<_> = wanted(&config, &settings).into_iter().collect();
        assert_eq!(names, ["admin.example.jp", "t.other.example", "track.example.jp"]);
    }
}
