//! The one-time set-up token: who reads it at the server may claim the instance.

use super::AdminError;
use super::random::{random_text, sha256_hex};
use parking_lot::Mutex;

/// How long a token is good, milliseconds.
pub const LIFE_MS: i64 = 30 * 60 * 1000;

/// Holds the present token as a hash; a new one replaces it.
#[derive(Debug, Default)]
pub struct SetupTokens {
    current: Mutex<Option<(String, i64)>>,
}

impl SetupTokens {
    /// Makes a token (256 random bits as text) that is good for 30 minutes. It is shown to whoever can
    /// read the server's output or control socket, and nowhere else.
    pub fn issue(&self, now_ms: i64) -> Result<String, AdminError> {
        let token = random_text()?;
        *self.current.lock() = Some((sha256_hex(token.as_bytes()), now_ms + LIFE_MS));
        Ok(token)
    }

    /// Whether the text is the present token. It stays good until it is spent or expires, so that a
    /// mistyped form can be sent again.
    pub fn check(&self, token: Option<&str>, now_ms: i64) -> Result<(), AdminError> {
        let current = self.current.lock();
        let given = token.map(|t| sha256_hex(t.as_bytes()));
        match (&*current, given) {
            (Some((hash, until_ms)), Some(given)) if *hash == given && now_ms < *until_ms => Ok(()),
            _ => Err(AdminError::SetupToken),
        }
    }

    /// Ends the token: the instance has an owner.
    pub fn spend(&self) {
        *self.current.lock() = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_half_an_hour_and_until_the_next_one() {
        let tokens = SetupTokens::default();
        assert!(tokens.check(Some(""), 0).is_err());
        let first = tokens.issue(1000).unwrap();
        assert!(first.len() >= 43, "at least 256 bits");
        assert!(tokens.check(Some(&first), 1000 + LIFE_MS - 1).is_ok());
        assert!(tokens.check(Some(&first), 1000 + LIFE_MS).is_err());
        assert!(tokens.check(None, 1000).is_err());
        let second = tokens.issue(2000).unwrap();
        assert!(tokens.check(Some(&first), 2000).is_err());
        tokens.spend();
        assert!(tokens.check(Some(&second), 2000).is_err());
    }
}
