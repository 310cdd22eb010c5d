//! The live stream: nothing is missed over a reconnect, a hole is always told, and a viewer that does not read
//! holds nobody up.

use crate::support::owner::{PASSWORD, browser, claim, signed_in};
use crate::support::receiver::Receiver;
use crate::support::scene::{BROWSER, Scene, text};
use crate::support::server::{Server, Setup};
use crate::support::sse::{Event, Viewer};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

fn token(scene: &mut Scene) -> String {
    let made = scene
        .admin
        .post_json("/api/v1/tokens", &json!({"name": "watch", "scope": "read"}))
        .ok();
    format!("Bearer {}", text(&made["secret"]))
}

/// Clicks one after the other; gives the SIDs.
fn clicks(server: &Server, link: &str, count: usize) -> Vec<String> {
    let mut client = server.client();
    let click = |n| {
        let target = format!("/c/{link}?param1=c{n}&s2s=1");
        text(&client.send("GET", &target, &[("User-Agent", BROWSER)], b"").ok()["sid"])
    };
    (0..count).map(click).collect()
}

/// More than the server remembers for viewers that come back.
fn many_clicks(server: &Server, link: &str) {
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| clicks(server, link, 140));
        }
    });
}

fn sid(event: &Event) -> String {
    text(&event.data["id"])
}

fn is(wanted: &str) -> impl Fn(&Event) -> bool + use<> {
    let wanted = wanted.to_owned();
    move |event| event.name == "session" && sid(event) == wanted
}

const SOON: Duration = Duration::from_secs(60);

#[test]
fn a_viewer_that_comes_back_has_missed_nothing_or_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path());
    let server = setup.start();
    let mut scene = Scene::build(&server, &Receiver::start());
    let token = token(&mut scene);
    let mut viewer = Viewer::join(server.address(), &token, None);
    let first = clicks(&server, &scene.link, 5);
    let seen = viewer.until("session", SOON, is(&first[4]));
    assert_eq!(
        seen.iter().map(sid).collect::<Vec<_>>(),
        first,
        "in order, each once"
    );
    assert!(seen.is_sorted_by(|a, b| a.id < b.id));
    // It is gone while things happen, again and again.
    let (mut last_id, mut all, mut told) = (
        seen[2].id,
        first,
        seen.iter().map(sid).take(3).collect::<Vec<_>>(),
    );
    for _ in 0..4 {
        drop(viewer);
        all.extend(clicks(&server, &scene.link, 40));
        viewer = Viewer::join(server.address(), &token, last_id);
        all.extend(clicks(&server, &scene.link, 10));
        let seen = viewer.until("session", SOON, is(all.last().unwrap()));
        assert!(
            seen.iter().all(|e| e.name != "gap"),
            "no gap where nothing was lost"
        );
        told.extend(seen.iter().map(sid));
        last_id = seen.last().unwrap().id;
    }
    assert_eq!(told, all, "everything, in order, each once");
    // Away for longer than is remembered: told so, and it goes on.
    drop(viewer);
    many_clicks(&server, &scene.link);
    let mut viewer = Viewer::join(server.address(), &token, last_id);
    assert_eq!(viewer.next(&["session"]).name, "gap");
    let after = clicks(&server, &scene.link, 1);
    let seen = viewer.until("session", SOON, is(&after[0]));
    assert!(seen.iter().all(|e| e.name == "session") && seen.is_sorted_by(|a, b| a.id < b.id));
    let last_id = seen.last().unwrap().id;
    // Over a restart ids go on, and what nobody remembers is a gap.
    let begun = Instant::now();
    assert_eq!(server.terminate(), Some(0));
    assert!(
        begun.elapsed() < Duration::from_secs(25),
        "a viewer holds the stop up: {:?}",
        begun.elapsed()
    );
    let server = setup.start();
    let mut viewer = Viewer::join(server.address(), &token, last_id);
    assert_eq!(viewer.next(&["session"]).name, "gap");
    let after = clicks(&server, &scene.link, 1);
    let event = viewer.until("session", SOON, is(&after[0])).pop().unwrap();
    assert!(event.id > last_id, "{:?} after {last_id:?}", event.id);
}

