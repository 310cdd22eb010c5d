//! The optional second factor: time-based codes of an authenticator app (RFC 6238), and recovery codes.

use super::{random_text, sha256_hex};
use crate::domain::account::User;
use crate::domain::ids::UserId;
use crate::http::problem::ApiError;
use parking_lot::Mutex;
use std::collections::HashMap;
use totp_rs::{Builder, Secret, Totp};

/// Recovery codes given out together.
const RECOVERY_CODES: usize = 10;

/// The last time step of each user that was used: a code is good once.
#[derive(Debug, Default)]
pub struct SpentCodes {
    last_step: Mutex<HashMap<UserId, u64>>,
}

/// What was given as a second factor.
#[derive(Debug, PartialEq, Eq)]
pub enum Factor {
    /// None is needed, or the code was good.
    Passed,
    /// A recovery code was good: it must be removed from the user (its hash).
    Recovery(String),
}

fn totp(secret_base32: &str, account: &str) -> Result<Totp, ApiError> {
    let defect = || ApiError::Defect {
        what: "second factor",
    };
    let secret = Secret::try_from_base32(secret_base32).map_err(|_| defect())?;
    // The account stands in the label of the otpauth URL, where a colon separates.
    let builder = Builder::new()
        .with_secret(secret)
        .with_account_name(account.replace(':', "-"))
        .with_issuer(Some("Yamabiko"));
    builder.build().map_err(|_| defect())
}

/// A new secret (base32) and the URL that authenticator apps read from a QR code.
pub fn new_secret(account: &str) -> Result<(String, String), ApiError> {
    let mut bytes = [0; 20];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| ApiError::Defect {
        what: "random numbers",
    })?;
    let secret = Secret::from(bytes).to_base32();
    let url = totp(&secret, account)?.to_url().map_err(|_| ApiError::Defect {
        what: "second factor",
    })?;
    Ok((secret, url))
}

/// New recovery codes and their hashes.
pub fn recovery_codes() -> Result<(Vec<String>, Vec<String>), ApiError> {
    let mut codes = Vec::with_capacity(RECOVERY_CODES);
    for _ in 0..RECOVERY_CODES {
        codes.push(random_text()?.replace(['-', '_'], "x").to_lowercase()[..20].to_owned());
    }
    let hashes = codes.iter().map(|code| sha256_hex(code.as_bytes())).collect();
    Ok((codes, hashes))
}

impl SpentCodes {
    /// Whether a code is good for a secret, once, at a time (unix milliseconds).
    pub fn spend(&self, user: &UserId, secret: &str, code: &str, now_ms: i64) -> Result<bool, ApiError> {
        let seconds = u64::try_from(now_ms / 1000).unwrap_or(0);
        let Some(step) = totp(secret, "x")?.check(code.trim(), seconds) else {
            return Ok(false);
        };
        let mut last_step = self.last_step.lock();
        let last = last_step.entry(user.clone()).or_default();
        let is_fresh = step > *last;
        *last = step.max(*last);
        Ok(is_fresh)
    }

    /// Judges the second factor of a user whose password was right.
    pub fn judge(&self, user: &User, code: Option<&str>, now_ms: i64) -> Result<Factor, ApiError> {
        let Some(secret) = &user.totp_secret else {
            return Ok(Factor::Passed);
        };
        let Some(code) = code.map(str::trim).filter(|c| !c.is_empty()) else {
            return Err(ApiError::SecondFactor);
        };
        if self.spend(&user.id, secret, code, now_ms)? {
            return Ok(Factor::Passed);
        }
        let hash = sha256_hex(code.to_lowercase().as_bytes());
        if user.recovery_codes.contains(&hash) {
            Ok(Factor::Recovery(hash))
        } else {
            Err(ApiError::SecondFactor)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_good_once_and_only_in_its_time() {
        let (secret, url) = new_secret("hanako@example.jp").unwrap();
        assert!(url.starts_with("otpauth://totp/"), "{url}");
        let user: UserId = "hanako".parse().unwrap();
        let now_ms = 1_700_000_000_000;
        let code = totp(&secret, "x").unwrap().generate(1_700_000_000).to_string();
        let spent = SpentCodes::default();
        assert!(!spent.spend(&user, &secret, &code, now_ms + 300_000).unwrap());
        assert!(spent.spend(&user, &secret, &code, now_ms).unwrap());
        assert!(
            !spent.spend(&user, &secret, &code, now_ms).unwrap(),
            "used before"
        );
        assert!(!spent.spend(&user, &secret, "abc", now_ms).unwrap());
    }

    #[test]
    fn recovery_codes_are_kept_as_hashes() {
        let (codes, hashes) = recovery_codes().unwrap();
        assert_eq!((codes.len(), hashes.len()), (RECOVERY_CODES, RECOVERY_CODES));
        assert_eq!(sha256_hex(codes[0].as_bytes()), hashes[0]);
        assert!(codes.iter().all(|c| c.len() == 20));
    }
}
