//! Allow-lists of hosts, as operators write them: `shop.example`, `*.shop.example`, `shop.example:8443`,
//! or `myapp://` for a custom scheme of an app.
//!
//! One matcher for `redirect_hosts` of offers and `callback_hosts` of partners. Addresses are never
//! matched: a list that is meant to name sites must not open a way to numbers. `callback_hosts` take the beginning
//! of a URL, too (`https://cb.example/install`): scheme, host and port are those, and the path begins with the same
//! whole segments.

use percent_encoding::percent_decode_str;
use std::borrow::Cow;
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
    /// A URL that is no prefix.
    #[error(
        "\"{0}\" is no beginning of a URL: write scheme, host and path, as in https://cb.example/install, without user, query and fragment"
    )]
    Prefix(String),
}

impl HostPatternError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Form(_) => "invalid_host",
            Self::Address(_) => "host_is_address",
            Self::TooWide(_) => "host_too_wide",
            Self::Prefix(_) => "invalid_url_prefix",
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

/// One entry of `callback_hosts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallbackPattern {
    /// A host with all its paths.
    Host(HostPattern),
    /// The beginning of a URL.
    Prefix(Prefix),
}

/// The beginning of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix {
    scheme: String,
    host: HostPattern,
    /// Decoded; at least one.
    segments: Vec<Vec<u8>>,
}

impl std::str::FromStr for CallbackPattern {
    type Err = HostPatternError;

    fn from_str(text: &str) -> Result<Self, HostPatternError> {
        let trimmed = text.trim();
        let Some((scheme, rest)) = trimmed.split_once("://").filter(|(_, rest)| !rest.is_empty()) else {
            return trimmed.parse().map(Self::Host);
        };
        let wrong = || HostPatternError::Prefix(text.to_owned());
        let scheme = scheme.to_ascii_lowercase();
        let (authority, _) = rest.split_once('/').unwrap_or((rest, ""));
        let is_plain = !rest.contains(['?', '#', '@', '\\', '{', '*']) && !rest.contains(char::is_whitespace);
        if !matches!(scheme.as_str(), "http" | "https") || !is_plain {
            return Err(wrong());
        }
        let url = Url::parse(trimmed).map_err(|_| wrong())?;
        let port = url.port().map_or(String::new(), |port| format!(":{port}"));
        let (name, _) = authority.rsplit_once(':').unwrap_or((authority, ""));
        let host: HostPattern = format!("{name}{port}").parse()?;
        let mut segments = segments(&url).ok_or_else(wrong)?;
        segments.pop_if(|last| last.is_empty());
        Ok(Self::Prefix(Prefix {
            scheme,
            host,
            segments,
        }))
    }
}

impl CallbackPattern {
    /// Whether a URL is one that is meant.
    pub fn matches(&self, url: &Url) -> bool {
        match self {
            Self::Host(host) => host.matches(url),
            Self::Prefix(prefix) => {
                url.scheme() == prefix.scheme
                    && prefix.host.matches(url)
                    && segments(url).is_some_and(|segments| segments.starts_with(&prefix.segments))
            }
        }
    }
}

/// The segments of a path, decoded as often as something is left to decode; `None` when one of them leads elsewhere
/// for a server that decodes it before it cuts the path.
fn segments(url: &Url) -> Option<Vec<Vec<u8>>> {
    url.path_segments()?.map(decoded).collect()
}

