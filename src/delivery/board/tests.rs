//! The board of lanes: whose turn it is, who waits for whom, what is given up.

use super::*;
use crate::delivery::LaneState;
use crate::delivery::testing::postback;
use crate::domain::ids::ActivityId;
use crate::domain::postback::{Attempt, ErrorClass, FailReason, Outcome, Postback};
use proptest::prelude::*;

mod times;

const T0: i64 = 1_763_000_000_000;

fn at(ms: i64) -> Now {
    Now {
        wall_ms: T0 + ms,
        mono_ms: ms,
    }
}

fn add(board: &mut Board, postback: &Postback, now: Now) {
    let item = Item::of(postback, |_| None).expect("waits");
    board
        .add(&item, now, DeliveryPolicy::default)
        .expect("not known yet");
}

fn by_rule(n: u64, url: &str, rule: &str) -> Postback {
    Postback {
        origin: Origin::Rule(rule.parse().unwrap()),
        ..postback(n, T0, url)
    }
}

fn fill(board: &mut Board, now: Now, free: usize) -> Vec<Dispatch> {
    let mut out = Vec::new();
    board.advance(now);
    board.fill(now, free, &mut out);
    out
}

fn status(code: u16) -> Outcome {
    Outcome::Answered {
        status: code,
        retry_after_s: None,
    }
}

fn timeout() -> Outcome {
    Outcome::Error {
        class: ErrorClass::Timeout,
        message: String::new(),
    }
}

/// Ends a dispatch and makes it durable at once. Failures are due again after `delay_ms`.
fn end(board: &mut Board, dispatch: Dispatch, outcome: Outcome, now: Now, delay_ms: i64) {
    let next = if retry::is_delivered(&outcome) {
        PostbackState::Delivered { at_ms: now.wall_ms }
    } else {
        PostbackState::Waiting {
            due_at_ms: now.wall_ms + delay_ms,
        }
    };
    let attempts = dispatch.attempts + u16::from(!dispatch.is_probe);
    let ended = Ended {
        held: None,
        dispatch,
        outcome: Some(outcome),
        next,
        attempts,
    };
    board.ended(&ended, now);
    board.durable(dispatch.slot, dispatch.id, now);
}

/// A lane that has answered once, with nothing waiting.
fn healthy(board: &mut Board, n: u64, url: &str, now: Now) {
    add(board, &postback(n, T0, url), now);
    let sent = fill(board, now, 64);
    assert_eq!(sent.len(), 1);
    end(board, sent[0], status(200), now, 0);
}

/// Opens the breaker of a lane that has postbacks ready.
fn open(board: &mut Board, now: Now) {
    for _ in 0..5 {
        let sent = fill(board, now, 1);
        end(board, sent[0], timeout(), now, 3_600_000);
    }
    assert_eq!(board.view(now)[0].state, LaneState::Open);
}

#[test]
fn lanes_take_turns_and_none_gets_beyond_its_concurrency() {
    let mut board = Board::new(64);
    let urls = ["http://a/", "http://b/"];
    for (lane, url) in urls.iter().enumerate() {
        healthy(&mut board, lane as u64, url, at(0));
    }
    for (lane, url) in urls.iter().enumerate() {
        for n in 0..10 {
            add(&mut board, &postback(100 * (lane as u64 + 1) + n, T0, url), at(0));
        }
    }
    let sent = fill(&mut board, at(0), 5);
    assert_eq!(sent.len(), 5);
    assert_eq!(fill(&mut board, at(0), 64).len(), 3, "four each");
    assert_eq!(fill(&mut board, at(0), 64).len(), 0);
    assert_eq!(board.view(at(0)).iter().map(|l| l.in_flight).sum::<usize>(), 8);
}

