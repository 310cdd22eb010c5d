use super::*;
use crate::domain::offer::AttributionPolicy;
use proptest::prelude::*;

const AT: i64 = 1_795_000_000_000;
const H: i64 = 3_600_000;
const MIN: i64 = 60_000;

fn engagement(link: &str, before_ms: i64, is_view: bool, matched_by: MatchType) -> Engagement {
    let at_ms = AT - before_ms;
    let random = link
        .bytes()
        .fold(u64::from(is_view), |n, b| n * 31 + u64::from(b));
    Engagement {
        id: SessionId::new(at_ms, random * 7 + u64::from(directness(matched_by))),
        at_ms,
        is_view,
        link: link.parse().unwrap(),
        matched_by,
        is_automated: false,
        is_test: false,
        no_reattribution: false,
        windows: Windows::default(),
    }
}

fn click(link: &str, before_ms: i64) -> Engagement {
    engagement(link, before_ms, false, MatchType::DeviceTag)
}

fn install() -> Install {
    Install {
        at_ms: AT,
        download_at_ms: None,
        is_test: false,
        rejection: None,
    }
}

fn winner(decision: &Decision) -> Option<&str> {
    decision.winner().map(|e| e.link.as_str())
}

fn lost<'d>(decision: &'d Decision, link: &str) -> &'d str {
    let judged = decision
        .judged
        .iter()
        .find(|j| j.engagement.link.as_str() == link);
    judged.and_then(|j| j.lost).map_or("", Lost::code)
}

#[test]
fn the_order_of_an_install() {
    use MatchType::{DeviceTag, Probabilistic, Reftag, Sid};
    let all = [
        engagement("clkref", 3 * H, false, Reftag),
        engagement("clkprb", 2 * H, false, Probabilistic),
        engagement("viewid", H, true, DeviceTag),
        engagement("viewpr", MIN, true, Probabilistic),
    ];
    for first in 0..all.len() {
        let decision = decide_install(&install(), all[first..].to_vec());
        assert_eq!(winner(&decision), Some(all[first].link.as_str()));
        for later in &all[first + 1..] {
            assert_eq!(lost(&decision, later.link.as_str()), "weaker_than_winner");
        }
    }
    let two = vec![click("older1", 3 * H), click("newer1", 2 * H)];
    let decision = decide_install(&install(), two);
    assert_eq!(
        (winner(&decision), lost(&decision, "older1")),
        (Some("newer1"), "older_than_winner")
    );
    for referrer in [Reftag, Sid] {
        let same_moment = vec![click("device", H), engagement("refers", H, false, referrer)];
        assert_eq!(winner(&decide_install(&install(), same_moment)), Some("refers"));
    }
    assert_eq!(winner(&decide_install(&install(), vec![])), None);
}

#[test]
fn an_engagement_that_matched_twice_is_one_candidate() {
    let by_id = click("abcdef", H);
    let mut by_address = by_id.clone();
    by_address.matched_by = MatchType::Probabilistic;
    let decision = decide_install(&install(), vec![by_address, by_id.clone()]);
    assert_eq!(decision.judged.len(), 1);
    assert_eq!(decision.winner(), Some(&by_id));
}

#[test]
fn windows_are_of_the_way_it_matched_and_include_their_end() {
    use MatchType::{DeviceTag, Probabilistic};
    for (is_view, matched_by, window_ms) in [
        (false, DeviceTag, 168 * H),
        (false, Probabilistic, 6 * H),
        (true, DeviceTag, 24 * H),
        (true, Probabilistic, 6 * H),
    ] {
        let at = |before| {
            decide_install(
                &install(),
                vec![engagement("abcdef", before, is_view, matched_by)],
            )
        };
        assert_eq!(winner(&at(window_ms)), Some("abcdef"));
        assert_eq!(lost(&at(window_ms + 1), "abcdef"), "outside_window");
        assert_eq!(lost(&at(-1), "abcdef"), "after_activity");
    }
    let mut bot = click("abcdef", H);
    bot.is_automated = true;
    assert_eq!(lost(&decide_install(&install(), vec![bot]), "abcdef"), "bot");
    let mut off = engagement("abcdef", H, false, Probabilistic);
    off.windows.is_probabilistic = false;
    assert_eq!(
        lost(&decide_install(&install(), vec![off]), "abcdef"),
        "not_probabilistic"
    );
}

