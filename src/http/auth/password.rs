//! Passwords: which are taken, and hashing them without letting anybody spend our memory.
//!
//! Rules after OWASP ASVS 5.0 (6.2): length counts, composition does not; common passwords and words of the
//! product are refused. Argon2id with the crate's defaults (19 MiB, 2 passes, 1 lane), which are OWASP's.

use crate::http::problem::ApiError;
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Semaphore;

/// Fewest characters.
pub const MIN_CHARS: usize = 12;
/// Most characters; beyond it hashing only costs.
pub const MAX_CHARS: usize = 256;
/// Hashes under way at once (19 MiB each).
const AT_ONCE: usize = 2;
/// Callers that may wait for a hash.
const MAY_WAIT: usize = 16;

/// What passwords of twelve characters and more are made of when nobody thinks: a password that is one of
/// these, or one of them repeated or padded with digits and signs, is refused.
const COMMON: &[&str] = &[
    "password",
    "passw0rd",
    "pass",
    "qwerty",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1q2w3e4r",
    "1qaz2wsx",
    "qazwsx",
    "letmein",
    "welcome",
    "admin",
    "administrator",
    "root",
    "login",
    "secret",
    "changeme",
    "default",
    "iloveyou",
    "monkey",
    "dragon",
    "football",
    "baseball",
    "sunshine",
    "princess",
    "superman",
    "batman",
    "master",
    "shadow",
    "trustno",
    "whatever",
    "starwars",
    "abc",
    "abcdef",
    "abcdefgh",
    "abcdefghijkl",
    "test",
    "testing",
    "user",
    "guest",
    "sakura",
    "tokyo",
    "nihon",
    "nippon",
    "doraemon",
    "pokemon",
    "arigatou",
    "konnichiwa",
    "himitsu",
    "yamabiko",
    "postback",
    "tracking",
    "affiliate",
    "conversion",
    "advertiser",
    "owner",
];

/// Refuses what is too short, too long or too common; `login` is the sign-in name that it goes with.
pub fn check(field: &str, password: &str, login: &str) -> Result<(), ApiError> {
    let chars = password.chars().count();
    if chars < MIN_CHARS {
        return Err(ApiError::invalid(
            field,
            "password_too_short",
            format!("use at least {MIN_CHARS} characters; several words in a row are fine"),
        ));
    }
    if chars > MAX_CHARS {
        return Err(ApiError::invalid(
            field,
            "password_too_long",
            format!("use at most {MAX_CHARS} characters"),
        ));
    }
    if is_common(password, login) {
        return Err(ApiError::invalid(
            field,
            "password_common",
            "this password is easily guessed: use several unrelated words instead",
        ));
    }
    Ok(())
}

fn is_common(password: &str, login: &str) -> bool {
    let lower = password.to_lowercase();
    let mut distinct: Vec<char> = lower.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() < 5 {
        return true;
    }
    let is_run = lower
        .as_bytes()
        .windows(2)
        .all(|w| matches!(w[1].wrapping_sub(w[0]), 0 | 1 | 255));
    let name = login.split('@').next().unwrap_or_default().to_lowercase();
    let letters: String = lower.chars().filter(|c| c.is_alphabetic()).collect();
    let is_made_of = |word: &str| {
        !word.is_empty()
            && !letters.is_empty()
            && (letters.replace(word, "").is_empty() || lower.replace(word, "").is_empty())
    };
    // Letters alone are compared, so that `Yamabiko-2026!` is `yamabiko`.
    is_run
        || letters.is_empty()
        || COMMON.iter().any(|word| is_made_of(word))
        || (name.len() >= 3 && is_made_of(&name))
}

/// Hashes with argon2id and a random salt: a PHC string. Takes tens of milliseconds and 19 MiB.
pub fn hash_blocking(password: &str) -> Result<String, ApiError> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|h| h.to_string()).map_err(|_| ApiError::Defect {
        what: "password hashing",
    })
}

/// Whether the password is the one of the hash; a hash that does not parse matches nothing.
pub fn verify_blocking(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}

/// Hashes away from the workers that answer requests, few at once.
#[derive(Debug)]
pub struct Hasher {
    permits: Semaphore,
    waiting: AtomicUsize,
    /// Hash of no known password, compared against when a user does not exist, so that both take as long.
    nobody: String,
}

impl Hasher {
    /// Makes the pool; hashes once.
    pub fn new() -> Result<Self, ApiError> {
        let nobody = hash_blocking(&super::random_text()?)?;
        Ok(Self {
            permits: Semaphore::new(AT_ONCE),
            waiting: AtomicUsize::new(0),
            nobody,
        })
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
        if self.waiting.fetch_add(1, Ordering::AcqRel) >= MAY_WAIT {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            return Err(ApiError::Busy);
        }
        let permit = self.permits.acquire().await;
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        let _permit = permit.map_err(|_| ApiError::Busy)?;
        actix_web::web::block(work).await.map_err(|_| ApiError::Busy)
    }

    /// Hashes a password.
    pub async fn hash(&self, password: String) -> Result<String, ApiError> {
        self.run(move || hash_blocking(&password)).await?
    }

    /// Verifies a password; `None` for the hash takes as long and is always false.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, ApiError> {
        let exists = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        Ok(self.run(move || verify_blocking(&password, &hash)).await? && exists)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_passwords_are_refused_and_long_ones_taken() {
        for (password, code) in [
            ("short", "password_too_short"),
            ("passwordpassword", "password_common"),
            ("Password12345!", "password_common"),
            ("Yamabiko-2026!!", "password_common"),
            ("aaaaaaaaaaaa", "password_common"),
            ("123456789012", "password_common"),
            ("abcdefghijklm", "password_common"),
            ("hanako-hanako-1", "password_common"),
        ] {
            let error = check("password", password, "hanako@example.jp").unwrap_err();
            assert_eq!(error.row().1, code, "{password}");
        }
        for password in [
            "correct horse battery",
            "山の奥で谷が答える午後三時です",
            "tr0ub4dor&3-tr0ub",
        ] {
            assert!(check("password", password, "hanako").is_ok(), "{password}");
        }
        assert!(check("password", &"ab3!é".repeat(52), "x").is_err(), "too long");
    }

    #[test]
    fn a_hash_fits_only_its_password() {
        let hash = hash_blocking("correct horse battery").unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(verify_blocking("correct horse battery", &hash));
        assert!(!verify_blocking("correct horse batterz", &hash));
        assert!(!verify_blocking("x", "no hash"));
    }
}
