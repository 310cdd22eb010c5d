//! A machine is deleted under a load of a known rate and restored elsewhere from the bucket, at random moments. What is
//! missing was acknowledged within the interval and the uploads around it, and `--until` brings back its moment exactly.
//! Short by default; the long form is `YAMABIKO_ARCHIVE_ROUNDS=20 YAMABIKO_ARCHIVE_CLICKS=1000` (a tenth as many
//! conversions), which prints its figures with `--nocapture`.

use crate::archive::{S3, archived, settled, succeed};
use crate::support::client::Client;
use crate::support::load::{from_env, random};
use crate::support::receiver::Receiver;
use crate::support::scene::{BROWSER, Scene, text};
use crate::support::server::Server;
use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// `archive.interval_s` of these tests, milliseconds.
const INTERVAL_MS: i64 = 1_000;
/// How often the archive notes which commit was the last one, milliseconds.
const TICK_MS: i64 = 250;
/// A client sends so many a second.
const OF_ONE: u64 = 50;

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Something that the server said yes to: its id, when it was sent, and when the answer came.
#[derive(Debug, Clone)]
struct Taken {
    id: String,
    sent_ms: i64,
    answered_ms: i64,
}

#[derive(Debug, Default)]
struct All {
    clicks: Vec<Taken>,
    conversions: Vec<Taken>,
}

/// Clicks and a tenth as many conversions, each client by its clock; they end when the server is gone.
struct Paced {
    stop: Arc<AtomicBool>,
    all: Arc<Mutex<All>>,
    clients: Vec<JoinHandle<()>>,
}

impl Paced {
    fn start(server: &Server, link: &str, clicks_a_second: u64) -> Self {
        let (stop, all) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(Mutex::new(All::default())),
        );
        let number = Arc::new(AtomicU64::new(0));
        let count = clicks_a_second.div_ceil(OF_ONE);
        let converting = (clicks_a_second / 10).div_ceil(OF_ONE);
        let clients = (0..count + converting)
            .map(|n| {
                let (client, link) = (server.client(), link.to_owned());
                let (stop, all, number) = (stop.clone(), all.clone(), number.clone());
                std::thread::spawn(move || {
                    by_the_clock(client, &link, n < count, (&stop, &all, &number));
                })
            })
            .collect();
        Self { stop, all, clients }
    }

    fn end(self) -> All {
        self.stop.store(true, Ordering::Release);
        for client in self.clients {
            client.join().unwrap();
        }
        std::mem::take(&mut *self.all.lock().unwrap())
    }
}

fn by_the_clock(
    mut client: Client,
    link: &str,
    is_clicking: bool,
    (stop, all, number): (&AtomicBool, &Mutex<All>, &AtomicU64),
) {
    let mut next = Instant::now();
    while !stop.load(Ordering::Acquire) {
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        next += Duration::from_secs(1) / u32::try_from(OF_ONE).unwrap();
        let n = number.fetch_add(1, Ordering::Relaxed);
        let sid = all.lock().unwrap().clicks.last().map(|click| click.id.clone());
        let (method, target) = match (is_clicking, sid) {
            (true, _) => ("GET", format!("/c/{link}?param1=n{n}&s2s=1")),
            (false, Some(sid)) => ("POST", format!("/cv?sid={sid}&uid1=paced-{n}&amount=1")),
            (false, None) => continue,
        };
        let sent_ms = now_ms();
        let Ok(answer) = client.try_send(method, &target, &[("User-Agent", BROWSER)], b"") else {
            return;
        };
        if answer.status != 200 {
            continue;
        }
        let answer = answer.json();
        let id = if is_clicking {
            &answer["sid"]
        } else {
            &answer["activity_id"]
        };
        let taken = Taken {
            id: text(id),
            sent_ms,
            answered_ms: now_ms(),
        };
        let mut all = all.lock().unwrap();
        if is_clicking {
            all.clicks.push(taken);
        } else {
            all.conversions.push(taken);
        }
    }
}

/// When copies went out.
struct Copies {
    /// When the last one that was seen was complete, unix milliseconds.
    last_ms: i64,
    /// The longest time from one to the next, milliseconds.
    gap_ms: i64,
}

impl Copies {
    /// How long the longest one took, milliseconds.
    fn took_ms(&self) -> i64 {
        self.gap_ms - INTERVAL_MS
    }
}

/// Watches the archive until the server is gone.
fn watch(mut admin: Client) -> JoinHandle<Copies> {
    std::thread::spawn(move || {
        let mut seen = BTreeSet::new();
        while let Ok(answer) = admin.try_send("GET", "/api/v1/archive", &[], b"") {
            seen.extend(answer.json()["status"]["archived_at_ms"].as_i64());
            std::thread::sleep(Duration::from_millis(20));
        }
        let seen: Vec<i64> = seen.into_iter().collect();
        let gaps = seen.windows(2).map(|two| two[1] - two[0]);
        Copies {
            last_ms: seen.last().copied().unwrap(),
            // The first copies were before the load.
            gap_ms: gaps.skip(1).max().unwrap_or(0).max(INTERVAL_MS + TICK_MS),
        }
    })
}

