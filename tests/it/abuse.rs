//! What a stranger can take: records that do not count are small and bounded by a day's bytes, what comes too often is
//! answered 429, and whoever is vouched for never sees that.

use crate::support::client::{Answer, Client};
use crate::support::files::files_below;
use crate::support::receiver::Receiver;
use crate::support::scene::{Scene, click};
use crate::support::server::{Server, Setup};
use serde_json::json;
use std::path::Path;
use std::time::Instant;

/// Requests come through a proxy that says from where.
fn behind_a_proxy(data_dir: &Path) -> Setup {
    Setup::new(data_dir)
        .env("YAMABIKO_TRUSTED_PROXIES", "127.0.0.0/8")
        .env("YAMABIKO_STORE_JOURNAL_SEGMENT_MB", "1")
        .env("YAMABIKO_STORE_BALLAST_MB", "0")
}

fn from(server: &Server, address: &str) -> Client {
    server.client().with_header("X-Forwarded-For", address)
}

/// Bytes of all files that are not zeros at their end.
fn disk_bytes(data_dir: &Path) -> u64 {
    let used = |file: &std::path::PathBuf| {
        let bytes = std::fs::read(file).unwrap_or_default();
        bytes
            .iter()
            .rposition(|b| *b != 0)
            .map_or(0, |last| last as u64 + 1)
    };
    files_below(data_dir).iter().map(used).sum()
}

/// Sends the same target so often, over some connections at once.
fn repeat(server: &Server, times: usize, target: &(dyn Fn(usize) -> String + Sync)) -> Vec<u16> {
    const CLIENTS: usize = 8;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CLIENTS)
            .map(|n| {
                scope.spawn(move || {
                    let mut client = server.client();
                    (n..times)
                        .step_by(CLIENTS)
                        .map(|n| client.get(&target(n)).status)
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    })
}

#[test]
fn a_refusal_or_a_duplicate_costs_a_kilobyte_however_large_it_is() {
    const TIMES: usize = 6_000;
    let dir = tempfile::tempdir().unwrap();
    let server = behind_a_proxy(dir.path()).start();
    let receiver = Receiver::start();
    let scene = Scene::build(&server, &receiver);
    let large: String = (0..28).map(|n| format!("&k{n}={}", "v".repeat(200))).collect();
    let mut client = server.client();
    let sid = client.get(&format!("/c/{}?s2s=1{large}", scene.link)).ok()["sid"].to_string();
    let sid = sid.trim_matches('"').to_owned();
    let duplicate = format!("/cv?sid={sid}&uid1=a");
    assert_eq!(client.get(&duplicate).ok()["result"], "accepted");
    let made_up = |n: usize| format!("/cv?sid={:016}&uid1=b{n}", n % 7);
    let wide: String = (0..3).map(|n| format!("&p_x{n}={}", "w".repeat(2_000))).collect();
    type Request<'a> = Box<dyn Fn(usize) -> String + Sync + 'a>;
    let cases: [(&str, Request<'_>); 4] = [
        ("duplicates", Box::new(|_| duplicate.clone())),
        ("made-up SIDs", Box::new(made_up)),
        (
            "made-up SIDs with large parameters",
            Box::new(|n| format!("{}{wide}", made_up(n))),
        ),
        (
            "unreadable amounts",
            Box::new(|_| format!("/cv?sid={sid}&uid1=c&amount=x{wide}")),
        ),
    ];
    for (what, target) in cases {
        let before = disk_bytes(dir.path());
        let statuses = repeat(&server, TIMES, &*target);
        assert!(
            statuses.iter().all(|status| [200, 400].contains(status)),
            "{what}"
        );
        // Snapshots and merges free space in between.
        let grown = disk_bytes(dir.path()).saturating_sub(before);
        println!("{what}: {} bytes a request", grown / TIMES as u64);
        // A record of a kilobyte stands in the journal and, until files are merged, up to twice in the store.
        assert!(
            grown / (TIMES as u64) < 3_072,
            "{what}: {} bytes a request",
            grown / TIMES as u64
        );
    }
    // Thirty of them in one body.
    let body: String = (0..30)
        .map(|n| format!("&p_x{n}={}", "w".repeat(2_000)))
        .collect();
    let before = disk_bytes(dir.path());
    let mut client = server.client();
    for n in 0..300 {
        let answer = client.post_form("/cv", &format!("sid={:016}&uid1=d{n}{body}", 5));
        assert_eq!(answer.ok()["reason"], "unknown_session");
    }
    let grown = disk_bytes(dir.path()).saturating_sub(before) / 300;
    println!("60 KB in a body: {grown} bytes a request");
    assert!(grown < 1_536, "{grown}");
}

/// Whole seconds, and the one that is running.
fn seconds_since(begun: Instant) -> usize {
    usize::try_from(begun.elapsed().as_secs()).unwrap() + 1
}

fn is_too_often(answer: &Answer) -> bool {
    let is_it = answer.status == 429;
    if is_it {
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=20).contains(&wait), "{wait}");
    }
    is_it
}

