//! TikTok Events API 2.0: the truth is the code in the body; being too fast is 40100 with the status of a bad token.

use super::asked::{Asked, says};
use super::person::Normal;
use super::platform::{Odd, Platform, Test, Then, Token, nothing_more};
use super::shape::{Kind, Member, days, may, must};

const EMAIL: Kind = Kind::OneOrList(&Kind::Digest(Normal::Email));
const PHONE: Kind = Kind::OneOrList(&Kind::Digest(Normal::PhonePlus));
const EXTERNAL: Kind = Kind::OneOrList(&Kind::Digest(Normal::External));

const USER: &[Member] = &[
    may("email", EMAIL),
    may("phone", PHONE),
    may("external_id", EXTERNAL),
    may("ttclid", Kind::Text(1000)),
    may("ttp", Kind::Text(100)),
    may("ip", Kind::Address),
    may("user_agent", Kind::Text(1000)),
];

const PAGE: &[Member] = &[must("url", Kind::Url), may("referrer", Kind::Url)];

const CONTENT: &[Member] = &[
    must("content_id", Kind::Text(100)),
    may("price", Kind::Amount),
    may("quantity", Kind::Whole),
    may("content_name", Kind::Text(100)),
];

const PROPERTIES: &[Member] = &[
    may("value", Kind::Amount),
    may("currency", Kind::Is("JPY")),
    may("order_id", Kind::Text(100)),
    may("content_type", Kind::OneOf(&["product", "product_group"])),
    may("content_ids", Kind::List(100, &Kind::Text(100))),
    may("contents", Kind::List(100, &Kind::Object(CONTENT))),
];

const EVENT: &[Member] = &[
    must("event", Kind::Text(50)),
    must("event_time", Kind::Seconds(days(7))),
    must("event_id", Kind::Text(100)),
    must("user", Kind::Object(USER)),
    must("page", Kind::Object(PAGE)),
    may("properties", Kind::Object(PROPERTIES)),
    may("limited_data_use", Kind::Flag),
];

const ROOT: &[Member] = &[
    must("event_source", Kind::Is("web")),
    must("event_source_id", Kind::Text(100)),
    may(
        "test_event_code",
        Kind::Form("no test code", |text| text.starts_with("TEST")),
    ),
    must("data", Kind::List(1000, &Kind::Object(EVENT))),
];

fn example() -> Asked {
    Asked::post(
        "https://business-api.tiktok.com/open_api/v1.3/event/track/",
        &[("Access-Token", "tt-token-0001")],
        r#"{"event_source":"web","event_source_id":"PIXELCODE0001","data":[{"event":"Purchase","event_time":1795845845,
          "event_id":"A-1001","user":{"ttclid":"E.C.P.example","ttp":"2AbCdEfGhIjKlMnOpQrStUvWxYz",
            "email":"b6ebd83922edfa96b0ff9166a958badcc230dd68d2315ddfea22f20eaf05994a",
            "phone":"3d06a39d40790f11761295e053029378ae28c4b4f6f301693005e079f3d4ca64","ip":"203.0.113.5","user_agent":"UA"},
          "page":{"url":"https://shop.example.jp/thanks"},
          "properties":{"value":4980,"currency":"JPY","order_id":"A-1001","content_type":"product",
            "contents":[{"content_id":"SKU1","price":4980,"quantity":1}]}}]}"#,
    )
}

pub const PLATFORM: Platform = Platform {
    preset: "tiktok",
    host: "business-api.tiktok.com",
    method: "POST",
    path: "/open_api/v1.3/event/track/",
    query: &[],
    headers: &[],
    token: Token::Header("Access-Token", ""),
    body: Some(Kind::Object(ROOT)),
    also: nothing_more,
    one_by: &["/event_source_id", "/data/0/event", "/data/0/event_id"],
    test: Test::Member("/test_event_code"),
    taken: says(200, r#"{"code":0,"message":"OK","request_id":"r-1","data":{}}"#),
    refused: says(
        200,
        r#"{"code":40002,"message":"{words}","request_id":"r-1","data":{}}"#,
    ),
    token_refused: says(
        200,
        r#"{"code":40105,"message":"Access token is incorrect or has been revoked.","request_id":"r-1","data":{}}"#,
    ),
    odd: &[
        Odd {
            what: "too fast, which looks like a bad token",
            says: says(
                401,
                r#"{"code":40100,"message":"Requests made too frequently","data":{}}"#,
            ),
            counts: false,
            then: Then::Again,
            words: "Requests made too frequently",
        },
        Odd {
            what: "an error in a 200",
            says: says(
                200,
                r#"{"code":40002,"message":"PIXELCODE0001: event_time is invalid","data":{}}"#,
            ),
            counts: false,
            then: Then::Refused,
            words: "PIXELCODE0001: event_time is invalid",
        },
        Odd {
            what: "taken in part",
            says: says(200, r#"{"code":20001,"message":"Partial success","data":{}}"#),
            counts: true,
            then: Then::Taken,
            words: "Partial success",
        },
        Odd {
            what: "their own error in a 200",
            says: says(200, r#"{"code":50002,"message":"Internal error","data":{}}"#),
            counts: true,
            then: Then::Again,
            words: "Internal error",
        },
        Odd {
            what: "another of their errors",
            says: says(200, r#"{"code":51399,"message":"Internal timeout","data":{}}"#),
            counts: false,
            then: Then::Again,
            words: "Internal timeout",
        },
        Odd {
            what: "an error without JSON, although it counts",
            says: says(500, "<html>"),
            counts: true,
            then: Then::Again,
            words: "",
        },
        Odd {
            what: "a bad token in a 401",
            says: says(
                401,
                r#"{"code":40105,"message":"Access token is incorrect","data":{}}"#,
            ),
            counts: false,
            then: Then::Stopped,
            words: "Access token is incorrect",
        },
        Odd {
            what: "no right to the pixel",
            says: says(
                200,
                r#"{"code":40001,"message":"No permission to operate","data":{}}"#,
            ),
            counts: false,
            then: Then::Stopped,
            words: "No permission to operate",
        },
    ],
    beside: &[],
    example,
    example_token: "tt-token-0001",
    wrong: &[
        ("set /event_source \"website\"", "/event_source: another word"),
        ("drop /event_source_id", "/event_source_id: missing"),
        (
            "set /data/0/event_time 1795845845000",
            "/data/0/event_time: time in another unit",
        ),
        ("set /data/0/event_time 1795040000", "/data/0/event_time: too old"),
        ("drop /data/0/event_id", "/data/0/event_id: missing"),
        ("drop /data/0/page/url", "/data/0/page/url: missing"),
        (
            "set /data/0/user/click_id \"E.C.P.example\"",
            "/data/0/user/click_id: unknown member",
        ),
        (
            "set /data/0/user/phone \"0ad07193350775c6d4377f8b039d32877e66c69a454ed886b05279771c0fca0b\"",
            "/data/0/user/phone: a digest of another form, or of somebody else",
        ),
        (
            "set /data/0/user/ip \"203.0.113\"",
            "/data/0/user/ip: no IP address",
        ),
        (
            "set /data/0/properties/value \"4980\"",
            "/data/0/properties/value: no number",
        ),
        (
            "set /data/0/properties/contents/0/content_id 1",
            "/data/0/properties/contents/0/content_id: no text",
        ),
        (
            "set /data/0/properties/currency \"\"",
            "/data/0/properties/currency: empty",
        ),
    ],
};
