//! The thread that owns the board: it hears what arrived and ended, and hands postbacks to free workers.
//! Deciding is the board's; this is time, channels and the start and stop.
//!
//! * 2026-11-21: the channel to the workers holds at most as many jobs as there are workers, and no job is put
//!   into it without a free worker, so nothing queues where fairness is not decided.
//! * 2026-11-21: while the waiting postbacks of before the start are read, a later status that arrives is held
//!   until all are read: the earlier one may be among them. What was settled meanwhile is remembered, since
//!   the reading may still bring it.

use super::Ledger;
use super::board::{Board, Overdue};
use super::inbox::{Event, Inbox};
use super::item::{Item, Now};
use super::pool::{self, Job};
use super::{Settlement, Snapshot};
use crate::domain::ids::PostbackId;
use crate::domain::postback::{Origin, Postback};
use crossbeam_channel::{Receiver, Sender, TryRecvError};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Batches of scanned postbacks that may wait for the scheduler.
pub(crate) const SCAN_BATCHES: usize = 16;
/// Postbacks in one of them.
const SCAN_BATCH: usize = 512;
/// Whole records kept in memory, and their bytes, roughly.
const MOST_FRESH: usize = 20_000;
const MOST_FRESH_BYTES: usize = 32 << 20;
/// Outcomes on their way to the disk beyond which nothing more is sent.
const MOST_UNDURABLE: usize = 4_096;
/// The longest rest; clocks that were set are noticed within it.
const MOST_REST: Duration = Duration::from_secs(1);
/// How often it is looked whether the store is back.
const PAUSE_CHECK: Duration = Duration::from_millis(50);
/// How often overdue postbacks are looked for, and how many slots at a time.
const SWEEP_EVERY_MS: i64 = 60_000;
const SWEEP_SLOTS: u32 = 8_192;
/// How often policies are asked anew and idle lanes forgotten.
const TIDY_EVERY_MS: i64 = 5_000;

/// Starts the thread `scheduler`.
pub(crate) fn start(
    workers: usize,
    jobs: (Sender<Job>, Receiver<Job>),
    scanned: Receiver<Vec<Item>>,
    ledger: Arc<dyn Ledger>,
    inbox: Arc<Inbox>,
) -> std::io::Result<JoinHandle<()>> {
    let scheduler = Scheduler {
        board: Board::new(workers),
        workers,
        on_wire: 0,
        jobs,
        scanned,
        ledger,
        inbox,
        fresh: Fresh::default(),
        changed: HashSet::new(),
        scan: Some(Scan::default()),
        is_sweeping: false,
        overdue: 0,
        next_sweep_ms: 0,
        next_tidy_ms: TIDY_EVERY_MS,
        stop_by: None,
    };
    std::thread::Builder::new()
        .name("scheduler".into())
        .spawn(move || scheduler.run())
}

/// Starts the thread `delivery-scan`, which reads the waiting postbacks of before the start and ends.
pub(crate) fn start_scan(
    items: Sender<Vec<Item>>,
    ledger: Arc<dyn Ledger>,
    inbox: Arc<Inbox>,
) -> std::io::Result<JoinHandle<()>> {
    let scan = move || {
        let mut batch = Vec::with_capacity(SCAN_BATCH);
        let mut is_wanted = true;
        ledger.for_each_waiting(&mut |postback| {
            batch.extend(Item::of(&postback, |origin| ledger.terms(origin).owner));
            if batch.len() >= SCAN_BATCH && is_wanted {
                // Refused once the scheduler has ended.
                is_wanted = items.send(std::mem::take(&mut batch)).is_ok();
                inbox.push(Event::Scanned);
            }
        });
        if items.send(batch).is_err() {
            tracing::debug!("the waiting postbacks were not read to the end: delivery has stopped");
        }
        drop(items);
        inbox.push(Event::Scanned);
    };
    std::thread::Builder::new()
        .name("delivery-scan".into())
        .spawn(scan)
}

