//! Fan-out of what happens to those who watch. A slow viewer loses lines and is told so; it never blocks.
//!
//! Event ids rise over restarts too: they are made of the time and a counter, so a viewer that comes back
//! with its last id can be told what it missed, from the ring here or from the store.

use crate::domain::activity::Activity;
use crate::domain::ids::TimeId;
use crate::domain::postback::Postback;
use crate::domain::session::Session;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use parking_lot::Mutex;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many events are remembered for viewers that come back.
const RING: usize = 1000;
/// How many events a viewer may lag behind before it loses some.
const VIEWER_QUEUE: usize = 512;
/// Viewers at once.
const MOST_VIEWERS: usize = 100;
/// Places that one user or token takes of them at once: some tabs and a program, never all.
const MOST_OF_ONE: usize = 8;

/// What happened.
#[derive(Debug, Clone)]
pub enum LiveEvent {
    /// A click or impression was recorded.
    Session(Arc<Session>),
    /// An activity was recorded or changed.
    Activity(Arc<Activity>),
    /// A postback was queued, attempted or settled.
    Postback(Arc<Postback>),
}

/// An event with its place in the stream.
#[derive(Debug, Clone)]
pub struct Numbered {
    /// Rises; unix milliseconds times 2^20 plus a counter.
    pub id: u64,
    /// What happened.
    pub event: LiveEvent,
}

/// Why somebody gets no place at the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoPlace {
    /// All places are taken.
    #[error("as many watch live as may: try again in a few seconds")]
    All,
    /// They have as many as one user or token may.
    #[error(
        "this account or token watches live {MOST_OF_ONE} times already: close another page or connection first"
    )]
    OfOne,
}

/// A viewer's end of the stream.
#[derive(Debug)]
pub struct Viewer {
    events: Receiver<Numbered>,
    lost: Arc<AtomicU64>,
}

impl Viewer {
    /// Everything that waits, without blocking.
    pub fn drain(&self) -> Vec<Numbered> {
        self.events.try_iter().collect()
    }

    /// How many events were lost since the last call, because the viewer was slow.
    pub fn take_lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }
}

#[derive(Debug)]
struct Subscriber {
    who: Box<str>,
    events: Sender<Numbered>,
    lost: Arc<AtomicU64>,
}

impl Subscriber {
    /// Whether its viewer is still there: the two share the count of lost events.
    fn is_watched(&self) -> bool {
        Arc::strong_count(&self.lost) > 1
    }
}

#[derive(Debug, Default)]
struct Inner {
    last_id: u64,
    ring: VecDeque<Numbered>,
    subscribers: Vec<Subscriber>,
}

impl Inner {
    fn forget_those_that_left(&mut self) {
        self.subscribers.retain(Subscriber::is_watched);
    }
}

/// The fan-out; clones share it.
#[derive(Debug, Default, Clone)]
pub struct Live {
    inner: Arc<Mutex<Inner>>,
}

impl Live {
    /// Tells all viewers; `now_ms` is unix milliseconds.
    pub fn publish(&self, now_ms: i64, events: impl IntoIterator<Item = LiveEvent>) {
        let mut inner = self.inner.lock();
        for event in events {
            let floor = u64::try_from(now_ms).unwrap_or(0) << 20;
            inner.last_id = (inner.last_id + 1).max(floor);
            let numbered = Numbered {
                id: inner.last_id,
                event,
            };
            if inner.ring.len() == RING {
                inner.ring.pop_front();
            }
            inner.ring.push_back(numbered.clone());
            inner
                .subscribers
                .retain(|s| match s.events.try_send(numbered.clone()) {
                    Ok(()) => true,
                    Err(TrySendError::Full(_)) => {
                        s.lost.fetch_add(1, Ordering::Relaxed);
                        true
                    }
                    Err(TrySendError::Disconnected(_)) => false,
                });
        }
    }

    /// Forgets what the ring holds of these: ids of sessions, activities and postbacks. What a viewer was told
    /// before stays told.
    pub fn erase(&self, ids: &[TimeId]) {
        if ids.is_empty() {
            return;
        }
        let ids: HashSet<&TimeId> = ids.iter().collect();
        let is_erased = |event: &LiveEvent| match event {
            LiveEvent::Session(session) => ids.contains(&session.id.0),
            LiveEvent::Activity(activity) => ids.contains(&activity.id.0),
            LiveEvent::Postback(postback) => ids.contains(&postback.id.0),
        };
        self.inner
            .lock()
            .ring
            .retain(|numbered| !is_erased(&numbered.event));
    }

