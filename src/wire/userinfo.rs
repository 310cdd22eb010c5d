//! Credentials in a URL (`https://user:password@host/`): sent as Basic authentication (RFC 7617), as other clients do,
//! and shown nowhere.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::borrow::Cow;

/// What stands before the `@` of a URL, percent-encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Userinfo<'a>(&'a str);

impl<'a> Userinfo<'a> {
    /// The URL without its credentials, and these.
    pub(super) fn split(url: &'a str) -> (Cow<'a, str>, Option<Self>) {
        let Some((start, end)) = range(url) else {
            return (url.into(), None);
        };
        let without = format!("{}{}", &url[..start], &url[end + 1..]);
        (without.into(), Some(Self(&url[start..end])))
    }

    /// The value of the header `Authorization`.
    pub(super) fn basic(self) -> String {
        let (user, password) = self.0.split_once(':').unwrap_or((self.0, ""));
        let mut pair: Vec<u8> = percent_encoding::percent_decode_str(user).collect();
        pair.push(b':');
        pair.extend(percent_encoding::percent_decode_str(password));
        format!("Basic {}", BASE64.encode(pair))
    }
}

/// The URL as it is shown: with `***` in place of its credentials.
pub fn masked(url: &str) -> String {
    match range(url) {
        Some((start, end)) => format!("{}***{}", &url[..start], &url[end..]),
        None => url.to_owned(),
    }
}

/// Where the credentials begin, and where the `@` behind them is.
fn range(url: &str) -> Option<(usize, usize)> {
    let start = url.find("://")? + 3;
    let authority = url[start..]
        .find(['/', '?', '#'])
        .map_or(url.len(), |at| start + at);
    let end = start + url[start..authority].rfind('@')?;
    Some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_taken_out_and_decoded() {
        for (url, without, header, shown) in [
            (
                "http://user:p%40ss@h.example/a?b=c@d",
                "http://h.example/a?b=c@d",
                Some("Basic dXNlcjpwQHNz"),
                "http://***@h.example/a?b=c@d",
            ),
            (
                "https://key@h.example",
                "https://h.example",
                Some("Basic a2V5Og=="),
                "https://***@h.example",
            ),
            (
                "http://h.example/@x",
                "http://h.example/@x",
                None,
                "http://h.example/@x",
            ),
            (
                "http://h.example?x=a@b",
                "http://h.example?x=a@b",
                None,
                "http://h.example?x=a@b",
            ),
        ] {
            let (found, userinfo) = Userinfo::split(url);
            assert_eq!(found, without, "{url}");
            assert_eq!(userinfo.map(Userinfo::basic).as_deref(), header, "{url}");
            assert_eq!(masked(url), shown, "{url}");
        }
    }
}
