//! An app request as it was sent: fields into types, or the field that is wrong. Pure.
//!
//! 2026-11-21: `s2s=1` is not demanded. With it the address of the connection is a server's and only
//! `ip_address` (or the header for it) is the device's; without it the app itself is calling.

use super::Endpoint;
use crate::domain::activity::MatchType;
use crate::domain::duplicates;
use crate::domain::identity::Sent;
use crate::domain::ids::SessionId;
use crate::domain::money::{Currency, Money, parse_sent_amount};
use crate::domain::note::{Note, NoteCode};
use crate::domain::unfilled::Role;
use crate::domain::visitor::Adid;
use crate::tracking::client;
use crate::tracking::conversion::{UIDS, sid_text};
use crate::tracking::device_id::{self, DeviceId};
use crate::tracking::fields::{FieldRules, Fields, flat_object};
use crate::tracking::instant;
use crate::tracking::query::FieldError;
use crate::tracking::remains::Remains;
use rust_decimal::Decimal;
use std::net::{IpAddr, Ipv4Addr};

/// Device ids in the order in which they are trusted to name a device; all others come after.
const STRONGEST: [&str; 8] = [
    "idfa",
    "gps_adid",
    "fire_adid",
    "oaid",
    "idfv",
    "android_id",
    "web_uuid",
    "external_device_id",
];

/// What the endpoints of apps know of their fields. What clients have a documented error for decides: a time and the
/// parameters of callbacks, too.
pub const RULES: FieldRules = FieldRules {
    decides,
    role: |name| match name {
        "sid" | "reftag" | "cost_id" => Role::Id,
        "revenue" | "amount" | "currency" | "cost_amount" | "cost_currency" => Role::Amount,
        name if uid_slot(name).is_some() => Role::Id,
        _ => Role::Text,
    },
    is_documented: |name| {
        decides(name)
            || uid_slot(name).is_some()
            || matches!(
                name,
                "environment" | "callback_params" | "partner_params" | "ip_address" | "user_agent"
            )
    },
    charset: None,
};

fn decides(name: &str) -> bool {
    matches!(
        name,
        "app_token"
            | "event_token"
            | "sid"
            | "adid"
            | "revenue"
            | "amount"
            | "currency"
            | "created_at"
            | "created_at_unix"
            | "global_callback_params"
            | "global_partner_params"
    ) || uid_slot(name) == Some(0)
        || device_id::is_device_id(name)
}

/// An app request as it was sent.
#[derive(Debug, Clone, Default)]
pub struct AppRequest {
    /// `app_token`, as sent.
    pub app_token: String,
    /// `event_token`, as sent.
    pub event_token: String,
    /// `created_at_unix` or `created_at`: when it happened, unix milliseconds.
    pub at_ms: Option<i64>,
    /// `revenue` (or `amount`) with `currency`.
    pub money: Option<Money>,
    /// `environment=sandbox`.
    pub is_test: bool,
    /// `s2s=1`.
    pub is_s2s: bool,
    /// Usable device ids, normalised, the strongest first.
    pub ids: Vec<(String, String)>,
    /// Names of device ids of a wrong form.
    pub malformed: Vec<String>,
    /// `adid`.
    pub adid: Option<Adid>,
    /// `ip_address`.
    pub ip: Option<IpAddr>,
    /// `user_agent`.
    pub user_agent: String,
    /// The engagement that the app names: `sid`, `reftag`, or within `referrer`.
    pub named: Option<(SessionId, MatchType)>,
    /// `install_begin_time`, unix milliseconds.
    pub download_at_ms: Option<i64>,
    /// `uid1` to `uid8`, `order_id`, `deduplication_id`.
    pub uids: Vec<String>,
    /// `callback_params` over `global_callback_params`, sorted by key.
    pub custom: Vec<(String, String)>,
    /// `partner_params` over `global_partner_params`, sorted by key.
    pub partner_custom: Vec<(String, String)>,
    /// Every other field in the order of the request.
    pub fields: Vec<(String, String)>,
    /// Who the person is, and what they allow: in memory only.
    pub identity: Sent,
    /// Hash of everything that was said.
    pub said: u64,
    /// What was mended, or left out.
    pub notes: Vec<Note>,
}

