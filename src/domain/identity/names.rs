//! Which fields speak of a person: the names that are documented, those of carts and tags for the same, in any letter
//! case and with any punctuation (`E-Mail`, `email[]`, `user_email`).

use super::digest::{Form, Kind};
use crate::domain::unfilled::is_invisible;
use unicode_normalization::UnicodeNormalization;

/// Longest name that is compared, bytes without punctuation.
const MOST: usize = 40;

/// What a field says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// Who it is; the form where the name says that the value is a digest of it.
    Identifier(Kind, Option<Form>),
    /// `ad_user_data`.
    AdUserData,
    /// `ad_personalization`.
    AdPersonalization,
    /// `consent`: both.
    Consent,
}

/// What a field of this name says; `None` for all other fields. `p_` before a name means the same, and such names are
/// looked at by [`custom`].
pub fn of(name: &str) -> Option<Named> {
    match name.get(..2) {
        Some("p_" | "P_") => exact(&name[2..]),
        _ => exact(name),
    }
}

/// What a field of a request says: as [`of`], and custom ones (`p_NAME`) as [`custom`].
pub fn field(name: &str, value: &str) -> Option<Named> {
    of(name).or_else(|| {
        custom(
            name.strip_prefix("p_").or_else(|| name.strip_prefix("P_"))?,
            value,
        )
    })
}

/// What a custom parameter (`p_NAME`, a member of `callback_params`) says: besides the names of [`of`], all that
/// contain `mail`, `phone` or `tel`, unless the value says yes or no only, or `tel` is a part of another word (`hotel`)
/// and the value no number.
pub fn custom(name: &str, value: &str) -> Option<Named> {
    if !may_speak(name) {
        return None;
    }
    if let Some(named) = exact(name) {
        return Some(named);
    }
    let lower = name.to_lowercase();
    let kind = if lower.contains("mail") || lower.contains("メール") {
        Kind::Email
    } else if lower.contains("phone") || lower.contains("tel") || lower.contains("電話") {
        Kind::Phone
    } else {
        return None;
    };
    let is_word = |word: &str| lower.split(|c: char| !c.is_alphabetic()).any(|part| part == word);
    let is_other_word = kind == Kind::Phone
        && !lower.contains("phone")
        && !lower.contains("電話")
        && !["tel", "telno", "telnum", "telnumber", "usertel", "customertel"]
            .iter()
            .any(|word| is_word(word))
        && value.chars().filter(char::is_ascii_digit).count() < 9;
    let is_answer = matches!(
        value.trim().to_lowercase().as_str(),
        "0" | "1"
            | "y"
            | "n"
            | "yes"
            | "no"
            | "on"
            | "off"
            | "true"
            | "false"
            | "はい"
            | "いいえ"
            | "有"
            | "無"
    );
    (!is_answer && !is_other_word).then_some(Named::Identifier(kind, None))
}

/// What a member of an object in JSON says: as a custom parameter, and by the short names of other tags.
pub fn member(name: &str, value: &str) -> Option<Named> {
    match name {
        "em" => Some(Named::Identifier(Kind::Email, None)),
        "ph" => Some(Named::Identifier(Kind::Phone, None)),
        _ => custom(name, value),
    }
}

/// The documented name of what a field says.
pub fn column(named: Named) -> &'static str {
    match named {
        Named::Identifier(_, Some(form)) => form.as_str(),
        Named::Identifier(kind, None) => kind.as_str(),
        Named::AdUserData => "ad_user_data",
        Named::AdPersonalization => "ad_personalization",
        Named::Consent => "consent",
    }
}

/// Fields that number an order, in lower case: they are no free text.
pub fn is_order_number(name: &str) -> bool {
    let number = name.strip_prefix("content_").unwrap_or(name).strip_prefix("uid");
    matches!(name, "order_id" | "txid" | "deduplication_id")
        || number.is_some_and(|digit| matches!(digit.as_bytes(), [] | [b'1'..=b'8']))
}

