//! Where a request comes from and how the browser sees this server: behind proxies only what trusted ones
//! say counts.

use crate::connection::Asked;
use crate::tracking::client::client_ip;
use actix_web::http::header::{
    HOST, HeaderMap, HeaderName, X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO,
};
use ipnet::IpNet;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

/// Where a request comes from, and why we think so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The caller's own address.
    pub ip: IpAddr,
    /// Whether the connection to the caller (or to the proxy before us) is encrypted.
    pub is_tls: bool,
    /// Whether somebody said so: the connection itself, or a trusted proxy in `X-Forwarded-Proto`.
    pub is_tls_known: bool,
    /// Host and port that the caller asked for.
    pub host: String,
    /// Why the address is what it is.
    pub because: Because,
}

/// Why a caller's address is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// It is that of the connection.
    Connection,
    /// It is that of the connection; forwarded headers of a proxy that is not trusted were ignored.
    UntrustedProxy,
    /// It is that of a trusted proxy, which named nobody.
    SilentProxy,
    /// A trusted proxy named it.
    Proxy,
}

impl Because {
    /// A sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Connection => "it is the address of the connection",
            Self::UntrustedProxy => {
                "it is the address of the connection; the X-Forwarded-For header was ignored, since the address is not in trusted_proxies"
            }
            Self::SilentProxy => "it is the address of a trusted proxy, which sent no X-Forwarded-For header",
            Self::Proxy => "a trusted proxy named it in X-Forwarded-For",
        }
    }
}

impl Client {
    /// `scheme://host[:port]` as the browser sees it.
    pub fn origin(&self) -> String {
        format!("{}://{}", if self.is_tls { "https" } else { "http" }, self.host)
    }
}

/// Judges a request. A peer that is not known (a Unix socket) counts as loopback.
pub fn client<'r>(request: impl Into<Asked<'r>>, trusted: &[IpNet]) -> Client {
    let asked: Asked<'r> = request.into();
    let (head, peer) = (asked.head, asked.head.peer_addr);
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |a| a.ip());
    let mut client = judge(peer, head.headers(), asked.is_tls(), trusted);
    // HTTP/2 names it in the target of the request.
    if client.host.is_empty()
        && let Some(authority) = head.uri.authority()
    {
        client.host = authority.as_str().into();
    }
    client
}

fn judge(peer: IpAddr, headers: &HeaderMap, is_tls: bool, trusted: &[IpNet]) -> Client {
    let text = |name: HeaderName| headers.get(name).and_then(|v| v.to_str().ok());
    let host = text(HOST).unwrap_or_default();
    let forwarded: Vec<&str> = headers
        .get_all(X_FORWARDED_FOR)
        .filter_map(|v| v.to_str().ok())
        .collect();
    let is_proxy = trusted.iter().any(|net| net.contains(&peer.to_canonical()));
    if !is_proxy {
        if !forwarded.is_empty() {
            unbelieved(peer.to_canonical());
        }
        let because = if forwarded.is_empty() {
            Because::Connection
        } else {
            Because::UntrustedProxy
        };
        return Client {
            ip: peer.to_canonical(),
            is_tls,
            is_tls_known: true,
            host: host.into(),
            because,
        };
    }
    // Of several proxies each adds what it saw; the first saw the browser.
    let first = |name| text(name).and_then(|list| list.split(',').map(str::trim).find(|one| !one.is_empty()));
    let because = if forwarded.is_empty() {
        Because::SilentProxy
    } else {
        Because::Proxy
    };
    Client {
        ip: client_ip(peer, &forwarded, trusted),
        is_tls: first(X_FORWARDED_PROTO).map_or(is_tls, |proto| proto.eq_ignore_ascii_case("https")),
        is_tls_known: is_tls || first(X_FORWARDED_PROTO).is_some(),
        host: first(X_FORWARDED_HOST).unwrap_or(host.trim()).into(),
        because,
    }
}

/// Peers of this network that sent forwarded headers and are not trusted: most probably proxies that the settings
/// do not name.
static UNBELIEVED: Mutex<BTreeSet<IpAddr>> = Mutex::new(BTreeSet::new());
/// How many are remembered.
const MOST_UNBELIEVED: usize = 16;

/// Notes a peer whose forwarded headers were ignored. Strangers may send such headers as they like.
fn unbelieved(peer: IpAddr) {
    let is_near = match peer {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local(),
    };
    if !is_near {
        return;
    }
    let mut known = UNBELIEVED.lock();
    if known.len() < MOST_UNBELIEVED && known.insert(peer) {
        tracing::warn!(code = "untrusted_proxy", %peer, "requests come with forwarded headers from an address that trusted_proxies does not name: they are ignored, and all visitors seem to come from there; if it is your proxy, add it to trusted_proxies");
    }
}

/// Proxies that should probably be trusted, of those seen since the start.
pub fn untrusted_proxies(trusted: &[IpNet]) -> Vec<IpAddr> {
    let known = UNBELIEVED.lock();
    let is_trusted = |peer: &IpAddr| trusted.iter().any(|net| net.contains(peer));
    known.iter().copied().filter(|peer| !is_trusted(peer)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    fn headers() -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("host", "10.0.0.5:8080"),
            ("x-forwarded-for", "203.0.113.9, 198.51.100.7"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "t.example.com"),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn forwarded_headers_count_only_from_trusted_proxies() {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        let stranger = judge("192.0.2.1".parse().unwrap(), &headers(), false, &trusted);
        assert_eq!(
            (stranger.ip.to_string().as_str(), stranger.origin().as_str()),
            ("192.0.2.1", "http://10.0.0.5:8080")
        );
        assert_eq!(stranger.because, Because::UntrustedProxy);
        let proxied = judge("10.0.0.1".parse().unwrap(), &headers(), false, &trusted);
        assert_eq!(
            (proxied.ip.to_string().as_str(), proxied.origin().as_str()),
            ("198.51.100.7", "https://t.example.com")
        );
    }

    #[test]
    fn of_two_proxies_the_first_saw_the_browser() {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        let mut headers = headers();
        for (name, value) in [
            ("x-forwarded-proto", "https, http"),
            ("x-forwarded-host", "t.example.com, inner.example"),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let caller = judge("10.0.0.1".parse().unwrap(), &headers, false, &trusted);
        assert_eq!(caller.origin(), "https://t.example.com");
    }
}
