//! Where a click leads: choosing the destination, rendering it, and the checks when one is saved.
//!
//! A destination is configuration. What the query asks for (`deep_link`, `redirect`, `fallback`) is followed
//! only to hosts on the offer's list, so that a tracking domain never becomes an open redirect: whatever
//! the values of placeholders are, a rendered destination begins with the scheme and host that were
//! configured, and holds no line break.
//!
//! It must not know where the values come from: the caller gives a look-up from placeholder name to value.
//!
//! Google Play is special for apps: a page there passes nothing on but `referrer`, so the SID goes into it as
//! `reftag` and is read back by the app (match type `reftag`).

use super::fold::without_folding;
use super::hosts::{is_listed, is_scheme};
use crate::domain::ids::SessionId;
use crate::domain::offer::{Destinations, Offer, OfferKind};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::ops::Range;
use url::Url;

/// Longest destination, configured or rendered, bytes.
pub const MAX_URL_BYTES: usize = 8192;

const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Schemes that no click may lead to.
const REFUSED_SCHEMES: &[&str] = &[
    "about",
    "blob",
    "content",
    "data",
    "file",
    "filesystem",
    "ftp",
    "jar",
    "javascript",
    "vbscript",
    "view-source",
    "ws",
    "wss",
];

/// Why a destination cannot be saved or followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// Neither the link nor the offer has one that fits the device.
    #[error("There is no destination for this device; give the offer a default destination.")]
    Missing,
    /// No scheme: `//host`, `/path`, `host/path`.
    #[error("Write the whole address with its scheme, such as https://shop.example/page.")]
    NotAbsolute,
    /// A scheme that is not allowed here.
    #[error("The scheme \"{0}\" is not allowed here; use https:// (or an app's own scheme for a deep link).")]
    Scheme(String),
    /// No host, or not one.
    #[error("\"{0}\" is no host name.")]
    Host(String),
    /// `user:password@host`.
    #[error("Remove the part before the @: it is user information and can pass for another host.")]
    UserInfo,
    /// A backslash.
    #[error("Write / instead of the backslash; browsers take both for the same.")]
    Backslash,
    /// A space, line break or control character.
    #[error("Remove spaces and line breaks, or write a space as %20.")]
    Whitespace,
    /// A placeholder before the first `/`, `?` or `#` after the host.
    #[error("Placeholders are allowed after the host only; end the host with / before the first one.")]
    PlaceholderInHost,
    /// A brace that belongs to no placeholder.
    #[error("A brace that is no placeholder must be written as %7B or %7D.")]
    Brace,
    /// A full-width `＃`, `｛` or `｝`.
    #[error("Write the full-width ＃ ｛ ｝ in half-width form: # {{ }}.")]
    FullWidth,
    /// A placeholder that does not exist.
    #[error("There is no placeholder {{{0}}}.")]
    UnknownPlaceholder(String),
    /// Over 8 KiB.
    #[error("The address must have at most 8192 bytes.")]
    TooLong,
}

impl DestinationError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "no_destination",
            Self::NotAbsolute => "not_absolute",
            Self::Scheme(_) => "scheme_refused",
            Self::Host(_) => "invalid_host",
            Self::UserInfo => "user_information",
            Self::Backslash => "backslash",
            Self::Whitespace => "white_space",
            Self::PlaceholderInHost => "placeholder_in_host",
            Self::Brace => "stray_brace",
            Self::FullWidth => "full_width",
            Self::UnknownPlaceholder(_) => "unknown_placeholder",
            Self::TooLong => "too_long",
        }
    }
}

/// What a destination is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A page: http or https.
    Page,
    /// Opens an app: a custom scheme too.
    DeepLink,
}

/// What the query of a click asks for, as sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Requested {
    /// `deep_link` or `deeplink`.
    pub deep_link: Option<String>,
    /// `redirect_<platform>` of the device, else `redirect`.
    pub redirect: Option<String>,
    /// `fallback`.
    pub fallback: Option<String>,
}

/// The destination of one click, before its placeholders are filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice<'a> {
    /// Configured: a template.
    Configured(&'a str),
    /// Asked for by the query and on the offer's list: taken literally.
    Requested(Url),
}

