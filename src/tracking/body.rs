//! The body of a request as the readers of fields take it: a form or a JSON object, whatever it came as. A
//! multipart form (what PHP sends for an array) becomes a plain form, and gzip is undone within a bound.
//!
//! It must not know what the fields mean. Signatures and idempotency are taken over the bytes as sent.

use crate::domain::identity::redact;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use std::borrow::Cow;
use std::io::Read;

/// A body whose fields can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body<'a> {
    /// `name=value&...`.
    Form(Cow<'a, [u8]>),
    /// Begins like a JSON object, or was announced as one.
    Json(Cow<'a, [u8]>),
}

/// Why a body cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyError {
    /// Neither a form nor JSON.
    Type(String),
    /// Compressed in another way than gzip.
    Encoding(String),
    /// Larger than the limit once it is unpacked.
    TooLarge,
    /// Not what its headers say.
    Broken(&'static str),
}

impl<'a> Body<'a> {
    /// Reads a body of at most `most` bytes, unpacked. `content_type` and `encoding` are the headers, empty when none
    /// was sent.
    ///
    /// # Errors
    /// An unknown type or encoding, too much, or bytes that are not what the headers say.
    pub fn read(content_type: &str, encoding: &str, bytes: &'a [u8], most: usize) -> Result<Self, BodyError> {
        let bytes = unpacked(encoding, bytes, most)?;
        let bytes = match bytes {
            Cow::Borrowed(bytes) => Cow::Borrowed(without_mark(bytes)),
            Cow::Owned(bytes) => Cow::Owned(without_mark(&bytes).to_vec()),
        };
        let (essence, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
        let essence = essence.trim().to_ascii_lowercase();
        // A beacon cannot choose its type.
        if bytes.trim_ascii_start().starts_with(b"{") {
            return Ok(Self::Json(bytes));
        }
        if bytes.trim_ascii().is_empty() {
            return Ok(Self::Form(Cow::Borrowed(b"")));
        }
        match essence.as_str() {
            "multipart/form-data" => {
                let boundary = boundary(parameters).ok_or(BodyError::Broken("its type names no boundary"))?;
                Ok(Self::Form(Cow::Owned(form_of_parts(&bytes, &boundary)?)))
            }
            "application/json" | "text/json" => Ok(Self::Json(bytes)),
            json if json.ends_with("+json") => Ok(Self::Json(bytes)),
            "" | "application/x-www-form-urlencoded" | "text/plain" => Ok(Self::Form(bytes)),
            other => Err(BodyError::Type(redact::heading(super::query::cut(other, 100)))),
        }
    }
}

impl Body<'_> {
    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Form(bytes) | Self::Json(bytes) => bytes,
        }
    }
}

/// Without the mark that some editors and programs put before UTF-8.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

fn unpacked<'a>(encoding: &str, bytes: &'a [u8], most: usize) -> Result<Cow<'a, [u8]>, BodyError> {
    let encoding = encoding.trim().to_ascii_lowercase();
    let is_gzip = matches!(encoding.as_str(), "gzip" | "x-gzip") || bytes.starts_with(&[0x1f, 0x8b, 8]);
    if !is_gzip {
        return match encoding.as_str() {
            "" | "identity" => Ok(Cow::Borrowed(bytes)),
            other => Err(BodyError::Encoding(redact::heading(super::query::cut(
                other, 100,
            )))),
        };
    }
    if bytes.is_empty() {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut unpacked = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    flate2::read::MultiGzDecoder::new(bytes)
        .take(limit)
        .read_to_end(&mut unpacked)
        .map_err(|_| BodyError::Broken("it is not gzip, or is not whole"))?;
    if unpacked.len() > most {
        return Err(BodyError::TooLarge);
    }
    Ok(Cow::Owned(unpacked))
}

/// The boundary that the type names, with or without quotes.
fn boundary(parameters: &str) -> Option<String> {
    let named = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then_some(value)
    })?;
    let boundary = named.trim().trim_matches('"');
    (!boundary.is_empty() && boundary.len() <= 200).then(|| boundary.to_owned())
}

/// The fields of a multipart form as a plain one. Files are left out: no field is one.
fn form_of_parts(bytes: &[u8], boundary: &str) -> Result<Vec<u8>, BodyError> {
    let broken = BodyError::Broken("its parts do not follow the boundary that its type names");
    let delimiter = [b"--", boundary.as_bytes()].concat();
    let mut parts = split(bytes, &delimiter).into_iter();
    parts.next().ok_or_else(|| broken.clone())?;
    let (mut form, mut count) = (Vec::new(), 0);
    for part in parts {
        count += 1;
        if part.starts_with(b"--") {
            break;
        }
        let Some((head, value)) = head_and_value(part) else {
            continue;
        };
        let head = String::from_utf8_lossy(head);
        let is_file = disposition(&head, "filename").is_some();
        let Some(name) = disposition(&head, "name").filter(|_| !is_file) else {
            continue;
        };
        if !form.is_empty() {
            form.push(b'&');
        }
        for (bytes, end) in [(name.as_bytes(), &b"="[..]), (value, b"")] {
            form.extend_from_slice(percent_encode(bytes, NON_ALPHANUMERIC).to_string().as_bytes());
            form.extend_from_slice(end);
        }
    }
    if count == 0 { Err(broken) } else { Ok(form) }
}

