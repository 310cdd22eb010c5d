//! Exports as an attack: many at once, connections that take nothing, operators who have left. Files for people and
//! for programs. Answers of the API in a compressed form.

use crate::support::client::Client;
use crate::support::eventually;
use crate::support::receiver::Receiver;
use crate::support::scene::{BROWSER, Scene, text};
use crate::support::server::{Server, Setup};
use serde_json::json;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Clicks in the store, about 2 KB each in the file.
const CLICKS: usize = 12_000;
const PATIENCE: Duration = Duration::from_secs(60);

/// Clicks with much in them, over several connections.
fn fill(server: &Server, link: &str) {
    let threads = 8;
    std::thread::scope(|scope| {
        for n in 0..threads {
            scope.spawn(move || {
                let mut client = server.client();
                let much = ["param2", "param3", "param4", "param5"]
                    .map(|name| format!("&{name}={}", "p".repeat(450)));
                let much = much.concat();
                for i in 0..CLICKS / threads {
                    let target = format!("/c/{link}?s2s=1&param1=c{n}-{i}{much}");
                    let headers = [("User-Agent", BROWSER)];
                    assert_eq!(client.send("GET", &target, &headers, b"").status, 200);
                }
            });
        }
    });
}

/// A client with a read token of its own, and the token's id.
fn new_reader(server: &Server, admin: &Client, name: &str) -> (Client, String) {
    let token = admin
        .at(server.address())
        .post_json("/api/v1/tokens", &json!({"name": name, "scope": "read"}))
        .ok();
    let secret = format!("Bearer {}", text(&token["secret"]));
    let client = server.client().with_header("Authorization", &secret);
    (client, text(&token["token"]["id"]))
}

/// The median and the p99 of clicks, in milliseconds, until told to stop or `most` have been made.
fn click_times(server: &Server, link: &str, most: usize, stop: &AtomicBool) -> (f64, f64) {
    let mut client = server.client();
    let mut took = Vec::new();
    while took.len() < most && !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let target = format!("/c/{link}?s2s=1&param1=p99");
        let answer = client.send("GET", &target, &[("User-Agent", BROWSER)], b"");
        assert_eq!(answer.status, 200);
        took.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    took.sort_by(f64::total_cmp);
    (took[took.len() / 2], took[took.len() * 99 / 100])
}