impl AppRequest {
    /// Reads the fields of a request. A field that decides nothing is left out and noted when it cannot be read.
    pub fn parse(fields: Fields, endpoint: Endpoint) -> Result<Self, FieldError> {
        if let Some(fault) = fields.faults.first() {
            return Err(fault.clone());
        }
        let mut request = Self {
            said: said(&fields),
            identity: fields.identity,
            notes: fields.notes,
            custom: fields.callback_params,
            partner_custom: fields.partner_params,
            ..Self::default()
        };
        let (mut amount, mut currency) = (None, None);
        for (name, value) in fields.plain {
            match name.as_str() {
                "revenue" | "amount" if endpoint.has_money() => amount = Some((name, value)),
                "currency" if endpoint.has_money() => currency = Some((name, value)),
                _ => match request.take(&name, &value) {
                    Err(fault) if decides(&name) => return Err(fault),
                    // What is no address as a whole may hold somebody's all the same.
                    Err(fault) if name == "ip_address" => {
                        request
                            .notes
                            .push(Note::new(NoteCode::LeftOut, &name, fault.code));
                    }
                    Err(_) => request.notes.push(Note::new(NoteCode::LeftOut, &name, &value)),
                    Ok(()) => {}
                },
            }
        }
        request.money = money(amount, currency, endpoint)?;
        request.custom.sort();
        request.partner_custom.sort();
        request.ids.sort_by_key(|(name, _)| {
            STRONGEST
                .iter()
                .position(|s| s == name)
                .unwrap_or(STRONGEST.len())
        });
        Ok(request)
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), FieldError> {
        match name {
            "app_token" => value.trim().clone_into(&mut self.app_token),
            "event_token" => value.trim().clone_into(&mut self.event_token),
            "created_at_unix" => self.at_ms = Some(instant::read(name, value)?),
            "created_at" if self.at_ms.is_none() => self.at_ms = Some(instant::read(name, value)?),
            "created_at" => {}
            "environment" => self.is_test = is_sandbox(value)?,
            "s2s" => self.is_s2s = value == "1",
            "ip_address" => self.ip = Some(address(value)?),
            "sid" => self.named = Some((sid(name, value)?, MatchType::Sid)),
            "reftag" => self.take_reftag(value),
            "referrer" => {
                if let Some(reftag) = reftag_of(value) {
                    self.take_reftag(&reftag);
                }
                self.fields.push((name.to_owned(), value.to_owned()));
            }
            "install_begin_time" => {
                let at_ms = instant::read(name, value)?;
                self.download_at_ms = Some(at_ms);
                self.fields.push((name.to_owned(), seconds(at_ms)));
            }
            "install_finish_time" | "referral_time" => {
                let value = instant::read(name, value).map_or_else(|_| value.to_owned(), seconds);
                self.fields.push((name.to_owned(), value));
            }
            "user_agent" => value.clone_into(&mut self.user_agent),
            "global_callback_params" => add(&mut self.custom, flat_object(name, value)?),
            "global_partner_params" => add(&mut self.partner_custom, flat_object(name, value)?),
            "adid" => self.adid = Some(adid(value)?),
            _ => self.file(name.to_owned(), value.to_owned()),
        }
        Ok(())
    }

    /// What is kept of a request that could not be read. Device ids and addresses are left out: no erasure
    /// finds them here.
    pub fn of_remains(remains: Remains) -> Self {
        let said = |name| remains.get(name).unwrap_or_default().trim().to_owned();
        let mut request = Self {
            app_token: said("app_token"),
            event_token: said("event_token"),
            is_test: said("environment") == "sandbox",
            uids: remains.salvage().sent_uids().to_vec(),
            ..Self::default()
        };
        request.fields = remains.into_fields();
        let is_personal = |name: &str| {
            device_id::is_device_id(name) || matches!(name, "ip_address" | "user_agent" | "body" | "referrer")
        };
        request.fields.retain(|(name, _)| !is_personal(name));
        request
    }

    fn file(&mut self, name: String, value: String) {
        if device_id::is_device_id(&name) {
            match device_id::normalise(&name, &value) {
                DeviceId::Good(id) => self.ids.push((name, id)),
                DeviceId::Absent => {}
                DeviceId::Malformed => self.malformed.push(name),
            }
            return;
        }
        if let Some(slot) = uid_slot(&name) {
            if self.uids.len() <= slot {
                self.uids.resize(slot + 1, String::new());
            }
            value.trim().clone_into(&mut self.uids[slot]);
        }
        self.fields.push((name, value));
    }

    /// A reftag that is not one of ours says nothing.
    fn take_reftag(&mut self, value: &str) {
        if let (Ok(sid), None) = (value.trim().to_ascii_lowercase().parse(), self.named) {
            self.named = Some((sid, MatchType::Reftag));
        }
    }

