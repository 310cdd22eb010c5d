//! Sealing: secrets of the configuration are stored encrypted with a key that stands outside the data directory, so
//! that a backup alone reveals none. In memory they are open.
//!
//! AES-256-GCM with a random nonce; what a sealed text belongs to is authenticated with it, so that it cannot be moved
//! to another place. The key file has one key a line, 32 bytes in base64 (`openssl rand -base64 32`): the first one
//! seals, all of them open, so that a key can be changed without a gap.

use crate::domain::secret::{SEALED, SecretText};
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::fmt;
use std::path::Path;

const KEY_BYTES: usize = 32;
/// Keys that one file may have.
const MOST_KEYS: usize = 8;

/// The keys at hand. Without any, secrets are stored as they are.
#[derive(Default)]
pub struct Sealing {
    keys: Vec<RandomizedNonceKey>,
    problem: Option<String>,
}

impl fmt::Debug for Sealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealing({} keys)", self.keys.len())
    }
}

impl Sealing {
    /// Reads a key file. What is wrong with it is kept as a sentence: the server runs all the same.
    pub fn read(file: &Path, data_dir: &Path) -> Self {
        match keys(file, data_dir) {
            Ok(keys) => Self { keys, problem: None },
            Err(why) => Self {
                keys: Vec::new(),
                problem: Some(format!(
                    "the sealing key {} cannot be used: {why}",
                    file.display()
                )),
            },
        }
    }

    /// With one key.
    pub(super) fn with(key: &[u8; KEY_BYTES]) -> Self {
        Self {
            keys: RandomizedNonceKey::new(&AES_256_GCM, key).into_iter().collect(),
            problem: None,
        }
    }

    /// Why there is no key although there should be one.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Whether new secrets are sealed.
    pub fn is_on(&self) -> bool {
        !self.keys.is_empty()
    }

    /// The form in which a secret of `place` is stored.
    pub fn seal(&self, secret: &SecretText, place: &str) -> SecretText {
        let (Some(key), SecretText::Open(text)) = (self.keys.first(), secret) else {
            return secret.clone();
        };
        let mut bytes = text.clone().into_bytes();
        match key.seal_in_place_append_tag(Aad::from(place.as_bytes()), &mut bytes) {
            Ok(nonce) => {
                let whole = [&nonce.as_ref()[..], &bytes].concat();
                SecretText::Sealed(format!("{SEALED}{}", BASE64.encode(whole)))
            }
            // Only the system's random numbers can fail here; what is not sealed works, and is sealed at the next start.
            Err(_) => {
                tracing::error!(
                    code = "seal_failed",
                    place,
                    "a secret could not be sealed and is stored open"
                );
                secret.clone()
            }
        }
    }

    /// Bytes that open only with the key, as part of `place`; `None` without a key.
    pub fn seal_bytes(&self, mut bytes: Vec<u8>, place: &str) -> Option<Vec<u8>> {
        let key = self.keys.first()?;
        let nonce = key
            .seal_in_place_append_tag(Aad::from(place.as_bytes()), &mut bytes)
            .ok()?;
        Some([&nonce.as_ref()[..], &bytes].concat())
    }

    /// What [`Sealing::seal_bytes`] sealed, if one of the keys opens it.
    pub fn open_bytes(&self, whole: &[u8], place: &str) -> Option<Vec<u8>> {
        let (nonce, sealed) = whole.split_first_chunk::<NONCE_LEN>()?;
        self.keys.iter().find_map(|key| {
            let mut bytes = sealed.to_vec();
            let opened = key.open_in_place(Nonce::from(nonce), Aad::from(place.as_bytes()), &mut bytes);
            opened.ok().map(|open| open.to_vec())
        })
    }

    /// The open form of a stored secret of `place`, if a key opens it, and whether the first one did.
    pub fn open(&self, secret: &SecretText, place: &str) -> (SecretText, bool) {
        let SecretText::Sealed(stored) = secret else {
            return (secret.clone(), !self.is_on());
        };
        let whole = stored
            .strip_prefix(SEALED)
            .and_then(|text| BASE64.decode(text).ok());
        let whole = whole.unwrap_or_default();
        let Some((nonce, sealed)) = whole.split_first_chunk::<NONCE_LEN>() else {
            return (secret.clone(), true);
        };
        for (n, key) in self.keys.iter().enumerate() {
            let mut bytes = sealed.to_vec();
            let nonce = Nonce::from(nonce);
            let opened = key.open_in_place(nonce, Aad::from(place.as_bytes()), &mut bytes);
            if let Some(text) = opened.ok().and_then(|text| String::from_utf8(text.to_vec()).ok()) {
                return (SecretText::Open(text), n == 0);
            }
        }
        (secret.clone(), true)
    }
}

