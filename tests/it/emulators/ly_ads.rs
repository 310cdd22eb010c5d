//! LY Ads Conversion API: 202 means received, and what is wrong or doubled may vanish behind it.

use super::asked::{Asked, later, says};
use super::person::Normal;
use super::platform::{Odd, Platform, Test, Then, Token};
use super::shape::{self, Kind, Member, all_of, any_of, days, is_dated, is_plain, may, must};
use serde_json::Value;

const WORDS: &[&str] = &[
    "page_view",
    "view_listing",
    "view_product",
    "view_cart",
    "add_cart",
    "search",
    "login",
    "sign_up",
    "generate_lead",
    "reservation",
    "check_out",
    "payment_info",
    "add_wishlist",
    "purchase",
];

const EVENT: &[Member] = &[
    must("event_type", Kind::OneOf(WORDS)),
    must("event_time", Kind::Seconds(days(90))),
    must("action_source", Kind::Is("web")),
    may("event_snippet_id", Kind::Text(100)),
    may(
        "transaction_id",
        Kind::Form("no transaction id", |text| text.len() <= 64 && is_plain(text)),
    ),
    may("test_flag", Kind::Flag),
];

const USER: &[Member] = &[
    may("hashed_email", Kind::Digest(Normal::Email)),
    may("hashed_phone_number", Kind::Digest(Normal::PhonePlus)),
    may("ly_c", Kind::Form("no dated id", is_dated)),
    may("ly_su", Kind::Form("no dated id", is_dated)),
    may("ly_r", Kind::Form("no dated id", is_dated)),
    may("ifa", Kind::Text(36)),
];

const WEB: &[Member] = &[
    may("url", Kind::Url),
    may("referrer_url", Kind::Url),
    may("user_agent", Kind::Text(1000)),
    may("ip", Kind::Address),
];

const ITEM: &[Member] = &[
    may("item_id", Kind::Text(100)),
    may("category_id", Kind::Text(100)),
    may("price", Kind::Amount),
    may("quantity", Kind::Whole),
];

const CUSTOM: &[Member] = &[
    may("currency", Kind::Is("JPY")),
    may("value", Kind::Amount),
    may("label", Kind::Text(100)),
    may("items", Kind::List(10, &Kind::Object(ITEM))),
];

const DATA: &[Member] = &[
    must("event", Kind::Object(EVENT)),
    must("user", Kind::Object(USER)),
    may("web", Kind::Object(WEB)),
    may("custom", Kind::Object(CUSTOM)),
];

const ROOT: &[Member] = &[
    must("tag_id", Kind::Form("no tag id", shape::is_plain)),
    must("data", Kind::List(1000, &Kind::Object(DATA))),
];

fn also(_: &Asked, json: &Value, _: &str) -> Result<(), String> {
    any_of(
        json,
        "/data/0/user",
        &["hashed_email", "hashed_phone_number", "ly_c", "ly_su", "ifa"],
    )?;
    if any_of(json, "/data/0/custom", &["currency", "value"]).is_ok() {
        all_of(json, "/data/0/custom", &["currency", "value"])?;
    }
    Ok(())
}

fn example() -> Asked {
    Asked::post(
        "https://conversion-api.yahooapis.jp/v1/",
        &[("X-TagAccessToken", "ly-token-0001")],
        r#"{"tag_id":"TAG0001","data":[{"event":{"event_type":"purchase","event_snippet_id":"snip01","event_time":1795845845,
            "action_source":"web","transaction_id":"A-1001","test_flag":false},
          "user":{"ly_c":"1795800000.AbC123xyz","hashed_email":"b6ebd83922edfa96b0ff9166a958badcc230dd68d2315ddfea22f20eaf05994a",
            "hashed_phone_number":"3d06a39d40790f11761295e053029378ae28c4b4f6f301693005e079f3d4ca64"},
          "web":{"url":"https://shop.example.jp/thanks","user_agent":"UA","ip":"203.0.113.5"},
          "custom":{"currency":"JPY","value":4980}}]}"#,
    )
}

pub const PLATFORM: Platform = Platform {
    preset: "ly_ads",
    host: "conversion-api.yahooapis.jp",
    method: "POST",
    path: "/v1/",
    query: &[],
    headers: &[],
    token: Token::Header("X-TagAccessToken", ""),
    body: Some(Kind::Object(ROOT)),
    also,
    one_by: &["/tag_id", "/data/0/event/transaction_id"],
    test: Test::Member("/data/0/event/test_flag"),
    taken: says(202, ""),
    refused: says(400, ""),
    token_refused: says(403, ""),
    odd: &[
        Odd {
            what: "received, and dropped behind it",
            says: says(202, ""),
            counts: false,
            then: Then::Taken,
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
            what: "maintenance",
            says: says(503, ""),
            counts: false,
            then: Then::Again,
            words: "",
        },
        Odd {
            what: "media type",
            says: says(415, ""),
            counts: false,
            then: Then::Refused,
            words: "",
        },
        Odd {
            what: "token revoked",
            says: says(401, ""),
            counts: false,
            then: Then::Stopped,
            words: "",
        },
    ],
    beside: &[],
    example,
    example_token: "ly-token-0001",
    wrong: &[
        ("drop /tag_id", "/tag_id: missing"),
        ("set /data []", "/data: empty list"),
        (
            "set /data/0/event/event_type \"Purchase\"",
            "/data/0/event/event_type: unknown word",
        ),
        (
            "set /data/0/event/event_time \"1795845845\"",
            "/data/0/event/event_time: no whole number",
        ),
        (
            "set /data/0/event/event_time 1795845845000",
            "/data/0/event/event_time: time in another unit",
        ),
        (
            "set /data/0/event/event_time 1788069800",
            "/data/0/event/event_time: too old",
        ),
        (
            "set /data/0/event/event_time 1795849999",
            "/data/0/event/event_time: in the future",
        ),
        (
            "set /data/0/event/transaction_id \"A 1001\"",
            "/data/0/event/transaction_id: no transaction id",
        ),
        (
            "set /data/0/event/test_flag \"false\"",
            "/data/0/event/test_flag: neither true nor false",
        ),
        (
            "set /data/0/user/ly_c \"1795800000.\"",
            "/data/0/user/ly_c: no dated id",
        ),
        (
            "set /data/0/user/hashed_email \"taro.yamada@example.com\"",
            "/data/0/user/hashed_email: no digest of 64 digits in lower case",
        ),
        (
            "set /data/0/user {\"ly_r\":\"1795800000.a\"}",
            "/data/0/user: nobody to be recognised by",
        ),
        ("drop /data/0/custom/currency", "/data/0/custom/currency: missing"),
        (
            "set /data/0/custom/value \"4980\"",
            "/data/0/custom/value: no number",
        ),
        (
            "set /data/0/custom/currency \"USD\"",
            "/data/0/custom/currency: another word",
        ),
    ],
};
