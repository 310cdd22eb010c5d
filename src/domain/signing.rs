//! Signing secrets as an operator writes them: one or more separated by white space, so that a receiver can
//! change over without a gap. `whsec_` and base64 (the prefix may be missing) is a key for HMAC, `whsk_` and
//! base64 an Ed25519 key pair. How something is signed with them is not known here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::ops::Range;

/// Secrets side by side; each costs a signature in every request.
pub const MOST_SECRETS: usize = 4;
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
const SEED_BYTES: usize = 32;
const PUBLIC_BYTES: usize = 32;

/// Why a secret cannot sign. Each has a stable code ([`SecretError::code`]); none repeats the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// There is none.
    #[error("the signing secret is empty; enter one that begins with whsec_, or remove it")]
    Empty,
    /// What follows the prefix is not base64.
    #[error("the signing secret is not base64; it must be whsec_ followed by 24 to 64 bytes in base64")]
    Encoding,
    /// Too short or too long.
    #[error("the signing secret has {bytes} bytes; it must have 24 to 64 (whsec_ followed by base64)")]
    Length {
        /// How many bytes it decodes to.
        bytes: usize,
    },
    /// No Ed25519 key, or one whose two halves do not belong together.
    #[error(
        "the signing key is not an Ed25519 key pair; it must be whsk_ followed by seed and public key in base64"
    )]
    KeyPair,
    /// More than [`MOST_SECRETS`].
    #[error("there are {count} signing secrets; use at most 4 side by side")]
    TooMany {
        /// How many.
        count: usize,
    },
}

impl SecretError {
    /// Stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "secret_empty",
            Self::Encoding => "secret_encoding",
            Self::Length { .. } => "secret_length",
            Self::KeyPair => "secret_key_pair",
            Self::TooMany { .. } => "secret_too_many",
        }
    }
}

/// One secret, decoded.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// Key of an HMAC-SHA256.
    Hmac(Vec<u8>),
    /// An Ed25519 key pair; that the halves belong together is not known yet.
    Ed25519 {
        /// 32 bytes.
        seed: Vec<u8>,
        /// 32 bytes.
        public: Vec<u8>,
    },
}

/// A secret that cannot be used, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misplaced {
    /// Why.
    pub error: SecretError,
    /// Bytes of the text.
    pub place: Range<usize>,
}

/// Reads all secrets of a text.
///
/// # Errors
/// The first secret that cannot be used.
pub fn parse(text: &str) -> Result<Vec<Secret>, Misplaced> {
    let whole = |error| Misplaced {
        error,
        place: 0..text.len(),
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.len() {
        0 => return Err(whole(SecretError::Empty)),
        1..=MOST_SECRETS => {}
        count => return Err(whole(SecretError::TooMany { count })),
    }
    words
        .into_iter()
        .map(|word| {
            let start = word.as_ptr().addr() - text.as_ptr().addr();
            parse_one(word).map_err(|error| Misplaced {
                error,
                place: start..start + word.len(),
            })
        })
        .collect()
}

fn parse_one(word: &str) -> Result<Secret, SecretError> {
    let decode = |text: &str| BASE64.decode(text).map_err(|_| SecretError::Encoding);
    if let Some(text) = word.strip_prefix("whsk_") {
        let bytes = decode(text)?;
        return match bytes.split_at_checked(SEED_BYTES) {
            Some((seed, public)) if public.len() == PUBLIC_BYTES => Ok(Secret::Ed25519 {
                seed: seed.to_vec(),
                public: public.to_vec(),
            }),
            _ => Err(SecretError::KeyPair),
        };
    }
    let bytes = decode(word.strip_prefix("whsec_").unwrap_or(word))?;
    if SECRET_BYTES.contains(&bytes.len()) {
        Ok(Secret::Hmac(bytes))
    } else {
        Err(SecretError::Length { bytes: bytes.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn wrong_secrets_are_refused_with_reason_and_place() {
        let wrong = |text: &str| parse(text).err().map(|m| (m.error.code(), m.place));
        assert_eq!(wrong(GOOD), None);
        assert_eq!(
            wrong(GOOD.trim_start_matches("whsec_")),
            None,
            "the prefix may be missing"
        );
        assert_eq!(wrong("  "), Some(("secret_empty", 0..2)));
        assert_eq!(wrong("whsec_***"), Some(("secret_encoding", 0..9)));
        assert_eq!(wrong("whsec_c2hvcnQ="), Some(("secret_length", 0..14)));
        assert_eq!(wrong("whsk_c2hvcnQ="), Some(("secret_key_pair", 0..13)));
        assert_eq!(
            wrong(&format!("{GOOD}\u{3000}whsec_x\r\ny")),
            Some(("secret_encoding", GOOD.len() + 3..GOOD.len() + 10))
        );
        let five = [GOOD; 5].join(" ");
        assert_eq!(wrong(&five), Some(("secret_too_many", 0..five.len())));
        let long = BASE64.encode([7; 65]);
        assert_eq!(wrong(&long), Some(("secret_length", 0..long.len())));
    }

    proptest! {
        #[test]
        fn any_text_is_judged_and_the_place_lies_on_borders(text in "\\PC{0,60}") {
            if let Err(misplaced) = parse(&text) {
                prop_assert!(text.get(misplaced.place).is_some());
            }
        }

        #[test]
        fn every_key_of_a_right_length_is_read_as_it_is(bytes in prop::collection::vec(any::<u8>(), 24..=64)) {
            let text = format!("whsec_{}", BASE64.encode(&bytes));
            prop_assert!(parse(&text).is_ok_and(|keys| keys == [Secret::Hmac(bytes)]));
        }
    }
}
