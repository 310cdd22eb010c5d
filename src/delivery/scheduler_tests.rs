//! Delivery as a whole: threads, a ledger in memory, real receivers.

use super::testing::{MemoryLedger, postback};
use super::*;
use crate::domain::ids::ActivityId;
use crate::domain::postback::{ErrorClass, FailReason, Outcome};
use crate::domain::rule::{AnswerPolicy, StatusReading};
use crate::wire::testing::{Behaviour, Receiver, eventually, get};
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::Ordering;

fn start(ledger: &Arc<MemoryLedger>) -> Delivery {
    start_with_workers(ledger, 16)
}

fn start_with_workers(ledger: &Arc<MemoryLedger>, workers: usize) -> Delivery {
    let options = DeliveryOptions {
        workers,
        client: ClientOptions {
            allow_networks: vec!["127.0.0.0/8".parse().unwrap()],
            ..ClientOptions::default()
        },
    };
    Delivery::start(&options, ledger.clone()).unwrap()
}

fn stop(delivery: &Delivery) {
    delivery.stop(Instant::now() + Duration::from_secs(10));
}

fn wake(delivery: &Delivery, ledger: &MemoryLedger, n: u64, url: &str) -> PostbackId {
    let committed = ledger.commit(postback(n, ledger.now_ms(), url));
    let id = committed.id;
    delivery.wake(vec![committed]);
    id
}

fn is_delivered(settlement: &Settlement) -> bool {
    matches!(settlement.next, PostbackState::Delivered { .. })
}

#[test]
fn a_postback_is_sent_at_once_and_settled() {
    let ledger = Arc::new(MemoryLedger::default());
    let receiver = Receiver::start(Behaviour::status(200));
    let delivery = start(&ledger);
    for n in 0..50 {
        wake(&delivery, &ledger, n, &receiver.url(&format!("/cv?n={n}")));
        // Waking it is enough: nothing else happens until it has arrived.
        receiver.wait_for(n as usize + 1);
    }
    let settled = ledger.wait_settled(50);
    assert!(settled.iter().all(is_delivered));
    let attempt = settled[0].attempt.as_ref().unwrap();
    assert_eq!(
        (attempt.number, attempt.excerpt.as_str(), settled[0].attempts),
        (1, "ok", 1)
    );
    assert_eq!(receiver.arrivals().len(), 50, "one request each");
    eventually("an empty queue", || {
        (delivery.snapshot().waiting == 0).then_some(())
    });
    assert_eq!(delivery.oldest_due_age_ms(), 0);
    stop(&delivery);
}

#[test]
fn black_holes_do_not_delay_a_healthy_destination() {
    let ledger = Arc::new(MemoryLedger::default());
    let healthy = Receiver::start(Behaviour::status(200));
    let holes: Vec<_> = (0..6).map(|_| Receiver::start(Behaviour::Hang)).collect();
    let delivery = start_with_workers(&ledger, 16);
    let mut n = 0;
    let mut overtaken = 0;
    for _ in 0..100 {
        for hole in &holes {
            n += 1;
            wake(&delivery, &ledger, n, &hole.url("/"));
        }
        n += 1;
        let before = healthy.arrivals().len();
        let taken = || holes.iter().map(|hole| hole.arrivals().len()).sum::<usize>();
        let taken_before = taken();
        wake(&delivery, &ledger, n, &healthy.url("/"));
        healthy.wait_for(before + 1);
        overtaken += taken() - taken_before;
        let on_wire = delivery.snapshot().lanes;
        let is_bad = |lane: &&LaneView| matches!(lane.state, LaneState::Open | LaneState::Failing);
        let bad: usize = on_wire.iter().filter(is_bad).map(|lane| lane.in_flight).sum();
        // What was on the wire of a new lane when it turned out bad comes on top of the quarter.
        assert!(bad <= 4 + holes.len(), "{bad} of 16 workers");
    }
    // Nobody waits for a black hole: at most what was on its way already goes before a healthy one.
    assert!(
        overtaken <= 100 * 4,
        "{overtaken} requests to black holes went before 100 healthy ones"
    );
    stop(&delivery);
}

