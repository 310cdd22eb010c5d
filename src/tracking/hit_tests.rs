//! Tests of [`super`]: where each parameter goes, and what no request can do.

use super::*;
use crate::domain::note::{self, NoteCode};
use crate::domain::offer::IpPrivacy;
use crate::domain::partner::ClickParameter;
use proptest::prelude::*;

const UUID: &str = "8c6cbc0d-5f43-4765-a6e6-84dff3d24707";
const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1";

struct World {
    offer: Offer,
    link: Link,
    partner: Partner,
    geo: GeoIp,
    ip_hasher: IpHasher,
}

fn world() -> World {
    World {
        offer: serde_json::from_str(r#"{"id":"offer1","name":"Shop","events":[]}"#).unwrap(),
        link: serde_json::from_str(r#"{"token":"abcdef12","offer":"offer1","network":"Net"}"#).unwrap(),
        partner: serde_json::from_str(
            r#"{"id":"partner1","name":"P","callback_hosts":["cb.example","*.cb.example","192.0.2.1"],
                "click_parameters":[{"name":"a8","para":1},{"name":"gclid","para":2},{"name":"note"},{"name":"param3","para":3},{"name":"odd","para":9}]}"#,
        )
        .unwrap(),
        geo: GeoIp::empty(),
        ip_hasher: IpHasher::new(&[7; 32]),
    }
}

fn browser() -> ClientHeaders {
    ClientHeaders {
        user_agent: PHONE.into(),
        referer: "https://media.example/".into(),
        accept_language: "ja-JP".into(),
        ..ClientHeaders::default()
    }
}

#[test]
fn a_hint_names_the_model_that_the_user_agent_leaves_out() {
    const REDUCED: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) \
        Chrome/124.0.0.0 Mobile Safari/537.36";
    const WHOLE: &str = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) \
        Chrome/120.0.0.0 Mobile Safari/537.36";
    for (user_agent, query, hint, model) in [
        (REDUCED, "", "\"SM-G991B\"", "SM-G991B"),
        (REDUCED, "", "\"\"", ""),
        (REDUCED, "", "", ""),
        (REDUCED, "", "SM-G991B", ""),
        (REDUCED, "", "\"A \\\"B\\\"\"", "A \"B\""),
        (WHOLE, "", "\"SM-G991B\"", "Pixel 8"),
        (PHONE, "", "\"SM-G991B\"", "iPhone"),
        // The hint of a server is not the device's.
        (REDUCED, "s2s=1&os_name=android", "\"SM-G991B\"", ""),
    ] {
        let headers = ClientHeaders {
            user_agent: user_agent.into(),
            model: hint.into(),
            ..ClientHeaders::default()
        };
        let hit = hit_of(EngagementKind::Click, query, &headers);
        assert_eq!(hit.agent.device.device_name, model, "{user_agent} {query} {hint}");
    }
}

fn hit_of(kind: EngagementKind, query: &str, headers: &ClientHeaders) -> Hit {
    Hit::parse(&Request {
        kind,
        is_head: false,
        query: query.as_bytes(),
        charset: None,
        headers,
        ip: "203.0.113.9".parse().unwrap(),
    })
}

fn build(world: &World, hit: &Hit) -> Built {
    let context = SessionContext {
        link: &world.link,
        offer: &world.offer,
        partner: Some(&world.partner),
        geo: &world.geo,
        ip_hasher: &world.ip_hasher,
    };
    let who = Recognised {
        tuid: "v1".into(),
        seen: Seen {
            is_repeat: false,
            is_unique: true,
        },
    };
    hit.clone()
        .session(SessionId::new(1_763_000_000_000, 1), &context, who)
}

fn built(query: &str) -> Built {
    build(&world(), &hit_of(EngagementKind::Click, query, &browser()))
}

fn texts(list: &[(String, String)]) -> Vec<(&str, &str)> {
    list.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect()
}

#[test]
fn para_slots() {
    for (query, para, parameters) in [
        ("param1=a&param5=e", ["a", "", "", "", "e"], vec![]),
        ("param1=a&param1=b", ["a", "", "", "", ""], vec![("param1", "b")]),
        ("a8=x", ["x", "", "", "", ""], vec![("a8", "x")]),
        ("a8=x&a8=y", ["x", "", "", "", ""], vec![("a8", "x"), ("a8", "y")]),
        (
            "param1=a&a8=x",
            ["x", "", "", "", ""],
            vec![("param1", "a"), ("a8", "x")],
        ),
        (
            "a8=x&param1=a",
            ["x", "", "", "", ""],
            vec![("a8", "x"), ("param1", "a")],
        ),
        ("gclid=g&param3=c", ["", "g", "c", "", ""], vec![("gclid", "g")]),
        (
            "note=n&odd=o&param6=f",
            ["", "", "", "", ""],
            vec![("note", "n"), ("odd", "o"), ("param6", "f")],
        ),
        ("param1=%E5%B1%B1", ["山", "", "", "", ""], vec![]),
    ] {
        let session = built(query).session;
        assert_eq!(session.para, para.map(String::from), "{query}");
        assert_eq!(texts(&session.parameters), parameters, "{query}");
    }
}

