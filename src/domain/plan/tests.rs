//! Which rules fire for what, and what comes of them.

mod click_id;
mod of_platforms;

use super::*;
use crate::domain::activity::RefusalReason;
use crate::domain::ids::{EventToken, RuleId};
use crate::domain::postback::{FailReason, Method, PostbackState};
use crate::domain::rule::NoData;
use crate::domain::template::sample::{Sample, sample_activity};
use ActivityKind as K;
use ConversionStatus as S;

fn offer_wide(id: &str, text: &str) -> Rule {
    Rule {
        id: id.parse().unwrap(),
        name: String::new(),
        enabled: true,
        scope: RuleScope::Offer {
            offer: "tea4u7k2m9p1".parse().unwrap(),
        },
        kinds: Vec::new(),
        event: None,
        statuses: Vec::new(),
        text: text.into(),
        method: Method::Get,
        body: None,
        headers: Vec::new(),
        no_data: NoData::Empty,
        signing_secret: None,
        include_bots: false,
        allow_empty_click_id: false,
        amount_changes: false,
        credit: Default::default(),
        secrets_of: None,
        event_map: Vec::new(),
        needs: Vec::new(),
        max_age_h: None,
        consent: Default::default(),
        full_address: false,
        test: None,
        answers: None,
        second_look: None,
        updated_at_ms: 0,
    }
}

fn of_partner(id: &str, text: &str) -> Rule {
    let scope = RuleScope::Partner {
        partner: "blognet1".parse().unwrap(),
        offer: None,
    };
    Rule {
        scope,
        ..offer_wide(id, text)
    }
}

fn for_status(id: &str, status: S) -> Rule {
    let text = format!("https://h.example/{id}?s={{status}}");
    Rule {
        statuses: vec![status],
        kinds: vec![K::Event, K::EventUpdate],
        ..of_partner(id, &text)
    }
}

fn run(sample: &Sample, rules: &[Rule]) -> Plan {
    let compiled: Vec<CompiledRule> = rules.iter().map(|rule| compile(rule).unwrap()).collect();
    let mut next = 0;
    plan(&sample.activity, &sample.context(), &compiled, &mut || {
        next += 1;
        (PostbackId::new(sample.activity.at_ms, next), 100 + next)
    })
}

fn fired(sample: &Sample, rules: &[Rule]) -> Vec<String> {
    run(sample, rules)
        .postbacks
        .iter()
        .map(|postback| match &postback.origin {
            Origin::Rule(id) => id.to_string(),
            Origin::Link(name) => name.clone(),
            Origin::Test(id) => format!("test {id}"),
        })
        .collect()
}

fn sample(kind: K) -> Sample {
    sample_activity(kind).unwrap()
}

fn with_status(kind: K, status: S) -> Sample {
    let mut sample = sample(kind);
    sample.activity.status = Some(status);
    sample
}

const ANY: &str = "https://h.example/";

#[test]
fn scopes() {
    let other_offer = RuleScope::Offer {
        offer: "other1".parse().unwrap(),
    };
    let other_partner = RuleScope::Partner {
        partner: "other1".parse().unwrap(),
        offer: None,
    };
    let partner: PartnerId = "blognet1".parse().unwrap();
    let scoped = |offer: &str| RuleScope::Partner {
        partner: partner.clone(),
        offer: offer.parse().ok(),
    };
    let rules = [
        offer_wide("wide1", ANY),
        Rule {
            scope: other_offer,
            ..offer_wide("no1", ANY)
        },
        of_partner("part1", ANY),
        Rule {
            scope: other_partner,
            ..offer_wide("no2", ANY)
        },
        Rule {
            scope: scoped("tea4u7k2m9p1"),
            ..offer_wide("part2", ANY)
        },
        Rule {
            scope: scoped("other1"),
            ..offer_wide("no3", ANY)
        },
        Rule {
            enabled: false,
            ..offer_wide("no4", ANY)
        },
        Rule {
            kinds: vec![K::Install],
            ..offer_wide("no5", ANY)
        },
        Rule {
            kinds: vec![K::Install, K::Event],
            ..offer_wide("kind1", ANY)
        },
        Rule {
            event: "k3w9zt".parse().ok(),
            ..offer_wide("event1", ANY)
        },
        Rule {
            event: "aaaaaa".parse().ok(),
            ..offer_wide("no6", ANY)
        },
    ];
    assert_eq!(
        fired(&sample(K::Event), &rules),
        ["wide1", "part1", "part2", "kind1", "event1"]
    );
    let mut organic = sample(K::Event);
    organic.activity.session = None;
    assert_eq!(fired(&organic, &rules), ["wide1", "kind1", "event1"]);
}

