//! User names and passwords in the URLs of a rule (`https://user:password@host/`). They are refused when a rule is
//! saved; rules that have some from before go on sending them, and nobody is shown them.

use super::finding::{Finding, Severity};
use std::borrow::Cow;

const CODE: &str = "userinfo";

/// Makes an error of every finding about them.
pub(super) fn refuse(findings: &mut [Finding]) {
    for found in findings.iter_mut().filter(|found| found.code == CODE) {
        found.severity = Severity::Error;
    }
}

/// The text with `***` in place of what stands before the `@` of each URL.
pub fn without_credentials(text: &str) -> Cow<'_, str> {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, url) = rest.split_at(at + "://".len());
        let end = url
            .find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | ','))
            .unwrap_or(url.len());
        shown.push_str(before);
        rest = match url[..end].rfind('@') {
            Some(at) => {
                shown.push_str("***");
                &url[at..]
            }
            None => url,
        };
    }
    if shown.is_empty() {
        return Cow::Borrowed(text);
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_not_shown() {
        for (text, shown) in [
            (
                "https://u:p%40ss@h.example/?a={sid}",
                "https://***@h.example/?a={sid}",
            ),
            (
                "equal,{country},jp,http://key@h.example\nhttps://i.example/x@y",
                "equal,{country},jp,http://***@h.example\nhttps://i.example/x@y",
            ),
            (
                "https://h.example?mail=a@b.example",
                "https://h.example?mail=a@b.example",
            ),
            ("no address", "no address"),
        ] {
            assert_eq!(without_credentials(text), shown, "{text}");
        }
    }
}