#[test]
fn every_parameter_is_found_by_its_name() {
    let query = format!("param1=a&gclid=g&label=l&campaign=c&cost_id=k&idfa={UUID}&x=1&x=2&adj_creative=z");
    let session = built(&query).session;
    for (name, value) in [
        ("param1", Some("a")),
        ("gclid", Some("g")),
        ("label", Some("l")),
        ("campaign", Some("c")),
        ("adgroup", Some("unknown")),
        ("creative", Some("z")),
        ("cost_id", Some("k")),
        ("idfa", Some("8C6CBC0D-5F43-4765-A6E6-84DFF3D24707")),
        ("x", Some("1")),
        ("param2", Some("g")),
        ("param3", None),
        ("nothing", None),
    ] {
        assert_eq!(session.parameter(name), value, "{name}");
    }
}

#[test]
fn level_names() {
    let mut world = world();
    let mut names = |query: &str, campaign: Option<&str>| {
        world.link.campaign = campaign.map(str::to_owned);
        let session = build(&world, &hit_of(EngagementKind::Click, query, &browser())).session;
        (session.tracker_name(), session.parameters.len())
    };
    for (query, own, expected, kept) in [
        ("", None, "Net", 0),
        ("campaign=c", None, "Net::c", 0),
        ("creative=z", None, "Net::unknown::unknown::z", 0),
        ("adj_campaign=c&adgroup=g", None, "Net::c::g", 0),
        ("adgroup=g", Some("own"), "Net::own::g", 0),
        ("campaign=c", Some("own"), "Net::own", 1),
        ("campaign=", None, "Net", 0),
    ] {
        assert_eq!(names(query, own), (expected.to_owned(), kept), "{query}");
    }
}

#[test]
fn device_ids_and_cost() {
    let session = built(&format!(
        "idfa={UUID}&gps_adid=00000000-0000-0000-0000-000000000000&idfv=wrong&android_id_md5=x&cost_type=cpc&cost_amount=1.5&adj_cost_currency=USD"
    ))
    .session;
    assert_eq!(
        texts(&session.device_ids),
        vec![("idfa", UUID.to_ascii_uppercase().as_str())]
    );
    assert_eq!(
        texts(&session.parameters),
        vec![("idfv", "wrong"), ("android_id_md5", "x")]
    );
    assert_eq!(
        texts(&session.cost),
        vec![
            ("cost_type", "cpc"),
            ("cost_amount", "1.5"),
            ("cost_currency", "USD")
        ]
    );
}

#[test]
fn callbacks_for_allowed_hosts() {
    for (query, kept, refused) in [
        (
            "install_callback=https%3A%2F%2Fcb.example%2F%3Fc%3D%7Bcountry%7D",
            Some("https://cb.example/?c={country}"),
            0,
        ),
        (
            "adj_install_callback=https%3A%2F%2Fcb.example%2F",
            Some("https://cb.example/"),
            0,
        ),
        (
            "event_callback_abc123=https%3A%2F%2Fa.cb.example%2F",
            Some("https://a.cb.example/"),
            0,
        ),
        (
            "conversion_callback=https%3A%2F%2Fcb.example%2F",
            Some("https://cb.example/"),
            0,
        ),
        (
            "rejected_install_callback=equal,%7Bcountry%7D,jp,https%3A%2F%2Fcb.example%2F",
            Some("equal,{country},jp,https://cb.example/"),
            0,
        ),
        (
            "rejected_install=https%3A%2F%2Fcb.example%2F",
            Some("https://cb.example/"),
            0,
        ),
        (
            "adj_rejected_reattribution=https%3A%2F%2Fcb.example%2F",
            Some("https://cb.example/"),
            0,
        ),
        (
            "click_callback=https%3A%2F%2Fcb.example%2Fa%0Ahttps%3A%2F%2Fevil.test%2F",
            Some("https://cb.example/a"),
            1,
        ),
        ("install_callback=https%3A%2F%2Fevil.test%2F", None, 1),
        (
            "install_callback=https%3A%2F%2Fcb.example%40evil.test%2F",
            None,
            1,
        ),
        (
            "install_callback=https%3A%2F%2Fcb.example%5C%40evil.test%2F",
            None,
            1,
        ),
        ("install_callback=http%3A%2F%2F192.0.2.1%2F", None, 1),
        (
            "install_callback=http%3A%2F%2F%7Bx%7D.cb.example.evil.test%2F",
            None,
            1,
        ),
        ("install_callback=cb.example", None, 1),
        ("install_callback=", None, 0),
    ] {
        let built = built(query);
        let texts: Vec<&str> = built.session.callbacks.iter().map(|c| c.text.as_str()).collect();
        assert_eq!(texts, Vec::from_iter(kept), "{query}");
        assert_eq!(refused_callbacks(&built), refused, "{query}");
    }
    let twice = built("install_callback=https://cb.example/1&install_callback=https://cb.example/2").session;
    assert_eq!(twice.callbacks.len(), 2, "repeated parameters add");
    let named =
        built("adj_install_callback=https://cb.example/&event_callback_long1234=https://cb.example/").session;
    assert_eq!(named.callbacks.len(), 1);
    assert_eq!(named.callbacks[0].name, "install_callback");
    let long = built(&format!(
        "install_callback=https://cb.example/{}",
        "x".repeat(3000)
    ));
    assert!(long.session.callbacks.is_empty() && long.session.flags.is_cut);
    assert_eq!(refused_callbacks(&long), 1, "a cut address is not called");
}

