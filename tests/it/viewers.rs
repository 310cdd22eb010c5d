//! Viewers limited to partners (子アカウント), and further tracking domains, over HTTP: on every list, trace, export,
//! report and on the live stream such a viewer sees what is theirs, and nothing of anybody else.

use crate::support::client::Client;
use crate::support::receiver::Receiver;
use crate::support::scene::{Scene, Way, click, text};
use crate::support::server::{Server, Setup};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);
const PASSWORD: &str = "a quiet echo from the mountain";

/// Two partners on one offer, an offer-wide rule, and one click and conversion of each.
struct Business {
    scene: Scene,
    other: Way,
    /// SID, order number and activity of the viewer's partner, and of the other one.
    mine: [String; 3],
    theirs: [String; 3],
    receiver: Receiver,
}

fn business(server: &Server) -> Business {
    let receiver = Receiver::start();
    let mut scene = Scene::build(server, &receiver);
    let other = scene.add_partner("Rival", &json!({}), &receiver.url("/rival?id=##PARA1##"));
    let global = json!({
        "name": "own server",
        "scope": {"type": "offer", "offer": scene.offer},
        "kinds": ["event"],
        "text": format!("equal,##CID##,{},{}", scene.offer, receiver.url("/own-secret?sid={sid}")),
    });
    assert_eq!(scene.admin.post_json("/api/v1/rules", &global).status, 201);
    for (path, id) in [("partners", scene.partner.clone()), ("links", scene.link.clone())] {
        let mut object = scene.admin.get(&format!("/api/v1/{path}/{id}")).ok();
        object["note"] = json!("confidential-note");
        scene
            .admin
            .json("PUT", &format!("/api/v1/{path}/{id}"), &object)
            .ok();
    }
    let convert = |link: &str, name: &str| {
        let sid = click(&mut server.client(), link, &format!("click-of-{name}"));
        let order = format!("order-of-{name}");
        let answer = server
            .client()
            .get(&format!("/cv?sid={sid}&amount=1000&uid1={order}"))
            .ok();
        assert_eq!(answer["result"], "accepted");
        [sid, order, text(&answer["activity_id"])]
    };
    let mine = convert(&scene.link, "mine");
    let theirs = convert(&other.link, "rival");
    // One that nobody is credited with.
    server
        .client()
        .get(&format!(
            "/cv?sid=0000000000000000&cid={}&uid1=order-of-nobody",
            scene.offer
        ))
        .ok();
    receiver.wait_for(4, PATIENCE);
    Business {
        scene,
        other,
        mine,
        theirs,
        receiver,
    }
}

/// Signs a viewer in who is limited to these partners.
fn viewer(server: &Server, admin: &mut Client, partners: &[&str]) -> Client {
    let user =
        json!({"login": "media@example.jp", "role": "viewer", "partners": partners, "password": PASSWORD});
    // The first user has to be an owner.
    let owner = json!({"login": "owner@example.jp", "role": "owner", "password": PASSWORD});
    for user in [owner, user] {
        let made = admin.post_json("/api/v1/users", &user);
        assert_eq!(made.status, 201, "{}", made.text());
    }
    let answer = server
        .client()
        .with_header("Sec-Fetch-Site", "same-origin")
        .post_json(
            "/api/v1/login",
            &json!({"login": "media@example.jp", "password": PASSWORD}),
        );
    assert_eq!(answer.status, 200, "{}", answer.text());
    let cookie = answer
        .header("Set-Cookie")
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    server
        .client()
        .with_header("Cookie", &cookie)
        .with_header("Sec-Fetch-Site", "same-origin")
}

