//! Edges of apps: claims go past the same filters as clicks, a cost counts once however early it is reported, and who
//! is forgotten by a hash is forgotten by name.

use crate::support::app::{App, IDFA, now_s};
use crate::support::scene::text;
use serde_json::{Value, json};

const ANDROID_ID: &str = "9774d56d682e549c";
const ANDROID_ID_MD5: &str = "cf95dc53f383f9a836fd749f3ef439cd";

fn prove_claims(app: &mut App) {
    for partner in app.admin.get("/api/v1/partners").ok()["items"]
        .as_array()
        .unwrap()
    {
        let mut partner = partner.clone();
        partner["trust"] = json!({"mode": "enforced", "allowed_ips": ["127.0.0.0/8"]});
        let target = format!("/api/v1/partners/{}", text(&partner["id"]));
        app.admin.json("PUT", &target, &partner).ok();
    }
}

#[test]
fn a_claim_goes_past_the_filters_of_installs() {
    let mut app = App::new(json!({
        "anonymous_networks": ["192.0.2.0/24"],
        "click_to_install_floor_s": 10,
    }));
    prove_claims(&mut app);
    let link = app.link.clone();
    let claim = |app: &App, device: &str, before_s: u64| {
        let time = now_s() - before_s;
        let told = app
            .send("claim", &format!("{device}&tracker={link}&click_time={time}"))
            .ok();
        (told["result"].clone(), told["reason"].clone())
    };
    let refused = |reason: &str| (json!("refused"), json!(reason));
    // Nothing had clicked when it installed: no engagement says what was wrong with the device.
    let device = |n: u8| format!("idfa=A1B2C3D4-0000-4000-8000-12345678900{n}");
    app.send("session", &format!("{}&ip_address=192.0.2.77", device(1)))
        .ok();
    assert_eq!(claim(&app, &device(1), 3600), refused("anonymous_traffic"));
    app.send("session", &format!("{}&gps_adid=not-an-id", device(2)))
        .ok();
    assert_eq!(claim(&app, &device(2), 3600), refused("malformed_advertising_id"));
    let begun = now_s() - 7200;
    app.send("session", &format!("{}&install_begin_time={begun}", device(3)))
        .ok();
    assert_eq!(claim(&app, &device(3), 3600), refused("engagement_injection"));
    app.send("session", &device(4)).ok();
    assert_eq!(claim(&app, &device(4), 2), refused("distribution_outlier"));
    assert_eq!(claim(&app, &device(4), 3600), (json!("updated"), Value::Null));
}

/// The cost of a link in the last day.
fn cost(app: &mut App, link: &str) -> Value {
    app.applied();
    let (from, to) = ((now_s() - 86_400) * 1000, (now_s() + 900) * 1000);
    let target = format!("/api/v1/stats?group_by=link&from_ms={from}&to_ms={to}");
    let rows = app.admin.get(&target).ok()["rows"].clone();
    let row = rows.as_array().unwrap().iter().find(|row| row["key"] == link);
    row.map_or(Value::Null, |row| row["cost"].clone())
}

#[test]
fn a_cost_that_is_reported_before_its_install_counts_once() {
    let mut app = App::new(json!({}));
    prove_claims(&mut app);
    let (link, usd) = (
        app.link.clone(),
        |amount: &str| json!([{"amount": amount, "currency": "USD"}]),
    );
    let report = |app: &App, amount: &str| {
        let target =
            format!("/cost?cost_id=cost-0123456789&cost_type=cpi&cost_amount={amount}&cost_currency=usd");
        app.server.client().get(&target).ok();
    };
    app.click(
        &link,
        &format!("idfa={IDFA}&cost_id=cost-0123456789&cost_type=cpi&cost_amount=2&cost_currency=usd"),
    );
    report(&app, "1.50");
    assert_eq!(cost(&mut app, &link), usd("1.5"));
    app.send("session", &format!("idfa={IDFA}")).ok();
    assert_eq!(cost(&mut app, &link), usd("1.5"), "not the click's own on top");
    report(&app, "1.75");
    assert_eq!(cost(&mut app, &link), usd("1.75"));
}

#[test]
fn who_is_forgotten_by_a_hash_is_forgotten_by_name() {
    const IDFA_MD5: &str = "0b44a9506f68f6312fd7d10a43d4cdf9";
    for (forgotten, others) in [
        (
            format!("android_id_md5={ANDROID_ID_MD5}"),
            vec![
                format!("android_id={ANDROID_ID}"),
                format!("android_id_md5={}", ANDROID_ID_MD5.to_uppercase()),
            ],
        ),
        (
            format!("idfa_md5={IDFA_MD5}"),
            vec![format!("idfa={IDFA}"), format!("idfa={}", IDFA.to_lowercase())],
        ),
        (
            format!("android_id={ANDROID_ID}"),
            vec![format!("android_id_md5={ANDROID_ID_MD5}")],
        ),
    ] {
        let mut app = App::new(json!({}));
        // It was never seen here: nothing but the hash is known of it.
        app.send("gdpr_forget_device", &forgotten).ok();
        for other in others {
            assert_eq!(
                app.send("session", &other).status,
                451,
                "{forgotten}, then {other}"
            );
            assert_eq!(
                app.send("event", &format!("{other}&event_token={}", app.purchase))
                    .status,
                451
            );
        }
        app.applied();
        assert!(
            !app.admin
                .get("/api/v1/activities")
                .ok()
                .to_string()
                .contains("install")
        );
    }
}
