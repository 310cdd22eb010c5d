//! Who is calling: device, bot or prefetch, language, and what is kept of the address.
//!
//! The GeoIP file is in [`super::geo`]. It must not know offers or sessions.
//!
//! 2026-11-21: an empty user agent counts as a bot, since no browser sends none; server-sent clicks are
//! exempt ([`super::hit`]).

use crate::domain::offer::IpPrivacy;
use crate::domain::session::Device;
use aws_lc_rs::hmac;
use foldhash::HashMap;
use ipnet::IpNet;
use std::cell::RefCell;
use std::net::{IpAddr, Ipv6Addr};

/// The headers that say who is calling, as texts (invalid UTF-8 replaced by the HTTP layer).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientHeaders {
    /// `User-Agent`.
    pub user_agent: String,
    /// `Referer`.
    pub referer: String,
    /// `Accept-Language`.
    pub accept_language: String,
    /// `Sec-Purpose`, `Purpose`, `X-Purpose` and `X-Moz`, joined with a comma.
    pub purpose: String,
    /// `Sec-CH-UA-Model`.
    pub model: String,
}

/// Parts of user agents, lower case, that bots, link previews and HTTP libraries send beside those that
/// woothee knows. Previews come first: they are the ones a shared link meets.
const AUTOMATED: &[&str] = &[
    "facebookexternalhit",
    "facebookcatalog",
    "meta-externalagent",
    "meta-externalfetcher",
    "line-poker",
    "linebot",
    "slackbot",
    "slack-imgproxy",
    "twitterbot",
    "discordbot",
    "telegrambot",
    "whatsapp/",
    "skypeuripreview",
    "linkedinbot",
    "pinterestbot",
    "redditbot",
    "kakaotalk-scrap",
    "chatwork linkpreview",
    "snap url preview",
    "iframely",
    "embedly",
    "vkshare",
    "mastodon/",
    "misskey/",
    "hatena::",
    "bluesky cardyb",
    "bingpreview",
    "google-inspectiontool",
    "googleother",
    "google-read-aloud",
    "google web preview",
    "chrome-lighthouse",
    "pagespeed",
    "headlesschrome",
    "phantomjs",
    "puppeteer",
    "playwright",
    "uptimerobot",
    "pingdom",
    "statuscake",
    "python-requests",
    "python-urllib",
    "python-httpx",
    "aiohttp/",
    "go-http-client",
    "curl/",
    "wget/",
    "libwww-perl",
    "node-fetch",
    "axios/",
    "scrapy",
    "+http",
];

/// Browsers inside apps, which woothee reports as the system's own: part of the user agent, name.
const IN_APP: &[(&str, &str)] = &[
    (" Line/", "LINE"),
    ("Instagram ", "Instagram"),
    ("FBAN/", "Facebook"),
    ("FBAV/", "Facebook"),
    ("Twitter for", "X"),
    ("musical_ly", "TikTok"),
    ("BytedanceWebview", "TikTok"),
    ("YJApp-", "Yahoo! JAPAN"),
    ("SmartNews", "SmartNews"),
    ("Gunosy", "Gunosy"),
];

/// What the user agent says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Agent {
    /// System, type, model, browser; language and region are left empty.
    pub device: Device,
    /// A known bot, link preview or HTTP library, or nothing at all.
    pub is_bot: bool,
}

/// User agents that a thread remembers; most visitors share a few hundred.
const REMEMBERED: usize = 4096;

thread_local! {
    static AGENTS: RefCell<HashMap<Box<str>, Agent>> = RefCell::default();
}

/// Reads a user agent; what was read before is remembered, since reading takes longer than all the rest of
/// a click's parsing. The memory is bounded: a full one begins anew.
pub fn agent(user_agent: &str) -> Agent {
    AGENTS.with_borrow_mut(|agents| {
        if let Some(known) = agents.get(user_agent) {
            return known.clone();
        }
        let read = read_agent(user_agent);
        if agents.len() >= REMEMBERED {
            agents.clear();
        }
        agents.insert(user_agent.into(), read.clone());
        read
    })
}

fn read_agent(user_agent: &str) -> Agent {
    let text = user_agent.trim();
    if text.is_empty() || text == "-" {
        return Agent {
            device: Device::default(),
            is_bot: true,
        };
    }
    let known = woothee::parser::Parser::new().parse(text).unwrap_or_default();
    let is_bot = known.category == "crawler" || known.name == "HTTP Library" || looks_automated(text);
    let os_name = os_name(known.os, text);
    let device_type = if is_bot {
        "bot"
    } else {
        device_type(known.category, os_name, text)
    };
    let browser = IN_APP
        .iter()
        .find(|(part, _)| text.contains(part))
        .map_or(known.name, |(_, name)| name);
    Agent {
        device: Device {
            os_name: os_name.to_owned(),
            os_version: told(&known.os_version),
            device_type: device_type.to_owned(),
            device_name: device_name(text, os_name),
            browser: told(browser),
            language: String::new(),
            region: String::new(),
        },
        is_bot,
    }
}