/// A connection that has asked for a file and reads its head only.
fn begin(server: &Server, client: &Client, target: &str) -> (u16, BufReader<TcpStream>) {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut head = format!("GET {target} HTTP/1.1\r\nHost: {}\r\n", server.address());
    for (name, value) in client.headers() {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let mut status = String::new();
    reader.read_line(&mut status).unwrap();
    let status = status.split(' ').nth(1).unwrap().parse().unwrap();
    (status, reader)
}

#[test]
fn many_exports_at_once_are_two_in_bounded_memory() {
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    let scene = Scene::build(&server, &Receiver::start());
    fill(&server, &scene.link);
    let readers: Vec<Client> = (0..4)
        .map(|n| new_reader(&server, &scene.admin, &format!("reader{n}")).0)
        .collect();
    let never = AtomicBool::new(false);
    let alone = click_times(&server, &scene.link, 500, &never);
    let before = server.resident_bytes();
    let is_over = AtomicBool::new(false);
    let (answers, beside, most_memory) = std::thread::scope(|scope| {
        let clicks = scope.spawn(|| click_times(&server, &scene.link, usize::MAX, &is_over));
        let memory = scope.spawn(|| {
            let mut most = 0;
            while !is_over.load(Ordering::Relaxed) {
                most = most.max(server.resident_bytes());
                std::thread::sleep(Duration::from_millis(20));
            }
            most
        });
        let asked: Vec<_> = (0..100)
            .map(|n| {
                let mut client = readers[n % readers.len()].at(server.address());
                scope.spawn(move || client.get("/api/v1/sessions.csv?language=ja"))
            })
            .collect();
        let answers: Vec<_> = asked.into_iter().map(|asked| asked.join().unwrap()).collect();
        is_over.store(true, Ordering::Relaxed);
        (answers, clicks.join().unwrap(), memory.join().unwrap())
    });
    let done = answers.iter().filter(|a| a.status == 200).count();
    for answer in answers.iter().filter(|a| a.status != 200) {
        let code = answer.error_code();
        assert_eq!(answer.status, 429, "{}", answer.text());
        assert!(code == "export_running" || code == "exports_busy", "{code}");
        assert!(answer.header("retry-after").is_some());
    }
    assert!((1..=50).contains(&done), "{done} of 100 exports were made");
    for whole in answers.iter().filter(|a| a.status == 200) {
        let lines = whole.body.iter().filter(|b| **b == b'\n').count();
        assert!(lines > CLICKS, "{lines} lines");
    }
    let grown = most_memory.saturating_sub(before) >> 20;
    println!(
        "{done} exports; clicks (p50, p99) in ms: {alone:.1?} alone, {beside:.1?} beside; {grown} MiB more"
    );
    assert!(grown < 64, "{grown} MiB more");
    assert!(
        beside.0 < alone.0 * 20.0 + 100.0,
        "the median is {} ms beside, {} ms alone",
        beside.0,
        alone.0
    );
}

#[test]
fn an_export_ends_with_its_connection_and_with_its_login() {
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    let scene = Scene::build(&server, &Receiver::start());
    fill(&server, &scene.link);
    let (mut reader, token) = new_reader(&server, &scene.admin, "reader");
    let all = "/api/v1/sessions.csv";

    // One that takes nothing holds the place of its operator; with the connection the place is free.
    let (status, held) = begin(&server, &reader, all);
    assert_eq!(status, 200);
    let refused = reader.get("/api/v1/links.csv");
    assert_eq!(
        (refused.status, refused.error_code()),
        (429, "export_running".into())
    );
    drop(held);
    eventually("the place is free", PATIENCE, || {
        (reader.get("/api/v1/links.csv").status == 200).then_some(())
    });

    // With the token the file ends, and not as a whole one.
    let mut others = ["second", "third"].map(|name| new_reader(&server, &scene.admin, name).0);
    let (status, mut held) = begin(&server, &reader, all);
    assert_eq!(status, 200);
    assert_eq!(
        scene
            .admin
            .at(server.address())
            .send("DELETE", &format!("/api/v1/tokens/{token}"), &[], b"")
            .status,
        204
    );
    // The login is looked at every five seconds: then its place is free, of which there are two.
    let (status, _second) = begin(&server, &others[0], all);
    assert_eq!(status, 200);
    eventually("the place of who is gone is free", PATIENCE, || {
        (others[1].get("/api/v1/links.csv").status == 200).then_some(())
    });
    let mut rest = Vec::new();
    let read = held.read_to_end(&mut rest);
    assert!(
        read.is_err() || !rest.ends_with(b"0\r\n\r\n"),
        "{} bytes and the end of the body",
        rest.len()
    );
}

/// Lines of a file without its byte order mark, split into cells.
fn cells(csv: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(csv.trim_start_matches('\u{feff}').as_bytes());
    reader
        .records()
        .map(|record| record.unwrap().iter().map(str::to_owned).collect())
        .collect()
}

/// The cell of the first line under a heading.
fn cell<'a>(file: &'a [Vec<String>], heading: &str) -> &'a str {
    let at = file[0].iter().position(|own| own == heading);
    &file[1][at.unwrap_or_else(|| panic!("no column {heading}: {:?}", file[0]))]
}

