//! Meta Conversions API: one event that is too old fails the whole request, and messages can repeat the token.

use super::asked::{Asked, later, says};
use super::person::Normal;
use super::platform::{Odd, Platform, Test, Then, Token};
use super::shape::{Kind, Member, all_of, any_of, days, is_digits, may, must};
use serde_json::Value;

const EMAIL: Kind = Kind::OneOrList(&Kind::Digest(Normal::Email));
const PHONE: Kind = Kind::OneOrList(&Kind::Digest(Normal::PhoneDigits));
const EXTERNAL: Kind = Kind::OneOrList(&Kind::Digest(Normal::External));

const USER: &[Member] = &[
    may("em", EMAIL),
    may("ph", PHONE),
    may("external_id", EXTERNAL),
    may("client_ip_address", Kind::Address),
    must("client_user_agent", Kind::Text(1000)),
    may(
        "fbc",
        Kind::Form("no fbc", |text| {
            parts_of(text).is_some_and(|last| !last.is_empty())
        }),
    ),
    may(
        "fbp",
        Kind::Form("no fbp", |text| parts_of(text).is_some_and(is_digits)),
    ),
];

const CONTENT: &[Member] = &[
    must("id", Kind::Text(100)),
    may("quantity", Kind::Whole),
    may("item_price", Kind::Amount),
];

const CUSTOM: &[Member] = &[
    may("value", Kind::Amount),
    may("currency", Kind::Is("JPY")),
    may("order_id", Kind::Text(100)),
    may("content_ids", Kind::List(100, &Kind::Text(100))),
    may("content_type", Kind::OneOf(&["product", "product_group"])),
    may("contents", Kind::List(100, &Kind::Object(CONTENT))),
];

const EVENT: &[Member] = &[
    must("event_name", Kind::Text(50)),
    must("event_time", Kind::Seconds(days(7))),
    may("event_id", Kind::Text(100)),
    must("action_source", Kind::Is("website")),
    must("event_source_url", Kind::Url),
    must("user_data", Kind::Object(USER)),
    may("custom_data", Kind::Object(CUSTOM)),
    may("opt_out", Kind::Flag),
];

const ROOT: &[Member] = &[
    must("data", Kind::List(1000, &Kind::Object(EVENT))),
    may(
        "test_event_code",
        Kind::Form("no test code", |text| text.starts_with("TEST")),
    ),
    must("access_token", Kind::Text(1000)),
];

/// The last part of `fb.1.1795800000000.abc`.
fn parts_of(text: &str) -> Option<&str> {
    let mut parts = text.splitn(4, '.');
    let (fb, index, at, last) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    (fb == "fb" && is_digits(index) && is_digits(at) && at.len() == 13).then_some(last)
}

fn also(_: &Asked, json: &Value, _: &str) -> Result<(), String> {
    any_of(
        json,
        "/data/0/user_data",
        &["em", "ph", "external_id", "client_ip_address", "fbc", "fbp"],
    )?;
    if json["data"][0]["event_name"] == "Purchase" {
        all_of(json, "/data/0/custom_data", &["value", "currency"])?;
    }
    Ok(())
}

fn example() -> Asked {
    Asked::post(
        "https://graph.facebook.com/v25.0/123456789012345/events",
        &[],
        r#"{"data":[{"event_name":"Purchase","event_time":1795845845,"event_id":"A-1001","action_source":"website",
          "event_source_url":"https://shop.example.jp/thanks",
          "user_data":{"em":["b6ebd83922edfa96b0ff9166a958badcc230dd68d2315ddfea22f20eaf05994a"],
            "ph":["0ad07193350775c6d4377f8b039d32877e66c69a454ed886b05279771c0fca0b"],
            "client_ip_address":"203.0.113.5","client_user_agent":"UA","fbc":"fb.1.1795800000000.IwExampleFbclid",
            "fbp":"fb.1.1795800000000.1234567890"},
          "custom_data":{"value":4980,"currency":"JPY","order_id":"A-1001"}}],"access_token":"EAAtoken-0001"}"#,
    )
}

