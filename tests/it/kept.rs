//! What does not count is kept with what it said, and what reaches no endpoint is not told that it arrived.

use crate::support::client::send_raw;
use crate::support::eventually;
use crate::support::receiver::Receiver;
use crate::support::scene::{BROWSER, Scene, text};
use crate::support::server::{Server, Setup};
use serde_json::{Value, json};
use std::time::Duration;

fn start() -> (tempfile::TempDir, Server, Receiver, Scene) {
    let dir = tempfile::tempdir().unwrap();
    let (server, receiver) = (Setup::new(dir.path()).start(), Receiver::start());
    let scene = Scene::build(&server, &receiver);
    (dir, server, receiver, scene)
}

#[test]
fn a_slash_at_the_end_of_an_endpoint_means_the_endpoint() {
    let (_dir, server, _receiver, mut scene) = start();
    let sid = scene.click(&server, "c1");
    let mut client = server.client();
    let clicked = client.send(
        "GET",
        &format!("/c/{}/?param1=c2", scene.link),
        &[("User-Agent", BROWSER)],
        b"",
    );
    assert_eq!(clicked.status, 302, "{}", clicked.text());
    let seen = client.get(&format!("/i/{}/", scene.link));
    assert_eq!(seen.header("content-type"), Some("image/gif"));
    assert_eq!(scene.list("/api/v1/sessions").len(), 3);

    let converted = client.get(&format!("/cv/?sid={sid}&amount=9800&uid1=A-1")).ok();
    assert_eq!(converted["result"], "accepted");
    let again = client.post_form("/cv/", &format!("sid={sid}&uid1=A-1")).ok();
    assert_eq!(again["result"], "duplicate");
    let pixel = client.get(&format!("/cv.gif/?sid={sid}&uid1=A-1"));
    assert_eq!(
        (pixel.status, pixel.header("content-type")),
        (200, Some("image/gif"))
    );
    for path in ["/event/", "/session/", "/cost/"] {
        let answer = client.get(path);
        assert_eq!(answer.status, 400, "{path}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/json"), "{path}");
    }
}

#[test]
fn what_is_no_address_is_never_answered_with_a_page_of_the_interface() {
    let (_dir, server, _receiver, mut scene) = start();
    let mut client = server.client();
    for path in [
        "/c",
        "/c/",
        "/c/a/b",
        "/c//nosuch1",
        "/i/",
        "/i/a/b",
        "/C",
        "/I//",
    ] {
        let answer = client.get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(
            answer.text().contains("This link is not in use."),
            "{path}: {}",
            answer.text()
        );
    }
    for (path, meant) in [
        ("/CV?sid=x", "/cv"),
        ("/Cv/", "/cv"),
        ("//cv", "/cv"),
        ("/cv/thanks", "/cv"),
        ("/EVENT", "/event"),
        ("/D/x", "/d/{link}"),
        ("/Tag.js", "/tag.js"),
        ("/nothing", "/api/openapi.json"),
        ("/index", "/api/openapi.json"),
    ] {
        for method in ["GET", "POST"] {
            for accept in ["*/*", "text/html"] {
                if accept == "text/html" && method == "GET" && meant == "/api/openapi.json" {
                    // Somebody who looks for a page is shown that there is none.
                    continue;
                }
                let answer = client.send(method, path, &[("Accept", accept)], b"");
                assert_eq!(
                    (answer.status, answer.error_code().as_str()),
                    (404, "no_route"),
                    "{method} {path}"
                );
                let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
                assert!(message.contains(&format!("{meant} ")), "{path}: {message}");
            }
        }
    }
    for path in ["/", "/links", "/refused", "/settings/users", "/setup"] {
        let page = client.send("GET", path, &[("Accept", "text/html")], b"");
        assert_eq!(page.status, 200, "{path}");
    }
    assert_eq!(scene.list("/api/v1/sessions").len(), 0);
    assert_eq!(scene.list("/api/v1/activities").len(), 0);
}

/// The value of a field of an activity.
fn field<'a>(activity: &'a Value, name: &str) -> Option<&'a str> {
    let fields = activity["fields"].as_array().unwrap();
    let found = fields.iter().find(|pair| pair[0] == name)?;
    found[1].as_str()
}

