//! What is kept of a conversion that does not count (成果エラーログ): enough for an operator to see which order
//! it was and to make it good. What was sent and led to no object stays as a field by its name; of a request that
//! could not be read stays what of it can be read.
//!
//! Nothing kept here counts or fires a rule. Credentials are never kept, and the text of one request is bounded.

use crate::domain::activity::{Activity, MatchType, RefusalReason, Verdict};
use crate::domain::ids::ActivityId;
use crate::domain::money::Money;
use crate::domain::offer::Offer;
use crate::recorder::Group;
use crate::store::StoreError;
use crate::tracking::client;
use crate::tracking::conversion::{ConversionRequest, Sid};
use crate::tracking::credited_session::credit;
use crate::tracking::matching::load_session;
use crate::tracking::query::{MAX_NAME_BYTES, MAX_PARAMETERS, MAX_VALUE_BYTES, Pairs, cut, without_control};
use crate::tracking::record_conversion::{self, Caller};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Names and values of one request that are kept, bytes together.
pub const MAX_KEPT_BYTES: usize = 8 * 1024;
/// Of a body in which no field can be found.
const MAX_EXCERPT_BYTES: usize = 512;

/// What a conversion is worth: in its own currency, else in the offer's. Nothing without either.
pub(super) fn money(request: &ConversionRequest, offer: Option<&Offer>) -> Option<Money> {
    let currency = request.currency.or(offer.map(|offer| offer.currency))?;
    let amount = request.amount?;
    Some(Money { amount, currency })
}

/// Puts what the activity does not hold otherwise before its other fields: names that led to no object, the
/// status, and what cannot be money without a currency.
pub(super) fn note_unresolved(request: &ConversionRequest, activity: &mut Activity) {
    let mut fields = Vec::new();
    let mut note = |name: &str, value: Option<String>, is_held: bool| {
        fields.extend(value.filter(|_| !is_held).map(|value| (name.to_owned(), value)));
    };
    note(
        "sid",
        request.sid.as_ref().map(ToString::to_string),
        activity.session.is_some(),
    );
    note(
        "cid",
        request.cid.as_ref().map(ToString::to_string),
        activity.offer.is_some(),
    );
    note("event", request.event.clone(), activity.event.is_some());
    note(
        "amount",
        request.amount.map(|amount| amount.to_string()),
        activity.money.is_some(),
    );
    note(
        "currency",
        request.currency.map(|currency| currency.to_string()),
        activity.money.is_some(),
    );
    note(
        "status",
        request.status.map(|status| status.as_str().to_owned()),
        false,
    );
    note("click_id", request.click_id.clone(), false);
    fields.append(&mut activity.input.fields);
    activity.input.fields = fields;
}

/// One name and value of a request that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Remain {
    name: String,
    value: String,
    /// Nothing of it was mended or cut.
    is_whole: bool,
}

/// What can be read of a request that cannot be read as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Remains(Vec<Remain>);

impl Remains {
    /// Reads a query string and a body, mending what is wrong in them. The body is JSON or a form, whatever it is
    /// said to be; when it is neither, its beginning is kept as `body`.
    pub fn read(query: &[u8], body: &[u8]) -> Self {
        let mut remains = form(query);
        let of_body = match json(body) {
            list if list.is_empty() && body.contains(&b'=') => form(body),
            list => list,
        };
        if of_body.is_empty() && !body.trim_ascii().is_empty() {
            let text = String::from_utf8_lossy(&body[..body.len().min(MAX_EXCERPT_BYTES)]).into_owned();
            remains.push(mended("body", &text, false));
        }
        remains.extend(of_body);
        remains.retain(|remain| !is_credential(&remain.name) && !holds_credential(&remain.value));
        let mut left = MAX_KEPT_BYTES;
        remains.truncate(MAX_PARAMETERS);
        remains.retain(|remain| {
            let needs = remain.name.len() + remain.value.len();
            let has_room = needs <= left;
            left -= if has_room { needs } else { 0 };
            has_room
        });
        Self(remains)
    }

    /// Reads the query and the beginning of a body that could not be received to its end: the field in which it
    /// broke off is left out.
    pub fn read_beginning(query: &[u8], body: &[u8]) -> Self {
        let separator = if body.trim_ascii_start().starts_with(b"{") {
            b','
        } else {
            b'&'
        };
        let end = body.iter().rposition(|byte| *byte == separator).unwrap_or(0);
        Self::read(query, &body[..end])
    }

    /// The value of a field that was sent once, or with the same value each time.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.clear().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    /// What the fields say of a conversion: those of a wrong form, or sent with different values, say nothing.
    pub fn salvage(&self) -> ConversionRequest {
        let mut request = ConversionRequest::salvage(self.clear());
        // An amount whose currency is not understood is not one of the offer's currency.
        if request.currency.is_none() && self.0.iter().any(|r| r.name == "currency" && !r.value.is_empty()) {
            request.amount = None;
        }
        request
    }

    /// Every name and value, as far as it could be read.
    pub fn into_fields(self) -> Vec<(String, String)> {
        self.0
            .into_iter()
            .map(|remain| (remain.name, remain.value))
            .collect()
    }

    fn clear(&self) -> impl Iterator<Item = (&str, &str)> {
        let is_clear = |one: &&Remain| {
            let mut same = self.0.iter().filter(|other| other.name == one.name);
            one.is_whole && same.all(|other| other.value == one.value)
        };
        self.0
            .iter()
            .filter(is_clear)
            .map(|remain| (remain.name.as_str(), remain.value.as_str()))
    }
}

