//! The people of the tests, by the digests that platforms have of them. They are written down here, not computed, so
//! that the product's own hashing is tried against something else.

/// Normal form of what is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Normal {
    /// E-mail in lower case.
    Email,
    /// The same, of Gmail without dots and `+...`.
    EmailGoogle,
    /// Without dots and `+...` of any domain.
    EmailPlain,
    /// Telephone number with `+` and country.
    PhonePlus,
    /// The same without `+`.
    PhoneDigits,
    /// The advertiser's own id of the person.
    External,
}

/// `Taro.Yamada@Example.com`: his address is another one only where every dot goes.
pub const TARO: &str = "b6ebd83922edfa96b0ff9166a958badcc230dd68d2315ddfea22f20eaf05994a";
/// The same without dots.
pub const TARO_PLAIN: &str = "299376bff6dff5474e383d347b3931e368e7db4d8ce55f1075f22bb6a55eaf0f";
/// `Cloudy.Sanfrancisco+shopping@gmail.com`, as it stands.
pub const CLOUDY: &str = "8dd4a9bf850242873c14976125edabc35096192b784626a5641a7d2de56e3c1e";
/// The same as Google sees it.
pub const CLOUDY_GOOGLE: &str = "223ebda6f6889b1494551ba902d9d381daf2f642bae055888e96343d53e9f9c4";
/// `090-1234-5678` as `+819012345678`.
pub const PHONE_PLUS: &str = "3d06a39d40790f11761295e053029378ae28c4b4f6f301693005e079f3d4ca64";
/// The same as `819012345678`.
pub const PHONE_DIGITS: &str = "0ad07193350775c6d4377f8b039d32877e66c69a454ed886b05279771c0fca0b";
/// `member-77`.
pub const EXTERNAL: &str = "519fd8a05e5d063d73f495f7278f59b6f531618ed6dc238f96702a6ee7fd6178";
/// Of nothing: everybody's.
pub const NOBODY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Whether a digest is one that is known, in the normal form that is wanted.
pub fn check(normal: Normal, digest: &str) -> Result<(), &'static str> {
    let known: &[&str] = match normal {
        Normal::Email => &[TARO, CLOUDY],
        Normal::EmailGoogle => &[TARO, CLOUDY_GOOGLE],
        Normal::EmailPlain => &[TARO_PLAIN, CLOUDY_GOOGLE],
        Normal::PhonePlus => &[PHONE_PLUS],
        Normal::PhoneDigits => &[PHONE_DIGITS],
        Normal::External => &[EXTERNAL],
    };
    let is_hex = digest.len() == 64 && digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    match () {
        () if !is_hex => Err("no digest of 64 digits in lower case"),
        () if digest == NOBODY => Err("the digest of nothing"),
        () if !known.contains(&digest) => Err("a digest of another form, or of somebody else"),
        () => Ok(()),
    }
}