#[test]
fn the_nearest_layer_that_says_something_decides() {
    let offer = AttributionPolicy {
        click_window_h: Some(10),
        impression_window_h: Some(11),
        probabilistic: Some(false),
        ..AttributionPolicy::default()
    };
    let partner = AttributionPolicy {
        click_window_h: Some(20),
        ..AttributionPolicy::default()
    };
    let link = AttributionPolicy {
        max_engagements: Some(3),
        click_to_install_floor_s: Some(5),
        ..AttributionPolicy::default()
    };
    let windows = Windows::resolve([&link, &partner, &offer]);
    assert_eq!((windows.click_ms, windows.impression_ms), (20 * H, 11 * H));
    assert_eq!((windows.max_engagements, windows.floor_ms), (3, 5000));
    assert!(!windows.is_probabilistic);
    assert_eq!(windows.inactivity_ms, 168 * H);
}

#[test]
fn a_rejection_passes_the_credit_on() {
    let mut quick = click("quick1", 2000);
    quick.windows.floor_ms = 10_000;
    let decision = decide_install(&install(), vec![quick.clone(), click("honest", H)]);
    assert_eq!(winner(&decision), Some("honest"));
    let (rejected, reason) = decision.rejected().unwrap();
    assert_eq!(
        (rejected.link.as_str(), reason),
        ("quick1", Rejection::DistributionOutlier)
    );
    assert_eq!(lost(&decision, "quick1"), "distribution_outlier");

    let began = Install {
        download_at_ms: Some(AT - MIN),
        ..install()
    };
    let decision = decide_install(&began, vec![click("inject", MIN / 2), click("honest", H)]);
    assert_eq!(
        (winner(&decision), lost(&decision, "inject")),
        (Some("honest"), "engagement_injection")
    );

    let mut flood: Vec<Engagement> = (1..=4).map(|n| click("flood1", n * MIN)).collect();
    flood.iter_mut().for_each(|e| e.windows.max_engagements = 3);
    flood.push(click("honest", H));
    let decision = decide_install(&install(), flood.clone());
    assert_eq!(
        (winner(&decision), lost(&decision, "flood1")),
        (Some("honest"), "too_many_engagements")
    );
    let decision = decide_install(&install(), flood[1..].to_vec());
    assert_eq!(winner(&decision), Some("flood1"));
}

#[test]
fn an_engagement_that_matched_by_several_ids_is_no_flood() {
    let mut clicks: Vec<Engagement> = (1..=2).map(|n| click("honest", n * MIN)).collect();
    clicks.iter_mut().for_each(|e| e.windows.max_engagements = 2);
    let by_three_ids = [clicks.clone(), clicks.clone(), clicks].concat();
    let decision = decide_install(&install(), by_three_ids.clone());
    assert_eq!((winner(&decision), decision.judged.len()), (Some("honest"), 2));
    assert_eq!(decision.rejected(), None);
    let decision = decide_reattribution(&back(), by_three_ids);
    assert_eq!((winner(&decision), decision.rejected()), (Some("honest"), None));
}

#[test]
fn an_engagement_of_the_sandbox_is_none_for_production() {
    let mut test = click("sandbx", MIN);
    test.is_test = true;
    test.windows.max_engagements = 1;
    let mut honest = click("sandbx", H);
    honest.windows.max_engagements = 1;
    let both = vec![test.clone(), honest];
    let of_sandbox = Install {
        is_test: true,
        ..install()
    };
    let returned = |is_test| Return { is_test, ..back() };
    for (decision, by_test) in [
        (
            decide_install(&install(), vec![test.clone()]),
            Some(Lost::Sandbox),
        ),
        (decide_install(&of_sandbox, vec![test.clone()]), None),
        (
            decide_reattribution(&returned(false), vec![test.clone()]),
            Some(Lost::Sandbox),
        ),
        (decide_reattribution(&returned(true), vec![test]), None),
    ] {
        assert_eq!(decision.judged[0].lost, by_test);
    }
    // Nor does it flood.
    assert_eq!(winner(&decide_install(&install(), both)), Some("sandbx"));
    assert_eq!(
        winner(&decide_install(&of_sandbox, vec![click("produc", H)])),
        Some("produc")
    );
}