/// The ids of a list.
fn ids(admin: &mut Client, list: &str) -> HashSet<String> {
    let mut found = HashSet::new();
    let mut cursor = String::new();
    loop {
        let page = admin.get(&format!("/api/v1/{list}?limit=200{cursor}")).ok();
        found.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| text(&item["id"])),
        );
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

/// Those that are there, and those that are not.
fn sorted<'t>(all: &'t All, admin: &mut Client) -> (Vec<&'t Taken>, Vec<&'t Taken>) {
    let (clicks, conversions) = (ids(admin, "sessions"), ids(admin, "activities"));
    let clicks = all.clicks.iter().map(|taken| (taken, clicks.contains(&taken.id)));
    let conversions = all
        .conversions
        .iter()
        .map(|taken| (taken, conversions.contains(&taken.id)));
    let (here, gone): (Vec<_>, Vec<_>) = clicks.chain(conversions).partition(|(_, is_here)| *is_here);
    let taken = |list: Vec<(&'t Taken, bool)>| list.into_iter().map(|(taken, _)| taken).collect();
    (taken(here), taken(gone))
}

#[test]
fn what_is_lost_with_a_machine_is_the_last_interval_and_a_moment_comes_back_exactly() {
    for s3 in [S3::moto(), S3::s3s()].into_iter().flatten() {
        let mut lost = Vec::new();
        for round in 0..from_env("YAMABIKO_ARCHIVE_ROUNDS", 1) {
            lost.push(lose_and_restore(&s3, round));
        }
        lost.sort_unstable();
        println!(
            "{} rounds: lost at most {:?} ms, in the middle {:?} ms",
            lost.len(),
            lost.last(),
            lost.get(lost.len() / 2)
        );
    }
}

fn lose_and_restore(s3: &S3, round: u64) -> i64 {
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let prefix = format!("lost-{round}");
    let [first, second, third] = dirs
        .each_ref()
        .map(|dir| archived(dir.path(), s3.address).env("YAMABIKO_ARCHIVE_PREFIX", &prefix));
    let receiver = Receiver::start();
    receiver.count_only();
    let server = first.start();
    let scene = Scene::build(&server, &receiver);
    let mut admin = server.admin();
    settled(&mut admin);
    let rate = from_env("YAMABIKO_ARCHIVE_CLICKS", 100);
    let begun = Instant::now();
    let watched = watch(admin.at(server.address()));
    let load = Paced::start(&server, &scene.link, rate);
    std::thread::sleep(Duration::from_millis(2_000 + random(1_500)));
    let moment_ms = now_ms();
    std::thread::sleep(Duration::from_millis(1_500 + random(2_000)));
    let (killed_ms, lasted) = (now_ms(), begun.elapsed());
    server.kill();
    let all = load.end();
    let copies = watched.join().unwrap();
    std::fs::remove_dir_all(&first.data_dir).unwrap();

    let restoring = Instant::now();
    let from = format!("s3://bucket/{prefix}");
    succeed(second.command(&["restore", "--from", &from, "--paused"]));
    succeed(second.command(&["promote"]));
    let server = second.start();
    let restored_in = restoring.elapsed();
    let (here, gone) = sorted(&all, &mut admin.at(server.address()));
    server.terminate();
    let lost_ms = gone
        .iter()
        .map(|taken| killed_ms - taken.answered_ms)
        .max()
        .unwrap_or(0)
        .max(0);
    // The last copy holds what was durable when it began.
    let bound_ms = killed_ms - copies.last_ms + copies.took_ms();
    println!(
        "round {round}: {} clicks and {} conversions in {lasted:.1?}, {} here again after {restored_in:.1?}, {} lost, the earliest {lost_ms} ms before the end; a copy every {} ms at most",
        all.clicks.len(),
        all.conversions.len(),
        here.len(),
        gone.len(),
        copies.gap_ms
    );
    assert!(lost_ms <= bound_ms, "lost {lost_ms} ms, bound {bound_ms} ms");
    assert!(here.len() > gone.len(), "most of it is there");

    let moment = jiff::Timestamp::from_millisecond(moment_ms).unwrap().to_string();
    succeed(third.command(&["restore", "--from", &from, "--until", &moment]));
    let server = third.start();
    let (here, gone) = sorted(&all, &mut admin.at(server.address()));
    let later = here.iter().filter(|taken| taken.sent_ms > moment_ms).count();
    assert_eq!(later, 0, "sent after the moment");
    // While a copy goes out no commit is noted with the time.
    let grain_ms = TICK_MS.max(moment_ms - copies.last_ms) + copies.took_ms();
    let missing = gone
        .iter()
        .map(|taken| moment_ms - taken.answered_ms)
        .max()
        .unwrap_or(0);
    assert!(
        missing <= grain_ms,
        "answered {missing} ms before the moment, the grain is {grain_ms} ms"
    );
    assert!(!here.is_empty());
    lost_ms
}