/// Records of postbacks that have just been committed, so that sending them reads nothing.
#[derive(Default)]
struct Fresh {
    records: HashMap<PostbackId, Arc<Postback>>,
    bytes: usize,
}

impl Fresh {
    fn size(postback: &Postback) -> usize {
        512 + postback.request.url.len() + postback.request.body.as_ref().map_or(0, String::len)
    }

    fn keep(&mut self, postback: Arc<Postback>) {
        // One that was kept before says what is no longer to be sent.
        drop(self.take(postback.id));
        let size = Self::size(&postback);
        if self.records.len() < MOST_FRESH && self.bytes + size <= MOST_FRESH_BYTES {
            self.bytes += size;
            self.records.insert(postback.id, postback);
        }
    }

    fn take(&mut self, id: PostbackId) -> Option<Arc<Postback>> {
        let postback = self.records.remove(&id)?;
        self.bytes -= Self::size(&postback);
        Some(postback)
    }
}

/// While the waiting postbacks of before the start are being read.
#[derive(Default)]
struct Scan {
    held: Vec<Arc<Postback>>,
    settled: HashSet<PostbackId>,
}

struct Scheduler {
    board: Board,
    workers: usize,
    on_wire: usize,
    /// The other end only to empty the channel at the stop.
    jobs: (Sender<Job>, Receiver<Job>),
    scanned: Receiver<Vec<Item>>,
    ledger: Arc<dyn Ledger>,
    inbox: Arc<Inbox>,
    fresh: Fresh,
    /// Announced while they were on the wire; their records are read once that has ended.
    changed: HashSet<PostbackId>,
    scan: Option<Scan>,
    is_sweeping: bool,
    /// Those that had outlived their time at the start or the last leap of the clock, as last counted.
    overdue: usize,
    next_sweep_ms: i64,
    next_tidy_ms: i64,
    stop_by: Option<Instant>,
}

impl Scheduler {
    fn run(mut self) {
        let mut rest = Duration::ZERO;
        loop {
            let events = self.inbox.take(rest);
            let now = self.now();
            self.notice_clock(now);
            for event in events {
                self.hear(event, now);
            }
            self.read_scan(now);
            self.board.advance(now);
            self.keep_up(now);
            let again_at_ms = self.dispatch(now);
            if self.is_done() {
                break;
            }
            rest = self.rest(now, again_at_ms);
        }
        // What no worker has begun is not sent any more.
        let unbegun = self.jobs.1.try_iter().count();
        if self.on_wire > unbegun {
            tracing::warn!(
                code = "stopped_on_wire",
                postbacks = self.on_wire - unbegun,
                "exchanges were still on the wire at the stop"
            );
        }
        self.inbox.publish_neglect(None);
    }

    fn now(&self) -> Now {
        Now {
            wall_ms: self.ledger.now_ms(),
            mono_ms: self.inbox.mono_ms(),
        }
    }

    fn notice_clock(&mut self, now: Now) {
        if let Some(leap_ms) = self.board.notice_clock(now) {
            tracing::warn!(
                code = "clock_leapt",
                seconds = leap_ms / 1_000,
                "the clock leapt, or the machine slept; no postback is given up for its age before it is tried once more"
            );
            self.tell_overdue(now);
        }
    }

    fn tell_overdue(&mut self, now: Now) {
        self.overdue = self.board.overdue(now);
        if self.overdue > 0 {
            tracing::warn!(
                code = "postbacks_overdue",
                overdue = self.overdue,
                "waiting postbacks are older than their time to live; each is sent once more before it is given up"
            );
        }
    }

