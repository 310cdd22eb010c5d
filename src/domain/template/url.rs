//! URL templates: an origin that is written out, then path, query and fragment with placeholders anywhere.
//! Parsed once with every problem of the text, rendered many times; literals go out byte for byte.
//!
//! 2026-11-21: the fragment is kept in the rendered URL, so that preview and log show what the operator
//! wrote; no client ever sends it. Of the path, only the segments `.` and `..` (also as `%2e`) cannot be
//! sent, since clients fold them away; they are refused when saved or, from values, when rendered.

use super::finding::{Notes, Problem};
use super::parts::{self, Field, Part, Syntax, Values, encode, fields, fill_encoded};
use crate::domain::rule::NoData;
use serde::Serialize;

/// Longest URL in bytes, as template and rendered.
pub const MAX_URL: usize = 8 * 1024;
/// Longest body in bytes, as template and rendered.
pub const MAX_BODY: usize = 64 * 1024;

/// Why a template gives no request with these values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unrenderable {
    /// A path segment became `.` or `..`.
    #[error(
        "a value makes a path segment . or .., which would be folded away; move the placeholder to the query"
    )]
    DotSegment,
    /// Above [`MAX_URL`].
    #[error("the URL becomes longer than 8 KiB; use fewer or shorter values, or a POST body")]
    UrlTooLong,
    /// Above [`MAX_BODY`].
    #[error("the body becomes longer than 64 KiB; use fewer or shorter values")]
    BodyTooLong,
    /// A header value with CR, LF, NUL or another control character.
    #[error(
        "a header value would hold a line break or another control character; move the placeholder to the URL"
    )]
    HeaderControl,
}

impl Unrenderable {
    /// Stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::DotSegment => "dot_segment",
            Self::UrlTooLong => "url_too_long",
            Self::BodyTooLong => "body_too_long",
            Self::HeaderControl => "header_control",
        }
    }
}

/// A parsed URL template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlTemplate {
    source: String,
    origin: String,
    host: String,
    path: Vec<Part>,
    query: Option<Pairs>,
    fragment: Option<Vec<Part>>,
}

/// Pairs as of a query or form: what stands between the `&`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pairs(Vec<Vec<Part>>);

impl Pairs {
    /// Splits parts at `&`.
    fn split(parts: Vec<Part>) -> Self {
        let mut pairs = vec![Vec::new()];
        for part in parts {
            match part {
                Part::Literal(text) => {
                    for (index, piece) in text.split('&').enumerate() {
                        if index > 0 {
                            pairs.push(Vec::new());
                        }
                        if let (false, Some(pair)) = (piece.is_empty(), pairs.last_mut()) {
                            pair.push(Part::Literal(piece.to_owned()));
                        }
                    }
                }
                field @ Part::Field(_) => {
                    if let Some(pair) = pairs.last_mut() {
                        pair.push(field);
                    }
                }
            }
        }
        Self(pairs)
    }

    /// Names of pairs whose name is a literal.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|pair| match pair.first() {
            Some(Part::Literal(text)) => match text.split_once('=') {
                Some((name, _)) => Some(name),
                None if pair.len() == 1 => Some(text.as_str()),
                None => None,
            },
            _ => None,
        })
    }

    /// Renders the pairs that stay.
    fn render(&self, values: &dyn Values, no_data: &NoData) -> Vec<String> {
        let is_dropped = |pair: &[Part]| *no_data == NoData::Drop && parts::is_without_data(pair, values);
        self.0
            .iter()
            .filter(|pair| !is_dropped(pair))
            .map(|pair| {
                let mut text = String::new();
                fill_encoded(pair, values, no_data, &mut text);
                text
            })
            .collect()
    }

    fn fields(&self) -> impl Iterator<Item = &Field> {
        self.0.iter().flat_map(|pair| fields(pair))
    }
}

/// Whether a text begins like a URL that can be called.
pub(super) fn is_url(text: &str) -> bool {
    scheme_length(text).is_some()
}

