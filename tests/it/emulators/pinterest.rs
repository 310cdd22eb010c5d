//! Pinterest conversions API v5: 200 also for what is refused, the amount as text, the click id not enough alone.

use super::asked::{Asked, later, says};
use super::person::Normal;
use super::platform::{Odd, Platform, Test, Then, Token};
use super::shape::{Kind, Member, days, is_plain, may, must};
use serde_json::Value;

const USER: &[Member] = &[
    may("em", Kind::List(10, &Kind::Digest(Normal::Email))),
    may("ph", Kind::List(10, &Kind::Digest(Normal::PhoneDigits))),
    may("external_id", Kind::List(10, &Kind::Digest(Normal::External))),
    may("client_ip_address", Kind::Address),
    may("client_user_agent", Kind::Text(1000)),
    may("click_id", Kind::Text(1000)),
];

const CONTENT: &[Member] = &[
    may("id", Kind::Text(100)),
    may("item_price", Kind::AmountText),
    may("quantity", Kind::Whole),
];

const CUSTOM: &[Member] = &[
    may("value", Kind::AmountText),
    may("currency", Kind::Is("JPY")),
    may("order_id", Kind::Text(100)),
    may("num_items", Kind::Whole),
    may("content_ids", Kind::List(100, &Kind::Text(100))),
    may("contents", Kind::List(100, &Kind::Object(CONTENT))),
];

const EVENT: &[Member] = &[
    must(
        "event_name",
        Kind::Form("no name of an event", |text| text.len() <= 100 && is_plain(text)),
    ),
    must("action_source", Kind::Is("web")),
    must("event_time", Kind::Seconds(days(7))),
    must("event_id", Kind::Text(100)),
    may("event_source_url", Kind::Url),
    may("opt_out", Kind::Flag),
    must("user_data", Kind::Object(USER)),
    may("custom_data", Kind::Object(CUSTOM)),
];

const ROOT: &[Member] = &[must("data", Kind::List(1000, &Kind::Object(EVENT)))];

fn also(_: &Asked, json: &Value, _: &str) -> Result<(), String> {
    let user = &json["data"][0]["user_data"];
    let has = |name: &str| user.get(name).is_some();
    let is_known = has("em") || (has("client_ip_address") && has("client_user_agent"));
    if is_known {
        Ok(())
    } else {
        Err("/data/0/user_data: nobody to be recognised by".into())
    }
}

fn example() -> Asked {
    Asked::post(
        "https://api.pinterest.com/v5/ad_accounts/549755885175/events",
        &[("Authorization", "Bearer pin-token-0001")],
        r#"{"data":[{"event_name":"checkout","action_source":"web","event_time":1795845845,"event_id":"A-1001",
          "event_source_url":"https://shop.example.jp/thanks",
          "user_data":{"em":["b6ebd83922edfa96b0ff9166a958badcc230dd68d2315ddfea22f20eaf05994a"],
            "client_ip_address":"203.0.113.5","client_user_agent":"UA","click_id":"dj0yJnU9example"},
          "custom_data":{"value":"4980","currency":"JPY","order_id":"A-1001","num_items":1}}]}"#,
    )
}

pub const PLATFORM: Platform = Platform {
    preset: "pinterest",
    host: "api.pinterest.com",
    method: "POST",
    path: "/v5/ad_accounts/*/events",
    query: &[],
    headers: &[],
    token: Token::Header("Authorization", "Bearer "),
    body: Some(Kind::Object(ROOT)),
    also,
    one_by: &["/data/0/event_name", "/data/0/event_id"],
    test: Test::Query("test", "true"),
    taken: says(
        200,
        r#"{"num_events_received":1,"num_events_processed":1,"events":[{"status":"processed","error_message":null,"warning_message":null}]}"#,
    ),
    refused: says(
        200,
        r#"{"num_events_received":1,"num_events_processed":0,"events":[{"status":"failed","error_message":"{words}","warning_message":null}]}"#,
    ),
    token_refused: says(401, r#"{"code":2,"message":"Authentication failed: {token}"}"#),
    odd: &[
        Odd {
            what: "refused in a 200",
            says: says(
                200,
                r#"{"num_events_received":1,"num_events_processed":0,"events":[{"status":"failed","error_message":"event_time is too old","warning_message":null}]}"#,
            ),
            counts: false,
            then: Then::Refused,
            words: "event_time is too old",
        },
        Odd {
            what: "taken with a warning",
            says: says(
                200,
                r#"{"num_events_received":1,"num_events_processed":1,"events":[{"status":"processed","error_message":"","warning_message":"not a registered event"}]}"#,
            ),
            counts: true,
            then: Then::Taken,
            words: "not a registered event",
        },
        Odd {
            what: "rate",
            says: later(429, r#"{"code":8,"message":"Rate limit exceeded"}"#),
            counts: false,
            then: Then::Again,
            words: "Rate limit exceeded",
        },
        Odd {
            what: "an error although it counts",
            says: says(500, ""),
            counts: true,
            then: Then::Again,
            words: "",
        },
        Odd {
            what: "the token told back",
            says: says(
                403,
                r#"{"code":29,"message":"{token} has no access to this account"}"#,
            ),
            counts: false,
            then: Then::Stopped,
            words: "‹token› has no access to this account",
        },
    ],
    beside: &[],
    example,
    example_token: "pin-token-0001",
    wrong: &[
        (
            "set /data/0/action_source \"website\"",
            "/data/0/action_source: another word",
        ),
        ("drop /data/0/event_id", "/data/0/event_id: missing"),
        ("set /data/0/event_time 1795040000", "/data/0/event_time: too old"),
        (
            "set /data/0/event_name \"check out\"",
            "/data/0/event_name: no name of an event",
        ),
        (
            "set /data/0/user_data {\"click_id\":\"dj0\"}",
            "/data/0/user_data: nobody to be recognised by",
        ),
        (
            "set /data/0/user_data/em \"b6ebd83922edfa96b0ff9166a958badcc230dd68d2315ddfea22f20eaf05994a\"",
            "/data/0/user_data/em: no list",
        ),
        ("set /data/0/user_data/em []", "/data/0/user_data/em: empty list"),
        (
            "set /data/0/custom_data/value 4980",
            "/data/0/custom_data/value: no text",
        ),
        (
            "set /data/0/custom_data/value \"49.80\"",
            "/data/0/custom_data/value: not the amount of the sale",
        ),
        (
            "set /data/0/custom_data/num_items \"1\"",
            "/data/0/custom_data/num_items: no whole number",
        ),
        (
            "set /data/0/opt_out null",
            "/data/0/opt_out: neither true nor false",
        ),
    ],
};
