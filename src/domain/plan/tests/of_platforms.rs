//! Rules for platforms: whose conversions they hear, what they are called, what they need.

use super::*;
use crate::domain::rule::{Credit, EventWord, TestSwitch};
use crate::domain::session::LinkCallback;

/// Of a partner that did not earn the sample.
fn platform(text: &str) -> Rule {
    Rule {
        scope: RuleScope::Partner {
            partner: "platform1".parse().unwrap(),
            offer: None,
        },
        credit: Credit::Any,
        ..offer_wide("capi1", text)
    }
}

fn skipped(sample: &Sample, rule: &Rule) -> Vec<(String, Option<String>)> {
    let plan = run(sample, std::slice::from_ref(rule));
    assert!(plan.postbacks.is_empty());
    let outcomes = plan.outcomes.into_iter();
    outcomes
        .map(|outcome| (outcome.skipped.unwrap_or_default(), outcome.condition))
        .collect()
}

#[test]
fn a_platform_hears_what_others_earned_but_no_clicks() {
    let rule = platform(ANY);
    for kind in [K::Event, K::EventUpdate, K::Install] {
        let made = run(&sample(kind), std::slice::from_ref(&rule));
        assert_eq!(made.postbacks.len(), 1, "{kind}");
        assert_eq!(made.postbacks[0].partner.as_ref().unwrap().as_str(), "platform1");
    }
    assert!(
        run(&sample(K::Click), std::slice::from_ref(&rule))
            .postbacks
            .is_empty()
    );
    let mut organic = sample(K::Install);
    organic.activity.session = None;
    assert_eq!(run(&organic, std::slice::from_ref(&rule)).postbacks.len(), 1);
    let credited = Rule {
        credit: Credit::Credited,
        ..rule.clone()
    };
    assert!(run(&sample(K::Event), &[credited]).postbacks.is_empty());
    let elsewhere = Rule {
        scope: RuleScope::Partner {
            partner: "platform1".parse().unwrap(),
            offer: "otheroffer".parse().ok(),
        },
        ..rule
    };
    assert!(run(&sample(K::Event), &[elsewhere]).postbacks.is_empty());
}

#[test]
fn a_platform_with_an_approved_rule_does_not_keep_a_partner_from_its_pending_one() {
    let mut sample = sample(K::Event);
    sample.activity.status = Some(S::Approved);
    let approved = Rule {
        statuses: vec![S::Approved],
        ..platform(ANY)
    };
    let plan = run(&sample, &[for_status("pend1", S::Pending), approved]);
    assert_eq!(plan.postbacks.len(), 2);
}

#[test]
fn events_have_the_platforms_words_and_those_without_one_are_skipped() {
    let word = |event: &str, status, word: &str| EventWord {
        event: event.into(),
        status,
        word: word.into(),
    };
    let mut rule = platform("https://h.example/?e={event_word}");
    rule.event_map = vec![
        word("purchase", None, "Purchase"),
        word("PURCHASE", Some(S::Rejected), "Refund"),
        word("install", None, "Install"),
    ];
    let url = |sample: &Sample| {
        run(sample, std::slice::from_ref(&rule)).postbacks[0]
            .request
            .url
            .clone()
    };
    let mut conversion = sample(K::Event);
    assert_eq!(url(&conversion), "https://h.example/?e=Purchase");
    conversion.activity.status = Some(S::Rejected);
    assert_eq!(url(&conversion), "https://h.example/?e=Refund");
    assert_eq!(url(&sample(K::Install)), "https://h.example/?e=Install");
    let session = skipped(&sample(K::Session), &rule);
    assert_eq!(session[0].0, "not_mapped");
    rule.event_map.truncate(0);
    rule.event_map.push(word("lead", None, "Lead"));
    let lead = skipped(&sample(K::Event), &rule);
    assert_eq!(lead, [("not_mapped".into(), Some("event_map: purchase".into()))]);
}

#[test]
fn without_any_of_what_it_needs_nothing_is_sent_and_the_trace_says_what_is_missing() {
    let mut rule = platform(ANY);
    rule.needs = vec!["{dcp_ttclid}".into(), "{dcp_sa_p}{dcp_sa_t}".into()];
    let mut sample = sample(K::Event);
    let missing = [(
        "no_identifier".into(),
        Some("{dcp_ttclid} || {dcp_sa_p}{dcp_sa_t}".into()),
    )];
    assert_eq!(skipped(&sample, &rule), missing);
    let add = |sample: &mut Sample, name: &str| {
        let session = sample.activity.session.as_mut().unwrap();
        session.parameters.push((name.into(), "x".into()));
    };
    add(&mut sample, "sa_p");
    assert_eq!(skipped(&sample, &rule), missing, "half of one is none");
    add(&mut sample, "sa_t");
    assert_eq!(run(&sample, std::slice::from_ref(&rule)).postbacks.len(), 1);
    let shown = preview(
        &rule,
        &super::sample(K::Event).activity,
        &sample.context(),
        &CheckContext {
            refuse_host: &|_| None,
            partner: None,
            has_secret: Some(&|_| false),
            events: Some(&[]),
        },
    );
    assert_eq!((shown.skipped, shown.entries.len()), (Some("no_identifier"), 1));
}