/// Chooses among what is requested and what is configured, in the order: requested deep link, requested
/// redirect, app deep link, platform, default, requested fallback, fallback. Each configured field of the
/// link replaces the one of the offer. Requests for hosts that are not listed are passed over.
pub fn choose<'a>(
    offer: &'a Offer,
    link: Option<&'a Destinations>,
    requested: &Requested,
    os_name: &str,
) -> Result<Choice<'a>, DestinationError> {
    let is_mobile = matches!(os_name, "ios" | "android");
    let allowed = |wanted: &Option<String>| {
        wanted
            .as_deref()
            .and_then(|text| requested_url(text, &offer.redirect_hosts))
            .filter(|url| is_mobile || matches!(url.scheme(), "http" | "https"))
            .map(Choice::Requested)
    };
    let configured = |field: fn(&Destinations) -> Option<&str>| {
        link.and_then(field)
            .or_else(|| field(&offer.destinations))
            .map(Choice::Configured)
    };
    let deep_link = || {
        is_mobile
            .then(|| configured(|d| set(d.deep_link.as_deref())))
            .flatten()
    };
    let platform = || match os_name {
        "ios" => configured(|d| set(d.ios.as_deref())),
        "android" => configured(|d| set(d.android.as_deref())),
        _ => None,
    };
    allowed(&requested.deep_link)
        .or_else(|| allowed(&requested.redirect))
        .or_else(deep_link)
        .or_else(platform)
        .or_else(|| configured(|d| set(Some(&d.default))))
        .or_else(|| allowed(&requested.fallback))
        .or_else(|| configured(|d| set(d.fallback.as_deref())))
        .ok_or(DestinationError::Missing)
}

fn set(text: Option<&str>) -> Option<&str> {
    text.filter(|t| !t.is_empty())
}

/// A URL that the query may lead to: absolute with `://`, without user information, on the list.
fn requested_url(text: &str, hosts: &[String]) -> Option<Url> {
    let (scheme, _) = text.split_once("://")?;
    let is_plain = text.len() <= MAX_URL_BYTES
        && !text
            .chars()
            .any(|c| c.is_control() || c.is_whitespace() || c == '\\');
    let scheme = scheme.to_ascii_lowercase();
    let is_refused = !is_scheme(&scheme) || scheme == "intent" || REFUSED_SCHEMES.contains(&scheme.as_str());
    if !is_plain || is_refused {
        return None;
    }
    Url::parse(text).ok().filter(|url| is_listed(hosts, url))
}

/// Fills the placeholders (percent-encoded; no data is empty) and adds the SID: as `sid_param` before the
/// fragment unless the template holds `{sid}`, or as `reftag` in the `referrer` of Google Play for apps. Without a SID
/// nothing is added.
pub fn render(
    choice: &Choice<'_>,
    offer: &Offer,
    sid: Option<SessionId>,
    value: &dyn Fn(&str) -> Option<String>,
) -> Result<String, DestinationError> {
    let (filled, has_sid) = match choice {
        Choice::Requested(url) => (url.as_str().to_owned(), false),
        Choice::Configured(template) => {
            let parts = parts(template);
            head(&parts)?;
            let has_sid = parts
                .iter()
                .any(|p| matches!(p, Part::Placeholder(names) if names.iter().any(|n| n == "sid")));
            (fill(&parts, sid, value), has_sid)
        }
    };
    let whole = if has_sid {
        filled
    } else if let Some(sid) = sid.map(|sid| sid.to_string()) {
        named(&filled, offer, &sid)
    } else {
        filled
    };
    let is_clean = !whole.chars().any(|c| c.is_control() || c == ' ');
    match (is_clean, whole.len() <= MAX_URL_BYTES) {
        (true, true) => Ok(whole),
        (false, _) => Err(DestinationError::Whitespace),
        (_, false) => Err(DestinationError::TooLong),
    }
}

/// An address with the SID added.
fn named(filled: &str, offer: &Offer, sid: &str) -> String {
    if offer.kind == OfferKind::App && is_google_play(filled) {
        with_reftag(filled, sid)
    } else {
        with_parameter(filled, &offer.sid_param, sid)
    }
}

