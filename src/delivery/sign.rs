//! Signatures of postbacks after the Standard Webhooks specification, and an extension for GET.
//!
//! * POST: `v1`, HMAC-SHA256 over `{id}.{unix seconds}.{body}`.
//! * GET: `v1u`, HMAC-SHA256 over `{id}.{unix seconds}.{request target}`, since the URL carries the data and
//!   the body is empty. An extension of ours, hence a name of its own: a receiver that only knows `v1` must
//!   not take it for one.
//! * A rule's secret may hold several secrets separated by white space: the request carries one signature
//!   each, so a receiver can change over without a gap.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// How far the timestamp of a request may be off, either way (seconds).
pub const TOLERANCE_S: i64 = 300;
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
const ED25519_SECRET_BYTES: usize = 32;

/// Why a secret cannot sign. Each has a stable code ([`SecretError::code`]).
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
    /// An Ed25519 key whose two halves do not belong together.
    #[error(
        "the signing key is not an Ed25519 key pair; it must be whsk_ followed by seed and public key in base64"
    )]
    KeyPair,
}

impl SecretError {
    /// Stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "secret_empty",
            Self::Encoding => "secret_encoding",
            Self::Length { .. } => "secret_length",
            Self::KeyPair => "secret_key_pair",
        }
    }
}

