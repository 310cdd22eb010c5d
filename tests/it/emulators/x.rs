//! X Conversion API: a token of the pixel, all or nothing, and done only if something was processed.

use super::asked::{Asked, later, says};
use super::person::Normal;
use super::platform::{Odd, Platform, Test, Then, Token};
use super::shape::{Kind, Member, days, is_plain, may, must};
use serde_json::Value;

const IDENTIFIER: &[Member] = &[
    may("twclid", Kind::Text(1000)),
    may("hashed_email", Kind::Digest(Normal::Email)),
    may("hashed_phone_number", Kind::Digest(Normal::PhonePlus)),
    may("ip_address", Kind::Address),
    may("user_agent", Kind::Text(1000)),
];

const CONTENT: &[Member] = &[
    must("content_id", Kind::Text(100)),
    may("content_name", Kind::Text(100)),
    may("content_price", Kind::Amount),
    may("num_items", Kind::Whole),
];

const EVENT: &[Member] = &[
    must("conversion_time", Kind::Stamp(days(7))),
    must("event_id", Kind::Form("no event id", is_plain)),
    must("identifiers", Kind::List(10, &Kind::Object(IDENTIFIER))),
    may("conversion_id", Kind::Text(100)),
    may("value", Kind::AmountText),
    may("price_currency", Kind::Is("JPY")),
    may("number_items", Kind::Whole),
    may("description", Kind::Text(100)),
    may("contents", Kind::List(100, &Kind::Object(CONTENT))),
];

const ROOT: &[Member] = &[must("conversions", Kind::List(500, &Kind::Object(EVENT)))];

fn also(_: &Asked, json: &Value, _: &str) -> Result<(), String> {
    let time = json["conversions"][0]["conversion_time"]
        .as_str()
        .unwrap_or_default();
    if time.len() != "2026-11-28T06:04:05.000Z".len() || !time.ends_with('Z') {
        return Err("/conversions/0/conversion_time: not in milliseconds of UTC".into());
    }
    let identifiers = json["conversions"][0]["identifiers"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let mut has_person = false;
    for (n, identifier) in identifiers.iter().enumerate() {
        let has_browser = identifier.get("ip_address").is_some() || identifier.get("user_agent").is_some();
        let names = identifier.as_object().map_or(0, serde_json::Map::len);
        if names != if has_browser { 2 } else { 1 } {
            return Err(format!("/conversions/0/identifiers/{n}: not one identifier"));
        }
        has_person |= !has_browser;
    }
    if has_person {
        Ok(())
    } else {
        Err("/conversions/0/identifiers: nobody to be recognised by".into())
    }
}

fn example() -> Asked {
    Asked::post(
        "https://ads-api.x.com/12/measurement/conversions/o87aa",
        &[("X-Pixel-Token", "x-token-0001")],
        r#"{"conversions":[{"conversion_time":"2026-11-28T06:04:05.000Z","event_id":"tw-o87aa-o87ne",
          "identifiers":[{"twclid":"2-exampletwclid"},
            {"hashed_email":"b6ebd83922edfa96b0ff9166a958badcc230dd68d2315ddfea22f20eaf05994a"},
            {"ip_address":"203.0.113.5","user_agent":"UA"}],
          "conversion_id":"A-1001","value":"4980","price_currency":"JPY","number_items":1}]}"#,
    )
}

pub const PLATFORM: Platform = Platform {
    preset: "x_ads",
    host: "ads-api.x.com",
    method: "POST",
    path: "/12/measurement/conversions/*",
    query: &[],
    headers: &[],
    token: Token::Header("X-Pixel-Token", ""),
    body: Some(Kind::Object(ROOT)),
    also,
    one_by: &["/conversions/0/conversion_id"],
    test: Test::None,
    taken: says(200, r#"{"data":{"conversions_processed":1,"debug_id":"d-1"}}"#),
    refused: says(400, r#"{"errors":[{"code":"INVALID","message":"{words}"}]}"#),
    token_refused: says(
        401,
        r#"{"errors":[{"code":"UNAUTHORIZED_ACCESS","message":"This request is not properly authenticated"}]}"#,
    ),
    odd: &[
        Odd {
            what: "nothing processed in a 200",
            says: says(200, r#"{"data":{"conversions_processed":0,"debug_id":"d-1"}}"#),
            counts: false,
            then: Then::Refused,
            words: "",
        },
        Odd {
            what: "all for one",
            says: says(
                400,
                r#"{"errors":[{"code":"INVALID","message":"Event_id (abc) is not a single event tag (SET)"}]}"#,
            ),
            counts: false,
            then: Then::Refused,
            words: "Event_id (abc) is not a single event tag (SET)",
        },
        Odd {
            what: "rate",
            says: later(
                429,
                r#"{"errors":[{"code":"TOO_MANY_REQUESTS","message":"Too many requests"}]}"#,
            ),
            counts: false,
            then: Then::Again,
            words: "Too many requests",
        },
        Odd {
            what: "an error although it counts",
            says: says(503, ""),
            counts: true,
            then: Then::Again,
            words: "",
        },
        Odd {
            what: "no right to the pixel",
            says: says(403, r#"{"errors":[{"code":"FORBIDDEN","message":"No access"}]}"#),
            counts: false,
            then: Then::Stopped,
            words: "No access",
        },
    ],
    beside: &[],
    example,
    example_token: "x-token-0001",
    wrong: &[
        ("set /conversions []", "/conversions: empty list"),
        (
            "set /conversions/0/conversion_time \"2026-11-28T15:04:05+09:00\"",
            "/conversions/0/conversion_time: not in milliseconds of UTC",
        ),
        (
            "set /conversions/0/conversion_time 1795845845000",
            "/conversions/0/conversion_time: no text",
        ),
        (
            "set /conversions/0/conversion_time \"2026-11-18T06:04:05.000Z\"",
            "/conversions/0/conversion_time: too old",
        ),
        ("drop /conversions/0/event_id", "/conversions/0/event_id: missing"),
        (
            "set /conversions/0/identifiers []",
            "/conversions/0/identifiers: empty list",
        ),
        (
            "set /conversions/0/identifiers [{\"ip_address\":\"203.0.113.5\",\"user_agent\":\"UA\"}]",
            "/conversions/0/identifiers: nobody to be recognised by",
        ),
        (
            "set /conversions/0/identifiers [{\"ip_address\":\"203.0.113.5\"}]",
            "/conversions/0/identifiers/0: not one identifier",
        ),
        (
            "set /conversions/0/identifiers/0 {}",
            "/conversions/0/identifiers/0: not one identifier",
        ),
        (
            "set /conversions/0/identifiers/1/hashed_email \"299376bff6dff5474e383d347b3931e368e7db4d8ce55f1075f22bb6a55eaf0f\"",
            "/conversions/0/identifiers/1/hashed_email: a digest of another form, or of somebody else",
        ),
        ("set /conversions/0/value 4980", "/conversions/0/value: no text"),
        (
            "set /conversions/0/number_items \"1\"",
            "/conversions/0/number_items: no whole number",
        ),
    ],
};
