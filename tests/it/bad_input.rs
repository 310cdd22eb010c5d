//! Bad input to every kind of endpoint: a 4xx in the one error form (or a small page for people), nothing
//! half-written, and a process that keeps its memory and its speed.

use crate::support::client::{Answer, Client, send_raw};
use crate::support::eventually;
use crate::support::receiver::Receiver;
use crate::support::refusal::refusal;
use crate::support::scene::{BROWSER, Scene, text};
use crate::support::server::{Server, Setup};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// How many sessions and activities that count are stored, and how many refused ones.
fn stored(scene: &mut Scene) -> (usize, usize, usize) {
    let sessions = scene.list("/api/v1/sessions").len();
    let accepted = scene.list("/api/v1/activities?verdict=accepted&kind=event").len();
    (
        sessions,
        accepted,
        scene.list("/api/v1/activities?verdict=refused").len(),
    )
}

fn start() -> (tempfile::TempDir, Server, Receiver, Scene) {
    let dir = tempfile::tempdir().unwrap();
    let (server, receiver) = (Setup::new(dir.path()).start(), Receiver::start());
    let scene = Scene::build(&server, &receiver);
    (dir, server, receiver, scene)
}

#[test]
fn a_conversion_that_cannot_be_read_is_400_and_kept_in_the_error_log() {
    let (_dir, server, receiver, mut scene) = start();
    let sid = scene.click(&server, "c1");
    let before = stored(&mut scene);
    let queries = [
        ("sid=abc", "invalid_sid", "sid"),
        ("sid=00000000000000000", "invalid_sid", "sid"),
        ("sid=..%2F..%2Fetc%2Fpasswd", "invalid_sid", "sid"),
        ("sid=SID&amount=1e309", "invalid_amount", "amount"),
        ("sid=SID&amount=inf", "invalid_amount", "amount"),
        ("sid=SID&amount=-5", "invalid_amount", "amount"),
        ("sid=SID&amount=1,000", "invalid_amount", "amount"),
        ("sid=SID&amount=1%2C000", "invalid_amount", "amount"),
        ("sid=SID&amount=0x10", "invalid_amount", "amount"),
        (
            "sid=SID&amount=99999999999999999999999999999999999999",
            "invalid_amount",
            "amount",
        ),
        ("sid=SID&currency=YENS", "invalid_currency", "currency"),
        ("sid=SID&status=maybe", "invalid_status", "status"),
        ("sid=SID&uid1=%zz", "bad_escape", "uid1"),
        ("sid=SID&uid1=%ff%fe", "invalid_utf8", "uid1"),
        ("sid=SID&uid1=a%0D%0ASet-Cookie:x=1", "control_character", "uid1"),
        ("sid=SID&uid1=a%00b", "control_character", "uid1"),
        ("sid=SID&amount=1&amount=2", "repeated_field", "amount"),
    ];
    let bodies: &[(&str, &str, &str)] = &[
        (r#"{"sid":"SID","amount":1e309}"#, "invalid_amount", "amount"),
        (r#"{"sid":"SID","amount":{"value":5}}"#, "wrong_type", "amount"),
        (r#"{"sid":["SID"]}"#, "wrong_type", "sid"),
        (r#"{"sid":true}"#, "wrong_type", "sid"),
        (
            r#"{"sid":"SID","amount":"1","amount":"2"}"#,
            "repeated_field",
            "amount",
        ),
        (r#"{"sid":"SID","uid1":"a\u0000b"}"#, "control_character", "uid1"),
        (r#"{"sid":"SID","uid1":"a\r\nb"}"#, "control_character", "uid1"),
        (r#"["SID"]"#, "invalid_json", "body"),
        (r#"{"sid":"SID""#, "invalid_json", "body"),
    ];
    let deep = format!(r#"{{"sid":"SID","uid1":{}"#, "[".repeat(50_000));
    let mut count = 0;
    let mut check = |what: &str, answer: Answer, code: &str, field: &str| {
        let found = refusal(what, &answer);
        assert_eq!(
            (answer.status, found.0.as_str(), found.1.as_str()),
            (400, code, field),
            "{what}: {}",
            answer.text()
        );
        count += 1;
    };
    for (query, code, field) in queries {
        let query = query.replace("SID", &sid);
        check(&query, server.client().get(&format!("/cv?{query}")), code, field);
        check(&query, server.client().post_form("/cv", &query), code, field);
    }
    for (body, code, field) in bodies {
        let body = body.replace("SID", &sid);
        let answer = server.client().send(
            "POST",
            "/cv",
            &[("Content-Type", "application/json")],
            body.as_bytes(),
        );
        check(&body, answer, code, field);
    }
    let json = [("Content-Type", "application/json")];
    check(
        "deep JSON",
        server.client().send("POST", "/cv", &json, deep.as_bytes()),
        "invalid_json",
        "body",
    );
    check(
        "raw bytes",
        server
            .client()
            .send("POST", "/cv", &json, b"{\"sid\":\"\xff\xfe\"}"),
        "invalid_utf8",
        "body",
    );

    let after = stored(&mut scene);
    assert_eq!(
        (after.0, after.1),
        (before.0, before.1),
        "something was half-written"
    );
    assert_eq!(
        after.2,
        before.2 + count,
        "each unreadable conversion is in the error log"
    );
    assert_eq!(receiver.count(), 0);
}

#[test]
fn what_decides_nothing_never_refuses_a_sale() {
    let (_dir, server, receiver, mut scene) = start();
    let mut n = 0;
    let mut sale = |scene: &mut Scene, more: &str| {
        n += 1;
        let sid = scene.click(&server, &format!("c{n}"));
        let query = format!("sid={sid}&amount=1000&uid1=order-{n}x&{more}");
        for (how, answer) in [
            ("query", server.client().get(&format!("/cv?{query}"))),
            (
                "form",
                server.client().post_form("/cv", &format!("{query}&p_again=1")),
            ),
        ] {
            let answer = answer.ok();
            let result = if how == "query" { "accepted" } else { "duplicate" };
            assert_eq!(answer["result"], result, "{more}: {answer}");
            if result == "accepted" {
                let kept = scene
                    .admin
                    .get(&format!("/api/v1/activities/{}", text(&answer["activity_id"])))
                    .ok();
                assert_eq!(kept["money"]["amount"], "1000", "{more}");
                assert_ne!(kept["notes"], json!([]), "{more}");
            }
        }
    };
    let many = "x=1&".repeat(1000);
    for more in [
        "utm_term=%83A%83t",
        "utm_campaign=50%off",
        "utm_source=a&utm_source=b",
        "memo=a%0D%0Ab%00",
        "callback_params=%5B1%5D",
        "created_at=yesterday",
        "created_at_unix=1",
        "environment=staging",
        "uid2=%ff",
        "p_a=1&p_a=2",
        many.as_str(),
    ] {
        if more != "created_at_unix=1" {
            sale(&mut scene, more);
        }
    }
    receiver.wait_for(10, Duration::from_secs(60));
}

#[test]
fn a_variable_that_nobody_filled_is_no_order_number_and_no_id() {
    let (_dir, server, receiver, mut scene) = start();
    for value in [
        "[ORDER_NUM]",
        "{order_id}",
        "%23%23ORDER%23%23",
        "undefined",
        "${order.id}",
        "%25ORDER_ID%25",
    ] {
        for visitor in ["a", "b"] {
            let sid = scene.click(&server, visitor);
            let cv = format!("/cv?sid={sid}&amount=1000&uid1={value}");
            assert_eq!(server.client().get(&cv).ok()["result"], "accepted", "{value}");
            let again = server.client().get(&cv).ok();
            assert_eq!(
                again["result"], "duplicate",
                "{value}: a page that was loaded again"
            );
            let more = server.client().get(&cv.replace("1000", "2000")).ok();
            assert_eq!(more["result"], "accepted", "{value}: another sale of the visitor");
        }
    }
    receiver.wait_for(24, Duration::from_secs(60));
    let sid = scene.click(&server, "c");
    let answer = server
        .client()
        .get(&format!("/cv?sid={sid}&amount={{amount}}&uid1=A-9"))
        .ok();
    assert_eq!(
        (&answer["result"], &answer["status"]),
        (&json!("accepted"), &json!("pending"))
    );
    let kept = scene
        .admin
        .get(&format!("/api/v1/activities/{}", text(&answer["activity_id"])))
        .ok();
    assert_eq!(kept["money"], json!(null));
    let note = json!({"code": "unfilled", "field": "amount", "value": "{amount}"});
    assert_eq!(kept["notes"], json!([note]), "{kept}");
}

#[test]
fn full_width_digits_are_understood() {
    let (_dir, server, receiver, mut scene) = start();
    let sid = scene.click(&server, "c1");
    let answer = server
        .client()
        .get(&format!(
            "/cv?sid={sid}&amount=%EF%BC%91%EF%BC%90%EF%BC%90%EF%BC%90"
        ))
        .ok();
    assert_eq!(answer["result"], "accepted");
    let told = receiver.wait_for(1, Duration::from_secs(60));
    assert_eq!(told[0].query_value("amount").as_deref(), Some("1000"));
    let kept = scene
        .admin
        .get(&format!("/api/v1/activities/{}", text(&answer["activity_id"])))
        .ok();
    assert!(kept.to_string().contains("1000"), "{kept}");
}

#[test]
fn too_long_targets_and_bodies_are_refused_before_they_are_read() {
    let (_dir, server, _receiver, mut scene) = start();
    let before = stored(&mut scene);
    let long = "x".repeat(9_000);
    let pages = [
        format!("/c/{}?param1={long}", scene.link),
        format!("/i/{}?param1={long}", scene.link),
    ];
    for target in &pages {
        let answer = server.client().get(target);
        assert_eq!(
            (answer.status, answer.header("location")),
            (414, None),
            "{}",
            &target[..20]
        );
    }
    let many = (0..10_000)
        .map(|n| format!("a{n}=1"))
        .collect::<Vec<_>>()
        .join("&");
    let target = format!("/cv?{many}");
    let answer = send_raw(
        server.address(),
        format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes(),
        false,
    );
    assert!(
        answer
            .as_ref()
            .map_or(true, |a| [400, 414, 431].contains(&a.status)),
        "{answer:?}"
    );
    let megabyte = vec![b'a'; 1 << 20];
    for (target, kind) in [
        ("/cv".to_owned(), "application/x-www-form-urlencoded"),
        ("/cv".to_owned(), "application/json"),
    ] {
        let answer = server
            .client()
            .try_send("POST", &target, &[("Content-Type", kind)], &megabyte);
        // A sender that goes on after the answer may see its connection closed instead of the answer.
        if let Ok(answer) = answer {
            assert_eq!(
                (answer.status, answer.error_code().as_str()),
                (413, "too_large"),
                "{target} {kind}"
            );
        }
        let announced = format!(
            "POST {target} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: 1048576\r\n\r\n"
        );
        let mut start = announced.into_bytes();
        start.extend_from_slice(&megabyte[..70_000]);
        let answer = send_raw(server.address(), &start, false).unwrap();
        assert_eq!(
            (answer.status, answer.error_code().as_str()),
            (413, "too_large"),
            "{target} {kind}"
        );
    }
    let body = json!({"name": "x".repeat(1 << 20)}).to_string();
    let answer = scene.admin.try_send(
        "POST",
        "/api/v1/offers",
        &[("Content-Type", "application/json")],
        body.as_bytes(),
    );
    if let Ok(answer) = answer {
        assert_eq!((answer.status, answer.error_code().as_str()), (413, "too_large"));
    }
    let after = stored(&mut scene);
    assert_eq!((after.0, after.1), (before.0, before.1));
    // Of the conversions, each that came through is in the error log.
    assert!(after.2 >= before.2 + 2, "{after:?}");
}

#[test]
fn a_click_with_strange_parameters_still_leads_to_its_destination() {
    let (_dir, server, _receiver, mut scene) = start();
    let cases = [
        "param1=%zz",
        "param1=%ff%fe",
        "param1=a%0D%0ALocation:%20https://evil.example/",
        "param1=a%00b",
        "redirect=https://evil.example/&deep_link=evil%3A%2F%2Fx&fallback=%2F%2Fevil.example",
        "redirect=%5C%5Cevil.example",
        "&&&===&a&=b",
    ];
    for query in cases {
        let target = format!("/c/{}?{query}", scene.link);
        let answer = server
            .client()
            .send("GET", &target, &[("User-Agent", BROWSER)], b"");
        let location = answer.header("location").unwrap_or_default().to_owned();
        assert_eq!(answer.status, 302, "{query}");
        assert!(
            location.starts_with("https://shop.example/lp?x=1&sid="),
            "{query}: {location}"
        );
        assert_eq!(
            location.len(),
            "https://shop.example/lp?x=1&sid=".len() + 16,
            "{query}: {location}"
        );
    }
    let many = (0..600).map(|n| format!("a{n}=1")).collect::<Vec<_>>().join("&");
    let answer = server.client().get(&format!("/c/{}?{many}", scene.link));
    assert_eq!(answer.status, 302);
    let cut = scene
        .list("/api/v1/sessions")
        .into_iter()
        .find(|s| s["is_cut"] == true)
        .expect("the cut is flagged");
    assert!(cut["parameters"].as_array().unwrap().len() <= 64);
}

#[test]
fn methods_that_do_not_belong_are_405_and_unknown_addresses_404() {
    let (_dir, server, _receiver, mut scene) = start();
    let before = stored(&mut scene);
    let link = scene.link.clone();
    for (method, target) in [
        ("POST", format!("/c/{link}")),
        ("DELETE", format!("/c/{link}")),
        ("PUT", format!("/i/{link}")),
        ("DELETE", "/cv".into()),
        ("PUT", "/cv".into()),
        ("POST", "/cv.gif".into()),
        ("GET", format!("/d/{link}")),
        ("POST", "/tag.js".into()),
        ("PATCH", "/api/v1/offers".into()),
        ("DELETE", "/api/v1/offers".into()),
        ("POST", "/healthz".into()),
    ] {
        let answer = scene.admin.send(method, &target, &[], b"");
        assert_eq!(answer.status, 405, "{method} {target}: {}", answer.text());
        assert_eq!(
            refusal(&target, &answer).0,
            "method_not_allowed",
            "{method} {target}"
        );
    }
    let strange = send_raw(server.address(), b"BREW /cv HTTP/1.1\r\nHost: x\r\n\r\n", false).unwrap();
    assert_eq!(strange.status, 405, "{}", strange.text());
    let unknown = scene.admin.get("/api/v1/nothing");
    assert_eq!(
        (unknown.status, refusal("unknown", &unknown).0.as_str()),
        (404, "no_route")
    );
    assert_eq!(stored(&mut scene), before);
}

#[test]
fn bytes_that_are_no_request_are_answered_or_cut_off_and_leave_nothing_that_counts() {
    let (_dir, server, _receiver, mut scene) = start();
    let before = stored(&mut scene);
    let short = format!(
        "POST /cv HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nsid={}",
        scene.link
    );
    let cases: &[(&[u8], bool)] = &[
        (short.as_bytes(), true),
        (
            b"POST /cv HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
            true,
        ),
        (
            b"POST /cv HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nsid=a",
            true,
        ),
        (
            b"POST /cv HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
            true,
        ),
        (
            b"POST /cv HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nzz\r\n",
            true,
        ),
        (b"GET /cv HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n", true),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", true),
        (b"GET http://[::1 HTTP/1.1\r\n\r\n", true),
        (b"\r\n\r\n\r\n", true),
    ];
    for (bytes, is_closing) in cases {
        let what = String::from_utf8_lossy(bytes).into_owned();
        match send_raw(server.address(), bytes, *is_closing) {
            Ok(answer) => assert!((400..500).contains(&answer.status), "{what:?}: {}", answer.status),
            Err(error) => assert_ne!(
                error.kind(),
                std::io::ErrorKind::WouldBlock,
                "{what:?}: no answer, and not closed"
            ),
        }
    }
    let after = stored(&mut scene);
    assert_eq!((after.0, after.1), (before.0, before.1));
    // A conversion whose body broke off is one of the error log.
    assert!(after.2 <= before.2 + 3, "{after:?}");
    assert_eq!(server.client().get("/healthz").status, 200);
}

#[test]
fn senders_that_never_finish_do_not_keep_others_out() {
    let (_dir, server, _receiver, scene) = start();
    let mut slow: Vec<TcpStream> = (0..300)
        .map(|n| {
            let mut stream = TcpStream::connect(server.address()).unwrap();
            let begin = if n % 2 == 0 {
                "GET /c/x HTTP/1.1\r\nHost: x\r\nX-A: "
            } else {
                "POST /cv HTTP/1.1\r\nHost: x\r\nContent-Length: 90\r\n\r\ns"
            };
            stream.write_all(begin.as_bytes()).unwrap();
            stream
        })
        .collect();
    let mut worst = Duration::ZERO;
    let end = Instant::now() + Duration::from_secs(2);
    let mut client = server.client();
    while Instant::now() < end {
        for stream in slow.iter_mut().step_by(50) {
            // The server may close it at any time.
            drop(stream.write_all(b"a"));
        }
        let began = Instant::now();
        assert_eq!(client.get(&format!("/c/{}", scene.link)).status, 302);
        worst = worst.max(began.elapsed());
    }
    assert!(
        worst < Duration::from_secs(8),
        "a good click took {worst:?} beside slow senders"
    );
    eventually("slow heads are cut off", Duration::from_secs(60), || {
        let stream = slow.first_mut()?;
        stream.set_read_timeout(Some(Duration::from_millis(200))).ok()?;
        let mut answer = [0; 64];
        match stream.read(&mut answer) {
            Ok(0) => Some(()),
            Ok(n) => answer[..n].starts_with(b"HTTP/1.1 408").then_some(()),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => None,
            Err(_) => Some(()),
        }
    });
}

#[test]
fn two_thousand_bad_requests_leave_memory_and_speed_as_they_were() {
    let (_dir, server, _receiver, mut scene) = start();
    let sid = scene.click(&server, "c1");
    let many = (0..9_000)
        .map(|n| format!("a{n}=1"))
        .collect::<Vec<_>>()
        .join("&");
    let half = vec![b'x'; 60_000];
    let one = |client: &mut Client, n: usize| match n % 8 {
        0 => client.post_form("/cv", &many).status,
        1 => client.get(&format!("/cv?sid={sid}&amount=1e309")).status,
        2 => client.get(&format!("/c/nothing{n}")).status,
        3 => {
            client
                .send("POST", "/cv", &[("Content-Type", "application/json")], &half)
                .status
        }
        4 => client.get(&format!("/cv?sid={sid}&uid1=%zz")).status,
        5 => {
            client
                .send(
                    "POST",
                    "/cv",
                    &[("Content-Type", "application/json")],
                    b"{\"a\":[[[[",
                )
                .status
        }
        6 => client.send("DELETE", "/cv", &[], b"").status,
        _ => client.post_json("/api/v1/offers", &json!({"name": 5})).status,
    };
    let mut client = server.client();
    for n in 0..400 {
        assert!((400..500).contains(&one(&mut client, n)));
    }
    let median = |client: &mut Client| {
        let mut times: Vec<_> = (0..50)
            .map(|_| {
                let began = Instant::now();
                assert_eq!(client.get(&format!("/c/{}", scene.link)).status, 302);
                began.elapsed()
            })
            .collect();
        times.sort();
        times[25]
    };
    let median_before = median(&mut client);
    let before = server.resident_bytes();
    for n in 0..2_000 {
        assert!((400..500).contains(&one(&mut client, n)), "{n}");
    }
    let grown = server.resident_bytes().saturating_sub(before) >> 20;
    println!("{grown} MiB more resident after 2,000 bad requests");
    assert!(grown < 48, "{grown} MiB more resident after 2,000 bad requests");
    let after = median(&mut client);
    assert!(
        after < median_before * 20 + Duration::from_millis(100),
        "the median of good clicks is {after:?} afterwards, {median_before:?} before"
    );
    assert_eq!(
        scene.admin.get("/api/v1/offers").ok()["items"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
}
