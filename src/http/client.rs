//! Where a request comes from and how the browser sees this server: behind proxies only what trusted ones
//! say counts.

use crate::tracking::client::client_ip;
use actix_web::HttpRequest;
use actix_web::http::header::{HOST, HeaderMap};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Who is calling, and why we think so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The caller's own address.
    pub ip: IpAddr,
    /// Whether the connection to the caller (or to the proxy before us) is encrypted.
    pub is_tls: bool,
    /// Host and port that the caller asked for.
    pub host: String,
    /// A sentence that says why the address is what it is.
    pub because: &'static str,
}

impl Caller {
    /// `scheme://host[:port]` as the browser sees it.
    pub fn origin(&self) -> String {
        format!("{}://{}", if self.is_tls { "https" } else { "http" }, self.host)
    }
}

/// Judges a request. A peer that is not known (a Unix socket) counts as loopback.
pub fn caller(request: &HttpRequest, trusted: &[IpNet]) -> Caller {
    let peer = request
        .peer_addr()
        .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |a| a.ip());
    judge(peer, request.headers(), request.app_config().secure(), trusted)
}

fn judge(peer: IpAddr, headers: &HeaderMap, is_tls: bool, trusted: &[IpNet]) -> Caller {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    let host = text(HOST.as_str()).unwrap_or_default();
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .filter_map(|v| v.to_str().ok())
        .collect();
    let is_proxy = trusted.iter().any(|net| net.contains(&peer.to_canonical()));
    if !is_proxy {
        let because = if forwarded.is_empty() {
            "it is the address of the connection"
        } else {
            "it is the address of the connection; the X-Forwarded-For header was ignored, since the address is not in trusted_proxies"
        };
        return Caller {
            ip: peer.to_canonical(),
            is_tls,
            host: host.into(),
            because,
        };
    }
    let because = if forwarded.is_empty() {
        "it is the address of a trusted proxy, which sent no X-Forwarded-For header"
    } else {
        "a trusted proxy named it in X-Forwarded-For"
    };
    Caller {
        ip: client_ip(peer, &forwarded, trusted),
        is_tls: text("x-forwarded-proto").map_or(is_tls, |proto| proto.trim().eq_ignore_ascii_case("https")),
        host: text("x-forwarded-host").unwrap_or(host).trim().into(),
        because,
    }
}

/// IPv6 callers own a /64, so it counts as one address.
pub fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) => {
            let s = v6.segments();
            IpAddr::V6(Ipv6Addr::new(s[0], s[1], s[2], s[3], 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
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
        assert!(stranger.because.contains("ignored"));
        let proxied = judge("10.0.0.1".parse().unwrap(), &headers(), false, &trusted);
        assert_eq!(
            (proxied.ip.to_string().as_str(), proxied.origin().as_str()),
            ("198.51.100.7", "https://t.example.com")
        );
    }
}
