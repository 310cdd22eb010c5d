//! What is kept apart, bounded, limited and erased of apps, end to end against the real binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod support;

use serde_json::{Value, json};
use support::app::{App, IDFA, now_s};

/// The totals of the last day in an environment; `None`: whatever the server takes for granted.
fn totals(app: &mut App, environment: Option<&str>) -> Value {
    let (from, to) = ((now_s() - 86_400) * 1000, (now_s() + 900) * 1000);
    let environment = environment.map_or_else(String::new, |e| format!("&environment={e}"));
    let target = format!("/api/v1/stats?group_by=total&from_ms={from}&to_ms={to}{environment}");
    app.admin.get(&target).ok()["total"].clone()
}

#[test]
fn the_sandbox_is_counted_apart() {
    let mut app = App::new(json!({}));
    app.click(&app.link, &format!("idfa={IDFA}&environment=sandbox"));
    app.click(&app.link, &format!("idfa={IDFA}"));
    app.click(&app.link, "idfa=B1B2C3D4-0000-4000-8000-1234567890AB");
    let purchase = app.purchase.clone();
    for (environment, revenue) in [("sandbox", "2.5"), ("production", "40")] {
        app.send("session", &format!("idfa={IDFA}&environment={environment}"))
            .ok();
        let event = format!(
            "idfa={IDFA}&environment={environment}&event_token={purchase}&revenue={revenue}&currency=USD"
        );
        app.send("event", &event).ok();
        assert_eq!(app.send("event", &format!("{event}x")).status, 400);
    }
    // Organic, and of the sandbox only.
    app.send("session", &format!("idfv={IDFA}&environment=sandbox"))
        .ok();

    let production = totals(&mut app, None);
    assert_eq!(production, totals(&mut app, Some("production")));
    let sandbox = totals(&mut app, Some("sandbox"));
    let counts = |of: &Value| {
        ["clicks", "installs", "conversions", "approved", "refused"].map(|name| of[name].as_i64().unwrap())
    };
    assert_eq!(counts(&production), [2, 1, 1, 1, 1], "{production}");
    assert_eq!(counts(&sandbox), [1, 2, 1, 1, 1], "{sandbox}");
    assert_eq!(
        production["revenue"],
        json!([{"amount": "40", "currency": "USD"}])
    );
    assert_eq!(sandbox["revenue"], json!([{"amount": "2.5", "currency": "USD"}]));
    assert_eq!(
        app.admin
            .get("/api/v1/stats?from_ms=0&to_ms=1&environment=live")
            .status,
        400
    );
}