#[test]
fn a_device_that_cannot_be_trusted_is_nobodys() {
    for &rejection in Rejection::ALL {
        let judged = Install {
            rejection: Some(rejection),
            ..install()
        };
        let decision = decide_install(&judged, vec![click("abcdef", H), click("ghijkl", 2 * H)]);
        assert_eq!(decision.winner(), None);
        assert_eq!(decision.rejected().unwrap().1, rejection);
    }
    let judged = Install {
        rejection: Some(Rejection::AnonymousTraffic),
        ..install()
    };
    assert_eq!(
        decide_install(&judged, vec![click("toolate", 200 * H)]).rejected(),
        None
    );
}

fn back() -> Return {
    Return {
        at_ms: AT,
        last_session_at_ms: AT - 200 * H,
        install_link: Some("install1".parse().unwrap()),
        is_test: false,
        rejection: None,
    }
}

#[test]
fn a_reattribution_needs_all_of_its_conditions() {
    assert_eq!(
        winner(&decide_reattribution(&back(), vec![click("newlink", H)])),
        Some("newlink")
    );
    let cases: [(&str, Engagement, Return); 7] = [
        ("same_link", click("install1", H), back()),
        (
            "not_inactive",
            click("newlink", H),
            Return {
                last_session_at_ms: AT - 168 * H + 1,
                ..back()
            },
        ),
        (
            "before_last_session",
            click("newlink", 168 * H),
            Return {
                last_session_at_ms: AT - 168 * H,
                ..back()
            },
        ),
        ("outside_window", click("newlink", 168 * H + 1), back()),
        (
            "outside_window",
            engagement("newlink", 24 * H + 1, true, MatchType::DeviceTag),
            back(),
        ),
        (
            "not_probabilistic",
            engagement("newlink", H, false, MatchType::Probabilistic),
            back(),
        ),
        ("after_activity", click("newlink", -1), back()),
    ];
    for (reason, engagement, back) in cases {
        let decision = decide_reattribution(&back, vec![engagement]);
        assert_eq!(
            (
                winner(&decision),
                lost(
                    &decision,
                    if reason == "same_link" {
                        "install1"
                    } else {
                        "newlink"
                    }
                )
            ),
            (None, reason)
        );
    }
    let mut excluded = click("newlink", H);
    excluded.no_reattribution = true;
    assert_eq!(
        lost(&decide_reattribution(&back(), vec![excluded]), "newlink"),
        "no_reattribution"
    );
    let organic = Return {
        install_link: None,
        ..back()
    };
    assert_eq!(
        winner(&decide_reattribution(&organic, vec![click("install1", H)])),
        Some("install1")
    );
}

#[test]
fn a_rejected_reattribution_passes_the_credit_on() {
    let mut flood: Vec<Engagement> = (1..=3).map(|n| click("flood1", n * MIN)).collect();
    flood.iter_mut().for_each(|e| e.windows.max_engagements = 2);
    flood.push(click("honest", H));
    let decision = decide_reattribution(&back(), flood);
    assert_eq!(winner(&decision), Some("honest"));
    assert_eq!(decision.rejected().unwrap().1, Rejection::TooManyEngagements);
}

#[test]
fn claims() {
    use ClaimVerdict as V;
    let claimed = |before| engagement("claimed", before, false, MatchType::Claim);
    let viewed = |before| engagement("claimed", before, true, MatchType::Claim);
    let credit = |link: &str, before: i64, is_view, matched_by| Credit {
        link: link.parse().unwrap(),
        is_view,
        matched_by,
        at_ms: AT - before,
    };
    let by_click = credit("present", 2 * H, false, MatchType::DeviceTag);
    for (claim, current, expected) in [
        (claimed(H), None, V::Granted),
        (claimed(H), Some(by_click.clone()), V::Granted),
        (claimed(3 * H), Some(by_click.clone()), V::Weaker),
        (claimed(2 * H), Some(by_click.clone()), V::Weaker),
        (viewed(H), Some(by_click.clone()), V::Weaker),
        (
            claimed(3 * H),
            Some(credit("present", H, true, MatchType::DeviceTag)),
            V::Granted,
        ),
        (
            claimed(3 * H),
            Some(credit("present", H, false, MatchType::Probabilistic)),
            V::Granted,
        ),
        (
            claimed(H),
            Some(credit("claimed", 2 * H, false, MatchType::DeviceTag)),
            V::Unchanged,
        ),
        (claimed(-1), None, V::Lost(Lost::AfterActivity)),
        (claimed(169 * H), None, V::Lost(Lost::OutsideWindow)),
        (viewed(25 * H), None, V::Lost(Lost::OutsideWindow)),
    ] {
        assert_eq!(
            judge_claim(&claim, current.as_ref(), &Claimed::Install(install())),
            expected,
            "{claim:?} {current:?}"
        );
    }
}