fn scheme_length(text: &str) -> Option<usize> {
    ["https://", "http://"]
        .into_iter()
        .find(|scheme| {
            text.get(..scheme.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        })
        .map(str::len)
}

/// Cuts parts into what stands before and after the first of `marks`; the mark itself goes with neither.
fn cut_at(parts: Vec<Part>, marks: &[char]) -> (Vec<Part>, Option<(char, Vec<Part>)>) {
    let mut before = Vec::new();
    let mut parts = parts.into_iter();
    while let Some(part) = parts.next() {
        if let Part::Literal(text) = &part
            && let Some(at) = text.find(marks)
        {
            let mark = text[at..].chars().next().unwrap_or_default();
            if at > 0 {
                before.push(Part::Literal(text[..at].to_owned()));
            }
            let rest = &text[at + mark.len_utf8()..];
            let mut after = Vec::new();
            if !rest.is_empty() {
                after.push(Part::Literal(rest.to_owned()));
            }
            after.extend(parts);
            return (before, Some((mark, after)));
        }
        before.push(part);
    }
    (before, None)
}

impl UrlTemplate {
    /// Parses a URL that stands at byte `base` of its source; `None` when there are errors among the notes.
    pub(super) fn parse(text: &str, base: usize, notes: &mut Notes) -> Option<Self> {
        let end = base + text.len();
        let scheme = scheme_length(text)?;
        if text.len() > MAX_URL {
            notes.add(
                Problem::TooLong {
                    what: "URL",
                    what_ja: "URL",
                    most: MAX_URL,
                },
                base,
                end,
            );
            return None;
        }
        let mut own = Notes::default();
        check_encoded_placeholders(text, base, &mut own);
        let all = parts::scan(text, base, Syntax::Url, &mut own);
        let (front, fragment) = cut_at(all, &['#']);
        let fragment = fragment.map(|(_, parts)| parts);
        let (front, query) = cut_at(front, &['?']);
        let query = query.map(|(_, parts)| Pairs::split(parts));
        let (origin, path) = split_origin(front, scheme);
        check_literals(text, base, &mut own);
        if let Some(field) = fields(&origin).next() {
            own.add(Problem::PlaceholderInHost, field.start, field.end);
        }
        let origin = literal_text(&origin);
        let host = check_origin(&origin, scheme, base, &mut own);
        drop_overlaps(&mut own);
        if has_dot_segment_literal(&path) {
            own.add(Problem::DotSegment, base, end);
        }
        check_shape(text, base, query.as_ref(), &path, fragment.is_some(), &mut own);
        if scheme == "http://".len() {
            own.add(Problem::PlainHttp, base, base + scheme);
        }
        let is_good = !own.has_errors();
        notes.0.append(&mut own.0);
        (is_good && host.is_some()).then(|| Self {
            source: text.to_owned(),
            origin,
            host: host.unwrap_or_default(),
            path,
            query,
            fragment,
        })
    }

    /// As written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The host as written, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Every placeholder in it.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        fields(&self.path)
            .chain(self.query.iter().flat_map(Pairs::fields))
            .chain(self.fragment.iter().flat_map(|fragment| fields(fragment)))
    }

    /// The URL with these values, custom parameters appended.
    pub fn render(&self, values: &dyn Values, no_data: &NoData) -> Result<String, Unrenderable> {
        let mut url = self.origin.clone();
        fill_encoded(&self.path, values, no_data, &mut url);
        if has_dot_segment(&url[self.origin.len()..]) {
            return Err(Unrenderable::DotSegment);
        }
        let written = self.query.as_ref();
        let mut pairs = written
            .map(|query| query.render(values, no_data))
            .unwrap_or_default();
        let custom = values.custom();
        // `?a=1&` already ends with the separator.
        if !custom.is_empty() && pairs.last().is_some_and(String::is_empty) {
            pairs.pop();
        }
        pairs.extend(
            custom
                .iter()
                .map(|(key, value)| format!("{}={}", encode(key), encode(value))),
        );
        // A query of which every pair was dropped takes its `?` along.
        if !pairs.is_empty() {
            url.push('?');
            url.push_str(&pairs.join("&"));
        }
        if let Some(fragment) = &self.fragment {
            url.push('#');
            fill_encoded(fragment, values, no_data, &mut url);
        }
        if url.len() > MAX_URL {
            Err(Unrenderable::UrlTooLong)
        } else {
            Ok(url)
        }
    }
}

