//! A token is revoked in the middle of a backlog: the platform sees a handful of requests and no more, nothing is lost
//! or used up, there is one alert, and after a new token everything goes out once. 500 waiting postbacks, or 10,000
//! with `YAMABIKO_LONG=1`.

use super::PLATFORMS;
use super::connected::Connected;
use super::serve::{Emulators, PATIENCE};
use crate::support::eventually;
use crate::support::receiver::Receiver;
use crate::support::scene::Scene;
use crate::support::skip;
use serde_json::{Value, json};
use std::time::Duration;

#[test]
fn a_token_that_is_revoked_in_a_backlog_costs_a_handful_of_requests_and_no_postback() {
    let Some(emulators) = Emulators::start() else {
        return skip("port 443 of a loopback address cannot be had (root is needed)");
    };
    let count = if std::env::var_os("YAMABIKO_LONG").is_some() {
        10_000
    } else {
        500
    };
    let dir = tempfile::tempdir().unwrap();
    let setup = emulators
        .setup(dir.path())
        .env("YAMABIKO_ALERTS_PARTNER_AFTER_S", "1");
    let setup = setup.env("YAMABIKO_ALERTS_SETTLE_S", "1");
    let (server, media, hook) = (setup.start(), Receiver::start(), Receiver::start());
    media.count_only();
    let mut scene = Scene::build(&server, &media);
    let mut settings = scene.admin.get("/api/v1/settings").ok();
    settings["alerts"] = json!({"webhook_url": hook.url("/hook"), "language": "en"});
    scene.admin.json("PUT", "/api/v1/settings", &settings).ok();
    let platform = PLATFORMS
        .iter()
        .find(|platform| platform.preset == "tiktok")
        .unwrap();
    let mut tiktok = Connected::new(platform, &emulators, &mut scene.admin, &scene.offer);
    // A backlog: postbacks are held while the sales come in, which others earned.
    tiktok.link = scene.link.clone();
    let path = format!("/api/v1/partners/{}", tiktok.partner);
    let stop = |scene: &mut Scene, stop: Value| {
        let mut partner = scene.admin.get(&path).ok();
        partner["stop"] = stop;
        scene.admin.json("PUT", &path, &partner).ok();
    };
    stop(&mut scene, json!({"hold_postbacks": true}));
    let mut client = server.client();
    for n in 0..count {
        tiktok.sell(&mut client, &format!("{}", 20_000_000 + n), &json!({}));
    }
    let requests = || emulators.of("tiktok", |emulated| emulated.came().len());
    let faults = || {
        emulators.of("tiktok", |emulated| {
            emulated.came().iter().filter(|came| came.fault.is_some()).count()
        })
    };
    let counted = || emulators.of("tiktok", |emulated| emulated.counted());
    assert_eq!(requests(), 0);
    emulators.of("tiktok", |emulated| emulated.expire_after(count / 5));
    stop(&mut scene, Value::Null);
    let held = eventually("a hold", PATIENCE, || {
        let held = scene.admin.get("/api/v1/delivery").ok()["held"].clone();
        held.as_array()
            .unwrap()
            .first()
            .filter(|hold| hold["cause"] == "token_refused")
            .cloned()
    });
    assert_eq!(held["partner"], tiktok.partner.as_str());
    let alert = eventually("an alert", PATIENCE, || hook.arrivals().into_iter().next());
    // What was on its way comes to its end; then it is silent.
    let mut last = requests();
    eventually("silence", PATIENCE, || {
        std::thread::sleep(Duration::from_millis(500));
        let now = requests();
        (std::mem::replace(&mut last, now) == now).then_some(())
    });
    let (taken, refused) = (counted(), faults());
    assert!(refused <= 20, "{refused} requests with a refused token");
    let waiting = scene.list(&format!(
        "/api/v1/postbacks?state=waiting&partner={}",
        tiktok.partner
    ));
    assert_eq!(waiting.len(), count - taken, "every other one waits");
    assert!(
        waiting.iter().all(|postback| postback["attempts"] == 0),
        "none used up anything"
    );
    let failed = scene.list(&format!(
        "/api/v1/postbacks?state=failed&partner={}",
        tiktok.partner
    ));
    assert_eq!(failed.len(), 0);

    tiktok.renew(&emulators, &mut scene.admin);
    let long = PATIENCE * 5;
    eventually("all of it went out", long, || (counted() == count).then_some(()));
    eventually("nothing waits", long, || {
        let waiting = scene
            .admin
            .get(&format!(
                "/api/v1/postbacks?state=waiting&partner={}&limit=1",
                tiktok.partner
            ))
            .ok();
        waiting["items"].as_array().unwrap().is_empty().then_some(())
    });
    let good = requests() - faults();
    assert_eq!((good, faults()), (count, refused), "each once, and none in vain");
    let over = eventually("the all-clear", PATIENCE, || hook.arrivals().into_iter().nth(1));
    let told: Vec<String> = [&alert, &over]
        .map(|arrival| String::from_utf8_lossy(&arrival.body).into_owned())
        .into();
    assert_eq!(hook.count(), 2, "one alert, and its end: {told:?}");
    assert!(told[0].contains("its token is refused"), "{told:?}");
}
