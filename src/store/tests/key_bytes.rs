//! Keys on disk, and back.

use crate::domain::ids::*;
use crate::domain::stats::*;
use crate::domain::visitor::Adid;
use crate::store::keys::*;
use crate::store::{Key, RawKey};
use proptest::prelude::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

const AT: i64 = 1_795_000_000_123; // 2026-11-18T...

fn sid() -> SessionId {
    SessionId::new(AT, 0x11_2233_4455)
}
fn aid() -> ActivityId {
    ActivityId::new(AT + 1, 0x66_7788_99aa)
}
fn pid() -> PostbackId {
    PostbackId::new(AT + 2, 0xbb_ccdd_eeff)
}
fn stat_key() -> StatKey {
    StatKey {
        bucket: Bucket(0x0102_0304),
        environment: Environment::Production,
        offer: Some("offer1".parse().unwrap()),
        link: None,
        event: Some("abc123".parse().unwrap()),
        dimension: Dimension::Country("jp".into()),
    }
}

/// The bytes on disk. A change here is a change of the schema: write a migration.
#[test]
fn golden_bytes() {
    let h16 = &[7; 16];
    let h7 = "07".repeat(16);
    let s = hex(&sid().to_key());
    let a = hex(&aid().to_key());
    let p = hex(&pid().to_key());
    assert_eq!(s, "01a1ee565e7b1122334455".to_owned());
    let period = "2026-11";
    let table: Vec<(RawKey, &str, String)> = vec![
        (config(b'o', "abc").into(), "hot", "636f616263".into()),
        (config(b's', "").into(), "hot", "6373".into()),
        (login("ab").into(), "hot", "63676162".into()),
        (
            late(Feed::Stream, 2, sid().0, Handed::Session).into(),
            "hot",
            format!("6f7300000002{s}73"),
        ),
        (
            late(Feed::Export, 2, pid().0, Handed::Postback).into(),
            "hot",
            format!("6f6500000002{p}70"),
        ),
        (duplicate(h16).into(), "hot", format!("75{h7}")),
        (
            cost_report(sid()).into(),
            "hot",
            "755a37d1714f113e6c5a7e363966285e51".into(),
        ),
        (
            recredit(aid()).into(),
            "hot",
            "75be6e30600fdbe560476ecaa55aaa8b29".into(),
        ),
        (
            sent_event(Adid(*h16), 5, 6).into(),
            "hot",
            "75ce1364c0a99cd732b0b0fb10c1e16756".into(),
        ),
        (
            sent_ad_revenue(Adid(*h16), 5, 6).into(),
            "hot",
            "75f4f7680ba090d44a55ffca477461cb87".into(),
        ),
        (
            apple_postback(true, "1", "t", "0").into(),
            "hot",
            "759f6d23b213ba4de13f3bf3dc0c57bcaf".into(),
        ),
        (
            apple_postback(false, "1", "t", "0").into(),
            "hot",
            "75ff314d1b5932e0c4597c346eb8f9a5a5".into(),
        ),
        (waiting(pid()).into(), "hot", format!("77{p}")),
        (failed(pid()).into(), "hot", format!("78{p}")),
        (to_scrub(pid()).into(), "hot", format!("65{p}")),
        (
            stat(&stat_key()).into(),
            "hot",
            "7301020304066f66666572310006616263313233636a70".into(),
        ),
        (
            stat(&StatKey {
                environment: Environment::Sandbox,
                ..stat_key()
            })
            .into(),
            "hot",
            "7301020304066f66666572310006616263313233436a70".into(),
        ),
        (idempotency(h16).into(), "hot", format!("69{h7}")),
        (approval(3, aid()).into(), "hot", format!("610000000000000003{a}")),
        (
            audit(TimeId::new(AT, 0x11_2233_4455)).into(),
            "hot",
            format!("6c{s}"),
        ),
        (instance::<[u8; 1]>("ip").into(), "hot", "6e6970".into()),
        (
            decision::<()>(aid().0).into(),
            "hot",
            format!("6e{}", hex(format!("decision/{}", aid()).as_bytes())),
        ),
        (
            decision_part::<()>(aid().0, 7).into(),
            "hot",
            format!("6e{}", hex(format!("decision-part/{}/00007", aid()).as_bytes())),
        ),
        (
            statement(&"part1".parse().unwrap(), 202_611, 2).into(),
            "hot",
            "72057061727431000317730002".into(),
        ),
        (
            statement_lines(&"part1".parse().unwrap(), 202_611, 2, 3).into(),
            "hot",
            "710570617274310003177300020003".into(),
        ),
        (billed(aid()).into(), "hot", format!("62{a}")),
        (
            billed_changed(&"part1".parse().unwrap(), aid()).into(),
            "hot",
            format!("6b057061727431{a}"),
        ),
        (
            order_columns::<()>(&"offer1".parse().unwrap()).into(),
            "hot",
            format!("6e{}", hex(b"order-columns/offer1")),
        ),
        (
            removed_link(&"abcd12".parse().unwrap()).into(),
            "hot",
            "6e72656d6f7665642d6c696e6b2f616263643132".into(),
        ),
        (forgotten(h16).into(), "hot", format!("67{h7}")),
        (
            held_erasure(5, h16).into(),
            "hot",
            format!("680000000000000005{h7}"),
        ),
        (
            erased_now(1).into(),
            "hot",
            format!("6e{}", hex(b"erased-now/000001")),
        ),
        (
            erase_again(2).into(),
            "hot",
            format!("6e{}", hex(b"erase-again/000002")),
        ),
        (
            link_name(&"abc123".parse().unwrap(), 5).into(),
            "hot",
            "6d066162633132330000000000000005".into(),
        ),
        (visitor(Adid(*h16)).into(), "hot", format!("76{h7}")),
        (fallback(Adid(*h16)).into(), "hot", format!("66{h7}")),
        (visitor_by_device(h16).into(), "hot", format!("64{h7}")),
        (session(sid()).into(), "sessions", format!("73{s}")),
        (
            session_by_device(5, sid()).into(),
            "sessions",
            format!("640000000000000005{s}"),
        ),
        (
            session_by_fingerprint(5, sid()).into(),
            "sessions",
            format!("700000000000000005{s}"),
        ),
        (
            session_by_click_id(h16, sid()).into(),
            "sessions",
            format!("6b{h7}{s}"),
        ),
        (activity(aid()).into(), "activities", format!("61{a}")),
        (
            activity_by_session(sid(), aid()).into(),
            "activities",
            format!("73{s}{a}"),
        ),
        (
            activity_by_visitor(5, aid()).into(),
            "activities",
            format!("760000000000000005{a}"),
        ),
        (
            activity_by_order(5, aid()).into(),
            "activities",
            format!("6f0000000000000005{a}"),
        ),
        (postback(pid()).into(), "postbacks", format!("70{p}")),
        (attempt(pid(), 0x0102).into(), "postbacks", format!("74{p}0102")),
        (
            postback_by_session(sid(), pid()).into(),
            "postbacks",
            format!("63{s}{p}"),
        ),
    ];
    for ((db, bytes), name, expected) in table {
        assert_eq!(hex(&bytes), expected);
        let expected_db = if name == "hot" {
            name.to_owned()
        } else {
            format!("{name}-{period}")
        };
        assert_eq!(db.to_string(), expected_db);
    }
}

