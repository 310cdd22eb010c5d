//! Values that are computed from others: `{md5:secret.code+content_uid1+'1'}`. A function has operands, joined by `+`
//! and put together without anything between them: placeholders, secrets of the partner, and texts in single quotes.
//! Without data for one of its placeholders it has no data itself: the digest of half of something is none of it.

use super::{Candidate, Values};
use crate::domain::hex::hex;
use crate::domain::secret::FULL_ADDRESS;
use crate::domain::template::catalogue;
use crate::domain::template::escape::encode;
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use md5::{Digest, Md5};

/// Most operands of a function.
const MOST_OPERANDS: usize = 16;

/// What is computed; digests are lower-case hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Function {
    /// MD5 of all operands.
    Md5,
    /// SHA-1 of all operands.
    Sha1,
    /// SHA-256 of all operands.
    Sha256,
    /// HMAC-SHA256; the first operand is the key.
    HmacSha256,
    /// Base64 of all operands, as in Basic authentication.
    Base64,
    /// All operands, as they are: what is put together goes as one where a part of it has no data.
    Join,
    /// The last operand, where none of those before it has data: of ids of which a platform takes one.
    Unless,
    /// The first operand in other words: what it is called, then what that becomes, and so on.
    Map,
    /// The last operand, where it begins with the first: `{starting:'YSS.'+cp_yclid}`.
    Starting,
    /// An id with the time before it (`1795800000.AbC`); the first operand is the time. An id that begins with one
    /// stays as it is.
    Dated,
}

impl Function {
    /// The word before the colon.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The result for these operands.
    pub(in crate::domain::template) fn apply(self, operands: &[String]) -> String {
        let whole = || operands.concat();
        match self {
            Self::Md5 => hex(&Md5::digest(whole())),
            Self::Sha1 => hex(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, whole().as_bytes()).as_ref()),
            Self::Sha256 => hex(digest::digest(&digest::SHA256, whole().as_bytes()).as_ref()),
            Self::HmacSha256 => {
                let (key, message) = operands
                    .split_first()
                    .map_or(("", &[][..]), |(key, rest)| (key, rest));
                let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
                hex(hmac::sign(&key, message.concat().as_bytes()).as_ref())
            }
            Self::Base64 => BASE64.encode(whole()),
            Self::Join => whole(),
            Self::Unless => operands.last().cloned().unwrap_or_default(),
            Self::Map => {
                let (value, pairs) = operands.split_first().map_or(("", &[][..]), |(v, p)| (v, p));
                let (pairs, _) = pairs.as_chunks::<2>();
                let found = pairs.iter().find(|[from, _]| from == value);
                found.map(|[_, to]| to.clone()).unwrap_or_default()
            }
            Self::Starting => {
                let begins = |id: &&String| operands.first().is_some_and(|with| id.starts_with(with));
                operands.last().filter(begins).cloned().unwrap_or_default()
            }
            Self::Dated => match operands {
                [_, id] if is_dated(id) => id.clone(),
                operands => operands.join("."),
            },
        }
    }

    /// How many operands it takes, and whether a secret may be one of them.
    fn takes(self, operands: &[Operand]) -> bool {
        let has_secret = operands
            .iter()
            .any(|operand| matches!(operand, Operand::Secret(_)));
        match self {
            Self::Md5 | Self::Sha1 | Self::Sha256 | Self::HmacSha256 | Self::Base64 | Self::Join => true,
            Self::Unless => operands.len() >= 2 && !has_secret,
            Self::Map => operands.len() >= 3 && operands.len() % 2 == 1 && !has_secret,
            Self::Starting | Self::Dated => operands.len() == 2 && !has_secret,
        }
    }
}

/// Whether an id begins with a time in seconds.
fn is_dated(id: &str) -> bool {
    id.split_once('.')
        .is_some_and(|(time, _)| time.len() == 10 && time.bytes().all(|b| b.is_ascii_digit()))
}

/// One operand.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Operand {
    Text(String),
    Secret(String),
    Field(Candidate),
}

/// A function with its operands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Computed {
    function: Function,
    operands: Vec<Operand>,
}