/// A form body template: pairs as in a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FormTemplate(Pairs);

impl FormTemplate {
    pub(super) fn parse(text: &str, notes: &mut Notes) -> Self {
        check_encoded_placeholders(text, 0, notes);
        for (at, space) in text.match_indices(char::is_whitespace) {
            notes.offer(
                Problem::Unencoded {
                    characters: space.into(),
                },
                at,
                at + space.len(),
                encode(space),
            );
        }
        check_literals(text, 0, notes);
        let parts = parts::scan(text, 0, Syntax::Url, notes);
        for (at, _) in text.match_indices('#') {
            let is_variable = fields(&parts).any(|field| (field.start..field.end).contains(&at));
            if !is_variable {
                notes.offer(
                    Problem::Unencoded {
                        characters: "#".into(),
                    },
                    at,
                    at + 1,
                    "%23",
                );
            }
        }
        Self(Pairs::split(parts))
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = &Field> {
        self.0.fields()
    }

    pub(super) fn render(&self, values: &dyn Values, no_data: &NoData) -> String {
        self.0.render(values, no_data).join("&")
    }
}

fn literal_text(parts: &[Part]) -> String {
    parts
        .iter()
        .filter_map(|part| match part {
            Part::Literal(text) => Some(text.as_str()),
            Part::Field(_) => None,
        })
        .collect()
}

/// Splits off scheme and authority; the path keeps its leading slash.
fn split_origin(front: Vec<Part>, scheme: usize) -> (Vec<Part>, Vec<Part>) {
    let mut front = front.into_iter();
    let mut origin = Vec::new();
    if let Some(Part::Literal(first)) = front.next() {
        let (head, rest) = first.split_at(scheme.min(first.len()));
        origin.push(Part::Literal(head.to_owned()));
        let mut rest_parts = Vec::new();
        if !rest.is_empty() {
            rest_parts.push(Part::Literal(rest.to_owned()));
        }
        rest_parts.extend(front);
        let (authority, path) = cut_at(rest_parts, &['/']);
        origin.extend(authority);
        let path = path.map(|(slash, mut parts)| {
            parts.insert(0, Part::Literal(slash.into()));
            parts
        });
        return (origin, path.unwrap_or_default());
    }
    (origin, Vec::new())
}

/// Checks scheme and authority; the host in lower case.
fn check_origin(origin: &str, scheme: usize, base: usize, notes: &mut Notes) -> Option<String> {
    let authority = origin.get(scheme..).unwrap_or_default();
    let place = (base + scheme, base + origin.len());
    let host_and_port = match authority.rsplit_once('@') {
        Some((_, after)) => {
            notes.add(Problem::Userinfo, place.0, place.1);
            after
        }
        None => authority,
    };
    let url = url::Url::parse(&format!("{}/", origin.to_ascii_lowercase()));
    let is_port_good = host_and_port.rsplit_once(':').is_none_or(|(_, port)| {
        port.ends_with(']')
            || port.parse::<u16>().is_ok_and(|port| port > 0) && port.bytes().all(|b| b.is_ascii_digit())
    });
    match url {
        Ok(url)
            if url.host_str().is_some_and(|host| !host.is_empty())
                && is_port_good
                && !host_and_port.contains('%') =>
        {
            let written = match host_and_port.rsplit_once(':') {
                Some((host, port)) if !port.ends_with(']') => host,
                _ => host_and_port,
            };
            if !written.is_ascii() {
                // check_literals offers percent-encoding, which is wrong for a host.
                notes
                    .0
                    .retain(|found| !(found.start < place.1 && found.end > place.0));
                let host = url.host_str().unwrap_or_default();
                let start = base + origin.len() - host_and_port.len();
                notes.offer(
                    Problem::Unencoded {
                        characters: written.to_owned(),
                    },
                    start,
                    start + written.len(),
                    host,
                );
            }
            Some(written.to_ascii_lowercase())
        }
        _ => {
            notes.add(Problem::BadHost, place.0, place.1.max(place.0));
            None
        }
    }
}

/// One finding a place: what is offered as a half-width placeholder is not also offered percent-encoded.
fn drop_overlaps(notes: &mut Notes) {
    let wide: Vec<(usize, usize)> = notes
        .0
        .iter()
        .filter(|found| matches!(found.problem, Problem::FullWidth { .. }))
        .map(|found| (found.start, found.end))
        .collect();
    notes.0.retain(|found| {
        !matches!(found.problem, Problem::Unencoded { .. })
            || !wide
                .iter()
                .any(|(start, end)| found.start < *end && *start < found.end)
    });
}

/// Whether a character may stand in a path, query or fragment as it is. `{`, `}` and `#` are judged elsewhere.
fn is_literal(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~:/?#@!$&'()*+,;=%{}".contains(c)
}

/// Checks every literal character of a URL or form; placeholders are skipped.
fn check_literals(text: &str, base: usize, notes: &mut Notes) {
    let authority_end = scheme_length(text).map_or(0, |scheme| {
        text[scheme..]
            .find(['/', '?', '#'])
            .map_or(text.len(), |at| scheme + at)
    });
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if let Some(parts::Spot::Field { length, .. } | parts::Spot::Unknown { length, .. }) =
            parts::spot(rest)
        {
            at += length;
            continue;
        }
        if c == '%' && !is_percent_triple(rest) {
            notes.offer(Problem::BadPercent, base + at, base + at + 1, "%25");
        }
        let is_host_bracket = at < authority_end && matches!(c, '[' | ']');
        let is_judged_elsewhere = c.is_whitespace() || matches!(c, '＃' | '｛' | '｝');
        if is_literal(c) || is_host_bracket || is_judged_elsewhere {
            at += c.len_utf8();
            continue;
        }
        let run: String = rest
            .chars()
            .take_while(|c| !is_literal(*c) && !c.is_whitespace() && !matches!(c, '＃' | '｛' | '｝'))
            .collect();
        let start = base + at;
        notes.offer(
            Problem::Unencoded {
                characters: run.clone(),
            },
            start,
            start + run.len(),
            encode(&run),
        );
        at += run.len();
    }
}

