//! Records on disk, and back.

use crate::domain::activity::Activity;
use crate::domain::activity::{ActivityInput, ActivityKind, ConversionStatus, MatchType, Verdict};
use crate::domain::identity::{Consent, Digest, Form, Identity};
use crate::domain::ids::ActivityId;
use crate::domain::ids::{PostbackId, SessionId};
use crate::domain::money::{Currency, Money};
use crate::domain::postback::{Attempt, FailReason, Postback};
use crate::domain::postback::{ErrorClass, LaneKey, Method, Origin, Outcome, PostbackState, Request};
use crate::domain::session::Session;
use crate::domain::session::{Device, EngagementKind, Geo, LinkCallback, SessionFlags};
use crate::domain::stats::Counters;
use crate::domain::visitor::{Adid, Earlier, EventMark, Fallback, Tracker, Visitor};
use crate::store::catalog::ConfigObject;
use crate::store::codec::*;
use crate::store::keys;
use crate::store::{Commit, Db, Op, RawKey, Record};
use proptest::prelude::*;
use std::fmt::Debug;

const AT: i64 = 1_795_000_000_123;

fn session() -> Session {
    Session {
        id: SessionId::new(AT, 1),
        kind: EngagementKind::Click,
        link: "link123".parse().unwrap(),
        offer: "offer1".parse().unwrap(),
        partner: Some("partner1".parse().unwrap()),
        names: vec!["net".into(), "camp".into()],
        tuid: "t1".into(),
        ip: "192.0.2.0".into(),
        ip_hash: 77,
        user_agent: "UA".into(),
        referer: "r".into(),
        device: Device {
            os_name: "ios".into(),
            ..Device::default()
        },
        geo: Geo {
            country: "jp".into(),
            ..Geo::default()
        },
        para: ["a".into(), "b".into(), String::new(), String::new(), "e".into()],
        label: "l".into(),
        device_ids: vec![("idfa".into(), "x".into())],
        parameters: vec![("gclid".into(), "g".into())],
        callbacks: vec![LinkCallback {
            name: "install_callback".into(),
            text: "https://e.example/".into(),
        }],
        cost: vec![],
        destination: "https://d.example/".into(),
        flags: SessionFlags {
            is_unique: true,
            ..SessionFlags::default()
        },
    }
}

fn activity() -> Activity {
    Activity {
        id: ActivityId::new(AT, 2),
        kind: ActivityKind::Event,
        at_ms: AT,
        offer: Some("offer1".parse().unwrap()),
        event: Some("abc123".parse().unwrap()),
        verdict: Verdict::Accepted,
        note: String::new(),
        status: Some(ConversionStatus::Pending),
        outdated_status: None,
        of: None,
        money: Some(Money {
            amount: 1000.into(),
            currency: Currency::JPY,
        }),
        payout: None,
        input: ActivityInput {
            uids: vec!["order-1".into()],
            ..ActivityInput::default()
        },
        session: Some(Box::new(session())),
        match_type: None,
        candidates: vec![],
        tuid: "t1".into(),
        is_test: false,
        rules: vec![],
        history: vec![],
        facts: vec![],
        identity: Identity::default(),
    }
}

pub(super) fn attempt() -> Attempt {
    Attempt {
        number: 3,
        at_ms: AT,
        duration_ms: 12,
        url: "https://p.example/?a=1".into(),
        outcome: Outcome::Error {
            class: ErrorClass::Timeout,
            message: "m".into(),
        },
        headers: vec![("server".into(), "s".into())],
        excerpt: "ok".into(),
        remote_addr: Some("192.0.2.1:443".into()),
        is_manual: false,
        verdict: None,
        said: String::new(),
    }
}

