//! What does not count is kept with what it said, and what reaches no endpoint is not told that it arrived.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod support;

use support::receiver::Receiver;
use support::scene::{BROWSER, Scene};
use support::server::{Server, Setup};

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
        "/c", "/c/", "/c/a/b", "/c//LINK", "/i/", "/i/a/b", "/C/LINK", "/I/LINK/",
    ] {
        let path = path.replace("LINK", &scene.link);
        let answer = client.get(&path);
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