fn fill(parts: &[Part<'_>], sid: Option<SessionId>, value: &dyn Fn(&str) -> Option<String>) -> String {
    let (url, values) = fill_all(parts, sid, value);
    without_folding(url, &values)
}

/// The URL with every value, and where the values stand.
fn fill_all(
    parts: &[Part<'_>],
    sid: Option<SessionId>,
    value: &dyn Fn(&str) -> Option<String>,
) -> (String, Vec<Range<usize>>) {
    let (mut url, mut values) = (String::new(), Vec::new());
    for part in parts {
        match part {
            Part::Literal(text) => url.push_str(text),
            Part::Placeholder(names) => {
                let found = names
                    .iter()
                    .map(|name| {
                        if name == "sid" {
                            sid.map(|sid| sid.to_string())
                        } else {
                            value(name)
                        }
                    })
                    .find_map(|v| v.filter(|v| !v.is_empty()));
                let start = url.len();
                url.extend(utf8_percent_encode(&found.unwrap_or_default(), VALUE));
                values.push(start..url.len());
            }
        }
    }
    (url, values)
}

fn with_parameter(url: &str, name: &str, value: &str) -> String {
    let (base, fragment) = split_fragment(url);
    let join = match base.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    let name = utf8_percent_encode(name, VALUE);
    format!("{base}{join}{name}={value}{fragment}")
}

fn is_google_play(url: &str) -> bool {
    [
        "https://play.google.com/store/",
        "http://play.google.com/store/",
        "market://",
    ]
    .iter()
    .any(|prefix| url.starts_with(prefix))
}

fn with_reftag(url: &str, sid: &str) -> String {
    let (base, fragment) = split_fragment(url);
    let at = base.find("?referrer=").or_else(|| base.find("&referrer="));
    let Some(at) = at else {
        let with = with_parameter(base, "referrer", &format!("reftag%3D{sid}"));
        return format!("{with}{fragment}");
    };
    let start = at + "?referrer=".len();
    let end = base[start..].find('&').map_or(base.len(), |n| start + n);
    let (before, after) = base.split_at(end);
    let join = if start == end { "" } else { "%26" };
    format!("{before}{join}reftag%3D{sid}{after}{fragment}")
}

fn split_fragment(url: &str) -> (&str, &str) {
    url.split_at(url.find('#').unwrap_or(url.len()))
}

/// Checks a destination before it is saved and gives the form to save: the host in lower case and punycode,
/// other characters than ASCII percent-encoded. `is_known` says whether a placeholder name exists.
pub fn check(
    text: &str,
    purpose: Purpose,
    is_known: &dyn Fn(&str) -> bool,
) -> Result<String, DestinationError> {
    let text = text.trim();
    if text.len() > MAX_URL_BYTES {
        return Err(DestinationError::TooLong);
    }
    if text.contains('\\') {
        return Err(DestinationError::Backslash);
    }
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(DestinationError::Whitespace);
    }
    if text.contains(['＃', '｛', '｝']) {
        return Err(DestinationError::FullWidth);
    }
    let parts = parts(text);
    let head = head(&parts)?;
    let mut url = head.checked(purpose)?;
    for (n, part) in parts.iter().enumerate() {
        match part {
            Part::Literal(_) if n == 0 => push_literal(&mut url, head.rest)?,
            Part::Literal(literal) => push_literal(&mut url, literal)?,
            Part::Placeholder(names) => {
                if let Some(unknown) = names.iter().find(|name| !is_known(name)) {
                    return Err(DestinationError::UnknownPlaceholder(unknown.clone()));
                }
                url.push_str(&format!("{{{}}}", names.join("||")));
            }
        }
    }
    if url.len() > MAX_URL_BYTES {
        return Err(DestinationError::TooLong);
    }
    Ok(url)
}

fn push_literal(url: &mut String, literal: &str) -> Result<(), DestinationError> {
    for c in literal.chars() {
        match c {
            '{' | '}' => return Err(DestinationError::Brace),
            c if c.is_ascii() => url.push(c),
            c => url.extend(utf8_percent_encode(c.encode_utf8(&mut [0; 4]), VALUE)),
        }
    }
    Ok(())
}

/// The beginning of a destination, which no placeholder reaches into.
struct Head<'a> {
    scheme: &'a str,
    authority: &'a str,
    /// The first literal from the end of the authority on.
    rest: &'a str,
}