#[test]
fn a_refused_conversion_keeps_what_led_to_no_object() {
    let (_dir, server, receiver, mut scene) = start();
    let mut client = server.client();
    let sid = scene.click(&server, "c1");
    let offer = scene.offer.clone();
    let mut refused = |query: &str, reason: &str| {
        let answer = client.get(&format!("/cv?{query}")).ok();
        assert_eq!(
            (&answer["result"], &answer["reason"]),
            (&json!("refused"), &json!(reason))
        );
        let id = text(&answer["activity_id"]);
        scene.admin.get(&format!("/api/v1/activities/{id}")).ok()
    };

    for unknown in ["0000000000000000", "zzzzzzzzzzzzzzzz"] {
        let kept = refused(
            &format!(
                "sid={unknown}&cid={offer}&event=man&amount=9800&currency=JPY&status=pending&uid1=LOST1&click_id=k"
            ),
            "wrong_event",
        );
        assert_eq!(
            kept["money"],
            json!({"amount": "9800", "currency": "JPY"}),
            "{kept}"
        );
        assert_eq!(kept["uids"], json!(["LOST1"]));
        for (name, value) in [
            ("sid", unknown),
            ("event", "man"),
            ("status", "pending"),
            ("click_id", "k"),
        ] {
            assert_eq!(field(&kept, name), Some(value), "{kept}");
        }
        assert_eq!(field(&kept, "cid"), None, "it is the offer: {kept}");
    }
    let elsewhere = refused(
        &format!("sid={sid}&cid=nothing&amount=12.5&utm_source=mail"),
        "wrong_offer",
    );
    let told = [("sid", sid.as_str()), ("cid", "nothing"), ("amount", "12.5")];
    for (name, value) in told {
        assert_eq!(field(&elsewhere, name), Some(value), "{elsewhere}");
    }
    assert_eq!(field(&elsewhere, "utm_source"), Some("mail"));
    let dollars = refused("cid=nothing&amount=3&currency=USD", "wrong_offer");
    assert_eq!(dollars["money"], json!({"amount": "3", "currency": "USD"}));

    // They are found by the SID that was sent, and count for nothing.
    for unknown in ["0000000000000000", "zzzzzzzzzzzzzzzz"] {
        let listed = scene.list(&format!("/api/v1/activities?sid={unknown}"));
        let trace = scene.admin.get(&format!("/api/v1/trace?q={unknown}")).ok();
        assert_eq!(listed.len(), 1);
        assert_eq!(trace["found_by"], "session", "{trace}");
        assert_eq!(trace["activities"][0]["activity"]["id"], listed[0]["id"]);
        assert_eq!(trace["stopped_at"], "refused");
    }
    let trace = scene.admin.get(&format!("/api/v1/trace?q={sid}")).ok();
    assert_eq!(trace["activities"][0]["activity"]["id"], elsewhere["id"]);
    assert_eq!(trace["stopped_at"], "refused");
    let now_ms = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let (from, to) = (now_ms - 7_200_000, now_ms + 7_200_000);
    let target = format!("/api/v1/stats?group_by=total&from_ms={from}&to_ms={to}");
    let totals = scene.admin.get(&target).ok();
    assert_eq!(totals["total"]["revenue"], json!([]), "{totals}");
    assert_eq!(totals["total"]["refused"], 4, "{totals}");
    assert_eq!(receiver.count(), 0);
}

