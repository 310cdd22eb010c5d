//! A full disk on a small file system of the test's own: clicks still redirect, conversions are told to come
//! back, health says so, and everything goes on without a restart once there is room. Needs the right to mount.

use crate::support::client::Client;
use crate::support::eventually;
use crate::support::files::Mount;
use crate::support::load::Load;
use crate::support::receiver::Receiver;
use crate::support::scene::{BROWSER, Scene, text};
use crate::support::server::Setup;
use crate::support::skip;
use serde_json::Value;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// Writes until the disk is full.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    let chunk = vec![0x5a; 64 << 10];
    while file.write_all(&chunk).is_ok() {}
}

fn is_ready(client: &mut Client) -> (bool, Value) {
    let answer = client.get("/readyz");
    assert!([200, 503].contains(&answer.status), "{}", answer.text());
    (answer.status == 200, answer.json())
}

/// A person's click: must redirect although the store is down; a person waits for a second at most, here a machine
/// with other things to do. Gives the SID.
fn persons_click(client: &mut Client, link: &str, n: usize) -> String {
    let began = Instant::now();
    let answer = client.send(
        "GET",
        &format!("/c/{link}?param1=p{n}"),
        &[("User-Agent", BROWSER)],
        b"",
    );
    assert_eq!(answer.status, 302, "click {n}: {}", answer.text());
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "click {n} took {:?}",
        began.elapsed()
    );
    let location = answer.header("location").expect("location");
    location.rsplit_once("sid=").expect("sid").1.to_owned()
}

fn full_and_back(options: &str) {
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["-t", "tmpfs", "-o", options, "none"];
    let Some(disk) = Mount::new(&dir.path().join("disk"), &arguments) else {
        skip("a tmpfs cannot be mounted (root is needed)");
        return;
    };
    let receiver = Receiver::start();
    let server = Setup::new(&disk.path.join("data"))
        .env("YAMABIKO_STORE_JOURNAL_SEGMENT_MB", "1")
        .env("YAMABIKO_STORE_BALLAST_MB", "4")
        .env("YAMABIKO_STORE_MIN_FREE_MB", "16")
        .start();
    let mut scene = Scene::build(&server, &receiver);
    let load = Load::start(&server, &scene.link, 4);
    std::thread::sleep(Duration::from_millis(500));
    let filler = disk.path.join("filler");
    fill(&filler);
    let mut client = server.client();
    eventually(
        "/readyz says that the disk is full",
        Duration::from_secs(60),
        || {
            // A database may be opened again first.
            let (ready, body) = is_ready(&mut client);
            let body = body.to_string();
            (!ready && (body.contains("disk") || body.contains("full"))).then_some(())
        },
    );
    let mut acknowledged = load.stop();
    let sid = acknowledged.clicks.last().expect("clicks before").clone();

    // People go where they wanted to go; servers keep what they have.
    let spooled: Vec<_> = (0..50)
        .map(|n| persons_click(&mut client, &scene.link, n))
        .collect();
    for n in 0..20 {
        let answer = client.get(&format!("/cv?sid={sid}&uid1=while-full-{n}"));
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(
            answer.header("retry-after").is_some(),
            "a 503 says when to come back"
        );
        assert!(!answer.error_code().is_empty());
    }
    assert_eq!(
        client.get("/healthz").status,
        200,
        "a full disk is no reason to be restarted"
    );
    let system = scene.admin.get("/api/v1/system").ok().to_string();
    assert!(system.contains("full"), "the system view says so: {system}");
    // A database whose last write failed cannot be read until it is opened again; nothing is told to be gone.
    let unreadable = acknowledged.missing(&mut scene.admin, Duration::ZERO);
    assert!(
        unreadable.iter().all(|m| m.contains(": 503 ")),
        "{:?}",
        unreadable.iter().find(|m| !m.contains(": 503 "))
    );

    std::fs::remove_file(&filler).unwrap();
    eventually("ready again without a restart", Duration::from_secs(60), || {
        is_ready(&mut client).0.then_some(())
    });
    // The first write may show that a database has to be opened again; the shop repeats, as the answer tells it to.
    let answer = eventually("conversions are taken again", Duration::from_secs(60), || {
        let answer = client.get(&format!("/cv?sid={sid}&uid1=after-it"));
        (answer.status != 503).then(|| answer.ok())
    });
    assert_eq!(answer["result"], "accepted");
    acknowledged.conversions.insert(text(&answer["activity_id"]), sid);
    eventually("the spooled clicks are written", Duration::from_secs(60), || {
        let all = spooled
            .iter()
            .all(|sid| scene.admin.get(&format!("/api/v1/sessions/{sid}")).status == 200);
        all.then_some(())
    });
    // Writing may have shown only now that a database has to be opened again.
    let flagged = eventually("the first of them is read", Duration::from_secs(60), || {
        let answer = scene.admin.get(&format!("/api/v1/sessions/{}", spooled[0]));
        (answer.status == 200).then(|| answer.ok())
    });
    assert!(flagged.to_string().contains("\"is_spooled\":true"), "{flagged}");
    acknowledged.clicks.extend(spooled);
    acknowledged.assert_kept(&mut scene.admin, "after the disk was full");
    let count = acknowledged.conversions.len();
    eventually("every partner was told", Duration::from_secs(60), || {
        (receiver.count() >= count).then_some(())
    });

    // And all of it survives a restart.
    assert_eq!(server.terminate(), Some(0));
    let server = Setup::new(&disk.path.join("data"))
        .env("YAMABIKO_STORE_BALLAST_MB", "4")
        .env("YAMABIKO_STORE_MIN_FREE_MB", "16")
        .env("YAMABIKO_STORE_JOURNAL_SEGMENT_MB", "1")
        .start();
    acknowledged.assert_kept(&mut scene.admin.at(server.address()), "after a restart");
    drop(server);
}

#[test]
fn a_full_disk_keeps_people_moving_and_loses_nothing() {
    full_and_back("size=96m");
}