pub(super) fn postback() -> Postback {
    Postback {
        id: PostbackId::new(AT, 3),
        activity: ActivityId::new(AT, 2),
        offer: "offer1".parse().unwrap(),
        partner: None,
        origin: Origin::Rule("rule1".parse().unwrap()),
        entry: 0,
        lane: LaneKey("https://p.example:443".into()),
        request: Request {
            method: Method::Get,
            url: "https://p.example/".into(),
            headers: vec![],
            body: None,
        },
        created_at_ms: AT,
        resent_at_ms: None,
        state: PostbackState::Waiting { due_at_ms: AT },
        attempts: 1,
        order_key: None,
        is_test: true,
        last: Some(attempt()),
        expires_at_ms: None,
        looks_at: None,
        confirmed_at_ms: None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn golden<T: Record + PartialEq + Debug>(value: &T, golden: &str) {
    let bytes = value.encode().unwrap();
    assert_eq!(
        hex(&bytes),
        golden,
        "the stored form changed: a new version is needed"
    );
    let (db, key): RawKey = keys::waiting(PostbackId::new(AT, 3)).into();
    assert_eq!(&T::decode(&bytes, db, &key).unwrap(), value);
    for broken in [&bytes[..bytes.len() - 1], &[&bytes[..], &[0]].concat(), &[2], &[]] {
        let error = T::decode(broken, db, &key).unwrap_err();
        assert_eq!(error.code(), "record_unreadable");
        assert!(
            error.to_string().contains("hot, family 'w', key 7701a1"),
            "{error}"
        );
    }
}

fn brief() -> SessionBrief {
    SessionBrief {
        no_reattribution: true,
        is_test: true,
        ..SessionBrief::from(&session())
    }
}

fn visitor() -> Visitor {
    Visitor {
        adid: Adid([7; 16]),
        offer: "offer1".parse().unwrap(),
        is_test: true,
        ids: vec![("idfa".into(), "X".into())],
        installed_at_ms: AT,
        install: ActivityId::new(AT, 2),
        last_session_at_ms: AT + 1,
        last_session_kind: ActivityKind::Session,
        session_count: 2,
        lifetime_session_count: 3,
        uninstalled_at_ms: Some(AT),
        reinstalled_at_ms: None,
        reattributed_at_ms: Some(AT),
        reattribution: Some(ActivityId::new(AT, 4)),
        first_tracker: Some(Tracker::from(&session())),
        last_tracker: None,
        install_link: Some("link123".parse().unwrap()),
        credit: None,
        match_type: MatchType::Reftag,
        events: vec![EventMark {
            token: "abc123".parse().unwrap(),
            at_ms: AT,
            seen: vec![9],
        }],
        unique_events: vec!["abc123".parse().unwrap()],
        earlier: vec![Earlier {
            until_ms: AT,
            credit: None,
            match_type: MatchType::Organic,
        }],
        before_reattribution_ms: Some(AT),
        device: vec![("os_name".into(), "ios".into())],
        is_proven: true,
    }
}

#[test]
fn golden_bytes() {
    golden(
        &session(),
        "0101a1ee565e7b000000000100076c696e6b313233066f66666572310108706172746e657231\
         02036e65740463616d70027431093139322e302e322e304d025541017203696f730000000000\
         00026a70000000000161016200000165016c0104696466610178010567636c69640167011069\
         6e7374616c6c5f63616c6c6261636b1268747470733a2f2f652e6578616d706c652f00126874\
         7470733a2f2f642e6578616d706c652f000000000100000000",
    );
    golden(
        &activity(),
        "0101a1ee565e7b000000000204f6f9b2e5bd6801066f66666572310106616263313233000001\
         000000010431303030034a50590001076f726465722d310000000000000101a1ee565e7b0000\
         00000100076c696e6b313233066f66666572310108706172746e65723102036e65740463616d\
         70027431093139322e302e322e304d025541017203696f73000000000000026a700000000001\
         61016200000165016c0104696466610178010567636c696401670110696e7374616c6c5f6361\
         6c6c6261636b1268747470733a2f2f652e6578616d706c652f001268747470733a2f2f642e65\
         78616d706c652f000000000100000000000002743100000000",
    );
    golden(
        &attempt(),
        "0203f6f9b2e5bd680c1668747470733a2f2f702e6578616d706c652f3f613d310103016d010673657276\
         65720173026f6b010d3139322e302e322e313a343433000000",
    );
    golden(
        &postback(),
        "0201a1ee565e7b000000000301a1ee565e7b0000000002066f666665723100000572756c653100156874\
         7470733a2f2f702e6578616d706c653a343433001268747470733a2f2f702e6578616d706c652f0000f6\
         f9b2e5bd680000f6f9b2e5bd680100010103f6f9b2e5bd680c1668747470733a2f2f702e6578616d706c\
         652f3f613d310103016d01067365727665720173026f6b010d3139322e302e322e313a34343300000000\
         0000",
    );
    let duplicate = Duplicate {
        activity: ActivityId::new(AT, 2),
        at_ms: 1,
        expires_at_ms: 2,
    };
    golden(&duplicate, "0101a1ee565e7b00000000020204");
    let idempotency = Idempotency {
        expires_at_ms: 5,
        body_hash: [6; 16],
        status: 200,
        answer: "{}".into(),
    };
    golden(&idempotency, "010a06060606060606060606060606060606c801027b7d");
    golden(&FailReason::Gone, "0101");
    golden(
        &counters(),
        "03060000000000000000000200000001034a5059013500000000000000",
    );
    golden(&brief(), "02076c696e6b31323300000101");
    golden(
        &visitor(),
        "0407070707070707070707070707070707066f6666657231010104696466610158f6f9b2e5bd6801a1ee565e7b\
             0000000002f8f9b2e5bd6803020301f6f9b2e5bd680001f6f9b2e5bd680101a1ee565e7b000000000401076c69\
             6e6b313233096e65743a3a63616d700001076c696e6b31323300040106616263313233f6f9b2e5bd6801090106\
             61626331323301f6f9b2e5bd68000701f6f9b2e5bd6801076f735f6e616d6503696f7301",
    );
    let fallback = Fallback {
        until_ms: AT,
        credit: None,
        match_type: MatchType::Organic,
    };
    golden(&fallback, "01f6f9b2e5bd680007");
}

fn counters() -> Counters {
    let mut counters = Counters {
        clicks: 3,
        refused: 1,
        ..Counters::default()
    };
    counters.revenue.add(Money {
        amount: 5.into(),
        currency: Currency::JPY,
    });
    counters
}

/// With an identity an activity is longer by what it holds, and of version 2.
#[test]
fn golden_bytes_of_an_identity() {
    let known = Activity {
        identity: Identity {
            digests: vec![Digest {
                form: Form::PhoneE164Sha256,
                sha256: [0xab; 32],
            }],
            ad_user_data: Some(Consent::Granted),
            ad_personalization: Some(Consent::Denied),
        },
        ..activity()
    };
    let bytes = known.encode().unwrap();
    let without = activity().encode().unwrap();
    assert_eq!((bytes[0], &bytes[1..without.len()]), (2, &without[1..]));
    assert_eq!(
        hex(&bytes[without.len()..]),
        format!("0103{}01000101", "ab".repeat(32))
    );
    assert_eq!(Activity::decode(&bytes, Db::Hot, b"a").unwrap(), known);
    assert!(Activity::decode(&bytes[..bytes.len() - 1], Db::Hot, b"a").is_err());
}

/// What the first version wrote is read, without what came later.
#[test]
fn golden_bytes_of_version_1() {
    let bytes = unhex(
        "0107070707070707070707070707070707066f6666657231010104696466610158f6f9b2e5bd6801a1ee565e7b\
         0000000002f8f9b2e5bd6803020301f6f9b2e5bd680001f6f9b2e5bd680101a1ee565e7b000000000401076c69\
         6e6b313233096e65743a3a63616d700001076c696e6b31323300040106616263313233f6f9b2e5bd6801090106\
         616263313233",
    );
    let old = Visitor {
        earlier: vec![],
        before_reattribution_ms: None,
        device: vec![],
        is_proven: false,
        ..visitor()
    };
    assert_eq!(Visitor::decode(&bytes, Db::Hot, b"v").unwrap(), old);
    let second = unhex(
        "0207070707070707070707070707070707066f6666657231010104696466610158f6f9b2e5bd6801a1ee565e7b\
         0000000002f8f9b2e5bd6803020301f6f9b2e5bd680001f6f9b2e5bd680101a1ee565e7b000000000401076c69\
         6e6b313233096e65743a3a63616d700001076c696e6b31323300040106616263313233f6f9b2e5bd6801090106\
         61626331323301f6f9b2e5bd68000701f6f9b2e5bd68",
    );
    let of_second = Visitor {
        device: vec![],
        is_proven: false,
        ..visitor()
    };
    assert_eq!(Visitor::decode(&second, Db::Hot, b"v").unwrap(), of_second);
    let third = unhex(
        "0307070707070707070707070707070707066f6666657231010104696466610158f6f9b2e5bd6801a1ee565e7b\
         0000000002f8f9b2e5bd6803020301f6f9b2e5bd680001f6f9b2e5bd680101a1ee565e7b000000000401076c69\
         6e6b313233096e65743a3a63616d700001076c696e6b31323300040106616263313233f6f9b2e5bd6801090106\
         61626331323301f6f9b2e5bd68000701f6f9b2e5bd6801076f735f6e616d6503696f73",
    );
    let of_third = Visitor {
        is_proven: false,
        ..visitor()
    };
    assert_eq!(Visitor::decode(&third, Db::Hot, b"v").unwrap(), of_third);
    let old = SessionBrief {
        is_test: false,
        ..brief()
    };
    let brief = unhex("01076c696e6b313233000001");
    assert_eq!(SessionBrief::decode(&brief, Db::Hot, b"d").unwrap(), old);
    assert!(Visitor::decode(&bytes[..bytes.len() - 3], Db::Hot, b"v").is_err());
    let old_attempt = unhex(
        "0103f6f9b2e5bd680c1668747470733a2f2f702e6578616d706c652f3f613d310103016d010673657276\
         65720173026f6b010d3139322e302e322e313a34343300",
    );
    assert_eq!(Attempt::decode(&old_attempt, Db::Hot, b"a").unwrap(), attempt());
    let old_postback = unhex(
        "0101a1ee565e7b000000000301a1ee565e7b0000000002066f666665723100000572756c653100156874\
         7470733a2f2f702e6578616d706c653a343433001268747470733a2f2f702e6578616d706c652f0000f6\
         f9b2e5bd680000f6f9b2e5bd680100010103f6f9b2e5bd680c1668747470733a2f2f702e6578616d706c\
         652f3f613d310103016d01067365727665720173026f6b010d3139322e302e322e313a34343300",
    );
    assert_eq!(
        Postback::decode(&old_postback, Db::Hot, b"w").unwrap(),
        postback()
    );
    // Its payouts were not counted by status.
    let old = Counters {
        is_unsplit: true,
        ..counters()
    };
    let row = unhex("01060000000000000000000200000001034a505901350000");
    assert_eq!(Counters::decode(&row, Db::Hot, b"s").unwrap(), old);
}

#[test]
fn json_errors_name_the_key() {
    let (db, key): RawKey = keys::config(b'o', "abc").into();
    let error = ConfigObject::decode(b"{", db, &key).unwrap_err().to_string();
    assert!(error.contains("hot, family 'c', key 636f616263"), "{error}");
}

#[test]
fn commit_golden_and_limits() {
    let commit = Commit {
        writes: vec![
            (Db::Hot, Op::Put(b"ab".to_vec(), b"c".to_vec())),
            (Db::sessions(AT), Op::Delete(b"d".to_vec())),
            (Db::activities(AT), Op::Drop),
        ],
    };
    let bytes = encode_commit(&commit).unwrap();
    assert_eq!(
        hex(&bytes),
        "01000000010200616201000000630102aa02010064020 2aa03".replace(' ', "")
    );
    assert_eq!(decode_commit(&bytes), Some(commit));
    let large = |key, value| Commit {
        writes: vec![(Db::Hot, Op::Put(vec![0; key], vec![0; value]))],
    };
    assert_eq!(
        encode_commit(&large(KEY_LIMIT + 1, 0)).unwrap_err().code(),
        "record_too_large"
    );
    assert_eq!(
        encode_commit(&large(1, VALUE_LIMIT + 1)).unwrap_err().code(),
        "record_too_large"
    );
    assert!(encode_commit(&large(KEY_LIMIT, VALUE_LIMIT)).is_ok());
}

proptest! {
    #[test]
    fn commits_read_back(writes in proptest::collection::vec((any::<u16>(), 0u8..3, proptest::collection::vec(any::<u8>(), 0..30)), 0..20)) {
        let writes = writes.into_iter().map(|(period, op, bytes)| {
            (Db::Period(keys::PeriodKind::Postbacks, keys::Period(period)), match op {
                0 => Op::Put(bytes.clone(), bytes),
                1 => Op::Delete(bytes),
                _ => Op::Drop,
            })
        }).collect();
        let commit = Commit { writes };
        prop_assert_eq!(decode_commit(&encode_commit(&commit).unwrap()), Some(commit));
    }

    #[test]
    fn decoding_rubbish_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let rest = [&[V1], bytes.as_slice()].concat();
        drop(decode_commit(&rest));
        drop(Activity::decode(&rest, Db::Hot, b"k"));
        drop(Postback::decode(&rest, Db::Hot, b"k"));
    }
}
