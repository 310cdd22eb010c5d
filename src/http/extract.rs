//! What requests carry, parsed once at the edge: JSON bodies, queries and ids in paths. A wrong type or an
//! unknown field is refused with the path of the field.

use super::problem::ApiError;
use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Bytes, BytesMut};
use actix_web::{FromRequest, HttpRequest};
use serde::de::DeserializeOwned;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::str::FromStr;

/// Largest JSON body of ordinary endpoints, bytes.
pub const JSON_LIMIT: usize = 1 << 20;
/// Largest upload (CSV, configuration), bytes.
pub const UPLOAD_LIMIT: usize = 16 << 20;

/// A JSON body of at most [`JSON_LIMIT`] bytes.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_json = has_type(request, &["application/json"]);
        let body = read(request, payload, JSON_LIMIT);
        Box::pin(async move {
            if !is_json {
                return Err(ApiError::MediaType);
            }
            parse_json(&body.await?).map(Json)
        })
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
        let body = read(request, payload, UPLOAD_LIMIT);
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

/// Reads an id of a path; one of a wrong form is simply not there.
pub fn id<T: FromStr>(kind: &'static str, text: &str) -> Result<T, ApiError> {
    text.parse()
        .map_err(|_| ApiError::not_found(kind, text.chars().take(64).collect::<String>()))
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
    limit: usize,
) -> impl Future<Output = Result<Bytes, ApiError>> + use<> {
    let announced = actix_web::HttpMessage::headers(request)
        .get(actix_web::http::header::CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    let mut payload = payload.take();
    async move {
        if announced.is_some_and(|length| length > limit) {
            return Err(ApiError::TooLarge { limit });
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = next(&mut payload).await {
            let chunk = chunk.map_err(|_| ApiError::BrokenBody)?;
            if body.len() + chunk.len() > limit {
                return Err(ApiError::TooLarge { limit });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}

async fn next(payload: &mut Payload) -> Option<Result<Bytes, actix_web::error::PayloadError>> {
    std::future::poll_fn(|context| futures_core::Stream::poll_next(Pin::new(&mut *payload), context)).await
}

/// Parses JSON; the error names the path of the field that is wrong.
pub fn parse_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        if inner.is_syntax() || inner.is_eof() {
            return ApiError::invalid("", "invalid_json", format!("the body is not valid JSON: {inner}"));
        }
        wrong_field(&path, &inner.to_string())
    })?;
    deserializer.end().map_err(|error| {
        ApiError::invalid("", "invalid_json", format!("the body is not valid JSON: {error}"))
    })?;
    Ok(value)
}

/// Reads a value that was parsed before; the error names the path of the field that is wrong.
pub fn parse_value<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, ApiError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        wrong_field(&path, &error.into_inner().to_string())
    })
}

/// Parses a query; the error names the parameter that is wrong.
pub fn parse_query<T: DeserializeOwned>(query: &str) -> Result<T, ApiError> {
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(pairs)).map_err(|error| {
        let path = error.path().to_string();
        wrong_field(&path, &error.into_inner().to_string())
    })
}

/// Turns serde's message about a field into code, path and sentence.
fn wrong_field(path: &str, message: &str) -> ApiError {
    let named = |prefix: &str| {
        let rest = message.split_once(prefix)?.1;
        rest.split('`').next().map(str::to_owned)
    };
    let join = |name: &str| match path.rsplit_once('.') {
        _ if path == "." || path.is_empty() || path == name => name.to_owned(),
        Some((_, last)) if last == name => path.to_owned(),
        _ => format!("{path}.{name}"),
    };
    // serde_json adds the place, which says less than the path.
    let plain = message.split(" at line ").next().unwrap_or(message);
    if let Some(name) = named("unknown field `") {
        return ApiError::invalid(
            join(&name),
            "unknown_field",
            format!("{plain}: remove it or correct its name"),
        );
    }
    if let Some(name) = named("missing field `") {
        return ApiError::invalid(join(&name), "missing_field", format!("{plain}: add it"));
    }
    if let Some(name) = named("duplicate field `") {
        return ApiError::invalid(join(&name), "duplicate_field", format!("{plain}: send it once"));
    }
    let field = if path == "." { "" } else { path };
    ApiError::invalid(
        field,
        "wrong_type",
        format!("{}: {plain}", if field.is_empty() { "body" } else { field }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsed")]
    struct Inner {
        name: String,
        #[serde(default)]
        count: u8,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsed")]
    struct Outer {
        items: Vec<Inner>,
    }

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
    fn wrong_json_names_the_field() {
        for (body, code, field) in [
            (r#"{"items":[{"name":1}]}"#, "wrong_type", "items[0].name"),
            (
                r#"{"items":[{"name":"a","count":300}]}"#,
                "wrong_type",
                "items[0].count",
            ),
            (
                r#"{"items":[{"name":"a","cuont":1}]}"#,
                "unknown_field",
                "items[0].cuont",
            ),
            (r#"{"items":[{}]}"#, "missing_field", "items[0].name"),
            (r#"{"itmes":[]}"#, "unknown_field", "itmes"),
            (r"{}", "missing_field", "items"),
            (r#"{"items":["#, "invalid_json", ""),
            (r#"{"items":[]} x"#, "invalid_json", ""),
            ("[]", "wrong_type", ""),
        ] {
            let error = parse_json::<Outer>(body.as_bytes()).unwrap_err();
            assert_eq!(parts(&error), (code, field), "{body}: {error}");
        }
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
