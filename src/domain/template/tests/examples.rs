//! The worked examples of the two documents that the syntax comes from.

use super::*;

#[test]
fn examples_of_the_callbacks_guide() {
    let given = Given::new(&[
        ("idfa", "AB-1"),
        ("created_at", "1404214665"),
        ("tracker_name", "Net 1::Christmas::A&B"),
        ("trackerName", "Net 1::Christmas::A&B"),
        ("dcp_campaign_name_3", "秋のキャンペーン"),
        ("label", "bob/7"),
    ]);
    let table = [
        (
            "http://myserver.com/register/?idfa={idfa}&timestamp={created_at}&source={tracker_name}",
            "http://myserver.com/register/?idfa=AB-1&timestamp=1404214665&source=Net%201%3A%3AChristmas%3A%3AA%26B",
        ),
        (
            "http://myserver.com/register/{tracker_name}/{idfa}/?data={created_at}",
            "http://myserver.com/register/Net%201%3A%3AChristmas%3A%3AA%26B/AB-1/?data=1404214665",
        ),
        (
            "http://callbacks.myserver.com/path?campaign=12346&tracker_name={tracker_name}&idfa={idfa}",
            "http://callbacks.myserver.com/path?campaign=12346&tracker_name=Net%201%3A%3AChristmas%3A%3AA%26B&idfa=AB-1",
        ),
        (
            "https://h.example/?c={dcp_campaign_name_3}",
            "https://h.example/?c=%E7%A7%8B%E3%81%AE%E3%82%AD%E3%83%A3%E3%83%B3%E3%83%9A%E3%83%BC%E3%83%B3",
        ),
        (
            "https://h.example/reward?by={label}",
            "https://h.example/reward?by=bob%2F7",
        ),
        (
            "http://callbacks.myserver.com/registration?username=Bob%20Unclde&email=bob.uncle%40mail.com&website=http%3A%2F%2Fwww.bobuncle.com",
            "http://callbacks.myserver.com/registration?username=Bob%20Unclde&email=bob.uncle%40mail.com&website=http%3A%2F%2Fwww.bobuncle.com",
        ),
    ];
    for (text, url) in table {
        assert_eq!(urls(text, &given), [url], "{text}");
    }
    let custom = Given::new(&[("trackerName", "name of")]).with_custom(&[("userID", "123456")]);
    assert_eq!(
        urls("http://myserver.com/revenue/?tracker={trackerName}", &custom),
        ["http://myserver.com/revenue/?tracker=name%20of&userID=123456"]
    );
    assert_eq!(
        urls(
            "http://a.example/1 http://b.example/2\u{3000}\n\thttp://c.example/3",
            &given
        )
        .len(),
        3
    );
}

#[test]
fn the_unsafe_url_of_the_guide_is_refused_with_its_encoded_form() {
    let text = "http://callbacks.myserver.com/registration?username=Bob Uncle&email=bob.uncle@mail.com&website=http://www.bobuncle.com";
    let findings = errors(text);
    assert_eq!(
        findings.iter().map(|f| f.code).collect::<Vec<_>>(),
        ["not_an_entry"]
    );
    assert!(findings[0].remedy.contains("%20"));
    assert_eq!(
        mended(text),
        "http://callbacks.myserver.com/registration?username=Bob%20Uncle&email=bob.uncle%40mail.com&website=http%3A%2F%2Fwww.bobuncle.com"
    );
    assert!(RuleText::parse(text).text.is_none());
    assert_eq!(
        mended("equal,{country},jp,https://h.example/?a=x y\u{3000}z&sid={sid}"),
        "equal,{country},jp,https://h.example/?a=x%20y%E3%80%80z&sid={sid}"
    );
}

#[test]
fn conditions_of_the_guide() {
    let one = "equal,{environment},sandbox,http://test.your-server.com?source={tracker_name} \
               equal,{environment},production,http://production.your-server.com?source={tracker_name} ";
    let two = "equal,{environment}{device_type},sandboxtablet,http://test.your-server.com?source={tracker_name}   \
               equal,{environment}{device_type},productiontablet,http://production.your-server.com?source={tracker_name} ";
    let given = |environment, device| {
        Given::new(&[
            ("environment", environment),
            ("device_type", device),
            ("tracker_name", "n"),
        ])
    };
    for text in [one, two] {
        assert_eq!(
            urls(text, &given("sandbox", "tablet")),
            ["http://test.your-server.com?source=n"]
        );
        assert_eq!(
            urls(text, &given("production", "tablet")),
            ["http://production.your-server.com?source=n"]
        );
    }
    assert!(urls(two, &given("production", "phone")).is_empty());
    assert!(urls(one, &Given::default()).is_empty());
}

