//! Fields of app requests, read.

use super::*;

fn parse(endpoint: Endpoint, raw: &str) -> Result<AppRequest, FieldError> {
    AppRequest::parse(Fields::from_form(raw.as_bytes(), &RULES)?, endpoint)
}

#[test]
fn a_whole_event() {
    let request = parse(
        Endpoint::Event,
        "s2s=1&app_token=abc&event_token=k3w9zt&idfv=B1B2C3D4-0000-4000-8000-1234567890AB\
         &idfa=a1b2c3d4-0000-4000-8000-1234567890ab&revenue=1.5&currency=usd&created_at_unix=1763000000\
         &environment=sandbox&global_callback_params=%7B%22a%22%3A%221%22%2C%22b%22%3A%221%22%7D\
         &callback_params=%7B%22b%22%3A%222%22%7D&ip_address=192.0.2.7&order_id=o-1&app_version=5",
    )
    .unwrap();
    assert_eq!(
        request.ids[0],
        ("idfa".into(), "A1B2C3D4-0000-4000-8000-1234567890AB".into())
    );
    assert_eq!(
        request.custom,
        vec![("a".into(), "1".into()), ("b".into(), "2".into())]
    );
    assert_eq!(
        request.money.map(|m| m.cents().to_string()).as_deref(),
        Some("150")
    );
    assert_eq!(request.uids, ["o-1"]);
    assert!(request.is_test && request.is_s2s && request.names_a_device());
    assert_eq!(request.field("app_version"), Some("5"));
    assert_eq!(request.field("ip_address"), None);
}

#[test]
fn times_are_kept_in_seconds() {
    let names = ["install_begin_time", "install_finish_time", "referral_time"];
    for (value, kept) in [("1795762000123", "1795762000"), ("1795762000", "1795762000")] {
        for name in names {
            let request = parse(Endpoint::Session, &format!("{name}={value}")).unwrap();
            assert_eq!(request.field(name), Some(kept), "{name}={value}");
        }
    }
    let begun = parse(Endpoint::Session, "install_begin_time=1795762000123").unwrap();
    assert_eq!(begun.download_at_ms, Some(1_795_762_000_123));
    let written = parse(Endpoint::Session, "install_begin_time=2026-11-27T06:46:40Z").unwrap();
    assert_eq!(written.download_at_ms, Some(1_795_762_000_000));
    let odd = parse(Endpoint::Session, "referral_time=soon").unwrap();
    assert_eq!(odd.field("referral_time"), Some("soon"));
}

#[test]
fn wrong_fields_are_named() {
    for (raw, field) in [
        ("revenue=1", "currency"),
        ("revenue=0.0001&currency=EUR", "revenue"),
        ("revenue=200000000000&currency=EUR", "revenue"),
        ("revenue=1&currency=ZZZ", "currency"),
        ("created_at=yesterday", "created_at"),
        ("created_at_unix=soon", "created_at_unix"),
        ("callback_params=%5B1%5D", "callback_params"),
        ("global_callback_params=%5B1%5D", "global_callback_params"),
        ("adid=xyz", "adid"),
        ("sid=x", "sid"),
    ] {
        assert_eq!(parse(Endpoint::Event, raw).unwrap_err().field, field, "{raw}");
    }
    assert_eq!(parse(Endpoint::AdRevenue, "").unwrap_err().field, "revenue");
    assert!(parse(Endpoint::Session, "revenue=x").is_ok());
}

#[test]
fn what_decides_nothing_is_left_out_and_noted() {
    for (name, value) in [
        ("install_begin_time", "soon"),
        ("environment", "test"),
        ("ip_address", "here"),
    ] {
        let request = parse(Endpoint::Event, &format!("event_token=k3w9zt&{name}={value}")).unwrap();
        let noted: Vec<_> = request.notes.iter().map(|n| (n.code, n.field.as_str())).collect();
        assert_eq!(noted, [(NoteCode::LeftOut, name)], "{name}={value}");
        assert_eq!(request.event_token, "k3w9zt");
    }
    let request = parse(Endpoint::Event, "event_token=k3w9zt&ip_address=for+203.0.113.7").unwrap();
    assert_eq!(
        request.notes[0].value, "invalid_address",
        "nobody's address is kept by the way"
    );
    for text in ["203.0.113.7", "203.0.113.7%3A4711", "203.0.113.7%2C+10.0.0.1"] {
        let request = parse(Endpoint::Event, &format!("ip_address={text}")).unwrap();
        assert_eq!(request.ip, Some([203, 0, 113, 7].into()), "{text}");
    }
    assert!(parse(Endpoint::Event, "environment=Sandbox").unwrap().is_test);
}

#[test]
fn device_ids_that_say_nothing() {
    let request = parse(
        Endpoint::Session,
        "idfa=00000000-0000-0000-0000-000000000000&gps_adid=abc",
    )
    .unwrap();
    assert!(!request.names_a_device());
    assert_eq!(request.malformed, ["gps_adid"]);
}

#[test]
fn the_referrer_of_the_store() {
    let sid = "0mhwydvk0abcdefg";
    for raw in [
        format!("reftag={sid}"),
        format!("referrer=reftag%3D{sid}%26utm_source%3Dx"),
        format!("referrer=utm_source%253Dx%2526reftag%253D{sid}"),
    ] {
        let request = parse(Endpoint::Session, &raw).unwrap();
        assert_eq!(
            request.named,
            Some((sid.parse().unwrap(), MatchType::Reftag)),
            "{raw}"
        );
    }
    assert_eq!(
        parse(Endpoint::Session, "referrer=utm_source%3Dgoogle-play")
            .unwrap()
            .named,
        None
    );
}

#[test]
fn what_was_said_differs_with_every_field() {
    let said = |raw| parse(Endpoint::Event, raw).unwrap().said;
    assert_eq!(said("a=1&b=2"), said("a=1&b=2"));
    assert_ne!(said("a=1&b=2"), said("a=1&b=3"));
    assert_ne!(
        said("callback_params=%7B%22a%22%3A%221%22%7D"),
        said("partner_params=%7B%22a%22%3A%221%22%7D")
    );
}
