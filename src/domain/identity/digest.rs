//! Digests and consent as they are kept with an activity.

use crate::domain::hex::hex;
use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// What identifies a person.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    strum::IntoStaticStr,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Kind {
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// The id that the advertiser's own system has for the person.
    ExternalId,
}

impl Kind {
    /// Name of the field.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A normal form, by the name of its placeholder. Stored by its number: new ones go to the end.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, strum::IntoStaticStr, strum::EnumString,
)]
#[strum(serialize_all = "snake_case")]
pub enum Form {
    /// E-mail in lower case, without white space.
    EmailSha256,
    /// The same; of Gmail addresses without dots and `+...` before the `@`.
    EmailGoogleSha256,
    /// The same without dots and `+...` before the `@`, whatever the domain.
    EmailPlainSha256,
    /// Telephone number as `+`, country and number.
    PhoneE164Sha256,
    /// The same digits without `+`.
    PhoneDigitsSha256,
    /// External id without white space around it.
    ExternalIdSha256,
}

impl Form {
    /// Name of the placeholder, and of the field that brings such a digest ready made.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Of what it is a form.
    pub fn kind(self) -> Kind {
        match self {
            Self::EmailSha256 | Self::EmailGoogleSha256 | Self::EmailPlainSha256 => Kind::Email,
            Self::PhoneE164Sha256 | Self::PhoneDigitsSha256 => Kind::Phone,
            Self::ExternalIdSha256 => Kind::ExternalId,
        }
    }

    /// The form that a digest has whose sender names none.
    pub fn usual(kind: Kind) -> Self {
        match kind {
            Kind::Email => Self::EmailSha256,
            Kind::Phone => Self::PhoneE164Sha256,
            Kind::ExternalId => Self::ExternalIdSha256,
        }
    }
}

/// SHA-256 of one normal form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// Of which form.
    pub form: Form,
    /// The digest.
    pub sha256: [u8; 32],
}

impl Digest {
    /// The digest of a normal form.
    pub fn of(form: Form, normal: &str) -> Self {
        Self {
            form,
            sha256: sha256(normal),
        }
    }

    /// 64 hexadecimal digits in lower case.
    pub fn hex(&self) -> String {
        hex(&self.sha256)
    }
}

/// SHA-256 of a text.
pub(super) fn sha256(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    bytes
}

/// What a visitor said to a use of their data.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Consent {
    /// Yes.
    Granted,
    /// No.
    Denied,
}

impl Consent {
    /// The word of the placeholder.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What is kept of a person's identity with an activity.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Identity {
    /// At most one of each form.
    pub digests: Vec<Digest>,
    /// Whether data of the person may be sent to ad platforms; `None` when nothing was said.
    pub ad_user_data: Option<Consent>,
    /// Whether it may be used for personal ads.
    pub ad_personalization: Option<Consent>,
}

impl Identity {
    /// The digest of a form as hexadecimal digits.
    pub fn hex(&self, form: Form) -> Option<String> {
        self.digests
            .iter()
            .find(|digest| digest.form == form)
            .map(Digest::hex)
    }

    /// Which kinds of identifiers there are, each once.
    pub fn kinds(&self) -> Vec<Kind> {
        let mut kinds: Vec<Kind> = self.digests.iter().map(|digest| digest.form.kind()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    /// Whether the visitor refused that identifiers are sent. Who allowed the sending and refused personal ads only,
    /// did not.
    pub fn is_denied(&self) -> bool {
        self.ad_user_data == Some(Consent::Denied)
            || (self.ad_user_data.is_none() && self.ad_personalization == Some(Consent::Denied))
    }
}

/// What an offer keeps of identities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IdentityPolicy {
    /// Digests of e-mail, telephone number and external id are kept (off). Off: they are left out, and noted.
    pub is_kept: bool,
    /// Country code of telephone numbers that come without one, 1 to 3 digits (`81`, Japan).
    pub phone_country: String,
}

impl Default for IdentityPolicy {
    fn default() -> Self {
        Self {
            is_kept: false,
            phone_country: "81".into(),
        }
    }
}

/// The digest that a value already is: 64 hexadecimal digits in any letter case.
pub(super) fn ready_made(text: &str) -> Option<[u8; 32]> {
    let digits = text.trim().as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        let digit = |at: usize| {
            char::from(pair[at])
                .to_digit(16)
                .and_then(|d| u8::try_from(d).ok())
        };
        *byte = digit(0)? << 4 | digit(1)?;
    }
    Some(bytes)
}

/// Words for nothing: their digests are those of everybody who sent nothing.
const NOTHING: [&str; 10] = [
    "",
    " ",
    "null",
    "NULL",
    "undefined",
    "none",
    "None",
    "nan",
    "NaN",
    "0",
];

/// Whether a digest is one of nothing.
pub(super) fn is_of_nothing(bytes: &[u8; 32]) -> bool {
    static DIGESTS: LazyLock<[[u8; 32]; NOTHING.len()]> = LazyLock::new(|| NOTHING.map(sha256));
    DIGESTS.contains(bytes) || bytes.iter().all(|byte| *byte == bytes[0])
}

/// Whether a value is a word for nothing.
pub(super) fn is_nothing(text: &str) -> bool {
    let text = text.trim();
    NOTHING.iter().any(|word| word.trim().eq_ignore_ascii_case(text))
        || matches!(text, "-" | "n/a" | "N/A" | "なし")
}

/// Whether it is a hash of another kind: MD5, SHA-1, SHA-512, or SHA-256 in base64.
pub(super) fn is_other_hash(text: &str) -> bool {
    let text = text.trim();
    let is_hex = text.bytes().all(|b| b.is_ascii_hexdigit()) && text.bytes().any(|b| b.is_ascii_alphabetic());
    let is_base64 = text.len() == 44
        && text.ends_with('=')
        && text[..43]
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_'));
    (is_hex && matches!(text.len(), 32 | 40 | 56 | 96 | 128)) || is_base64
}
