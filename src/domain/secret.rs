//! Secrets of partners: access tokens, passwords, keys of signatures, each under a name. They are set, replaced and
//! deleted, and never shown; rules use them as `{secret.NAME}`.

use super::ids::PartnerId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest name, in characters.
pub const NAME_CHARS: usize = 64;
/// Longest value, in bytes.
pub const VALUE_BYTES: usize = 16 * 1024;
/// Most secrets of one partner.
pub const MOST_OF_PARTNER: usize = 50;

/// What stands for the visitor's whole address in a rule that may send it. It is filled when a request is sent, as
/// secrets are, and never stored with it; so no secret can have this name.
pub const FULL_ADDRESS: &str = "full_ip_address";

/// Whether a text can name a secret: a letter, then letters, digits and `_`.
pub fn is_name(text: &str) -> bool {
    let mut characters = text.chars();
    text != FULL_ADDRESS
        && characters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && text.len() <= NAME_CHARS
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The name of a secret: a letter, then letters, digits and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretName(String);

/// A text that cannot name a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret's name is a letter, then letters, digits and _, at most 64 in all")]
pub struct NotAName;

impl TryFrom<String> for SecretName {
    type Error = NotAName;

    fn try_from(text: String) -> Result<Self, NotAName> {
        if is_name(&text) {
            Ok(Self(text))
        } else {
            Err(NotAName)
        }
    }
}

impl From<SecretName> for String {
    fn from(name: SecretName) -> Self {
        name.0
    }
}

impl SecretName {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Names a secret: `PARTNER.NAME`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretId(String);

impl SecretId {
    /// The id of a secret of a partner.
    pub fn new(partner: &PartnerId, name: &SecretName) -> Self {
        Self(format!("{}.{}", partner.as_str(), name.as_str()))
    }

    /// `PARTNER.NAME`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A secret as it is kept. Its text is never written to logs: `Debug` leaves it out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum SecretText {
    /// Its value.
    Open(String),
    /// Its sealed form, which the key at hand does not open.
    Sealed(String),
}

/// How a sealed text begins; what follows is base64.
pub const SEALED: &str = "sealed:v1:";

impl SecretText {
    /// The value; `None` while it is sealed.
    pub fn open(&self) -> Option<&str> {
        match self {
            Self::Open(text) => Some(text),
            Self::Sealed(_) => None,
        }
    }

    /// Whether there is a key to be found before it can be used.
    pub fn is_sealed(&self) -> bool {
        matches!(self, Self::Sealed(_))
    }

    /// As it is stored.
    pub fn as_stored(&self) -> &str {
        match self {
            Self::Open(text) | Self::Sealed(text) => text,
        }
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        if text.starts_with(SEALED) {
            Self::Sealed(text)
        } else {
            Self::Open(text)
        }
    }
}

impl From<&str> for SecretText {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<SecretText> for String {
    fn from(secret: SecretText) -> Self {
        match secret {
            SecretText::Open(text) | SecretText::Sealed(text) => text,
        }
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open(_) => "(secret)",
            Self::Sealed(_) => "(sealed secret)",
        })
    }
}

/// A secret of a partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartnerSecret {
    /// Whose it is.
    pub partner: PartnerId,
    /// Its name.
    pub name: SecretName,
    /// Its value.
    pub value: SecretText,
    /// Asks for the value where it expires; the `value` then is what the endpoint is asked with.
    #[serde(default)]
    pub token: Option<TokenSource>,
    /// Unix milliseconds of the last change.
    #[serde(default)]
    pub updated_at_ms: i64,
}

/// Where a value that expires comes from: an OAuth 2 token endpoint, asked with a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenSource {
    /// Address of the endpoint (`https://...`).
    pub url: String,
    /// Form that it is asked with, a template: `grant_type=refresh_token&refresh_token={secret.refresh}`.
    pub form: String,
    /// JSON pointer to the token in the answer; `/access_token` when empty.
    #[serde(default)]
    pub pointer: String,
}

impl PartnerSecret {
    /// Its id.
    pub fn id(&self) -> SecretId {
        SecretId::new(&self.partner, &self.name)
    }
}