fn told(text: &str) -> String {
    if text == "UNKNOWN" {
        String::new()
    } else {
        text.to_owned()
    }
}

fn looks_automated(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    // CUBOT is a maker of telephones.
    AUTOMATED.iter().any(|part| lower.contains(part))
        || ["bot/", "bot;", "bot)", "bot ", "crawler", "spider"]
            .iter()
            .any(|part| {
                lower
                    .match_indices(part)
                    .any(|(at, _)| !lower[..at].ends_with("cu"))
            })
        || (lower.ends_with("bot") && !lower.ends_with("cubot"))
}

fn os_name(os: &str, text: &str) -> &'static str {
    match os {
        "iPhone" | "iPad" | "iPod" | "iOS" => "ios",
        "Android" => "android",
        "Mac OSX" => "macos",
        "Linux" => "linux",
        os if os.starts_with("Windows") => "windows",
        _ if text.contains("iPhone OS") || text.contains("like Mac OS X") => "ios",
        _ if text.contains("Android") => "android",
        _ => "",
    }
}

fn device_type(category: &str, os_name: &str, text: &str) -> &'static str {
    match os_name {
        "ios" if text.contains("iPad") => "tablet",
        "ios" => "phone",
        "android" if text.contains("Mobile") => "phone",
        "android" => "tablet",
        _ => match category {
            "pc" => "pc",
            "smartphone" | "mobilephone" => "phone",
            _ => "",
        },
    }
}

/// The model of an Android user agent, or the family on iOS. Reduced user agents say `K`, which is nothing.
fn device_name(text: &str, os_name: &str) -> String {
    match os_name {
        "ios" => ["iPhone", "iPad", "iPod"]
            .into_iter()
            .find(|name| text.contains(name))
            .unwrap_or("")
            .to_owned(),
        "android" => text
            .split_once('(')
            .and_then(|(_, rest)| rest.split_once(')'))
            .map_or("", |(inner, _)| inner)
            .split(';')
            .map(str::trim)
            .skip_while(|part| !part.starts_with("Android"))
            .skip(1)
            .map(|part| part.split(" Build/").next().unwrap_or("").trim())
            .find(|part| part.len() > 1 && !matches!(*part, "wv" | "Mobile" | "Tablet") && !is_locale(part))
            .map_or("", |part| super::query::cut(part, 64))
            .to_owned(),
        _ => String::new(),
    }
}

/// The model of `Sec-CH-UA-Model`, a quoted string; empty when there is none. Chrome on Android leaves the model out
/// of the user agent and says it here to those who ask (`Accept-CH`).
pub fn hinted_model(header: &str) -> String {
    let quoted = header.trim();
    let model = quoted
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or_default();
    let plain = model.replace("\\\"", "\"").replace("\\\\", "\\");
    super::query::cut(plain.trim(), 64).to_owned()
}

fn is_locale(part: &str) -> bool {
    matches!(part.as_bytes(), [a, b, b'-' | b'_', c, d]
        if a.is_ascii_lowercase() && b.is_ascii_lowercase() && c.is_ascii_alphabetic() && d.is_ascii_alphabetic())
}

/// Whether a user agent is that of a browser that a person uses.
pub fn is_browser(user_agent: &str) -> bool {
    let agent = agent(user_agent);
    !agent.is_bot && !agent.device.browser.is_empty()
}

/// Whether the headers say that nobody looks at the answer yet: prefetch, prerender or preview.
pub fn is_prefetch(purpose: &str) -> bool {
    let purpose = purpose.to_ascii_lowercase();
    ["prefetch", "prerender", "preview"]
        .iter()
        .any(|word| purpose.contains(word))
}

/// Language and region (both lower case, each possibly empty) that `Accept-Language` likes best: the
/// highest `q`, among equals the first.
pub fn language(accept_language: &str) -> (String, String) {
    let mut best: Option<(u16, &str)> = None;
    for part in accept_language.split(',').take(32) {
        let mut pieces = part.split(';').map(str::trim);
        let tag = pieces.next().unwrap_or("");
        let weight = pieces
            .find_map(|p| p.strip_prefix("q="))
            .map_or(1000, thousandths);
        let usable = weight > 0 && !tag.is_empty() && tag != "*";
        if usable && best.is_none_or(|(w, _)| weight > w) {
            best = Some((weight, tag));
            // Nothing can be liked better.
            if weight == 1000 {
                break;
            }
        }
    }
    best.map_or_else(Default::default, |(_, tag)| language_tag(tag))
}

