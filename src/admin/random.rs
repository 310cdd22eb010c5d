//! Random ids, secrets and the hashes that are kept of secrets.

use super::AdminError;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Random bytes for an id of the longest kind.
const ID_BYTES: usize = 16;

fn fill(bytes: &mut [u8]) -> Result<(), AdminError> {
    aws_lc_rs::rand::fill(bytes).map_err(|_| AdminError::Defect {
        what: "random numbers",
    })
}

/// Random bytes.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], AdminError> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// 256 random bits as text (43 characters of base64url).
pub fn random_text() -> Result<String, AdminError> {
    Ok(URL_SAFE_NO_PAD.encode(random_bytes::<32>()?))
}

/// Lower-case hex of the SHA-256.
pub fn sha256_hex(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The id that was asked for, else a new one.
pub fn given_or_new<T>(given: Option<T>, make: impl FnOnce(&[u8]) -> T) -> Result<T, AdminError> {
    given.map_or_else(|| new_id(make), Ok)
}

/// A new id.
pub fn new_id<T>(make: impl FnOnce(&[u8]) -> T) -> Result<T, AdminError> {
    Ok(make(&random_bytes::<ID_BYTES>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_and_random_texts_have_their_forms() {
        assert_eq!(
            sha256_hex(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        let (a, b) = (random_text().unwrap(), random_text().unwrap());
        assert!(a.len() == 43 && a != b);
    }
}
