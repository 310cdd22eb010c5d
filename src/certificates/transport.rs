//! Requests of the ACME client over our own way out.

use crate::wire::{self, Limits, http};
use http_body::Body;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use parking_lot::Mutex;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// Limits of one request. Authorities are slow at times.
const LIMITS: Limits = Limits {
    connect: Duration::from_secs(10),
    total: Duration::from_secs(30),
};
/// Most bytes of an answer: a chain of certificates.
const MOST_BYTES: u64 = 256 * 1024;

/// See the module; clones share it.
#[derive(Clone)]
pub(super) struct Transport {
    wire: Arc<wire::Client>,
    /// The `Retry-After` of the last answer that refused something.
    wished: Arc<Mutex<Option<Duration>>>,
}

impl Transport {
    pub(super) fn new(wire: Arc<wire::Client>) -> Self {
        Self {
            wire,
            wished: Arc::default(),
        }
    }

    /// How long the authority wished to be left alone when it last refused something; forgotten by asking.
    pub(super) fn take_wish(&self) -> Option<Duration> {
        self.wished.lock().take()
    }
}

/// The answer, or what went wrong.
type Answered = Result<BytesResponse, Error>;

impl HttpClient for Transport {
    fn request(
        &self,
        request: http::Request<BodyWrapper<bytes::Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Answered> + Send>> {
        let this = self.clone();
        Box::pin(async move {
            let (head, mut body) = request.into_parts();
            let mut whole = Vec::new();
            while let Some(Ok(frame)) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
                whole.extend(frame.into_data().unwrap_or_default());
            }
            let request = http::Request::from_parts(head, whole);
            let asked = tokio::task::spawn_blocking(move || this.fetch(&request)).await;
            asked.map_err(|error| Error::Other(error.into()))?
        })
    }
}

impl Transport {
    fn fetch(&self, request: &http::Request<Vec<u8>>) -> Answered {
        let place = request.uri().to_string();
        let answer = self
            .wire
            .fetch(request, LIMITS, MOST_BYTES)
            .map_err(|(_, message)| Error::Other(format!("{place}: {message}").into()))?;
        let (parts, body) = answer.into_parts();
        if parts.status.is_client_error() || parts.status.is_server_error() {
            *self.wished.lock() = wish(&parts.headers);
        }
        // A proxy or an overloaded authority answers with a page: no JSON, and no sentence for people.
        let is_page = parts
            .headers
            .get(http::header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        if is_page && !parts.status.is_success() {
            return Err(Error::Other(format!("{place} answered {}", parts.status).into()));
        }
        Ok(BytesResponse {
            parts,
            body: Box::new(bytes::Bytes::from(body)),
        })
    }
}

/// `Retry-After` in seconds or as a date.
fn wish(headers: &http::HeaderMap) -> Option<Duration> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(
        date.duration_since(std::time::SystemTime::now())
            .unwrap_or_default(),
    )
}
