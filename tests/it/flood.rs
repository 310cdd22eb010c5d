//! A flood of strangers, short enough for every run: what it leaves is bounded in memory and on the disk, and visitors
//! are answered meanwhile. Compared is what the same machine does within the same run.

use crate::support::files::files_below;
use crate::support::receiver::Receiver;
use crate::support::scene::{BROWSER, Scene};
use crate::support::server::{Server, Setup};
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const FLOODERS: usize = 6;
const REQUESTS: usize = 1_500;
const HALF_SENT: usize = 100;

fn disk_bytes(dir: &Path) -> u64 {
    let sizes = files_below(dir)
        .into_iter()
        .map(|file| std::fs::metadata(file).map_or(0, |m| m.len()));
    sizes.sum()
}

/// Clicks that were answered until told to stop, or so many.
fn clicks(server: &Server, link: &str, most: usize, stop: &AtomicBool) -> usize {
    let mut client = server.client();
    let mut count = 0;
    while count < most && !stop.load(Ordering::Relaxed) {
        let target = format!("/c/{link}?param1=visitor{count}");
        let answer = client.send("GET", &target, &[("User-Agent", BROWSER)], b"");
        assert_eq!(answer.status, 302);
        count += 1;
    }
    count
}

/// What one of the flood sends: each request of another kind and network.
fn flood(server: &Server, link: &str, n: usize) {
    let wide: String = (0..20).map(|i| format!("&p_x{i}={}", "w".repeat(300))).collect();
    for i in 0..REQUESTS {
        let from = format!("198.{}.{}.{}", 18 + n % 2, i % 200, n + 1);
        let mut stranger = server.client().with_header("X-Forwarded-For", &from);
        let target = match i % 6 {
            0 => format!("/cv?sid={i:016}&uid1=a"),
            1 => format!("/cv?sid={i:016}&uid1=a{wide}"),
            2 => "/event?app_token=nope&event_token=nope&s2s=1".to_owned(),
            3 => format!("/cv?cid=none&amount=x{wide}"),
            4 => format!("/c/{link}x{i}"),
            _ => "/api/v1/activities".to_owned(),
        };
        let answer = stranger.get(&target);
        assert!(
            answer.status < 500 || answer.status == 503,
            "{target}: {}",
            answer.status
        );
    }
}

#[test]
fn a_flood_of_strangers_is_bounded_and_visitors_are_answered() {
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path())
        .env("YAMABIKO_TRUSTED_PROXIES", "127.0.0.0/8")
        .env("YAMABIKO_LIMITS_REFUSED_MB", "4")
        .start();
    let scene = Scene::build(&server, &Receiver::start());
    let never = AtomicBool::new(false);
    clicks(&server, &scene.link, 50, &never);
    let begun = Instant::now();
    let alone = clicks(&server, &scene.link, 500, &never);
    let each = begun.elapsed() / u32::try_from(alone).unwrap();
    let (memory, disk) = (server.resident_bytes(), disk_bytes(dir.path()));

    let is_over = AtomicBool::new(false);
    // Bodies that never come hold nothing but their connections.
    let half = format!(
        "POST /cv HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: 15000\r\n\r\n{{",
        server.address()
    );
    let mut held: Vec<TcpStream> = Vec::new();
    for _ in 0..HALF_SENT {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.write_all(half.as_bytes()).unwrap();
        held.push(stream);
    }
    let begun = Instant::now();
    let (beside, most_memory) = std::thread::scope(|scope| {
        let visitors = scope.spawn(|| clicks(&server, &scene.link, usize::MAX, &is_over));
        let memory = scope.spawn(|| {
            let mut most = 0;
            while !is_over.load(Ordering::Relaxed) {
                most = most.max(server.resident_bytes());
                std::thread::sleep(Duration::from_millis(50));
            }
            most
        });
        let flood: Vec<_> = (0..FLOODERS)
            .map(|n| {
                let (server, link) = (&server, &scene.link);
                scope.spawn(move || flood(server, link, n))
            })
            .collect();
        flood.into_iter().for_each(|flooder| flooder.join().unwrap());
        is_over.store(true, Ordering::Relaxed);
        (visitors.join().unwrap(), memory.join().unwrap())
    });
    let took = begun.elapsed();
    drop(held);
    let grown = most_memory.saturating_sub(memory) >> 20;
    let written = disk_bytes(dir.path()).saturating_sub(disk) >> 20;
    println!(
        "{} requests in {took:.1?}: {beside} clicks beside, {each:.1?} each alone; {grown} MiB more memory, {written} MiB more disk",
        FLOODERS * REQUESTS
    );
    // Seven clients share what one had; a fiftieth of what it did alone is far below that on any machine.
    let expected = took.as_secs_f64() / each.as_secs_f64() / 50.0;
    assert!(
        beside as f64 >= expected.floor(),
        "{beside} clicks, {expected} expected"
    );
    assert!(grown < 128, "{grown} MiB more memory");
    // 4 MiB of records, the clicks, and what the store takes for them ahead.
    assert!(written < 160, "{written} MiB more disk");
    assert_eq!(server.client().get("/healthz").status, 200);
}
