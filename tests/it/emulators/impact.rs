//! impact.com conversions API: Basic authentication, queued first, and what became of it under another address.

use super::asked::{Asked, later, says};
use super::platform::{Beside, BesideKind, Odd, Platform, Test, Then, Token};
use super::shape::{Kind, Member, any_of, days, is_plain, may, must};
use serde_json::Value;

const ROOT: &[Member] = &[
    must("CampaignId", Kind::Whole),
    may("EventTypeId", Kind::Whole),
    may("EventTypeCode", Kind::Text(100)),
    may("ActionTrackerId", Kind::Whole),
    must("EventDate", Kind::Stamp(days(365))),
    must("OrderId", Kind::Text(64)),
    may(
        "ClickId",
        Kind::Form("no click id", |text| text.len() <= 64 && is_plain(text)),
    ),
    may(
        "CustomerId",
        Kind::Form("a plain e-mail address", |text| !text.contains('@')),
    ),
    may(
        "CustomerEmail",
        Kind::Form("a plain e-mail address", |text| !text.contains('@')),
    ),
    may("CustomProfileId", Kind::Text(100)),
    may("OrderPromoCode", Kind::Text(100)),
    may("CustomerStatus", Kind::Text(100)),
    must("CurrencyCode", Kind::Is("JPY")),
    may("IpAddress", Kind::Address),
    may("UserAgent", Kind::Text(1000)),
    may("OrderDiscount", Kind::Amount),
    may("ItemSku1", Kind::Text(100)),
    may("ItemName1", Kind::Text(100)),
    may("ItemCategory1", Kind::Text(100)),
    may("ItemQuantity1", Kind::Whole),
    may("ItemPrice1", Kind::Amount),
    may("ItemSubTotal1", Kind::Amount),
];

fn also(_: &Asked, json: &Value, _: &str) -> Result<(), String> {
    any_of(
        json,
        "",
        &["ClickId", "CustomerId", "CustomProfileId", "OrderPromoCode"],
    )?;
    if any_of(json, "", &["EventTypeId", "EventTypeCode", "ActionTrackerId"]).is_err() {
        return Err("/EventTypeId: missing".into());
    }
    Ok(())
}

fn example() -> Asked {
    use base64::Engine as _;
    let coded = base64::engine::general_purpose::STANDARD.encode("IRsid0001:im-token-0001");
    Asked::post(
        "https://api.impact.com/Advertisers/IRsid0001/Conversions",
        &[
            ("Authorization", &format!("Basic {coded}")),
            ("Accept", "application/json"),
        ],
        r#"{"CampaignId":30001,"EventTypeId":50001,"EventDate":"2026-11-28T15:04:05+09:00","OrderId":"A-1001","ClickId":"ExampleClickId01",
          "CurrencyCode":"JPY","ItemSku1":"SKU1","ItemCategory1":"general","ItemQuantity1":1,"ItemSubTotal1":4980}"#,
    )
}

pub const PLATFORM: Platform = Platform {
    preset: "impact",
    host: "api.impact.com",
    method: "POST",
    path: "/Advertisers/*/Conversions",
    query: &[],
    headers: &[("Accept", "application/json")],
    token: Token::Basic,
    body: Some(Kind::Object(ROOT)),
    also,
    one_by: &["/EventTypeId", "/OrderId"],
    test: Test::None,
    taken: says(
        200,
        r#"{"Status":"QUEUED","QueuedUri":"/Advertisers/IRsid0001/APISubmissions/A-0001"}"#,
    ),
    refused: says(400, r#"{"Status":"ERROR","Message":"{words}"}"#),
    token_refused: says(401, r#"{"Status":"ERROR","Message":"Access denied"}"#),
    odd: &[
        Odd {
            what: "bad field",
            says: says(400, r#"{"Status":"ERROR","Message":"EventTypeId is invalid"}"#),
            counts: false,
            then: Then::Refused,
            words: "EventTypeId is invalid",
        },
        Odd {
            what: "rate",
            says: later(429, r#"{"Status":"ERROR","Message":"Rate limit"}"#),
            counts: false,
            then: Then::Again,
            words: "Rate limit",
        },
        Odd {
            what: "an error although it counts",
            says: says(500, ""),
            counts: true,
            then: Then::Again,
            words: "",
        },
        Odd {
            what: "no right to the program",
            says: says(403, r#"{"Status":"ERROR","Message":"Access denied"}"#),
            counts: false,
            then: Then::Stopped,
            words: "Access denied",
        },
    ],
    beside: &[Beside {
        host: "api.impact.com",
        method: "GET",
        path: "/Advertisers/*/APISubmissions/*",
        mark: "",
        kind: BesideKind::Look,
    }],
    example,
    example_token: "IRsid0001:im-token-0001",
    wrong: &[
        ("header Accept", "Accept"),
        ("header Authorization Bearer im-token-0001", "token"),
        ("set /CampaignId \"30001\"", "/CampaignId: no whole number"),
        ("drop /EventTypeId", "/EventTypeId: missing"),
        (
            "set /EventDate \"2026-11-28 15:04:05\"",
            "/EventDate: no RFC 3339 time",
        ),
        ("drop /OrderId", "/OrderId: missing"),
        ("set /ClickId \"\"", "/ClickId: empty"),
        ("drop /ClickId", ": nobody to be recognised by"),
        (
            "set /CustomerId \"taro@example.jp\"",
            "/CustomerId: a plain e-mail address",
        ),
        ("drop /CurrencyCode", "/CurrencyCode: missing"),
        ("set /ItemSubTotal1 \"4980\"", "/ItemSubTotal1: no number"),
    ],
};
