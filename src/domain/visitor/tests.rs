use super::*;
use proptest::prelude::*;

fn visitor() -> Visitor {
    Visitor {
        adid: Adid([7; 16]),
        offer: "app123".parse().unwrap(),
        is_test: false,
        ids: vec![],
        installed_at_ms: 1_418_174_568_000,
        install: ActivityId::new(1_418_174_568_000, 1),
        last_session_at_ms: 0,
        last_session_kind: ActivityKind::Install,
        session_count: 1,
        lifetime_session_count: 3,
        uninstalled_at_ms: None,
        reinstalled_at_ms: None,
        reattributed_at_ms: None,
        reattribution: None,
        first_tracker: None,
        last_tracker: None,
        install_link: None,
        credit: None,
        match_type: MatchType::Organic,
        events: vec![],
        unique_events: vec![],
        earlier: vec![],
        before_reattribution_ms: None,
        device: Vec::new(),
        is_proven: false,
    }
}

#[test]
fn facts_have_the_documented_format() {
    let facts = visitor().facts(Some(1_418_174_600_999));
    let get = |name: &str| facts.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    assert_eq!(get("installed_at"), Some("1418174568"));
    assert_eq!(get("installed_at_hour"), Some("1418173200"));
    assert_eq!(get("last_session_time"), Some("1418174600"));
    assert_eq!(get("is_reattributed"), Some("0"));
    assert_eq!(get("adid"), Some("07070707070707070707070707070707"));
    assert_eq!(get("first_tracker"), None);
}

#[test]
fn events_keep_their_order_and_repetitions_are_known() {
    let (mut visitor, token) = (visitor(), "abc123".parse().unwrap());
    assert_eq!(visitor.order(&token, 10, 1), Order::Next);
    visitor.mark(&token, 10, Some(1));
    visitor.mark(&token, 10, Some(2));
    assert_eq!(visitor.order(&token, 10, 1), Order::Repeated);
    assert_eq!(visitor.order(&token, 10, 2), Order::Repeated);
    assert_eq!(visitor.order(&token, 10, 3), Order::Next);
    assert_eq!(visitor.order(&token, 9, 3), Order::TooLate);
    assert_eq!(visitor.order(&"other1".parse().unwrap(), 9, 3), Order::Next);
    visitor.mark(&token, 11, Some(3));
    assert_eq!(visitor.order(&token, 10, 1), Order::TooLate);
    // One without a time, heard while the newest said to be ahead of it.
    visitor.mark(&token, 9, None);
    assert_eq!(visitor.order(&token, 10, 1), Order::TooLate);
    assert_eq!(visitor.order(&token, 11, 3), Order::Repeated);
}

#[test]
fn whole_seconds_are_not_earlier_within_their_second() {
    let (mut visitor, token) = (visitor(), "abc123".parse().unwrap());
    visitor.mark(&token, 10_500, Some(1));
    for (at_ms, said, expected) in [
        (10_000, 2, Order::Next),
        (10_000, 1, Order::Repeated),
        (9_000, 2, Order::TooLate),
        (10_499, 2, Order::TooLate),
        (10_501, 2, Order::Next),
        (11_000, 1, Order::Next),
    ] {
        assert_eq!(visitor.order(&token, at_ms, said), expected, "{at_ms}");
    }
    visitor.mark(&token, 10_000, Some(2));
    assert_eq!(visitor.order(&token, 10_000, 2), Order::Repeated);
    assert_eq!(visitor.order(&token, 10_499, 3), Order::TooLate);
}

#[test]
fn a_second_is_crowded_when_the_visitor_remembers_no_more_of_it() {
    let (mut visitor, token) = (visitor(), "abc123".parse().unwrap());
    for said in 0..40 {
        assert_eq!(visitor.is_crowded(&token, 10_000), said >= 32, "{said}");
        visitor.mark(&token, 10_000, Some(said));
    }
    assert_eq!(visitor.events[0].seen.len(), MOST_SEEN);
    assert!(!visitor.is_crowded(&token, 11_000));
    assert!(!visitor.is_crowded(&"other1".parse().unwrap(), 10_000));
    visitor.mark(&token, 11_000, Some(1));
    assert!(!visitor.is_crowded(&token, 11_000));
}

#[test]
fn ids_are_learnt_up_to_a_bound() {
    let mut visitor = visitor();
    let ids: Vec<(String, String)> = (0..40).map(|n| (format!("id{n}"), "x".to_owned())).collect();
    assert_eq!(visitor.learn(&ids).len(), MOST_IDS);
    assert_eq!(visitor.learn(&ids[..1]), vec![]);
    assert_eq!(visitor.learn(&[("id0".into(), "y".into())]).len(), 1);
    assert_eq!(visitor.ids.len(), MOST_IDS);
}