#[test]
fn what_comes_too_often_is_answered_429_and_kept_by_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let setup = behind_a_proxy(dir.path())
        .env("YAMABIKO_LIMITS_UNPROVEN_PER_S", "1")
        .env("YAMABIKO_LIMITS_UNPROVEN_BURST", "40");
    let server = setup.start();
    let receiver = Receiver::start();
    let mut scene = Scene::build(&server, &receiver);
    let sid = click(&mut server.client(), &scene.link, "one");
    // By SID: from everywhere.
    let begun = Instant::now();
    let statuses: Vec<_> = (0..30)
        .map(|n| {
            let mut client = from(&server, &format!("203.0.{n}.1"));
            let answer = client.get(&format!("/cv?sid={sid}&uid1=o{n}"));
            is_too_often(&answer)
        })
        .collect();
    let refused = statuses.iter().filter(|too_often| **too_often).count();
    // 20 at once, and one more with every second that it took.
    let least = 9_usize.saturating_sub(seconds_since(begun));
    assert!((least..=10).contains(&refused), "{refused} of 30 with one SID");
    // By network: whatever is sent.
    for (n, target) in [
        "/cv?cid=x",
        "/cv?amount=x",
        "/event?app_token=nope",
        "/session?x=1",
        "/cv.gif?cid=x",
    ]
    .iter()
    .enumerate()
    {
        let network = format!("198.51.{n}");
        let begun = Instant::now();
        let refused = (0..60)
            .filter(|n| {
                let answer = from(&server, &format!("{network}.{n}")).get(target);
                answer.status == 429
            })
            .count();
        let least = 19_usize.saturating_sub(seconds_since(begun));
        assert!((least..=20).contains(&refused), "{refused} of 60 {target}");
    }
    let kept = scene.list("/api/v1/activities?verdict=refused").len();
    let most = 5 * 41 + 1 + 5 * seconds_since(begun);
    assert!(kept <= most, "{kept} are kept");
    // Clicks are never refused, nor is anybody else.
    let mut visitor = from(&server, "198.51.0.7");
    assert_eq!(visitor.get(&format!("/c/{}", scene.link)).status, 302);
    let other = click(&mut server.client(), &scene.link, "two");
    let answer = from(&server, "192.0.2.1").get(&format!("/cv?sid={other}&uid1=z"));
    assert_eq!(answer.ok()["result"], "accepted");
}

#[test]
fn guesses_of_sids_are_slowed_and_real_ones_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let server = behind_a_proxy(dir.path()).start();
    let receiver = Receiver::start();
    let scene = Scene::build(&server, &receiver);
    let mut guesser = from(&server, "203.0.113.5");
    let begun = Instant::now();
    let refused = (0..60)
        .filter(|n| is_too_often(&guesser.get(&format!("/cv?sid={n:016}&uid1=x"))))
        .count();
    // Ten at once and ten a second.
    let least = 50_usize.saturating_sub(10 * (seconds_since(begun) + 1));
    assert!(refused >= least, "{refused} of 60");
    for n in 0..10 {
        let sid = click(&mut server.client(), &scene.link, "real");
        let answer = guesser.get(&format!("/cv?sid={sid}&uid1=real{n}"));
        assert_eq!(answer.ok()["result"], "accepted");
    }
}

