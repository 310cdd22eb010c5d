//! Signatures of postbacks after the Standard Webhooks specification, and an extension for GET.
//!
//! * POST: `v1`, HMAC-SHA256 over `{id}.{unix seconds}.{body}`.
//! * GET: `v1u`, HMAC-SHA256 over `{id}.{unix seconds}.{request target}`, since the URL carries the data and
//!   the body is empty. An extension of ours, hence a name of its own: a receiver that only knows `v1` must
//!   not take it for one.
//! * A rule's secret may hold several secrets separated by white space: the request carries one signature
//!   each, so a receiver can change over without a gap.

use crate::domain::signing::{self, Secret, SecretError};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// How far the timestamp of a request may be off, either way (seconds).
pub const TOLERANCE_S: i64 = 300;

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
    /// Reads one or more secrets as [`crate::domain::signing`] says.
    pub fn parse(secrets: &str) -> Result<Self, SecretError> {
        let secrets = signing::parse(secrets).map_err(|misplaced| misplaced.error)?;
        let keys = secrets.into_iter().map(key).collect::<Result<_, _>>()?;
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

fn key(secret: Secret) -> Result<Key, SecretError> {
    match secret {
        Secret::Hmac(bytes) => Ok(Key::Hmac(Box::new(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))),
        Secret::Ed25519 { seed, public } => Ed25519KeyPair::from_seed_and_public_key(&seed, &public)
            .map(|pair| Key::Ed25519(Box::new(pair)))
            .map_err(|_| SecretError::KeyPair),
    }
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
    fn a_key_pair_whose_halves_do_not_belong_together_is_refused() {
        let pair = format!("whsk_{}", BASE64.encode([7; 64]));
        assert_eq!(Signer::parse(&pair).err(), Some(SecretError::KeyPair));
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
