//! Keys are looked up within their scope, and decide once.

use super::*;
use crate::domain::offer::TrustScope;
use crate::recorder::Recorder;
use crate::recorder::testing::Instance;
use crate::store::Record;

#[test]
fn keys() {
    assert_eq!(key(None), Ok(None));
    assert_eq!(key(Some(" a-1 ")), Ok(Some("a-1".into())));
    assert_eq!(key(Some(&"x".repeat(255))).unwrap().unwrap().len(), 255);
    for unfilled in ["{order_id}", "[ORDER_NUM]", "undefined"] {
        assert_eq!(key(Some(unfilled)), Ok(None), "{unfilled}");
    }
    for wrong in ["", "  ", "é", "a\nb", &"x".repeat(256)] {
        assert_eq!(key(Some(wrong)).unwrap_err().code, "invalid_idempotency_key");
    }
}

struct Word(&'static str);

impl Told for Word {
    fn remembered(&self) -> Option<(u16, String)> {
        let status = if self.0 == "wrong" { 400 } else { 200 };
        (!self.0.is_empty()).then(|| (status, self.0.to_owned()))
    }

    fn recalled(_status: u16, text: &str) -> Option<Self> {
        ["first", "fourth"]
            .into_iter()
            .find(|word| *word == text)
            .map(Word)
    }
}

const PROVEN: Option<&str> = Some("Bearer cart");

fn scope(before: Option<&str>) -> Scope {
    Scope {
        kind: "token",
        who: "cart".into(),
        of: "offer1".into(),
        before: before.map(Into::into),
        signed: None,
    }
}

fn sent(request: &[u8]) -> Idempotency {
    Idempotency {
        key: "k".into(),
        endpoint: "/cv".into(),
        request: duplicates::request_hash(request, b""),
    }
}

fn ask_as(recorder: &Recorder, scope: Option<Scope>, request: &[u8], answer: &'static str) -> &'static str {
    let idempotency = sent(request);
    let decide =
        move |group: &mut Group<'_>| once(Some(&idempotency), scope.as_ref(), group, |_| Ok(Word(answer)));
    match recorder.try_run_blocking(decide).unwrap().unwrap() {
        Outcome::Decided(word) => word.0,
        Outcome::KeyReused => "reused",
        Outcome::KeyUnreadable => "unreadable",
        Outcome::Locked => "locked",
    }
}

fn ask(recorder: &Recorder, request: &[u8], answer: &'static str) -> &'static str {
    ask_as(recorder, Some(scope(PROVEN)), request, answer)
}

fn store(recorder: &Recorder, record: Vec<u8>) {
    let at = sent(b"").hash(&scope(PROVEN));
    let put = move |group: &mut Group<'_>| group.put(keys::idempotency(&at), record);
    recorder.run_blocking(put).unwrap();
}

fn stored(answer: &str) -> Stored {
    Stored {
        expires_at_ms: i64::MAX,
        body_hash: duplicates::request_hash(b"a", b""),
        status: 200,
        answer: answer.into(),
    }
}

#[test]
fn who_proved_nothing_is_never_refused_for_a_key_and_a_refused_caller_finds_none() {
    let instance = Instance::start(1_763_000_000_000);
    let recorder = &instance.recorder;
    assert_eq!(ask_as(recorder, Some(scope(None)), b"a", "first"), "first");
    assert_eq!(ask_as(recorder, Some(scope(None)), b"b", "second"), "second");
    assert_eq!(ask_as(recorder, Some(scope(None)), b"a", "third"), "first");
    assert_eq!(ask_as(recorder, None, b"a", "fourth"), "fourth");
    let other_offer = Scope {
        of: "offer2".into(),
        ..scope(PROVEN)
    };
    assert_eq!(ask_as(recorder, Some(other_offer), b"b", "fifth"), "fifth");
}

#[test]
fn what_was_signed_is_decided_once_until_its_time_is_over() {
    let now_ms = 1_763_000_000_000;
    let instance = Instance::start(now_ms);
    let signed = |timestamp: &str, path: &str| {
        let proof = Proof {
            timestamp: Some(timestamp.into()),
            path: path.into(),
            ..Proof::default()
        };
        Signed::of(&proof, "offer1").unwrap()
    };
    let ask = |signed: Signed, answer: &'static str| {
        let scope = Scope {
            signed: Some(signed),
            ..scope(PROVEN)
        };
        let decide = move |group: &mut Group<'_>| once(None, Some(&scope), group, |_| Ok(Word(answer)));
        match instance.recorder.try_run_blocking(decide).unwrap().unwrap() {
            Outcome::Decided(word) => word.0,
            Outcome::KeyReused | Outcome::KeyUnreadable | Outcome::Locked => "no answer",
        }
    };
    assert_eq!(signed("1763000000", "/cv").ends_at_ms, now_ms + 301_000);
    for passing in ["", "wrong"] {
        assert_eq!(
            ask(signed("1763000000", "/cv"), passing),
            passing,
            "remembers nothing"
        );
    }
    assert_eq!(ask(signed("1763000000", "/cv"), "first"), "first");
    assert_eq!(ask(signed("1763000000", "/cv"), "second"), "first");
    assert_eq!(ask(signed("1763000001", "/cv"), "second"), "second");
    assert_eq!(ask(signed("1763000000", "/event"), "third"), "third");
}

#[test]
fn the_form_before_is_found_by_proven_callers_for_the_same_request_only() {
    let instance = Instance::start(1_763_000_000_000);
    let recorder = &instance.recorder;
    let at = duplicates::unscoped_idempotency_hash("Bearer cart", "/cv", "k");
    let put = move |group: &mut Group<'_>| group.save(keys::idempotency(&at), &stored("first"));
    recorder.try_run_blocking(put).unwrap().unwrap();
    assert_eq!(ask_as(recorder, Some(scope(None)), b"a", "stranger"), "stranger");
    let other = Some(Scope {
        of: "offer2".into(),
        ..scope(PROVEN)
    });
    assert_eq!(ask_as(recorder, other, b"b", "other"), "other");
    let cart = Some(Scope {
        of: "offer3".into(),
        ..scope(PROVEN)
    });
    assert_eq!(ask_as(recorder, cart, b"a", "second"), "first");
}

#[test]
fn kinds_of_callers_never_meet() {
    let caller = |authorization: Option<&str>, tuid: &str| Caller {
        is_operator: false,
        tuid: tuid.into(),
        proof: Proof {
            authorization: authorization.map(Into::into),
            ..Proof::default()
        },
        ..Caller::operator([127, 9, 9, 9].into(), String::new())
    };
    let mut listed = TrustPolicy {
        mode: crate::domain::offer::TrustMode::Enforced,
        ..TrustPolicy::default()
    };
    listed.allowed_ips = vec!["127.0.0.0/8".parse().unwrap()];
    let open = TrustPolicy::default();
    let hash = |policy: &TrustPolicy, caller: &Caller, of: &str| {
        let judgement = trust::judge(policy, TrustScope::Conversions, caller, 0);
        let scope = Scope::judged(policy, judgement, caller, of).unwrap();
        sent(b"a").hash(&scope)
    };
    let all = [
        hash(&listed, &caller(None, ""), "o"),
        hash(&open, &caller(None, ""), "o"),
        hash(&open, &caller(None, ""), "p"),
        hash(&open, &caller(None, "127.9.9.9"), "o"),
    ];
    let distinct: std::collections::HashSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), all.len());
    assert_eq!(
        hash(&open, &caller(Some("127.9.9.9"), ""), "o"),
        all[1],
        "a header that proves nothing names nobody"
    );
    let refused = Judgement::Refused(crate::domain::activity::RefusalReason::BadToken);
    assert_eq!(Scope::judged(&listed, refused, &caller(None, ""), "o"), None);
}

