//! Installs as conversions: status, payout, the partner who is told and paid, and what of it moves with the credit.

use crate::support::app::{App, IDFA, SOON, next_moment, now_s};
use crate::support::eventually;
use crate::support::scene::text;
use serde_json::{Value, json};

const TOLD: &str = "/cb?kind={activity_kind}&status={status}&was={outdated_status}&name={event_name}&payout={payout}&cur={payout_currency}&as=";

fn change(app: &mut App, target: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut object = app.admin.get(target).ok();
    change(&mut object);
    app.admin.json("PUT", target, &object).ok()
}

fn terms(app: &mut App, terms: Value) {
    let target = format!("/api/v1/offers/{}", app.token);
    change(app, &target, |offer| offer["installs"] = terms);
}

fn rule(app: &mut App, partner: &str, kinds: &[&str], statuses: &[&str], name: &str) {
    let scope = json!({"type": "partner", "partner": partner});
    let text = app.url(&format!("{TOLD}{name}"));
    let rule = json!({"name": name, "scope": scope, "kinds": kinds, "statuses": statuses, "text": text});
    app.admin.post_json("/api/v1/rules", &rule).ok();
}

/// What was told under a name, in the order of arrival: kind, status, status before, event name, payout.
fn told(app: &App, name: &str, count: usize) -> Vec<[String; 5]> {
    let found = || {
        let arrivals = app.receiver.arrivals();
        let of_name = arrivals
            .iter()
            .filter(|a| a.query_value("as").as_deref() == Some(name));
        let values =
            of_name.map(|a| ["kind", "status", "was", "name", "payout"].map(|n| a.query_value(n).unwrap()));
        values.collect::<Vec<_>>()
    };
    eventually(&format!("{count} told as {name}"), SOON, || {
        let found = found();
        (found.len() == count).then_some(found)
    })
}

fn installs(app: &mut App) -> Vec<Value> {
    app.applied();
    let target = format!("/api/v1/activities?offer={}&kind=install", app.token);
    app.admin.get(&target).ok()["items"].as_array().unwrap().clone()
}

fn decide(app: &mut App, id: &str, status: &str) {
    let body = json!({"ids": [id], "status": status});
    assert_eq!(
        app.admin.post_json("/api/v1/activities/status", &body).ok()["changed"],
        1
    );
    app.applied();
}

/// Conversions, approved ones, and what is owed, pending and rejected, of a partner.
fn owed(app: &mut App, partner: &str) -> [Value; 5] {
    app.applied();
    let (from, to) = ((now_s() - 86_400) * 1000, (now_s() + 900) * 1000);
    let target = format!("/api/v1/payouts?from_ms={from}&to_ms={to}&partner={partner}");
    let total = app.admin.get(&target).ok()["total"].clone();
    [
        "conversions",
        "approved",
        "payout",
        "pending_payout",
        "rejected_payout",
    ]
    .map(|name| {
        let value = total[name].clone();
        let is_nothing = value
            .as_array()
            .is_some_and(|sums| sums.iter().all(|sum| sum["amount"] == "0"));
        if is_nothing { json!([]) } else { value }
    })
}

fn yen(amount: &str) -> Value {
    json!([{"amount": amount, "currency": "JPY"}])
}

fn words(told: [&str; 5]) -> [String; 5] {
    told.map(str::to_owned)
}

