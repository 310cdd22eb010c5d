use super::lines::Lines;
use super::refusal::worded;

/// What is handed on when the bytes come in pieces of so many.
fn handed_on(lines: &mut Lines, bytes: &[u8], piece: usize) -> Vec<u8> {
    let take = |piece: &[u8]| lines.take(piece).unwrap_or_else(|| piece.to_vec());
    bytes.chunks(piece).flat_map(take).collect()
}

fn check(sent: &[u8], expected: &[u8], heads: u64) {
    for piece in [1, 2, 3, 7, 16, sent.len()] {
        let mut lines = Lines::new();
        let handed = handed_on(&mut lines, sent, piece);
        assert_eq!(
            handed,
            expected,
            "in pieces of {piece}: {:?} became {:?}",
            String::from_utf8_lossy(sent),
            String::from_utf8_lossy(&handed)
        );
        assert_eq!(lines.heads(), heads, "{:?}", String::from_utf8_lossy(sent));
    }
}

fn line(sent: &[u8], expected: &str) {
    let around = |target: &[u8]| [b"GET ", target, b" HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
    check(&around(sent), &around(expected.as_bytes()), 1);
}

#[test]
fn what_no_url_may_hold_is_percent_encoded() {
    line("/c/a?label=春".as_bytes(), "/c/a?label=%E6%98%A5");
    line(b"/c/a?label=\x8ft", "/c/a?label=%8Ft");
    line(b"/c/a?x=\"b\"<i>`\\|{}^[]", "/c/a?x=%22b%22%3Ci%3E`\\|{}^[]");
    line(b"/c/`a`", "/c/%60a%60");
    line(b"/c/a?label=two words  here", "/c/a?label=two%20words%20%20here");
    line(
        b"/c/a?label=tab\tand\x0b\x0c\x00\x7f",
        "/c/a?label=tab%09and%0B%0C%00%7F",
    );
    line(
        "/c/a?label=\u{a0}\u{3000}".as_bytes(),
        "/c/a?label=%C2%A0%E3%80%80",
    );
    line(
        b"/cv?uid1=##ORDER##&amount=1",
        "/cv?uid1=%23%23ORDER%23%23&amount=1",
    );
    line(b"/c/a?q=see HTTP/1.1 there", "/c/a?q=see%20HTTP/1.1%20there");
    line(b"/c/a?q= HTTP/1.1 HTTP/1.0", "/c/a?q=%20HTTP/1.1%20HTTP/1.0");
    line(b" /c/a?q=1", "/c/a?q=1");
    line(b"/c/a?q=1 ", "/c/a?q=1%20");
}

#[test]
fn what_is_a_url_stays_as_it_is() {
    for target in [
        "/c/a?label=%E6%98%A5&b=50%off",
        "/",
        "*",
        "/c/a?x[]={b}|c",
        "http://a/c/b?x=1",
    ] {
        line(target.as_bytes(), target);
    }
    let mut lines = Lines::new();
    let plain =
        b"\r\nGET /c/a HTTP/1.1\r\nHost: a\r\n\r\nPOST /cv HTTP/1.1\r\nContent-Length: 3\r\n\r\na=1GET";
    assert_eq!(lines.take(plain), None);
    assert_eq!((lines.heads(), lines.is_amid_request()), (2, true));
    assert_eq!(
        lines.take(b" / HTTP/1.1\r\nHost: a\r\n\r\n"),
        Some(b" / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec())
    );
    assert_eq!((lines.heads(), lines.is_amid_request()), (3, false));
}

#[test]
fn bodies_and_headers_are_never_touched() {
    let body = "GET /c/春 HTTP/1.1\r\nX: <\r\n\r\n";
    let length = body.len();
    let next = ["GET /春 HTTP/1.1\r\n\r\n", "GET /%E6%98%A5 HTTP/1.1\r\n\r\n"];
    for head in [
        format!("POST /cv HTTP/1.1\r\nX-Name: <山田>\r\ncontent-LENGTH:  {length} \r\n\r\n{body}"),
        format!("POST /cv HTTP/1.1\nContent-Length: {length}\n\n{body}"),
        format!(
            "POST /cv HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n{length:x};a=\"b\"\r\n{body}\r\n1\r\n<\r\n0\r\n\r\n"
        ),
        format!(
            "POST /cv HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{length:X}\r\n{body}\r\n000\r\nT: <\r\n\r\n"
        ),
        "POST /cv HTTP/1.1\r\nContent-Length: 0\r\n\r\n".to_owned(),
    ] {
        check(
            (head.clone() + next[0]).as_bytes(),
            (head + next[1]).as_bytes(),
            2,
        );
    }
}

#[test]
fn from_the_first_unclear_thing_on_everything_passes() {
    let rest = "GET /春 HTTP/1.1\r\n\r\n";
    for (head, heads) in [
        (
            "POST /cv HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
            1,
        ),
        ("POST /cv HTTP/1.1\r\nContent-Length: x\r\n\r\n", 1),
        (
            "POST /cv HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            1,
        ),
        ("POST /cv HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 1),
        ("POST /cv HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 1),
        ("GET /api HTTP/1.1\r\nUpgrade: WebSocket\r\n\r\n", 1),
        ("CONNECT a:1 HTTP/1.1\r\n\r\n", 1),
        ("\u{16}\u{3}\u{1} \n", 0),
        ("GET /a\n", 0),
    ] {
        let sent = head.to_owned() + rest;
        check(sent.as_bytes(), sent.as_bytes(), heads);
    }
}

#[test]
fn the_target_as_it_was_sent_is_remembered_for_its_request() {
    let mut lines = Lines::new();
    let sent = "GET /a?x=1 HTTP/1.1\r\n\r\nGET /b?x=山 HTTP/1.1\r\n\r\nGET /c HTTP/1.1\r\n\r\nGET /d?\" HTTP/1.1\r\n\r\n";
    lines.take(sent.as_bytes());
    assert_eq!(lines.as_sent(1), None);
    assert_eq!(lines.as_sent(2), Some("/b?x=山".as_bytes()));
    assert_eq!(lines.as_sent(3), None);
    assert_eq!(lines.as_sent(4), Some(b"/d?\"".as_slice()));
    assert_eq!(lines.as_sent(5), None);
}

#[test]
fn a_target_without_an_end_takes_no_memory() {
    let mut lines = Lines::new();
    let mut handed = handed_on(&mut lines, b"GET /", 5).len();
    for _ in 0..100 {
        handed += handed_on(&mut lines, &[b'a'; 10_000], 10_000).len();
    }
    assert!(handed <= 60_010, "{handed}");
    handed += handed_on(&mut lines, b" HTTP/1.1\r\n\r\n", 99).len();
    assert_eq!((handed, lines.heads()), (60_017, 1));
}

fn sentence(status: u16) -> Option<(&'static str, Vec<u8>)> {
    (status == 400).then(|| {
        (
            "unreadable_request",
            b"{\"code\":\"unreadable_request\"}".to_vec(),
        )
    })
}

#[test]
fn a_refusal_gets_its_sentence_and_nothing_else_does() {
    let empty = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\ndate: today\r\n\r\n";
    let text = String::from_utf8(worded(empty, sentence).unwrap()).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(
        head.contains(&format!("content-length: {}\r\n", body.len())),
        "{head}"
    );
    assert!(head.ends_with("connection: close\r\ndate: today"), "{head}");
    assert!(body.contains("\"unreadable_request\""), "{body}");
    for other in [
        &b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}"[..],
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n",
        b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"x",
    ] {
        assert_eq!(
            worded(other, sentence),
            None,
            "{:?}",
            String::from_utf8_lossy(other)
        );
    }
}
