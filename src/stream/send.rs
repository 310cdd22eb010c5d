//! One batch to the receiver, and what its answer means.

use crate::config;
use crate::domain::postback::{ErrorClass, Method, Outcome, Request};
use crate::wire::{Client, Exchange, Limits};
use std::time::Duration;

const LIMITS: Limits = Limits {
    connect: Duration::from_secs(5),
    total: Duration::from_secs(30),
};
/// Characters of an answer that are shown.
const EXCERPT_CHARS: usize = 300;

/// Why a batch was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Stable code.
    pub code: &'static str,
    /// What the receiver said, or why it was not reached, and what to do.
    pub message: String,
}

/// Sends lines under a token.
pub(super) fn send(
    client: &Client,
    options: &config::Stream,
    lines: String,
    token: &str,
) -> Result<(), Trouble> {
    let Some(request) = request(options, lines, token) else {
        return Err(Trouble {
            code: "not_set_up",
            message: "stream.url is not set".into(),
        });
    };
    // Where it goes is said in the configuration, by whoever runs the machine: mostly to a private network.
    let exchange = client.exchange_with_own(&request, LIMITS, 0);
    judge(&exchange.outcome, &Exchange::excerpt_of(&exchange.body))
}

fn request(options: &config::Stream, lines: String, token: &str) -> Option<Request> {
    let mut url = url::Url::parse(options.url.as_deref()?).ok()?;
    if let Some(name) = options.deduplication.as_deref().filter(|_| !token.is_empty()) {
        url.query_pairs_mut().append_pair(name, token);
    }
    let mut headers = vec![("Content-Type".to_owned(), "application/x-ndjson".to_owned())];
    if !token.is_empty() {
        headers.push(("Idempotency-Key".into(), token.into()));
    }
    if let Some(token) = &options.token {
        headers.push(("Authorization".into(), format!("Bearer {token}")));
    }
    let own = options.headers.iter().filter_map(|line| line.split_once(':'));
    headers.extend(own.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())));
    Some(Request {
        method: Method::Post,
        url: url.into(),
        headers,
        body: Some(lines),
    })
}

fn judge(outcome: &Outcome, excerpt: &str) -> Result<(), Trouble> {
    match outcome {
        Outcome::Answered { status: 200..300, .. } => Ok(()),
        Outcome::Answered { status, .. } => {
            let (code, hint) = match status {
                401 | 403 => ("bad_token", "; check stream.token and stream.headers"),
                404 => ("not_found", "; check the path and the table in stream.url"),
                413 => ("too_large", "; lower stream.batch_rows"),
                400..500 => (
                    "refused",
                    "; compare the columns of the table with the page raw-data.md",
                ),
                300..400 => ("redirected", "; enter the address that it leads to"),
                _ => ("status", ""),
            };
            let said = one_line(excerpt);
            Err(Trouble {
                code,
                message: format!("status {status} {said}{hint}"),
            })
        }
        Outcome::Error { class, message } => Err(Trouble {
            code: match class {
                ErrorClass::Dns => "host",
                ErrorClass::Connect => "connect",
                ErrorClass::Tls => "tls",
                ErrorClass::Timeout => "timeout",
                ErrorClass::Reset | ErrorClass::Malformed => "protocol",
                ErrorClass::Egress => "not_allowed",
                ErrorClass::Internal => "internal",
            },
            message: one_line(message),
        }),
    }
}

fn one_line(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(EXCERPT_CHARS).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> config::Stream {
        config::Stream {
            url: Some("http://127.0.0.1:8123/?query=INSERT%20INTO%20a%20FORMAT%20JSONEachRow".into()),
            token: Some("0123456789abcdef".into()),
            headers: vec!["X-ClickHouse-User: yamabiko".into()],
            batch_rows: 10,
            deduplication: Some("insert_deduplication_token".into()),
            clicks: true,
            history: false,
        }
    }

    #[test]
    fn the_token_stands_in_query_and_header() {
        let request = request(&options(), "{}\n".into(), "i-1-2").unwrap();
        assert!(
            request
                .url
                .ends_with("JSONEachRow&insert_deduplication_token=i-1-2"),
            "{}",
            request.url
        );
        for expected in [
            ("Idempotency-Key", "i-1-2"),
            ("Authorization", "Bearer 0123456789abcdef"),
            ("X-ClickHouse-User", "yamabiko"),
        ] {
            let is = |(name, value): &(String, String)| (name.as_str(), value.as_str()) == expected;
            assert!(request.headers.iter().any(is), "{expected:?}");
        }
        let plain = config::Stream {
            deduplication: None,
            ..options()
        };
        assert!(
            !super::request(&plain, String::new(), "i-1-2")
                .unwrap()
                .url
                .contains("i-1-2")
        );
    }

    #[test]
    fn only_2xx_is_taken_and_the_rest_says_what_to_do() {
        let judged = |status| {
            let answer = Outcome::Answered {
                status,
                retry_after_s: None,
            };
            judge(&answer, "Code: 16.\nNo such column")
        };
        assert!(judged(200).is_ok() && judged(204).is_ok());
        for (status, code) in [
            (401, "bad_token"),
            (404, "not_found"),
            (413, "too_large"),
            (400, "refused"),
            (302, "redirected"),
            (500, "status"),
        ] {
            let trouble = judged(status).unwrap_err();
            assert_eq!(trouble.code, code);
            assert!(
                trouble.message.contains("Code: 16. No such column"),
                "{}",
                trouble.message
            );
        }
    }
}
