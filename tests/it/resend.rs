//! What an operator does with postbacks by hand: send again, alone or in bulk, as they were or rendered anew,
//! and give up.

use crate::support::client::Client;
use crate::support::eventually;
use crate::support::receiver::{Behaviour, Receiver};
use crate::support::scene::{Scene, Way, click, text};
use crate::support::server::{Server, Setup};
use serde_json::{Value, json};
use std::time::Duration;

fn convert(server: &Server, way: &Way, click_id: &str) {
    let mut client = server.client();
    let sid = click(&mut client, &way.link, click_id);
    assert_eq!(
        client.get(&format!("/cv?sid={sid}&amount=1")).ok()["result"],
        "accepted"
    );
}

/// The partner's postbacks once `count` of them are in a state.
fn in_state(scene: &mut Scene, way: &Way, state: &str, count: usize) -> Vec<Value> {
    let list = format!("/api/v1/postbacks?partner={}&state={state}", way.partner);
    eventually(&format!("{count} are {state}"), Duration::from_secs(60), || {
        let items = scene.list(&list);
        (items.len() == count).then_some(items)
    })
}

/// Asks for a resend, follows the job to its end and gives it.
fn resend(admin: &mut Client, body: &Value) -> Value {
    run(admin, "resend", body)
}

/// Starts the work on postbacks and gives its job at its end.
fn run(admin: &mut Client, what: &str, body: &Value) -> Value {
    let begun = admin.post_json(&format!("/api/v1/postbacks/{what}"), body);
    assert_eq!(begun.status, 202, "{}", begun.text());
    let path = format!("/api/v1/jobs/{}", text(&begun.json()["id"]));
    eventually("the job is at its end", Duration::from_secs(60), || {
        let job = admin.get(&path).ok();
        assert!(
            job["done"].as_u64().unwrap() <= job["total"].as_u64().unwrap_or(u64::MAX),
            "{job}"
        );
        (job["state"] != "running").then_some(job)
    })
}

#[test]
fn failed_postbacks_are_sent_again_alone_and_in_bulk_as_they_were_and_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (server, receiver) = (Setup::new(dir.path()).start(), Receiver::start());
    let mut scene = Scene::build(&server, &receiver);
    receiver.behave(Behaviour::status(500));
    let once = json!({"schedule_s": [], "short_schedule_s": []});
    let once = match scene
        .admin
        .post_json("/api/v1/partners", &json!({"name": "probe", "delivery": once}))
    {
        answer if answer.status == 201 => once,
        _ => json!({"schedule_s": [1], "short_schedule_s": [1]}),
    };
    let way = scene.add_partner(
        "media",
        &once,
        &receiver.url("/old?id=##PARA1##&pb={postback_id}"),
    );
    for n in 0..3 {
        convert(&server, &way, &format!("c{n}"));
    }
    let failed = in_state(&mut scene, &way, "failed", 3);
    let before = receiver.arrivals();
    receiver.clear();
    receiver.behave(Behaviour::status(200));

    // Alone, as it was: byte for byte, under the same id.
    let id = text(&failed[0]["id"]);
    let unknown = "0mhz9k2x0a1b2c3d";
    let job = resend(&mut scene.admin, &json!({"ids": [id, unknown]}));
    assert_eq!(job["state"], "done", "{job}");
    assert_eq!(job["results"], json!({"queued": 1, "unknown_postback": 1}));
    let again = receiver.wait_for(1, Duration::from_secs(60)).remove(0);
    assert!(
        before.iter().any(|a| a.target == again.target),
        "{}",
        again.target
    );
    assert_eq!(again.header("webhook-id"), Some(id.as_str()));
    let delivered = in_state(&mut scene, &way, "delivered", 1).remove(0);
    assert_eq!(delivered["id"], json!(id));
    receiver.clear();

    // In bulk, anew: what today's rule says, under the same ids.
    let rules = scene.list(&format!("/api/v1/rules?partner={}", way.partner));
    let path = format!("/api/v1/rules/{}", text(&rules[0]["id"]));
    let mut rule = rules[0].clone();
    rule["text"] = json!(receiver.url("/new?click=##PARA1##&pb={postback_id}"));
    let saved = scene.admin.json("PUT", &path, &rule).ok();
    let filter = json!({"partner": way.partner, "state": "failed", "answer": 500});
    let job = resend(&mut scene.admin, &json!({"filter": filter, "rendering": "anew"}));
    assert_eq!(
        (&job["total"], &job["results"]),
        (&json!(2), &json!({"queued": 2})),
        "{job}"
    );
    let mut ids: Vec<String> = receiver
        .wait_for(2, Duration::from_secs(60))
        .iter()
        .map(|arrival| {
            assert!(arrival.target.starts_with("/new?click=c"), "{}", arrival.target);
            assert_eq!(arrival.query_value("pb").as_deref(), arrival.header("webhook-id"));
            arrival.query_value("pb").unwrap()
        })
        .collect();
    let mut expected: Vec<String> = failed[1..].iter().map(|p| text(&p["id"])).collect();
    ids.sort();
    expected.sort();
    assert_eq!(ids, expected);
    in_state(&mut scene, &way, "delivered", 3);

    // A rule that is off makes nothing; as it was still goes.
    let mut rule = saved;
    rule["enabled"] = json!(false);
    scene.admin.json("PUT", &path, &rule).ok();
    let job = resend(&mut scene.admin, &json!({"ids": [id], "rendering": "anew"}));
    assert_eq!(job["results"], json!({"nothing_to_send": 1}));
    let audit = scene.admin.get("/api/v1/audit?action=postback.resend").ok();
    assert_eq!(
        audit["items"].as_array().unwrap().len(),
        3,
        "one entry a commit: {audit}"
    );

    // Who may not, and what is no request.
    let token = json!({"name": "look", "scope": "read"});
    let token = text(&scene.admin.post_json("/api/v1/tokens", &token).ok()["secret"]);
    let mut reader = server
        .client()
        .with_header("Authorization", &format!("Bearer {token}"));
    let body = json!({"ids": [id]});
    assert_eq!(reader.post_json("/api/v1/postbacks/resend", &body).status, 403);
    assert_eq!(reader.post_json("/api/v1/postbacks/cancel", &body).status, 403);
    assert_eq!(
        reader.get(&format!("/api/v1/jobs/{}", text(&job["id"]))).status,
        404,
        "a job is its owner's"
    );
    for wrong in [
        json!({}),
        json!({"ids": [id], "filter": {}}),
        json!({"ids": ["x"]}),
    ] {
        let answer = scene.admin.post_json("/api/v1/postbacks/resend", &wrong);
        assert_eq!(answer.status, 400, "{wrong}: {}", answer.text());
    }
}

