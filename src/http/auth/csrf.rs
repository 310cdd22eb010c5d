//! Whether a change was asked for by our own pages: Fetch Metadata first, the Origin header where a browser
//! does not send it (OWASP's CSRF sheet). Cookies are `SameSite=Strict` besides.

use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, ORIGIN};

/// What the headers say about where the request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Our own pages.
    SameOrigin,
    /// Another site, or a page that hides where it comes from.
    Other,
    /// No browser that says so: neither header is there.
    Unknown,
}

/// Whether the method changes nothing.
pub fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Judges the headers; `own_origin` is `scheme://host[:port]` as the browser sees this server.
pub fn source(headers: &HeaderMap, own_origin: &str) -> Source {
    if let Some(site) = headers.get("sec-fetch-site") {
        return if site == "same-origin" {
            Source::SameOrigin
        } else {
            Source::Other
        };
    }
    match headers.get(ORIGIN).map(|o| o.to_str().unwrap_or_default()) {
        Some(origin) if origin.eq_ignore_ascii_case(own_origin) => Source::SameOrigin,
        Some(_) => Source::Other,
        None => Source::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    #[test]
    fn only_our_own_pages_are_our_own() {
        let own = "https://t.example.com";
        let cases: [(&[(&str, &str)], Source); 9] = [
            (&[("sec-fetch-site", "same-origin")], Source::SameOrigin),
            (&[("sec-fetch-site", "same-site")], Source::Other),
            (
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("origin", "https://t.example.com"),
                ],
                Source::Other,
            ),
            (&[("sec-fetch-site", "none")], Source::Other),
            (&[("origin", "https://t.example.com")], Source::SameOrigin),
            (&[("origin", "http://t.example.com")], Source::Other),
            (&[("origin", "https://t.example.com.evil.example")], Source::Other),
            (&[("origin", "null")], Source::Other),
            (&[], Source::Unknown),
        ];
        for (pairs, expected) in cases {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            assert_eq!(source(&headers, own), expected, "{pairs:?}");
        }
    }
}