fn decoded(segment: &str) -> Option<Vec<u8>> {
    let mut bytes = segment.as_bytes().to_vec();
    for _ in 0..4 {
        let leads_elsewhere = matches!(bytes.as_slice(), b"." | b"..")
            || bytes.iter().any(|b| matches!(b, b'/' | b'\\' | 0))
            // A parameter of a path segment is cut off by some servers before the dots are read.
            || bytes.starts_with(b"..;")
            || bytes.starts_with(b".;");
        if leads_elsewhere {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        match Cow::from(percent_decode_str(&text)) {
            Cow::Owned(next) => bytes = next,
            Cow::Borrowed(_) => return Some(bytes),
        }
    }
    None
}

/// Whether a callback may go to a URL. Entries that do not parse match nothing; they are refused when saved.
pub fn is_callback_listed(list: &[String], url: &Url) -> bool {
    list.iter()
        .filter_map(|entry| entry.parse::<CallbackPattern>().ok())
        .any(|pattern| pattern.matches(url))
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

    #[test]
    fn a_prefix_is_compared_by_whole_segments() {
        for (entry, url, expected) in [
            ("cb.example", "https://cb.example/any?x=1", true),
            ("https://cb.example/install", "https://cb.example/install", true),
            (
                "https://cb.example/install",
                "https://cb.example/install?id=1",
                true,
            ),
            (
                "https://cb.example/install/",
                "https://cb.example/install/a/b",
                true,
            ),
            ("https://cb.example/install", "https://cb.example/", false),
            (
                "https://cb.example/install",
                "https://cb.example/installer",
                false,
            ),
            ("https://cb.example/install", "https://cb.example/INSTALL", false),
            ("https://cb.example/install", "http://cb.example/install", false),
            (
                "https://cb.example/install",
                "https://www.cb.example/install",
                false,
            ),
            (
                "https://cb.example/install",
                "https://cb.example:8443/install",
                false,
            ),
            (
                "https://cb.example:8443/install",
                "https://cb.example:8443/install",
                true,
            ),
            (
                "HTTPS://CB.example:443/install",
                "https://cb.example/install",
                true,
            ),
            ("https://cb.example/a/b", "https://cb.example/a/b/c", true),
            ("https://cb.example/a/b", "https://cb.example/a/bc", false),
            ("https://cb.example/a/b", "https://cb.example/a/./b", true),
            (
                "https://cb.example/a/b",
                "https://cb.example/a/b/../../admin",
                false,
            ),
            (
                "https://cb.example/a/b",
                "https://cb.example/a/b/%2e%2e/admin",
                false,
            ),
            (
                "https://cb.example/a/b",
                "https://cb.example/a/b/..%2f..%2fadmin",
                false,
            ),
            (
                "https://cb.example/a/b",
                "https://cb.example/a/b/%252e%252e%252fadmin",
                false,
            ),
            (
                "https://cb.example/a/b",
                "https://cb.example/a/b/..%5cadmin",
                false,
            ),
            (
                "https://cb.example/a/b",
                "https://cb.example/a/b/..;/admin",
                false,
            ),
            ("https://cb.example/a/b", "https://cb.example/%61/b", true),
            ("https://cb.example/a/b", "https://x@cb.example/a/b", false),
            (
                "https://cb.example/a/b",
                "https://cb.example.evil.test/a/b",
                false,
            ),
            ("https://cb.example/", "https://cb.example/anything", true),
            ("https://cb.example", "http://cb.example/anything", false),
        ] {
            let pattern: CallbackPattern = entry.parse().unwrap();
            let matches = pattern.matches(&Url::parse(url).unwrap());
            assert_eq!(matches, expected, "{entry} {url}");
        }
    }

    #[test]
    fn what_is_no_prefix() {
        for (entry, code) in [
            ("ftp://cb.example/x", "invalid_url_prefix"),
            ("https://u:p@cb.example/x", "invalid_url_prefix"),
            ("https://cb.example/x?y=1", "invalid_url_prefix"),
            ("https://cb.example/x#y", "invalid_url_prefix"),
            ("https://cb.example/{para1}", "invalid_url_prefix"),
            ("https://cb.example\\@evil.test/", "invalid_url_prefix"),
            ("https://*.cb.example/x", "invalid_url_prefix"),
            ("https://cb.example/a b", "invalid_url_prefix"),
            ("https://cb.example/a%2fb", "invalid_url_prefix"),
            ("https://192.0.2.1/x", "host_is_address"),
            ("https://[::1]/x", "host_is_address"),
            ("https:///x", "invalid_host"),
            ("cb.example/x", "invalid_host"),
        ] {
            let error = entry.parse::<CallbackPattern>().unwrap_err();
            assert_eq!(error.code(), code, "{entry}: {error}");
        }
    }
}
