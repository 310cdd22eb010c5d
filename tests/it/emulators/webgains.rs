//! Webgains: queued without a token; nothing may come without its click id.

use super::asked::{Asked, later, says};
use super::platform::{Odd, Platform, Test, Then, Token, nothing_more};
use super::shape::{Kind, Member, may, must};

const ID: &[Member] = &[must("name", Kind::Is("s2s")), must("value", Kind::Text(1000))];

const ITEM: &[Member] = &[
    may("event", Kind::Whole),
    may("price", Kind::Amount),
    may("name", Kind::Text(100)),
    may("code", Kind::Text(100)),
    may("voucher", Kind::Text(100)),
];

const ROOT: &[Member] = &[
    must("programId", Kind::Whole),
    must("eventId", Kind::Whole),
    must("ids", Kind::List(1, &Kind::Object(ID))),
    may("value", Kind::Amount),
    may("currency", Kind::Is("JPY")),
    must("orderReference", Kind::Text(100)),
    may("location", Kind::Url),
    may("voucherId", Kind::Text(100)),
    may("customerId", Kind::Text(100)),
    may("comment", Kind::Text(100)),
    may("items", Kind::List(100, &Kind::Object(ITEM))),
];

fn example() -> Asked {
    Asked::post(
        "https://api.webgains.io/queue-conversion",
        &[],
        r#"{"programId":12345,"eventId":67890,"ids":[{"name":"s2s","value":"example-wgu"}],"value":4980,"currency":"JPY",
          "orderReference":"A-1001","location":"https://shop.example.jp/thanks",
          "items":[{"event":67890,"price":4980,"name":"Goods","code":"SKU1"}]}"#,
    )
}

pub const PLATFORM: Platform = Platform {
    preset: "webgains",
    host: "api.webgains.io",
    method: "POST",
    path: "/queue-conversion",
    query: &[],
    headers: &[],
    token: Token::Unseen,
    body: Some(Kind::Object(ROOT)),
    also: nothing_more,
    one_by: &["/programId", "/orderReference"],
    test: Test::None,
    taken: says(202, ""),
    refused: says(400, r#"{"message":"{words}"}"#),
    token_refused: says(403, ""),
    odd: &[
        Odd {
            what: "bad field",
            says: says(400, r#"{"message":"unknown program"}"#),
            counts: false,
            then: Then::Refused,
            words: "unknown program",
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
    ],
    beside: &[],
    example,
    example_token: "",
    wrong: &[
        ("set /programId \"12345\"", "/programId: no whole number"),
        ("drop /eventId", "/eventId: missing"),
        ("set /ids []", "/ids: empty list"),
        ("set /ids/0/name \"wgu\"", "/ids/0/name: another word"),
        ("set /ids/0/value \"\"", "/ids/0/value: empty"),
        ("drop /ids/0/value", "/ids/0/value: missing"),
        ("drop /orderReference", "/orderReference: missing"),
        ("set /value \"4980\"", "/value: no number"),
        ("set /currency \"yen\"", "/currency: another word"),
        ("set /location \"thanks\"", "/location: no address of a page"),
    ],
};