/// A quick look, since every parameter of every click is asked: all names hold one of these pairs of letters, or no
/// ASCII.
fn may_speak(name: &str) -> bool {
    let pairs = name.as_bytes().windows(2);
    let is_one = |pair: &[u8]| {
        matches!(
            [pair[0] | 0x20, pair[1] | 0x20],
            [b'm', b'a' | b'o'] | [b'p', b'h'] | [b't', b'e'] | [b'a', b'd'] | [b'c', b'o']
        )
    };
    pairs.into_iter().any(is_one) || !name.is_ascii()
}

fn exact(name: &str) -> Option<Named> {
    if !may_speak(name) {
        return None;
    }
    let mut folded = [0; MOST];
    let mut length = 0;
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' => {}
            b'A'..=b'Z' => {}
            0x80.. => return japanese(name),
            _ => continue,
        }
        *folded.get_mut(length)? = byte.to_ascii_lowercase();
        length += 1;
    }
    ascii(&folded[..length])
}

fn ascii(name: &[u8]) -> Option<Named> {
    let name = std::str::from_utf8(name).ok()?;
    TABLE
        .iter()
        .find(|(names, _)| names.contains(&name))
        .map(|(_, named)| *named)
}

/// Names without punctuation, in lower case.
const TABLE: [(&[&str], Named); 12] = [
    (
        &[
            "email",
            "emails",
            "mail",
            "emailaddress",
            "mailaddress",
            "useremail",
            "usermail",
            "customeremail",
            "customermail",
            "memberemail",
            "buyeremail",
            "billingemail",
            "shippingemail",
            "contactemail",
            "orderemail",
            "userdataemail",
            "userdataemailaddress",
            "emailraw",
            "rawemail",
        ],
        Named::Identifier(Kind::Email, None),
    ),
    (
        &[
            "emailsha256",
            "sha256email",
            "sha256emailaddress",
            "hashedemail",
            "emailhash",
            "emailhashed",
            "userdatasha256emailaddress",
        ],
        Named::Identifier(Kind::Email, Some(Form::EmailSha256)),
    ),
    (
        &["emailgooglesha256"],
        Named::Identifier(Kind::Email, Some(Form::EmailGoogleSha256)),
    ),
    (
        &["emailplainsha256"],
        Named::Identifier(Kind::Email, Some(Form::EmailPlainSha256)),
    ),
    (
        &[
            "phone",
            "phones",
            "tel",
            "telno",
            "telephone",
            "telephonenumber",
            "phonenumber",
            "phoneno",
            "mobile",
            "mobilephone",
            "mobilenumber",
            "userphone",
            "usertel",
            "userphonenumber",
            "customerphone",
            "customertel",
            "customerphonenumber",
            "billingphone",
            "shippingphone",
            "contactphone",
            "userdataphone",
            "userdataphonenumber",
        ],
        Named::Identifier(Kind::Phone, None),
    ),
    (
        &[
            "phonesha256",
            "sha256phone",
            "sha256phonenumber",
            "hashedphone",
            "hashedphonenumber",
            "phonehash",
            "phonee164sha256",
            "userdatasha256phonenumber",
        ],
        Named::Identifier(Kind::Phone, Some(Form::PhoneE164Sha256)),
    ),
    (
        &["phonedigitssha256"],
        Named::Identifier(Kind::Phone, Some(Form::PhoneDigitsSha256)),
    ),
    (
        &["externalid", "externaluserid", "userdataexternalid"],
        Named::Identifier(Kind::ExternalId, None),
    ),
    (
        &["externalidsha256", "hashedexternalid", "externalidhash"],
        Named::Identifier(Kind::ExternalId, Some(Form::ExternalIdSha256)),
    ),
    (
        &["aduserdata", "consentaduserdata", "aduserdataconsent"],
        Named::AdUserData,
    ),
    (
        &[
            "adpersonalization",
            "adpersonalisation",
            "consentadpersonalization",
            "adpersonalizationconsent",
        ],
        Named::AdPersonalization,
    ),
    (&["consent", "adconsent"], Named::Consent),
];