#[test]
fn a_conversion_that_cannot_be_read_keeps_what_of_it_can() {
    let (_dir, server, _receiver, mut scene) = start();
    let mut client = server.client();
    let sid = scene.click(&server, "c1");
    let offer = scene.offer.clone();
    let form = format!("cid={offer}&sid={sid}&uid1=ORDER77&amount=1,000&token=s3cret");
    assert_eq!(client.post_form("/cv", &form).status, 400);
    let json = format!(r#"{{"cid":"{offer}","uid1":"ORDER78","amount":true,"api_key":"s3cret""#);
    let headers = [
        ("Content-Type", "application/json"),
        ("Authorization", "Bearer s3cret"),
    ];
    assert_eq!(
        client.send("POST", "/cv?x=1", &headers, json.as_bytes()).status,
        400
    );
    assert_eq!(
        client
            .get(&format!("/cv?sid={sid}&uid1=ORDER79&amount=%ff"))
            .status,
        400
    );

    let of_order = |scene: &mut Scene, uid: &str| {
        let listed = scene.list(&format!("/api/v1/activities?verdict=refused&uid={uid}"));
        assert_eq!(listed.len(), 1, "{uid}");
        assert!(!listed[0].to_string().contains("s3cret"), "{}", listed[0]);
        assert_eq!(listed[0]["offer"], json!(scene.offer), "{uid}");
        assert_eq!(listed[0]["ip"], "127.0.0.0");
        listed[0].clone()
    };
    let kept = of_order(&mut scene, "ORDER77");
    assert_eq!(
        (field(&kept, "amount"), field(&kept, "sid")),
        (Some("1,000"), Some(sid.as_str()))
    );
    assert_eq!((&kept["money"], &kept["session"]), (&Value::Null, &json!(sid)));
    assert!(text(&kept["note"]).starts_with("amount: "));
    let kept = of_order(&mut scene, "ORDER78");
    assert_eq!(
        (field(&kept, "amount"), field(&kept, "x")),
        (Some("true"), Some("1"))
    );
    let kept = of_order(&mut scene, "ORDER79");
    assert_eq!(field(&kept, "amount"), Some("\u{fffd}"));

    let trace = scene.admin.get(&format!("/api/v1/trace?q={sid}")).ok();
    assert_eq!(trace["stopped_at"], "refused", "{trace}");

    // What counts afterwards is what is found by the order number.
    let good = client
        .get(&format!("/cv?sid={sid}&uid1=ORDER77&amount=1000"))
        .ok();
    assert_eq!(
        client
            .get(&format!("/cv?cid={offer}&uid1=ORDER77&amount=1.0.0"))
            .status,
        400
    );
    let trace = scene.admin.get("/api/v1/trace?q=ORDER77").ok();
    let found = trace["activities"].as_array().unwrap();
    assert!(
        found.iter().any(|a| a["activity"]["id"] == good["activity_id"]),
        "{trace}"
    );
}

#[test]
fn what_is_too_long_or_breaks_off_is_kept_and_counted() {
    let (_dir, server, _receiver, mut scene) = start();
    let mut client = server.client();
    let offer = scene.offer.clone();
    let long = "x".repeat(9_000);
    let url = client.get(&format!("/cv?cid={offer}&uid1=LONG1&pad={long}"));
    assert_eq!((url.status, url.error_code().as_str()), (414, "target_too_long"));
    let pixel = client.get(&format!("/cv.gif?cid={offer}&uid1=LONG2&pad={long}"));
    assert_eq!(pixel.status, 414);
    let event = client.get(&format!(
        "/event?app_token={offer}&order_id=LONG3&idfa=D1&pad={long}"
    ));
    assert_eq!(event.status, 414);
    let post = |target: &str, announced: usize, body: &[u8], is_closing: bool| {
        let mut request =
            format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {announced}\r\n\r\n").into_bytes();
        request.extend_from_slice(body);
        send_raw(server.address(), &request, is_closing)
    };
    let big = format!("uid1=LONG4&amount=9800&pad={}", "x".repeat(70_000));
    let answer = post(&format!("/cv?cid={offer}"), 1 << 20, big.as_bytes(), false).unwrap();
    assert_eq!((answer.status, answer.error_code().as_str()), (413, "too_large"));
    let big = format!(
        r#"{{"app_token":"{offer}","order_id":"LONG5","pad":"{}"#,
        "x".repeat(70_000)
    );
    let answer = post("/event", 1 << 20, big.as_bytes(), false).unwrap();
    assert_eq!(answer.status, 413);
    // Nobody is there any more to be answered.
    drop(post(
        &format!("/cv?cid={offer}"),
        500,
        b"uid1=LONG6&amount=98",
        true,
    ));

    for (uid, field_of_note, amount) in [
        ("LONG1", "url: ", None),
        ("LONG2", "url: ", None),
        ("LONG3", "url: ", None),
        ("LONG4", "body: ", Some("9800")),
        ("LONG5", "body: ", None),
        ("LONG6", "body: ", None),
    ] {
        let target = format!("/api/v1/activities?verdict=refused&uid={uid}");
        let kept = eventually(uid, Duration::from_secs(10), || scene.list(&target).pop());
        assert!(text(&kept["note"]).starts_with(field_of_note), "{kept}");
        assert_eq!(
            (&kept["offer"], &kept["reason"]),
            (&json!(offer), &json!("invalid_field"))
        );
        assert_eq!(field(&kept, "amount"), amount, "{kept}");
        assert!(kept.to_string().len() < 12_000, "{}", kept.to_string().len());
        assert_eq!(field(&kept, "idfa"), None, "no erasure would find it");
    }

    for path in ["/c/", "/i/"] {
        assert_eq!(
            client.get(&format!("{path}{}?param1={long}", scene.link)).status,
            414
        );
    }
    let metrics = client.get("/metrics").text();
    for counted in [
        "yamabiko_clicks_total{result=\"too_long\"} 1",
        "yamabiko_impressions_total{result=\"too_long\"} 1",
        "yamabiko_activities_total{kind=\"event\",result=\"invalid\"} 6",
        "yamabiko_refusals_total{reason=\"invalid_field\"} 6",
    ] {
        assert!(metrics.contains(counted), "{counted}: {metrics}");
    }
}
