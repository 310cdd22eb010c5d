//! The headers of a request: the rule's own, those of every request of ours, and the signature.

use crate::delivery::sign::{Signed, Signer};
use crate::domain::ids::PostbackId;
use crate::domain::postback::{Method, Request};
use crate::domain::template::is_reserved_header;
use isahc::http::header::{HeaderName, HeaderValue};

/// The headers of a request that is no postback. Those that are no valid HTTP are left out.
pub(super) fn plain_headers(request: &Request) -> Vec<(HeaderName, HeaderValue)> {
    let own = [("user-agent", concat!("Yamabiko/", env!("CARGO_PKG_VERSION")))];
    let given = request
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    own.into_iter()
        .chain(given)
        .filter_map(|(name, value)| {
            Some((
                HeaderName::from_bytes(name.as_bytes()).ok()?,
                HeaderValue::from_bytes(value.as_bytes()).ok()?,
            ))
        })
        .collect()
}

/// The headers of the request: the rule's own, then ours.
pub(super) fn headers_of(
    id: PostbackId,
    request: &Request,
    signer: Option<&Signer>,
    at_ms: i64,
) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::with_capacity(request.headers.len() + 5);
    let mut push = |name: &str, value: &str| {
        let parsed = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_bytes(value.as_bytes()),
        );
        match parsed {
            (Ok(name), Ok(value)) => headers.push((name, value)),
            _ => tracing::warn!(
                code = "header_unsendable",
                postback = %id,
                name,
                "a header of the rule is not valid HTTP and was left out"
            ),
        }
    };
    let is_own_agent = request
        .headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("user-agent"));
    for (name, value) in &request.headers {
        if !is_reserved_header(name) {
            push(name, value);
        }
    }
    if !is_own_agent {
        push("user-agent", concat!("Yamabiko/", env!("CARGO_PKG_VERSION")));
    }
    let id_text = id.to_string();
    push("webhook-id", &id_text);
    if request.method == Method::Post && request.body.as_ref().is_none_or(String::is_empty) {
        push("content-length", "0");
    }
    if let Some(signer) = signer {
        let at_s = at_ms.div_euclid(1_000);
        let target = target_of(&request.url);
        let signed = match request.method {
            Method::Post => Signed::Body(request.body.as_deref().unwrap_or("").as_bytes()),
            Method::Get => Signed::Target(&target),
        };
        push("webhook-timestamp", &at_s.to_string());
        push("webhook-signature", &signer.sign(&id_text, at_s, signed));
    }
    headers
}

/// Path and query as they stand on the request line: no fragment, `/` when there is no path.
fn target_of(url: &str) -> String {
    let url = url.split('#').next().unwrap_or("");
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    match rest.find(['/', '?']) {
        Some(at) if rest[at..].starts_with('/') => rest[at..].to_owned(),
        Some(at) => format!("/{}", &rest[at..]),
        None => "/".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_that_is_signed_is_the_one_on_the_wire() {
        for (url, target) in [
            ("http://a.example/x?y=1#z", "/x?y=1"),
            ("http://a.example", "/"),
            ("http://a.example?x=1", "/?x=1"),
            ("https://a.example:8443/?u=http://b/", "/?u=http://b/"),
        ] {
            assert_eq!(target_of(url), target, "{url}");
        }
    }
}