fn refused_callbacks(built: &Built) -> usize {
    let notes = note::notes(&built.session.parameters);
    notes
        .filter(|note| note.code == NoteCode::RefusedCallback)
        .count()
}

#[test]
fn variables_that_nobody_filled_are_no_ids() {
    for value in [
        "{clickid}",
        "__CLICKID__",
        "[click_id]",
        "%7Bclickid%7D",
        "##CLICK_ID##",
        "${click_id}",
    ] {
        let session = built(&format!("param1={value}&label=x")).session;
        assert_eq!(session.para[0], "", "{value}");
        let notes: Vec<_> = note::notes(&session.parameters).collect();
        assert_eq!(
            (notes[0].code, notes[0].field.as_str()),
            (NoteCode::Unfilled, "param1"),
            "{value}"
        );
        assert_eq!(session.parameter("param1"), None, "{value}");
    }
    let named = built("param1={clickid}&label={label}&campaign={{campaign}}&other={x}").session;
    assert_eq!(
        (named.label.as_str(), named.names[1].as_str()),
        ("{label}", "{{campaign}}")
    );
    assert_eq!(named.parameter("other"), Some("{x}"));
}

#[test]
fn bytes_of_other_character_sets_are_kept() {
    let session = built("param1=%83e%83X%83g&x=%8F%AC&param2=ok").session;
    assert_eq!(session.para[0], "テスト");
    let raw = |name| note::raw(&session.parameters, name);
    assert_eq!(raw("param1").as_deref(), Some(&b"\x83e\x83X\x83g"[..]));
    assert!(raw("x").is_some() && raw("param2").is_none());
}

#[test]
fn switches_and_requested_destinations() {
    let it = built(
        "rt=0&environment=sandbox&redirect=https://r.example/&redirect_ios=https://i.example/&redirect_android=https://a.example/&deeplink=app://x&fallback=https://f.example/",
    );
    assert!(it.session.flags.no_reattribution && it.session.flags.is_test);
    assert!(it.session.flags.is_unique && !it.session.flags.is_cut);
    assert_eq!(it.requested.redirect.as_deref(), Some("https://i.example/"));
    assert_eq!(it.requested.deep_link.as_deref(), Some("app://x"));
    assert_eq!(it.requested.fallback.as_deref(), Some("https://f.example/"));
    let plain = built("rt=1&environment=x").session;
    assert!(!plain.flags.no_reattribution && !plain.flags.is_test);
    assert_eq!(texts(&plain.parameters), vec![("rt", "1"), ("environment", "x")]);
}

#[test]
fn the_address_is_stored_as_the_offer_says() {
    let mut world = world();
    let hit = hit_of(
        EngagementKind::Click,
        "ip_address=198.51.100.7&user_agent=curl",
        &browser(),
    );
    for (privacy, ip, hashed) in [
        (IpPrivacy::Truncated, "203.0.113.0", true),
        (IpPrivacy::Whole, "203.0.113.9", true),
        (IpPrivacy::None, "", false),
    ] {
        world.offer.ip_privacy = privacy;
        let session = build(&world, &hit).session;
        assert_eq!((session.ip.as_str(), session.ip_hash != 0), (ip, hashed));
        assert_eq!(texts(&session.parameters), vec![("user_agent", "curl")]);
        assert_eq!(session.device.os_name, "ios", "a browser's own headers count");
    }
}

