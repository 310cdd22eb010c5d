//! What requests carry, parsed once at the edge: JSON bodies, queries and ids in paths. A wrong type or an
//! unknown field is refused with the path of the field.

use super::problem::ApiError;
use crate::admin::check;
use crate::admin::parse::{parse_json, wrong_field};
use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Bytes, BytesMut};
use actix_web::{FromRequest, HttpRequest};
use serde::de::DeserializeOwned;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::str::FromStr;
use std::time::Duration;

/// Largest JSON body of ordinary endpoints, bytes.
pub const JSON_LIMIT: usize = 1 << 20;
/// Largest upload (CSV, configuration), bytes.
pub const UPLOAD_LIMIT: usize = 16 << 20;
/// Largest body of somebody who has not signed in yet, bytes.
const STRANGER_LIMIT: usize = 16 << 10;

/// How much of a body is read, and for how long.
#[derive(Debug, Clone, Copy)]
struct Bound {
    bytes: usize,
    patience: Duration,
}

/// Of callers whose role was checked before the body is read.
const ORDINARY: Bound = Bound {
    bytes: JSON_LIMIT,
    patience: Duration::from_secs(30),
};
/// Of callers whose role was checked before; a file over a slow line takes minutes.
const OF_UPLOAD: Bound = Bound {
    bytes: UPLOAD_LIMIT,
    patience: Duration::from_secs(300),
};
/// Of anybody: a body that is half sent must not keep memory and a connection.
const OF_STRANGER: Bound = Bound {
    bytes: STRANGER_LIMIT,
    patience: Duration::from_secs(10),
};

/// A JSON body of at most [`JSON_LIMIT`] bytes.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let value = json(request, payload, ORDINARY);
        Box::pin(async move { Ok(Self(value.await?)) })
    }
}

/// A small JSON body of somebody who has not signed in yet, which has to come soon.
#[derive(Debug)]
pub struct StrangerJson<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for StrangerJson<T> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let value = json(request, payload, OF_STRANGER);
        Box::pin(async move { Ok(Self(value.await?)) })
    }
}

/// Reads a JSON body; one that is announced as something else is refused unread.
fn json<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: &mut Payload,
    bound: Bound,
) -> impl Future<Output = Result<T, ApiError>> + use<T> {
    let is_json = has_type(request, &["application/json"]);
    let body = read(request, payload, bound);
    async move {
        if !is_json {
            return Err(ApiError::MediaType);
        }
        Ok(parse_json(&body.await?)?)
    }
}

/// A raw body of at most [`UPLOAD_LIMIT`] bytes with its content type.
#[derive(Debug)]
pub struct Upload {
    /// The bytes.
    pub body: Bytes,
    /// Content type without parameters, lower case; empty when none was sent.
    pub content_type: String,
}

impl FromRequest for Upload {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let content_type = content_type(request);
        let body = read(request, payload, OF_UPLOAD);
        Box::pin(async move {
            Ok(Self {
                body: body.await?,
                content_type,
            })
        })
    }
}

/// The query of the URL.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(parse_query(request.query_string()).map(Query))
    }
}

/// The query of an address that takes none: what is asked of it in vain is refused, not ignored.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoQuery {}

/// Reads an id of a path; one of a wrong form is simply not there.
pub fn id<T: FromStr>(kind: &'static str, text: &str) -> Result<T, ApiError> {
    Ok(check::id(kind, text)?)
}

fn content_type(request: &HttpRequest) -> String {
    let value = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    value
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}

fn has_type(request: &HttpRequest, types: &[&str]) -> bool {
    types.contains(&content_type(request).as_str())
}

fn read(
    request: &HttpRequest,
    payload: &mut Payload,
    bound: Bound,
) -> impl Future<Output = Result<Bytes, ApiError>> + use<> {
    let announced = actix_web::HttpMessage::headers(request)
        .get(actix_web::http::header::CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    let mut payload = payload.take();
    let limit = bound.bytes;
    async move {
        if announced.is_some_and(|length| length > limit) {
            return Err(ApiError::TooLarge { limit });
        }
        let all = tokio::time::timeout(bound.patience, read_all(&mut payload, limit));
        all.await.unwrap_or(Err(ApiError::SlowBody))
    }
}

async fn read_all(payload: &mut Payload, limit: usize) -> Result<Bytes, ApiError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = next(payload).await {
        let chunk = chunk.map_err(|_| ApiError::BrokenBody)?;
        if body.len() + chunk.len() > limit {
            return Err(ApiError::TooLarge { limit });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

async fn next(payload: &mut Payload) -> Option<Result<Bytes, actix_web::error::PayloadError>> {
    std::future::poll_fn(|context| futures_core::Stream::poll_next(Pin::new(&mut *payload), context)).await
}

/// Parses a query; the error names the parameter that is wrong.
pub fn parse_query<T: DeserializeOwned>(query: &str) -> Result<T, ApiError> {
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(pairs)).map_err(|error| {
        let path = error.path().to_string();
        wrong_field(&path, &error.into_inner().to_string()).into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsed")]
    struct Filter {
        limit: Option<u16>,
    }

    fn parts(error: &ApiError) -> (&str, &str) {
        (error.row().1, error.field().unwrap_or_default())
    }

    #[test]
    fn wrong_queries_name_the_parameter() {
        assert!(parse_query::<Filter>("limit=5").is_ok());
        for (query, code, field) in [
            ("limit=x", "wrong_type", "limit"),
            ("limt=5", "unknown_field", "limt"),
            ("limit=-1", "wrong_type", "limit"),
        ] {
            let error = parse_query::<Filter>(query).unwrap_err();
            assert_eq!(parts(&error), (code, field), "{query}: {error}");
        }
    }
}