#[test]
fn keys_parse_back() {
    let h = [9; 16];
    assert_eq!(parse_config(&config(b'l', "x1").1), Some((b'l', "x1")));
    assert_eq!(parse_waiting(&waiting(pid()).1), Some(pid()));
    assert_eq!(parse_failed(&failed(pid()).1), Some(pid()));
    assert_eq!(parse_to_scrub(&to_scrub(pid()).1), Some(pid()));
    assert_eq!(parse_approval(&approval(AT, aid()).1), Some((AT, aid())));
    assert_eq!(parse_audit(&audit(sid().0).1), Some(sid().0));
    let link: LinkToken = "abc123".parse().unwrap();
    assert_eq!(link_names_prefix(&link), b"m\x06abc123");
    assert_eq!(parse_link_name(&link_name(&link, 5).1), Some((link, 5)));
    assert_eq!(parse_session(&session(sid()).1), Some(sid()));
    assert_eq!(parse_session_index(&session_by_device(1, sid()).1), Some(sid()));
    assert_eq!(
        parse_session_index(&session_by_fingerprint(1, sid()).1),
        Some(sid())
    );
    assert_eq!(
        parse_session_index(&session_by_click_id(&h, sid()).1),
        Some(sid())
    );
    assert_eq!(parse_session_index(&session(sid()).1), None);
    assert_eq!(parse_activity(&activity(aid()).1), Some(aid()));
    assert_eq!(
        parse_activity_index(&activity_by_session(sid(), aid()).1),
        Some(aid())
    );
    assert_eq!(
        parse_activity_index(&activity_by_visitor(1, aid()).1),
        Some(aid())
    );
    assert_eq!(parse_activity_index(&activity_by_order(1, aid()).1), Some(aid()));
    let held = held_erasure(5, &[7; 16]);
    let name = name_of_held_erasure(&held.1).unwrap();
    assert_eq!(held_erasure_named(&name).map(|key| key.1), Some(held.1));
    for wrong in ["", "68", &"zz".repeat(24), &"é".repeat(24), &"0".repeat(50)] {
        assert!(held_erasure_named(wrong).is_none(), "{wrong}");
    }
    let behind = late(Feed::Stream, 7, aid().0, Handed::Activity).1;
    assert_eq!(parse_late(&behind), Some((7, aid().0, Handed::Activity)));
    let between = late_between(Feed::Stream, 7, sid().0, aid().0);
    assert!(between.start < behind && between.end.is_some_and(|end| behind < end));
    assert_eq!(parse_postback(&postback(pid()).1), Some(pid()));
    assert_eq!(parse_attempt(&attempt(pid(), 7).1), Some((pid(), 7)));
    assert_eq!(
        parse_postback_by_session(&postback_by_session(sid(), pid()).1),
        Some(pid())
    );
    assert_eq!(parse_stat(&stat(&stat_key()).1), Some(stat_key()));
    assert_eq!(stat_cut(&stat(&stat_key()).1), Some(b'c'));
    assert_eq!(stat_cut(b"s"), None);
}