#[test]
fn a_server_speaks_for_the_device() {
    let server = ClientHeaders {
        user_agent: "curl/8".into(),
        ..ClientHeaders::default()
    };
    let hit = hit_of(
        EngagementKind::Click,
        "s2s=1&ip_address=198.51.100.7&language=ja&os_name=Android&os_version=14&device_name=Pixel&device_type=phone",
        &server,
    );
    assert!(hit.is_s2s() && !hit.is_automated());
    let session = build(&world(), &hit).session;
    assert_eq!(session.ip, "198.51.100.0");
    assert_eq!(
        (
            session.device.os_name.as_str(),
            session.device.device_name.as_str(),
            session.device.language.as_str()
        ),
        ("android", "Pixel", "ja")
    );
    assert!(session.flags.is_s2s && session.parameters.is_empty() && session.user_agent.is_empty());

    let unknown = build(&world(), &hit_of(EngagementKind::Click, "s2s=1", &server)).session;
    assert_eq!(
        (unknown.ip.as_str(), unknown.ip_hash),
        ("", 0),
        "never the server's own address"
    );
}

#[test]
fn bots_and_prefetches_are_flagged() {
    let bot = ClientHeaders {
        user_agent: "facebookexternalhit/1.1".into(),
        ..ClientHeaders::default()
    };
    let session = build(&world(), &hit_of(EngagementKind::Click, "", &bot)).session;
    assert!(session.flags.is_bot && session.is_automated() && !session.flags.is_unique);
    let prefetch = ClientHeaders {
        purpose: "prefetch".into(),
        ..browser()
    };
    assert!(hit_of(EngagementKind::Click, "", &prefetch).is_automated());
    let head = Hit::parse(&Request {
        kind: EngagementKind::Click,
        is_head: true,
        query: b"",
        charset: None,
        headers: &browser(),
        ip: "203.0.113.9".parse().unwrap(),
    });
    assert!(head.is_automated());
}

#[test]
fn a_direct_landing_brings_its_own_referer() {
    let hit = hit_of(
        EngagementKind::Direct,
        "yb_link=abcdef12&yb_referrer=https%3A%2F%2Fmedia.example%2Fad&yb_tuid=t1&param1=p&gclid=g",
        &browser(),
    );
    assert_eq!(hit.remembered_tuid(), Some("t1"));
    let session = build(&world(), &hit).session;
    assert_eq!(session.referer, "https://media.example/ad");
    assert_eq!((session.para[0].as_str(), session.para[1].as_str()), ("p", "g"));
    assert_eq!(texts(&session.parameters), vec![("gclid", "g")]);
    let click = hit_of(EngagementKind::Click, "yb_tuid=t1", &browser());
    assert_eq!(click.remembered_tuid(), None);
}

#[test]
fn partner_settings_without_a_slot_do_nothing() {
    let mut world = world();
    world.partner.click_parameters = vec![ClickParameter {
        name: "label".into(),
        para: Some(0),
        macro_text: None,
    }];
    let session = build(&world, &hit_of(EngagementKind::Click, "label=x", &browser())).session;
    assert_eq!(session.label, "x");
}

proptest! {
    #[test]
    fn any_request_becomes_a_session(query in "[a-z0-9_=&%{}./:+\u{3000}-]{0,400}", ua in "\\PC{0,700}") {
        let headers = ClientHeaders { user_agent: ua.clone(), referer: ua, ..ClientHeaders::default() };
        for kind in [EngagementKind::Click, EngagementKind::Impression, EngagementKind::Direct] {
            let session = build(&world(), &hit_of(kind, &query, &headers)).session;
            prop_assert!(session.user_agent.len() <= 512 && session.referer.len() <= 1024);
            prop_assert!(session.parameters.len() <= 64);
            prop_assert_eq!(session.names[0].as_str(), "Net");
            let packed = postcard::to_stdvec(&session).unwrap();
            prop_assert_eq!(postcard::from_bytes::<Session>(&packed).unwrap(), session);
        }
    }

    #[test]
    fn no_parameter_is_lost(names in proptest::collection::vec("[a-z]{1,8}", 0..20)) {
        let query: Vec<String> = names.iter().enumerate().map(|(n, name)| format!("z{name}={n}")).collect();
        let session = built(&query.join("&")).session;
        prop_assert_eq!(session.parameters.len(), names.len());
    }
}
