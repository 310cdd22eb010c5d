//! What visitors of the demo draw by lot, and the plain requests that they send.

use super::sample;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const BROWSERS: [&str; 4] = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
];
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn choose_browser() -> &'static str {
    BROWSERS[rand::random_range(0..BROWSERS.len())]
}

pub(super) fn choose_link() -> &'static str {
    let mut left = rand::random_range(0..sample::LINKS.iter().map(|(_, share)| share).sum());
    for (link, share) in sample::LINKS {
        if left < share {
            return link;
        }
        left -= share;
    }
    sample::SHOP_LINK
}

/// What a basket costs, in yen.
pub(super) fn choose_amount() -> i64 {
    rand::random_range(8..120) * 100
}

/// The answer to one request, as text. `headers` are whole lines.
pub(super) fn get(
    server: SocketAddr,
    target: &str,
    user_agent: &str,
    headers: &str,
) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET {target} HTTP/1.1\r\nHost: {server}\r\nUser-Agent: {user_agent}\r\nAccept-Language: ja-JP,ja;q=0.9\r\nReferer: https://media.example/\r\n{headers}Connection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer)?;
    Ok(answer)
}
