//! Tests of [`super`]: devices, bots, languages and addresses as they are met.

use super::*;
use proptest::prelude::*;

const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1";
const PIXEL: &str = "Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/AP1A.240505.004) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36";

#[test]
fn devices() {
    let line = format!("{IPHONE} Line/14.5.0");
    for (ua, os, version, kind, name, browser) in [
        (IPHONE, "ios", "17.5.1", "phone", "iPhone", "Safari"),
        (line.as_str(), "ios", "17.5.1", "phone", "iPhone", "LINE"),
        (PIXEL, "android", "14", "phone", "Pixel 8", "Chrome"),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36",
            "android",
            "10",
            "tablet",
            "",
            "Chrome",
        ),
        (
            "Mozilla/5.0 (iPad; CPU OS 16_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.1 Mobile/15E148 Safari/604.1",
            "ios",
            "16.1",
            "tablet",
            "iPad",
            "Safari",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36 Edg/124.0.0.0",
            "windows",
            "NT 10.0",
            "pc",
            "",
            "Edge",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
            "macos",
            "10.15.7",
            "pc",
            "",
            "Safari",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0",
            "linux",
            "",
            "pc",
            "",
            "Firefox",
        ),
        (
            "Mozilla/5.0 (Linux; Android 11; CUBOT) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36",
            "android",
            "11",
            "phone",
            "CUBOT",
            "Chrome",
        ),
    ] {
        let agent = agent(ua);
        let device = &agent.device;
        assert!(!agent.is_bot, "{ua}");
        assert_eq!(
            (
                device.os_name.as_str(),
                device.os_version.as_str(),
                device.device_type.as_str(),
                device.device_name.as_str(),
                device.browser.as_str()
            ),
            (os, version, kind, name, browser),
            "{ua}"
        );
    }
}

#[test]
fn bots_and_previews() {
    for ua in [
        "",
        "-",
        "facebookexternalhit/1.1;line-poker/1.0",
        "Hatena::Fetcher/0.01 (master) Furl/3.13",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "Twitterbot/1.0",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/124.0.0.0 Safari/537.36",
        "WhatsApp/2.23.20.0",
        "curl/8.5.0",
        "python-requests/2.31.0",
        "Java/17.0.1",
    ] {
        assert!(agent(ua).is_bot, "{ua}");
    }
}

#[test]
fn prefetches() {
    assert!(is_prefetch("prefetch;prerender"));
    assert!(is_prefetch("Prefetch"));
    assert!(is_prefetch("preview"));
    assert!(!is_prefetch(""));
    assert!(!is_prefetch("navigate"));
}

#[test]
fn languages() {
    for (header, language_, region) in [
        ("ja-JP,ja;q=0.9,en;q=0.8", "ja", "jp"),
        ("en;q=0.5, ja-JP;q=0.9", "ja", "jp"),
        ("fr, en", "fr", ""),
        ("zh-Hant-TW", "zh", "tw"),
        ("*", "", ""),
        ("*, de-AT;q=0.1", "de", "at"),
        ("ja;q=0", "", ""),
        ("", "", ""),
        ("山", "", ""),
        ("en_US", "en", "us"),
    ] {
        assert_eq!(language(header), (language_.into(), region.into()), "{header}");
    }
}

#[test]
fn forwarded_addresses_count_only_from_trusted_proxies() {
    let trusted: Vec<IpNet> = ["10.0.0.0/8", "fd00::/8", "127.0.0.1/32"]
        .iter()
        .map(|n| n.parse().unwrap())
        .collect();
    for (peer, lines, expected) in [
        ("203.0.113.9", vec!["198.51.100.1"], "203.0.113.9"),
        ("10.0.0.1", vec![], "10.0.0.1"),
        ("10.0.0.1", vec!["198.51.100.1"], "198.51.100.1"),
        ("::ffff:10.0.0.1", vec!["198.51.100.1"], "198.51.100.1"),
        (
            "10.0.0.1",
            vec!["1.1.1.1, 198.51.100.1, 10.0.0.2"],
            "198.51.100.1",
        ),
        ("10.0.0.1", vec!["1.1.1.1", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", vec!["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", vec!["[2001:db8::1]:443"], "2001:db8::1"),
        ("10.0.0.1", vec!["2001:db8::1"], "2001:db8::1"),
        ("10.0.0.1", vec!["1.1.1.1, unknown"], "10.0.0.1"),
        ("10.0.0.1", vec!["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
    ] {
        let ip = client_ip(peer.parse().unwrap(), &lines, &trusted);
        assert_eq!(ip.to_string(), expected, "{peer} {lines:?}");
    }
    let none = client_ip("127.0.0.1".parse().unwrap(), &["1.1.1.1"], &[]);
    assert_eq!(none.to_string(), "127.0.0.1");
}

#[test]
fn stored_addresses() {
    for (ip, privacy, expected) in [
        ("203.0.113.9", IpPrivacy::Truncated, "203.0.113.0"),
        ("::ffff:203.0.113.9", IpPrivacy::Truncated, "203.0.113.0"),
        ("2001:db8:1:2::9", IpPrivacy::Truncated, "2001:db8:1::"),
        ("203.0.113.9", IpPrivacy::Whole, "203.0.113.9"),
        ("203.0.113.9", IpPrivacy::None, ""),
    ] {
        assert_eq!(stored_ip(ip.parse().unwrap(), privacy), expected, "{ip}");
    }
}

#[test]
fn addresses_are_written_as_usual() {
    for octet in 0..=255 {
        let ip = std::net::IpAddr::from([octet, 255 - octet, 0, octet]);
        assert_eq!(stored_ip(ip, IpPrivacy::Whole), ip.to_string());
    }
}

#[test]
fn hashes_need_the_key() {
    let (one, two) = (IpHasher::new(&[1; 32]), IpHasher::new(&[2; 32]));
    let ip: IpAddr = "203.0.113.9".parse().unwrap();
    assert_eq!(one.hash(ip), one.hash("::ffff:203.0.113.9".parse().unwrap()));
    assert_ne!(one.hash(ip), two.hash(ip));
    assert_ne!(one.hash(ip), one.hash("203.0.113.8".parse().unwrap()));
}

proptest! {
    #[test]
    fn strangers_texts_never_panic(ua in "\\PC{0,200}", header in "\\PC{0,80}") {
        let agent = agent(&ua);
        prop_assert!(["phone", "tablet", "pc", "bot", ""].contains(&agent.device.device_type.as_str()));
        let (language, region) = language(&header);
        prop_assert!(language.len() <= 3 && region.len() <= 2);
        let _ = client_ip(IpAddr::from([10, 0, 0, 1]), &[&header], &["10.0.0.0/8".parse().unwrap()]);
    }
}