/// Keeps a conversion that could not be read: `field` and `message` say why.
pub fn record_unreadable(
    field: &str,
    message: &str,
    remains: Remains,
    caller: &Caller,
    group: &mut Group<'_>,
) -> Result<ActivityId, StoreError> {
    let said = remains.salvage();
    let catalog = group.catalog().clone();
    let session = match &said.sid {
        Some(Sid::Id(sid)) => load_session(*sid, group)?,
        Some(Sid::Foreign(_)) | None => None,
    };
    let offer = match (&said.cid, &session) {
        (Some(cid), _) => catalog.offers.get(cid),
        (None, Some(session)) => catalog.offers.get(&session.offer),
        (None, None) => None,
    };
    let mut activity = record_conversion::blank(caller, group);
    activity.verdict = Verdict::Refused {
        reason: RefusalReason::InvalidField,
    };
    activity.note = format!("{field}: {message}");
    activity.is_test |= said.is_test;
    activity.money = money(&said, offer.map(AsRef::as_ref));
    if let Some(offer) = offer {
        activity.offer = Some(offer.id.clone());
        activity.input.ip = client::stored_ip(caller.ip, offer.ip_privacy);
        activity.event = said
            .event
            .as_deref()
            .and_then(|named| offer.event(Some(named)))
            .map(|event| event.token.clone());
    }
    if let Some(session) = session.filter(|session| offer.is_some_and(|offer| offer.id == session.offer)) {
        credit(
            &mut activity,
            session,
            MatchType::Sid,
            Some(RefusalReason::InvalidField),
        );
    }
    activity.input.uids = said.sent_uids().to_vec();
    activity.input.fields = remains.into_fields();
    record_conversion::keep(&mut activity, offer.map(AsRef::as_ref), group)?;
    Ok(activity.id)
}

fn form(raw: &[u8]) -> Vec<Remain> {
    let pairs = Pairs::parse(raw).list.into_iter();
    pairs
        .map(|pair| Remain {
            name: pair.name,
            value: pair.value,
            is_whole: pair.fault.is_none(),
        })
        .collect()
}

/// The members of a JSON object up to the place where it breaks.
fn json(raw: &[u8]) -> Vec<Remain> {
    let mut found = Vec::new();
    let text = String::from_utf8_lossy(raw);
    // Where it breaks is told by the first fault, which the caller knows.
    drop(serde_json::Deserializer::from_str(&text).deserialize_map(Members(&mut found)));
    found
}

struct Members<'a>(&'a mut Vec<Remain>);

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while self.0.len() < MAX_PARAMETERS
            && let Some((name, value)) = map.next_entry::<String, &'de RawValue>()?
        {
            let value = value.get();
            match value.as_bytes().first() {
                Some(b'"') => {
                    let text = serde_json::from_str::<String>(value);
                    self.0
                        .push(mended(&name, text.as_deref().unwrap_or(value), text.is_ok()));
                }
                Some(b'-' | b'0'..=b'9') => self.0.push(mended(&name, value, true)),
                Some(b'n') => {}
                _ => self.0.push(mended(&name, value, false)),
            }
        }
        self.0.retain(|remain| !remain.name.is_empty());
        Ok(())
    }
}

/// Name and value on one line each and within their limits. A cut name would be another name: it becomes none.
fn mended(name: &str, value: &str, is_whole: bool) -> Remain {
    let clean = without_control(value);
    let kept = cut(&clean, MAX_VALUE_BYTES);
    let is_whole = is_whole && kept == value && !value.contains(char::REPLACEMENT_CHARACTER);
    let name = without_control(name);
    Remain {
        value: kept.to_owned(),
        is_whole,
        name: if name.len() > MAX_NAME_BYTES {
            String::new()
        } else {
            name
        },
    }
}

/// What names of credentials hold.
const CREDENTIALS: [&str; 14] = [
    "token",
    "secret",
    "signature",
    "passw",
    "passphrase",
    "authorization",
    "bearer",
    "credential",
    "cookie",
    "apikey",
    "api_key",
    "api-key",
    "hmac",
    "private_key",
];
/// Whole words of such names.
const CREDENTIAL_WORDS: [&str; 6] = ["auth", "key", "pwd", "sig", "sign", "jwt"];
/// Ids of objects in spite of their names.
const NO_CREDENTIALS: [&str; 2] = ["app_token", "event_token"];

fn is_credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
    !NO_CREDENTIALS.contains(&name.as_str())
        && (CREDENTIALS.iter().any(|part| name.contains(part))
            || words.any(|word| CREDENTIAL_WORDS.contains(&word)))
}

/// Whether a value that is made of several (an object, an address, the beginning of a body) may hold one.
fn holds_credential(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    let is_made_of_several = value.contains(['=', ':', '{']);
    let is_header = value.starts_with("bearer ") || value.starts_with("basic ");
    let words = value.split(|c: char| !c.is_ascii_alphanumeric());
    is_header
        || (is_made_of_several
            && (CREDENTIALS.iter().any(|part| value.contains(part))
                || words.into_iter().any(|word| CREDENTIAL_WORDS.contains(&word))))
}

#[cfg(test)]
#[path = "kept_tests.rs"]
mod tests;
