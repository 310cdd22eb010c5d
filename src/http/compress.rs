//! JSON answers of the API, compressed for those who accept it. A list of 200 activities is a few hundred kilobytes of
//! much the same words; on the way to a browser that is most of its waiting.
//!
//! * Only what is whole and JSON: the live stream must arrive event by event, and files go out while they are made.
//! * It is done on the threads that read for operators, so that a click never waits for it.
//! * 2026-11-29: compressed answers leak by their length what stands beside text of an attacker (BREACH). Nobody
//!   else's page can ask for these answers: the cookie is `SameSite=Strict`, and secrets are never shown again.

use super::State;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, VARY,
};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

/// Smaller answers fit into a packet or two as they are.
const LEAST_BYTES: usize = 1400;
/// Of nine steps: the second costs half of the sixth and is a few percent larger.
const LEVEL: u32 = 2;

/// Compresses the answer if it is JSON and the client accepts gzip.
pub async fn json(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let is_accepted = accepts_gzip(request.headers());
    let state = request.app_data::<Data<State>>().cloned();
    let mut answer = next.call(request).await?.map_into_boxed_body();
    let (Some(state), true) = (state, is_json(answer.headers())) else {
        return Ok(answer);
    };
    answer
        .headers_mut()
        .append(VARY, HeaderValue::from_static("Accept-Encoding"));
    if !is_accepted {
        return Ok(answer);
    }
    let (request, answer) = answer.into_parts();
    let (mut answer, body) = answer.into_parts();
    let body = match body.try_into_bytes() {
        Ok(body) if body.len() >= LEAST_BYTES => body,
        Ok(body) => return Ok(ServiceResponse::new(request, answer.set_body(BoxBody::new(body)))),
        Err(body) => return Ok(ServiceResponse::new(request, answer.set_body(body))),
    };
    let plain = body.clone();
    let body = match state.readers.run(move || gzip(&plain)).await {
        Ok(Ok(small)) => {
            answer
                .headers_mut()
                .insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            small
        }
        // Too much waits for a thread: as it is, then.
        Ok(Err(_)) | Err(_) => body,
    };
    Ok(ServiceResponse::new(request, answer.set_body(BoxBody::new(body))))
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
    content_type.is_some_and(|t| t.starts_with("application/json")) && !headers.contains_key(CONTENT_ENCODING)
}

/// Whether a client takes gzip: named, or by `*`, and not with `q=0`.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let items = headers
        .get_all(ACCEPT_ENCODING)
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','));
    let weight = |name: &str| {
        let weights = items.clone().filter_map(|item| {
            let (own, rest) = item.split_once(';').unwrap_or((item, ""));
            let q = rest.trim().strip_prefix("q=").map_or("1", str::trim);
            own.trim()
                .eq_ignore_ascii_case(name)
                .then(|| q.parse::<f32>().unwrap_or(0.0))
        });
        weights.last()
    };
    weight("gzip").or_else(|| weight("*")).is_some_and(|q| q > 0.0)
}

fn gzip(plain: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::new(LEVEL));
    encoder.write_all(plain)?;
    encoder.finish().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_accepted_by_name_or_star_unless_its_weight_is_zero() {
        for (sent, accepted) in [
            ("gzip, deflate, br, zstd", true),
            ("br;q=1.0, gzip;q=0.5", true),
            ("GZIP", true),
            ("*", true),
            ("br", false),
            ("identity", false),
            ("gzip;q=0", false),
            ("gzip;q=0, *", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(sent));
            assert_eq!(accepts_gzip(&headers), accepted, "{sent}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[test]
    fn what_is_compressed_reads_back() {
        let plain = br#"{"items":[]}"#.repeat(500);
        let small = gzip(&plain).unwrap();
        assert!(small.len() * 20 < plain.len());
        let mut back = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&*small), &mut back).unwrap();
        assert_eq!(back, plain);
    }
}