#[test]
fn an_install_is_paid_approved_and_rejected_like_an_event() {
    let mut app = App::new(json!({}));
    let payout = json!({"type": "fixed", "amount": "300", "currency": "JPY"});
    terms(
        &mut app,
        json!({"approval": {"mode": "manual"}, "payout": payout}),
    );
    let partner = app.partner.clone();
    for status in ["pending", "approved", "rejected"] {
        rule(&mut app, &partner, &["install"], &[status], status);
    }
    rule(&mut app, &partner, &["install"], &[], "once");
    rule(
        &mut app,
        &partner,
        &["event_update", "install_update"],
        &[],
        "later",
    );
    app.click(&app.link, &format!("idfa={IDFA}"));
    app.send("session", &format!("idfa={IDFA}")).ok();
    assert_eq!(
        told(&app, "pending", 1),
        [words(["install", "pending", "", "", "300"])]
    );
    assert_eq!(
        told(&app, "once", 1),
        [words(["install", "pending", "", "", "300"])]
    );
    let install = installs(&mut app).remove(0);
    assert_eq!(
        (&install["status"], &install["payout"]["amount"]),
        (&json!("pending"), &json!("300"))
    );
    assert_eq!(
        owed(&mut app, &partner),
        [json!(1), json!(0), json!([]), yen("300"), json!([])]
    );

    let id = text(&install["id"]);
    decide(&mut app, &id, "approved");
    let approved = words(["event_update", "approved", "pending", "install", "300"]);
    assert_eq!(told(&app, "approved", 1), std::slice::from_ref(&approved));
    assert_eq!(told(&app, "later", 1), [approved]);
    assert_eq!(
        owed(&mut app, &partner),
        [json!(1), json!(1), yen("300"), json!([]), json!([])]
    );
    decide(&mut app, &id, "rejected");
    told(&app, "rejected", 1);
    told(&app, "later", 2);
    assert_eq!(
        owed(&mut app, &partner),
        [json!(1), json!(0), json!([]), json!([]), yen("300")]
    );
    for (name, count) in [("pending", 1), ("once", 1), ("approved", 1)] {
        told(&app, name, count);
    }
    let (from, to) = ((now_s() - 86_400) * 1000, (now_s() + 900) * 1000);
    let stats = format!("/api/v1/stats?group_by=total&from_ms={from}&to_ms={to}");
    let total = app.admin.get(&stats).ok()["total"].clone();
    assert_eq!(
        (&total["installs"], &total["conversions"], &total["rejected"]),
        (&json!(1), &json!(1), &json!(1))
    );
}

#[test]
fn an_app_that_says_nothing_approves_installs_at_once_and_owes_nothing() {
    let mut app = App::new(json!({}));
    let partner = app.partner.clone();
    rule(&mut app, &partner, &["install"], &["pending"], "waits");
    app.click(&app.link, &format!("idfa={IDFA}"));
    app.send("session", &format!("idfa={IDFA}")).ok();
    // A partner with a URL for waiting ones alone still has to hear of it.
    assert_eq!(
        told(&app, "waits", 1),
        [words(["install", "approved", "", "", ""])]
    );
    assert_eq!(
        owed(&mut app, &partner),
        [json!(1), json!(1), json!([]), json!([]), json!([])]
    );
}

fn prove_claims(app: &mut App) {
    for partner in app.admin.get("/api/v1/partners").ok()["items"]
        .as_array()
        .unwrap()
    {
        let target = format!("/api/v1/partners/{}", text(&partner["id"]));
        change(app, &target, |partner| {
            partner["trust"] = json!({"mode": "enforced", "allowed_ips": ["127.0.0.0/8"]});
        });
    }
}