#[test]
fn the_backlog_drains_when_the_destination_is_back_and_waiting_used_up_no_attempts() {
    let ledger = Arc::new(MemoryLedger::default());
    let receiver = Receiver::start(Behaviour::status(503));
    let delivery = start(&ledger);
    for n in 0..200 {
        wake(&delivery, &ledger, n, &receiver.url("/"));
    }
    eventually("an open breaker", || {
        let lanes = delivery.snapshot().lanes;
        (lanes.first()?.state == LaneState::Open).then_some(())
    });
    let tried = receiver.arrivals().len();
    assert!(tried <= 10, "{tried} tried");
    receiver.behave(Behaviour::status(200));
    eventually("the drain", || {
        (ledger.settled().iter().filter(|s| is_delivered(s)).count() == 200).then_some(())
    });
    let most = ledger.settled().iter().map(|s| s.attempts).max();
    assert!(most <= Some(3), "{most:?}");
    stop(&delivery);
}

#[test]
fn statuses_of_a_conversion_arrive_in_order() {
    let ledger = Arc::new(MemoryLedger::default());
    let slow = Behaviour::Slow(
        Duration::from_millis(100),
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".into(),
    );
    let receivers = [Receiver::start(slow), Receiver::start(Behaviour::status(200))];
    let delivery = start(&ledger);
    let now = ledger.now_ms();
    let conversion = ActivityId::new(now, 1);
    let woken: Vec<_> = (0..4)
        .map(|n| {
            let url = receivers[n as usize % 2].url(&format!("/status?n={n}"));
            let mut status = postback(n, now + n as i64, &url);
            status.activity = if n == 0 {
                conversion
            } else {
                ActivityId::new(now + n as i64, n)
            };
            status.order_key = Some(conversion);
            status.state = PostbackState::Waiting { due_at_ms: now };
            ledger.commit(status)
        })
        .collect();
    let ids: Vec<_> = woken.iter().map(|p| p.id).collect();
    delivery.wake(woken);
    let settled = ledger.wait_settled(4);
    assert_eq!(settled.iter().map(|s| s.postback).collect::<Vec<_>>(), ids);
    let mut arrivals = [receivers[0].arrivals(), receivers[1].arrivals()].concat();
    arrivals.sort_by_key(|a| a.at);
    let order: Vec<_> = arrivals
        .iter()
        .map(|a| a.line.split("n=").nth(1).unwrap()[..1].to_owned())
        .collect();
    assert_eq!(order, ["0", "1", "2", "3"]);
    stop(&delivery);
}

#[test]
fn a_stop_sends_nothing_twice_and_forgets_nothing() {
    let ledger = Arc::new(MemoryLedger::default());
    let slow = Behaviour::Slow(
        Duration::from_millis(50),
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".into(),
    );
    let receiver = Receiver::start(slow);
    let total = 120;
    let mut delivery = start(&ledger);
    for n in 0..total {
        wake(&delivery, &ledger, n, &receiver.url(&format!("/?n={n}")));
    }
    for round in 1.. {
        receiver.wait_for((round * 20).min(total as usize));
        stop(&delivery);
        let (sent, settled) = (receiver.arrivals().len(), ledger.settled().len());
        assert_eq!(sent, settled, "everything on the wire has ended and was reported");
        if sent == total as usize {
            break;
        }
        delivery = start(&ledger);
    }
    let lines: HashSet<_> = receiver.arrivals().into_iter().map(|a| a.line).collect();
    assert_eq!(lines.len(), receiver.arrivals().len(), "no line twice");
    assert!(ledger.waiting.lock().is_empty());
}

#[test]
fn sending_begins_before_all_waiting_postbacks_are_read() {
    let ledger = Arc::new(MemoryLedger::default());
    let receiver = Receiver::start(Behaviour::status(200));
    let before = ledger.now_ms() - 60_000;
    for n in 0..3_000 {
        ledger.commit(postback(n, before, &receiver.url("/")));
    }
    let (open, gate) = crossbeam_channel::bounded(1);
    *ledger.scan_gate.lock() = Some(gate);
    let delivery = start(&ledger);
    receiver.wait_for(100);
    assert!(delivery.snapshot().is_scanning);
    // A later status is held until the earlier ones are known.
    let mut later = postback(9_999, ledger.now_ms(), &receiver.url("/later"));
    later.order_key = Some(ActivityId::new(before, 1));
    delivery.wake(vec![ledger.commit(later)]);
    open.send(()).unwrap();
    eventually("all", || (ledger.settled().len() == 3_001).then_some(()));
    assert_eq!(receiver.arrivals().len(), 3_001, "none twice");
    stop(&delivery);
}