/// Splits off scheme and authority; refuses what is not absolute and a placeholder right behind the host.
fn head<'a>(parts: &[Part<'a>]) -> Result<Head<'a>, DestinationError> {
    let Some(Part::Literal(first)) = parts.first() else {
        return Err(DestinationError::NotAbsolute);
    };
    let (scheme, after) = first.split_once("://").ok_or(DestinationError::NotAbsolute)?;
    if !is_scheme(&scheme.to_ascii_lowercase()) {
        return Err(DestinationError::NotAbsolute);
    }
    match after.find(['/', '?', '#']) {
        Some(end) => Ok(Head {
            scheme,
            authority: &after[..end],
            rest: &after[end..],
        }),
        None if parts.len() == 1 => Ok(Head {
            scheme,
            authority: after,
            rest: "",
        }),
        None => Err(DestinationError::PlaceholderInHost),
    }
}

impl Head<'_> {
    /// `scheme://host:port` in the form to save.
    fn checked(&self, purpose: Purpose) -> Result<String, DestinationError> {
        let scheme = self.scheme.to_ascii_lowercase();
        let is_web = matches!(scheme.as_str(), "http" | "https");
        let is_refused = REFUSED_SCHEMES.contains(&scheme.as_str());
        if is_refused || (!is_web && purpose == Purpose::Page) {
            return Err(DestinationError::Scheme(scheme));
        }
        if self.authority.contains('@') {
            return Err(DestinationError::UserInfo);
        }
        let bad_host = || DestinationError::Host(self.authority.to_owned());
        if !is_web {
            let is_plain = self
                .authority
                .bytes()
                .all(|b| b.is_ascii_graphic() && b != b'{' && b != b'}');
            return if is_plain {
                Ok(format!("{scheme}://{}", self.authority))
            } else {
                Err(bad_host())
            };
        }
        let origin = format!("{scheme}://{}", self.authority);
        let url = Url::parse(&origin).map_err(|_| bad_host())?;
        let is_named = url.domain().is_none_or(|d| {
            d.bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        });
        let host = url.host_str().filter(|_| is_named).ok_or_else(bad_host)?;
        Ok(match url.port() {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        })
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Literal(&'a str),
    /// Names in lower case; the first with data is taken.
    Placeholder(Vec<String>),
}

/// Splits a template at its placeholders, `{name}`, `{a||b}` and `##NAME##`. What only looks like one is literal.
fn parts(template: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let (mut from, mut at) = (0, 0);
    while let Some(offset) = template[at..].find(['{', '#']) {
        let start = at + offset;
        match braced(&template[start..]).or_else(|| hashed(&template[start..])) {
            Some((names, len)) => {
                if from < start {
                    parts.push(Part::Literal(&template[from..start]));
                }
                parts.push(Part::Placeholder(names));
                from = start + len;
                at = from;
            }
            None => at = start + 1,
        }
    }
    if from < template.len() {
        parts.push(Part::Literal(&template[from..]));
    }
    parts
}

fn braced(text: &str) -> Option<(Vec<String>, usize)> {
    let (inner, _) = text.strip_prefix('{')?.split_once('}')?;
    let is_name = |name: &str| match name.strip_prefix("dcp_") {
        Some(rest) => !rest.is_empty() && !rest.contains(['{', '#', '&', '/', '?']),
        None => {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        }
    };
    let names: Vec<&str> = inner.split("||").collect();
    names
        .iter()
        .all(|n| is_name(n))
        .then(|| (names.into_iter().map(str::to_owned).collect(), inner.len() + 2))
}

fn hashed(text: &str) -> Option<(Vec<String>, usize)> {
    let (name, _) = text.strip_prefix("##")?.split_once("##")?;
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    is_name.then(|| (vec![name.to_ascii_lowercase()], name.len() + 4))
}

#[cfg(test)]
#[path = "destination_tests.rs"]
mod tests;