#[test]
fn the_first_answer_comes_again_and_what_cannot_be_read_waits_for_the_store_to_be_rebuilt() {
    let instance = Instance::start(1_763_000_000_000);
    let recorder = &instance.recorder;
    assert_eq!(ask(recorder, b"a", ""), "", "an answer that asks to come again");
    assert_eq!(ask(recorder, b"a", "first"), "first");
    assert_eq!(ask(recorder, b"a", "second"), "first");
    assert_eq!(ask(recorder, b"b", "second"), "reused");
    store(recorder, vec![255, 255, 255]);
    assert_eq!(ask(recorder, b"a", "second"), "unreadable");
    let is_up = || recorder.reader().get(keys::idempotency(&[0; 16]).0, b"x").is_ok();
    assert!(!is_up(), "until then nothing is decided");
    // As the keeper does by itself; this instance has no threads.
    assert!(instance.keeper.restore_now() && is_up());
    assert_eq!(ask(recorder, b"a", "third"), "third");
    let losses = recorder.reader().health().losses;
    assert!(losses[0].message.contains("idempotency key"), "{losses:?}");
    store(recorder, stored("fir").encode().unwrap());
    assert_eq!(ask(recorder, b"a", "fourth"), "fourth");
    assert_eq!(ask(recorder, b"a", "fifth"), "fourth");
}