pub(super) fn is_percent_triple(rest: &str) -> bool {
    let bytes = rest.as_bytes();
    bytes.len() >= 3 && bytes[1].is_ascii_hexdigit() && bytes[2].is_ascii_hexdigit()
}

/// Warns of `%7Bname%7D` and `%23%23NAME%23%23`.
fn check_encoded_placeholders(text: &str, base: usize, notes: &mut Notes) {
    let lower = text.to_ascii_lowercase();
    for (open, close, is_brace) in [("%7b", "%7d", true), ("%23%23", "%23%23", false)] {
        let mut from = 0;
        while let Some(found) = lower[from..].find(open) {
            let start = from + found;
            let inner = start + open.len();
            let Some(length) = lower[inner..].find(close) else {
                break;
            };
            let end = inner + length + close.len();
            let name = text[inner..inner + length]
                .replace("%7C", "|")
                .replace("%7c", "|");
            let is_name = !name.is_empty()
                && name.len() <= 64
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'|'));
            if is_name {
                let plain = if is_brace {
                    format!("{{{name}}}")
                } else {
                    format!("##{name}##")
                };
                notes.offer(Problem::EncodedPlaceholder, base + start, base + end, plain);
                from = end;
            } else {
                from = inner;
            }
        }
    }
}

/// Warnings about the shape of the whole.
fn check_shape(
    text: &str,
    base: usize,
    query: Option<&Pairs>,
    path: &[Part],
    has_fragment: bool,
    notes: &mut Notes,
) {
    let literal_at = |mark: char, nth: usize| {
        text.match_indices(mark)
            .nth(nth)
            .map_or((base, base + text.len()), |(at, _)| (base + at, base + at + 1))
    };
    let in_literal = |parts: &[Part], mark: char| {
        parts
            .iter()
            .any(|part| matches!(part, Part::Literal(text) if text.contains(mark)))
    };
    match query {
        None if in_literal(path, '&') => {
            let (start, end) = literal_at('&', 0);
            notes.offer(Problem::AmpersandWithoutQuestion, start, end, "?");
        }
        Some(query) => {
            if query.0.iter().any(|pair| in_literal(pair, '?')) {
                let (start, end) = literal_at('?', 1);
                notes.offer(Problem::SecondQuestion, start, end, "&");
            }
            let mut seen = std::collections::HashSet::new();
            let mut told = std::collections::HashSet::new();
            for name in query.names().filter(|name| !name.is_empty()) {
                if !seen.insert(name) && told.insert(name) {
                    let name = name.to_owned();
                    notes.add(Problem::DuplicateParameter { name }, base, base + text.len());
                }
            }
        }
        None => {}
    }
    if has_fragment {
        let hashes: Vec<usize> = lone_hashes(text);
        if let [first, more @ ..] = hashes.as_slice() {
            notes.offer(
                Problem::FragmentNotSent,
                base + first,
                base + text.len(),
                format!("%23{}", &text[first + 1..]),
            );
            for at in more {
                notes.offer(Problem::SecondHash, base + at, base + at + 1, "%23");
            }
        }
    }
}