#[test]
fn the_same_url_in_two_places_is_called_twice() {
    let plan = run(
        &sample(K::Event),
        &[offer_wide("wide1", ANY), of_partner("part1", ANY)],
    );
    assert_eq!(plan.postbacks.len(), 2);
    assert_eq!(plan.postbacks[0].request.url, plan.postbacks[1].request.url);
    assert_eq!(plan.postbacks[0].partner, None);
    assert_eq!(
        plan.postbacks[1].partner.as_ref().map(|p| p.as_str()),
        Some("blognet1")
    );
}

#[test]
fn a_change_of_the_amount_alone_enters_no_status() {
    let mut corrected = with_status(K::EventUpdate, S::Approved);
    corrected.activity.outdated_status = Some(S::Approved);
    let asks = |rule: Rule| Rule {
        amount_changes: true,
        ..rule
    };
    let rules = [
        for_status("appr1", S::Approved),
        of_partner("part1", ANY),
        asks(of_partner("asks1", ANY)),
        asks(for_status("asks2", S::Approved)),
        asks(for_status("asks3", S::Rejected)),
    ];
    assert_eq!(
        fired(&corrected, &rules),
        ["asks1", "asks2"],
        "only those that ask for it"
    );
    corrected.activity.outdated_status = Some(S::Pending);
    assert_eq!(fired(&corrected, &rules), ["appr1", "part1", "asks1", "asks2"]);
}

#[test]
fn a_rule_of_installs_that_names_statuses_hears_of_their_changes() {
    let of_installs = |id: &str, statuses: &[S]| Rule {
        kinds: vec![K::Install],
        statuses: statuses.to_vec(),
        ..of_partner(id, ANY)
    };
    let rules = [
        of_installs("once1", &[]),
        of_installs("pend1", &[S::Pending]),
        of_installs("reje1", &[S::Rejected]),
        of_installs("both1", &[S::Approved, S::Rejected]),
    ];
    let mut install = sample(K::Install);
    install.activity.status = Some(S::Approved);
    assert_eq!(fired(&install, &rules), ["once1", "both1"]);
    install.activity.status = Some(S::Pending);
    assert_eq!(fired(&install, &rules), ["once1", "pend1"]);
    let mut update = sample(K::EventUpdate);
    update.activity.event = None;
    update.activity.status = Some(S::Rejected);
    update.activity.outdated_status = Some(S::Pending);
    update.activity.facts = vec![("event_name".into(), "install".into())];
    assert_eq!(fired(&update, &rules), ["reje1", "both1"]);
    update.activity.facts = vec![("event_name".into(), "reinstall".into())];
    assert!(fired(&update, &rules).is_empty());
}

#[test]
fn three_urls_a_partner() {
    let pending = for_status("pend1", S::Pending);
    let approved = for_status("appr1", S::Approved);
    let rejected = for_status("reje1", S::Rejected);
    let all = [pending.clone(), approved.clone(), rejected.clone()];
    for (kind, status, rules, expected) in [
        (K::Event, S::Pending, &all[..], vec!["pend1"]),
        (K::Event, S::Approved, &all[..], vec!["appr1"]),
        (K::EventUpdate, S::Approved, &all[..], vec!["appr1"]),
        (K::EventUpdate, S::Rejected, &all[..], vec!["reje1"]),
        // Automatic approval with a pending URL only.
        (K::Event, S::Approved, &all[..1], vec!["pend1"]),
        (
            K::Event,
            S::Approved,
            &[pending.clone(), rejected.clone()][..],
            vec!["pend1"],
        ),
        // Not for later changes, not for rejections.
        (K::EventUpdate, S::Approved, &all[..1], vec![]),
        (K::Event, S::Rejected, &all[..1], vec![]),
        // An offer-wide rule neither stands in nor covers.
        (
            K::Event,
            S::Approved,
            &[Rule {
                statuses: vec![S::Pending],
                ..offer_wide("wide1", ANY)
            }][..],
            vec![],
        ),
        (
            K::Event,
            S::Approved,
            &[offer_wide("wide1", ANY), pending.clone()][..],
            vec!["wide1", "pend1"],
        ),
        // A rule without statuses covers all of them.
        (
            K::Event,
            S::Approved,
            &[of_partner("any1", ANY), pending.clone()][..],
            vec!["any1"],
        ),
    ] {
        assert_eq!(
            fired(&with_status(kind, status), rules),
            expected,
            "{kind} {status:?}"
        );
        // Asked one by one, beside the others, they say the same.
        let sample = with_status(kind, status);
        let compiled: Vec<CompiledRule> = rules.iter().map(|rule| compile(rule).unwrap()).collect();
        for rule in &compiled {
            let others = compiled.iter().filter(|other| other.rule.id != rule.rule.id);
            assert_eq!(
                fires(rule, others, &sample.activity, &sample.context()),
                expected.contains(&rule.rule.id.as_str()),
                "{kind} {status:?} {}",
                rule.rule.id
            );
        }
    }
    // Another event's rule does not cover.
    let other = Rule {
        event: "aaaaaa".parse().ok(),
        ..approved
    };
    assert_eq!(
        fired(&with_status(K::Event, S::Approved), &[other, pending]),
        ["pend1"]
    );
    assert!(fired(&sample(K::Install), &all).is_empty());
}

