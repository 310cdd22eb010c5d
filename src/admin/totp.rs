//! The optional second factor: time-based codes of an authenticator app (RFC 6238), and recovery codes.
//!
//! 2026-11-22: a code is good once, and a start does not make it good again: the step of the last one is kept
//! with the user (`User::totp_step`), in the commit of the login that it opens.

use super::AdminError;
use super::random::{random_bytes, random_text, sha256_hex};
use crate::domain::account::User;
use totp_rs::{Builder, Secret, Totp};

/// Recovery codes given out together.
const RECOVERY_CODES: usize = 10;

/// What was given as a second factor.
#[derive(Debug, PartialEq, Eq)]
pub enum Factor {
    /// None is needed.
    Unneeded,
    /// A code was good: its time step must be kept with the user.
    Code(u64),
    /// A recovery code was good: it must be removed from the user (its hash).
    Recovery(String),
}

fn totp(secret_base32: &str, account: &str) -> Result<Totp, AdminError> {
    let defect = || AdminError::Defect {
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
pub fn new_secret(account: &str) -> Result<(String, String), AdminError> {
    let secret = Secret::from(random_bytes::<20>()?).to_base32();
    let url = totp(&secret, account)?.to_url().map_err(|_| AdminError::Defect {
        what: "second factor",
    })?;
    Ok((secret, url))
}

/// New recovery codes and their hashes.
pub fn recovery_codes() -> Result<(Vec<String>, Vec<String>), AdminError> {
    let mut codes = Vec::with_capacity(RECOVERY_CODES);
    for _ in 0..RECOVERY_CODES {
        codes.push(random_text()?.replace(['-', '_'], "x").to_lowercase()[..20].to_owned());
    }
    let hashes = codes.iter().map(|code| sha256_hex(code.as_bytes())).collect();
    Ok((codes, hashes))
}

/// The time step of which a code is, if it is good for a secret at a time (unix milliseconds). Whether it is spent
/// is for the caller to say.
pub fn step(secret: &str, code: &str, now_ms: i64) -> Result<Option<u64>, AdminError> {
    let seconds = u64::try_from(now_ms / 1000).unwrap_or(0);
    Ok(totp(secret, "x")?.check(code.trim(), seconds))
}

/// Judges the second factor of a user whose password was right.
pub fn judge(user: &User, code: Option<&str>, now_ms: i64) -> Result<Factor, AdminError> {
    let Some(secret) = &user.totp_secret else {
        return Ok(Factor::Unneeded);
    };
    let Some(code) = code.map(str::trim).filter(|c| !c.is_empty()) else {
        return Err(AdminError::SecondFactor);
    };
    let Some(secret) = secret.open() else {
        tracing::error!(
            code = "totp_sealed",
            "a code of an authenticator app cannot be checked without the sealing key; a recovery code can"
        );
        return recovery(user, code);
    };
    if let Some(step) = step(secret, code, now_ms)?.filter(|step| *step > user.totp_step) {
        return Ok(Factor::Code(step));
    }
    recovery(user, code)
}

fn recovery(user: &User, code: &str) -> Result<Factor, AdminError> {
    let hash = sha256_hex(code.to_lowercase().as_bytes());
    if user.recovery_codes.contains(&hash) {
        Ok(Factor::Recovery(hash))
    } else {
        Err(AdminError::SecondFactor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample_user() -> User {
        let user = serde_json::json!({
            "id": "hanako", "login": "hanako", "password_hash": "", "role": "owner", "created_at_ms": 0,
        });
        serde_json::from_value(user).unwrap()
    }

    #[test]
    fn a_code_is_good_in_its_time_and_only_after_the_last_one() {
        let (secret, url) = new_secret("hanako@example.jp").unwrap();
        assert!(url.starts_with("otpauth://totp/"), "{url}");
        let now_ms = 1_700_000_000_000;
        let at = |seconds| totp(&secret, "x").unwrap().generate(seconds).to_string();
        let code = at(1_700_000_000);
        let this = 1_700_000_000 / 30;
        assert_eq!(step(&secret, &code, now_ms).unwrap(), Some(this));
        assert_eq!(step(&secret, &code, now_ms + 300_000).unwrap(), None);
        assert_eq!(step(&secret, "abc", now_ms).unwrap(), None);

        let after = |totp_step| User {
            totp_secret: Some(secret.as_str().into()),
            totp_step,
            ..sample_user()
        };
        let judged = |user: &User, code: &str| judge(user, Some(code), now_ms).ok();
        assert_eq!(judged(&after(0), &code), Some(Factor::Code(this)));
        assert_eq!(judged(&after(this), &code), None, "used before");
        let next = at(1_700_000_030);
        assert_eq!(judged(&after(this), &next), Some(Factor::Code(this + 1)));
        assert_eq!(
            judged(&after(this + 1), &code),
            None,
            "earlier than what was used"
        );
        assert_eq!(judge(&sample_user(), None, now_ms).unwrap(), Factor::Unneeded);
    }

    #[test]
    fn recovery_codes_are_kept_as_hashes() {
        let (codes, hashes) = recovery_codes().unwrap();
        assert_eq!((codes.len(), hashes.len()), (RECOVERY_CODES, RECOVERY_CODES));
        assert_eq!(sha256_hex(codes[0].as_bytes()), hashes[0]);
        assert!(codes.iter().all(|c| c.len() == 20));
    }
}
