//! LINE Conversion API v1: an array, refused whole at the first bad event, and never in chunks.

use super::asked::{Asked, later, says};
use super::person::Normal;
use super::platform::{Odd, Platform, Test, Then, Token};
use super::shape::{Kind, Member, Window, any_of, is_plain, may, must};
use serde_json::Value;

const AGE: Window = Window {
    back_s: 90 * 86_400,
    ahead_s: 86_400,
};

const EVENT: &[Member] = &[
    must("source_type", Kind::Is("web")),
    must("event_type", Kind::OneOf(&["conversion", "page_view"])),
    may(
        "event_name",
        Kind::Form("no name of an event", |text| text.len() <= 20 && is_plain(text)),
    ),
    must("event_timestamp", Kind::Seconds(AGE)),
    may(
        "deduplication_key",
        Kind::Form("no key", |text| {
            text.len() <= 256 && is_plain(text) && text != "undefined"
        }),
    ),
    may("test_flag", Kind::Flag),
];

const USER: &[Member] = &[
    may("click_id", Kind::Text(1000)),
    may(
        "browser_id",
        Kind::Form("no UUID", |text| text.len() == 36 && is_plain(text)),
    ),
    may("email", Kind::Digest(Normal::Email)),
    may("phone", Kind::Digest(Normal::PhonePlus)),
    may("ifa", Kind::Text(36)),
    may("external_id", Kind::Text(100)),
];

const WEB: &[Member] = &[
    may("url", Kind::Url),
    may("referrer", Kind::Url),
    may("title", Kind::Text(100)),
    may("user_agent", Kind::Text(1000)),
    may("ip_address", Kind::Address),
];

const CUSTOM: &[Member] = &[
    may("value", Kind::Amount),
    may("currency", Kind::Is("JPY")),
    may("quantity", Kind::Whole),
    may("item_ids", Kind::List(100, &Kind::Text(100))),
    may("category", Kind::Text(100)),
];

const ITEM: &[Member] = &[
    must("event", Kind::Object(EVENT)),
    must("user", Kind::Object(USER)),
    may("web", Kind::Object(WEB)),
    may("custom", Kind::Object(CUSTOM)),
];

fn also(_: &Asked, json: &Value, _: &str) -> Result<(), String> {
    any_of(
        json,
        "/0/user",
        &["click_id", "browser_id", "email", "phone", "ifa", "external_id"],
    )?;
    let event = &json[0]["event"];
    if event["event_type"] == "conversion" && event["event_name"].is_null() {
        return Err("/0/event/event_name: missing".into());
    }
    if event["event_name"] == "Purchase" && json[0]["custom"]["value"].is_null() {
        return Err("/0/custom/value: missing".into());
    }
    Ok(())
}

fn example() -> Asked {
    Asked::post(
        "https://conversion-api.tr.line.me/v1/tag-0001/events",
        &[("X-Line-TagAccessToken", "line-token-0001")],
        r#"[{"event":{"source_type":"web","event_type":"conversion","event_name":"Purchase","event_timestamp":1795845845,
            "deduplication_key":"A-1001","test_flag":false},
          "user":{"click_id":"ldtagcl-example","email":"b6ebd83922edfa96b0ff9166a958badcc230dd68d2315ddfea22f20eaf05994a"},
          "web":{"url":"https://shop.example.jp/thanks","user_agent":"UA"},"custom":{"value":4980,"currency":"JPY"}}]"#,
    )
}

pub const PLATFORM: Platform = Platform {
    preset: "line_ads_capi",
    host: "conversion-api.tr.line.me",
    method: "POST",
    path: "/v1/*/events",
    query: &[],
    headers: &[],
    token: Token::Header("X-Line-TagAccessToken", ""),
    body: Some(Kind::List(100_000, &Kind::Object(ITEM))),
    also,
    one_by: &["/0/event/event_name", "/0/event/deduplication_key"],
    test: Test::Member("/0/event/test_flag"),
    taken: says(202, ""),
    refused: says(400, ""),
    token_refused: says(401, ""),
    odd: &[
        Odd {
            what: "the whole array refused",
            says: says(400, ""),
            counts: false,
            then: Then::Refused,
            words: "",
        },
        Odd {
            what: "an error although it counts",
            says: says(500, ""),
            counts: true,
            then: Then::Again,
            words: "",
        },
        Odd {
            what: "too many requests",
            says: later(429, ""),
            counts: false,
            then: Then::Again,
            words: "",
        },
        Odd {
            what: "the end of the interface",
            says: says(404, ""),
            counts: false,
            then: Then::Stopped,
            words: "",
        },
    ],
    beside: &[],
    example,
    example_token: "line-token-0001",
    wrong: &[
        ("set  {}", ": no list"),
        ("set  []", ": empty list"),
        ("header X-Line-TagAccessToken Bearer line-token-0001", "token"),
        (
            "set /0/event/event_name \"a name with spaces\"",
            "/0/event/event_name: no name of an event",
        ),
        ("drop /0/event/event_name", "/0/event/event_name: missing"),
        (
            "set /0/event/event_timestamp 1795845845.5",
            "/0/event/event_timestamp: no whole number",
        ),
        (
            "set /0/event/event_timestamp 1788069800",
            "/0/event/event_timestamp: too old",
        ),
        (
            "set /0/event/event_timestamp 1795999999",
            "/0/event/event_timestamp: in the future",
        ),
        (
            "set /0/event/deduplication_key \"undefined\"",
            "/0/event/deduplication_key: no key",
        ),
        ("set /0/user {}", "/0/user: nobody to be recognised by"),
        (
            "set /0/user/email \"B6EBD83922EDFA96B0FF9166A958BADCC230DD68D2315DDFEA22F20EAF05994A\"",
            "/0/user/email: no digest of 64 digits in lower case",
        ),
        ("drop /0/custom/value", "/0/custom/value: missing"),
        ("set /0/custom/value \"4980\"", "/0/custom/value: no number"),
    ],
};
