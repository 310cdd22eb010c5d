//! Google Data Manager API: a token that is fetched, 200 that only means accepted for processing, and the status later.
//! Once with a user's refresh token, once with a service account.

use super::asked::{Asked, later, says};
use super::person::Normal;
use super::platform::{Beside, BesideKind, Odd, Platform, Test, Then, Token};
use super::shape::{Kind, Member, any_of, days, is_digits, may, must};
use serde_json::Value;

const ACCOUNT: &[Member] = &[
    must("accountType", Kind::Is("GOOGLE_ADS")),
    must(
        "accountId",
        Kind::Form("no account of 10 digits", |text| {
            text.len() == 10 && is_digits(text)
        }),
    ),
];

const DESTINATION: &[Member] = &[
    must("operatingAccount", Kind::Object(ACCOUNT)),
    may("loginAccount", Kind::Object(ACCOUNT)),
    must("productDestinationId", Kind::Form("no digits", is_digits)),
];

const AD: &[Member] = &[
    may("gclid", Kind::Text(1000)),
    may("gbraid", Kind::Text(1000)),
    may("wbraid", Kind::Text(1000)),
    may("sessionAttributes", Kind::Text(1000)),
];

const IDENTIFIER: &[Member] = &[
    may("emailAddress", Kind::Digest(Normal::EmailGoogle)),
    may("phoneNumber", Kind::Digest(Normal::PhonePlus)),
];

const USER: &[Member] = &[must("userIdentifiers", Kind::List(10, &Kind::Object(IDENTIFIER)))];

const CONSENT_WORDS: &[&str] = &["CONSENT_GRANTED", "CONSENT_DENIED"];
const CONSENT: &[Member] = &[
    may("adUserData", Kind::OneOf(CONSENT_WORDS)),
    may("adPersonalization", Kind::OneOf(CONSENT_WORDS)),
];

const DEVICE: &[Member] = &[
    may("userAgent", Kind::Text(1000)),
    may("ipAddress", Kind::Address),
];

const EVENT: &[Member] = &[
    must("eventTimestamp", Kind::Stamp(days(90))),
    may("transactionId", Kind::Text(512)),
    may(
        "eventSource",
        Kind::OneOf(&["WEB", "APP", "IN_STORE", "PHONE", "MESSAGE", "OTHER"]),
    ),
    may("adIdentifiers", Kind::Object(AD)),
    may("userData", Kind::Object(USER)),
    may("conversionValue", Kind::Amount),
    may("currency", Kind::Is("JPY")),
    may("consent", Kind::Object(CONSENT)),
    may("eventDeviceInfo", Kind::Object(DEVICE)),
];

const ROOT: &[Member] = &[
    must("destinations", Kind::List(10, &Kind::Object(DESTINATION))),
    must("events", Kind::List(2000, &Kind::Object(EVENT))),
    may("encoding", Kind::OneOf(&["HEX", "BASE64"])),
    may("consent", Kind::Object(CONSENT)),
    may("validateOnly", Kind::Flag),
];

fn also(_: &Asked, json: &Value, _: &str) -> Result<(), String> {
    any_of(json, "/events/0", &["adIdentifiers", "userData"])?;
    let members = |at: &str| {
        json.pointer(at)
            .and_then(Value::as_object)
            .map_or(1, serde_json::Map::len)
    };
    if members("/events/0/adIdentifiers") != 1 {
        return Err("/events/0/adIdentifiers: not exactly one".into());
    }
    let identifiers = json
        .pointer("/events/0/userData/userIdentifiers")
        .and_then(Value::as_array);
    for n in 0..identifiers.map_or(0, Vec::len) {
        let at = format!("/events/0/userData/userIdentifiers/{n}");
        if members(&at) != 1 {
            return Err(format!("{at}: not exactly one"));
        }
    }
    if identifiers.is_some() && json["encoding"].is_null() {
        return Err("/encoding: missing".into());
    }
    let transaction = json["events"][0]["transactionId"].as_str();
    if matches!(transaction, Some("123" | "null" | "undefined")) {
        return Err("/events/0/transactionId: a placeholder".into());
    }
    Ok(())
}

fn example() -> Asked {
    Asked::post(
        "https://datamanager.googleapis.com/v1/events:ingest",
        &[("Authorization", "Bearer ya29.token-0001")],
        r#"{"destinations":[{"operatingAccount":{"accountType":"GOOGLE_ADS","accountId":"1234567890"},
          "productDestinationId":"987654321"}],"encoding":"HEX","validateOnly":false,
          "events":[{"eventTimestamp":"2026-11-28T15:04:05+09:00","transactionId":"A-1001","eventSource":"WEB",
            "adIdentifiers":{"gclid":"EAIaIQexampleGclid"},
            "userData":{"userIdentifiers":[
              {"emailAddress":"b6ebd83922edfa96b0ff9166a958badcc230dd68d2315ddfea22f20eaf05994a"},
              {"phoneNumber":"3d06a39d40790f11761295e053029378ae28c4b4f6f301693005e079f3d4ca64"}]},
            "conversionValue":4980,"currency":"JPY",
            "consent":{"adUserData":"CONSENT_GRANTED","adPersonalization":"CONSENT_GRANTED"}}]}"#,
    )
}

