//! From a host name to addresses, within a deadline. It vets nothing: [`super::egress`] does, at every use of
//! an answer, fresh or remembered.
//!
//! The system's resolver cannot be interrupted, so look-ups run on a few named threads of their own and the
//! asker waits no longer than it wants to. One look-up serves all who ask for the same name, so dead names
//! hold at most one thread each; while all threads are held, names that answered within the last ten minutes
//! go on with the remembered answer.
//!
//! * 2026-11-21: the system's resolver is asked unless the operator names a DNS server, whose answers tell for
//!   how long they hold: an answer is remembered no longer than that, so a receiver that moves is found.

use super::dns::{self, Found};
use super::threads;
use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// An answer this old is asked for again, if it holds for so long.
const FRESH_FOR: Duration = Duration::from_secs(30);
/// An answer this old still serves when the resolver does not answer.
const STALE_FOR: Duration = Duration::from_secs(600);
/// How long someone waits for a fresh answer who could go on with an old one.
const STALE_PATIENCE: Duration = Duration::from_secs(1);
/// Names remembered; beyond it old ones are forgotten.
const MOST_NAMES: usize = 4_096;
/// Look-ups that may wait for a thread.
const QUEUE: usize = 256;

/// Why there is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The resolver says that there is none, or that it cannot tell.
    #[error(
        "the name {host} could not be resolved: {reason}; check the host in the rule, and this machine's DNS"
    )]
    NotFound {
        /// The name.
        host: String,
        /// What the system said.
        reason: String,
    },
    /// No answer in time.
    #[error("the name {host} was not resolved in time; check this machine's DNS")]
    Timeout {
        /// The name.
        host: String,
    },
    /// More look-ups wait than may wait.
    #[error("too many names wait to be resolved; check this machine's DNS")]
    Busy,
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopped,
}

/// Looks up names. Tests put their own in its place, with answers that change.
pub trait Resolver: Send + Sync + 'static {
    /// The addresses of `host` in the order of preference, never empty.
    fn resolve(&self, host: &str, deadline: Instant) -> Result<Vec<IpAddr>, ResolveError>;

    /// Ends the resolver's threads; a look-up that hangs beyond `deadline` is left to the end of the process.
    fn stop(&self, deadline: Instant);
}

type Answer = Result<Vec<IpAddr>, ResolveError>;
type LookUp = dyn Fn(&str) -> std::io::Result<Found> + Send + Sync;

/// An answer that is remembered.
struct Remembered {
    addresses: Vec<IpAddr>,
    at: Instant,
    fresh_for: Duration,
}

#[derive(Default)]
struct Slot {
    remembered: Option<Remembered>,
    waiting: Option<Vec<Sender<Answer>>>,
}

struct State {
    names: HashMap<String, Slot>,
    jobs: Option<Sender<String>>,
}

/// The system's resolver, or a DNS server, behind named, bounded threads.
pub struct ThreadedResolver {
    state: Arc<Mutex<State>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl ThreadedResolver {
    /// Starts `threads` threads named `resolver-N` that ask `dns_server`, or the system when there is none.
    pub fn start(threads: usize, dns_server: Option<SocketAddr>) -> std::io::Result<Self> {
        match dns_server {
            Some(server) => Self::with(threads, move |host| dns::look_up(server, host)),
            None => Self::with(threads, |host| {
                Ok(Found {
                    addresses: (host, 0).to_socket_addrs()?.map(|address| address.ip()).collect(),
                    lasts: FRESH_FOR,
                })
            }),
        }
    }

    fn with(
        threads: usize,
        look_up: impl Fn(&str) -> std::io::Result<Found> + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let (sender, jobs) = bounded(QUEUE);
        let state = Arc::new(Mutex::new(State {
            names: HashMap::new(),
            jobs: Some(sender),
        }));
        let look_up: Arc<LookUp> = Arc::new(look_up);
        let threads = (1..=threads.max(1)).map(|n| {
            let (state, jobs, look_up) = (state.clone(), jobs.clone(), look_up.clone());
            std::thread::Builder::new()
                .name(format!("resolver-{n}"))
                .spawn(move || work(&state, &jobs, &*look_up))
        });
        let threads = threads.collect::<std::io::Result<Vec<_>>>()?;
        Ok(Self {
            state,
            threads: Mutex::new(threads),
        })
    }
}

impl Resolver for ThreadedResolver {
    fn resolve(&self, host: &str, deadline: Instant) -> Answer {
        let now = Instant::now();
        let mut state = self.state.lock();
        if state.names.len() >= MOST_NAMES {
            forget_old(&mut state.names, now);
        }
        let Some(jobs) = state.jobs.clone() else {
            return Err(ResolveError::Stopped);
        };
        let slot = state.names.entry(host.to_owned()).or_default();
        let age = |answer: &Remembered| now.saturating_duration_since(answer.at);
        let stale = match &slot.remembered {
            Some(answer) if age(answer) < answer.fresh_for => return Ok(answer.addresses.clone()),
            Some(answer) if age(answer) < STALE_FOR => Some(answer.addresses.clone()),
            Some(_) | None => None,
        };
        let (sender, answer) = bounded(1);
        match &mut slot.waiting {
            Some(waiting) => waiting.push(sender),
            None => {
                if jobs.try_send(host.to_owned()).is_err() {
                    return stale.ok_or(ResolveError::Busy);
                }
                slot.waiting = Some(vec![sender]);
            }
        }
        drop(state);
        let until = match stale {
            Some(_) => deadline.min(now + STALE_PATIENCE),
            None => deadline,
        };
        match answer.recv_deadline(until) {
            Ok(answer) => answer,
            Err(_) => stale.ok_or_else(|| ResolveError::Timeout { host: host.into() }),
        }
    }