#[test]
fn bots_fire_nothing_unless_asked() {
    let mut bot = sample(K::Click);
    let session = bot.activity.session.as_mut().unwrap();
    session.flags.is_bot = true;
    session.callbacks = vec![LinkCallback {
        name: "click_callback".into(),
        text: ANY.into(),
    }];
    let rules = [
        offer_wide("people", ANY),
        Rule {
            include_bots: true,
            ..offer_wide("all1", ANY)
        },
    ];
    assert_eq!(fired(&bot, &rules), ["all1"]);
    bot.offer.count_bots = true;
    assert_eq!(fired(&bot, &rules), ["people", "all1", "click_callback"]);
}

#[test]
fn refused_and_duplicate_activities_fire_nothing() {
    let mut sample = sample(K::Event);
    let rules = [offer_wide("wide1", ANY)];
    sample.activity.verdict = Verdict::Refused {
        reason: RefusalReason::OutsideWindow,
    };
    assert_eq!(run(&sample, &rules), Plan::default());
    let reason = RefusalReason::DuplicateUid;
    sample.activity.verdict = Verdict::Duplicate {
        of: sample.activity.id,
        reason,
    };
    assert_eq!(run(&sample, &rules), Plan::default());
}

#[test]
fn callbacks_of_the_click() {
    let names = [
        "install_callback",
        "conversion_callback",
        "reattribution_callback",
        "session_callback",
        "event_callback",
        "event_callback_k3w9zt",
        "event_callback_aaaaaa",
        "adj_event_callback_k3w9zt",
        "click_callback",
        "impression_callback",
        "rejected_install_callback",
        "rejected_reattribution_callback",
        "adj_install_callback",
        "callback",
    ];
    let callbacks: Vec<LinkCallback> = names
        .map(|name| LinkCallback {
            name: name.into(),
            text: format!("https://p.example/?k={{activity_kind}}&n={name}"),
        })
        .to_vec();
    for (kind, expected) in [
        (
            K::Install,
            vec!["install_callback", "conversion_callback", "adj_install_callback"],
        ),
        (
            K::Reattribution,
            vec!["conversion_callback", "reattribution_callback"],
        ),
        (K::Session, vec!["session_callback"]),
        (
            K::Event,
            vec![
                "event_callback",
                "event_callback_k3w9zt",
                "adj_event_callback_k3w9zt",
            ],
        ),
        (K::EventUpdate, vec![]),
        (K::Click, vec!["click_callback"]),
        (K::Impression, vec!["impression_callback"]),
        (K::RejectedInstall, vec!["rejected_install_callback"]),
        (K::RejectedReattribution, vec!["rejected_reattribution_callback"]),
        (K::Uninstall, vec![]),
    ] {
        let mut sample = sample(kind);
        sample.activity.session.as_mut().unwrap().callbacks = callbacks.clone();
        assert_eq!(fired(&sample, &[]), expected, "{kind}");
    }
    let mut sample = sample(K::Install);
    let text = "equal,{country},us,https://p.example/us https://p.example/{sid} http://p.example/..";
    sample.activity.session.as_mut().unwrap().callbacks = vec![LinkCallback {
        name: "install_callback".into(),
        text: text.into(),
    }];
    let plan = run(&sample, &[]);
    assert!(plan.postbacks.is_empty());
    assert_eq!(plan.outcomes[0].skipped.as_deref(), Some("invalid_callback"));
}

