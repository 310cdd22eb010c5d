//! Personal data: planted values reach no file, no log and no answer, whatever they came in and whatever became of the
//! request, and also when the server dies in the middle.

use crate::support::client::{Answer, Client, send_raw};
use crate::support::files::files_below;
use crate::support::receiver::Receiver;
use crate::support::scene::{BROWSER, Scene, text};
use crate::support::server::{Server, Setup};
use crate::support::sse::Viewer;
use serde_json::{Value, json};
use std::io::Read;
use std::path::Path;

const EMAIL: &str = "Zq7.Planted+x@xk3-hidden.example";
const PHONE: &str = "090-8765-0912";
const EXTERNAL: &str = "EXT-ZQ7-4471";
/// What would betray one of them, in lower case.
const TRACES: [&str; 7] = [
    "zq7.planted",
    "xk3-hidden",
    "8765-0912",
    "87650912",
    "ext-zq7",
    "88665544779",
    "planted%2b",
];
/// An order number that is kept: it proves that the search finds what is there.
const KEPT: &str = "KEPT-5512-ORDER";

fn trace_in(bytes: &[u8]) -> Option<&'static str> {
    let lower = bytes.to_ascii_lowercase();
    let holds = |word: &&&str| lower.windows(word.len()).any(|window| window == word.as_bytes());
    TRACES.iter().find(holds).copied()
}

fn holds(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|window| window == word.as_bytes())
}

/// Every file below a directory, those of compressed records too.
fn search(dir: &Path, what: &str) -> bool {
    let mut is_kept = false;
    for file in files_below(dir) {
        let bytes = std::fs::read(&file).unwrap_or_default();
        assert_eq!(trace_in(&bytes), None, "{what}: {}", file.display());
        is_kept |= holds(&bytes, KEPT);
    }
    is_kept
}

