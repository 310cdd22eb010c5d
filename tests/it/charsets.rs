//! The character set that an operator sets for a partner or an offer: where the text alone does not tell it.

use crate::support::receiver::Receiver;
use crate::support::scene::{BROWSER, Scene, text};
use crate::support::server::Setup;
use serde_json::{Value, json};
use std::time::Duration;

fn set(scene: &mut Scene, target: &str, charset: Value) {
    let mut object = scene.admin.get(target).ok();
    object["charset"] = charset;
    scene.admin.json("PUT", target, &object).ok();
}

#[test]
fn what_is_not_utf8_is_read_as_it_was_set() {
    let dir = tempfile::tempdir().unwrap();
    let (server, receiver) = (Setup::new(dir.path()).start(), Receiver::start());
    let rule = receiver.url("/pb?id=##PARA1##&label={label}");
    let mut scene = Scene::with(&server, json!({}), json!({}), &rule);
    let (offer, partner) = (
        format!("/api/v1/offers/{}", scene.offer),
        format!("/api/v1/partners/{}", scene.partner),
    );
    // Half-width kana in Shift_JIS, Latin text, Chinese: none is found by its text alone.
    for (on, charset, bytes, word) in [
        (&offer, "shift_jis", "%B6%C0%B6%C5", "ｶﾀｶﾅ"),
        (&partner, "shift_jis", "%B6%C0%B6%C5", "ｶﾀｶﾅ"),
        (&partner, "windows1252", "caf%E9", "café"),
        (&offer, "big5", "%A4%A4%A4%E5", "中文"),
        (&offer, "gb18030", "%D6%D0%CE%C4", "中文"),
        (&partner, "euc_kr", "%C7%D1%B1%B9", "한국"),
    ] {
        set(&mut scene, on, json!(charset));
        let target = format!(
            "/c/{}?s2s=1&user_agent=x&param1={bytes}&label={bytes}",
            scene.link
        );
        let click = server
            .client()
            .send("GET", &target, &[("User-Agent", BROWSER)], b"")
            .ok();
        let sid = text(&click["sid"]);
        receiver.clear();
        // By its session, by its offer's id, and in a form.
        let mut client = server.client();
        let sales = [
            client.get(&format!(
                "/cv?sid={sid}&uid1=a-{charset}-{}&p_name={bytes}",
                on.len()
            )),
            client.post_form(
                "/cv",
                &format!(
                    "cid={}&sid={sid}&uid1=b-{charset}-{}&p_name={bytes}",
                    scene.offer,
                    on.len()
                ),
            ),
        ];
        for sale in sales {
            assert_eq!(sale.json()["result"], "accepted", "{}", sale.text());
            let kept = scene
                .admin
                .get(&format!(
                    "/api/v1/activities/{}",
                    text(&sale.json()["activity_id"])
                ))
                .ok();
            assert_eq!(kept["custom"], json!([["name", word]]), "{charset}: {kept}");
        }
        let told = receiver.wait_for(2, Duration::from_secs(60));
        assert!(
            told[0].target.contains(&format!("id={bytes}&")),
            "byte for byte: {}",
            told[0].target
        );
        assert_eq!(told[0].query_value("label").as_deref(), Some(word), "{charset}");
        set(&mut scene, on, json!(null));
    }
    let mut object = scene.admin.get(&offer).ok();
    object["charset"] = json!("latin-9");
    assert_eq!(scene.admin.json("PUT", &offer, &object).status, 400);
}

#[test]
fn valid_utf8_stays_utf8_and_what_is_wrong_in_the_set_is_found_by_its_text() {
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    let mut scene = Scene::build(&server, &Receiver::start());
    let offer = format!("/api/v1/offers/{}", scene.offer);
    set(&mut scene, &offer, json!("big5"));
    for (bytes, word) in [("%E5%B1%B1", "山"), ("%83e%83X%83g", "テスト")] {
        let sid = scene.click(&server, "x");
        let sale = server
            .client()
            .get(&format!("/cv?sid={sid}&uid1={bytes}&p_name={bytes}"));
        if word == "山" {
            assert_eq!(sale.json()["result"], "accepted", "{}", sale.text());
        }
        let id = text(&sale.ok()["activity_id"]);
        let kept = scene.admin.get(&format!("/api/v1/activities/{id}")).ok();
        assert_eq!(kept["custom"], json!([["name", word]]), "{kept}");
    }
}
