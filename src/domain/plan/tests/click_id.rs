//! A partner that is to be told its click id is not called without one.

use super::*;
use crate::domain::partner::ClickParameter;

fn with_para1(value: &str) -> Sample {
    let mut sample = sample(K::Event);
    sample.activity.session.as_mut().unwrap().para[0] = value.into();
    sample
}

fn state_of(sample: &Sample, rule: &Rule) -> (Option<String>, PostbackState) {
    let plan = run(sample, std::slice::from_ref(rule));
    let [outcome] = plan.outcomes.as_slice() else {
        panic!("{:?}", plan.outcomes)
    };
    (outcome.skipped.clone(), plan.postbacks[0].state)
}

fn is_withheld(sample: &Sample, rule: &Rule) -> bool {
    match state_of(sample, rule) {
        (Some(code), PostbackState::Failed { reason, .. }) => {
            assert_eq!((code.as_str(), reason), ("no_click_id", FailReason::NoClickId));
            true
        }
        (None, PostbackState::Waiting { .. }) => false,
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_a_click_id_the_partner_is_not_called() {
    let rule = of_partner("rule01", "https://h.example/pb?c=##PARA1##");
    assert!(!is_withheld(&with_para1("abc"), &rule));
    for empty in [
        "",
        "  ",
        "\u{200b}\n",
        "{clickid}",
        "__CLICKID__",
        "[click_id]",
        "undefined",
    ] {
        assert!(is_withheld(&with_para1(empty), &rule), "{empty}");
    }
    assert!(
        !is_withheld(&with_para1("test"), &rule),
        "what is doubtful is used"
    );
    let path = of_partner("rule01", "https://h.example/k/##PARA1##/");
    assert!(is_withheld(&with_para1(""), &path));
}

#[test]
fn the_withheld_request_can_be_sent_all_the_same() {
    let rule = of_partner("rule01", "https://h.example/pb?c=##PARA1##&o={content_uid1}");
    let plan = run(&with_para1(""), std::slice::from_ref(&rule));
    assert!(
        plan.postbacks[0]
            .request
            .url
            .starts_with("https://h.example/pb?c=&o=")
    );
}

#[test]
fn a_rule_may_allow_it() {
    let rule = Rule {
        allow_empty_click_id: true,
        ..of_partner("rule01", "https://h.example/pb?c=##PARA1##")
    };
    assert!(!is_withheld(&with_para1(""), &rule));
    assert!(!is_withheld(&with_para1("{clickid}"), &rule));
}

#[test]
fn only_the_click_id_of_a_partner_is_asked_for() {
    for text in [
        "https://h.example/pb?s={sid}",
        "https://h.example/pb?c={para1||sid}",
        "https://h.example/pb?c=##PARA2##",
        "notequal,{para1},x,https://h.example/pb",
    ] {
        assert!(
            !is_withheld(&with_para1(""), &of_partner("rule01", text)),
            "{text}"
        );
    }
    let own = offer_wide("rule01", "https://h.example/pb?c={para1}");
    assert!(!is_withheld(&with_para1(""), &own), "the advertiser's own server");
}

#[test]
fn the_partners_own_name_for_it_counts_too() {
    let mut sample = with_para1("");
    sample.partner.click_parameters = vec![ClickParameter {
        name: "click".into(),
        para: Some(1),
        macro_text: None,
    }];
    assert!(is_withheld(
        &sample,
        &of_partner("rule01", "https://h.example/pb?c={dcp_click}")
    ));
    assert!(!is_withheld(
        &sample,
        &of_partner("rule01", "https://h.example/pb?c={dcp_other}")
    ));
}

#[test]
fn bodies_are_looked_at() {
    let form = "POST,https://h.example/pb,c={para1}";
    assert!(is_withheld(&with_para1(""), &of_partner("rule01", form)));
}

#[test]
fn a_rule_warns_when_its_partner_brings_no_click_id() {
    let allow = |_: &str| None;
    let warned = |parameters: Vec<ClickParameter>, preset: Option<&str>| {
        let mut sample = sample(K::Event);
        sample.partner.click_parameters = parameters;
        sample.partner.preset = preset.map(Into::into);
        let context = CheckContext {
            refuse_host: &allow,
            partner: Some(&sample.partner),
            has_secret: None,
            events: None,
        };
        let rule = of_partner("rule01", "https://h.example/pb?c=##PARA1##");
        check(&rule, &context)
            .iter()
            .any(|finding| finding.code == "click_id_not_sent")
    };
    let parameter = |name: &str, text: Option<&str>| ClickParameter {
        name: name.into(),
        para: Some(1),
        macro_text: text.map(Into::into),
    };
    assert!(warned(vec![], None));
    assert!(warned(vec![parameter("param1", None)], None));
    assert!(warned(vec![parameter("param1", None)], Some("adcrops")));
    assert!(!warned(vec![parameter("param1", Some("{click_id}"))], None));
    assert!(
        !warned(vec![parameter("a8", None)], Some("a8net")),
        "appended by the partner itself"
    );
}
