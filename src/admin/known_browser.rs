//! Browsers that signed in before: each keeps a text that names the account and itself, signed by this instance. It
//! opens nothing. Failures of such a browser are counted by themselves, so that strangers who try passwords never
//! keep the owner out (OWASP's device cookies).
//!
//! It stands through a new password and through the end of logins: otherwise an owner under attack who sets a new
//! password would be a stranger to their own server.

use super::AdminError;
use super::random::random_text;
use crate::domain::ids::UserId;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// How long a browser stays known after it last signed in, milliseconds.
pub const KNOWN_MS: i64 = 180 * 24 * 3_600_000;
/// Accounts that one browser is known to.
const MOST_ACCOUNTS: usize = 4;
/// Between the accounts of a text.
const BETWEEN: char = '~';

/// The key of this instance.
pub struct BrowserKey(hmac::Key);

impl std::fmt::Debug for BrowserKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BrowserKey")
    }
}

/// One account of a text.
struct Entry<'a> {
    text: &'a str,
    user: &'a str,
    browser: &'a str,
}

impl BrowserKey {
    /// The key of these bytes, which the instance keeps.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The entries of a text that are ours and not too old.
    fn entries<'a>(&self, text: &'a str, now_ms: i64) -> impl Iterator<Item = Entry<'a>> {
        text.split(BETWEEN).take(MOST_ACCOUNTS).filter_map(move |text| {
            let (signed, tag) = text.rsplit_once('.')?;
            let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
            hmac::verify(&self.0, signed.as_bytes(), &tag).ok()?;
            let mut parts = signed.split('.');
            let (user, browser, until) = (parts.next()?, parts.next()?, parts.next()?);
            (until.parse::<i64>().ok()? > now_ms).then_some(Entry { text, user, browser })
        })
    }

    /// The name of the browser that keeps a text, if it signed in to the account before.
    pub fn known<'a>(&self, text: &'a str, user: &UserId, now_ms: i64) -> Option<&'a str> {
        let mut entries = self.entries(text, now_ms);
        let own = entries.find(|entry| entry.user == user.as_str());
        own.map(|entry| entry.browser)
    }

    /// What a browser keeps that has just signed in to the account; `before` is what it kept.
    pub fn issue(&self, before: Option<&str>, user: &UserId, now_ms: i64) -> Result<String, AdminError> {
        let before = before.unwrap_or_default();
        let browser = match self.known(before, user, now_ms) {
            Some(known) => known.to_owned(),
            None => random_text()?,
        };
        let mut text = format!("{user}.{browser}.{}", now_ms + KNOWN_MS);
        let tag = hmac::sign(&self.0, text.as_bytes());
        text.push('.');
        text.push_str(&URL_SAFE_NO_PAD.encode(tag));
        let others = self
            .entries(before, now_ms)
            .filter(|entry| entry.user != user.as_str());
        for other in others.take(MOST_ACCOUNTS - 1) {
            text.push(BETWEEN);
            text.push_str(other.text);
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str) -> UserId {
        id.parse().unwrap()
    }

    #[test]
    fn a_browser_is_known_to_the_accounts_that_it_signed_in_to_and_by_no_forgery() {
        let (key, hanako, taro) = (BrowserKey::new(&[7; 32]), user("hanako"), user("taro"));
        let text = key.issue(None, &hanako, 0).unwrap();
        let browser = key.known(&text, &hanako, 1).unwrap().to_owned();
        assert_eq!(key.known(&text, &taro, 1), None);
        assert_eq!(key.known(&text, &hanako, KNOWN_MS), None);
        assert_eq!(BrowserKey::new(&[8; 32]).known(&text, &hanako, 1), None);
        let both = key.issue(Some(&text), &taro, 5).unwrap();
        assert_eq!(key.known(&both, &hanako, 6), Some(browser.as_str()));
        assert!(key.known(&both, &taro, 6).is_some());
        let again = key.issue(Some(&both), &hanako, 9).unwrap();
        assert_eq!(key.known(&again, &hanako, KNOWN_MS + 1), Some(browser.as_str()));
        for forged in [
            text.replacen("hanako", "taro", 1),
            text.replace(&browser, "own"),
            format!("{text}x"),
            text.rsplit_once('.').unwrap().0.to_owned(),
            "hanako.x.99999999999999.".into(),
            String::new(),
        ] {
            assert_eq!(key.known(&forged, &hanako, 1), None, "{forged}");
            assert_eq!(key.known(&forged, &taro, 1), None, "{forged}");
        }
    }

    #[test]
    fn a_text_stays_short() {
        let key = BrowserKey::new(&[7; 32]);
        let mut text = String::new();
        for n in 0..50 {
            text = key.issue(Some(&text), &user(&format!("user{n}")), 0).unwrap();
        }
        assert!(text.len() < 800, "{}", text.len());
        assert!(key.known(&text, &user("user49"), 1).is_some());
    }
}