fn split<'a>(bytes: &'a [u8], delimiter: &[u8]) -> Vec<&'a [u8]> {
    let (mut parts, mut from, mut at) = (Vec::new(), 0, 0);
    while at + delimiter.len() <= bytes.len() {
        let is_line_start = at == 0 || bytes[at - 1] == b'\n';
        if is_line_start && bytes[at..].starts_with(delimiter) {
            parts.push(&bytes[from..at]);
            at += delimiter.len();
            from = at;
        } else {
            at += 1;
        }
    }
    parts.push(&bytes[from..]);
    parts
}

/// Head and value of a part, without the line end before the next boundary.
fn head_and_value(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let (at, len) = [&b"\r\n\r\n"[..], b"\n\n"]
        .into_iter()
        .filter_map(|blank| {
            let at = part.windows(blank.len()).position(|window| window == blank)?;
            Some((at, blank.len()))
        })
        .min()?;
    let value = &part[at + len..];
    let value = value.strip_suffix(b"\n").unwrap_or(value);
    let value = value.strip_suffix(b"\r").unwrap_or(value);
    Some((&part[..at], value))
}

/// A parameter of `Content-Disposition`.
fn disposition(head: &str, name: &str) -> Option<String> {
    let line = head
        .lines()
        .find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
    line.split(';').skip(1).find_map(|parameter| {
        let (own, value) = parameter.split_once('=')?;
        let is_named = own.trim().trim_end_matches('*').eq_ignore_ascii_case(name);
        is_named.then(|| value.trim().trim_matches('"').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const MOST: usize = 1000;

    fn read<'a>(content_type: &str, encoding: &str, bytes: &'a [u8]) -> Result<Body<'a>, BodyError> {
        Body::read(content_type, encoding, bytes, MOST)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn form(text: &str) -> Body<'_> {
        Body::Form(Cow::Borrowed(text.as_bytes()))
    }

    #[test]
    fn forms_and_json_are_told_apart() {
        for content_type in [
            "",
            "application/x-www-form-urlencoded; charset=Shift_JIS",
            "text/plain;charset=UTF-8",
        ] {
            assert_eq!(read(content_type, "", b"a=1"), Ok(form("a=1")), "{content_type}");
            assert!(matches!(read(content_type, "", b" {\"a\":1}"), Ok(Body::Json(_))));
        }
        for content_type in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/vnd.shop+json",
        ] {
            assert!(
                matches!(read(content_type, "", b"[1]"), Ok(Body::Json(_))),
                "{content_type}"
            );
        }
        let marked = read("application/json", "", b"\xef\xbb\xbf{\"a\":1}");
        assert_eq!(marked, Ok(Body::Json(Cow::Borrowed(b"{\"a\":1}"))));
        assert_eq!(read("image/png", "", b"  "), Ok(form("")));
        for other in [
            "text/xml",
            "application/octet-stream",
            "application/xml; charset=utf-8",
        ] {
            let essence = other.split(';').next().unwrap().to_owned();
            assert_eq!(read(other, "", b"<a/>"), Err(BodyError::Type(essence)));
        }
    }

    #[test]
    fn gzip_is_undone_within_the_bound() {
        let packed = gzip(b"a=1&b=2");
        for encoding in ["gzip", "x-gzip", "GZIP", ""] {
            assert_eq!(
                read("", encoding, &packed),
                Ok(Body::Form(Cow::Owned(b"a=1&b=2".to_vec())))
            );
        }
        assert_eq!(
            read("", "gzip", &gzip(&[b'a'; MOST + 1])),
            Err(BodyError::TooLarge)
        );
        assert_eq!(
            read("", "gzip", &gzip(&vec![b'a'; 10_000_000])),
            Err(BodyError::TooLarge)
        );
        assert!(matches!(read("", "gzip", b"a=1"), Err(BodyError::Broken(_))));
        assert!(matches!(
            read("", "gzip", &packed[..packed.len() - 9]),
            Err(BodyError::Broken(_))
        ));
        assert_eq!(read("", "br", b"a=1"), Err(BodyError::Encoding("br".into())));
    }

    #[test]
    fn multipart_forms_are_forms() {
        let body = "preamble\r\n--x1\r\nContent-Disposition: form-data; name=\"sid\"\r\n\r\nabc\r\n\
            --x1\r\ncontent-disposition: form-data; name=p_name\r\nContent-Type: text/plain\r\n\r\n山 田&\r\n\r\n\
            --x1\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\nfile\r\n--x1--\r\n";
        for content_type in [
            "multipart/form-data; boundary=x1",
            "multipart/form-data; charset=utf-8; boundary=\"x1\"",
        ] {
            let Ok(Body::Form(form)) = read(content_type, "", body.as_bytes()) else {
                panic!("{content_type}");
            };
            let pairs = super::super::query::Pairs::parse(&form).list;
            let pairs: Vec<_> = pairs
                .iter()
                .map(|p| (p.name.as_str(), p.value.as_str()))
                .collect();
            assert_eq!(pairs, [("sid", "abc"), ("p_name", "山 田&")]);
        }
        for (content_type, body) in [
            ("multipart/form-data", body),
            ("multipart/form-data; boundary=y", body),
            ("multipart/form-data; boundary=x1", "a=1"),
        ] {
            assert!(
                matches!(read(content_type, "", body.as_bytes()), Err(BodyError::Broken(_))),
                "{content_type}"
            );
        }
    }
}
