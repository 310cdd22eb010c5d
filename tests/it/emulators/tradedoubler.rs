//! Tradedoubler: a pixel that is called with a checksum over exactly what is sent; nothing is ever told.

use super::asked::{Asked, says};
use super::platform::{Odd, Platform, Test, Then, Token};
use md5::{Digest as _, Md5};
use serde_json::Value;

fn also(asked: &Asked, _: &Value, secret: &str) -> Result<(), String> {
    let value = |name: &str| asked.query_value(name).unwrap_or_default();
    let is_lead = asked.query_value("leadNumber").is_some();
    let (number, amount) = if is_lead {
        (value("leadNumber"), "1")
    } else {
        (value("orderNumber"), value("orderValue"))
    };
    if number.is_empty() {
        return Err("orderNumber: missing".into());
    }
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !is_digits(value("organization")) || !is_digits(value("event")) {
        return Err("organization, event: no digits".into());
    }
    if !is_lead && (value("orderValue") != "4980" || value("currency") != "JPY") {
        return Err("orderValue: not the amount of the sale".into());
    }
    let sum: String = Md5::digest(format!("{secret}{number}{amount}"))
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    if value("checksum") != format!("v04{sum}") {
        return Err("checksum: wrong".into());
    }
    let tduid = value("tduid");
    if tduid.is_empty() {
        return Err("tduid: missing".into());
    }
    let from = asked.header("x-forwarded-for");
    if from.is_some_and(|from| from.parse::<std::net::IpAddr>().is_err()) {
        return Err("X-Forwarded-For: no IP address".into());
    }
    Ok(())
}

fn example() -> Asked {
    Asked::get(
        "https://tbs.tradedoubler.com/report?organization=1234567&event=234567&orderNumber=A-1001&checksum=v04d5887d69437f9598bfd0f1b55b403d79&tduid=0123456789abcdef0123456789abcdef&orderValue=4980&currency=JPY",
        &[("X-Forwarded-For", "203.0.113.5")],
    )
}

pub const PLATFORM: Platform = Platform {
    preset: "tradedoubler",
    host: "tbs.tradedoubler.com|tbl.tradedoubler.com",
    method: "GET",
    path: "/report",
    query: &[
        ("organization", true),
        ("event", true),
        ("orderNumber", false),
        ("leadNumber", false),
        ("checksum", true),
        ("tduid", true),
        ("orderValue", false),
        ("currency", false),
        ("voucher", false),
        ("extid", false),
        ("exttype", false),
        ("event_time", false),
        ("reportInfo", false),
    ],
    headers: &[],
    token: Token::Unseen,
    body: None,
    also,
    one_by: &["event", "orderNumber"],
    test: Test::None,
    taken: says(200, "GIF89a"),
    refused: says(200, "GIF89a"),
    token_refused: says(200, "GIF89a"),
    odd: &[
        Odd {
            what: "sent elsewhere",
            says: super::asked::Says {
                status: 302,
                headers: &[("Location", "https://www.tradedoubler.com/")],
                body: "",
            },
            counts: true,
            then: Then::Taken,
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
    example_token: "secret",
    wrong: &[
        (
            "query checksum v04d5887d69437f9598bfd0f1b55b403d70",
            "checksum: wrong",
        ),
        (
            "query checksum d5887d69437f9598bfd0f1b55b403d79",
            "checksum: wrong",
        ),
        ("query orderNumber A-1002", "checksum: wrong"),
        (
            "query orderValue 4980.00",
            "orderValue: not the amount of the sale",
        ),
        ("query currency USD", "orderValue: not the amount of the sale"),
        ("query orderNumber", "orderNumber: missing"),
        ("query tduid", "missing in the query"),
        ("query organization shop", "organization, event: no digits"),
        ("query ordernumber A-1001", "unknown in the query"),
        ("header X-Forwarded-For unknown", "X-Forwarded-For: no IP address"),
    ],
};
