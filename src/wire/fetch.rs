//! One exchange of which the whole answer is wanted, headers and body: the protocols of others that we are a client of.

use super::client::{Client, EVERYWHERE, Limits, send_to_first};
use super::exchange::Failure;
use crate::domain::postback::ErrorClass;
use ipnet::IpNet;
use isahc::http::{Request, Response};
use std::io::Read;
use std::time::Instant;

impl Client {
    /// Sends a request and reads the answer to its end.
    ///
    /// # Errors
    /// The class of the failure and a sentence. A body of more than `most` bytes is one, so is one that breaks off.
    pub fn fetch(
        &self,
        request: &Request<Vec<u8>>,
        limits: Limits,
        most: u64,
    ) -> Result<Response<Vec<u8>>, (ErrorClass, String)> {
        self.fetched(request, limits, most, &self.allowed())
            .map_err(|failure| (failure.class, failure.message))
    }

    /// The same from a server that the operator named in the settings of the machine, wherever it lies: loopback and
    /// private networks are called too, metadata services are not.
    ///
    /// # Errors
    /// As [`Client::fetch`].
    pub fn fetch_from_own(
        &self,
        request: &Request<Vec<u8>>,
        limits: Limits,
        most: u64,
    ) -> Result<Response<Vec<u8>>, (ErrorClass, String)> {
        self.fetched(request, limits, most, &EVERYWHERE)
            .map_err(|failure| (failure.class, failure.message))
    }

    fn fetched(
        &self,
        request: &Request<Vec<u8>>,
        limits: Limits,
        most: u64,
        allow: &[IpNet],
    ) -> Result<Response<Vec<u8>>, Failure> {
        let deadline = Instant::now() + limits.total;
        let url = url::Url::parse(&request.uri().to_string()).map_err(|error| {
            Failure::new(ErrorClass::Internal, format!("the URL cannot be parsed: {error}"))
        })?;
        let addresses = self.vetted(&url, deadline, allow)?;
        let (response, _) = send_to_first(&addresses, limits, deadline, |address, limits| {
            let mut again = Request::builder()
                .method(request.method().clone())
                .uri(request.uri().clone());
            for (name, value) in request.headers() {
                again = again.header(name, value);
            }
            // A body of no bytes is not none: libcurl would then wait for the body of an answer to HEAD.
            let body = match &request.body()[..] {
                [] => isahc::Body::empty(),
                bytes => isahc::Body::from(bytes.to_vec()),
            };
            self.dial(address, again, body, limits)
        })?;
        let (head, body) = response.into_parts();
        let mut whole = Vec::new();
        body.take(most + 1)
            .read_to_end(&mut whole)
            .map_err(|error| Failure::new(ErrorClass::Reset, format!("the answer broke off: {error}")))?;
        if whole.len() as u64 > most {
            let message = format!("the answer has more than {most} bytes");
            return Err(Failure::new(ErrorClass::Malformed, message));
        }
        Ok(Response::from_parts(head, whole))
    }
}
