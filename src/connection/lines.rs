//! Request lines before the parser sees them: bytes that no URL may hold, but that shops, mails and scripts send all
//! the same, are percent-encoded, as browsers do it. actix would answer such a request by itself, with nothing in it.
//!
//! What is body and what is the next request line is decided by the framing of HTTP/1 (RFC 9112), with the limits
//! that actix sets. From the first thing on that is not plainly framed, everything passes as it is: actix refuses
//! that request and closes the connection. Over HTTP/2 a target is the value of a header in a compressed frame, and a
//! stream whose target is no URL is reset below our code: it cannot be had there, and is counted only (`frames`). Most who write bytes into a URL by hand
//! speak HTTP/1 (curl does it over HTTP/2 too).

use crate::telemetry;
use std::collections::VecDeque;

/// What of a target is handed on. Beyond it the target is dropped, and whoever serves it says that it is too long.
const MAX_HANDED_ON: usize = 60_000;
/// A target longer than this is no target.
const MAX_TARGET: usize = 1 << 20;
/// Bytes of a header line or of the size of a chunk that are looked at.
const MAX_LINE: usize = 512;
/// Targets that are remembered as they were sent, and the bytes of one.
const MAX_REMEMBERED: usize = 16;
const MAX_REMEMBERED_BYTES: usize = 8 * 1024;

/// Where in the stream of a connection the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq)]
enum At {
    /// Before a request line.
    Start,
    /// In the method of a line that is looked at byte by byte.
    Method,
    /// In its target.
    Target,
    /// In a line of the head.
    Header,
    /// In a body, with so many bytes to come.
    Body(u64),
    /// In the line before a chunk.
    ChunkSize,
    /// In a chunk and the line end behind it.
    Chunk(u64),
    /// Behind the last chunk.
    Trailer,
    /// In something that is not understood; it stays so.
    Unknown,
}

/// What the head says of the body.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Length {
    None,
    Bytes(u64),
    Chunked,
    Unclear,
}

/// The request lines of one connection.
#[derive(Debug)]
pub(super) struct Lines {
    at: At,
    length: Length,
    /// The beginning of a line whose end has not been read yet; the method while that is read.
    part: Vec<u8>,
    /// What may be the end of a request line: a space, the version, a line end.
    held: Vec<u8>,
    is_in_query: bool,
    handed_on: usize,
    target: Vec<u8>,
    is_mended: bool,
    heads: u64,
    as_sent: VecDeque<(u64, Vec<u8>)>,
}

impl Lines {
    pub(super) fn new() -> Self {
        Self {
            at: At::Start,
            length: Length::None,
            part: Vec::new(),
            held: Vec::new(),
            is_in_query: false,
            handed_on: 0,
            target: Vec::new(),
            is_mended: false,
            heads: 0,
            as_sent: VecDeque::new(),
        }
    }

    /// Heads that were read to their end.
    pub(super) fn heads(&self) -> u64 {
        self.heads
    }

    /// Whether bytes were read that are no whole request yet.
    pub(super) fn is_amid_request(&self) -> bool {
        self.at != At::Start
    }

    /// The target of a request as it was sent, when another one was handed on; the first request is number 1.
    /// Targets of requests before it are forgotten.
    pub(super) fn as_sent(&mut self, number: u64) -> Option<&[u8]> {
        while self.as_sent.front().is_some_and(|(of, _)| *of < number) {
            self.as_sent.pop_front();
        }
        let (of, target) = self.as_sent.front()?;
        (*of == number).then_some(target.as_slice())
    }