    fn hear(&mut self, event: Event, now: Now) {
        match event {
            Event::Woken(postback) => self.woken(postback, now),
            Event::WokenById(id) => match self.ledger.load(id) {
                Some(postback) => self.woken(postback, now),
                None => {
                    tracing::warn!(code = "woken_unknown", postback = %id, "a postback was announced whose record is not there");
                }
            },
            Event::Ended(ended) => {
                self.on_wire = self.on_wire.saturating_sub(1);
                self.board.ended(&ended, now);
            }
            Event::Missing(dispatch) => {
                self.on_wire = self.on_wire.saturating_sub(1);
                if !self.board.missing(dispatch, now) {
                    tracing::error!(
                        code = "waiting_record_lost",
                        postback = %dispatch.id,
                        "the record of a waiting postback was not found in five minutes; it is no longer tried"
                    );
                }
                self.off_wire(dispatch.id, now);
            }
            Event::Durable(slot, id) => {
                if self.board.durable(slot, id, now)
                    && let Some(scan) = &mut self.scan
                {
                    scan.settled.insert(id);
                }
                self.off_wire(id, now);
            }
            Event::MakeDue(ids) => self.board.make_due(&ids, now),
            Event::Cancel(ids) => self.cancel(&ids, now),
            Event::Snapshot(reply) => {
                // Whoever asked may have gone.
                drop(reply.try_send(self.snapshot(now)));
            }
            Event::Scanned => {}
            Event::Stop(by) => self.stop_by = Some(by),
        }
    }

    fn woken(&mut self, postback: Arc<Postback>, now: Now) {
        let owner = |origin: &Origin| self.ledger.terms(origin).owner;
        let Some(item) = Item::of(&postback, owner) else {
            return;
        };
        if let Some(scan) = &mut self.scan {
            scan.settled.remove(&postback.id);
            if item.is_later_status() {
                scan.held.push(postback);
                return;
            }
        }
        if self.add(&item, now) || self.board.replace(&item, now) {
            self.fresh.keep(postback);
        } else {
            self.changed.insert(postback.id);
        }
    }

    /// What was announced anew while it was on the wire.
    fn off_wire(&mut self, id: PostbackId, now: Now) {
        if self.changed.remove(&id)
            && let Some(postback) = self.ledger.load(id)
        {
            self.woken(postback, now);
        }
    }

    fn add(&mut self, item: &Item, now: Now) -> bool {
        let ledger = &self.ledger;
        let policy = || ledger.policy(item.partner.as_ref(), &item.offer);
        self.board.add(item, now, policy).is_some()
    }

    fn cancel(&mut self, ids: &[PostbackId], now: Now) {
        self.board.cancel(ids, now);
        for id in ids {
            drop(self.fresh.take(*id));
        }
        if let Some(scan) = &mut self.scan {
            scan.held.retain(|postback| !ids.contains(&postback.id));
            scan.settled.extend(ids);
        }
    }

    /// One batch a turn, so that sending goes on meanwhile. After the last one, which is not full, the end is
    /// looked for at once: no event may be left to wake the thread for it.
    fn read_scan(&mut self, now: Now) {
        while let Some(scan) = &self.scan {
            match self.scanned.try_recv() {
                Ok(mut items) => {
                    let is_last = items.len() < SCAN_BATCH;
                    items.retain(|item| !scan.settled.contains(&item.id));
                    for item in &items {
                        self.add(item, now);
                    }
                    if !is_last {
                        return;
                    }
                }
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => self.end_scan(now),
            }
        }
    }

    fn end_scan(&mut self, now: Now) {
        let held = self.scan.take().map_or_else(Vec::new, |scan| scan.held);
        tracing::info!(
            waiting = self.board.waiting(),
            "the waiting postbacks have been read"
        );
        self.tell_overdue(now);
        held.into_iter().for_each(|postback| self.woken(postback, now));
    }

