//! Device ids: which parameter names are one, and the form in which two of them can be compared.
//!
//! For clicks and app activities alike, so that both sides of a match are written the same way.

use crate::domain::hex::hex;
use aws_lc_rs::digest;
use md5::{Digest, Md5};

/// Names of device ids, without the hashed forms.
pub const NAMES: &[&str] = &[
    "adid",
    "android_id",
    "external_device_id",
    "fire_adid",
    "gps_adid",
    "idfa",
    "idfv",
    "imei",
    "mac",
    "meid",
    "oaid",
    "rida",
    "tifa",
    "vida",
    "web_uuid",
    "win_adid",
    "win_hwid",
    "win_naid",
    "win_udid",
];

/// What a value of a device id is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceId {
    /// Usable, in the form to compare.
    Good(String),
    /// Nothing: empty, all zeros (tracking is limited), or the sender's macro left as it was.
    Absent,
    /// Not of the form that the name promises; never matched.
    Malformed,
}

/// Whether a parameter is a device id: a name of [`NAMES`], or one with `_lower` or `_upper` and a hash
/// (`idfa_md5`, `android_id_upper_sha1`, `gps_adid_lower_md5`, `idfa_md5_hex`).
pub fn is_device_id(name: &str) -> bool {
    NAMES.contains(&name) || hashed(name)
}

fn hashed(name: &str) -> bool {
    let plain = name.strip_suffix("_hex").unwrap_or(name);
    let Some(base) = plain.strip_suffix("_md5").or_else(|| plain.strip_suffix("_sha1")) else {
        return false;
    };
    let base = base
        .strip_suffix("_lower")
        .or_else(|| base.strip_suffix("_upper"))
        .unwrap_or(base);
    NAMES.contains(&base)
}

/// Brings the value of a device id into the form to compare: Apple's ids upper case, all others and every
/// hash lower case, ids that the sender made (`external_device_id`) as they are.
pub fn normalise(name: &str, value: &str) -> DeviceId {
    let value = value.trim();
    let is_macro = value.contains(['{', '}', '[', ']', '<', '>', '%', '$', '#']) || value.starts_with("__");
    let is_zero = value.bytes().all(|b| matches!(b, b'0' | b'-' | b':'));
    let is_word = ["null", "nil", "none", "undefined", "unknown", "n/a"]
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word));
    if is_macro || is_zero || is_word {
        return DeviceId::Absent;
    }
    if hashed(name) {
        let is_hash = matches!(value.len(), 32 | 40) && value.bytes().all(|b| b.is_ascii_hexdigit());
        return good_if(is_hash, value.to_ascii_lowercase());
    }
    match name {
        "idfa" | "idfv" => good_if(is_uuid(value), value.to_ascii_uppercase()),
        "gps_adid" | "fire_adid" | "web_uuid" | "rida" | "tifa" => {
            good_if(is_uuid(value), value.to_ascii_lowercase())
        }
        // The Windows store writes its ids in both cases, and they differ by it.
        "external_device_id" | "win_hwid" => good_if(is_short_token(value), value.to_owned()),
        _ => good_if(is_short_token(value), value.to_ascii_lowercase()),
    }
}

/// One name for the spellings of a hashed id (`idfa_md5`, `idfa_lower_md5`, `idfa_md5_hex`): `idfa:md5`.
pub fn canonical(name: &str) -> String {
    let plain = name.strip_suffix("_hex").unwrap_or(name);
    for hash in ["md5", "sha1"] {
        if let Some(base) = plain.strip_suffix(hash).and_then(|base| base.strip_suffix('_')) {
            let base = base
                .strip_suffix("_lower")
                .or_else(|| base.strip_suffix("_upper"))
                .unwrap_or(base);
            return format!("{base}:{hash}");
        }
    }
    name.to_owned()
}

/// Every form under which the other side can have stored an id: as it is, and for a plain one hashed in the
/// spellings that networks use, for a hash also as made of a plain one. The first is the id itself.
pub fn forms(name: &str, value: &str) -> Vec<(String, String)> {
    let own = canonical(name);
    if own != name {
        return vec![(own.clone(), value.to_owned()), (made(&own), value.to_owned())];
    }
    let mut forms = vec![(own, value.to_owned())];
    if name == "win_hwid" {
        // Until 2026-11-29 it was kept in lower case.
        forms.push((name.to_owned(), value.to_ascii_lowercase()));
    }
    for spelling in [value.to_ascii_lowercase(), value.to_ascii_uppercase()] {
        forms.extend(hashes(name, &spelling));
    }
    forms
}

/// Those of [`forms`] that need no digest: a plain id itself, a hash as it is and as made of a plain id.
pub fn known_forms(name: &str, value: &str) -> Vec<(String, String)> {
    if canonical(name) == name {
        vec![(name.to_owned(), value.to_owned())]
    } else {
        forms(name, value)
    }
}

/// The forms under which an id is stored: as it is, and a plain one hashed as it is ([`normalise`] gives the
/// spelling of its platform), so that a side that knows only the hash finds it. Hashes that we made have names
/// of their own: a side that knows the plain id does not find everything twice.
pub fn stored_forms(name: &str, value: &str) -> Vec<(String, String)> {
    let own = canonical(name);
    let is_plain = own == name;
    let mut forms = vec![(own, value.to_owned())];
    if is_plain {
        forms.extend(hashes(name, value).map(|(name, hash)| (made(&name), hash)));
    }
    forms
}

