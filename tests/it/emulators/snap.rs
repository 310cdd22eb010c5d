//! Snap Conversions API v3: the token in the URL, no word for a lead, a path of its own for tests.

use super::asked::{Asked, later, says};
use super::person::Normal;
use super::platform::{Odd, Platform, Test, Then, Token};
use super::shape::{Kind, Member, all_of, days, may, must};
use serde_json::Value;

const WORDS: &[&str] = &[
    "PURCHASE",
    "SIGN_UP",
    "ADD_CART",
    "VIEW_CONTENT",
    "PAGE_VIEW",
    "START_CHECKOUT",
    "ADD_BILLING",
    "SUBSCRIBE",
    "SEARCH",
    "SAVE",
    "LOGIN",
    "RESERVE",
    "CUSTOM_EVENT_1",
    "CUSTOM_EVENT_2",
    "CUSTOM_EVENT_3",
    "CUSTOM_EVENT_4",
    "CUSTOM_EVENT_5",
];

const USER: &[Member] = &[
    may("em", Kind::List(10, &Kind::Digest(Normal::Email))),
    may("ph", Kind::List(10, &Kind::Digest(Normal::PhoneDigits))),
    may("external_id", Kind::List(10, &Kind::Digest(Normal::External))),
    may("client_ip_address", Kind::Address),
    may("client_user_agent", Kind::Text(1000)),
    may("sc_click_id", Kind::Text(1000)),
    may("sc_cookie1", Kind::Text(100)),
];

const CUSTOM: &[Member] = &[
    may("value", Kind::AmountText),
    may("currency", Kind::Is("JPY")),
    may("order_id", Kind::Text(100)),
    may("num_items", Kind::Text(10)),
    may("content_ids", Kind::List(100, &Kind::Text(100))),
];

const EVENT: &[Member] = &[
    must("event_name", Kind::OneOf(WORDS)),
    must("event_time", Kind::Seconds(days(7))),
    may("event_id", Kind::Text(100)),
    must("action_source", Kind::Is("WEB")),
    must("event_source_url", Kind::Url),
    must("user_data", Kind::Object(USER)),
    may("custom_data", Kind::Object(CUSTOM)),
    may("data_processing_options", Kind::List(1, &Kind::Is("LMU"))),
];

const ROOT: &[Member] = &[must("data", Kind::List(2000, &Kind::Object(EVENT)))];

fn also(_: &Asked, json: &Value, _: &str) -> Result<(), String> {
    let user = &json["data"][0]["user_data"];
    let has = |name: &str| user.get(name).is_some();
    if !(has("em") || has("ph") || has("client_ip_address") && has("client_user_agent")) {
        return Err("/data/0/user_data: nobody to be recognised by".into());
    }
    if json["data"][0]["event_name"] == "PURCHASE" {
        all_of(json, "/data/0/custom_data", &["value", "currency"])?;
    }
    Ok(())
}

fn example() -> Asked {
    Asked::post(
        "https://tr.snapchat.com/v3/pixel-0001/events?access_token=snap-token-0001",
        &[],
        r#"{"data":[{"event_name":"PURCHASE","event_time":1795845845,"event_id":"A-1001","action_source":"WEB",
          "event_source_url":"https://shop.example.jp/thanks",
          "user_data":{"em":["b6ebd83922edfa96b0ff9166a958badcc230dd68d2315ddfea22f20eaf05994a"],
            "ph":["0ad07193350775c6d4377f8b039d32877e66c69a454ed886b05279771c0fca0b"],
            "client_ip_address":"203.0.113.5","client_user_agent":"UA","sc_click_id":"example-sccid"},
          "custom_data":{"value":"4980","currency":"JPY","order_id":"A-1001"}}]}"#,
    )
}

pub const PLATFORM: Platform = Platform {
    preset: "snapchat",
    host: "tr.snapchat.com",
    method: "POST",
    path: "/v3/*/events",
    query: &[("access_token", true)],
    headers: &[],
    token: Token::Query("access_token"),
    body: Some(Kind::Object(ROOT)),
    also,
    one_by: &["/data/0/event_name", "/data/0/event_id"],
    test: Test::Path("/v3/*/events/validate"),
    taken: says(
        200,
        r#"{"status":"VALID","reason":"Events have been processed successfully."}"#,
    ),
    refused: says(400, r#"{"status":"INVALID","reason":"{words}"}"#),
    token_refused: says(401, r#"{"status":"ERROR","reason":"Access token is not valid"}"#),
    odd: &[
        Odd {
            what: "bad event",
            says: says(
                400,
                r#"{"status":"INVALID","reason":"event_time is out of range"}"#,
            ),
            counts: false,
            then: Then::Refused,
            words: "event_time is out of range",
        },
        Odd {
            what: "rate",
            says: later(429, r#"{"status":"ERROR","reason":"Too many requests"}"#),
            counts: false,
            then: Then::Again,
            words: "Too many requests",
        },
        Odd {
            what: "an error although it counts",
            says: says(500, ""),
            counts: true,
            then: Then::Again,
            words: "",
        },
        Odd {
            what: "no right to the pixel",
            says: says(
                403,
                r#"{"status":"ERROR","reason":"Not authorized for this pixel"}"#,
            ),
            counts: false,
            then: Then::Stopped,
            words: "Not authorized for this pixel",
        },
    ],
    beside: &[],
    example,
    example_token: "snap-token-0001",
    wrong: &[
        ("query access_token", "token"),
        ("query pixel 1", "unknown in the query"),
        (
            "set /data/0/event_name \"LEAD\"",
            "/data/0/event_name: unknown word",
        ),
        (
            "set /data/0/action_source \"website\"",
            "/data/0/action_source: another word",
        ),
        (
            "drop /data/0/event_source_url",
            "/data/0/event_source_url: missing",
        ),
        ("set /data/0/event_time 1795040000", "/data/0/event_time: too old"),
        (
            "set /data/0/user_data {\"sc_click_id\":\"x\"}",
            "/data/0/user_data: nobody to be recognised by",
        ),
        (
            "set /data/0/user_data/ph [\"3d06a39d40790f11761295e053029378ae28c4b4f6f301693005e079f3d4ca64\"]",
            "/data/0/user_data/ph/0: a digest of another form, or of somebody else",
        ),
        ("set /data/0/user_data/em []", "/data/0/user_data/em: empty list"),
        (
            "drop /data/0/custom_data/value",
            "/data/0/custom_data/value: missing",
        ),
        (
            "drop /data/0/custom_data/currency",
            "/data/0/custom_data/currency: missing",
        ),
        (
            "set /data/0/custom_data/value \"yen\"",
            "/data/0/custom_data/value: no number in a text",
        ),
    ],
};
