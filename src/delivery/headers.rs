//! What a postback's request carries beside what its rule says: its id, and its signature.

use super::sign::{Signed, Signer};
use crate::domain::ids::PostbackId;
use crate::domain::postback::{Method, Request};
use crate::domain::template::is_reserved_header;

/// The request with the headers of ours in place of the rule's headers of the same names, signed with the time of the
/// attempt (unix milliseconds).
pub(super) fn with_our_headers(
    id: PostbackId,
    request: &Request,
    signer: Option<&Signer>,
    at_ms: i64,
) -> Request {
    let mut request = request.clone();
    request.headers.retain(|(name, _)| !is_reserved_header(name));
    let id = id.to_string();
    if let Some(signer) = signer {
        let at_s = at_ms.div_euclid(1_000);
        let target = target_of(&request.url);
        let signed = match request.method {
            Method::Post => Signed::Body(request.body.as_deref().unwrap_or("").as_bytes()),
            Method::Get => Signed::Target(&target),
        };
        let signature = signer.sign(&id, at_s, signed);
        request
            .headers
            .push(("webhook-timestamp".into(), at_s.to_string()));
        request.headers.push(("webhook-signature".into(), signature));
    }
    request.headers.push(("webhook-id".into(), id));
    request
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
    use crate::wire::testing::get;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
        let (_, value) = request.headers.iter().find(|(n, _)| n == name)?;
        Some(value)
    }

    #[test]
    fn our_headers_take_the_place_of_the_rules() {
        let id = PostbackId::new(7, 7);
        let rule = Request {
            headers: vec![
                ("X-Api-Key".into(), "k1".into()),
                ("Host".into(), "evil.example".into()),
                ("Webhook-Id".into(), "mine".into()),
            ],
            ..get("http://a.example/".into())
        };
        let sent = with_our_headers(id, &rule, None, 0);
        let expected = vec![
            ("X-Api-Key".into(), "k1".into()),
            ("webhook-id".to_owned(), id.to_string()),
        ];
        assert_eq!(sent.headers, expected);
    }

    #[test]
    fn requests_are_signed_with_the_time_of_the_attempt() {
        let signer = Signer::parse(SECRET).unwrap();
        let body = r#"{"媒体":"1"}"#;
        let get = get("http://a.example/get?a=1#z".into());
        let post = Request {
            method: Method::Post,
            body: Some(body.into()),
            ..get.clone()
        };
        let id = PostbackId::new(1, 1);
        for (request, signed) in [
            (&post, Signed::Body(body.as_bytes())),
            (&get, Signed::Target("/get?a=1")),
        ] {
            let sent = with_our_headers(id, request, Some(&signer), 1_763_000_000_999);
            let at: i64 = header(&sent, "webhook-timestamp").unwrap().parse().unwrap();
            assert_eq!(at, 1_763_000_000);
            let signature = header(&sent, "webhook-signature").unwrap();
            assert!(signer.verify(&id.to_string(), at, at, signed, signature));
        }
    }

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