#[test]
fn failing_lanes_hold_a_quarter_of_the_workers_and_leave_the_rest_to_good_ones() {
    let mut board = Board::new(64);
    healthy(&mut board, 1, "http://good/", at(0));
    for lane in 0..100 {
        for n in 0..10 {
            add(
                &mut board,
                &postback(1_000 + lane * 10 + n, T0, &format!("http://dead{lane}/")),
                at(0),
            );
        }
    }
    let first = fill(&mut board, at(0), 64);
    assert_eq!(
        first.len(),
        48,
        "new lanes: one each, three quarters of the workers at most"
    );
    for n in 0..10 {
        add(&mut board, &postback(10_000 + n, T0, "http://good/"), at(1));
    }
    assert_eq!(
        fill(&mut board, at(1), 16).len(),
        4,
        "the good lane is not held up"
    );
    for dispatch in first {
        end(&mut board, dispatch, timeout(), at(10_000), 5_000);
    }
    // All heard of by now are bad; let the others fail too.
    for round in 1..4 {
        for dispatch in fill(&mut board, at(10_000 + round), 60) {
            end(&mut board, dispatch, timeout(), at(10_000 + round), 5_000);
        }
    }
    let bad = fill(&mut board, at(20_000), 60);
    assert!(bad.len() <= 16, "{}", bad.len());
}

#[test]
fn probes_are_each_of_another_rule_and_recovery_lets_everything_go() {
    let mut board = Board::new(64);
    for n in 0..30 {
        let rule = ["ra0", "rb0", "rc0"][n as usize % 3];
        add(&mut board, &by_rule(n, "http://a/", rule), at(0));
    }
    open(&mut board, at(0));
    assert_eq!(
        board.view(at(0))[0].ready,
        30,
        "what failed because of the destination is parked"
    );
    assert_eq!(board.next_timer_ms(), None);
    let mut probed = Vec::new();
    for (wait, _) in [1_000, 3_000, 7_000].iter().zip(0..) {
        assert!(fill(&mut board, at(wait - 1), 64).is_empty());
        let sent = fill(&mut board, at(*wait), 64);
        assert_eq!((sent.len(), sent[0].is_probe), (1, true));
        let flow = board.index.get(sent[0].slot).flow;
        probed.push(board.flows[flow as usize].origin);
        end(&mut board, sent[0], timeout(), at(*wait), 0);
    }
    probed.sort_unstable();
    probed.dedup();
    assert_eq!(probed.len(), 3);
    let probe = fill(&mut board, at(15_000), 64);
    end(&mut board, probe[0], status(200), at(15_000), 0);
    let mut left = 29;
    for round in [2, 4, 8, 15] {
        let sent = fill(&mut board, at(15_001), 64);
        assert_eq!(sent.len(), round, "doubling");
        left -= sent.len();
        for dispatch in sent {
            end(&mut board, dispatch, status(200), at(15_001), 0);
        }
    }
    assert_eq!((left, board.waiting()), (0, 0));
}

#[test]
fn a_floor_and_a_failure_of_its_own_keep_a_postback_from_the_drain() {
    let mut board = Board::new(64);
    healthy(&mut board, 1, "http://a/", at(0));
    for n in 2..4 {
        add(&mut board, &postback(n, T0, "http://a/"), at(0));
    }
    let sent = fill(&mut board, at(0), 64);
    end(&mut board, sent[0], status(404), at(0), 60_000);
    let asked = Outcome::Answered {
        status: 500,
        retry_after_s: Some(120),
    };
    end(&mut board, sent[1], asked, at(0), 120_000);
    for n in 10..20 {
        add(&mut board, &postback(n, T0, "http://a/"), at(0));
    }
    open(&mut board, at(0));
    assert_eq!(board.view(at(0))[0].ready, 10);
    let probe = fill(&mut board, at(1_000), 64);
    end(&mut board, probe[0], status(200), at(1_000), 0);
    let mut seen = Vec::new();
    for ms in [2_000, 2_001, 2_002, 59_999, 60_000, 119_999, 120_000] {
        for dispatch in fill(&mut board, at(ms), 64) {
            seen.push((ms, dispatch.number));
            end(&mut board, dispatch, status(200), at(ms), 0);
        }
    }
    let late: Vec<_> = seen.into_iter().filter(|(ms, _)| *ms > 3_000).collect();
    assert_eq!(late, [(60_000, 2), (120_000, 2)]);
}

