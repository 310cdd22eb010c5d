//! SmartNews Ads Conversion API: one event, a bare token, a staging host for tests; for sites and for apps.

use super::asked::{Asked, Says, later, says};
use super::platform::{Odd, Platform, Test, Then, Token};
use super::shape::{Kind, Member, days, is_plain, may, must};
use serde_json::Value;

const WORDS: &[&str] = &[
    "AddPaymentInfo",
    "AddToCart",
    "AddToWishList",
    "Booking",
    "CompleteRegistration",
    "Contact",
    "CustomizeProduct",
    "Donate",
    "Download",
    "FindLocation",
    "InitiateCheckout",
    "Lead",
    "Login",
    "Purchase",
    "Schedule",
    "Search",
    "Share",
    "SignUp",
    "StartTrial",
    "SubmitApplication",
    "SubmitForm",
    "Subscribe",
    "TimeSpent",
    "ViewContent",
    "VisitCart",
];

const CONTENT: &[Member] = &[must("id", Kind::Text(100)), may("quantity", Kind::Whole)];

const PROPERTIES: &[Member] = &[
    may("currency", Kind::Is("JPY")),
    may("value", Kind::Amount),
    may("content_ids", Kind::List(100, &Kind::Text(100))),
    may("content_type", Kind::OneOf(&["product", "product_group"])),
    may("contents", Kind::List(100, &Kind::Object(CONTENT))),
    may("content_category", Kind::Text(100)),
    may("content_name", Kind::Text(100)),
    may("quantity", Kind::Whole),
    may("order_id", Kind::Text(100)),
];

const APP: &[Member] = &[
    must("action_source", Kind::Is("app")),
    must("event_name", Kind::OneOf(WORDS)),
    must("store_id", Kind::Form("no id of a store", is_plain)),
    must("mobile_platform", Kind::OneOf(&["ios", "android"])),
    may("click_id", Kind::Text(1000)),
    may(
        "ad_id",
        Kind::Form("no UUID", |text| text.len() == 36 && is_plain(text)),
    ),
    may("client_ip_address", Kind::Address),
    may("client_user_agent", Kind::Text(1000)),
    may("client_os_version", Kind::Text(100)),
    may("event_time", Kind::Seconds(days(7))),
    may("event_value", Kind::Amount),
    may("properties", Kind::Object(PROPERTIES)),
];

const WEB: &[Member] = &[
    must("action_source", Kind::Is("web")),
    must("event_name", Kind::OneOf(WORDS)),
    may("pixel_tag_id", Kind::Form("no tag id", is_plain)),
    may("click_id", Kind::Text(1000)),
    may("client_ip_address", Kind::Address),
    may("client_user_agent", Kind::Text(1000)),
    may("client_os_version", Kind::Text(100)),
    may("event_time", Kind::Seconds(days(7))),
    may("event_value", Kind::Amount),
    may("event_source_url", Kind::Url),
    may("referrer", Kind::Url),
    may("properties", Kind::Object(PROPERTIES)),
];

fn also(_: &Asked, json: &Value, _: &str) -> Result<(), String> {
    let has = |name: &str| json.get(name).is_some();
    let has_browser = ["client_ip_address", "client_user_agent", "client_os_version"]
        .iter()
        .all(|name| has(name));
    match () {
        () if !has("click_id") && !has_browser => Err("/click_id: nobody to be recognised by".into()),
        () if !has("pixel_tag_id") && !has("event_source_url") => Err("/pixel_tag_id: missing".into()),
        () => Ok(()),
    }
}

fn also_app(_: &Asked, json: &Value, _: &str) -> Result<(), String> {
    let has = |name: &str| json.get(name).is_some();
    let is_known = has("click_id") || has("ad_id") || (has("client_ip_address") && has("client_user_agent"));
    if is_known {
        Ok(())
    } else {
        Err("/click_id: nobody to be recognised by".into())
    }
}

fn example() -> Asked {
    Asked::post(
        "https://log.smartnews-ads.com/conversion_api/v1/partner-0001",
        &[("Authorization", "sn-token-0001")],
        r#"{"action_source":"web","event_name":"Purchase","pixel_tag_id":"pixel-0001","click_id":"sn-click-example",
          "event_time":1795845845,"event_value":4980,"event_source_url":"https://shop.example.jp/thanks",
          "properties":{"currency":"JPY","value":4980,"content_ids":["SKU1"],"content_type":"product"}}"#,
    )
}