#[test]
fn a_listed_partner_never_sees_429() {
    let dir = tempfile::tempdir().unwrap();
    let server = behind_a_proxy(dir.path())
        .env("YAMABIKO_LIMITS_UNPROVEN_PER_S", "1")
        .env("YAMABIKO_LIMITS_UNPROVEN_BURST", "5")
        .env("YAMABIKO_LIMITS_SID_PER_S", "1")
        .env("YAMABIKO_LIMITS_SID_BURST", "2")
        .start();
    let receiver = Receiver::start();
    let trust = json!({"mode": "enforced", "allowed_ips": ["203.0.113.7/32"]});
    let scene = Scene::with(&server, json!({"trust": trust}), json!({}), &receiver.url("/pb"));
    let sid = click(&mut server.client(), &scene.link, "one");
    let began = Instant::now();
    let mut listed = from(&server, "203.0.113.7");
    for n in 0..500 {
        for target in [
            format!("/cv?cid={}&sid={sid}&uid1=o{n}", scene.offer),
            // Without the offer's name its session tells, also for what cannot be read.
            format!("/cv?sid={sid}&uid1=o{n}"),
            format!("/cv?sid={sid}&uid1=o{n}&amount=x"),
        ] {
            let answer = listed.get(&target);
            assert!([200, 400].contains(&answer.status), "{target}: {}", answer.status);
        }
    }
    println!("{:.0} requests a second", 1_500.0 / began.elapsed().as_secs_f64());
    let mut stranger = from(&server, "203.0.114.7");
    let begun = Instant::now();
    let refused = (0..20)
        .filter(|n| stranger.get(&format!("/cv?sid={sid}&uid1=s{n}")).status == 429)
        .count();
    let least = 17_usize.saturating_sub(seconds_since(begun));
    assert!(refused >= least, "{refused}");
}

#[test]
fn beyond_the_bytes_of_a_day_it_is_counted_only() {
    let dir = tempfile::tempdir().unwrap();
    let server = behind_a_proxy(dir.path())
        .env("YAMABIKO_LIMITS_REFUSED_MB", "0")
        .start();
    let receiver = Receiver::start();
    let trust = json!({"mode": "enforced", "allowed_ips": ["203.0.113.7/32"]});
    let mut scene = Scene::with(&server, json!({"trust": trust}), json!({}), &receiver.url("/pb"));
    let sid = click(&mut server.client(), &scene.link, "one");
    let mut stranger = from(&server, "198.51.100.1");
    let answer = stranger.get(&format!("/cv?sid={sid}&uid1=x")).ok();
    assert_eq!(answer["reason"], "ip_not_allowed");
    assert!(
        answer["message"].to_string().contains("counted and not kept"),
        "{answer}"
    );
    assert_eq!(
        stranger.get("/cv?sid=0000000000000000").ok()["reason"],
        "unknown_session"
    );
    assert_eq!(scene.list("/api/v1/activities?verdict=not_accepted").len(), 0);
    let metrics = server.client().get("/metrics").text();
    assert!(
        metrics.contains("yamabiko_refusals_not_kept_total 2"),
        "{metrics}"
    );
    // Those who are vouched for have a room of their own, and so have their failures afterwards.
    let mut listed = from(&server, "203.0.113.7");
    assert_eq!(
        listed.get(&format!("/cv?sid={sid}&uid1=x")).ok()["result"],
        "accepted"
    );
    assert_eq!(
        listed.get(&format!("/cv?sid={sid}&uid1=x")).ok()["result"],
        "duplicate"
    );
    let answer = from(&server, "203.0.113.8")
        .get(&format!("/cv?sid={sid}&uid1=y"))
        .ok();
    assert_eq!(answer["reason"], "ip_not_allowed");
    let kept = scene.list("/api/v1/activities?verdict=not_accepted");
    assert_eq!(
        kept.len(),
        2,
        "the duplicate, and the failed check of a known network"
    );
}

/// Sends a conversion and gives the id of its refusal.
fn refused(client: &mut Client, target: &str, reason: &str) -> String {
    let answer = client.get(target).ok();
    assert_eq!(answer["reason"], reason, "{target}");
    answer["activity_id"].as_str().unwrap().to_owned()
}

