use super::*;
use crate::domain::postback::ErrorClass;
use proptest::prelude::*;

fn status(status: u16) -> Outcome {
    Outcome::Answered {
        status,
        retry_after_s: None,
    }
}

fn timeout() -> Outcome {
    Outcome::Error {
        class: ErrorClass::Timeout,
        message: String::new(),
    }
}

fn exchange(lane: &mut Lane, now: i64, outcome: &Outcome) -> Change {
    let permit = lane.permit(now);
    assert!(matches!(permit, Permit::Send | Permit::Probe), "{permit:?}");
    lane.sent(now, permit == Permit::Probe);
    lane.ended(now, outcome, permit == Permit::Probe)
}

fn opened() -> Lane {
    let mut lane = Lane::new(64);
    for n in 0..5 {
        let change = exchange(&mut lane, 0, &timeout());
        assert_eq!(
            change,
            if n == 4 { Change::Opened } else { Change::None },
            "failure {n}"
        );
    }
    lane
}

#[test]
fn a_new_lane_sends_one_until_it_answers_then_four_and_more() {
    let mut lane = Lane::new(64);
    assert_eq!((lane.standing(0), lane.concurrency()), (Standing::New, 1));
    exchange(&mut lane, 0, &status(200));
    assert_eq!((lane.standing(0), lane.concurrency()), (Standing::Good, 4));
    for _ in 0..200 {
        exchange(&mut lane, 0, &status(204));
    }
    assert_eq!(lane.concurrency(), 16);
    for _ in 0..4 {
        exchange(&mut lane, 0, &timeout());
    }
    assert_eq!(lane.concurrency(), 15);
    assert_eq!(lane.standing(0), Standing::Bad);
}

#[test]
fn only_a_row_of_failures_of_the_destination_opens_the_breaker() {
    let mut lane = Lane::new(64);
    for _ in 0..4 {
        exchange(&mut lane, 0, &timeout());
    }
    for outcome in [status(500), status(404), status(302)] {
        assert_eq!(exchange(&mut lane, 0, &outcome), Change::None);
        for _ in 0..4 {
            assert_eq!(
                exchange(&mut lane, 0, &timeout()),
                Change::None,
                "after {outcome:?}"
            );
        }
    }
    assert_eq!(exchange(&mut lane, 0, &status(503)), Change::Opened);
}

#[test]
fn probes_come_at_one_two_four_to_sixty_seconds() {
    let mut lane = opened();
    let mut now = 0;
    let mut gaps = Vec::new();
    for _ in 0..9 {
        let Permit::NotBefore(at) = lane.permit(now) else {
            panic!("sends while open")
        };
        gaps.push((at - now) / 1000);
        now = at;
        assert_eq!(lane.permit(now), Permit::Probe);
        lane.sent(now, true);
        assert_eq!(lane.permit(now), Permit::Full, "one probe at a time");
        assert_eq!(lane.ended(now, &timeout(), true), Change::None);
    }
    assert_eq!(gaps, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
}

#[test]
fn an_answered_probe_recovers_and_concurrency_doubles_each_round() {
    for answer in [status(200), status(500), status(404)] {
        let mut lane = opened();
        assert_eq!(exchange(&mut lane, 1_000, &answer), Change::Recovered);
        let mut rounds = Vec::new();
        for _ in 0..4 {
            let round = lane.concurrency();
            rounds.push(round);
            (0..round).for_each(|_| lane.sent(1_000, false));
            (0..round).for_each(|_| assert_eq!(lane.ended(1_000, &status(200), false), Change::None));
        }
        assert_eq!(rounds, [2, 4, 8, 16], "{answer:?}");
    }
}

#[test]
fn a_straggler_that_fails_does_not_delay_the_probe() {
    let mut lane = Lane::new(64);
    exchange(&mut lane, 0, &status(200));
    (0..4).for_each(|_| lane.sent(0, false));
    for _ in 0..3 {
        lane.ended(10_000, &timeout(), false);
    }
    exchange(&mut lane, 10_000, &timeout());
    assert_eq!(exchange(&mut lane, 10_000, &timeout()), Change::Opened);
    let before = lane.next_probe_ms();
    assert_eq!(lane.ended(10_500, &timeout(), false), Change::None);
    assert_eq!(lane.next_probe_ms(), before);
}

#[test]
fn retry_after_pauses_the_lane_for_a_quarter_of_an_hour_at_most() {
    for (asked, paused) in [(30, 30_000), (21_600, 900_000)] {
        let mut lane = Lane::new(64);
        let outcome = Outcome::Answered {
            status: 429,
            retry_after_s: Some(asked),
        };
        exchange(&mut lane, 0, &outcome);
        assert_eq!(lane.permit(paused - 1), Permit::NotBefore(paused));
        assert_eq!(lane.permit(paused), Permit::Send);
    }
    let mut lane = Lane::new(64);
    let outcome = Outcome::Answered {
        status: 404,
        retry_after_s: Some(30),
    };
    exchange(&mut lane, 0, &outcome);
    assert_eq!(lane.permit(0), Permit::Send, "a 404 speaks of one postback only");
}

#[test]
fn silence_makes_a_lane_bad_and_an_answer_good_again() {
    let mut lane = Lane::new(64);
    exchange(&mut lane, 0, &status(200));
    lane.sent(5_000, false);
    lane.sent(5_000, false);
    assert_eq!(lane.standing(6_000), Standing::Good);
    assert_eq!(lane.standing(6_001), Standing::Bad);
    lane.ended(7_000, &status(200), false);
    assert_eq!(lane.standing(7_500), Standing::Good);
}

#[test]
fn workers_are_divided() {
    let shares = Shares { bad: 16, new: 0 };
    assert!(!shares.allow(Standing::Bad, 64) && shares.allow(Standing::New, 64));
    let shares = Shares { bad: 8, new: 40 };
    assert!(!shares.allow(Standing::Bad, 64) && !shares.allow(Standing::New, 64));
    assert!(shares.allow(Standing::Good, 64));
    assert!(
        Shares::default().allow(Standing::New, 1),
        "one worker serves everyone"
    );
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        3 => Just(status(200)),
        1 => Just(status(500)),
        1 => Just(status(404)),
        4 => Just(timeout()),
        1 => (0u32..100_000).prop_map(|s| Outcome::Answered { status: 429, retry_after_s: Some(s) }),
        1 => Just(Outcome::Error { class: ErrorClass::Malformed, message: String::new() }),
    ]
}

