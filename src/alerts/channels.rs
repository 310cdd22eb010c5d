//! One message on one channel: what goes out, and what the answer means. Secrets stand in no sentence.

use super::Reach;
use crate::domain::account::{AlertChannel, AlertSettings};
use crate::domain::alert::text::Message;
use crate::domain::postback::{ErrorClass, Method, Outcome, Request};
use crate::domain::secret::SecretText;
use crate::wire::{Exchange, Limits};
use serde_json::{Value, json};
use std::time::Duration;

const LIMITS: Limits = Limits {
    connect: Duration::from_secs(5),
    total: Duration::from_secs(10),
};
/// Where LINE's Messaging API is.
const LINE_URL: &str = "https://api.line.me";
/// Where a text is pushed to somebody.
const LINE_PUSH: &str = "/v2/bot/message/push";
/// LINE takes 5,000 UTF-16 units a text.
const LINE_CHARS: usize = 2400;
/// Characters of an answer that are shown.
const EXCERPT_CHARS: usize = 300;

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Whether it was taken.
    pub is_ok: bool,
    /// What kind of outcome: a stable code.
    pub code: &'static str,
    /// What the other side said, or why it did not come that far: a sentence.
    pub message: String,
}

impl Sent {
    fn failed(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            is_ok: false,
            code,
            message: message.into(),
        }
    }
}

/// Sends a message on a channel.
pub(super) fn send(
    reach: &Reach,
    settings: &AlertSettings,
    channel: AlertChannel,
    message: &Message,
) -> Sent {
    if !settings.has(channel) {
        return Sent::failed(
            "not_set_up",
            "this channel is not set up; fill in its fields and save first",
        );
    }
    match channel {
        AlertChannel::Email => {
            match reach
                .delivery
                .client()
                .send_mail(&settings.email, &message.subject, &message.text)
            {
                Ok(answer) => Sent {
                    is_ok: true,
                    code: "sent",
                    message: excerpt(&answer),
                },
                Err(error) => Sent::failed(error.code(), excerpt(&error.to_string())),
            }
        }
        AlertChannel::Webhook => {
            let url = opened(settings.webhook_url.as_ref());
            post(reach, &url, vec![], &json!({"text": with_subject(message)}), &url)
        }
        AlertChannel::Line => {
            let token = opened(settings.line.token.as_ref());
            let base = reach.config.now().alerts.line_url.as_deref().unwrap_or(LINE_URL);
            let text: String = with_subject(message).chars().take(LINE_CHARS).collect();
            let body = json!({"to": settings.line.to, "messages": [{"type": "text", "text": text}]});
            let authorization = ("Authorization".to_owned(), format!("Bearer {token}"));
            post(
                reach,
                &format!("{base}{LINE_PUSH}"),
                vec![authorization],
                &body,
                &token,
            )
        }
    }
}

/// The text, with the name of the program before it.
fn with_subject(message: &Message) -> String {
    format!("[Yamabiko]\n{}", message.text)
}

/// A secret as text; empty without one, or while it is sealed: then the channel fails, and says so.
fn opened(secret: Option<&SecretText>) -> String {
    secret.and_then(SecretText::open).unwrap_or_default().to_owned()
}

fn post(reach: &Reach, url: &str, mut headers: Vec<(String, String)>, body: &Value, secret: &str) -> Sent {
    headers.push(("Content-Type".into(), "application/json".into()));
    let request = Request {
        method: Method::Post,
        url: url.to_owned(),
        headers,
        body: Some(body.to_string()),
    };
    let exchange = reach.delivery.client().exchange(&request, LIMITS, 0);
    let sent = judge(&exchange.outcome, &Exchange::excerpt_of(&exchange.body));
    Sent {
        // A receiver may repeat what it was sent.
        message: excerpt(&sent.message.replace(secret, "***")),
        ..sent
    }
}

fn judge(outcome: &Outcome, excerpt: &str) -> Sent {
    match outcome {
        Outcome::Answered { status, .. } => {
            let (code, hint) = match status {
                200..300 => ("sent", ""),
                401 | 403 => ("bad_token", "; check the token or create a new one"),
                404 | 410 => ("gone", "; check the address, the webhook may have been removed"),
                429 => ("too_many", "; too many messages were sent"),
                300..=399 => ("redirected", "; the address redirects, enter the one it leads to"),
                _ => ("status", ""),
            };
            Sent {
                is_ok: (200..300).contains(status),
                code,
                message: format!("status {status} {}{hint}", excerpt.trim()),
            }
        }
        Outcome::Error { class, message } => {
            let code = match class {
                ErrorClass::Dns => "host",
                ErrorClass::Connect => "connect",
                ErrorClass::Tls => "tls",
                ErrorClass::Timeout => "timeout",
                ErrorClass::Reset | ErrorClass::Malformed => "protocol",
                ErrorClass::Egress => "not_allowed",
                ErrorClass::Internal => "internal",
            };
            Sent::failed(code, message.clone())
        }
    }
}

/// A text in one line and not too long.
fn excerpt(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(EXCERPT_CHARS)
        .collect::<String>()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_2xx_is_taken_and_the_rest_says_what_to_do() {
        let judged = |status| {
            judge(
                &Outcome::Answered {
                    status,
                    retry_after_s: None,
                },
                " no_service\n",
            )
        };
        assert_eq!(
            judged(200),
            Sent {
                is_ok: true,
                code: "sent",
                message: "status 200 no_service".into()
            }
        );
        for (status, words) in [
            (404, "check the address"),
            (401, "check the token"),
            (302, "redirects"),
            (500, "status 500"),
        ] {
            let sent = judged(status);
            assert!(!sent.is_ok && sent.message.contains(words), "{sent:?}");
        }
        assert_eq!(excerpt("a\r\nb\u{1b}"), "a  b");
    }
}