#[test]
fn first_attempts_go_before_retries_except_every_fourth() {
    let mut board = Board::new(64);
    healthy(&mut board, 0, "http://a/", at(0));
    let answered = Attempt {
        number: 1,
        at_ms: T0,
        duration_ms: 1,
        url: String::new(),
        outcome: status(500),
        headers: vec![],
        excerpt: String::new(),
        remote_addr: None,
        is_manual: false,
        verdict: None,
        said: String::new(),
    };
    for n in 1..=8 {
        let retry = Postback {
            attempts: 1,
            last: Some(answered.clone()),
            ..postback(n, T0, "http://a/")
        };
        add(&mut board, &retry, at(0));
        add(&mut board, &postback(100 + n, T0, "http://a/"), at(0));
    }
    let mut order = String::new();
    for _ in 0..8 {
        let sent = fill(&mut board, at(0), 1);
        order.push(if sent[0].number == 1 { 'f' } else { 'r' });
        end(&mut board, sent[0], status(200), at(0), 0);
    }
    assert_eq!(order.matches('r').count(), 2, "{order}");
}

#[test]
fn later_statuses_wait_across_rules_and_lanes_until_the_earlier_one_is_durable() {
    let mut board = Board::new(64);
    let conversion = ActivityId::new(T0, 1);
    let approval = ActivityId::new(T0 + 5, 2);
    let status_of = |n, activity, url: &str, rule: &str| Postback {
        activity,
        order_key: Some(conversion),
        ..by_rule(n, url, rule)
    };
    for (n, url) in ["http://a/", "http://b/", "http://c/", "http://d/"]
        .iter()
        .enumerate()
    {
        healthy(&mut board, 900 + n as u64, url, at(0));
    }
    add(&mut board, &status_of(1, conversion, "http://a/", "ra0"), at(0));
    add(&mut board, &status_of(2, conversion, "http://b/", "rb0"), at(0));
    let mut later = status_of(3, approval, "http://c/", "ra0");
    later.id = PostbackId::new(T0 + 5, 3);
    add(&mut board, &later, at(0));
    let mut other = status_of(4, approval, "http://d/", "ra0");
    (other.id, other.partner) = (PostbackId::new(T0 + 5, 4), Some("partner2".parse().unwrap()));
    add(&mut board, &other, at(0));
    let sent = fill(&mut board, at(1), 64);
    assert_eq!(sent.len(), 3, "both of the conversion, and the other partner's");
    assert!(sent.iter().all(|d| d.id != later.id));
    let mine: Vec<_> = sent.into_iter().filter(|d| d.id != other.id).collect();
    end(&mut board, mine[0], status(200), at(2), 0);
    assert!(fill(&mut board, at(2), 64).is_empty());
    let ended = Ended {
        held: None,
        dispatch: mine[1],
        outcome: Some(status(200)),
        next: PostbackState::Delivered { at_ms: T0 },
        attempts: 1,
    };
    board.ended(&ended, at(3));
    assert!(fill(&mut board, at(3), 64).is_empty(), "not durable yet");
    board.durable(mine[1].slot, mine[1].id, at(4));
    assert_eq!(
        fill(&mut board, at(4), 64)
            .iter()
            .map(|d| d.id)
            .collect::<Vec<_>>(),
        [later.id]
    );
}

#[test]
fn an_operator_can_send_now_and_cancel() {
    let mut board = Board::new(64);
    healthy(&mut board, 0, "http://a/", at(0));
    for n in 1..=4 {
        let mut waiting = postback(n, T0, "http://a/");
        waiting.state = PostbackState::Waiting {
            due_at_ms: T0 + 3_600_000,
        };
        add(&mut board, &waiting, at(0));
    }
    let id = |n| PostbackId::new(T0, n);
    assert!(fill(&mut board, at(1), 64).is_empty());
    board.make_due(&[id(1), id(2), id(99)], at(2));
    let sent = fill(&mut board, at(2), 64);
    assert_eq!(
        sent.iter().map(|d| (d.id, d.is_manual)).collect::<Vec<_>>(),
        [(id(1), true), (id(2), true)]
    );
    board.cancel(&[id(1), id(3), id(4)], at(3));
    assert_eq!(board.waiting(), 2, "one on the wire ends first");
    end(&mut board, sent[0], status(500), at(4), 1);
    end(&mut board, sent[1], status(500), at(4), 1);
    assert_eq!(board.waiting(), 1);
    let again = fill(&mut board, at(3_600_005), 64);
    assert_eq!(
        again.iter().map(|d| (d.id, d.is_manual)).collect::<Vec<_>>(),
        [(id(2), false)]
    );
}

