//! Functions over values that are no secrets, also as one of several alternatives.

use super::*;

#[test]
fn functions_say_something_only_where_all_of_it_is_known() {
    for (template, given, value) in [
        (
            "{join:'fb.1.'+click_time_milli+'.'+cp_fbclid}",
            &[("click_time_milli", "17"), ("cp_fbclid", "Fb")][..],
            "fb.1.17.Fb",
        ),
        (
            "{join:'fb.1.'+click_time_milli+'.'+cp_fbclid}",
            &[("click_time_milli", "17")],
            "",
        ),
        (
            "{cp__fbc||join:'fb.1.'+click_time_milli+'.'+cp_fbclid}",
            &[
                ("cp__fbc", "fb.1.2.C"),
                ("cp_fbclid", "Fb"),
                ("click_time_milli", "17"),
            ],
            "fb.1.2.C",
        ),
        (
            "{cp__fbc||join:'fb.1.'+click_time_milli+'.'+cp_fbclid||join:'fb.1.'+created_at_milli+'.'+cp_fbclid}",
            &[("created_at_milli", "18"), ("cp_fbclid", "Fb")],
            "fb.1.18.Fb",
        ),
        ("{unless:cp_gclid+cp_gbraid}", &[("cp_gbraid", "B")], "B"),
        (
            "{unless:cp_gclid+cp_gbraid}",
            &[("cp_gbraid", "B"), ("cp_gclid", "A")],
            "",
        ),
        ("{unless:cp_gclid+cp_gbraid}", &[("cp_gclid", "A")], ""),
        (
            "{unless:cp_gclid+cp_gbraid+cp_wbraid}",
            &[("cp_wbraid", "W")],
            "W",
        ),
        (
            "{map:ad_user_data+'granted'+'G'+'denied'+'D'}",
            &[("ad_user_data", "denied")],
            "D",
        ),
        (
            "{map:ad_user_data+'granted'+'G'+'denied'+'D'}",
            &[("ad_user_data", "unknown")],
            "",
        ),
        ("{map:ad_user_data+'granted'+'G'}", &[], ""),
        (
            "{amount||map:event_word+'Purchase'+'0'}",
            &[("event_word", "Purchase")],
            "0",
        ),
        (
            "{amount||map:event_word+'Purchase'+'0'}",
            &[("event_word", "Lead")],
            "",
        ),
        ("{starting:'YSS.'+cp_yclid}", &[("cp_yclid", "YSS.1")], "YSS.1"),
        ("{starting:'YSS.'+cp_yclid}", &[("cp_yclid", "YJAD.1")], ""),
        (
            "{dated:click_time+cp__ly_c}",
            &[("click_time", "1795800000"), ("cp__ly_c", "AbC")],
            "1795800000.AbC",
        ),
        (
            "{dated:click_time+cp__ly_c}",
            &[("click_time", "1795800000"), ("cp__ly_c", "1795800001.AbC")],
            "1795800001.AbC",
        ),
        ("{dated:click_time+cp__ly_c}", &[("click_time", "1795800000")], ""),
    ] {
        let body = format!(r#"{{"stays":1,"v":"{template}"}}"#);
        let written = json(&body, NoData::Drop, &Given::new(given));
        let expected = if value.is_empty() {
            r#"{"stays":1}"#.to_owned()
        } else {
            format!(r#"{{"stays":1,"v":"{value}"}}"#)
        };
        assert_eq!(written, expected, "{template} {given:?}");
    }
    let bare = r#"{"v":{number:amount||map:event_word+'Purchase'+'0'},"f":{json:map:ad_personalization+'denied'+'true'}}"#;
    let given = Given::new(&[("event_word", "Purchase"), ("ad_personalization", "denied")]);
    assert_eq!(json(bare, NoData::Drop, &given), r#"{"v":0,"f":true}"#);
}

#[test]
fn a_function_that_is_none_is_told() {
    for text in [
        "https://h.example/?a={unless:cp_a}",
        "https://h.example/?a={map:cp_a+'x'}",
        "https://h.example/?a={dated:cp_a}",
        "https://h.example/?a={starting:cp_a+cp_b+cp_c}",
        "https://h.example/?a={unless:secret.a+cp_b}",
        "https://h.example/?a={cp_a||md5:secret.a}",
        "https://h.example/?a={cp_a||join:nothing}",
    ] {
        assert!(!errors(text).is_empty(), "{text}");
    }
}