#[test]
fn periods_are_months_of_utc() {
    for (at_ms, text) in [
        (0, "1970-01"),
        (-5, "1970-01"),
        (1_793_491_199_999, "2026-10"),
        (1_793_491_200_000, "2026-11"),
        (i64::MAX, "7431-04"),
    ] {
        let period = Period::from_ms(at_ms);
        assert_eq!(period.to_string(), text, "{at_ms}");
        assert_eq!(text.parse(), Ok(period));
    }
    assert_eq!(Period::from_ms(AT).start_ms(), 1_793_491_200_000);
    for wrong in ["2026-13", "2026-1", "1969-12", "2026", "+2026-11", "2026-00"] {
        assert_eq!(wrong.parse::<Period>(), Err(()), "{wrong}");
    }
    assert_eq!("sessions-2026-11".parse(), Ok(Db::sessions(AT)));
    assert!("sessions-2026-11.dropped".parse::<Db>().is_err() && "sess-2026-11".parse::<Db>().is_err());
}

#[test]
fn ranges() {
    assert_eq!(KeyRange::prefix(&[1, 255]), KeyRange::new(vec![1, 255], vec![2]));
    assert_eq!(KeyRange::prefix(&[255]).end, None);
    let page = KeyRange::prefix(b"a").after(b"ab").before(b"ax");
    assert_eq!(page, KeyRange::new(b"ab\0".to_vec(), b"ax".to_vec()));
    assert_eq!(
        KeyRange::prefix(b"b").after(b"a").before(b"z"),
        KeyRange::prefix(b"b")
    );
}

proptest! {
    #[test]
    fn parsers_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..48)) {
        let _ = (parse_config(&bytes), parse_stat(&bytes), parse_link_name(&bytes), parse_attempt(&bytes), parse_session_index(&bytes));
        let _ = (parse_activity_index(&bytes), parse_postback_by_session(&bytes), parse_approval(&bytes));
    }

    #[test]
    fn a_period_holds_its_time(at_ms in 0i64..4_398_046_511_103) {
        let period = Period::from_ms(at_ms);
        prop_assert!(period.start_ms() <= at_ms && at_ms < period.end_ms());
        prop_assert_eq!(Db::from_bytes(Db::sessions(at_ms).to_bytes()), Some(Db::sessions(at_ms)));
    }

    #[test]
    fn stat_keys_read_back(bucket: u32, is_test: bool, offer in "[a-z0-9]{3,32}", text in "\\PC{0,20}") {
        let key = StatKey {
            bucket: Bucket(bucket), environment: Environment::of(is_test), offer: Some(offer.parse().unwrap()), link: None, event: None,
            dimension: Dimension::Campaign(text),
        };
        prop_assert_eq!(stat_cut(&stat(&key).1), Some(if is_test { b'G' } else { b'g' }));
        prop_assert_eq!(parse_stat(&stat(&key).1), Some(key));
    }
}

#[test]
fn a_search_by_device_has_both_ends() {
    let range = device_between(5, AT, AT + 9);
    let holds = |key: Key<_>| key.1 >= range.start && range.end.as_ref().is_some_and(|end| key.1 < *end);
    let at = |at_ms, random| session_by_device(5, SessionId::new(at_ms, random));
    assert!(holds(at(AT, 0)) && holds(at(AT + 9, u64::MAX)));
    assert!(!holds(at(AT - 1, u64::MAX)) && !holds(at(AT + 10, 0)));
    assert!(!holds(session_by_device(6, SessionId::new(AT, 0))));
}
