//! Telephone numbers in the forms that platforms hash: E.164, and the same digits without `+`.
//!
//! How long numbers are is known of Japan and North America only; elsewhere the bounds of E.164 hold. A prefix that
//! is dialled within a country only (the first 0 of `090`) goes, where the country has one.

use super::digest::{Digest, Form};
use super::{Unusable, half_width};

/// Shortest and longest number with its country (E.164), digits.
const DIGITS: std::ops::RangeInclusive<usize> = 8..=15;

/// The digests of a number; `country` is the code of numbers that come without one.
pub(super) fn digests(text: &str, country: &str) -> Result<Vec<Digest>, Unusable> {
    let digits = normal(text, country)?;
    Ok(vec![
        Digest::of(Form::PhoneE164Sha256, &format!("+{digits}")),
        Digest::of(Form::PhoneDigitsSha256, &digits),
    ])
}

/// Country and number, digits only.
pub(super) fn normal(text: &str, country: &str) -> Result<String, Unusable> {
    let text = half_width(text).to_lowercase();
    let number = without_extension(without_label(text.trim()));
    let (digits, has_plus) = digits(number)?;
    if digits.len() < 4 {
        return Err(Unusable::TooShort);
    }
    if has_plus {
        return international(digits.strip_prefix("00").unwrap_or(&digits));
    }
    // Dialled from within the country to another: 010 in Japan, 011 in North America, 00 nearly everywhere.
    let exit = match country {
        "81" => "010",
        "1" => "011",
        _ => "00",
    };
    if let Some(abroad) = digits.strip_prefix(exit) {
        return international(abroad);
    }
    match national(&digits, country) {
        Ok(number) => Ok(format!("{country}{number}")),
        Err(fault) => with_country(&digits, country).ok_or(fault),
    }
}

/// A number that begins with the given country without `+`, or with `00` before it (`0081 90 ...`), which people
/// write even where another prefix is dialled.
fn with_country(digits: &str, country: &str) -> Option<String> {
    let rest = digits
        .strip_prefix("00")
        .unwrap_or(digits)
        .strip_prefix(country)?;
    let number = national(rest, country).ok()?;
    Some(format!("{country}{number}"))
}

/// Without `tel:` and the like before it.
fn without_label(text: &str) -> &str {
    let labels = ["telephone", "tel", "phone", "mobile", "電話番号", "電話", "携帯"];
    let bare = labels.iter().find_map(|label| text.strip_prefix(label));
    bare.map_or(text, |rest| rest.trim_start_matches([':', '.', ' ', '=']))
}

/// Without the extension (内線) behind it.
fn without_extension(text: &str) -> &str {
    let marks = ["内線", "ext", "x", "#", ";", "extension"];
    let end = marks
        .iter()
        .filter_map(|mark| text.find(mark))
        .min()
        .unwrap_or(text.len());
    text[..end].trim_end_matches(['(', '[', ',', ' ', '-'])
}

/// The digits of a number, and whether a `+` stands before them.
fn digits(text: &str) -> Result<(String, bool), Unusable> {
    let (mut digits, mut has_plus) = (String::new(), false);
    for c in text.chars() {
        match c {
            '0'..='9' => digits.push(c),
            '+' if digits.is_empty() && !has_plus => has_plus = true,
            '-' | '(' | ')' | '[' | ']' | '.' | '/' | '~' | '・' | 'ー' | '−' | '─' | '━' => {}
            '\u{2010}'..='\u{2015}' => {}
            c if c.is_whitespace() => {}
            _ => return Err(Unusable::NoPhone),
        }
    }
    Ok((digits, has_plus))
}

fn international(digits: &str) -> Result<String, Unusable> {
    let Some(country) = country_of(digits) else {
        return Err(Unusable::NoPhone);
    };
    let number = national(&digits[country.len()..], country)?;
    Ok(format!("{country}{number}"))
}

/// A number within its country, without the prefix of calls within it.
fn national<'d>(digits: &'d str, country: &str) -> Result<&'d str, Unusable> {
    let trunk = trunk(country);
    let number = digits
        .strip_prefix(trunk)
        .filter(|_| !trunk.is_empty())
        .unwrap_or(digits);
    let first = number.bytes().next().unwrap_or(b'0');
    match (country, number.len()) {
        ("81", ..9) | ("1", ..10) => Err(Unusable::TooShort),
        ("81", 9) if first != b'0' => Ok(number),
        ("81", 10) if matches!(first, b'2' | b'5'..=b'9') => Ok(number),
        ("1", 10) if first >= b'2' => Ok(number),
        ("81" | "1", _) => Err(Unusable::NoPhone),
        (_, len) if country.len() + len < *DIGITS.start() => Err(Unusable::TooShort),
        (_, len) if country.len() + len > *DIGITS.end() => Err(Unusable::TooLong),
        (_, _) if first == b'0' && !matches!(country, "39" | "378" | "379") => Err(Unusable::NoPhone),
        (_, _) => Ok(number),
    }
}