/// Places of `#` that belong to no variable.
fn lone_hashes(text: &str) -> Vec<usize> {
    let mut places = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if let Some(parts::Spot::Field { length, .. } | parts::Spot::Unknown { length, .. }) =
            parts::spot(&text[at..])
        {
            at += length;
            continue;
        }
        if c == '#' {
            places.push(at);
        }
        at += c.len_utf8();
    }
    places
}

/// Whether a rendered path has a segment that a client folds away.
fn has_dot_segment(path: &str) -> bool {
    path.split('/').any(|segment| {
        let plain = segment.replace("%2e", ".").replace("%2E", ".");
        plain == "." || plain == ".."
    })
}

/// Whether a segment without placeholders is `.` or `..`.
fn has_dot_segment_literal(path: &[Part]) -> bool {
    // A placeholder stands for something that is no dot: such segments are judged when rendered.
    let shape: String = path
        .iter()
        .map(|part| match part {
            Part::Literal(text) => text.as_str(),
            Part::Field(_) => "x",
        })
        .collect();
    has_dot_segment(&shape)
}

/// The encoded form of a URL that was typed with spaces and the like: illegal characters everywhere, and in
/// the values of the query everything but unreserved characters; placeholders and `%XX` stay.
pub(super) fn encoded_form(typed: &str) -> String {
    let mut out = String::new();
    let (head, query) = match typed.split_once('?') {
        Some((head, query)) => (head, Some(query)),
        None => (typed, None),
    };
    encode_unless(head, is_literal, &mut out);
    let Some(query) = query else { return out };
    out.push('?');
    for (index, pair) in query.split('&').enumerate() {
        if index > 0 {
            out.push('&');
        }
        let (name, value) = match pair.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (pair, None),
        };
        encode_unless(name, is_literal, &mut out);
        if let Some(value) = value {
            out.push('=');
            encode_unless(
                value,
                |c| c.is_ascii_alphanumeric() || "-._~".contains(c),
                &mut out,
            );
        }
    }
    out
}

fn encode_unless(text: &str, stays: fn(char) -> bool, out: &mut String) {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if let Some(parts::Spot::Field { length, .. } | parts::Spot::Unknown { length, .. }) =
            parts::spot(rest)
        {
            out.push_str(&rest[..length]);
            at += length;
            continue;
        }
        let is_kept = match c {
            '%' => is_percent_triple(rest),
            '{' | '}' => false,
            c => stays(c),
        };
        if is_kept {
            out.push(c);
        } else {
            out.push_str(&encode(c.encode_utf8(&mut [0; 4])));
        }
        at += c.len_utf8();
    }
}
