//! Sites of an offer: the pages that may read the answers of the tracking endpoints, as operators write them:
//! `https://shop.example`, `https://*.shop.example` for every host below, with a port where it is not the usual one.

use std::fmt;
use url::Url;

/// The origin of a page, or of all pages of the hosts below one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Scheme, host without the star, port.
    origin: Url,
    is_below: bool,
}

/// Why a text is no site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SiteError {
    /// Not an origin.
    #[error(
        "enter an address such as https://t.example.com: http or https, a host (or *. and a host), possibly a port, no path"
    )]
    Form,
    /// `https://*.com` and the like.
    #[error("this is too wide: name at least two labels after the star, as in https://*.shop.example")]
    TooWide,
}

impl SiteError {
    /// Stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Form => "invalid_origin",
            Self::TooWide => "host_too_wide",
        }
    }
}

impl std::str::FromStr for Site {
    type Err = SiteError;

    fn from_str(text: &str) -> Result<Self, SiteError> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").ok_or(SiteError::Form)?;
        let (is_below, rest) = match rest.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let origin = Url::parse(&format!("{scheme}://{rest}")).map_err(|_| SiteError::Form)?;
        let is_plain = matches!(origin.scheme(), "http" | "https")
            && origin.username().is_empty()
            && origin.password().is_none()
            && origin.path() == "/"
            && origin.query().is_none()
            && origin.fragment().is_none()
            && !origin.host_str().unwrap_or_default().contains('*');
        if !is_plain || (is_below && origin.domain().is_none()) {
            return Err(SiteError::Form);
        }
        if is_below && !origin.domain().is_some_and(|domain| domain.contains('.')) {
            return Err(SiteError::TooWide);
        }
        Ok(Self { origin, is_below })
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = self.origin.origin().ascii_serialization();
        match origin.split_once("://") {
            Some((scheme, host)) if self.is_below => write!(f, "{scheme}://*.{host}"),
            _ => f.write_str(&origin),
        }
    }
}

impl Site {
    /// Whether a page of this origin belongs to it.
    pub fn holds(&self, page: &Url) -> bool {
        if !self.is_below {
            return self.origin.origin() == page.origin();
        }
        let is_below = |suffix: &str| {
            page.domain()
                .and_then(|domain| domain.strip_suffix(suffix))
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
        };
        self.origin.scheme() == page.scheme()
            && self.origin.port_or_known_default() == page.port_or_known_default()
            && self.origin.domain().is_some_and(is_below)
    }
}

/// Whether the `Origin` of a request is one of the sites.
pub fn is_listed(sites: &[String], origin: &str) -> bool {
    if sites.is_empty() {
        return false;
    }
    let Ok(page) = Url::parse(origin) else {
        return false;
    };
    sites
        .iter()
        .filter_map(|site| site.parse::<Site>().ok())
        .any(|site| site.holds(&page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_hold_exactly_what_they_name() {
        for (site, origin, expected) in [
            ("https://shop.example", "https://shop.example", true),
            ("https://shop.example/", "https://SHOP.example", true),
            ("https://shop.example", "http://shop.example", false),
            ("https://shop.example", "https://shop.example:8443", false),
            ("https://shop.example:443", "https://shop.example", true),
            ("https://shop.example", "https://www.shop.example", false),
            ("https://*.shop.example", "https://www.shop.example", true),
            ("https://*.shop.example", "https://a.b.shop.example", true),
            ("https://*.shop.example", "https://shop.example", false),
            ("https://*.shop.example", "https://evilshop.example", false),
            ("https://*.shop.example", "https://www.shop.example:8443", false),
            (
                "https://*.shop.example:8443",
                "https://www.shop.example:8443",
                true,
            ),
            ("https://*.日本.example", "https://a.xn--wgv71a.example", true),
            ("https://*.shop.example", "null", false),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080", true),
        ] {
            assert_eq!(is_listed(&[site.into()], origin), expected, "{site} {origin}");
        }
    }

    #[test]
    fn what_is_no_site_is_refused() {
        for (text, code) in [
            ("shop.example", "invalid_origin"),
            ("https://shop.example/x", "invalid_origin"),
            ("https://a.*.example", "invalid_origin"),
            ("https://*shop.example", "invalid_origin"),
            ("https://u@shop.example", "invalid_origin"),
            ("https://*.192.0.2.1", "invalid_origin"),
            ("ftp://shop.example", "invalid_origin"),
            ("https://*.com", "host_too_wide"),
            ("https://*", "invalid_origin"),
        ] {
            assert_eq!(text.parse::<Site>().unwrap_err().code(), code, "{text}");
        }
        let shown = |text: &str| text.parse::<Site>().unwrap().to_string();
        assert_eq!(shown(" https://*.Shop.example/ "), "https://*.shop.example");
        assert_eq!(shown("http://t.example.com:8080"), "http://t.example.com:8080");
    }
}
