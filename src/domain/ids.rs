//! Identifiers: one newtype for each thing, so that one can never be passed for another.
//!
//! Two shapes exist:
//!
//! * **Time ids** ([`SessionId`], [`ActivityId`], [`PostbackId`]): 82 bits, written as 16 lower-case
//!   alphanumerics (base 36, most significant digit first). The upper 42 bits are the unix time in
//!   milliseconds, the lower 40 are random, so the text sorts by time, and the id names the storage
//!   period that holds its record.
//! * **Tokens** ([`OfferId`], [`LinkToken`], [`EventToken`], ...): lower-case alphanumerics of a fixed
//!   length, chosen at random once and never changed.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

const RANDOM_BITS: u32 = 40;
const TEXT_LEN: usize = 16;
const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
/// Times from the year 2109 on do not fit into a time id.
const MAX_MS: u64 = (1 << 42) - 1;

/// Why a text is not an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text has the wrong number of characters.
    #[error("must have {expected} characters")]
    Length {
        /// How many characters, in words, e.g. `16` or `6 to 32`.
        expected: &'static str,
    },
    /// The text has a character that is not in `0-9a-z`.
    #[error("may only have the characters 0-9 and a-z")]
    Character,
    /// A well-formed time id that is larger than 82 bits.
    #[error("is not an identifier made by this system")]
    Range,
}

/// The value of a time id: 42 bits of unix milliseconds, then 40 random bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeId(u128);

impl TimeId {
    /// Length of the key form in bytes.
    pub const KEY_LEN: usize = 11;

    /// Builds an id for `at_ms` (unix milliseconds, clamped to the year 2109) and a random number,
    /// of which the lower 40 bits are used.
    pub fn new(at_ms: i64, random: u64) -> Self {
        let ms = u64::try_from(at_ms).unwrap_or(0).min(MAX_MS);
        Self((u128::from(ms) << RANDOM_BITS) | u128::from(random & ((1 << RANDOM_BITS) - 1)))
    }

    /// The time in the id, unix milliseconds.
    pub fn at_ms(self) -> i64 {
        i64::try_from(self.0 >> RANDOM_BITS).unwrap_or(i64::MAX)
    }

    /// The smallest id of a millisecond: the start of a range scan.
    pub fn floor(at_ms: i64) -> Self {
        Self::new(at_ms, 0)
    }

    /// Big-endian bytes; they sort as the ids do.
    pub fn to_key(self) -> [u8; Self::KEY_LEN] {
        let all = self.0.to_be_bytes();
        let mut key = [0; Self::KEY_LEN];
        key.copy_from_slice(&all[16 - Self::KEY_LEN..]);
        key
    }

    /// Reads the key form; `None` unless it is 11 bytes of at most 82 bits.
    pub fn from_key(key: &[u8]) -> Option<Self> {
        let key: [u8; Self::KEY_LEN] = key.try_into().ok()?;
        let mut all = [0; 16];
        all[16 - Self::KEY_LEN..].copy_from_slice(&key);
        let value = u128::from_be_bytes(all);
        (value >> 82 == 0).then_some(Self(value))
    }
}

impl fmt::Display for TimeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Halves of eight digits: division of 128 bits is slow.
        const HALF: u128 = 36_u128.pow(8);
        let mut text = [b'0'; TEXT_LEN];
        let (upper, lower) = text.split_at_mut(TEXT_LEN / 2);
        for (half, value) in [(upper, self.0 / HALF), (lower, self.0 % HALF)] {
            let mut rest = value as u64;
            for slot in half.iter_mut().rev() {
                *slot = DIGITS[(rest % 36) as usize];
                rest /= 36;
            }
        }
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for TimeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TimeId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.len() != TEXT_LEN {
            return Err(IdError::Length { expected: "16" });
        }
        let mut value: u128 = 0;
        for byte in text.bytes() {
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'z' => byte - b'a' + 10,
                _ => return Err(IdError::Character),
            };
            value = value * 36 + u128::from(digit);
        }
        if value >> 82 == 0 {
            Ok(Self(value))
        } else {
            Err(IdError::Range)
        }
    }
}

impl Serialize for TimeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.to_key().serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for TimeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        if deserializer.is_human_readable() {
            let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
            text.parse().map_err(D::Error::custom)
        } else {
            let key = <[u8; Self::KEY_LEN]>::deserialize(deserializer)?;
            Self::from_key(&key).ok_or_else(|| D::Error::custom("time id out of range"))
        }
    }
}

