//! Keys of service accounts (Google's JSON files). Such a key is never sent: in the form of a token endpoint a claim
//! that is signed with it stands in its place (RFC 7523), good for an hour, for the scope that the form names.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::json;

/// How long a claim is good, seconds.
const LIFE_S: i64 = 3600;

/// Why a key cannot sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is not one of these files, or not all of it.
    #[error("the key of the service account cannot be read: paste the whole JSON file")]
    Unreadable,
    /// The form names no scope.
    #[error("the form of the token names no scope")]
    NoScope,
}

#[derive(Deserialize)]
struct Key {
    client_email: String,
    private_key: String,
    #[serde(default)]
    private_key_id: String,
}

/// Whether a secret is such a key.
pub fn is_key(secret: &str) -> bool {
    let text = secret.trim_start();
    text.starts_with('{')
        && serde_json::from_str::<serde_json::Value>(text).is_ok_and(|json| json["type"] == "service_account")
}

/// The scope that the form of a token endpoint names.
pub fn scope_of(form: &str) -> Option<String> {
    let value = form.split('&').find_map(|pair| pair.strip_prefix("scope="))?;
    let value = percent_encoding::percent_decode_str(value).decode_utf8().ok()?;
    (!value.is_empty()).then(|| value.into_owned())
}

/// The signed claim that is asked with at `endpoint`.
///
/// # Errors
/// The key cannot be read, or the form names no scope.
pub fn assertion(key: &str, form: &str, endpoint: &str, now_ms: i64) -> Result<String, KeyError> {
    let scope = scope_of(form).ok_or(KeyError::NoScope)?;
    let key: Key = serde_json::from_str(key).map_err(|_| KeyError::Unreadable)?;
    let pair = key_pair(&key.private_key).ok_or(KeyError::Unreadable)?;
    let now_s = now_ms.div_euclid(1000);
    let mut header = json!({"alg": "RS256", "typ": "JWT"});
    if !key.private_key_id.is_empty() {
        header["kid"] = key.private_key_id.into();
    }
    let claims = json!({"iss": key.client_email, "scope": scope, "aud": endpoint, "iat": now_s, "exp": now_s + LIFE_S});
    let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&header), part(&claims));
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        message.as_bytes(),
        &mut signature,
    )
    .map_err(|_| KeyError::Unreadable)?;
    Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// The key of a PEM text (PKCS #8).
fn key_pair(pem: &str) -> Option<RsaKeyPair> {
    let body = pem.split("-----BEGIN PRIVATE KEY-----").nth(1)?;
    let body = body.split("-----END PRIVATE KEY-----").next()?;
    let text: String = body.split_whitespace().collect();
    RsaKeyPair::from_pkcs8(&STANDARD.decode(text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    const FORM: &str =
        "grant_type=x&scope=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fdatamanager&assertion={secret.key}";

    #[test]
    fn a_claim_is_signed_with_the_key_and_names_what_the_endpoint_wants() {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            STANDARD.encode(der.as_ref())
        );
        let key = json!({"type": "service_account", "client_email": "a@b.example", "private_key": pem,
            "private_key_id": "k1"});
        let key = key.to_string();
        assert!(is_key(&key) && !is_key("1//refresh") && !is_key("{}"));
        let made = assertion(&key, FORM, "https://oauth.example/token", 1_795_845_845_123).unwrap();
        let (message, signature) = made.rsplit_once('.').unwrap();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref().to_vec());
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        public.verify(message.as_bytes(), &signature).unwrap();
        let read = |part: &str| -> serde_json::Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        let (header, claims) = message.split_once('.').unwrap();
        assert_eq!(read(header), json!({"alg": "RS256", "typ": "JWT", "kid": "k1"}));
        let expected = json!({"iss": "a@b.example", "scope": "https://www.googleapis.com/auth/datamanager",
            "aud": "https://oauth.example/token", "iat": 1_795_845_845, "exp": 1_795_849_445});
        assert_eq!(read(claims), expected);
    }

    #[test]
    fn what_cannot_sign_says_why() {
        let broken = json!({"type": "service_account", "client_email": "a@b.example", "private_key": "none"});
        let made = assertion(&broken.to_string(), FORM, "https://oauth.example/token", 0);
        assert_eq!(made, Err(KeyError::Unreadable));
        let made = assertion("{}", "grant_type=x", "https://oauth.example/token", 0);
        assert_eq!(made, Err(KeyError::NoScope));
    }
}
