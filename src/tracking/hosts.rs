//! Allow-lists of hosts, as operators write them: `shop.example`, `*.shop.example`, `shop.example:8443`,
//! or `myapp://` for a custom scheme of an app.
//!
//! One matcher for `redirect_hosts` of offers and `callback_hosts` of partners. Addresses are never
//! matched: a list that is meant to name sites must not open a way to numbers.

use url::Url;

/// One entry of an allow-list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    /// Exactly this host, on the default port of the scheme unless a port is named.
    Exact {
        /// Lower case, punycode.
        host: String,
        /// A port other than the scheme's own.
        port: Option<u16>,
    },
    /// Any host below the suffix, never the suffix itself.
    Below {
        /// Lower case, punycode, without `*.`.
        suffix: String,
    },
    /// Any URL of a custom scheme.
    Scheme {
        /// Lower case.
        scheme: String,
    },
}

/// Why a text is no entry of an allow-list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostPatternError {
    /// Not a host name.
    #[error(
        "\"{0}\" is no host name: write shop.example, *.shop.example, or myapp:// for an app's own scheme"
    )]
    Form(String),
    /// An address.
    #[error("\"{0}\" is an address: name the host instead")]
    Address(String),
    /// `*.com` and the like.
    #[error("\"{0}\" is too wide: name at least two labels after the star, as in *.shop.example")]
    TooWide(String),
}

impl HostPatternError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Form(_) => "invalid_host",
            Self::Address(_) => "host_is_address",
            Self::TooWide(_) => "host_too_wide",
        }
    }
}

impl std::str::FromStr for HostPattern {
    type Err = HostPatternError;

    fn from_str(text: &str) -> Result<Self, HostPatternError> {
        let form = || HostPatternError::Form(text.to_owned());
        let trimmed = text.trim();
        if let Some(scheme) = trimmed.strip_suffix("://") {
            let scheme = scheme.to_ascii_lowercase();
            let is_custom = !matches!(scheme.as_str(), "http" | "https") && is_scheme(&scheme);
            return if is_custom {
                Ok(Self::Scheme { scheme })
            } else {
                Err(form())
            };
        }
        let (below, rest) = match trimmed.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, trimmed),
        };
        if rest.starts_with('[') {
            return Err(HostPatternError::Address(text.to_owned()));
        }
        let (name, port) = match rest.rsplit_once(':') {
            Some((name, port)) if !below => (name, Some(port.parse().map_err(|_| form())?)),
            _ => (rest, None),
        };
        let host = match url::Host::parse(name) {
            Ok(url::Host::Domain(host)) if is_domain(&host) => host,
            Ok(url::Host::Ipv4(_) | url::Host::Ipv6(_)) => {
                return Err(HostPatternError::Address(text.to_owned()));
            }
            _ => return Err(form()),
        };
        if !below {
            return Ok(Self::Exact { host, port });
        }
        if host.contains('.') {
            Ok(Self::Below { suffix: host })
        } else {
            Err(HostPatternError::TooWide(text.to_owned()))
        }
    }
}

impl HostPattern {
    /// Whether the URL's host is the one that is meant. A URL with user information never matches.
    pub fn matches(&self, url: &Url) -> bool {
        if !url.username().is_empty() || url.password().is_some() {
            return false;
        }
        let is_web = matches!(url.scheme(), "http" | "https");
        match self {
            Self::Scheme { scheme } => url.scheme() == scheme,
            // The host of a custom scheme says nothing about who answers.
            _ if !is_web => false,
            Self::Exact { host, port } => {
                url.domain().is_some_and(|d| d.eq_ignore_ascii_case(host)) && *port == url.port()
            }
            Self::Below { suffix } => url.domain().is_some_and(|domain| {
                let domain = domain.to_ascii_lowercase();
                url.port().is_none()
                    && domain
                        .strip_suffix(suffix.as_str())
                        .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }),
        }
    }
}

/// Whether one of the entries matches. Entries that do not parse match nothing; they are refused when saved.
pub fn is_listed(list: &[String], url: &Url) -> bool {
    list.iter()
        .filter_map(|entry| entry.parse::<HostPattern>().ok())
        .any(|pattern| pattern.matches(url))
}

/// Whether a text is a URL scheme (RFC 3986), lower case.
pub(super) fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '+' | '-' | '.'))
}

fn is_domain(host: &str) -> bool {
    host.len() <= 253
        && host.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_name_exactly_what_they_say() {
        for (entry, url, expected) in [
            ("shop.example", "https://shop.example/x", true),
            ("Shop.Example", "http://SHOP.example/", true),
            ("shop.example", "https://www.shop.example/", false),
            ("shop.example", "https://shop.example.evil.test/", false),
            ("shop.example", "https://shop.example@evil.test/", false),
            ("shop.example", "https://a:b@shop.example/", false),
            ("shop.example", "https://shop.example:8443/", false),
            ("shop.example:8443", "https://shop.example:8443/", true),
            ("*.shop.example", "https://a.b.shop.example/", true),
            ("*.shop.example", "https://shop.example/", false),
            ("*.shop.example", "https://evilshop.example/", false),
            ("日本.example", "https://xn--wgv71a.example/", true),
            ("myapp://", "myapp://open/1", true),
            ("myapp://", "other://open/1", false),
            ("shop.example", "other://shop.example/1", false),
        ] {
            let pattern: HostPattern = entry.parse().unwrap();
            assert_eq!(
                pattern.matches(&Url::parse(url).unwrap()),
                expected,
                "{entry} {url}"
            );
        }
    }

    #[test]
    fn entries_that_are_none() {
        for (entry, code) in [
            ("", "invalid_host"),
            ("https://shop.example", "invalid_host"),
            ("http://", "invalid_host"),
            ("a b", "invalid_host"),
            ("shop.example/x", "invalid_host"),
            ("*", "invalid_host"),
            ("a..b", "invalid_host"),
            ("*.com", "host_too_wide"),
            ("192.0.2.1", "host_is_address"),
            ("2130706433", "host_is_address"),
            ("[::1]", "host_is_address"),
        ] {
            let error = entry.parse::<HostPattern>().unwrap_err();
            assert_eq!(error.code(), code, "{entry}: {error}");
        }
    }
}
