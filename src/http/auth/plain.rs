//! Signing in without encryption: a password that is typed under a public name can be read on its way. Refused only
//! where nothing speaks for encryption or for a way that strangers do not see; elsewhere the page warns.

use crate::domain::network::is_inner;
use crate::http::State;
use crate::http::client::Client;
use crate::http::host::is_public_name;
use crate::http::problem::ApiError;

/// What is known of the way on which somebody signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Encrypted, as far as the server can tell.
    Encrypted,
    /// Perhaps not; signing in is open all the same.
    Warned,
    /// In the clear through the Internet.
    Refused,
}

/// Judges the way of a request.
pub fn way(state: &State, client: &Client) -> Way {
    let catalog = state.recorder.catalog();
    let config = state.config.now();
    let public = (config.public_url.as_deref()).unwrap_or(&catalog.settings.public_url);
    let is_open = config.admin.allow_http || state.auth.http.is_open(state.now_ms());
    judge(client, public, catalog.users.is_empty() || is_open)
}

fn judge(client: &Client, public_url: &str, is_open: bool) -> Way {
    if client.is_tls {
        return Way::Encrypted;
    }
    let has_public_tls = public_url.to_ascii_lowercase().starts_with("https://");
    let may_be_seen = client.is_tls_known && !is_inner(client.ip);
    if has_public_tls || !may_be_seen || !is_public_name(&client.host) || is_open {
        return Way::Warned;
    }
    Way::Refused
}

/// Refuses to take a password that can be read on its way.
///
/// # Errors
/// [`ApiError::PlainHttp`].
pub fn refuse(state: &State, client: &Client) -> Result<(), ApiError> {
    match way(state, client) {
        Way::Encrypted | Way::Warned => Ok(()),
        Way::Refused => Err(ApiError::PlainHttp {
            host: client
                .host
                .chars()
                .filter(|c| !c.is_control())
                .take(100)
                .collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_strangers_can_read_is_refused() {
        let client = |ip: &str, host: &str| Client {
            ip: ip.parse().unwrap(),
            is_tls: false,
            is_tls_known: true,
            host: host.into(),
            because: crate::http::client::Because::Connection,
        };
        let seen = client("203.0.113.9", "t.example.com");
        for (client, public_url, is_open, expected) in [
            (seen.clone(), "", false, Way::Refused),
            (seen.clone(), "http://t.example.com", false, Way::Refused),
            (seen.clone(), "https://t.example.com", false, Way::Warned),
            (seen.clone(), "", true, Way::Warned),
            (
                Client {
                    is_tls: true,
                    ..seen.clone()
                },
                "",
                false,
                Way::Encrypted,
            ),
            (
                Client {
                    is_tls_known: false,
                    ..seen.clone()
                },
                "",
                false,
                Way::Warned,
            ),
            (client("192.168.1.5", "t.example.com"), "", false, Way::Warned),
            (client("127.0.0.1", "t.example.com:8080"), "", false, Way::Warned),
            (client("203.0.113.9", "203.0.113.1:8080"), "", false, Way::Warned),
            (
                client("203.0.113.9", "[2001:db8::1]:8080"),
                "",
                false,
                Way::Warned,
            ),
            (client("203.0.113.9", "localhost:8080"), "", false, Way::Warned),
            (
                client("2001:db8::9", "T.Example.com.:8080"),
                "",
                false,
                Way::Refused,
            ),
        ] {
            assert_eq!(
                judge(&client, public_url, is_open),
                expected,
                "{client:?} {public_url}"
            );
        }
    }
}
