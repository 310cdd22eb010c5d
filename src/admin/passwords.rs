//! Passwords: which are taken, and hashing them without letting anybody spend our memory.
//!
//! Rules after OWASP ASVS 5.0 (6.2): length counts, composition does not; common passwords and words of the
//! product are refused. Argon2id with the crate's defaults (19 MiB, 2 passes, 1 lane), which are OWASP's.

use super::AdminError;
use super::hash_queue::HashQueue;
pub use super::hash_queue::Lane;
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

/// Fewest characters.
pub const MIN_CHARS: usize = 12;
/// Most characters; beyond it hashing only costs.
pub const MAX_CHARS: usize = 256;

/// Words that whoever attacks this product tries first, beside those that `zxcvbn` knows (30,000 common passwords,
/// names and words of English, with their spellings in figures and signs, runs of keys, dates).
const OWN_WORDS: &[&str] = &[
    "yamabiko",
    "postback",
    "tracking",
    "affiliate",
    "conversion",
    "advertiser",
    "owner",
    "admin",
    "administrator",
    "root",
    "default",
    "guest",
    "test",
    "sakura",
    "tokyo",
    "osaka",
    "nihon",
    "nippon",
    "japan",
    "doraemon",
    "pokemon",
    "arigatou",
    "konnichiwa",
    "himitsu",
    "kanri",
    "koukoku",
    "seika",
];
/// How many guesses have to be needed, as a power of ten: online, where tries are slowed down, and offline against
/// argon2id for whoever has a backup.
const GUESSES_LOG10: f64 = 9.0;

/// Refuses what is too short, too long or too common; `login` is the sign-in name that it goes with.
pub fn check(field: &str, password: &str, login: &str) -> Result<(), AdminError> {
    let chars = password.chars().count();
    if chars < MIN_CHARS {
        return Err(AdminError::invalid(
            field,
            "password_too_short",
            format!("use at least {MIN_CHARS} characters; several words in a row are fine"),
        ));
    }
    if chars > MAX_CHARS {
        return Err(AdminError::invalid(
            field,
            "password_too_long",
            format!("use at most {MAX_CHARS} characters"),
        ));
    }
    if is_common(password, login) {
        return Err(AdminError::invalid(
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
    let letters_of = |text: &str| text.chars().filter(|c| c.is_alphabetic()).collect::<String>();
    let (letters, whole_name) = (letters_of(&lower), letters_of(&login.to_lowercase()));
    let is_made_of = |word: &str| {
        !word.is_empty()
            && !letters.is_empty()
            && (letters.replace(word, "").is_empty() || lower.replace(word, "").is_empty())
    };
    // Letters alone are compared, so that `Yamabiko-2026!` is `yamabiko`.
    is_run
        || letters.is_empty()
        || OWN_WORDS.iter().any(|word| is_made_of(word))
        || (name.len() >= 3 && is_made_of(&name))
        || is_made_of(&whole_name)
        || is_soon_guessed(password, &name)
}

/// Whether few guesses find it. A word that is repeated, padded or spelt in figures is little more than the word.
fn is_soon_guessed(password: &str, name: &str) -> bool {
    let own: Vec<&str> = OWN_WORDS.iter().copied().chain([name]).collect();
    zxcvbn::zxcvbn(password, &own).guesses_log10() < GUESSES_LOG10
}

/// Hashes with argon2id and a random salt: a PHC string. Takes tens of milliseconds and 19 MiB.
pub fn hash_blocking(password: &str) -> Result<String, AdminError> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|h| h.to_string()).map_err(|_| AdminError::Defect {
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
    queue: HashQueue,
    /// Hash of no known password, compared against when a user does not exist, so that both take as long.
    nobody: String,
}

impl Hasher {
    /// Makes the pool; hashes once.
    pub fn new() -> Result<Self, AdminError> {
        let nobody = hash_blocking(&super::random::random_text()?)?;
        Ok(Self {
            queue: HashQueue::default(),
            nobody,
        })
    }

    async fn run<T: Send + 'static>(
        &self,
        lane: Lane,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AdminError> {
        let place = self.queue.place(lane).await?;
        // The place goes with the work: who hangs up does not end a hash that is under way.
        let hashed = tokio::task::spawn_blocking(move || {
            let _place = place;
            work()
        });
        hashed.await.map_err(|_| AdminError::Busy)
    }

    /// Hashes a password.
    pub async fn hash(&self, lane: Lane, password: String) -> Result<String, AdminError> {
        self.run(lane, move || hash_blocking(&password)).await?
    }

    /// Verifies a password; `None` for the hash takes as long and is always false.
    pub async fn verify(
        &self,
        lane: Lane,
        password: String,
        hash: Option<String>,
    ) -> Result<bool, AdminError> {
        let exists = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        Ok(self.run(lane, move || verify_blocking(&password, &hash)).await? && exists)
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
            ("Hanako@example.jp-12", "password_common"),
            ("P@ssw0rd1234", "password_common"),
            ("P@$$w0rd2026!", "password_common"),
            ("p455w0rd!!!!", "password_common"),
            ("drowssap1234", "password_common"),
            ("Qwerty123456", "password_common"),
            ("1qaz2wsx3edc", "password_common"),
            ("qazwsxedcrfv", "password_common"),
            ("zaq12wsxcde3", "password_common"),
            ("1q2w3e4r5t6y", "password_common"),
            ("asdfghjkl123", "password_common"),
            ("iloveyou2026", "password_common"),
            ("ILoveYou!2024", "password_common"),
            ("Welcome12345", "password_common"),
            ("Football2025", "password_common"),
            ("sunshine1234", "password_common"),
            ("Sunsh1ne!!!!", "password_common"),
            ("dragondragon", "password_common"),
            ("monkey123456", "password_common"),
            ("letmeinletmein", "password_common"),
            ("administrator1", "password_common"),
            ("Adm1n1str4t0r", "password_common"),
            ("Y4mab1ko2026!", "password_common"),
            ("S@kura2026!!", "password_common"),
            ("changeme1234", "password_common"),
            ("superman!2026", "password_common"),
            ("michael-1984", "password_common"),
            ("123qwe123qwe", "password_common"),
            ("abc123abc123", "password_common"),
            ("trustno1trustno1", "password_common"),
            ("20261129202611", "password_common"),
        ] {
            let error = check("password", password, "hanako@example.jp").err();
            assert_eq!(error.map(|e| e.code()), Some(code), "{password}");
        }
        for password in [
            "correct horse battery",
            "山の奥で谷が答える午後三時です",
            "tr0ub4dor&3-tr0ub",
            "kX9#mQ2$vL7p",
            "mizu kaze ishi hoshi 7",
            "blau-Zebra-41-Kanne",
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