#[test]
fn a_postback_carries_what_delivery_needs() {
    let mut sample = with_status(K::EventUpdate, S::Approved);
    sample.activity.is_test = true;
    let text = "equal,{country},us,https://us.example/ https://H.example/cb?id={postback_id}&r={random}&n={nonce}&e={environment}";
    let plan = run(&sample, &[of_partner("part1", text)]);
    assert_eq!(plan.outcomes.len(), 2);
    assert_eq!(
        plan.outcomes[0].condition.as_deref(),
        Some(r#"{country} = "jp" equal "us""#)
    );
    assert_eq!((plan.outcomes[0].holds, plan.outcomes[0].postback), (false, None));
    let postback = &plan.postbacks[0];
    assert_eq!(plan.outcomes[1].postback, Some(postback.id));
    assert_eq!(postback.entry, 1);
    let id = postback.id;
    let expected =
        format!("https://H.example/cb?id={id}&r=102&n={id}0000000000000066&e=sandbox&userID=123456");
    assert_eq!(postback.request.url, expected);
    assert_eq!(postback.lane.to_string(), "https://h.example:443");
    assert_eq!(postback.order_key, sample.activity.of);
    assert!(postback.is_test);
    assert_eq!(
        postback.state,
        PostbackState::Waiting {
            due_at_ms: sample.activity.at_ms
        }
    );
    assert_eq!(postback.attempts, 0);
    let first = run(
        &with_status(K::Event, S::Pending),
        &[of_partner("part1", ANY), offer_wide("wide1", ANY)],
    );
    assert_eq!(first.postbacks[0].order_key, Some(first.postbacks[0].activity));
    assert_eq!(first.postbacks[1].order_key, None);
    let click = run(&self::sample(K::Click), &[of_partner("part1", ANY)]);
    assert_eq!(click.postbacks[0].order_key, None);
}

#[test]
fn what_cannot_be_rendered_is_kept_as_failed() {
    let mut sample = sample(K::Event);
    sample.activity.session.as_mut().unwrap().label = "..".into();
    let plan = run(&sample, &[offer_wide("wide1", "https://h.example/{label}/x")]);
    let postback = &plan.postbacks[0];
    let failed = PostbackState::Failed {
        at_ms: sample.activity.at_ms,
        reason: FailReason::Unrenderable,
    };
    assert_eq!(postback.state, failed);
    assert_eq!(postback.request.url, "https://h.example/{label}/x");
    assert_eq!(plan.outcomes[0].skipped.as_deref(), Some("dot_segment"));
    assert_eq!(plan.outcomes[0].postback, Some(postback.id));
}

#[test]
fn clicks_and_impressions_are_their_session() {
    for kind in [K::Click, K::Impression] {
        let sample = sample(kind);
        let session = *sample.activity.session.clone().unwrap();
        let activity = engagement(session.clone());
        assert_eq!((activity.kind, activity.at_ms), (kind, session.at_ms()));
        assert_eq!(activity.id.to_string(), session.id.to_string());
        let rule = compile(&offer_wide(
            "wide1",
            "https://h.example/?k={activity_kind}&s={sid}&p=##PARA1##",
        ))
        .unwrap();
        let made = plan(&activity, &sample.context(), [&rule], &mut || {
            (PostbackId::new(1, 1), 1)
        });
        let sid = session.id;
        assert_eq!(
            made.postbacks[0].request.url,
            format!("https://h.example/?k={kind}&s={sid}&p=c-5f21e8")
        );
    }
}

#[test]
fn preview_is_what_is_delivered() {
    let sample = sample(K::Event);
    let allow = |_: &str| None;
    let checks = CheckContext {
        refuse_host: &allow,
        partner: None,
        has_secret: None,
        events: None,
    };
    let text = "equal,{country},us,https://us.example/?s={sid} http://h.example/?s={sid}&a=##AMOUNT##";
    let rule = offer_wide("wide1", text);
    let preview = preview(&rule, &sample.activity, &sample.context(), &checks);
    assert_eq!(
        preview.findings.iter().map(|f| f.code).collect::<Vec<_>>(),
        ["plain_http"]
    );
    let holds: Vec<bool> = preview.entries.iter().map(|entry| entry.holds).collect();
    assert_eq!(holds, [false, true]);
    assert_eq!(preview.entries[0].condition.as_ref().unwrap().actual, "jp");
    let sent = &run(&sample, std::slice::from_ref(&rule)).postbacks[0];
    assert_eq!(preview.entries[1].request.as_ref(), Some(&sent.request));
    let broken = super::preview(
        &offer_wide("wide1", "{sid}"),
        &sample.activity,
        &sample.context(),
        &checks,
    );
    assert!(broken.entries.is_empty() && broken.findings[0].is_error());
    serde_json::to_string(&preview).unwrap();
}

#[test]
fn test_sends_are_labelled() {
    let sample = sample(K::Event);
    let rule = compile(&Rule {
        kinds: vec![K::Install],
        ..of_partner("part1", ANY)
    })
    .unwrap();
    let plan = plan_test(&rule, &sample.activity, &sample.context(), &mut || {
        (PostbackId::new(1, 1), 1)
    });
    let id: RuleId = "part1".parse().unwrap();
    assert_eq!(plan.postbacks[0].origin, Origin::Test(id));
    assert!(plan.postbacks[0].is_test && plan.postbacks[0].order_key.is_none());
}

#[test]
fn event_tokens_are_compared_whole() {
    let mut sample = sample(K::Event);
    let token: EventToken = "k3w9zu".parse().unwrap();
    sample.activity.event = Some(token);
    let rule = Rule {
        event: "k3w9zt".parse().ok(),
        ..offer_wide("wide1", ANY)
    };
    assert!(fired(&sample, &[rule]).is_empty());
}
