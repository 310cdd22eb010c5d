//! Answers that actix gives by itself, since a request could not be read: they are empty, so a sentence is put into
//! them on their way out, and they are counted.

use crate::telemetry;

/// What is said with such a refusal: its stable code, and the body as JSON. `None` for a status whose answer stays as
/// it is.
pub type Wording = fn(status: u16) -> Option<(&'static str, Vec<u8>)>;

/// The longest head of such an answer.
const MAX_HEAD: usize = 256;
/// How each of them goes on behind its status line.
const EMPTY: &str = "\r\ncontent-length: 0\r\n";

/// What is written instead of `bytes`, when those are a refusal of actix's own and nothing else.
pub(super) fn worded(bytes: &[u8], wording: Wording) -> Option<Vec<u8>> {
    if bytes.len() > MAX_HEAD || !bytes.starts_with(b"HTTP/1.") {
        return None;
    }
    let head = std::str::from_utf8(bytes).ok()?;
    let lines = head
        .strip_suffix("\r\n\r\n")
        .filter(|lines| !lines.contains("\r\n\r\n"))?;
    let (status_line, others) = lines.split_once(EMPTY)?;
    let (code, body) = wording(status_line.split(' ').nth(1)?.parse().ok()?)?;
    telemetry::request_unread(code);
    let length = body.len();
    let head = format!(
        "{status_line}\r\ncontent-length: {length}\r\ncontent-type: application/json\r\ncache-control: no-store\r\n{others}\r\n\r\n"
    );
    Some([head.into_bytes(), body].concat())
}
