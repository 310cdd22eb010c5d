//! A conversion as it was sent (`/cv`): fields into types, or the field that is wrong.
//!
//! Nothing is guessed about money or ids, but what Japanese carts are known to send is understood:
//! full-width digits and letters in ids and amounts, upper-case SIDs, empty fields for "none".
//!
//! Whether the session exists, the event is one of the offer and the conversion counts is decided by the
//! recorder; this module must not know offers.
//!
//! 2026-11-21: a SID that this system never makes, though it has the right shape, is no wrong form: it is
//! kept ([`Sid::Foreign`]) and refused as an unknown session.

use super::instant;
use super::query::{FieldError, Fields};
use crate::domain::activity::ConversionStatus;
use crate::domain::ids::{IdError, OfferId, SessionId};
use crate::domain::money::{Currency, parse_amount};
use rust_decimal::Decimal;
use std::fmt;

/// Order numbers a conversion can carry.
pub const UIDS: usize = 8;

/// Longest `Idempotency-Key`, bytes.
pub const MAX_IDEMPOTENCY_KEY_BYTES: usize = 255;

/// A session id as a caller names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sid {
    /// Possibly ours.
    Id(SessionId),
    /// 16 alphanumerics that this system cannot have made.
    Foreign(String),
}

/// A conversion as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConversionRequest {
    /// `sid`.
    pub sid: Option<Sid>,
    /// `cid`.
    pub cid: Option<OfferId>,
    /// `event`: token or name.
    pub event: Option<String>,
    /// `amount`, whole units.
    pub amount: Option<Decimal>,
    /// `currency`; without one the offer's.
    pub currency: Option<Currency>,
    /// `uid1` to `uid8`; empty where none was sent.
    pub uids: [String; UIDS],
    /// `status`; without one the event's way of approval decides.
    pub status: Option<ConversionStatus>,
    /// `p_<name>` (without the prefix) and `callback_params`, sorted by key.
    pub custom: Vec<(String, String)>,
    /// `partner_params`, sorted by key.
    pub partner_custom: Vec<(String, String)>,
    /// `click_id`: the partner's own click id.
    pub click_id: Option<String>,
    /// `created_at_unix` or `created_at`: when it happened, unix milliseconds.
    pub at_ms: Option<i64>,
    /// `environment=sandbox`.
    pub is_test: bool,
    /// Every other field in the order of the request.
    pub fields: Vec<(String, String)>,
}

/// The fields that `/cv` knows, for the message of an unknown one.
const KNOWN: &str = "sid, cid, event, amount, currency, uid1 to uid8, status, click_id, created_at_unix, \
                     created_at, environment, callback_params, partner_params, p_<name>";

/// Names of `uid1` in the order in which they are shown in messages.
const UID1_ALIASES: [&str; 5] = ["uid1", "content_uid1", "uid", "txid", "order_id"];

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Foreign(text) => f.write_str(text),
        }
    }
}

impl ConversionRequest {
    /// Reads the fields of a request. In a strict body (JSON) a name that is neither known here nor a
    /// placeholder (`is_placeholder`) is refused; elsewhere it is kept.
    pub fn parse(fields: Fields, is_placeholder: &dyn Fn(&str) -> bool) -> Result<Self, FieldError> {
        let mut request = Self {
            custom: fields.callback_params,
            partner_custom: fields.partner_params,
            ..Self::default()
        };
        for (name, value) in fields.plain {
            let is_taken = request.take(&name, &value)?;
            if is_taken {
                continue;
            }
            if fields.is_strict && !is_placeholder(&name) {
                return Err(FieldError::new(
                    &name,
                    "unknown_field",
                    format!(
                        "There is no such field; the fields are {KNOWN}. Send values of your own as p_<name>."
                    ),
                ));
            }
            request.fields.push((name, value));
        }
        request.custom.sort();
        request.partner_custom.sort();
        Ok(request)
    }

