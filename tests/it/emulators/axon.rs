//! AppLovin Axon conversion API: milliseconds, a bare key, one bad event drops the batch.

use super::asked::{Asked, later, says};
use super::person::Normal;
use super::platform::{Odd, Platform, Test, Then, Token};
use super::shape::{Kind, Member, all_of, any_of, days, may, must};
use serde_json::Value;

const WORDS: &[&str] = &[
    "purchase",
    "add_to_cart",
    "generate_lead",
    "sign_up",
    "begin_checkout",
    "view_item",
    "page_view",
];

const USER: &[Member] = &[
    must("client_ip_address", Kind::Address),
    must("client_user_agent", Kind::Text(1000)),
    must("esi", Kind::Is("web")),
    may("aleid", Kind::Text(1000)),
    may("alart", Kind::Text(1000)),
    may("axwrt", Kind::Text(1000)),
    may("client_id", Kind::Text(100)),
    may("user_id", Kind::Form("too short", |text| text.len() >= 6)),
    may("email", Kind::Digest(Normal::Email)),
    may("phone", Kind::Digest(Normal::PhoneDigits)),
];

const ITEM: &[Member] = &[
    must("item_id", Kind::Text(100)),
    may("item_name", Kind::Text(100)),
    may("price", Kind::Amount),
    may("quantity", Kind::Whole),
];

const DATA: &[Member] = &[
    may("currency", Kind::Is("JPY")),
    may("value", Kind::Amount),
    may("transaction_id", Kind::Text(100)),
    may("shipping", Kind::Amount),
    may("tax", Kind::Amount),
    may("items", Kind::List(100, &Kind::Object(ITEM))),
];

const EVENT: &[Member] = &[
    must("name", Kind::OneOf(WORDS)),
    must("event_time", Kind::Millis(days(7))),
    must("event_source_url", Kind::Url),
    must("dedupe_id", Kind::Text(100)),
    must("user_data", Kind::Object(USER)),
    must("data", Kind::Object(DATA)),
];

const ROOT: &[Member] = &[must("events", Kind::List(100, &Kind::Object(EVENT)))];

fn also(_: &Asked, json: &Value, _: &str) -> Result<(), String> {
    any_of(
        json,
        "/events/0/user_data",
        &[
            "aleid",
            "alart",
            "axwrt",
            "client_id",
            "user_id",
            "email",
            "phone",
        ],
    )?;
    match json["events"][0]["name"].as_str() {
        Some("purchase") => all_of(
            json,
            "/events/0/data",
            &["currency", "items", "transaction_id", "value"],
        ),
        Some("generate_lead") => all_of(json, "/events/0/data", &["currency", "value"]),
        Some("add_to_cart") => all_of(json, "/events/0/data", &["currency", "items"]),
        _ => Ok(()),
    }
}

fn example() -> Asked {
    Asked::post(
        "https://b.applovin.com/v1/event?pixel_id=axon-key-0001",
        &[("Authorization", "axon-token-0001")],
        r#"{"events":[{"name":"purchase","event_time":1795845845000,"event_source_url":"https://shop.example.jp/thanks",
          "dedupe_id":"A-1001","user_data":{"client_ip_address":"203.0.113.5","client_user_agent":"UA","esi":"web",
            "aleid":"example-aleid","email":"b6ebd83922edfa96b0ff9166a958badcc230dd68d2315ddfea22f20eaf05994a"},
          "data":{"currency":"JPY","value":4980,"transaction_id":"A-1001",
            "items":[{"item_id":"SKU1","item_name":"Goods","price":4980,"quantity":1}]}}]}"#,
    )
}

pub const PLATFORM: Platform = Platform {
    preset: "applovin_axon",
    host: "b.applovin.com",
    method: "POST",
    path: "/v1/event",
    query: &[("pixel_id", true)],
    headers: &[],
    token: Token::Header("Authorization", ""),
    body: Some(Kind::Object(ROOT)),
    also,
    one_by: &["/events/0/name", "/events/0/dedupe_id"],
    test: Test::None,
    taken: says(200, "{}"),
    refused: says(400, r#"{"error":"{words}"}"#),
    token_refused: says(401, r#"{"error":"Unauthorized"}"#),
    odd: &[
        Odd {
            what: "the batch dropped",
            says: says(400, r#"{"error":"invalid event"}"#),
            counts: false,
            then: Then::Refused,
            words: "invalid event",
        },
        Odd {
            what: "rate",
            says: later(429, ""),
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
        Odd {
            what: "key refused",
            says: says(403, ""),
            counts: false,
            then: Then::Stopped,
            words: "",
        },
    ],
    beside: &[],
    example,
    example_token: "axon-token-0001",
    wrong: &[
        ("header Authorization Bearer axon-token-0001", "token"),
        ("query pixel_id", "missing in the query"),
        ("set  [{\"name\":\"purchase\"}]", ": no object"),
        ("set /events/0/name \"Purchase\"", "/events/0/name: unknown word"),
        (
            "set /events/0/event_time 1795845845",
            "/events/0/event_time: time in another unit",
        ),
        ("drop /events/0/dedupe_id", "/events/0/dedupe_id: missing"),
        (
            "drop /events/0/user_data/client_ip_address",
            "/events/0/user_data/client_ip_address: missing",
        ),
        ("drop /events/0/user_data/esi", "/events/0/user_data/esi: missing"),
        (
            "set /events/0/user_data {\"client_ip_address\":\"203.0.113.5\",\"client_user_agent\":\"UA\",\"esi\":\"web\"}",
            "/events/0/user_data: nobody to be recognised by",
        ),
        ("drop /events/0/data/items", "/events/0/data/items: missing"),
        (
            "drop /events/0/data/transaction_id",
            "/events/0/data/transaction_id: missing",
        ),
        (
            "set /events/0/data/value \"4980\"",
            "/events/0/data/value: no number",
        ),
    ],
};