#[test]
fn a_claim_of_a_reattribution_keeps_its_rules() {
    let claimed = |link, before| engagement(link, before, false, MatchType::Claim);
    let mut excluded = claimed("newlink", H);
    excluded.no_reattribution = true;
    let mut short = engagement("newlink", 2 * H, true, MatchType::Claim);
    short.windows.reattribution_ms = H;
    let active = Return {
        last_session_at_ms: AT - 2 * H,
        ..back()
    };
    for (claim, back, expected) in [
        (claimed("newlink", H), back(), ClaimVerdict::Granted),
        (claimed("install1", H), back(), ClaimVerdict::Lost(Lost::SameLink)),
        (excluded, back(), ClaimVerdict::Lost(Lost::NoReattribution)),
        (short, back(), ClaimVerdict::Lost(Lost::OutsideWindow)),
        (
            claimed("newlink", 2 * H),
            active.clone(),
            ClaimVerdict::Lost(Lost::BeforeLastSession),
        ),
        (
            claimed("newlink", H),
            active,
            ClaimVerdict::Lost(Lost::NotInactive),
        ),
    ] {
        assert_eq!(
            judge_claim(&claim, None, &Claimed::Reattribution(back)),
            expected,
            "{claim:?}"
        );
    }
}

prop_compose! {
    fn any_engagement()(
        link in "[a-c]{6}",
        before_ms in -H..400 * H,
        is_view: bool,
        matched in 0usize..4,
        is_automated in prop::bool::weighted(0.1),
        no_reattribution in prop::bool::weighted(0.1),
        max_engagements in 0u32..4,
    ) -> Engagement {
        let matched_by = [MatchType::Sid, MatchType::Reftag, MatchType::DeviceTag, MatchType::Probabilistic][matched];
        let mut e = engagement(&link, before_ms, is_view, matched_by);
        e.is_automated = is_automated;
        e.no_reattribution = no_reattribution;
        e.windows.max_engagements = max_engagements;
        e
    }
}

proptest! {
    #[test]
    fn the_order_of_arrival_does_not_matter(
        mut engagements in proptest::collection::vec(any_engagement(), 0..12),
        turn in 0usize..12,
    ) {
        let decision = decide_install(&install(), engagements.clone());
        let again = decide_reattribution(&back(), engagements.clone());
        let len = engagements.len().max(1);
        engagements.rotate_left(turn % len);
        prop_assert_eq!(decide_install(&install(), engagements.clone()), decision);
        prop_assert_eq!(decide_reattribution(&back(), engagements), again);
    }

    #[test]
    fn one_winner_that_nothing_eligible_beats(engagements in proptest::collection::vec(any_engagement(), 0..12)) {
        for decision in [decide_install(&install(), engagements.clone()), decide_reattribution(&back(), engagements.clone())] {
            let eligible: Vec<&Engagement> = decision
                .judged
                .iter()
                .filter(|j| matches!(j.lost, None | Some(Lost::OlderThanWinner | Lost::WeakerThanWinner)))
                .map(|j| &j.engagement)
                .collect();
            prop_assert!(decision.judged.iter().filter(|j| j.lost.is_none()).count() <= 1);
            prop_assert_eq!(decision.winner().is_some(), !eligible.is_empty());
            if let Some(winner) = decision.winner() {
                prop_assert!(winner.at_ms <= AT && !winner.is_automated);
                for other in eligible {
                    prop_assert!(!winner.is_view || other.is_view, "a click beats a view");
                    prop_assert!(tier(winner) < tier(other) || winner.at_ms >= other.at_ms);
                }
            }
        }
    }

    #[test]
    fn a_weaker_engagement_more_never_takes_the_credit(
        engagements in proptest::collection::vec(any_engagement(), 1..8),
    ) {
        let mut engagements = engagements;
        engagements.iter_mut().for_each(|e| e.windows.max_engagements = 0);
        let before = decide_install(&install(), engagements.clone());
        prop_assume!(before.winner().is_some_and(|w| tier(w) < 3));
        engagements.push(engagement("zzzzzz", MIN, true, MatchType::Probabilistic));
        let after = decide_install(&install(), engagements);
        prop_assert_eq!(after.winner(), before.winner());
    }
}
