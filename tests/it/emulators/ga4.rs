//! Measurement Protocol of Google Analytics 4: says 2xx to everything, so that nothing is ever learnt from it.

use super::asked::{Asked, says};
use super::platform::{Odd, Platform, Test, Then, Token};
use super::shape::{Kind, Member, Window, is_digits, is_plain, may, must};
use serde_json::Value;

const AGE: Window = Window {
    back_s: 72 * 3600,
    ahead_s: 5,
};
const CONSENT_WORDS: &[&str] = &["GRANTED", "DENIED"];

const ITEM: &[Member] = &[
    must("item_id", Kind::Text(100)),
    may("item_name", Kind::Text(100)),
    may("price", Kind::Amount),
    may("quantity", Kind::Whole),
];

const PARAMS: &[Member] = &[
    may("transaction_id", Kind::Text(100)),
    may("value", Kind::Amount),
    may("currency", Kind::Is("JPY")),
    may("session_id", Kind::Form("no digits", is_digits)),
    may("engagement_time_msec", Kind::Whole),
    may("page_location", Kind::Url),
    may("debug_mode", Kind::Flag),
    may("items", Kind::List(200, &Kind::Object(ITEM))),
];

const EVENT: &[Member] = &[
    must(
        "name",
        Kind::Form("no name of an event", |text| text.len() <= 40 && is_plain(text)),
    ),
    must("params", Kind::Object(PARAMS)),
];

const CONSENT: &[Member] = &[
    may("ad_user_data", Kind::OneOf(CONSENT_WORDS)),
    may("ad_personalization", Kind::OneOf(CONSENT_WORDS)),
];

const ROOT: &[Member] = &[
    must(
        "client_id",
        Kind::Form("no client id", |text| {
            text.split('.')
                .all(|part| is_digits(part) || part.starts_with("GA"))
        }),
    ),
    may("user_id", Kind::Text(256)),
    may("timestamp_micros", Kind::Micros(AGE)),
    may("ip_override", Kind::Address),
    may("user_agent", Kind::Text(1000)),
    may("consent", Kind::Object(CONSENT)),
    must("events", Kind::List(25, &Kind::Object(EVENT))),
];

fn also(_: &Asked, json: &Value, _: &str) -> Result<(), String> {
    let params = &json["events"][0]["params"];
    if params.get("value").is_some() != params.get("currency").is_some() {
        return Err("/events/0/params/currency: missing".into());
    }
    Ok(())
}

fn example() -> Asked {
    Asked::post(
        "https://www.google-analytics.com/mp/collect?measurement_id=G-ABC1234567&api_secret=ga-secret-0001",
        &[],
        r#"{"client_id":"1234567890.1795800000","timestamp_micros":1795845845000000,"events":[{"name":"purchase",
          "params":{"transaction_id":"A-1001","value":4980,"currency":"JPY","session_id":"1795845000","engagement_time_msec":1,
            "items":[{"item_id":"SKU1","price":4980,"quantity":1}]}}]}"#,
    )
}

pub const PLATFORM: Platform = Platform {
    preset: "ga4",
    host: "www.google-analytics.com",
    method: "POST",
    path: "/mp/collect",
    query: &[("measurement_id", true), ("api_secret", true)],
    headers: &[],
    token: Token::Query("api_secret"),
    body: Some(Kind::Object(ROOT)),
    also,
    one_by: &["/events/0/name", "/events/0/params/transaction_id"],
    test: Test::Path("/debug/mp/collect"),
    taken: says(204, ""),
    refused: says(204, ""),
    token_refused: says(204, ""),
    odd: &[
        Odd {
            what: "nonsense is taken too",
            says: says(200, ""),
            counts: false,
            then: Then::Taken,
            words: "",
        },
        Odd {
            what: "an error",
            says: says(503, ""),
            counts: false,
            then: Then::Again,
            words: "",
        },
    ],
    beside: &[],
    example,
    example_token: "ga-secret-0001",
    wrong: &[
        ("query measurement_id", "missing in the query"),
        ("drop /client_id", "/client_id: missing"),
        ("set /client_id \"visitor-1\"", "/client_id: no client id"),
        (
            "set /timestamp_micros 1795845845000",
            "/timestamp_micros: time in another unit",
        ),
        (
            "set /timestamp_micros \"1795845845000000\"",
            "/timestamp_micros: no whole number",
        ),
        (
            "set /timestamp_micros 1795040000000000",
            "/timestamp_micros: too old",
        ),
        ("set /events []", "/events: empty list"),
        (
            "set /events/0/name \"a purchase\"",
            "/events/0/name: no name of an event",
        ),
        (
            "set /events/0/params/value \"4980\"",
            "/events/0/params/value: no number",
        ),
        (
            "drop /events/0/params/currency",
            "/events/0/params/currency: missing",
        ),
        (
            "set /consent {\"ad_user_data\":\"granted\"}",
            "/consent/ad_user_data: unknown word",
        ),
    ],
};
