//! The requests that are measured, byte for byte.

use crate::support::scene::{BROWSER, text};
use crate::support::server::Server;
use std::net::SocketAddr;

/// What a browser sends with every request.
pub fn headers(address: SocketAddr) -> String {
    format!(
        "Host: {address}\r\nUser-Agent: {BROWSER}\r\nAccept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
         Accept-Language: ja-JP,ja;q=0.9,en;q=0.8\r\nAccept-Encoding: gzip, deflate, br\r\nReferer: https://media.example/article/123\r\n\
         Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: cross-site\r\n"
    )
}

/// Clicks on a link.
pub fn click_request(address: SocketAddr, link: &str) -> impl FnMut(u64) -> Vec<u8> {
    let (link, headers) = (link.to_owned(), headers(address));
    move |n| {
        format!(
            "GET /c/{link}?param1=click{n:012}&param2=site42&campaign=autumn&creative=banner3&utm_source=media HTTP/1.1\r\n{headers}\r\n"
        )
        .into_bytes()
    }
}

/// Impressions of a link.
pub fn impression_request(address: SocketAddr, link: &str) -> impl FnMut(u64) -> Vec<u8> {
    let (link, headers) = (link.to_owned(), headers(address));
    move |n| {
        format!("GET /i/{link}?param1=view{n:012}&campaign=autumn&creative=banner3 HTTP/1.1\r\n{headers}\r\n")
            .into_bytes()
    }
}

/// SIDs to convert, made before the clock runs.
pub fn sessions(server: &Server, link: &str, count: usize) -> Vec<String> {
    let mut client = server.client();
    (0..count)
        .map(|n| {
            let target = format!("/c/{link}?param1=p{n}&s2s=1");
            let answer = client.send("GET", &target, &[("User-Agent", BROWSER)], b"").ok();
            text(&answer["sid"])
        })
        .collect()
}

/// So many distinct sessions that each gets a sale or two, as clicks do, in no order: sales do not come in that of
/// their clicks. Made by several clients at once.
pub fn many_sessions(server: &Server, link: &str) -> Vec<String> {
    const CLIENTS: usize = 32;
    const EACH: usize = 2_000;
    let of_clients: Vec<Vec<String>> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| scope.spawn(|| sessions(server, link, EACH)))
            .collect();
        let made = clients.into_iter().map(|client| client.join().expect("sessions"));
        made.collect()
    });
    let all = of_clients.concat();
    // A step without a common divisor with the number of them meets each once.
    (0..all.len())
        .map(|n| all[n * 27_691 % all.len()].clone())
        .collect()
}

/// Conversions of sessions, each with an order of its own.
pub fn conversion_request(address: SocketAddr, sids: Vec<String>) -> impl FnMut(u64) -> Vec<u8> {
    move |n| {
        let body = format!(
            "sid={}&uid1=order-{n}&amount={}&currency=JPY",
            sids[n as usize % sids.len()],
            n % 10_000
        );
        format!(
            "POST /cv HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/x-www-form-urlencoded\r\nUser-Agent: shop/1.0\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}

/// The same with a person, in JSON.
pub fn person_request(address: SocketAddr, sids: Vec<String>) -> impl FnMut(u64) -> Vec<u8> {
    move |n| {
        let body = format!(
            r#"{{"sid":"{}","uid1":"order-{n}","amount":{},"currency":"JPY","email":"Taro.Yamada+{n}@Example.com","phone":"090-{:04}-{:04}","consent":"granted"}}"#,
            sids[n as usize % sids.len()],
            n % 10_000,
            n / 10_000 + 1_000,
            n % 10_000,
        );
        format!(
            "POST /cv HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nUser-Agent: shop/1.0\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}