#[test]
fn a_limited_viewer_sees_what_is_theirs_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let server = Setup::new(directory.path()).start();
    let mut b = business(&server);
    let own_partner = b.scene.partner.clone();
    let mut viewer = viewer(&server, &mut b.scene.admin, &[&own_partner]);
    let all_postbacks = b.scene.list("/api/v1/postbacks");
    let hidden_postbacks: Vec<String> = all_postbacks
        .iter()
        .filter(|p| p["partner"] != own_partner.as_str())
        .map(|p| text(&p["id"]))
        .collect();
    assert_eq!((all_postbacks.len(), hidden_postbacks.len()), (4, 3));
    let now_ms = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_millis();
    let all = format!("from_ms={}&to_ms={}", now_ms - 86_400_000, now_ms + 86_400_000);
    let readable = [
        "/api/v1/offers".to_owned(),
        "/api/v1/partners".into(),
        "/api/v1/links".into(),
        "/api/v1/rules".into(),
        "/api/v1/sessions".into(),
        "/api/v1/activities".into(),
        "/api/v1/activities?verdict=refused".into(),
        "/api/v1/postbacks".into(),
        format!("/api/v1/activities/{}", b.mine[2]),
        format!("/api/v1/activities/{}", b.mine[0]),
        format!("/api/v1/sessions/{}", b.mine[0]),
        format!("/api/v1/offers/{}", b.scene.offer),
        format!("/api/v1/partners/{own_partner}"),
        format!("/api/v1/links/{}", b.scene.link),
        format!("/api/v1/trace?q={}", b.mine[0]),
        format!("/api/v1/trace?q={}", b.mine[1]),
        format!("/api/v1/trace?q={}", b.mine[2]),
        format!("/api/v1/trace?q={}", b.theirs[0]),
        format!("/api/v1/trace?q={}", b.theirs[1]),
        format!("/api/v1/trace?q={}", b.theirs[2]),
        format!("/api/v1/trace?q={}", hidden_postbacks[0]),
        "/api/v1/trace?q=order-of-nobody".into(),
        "/api/v1/trace?q=click-of-rival".into(),
        format!("/api/v1/stats?{all}&group_by=partner"),
        format!("/api/v1/stats?{all}&group_by=link"),
        format!("/api/v1/stats?{all}&group_by=campaign"),
        format!("/api/v1/payouts?{all}"),
        format!("/api/v1/sessions.csv?{all}"),
        format!("/api/v1/activities.csv?{all}"),
        format!("/api/v1/postbacks.csv?{all}"),
        format!("/api/v1/stats.csv?{all}&group_by=partner"),
        format!("/api/v1/payouts.csv?{all}"),
        "/api/v1/offers.csv".into(),
        "/api/v1/partners.csv?language=en".into(),
        "/api/v1/links.csv".into(),
        "/api/v1/rules.csv?language=ja".into(),
    ];
    let mut forbidden: Vec<String> = [
        "Rival",
        "rival?id",
        "own-secret",
        "own server",
        "order-of-nobody\"",
        "click-of-rival\"",
        "confidential-note",
        "0000000000000000",
    ]
    .map(str::to_owned)
    .into();
    forbidden.extend([
        b.theirs[0].clone(),
        b.theirs[2].clone(),
        b.other.partner.clone(),
        b.other.link.clone(),
    ]);
    forbidden.extend(hidden_postbacks.iter().cloned());
    for target in &readable {
        let answer = viewer.get(target);
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        let shown = answer.text();
        for word in &forbidden {
            assert!(!shown.contains(word.as_str()), "{target} shows {word}: {shown}");
        }
    }
    // What is theirs is there.
    let trace = viewer.get(&format!("/api/v1/trace?q={}", b.mine[1])).ok();
    assert_eq!(
        trace["activities"][0]["postbacks"].as_array().unwrap().len(),
        1,
        "{trace}"
    );
    assert_eq!(
        trace["activities"][0]["activity"]["rules"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let whole = b.scene.admin.get(&format!("/api/v1/trace?q={}", b.mine[1])).ok();
    assert_eq!(whole["activities"][0]["postbacks"].as_array().unwrap().len(), 2);
    for foreign in [&b.theirs[0], &b.theirs[1], &"order-of-nobody".to_owned()] {
        let nothing = viewer.get(&format!("/api/v1/trace?q={foreign}")).ok();
        assert_eq!(nothing["found_by"], Value::Null, "{nothing}");
        let unknown = viewer.get("/api/v1/trace?q=never-heard-of-this").ok();
        assert_eq!(nothing, unknown, "there is no telling that it exists");
    }
    let stats = viewer.get(&format!("/api/v1/stats?{all}&group_by=partner")).ok();
    assert_eq!(
        (
            stats["rows"].as_array().unwrap().len(),
            &stats["total"]["conversions"]
        ),
        (1, &json!(1))
    );
    for list in [
        "offers",
        "partners",
        "links",
        "rules",
        "sessions",
        "activities",
        "postbacks",
    ] {
        let items = viewer.get(&format!("/api/v1/{list}")).ok()["items"]
            .as_array()
            .unwrap()
            .len();
        assert_eq!(items, 1, "{list}");
    }
    // What is another's is not found.
    for target in [
        format!("/api/v1/sessions/{}", b.theirs[0]),
        format!("/api/v1/activities/{}", b.theirs[2]),
        format!("/api/v1/postbacks/{}", hidden_postbacks[0]),
        format!("/api/v1/partners/{}", b.other.partner),
        format!("/api/v1/partners/{}/with_urls", b.other.partner),
        format!("/api/v1/links/{}", b.other.link),
    ] {
        assert_eq!(viewer.get(&target).status, 404, "{target}");
    }
    // What is the whole instance's is refused.
    for target in [
        "/api/v1/system",
        "/api/v1/settings",
        "/api/v1/postbacks/queue",
        "/api/v1/config/export",
        "/api/v1/test/echo",
        "/api/v1/users",
        "/api/v1/tokens",
        "/api/v1/audit",
        "/api/v1/audit.csv",
        "/api/v1/alerts",
        "/api/v1/proofs",
    ] {
        let answer = viewer.get(target);
        assert_eq!(answer.status, 403, "{target}: {}", answer.text());
    }
    // Nothing is changed.
    for (method, target, body) in [
        (
            "POST",
            "/api/v1/activities/status".to_owned(),
            json!({"ids": [b.mine[2]], "status": "rejected"}),
        ),
        (
            "POST",
            "/api/v1/postbacks/resend".into(),
            json!({"ids": [hidden_postbacks[0]]}),
        ),
        ("POST", "/api/v1/proofs".into(), json!({"id": b.mine[0]})),
        (
            "POST",
            "/api/v1/address-check".into(),
            json!({"url": "https://t.example.com"}),
        ),
        ("DELETE", format!("/api/v1/links/{}", b.scene.link), Value::Null),
    ] {
        assert_eq!(viewer.json(method, &target, &body).status, 403, "{target}");
    }
    assert!(b.receiver.count() >= 4);
}

#[test]
fn the_live_stream_of_a_limited_viewer_holds_only_what_is_theirs() {
    let directory = tempfile::tempdir().unwrap();
    let server = Setup::new(directory.path()).start();
    let mut b = business(&server);
    let partner = b.scene.partner.clone();
    let viewer = viewer(&server, &mut b.scene.admin, &[&partner]);
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let head = format!(
        "GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n{}\r\n",
        viewer
            .headers()
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect::<String>()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut heard = String::new();
    let mut listen_until = |wanted: &str| {
        let end = Instant::now() + PATIENCE;
        while !heard.contains(wanted) && Instant::now() < end {
            let mut buffer = [0; 65536];
            if let Ok(count) = stream.read(&mut buffer) {
                heard += &String::from_utf8_lossy(&buffer[..count]);
            }
        }
        assert!(heard.contains(wanted), "{wanted} is missing: {heard}");
        heard.clone()
    };
    listen_until("connected");
    // The other's first: what is heard up to one's own would hold it.
    for (link, name) in [(&b.other.link, "rival-live"), (&b.scene.link, "mine-live")] {
        let sid = click(&mut server.client(), link, name);
        server
            .client()
            .get(&format!("/cv?sid={sid}&amount=1&uid1=order-{name}"))
            .ok();
    }
    b.receiver.wait_for(8, PATIENCE);
    let heard = listen_until("order-mine-live");
    let heard = if heard.contains("event: postback") {
        heard
    } else {
        listen_until("event: postback")
    };
    for word in [
        "rival",
        "Rival",
        "own-secret",
        "own server",
        &b.other.link,
        &b.other.partner,
    ] {
        assert!(!heard.contains(word), "{word}: {heard}");
    }
    assert!(
        heard.contains("event: session") && heard.contains("event: activity"),
        "{heard}"
    );
}

#[test]
fn links_are_issued_and_answered_on_every_tracking_domain() {
    let directory = tempfile::tempdir().unwrap();
    let server = Setup::new(directory.path()).start();
    let mut scene = Scene::build(&server, &Receiver::start());
    let mut settings = scene.admin.get("/api/v1/settings").ok();
    settings["public_url"] = json!("https://t.example.com");
    settings["tracking_domains"] = json!(["https://click.example.jp", "https://go.example.net:8443"]);
    scene.admin.json("PUT", "/api/v1/settings", &settings).ok();
    let path = format!("/api/v1/links/{}", scene.link);
    let mut link = scene.admin.get(&path).ok();
    assert!(
        text(&link["urls"]["click_url"]).starts_with("https://t.example.com/c/"),
        "{link}"
    );
    // A link that names a domain is issued on it.
    link["domain"] = json!("https://click.example.jp");
    let saved = scene.admin.json("PUT", &path, &link).ok();
    assert_eq!(
        saved["urls"]["click_url"],
        format!("https://click.example.jp/c/{}", scene.link)
    );
    let mut unknown = saved.clone();
    unknown["domain"] = json!("https://evil.example");
    assert_eq!(scene.admin.json("PUT", &path, &unknown).status, 400);
    // Whichever domain a visitor comes by, the click is counted.
    for host in ["click.example.jp", "go.example.net:8443", "t.example.com"] {
        let request = format!(
            "GET /c/{}?s2s=1&param1=x HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {}\r\nConnection: close\r\n\r\n",
            scene.link,
            crate::support::scene::BROWSER
        );
        let answer = crate::support::client::send_raw(server.address(), request.as_bytes(), false).unwrap();
        assert_eq!(answer.status, 200, "{host}: {}", answer.text());
    }
    assert_eq!(scene.list("/api/v1/sessions").len(), 3);
    // Each domain once.
    let mut settings = scene.admin.get("/api/v1/settings").ok();
    settings["tracking_domains"] = json!(["https://click.example.jp", "https://click.example.jp/"]);
    let refused = scene.admin.json("PUT", "/api/v1/settings", &settings);
    assert_eq!(
        (refused.status, refused.error_code().as_str()),
        (400, "duplicate")
    );
}
