//! Reddit Conversions API v3: times in milliseconds, a User-Agent of one's own, the whole batch or nothing.

use super::asked::{Asked, later, says};
use super::person::Normal;
use super::platform::{Odd, Platform, Test, Then, Token};
use super::shape::{Kind, Member, any_of, days, may, must};
use serde_json::Value;

const WORDS: &[&str] = &[
    "PURCHASE",
    "LEAD",
    "SIGN_UP",
    "ADD_TO_CART",
    "VIEW_CONTENT",
    "SEARCH",
    "PAGE_VISIT",
    "ADD_TO_WISHLIST",
    "CUSTOM",
];

const TYPE: &[Member] = &[
    must("tracking_type", Kind::OneOf(WORDS)),
    may("custom_event_name", Kind::Text(50)),
];

const USER: &[Member] = &[
    may("email", Kind::Digest(Normal::EmailPlain)),
    may("phone_number", Kind::Digest(Normal::PhonePlus)),
    may("external_id", Kind::Digest(Normal::External)),
    may("ip_address", Kind::Address),
    may("user_agent", Kind::Text(1000)),
    may("uuid", Kind::Text(100)),
];

const PRODUCT: &[Member] = &[
    must("id", Kind::Text(100)),
    may("name", Kind::Text(100)),
    may("category", Kind::Text(100)),
    may("quantity", Kind::Whole),
    may("item_price", Kind::Amount),
];

const METADATA: &[Member] = &[
    may("conversion_id", Kind::Text(100)),
    may("value", Kind::Amount),
    may("currency", Kind::Is("JPY")),
    may("item_count", Kind::Whole),
    may("products", Kind::List(100, &Kind::Object(PRODUCT))),
];

const EVENT: &[Member] = &[
    must("event_at", Kind::Millis(days(7))),
    must("action_source", Kind::Is("WEBSITE")),
    may("event_source_url", Kind::Url),
    may("click_id", Kind::Text(1000)),
    must("type", Kind::Object(TYPE)),
    may("user", Kind::Object(USER)),
    may("metadata", Kind::Object(METADATA)),
];

const DATA: &[Member] = &[
    may("test_id", Kind::Text(100)),
    may("partner", Kind::Text(100)),
    must("events", Kind::List(1000, &Kind::Object(EVENT))),
];

const ROOT: &[Member] = &[must("data", Kind::Object(DATA))];

fn also(asked: &Asked, json: &Value, _: &str) -> Result<(), String> {
    let agent = asked
        .header("user-agent")
        .unwrap_or_default()
        .to_ascii_lowercase();
    if agent.is_empty()
        || ["curl/", "python", "isahc", "reqwest", "go-http"]
            .iter()
            .any(|name| agent.starts_with(name))
    {
        return Err("user agent: a default of a library".into());
    }
    any_of(json, "/data/events/0", &["click_id", "user"])
}

fn example() -> Asked {
    Asked::post(
        "https://ads-api.reddit.com/api/v3/pixels/a2_example/conversion_events",
        &[("Authorization", "Bearer rdt-token-0001")],
        r#"{"data":{"events":[{"event_at":1795845845000,"action_source":"WEBSITE","event_source_url":"https://shop.example.jp/thanks",
          "click_id":"example-rdt","type":{"tracking_type":"PURCHASE"},
          "user":{"email":"299376bff6dff5474e383d347b3931e368e7db4d8ce55f1075f22bb6a55eaf0f","ip_address":"203.0.113.5","user_agent":"UA"},
          "metadata":{"conversion_id":"A-1001","value":4980,"currency":"JPY","item_count":1}}]}}"#,
    )
}

pub const PLATFORM: Platform = Platform {
    preset: "reddit",
    host: "ads-api.reddit.com",
    method: "POST",
    path: "/api/v3/pixels/*/conversion_events",
    query: &[],
    headers: &[],
    token: Token::Header("Authorization", "Bearer "),
    body: Some(Kind::Object(ROOT)),
    also,
    one_by: &[
        "/data/events/0/type/tracking_type",
        "/data/events/0/metadata/conversion_id",
    ],
    test: Test::Member("/data/test_id"),
    taken: says(
        200,
        r#"{"data":{"message":"Successfully processed 1 conversion events."}}"#,
    ),
    refused: says(400, r#"{"error":{"code":400,"message":"{words}"}}"#),
    token_refused: says(401, r#"{"error":{"code":401,"message":"Unauthorized"}}"#),
    odd: &[
        Odd {
            what: "the whole batch",
            says: says(
                400,
                r#"{"error":{"code":400,"message":"There were 1 invalid conversion events. None were processed."}}"#,
            ),
            counts: false,
            then: Then::Refused,
            words: "There were 1 invalid conversion events. None were processed.",
        },
        Odd {
            what: "rate",
            says: later(429, r#"{"error":{"code":429,"message":"Too Many Requests"}}"#),
            counts: false,
            then: Then::Again,
            words: "Too Many Requests",
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
            says: says(403, r#"{"error":{"code":403,"message":"Forbidden"}}"#),
            counts: false,
            then: Then::Stopped,
            words: "Forbidden",
        },
    ],
    beside: &[],
    example,
    example_token: "rdt-token-0001",
    wrong: &[
        (
            "header User-Agent curl/8.5.0",
            "user agent: a default of a library",
        ),
        ("header User-Agent", "user agent: a default of a library"),
        (
            "set /data/events/0/event_at 1795845845",
            "/data/events/0/event_at: time in another unit",
        ),
        (
            "set /data/events/0/event_at 1795040000000",
            "/data/events/0/event_at: too old",
        ),
        (
            "set /data/events/0/event_at \"2026-11-28T06:04:05Z\"",
            "/data/events/0/event_at: no whole number",
        ),
        (
            "set /data/events/0/type/tracking_type \"Purchase\"",
            "/data/events/0/type/tracking_type: unknown word",
        ),
        (
            "drop /data/events/0/action_source",
            "/data/events/0/action_source: missing",
        ),
        (
            "set /data/events/0/user/email \"b6ebd83922edfa96b0ff9166a958badcc230dd68d2315ddfea22f20eaf05994a\"",
            "/data/events/0/user/email: a digest of another form, or of somebody else",
        ),
        (
            "set /data/events/0/metadata/value \"4980\"",
            "/data/events/0/metadata/value: no number",
        ),
        (
            "set /data/events/0/metadata/value_decimal 4980",
            "/data/events/0/metadata/value_decimal: unknown member",
        ),
        (
            "set /data/events/0/metadata/products [{\"name\":\"x\"}]",
            "/data/events/0/metadata/products/0/id: missing",
        ),
    ],
};