    fn stop(&self, deadline: Instant) {
        self.state.lock().jobs = None;
        let threads = std::mem::take(&mut *self.threads.lock());
        let left = threads::join_by(threads, deadline);
        if left > 0 {
            tracing::warn!(
                code = "resolver_hangs",
                left,
                "look-ups still hang at the stop; they end with the process"
            );
        }
    }
}

/// Makes room: first what has been of no use for long, then everything that nobody waits for.
fn forget_old(names: &mut HashMap<String, Slot>, now: Instant) {
    names.retain(|_, slot| {
        let is_useful = |answer: &Remembered| now.saturating_duration_since(answer.at) < STALE_FOR;
        slot.waiting.is_some() || slot.remembered.as_ref().is_some_and(is_useful)
    });
    if names.len() >= MOST_NAMES {
        names.retain(|_, slot| slot.waiting.is_some());
    }
}

fn work(state: &Mutex<State>, jobs: &Receiver<String>, look_up: &LookUp) {
    for host in jobs {
        let mut fresh_for = FRESH_FOR;
        let answer = match look_up(&host) {
            Ok(found) if found.addresses.is_empty() => Err(ResolveError::NotFound {
                host: host.clone(),
                reason: "it has no address".into(),
            }),
            Ok(found) => {
                fresh_for = found.lasts.min(FRESH_FOR);
                Ok(without_repeats(found.addresses))
            }
            Err(error) => Err(ResolveError::NotFound {
                host: host.clone(),
                reason: error.to_string(),
            }),
        };
        let mut state = state.lock();
        let Some(slot) = state.names.get_mut(&host) else {
            continue;
        };
        slot.remembered = answer.as_ref().ok().map(|addresses| Remembered {
            addresses: addresses.clone(),
            at: Instant::now(),
            fresh_for,
        });
        for waiting in slot.waiting.take().unwrap_or_default() {
            // Whoever gave up waiting has dropped the other end.
            drop(waiting.try_send(answer.clone()));
        }
        if slot.remembered.is_none() {
            state.names.remove(&host);
        }
    }
}

fn without_repeats(found: Vec<IpAddr>) -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = Vec::with_capacity(found.len());
    for address in found {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn found(addresses: &[[u8; 4]], lasts: Duration) -> Found {
        Found {
            addresses: addresses.iter().map(|a| Ipv4Addr::from(*a).into()).collect(),
            lasts,
        }
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[test]
    fn local_names_resolve_without_repeats() {
        let resolver = ThreadedResolver::start(1, None).unwrap();
        let found = resolver.resolve("localhost", soon()).unwrap();
        assert!(found.iter().all(IpAddr::is_loopback));
        resolver.stop(soon());
        assert_eq!(resolver.resolve("localhost", soon()), Err(ResolveError::Stopped));
    }

    #[test]
    fn one_look_up_serves_all_who_ask() {
        let asked = Arc::new(AtomicUsize::new(0));
        let (release, gate) = bounded::<()>(0);
        let counter = asked.clone();
        let resolver = Arc::new(
            ThreadedResolver::with(4, move |_| {
                counter.fetch_add(1, Ordering::SeqCst);
                gate.recv().ok();
                Ok(found(&[[8, 8, 8, 8]; 3], FRESH_FOR))
            })
            .unwrap(),
        );
        let askers: Vec<_> = (0..8)
            .map(|_| {
                let resolver = resolver.clone();
                std::thread::spawn(move || resolver.resolve("a.example", soon()))
            })
            .collect();
        // Released once: were there a second look-up, its asker would time out.
        release.send(()).unwrap();
        drop(release);
        for asker in askers {
            assert_eq!(
                asker.join().unwrap(),
                Ok(vec![IpAddr::from(Ipv4Addr::new(8, 8, 8, 8))])
            );
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_look_up_that_hangs_is_left_at_the_deadline_and_delays_no_other_name() {
        let (release, gate) = bounded::<()>(0);
        let resolver = ThreadedResolver::with(2, move |host| {
            if host == "dead.example" {
                gate.recv().ok();
            }
            Ok(found(&[[8, 8, 8, 8]], FRESH_FOR))
        })
        .unwrap();
        for _ in 0..3 {
            let deadline = Instant::now() + Duration::from_millis(50);
            assert_eq!(
                resolver.resolve("dead.example", deadline),
                Err(ResolveError::Timeout {
                    host: "dead.example".into()
                })
            );
            assert!(resolver.resolve("fine.example", soon()).is_ok());
        }
        drop(release);
        resolver.stop(soon());
    }

    #[test]
    fn a_name_without_address_says_so() {
        let resolver = ThreadedResolver::with(1, |_| Ok(found(&[], FRESH_FOR))).unwrap();
        assert!(matches!(
            resolver.resolve("empty.example", soon()),
            Err(ResolveError::NotFound { .. })
        ));
    }

    #[test]
    fn an_answer_is_remembered_no_longer_than_it_holds() {
        for (lasts, expected) in [(Duration::ZERO, 3), (Duration::from_secs(3_600), 1)] {
            let asked = Arc::new(AtomicUsize::new(0));
            let counter = asked.clone();
            let resolver = ThreadedResolver::with(1, move |_| {
                let n = counter.fetch_add(1, Ordering::SeqCst);
                Ok(found(&[[8, 8, 8, u8::try_from(n).unwrap()]], lasts))
            })
            .unwrap();
            let last = (0..3)
                .map(|_| resolver.resolve("a.example", soon()).unwrap())
                .last();
            assert_eq!(asked.load(Ordering::SeqCst), expected, "{lasts:?}");
            let n = u8::try_from(expected - 1).unwrap();
            assert_eq!(last.unwrap(), [IpAddr::from([8, 8, 8, n])]);
        }
    }
}
