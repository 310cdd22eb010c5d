//! Conversion measurement API of the search ads of Yahoo! JAPAN: flat, one event a request, the application's id as
//! User-Agent; its 200 proves nothing.

use super::asked::{Asked, later, says};
use super::platform::{Odd, Platform, Test, Then, Token};
use super::shape::{Kind, Member, days, is_digits, is_plain, may, must};
use serde_json::Value;

const ROOT: &[Member] = &[
    may(
        "yclid",
        Kind::Form("no click id of search", |text| text.starts_with("YSS.")),
    ),
    may("sa_p", Kind::Text(100)),
    may("sa_cc", Kind::Text(1000)),
    may("sa_t", Kind::Form("no time", is_digits)),
    may("sa_ra", Kind::Text(100)),
    must("yahoo_conversion_id", Kind::Form("no digits", is_digits)),
    must("yahoo_conversion_label", Kind::Form("no label", is_plain)),
    may("yahoo_conversion_value", Kind::AmountWhole),
    must("event_time", Kind::Seconds(days(90))),
    must("url", Kind::Url),
    may("referrer", Kind::Url),
    must("user_agent", Kind::Text(1000)),
    must("ip", Kind::Address),
];

fn also(_: &Asked, json: &Value, _: &str) -> Result<(), String> {
    let has_all = ["sa_p", "sa_t", "sa_ra"]
        .iter()
        .all(|name| json.get(name).is_some());
    if json.get("yclid").is_none() && !has_all {
        return Err("/yclid: nobody to be recognised by".into());
    }
    let ip = json["ip"].as_str().unwrap_or_default();
    if ip.ends_with(".0") || ip.ends_with("::") {
        return Err("/ip: part of an address".into());
    }
    Ok(())
}

fn example() -> Asked {
    Asked::post(
        "https://search-ads-cv.yahooapis.jp/v1/",
        &[("User-Agent", "Yahoo AppID: client-id-0001")],
        r#"{"yclid":"YSS.1000000001.EAIaIQexample","yahoo_conversion_id":"1000123456","yahoo_conversion_label":"AbCdEfGhIjK",
          "yahoo_conversion_value":4980,"event_time":1795845845,"url":"https://shop.example.jp/thanks",
          "referrer":"https://shop.example.jp/cart","user_agent":"UA","ip":"203.0.113.5"}"#,
    )
}

pub const PLATFORM: Platform = Platform {
    preset: "yahoo_search",
    host: "search-ads-cv.yahooapis.jp",
    method: "POST",
    path: "/v1/",
    query: &[],
    headers: &[],
    token: Token::Header("User-Agent", "Yahoo AppID: "),
    body: Some(Kind::Object(ROOT)),
    also,
    one_by: &["/yclid", "/yahoo_conversion_id", "/event_time"],
    test: Test::None,
    taken: says(200, ""),
    refused: says(400, r#"{"Error":{"Message":"{words}"}}"#),
    token_refused: says(403, r#"{"Error":{"Message":"Your Request was Forbidden"}}"#),
    odd: &[
        Odd {
            what: "dropped behind a 200",
            says: says(200, ""),
            counts: false,
            then: Then::Taken,
            words: "",
        },
        Odd {
            what: "application id missing",
            says: says(401, r#"{"Error":{"Message":"Please provide valid credentials"}}"#),
            counts: false,
            then: Then::Stopped,
            words: "Please provide valid credentials",
        },
        Odd {
            what: "bad value",
            says: says(400, r#"{"Error":{"Message":"Invalid parameter"}}"#),
            counts: false,
            then: Then::Refused,
            words: "Invalid parameter",
        },
        Odd {
            what: "too many requests",
            says: later(429, r#"{"Error":{"Message":"Too Many Requests"}}"#),
            counts: false,
            then: Then::Again,
            words: "Too Many Requests",
        },
        Odd {
            what: "maintenance",
            says: says(503, "<html>"),
            counts: false,
            then: Then::Again,
            words: "",
        },
        Odd {
            what: "an error although it counts",
            says: says(500, ""),
            counts: true,
            then: Then::Again,
            words: "",
        },
    ],
    beside: &[],
    example,
    example_token: "client-id-0001",
    wrong: &[
        ("drop /yclid", "/yclid: nobody to be recognised by"),
        (
            "set /yclid \"YJAD.1795800000.AbC\"",
            "/yclid: no click id of search",
        ),
        (
            "set /yahoo_conversion_id 1000123456",
            "/yahoo_conversion_id: no text",
        ),
        ("drop /yahoo_conversion_label", "/yahoo_conversion_label: missing"),
        (
            "set /yahoo_conversion_value \"4980\"",
            "/yahoo_conversion_value: no whole number",
        ),
        (
            "set /yahoo_conversion_value 49.8",
            "/yahoo_conversion_value: no whole number",
        ),
        ("set /event_time 1788069800", "/event_time: too old"),
        ("drop /url", "/url: missing"),
        ("set /url \"/thanks\"", "/url: no address of a page"),
        ("drop /user_agent", "/user_agent: missing"),
        ("drop /ip", "/ip: missing"),
        ("set /ip \"203.0.113.0\"", "/ip: part of an address"),
        ("header User-Agent Yamabiko", "token"),
    ],
};
