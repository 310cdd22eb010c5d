//! Times that apps name: ahead of ours, in whole seconds, before a return, before the install; against the real
//! binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on fails"
)]

mod support;

use serde_json::json;
use support::app::{App, IDFA, now_s};

/// How many activities of a kind count.
fn counted(app: &mut App, kind: &str) -> usize {
    app.applied();
    let target = format!("/api/v1/activities?kind={kind}&verdict=accepted&limit=200");
    app.admin.get(&target).ok()["items"].as_array().unwrap().len()
}

#[test]
fn what_is_sent_again_with_a_time_ahead_of_ours_counts_once() {
    let mut app = App::new(json!({}));
    app.send("session", &format!("idfa={IDFA}")).ok();
    let ahead = now_s() + 200;
    let event = format!("idfa={IDFA}&event_token={}&created_at_unix={ahead}", app.purchase);
    let revenue = format!("idfa={IDFA}&revenue=0.01&currency=USD&created_at_unix={ahead}");
    for _ in 0..3 {
        assert_eq!(app.send("event", &event).ok(), json!({"status": "OK"}));
        assert_eq!(app.send("ad_revenue", &revenue).ok(), json!({"status": "OK"}));
        support::app::next_moment();
    }
    assert_eq!(
        (counted(&mut app, "event"), counted(&mut app, "ad_revenue")),
        (1, 1)
    );
    let kept = app.admin.get("/api/v1/activities?kind=event").ok();
    assert!(
        kept["items"][0]["at_ms"].as_u64().unwrap() <= now_s() * 1000 + 1000,
        "{kept}"
    );
}

#[test]
fn a_time_in_whole_seconds_is_not_earlier_within_its_second() {
    let mut app = App::new(json!({}));
    app.send("session", &format!("idfa={IDFA}")).ok();
    let at = now_s() - 100;
    let event = |created: String| format!("idfa={IDFA}&event_token={}&{created}", app.purchase);
    let precise = event(format!("created_at_unix={at}500"));
    let whole = event(format!("created_at_unix={at}"));
    let iso = jiff::Timestamp::from_second(i64::try_from(at).unwrap()).unwrap();
    let iso = event(format!("created_at={iso}"));
    for _ in 0..2 {
        for sent in [&precise, &whole, &iso] {
            assert_eq!(app.send("event", sent).ok(), json!({"status": "OK"}), "{sent}");
        }
    }
    assert_eq!(
        app.send("event", &event(format!("created_at_unix={at}499")))
            .status,
        400
    );
    assert_eq!(
        app.send("event", &event(format!("created_at_unix={}", at - 1)))
            .status,
        400
    );
    assert_eq!(counted(&mut app, "event"), 3);
}

#[test]
fn every_event_of_a_burst_is_known_again() {
    let mut app = App::new(json!({}));
    app.send("session", &format!("idfa={IDFA}")).ok();
    let at = now_s() - 100;
    for _ in 0..2 {
        for n in 0..40 {
            let event = format!(
                "idfa={IDFA}&event_token={}&created_at_unix={at}&item={n}",
                app.purchase
            );
            assert_eq!(app.send("event", &event).ok(), json!({"status": "OK"}));
        }
    }
    assert_eq!(counted(&mut app, "event"), 40);
}