/// What is signed beside id and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signed<'a> {
    /// The raw body (`v1`, `v1a`).
    Body(&'a [u8]),
    /// Path and query as they stand on the request line (`v1u`).
    Target(&'a str),
}

enum Key {
    Hmac(Box<hmac::Key>),
    Ed25519(Box<Ed25519KeyPair>),
}

/// The keys of a rule's signing secret.
pub struct Signer {
    keys: Vec<Key>,
}

impl Signer {
    /// Reads one or more secrets separated by white space: `whsec_` and base64 (the prefix may be missing), or
    /// `whsk_` and base64 for Ed25519.
    pub fn parse(secrets: &str) -> Result<Self, SecretError> {
        let keys: Vec<Key> = secrets
            .split_whitespace()
            .map(parse_key)
            .collect::<Result<_, _>>()?;
        if keys.is_empty() {
            return Err(SecretError::Empty);
        }
        Ok(Self { keys })
    }

    /// The `webhook-signature` header: one signature for each key, separated by spaces. Ed25519 keys sign
    /// bodies only.
    pub fn sign(&self, id: &str, at_s: i64, signed: Signed<'_>) -> String {
        let message = message(id, at_s, signed);
        let signatures = self.keys.iter().filter_map(|key| match (key, signed) {
            (Key::Hmac(key), _) => {
                let version = if matches!(signed, Signed::Body(_)) {
                    "v1"
                } else {
                    "v1u"
                };
                let tag = hmac::sign(key, &message);
                Some(format!("{version},{}", BASE64.encode(tag)))
            }
            (Key::Ed25519(key), Signed::Body(_)) => {
                Some(format!("v1a,{}", BASE64.encode(key.sign(&message))))
            }
            (Key::Ed25519(_), Signed::Target(_)) => None,
        });
        signatures.collect::<Vec<_>>().join(" ")
    }

    /// Whether one of the signatures in the header is one of ours and the timestamp is within
    /// [`TOLERANCE_S`] of `now_s`.
    pub fn verify(&self, id: &str, at_s: i64, now_s: i64, signed: Signed<'_>, header: &str) -> bool {
        if at_s.abs_diff(now_s) > TOLERANCE_S.unsigned_abs() {
            return false;
        }
        let message = message(id, at_s, signed);
        header
            .split(' ')
            .filter_map(|part| part.split_once(','))
            .any(|(version, text)| {
                let Ok(signature) = BASE64.decode(text) else {
                    return false;
                };
                self.keys.iter().any(|key| match (key, version, signed) {
                    (Key::Hmac(key), "v1", Signed::Body(_)) | (Key::Hmac(key), "v1u", Signed::Target(_)) => {
                        hmac::verify(key, &message, &signature).is_ok()
                    }
                    (Key::Ed25519(key), "v1a", Signed::Body(_)) => {
                        use aws_lc_rs::signature::KeyPair as _;
                        let public = UnparsedPublicKey::new(&ED25519, key.public_key());
                        public.verify(&message, &signature).is_ok()
                    }
                    _ => false,
                })
            })
    }
}

fn parse_key(secret: &str) -> Result<Key, SecretError> {
    if let Some(text) = secret.strip_prefix("whsk_") {
        let bytes = BASE64.decode(text).map_err(|_| SecretError::Encoding)?;
        let (seed, public) = bytes
            .split_at_checked(ED25519_SECRET_BYTES)
            .ok_or(SecretError::KeyPair)?;
        let pair =
            Ed25519KeyPair::from_seed_and_public_key(seed, public).map_err(|_| SecretError::KeyPair)?;
        return Ok(Key::Ed25519(Box::new(pair)));
    }
    let text = secret.strip_prefix("whsec_").unwrap_or(secret);
    let bytes = BASE64.decode(text).map_err(|_| SecretError::Encoding)?;
    if !SECRET_BYTES.contains(&bytes.len()) {
        return Err(SecretError::Length { bytes: bytes.len() });
    }
    Ok(Key::Hmac(Box::new(hmac::Key::new(hmac::HMAC_SHA256, &bytes))))
}

fn message(id: &str, at_s: i64, signed: Signed<'_>) -> Vec<u8> {
    let mut message = format!("{id}.{at_s}.").into_bytes();
    message.extend_from_slice(match signed {
        Signed::Body(body) => body,
        Signed::Target(target) => target.as_bytes(),
    });
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const AT: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[test]
    fn public_vectors_hold() {
        let signer = Signer::parse(SECRET).unwrap();
        assert_eq!(signer.sign(ID, AT, Signed::Body(BODY)), SIGNATURE);
        let signer = Signer::parse("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
        let body = br#"{"email":"test@example.com","username":"test_user"}"#;
        assert_eq!(
            signer.sign(
                "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
                1_649_367_553,
                Signed::Body(body)
            ),
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="
        );
    }

    #[test]
    fn the_public_ed25519_vector_holds() {
        let key =
            "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
        let signer = Signer::parse(key).unwrap();
        let header = signer.sign(ID, AT, Signed::Body(BODY));
        assert_eq!(
            header,
            "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
        );
        assert!(signer.verify(ID, AT, AT, Signed::Body(BODY), &header));
        assert!(!signer.verify(ID, AT, AT, Signed::Body(b"other"), &header));
    }

    #[test]
    fn what_must_not_verify_does_not() {
        let signer = Signer::parse(SECRET).unwrap();
        let holds = |at, now, header: &str| signer.verify(ID, at, now, Signed::Body(BODY), header);
        assert!(holds(AT, AT, SIGNATURE));
        assert!(holds(AT, AT + 300, SIGNATURE) && holds(AT, AT - 300, SIGNATURE));
        assert!(!holds(AT, AT + 301, SIGNATURE) && !holds(AT, AT - 301, SIGNATURE));
        for header in ["", "v1", "v1,", "v1,g0hM9SsE", &SIGNATURE.replace("v1,", "v2,")] {
            assert!(!holds(AT, AT, header), "{header}");
        }
        let among_others = format!(
            "v1,{0} v1,{0} {SIGNATURE} v1,{0}",
            "Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
        );
        assert!(holds(AT, AT, &among_others));
    }

    #[test]
    fn a_get_signs_its_target_under_a_name_of_its_own() {
        let signer = Signer::parse(SECRET).unwrap();
        let target = Signed::Target("/cv?id=1&amount=300");
        let header = signer.sign(ID, AT, target);
        assert!(header.starts_with("v1u,"));
        assert!(signer.verify(ID, AT, AT, target, &header));
        assert!(!signer.verify(ID, AT, AT, Signed::Target("/cv?id=1&amount=900"), &header));
        assert!(!signer.verify(ID, AT, AT, Signed::Body(b"/cv?id=1&amount=300"), &header));
    }

    #[test]
    fn several_secrets_sign_side_by_side() {
        let both = Signer::parse(&format!("{SECRET} whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")).unwrap();
        let header = both.sign(ID, AT, Signed::Body(BODY));
        assert_eq!(header.split(' ').count(), 2);
        assert!(
            Signer::parse(SECRET)
                .unwrap()
                .verify(ID, AT, AT, Signed::Body(BODY), &header)
        );
    }

    #[test]
    fn wrong_secrets_are_refused_with_the_reason() {
        let code = |secret: &str| Signer::parse(secret).err().map(SecretError::code);
        assert_eq!(code("  "), Some("secret_empty"));
        assert_eq!(code("whsec_***"), Some("secret_encoding"));
        assert_eq!(code("whsec_c2hvcnQ="), Some("secret_length"));
        assert_eq!(code("whsk_c2hvcnQ="), Some("secret_key_pair"));
    }

    proptest! {
        #[test]
        fn what_is_signed_verifies(id in "[0-9a-z]{16}", at in 0i64..4_000_000_000, body in any::<Vec<u8>>()) {
            let signer = Signer::parse(SECRET).unwrap();
            let header = signer.sign(&id, at, Signed::Body(&body));
            prop_assert!(signer.verify(&id, at, at, Signed::Body(&body), &header));
        }
    }
}