    /// What can be read of fields that cannot be read as a whole: each by itself, without those of a wrong form.
    pub fn salvage<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut request = Self::default();
        for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
            // What is wrong with the request is told by the first fault, which the caller knows.
            drop(request.take(name, value));
        }
        request
    }

    /// Whether it says whose conversion it is; without this only the visitor's cookie can tell.
    pub fn names_a_session(&self) -> bool {
        self.sid.is_some() || self.click_id.is_some()
    }

    /// `uids` without the empty ones at their end.
    pub fn sent_uids(&self) -> &[String] {
        let last = self.uids.iter().rposition(|uid| !uid.is_empty());
        &self.uids[..last.map_or(0, |last| last + 1)]
    }

    fn take(&mut self, name: &str, value: &str) -> Result<bool, FieldError> {
        match name {
            "sid" => self.sid = Some(sid(value)?),
            "cid" => self.cid = Some(cid(value)?),
            "event" => self.event = Some(value.trim().to_owned()).filter(|e| !e.is_empty()),
            "amount" => {
                let amount = parse_amount(value).map_err(|error| {
                    FieldError::new(name, "invalid_amount", format!("The amount {error}."))
                })?;
                self.amount = Some(amount);
            }
            "currency" => {
                let currency = half_width(value).parse().map_err(|error| {
                    FieldError::new(name, "invalid_currency", format!("The currency {error}."))
                })?;
                self.currency = Some(currency);
            }
            "status" => {
                let status = value.trim().parse().map_err(|()| {
                    FieldError::new(name, "invalid_status", "Send pending, approved or rejected.")
                })?;
                self.status = Some(status);
            }
            "click_id" => self.click_id = Some(value.to_owned()),
            "created_at_unix" => self.at_ms = Some(instant::unix(name, value)?),
            "created_at" if self.at_ms.is_none() => self.at_ms = Some(instant::iso(name, value)?),
            "created_at" => {}
            "environment" => self.is_test = is_sandbox(value)?,
            _ => return self.take_numbered(name, value),
        }
        Ok(true)
    }

    fn take_numbered(&mut self, name: &str, value: &str) -> Result<bool, FieldError> {
        if let Some(slot) = uid_slot(name) {
            let value = value.trim();
            let uid = &mut self.uids[slot];
            if !uid.is_empty() && uid != value {
                let names = if slot == 0 {
                    UID1_ALIASES.join(", ")
                } else {
                    format!("uid{0} and content_uid{0}", slot + 1)
                };
                return Err(FieldError::new(
                    name,
                    "conflicting_field",
                    format!("{names} mean the same field; send one of them."),
                ));
            }
            value.clone_into(uid);
            return Ok(true);
        }
        let Some(key) = name.strip_prefix("p_").filter(|key| !key.is_empty()) else {
            return Ok(false);
        };
        match self.custom.iter().find(|(k, _)| k == key) {
            Some((_, earlier)) if earlier == value => {}
            Some(_) => {
                return Err(FieldError::new(
                    name,
                    "conflicting_field",
                    "The same key is in callback_params with another value; send one of them.",
                ));
            }
            None => self.custom.push((key.to_owned(), value.to_owned())),
        }
        Ok(true)
    }
}

fn uid_slot(name: &str) -> Option<usize> {
    if UID1_ALIASES.contains(&name) {
        return Some(0);
    }
    let number = name
        .strip_prefix("content_")
        .unwrap_or(name)
        .strip_prefix("uid")?;
    match number.as_bytes() {
        [digit @ b'1'..=b'8'] => Some(usize::from(digit - b'1')),
        _ => None,
    }
}

fn sid(value: &str) -> Result<Sid, FieldError> {
    let text = half_width(value).to_ascii_lowercase();
    match text.parse() {
        Ok(id) => Ok(Sid::Id(id)),
        Err(IdError::Range) => Ok(Sid::Foreign(text)),
        Err(IdError::Length { .. } | IdError::Character) => Err(FieldError::new(
            "sid",
            "invalid_sid",
            left_as_it_was(value).unwrap_or(
                "A session id has 16 characters of 0-9 and a-z; send it unchanged as the landing page received it.",
            ),
        )),
    }
}

fn cid(value: &str) -> Result<OfferId, FieldError> {
    half_width(value).to_ascii_lowercase().parse().map_err(|error| {
        let message = match left_as_it_was(value) {
            Some(sentence) => sentence.to_owned(),
            None => format!("The offer id (CID) {error}."),
        };
        FieldError::new("cid", "invalid_cid", message)
    })
}