#[test]
fn nothing_is_sent_while_the_store_is_down_and_health_tells() {
    let ledger = Arc::new(MemoryLedger::default());
    let receiver = Receiver::start(Behaviour::status(200));
    ledger.is_paused.store(true, Ordering::Release);
    let delivery = start(&ledger);
    wake(&delivery, &ledger, 1, &receiver.url("/"));
    eventually("a growing age", || {
        (delivery.oldest_due_age_ms() > 100).then_some(())
    });
    assert_eq!(receiver.arrivals().len(), 0);
    ledger.is_paused.store(false, Ordering::Release);
    receiver.wait_for(1);
    eventually("an age of nothing", || {
        (delivery.oldest_due_age_ms() == 0).then_some(())
    });
    stop(&delivery);
}

#[test]
fn a_postback_stays_in_flight_until_its_outcome_is_durable() {
    let ledger = Arc::new(MemoryLedger::default());
    let receiver = Receiver::start(Behaviour::status(200));
    ledger.is_holding.store(true, Ordering::Release);
    let delivery = start(&ledger);
    let id = wake(&delivery, &ledger, 1, &receiver.url("/"));
    ledger.wait_settled(1);
    delivery.resend_now(vec![id]);
    delivery.wake(vec![Arc::new(postback(1, id.at_ms(), &receiver.url("/")))]);
    let snapshot = eventually("an undurable outcome", || {
        let snapshot = delivery.snapshot();
        (snapshot.undurable == 1 && snapshot.on_wire == 0).then_some(snapshot)
    });
    assert_eq!((snapshot.waiting, receiver.arrivals().len()), (1, 1));
    ledger.held.lock().drain(..).for_each(|durable| durable());
    eventually("an empty queue", || {
        (delivery.snapshot().waiting == 0).then_some(())
    });
    assert_eq!(receiver.arrivals().len(), 1);
    stop(&delivery);
}

#[test]
fn a_refused_address_is_never_called() {
    let ledger = Arc::new(MemoryLedger::default());
    let delivery = start(&ledger);
    wake(&delivery, &ledger, 1, "http://169.254.169.254/latest/meta-data");
    let settled = ledger.wait_settled(1);
    assert!(matches!(
        settled[0].next,
        PostbackState::Failed {
            reason: FailReason::EgressRefused,
            ..
        }
    ));
    assert_eq!(settled[0].attempts, 0);
    stop(&delivery);
}

#[test]
fn a_postback_beyond_its_time_is_tried_once_more_after_a_start() {
    for (status, is_taken) in [(200, true), (500, false)] {
        let ledger = Arc::new(MemoryLedger::default());
        let receiver = Receiver::start(Behaviour::status(status));
        let old = postback(1, ledger.now_ms() - 97 * 3_600_000, &receiver.url("/"));
        ledger.commit(old);
        let delivery = start(&ledger);
        let settled = ledger.wait_settled(1);
        assert!(settled[0].attempt.is_some());
        assert_eq!(is_delivered(&settled[0]), is_taken, "{settled:?}");
        assert!(settled[0].next.is_settled());
        assert_eq!(receiver.arrivals().len(), 1);
        stop(&delivery);
    }
}

#[test]
fn what_should_be_signed_is_never_sent_unsigned() {
    let ledger = Arc::new(MemoryLedger::default());
    let receiver = Receiver::start(Behaviour::status(200));
    *ledger.secret.lock() = Some("whsec_short".into());
    let delivery = start(&ledger);
    wake(&delivery, &ledger, 1, &receiver.url("/"));
    let settled = ledger.wait_settled(1);
    let outcome = &settled[0].attempt.as_ref().unwrap().outcome;
    assert!(
        matches!(outcome, Outcome::Error { class: ErrorClass::Internal, message } if message.contains("secret"))
    );
    assert_eq!(receiver.connections(), 0);
    stop(&delivery);
}

