use super::*;
use proptest::prelude::*;

const POLICY: AlertPolicy = AlertPolicy {
    partner_after_ms: 300,
    settle_ms: 60,
    quiet_ms: 1800,
};

fn lane(standing: LaneStanding) -> Facts {
    Facts {
        lanes: vec![LaneFact {
            lane: "https://a.example:443".into(),
            partners: vec!["A".into()],
            standing,
            waiting: 3,
        }],
        disk_free_mb: 10_000,
        disk_needed_mb: 512,
        ..Facts::default()
    }
}

/// What is said at each time: `+` it has begun, `-` it is over.
fn said(watch: &mut Watch, turns: &[(i64, LaneStanding)]) -> String {
    let mut text = String::new();
    for (at_ms, standing) in turns {
        for notice in watch.step(*at_ms, &judge(&lane(*standing)), &POLICY) {
            assert_eq!(notice.key.kind, AlertKind::PartnerFailing);
            text += &match notice.over_at_ms {
                None => format!("+{at_ms} "),
                Some(over_ms) => format!("-{over_ms} "),
            };
        }
    }
    text
}

#[test]
fn a_destination_is_said_once_and_ended_once() {
    use LaneStanding::{Refusing, Unknown, Unreachable, Well};
    for (turns, expected) in [
        (&[(0, Well), (1000, Well)][..], ""),
        // Too short.
        (
            &[(0, Unreachable), (299, Unreachable), (300, Well), (900, Well)],
            "",
        ),
        // Said once, ended after it has been well for a while, with the time at which it became well.
        (
            &[
                (0, Unreachable),
                (300, Unreachable),
                (900, Refusing(404)),
                (1000, Well),
                (1059, Well),
                (1060, Well),
                (2000, Well),
            ],
            "+300 -1000 ",
        ),
        // A short recovery does not end it.
        (
            &[
                (0, Refusing(500)),
                (300, Refusing(500)),
                (310, Well),
                (320, Refusing(500)),
                (390, Refusing(500)),
                (400, Well),
                (460, Well),
            ],
            "+300 -400 ",
        ),
        // A short recovery before it is said begins the time anew.
        (
            &[
                (0, Unreachable),
                (250, Well),
                (260, Unreachable),
                (500, Unreachable),
                (560, Unreachable),
            ],
            "+560 ",
        ),
        // It comes back soon: not before the quiet time is over.
        (
            &[
                (0, Unreachable),
                (300, Unreachable),
                (400, Well),
                (460, Well),
                (500, Unreachable),
                (900, Unreachable),
                (2099, Unreachable),
                (2100, Unreachable),
            ],
            "+300 -400 +2100 ",
        ),
        // Nothing is known for a while (a restart): it stands.
        (
            &[
                (0, Unreachable),
                (300, Unreachable),
                (400, Unknown),
                (5000, Unknown),
                (6000, Well),
                (6060, Well),
            ],
            "+300 -6000 ",
        ),
        (&[(0, Unknown), (9000, Unknown)], ""),
    ] {
        assert_eq!(said(&mut Watch::default(), turns), expected, "{turns:?}");
    }
}

#[test]
fn what_is_followed_survives_its_stored_form() {
    use LaneStanding::{Unreachable, Well};
    let mut watch = Watch::default();
    assert_eq!(said(&mut watch, &[(0, Unreachable), (300, Unreachable)]), "+300 ");
    let stored = serde_json::to_vec(&watch).unwrap();
    let mut again: Watch = serde_json::from_slice(&stored).unwrap();
    assert_eq!(again.open().count(), 1);
    assert_eq!(
        said(&mut again, &[(400, Unreachable), (500, Well), (560, Well)]),
        "-500 "
    );
}

#[test]
fn what_nobody_can_know_any_more_is_dropped_in_silence() {
    use LaneStanding::Unreachable;
    let mut watch = Watch::default();
    said(&mut watch, &[(0, Unreachable), (300, Unreachable)]);
    let nothing = judge(&Facts {
        lanes: vec![],
        ..lane(Unreachable)
    });
    assert_eq!(watch.step(FORGET_MS, &nothing, &POLICY), []);
    assert_eq!(watch.open().count(), 1);
    assert_eq!(watch.step(FORGET_MS + 300, &nothing, &POLICY), []);
    assert_eq!(watch, Watch::default());
}