    /// Joins the stream after `last_id` (0 = from now on): what the ring still holds comes at once. The
    /// second value is false when the ring no longer reaches back to `last_id`. `who` is the user or token that
    /// the place counts for.
    pub fn join(&self, who: &str, last_id: u64) -> Result<(Viewer, bool), NoPlace> {
        let mut inner = self.inner.lock();
        inner.forget_those_that_left();
        if inner.subscribers.len() >= MOST_VIEWERS {
            return Err(NoPlace::All);
        }
        if inner.subscribers.iter().filter(|s| *s.who == *who).count() >= MOST_OF_ONE {
            return Err(NoPlace::OfOne);
        }
        let (events, receiver) = bounded(VIEWER_QUEUE.max(RING));
        let lost = Arc::new(AtomicU64::new(0));
        let reaches_back = last_id == 0
            || inner
                .ring
                .front()
                .is_some_and(|first| first.id <= last_id.saturating_add(1));
        if last_id > 0 {
            for numbered in inner.ring.iter().filter(|n| n.id > last_id) {
                if events.try_send(numbered.clone()).is_err() {
                    lost.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        inner.subscribers.push(Subscriber {
            who: who.into(),
            events,
            lost: lost.clone(),
        });
        let viewer = Viewer {
            events: receiver,
            lost,
        };
        Ok((viewer, reaches_back))
    }

    /// The newest id, 0 when nothing happened yet.
    pub fn last_id(&self) -> u64 {
        self.inner.lock().last_id
    }

    /// How many viewers there are. Those that left are forgotten here, since on a quiet server nothing else
    /// happens that would notice it.
    pub fn viewers(&self) -> usize {
        let mut inner = self.inner.lock();
        inner.forget_those_that_left();
        inner.subscribers.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{ActivityId, OfferId, PostbackId, RuleId};
    use crate::domain::postback::{LaneKey, Method, Origin, PostbackState, Request};

    fn event() -> LiveEvent {
        LiveEvent::Postback(Arc::new(Postback {
            id: PostbackId::new(1, 1),
            activity: ActivityId::new(1, 1),
            offer: OfferId::from_random(&[1; 12]),
            partner: None,
            origin: Origin::Rule(RuleId::from_random(&[1; 8])),
            entry: 0,
            lane: LaneKey("http://a:80".into()),
            request: Request {
                method: Method::Get,
                url: "http://a/".into(),
                headers: vec![],
                body: None,
            },
            created_at_ms: 1,
            resent_at_ms: None,
            state: PostbackState::Waiting { due_at_ms: 1 },
            attempts: 0,
            order_key: None,
            is_test: false,
            last: None,
            expires_at_ms: None,
            looks_at: None,
            confirmed_at_ms: None,
        }))
    }

    #[test]
    fn a_viewer_that_comes_back_gets_what_it_missed() {
        let live = Live::default();
        let (first, _) = live.join("user a", 0).unwrap();
        live.publish(1000, [event(), event()]);
        let seen = first.drain();
        assert_eq!(seen.len(), 2);
        assert!(seen[0].id < seen[1].id);
        let (second, whole) = live.join("user a", seen[0].id).unwrap();
        assert!(whole);
        assert_eq!(second.drain().len(), 1);
    }

    #[test]
    fn a_slow_viewer_loses_lines_and_blocks_nobody() {
        let live = Live::default();
        let (slow, _) = live.join("user a", 0).unwrap();
        for _ in 0..3000 {
            live.publish(1, [event()]);
        }
        assert!(slow.take_lost() > 0);
        assert_eq!(slow.take_lost(), 0);
        let (_, whole) = live.join("user a", 1 << 20).unwrap();
        assert!(!whole, "the ring no longer reaches back");
    }

    #[test]
    fn what_is_erased_is_not_told_again() {
        let live = Live::default();
        live.publish(1000, [event(), event()]);
        let LiveEvent::Postback(postback) = event() else {
            unreachable!()
        };
        live.erase(&[ActivityId::new(7, 7).0]);
        assert_eq!(live.join("user a", 1).unwrap().0.drain().len(), 2);
        live.erase(&[postback.id.0]);
        assert_eq!(live.join("user a", 1).unwrap().0.drain().len(), 0);
    }

    #[test]
    fn a_viewer_that_left_is_forgotten() {
        let live = Live::default();
        drop(live.join("user a", 0).unwrap());
        let (still_here, _) = live.join("user a", u64::MAX).unwrap();
        assert_eq!(live.viewers(), 1, "though nothing happened since");
        drop(still_here);
        live.publish(1, [event()]);
        assert_eq!(live.viewers(), 0);
    }

    #[test]
    fn one_viewer_takes_a_few_places_and_gives_them_back() {
        let live = Live::default();
        let mut places: Vec<_> = (0..MOST_OF_ONE)
            .map(|_| live.join("user a", 0).unwrap())
            .collect();
        assert_eq!(live.join("user a", 0).unwrap_err(), NoPlace::OfOne);
        places.push(live.join("user b", 0).unwrap());
        places.remove(0);
        places.push(live.join("user a", 0).unwrap());
        for n in places.len()..MOST_VIEWERS {
            places.push(live.join(&format!("user {n}"), 0).unwrap());
        }
        assert_eq!(live.join("user c", 0).unwrap_err(), NoPlace::All);
    }
}