#[test]
fn a_partner_that_asks_to_be_left_alone_is_left_alone() {
    let ledger = Arc::new(MemoryLedger::default());
    let receiver = Receiver::start(Behaviour::with(429, "Retry-After: 2\r\n", ""));
    let delivery = start(&ledger);
    for n in 0..3 {
        wake(&delivery, &ledger, n, &receiver.url("/"));
    }
    let first = receiver.wait_for(1)[0].at;
    receiver.behave(Behaviour::status(200));
    let arrivals = receiver.wait_for(3);
    assert!(
        arrivals[1..]
            .iter()
            .all(|a| a.at - first >= Duration::from_millis(1_900)),
        "too early"
    );
    stop(&delivery);
}

#[test]
fn an_operator_can_send_a_test_past_every_queue() {
    let ledger = Arc::new(MemoryLedger::default());
    let receiver = Receiver::start(Behaviour::status(418));
    let delivery = start(&ledger);
    let request = get(receiver.url("/test"));
    let attempt = delivery.send_test(
        PostbackId::new(1, 1),
        &request,
        &DeliveryPolicy::default(),
        (&RuleTerms::default(), None),
        5,
    );
    assert_eq!((attempt.at_ms, attempt.is_manual), (5, true));
    assert!(matches!(attempt.outcome, Outcome::Answered { status: 418, .. }));
    let remote: std::net::SocketAddr = attempt.remote_addr.unwrap().parse().unwrap();
    assert_eq!(remote.ip(), IpAddr::from(Ipv4Addr::LOCALHOST));
    stop(&delivery);
}

/// A postback whose URL has a hole for a secret.
fn with_hole(n: u64, ledger: &MemoryLedger, url: &str) -> Arc<Postback> {
    let mut postback = postback(n, ledger.now_ms(), url);
    postback.request.url.push_str("?t=\u{1}p$token\u{2}");
    ledger.commit(postback)
}

fn platform() -> AnswerPolicy {
    AnswerPolicy {
        by_status: StatusReading::Platform,
        ..AnswerPolicy::default()
    }
}

#[test]
fn a_token_that_is_refused_amid_a_backlog_is_tried_a_few_times_and_nothing_is_used_up() {
    let ledger = Arc::new(MemoryLedger::default());
    *ledger.answers.lock() = Some(platform());
    ledger.secrets.lock().insert("token".into(), "old-token-1".into());
    let receiver = Receiver::start(Behaviour::status(200));
    let delivery = start(&ledger);
    let all = (0..1_000).map(|n| with_hole(n, &ledger, &receiver.url("/")));
    delivery.wake(all.collect());
    eventually("a good part of it", || {
        (receiver.arrivals().len() > 200).then_some(())
    });
    receiver.behave(Behaviour::status(401));
    let before = receiver.arrivals().len();
    eventually("a hold", || (!ledger.holds.lock().is_empty()).then_some(()));
    std::thread::sleep(Duration::from_millis(500));
    let asked = receiver.arrivals().len() - before;
    assert!(asked <= 20, "{asked} requests with a refused token");
    assert_eq!(ledger.holds.lock()[0].1, HoldCause::TokenRefused);
    let shown = format!("{:?}", ledger.settled());
    assert!(
        shown.contains("?t=‹token›") && !shown.contains("old-token-1"),
        "{shown}"
    );
    receiver.behave(Behaviour::status(200));
    ledger.secrets.lock().insert("token".into(), "new-token-2".into());
    ledger.release(None);
    eventually("all of it", || {
        let delivered = ledger.settled().iter().filter(|s| is_delivered(s)).count();
        (delivered == 1_000).then_some(())
    });
    assert!(
        ledger.settled().iter().all(|s| s.attempts <= 1),
        "none was used up"
    );
    let last = receiver.arrivals().last().map(|arrival| arrival.line.clone());
    assert!(last.is_some_and(|line| line.contains("?t=new-token-2 ")));
    stop(&delivery);
}