/// Language and region of one tag such as `ja-JP` or `zh_Hant_TW`, lower case; empty where there is none.
pub fn language_tag(tag: &str) -> (String, String) {
    let mut subtags = tag.split(['-', '_']);
    let language = subtags
        .next()
        .filter(|s| (2..=3).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphabetic()));
    let Some(language) = language else {
        return Default::default();
    };
    let region = subtags
        .find(|s| s.len() == 2 && s.bytes().all(|b| b.is_ascii_alphabetic()))
        .unwrap_or("");
    (language.to_ascii_lowercase(), region.to_ascii_lowercase())
}

/// `0.85` as 850; anything else is 0.
fn thousandths(q: &str) -> u16 {
    let (whole, fraction) = q.split_once('.').unwrap_or((q, ""));
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    match (whole, digits.parse::<u16>()) {
        ("1", _) => 1000,
        ("0", Ok(value)) => value,
        _ => 0,
    }
}

/// The caller's own address: the peer, unless the peer is a trusted proxy; then `X-Forwarded-For` (its
/// lines in the order of the request) is read from the right, through trusted proxies, to the first
/// address that is none. What does not parse ends the walk, since whoever wrote it could have written all
/// that stands left of it too. v4-mapped addresses are taken as IPv4.
pub fn client_ip(peer: IpAddr, forwarded_for: &[&str], trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |ip: &IpAddr| trusted.iter().any(|net| net.contains(ip));
    let mut client = peer.to_canonical();
    let hops = forwarded_for.iter().rev().flat_map(|line| line.rsplit(','));
    for hop in hops {
        if !is_trusted(&client) {
            break;
        }
        let Some(ip) = forwarded_ip(hop) else { break };
        client = ip;
    }
    client
}

/// The visitor's address as a server names it; of a copied `X-Forwarded-For` the first one.
pub(super) fn named_ip(text: &str) -> Option<IpAddr> {
    forwarded_ip(text.split(',').next()?)
}

/// `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:443`.
pub(super) fn forwarded_ip(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    text.parse::<IpAddr>()
        .or_else(|_| text.parse::<std::net::SocketAddr>().map(|a| a.ip()))
        .ok()
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
        .map(|ip| ip.to_canonical())
}

/// The address as the privacy setting leaves it: whole, with the last octet (IPv4) or the last 80 bits
/// (IPv6) zero, or empty.
pub fn stored_ip(ip: IpAddr, privacy: IpPrivacy) -> String {
    match privacy {
        IpPrivacy::Whole => match ip.to_canonical() {
            IpAddr::V4(v4) => dotted(v4.octets()),
            IpAddr::V6(v6) => v6.to_string(),
        },
        IpPrivacy::None => String::new(),
        IpPrivacy::Truncated => match ip.to_canonical() {
            IpAddr::V4(v4) => {
                let [a, b, c, _] = v4.octets();
                dotted([a, b, c, 0])
            }
            IpAddr::V6(v6) => {
                let [a, b, c, ..] = v6.segments();
                Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).to_string()
            }
        },
    }
}

/// Four numbers with dots; formatting them takes ten times as long.
fn dotted(octets: [u8; 4]) -> String {
    let mut text = String::with_capacity(15);
    for (n, octet) in octets.into_iter().enumerate() {
        if n > 0 {
            text.push('.');
        }
        for (unit, digit) in [(100, octet / 100), (10, octet / 10 % 10), (1, octet % 10)] {
            if octet >= unit || unit == 1 {
                text.push(char::from(b'0' + digit));
            }
        }
    }
    text
}

/// Keyed hash of whole addresses: equal addresses are recognised while the key lives, and no one without
/// it can try all addresses. The key is random, made once an instance.
#[derive(Debug, Clone)]
pub struct IpHasher {
    key: hmac::Key,
}

impl IpHasher {
    /// Takes the instance's key, 32 random bytes.
    pub fn new(key: &[u8; 32]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
        }
    }

    /// The first 64 bits of HMAC-SHA256; never 0, which stands for "unknown".
    pub fn hash(&self, ip: IpAddr) -> u64 {
        let tag = match ip.to_canonical() {
            IpAddr::V4(v4) => hmac::sign(&self.key, &v4.octets()),
            IpAddr::V6(v6) => hmac::sign(&self.key, &v6.octets()),
        };
        let mut first = [0; 8];
        first.copy_from_slice(&tag.as_ref()[..8]);
        u64::from_be_bytes(first).max(1)
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
