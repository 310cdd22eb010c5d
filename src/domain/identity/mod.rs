//! Identity (識別情報): e-mail, telephone number and external id of a person, as digests that platforms compare.
//!
//! What was sent lives in memory only, in a [`Sent`] whose `Debug` shows nothing; [`Sent::settle`] makes digests of
//! it under the setting of the offer, or says why not. No raw value leaves this module, in no error and no note.
//!
//! | module | what it answers |
//! | --- | --- |
//! | [`names`] | which fields speak of a person |
//! | `email` `phone` | the normal forms that platforms hash |
//! | [`digest`] | the digests, and consent, as they are kept |
//! | [`sent`] | from what was sent to what is kept |
//! | [`redact`] | e-mail addresses within other text |

pub mod digest;
mod email;
pub mod names;
mod phone;
pub mod redact;
pub mod sent;

pub use digest::{Consent, Digest, Form, Identity, IdentityPolicy, Kind};
pub use sent::Sent;

use super::unfilled::is_invisible;
use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization;

/// Why a value is left out: a stable code, shown in words by the interface. It holds nothing of the value.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, strum::EnumIter, strum::EnumString, strum::IntoStaticStr,
)]
#[strum(serialize_all = "snake_case")]
pub enum Unusable {
    /// An e-mail address without `@`, or with several.
    NoAtSign,
    /// Not what an e-mail address looks like.
    NoEmail,
    /// Not what a telephone number looks like.
    NoPhone,
    /// A telephone number with too few digits.
    TooShort,
    /// Longer than such a value can be.
    TooLong,
    /// The digest of nothing, or of a word for nothing: it is everybody's.
    HashOfNothing,
    /// Digits of a hash, but of another kind than SHA-256.
    OtherHash,
    /// A word for nothing (`null`, `none`).
    Nothing,
    /// Another value of the same kind came before it.
    AnotherBefore,
    /// The visitor refused.
    ConsentDenied,
    /// A word that is neither granted nor denied.
    UnknownWord,
}

impl Unusable {
    /// Stable code.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// A value in half width, without what takes no room.
fn half_width(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    text.nfkc().filter(|c| !is_invisible(*c)).collect()
}

#[cfg(test)]
mod tests;