#[test]
fn idle_lanes_are_forgotten_and_their_numbers_used_again() {
    let mut board = Board::new(64);
    for n in 0..100 {
        healthy(&mut board, n, &format!("http://lane{n}/"), at(0));
    }
    fill(&mut board, at(1), 1);
    board.tidy(at(10 * 60 * 1_000 + 1), |_, _| DeliveryPolicy::default());
    assert!(board.view(at(0)).is_empty());
    healthy(&mut board, 1_000, "http://again/", at(700_000));
    assert_eq!(board.lanes.len(), 100);
}

#[test]
fn partners_of_one_lane_keep_their_own_rates() {
    let mut board = Board::new(64);
    healthy(&mut board, 0, "http://a/", at(0));
    let slow = || DeliveryPolicy {
        max_per_second: Some(0.5),
        ..DeliveryPolicy::default()
    };
    for n in 1..=3 {
        let mut waiting = postback(n, T0, "http://a/");
        waiting.partner = Some("slow".parse().unwrap());
        board
            .add(&Item::of(&waiting, |_| None).unwrap(), at(0), slow)
            .unwrap();
        add(&mut board, &postback(10 + n, T0, "http://a/"), at(0));
    }
    let mut sent = Vec::new();
    assert_eq!(board.fill(at(0), 64, &mut sent), None, "full");
    assert_eq!(sent.len(), 4, "one of the slow partner, three of the other");
    for dispatch in sent.drain(..) {
        end(&mut board, dispatch, status(200), at(1), 0);
    }
    assert_eq!(board.fill(at(1), 64, &mut sent), Some(2_000));
    assert_eq!(board.fill(at(2_000), 64, &mut sent), Some(4_000));
    assert_eq!(sent.len(), 1);
}

proptest! {
    /// Whatever happens: nothing is on the wire twice, counts agree, and once every destination answers all
    /// that was not cancelled is delivered.
    #[test]
    fn nothing_is_lost_or_sent_twice_at_once(
        steps in prop::collection::vec((0u8..8, 0u64..60, 0i64..3_000), 1..300),
    ) {
        let mut board = Board::new(8);
        let mut wire: Vec<Dispatch> = Vec::new();
        let mut added = std::collections::HashSet::new();
        let mut gone = std::collections::HashSet::new();
        let mut now = 0;
        for (what, n, wait) in steps {
            now += wait;
            let conversion = ActivityId::new(T0, n % 7);
            match what {
                0..=2 if added.insert(n) => {
                    let waiting = Postback {
                        order_key: (n % 3 == 0).then_some(conversion),
                        ..by_rule(n, &format!("http://lane{}/", n % 4), ["ra0", "rb0"][(n % 2) as usize])
                    };
                    add(&mut board, &waiting, at(now));
                }
                3 | 4 => {
                    for dispatch in fill(&mut board, at(now), 8 - wire.len()) {
                        prop_assert!(wire.iter().all(|other| other.id != dispatch.id));
                        prop_assert!(!gone.contains(&dispatch.id));
                        wire.push(dispatch);
                    }
                }
                5 | 6 if !wire.is_empty() => {
                    let dispatch = wire.remove(n as usize % wire.len());
                    let outcome = [status(200), timeout(), status(404), timeout()][n as usize % 4].clone();
                    if retry::is_delivered(&outcome) {
                        gone.insert(dispatch.id);
                    }
                    end(&mut board, dispatch, outcome, at(now), 5_000);
                }
                7 if n % 5 == 0 => {
                    let id = PostbackId::new(T0, n);
                    if added.contains(&n) {
                        gone.insert(id);
                    }
                    board.cancel(&[id], at(now));
                }
                7 => board.make_due(&[PostbackId::new(T0, n)], at(now)),
                _ => {}
            }
        }
        for _ in 0..400 {
            now += 1_000;
            for dispatch in wire.drain(..) {
                gone.insert(dispatch.id);
                end(&mut board, dispatch, status(200), at(now), 0);
            }
            wire = fill(&mut board, at(now), 8);
        }
        prop_assert_eq!(board.waiting(), 0);
        prop_assert_eq!(gone.len(), added.len());
        prop_assert_eq!(board.undurable(), 0);
        prop_assert!(board.view(at(now)).iter().all(|lane| lane.waiting == 0 && lane.ready == 0 && lane.in_flight == 0));
    }
}

