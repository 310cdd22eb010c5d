//! Identity on every way in: digests as the offer keeps them, in the postback; and what was left out, in words.

use crate::support::client::Client;
use crate::support::receiver::{Arrival, Receiver};
use crate::support::scene::{BROWSER, Scene, text};
use crate::support::server::{Server, Setup};
use serde_json::{Value, json};
use std::time::Duration;
use yamabiko::domain::identity::{Digest, Form};

const SOON: Duration = Duration::from_secs(60);
const EMAIL: &str = "Ta.Ro+x@Gmail.com";
const RULE: &str = "/pb?o={content_uid1}&em={email_sha256}&g={email_google_sha256}&pl={email_plain_sha256}\
    &ph={phone_e164_sha256}&d={phone_digits_sha256}&x={external_id_sha256}&c={ad_user_data}&page={page_url}&id={event_id}";

fn start(identity: Value) -> (tempfile::TempDir, Server, Receiver, Scene) {
    let dir = tempfile::tempdir().unwrap();
    let (server, receiver) = (Setup::new(dir.path()).start(), Receiver::start());
    let scene = Scene::with(
        &server,
        json!({"identity": identity}),
        json!({}),
        &receiver.url(RULE),
    );
    (dir, server, receiver, scene)
}

fn told(receiver: &Receiver, order: &str) -> Arrival {
    crate::support::eventually(order, SOON, || {
        let arrivals = receiver.arrivals();
        arrivals
            .into_iter()
            .find(|arrival| arrival.query_value("o").as_deref() == Some(order))
    })
}

fn digest(form: Form, normal: &str) -> Option<String> {
    Some(Digest::of(form, normal).hex())
}

/// The whole identity of the test's person.
fn assert_known(arrival: &Arrival, what: &str) {
    for (name, form, normal) in [
        ("em", Form::EmailSha256, "ta.ro+x@gmail.com"),
        ("g", Form::EmailGoogleSha256, "taro@gmail.com"),
        ("pl", Form::EmailPlainSha256, "taro@gmail.com"),
        ("ph", Form::PhoneE164Sha256, "+819012345678"),
        ("d", Form::PhoneDigitsSha256, "819012345678"),
        ("x", Form::ExternalIdSha256, "u-1"),
    ] {
        assert_eq!(arrival.query_value(name), digest(form, normal), "{what}: {name}");
    }
    assert_eq!(arrival.query_value("c").as_deref(), Some("granted"), "{what}");
}

fn notes(admin: &mut Client, order: &str) -> Vec<(String, String, String)> {
    let items = admin.get("/api/v1/activities?limit=200").ok()["items"].clone();
    let mut items = items.as_array().unwrap().iter();
    let activity = items.find(|item| item["uids"][0] == order).unwrap();
    let notes = activity["notes"].as_array().unwrap().iter();
    notes
        .map(|note| (text(&note["code"]), text(&note["field"]), text(&note["value"])))
        .collect()
}

#[test]
fn identity_comes_on_every_way_in_and_goes_out_as_digests() {
    let (_dir, server, receiver, mut scene) = start(json!({"is_kept": true}));
    let sid = scene.click(&server, "c1");
    let mut client = server.client();
    let form = "email=Ta.Ro%2Bx%40Gmail.com&TEL=090-1234-5678&external_id=u-1&consent=granted";
    client.get(&format!("/cv?sid={sid}&uid1=get&{form}")).ok();
    client.get(&format!("/cv.gif?sid={sid}&uid1=gif&{form}"));
    client.post_form("/cv", &format!("sid={sid}&uid1=form&{form}&page_url=https%3A%2F%2Fs.example%2Ft%3Fmail%3Da%40b.jp&event_id=e-1")).ok();
    let body = json!({"sid": sid, "uid1": "json", "email": [EMAIL], "phone": "+81 (0)90 1234 5678", "external_id": "u-1", "ad_user_data": "GRANTED"});
    client.post_json("/cv", &body).ok();
    let nested = json!({"sid": sid, "uid1": "nested", "user_data": {"em": EMAIL, "ph": "９０１２３４５６７８", "external_id": "u-1"}, "consent": {"ad_user_data": true}});
    client.post_json("/cv", &nested).ok();
    let custom = json!({"sid": sid, "uid1": "custom", "callback_params": {"mail": EMAIL, "customer_tel": "09012345678", "external_id": "u-1"}, "consent": 1});
    client.post_json("/cv", &custom).ok();
    let fields = [
        ("sid", sid.as_str()),
        ("uid1", "parts"),
        ("email", EMAIL),
        ("p_phone", "09012345678"),
        ("external_id", "u-1"),
        ("ad_user_data", "yes"),
    ];
    let parts = fields.map(|(name, value)| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    });
    let parts = format!("{}--b--\r\n", parts.concat());
    client
        .send(
            "POST",
            "/cv",
            &[("Content-Type", "multipart/form-data; boundary=b")],
            parts.as_bytes(),
        )
        .ok();
    let file = format!(
        "sid,uid1,メールアドレス,電話番号,External ID,consent\n{sid},upload,{EMAIL},090-1234-5678,u-1,granted\n"
    );
    let done = scene
        .admin
        .send(
            "POST",
            "/api/v1/conversions/upload",
            &[("Content-Type", "text/csv")],
            file.as_bytes(),
        )
        .ok();
    assert_eq!(done["created"], 1, "{done}");
    for order in [
        "get", "gif", "form", "json", "nested", "custom", "parts", "upload",
    ] {
        assert_known(&told(&receiver, order), order);
        assert_eq!(
            notes(&mut scene.admin, order)
                .iter()
                .filter(|note| note.0.starts_with("identity"))
                .count(),
            0,
            "{order}"
        );
    }
    let form = told(&receiver, "form");
    assert_eq!(form.query_value("id").as_deref(), Some("e-1"));
    assert_eq!(
        form.query_value("page").as_deref(),
        Some("https://s.example/t?mail=[email]")
    );
    let items = scene.list("/api/v1/activities?verdict=accepted&kind=event");
    for item in &items {
        assert_eq!(
            item["identity"]["kinds"],
            json!(["email", "phone", "external_id"]),
            "{item}"
        );
        assert_eq!(item["identity"]["ad_user_data"], "granted");
    }
    // A later status knows the person, too.
    let get = items.iter().find(|item| item["uids"][0] == "get").unwrap();
    receiver.clear();
    scene
        .admin
        .post_json(
            "/api/v1/activities/status",
            &json!({"ids": [get["id"]], "status": "rejected"}),
        )
        .ok();
    assert_known(&told(&receiver, "get"), "a later status");
}