pub const PLATFORM: Platform = Platform {
    preset: "google_ads_offline",
    host: "datamanager.googleapis.com",
    method: "POST",
    path: "/v1/events:ingest",
    query: &[],
    headers: &[],
    token: Token::Header("Authorization", "Bearer "),
    body: Some(Kind::Object(ROOT)),
    also,
    one_by: &["/destinations/0/productDestinationId", "/events/0/transactionId"],
    test: Test::Member("/validateOnly"),
    taken: says(200, r#"{"requestId":"req-1"}"#),
    refused: says(
        400,
        r#"{"error":{"code":400,"status":"INVALID_ARGUMENT","message":"{words}","details":[{"reason":"INVALID_ARGUMENT"}]}}"#,
    ),
    token_refused: says(
        401,
        r#"{"error":{"code":401,"status":"UNAUTHENTICATED","message":"Request had invalid authentication credentials."}}"#,
    ),
    odd: &[
        Odd {
            what: "the whole request for one field",
            says: says(
                400,
                r#"{"error":{"code":400,"status":"INVALID_ARGUMENT","message":"There was a problem with the request.","details":[{"reason":"INVALID_ARGUMENT"},{"fieldViolations":[{"field":"events[0].ad_identifiers.gclid","description":"bad","reason":"INVALID_GCLID"}]}]}}"#,
            ),
            counts: false,
            then: Then::Refused,
            words: "There was a problem with the request.",
        },
        Odd {
            what: "rate",
            says: later(
                429,
                r#"{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"Quota exceeded"}}"#,
            ),
            counts: false,
            then: Then::Again,
            words: "Quota exceeded",
        },
        Odd {
            what: "an error although it counts",
            says: says(
                500,
                r#"{"error":{"code":500,"status":"INTERNAL","message":"Internal error"}}"#,
            ),
            counts: true,
            then: Then::Again,
            words: "Internal error",
        },
        Odd {
            what: "no right to the account",
            says: says(
                403,
                r#"{"error":{"code":403,"status":"PERMISSION_DENIED","message":"The caller does not have permission"}}"#,
            ),
            counts: false,
            then: Then::Stopped,
            words: "The caller does not have permission",
        },
    ],
    beside: &[
        Beside {
            host: "oauth2.googleapis.com",
            method: "POST",
            path: "/token",
            mark: "grant_type=refresh_token",
            kind: BesideKind::Tokens,
        },
        LOOK,
    ],
    example,
    example_token: "ya29.token-0001",
    wrong: &[
        (
            "set /destinations/0/operatingAccount/accountId \"123-456-7890\"",
            "/destinations/0/operatingAccount/accountId: no account of 10 digits",
        ),
        (
            "set /destinations/0/operatingAccount/accountId 1234567890",
            "/destinations/0/operatingAccount/accountId: no text",
        ),
        (
            "set /destinations/0/productDestinationId \"customers/1/conversionActions/2\"",
            "/destinations/0/productDestinationId: no digits",
        ),
        (
            "set /events/0/eventTimestamp \"2026-11-28 15:04:05\"",
            "/events/0/eventTimestamp: no RFC 3339 time",
        ),
        (
            "set /events/0/eventTimestamp \"2026-08-01T00:00:00Z\"",
            "/events/0/eventTimestamp: too old",
        ),
        (
            "set /events/0/adIdentifiers/gbraid \"x\"",
            "/events/0/adIdentifiers: not exactly one",
        ),
        (
            "set /events/0/adIdentifiers {}",
            "/events/0/adIdentifiers: not exactly one",
        ),
        (
            "set /events/0/userData/userIdentifiers []",
            "/events/0/userData/userIdentifiers: empty list",
        ),
        (
            "set /events/0/userData/userIdentifiers/0 {}",
            "/events/0/userData/userIdentifiers/0: not exactly one",
        ),
        (
            "set /events/0/userData/userIdentifiers/0/emailAddress \"8dd4a9bf850242873c14976125edabc35096192b784626a5641a7d2de56e3c1e\"",
            "/events/0/userData/userIdentifiers/0/emailAddress: a digest of another form, or of somebody else",
        ),
        ("drop /encoding", "/encoding: missing"),
        (
            "set /events/0/transactionId \"null\"",
            "/events/0/transactionId: a placeholder",
        ),
        (
            "set /events/0/consent/adUserData \"GRANTED\"",
            "/events/0/consent/adUserData: unknown word",
        ),
        (
            "set /events/0/conversionValue \"4980\"",
            "/events/0/conversionValue: no number",
        ),
    ],
};

const LOOK: Beside = Beside {
    host: "datamanager.googleapis.com",
    method: "GET",
    path: "/v1/requestStatus:retrieve",
    mark: "",
    kind: BesideKind::Look,
};

fn service_example() -> Asked {
    let mut asked = example();
    asked.set_header("Authorization", Some("Bearer ya29.service-0001"));
    asked
}

pub const SERVICE_PLATFORM: Platform = Platform {
    preset: "google_ads_service_account",
    beside: &[
        Beside {
            host: "oauth2.googleapis.com",
            method: "POST",
            path: "/token",
            mark: "jwt-bearer",
            kind: BesideKind::Tokens,
        },
        LOOK,
    ],
    example: service_example,
    example_token: "ya29.service-0001",
    ..PLATFORM
};