/// The usual mistake: the sender's variable was never filled.
fn left_as_it_was(value: &str) -> Option<&'static str> {
    value
        .contains(['{', '}', '#', '[', ']', '$', '%', '<', '＃', '｛'])
        .then_some(
            "The variable was sent as typed; the sending system did not fill it. Check its spelling there.",
        )
}

fn is_sandbox(value: &str) -> Result<bool, FieldError> {
    match value.trim() {
        "sandbox" => Ok(true),
        "production" => Ok(false),
        _ => Err(FieldError::new(
            "environment",
            "invalid_environment",
            "Send production or sandbox.",
        )),
    }
}

/// Full-width ASCII (`Ａ`, `１`) in half width, white space around it gone.
fn half_width(text: &str) -> String {
    text.trim()
        .chars()
        .map(|c| match c {
            '！'..='～' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
            c => c,
        })
        .collect()
}

/// Checks the value of an `Idempotency-Key` header: 1 to 255 visible ASCII characters. An absent header is
/// none.
pub fn idempotency_key(header: Option<&str>) -> Result<Option<String>, FieldError> {
    let Some(key) = header.map(str::trim) else {
        return Ok(None);
    };
    let is_good = (1..=MAX_IDEMPOTENCY_KEY_BYTES).contains(&key.len())
        && key.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    if is_good {
        Ok(Some(key.to_owned()))
    } else {
        Err(FieldError::new(
            "Idempotency-Key",
            "invalid_idempotency_key",
            "The header must have 1 to 255 visible ASCII characters, such as a UUID.",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SID: &str = "0mhwydvk0abcdefg";

    fn form(raw: &str) -> Result<ConversionRequest, FieldError> {
        ConversionRequest::parse(Fields::from_form(raw.as_bytes())?, &|_| false)
    }

    fn encoded(name: &str, value: &str) -> String {
        url::form_urlencoded::Serializer::new(String::new())
            .append_pair(name, value)
            .finish()
    }

    #[test]
    fn a_whole_conversion() {
        let request = form(&format!(
            "sid={SID}&cid=offer1&event=%E8%B3%BC%E5%85%A5&amount=1000&currency=jpy&uid=A-1&uid2=b&content_uid8=h\
             &status=pending&p_z=1&p_a=2&callback_params=%7B%22k%22%3A%22v%22%7D&partner_params=%7B%22x%22%3A%22y%22%7D\
             &click_id=c1&created_at_unix=1763000000&environment=sandbox&utm_source=mail&_=123"
        ))
        .unwrap();
        assert_eq!(request.sid, Some(Sid::Id(SID.parse().unwrap())));
        assert_eq!(request.cid.as_ref().unwrap().as_str(), "offer1");
        assert_eq!(request.event.as_deref(), Some("購入"));
        assert_eq!(request.amount.unwrap().to_string(), "1000");
        assert_eq!(request.currency, Some(Currency::JPY));
        assert_eq!(
            request.uids,
            ["A-1", "b", "", "", "", "", "", "h"].map(String::from)
        );
        assert_eq!(request.status, Some(ConversionStatus::Pending));
        let keys: Vec<&str> = request.custom.iter().map(|(k, _)| k.as_str()).collect();
        assert_eq!(keys, ["a", "k", "z"]);
        assert_eq!(request.partner_custom, vec![("x".into(), "y".into())]);
        assert_eq!(request.click_id.as_deref(), Some("c1"));
        assert_eq!(request.at_ms, Some(1_763_000_000_000));
        assert!(request.is_test && request.names_a_session());
        assert_eq!(
            request.fields,
            vec![("utm_source".into(), "mail".into()), ("_".into(), "123".into())]
        );
    }

    #[test]
    fn what_carts_send_is_understood() {
        for (name, value, check) in [
            ("sid", "０ＭＨＷＹＤＶＫ０ＡＢＣＤＥＦＧ", SID),
            ("sid", " 0MHWYDVK0ABCDEFG ", SID),
        ] {
            let request = form(&encoded(name, value)).unwrap();
            assert_eq!(request.sid, Some(Sid::Id(check.parse().unwrap())), "{value}");
        }
        let request = form(&encoded("cid", "１２３")).unwrap();
        assert_eq!(request.cid.unwrap().as_str(), "123");
        let request = form(&encoded("amount", "１２．５")).unwrap();
        assert_eq!(request.amount.unwrap().to_string(), "12.5");
        let request = form("sid=zzzzzzzzzzzzzzzz").unwrap();
        assert_eq!(request.sid, Some(Sid::Foreign("zzzzzzzzzzzzzzzz".into())));
        let empty = form("sid=&cid=&event=&amount=&currency=&uid1=&status=&created_at_unix=").unwrap();
        assert_eq!(empty, ConversionRequest::default());
        for alias in UID1_ALIASES {
            assert_eq!(form(&format!("{alias}=o-1")).unwrap().uids[0], "o-1", "{alias}");
        }
        assert_eq!(form("uid=o-1&order_id=o-1").unwrap().uids[0], "o-1");
    }

    #[test]
    fn wrong_fields_are_named() {
        for (name, value, code) in [
            ("sid", "abc", "invalid_sid"),
            ("sid", "##SID##", "invalid_sid"),
            ("cid", "a b", "invalid_cid"),
            ("cid", "{cid}", "invalid_cid"),
            ("amount", "1,000", "invalid_amount"),
            ("amount", "-1", "invalid_amount"),
            ("amount", "1e3", "invalid_amount"),
            ("amount", "NaN", "invalid_amount"),
            ("currency", "YEN", "invalid_currency"),
            ("status", "maybe", "invalid_status"),
            ("created_at_unix", "now", "invalid_time"),
            ("created_at", "now", "invalid_time"),
            ("environment", "test", "invalid_environment"),
        ] {
            let error = form(&encoded(name, value)).unwrap_err();
            assert_eq!((error.field.as_str(), error.code), (name, code), "{value}");
            assert!(error.message.ends_with('.'), "{}", error.message);
        }
        assert_eq!(form("uid=a&txid=b").unwrap_err().code, "conflicting_field");
        assert_eq!(
            form("p_k=1&callback_params=%7B%22k%22%3A%22v%22%7D")
                .unwrap_err()
                .field,
            "p_k"
        );
        assert!(
            form("sid=%7Bclick_id%7D")
                .unwrap_err()
                .message
                .contains("did not fill")
        );
    }

    #[test]
    fn json_names_unknown_fields() {
        let parse = |raw: &str| {
            ConversionRequest::parse(Fields::from_json(raw.as_bytes())?, &|name| name == "fb_campaign")
        };
        let request =
            parse(r#"{"amount":12.50,"uid1":77,"callback_params":{"b":"1","a":"2"},"fb_campaign":"x"}"#)
                .unwrap();
        assert_eq!(request.amount.unwrap().to_string(), "12.5");
        assert_eq!(request.uids[0], "77");
        assert_eq!(
            request.custom,
            vec![("a".into(), "2".into()), ("b".into(), "1".into())]
        );
        assert_eq!(request.fields, vec![("fb_campaign".into(), "x".into())]);
        let error = parse(r#"{"ammount":1}"#).unwrap_err();
        assert_eq!((error.field.as_str(), error.code), ("ammount", "unknown_field"));
    }

    #[test]
    fn idempotency_keys() {
        assert_eq!(idempotency_key(None), Ok(None));
        assert_eq!(idempotency_key(Some(" k-1 ")), Ok(Some("k-1".into())));
        for bad in ["", "山", "a\u{0}", &"x".repeat(256)] {
            assert_eq!(
                idempotency_key(Some(bad)).unwrap_err().code,
                "invalid_idempotency_key"
            );
        }
    }

    proptest! {
        #[test]
        fn any_query_is_a_request_or_an_error_with_a_field(raw in "[a-z0-9_&=%+{}#１-９]{0,200}") {
            match form(&raw) {
                Ok(request) => prop_assert!(request.custom.is_sorted()),
                Err(error) => prop_assert!(!error.field.is_empty() && !error.code.is_empty()),
            }
        }

        #[test]
        fn order_numbers_come_back_unchanged(uid in "[!-~山川]{1,40}") {
            let request = form(&encoded("uid1", &uid)).unwrap();
            prop_assert_eq!(&request.uids[0], &uid);
        }
    }
}