/// The name of a hash that we made of a plain id.
fn made(canonical: &str) -> String {
    format!("{canonical}:made")
}

fn hashes(name: &str, spelling: &str) -> [(String, String); 2] {
    let sha1 = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, spelling.as_bytes());
    [
        (format!("{name}:md5"), hex(&Md5::digest(spelling.as_bytes()))),
        (format!("{name}:sha1"), hex(sha1.as_ref())),
    ]
}

fn good_if(is_good: bool, value: String) -> DeviceId {
    if is_good {
        DeviceId::Good(value)
    } else {
        DeviceId::Malformed
    }
}

/// 8-4-4-4-12 hexadecimal digits.
fn is_uuid(value: &str) -> bool {
    value.len() == 36
        && value.bytes().enumerate().all(|(n, b)| match n {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

fn is_short_token(value: &str) -> bool {
    value.len() <= 128 && value.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names() {
        for name in [
            "idfa",
            "gps_adid",
            "idfa_md5",
            "idfa_lower_md5",
            "android_id_upper_sha1",
            "idfa_md5_hex",
        ] {
            assert!(is_device_id(name), "{name}");
        }
        for name in [
            "IDFA",
            "idfa_",
            "md5",
            "_md5",
            "param1",
            "idfa_lower",
            "x_md5",
            "",
        ] {
            assert!(!is_device_id(name), "{name}");
        }
    }

    #[test]
    fn values_are_brought_into_form() {
        let good = |text: &str| DeviceId::Good(text.into());
        for (name, value, expected) in [
            (
                "idfa",
                "8c6cbcod-5f43-4765-a6e6-84dff3d24707",
                DeviceId::Malformed,
            ),
            (
                "idfa",
                "8c6cbc0d-5f43-4765-a6e6-84dff3d24707",
                good("8C6CBC0D-5F43-4765-A6E6-84DFF3D24707"),
            ),
            (
                "gps_adid",
                " 8C6CBC0D-5F43-4765-A6E6-84DFF3D24707 ",
                good("8c6cbc0d-5f43-4765-a6e6-84dff3d24707"),
            ),
            ("idfa", "00000000-0000-0000-0000-000000000000", DeviceId::Absent),
            ("android_id", "0000000000000000", DeviceId::Absent),
            ("idfa", "", DeviceId::Absent),
            ("idfa", "{idfa}", DeviceId::Absent),
            ("idfa", "__IDFA__", DeviceId::Absent),
            ("gps_adid", "null", DeviceId::Absent),
            ("gps_adid", "abc", DeviceId::Malformed),
            ("android_id", "9774D56D682E549C", good("9774d56d682e549c")),
            (
                "idfa_md5",
                "D41D8CD98F00B204E9800998ECF8427E",
                good("d41d8cd98f00b204e9800998ecf8427e"),
            ),
            ("idfa_md5", "D41D", DeviceId::Malformed),
            ("external_device_id", "Box-7", good("Box-7")),
            ("adid", "a\u{3000}b", DeviceId::Malformed),
        ] {
            assert_eq!(normalise(name, value), expected, "{name}={value}");
        }
    }

    proptest! {
        #[test]
        fn letter_case_never_keeps_two_ids_apart(value in "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[1-9a-f]{12}") {
            for name in ["idfa", "gps_adid", "adid"] {
                prop_assert_eq!(normalise(name, &value), normalise(name, &value.to_ascii_uppercase()));
            }
        }
    }

    #[test]
    fn hashed_ids_meet_whatever_their_spelling() {
        for name in ["idfa_md5", "idfa_lower_md5", "idfa_upper_md5", "idfa_md5_hex"] {
            assert_eq!(canonical(name), "idfa:md5");
        }
        assert_eq!(canonical("android_id_upper_sha1"), "android_id:sha1");
        assert_eq!(canonical("gps_adid"), "gps_adid");
        let forms = forms("android_id", "9774d56d682e549c");
        let has = |name: &str, value: &str| forms.contains(&(name.to_owned(), value.to_owned()));
        assert!(has("android_id", "9774d56d682e549c"));
        assert!(has("android_id:md5", &hex(&Md5::digest(b"9774d56d682e549c"))));
        assert!(has("android_id:md5", &hex(&Md5::digest(b"9774D56D682E549C"))));
        assert_eq!(forms.len(), 5);
        let of_hash = super::forms("idfa_md5", "ab");
        assert_eq!(of_hash[0], ("idfa:md5".to_owned(), "ab".to_owned()));
    }

    #[test]
    fn digests_are_the_published_ones() {
        let forms = forms("x", "abc");
        assert_eq!(forms[1].1, "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(forms[2].1, "a9993e364706816aba3e25717850c26c9cd0d89d");
    }

    #[test]
    fn a_stored_id_is_found_by_its_hash() {
        for (name, value) in [
            ("idfa", "A1B2C3D4-0000-4000-8000-1234567890AB"),
            ("android_id", "9774d56d682e549c"),
        ] {
            let stored = stored_forms(name, value);
            let sent = hex(&Md5::digest(value.as_bytes()));
            let asked = forms(&format!("{name}_md5"), &sent);
            assert!(stored.iter().any(|form| asked.contains(form)), "{name}");
            let plain = forms(name, value);
            let met = stored.iter().filter(|form| plain.contains(form)).count();
            assert_eq!(met, 1, "{name}: once, by itself");
        }
        assert_eq!(stored_forms("idfa_md5", "ab").len(), 1);
    }
}