#[test]
fn events_of_apps_bring_an_identity_too() {
    let (_dir, server, receiver, mut scene) = start(json!({"is_kept": true}));
    let app = json!({"name": "App", "kind": "app", "destinations": {"default": "https://app.example/"},
        "events": [{"name": "buy"}], "identity": {"is_kept": true, "phone_country": "44"}});
    let app = scene.admin.post_json("/api/v1/offers", &app).ok();
    let (token, event) = (text(&app["id"]), text(&app["events"][0]["token"]));
    let rule = json!({"name": "app", "scope": {"type": "offer", "offer": token}, "kinds": ["install", "event"],
        "text": receiver.url("/pb?o={activity_kind}&em={email_sha256}&ph={phone_e164_sha256}")});
    scene.admin.post_json("/api/v1/rules", &rule).ok();
    let device = format!(
        "s2s=1&app_token={token}&idfa=A1B2C3D4-0000-4000-8000-1234567890AB&email=A%40b.jp&phone=0844+412+4653"
    );
    let mut client = server.client();
    client.post_form("/session", &device).ok();
    client
        .post_form("/event", &format!("{device}&event_token={event}"))
        .ok();
    for kind in ["install", "event"] {
        let arrival = told(&receiver, kind);
        assert_eq!(
            arrival.query_value("em"),
            digest(Form::EmailSha256, "a@b.jp"),
            "{kind}"
        );
        assert_eq!(
            arrival.query_value("ph"),
            digest(Form::PhoneE164Sha256, "+448444124653"),
            "{kind}"
        );
    }
}

#[test]
fn bad_values_never_refuse_a_sale_and_are_told() {
    let (_dir, server, receiver, mut scene) = start(json!({"is_kept": true}));
    let sid = scene.click(&server, "c1");
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let long = format!("{}%40example.jp", "a".repeat(300));
    for (n, (sent, field, why)) in [
        ("email=taro.example.jp", "email", "no_at_sign"),
        (long.as_str(), "email", "too_long"),
        ("phone=12", "phone", "too_short"),
        ("phone=call+me", "phone", "no_phone"),
        (empty, "email", "hash_of_nothing"),
        ("ad_user_data=maybe", "ad_user_data", "unknown_word"),
        ("email=a%40b.jp,c%40d.jp", "email", "another_before"),
        ("email=a%40b.jp&consent=denied", "email", "consent_denied"),
    ]
    .into_iter()
    .enumerate()
    {
        let sent = if sent.contains('=') {
            sent.to_owned()
        } else {
            format!("email={sent}")
        };
        let order = format!("bad-{n}");
        let answer = server.client().get(&format!("/cv?sid={sid}&uid1={order}&{sent}"));
        assert_eq!(answer.ok()["result"], "accepted", "{sent}");
        told(&receiver, &order);
        let expected = ("identity_left_out".to_owned(), field.to_owned(), why.to_owned());
        assert_eq!(notes(&mut scene.admin, &order), [expected], "{sent}");
    }
    let denied = told(&receiver, "bad-7");
    assert_eq!(
        (denied.query_value("em"), denied.query_value("c")),
        (Some(String::new()), Some("denied".into()))
    );
    // An order number with an address in it is one all the same, and is found by it.
    server
        .client()
        .get(&format!("/cv?sid={sid}&uid1=Jiro%40example.jp"))
        .ok();
    let again = server
        .client()
        .get(&format!("/cv?sid={sid}&uid1=jiro%40example.jp"));
    assert_eq!(again.ok()["result"], "duplicate");
    let found = scene.admin.get("/api/v1/trace?q=jiro%40example.jp").ok();
    assert_eq!(found["found_by"], "order_number", "{found}");
}