    /// Takes what was read next. `None`: it passes as it is; otherwise what is handed on in its place, which may be
    /// nothing yet.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut out = None;
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let end = match self.at {
                At::Unknown => rest.len(),
                At::Start => self.start(rest),
                At::Method => self.method(rest[0]),
                At::Target => {
                    let out = out.get_or_insert_with(|| bytes[..at].to_vec());
                    self.target(rest[0], out);
                    at += 1;
                    continue;
                }
                At::Header | At::ChunkSize | At::Trailer => self.line(rest),
                At::Body(left) => {
                    let now = left.min(rest.len() as u64);
                    self.at = if now == left {
                        At::Start
                    } else {
                        At::Body(left - now)
                    };
                    now as usize
                }
                At::Chunk(left) => {
                    let now = left.min(rest.len() as u64);
                    self.at = if now == left {
                        At::ChunkSize
                    } else {
                        At::Chunk(left - now)
                    };
                    now as usize
                }
            };
            if let Some(out) = &mut out {
                out.extend_from_slice(&rest[..end]);
            }
            at += end;
        }
        out
    }

    /// Bytes that are done with. A line that is there whole and needs nothing is done at once; it is nearly each.
    fn start(&mut self, rest: &[u8]) -> usize {
        if matches!(rest[0], b'\r' | b'\n') {
            return 1;
        }
        self.length = Length::None;
        self.part.clear();
        if let Some(end) = memchr::memchr(b'\n', rest)
            && end < MAX_HANDED_ON
            && is_clean(&rest[..end])
        {
            if rest.starts_with(b"CONNECT ") {
                self.length = Length::Unclear;
            }
            self.at = At::Header;
            return end + 1;
        }
        self.at = At::Method;
        0
    }

    fn method(&mut self, byte: u8) -> usize {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' if self.part.len() < 32 => self.part.push(byte),
            b' ' if !self.part.is_empty() => {
                if self.part == b"CONNECT" {
                    self.length = Length::Unclear;
                }
                self.part.clear();
                self.target.clear();
                (self.is_in_query, self.is_mended, self.handed_on) = (false, false, 0);
                self.at = At::Target;
            }
            _ => self.at = At::Unknown,
        }
        1
    }

    fn target(&mut self, byte: u8, out: &mut Vec<u8>) {
        // Spaces before a target are none of it.
        if byte == b' ' && self.handed_on == 0 {
            self.is_mended = true;
            return;
        }
        if self.held.is_empty() && !matches!(byte, b' ' | b'\n') {
            return self.encode(byte, out);
        }
        self.held.push(byte);
        if is_version(&self.held) {
            if byte == b'\n' {
                out.append(&mut self.held);
                self.end_of_line();
            }
            return;
        }
        let held = std::mem::take(&mut self.held);
        let (last, before) = (byte, &held[..held.len() - 1]);
        before.iter().for_each(|byte| self.encode(*byte, out));
        match last {
            // A line without a version: it is refused behind this.
            b'\n' => {
                out.push(last);
                self.at = At::Unknown;
            }
            b' ' => self.held.push(last),
            _ => self.encode(last, out),
        }
    }

    fn encode(&mut self, byte: u8, out: &mut Vec<u8>) {
        const HEX: &[u8; 16] = b"0123456789ABCDEF";
        if self.target.len() < MAX_REMEMBERED_BYTES {
            self.target.push(byte);
        }
        self.is_in_query |= byte == b'?';
        // A request target has no fragment (RFC 9112, 3.2): clients do not send it. What is sent is the sign of an
        // order number (`#1001`) or of a variable that nobody filled (`##ORDER##`).
        let is_allowed = match byte {
            b'`' => self.is_in_query,
            b'?' => true,
            _ => CLEAN[usize::from(byte)],
        };
        let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
        let (plain, encoded) = ([byte], [b'%', high, low]);
        let handed: &[u8] = if is_allowed { &plain } else { &encoded };
        self.is_mended |= !is_allowed;
        if self.handed_on + handed.len() <= MAX_HANDED_ON {
            out.extend_from_slice(handed);
        }
        self.handed_on += handed.len();
        if self.handed_on > MAX_TARGET {
            self.at = At::Unknown;
        }
    }

    fn end_of_line(&mut self) {
        self.at = At::Header;
        if self.is_mended {
            telemetry::request_line_mended();
            if self.as_sent.len() >= MAX_REMEMBERED {
                self.as_sent.pop_front();
            }
            self.as_sent
                .push_back((self.heads + 1, std::mem::take(&mut self.target)));
        }
    }

    /// A line of a head, before a chunk, or behind the last one: the bytes that are done with.
    fn line(&mut self, rest: &[u8]) -> usize {
        let (end, is_whole) = match memchr::memchr(b'\n', rest) {
            Some(end) => (end, true),
            None => (rest.len(), false),
        };
        if is_whole && self.part.is_empty() {
            self.whole_line(&rest[..end]);
            return end + 1;
        }
        let room = MAX_LINE - self.part.len().min(MAX_LINE);
        self.part.extend_from_slice(&rest[..end.min(room)]);
        if !is_whole {
            return end;
        }
        let line = std::mem::take(&mut self.part);
        self.whole_line(&line);
        end + 1
    }

    /// `line` is without its line feed.
    fn whole_line(&mut self, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        self.at = match (self.at, line.is_empty()) {
            (At::ChunkSize, _) => match chunk_size(line) {
                Some(0) => At::Trailer,
                // With the line end behind the chunk.
                Some(size) => size.checked_add(2).map_or(At::Unknown, At::Chunk),
                None => At::Unknown,
            },
            (At::Trailer, true) => At::Start,
            (At::Header, true) => self.end_of_head(),
            (At::Header, false) => {
                if matches!(line[0] | 0x20, b'c' | b't' | b'u') {
                    self.header(line);
                }
                At::Header
            }
            (other, _) => other,
        };
    }

    fn header(&mut self, line: &[u8]) {
        let Some(colon) = memchr::memchr(b':', line) else {
            return;
        };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            let bytes = std::str::from_utf8(value).ok().and_then(|v| v.parse().ok());
            self.length = match (self.length, bytes) {
                (Length::None, Some(bytes)) if line.len() < MAX_LINE => Length::Bytes(bytes),
                _ => Length::Unclear,
            };
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            let is_chunked = self.length == Length::None && value.eq_ignore_ascii_case(b"chunked");
            self.length = if is_chunked {
                Length::Chunked
            } else {
                Length::Unclear
            };
        } else if name.eq_ignore_ascii_case(b"upgrade") && value.eq_ignore_ascii_case(b"websocket") {
            self.length = Length::Unclear;
        }
    }

    fn end_of_head(&mut self) -> At {
        self.heads += 1;
        match self.length {
            Length::None | Length::Bytes(0) => At::Start,
            Length::Bytes(bytes) => At::Body(bytes),
            Length::Chunked => At::ChunkSize,
            Length::Unclear => At::Unknown,
        }
    }
}

