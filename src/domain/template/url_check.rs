//! What can be wrong with the text of a URL or form, character by character and as a whole, and the encoded
//! form that is offered for it. It only reads texts; templates are built in [`super::url`].

use super::finding::{Notes, Problem};
use super::parts::{self, Part, encode};
use super::url::Pairs;

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

/// One finding a place: what is offered as a half-width placeholder is not also offered percent-encoded.
pub(super) fn drop_overlaps(notes: &mut Notes) {
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
