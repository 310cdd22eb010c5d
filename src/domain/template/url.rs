//! URL templates: an origin that is written out, then path, query and fragment with placeholders anywhere.
//! Parsed once with every problem of the text, rendered many times; literals go out byte for byte.
//!
//! 2026-11-21: the fragment is kept in the rendered URL, so that preview and log show what the operator
//! wrote; no client ever sends it. Of the path, only the segments `.` and `..` (also as `%2e`) cannot be
//! sent, since clients fold them away; they are refused when saved or, from values, when rendered.

use super::escape::encode;
use super::finding::{Notes, Problem};
use super::foreign;
use super::pairs::Pairs;
use super::parts::{self, Field, Part, Syntax, Values, cut_at, fields, fill_encoded};
use super::url_check::{
    check_ampersands, check_encoded_placeholders, check_literals, check_origin, check_shape, drop_overlaps,
    scheme_length,
};
use crate::domain::postback::LaneKey;
use crate::domain::rule::NoData;
use serde::Serialize;

/// Longest URL in bytes, as template and rendered.
pub const MAX_URL: usize = 8 * 1024;
/// Longest body in bytes, as template and rendered.
pub const MAX_BODY: usize = 64 * 1024;

/// Why a template gives no request with these values.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, utoipa::ToSchema, strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
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
        self.into()
    }
}

/// A parsed URL template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlTemplate {
    source: String,
    origin: String,
    host: String,
    lane: Option<LaneKey>,
    path: Vec<Part>,
    query: Option<Pairs>,
    fragment: Option<Vec<Part>>,
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
        // What was refused in the authority is missing from the literals, and told already.
        let host = text
            .starts_with(&origin)
            .then(|| check_origin(&origin, scheme, base, &mut own))
            .flatten();
        drop_overlaps(&mut own);
        foreign::check(text, base, &mut own);
        if has_dot_segment_literal(&path) {
            own.add(Problem::DotSegment, base, end);
        }
        check_shape(text, base, query.as_ref(), &path, fragment.is_some(), &mut own);
        check_ampersands(text, base, &mut own);
        if scheme == "http://".len() {
            own.add(Problem::PlainHttp, base, base + scheme);
        }
        let is_good = !own.has_errors();
        notes.0.append(&mut own.0);
        (is_good && host.is_some()).then(|| Self {
            source: text.to_owned(),
            origin,
            host: host.unwrap_or_default(),
            lane: LaneKey::of(text),
            path,
            query,
            fragment,
        })
    }

    /// As written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The lane of every request: the origin has no placeholders. `None` when no client could call it.
    pub fn lane(&self) -> Option<&LaneKey> {
        self.lane.as_ref()
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

/// Whether a rendered path has a segment that a client folds away.
pub(super) fn has_dot_segment(path: &str) -> bool {
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