pub const PLATFORM: Platform = Platform {
    preset: "meta_capi",
    host: "graph.facebook.com",
    method: "POST",
    path: "/v25.0|v26.0/*/events",
    query: &[],
    headers: &[],
    token: Token::Member("access_token"),
    body: Some(Kind::Object(ROOT)),
    also,
    one_by: &["/data/0/event_name", "/data/0/event_id"],
    test: Test::Member("/test_event_code"),
    taken: says(200, r#"{"events_received":1,"messages":[],"fbtrace_id":"t-1"}"#),
    refused: says(
        400,
        r#"{"error":{"message":"Invalid parameter","type":"OAuthException","code":100,"error_subcode":2804019,"error_user_title":"Invalid","error_user_msg":"{words}","fbtrace_id":"t-1"}}"#,
    ),
    token_refused: says(
        400,
        r#"{"error":{"message":"Malformed access token {token}","type":"OAuthException","code":190,"fbtrace_id":"t-1"}}"#,
    ),
    odd: &[
        Odd {
            what: "nothing received in a 200",
            says: says(
                200,
                r#"{"events_received":0,"messages":["no event was valid"],"fbtrace_id":"t-1"}"#,
            ),
            counts: false,
            then: Then::Refused,
            words: r#"["no event was valid"]"#,
        },
        Odd {
            what: "one old event",
            says: says(
                400,
                r#"{"error":{"message":"Invalid parameter","code":100,"error_subcode":2804003,"error_user_msg":"The event time is too old"}}"#,
            ),
            counts: false,
            then: Then::Refused,
            words: "The event time is too old",
        },
        Odd {
            what: "rate, without 429",
            says: says(
                400,
                r#"{"error":{"message":"Application request limit reached","code":4}}"#,
            ),
            counts: false,
            then: Then::Again,
            words: "Application request limit reached",
        },
        Odd {
            what: "for a while",
            says: later(
                500,
                r#"{"error":{"message":"Service temporarily unavailable","code":2}}"#,
            ),
            counts: true,
            then: Then::Again,
            words: "Service temporarily unavailable",
        },
        Odd {
            what: "an error without a body, although it counts",
            says: says(500, ""),
            counts: true,
            then: Then::Again,
            words: "",
        },
        Odd {
            what: "no right to the pixel",
            says: says(
                400,
                r#"{"error":{"message":"Unsupported post request","code":100,"error_subcode":33}}"#,
            ),
            counts: false,
            then: Then::Stopped,
            words: "Unsupported post request",
        },
        Odd {
            what: "the token told back",
            says: says(
                400,
                r#"{"error":{"message":"Session of {token} has expired","code":190,"error_subcode":463}}"#,
            ),
            counts: false,
            then: Then::Stopped,
            words: "Session of ‹token› has expired",
        },
    ],
    beside: &[],
    example,
    example_token: "EAAtoken-0001",
    wrong: &[
        ("set /access_token \"other\"", "token"),
        ("set /data/0/event_time 1795040000", "/data/0/event_time: too old"),
        (
            "set /data/0/event_time \"1795845845\"",
            "/data/0/event_time: no whole number",
        ),
        (
            "set /data/0/action_source \"web\"",
            "/data/0/action_source: another word",
        ),
        (
            "drop /data/0/event_source_url",
            "/data/0/event_source_url: missing",
        ),
        (
            "drop /data/0/user_data/client_user_agent",
            "/data/0/user_data/client_user_agent: missing",
        ),
        (
            "set /data/0/user_data {\"client_user_agent\":\"UA\"}",
            "/data/0/user_data: nobody to be recognised by",
        ),
        ("set /data/0/user_data/em [\"\"]", "/data/0/user_data/em/0: empty"),
        (
            "set /data/0/user_data/ph [\"3d06a39d40790f11761295e053029378ae28c4b4f6f301693005e079f3d4ca64\"]",
            "/data/0/user_data/ph/0: a digest of another form, or of somebody else",
        ),
        (
            "set /data/0/user_data/fbc \"fb.1.1795800000.Iw\"",
            "/data/0/user_data/fbc: no fbc",
        ),
        (
            "set /data/0/user_data/fbc \"fb.1.1795800000000.\"",
            "/data/0/user_data/fbc: no fbc",
        ),
        (
            "set /data/0/user_data/fbp \"fb.1.1795800000000.abc\"",
            "/data/0/user_data/fbp: no fbp",
        ),
        (
            "drop /data/0/custom_data/value",
            "/data/0/custom_data/value: missing",
        ),
        (
            "set /data/0/custom_data/value 498000",
            "/data/0/custom_data/value: not the amount of the sale",
        ),
        ("set /test_event_code \"\"", "/test_event_code: empty"),
    ],
};