proptest! {
    /// Whatever happens, bounds hold, a lane is never stuck, and an open one sends only single probes.
    #[test]
    fn any_history_keeps_the_promises(
        workers in 1usize..200,
        steps in prop::collection::vec((any_outcome(), 0i64..20_000, any::<bool>()), 1..200),
    ) {
        let mut lane = Lane::new(workers);
        let mut wire: Vec<bool> = Vec::new();
        let mut now = 0;
        for (outcome, wait, is_arrival) in steps {
            now += wait;
            if is_arrival || wire.is_empty() {
                match lane.permit(now) {
                    Permit::Send => {
                        prop_assert!(!lane.is_open());
                        lane.sent(now, false);
                        wire.push(false);
                    }
                    Permit::Probe => {
                        prop_assert!(lane.is_open() && !wire.contains(&true));
                        lane.sent(now, true);
                        wire.push(true);
                    }
                    Permit::NotBefore(at) => {
                        prop_assert!(at > now && at - now <= MOST_PAUSE_MS);
                        prop_assert!(!matches!(lane.permit(at), Permit::NotBefore(_)) || lane.permit(at) == Permit::NotBefore(lane.next_probe_ms().unwrap_or(at)));
                    }
                    Permit::Full => prop_assert!(!wire.is_empty(), "full with nothing on the wire"),
                }
            } else {
                let is_probe = wire.remove(0);
                let was_open = lane.is_open();
                let change = lane.ended(now, &outcome, is_probe);
                match change {
                    Change::Opened => prop_assert!(!was_open && lane.is_open()),
                    Change::Recovered => prop_assert!(was_open && !lane.is_open()),
                    Change::None => prop_assert_eq!(was_open, lane.is_open()),
                }
            }
            prop_assert_eq!(usize::from(lane.on_wire()), wire.len());
            prop_assert!(lane.concurrency() >= 1 && lane.concurrency() <= 20);
            prop_assert!(usize::from(lane.concurrency()) <= (workers / 4).max(1));
        }
    }

    /// Bad lanes never get beyond a quarter by being given one more.
    #[test]
    fn bad_lanes_hold_a_quarter_at_most(workers in 4usize..200, asks in prop::collection::vec(0u8..3, 0..400)) {
        let mut shares = Shares::default();
        let mut good = 0;
        for ask in asks {
            let standing = [Standing::Good, Standing::New, Standing::Bad][usize::from(ask)];
            if shares.bad + shares.new + good < workers && shares.allow(standing, workers) {
                if standing == Standing::Good { good += 1 } else { shares.add(standing, 1) }
            }
            prop_assert!(shares.bad <= workers / 4);
            prop_assert!(shares.bad + shares.new <= workers - workers / 4);
        }
    }
}