#[test]
fn a_temporary_credit_is_given_back_at_its_end() {
    let fallback = Fallback {
        until_ms: 100,
        credit: None,
        match_type: MatchType::Organic,
    };
    let mut visitor = visitor();
    visitor.match_type = MatchType::DeviceTag;
    visitor.fall_back(fallback.clone(), 99);
    assert_eq!(visitor.match_type, MatchType::DeviceTag);
    visitor.fall_back(fallback, 100);
    assert_eq!(visitor.match_type, MatchType::Organic);
}

#[test]
fn what_is_dated_before_a_credit_keeps_the_one_before() {
    let mut visitor = visitor();
    visitor.installed_at_ms = 1000;
    visitor.match_type = MatchType::Sid;
    visitor.credit_from(2000, (None, MatchType::Reftag));
    let fallback = Fallback {
        until_ms: 3000,
        credit: None,
        match_type: MatchType::Visitor,
    };
    visitor.fall_back(fallback.clone(), 3000);
    visitor.fall_back(fallback, 3001);
    assert_eq!(visitor.earlier.len(), 2);
    for (at_ms, expected) in [
        (999, MatchType::Organic),
        (1000, MatchType::Sid),
        (1999, MatchType::Sid),
        (2000, MatchType::Reftag),
        (2999, MatchType::Reftag),
        (3000, MatchType::Visitor),
    ] {
        assert_eq!(visitor.credited_at(at_ms), (None, expected), "{at_ms}");
    }
    assert_eq!(visitor.credit_before(2000), (None, MatchType::Sid));
    // A claim of what was given at 2000.
    visitor.replace_credit(2000, (None, MatchType::Claim));
    assert_eq!(visitor.credited_at(1999).1, MatchType::Sid);
    assert_eq!(visitor.credited_at(3000).1, MatchType::Claim);
    for n in 1..9 {
        visitor.credit_from(3000 + n, (None, MatchType::Sid));
    }
    assert_eq!(visitor.earlier.len(), MOST_EARLIER);
    visitor.credit_from(3009 + EARLIER_MS, (None, MatchType::Sid));
    assert_eq!(visitor.earlier.len(), 1);
}

#[test]
fn a_credit_falls_back_to_the_last_that_was_to_stay() {
    let windows = |temporary_ms, is_temporary_to_organic| Windows {
        temporary_ms,
        is_temporary_to_organic,
        ..Windows::default()
    };
    let before = || (None, MatchType::Reftag);
    let earlier = || {
        Some(Fallback {
            until_ms: 7,
            credit: None,
            match_type: MatchType::Sid,
        })
    };
    let of = |windows: Windows, earlier| {
        let fallback = Fallback::of(&windows, 100, before(), earlier);
        fallback.map(|f| (f.until_ms, f.match_type))
    };
    assert_eq!(of(windows(0, false), earlier()), None);
    assert_eq!(of(windows(50, false), None), Some((150, MatchType::Reftag)));
    assert_eq!(of(windows(50, false), earlier()), Some((150, MatchType::Sid)));
    assert_eq!(of(windows(50, true), earlier()), Some((150, MatchType::Organic)));
}

#[test]
fn browser_and_app_meet() {
    let offer: OfferId = "app123".parse().unwrap();
    assert_eq!(
        fingerprint(&offer, 5, "ios", "iPhone"),
        fingerprint(&offer, 5, "iOS", "iPhone14,5")
    );
    assert_ne!(
        fingerprint(&offer, 5, "ios", "iPhone"),
        fingerprint(&offer, 5, "ios", "iPad7,1")
    );
    assert_ne!(
        fingerprint(&offer, 5, "android", "Pixel 7"),
        fingerprint(&offer, 5, "android", "Pixel 8")
    );
    assert_ne!(
        fingerprint(&offer, 5, "ios", "iPhone"),
        fingerprint(&offer, 6, "ios", "iPhone")
    );
}

proptest! {
    #[test]
    fn adids_read_back(bytes: [u8; 16]) {
        let text = Adid(bytes).to_string();
        prop_assert_eq!(text.len(), 32);
        prop_assert_eq!(text.parse(), Ok(Adid(bytes)));
        prop_assert_eq!(text.to_uppercase().parse(), Ok(Adid(bytes)));
    }
}

#[test]
fn what_the_app_said_of_the_device_is_remembered() {
    let mut visitor = visitor();
    let said = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect()
    };
    let first = said(&[
        ("os_name", "android"),
        ("os_version", "14"),
        ("ip_address", "192.0.2.1"),
        ("language", ""),
    ]);
    assert!(visitor.learn_device(&first));
    assert!(!visitor.learn_device(&first), "nothing new");
    assert!(visitor.learn_device(&said(&[("os_version", "15")])));
    assert!(
        !visitor.learn_device(&said(&[("device_name", &"x".repeat(101))])),
        "too long"
    );
    assert_eq!(
        visitor.device,
        said(&[("os_name", "android"), ("os_version", "15")])
    );
}