    /// A field of the request.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    /// Whether it says which device it is about.
    pub fn names_a_device(&self) -> bool {
        self.adid.is_some() || !self.ids.is_empty()
    }
}

/// As placeholders show a time.
fn seconds(at_ms: i64) -> String {
    at_ms.div_euclid(1000).to_string()
}

fn said(fields: &Fields) -> u64 {
    let lists = [&fields.plain, &fields.callback_params, &fields.partner_params];
    let mut parts: Vec<&[u8]> = Vec::new();
    for list in lists {
        parts.push(b"");
        for (name, value) in list {
            parts.extend([name.as_bytes(), value.as_bytes()]);
        }
    }
    let mut first = [0; 8];
    first.copy_from_slice(&duplicates::hash(&parts)[..8]);
    u64::from_be_bytes(first)
}

/// Adds what is sent with everything; the event's own values stay.
fn add(own: &mut Vec<(String, String)>, global: Vec<(String, String)>) {
    for (name, value) in global {
        if !own.iter().any(|(n, _)| *n == name) {
            own.push((name, value));
        }
    }
}

fn money(
    amount: Option<(String, String)>,
    currency: Option<(String, String)>,
    endpoint: Endpoint,
) -> Result<Option<Money>, FieldError> {
    let Some((name, text)) = amount else {
        return match endpoint {
            Endpoint::AdRevenue => Err(FieldError::new(
                "revenue",
                "missing_field",
                "Send revenue in whole units, and currency.",
            )),
            _ => Ok(None),
        };
    };
    let amount = parse_sent_amount(&text)
        .map(|sent| sent.amount)
        .map_err(|error| FieldError::new(&name, "invalid_revenue", format!("The amount {error}.")))?;
    if !(Decimal::new(1, 3)..=Decimal::from(100_000_000_000_i64)).contains(&amount) {
        return Err(FieldError::new(
            &name,
            "invalid_revenue",
            "Send 0.001 to 100,000,000,000 whole units.",
        ));
    }
    let Some((field, code)) = currency else {
        return Err(FieldError::new(
            "currency",
            "missing_field",
            "Send the ISO 4217 code of the revenue.",
        ));
    };
    let currency = code
        .trim()
        .parse()
        .map_err(|error| FieldError::new(&field, "invalid_currency", format!("The currency {error}.")))?;
    Ok(Some(Money { amount, currency }))
}

/// A currency code; for `/cost`, which has names of its own.
pub(super) fn currency(field: &str, code: &str) -> Result<Currency, FieldError> {
    code.trim()
        .parse()
        .map_err(|error| FieldError::new(field, "invalid_currency", format!("The currency {error}.")))
}

fn is_sandbox(value: &str) -> Result<bool, FieldError> {
    match value.trim().to_ascii_lowercase().as_str() {
        "sandbox" => Ok(true),
        "production" => Ok(false),
        _ => Err(FieldError::new(
            "environment",
            "invalid_environment",
            "Send production or sandbox.",
        )),
    }
}

fn address(value: &str) -> Result<IpAddr, FieldError> {
    client::named_ip(value).ok_or_else(|| {
        let example = Ipv4Addr::new(192, 0, 2, 7);
        FieldError::new(
            "ip_address",
            "invalid_address",
            format!("Send the device's address, such as {example}."),
        )
    })
}

fn sid(field: &str, value: &str) -> Result<SessionId, FieldError> {
    sid_text(value).parse().map_err(|_| {
        FieldError::new(
            field,
            "invalid_sid",
            "A session id has 16 characters of 0-9 and a-z; send it unchanged.",
        )
    })
}

fn adid(value: &str) -> Result<Adid, FieldError> {
    value.trim().parse().map_err(|()| {
        FieldError::new(
            "adid",
            "invalid_adid",
            "Send the adid of an answer of this server: 32 hexadecimal digits.",
        )
    })
}

/// The reftag within the referrer text of the store (`reftag=...&utm_source=...`, possibly encoded again).
pub fn reftag_of(referrer: &str) -> Option<String> {
    let decoded = percent_encoding::percent_decode_str(referrer).decode_utf8_lossy();
    [referrer, &decoded].into_iter().find_map(|text| {
        text.split('&').find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            matches!(name, "reftag" | "adjust_reftag" | "sid").then(|| value.to_owned())
        })
    })
}

fn uid_slot(name: &str) -> Option<usize> {
    if matches!(name, "order_id" | "deduplication_id" | "txid") {
        return Some(0);
    }
    let number: usize = name.strip_prefix("uid")?.parse().ok()?;
    (1..=UIDS).contains(&number).then(|| number - 1)
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