    /// Gives up what is overdue, a slice at a time, and tidies.
    fn keep_up(&mut self, now: Now) {
        if now.mono_ms >= self.next_tidy_ms {
            self.next_tidy_ms = now.mono_ms + TIDY_EVERY_MS;
            let ledger = &self.ledger;
            ledger.tidy_holds();
            self.board
                .tidy(now, |partner, offer| ledger.policy(partner, offer));
        }
        if now.mono_ms >= self.next_sweep_ms {
            self.next_sweep_ms = now.mono_ms + SWEEP_EVERY_MS;
            self.is_sweeping = true;
            if self.overdue > 0 {
                self.overdue = self.board.overdue(now);
            }
        }
        if !self.is_sweeping || !self.may_settle() {
            return;
        }
        let mut overdue = Vec::new();
        self.is_sweeping = !self.board.sweep(now, SWEEP_SLOTS, &mut overdue);
        if !overdue.is_empty() {
            tracing::warn!(
                code = "postbacks_given_up",
                postbacks = overdue.len(),
                "postbacks were given up because their time to live is over; they are listed as failed and can be resent"
            );
        }
        for over in overdue {
            self.give_up(over);
        }
    }

    fn give_up(&mut self, over: Overdue) {
        drop(self.fresh.take(over.id));
        let settlement = Settlement {
            postback: over.id,
            attempt: None,
            next: over.next,
            attempts: over.attempts,
            look: None,
        };
        pool::report(&self.ledger, &self.inbox, over.slot, settlement);
    }

    fn may_settle(&self) -> bool {
        self.stop_by.is_none() && !self.ledger.is_paused() && self.board.undurable() < MOST_UNDURABLE
    }

    /// Hands out what may go now. Answers when to ask again because of time alone.
    fn dispatch(&mut self, now: Now) -> Option<i64> {
        let free = self.workers.saturating_sub(self.on_wire);
        let may_settle = self.may_settle();
        let mut chosen = Vec::new();
        let mut again_at_ms = None;
        if may_settle && free > 0 {
            again_at_ms = self.board.fill(now, free, &mut chosen);
        }
        // With a free worker everything that may go has gone.
        let is_held = (!may_settle || chosen.len() == free) && !self.ledger.is_paused_by_operator();
        let neglected = is_held.then(|| self.board.neglected_since_ms(now)).flatten();
        self.inbox.publish_neglect(neglected);
        for dispatch in chosen {
            let record = self.fresh.take(dispatch.id);
            self.on_wire += 1;
            if self.jobs.0.try_send(Job { dispatch, record }).is_err() {
                tracing::error!(code = "no_worker", "a worker that should be free is not");
                self.inbox.push(Event::Missing(dispatch));
            }
        }
        again_at_ms
    }

    fn rest(&self, now: Now, again_at_ms: Option<i64>) -> Duration {
        if self.scan.is_some() && !self.scanned.is_empty() {
            return Duration::ZERO;
        }
        let until = |at_ms: i64, now_ms: i64| {
            Duration::from_millis(u64::try_from(at_ms.saturating_sub(now_ms)).unwrap_or(0))
        };
        let mut rest = MOST_REST;
        if let Some(due_ms) = self.board.next_timer_ms() {
            rest = rest.min(until(due_ms, now.wall_ms));
        }
        if let Some(at_ms) = again_at_ms {
            rest = rest.min(until(at_ms, now.mono_ms));
        }
        if self.is_sweeping {
            rest = rest.min(Duration::from_millis(2));
        }
        if self.ledger.is_paused() {
            rest = rest.min(PAUSE_CHECK);
        }
        if let Some(by) = self.stop_by {
            rest = rest.min(by.saturating_duration_since(Instant::now()));
        }
        rest
    }

    fn is_done(&self) -> bool {
        self.stop_by
            .is_some_and(|by| self.on_wire == 0 || Instant::now() >= by)
    }

    fn snapshot(&self, now: Now) -> Snapshot {
        Snapshot {
            lanes: self.board.view(now),
            waiting: self.board.waiting(),
            on_wire: self.on_wire,
            undurable: self.board.undurable(),
            workers: self.workers,
            is_scanning: self.scan.is_some(),
            overdue: self.overdue,
        }
    }
}