fn keys(file: &Path, data_dir: &Path) -> Result<Vec<RandomizedNonceKey>, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{error}"))?;
    let inside = |file: &Path| {
        let (file, dir) = (file.canonicalize().ok()?, data_dir.canonicalize().ok()?);
        Some(file.starts_with(dir))
    };
    if inside(file) == Some(true) {
        return Err(
            "it stands in the data directory, so every backup of that would hold it; move it elsewhere"
                .into(),
        );
    }
    let lines = text.lines().map(str::trim);
    let lines: Vec<&str> = lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    if lines.is_empty() || lines.len() > MOST_KEYS {
        return Err(format!(
            "it must hold 1 to {MOST_KEYS} keys, one a line; `openssl rand -base64 32` makes one"
        ));
    }
    let key = |line: &&str| {
        let bytes = BASE64.decode(line).ok().filter(|bytes| bytes.len() == KEY_BYTES);
        let key = bytes.and_then(|bytes| RandomizedNonceKey::new(&AES_256_GCM, &bytes).ok());
        key.ok_or_else(|| {
            "a line is no key of 32 bytes in base64; `openssl rand -base64 32` makes one".to_owned()
        })
    };
    lines.iter().map(key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealing(dir: &Path, keys: &[[u8; KEY_BYTES]]) -> Sealing {
        let file = dir.join("key");
        let lines: Vec<String> = keys.iter().map(|key| BASE64.encode(key)).collect();
        std::fs::write(&file, format!("# made today\n{}\n", lines.join("\n"))).unwrap();
        Sealing::read(&file, &dir.join("data"))
    }

    #[test]
    fn what_is_sealed_opens_with_its_key_in_its_place_only() {
        let dir = tempfile::tempdir().unwrap();
        let (old, both) = (
            sealing(dir.path(), &[[1; 32]]),
            sealing(dir.path(), &[[2; 32], [1; 32]]),
        );
        let open = SecretText::from("hush-hush");
        let sealed = old.seal(&open, "rule r1");
        assert!(sealed.is_sealed() && !sealed.as_stored().contains("hush"));
        assert_ne!(sealed, old.seal(&open, "rule r1"), "each time another nonce");
        assert_eq!(SecretText::from(sealed.as_stored()), sealed, "as it is read");
        assert_eq!(old.open(&sealed, "rule r1"), (open.clone(), true));
        assert_eq!(
            both.open(&sealed, "rule r1"),
            (open.clone(), false),
            "to be sealed anew"
        );
        assert_eq!(old.open(&sealed, "rule r2").0, sealed);
        assert_eq!(Sealing::default().open(&sealed, "rule r1").0, sealed);
        assert_eq!(old.open(&open, "rule r1"), (open.clone(), false), "to be sealed");
        assert_eq!(Sealing::default().open(&open, "x"), (open.clone(), true));
        assert_eq!(Sealing::default().seal(&open, "x"), open);
        assert_eq!(old.seal(&sealed, "x"), sealed, "what is sealed stays");
    }

    #[test]
    fn a_key_file_that_cannot_be_used_is_named_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let good = BASE64.encode([1; 32]);
        for (at, text, why) in [
            ("missing", None, "No such file"),
            ("empty", Some("# nothing\n"), "1 to 8 keys"),
            ("short", Some("c2hvcnQ="), "32 bytes"),
            ("data/key", Some(good.as_str()), "data directory"),
        ] {
            let file = dir.path().join(at);
            if let Some(text) = text {
                std::fs::write(&file, text).unwrap();
            }
            let sealing = Sealing::read(&file, &data);
            let problem = sealing.problem().unwrap();
            assert!(
                problem.contains(at) && problem.contains(why) && !sealing.is_on(),
                "{problem}"
            );
        }
    }
}