fn check(what: &str, answer: &Answer) {
    let head = format!("{:?}", answer.headers);
    assert_eq!(trace_in(head.as_bytes()), None, "{what}: {head}");
    assert_eq!(trace_in(&answer.body), None, "{what}: {}", answer.text());
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Queries and forms that hold the planted values; `SID` and `CID` are filled in.
fn forms() -> Vec<String> {
    let (email, phone) = (encoded(EMAIL), encoded(PHONE));
    let json = encoded(&json!({"email": EMAIL, "contact": {"tel": PHONE}, "my_phone": PHONE}).to_string());
    let page = encoded(&format!(
        "https://shop.example/t?mail={EMAIL}&tel={PHONE}&external_id={EXTERNAL}#{EMAIL}"
    ));
    vec![
        format!("email={email}&phone={phone}&external_id={EXTERNAL}"),
        format!("E-Mail={email}&TEL={phone}&External_ID={EXTERNAL}"),
        format!("p_email={email}&p_tel={phone}&p_customer_phone_2={phone}&p_external_id={EXTERNAL}"),
        format!("user%5Bemail%5D={email}&%E9%9B%BB%E8%A9%B1%E7%95%AA%E5%8F%B7={phone}"),
        format!("callback_params={json}&partner_params={json}&user_data={json}"),
        format!("page_url={page}&referrer={page}&free={email}&memo=call%20{email}%20now"),
        format!("uid2={email}&order_id={email}"),
        format!("email={email}%00&phone={phone}%zz&external_id={EXTERNAL}%ff"),
        format!("email={email}&email=other%40xk3-hidden.example&phone=8765-0912"),
        format!("{email}=1&x={}", encoded(&email)),
        format!("amount={email}"),
        format!("currency={email}"),
        format!("status={email}&event={email}"),
        format!("uid1={email}%zz"),
        format!("click_id={email}"),
        format!("sid={email}"),
        format!("cid={email}&email={email}"),
        format!(
            "email={}",
            encoded("ｚｑ７．ｐｌａｎｔｅｄ＠ｘｋ３－ｈｉｄｄｅｎ．ｅｘａｍｐｌｅ")
        ),
        format!("callback_params={}", encoded(&format!("{{\"email\":\"{EMAIL}"))),
        format!("created_at={email}&environment={email}"),
        format!(
            "user={}",
            encoded(&format!("{{\"email\":\"{EMAIL}\",\"tel\":\"{PHONE}\""))
        ),
        format!("filler={}&email={email}&tel={phone}", "x".repeat(9000)),
    ]
}

fn bodies() -> Vec<String> {
    let whole = json!({"sid": "SID", "uid1": "B-1", "email": [EMAIL, EMAIL], "phone": [PHONE], "external_id": 88_665_544_779_u64,
        "user": {"mail": EMAIL, "tel": {"home": PHONE}}, "callback_params": {"Mail": EMAIL, "note": EMAIL, "telno": PHONE}});
    vec![
        whole.to_string(),
        format!(
            "{{\"sid\":\"SID\",\"email\":\"{EMAIL}\",\"phone\":\"{PHONE}\",\"amount\":{{\"a\":\"{EMAIL}\"}}}}"
        ),
        format!("{{\"uid1\":\"A\",\"email\":\"{EMAIL}\",\"x\":\"a\",\"tel\":\"{PHONE}"),
        format!("{{\"email\":\"{EMAIL}\" \"tel\":\"{PHONE}\"}}"),
        format!("\"{EMAIL} {PHONE}\""),
        format!("[\"{EMAIL}\",\"{PHONE}\"]"),
        format!("{{\"sid\":\"SID\",\"amount\":\"{EMAIL}\",\"{EMAIL}\":1}}"),
        format!("{{\"sid\":\"SID\",\"email\":\"\\ud800{EMAIL}\",\"p_tel\":\"{PHONE}\"}}"),
    ]
}

/// Sends all of them to a path in every way.
fn send_all(server: &Server, path: &str, sid: &str, offer: &str) {
    let fill = |text: &str| text.replace("SID", sid);
    let referer = format!("https://shop.example/?email={EMAIL}&tel={PHONE}");
    for (n, form) in forms().iter().enumerate() {
        let named = format!(
            "{form}&sid={sid}&cid={offer}&app_token={offer}&idfa=A1B2C3D4-0000-4000-8000-1234567890AB"
        );
        let headers = [
            ("User-Agent", BROWSER),
            ("Referer", referer.as_str()),
            ("Idempotency-Key", "zq7-key"),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ];
        for form in [form, &named] {
            let target = format!("{path}?{form}");
            check(&target, &server.client().send("GET", &target, &headers, b""));
            check(
                &target,
                &server.client().send("POST", path, &headers, form.as_bytes()),
            );
        }
        let boundary = format!("b{n}");
        let mut body = String::new();
        for (name, value) in url::form_urlencoded::parse(form.as_bytes()) {
            body.push_str(&format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            ));
        }
        let kind = format!("multipart/form-data; boundary={boundary}");
        for end in ["--\r\n", ""] {
            let body = format!("{body}--{boundary}{end}");
            let target = format!("multipart {form}");
            check(
                &target,
                &server
                    .client()
                    .send("POST", path, &[("Content-Type", &kind)], body.as_bytes()),
            );
        }
    }
    for body in bodies() {
        for kind in [
            "application/json",
            "text/plain",
            "application/xml",
            "application/x-www-form-urlencoded",
            EMAIL,
        ] {
            let headers = [("Content-Type", kind), ("Referer", referer.as_str())];
            check(
                &body,
                &server
                    .client()
                    .send("POST", path, &headers, fill(&body).as_bytes()),
            );
        }
        let packed = [("Content-Encoding", EMAIL), ("Content-Type", "application/json")];
        check(
            &body,
            &server
                .client()
                .send("POST", path, &packed, fill(&body).as_bytes()),
        );
    }
    let long = format!(
        "{{\"email\":\"{EMAIL}\",\"uid1\":\"A\",\"x\":\"{}\",\"tel\":\"{PHONE}\"}}",
        "x".repeat(70_000)
    );
    check(
        "too long",
        &server.client().send(
            "POST",
            path,
            &[("Content-Type", "application/json")],
            long.as_bytes(),
        ),
    );
    // The connection breaks in the middle of the body.
    let half = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nemail={EMAIL}&uid1=A&tel={PHONE}"
    );
    drop(send_raw(server.address(), half.as_bytes(), true));
}

fn clicks(server: &Server, link: &str) {
    let mut client = server.client();
    for form in forms() {
        for path in ["c", "i"] {
            let target = format!("/{path}/{link}?{form}");
            let referer = format!("https://s.example/?m={EMAIL}");
            let headers = [("User-Agent", BROWSER), ("Referer", referer.as_str())];
            check(&target, &client.send("GET", &target, &headers, b""));
        }
        let named = format!("param1={0}&label={0}&campaign={0}&{form}", encoded(EMAIL));
        client.send(
            "GET",
            &format!("/c/{link}?{named}"),
            &[("User-Agent", BROWSER)],
            b"",
        );
        let site = [("Origin", "https://shop.example"), ("User-Agent", BROWSER)];
        check(
            &form,
            &client.send("POST", &format!("/d/{link}"), &site, named.as_bytes()),
        );
    }
}

fn uploads(admin: &mut Client, sid: &str) {
    let mut upload = |file: String| {
        let target = "/api/v1/conversions/upload";
        check(
            &file,
            &admin.send("POST", target, &[("Content-Type", "text/csv")], file.as_bytes()),
        );
    };
    upload(format!(
        "sid,uid1,email,Phone,external_id,consent\n{sid},U-1,{EMAIL},{PHONE},{EXTERNAL},granted\n"
    ));
    upload(format!(
        "sid,uid1,メールアドレス,電話番号\n{sid},{EMAIL},x{EMAIL}x,{PHONE}9\n"
    ));
    upload(format!(
        "sid,amount,email\n{sid},{EMAIL},{EMAIL}\n{EMAIL},1,{PHONE}\n"
    ));
    upload(format!("{EMAIL},{PHONE}\n{EMAIL},{PHONE}\n"));
}

