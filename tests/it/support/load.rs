//! Clicks and conversions from several clients at once, and the list of what the server said yes to.

use super::client::{Answer, Client};
use super::scene::{BROWSER, text};
use super::server::Server;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Order numbers differ over all loads of a test process.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// What the server said yes to.
#[derive(Debug, Clone, Default)]
pub struct Acknowledged {
    /// SIDs.
    pub clicks: Vec<String>,
    /// Activity id to SID.
    pub conversions: HashMap<String, String>,
}

impl Acknowledged {
    /// What of it the server does not have. A database that is being rebuilt is waited for.
    pub fn missing(&self, admin: &mut Client, patience: Duration) -> Vec<String> {
        let until = Instant::now() + patience;
        let sessions = (self.clicks.iter(), "/api/v1/sessions");
        let activities = (self.conversions.keys(), "/api/v1/activities");
        let mut missing = absent(admin, sessions.0, sessions.1, until);
        missing.extend(absent(admin, activities.0, activities.1, until));
        missing
    }

    /// All of it is there.
    pub fn assert_kept(&self, admin: &mut Client, when: &str) {
        let missing = self.missing(admin, Duration::from_secs(20));
        assert!(
            missing.is_empty(),
            "{when}: {} of {} acknowledged clicks and {} conversions are gone, such as {:?}",
            missing.len(),
            self.clicks.len(),
            self.conversions.len(),
            &missing[..missing.len().min(5)]
        );
    }

    pub fn extend(&mut self, other: Self) {
        self.clicks.extend(other.clicks);
        self.conversions.extend(other.conversions);
    }
}

/// What of `ids` is neither listed nor found alone, with the answer.
fn absent<'a>(
    admin: &mut Client,
    ids: impl Iterator<Item = &'a String>,
    list: &str,
    until: Instant,
) -> Vec<String> {
    let mut listed = HashSet::new();
    let mut next = Some(format!("{list}?limit=200"));
    while let Some(target) = next {
        let page = patiently(admin, &target, until);
        if page.status != 200 {
            break;
        }
        let page = page.json();
        listed.extend(
            page["items"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|item| text(&item["id"])),
        );
        next = page["next_cursor"]
            .as_str()
            .map(|cursor| format!("{list}?limit=200&cursor={cursor}"));
    }
    let unlisted = ids.filter(|id| !listed.contains(*id));
    let alone = unlisted.map(|id| (id, patiently(admin, &format!("{list}/{id}"), until)));
    alone
        .filter(|(_, a)| a.status != 200)
        .map(|(id, a)| format!("{list}/{id}: {} {}", a.status, a.text()))
        .collect()
}

/// Asks again while the answer is 503.
fn patiently(admin: &mut Client, target: &str, until: Instant) -> Answer {
    loop {
        let answer = admin.get(target);
        if answer.status != 503 || Instant::now() >= until {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Running clients; they end when the server is gone, or when they are stopped.
pub struct Load {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<Mutex<Acknowledged>>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    pub fn start(server: &Server, link: &str, clients: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let acknowledged = Arc::new(Mutex::new(Acknowledged::default()));
        let clients = (0..clients)
            .map(|_| {
                let (client, link) = (server.client(), link.to_owned());
                let (stop, acknowledged) = (stop.clone(), acknowledged.clone());
                std::thread::spawn(move || click_and_convert(client, &link, &stop, &acknowledged))
            })
            .collect();
        Self {
            stop,
            acknowledged,
            clients,
        }
    }

    /// What has been acknowledged until now.
    pub fn so_far(&self) -> Acknowledged {
        self.acknowledged.lock().expect("acknowledged").clone()
    }

    /// The same once there is enough of it to mean something, however slow the machine is.
    pub fn when_real(&self) -> Acknowledged {
        super::eventually("the load is real", Duration::from_secs(60), || {
            let so_far = self.so_far();
            (so_far.conversions.len() > 20 && so_far.clicks.len() > 20).then_some(so_far)
        })
    }

    pub fn stop(self) -> Acknowledged {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.join().expect("client");
        }
        self.acknowledged.lock().expect("acknowledged").clone()
    }
}

fn click_and_convert(mut client: Client, link: &str, stop: &AtomicBool, acknowledged: &Mutex<Acknowledged>) {
    while !stop.load(Ordering::Relaxed) {
        let n = NUMBER.fetch_add(1, Ordering::Relaxed);
        let target = format!("/c/{link}?param1=n{n}&s2s=1");
        let Ok(click) = client.try_send("GET", &target, &[("User-Agent", BROWSER)], b"") else {
            return;
        };
        if click.status != 200 {
            continue;
        }
        let sid = text(&click.json()["sid"]);
        acknowledged
            .lock()
            .expect("acknowledged")
            .clicks
            .push(sid.clone());
        let target = format!("/cv?sid={sid}&uid1=order-{n}&amount={}", n % 1000);
        let Ok(conversion) = client.try_send("POST", &target, &[], b"") else {
            return;
        };
        if conversion.status == 200 {
            let answer = conversion.json();
            if answer["result"] == "accepted" {
                acknowledged
                    .lock()
                    .expect("acknowledged")
                    .conversions
                    .insert(text(&answer["activity_id"]), sid);
            }
        }
    }
}

/// A number below `bound` that differs from run to run.
pub fn random(bound: u64) -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish() % bound
}

/// A number from the environment, else the one of the short form.
pub fn from_env(name: &str, short: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(short)
}

/// Whether the long forms are asked for.
pub fn is_long() -> bool {
    from_env("YAMABIKO_LONG", 0) > 0
}