/// The bytes that a path and a query may hold as they are, for the parser behind this.
const CLEAN: [bool; 256] = {
    let mut clean = [false; 256];
    let mut byte = 0x21;
    while byte < 0x7f {
        clean[byte] = !matches!(byte as u8, b'"' | b'#' | b'<' | b'>' | b'`');
        byte += 1;
    }
    clean
};

/// Whether a line needs nothing: two spaces, and else only what may stand as it is. Without its line feed.
fn is_clean(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    // Counted instead of broken off at the first: without branches, eight bytes at a time.
    let unclean = line.iter().filter(|byte| !CLEAN[usize::from(**byte)]).count();
    unclean == 2 && memchr::memchr_iter(b' ', line).count() == 2
}

/// Whether the bytes can be the beginning of what ends a request line.
fn is_version(held: &[u8]) -> bool {
    const SHAPE: &[u8] = b" HTTP/0.0";
    let fits = |(byte, shape): (&u8, &u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        _ => byte == shape,
    };
    let (version, end) = held.split_at(held.len().min(SHAPE.len()));
    version.iter().zip(SHAPE).all(fits) && matches!(end, b"" | b"\r" | b"\r\n" | b"\n")
}

/// The size in the line before a chunk.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let is_ended = line
        .get(digits)
        .is_none_or(|byte| matches!(byte, b';' | b' ' | b'\t'));
    let digits = std::str::from_utf8(&line[..digits]).ok().filter(|_| is_ended)?;
    u64::from_str_radix(digits, 16).ok()
}