macro_rules! time_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub TimeId);

        impl $name {
            /// Builds an id for `at_ms` (unix milliseconds) and a random number (lower 40 bits used).
            pub fn new(at_ms: i64, random: u64) -> Self {
                Self(TimeId::new(at_ms, random))
            }
            /// The time in the id, unix milliseconds.
            pub fn at_ms(self) -> i64 {
                self.0.at_ms()
            }
            /// Big-endian key bytes.
            pub fn to_key(self) -> [u8; TimeId::KEY_LEN] {
                self.0.to_key()
            }
            /// Reads key bytes.
            pub fn from_key(key: &[u8]) -> Option<Self> {
                TimeId::from_key(key).map(Self)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                text.parse().map(Self)
            }
        }
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                text_schema("^[0-9a-z]{16}$")
            }
        }
        impl utoipa::ToSchema for $name {}
    };
}

time_id! {
    /// SID: the id of one click or impression.
    SessionId
}
time_id! {
    /// The id of one tracked activity (a conversion, an install, a refusal, ...).
    ActivityId
}
time_id! {
    /// The id of one postback: the same on every attempt, sent as `Webhook-Id` and `{postback_id}`.
    PostbackId
}

fn text_schema(pattern: &str) -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
    utoipa::openapi::ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::Type::String)
        .pattern(Some(pattern))
        .into()
}

macro_rules! token {
    ($(#[$doc:meta])* $name:ident, $len:literal, $min:literal, $max:literal, $expected:literal, $pattern:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Box<str>);

        impl $name {
            /// How many characters a newly made token has.
            pub const LEN: usize = $len;
            /// The token as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
            /// Makes a token from random bytes (at least `LEN` of them).
            pub fn from_random(bytes: &[u8]) -> Self {
                Self(bytes.iter().take(Self::LEN).map(|b| char::from(DIGITS[usize::from(*b) % 36])).collect())
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                if !($min..=$max).contains(&text.len()) {
                    return Err(IdError::Length { expected: $expected });
                }
                if !text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase()) {
                    return Err(IdError::Character);
                }
                Ok(Self(text.into()))
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                text_schema($pattern)
            }
        }
        impl utoipa::ToSchema for $name {}
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

token! {
    /// CID and app token: the id of an offer.
    OfferId, 12, 3, 32, "3 to 32", "^[0-9a-z]{3,32}$"
}
token! {
    /// The id of a partner.
    PartnerId, 8, 3, 32, "3 to 32", "^[0-9a-z]{3,32}$"
}
token! {
    /// The token of a link, as it stands in `/c/{link}`; `tracker` in the words of app measurement.
    LinkToken, 8, 6, 32, "6 to 32", "^[0-9a-z]{6,32}$"
}
token! {
    /// The fixed token of an event of an offer.
    EventToken, 6, 6, 6, "6", "^[0-9a-z]{6}$"
}
token! {
    /// The id of a rule.
    RuleId, 8, 3, 32, "3 to 32", "^[0-9a-z]{3,32}$"
}
token! {
    /// The id of a user account.
    UserId, 10, 3, 32, "3 to 32", "^[0-9a-z]{3,32}$"
}
token! {
    /// The public id of an API token (not its secret).
    TokenId, 10, 3, 32, "3 to 32", "^[0-9a-z]{3,32}$"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_ids_sort_by_time_in_both_forms() {
        let early = TimeId::new(1_700_000_000_000, u64::MAX);
        let late = TimeId::new(1_700_000_000_001, 0);
        assert!(early < late && early.to_string() < late.to_string() && early.to_key() < late.to_key());
        assert_eq!(early.at_ms(), 1_700_000_000_000);
    }

    #[test]
    fn text_and_key_read_back() {
        let id = SessionId::new(1_763_000_000_123, 0x12_3456_789a);
        assert_eq!(id.to_string().len(), 16);
        assert_eq!(id.to_string().parse::<SessionId>().unwrap(), id);
        assert_eq!(SessionId::from_key(&id.to_key()).unwrap(), id);
        let packed = postcard::to_stdvec(&id).unwrap();
        assert_eq!(postcard::from_bytes::<SessionId>(&packed).unwrap(), id);
    }

    #[test]
    fn wrong_texts_are_refused_with_the_reason() {
        assert_eq!("abc".parse::<TimeId>(), Err(IdError::Length { expected: "16" }));
        assert_eq!("ABCDEFGH12345678".parse::<TimeId>(), Err(IdError::Character));
        assert_eq!("zzzzzzzzzzzzzzzz".parse::<TimeId>(), Err(IdError::Range));
        assert_eq!(
            "abc".parse::<EventToken>(),
            Err(IdError::Length { expected: "6" })
        );
        assert!("４２abcd".parse::<LinkToken>().is_err());
    }
}
