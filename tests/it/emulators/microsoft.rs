//! Microsoft Advertising UET Conversions API: dots and `+...` go out of every e-mail; warnings come with a 200.

use super::asked::{Asked, later, says};
use super::person::Normal;
use super::platform::{Odd, Platform, Test, Then, Token};
use super::shape::{Kind, Member, any_of, days, may, must};
use serde_json::Value;

const USER: &[Member] = &[
    may(
        "msclkid",
        Kind::Form("no click id of 32 digits", |text| {
            text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit())
        }),
    ),
    may("em", Kind::Digest(Normal::EmailPlain)),
    may("ph", Kind::Digest(Normal::PhonePlus)),
    may("externalId", Kind::Digest(Normal::External)),
    may("anonymousId", Kind::Text(100)),
    may("clientIpAddress", Kind::Address),
    may("clientUserAgent", Kind::Text(1000)),
];

const ITEM: &[Member] = &[
    must("id", Kind::Text(100)),
    may("name", Kind::Text(100)),
    may("price", Kind::Amount),
    may("quantity", Kind::Whole),
];

const CUSTOM: &[Member] = &[
    may("value", Kind::Amount),
    may("currency", Kind::Is("JPY")),
    may("transactionId", Kind::Text(100)),
    may("pageType", Kind::Text(50)),
    may("itemIds", Kind::List(100, &Kind::Text(100))),
    may("items", Kind::List(100, &Kind::Object(ITEM))),
];

const EVENT: &[Member] = &[
    must("eventType", Kind::Is("custom")),
    must("eventName", Kind::Text(50)),
    must("eventTime", Kind::Seconds(days(7))),
    may("eventId", Kind::Text(100)),
    may("eventSourceUrl", Kind::Url),
    may("referrerUrl", Kind::Url),
    may("pageTitle", Kind::Text(200)),
    may("adStorageConsent", Kind::OneOf(&["G", "D"])),
    must("userData", Kind::Object(USER)),
    may("customData", Kind::Object(CUSTOM)),
];

const ROOT: &[Member] = &[
    must("data", Kind::List(1000, &Kind::Object(EVENT))),
    may("continueOnValidationError", Kind::Flag),
    may("dataProvider", Kind::Text(100)),
];

fn also(_: &Asked, json: &Value, _: &str) -> Result<(), String> {
    let names = [
        "msclkid",
        "em",
        "ph",
        "externalId",
        "anonymousId",
        "clientIpAddress",
        "clientUserAgent",
    ];
    any_of(json, "/data/0/userData", &names)
}

fn example() -> Asked {
    Asked::post(
        "https://capi.uet.microsoft.com/v1/12345678/events",
        &[("Authorization", "Bearer ms-token-0001")],
        r#"{"data":[{"eventType":"custom","eventName":"purchase","eventTime":1795845845,"eventId":"A-1001",
          "eventSourceUrl":"https://shop.example.jp/thanks","adStorageConsent":"G",
          "userData":{"msclkid":"0f0e0d0c0b0a09080706050403020100",
            "em":"299376bff6dff5474e383d347b3931e368e7db4d8ce55f1075f22bb6a55eaf0f",
            "ph":"3d06a39d40790f11761295e053029378ae28c4b4f6f301693005e079f3d4ca64",
            "clientIpAddress":"203.0.113.5","clientUserAgent":"UA"},
          "customData":{"value":4980,"currency":"JPY","transactionId":"A-1001"}}],"continueOnValidationError":true}"#,
    )
}

pub const PLATFORM: Platform = Platform {
    preset: "microsoft_ads",
    host: "capi.uet.microsoft.com",
    method: "POST",
    path: "/v1/*/events",
    query: &[],
    headers: &[],
    token: Token::Header("Authorization", "Bearer "),
    body: Some(Kind::Object(ROOT)),
    also,
    one_by: &["/data/0/eventName", "/data/0/eventId"],
    test: Test::None,
    taken: says(200, r#"{"eventsReceived":1,"traceId":"t-1"}"#),
    refused: says(
        400,
        r#"{"error":{"code":"ValidationError","message":"{words}","details":[]},"traceId":"t-1"}"#,
    ),
    token_refused: says(
        401,
        r#"{"error":{"code":"Unauthorized","message":"Invalid token"}}"#,
    ),
    odd: &[
        Odd {
            what: "taken with a warning",
            says: says(
                200,
                r#"{"eventsReceived":1,"error":{"code":"Partial","message":"Some properties were left out","details":[{"index":0,"propertyName":"em","errorMessage":"invalid hash","errorCode":"InvalidHash","isWarning":true}]},"traceId":"t-1"}"#,
            ),
            counts: true,
            then: Then::Taken,
            words: "invalid hash",
        },
        Odd {
            what: "nothing received in a 200",
            says: says(
                200,
                r#"{"eventsReceived":0,"error":{"code":"ValidationError","message":"No event is valid","details":[]},"traceId":"t-1"}"#,
            ),
            counts: false,
            then: Then::Refused,
            words: "No event is valid",
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
            what: "not in the pilot",
            says: says(
                403,
                r#"{"error":{"code":"Forbidden","message":"Tag is not enabled"}}"#,
            ),
            counts: false,
            then: Then::Stopped,
            words: "Tag is not enabled",
        },
    ],
    beside: &[],
    example,
    example_token: "ms-token-0001",
    wrong: &[
        (
            "set /data/0/eventType \"purchase\"",
            "/data/0/eventType: another word",
        ),
        ("drop /data/0/eventName", "/data/0/eventName: missing"),
        (
            "set /data/0/eventTime \"1795845845\"",
            "/data/0/eventTime: no whole number",
        ),
        ("set /data/0/eventTime 1795040000", "/data/0/eventTime: too old"),
        (
            "set /data/0/adStorageConsent \"granted\"",
            "/data/0/adStorageConsent: unknown word",
        ),
        (
            "set /data/0/userData {}",
            "/data/0/userData: nobody to be recognised by",
        ),
        (
            "set /data/0/userData/msclkid \"_uet0f0e0d0c0b0a0908\"",
            "/data/0/userData/msclkid: no click id of 32 digits",
        ),
        (
            "set /data/0/userData/em \"b6ebd83922edfa96b0ff9166a958badcc230dd68d2315ddfea22f20eaf05994a\"",
            "/data/0/userData/em: a digest of another form, or of somebody else",
        ),
        ("set /data/0/userData/em [\"x\"]", "/data/0/userData/em: no text"),
        (
            "set /data/0/customData/value \"4980\"",
            "/data/0/customData/value: no number",
        ),
        (
            "set /continueOnValidationError \"true\"",
            "/continueOnValidationError: neither true nor false",
        ),
    ],
};
