//! OpenAI Ads conversions API: the amount as a whole number of the smallest unit, ten minutes ahead at most.

use super::asked::{Asked, later, says};
use super::person::Normal;
use super::platform::{Odd, Platform, Test, Then, Token};
use super::shape::{Kind, Member, Window, may, must};
use serde_json::Value;

const AGE: Window = Window {
    back_s: 7 * 86_400,
    ahead_s: 600,
};
const WORDS: &[&str] = &[
    "order_created",
    "lead_created",
    "registration_completed",
    "items_added",
    "page_viewed",
    "contents_viewed",
    "checkout_started",
    "appointment_scheduled",
    "subscription_created",
    "trial_started",
    "custom",
];

const USER: &[Member] = &[
    may("obref", Kind::Text(1000)),
    may("email_sha256", Kind::Digest(Normal::Email)),
    may("phone_number_sha256", Kind::Digest(Normal::PhonePlus)),
    may("external_id_sha256", Kind::Digest(Normal::External)),
    may("ip_address", Kind::Address),
    may("user_agent", Kind::Text(1000)),
];

const CONTENT: &[Member] = &[
    must("id", Kind::Text(100)),
    may("name", Kind::Text(100)),
    may("quantity", Kind::Whole),
    may("amount", Kind::AmountWhole),
];

const DATA: &[Member] = &[
    must(
        "type",
        Kind::OneOf(&["contents", "customer_action", "plan_enrollment", "custom"]),
    ),
    may("amount", Kind::AmountWhole),
    may("currency", Kind::Is("JPY")),
    may("contents", Kind::List(100, &Kind::Object(CONTENT))),
];

const EVENT: &[Member] = &[
    must("id", Kind::Text(100)),
    must("type", Kind::OneOf(WORDS)),
    may("custom_event_name", Kind::Text(50)),
    must("timestamp_ms", Kind::Millis(AGE)),
    must("action_source", Kind::Is("web")),
    must("source_url", Kind::Url),
    may("oppref", Kind::Text(1000)),
    may("user", Kind::Object(USER)),
    may("opt_out", Kind::Flag),
    may("data", Kind::Object(DATA)),
];

const ROOT: &[Member] = &[
    may("validate_only", Kind::Flag),
    must("events", Kind::List(1000, &Kind::Object(EVENT))),
];

fn also(_: &Asked, json: &Value, _: &str) -> Result<(), String> {
    let event = &json["events"][0];
    let has = |name: &str| event["user"].get(name).is_some();
    let is_known =
        event.get("oppref").is_some() || has("obref") || has("email_sha256") || has("external_id_sha256");
    if is_known {
        Ok(())
    } else {
        Err("/events/0: nobody to be recognised by".into())
    }
}

fn example() -> Asked {
    Asked::post(
        "https://bzr.openai.com/v1/events?pid=pixel-0001",
        &[("Authorization", "Bearer oa-key-0001")],
        r#"{"validate_only":false,"events":[{"id":"A-1001","type":"order_created","timestamp_ms":1795845845000,"action_source":"web",
          "source_url":"https://shop.example.jp/thanks","oppref":"example-oppref",
          "user":{"email_sha256":"b6ebd83922edfa96b0ff9166a958badcc230dd68d2315ddfea22f20eaf05994a","user_agent":"UA"},
          "data":{"type":"contents","amount":4980,"currency":"JPY","contents":[{"id":"SKU1","quantity":1,"amount":4980}]}}]}"#,
    )
}

pub const PLATFORM: Platform = Platform {
    preset: "openai_ads",
    host: "bzr.openai.com",
    method: "POST",
    path: "/v1/events",
    query: &[("pid", true)],
    headers: &[],
    token: Token::Header("Authorization", "Bearer "),
    body: Some(Kind::Object(ROOT)),
    also,
    one_by: &["/events/0/type", "/events/0/id"],
    test: Test::Member("/validate_only"),
    taken: says(200, "{}"),
    refused: says(400, r#"{"error":{"message":"{words}"}}"#),
    token_refused: says(401, r#"{"error":{"message":"Incorrect API key provided"}}"#),
    odd: &[
        Odd {
            what: "one refuses all",
            says: says(
                400,
                r#"{"error":{"message":"events[0].timestamp_ms is out of range"}}"#,
            ),
            counts: false,
            then: Then::Refused,
            words: "events[0].timestamp_ms is out of range",
        },
        Odd {
            what: "rate",
            says: later(429, r#"{"error":{"message":"Rate limit reached"}}"#),
            counts: false,
            then: Then::Again,
            words: "Rate limit reached",
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
            says: says(403, r#"{"error":{"message":"No access to this pixel"}}"#),
            counts: false,
            then: Then::Stopped,
            words: "No access to this pixel",
        },
    ],
    beside: &[],
    example,
    example_token: "oa-key-0001",
    wrong: &[
        ("query pid", "missing in the query"),
        ("set /events/0/type \"purchase\"", "/events/0/type: unknown word"),
        (
            "set /events/0/timestamp_ms 1795845845",
            "/events/0/timestamp_ms: time in another unit",
        ),
        (
            "set /events/0/timestamp_ms 1795040000000",
            "/events/0/timestamp_ms: too old",
        ),
        (
            "set /events/0/timestamp_ms 1795847000000",
            "/events/0/timestamp_ms: in the future",
        ),
        ("drop /events/0/source_url", "/events/0/source_url: missing"),
        ("set /events/0/oppref \"\"", "/events/0/oppref: empty"),
        (
            "set /events/0/user/email_sha256 [\"x\"]",
            "/events/0/user/email_sha256: no text",
        ),
        (
            "set /events/0/data/amount 4980.0",
            "/events/0/data/amount: no whole number",
        ),
        (
            "set /events/0/data/amount 498000",
            "/events/0/data/amount: not the amount of the sale",
        ),
        ("drop /events/0/data/type", "/events/0/data/type: missing"),
    ],
};
