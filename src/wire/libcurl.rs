//! Five functions of the libcurl that is linked in, replaced when the program is linked (`--wrap` of the linker, set in
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
//! * `curl_easy_setopt`: isahc has libcurl put into words whatever it does, a twelfth of the client's work for a
//!   postback, for logs that we never write: it asks for them wherever `tracing` passes on to `log`, which actix
//!   switches on. Here the option stays off.
//! * `Curl_bufq_init2`: what has a body is sent through a buffer of 64 KiB, which is filled with zeros for each request;
//!   isahc has no word for the option that sets its size. Here it is smaller, and longer bodies pass in turns.
//!
//! All but `curl_easy_setopt` are internal to libcurl; `Cargo.lock` pins its version, and tests of [`super::client`]
//! notice when a new one no longer calls the first three. The last two only cost time.
#![allow(unsafe_code, reason = "functions that C calls")]

use std::ffi::{c_char, c_int, c_void};

/// In `type` of `Curl_client_write`: a line of the head.
const HEADER: c_int = 1 << 2;

/// The option of `curl_easy_setopt` that is left off.
const VERBOSE: c_int = 41;

/// The buffer of what is sent, as libcurl has it, and as it is here, bytes.
const SEND_BUFFER: usize = 64 * 1024;
const OUR_SEND_BUFFER: usize = 8 * 1024;

type ClientWrite = unsafe extern "C" fn(*mut c_void, c_int, *const c_char, usize) -> c_int;

unsafe extern "C" {
    #[link_name = "__real_Curl_client_write"]
    fn real_client_write(data: *mut c_void, kind: c_int, bytes: *const c_char, length: usize) -> c_int;
    #[link_name = "__real_Curl_cpool_conn_seems_healthy"]
    fn real_seems_healthy(connection: *mut c_void, data: *mut c_void, now: *const c_void) -> bool;
    #[link_name = "__real_curl_easy_setopt"]
    fn real_setopt(easy: *mut c_void, option: c_int, ...) -> c_int;
    #[link_name = "__real_Curl_bufq_init2"]
    fn real_init(queue: *mut c_void, chunk: usize, chunks: usize, options: c_int);
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
    std::hint::black_box(setopt as unsafe extern "C" fn(*mut c_void, c_int, *mut c_void) -> c_int);
    std::hint::black_box(init as unsafe extern "C" fn(*mut c_void, usize, usize, c_int));
    std::hint::black_box(retry_request as unsafe extern "C" fn(*mut c_void, *mut *mut c_char) -> c_int);
    std::hint::black_box(client_write as ClientWrite);
    std::hint::black_box(
        seems_healthy as unsafe extern "C" fn(*mut c_void, *mut c_void, *const c_void) -> bool,
    );
}

/// Sets an option. Every value that libcurl takes is of one machine word, and passed in a register like it, on the
/// systems that we are built for (64 bits, Linux).
#[unsafe(export_name = "__wrap_curl_easy_setopt")]
unsafe extern "C" fn setopt(easy: *mut c_void, option: c_int, value: *mut c_void) -> c_int {
    let value = if option == VERBOSE {
        std::ptr::null_mut()
    } else {
        value
    };
    // SAFETY: what libcurl's caller passed, or zero for an option that takes zero or one.
    unsafe { real_setopt(easy, option, value) }
}

/// Prepares a buffer.
#[unsafe(export_name = "__wrap_Curl_bufq_init2")]
unsafe extern "C" fn init(queue: *mut c_void, chunk: usize, chunks: usize, options: c_int) {
    let chunk = if chunk == SEND_BUFFER {
        OUR_SEND_BUFFER
    } else {
        chunk
    };
    // SAFETY: what libcurl passed; any size will do.
    unsafe { real_init(queue, chunk, chunks, options) }
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