#[test]
fn figures_are_judged() {
    let code = |judgement| match judgement {
        Judgement::Wrong(_) => 'x',
        Judgement::Well => '.',
        Judgement::Unclear => '?',
    };
    let queue: String = [0, 14, 15, 60, 61]
        .map(|age_s| code(judge_queue(age_s)))
        .iter()
        .collect();
    assert_eq!(queue, "..??x");
    let disk: String = [0, 767, 768, 1024, 1025]
        .map(|free| code(judge_disk(free, 512)))
        .iter()
        .collect();
    assert_eq!(disk, "xx??.");
    for ((accepted, refused), (day_accepted, day_refused), expected) in [
        ((0, 0), (0, 0), '.'),
        ((0, 9), (0, 0), '.'),
        ((0, 10), (0, 0), 'x'),
        ((23, 10), (1000, 0), 'x'),
        ((24, 10), (1000, 0), '?'),
        ((40, 10), (1000, 0), '?'),
        ((41, 10), (1000, 0), '.'),
        // Half are refused, as always.
        ((10, 10), (100, 100), '?'),
        ((10, 10), (500, 100), 'x'),
        ((10, 10), (499, 100), '?'),
    ] {
        let tally = |accepted, refused| Tally { accepted, refused };
        let judged = judge_refusals(tally(accepted, refused), tally(day_accepted, day_refused));
        assert_eq!(
            code(judged),
            expected,
            "{accepted} {refused} after {day_accepted} {day_refused}"
        );
    }
}

proptest! {
    /// Whatever happens: beginnings and ends alternate, and two beginnings are the quiet time apart.
    #[test]
    fn beginnings_and_ends_alternate(turns in proptest::collection::vec((1i64..400, 0u8..4), 1..200)) {
        let (mut watch, mut now_ms, mut is_open, mut said_at) = (Watch::default(), 0, false, None);
        for (after, standing) in turns {
            now_ms += after;
            let standing = match standing {
                0 => LaneStanding::Well,
                1 => LaneStanding::Unknown,
                2 => LaneStanding::Unreachable,
                _ => LaneStanding::Refusing(500),
            };
            for notice in watch.step(now_ms, &judge(&lane(standing)), &POLICY) {
                prop_assert_eq!(notice.over_at_ms.is_some(), is_open);
                if !is_open {
                    prop_assert!(said_at.is_none_or(|at| now_ms - at >= POLICY.quiet_ms));
                    prop_assert!(now_ms - notice.since_ms >= POLICY.partner_after_ms);
                    said_at = Some(now_ms);
                }
                is_open = !is_open;
            }
            prop_assert_eq!(watch.open().count() == 1, is_open);
        }
    }
}

#[test]
fn failed_checks_of_known_senders() {
    for (failed_checks, is_wrong, is_well) in [
        (0, false, true),
        (4, false, true),
        (5, false, false),
        (9, false, false),
        (10, true, false),
        (1_000, true, false),
    ] {
        let facts = Facts {
            failed_checks,
            ..lane(LaneStanding::Well)
        };
        let key = AlertKey {
            kind: AlertKind::ChecksFailing,
            subject: String::new(),
        };
        let judged = &judge(&facts)[&key];
        assert_eq!(matches!(judged, Judgement::Wrong(_)), is_wrong, "{failed_checks}");
        assert_eq!(*judged == Judgement::Well, is_well, "{failed_checks}");
    }
}

#[test]
fn postbacks_that_outlived_their_time_are_said_at_once_and_ended() {
    let facts = |overdue| Facts {
        overdue,
        disk_free_mb: 10_000,
        disk_needed_mb: 512,
        ..Facts::default()
    };
    let mut watch = Watch::default();
    let mut said = |at_ms, overdue| {
        let notices = watch.step(at_ms, &judge(&facts(overdue)), &POLICY);
        notices
            .into_iter()
            .map(|notice| (notice.key.kind, notice.over_at_ms.is_some()))
            .collect::<Vec<_>>()
    };
    assert_eq!(said(0, 0), []);
    assert_eq!(said(1, 7), [(AlertKind::PostbacksOverdue, false)]);
    assert_eq!(said(30, 3), []);
    assert_eq!(said(40, 0), []);
    assert_eq!(said(100, 0), [(AlertKind::PostbacksOverdue, true)]);
}
