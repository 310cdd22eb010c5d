//! What can be wrong with the text of a URL or form, character by character and as a whole, and the encoded
//! form that is offered for it. It only reads texts; templates are built in [`super::url`].

use super::escape::encode;
use super::finding::{Notes, Problem};
use super::pairs::Pairs;
use super::parts::{self, Part};
use crate::domain::unfilled;

/// Whether a text begins like a URL that can be called.
pub(super) fn is_url(text: &str) -> bool {
    scheme_length(text).is_some()
}

pub(super) fn scheme_length(text: &str) -> Option<usize> {
    ["https://", "http://"]
        .into_iter()
        .find(|scheme| {
            text.get(..scheme.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        })
        .map(str::len)
}

/// Checks scheme and authority; the host in lower case.
pub(super) fn check_origin(origin: &str, scheme: usize, base: usize, notes: &mut Notes) -> Option<String> {
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

/// One finding a place: what is offered as a half-width placeholder is not also offered piece by piece.
pub(super) fn drop_overlaps(notes: &mut Notes) {
    let wide: Vec<(usize, usize)> = notes
        .0
        .iter()
        .filter(|found| matches!(found.problem, Problem::FullWidth { .. }))
        .map(|found| (found.start, found.end))
        .collect();
    notes.0.retain(|found| {
        let overlaps = |(start, end): &(usize, usize)| found.start < *end && *start < found.end;
        let is_inside = |place: &(usize, usize)| {
            place.0 <= found.start && found.end <= place.1 && *place != (found.start, found.end)
        };
        match found.problem {
            Problem::Unencoded { .. } => !wide.iter().any(overlaps),
            Problem::FullWidth { .. } => !wide.iter().any(is_inside),
            _ => true,
        }
    });
}

/// Whether a character may stand in a path, query or fragment as it is. `{`, `}` and `#` are judged elsewhere.
fn is_literal(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~:/?#@!$&'()*+,;=%{}".contains(c)
}

/// Checks every literal character of a URL or form; placeholders are skipped.
pub(super) fn check_literals(text: &str, base: usize, notes: &mut Notes) {
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
        at += note_run(rest, base + at, notes);
    }
}

/// What a character that cannot stand in a URL probably is.
#[derive(PartialEq, Eq, Clone, Copy)]
enum Stray {
    /// Typed in full width: `？`, `＆`, `ａ`.
    FullWidth,
    /// Takes no room.
    Invisible,
    /// Has to be encoded.
    Other,
}

impl Stray {
    fn of(c: char) -> Self {
        if unfilled::is_invisible(c) {
            Self::Invisible
        } else if unfilled::half_width(c) != c {
            Self::FullWidth
        } else {
            Self::Other
        }
    }
}

/// Notes the run of like characters that a text begins with, and gives its length.
fn note_run(rest: &str, start: usize, notes: &mut Notes) -> usize {
    if let Some((sign, typed)) = html_entity(rest) {
        let length = sign.len_utf8();
        notes.offer(Problem::HtmlEntity { sign, typed }, start, start + length, typed);
        return length;
    }
    let Some(kind) = rest.chars().next().map(Stray::of) else {
        return 0;
    };
    let run: String = rest
        .chars()
        .take_while(|c| {
            !is_literal(*c) && !c.is_whitespace() && !matches!(c, '＃' | '｛' | '｝') && Stray::of(*c) == kind
        })
        .collect();
    let end = start + run.len();
    match kind {
        Stray::FullWidth => {
            let half: String = run.chars().map(unfilled::half_width).collect();
            notes.offer(Problem::FullWidth { half: half.clone() }, start, end, half);
        }
        Stray::Invisible => notes.offer(Problem::Invisible, start, end, ""),
        Stray::Other => {
            let encoded = encode(&run);
            notes.offer(
                Problem::Unencoded {
                    characters: run.clone(),
                },
                start,
                end,
                encoded,
            );
        }
    }
    run.len()
}

/// Signs that HTML makes of `&` and the beginning of a parameter's name.
const HTML_ENTITIES: [(char, &str); 14] = [
    ('¶', "&para"),
    ('¤', "&curren"),
    ('×', "&times"),
    ('®', "&reg"),
    ('©', "&copy"),
    ('¬', "&not"),
    ('§', "&sect"),
    ('÷', "&divide"),
    ('°', "&deg"),
    ('¢', "&cent"),
    ('£', "&pound"),
    ('¥', "&yen"),
    ('ª', "&ordf"),
    ('º', "&ordm"),
];

/// The entity that a text begins with, when the rest of a parameter's name follows: `¶1=`, `¤cy=`.
fn html_entity(rest: &str) -> Option<(char, &'static str)> {
    let sign = rest.chars().next()?;
    let (_, typed) = HTML_ENTITIES.iter().find(|(known, _)| *known == sign)?;
    let behind = &rest[sign.len_utf8()..];
    let name = behind.find('=')?;
    behind[..name]
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'_')
        .then_some((sign, *typed))
}

/// Offers `&` for `&amp;`, `&#38;` and `&#x26;`, repeated ones too.
pub(super) fn check_ampersands(text: &str, base: usize, notes: &mut Notes) {
    const TAILS: [&str; 3] = ["amp;", "#38;", "#x26;"];
    let lower = text.to_ascii_lowercase();
    let mut from = 0;
    while let Some(found) = lower[from..].find('&') {
        let start = from + found;
        let mut end = start + 1;
        while let Some(tail) = TAILS.iter().find(|tail| lower[end..].starts_with(**tail)) {
            end += tail.len();
        }
        if end > start + 1 {
            let (start, end) = (base + start, base + end);
            // The `#` of `&#38;` begins no fragment, and the `&` is judged once.
            notes.0.retain(|found| {
                let is_within = (start..end).contains(&found.start);
                let is_same = matches!(
                    found.problem,
                    Problem::FragmentNotSent | Problem::AmpersandWithoutQuestion
                );
                !(is_within && is_same)
            });
            notes.offer(Problem::HtmlAmpersand, start, end, "&");
        }
        from = end;
    }
}

pub(super) fn is_percent_triple(rest: &str) -> bool {
    let bytes = rest.as_bytes();
    bytes.len() >= 3 && bytes[1].is_ascii_hexdigit() && bytes[2].is_ascii_hexdigit()
}

/// Warns of `%7Bname%7D` and `%23%23NAME%23%23`.
pub(super) fn check_encoded_placeholders(text: &str, base: usize, notes: &mut Notes) {
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
pub(super) fn check_shape(
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
            if query.iter().any(|pair| in_literal(pair, '?')) {
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