fn japanese(name: &str) -> Option<Named> {
    let folded: String = name
        .nfkc()
        .filter(|c| !is_invisible(*c) && (c.is_alphanumeric() || *c == 'ー'))
        .collect::<String>()
        .to_lowercase();
    let kind = match folded.as_str() {
        "メールアドレス" | "メール" | "eメール" | "eメールアドレス" | "メアド" => {
            Kind::Email
        }
        "電話番号" | "電話" | "携帯番号" | "携帯電話" | "携帯電話番号" | "携帯" => {
            Kind::Phone
        }
        "外部id" | "顧客id" | "会員id" => Kind::ExternalId,
        "同意" => return Some(Named::Consent),
        // A name in full width.
        ascii_name if ascii_name.is_ascii() => return ascii(ascii_name.as_bytes()),
        _ => return None,
    };
    Some(Named::Identifier(kind, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_case_and_punctuation() {
        let email = Some(Named::Identifier(Kind::Email, None));
        let phone = Some(Named::Identifier(Kind::Phone, None));
        for name in [
            "email",
            "Email",
            "E-MAIL",
            "e_mail",
            "email[]",
            "user[email]",
            "p_email",
            "P_Mail",
            "メールアドレス",
            "ｅｍａｉｌ",
        ] {
            assert_eq!(of(name), email, "{name}");
        }
        for name in ["phone", "TEL", "phone_number", "p_tel", "user.phone", "電話番号"] {
            assert_eq!(of(name), phone, "{name}");
        }
        assert_eq!(of("external_id"), Some(Named::Identifier(Kind::ExternalId, None)));
        assert_eq!(
            of("email_sha256"),
            Some(Named::Identifier(Kind::Email, Some(Form::EmailSha256)))
        );
        assert_eq!(of("consent[ad_user_data]"), Some(Named::AdUserData));
        for name in [
            "sid",
            "uid1",
            "p_plan",
            "mailing",
            "utm_medium",
            "hotel",
            "telegram",
            "external_device_id",
            "cid",
            "",
            "p_",
            "mail_id",
            "phone_model",
        ] {
            assert_eq!(of(name), None, "{name}");
        }
        for form in [
            "email_sha256",
            "email_google_sha256",
            "email_plain_sha256",
            "phone_e164_sha256",
            "phone_digits_sha256",
            "external_id_sha256",
        ] {
            let named: Form = form.parse().unwrap();
            assert_eq!(
                of(form),
                Some(Named::Identifier(named.kind(), Some(named))),
                "{form}"
            );
        }
    }

    #[test]
    fn custom_names_that_contain_a_word_for_it() {
        for (name, value) in [
            ("my_email", "x"),
            ("mail2", "taro"),
            ("home_tel", "03"),
            ("customerPhone2", "090"),
            ("hotel", "090-1234-5678"),
            ("連絡先メール", "x"),
        ] {
            assert!(custom(name, value).is_some(), "{name}={value}");
        }
        for (name, value) in [
            ("hotel", "Inn 7"),
            ("mail_magazine", "yes"),
            ("plan", "a@b.jp"),
            ("tel_ok", "1"),
            ("em", "x"),
        ] {
            assert_eq!(custom(name, value), None, "{name}={value}");
        }
        assert!(member("em", "x").is_some());
    }

    #[test]
    fn the_quick_look_misses_no_name() {
        for (names, named) in TABLE {
            for name in names {
                assert!(may_speak(name), "{name}");
                assert_eq!(of(name), Some(named), "{name}");
            }
        }
        for word in ["mail", "phone", "tel", "メール", "電話"] {
            assert!(may_speak(word), "{word}");
        }
        for name in ["sid", "cid", "param1", "gclid", "uid1", "label", "sub1"] {
            assert!(!may_speak(name), "{name}");
        }
    }

    #[test]
    fn fields_that_number_an_order() {
        for name in ["uid", "uid1", "content_uid8", "order_id", "txid"] {
            assert!(is_order_number(name), "{name}");
        }
        for name in ["sid", "uid9", "guid", "click_id"] {
            assert!(!is_order_number(name), "{name}");
        }
    }
}
