//! What holds for any values and any text.

use super::*;
use proptest::prelude::*;

/// Texts that look like rules more often than chance would make them.
fn rule_like() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        Just("http://h.example/".to_owned()),
        Just("https://h.example".to_owned()),
        Just("equal,".to_owned()),
        Just("contained,{country},".to_owned()),
        Just("{sid}".to_owned()),
        Just("##PARA1##".to_owned()),
        Just("{idfa||dcp_x}".to_owned()),
        Just("{".to_owned()),
        Just("##".to_owned()),
        Just("#".to_owned()),
        Just("%".to_owned()),
        Just("%7B".to_owned()),
        Just("＃＃".to_owned()),
        Just(" \u{3000}".to_owned()),
        Just("&a=".to_owned()),
        Just("?".to_owned()),
        Just("/".to_owned()),
        Just(",".to_owned()),
        Just(":@[]".to_owned()),
        any::<String>(),
    ];
    proptest::collection::vec(pieces, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn nothing_panics_and_places_are_inside(text in rule_like(), value in any::<String>()) {
        let parsed = RuleText::parse(&text);
        prop_assert_eq!(parsed.text.is_none(), parsed.findings.iter().any(Finding::is_error));
        for finding in &parsed.findings {
            prop_assert!(text.get(finding.start..finding.end).is_some(), "{:?}", finding);
        }
        let given = Given::new(&[("sid", &value), ("para1", &value), ("country", &value)]);
        for entry in parsed.text.iter().flat_map(|text| &text.entries) {
            if let Ok(url) = entry.url.render(&given, &NoData::Drop) {
                prop_assert!(url.is_ascii() && !url.contains(char::is_whitespace));
                prop_assert!(::url::Url::parse(&url).is_ok(), "{}", url);
            }
        }
        for body in [RuleBody::Json { template: text.clone() }, RuleBody::Form { template: text.clone() }] {
            if let Ok(compiled) = compile(&post(body)) {
                prop_assert!(compiled.render(&compiled.text.entries[0], &given).is_ok());
            }
        }
    }

    #[test]
    fn a_receiver_decodes_what_the_values_were(
        a in any::<String>(), b in "\\PC{1,40}", key in "[a-z]{1,8}", c in any::<String>(),
    ) {
        let given = Given::new(&[("para1", &a), ("label", &b)]).with_custom(&[(&key, &c)]);
        let url = urls("https://h.example/x-{label}/y?a=##PARA1##&lit=%41+b&b={label}.{para1}", &given).remove(0);
        let url = ::url::Url::parse(&url).unwrap();
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        prop_assert_eq!(&pairs[0], &("a".to_owned(), a.clone()));
        prop_assert_eq!(&pairs[1], &("lit".to_owned(), "A b".to_owned()));
        prop_assert_eq!(&pairs[2], &("b".to_owned(), format!("{b}.{a}")));
        prop_assert_eq!(&pairs[3], &(key, c));
        let path = percent_encoding::percent_decode_str(url.path()).decode_utf8().unwrap().into_owned();
        prop_assert_eq!(path, format!("/x-{b}/y"));
    }

    #[test]
    fn literals_go_out_byte_for_byte(path in "[a-zA-Z0-9._~!$'()*,;:@-]{3,20}", query in "([a-z]{1,4}=[a-zA-Z0-9._~!$'()*,;:@/?+-]{0,8}&?){0,4}") {
        let text = format!("https://H.example/{path}?{query}");
        prop_assume!(errors(&text).is_empty());
        prop_assert_eq!(urls(&text, &Given::default()), [text]);
    }

    #[test]
    fn json_stays_json(value in any::<String>(), word in any::<String>()) {
        let given = Given::new(&[("sid", &value), ("amount", &value), ("publisher_parameters", &value)]);
        let template = r#"{"a":"<{sid}>","b":{sid},"c":[{amount},{label}],"d":{publisher_parameters}}"#;
        for no_data in [NoData::Empty, NoData::Drop, NoData::Word { word }] {
            let body = json(template, no_data, &given);
            let parsed: serde_json::Value = serde_json::from_str(&body).unwrap();
            if !value.is_empty() {
                let wrapped = format!("<{value}>");
                prop_assert_eq!(parsed["a"].as_str(), Some(wrapped.as_str()));
                prop_assert_eq!(parsed["b"].as_str(), Some(value.as_str()));
            }
        }
    }

    #[test]
    fn dropping_takes_exactly_the_pairs_without_data(has in proptest::collection::vec(any::<bool>(), 1..6)) {
        let names = ["para1", "para2", "para3", "para4", "para5", "label"];
        let text: Vec<String> = has.iter().zip(names).map(|(_, name)| format!("{name}={{{name}}}")).collect();
        let pairs: Vec<(&str, &str)> =
            has.iter().zip(names).filter(|(has, _)| **has).map(|(_, name)| (name, "v")).collect();
        let given = Given::new(&pairs);
        let url = url_with(NoData::Drop, &format!("https://h.example/?{}", text.join("&")), &given);
        let kept: Vec<(String, String)> = ::url::Url::parse(&url).unwrap().query_pairs().into_owned().collect();
        let expected: Vec<(String, String)> = pairs.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
        prop_assert_eq!(kept, expected);
    }
}