fn app_example() -> Asked {
    Asked::post(
        "https://log.smartnews-ads.com/conversion_api/v1/app-partner",
        &[("Authorization", "sn-app-token-0001")],
        r#"{"action_source":"app","event_name":"Purchase","store_id":"1234567890","mobile_platform":"ios","click_id":"sn-click-example",
          "ad_id":"0B1C2D3E-0004-4000-8000-000000000004","event_time":1795845845,"event_value":4980,
          "properties":{"currency":"JPY","value":4980}}"#,
    )
}

/// What is the same of apps and sites.
const BAD_INPUT: &str = r#"{"message":"Bad Request","request_id":"r-1","error":{"issue":"Invalid input provided","detail":"{words}"}}"#;
const TAKEN: Says = says(200, r#"{"message":"OK","request_id":"r-1"}"#);
const UNAUTHORIZED: Says = says(401, r#"{"message":"Unauthorized","request_id":"r-1"}"#);

pub const APP_PLATFORM: Platform = Platform {
    preset: "smartnews_app",
    path: "/conversion_api/v1/app-partner",
    body: Some(Kind::Object(APP)),
    also: also_app,
    odd: &[Odd {
        what: "an error",
        says: says(500, r#"{"message":"Internal Server Error"}"#),
        counts: false,
        then: Then::Again,
        words: "Internal Server Error",
    }],
    example: app_example,
    example_token: "sn-app-token-0001",
    wrong: &[
        ("header Authorization Bearer sn-app-token-0001", "token"),
        ("set /action_source \"web\"", "/action_source: another word"),
        ("drop /store_id", "/store_id: missing"),
        ("set /mobile_platform \"iOS\"", "/mobile_platform: unknown word"),
        ("set /event_name \"install\"", "/event_name: unknown word"),
        ("set /click_id \"\"", "/click_id: empty"),
        ("set /ad_id \"abc\"", "/ad_id: no UUID"),
        (
            "set /event_time 1795845845000",
            "/event_time: time in another unit",
        ),
        ("set /event_time 1795040000", "/event_time: too old"),
        ("set /event_value \"4980\"", "/event_value: no number"),
        (
            "set /pixel_tag_id \"pixel-0001\"",
            "/pixel_tag_id: unknown member",
        ),
    ],
    ..PLATFORM
};

pub const PLATFORM: Platform = Platform {
    preset: "smartnews",
    host: "log.smartnews-ads.com",
    method: "POST",
    path: "/conversion_api/v1/*",
    query: &[],
    headers: &[],
    token: Token::Header("Authorization", ""),
    body: Some(Kind::Object(WEB)),
    also,
    one_by: &[],
    test: Test::Host("stg-log.smartnews-ads.com"),
    taken: TAKEN,
    refused: says(400, BAD_INPUT),
    token_refused: UNAUTHORIZED,
    odd: &[
        Odd {
            what: "bad input",
            says: says(
                400,
                r#"{"message":"Bad Request","request_id":"r-1","error":{"issue":"Input field missing","detail":"click_id is required"}}"#,
            ),
            counts: false,
            then: Then::Refused,
            words: "click_id is required",
        },
        Odd {
            what: "an error",
            says: says(500, r#"{"message":"Internal Server Error"}"#),
            counts: false,
            then: Then::Again,
            words: "Internal Server Error",
        },
        Odd {
            what: "too many requests",
            says: later(429, ""),
            counts: false,
            then: Then::Again,
            words: "",
        },
        Odd {
            what: "partner unknown",
            says: says(403, r#"{"message":"Forbidden"}"#),
            counts: false,
            then: Then::Stopped,
            words: "Forbidden",
        },
    ],
    beside: &[],
    example,
    example_token: "sn-token-0001",
    wrong: &[
        ("header Authorization Bearer sn-token-0001", "token"),
        ("set /event_name \"purchase\"", "/event_name: unknown word"),
        ("set /action_source \"website\"", "/action_source: another word"),
        ("drop /click_id", "/click_id: nobody to be recognised by"),
        ("set /click_id \"\"", "/click_id: empty"),
        ("set /event_value \"4980\"", "/event_value: no number"),
        (
            "set /event_time 1795845845000",
            "/event_time: time in another unit",
        ),
        ("set /event_time 1795040000", "/event_time: too old"),
        (
            "set /properties/currency \"jpy\"",
            "/properties/currency: another word",
        ),
        (
            "set /properties/contents [{\"quantity\":1}]",
            "/properties/contents/0/id: missing",
        ),
        (
            "set /properties/content_ids []",
            "/properties/content_ids: empty list",
        ),
    ],
};