#[test]
fn an_offer_that_keeps_nothing_says_so() {
    let (_dir, server, receiver, mut scene) = start(json!({}));
    let sid = scene.click(&server, "c1");
    server
        .client()
        .get(&format!(
            "/cv?sid={sid}&uid1=off&email=a%40b.jp&ad_user_data=granted"
        ))
        .ok();
    let arrival = told(&receiver, "off");
    assert_eq!(
        (arrival.query_value("em"), arrival.query_value("c")),
        (Some(String::new()), Some("granted".into()))
    );
    assert_eq!(
        notes(&mut scene.admin, "off"),
        [("identity_off".into(), "email".into(), String::new())]
    );
    let wrong = json!({"name": "x", "destinations": {"default": "https://s.example/"}, "events": [], "identity": {"phone_country": "JP"}});
    let refused = scene.admin.post_json("/api/v1/offers", &wrong);
    assert_eq!(
        (refused.status, refused.error_code().as_str()),
        (400, "invalid_country_code")
    );
}

#[test]
fn a_click_keeps_the_ids_of_platforms_and_leads_where_it_asks() {
    let (_dir, server, _receiver, mut scene) = start(json!({}));
    let offer = scene.admin.get(&format!("/api/v1/offers/{}", scene.offer)).ok();
    let mut changed = offer.clone();
    changed["redirect_hosts"] = json!(["s.example"]);
    scene
        .admin
        .json("PUT", &format!("/api/v1/offers/{}", scene.offer), &changed)
        .ok();
    let to = "https://s.example/t?e=taro@example.jp";
    let query =
        "_ly_c=AbC&msclkid=M&sa_p=YSA&sa_t=1&epik=dj0&ScCid=S&email=taro%40example.jp&memo=taro%40example.jp";
    let target = format!("/c/{}?{query}&redirect={}", scene.link, to.replace('@', "%40"));
    let answer = server
        .client()
        .send("GET", &target, &[("User-Agent", BROWSER)], b"");
    let location = answer.header("location").unwrap().to_owned();
    assert!(location.starts_with(to), "{location}");
    let session = scene.list("/api/v1/sessions")[0].clone();
    let shown = session.to_string();
    assert!(
        !shown.contains("taro") && text(&session["destination"]).contains("e=[email]"),
        "{shown}"
    );
    for pair in [
        ["_ly_c", "AbC"],
        ["msclkid", "M"],
        ["sa_p", "YSA"],
        ["ScCid", "S"],
        ["memo", "[email]"],
    ] {
        assert!(
            session["parameters"].as_array().unwrap().contains(&json!(pair)),
            "{pair:?}: {shown}"
        );
    }
}

#[test]
fn what_is_accepted_later_has_the_digests_that_came_with_it() {
    let (_dir, server, receiver, mut scene) = start(json!({"is_kept": true}));
    let target = format!("/api/v1/offers/{}", scene.offer);
    let mut offer = scene.admin.get(&target).ok();
    offer["trust"] = json!({"mode": "enforced", "allowed_ips": ["203.0.113.7/32"]});
    scene.admin.json("PUT", &target, &offer).ok();
    let sid = scene.click(&server, "c1");
    let sale = |order: &str| {
        let person = "email=Ta.Ro%2Bx%40Gmail.com&phone=090-1234-5678&external_id=u-1&consent=granted";
        server
            .client()
            .post_form("/cv", &format!("sid={sid}&uid1={order}&{person}"))
            .ok()
    };
    let (first, second) = (sale("later"), sale("off"));
    assert_eq!(first["reason"], "ip_not_allowed", "{first}");
    let accept = |scene: &mut Scene, refused: &Value| {
        let wanted = json!({"ids": [refused["activity_id"]]});
        let answer = scene
            .admin
            .post_json("/api/v1/activities/refused/accept", &wanted)
            .ok();
        assert_eq!(answer["accepted"], 1, "{answer}");
    };
    accept(&mut scene, &first);
    assert_known(&told(&receiver, "later"), "accepted later");
    // What the offer keeps today counts.
    let mut offer = scene.admin.get(&target).ok();
    offer["identity"] = json!({"is_kept": false});
    scene.admin.json("PUT", &target, &offer).ok();
    accept(&mut scene, &second);
    let bare = told(&receiver, "off");
    assert_eq!(bare.query_value("em").as_deref(), Some(""));
    assert_eq!(bare.query_value("c").as_deref(), Some("granted"));
}
