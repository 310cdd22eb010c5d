//! E-mail addresses in the forms that platforms hash.

use super::digest::{Digest, Form};
use super::{Unusable, half_width};

/// Longest address, bytes (RFC 5321).
const MOST_BYTES: usize = 254;
/// Longest part before the `@`, bytes.
const MOST_LOCAL_BYTES: usize = 64;

/// The digests of an address: as it is, by Google's rule, and without dots and `+...` for every domain.
pub(super) fn digests(text: &str) -> Result<Vec<Digest>, Unusable> {
    let normal = normal(text)?;
    let Some((local, domain)) = normal.rsplit_once('@') else {
        return Err(Unusable::NoAtSign);
    };
    let plain = plain(local);
    let usual = Digest::of(Form::EmailSha256, &normal);
    let mut found = vec![usual];
    let mut add = |form, of_form: &str| {
        if of_form == local {
            found.push(Digest { form, ..usual });
        } else if !of_form.is_empty() {
            found.push(Digest::of(form, &format!("{of_form}@{domain}")));
        }
    };
    let is_google = matches!(domain, "gmail.com" | "googlemail.com");
    add(Form::EmailGoogleSha256, if is_google { &plain } else { local });
    add(Form::EmailPlainSha256, &plain);
    Ok(found)
}

/// In lower case, half width and without white space; also of `Name <address>` and `mailto:address`.
fn normal(text: &str) -> Result<String, Unusable> {
    let text = half_width(text);
    let text = text.trim();
    let text = match (text.find('<'), text.rfind('>')) {
        (Some(from), Some(to)) if from < to => &text[from + 1..to],
        _ => text,
    };
    let bare = match text.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case("mailto:") => &text[7..],
        _ => text,
    };
    let normal: String = bare
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect::<String>()
        .to_lowercase()
        // What an input method for Japanese makes of the dot.
        .replace('。', ".");
    let Some((local, domain)) = normal.split_once('@') else {
        return Err(Unusable::NoAtSign);
    };
    if domain.contains('@') {
        return Err(Unusable::NoAtSign);
    }
    if normal.len() > MOST_BYTES || local.len() > MOST_LOCAL_BYTES {
        return Err(Unusable::TooLong);
    }
    let is_odd = |c: char| {
        c.is_control()
            || matches!(
                c,
                '"' | '(' | ')' | ',' | ':' | ';' | '<' | '>' | '[' | ']' | '\\'
            )
    };
    let labels: Vec<&str> = domain.split('.').collect();
    let is_label = |label: &&str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let is_good = !local.is_empty()
        && !normal.contains(is_odd)
        && labels.len() > 1
        && labels.iter().all(is_label)
        && labels
            .last()
            .is_some_and(|last| !last.bytes().all(|b| b.is_ascii_digit()));
    if is_good {
        Ok(normal)
    } else {
        Err(Unusable::NoEmail)
    }
}