#[test]
fn waiting_postbacks_are_hurried_and_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let (server, receiver) = (Setup::new(dir.path()).start(), Receiver::start());
    let mut scene = Scene::build(&server, &receiver);
    receiver.behave(Behaviour::status(500));
    let slow = json!({"schedule_s": [3600], "short_schedule_s": [3600]});
    let way = scene.add_partner("media", &slow, &receiver.url("/pb?id=##PARA1##"));
    convert(&server, &way, "hurried");
    convert(&server, &way, "given-up");
    receiver.wait_for(2, Duration::from_secs(60));
    let attempted = eventually("both attempts are recorded", Duration::from_secs(60), || {
        let waiting = scene.list(&format!(
            "/api/v1/postbacks?partner={}&state=waiting",
            way.partner
        ));
        (waiting.len() == 2 && waiting.iter().all(|p| p["attempts"] == 1)).then_some(waiting)
    });
    let id_of = |click_id: &str| {
        let is_it = |p: &&Value| {
            p["request"]["url"]
                .as_str()
                .is_some_and(|u| u.ends_with(click_id))
        };
        text(&attempted.iter().find(is_it).unwrap()["id"])
    };
    let (hurried, given_up) = (id_of("hurried"), id_of("given-up"));
    receiver.clear();
    receiver.behave(Behaviour::status(200));
    let job = resend(&mut scene.admin, &json!({"ids": [hurried]}));
    assert_eq!(
        job["results"],
        json!({"already_waiting": 1}),
        "sent now, an hour before its time"
    );
    receiver.wait_for(1, Duration::from_secs(60));
    in_state(&mut scene, &way, "delivered", 1);

    let cancel = json!({"ids": [given_up, hurried, "0mhz9k2x0a1b2c3d"]});
    let job = run(&mut scene.admin, "cancel", &cancel);
    assert_eq!(
        job["results"],
        json!({"cancelled": 1, "not_waiting": 2}),
        "only what still waited"
    );
    let failed = in_state(&mut scene, &way, "failed", 1).remove(0);
    assert_eq!(
        (&failed["id"], &failed["fail_reason"]),
        (&json!(given_up), &json!("cancelled"))
    );
    assert_eq!(receiver.count(), 1, "nothing is sent of what was given up");
    // It can still be sent by hand, also after a restart.
    assert_eq!(server.terminate(), Some(0));
    let server = Setup::new(dir.path()).start();
    let mut admin = server.admin();
    let job = resend(&mut admin, &json!({"ids": [given_up]}));
    assert_eq!(job["results"], json!({"queued": 1}));
    receiver.wait_for(2, Duration::from_secs(60));
}