#[test]
fn refusals_of_trust_bot_and_window_can_be_accepted_once() {
    let dir = tempfile::tempdir().unwrap();
    let server = behind_a_proxy(dir.path()).start();
    let receiver = Receiver::start();
    let trust = json!({"mode": "enforced", "allowed_ips": ["203.0.113.7/32"]});
    let rule = receiver.url("/pb?id=##PARA1##&order=##CONTENT_UID1##&amount=##AMOUNT##");
    let mut scene = Scene::with(&server, json!({"trust": trust}), json!({}), &rule);
    let sid = click(&mut server.client(), &scene.link, "click-1");
    let bot = server
        .client()
        .send(
            "GET",
            &format!("/c/{}?s2s=1&param1=click-2&user_agent=Googlebot/2.1", scene.link),
            &[],
            b"",
        )
        .ok()["sid"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut stranger = from(&server, "198.51.100.1");
    let mut listed = from(&server, "203.0.113.7");
    let early = jiff::Timestamp::now().as_second() - 3 * 86_400;
    let ids = [
        refused(
            &mut stranger,
            &format!("/cv?sid={sid}&uid1=o1&amount=1200&p_x=y&status=approved"),
            "ip_not_allowed",
        ),
        refused(&mut listed, &format!("/cv?sid={bot}&uid1=o2"), "bot"),
        refused(
            &mut listed,
            &format!("/cv?sid={sid}&uid1=o3&created_at_unix={early}"),
            "outside_window",
        ),
        refused(&mut listed, "/cv?sid=0000000000000000&uid1=o4", "unknown_session"),
    ];
    // Counted meanwhile by the listed server.
    let again = refused(&mut stranger, &format!("/cv?sid={sid}&uid1=o5"), "ip_not_allowed");
    assert_eq!(
        listed.get(&format!("/cv?sid={sid}&uid1=o5")).ok()["result"],
        "accepted"
    );
    let wanted: Vec<_> = ids.iter().chain([&again]).collect();
    let accept = |scene: &mut Scene| {
        let answer = scene
            .admin
            .post_json("/api/v1/activities/refused/accept", &json!({"ids": wanted}))
            .ok();
        let results = answer["items"].as_array().unwrap().iter();
        (
            results
                .map(|item| item["result"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>(),
            answer,
        )
    };
    let (first, answer) = accept(&mut scene);
    assert_eq!(
        first,
        ["accepted", "accepted", "accepted", "not_acceptable", "duplicate"],
        "{answer}"
    );
    assert_eq!(answer["accepted"], 3);
    let (second, _) = accept(&mut scene);
    let already = "already_accepted";
    assert_eq!(second, [already, already, already, "not_acceptable", "duplicate"]);
    let conversion = answer["items"][0]["conversion"].as_str().unwrap();
    let conversion = scene.admin.get(&format!("/api/v1/activities/{conversion}")).ok();
    assert_eq!(conversion["uids"][0], "o1");
    assert_eq!(conversion["money"]["amount"], "1200");
    assert_eq!(conversion["session"], sid.as_str());
    assert!(
        conversion["notes"].to_string().contains("accepted_later"),
        "{conversion}"
    );
    let refusal = scene.admin.get(&format!("/api/v1/activities/{}", ids[0])).ok();
    assert_eq!(refusal["of"], answer["items"][0]["conversion"], "{refusal}");
    let told = receiver.wait_for(4, std::time::Duration::from_secs(10));
    let told: Vec<String> = told.iter().map(|request| request.target.clone()).collect();
    assert!(
        told.iter()
            .any(|url| url.contains("id=click-1&order=o1&amount=1200")),
        "{told:?}"
    );
}

#[test]
fn what_was_refused_can_be_deleted_and_stays_counted() {
    let dir = tempfile::tempdir().unwrap();
    let server = behind_a_proxy(dir.path()).start();
    let receiver = Receiver::start();
    let mut scene = Scene::build(&server, &receiver);
    let sid = click(&mut server.client(), &scene.link, "one");
    let mut client = server.client();
    for n in 0..30 {
        client.get(&format!("/cv?sid=000000000000000{}&uid1=u{n}", n % 3));
        client.get(&format!("/cv?sid={sid}&uid1=same"));
    }
    let count = |scene: &mut Scene| scene.list("/api/v1/activities?verdict=not_accepted").len();
    assert_eq!(count(&mut scene), 59);
    let delete = |scene: &mut Scene, body: serde_json::Value| {
        scene
            .admin
            .post_json("/api/v1/activities/refused/delete", &body)
            .ok()
    };
    let answer = delete(&mut scene, json!({"reason": "unknown_session"}));
    assert_eq!((&answer["deleted"], &answer["more"]), (&json!(30), &json!(null)));
    assert_eq!(count(&mut scene), 29);
    assert_eq!(scene.list("/api/v1/activities?uid=u7").len(), 0);
    assert_eq!(delete(&mut scene, json!({}))["deleted"], 29);
    assert_eq!(count(&mut scene), 0);
    assert_eq!(scene.list("/api/v1/activities?verdict=accepted").len(), 1);
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let target = format!(
        "/api/v1/stats?from_ms={}&to_ms={}",
        now_ms - 3_600_000,
        now_ms + 3_600_000
    );
    let stats = scene.admin.get(&target).ok();
    assert_eq!(stats["total"]["refused"], 30, "{stats}");
}