/// Whatever an operator can see.
fn look(server: &Server, scene: &mut Scene) {
    for list in ["activities", "sessions", "postbacks", "audit"] {
        for item in scene.list(&format!("/api/v1/{list}")) {
            let shown = item.to_string();
            assert_eq!(trace_in(shown.as_bytes()), None, "{list}: {shown}");
            if let Some(id) = item["id"].as_str().filter(|_| list != "audit") {
                check(list, &scene.admin.get(&format!("/api/v1/trace/{id}")));
            }
        }
    }
    for kind in ["activities", "sessions"] {
        let answer = scene.admin.get(&format!("/api/v1/{kind}.csv"));
        assert_eq!(answer.status, 200, "{kind}: {}", answer.text());
        check(kind, &answer);
    }
    let activity = scene.list("/api/v1/activities?verdict=accepted")[0].clone();
    let proof = scene
        .admin
        .post_json("/api/v1/proofs", &json!({"id": activity["id"]}));
    if proof.status < 300 {
        let url = text(&proof.json()["url"]);
        let path = url
            .split_once("/proof/")
            .map(|(_, token)| format!("/proof/{token}"));
        check("proof", &server.client().get(&path.unwrap_or_default()));
    }
}

/// What the live stream tells until a conversion of this order number.
fn watch(viewer: &mut Viewer, until: &str) {
    loop {
        let shown = viewer.next(&["activity"]).data.to_string();
        assert_eq!(trace_in(shown.as_bytes()), None, "{shown}");
        if shown.contains(until) {
            return;
        }
    }
}

fn plant(is_kept: bool) {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let setup = Setup::new(&data).env("YAMABIKO_LOG_LEVEL", "debug");
    let mut server = setup.start();
    let receiver = Receiver::start();
    let offer: Value = json!({"sites": ["https://shop.example"], "identity": {"is_kept": is_kept}});
    let mut scene = Scene::with(
        &server,
        offer,
        json!({}),
        &receiver.url("/pb?all={publisher_parameters}&x={dcp_free}&o={content_uid1}"),
    );
    let app = json!({"name": "App", "kind": "app", "destinations": {"default": "https://app.example/"}, "identity": {"is_kept": is_kept}, "events": [{"name": "e"}]});
    let app = text(&scene.admin.post_json("/api/v1/offers", &app).ok()["id"]);
    let sid = scene.click(&server, "c1");

    let authorization = scene
        .admin
        .headers()
        .iter()
        .find(|(name, _)| name == "Authorization")
        .unwrap()
        .1
        .clone();
    let mut viewer = Viewer::join(server.address(), &authorization, None);
    let kept = format!("/cv?sid={sid}&uid1={KEPT}&email={}", encoded(EMAIL));
    server.client().get(&kept).ok();
    watch(&mut viewer, KEPT);
    drop(viewer);

    for path in [
        "/cv",
        "/cv.gif",
        "/event",
        "/session",
        "/gdpr_forget_device",
        "/ad_revenue",
        "/uninstall",
        "/claim",
    ] {
        send_all(
            &server,
            path,
            &sid,
            if path.starts_with("/cv") {
                &scene.offer
            } else {
                &app
            },
        );
    }
    clicks(&server, &scene.link);
    uploads(&mut scene.admin, &sid);
    look(&server, &mut scene);
    assert_eq!(trace_in(server.log().as_bytes()), None, "the log");
    for arrival in receiver.arrivals() {
        let shown = format!("{arrival:?}");
        assert_eq!(trace_in(shown.as_bytes()), None, "a postback: {shown}");
    }

    let file = dir.path().join("backup.tar");
    let backup = setup
        .command(&["backup", &file.display().to_string()])
        .output()
        .unwrap();
    assert!(backup.status.success(), "{backup:?}");
    let mut unpacked = Vec::new();
    let bytes = std::fs::read(&file).unwrap();
    if lz4_flex::frame::FrameDecoder::new(bytes.as_slice())
        .read_to_end(&mut unpacked)
        .is_err()
    {
        unpacked = bytes;
    }
    assert_eq!(trace_in(&unpacked), None, "the backup");

    // In the middle of a request.
    let last = format!(
        "/cv?sid={sid}&uid1={KEPT}-2&email={0}&tel={1}",
        encoded(EMAIL),
        encoded(PHONE)
    );
    let client = server.client();
    let sender = std::thread::spawn(move || {
        let mut client = client;
        while client.try_send("GET", &last, &[], b"").is_ok() {}
    });
    std::thread::sleep(std::time::Duration::from_millis(50));
    server.signal("KILL");
    sender.join().unwrap();
    assert!(search(&data, "after the end"), "the search finds nothing at all");
    server.restart();
    look(
        &server,
        &mut Scene {
            admin: server.admin(),
            ..scene
        },
    );
    server.terminate();
    search(dir.path(), "after a restart");
}

#[test]
fn planted_values_are_found_nowhere_where_the_offer_keeps_digests() {
    plant(true);
}

#[test]
fn planted_values_are_found_nowhere_where_the_offer_keeps_nothing() {
    plant(false);
}
