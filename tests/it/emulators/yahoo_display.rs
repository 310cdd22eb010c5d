//! Conversion measurement API of the older display ads of Yahoo! JAPAN: flat, 201, telephone numbers with `+`.

use super::asked::{Asked, later, says};
use super::person::Normal;
use super::platform::{Odd, Platform, Test, Then, Token};
use super::shape::{Kind, Member, any_of, days, is_dated, is_plain, may, must};
use serde_json::Value;

const ROOT: &[Member] = &[
    may(
        "yclid",
        Kind::Form("no click id of display", |text| text.starts_with("YJAD.")),
    ),
    may("yjr_yjad", Kind::Form("no dated id", is_dated)),
    may("yjsu_yjad", Kind::Form("no dated id", is_dated)),
    may("ifa", Kind::Text(36)),
    may("hashed_email", Kind::Digest(Normal::Email)),
    may("hashed_phone_number", Kind::Digest(Normal::PhonePlus)),
    must("event_time", Kind::Seconds(days(90))),
    must("yahoo_ydn_conv_io", Kind::Form("no id", is_plain)),
    must("yahoo_ydn_conv_label", Kind::Form("no label", is_plain)),
    may(
        "yahoo_ydn_conv_transaction_id",
        Kind::Form("no transaction id", |text| {
            text.len() <= 64 && text.trim() == text
        }),
    ),
    may("yahoo_ydn_conv_value", Kind::Amount),
    may("url", Kind::Url),
    may("referrer", Kind::Url),
    may("user_agent", Kind::Text(1000)),
    may("ip", Kind::Address),
];

fn also(_: &Asked, json: &Value, _: &str) -> Result<(), String> {
    any_of(
        json,
        "",
        &[
            "yclid",
            "yjr_yjad",
            "yjsu_yjad",
            "ifa",
            "hashed_email",
            "hashed_phone_number",
        ],
    )
}

fn example() -> Asked {
    Asked::post(
        "https://ads-cv.yahooapis.jp/v1/",
        &[("User-Agent", "Yahoo AppID: client-id-0001")],
        r#"{"yclid":"YJAD.1795800000.AbCexample","hashed_email":"b6ebd83922edfa96b0ff9166a958badcc230dd68d2315ddfea22f20eaf05994a",
          "event_time":1795845845,"yahoo_ydn_conv_io":"AbCdIo123","yahoo_ydn_conv_label":"LBL0001",
          "yahoo_ydn_conv_transaction_id":"A-1001","yahoo_ydn_conv_value":4980}"#,
    )
}

pub const PLATFORM: Platform = Platform {
    preset: "yahoo_jp_capi",
    host: "ads-cv.yahooapis.jp",
    method: "POST",
    path: "/v1/",
    query: &[],
    headers: &[],
    token: Token::Header("User-Agent", "Yahoo AppID: "),
    body: Some(Kind::Object(ROOT)),
    also,
    one_by: &["/yahoo_ydn_conv_transaction_id", "/yahoo_ydn_conv_io"],
    test: Test::None,
    taken: says(201, ""),
    refused: says(400, r#"{"Error":{"Message":"{words}"}}"#),
    token_refused: says(403, r#"{"Error":{"Message":"Your Request was Forbidden"}}"#),
    odd: &[
        Odd {
            what: "bad value",
            says: says(400, r#"{"Error":{"Message":"Invalid parameter"}}"#),
            counts: false,
            then: Then::Refused,
            words: "Invalid parameter",
        },
        Odd {
            what: "application id refused",
            says: says(401, r#"{"Error":{"Message":"Unauthorized"}}"#),
            counts: false,
            then: Then::Stopped,
            words: "Unauthorized",
        },
        Odd {
            what: "too many requests",
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
    example_token: "client-id-0001",
    wrong: &[
        (
            "set /yclid \"YSS.1000000001.EAIa\"",
            "/yclid: no click id of display",
        ),
        (
            "set /hashed_phone_number \"0ad07193350775c6d4377f8b039d32877e66c69a454ed886b05279771c0fca0b\"",
            "/hashed_phone_number: a digest of another form, or of somebody else",
        ),
        (
            "set /hashed_email \"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"",
            "/hashed_email: the digest of nothing",
        ),
        ("set /event_time \"1795845845\"", "/event_time: no whole number"),
        ("set /event_time 1788069800", "/event_time: too old"),
        ("drop /yahoo_ydn_conv_io", "/yahoo_ydn_conv_io: missing"),
        ("drop /yahoo_ydn_conv_label", "/yahoo_ydn_conv_label: missing"),
        (
            "set /yahoo_ydn_conv_transaction_id \" A-1001\"",
            "/yahoo_ydn_conv_transaction_id: no transaction id",
        ),
        (
            "set /yahoo_ydn_conv_value \"4980\"",
            "/yahoo_ydn_conv_value: no number",
        ),
        ("set /yjr_yjad \"abc\"", "/yjr_yjad: no dated id"),
        ("header User-Agent Yamabiko", "token"),
    ],
};
