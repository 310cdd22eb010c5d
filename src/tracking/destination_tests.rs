//! Tests of [`super`]: tables for choosing, rendering and checking, and the promise about scheme and host.

use super::*;
use proptest::prelude::*;

const SID: &str = "0mhwydvk0abcdefg";

fn sid() -> SessionId {
    SID.parse().unwrap()
}

fn offer(destinations: Destinations) -> Offer {
    let mut offer: Offer = serde_json::from_str(r#"{"id":"offer1","name":"Shop","events":[]}"#).unwrap();
    offer.destinations = destinations;
    offer.redirect_hosts = vec!["shop.example".into(), "*.shop.example".into(), "myapp://".into()];
    offer
}

fn page(url: &str) -> Destinations {
    Destinations {
        default: url.into(),
        ..Destinations::default()
    }
}

fn value(name: &str) -> Option<String> {
    match name {
        "label" => Some("a b&c/山".into()),
        "empty" => Some(String::new()),
        "para1" => Some("click1".into()),
        "dcp_From Page" => Some("x".into()),
        _ => None,
    }
}

fn rendered(template: &str) -> Result<String, DestinationError> {
    render(
        &Choice::Configured(template),
        &offer(Destinations::default()),
        Some(sid()),
        &value,
    )
}

#[test]
fn the_sid_is_joined_as_the_url_needs() {
    for (template, expected) in [
        ("https://s.example/", "https://s.example/?sid=SID"),
        ("https://s.example", "https://s.example?sid=SID"),
        ("https://s.example/?a=1", "https://s.example/?a=1&sid=SID"),
        ("https://s.example/?", "https://s.example/?sid=SID"),
        ("https://s.example/?a=1&", "https://s.example/?a=1&sid=SID"),
        ("https://s.example/#top", "https://s.example/?sid=SID#top"),
        ("https://s.example/?a=1#t?x", "https://s.example/?a=1&sid=SID#t?x"),
        ("https://s.example/{sid}/x", "https://s.example/SID/x"),
        ("https://s.example/?id=##SID##", "https://s.example/?id=SID"),
        ("https://s.example/?id={empty||sid}", "https://s.example/?id=SID"),
        (
            "https://s.example/?l={label}",
            "https://s.example/?l=a%20b%26c%2F%E5%B1%B1&sid=SID",
        ),
        (
            "https://s.example/?p=##PARA1##&x={nothing}",
            "https://s.example/?p=click1&x=&sid=SID",
        ),
        (
            "https://s.example/?p={empty||para1}",
            "https://s.example/?p=click1&sid=SID",
        ),
        (
            "https://s.example/?p={dcp_From Page}",
            "https://s.example/?p=x&sid=SID",
        ),
        ("myapp://open/1#f", "myapp://open/1?sid=SID#f"),
    ] {
        assert_eq!(
            rendered(template).unwrap(),
            expected.replace("SID", SID),
            "{template}"
        );
    }
}

#[test]
fn google_play_gets_the_reftag() {
    let mut app = offer(Destinations::default());
    app.kind = OfferKind::App;
    for (template, expected) in [
        (
            "https://play.google.com/store/apps/details?id=a.b",
            "https://play.google.com/store/apps/details?id=a.b&referrer=reftag%3DSID",
        ),
        (
            "https://play.google.com/store/apps/details?referrer=utm_source%3Dx&id=a.b",
            "https://play.google.com/store/apps/details?referrer=utm_source%3Dx%26reftag%3DSID&id=a.b",
        ),
        (
            "market://details?id=a.b&referrer=",
            "market://details?id=a.b&referrer=reftag%3DSID",
        ),
        (
            "https://apps.apple.com/app/id1",
            "https://apps.apple.com/app/id1?sid=SID",
        ),
    ] {
        let url = render(&Choice::Configured(template), &app, Some(sid()), &value).unwrap();
        assert_eq!(url, expected.replace("SID", SID), "{template}");
    }
}

#[test]
fn values_never_reach_the_host() {
    for template in [
        "https://s.example{dcp_x}",
        "https://s.example##SID##",
        "https://{label}/",
        "https://{label}.s.example/",
        "https://s.example:{label}/",
        "{label}",
        "{label}://s.example/",
    ] {
        let error = rendered(template).unwrap_err();
        assert!(
            matches!(
                error,
                DestinationError::PlaceholderInHost | DestinationError::NotAbsolute
            ),
            "{template}: {error}"
        );
    }
}

#[test]
fn choosing() {
    let everything = Destinations {
        default: "https://d.example/".into(),
        ios: Some("https://i.example/".into()),
        android: Some("https://a.example/".into()),
        deep_link: None,
        fallback: Some("https://f.example/".into()),
    };
    let whole = offer(everything.clone());
    let with_app = offer(Destinations {
        deep_link: Some("app://x/".into()),
        ..everything
    });
    let only_fallback = offer(Destinations {
        fallback: Some("https://f.example/".into()),
        ..Destinations::default()
    });
    let link = page("https://l.example/");
    for (offer, link, os, expected) in [
        (&whole, None, "windows", "https://d.example/"),
        (&whole, None, "ios", "https://i.example/"),
        (&whole, None, "android", "https://a.example/"),
        (&whole, Some(&link), "windows", "https://l.example/"),
        (&whole, Some(&link), "ios", "https://i.example/"),
        (&with_app, None, "ios", "app://x/"),
        (&with_app, None, "macos", "https://d.example/"),
        (&only_fallback, None, "ios", "https://f.example/"),
    ] {
        let choice = choose(offer, link, &Requested::default(), os).unwrap();
        assert_eq!(choice, Choice::Configured(expected), "{os}");
    }
    let nothing = offer(Destinations::default());
    assert_eq!(
        choose(&nothing, None, &Requested::default(), "ios"),
        Err(DestinationError::Missing)
    );
}

#[test]
fn requests_are_followed_to_listed_hosts_only() {
    let configured = offer(page("https://d.example/"));
    for (redirect, followed) in [
        ("https://shop.example/x?y=1", true),
        ("https://a.shop.example/x", true),
        ("http://SHOP.example", true),
        ("https://evil.test/", false),
        ("https://shop.example.evil.test/", false),
        ("https://shop.example@evil.test/", false),
        ("https://evil.test\\@shop.example/", false),
        ("https://shop.example:8443/", false),
        ("//shop.example/x", false),
        ("/x", false),
        ("https:shop.example", false),
        ("https:/shop.example", false),
        ("\thttps://shop.example/", false),
        ("https://shop.example/\r\nX: y", false),
        ("javascript://shop.example/%0Aalert(1)", false),
        ("data:text/html,x", false),
        ("intent://shop.example/#Intent;end", false),
    ] {
        let requested = Requested {
            redirect: Some(redirect.into()),
            ..Requested::default()
        };
        let choice = choose(&configured, None, &requested, "windows").unwrap();
        assert_eq!(matches!(choice, Choice::Requested(_)), followed, "{redirect}");
    }
    let requested = Requested {
        deep_link: Some("myapp://item/1".into()),
        redirect: Some("https://shop.example/r".into()),
        fallback: None,
    };
    for (os, expected) in [
        ("ios", format!("myapp://item/1?sid={SID}")),
        ("windows", format!("https://shop.example/r?sid={SID}")),
    ] {
        let choice = choose(&configured, None, &requested, os).unwrap();
        assert_eq!(
            render(&choice, &configured, Some(sid()), &value).unwrap(),
            expected
        );
    }
    let mut closed = configured;
    closed.redirect_hosts.clear();
    assert_eq!(
        choose(&closed, None, &requested, "ios").unwrap(),
        Choice::Configured("https://d.example/")
    );
}

#[test]
fn checks_when_saved() {
    use Purpose::{DeepLink, Page};
    let known = |name: &str| name == "sid" || name == "para1" || name.starts_with("dcp_");
    for (text, purpose, expected) in [
        (
            "https://s.example/?a={sid}",
            Page,
            Ok("https://s.example/?a={sid}"),
        ),
        (" https://S.Example ", Page, Ok("https://s.example")),
        ("HTTPS://s.example:443/", Page, Ok("https://s.example/")),
        ("https://s.example:8443/x", Page, Ok("https://s.example:8443/x")),
        (
            "https://日本.example/山?q=川",
            Page,
            Ok("https://xn--wgv71a.example/%E5%B1%B1?q=%E5%B7%9D"),
        ),
        (
            "https://s.example/?a=##PARA1##",
            Page,
            Ok("https://s.example/?a={para1}"),
        ),
        ("myapp://open/{sid}", DeepLink, Ok("myapp://open/{sid}")),
        ("https://s.example/open", DeepLink, Ok("https://s.example/open")),
        ("myapp://open/", Page, Err("scheme_refused")),
        ("javascript://x/", DeepLink, Err("scheme_refused")),
        ("data://x/", DeepLink, Err("scheme_refused")),
        ("javascript:alert(1)", DeepLink, Err("not_absolute")),
        ("//evil.test/", Page, Err("not_absolute")),
        ("s.example/x", Page, Err("not_absolute")),
        ("", Page, Err("not_absolute")),
        ("https:\\\\evil.test", Page, Err("backslash")),
        ("https://s.example\\@evil.test", Page, Err("backslash")),
        ("https://a:b@s.example/", Page, Err("user_information")),
        ("https://s.example/a b", Page, Err("white_space")),
        ("https://s.example/\r\nSet-Cookie: x", Page, Err("white_space")),
        ("https://s.example/\u{3000}x", Page, Err("white_space")),
        ("https://s.example/?a=｛sid｝", Page, Err("full_width")),
        ("https://s.example/?a={b c", Page, Err("white_space")),
        ("https://s.example/?a={B}", Page, Err("stray_brace")),
        ("https://s.example/?a=}", Page, Err("stray_brace")),
        ("https://s.example/?a={wrong}", Page, Err("unknown_placeholder")),
        ("https://{sid}/", Page, Err("placeholder_in_host")),
        ("https://s.example{sid}", Page, Err("placeholder_in_host")),
        ("https:///x", Page, Err("invalid_host")),
        ("https://a b/", Page, Err("white_space")),
        ("https://s.example:99999/", Page, Err("invalid_host")),
        ("https://a%00b/", Page, Err("invalid_host")),
    ] {
        let result = check(text, purpose, &known);
        let got = result.as_deref().map_err(DestinationError::code);
        assert_eq!(got, expected, "{text:?}");
    }
}

proptest! {
    #[test]
    fn scheme_and_host_stay_and_no_line_breaks(
        tail in "[/?#][a-z0-9/?&=#{}|_. %-]{0,40}",
        values in "\\PC{0,30}|[\r\n\t\\\\/@.:#?&]{0,10}",
    ) {
        let template = format!("https://s.example:8443{tail}{{dcp_v}}##PARA1##");
        let all = |_: &str| Some(values.clone());
        if let Ok(url) = render(&Choice::Configured(&template), &offer(Destinations::default()), Some(sid()), &all) {
            prop_assert!(url.starts_with("https://s.example:8443"));
            prop_assert!(!url.contains(['\r', '\n', ' ']));
            let parsed = Url::parse(&url).unwrap();
            prop_assert_eq!(parsed.host_str(), Some("s.example"));
            prop_assert_eq!(parsed.port(), Some(8443));
        }
    }

    #[test]
    fn any_saved_destination_renders(text in "(https|myapp)://\\PC{0,60}") {
        if let Ok(saved) = check(&text, Purpose::DeepLink, &|_| true) {
            prop_assert!(saved.is_ascii());
            let url = render(&Choice::Configured(&saved), &offer(Destinations::default()), Some(sid()), &|_| Some("\r\n".into()));
            prop_assert!(url.is_ok_and(|u| !u.contains(['\r', '\n'])));
            prop_assert_eq!(check(&saved, Purpose::DeepLink, &|_| true), Ok(saved.clone()));
        }
    }

    #[test]
    fn any_requested_redirect_stays_on_the_list(text in "\\PC{0,60}|https?:[/\\\\]{0,3}[a-z.@:]{0,20}shop\\.example[a-z.@:/]{0,20}") {
        if let Some(url) = requested_url(&text, &["shop.example".into()]) {
            prop_assert_eq!(url.host_str(), Some("shop.example"));
            prop_assert!(url.username().is_empty());
        }
    }
}

#[test]
fn no_value_folds_the_path_upward() {
    for (template, dots, expected) in [
        (
            "https://s.example/a/{dcp_x}/b",
            "..",
            "https://s.example/a//b?sid=SID",
        ),
        (
            "https://s.example/a/{dcp_x}/b",
            ".",
            "https://s.example/a//b?sid=SID",
        ),
        (
            "https://s.example/a/{dcp_x}",
            "..",
            "https://s.example/a/?sid=SID",
        ),
        (
            "https://s.example/a/{dcp_x}?q=1",
            "..",
            "https://s.example/a/?q=1&sid=SID",
        ),
        (
            "https://s.example/a/{dcp_x}#t",
            "..",
            "https://s.example/a/?sid=SID#t",
        ),
        (
            "https://s.example/a/{dcp_x}{dcp_x}/b",
            ".",
            "https://s.example/a//b?sid=SID",
        ),
        (
            "https://s.example/a/.{dcp_x}/b",
            ".",
            "https://s.example/a/./b?sid=SID",
        ),
        (
            "https://s.example/a/%2e{dcp_x}/b",
            ".",
            "https://s.example/a/%2e/b?sid=SID",
        ),
        (
            "https://s.example/a/v{dcp_x}/b",
            "..",
            "https://s.example/a/v../b?sid=SID",
        ),
        (
            "https://s.example/a/{dcp_x}/b",
            "...",
            "https://s.example/a/.../b?sid=SID",
        ),
        (
            "https://s.example/a/{dcp_x}/b",
            "../..",
            "https://s.example/a/..%2F../b?sid=SID",
        ),
        (
            "https://s.example/a/{dcp_x}/b",
            "%2e%2e",
            "https://s.example/a/%252e%252e/b?sid=SID",
        ),
        (
            "https://s.example/a?up={dcp_x}/",
            "..",
            "https://s.example/a?up=../&sid=SID",
        ),
        (
            "https://s.example/a/../b/{dcp_x}",
            "1.2",
            "https://s.example/a/../b/1.2?sid=SID",
        ),
    ] {
        let value = |name: &str| (name == "dcp_x").then(|| dots.to_owned());
        let offer = offer(Destinations::default());
        let url = render(&Choice::Configured(template), &offer, Some(sid()), &value).unwrap();
        assert_eq!(url.replace(SID, "SID"), expected, "{template} {dots}");
    }
}