#[test]
fn a_viewer_that_does_not_read_holds_nobody_up_and_is_told_of_its_hole() {
    const CLIENTS: usize = 8;
    const CLICKS: usize = 600;
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    let mut scene = Scene::build(&server, &Receiver::start());
    let token = token(&mut scene);
    let mut asleep = Viewer::join(server.address(), &token, None);
    let mut awake = Viewer::join(server.address(), &token, None);
    let is_end = |event: &Event| event.data["para"][0] == "end";
    let reader = std::thread::spawn(move || awake.until("session", SOON * 3, is_end));
    let memory = server.resident_bytes();
    // Large events: the buffers of the connection are soon full.
    let value = "x".repeat(2_000);
    let target = format!("/c/{}?s2s=1&a={value}&b={value}&c={value}", scene.link);
    let threads: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (mut client, target) = (server.client(), target.clone());
            std::thread::spawn(move || {
                let mut worst = Duration::ZERO;
                for _ in 0..CLICKS {
                    let begun = Instant::now();
                    client.send("GET", &target, &[("User-Agent", BROWSER)], b"").ok();
                    worst = worst.max(begun.elapsed());
                }
                worst
            })
        })
        .collect();
    let worst = threads.into_iter().map(|t| t.join().unwrap()).max().unwrap();
    crate::support::scene::click(&mut server.client(), &scene.link, "end");
    assert!(worst < Duration::from_secs(15), "a click took {worst:?}");
    let grown = server.resident_bytes().saturating_sub(memory) >> 20;
    assert!(grown < 200, "{grown} MiB for one viewer that does not read");
    let truth: Vec<String> = reader.join().unwrap().iter().map(sid).collect();
    assert_eq!(truth.len(), CLIENTS * CLICKS + 1, "the other one saw everything");

    // It wakes up: a hole is there only together with a gap before what follows it.
    let (mut place, mut holes, mut was_told) = (0, 0, false);
    for event in asleep.until("session", SOON * 3, |event| event.name == "gap" || is_end(event)) {
        was_told |= event.name == "gap";
        if event.name == "session" {
            let at = truth.iter().position(|s| *s == sid(&event)).unwrap();
            assert!(at >= place, "in order");
            holes += usize::from(at > place);
            assert!(
                at == place || was_told,
                "{} events are missing before {at} and nobody said so",
                at - place
            );
            place = at + 1;
        }
    }
    assert!(was_told || holes == 0);
    assert!(was_told, "the test was to make it lose some");
}

/// Clicks go on, faster than any heartbeat of the stream, while `work` is done.
fn amid_clicks<R>(server: &Server, link: &str, work: impl FnOnce() -> R) -> R {
    let ends = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ends.load(Ordering::Relaxed) {
                clicks(server, link, 1);
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        ends.store(true, Ordering::Relaxed);
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[test]
fn a_stream_ends_with_its_login_or_token_though_events_flow() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path());
    let server = setup.start();
    let scene = Scene::build(&server, &Receiver::start());
    let (mut owner, _) = claim(&server, &setup, PASSWORD);
    let partner = json!([scene.partner]);
    let mut viewers = Vec::new();
    for name in ["leaves", "disabled", "deleted", "limited"] {
        let user = json!({"login": format!("{name}@example.jp"), "role": "viewer", "password": PASSWORD});
        let user = owner.post_json("/api/v1/users", &user).ok();
        let credentials = json!({"login": user["login"], "password": PASSWORD});
        let (browser, cookie) = signed_in(
            &server,
            &browser(&server).post_json("/api/v1/login", &credentials),
        );
        let who = format!("Cookie: yamabiko={cookie}");
        viewers.push((
            user,
            browser,
            Viewer::join_as(server.address(), &who, None).unwrap(),
        ));
    }
    let made = json!({"name": "watch", "scope": "read"});
    let issued = owner.post_json("/api/v1/tokens", &made).ok();
    let mut of_token = Viewer::join(
        server.address(),
        &format!("Bearer {}", text(&issued["secret"])),
        None,
    );
    amid_clicks(&server, &scene.link, || {
        for (_, _, viewer) in &mut viewers {
            viewer.next(&["session"]);
        }
        assert!(viewers[0].1.post_json("/api/v1/logout", &json!({})).status < 300);
        let path = |user: &Value| format!("/api/v1/users/{}", text(&user["id"]));
        for (at, field, value) in [(1, "is_disabled", json!(true)), (3, "partners", partner.clone())] {
            let mut user = owner.get(&path(&viewers[at].0)).ok();
            user[field] = value;
            owner.json("PUT", &path(&viewers[at].0), &user).ok();
        }
        assert_eq!(owner.json("DELETE", &path(&viewers[2].0), &json!({})).status, 204);
        let token = format!("/api/v1/tokens/{}", text(&issued["token"]["id"]));
        assert_eq!(owner.json("DELETE", &token, &json!({})).status, 204);
        for (user, _, viewer) in &mut viewers {
            assert!(viewer.until_it_ends(SOON / 2).is_some(), "{}", user["login"]);
        }
        assert!(of_token.until_it_ends(SOON / 2).is_some(), "a revoked token");
    });
}

#[test]
fn one_viewer_leaves_places_at_the_stream_for_others() {
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    let mut scene = Scene::build(&server, &Receiver::start());
    let mut join = |name: &str| {
        let made = json!({"name": name, "scope": "read"});
        let made = scene.admin.post_json("/api/v1/tokens", &made).ok();
        let who = format!("Authorization: Bearer {}", text(&made["secret"]));
        let address = server.address();
        move || Viewer::join_as(address, &who, None)
    };
    let (greedy, other) = (join("greedy"), join("other"));
    let mut places: Vec<Viewer> = (0..8).map(|_| greedy().unwrap()).collect();
    let refused = greedy().err().unwrap();
    assert!(refused.contains("429"), "{refused}");
    places.push(other().unwrap());
}