#[test]
fn what_is_rendered_anew_keeps_its_place_in_the_order_and_goes_where_it_is_to_go_now() {
    let mut board = Board::new(8);
    let conversion = ActivityId::new(T0, 1);
    let of = |n: u64, activity: ActivityId, url: &str| Postback {
        activity,
        order_key: Some(conversion),
        ..postback(n, T0 + i64::try_from(n).unwrap(), url)
    };
    let later = Postback {
        state: PostbackState::Waiting {
            due_at_ms: T0 + 3_600_000,
        },
        ..of(1, conversion, "http://old.example/first")
    };
    add(&mut board, &later, at(0));
    add(
        &mut board,
        &of(2, ActivityId::new(T0, 2), "http://old.example/second"),
        at(0),
    );
    assert!(
        fill(&mut board, at(1), 8).is_empty(),
        "an hour to go, the other behind it"
    );
    // To another host, and now: the later status still waits for it.
    let anew = of(1, conversion, "http://new.example/first");
    let item = Item::of(&anew, |_| None).expect("waits");
    assert!(board.replace(&item, at(2)));
    let sent = fill(&mut board, at(3), 8);
    assert_eq!(sent.iter().map(|d| d.id).collect::<Vec<_>>(), [anew.id]);
    assert!(!board.replace(&item, at(3)), "it is on the wire");
    let lanes = board.view(at(3));
    let waiting: Vec<_> = lanes
        .iter()
        .map(|lane| (lane.lane.to_string(), lane.waiting))
        .collect();
    assert_eq!(
        waiting,
        [
            ("http://new.example:80".into(), 1),
            ("http://old.example:80".into(), 1)
        ]
    );
    end(&mut board, sent[0], status(200), at(4), 0);
    let sent = fill(&mut board, at(5), 8);
    assert_eq!(sent.len(), 1, "now the later status");
    assert!(!board.replace(&item, at(5)), "it is not known any more");
    // One that is ready, and one behind another, are replaced where they are.
    add(
        &mut board,
        &of(3, ActivityId::new(T0, 3), "http://old.example/third"),
        at(6),
    );
    let third = of(3, ActivityId::new(T0, 3), "http://new.example/third");
    assert!(board.replace(&Item::of(&third, |_| None).expect("waits"), at(6)));
    assert!(
        fill(&mut board, at(7), 8).is_empty(),
        "behind the one on the wire"
    );
    end(&mut board, sent[0], status(200), at(8), 0);
    let sent = fill(&mut board, at(9), 8);
    assert_eq!(sent.len(), 1);
    end(&mut board, sent[0], status(200), at(9), 0);
    add(&mut board, &postback(9, T0, "http://old.example/free"), at(10));
    let free = postback(9, T0, "http://new.example/free");
    assert!(board.replace(&Item::of(&free, |_| None).expect("waits"), at(10)));
    let sent = fill(&mut board, at(11), 8);
    assert_eq!(sent.len(), 1, "once");
    end(&mut board, sent[0], status(200), at(12), 0);
    assert_eq!((board.waiting(), board.undurable()), (0, 0));
}
