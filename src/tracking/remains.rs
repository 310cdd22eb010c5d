//! What can be read of a request that cannot be read as a whole: it is kept with the refusal, so that an operator
//! sees which order it was. Credentials and what speaks of a person are left out, a body in which no field can be
//! found is kept as its length and kind, and the text of one request is bounded.

use super::conversion::ConversionRequest;
use super::personal;
use super::query::{
    MAX_NAME_BYTES, MAX_PARAMETERS, MAX_VALUE_BYTES, Pairs, cut, has_control, without_control,
};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Names and values of one request that are kept, bytes together.
pub const MAX_KEPT_BYTES: usize = 8 * 1024;

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

impl Remain {
    /// Takes out what speaks of a person; `false` when nothing is left.
    fn impersonal(&mut self) -> bool {
        match personal::remaining(&self.name, &self.value) {
            Some(Cow::Owned(without)) => self.value = without,
            Some(Cow::Borrowed(_)) => {}
            None => return false,
        }
        personal::is_name(&self.name)
    }
}

/// What a body looks like in which no field can be found.
fn kind_of(body: &[u8]) -> &'static str {
    let begin = body.trim_ascii_start();
    match begin.first() {
        Some(b'{' | b'[') => "begins like JSON",
        Some(b'<') => "begins like XML or HTML",
        Some(b'-') if begin.starts_with(b"--") => "begins like a multipart form",
        _ if std::str::from_utf8(body).is_ok_and(|text| !has_control(text.trim())) => "text",
        _ => "no text",
    }
}

impl Remains {
    /// Reads a query string and a body, mending what is wrong in them. The body is JSON or a form, whatever it is
    /// said to be; when it is neither, its length and kind are kept as `body`.
    pub fn read(query: &[u8], body: &[u8]) -> Self {
        let mut remains = form(query);
        let of_body = match json(body) {
            list if list.is_empty() && body.contains(&b'=') => form(body),
            list => list,
        };
        if of_body.is_empty() && !body.trim_ascii().is_empty() {
            remains.push(mended(
                "body",
                &format!("{} bytes, {}", body.len(), kind_of(body)),
                false,
            ));
        }
        remains.extend(of_body);
        remains.retain(|remain| !is_credential(&remain.name) && !holds_credential(&remain.value));
        remains.retain_mut(Remain::impersonal);
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
    let clean = without_control(value).into_owned();
    let kept = cut(&clean, MAX_VALUE_BYTES);
    let is_whole = is_whole && kept == value && !value.contains(char::REPLACEMENT_CHARACTER);
    let name = without_control(name).into_owned();
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
#[path = "remains_tests.rs"]
mod tests;