/// Why what stands between the braces is no function.
pub(super) enum NotComputed {
    /// It does not look like one.
    Other,
    /// It looks like one, but this part of it is not known.
    Unknown(String),
}

impl Computed {
    /// Reads `md5:a+b+'c'`.
    pub(super) fn parse(content: &str) -> Result<Self, NotComputed> {
        let (word, rest) = content.split_once(':').ok_or(NotComputed::Other)?;
        let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if word.is_empty() || !word.bytes().all(is_word) {
            return Err(NotComputed::Other);
        }
        let function: Function = word.parse().map_err(|_| NotComputed::Unknown(word.to_owned()))?;
        let mut operands = Vec::new();
        let mut rest = rest;
        loop {
            let (operand, after) = match rest.strip_prefix('\'') {
                Some(quoted) => {
                    let (text, after) = quoted.split_once('\'').ok_or(NotComputed::Other)?;
                    (Operand::Text(text.to_owned()), after)
                }
                None => {
                    let end = rest.find('+').unwrap_or(rest.len());
                    let (name, after) = rest.split_at(end);
                    (operand(name)?, after)
                }
            };
            operands.push(operand);
            match after.strip_prefix('+') {
                Some(next) if operands.len() < MOST_OPERANDS => rest = next,
                None if after.is_empty() => break,
                _ => return Err(NotComputed::Unknown(after.to_owned())),
            }
        }
        if function.takes(&operands) {
            Ok(Self { function, operands })
        } else {
            Err(NotComputed::Unknown(content.to_owned()))
        }
    }

    /// The placeholders among the operands.
    pub fn candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.operands.iter().filter_map(|operand| match operand {
            Operand::Field(candidate) => Some(candidate),
            Operand::Text(_) | Operand::Secret(_) => None,
        })
    }

    /// The secrets among the operands.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.operands.iter().filter_map(|operand| match operand {
            Operand::Secret(name) => Some(name.as_str()),
            Operand::Text(_) | Operand::Field(_) => None,
        })
    }

    /// The result; `None` without data, or when a secret belongs to it.
    pub(super) fn text(&self, values: &dyn Values) -> Option<String> {
        let operands = self.operands.iter().map(|operand| match operand {
            Operand::Text(text) => Some(text.clone()),
            Operand::Secret(_) => None,
            Operand::Field(candidate) => data(candidate, values),
        });
        if self.function == Function::Unless {
            let known: Vec<Option<String>> = operands.collect();
            let (last, before) = known.split_last()?;
            return last.clone().filter(|_| before.iter().all(Option::is_none));
        }
        let operands: Vec<String> = operands.collect::<Option<_>>()?;
        Some(self.function.apply(&operands))
    }

    /// What a hole says of it: the function with what is known of its operands. `None` without data or secrets.
    pub(super) fn expression(&self, values: &dyn Values) -> Option<String> {
        self.secrets().next()?;
        let operands = self.operands.iter().map(|operand| match operand {
            Operand::Text(text) => Some(format!("={}", encode(text))),
            Operand::Secret(name) => Some(format!("${name}")),
            Operand::Field(candidate) => Some(format!("={}", encode(&data(candidate, values)?))),
        });
        let operands: Vec<String> = operands.collect::<Option<_>>()?;
        Some(format!("{}:{}", self.function.as_str(), operands.join("+")))
    }
}

fn data(candidate: &Candidate, values: &dyn Values) -> Option<String> {
    let value = candidate.value(values)?;
    (!value.is_empty()).then(|| value.into_owned())
}

fn operand(name: &str) -> Result<Operand, NotComputed> {
    if let Some(secret) = secret_name(name) {
        return Ok(Operand::Secret(secret.to_owned()));
    }
    let known = || catalogue::find(name).map(Candidate::Known);
    match super::by_name(name).or_else(known) {
        Some(candidate) => Ok(Operand::Field(candidate)),
        None => Err(NotComputed::Unknown(name.to_owned())),
    }
}

/// The name in `secret.NAME`; the visitor's whole address is filled in the same way.
pub(in crate::domain::template) fn secret_name(text: &str) -> Option<&str> {
    if text == FULL_ADDRESS {
        return Some(text);
    }
    text.strip_prefix("secret.")
        .filter(|name| crate::domain::secret::is_name(name))
}
