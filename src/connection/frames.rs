//! Streams of HTTP/2, and connections, that are reset below our code, since what the client sent is no request: that is
//! said by a number in a frame alone, and nobody else hears of it. So the frames are looked at on their way out, and
//! counted.

use crate::telemetry;

const HEAD: usize = 9;
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;
/// Where the error stands in the content of each.
const AT_OF_RST_STREAM: usize = 0;
const AT_OF_GOAWAY: usize = 4;
/// Errors that speak of what the client sent: PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED, FRAME_SIZE_ERROR,
/// COMPRESSION_ERROR, ENHANCE_YOUR_CALM.
const OF_THE_CLIENT: [u32; 6] = [1, 3, 5, 6, 9, 11];

/// The frames of one connection, as they are written.
#[derive(Debug, Default)]
pub(super) struct Frames {
    head: [u8; HEAD],
    /// Bytes of the head that were written.
    begun: usize,
    /// Bytes of the content that are to come.
    left: usize,
    /// Bytes of the content that were written.
    passed: usize,
    error: u32,
}

impl Frames {
    /// Takes note of bytes that were written.
    pub(super) fn wrote(&mut self, bytes: &[u8]) {
        for code in self.errors(bytes) {
            if OF_THE_CLIENT.contains(&code) {
                telemetry::request_unread("http2_reset");
            }
        }
    }

    /// The errors of the frames that end in these bytes.
    fn errors(&mut self, mut bytes: &[u8]) -> Vec<u32> {
        let mut errors = Vec::new();
        while !bytes.is_empty() {
            if self.begun < HEAD {
                let now = bytes.len().min(HEAD - self.begun);
                self.head[self.begun..self.begun + now].copy_from_slice(&bytes[..now]);
                self.begun += now;
                bytes = &bytes[now..];
                if self.begun < HEAD {
                    break;
                }
                let [a, b, c, ..] = self.head;
                self.left = u32::from_be_bytes([0, a, b, c]) as usize;
                (self.passed, self.error) = (0, 0);
            }
            let now = bytes.len().min(self.left);
            if let Some(at) = self.place() {
                for (n, byte) in bytes[..now].iter().enumerate() {
                    if (at..at + 4).contains(&(self.passed + n)) {
                        self.error = self.error << 8 | u32::from(*byte);
                    }
                }
            }
            self.passed += now;
            self.left -= now;
            bytes = &bytes[now..];
            if self.left == 0 {
                if self.place().is_some() {
                    errors.push(self.error);
                }
                self.begun = 0;
            }
        }
        errors
    }

    /// Where the error of the present frame stands, if it has one.
    fn place(&self) -> Option<usize> {
        match self.head[3] {
            RST_STREAM => Some(AT_OF_RST_STREAM),
            GOAWAY => Some(AT_OF_GOAWAY),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        let head = [length[1], length[2], length[3], kind, 0, 0, 0, 0, 1];
        [&head, content].concat()
    }

    #[test]
    fn errors_are_found_however_the_frames_are_cut() {
        let all = [
            frame(4, &[]),
            frame(0, &[3; 300]),
            frame(RST_STREAM, &[0, 0, 0, 1]),
            frame(1, &[7; 20]),
            frame(GOAWAY, &[0, 0, 0, 9, 0, 0, 0, 11, b'x', b'y']),
            frame(RST_STREAM, &[0, 0, 0, 8]),
        ]
        .concat();
        for piece in [1, 2, 3, 7, 9, 10, 64, 10_000] {
            let mut frames = Frames::default();
            let found: Vec<u32> = all.chunks(piece).flat_map(|bytes| frames.errors(bytes)).collect();
            assert_eq!(found, [1, 11, 8], "{piece}");
        }
    }
}