fn plain(local: &str) -> String {
    let kept = local.split('+').next().unwrap_or_default();
    kept.chars().filter(|c| *c != '.').collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identity::Identity;

    fn forms(text: &str) -> [Option<String>; 3] {
        let identity = Identity {
            digests: digests(text).unwrap_or_default(),
            ..Identity::default()
        };
        [Form::EmailSha256, Form::EmailGoogleSha256, Form::EmailPlainSha256].map(|form| identity.hex(form))
    }

    fn hash(text: &str) -> Option<String> {
        Some(Digest::of(Form::EmailSha256, text).hex())
    }

    /// Values and digests as the platforms print them.
    #[test]
    fn the_published_examples() {
        let begins =
            |found: &Option<String>, with: &str| found.as_deref().is_some_and(|hex| hex.starts_with(with));
        let [a, _, c] = forms(" Taro.Yamada@Example.com ");
        assert!(begins(
            &a,
            "b6ebd83922edfa96b0ff9166a958badcc230dd68d2315ddfea22f20eaf05994a"
        ));
        assert!(begins(
            &c,
            "299376bff6dff5474e383d347b3931e368e7db4d8ce55f1075f22bb6a55eaf0f"
        ));
        assert_eq!(forms("Taro.Yamada+x@Example.com")[2], c);
        assert!(begins(&forms("Person@Example.com")[0], "542d240129883c01"));
        assert!(begins(&forms("example@example.com")[0], "31c5543c1734d25c"));
        assert!(begins(
            &forms("Cloudy.Sanfrancisco+shopping@gmail.com")[1],
            "223ebda6f6889b14"
        ));
        assert!(begins(&forms("Al.ice+Apple@Example.Com")[2], "ff8d9819fc0e12bf"));
    }

    #[test]
    fn each_form_takes_out_what_its_platforms_do() {
        for (text, a, b, c) in [
            (
                "taro@example.jp",
                "taro@example.jp",
                "taro@example.jp",
                "taro@example.jp",
            ),
            (
                "T.Aro+x@Gmail.com",
                "t.aro+x@gmail.com",
                "taro@gmail.com",
                "taro@gmail.com",
            ),
            (
                "t.aro@googlemail.com",
                "t.aro@googlemail.com",
                "taro@googlemail.com",
                "taro@googlemail.com",
            ),
            (
                "t.aro+x@example.jp",
                "t.aro+x@example.jp",
                "t.aro+x@example.jp",
                "taro@example.jp",
            ),
            (
                "ＴＡＲＯ＠ｅｘａｍｐｌｅ．ｊｐ",
                "taro@example.jp",
                "taro@example.jp",
                "taro@example.jp",
            ),
            (
                "taro＠example。jp",
                "taro@example.jp",
                "taro@example.jp",
                "taro@example.jp",
            ),
            (
                "\u{feff}taro @ example.jp\u{3000}",
                "taro@example.jp",
                "taro@example.jp",
                "taro@example.jp",
            ),
            (
                "Taro Yamada <taro@example.jp>",
                "taro@example.jp",
                "taro@example.jp",
                "taro@example.jp",
            ),
            (
                "MAILTO:taro@example.jp",
                "taro@example.jp",
                "taro@example.jp",
                "taro@example.jp",
            ),
            (
                "a..b.@docomo.ne.jp",
                "a..b.@docomo.ne.jp",
                "a..b.@docomo.ne.jp",
                "ab@docomo.ne.jp",
            ),
            ("太郎@例え.jp", "太郎@例え.jp", "太郎@例え.jp", "太郎@例え.jp"),
        ] {
            assert_eq!(forms(text), [hash(a), hash(b), hash(c)], "{text}");
        }
        // What is left of it would be nobody.
        assert_eq!(forms("+x@gmail.com"), [hash("+x@gmail.com"), None, None]);
    }

    #[test]
    fn what_is_none_is_told_without_it() {
        for (text, expected) in [
            ("taro.example.jp", Unusable::NoAtSign),
            ("taro@x@example.jp", Unusable::NoAtSign),
            ("@example.jp", Unusable::NoEmail),
            ("taro@", Unusable::NoEmail),
            ("taro@localhost", Unusable::NoEmail),
            ("taro@example..jp", Unusable::NoEmail),
            ("taro@-example.jp", Unusable::NoEmail),
            ("taro@192.0.2.1", Unusable::NoEmail),
            ("ta,ro@example.jp", Unusable::NoEmail),
            ("\"ta ro\"@example.jp", Unusable::NoEmail),
            ("taro@exa_mple.jp", Unusable::NoEmail),
        ] {
            assert_eq!(digests(text), Err(expected), "{text}");
        }
        let long = format!("{}@example.jp", "a".repeat(300));
        assert_eq!(digests(&long), Err(Unusable::TooLong));
        let long = format!("taro@{}.jp", "a".repeat(250));
        assert_eq!(digests(&long), Err(Unusable::TooLong));
    }
}
