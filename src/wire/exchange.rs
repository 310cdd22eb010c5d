//! What an exchange brought: a status with a little of its answer, or the class of error that it ended with.

use crate::domain::postback::{ErrorClass, Outcome};
use crate::domain::retry;
use encoding_rs::{EUC_JP, Encoding, SHIFT_JIS, UTF_8};
use isahc::ResponseExt;
use isahc::error::ErrorKind;
use isahc::http;
use std::borrow::Cow;
use std::io::Read;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Bytes of a response body that are read before the connection is given up.
const MOST_READ: usize = 64 * 1024;
/// Room for a usual body.
const USUAL_BODY: usize = 256;
/// Bytes of a response body that are kept.
const MOST_KEPT: usize = 2 * 1024;
/// Bytes of one response header that are kept.
const MOST_HEADER: usize = 1024;
/// Response headers that are kept.
const KEPT_HEADERS: [&str; 5] = ["content-type", "location", "retry-after", "server", "date"];

/// What an exchange brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The verdict's material.
    pub outcome: Outcome,
    /// Response headers of interest, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The first 64 KiB of the body, invalid UTF-8 replaced.
    pub body: String,
    /// The address that was connected to.
    pub remote_addr: Option<SocketAddr>,
    /// How long it took.
    pub duration: Duration,
}

impl Exchange {
    /// The beginning of the body that is kept: at most 2 KiB.
    pub fn excerpt_of(body: &str) -> String {
        cut(body.to_owned(), MOST_KEPT)
    }

    /// An exchange that brought no answer.
    pub fn failed(class: ErrorClass, message: impl Into<String>, duration: Duration) -> Self {
        Self {
            outcome: Outcome::Error {
                class,
                message: message.into(),
            },
            headers: Vec::new(),
            body: String::new(),
            remote_addr: None,
            duration,
        }
    }
}

/// Why an attempt ended before the request could be sent, or without an answer.
pub(super) struct Failure {
    pub(super) class: ErrorClass,
    pub(super) message: String,
    pub(super) remote_addr: Option<SocketAddr>,
}

impl Failure {
    pub(super) fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        Self {
            class,
            message: message.into(),
            remote_addr: None,
        }
    }

    /// Whether no connection came about, so that nothing was sent.
    pub(super) fn is_unconnected(&self) -> bool {
        match self.class {
            ErrorClass::Connect => true,
            ErrorClass::Timeout => self.remote_addr.is_none(),
            ErrorClass::Dns
            | ErrorClass::Tls
            | ErrorClass::Reset
            | ErrorClass::Malformed
            | ErrorClass::Egress
            | ErrorClass::Internal => false,
        }
    }
}

/// Reads the head, and as much of the body as is kept or allowed.
pub(super) fn read(
    response: http::Response<isahc::Body>,
    pinned: SocketAddr,
    at_ms: i64,
    begun: Instant,
) -> Exchange {
    let headers: Vec<(String, String)> = KEPT_HEADERS
        .iter()
        .filter_map(|name| {
            let value = String::from_utf8_lossy(response.headers().get(*name)?.as_bytes()).into_owned();
            Some(((*name).to_owned(), cut(value, MOST_HEADER)))
        })
        .collect();
    let remote_addr = response.remote_addr().unwrap_or(pinned);
    let status = response.status().as_u16();
    let packing = response.headers().get("content-encoding").map(|value| {
        String::from_utf8_lossy(value.as_bytes())
            .trim()
            .to_ascii_lowercase()
    });
    let mut kept = Vec::with_capacity(USUAL_BODY);
    // A body that breaks or ends late changes nothing: the status has come, and what was read stays.
    let mut body = response.into_body().take(MOST_READ as u64);
    body.read_to_end(&mut kept).ok();
    let kept = unpacked(kept, packing.as_deref());
    let ended_at_ms = at_ms + i64::try_from(begun.elapsed().as_millis()).unwrap_or(0);
    let retry_after = headers.iter().find(|(name, _)| name == "retry-after");
    Exchange {
        outcome: Outcome::Answered {
            status,
            retry_after_s: retry_after.and_then(|(_, value)| retry::parse_retry_after(value, ended_at_ms)),
        },
        body: cut(readable(&kept, &headers), MOST_READ),
        headers,
        remote_addr: Some(remote_addr),
        duration: Duration::ZERO,
    }
}