/// What is dialled before a number within its country.
fn trunk(country: &str) -> &'static str {
    match country {
        "1" => "1",
        "7" => "8",
        "36" => "06",
        // None; where a number begins with 0, it belongs to it.
        "30" | "34" | "39" | "45" | "47" | "48" | "52" | "65" | "351" | "352" | "354" | "356" | "357"
        | "371" | "372" | "378" | "379" | "420" | "852" | "853" => "",
        _ => "0",
    }
}

/// The country that a number in international form begins with.
fn country_of(digits: &str) -> Option<&str> {
    let two = digits.get(..2)?;
    let length = match two {
        _ if digits.starts_with(['1', '7']) => 1,
        "20" | "27" | "30" | "31" | "32" | "33" | "34" | "36" | "39" | "40" | "41" | "43" | "44" | "45"
        | "46" | "47" | "48" | "49" | "51" | "52" | "53" | "54" | "55" | "56" | "57" | "58" | "60" | "61"
        | "62" | "63" | "64" | "65" | "66" | "81" | "82" | "84" | "86" | "90" | "91" | "92" | "93" | "94"
        | "95" | "98" => 2,
        _ if digits.starts_with('0') => return None,
        _ => 3,
    };
    digits.get(..length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_examples() {
        for (text, e164, digits) in [
            (
                "090-1234-5678",
                "3d06a39d40790f11761295e053029378ae28c4b4f6f301693005e079f3d4ca64",
                "0ad07193350775c6d4377f8b039d32877e66c69a454ed886b05279771c0fca0b",
            ),
            ("090-0123-4567", "c9fb9ae95bff879c", "cd2dbbd268a16574"),
            ("+15554441234", "e5b124c58580eb16", ""),
            ("+44 844 412 4653", "", "dc008fda46e2e640"),
        ] {
            let found = super::digests(text, "81").unwrap();
            assert!(
                found[0].hex().starts_with(e164) && found[1].hex().starts_with(digits),
                "{text}"
            );
        }
    }

    #[test]
    fn numbers_of_japan_in_every_spelling() {
        for text in [
            "09012345678",
            "090-1234-5678",
            "０９０−１２３４−５６７８",
            "０９０ー１２３４ー５６７８",
            "090(1234)5678",
            "090 1234 5678",
            "+81 (0)90-1234-5678",
            "+81 (0)90 1234 5678",
            "＋８１９０１２３４５６７８",
            "+8109012345678",
            "010-81-90-1234-5678",
            "0081-90-1234-5678",
            "0081 (0)90 1234 5678",
            "+0081 90 1234 5678",
            "819012345678",
            "81-090-1234-5678",
            "9012345678",
            "tel:+81-90-1234-5678",
            "TEL：090-1234-5678",
            "携帯 090-1234-5678",
            "090-1234-5678 内線12",
            "090-1234-5678 (内線 12)",
            "090-1234-5678 ext. 12",
            "090-1234-5678x12",
            "tel:+819012345678;ext=12",
            "\u{200e}090-1234-5678",
        ] {
            assert_eq!(normal(text, "81").as_deref(), Ok("819012345678"), "{text}");
        }
        for (text, expected) in [
            ("03-1234-5678", "81312345678"),
            ("(03)1234-5678", "81312345678"),
            ("0312345678", "81312345678"),
            ("312345678", "81312345678"),
            ("0120-123-456", "81120123456"),
            ("050-1234-5678", "815012345678"),
            ("0800-123-4567", "818001234567"),
            ("060-1234-5678", "816012345678"),
        ] {
            assert_eq!(normal(text, "81").as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn numbers_of_elsewhere() {
        for (text, country, expected) in [
            ("(555) 444-1234", "1", "15554441234"),
            ("1-555-444-1234", "1", "15554441234"),
            ("011 81 90 1234 5678", "1", "819012345678"),
            ("0844 412 4653", "44", "448444124653"),
            ("+44 (0)844 412 4653", "81", "448444124653"),
            ("06 698 12345", "39", "390669812345"),
            ("0081 90 1234 5678", "49", "819012345678"),
            ("010-1234-5678", "82", "821012345678"),
            ("8 912 345-67-89", "7", "79123456789"),
            ("6123 4567", "65", "6561234567"),
        ] {
            assert_eq!(normal(text, country).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_told_without_it() {
        for (text, expected) in [
            ("12", Unusable::TooShort),
            ("090-1234", Unusable::TooShort),
            ("110", Unusable::TooShort),
            ("1-800-FLOWERS", Unusable::NoPhone),
            ("090-1234-56789", Unusable::NoPhone),
            ("+0 90 1234 5678", Unusable::NoPhone),
            ("090-1234-5678 / 03-1234-5678", Unusable::NoPhone),
            ("なし", Unusable::NoPhone),
            ("010-4727757", Unusable::TooShort),
            ("00000000000", Unusable::NoPhone),
            ("+99912345678901234567", Unusable::TooLong),
            ("+8190", Unusable::TooShort),
        ] {
            assert_eq!(normal(text, "81"), Err(expected), "{text}");
        }
    }
}