#[test]
fn without_its_secret_nothing_is_sent_and_with_it_all_is() {
    let ledger = Arc::new(MemoryLedger::default());
    let receiver = Receiver::start(Behaviour::status(200));
    let delivery = start(&ledger);
    delivery.wake(
        (0..20)
            .map(|n| with_hole(n, &ledger, &receiver.url("/")))
            .collect(),
    );
    eventually("a hold", || (!ledger.holds.lock().is_empty()).then_some(()));
    let (_, cause, detail) = ledger.holds.lock()[0].clone();
    assert_eq!((cause, detail.as_str()), (HoldCause::SecretMissing, "token"));
    assert!(receiver.arrivals().is_empty());
    ledger.secrets.lock().insert("token".into(), "hello/world".into());
    ledger.release(None);
    receiver.wait_for(20);
    assert!(
        receiver
            .arrivals()
            .iter()
            .all(|a| a.line.contains("/?t=hello%2Fworld "))
    );
    stop(&delivery);
}

#[test]
fn what_is_too_old_is_not_sent() {
    let ledger = Arc::new(MemoryLedger::default());
    let receiver = Receiver::start(Behaviour::status(200));
    let delivery = start(&ledger);
    let mut late = postback(1, ledger.now_ms(), &receiver.url("/"));
    late.expires_at_ms = Some(ledger.now_ms() - 1);
    delivery.wake(vec![ledger.commit(late)]);
    let settled = ledger.wait_settled(1);
    let reason = FailReason::TooOld;
    assert!(matches!(settled[0].next, PostbackState::Failed { reason: r, .. } if r == reason));
    assert!(settled[0].attempt.is_none() && receiver.arrivals().is_empty());
    stop(&delivery);
}

#[test]
fn what_changes_while_it_is_on_the_wire_is_sent_as_it_is_now() {
    let ledger = Arc::new(MemoryLedger::default());
    let (old, new) = (
        Receiver::start(Behaviour::status(503)),
        Receiver::start(Behaviour::status(200)),
    );
    let delivery = start(&ledger);
    // Its outcome is on the way to the disk while it is rendered anew.
    ledger.is_holding.store(true, Ordering::Release);
    let id = wake(&delivery, &ledger, 1, &old.url("/old"));
    ledger.wait_settled(1);
    let anew = ledger.commit(postback(1, id.at_ms(), &new.url("/new")));
    assert_eq!(anew.id, id);
    delivery.wake(vec![anew]);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(new.arrivals().len(), 0);
    ledger.is_holding.store(false, Ordering::Release);
    for done in ledger.held.lock().drain(..) {
        done();
    }
    new.wait_for(1);
    ledger.wait_settled(2);
    assert_eq!(old.arrivals().len(), 1);
    // One that was delivered meanwhile and is queued again at that moment is not forgotten.
    ledger.is_holding.store(true, Ordering::Release);
    let id = wake(&delivery, &ledger, 2, &new.url("/again"));
    ledger.wait_settled(3);
    delivery.wake(vec![ledger.commit(postback(2, id.at_ms(), &new.url("/again")))]);
    std::thread::sleep(Duration::from_millis(50));
    ledger.is_holding.store(false, Ordering::Release);
    for done in ledger.held.lock().drain(..) {
        done();
    }
    new.wait_for(3);
    ledger.wait_settled(4);
    stop(&delivery);
}

#[test]
fn what_outlived_its_time_while_nothing_ran_is_told_and_sent_once_more() {
    let ledger = Arc::new(MemoryLedger::default());
    let receiver = Receiver::start(Behaviour::status(200));
    let long_ago_ms = ledger.now_ms() - 200 * 3_600_000;
    for n in 0..3 {
        ledger.commit(postback(n, long_ago_ms, &receiver.url("/late")));
    }
    ledger.commit(postback(3, ledger.now_ms(), &receiver.url("/new")));
    ledger.is_paused.store(true, Ordering::Release);
    let delivery = start(&ledger);
    eventually("the overdue are counted", || {
        (delivery.snapshot().overdue == 3).then_some(())
    });
    assert_eq!(ledger.settled().len(), 0);
    ledger.is_paused.store(false, Ordering::Release);
    let settled = ledger.wait_settled(4);
    assert!(settled.iter().all(is_delivered), "{settled:?}");
    assert_eq!(receiver.arrivals().len(), 4);
    stop(&delivery);
}