#[test]
fn the_eleven_variables() {
    let names = [
        "AMOUNT",
        "PARA1",
        "PARA2",
        "PARA3",
        "PARA4",
        "PARA5",
        "CID",
        "SID",
        "TUID",
        "CONTENT_UID1",
        "CONTENT_UID2",
    ];
    let text = format!(
        "https://h.example/track.php?{}",
        names.map(|name| format!("{name}=##{name}##")).join("&")
    );
    let lower: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    let given = Given {
        values: lower
            .iter()
            .map(|name| (name.clone(), format!("v {name}")))
            .collect(),
        custom: Vec::new(),
    };
    let expected = names
        .map(|name| format!("{name}=v%20{}", name.to_ascii_lowercase()))
        .join("&");
    assert_eq!(
        urls(&text, &given),
        [format!("https://h.example/track.php?{expected}")]
    );
    let both = "https://h.example/##PARA1##/{para1}?x=##CONTENT_UID8##&y={sid}#{sid}";
    let given = Given::new(&[("para1", "a/b"), ("content_uid8", "8"), ("sid", "s")]);
    assert_eq!(urls(both, &given), ["https://h.example/a%2Fb/a%2Fb?x=8&y=s#s"]);
}

#[test]
fn the_first_candidate_with_data_fills() {
    let text = "https://h.example/?id={idfa||gps_adid||dcp_x}&l={language}-{region}";
    for (given, url) in [
        (
            Given::new(&[("idfa", "A"), ("gps_adid", "b")]),
            "https://h.example/?id=A&l=-",
        ),
        (
            Given::new(&[("idfa", ""), ("gps_adid", "b")]),
            "https://h.example/?id=b&l=-",
        ),
        (
            Given::new(&[("dcp_x", "a+b"), ("language", "ja"), ("region", "jp")]),
            "https://h.example/?id=a%2Bb&l=ja-jp",
        ),
    ] {
        assert_eq!(urls(text, &given), [url]);
    }
}

#[test]
fn operators() {
    let h = "https://h.example/";
    let given = Given::new(&[("country", "jp"), ("label", "a b,c+d;é"), ("event_name", "JP")]);
    for (condition, holds) in [
        ("equal,{country},jp", true),
        ("equal,{country},us", false),
        ("notequal,{country},us", true),
        ("notequal,{country},jp", false),
        ("contained,{country},us;jp;de", true),
        ("contained,{country},us;de", false),
        ("notcontained,{country},us;de", true),
        ("notcontained,{country},jp", false),
        ("equal,{event_name},jp", false),
        ("equal,{label},a+b%2Cc%2Bd%3B%C3%A9", true),
        ("equal,{label},a%20b%2Cc%2Bd%3B%C3%A9", true),
        ("contained,{label},x;a+b%2Cc%2Bd%3B%C3%A9", true),
        ("equal,x%2D{country}+,x-jp%20", true),
        ("equal,{para1},", true),
        ("notequal,{para1},", false),
        ("notequal,{country},", true),
        ("contained,{country},;jp", true),
        ("equal,##COUNTRY##,jp", true),
        ("equal,{para1||country},jp", true),
        ("equal,{country},j", false),
    ] {
        let text = format!("{condition},{h}");
        assert_eq!(errors(&text), [], "{text}");
        assert_eq!(!urls(&text, &given).is_empty(), holds, "{condition}");
    }
}

#[test]
fn everything_after_the_third_comma_is_the_url() {
    let given = Given::new(&[("country", "jp")]);
    assert_eq!(
        urls("equal,{country},jp,https://h.example/?a=1,2,3", &given),
        ["https://h.example/?a=1,2,3"]
    );
}

#[test]
fn conditions_explain_themselves() {
    let parsed = RuleText::parse("equal,{country},us,https://h.example/")
        .text
        .unwrap();
    let said = parsed.entries[0]
        .condition
        .as_ref()
        .unwrap()
        .evaluate(&Given::new(&[("country", "jp")]));
    assert_eq!(said.explain(), r#"{country} = "jp" equal "us""#);
    let said = parsed.entries[0]
        .condition
        .as_ref()
        .unwrap()
        .evaluate(&Given::new(&[("country", "a\"\n")]));
    assert_eq!(said.explain(), r#"{country} = "a\"\n" equal "us""#);
}
