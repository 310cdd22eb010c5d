//! What time does to what waits: greatest ages, long outages, clocks that leap.

use super::*;

#[test]
fn what_outlived_its_time_is_given_up_wherever_it_waits() {
    let mut board = Board::new(64);
    for n in 0..8 {
        add(&mut board, &postback(n, T0, "http://a/"), at(0));
    }
    open(&mut board, at(0));
    let ttl = 96 * 3_600_000;
    let sweep = |board: &mut Board, now| {
        let mut overdue = Vec::new();
        while !board.sweep(now, 3, &mut overdue) {}
        overdue
    };
    assert!(sweep(&mut board, at(ttl - 1)).is_empty());
    let overdue = sweep(&mut board, at(ttl));
    assert_eq!(overdue.len(), 8);
    for over in overdue {
        let expected = PostbackState::Failed {
            at_ms: T0 + ttl,
            reason: FailReason::Expired,
        };
        assert_eq!(over.next, expected);
        assert!(board.durable(over.slot, over.id, at(ttl)));
    }
    assert_eq!((board.waiting(), board.undurable()), (0, 0));
    assert!(fill(&mut board, at(ttl + 60_000), 64).is_empty());
}

fn swept(board: &mut Board, now: Now) -> usize {
    let mut overdue = Vec::new();
    while !board.sweep(now, 3, &mut overdue) {}
    overdue.len()
}

const HOUR: i64 = 3_600_000;

#[test]
fn after_a_long_time_off_everything_is_tried_before_it_is_given_up() {
    let mut board = Board::new(64);
    let later = |ms: i64| Now {
        wall_ms: T0 + 100 * HOUR + ms,
        mono_ms: ms,
    };
    for n in 0..3 {
        add(&mut board, &postback(n, T0, "http://a/"), later(0));
    }
    assert_eq!(board.overdue(later(0)), 3);
    assert_eq!(swept(&mut board, later(0)), 0);
    let sent = fill(&mut board, later(1), 64);
    assert_eq!(sent.len(), 1);
    end(&mut board, sent[0], timeout(), later(2), 60_000);
    assert_eq!(swept(&mut board, later(3)), 1, "what was tried");
    assert_eq!(swept(&mut board, later(23 * HOUR)), 0);
    assert_eq!(swept(&mut board, later(24 * HOUR)), 2, "a day is enough");
}

#[test]
fn a_clock_that_leaps_gives_nothing_up_and_leaves_nothing_behind() {
    let mut board = Board::new(64);
    assert_eq!(board.notice_clock(at(0)), None);
    for n in 0..2 {
        add(&mut board, &postback(n, T0, "http://a/"), at(0));
    }
    let sent = fill(&mut board, at(0), 64);
    end(&mut board, sent[0], status(500), at(1), 3 * HOUR);
    assert_eq!(board.notice_clock(at(1_000)), None);
    let ahead = |ms: i64| Now {
        wall_ms: T0 + 1_000 * HOUR + ms,
        mono_ms: ms,
    };
    assert_eq!(board.notice_clock(ahead(2_000)), Some(1_000 * HOUR));
    assert_eq!(swept(&mut board, ahead(2_000)), 0);
    // Both are tried and due again while the clock is ahead; then it is set right.
    for dispatch in fill(&mut board, ahead(2_001), 64) {
        end(&mut board, dispatch, status(500), ahead(2_002), HOUR);
    }
    for dispatch in fill(&mut board, ahead(2_003), 64) {
        end(&mut board, dispatch, status(500), ahead(2_004), HOUR);
    }
    assert!(fill(&mut board, ahead(2_005), 64).is_empty());
    assert_eq!(board.notice_clock(at(3_000)), Some(-1_000 * HOUR));
    assert!(!fill(&mut board, at(3_001), 64).is_empty(), "due at once");
    // A due time of such a clock that comes from the disk is not believed either.
    let mut stored = postback(9, T0, "http://b/");
    stored.state = PostbackState::Waiting {
        due_at_ms: T0 + 1_000 * HOUR,
    };
    add(&mut board, &stored, at(4_000));
    let sent = fill(&mut board, at(4_001), 64);
    assert!(sent.iter().any(|dispatch| dispatch.id == stored.id));
}
