//! Three functions of the libcurl that is linked in, replaced when the program is linked (`--wrap` of the linker, set in
//! `build.rs`), since no option of libcurl or isahc does what is needed:
//!
//! * `Curl_retry_request`: a request over a reused connection that ends without a byte of an answer is repeated up to
//!   five times within milliseconds. A receiver that read it and closed gets the same sale six times, while one attempt
//!   is recorded. Here nothing is repeated: the attempt ends as `reset`, and the schedule decides.
//! * `Curl_cpool_conn_seems_healthy`: an idle connection is looked at once a second at most, so one that the receiver
//!   has closed meanwhile is used again, which only the repeat made good. Here it is looked at each time.
//! * `Curl_client_write`: isahc ends the transfer at header lines that libcurl itself and every browser accept, such as
//!   lines that end in LF alone or `X-A : b`. Here header lines are written in the one form that isahc reads, and what
//!   is no header at all is left out. The status line decides a postback; a crooked decoration must not repeat it.
//!
//! They are internal to libcurl; `Cargo.lock` pins its version, and tests of [`super::client`] notice when a new one
//! no longer calls them.
#![allow(unsafe_code, reason = "functions that C calls")]

use std::ffi::{c_char, c_int, c_void};

/// In `type` of `Curl_client_write`: a line of the head.
const HEADER: c_int = 1 << 2;

type ClientWrite = unsafe extern "C" fn(*mut c_void, c_int, *const c_char, usize) -> c_int;

unsafe extern "C" {
    #[link_name = "__real_Curl_client_write"]
    fn real_client_write(data: *mut c_void, kind: c_int, bytes: *const c_char, length: usize) -> c_int;
    #[link_name = "__real_Curl_cpool_conn_seems_healthy"]
    fn real_seems_healthy(connection: *mut c_void, data: *mut c_void, now: *const c_void) -> bool;
    #[link_name = "Curl_get_admin"]
    fn admin_of(data: *mut c_void) -> *mut c_void;
    #[link_name = "Curl_attach_connection"]
    fn attach(data: *mut c_void, connection: *mut c_void, is_in_use: bool);
    #[link_name = "Curl_detach_connection"]
    fn detach(data: *mut c_void);
    #[link_name = "Curl_conn_is_alive"]
    fn is_alive(data: *mut c_void, connection: *mut c_void, has_input: *mut bool) -> bool;
}

/// Keeps the functions in the program: only C refers to them.
pub(super) fn link() {
    std::hint::black_box(retry_request as unsafe extern "C" fn(*mut c_void, *mut *mut c_char) -> c_int);
    std::hint::black_box(client_write as ClientWrite);
    std::hint::black_box(
        seems_healthy as unsafe extern "C" fn(*mut c_void, *mut c_void, *const c_void) -> bool,
    );
}

/// Never repeats.
#[unsafe(export_name = "__wrap_Curl_retry_request")]
unsafe extern "C" fn retry_request(_data: *mut c_void, url: *mut *mut c_char) -> c_int {
    // SAFETY: libcurl passes the address of a pointer of its own; null means that nothing is repeated.
    unsafe { url.write(std::ptr::null_mut()) };
    0
}

/// Whether an idle connection can be used again: it is open, and nothing came over it unasked.
#[unsafe(export_name = "__wrap_Curl_cpool_conn_seems_healthy")]
unsafe extern "C" fn seems_healthy(connection: *mut c_void, data: *mut c_void, now: *const c_void) -> bool {
    // SAFETY: what libcurl passed, unchanged.
    if !unsafe { real_seems_healthy(connection, data, now) } {
        return false;
    }
    let mut has_input = false;
    // SAFETY: as libcurl's own function does it for a connection that nobody uses.
    let is_alive = unsafe {
        let admin = admin_of(data);
        attach(admin, connection, false);
        let is_alive = is_alive(admin, connection, &raw mut has_input);
        detach(admin);
        is_alive
    };
    is_alive && !has_input
}

/// Writes header lines in one form, everything else as it came.
#[unsafe(export_name = "__wrap_Curl_client_write")]
unsafe extern "C" fn client_write(
    data: *mut c_void,
    kind: c_int,
    bytes: *const c_char,
    length: usize,
) -> c_int {
    if kind & HEADER == 0 || bytes.is_null() {
        // SAFETY: what libcurl passed, unchanged.
        return unsafe { real_client_write(data, kind, bytes, length) };
    }
    // SAFETY: libcurl passes so many readable bytes, which it does not change during the call.
    let line = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), length) };
    match header_line(line) {
        // SAFETY: the bytes live until the call returns; libcurl copies what it keeps.
        Some(line) => unsafe { real_client_write(data, kind, line.as_ptr().cast(), line.len()) },
        None => 0,
    }
}

/// A line of the head, with CR and LF at its end and no white space before the colon; `None` when it is neither a
/// status line, a header nor the empty line.
fn header_line(line: &[u8]) -> Option<Vec<u8>> {
    let text = line.trim_ascii_end();
    let mut tidy = Vec::with_capacity(text.len() + 2);
    if text.starts_with(b"HTTP/") {
        tidy.extend_from_slice(text);
    } else if !text.is_empty() {
        let colon = text.iter().position(|byte| *byte == b':')?;
        let name = text[..colon].trim_ascii();
        let is_name = !name.is_empty()
            && name
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte));
        if !is_name {
            return None;
        }
        tidy.extend_from_slice(name);
        tidy.extend_from_slice(b": ");
        let is_readable = |byte: &u8| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f);
        tidy.extend(text[colon + 1..].trim_ascii().iter().copied().filter(is_readable));
    }
    tidy.extend_from_slice(b"\r\n");
    Some(tidy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_lines_are_written_in_one_form() {
        for (line, expected) in [
            ("HTTP/1.1 200 OK\n", Some("HTTP/1.1 200 OK\r\n")),
            ("HTTP/1.1 200\r\n", Some("HTTP/1.1 200\r\n")),
            ("\n", Some("\r\n")),
            ("\r\n", Some("\r\n")),
            ("X-A : b\r\n", Some("X-A: b\r\n")),
            (" X-A\t:b \n", Some("X-A: b\r\n")),
            ("X-A:\r\n", Some("X-A: \r\n")),
            ("X-A: a\u{1}b\r\n", Some("X-A: ab\r\n")),
            ("no header\r\n", None),
            (": x\r\n", None),
            ("a b: x\r\n", None),
        ] {
            let tidy = header_line(line.as_bytes()).map(|line| String::from_utf8(line).unwrap());
            assert_eq!(tidy.as_deref(), expected, "{line:?}");
        }
    }
}