#[test]
fn a_rule_says_which_consent_it_needs_and_an_operators_test_is_nobodys() {
    use crate::domain::identity::Consent::{Denied, Granted};
    use crate::domain::rule::ConsentNeed::{Any, Granted as OnlyGranted, NotDenied};
    for (data, ads, admitted) in [
        (None, None, [true, true, false]),
        (Some(Granted), None, [true, true, true]),
        (Some(Granted), Some(Denied), [true, true, true]),
        (Some(Denied), Some(Granted), [true, false, false]),
        (None, Some(Denied), [true, false, false]),
    ] {
        let mut sample = sample(K::Event);
        sample.activity.identity.ad_user_data = data;
        sample.activity.identity.ad_personalization = ads;
        for (need, is_admitted) in [Any, NotDenied, OnlyGranted].into_iter().zip(admitted) {
            let mut rule = platform(ANY);
            rule.consent = need;
            let plan = run(&sample, std::slice::from_ref(&rule));
            assert_eq!(
                plan.postbacks.len(),
                usize::from(is_admitted),
                "{data:?} {ads:?} {need:?}"
            );
            let codes: Vec<_> = plan.outcomes.iter().filter_map(|o| o.skipped.clone()).collect();
            assert_eq!(codes.contains(&"no_consent".to_owned()), !is_admitted);
        }
    }
}

#[test]
fn what_is_too_old_ends_and_what_is_not_says_when() {
    let sample = sample(K::Event);
    let mut rule = platform(ANY);
    rule.max_age_h = Some(24);
    let made = run(&sample, std::slice::from_ref(&rule)).postbacks.remove(0);
    assert_eq!(made.expires_at_ms, Some(sample.activity.at_ms + 86_400_000));
    assert!(!made.state.is_settled());
    let compiled = [compile(&rule).unwrap()];
    let late = Context {
        now_ms: sample.activity.at_ms + 86_400_000,
        ..sample.context()
    };
    let plan = plan(&sample.activity, &late, &compiled, &mut || {
        (PostbackId::new(1, 1), 1)
    });
    assert_eq!(plan.outcomes[0].skipped.as_deref(), Some("too_old"));
    let reason = FailReason::TooOld;
    let state = plan.postbacks[0].state;
    assert!(matches!(state, PostbackState::Failed { reason: r, .. } if r == reason));
}

#[test]
fn tests_carry_the_platforms_switch() {
    let mut rule = platform("https://h.example/?c={test_code}&f={test_flag}");
    rule.no_data = NoData::Drop;
    rule.test = Some(TestSwitch {
        code: "T1".into(),
        text: "https://stage.example/?c={test_code}&f={test_flag}".into(),
        by_hand_only: true,
    });
    let mut sample = sample(K::Event);
    let url = |plan: Plan| plan.postbacks[0].request.url.clone();
    assert_eq!(
        url(run(&sample, std::slice::from_ref(&rule))),
        "https://h.example/?f=false"
    );
    let compiled = compile(&rule).unwrap();
    let test = plan_test(&compiled, &sample.activity, &sample.context(), &mut || {
        (PostbackId::new(1, 1), 1)
    });
    assert_eq!(url(test), "https://stage.example/?c=T1&f=true");
    sample.activity.is_test = true;
    assert_eq!(skipped(&sample, &rule)[0].0, "test_by_hand_only");
    rule.test.as_mut().unwrap().by_hand_only = false;
    assert_eq!(url(run(&sample, &[rule])), "https://stage.example/?c=T1&f=true");
}

#[test]
fn a_click_url_cannot_have_secrets_sent() {
    let mut sample = sample(K::Event);
    let session = sample.activity.session.as_mut().unwrap();
    session.callbacks = vec![LinkCallback {
        name: "event_callback".into(),
        text: "https://h.example/?t={secret.token}".into(),
    }];
    let plan = run(&sample, &[]);
    assert!(plan.postbacks.is_empty());
    assert_eq!(plan.outcomes[0].skipped.as_deref(), Some("invalid_callback"));
}
