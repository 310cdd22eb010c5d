//! A conversion as it was sent (`/cv`): fields into types, or the field that is wrong.
//!
//! Nothing is guessed about money or ids, but what Japanese carts are known to send is understood:
//! full-width digits and letters in ids and amounts, upper-case SIDs, empty fields for "none", the tail of a float.
//!
//! Whether the session exists, the event is one of the offer and the conversion counts is decided by the
//! recorder; this module must not know offers.
//!
//! 2026-11-21: a SID that this system never makes, though it has the right shape, is no wrong form: it is
//! kept ([`Sid::Foreign`]) and refused as an unknown session.

use super::fields::{self, FieldRules, Fields};
use super::instant;
use super::query::FieldError;
use crate::domain::activity::ConversionStatus;
use crate::domain::identity::Sent;
use crate::domain::ids::{IdError, OfferId, SessionId};
use crate::domain::money::{Currency, Money, parse_sent_amount};
use crate::domain::note::{Note, NoteCode};
use crate::domain::offer::Offer;
use crate::domain::unfilled::{self, Role};
use rust_decimal::Decimal;
use std::fmt;

/// Order numbers a conversion can carry.
pub const UIDS: usize = 8;

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
    /// Who the person is, and what they allow: in memory only.
    pub identity: Sent,
    /// What was mended, or left out.
    pub notes: Vec<Note>,
}

/// What `/cv` knows of its fields. Only these decide a sale: all others are kept, mended or left out.
pub const RULES: FieldRules = FieldRules {
    decides: |name| {
        matches!(
            name,
            "sid" | "cid" | "event" | "click_id" | "amount" | "currency" | "status"
        ) || UID1_ALIASES.contains(&name)
    },
    role: |name| match name {
        "sid" | "click_id" => Role::Id,
        "amount" | "currency" => Role::Amount,
        name if uid_slot(name).is_some() => Role::Id,
        _ => Role::Text,
    },
    is_documented: |name| {
        matches!(
            name,
            "sid"
                | "cid"
                | "event"
                | "click_id"
                | "amount"
                | "currency"
                | "status"
                | "created_at"
                | "created_at_unix"
                | "environment"
                | "callback_params"
                | "partner_params"
        ) || uid_slot(name).is_some()
    },
    charset: None,
};

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
    /// Reads the fields of a request.
    pub fn parse(fields: Fields) -> Result<Self, FieldError> {
        let mut request = Self {
            custom: fields.callback_params,
            partner_custom: fields.partner_params,
            identity: fields.identity,
            notes: fields.notes,
            ..Self::default()
        };
        for (name, value) in fields.plain {
            match request.take(&name, &value) {
                Ok(true) => {}
                Ok(false) => request.fields.push((name, value)),
                Err(fault) if (RULES.decides)(&name) => return Err(fault),
                Err(_) => request.note(NoteCode::LeftOut, &name, &value),
            }
        }
        request.custom.sort();
        request.partner_custom.sort();
        Ok(request)
    }

    /// Whether a field was a variable that nobody filled, under any of its names.
    pub fn is_unfilled(&self, name: &str) -> bool {
        if name == "uid1" {
            let is_alias = |alias: &&str| fields::is_unfilled(&self.notes, alias);
            return self.uids[0].is_empty() && UID1_ALIASES.iter().any(is_alias);
        }
        fields::is_unfilled(&self.notes, name)
    }

    fn note(&mut self, code: NoteCode, field: &str, value: &str) {
        self.notes.push(Note::new(code, field, value));
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

    /// What it is worth: in its own currency, else in the offer's. Nothing without either.
    pub fn money(&self, offer: Option<&Offer>) -> Option<Money> {
        let currency = self.currency.or(offer.map(|offer| offer.currency))?;
        let amount = self.amount?;
        Some(Money { amount, currency })
    }

    /// `uids` without the empty ones at their end.
    pub fn sent_uids(&self) -> &[String] {
        let last = self.uids.iter().rposition(|uid| !uid.is_empty());
        &self.uids[..last.map_or(0, |last| last + 1)]
    }

    fn take(&mut self, name: &str, value: &str) -> Result<bool, FieldError> {
        match name {
            "sid" => {
                let sid = sid(value)?;
                if sid.to_string() != half_width(value).to_ascii_lowercase() {
                    self.note(NoteCode::Mended, name, value);
                }
                self.sid = Some(sid);
            }
            "cid" => self.cid = Some(cid(value)?),
            "event" => self.event = Some(value.trim().to_owned()).filter(|e| !e.is_empty()),
            "amount" => {
                let sent = parse_sent_amount(value).map_err(|error| {
                    FieldError::new(name, "invalid_amount", format!("The amount {error}."))
                })?;
                if sent.is_rounded {
                    self.note(NoteCode::Mended, name, value);
                }
                self.amount = Some(sent.amount);
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
            "created_at_unix" => self.at_ms = Some(instant::read(name, value)?),
            "created_at" if self.at_ms.is_none() => self.at_ms = Some(instant::read(name, value)?),
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

/// The field that an alias names: `uid1` to `uid8`.
pub fn uid_name(alias: &str) -> Option<&'static str> {
    const NAMES: [&str; 8] = ["uid1", "uid2", "uid3", "uid4", "uid5", "uid6", "uid7", "uid8"];
    NAMES.get(uid_slot(alias)?).copied()
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

/// A SID, also with what was put around it on its way (`<sid>?utm_source=x`, `<sid>/`, `<sid>, <sid>`): the one
/// word of 16 letters and digits that the value begins with.
fn sid(value: &str) -> Result<Sid, FieldError> {
    let text = sid_text(value);
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

/// What of a value is probably the SID; the value in half width and lower case when nothing is.
pub(super) fn sid_text(value: &str) -> String {
    let text = half_width(value).to_ascii_lowercase();
    let text = text.strip_prefix("sid=").unwrap_or(&text);
    let mut words = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default();
    let is_alone = words.filter(|word| word.len() == 16).all(|word| word == first);
    let is_found = first.len() == 16 && is_alone;
    if is_found { first } else { text }.to_owned()
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

/// Full-width ASCII (`Ａ`, `１`) in half width; white space around it and characters that take no room are gone.
fn half_width(text: &str) -> String {
    let visible = text.chars().filter(|c| !unfilled::is_invisible(*c));
    let text: String = visible.map(unfilled::half_width).collect();
    text.trim().to_owned()
}

#[cfg(test)]
#[path = "conversion_tests.rs"]
mod tests;
