//! What every request of a listener passes ahead of the application: it is counted, the addresses of links are answered
//! by hand (the application's routes would cost a click as much as reading its query), and each answer gets the headers
//! that all have.

use super::problem::ApiError;
use super::tracking::{self, TrackingState};
use super::{State, client, plain};
use crate::connection::{Asked, Connections};
use crate::telemetry::{Endpoint, Endpoints};
use actix_http::{Request, Response};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header::{HeaderValue, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::Data;
use actix_web::{HttpResponse, ResponseError};
use std::rc::Rc;
use std::time::Instant;

pub(super) const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Of one listener.
#[derive(Clone)]
pub struct Front {
    /// Every open connection.
    pub connections: Connections,
    /// The counters of endpoints.
    pub endpoints: Endpoints,
    /// `None`: the listener has no tracking endpoints.
    pub tracking: Option<Data<TrackingState>>,
    /// Of a listener without TLS beside one with it: people are sent to that one.
    pub plain: Option<Data<State>>,
}

/// By whom a request is answered.
enum Served<C> {
    Already(HttpResponse),
    Link(Request, Data<TrackingState>),
    Application(C),
}

impl Front {
    /// Answers a request, or hands it to the application.
    pub fn serve<S, B>(
        self: &Rc<Self>,
        request: Request,
        application: &S,
    ) -> impl Future<Output = Result<Response<BoxBody>, HttpResponse>> + use<S, B>
    where
        S: Service<Request, Response = ServiceResponse<B>, Error = HttpResponse>,
        B: MessageBody + 'static,
    {
        let (front, began) = (self.clone(), Instant::now());
        let asked = Asked::from(&request);
        let (endpoint, is_tls) = (Endpoint::of(asked.head.uri.path()), self.is_tls(asked));
        let tally = self.connections.asked(asked);
        let served = match self.at_once(asked) {
            Some(answer) => Served::Already(answer),
            None => match &self.tracking {
                Some(state) if tracking::is_link(&request) => Served::Link(request, state.clone()),
                _ => Served::Application(application.call(request)),
            },
        };
        async move {
            let mut answer: Response<BoxBody> = match served {
                Served::Already(answer) => answer.into(),
                Served::Link(request, state) => tracking::link(&request, &state).await.into(),
                Served::Application(answer) => match answer.await {
                    Ok(answer) => answer.map_into_boxed_body().into(),
                    Err(error) => error.into(),
                },
            };
            safeguard(&mut answer, is_tls);
            front.connections.answered(&tally, answer.head_mut());
            front
                .endpoints
                .count(endpoint, answer.status().as_u16(), began.elapsed());
            Ok(answer)
        }
    }

    /// The answer to what needs no look at what is asked.
    fn at_once(&self, asked: Asked<'_>) -> Option<HttpResponse> {
        if asked.is_out_of_place() {
            return Some(ApiError::Crowded.error_response());
        }
        plain::person_elsewhere(asked, self.plain.as_ref()?)
    }

    /// Whether the caller came by TLS, to us or to a proxy that we trust.
    fn is_tls(&self, asked: Asked<'_>) -> bool {
        let by_proxy = |state: &Data<TrackingState>| {
            asked.head.headers().contains_key("x-forwarded-proto")
                && client::client(asked, &state.config.now().trusted_proxies).is_tls
        };
        asked.is_tls() || self.tracking.as_ref().is_some_and(by_proxy)
    }
}

/// Headers that every answer has, whoever made it: nothing is taken for another type than it says, and who came by TLS
/// once comes by TLS again.
fn safeguard(answer: &mut Response<BoxBody>, is_tls: bool) {
    let headers = answer.headers_mut();
    if !headers.contains_key(X_CONTENT_TYPE_OPTIONS) {
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }
    if is_tls && !headers.contains_key(STRICT_TRANSPORT_SECURITY) {
        headers.insert(STRICT_TRANSPORT_SECURITY, HSTS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::Method;

    #[test]
    fn links_are_told_by_their_beginning_and_by_how_they_are_asked() {
        for (method, path, expected) in [
            (Method::GET, "/c/mylink01", true),
            (Method::HEAD, "/c/mylink01/", true),
            (Method::GET, "/i/mylink01?param1=a", true),
            (Method::GET, "/c", true),
            (Method::GET, "/i/", true),
            (Method::GET, "/i/cbtest", true),
            (Method::POST, "/c/mylink01", false),
            (Method::OPTIONS, "/i/mylink01", false),
            // The test of callbacks stands where a token would.
            (Method::GET, "/c/cbtest?install_callback=x", false),
            (Method::GET, "/c/cbtest/", false),
            (Method::GET, "/cv", false),
            (Method::GET, "/cv.gif", false),
            (Method::GET, "/", false),
            // Written oddly: it is led to itself.
            (Method::GET, "//c/mylink01", false),
            (Method::GET, "/C/mylink01", false),
        ] {
            let mut request = Request::new();
            request.head_mut().method = method.clone();
            request.head_mut().uri = path.parse().unwrap();
            assert_eq!(tracking::is_link(&request), expected, "{method} {path}");
        }
    }
}