#[test]
fn a_changed_credit_moves_the_payout() {
    let mut app = App::new(json!({}));
    let payout = json!({"type": "fixed", "amount": "300", "currency": "JPY"});
    terms(
        &mut app,
        json!({"approval": {"mode": "manual"}, "payout": payout}),
    );
    prove_claims(&mut app);
    let (one, link2) = (app.partner.clone(), app.link2.clone());
    let partners = app.admin.get("/api/v1/partners").ok();
    let two = partners["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|p| p["id"] != json!(one))
        .unwrap();
    let two = text(&two["id"]);
    let own = json!({"offer": app.token, "installs": true, "payout": {"type": "fixed", "amount": "500", "currency": "JPY"}});
    change(&mut app, &format!("/api/v1/partners/{two}"), |partner| {
        partner["payouts"] = json!([own]);
    });
    rule(&mut app, &one, &["install"], &["pending", "approved"], "one");
    rule(&mut app, &two, &["install"], &["pending", "approved"], "two");
    let (address, device) = ("ip_address=192.0.2.77", "os_name=ios&device_name=iPhone");
    app.click(&app.link, &format!("{address}&{device}"));
    app.send(
        "session",
        &format!("idfa={IDFA}&{address}&os_name=ios&device_name=iPhone14,5"),
    )
    .ok();
    told(&app, "one", 1);
    assert_eq!(owed(&mut app, &one)[3], yen("300"));

    let claim = format!("idfa={IDFA}&tracker={link2}&click_time={}", now_s() - 60);
    assert_eq!(app.send("claim", &claim).ok()["result"], "updated");
    assert_eq!(
        owed(&mut app, &one),
        [json!(0), json!(0), json!([]), json!([]), json!([])]
    );
    assert_eq!(
        owed(&mut app, &two),
        [json!(1), json!(0), json!([]), yen("500"), json!([])]
    );
    let install = installs(&mut app).remove(0);
    assert_eq!(
        (&install["partner"], &install["payout"]["amount"]),
        (&json!(two), &json!("500")),
        "{install}"
    );
    let id = text(&install["id"]);
    decide(&mut app, &id, "approved");
    assert_eq!(
        told(&app, "two", 1),
        [words(["event_update", "approved", "pending", "install", "500"])]
    );
    assert_eq!(
        owed(&mut app, &two),
        [json!(1), json!(1), yen("500"), json!([]), json!([])]
    );
    assert_eq!(
        told(&app, "one", 1).len(),
        1,
        "the first one is told nothing more"
    );

    // What the first one was told can be told again, as it was.
    let postbacks = app.admin.get(&format!("/api/v1/postbacks?partner={one}")).ok();
    let first = text(&postbacks["items"][0]["id"]);
    app.receiver.clear();
    let resend = json!({"ids": [first], "rendering": "anew"});
    assert_eq!(
        app.admin.post_json("/api/v1/postbacks/resend", &resend).status,
        202
    );
    assert_eq!(
        told(&app, "one", 1),
        [words(["install", "pending", "", "", "300"])]
    );
}

#[test]
fn returns_pay_only_where_the_offer_says_so() {
    let mut app = App::new(json!({"inactivity_h": 1}));
    let payout = json!({"type": "fixed", "amount": "300", "currency": "JPY"});
    let partner = app.partner.clone();
    for (round, pays) in [(0, false), (1, true)] {
        terms(
            &mut app,
            json!({"payout": payout, "reattributions": pays, "reinstalls": pays}),
        );
        let (day, idfa) = (86_400, format!("A1B2C3D4-0000-4000-8000-12345678900{round}"));
        let opened = |app: &App, at: u64| {
            app.send("session", &format!("idfa={idfa}&created_at_unix={at}"))
                .ok()
        };
        opened(&app, now_s() - 3 * day);
        app.click(&app.link, &format!("idfa={idfa}"));
        next_moment();
        assert_eq!(
            app.send("session", &format!("idfa={idfa}")).ok()["message"],
            "Reattribution tracked"
        );
        app.send("uninstall", &format!("idfa={idfa}&uninstalled_at={}", now_s()))
            .ok();
        let kinds = app
            .admin
            .get(&format!(
                "/api/v1/activities?offer={}&kind=reattribution",
                app.token
            ))
            .ok();
        let status = kinds["items"][0]["status"].clone();
        assert_eq!(status == json!("approved"), pays, "{status}");
        let expected = if pays { yen("300") } else { json!([]) };
        assert_eq!(owed(&mut app, &partner)[2], expected);
    }
}

#[test]
fn terms_that_mean_nothing_are_refused() {
    let mut app = App::new(json!({}));
    let target = format!("/api/v1/offers/{}", app.token);
    let mut offer = app.admin.get(&target).ok();
    for (terms, field, code) in [
        (
            json!({"payout": {"type": "percent", "percent": "5"}}),
            "installs.payout",
            "share_of_nothing",
        ),
        (
            json!({"payout": {"type": "fixed", "amount": "0.5", "currency": "JPY"}}),
            "installs.payout.amount",
            "too_many_decimals",
        ),
        (
            json!({"approval": {"mode": "after_days", "days": 0}}),
            "installs.approval.days",
            "out_of_range",
        ),
        (
            json!({"reatributions": true}),
            "installs.reatributions",
            "unknown_field",
        ),
    ] {
        offer["installs"] = terms;
        let answer = app.admin.json("PUT", &target, &offer);
        assert_eq!(
            (answer.status, answer.error_code().as_str()),
            (400, code),
            "{}",
            answer.text()
        );
        assert_eq!(answer.json()["error"]["field"], field);
    }
    let target = format!("/api/v1/partners/{}", app.partner);
    let mut partner = app.admin.get(&target).ok();
    let fixed = json!({"type": "fixed", "amount": "5", "currency": "JPY"});
    for (payout, code) in [
        (
            json!({"offer": app.token, "installs": true, "event": app.purchase, "payout": fixed}),
            "contradiction",
        ),
        (
            json!({"offer": app.token, "installs": true, "payout": {"type": "percent", "percent": "5"}}),
            "share_of_nothing",
        ),
    ] {
        partner["payouts"] = json!([payout]);
        assert_eq!(app.admin.json("PUT", &target, &partner).error_code(), code);
    }
}