/// The beginning of a body that may be packed, though nobody asked for it; as it is when it cannot be unpacked.
fn unpacked(body: Vec<u8>, packing: Option<&str>) -> Vec<u8> {
    let mut plain = Vec::new();
    let most = MOST_READ as u64;
    // What is broken or cut off at its end is shown as far as it goes.
    let read = match packing {
        Some("gzip" | "x-gzip") => flate2::read::GzDecoder::new(&*body)
            .take(most)
            .read_to_end(&mut plain),
        Some("deflate") => flate2::read::ZlibDecoder::new(&*body)
            .take(most)
            .read_to_end(&mut plain),
        Some(_) | None => return body,
    };
    if read.is_err() && plain.is_empty() {
        body
    } else {
        plain
    }
}

/// A body as text: UTF-8, else what the answer calls its character set, else the one of Japan that it is written in.
fn readable(body: &[u8], headers: &[(String, String)]) -> String {
    // The last character may be cut.
    let is_utf8 = match std::str::from_utf8(body) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    let kind = headers.iter().find(|(name, _)| name == "content-type");
    let named = kind.and_then(|(_, value)| {
        let value = value.to_ascii_lowercase();
        let (_, label) = value.split_once("charset=")?;
        let label = label.split(';').next().unwrap_or_default();
        Encoding::for_label(label.trim_matches(['"', ' ', '\'']).as_bytes())
    });
    let without_faults = |encoding: &&'static Encoding| {
        let whole = body.get(..body.len().saturating_sub(1)).unwrap_or(body);
        let text = encoding
            .decode_without_bom_handling_and_without_replacement(whole)
            .or_else(|| encoding.decode_without_bom_handling_and_without_replacement(body));
        // The other character set reads as half-width kana.
        text.is_some_and(|text| !text.contains(|c| ('\u{ff61}'..='\u{ff9f}').contains(&c)))
    };
    let encoding = if is_utf8 {
        UTF_8
    } else {
        named
            .or_else(|| [SHIFT_JIS, EUC_JP].into_iter().find(without_faults))
            .unwrap_or(UTF_8)
    };
    encoding.decode_with_bom_removal(body).0.into_owned()
}

/// At most `most` bytes, on a character's border.
fn cut(mut text: String, most: usize) -> String {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

/// From the client's errors to ours. The numbers are libcurl's, from its public list of error codes. `why_refused`
/// tells more of a certificate that is not taken.
pub(super) fn classify(error: &isahc::Error, why_refused: impl FnOnce() -> Option<String>) -> Failure {
    let code = std::error::Error::source(error)
        .and_then(|source| source.downcast_ref::<curl::Error>())
        .map(curl::Error::code);
    let class = match code {
        Some(5 | 6) => ErrorClass::Dns,
        Some(7 | 45) => ErrorClass::Connect,
        Some(28) => ErrorClass::Timeout,
        Some(35 | 51 | 53 | 54 | 58 | 59 | 60 | 64 | 66 | 77 | 80 | 82 | 83 | 90 | 91 | 98) => {
            ErrorClass::Tls
        }
        Some(18 | 52 | 55 | 56) => ErrorClass::Reset,
        Some(1 | 8 | 16 | 61 | 92) => ErrorClass::Malformed,
        Some(_) | None => match error.kind() {
            ErrorKind::BadClientCertificate
            | ErrorKind::BadServerCertificate
            | ErrorKind::TlsEngine
            | ErrorKind::InvalidTlsConfiguration => ErrorClass::Tls,
            ErrorKind::ConnectionFailed => ErrorClass::Connect,
            ErrorKind::NameResolution => ErrorClass::Dns,
            ErrorKind::Timeout => ErrorClass::Timeout,
            ErrorKind::Io => ErrorClass::Reset,
            ErrorKind::ProtocolViolation | ErrorKind::InvalidContentEncoding => ErrorClass::Malformed,
            // The kinds are open-ended: one that isahc adds later is ours to look at.
            _ => ErrorClass::Internal,
        },
    };
    let sentence: Cow<'static, str> = match class {
        ErrorClass::Tls => tls_sentence(code, why_refused),
        _ => untold(class).into(),
    };
    Failure {
        class,
        message: format!("{sentence} ({})", detail(error)),
        remote_addr: error.remote_addr(),
    }
}