#[test]
fn rendered_anew_is_todays_rule_with_the_conversion_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let (server, receiver) = (Setup::new(dir.path()).start(), Receiver::start());
    let mut scene = Scene::with(
        &server,
        json!({}),
        json!({"approval": {"mode": "manual"}}),
        &receiver.url("/none"),
    );
    receiver.behave(Behaviour::status(500));
    let slow = json!({"schedule_s": [3600], "short_schedule_s": [3600]});
    let text_of = |path: &str| {
        receiver.url(&format!(
            "/{path}?id=##PARA1##&status={{status}}&was={{outdated_status}}&amount=##AMOUNT##&pb={{postback_id}}"
        ))
    };
    let way = scene.add_partner("media", &slow, &text_of("old"));
    let mut client = server.client();
    let sid = click(&mut client, &way.link, "changed");
    let made = client.get(&format!("/cv?sid={sid}&amount=1000")).ok();
    let conversion = text(&made["activity_id"]);
    receiver.wait_for(1, Duration::from_secs(60));
    // The amount and the status change while the first postback still waits; the second waits behind it.
    let csv = format!("activity_id,status,amount\n{conversion},approved,800\n");
    let headers = [("Content-Type", "text/csv")];
    let changed = scene
        .admin
        .send("POST", "/api/v1/conversions/upload", &headers, csv.as_bytes());
    assert_eq!(changed.status, 200, "{}", changed.text());
    in_state(&mut scene, &way, "waiting", 2);
    // A postback whose first attempt is still being recorded would wait by its schedule.
    let list = format!("/api/v1/postbacks?partner={}&state=waiting", way.partner);
    let id = eventually("the first attempt is recorded", Duration::from_secs(60), || {
        let first = scene
            .list(&list)
            .into_iter()
            .find(|p| p["activity"] == json!(conversion))?;
        (first["attempts"] == 1).then(|| text(&first["id"]))
    });

    // Today's rule leads elsewhere.
    let rules = scene.list(&format!("/api/v1/rules?partner={}", way.partner));
    let path = format!("/api/v1/rules/{}", text(&rules[0]["id"]));
    let mut rule = rules[0].clone();
    rule["text"] = json!(text_of("new"));
    scene.admin.json("PUT", &path, &rule).ok();
    receiver.clear();
    receiver.behave(Behaviour::status(200));
    let job = resend(&mut scene.admin, &json!({"ids": [id], "rendering": "anew"}));
    assert_eq!(job["results"], json!({"queued": 1}), "{job}");
    let arrivals = receiver.wait_for(2, Duration::from_secs(60));
    assert!(arrivals[0].target.starts_with("/new?"), "{}", arrivals[0].target);
    let value = |n: usize, name: &str| arrivals[n].query_value(name).unwrap();
    assert_eq!(
        (value(0, "status"), value(0, "was"), value(0, "amount")),
        ("pending".into(), "".into(), "1000".into())
    );
    assert_eq!(value(0, "pb"), id);
    assert!(
        arrivals[1].target.starts_with("/old?"),
        "the later status, as it was: {}",
        arrivals[1].target
    );
    assert_eq!(
        (value(1, "status"), value(1, "amount")),
        ("approved".into(), "800".into())
    );

    // Delivered ones too, whatever was decided since.
    in_state(&mut scene, &way, "delivered", 2);
    receiver.clear();
    let job = resend(&mut scene.admin, &json!({"ids": [id], "rendering": "anew"}));
    assert_eq!(job["results"], json!({"queued": 1}), "{job}");
    let again = receiver.wait_for(1, Duration::from_secs(60)).remove(0);
    assert_eq!(again.query_value("status").as_deref(), Some("pending"));
    assert_eq!(again.query_value("amount").as_deref(), Some("1000"));
}