#[test]
fn a_file_is_for_people_in_their_words_or_for_programs_in_codes() {
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    let mut scene = Scene::build(&server, &Receiver::start());
    let sid = scene.click(&server, "c1");
    let cv = format!("/cv?sid={sid}&amount=780700&uid1=A-1");
    assert_eq!(server.client().get(&cv).ok()["result"], "accepted");
    let mut file = |query: &str| {
        let answer = scene.admin.get(&format!("/api/v1/{query}"));
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        cells(&answer.text())
    };
    let japanese = file("activities.csv?language=ja");
    for (heading, word) in [
        ("注文番号", "A-1"),
        ("ステータス", "承認"),
        ("判定", "計測済み"),
        ("種類", "成果"),
        ("広告", "Shop"),
        ("媒体", "Media"),
        ("成果地点", "purchase"),
        ("売上", "780700"),
        ("通貨", "JPY"),
        ("テスト", "いいえ"),
    ] {
        assert_eq!(cell(&japanese, heading), word, "{heading}");
    }
    let english = file("activities.csv?language=en");
    assert_eq!(cell(&english, "Order number"), "A-1");
    assert_eq!(cell(&english, "Status"), "Approved");
    for codes in [
        file("activities.csv"),
        file("activities.csv?language=ja&codes=true"),
    ] {
        assert_eq!(cell(&codes, "uid1"), "A-1");
        assert_eq!(cell(&codes, "status"), "approved");
        assert_eq!(
            (cell(&codes, "amount"), cell(&codes, "currency")),
            ("780700", "JPY")
        );
        assert!(!codes[0].contains(&"広告".to_owned()));
    }
    let links = file("links.csv?language=ja");
    assert_eq!((cell(&links, "広告"), cell(&links, "媒体")), ("Shop", "Media"));
    assert!(links[1].iter().any(|cell| cell.contains("/c/")), "{links:?}");
    assert_eq!(cell(&file("offers.csv"), "name"), "Shop");
    assert_eq!(cell(&file("partners.csv"), "name"), "Media");
    assert_eq!(cell(&file("rules.csv?language=en"), "Partner"), "Media");

    // What was exported for people can be uploaded again, in both languages.
    for language in ["ja", "en"] {
        let exported = scene
            .admin
            .get(&format!("/api/v1/activities.csv?language={language}&kind=event"));
        let csv = [("Content-Type", "text/csv")];
        let again = scene
            .admin
            .send("POST", "/api/v1/conversions/upload", &csv, &exported.body);
        let again = again.ok();
        assert_eq!(
            (&again["unchanged"], &again["is_applied"]),
            (&json!(1), &json!(true)),
            "{again}"
        );
    }
}

#[test]
fn json_is_compressed_for_those_who_accept_it() {
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    let mut scene = Scene::build(&server, &Receiver::start());
    (0..60).for_each(|n| drop(scene.click(&server, &format!("c{n}"))));
    let list = "/api/v1/sessions?limit=50";
    let plain = scene.admin.get(list);
    assert_eq!(plain.header("content-encoding"), None);
    assert!(
        plain
            .header("vary")
            .is_some_and(|v| v.contains("Accept-Encoding"))
    );
    let accept = [("Accept-Encoding", "gzip, deflate, br")];
    let small = scene.admin.send("GET", list, &accept, b"");
    assert_eq!(small.header("content-encoding"), Some("gzip"));
    let mut back = Vec::new();
    flate2::read::GzDecoder::new(&*small.body)
        .read_to_end(&mut back)
        .unwrap();
    assert_eq!(back, plain.body);
    println!("{} bytes, compressed {}", plain.body.len(), small.body.len());
    assert!(small.body.len() * 5 < plain.body.len());
    // Errors and small answers are sent as they are; events are never held up.
    let error = scene.admin.send("GET", "/api/v1/sessions/x", &accept, b"");
    assert_eq!((error.status, error.header("content-encoding")), (404, None));
    let mut headers = scene.admin.headers().to_vec();
    headers.push(("Accept-Encoding".into(), "gzip".into()));
    let client = headers.iter().fold(server.client(), |client, (name, value)| {
        client.with_header(name, value)
    });
    let (status, mut stream) = begin(&server, &client, "/api/v1/stream");
    assert_eq!(status, 200);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        stream.read_line(&mut head).unwrap();
    }
    assert!(!head.to_lowercase().contains("content-encoding"), "{head}");
}