/// What every failure of a class means.
fn untold(class: ErrorClass) -> &'static str {
    match class {
        ErrorClass::Dns => "the name could not be resolved",
        ErrorClass::Connect => "the receiver could not be connected to",
        ErrorClass::Tls => "no TLS connection came about",
        ErrorClass::Timeout => "the receiver did not answer in time",
        ErrorClass::Reset => {
            "the receiver broke the connection before its answer was whole; over TLS it must also end it properly (close_notify)"
        }
        ErrorClass::Malformed => "what the receiver answered is not HTTP",
        ErrorClass::Egress | ErrorClass::Internal => "the request could not be sent",
    }
}

/// What is wrong with a TLS connection: the certificate, or all that comes before it.
fn tls_sentence(code: Option<u32>, why_refused: impl FnOnce() -> Option<String>) -> Cow<'static, str> {
    match code {
        Some(51 | 60) => why_refused().map_or_else(
            || "the receiver's certificate is not taken: it is not valid today, for another name, or nobody known vouches for it".into(),
            Cow::Owned,
        ),
        Some(_) | None => "no TLS connection came about: the receiver must speak TLS 1.2 or 1.3 with a usual cipher on this port".into(),
    }
}

/// What the client says about an error: its own words are often only "unknown error".
fn detail(error: &isahc::Error) -> String {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<curl::Error>());
    source.map_or_else(|| error.to_string(), curl::Error::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_bodies_are_unpacked_as_far_as_they_go() {
        use std::io::Write;
        let text = "ok ".repeat(30_000);
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(text.as_bytes()).unwrap();
        let packed = packer.finish().unwrap();
        assert_eq!(
            unpacked(packed.clone(), Some("gzip")),
            text.as_bytes()[..MOST_READ]
        );
        assert!(unpacked(packed[..packed.len() / 2].to_vec(), Some("gzip")).starts_with(b"ok ok "));
        assert_eq!(unpacked(b"plain".to_vec(), Some("gzip")), b"plain");
        assert_eq!(unpacked(b"plain".to_vec(), None), b"plain");
    }

    #[test]
    fn bodies_are_readable_in_every_usual_character_set() {
        let kind = |value: &str| vec![("content-type".to_owned(), value.to_owned())];
        let text = "登録済みです";
        let (sjis, _, _) = SHIFT_JIS.encode(text);
        let (euc, _, _) = EUC_JP.encode(text);
        for (body, headers) in [
            (text.as_bytes(), vec![]),
            (&*sjis, kind("text/html; charset=Shift_JIS")),
            (&*sjis, kind("text/html")),
            (&*euc, kind("text/plain; charset=\"euc-jp\"")),
            (&*euc, vec![]),
        ] {
            assert_eq!(readable(body, &headers), text, "{headers:?}");
        }
        assert!(readable(&sjis[..5], &[]).starts_with("登録"), "cut");
        assert!(readable(&text.as_bytes()[..8], &[]).starts_with("登録"), "cut");
        assert!(readable(b"\xff\xfe\xfd ok", &[]).contains("ok"));
    }
}
