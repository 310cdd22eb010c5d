//! What an exchange brought: a status with a little of its answer, or the class of error that it ended with.

use crate::domain::postback::{ErrorClass, Outcome};
use crate::domain::retry;
use isahc::ResponseExt;
use isahc::error::ErrorKind;
use isahc::http;
use std::io::Read;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Bytes of a response body that are read before the connection is given up.
const MOST_READ: usize = 64 * 1024;
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
    /// The first 2 KiB of the body, invalid UTF-8 replaced.
    pub excerpt: String,
    /// The address that was connected to.
    pub remote_addr: Option<SocketAddr>,
    /// How long it took.
    pub duration: Duration,
}

impl Exchange {
    /// An exchange that brought no answer.
    pub fn failed(class: ErrorClass, message: impl Into<String>, duration: Duration) -> Self {
        Self {
            outcome: Outcome::Error {
                class,
                message: message.into(),
            },
            headers: Vec::new(),
            excerpt: String::new(),
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
    let mut kept = Vec::new();
    let mut body = response.into_body().take(MOST_READ as u64);
    let mut buffer = [0; 4096];
    // A body that breaks or ends late changes nothing: the status has come.
    while let Ok(count @ 1..) = body.read(&mut buffer) {
        let room = MOST_KEPT.saturating_sub(kept.len()).min(count);
        kept.extend_from_slice(&buffer[..room]);
    }
    let ended_at_ms = at_ms + i64::try_from(begun.elapsed().as_millis()).unwrap_or(0);
    let retry_after = headers.iter().find(|(name, _)| name == "retry-after");
    Exchange {
        outcome: Outcome::Answered {
            status,
            retry_after_s: retry_after.and_then(|(_, value)| retry::parse_retry_after(value, ended_at_ms)),
        },
        headers,
        excerpt: cut(String::from_utf8_lossy(&kept).into_owned(), MOST_KEPT),
        remote_addr: Some(remote_addr),
        duration: Duration::ZERO,
    }
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

/// From the client's errors to ours. The numbers are libcurl's, from its public list of error codes.
pub(super) fn classify(error: &isahc::Error) -> Failure {
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
    let sentence = match class {
        ErrorClass::Dns => "the name could not be resolved",
        ErrorClass::Connect => "the receiver could not be connected to",
        ErrorClass::Tls => {
            "the TLS connection failed; the receiver's certificate must be valid today, name this host and come from a known authority (delivery.ca_file adds one)"
        }
        ErrorClass::Timeout => "the receiver did not answer in time",
        ErrorClass::Reset => {
            "the receiver broke the connection before its answer was whole; over TLS it must also end it properly (close_notify)"
        }
        ErrorClass::Malformed => "what the receiver answered is not HTTP",
        ErrorClass::Egress | ErrorClass::Internal => "the request could not be sent",
    };
    Failure {
        class,
        message: format!("{sentence} ({})", detail(error)),
        remote_addr: error.remote_addr(),
    }
}

/// What the client says about an error: its own words are often only "unknown error".
fn detail(error: &isahc::Error) -> String {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<curl::Error>());
    source.map_or_else(|| error.to_string(), curl::Error::to_string)
}
